"""The one sentence at the top of a patient's page, and how urgent it is.

State, since when, by which rule, what to do by when. Dates in sentences have day and month name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remnant.course.relapse import OvertRelapse
from remnant.course.series import SeriesKey
from remnant.course.states import NOT_EVALUABLE, STATES
from remnant.knowledge.relapse import RelapseRules
from remnant.knowledge.states import StateRules
from remnant.records.judgement import SeriesPoint

__all__ = ["Headline", "Standing", "date_text", "headline", "standings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one marker stands: the latest state of its most worrying series.

    Attributes
    ----------
    marker : str
        Marker.
    point : SeriesPoint
        Last evaluable point of that series, or its last point if none is.
    due_on : datetime.date or None
        Last day for the next sample.
    """

    marker: str
    point: SeriesPoint
    due_on: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The sentence, and what the worklist needs of it.

    Attributes
    ----------
    text : str
        The sentence.
    urgency : int
        0 nothing, 1 look, 2 act.
    urgency_reason : str
        Why.
    next_sample_by : datetime.date or None
        Last day for the next sample.
    unverified_rules : tuple of str
        Rules in it that are not verified.
    """

    text: str
    urgency: int
    urgency_reason: str
    next_sample_by: dt.date | None
    unverified_rules: tuple[str, ...]


def date_text(date: dt.date) -> str:
    """Date in a sentence.

    Parameters
    ----------
    date : datetime.date
        The date.

    Returns
    -------
    str
        Day, month name, year.

    Examples
    --------
    >>> date_text(dt.date(2021, 5, 4))
    '4 May 2021'
    """
    return f"{date.day} {date:%B %Y}"


def standings(
    series: Mapping[SeriesKey, Sequence[SeriesPoint]], *, markers: Sequence[str], rules: StateRules
) -> list[Standing]:
    """Where each marker of one patient stands.

    Parameters
    ----------
    series : mapping of SeriesKey to sequence of SeriesPoint
        Points of one patient by series, each by date. After transplantation only those after it count.
    markers : sequence of str
        Markers, in the order of the sentence.
    rules : StateRules
        When the next sample is due.

    Returns
    -------
    list of Standing
        One a marker that was measured.
    """
    last: dict[str, list[SeriesPoint]] = {marker: [] for marker in markers}
    for points in series.values():
        recent = [p for p in points if p.day is not None and p.day > 0] or points
        evaluable = [p for p in recent if p.state != NOT_EVALUABLE]
        last[recent[0].target].append((evaluable or recent)[-1])
    result = []
    for marker, points in last.items():
        after = [p for p in points if p.day is not None and p.day > 0] or points
        if after:
            worst = max(after, key=lambda p: (_rank(p), p.drawn_on, p.material, p.assay_id))
            due = [d for p in after if (d := _due(p, rules)) is not None]
            result.append(Standing(marker=marker, point=worst, due_on=min(due, default=None)))
    return result


def _rank(point: SeriesPoint) -> int:
    return -1 if point.state == NOT_EVALUABLE else [str(state) for state in STATES].index(point.state)


def _due(point: SeriesPoint, rules: StateRules) -> dt.date | None:
    days = rules.next_sample_days.get(point.state)
    return point.confirm_by if days is None else point.drawn_on + dt.timedelta(days=days)


def headline(
    stand: Sequence[Standing],
    relapse: OvertRelapse,
    *,
    lead_time_days: int | None,
    transplant_on: dt.date | None,
    death_on: dt.date | None,
    states: StateRules,
    rules: RelapseRules,
) -> Headline:
    """Compose the sentence and the urgency.

    Parameters
    ----------
    stand : sequence of Standing
        One a marker.
    relapse : OvertRelapse
        Overt relapse or none.
    lead_time_days : int or None
        Warning before it.
    transplant_on, death_on : datetime.date or None
        Day 0, and death.
    states : StateRules
        Urgency of the states.
    rules : RelapseRules
        Urgency of overt relapse.

    Returns
    -------
    Headline
        Nothing is due and nothing urgent after death; after overt relapse no sample date is proposed.
    """
    sentences = [_sentence(one, transplant_on) for one in stand] or ["No WT1 or BAALC was measured."]
    overt = _relapse_sentence(relapse, lead_time_days)
    following = relapse.on is None and death_on is None
    due = min((one.due_on for one in stand if one.due_on), default=None) if following else None
    urgency, reason = 0, sentences[0]
    levels = [states.urgency.get(one.point.state, 0) for one in stand]
    if death_on is not None:
        reason = f"Died on {date_text(death_on)}."
    elif relapse.on is not None:
        urgency, reason = rules.urgency, overt
    elif levels and max(levels) > 0:
        urgency = max(levels)
        reason = " ".join(s for s, level in zip(sentences, levels, strict=True) if level == urgency)
    unverified = tuple(
        f"{one.marker} {one.point.rule_label}" for one in stand if one.point.rule_status == "unverified"
    )
    text = [*sentences, overt]
    text += [f"Died on {date_text(death_on)}."] if death_on else []
    text += [f"Next sample by {date_text(due)}."] if due else []
    text += [f"Rule not verified: {', '.join(unverified)}."] if unverified else []
    return Headline(
        text=" ".join(text),
        urgency=urgency,
        urgency_reason=reason,
        next_sample_by=due,
        unverified_rules=unverified,
    )


def _relapse_sentence(relapse: OvertRelapse, lead_time_days: int | None) -> str:
    if relapse.on is None:
        return "No overt relapse."
    warning = (
        "without warning"
        if lead_time_days is None
        else f"{lead_time_days} days after the first confirmed raised sample"
    )
    return f"Overt relapse on {date_text(relapse.on)} ({relapse.rule}), {warning}."


def _sentence(one: Standing, transplant_on: dt.date | None) -> str:
    point = one.point
    place = " ".join(filter(None, (point.material, point.fraction)))
    when = _when(point.since or point.drawn_on, transplant_on)
    rule = f" ({point.rule_label}, {place})" if point.rule_label else f" ({place})"
    before = (
        " before transplantation"
        if transplant_on is not None and point.drawn_on <= transplant_on and point.state != NOT_EVALUABLE
        else ""
    )
    borderline = ", borderline" if point.confidence == "borderline" else ""
    words = {
        "normal": f"normal{before}{borderline}",
        "raised once": f"raised once on {when}{rule}{borderline}, not yet confirmed",
        "raised confirmed": f"raised, confirmed on {when}{rule}",
        "persistently raised": f"persistently raised since {when}{rule}",
        "regressing": f"regressing since {when}{rule}",
    }
    return f"{one.marker} {words.get(point.state, 'not evaluable')}."


def _when(date: dt.date, transplant_on: dt.date | None) -> str:
    return date_text(date) if transplant_on is None else f"day {(date - transplant_on).days:+d}"
