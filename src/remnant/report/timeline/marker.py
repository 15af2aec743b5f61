"""One panel a marker: every measurement by its detection state, on a log axis of its own unit.

Quantified is filled, detected but not quantifiable half-filled, not detected hollow and pointing down at
that sample's own limit, not evaluable a cross on the axis. Marrow is a circle, blood a square, a sorted
fraction a diamond. The thin whisker is the interval of this measurement, the pale one the interval for
comparison with another sample. Only quantified points are joined, dashed where another sample lies between.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from remnant.errors import UnitError
from remnant.records.dossier import Dossier
from remnant.records.measurement import Baseline, Measurement
from remnant.records.run import Assay
from remnant.report import numbers, words
from remnant.report.layout import labels, spread, text_width
from remnant.report.palette import ACT, LOOK, MUTED, PAPER, marker_hue
from remnant.report.series import assay_title, state_points
from remnant.report.timeline.axis import WIDTH, TimeFrame, day_axis, event_rules, x_encoding
from remnant.report.timeline.growth import growth_layers, growths
from remnant.units import convert

__all__ = [
    "CROSS",
    "DODGE",
    "DOWN",
    "HALF",
    "OUTLINES",
    "SIZE",
    "PanelScale",
    "grid_layer",
    "mark_layers",
    "panel",
    "whisker_layers",
]

SIZE: Final = 72
"""Area of a mark, square pixels."""
HALF: Final = {
    "circle": "M0,1A1,1,0,0,1,0,-1Z",
    "square": "M-1,-1H0V1H-1Z",
    "diamond": "M0,-1.2L0,1.2L-1.2,0Z",
}
DOWN: Final = {
    "circle": "M-1,0A1,1,0,0,1,1,0L0,2Z",
    "square": "M-1,-1H1V0.4L0,2L-1,0.4Z",
    "diamond": "M0,-1.2L1.1,0L0,2.2L-1.1,0Z",
}
UP: Final = {
    "circle": "M-1,0A1,1,0,0,0,1,0L0,-2Z",
    "square": "M-1,1H1V-0.4L0,-2L-1,-0.4Z",
    "diamond": "M0,1.2L1.1,0L0,-2.2L-1.1,0Z",
}
OUTLINES: Final = {
    "circle": "circle",
    "square": "M-0.95,-0.95H0.95V0.95H-0.95Z",
    "diamond": "M0,-1.25L1.25,0L0,1.25L-1.25,0Z",
}
CROSS: Final = "M-0.8,-0.8L0.8,0.8M-0.8,0.8L0.8,-0.8"
MORE_THAN: Final = "more than"
_PIXELS_PER_DECADE: Final = 34
_LOWEST, _HIGHEST = 110, 210
_UNCROWDED: Final = 3
_SMALLEST: Final = 0.6
DODGE: Final = 10.0
"""Distance of marks of one day, pixels."""
_BOLD: Final = 1.12  # how much wider bold words are
_MARGIN: Final = 60  # pixels beside the plot into which a state may reach where an event stands at its end
_LABEL_ROW: Final = 13.0
_BAND_SD: Final = 1.96
_ALARMS: Final = {
    "raised once": LOOK,
    "raised confirmed": ACT,
    "persistently raised": ACT,
    "regressing": MUTED,
    "suspected relapse": LOOK,
    "confirmed relapse": ACT,
    "progression": ACT,
    "persistence": LOOK,
}


def panel(time: TimeFrame, dossier: Dossier, assay: Assay, *, panels: int = 1) -> dict[str, Any]:
    """Panel of one assay.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.
    assay : Assay
        Which of its assays.
    panels : int, default 1
        How many panels share the figure: where there are many each is lower, so that a page holds them.

    Returns
    -------
    dict
        Vega-Lite view.
    """
    measurements = [m for m in dossier.measurements if m.assay_id == assay.assay_id]
    unit = measurements[0].unit
    cutoffs = _cutoffs(dossier, assay, unit)
    bands = [b for b in dossier.baselines if b.assay_id == assay.assay_id and b.unit == unit]
    bands = [b for b in bands if (b.material, b.fraction) in {(m.material, m.fraction) for m in measurements}]
    low, high = _domain(measurements, cutoffs, bands)
    full = min(_HIGHEST, max(_LOWEST, round(_PIXELS_PER_DECADE * math.log10(high / low))))
    height = round(full * max(_SMALLEST, min(1.0, _UNCROWDED / panels)))
    rows = _rows(time, measurements)
    base = PanelScale(low, high, height)
    rules = event_rules(time, dossier)
    words_placed, room = _placed_alarms(
        time, _alarms(dossier, rows), rows, base, rules=rules, levels=[one["level"] for one in cutoffs]
    )
    y = base.taller(room)
    hue = marker_hue(assay.target)
    return {
        "width": WIDTH,
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
        "height": y.height,
        "title": assay_title(assay, unit),
        "layer": [
            grid_layer(time, y),
            *_band_layers(bands, y, hue),
            *rules,
            *_cutoff_layers(cutoffs, y),
            *growth_layers(
                time,
                growths(dossier, assay.assay_id, unit),
                channel=y.channel,
                low=y.low,
                high=y.high,
                hue=hue,
            ),
            *_join_layers(time, rows, y, hue),
            *whisker_layers(time, rows, y, hue),
            *mark_layers(time, rows, y, hue),
            *labels(words_placed, fontWeight=600),
            *_margin_layers(cutoffs, bands, y),
        ],
    }


class PanelScale:
    """Vertical log scale of one panel.

    Parameters
    ----------
    low, high : float
        Ends of the scale, positive.
    height : float
        Pixels.
    """

    def __init__(self, low: float, high: float, height: float) -> None:
        self.low, self.high, self.height = low, high, height

    def taller(self, room: float) -> PanelScale:
        """The same decades with more room above: every place moves down by it.

        Parameters
        ----------
        room : float
            Pixels.

        Returns
        -------
        PanelScale
            The taller one.
        """
        grown = (self.height + room) / self.height
        return PanelScale(self.low, self.low * (self.high / self.low) ** grown, self.height + room)

    def pixel(self, value: float) -> float:
        """Place of a value.

        Parameters
        ----------
        value : float
            Positive.

        Returns
        -------
        float
            Pixels from the top.
        """
        return self.height * (1 - math.log(value / self.low) / math.log(self.high / self.low))

    def channel(self, field: str = "y", *, axis: bool = False) -> dict[str, Any]:
        """Vertical channel on this scale.

        Parameters
        ----------
        field : str, default "y"
            Column that holds the value.
        axis : bool, default False
            Whether its decades are drawn.

        Returns
        -------
        dict
            Vega-Lite channel.
        """
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        step = 1 if last - first < 6 else 2
        ticks = [10.0**k for k in range(first, last + 1, step)]
        names = [numbers.power_of_ten(k) for k in range(first, last + 1)]
        drawn = {
            "values": ticks,
            "labelExpr": f"{names}[round(log(datum.value)/LN10) - ({first})]",
            "title": None,
            "grid": True,
            "domain": False,
            "ticks": False,
            "minExtent": 34,
            "maxExtent": 34,
        }
        return {
            "field": field,
            "type": "quantitative",
            "scale": {"type": "log", "domain": [self.low, self.high], "nice": False},
            "axis": drawn if axis else None,
        }


def _cutoffs(dossier: Dossier, assay: Assay, unit: str) -> list[dict[str, Any]]:
    places = {m.measurement_id: f"{m.material} {m.fraction}".rstrip() for m in dossier.measurements}
    found: dict[str, dict[str, Any]] = {}
    titles: dict[str, dict[str, None]] = {}
    for call in dossier.calls:
        if call.assay_id != assay.assay_id or call.measurement_id not in places or call.threshold <= 0:
            continue
        try:
            level = convert(call.threshold, call.unit, unit)
        except UnitError:
            continue
        place = places[call.measurement_id]
        doubt = "" if call.status == "verified" else ", unverified"
        label = f"{place} {words.beyond(call.rule_id)} {numbers.level(level)}{doubt}"
        found[label] = {"level": level, "doubt": bool(doubt), "label": label}
        titles.setdefault(label, {})[f"{words.rule_label(call)}: {call.source} ({call.status})"] = None
    return [{**line, "title": "; ".join(titles[label])} for label, line in found.items()]


def _levels(measurement: Measurement) -> Iterable[float]:
    m = measurement
    held = (m.estimate, m.lower, m.upper, m.comparison_lower, m.comparison_upper)
    known = [value for value in held if value is not None and value > 0]
    if not known and m.upper_limit is not None and m.state != "not evaluable":
        known = [m.upper_limit, m.upper_limit / 2]
    return known


def _domain(
    measurements: Sequence[Measurement], cutoffs: Sequence[dict[str, Any]], bands: Sequence[Baseline]
) -> tuple[float, float]:
    levels = [level for m in measurements for level in _levels(m)]
    levels += [cutoff["level"] for cutoff in cutoffs]
    levels += [_band_top(band) for band in bands]
    low, high = (min(levels), max(levels)) if levels else (1.0, 100.0)
    low, high = low / 1.7, high * 1.5
    if high / low < 100:
        middle = math.sqrt(low * high)
        low, high = min(low, middle / 10), max(high, middle * 10)
    return low, high


def _band_top(band: Baseline) -> float:
    return band.percentile_97_5 or band.median * 10 ** (_BAND_SD * band.sd_log10)


def _rows(time: TimeFrame, measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """One row a measurement; those of one day stand side by side, a mark's width apart."""
    by_day: dict[int, list[Measurement]] = defaultdict(list)
    for m in sorted(measurements, key=lambda m: (m.material, m.fraction, m.measurement_id)):
        by_day[time.day(m.drawn_on)].append(m)
    rows = []
    for day, held in sorted(by_day.items()):
        for place, m in enumerate(held):
            shift = (place - (len(held) - 1) / 2) * DODGE * time.days_per_pixel
            shape = "diamond" if m.fraction else {"BM": "circle", "PB": "square"}[m.material]
            rows.append(
                {
                    "x": day + shift,
                    "day": day,
                    "state": MORE_THAN if numbers.is_more_than(m) else m.state,
                    "shape": shape,
                    "series": (m.fraction, m.material),
                    "y": next((y for y in (m.estimate, m.upper_limit, m.lower) if y is not None), None),
                    "lower": m.lower,
                    "upper": m.upper,
                    "far_lower": m.comparison_lower,
                    "far_upper": m.comparison_upper,
                    "measurement": m.measurement_id,
                    "title": _hover(time, m),
                }
            )
    return rows


