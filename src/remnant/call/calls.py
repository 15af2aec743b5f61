"""A rule applied to one measurement: the verdict literal, the probability beside it.

The verdict is the rule on the laboratory's point value, as written: what was not detected is not above,
what cannot be evaluated has no verdict. P(above) and robust / borderline stand beside it and never change
it. A cut-off that donors taught is itself uncertain: P(above) is averaged over its posterior, and an error that the
donors and the measurement both name cancels; a published number has none. Whatever compares samples, such as the patient's own background, is the course's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from remnant.errors import UnitError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ErrorTerm
from remnant.evidence.verbs import probability_above
from remnant.knowledge.cutoffs import Cutoff, active_cutoffs
from remnant.knowledge.states import StateRules, state_rules
from remnant.numerics.percentile_posterior import WEIGHTS, spread_log10
from remnant.records.finding import Finding
from remnant.records.judgement import Call
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event
from remnant.records.sample import Sample
from remnant.units import convert, number_text, probability_text, unit_label

__all__ = ["call_findings", "calls"]

Integers = NDArray[np.int64]
_Group = tuple[str, str, str, str, str, str]  # assay, target, control, material, fraction, unit
_Background = Mapping[tuple[str, str, str, str], Baseline]
_CANCELS: Final = "; the errors that both name cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applied:
    """One rule on the measurements of one series that it fits."""

    rule: Cutoff
    rows: Integers
    label: str
    threshold: float
    unit: str
    limit: float  # the threshold in the measurements' own unit
    limits: tuple[
        float, ...
    ]  # the same at the nodes of its posterior; empty for a number that is taken as it stands
    limit_errors: tuple[ErrorTerm, ...]  # its errors that measurements may share, by name
    uncertainty: str  # what P(above) contains
    per_unit: float  # rule unit per measurement unit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The measurements that can be judged, grouped by series, with day and reason of their samples."""

    measurements: Sequence[Measurement]
    groups: Mapping[_Group, Integers]
    day: NDArray[np.float64]
    diagnosis: NDArray[np.bool_]


def calls(
    measurements: Iterable[Measurement],
    *,
    samples: Iterable[Sample],
    events: Iterable[Event] = (),
    baselines: Iterable[Baseline] = (),
    cutoffs: Sequence[Cutoff] | None = None,
) -> tuple[Call, ...]:
    """Every active rule on every measurement that it fits.

    Parameters
    ----------
    measurements : iterable of Measurement
        Measurements of any number of patients; those of donors and controls are left out.
    samples : iterable of Sample
        Their samples.
    events : iterable of Event, default ()
        The patients' events; the first transplantation is day 0.
    baselines : iterable of Baseline, default ()
        Donors' backgrounds, for the rules that use them.
    cutoffs : sequence of Cutoff or None, default None
        Active rules; those that ship as active by default.

    Returns
    -------
    tuple of Call
        In the order of the measurements, then of the rules. A measurement that no rule fits has none:
        `call_findings` says so.

    Examples
    --------
    >>> from remnant.evidence.kinds import ReportedEvidence
    >>> sample = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=dt.date(2021, 4, 2))
    >>> measurement = Measurement(
    ...     measurement_id="M1", patient_id="P1", sample_id="S1", cdna_id="S1", run_id="R1",
    ...     assay_id="WT1/ABL1", target="WT1", control="ABL1", material="BM", drawn_on=sample.drawn_on,
    ...     unit="per_1e4", state="quantified", reason="", estimate=312.0, lower=157.0, upper=620.0,
    ...     comparison_lower=120.0, comparison_upper=810.0, upper_limit=560.0, point_value=312.0,
    ...     target_copies=624.0, control_copies=20000.0, positive_wells=3, wells=3, control_wells=2,
    ...     evidence=ReportedEvidence(
    ...         value=312.0, sd_log10=0.15, upper_limit=None, lower_limit=None, log10_low=-3.0, log10_high=6.0
    ...     ),
    ... )
    >>> calls([measurement], samples=[sample])[0].reason
    'WT1 312 per 10⁴ ABL1 is above 250 (ELN 250/10⁴); P(above) 0.74, borderline.'
    """
    table = _table(measurements, samples, events)
    applied, _ = _plan(table, _by_series(baselines), active_cutoffs() if cutoffs is None else cutoffs)
    probabilities = _probabilities(table.measurements, applied)
    states = state_rules()
    judged = [
        (int(row), order, one, probability)
        for order, (one, column) in enumerate(zip(applied, probabilities, strict=True))
        for row, probability in zip(one.rows, column, strict=True)
    ]
    judged.sort(key=lambda item: item[:2])
    return tuple(_call(table.measurements[row], one, p, states) for row, _, one, p in judged)


