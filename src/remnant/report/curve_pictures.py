"""Small pictures of the amplification curves that a person should look at, each over a typical curve of its target.

Fluorescence above the curve's own floor, on a linear scale; curve and typical curve of a picture share the scale, so
that a weak rise looks weak. The two Cq are upright lines, and stand in figures above the picture.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.amplification_cq import Disagreement
from remnant.records.amplification import CurveTrace
from remnant.report import draw, numbers
from remnant.report.layout import labels, pixels
from remnant.report.palette import BAR, GRID, INK, LOOK, MUTED, marker_hue
from remnant.report.table import Section

__all__ = ["section", "spec"]

_WIDTH: Final = 200
_HEIGHT: Final = 92
_COLUMNS: Final = 4
_GAP: Final = 30
_FOOT: Final = 34
_ACROSS: Final = _COLUMNS * _WIDTH + (_COLUMNS - 1) * _GAP
_LINE: Final = 15.0
_LETTERS: Final = 34
_FLOOR_PERCENT: Final = 10.0

Mark = dict[str, Any]
Text = tuple[float, float, str, str]


def section(wells: Sequence[Disagreement], traces: Sequence[CurveTrace]) -> Section:
    """The pictures with their heading, or the sentence that there is nothing to look at.

    Parameters
    ----------
    wells : sequence of Disagreement
        Wells of a run to look at.
    traces : sequence of CurveTrace
        Fluorescence of some of them, and of typical curves.

    Returns
    -------
    Section
        Of a page.
    """
    title = "Curves to look at"
    shown = _drawn(wells, traces)
    if not wells:
        return Section(
            title=title,
            tables=(),
            caption="None: no curve is doubtful, and all agree with the instrument.",
        )
    if not shown:
        return Section(
            title=title,
            tables=(),
            caption=f"{len(wells)}, marked in the table; their fluorescence was not kept: `remnant run` reads it again.",
        )
    part = f"{len(shown)} of {len(wells)} wells, the worst" if len(shown) < len(wells) else "The wells"
    caption = (
        f"{part} whose curve is doubtful or does not agree with the instrument. Strong line: the well, above its own floor; pale line: "
        "a typical amplified curve of the target on this run, on the same scale. Upright lines: our Cq (solid) and the "
        "instrument's (dashed)."
    )
    svg = draw.svg(spec(wells, traces), description=_described(shown), span=(-4, _ACROSS + 4))
    figure = draw.inline(svg, css_class="curves", identity="curves")
    return Section(title=title, tables=(), figure=figure, caption=caption)


def _drawn(
    wells: Sequence[Disagreement], traces: Sequence[CurveTrace]
) -> list[tuple[Disagreement, CurveTrace]]:
    kept = {(one.position, one.target): one for one in traces if not one.typical}
    found = [(one, kept.get((one.well.position, one.well.target))) for one in wells]
    ordered = sorted(found, key=lambda pair: (pair[0].well.target, pair[0].well.position))
    return [(one, trace) for one, trace in ordered if trace is not None]


def spec(wells: Sequence[Disagreement], traces: Sequence[CurveTrace]) -> dict[str, Any]:
    """Pictures side by side, by target and place.

    Parameters
    ----------
    wells : sequence of Disagreement
        Wells of a run to look at.
    traces : sequence of CurveTrace
        Fluorescence of at least one of them, and of typical curves.

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    typical = {one.target: one for one in traces if one.typical}
    shown = _drawn(wells, traces)
    head = 14.0 + _LINE * max(len(_told(one)) for one, _ in shown)
    panels = [
        _panel(one, trace, typical.get(one.well.target), at=at, head=head)
        for at, (one, trace) in enumerate(shown)
    ]
    rows = -(-len(panels) // _COLUMNS)
    # One view with places of its own: the renderer takes longer over a view a picture.
    view = {
        "width": _ACROSS,
        "height": rows * (head + _HEIGHT + _FOOT),
        "layer": [
            _rules([one for panel in panels for one in panel.floor], GRID),
            _lines([one for panel in panels for one in panel.typical], 2.0),
            _rules([one for panel in panels for one in panel.ours], INK),
            _rules([one for panel in panels for one in panel.theirs], MUTED, dash=(3, 3)),
            _lines([one for panel in panels for one in panel.own], 1.6),
            *labels(
                [one for panel in panels for one in panel.ticks], halo=False, align="center", fontSize=10
            ),
            *labels(
                [one for panel in panels for one in panel.names], halo=False, align="left", fontWeight=600
            ),
            *labels([one for panel in panels for one in panel.words], halo=False, align="left", fontSize=11),
        ],
    }
    return draw.configured(view)


def _described(shown: Sequence[tuple[Disagreement, CurveTrace]]) -> str:
    """Pictures in words, one sentence each."""
    return " ".join(
        f"{one.well.position}, {one.well.target}, {one.well.sample}: {_verdict(one)}; {_cqs(one)}."
        for one, _ in shown
    )


def _verdict(one: Disagreement) -> str:
    why = f": {one.result.reason}" if one.result.reason else ""
    if one.kind == "doubtful":
        return f"doubtful{why}"
    if one.kind == "call":
        return f"{one.result.call}{why}"
    return f"{numbers.signed(one.away_cycles)} cycles off the usual"


def _cqs(one: Disagreement) -> str:
    well, result = one.well, one.result
    theirs = "no Cq" if well.detected is False else "not stored"
    theirs = theirs if well.cq is None else f"{well.cq:.2f}"
    spread = "" if result.cq_se is None else f" ± {result.cq_se:.2f}"
    ours = "no Cq" if result.cq is None else f"{result.cq:.2f}{spread}"
    return f"instrument {theirs}, ours {ours}"


def _above_floor(trace: CurveTrace, floor: float | None) -> NDArray[np.float64]:
    values = np.array([np.nan if one is None else one for one in trace.fluorescence])
    seen = values[np.isfinite(values)]
    if floor is None and len(seen):
        floor = float(np.percentile(seen, _FLOOR_PERCENT))
    result: NDArray[np.float64] = values - (floor or 0.0)
    return result


class _Panel(NamedTuple):
    """What is drawn of one well, in pixels of the whole figure."""

    floor: list[Mark]
    typical: list[Mark]
    own: list[Mark]
    ours: list[Mark]
    theirs: list[Mark]
    ticks: list[Text]
    names: list[Text]
    words: list[Text]


def _panel(one: Disagreement, trace: CurveTrace, other: CurveTrace | None, *, at: int, head: float) -> _Panel:
    left = float(at % _COLUMNS * (_WIDTH + _GAP))
    top = at // _COLUMNS * (head + _HEIGHT + _FOOT) + head
    floor = top + _HEIGHT
    own = _above_floor(trace, one.result.baseline)
    beside = np.empty(0) if other is None else _above_floor(other, None)
    both = np.concatenate([own, beside])
    both = both[np.isfinite(both)]
    low, high = (min(0.0, float(both.min())), float(both.max())) if len(both) else (0.0, 1.0)
    first, last = min(trace.cycles), max(trace.cycles)

    def across(cycle: float) -> float:
        return left + (min(cycle, last) - first) / max(last - first, 1.0) * _WIDTH

    def line(cycles: Sequence[float], values: NDArray[np.float64], colour: str) -> list[Mark]:
        scale = _HEIGHT / (high - low if high > low else 1.0)
        return [
            {"x": across(cycle), "y": floor - (value - low) * scale, "key": at, "colour": colour}
            for cycle, value in zip(cycles, values.tolist(), strict=True)
            if np.isfinite(value)
        ]

    def upright(cq: float | None) -> list[Mark]:
        return [] if cq is None else [{"x": across(cq), "x2": across(cq), "y": top, "y2": floor}]

    return _Panel(
        floor=[{"x": left, "x2": left + _WIDTH, "y": floor, "y2": floor}],
        typical=[] if other is None else line(other.cycles, beside, BAR),
        own=line(trace.cycles, own, marker_hue(one.well.target)),
        ours=upright(one.result.cq),
        theirs=upright(one.well.cq),
        ticks=[
            (across(cycle), floor + 9.0, str(cycle), MUTED)
            for cycle in range(10, int(last) + 1, 10)
            if cycle >= first
        ],
        names=[(left, top - 8.0 - _LINE * (len(_told(one))), _name(one), INK)],
        words=[
            (left, top - 8.0 - _LINE * (len(_told(one)) - row), text, colour)
            for row, (text, colour) in enumerate(_told(one), start=1)
        ],
    )


def _name(one: Disagreement) -> str:
    return textwrap.shorten(
        f"{one.well.position} {one.well.target} {one.well.sample}", _LETTERS, placeholder="…"
    )


def _told(one: Disagreement) -> list[tuple[str, str]]:
    verdict = textwrap.wrap(_verdict(one), _LETTERS, max_lines=2, placeholder="…")
    return [*((text, LOOK) for text in verdict), (_cqs(one), MUTED)]


def _rules(values: Sequence[Mark], colour: str, *, dash: Sequence[int] = ()) -> dict[str, Any]:
    return {
        "data": {"values": list(values)},
        "mark": {"type": "rule", "color": colour, "strokeDash": list(dash), "aria": False},
        "encoding": {"x": pixels("x"), "y": pixels("y"), "x2": {"field": "x2"}, "y2": {"field": "y2"}},
    }


def _lines(values: Sequence[Mark], width: float) -> dict[str, Any]:
    return {
        "data": {"values": list(values)},
        "mark": {"type": "line", "strokeWidth": width, "aria": False},
        "encoding": {
            "x": pixels("x"),
            "y": pixels("y"),
            "order": {"field": "x", "type": "quantitative"},
            "detail": {"field": "key", "type": "nominal"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