def _hover(time: TimeFrame, m: Measurement) -> str:
    place = words.place(m)
    head = f"{m.target}, {place}, {numbers.iso(m.drawn_on)} (day {numbers.day(time.day(m.drawn_on))})"
    value = numbers.measured(m, with_unit=m.state != "not evaluable")
    parts = [f"{head}: {value}", m.state if m.state not in value else "", m.reason]
    return ", ".join(part for part in parts if part)


def grid_layer(time: TimeFrame, y: PanelScale) -> dict[str, Any]:
    """Grid and vertical axis of a panel.

    Parameters
    ----------
    time : TimeFrame
        Span.
    y : PanelScale
        Vertical scale.

    Returns
    -------
    dict
        Layer.
    """
    return {
        "data": {"values": [{"x": time.low, "y": y.low}]},
        "mark": {"type": "point", "opacity": 0, "aria": False},
        "encoding": {"x": x_encoding(time, day_axis(time, labelled=False)), "y": y.channel(axis=True)},
    }


def _band_layers(bands: Sequence[Baseline], y: PanelScale, hue: str) -> list[dict[str, Any]]:
    rows = [
        {
            "y": min(_band_top(b), y.high),
            "y2": max(b.median / 10 ** (_BAND_SD * b.sd_log10), y.low),
            "title": f"{_band_name(b)}: median {numbers.number(b.median, unit=b.unit)}",
        }
        for b in bands
        if _band_top(b) > y.low
    ]
    if not rows:
        return []
    layer = {
        "data": {"values": rows},
        "mark": {"type": "rect", "fill": hue, "fillOpacity": 0.09, "stroke": None},
        "encoding": {
            "x": {"value": 0},
            "x2": {"value": WIDTH},
            "y": y.channel(),
            "y2": {"field": "y2"},
            "description": {"field": "title"},
        },
    }
    return [layer]


