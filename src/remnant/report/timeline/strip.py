"""The thin strips: blasts and donor chimerism, each in percent on its own linear axis."""

from __future__ import annotations

from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.records.sample import Sample
from remnant.report import numbers, words
from remnant.report.layout import labels, spread, text_width
from remnant.report.palette import INK, MUTED, PAPER
from remnant.report.timeline.axis import WIDTH, TimeFrame, day_axis, event_rules, x_encoding
from remnant.report.timeline.marker import OUTLINES, SIZE

__all__ = ["blasts", "chimerism"]

_HEIGHT: Final = 46
_GAP: Final = 13.0
_SHAPES: Final = {"BM": "circle", "PB": "square"}
_CELLS: Final = {"whole": "whole", "CD3+": "cd3", "CD34+": "cd34"}
_DASHES: Final[dict[str, list[float]]] = {"whole": [], "CD3+": [5, 3], "CD34+": [1.5, 2.5]}


def _by_date(dossier: Dossier) -> list[Sample]:
    return sorted(dossier.samples, key=lambda s: (s.drawn_on, s.material, s.sample_id))


def _frame_layer(time: TimeFrame, low: float) -> dict[str, Any]:
    axis = {
        "values": [low, 100],
        "title": None,
        "grid": True,
        "domain": False,
        "ticks": False,
        "minExtent": 34,
        "maxExtent": 34,
    }
    return {
        "data": {"values": [{"x": time.low, "y": low}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": x_encoding(time, day_axis(time, labelled=False)), "y": _channel(low, axis=axis)},
    }


def _channel(low: float, *, field: str = "y", axis: dict[str, Any] | None = None) -> dict[str, Any]:
    scale = {"domain": [low, 100], "nice": False, "zero": False, "clamp": True}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _marks(time: TimeFrame, rows: list[dict[str, Any]], low: float, *, fill: str) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {
            "type": "point",
            "filled": True,
            "fill": fill,
            "stroke": INK,
            "strokeWidth": 1.2,
            "size": SIZE / 2,
            "opacity": 1,
        },
        "encoding": {
            "x": x_encoding(time),
            "y": _channel(low),
            "shape": {"field": "outline", "type": "nominal", "scale": None},
            "description": {"field": "title"},
        },
    }


def _hover(time: TimeFrame, sample: Sample, what: str, value: float) -> str:
    when = f"{numbers.iso(sample.drawn_on)} (day {numbers.day(time.day(sample.drawn_on))})"
    return f"{what}, {words.MATERIAL[sample.material]}, {when}: {numbers.percent(value)} %"


def blasts(time: TimeFrame, dossier: Dossier) -> dict[str, Any] | None:
    """Strip of blast percentages: stems with their number.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.

    Returns
    -------
    dict or None
        Vega-Lite view; None if no sample has a count.
    """
    rows = [
        {
            "x": time.day(s.drawn_on),
            "y": s.blast_percent,
            "foot": 0,
            "label": numbers.percent(s.blast_percent),
            "outline": OUTLINES[_SHAPES[s.material]],
            "title": _hover(time, s, "blasts", s.blast_percent),
        }
        for s in _by_date(dossier)
        if s.blast_percent is not None
    ]
    if not rows:
        return None
    stems = {
        "data": {"values": rows},
        "mark": {"type": "rule", "color": INK, "strokeWidth": 2, "aria": False},
        "encoding": {"x": x_encoding(time), "y": _channel(0), "y2": {"field": "foot"}},
    }
    written = [
        (time.pixel(row["x"]), _HEIGHT * (1 - row["y"] / 100) - 11, row["label"], INK)
        for row in _that_fit(time, rows)
    ]
    return {
        "width": WIDTH,
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
        "height": _HEIGHT,
        "title": "Blasts, %",
        "layer": [
            _frame_layer(time, 0),
            *event_rules(time, dossier),
            stems,
            _marks(time, rows, 0, fill=INK),
            *labels(written),
        ],
    }


def _that_fit(time: TimeFrame, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels that do not touch, the highest values first; the table holds the rest."""
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda r: -r["y"]):
        place = time.pixel(row["x"])
        if all(
            abs(place - time.pixel(other["x"])) > text_width(row["label"] + other["label"]) / 2 + 3
            for other in kept
        ):
            kept.append(row)
    return kept


def chimerism(time: TimeFrame, dossier: Dossier) -> dict[str, Any] | None:
    """Strip of donor chimerism in whole, CD3+ and CD34+ cells, each line named at its end.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.

    Returns
    -------
    dict or None
        Vega-Lite view; None if no sample has a value.
    """
    held = _chimerism_series(time, dossier)
    if not held:
        return None
    lowest = min(row["y"] for rows in held.values() for row in rows)
    low = 80 if lowest >= 80 else 50 if lowest >= 50 else 0
    layers = [_frame_layer(time, low), *event_rules(time, dossier)]
    layers += [_line(time, rows, low, _DASHES[cells]) for (cells, _), rows in held.items()]
    layers += [
        _marks(time, rows, low, fill=INK if key[0] == "whole" else PAPER) for key, rows in held.items()
    ]
    last_day = max(rows[-1]["x"] for rows in held.values())
    ends = {cells: [rows for (of, _), rows in held.items() if of == cells] for cells, _ in held}
    places = spread(
        [_HEIGHT * (100 - max(rows[0][-1]["y"], low)) / (100 - low) for rows in ends.values()],
        gap=_GAP,
        low=0,
        high=_HEIGHT + 4,
    )
    written = [
        (time.pixel(last_day) + 9, place, _ending(cells, held), MUTED)
        for cells, place in zip(ends, places, strict=True)
    ]
    layers += labels(written, align="left")
    return {
        "width": WIDTH,
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
        "height": _HEIGHT,
        "title": "Donor chimerism, %",
        "layer": layers,
    }


def _ending(cells: str, held: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    """Name of a line with its last value, by material where there are two."""
    last = {material: numbers.percent(rows[-1]["y"]) for (of, material), rows in held.items() if of == cells}
    if len({material for _, material in held}) == 1:
        return f"{cells} {next(iter(last.values()))}"
    return f"{cells} " + ", ".join(f"{material} {value}" for material, value in sorted(last.items()))


def _chimerism_series(time: TimeFrame, dossier: Dossier) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows by cells and material; marrow and blood are series of their own."""
    held: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cells, field in _CELLS.items():
        for s in _by_date(dossier):
            value = getattr(s, f"chimerism_{field}_percent")
            if value is not None:
                row = {
                    "x": time.day(s.drawn_on),
                    "y": value,
                    "outline": OUTLINES[_SHAPES[s.material]],
                    "title": _hover(time, s, f"donor chimerism, {cells} cells", value),
                }
                held.setdefault((cells, s.material), []).append(row)
    return held


def _line(time: TimeFrame, rows: list[dict[str, Any]], low: float, dash: list[float]) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "color": INK, "strokeWidth": 1.2, "strokeDash": dash, "aria": False},
        "encoding": {"x": x_encoding(time), "y": _channel(low)},
    }
