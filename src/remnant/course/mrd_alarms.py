"""Alarms of leukaemia-specific markers: suspected and confirmed relapses of one assay, and what became of them.

Each assay is counted apart and never merged with another; its materials speak together, because one may confirm
the other. An alarm stands from the first sample in suspected or confirmed relapse until every series that raised
it has left these states. Two kinds are counted: the confirmed ones, dated by the confirming sample, and all of
them, dated by the first sign.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from remnant.course.episodes import Rise, UnwarnedBecause, episodes
from remnant.course.states import NOT_EVALUABLE
from remnant.records.alarm import AlarmSign, MrdAlarm, MrdWarnings, WarningCounts
from remnant.records.judgement import Course
from remnant.records.mrd import MrdPoint
from remnant.records.patient import Therapy

__all__ = ["mrd_alarms", "mrd_warning_counts"]

_MADE_BY: Final[Mapping[AlarmSign, frozenset[str]]] = {
    "confirmed": frozenset({"confirmed relapse"}),
    "suspected or confirmed": frozenset({"suspected relapse", "confirmed relapse"}),
}
_BEGINS: Final = _MADE_BY["suspected or confirmed"]
_STANDS: Final = _BEGINS | {"progression"}
_YEAR: Final = 365.25


def mrd_alarms(
    points: Sequence[MrdPoint],
    *,
    at_risk_from: dt.date | None,
    relapse_on: dt.date | None,
    therapies: Sequence[Therapy],
    preemptive: frozenset[str],
) -> tuple[MrdAlarm, ...]:
    """Alarms of the leukaemia-specific markers of one patient.

    Parameters
    ----------
    points : sequence of MrdPoint
        States of one patient, by date.
    at_risk_from : datetime.date or None
        Transplantation, or the first remission without one; samples after it count.
    relapse_on : datetime.date or None
        Overt relapse.
    therapies : sequence of Therapy
        What the patient was given.
    preemptive : frozenset of str
        Kinds that may explain why an alarm ended.

    Returns
    -------
    tuple of MrdAlarm
        By assay, kind and date.
    """
    series: dict[tuple[str, str], dict[tuple[str, str, str], list[MrdPoint]]] = {}
    for point in _counting(points, at_risk_from):
        places = series.setdefault((point.target, point.assay_id), defaultdict(list))
        places[point.control, point.material, point.fraction].append(point)
    return tuple(
        MrdAlarm(
            patient_id=alarm.patient_id,
            target=target,
            assay_id=assay_id,
            sign=sign,
            began_on=alarm.first_raised_on,
            alarm_on=alarm.confirmed_on,
            ended_on=alarm.ended_on,
            outcome=alarm.outcome,
        )
        for (target, assay_id), places in sorted(series.items())
        for sign, states in _MADE_BY.items()
        for alarm in episodes(
            points[0].patient_id,
            [rise for held in places.values() for rise in _rises(held, states)],
            relapse_on=relapse_on,
            therapies=therapies,
            preemptive=preemptive,
        )
    )


def _counting(points: Iterable[MrdPoint], at_risk_from: dt.date | None) -> list[MrdPoint]:
    """Evaluable points that may predict overt relapse."""
    return [
        p
        for p in points
        if at_risk_from is not None and p.predictor and p.state != NOT_EVALUABLE and p.drawn_on > at_risk_from
    ]


def _rises(points: Sequence[MrdPoint], states: frozenset[str]) -> list[Rise]:
    """Alarms of one series: from the first sign until a sample in another state."""
    result: list[Rise] = []
    begun: dt.date | None = None
    made: dt.date | None = None
    for point in points:
        if point.state in _BEGINS:
            begun = begun or point.drawn_on
            made = made or (point.drawn_on if point.state in states else None)
        elif point.state not in _STANDS:
            if begun is not None and made is not None:
                result.append(_rise(point.target, begun, made, ended_on=point.drawn_on))
            begun = made = None
    if begun is not None and made is not None:
        result.append(_rise(points[-1].target, begun, made, ended_on=None))
    return result


def _rise(marker: str, begun: dt.date, made: dt.date, *, ended_on: dt.date | None) -> Rise:
    return Rise(
        marker=marker, first_raised_on=begun, confirmed_on=made, lowered_on=ended_on, normal_on=ended_on
    )


def mrd_warning_counts(courses: Iterable[Course]) -> tuple[MrdWarnings, ...]:
    """How the leukaemia-specific markers warned of overt relapse, each assay apart.

    Parameters
    ----------
    courses : iterable of Course
        Patients; those who never came to be at risk are left out, and for each assay those in whom it was
        never evaluable.

    Returns
    -------
    tuple of MrdWarnings
        Two an assay, by marker and assay: confirmed alarms, and all.
    """
    followed = [course for course in courses if course.at_risk_from is not None]
    held: dict[tuple[str, str], list[Course]] = defaultdict(list)
    for course in followed:
        for key in sorted({(p.target, p.assay_id) for p in course.mrd if p.state != NOT_EVALUABLE}):
            held[key].append(course)
    return tuple(
        MrdWarnings(
            target=target, assay_id=assay_id, sign=sign, counts=_counts(members, (target, assay_id), sign)
        )
        for (target, assay_id), members in sorted(held.items())
        for sign in _MADE_BY
    )


def _counts(courses: Sequence[Course], assay: tuple[str, str], sign: AlarmSign) -> WarningCounts:
    alarms = {course.patient_id: _of(course, assay, sign) for course in courses}
    leads: list[int] = []
    reasons: list[UnwarnedBecause] = []
    for course in courses:
        if course.overt_relapse_on is None:
            continue
        standing = [a.alarm_on for a in alarms[course.patient_id] if a.outcome == "relapse"]
        if standing:
            leads.append((course.overt_relapse_on - min(standing)).days)
        else:
            reasons.append(_why_unwarned(course, assay, sign))
    outcomes = [alarm.outcome for found in alarms.values() for alarm in found]
    return WarningCounts(
        patients=len(courses),
        relapses=len(leads) + len(reasons),
        warned=len(leads),
        unwarned=len(reasons),
        lead_time_days=tuple(sorted(leads)),
        false_alarms=outcomes.count("regressed"),
        alarms_after_therapy=outcomes.count("regressed after therapy"),
        open_alarms=outcomes.count("open"),
        patient_years=sum(map(_days_at_risk, courses)) / _YEAR,
        unwarned_no_sample=reasons.count("no sample"),
        unwarned_nothing_raised=reasons.count("nothing raised"),
        unwarned_unconfirmed=reasons.count("unconfirmed"),
        unwarned_ended=reasons.count("ended"),
    )


def _of(course: Course, assay: tuple[str, str], sign: AlarmSign) -> list[MrdAlarm]:
    return [a for a in course.mrd_alarms if (a.target, a.assay_id) == assay and a.sign == sign]


def _why_unwarned(course: Course, assay: tuple[str, str], sign: AlarmSign) -> UnwarnedBecause:
    points = _counting(course.mrd, course.at_risk_from)
    if not any((p.target, p.assay_id) == assay for p in points):
        return "no sample"
    if _of(course, assay, sign):
        return "ended"
    return "unconfirmed" if _of(course, assay, "suspected or confirmed") else "nothing raised"


def _days_at_risk(course: Course) -> int:
    known = (course.overt_relapse_on, course.death_on)
    ends = min((date for date in known if date), default=course.last_contact_on)
    start = course.at_risk_from
    return (ends - start).days if start and ends and ends > start else 0
