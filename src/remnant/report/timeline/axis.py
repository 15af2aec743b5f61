"""The time axis that all panels share.

Days are counted from transplantation, or from the first date where there was none. The axis is linear and
nothing is compressed. It ends with the last sample, therapy or relapse where only follow-up comes after and
would leave more than a fifth of it empty; what lies beyond is named at the edge with its day.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Final

from remnant.records.dossier import Dossier
from remnant.report import numbers
from remnant.report.palette import ACT, MUTED

__all__ = [
    "LEFT",
    "RIGHT",
    "WIDTH",
    "TimeFrame",
    "calendar_axis",
    "day_axis",
    "event_rules",
    "frame",
    "x_encoding",
]

WIDTH: Final = 600
"""Width of the plot in pixels; the whole figure is drawn for 180 mm of paper."""
LEFT: Final = 40
"""Room for the vertical axes to the left of the plot, pixels."""
RIGHT: Final = 140
"""Room for labels to the right of the plot, pixels."""
_MAY_LIE_BEYOND: Final = frozenset({"last_contact", "off_study", "death", "chronic_gvhd", "acute_gvhd"})
_EMPTY: Final = 0.25
_DAY_STEPS: Final = (5, 10, 25, 50, 100, 200, 500, 1000, 2000)
_MONTH_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_MOST_TICKS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFrame:
    """Span of the shared axis.

    Attributes
    ----------
    origin : datetime.date
        Day 0.
    transplanted : bool
        Whether day 0 is the transplantation.
    low, high : float
        Ends of the axis, days from `origin`.
    """

    origin: dt.date
    transplanted: bool
    low: float
    high: float

    def day(self, date: dt.date) -> int:
        """Days from the origin.

        Parameters
        ----------
        date : datetime.date
            Any day.

        Returns
        -------
        int
            Negative before it.
        """
        return (date - self.origin).days

    def pixel(self, day: float) -> float:
        """Place of a day on the plot.

        Parameters
        ----------
        day : float
            Days from the origin.

        Returns
        -------
        float
            Pixels from the left edge.
        """
        return (day - self.low) / (self.high - self.low) * WIDTH

    @property
    def days_per_pixel(self) -> float:
        """Scale of the axis.

        Returns
        -------
        float
            Days.
        """
        return (self.high - self.low) / WIDTH


def frame(dossier: Dossier) -> TimeFrame | None:
    """Axis that holds everything known of a patient.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    TimeFrame or None
        None if nothing has a date.
    """
    drawn = [sample.drawn_on for sample in dossier.samples]
    drawn += [measurement.drawn_on for measurement in dossier.measurements]
    drawn += [day for t in dossier.therapies for day in (t.start_on, t.end_on) if day is not None]
    drawn += [event.on for event in dossier.events if event.kind not in _MAY_LIE_BEYOND]
    dates = drawn + [event.on for event in dossier.events]
    if not dates:
        return None
    transplants = [event.on for event in dossier.events if event.kind == "transplant"]
    course = dossier.course
    day_0 = course.transplant_on if course and course.transplant_on else min(transplants, default=None)
    origin = day_0 or min(dates)
    low, high = (min(dates) - origin).days, (max(dates) - origin).days
    core = (max(drawn, default=max(dates)) - origin).days
    if high - core > _EMPTY * max(core - low, 1):
        high = max(core, 0)
    margin = max(5.0, 0.02 * (high - low))
    return TimeFrame(origin=origin, transplanted=day_0 is not None, low=low - margin, high=high + margin)


def x_encoding(time: TimeFrame, axis: dict[str, Any] | None = None, *, field: str = "x") -> dict[str, Any]:
    """Horizontal channel on the shared scale.

    Parameters
    ----------
    time : TimeFrame
        Span.
    axis : dict or None, default None
        Axis to draw, none if None.
    field : str, default "x"
        Column that holds the day.

    Returns
    -------
    dict
        Vega-Lite channel.
    """
    scale = {"domain": [time.low, time.high], "nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _day_ticks(time: TimeFrame) -> list[int]:
    step = next((s for s in _DAY_STEPS if (time.high - time.low) / s <= _MOST_TICKS), _DAY_STEPS[-1])
    return list(range(math.ceil(time.low / step) * step, math.floor(time.high) + 1, step))


def day_axis(time: TimeFrame, *, labelled: bool) -> dict[str, Any]:
    """Axis of days; without labels it is only the faint vertical grid.

    Parameters
    ----------
    time : TimeFrame
        Span.
    labelled : bool
        Whether labels and title are drawn.

    Returns
    -------
    dict
        Vega-Lite axis.
    """
    ticks = _day_ticks(time)
    base: dict[str, Any] = {"orient": "bottom", "values": ticks, "grid": True, "domain": labelled}
    if not labelled:
        return {**base, "labels": False, "ticks": False, "title": None}
    words = {str(tick): numbers.day(tick) for tick in ticks}
    title = "days from transplantation" if time.transplanted else "days from the first date known"
    return {**base, "labelExpr": f"({_json(words)})[datum.value]", "title": title}


def calendar_axis(time: TimeFrame) -> dict[str, Any]:
    """Axis of calendar months, above.

    Parameters
    ----------
    time : TimeFrame
        Span.

    Returns
    -------
    dict
        Vega-Lite axis.
    """
    first = time.origin + dt.timedelta(days=math.ceil(time.low))
    last = time.origin + dt.timedelta(days=math.floor(time.high))
    months = 12 * (last.year - first.year) + last.month - first.month
    step = next((s for s in _MONTH_STEPS if months / s <= _MOST_TICKS - 1), _MONTH_STEPS[-1])
    starts = [dt.date(m // 12, m % 12 + 1, 1) for m in range(12 * first.year, 12 * last.year + 12, step)]
    if months < 2:
        starts = [first + dt.timedelta(days=i) for i in range(0, (last - first).days + 1, 7)]
    kept = [start for start in starts if first <= start <= last]
    words = {str(time.day(start)): _calendar_label(start, step, fine=months < 2) for start in kept}
    return {
        "orient": "top",
        "values": [time.day(start) for start in kept],
        "labelExpr": f"({_json(words)})[datum.value]",
        "grid": False,
        "domain": True,
        "title": None,
    }


def _calendar_label(start: dt.date, step: int, *, fine: bool) -> str:
    if fine:
        return numbers.in_sentence(start, with_year=False)
    return str(start.year) if step >= 12 else f"{numbers.in_sentence(start).split()[1][:3]} {start.year}"


def _json(words: dict[str, str]) -> str:
    return "{" + ",".join(f"'{key}':'{word}'" for key, word in words.items()) + "}"


def event_rules(time: TimeFrame, dossier: Dossier) -> list[dict[str, Any]]:
    """Vertical rules that cross every panel: transplantation and overt relapse.

    Parameters
    ----------
    time : TimeFrame
        Span.
    dossier : Dossier
        One patient.

    Returns
    -------
    list of dict
        Layers.
    """
    rules = [{"x": 0, "colour": MUTED}] if time.transplanted else []
    course = dossier.course
    if course is not None and course.overt_relapse_on is not None:
        rules.append({"x": time.day(course.overt_relapse_on), "colour": ACT})
    if not rules:
        return []
    layer = {
        "data": {"values": rules},
        "mark": {"type": "rule", "strokeWidth": 1.2, "aria": False},
        "encoding": {
            "x": x_encoding(time),
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    return [layer]
