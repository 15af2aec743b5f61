"""The five-parameter sigmoid: against scipy, against numerical derivatives, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize_scalar

from remnant.numerics.sigmoid import (
    CONVERGED,
    NOT_CONVERGED,
    TOO_FEW,
    fit_sigmoids,
    qpcr_parameters,
    sigmoid,
)
from remnant.numerics.sigmoid_points import sigmoid_points

from .conftest import CYCLES, noisy, shapes_of


def l5(x, parameters):
    b, c, d, e, f = parameters
    return c + (d - c) / (1.0 + np.exp(b * (np.log(x) - np.log(e)))) ** f


def definition_rss(curve, parameters):
    """Least squares of all five parameters by scipy, from our answer and from a plain start."""
    found = []
    for start in (parameters, (-12.0, curve.min(), curve.max(), 24.0, 1.0)):
        scale = np.maximum(np.abs(start), 1e-3)
        with np.errstate(all="ignore"):  # it may try a power of a negative number
            got = least_squares(
                lambda p, s=scale: l5(CYCLES, p * s) - curve,
                np.array(start) / scale,
                method="lm",
                max_nfev=5000,
            )
        found.append(2.0 * got.cost)
    return min(found)


@pytest.mark.definition
def test_no_search_over_all_five_parameters_finds_less():
    curves = noisy(12, seed=5)
    fits = fit_sigmoids(CYCLES, curves)
    for curve, parameters, rss in zip(curves, qpcr_parameters(fits), fits.rss, strict=True):
        assert rss <= definition_rss(curve, parameters) * (1 + 1e-6)
        assert rss == pytest.approx(np.square(l5(CYCLES, parameters) - curve).sum(), rel=1e-9)


@pytest.mark.definition
def test_cycles_are_the_maxima_of_numerical_derivatives():
    shape, floor, height = shapes_of(10, seed=2)
    curves = sigmoid(CYCLES, shape, floor=floor, height=height)
    fits = fit_sigmoids(CYCLES, curves)
    points = sigmoid_points(CYCLES, curves, fits, share=0.15)
    for i, parameters in enumerate(qpcr_parameters(fits)):

        def value(x, p=parameters):
            return l5(np.asarray(x), p)

        def slope(x):
            return (value(x + 1e-4) - value(x - 1e-4)) / 2e-4

        def bend(x):
            return (value(x + 1e-2) - 2 * value(x) + value(x - 1e-2)) / 1e-4

        steepest = minimize_scalar(lambda x: -slope(x), bounds=(5, 60), method="bounded").x
        bent = minimize_scalar(lambda x: -bend(x), bounds=(5, points.steepest[i]), method="bounded").x
        assert points.steepest[i] == pytest.approx(steepest, abs=2e-3)
        assert points.second_derivative[i] == pytest.approx(bent, abs=2e-3)
        tangent = steepest - (value(steepest) - floor[i]) / slope(steepest)
        assert points.tangent[i] == pytest.approx(tangent, abs=2e-3)
        assert value(points.share_cycle[i]) == pytest.approx(floor[i] + 0.15 * height[i], rel=1e-4)


@pytest.mark.property
@given(scale=st.floats(1e-4, 1e5), offset=st.floats(-50.0, 50.0))
def test_cycles_ignore_gain_and_offset(scale, offset):
    curves = noisy(4, seed=9)
    plain = sigmoid_points(CYCLES, curves, fit_sigmoids(CYCLES, curves), share=0.15)
    moved = scale * (curves + offset)
    other = sigmoid_points(CYCLES, moved, fit_sigmoids(CYCLES, moved), share=0.15)
    np.testing.assert_allclose(other.second_derivative, plain.second_derivative, atol=1e-3)
    np.testing.assert_allclose(other.standard_error, plain.standard_error, rtol=1e-2)


@pytest.mark.property
@given(factor=st.floats(0.5, 2.0))
def test_cycles_scale_with_the_unit_of_the_cycle_axis(factor):
    curves = noisy(3, seed=4)
    plain = sigmoid_points(CYCLES, curves, fit_sigmoids(CYCLES, curves), share=0.15)
    grid = factor * CYCLES
    other = sigmoid_points(grid, curves, fit_sigmoids(grid, curves), share=0.15)
    np.testing.assert_allclose(other.share_cycle, factor * plain.share_cycle, rtol=1e-4)


def test_rows_do_not_see_each_other():
    curves = noisy(6, seed=1)
    order = np.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_array_equal(
        fit_sigmoids(CYCLES, curves[order]).rss, fit_sigmoids(CYCLES, curves).rss[order]
    )


def test_missing_cycles_are_left_out():
    curves = noisy(1, seed=7)
    kept = np.r_[0:10, 13:40]
    gap = np.full_like(curves, np.nan)
    gap[:, kept] = curves[:, kept]
    both = fit_sigmoids(CYCLES, gap).rss, fit_sigmoids(CYCLES[kept], curves[:, kept]).rss
    np.testing.assert_allclose(*both, rtol=1e-6)


def test_a_curve_that_cannot_be_fitted_is_named():
    nothing = np.full((1, 45), np.nan)
    flat = np.full((1, 45), 3.0)
    five = np.where(np.arange(45) < 5, noisy(1), np.nan)
    fits = fit_sigmoids(CYCLES, np.concatenate([nothing, flat, five, noisy(1)]))
    assert fits.status.tolist() == [TOO_FEW, TOO_FEW, TOO_FEW, CONVERGED]
    assert np.isnan(fits.rss[:3]).all()
    points = sigmoid_points(CYCLES, np.concatenate([nothing, flat, five, noisy(1)]), fits, share=0.15)
    assert np.isfinite(points.second_derivative).tolist() == [False, False, False, True]


@pytest.mark.coverage
@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 0.92, 0.98), (0.4, 0.88, 0.97)])
def test_standard_errors_cover_the_truth(correlation, low, high):
    shape, floor, height = shapes_of(1500, seed=11)
    truth = sigmoid(CYCLES, shape, floor=floor, height=height)
    shares = {"share": 0.15, "early_share": 0.05}
    known = sigmoid_points(CYCLES, truth, fit_sigmoids(CYCLES, truth), **shares)
    curves = noisy(1500, seed=11, sd=0.05, correlation=correlation)
    points = sigmoid_points(CYCLES, curves, fit_sigmoids(CYCLES, curves), **shares)
    columns = ("steepest", "second_derivative", "tangent", "share_cycle", "early_share_cycle")
    for place, name in enumerate(columns):
        off = np.abs(getattr(points, name) - getattr(known, name))
        inside = (off <= 1.96 * points.standard_error[:, place]).mean()
        assert low <= inside <= high, name


@pytest.mark.reference
def test_r_qpcr_finds_no_better_sigmoid(benchmark):
    """R qpcR 1.4-1 on R 4.2.2, model l5: 550 curves of eight sets."""
    sets, curves = benchmark("_qpcr_sets"), benchmark("_qpcr_curves")
    good = every = 0
    for name in curves.GOLDEN:
        held, reference = sets.curve_set(name), sets.golden(name)
        rows = [held.columns.index(curve) for curve in reference]
        fits = fit_sigmoids(held.curves.cycles, held.curves.fluorescence[rows])
        rss = np.array([value for _, value in reference.values()])
        good += int(((fits.rss <= 1.001 * rss) & (fits.status != NOT_CONVERGED)).sum())
        every += len(rows)
    assert every == 550
    assert good >= 0.98 * every


@pytest.mark.reference
def test_cpd2_is_that_of_r_qpcr(benchmark):
    """R qpcR 1.4-1, cpD2 of l5 on its grid of 0.01 cycle, where the sums of squares agree within 0.1 %."""
    bars = benchmark("_qpcr_curves").sigmoid_figures()[:2]
    assert [figure.holds for figure in bars] == [True, True]
