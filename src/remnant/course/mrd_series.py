"""Series of leukaemia-specific markers: their samples in order, their states, and the evidence beside them.

A series is one patient, marker, control gene, assay, material, sorted fraction and unit. Several evaluable
measurements of one day are pooled. Every question to the evidence is asked once, for all patients together.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from remnant.course.mrd_states import MrdReading, MrdStatus, Place, Policy, follow_mrd, policy
from remnant.course.mrd_text import state_code, state_reason, would_change
from remnant.course.pooled import pooled
from remnant.course.relapse import OvertRelapse, predicts
from remnant.course.series import SeriesKey, series_key
from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.kinds import COMPARISON
from remnant.evidence.verbs import change
from remnant.knowledge.mrd_states import MrdStateRules
from remnant.knowledge.relapse import RelapseRules
from remnant.knowledge.rules import RuleBook
from remnant.knowledge.rules_levels import level, series_rows
from remnant.knowledge.rules_times import clock
from remnant.numerics.nadir import Readings, lowest_level
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint
from remnant.records.sample import Sample
from remnant.units import factor_to_ratio, is_comparable

__all__ = ["mrd_points"]

_NORMAL_95: Final = 2 * 1.959964
_SEEN: Final = frozenset({"low level", "positive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One day of one series."""

    key: SeriesKey
    measurement: Measurement
    call: Call
    reading: MrdReading
    day: int | None
    predictor: bool
    per_ratio: float
    quality: str


@dataclass(slots=True)
class _Beside:
    """What the evidence says beside one state."""

    change: tuple[float | None, float | None, float | None] | None = None
    rise: float | None = None
    rise_1_log: float | None = None
    nadir: tuple[float, float, float] | None = None
    step: float | None = None


def mrd_points(
    dossiers: Sequence[Dossier],
    relapses: Mapping[str, OvertRelapse],
    *,
    book: RuleBook,
    rules: MrdStateRules,
    relapse: RelapseRules,
    factors: Mapping[str, float] | None = None,
) -> dict[str, tuple[MrdPoint, ...]]:
    """States of all series of leukaemia-specific markers.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients with their calls; a measurement without a deciding call of a rule set has no state.
    relapses : mapping of str to OvertRelapse
        By patient.
    book : RuleBook
        Rule sets that the calls name.
    rules : MrdStateRules
        Transition table.
    relapse : RelapseRules
        Which samples may predict, and which blasts are overt.
    factors : mapping of str to float or None, default None
        Conversion factor to the International Scale of each measurement that has one.

    Returns
    -------
    dict of str to tuple of MrdPoint
        By patient, by date; patients without such a marker are left out.
    """
    table: list[_Entry] = []
    for dossier in dossiers:
        table += _entries(
            dossier, relapses[dossier.patient.patient_id], book=book, relapse=relapse, factors=factors or {}
        )
    table.sort(key=lambda one: (one.key[:4], one.key[6], one.reading.drawn_on, one.key[4:6]))
    beside = _changes(table)
    states: list[MrdStatus] = []
    policies: dict[tuple[str, str, str, Place, str], Policy] = {}
    for _, members in itertools.groupby(table, key=lambda one: (one.key[:4], one.key[6])):
        held = list(members)
        states += follow_mrd(
            [one.reading for one in held],
            {one.reading.place: _policy(one, book, policies) for one in held},
            rules,
        )
    _nadirs(table, states, beside, rules)
    points: dict[str, list[MrdPoint]] = defaultdict(list)
    for one, status, found in zip(table, states, beside, strict=True):
        p = _policy(one, book, policies)
        points[one.key[0]].append(_point(one, status, found, p, rules=rules))
    return {
        code: tuple(sorted(held, key=lambda p: (p.drawn_on, p.target, p.assay_id, p.material, p.fraction)))
        for code, held in points.items()
    }


def _policy(one: _Entry, book: RuleBook, held: dict[tuple[str, str, str, Place, str], Policy]) -> Policy:
    m = one.measurement
    key = (one.call.rule_set, m.target, m.control, one.reading.place, m.unit)
    if key not in held:
        held[key] = policy(
            book.named(one.call.rule_set),
            marker=m.target,
            place=one.reading.place,
            control=m.control,
            unit=m.unit,
        )
    return held[key]


