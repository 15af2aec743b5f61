"""FISH on sorted fractions: share of positive nuclei by compartment, a diamond a fraction.

Fractions of one sample stand side by side in the order of the hierarchy, named to the right. A positive
verdict is filled, an undecided one half-filled; a negative one points down at the fraction that would have
been found, and one that cannot be judged is a cross on the axis.
"""

from __future__ import annotations

from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.records.fish import CompartmentCall, SortedSample
from remnant.report import numbers
from remnant.report.layout import labels, spread
from remnant.report.palette import MUTED, marker_hue
from remnant.report.timeline.axis import WIDTH, TimeFrame, event_rules
from remnant.report.timeline.marker import DODGE, PanelScale, grid_layer, mark_layers, whisker_layers

__all__ = ["panel"]

_STATES: Final = {
    "positive": "quantified",
    "strongly positive": "quantified",
    "indeterminate": "detected",
    "negative": "not detected",
}
_LOW, _HIGH, _HEIGHT = 1e-3, 1.5, 96.0
_ROW: Final = 13.0


def panel(time: TimeFrame, dossier: Dossier) -> dict[str, Any] | None:
    """Panel of all sorted samples of a patient.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.

    Returns
    -------
    dict or None
        Vega-Lite view; None if no fraction was judged.
    """
    rows = [row for sample in dossier.sorted_samples for row in _rows(time, sample)]
    if not rows:
        return None
    low = min([_LOW, *(row["y"] / 2 for row in rows if row["y"])])
    y, hue = PanelScale(low, _HIGH, _HEIGHT), marker_hue("FISH")
    names = list(dict.fromkeys(row["name"] for row in rows))
    legend = ["left to right:", *names]
    places = spread([_ROW * (i + 0.5) for i in range(len(legend))], gap=_ROW, low=4.0, high=_HEIGHT)
    written = [(WIDTH + 6.0, place, text, MUTED) for text, place in zip(legend, places, strict=True)]
    return {
        "width": WIDTH,
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
        "height": _HEIGHT,
        "title": "FISH, sorted fractions, positive share of nuclei",
        "layer": [
            grid_layer(time, y),
            *event_rules(time, dossier),
            *whisker_layers(time, rows, y, hue),
            *mark_layers(time, rows, y, hue),
            *labels(written, halo=False, align="left"),
        ],
    }


def _rows(time: TimeFrame, sample: SortedSample) -> list[dict[str, Any]]:
    """Marks of one sample side by side, moved into the plot where they would leave it."""
    calls = sample.calls
    day, step = time.day(sample.drawn_on), DODGE * time.days_per_pixel
    half = (len(calls) - 1) / 2 * step
    centre = min(max(day, time.low + half + step / 2), time.high - half - step / 2)
    return [_row(call, day, centre - half + place * step, sample) for place, call in enumerate(calls)]


def _row(call: CompartmentCall, day: int, x: float, sample: SortedSample) -> dict[str, Any]:
    state = _STATES.get(call.verdict, "not evaluable")
    seen = state in {"quantified", "detected"} and call.fraction > 0
    return {
        "x": x,
        "day": day,
        "state": state,
        "shape": "diamond",
        "name": call.compartment,
        "y": call.fraction if seen else call.upper,
        "lower": call.lower if seen and call.lower > 0 else None,
        "upper": call.upper if seen and call.lower > 0 else None,
        "far_lower": None,
        "far_upper": None,
        "title": f"{call.compartment}, {numbers.iso(sample.drawn_on)}: {call.verdict}, "
        f"{call.positive} of {call.scored} nuclei. {call.reason}",
    }
