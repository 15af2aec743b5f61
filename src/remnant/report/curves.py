"""Amplification curves: our Cq beside the instrument's, one page a run, and all runs in one table.

The page of a run begins with its standard curves: whoever is sent there by the worklist asks why one failed.

Two ways of reading a curve differ by a constant that a standard curve takes up. So the usual difference of the
run and target (the median) stands beside each, and what is far from it is marked.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from remnant.assay.qpcr.amplification_cq import disagreements, usual_differences
from remnant.knowledge.qpcr_curves import amplification_rules
from remnant.records.amplification import CURVE_CALLS, CurveResult, CurveTrace
from remnant.records.measurement import CurveFit, WellUse
from remnant.records.run import Well
from remnant.report import curve_pictures, html, numbers, standard_curves
from remnant.report.context import Context
from remnant.report.table import Cell, Column, Section, Table, Tone

__all__ = ["RunCurves", "file_names", "of_runs", "page", "run_page", "run_table", "table"]

_TONES: Final[dict[str, Tone]] = {"doubtful": "look", "not amplified": "muted", "amplified": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCurves:
    """The curves of one run with the wells they were read from.

    Attributes
    ----------
    run_id : str
        The run.
    curves : tuple of CurveResult
        Read by us, by target and place.
    wells : mapping of (str, str) to Well
        By position and target, with the instrument's Cq.
    usual : mapping of str to float
        Median of our Cq less the instrument's by target, cycles; no key where no well has both.
    traces : tuple of CurveTrace
        Fluorescence of wells that are to be looked at, and of a typical curve of each of their targets.
    fits : tuple of CurveFit
        Standard curves of the run.
    uses : tuple of WellUse
        What became of its wells.
    """

    run_id: str
    curves: tuple[CurveResult, ...]
    wells: Mapping[tuple[str, str], Well]
    usual: Mapping[str, float]
    traces: tuple[CurveTrace, ...] = field(default=(), repr=False)
    fits: tuple[CurveFit, ...] = ()
    uses: tuple[WellUse, ...] = field(default=(), repr=False)

    def well(self, curve: CurveResult) -> Well | None:
        """The well of a curve.

        Parameters
        ----------
        curve : CurveResult
            One of the run's.

        Returns
        -------
        Well or None
            None where the file stored a curve without a well.
        """
        return self.wells.get((curve.position, curve.target))

    def difference(self, curve: CurveResult) -> float | None:
        """Our Cq less the instrument's.

        Parameters
        ----------
        curve : CurveResult
            One of the run's.

        Returns
        -------
        float or None
            Cycles; None where either has none.
        """
        well = self.well(curve)
        return None if well is None or well.cq is None or curve.cq is None else curve.cq - well.cq

    def is_apart(self, curve: CurveResult) -> bool:
        """Whether the two readings do not agree.

        Parameters
        ----------
        curve : CurveResult
            One of the run's.

        Returns
        -------
        bool
            True where only one sees amplification, or the difference is beyond the rule from the usual one.
        """
        well, difference = self.well(curve), self.difference(curve)
        if well is None or curve.call == "doubtful":
            return False
        if well.detected is not None and well.detected != (curve.call == "amplified"):
            return True
        usual = self.usual.get(curve.target, 0.0)
        return difference is not None and abs(difference - usual) > amplification_rules().cq_difference


def of_runs(
    wells: Iterable[Well],
    results: Iterable[CurveResult],
    *,
    traces: Iterable[CurveTrace] = (),
    fits: Iterable[CurveFit] = (),
    uses: Iterable[WellUse] = (),
) -> tuple[RunCurves, ...]:
    """Curves and wells of a study, run by run.

    Parameters
    ----------
    wells : iterable of Well
        With the instrument's Cq.
    results : iterable of CurveResult
        Curves read by us.
    traces : iterable of CurveTrace, default ()
        Fluorescence of the wells that are to be looked at.
    fits : iterable of CurveFit, default ()
        Standard curves.
    uses : iterable of WellUse, default ()
        What became of each well.

    Returns
    -------
    tuple of RunCurves
        Runs with at least one curve, by name.
    """
    curves: dict[str, list[CurveResult]] = defaultdict(list)
    for one in results:
        curves[one.run_id].append(one)
    held: dict[str, list[Well]] = defaultdict(list)
    for well in wells:
        if well.run_id in curves:
            held[well.run_id].append(well)
    drawn, fitted, used = _by_run(traces), _by_run(fits), _by_run(uses)
    return tuple(
        RunCurves(
            run_id=run,
            curves=tuple(sorted(curves[run], key=lambda one: (one.target, one.position))),
            wells={(well.position, well.target): well for well in held[run]},
            usual={target: value for (_, target), value in usual_differences(held[run], curves[run]).items()},
            traces=tuple(drawn[run]),
            fits=tuple(fitted[run]),
            uses=tuple(used[run]),
        )
        for run in sorted(curves)
    )


_Of = TypeVar("_Of", CurveTrace, CurveFit, WellUse)


def _by_run(records: Iterable[_Of]) -> dict[str, list[_Of]]:
    held: dict[str, list[_Of]] = defaultdict(list)
    for one in records:
        held[one.run_id].append(one)
    return held


def file_names(runs: Iterable[str]) -> dict[str, str]:
    """Name of each run's page: its own as far as a file may be called so, numbered where two would be one.

    Parameters
    ----------
    runs : iterable of str
        Names of runs.

    Returns
    -------
    dict of str to str
        Different files for different runs, upper and lower case taken as one.

    Examples
    --------
    >>> file_names(["R-001", "R/2", "R:2"])
    {'R-001': 'R-001.html', 'R/2': 'R-2.html', 'R:2': 'R-2.2.html'}
    """
    taken: set[str] = set()
    found = {}
    for run in runs:
        plain = re.sub(r"[^\w-]+", "-", run)[:80] or "run"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}.{number}"
        taken.add(name.lower())
        found[run] = f"{name}.html"
    return found


def table(runs: Sequence[RunCurves], *, links: Mapping[str, str]) -> Table:
    """All runs, one row a target.

    Parameters
    ----------
    runs : sequence of RunCurves
        In the order they are to be read.
    links : mapping of str to str
        Page of each run.

    Returns
    -------
    Table
        How many curves were called what, and how far our Cq lies from the instrument's.
    """
    columns = (
        Column("Run"),
        Column("Target"),
        Column("Curves", number=True),
        *(Column(call.capitalize(), number=True) for call in CURVE_CALLS),
        Column("Usual difference, cycles", number=True),
        Column("Not in agreement", number=True),
    )
    rows = []
    for run in runs:
        for target in sorted({one.target for one in run.curves}):
            held = [one for one in run.curves if one.target == target]
            counts = Counter(one.call for one in held)
            apart = sum(run.is_apart(one) for one in held)
            rows.append(
                (
                    Cell(run.run_id, link=links.get(run.run_id, "")),
                    Cell(target),
                    Cell(str(len(held))),
                    *(
                        Cell(str(counts[call]), tone="look" if call == "doubtful" and counts[call] else "")
                        for call in CURVE_CALLS
                    ),
                    Cell(numbers.signed(run.usual.get(target))),
                    Cell(str(apart), tone="look" if apart else ""),
                )
            )
    return Table(title="Runs with curves", columns=columns, rows=tuple(rows))


def run_table(run: RunCurves) -> Table:
    """Every curve of a run.

    Parameters
    ----------
    run : RunCurves
        The run.

    Returns
    -------
    Table
        One row a curve, by target and place.
    """
    columns = (
        Column("Target"),
        Column("Sample"),
        Column("Position"),
        Column("Instrument's Cq", number=True),
        Column("Our Cq ± SE", number=True),
        Column("Difference, cycles", number=True),
        Column("Curve"),
        Column("Reason", share=1),
    )
    return Table(
        title=f"Curves of run {run.run_id}", columns=columns, rows=tuple(_row(run, one) for one in run.curves)
    )


def _row(run: RunCurves, curve: CurveResult) -> tuple[Cell, ...]:
    well = run.well(curve)
    theirs = "not stored" if well is None or well.detected is None else "none"
    if well is not None and well.cq is not None:
        theirs = f"{well.cq:.2f}"
    ours = "none" if curve.cq is None else f"{curve.cq:.2f}"
    spread = f" ± {curve.cq_se:.2f}" if curve.cq is not None and curve.cq_se is not None else ""
    difference = run.difference(curve)
    return (
        Cell(curve.target),
        Cell(
            well.sample if well is not None else "",
            note=f"left out: {well.excluded}" if well is not None and well.excluded else "",
        ),
        Cell(curve.position),
        Cell(theirs, sort=_key(None if well is None else well.cq)),
        Cell(ours + spread, sort=_key(curve.cq)),
        Cell(numbers.signed(difference), sort=_key(difference), tone="look" if run.is_apart(curve) else ""),
        Cell(curve.call, tone="look" if run.is_apart(curve) else _TONES[curve.call]),
        Cell(curve.reason),
    )


def _key(value: float | None) -> str:
    """Sorts wells without a number behind all others."""
    return "1000" if value is None else f"{value:.4f}"


def page(
    runs: Sequence[RunCurves], *, links: Mapping[str, str], cq_source: str, context: Context, synthetic: bool
) -> str:
    """Self-contained HTML page of all runs.

    Parameters
    ----------
    runs : sequence of RunCurves
        Runs with curves.
    links : mapping of str to str
        Page of each run.
    cq_source : str
        Which Cq the study counts: that of the instrument, ours, or ours combined.
    context : Context
        What the page says about itself.
    synthetic : bool
        Whether the data are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    section = Section(
        title="Our Cq beside the instrument's",
        caption=f"{_used(cq_source)} {_reading()} Every well has its row on the page of its run.",
        tables=(table(runs, links=links),),
    )
    return html.render(
        "sections.html",
        context=context,
        synthetic=synthetic,
        heading="amplification curves",
        sections=[section],
    )


