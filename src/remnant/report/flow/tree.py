"""The gate tree: one line a gate, indented below its parent, with a bar of its share on a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from remnant.records.flow import GateCount
from remnant.report import draw
from remnant.report.layout import labels, pixels
from remnant.report.palette import BAR, GRID, INK, MUTED

__all__ = ["describe", "spec", "svg"]

_ROW: Final = 22
_INDENT: Final = 18
_NAMES: Final = 230
_BARS: Final = 260
_COUNTS: Final = 150
_DECADES: Final = 6


def _share_place(share: float) -> float:
    """Pixels of a share on the log scale from 1e-6 to 1."""
    return _BARS * max(0.0, 1.0 + math.log10(max(share, 10.0**-_DECADES)) / _DECADES)


def spec(counts: Sequence[GateCount], total: int) -> dict[str, Any]:
    """Gate tree as a figure.

    Parameters
    ----------
    counts : sequence of GateCount
        Gates, each after its parent.
    total : int
        All events.

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    rows = [("all events", 0, total), *((one.gate, len(one.path), one.events) for one in counts)]
    names, bars, figures = [], [], []
    for place, (name, depth, events) in enumerate(rows):
        y = (place + 0.5) * _ROW
        names.append((depth * _INDENT + 0.0, y, name, INK))
        share = events / total if total else 0.0
        percent = f"{100 * share:.3g} %" if events else ""
        figures.append((_NAMES + _BARS + 64.0, y, f"{events:,}", INK))
        figures.append((_NAMES + _BARS + float(_COUNTS), y, percent, MUTED))
        if events:
            bars.append(
                {"x": _NAMES, "x2": _NAMES + _share_place(share), "y": y, "title": f"{name}: {events:,}"}
            )
    ticks = [
        {"x": _NAMES + _share_place(10.0**power), "y": 0.0, "y2": float(_ROW * len(rows))}
        for power in range(-_DECADES, 1)
    ]
    ends = ("10⁻⁶", "10⁻⁴", "10⁻²", "1")
    heads = [
        (_NAMES + _share_place(10.0**power), -8.0, text, MUTED)
        for power, text in zip(range(-_DECADES, 1, 2), ends, strict=True)
    ]
    return draw.configured(
        {
            "width": _NAMES + _BARS + _COUNTS,
            "height": _ROW * len(rows),
            "layer": [
                _rules(ticks),
                _bars(bars),
                *labels(names, halo=False, align="left"),
                *labels(figures, halo=False, align="right"),
                *labels(heads, halo=False, align="center"),
            ],
        }
    )


def _rules(rows: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": GRID, "strokeWidth": 1, "aria": False},
        "encoding": {"x": pixels("x"), "y": pixels("y"), "y2": {"field": "y2"}},
    }


def _bars(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": BAR, "strokeWidth": 12, "opacity": 1},
        "encoding": {
            "x": pixels("x"),
            "x2": {"field": "x2"},
            "y": pixels("y"),
            "description": {"field": "title"},
        },
    }


def describe(counts: Sequence[GateCount], total: int) -> str:
    """The tree in words.

    Parameters
    ----------
    counts : sequence of GateCount
        Gates.
    total : int
        All events.

    Returns
    -------
    str
        One sentence a gate.
    """
    told = " ".join(f"{' > '.join(one.path)}: {one.events:,}." for one in counts)
    return f"Gate tree of {total:,} events. {told}"


def svg(counts: Sequence[GateCount], total: int) -> str:
    """Gate tree as SVG.

    Parameters
    ----------
    counts : sequence of GateCount
        Gates.
    total : int
        All events.

    Returns
    -------
    str
        SVG with its description.
    """
    return draw.svg(spec(counts, total), description=describe(counts, total))
