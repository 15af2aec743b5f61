"""When to sample next: by the rule set, by the guideline's schedule, and by the growth of the marker.

A series that rises is sampled again before the earliest date (2.5 %) by which it may be overt, less the wanted
lead. One that does not is sampled so often that a relapse with the published doubling time of its marker is seen
with the wanted probability and lead, from the level that its last sample could have seen. A schedule that names
blood or marrow is kept by either; so is an interval from growth. The state of a series may ask for a sample too.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from remnant.course.headline import date_text
from remnant.course.relapse import overt_relapse, transplant_date
from remnant.course.series import series_key
from remnant.course.states import NOT_EVALUABLE
from remnant.knowledge.kinetics import KineticsRules, kinetics_rules
from remnant.knowledge.relapse import relapse_rules
from remnant.knowledge.sampling import SamplingRules, sampling_rules
from remnant.knowledge.states import state_rules
from remnant.numerics.growth_sampling import longest_interval, window_days
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Kinetics, SamplingPlan, SeriesPoint
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint

__all__ = ["not_asked", "sampling_plan", "speaks", "state_due"]

P = TypeVar("P", SeriesPoint, MrdPoint)

_STATE_RULE: Final = "state"
_RELAPSED: Final = frozenset({"confirmed relapse", "progression"})


class _Wanted(NamedTuple):
    """A date that one series asks for, and why."""

    on: dt.date
    last: Measurement
    text: str
    rule_id: str = ""


def sampling_plan(
    dossiers: Sequence[Dossier],
    on: dt.date,
    *,
    rules: SamplingRules | None = None,
    kinetics: KineticsRules | None = None,
) -> tuple[SamplingPlan, ...]:
    """Next date of every marker of patients who are followed and without overt relapse.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients with their courses, kinetics among them.
    on : datetime.date
        Day it is asked for; a sample that was due before is overdue. Everything that is known counts, whatever
        its date.
    rules : SamplingRules or None, default None
        Schedules and aims; those that ship with remnant by default.
    kinetics : KineticsRules or None, default None
        Length of a month.

    Returns
    -------
    tuple of SamplingPlan
        Only markers for which a date can be given, and one a patient whose state asks for a sample; the longest
        overdue first, then by date, patient and marker.
    """
    rules, kinetics = rules or sampling_rules(), kinetics or kinetics_rules()
    found = [
        plan
        for dossier in dossiers
        if not not_asked(dossier)
        for plan in _of_patient(dossier, on, rules=rules, month_days=kinetics.month_days)
    ]
    return tuple(
        sorted(found, key=lambda p: (-p.overdue_days, p.due_on or dt.date.max, p.patient_id, p.target))
    )


def not_asked(dossier: Dossier) -> str:
    """Why no sample of a patient is due, whatever the rules say.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    str
        Death, overt relapse, or the end of follow-up with no sample after it; empty for all others.
    """
    death = min((event.on for event in dossier.events if event.kind == "death"), default=None)
    if death is not None:
        return f"died on {date_text(death)}"
    relapse = overt_relapse(dossier.samples, dossier.events, rules=relapse_rules()).on
    if relapse is not None:
        return f"overt relapse on {date_text(relapse)}"
    left = max((event.on for event in dossier.events if event.kind == "off_study"), default=None)
    drawn = max((sample.drawn_on for sample in dossier.samples), default=dt.date.min)
    if left is not None and drawn <= left:
        return f"off study since {date_text(left)}"
    return ""


def state_due(course: Course) -> dt.date | None:
    """Date by which the states of a patient ask for a sample.

    Parameters
    ----------
    course : Course
        The patient.

    Returns
    -------
    datetime.date or None
        The earliest of the headline's date and of the confirmation that each leukaemia-specific series waits for.
    """
    waiting = [p.confirm_by for p in _last_points(course.mrd) if p.confirm_by]
    return min([*waiting, *([course.next_sample_by] if course.next_sample_by else [])], default=None)


def _last_points(points: Iterable[P]) -> list[P]:
    """Last evaluable point of every series."""
    last: dict[tuple[str, ...], P] = {}
    for point in sorted(points, key=lambda one: one.drawn_on):
        if point.state != NOT_EVALUABLE:
            last[point.assay_id, point.material, point.fraction] = point
    return list(last.values())


def _of_patient(
    dossier: Dossier, on: dt.date, *, rules: SamplingRules, month_days: float
) -> list[SamplingPlan]:
    evaluable = [m for m in dossier.measurements if m.state != NOT_EVALUABLE]
    evaluable.sort(key=lambda m: (series_key(m), m.drawn_on, m.measurement_id))
    last = [list(group)[-1] for _, group in itertools.groupby(evaluable, key=series_key)]
    last.sort(key=lambda m: (m.target, m.fraction))
    plans = [_of_state(dossier.course, on)] if dossier.course else []
    for _, group in itertools.groupby(last, key=lambda m: (m.target, m.fraction)):
        plans.append(_of_marker(dossier, list(group), on, rules=rules, month_days=month_days))
    return [plan for plan in plans if plan is not None]


def _of_state(course: Course, on: dt.date) -> SamplingPlan | None:
    """What the states ask for: a confirming sample, or one after a time that the rules name."""
    due = state_due(course)
    if due is None:
        return None
    waits = state_rules().next_sample_days
    asking: list[SeriesPoint | MrdPoint] = [p for p in _last_points(course.mrd) if p.confirm_by]
    asking += [p for p in _last_points(course.points) if p.confirm_by or p.state in waits]
    said = dict.fromkeys(" ".join(filter(None, (p.target, p.fraction, p.state))) for p in asking)
    why = ", ".join(said) or "the last sample"
    drawn = [p.drawn_on for p in _last_points(course.mrd)] + [p.drawn_on for p in _last_points(course.points)]
    return SamplingPlan(
        patient_id=course.patient_id,
        assay_id="",
        target="",
        material="",
        fraction="",
        last_on=max(drawn, default=due),
        by_rule_on=due,
        rule_id=_STATE_RULE,
        by_kinetics_on=None,
        overdue_days=max(0, (on - due).days),
        reason=f"Next sample by {date_text(due)} by the rule of its state ({why}).",
        due_on=due,
    )


def _of_marker(
    dossier: Dossier, last: Sequence[Measurement], on: dt.date, *, rules: SamplingRules, month_days: float
) -> SamplingPlan | None:
    """A marker in all its series: a sample of any material keeps the schedule and the interval of all."""
    scheduled = [one for m in last for one in _by_rule(dossier, m, rules, month_days=month_days)]
    rising, silent, notes = _by_kinetics(dossier, last, rules)
    by_rule = max(scheduled, default=None, key=lambda one: one.on)
    grown = min(rising, default=None, key=lambda one: one.on) or max(
        silent, default=None, key=lambda one: one.on
    )
    asked = [one for one in (by_rule, grown) if one is not None]
    if not asked:
        return None
    first = min(asked, key=lambda one: one.on)
    newest = max(m.drawn_on for m in last)
    name = " ".join(filter(None, (first.last.target, first.last.fraction)))
    said = "; ".join([*(one.text for one in asked), *(notes if grown is None else [])])
    return SamplingPlan(
        patient_id=first.last.patient_id,
        assay_id=first.last.assay_id,
        target=first.last.target,
        material=first.last.material,
        fraction=first.last.fraction,
        last_on=newest,
        by_rule_on=by_rule.on if by_rule else None,
        rule_id=by_rule.rule_id if by_rule else "",
        by_kinetics_on=grown.on if grown else None,
        overdue_days=max(0, (on - first.on).days),
        reason=f"{name}, next sample {said}.",
        due_on=first.on,
    )


def speaks(course: Course, growth: Kinetics) -> bool:
    """Whether a rising series may ask for something: a background marker only while it is raised.

    WT1 and BAALC within the normal range rise and fall without leukaemia; their growth is shown, and asks nothing.

    Parameters
    ----------
    course : Course
        The patient.
    growth : Kinetics
        Growth of one of the series.

    Returns
    -------
    bool
        True for a leukaemia-specific marker; else whether its last evaluable sample is raised.
    """
    key = (growth.assay_id, growth.material, growth.fraction)
    points = [
        p for p in course.points if (p.assay_id, p.material, p.fraction) == key and p.raised is not None
    ]
    return not points or bool(max(points, key=lambda p: p.drawn_on).raised)


def _by_rule(
    dossier: Dossier, last: Measurement, rules: SamplingRules, *, month_days: float
) -> list[_Wanted]:
    """The guideline's next date: the schedule runs from remission, or from transplantation if that is later."""
    schedule = rules.schedules.get((last.target, last.material))
    if schedule is None or last.fraction or _has_relapsed(dossier.course, last.target):
        return []
    starts = [event.on for event in dossier.events if event.kind == "remission"]
    graft = transplant_date(dossier.events)
    start = max([*starts, *([graft] if graft else [])], default=None)
    due = last.drawn_on + dt.timedelta(days=schedule.every_days)
    if start is None or due > start + dt.timedelta(days=round(schedule.months * month_days)):
        return []
    mark = "" if schedule.status == "verified" else ", unverified"
    text = f"by {date_text(due)} by schedule ({schedule.id}{mark}: every {schedule.every_days} days)"
    return [_Wanted(due, last, text, schedule.id)]


