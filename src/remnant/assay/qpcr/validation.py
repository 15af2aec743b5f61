"""Limits of an assay from its own blanks and dilutions.

Standards are the dilution series, no-template wells the blanks. Wells that the laboratory excluded, and wells
that store no Cq, do not count; a well that stayed silent does. Copies are copies a well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.validation_blank import beside_blank, limit_of_blank
from remnant.errors import MeasurementError
from remnant.knowledge.assays import gene_symbol
from remnant.knowledge.calibration import (
    CalibrationRules,
    QuantificationRule,
    calibration_rules,
    quantification_rules,
)
from remnant.numerics import calibration_ladder, calibration_range, detection_curve
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.run import Well
from remnant.records.validation import (
    AssayValidation,
    DetectionLimit,
    LevelPrecision,
    QuantificationLimit,
)
from remnant.units import factor_to_ratio

__all__ = ["targets", "validate_assay", "with_limits"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_CONFIDENCE: Final = 0.95
_SMALLEST_P: Final = 1e-4
_PUBLISHED: Final[tuple[detection_curve.Model, ...]] = ("probit", "logit")
_WIDER: Final[tuple[detection_curve.Model, ...]] = ("dilution error", "over-dispersion", "several hits")


def targets(wells: Sequence[Well]) -> tuple[str, ...]:
    """Targets that have standards.

    Parameters
    ----------
    wells : sequence of Well
        Wells.

    Returns
    -------
    tuple of str
        Gene symbols, in the order of the wells.
    """
    return tuple(dict.fromkeys(gene_symbol(well.target) for well in wells if well.kind == "standard"))


def _usable(well: Well) -> bool:
    return well.excluded is None and (well.detected is False or well.cq is not None)


def _ladder(standards: Sequence[Well], target: str) -> tuple[calibration_ladder.Ladder, list[Finding]]:
    """Standards by run and level; as one run where no run holds two levels."""
    levels = {(well.run_id, well.standard_copies) for well in standards}
    names = list(dict.fromkeys(well.run_id for well in standards))
    findings = []
    if len(names) > 1 and len(levels) == len(names):
        findings.append(
            Finding(
                code="validation.one_level_a_run",
                severity="warning",
                subject=f"target {target}",
                message=f"Each of the {len(names)} runs of {target} holds one level: they are taken as one run, and what differs between runs passes for an error of the dilutions.",
                advice="Put every level on every run.",
            )
        )
        runs = dict.fromkeys(names, 0)
    else:
        runs = {name: place for place, name in enumerate(names)}
    held = calibration_ladder.ladder(
        np.array([runs[well.run_id] for well in standards], dtype=np.int64),
        np.log10(np.array([well.standard_copies for well in standards], dtype=float)),
        np.array([np.nan if well.cq is None else well.cq for well in standards], dtype=float),
        plates=max(runs.values()) + 1,
    )
    return held, findings


def _refused(what: str, target: str, why: str, advice: str) -> Finding:
    return Finding(
        code=f"validation.no_{what.replace(' ', '_')}",
        severity="warning",
        subject=f"target {target}",
        message=f"No {what} of {target}: {why}.",
        advice=advice,
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _without_standards(wells: Sequence[Well], target: str) -> MeasurementError:
    """What is there instead of standards with copies and a Cq, and which targets have them."""
    own = [well for well in wells if gene_symbol(well.target) == gene_symbol(target)]
    marked = [well for well in own if well.kind == "standard"]
    with_copies = [well for well in marked if well.standard_copies]
    if not marked:
        found = f"{_counted(len(own), 'well')}, none of a standard"
        advice = (
            "Mark the wells of standards, with their copies, in the instrument's software and export again."
        )
    elif not with_copies:
        found = f"{_counted(len(marked), 'well')} of standards, none with its copies"
        advice = "Enter the copies of the standards, in copies and no other unit, and export again."
    else:
        found = f"{_counted(len(with_copies), 'well')} of standards with copies, none in use with a Cq"
        advice = "Export the wells with their Cq, undetected ones as such."
    others = dict.fromkeys(
        gene_symbol(well.target)
        for well in wells
        if well.kind == "standard" and well.standard_copies and _usable(well)
    )
    more = f" Targets that have them: {', '.join(others)}." if others else ""
    return MeasurementError(
        where=f"target {target}",
        found=found,
        needed="a dilution series: wells of standards with their copies and a Cq",
        advice=advice + more,
    )


def validate_assay(
    wells: Sequence[Well],
    target: str,
    *,
    rules: CalibrationRules | None = None,
    limits: Sequence[QuantificationRule] | None = None,
) -> AssayValidation:
    """Limits of blank, detection and quantification, precision and linear range of one target.

    Parameters
    ----------
    wells : sequence of Well
        Wells of any number of runs; other targets and samples are passed over.
    target : str
        Target as written in the wells, or its gene symbol.
    rules : CalibrationRules or None, default None
        How much is needed; None takes the table.
    limits : sequence of QuantificationRule or None, default None
        Rows of the limit of quantification; None takes the table.

    Returns
    -------
    AssayValidation
        What the wells support; a limit that they do not support is missing, and a finding says why.

    Raises
    ------
    MeasurementError
        If the target has no standards, or nothing at all can be given.

    Notes
    -----
    The limit of detection is that of one hit, ``-ln 0.05 / q``: one molecule is enough, with probability q. Where
    one q for all levels is rejected, the error of the dilutions is added and the interval widens. Where blanks give
    signals, so many that their limit is a molecule or more, one signal is no detection: the limit is then the level
    of which 95 % of the wells hold more than the limit of blank. The published
    approaches (probit, logit, lowest level with 95 % signals) stand beside it and choose nothing.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): limits of blank and detection.
    .. [2] Forootan et al., Biomol Detect Quantif 12, 1-6 (2017): limits of qPCR.
    .. [3] Klymus et al., Environ DNA 2, 271-282 (2020), and the calculator of Merkes et al. (USGS, 2019).

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> wells = [
    ...     Well(run_id="R-01", position=f"{copies}-{i}", target="WT1", sample="STD", kind="standard",
    ...          detected=bool(m), cq=39.5 - 3.4 * np.log10(m) if m else None, standard_copies=copies)
    ...     for copies in (1.0, 3.0, 10.0, 100.0, 1000.0) for i, m in enumerate(rng.poisson(copies, 40))
    ... ]
    >>> got = validate_assay(wells, "WT1")
    >>> limit = got.limit_of_detection
    >>> limit.lower < 3.0 < limit.upper
    True
    >>> [finding.code for finding in got.findings]
    ['validation.no_limit_of_blank']
    """
    chosen, rows = rules or calibration_rules(), tuple(limits or quantification_rules())
    symbol = gene_symbol(target)
    own = [well for well in wells if gene_symbol(well.target) == symbol and _usable(well)]
    standards = [well for well in own if well.kind == "standard" and well.standard_copies]
    blanks = [well for well in own if well.kind == "ntc"]
    if not standards:
        raise _without_standards(wells, target)
    held, findings = _ladder(standards, symbol)
    counted, seen = (held.wells + held.silent).sum(axis=0), held.wells.sum(axis=0)
    full = seen >= _CONFIDENCE * counted
    line = calibration_range.linear_range(
        held, use=full, deviation=chosen.linear_deviation, levels=int(chosen.linear_levels_min)
    )
    if line is None:
        findings.append(
            _refused(
                "linear range",
                symbol,
                f"no {chosen.linear_levels_min:g} neighbouring levels lie within {chosen.linear_deviation:g} log10 of one line",
                "Check the dilutions.",
            )
        )
    profile, quantification, missing = _quantification(
        held, line, full=full, target=symbol, rules=chosen, limits=rows
    )
    detection, doubts = _detection(held, symbol, chosen)
    findings += [*missing, *doubts]
    if len(blanks) < chosen.blanks_min:
        blank = None
        why = f"{len(blanks)} blank wells, need {chosen.blanks_min:g}"
        advice = "Measure no-template or wild-type wells."
        findings.append(_refused("limit of blank", symbol, why, advice))
    else:
        blank = limit_of_blank(blanks, line, held, by_rank_from=chosen.blanks_by_rank)
    if detection and blank is not None:
        detection, told = beside_blank(detection, _replicated(held, chosen), blank, target=symbol)
        findings += told
    if line is None and profile is None and not detection and blank is None:
        raise MeasurementError(
            where=f"target {symbol}",
            found=f"{_counted(len(standards), 'standard well')} on {_counted(len(held.log10_copies), 'level')}, {_counted(len(blanks), 'blank')}",
            needed=f"{chosen.detection_levels_min:g} levels of {chosen.replicates_min:g} replicates, or {chosen.blanks_min:g} blanks",
            advice="Measure a dilution series with replicates down to one copy, and blanks.",
            problems=[finding.message for finding in findings],
        )
    inside = np.flatnonzero(line.inside) if line else np.array([], dtype=np.int64)
    return AssayValidation(
        target=symbol,
        runs=tuple(dict.fromkeys(well.run_id for well in [*standards, *blanks])),
        wells=len(standards) + len(blanks),
        slope=line.slope if line else None,
        r_squared=line.r_squared if line else None,
        technical_sd_cycles=profile.technical_sd if profile else None,
        counting_factor=profile.counting_factor if profile else None,
        linear_low=_copies(held, int(inside[0])) if line else None,
        linear_high=_copies(held, int(inside[-1])) if line else None,
        levels=_levels(held, line, profile),
        blank=blank,
        detection=detection,
        quantification=quantification,
        findings=tuple(findings),
    )


def with_limits(measured: Sequence[Measurement], wells: Sequence[Well]) -> list[Measurement]:
    """Measurements with the limit of detection that the laboratory's own dilutions give their assay.

    Parameters
    ----------
    measured : sequence of Measurement
        Measurements.
    wells : sequence of Well
        Wells of all runs, dilution series among them.

    Returns
    -------
    list of Measurement
        In the same order. The limit is that of the wells together, at the sample's own control gene; where nothing
        was detected the reason says it too. Where blanks give signals it is the limit above the blank, in every well;
        where all do, there is none. The evidence does not change.
    """
    rules = calibration_rules()
    wanted = {one.target for one in measured}
    symbol = {name: gene_symbol(name) for name in {well.target for well in wells}}
    standards: dict[str, list[Well]] = {target: [] for target in sorted(wanted)}
    blanks: dict[str, list[Well]] = {target: [] for target in standards}
    for well in wells:
        target = symbol[well.target]
        if target not in wanted or not _usable(well):
            continue
        if well.kind == "standard" and well.standard_copies:
            standards[target].append(well)
        elif well.kind == "ntc":
            blanks[target].append(well)
    limits: dict[str, DetectionLimit] = {}
    for target, own in standards.items():
        if any(well.detected is False for well in own):
            limit = _own_limit(_ladder(own, target)[0], blanks[target], target, rules)
            if limit is not None:
                limits[target] = limit
    return [_beside(one, limits.get(one.target)) for one in measured]


def _own_limit(
    held: calibration_ladder.Ladder, blanks: Sequence[Well], target: str, rules: CalibrationRules
) -> DetectionLimit | None:
    """The assay's limit of detection, blanks considered; None where there is none."""
    found, _doubts = _detection(held, target, rules)
    if found and len(blanks) >= rules.blanks_min:
        blank = limit_of_blank(blanks, None, held, by_rank_from=rules.blanks_by_rank)
        found, _told = beside_blank(found, _replicated(held, rules), blank, target=target)
    return next((limit for limit in found if limit.chosen), None)


