"""Who needs a look, most urgent first: every sign with its reason in one sentence.

Signs come from states (WT1, BAALC, leukaemia-specific markers), growth, assays that disagree, clones that
return, diluted marrow, primers, due dates, and runs of the laboratory. One row a patient or run: the most urgent sign speaks, the
others stand behind it. A patient who died has no row; after overt relapse that alone speaks.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from remnant.course.headline import date_text
from remnant.course.mrd_standing import mrd_sentence
from remnant.course.next_sample import overdue_text
from remnant.course.sampling import speaks, state_due
from remnant.course.states import NOT_EVALUABLE
from remnant.knowledge.signs import sign_rules
from remnant.records.caution import Caution
from remnant.records.clonotype import CloneTrack
from remnant.records.disagreement import Disagreement
from remnant.records.judgement import Course, NextSample, SeriesPoint, WorklistRow
from remnant.records.mrd import MrdPoint

__all__ = ["worklist"]

_OVERT: Final = "overt relapse"
_RAISED: Final = "raised"
_REPEAT: Final = "repeat"
_DILUTED: Final = "haemodilution"
_BIASED: Final = "primer bias"
_OF_STATES: Final = frozenset({"confirmed relapse", "progression", "suspected relapse", "persistence"})


class _Sign(NamedTuple):
    """One reason to look at a patient."""

    kind: str
    urgency: int
    reason: str
    unverified: str = ""


def worklist(
    courses: Iterable[Course],
    as_of: dt.date,
    *,
    disagreements: Iterable[Disagreement] = (),
    tracks: Iterable[CloneTrack] = (),
    laboratory: Iterable[WorklistRow] = (),
    following: Iterable[NextSample] = (),
) -> tuple[WorklistRow, ...]:
    """Patients and runs that need something, by urgency and date.

    Parameters
    ----------
    courses : iterable of Course
        Patients.
    as_of : datetime.date
        Today; a sample that was due before is overdue.
    disagreements : iterable of Disagreement, default ()
        Assays that disagree; the last day of a patient counts, if no later day with both assays ended it.
    tracks : iterable of CloneTrack, default ()
        Followed clones.
    laboratory : iterable of WorklistRow, default ()
        Runs that failed or whose controls ask to reject them.
    following : iterable of NextSample, default ()
        When each patient's next sample is due; an overdue one is a sign. A patient who is not among them is due by
        the rule of the state alone.

    Returns
    -------
    tuple of WorklistRow
        Urgency 1 and 2 only; most urgent first, of these by kind of sign (overt relapse first), then the
        earliest due date, then the code.
    """
    by_patient: dict[str, list[Disagreement]] = defaultdict(list)
    for one in disagreements:
        by_patient[one.patient_id].append(one)
    clones: dict[str, list[CloneTrack]] = defaultdict(list)
    for track in tracks:
        clones[track.patient_id].append(track)
    asked = {one.patient_id: one for one in following}
    rows = [
        row
        for course in courses
        for code in [course.patient_id]
        for row in [_row(course, asked.get(code), by_patient[code], clones[code], as_of=as_of)]
        if row is not None
    ]
    return tuple(sorted([*rows, *laboratory], key=_order))


def _order(row: WorklistRow) -> tuple[int, int, dt.date, str, str]:
    place = sign_rules()[row.kind].place
    return -row.urgency, place, row.confirm_by or dt.date.max, row.patient_id, row.run_id


def _row(
    course: Course,
    asked: NextSample | None,
    disagreeing: Sequence[Disagreement],
    clones: Sequence[CloneTrack],
    *,
    as_of: dt.date,
) -> WorklistRow | None:
    if course.death_on is not None:
        return None
    due = _due(course) if asked is None else asked.due_on
    overdue = 0 if due is None else max(0, (as_of - due).days)
    signs = [*_of_course(course), *_of_markers(course)]
    signs += [*_of_disagreements(disagreeing), *_of_clones(clones)]
    signs += [*_of_diluted(course)]
    signs += _of_plans(asked, due, alone=not signs) if due and overdue else []
    signs += [*_of_primers(course)] if signs else []
    signs.sort(key=lambda sign: (-sign.urgency, sign_rules()[sign.kind].place))
    if not signs:
        return None
    first, *others = signs
    late = f"Sample {overdue_text(due, as_of)}." if due and overdue else ""
    return WorklistRow(
        patient_id=course.patient_id,
        urgency=first.urgency,
        reason=f"{first.reason} {late}".rstrip(),
        confirm_by=due,
        overdue_days=overdue,
        last_sample_on=_last_sample(course),
        kind=first.kind,
        reasons=tuple(dict.fromkeys(sign.reason for sign in others if sign.reason != first.reason)),
        unverified_rules=tuple(dict.fromkeys(sign.unverified for sign in signs if sign.unverified)),
    )


def _of_course(course: Course) -> Iterator[_Sign]:
    """Overt relapse, and what the headline puts: the states of WT1 and BAALC, or a marker to look at or repeat.

    A state of a leukaemia-specific marker that has a sign of its own is not said twice.
    """
    if course.urgency == 0:
        return
    kind = _OVERT
    if course.overt_relapse_on is None:
        kind = _RAISED if _is_raised(course) else _REPEAT
        if kind == _REPEAT and course.mrd and any(_of_markers(course)):
            return
    unverified = "; ".join(course.unverified_rules)
    yield _Sign(kind, course.urgency, course.urgency_reason, unverified)


def _is_raised(course: Course) -> bool:
    """Whether WT1 or BAALC was raised when it was last evaluable, in any series."""
    last: dict[tuple[str, ...], SeriesPoint] = {}
    for point in sorted(course.points, key=lambda one: one.drawn_on):
        if point.state != NOT_EVALUABLE:
            last[point.assay_id, point.material, point.fraction] = point
    return any(point.raised for point in last.values())


def _of_markers(course: Course) -> Iterator[_Sign]:
    """Last state of each leukaemia-specific series, and growth of any series; nothing after overt relapse."""
    if course.overt_relapse_on is not None:
        return
    last: dict[tuple[str, ...], MrdPoint] = {}
    for point in sorted(course.mrd, key=lambda one: one.drawn_on):
        if point.state != NOT_EVALUABLE:
            last[point.assay_id, point.material, point.fraction] = point
    for point in last.values():
        if point.state in _OF_STATES:
            rule = sign_rules()[point.state]
            unverified = point.rule_label if point.rule_status == "unverified" else ""
            yield _Sign(point.state, rule.urgency, mrd_sentence(point, date_text), unverified)
    for growth in course.kinetics:
        if growth.current and growth.predictor and growth.trend == "rising" and speaks(course, growth):
            yield _Sign("rising", sign_rules()["rising"].urgency, growth.reason)


def _of_disagreements(found: Sequence[Disagreement]) -> Iterator[_Sign]:
    last = max((one.drawn_on for one in found if one.current), default=None)
    for one in found:
        if one.current and one.drawn_on == last:
            unverified = f"assays: {one.kind}" if one.rule_status == "unverified" else ""
            kind = one.kind if one.kind in sign_rules() else "discordant"
            yield _Sign(kind, sign_rules()[kind].urgency, one.reason, unverified)


def _of_clones(tracks: Sequence[CloneTrack]) -> Iterator[_Sign]:
    for track in tracks:
        if track.verdict == "returns":
            unverified = "return of a clone" if track.rule_status == "unverified" else ""
            rule = sign_rules()["clone returns"]
            yield _Sign("clone returns", rule.urgency, track.reason, unverified)


def _of_diluted(course: Course) -> Iterator[_Sign]:
    """The last marrow of the patient, if blood diluted it; nothing after overt relapse."""
    for one in course.cautions if course.overt_relapse_on is None else ():
        if one.kind == _DILUTED and one.current:
            yield _Sign(_DILUTED, sign_rules()[_DILUTED].urgency, f"{one.reason} {one.advice}", _doubt(one))


def _of_primers(course: Course) -> Iterator[_Sign]:
    """Primers that may misread a marker: beside other signs, since the markers of the patient rest on them."""
    for one in course.cautions:
        if one.kind == _BIASED:
            yield _Sign(_BIASED, sign_rules()[_BIASED].urgency, f"{one.reason} {one.advice}", _doubt(one))


def _doubt(one: Caution) -> str:
    return one.kind if one.rule_status == "unverified" else ""


def _of_plans(asked: NextSample | None, due: dt.date, *, alone: bool) -> list[_Sign]:
    """Markers whose next sample is late; by the rule of a state only if it has no sign of its own."""
    late = [plan for plan in asked.plans if plan.overdue_days] if asked else []
    reasons = [plan.reason for plan in late if plan.target or alone]
    if alone and not reasons:
        reasons = [f"The next sample was due on {date_text(due)}."]
    return [_Sign("overdue", sign_rules()["overdue"].urgency, reason) for reason in reasons]


def _due(course: Course) -> dt.date | None:
    return state_due(course) if course.overt_relapse_on is None else None


def _last_sample(course: Course) -> dt.date | None:
    days = [one.drawn_on for one in course.points if one.state != NOT_EVALUABLE]
    days += [one.drawn_on for one in course.mrd if one.state != NOT_EVALUABLE]
    return max(days, default=None)
