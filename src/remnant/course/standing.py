"""Where each marker of a patient stands, and when its next sample is due.

The most worrying series decides, but not one whose last sample is far older than a later evaluable sample of
the marker. Days to the next sample count from the marker's last evaluable sample of any material.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remnant.course.states import CONFIRMED, NOT_EVALUABLE, STATES
from remnant.knowledge.states import StateRules
from remnant.records.judgement import SeriesPoint
from remnant.records.mrd import MrdPoint

__all__ = ["Confirmation", "Line", "Standing", "background_text", "standings", "state_text"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One series of a patient.

    Attributes
    ----------
    points : sequence of SeriesPoint
        By date.
    first_raised : sequence of datetime.date or None
        First raised sample of the rise that each point belongs to.
    """

    points: Sequence[SeriesPoint]
    first_raised: Sequence[dt.date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The confirmed rise that a series is in.

    Attributes
    ----------
    first_raised_on, confirmed_on : datetime.date
        First raised sample, and the earliest confirming one that may predict relapse, else the earliest.
    predictor : bool
        Whether the confirming sample may predict relapse.
    """

    first_raised_on: dt.date
    confirmed_on: dt.date
    predictor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one marker stands: the latest state of the series that decides.

    Attributes
    ----------
    marker : str
        Marker.
    point : SeriesPoint
        Last evaluable point of that series, or its last point if none is.
    rise : Confirmation or None
        Confirmed rise that it is in.
    due_on : datetime.date or None
        Last day for the next sample.
    normal_since : tuple of SeriesPoint
        Other materials that were normal in a later sample.
    stale : tuple of SeriesPoint
        More worrying series whose last sample is too old to decide.
    repeat : SeriesPoint or None
        The last sample, if it is not evaluable or its verdict is borderline.
    """

    marker: str
    point: SeriesPoint
    rise: Confirmation | None = None
    due_on: dt.date | None = None
    normal_since: tuple[SeriesPoint, ...] = ()
    stale: tuple[SeriesPoint, ...] = ()
    repeat: SeriesPoint | None = None


def background_text(point: SeriesPoint) -> str:
    """Why a sample above its cut-off is not raised.

    Parameters
    ----------
    point : SeriesPoint
        Any point.

    Returns
    -------
    str
        Empty if it is raised or not above.
    """
    if point.verdict != "above" or point.raised is not False:
        return ""
    if point.z_background is None:
        return "above cut-off, own background not known"
    return f"above cut-off, within own background (z {point.z_background:.1f})"


def state_text(point: SeriesPoint | MrdPoint) -> str:
    """State in a table.

    Parameters
    ----------
    point : SeriesPoint or MrdPoint
        Any point.

    Returns
    -------
    str
        The state; of a background marker why a sample above its cut-off is not raised, of a leukaemia-specific one
        whether its step is borderline, and until when to confirm.
    """
    if isinstance(point, MrdPoint):
        borderline = "borderline" if point.confidence == "borderline" else ""
        due = f"confirm by {point.confirm_by.isoformat()}" if point.confirm_by else ""
        return ", ".join(filter(None, (point.state, borderline, due)))
    return ", ".join(filter(None, (point.state, background_text(point))))


def standings(
    lines: Iterable[Line], *, markers: Sequence[str], relapsed: bool, rules: StateRules
) -> list[Standing]:
    """Where each marker of one patient stands.

    Parameters
    ----------
    lines : iterable of Line
        Series of one patient. After transplantation only samples after it count.
    markers : sequence of str
        Markers, in the order of the sentence.
    relapsed : bool
        Whether relapse became overt: then the rise that was confirmed first before it is named.
    rules : StateRules
        When a series is too old to decide, and when the next sample is due.

    Returns
    -------
    list of Standing
        One a marker that was measured.
    """
    found: dict[str, list[Line]] = {marker: [] for marker in markers}
    for line in lines:
        found[line.points[0].target].append(line)
    return [
        _standing(marker, _recent(of), relapsed=relapsed, rules=rules) for marker, of in found.items() if of
    ]


def _recent(lines: Sequence[Line]) -> list[Line]:
    """Only what came after transplantation, if anything did."""
    after = []
    for line in lines:
        kept = [i for i, p in enumerate(line.points) if p.day is not None and p.day > 0]
        if kept:
            after.append(Line([line.points[i] for i in kept], [line.first_raised[i] for i in kept]))
    return after or list(lines)


def _standing(marker: str, lines: Sequence[Line], *, relapsed: bool, rules: StateRules) -> Standing:
    last = [([p for p in line.points if p.state != NOT_EVALUABLE] or line.points)[-1] for line in lines]
    newest = max((p.drawn_on for p in last if p.state != NOT_EVALUABLE), default=None)
    rises = [_confirmation(line) for line in lines]
    order = sorted(range(len(last)), key=lambda i: _order(last[i]), reverse=True)
    current = [i for i in order if newest is None or (newest - last[i].drawn_on).days <= rules.stale_days]
    # The alarm that warned of relapse is the one to name, however old its series.
    warned = [i for i in order if relapsed and (rise := rises[i]) is not None and rise.predictor]
    chosen = min(warned, key=lambda i: _confirmed_on(rises[i]), default=current[0])
    point = last[chosen]
    return Standing(
        marker=marker,
        point=point,
        rise=rises[chosen],
        due_on=min((due for i in current if newest and (due := _due(last[i], newest, rules))), default=None),
        normal_since=tuple(
            _normal_since(lines[i])
            for i in order
            if last[i].state == "normal"
            and last[i].drawn_on > point.drawn_on
            and (last[i].material, last[i].fraction) != (point.material, point.fraction)
        ),
        stale=tuple(last[i] for i in order if i not in current and _rank(last[i]) > max(_rank(point), 0)),
        repeat=_repeat(lines),
    )


def _confirmed_on(rise: Confirmation | None) -> dt.date:
    return dt.date.max if rise is None else rise.confirmed_on


def _order(point: SeriesPoint) -> tuple[int, dt.date, str, str]:
    return _rank(point), point.drawn_on, point.material, point.assay_id


def _rank(point: SeriesPoint) -> int:
    return -1 if point.state == NOT_EVALUABLE else [str(state) for state in STATES].index(point.state)


def _due(point: SeriesPoint, newest: dt.date, rules: StateRules) -> dt.date | None:
    days = rules.next_sample_days.get(point.state)
    if days is not None:
        return newest + dt.timedelta(days=days)
    if point.confirm_by is None or point.confirm_by > newest:
        return point.confirm_by
    return newest + dt.timedelta(days=rules.confirm_to_days)


def _confirmation(line: Line) -> Confirmation | None:
    """The confirmed rise that the last evaluable sample belongs to."""
    begun: dt.date | None = None
    confirmed: list[SeriesPoint] = []
    for point, first in zip(line.points, line.first_raised, strict=True):
        if point.state in CONFIRMED:
            begun = begun or first or point.drawn_on
            confirmed.append(point)
        elif point.state not in {"regressing", NOT_EVALUABLE}:
            begun, confirmed = None, []
    if begun is None:
        return None
    chosen = next((p for p in confirmed if p.predictor), confirmed[0])
    return Confirmation(first_raised_on=begun, confirmed_on=chosen.drawn_on, predictor=chosen.predictor)


def _normal_since(line: Line) -> SeriesPoint:
    """First of the normal samples at the end of a series."""
    evaluable = [p for p in line.points if p.state != NOT_EVALUABLE]
    first = len(evaluable) - 1
    while first > 0 and evaluable[first - 1].state == "normal":
        first -= 1
    return evaluable[first]


def _repeat(lines: Sequence[Line]) -> SeriesPoint | None:
    """The last sample that a rule was applied to, if it left the question open."""
    judged = [p for line in lines for p in line.points if p.rule_id]
    latest = max((p.drawn_on for p in judged), default=None)
    final = sorted((p for p in judged if p.drawn_on == latest), key=_order)
    evaluable = [p for p in final if p.state != NOT_EVALUABLE]
    open_question = [p for p in evaluable if p.confidence == "borderline"] if evaluable else final
    return open_question[0] if open_question else None