def _entries(
    dossier: Dossier,
    relapsed: OvertRelapse,
    *,
    book: RuleBook,
    relapse: RelapseRules,
    factors: Mapping[str, float],
) -> Iterable[_Entry]:
    deciding = {c.measurement_id: c for c in dossier.calls if c.rule_set and c.role == "decides"}
    chosen = sorted(
        (m for m in dossier.measurements if m.measurement_id in deciding),
        key=lambda m: (series_key(m), m.drawn_on, m.measurement_id),
    )
    if not chosen:
        return
    samples = {sample.sample_id: sample for sample in dossier.samples}
    dates = clock(dossier.events, dossier.therapies)
    for (key, drawn_on), group in itertools.groupby(chosen, key=lambda m: (series_key(m), m.drawn_on)):
        day = list(group)
        held = [m for m in day if m.state != "not evaluable"]
        m, call = (held or day)[0], deciding[(held or day)[0].measurement_id]
        sample = samples.get(m.sample_id)
        moment = dates.moment(drawn_on, sample, relapse)
        factor = factors.get(m.measurement_id)
        if len(held) > 1:
            m, call = _pooled(held, call, dossier, book=book, samples=samples, factor=factor, relapse=relapse)
        overt = (
            relapsed.on is not None and drawn_on >= relapsed.on and (moment.overt or drawn_on == relapsed.on)
        )
        phase: Literal["active", "remission", "overt"] = (
            "overt" if overt else "remission" if moment.remission else "active"
        )
        per_ratio = _per_ratio(m.unit, factor)
        graft = dates.transplant_on
        yield _Entry(
            key=key,
            measurement=m,
            call=call,
            reading=_reading(
                m,
                call,
                factor=factor,
                per_ratio=per_ratio,
                phase=phase,
                after_treatment="end_of_consolidation" in moment.labels,
            ),
            day=None if graft is None else (drawn_on - graft).days,
            predictor=predicts(
                drawn_on, sample.reason if sample else "unknown", relapse_on=relapsed.on, rules=relapse
            ),
            per_ratio=per_ratio,
            quality=(sample.quality or "") if sample else "",
        )


def _per_ratio(unit: str, factor: float | None) -> float:
    """Measurement units a ratio; of the International Scale without known factor, as if it were 1."""
    if unit == "percent_is":
        return factor_to_ratio(unit, conversion_factor=factor or 1.0)
    return factor_to_ratio(unit) if is_comparable(unit, "ratio") else 1.0


def _pooled(
    held: Sequence[Measurement],
    call: Call,
    dossier: Dossier,
    *,
    book: RuleBook,
    samples: Mapping[str, Sample],
    factor: float | None,
    relapse: RelapseRules,
) -> tuple[Measurement, Call]:
    """Several measurements of a day as one, and the level of the pooled quantity."""
    m = pooled(held)
    moment = clock(dossier.events, dossier.therapies).moment(m.drawn_on, samples.get(m.sample_id), relapse)
    rows = series_rows(book.named(call.rule_set), m, lesion=dossier.patient.lesion or "")
    found = level(m, rows, moment, factor=factor)
    return m, replace(
        call,
        measurement_id=m.measurement_id,
        verdict=found.verdict,
        code=found.code,
        rule_id=found.row.id if found.row else call.rule_id,
        reason=f"{found.why}; {len(held)} measurements of this day are pooled.",
    )


def _reading(
    m: Measurement,
    call: Call,
    *,
    factor: float | None,
    per_ratio: float,
    phase: Literal["active", "remission", "overt"],
    after_treatment: bool,
) -> MrdReading:
    numbered = call.verdict in _SEEN and call.code not in {"mrd.low_control", "mrd.positive_not_quantifiable"}
    value = math.log10(m.point_value / per_ratio) if numbered and m.point_value else None
    lower, upper = m.comparison_lower, m.comparison_upper
    return MrdReading(
        place=(m.material, m.fraction),
        sample_id=m.sample_id,
        drawn_on=m.drawn_on,
        level=call.verdict,
        value=value,
        factor=None if factor is None else math.log10(factor),
        beyond=call.verdict in _SEEN and m.known_above is not None,
        phase=phase,
        after_treatment=after_treatment,
        scaled=call.unit == "percent_is",
        centre=None if value is None or not m.estimate else math.log10(m.estimate / per_ratio),
        sd=math.log10(upper / lower) / _NORMAL_95 if lower and upper else 0.0,
        errors=m.evidence.errors,
    )


def _changes(table: Sequence[_Entry]) -> list[_Beside]:
    """Change of each evaluable entry from the one before it in its series."""
    beside = [_Beside() for _ in table]
    last: dict[SeriesKey, int] = {}
    rows: list[int] = []
    pairs: list[tuple[int, int]] = []
    for i, one in enumerate(table):
        if one.reading.level == "not evaluable":
            continue
        earlier = last.get(one.key)
        # Of two samples without a signal nothing can be said.
        if earlier is not None and {one.reading.level, table[earlier].reading.level} != {"negative"}:
            pairs.append((earlier, i))
        last[one.key] = i
        rows.append(i)
    if not pairs:
        return beside
    place = {row: j for j, row in enumerate(rows)}
    batch = EvidenceBatch.of([table[row].measurement.evidence for row in rows])
    before = np.array([place[a] for a, _ in pairs])
    after = np.array([place[b] for _, b in pairs])
    bound = np.array([table[row].measurement.known_above is not None for row in rows], dtype=np.bool_)
    moved = change(batch.take(before), batch.take(after), bounds=(bound[before], bound[after]))
    columns = zip(
        pairs,
        moved.estimate.tolist(),
        moved.lower.tolist(),
        moved.upper.tolist(),
        moved.probability.tolist(),
        strict=True,
    )
    for (_, i), estimate, lower, upper, risen in columns:
        said = beside[i]
        step = _known(estimate), _known(lower), _known(upper)
        said.change = None if step == (None, None, None) else step
        said.rise, said.rise_1_log = (_known(p) for p in risen)
    return beside


