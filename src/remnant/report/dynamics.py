"""Pictures of clone dynamics: trajectories, relapse routes, clones over time, the model itself.

Every function gives a Vega-Lite specification; `remnant.report.draw` makes SVG, PNG or PDF of it. A simulation is
drawn as a fan (median, 50 % and 90 % of courses) under the bars of its therapies; counts below one cell lie on the
floor of the axis, which says so. The three stages of a fan are told apart by lightness, types by colour and by name
at the line's end. A forecast from priors says so in its title.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.dynamics.model import CellType, Model, Therapy
from remnant.dynamics.simulate import Trajectories
from remnant.forecast.routes import NO_RELAPSE, REFRACTORY, EscapeForecast
from remnant.report.draw import HALO, configured
from remnant.report.palette import BAR, GRID, INK, MUTED, PAPER

__all__ = ["CLONE_HUES", "clone_plot", "model_diagram", "route_bars", "route_hues", "trajectory_fans"]

FloatArray = npt.NDArray[np.float64]
Spec = dict[str, Any]

CLONE_HUES: Final = ("#0072b2", "#d55e00", "#8c6d1f", "#cc79a7", "#56b4e9", "#009e73", MUTED)
"""Hues of clones and routes, in the order in which a model names them."""

_WIDTH: Final = 620
_FLOOR: Final = 0.5
_LANE: Final = 15
_COLUMN, _ROW, _GAP = 210, 84, 0.08


def route_hues(routes: Iterable[str]) -> dict[str, str]:
    """One hue a route, the same in every picture.

    Parameters
    ----------
    routes : iterable of str
        In the order in which the model names them.

    Returns
    -------
    dict of str to str
        Hexadecimal colours.

    Examples
    --------
    >>> route_hues(["CD19-positive"])
    {'CD19-positive': '#0072b2'}
    """
    return dict(zip(routes, CLONE_HUES, strict=False))


def trajectory_fans(
    runs: Trajectories,
    groups: Mapping[str, Sequence[str]],
    *,
    therapies: Sequence[Therapy] = (),
    hues: Mapping[str, str] | None = None,
    title: str = "",
) -> Spec:
    """Fans of the sizes of groups of types, under the bars of the therapies.

    Parameters
    ----------
    runs : Trajectories
        Simulated courses; those that crossed a watched limit stay at their size of that day.
    groups : mapping of str to sequence of str
        Types summed under each label.
    therapies : sequence of Therapy, default ()
        Windows drawn as bars above.
    hues : mapping of str to str or None, default None
        Colours of some labels, so that a subset keeps those of the whole.
    title : str, default ""
        What is shown.

    Returns
    -------
    dict
        Vega-Lite specification: one panel a group, on one time axis.
    """
    paint = {**route_hues(groups), **(hues or {})}
    top = _ceiling(runs, groups)
    days = [float(runs.days[0]), float(runs.days[-1])]
    panels = [
        _fan(
            label,
            _quantiles(runs, names),
            hue=paint[label],
            days=days,
            top=top,
            last=label == list(groups)[-1],
        )
        for label, names in groups.items()
    ]
    lanes = [_therapy_lanes(therapies, days)] if therapies else []
    return configured({"title": {"text": title}, "vconcat": [*lanes, *panels], "spacing": 10})


def route_bars(forecasts: Sequence[EscapeForecast], *, title: str = "") -> Spec:
    """Probability of each outcome, one row a patient and plan, as bars with their range over the priors' draws.

    Parameters
    ----------
    forecasts : sequence of EscapeForecast
        Patients and plans to compare.
    title : str, default ""
        What is shown.

    Returns
    -------
    dict
        Vega-Lite specification: one panel an outcome, Monte-Carlo error as whiskers.
    """
    shown = [share.outcome for share in forecasts[0].shares if _ever(forecasts, share.outcome)]
    routes = [share.outcome for share in forecasts[0].shares if share.outcome not in {NO_RELAPSE, REFRACTORY}]
    hues = {**route_hues(routes), NO_RELAPSE: BAR, REFRACTORY: MUTED}
    rows = [f"{forecast.patient} · {forecast.plan}" for forecast in forecasts]
    values = [
        {
            "row": row,
            "outcome": share.outcome,
            "percent": 100.0 * share.probability,
            "low": 100.0 * max(0.0, share.probability - 2.0 * share.standard_error),
            "high": 100.0 * min(1.0, share.probability + 2.0 * share.standard_error),
            "text": _percent(share.probability, share.standard_error),
        }
        for row, forecast in zip(rows, forecasts, strict=True)
        for share in forecast.shares
        if share.outcome in shown
    ]
    panels = [
        _outcome_panel(values, outcome, hue=hues[outcome], rows=rows, last=outcome == shown[-1])
        for outcome in shown
    ]
    return configured({"title": {"text": title}, "vconcat": panels, "spacing": 14})


def clone_plot(
    days: FloatArray, cells: Mapping[str, FloatArray], *, therapies: Sequence[Therapy] = (), title: str = ""
) -> Spec:
    """Clones of one course as nested bands (fish plot): height is the logarithm of all cells, shared by clone.

    Parameters
    ----------
    days : ndarray, shape (t,)
        Days.
    cells : mapping of str to ndarray, shape (t,)
        Cells of each clone.
    therapies : sequence of Therapy, default ()
        Windows drawn as bars above.
    title : str, default ""
        What is shown.

    Returns
    -------
    dict
        Vega-Lite specification. Within a day the height is split by share of the cells, so that a clone that takes
        over is seen to take over; the table beside it has the numbers.
    """
    table = np.stack(list(cells.values()))
    total = table.sum(axis=0)
    height = np.log10(np.maximum(total, 1.0))
    edges = np.cumsum(np.where(total > 0.0, table / np.maximum(total, 1.0), 0.0), axis=0) * height
    edges = np.vstack([np.zeros_like(height), edges]) - 0.5 * height
    values = [
        {"day": float(day), "low": float(low), "high": float(high), "clone": name}
        for name, lows, highs in zip(cells, edges[:-1], edges[1:], strict=True)
        for day, low, high in zip(days, lows, highs, strict=True)
    ]
    hues = list(CLONE_HUES[: len(cells)])
    span = [float(days[0]), float(days[-1])]
    fish = {
        "width": _WIDTH,
        "height": 170,
        "data": {"values": values},
        "mark": {"type": "area", "stroke": PAPER, "strokeWidth": 1},
        "encoding": {
            "x": {
                "field": "day",
                "type": "quantitative",
                "scale": {"domain": span, "nice": False},
                "axis": {"title": "days from the start of therapy", "grid": False, "tickCount": 8},
            },
            "y": {
                "field": "low",
                "type": "quantitative",
                "axis": {
                    "title": "width: log₁₀ of all cells",
                    "grid": False,
                    "labels": False,
                    "ticks": False,
                },
            },
            "y2": {"field": "high"},
            "color": {
                "field": "clone",
                "type": "nominal",
                "scale": {"domain": list(cells), "range": hues},
                "legend": {"title": None, "orient": "bottom", "columns": 2, "labelLimit": 420},
            },
        },
    }
    lanes = [_therapy_lanes(therapies, span)] if therapies else []
    return configured({"title": {"text": title}, "vconcat": [*lanes, fish], "spacing": 8})


def model_diagram(model: Model, *, leave_out: Sequence[str] = (), title: str = "") -> Spec:
    """Types as nodes, stem cell first, and what leads from one to another as arrows.

    Parameters
    ----------
    model : Model
        Model; its rates of self-renewal and death stand under the names.
    leave_out : sequence of str, default ()
        Types not drawn, for example the resistant copies of others.
    title : str, default ""
        What is shown.

    Returns
    -------
    dict
        Vega-Lite specification. Solid: differentiation and output; dashed: mutation, loss and transformation.
    """
    drawn = [cell for cell in model.types if cell.name not in leave_out]
    place = _places(drawn)
    hues = dict(zip(dict.fromkeys(cell.clone for cell in drawn), CLONE_HUES, strict=False))
    nodes = [
        {
            "x": place[cell.name][0],
            "y": place[cell.name][1],
            "label": cell.label,
            "hue": hues[cell.clone],
            "rates": _own_rates(model, cell.name),
        }
        for cell in drawn
    ]
    arrows = _arrows(model, place)
    columns = 1 + max(x for x, _ in place.values())
    rows = 1 + max(y for _, y in place.values())
    axes = {
        "x": {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": [-0.5, columns - 0.5]}},
        "y": {"field": "y", "type": "quantitative", "axis": None, "scale": {"domain": [rows - 0.5, -0.5]}},
    }
    layers = [
        {
            "data": {
                "values": [bend for arrow in arrows if arrow["dashed"] is dashed for bend in arrow["bends"]]
            },
            "mark": {
                "type": "line",
                "color": MUTED,
                "strokeWidth": 1.2,
                "strokeDash": [5, 4] if dashed else [1, 0],
                "strokeJoin": "round",
            },
            "encoding": {
                **axes,
                "detail": {"field": "arrow", "type": "nominal"},
                "order": {"field": "step", "type": "quantitative"},
            },
        }
        for dashed in (False, True)
    ]
    heads = {
        "data": {"values": [arrow["bends"][-1] for arrow in arrows]},
        "mark": {
            "type": "point",
            "shape": "triangle-right",
            "filled": True,
            "color": MUTED,
            "size": 70,
            "opacity": 1,
        },
        "encoding": axes,
    }
    boxes = {
        "data": {"values": nodes},
        "mark": {
            "type": "point",
            "shape": "square",
            "size": 330,
            "filled": True,
            "opacity": 1,
            "stroke": INK,
        },
        "encoding": {**axes, "fill": {"field": "hue", "type": "nominal", "scale": None}},
    }
    texts = [
        {
            "data": {"values": nodes},
            "mark": {"type": "text", "dy": dy, "fontSize": size, "color": colour, "limit": 210, **HALO},
            "encoding": {**axes, "text": {"field": field}},
        }
        for field, dy, size, colour in (("label", -19, 12, INK), ("rates", 21, 10, MUTED))
    ]
    return configured(
        {
            "title": {"text": title or model.name},
            "width": int(_COLUMN * columns),
            "height": int(_ROW * rows),
            "layer": [*layers, heads, boxes, *texts],
        }
    )


def _quantiles(runs: Trajectories, names: Sequence[str]) -> list[dict[str, float]]:
    chosen = [runs.names.index(name) for name in names]
    held = np.where(np.isnan(runs.cells), runs.end_cells[:, np.newaxis, :], runs.cells)
    total = held[:, :, chosen].sum(axis=2)
    q = np.maximum(np.quantile(total, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0), _FLOOR)
    keys = ("q05", "q25", "q50", "q75", "q95")
    return [
        {"day": float(day), **dict(zip(keys, map(float, column), strict=True))}
        for day, column in zip(runs.days, q.T, strict=True)
    ]


def _ceiling(runs: Trajectories, groups: Mapping[str, Sequence[str]]) -> float:
    highest = max(row["q95"] for names in groups.values() for row in _quantiles(runs, names))
    return float(10.0 ** np.ceil(np.log10(max(highest, 10.0))))


def _fan(
    label: str, rows: list[dict[str, float]], *, hue: str, days: list[float], top: float, last: bool
) -> Spec:
    x = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": days, "nice": False},
        "axis": {
            "title": "days from the start of therapy" if last else None,
            "labels": last,
            "grid": False,
            "tickCount": 8,
        },
    }
    y = {
        "type": "quantitative",
        "scale": {"type": "log", "domain": [_FLOOR, top]},
        "axis": {
            "title": "cells",
            "values": [_FLOOR, *(10.0**power for power in range(3, 19, 3))],
            "labelExpr": "datum.value < 1 ? 'none' : '10' + replace(replace(replace(replace(replace(replace(replace(replace(replace(replace("
            "'' + round(log(datum.value) / log(10)), /0/g, '⁰'), /1/g, '¹'), /2/g, '²'), /3/g, '³'), /4/g, '⁴'), "
            "/5/g, '⁵'), /6/g, '⁶'), /7/g, '⁷'), /8/g, '⁸'), /9/g, '⁹')",
        },
    }
    bands = [
        {
            "mark": {"type": "area", "color": hue, "opacity": opacity},
            "encoding": {"x": x, "y": {**y, "field": low}, "y2": {"field": high}},
        }
        for low, high, opacity in (("q05", "q95", 0.18), ("q25", "q75", 0.32))
    ]
    line = {"mark": {"type": "line", "color": hue}, "encoding": {"x": x, "y": {**y, "field": "q50"}}}
    return {
        "width": _WIDTH,
        "height": 110,
        "title": {"text": label, "fontWeight": "normal", "color": INK, "offset": 2},
        "data": {"values": rows},
        "layer": [*bands, line],
    }


def _therapy_lanes(therapies: Sequence[Therapy], days: list[float]) -> Spec:
    names = list(dict.fromkeys(therapy.name for therapy in therapies))
    rows = [
        {
            "name": therapy.name,
            "start": max(therapy.start_day, days[0]),
            "stop": min(max(therapy.stop_day, therapy.start_day + 0.008 * (days[1] - days[0])), days[1]),
        }
        for therapy in therapies
        if therapy.start_day <= days[1]
    ]
    return {
        "width": _WIDTH,
        "height": _LANE * len(names),
        "data": {"values": rows},
        "mark": {"type": "bar", "color": BAR, "height": _LANE - 4},
        "encoding": {
            "x": {
                "field": "start",
                "type": "quantitative",
                "scale": {"domain": days, "nice": False},
                "axis": None,
            },
            "x2": {"field": "stop"},
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": names,
                "axis": {"title": None, "domain": False, "ticks": False, "labelPadding": 6},
            },
        },
    }


def _ever(forecasts: Sequence[EscapeForecast], outcome: str) -> bool:
    return any(forecast.probability(outcome) > 0.0 for forecast in forecasts)


def _percent(probability: float, error: float) -> str:
    if probability in {0.0, 1.0}:
        return "all" if probability else "none seen"
    return f"{100 * probability:.1f} % ± {100 * error:.1f}"


def _outcome_panel(
    values: list[dict[str, Any]], outcome: str, *, hue: str, rows: list[str], last: bool
) -> Spec:
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, 100]},
        "axis": {
            "title": "probability, % (whiskers: two standard errors of the simulation)" if last else None,
            "labels": last,
            "gridColor": GRID,
            "tickCount": 5,
        },
    }
    y = {
        "field": "row",
        "type": "nominal",
        "sort": rows,
        "axis": {"title": None, "ticks": False, "domain": False, "labelLimit": 420, "labelPadding": 6},
    }
    return {
        "width": 400,
        "height": 21 * len(rows),
        "title": {"text": outcome, "fontWeight": "normal", "offset": 2},
        "data": {"values": [value for value in values if value["outcome"] == outcome]},
        "layer": [
            {
                "mark": {"type": "bar", "color": hue, "height": 12},
                "encoding": {"x": {**x, "field": "percent"}, "y": y},
            },
            {
                "mark": {"type": "rule", "color": INK},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": INK},
                "encoding": {"x": {**x, "field": "high"}, "y": y, "text": {"field": "text"}},
            },
        ],
    }


def _places(cells: Sequence[CellType]) -> dict[str, tuple[int, int]]:
    """Column by depth below the top of the hierarchy; rows so that children follow their parents."""
    children: dict[str, list[str]] = {}
    for cell in cells:
        children.setdefault(cell.parent, []).append(cell.name)
    place: dict[str, tuple[int, int]] = {}

    def put(name: str, column: int, row: int) -> int:
        place[name] = (column, row)
        below = row
        for number, child in enumerate(children.get(name, [])):
            below = put(child, column + 1, row if number == 0 else below + 1)
        return below

    row = -1
    for top in children.get("", []):
        row = put(top, 0, row + 1)
    return place


def _own_rates(model: Model, name: str) -> str:
    rates = {"self_renewal": 0.0, "death": 0.0}
    for event in model.events:
        if event.source == name and event.kind in rates and event.feedback is None:
            rates[event.kind] += event.rate_per_day
    return f"birth {rates['self_renewal']:.3g}, death {rates['death']:.3g} /d"


def _arrows(model: Model, place: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Ways from type to type: out at the height of the node, up or down between two columns, and in.

    So they pass between the name above a node and the rates below it, and never through either.
    """
    arrows: dict[tuple[str, str], dict[str, Any]] = {}
    for event in model.events:
        for product in event.products:
            if event.source in place and product in place and product != event.source:
                (x, y), (x2, y2) = place[event.source], place[product]
                between = x + 0.5
                corners = [(x + _GAP, y), (between, y), (between, y2), (x2 - _GAP, y2)]
                arrows[event.source, product] = {
                    "bends": [
                        {"x": across, "y": down, "step": step, "arrow": f"{event.source} {product}"}
                        for step, (across, down) in enumerate(corners)
                    ],
                    "dashed": event.kind in {"mutation", "antigen_loss", "transformation"},
                }
    return list(arrows.values())
