"""Growth of every series: doubling time and change per month from evidence, or the reason why not.

Each stretch between changes of therapy is fitted alone. Every evaluable sample takes part as the likelihood
that it is, with its own error (biology, reverse transcription, control gene), and draws that it shares with
other samples of the stretch by name (run, curve). WT1 and BAALC stand on the background of the donors.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from remnant.course.growth_evidence import own_variance, shared_draws, tables_of
from remnant.course.stretches import Stretch, stretches
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.groups import relative
from remnant.evidence.kinds import COMPARISON, MEASUREMENT, ErrorTerm
from remnant.evidence.verbs import interval
from remnant.knowledge.background import BackgroundRules, background_rules
from remnant.knowledge.kinetics import KineticsRules, kinetics_rules
from remnant.knowledge.relapse import RelapseRules, relapse_rules
from remnant.knowledge.states import state_rules
from remnant.knowledge.variance import default_variance
from remnant.numerics.growth import (
    MOST_SHARED,
    Background,
    Growth,
    GrowthTask,
    SharedDraws,
    SlopePrior,
    doubling_days,
    fit_growth,
)
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course, Kinetics
from remnant.records.measurement import Baseline, Measurement
from remnant.units import days_text, number_text, unit_label

__all__ = ["fit_kinetics", "with_kinetics"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SHOWN: Final = 9
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A stretch with what its fit needs."""

    stretch: Stretch
    rows: Integers
    background: Background | None = None
    named: tuple[ErrorTerm, ...] = ()  # errors of the background
    shift: Floats
    extra_variance: Floats
    overt: tuple[float, str] | None = None
    refused: str = ""


def fit_kinetics(
    dossiers: Sequence[Dossier],
    *,
    rules: KineticsRules | None = None,
    background: BackgroundRules | None = None,
    relapse: RelapseRules | None = None,
) -> tuple[Kinetics, ...]:
    """Growth of all series of many patients at once.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Facts, measurements and donors' baselines. Where a course is there, the distance of WT1 and BAALC from
        the patient's own background is taken from it; else from the donors'.
    rules, background, relapse : rules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    tuple of Kinetics
        By patient, series and date: one a stretch between changes of therapy, fitted or refused with the
        reason.

    References
    ----------
    .. [1] Ommen et al., Blood 115, 198-205 (2010): doubling times before relapse.
    """
    rules = rules or kinetics_rules()
    background, relapse = background or background_rules(), relapse or relapse_rules()
    cases = _cases(dossiers, rules=rules, background=background, relapse=relapse)
    # An error that the donors' background has too is no distance from it, nor one between the samples.
    batch = EvidenceBatch.of(
        [relative(m.evidence, case.named) for case in cases for m in case.stretch.measurements]
    )
    cases = _judged(cases, batch, _own_distances(dossiers), rules=rules)
    fitted = [case for case in cases if not case.refused]
    fits = _fits(fitted, batch, rules)
    lasts = _lasts(fitted, batch)
    return tuple(
        _refused(case, case.refused)
        if case.refused
        else _fitted(case, fits[id(case)], rules, last=lasts[id(case)])
        for case in cases
    )


def with_kinetics(dossiers: Sequence[Dossier], courses: Sequence[Course]) -> tuple[Course, ...]:
    """Courses with the growth of their series.

    Parameters
    ----------
    dossiers : sequence of Dossier
        Patients.
    courses : sequence of Course
        Their courses, in the same order.

    Returns
    -------
    tuple of Course
        The same, each with its kinetics.
    """
    known = [replace(dossier, course=course) for dossier, course in zip(dossiers, courses, strict=True)]
    held: dict[str, list[Kinetics]] = defaultdict(list)
    for one in fit_kinetics(known):
        held[one.patient_id].append(one)
    return tuple(replace(course, kinetics=tuple(held[course.patient_id])) for course in courses)


