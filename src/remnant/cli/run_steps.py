"""What ``remnant run`` does where there is anything to do: loaded only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from remnant.cli.answer import plain
from remnant.cli.progress import stages
from remnant.pipeline.run import run_study
from remnant.study.audit import record_action
from remnant.study.folder import open_study
from remnant.study.handle import Study
from remnant.study.versions import code_version, rules_version

__all__ = ["compute", "record_run"]


def compute(folder: Path, *, by: str) -> dict[str, Any]:
    """Open a study, compute what is out of date, and record it in the audit.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the study.
    by : str
        Who computes.

    Returns
    -------
    dict
        `remnant.pipeline.run.RunReport` as JSON holds it.
    """
    study = open_study(folder)
    with stages() as progress:
        report: dict[str, Any] = plain(run_study(study, progress=progress))
    record_run(study, report, by=by)
    return report


def record_run(study: Study, report: dict[str, Any], *, by: str) -> None:
    """Record in the audit what was computed, by which code and rules.

    Parameters
    ----------
    study : Study
        The study.
    report : dict
        `remnant.pipeline.run.RunReport` as JSON holds it.
    by : str
        Who computed.
    """
    detail = {"code": code_version(), "rules": rules_version(), **report}
    record_action(study, by=by, action="run", subject="study", detail=detail)
