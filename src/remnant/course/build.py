"""Courses of many patients: every question to the evidence asked in one batch, then assembled one by one.

Pure: the order of the input never matters, and a sample that is not evaluable changes no other state.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from remnant.course.background import Against, against_background
from remnant.course.cautions import cautions, with_cautions
from remnant.course.episodes import episodes, rises
from remnant.course.headline import headline
from remnant.course.joint import joint_states
from remnant.course.mrd_alarms import mrd_alarms
from remnant.course.mrd_series import mrd_points
from remnant.course.pooled import JOIN
from remnant.course.relapse import OvertRelapse, overt_relapse, transplant_date
from remnant.course.series import Entry, entries, series_key
from remnant.course.standing import Line, background_text, standings
from remnant.course.states import NOT_EVALUABLE, Reading, Status, follow
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import change
from remnant.knowledge.background import BackgroundRules, background_rules
from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.relapse import RelapseRules, relapse_rules
from remnant.knowledge.rules import RuleBook
from remnant.knowledge.rules_files import rule_book
from remnant.knowledge.states import StateRules, state_rules
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Joint, SeriesPoint
from remnant.records.measurement import Baseline
from remnant.records.mrd import MrdPoint
from remnant.records.run import Assay
from remnant.units import number_text, rise_text, unit_label

__all__ = ["build_course", "build_courses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the evidence says about one evaluable entry; None where it says nothing."""

    raised: bool
    z: float | None
    centre: float | None
    sd: float | None
    change: tuple[float | None, float | None, float | None] | None = None  # estimate, lower, upper
    rise: float | None = None
    rise_1_log: float | None = None

    @property
    def fall(self) -> float | None:
        """P(fall), or what it is at least; None where the change may be any rise."""
        bounded = self.change is not None and self.change[2] is not None
        return 1.0 - self.rise if bounded and self.rise is not None else None


def build_course(
    dossier: Dossier,
    *,
    states: StateRules | None = None,
    background: BackgroundRules | None = None,
    relapse: RelapseRules | None = None,
    book: RuleBook | None = None,
    factors: Mapping[str, float] | None = None,
) -> Course:
    """Course of one patient.

    Parameters
    ----------
    dossier : Dossier
        Facts, measurements, calls and donors' baselines of the patient.
    states, background, relapse : rules or None, default None
        Rules; those that ship with remnant by default.
    book : RuleBook or None, default None
        Rule sets of leukaemia-specific markers; those that ship by default.
    factors : mapping of str to float or None, default None
        Conversion factor to the International Scale of each measurement that has one.

    Returns
    -------
    Course
        States of WT1 and BAALC, alone and together, states of leukaemia-specific markers, overt relapse, warning
        and headline.
    """
    return build_courses(
        [dossier], states=states, background=background, relapse=relapse, book=book, factors=factors
    )[0]


def build_courses(
    dossiers: Sequence[Dossier],
    *,
    states: StateRules | None = None,
    background: BackgroundRules | None = None,
    relapse: RelapseRules | None = None,
    book: RuleBook | None = None,
    factors: Mapping[str, float] | None = None,
    assays: Iterable[Assay] = (),
) -> tuple[Course, ...]:
    """Courses of many patients.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Facts, measurements, calls and donors' baselines of each patient.
    states, background, relapse : rules or None, default None
        Rules; those that ship with remnant by default.
    book : RuleBook or None, default None
        Rule sets of leukaemia-specific markers; those that ship by default.
    factors : mapping of str to float or None, default None
        Conversion factor to the International Scale of each measurement that has one.
    assays : iterable of Assay, default ()
        Assays beside those of the dossiers: their transcripts tell several clones of a patient apart in the sentence.

    Returns
    -------
    tuple of Course
        In the order of the dossiers.
    """
    states = states or state_rules()
    background, relapse = background or background_rules(), relapse or relapse_rules()
    named = {
        one.assay_id: f"{one.target} {one.transcript}"
        for one in itertools.chain(assays, *(d.assays for d in dossiers))
        if one.transcript
    }
    relapses = {d.patient.patient_id: overt_relapse(d.samples, d.events, rules=relapse) for d in dossiers}
    table = entries(
        dossiers,
        relapses,
        markers=states.z_at_least,
        rules=relapse,
        engraftment_day=background.engraftment_day,
        borderline=states.borderline,
    )
    rows = [i for i, entry in enumerate(table) if entry.evaluable]
    batch = EvidenceBatch.of([table[i].measurement.evidence for i in rows])
    donors = _baselines(dossiers)
    against = against_background([table[i] for i in rows], batch, donors, rules=background, states=states)
    answers = dict(zip(rows, _answers([table[i] for i in rows], batch, against), strict=True))
    lines: dict[str, list[Line]] = defaultdict(list)
    for key, members in itertools.groupby(range(len(table)), key=lambda i: series_key(table[i].measurement)):
        lines[key[0]].append(_line([(table[i], answers.get(i)) for i in members], states=states))
    joints: dict[str, list[Joint]] = defaultdict(list)
    for joint in joint_states(table, rows, batch, against, baselines=donors, states=states):
        joints[joint.patient_id].append(joint)
    specific = mrd_points(
        dossiers,
        relapses,
        book=book or rule_book(),
        rules=mrd_state_rules(),
        relapse=relapse,
        factors=factors,
    )
    return tuple(
        _course(
            dossier,
            lines.get(patient, []),
            joints.get(patient, []),
            relapses[patient],
            mrd=specific.get(patient, ()),
            states=states,
            rules=relapse,
            named=named,
        )
        for dossier in dossiers
        for patient in (dossier.patient.patient_id,)
    )


