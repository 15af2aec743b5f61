"""Every page and file that a study's results are read from, in one folder.

::

    index.html            worklist, warnings of the study, links to everything
    cohort.html           incidence by probability and by verdict, frequencies, warnings over patients
    controls.html         Levey-Jennings charts of the internal controls
    curves.html           our Cq beside the instrument's, where curves were read
    curves/R-001.html     standard curves of a run, wells left out, every well with a curve
    cohort.csv, .parquet  one row a patient
    patients/P001.html    a page for each patient
    patients/P001.pdf     for those on the worklist; of no one else, also if an earlier report made one

Pages are written by threads, and their figures drawn by a process beside this one; what is written does not depend on
their number.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import remnant
from remnant.cohort.compartments import compartment_shares
from remnant.cohort.frequencies import frequencies
from remnant.cohort.incidence import incidence_at_landmark
from remnant.cohort.lead_times import lead_times, mrd_lead_times
from remnant.cohort.table import patients
from remnant.course.episodes import warning_counts
from remnant.course.mrd_alarms import mrd_warning_counts
from remnant.course.next_sample import next_samples
from remnant.knowledge.cohort import landmark_rule
from remnant.pipeline.leftovers import remove_leftovers
from remnant.pipeline.worklists import study_worklist
from remnant.records.amplification import CurveResult, CurveTrace
from remnant.records.cohort import Incidence
from remnant.records.control import ControlPoint
from remnant.records.dossier import Dossier
from remnant.records.finding import Finding
from remnant.records.judgement import WorklistRow
from remnant.records.measurement import CurveFit, WellUse
from remnant.records.run import Well
from remnant.report import cohort, controls, curves, formats, index, vega
from remnant.report.context import Context
from remnant.report.patient import Report, report
from remnant.study.connection import plain_errors
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.facts import facts
from remnant.study.findings import all_findings
from remnant.study.handle import Study
from remnant.study.unverified import unverified_rules

__all__ = ["WrittenReports", "last_day", "write_reports"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReports:
    """What was written.

    Attributes
    ----------
    folder : str
        Where.
    index : str
        The page to open first.
    pages, pdfs : int
        Patients' pages and PDFs.
    worklist : tuple of WorklistRow
        Patients and runs that need something, most urgent first.
    removed : tuple of str, default ()
        Reports of runs and patients that are no longer in the study, and PDFs of patients who get none any more, as
        paths in the folder.
    """

    folder: str
    index: str
    pages: int
    pdfs: int
    worklist: tuple[WorklistRow, ...]
    removed: tuple[str, ...] = ()


def write_reports(
    study: Study,
    folder: Path,
    *,
    pdfs: Literal["flagged", "all", "none"] = "flagged",
    on: dt.date | None = None,
    only: Collection[str] = (),
    progress: Progress | None = None,
) -> WrittenReports:
    """Write all reports of a study; files of the same name are replaced, what an earlier state left is removed.

    A PDF that is not written again goes too: beside the page of today it would tell what held on another day.

    Parameters
    ----------
    study : Study
        The study, computed.
    folder : pathlib.Path
        Where to; made if absent.
    pdfs : {"flagged", "all", "none"}, default "flagged"
        Patients who get a PDF: those on the worklist, all, or none.
    on : datetime.date or None, default None
        Day the worklist is made for; None for the last day that the study knows of.
    only : collection of str, default ()
        Patients whose pages alone are written; the study's own pages stay as they are.
    progress : callable or None, default None
        Told ``("reports", done, total)`` after each patient.

    Returns
    -------
    WrittenReports
        Where, and how many.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with vega.beside():
        return _written(study, folder, pdfs=pdfs, on=on, only=only, progress=progress)