def run_page(run: RunCurves, *, cq_source: str, context: Context, synthetic: bool) -> str:
    """Self-contained HTML page of one run.

    Parameters
    ----------
    run : RunCurves
        The run.
    cq_source : str
        Which Cq the study counts.
    context : Context
        What the page says about itself.
    synthetic : bool
        Whether the data are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    usual = "; ".join(f"{target} {numbers.signed(value)}" for target, value in sorted(run.usual.items()))
    said = f" Usual difference: {usual}." if usual else ""
    section = Section(
        title="Our Cq beside the instrument's",
        caption=f"{_used(cq_source)} {_reading()}{said}",
        tables=(run_table(run),),
    )
    looked = disagreements(tuple(run.wells.values()), run.curves)
    pictures = curve_pictures.section(looked, run.traces)
    return html.render(
        "sections.html",
        context=context,
        synthetic=synthetic,
        heading=f"curves of run {run.run_id}",
        up=("Amplification curves", "../curves.html") if context.index_link else None,
        sections=[standard_curves.section(run.fits, run.uses), pictures, section],
    )


def _used(cq_source: str) -> str:
    words = {
        "instrument": "The study counts the instrument's Cq; ours is for comparison.",
        "ours": "The study counts our Cq; the instrument's is for comparison.",
        "combined": "The study counts a combination of several of our cycles; the instrument's Cq is for comparison.",
    }
    return words[cq_source]


def _reading() -> str:
    return (
        "The two are read differently: what counts is how far a well lies from the usual difference (the median) of its "
        f"run and target. Marked: more than {amplification_rules().cq_difference:g} cycles from it, or only one of the two "
        "sees amplification. SE: standard error of this curve's fluorescence, without pipetting and counting."
    )