def _cases(
    dossiers: Sequence[Dossier], *, rules: KineticsRules, background: BackgroundRules, relapse: RelapseRules
) -> list[_Case]:
    markers = state_rules().z_at_least
    result, at = [], 0
    for dossier in dossiers:
        baselines = {
            (b.assay_id, b.material, b.fraction, b.unit): b for b in dossier.baselines if b.source == "donors"
        }
        overt = _overt_levels(dossier, rules, relapse)
        for stretch in stretches(
            dossier, markers=markers, rules=rules, relapse=relapse, background=background
        ):
            m = stretch.measurements[0]
            rows = np.arange(at, at + len(stretch.measurements))
            at += len(rows)
            known = overt.get((m.assay_id, m.material, m.fraction, m.unit))
            if m.target not in markers:
                zero = np.zeros(len(rows))
                result.append(_Case(stretch=stretch, rows=rows, shift=zero, extra_variance=zero, overt=known))
                continue
            baseline = baselines.get((m.assay_id, m.material, m.fraction, m.unit))
            result.append(
                _on_background(stretch, rows, baseline, overt=known, rules=rules, background=background)
            )
    return result


def _on_background(
    stretch: Stretch,
    rows: Integers,
    baseline: Baseline | None,
    *,
    overt: tuple[float, str] | None,
    rules: KineticsRules,
    background: BackgroundRules,
) -> _Case:
    m = stretch.measurements[0]
    zero = np.zeros(len(rows))
    if baseline is None:
        place = f"{m.material} {m.fraction}".strip()
        reason = f"no background of {m.target} in {place} is known"
        return _Case(stretch=stretch, rows=rows, shift=zero, extra_variance=zero, refused=reason)
    biology = background.within_patient_log10[m.target]
    between = max(
        math.sqrt(max(baseline.sd_log10**2 - biology**2, 0.0)), background.between_patients_floor_log10
    )
    mean = math.log10(baseline.median)
    growth = background.regeneration.get(m.target)
    early = zero.astype(np.bool_)
    if growth is not None and stretch.transplant_on is not None:
        days = np.array([(one.drawn_on - stretch.transplant_on).days for one in stretch.measurements])
        early = (days >= growth.from_day) & (days <= growth.to_day)
    highest = mean + 2 * math.hypot(between, biology)
    return _Case(
        stretch=stretch,
        rows=rows,
        named=baseline.percentile_errors,
        background=Background(mean=mean, sd=between, leukaemia_mean=mean, leukaemia_sd=rules.level_sd_log10),
        shift=np.where(early, growth.shift_log10 if growth else 0.0, 0.0),
        extra_variance=np.where(early, growth.sd_log10**2 if growth else 0.0, 0.0),
        overt=overt if overt is not None and math.log10(overt[0]) > highest else None,
    )


def _overt_levels(
    dossier: Dossier, rules: KineticsRules, relapse: RelapseRules
) -> dict[tuple[str, str, str, str], tuple[float, str]]:
    """Level of the marker at the blasts of overt relapse, in proportion to the diagnosis sample."""
    samples = {s.sample_id: s for s in dossier.samples if s.reason == "diagnosis"}
    found: dict[tuple[str, str, str, str], tuple[float, str]] = {}
    for m in sorted(dossier.measurements, key=lambda m: (m.drawn_on, m.measurement_id)):
        sample = samples.get(m.sample_id)
        limit = relapse.blasts.get(m.material)
        if sample is None or limit is None or limit.blasts_percent <= 0 or m.estimate is None:
            continue
        if sample.blast_percent is None or sample.blast_percent < rules.least_blast_percent:
            continue
        level = m.estimate * limit.blasts_percent / sample.blast_percent
        words = f"{limit.blasts_percent:g} % blasts equivalent"
        found.setdefault((m.assay_id, m.material, m.fraction, m.unit), (level, words))
    return found


def _own_distances(dossiers: Sequence[Dossier]) -> dict[tuple[str, str], float]:
    """P(above the patient's own background) by patient and measurement, where a course knows it."""
    return {
        (point.patient_id, point.measurement_id): _NORMAL.cdf(point.z_background)
        for dossier in dossiers
        if dossier.course is not None
        for point in dossier.course.points
        if point.z_background is not None
    }