def call_findings(
    measurements: Iterable[Measurement],
    *,
    samples: Iterable[Sample],
    events: Iterable[Event] = (),
    baselines: Iterable[Baseline] = (),
    cutoffs: Sequence[Cutoff] | None = None,
) -> tuple[Finding, ...]:
    """What a reader of the calls should know, once a study.

    Parameters
    ----------
    measurements : iterable of Measurement
        As for `calls`.
    samples : iterable of Sample
        As for `calls`.
    events : iterable of Event, default ()
        As for `calls`.
    baselines : iterable of Baseline, default ()
        As for `calls`.
    cutoffs : sequence of Cutoff or None, default None
        As for `calls`.

    Returns
    -------
    tuple of Finding
        Series without a rule, rules that could not be applied, and unverified rules in use.
    """
    rules = active_cutoffs() if cutoffs is None else cutoffs
    table = _table(measurements, samples, events)
    applied, findings = _plan(table, _by_series(baselines), rules)
    used = {one.rule.id: one.rule for one in applied if len(one.rows)}
    findings += [
        Finding(
            code="call.unverified_rule",
            severity="warning",
            subject=f"rule {rule.id}",
            message=f"{rule.marker}, {rule.label}: the source of this rule is not verified.",
            found=rule.source,
        )
        for rule in used.values()
        if rule.status != "verified"
    ]
    decided = {int(row) for one in applied if one.rule.role == "decides" for row in one.rows}
    for group, rows in table.groups.items():
        missing = sum(int(row) not in decided for row in rows)
        if missing and group[1] in state_rules().z_at_least:
            findings.append(
                Finding(
                    code="call.no_rule",
                    severity="warning",
                    subject=f"series {_series_text(group)}",
                    message=f"{missing} of {len(rows)} measurements of {_series_text(group)} have no deciding rule.",
                    needed="an active cut-off row for this marker, material, fraction and control gene",
                )
            )
    return tuple(findings)


def _by_series(baselines: Iterable[Baseline]) -> _Background:
    return {(b.assay_id, b.material, b.fraction, b.unit): b for b in baselines if b.source == "donors"}


def _series_text(group: _Group) -> str:
    return " ".join(filter(None, (group[0], group[3], group[4])))


def _table(measurements: Iterable[Measurement], samples: Iterable[Sample], events: Iterable[Event]) -> _Table:
    reason = {sample.sample_id: sample.reason for sample in samples}
    day_zero: dict[str, dt.date] = {}
    for event in events:
        if event.kind == "transplant":
            day_zero[event.patient_id] = min(event.on, day_zero.get(event.patient_id, event.on))
    kept = [m for m in measurements if reason.get(m.sample_id) not in {"donor", "control"}]
    groups: dict[_Group, list[int]] = defaultdict(list)
    for row, m in enumerate(kept):
        groups[m.assay_id, m.target, m.control, m.material, m.fraction, m.unit].append(row)
    return _Table(
        measurements=kept,
        groups={group: np.array(rows) for group, rows in groups.items()},
        day=np.array(
            [
                (m.drawn_on - day_zero[m.patient_id]).days if m.patient_id in day_zero else math.nan
                for m in kept
            ],
            dtype=float,
        ),
        diagnosis=np.array([reason.get(m.sample_id) == "diagnosis" for m in kept], dtype=np.bool_),
    )


