"""Alarms of a patient: confirmed rises, and what became of them.

Confirmed rises of several series that overlap are one alarm. An alarm stands from its first raised sample
until every one of its series is normal again. Relapse while it stands fulfils it; otherwise a standing
alarm whose series all regress is a false one, unless pre-emptive therapy was begun during it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from remnant.course.states import CONFIRMED, NOT_EVALUABLE
from remnant.records.alarm import AlarmOutcome, Episode, WarningCounts
from remnant.records.judgement import Course, SeriesPoint
from remnant.records.patient import Therapy

__all__ = ["Rise", "UnwarnedBecause", "episodes", "rises", "warning_counts"]

UnwarnedBecause = Literal["no sample", "nothing raised", "unconfirmed", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """One confirmed rise of one series.

    Attributes
    ----------
    marker : str
        Marker.
    first_raised_on, confirmed_on : datetime.date
        First raised sample and the one that confirmed it.
    lowered_on : datetime.date or None
        Sample from which on it regressed for good; None while it is raised.
    normal_on : datetime.date or None
        Sample with which it was over; None while it stands.
    """

    marker: str
    first_raised_on: dt.date
    confirmed_on: dt.date
    lowered_on: dt.date | None
    normal_on: dt.date | None


def rises(points: Sequence[SeriesPoint], first_raised: Sequence[dt.date | None]) -> list[Rise]:
    """Confirmed rises of one series.

    Parameters
    ----------
    points : sequence of SeriesPoint
        Points of one series by date; only those that may predict.
    first_raised : sequence of datetime.date or None
        First raised sample of the rise that each point belongs to.

    Returns
    -------
    list of Rise
        By date; none overlaps another.
    """
    result: list[Rise] = []
    begun: dt.date | None = None
    confirmed: dt.date | None = None
    lowered: dt.date | None = None
    for point, first in zip(points, first_raised, strict=True):
        if point.state == NOT_EVALUABLE:
            continue
        if point.state in CONFIRMED:
            begun = begun or first or point.drawn_on
            confirmed, lowered = confirmed or point.drawn_on, None
        elif confirmed is not None and begun is not None:
            lowered = lowered or point.drawn_on
            if point.state != "regressing":
                result.append(_rise(point, begun, confirmed, lowered=lowered, normal_on=point.drawn_on))
                begun = confirmed = lowered = None
    if confirmed is not None and begun is not None:
        result.append(_rise(points[-1], begun, confirmed, lowered=lowered, normal_on=None))
    return result


def _rise(
    point: SeriesPoint,
    begun: dt.date,
    confirmed: dt.date,
    *,
    lowered: dt.date | None,
    normal_on: dt.date | None,
) -> Rise:
    return Rise(
        marker=point.target,
        first_raised_on=begun,
        confirmed_on=confirmed,
        lowered_on=lowered,
        normal_on=normal_on,
    )


def episodes(
    patient_id: str,
    found: Iterable[Rise],
    *,
    relapse_on: dt.date | None,
    therapies: Sequence[Therapy],
    preemptive: frozenset[str],
) -> tuple[Episode, ...]:
    """Alarms of one patient from the rises of all series.

    Parameters
    ----------
    patient_id : str
        Laboratory code.
    found : iterable of Rise
        Rises of all series.
    relapse_on : datetime.date or None
        Overt relapse.
    therapies : sequence of Therapy
        What the patient was given.
    preemptive : frozenset of str
        Kinds that may explain why an alarm regressed.

    Returns
    -------
    tuple of Episode
        By date.
    """
    groups: list[list[Rise]] = []
    for rise in sorted(found, key=lambda r: (r.first_raised_on, r.confirmed_on, r.marker)):
        if groups and any(r.normal_on is None or r.normal_on >= rise.first_raised_on for r in groups[-1]):
            groups[-1].append(rise)
        else:
            groups.append([rise])
    return tuple(
        _episode(patient_id, group, relapse_on, therapies=therapies, preemptive=preemptive)
        for group in groups
    )


def _episode(
    patient_id: str,
    group: Sequence[Rise],
    relapse_on: dt.date | None,
    *,
    therapies: Sequence[Therapy],
    preemptive: frozenset[str],
) -> Episode:
    first, confirmed = min(r.first_raised_on for r in group), min(r.confirmed_on for r in group)
    lowered = None if any(r.lowered_on is None for r in group) else max(
        r.lowered_on for r in group if r.lowered_on is not None
    )  # fmt: skip
    stands = any(r.normal_on is None for r in group)
    outcome: AlarmOutcome = "open"
    if relapse_on is not None and stands:
        outcome = "relapse"
    elif lowered is not None:
        treated = any(t.kind in preemptive and first <= t.start_on <= lowered for t in therapies)
        outcome = "regressed after therapy" if treated else "regressed"
    return Episode(
        patient_id=patient_id,
        markers=tuple(sorted({r.marker for r in group})),
        first_raised_on=first,
        confirmed_on=confirmed,
        ended_on=lowered,
        outcome=outcome,
    )


def warning_counts(courses: Iterable[Course]) -> WarningCounts:
    """How confirmed rises warned of relapse, over patients followed from transplantation.

    Parameters
    ----------
    courses : iterable of Course
        Patients; those without transplantation are left out.

    Returns
    -------
    WarningCounts
        Relapses with and without warning, lead times, and alarms by outcome with the years observed.
    """
    followed = [course for course in courses if course.follow_up_days is not None]
    relapsed = [course for course in followed if course.overt_relapse_on is not None]
    outcomes = [episode.outcome for course in followed for episode in course.episodes]
    unwarned = [course for course in relapsed if course.unwarned]
    reasons = [_why_unwarned(course) for course in unwarned]
    return WarningCounts(
        patients=len(followed),
        relapses=len(relapsed),
        warned=len(relapsed) - len(unwarned),
        unwarned=len(unwarned),
        lead_time_days=tuple(sorted(c.lead_time_days for c in relapsed if c.lead_time_days is not None)),
        false_alarms=outcomes.count("regressed"),
        alarms_after_therapy=outcomes.count("regressed after therapy"),
        open_alarms=outcomes.count("open"),
        patient_years=sum(course.follow_up_days or 0 for course in followed) / 365.25,
        unwarned_no_sample=reasons.count("no sample"),
        unwarned_nothing_raised=reasons.count("nothing raised"),
        unwarned_unconfirmed=reasons.count("unconfirmed"),
        unwarned_ended=reasons.count("ended"),
    )


def _why_unwarned(course: Course) -> UnwarnedBecause:
    after = [
        point
        for point in course.points
        if point.predictor
        and point.state != NOT_EVALUABLE
        and (course.transplant_on is None or point.drawn_on > course.transplant_on)
    ]
    if not after:
        return "no sample"
    if course.episodes:
        return "ended"
    return "unconfirmed" if course.first_raised_on is not None else "nothing raised"
