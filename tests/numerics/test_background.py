"""Donors' percentile and a patient's own background, against slow twins and in simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from remnant.errors import FitError
from remnant.numerics.background import (
    Samples,
    fit_percentile,
    normal_log_prior,
    rank_percentile,
    track_background,
)


def density(z, sd):
    return np.exp(-0.5 * z * z) / (sd * np.sqrt(2 * np.pi))


def summed(likelihood):
    """Log-likelihood of all samples."""
    return lambda centres, sd: np.log(np.maximum(likelihood(centres, sd), 1e-16)).sum(axis=0)


def normal(values):
    return summed(lambda centres, sd: density((values[:, None] - centres) / sd, sd))


def censored(values, limit):
    """Values below the limit are known only as such."""
    seen = values >= limit

    def likelihood(centres, sd):
        exact = density((values[:, None] - centres) / sd, sd)
        below = np.broadcast_to(ndtr((limit - centres) / sd), exact.shape)
        return np.where(seen[:, None], exact, below)

    return summed(likelihood)


@pytest.mark.definition
def test_complete_data_give_the_textbook_estimates():
    values = np.random.default_rng(3).normal(1.0, 0.3, 40)
    got = fit_percentile(normal(values), low=0.0, high=4.0)
    assert got.mean == pytest.approx(values.mean(), abs=0.004)
    assert got.sd == pytest.approx(values.std(), abs=0.004)
    assert got.percentile == pytest.approx(values.mean() + 1.95996 * values.std(), abs=0.004)
    assert got.lower < got.percentile < got.upper


@pytest.mark.coverage
def test_the_interval_of_the_percentile_covers_it_with_a_third_of_donors_undetected():
    rng = np.random.default_rng(11)
    truth = 1.0 + stats.norm.ppf(0.975) * 0.3
    inside = 0
    for _ in range(100):
        values = rng.normal(1.0, 0.3, 30)
        got = fit_percentile(censored(values, 0.87), low=0.0, high=4.0)
        inside += got.lower <= truth <= got.upper
    assert 0.88 <= inside / 100 <= 0.99


@pytest.mark.property
def test_censoring_costs_width_but_no_bias():
    rng = np.random.default_rng(5)
    draws = [rng.normal(1.0, 0.3, 60) for _ in range(20)]
    full = [fit_percentile(normal(v), low=0.0, high=4.0) for v in draws]
    part = [fit_percentile(censored(v, 1.0), low=0.0, high=4.0) for v in draws]
    assert np.mean([g.percentile for g in part]) == pytest.approx(
        np.mean([g.percentile for g in full]), abs=0.04
    )
    assert np.mean([g.upper - g.lower for g in part]) > np.mean([g.upper - g.lower for g in full])


def test_donors_that_say_nothing_are_no_fit():
    with pytest.raises(FitError):
        fit_percentile(lambda centres, _sd: np.zeros(len(centres)), low=0.0, high=3.0)


@pytest.mark.definition
def test_ranks_give_the_order_statistics():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 150)
    got = rank_percentile(values, 50)
    ordered = np.sort(values)
    place = 0.975 * 201 - 50
    assert got.percentile == pytest.approx(
        ordered[int(place) - 1] + (place % 1) * (ordered[int(place)] - ordered[int(place) - 1])
    )


def test_ranks_refuse_a_median_among_the_undetected():
    with pytest.raises(FitError):
        rank_percentile(np.arange(50.0), 70)


@pytest.mark.coverage
def test_the_interval_by_ranks_covers():
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(400):
        got = rank_percentile(rng.normal(0, 1, 240), 0)
        inside += got.lower <= stats.norm.ppf(0.975) <= got.upper
    assert inside / 400 >= 0.93


GRID = np.linspace(-1.5, 1.5, 61)
PRIOR = normal_log_prior(GRID, mean=0.0, sd=0.25)


def slow_track(samples, log_likelihood, *, z_at_least, raised_samples_teach):
    """One series at a time, each sample from a list of those that have taught so far."""
    n = len(samples.series)
    centre, sd, z, raised = np.empty(n), np.empty(n), np.empty(n), np.zeros(n, dtype=bool)
    for one in set(samples.series.tolist()):
        taught = []
        for i in sorted(np.flatnonzero(samples.series == one), key=lambda i: samples.ordinal[i]):
            weight = np.exp(PRIOR + sum(taught, np.zeros(len(GRID))))
            weight /= weight.sum()
            mean = float((weight * GRID).sum())
            variance = float((weight * (GRID - mean) ** 2).sum())
            centre[i] = mean + samples.shift[i]
            sd[i] = np.sqrt(variance + samples.spread[i] ** 2)
            z[i] = (samples.value[i] - centre[i]) / np.sqrt(sd[i] ** 2 + samples.error[i] ** 2)
            raised[i] = bool(samples.above[i]) and bool(z[i] >= z_at_least)
            if samples.teaches[i] and (raised_samples_teach or not raised[i]):
                taught.append(log_likelihood[i])
    return centre, sd, z, raised


@pytest.mark.definition
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), teach=st.booleans())
def test_all_series_at_once_equal_one_after_the_other(seed, teach):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 5)
    series = np.repeat(np.arange(5), sizes)
    ordinal = np.concatenate([np.arange(size) for size in sizes])
    n = len(series)
    value = np.where(rng.random(n) < 0.2, np.nan, rng.normal(0, 0.5, n))
    samples = Samples(
        series=series, ordinal=ordinal, value=value, shift=rng.choice([0.0, 0.3], n),
        spread=rng.uniform(0.1, 0.3, n), error=rng.uniform(0, 0.2, n),
        teaches=rng.random(n) < 0.7, above=value > 0.3,
    )  # fmt: skip
    log_likelihood = -0.5 * ((np.nan_to_num(value)[:, None] - GRID) / 0.25) ** 2
    got = track_background(
        samples, log_likelihood, grid=GRID, log_prior=PRIOR, z_at_least=1.0, raised_samples_teach=teach
    )
    expected = slow_track(samples, log_likelihood, z_at_least=1.0, raised_samples_teach=teach)
    for fast, slow in zip((got.centre, got.sd, got.z, got.raised), expected, strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)
