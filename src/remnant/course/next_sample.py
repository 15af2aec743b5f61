"""When each patient is to be sampled next, and since when a sample is overdue: one answer for all faces.

Command, patient's page and worklist print the sentences made here, so that they cannot differ.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from remnant.course.headline import date_text
from remnant.course.sampling import not_asked, sampling_plan
from remnant.records.dossier import Dossier
from remnant.records.judgement import NextSample, SamplingPlan

__all__ = ["next_samples", "overdue_text"]


def next_samples(dossiers: Sequence[Dossier], on: dt.date) -> tuple[NextSample, ...]:
    """When the next sample of each patient is due.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients with their courses, kinetics among them.
    on : datetime.date
        Day it is asked for.

    Returns
    -------
    tuple of NextSample
        One a patient, in the order given. The dead, the relapsed and those off study have no date.
    """
    plans: dict[str, list[SamplingPlan]] = defaultdict(list)
    for plan in sampling_plan(dossiers, on):
        plans[plan.patient_id].append(plan)
    return tuple(_next(dossier, plans[dossier.patient.patient_id], on) for dossier in dossiers)


def _next(dossier: Dossier, plans: Sequence[SamplingPlan], on: dt.date) -> NextSample:
    ended = not_asked(dossier)
    due = min((plan.due_on for plan in plans if plan.due_on), default=None)
    overdue = max(0, (on - due).days) if due else 0
    if ended:
        sentence = f"No sample is due: {ended}."
    elif due is None:
        sentence = "No rule and no growth gives a date for the next sample."
    elif overdue:
        sentence = f"Next sample {overdue_text(due, on)}{_contact(dossier, due)}."
    else:
        sentence = f"Next sample by {date_text(due)}."
    return NextSample(
        patient_id=dossier.patient.patient_id,
        on=on,
        due_on=due,
        overdue_days=overdue,
        not_asked=ended,
        sentence=sentence,
        plans=tuple(plans),
    )


def _contact(dossier: Dossier, due: dt.date) -> str:
    """Last contact, where the patient was not seen after the sample was due."""
    seen = max((event.on for event in dossier.events if event.kind == "last_contact"), default=None)
    return f" (last contact {date_text(seen)})" if seen is not None and seen <= due else ""


def overdue_text(due_on: dt.date, on: dt.date) -> str:
    """Since when a sample is overdue, in words.

    Parameters
    ----------
    due_on : datetime.date
        Last day on which it was in time.
    on : datetime.date
        Day it is asked for, later.

    Returns
    -------
    str
        Date and number of days.

    Examples
    --------
    >>> overdue_text(dt.date(2021, 5, 4), dt.date(2021, 5, 5))
    'overdue since 4 May 2021, 1 day'
    """
    days = (on - due_on).days
    return f"overdue since {date_text(due_on)}, {days} {'day' if days == 1 else 'days'}"
