"""Cumulative incidence by group: steps, intervals on the days of the table, numbers at risk.

The curve of a group ends on its last observed day. Whiskers stand on the days of the table, a little beside
one another, so that groups can be compared where bands would cover one another. A group that is too small
for a curve keeps its numbers at risk and is named in the caption.
"""

from __future__ import annotations

from typing import Any, Final

from remnant.knowledge.cohort import least_patients_for_curve
from remnant.records.cohort import Incidence, IncidenceCurve, Outcome, TestResult
from remnant.report import draw, numbers
from remnant.report.layout import labels, pixels, spread
from remnant.report.palette import GROUPS, INK, MUTED

__all__ = ["caption", "describe", "spec", "svg"]

_WIDTH: Final = 560
_HEIGHT: Final = 270
_RIGHT: Final = 176
_LEFT: Final = 118
_ROW: Final = 16.0
_GAP: Final = 14.0
_DODGE: Final = 4.0
_DASHES: Final[tuple[list[float], ...]] = ([], [7, 3], [3, 3], [8, 3, 2, 3], [1.5, 3])
_DAY_STEPS: Final = (10, 25, 50, 100, 200, 365, 730, 1825)


def _of_cause(incidence: Incidence, cause: Outcome) -> list[IncidenceCurve]:
    return [curve for curve in incidence.curves if curve.cause == cause]


def _drawn(curves: list[IncidenceCurve]) -> list[IncidenceCurve]:
    return [curve for curve in curves if curve.patients >= least_patients_for_curve()]


def _style(curves: list[IncidenceCurve]) -> dict[str, tuple[str, list[float]]]:
    """Colour and dash of each group: the markers' own hues, else ink with a dash of its own."""
    if all(curve.group in GROUPS or not curve.in_test for curve in curves):
        return {c.group: (GROUPS.get(c.group, MUTED), [] if c.in_test else [2, 3]) for c in curves}
    return {c.group: (INK if c.in_test else MUTED, _DASHES[i % len(_DASHES)]) for i, c in enumerate(curves)}