def _beside(one: Measurement, limit: DetectionLimit | None) -> Measurement:
    if limit is None or one.sensitivity_ratio is None:
        return one
    # Above the blank each well is judged by itself: more molecules than a blank holds must be in one of them.
    wells, place = (one.wells, "a well") if limit.model == "above blank" else (1, "in all wells together")
    level = wells * limit.copies * one.sensitivity_ratio * factor_to_ratio(one.unit)
    if one.state != "not detected":
        return replace(one, limit_of_detection=level)
    span = "" if limit.lower is None or limit.upper is None else f", {limit.lower:.2g} to {limit.upper:.2g}"
    said = f"the assay's own dilutions give a limit of detection of {limit.copies:.2g} copies {place} (95 %{span})"
    return replace(one, limit_of_detection=level, reason="; ".join(filter(None, (one.reason, said))))


def _copies(held: calibration_ladder.Ladder, level: int) -> float:
    return round(float(10.0 ** held.log10_copies[level]), 6)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _scatter(held: calibration_ladder.Ladder) -> tuple[Floats, Floats]:
    """Standard deviation of Cq within plates, and its degrees of freedom, of every level."""
    freedom = np.maximum(held.wells - 1, 0).sum(axis=0).astype(float)
    with np.errstate(invalid="ignore"):
        sd: Floats = np.sqrt(held.squares.sum(axis=0) / np.where(freedom > 0, freedom, np.nan))
    return sd, freedom


