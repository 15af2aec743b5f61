"""Density plots with gates, drawn from binned events: one hue, light to dark, on a log scale of counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from remnant.records.flow import DensityGrid
from remnant.report import draw
from remnant.report.layout import labels, pixels
from remnant.report.palette import ACT, GRID, INK, MUTED

__all__ = ["Outline", "Plot", "describe", "spec", "svg"]

_SIDE: Final = 260
_COLUMNS: Final = 3
_SHADES: Final = ("#d6ecf9", "#a9d6f0", "#7bbfe6", "#4ba3d3", "#2a82b5", "#126192", "#0a3f63")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A gate on a plot.

    Attributes
    ----------
    name : str
        Gate.
    events : int
        Events inside.
    x, y : tuple of float
        Corners on the axes' scales.
    """

    name: str
    events: int
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One density with its gates.

    Attributes
    ----------
    title : str
        Heading: which events are shown.
    grid : DensityGrid
        Binned events.
    outlines : tuple of Outline
        Gates.
    """

    title: str
    grid: DensityGrid
    outlines: tuple[Outline, ...] = ()


def _place(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _cells(grid: DensityGrid) -> list[dict[str, Any]]:
    rows, columns = len(grid.counts), len(grid.counts[0])
    highest = math.log10(max(2, *(max(row) for row in grid.counts)))
    height, width = _SIDE / rows, _SIDE / columns
    return [
        {
            "x": column * width,
            "x2": (column + 1) * width + 0.3,
            "y": _SIDE - (row + 1) * height - 0.3,
            "y2": _SIDE - row * height,
            "colour": _SHADES[min(len(_SHADES) - 1, int(math.log10(count) / highest * len(_SHADES)))],
        }
        for row, held in enumerate(grid.counts)
        for column, count in enumerate(held)
        if count
    ]


def _gates(plot: Plot) -> list[dict[str, Any]]:
    grid = plot.grid
    layers: list[dict[str, Any]] = []
    texts: list[tuple[float, float, str, str]] = []
    ending: list[tuple[float, float, str, str]] = []
    for outline in plot.outlines:
        x = [_SIDE * _place(v, grid.x_low, grid.x_high) for v in (*outline.x, outline.x[0])]
        y = [_SIDE * (1 - _place(v, grid.y_low, grid.y_high)) for v in (*outline.y, outline.y[0])]
        values = [{"x": a, "y": b, "order": n} for n, (a, b) in enumerate(zip(x, y, strict=True))]
        layers.append(
            {
                "data": {"values": values},
                "mark": {"type": "line", "color": ACT, "strokeWidth": 1.4, "aria": False},
                "encoding": {
                    "x": pixels("x"),
                    "y": pixels("y"),
                    "order": {"field": "order", "type": "quantitative"},
                },
            }
        )
        text = f"{outline.name} {outline.events:,}"
        right = min(x) > _SIDE / 2.0
        (ending if right else texts).append(
            (max(x) - 4.0 if right else min(x) + 4.0, min(y) + 9.0, text, INK)
        )
    return [*layers, *labels(texts, align="left"), *labels(ending, align="right")]


def _panel(plot: Plot) -> dict[str, Any]:
    frame = [{"x": 0, "x2": _SIDE, "y": 0, "y2": _SIDE}]
    axes = [(_SIDE / 2.0, _SIDE + 14.0, f"{plot.grid.x_name} →", MUTED)]
    side = [(-12.0, _SIDE / 2.0, f"{plot.grid.y_name} →", MUTED)]
    span = {"x": pixels("x"), "x2": {"field": "x2"}, "y": pixels("y"), "y2": {"field": "y2"}}
    colour = {"field": "colour", "type": "nominal", "scale": None}
    return {
        "width": _SIDE,
        "height": _SIDE,
        "title": plot.title,
        "layer": [
            {
                "data": {"values": frame},
                "mark": {"type": "rect", "fill": None, "stroke": GRID, "aria": False},
                "encoding": span,
            },
            {
                "data": {"values": _cells(plot.grid)},
                "mark": {"type": "rect", "aria": False},
                "encoding": {**span, "color": colour},
            },
            *_gates(plot),
            *labels(axes, halo=False, align="center"),
            *labels(side, halo=False, align="center", angle=270),
        ],
    }


def spec(plots: Sequence[Plot]) -> dict[str, Any]:
    """Density plots side by side.

    Parameters
    ----------
    plots : sequence of Plot
        At least one.

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    view = {"concat": [_panel(plot) for plot in plots], "columns": _COLUMNS, "spacing": 60, "bounds": "flush"}
    return draw.configured(view)


def describe(plots: Sequence[Plot]) -> str:
    """Plots in words.

    Parameters
    ----------
    plots : sequence of Plot
        Plots.

    Returns
    -------
    str
        One sentence a plot.
    """
    told = []
    for plot in plots:
        gates = ", ".join(f"{one.name} holds {one.events:,}" for one in plot.outlines)
        total = sum(map(sum, plot.grid.counts))
        told.append(
            f"{plot.grid.y_name} against {plot.grid.x_name} of {total:,} events{': ' if gates else ''}{gates}."
        )
    return " ".join(told)


def svg(plots: Sequence[Plot]) -> str:
    """Density plots as SVG.

    Parameters
    ----------
    plots : sequence of Plot
        At least one.

    Returns
    -------
    str
        SVG with its description.
    """
    return draw.svg(spec(plots), description=describe(plots))
