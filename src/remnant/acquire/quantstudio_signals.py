"""Curves of an Applied Biosystems export from its multicomponent data, where it holds no amplification data.

Multicomponent data are the signal of every dye of a well, one row a cycle. A target's curve is the signal of its
reporter, divided by that of the passive reference (Rn, as the instrument computes it) where every well that is read has
one; otherwise no curve is divided, since a plate has one unit. Points of the stage and step with the most cycles count,
of several the last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.cells import CellError
from remnant.acquire.instrument import RawWell
from remnant.acquire.instrument_cells import DecimalSign, decimal_sign, number
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_tables import Header

__all__ = ["Signals", "add_curves"]

_CYCLE: Final = ("cycle", "cyclenumber")
_STAGE: Final = ("stage", "stagenumber")
_STEP: Final = ("step", "stepnumber")
_NO_DYE: Final = frozenset(
    {
        *_CYCLE,
        *_STAGE,
        *_STEP,
        "well",
        "wellposition",
        "target",
        "targetname",
        "sample",
        "samplename",
        "omit",
        "temperature",
    }
)

_Stage = tuple[str, str]  # stage and step
_Signals = dict[str, dict[str, dict[str, str]]]  # by place, dye and cycle, as written


@dataclass(slots=True)
class Signals:
    """Multicomponent data as they stand in an export.

    Attributes
    ----------
    stages : dict
        By stage and step: place, folded dye, cycle, signal as written.
    sheet : str or None
        Where they stand.
    """

    stages: dict[_Stage, _Signals] = field(default_factory=dict)
    sheet: str | None = None

    @staticmethod
    def told_by(header: Header) -> bool:
        """Whether a table is one of multicomponent data.

        Parameters
        ----------
        header : Header
            Its columns.

        Returns
        -------
        bool
            By the name of its section or sheet, and a column of cycles.
        """
        return fold(header.sheet or "").startswith("multicomponent") and header.has(*_CYCLE)

    def add(self, header: Header, place: str, cells: Sequence[str]) -> None:
        """Add a row.

        Parameters
        ----------
        header : Header
            Columns of the table.
        place : str
            Place of the well as written.
        cells : sequence of str
            The row.
        """
        self.sheet = header.sheet
        stage = header.cell(cells, *_STAGE), header.cell(cells, *_STEP)
        cycle = header.cell(cells, *_CYCLE)
        held = self.stages.setdefault(stage, {}).setdefault(place, {})
        for dye in header.places:
            if dye not in _NO_DYE:
                held.setdefault(dye, {})[cycle] = header.cell(cells, dye)


def _longest(signals: Signals, numbered: Mapping[str, str]) -> _Signals:
    """Stage and step with the most cycles, by the place of each well where the export numbers its wells."""

    def cycles(held: _Signals) -> int:
        return max((len(points) for dyes in held.values() for points in dyes.values()), default=0)

    stages = list(signals.stages.values())
    found = max(reversed(stages), key=cycles, default={})
    return {numbered.get(place.removesuffix(".0"), place): dyes for place, dyes in found.items()}


def _sign(wells: Sequence[RawWell], held: _Signals) -> DecimalSign | None:
    """Decimal sign of the export; None where it cannot be told or contradicts itself, which reading refuses later."""
    texts = (text for dyes in held.values() for points in dyes.values() for text in points.values())
    try:
        return decimal_sign((raw.cq or "" for raw in wells), texts)
    except CellError:
        return None


def _value(text: str, sign: DecimalSign | None) -> float | None:
    try:
        return number(text, sign) if text else None
    except CellError:
        return None


def _divides(passive: dict[str, str] | None, cycles: Sequence[str], sign: DecimalSign | None) -> bool:
    """Whether the passive reference has a signal above zero at every cycle."""
    values = [_value((passive or {}).get(cycle, ""), sign) for cycle in cycles]
    return bool(values) and all(
        value is not None and math.isfinite(value) and value > 0.0 for value in values
    )


def add_curves(
    signals: Signals,
    wells: Sequence[RawWell],
    points: Points,
    *,
    passive: str,
    numbered: Mapping[str, str],
) -> bool | None:
    """Curves of the wells whose reporter has a signal.

    Parameters
    ----------
    signals : Signals
        Multicomponent data.
    wells : sequence of RawWell
        Wells with target and reporter.
    points : Points
        Takes the curves.
    passive : str
        Passive reference as the export names it; empty for none.
    numbered : mapping of str to str
        Number of a well to its place, where the export has both.

    Returns
    -------
    bool or None
        Whether they are divided by the passive reference; None without a curve.
    """
    held = _longest(signals, numbered)
    read = [
        (raw, reporter)
        for raw in wells
        if (reporter := held.get(raw.position, {}).get(fold(raw.dye))) and any(reporter.values())
    ]
    if not read:
        return None
    sign = _sign(wells, held)
    unders = {raw.position: held[raw.position].get(fold(passive)) for raw, _ in read}
    divided = bool(passive) and all(_divides(unders[raw.position], list(curve), sign) for raw, curve in read)
    points.sheet = signals.sheet
    for raw, curve in read:
        under = unders[raw.position]
        for cycle, text in curve.items():
            shown = _over(text, (under or {}).get(cycle, ""), sign) if divided else text
            points.add((raw.position, raw.target), cycle, shown, row=raw.row)
    return divided


def _over(text: str, under: str, sign: DecimalSign | None) -> str:
    """Reporter over passive reference, written as the export writes numbers; what is no number stays as it is."""
    value, below = _value(text, sign), _value(under, sign)
    if value is None or below is None:
        return text
    return repr(value / below).replace(".", sign or ".")
