"""The one sentence at the top of a patient's page, and how urgent it is.

State, since when, by which rule; overt relapse before everything else. By when to sample next, growth and schedules included, is said by `next_sample`
for the day it is asked for. Dates in sentences have day and month name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remnant.course.mrd_standing import mrd_seen_before, mrd_standings, mrd_warning
from remnant.course.relapse import OvertRelapse
from remnant.course.standing import Confirmation, Standing, background_text
from remnant.course.states import NOT_EVALUABLE
from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.relapse import RelapseRules
from remnant.knowledge.states import StateRules
from remnant.records.judgement import SeriesPoint
from remnant.records.mrd import MrdPoint

__all__ = ["Headline", "date_text", "headline", "unverified_sentence"]

_NOT_MEASURED: Final = "No serial marker was measured."


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


def headline(
    stand: Sequence[Standing],
    relapse: OvertRelapse,
    *,
    warned_on: dt.date | None,
    transplant_on: dt.date | None,
    death_on: dt.date | None,
    states: StateRules,
    rules: RelapseRules,
    mrd: Sequence[MrdPoint] = (),
    without_rule: Sequence[str] = (),
    names: Mapping[str, str] = MappingProxyType({}),
) -> Headline:
    """Compose the sentence and the urgency.

    Parameters
    ----------
    stand : sequence of Standing
        One a marker.
    relapse : OvertRelapse
        Overt relapse or none.
    warned_on : datetime.date or None
        First confirmed raised sample of the alarm that stood when it became overt.
    transplant_on, death_on : datetime.date or None
        Day 0, and death.
    states : StateRules
        Urgency of the states.
    rules : RelapseRules
        Urgency of overt relapse.
    mrd : sequence of MrdPoint, default ()
        Leukaemia-specific markers: they speak first.
    without_rule : sequence of str, default ()
        Leukaemia-specific markers that were measured and that no rule set judges.
    names : mapping of str to str, default {}
        Words for assays where a marker is measured by several, as clones are.

    Returns
    -------
    Headline
        Nothing is due and nothing urgent after death; after overt relapse no sample date is proposed.
    """
    specific = mrd_standings(
        mrd,
        when=lambda day: _when(day, transplant_on),
        rules=mrd_state_rules(),
        stale_days=states.stale_days,
        names=names,
    )
    sentences = [one.sentence for one in specific]
    sentences += [
        f"{marker[:1].upper()}{marker[1:]} was measured, but no rule set decides it."
        for marker in without_rule
    ]
    sentences += [_sentence(one, relapse, transplant_on) for one in stand]
    overt = _relapse_sentence(relapse, warned_on, mrd, transplant_on)
    following = relapse.on is None and death_on is None
    dates = [one.due_on for one in specific] + [one.due_on for one in stand]
    due = min((day for day in dates if day), default=None) if following else None
    repeats = [one.repeat for one in specific if one.repeat and following]
    repeats += [_repeat_sentence(one.repeat, transplant_on) for one in stand if one.repeat and following]
    urgency, reason = 0, (sentences or [_NOT_MEASURED])[0]
    if death_on is not None:
        reason = f"Died on {date_text(death_on)}."
    elif relapse.on is not None:
        urgency, reason = rules.urgency, overt
    else:
        levels = [one.urgency for one in specific] + [0] * len(without_rule)
        levels += [_urgency(one, states) for one in stand]
        urgency = max([*levels, states.repeat_urgency if repeats else 0], default=0)
        if urgency > 0:
            said = [s for s, level in zip(sentences, levels, strict=True) if level == urgency]
            reason = " ".join([*said, *repeats])
    unverified = tuple(
        dict.fromkeys(
            [one.unverified for one in specific if one.unverified]
            + [
                f"{one.marker} {one.point.rule_label}"
                for one in stand
                if one.point.rule_status == "unverified"
            ]
        )
    )
    states_now = sentences or [_NOT_MEASURED]
    text = [*states_now, overt, *repeats] if relapse.on is None else [overt, *states_now]
    text += [f"Died on {date_text(death_on)}."] if death_on else []
    text += [unverified_sentence(unverified)] if unverified else []
    return Headline(
        text=" ".join(text),
        urgency=urgency,
        urgency_reason=reason,
        next_sample_by=due,
        unverified_rules=unverified,
    )


def _urgency(one: Standing, states: StateRules) -> int:
    return max(
        states.urgency.get(one.point.state, 0),
        states.within_background_urgency if background_text(one.point) else 0,
        states.stale_urgency if one.stale else 0,
    )


def _relapse_sentence(
    relapse: OvertRelapse,
    warned_on: dt.date | None,
    mrd: Sequence[MrdPoint],
    transplant_on: dt.date | None,
) -> str:
    if relapse.on is None:
        return "No overt relapse."
    molecular_on = mrd_warning(mrd, relapse.on)
    warnings = [
        f"{(relapse.on - day).days} days after {what} ({_when(day, transplant_on)})"
        for day, what in (
            (molecular_on, "confirmed molecular relapse"),
            (warned_on, "the first confirmed raised sample"),
        )
        if day is not None
    ]
    warning = " and ".join(warnings) or _unwarned(mrd_seen_before(mrd, relapse.on), transplant_on)
    return f"Overt relapse on {date_text(relapse.on)} ({relapse.rule}), {warning}."


def _unwarned(seen: Sequence[MrdPoint], transplant_on: dt.date | None) -> str:
    """No rise was confirmed: whether nothing had been seen, or leukaemia all along."""
    if not seen:
        return "without warning"
    last = max(point.drawn_on for point in seen)
    markers = " and ".join(dict.fromkeys(point.target for point in seen if point.drawn_on == last))
    return f"without a confirmed molecular relapse before it; {markers} was still detected on {_when(last, transplant_on)}"


def _repeat_sentence(point: SeriesPoint, transplant_on: dt.date | None) -> str:
    what = "not evaluable" if point.state == NOT_EVALUABLE else "borderline"
    return (
        f"Repeat {point.target}: the last sample ({_place(point)}, {_when(point.drawn_on, transplant_on)}) "
        f"is {what}."
    )


def unverified_sentence(rules: Sequence[str]) -> str:
    """Sentence that names the rules of a headline that are not verified.

    Parameters
    ----------
    rules : sequence of str
        At least one.

    Returns
    -------
    str
        The last sentence of the headline; a page that names the rules beside it may leave it out.

    Examples
    --------
    >>> unverified_sentence(["NPM1 ELN 2021"])
    'Rule not verified: NPM1 ELN 2021.'
    """
    return f"Rule not verified: {', '.join(rules)}."


def _sentence(one: Standing, relapse: OvertRelapse, transplant_on: dt.date | None) -> str:
    point = one.point
    when = _when(point.since or point.drawn_on, transplant_on)
    rule = f" ({point.rule_label}, {_place(point)})" if point.rule_label else f" ({_place(point)})"
    before = (
        " before transplantation"
        if transplant_on is not None and point.drawn_on <= transplant_on and point.state != NOT_EVALUABLE
        else ""
    )
    borderline = ", borderline" if point.confidence == "borderline" else ""
    begun = "" if one.rise is None else _when(one.rise.first_raised_on, transplant_on)
    confirmed = "" if one.rise is None else _confirmed(one.rise, relapse, transplant_on)
    words = {
        "normal": f"normal{f' ({_place(point)})' if one.stale else ''}{before}{borderline}",
        "raised once": f"raised once on {when}{rule}{before}{borderline}, not yet confirmed",
        "raised confirmed": f"raised since {begun}, {confirmed}{rule}{before}",
        "persistently raised": f"persistently raised since {begun}, {confirmed}{rule}{before}",
        "regressing": f"regressing since {when}{rule}{before}, raised from {begun}, {confirmed}",
    }
    notes = [f"{_place(p)} normal since {_when(p.drawn_on, transplant_on)}" for p in one.normal_since]
    notes += [
        f"{_place(p)} {p.state} when last measured on {_when(p.drawn_on, transplant_on)}" for p in one.stale
    ]
    said = ", ".join(filter(None, [words.get(point.state, "not evaluable"), background_text(point)]))
    return f"{one.marker} {'; '.join([said, *notes])}."


def _confirmed(rise: Confirmation, relapse: OvertRelapse, transplant_on: dt.date | None) -> str:
    """Confirmation with its date; whether it came before overt relapse and may count as a warning."""
    when = _when(rise.confirmed_on, transplant_on)
    if relapse.on is not None and rise.confirmed_on == relapse.on:
        return f"confirmed only at overt relapse on {when}"
    if relapse.on is not None and rise.confirmed_on > relapse.on:
        return f"confirmed only after overt relapse on {when}"
    return f"confirmed {when}" if rise.predictor else f"confirmed {when} when relapse was already suspected"


def _place(point: SeriesPoint) -> str:
    return " ".join(filter(None, (point.material, point.fraction)))


def _when(date: dt.date, transplant_on: dt.date | None) -> str:
    return date_text(date) if transplant_on is None else f"day {(date - transplant_on).days:+d}"