def _band_name(band: Baseline) -> str:
    place = f"{band.material} {band.fraction}".rstrip()
    return f"{place} {'donors' if band.source == 'donors' else 'own background'}"


def _cutoff_layers(cutoffs: Sequence[dict[str, Any]], y: PanelScale) -> list[dict[str, Any]]:
    return [
        {
            "data": {"values": chosen},
            "mark": {
                "type": "rule",
                "color": MUTED,
                "strokeWidth": 0.8,
                **({"strokeDash": [2, 2]} if doubt else {}),
            },
            "encoding": {
                "x": {"value": 0},
                "x2": {"value": WIDTH},
                "y": y.channel("level"),
                "description": {"field": "title"},
            },
        }
        for doubt in (False, True)
        if (chosen := [c for c in cutoffs if c["doubt"] == doubt])
    ]


def _join_layers(
    time: TimeFrame, rows: Sequence[dict[str, Any]], y: PanelScale, hue: str
) -> list[dict[str, Any]]:
    """Lines between quantified points of one series, dashed across anything else."""
    series: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        series[row["series"]].append(row)
    solid: list[dict[str, Any]] = []
    dashed: list[dict[str, Any]] = []
    for held in series.values():
        quantified = [i for i, row in enumerate(held) if row["state"] == "quantified"]
        for i, j in pairwise(quantified):
            a, b = held[i], held[j]
            line = {"x": a["x"], "y": a["y"], "x2": b["x"], "y2": b["y"]}
            (solid if j == i + 1 else dashed).append(line)
    return [
        {
            "data": {"values": lines},
            "mark": {"type": "rule", "color": hue, "strokeWidth": 1.4, "aria": False, **dash},
            "encoding": {
                "x": x_encoding(time),
                "x2": {"field": "x2"},
                "y": y.channel(),
                "y2": {"field": "y2"},
            },
        }
        for lines, dash in ((solid, {}), (dashed, {"strokeDash": [4, 4], "strokeOpacity": 0.75}))
        if lines
    ]


