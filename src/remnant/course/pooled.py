"""Several evaluable measurements of one series on one day as one quantity, and what its rule says of it.

Likelihoods are multiplied; point values are weighted by control copies. The rule is the one that was applied
to each of them; verdict, probability, confidence and sentence are those of the pooled quantity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np

from remnant.evidence.batch import EvidenceBatch, Floats
from remnant.evidence.kinds import COMPARISON, MEASUREMENT, Evidence, ReportedEvidence
from remnant.evidence.verbs import combine, interval, probability_above, upper_limit
from remnant.numerics.percentile_posterior import WEIGHTS
from remnant.records.judgement import Call
from remnant.records.measurement import Baseline, Measurement
from remnant.units import convert, number_text, probability_text, unit_label

__all__ = ["JOIN", "pooled", "pooled_call"]

JOIN: Final = " + "
"""Between the keys of pooled measurements."""


def pooled(group: Sequence[Measurement]) -> Measurement:
    """Several measurements of a day as one.

    Parameters
    ----------
    group : sequence of Measurement
        Evaluable measurements of one series and day.

    Returns
    -------
    Measurement
        Likelihoods multiplied, point values weighted by control copies, evenly where those of one are not known;
        its key joins theirs.
    """
    evidence = _joined([m.evidence for m in group])
    batch = EvidenceBatch.of([evidence])
    measurement, comparison = interval(batch, include=MEASUREMENT), interval(batch, include=COMPARISON)
    seen = [m for m in group if _value(m) is not None]
    bounds = [m.known_above for m in group if m.known_above is not None]
    if len(bounds) == len(group):  # a bound of each is a bound of all: the likelihoods have no upper end
        return _bound(group, evidence, max(bounds), lower=float(comparison.lower[0]))
    values = np.array([_value(m) or 0.0 for m in group])
    detected = bool(seen)
    return dataclasses.replace(
        group[0],
        measurement_id=JOIN.join(m.measurement_id for m in group),
        evidence=evidence,
        state="quantified" if any(m.state == "quantified" for m in seen) else (seen or group)[0].state,
        estimate=float(measurement.median[0]) if detected else None,
        lower=float(measurement.lower[0]) if detected else None,
        upper=float(measurement.upper[0]) if detected else None,
        comparison_lower=float(comparison.lower[0]) if detected else None,
        comparison_upper=float(comparison.upper[0]) if detected else None,
        upper_limit=float(upper_limit(batch)[0]),
        point_value=float(values @ _weights(group)) if detected else None,
        **_counted(group),
    )


def _joined(held: Sequence[Evidence]) -> Evidence:
    """Likelihood of all together; where each is a report's "less than", the lowest limit, still as a report."""
    limits = [one.upper_limit for one in held if isinstance(one, ReportedEvidence) and one.upper_limit]
    if len(limits) == len(held):
        return held[limits.index(min(limits))]
    return combine(EvidenceBatch.of(held))


def _weights(group: Sequence[Measurement]) -> Floats:
    """Weight of each point value."""
    known = [m.control_copies for m in group]
    copies = np.array([one for one in known if one])
    return copies / copies.sum() if len(copies) == len(group) else np.full(len(group), 1.0 / len(group))


def _counted(group: Sequence[Measurement]) -> dict[str, Any]:
    """Wells and copies of all together, None where those of one are not known; the best sensitivity."""
    return {
        "positive_wells": sum(m.positive_wells for m in group),
        "wells": sum(m.wells for m in group),
        "control_wells": sum(m.control_wells for m in group),
        "target_copies": _all_of([m.target_copies for m in group]),
        "control_copies": _all_of([m.control_copies for m in group]),
        "sensitivity_ratio": _sensitivity(group),
        "limit_of_detection": min(
            (m.limit_of_detection for m in group if m.limit_of_detection), default=None
        ),
    }


def _all_of(each: Sequence[float | None]) -> float | None:
    known = [one for one in each if one is not None]
    return float(sum(known)) if len(known) == len(each) else None