def _fits(rule: Cutoff, group: _Group) -> bool:
    _, target, control, material, fraction, _ = group
    return (rule.marker, rule.material, rule.fraction) == (target, material, fraction) and (
        rule.control in {"", control}
    )


def _in_time(rule: Cutoff, rows: Integers, table: _Table) -> Integers:
    day = table.day[rows]
    if rule.use == "diagnosis":
        return rows[table.diagnosis[rows]]
    fits = np.ones(len(rows), dtype=np.bool_)
    if rule.use == "pre-transplant":
        fits &= day <= 0
    elif rule.use == "post-transplant":
        fits &= day > 0
    if math.isfinite(rule.from_day):
        fits &= day >= rule.from_day
    if math.isfinite(rule.to_day):
        fits &= day <= rule.to_day
    return rows[fits]


def _plan(
    table: _Table, background: _Background, rules: Sequence[Cutoff]
) -> tuple[list[_Applied], list[Finding]]:
    """Which rule is applied to which rows, and what stood in the way of the others."""
    applied, findings = [], []
    for rule in rules:
        for group, rows in table.groups.items():
            if not _fits(rule, group):
                continue
            found = _threshold(rule, group, background)
            if isinstance(found, Finding):
                findings.append(found)
                continue
            threshold, unit, label, baseline = found
            applied.append(
                _Applied(
                    rule=rule,
                    rows=_in_time(rule, rows, table),
                    label=label,
                    threshold=threshold,
                    unit=unit,
                    limit=convert(threshold, unit, group[5]),
                    limits=baseline.percentile_nodes if baseline else (),
                    limit_errors=baseline.percentile_errors if baseline else (),
                    uncertainty=_uncertainty(baseline),
                    per_unit=convert(1.0, group[5], unit),
                )
            )
    return applied, findings


def _uncertainty(baseline: Baseline | None) -> str:
    """What P(above) contains beside the measurement, in words."""
    if baseline is None:
        return "measurement"
    if not baseline.percentile_nodes:
        return "measurement; the assumed cut-off is taken as it stands"
    return f"measurement and the cut-off of {len(baseline.samples)} donors"


def _threshold(
    rule: Cutoff, group: _Group, background: _Background
) -> tuple[float, str, str, Baseline | None] | Finding:
    """Number, unit and words of a rule for one series and the donors behind it, or what stands in its way."""
    assay, _, _, material, fraction, unit = group
    if rule.threshold is None:
        baseline = background.get((assay, material, fraction, unit))
        if baseline is None or baseline.percentile_97_5 is None:
            return Finding(
                code="call.no_background",
                severity="warning",
                subject=f"series {_series_text(group)}",
                message=f"{rule.id} cannot be applied to {_series_text(group)}: no donors' percentile is known.",
            )
        assumed = "assumed " if baseline.method == "assumed" else ""
        return baseline.percentile_97_5, unit, assumed + rule.label, baseline
    try:
        convert(rule.threshold, rule.unit, unit)
    except UnitError as error:
        return Finding(
            code="call.unit",
            severity="warning",
            subject=f"series {_series_text(group)}",
            message=f"{rule.id} cannot be applied to {_series_text(group)}: {unit} is not {rule.unit}.",
            found=error.found,
            needed=error.needed,
        )
    return rule.threshold, rule.unit, rule.label, None


