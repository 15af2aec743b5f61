"""The fitted course on a marker's panel: a thin line in its 95 % band, and the date of crossing a level.

Only the last stretch of a series that rises or falls, where its last sample lies on the line: a band that falls past a
suspected relapse would contradict it. Beyond the last sample the line is dotted: it is not
data, and it is drawn only where no change of therapy came after. The date of crossing stands where a level of overt relapse is defined and the axis shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.records.judgement import Kinetics
from remnant.report.timeline.axis import TimeFrame, x_encoding

__all__ = ["growth_layers", "growths", "is_growth_drawn"]

_BAND_OPACITY: Final = 0.13
_DRAWN: Final = frozenset({"rising", "falling"})
Channel = Callable[[str], dict[str, Any]]


def growths(dossier: Dossier, assay_id: str, unit: str) -> list[Kinetics]:
    """Growth to draw in a panel: not of WT1 or BAALC that rises within the normal range, and no line that the last sample left.

    Parameters
    ----------
    dossier : Dossier
        The patient.
    assay_id, unit : str
        Panel.

    Returns
    -------
    list of Kinetics
        Stretches, by series and date.
    """
    course = dossier.course
    if course is None:
        return []
    raised = {(p.assay_id, p.material, p.fraction): p.raised for p in course.points if p.raised is not None}
    return [
        k
        for k in course.kinetics
        if k.assay_id == assay_id
        and k.unit == unit
        and not k.last_sample_lies
        and (k.trend != "rising" or raised.get((k.assay_id, k.material, k.fraction), True))
    ]


def is_growth_drawn(dossier: Dossier) -> bool:
    """Whether any panel shows a fitted course.

    Parameters
    ----------
    dossier : Dossier
        The patient.

    Returns
    -------
    bool
        True where a series rises or falls.
    """
    panels = {(m.assay_id, m.unit) for m in dossier.measurements}
    return any(k.trend in _DRAWN for panel in panels for k in growths(dossier, *panel))


def growth_layers(
    time: TimeFrame, kinetics: Sequence[Kinetics], *, channel: Channel, low: float, high: float, hue: str
) -> list[dict[str, Any]]:
    """Layers of the fitted courses of one panel.

    Parameters
    ----------
    time : TimeFrame
        Span of the axis.
    kinetics : sequence of Kinetics
        Of the panel's marker.
    channel : callable
        Takes a column and gives the panel's vertical channel.
    low, high : float
        Ends of the panel's scale.
    hue : str
        Colour of the marker.

    Returns
    -------
    list of dict
        None where nothing rises or falls.
    """
    layers: list[dict[str, Any]] = []
    last_of = {(k.material, k.fraction): k for k in kinetics if k.trend in _DRAWN}
    for k in last_of.values():
        rows = [
            {"x": time.day(on), "y": middle, "lower": max(lower, low), "upper": min(upper, high)}
            for on, lower, middle, upper in zip(
                k.shown_on, k.shown_lower, k.shown_median, k.shown_upper, strict=True
            )
            if time.day(on) <= time.high
            and lower < high
            and upper > low
            and ((k.current and not k.last_sample_lies) or on <= k.to_on)
        ]
        last = time.day(k.to_on)
        within = [row for row in rows if low <= row["y"] <= high]
        layers.append(
            {
                "data": {"values": rows},
                "mark": {"type": "area", "color": hue, "opacity": _BAND_OPACITY, "aria": False},
                "encoding": {
                    "x": x_encoding(time),
                    "y": channel("lower"),
                    "y2": {"field": "upper"},
                },
            }
        )
        layers += [
            {
                "data": {"values": part},
                "mark": {"type": "line", "color": hue, "strokeWidth": 1, "aria": False, **style},
                "encoding": {"x": x_encoding(time), "y": channel("y")},
            }
            for part, style in (
                ([row for row in within if row["x"] <= last], {"strokeOpacity": 0.7}),
                ([row for row in within if row["x"] >= last], {"strokeDash": [1, 3]}),
            )
            if len(part) > 1
        ]
        if not k.last_sample_lies:
            layers += _crossing(time, k, channel=channel, low=low, high=high, hue=hue)
    return layers


def _crossing(
    time: TimeFrame, k: Kinetics, *, channel: Channel, low: float, high: float, hue: str
) -> list[dict[str, Any]]:
    if k.crossing_on is None or k.overt_level is None or not low <= k.overt_level <= high:
        return []
    middle = time.day(k.crossing_on)
    if not time.low <= middle <= time.high or k.crossing_on <= k.to_on:
        return []
    first = time.day(k.crossing_earliest_on or k.to_on)
    last = time.day(k.crossing_latest_on) if k.crossing_latest_on else time.high
    row = {
        "x": max(first, time.low),
        "x2": min(last, time.high),
        "at": middle,
        "y": k.overt_level,
        "title": k.reason,
    }
    return [
        {
            "data": {"values": [row]},
            "mark": {"type": "rule", "color": hue, "strokeWidth": 1.2, "strokeDash": [1, 2]},
            "encoding": {
                "x": x_encoding(time),
                "x2": {"field": "x2"},
                "y": channel("y"),
                "description": {"field": "title"},
            },
        },
        {
            "data": {"values": [row]},
            "mark": {"type": "tick", "color": hue, "thickness": 1.6, "size": 12, "orient": "vertical"},
            "encoding": {
                "x": x_encoding(time, field="at"),
                "y": channel("y"),
                "description": {"field": "title"},
            },
        },
    ]
