"""Curves of many plates: the algebra against literal integrals, and what it must recover."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm, poisson

from remnant.numerics import calibration, calibration_ladder, calibration_silent
from remnant.numerics.calibration import Spread

SPREAD = Spread(height_sd=0.3, slope_sd=0.08, correlation=0.3, plate_level_sd=0.04, shared_level_sd=0.06)
LEVELS = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def plates(rng, count, *, spread=SPREAD, wells=3, technical=0.08, slope=-3.4, height=28.0, noise="normal"):
    """Standard wells of a laboratory: plate, log10 copies, Cq, and the true lines."""
    between = np.array(
        [
            [spread.height_sd**2, spread.correlation * spread.height_sd * spread.slope_sd],
            [spread.correlation * spread.height_sd * spread.slope_sd, spread.slope_sd**2],
        ]
    )
    lines = rng.multivariate_normal([height, slope], between, size=count)
    shared = rng.normal(0.0, spread.shared_level_sd, len(LEVELS))
    own = rng.normal(0.0, spread.plate_level_sd, (count, len(LEVELS)))
    plate, level = (
        np.repeat(np.arange(count), len(LEVELS) * wells),
        np.tile(np.repeat(np.arange(len(LEVELS)), wells), count),
    )
    molecules = rng.poisson(10.0 ** LEVELS[level])
    draw = rng.normal if noise == "normal" else lambda m, s, n: m + s * rng.standard_t(5, n) / (5 / 3) ** 0.5
    x = np.log10(np.maximum(molecules, 1)) - LEVELS.mean()
    cq = lines[plate, 0] + lines[plate, 1] * x + shared[level] + own[plate, level]
    cq = np.where(molecules > 0, cq + draw(0.0, technical, len(plate)), np.nan)
    return plate, LEVELS[level], cq, lines


def fitted(plate, x, cq, count):
    held = calibration_ladder.ladder(plate, x, cq, plates=count)
    technical = calibration_ladder.technical_sd(
        held,
        slope=calibration_ladder.common_slope(held),
        detection_probability=1.0,
        default=0.08,
        weight=10.0,
    )
    default = Spread(
        height_sd=0.3, slope_sd=0.08, correlation=0.0, plate_level_sd=0.035, shared_level_sd=0.035
    )
    return held, technical, calibration.fit_history(held, technical=technical, default=default, weight=2.0)


@pytest.mark.definition
@pytest.mark.parametrize("mean", [0.05, 0.7, 3.0, 15.0, 380.0, 900.0])
def test_moments_of_a_positive_count_are_the_literal_sums(mean):
    m = np.arange(1, 3000)
    share = poisson.pmf(m, mean) / -np.expm1(-mean)
    expected = share @ np.log10(m)
    variance = share @ np.square(np.log10(m) - expected)
    got = calibration_ladder.log_count_moments(np.array([mean]))
    assert got[0][0] == pytest.approx(expected, abs=1e-9)
    assert got[1][0] == pytest.approx(variance, rel=1e-6, abs=1e-12)


@pytest.mark.definition
def test_marginal_likelihood_is_the_joint_normal_with_a_flat_mean_line():
    rng = np.random.default_rng(3)
    plate, x, cq, _ = plates(rng, 3)
    held = calibration_ladder.ladder(plate, x, cq, plates=3)
    technical = np.array([0.07, 0.08, 0.1])
    got = [
        calibration.marginal_log_likelihood(held, spread, technical=technical, slope=-3.4)
        for spread in (SPREAD, replace(SPREAD, shared_level_sd=0.2, correlation=-0.5, slope_sd=0.02))
    ]

    def direct(spread):
        expected, variance = calibration_ladder.log_count_moments(10.0**LEVELS)
        design = np.stack([np.ones(5), expected - LEVELS.mean()], axis=1)
        cross = spread.correlation * spread.height_sd * spread.slope_sd
        between = np.array([[spread.height_sd**2, cross], [cross, spread.slope_sd**2]])
        wide = 1e2  # a flat mean line, up to a constant
        covariance = np.kron(
            np.ones((3, 3)), wide**2 * design @ design.T + spread.shared_level_sd**2 * np.eye(5)
        )
        for p in range(3):
            rows = slice(5 * p, 5 * p + 5)
            own = (technical[p] ** 2 + 3.4**2 * variance) / 3 + spread.plate_level_sd**2
            covariance[rows, rows] += design @ between @ design.T + np.diag(own)
        value = (held.mean - held.mean.mean()).ravel()
        return multivariate_normal.logpdf(value, np.zeros(15), covariance)

    assert got[0] - got[1] == pytest.approx(
        direct(SPREAD) - direct(replace(SPREAD, shared_level_sd=0.2, correlation=-0.5, slope_sd=0.02)),
        abs=1e-2,
    )


@pytest.mark.definition
def test_posterior_lines_are_conditional_means_of_the_joint_normal():
    rng = np.random.default_rng(5)
    plate, x, cq, _ = plates(rng, 6)
    held, technical, history = fitted(plate, x, cq, 6)
    got = calibration.posterior_lines(held, history, technical=technical)
    expected, variance = calibration_ladder.log_count_moments(10.0**LEVELS)
    slope = history.mean[1]
    design = np.stack([np.ones(5), expected - history.centre], axis=1)
    # Plate 0 given the shared parameters: conditional normal, then averaged over their posterior.
    own = (technical[0] ** 2 + slope**2 * variance) / 3 + history.spread.plate_level_sd**2
    marginal = design @ history.between @ design.T + np.diag(own)
    gain = history.between @ design.T @ np.linalg.inv(marginal)
    carried = np.concatenate([np.eye(2) - gain @ design, -gain], axis=1)
    line = carried @ history.mean + gain @ held.mean[0]
    spread = history.between - gain @ design @ history.between + carried @ history.covariance @ carried.T
    assert np.allclose([got.height[0], got.slope[0]], line, atol=1e-9)
    assert np.allclose(got.covariance[0], spread, atol=1e-10)


@pytest.mark.definition
def test_history_of_known_spread_is_generalised_least_squares():
    rng = np.random.default_rng(8)
    plate, x, cq, _ = plates(rng, 4)
    held, technical, fit = fitted(plate, x, cq, 4)
    got = calibration.history_given(held, SPREAD, technical=technical)
    expected, variance = calibration_ladder.log_count_moments(10.0**LEVELS)
    design = np.stack([np.ones(5), expected - got.centre], axis=1)
    slope = calibration_ladder.common_slope(held)
    covariance = np.kron(np.ones((4, 4)), SPREAD.shared_level_sd**2 * np.eye(5))
    for p in range(4):
        rows = slice(5 * p, 5 * p + 5)
        own = (technical[p] ** 2 + slope**2 * variance) / 3 + SPREAD.plate_level_sd**2
        covariance[rows, rows] += design @ got.between @ design.T + np.diag(own)
    fixed, value = np.tile(design, (4, 1)), held.mean.ravel()
    inverse = np.linalg.inv(covariance)
    wide = np.linalg.inv(fixed.T @ inverse @ fixed)
    line = wide @ fixed.T @ inverse @ value
    shared = SPREAD.shared_level_sd**2 * np.tile(np.eye(5), (1, 4)) @ inverse @ (value - fixed @ line)
    assert np.allclose(got.mean, np.r_[line, shared], atol=1e-8)
    assert np.allclose(got.covariance[:2, :2], wide, atol=1e-9)
    again = calibration.history_given(held, fit.spread, technical=technical)
    assert np.allclose(again.mean, fit.mean)


@pytest.mark.definition
def test_silent_wells_count_with_the_literal_sum():
    held = calibration_ladder.ladder(
        np.zeros(6, int), np.zeros(6), np.array([39.0, 39.2, np.nan, np.nan, 38.9, np.nan]), plates=1
    )
    lines = calibration.Lines(np.array([39.5]), np.array([-3.4]), 0.0, np.zeros((1, 2, 2)))
    got = calibration_silent.silent_log_likelihood(
        held, lines, technical=np.array([0.1]), last_cycle=np.array([39.0]), detection_probability=0.8
    )
    m = np.arange(1, 60)
    late = norm.sf((39.0 - (39.5 - 3.4 * np.log10(m / 0.8))) / 0.1)
    silent = poisson.pmf(0, 0.8) + poisson.pmf(m, 0.8) @ late
    assert got == pytest.approx(3 * np.log(silent) + 3 * np.log1p(-silent), abs=1e-9)


@pytest.mark.property
@settings(max_examples=10)
@given(shift=st.floats(-8.0, 8.0), seed=st.integers(0, 20))
def test_a_threshold_moved_on_all_plates_moves_heights_only(shift, seed):
    plate, x, cq, _ = plates(np.random.default_rng(seed), 5)
    held, technical, history = fitted(plate, x, cq, 5)
    moved, _, other = fitted(plate, x, cq + shift, 5)
    before = calibration.posterior_lines(held, history, technical=technical)
    after = calibration.posterior_lines(moved, other, technical=technical)
    assert np.allclose(after.height - before.height, shift, atol=1e-3)
    assert np.allclose(after.slope, before.slope, atol=1e-3)


@pytest.mark.coverage
@pytest.mark.parametrize("noise", ["normal", "heavy tails"])
def test_lines_cover_the_truth_and_are_tighter_than_the_plates_own(noise):
    rng = np.random.default_rng(17)
    inside, narrower = [], []
    for _ in range(25):
        plate, x, cq, lines = plates(rng, 12, noise=noise)
        held, technical, history = fitted(plate, x, cq, 12)
        got = calibration.posterior_lines(held, history, technical=technical)
        for away in (-2.0, 0.0, 2.0):
            truth = lines[:, 0] + away * lines[:, 1]
            read = got.height + away * got.slope
            c = got.covariance
            sd = np.sqrt(c[:, 0, 0] + 2 * away * c[:, 0, 1] + away**2 * c[:, 1, 1])
            inside.append(np.abs(read - truth) < 1.96 * sd)
        own = calibration.own_lines(held, history, technical=technical)
        narrower.append(got.covariance[:, 1, 1] < own.covariance[:, 1, 1])
    assert 0.92 <= np.mean(inside) <= 0.985
    assert np.mean(narrower) == 1.0


def test_a_plate_that_left_the_others_is_refuted_and_the_rest_is_not():
    rng = np.random.default_rng(23)
    plate, x, cq, _ = plates(rng, 16, spread=replace(SPREAD, height_sd=0.15))
    cq = np.where(plate == 4, cq + 1.5, cq)
    keep = np.arange(16) != 4
    held = calibration_ladder.ladder(plate, x, cq, plates=16)
    history = calibration.fit_history(
        held.take(keep), technical=np.full(15, 0.08), default=replace(SPREAD, correlation=0.0), weight=2.0
    )
    p_value = calibration.drift(held, history, technical=np.full(16, 0.08))
    assert p_value[4] < 1e-6
    assert np.median(p_value[keep]) > 0.1


def test_fewer_than_two_plates_make_no_history():
    held = calibration_ladder.ladder(np.zeros(2, int), np.array([1.0, 2.0]), np.array([36.0, 32.6]), plates=1)
    with pytest.raises(ValueError, match="1 plates"):
        calibration.fit_history(held, technical=np.array([0.1]), default=SPREAD, weight=2.0)


def test_other_standards_keep_slope_and_pipetting_but_no_height():
    rng = np.random.default_rng(2)
    plate, x, cq, _ = plates(rng, 8)
    _, _, history = fitted(plate, x, cq, 8)
    few = calibration_ladder.ladder(
        np.zeros(4, int), np.array([2.0, 2.0, 4.0, 4.0]), np.array([30.1, 30.0, 23.2, 23.3]), plates=1
    )
    other = calibration.for_other_standards(history, few)
    line = calibration.posterior_lines(few, other, technical=np.array([0.08]))
    assert line.height[0] == pytest.approx(26.65, abs=0.05)
    assert abs(line.slope[0] - history.mean[1]) < abs(-3.4 - history.mean[1]) + 0.1
    assert other.spread.shared_level_sd == history.spread.shared_level_sd