def _probabilities(
    measurements: Sequence[Measurement], applied: Sequence[_Applied]
) -> list[list[float | None]]:
    """P(above) of every applied row: fixed numbers in one batch, each donors' percentile in one; None without evidence."""
    asked = [
        (order, place)
        for order, one in enumerate(applied)
        for place, row in enumerate(one.rows)
        if measurements[row].state != "not evaluable"
    ]
    answers: list[list[float | None]] = [[None] * len(one.rows) for one in applied]
    if not asked:
        return answers
    rows = np.array([applied[order].rows[place] for order, place in asked])
    unique, back = np.unique(rows, return_inverse=True)
    batch = EvidenceBatch.of([measurements[row].evidence for row in unique])
    taught: dict[tuple[ErrorTerm, ...] | None, list[int]] = defaultdict(list)
    for i, (order, _) in enumerate(asked):
        taught[applied[order].limit_errors if applied[order].limits else None].append(i)
    probability = np.empty(len(asked))
    for errors, chosen in taught.items():
        held = [applied[asked[i][0]] for i in chosen]
        limits = np.array([one.limits or (one.limit,) for one in held])
        weights = np.ones(1) if errors is None else WEIGHTS
        each = probability_above(batch.take(back[chosen]), limits, limit_errors=errors or ())
        probability[chosen] = each @ weights
    for (order, place), p in zip(asked, probability.tolist(), strict=True):
        answers[order][place] = p
    return answers


def _value(m: Measurement) -> tuple[float | None, str]:
    """What the rule is applied to, and how it is written."""
    if m.point_value is not None:
        return m.point_value, ""
    return m.known_above, "" if m.known_above is None else "> "


def _call(m: Measurement, one: _Applied, probability: float | None, states: StateRules) -> Call:
    rule = one.rule
    raw, sign = _value(m)
    value = None if raw is None else raw * one.per_unit
    label = unit_label(one.unit, control=m.control)
    limit = f"{number_text(one.threshold)} ({one.label})"
    verdict: Literal["above", "not above", "not evaluable"] = "not above"
    confidence: Literal["robust", "borderline", "not evaluable"] = "not evaluable"
    if probability is None:
        verdict, value = "not evaluable", None
        reason = f"{m.target} is not evaluable: {m.reason or 'no reason was given'}."
    else:
        above = value is not None and (value > one.threshold or (rule.inclusive and value == one.threshold))
        if above:
            verdict = "above"
        elif sign:
            verdict = "not evaluable"
        low, high = states.borderline
        confidence = "borderline" if low <= probability <= high else "robust"
        reason = (
            f"{_found(m, value, sign=sign, label=label, per_unit=one.per_unit)} is "
            f"{'not comparable with' if verdict == 'not evaluable' else verdict} {limit}; "
            f"P(above) {probability_text(probability)}{_inside(one)}, {confidence}."
        )
    return Call(
        measurement_id=m.measurement_id,
        patient_id=m.patient_id,
        sample_id=m.sample_id,
        assay_id=m.assay_id,
        rule_id=rule.id,
        rule_version=rule.version,
        source=rule.source,
        status=rule.status,
        verdict=verdict,
        threshold=one.threshold,
        unit=one.unit,
        point_value=value,
        probability_above=probability,
        confidence=confidence if verdict != "not evaluable" else "not evaluable",
        reason=reason,
        role="shown" if rule.role == "shown" else "decides",
        label=one.label,
        uncertainty=one.uncertainty + (_CANCELS if _shares(m, one) else ""),
        threshold_sd_log10=_limit_sd(one),
    )


def _shares(m: Measurement, one: _Applied) -> bool:
    """Whether the measurement has an error that the donors have too."""
    return not {term.name for term in one.limit_errors}.isdisjoint(term.name for term in m.evidence.errors)


def _limit_sd(one: _Applied) -> float:
    """Uncertainty of a cut-off that donors taught, log10; 0 for a number that is taken as it stands."""
    if not one.limits:
        return 0.0
    named = (term.sd_log10 for term in one.limit_errors)
    return math.hypot(spread_log10(np.log10(one.limits)), *named)


def _inside(one: _Applied) -> str:
    """What P(above) contains, where it is more than the measurement or less than it should be."""
    if one.limits:
        return ", the donors' own uncertainty inside"
    return "" if one.rule.threshold is not None else ", the assumed cut-off taken as it stands"


def _found(m: Measurement, value: float | None, *, sign: str, label: str, per_unit: float) -> str:
    if value is not None:
        return f"{m.target} {sign}{number_text(value)} {label}"
    bound = "" if m.upper_limit is None else f" (< {number_text(m.upper_limit * per_unit)} {label})"
    return f"{m.target} not detected{bound}"
