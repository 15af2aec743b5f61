"""Where each leukaemia-specific marker of a patient stands, in one sentence."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remnant.knowledge.mrd_states import MrdStateRules
from remnant.records.mrd import MrdPoint

__all__ = ["MrdStanding", "mrd_seen_before", "mrd_sentence", "mrd_standings", "mrd_warning"]

_NOT_EVALUABLE: Final = "not evaluable"
_WORDS: Final = {
    "negative": "negative since {since}",
    "detected, not quantifiable": "detected, not quantifiable, since {since}",
    "low level": "positive at low level since {since}",
    "positive": "positive since {since}",
    "suspected relapse": "suspected relapse on {since}, not yet confirmed",
    "confirmed relapse": "confirmed molecular relapse since {since}",
    "persistence": "persistently positive since {since}",
    "progression": "molecular progression since {since}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdStanding:
    """Where one marker stands: the most worrying of its current series.

    Attributes
    ----------
    point : MrdPoint
        Last evaluable point of that series, or its last point if none is.
    sentence : str
        State, since when, by which rule.
    urgency : int
        0 nothing, 1 look, 2 act.
    due_on : datetime.date or None
        Last day for the next sample.
    repeat : str
        Sentence that asks for a repeat of the last sample; empty if it needs none.
    unverified : str
        Marker and rule, if the rule is not verified.
    """

    point: MrdPoint
    sentence: str
    urgency: int
    due_on: dt.date | None
    repeat: str
    unverified: str


def mrd_standings(
    points: Sequence[MrdPoint],
    *,
    when: Callable[[dt.date], str],
    rules: MrdStateRules,
    stale_days: int,
    names: Mapping[str, str] = MappingProxyType({}),
) -> list[MrdStanding]:
    """Where each marker stands.

    Parameters
    ----------
    points : sequence of MrdPoint
        Of one patient.
    when : callable
        A date in words.
    rules : MrdStateRules
        Urgencies.
    stale_days : int
        A series whose last evaluable sample is older than the marker's newest by more does not decide.
    names : mapping of str to str, default {}
        Words for assays where a marker is measured by several, as clones are.

    Returns
    -------
    list of MrdStanding
        One a marker and assay.
    """
    by_marker = sorted(points, key=lambda p: (p.target, p.assay_id, p.control))
    assays = {
        target: {p.assay_id for p in points if p.target == target} for target in {p.target for p in points}
    }
    return [
        _standing(
            list(held),
            when=when,
            rules=rules,
            stale_days=stale_days,
            name=names.get(assay, target) if len(assays[target]) > 1 else target,
        )
        for (target, assay, _), held in itertools.groupby(
            by_marker, key=lambda p: (p.target, p.assay_id, p.control)
        )
    ]


def _standing(
    points: list[MrdPoint],
    *,
    when: Callable[[dt.date], str],
    rules: MrdStateRules,
    stale_days: int,
    name: str,
) -> MrdStanding:
    points.sort(key=lambda p: (p.material, p.fraction, p.drawn_on))
    series = [list(held) for _, held in itertools.groupby(points, key=lambda p: (p.material, p.fraction))]
    last = [([p for p in one if p.state != _NOT_EVALUABLE] or one)[-1] for one in series]
    newest = max(p.drawn_on for p in last)
    current = [p for p in last if (newest - p.drawn_on).days <= stale_days]
    point = max(current, key=lambda p: (rules.urgency.get(p.state, -1), p.drawn_on, p.material))
    final = max(points, key=lambda p: (p.drawn_on, p.state != _NOT_EVALUABLE))
    repeat = ""
    if final.state == _NOT_EVALUABLE:
        repeat = f"Repeat {name}: the last sample ({_place(final)}, {when(final.drawn_on)}) is not evaluable."
    asked = bool(repeat) or point.confidence == "borderline"
    return MrdStanding(
        point=point,
        sentence=mrd_sentence(point, when, name=name),
        urgency=max(rules.urgency.get(point.state, 0), int(asked)),
        due_on=min((p.confirm_by for p in current if p.confirm_by), default=None),
        repeat=repeat,
        unverified=_named_rule(point) if point.rule_status == "unverified" else "",
    )


def mrd_sentence(point: MrdPoint, when: Callable[[dt.date], str], *, name: str = "") -> str:
    """State of a series in one sentence.

    Parameters
    ----------
    point : MrdPoint
        Its last point.
    when : callable
        A date in words.
    name : str, default ""
        Words for the marker; empty for its target.

    Returns
    -------
    str
        State, since when, by which rule, in which material.
    """
    if point.state == _NOT_EVALUABLE:
        return f"{name or point.target} not evaluable."
    words = _WORDS[point.state].format(since=when(point.since or point.drawn_on))
    borderline = ", borderline" if point.confidence == "borderline" else ""
    return f"{name or point.target} {words}{borderline} ({point.rule_label}, {_place(point)})."


def _place(point: MrdPoint) -> str:
    return " ".join(filter(None, (point.material, point.fraction)))


def mrd_warning(points: Sequence[MrdPoint], relapse_on: dt.date | None) -> dt.date | None:
    """First confirmed molecular relapse that still stood when relapse became overt.

    Parameters
    ----------
    points : sequence of MrdPoint
        Of one patient.
    relapse_on : datetime.date or None
        Overt relapse.

    Returns
    -------
    datetime.date or None
        None without one.
    """
    if relapse_on is None:
        return None
    ordered = sorted(points, key=lambda p: (p.assay_id, p.material, p.fraction, p.drawn_on))
    found = []
    for _, held in itertools.groupby(ordered, key=lambda p: (p.assay_id, p.material, p.fraction)):
        before = [p for p in held if p.drawn_on < relapse_on and p.state != _NOT_EVALUABLE and p.predictor]
        if before and before[-1].state == "confirmed relapse" and before[-1].since is not None:
            found.append(before[-1].since)
    return min(found, default=None)


def mrd_seen_before(points: Sequence[MrdPoint], relapse_on: dt.date) -> list[MrdPoint]:
    """Series in which the last sample before overt relapse still showed the leukaemia.

    Parameters
    ----------
    points : sequence of MrdPoint
        Of one patient.
    relapse_on : datetime.date
        Overt relapse.

    Returns
    -------
    list of MrdPoint
        That sample of each such series; what may not predict, and what cannot be evaluated, is passed over.
    """
    last: dict[tuple[str, str, str], MrdPoint] = {}
    for point in sorted(points, key=lambda p: p.drawn_on):
        if point.drawn_on < relapse_on and point.predictor and point.state != _NOT_EVALUABLE:
            last[point.assay_id, point.material, point.fraction] = point
    return [point for point in last.values() if point.state != "negative"]


def _named_rule(point: MrdPoint) -> str:
    """Marker and rule; the rule alone where its name holds the marker's."""
    return point.rule_label if point.target in point.rule_label else f"{point.target} {point.rule_label}"
