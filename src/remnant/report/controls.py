"""Levey-Jennings charts of internal controls: one panel a control and target, in the order of runs.

Distance from the mean in standard deviations of the chart; a point that violates a rule is named with it.
Undated runs stand last. Nothing is hidden: a rejected run keeps its point.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from remnant.records.control import ControlPoint, westgard
from remnant.report import draw, html, numbers
from remnant.report.context import Context
from remnant.report.layout import labels, pixels, text_width
from remnant.report.palette import ACT, INK, LOOK, MUTED
from remnant.report.table import Cell, Column, Section, Table, Tone
from remnant.units import unit_label

__all__ = ["describe", "page", "spec", "svg", "table"]

_WIDTH: Final = 640
_HEIGHT: Final = 96
_LEFT: Final = 34
_RIGHT: Final = 88
_LINE: Final = 13.0
_STRIP: Final = (-8.0, -21.0)
"""Heights of the lines for names of rules, above a chart; the lower one is filled first."""
_BY_PLACE: Final = "1-2s"
"""A point beyond two standard deviations shows this rule by its place and colour."""
_LEAST_REACH: Final = 3.5
_BANDS: Final = (1, 2, 3)


def _charts(points: Sequence[ControlPoint]) -> dict[tuple[str, str], list[ControlPoint]]:
    charts: dict[tuple[str, str], list[ControlPoint]] = defaultdict(list)
    for point in sorted(points, key=lambda p: (p.run_on is None, numbers.iso(p.run_on), p.run_id)):
        charts[point.control_name, point.assay_id or point.target].append(point)
    return dict(sorted(charts.items()))


def spec(points: Sequence[ControlPoint]) -> dict[str, Any]:
    """Charts of all controls.

    Parameters
    ----------
    points : sequence of ControlPoint
        In any order.

    Returns
    -------
    dict
        Vega-Lite specification; points from before the chart was set are hollow.
    """
    panels = [
        _panel(f"{name}, {what}", held) for (name, what), held in _charts(points).items() if _is_set(held)
    ]
    nothing = "No chart has its limits yet." if points else "No internal control was measured."
    empty = {"data": {"values": [{}]}, "mark": {"type": "text", "text": nothing}}
    return draw.configured({"vconcat": panels or [empty], "spacing": 70, "bounds": "flush"})


def svg(points: Sequence[ControlPoint]) -> str:
    """Charts as SVG.

    Parameters
    ----------
    points : sequence of ControlPoint
        In any order.

    Returns
    -------
    str
        SVG with its description.
    """
    return draw.svg(spec(points), description=describe(points), span=(-_LEFT, _WIDTH + _RIGHT))


def page(points: Sequence[ControlPoint], *, context: Context, synthetic: bool = False) -> str:
    """Self-contained HTML page of the internal controls.

    Parameters
    ----------
    points : sequence of ControlPoint
        In any order.
    context : Context
        What the page says about itself.
    synthetic : bool, default False
        Whether the data are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    section = Section(
        title="Levey-Jennings charts",
        figure=draw.inline(svg(points), css_class="controls", identity="controls"),
        caption="Amber: a rule warns (1-2s, beyond two standard deviations, where none is named); red: the run is rejected. "
        "Hollow points are from before the chart had its mean and standard deviation. Where names of rules would cover one "
        "another, the table below has them all." + _unset(points),
        tables=(table(points),),
    )
    return html.render(
        "sections.html", context=context, synthetic=synthetic, heading="internal controls", sections=[section]
    )


def _is_set(held: Sequence[ControlPoint]) -> bool:
    return held[-1].mean is not None and held[-1].sd is not None


def _unset(points: Sequence[ControlPoint]) -> str:
    """Charts that have no limits yet, in one line."""
    names = [
        f"{name}, {what} ({numbers.plural(len(held), 'run')})"
        for (name, what), held in _charts(points).items()
        if not _is_set(held)
    ]
    return f" Chart not set yet: {'; '.join(names)}." if names else ""


