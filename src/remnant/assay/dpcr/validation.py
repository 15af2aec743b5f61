"""Limits of an assay by digital PCR from its own blanks and dilutions.

No-template and negative-control wells are the blanks; wells of one sample at one dilution are a level, whose copies are what its
wells hold on average: digital PCR needs no nominal value. Wells that the laboratory left out, outliers and wells
that nobody could count are passed over and said. Limits are copies a well of the median number of partitions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, chi2

from remnant.assay.dpcr.rates import Counted, disagree, is_positive, shared_rate, spread, summed
from remnant.errors import MeasurementError
from remnant.knowledge.assays import gene_symbol
from remnant.knowledge.calibration import (
    CalibrationRules,
    QuantificationRule,
    calibration_rules,
    quantification_rules,
)
from remnant.knowledge.dpcr import DigitalRules, dpcr_rules
from remnant.numerics.partitions import (
    between_well_variance,
    cv_of_rate,
    found_above,
    limit_of_blank,
    limit_of_detection,
    rate,
)
from remnant.records.finding import Finding
from remnant.records.partition import DigitalWell
from remnant.records.validation import (
    AssayValidation,
    BlankLimit,
    DetectionLimit,
    DigitalBasis,
    LevelPrecision,
    QuantificationLimit,
)

__all__ = ["digital_targets", "validate_digital_assay"]

Floats = NDArray[np.float64]
_BLANKS: Final = frozenset({"ntc", "negative_control"})
_CERTAIN: Final = 1e9
_COPIES: Final = np.geomspace(0.3, 3e5, 600)


def digital_targets(wells: Sequence[DigitalWell]) -> tuple[str, ...]:
    """Targets that have wells with a sample.

    Parameters
    ----------
    wells : sequence of DigitalWell
        Wells.

    Returns
    -------
    tuple of str
        Gene symbols, in the order of the wells.
    """
    return tuple(dict.fromkeys(well.target for well in wells if well.target and well.kind not in _BLANKS))


def validate_digital_assay(
    wells: Sequence[DigitalWell],
    target: str,
    *,
    rules: CalibrationRules | None = None,
    digital: DigitalRules | None = None,
    limits: Sequence[QuantificationRule] | None = None,
) -> AssayValidation:
    """Limits of blank, detection and quantification of one target by digital PCR.

    Parameters
    ----------
    wells : sequence of DigitalWell
        Counted wells of any number of runs; other targets are passed over.
    target : str
        Target.
    rules : CalibrationRules or None, default None
        How many blanks and replicates are needed; None takes the table.
    digital : DigitalRules or None, default None
        Prior of the blanks, level of the limits, default variation between wells; None takes the table.
    limits : sequence of QuantificationRule or None, default None
        Rows of the limit of quantification; None takes the table.

    Returns
    -------
    AssayValidation
        What the wells support; a limit that they do not support is missing, and a finding says why.

    Raises
    ------
    MeasurementError
        If the target has neither enough blanks nor a level with enough replicates.

    Notes
    -----
    The limit of blank is the count that the beta-binomial prediction of the blanks does not exceed with 95 %, with a
    rate that varies between wells where one rate cannot have given the blanks; the limit of detection is the lowest
    rate found above it with 95 %. Its interval carries what the blanks leave open
    of their rate. The precision profile is ``(exp(lambda) - 1) / (n lambda**2)`` with the variation between wells.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): limits of blank and detection.
    .. [2] Dube, Qin and Ramakrishnan, PLoS ONE 3, e2876 (2008): variance of the rate.

    Examples
    --------
    >>> from remnant.assay.dpcr import quantify_partitions
    >>> from remnant.records.partition import Partitions
    >>> rng = np.random.default_rng(3)
    >>> def well(at, sample, kind, copies):
    ...     k = int(rng.binomial(20_000, 1 - (1 - 2e-5) * np.exp(-copies / 20_000)))
    ...     return Partitions(run_id="D-01", position=f"{at}", channel="1", target="WT1", sample=sample, kind=kind,
    ...                       accepted=20_000, positives=k, instrument="qx")
    >>> made = [well(i, "NTC", "ntc", 0) for i in range(24)]
    >>> made += [well(100 * c + i, f"D{c}", "unknown", c) for c in (3, 10, 100) for i in range(12)]
    >>> got = validate_digital_assay(quantify_partitions(made).wells, "WT1")
    >>> got.digital.limit_of_blank_positives, round(got.limit_of_detection.copies, 1)
    (2, 5.9)
    """
    chosen, rows = rules or calibration_rules(), tuple(limits or quantification_rules())
    known = digital or dpcr_rules()
    symbol = gene_symbol(target)
    of_target = [well for well in wells if well.target == symbol]
    own = [well for well in of_target if _counts(well)]
    blanks = [well for well in own if well.kind in _BLANKS]
    groups = _levels_of(own)
    if len(blanks) < chosen.blanks_min and all(len(group) < chosen.replicates_min for group in groups):
        raise MeasurementError(
            where=f"target {symbol}",
            found=f"{len(blanks)} {'blank' if len(blanks) == 1 else 'blanks'}, at most {max(map(len, groups), default=0)} wells of a sample",
            needed=f"{chosen.blanks_min:g} blanks, or {chosen.replicates_min:g} replicates",
            advice="Measure blanks and replicates of a dilution series; name wells in a plate layout.",
        )
    basis = _basis(own, blanks, groups, known)
    findings = _passed_over(symbol, of_target, own)
    blank: BlankLimit | None = None
    detection: tuple[DetectionLimit, ...] = ()
    if len(blanks) < chosen.blanks_min:
        why = f"{len(blanks)} blank wells, need {chosen.blanks_min:g}"
        for what in ("limit of blank", "limit of detection"):
            findings.append(_refused(what, symbol, why, "Measure no-template wells, on several days."))
    else:
        blank = _blank(blanks, basis, rules=chosen, level=known.blank.level)
        if _varies([(well.positives or 0, well.accepted) for well in blanks], known):
            findings.append(_unequal_blanks(symbol, blanks))
        detection = (_detection(basis, level=known.blank.level),)
    levels = _levels(groups, basis)
    findings += _unexplained(symbol, levels, basis, p_value=chosen.hit_rate_levels_p) if detection else []
    quantification = _quantification(levels, basis, rules=chosen, limits=rows)
    return AssayValidation(
        target=symbol,
        runs=tuple(dict.fromkeys(well.run_id for well in own)),
        wells=len(own),
        slope=None,
        r_squared=None,
        technical_sd_cycles=None,
        counting_factor=None,
        linear_low=None,
        linear_high=None,
        levels=levels,
        blank=blank,
        detection=detection,
        quantification=quantification,
        findings=tuple(findings),
        digital=basis,
    )


def _counts(well: DigitalWell) -> bool:
    usable = well.decision in {"used", "control well"}
    return usable and well.positives is not None and well.positives < well.accepted


def _levels_of(own: Sequence[DigitalWell]) -> list[list[DigitalWell]]:
    """Wells of one sample at one dilution, from the emptiest."""
    held: dict[tuple[str, float], list[DigitalWell]] = defaultdict(list)
    for well in own:
        if well.kind not in _BLANKS and well.sample:
            held[well.sample, well.exposure].append(well)
    return sorted(held.values(), key=lambda group: float(_rates(group).mean()))


def _rates(group: Sequence[DigitalWell]) -> Floats:
    return rate([well.positives or 0 for well in group], [well.accepted for well in group])


def _basis(
    own: Sequence[DigitalWell],
    blanks: Sequence[DigitalWell],
    groups: Sequence[Sequence[DigitalWell]],
    rules: DigitalRules,
) -> DigitalBasis:
    counts = [(well.positives or 0, well.accepted) for well in blanks]
    k, total = summed(counts)
    a, b = shared_rate(counts, rules.blank)
    if _varies(counts, rules):
        a, b = spread(counts, (a, b))
    n = round(float(np.median([well.accepted for well in own])))
    rows = [(well, (code, well.run_id)) for code, group in enumerate(groups) for well in group]
    codes = {key: i for i, key in enumerate(dict.fromkeys(key for _, key in rows))}
    variance, freedom = between_well_variance(
        [well.positives or 0 for well, _ in rows],
        [well.accepted for well, _ in rows],
        [codes[key] for _, key in rows],
    )
    weight = rules.replicates.learning_wells
    default = float(np.median([row.well_cv for row in rules.instruments.values()])) ** 2
    well_sd = float(np.sqrt((max(variance, 0.0) * freedom + default * weight) / (freedom + weight)))
    return DigitalBasis(
        partitions=n,
        volume_nl=float(np.median([well.volume_nl for well in own])),
        blank_partitions=total,
        blank_positives=k,
        false_positives=(a, b),
        limit_of_blank_positives=int(limit_of_blank(n, a, b, rules.blank.level)),
        well_sd=well_sd,
    )


def _varies(counts: Sequence[Counted], rules: DigitalRules) -> bool:
    """Whether one rate cannot have given these blanks: one is unlike the others, or all scatter too much."""
    if disagree(counts, rules.blank):
        return True
    if not is_positive(counts) or len(counts) < 2:
        return False
    k, n = (np.array(column, dtype=float) for column in zip(*counts, strict=True))
    expected = n * k.sum() / n.sum()
    return bool(chi2.sf((np.square(k - expected) / expected).sum(), len(k) - 1) < rules.blank.outlier_p_value)


def _passed_over(target: str, of_target: Sequence[DigitalWell], own: Sequence[DigitalWell]) -> list[Finding]:
    kept = {id(well) for well in own}
    left = [well for well in of_target if id(well) not in kept]
    if not left:
        return []
    shown = ", ".join(f"{well.run_id}:{well.position} ({well.decision})" for well in left[:10])
    return [
        Finding(
            code="validation.wells_passed_over",
            severity="note",
            subject=f"target {target}",
            message=f"{len(left)} wells of {target} do not count: outliers, left out by the laboratory, not counted, or all positive: {shown}.",
            advice="Look at them: a limit from hand-picked wells is too good.",
        )
    ]


def _unequal_blanks(target: str, blanks: Sequence[DigitalWell]) -> Finding:
    held = sorted(well.positives or 0 for well in blanks)
    return Finding(
        code="validation.blanks_vary",
        severity="warning",
        subject=f"target {target}",
        message=f"The {len(blanks)} blanks of {target} hold {held[0]} to {held[-1]} positives, more unequal than one false-positive rate makes them: it is taken to vary between wells, and the limits are higher for it.",
        advice="Look for runs, lots or wells that are contaminated; validate again with clean blanks.",
    )


def _refused(what: str, target: str, why: str, advice: str) -> Finding:
    return Finding(
        code=f"validation.no_{what.replace(' ', '_')}",
        severity="warning",
        subject=f"target {target}",
        message=f"No {what} of {target}: {why}.",
        advice=advice,
    )


def _blank(
    blanks: Sequence[DigitalWell], basis: DigitalBasis, *, rules: CalibrationRules, level: float
) -> BlankLimit:
    """Limit of blank by ranks and by the beta-binomial prediction, copies a well."""
    positive = sum(bool(well.positives) for well in blanks)
    n = len(blanks)
    ranked = n >= rules.blanks_by_rank
    held = np.sort(_rates(blanks)) * basis.partitions
    by_rank = float(np.interp(0.5 + level * n, np.arange(1, n + 1), held))
    by_model = float(rate(basis.limit_of_blank_positives, basis.partitions)) * basis.partitions
    return BlankLimit(
        wells=n,
        positive=positive,
        rate=positive / n,
        rate_upper=float(beta.ppf(level, positive + 1, n - positive)) if positive < n else 1.0,
        by_ranks=by_rank if ranked and by_rank > 0 else None,
        ranked=ranked,
        by_model=by_model if by_model > 0 else None,
    )


def _detection(basis: DigitalBasis, *, level: float) -> DetectionLimit:
    """Lowest copies found above the limit of blank, with what the blanks leave open."""
    n, (a, b) = basis.partitions, basis.false_positives

    def copies(within: int, positives: float, negatives: float) -> float:
        return n * float(limit_of_detection(n, within, positives, negatives, level=level))

    ends = []
    for share in (0.5 * (1.0 - level), 0.5 * (1.0 + level)):
        likely = float(beta.ppf(share, a, b))
        within = int(binom.ppf(level, n, likely))
        ends.append(copies(within, likely * _CERTAIN, (1.0 - likely) * _CERTAIN))
    found = copies(basis.limit_of_blank_positives, a, b)
    return DetectionLimit(
        model="above blank", chosen=True, copies=found, lower=min(ends[0], found), upper=max(ends[1], found)
    )


def _levels(groups: Sequence[Sequence[DigitalWell]], basis: DigitalBasis) -> tuple[LevelPrecision, ...]:
    n, (a, b) = basis.partitions, basis.false_positives
    found = []
    for group in groups:
        rates = rate([well.positives or 0 for well in group], [well.accepted for well in group], a / (a + b))
        mean = float(rates.mean())
        if mean <= 0.0:
            continue
        freedom = len(group) - len({well.run_id for well in group})
        runs = np.array([well.run_id for well in group])
        centred = np.concatenate([rates[runs == run] - rates[runs == run].mean() for run in np.unique(runs)])
        cv = float(np.sqrt(np.square(centred).sum() / freedom) / mean) if freedom else None
        ends = (
            [cv * np.sqrt(freedom / chi2.ppf(share, freedom)) for share in (0.975, 0.025)]
            if cv is not None
            else (None, None)
        )
        found.append(
            LevelPrecision(
                copies=mean * n,
                wells=len(group),
                detected=sum((well.positives or 0) > basis.limit_of_blank_positives for well in group),
                mean_cq=None,
                sd_cq=None,
                cv=cv,
                cv_lower=None if ends[0] is None else float(ends[0]),
                cv_upper=None if ends[1] is None else float(ends[1]),
                cv_model=float(cv_of_rate(mean, n, basis.well_sd)),
                deviation_log10=None,
                in_linear_range=False,
                name=group[0].sample,
            )
        )
    return tuple(found)


def _unexplained(
    target: str, levels: Sequence[LevelPrecision], basis: DigitalBasis, *, p_value: float
) -> list[Finding]:
    """Levels that are found less often than their own copies say."""
    within = basis.limit_of_blank_positives
    low = []
    for one in levels:
        share = float(
            found_above(one.copies / basis.partitions, basis.partitions, within, basis.false_positives)
        )
        if binom.cdf(one.detected, one.wells, share) < p_value / max(len(levels), 1):
            low.append(f"{one.name} ({one.detected} of {one.wells} wells, {share:.0%} expected)")
    if not low:
        return []
    return [
        Finding(
            code="validation.unequal_detection",
            severity="warning",
            subject=f"target {target}",
            message=f"Wells of {', '.join(low[:10])} are above the limit of blank less often than their own mean says: they hold unequal amounts.",
            advice="Look for molecules that stick together or to the tube; the limit of detection is too good.",
        )
    ]


def _quantification(
    levels: Sequence[LevelPrecision],
    basis: DigitalBasis,
    *,
    rules: CalibrationRules,
    limits: Sequence[QuantificationRule],
) -> tuple[QuantificationLimit, ...]:
    n = basis.partitions
    asked = [one for one in levels if one.wells >= rules.replicates_min and one.cv is not None]
    profile = cv_of_rate(_COPIES / n, n, basis.well_sd)
    found = []
    for rule in limits:
        meets = _lowest([(one, (one.cv or 0.0) <= rule.cv_max) for one in asked])
        assured = _lowest([(one, (one.cv_upper or np.inf) <= rule.cv_max) for one in asked])
        enough = np.flatnonzero(profile <= rule.cv_max)
        found.append(
            QuantificationLimit(
                rule_id=rule.id,
                label=rule.label,
                cv_max=rule.cv_max,
                by_levels=meets.copies if meets else None,
                assured=assured.copies if assured else None,
                by_model=float(_COPIES[enough[0]]) if len(enough) else None,
                replicates=meets.wells if meets else 0,
            )
        )
    return tuple(found)


def _lowest(judged: Sequence[tuple[LevelPrecision, bool]]) -> LevelPrecision | None:
    """Lowest level from which all levels meet a condition."""
    lowest = None
    for one, met in reversed(judged):
        if not met:
            break
        lowest = one
    return lowest
