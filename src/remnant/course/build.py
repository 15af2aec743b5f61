"""Courses of many patients: every question to the evidence asked in one batch, then assembled one by one.

Pure: the order of the input never matters, and a sample that is not evaluable changes no other state.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remnant.course.background import Against, against_background
from remnant.course.episodes import episodes, rises
from remnant.course.headline import headline, standings
from remnant.course.joint import joint_states
from remnant.course.relapse import OvertRelapse, overt_relapse, transplant_date
from remnant.course.series import Entry, SeriesKey, entries, series_key
from remnant.course.states import NOT_EVALUABLE, Reading, Status, follow
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import Change, change
from remnant.knowledge.background import BackgroundRules, background_rules
from remnant.knowledge.relapse import RelapseRules, relapse_rules
from remnant.knowledge.states import StateRules, state_rules
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Joint, SeriesPoint
from remnant.units import number_text, probability_text, unit_label

__all__ = ["build_course", "build_courses"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the evidence says about the evaluable entries: row i is entry ``rows[i]``."""

    place: dict[int, int]  # entry to row
    change: Change  # one row an entry that has one before it
    change_row: Integers  # row of the change of each row; -1 for the first
    against: Against


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Points of one series with the first raised sample of the rise that each belongs to."""

    key: SeriesKey
    points: list[SeriesPoint]
    first_raised: list[dt.date | None]


def build_course(
    dossier: Dossier,
    *,
    states: StateRules | None = None,
    background: BackgroundRules | None = None,
    relapse: RelapseRules | None = None,
) -> Course:
    """Course of one patient.

    Parameters
    ----------
    dossier : Dossier
        Facts, measurements, calls and donors' baselines of the patient.
    states, background, relapse : rules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    Course
        States of WT1 and BAALC, alone and together, overt relapse, warning and headline.
    """
    return build_courses([dossier], states=states, background=background, relapse=relapse)[0]


def build_courses(
    dossiers: Sequence[Dossier],
    *,
    states: StateRules | None = None,
    background: BackgroundRules | None = None,
    relapse: RelapseRules | None = None,
) -> tuple[Course, ...]:
    """Courses of many patients.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Facts, measurements, calls and donors' baselines of each patient.
    states, background, relapse : rules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    tuple of Course
        In the order of the dossiers.
    """
    states = states or state_rules()
    background, relapse = background or background_rules(), relapse or relapse_rules()
    relapses = {d.patient.patient_id: overt_relapse(d.samples, d.events, rules=relapse) for d in dossiers}
    table = entries(
        dossiers,
        relapses,
        markers=states.z_at_least,
        rules=relapse,
        engraftment_day=background.engraftment_day,
    )
    rows = [i for i, entry in enumerate(table) if entry.evaluable]
    batch = EvidenceBatch.of([table[i].measurement.evidence for i in rows])
    answers = _ask(table, rows, batch, dossiers, states=states, background=background)
    lines: dict[str, list[_Line]] = defaultdict(list)
    for key, members in itertools.groupby(range(len(table)), key=lambda i: series_key(table[i].measurement)):
        lines[key[0]].append(_line(key, [*members], table, answers, states=states))
    joints: dict[str, list[Joint]] = defaultdict(list)
    for joint in joint_states(table, rows, batch, answers.against, states=states):
        joints[joint.patient_id].append(joint)
    return tuple(
        _course(
            dossier,
            lines.get(patient, []),
            joints.get(patient, []),
            relapses[patient],
            states=states,
            rules=relapse,
        )
        for dossier in dossiers
        for patient in (dossier.patient.patient_id,)
    )


def _ask(
    table: Sequence[Entry],
    rows: Sequence[int],
    batch: EvidenceBatch,
    dossiers: Sequence[Dossier],
    *,
    states: StateRules,
    background: BackgroundRules,
) -> _Answers:
    members = [table[i] for i in rows]
    keys = [series_key(entry.measurement) for entry in members]
    before = np.array(
        [i - 1 if i and keys[i] == keys[i - 1] else -1 for i in range(len(keys))], dtype=np.int64
    )
    later = np.flatnonzero(before >= 0)
    change_row = np.full(len(rows), -1, dtype=np.int64)
    change_row[later] = np.arange(len(later))
    baselines = {
        (b.assay_id, b.material, b.fraction, b.unit): b
        for dossier in dossiers
        for b in dossier.baselines
        if b.source == "donors"
    }
    return _Answers(
        place={row: i for i, row in enumerate(rows)},
        change=change(batch.take(before[later]), batch.take(later)),
        change_row=change_row,
        against=against_background(members, batch, baselines, rules=background, states=states),
    )


def _line(
    key: SeriesKey, members: Sequence[int], table: Sequence[Entry], answers: _Answers, *, states: StateRules
) -> _Line:
    readings = [_reading(table[i], answers.place.get(i, -1), answers) for i in members]
    found = follow(readings, states)
    points = [
        _point(table[i], answers.place.get(i, -1), status, answers, states=states)
        for i, status in zip(members, found, strict=True)
    ]
    return _Line(key, points, [status.first_raised_on for status in found])


def _reading(entry: Entry, row: int, answers: _Answers) -> Reading:
    fall = None
    if row >= 0 and (i := answers.change_row[row]) >= 0:
        fall = 1.0 - float(answers.change.probability[i, 0])
    return Reading(
        drawn_on=entry.measurement.drawn_on,
        raised=bool(answers.against.raised[row]) if row >= 0 else None,
        probability_fall=fall,
        phase=entry.phase,
    )


def _point(entry: Entry, row: int, status: Status, answers: _Answers, *, states: StateRules) -> SeriesPoint:
    m, call = entry.measurement, entry.call
    step = int(answers.change_row[row]) if row >= 0 else -1
    moved = answers.change if step >= 0 else None
    centre = _known(answers.against.centre, row)
    return SeriesPoint(
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
        change_log10=float(moved.estimate[step]) if moved else None,
        change_lower=float(moved.lower[step]) if moved else None,
        change_upper=float(moved.upper[step]) if moved else None,
        probability_rise=float(moved.probability[step, 0]) if moved else None,
        probability_rise_1_log=float(moved.probability[step, 1]) if moved else None,
        z_background=_known(answers.against.z, row),
        background_median=None if centre is None else 10.0**centre,
        confirm_by=status.confirm_by,
        reason=_reason(entry, row, status, answers, states=states),
        target=m.target,
        fraction=m.fraction,
        raised=bool(answers.against.raised[row]) if row >= 0 else None,
        predictor=entry.predictor,
        rule_label=call.label if call else "",
        rule_status=call.status if call else "",
        background_sd_log10=_known(answers.against.sd, row),
    )


def _known(column: NDArray[np.float64], row: int) -> float | None:
    return float(column[row]) if row >= 0 and np.isfinite(column[row]) else None


def _reason(entry: Entry, row: int, status: Status, answers: _Answers, *, states: StateRules) -> str:
    m, call = entry.measurement, entry.call
    if row < 0:
        if m.state == "not evaluable" or call is None:
            why = m.reason if m.state == "not evaluable" else "no active rule fits this series"
            return f"{m.target} is not evaluable: {why or 'no reason was given'}."
        return call.reason
    parts = [call.reason if call else ""]
    z, centre = _known(answers.against.z, row), _known(answers.against.centre, row)
    needed = states.z_at_least[m.target]
    if z is not None and centre is not None:
        level = f"{number_text(10.0**centre)} {unit_label(m.unit, control=m.control)}"
        asked = "" if needed is None else f", {needed:g} needed"
        parts.append(f"z {z:.1f} against the background of {level}{asked}.")
    step = int(answers.change_row[row])
    if step >= 0:
        moved = answers.change
        parts.append(
            f"Change {moved.estimate[step]:+.2f} log10 ({moved.lower[step]:+.2f} to {moved.upper[step]:+.2f}); "
            f"P(rise) {probability_text(moved.probability[step, 0])}, "
            f"P(rise of 1 log10) {probability_text(moved.probability[step, 1])}."
        )
    if status.confirm_by:
        parts.append(f"To be confirmed by {status.confirm_by.isoformat()}.")
    if status.late_days:
        parts.append(f"Confirmed {status.late_days} days after the window.")
    if " + " in m.measurement_id:
        parts.append("Several measurements of this day are pooled.")
    return " ".join(filter(None, parts))


def _course(
    dossier: Dossier,
    lines: Sequence[_Line],
    joints: Sequence[Joint],
    relapse: OvertRelapse,
    *,
    states: StateRules,
    rules: RelapseRules,
) -> Course:
    graft = transplant_date(dossier.events)
    death = min((e.on for e in dossier.events if e.kind == "death"), default=None)
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
        standings({line.key: line.points for line in lines}, markers=[*states.z_at_least], rules=states),
        relapse,
        lead_time_days=lead,
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
        points=tuple(points),
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
    )


def _last_contact(dossier: Dossier) -> dt.date | None:
    """Last date on which the patient was seen: any event or sample, whatever was recorded as last contact."""
    dates = [event.on for event in dossier.events] + [sample.drawn_on for sample in dossier.samples]
    return max(dates, default=None)


def _predicting(line: _Line, start: dt.date | None) -> tuple[list[SeriesPoint], list[dt.date | None]]:
    """Evaluable points after transplantation, or remission, that may predict relapse."""
    chosen = [
        (point, first)
        for point, first in zip(line.points, line.first_raised, strict=True)
        if point.predictor
        and point.state != NOT_EVALUABLE
        and start is not None
        and point.drawn_on > start
    ]
    return [point for point, _ in chosen], [first for _, first in chosen]