def _baselines(dossiers: Sequence[Dossier]) -> dict[tuple[str, str, str, str], Baseline]:
    return {
        (b.assay_id, b.material, b.fraction, b.unit): b
        for dossier in dossiers
        for b in dossier.baselines
        if b.source == "donors"
    }


def _answers(members: Sequence[Entry], batch: EvidenceBatch, against: Against) -> list[_Answer]:
    """One answer an evaluable entry; the change is from the evaluable entry before it in its series."""
    keys = [series_key(entry.measurement) for entry in members]
    later = np.array([i for i in range(1, len(keys)) if keys[i] == keys[i - 1]], dtype=np.int64)
    bound = np.array([entry.measurement.known_above is not None for entry in members], dtype=np.bool_)
    moved = change(batch.take(later - 1), batch.take(later), bounds=(bound[later - 1], bound[later]))
    columns = zip(
        zip(moved.estimate.tolist(), moved.lower.tolist(), moved.upper.tolist(), strict=True),
        moved.probability.tolist(),
        strict=True,
    )
    steps = dict(zip(later.tolist(), columns, strict=True))
    nothing = ((math.nan, math.nan, math.nan), (math.nan, math.nan))
    levels = zip(
        against.raised.tolist(), against.z.tolist(), against.centre.tolist(), against.sd.tolist(), strict=True
    )
    result = []
    for i, (raised, z, centre, sd) in enumerate(levels):
        (estimate, lower, upper), risen = steps.get(i, nothing)
        step = _known(estimate), _known(lower), _known(upper)
        result.append(
            _Answer(
                raised=raised,
                z=_known(z),
                centre=_known(centre),
                sd=_known(sd),
                change=None if step == (None, None, None) else step,
                rise=_known(risen[0]),
                rise_1_log=_known(risen[1]),
            )
        )
    return result


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _line(members: Sequence[tuple[Entry, _Answer | None]], *, states: StateRules) -> Line:
    readings = [
        Reading(
            drawn_on=entry.measurement.drawn_on,
            raised=None if answer is None else answer.raised,
            probability_fall=None if answer is None else answer.fall,
            phase=entry.phase,
        )
        for entry, answer in members
    ]
    found = follow(readings, states)
    points = [
        _point(entry, answer, status, states=states)
        for (entry, answer), status in zip(members, found, strict=True)
    ]
    return Line(points, [status.first_raised_on for status in found])


def _point(entry: Entry, answer: _Answer | None, status: Status, *, states: StateRules) -> SeriesPoint:
    m, call = entry.measurement, entry.call
    moved = answer.change if answer else None
    point = SeriesPoint(
        patient_id=m.patient_id,
        assay_id=m.assay_id,
        material=m.material,
        sample_id=m.sample_id,
        measurement_id=m.measurement_id,
        drawn_on=m.drawn_on,
        day=entry.day,
        state=status.state,
        since=status.since,
        rule_id=call.rule_id if call else "",
        change_log10=moved[0] if moved else None,
        change_lower=moved[1] if moved else None,
        change_upper=moved[2] if moved else None,
        probability_rise=answer.rise if answer else None,
        probability_rise_1_log=answer.rise_1_log if answer else None,
        z_background=answer.z if answer else None,
        background_median=10.0**answer.centre if answer and answer.centre is not None else None,
        confirm_by=status.confirm_by if entry.awaits_confirmation else None,
        reason=_unevaluable(entry) if answer is None else _reason(entry, answer, status, states=states),
        target=m.target,
        fraction=m.fraction,
        raised=answer.raised if answer else None,
        predictor=entry.predictor,
        rule_label=call.label if call else "",
        rule_status=call.status if call else "",
        background_sd_log10=answer.sd if answer else None,
        confidence=call.confidence if call else "",
        verdict=call.verdict if call else "",
    )
    text = background_text(point)
    return dataclasses.replace(point, reason=f"{m.target} {text}. {point.reason}") if text else point


def _unevaluable(entry: Entry) -> str:
    m, call = entry.measurement, entry.call
    if m.state != "not evaluable" and call is not None:
        return call.reason
    why = m.reason if m.state == "not evaluable" else "no active rule fits this series"
    return f"{m.target} is not evaluable: {why or 'no reason was given'}."


