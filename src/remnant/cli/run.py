"""Compute everything of a study that is out of date."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import RenderableType

from remnant.cli.answer import Answer, command
from remnant.cli.commands import COMPUTE
from remnant.cli.lazy import resolve
from remnant.cli.noticed import judged
from remnant.cli.options import By, Strict, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.typed import typed
from remnant.study.derived import is_computed
from remnant.study.findings import all_findings
from remnant.study.handle import Study
from remnant.study.settings import located
from remnant.study.versions import has_current_schema

__all__ = ["run", "run_lines"]


@command
def run(study: StudyFolder, *, strict: Strict = False, by: By) -> Answer:
    """Compute everything that is out of date: measurements, calls, courses.

    A second run with nothing changed does nothing and says so.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    strict : bool, default False
        End with exit code 1 if there is more than a note among the findings.
    by : str
        Who computes, for the audit.

    Returns
    -------
    Answer
        What each stage computed and kept.
    """
    opened = located(study)
    report = (
        _nothing_to_do(opened)
        if has_current_schema(opened) and is_computed(opened)
        else resolve(COMPUTE, needed_by="run")(study, by=by)
    )
    next_step = f"Next: {typed('worklist', study)} or {typed('report', study)}."
    code = judged(all_findings(opened), strict=True) if strict else 0
    return Answer(data=report, shown=(*run_lines(report), next_step), exit_code=code)


def run_lines(report: dict[str, Any]) -> tuple[RenderableType, ...]:
    """What a run did, for people.

    Parameters
    ----------
    report : dict
        `remnant.pipeline.run.RunReport` as JSON holds it.

    Returns
    -------
    tuple of renderable
        A row a stage, or a sentence if there was nothing to do, and the number of findings.
    """
    counted = "{failures} failures, {warnings} warnings, {notes} notes among the findings.".format(**report)
    if report["up_to_date"]:
        said = "Nothing to do: no file, decision, setting, rule or code changed since the last run."
        return (said, counted)
    rows = ((stage["stage"], stage["computed"], stage["kept"]) for stage in report["stages"])
    return (listed(("stage", "computed", "kept"), rows, right=("computed", "kept")), "", counted)


def _nothing_to_do(study: Study) -> dict[str, Any]:
    """The same report without loading what computes."""
    severities = Counter(finding.severity for finding in all_findings(study))
    counts = {f"{name}s": severities[name] for name in ("failure", "warning", "note")}
    return {"stages": [], "up_to_date": True, **counts}
