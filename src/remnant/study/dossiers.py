"""Everything that a study knows of each patient, brought together for the later stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from remnant.records.clonotype import CloneTrack
from remnant.records.deciding import call_subject
from remnant.records.disagreement import Disagreement
from remnant.records.dossier import Dossier
from remnant.records.finding import Finding, material_subject
from remnant.records.fish import Discordance, SortedSample
from remnant.records.judgement import Call, Course, Forecast
from remnant.records.measurement import Baseline, Measurement
from remnant.records.partition import Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Cdna, Fraction, Sample
from remnant.study.decisions import decisions
from remnant.study.derived import derived_records
from remnant.study.facts import facts, facts_frame, source_files
from remnant.study.findings import all_findings
from remnant.study.handle import Study

__all__ = ["dossiers"]

R = TypeVar("R")


def dossiers(study: Study, *, patient_ids: Collection[str] | None = None) -> tuple[Dossier, ...]:
    """One dossier a patient.

    Parameters
    ----------
    study : Study
        The study; results are those of its last run.
    patient_ids : collection of str or None, default None
        Patients wanted; None for all.

    Returns
    -------
    tuple of Dossier
        In the order in which patients were imported; facts by date.
    """
    patients = [p for p in facts(study, Patient) if patient_ids is None or p.patient_id in patient_ids]
    events = _by(
        facts(study, Event), lambda event: event.patient_id, order=lambda event: (event.on, event.kind)
    )
    therapies = _by(
        facts(study, Therapy), lambda item: item.patient_id, order=lambda item: (item.start_on, item.kind)
    )
    variants = _by(facts(study, Variant), lambda one: one.patient_id)
    samples = _by(
        facts(study, Sample),
        lambda sample: sample.patient_id,
        order=lambda item: (item.drawn_on, item.sample_id),
    )
    measurements = _by(
        derived_records(study, Measurement), lambda item: item.patient_id, order=lambda item: item.drawn_on
    )
    calls = _by(derived_records(study, Call), lambda call: call.patient_id)
    courses = {course.patient_id: course for course in derived_records(study, Course)}
    forecasts = {forecast.patient_id: forecast for forecast in derived_records(study, Forecast)}
    discordant = _by(
        derived_records(study, Discordance), lambda one: one.patient_id, order=lambda one: one.drawn_on
    )
    judged = _by(
        derived_records(study, SortedSample), lambda item: item.patient_id, order=lambda item: item.drawn_on
    )
    tracks = _by(derived_records(study, CloneTrack), lambda one: one.patient_id)
    disagreeing = _by(
        derived_records(study, Disagreement), lambda one: one.patient_id, order=lambda one: one.drawn_on
    )
    shared = _Shared(study)
    return tuple(
        Dossier(
            patient=patient,
            events=events[patient.patient_id],
            therapies=therapies[patient.patient_id],
            variants=variants[patient.patient_id],
            samples=samples[patient.patient_id],
            measurements=measurements[patient.patient_id],
            calls=calls[patient.patient_id],
            course=courses.get(patient.patient_id),
            forecast=forecasts.get(patient.patient_id),
            sorted_samples=judged[patient.patient_id],
            discordances=discordant[patient.patient_id],
            disagreements=disagreeing[patient.patient_id],
            clone_tracks=tracks[patient.patient_id],
            **shared.of(
                patient.patient_id,
                samples[patient.patient_id],
                measurements[patient.patient_id],
                calls[patient.patient_id],
            ),
        )
        for patient in patients
    )


class _Shared:
    """Facts that patients share, indexed once: runs, files, assays, baselines, findings, decisions."""

    def __init__(self, study: Study) -> None:
        self._runs = {run.run_id: run for run in facts(study, Run)}
        self._sources = {source.sha256: source for source in source_files(study)}
        self._assays = {assay.assay_id: assay for assay in derived_records(study, Assay)}
        self._baselines = derived_records(study, Baseline)
        self._fractions = _by(facts(study, Fraction), lambda fraction: fraction.sample_id)
        self._cdnas = _by(facts(study, Cdna), lambda cdna: cdna.sample_id)
        findings = all_findings(study)
        wells = _well_contents(study) if any(f.subject.startswith("well ") for f in findings) else {}
        self._findings = _by(findings, lambda finding: wells.get(finding.subject, finding.subject))
        self._decisions = _by(decisions(study), lambda decision: wells.get(decision.on, decision.on))

    def of(
        self,
        patient_id: str,
        samples: tuple[Sample, ...],
        measurements: tuple[Measurement, ...],
        calls: tuple[Call, ...],
    ) -> dict[str, Any]:
        names = {sample.sample_id for sample in samples}
        run_ids = dict.fromkeys(item.run_id for item in measurements)
        runs = tuple(self._runs[run_id] for run_id in run_ids if run_id in self._runs)
        hashes = dict.fromkeys(run.source_sha256 for run in runs)
        sources = tuple(self._sources[key] for key in hashes if key in self._sources)
        sorts = [item.fraction_id for sample in samples for item in self._fractions[sample.sample_id]]
        tubes = {cdna.cdna_id for name in names for cdna in self._cdnas[name]}
        subjects = [
            f"patient {patient_id}",
            *(f"sample {name}" for name in sorted(names)),
            *(f"cDNA {name}" for name in sorted(tubes)),
            *(f"fraction {name}" for name in sorts),
            *(f"run {run.run_id}" for run in runs),
            *(f"file {source.name}" for source in sources),
            *dict.fromkeys(call_subject(call) for call in calls),
        ]
        assays = dict.fromkeys(item.assay_id for item in measurements)
        return {
            "runs": runs,
            "sources": sources,
            "fractions": tuple(item for sample in samples for item in self._fractions[sample.sample_id]),
            "assays": tuple(self._assays[key] for key in assays if key in self._assays),
            "baselines": tuple(
                item
                for item in self._baselines
                if item.assay_id in assays and (item.source == "donors" or names.intersection(item.samples))
            ),
            "findings": (
                *(item for subject in subjects for item in self._findings[subject]),
                *self._of_targets(dict.fromkeys(item.target for item in measurements)),
            ),
            "decisions": tuple(item for subject in subjects for item in self._decisions[subject]),
        }

    def _of_targets(self, targets: Iterable[str]) -> Iterator[Finding]:
        """What lowers the trust in every measurement of a target: a line lent by other assays, a weak standard."""
        for target in targets:
            yield from (one for one in self._findings[f"target {target}"] if one.severity == "warning")


def _well_contents(study: Study) -> dict[str, str]:
    """Subject of a finding on a well, to the subject of the sample or cDNA in it."""
    sample_of = {cdna.cdna_id: cdna.sample_id for cdna in facts(study, Cdna)}
    named = [
        facts_frame(study, record).select("run_id", "position", "sample")
        for record in (Well, Partitions, PlateWell)  # a layout speaks last
    ]
    return {
        f"well {run_id}:{position}": material_subject(name, sample_of.get(name))
        for wells in named
        for run_id, position, name in wells.iter_rows()
    }


def _by(
    items: Iterable[R], key: Callable[[R], str], *, order: Callable[[R], Any] | None = None
) -> Mapping[str, tuple[R, ...]]:
    groups: dict[str, list[R]] = defaultdict(list)
    for item in items if order is None else sorted(items, key=order):
        groups[key(item)].append(item)
    found: dict[str, tuple[R, ...]] = defaultdict(tuple)
    found.update({name: tuple(members) for name, members in groups.items()})
    return found
