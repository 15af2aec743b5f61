"""The key under the timeline: what each mark means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.report.layout import labels, pixels, text_width
from remnant.report.numbers import is_more_than
from remnant.report.palette import MUTED, PAPER
from remnant.report.timeline.axis import LEFT, RIGHT, WIDTH
from remnant.report.timeline.growth import is_growth_drawn
from remnant.report.timeline.marker import CROSS, DOWN, HALF, OUTLINES, SIZE, UP

__all__ = ["panel"]

_ROW: Final = 17.0
_ABOVE: Final = 14.0
_INDENT: Final = 8.0
_FRACTION: Final = "sorted fraction"
_MORE_THAN: Final = "more than this limit"
_GROWTH: Final = "fitted growth, 95 % interval"
_STYLES: Final[dict[str, dict[str, Any]]] = {
    "filled": {"type": "point", "size": SIZE, "filled": True, "fill": MUTED},
    "hollow": {
        "type": "point",
        "size": SIZE,
        "filled": True,
        "fill": PAPER,
        "stroke": MUTED,
        "strokeWidth": 1.6,
    },
    "half": {"type": "point", "size": SIZE, "filled": True, "fill": MUTED},
    "crossed": {"type": "point", "size": SIZE, "filled": False, "stroke": MUTED, "strokeWidth": 1.8},
    "thin": {"type": "rule", "strokeWidth": 1.2, "color": MUTED},
    "pale": {"type": "rule", "strokeWidth": 5, "strokeOpacity": 0.22, "color": MUTED},
    "band": {"type": "rule", "strokeWidth": 11, "strokeOpacity": 0.16, "color": MUTED},
    "line": {"type": "point", "size": SIZE, "stroke": MUTED, "strokeWidth": 1},
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A mark, drawn by one or two styles, and its meaning."""

    label: str
    marks: tuple[tuple[str, str], ...]


_ENTRIES: Final = (
    _Entry("marrow", (("filled", OUTLINES["circle"]),)),
    _Entry("blood", (("filled", OUTLINES["square"]),)),
    _Entry(_FRACTION, (("filled", OUTLINES["diamond"]),)),
    _Entry("detected, not quantifiable", (("hollow", OUTLINES["circle"]), ("half", HALF["circle"]))),
    _Entry("not detected, at its 95 % limit", (("hollow", DOWN["circle"]),)),
    _Entry(_MORE_THAN, (("filled", UP["circle"]),)),
    _Entry("not evaluable", (("crossed", CROSS),)),
    _Entry("95 % interval of this measurement", (("thin", ""),)),
    _Entry("for comparison with another sample", (("pale", ""),)),
    _Entry(_GROWTH, (("band", ""), ("line", "stroke"))),
)


def panel(dossier: Dossier) -> dict[str, Any]:
    """Key, wrapped to the width of the figure.

    Parameters
    ----------
    dossier : Dossier
        Decides whether sorted fractions and fitted growth are named.

    Returns
    -------
    dict
        Vega-Lite view.
    """
    absent = set()
    if not (any(m.fraction for m in dossier.measurements) or dossier.sorted_samples):
        absent.add(_FRACTION)
    if not any(is_more_than(m) for m in dossier.measurements):
        absent.add(_MORE_THAN)
    if not is_growth_drawn(dossier):
        absent.add(_GROWTH)
    entries = [entry for entry in _ENTRIES if entry.label not in absent]
    written, placed = [], []
    x, row = _INDENT - LEFT, 0
    for entry in entries:
        width = 12 + text_width(entry.label) + 10
        if x + width > WIDTH + RIGHT:
            x, row = _INDENT - LEFT, row + 1
        y = _ABOVE + (row + 0.5) * _ROW
        placed.append({"x": x + 4, "y": y, "top": y - 7, "foot": y + 7, "entry": entry})
        written.append((x + 14, y, entry.label, MUTED))
        x += width + 6
    layers = [layer for style in _STYLES for layer in _layer(style, placed)]
    layers += labels(written, halo=False, align="left")
    return {"width": WIDTH, "height": _ABOVE + (row + 1) * _ROW, "layer": layers}


def _layer(style: str, placed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    chosen = [
        {**{k: v for k, v in place.items() if k != "entry"}, "outline": outline}
        for place in placed
        for kind, outline in place["entry"].marks
        if kind == style
    ]
    if not chosen:
        return []
    mark = {"aria": False, "opacity": 1, **_STYLES[style]}
    encoding = {"x": pixels("x"), "y": pixels("y")}
    if mark["type"] == "rule":
        encoding = {"x": pixels("x"), "y": pixels("top"), "y2": {"field": "foot"}}
    else:
        encoding["shape"] = {"field": "outline", "type": "nominal", "scale": None}
    return [{"data": {"values": chosen}, "mark": mark, "encoding": encoding}]
