"""The key under the timeline: what each mark means."""

from __future__ import annotations

from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.report.palette import MUTED, PAPER
from remnant.report.timeline.axis import RIGHT, WIDTH, text_width
from remnant.report.timeline.marker import CROSS, DOWN, HALF, OUTLINES, SIZE

__all__ = ["panel"]

_ROW: Final = 17.0
_ABOVE: Final = 14.0
_LEFT: Final = 8.0 - 34.0
_FILLED: Final = {"fill": MUTED, "stroke": MUTED}
_HOLLOW: Final = {"fill": PAPER, "stroke": MUTED, "strokeWidth": 1.6}


def panel(dossier: Dossier) -> dict[str, Any]:
    """Key, wrapped to the width of the figure.

    Parameters
    ----------
    dossier : Dossier
        Decides whether sorted fractions are named.

    Returns
    -------
    dict
        Vega-Lite view.
    """
    entries: list[tuple[list[dict[str, Any]], str]] = [
        ([_mark(OUTLINES["circle"], _FILLED)], "marrow"),
        ([_mark(OUTLINES["square"], _FILLED)], "blood"),
        ([_mark(OUTLINES["diamond"], _FILLED)], "sorted fraction"),
        (
            [_mark(OUTLINES["circle"], _HOLLOW), _mark(HALF["circle"], {"fill": MUTED})],
            "detected, not quantifiable",
        ),
        ([_mark(DOWN["circle"], _HOLLOW)], "not detected, at its 95 % limit"),
        ([_mark(CROSS, {"stroke": MUTED, "strokeWidth": 1.8})], "not evaluable"),
        ([_whisker(1.2, 1.0)], "95 % interval of this measurement"),
        ([_whisker(5, 0.22)], "for comparison with another sample"),
    ]
    if not dossier.fractions:
        entries.pop(2)
    layers = []
    x, row = _LEFT, 0
    for marks, label in entries:
        width = 12 + text_width(label) + 10
        if x + width > WIDTH + RIGHT:
            x, row = _LEFT, row + 1
        y = _ABOVE + (row + 0.5) * _ROW
        layers += [_placed(mark, x + 4, y) for mark in marks]
        layers.append(_text(label, x + 14, y))
        x += width + 6
    return {"width": WIDTH, "height": _ABOVE + (row + 1) * _ROW, "layer": layers}


def _mark(outline: str, style: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "point",
        "shape": outline,
        "size": SIZE,
        "opacity": 1,
        "filled": False,
        "fill": None,
        "stroke": None,
        "aria": False,
        **style,
    }


def _whisker(width: float, opacity: float) -> dict[str, Any]:
    return {"type": "rule", "strokeWidth": width, "strokeOpacity": opacity, "color": MUTED, "aria": False}


def _placed(mark: dict[str, Any], x: float, y: float) -> dict[str, Any]:
    place = {"x": {"value": x}, "y": {"value": y}}
    if mark["type"] == "rule":
        place = {"x": {"value": x}, "y": {"value": y - 7}, "y2": {"value": y + 7}}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": place}


def _text(label: str, x: float, y: float) -> dict[str, Any]:
    mark = {
        "type": "text",
        "text": label,
        "align": "left",
        "baseline": "middle",
        "color": MUTED,
        "aria": False,
    }
    return {"data": {"values": [{}]}, "mark": mark, "encoding": {"x": {"value": x}, "y": {"value": y}}}
