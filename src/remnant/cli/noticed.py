"""Findings on a terminal, and when a command judges them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace

from rich.console import RenderableType

from remnant.cli.printed import listed
from remnant.knowledge.tables import rows
from remnant.records.finding import Finding

__all__ = ["advice_of", "finding_table", "judged", "of_one_run"]


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


@functools.cache
def _table() -> dict[str, str]:
    return {row["id"]: row["advice"] for row in rows("findings")}


def advice_of(finding: Finding) -> str | None:
    """What to do about a finding: its own advice, else that of its code if it is more than a note.

    Parameters
    ----------
    finding : Finding
        What was noticed.

    Returns
    -------
    str or None
        One sentence; None for a note without.
    """
    if finding.advice or finding.severity == "note":
        return finding.advice
    return _table().get(finding.code)


def of_one_run(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of a file that holds one run: which file and run need not be said again in each.

    Parameters
    ----------
    findings : iterable of Finding
        What was noticed.

    Returns
    -------
    tuple of Finding
        The same with subjects ``"file"`` and ``"run"``, wells without their run.

    Examples
    --------
    >>> [one.subject for one in of_one_run([Finding(code="a.b", severity="note", subject="run R-07", message="")])]
    ['run']
    """
    return tuple(replace(one, subject=_short(one.subject)) for one in findings)


def _short(subject: str) -> str:
    what, _, name = subject.partition(" ")
    if what in {"file", "run"}:
        return what
    return f"well {name.rpartition(':')[2]}" if what == "well" else subject


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
    found = [
        (finding.severity, finding.subject, finding.message, advice_of(finding))
        for finding in sorted(findings, key=lambda finding: order.index(finding.severity))
    ]
    return (listed(("severity", "subject", "what was noticed", "advice"), found),) if found else ()
