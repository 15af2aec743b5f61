"""Verbs against brute-force integration, laws, and coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, MEASUREMENT, TUBE, CountsEvidence, ErrorTerm, ReportedEvidence
from remnant.evidence.verbs import (
    change,
    combine,
    interval,
    is_detected,
    joint_above,
    log_likelihood,
    log_likelihood_at_zero,
    probability_above,
    upper_limit,
)


def terms(**named):
    return tuple(ErrorTerm(name=name.replace("__", ":"), sd_log10=sd) for name, sd in named.items())


def count(k, *, exposure=1.0, background=0.0, errors=(), low=-4.0, high=7.0):
    return CountsEvidence(
        k=k,
        exposure=exposure,
        background=background,
        dispersion=0.0,
        log10_low=low,
        log10_high=high,
        errors=errors,
    )


def literal_posterior(k, exposure, sd):
    """Density of log10 q by quadrature: flat prior on the declared range, then a Gaussian error."""
    grid = np.linspace(-4, 7, 44001)
    mean = exposure * 10**grid
    base = np.exp(stats.poisson.logpmf(k, mean) - stats.poisson.logpmf(k, max(k, 1e-9)))
    if sd == 0:
        return grid, np.cumsum(base) / base.sum()
    wide = np.linspace(-6, 8, 2801)
    keep = base > 1e-12
    cumulative = (
        np.array([(base[keep] * stats.norm.cdf((x - grid[keep]) / sd)).sum() for x in wide])
        / base[keep].sum()
    )
    return wide, cumulative


@pytest.mark.definition
@pytest.mark.parametrize("sd", [0.0, 0.02, 0.15, 0.6])
@pytest.mark.parametrize(("k", "exposure"), [(1, 1.0), (3, 0.2), (30, 1.0), (100_000, 3.0)])
def test_interval_equals_quadrature(k, exposure, sd):
    batch = EvidenceBatch.of([count(k, exposure=exposure, errors=terms(run__R1=sd))])
    got = interval(batch)
    x, cumulative = literal_posterior(k, exposure, sd)
    for p, q in ((0.025, got.lower), (0.5, got.median), (0.975, got.upper)):
        assert math.log10(q[0]) == pytest.approx(float(np.interp(p, cumulative, x)), abs=2e-3)


@pytest.mark.definition
@pytest.mark.parametrize("k", [1, 3, 5, 10, 30, 100])
def test_poisson_interval_is_that_of_a_gamma(k):
    """A flat prior in log q makes the posterior of a Poisson mean Gamma(k)."""
    got = interval(EvidenceBatch.of([count(k, low=-7.0)]))
    assert got.lower[0] == pytest.approx(stats.gamma.ppf(0.025, k), rel=3e-3)
    assert got.upper[0] == pytest.approx(stats.gamma.ppf(0.975, k), rel=2e-3)


@pytest.mark.definition
@pytest.mark.parametrize("sd", [0.0, 0.1, 0.3])
def test_undetected_bound_is_three_over_the_exposure_with_its_error_integrated(sd):
    exposure = 4.0
    batch = EvidenceBatch.of([count(0, exposure=exposure, errors=terms(control__C1__ABL1=sd))])
    got = upper_limit(batch)[0]
    if sd == 0:
        assert got == pytest.approx(-math.log(0.05) / exposure, rel=1e-5)

    def missed(z):
        return math.exp(-exposure * got * 10 ** (sd * z)) * stats.norm.pdf(z)

    assert integrate.quad(missed, -9, 9)[0] == pytest.approx(0.05, rel=1e-3)


@pytest.mark.definition
@pytest.mark.parametrize(("ka", "kb"), [(10, 100), (3, 5)])
def test_change_equals_monte_carlo_integration(ka, kb):
    a = count(ka, errors=terms(run__R1=0.1, rt__A=0.12))
    b = count(kb, errors=terms(run__R1=0.1, rt__B=0.12))
    got = change(EvidenceBatch.of([a]), EvidenceBatch.of([b]))
    rng = np.random.default_rng(7)
    size = 400_000

    def draw(k):
        return np.log10(rng.gamma(k, size=size))

    delta = draw(kb) - draw(ka) + rng.normal(scale=math.hypot(0.12, 0.12), size=size)
    assert got.estimate[0] == pytest.approx(np.median(delta), abs=0.02)
    assert got.lower[0] == pytest.approx(np.quantile(delta, 0.025), abs=0.03)
    assert got.upper[0] == pytest.approx(np.quantile(delta, 0.975), abs=0.03)
    assert got.probability[0].tolist() == pytest.approx([(delta > 0).mean(), (delta > 1).mean()], abs=4e-3)


@pytest.mark.property
def test_a_shared_run_cancels_in_a_change_and_another_does_not():
    def pair(first, second):
        a = EvidenceBatch.of([count(1000, errors=(ErrorTerm(name=first, sd_log10=0.3),))])
        b = EvidenceBatch.of([count(1000, errors=(ErrorTerm(name=second, sd_log10=0.3),))])
        got = change(a, b)
        return got.upper[0] - got.lower[0]

    assert pair("run:R1", "run:R1") == pytest.approx(2 * 1.96 * math.sqrt(2 / 1000) / math.log(10), rel=0.02)
    assert pair("run:R1", "run:R2") > 1.6


@pytest.mark.property
@given(k=st.integers(0, 200), scale=st.floats(1e-2, 1e2))
@settings(max_examples=40)
def test_a_change_of_unit_scales_every_answer(k, scale):
    shift = math.log10(scale)
    plain = EvidenceBatch.of([count(k)])
    scaled = EvidenceBatch.of([count(k, exposure=1 / scale, low=-4 + shift, high=7 + shift)])
    one, other = interval(plain), interval(scaled)
    assert other.lower[0] == pytest.approx(one.lower[0] * scale, rel=1e-6)
    assert other.upper[0] == pytest.approx(one.upper[0] * scale, rel=1e-6)
    assert upper_limit(scaled)[0] == pytest.approx(upper_limit(plain)[0] * scale, rel=1e-6)


@pytest.mark.property
def test_more_errors_widen_and_order_of_rows_does_not_matter():
    errors = terms(curve__R1__WT1=0.05, run__R1=0.07, rt__C1=0.12, biology__P1__WT1__S1=0.2)
    rng = np.random.default_rng(3)
    records = [count(float(k), errors=errors) for k in rng.poisson(20, size=3000)]
    batch = EvidenceBatch.of(records)
    tube, measured, compared = (interval(batch, include=i) for i in (TUBE, MEASUREMENT, COMPARISON))
    assert (tube.upper < measured.upper).all()
    assert (measured.upper < compared.upper).all()
    order = rng.permutation(len(batch))
    np.testing.assert_allclose(interval(batch.take(order)).lower, measured.lower[order], rtol=1e-12)


@pytest.mark.property
@given(limit=st.floats(0.1, 100))
@settings(max_examples=30)
def test_probability_above_agrees_with_the_interval(limit):
    batch = EvidenceBatch.of([count(8, errors=terms(run__R1=0.1))])
    got = interval(batch)
    p = probability_above(batch, limit)[0]
    assert (p > 0.5) == (got.median[0] > limit)
    assert probability_above(batch, got.upper)[0] == pytest.approx(0.025, abs=5e-4)


@pytest.mark.definition
def test_joint_probability_integrates_the_shared_control_once():
    sd = 0.3
    shared = terms(control__C1__ABL1=sd)
    a, b = (EvidenceBatch.of([count(50, errors=shared)]) for _ in range(2))
    got = joint_above(a, b, 70.0, 80.0)
    rng = np.random.default_rng(11)
    size = 400_000
    e = rng.normal(scale=sd, size=size)
    x = np.log10(rng.gamma(50, size=size)) + e > math.log10(70)
    y = np.log10(rng.gamma(50, size=size)) + e > math.log10(80)
    assert got.first[0] == pytest.approx(x.mean(), abs=4e-3)
    assert got.second[0] == pytest.approx(y.mean(), abs=4e-3)
    assert got.both[0] == pytest.approx((x & y).mean(), abs=4e-3)
    apart = joint_above(a, EvidenceBatch.of([count(50, errors=terms(control__C2__ABL1=sd))]), 70.0, 80.0)
    assert apart.both[0] == pytest.approx(apart.first[0] * apart.second[0], rel=1e-6)
    assert got.both[0] > 1.5 * apart.both[0]


@pytest.mark.definition
def test_combined_replicates_have_the_likelihood_of_their_sum():
    batch = EvidenceBatch.of([count(3), count(0), count(5)])
    merged = EvidenceBatch.of([combine(batch)])
    q = np.array([0.8, 2.0, 4.0, 6.0])
    literal = log_likelihood(EvidenceBatch.of([count(8, exposure=3.0)]), q)[0]
    got = log_likelihood(merged, q)[0]
    np.testing.assert_allclose(got - got[1], literal - literal[1], atol=0.01)


def test_discrepant_replicates_combine_between_them():
    a, b = (
        count(k, errors=terms(**{f"rt__{k}": 0.2}), low=low, high=low + 0.6)
        for k, low in ((1000, 2.7), (5000, 3.4))
    )
    got = interval(EvidenceBatch.of([combine(EvidenceBatch.of([a, b]))]))
    assert 1000 < got.median[0] < 5000
    assert got.sd_log10[0] == pytest.approx(0.2 / math.sqrt(2), rel=0.05)


def test_combined_replicates_keep_the_error_they_share():
    errors = terms(rt__C1=0.12)
    merged = combine(EvidenceBatch.of([count(30, errors=errors), count(40, errors=errors)]))
    assert merged.errors == errors


def test_detection_needs_more_than_the_blank():
    batch = EvidenceBatch.of([count(0), count(1), count(2, background=3.0), count(9, background=3.0)])
    assert is_detected(batch).tolist() == [False, True, False, True]


@pytest.mark.property
@pytest.mark.parametrize("background", [0.02, 0.5, 3.0])
def test_more_positives_never_lower_the_bound_while_zero_is_not_refuted(background):
    batch = EvidenceBatch.of([count(k, background=background) for k in range(12)])
    top = log_likelihood(batch, np.geomspace(1e-3, 60, 4000)).max(axis=1)
    open_to_zero = log_likelihood_at_zero(batch) >= top + np.log(0.05)
    bounds = upper_limit(batch)[open_to_zero]
    assert len(bounds) > 1
    assert (np.diff(bounds) >= -1e-9).all()
    assert bounds[0] == pytest.approx(2.9957, rel=1e-3)


@pytest.mark.property
def test_the_bound_within_the_blank_does_not_depend_on_the_declared_range():
    wide, narrow = (
        CountsEvidence(k=1, exposure=1.0, background=0.5, dispersion=0.0, log10_low=low, log10_high=6)
        for low in (-8, -2)
    )
    first, second = upper_limit(EvidenceBatch.of([wide, narrow]))
    assert first == pytest.approx(second, rel=2e-3)


def test_a_reported_limit_answers_like_any_other():
    evidence = ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=5.0, lower_limit=None, log10_low=-3, log10_high=4
    )
    batch = EvidenceBatch.of([evidence])
    assert not is_detected(batch)[0]
    assert upper_limit(batch)[0] == pytest.approx(5.0, rel=1e-3)
    assert probability_above(batch, 6.0)[0] == pytest.approx(0.0, abs=1e-3)


def test_unpaired_changes_are_refused():
    with pytest.raises(MeasurementError, match="2 and 1 rows"):
        change(EvidenceBatch.of([count(1), count(2)]), EvidenceBatch.of([count(1)]))


@pytest.mark.coverage
def test_intervals_cover_by_true_level_with_every_error_in_the_truth():
    """All measurements count, undetected ones with their one-sided bound; 4 Monte-Carlo errors of slack."""
    rng = np.random.default_rng(2026)
    size = 4000
    for level in (0.5, 2.0, 5.0, 20.0, 300.0):
        noise = rng.normal(scale=math.hypot(0.07, 0.12), size=size)
        k = rng.poisson(level * 10**noise)
        batch = EvidenceBatch.of([count(float(v), errors=terms(run__R=0.07, rt__C=0.12)) for v in k])
        got, bound = interval(batch), upper_limit(batch)
        inside = np.where(k > 0, (got.lower <= level) & (level <= got.upper), level <= bound)
        assert inside.mean() > 0.89, level
        assert inside.mean() < 0.995 or level < 3, level
