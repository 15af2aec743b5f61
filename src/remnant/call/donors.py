"""What healthy donors say is normal: the background of an assay, with its percentile.

Donors are samples drawn for the reason ``"donor"``. The percentile is that of true levels: measurement
error is taken out, and a donor in whom nothing was detected counts as the censored value it is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from remnant.call.donor_likelihood import Donors, donors_of
from remnant.errors import FitError, InputError, UnitError
from remnant.evidence.kinds import ErrorTerm
from remnant.knowledge.background import BackgroundRules, background_rules
from remnant.numerics.background import FittedPercentile, fit_percentile, rank_percentile
from remnant.numerics.percentile_posterior import normal_percentile_nodes, rank_percentile_nodes, with_spreads
from remnant.records.finding import Finding
from remnant.records.measurement import Baseline, Measurement
from remnant.records.sample import Sample
from remnant.units import convert, unit_label

__all__ = ["donor_baseline", "donor_baselines"]

_Series = tuple[str, str, str, str]
_Floats = NDArray[np.float64]
_Fitted = tuple[
    FittedPercentile, _Floats, _Floats, tuple[ErrorTerm, ...]
]  # fit, percentiles, their spreads, errors


def _series(measurement: Measurement) -> _Series:
    return (measurement.assay_id, measurement.material, measurement.fraction, measurement.unit)


def donor_baselines(
    measurements: Iterable[Measurement], samples: Iterable[Sample], *, rules: BackgroundRules | None = None
) -> tuple[tuple[Baseline, ...], tuple[Finding, ...]]:
    """Background of every series of WT1 and BAALC that was measured, from donors where there are enough.

    Parameters
    ----------
    measurements : iterable of Measurement
        All measurements of a laboratory, donors and patients.
    samples : iterable of Sample
        Their samples; the reason tells who is a donor.
    rules : BackgroundRules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    baselines : tuple of Baseline
        One an assay, material and fraction; ``method`` is ``"assumed"`` where the donors were too few.
    findings : tuple of Finding
        What was assumed, could not be fitted, or counted once.
    """
    rules = rules or background_rules()
    donors = {sample.sample_id for sample in samples if sample.reason == "donor"}
    groups: dict[_Series, list[Measurement]] = defaultdict(list)
    marker: dict[_Series, Measurement] = {}
    for measurement in measurements:
        if measurement.target not in rules.within_patient_log10:
            continue
        marker.setdefault(_series(measurement), measurement)
        if measurement.sample_id in donors:
            groups[_series(measurement)].append(measurement)
    baselines: list[Baseline] = []
    findings: list[Finding] = []
    for series in sorted(marker):
        given = groups.get(series, [])
        findings += _repeats(series, given)
        try:
            baselines.append(donor_baseline(given, rules=rules))
        except FitError as error:
            assumed = _assumed(marker[series], rules)
            findings.append(_fallback(marker[series], error, assumed=assumed))
            baselines += [] if assumed is None else [assumed]
    return tuple(baselines), tuple(findings)


def donor_baseline(measurements: Sequence[Measurement], *, rules: BackgroundRules | None = None) -> Baseline:
    """Percentile, centre and spread of healthy donors in one series.

    Parameters
    ----------
    measurements : sequence of Measurement
        Donors' measurements of one assay, material, fraction and unit; the earliest evaluable sample of
        each donor is used.
    rules : BackgroundRules or None, default None
        Rules; those that ship with remnant by default.

    Returns
    -------
    Baseline
        `sd_log10` is the spread of single samples of single donors, within-person biology included.

    Raises
    ------
    FitError
        If too few donors are evaluable, or they do not determine the percentile.
    InputError
        If the measurements are of several series.

    Notes
    -----
    Log-normal by left-censored maximum likelihood, errors of the measurement integrated out; by ranks
    from the number of donors on that the rules name. The interval is that of the profile likelihood, or
    of binomial order statistics; the nodes are those of the posterior of the percentile, from the same likelihood or
    the same ranks. An error that all donors share is no part of their spread: it widens the interval, and
    `percentile_errors` states it by name, as it states those of the donors' runs.
    """
    rules = rules or background_rules()
    if len({_series(m) for m in measurements}) > 1:
        raise InputError(
            where="donors",
            found="measurements of several series",
            needed="one assay, material, fraction and unit",
            advice="Fit each series on its own.",
        )
    chosen = _one_each(measurements)
    if len(chosen) < rules.minimum_donors:
        raise FitError(
            where="donors",
            found=f"{len(chosen)} evaluable donors",
            needed=f"at least {rules.minimum_donors}",
            advice="Measure more donors with this assay in this material.",
        )
    by_ranks = len(chosen) >= rules.minimum_donors_nonparametric
    donors = donors_of(chosen)
    fitted, nodes, spreads, errors = (_by_ranks if by_ranks else _log_normal)(chosen, donors, rules)
    lower, upper = _widened(fitted, donors.common_sd_log10, rules.interval_level)
    method: Literal["nonparametric", "log-normal"] = "nonparametric" if by_ranks else "log-normal"
    first = chosen[0]
    return Baseline(
        assay_id=first.assay_id,
        material=first.material,
        source="donors",
        unit=first.unit,
        median=10.0**fitted.mean,
        sd_log10=fitted.sd,
        percentile_97_5=10.0**fitted.percentile,
        samples=tuple(m.sample_id for m in chosen),
        fraction=first.fraction,
        percentile_lower=10.0**lower,
        percentile_upper=10.0**upper,
        method=method,
        rule_id="donor_percentile",
        percentile_nodes=tuple((10.0**nodes).tolist()),
        percentile_errors=errors,
        spread_nodes_log10=tuple(spreads.ravel().tolist()),
    )


def _widened(fitted: FittedPercentile, sd: float, level: float) -> tuple[float, float]:
    """Interval of the percentile with an error that is not in its likelihood."""
    reach = NormalDist().inv_cdf(0.5 + level / 2.0) * sd
    centre = fitted.percentile
    return centre - math.hypot(centre - fitted.lower, reach), centre + math.hypot(
        fitted.upper - centre, reach
    )


def _one_each(measurements: Sequence[Measurement]) -> list[Measurement]:
    ordered = sorted(measurements, key=lambda m: (m.drawn_on, m.sample_id, m.measurement_id))
    first: dict[str, Measurement] = {}
    for measurement in ordered:
        if measurement.state != "not evaluable":
            first.setdefault(measurement.patient_id, measurement)
    return sorted(first.values(), key=lambda m: m.sample_id)


def _log10_values(chosen: Sequence[Measurement]) -> NDArray[np.float64]:
    return np.log10([m.point_value for m in chosen if m.point_value is not None])


def _log_normal(chosen: Sequence[Measurement], donors: Donors, rules: BackgroundRules) -> _Fitted:
    values = _log10_values(chosen)
    if len(values) < 2:
        raise FitError(
            where="donors",
            found=f"a signal in {len(values)} of {len(chosen)} donors",
            needed="a signal in at least 2",
            advice="Measure more donors, or name a fixed cut-off.",
        )
    fitted = fit_percentile(
        donors.log_likelihood,
        low=float(values.min()) - 1.0,
        high=float(values.max()) + 3.0,
        percent=rules.percentile,
        level=rules.interval_level,
    )
    errors = donors.errors(fitted.sd)
    nodes, spreads = normal_percentile_nodes(
        donors.log_likelihood,
        fitted,
        percent=rules.percentile,
        named_variance=donors.named_variance(errors),
    )
    return fitted, nodes, spreads, errors


def _by_ranks(chosen: Sequence[Measurement], donors: Donors, rules: BackgroundRules) -> _Fitted:
    values = _log10_values(chosen)
    undetected = len(chosen) - len(values)
    fitted = rank_percentile(values, undetected, percent=rules.percentile, level=rules.interval_level)
    errors = donors.errors()
    nodes = rank_percentile_nodes(
        values, undetected, percent=rules.percentile, named_variance=donors.named_variance(errors)
    )
    # Ranks know no spread: it is what lies between the median, which so many donors know well, and the percentile.
    spreads = np.maximum(with_spreads(nodes) - fitted.mean, 0.0) / rules.percentile_z
    return fitted, nodes, spreads, errors


def _assumed(measurement: Measurement, rules: BackgroundRules) -> Baseline | None:
    """The prior row of this marker in the measurement's unit, if it speaks about this control gene."""
    prior = rules.priors.get((measurement.target, measurement.material))
    if prior is None or prior.control != measurement.control or measurement.fraction:
        return None
    try:
        median = convert(prior.median, prior.unit, measurement.unit)
    except UnitError:
        return None
    return Baseline(
        assay_id=measurement.assay_id,
        material=measurement.material,
        source="donors",
        unit=measurement.unit,
        median=median,
        sd_log10=prior.sd_log10,
        percentile_97_5=median * 10.0 ** (rules.percentile_z * prior.sd_log10),
        samples=(),
        method="assumed",
        rule_id=prior.id,
    )


