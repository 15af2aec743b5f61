"""Commands that show what the last run of a study concluded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from remnant.cli.answer import Answer, command, messages
from remnant.cli.noticed import finding_table, judged
from remnant.cli.options import Day, Patients, Strict, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.typed import typed
from remnant.course.headline import date_text
from remnant.course.next_sample import next_samples, overdue_text
from remnant.course.pooled import JOIN, pooled
from remnant.course.standing import state_text
from remnant.errors import NotFoundError
from remnant.pipeline.reports import last_day
from remnant.pipeline.worklists import study_worklist
from remnant.records.codec import to_dict
from remnant.records.deciding import call_subject
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call, Course, Decision, NextSample, SeriesPoint, WorklistRow
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint
from remnant.report import changes
from remnant.report.numbers import measured
from remnant.study.derived import derived_records, is_computed
from remnant.study.dossiers import dossiers
from remnant.study.findings import all_findings
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
                advice=f"Compute them with {typed('run', folder)}.",
            )
        messages().print(f"These results are out of date; {typed('run', folder)} renews them.")
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


def _day(on: dt.date | None, held: Collection[Dossier]) -> tuple[dt.date, str]:
    """Day of asking, and the sentence that says which it is."""
    if on is not None:
        return on, f"As of {date_text(on)}."
    day = last_day(held)
    return day, f"As of {date_text(day)}, the last day known of any patient; --on DATE asks for another."


@command
def worklist(study: StudyFolder, *, on: Day = None) -> Answer:
    """List the patients and runs to look at, most urgent first.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    on : datetime.date or None, default None
        Day it is made for; None for the last day that the study knows of.

    Returns
    -------
    Answer
        One entry a patient or run that needs something.
    """
    opened = computed(study)
    held = dossiers(opened)
    day, said = _day(on, held)
    rows = study_worklist(opened, held, day)
    return Answer(data=rows, shown=(*worklist_lines(rows), said))


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
            " ".join(
                filter(None, (row.reason, f"And {more}." if (more := _further(row)) else "", *row.decided))
            ),
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
def course(study: StudyFolder, *, patients: Patients = None, on: Day = None) -> Answer:
    """Show each patient's dated line: measured values, states, growth, and when to sample next.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    patients : list of str or None, default None
        Only these patients.
    on : datetime.date or None, default None
        Day for which due and overdue samples are said; None for the last day that the study knows of.

    Returns
    -------
    Answer
        One course a patient, with the next sample under ``next_sample``.
    """
    opened = computed(study)
    found = [one for one in named_dossiers(opened, patients) if one.course is not None]
    day, said = _day(on, dossiers(opened) if patients and on is None else found)
    asked = next_samples(found, day)
    shown: list[RenderableType] = []
    for dossier, following in zip(found, asked, strict=True):
        headline = dossier.course.headline if dossier.course else ""
        shown += [f"{dossier.patient.patient_id}: {headline}", *_tables(dossier), ""]
        shown += [*_kinetics(dossier), *_next(following), ""]
    data = [
        {**to_dict(dossier.course), "next_sample": to_dict(following)}
        for dossier, following in zip(found, asked, strict=True)
        if dossier.course
    ]
    return Answer(data=data, shown=(*shown, said))


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
    held = named_dossiers(computed(study), patients)
    found = [item for dossier in held for item in dossier.calls]
    said = {decision.on: decision for dossier in held for decision in dossier.decisions}
    rows = (
        (
            item.patient_id,
            item.sample_id,
            item.assay_id,
            "\n".join(filter(None, (item.verdict, _decided(item, said)))),
            item.confidence,
            item.rule_id + ("" if item.status == "verified" else " (unverified)"),
            item.reason,
        )
        for item in found
    )
    columns = ("patient", "sample", "assay", "verdict", "confidence", "rule", "why")
    data = [{**to_dict(item), "decision": said.get(call_subject(item))} for item in found]
    return Answer(data=data, shown=(listed(columns, rows),))


def _decided(item: Call, said: Mapping[str, Decision]) -> str:
    """What a person decided on a verdict, short."""
    decision = said.get(call_subject(item))
    return "" if decision is None else f"{decision.by}: {decision.verdict.partition(' (rule:')[0]}"


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
            point.rule_id + ("" if point.rule_status == "verified" else " (unverified)"),
        )
        for point in points
    )
    columns = ("date", "day", "material", "assay", "value (95 %)", "state", "log10 change", "rule")
    return listed(columns, rows, right=("day",))


def _kinetics(dossier: Dossier) -> list[RenderableType]:
    """Growth of each series in its last stretch, and of earlier ones where it is known."""
    held = dossier.course.kinetics if dossier.course else ()
    return [k.reason for k in held if not k.refused or k.current]


def _next(asked: NextSample) -> list[RenderableType]:
    """By when to sample next, then each marker's own date with its reason."""
    plans = [
        f"{plan.reason} {_capital(overdue_text(plan.due_on, asked.on))}."
        if plan.overdue_days and plan.due_on
        else plan.reason
        for plan in asked.plans
    ]
    return [Text(asked.sentence, style="bold"), *plans]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(point: SeriesPoint | MrdPoint, values: Mapping[str, Measurement]) -> str:
    """Value of a day; several measurements of it are pooled as the course pooled them."""
    if point.measurement_id in values:
        return measured(values[point.measurement_id], with_unit=True)
    parts = [values[key] for key in point.measurement_id.split(JOIN) if key in values]
    return f"{measured(pooled(parts), with_unit=True)}, pooled of {len(parts)}" if parts else ""


def _change(point: SeriesPoint | MrdPoint) -> str:
    """Change from the evaluable sample before, and P(rise >= 1 log); empty for the first of a series."""
    ends = changes.span(point.change_lower, point.change_upper)
    found = changes.change(point.change_log10, point.change_lower, point.change_upper)
    if not found:
        return ""
    found += f" ({ends})" if ends else ""
    risen = changes.probability(point.probability_rise_1_log, point.change_lower, point.change_upper)
    return f"{found}, P(≥ 1 log) {risen}" if risen else found