def _written(
    study: Study,
    folder: Path,
    *,
    pdfs: Literal["flagged", "all", "none"],
    on: dt.date | None,
    only: Collection[str],
    progress: Progress | None,
) -> WrittenReports:
    held = dossiers(study)
    day = on or last_day(held)
    rows = study_worklist(study, held, day)
    chosen = _chosen(held, rows, pdfs)
    context = Context(
        study=study.settings.name,
        software=f"remnant {remnant.__version__}",
        written_at=dt.datetime.now(tz=dt.UTC),
        assumptions=tuple(_assumption(found) for found in unverified_rules(study)),
        as_of=day,
    )
    read = derived_records(study, CurveResult)
    files = curves.file_names(sorted({one.run_id for one in read}))
    context = replace(context, run_links={run: f"curves/{name}" for run, name in files.items()})
    with plain_errors(str(folder)):
        (folder / "patients").mkdir(parents=True, exist_ok=True)
        if only:
            return _only(held, folder, context, rows=rows, only=only, pdfs=pdfs)
        synthetic = any(one.patient.synthetic for one in held)
        with ThreadPoolExecutor(max_workers=1) as aside:
            pages = aside.submit(_write_curves, study, read, folder, context, synthetic=synthetic)
            _write_patients(held, folder / "patients", context, chosen, progress=progress)
            pages.result()
        others = _write_cohort(held, folder, replace(context, index_link="index.html"))
        points = derived_records(study, ControlPoint)
        if points:
            made = controls.page(
                points,
                context=replace(context, index_link="index.html"),
                synthetic=synthetic,
            )
            (folder / "controls.html").write_text(made, encoding="utf-8")
            others["Internal controls"] = "controls.html"
        if read:
            others["Amplification curves"] = "curves.html"
        links = index.Links(
            pages={code: f"patients/{code}.html" for code in _codes(held)},
            pdfs={code: f"patients/{code}.pdf" for code in sorted(chosen)},
            others=others,
            runs=context.run_links,
        )
        people = {one.patient.patient_id: one.patient for one in held}
        text = index.page(
            rows,
            patients=people,
            links=links,
            context=context,
            sentences=_sentences(held, day),
            findings=all_findings(study),
        )
        (folder / "index.html").write_text(text, encoding="utf-8")
        current = {*others.values(), *context.run_links.values(), *links.pages.values(), *links.pdfs.values()}
        removed = remove_leftovers(folder, kept=current)
    return WrittenReports(
        folder=str(folder),
        index=str(folder / "index.html"),
        pages=len(held),
        pdfs=len(chosen),
        worklist=rows,
        removed=removed,
    )


def _assumption(found: Finding) -> str:
    """What is not verified, for a list under that heading."""
    _, _, named = found.message.partition("not verified: ")
    return f"{found.subject}: {named or found.message}"


def _write_curves(
    study: Study, read: Sequence[CurveResult], folder: Path, context: Context, *, synthetic: bool
) -> None:
    """The page of all runs with curves, and one a run; none without curves."""
    if not read:
        return
    source = study.settings.cq_source
    runs = curves.of_runs(
        facts(study, Well),
        read,
        traces=derived_records(study, CurveTrace),
        fits=derived_records(study, CurveFit),
        uses=derived_records(study, WellUse),
    )
    context = replace(context, index_link="index.html")
    text = curves.page(runs, links=context.run_links, cq_source=source, context=context, synthetic=synthetic)
    (folder / "curves.html").write_text(text, encoding="utf-8")
    (folder / "curves").mkdir(exist_ok=True)
    inside = replace(context, index_link="../index.html", assumptions=())
    for run in runs:
        text = curves.run_page(run, cq_source=source, context=inside, synthetic=synthetic)
        (folder / context.run_links[run.run_id]).write_text(text, encoding="utf-8")


def _only(
    held: Sequence[Dossier],
    folder: Path,
    context: Context,
    *,
    rows: tuple[WorklistRow, ...],
    only: Collection[str],
    pdfs: Literal["flagged", "all", "none"],
) -> WrittenReports:
    """Pages of the patients named, with their PDFs unless none are wanted."""
    named = [one for one in held if one.patient.patient_id in only]
    chosen = frozenset() if pdfs == "none" else frozenset(_codes(named))
    _write_patients(named, folder / "patients", context, chosen, progress=None)
    return WrittenReports(
        folder=str(folder),
        index=str(folder / "patients" / f"{named[0].patient.patient_id}.html") if named else str(folder),
        pages=len(named),
        pdfs=len(chosen),
        worklist=rows,
    )