def _repeats(series: _Series, given: Sequence[Measurement]) -> list[Finding]:
    drawn: dict[str, set[str]] = defaultdict(set)
    for measurement in given:
        drawn[measurement.patient_id].add(measurement.sample_id)
    return [
        Finding(
            code="background.repeat_donor_sample",
            severity="note",
            subject=f"donor {donor}",
            message=f"{len(samples)} samples of one donor for {series[0]} in {series[1]}: the donor counts once.",
        )
        for donor, samples in sorted(drawn.items())
        if len(samples) > 1
    ]


def _fallback(measurement: Measurement, error: FitError, *, assumed: Baseline | None) -> Finding:
    series = " ".join(filter(None, (measurement.assay_id, measurement.material, measurement.fraction)))
    if assumed is None:
        return Finding(
            code="background.not_fitted",
            severity="warning",
            subject=f"series {series}",
            message=f"No background for {series}: {error.found}.",
            found=error.found,
            needed=error.needed,
            advice=error.advice,
        )
    return Finding(
        code="background.assumed",
        severity="warning",
        subject=f"series {series}",
        message=(
            f"Background of {series} is assumed (median {assumed.median:.3g}, 97.5th percentile "
            f"{assumed.percentile_97_5:.3g} {unit_label(assumed.unit)}): {error.found}."
        ),
        found=error.found,
        needed=error.needed,
        advice=error.advice,
    )
