"""A percentile of a population with its uncertainty: against the noncentral t, and against binomial order statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from remnant.numerics.background import fit_percentile, rank_percentile
from remnant.numerics.percentile_posterior import (
    PROBABILITIES,
    WEIGHTS,
    normal_percentile_nodes,
    rank_percentile_nodes,
    spread_log10,
)

Z = stats.norm.ppf(0.975)


def nodes_of(values, **about):
    def log_likelihood(centres, sd):
        return stats.norm.logpdf(values[:, None], centres, sd).sum(axis=0)

    fitted = fit_percentile(log_likelihood, low=values.min() - 1.0, high=values.max() + 3.0)
    return normal_percentile_nodes(log_likelihood, fitted, **about)[0]


@pytest.mark.definition
@pytest.mark.parametrize(("n", "seed"), [(10, 1), (24, 2), (60, 3)])
def test_without_measurement_error_it_is_the_classical_tolerance_limit(n, seed):
    values = np.random.default_rng(seed).normal(1.0, 0.28, n)
    classical = stats.nct.ppf(PROBABILITIES, n - 1, Z * np.sqrt(n)) / np.sqrt(n)
    expected = values.mean() + values.std(ddof=1) * classical
    assert nodes_of(values) == pytest.approx(expected, abs=0.008)


@pytest.mark.property
@settings(max_examples=5, deadline=None)
@given(st.floats(-2, 2), st.floats(0.5, 1.5))
def test_shift_and_scale_of_the_population_pass_through(shift, scale):
    values = np.random.default_rng(5).normal(0.0, 0.3, 20)
    assert nodes_of(shift + scale * values) == pytest.approx(shift + scale * nodes_of(values), abs=0.02)


@pytest.mark.definition
def test_ranks_are_exact_confidence_limits():
    """Drawn again and again, the true percentile lies below the node of probability u in a share u."""
    rng = np.random.default_rng(7)
    truth = stats.norm.ppf(0.975)
    below = np.mean([truth <= rank_percentile_nodes(rng.normal(size=150), 0) for _ in range(400)], axis=0)
    inside = (PROBABILITIES > 0.02) & (PROBABILITIES < 0.95)
    assert below[inside] == pytest.approx(PROBABILITIES[inside], abs=0.08)


def test_undetected_donors_rank_lowest_and_the_nodes_surround_the_percentile():
    values = np.random.default_rng(8).normal(size=130)
    all_of_them = rank_percentile_nodes(values, 0)
    lowest = np.sort(values)[20:]
    assert rank_percentile_nodes(lowest, 20) == pytest.approx(all_of_them)
    fitted = rank_percentile(values, 0)
    assert all_of_them[0] < fitted.percentile < all_of_them[-1]
    assert np.all(np.diff(all_of_them) > 0)


def test_weights_integrate_a_distribution():
    assert WEIGHTS.sum() == pytest.approx(1.0)
    assert spread_log10(3.0 + 0.1 * stats.norm.ppf(PROBABILITIES)) == pytest.approx(0.1, abs=0.002)
    assert spread_log10(np.array([])) == 0.0
