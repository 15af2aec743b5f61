"""The stages joined in memory: facts in, dossiers with calls and courses out. No storage.

`remnant.pipeline.run` does the same for a study on disk and recomputes only what is out of date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remnant.assay.dpcr import quantify_partitions
from remnant.assay.igtr.instrument import with_instrument_cqs
from remnant.assay.igtr.measure import igtr_rows, measure_igtr
from remnant.assay.qpcr.quantify import quantify
from remnant.assay.reported import measure_reported
from remnant.call.calls import calls
from remnant.call.donors import donor_baselines
from remnant.call.igtr import igtr_calls
from remnant.call.mrd_calls import Around, mrd_calls, run_factors
from remnant.course.build import build_courses
from remnant.course.kinetics import with_kinetics
from remnant.knowledge.assays import default_assays
from remnant.knowledge.conversion import ConversionFactor
from remnant.knowledge.cutoffs import Cutoff, active_cutoffs
from remnant.knowledge.dpcr import dpcr_assays
from remnant.knowledge.igtr import RULE_SET
from remnant.knowledge.rules import RuleBook
from remnant.knowledge.rules_files import rule_book
from remnant.records.caution import SampleDilution
from remnant.records.dossier import Dossier
from remnant.records.igtr import IgTrPlate, IgTrWell
from remnant.records.judgement import Call
from remnant.records.measurement import Baseline, Measurement, ReportedValue, WellUse
from remnant.records.partition import Amplitudes, Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Fraction, Sample

__all__ = ["Facts", "MrdContext", "compute", "dossiers_of", "grouped", "with_calls", "without_igtr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a laboratory knows of its patients.

    Attributes
    ----------
    patients, events, therapies, variants, samples, cdnas, fractions, runs, wells, reported : tuple of records
        Facts of any number of files; samples of donors among them.
    igtr_wells : tuple of IgTrWell
        Wells of IG/TR assays.
    igtr_measured : tuple of Well
        Wells of instruments in places of IG/TR wells without Cq; `without_igtr` sets them apart.
    partitions, plate_wells, amplitudes : tuple of records
        Digital PCR: wells, what they hold, and fluorescence where it was not counted by the instrument.
    """

    patients: tuple[Patient, ...] = ()
    events: tuple[Event, ...] = ()
    therapies: tuple[Therapy, ...] = ()
    variants: tuple[Variant, ...] = ()
    samples: tuple[Sample, ...] = ()
    cdnas: tuple[Cdna, ...] = ()
    fractions: tuple[Fraction, ...] = ()
    runs: tuple[Run, ...] = ()
    wells: tuple[Well, ...] = ()
    reported: tuple[ReportedValue, ...] = ()
    igtr_wells: tuple[IgTrWell, ...] = ()
    igtr_measured: tuple[Well, ...] = ()
    partitions: tuple[Partitions, ...] = ()
    plate_wells: tuple[PlateWell, ...] = ()
    amplitudes: tuple[Amplitudes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdContext:
    """What verdicts on leukaemia-specific markers take from the study as a whole.

    Attributes
    ----------
    book : RuleBook
        Rule sets.
    factors : tuple of ConversionFactor
        The laboratory's factors to the International Scale.
    runs, well_uses : sequence of records
        Dates of runs, and wells for scores that sum replicates.
    plates : sequence of IgTrPlate
        What IG/TR samples were read against, for both interpretation profiles.
    """

    book: RuleBook
    factors: tuple[ConversionFactor, ...] = ()
    runs: Sequence[Run] = ()
    well_uses: Sequence[WellUse] = ()
    plates: Sequence[IgTrPlate] = ()

    def factors_of(self, measurements: Iterable[Measurement]) -> dict[str, float]:
        """Conversion factor of each measurement that has one.

        Parameters
        ----------
        measurements : iterable of Measurement
            Measurements.

        Returns
        -------
        dict of str to float
            By measurement.
        """
        return run_factors(measurements, runs=self.runs, factors=self.factors)


def without_igtr(known: Facts) -> Facts:
    """Facts whose wells of IG/TR plates stand apart from those that other assays read.

    Parameters
    ----------
    known : Facts
        Facts of the study.

    Returns
    -------
    Facts
        ``igtr_measured`` has the instruments' wells in places that a table of IG/TR wells leaves without Cq; ``wells``
        is without those whose target is the rearrangement of the table.
    """
    planned = {(one.run_id, one.position) for one in known.igtr_wells if one.detected is None}
    measured = tuple(one for one in known.wells if (one.run_id, one.position) in planned)
    taken = with_instrument_cqs(known.igtr_wells, measured).taken
    return replace(
        known,
        igtr_measured=measured,
        wells=tuple(one for one in known.wells if (one.run_id, one.position, one.target) not in taken),
    )


def compute(
    facts: Facts,
    *,
    rules: Sequence[Cutoff] | None = None,
    book: RuleBook | None = None,
    factors: Sequence[ConversionFactor] = (),
) -> tuple[Dossier, ...]:
    """Everything from wells to courses.

    Parameters
    ----------
    facts : Facts
        What the laboratory knows.
    rules : sequence of Cutoff or None, default None
        Active cut-off rows; those that ship as active by default.
    book : RuleBook or None, default None
        Rule sets of leukaemia-specific markers; those that ship by default.
    factors : sequence of ConversionFactor, default ()
        The laboratory's factors to the International Scale.

    Returns
    -------
    tuple of Dossier
        One a patient, with measurements, baselines, calls and course.

    Examples
    --------
    >>> compute(Facts(patients=(Patient(patient_id="P001", diagnosis="AML"),)))[0].course.headline
    'No serial marker was measured. No overt relapse.'
    """
    facts = without_igtr(facts)
    got = quantify(wells=facts.wells, runs=facts.runs, cdnas=facts.cdnas, samples=facts.samples)
    typed_in = measure_reported(facts.reported, samples=facts.samples, variance=got.variance)
    chosen = book or rule_book()
    rearranged = measure_igtr(
        facts.igtr_wells,
        samples=facts.samples,
        measured=facts.igtr_measured,
        rows=igtr_rows(chosen),
        variance=got.variance,
    )
    digital = quantify_partitions(
        facts.partitions,
        amplitudes=facts.amplitudes,
        layout=facts.plate_wells,
        runs=facts.runs,
        cdnas=facts.cdnas,
        samples=facts.samples,
        variance=got.variance,
    )
    measured = [*got.measurements, *digital.measurements, *typed_in.measurements, *rearranged.measurements]
    baselines, _ = donor_baselines(measured, facts.samples)
    context = MrdContext(
        book=chosen,
        factors=tuple(factors),
        runs=facts.runs,
        well_uses=got.well_uses,
        plates=rearranged.plates,
    )
    known = with_calls(
        list(dossiers_of(facts, measured, baselines)),
        baselines,
        tuple(active_cutoffs() if rules is None else rules),
        context=context,
    )
    courses = with_kinetics(
        known, build_courses(known, book=context.book, factors=context.factors_of(measured))
    )
    return tuple(replace(one, course=course) for one, course in zip(known, courses, strict=True))


def grouped(items: Iterable[Any], field: str) -> Mapping[str, list[Any]]:
    """Records by the value of one field.

    Parameters
    ----------
    items : iterable of records
        Records.
    field : str
        Name of the field.

    Returns
    -------
    mapping of str to list of records
        In the order given; a value that no record has gives an empty list.
    """
    groups: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        groups[getattr(item, field)].append(item)
    return groups


def dossiers_of(
    facts: Facts,
    measured: Iterable[Measurement],
    baselines: tuple[Baseline, ...],
    *,
    dilutions: Sequence[SampleDilution] = (),
) -> Iterable[Dossier]:
    """Facts and measurements of each patient, by date.

    Parameters
    ----------
    facts : Facts
        What the laboratory knows.
    measured : iterable of Measurement
        Measurements of all patients.
    baselines : tuple of Baseline
        Donors' backgrounds.
    dilutions : sequence of SampleDilution, default ()
        Marrow that cytometry shows to be diluted.

    Returns
    -------
    iterable of Dossier
        In the order of the patients, without calls and course.
    """
    events, therapies = grouped(facts.events, "patient_id"), grouped(facts.therapies, "patient_id")
    samples, measurements = grouped(facts.samples, "patient_id"), grouped(measured, "patient_id")
    fractions, variants = grouped(facts.fractions, "sample_id"), grouped(facts.variants, "patient_id")
    diluted = grouped(dilutions, "sample_id")
    assays = (*default_assays(), *dpcr_assays())
    for patient in facts.patients:
        code = patient.patient_id
        own = sorted(samples[code], key=lambda sample: (sample.drawn_on, sample.sample_id))
        yield Dossier(
            patient=patient,
            events=tuple(sorted(events[code], key=lambda event: (event.on, event.kind))),
            therapies=tuple(sorted(therapies[code], key=lambda item: (item.start_on, item.kind))),
            variants=tuple(sorted(variants[code], key=lambda one: (one.target, one.variant))),
            samples=tuple(own),
            fractions=tuple(fraction for sample in own for fraction in fractions[sample.sample_id]),
            assays=assays,
            measurements=tuple(
                sorted(measurements[code], key=lambda one: (one.drawn_on, one.measurement_id))
            ),
            baselines=baselines,
            dilutions=tuple(one for sample in own for one in diluted[sample.sample_id]),
        )


def with_calls(
    dossiers: Sequence[Dossier],
    baselines: tuple[Baseline, ...],
    rules: tuple[Cutoff, ...],
    *,
    context: MrdContext | None = None,
) -> list[Dossier]:
    """Dossiers with the calls of their measurements: every question to the evidence in one batch.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients.
    baselines : tuple of Baseline
        Donors' backgrounds.
    rules : tuple of Cutoff
        Active cut-off rows.
    context : MrdContext or None, default None
        Rule sets and factors of leukaemia-specific markers; the sets that ship by default.

    Returns
    -------
    list of Dossier
        The same with their calls: cut-offs of background markers, then rule sets.
    """
    chosen = context or MrdContext(book=rule_book())
    measured = [one for dossier in dossiers for one in dossier.measurements]
    samples = [one for dossier in dossiers for one in dossier.samples]
    events = [one for dossier in dossiers for one in dossier.events]
    found: list[Call] = [
        *calls(measured, samples=samples, events=events, baselines=baselines, cutoffs=rules),
        *mrd_calls(
            measured,
            around=Around(
                patients=[dossier.patient for dossier in dossiers],
                samples=samples,
                events=events,
                therapies=[one for dossier in dossiers for one in dossier.therapies],
                runs=chosen.runs,
                well_uses=chosen.well_uses,
                factors=chosen.factors,
            ),
            book=chosen.book,
        ),
        *igtr_calls(
            chosen.plates,
            measured,
            rows=igtr_rows(chosen.book),
            version=chosen.book.named(RULE_SET).version if chosen.plates else "",
        ),
    ]
    made: Mapping[str, list[Call]] = grouped(found, "patient_id")
    return [replace(dossier, calls=tuple(made[dossier.patient.patient_id])) for dossier in dossiers]
