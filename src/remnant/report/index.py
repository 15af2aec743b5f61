"""The study's page: the worklist, most urgent first, with the reason in one sentence and a link to each patient."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from remnant.records.finding import Finding
from remnant.records.judgement import WorklistRow
from remnant.records.patient import Patient
from remnant.report import html, numbers, words
from remnant.report.context import Context
from remnant.report.table import Cell, Column, Table, Tone

__all__ = ["Links", "page", "worklist"]

_ONE_BY_ONE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Relative addresses of what was written.

    Attributes
    ----------
    pages, pdfs : mapping of str to str
        By patient.
    others : mapping of str to str
        Further documents, by name; for example the cohort page and tables.
    runs : mapping of str to str
        Pages of runs with every well, by run.
    """

    pages: Mapping[str, str]
    pdfs: Mapping[str, str]
    others: Mapping[str, str]
    runs: Mapping[str, str] = field(default_factory=dict)


def page(
    rows: Sequence[WorklistRow],
    *,
    patients: Mapping[str, Patient],
    links: Links,
    context: Context,
    sentences: Mapping[str, str] | None = None,
    findings: Sequence[Finding] = (),
) -> str:
    """Self-contained HTML page of a study.

    Parameters
    ----------
    rows : sequence of WorklistRow
        Patients and runs that need something, in the order of the worklist.
    patients : mapping of str to Patient
        All patients, by code.
    links : Links
        Where the reports are.
    context : Context
        What the page says about itself; its assumptions are the banner that stands once a study.
    sentences : mapping of str to str or None, default None
        Headline of each patient's course, by code.
    findings : sequence of Finding, default ()
        Failures and warnings of the study; where a code has many, one stands for all. Notes are left to the
        patients' pages.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    return html.render(
        "index.html",
        context=context,
        synthetic=any(patient.synthetic for patient in patients.values()),
        sentence=_sentence(rows, len(patients)),
        tone=words.urgency_class(max((row.urgency for row in rows), default=0)),
        others=links.others,
        worklist=worklist(rows, patients=patients, links=links, as_of=context.as_of),
        everybody=_everybody(patients, links, sentences or {}),
        findings=_findings(findings),
    )


def worklist(
    rows: Sequence[WorklistRow],
    *,
    patients: Mapping[str, Patient],
    links: Links,
    as_of: dt.date | None = None,
) -> Table:
    """Worklist as a table, most urgent first.

    Parameters
    ----------
    rows : sequence of WorklistRow
        Patients and runs that need something, in the order of the worklist.
    patients : mapping of str to Patient
        By code.
    links : Links
        Where the reports are.
    as_of : datetime.date or None, default None
        Day for which samples are due or overdue; None says none.

    Returns
    -------
    Table
        One row a patient.
    """
    columns = (
        Column("Patient or run", number=True),
        Column("To do"),
        Column("Why", share=3),
        Column("Next sample by", number=True),
        Column("Last marker sample or run", number=True),
        Column("Disease", share=1),
        Column("PDF"),
    )
    return Table(
        title="Worklist",
        note="Most urgent first."
        + (f" Samples due and overdue as of {numbers.in_sentence(as_of)}." if as_of else ""),
        columns=columns,
        rows=tuple(_row(row, patients.get(row.patient_id), links) for row in rows),
    )


def _row(row: WorklistRow, patient: Patient | None, links: Links) -> tuple[Cell, ...]:
    tones: tuple[Tone, ...] = ("muted", "look", "act")
    disease = words.describe_patient(patient)[0] if patient else ""
    pdf = links.pdfs.get(row.patient_id, "")
    overdue = f"overdue, {numbers.plural(row.overdue_days, 'day')}" if row.overdue_days else ""
    link = links.pages.get(row.patient_id, "") if row.patient_id else _of_run(row, links)
    doubt = f"unverified: {'; '.join(row.unverified_rules)}" if row.unverified_rules else ""
    return (
        Cell(row.patient_id or f"run {row.run_id}", link=link),
        Cell(words.URGENCY[row.urgency], tone=tones[row.urgency], note=row.kind, sort=str(row.urgency)),
        Cell(row.reason, note=" ".join((*row.reasons, doubt, *row.decided)).strip()),
        Cell(numbers.iso(row.confirm_by), note=overdue),
        Cell(numbers.iso(row.last_sample_on)),
        Cell(disease),
        Cell("PDF" if pdf else "", link=pdf),
    )


def _of_run(row: WorklistRow, links: Links) -> str:
    """Where a run is looked at: a failed curve among its wells, a control on its chart."""
    charts = links.others.get("Internal controls", "")
    return links.runs.get(row.run_id, charts) if row.kind == "failed run" else charts


def _sentence(rows: Sequence[WorklistRow], patients: int) -> str:
    counts = Counter(row.urgency for row in rows if row.patient_id)
    overdue = sum(row.overdue_days > 0 for row in rows)
    late = f" {numbers.plural(overdue, 'sample')} overdue." if overdue else ""
    runs = sum(not row.patient_id for row in rows)
    late += f" {numbers.plural(runs, 'run')} of the laboratory to look at." if runs else ""
    return (
        f"{numbers.plural(patients, 'patient')}: {counts[2]} to act on, {counts[1]} to look at, "
        f"{patients - counts[1] - counts[2]} without action.{late}"
    )


def _everybody(patients: Mapping[str, Patient], links: Links, sentences: Mapping[str, str]) -> Table:
    heads = (Column("Patient", number=True), Column("Disease", share=1), Column("State", share=3))
    rows = tuple(
        (
            Cell(code, link=links.pages.get(code, "")),
            Cell(words.describe_patient(patient)[0]),
            *((Cell(sentences.get(code, "")),) if sentences else ()),
        )
        for code, patient in sorted(patients.items())
    )
    columns = heads if sentences else heads[:2]
    return Table(title="All patients", columns=columns, rows=rows)


def _findings(findings: Sequence[Finding]) -> Table:
    order = {"failure": 0, "warning": 1}
    tones: dict[str, Tone] = {"failure": "act", "warning": "look"}
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.severity in order:
            groups[finding.severity, finding.code].append(finding)
    columns = (
        Column("Severity"),
        Column("Number", number=True),
        Column("About"),
        Column("What", share=1),
        Column("Code"),
    )
    rows = []
    for (severity, code), held in sorted(groups.items(), key=lambda item: (order[item[0][0]], item[0][1])):
        shown = held if len(held) <= _ONE_BY_ONE else held[:1]
        for finding in shown:
            rest = "" if shown == held else f"and {len(held) - 1} more"
            rows.append(
                (
                    Cell(severity, tone=tones[severity]),
                    Cell("1" if shown == held else str(len(held))),
                    Cell(finding.subject, note=rest or finding.where or ""),
                    Cell(finding.message, note=finding.advice or ""),
                    Cell(code),
                )
            )
    return Table(title="Failures and warnings", columns=columns, rows=tuple(rows))