def _reason(entry: Entry, answer: _Answer, status: Status, *, states: StateRules) -> str:
    m, call = entry.measurement, entry.call
    parts = [call.reason if call else ""]
    if answer.z is not None and answer.centre is not None:
        needed = states.z_at_least[m.target]
        level = f"{number_text(10.0**answer.centre)} {unit_label(m.unit, control=m.control)}"
        asked = "" if needed is None else f", {needed:g} needed"
        parts.append(f"z {answer.z:.1f} against the background of {level}{asked}.")
    if answer.change and answer.rise is not None and answer.rise_1_log is not None:
        parts.append(rise_text(answer.change, rise=answer.rise, rise_1_log=answer.rise_1_log))
    if status.confirm_by and entry.awaits_confirmation:
        parts.append(f"To be confirmed by {status.confirm_by.isoformat()}.")
    if status.late_days:
        parts.append(f"Confirmed {status.late_days} days after the window.")
    if JOIN in m.measurement_id:
        parts.append("Several measurements of this day are pooled.")
    return " ".join(filter(None, parts))


def _course(
    dossier: Dossier,
    lines: Sequence[Line],
    joints: Sequence[Joint],
    relapse: OvertRelapse,
    *,
    mrd: tuple[MrdPoint, ...],
    states: StateRules,
    rules: RelapseRules,
    named: Mapping[str, str],
) -> Course:
    graft = transplant_date(dossier.events)
    death = min((e.on for e in dossier.events if e.kind == "death"), default=None)
    noted = cautions(dossier)
    mrd = with_cautions(mrd, noted)
    contact = _last_contact(dossier)
    predicting = [_predicting(line, relapse.start_on) for line in lines]
    alarms = episodes(
        dossier.patient.patient_id,
        [rise for points, first in predicting for rise in rises(points, first)],
        relapse_on=relapse.on,
        therapies=dossier.therapies,
        preemptive=rules.preemptive_therapies,
    )
    standing = [alarm.confirmed_on for alarm in alarms if alarm.outcome == "relapse"]
    lead = (relapse.on - min(standing)).days if relapse.on and standing else None
    head = headline(
        standings(lines, markers=[*states.z_at_least], relapsed=relapse.on is not None, rules=states),
        relapse,
        mrd=mrd,
        without_rule=_without_rule(dossier, mrd, states),
        names=named,
        warned_on=min(standing) if lead is not None else None,
        transplant_on=graft,
        death_on=death,
        states=states,
        rules=rules,
    )
    ends = min((date for date in (relapse.on, death) if date), default=contact)
    points = sorted(
        (point for line in lines for point in line.points),
        key=lambda p: (p.drawn_on, p.target, p.assay_id, p.material, p.fraction),
    )
    return Course(
        patient_id=dossier.patient.patient_id,
        transplant_on=graft,
        points=with_cautions(points, noted),
        joint=tuple(joints),
        overt_relapse_on=relapse.on,
        relapse_rule=relapse.rule,
        last_negative_on=relapse.last_negative_on,
        first_raised_on=min(
            (p.drawn_on for points, _ in predicting for p in points if p.raised), default=None
        ),
        first_confirmed_on=min((alarm.confirmed_on for alarm in alarms), default=None),
        lead_time_days=lead,
        unwarned=relapse.on is not None and not standing,
        false_alarms=sum(alarm.outcome == "regressed" for alarm in alarms),
        follow_up_days=(ends - graft).days if graft and ends and ends >= graft else None,
        death_on=death,
        last_contact_on=contact,
        headline=head.text,
        urgency=head.urgency,
        urgency_reason=head.urgency_reason,
        next_sample_by=head.next_sample_by,
        episodes=alarms,
        unverified_rules=head.unverified_rules,
        mrd=mrd,
        cautions=noted,
        at_risk_from=relapse.start_on,
        mrd_alarms=mrd_alarms(
            mrd,
            at_risk_from=relapse.start_on,
            relapse_on=relapse.on,
            therapies=dossier.therapies,
            preemptive=rules.preemptive_therapies,
        ),
    )


def _without_rule(dossier: Dossier, mrd: Sequence[MrdPoint], states: StateRules) -> tuple[str, ...]:
    """Leukaemia-specific markers that were measured and for which no rule set decides."""
    judged = {point.target for point in mrd}
    measured = dict.fromkeys(m.target for m in dossier.measurements if m.target not in states.z_at_least)
    return tuple(target for target in measured if target not in judged)


def _last_contact(dossier: Dossier) -> dt.date | None:
    """Last date on which the patient was seen: any event or sample, whatever was recorded as last contact."""
    dates = [event.on for event in dossier.events] + [sample.drawn_on for sample in dossier.samples]
    return max(dates, default=None)


def _predicting(line: Line, start: dt.date | None) -> tuple[list[SeriesPoint], list[dt.date | None]]:
    """Evaluable points after transplantation, or remission, that may predict relapse."""
    chosen = [
        (point, first)
        for point, first in zip(line.points, line.first_raised, strict=True)
        if point.predictor and point.state != NOT_EVALUABLE and start is not None and point.drawn_on > start
    ]
    return [point for point, _ in chosen], [first for _, first in chosen]
