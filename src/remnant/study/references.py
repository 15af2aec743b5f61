"""Facts that speak of patients, samples or runs that no file describes, and files that nothing replaces.

Files arrive in any order, so this is no reason to refuse one: it is said when the study is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from remnant.records.clonotype import Repertoire
from remnant.records.finding import Finding
from remnant.records.igtr import IgTrWell
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Fraction, Sample
from remnant.study.facts import ImportedFile, facts, facts_frame, imported_files
from remnant.study.handle import Study

__all__ = ["left_superseded", "reference_findings", "superseded_by_nothing"]

_NOT_PATIENTS: Final = frozenset({"donor", "control"})


def reference_findings(study: Study) -> tuple[Finding, ...]:
    """Everything in a study that points to nothing.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of Finding
        One a missing patient, sample or run, with how often it is named; one a file whose successor was
        retracted.
    """
    patients = {patient.patient_id for patient in facts(study, Patient)}
    samples = {sample.sample_id: sample for sample in facts(study, Sample)}
    cdnas = facts(study, Cdna)
    runs = {run.run_id for run in facts(study, Run)}
    wells = facts_frame(study, Well)
    rearranged = facts_frame(study, IgTrWell).select("run_id", "position").unique()
    others = wells.join(rearranged, on=["run_id", "position"], how="anti", maintain_order="left")
    unknown = others.filter(others["kind"] == "unknown")["sample"].to_list()
    followed = (sample.patient_id for sample in samples.values() if sample.reason not in _NOT_PATIENTS)
    of_samples = [
        ("cDNA", (cdna.sample_id for cdna in cdnas)),
        ("fraction", (fraction.sample_id for fraction in facts(study, Fraction))),
        (
            "reported value",
            (value.sample_id for value in facts(study, ReportedValue) if value.drawn_on is None),
        ),
        ("IG/TR well", (one.sample_id for one in facts(study, IgTrWell) if one.sample_id is not None)),
        ("repertoire", (one.sample_id for one in facts(study, Repertoire) if one.sample_id is not None)),
    ]
    return (
        *_missing("patient", patients, "event", (event.patient_id for event in facts(study, Event))),
        *_missing("patient", patients, "therapy", (item.patient_id for item in facts(study, Therapy))),
        *_missing("patient", patients, "variant", (item.patient_id for item in facts(study, Variant))),
        *_missing("patient", patients, "sample", followed),
        *(found for what, named in of_samples for found in _missing("sample", set(samples), what, named)),
        *_missing("sample", {*samples, *(cdna.cdna_id for cdna in cdnas)}, "well", unknown),
        *_missing("run", runs, "well", wells["run_id"].to_list()),
        *map(superseded_by_nothing, left_superseded(study)),
    )


def left_superseded(study: Study) -> tuple[ImportedFile, ...]:
    """Files that do not count although the file that took their place was retracted.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of ImportedFile
        Oldest import first; a file that was imported again is not among them.
    """
    files = imported_files(study)
    counting = {file.sha256 for file in files if file.state == "active"}
    retracted = {file.sha256 for file in files if file.state == "retracted"} - counting
    return tuple(
        file
        for file in files
        if file.state == "superseded" and file.superseded_by in retracted and file.sha256 not in counting
    )


def superseded_by_nothing(file: ImportedFile) -> Finding:
    """Say that a file does not count, and how to restore it.

    Parameters
    ----------
    file : ImportedFile
        One of `left_superseded`.

    Returns
    -------
    Finding
        A note.
    """
    return Finding(
        code="study.left_superseded",
        severity="note",
        subject=f"file {file.name}",
        message="Its facts do not count: the file that took its place was retracted, and nothing took it up.",
        advice=f"If it is right, import it again; its original is originals/{file.sha256[:12]}….",
    )


def _missing(what: str, known: set[str], by: str, named: Iterable[str]) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for name in named:
        if name not in known:
            counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        yield Finding(
            code=f"study.unknown_{what}",
            severity="warning",
            subject=f"{what} {name}",
            message=f"Named by {count} {by} record{'s' if count > 1 else ''}, but no file describes it.",
            advice=f"Import the table of {what}s that holds it.",
        )