def _judged(
    cases: Sequence[_Case],
    batch: EvidenceBatch,
    own: dict[tuple[str, str], float],
    *,
    rules: KineticsRules,
) -> list[_Case]:
    """Cases with the reason why they are refused, if they are."""
    standing = [case for case in cases if case.background is not None]
    above: dict[int, float] = {}
    if standing:
        rows = np.concatenate([case.rows for case in standing])
        got = interval(batch.take(rows), include=MEASUREMENT)
        median, sd = np.log10(got.median), got.sd_log10
        place = dict(zip(rows.tolist(), range(len(rows)), strict=True))
        for case in standing:
            b = case.background
            for i, (row, m) in enumerate(zip(case.rows.tolist(), case.stretch.measurements, strict=True)):
                known = own.get((m.patient_id, m.measurement_id))
                if known is None and b is not None and m.estimate is not None:
                    at = place[row]
                    spread = math.sqrt(
                        b.sd**2 + float(sd[at]) ** 2 + _biology(m) ** 2 + case.extra_variance[i]
                    )
                    known = _NORMAL.cdf((float(median[at]) - b.mean - case.shift[i]) / spread)
                above[row] = known or 0.0
    return [
        replace(
            case,
            refused=case.refused
            or _refusal(case, max((above.get(r, 0.0) for r in case.rows.tolist()), default=0.0), rules=rules),
        )
        for case in cases
    ]


def _refusal(case: _Case, above: float, *, rules: KineticsRules) -> str:
    """Why a stretch has no kinetics; empty if it can be fitted."""
    stretch = case.stretch
    held = stretch.measurements
    between = _between(stretch)
    if case.background is None:
        quantified = sum(m.state == "quantified" for m in held)
        if quantified < rules.quantified_samples:
            return f"{_plural(quantified, 'quantified ')}, {rules.quantified_samples} needed{between}"
        return ""
    if stretch.between_marrows:
        return "drawn between transplantation and engraftment: neither marrow's background holds"
    if len(held) < rules.background_samples:
        return (
            f"{_plural(len(held))}, {rules.background_samples} needed for a marker with a background{between}"
        )
    if above <= rules.probability_above:
        return f"no sample lies above the background with a probability over {rules.probability_above:g}{between}"
    return ""


def _between(stretch: Stretch) -> str:
    """What parts a stretch from the samples before it, as the end of a sentence."""
    if not stretch.changed_by or not stretch.samples_before:
        return ""
    these = "it" if len(stretch.measurements) == 1 else "them"
    before = "sample" if stretch.samples_before == 1 else f"{stretch.samples_before} samples"
    return f"; between {these} and the {before} before: {stretch.changed_by}"


def _plural(number: int, kind: str = "") -> str:
    return f"{number} {kind}{'sample' if number == 1 else 'samples'}"


def _biology(m: Measurement) -> float:
    rows = [c for c in default_variance() if c.error_class == "biology" and c.target in {m.target, ""}]
    return next(c.sd_log10 for c in sorted(rows, key=lambda c: c.target == ""))


def _fits(cases: Sequence[_Case], batch: EvidenceBatch, rules: KineticsRules) -> dict[int, Growth | str]:
    if not cases:
        return {}
    rows = np.concatenate([case.rows for case in cases])
    part = batch.take(rows)
    owner = np.repeat(np.arange(len(cases)), [len(case.rows) for case in cases])
    biology = {m.target: _biology(m) for case in cases for m in case.stretch.measurements[:1]}
    default = np.array([biology[case.stretch.measurements[0].target] for case in cases])[owner]
    variance, shared = own_variance(part, owner, default_biology=default)
    variance += np.concatenate([case.extra_variance for case in cases])
    tables = tables_of(part, np.sqrt(variance))
    tasks: list[GrowthTask] = []
    wanted: list[_Case] = []
    result: dict[int, Growth | str] = {}
    starts = np.cumsum([0] + [len(case.rows) for case in cases])
    for i, case in enumerate(cases):
        own = np.arange(starts[i], starts[i + 1])
        groups = shared_draws(part, own, shared[own])
        if any(group.loading_log10.shape[1] > MOST_SHARED for group in groups):
            result[id(case)] = f"its samples share more than {MOST_SHARED} errors crosswise"
            continue
        tasks.append(_task(case, own, np.sqrt(variance[own]), groups=groups))
        wanted.append(case)
    tail = (1.0 - rules.level) / 2.0
    fits = fit_growth(
        tasks,
        tables,
        slope=SlopePrior(
            scale=rules.slope_scale_log10_per_day, degrees_of_freedom=rules.slope_degrees_of_freedom
        ),
        probabilities=(tail, 0.5, 1.0 - tail),
        horizon_days=float(rules.horizon_days),
    )
    for case, fit in zip(wanted, fits, strict=True):
        result[id(case)] = fit if fit.converged else "the posterior of its slope could not be resolved"
    return result


