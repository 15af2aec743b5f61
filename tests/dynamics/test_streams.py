"""Random draws inside compiled code follow their laws; the stated bounds are Monte-Carlo errors."""

import numpy as np
import pytest
from scipy import stats

from remnant.numerics import streams
from remnant.numerics.compiled import compiled


@compiled
def _draws(kind, mean, count, words):
    state = streams.stream(words, 0)
    out = np.empty(count)
    for i in range(count):
        if kind == 0:
            out[i] = streams.uniform(state)
        elif kind == 1:
            out[i] = streams.normal(state)
        elif kind == 2:
            out[i] = streams.exponential(state)
        else:
            out[i] = streams.poisson(state, mean)
    return out


@pytest.mark.definition
@pytest.mark.parametrize(("kind", "law"), [(0, "uniform"), (1, "norm"), (2, "expon")])
def test_continuous_draws_follow_their_law(kind, law):
    sample = _draws(kind, 0.0, 300_000, streams.seed_words(3))
    assert stats.kstest(sample, law).pvalue > 1e-3


@pytest.mark.definition
@pytest.mark.parametrize("mean", [0.2, 4.0, 9.9, 10.1, 35.0])
def test_poisson_counts_follow_their_law(mean):
    sample = _draws(3, mean, 300_000, streams.seed_words(4))
    low, high = stats.poisson.ppf([1e-4, 1 - 1e-4], mean).astype(int)
    expected = 300_000 * stats.poisson.pmf(np.arange(low, high + 1), mean)
    seen = np.bincount(sample.astype(int), minlength=high + 1)[low : high + 1]
    chosen = expected > 5
    chi2 = ((seen - expected)[chosen] ** 2 / expected[chosen]).sum()
    assert stats.chi2.sf(chi2, chosen.sum()) > 1e-3
    assert np.array_equal(sample, np.round(sample))


@pytest.mark.definition
@pytest.mark.parametrize("mean", [1e4, 1e6, 1e9])
def test_large_poisson_counts_have_mean_and_variance(mean):
    sample = _draws(3, mean, 200_000, streams.seed_words(5))
    assert abs(sample.mean() - mean) < 4 * np.sqrt(mean / 200_000)
    assert sample.var() / mean == pytest.approx(1.0, abs=4 * np.sqrt(2 / 200_000))


@pytest.mark.property
def test_streams_of_replicates_and_seeds_differ():
    first = {tuple(streams.stream(streams.seed_words(seed), i)) for seed in range(20) for i in range(200)}
    assert len(first) == 4000
