"""Compute everything of a study that is out of date."""

from __future__ import annotations

from rich.console import RenderableType

from remnant.cli.answer import Answer, command
from remnant.cli.options import Strict, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.progress import stages
from remnant.cli.studies import judged
from remnant.pipeline.run import RunReport, run_study
from remnant.study.dossiers import all_findings
from remnant.study.folder import open_study

__all__ = ["run", "run_lines"]


@command
def run(study: StudyFolder, *, strict: Strict = False) -> Answer:
    """Compute everything that is out of date: measurements, calls, courses.

    A second run with nothing changed does nothing and says so.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    strict : bool, default False
        End with exit code 1 if there is more than a note among the findings.

    Returns
    -------
    Answer
        What each stage computed and kept.
    """
    opened = open_study(study)
    with stages() as progress:
        report = run_study(opened, progress=progress)
    code = judged(all_findings(opened), strict=True) if strict else 0
    next_step = f"Next: `remnant worklist {study}` or `remnant report {study}`."
    return Answer(data=report, shown=(*run_lines(report), next_step), exit_code=code)


def run_lines(report: RunReport) -> tuple[RenderableType, ...]:
    """What a run did, for people.

    Parameters
    ----------
    report : RunReport
        From `remnant.pipeline.run.run_study`.

    Returns
    -------
    tuple of renderable
        A row a stage, or a sentence if there was nothing to do.
    """
    if report.up_to_date:
        return ("Nothing to do: no file, decision, setting, rule or code changed since the last run.",)
    rows = ((stage.stage, stage.computed, stage.kept) for stage in report.stages)
    counted = f"{report.failures} failures, {report.warnings} warnings, {report.notes} notes."
    return (listed(("stage", "computed", "kept"), rows, right=("computed", "kept")), "", counted)