def _lasts(cases: Sequence[_Case], batch: EvidenceBatch) -> dict[int, tuple[float, float]]:
    """The last sample of each case: log10, the background's early rise taken off, and the SD of all its errors."""
    if not cases:
        return {}
    part = batch.take(np.array([case.rows[-1] for case in cases]))
    got = interval(part, include=COMPARISON)
    stated = part.errors.variance({"biology"})
    default = np.array([_biology(case.stretch.measurements[-1]) for case in cases])
    early = np.array([case.extra_variance[-1] for case in cases])
    sd = np.sqrt(np.square(got.sd_log10) + np.where(stated > 0, 0.0, np.square(default)) + early)
    centre = np.log10(got.median) - np.array([case.shift[-1] for case in cases])
    return {
        id(case): (mean, spread)
        for case, mean, spread in zip(cases, centre.tolist(), sd.tolist(), strict=True)
    }


def _lies(
    case: _Case, *, last: tuple[float, float], line: float, line_sd: float, rules: KineticsRules
) -> Literal["", "above", "below"]:
    """Side on which a quantified last sample lies, where the others and a straight line did not foretell it.

    Its distance from the line that it helped to fit, in standard deviations of that distance. For normal
    errors this is the same number as its distance from the forecast of the samples before, in standard
    deviations of that forecast: both divide by the square root of 1 less its leverage.
    """
    held = case.stretch.measurements
    centre, sd = last
    left = sd**2 - line_sd**2
    if len(held) < rules.foretelling_samples or held[-1].state != "quantified" or left <= 0:
        return ""
    bound = _NORMAL.inv_cdf(0.5 + rules.foretold_probability / 2.0)
    distance = (centre - line) / math.sqrt(left)
    return "above" if distance > bound else "below" if distance < -bound else ""


def _task(case: _Case, rows: Integers, own_sd: Floats, *, groups: tuple[SharedDraws, ...]) -> GrowthTask:
    held = case.stretch.measurements
    day = np.array([float((m.drawn_on - held[-1].drawn_on).days) for m in held])
    quantified = np.array([m.state == "quantified" for m in held])
    seen = quantified if quantified.any() else np.array([m.estimate is not None for m in held])
    return GrowthTask(
        rows=rows,
        day=day,
        shift_log10=case.shift,
        informative=seen if seen.any() else np.ones(len(held), dtype=np.bool_),
        private_sd=own_sd,
        background=case.background,
        shared=groups,
        log10_levels=(math.log10(case.overt[0]),) if case.overt and case.stretch.current else (),
        shown_days=_shown_days(day),
    )


def _shown_days(day: Floats) -> Floats:
    return np.unique(np.concatenate([np.linspace(day[0], 0.0, _SHOWN), np.linspace(0.0, 60.0, 4)]))


def _series(case: _Case) -> dict[str, Any]:
    held = case.stretch.measurements
    m = held[0]
    return {
        "patient_id": m.patient_id,
        "assay_id": m.assay_id,
        "target": m.target,
        "control": m.control,
        "material": m.material,
        "fraction": m.fraction,
        "unit": m.unit,
        "from_on": held[0].drawn_on,
        "to_on": held[-1].drawn_on,
        "samples": tuple(one.sample_id for one in held),
        "quantified": sum(one.state == "quantified" for one in held),
        "not_detected": sum(one.state == "not detected" for one in held),
        "current": case.stretch.current,
        "predictor": case.stretch.predictor,
    }


def _name(case: _Case) -> str:
    m = case.stretch.measurements[0]
    return " ".join(part for part in (m.target, m.material, m.fraction) if part)


def _refused(case: _Case, reason: str) -> Kinetics:
    level, words = case.overt or (None, "")
    return Kinetics(
        **_series(case),
        refused=reason,
        trend="refused",
        reason=f"{_name(case)}: no kinetics, {reason}.",
        overt_level=level,
        overt_level_from=words,
    )


