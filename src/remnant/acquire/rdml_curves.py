"""Amplification curves of an RDML file, as one array over all its wells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from remnant.acquire.limits import range_of, size
from remnant.acquire.rdml_xml import RawData
from remnant.records.finding import Problem
from remnant.records.run import Curves, Well

__all__ = ["read_curves"]

_Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def _curve(data: RawData) -> _Curve | None:
    """Cycles and fluorescence of one well; None if they cannot be a curve."""
    bounds = range_of("cycles")
    cycles, fluorescence = data.cycles, data.fluorescence
    numbers = cycles.tolist()
    good = (
        not data.broken_curve
        and len(cycles) == len(fluorescence)
        and bounds is not None
        and all(number in bounds and number.is_integer() for number in numbers)
        and len(set(numbers)) == len(numbers)
        and not np.isinf(fluorescence).any()
    )
    return (cycles, fluorescence) if good else None


def _problem(file: str, well: Well) -> Problem:
    return Problem(
        code="rdml.curve",
        file=file,
        sheet=f"{well.run_id}, well {well.position}, target {well.target}",
        column="adp",
        expected=f"a fluorescence for each cycle, each cycle once, cycles {range_of('cycles')}",
        advice="Export the file again.",
    )


def read_curves(file: str, pairs: list[tuple[Well, RawData]]) -> tuple[tuple[Curves, ...], list[Problem]]:
    """Curves of all wells that have one.

    Parameters
    ----------
    file : str
        File name for messages.
    pairs : list of (Well, RawData)
        Wells and their texts.

    Returns
    -------
    curves : tuple of Curves
        One with all curves on the union of their cycles, NaN where a well has none; empty without curves.
    problems : list of Problem
        Curves that cannot be read, or too many.
    """
    with_curve = [
        (well, data)
        for well, data in pairs
        if data.broken_curve or data.cycles.size or data.fluorescence.size
    ]
    read = [(well, _curve(data)) for well, data in with_curve]
    problems = [_problem(file, well) for well, curve in read if curve is None]
    rows = [(well, curve) for well, curve in read if curve is not None]
    if not rows:
        return (), problems
    cycles = np.unique(np.concatenate([at for _, (at, _) in rows]))
    if len(rows) * len(cycles) > size("curve_points"):
        problems.append(
            Problem(
                code="rdml.curve_points",
                file=file,
                value=f"{len(rows):,} curves of {len(cycles)} cycles",
                expected=f"at most {size('curve_points'):,} points",
                advice="Split the file.",
            )
        )
        return (), problems
    values = np.full((len(rows), len(cycles)), np.nan)
    for i, (_, (at, fluorescence)) in enumerate(rows):
        values[i, np.searchsorted(cycles, at)] = fluorescence
    wells = tuple((well.run_id, well.position, well.target) for well, _ in rows)
    return (Curves(wells=wells, cycles=cycles, fluorescence=values),), problems