def spec(incidence: Incidence, *, cause: Outcome = "relapse") -> dict[str, Any]:
    """Figure of the cumulative incidence of one cause.

    Parameters
    ----------
    incidence : Incidence
        Curves of all groups and causes.
    cause : {"relapse", "death"}
        Which event; the other one competes.

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    everyone = _of_cause(incidence, cause)
    styles = _style(everyone)
    curves = _drawn(everyone)
    last = max([curve.last_day for curve in curves], default=incidence.start_day + 1.0)
    domain = [incidence.start_day, max(last, incidence.start_day + 1.0)]
    top = min(100.0, 10.0 * (1 + _highest(curves) // 10)) if curves else 100.0
    x = {"field": "x", "type": "quantitative", "scale": {"domain": domain, "nice": False, "zero": False}}
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [0, top], "nice": False}}
    layers = [_frame(x, y, domain, cause)]
    for curve in curves:
        layers += _curve_layers(curve, x, y, styles[curve.group])
    layers += _whiskers(curves, x, y, styles)
    layers += _names(curves, top, domain, styles)
    main = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": layers,
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
    }
    return draw.configured(
        {"vconcat": [main, _at_risk(everyone, x, styles)], "spacing": 44, "bounds": "flush"}
    )


def svg(incidence: Incidence, *, cause: Outcome = "relapse") -> str:
    """Figure as SVG.

    Parameters
    ----------
    incidence : Incidence
        Curves of all groups and causes.
    cause : {"relapse", "death"}
        Which event.

    Returns
    -------
    str
        SVG with its description.
    """
    made = spec(incidence, cause=cause)
    return draw.svg(made, description=describe(incidence, cause=cause), span=(-_LEFT, _WIDTH + _RIGHT))


def _highest(curves: list[IncidenceCurve]) -> float:
    held = [100 * value for curve in curves for value in curve.incidence]
    held += [
        100 * at.upper for curve in curves for at in curve.on_days if at.upper is not None and at.at_risk
    ]
    return max(held, default=0.0)


def _frame(x: dict[str, Any], y: dict[str, Any], domain: list[float], cause: Outcome) -> dict[str, Any]:
    length = domain[1] - domain[0]
    step = next((s for s in _DAY_STEPS if length / s <= 9), _DAY_STEPS[-1])
    first = int(-(-domain[0] // step) * step)
    ticks = list(range(first, int(domain[1]) + 1, step))
    across = {
        "values": ticks,
        "labelExpr": "'+' + datum.value",
        "title": "days from transplantation",
        "grid": False,
    }
    up = {
        "title": f"cumulative incidence of {cause}, %",
        "grid": True,
        "domain": False,
        "ticks": False,
        "tickCount": 5,
    }
    return {
        "data": {"values": [{"x": domain[0], "y": 0}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": {**x, "axis": across}, "y": {**y, "axis": up}},
    }


def _curve_layers(
    curve: IncidenceCurve, x: dict[str, Any], y: dict[str, Any], style: tuple[str, list[float]]
) -> list[dict[str, Any]]:
    colour, dash = style
    heights = [100 * value for value in curve.incidence]
    steps = [{"x": x["scale"]["domain"][0], "y": 0.0}]
    steps += [{"x": day, "y": height} for day, height in zip(curve.days, heights, strict=True)]
    steps.append({"x": curve.last_day, "y": heights[-1] if heights else 0.0})
    line = {
        "data": {"values": steps},
        "mark": {
            "type": "line",
            "interpolate": "step-after",
            "color": colour,
            "strokeWidth": 2,
            "strokeDash": dash,
            "aria": False,
        },
        "encoding": {"x": {**x, "axis": None}, "y": {**y, "axis": None}},
    }
    return [line]


def _whiskers(
    curves: list[IncidenceCurve],
    x: dict[str, Any],
    y: dict[str, Any],
    styles: dict[str, tuple[str, list[float]]],
) -> list[dict[str, Any]]:
    domain = x["scale"]["domain"]
    pixel = (domain[1] - domain[0]) / _WIDTH
    rows = [
        {
            "x": at.day + (place - (len(curves) - 1) / 2) * _DODGE * pixel,
            "y": 100 * (at.lower or 0.0),
            "y2": 100 * at.upper,
            "middle": 100 * at.incidence,
            "colour": styles[curve.group][0],
            "tested": curve.in_test,
            "title": f"{curve.group}, day {at.day:.0f}: {numbers.share(at.lower or 0.0, at.incidence, at.upper)}",
        }
        for place, curve in enumerate(curves)
        for at in curve.on_days
        if at.at_risk and at.incidence is not None and at.upper is not None and domain[0] < at.day < domain[1]
    ]
    if not rows:
        return []
    data, across = {"values": rows}, {**x, "axis": None}
    colour = {"field": "colour", "type": "nominal", "scale": None}
    rules = [
        {
            "data": {"values": [row for row in rows if row["tested"] is tested]},
            "mark": {"type": "rule", "strokeWidth": 1.2, "strokeDash": [] if tested else [2, 3]},
            "encoding": {
                "x": across,
                "y": {**y, "axis": None},
                "y2": {"field": "y2"},
                "color": colour,
                "description": {"field": "title"},
            },
        }
        for tested in sorted({row["tested"] for row in rows})
    ]
    points = {
        "data": data,
        "mark": {"type": "point", "filled": True, "size": 22, "opacity": 1, "aria": False},
        "encoding": {"x": across, "y": {**y, "field": "middle", "axis": None}, "color": colour},
    }
    return [*rules, points]


def _names(
    curves: list[IncidenceCurve], top: float, domain: list[float], styles: dict[str, tuple[str, list[float]]]
) -> list[dict[str, Any]]:
    ends = [_HEIGHT * (1 - 100 * (curve.incidence[-1] if curve.incidence else 0.0) / top) for curve in curves]
    places = spread(ends, gap=_GAP, low=0, high=_HEIGHT)
    tip = (
        _WIDTH * (max((c.last_day for c in curves), default=domain[1]) - domain[0]) / (domain[1] - domain[0])
    )
    rows = [
        (tip + 28, place, f"{c.group}: {c.events} of {c.patients}", INK)
        for c, place in zip(curves, places, strict=True)
    ]
    swatches = [(tip + 8, place, c.group) for c, place in zip(curves, places, strict=True)]
    return [*_swatches(swatches, styles), *labels(rows, halo=False, align="left", fontWeight=600)]


def _swatches(
    places: list[tuple[float, float, str]], styles: dict[str, tuple[str, list[float]]]
) -> list[dict[str, Any]]:
    """A short piece of each group's line, so that its name may be written in ink."""
    return [
        {
            "data": {"values": [{"x": x, "x2": x + 16, "y": y}]},
            "mark": {"type": "rule", "color": colour, "strokeWidth": 2, "strokeDash": dash, "aria": False},
            "encoding": {"x": pixels("x"), "x2": {"field": "x2"}, "y": pixels("y")},
        }
        for x, y, group in places
        for colour, dash in [styles[group]]
    ]