def whisker_layers(
    time: TimeFrame, rows: Sequence[dict[str, Any]], y: PanelScale, hue: str
) -> list[dict[str, Any]]:
    """Intervals: thin of this measurement, over pale for comparison with another sample.

    Parameters
    ----------
    time : TimeFrame
        Span.
    rows : sequence of dict
        Place (``x``, ``y``), ``state``, ``shape``, interval ends and ``title`` of each mark.
    y : PanelScale
        Vertical scale.
    hue : str
        Colour of the marker.

    Returns
    -------
    list of dict
        Layers.
    """
    seen = [row for row in rows if row["state"] in {"quantified", "detected"} and row["lower"] is not None]
    if not seen:
        return []
    far = [row for row in seen if row["far_lower"] is not None]
    styles = [
        (far, "far_lower", "far_upper", {"strokeWidth": 5, "strokeOpacity": 0.22}),
        (seen, "lower", "upper", {"strokeWidth": 1.2}),
    ]
    return [
        {
            "data": {"values": chosen},
            "mark": {"type": "rule", "color": hue, "aria": False, **style},
            "encoding": {"x": x_encoding(time), "y": y.channel(low), "y2": {"field": high}},
        }
        for chosen, low, high, style in styles
        if chosen
    ]


def mark_layers(
    time: TimeFrame, rows: Sequence[dict[str, Any]], y: PanelScale, hue: str
) -> list[dict[str, Any]]:
    """Marks by detection state: told by fill and shape, never by colour alone.

    Parameters
    ----------
    time : TimeFrame
        Span.
    rows : sequence of dict
        Place (``x``, ``y``), ``state``, ``shape``, interval ends and ``title`` of each mark.
    y : PanelScale
        Vertical scale.
    hue : str
        Colour of the marker.

    Returns
    -------
    list of dict
        Layers.
    """
    filled = {"filled": True, "fill": hue, "stroke": hue, "strokeWidth": 1.2}
    hollow = {"filled": True, "fill": PAPER, "stroke": hue, "strokeWidth": 1.6}
    half = {"filled": True, "fill": hue, "stroke": None}
    crossed = {"filled": False, "stroke": MUTED, "strokeWidth": 1.8}
    plan = [
        ("quantified", OUTLINES, filled),
        ("detected", OUTLINES, hollow),
        ("detected", HALF, half),
        (MORE_THAN, UP, filled),
        ("not detected", DOWN, hollow),
        ("not evaluable", dict.fromkeys(OUTLINES, CROSS), crossed),
    ]
    layers = []
    for state, shapes, style in plan:
        chosen = [
            {"x": row["x"], "y": row["y"], "outline": shapes[row["shape"]], "title": row["title"]}
            for row in rows
            if row["state"] == state
        ]
        if not chosen:
            continue
        place = {"value": y.height - 5} if state == "not evaluable" else y.channel()
        layers.append(
            {
                "data": {"values": chosen},
                "mark": {"type": "point", "size": SIZE, "opacity": 1, **style},
                "encoding": {
                    "x": x_encoding(time),
                    "y": place,
                    "shape": {"field": "outline", "type": "nominal", "scale": None},
                    "description": {"field": "title"},
                },
            }
        )
    return layers


