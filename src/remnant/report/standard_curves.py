"""Standard curves of a run: what each line reads, whether it passed, and which wells were left out with the reason.

The verdict is that of the gates of the rule row that stands beside it; a curve that failed gives no sample a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from remnant.records.measurement import CurveFit, WellUse
from remnant.report import numbers
from remnant.report.table import Cell, Column, Section, Table

__all__ = ["fit_table", "left_out_table", "section"]

_CONTROL: Final = "control well"
"""A well without template, say, has no copies to enter; what it showed is a finding of the run."""


def section(fits: Sequence[CurveFit], uses: Sequence[WellUse]) -> Section:
    """The curves and the wells left out, with their heading.

    Parameters
    ----------
    fits : sequence of CurveFit
        Curves of one run.
    uses : sequence of WellUse
        What became of its wells.

    Returns
    -------
    Section
        Of a page; a sentence where the run has no curve of its own.
    """
    failed = sorted(fit.target for fit in fits if fit.verdict == "fail")
    said = "No target of this run has a standard curve of its own."
    if fits:
        said = (
            f"Failed: {', '.join(failed)}. Samples get no number from a curve that failed."
            if failed
            else "All passed."
        )
    return Section(title="Standard curves", caption=said, tables=(fit_table(fits), left_out_table(uses)))


def fit_table(fits: Iterable[CurveFit]) -> Table:
    """One row a curve.

    Parameters
    ----------
    fits : iterable of CurveFit
        Curves of one run.

    Returns
    -------
    Table
        By target.
    """
    columns = (
        Column("Target"),
        Column("Verdict"),
        Column("Slope", number=True),
        Column("Efficiency, %", number=True),
        Column("R²", number=True),
        Column("Residual SD, cycles", number=True),
        Column("Standards"),
        Column("Reason", share=1),
    )
    rows = []
    for fit in sorted(fits, key=lambda one: one.target):
        failed = fit.verdict == "fail"
        ends = " to ".join(
            numbers.number(copies, unit="copies") for copies in (fit.lowest_copies, fit.highest_copies)
        )
        rows.append(
            (
                Cell(fit.target),
                Cell("failed" if failed else "passed", note=fit.rule_id, tone="act" if failed else ""),
                Cell(numbers.signed(fit.slope, 3)),
                Cell(f"{100 * fit.efficiency:.0f}"),
                Cell(f"{fit.r_squared:.4f}"),
                Cell(f"{fit.residual_sd_cycles:.2f}"),
                Cell(numbers.plural(fit.wells, "well"), note=f"{ends} copies"),
                Cell("; ".join(fit.reasons)),
            )
        )
    return Table(title="Curves", columns=columns, rows=tuple(rows))


def left_out_table(uses: Iterable[WellUse]) -> Table:
    """Wells that enter no result, each with its reason.

    Parameters
    ----------
    uses : iterable of WellUse
        What became of the wells of one run.

    Returns
    -------
    Table
        By target and place; wells that are used, and controls, are not in it.
    """
    columns = (Column("Target"), Column("Sample"), Column("Position"), Column("Reason", share=1))
    out = sorted(
        (use for use in uses if not use.used and use.decision != _CONTROL),
        key=lambda one: (one.target, one.position),
    )
    rows = [
        (Cell(use.target), Cell(use.sample), Cell(use.position), Cell(use.reason or use.decision))
        for use in out
    ]
    return Table(title="Wells left out", columns=columns, rows=tuple(rows))