def last_day(held: Collection[Dossier]) -> dt.date:
    """Last day that is known of any patient.

    Parameters
    ----------
    held : collection of Dossier
        Patients.

    Returns
    -------
    datetime.date
        Of their samples and events; the first day of the calendar if there is none.
    """
    days = [sample.drawn_on for one in held for sample in one.samples]
    days += [event.on for one in held for event in one.events]
    return max(days, default=dt.date.min)


def _sentences(held: Sequence[Dossier], day: dt.date) -> dict[str, str]:
    """State of each patient, and by when to sample next."""
    return {
        one.patient.patient_id: f"{one.course.headline} {asked.sentence}".rstrip()
        if asked.due_on
        else one.course.headline
        for one, asked in zip(held, next_samples(held, day), strict=True)
        if one.course
    }


def _codes(held: Collection[Dossier]) -> list[str]:
    return [one.patient.patient_id for one in held]


def _chosen(held: Collection[Dossier], rows: Collection[WorklistRow], pdfs: str) -> frozenset[str]:
    if pdfs == "none":
        return frozenset()
    return (
        frozenset(_codes(held))
        if pdfs == "all"
        else frozenset(row.patient_id for row in rows if row.patient_id)
    )


def _write_patients(
    held: Sequence[Dossier],
    folder: Path,
    context: Context,
    chosen: frozenset[str],
    *,
    progress: Progress | None,
) -> None:
    links = {run: f"../{link}" for run, link in context.run_links.items()}
    inside = replace(context, index_link="../index.html", run_links=links)
    make = functools.partial(_report, context=inside, chosen=chosen)
    with ThreadPoolExecutor(max_workers=1 + (os.cpu_count() or 1)) as pool:  # one waits for its figure
        for done, made in enumerate(pool.map(make, held), start=1):
            (folder / f"{made.patient_id}.html").write_text(made.page, encoding="utf-8")
            if made.pdf is not None:
                (folder / f"{made.patient_id}.pdf").write_bytes(made.pdf)
            if progress is not None:
                progress("reports", done, len(held))


def _report(dossier: Dossier, *, context: Context, chosen: frozenset[str]) -> Report:
    return report(dossier, context=context, with_pdf=dossier.patient.patient_id in chosen)


def _incidences(held: Sequence[Dossier]) -> list[Incidence]:
    """Groups at the landmark by probability, and beside them by the literal verdicts."""
    made = [
        (landmark_rule(), "groups by probability, undecided apart"),
        (landmark_rule("landmark_group.last_verdict"), "groups by the literal verdicts"),
    ]
    curves = [(incidence_at_landmark(patients(held, rule=rule)), words) for rule, words in made]
    return [replace(one, title=f"{one.title}: {words}") for one, words in curves]


def _write_cohort(held: Sequence[Dossier], folder: Path, context: Context) -> dict[str, str]:
    """Cohort page and tables; their names for the index."""
    frame = patients(held)
    text = cohort.page(
        _incidences(held) if held else [],
        [frequencies(frame)],
        context=context,
        lead_times=lead_times(warning_counts(one.course for one in held if one.course)),
        mrd_lead_times=mrd_lead_times(mrd_warning_counts(one.course for one in held if one.course)),
        compartments=compartment_shares(frame) if held else (),
        synthetic=any(one.patient.synthetic for one in held),
    )
    (folder / "cohort.html").write_text(text, encoding="utf-8")
    (folder / "cohort.csv").write_text(formats.csv(frame), encoding="utf-8")
    (folder / "cohort.parquet").write_bytes(formats.parquet(frame))
    return {
        "Cohort": "cohort.html",
        "Cohort table (CSV)": "cohort.csv",
        "Cohort table (Parquet)": "cohort.parquet",
    }
