"""Normalised copy number by digital PCR: target over control gene of one cDNA in one run.

``lambda_T = r * lambda_C * e_T / e_C`` with exposures e, so that the evidence of the ratio r is again
``partitions``: the control's copies a partition stand where the volume stood. The mean partition volume of a
run cancels in every ratio. What one well is filled with cancels where target and control share their wells
(duplex); else it is an error of its own. The control enters at its point value and as the named error
``control:<cdna>:<gene>:<run>:<wells>``; where it has few copies it is integrated inside a profile. The interval of a
target that is detected and not quantified ends where that of one positive more ends (Garwood's exact upper end), and
beside a stained blank where that of no stain ends.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from remnant.assay.dpcr.concentrations import judged
from remnant.assay.dpcr.rates import BlankRate, blank_limits, clean_limit, countable_copies, exact_lower
from remnant.assay.dpcr.wells import NamedWell
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import (
    COMPARISON,
    KNOTS,
    MEASUREMENT,
    ErrorTerm,
    Evidence,
    PartitionsEvidence,
    ProfileEvidence,
)
from remnant.evidence.profile import tabulate
from remnant.evidence.verbs import interval, log_likelihood, log_likelihood_at_zero, upper_limit
from remnant.knowledge.assays import control_amplifies_target
from remnant.knowledge.dpcr import DigitalRules
from remnant.knowledge.qpcr import well_assumptions
from remnant.numerics.partitions import rate
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.records.sample import Sample
from remnant.units import factor_to_ratio, saturated_ratio_text

__all__ = ["ratio_measurements"]

Floats = NDArray[np.float64]

_LN10: Final = math.log(10.0)
_NODES: Final = np.linspace(-6.0, 6.0, 61)
_SILENT_DECADES: Final = (-7.0, 1.0)
_TWO_SIDED: Final = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Wells of one target in one cDNA and run, summed by exposure."""

    k: Floats
    n: Floats
    exposure: Floats
    positions: tuple[str, ...]
    counts: tuple[tuple[int, int], ...]
    blank: BlankRate

    @property
    def saturated(self) -> bool:
        return bool((self.k == self.n).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ratio:
    """One measurement in the making."""

    assay: Assay
    sample: Sample
    cdna_id: str
    run_id: str
    target: _Side
    control: _Side | None
    per_exposure: float
    obstacle: str
    evidence: Evidence
    highest: Evidence | None


def ratio_measurements(
    wells: Sequence[NamedWell],
    positives: Sequence[int],
    *,
    usable: Sequence[int],
    blanks: Mapping[tuple[str, str], BlankRate],
    well_sd: Mapping[str, float],
    assays: Sequence[Assay],
    samples: Mapping[str, Sample],
    variance: Sequence[VarianceComponent],
    rules: DigitalRules,
) -> tuple[list[Measurement], list[Finding]]:
    """One measurement for each assay, run and cDNA.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    positives : sequence of int
        Their counts.
    usable : sequence of int
        Wells that are in play.
    blanks : mapping of (str, str) to BlankRate
        By run and target.
    well_sd : mapping of str to float
        Variation between wells by run.
    assays : sequence of Assay
        Target over control, with the unit of the laboratory.
    samples : mapping of str to Sample
        By code.
    variance : sequence of VarianceComponent
        Errors above the tube: transcription and biology.
    rules : DigitalRules
        Positivity and the error between runs.

    Returns
    -------
    measurements : list of Measurement
        In the order of their first wells.
    findings : list of Finding
        What cannot be evaluated.
    """
    groups: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for i in usable:
        well = wells[i]
        if well.part.kind == "unknown" and well.sample_id in samples:
            groups[well.part.run_id, well.cdna_id, well.sample_id, well.target].append(i)
    made = []
    for (run_id, cdna_id, sample_id, gene), rows in groups.items():
        for assay in assays:
            if assay.target != gene or assay.control is None:
                continue
            control_rows = groups.get((run_id, cdna_id, sample_id, assay.control), [])
            if not control_rows and any(
                a.control != assay.control and (run_id, cdna_id, sample_id, a.control) in groups
                for a in assays
                if a.target == gene
            ):
                continue  # it was measured over another control gene
            target = _side(wells, positives, rows, blanks[run_id, gene])
            control = (
                _side(wells, positives, control_rows, blanks[run_id, assay.control]) if control_rows else None
            )
            made.append(
                _ratio(
                    assay,
                    samples[sample_id],
                    cdna_id,
                    run_id,
                    target=target,
                    control=control,
                    well_sd=well_sd[run_id],
                    variance=variance,
                    rules=rules,
                )
            )
    measured = _measurements(made, rules)
    findings = [_not_evaluable(one) for one in made if one.obstacle]
    findings += [_hidden(m) for m, one in zip(measured, made, strict=True) if _is_hidden(m, one)]
    return measured, [*findings, *_saturated_controls(measured, assays)]


def _side(
    wells: Sequence[NamedWell], positives: Sequence[int], rows: Sequence[int], blank: BlankRate
) -> _Side:
    by_exposure: dict[float, list[int]] = defaultdict(list)
    for i in rows:
        by_exposure[wells[i].exposure * wells[i].volume_nl].append(i)
    return _Side(
        k=np.array([sum(positives[i] for i in group) for group in by_exposure.values()], dtype=float),
        n=np.array(
            [sum(wells[i].part.accepted for i in group) for group in by_exposure.values()], dtype=float
        ),
        exposure=np.array(list(by_exposure)),
        positions=tuple(sorted(wells[i].part.position for i in rows)),
        counts=tuple((positives[i], wells[i].part.accepted) for i in rows),
        blank=blank,
    )


def _per_exposure(side: _Side) -> float:
    """Maximum-likelihood copies a partition and unit of exposure; 0 if the blanks explain all positives."""
    if len(side.k) == 1:
        return float(rate(side.k[0], side.n[0], side.blank.mean)) / float(side.exposure[0])
    f = side.blank.mean

    def score(c: float) -> float:
        empty = (1.0 - f) * np.exp(-c * side.exposure)
        return float((side.exposure * (side.k * empty / (1.0 - empty) - (side.n - side.k))).sum())

    low, high = 1e-12 / side.exposure.max(), 40.0 / side.exposure.min()
    return float(brentq(score, low, high)) if score(low) > 0 else 0.0


def _information(side: _Side, per_exposure: float) -> float:
    """Fisher information about ln of the copies a unit of exposure."""
    x = per_exposure * side.exposure
    return float((side.n * np.square(x) / np.expm1(x)).sum())


def _blank_sd(side: _Side, per_exposure: float) -> float:
    """What the law of false positives leaves open of ln of the copies a unit of exposure."""
    f = side.blank
    return f.sd / (1.0 - f.mean) * float(side.n.sum() / (side.n * side.exposure).sum()) / per_exposure


def _highest(side: _Side, minimum_copies: float) -> _Side | None:
    """The side that tells the upper end, where it is not the side itself.

    Where it holds too few copies for a number it has one positive more (Garwood's upper end), and beside a stained
    blank no stain.
    """
    if not 0 < side.k.sum() < side.n.sum():
        return None
    copies = _per_exposure(side) * float((side.exposure * side.n).sum())
    few = countable_copies(copies, float(side.k.sum()), float(side.n.sum()), side.blank) < minimum_copies
    at = int(np.argmax(np.where(side.k < side.n, side.n * side.exposure, 0.0)))
    more = side.k + (np.arange(len(side.k)) == at) * few
    return replace(side, k=more, blank=side.blank.unstained()) if few or side.blank.clean else None


def _sd(variance: Sequence[VarianceComponent], error_class: str, target: str) -> float:
    rows = [part for part in variance if part.error_class == error_class and part.target in {target, ""}]
    rows.sort(key=lambda part: (part.target == "", part.level_log10 is not None))
    return rows[0].sd_log10 if rows else 0.0


def _ratio(
    assay: Assay,
    sample: Sample,
    cdna_id: str,
    run_id: str,
    *,
    target: _Side,
    control: _Side | None,
    well_sd: float,
    variance: Sequence[VarianceComponent],
    rules: DigitalRules,
) -> _Ratio:
    gene = str(assay.control)
    duplex = control is not None and set(target.positions) == set(control.positions)
    obstacle, per_exposure = _obstacle(control, gene, cdna_id, rules)
    errors = [
        ErrorTerm(name=f"run:{run_id}", sd_log10=rules.run_sd_log10),
        ErrorTerm(name=f"rt:{cdna_id}", sd_log10=_sd(variance, "rt", assay.target)),
        ErrorTerm(
            name=f"biology:{sample.patient_id}:{assay.target}:{sample.sample_id}",
            sd_log10=_sd(variance, "biology", assay.target),
        ),
    ]
    evidence: Evidence
    highest: Evidence | None = None
    if control is None or obstacle:
        evidence = _silent(assay.unit)
    else:
        if not duplex:
            sd = well_sd * math.sqrt(1 / len(target.positions) + 1 / len(control.positions)) / _LN10
            errors.append(ErrorTerm(name=f"curve:{run_id}:{assay.target}:{cdna_id} wells", sd_log10=sd))
        information = _information(control, per_exposure)
        exact = information < rules.positivity.exact_control_below
        counted = 0.0 if exact else 1.0 / math.sqrt(information)
        sd = math.hypot(counted, _blank_sd(control, per_exposure)) / _LN10
        name = f"control:{cdna_id}:{gene}:{run_id}:{'+'.join(control.positions)}"
        errors.append(ErrorTerm(name=name, sd_log10=sd))
        one_copy = per_exposure / factor_to_ratio(assay.unit)
        known = control if exact else None
        evidence = _evidence(target, one_copy, tuple(errors), control=known, per_exposure=per_exposure)
        side = _highest(target, rules.positivity.minimum_copies)
        if side is not None:
            highest = _evidence(side, one_copy, tuple(errors), control=known, per_exposure=per_exposure)
    return _Ratio(
        assay=assay,
        sample=sample,
        cdna_id=cdna_id,
        run_id=run_id,
        target=target,
        control=control,
        per_exposure=per_exposure,
        obstacle=obstacle,
        evidence=evidence,
        highest=highest,
    )


def _obstacle(control: _Side | None, gene: str, cdna_id: str, rules: DigitalRules) -> tuple[str, float]:
    """Why there is no ratio, or empty and the control's copies a unit of exposure."""
    if control is None:
        return f"no {gene} well of cDNA {cdna_id} in this run", 0.0
    if control.saturated:
        return f"all partitions are positive for {gene}: dilute and repeat", 0.0
    per_exposure = _per_exposure(control)
    copies = float((per_exposure * control.exposure * control.n).sum())
    needed = rules.positivity.minimum_control_copies
    if copies < needed:
        return f"{copies:.0f} {gene} copies in all partitions, below {needed:.0f}", per_exposure
    k, n = int(control.k.sum()), int(control.n.sum())
    limit = int(blank_limits([control.blank], n, rules.blank.level)[0])
    if k <= limit:
        return (
            f"{k} of {n} partitions positive for {gene}, within the limit of blank of {limit}",
            per_exposure,
        )
    return "", per_exposure


def _silent(unit: str) -> ProfileEvidence:
    shift = math.log10(factor_to_ratio(unit))
    return ProfileEvidence(
        log_likelihood=(0.0,) * KNOTS,
        log_likelihood_at_zero=0.0,
        log10_low=_SILENT_DECADES[0] + shift,
        log10_high=_SILENT_DECADES[1] + shift,
    )


def _evidence(
    target: _Side,
    one_copy: float,
    errors: tuple[ErrorTerm, ...],
    *,
    control: _Side | None,
    per_exposure: float,
) -> Evidence:
    """Evidence of q; `one_copy` is the control's copies a unit of exposure over the unit's factor."""
    low = math.log10(1e-3 / float((target.n * target.exposure).sum() * one_copy))
    high = math.log10((math.log(float(target.n.max())) + 7.0) / (one_copy * float(target.exposure.min())))
    parts = [
        PartitionsEvidence(
            k=int(k),
            n=int(n),
            volume_ul=one_copy * exposure,
            volume_cv=0.0,
            false_positive=target.blank.mean,
            log10_low=low,
            log10_high=high,
            errors=errors,
            false_positive_sd=target.blank.sd,
        )
        for k, n, exposure in zip(target.k, target.n, target.exposure, strict=True)
    ]
    if len(parts) == 1 and control is None:
        return parts[0]
    batch = EvidenceBatch.of(parts)

    def alone(log10_q: Floats) -> Floats:
        total: Floats = log_likelihood(batch, np.power(10.0, log10_q)).sum(axis=0)
        return total

    if control is None:
        over = alone
    else:
        spread = 1.0 / math.sqrt(max(_information(control, per_exposure), 1.0))
        shift = _NODES * spread
        x = per_exposure * control.exposure[:, None] * np.exp(shift)
        empty = math.log1p(-control.blank.mean) - x
        weight = (
            control.k[:, None] * np.log(-np.expm1(empty)) + (control.n - control.k)[:, None] * empty
        ).sum(axis=0)
        weight -= logsumexp(weight)

        def over(log10_q: Floats) -> Floats:
            at = alone((log10_q[:, None] + shift / _LN10).ravel()).reshape(len(log10_q), -1)
            total: Floats = logsumexp(at + weight, axis=1)
            return total

    return tabulate(
        over,
        at_zero=float(log_likelihood_at_zero(batch).sum()),
        log10_low=low,
        log10_high=high,
        errors=errors,
    )


def _measurements(made: Sequence[_Ratio], rules: DigitalRules) -> list[Measurement]:
    if not made:
        return []
    batch = EvidenceBatch.of([one.evidence for one in made])
    own, compared, bound = interval(batch), interval(batch, include=COMPARISON), upper_limit(batch)
    numbers = np.stack([own.median, own.lower, own.upper, compared.lower, compared.upper, bound], axis=1)
    few = {i: one.highest for i, one in enumerate(made) if one.highest is not None}
    if few:
        above = EvidenceBatch.of(list(few.values()))
        for column, include in ((2, MEASUREMENT), (4, COMPARISON)):
            numbers[list(few), column] = interval(above, include=include).upper
    seen = [i for i, one in enumerate(made) if one.target.k.any() and not one.obstacle]
    if seen:
        lowest = _lowest([made[i] for i in seen])
        numbers[seen, 1] = np.maximum(numbers[seen, 1], lowest[MEASUREMENT])
        numbers[seen, 3] = np.maximum(numbers[seen, 3], lowest[COMPARISON])
    return [_measurement(one, row.tolist(), rules) for one, row in zip(made, numbers, strict=True)]


def _lowest(made: Sequence[_Ratio]) -> dict[frozenset[str], Floats]:
    """Exact lower ends, each of the errors that count at its own lower end."""
    k, n = ([float(getattr(one.target, name).sum()) for one in made] for name in ("k", "n"))
    copies = exact_lower(k, n, [one.target.blank for one in made]) * n
    one_copy = np.array(
        [
            one.per_exposure * (one.target.exposure * one.target.n).sum() / factor_to_ratio(one.assay.unit)
            for one in made
        ]
    )
    found = {}
    for include in (MEASUREMENT, COMPARISON):
        sds = [[term.sd_log10 for term in one.evidence.errors if term.error_class in include] for one in made]
        found[include] = copies / one_copy * np.power(10.0, [-_TWO_SIDED * math.hypot(*held) for held in sds])
    return found


def _measurement(one: _Ratio, numbers: Sequence[float], rules: DigitalRules) -> Measurement:
    target, control = one.target, one.control
    blank = target.blank
    k, n = int(target.k.sum()), int(target.n.sum())
    per_exposure = 0.0 if target.saturated else _per_exposure(target)
    copies = float((per_exposure * target.exposure * target.n).sum())
    limit = int(blank_limits([blank], n, rules.blank.level)[0])
    state, reason = judged(
        k,
        n,
        limit=limit,
        copies=copies,
        blank=blank,
        minimum_copies=rules.positivity.minimum_copies,
        clean=clean_limit(n, limit, blank, rules),
    )
    if one.obstacle:
        state, reason = "not evaluable", one.obstacle
    seen = state in {"quantified", "detected"}
    sizes = [c[1] for c in target.counts]
    single = blank_limits([blank] * len(sizes), sizes, rules.blank.level)
    one_copy = float((one.per_exposure * target.exposure * target.n).sum())
    answers: dict[str, Any] = dict(
        zip(
            ("estimate", "lower", "upper", "comparison_lower", "comparison_upper"),
            numbers[:5] if seen else [None] * 5,
            strict=True,
        )
    )
    if target.saturated:  # the likelihood has no upper end: what the range puts there is no number
        answers |= dict.fromkeys(("estimate", "upper", "comparison_upper"))
    point = per_exposure / one.per_exposure * factor_to_ratio(one.assay.unit) if one.per_exposure > 0 else 0.0
    return Measurement(
        measurement_id=f"{one.assay.assay_id}|{one.sample.sample_id}|{one.run_id}|{one.cdna_id}",
        patient_id=one.sample.patient_id,
        sample_id=one.sample.sample_id,
        cdna_id=one.cdna_id,
        run_id=one.run_id,
        assay_id=one.assay.assay_id,
        target=one.assay.target,
        control=str(one.assay.control),
        material=one.sample.material,
        drawn_on=one.sample.drawn_on,
        unit=one.assay.unit,
        evidence=one.evidence,
        state=state,
        reason=reason,
        upper_limit=None if state == "not evaluable" or target.saturated else numbers[5],
        point_value=point if seen and point > 0 else None,
        target_copies=copies,
        control_copies=None
        if control is None
        else float((one.per_exposure * control.exposure * control.n).sum()),
        positive_wells=int(sum(c[0] > x for c, x in zip(target.counts, single.tolist(), strict=True))),
        wells=len(target.counts),
        control_wells=0 if control is None else len(control.counts),
        sensitivity_ratio=1.0 / one_copy if one_copy > 0 else None,
        platform="dpcr",
        **answers,
    )


def _not_evaluable(one: _Ratio) -> Finding:
    missing = one.control is None
    return Finding(
        code="dpcr.no_assay" if missing else "dpcr.not_evaluable",
        severity="warning" if missing else "failure",
        subject=f"sample {one.sample.sample_id}",
        message=f"{one.assay.target} is not evaluable: {one.obstacle}.",
        where=f"run {one.run_id}, {one.assay.assay_id}",
    )


def _is_hidden(m: Measurement, one: _Ratio) -> bool:
    return m.state == "not evaluable" and not one.obstacle


def _hidden(m: Measurement) -> Finding:
    return Finding(
        code="dpcr.blank_hides",
        severity="failure",
        subject=f"sample {m.sample_id}",
        message=f"{m.target} is neither positive nor negative: {m.reason}.",
        where=f"run {m.run_id}, {m.assay_id}",
        advice="Repeat the sample on a run with clean no-template wells.",
    )


def _saturated_controls(measured: Sequence[Measurement], assays: Sequence[Assay]) -> list[Finding]:
    """Ratios that read too low because the control gene's primers amplify the fusion too."""
    both = {assay.assay_id for assay in assays if control_amplifies_target(assay)}
    limit = well_assumptions().saturation_above
    return [
        Finding(
            code="dpcr.control_saturation",
            severity="note",
            subject=f"sample {m.sample_id}",
            message=f"{m.control} primers amplify {m.target} too: m = {m.point_value:.3g} {m.unit} is too low; {saturated_ratio_text(m.point_value, m.unit)}. GUSB avoids this.",
            where=f"run {m.run_id}, {m.assay_id}",
        )
        for m in measured
        if m.assay_id in both
        and m.point_value is not None
        and m.point_value > limit * factor_to_ratio(m.unit)
    ]