def _at_risk(
    curves: list[IncidenceCurve], x: dict[str, Any], styles: dict[str, tuple[str, list[float]]]
) -> dict[str, Any]:
    low, high = x["scale"]["domain"]
    head = [(-_LEFT + 4.0, _ROW / 2, "At risk", MUTED)]
    names = [(-_LEFT + 24.0, (row + 1.5) * _ROW, curve.group, INK) for row, curve in enumerate(curves)]
    drawn = _drawn(curves)
    swatches = [
        (-_LEFT + 4.0, (row + 1.5) * _ROW, curve.group) for row, curve in enumerate(curves) if curve in drawn
    ]
    counts = [
        (_WIDTH * (at.day - low) / (high - low), (row + 1.5) * _ROW, str(at.at_risk), INK)
        for row, curve in enumerate(curves)
        for at in curve.on_days
        if low <= at.day <= high
    ]
    days = [
        (_WIDTH * (at.day - low) / (high - low), _ROW / 2, f"+{at.day:.0f}", MUTED)
        for curve in curves[:1]
        for at in curve.on_days
        if low <= at.day <= high
    ]
    layers = [
        *_swatches(swatches, styles),
        *labels(head, halo=False, align="left"),
        *labels(names, halo=False, align="left", fontWeight=600),
        *labels([*days, *counts], halo=False, align="center"),
    ]
    empty = {"data": {"values": [{}]}, "mark": {"type": "point", "opacity": 0, "aria": False}}
    return {"width": _WIDTH, "height": (len(curves) + 1) * _ROW, "layer": [empty, *layers]}


def _test_of(incidence: Incidence, cause: Outcome) -> list[TestResult]:
    return [test for test in incidence.tests if test.name.endswith(cause)]


def caption(incidence: Incidence, *, cause: Outcome = "relapse") -> str:
    """Caption with the number of patients, the tests by name and what the interval is.

    Parameters
    ----------
    incidence : Incidence
        Curves of all groups and causes.
    cause : {"relapse", "death"}
        Which event.

    Returns
    -------
    str
        A few sentences.
    """
    curves = _of_cause(incidence, cause)
    n, events = sum(c.patients for c in curves), sum(c.events for c in curves)
    competing = sum(c.competing_events for c in curves)
    other = "death without relapse" if cause == "relapse" else "relapse"
    tests = [
        f"{test.name}: "
        + (numbers.p_value(test.p_value) if test.p_value is not None else "no P value")
        + (f" ({test.note})" if test.note else "")
        for test in _test_of(incidence, cause)
    ]
    undecided = sum(c.patients for c in curves if not c.in_test)
    outside = f" {numbers.plural(undecided, 'undecided patient')} outside the tests." if undecided else ""
    drawn = _drawn(curves)
    small = [
        f"{c.group} ({c.events} of {numbers.plural(c.patients, 'patient')})" for c in curves if c not in drawn
    ]
    left = (
        f" Not drawn, fewer than {least_patients_for_curve()} patients: {', '.join(small)}." if small else ""
    )
    return (
        f"{incidence.title}. n = {n}: {events} with {cause}, {competing} with {other} first.{outside}{left} "
        f"Whiskers: {100 * incidence.level:.0f} % intervals. {incidence.method}. {'; '.join(tests)}."
    )


def describe(incidence: Incidence, *, cause: Outcome = "relapse") -> str:
    """What the figure shows, in words.

    Parameters
    ----------
    incidence : Incidence
        Curves of all groups and causes.
    cause : {"relapse", "death"}
        Which event.

    Returns
    -------
    str
        One sentence a group.
    """
    parts = [f"Cumulative incidence of {cause} by group."]
    parts += [
        f"{c.group}: {c.events} of {numbers.plural(c.patients, 'patient')}, "
        f"{100 * (c.incidence[-1] if c.incidence else 0.0):.0f} % by day {c.last_day:.0f}."
        for c in _of_cause(incidence, cause)
    ]
    return " ".join(parts)
