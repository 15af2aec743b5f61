"""Which curves of a file are kept to be drawn: those to look at, and a typical one of their targets.

Curves stay in the originals. The few that a person should see are kept beside what was read off them, so that a report
need not read the originals again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from remnant.assay.qpcr.amplification_cq import Disagreement
from remnant.records.amplification import CurveResult, CurveTrace
from remnant.records.run import Curves

__all__ = ["traces"]

Place = tuple[str, str, str]

_MOST: Final = 24
"""Curves of one run: as many as one looks through."""
_FIRST: Final = ("call", "doubtful", "cq")


def traces(
    curves: Sequence[Curves], results: Sequence[CurveResult], apart: Sequence[Disagreement]
) -> tuple[CurveTrace, ...]:
    """Fluorescence of the wells to look at, at most 24 of a run, and of a typical curve of each of their targets.

    Parameters
    ----------
    curves : sequence of Curves
        Fluorescence of a file.
    results : sequence of CurveResult
        Its curves, read by us.
    apart : sequence of Disagreement
        Its wells to look at.

    Returns
    -------
    tuple of CurveTrace
        Where call and instrument contradict each other first, then doubtful curves, then two Cq by their distance;
        typical curves last.

    Examples
    --------
    >>> traces([], [], [])
    ()
    """
    by_run: dict[str, list[Disagreement]] = defaultdict(list)
    for one in apart:
        by_run[one.well.run_id].append(one)
    wanted = [_place(one.result) for held in by_run.values() for one in sorted(held, key=_urgency)[:_MOST]]
    typical = _typical(results, wanted, {_place(one.result) for one in apart})
    rows = {place: (plate, row) for plate in curves for row, place in enumerate(plate.wells)}
    return (*_of(wanted, rows, typical=False), *_of(typical, rows, typical=True))


def _place(result: CurveResult) -> Place:
    return result.run_id, result.position, result.target


def _urgency(one: Disagreement) -> tuple[int, float]:
    return _FIRST.index(one.kind), -abs(one.away_cycles or 0.0)


def _typical(results: Sequence[CurveResult], wanted: Sequence[Place], apart: set[Place]) -> list[Place]:
    """The amplified curve of median height of each target that has a well to look at."""
    held: dict[tuple[str, str], list[CurveResult]] = {(run, target): [] for run, _, target in wanted}
    for one in results:
        key = one.run_id, one.target
        if key in held and one.call == "amplified" and one.height is not None and _place(one) not in apart:
            held[key].append(one)
    ordered = (sorted(group, key=lambda one: one.height or 0.0) for group in held.values())
    return [_place(group[(len(group) - 1) // 2]) for group in ordered if group]


def _of(
    places: Sequence[Place], rows: dict[Place, tuple[Curves, int]], *, typical: bool
) -> Iterator[CurveTrace]:
    for place in places:
        plate, row = rows[place]
        run, position, target = place
        values = plate.fluorescence[row]
        yield CurveTrace(
            run_id=run,
            position=position,
            target=target,
            typical=typical,
            cycles=tuple(plate.cycles.tolist()),
            fluorescence=tuple(
                value if seen else None
                for value, seen in zip(values.tolist(), np.isfinite(values).tolist(), strict=True)
            ),
        )
