"""The likelihood of wells equals the literal sum over molecules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import binom, norm, poisson

from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.kinds import KNOTS
from remnant.evidence.likelihood import at_log10
from remnant.evidence.verbs import upper_limit
from remnant.numerics import wells
from remnant.numerics.wells import WellGroups


def groups(log10_copies, exposure, *, sd=0.0234, probability=1.0, blank=0.0, last=-np.inf):
    n = len(log10_copies)
    return WellGroups(
        np.asarray(log10_copies, float),
        np.asarray(exposure, float),
        np.full(n, sd),
        np.full(n, probability),
        np.full(n, blank),
        np.full(n, last),
    )


def literal(one, concentration):
    """Sum over molecules of every well; the readings' density times sd * sqrt(2 pi)."""
    total = 0.0
    sd, p = one.technical_sd_log10[0] * np.log(10), one.detection_probability[0]
    for reading, exposure in zip(one.log10_copies[0], one.exposure[0], strict=True):
        if exposure == 0:
            continue
        mean = p * exposure * concentration + one.blank_molecules[0]
        m = np.arange(1, int(mean + 20 * np.sqrt(mean) + 400))
        chance = poisson.logpmf(m, mean)
        copies = np.log(m / p)
        if np.isnan(reading):
            late = norm.cdf((one.log10_last_cycle[0] * np.log(10) - copies) / sd)
            total += np.log(np.exp(-mean) + np.exp(chance) @ late)
        else:
            total += logsumexp(chance - 0.5 * ((reading * np.log(10) - copies) / sd) ** 2)
    return total


def drawn(rng, copies, *, wells_a_group=3, sd=0.0234, probability=1.0, blank=0.0):
    molecules = rng.poisson(copies * probability + blank, wells_a_group)
    noisy = np.log10(np.maximum(molecules, 1) / probability) + sd * rng.standard_normal(wells_a_group)
    return np.where(molecules > 0, noisy, np.nan)[None]


def error_of_profile(one):
    """Largest error of the spline through the knots, over the 99.9 % interval, against the literal sum."""
    low, high = wells.support(one)
    share = np.linspace(0, 1, KNOTS)
    knots = wells.log_likelihood(one, low[:, None] + (high - low)[:, None] * share)
    batch = EvidenceBatch.of_profiles(
        knots - knots.max(),
        wells.at_zero(one) - knots.max(),
        log10_low=low,
        log10_high=high,
        errors=SharedErrors.of([()]),
    )
    fine = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 47)
    exact = np.array([literal(one, 10.0**x) for x in fine[0]])
    inside = exact > exact.max() - 5.5
    difference = at_log10(batch, fine)[0] - exact
    return np.abs(difference - difference[exact.argmax()])[inside].max()


@pytest.mark.definition
@pytest.mark.parametrize("copies", [0.1, 1, 3, 10, 15, 40, 100, 600, 3000])
@pytest.mark.parametrize(
    ("sd", "probability", "blank"), [(0.0234, 1.0, 0.0), (0.01, 0.7, 0.0), (0.06, 1.0, 0.05)]
)
def test_profile_is_within_a_hundredth_of_the_literal_sum(copies, sd, probability, blank):
    rng = np.random.default_rng(int(copies * 10))
    readings = drawn(rng, copies, sd=sd, probability=probability, blank=blank)
    one = groups(readings, np.ones((1, 3)), sd=sd, probability=probability, blank=blank)
    assert error_of_profile(one) < 0.005


@pytest.mark.definition
@pytest.mark.parametrize(
    "readings",
    [
        [1.3, np.nan, np.nan],
        [0.0, np.nan, 0.3],
        [3.0, 2.8, 3.1],
        [-0.4, 0.45, 0.2],
        [1.2, 1.6, 1.4],
        [np.nan, np.nan, np.nan],
    ],
)
def test_profile_of_awkward_replicates_with_unequal_exposures(readings):
    one = groups([readings], [[5.0, 5.0, 2.5]])
    assert error_of_profile(one) < 0.005


@pytest.mark.definition
@pytest.mark.parametrize("readings", [[2.4, 1.6], [3.2, 2.1], [3.5, 3.5, 2.9]])
def test_profile_of_wells_that_disagree_at_a_technical_error_of_a_cycle(readings):
    assert error_of_profile(groups([readings], [[1.0] * len(readings)], sd=0.3)) < 0.01


@pytest.mark.definition
@pytest.mark.parametrize("last", [-0.1, 0.0, 0.5, 1.5])
def test_a_silent_well_may_hide_what_is_due_after_the_last_cycle(last):
    one = groups([[np.nan, np.nan, 0.3]], [[1.0, 1.0, 1.0]], last=last)
    x = np.linspace(-1, 1.5, 12)
    exact = [literal(one, 10.0**value) for value in x]
    assert wells.log_likelihood(one, x[None])[0] == pytest.approx(exact, abs=1e-6)