def _levels(
    held: calibration_ladder.Ladder,
    line: calibration_range.LinearRange | None,
    profile: calibration_range.PrecisionProfile | None,
) -> tuple[LevelPrecision, ...]:
    sd, freedom = _scatter(held)
    slope = line.slope if line else np.nan
    cv = calibration_range.cv_of_sd(sd, slope)
    low, high = calibration_range.cv_interval(sd, freedom, slope)
    seen = held.wells.sum(axis=0)
    model = profile.cv(np.power(10.0, held.log10_copies)) if profile else np.full(len(seen), np.nan)
    with np.errstate(invalid="ignore"):
        mean = (held.wells * held.mean).sum(axis=0) / np.where(seen > 0, seen, np.nan)
    off = line.deviation_log10 if line else np.full(len(seen), np.nan)
    return tuple(
        LevelPrecision(
            copies=_copies(held, i),
            wells=int(seen[i] + held.silent[:, i].sum()),
            detected=int(seen[i]),
            mean_cq=_known(mean[i]),
            sd_cq=_known(sd[i]),
            cv=_known(cv[i]),
            cv_lower=_known(low[i]),
            cv_upper=_known(high[i]),
            cv_model=_known(model[i]),
            deviation_log10=_known(off[i]),
            in_linear_range=bool(line is not None and line.inside[i]),
        )
        for i in range(len(seen))
    )


