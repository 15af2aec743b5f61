"""Noise of readings: slow twins, laws, and standard errors under noise of many forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.assay.qpcr.amplification import read_curves
from remnant.numerics.reading_noise import moved_variance, reading_noise
from remnant.numerics.sigmoid import fit_sigmoids, sigmoid

from .conftest import CYCLES, noisy, plate_of

PLACE = np.log(24.0)
ONE = np.ones(1)


def noise_of(curves):
    return reading_noise(CYCLES, curves, fit_sigmoids(CYCLES, curves), misfit=np.zeros_like(curves))


@pytest.mark.definition
def test_moved_variance_is_the_mean_square_over_all_whole_places():
    rng = np.random.default_rng(0)
    weights, profile, residual = rng.normal(size=6), rng.uniform(0.5, 2.0, 45), rng.normal(size=45)
    residual[[3, 30]] = np.nan
    moved = [
        sum(weights[i] * profile[12 + i] * residual[at + i] for i in range(6))
        for at in range(40)
        if not {3, 30} & set(range(at, at + 6))
    ]
    assert len(moved) == 40 - 4 - 6
    assert moved_variance(weights, 12, profile, residual) == pytest.approx(np.mean(np.square(moved)))
    few = np.where(np.arange(45) % 8 < 5, residual, np.nan)
    alone = np.sum(np.square(weights * profile[12:18])) * np.nanmean(np.square(few))
    assert moved_variance(weights, 12, profile, few) == pytest.approx(alone)
    assert np.isnan(moved_variance(weights, 12, profile, np.full(45, np.nan)))


@pytest.mark.definition
def test_the_profile_has_the_mean_square_of_fourth_differences_in_each_stretch():
    curves = noisy(30, seed=4)
    fits = fit_sigmoids(CYCLES, curves)
    got = reading_noise(CYCLES, curves, fits, misfit=np.zeros_like(curves))
    risen = sigmoid(CYCLES, fits.shape, floor=np.zeros(30), height=np.ones(30))
    residual = curves - sigmoid(CYCLES, fits.shape, floor=fits.floor, height=fits.height)
    fourth = np.diff(residual, n=4, axis=1) / np.sqrt(70.0)
    shares = np.array([1.0, 16.0, 36.0, 16.0, 1.0]) / 70.0
    told = 0
    for row in range(30):
        g = risen[row]
        bend, hill = g**2, 4.0 * g * (1.0 - g)
        stretch = ((g >= 0.05).astype(int) + (g >= 0.85))[2:-2]
        seen = np.array([np.convolve(each, shares, "valid") for each in (bend, hill)])
        squares = np.square(fourth[row])
        if min(np.bincount(stretch, minlength=3)) < 3:
            continue
        told += 1
        a = squares[stretch == 0].mean()
        sums = [max(np.sum(squares[stretch == k] - a), 0.0) for k in (1, 2)]
        design = np.array([seen[:, stretch == k].sum(axis=1) for k in (1, 2)])
        b, c = np.linalg.solve(design, sums)
        if b < 0.0:
            b, c = 0.0, sums[0] / design[0, 1]
        elif c < 0.0:
            b, c = sums[1] / design[1, 0], 0.0
        expected = np.sqrt(a + b * bend + c * hill)
        np.testing.assert_allclose(got.profile[row], expected, rtol=1e-9)
        rising = (risen[row] >= 0.05) & (risen[row] <= 0.85)
        masked = rising & ((risen[row] < 0.05).sum() >= 15)
        np.testing.assert_array_equal(np.isnan(got.standardised[row]), masked)
        np.testing.assert_allclose(got.standardised[row], np.where(masked, np.nan, residual[row] / expected))
    assert told >= 10


@pytest.mark.property
@given(scale=st.floats(0.01, 100.0), offset=st.floats(-5.0, 5.0))
def test_noise_scales_with_the_fluorescence_and_ignores_its_zero(scale, offset):
    curves = noisy(3, seed=9)
    plain, other = noise_of(curves), noise_of(scale * (curves + offset))
    np.testing.assert_allclose(other.profile, scale * plain.profile, rtol=1e-3)


@pytest.mark.property
def test_a_smooth_wave_of_one_well_in_the_rise_is_no_noise_of_its_readings():
    shape = np.array([[PLACE, 2.0, 0.0]])
    curve = sigmoid(CYCLES, shape, floor=ONE, height=15.0 * ONE)
    away = CYCLES - 23.0
    wave = 0.05 * np.sin(away) * np.exp(-np.square(away) / 20.0)
    rng = np.random.default_rng(0)
    curves = curve + rng.normal(0.0, 0.01, (200, 45))
    plain, waved = read_curves(plate_of(curves[:4])), read_curves(plate_of((curves + wave)[:4]))
    assert (waved.third_derivative_se < 1.5 * plain.third_derivative_se).all()
    assert waved.share_se.mean() > 1.3 * plain.share_se.mean()


def correlated(rng, count, rho):
    noise = rng.normal(size=(count, 45))
    for i in range(1, 45):
        noise[:, i] = rho * noise[:, i - 1] + np.sqrt(1.0 - rho**2) * noise[:, i]
    return noise


def smooth(rng, count):
    window = np.hanning(9) / np.linalg.norm(np.hanning(9))
    rows = [np.convolve(row, window, "same")[8:-8] for row in rng.normal(size=(count, 61))]
    return 0.9 * np.array(rows) + 0.3 * rng.normal(size=(count, 45))


FORMS = {
    "white": lambda rng, _: correlated(rng, 400, 0.0),
    "correlated": lambda rng, _: correlated(rng, 400, 0.5),
    "much correlated": lambda rng, _: correlated(rng, 400, 0.8),
    "largest in the rise": lambda rng, g: correlated(rng, 400, 0.0) * (0.4 + 4.8 * g * (1.0 - g)),
    "in proportion": lambda rng, g: correlated(rng, 400, 0.0) * (0.1 + g),
    "in proportion, correlated": lambda rng, g: correlated(rng, 400, 0.5) * (0.1 + g),
    "smooth": lambda rng, _: smooth(rng, 400),
}


@pytest.mark.coverage
@pytest.mark.parametrize("form", FORMS)
def test_standard_errors_of_readings_hold_under_noise_of_any_form(form):
    """By residuals pooled along the curve, correlated to first order, these ratios were from 0.56 to 3.2."""
    curve = sigmoid(CYCLES, np.array([[PLACE, 1.9, 0.2]]), floor=ONE, height=15.0 * ONE)
    noise = FORMS[form](np.random.default_rng(5), (curve[0] - 1.0) / 15.0)
    got = read_curves(plate_of(curve + 0.04 * noise))
    for value, error in (
        (got.cq, got.cq_se),
        (got.level_cq, got.level_se),
        (got.third_derivative_cq, got.third_derivative_se),
    ):
        spread = 1.4826 * np.median(np.abs(value - np.median(value)))
        assert 0.65 < np.median(error) / spread < 1.3
