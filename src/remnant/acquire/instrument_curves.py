"""Amplification curves of an instrument export, gathered point by point in any order."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from remnant.acquire.cells import CellError
from remnant.acquire.instrument_cells import number
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.limits import range_of, size
from remnant.records.run import Curves, Well

__all__ = ["Points", "read_curves"]

_PLAIN: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SHOWN: Final = 200
_LONGEST: Final = 60
_MISSING: Final = frozenset({"", "nan", "n/a", "-"})


@dataclass(slots=True)
class _Curve:
    """Points of one well and target; `pending` are numbers with a comma, understood once the sign is known."""

    cycles: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    pending: list[tuple[int, str]] = field(default_factory=list)
    row: int | None = None


@dataclass(slots=True)
class Points:
    """Fluorescence of wells, one number after another.

    Attributes
    ----------
    curves : dict of (str, str) to _Curve
        By place and target as written.
    pointed : int
        Numbers with a decimal point.
    total : int
        Numbers.
    sheet : str or None
        Where they stand.
    """

    curves: dict[tuple[str, str], _Curve] = field(default_factory=dict)
    pointed: int = 0
    total: int = 0
    sheet: str | None = None
    _shown: list[str] = field(default_factory=list)

    def add(self, key: tuple[str, str], cycle: str, fluorescence: str, *, row: int | None = None) -> None:
        """Add one point.

        Parameters
        ----------
        key : tuple of str
            Place and target as written.
        cycle, fluorescence : str
            Cells; an empty or NaN fluorescence is a missing point.
        row : int or None, default None
            Row, for problems.
        """
        key = (key[0].strip(), key[1].strip())
        curve = self.curves.get(key)
        if curve is None:
            curve = self.curves[key] = _Curve(row=row)
        cycle, fluorescence = cycle.strip(), fluorescence.strip()
        if fluorescence.casefold() in _MISSING:
            return
        self.total += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(fluorescence[:_LONGEST])
        curve.cycles.append(float(cycle) if _PLAIN.fullmatch(cycle[:_LONGEST]) else float("nan"))
        if _PLAIN.fullmatch(fluorescence):
            self.pointed += "." in fluorescence
            curve.values.append(float(fluorescence[:_LONGEST]))
            return
        curve.pending.append((len(curve.values), fluorescence[:_LONGEST]))
        curve.values.append(float("nan"))

    def texts(self) -> Iterable[str]:
        """First numbers as written.

        Returns
        -------
        iterable of str
            By which the decimal sign is told.
        """
        return self._shown


def _resolved(reading: Reading, curve: _Curve) -> bool:
    """Whether all its points can be read; fills in those with a comma."""
    for place, text in curve.pending:
        try:
            curve.values[place] = number(text, reading.sign)
        except CellError:
            return False
    cycles = np.frombuffer(curve.cycles) if curve.cycles else np.empty(0)
    values = np.frombuffer(curve.values) if curve.values else np.empty(0)
    bounds = range_of("cycles")
    return bool(
        bounds is not None
        and np.isfinite(cycles).all()
        and np.isfinite(values).all()
        and (cycles == np.floor(cycles)).all()
        and all(cycle in bounds for cycle in (cycles.min(initial=1), cycles.max(initial=1)))
        and len(np.unique(cycles)) == len(cycles)
    )


def _targets(wells: list[Well]) -> dict[str, list[Well]]:
    by_place: dict[str, list[Well]] = {}
    for well in wells:
        by_place.setdefault(well.position, []).append(well)
    return by_place


def _well_of(at_place: list[Well], target: str) -> Well | None:
    """Well that a curve belongs to: by its target, or the only one of the place."""
    named = [well for well in at_place if well.target == target]
    if named:
        return named[0]
    return at_place[0] if len(at_place) == 1 and not target else None


def _refuse_curve(reading: Reading, points: Points, key: tuple[str, str], curve: _Curve) -> None:
    reading.refuse(
        "instrument.curve",
        f"a fluorescence for each cycle, each cycle once, cycles {range_of('cycles')}",
        "Export the file again; it may have been cut or changed.",
        sheet=points.sheet,
        row=curve.row,
        column="fluorescence",
        value=", ".join(part[:100] for part in key if part),
    )


def _kept(
    reading: Reading, wells: list[Well], points: Points, place: Callable[[str], str]
) -> list[tuple[Well, _Curve]]:
    """Curves with points that belong to a well of the results."""
    by_place = _targets(wells)
    kept: list[tuple[Well, _Curve]] = []
    taken: set[tuple[str, str]] = set()
    for key, curve in points.curves.items():
        if not curve.cycles:
            continue
        try:
            position = place(key[0])
        except CellError:
            position = ""
        well = _well_of(by_place.get(position, []), key[1])
        if not position or not _resolved(reading, curve):
            _refuse_curve(reading, points, key, curve)
        elif well is None:
            reading.counts["curves_without_well"] += 1
        elif (well.position, well.target) in taken:
            _refuse_curve(reading, points, key, curve)
        else:
            taken.add((well.position, well.target))
            kept.append((well, curve))
    return kept


def read_curves(
    reading: Reading, run_id: str, wells: list[Well], points: Points, *, place: Callable[[str], str]
) -> Curves | None:
    """Curves of the wells that have one.

    Parameters
    ----------
    reading : Reading
        Takes the problems; its decimal sign is known.
    run_id : str
        The run.
    wells : list of Well
        Wells of the results.
    points : Points
        Points as written.
    place : callable
        Place of a well from what is written; raises `CellError`.

    Returns
    -------
    Curves or None
        All curves on the union of their cycles, NaN where a well has none; None without curves.
    """
    if reading.sign == "," and points.pointed:
        reading.refuse(
            "cell.decimal_signs",
            "one decimal sign in the whole file",
            "Export it again, without passing it through a spreadsheet program.",
            sheet=points.sheet,
            column="fluorescence",
        )
        return None
    kept = _kept(reading, wells, points, place)
    if not kept:
        return None
    cycles = np.unique(np.concatenate([np.frombuffer(curve.cycles) for _, curve in kept]))
    if len(kept) * len(cycles) > size("curve_points"):
        reading.refuse(
            "instrument.curve_points",
            f"at most {size('curve_points'):,} points",
            "Split the file.",
            value=f"{len(kept):,} curves of {len(cycles)} cycles",
        )
        return None
    fluorescence = np.full((len(kept), len(cycles)), np.nan)
    for i, (_, curve) in enumerate(kept):
        fluorescence[i, np.searchsorted(cycles, np.frombuffer(curve.cycles))] = np.frombuffer(curve.values)
    return Curves(
        wells=tuple((run_id, well.position, well.target) for well, _ in kept),
        cycles=cycles,
        fluorescence=fluorescence,
    )
