"""The lane at the top: therapies as bars, events as labelled ticks."""

from __future__ import annotations

from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.report import numbers, words
from remnant.report.layout import labels, rows_without_overlap, text_width
from remnant.report.palette import ACT, BAR, INK
from remnant.report.timeline.axis import (
    RIGHT,
    WIDTH,
    TimeFrame,
    calendar_axis,
    day_axis,
    event_rules,
    x_encoding,
)

__all__ = ["panel"]

_ROW: Final = 18.0
_BAR_HALF: Final = 6.5
_LEAST_BAR: Final = 4.0
_RELAPSES: Final = frozenset({"relapse", "extramedullary_relapse"})


def panel(time: TimeFrame, dossier: Dossier) -> dict[str, Any]:
    """Lane of events and therapies, under the calendar.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.

    Returns
    -------
    dict
        Vega-Lite view.
    """
    events, n_event_rows = _events(time, dossier)
    bars, n_bar_rows = _bars(time, dossier, below=n_event_rows)
    height = max(1, n_event_rows + n_bar_rows) * _ROW
    y = {"type": "quantitative", "scale": {"domain": [height, 0], "nice": False}, "axis": None}
    return {
        "width": WIDTH,
        "height": height,
        "layer": [
            _axis(time, calendar_axis(time), y),
            _axis(time, day_axis(time, labelled=False), y),
            *event_rules(time, dossier),
            *_bar_layers(time, bars, y),
            *_event_layers(time, events, y),
        ],
        "resolve": {"axis": {"x": "independent"}},
    }


def _axis(time: TimeFrame, axis: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": [{"x": time.low, "y": 0}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": x_encoding(time, axis), "y": {"field": "y", **y}},
    }


def _label_side(right_edge: float, left_edge: float, width: float) -> str:
    """Right of its mark, unless the figure ends there."""
    return "left" if right_edge + width <= WIDTH + RIGHT or left_edge < width else "right"


def _events(time: TimeFrame, dossier: Dossier) -> tuple[list[dict[str, Any]], int]:
    rows = []
    spans = []
    for event in sorted(dossier.events, key=lambda e: (e.on, words.event_label(e))):
        day = time.day(event.on)
        beyond = day > time.high
        place = WIDTH if beyond else time.pixel(day)
        name = words.event_label(event)
        if beyond:
            name = f"{name}, day {numbers.day(day)} →"
        width = text_width(name) + 7
        side = "right" if beyond else _label_side(place, place, width)
        spans.append((place - 2, place + width) if side == "left" else (place - width, place + 2))
        rows.append(
            {
                "x": min(day, time.high),
                "label": name,
                "side": side,
                "colour": ACT if event.kind in _RELAPSES else INK,
                "title": f"{words.event_label(event)}: {numbers.iso(event.on)}, day {numbers.day(day)}",
            }
        )
    lines = rows_without_overlap(spans)
    for row, line in zip(rows, lines, strict=True):
        row |= {"y": (line + 0.5) * _ROW, "top": line * _ROW + 2, "foot": (line + 1) * _ROW - 2}
    return rows, max(lines, default=-1) + 1


def _bars(time: TimeFrame, dossier: Dossier, *, below: int) -> tuple[list[dict[str, Any]], int]:
    rows = []
    spans = []
    for therapy in sorted(dossier.therapies, key=lambda t: (t.start_on, words.therapy_label(t))):
        start = time.day(therapy.start_on)
        end = time.high if therapy.end_on is None else time.day(therapy.end_on)
        left, right = time.pixel(start), time.pixel(end)
        if right - left < _LEAST_BAR:
            right = left + _LEAST_BAR
        name = words.therapy_label(therapy)
        width = text_width(name) + 8
        inside = width <= right - left
        side = "left" if inside else _label_side(right, left, width)
        spans.append(
            (left if side == "left" else left - width, right if inside or side == "right" else right + width)
        )
        rows.append(
            {
                "x": start,
                "x2": start + (right - left) * time.days_per_pixel,
                "label": name,
                "side": side,
                "inside": inside,
                "at": start if inside or side == "right" else start + (right - left) * time.days_per_pixel,
                "title": f"{name}: {numbers.iso(therapy.start_on)} to {numbers.iso(therapy.end_on) or 'now'}",
            }
        )
    lines = rows_without_overlap(spans)
    for row, line in zip(rows, lines, strict=True):
        middle = (below + line + 0.5) * _ROW
        row |= {"y": middle, "top": middle - _BAR_HALF, "foot": middle + _BAR_HALF}
    return rows, max(lines, default=-1) + 1


def _labels(time: TimeFrame, rows: list[dict[str, Any]], *, field: str) -> list[dict[str, Any]]:
    layers = []
    for side, inside in (("left", False), ("right", False), ("left", True)):
        shift = 4 if side == "left" else -4
        chosen = [
            (time.pixel(row[field]) + shift, row["y"], row["label"], row.get("colour", INK))
            for row in rows
            if (row["side"], row.get("inside", False)) == (side, inside)
        ]
        layers += labels(chosen, halo=not inside, align=side)
    return layers


def _bar_layers(time: TimeFrame, rows: list[dict[str, Any]], y: dict[str, Any]) -> list[dict[str, Any]]:
    if not rows:
        return []
    bars = {
        "data": {"values": rows},
        "mark": {"type": "rect", "color": BAR, "stroke": None, "cornerRadius": 2},
        "encoding": {
            "x": x_encoding(time),
            "x2": {"field": "x2"},
            "y": {"field": "top", **y},
            "y2": {"field": "foot"},
            "description": {"field": "title"},
        },
    }
    return [bars, *_labels(time, rows, field="at")]


def _event_layers(time: TimeFrame, rows: list[dict[str, Any]], y: dict[str, Any]) -> list[dict[str, Any]]:
    if not rows:
        return []
    ticks = {
        "data": {"values": rows},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {
            "x": x_encoding(time),
            "y": {"field": "top", **y},
            "y2": {"field": "foot"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
            "description": {"field": "title"},
        },
    }
    return [ticks, *_labels(time, rows, field="x")]
