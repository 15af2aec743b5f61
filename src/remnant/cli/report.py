"""Write the pages and PDF reports of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from remnant.cli.answer import Answer, command
from remnant.cli.options import By, Day, Patients, StudyFolder
from remnant.cli.progress import stages
from remnant.cli.results import computed, named_dossiers
from remnant.pipeline.reports import WrittenReports, write_reports
from remnant.report import numbers
from remnant.study.audit import record_action
from remnant.study.handle import Study

__all__ = ["report", "report_line", "written"]


@command
def report(
    study: StudyFolder,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write.", show_default="reports in the study")
    ] = None,
    pdfs: Annotated[
        Literal["flagged", "all", "none"], typer.Option("--pdf", help="Patients who get a PDF.")
    ] = "flagged",
    on: Day = None,
    patients: Patients = None,
    by: By,
) -> Answer:
    """Write a page for each patient, PDFs, the worklist and the cohort's tables.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    out : pathlib.Path or None, default None
        Folder to write.
    pdfs : {"flagged", "all", "none"}, default "flagged"
        Patients who get a PDF: those on the worklist, all, or none.
    on : datetime.date or None, default None
        Day the worklist is made for.
    patients : list of str or None, default None
        Only the pages of these patients, and their PDFs unless none are wanted; nothing else is written.
    by : str
        Who writes them, for the audit.

    Returns
    -------
    Answer
        Where they are.
    """
    opened = computed(study)
    folder = out or study / "reports"
    if patients:
        named_dossiers(opened, patients)
    with stages() as progress:
        made = write_reports(
            opened,
            folder,
            pdfs=pdfs,
            on=on,
            only=frozenset(patients or ()),
            progress=progress,
        )
    written(opened, made, by=by)
    return Answer(data=made, shown=(report_line(made),))


def written(study: Study, made: WrittenReports, *, by: str) -> None:
    """Record that reports were written.

    Parameters
    ----------
    study : Study
        The study.
    made : WrittenReports
        What was written.
    by : str
        Who wrote them.
    """
    detail = {"folder": made.folder, "pages": made.pages, "pdfs": made.pdfs, "removed": len(made.removed)}
    record_action(study, by=by, action="report", subject="study", detail=detail)


def report_line(made: WrittenReports) -> str:
    """Where the reports are, in one sentence.

    Parameters
    ----------
    made : WrittenReports
        What was written.

    Returns
    -------
    str
        With the page to open first, and how many were removed that an earlier state of the study left.
    """
    gone = (
        f" {numbers.plural(len(made.removed), 'report')} of an earlier state removed." if made.removed else ""
    )
    pages, pdfs = numbers.plural(made.pages, "page"), numbers.plural(made.pdfs, "PDF")
    return f"{pages} and {pdfs} written.{gone} Open {made.index}"