@pytest.mark.definition
def test_molecules_that_do_not_amplify_are_a_thinned_poisson_count():
    """All molecules Poisson, each amplifying with p: the same as amplifying molecules Poisson with p times the mean."""
    probability, mean, sd, reading = 0.6, 4.0, 0.03, 0.7
    n = np.arange(60)
    total = 0.0
    for m in range(1, 40):
        chance = poisson.pmf(n, mean) @ binom.pmf(m, n, probability)
        total += chance * np.exp(-0.5 * ((reading - np.log10(m / probability)) / sd) ** 2)
    one = groups([[reading]], [[1.0]], sd=sd, probability=probability)
    assert wells.log_likelihood(one, np.array([[np.log10(mean)]]))[0, 0] == pytest.approx(
        np.log(total), abs=1e-9
    )


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(
    copies=st.floats(0.2, 1e5),
    factor=st.floats(0.01, 100.0),
    seed=st.integers(0, 1000),
    order=st.permutations([0, 1, 2, 3]),
)
def test_scaling_exposures_shifts_and_order_does_not_matter(copies, factor, seed, order):
    readings = drawn(np.random.default_rng(seed), copies, wells_a_group=4)
    exposure = np.array([[5.0, 2.5, 5.0, 1.0]])
    one = groups(readings, exposure)
    moved = groups(readings[:, order], exposure[:, order] * factor)
    low, high = wells.support(one)
    moved_low, moved_high = wells.support(moved)
    assert moved_low + np.log10(factor) == pytest.approx(low, abs=1e-9)
    assert moved_high + np.log10(factor) == pytest.approx(high, abs=1e-9)
    x = np.linspace(low[0], high[0], 9)[None]
    shifted = wells.log_likelihood(moved, x - np.log10(factor))
    assert shifted == pytest.approx(wells.log_likelihood(one, x), rel=1e-9, abs=1e-7)


@pytest.mark.property
def test_rows_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(4)
    readings = np.concatenate([drawn(rng, copies) for copies in (0.3, 4, 20, 200, 5e4)])
    together = groups(readings, np.ones((5, 3)))
    x = np.linspace(-2, 5, 15)
    whole = wells.log_likelihood(together, np.broadcast_to(x, (5, 15)))
    for i in range(5):
        alone = wells.log_likelihood(groups(readings[[i]], np.ones((1, 3))), x[None])
        assert alone[0] == pytest.approx(whole[i], rel=1e-12)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(copies=st.floats(0.05, 3e5), seed=st.integers(0, 10_000), blank=st.sampled_from([0.0, 0.03]))
def test_the_declared_range_holds_the_likelihood(copies, seed, blank):
    one = groups(drawn(np.random.default_rng(seed), copies, blank=blank), np.ones((1, 3)), blank=blank)
    low, high = wells.support(one)
    grid = np.linspace(low[0], high[0], 300)
    value = wells.log_likelihood(one, grid[None])[0]
    floor = np.log10(wells.FLOOR_MOLECULES / 3.0)
    assert value[-1] < value.max() - 25
    assert value[0] < value.max() - 25 or low[0] == pytest.approx(floor)


@pytest.mark.published
@pytest.mark.parametrize(
    ("mean", "detected"), [(1.0, 0.6321), (2.0, 0.8647), (2.996, 0.95), (3.0, 0.9502), (4.605, 0.99)]
)
def test_probability_of_detection_is_that_of_poisson_counts(mean, detected):
    """P(detect) = 1 - exp(-mean): 95 % needs 2.996 copies."""
    silent = groups([[np.nan]], [[1.0]])
    missed = np.exp(wells.log_likelihood(silent, np.array([[np.log10(mean)]])))[0, 0]
    assert 1 - missed == pytest.approx(detected, abs=2e-4)


@pytest.mark.property
@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_three_silent_wells_bound_the_concentration_at_three_over_the_exposure(probability):
    one = groups([[np.nan] * 3], [[5.0, 5.0, 2.0]], probability=probability)
    low, high = wells.support(one)
    knots = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, KNOTS)
    batch = EvidenceBatch.of_profiles(
        wells.log_likelihood(one, knots),
        wells.at_zero(one),
        log10_low=low,
        log10_high=high,
        errors=SharedErrors.of([()]),
    )
    assert upper_limit(batch)[0] == pytest.approx(-np.log(0.05) / (probability * 12.0), rel=1e-4)
