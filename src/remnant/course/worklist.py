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
        Urgency 1 and 2 only; most urgent first, then the earliest due date, then the code.
    """
    rows = [_row(course, as_of) for course in courses if course.urgency > 0]
    return tuple(sorted(rows, key=lambda row: (-row.urgency, row.confirm_by or dt.date.max, row.patient_id)))


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
        last_sample_on=max((p.drawn_on for p in course.points if p.state != NOT_EVALUABLE), default=None),
    )
