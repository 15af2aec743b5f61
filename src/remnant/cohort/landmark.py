"""Who is at risk at the landmark, and in which marker group.

Only what was known on the landmark day decides: samples after it, samples drawn because relapse was
suspected, and a confirmation that came later are not looked at. Days count from transplantation.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from remnant.course.states import CONFIRMED
from remnant.knowledge.cohort import LandmarkRule, assumed_engraftment_day
from remnant.knowledge.relapse import relapse_rules
from remnant.records.cohort import MarkerGroup
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Joint, SeriesPoint

__all__ = ["AtLandmark", "at_landmark", "marker_group"]

_MARKERS = ("BAALC", "WT1")


class AtLandmark(NamedTuple):
    """One patient at the landmark.

    Attributes
    ----------
    at_risk : bool
        Alive, without overt relapse and observed beyond the landmark.
    group : MarkerGroup or None
        Marker group; None if not at risk.
    sample_id : str or None
        Last sample it rests on.
    reason : str
        Why this group, or why not at risk.
    """

    at_risk: bool
    group: MarkerGroup | None
    sample_id: str | None
    reason: str


def marker_group(*, baalc: bool | None, wt1: bool | None) -> MarkerGroup:
    """Group of two verdicts.

    Parameters
    ----------
    baalc, wt1 : bool or None
        Whether each marker is raised; None if it could not be judged.

    Returns
    -------
    MarkerGroup
        Undecided if either is missing.

    Examples
    --------
    >>> marker_group(baalc=True, wt1=False), marker_group(baalc=None, wt1=True)
    ('BAALC', 'undecided')
    """
    if baalc is None or wt1 is None:
        return "undecided"
    if baalc and wt1:
        return "both"
    if baalc:
        return "BAALC"
    return "WT1" if wt1 else "neither"


def at_landmark(dossier: Dossier, rule: LandmarkRule) -> AtLandmark:
    """State of one patient at the landmark.

    Parameters
    ----------
    dossier : Dossier
        The patient, with a course.
    rule : LandmarkRule
        Landmark, and how to group.

    Returns
    -------
    AtLandmark
        Risk set, group, and the reasons.

    References
    ----------
    .. [1] Anderson, Cain and Gelber, Analysis of survival by tumor response, J Clin Oncol 1, 710-719
       (1983): the landmark method.
    """
    course = dossier.course
    if course is None or course.transplant_on is None:
        return _not_at_risk("no transplantation" if course else "no course")
    landmark_on = course.transplant_on + dt.timedelta(days=rule.day)
    left = _left_before(course, landmark_on, rule.day)
    if left:
        return _not_at_risk(left)
    window = (_engrafted_on(dossier, course.transplant_on), landmark_on)
    chosen = _last_state if rule.choose == "last" else _ever_confirmed
    group, sample_id, reason = chosen(dossier, course, rule, window)
    return AtLandmark(at_risk=True, group=group, sample_id=sample_id, reason=reason)


def _not_at_risk(reason: str) -> AtLandmark:
    return AtLandmark(at_risk=False, group=None, sample_id=None, reason=reason)


def _left_before(course: Course, landmark_on: dt.date, day: int) -> str:
    if course.overt_relapse_on is not None and course.overt_relapse_on <= landmark_on:
        return "overt relapse up to the landmark"
    if course.death_on is not None and course.death_on <= landmark_on:
        return "death up to the landmark"
    if course.follow_up_days is None or course.follow_up_days <= day:
        return "follow-up ends up to the landmark"
    return ""


def _engrafted_on(dossier: Dossier, transplant_on: dt.date) -> dt.date:
    recorded = [
        event.on for event in dossier.events if event.kind == "engraftment" and event.on >= transplant_on
    ]
    return min(recorded, default=transplant_on + dt.timedelta(days=assumed_engraftment_day()))


_Window = tuple[dt.date, dt.date]
_Grouped = tuple[MarkerGroup, str | None, str]


def _last_state(dossier: Dossier, course: Course, rule: LandmarkRule, window: _Window) -> _Grouped:
    suspected = _suspected(dossier)
    usable = [
        joint
        for joint in course.joint
        if window[0] <= joint.drawn_on <= window[1]
        and joint.material in rule.materials
        and joint.sample_id not in suspected
        and _both_judged(joint, rule)
    ]
    if not usable:
        return "undecided", None, _no_sample(window)
    last = max(usable, key=lambda joint: (joint.drawn_on, -rule.materials.index(joint.material)))
    group = last.state if rule.by == "probability" else last.point_state
    return group, last.sample_id, last.reason


def _both_judged(joint: Joint, rule: LandmarkRule) -> bool:
    if rule.by == "point":
        return joint.point_state != "undecided"
    return joint.probability_baalc is not None and joint.probability_wt1 is not None


def _ever_confirmed(dossier: Dossier, course: Course, rule: LandmarkRule, window: _Window) -> _Grouped:
    suspected = _suspected(dossier)
    points: dict[str, list[SeriesPoint]] = {
        marker: [
            point
            for point in course.points
            if point.target == marker
            and not point.fraction
            and point.predictor
            and point.raised is not None
            and window[0] <= point.drawn_on <= window[1]
            and point.material in rule.materials
            and point.sample_id not in suspected
        ]
        for marker in _MARKERS
    }
    if not all(points.values()):
        return "undecided", None, _no_sample(window)
    confirmed = {marker: [p for p in points[marker] if p.state in CONFIRMED] for marker in _MARKERS}
    group = marker_group(baalc=bool(confirmed["BAALC"]), wt1=bool(confirmed["WT1"]))
    telling = [p for found in confirmed.values() for p in found] or [
        p for found in points.values() for p in found
    ]
    last = max(telling, key=lambda point: point.drawn_on)
    found = ", ".join(marker for marker in _MARKERS if confirmed[marker]) or "no marker"
    return group, last.sample_id, f"confirmed raised between {window[0]} and {window[1]}: {found}"


def _suspected(dossier: Dossier) -> frozenset[str]:
    reasons = relapse_rules().no_predictor_reasons
    return frozenset(sample.sample_id for sample in dossier.samples if sample.reason in reasons)


def _no_sample(window: _Window) -> str:
    return f"no sample that may predict with both markers between {window[0]} and {window[1]}"