def _alarms(dossier: Dossier, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Words where a series enters a state other than normal after day 0, with the series where there are more."""
    by_measurement = {row["measurement"]: row for row in rows}
    several = len({row["series"] for row in rows}) > 1
    before: dict[tuple[str, str], str] = {}
    alarms = []
    for point in state_points(dossier):
        row = by_measurement.get(point.measurement_id)
        if row is None or row["y"] is None or point.state == "not evaluable":
            continue
        entered = point.state != before.get(row["series"])
        if entered and point.state in _ALARMS and row["day"] >= 0:
            name = " ".join(part for part in (point.material, point.fraction, point.state) if part)
            text = name if several else point.state
            alarms.append({"row": row, "label": text, "colour": _ALARMS[point.state]})
        before[row["series"]] = point.state
    return alarms


def _placed_alarms(
    time: TimeFrame,
    alarms: Sequence[dict[str, Any]],
    rows: Sequence[dict[str, Any]],
    y: PanelScale,
    *,
    rules: Sequence[dict[str, Any]],
    levels: Sequence[float],
) -> tuple[list[tuple[float, float, str, str]], float]:
    """The words above their points, moved up past whatever is in the way, and the room this takes above."""
    taken = [_whisker_box(time, row, y) for row in rows if row["y"] is not None]
    taken += [(WIDTH / 2, WIDTH, y.pixel(level) - 1, y.pixel(level) + 1) for level in levels]
    half_row = _LABEL_ROW / 2
    crossing = [time.pixel(layer_row["x"]) for layer in rules for layer_row in layer["data"]["values"]]
    written = []
    for alarm in alarms:
        half = _BOLD * text_width(alarm["label"]) / 2 + 3
        centre = _beside(min(max(time.pixel(alarm["row"]["x"]), half), WIDTH - half), half, crossing)
        place = _whisker_box(time, alarm["row"], y)[2] - half_row
        while any(
            abs(x - centre) < half + reach and top < place + half_row and place - half_row < foot
            for x, reach, top, foot in taken
        ):
            place -= 1
        taken.append((centre, half, place - half_row, place + half_row))
        written.append((centre, place, alarm["label"], alarm["colour"]))
    room = max(0.0, half_row - min((place for _, place, _, _ in written), default=half_row))
    return [(x, place + room, text, colour) for x, place, text, colour in written], room


def _beside(centre: float, half: float, crossing: Sequence[float]) -> float:
    """Centre of a label moved aside, as little as needed, where a vertical rule would strike it through."""
    for place in crossing:
        if abs(centre - place) < half:
            sides = [s for s in (place - half, place + half) if half <= s <= WIDTH + _MARGIN - half]
            centre = min(sides, key=lambda side: abs(side - centre), default=centre)
    return centre


def _whisker_box(time: TimeFrame, row: dict[str, Any], y: PanelScale) -> tuple[float, float, float, float]:
    """Centre, half-width, top and foot of a mark with its whiskers, pixels."""
    top = y.pixel(row["far_upper"] or row["upper"] or row["y"])
    foot = y.pixel(row["far_lower"] or row["lower"] or row["y"])
    return time.pixel(row["x"]), 4.0, min(top, y.pixel(row["y"]) - 5) - 1, max(foot, y.pixel(row["y"]) + 5)


def _margin_layers(
    cutoffs: Sequence[dict[str, Any]], bands: Sequence[Baseline], y: PanelScale
) -> list[dict[str, Any]]:
    """Names of the cut-offs and bands, to the right of the plot, moved apart where they would touch."""
    names = [(cutoff["label"], y.pixel(cutoff["level"])) for cutoff in cutoffs]
    names += [
        (_band_name(b), y.pixel(min(max(b.median, y.low * 1.1), y.high)))
        for b in bands
        if _band_top(b) > y.low
    ]
    places = spread([place for _, place in names], gap=13.0, low=4.0, high=y.height - 2)
    written = [(WIDTH + 6.0, place, text, MUTED) for (text, _), place in zip(names, places, strict=True)]
    return labels(written, halo=False, align="left")