def _that_fit(
    named: Sequence[tuple[float, str, str]],
) -> list[tuple[float, float, str, str]]:
    """Names of rules in the lines above a chart, none over another, those of rejected runs first."""
    kept: list[tuple[float, float, str, str]] = []
    for x, text, colour in sorted((row for row in named if row[1]), key=lambda row: row[2] != ACT):
        for y in _STRIP:
            if all(
                y != other or abs(x - place) > text_width(text + written) / 2 + 4
                for place, other, written, _ in kept
            ):
                kept.append((x, y, text, colour))
                break
    return kept


def _named(point: ControlPoint) -> str:
    """Rules that a point's place alone does not tell."""
    return ", ".join(rule for rule in map(westgard, ([one] for one in point.rules)) if rule != _BY_PLACE)


def _panel(title: str, held: list[ControlPoint]) -> dict[str, Any]:
    reach = max([_LEAST_REACH, *(abs(_distance(p, held)) + 0.5 for p in held)])
    step = _WIDTH / max(1, len(held))
    rows = [
        _row(point, (place + 0.5) * step, reach, _distance(point, held)) for place, point in enumerate(held)
    ]
    lines = [
        {"y": _place(sign * band, reach), "colour": MUTED, "dash": [] if band == 3 else [2, 3]}
        for band in _BANDS
        for sign in (-1, 1)
    ]
    names = [
        (_WIDTH + 6.0, _place(band, reach), f"{numbers.signed(band, 0)} SD", MUTED) for band in (-3, -2, 2, 3)
    ]
    names.append((_WIDTH + 6.0, _place(0, reach), "mean", MUTED))
    heights = {row["x"]: row["y"] for row in rows}
    named = _that_fit([(row["x"], _named(p), row["colour"]) for row, p in zip(rows, held, strict=True)])
    above = min([0.0, *(y for _, y, _, _ in named)])
    leaders = [{"x": x, "y": y + _LINE / 2, "y2": heights[x]} for x, y, _, _ in named]
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            _rules([{"y": _place(0, reach)}], {"color": INK, "strokeWidth": 0.8}),
            _rules(
                [line for line in lines if line["dash"]],
                {"color": MUTED, "strokeWidth": 0.6, "strokeDash": [2, 3]},
            ),
            _rules([line for line in lines if not line["dash"]], {"color": ACT, "strokeWidth": 0.8}),
            *_leaders(leaders),
            *_trace(rows),
            *_marks(rows),
            *labels(named, halo=False, align="center"),
            *labels(
                [(0.0, above - 16.0, _title(title, held), INK)], halo=False, align="left", fontWeight=600
            ),
            *labels(names, halo=False, align="left"),
            *labels(_dates(held, step), halo=False, align="center"),
        ],
    }


def _distance(point: ControlPoint, held: Sequence[ControlPoint]) -> float:
    """The point's z; before the chart was set, against the first mean and standard deviation it got."""
    if point.z is not None:
        return point.z
    later = next((p for p in held if p.mean is not None and p.sd), None)
    return (
        (point.log10_value - later.mean) / later.sd if later and later.mean is not None and later.sd else 0.0
    )


def _dates(held: Sequence[ControlPoint], step: float) -> list[tuple[float, float, str, str]]:
    """Days of the runs, as many as fit."""
    every = max(1, math.ceil((text_width("2020-00-00") + 12) / step))
    return [
        ((place + 0.5) * step, _HEIGHT + 9.0, numbers.iso(point.run_on) or "no date", MUTED)
        for place, point in enumerate(held)
        if place % every == 0
    ]


def _title(name: str, held: Sequence[ControlPoint]) -> str:
    last = held[-1]
    if last.mean is None or last.sd is None:
        return name
    unit = f" {unit_label(last.unit)}"
    return f"{name}: mean {numbers.number(10**last.mean, unit=last.unit)}{unit}, SD {last.sd:.2f} log₁₀"


