"""Commands that show what the last run of a study concluded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from remnant.cli.answer import Answer, command, messages
from remnant.cli.noticed import finding_table, judged
from remnant.cli.options import Patients, Strict, StudyFolder
from remnant.cli.printed import listed
from remnant.course.pooled import JOIN, pooled
from remnant.course.sampling import sampling_plan
from remnant.course.standing import state_text
from remnant.errors import NotFoundError
from remnant.pipeline.reports import last_day
from remnant.pipeline.worklists import study_worklist
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, SeriesPoint, WorklistRow
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint
from remnant.report.numbers import measured, probability, signed
from remnant.study.derived import derived_records, is_computed
from remnant.study.dossiers import all_findings, dossiers
from remnant.study.folder import open_study
from remnant.study.handle import Study

__all__ = [
    "call",
    "computed",
    "course",
    "findings",
    "named_dossiers",
    "worklist",
    "worklist_lines",
]

_URGENCY = ("", "look", "act")


def computed(folder: Path) -> Study:
    """Open a study whose results are wanted.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the study.

    Returns
    -------
    Study
        The study; if its results are out of date, standard error says so.

    Raises
    ------
    NotFoundError
        If nothing was computed yet.
    """
    study = open_study(folder)
    if not is_computed(study):
        if not derived_records(study, Course):
            raise NotFoundError(
                where=f"study {study.settings.name}",
                found="no results",
                needed="a run",
                advice=f"Compute them with `remnant run {folder}`.",
            )
        messages().print(f"These results are out of date; `remnant run {folder}` renews them.")
    return study


def named_dossiers(study: Study, patients: Collection[str] | None) -> tuple[Dossier, ...]:
    """Dossiers of the patients that were named.

    Parameters
    ----------
    study : Study
        The study.
    patients : collection of str or None
        Codes; empty or None for all.

    Returns
    -------
    tuple of Dossier
        One a patient.

    Raises
    ------
    NotFoundError
        If a code is unknown; all such codes are named.
    """
    found = dossiers(study, patient_ids=set(patients) if patients else None)
    unknown = sorted(set(patients or ()) - {dossier.patient.patient_id for dossier in found})
    if unknown:
        raise NotFoundError(
            where="--patient",
            found=", ".join(unknown),
            needed="codes of patients of the study",
            advice="`remnant worklist` and `remnant cohort table` list them.",
        )
    return found


@command
def worklist(
    study: StudyFolder,
    *,
    on: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="Day it is made for.",
            show_default="the last day known",
        ),
    ] = None,
) -> Answer:
    """List the patients and runs to look at, most urgent first.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    on : datetime.datetime or None, default None
        Day it is made for; None for the last day that the study knows of.

    Returns
    -------
    Answer
        One entry a patient or run that needs something.
    """
    opened = computed(study)
    held = dossiers(opened)
    rows = study_worklist(opened, held, on.date() if on else last_day(held))
    return Answer(data=rows, shown=worklist_lines(rows))


def worklist_lines(rows: Collection[WorklistRow]) -> tuple[RenderableType, ...]:
    """The worklist for people.

    Parameters
    ----------
    rows : collection of WorklistRow
        Most urgent first.

    Returns
    -------
    tuple of renderable
        A table, or a sentence if there is nothing to do.
    """
    if not rows:
        return ("No patient needs anything now.",)
    columns = ("patient", "", "sign", "why", "next sample by", "last sample")
    cells = (
        (
            row.patient_id or f"run {row.run_id}",
            _URGENCY[row.urgency],
            row.kind + (" *" if row.unverified_rules else ""),
            row.reason + (f" And {more}." if (more := _further(row)) else ""),
            row.confirm_by,
            row.last_sample_on,
        )
        for row in rows
    )
    marked = list(dict.fromkeys(rule for row in rows for rule in row.unverified_rules))
    banner = (f"* Rules not verified: {'; '.join(marked)}.",) if marked else ()
    return (*banner, listed(columns, cells))


def _further(row: WorklistRow) -> str:
    return (
        ""
        if not row.reasons
        else "1 more sign"
        if len(row.reasons) == 1
        else f"{len(row.reasons)} more signs"
    )


@command
def course(study: StudyFolder, *, patients: Patients = None) -> Answer:
    """Show each patient's dated line: measured values, states and what they mean.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    patients : list of str or None, default None
        Only these patients.

    Returns
    -------
    Answer
        One course a patient.
    """
    found = named_dossiers(computed(study), patients)
    shown: list[RenderableType] = []
    for dossier in found:
        if dossier.course is not None:
            shown += [f"{dossier.patient.patient_id}: {dossier.course.headline}", *_tables(dossier), ""]
            shown += _kinetics(dossier)
    return Answer(data=[dossier.course for dossier in found if dossier.course], shown=tuple(shown))


@command
def call(study: StudyFolder, *, patients: Patients = None) -> Answer:
    """List verdicts with their rules and sources.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    patients : list of str or None, default None
        Only these patients.

    Returns
    -------
    Answer
        One entry a verdict.
    """
    found = [item for dossier in named_dossiers(computed(study), patients) for item in dossier.calls]
    rows = (
        (
            item.patient_id,
            item.sample_id,
            item.assay_id,
            item.verdict,
            item.confidence,
            item.rule_id + ("" if item.status == "verified" else " (unverified)"),
            item.reason,
        )
        for item in found
    )
    columns = ("patient", "sample", "assay", "verdict", "confidence", "rule", "why")
    return Answer(data=found, shown=(listed(columns, rows),))


@command
def findings(study: StudyFolder, *, strict: Strict = False) -> Answer:
    """List what was noticed while files were read and results computed, worst first.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    strict : bool, default False
        End with exit code 1 if there is more than a note.

    Returns
    -------
    Answer
        One entry a finding.
    """
    found = all_findings(open_study(study))
    shown = finding_table(found) or ("Nothing was noticed.",)
    return Answer(data=found, shown=shown, exit_code=judged(found, strict=strict))


def _tables(dossier: Dossier) -> tuple[RenderableType, ...]:
    """Leukaemia-specific markers, then background markers; only those that were measured."""
    course = dossier.course
    if course is None:
        return ()
    return (
        *((_mrd_points(dossier, course),) if course.mrd else ()),
        *((_points(dossier, course),) if course.points else ()),
    )


def _mrd_points(dossier: Dossier, course: Course) -> RenderableType:
    values = {item.measurement_id: item for item in dossier.measurements}
    rows = (
        (
            point.drawn_on,
            point.day,
            " ".join(filter(None, (point.material, point.fraction))),
            point.assay_id,
            _value(point, values),
            state_text(point),
            _change(point),
            point.rule_id + ("" if point.rule_status == "verified" else " (unverified)"),
            point.would_change,
        )
        for point in course.mrd
    )
    columns = (
        "date", "day", "material", "assay", "value (95 %)", "state", "log10 change", "rule", "what would change it",
    )  # fmt: skip
    return listed(columns, rows, right=("day",))


def _points(dossier: Dossier, course: Course) -> RenderableType:
    values = {item.measurement_id: item for item in dossier.measurements}
    points = course.points
    rows = (
        (
            point.drawn_on,
            point.day,
            point.material,
            point.assay_id,
            _value(point, values),
            state_text(point),
            _change(point),
            point.rule_id,
        )
        for point in points
    )
    columns = (
        "date",
        "day",
        "material",
        "assay",
        "value (95 %)",
        "state",
        "log10 change",
        "P(≥ 1 log)",
        "rule",
    )
    return listed(columns, rows, right=("day",))


def _kinetics(dossier: Dossier) -> list[RenderableType]:
    """Growth of each series in its last stretch, and of earlier ones where it is known; and when to sample next."""
    held = dossier.course.kinetics if dossier.course else ()
    lines: list[RenderableType] = [k.reason for k in held if not k.refused or k.current]
    lines += [plan.reason for plan in sampling_plan([dossier], last_day([dossier]))]
    return [*lines, ""] if lines else []


def _value(point: SeriesPoint | MrdPoint, values: Mapping[str, Measurement]) -> str:
    """Value of a day; several measurements of it are pooled as the course pooled them."""
    if point.measurement_id in values:
        return measured(values[point.measurement_id], with_unit=True)
    parts = [values[key] for key in point.measurement_id.split(JOIN) if key in values]
    return f"{measured(pooled(parts), with_unit=True)}, pooled of {len(parts)}" if parts else ""


def _change(point: SeriesPoint | MrdPoint) -> str:
    """Change from the evaluable sample before, and P(rise >= 1 log); empty for the first of a series."""
    if point.change_log10 is None:
        return ""
    span = f"{signed(point.change_log10)} ({signed(point.change_lower)} to {signed(point.change_upper)})"
    risen = probability(point.probability_rise_1_log)
    return f"{span}, P(≥ 1 log) {risen}" if risen else span
