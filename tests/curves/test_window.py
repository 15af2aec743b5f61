"""Baseline, window of linearity and third-derivative cycle: slow twins and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from remnant.numerics.amplification_window import read_windows
from remnant.numerics.sigmoid import fit_sigmoids
from remnant.numerics.sigmoid_points import sigmoid_points

from .conftest import CYCLES, noisy


def windows_of(curves, cycles=CYCLES, **changed):
    fits = fit_sigmoids(cycles, curves)
    points = sigmoid_points(cycles, curves, fits, share=0.15)
    asked = {"share": 0.15, "longest": 8, "shortest": 4} | changed
    got = read_windows(
        cycles,
        curves,
        second_derivative=points.second_derivative,
        steepest=points.steepest,
        height=fits.height,
        **asked,
    )
    return got, points, fits


def definition_window(curve, end, height):
    """Baseline, slope and share cycle of one curve, literally."""
    last = np.flatnonzero(end >= CYCLES)[-1]
    x, y = CYCLES[last - 7 : last + 1], curve[last - 7 : last + 1]

    def bent(baseline):
        logs = np.log10(y - baseline)
        return np.polyfit(x[4:], logs[4:], 1)[0] - np.polyfit(x[:4], logs[:4], 1)[0]

    spread = np.ptp(y)
    low, high = y.min() - 100 * spread, y.min() - 1e-9 * spread
    baseline = high if bent(high) > 0 else brentq(bent, low, high, xtol=1e-13, rtol=1e-14)
    slope = np.polyfit(x, np.log10(y - baseline), 1)[0]
    over = curve - baseline
    at = max(i for i in range(1, 45) if over[i - 1] < 0.15 * height <= over[i])
    part = np.log(0.15 * height / over[at - 1]) / np.log(over[at] / over[at - 1])
    return baseline, slope, CYCLES[at - 1] + part


@pytest.mark.definition
def test_baseline_slope_and_share_cycle_equal_their_definition():
    curves = noisy(15, seed=3, sd=0.0003)
    got, points, fits = windows_of(curves)
    straight = np.flatnonzero(np.isfinite(got.baseline))
    assert len(straight) >= 10
    for i, curve in zip(straight, curves[straight], strict=True):
        baseline, slope, cycle = definition_window(curve, points.second_derivative[i], fits.height[i])
        assert got.baseline[i] == pytest.approx(baseline, abs=1e-7)
        assert got.log10_factor[i] == pytest.approx(slope, rel=1e-6)
        assert got.share_cycle[i] == pytest.approx(cycle, abs=1e-6)


@pytest.mark.definition
def test_third_derivative_cycle_is_the_sign_change_of_the_third_difference():
    for curve in noisy(10, seed=6, sd=0.002):
        smooth = np.convolve(np.pad(curve, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
        third = np.diff(smooth, 3)
        middle = CYCLES[:-3] + 1.5
        falls = [i for i in range(len(third) - 1) if third[i] > 0 >= third[i + 1]]
        crossings = [middle[i] + third[i] / (third[i] - third[i + 1]) for i in falls]
        got, points, _ = windows_of(curve[None])
        assert min(abs(got.third_derivative[0] - one) for one in crossings) < 1e-9
        assert got.third_derivative[0] == pytest.approx(points.second_derivative[0], abs=1.5)


@pytest.mark.property
@given(factor=st.floats(1.3, 2.0), baseline=st.floats(-3.0, 3.0))
def test_an_exponential_gives_its_factor_and_baseline(factor, baseline):
    cycles = np.arange(1.0, 31.0)
    curve = baseline + factor ** (cycles - 22.0)
    end = np.array([22.5])
    got = read_windows(
        cycles,
        curve[None],
        second_derivative=end,
        steepest=end + 1,
        height=np.array([4.0]),
        share=0.15,
        longest=8,
        shortest=4,
    )
    assert 10 ** got.log10_factor[0] == pytest.approx(factor, rel=1e-4)
    assert got.baseline[0] == pytest.approx(baseline, abs=1e-4)


@pytest.mark.property
@given(shift=st.integers(1, 12), gain=st.floats(0.01, 1e4))
def test_a_shift_of_the_cycles_shifts_every_cycle(shift, gain):
    curve = noisy(1, seed=8)
    fits = fit_sigmoids(CYCLES, curve)
    points = sigmoid_points(CYCLES, curve, fits, share=0.15)
    asked = {"share": 0.15, "longest": 8, "shortest": 4}
    here = read_windows(
        CYCLES,
        curve,
        second_derivative=points.second_derivative,
        steepest=points.steepest,
        height=fits.height,
        **asked,
    )
    there = read_windows(
        CYCLES + shift,
        gain * curve,
        second_derivative=points.second_derivative + shift,
        steepest=points.steepest + shift,
        height=gain * fits.height,
        **asked,
    )
    assert there.share_cycle[0] == pytest.approx(here.share_cycle[0] + shift, abs=1e-6)
    assert there.third_derivative[0] == pytest.approx(here.third_derivative[0] + shift, abs=1e-6)
    assert there.log10_factor[0] == pytest.approx(here.log10_factor[0], rel=1e-6)


def test_an_inner_gap_is_bridged_and_an_early_curve_has_no_window():
    curve = noisy(1, seed=2, sd=0.001)
    gap = curve.copy()
    gap[0, 14] = np.nan
    np.testing.assert_allclose(windows_of(gap)[0].share_cycle, windows_of(curve)[0].share_cycle, atol=0.05)
    got = read_windows(
        CYCLES,
        curve,
        second_derivative=np.array([3.0]),
        steepest=np.array([4.0]),
        height=np.array([20.0]),
        share=0.15,
        longest=8,
        shortest=4,
    )
    assert got.window_cycles[0] == 0
    assert np.isnan(got.baseline[0])