def _place(z: float, reach: float) -> float:
    return _HEIGHT * (1 - (z + reach) / (2 * reach))


def _row(point: ControlPoint, x: float, reach: float, z: float) -> dict[str, Any]:
    colour = ACT if point.rejects else LOOK if point.rules else INK
    when = numbers.iso(point.run_on) or "no date"
    words = f"z {numbers.signed(point.z)}" if point.z is not None else "chart not set yet"
    rules = f", {westgard(point.rules)}" if point.rules else ""
    return {
        "x": x,
        "y": _place(z, reach),
        "set": point.z is not None,
        "colour": colour,
        "title": f"{point.run_id}, {when}: {words}{rules}",
    }


def _rules(rows: list[dict[str, Any]], style: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "rule", "aria": False, **style},
        "encoding": {"x": {"value": 0}, "x2": {"value": _WIDTH}, "y": pixels("y")},
    }


def _leaders(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Thin lines from names of rules down to their points."""
    layer = {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": MUTED, "strokeWidth": 0.6, "strokeDash": [1, 2], "aria": False},
        "encoding": {"x": pixels("x"), "y": pixels("y"), "y2": {"field": "y2"}},
    }
    return [layer] if rows else []


def _trace(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    layer = {
        "data": {"values": [row for row in rows if row["set"]]},
        "mark": {"type": "line", "color": MUTED, "strokeWidth": 0.8, "aria": False},
        "encoding": {"x": pixels("x"), "y": pixels("y")},
    }
    return [layer] if any(row["set"] for row in rows) else []


def _marks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    layers = []
    for is_set in (True, False):
        chosen = [row for row in rows if row["set"] == is_set]
        if chosen:
            colour = {"field": "colour", "type": "nominal", "scale": None}
            layers.append(
                {
                    "data": {"values": chosen},
                    "mark": {"type": "point", "filled": is_set, "size": 34, "opacity": 1},
                    "encoding": {
                        "x": pixels("x"),
                        "y": pixels("y"),
                        "color": colour,
                        "description": {"field": "title"},
                    },
                }
            )
    return layers


def describe(points: Sequence[ControlPoint]) -> str:
    """What the charts show, in words.

    Parameters
    ----------
    points : sequence of ControlPoint
        In any order.

    Returns
    -------
    str
        One sentence a chart.
    """
    parts = ["Levey-Jennings charts of the internal controls."]
    for (name, what), held in _charts(points).items():
        broken = sum(bool(p.rules) for p in held)
        rejected = sum(p.rejects for p in held)
        parts.append(
            f"{name}, {what}: {numbers.plural(len(held), 'run')}, {broken} with a violated rule, {rejected} rejected."
        )
    return " ".join(parts)


def table(points: Sequence[ControlPoint]) -> Table:
    """The same data as a table, chart by chart.

    Parameters
    ----------
    points : sequence of ControlPoint
        In any order.

    Returns
    -------
    Table
        One row a point.
    """
    columns = (
        Column("Control"),
        Column("Measured"),
        Column("Run"),
        Column("Date", number=True),
        Column("Value", number=True),
        Column("z", number=True),
        Column("Violated rules", share=1),
    )
    rows = []
    for (name, what), held in _charts(points).items():
        for p in held:
            tone: Tone = "act" if p.rejects else "look" if p.rules else ""
            rows.append(
                (
                    Cell(name),
                    Cell(what, note=p.unit),
                    Cell(p.run_id),
                    Cell(numbers.iso(p.run_on)),
                    Cell(numbers.number(10**p.log10_value, unit=p.unit), sort=f"{p.log10_value:.6f}"),
                    Cell(numbers.signed(p.z)),
                    Cell(westgard(p.rules), note="run rejected" if p.rejects else "", tone=tone),
                )
            )
    return Table(title="Internal controls", columns=columns, rows=tuple(rows))