def _bound(
    group: Sequence[Measurement], evidence: Evidence, known_above: float, *, lower: float
) -> Measurement:
    """Measurements of which each is only known to exceed a bound."""
    return dataclasses.replace(
        group[0],
        measurement_id=JOIN.join(m.measurement_id for m in group),
        evidence=evidence,
        estimate=None,
        lower=known_above,
        upper=None,
        comparison_lower=min(lower, known_above),
        comparison_upper=None,
        upper_limit=None,
        point_value=None,
        **_counted(group),
    )


def _sensitivity(group: Sequence[Measurement]) -> float | None:
    """One-copy sensitivity of all wells together; None where one is not known."""
    each = [m.sensitivity_ratio for m in group]
    return 1.0 / sum(1.0 / one for one in each if one) if all(each) else None


def _value(m: Measurement) -> float | None:
    """Point value; where only a lower end is known, that end, as the rule takes it."""
    return m.known_above if m.point_value is None else m.point_value


def pooled_call(
    measurement: Measurement,
    given: Sequence[Call],
    *,
    borderline: tuple[float, float],
    donors: Baseline | None = None,
) -> Call:
    """The rule of several measurements applied to the pooled one.

    Parameters
    ----------
    measurement : Measurement
        Pooled measurement.
    given : sequence of Call
        Deciding calls of its parts, at least one; all by the same rule.
    borderline : tuple of (float, float)
        A probability between these is undecided.
    donors : Baseline or None, default None
        The series' donors, in the measurement's unit; they count where the calls integrated over their percentile.

    Returns
    -------
    Call
        The first call with value, verdict, probability, confidence and sentence of the pooled quantity.
    """
    call, m = given[0], measurement
    per_unit = convert(1.0, m.unit, call.unit)
    raw = _value(m)
    value = None if raw is None else raw * per_unit
    inclusive = any(c.verdict == "above" and c.point_value == c.threshold for c in given)
    above = value is not None and (value > call.threshold or (inclusive and value == call.threshold))
    incomparable = not above and any(c.verdict == "not evaluable" for c in given)
    verdict: Literal["above", "not above", "not evaluable"] = "above" if above else "not above"
    limit = convert(call.threshold, call.unit, m.unit)
    taught = donors is not None and bool(donors.percentile_nodes) and call.threshold_sd_log10 > 0
    probability = _probability(m, limit, donors if taught else None)
    inside = ", the donors' own uncertainty inside" if taught else ""
    undecided = borderline[0] <= probability <= borderline[1]
    confidence: Literal["robust", "borderline", "not evaluable"] = "borderline" if undecided else "robust"
    words, said = str(verdict), str(confidence)
    if incomparable:
        verdict, confidence, words = "not evaluable", "not evaluable", "not comparable with"
    return dataclasses.replace(
        call,
        measurement_id=m.measurement_id,
        point_value=value,
        verdict=verdict,
        probability_above=probability,
        confidence=confidence,
        reason=(
            f"{_found(m, value, unit=call.unit, per_unit=per_unit)} is {words} "
            f"{number_text(call.threshold)} ({call.label}); P(above) {probability_text(probability)}{inside}, {said}."
        ),
    )


def _probability(m: Measurement, limit: float, donors: Baseline | None) -> float:
    """P(above) a number, or above the donors' percentile."""
    batch = EvidenceBatch.of([m.evidence])
    if donors is None:
        return float(probability_above(batch, limit)[0])
    nodes = np.array([donors.percentile_nodes])
    return float((probability_above(batch, nodes, limit_errors=donors.percentile_errors) @ WEIGHTS)[0])


def _found(m: Measurement, value: float | None, *, unit: str, per_unit: float) -> str:
    label = unit_label(unit, control=m.control)
    if value is not None:
        return f"{m.target} {'' if m.known_above is None else '> '}{number_text(value)} {label}"
    bound = "" if m.upper_limit is None else f" (< {number_text(m.upper_limit * per_unit)} {label})"
    return f"{m.target} not detected{bound}"