def _has_relapsed(course: Course | None, target: str) -> bool:
    """Whether a marker stands at a confirmed relapse or progression: the schedule is one of remission."""
    return course is not None and any(
        point.target == target and point.state in _RELAPSED for point in _last_points(course.mrd)
    )


def _by_kinetics(
    dossier: Dossier, last: Sequence[Measurement], rules: SamplingRules
) -> tuple[list[_Wanted], list[_Wanted], list[str]]:
    """Dates of the series that rise, of those that do not, and what stood in the way of a date."""
    current = {
        (k.assay_id, k.material, k.fraction, k.unit): k
        for k in (dossier.course.kinetics if dossier.course else ())
        if k.current
    }
    rising: list[_Wanted] = []
    silent: list[_Wanted] = []
    notes: list[str] = []
    for m in last:
        known = current.get((m.assay_id, m.material, m.fraction, m.unit))
        if known is None or dossier.course is None:
            continue
        if known.trend == "rising":
            rising += _before_crossing(m, known, rules) if speaks(dossier.course, known) else []
            continue
        found, note = _by_interval(m, known, rules)
        silent += found
        notes += note
    return rising, silent, list(dict.fromkeys(notes))


def _by_interval(last: Measurement, known: Kinetics, rules: SamplingRules) -> tuple[list[_Wanted], list[str]]:
    """The longest interval that sees a relapse of published speed in time, or that there is none."""
    doubling = rules.doubling_days.get(last.target)
    limit = _limit(last)
    if doubling is None or known.overt_level is None or limit is None or known.overt_level <= limit:
        return [], []
    ratio = math.log10(known.overt_level / limit)
    days = min(
        longest_interval(
            doubling_days=doubling,
            log_sd=spread,
            log10_ratio=ratio,
            lead_days=rules.lead_days,
            probability=rules.probability,
        )
        for spread in rules.log_sd
    )
    if days < 1.0:
        none = (
            f"by kinetics: no interval sees a relapse with a doubling time of {doubling:g} days "
            f"{rules.lead_days:g} days ahead with a probability of {rules.probability:g}"
        )
        return [], [none]
    due = last.drawn_on + dt.timedelta(days=int(days))
    window = window_days(doubling, ratio)
    text = (
        f"by {date_text(due)} by kinetics, so that a relapse with a doubling time of {doubling:g} days "
        f"({window:.0f} days from what the last sample could see to overt relapse) is seen "
        f"{rules.lead_days:g} days ahead with a probability of {rules.probability:g}"
    )
    return [_Wanted(due, last, text)], []


def _limit(last: Measurement) -> float | None:
    """Level from which growth would be seen: the validated limit of the wells, where nothing lies above it."""
    if last.state == "not detected" and last.upper_limit is not None:
        return max(last.upper_limit, last.limit_of_detection or 0.0)
    return last.upper_limit


def _before_crossing(last: Measurement, known: Kinetics, rules: SamplingRules) -> list[_Wanted]:
    """Before the earliest date by which a rising series may be overt, less the lead; at once if that is past."""
    if known.crossing_earliest_on is None:
        return []
    due = max(last.drawn_on, known.crossing_earliest_on - dt.timedelta(days=round(rules.lead_days)))
    when = "at once" if due == last.drawn_on else f"by {date_text(due)}"
    text = (
        f"{when} by kinetics: {last.material} rises and may reach {known.overt_level_from} from "
        f"{date_text(known.crossing_earliest_on)} on"
    )
    return [_Wanted(due, last, text)]
