"""Measurement records from pairs of groups: evidence asked once for all, then one record a row.

A pair that cannot be evaluated still becomes a measurement, with its reason and with evidence that says
nothing: a level profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.groups import Groups
from remnant.assay.qpcr.pairs import Pairs, Pools
from remnant.assay.qpcr.ratios import RatioEvidence
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.detection import DetectionRule, detection_state
from remnant.evidence.kinds import COMPARISON, KNOTS, Evidence, ProfileEvidence
from remnant.evidence.verbs import Interval, interval
from remnant.knowledge.assays import control_amplifies_target
from remnant.knowledge.qpcr import QpcrRules
from remnant.records.finding import Finding, Severity
from remnant.records.measurement import DetectionState, Measurement
from remnant.records.run import Assay
from remnant.records.sample import Sample
from remnant.units import factor_to_ratio, number_text, saturated_ratio_text

__all__ = ["measurement_findings", "measurements", "point_values"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SILENT_DECADES: Final = (-7.0, 1.0)
"""Range of log10 ratio that a measurement without evidence declares."""


def point_values(pairs: Pairs, pools: Pools, evidence: RatioEvidence) -> Floats:
    """The laboratory's arithmetic: copies per exposure over control copies per exposure, in the assay's unit.

    Parameters
    ----------
    pairs : Pairs, m rows
        Pairs without obstacle.
    pools : Pools
        Sums of the groups.
    evidence : RatioEvidence
        Control value and unit of each pair.

    Returns
    -------
    ndarray of float, shape (m,)
        0 where no target well gave a signal.
    """
    target = pools.copies[pairs.target] / pools.exposure[pairs.target]
    value: Floats = evidence.factor * target / evidence.control_per_exposure
    return value


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the evidence says, row by row, over the pairs without obstacle."""

    records: list[Evidence]
    states: list[str]
    reasons: list[str]
    upper_limit: list[float]
    own: Interval
    comparison: Interval
    point: list[float]


def _states(
    pairs: Pairs, *, pools: Pools, batch: EvidenceBatch, rules: QpcrRules
) -> tuple[list[str], list[str], list[float]]:
    """Detection states, with what the control gene and late signals make of them."""
    target = pairs.target
    rule = DetectionRule(
        rule_id=rules.positivity.id,
        minimum_positive_share=rules.positivity.minimum_positive_share,
        minimum_events=rules.positivity.minimum_copies,
    )
    found = detection_state(
        batch,
        positive=pools.positive[target],
        replicates=pools.wells[target],
        events=rules.wells.detection_probability * pools.copies[target],
        obstacle=[""] * len(pairs),
        rule=rule,
    )
    states, reasons = list(found.state), list(found.reason)
    for i, (signals, positive) in enumerate(
        zip(pools.signals[target].tolist(), pools.positive[target].tolist(), strict=True)
    ):
        if signals and not positive:
            states[i] = "detected"
            reasons[i] = (
                f"{signals} wells with signal, none before Cq {rules.positivity.cq_below:g}: not quantifiable"
            )
        if pairs.low_control[i]:
            states[i] = "detected" if signals else "not evaluable"
            reasons[i] = pairs.low_control[i] + (": positive, no number" if signals else "")
    return states, reasons, found.upper_limit.tolist()


def measurements(
    pairs: Pairs,
    groups: Groups,
    *,
    pools: Pools,
    evidence: RatioEvidence,
    assays: Sequence[Assay],
    samples: Mapping[str, Sample],
    rules: QpcrRules,
    lent: Bools,
) -> list[Measurement]:
    """One measurement a pair.

    Parameters
    ----------
    pairs : Pairs
        All pairs of patients' and donors' samples.
    groups : Groups
        Replicates.
    pools : Pools
        Their sums.
    evidence : RatioEvidence
        Evidence of the pairs without obstacle, in their order.
    assays : sequence of Assay
        Assays of the pairs.
    samples : mapping of str to Sample
        Samples by code.
    rules : QpcrRules
        Rule of positive wells.
    lent : ndarray of bool, shape (groups,)
        Groups that are read by the line of other assays.

    Returns
    -------
    list of Measurement
        In the order of the pairs.
    """
    clear = np.flatnonzero([not text for text in pairs.obstacle])
    part = Pairs(
        pairs.assay[clear],
        pairs.target[clear],
        pairs.control[clear],
        ("",) * len(clear),
        tuple(pairs.low_control[i] for i in clear),
    )
    states, reasons, upper = _states(part, pools=pools, batch=evidence.batch, rules=rules)
    answers = _Answers(
        evidence.batch.records(),
        states,
        _with_lines(reasons, groups, part, lent),
        upper,
        interval(evidence.batch),
        interval(evidence.batch, include=COMPARISON),
        point_values(part, pools, evidence).tolist(),
    )
    place = {int(row): i for i, row in enumerate(clear)}
    keys = groups.keys.select("run_id", "cdna_id", "sample_id").rows()
    result = []
    for row, (a, t, c) in enumerate(
        zip(pairs.assay.tolist(), pairs.target.tolist(), pairs.control.tolist(), strict=True)
    ):
        assay, (run_id, cdna_id, sample_id) = assays[a], keys[t]
        sample = samples[sample_id]
        result.append(
            Measurement(
                measurement_id=f"{assay.assay_id}|{sample_id}|{run_id}|{cdna_id}",
                patient_id=sample.patient_id,
                sample_id=sample_id,
                cdna_id=cdna_id,
                run_id=run_id,
                assay_id=assay.assay_id,
                target=assay.target,
                control=str(assay.control),
                material=sample.material,
                drawn_on=sample.drawn_on,
                unit=assay.unit,
                **_counts(t, c, pools),
                **(
                    _answer(place[row], answers)
                    if row in place
                    else _no_answer(pairs.obstacle[row], assay.unit)
                ),
            )
        )
    return result


