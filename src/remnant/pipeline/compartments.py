"""From score sheets and sort reports to verdicts, classes and origins, sample by sample."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

from remnant.acquire import read_path
from remnant.assay.fish.estimates import FishFacts, quantify_fish
from remnant.call.compartments import call_compartments
from remnant.call.compartments_cd19 import cd19_status
from remnant.call.compartments_lineage import classify_lineage
from remnant.errors import InputError
from remnant.forecast.origin import origin
from remnant.pipeline.flow_study import flow_facts_of_files, flow_records, purities_of
from remnant.pipeline.imports import files_under
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding
from remnant.records.fish import (
    AntigenCount,
    FishCount,
    FishEstimate,
    FractionMarker,
    SortedSample,
    SortPurity,
)
from remnant.records.patient import Patient
from remnant.records.sample import Fraction, Sample
from remnant.study.derived import derived_records
from remnant.study.facts import facts
from remnant.study.handle import Study

__all__ = ["CompartmentFacts", "facts_of_files", "facts_of_study", "judge_compartments"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentFacts:
    """What the judgement of sorted fractions rests on.

    Attributes
    ----------
    fish : FishFacts
        Counts, fractions, sort reports, samples, patients.
    markers : tuple of FractionMarker
        IG/TR of fractions.
    antigens : tuple of AntigenCount
        Intensity classes.
    findings : tuple of Finding
        What was noticed while they were put together.
    """

    fish: FishFacts
    markers: tuple[FractionMarker, ...] = ()
    antigens: tuple[AntigenCount, ...] = ()
    findings: tuple[Finding, ...] = ()


def facts_of_study(study: Study) -> CompartmentFacts:
    """Facts of a study.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    CompartmentFacts
        Of its active files, and the re-analysed fractions among its cytometry files.
    """
    purities, noted = purities_of(facts(study, SortPurity), derived_records(study, SortPurity))
    return CompartmentFacts(
        fish=FishFacts(
            counts=facts(study, FishCount),
            fractions=facts(study, Fraction),
            purities=purities,
            samples=facts(study, Sample),
            patients=facts(study, Patient),
        ),
        markers=facts(study, FractionMarker),
        antigens=facts(study, AntigenCount),
        findings=noted,
    )


def facts_of_files(paths: Iterable[Path | str]) -> CompartmentFacts:
    """Facts of files and folders, without a study.

    Parameters
    ----------
    paths : iterable of path-like
        Score sheets, sort reports, tables of fractions, samples and patients.

    Returns
    -------
    CompartmentFacts
        Of all files together.
    """
    named = [(path, read_path(path)) for path in files_under(paths)]
    read: list[Acquired] = [got for _, got in named]
    tubes = flow_facts_of_files(named)
    sorts = [key for key, use in tubes.tubes.items() if use.fraction_id is not None]
    made = [one for _, records in flow_records(tubes, sorts) for one in records]
    purities, noted = purities_of(
        [one for got in read for one in got.sort_purities],
        [one for one in made if isinstance(one, SortPurity)],
    )
    return CompartmentFacts(
        fish=FishFacts(
            counts=tuple(one for got in read for one in got.fish_counts),
            fractions=tuple(one for got in read for one in got.fractions),
            purities=purities,
            samples=tuple(one for got in read for one in got.samples),
            patients=tuple(one for got in read for one in got.patients),
        ),
        markers=tuple(one for got in read for one in got.fraction_markers),
        antigens=tuple(one for got in read for one in got.antigen_counts),
        findings=(*noted, *(one for one in made if isinstance(one, Finding))),
    )


def judge_compartments(known: CompartmentFacts) -> tuple[SortedSample, ...]:
    """Verdicts, class and origin of every sample with scored fractions.

    Parameters
    ----------
    known : CompartmentFacts
        What the laboratory recorded.

    Returns
    -------
    tuple of SortedSample
        By patient and date; the first probe of a sample is the one that is judged.

    Raises
    ------
    InputError
        If no fraction could be estimated.
    """
    made = quantify_fish(known.fish)
    if not made.estimates:
        raise InputError(
            where="sorted fractions",
            found=f"{len(known.fish.counts)} counts of nuclei, none that can be judged",
            needed="score sheets with a table of their fractions",
            advice="Import fractions and sort reports with the score sheets.",
            problems=[f"{one.subject}: {one.message}" for one in made.findings if one.severity == "failure"],
        )
    samples = {sample.sample_id: sample for sample in known.fish.samples}
    groups: dict[str, list[FishEstimate]] = {}
    for estimate in made.estimates:
        mine = groups.setdefault(estimate.sample_id, [])
        if not mine or mine[0].probe == estimate.probe:
            mine.append(estimate)
    noticed = (*known.findings, *made.findings)
    judged = [_judge(known, samples.get(name), members, noticed) for name, members in groups.items()]
    agreements = {one.fraction_id: one for one in made.agreements}
    full = [
        dataclasses.replace(
            one,
            agreements=tuple(agreements[e.fraction_id] for e in one.estimates if e.fraction_id in agreements),
        )
        for one in judged
    ]
    return tuple(sorted(full, key=lambda one: (one.patient_id, one.drawn_on)))


def _judge(
    known: CompartmentFacts,
    sample: Sample | None,
    estimates: Sequence[FishEstimate],
    noticed: Sequence[Finding],
) -> SortedSample:
    sample_id = estimates[0].sample_id
    patient_id = sample.patient_id if sample is not None else sample_id
    fractions = [one for one in known.fish.fractions if one.sample_id == sample_id]
    calls, found = call_compartments(estimates)
    lineage, more = classify_lineage(calls, fractions, patient_id=patient_id, estimates=estimates)
    antigens = [one for one in known.antigens if one.sample_id == sample_id]
    subjects = {f"sample {sample_id}", *(f"fraction {one.fraction_id}" for one in fractions)}
    return SortedSample(
        patient_id=patient_id,
        sample_id=sample_id,
        drawn_on=sample.drawn_on if sample is not None else dt.date.min,
        estimates=tuple(estimates),
        agreements=(),
        calls=calls,
        lineage=lineage,
        origin=origin(estimates, patient_id=patient_id, markers=known.markers),
        cd19=cd19_status(antigens, patient_id=patient_id, calls=calls, markers=known.markers),
        findings=(*(one for one in noticed if one.subject in subjects), *found, *more),
    )