def _quantification(
    held: calibration_ladder.Ladder,
    line: calibration_range.LinearRange | None,
    *,
    full: Bools,
    target: str,
    rules: CalibrationRules,
    limits: Sequence[QuantificationRule],
) -> tuple[calibration_range.PrecisionProfile | None, tuple[QuantificationLimit, ...], list[Finding]]:
    """Precision profile and limits of quantification."""
    sd, freedom = _scatter(held)
    counted = (held.wells + held.silent).sum(axis=0)
    enough = full & (counted >= rules.replicates_min) & (freedom > 0)
    if line is None or not enough.any():
        why = (
            "there is no linear range to turn cycles into copies"
            if line is None
            else f"no level with 95 % signals has {rules.replicates_min:g} replicates; the most are {int(counted.max())}"
        )
        return (
            None,
            (),
            [_refused("limit of quantification", target, why, "Measure more replicates a level.")],
        )
    profile = calibration_range.precision_profile(held, slope=line.slope, use=full & (freedom > 0))
    cv = calibration_range.cv_of_sd(sd, line.slope)
    upper = calibration_range.cv_interval(sd, freedom, line.slope)[1]
    found = []
    for rule in limits:
        place = _lowest(enough, cv <= rule.cv_max)
        assured = _lowest(enough, upper <= rule.cv_max)
        found.append(
            QuantificationLimit(
                rule_id=rule.id,
                label=rule.label,
                cv_max=rule.cv_max,
                by_levels=None if place is None else _copies(held, place),
                assured=None if assured is None else _copies(held, assured),
                by_model=_known(calibration_range.copies_at_cv(profile, rule.cv_max)),
                replicates=0 if place is None else int(counted[place]),
            )
        )
    return profile, tuple(found), []


def _lowest(asked: Bools, met: Bools) -> int | None:
    """Lowest level from which all levels that are asked meet a condition."""
    lowest = None
    for level in np.flatnonzero(asked)[::-1].tolist():
        if not met[level]:
            break
        lowest = int(level)
    return lowest