def _fitted(case: _Case, fit: Growth | str, rules: KineticsRules, *, last: tuple[float, float]) -> Kinetics:
    if isinstance(fit, str):
        return _refused(case, fit)
    lower, slope, upper = fit.slope.tolist()
    trend: Literal["rising", "falling", "undecided"] = (
        "rising" if lower > 0 else "falling" if upper < 0 else "undecided"
    )
    per_month = rules.month_days
    found: dict[str, Any] = {
        "change_log10_per_month": slope * per_month,
        "change_lower": lower * per_month,
        "change_upper": upper * per_month,
        "probability_growth": fit.probability_growth,
        "background_median": 10.0**case.background.mean if case.background else None,
    }
    if trend == "rising":
        names, days = "doubling", (slope, upper, lower)
    else:
        names, days = "halving", (-slope, -lower, -upper)
    if trend != "undecided":
        for key, value in zip(("days", "lower", "upper"), days, strict=True):
            found[f"{names}_{key}"] = doubling_days(value)
    if case.overt is not None:
        found["overt_level"], found["overt_level_from"] = case.overt
    last_on = case.stretch.measurements[-1].drawn_on
    if trend == "rising" and len(fit.crossing_days):
        keys = ("crossing_earliest_on", "crossing_on", "crossing_latest_on")
        for key, value in zip(keys, fit.crossing_days[0].tolist(), strict=True):
            found[key] = last_on + dt.timedelta(days=round(value)) if math.isfinite(value) else None
    band = _NORMAL.inv_cdf(0.5 + rules.level / 2.0) * fit.shown_sd
    first = case.stretch.measurements[0].drawn_on
    days_shown = _shown_days(np.array([float((first - last_on).days)]))
    found["shown_on"] = tuple(last_on + dt.timedelta(days=round(day)) for day in days_shown.tolist())
    found["shown_median"] = tuple(np.power(10.0, fit.shown_mean).tolist())
    found["shown_lower"] = tuple(np.power(10.0, fit.shown_mean - band).tolist())
    found["shown_upper"] = tuple(np.power(10.0, fit.shown_mean + band).tolist())
    now = int(np.argmin(np.abs(days_shown)))
    found["last_sample_lies"] = _lies(
        case,
        last=last,
        line=float(fit.shown_mean[now]),
        line_sd=float(fit.shown_sd[now]),
        rules=rules,
    )
    made = Kinetics(**_series(case), refused="", trend=trend, reason="", **found)
    return _with_reason(made, _name(case), before=case.stretch.measurements[-2].drawn_on)


def _with_reason(k: Kinetics, name: str, *, before: dt.date) -> Kinetics:
    change = f"{k.change_log10_per_month:+.2f} log10 a month ({k.change_lower:+.2f} to {k.change_upper:+.2f})"
    span = f"{_plural(len(k.samples))} from {k.from_on.isoformat()} to {k.to_on.isoformat()}"
    if k.trend == "rising":
        text = f"{name} rises: doubling time {_days(k.doubling_days, k.doubling_lower, k.doubling_upper)}"
    elif k.trend == "falling":
        text = f"{name} falls: halving time {_days(k.halving_days, k.halving_lower, k.halving_upper)}"
    else:
        text = f"{name}: neither rise nor fall is established"
    off = (
        f" The last sample lies {k.last_sample_lies} this line: something may have changed since {before.isoformat()}."
        if k.last_sample_lies
        else ""
    )
    return replace(k, reason=f"{text}, {change}; {span}.{_crossing(k)}{off}")


def _days(middle: float | None, lower: float | None, upper: float | None) -> str:
    return f"{days_text(middle or 0)} days ({days_text(lower or 0)}-{days_text(upper or 0)})"


def _crossing(k: Kinetics) -> str:
    if k.trend != "rising" or k.overt_level is None or not k.current:
        return ""
    label = f"{number_text(k.overt_level)} {unit_label(k.unit, control=k.control)}"
    level = f"{k.overt_level_from} ({label})"
    if k.crossing_on is None:
        return f" It does not reach {level} within the horizon at this rate."
    if k.crossing_on <= k.to_on:
        return f" It has reached {level}."
    latest = k.crossing_latest_on.isoformat() if k.crossing_latest_on else "open"
    earliest = (k.crossing_earliest_on or k.to_on).isoformat()
    return f" At this rate it reaches {level} on {k.crossing_on.isoformat()} ({earliest} to {latest})."
