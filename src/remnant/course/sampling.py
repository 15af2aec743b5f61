"""When to sample next: by the guideline's schedule, and by the growth of the marker.

A series that rises is sampled again before the earliest date (2.5 %) by which it may be overt, less the wanted
lead. One that does not is sampled so often that a relapse with the published doubling time of its marker is seen
with the wanted probability and lead, from the level that its last sample could have seen.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence

from remnant.course.relapse import overt_relapse, transplant_date
from remnant.course.series import series_key
from remnant.knowledge.kinetics import KineticsRules, kinetics_rules
from remnant.knowledge.relapse import relapse_rules
from remnant.knowledge.sampling import SamplingRules, sampling_rules
from remnant.numerics.growth_sampling import longest_interval
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Kinetics, SamplingPlan
from remnant.records.measurement import Measurement

__all__ = ["sampling_plan", "speaks"]


def sampling_plan(
    dossiers: Sequence[Dossier],
    as_of: dt.date,
    *,
    rules: SamplingRules | None = None,
    kinetics: KineticsRules | None = None,
) -> tuple[SamplingPlan, ...]:
    """Next date of every series of living patients without overt relapse.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients with their courses, kinetics among them.
    as_of : datetime.date
        Today; a sample that was due before is overdue.
    rules : SamplingRules or None, default None
        Schedules and aims; those that ship with remnant by default.
    kinetics : KineticsRules or None, default None
        Length of a month.

    Returns
    -------
    tuple of SamplingPlan
        Only series for which a date can be given; the longest overdue first, then by date, patient and series.
    """
    rules, kinetics = rules or sampling_rules(), kinetics or kinetics_rules()
    found = [
        plan
        for dossier in dossiers
        if not _ended(dossier)
        for plan in _of_patient(dossier, as_of, rules=rules, month_days=kinetics.month_days)
    ]
    return tuple(
        sorted(
            found, key=lambda p: (-p.overdue_days, _due(p) or dt.date.max, p.patient_id, p.target, p.material)
        )
    )


def _ended(dossier: Dossier) -> bool:
    died = any(event.kind == "death" for event in dossier.events)
    return died or overt_relapse(dossier.samples, dossier.events, rules=relapse_rules()).on is not None


def _of_patient(
    dossier: Dossier, as_of: dt.date, *, rules: SamplingRules, month_days: float
) -> list[SamplingPlan]:
    evaluable = [m for m in dossier.measurements if m.state != "not evaluable" and m.drawn_on <= as_of]
    evaluable.sort(key=lambda m: (series_key(m), m.drawn_on, m.measurement_id))
    current = {
        (k.assay_id, k.material, k.fraction, k.unit): k
        for k in (dossier.course.kinetics if dossier.course else ())
        if k.current
    }
    plans = []
    for _, group in itertools.groupby(evaluable, key=series_key):
        last = list(group)[-1]
        known = current.get((last.assay_id, last.material, last.fraction, last.unit))
        scheduled, rule_id, rule_text = _by_rule(dossier, last, rules, month_days=month_days)
        rises = known is not None and known.trend == "rising"
        said = (
            known is not None and dossier.course is not None and (not rises or speaks(dossier.course, known))
        )
        grown, growth_text = _by_kinetics(last, known if said else None, rules)
        dates = [date for date in (scheduled, grown) if date is not None]
        if not dates:
            continue
        name = " ".join(filter(None, (last.target, last.material, last.fraction)))
        overdue = max(0, (as_of - min(dates)).days)
        late = f" Overdue by {overdue} {'day' if overdue == 1 else 'days'}." if overdue else ""
        plans.append(
            SamplingPlan(
                patient_id=last.patient_id,
                assay_id=last.assay_id,
                target=last.target,
                material=last.material,
                fraction=last.fraction,
                last_on=last.drawn_on,
                by_rule_on=scheduled,
                rule_id=rule_id,
                by_kinetics_on=grown,
                overdue_days=overdue,
                reason=f"{name}, next sample {'; '.join(filter(None, (rule_text, growth_text)))}.{late}",
            )
        )
    return plans


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


def _due(plan: SamplingPlan) -> dt.date | None:
    return min((date for date in (plan.by_rule_on, plan.by_kinetics_on) if date), default=None)


def _by_rule(
    dossier: Dossier, last: Measurement, rules: SamplingRules, *, month_days: float
) -> tuple[dt.date | None, str, str]:
    """The guideline's next date: the schedule runs from remission, or from transplantation if that is later."""
    schedule = rules.schedules.get((last.target, last.material))
    if schedule is None or last.fraction:
        return None, "", ""
    starts = [event.on for event in dossier.events if event.kind == "remission"]
    graft = transplant_date(dossier.events)
    start = max([*starts, *([graft] if graft else [])], default=None)
    due = last.drawn_on + dt.timedelta(days=schedule.every_days)
    if start is None or due > start + dt.timedelta(days=round(schedule.months * month_days)):
        return None, "", ""
    mark = "" if schedule.status == "verified" else ", unverified"
    return due, schedule.id, f"by {due.isoformat()} by schedule ({schedule.id}{mark})"


def _by_kinetics(
    last: Measurement, known: Kinetics | None, rules: SamplingRules
) -> tuple[dt.date | None, str]:
    if known is None:
        return None, ""
    if known.trend == "rising":
        return _before_crossing(last, known, rules)
    doubling = rules.doubling_days.get(last.target)
    if doubling is None or known.overt_level is None or last.upper_limit is None:
        return None, ""
    ratio = math.log10(known.overt_level / last.upper_limit)
    if ratio <= 0:
        return None, ""
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
        return None, (
            f"by kinetics: no interval sees a relapse with a doubling time of {doubling:g} days "
            f"{rules.lead_days:g} days ahead with a probability of {rules.probability:g}"
        )
    due = last.drawn_on + dt.timedelta(days=int(days))
    return due, (
        f"by {due.isoformat()} so that a relapse with a doubling time of {doubling:g} days is seen "
        f"{rules.lead_days:g} days ahead with a probability of {rules.probability:g}"
    )


def _before_crossing(last: Measurement, known: Kinetics, rules: SamplingRules) -> tuple[dt.date | None, str]:
    """Before the earliest date by which a rising series may be overt, less the lead; at once if that is past."""
    if known.crossing_earliest_on is None:
        return None, ""
    due = max(last.drawn_on, known.crossing_earliest_on - dt.timedelta(days=round(rules.lead_days)))
    when = "at once" if due == last.drawn_on else f"by {due.isoformat()}"
    return due, (
        f"{when}: it rises and may reach {known.overt_level_from} from "
        f"{known.crossing_earliest_on.isoformat()} on"
    )