def _with_lines(reasons: Sequence[str], groups: Groups, pairs: Pairs, lent: Bools) -> list[str]:
    """The reasons, with the genes that have no standards of their own."""
    targets = groups.keys["target"].to_list()
    said = []
    for reason, t, c in zip(reasons, pairs.target.tolist(), pairs.control.tolist(), strict=True):
        genes = " and ".join(targets[group] for group in (t, c) if lent[group])
        line = f"{genes} read by the line of other assays" if genes else ""
        said.append("; ".join(text for text in (reason, line) if text))
    return said


def _counts(target: int, control: int, pools: Pools) -> dict[str, Any]:
    """What was counted, whether or not it makes a ratio."""
    seen = control >= 0 and pools.copies[control] > 0
    per_exposure = float(pools.copies[control] / pools.exposure[control]) if seen else 0.0
    one_copy = per_exposure * float(pools.exposure[target])
    return {
        "target_copies": float(pools.copies[target]),
        "control_copies": float(pools.copies[control]) if control >= 0 else None,
        "positive_wells": int(pools.positive[target]),
        "wells": int(pools.wells[target]),
        "control_wells": int(pools.wells[control]) if control >= 0 else 0,
        "sensitivity_ratio": 1.0 / one_copy if one_copy > 0 else None,
    }


def _answer(i: int, answers: _Answers) -> dict[str, Any]:
    state = cast("DetectionState", answers.states[i])
    seen = state in {"quantified", "detected"}

    def shown(value: Any) -> float | None:
        return float(value) if seen else None

    return {
        "evidence": answers.records[i],
        "state": state,
        "reason": answers.reasons[i],
        "estimate": shown(answers.own.median[i]),
        "lower": shown(answers.own.lower[i]),
        "upper": shown(answers.own.upper[i]),
        "comparison_lower": shown(answers.comparison.lower[i]),
        "comparison_upper": shown(answers.comparison.upper[i]),
        "upper_limit": answers.upper_limit[i] if state != "not evaluable" else None,
        "point_value": answers.point[i] if seen and answers.point[i] > 0 else None,
    }


def _no_answer(obstacle: str, unit: str) -> dict[str, Any]:
    shift = float(np.log10(factor_to_ratio(unit)))
    return {
        "evidence": ProfileEvidence(
            log_likelihood=(0.0,) * KNOTS,
            log_likelihood_at_zero=0.0,
            log10_low=_SILENT_DECADES[0] + shift,
            log10_high=_SILENT_DECADES[1] + shift,
        ),
        "state": "not evaluable",
        "reason": obstacle,
        "estimate": None,
        "lower": None,
        "upper": None,
        "comparison_lower": None,
        "comparison_upper": None,
        "upper_limit": None,
        "point_value": None,
    }


def measurement_findings(
    found: Sequence[Measurement],
    *,
    assays: Sequence[Assay],
    highest_copies: Mapping[tuple[str, str], float],
    rules: QpcrRules,
) -> list[Finding]:
    """What a reader of single measurements should know.

    Parameters
    ----------
    found : sequence of Measurement
        Measurements.
    assays : sequence of Assay
        Their assays.
    highest_copies : mapping of (str, str) to float
        Highest standard of each run and target.
    rules : QpcrRules
        Level of saturation.

    Returns
    -------
    list of Finding
        Measurements that cannot be evaluated, readings above the standards, saturated control genes.
    """
    saturable = {assay.assay_id for assay in assays if control_amplifies_target(assay)}
    findings = []
    for one in found:
        if one.state == "not evaluable":
            findings.append(
                _said(
                    one,
                    "qpcr.not_evaluable",
                    f"{one.target} is not evaluable: {one.reason}.",
                    severity="failure",
                )
            )
            continue
        findings += _above_standards(one, highest_copies)
        ratio = (one.point_value or 0.0) / factor_to_ratio(one.unit)
        if one.assay_id in saturable and ratio > rules.wells.saturation_above:
            findings.append(_saturation(one, ratio))
    return findings


def _above_standards(one: Measurement, highest_copies: Mapping[tuple[str, str], float]) -> list[Finding]:
    findings = []
    for gene, copies, count in (
        (one.target, one.target_copies, one.positive_wells),
        (one.control, one.control_copies, one.control_wells),
    ):
        highest = highest_copies.get((one.run_id, gene), np.inf)
        each = copies / count if copies is not None and count else 0.0
        # What is printed alike is not above.
        if each > highest and number_text(each) != number_text(highest):
            text = (
                f"{gene}: {number_text(each)} copies a well lie above the highest standard, {number_text(highest)}: "
                "extrapolated, the true level may be higher. Dilute and repeat."
            )
            findings.append(_said(one, "qpcr.above_standards", text, severity="warning"))
    return findings


def _saturation(one: Measurement, ratio: float) -> Finding:
    m = ratio * factor_to_ratio(one.unit)
    text = (
        f"{one.control} primers amplify {one.target} too: m = {m:.3g} {one.unit} is too low; "
        f"{saturated_ratio_text(m, one.unit)}. GUSB avoids this."
    )
    return _said(one, "qpcr.control_saturation", text, severity="note")


def _said(one: Measurement, code: str, message: str, *, severity: Severity) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        subject=f"sample {one.sample_id}",
        message=message,
        where=f"run {one.run_id}, {one.assay_id}",
    )
