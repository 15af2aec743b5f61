"""Findings on a terminal, and when a command judges them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType

from remnant.cli.printed import listed
from remnant.records.finding import Finding

__all__ = ["finding_table", "judged"]


def judged(findings: Iterable[Finding], *, strict: bool) -> int:
    """Exit code of a command that noticed these.

    Parameters
    ----------
    findings : iterable of Finding
        What was noticed.
    strict : bool
        Whether the command was asked to judge.

    Returns
    -------
    int
        1 if asked and there is more than a note.
    """
    return int(strict and any(finding.severity != "note" for finding in findings))


def finding_table(findings: Iterable[Finding]) -> tuple[RenderableType, ...]:
    """Findings as a table, worst first.

    Parameters
    ----------
    findings : iterable of Finding
        What was noticed.

    Returns
    -------
    tuple of renderable
        Empty if there is nothing.
    """
    order = ("failure", "warning", "note")
    rows = [
        (finding.severity, finding.subject, finding.message, finding.advice)
        for finding in sorted(findings, key=lambda finding: order.index(finding.severity))
    ]
    return (listed(("severity", "subject", "what was noticed", "advice"), rows),) if rows else ()
