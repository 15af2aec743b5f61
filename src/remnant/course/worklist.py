"""Who needs a look, most urgent first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from remnant.course.states import NOT_EVALUABLE
from remnant.records.judgement import Course, WorklistRow

__all__ = ["worklist"]


def worklist(courses: Iterable[Course], as_of: dt.date) -> tuple[WorklistRow, ...]:
    """Patients that need something, by urgency and date.

    Parameters
    ----------
    courses : iterable of Course
        Patients.
    as_of : datetime.date
        Today; a sample that was due before is overdue.

    Returns
    -------
    tuple of WorklistRow
        Urgency 1 and 2 only; most urgent first, of these overt relapses first, then the earliest due date,
        then the code.
    """
    listed = sorted((course for course in courses if course.urgency > 0), key=_order)
    return tuple(_row(course, as_of) for course in listed)


def _order(course: Course) -> tuple[int, bool, dt.date, str]:
    return (
        -course.urgency,
        course.overt_relapse_on is None,
        course.next_sample_by or dt.date.max,
        course.patient_id,
    )


def _row(course: Course, as_of: dt.date) -> WorklistRow:
    due = course.next_sample_by
    overdue = 0 if due is None else max(0, (as_of - due).days)
    late = f" Sample overdue by {overdue} days." if overdue else ""
    return WorklistRow(
        patient_id=course.patient_id,
        urgency=course.urgency,
        reason=course.urgency_reason + late,
        confirm_by=due,
        overdue_days=overdue,
        last_sample_on=max(
            [p.drawn_on for p in course.points if p.state != NOT_EVALUABLE]
            + [p.drawn_on for p in course.mrd if p.state != NOT_EVALUABLE],
            default=None,
        ),
    )
