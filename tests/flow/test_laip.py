"""Boosted trees, and the patient's phenotype with a background that is known."""

import numpy as np
import pytest
from scipy import stats

from remnant.assay.flow.laip import called, detectable_share, tracked_phenotype
from remnant.assay.flow.mrd import mrd_evidence
from remnant.errors import FitError
from remnant.evidence.kinds import CountsEvidence, ProfileEvidence
from remnant.numerics.boosted import fitted_boosted, log_odds
from remnant.numerics.count_background import CountBackground, signal_log_likelihood


def clouds(rng, count):
    """Normal cells in two clusters, blasts in one between them: no single cut parts them."""
    normal = np.concatenate([rng.normal(-3, 1, (count, 3)), rng.normal(3, 1, (count, 3))])
    return rng.normal(0, 0.5, (count, 3)), normal


def test_trees_part_what_no_single_cut_parts():
    rng = np.random.default_rng(1)
    blasts, normal = clouds(rng, 500)
    fitted = fitted_boosted(normal, blasts, trees=40)
    new_blasts, new_normal = clouds(rng, 500)
    assert (log_odds(fitted, new_blasts) > 0).mean() > 0.97
    assert (log_odds(fitted, new_normal) > 0).mean() < 0.03


@pytest.mark.property
def test_trees_ignore_the_unit_of_a_column_and_the_order_of_points():
    rng = np.random.default_rng(2)
    blasts, normal = clouds(rng, 200)
    first = log_odds(fitted_boosted(normal, blasts, trees=10), blasts)
    shuffled = log_odds(fitted_boosted(normal[::-1], blasts[::-1], trees=10), blasts)
    scaled = log_odds(fitted_boosted(8 * normal + 1, 8 * blasts + 1, trees=10), 8 * blasts + 1)
    assert shuffled == pytest.approx(first, abs=1e-9)
    assert scaled == pytest.approx(first, abs=1e-9)


@pytest.mark.definition
def test_a_leaf_holds_the_score_of_its_points():
    """One tree on one column: the first step of boosting is sum of gradients over sum of curvatures."""
    first, second = np.zeros((30, 1)), np.ones((30, 1))
    score = log_odds(fitted_boosted(first, second, trees=1), np.array([[0.0], [1.0]]))
    assert score == pytest.approx([-0.1 * 15 / 8.5, 0.1 * 15 / 8.5])


def test_too_few_cells_are_not_fitted():
    with pytest.raises(FitError, match="at least 20"):
        fitted_boosted(np.zeros((19, 2)), np.zeros((50, 2)), trees=1)
    with pytest.raises(FitError, match="same columns"):
        fitted_boosted(np.zeros((50, 2)), np.zeros((50, 3)), trees=1)


def test_the_background_of_the_rule_is_that_of_new_normal_cells():
    rng = np.random.default_rng(3)
    hits, expected = 0, 0.0
    for _ in range(12):
        _, normal = clouds(rng, 500)
        blasts = rng.normal(0, 1.6, (500, 3))  # kinds overlap
        rule = tracked_phenotype(blasts, normal, rank=4, folds=2, trees=10, rng=rng)
        _, new = clouds(rng, 2000)
        hits += int(called(rule, new).sum())
        expected += 4000 * rule.background.rate
        assert 0 < rule.recall <= 1
    assert 0.5 * expected < hits < 1.7 * expected


def test_a_known_background_lowers_what_can_be_detected():
    sharp, vague = (CountBackground(1e-4, dispersion) for dispersion in (0.01, 1.0))
    assert detectable_share(sharp, 0.9, events=100_000) < detectable_share(vague, 0.9, events=100_000)
    assert detectable_share(sharp, 0.9, events=100_000) < detectable_share(sharp, 0.5, events=100_000)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("k", "mean", "dispersion", "signal"),
    [(0, 3.0, 1.0, 2.0), (5, 3.0, 0.5, 0.0), (60, 10.0, 0.3, 30.0), (600, 260.0, 0.05, 100.0)],
)
def test_signal_on_a_varying_blank_is_their_convolution(k, mean, dispersion, signal):
    blanks, size = np.arange(k + 1), 1 / dispersion
    direct = np.sum(
        stats.nbinom.pmf(blanks, size, size / (size + mean)) * stats.poisson.pmf(k - blanks, signal)
    )
    found = signal_log_likelihood([signal], k=k, mean=mean, dispersion=dispersion)[0]
    assert found == pytest.approx(np.log(direct), abs=1e-6)


def test_a_count_below_its_background_has_a_bound_of_a_few_events():
    """A spread of the background is none of the signal: 15 events never hold a signal of half the tube."""
    evidence = mrd_evidence(15, 30_000, background=CountBackground(0.009, 0.9))
    assert isinstance(evidence, ProfileEvidence)
    assert 10**evidence.log10_high < 0.01
    assert isinstance(mrd_evidence(3, 30_000, background=CountBackground(0.0, 0.0)), CountsEvidence)
