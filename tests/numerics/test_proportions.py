"""Intervals of proportions and rates: against their definition, R, and printed values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from remnant.errors import MeasurementError
from remnant.numerics.proportions import clopper_pearson, jeffreys, poisson_rate, wilson


def clopper_pearson_definition(k, n, level):
    """Smallest and largest proportion that neither one-sided binomial test rejects."""
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else optimize.brentq(lambda p: stats.binom.sf(k - 1, n, p) - tail, 1e-12, 1 - 1e-12)
    high = 1.0 if k == n else optimize.brentq(lambda p: stats.binom.cdf(k, n, p) - tail, 1e-12, 1 - 1e-12)
    return low, high


def wilson_definition(k, n, level):
    """Proportions at which the score test is exactly at its limit: roots of the quadratic."""
    z = stats.norm.ppf((1 + level) / 2)
    roots = np.roots([n**2 + n * z**2, -(2 * n * k + n * z**2), k**2])
    return sorted(np.real(roots).tolist())


@pytest.mark.definition
@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (1, 1), (6, 8), (3, 12), (10, 25), (1, 400)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_clopper_pearson_and_wilson_are_their_definitions(k, n, level):
    assert clopper_pearson(k, n, level=level) == pytest.approx(
        clopper_pearson_definition(k, n, level), abs=1e-9
    )
    assert wilson(k, n, level=level) == pytest.approx(wilson_definition(k, n, level), abs=1e-7)


@pytest.mark.definition
@pytest.mark.parametrize("k", [0, 1, 3, 10, 250])
def test_poisson_bounds_put_half_the_error_in_each_tail(k):
    low, high = (float(bound) for bound in poisson_rate(k, 1.0))
    assert stats.poisson.cdf(k, high) == pytest.approx(0.025, abs=1e-9)
    assert low == 0.0 if k == 0 else stats.poisson.sf(k - 1, low) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.property
@given(k=st.integers(0, 60), extra=st.integers(0, 60), level=st.floats(0.5, 0.999))
def test_intervals_hold_the_estimate_and_mirror_when_counting_the_others(k, extra, level):
    n = k + extra
    if n == 0:
        return
    for interval in (clopper_pearson, wilson, jeffreys):
        low, high = interval(k, n, level=level)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n, level=level) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.property
@given(k=st.integers(0, 500), exposure=st.floats(0.01, 1e4))
def test_rate_bounds_scale_with_the_exposure(k, exposure):
    low, high = poisson_rate(k, 1.0)
    assert poisson_rate(k, exposure) == pytest.approx((low / exposure, high / exposure), rel=1e-12)


@pytest.mark.coverage
@pytest.mark.parametrize("n", [5, 20, 60])
def test_clopper_pearson_never_covers_less_than_it_says(n):
    k = np.arange(n + 1)
    low, high = clopper_pearson(k, n)
    for truth in np.linspace(0.001, 0.999, 400):
        covered = (low <= truth) & (truth <= high)
        assert stats.binom.pmf(k, n, truth)[covered].sum() >= 0.95


def test_arrays_broadcast():
    low, high = clopper_pearson([[0], [1]], [10, 20, 30])
    assert low.shape == high.shape == (2, 3)
    assert high[0, 1] == pytest.approx(clopper_pearson(0, 20).upper)


@pytest.mark.published
@pytest.mark.parametrize(
    ("interval", "k", "n", "printed"),
    [
        (clopper_pearson, 10, 25, (0.211, 0.613)),
        (wilson, 10, 25, (0.234, 0.593)),
        (clopper_pearson, 6, 8, (0.349, 0.968)),
        (clopper_pearson, 3, 12, (0.055, 0.572)),
    ],
)
def test_study_b_intervals(interval, k, n, printed):
    """Nagel et al. 2017: 10 of 25 involved, Clopper-Pearson 21.1-61.3 %, Wilson 23.4-59.3 %; 6 of 8 and 3 of 12."""
    assert interval(k, n) == pytest.approx(printed, abs=5e-4)


@pytest.mark.published
@pytest.mark.parametrize(
    ("k", "low", "high"),
    [(0, 0, 3.69), (1, 0.03, 5.57), (3, 0.62, 8.77), (5, 1.62, 11.67), (10, 4.80, 18.39), (30, 20.2, 42.8)],
)
def test_garwood_table(k, low, high):
    """Garwood 1936, exact Poisson intervals: 0 events 0-3.69, 1 .03-5.57, 3 .62-8.77, 10 4.80-18.39, 100 81.4-121.6."""
    assert poisson_rate(k, 1.0) == pytest.approx((low, high), abs=0.05 if k == 30 else 0.005)


@pytest.mark.reference
@pytest.mark.parametrize(("k", "n"), [(6, 8), (3, 12), (10, 25), (10, 27), (0, 25)])
def test_intervals_of_r(real_data, k, n):
    theirs = json.loads((real_data / "cohorts/reference/small_tables.json").read_text())[f"ci_{k}_{n}"]
    assert clopper_pearson(k, n) == pytest.approx(theirs["cp"], abs=1e-12)
    assert wilson(k, n) == pytest.approx(theirs["wilson"], abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0), (1.5, 4), (math.nan, 4)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(MeasurementError, match="whole numbers"):
        clopper_pearson(k, n)


def test_all_impossible_counts_are_listed():
    with pytest.raises(MeasurementError) as caught:
        wilson([7, 1, 9], [5, 2, 8])
    assert "7 of 5" in str(caught.value)
    assert "9 of 8" in str(caught.value)


@pytest.mark.parametrize(("events", "exposure"), [(-1, 1.0), (1.5, 1.0), (1, 0.0)])
def test_impossible_rates_are_refused(events, exposure):
    with pytest.raises(MeasurementError, match="exposure"):
        poisson_rate(events, exposure)


def test_level_outside_its_range_is_refused():
    with pytest.raises(MeasurementError, match="between 0 and 1"):
        jeffreys(1, 2, level=95)
