"""Where from: runs, lots, files and their hashes, findings, decisions of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from remnant.records.dossier import Dossier
from remnant.report import numbers
from remnant.report.table import Cell, Column, Table, Tone

__all__ = ["decisions", "files", "findings", "runs"]

_ORDER: Final = {"failure": 0, "warning": 1, "note": 2}
_TONES: Final[dict[str, Tone]] = {"failure": "act", "warning": "look", "note": ""}
_HASH: Final = 16


def runs(dossier: Dossier, *, links: Mapping[str, str]) -> Table:
    """Runs of the measurements, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    links : mapping of str to str
        Pages of runs: the curves of each well.

    Returns
    -------
    Table
        One row a run.
    """
    columns = (
        Column("Run"),
        Column("Date", number=True),
        Column("Instrument", share=1),
        Column("Operator"),
        Column("Kit lot"),
        Column("Primer lot"),
        Column("Standard lot"),
        Column("File", number=True),
    )
    rows = tuple(
        (
            Cell(run.run_id, link=links.get(run.run_id, "")),
            Cell(numbers.iso(run.run_on) or "not recorded"),
            Cell(run.instrument or "not recorded", note=run.serial or ""),
            *(
                Cell(value or "not recorded")
                for value in (run.operator, run.kit_lot, run.primer_lot, run.standard_lot)
            ),
            Cell((run.source_sha256 or "")[:_HASH]),
        )
        for run in sorted(dossier.runs, key=lambda run: (numbers.iso(run.run_on), run.run_id), reverse=True)
    )
    return Table(title="Runs", columns=columns, rows=rows)


def files(dossier: Dossier) -> Table:
    """Original files.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a file.
    """
    columns = (
        Column("File", share=1),
        Column("Format"),
        Column("Bytes", number=True),
        Column(f"SHA-256, first {_HASH}", number=True),
    )
    rows = tuple(
        (Cell(f.name), Cell(f.format), Cell(str(f.size_bytes)), Cell(f.sha256[:_HASH]))
        for f in dossier.sources
    )
    return Table(title="Files", columns=columns, rows=rows)


def findings(dossier: Dossier) -> Table:
    """Everything that was noticed, worst first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a finding.
    """
    columns = (Column("Severity"), Column("About"), Column("What", share=1), Column("Code"))
    rows = tuple(
        (
            Cell(f.severity, tone=_TONES[f.severity], sort=str(_ORDER[f.severity])),
            Cell(f.subject, note=f.where or ""),
            Cell(f.message, note=f.advice or ""),
            Cell(f.code),
        )
        for f in sorted(dossier.findings, key=lambda f: _ORDER[f.severity])
    )
    return Table(title="Findings", columns=columns, rows=rows)


def decisions(dossier: Dossier) -> Table:
    """What people decided, newest first.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    Table
        One row a decision.
    """
    columns = (
        Column("When", number=True),
        Column("Who"),
        Column("On"),
        Column("Decision"),
        Column("Reason", share=1),
    )
    rows = tuple(
        (
            Cell(d.at.isoformat(timespec="minutes")),
            Cell(d.by),
            Cell(d.on),
            Cell(d.verdict, note=f"supersedes {d.supersedes}" if d.supersedes else ""),
            Cell(d.reason),
        )
        for d in sorted(dossier.decisions, key=lambda d: d.at, reverse=True)
    )
    return Table(title="Decisions", columns=columns, rows=rows)
