"""When to sample next: each marker's date by rule and by growth, for the day the report is made for."""

from __future__ import annotations

import datetime as dt

from remnant.course.next_sample import next_samples
from remnant.records.dossier import Dossier
from remnant.records.judgement import NextSample, SamplingPlan
from remnant.report import numbers, words
from remnant.report.context import Context
from remnant.report.table import Cell, Column, Section, Table

__all__ = ["asked_for", "day_of", "section"]


def day_of(dossier: Dossier, context: Context) -> dt.date:
    """Day for which a patient's report says what is due.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    context : Context
        Its own day counts first.

    Returns
    -------
    datetime.date
        Without one, the patient's last sample or event; the first day of the calendar if there is none.
    """
    if context.as_of is not None:
        return context.as_of
    days = [sample.drawn_on for sample in dossier.samples] + [event.on for event in dossier.events]
    return max(days, default=dt.date.min)


def asked_for(dossier: Dossier, context: Context) -> NextSample:
    """When the patient is to be sampled next, for the day of the report.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    context : Context
        The day.

    Returns
    -------
    NextSample
        With every marker's plan.
    """
    (found,) = next_samples([dossier], day_of(dossier, context))
    return found


def section(dossier: Dossier, context: Context) -> Section:
    """Dates of the next sample, marker by marker.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    context : Context
        The day.

    Returns
    -------
    Section
        Without rows where nothing is due.
    """
    asked = asked_for(dossier, context)
    columns = (
        Column("Marker"),
        Column("By rule", number=True),
        Column("By growth", number=True),
        Column("Overdue", number=True),
        Column("Last sample", number=True),
        Column("Reason", share=1),
    )
    table = Table(
        title="Next sample",
        note=f"Asked for {numbers.in_sentence(asked.on)}. By rule: the rule of the state, or the guideline's schedule. By "
        "growth: so that a relapse is seen with the stated probability and lead, if it grows as published or as the "
        "line through the samples does. The earliest date counts; it is no validated forecast.",
        columns=columns,
        rows=tuple(_row(plan) for plan in asked.plans),
    )
    return Section(title="When to sample next", tables=(table,))


def _row(plan: SamplingPlan) -> tuple[Cell, ...]:
    place = ", ".join(filter(None, (words.MATERIAL.get(plan.material, plan.material), plan.fraction)))
    late = plan.overdue_days > 0
    since = f"since {numbers.iso(plan.due_on)}, {numbers.plural(plan.overdue_days, 'day')}"
    return (
        Cell(plan.target or "state", note=place),
        Cell(numbers.iso(plan.by_rule_on)),
        Cell(numbers.iso(plan.by_kinetics_on)),
        Cell(since if late else "", tone="look" if late else ""),
        Cell(numbers.iso(plan.last_on)),
        Cell(plan.reason),
    )
