"""Share of patients with an outcome by group, with exact intervals, one panel a subgroup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from remnant.records.cohort import Frequency
from remnant.report import draw, words
from remnant.report.layout import labels
from remnant.report.palette import INK, MUTED, marker_hue

__all__ = ["caption", "describe", "spec", "svg"]

_ROW: Final = 22.0
_PLOT: Final = 132
_NUMBERS: Final = 132
_LEFT: Final = 62
_ALL: Final = "all"


def spec(frequencies: Sequence[Frequency]) -> dict[str, Any]:
    """Figure of shares with their Clopper-Pearson intervals.

    Parameters
    ----------
    frequencies : sequence of Frequency
        One outcome and one variable, with subgroups.

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    groups = list(dict.fromkeys(f.group for f in frequencies))
    subgroups = list(dict.fromkeys(f.subgroup for f in frequencies))
    subgroups.sort(key=lambda name: name != _ALL)
    outcome = words.column(frequencies[0].outcome) if frequencies else ""
    hue = next((marker_hue(word) for word in outcome.split() if marker_hue(word) != marker_hue("")), INK)
    panels = [
        _panel([f for f in frequencies if f.subgroup == name], groups, name, hue, first=place == 0)
        for place, name in enumerate(subgroups)
    ]
    return draw.configured({"hconcat": panels, "spacing": _NUMBERS, "bounds": "flush"})


def svg(frequencies: Sequence[Frequency]) -> str:
    """Figure as SVG.

    Parameters
    ----------
    frequencies : sequence of Frequency
        One outcome and one variable, with subgroups.

    Returns
    -------
    str
        SVG with its description.
    """
    panels = len({f.subgroup for f in frequencies})
    width = panels * _PLOT + panels * _NUMBERS
    return draw.svg(spec(frequencies), description=describe(frequencies), span=(-_LEFT, width))


def _panel(
    held: Sequence[Frequency], groups: list[str], subgroup: str, hue: str, *, first: bool
) -> dict[str, Any]:
    height = _ROW * len(groups)
    middle = {group: (i + 0.5) * _ROW for i, group in enumerate(groups)}
    known = [f for f in held if f.share is not None and f.lower is not None and f.upper is not None]
    rows = [
        {
            "x": 100 * (f.share or 0.0),
            "lower": 100 * (f.lower or 0.0),
            "upper": 100 * (f.upper or 0.0),
            "y": middle[f.group],
            "title": f"{f.group}, {f.subgroup}: {f.positive} of {f.evaluable}",
        }
        for f in known
    ]
    x = {"type": "quantitative", "scale": {"domain": [0, 100], "nice": False}}
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [height, 0], "nice": False}, "axis": None}
    axis = {"values": [0, 50, 100], "title": "%", "grid": True, "domain": False, "ticks": False}
    grid = {
        "data": {"values": [{"x": 0, "y": 0}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": {"field": "x", **x, "axis": axis}, "y": y},
    }
    whiskers = {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": hue, "strokeWidth": 1.6, "aria": False},
        "encoding": {"x": {"field": "lower", **x, "axis": None}, "x2": {"field": "upper"}, "y": y},
    }
    points = {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "fill": hue, "size": 64, "opacity": 1},
        "encoding": {"x": {"field": "x", **x, "axis": None}, "y": y, "description": {"field": "title"}},
    }
    written = [(_PLOT + 8.0, middle[f.group], _beside(f), MUTED) for f in held]
    names = [(-10.0, middle[group], group, INK) for group in groups] if first else []
    data = [whiskers, points] if rows else []
    return {
        "width": _PLOT,
        "height": height,
        "title": {_ALL: "All patients", "adult": "Adults", "child": "Children"}.get(subgroup, subgroup),
        "layer": [
            grid,
            *data,
            *labels(written, halo=False, align="left"),
            *labels(names, halo=False, align="right", fontWeight=600),
        ],
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
    }


def _beside(f: Frequency) -> str:
    if f.lower is None or f.upper is None:
        return "none evaluable"
    return f"{f.positive}/{f.evaluable} ({100 * f.lower:.0f}-{100 * f.upper:.0f} %)"


def caption(frequencies: Sequence[Frequency]) -> str:
    """Caption with the number of patients and what the interval is.

    Parameters
    ----------
    frequencies : sequence of Frequency
        One outcome and one variable, with subgroups.

    Returns
    -------
    str
        A few sentences.
    """
    total = next((f for f in frequencies if f.group == _ALL and f.subgroup == _ALL), None)
    if total is None:
        return ""
    missing = f"; {total.not_evaluable} not evaluable" if total.not_evaluable else ""
    return (
        f"{words.column(total.outcome)}, by {words.column(total.variable)}. n = {total.evaluable}{missing}. "
        f"Patients with the outcome of those evaluable; bars and brackets are {100 * total.level:.0f} % "
        "Clopper-Pearson (exact) intervals, not adjusted for the number of groups."
    )


def describe(frequencies: Sequence[Frequency]) -> str:
    """What the figure shows, in words.

    Parameters
    ----------
    frequencies : sequence of Frequency
        One outcome and one variable, with subgroups.

    Returns
    -------
    str
        One clause a group.
    """
    held = [f"{f.group} {_beside(f)}" for f in frequencies if f.subgroup == _ALL]
    return f"{caption(frequencies)} {'; '.join(held)}."