def _replicated(held: calibration_ladder.Ladder, rules: CalibrationRules) -> detection_curve.Detections:
    """Wells with a signal, of the levels with enough replicates."""
    seen, counted = held.wells.sum(axis=0), (held.wells + held.silent).sum(axis=0)
    enough = counted >= rules.replicates_min
    return detection_curve.Detections(
        np.power(10.0, held.log10_copies[enough]), seen[enough], counted[enough]
    )


def _detection(
    held: calibration_ladder.Ladder, target: str, rules: CalibrationRules
) -> tuple[tuple[DetectionLimit, ...], list[Finding]]:
    """Limit of detection, the published approaches beside it, and what is doubtful."""
    counted = (held.wells + held.silent).sum(axis=0)
    enough = counted >= rules.replicates_min
    data = _replicated(held, rules)
    partial = (data.detected < data.wells) & (data.detected > 0)
    name, advice = (
        "limit of detection",
        "Measure levels of 1 to 10 copies a well with at least 20 replicates each.",
    )
    if enough.sum() < rules.detection_levels_min:
        most = ", ".join(f"{n} at {10.0**x:.3g}" for x, n in zip(held.log10_copies, counted, strict=True))
        why = f"{int(enough.sum())} levels have {rules.replicates_min:g} replicates, need {rules.detection_levels_min:g} (wells: {most} copies)"
        return (), [_refused(name, target, why, advice)]
    if not partial.any():
        why = f"no level gave a signal in some wells only: the limit lies below the lowest level, {data.copies.min():.3g} copies"
        if not data.detected.all():
            why = "no level gave a signal in some wells only: it lies between two levels"
        return (), [_refused(name, target, why, advice)]
    one = detection_curve.fit(data, "one hit")
    _deviance, freedom, fit_p = detection_curve.goodness_of_fit(data, one)
    doubted = freedom > 0 and fit_p < rules.hit_rate_levels_p
    wider = [detection_curve.fit(data, model) for model in _WIDER]
    gains = [detection_curve.against_one_hit(found, one)[1] for found in wider]
    limits = [_limit(one, chosen=not doubted, fit_p=fit_p)]
    limits += [
        _limit(found, chosen=doubted and found.model == "dilution error", gain_p=gain)
        for found, gain in zip(wider, gains, strict=True)
    ]
    for model in _PUBLISHED:
        found = detection_curve.fit(data, model)
        limits.append(_limit(found, chosen=False, fit_p=detection_curve.goodness_of_fit(data, found)[2]))
    lowest = _lowest(np.ones(len(data.copies), dtype=bool), data.detected >= _CONFIDENCE * data.wells)
    if lowest is not None:
        copies = round(float(data.copies[lowest]), 6)
        limits.append(
            DetectionLimit(model="lowest level", chosen=False, copies=copies, lower=None, upper=None)
        )
    findings = [_unequal(target, fit_p, dict(zip(_WIDER, gains, strict=True)))] if doubted else []
    return tuple(sorted(limits, key=lambda limit: not limit.chosen)), findings


def _p(value: float) -> str:
    return "P < 0.0001" if value < _SMALLEST_P else f"P = {value:.2g}"


def _unequal(target: str, fit_p: float, gains: dict[detection_curve.Model, float]) -> Finding:
    said = ", ".join(f"{model} {_p(gain)}" for model, gain in gains.items())
    return Finding(
        code="validation.unequal_detection",
        severity="warning",
        subject=f"target {target}",
        message=(
            f"One detection probability does not fit all levels of {target} ({_p(fit_p)}). Terms that could repair it: {said}. "
            "The limit of detection carries the error of the dilutions, and its interval is wide."
        ),
        advice="Dilute the low levels anew, independently of one another, and repeat them.",
    )


def _limit(
    found: detection_curve.DetectionFit,
    *,
    chosen: bool,
    fit_p: float | None = None,
    gain_p: float | None = None,
) -> DetectionLimit:
    return DetectionLimit(
        model=found.model,
        chosen=chosen,
        copies=found.limit_of_detection,
        lower=found.lower if found.lower > 0 else None,
        upper=_known(found.upper),
        detection_probability=(
            found.detection_probability if found.model in ("one hit", "dilution error") else None
        ),
        fit_p=fit_p,
        gain_p=gain_p,
    )
