"""What ``remnant demo`` does, step by step: loaded when it is done, so that its help is shown at once."""

from __future__ import annotations

from pathlib import Path

from remnant.cli.answer import Answer, plain
from remnant.cli.options import refuse_filled
from remnant.cli.progress import stages
from remnant.cli.report import report_line, written
from remnant.cli.results import worklist_lines
from remnant.cli.run import run_lines
from remnant.cli.run_steps import record_run
from remnant.cli.studies import import_lines
from remnant.cli.typed import typed
from remnant.example.digital import digital_run, results_csv
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.example.study_b import simulate_study_b
from remnant.example.study_b_files import write_study_b
from remnant.pipeline.imports import Progress, import_paths
from remnant.pipeline.reports import WrittenReports, write_reports
from remnant.pipeline.run import run_study
from remnant.study.folder import init_study, open_study
from remnant.study.settings import SETTINGS_FILE

__all__ = ["example_studies"]


def example_studies(folder: Path, *, seed: int, patients: int, by: str) -> Answer:
    """Both example studies: raw files, import, results, reports.

    Parameters
    ----------
    folder : pathlib.Path
        New or empty folder, or one that a demo has filled.
    seed : int
        Seed.
    patients : int
        Number of patients of study A.
    by : str
        Who, for the audit.

    Returns
    -------
    Answer
        What each step did, the worklist, and where the reports are.
    """
    raw = folder / "raw-files"
    with stages() as progress:
        if (folder / "study" / SETTINGS_FILE).is_file():
            study = open_study(folder / "study")
        else:
            refuse_filled(folder)
            progress("simulate", 0, 1)
            made = simulate_study_a(seed=seed, patients=patients)
            write_study_a(made, raw)
            digital = digital_run(made, seed=seed)
            (raw / f"{digital.run_id}.csv").write_bytes(results_csv(digital))
            progress("simulate", 1, 1)
            study = init_study(folder / "study", name="Example study A (synthetic)", by=by)
        imported = import_paths(study, [raw], by=by, progress=progress)
        computed = plain(run_study(study, progress=progress))
        if not computed["up_to_date"]:
            record_run(study, computed, by=by)
        reports = write_reports(study, study.folder / "reports", progress=progress)
        second = _study_b(folder, seed=seed, by=by, progress=progress)
    written(study, reports, by=by)
    shown = (
        *import_lines(imported),
        "",
        *run_lines(computed),
        "",
        *worklist_lines(reports.worklist),
        "",
        report_line(reports),
        f"Study B, sorted compartments in Ph+ ALL: {second.index}; try {typed('origin', folder / 'study-b')}.",
        f"The study is {study.folder}; try {typed('course', folder / 'study', '--patient', 'P001')}.",
        "All patients are synthetic. Research use only.",
    )
    steps = {"import": imported, "run": computed, "reports": reports, "study_b": second}
    return Answer(data={"study": study.folder, **steps, "worklist": reports.worklist}, shown=shown)


def _study_b(folder: Path, *, seed: int, by: str, progress: Progress) -> WrittenReports:
    """Study B beside study A: score sheets and sort reports to verdicts, origins and reports."""
    place = folder / "study-b"
    raw = folder / "raw-files-b"
    if (place / "study.toml").is_file():
        study = open_study(place)
    else:
        write_study_b(simulate_study_b(seed=seed), raw)
        study = init_study(place, name="Example study B (synthetic)", by=by)
    import_paths(study, [raw], by=by, progress=progress)
    computed = plain(run_study(study, progress=progress))
    if not computed["up_to_date"]:
        record_run(study, computed, by=by)
    reports = write_reports(study, study.folder / "reports", progress=progress)
    written(study, reports, by=by)
    return reports