def _known(value: float) -> float | None:
    """A number, or None for an end that is open."""
    return value if math.isfinite(value) else None


def _nadirs(
    table: Sequence[_Entry], states: Sequence[MrdStatus], beside: Sequence[_Beside], rules: MrdStateRules
) -> None:
    """Posterior of the nadir where a step was taken or is within reach."""
    rows = [i for i, status in enumerate(states) if status.earlier and status.step is not None]
    if not rows:
        return
    held: dict[int, int] = {}
    readings: list[MrdReading] = []
    for i in rows:
        for reading in (*states[i].earlier, table[i].reading):
            if held.setdefault(id(reading), len(readings)) == len(readings):
                readings.append(reading)
    earlier = np.full((len(rows), max(len(states[i].earlier) for i in rows)), -1)
    for place, i in enumerate(rows):
        earlier[place, : len(states[i].earlier)] = [held[id(one)] for one in states[i].earlier]
    named = SharedErrors.of([reading.errors for reading in readings])
    found = lowest_level(
        Readings(
            value=np.array([r.value if r.centre is None else r.centre for r in readings], dtype=float),
            sd=np.array([r.sd for r in readings]),
            name=named.name,
            named_sd=named.included(COMPARISON),
        ),
        earlier,
        np.array([held[id(table[i].reading)] for i in rows]),
        step=np.array([getattr(states[i].step, "threshold", math.inf) for i in rows], dtype=float),
        spreads=np.array(rules.nadir_spread_log10),
    )
    columns = zip(
        rows,
        found.median.tolist(),
        found.lower.tolist(),
        found.upper.tolist(),
        found.probability.tolist(),
        strict=True,
    )
    for i, median, lower, upper, probability in columns:
        beside[i].nadir, beside[i].step = (median, lower, upper), probability


def _confidence(status: MrdStatus, beside: _Beside, borderline: tuple[float, float]) -> str:
    """Robust or borderline, of the step that was asked."""
    if status.sign == "reappears" and beside.rise is not None:
        # What was not seen before may have been anything below its bound: the rise is at least as likely as this.
        return "robust" if beside.rise > borderline[1] else "borderline"
    asked = beside.step
    if asked is None or not status.sign:
        return ""
    return "borderline" if borderline[0] <= asked <= borderline[1] else "robust"


def _point(one: _Entry, status: MrdStatus, beside: _Beside, p: Policy, *, rules: MrdStateRules) -> MrdPoint:
    m, call = one.measurement, one.call
    confidence = _confidence(status, beside, rules.borderline)
    row = status.row
    change_ = beside.change or (None, None, None)
    nadir = beside.nadir and [10.0**level * one.per_ratio for level in beside.nadir]
    return MrdPoint(
        patient_id=m.patient_id,
        assay_id=m.assay_id,
        target=m.target,
        control=m.control,
        material=m.material,
        fraction=m.fraction,
        sample_id=m.sample_id,
        measurement_id=m.measurement_id,
        drawn_on=m.drawn_on,
        day=one.day,
        level=call.verdict,
        state=status.state,
        since=status.since,
        transition=status.transition,
        code=state_code(status, call),
        rule_set=call.rule_set,
        rule_id=call.rule_id if row is None else row.id,
        rule_version=call.rule_version,
        rule_label=p.rule_set.label,
        rule_status=call.status if row is None else row.status,
        samples=status.samples,
        change_log10=change_[0],
        change_lower=change_[1],
        change_upper=change_[2],
        probability_rise=beside.rise,
        probability_rise_1_log=beside.rise_1_log,
        nadir=nadir[0] if nadir else None,
        nadir_lower=nadir[1] if nadir else None,
        nadir_upper=nadir[2] if nadir else None,
        rise_log10=status.rise,
        probability_step=beside.step,
        confidence=confidence,
        confirm_by=_confirm_by(one, status, confidence, p),
        would_change=would_change(status, m, p, per_ratio=one.per_ratio),
        predictor=one.predictor,
        reason=state_reason(
            status,
            call,
            change=beside.change,
            rise=beside.rise,
            rise_1_log=beside.rise_1_log,
            step=beside.step,
        )
        + (f" Sample noted as {one.quality}." if one.quality.casefold() in rules.qualities else ""),
    )


def _confirm_by(one: _Entry, status: MrdStatus, confidence: str, p: Policy) -> dt.date | None:
    """Last day of the window; a step that the probability calls borderline asks for a sample too."""
    if not one.predictor:
        return None
    if status.confirm_by is not None:
        return status.confirm_by
    asked = confidence == "borderline" or status.sign == "progresses"
    if not asked or p.confirmation is None or status.state == "confirmed relapse":
        return None
    return one.reading.drawn_on + dt.timedelta(days=int(p.confirmation.to_days or 0))
