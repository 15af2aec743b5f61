"""Does a curve show amplification? Amplified, not amplified or doubtful, with the reason.

The questions are asked in this order, of the fitted sigmoid; the first that answers decides. Every bound is a
row of ``knowledge/qpcr_curves.toml``; none depends on the plate, the assay or other curves.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.knowledge.qpcr_curves import AmplificationRules
from remnant.numerics.sigmoid import NOT_CONVERGED, SigmoidFits
from remnant.numerics.sigmoid_points import SigmoidMaxima
from remnant.records.amplification import CurveCall

__all__ = ["call_curves"]

Floats = NDArray[np.float64]

_EARLY: Final = slice(2, 10)
"""Readings that stand for the fluorescence before amplification; the first two still settle."""
_NEIGHBOURHOOD: Final = 12
_ENDS: Final = 5
"""Readings at the end, and half of those at the start, that tell whether a curve has risen."""
_NORMAL: Final = 1.4826


def call_curves(
    cycles: Floats,
    fluorescence: Floats,
    fits: SigmoidFits,
    *,
    maxima: SigmoidMaxima,
    rules: AmplificationRules,
) -> tuple[tuple[CurveCall, ...], tuple[str, ...]]:
    """Call and reason of each curve.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers.
    fluorescence : ndarray, shape (n, k)
        Curves; NaN where a cycle is missing.
    fits : SigmoidFits
        Their sigmoids.
    maxima : SigmoidMaxima
        Where the sigmoids are steepest and turn most.
    rules : AmplificationRules
        Bounds.

    Returns
    -------
    call : tuple of CurveCall
        One a curve.
    reason : tuple of str
        What decided it; empty for a plain amplified curve.

    References
    ----------
    .. [1] Burdukiewicz et al., Journal of Open Source Software 7, 4407 (2022): PCRedux, human-rated curves.
    """
    seen = np.isfinite(fluorescence)
    explained = 1.0 - fits.rss / _about_line(cycles, fluorescence, seen)
    rise = maxima.steepest - maxima.second_derivative
    fold = _fold(fluorescence, seen)
    with np.errstate(invalid="ignore"):
        slow = (rise > rules.quick_rise) & (rise > rules.slow_rise_relative * maxima.steepest)
        drift = slow & (fold < rules.weak_rise)
        shapeless = ~(explained > rules.beats_line) & np.isfinite(fits.rss)
        short = seen.sum(axis=1) < rules.cycles_for_drift
        asked: tuple[tuple[NDArray[np.bool_], CurveCall, str], ...] = (
            (seen.sum(axis=1) < rules.cycles_needed, "doubtful", "too few cycles"),
            (~np.isfinite(fits.rss), "not amplified", "fluorescence does not change"),
            (
                _spiked(fluorescence, shapeless, rules),
                "doubtful",
                "one reading stands far off its neighbours",
            ),
            (shapeless, "not amplified", "no sigmoid: a straight line or noise"),
            (fits.height <= 0.0, "not amplified", "fluorescence falls"),
            (~np.isfinite(rise), "not amplified", "no accelerating rise"),
            (
                maxima.second_derivative < cycles[0],
                "not amplified",
                "no accelerating rise after the first cycle",
            ),
            (
                maxima.second_derivative > cycles[-1],
                "not amplified",
                "no accelerating rise before the last cycle",
            ),
            (
                short & (drift | (rise > rules.slow_rise)),
                "doubtful",
                "too few cycles to tell a rise from drift",
            ),
            (rise > rules.slow_rise, "not amplified", "rises too slowly: drift"),
            (drift, "not amplified", "a slow and weak rise: drift"),
            (
                _saturated(fluorescence, seen, rules),
                "doubtful",
                "the detector is saturated: the last readings are all exactly alike, and the curve was still rising",
            ),
            (rise < rules.fast_rise, "doubtful", "rises faster than a polymerase can copy"),
            (fits.status == NOT_CONVERGED, "doubtful", "the sigmoid did not converge"),
            (maxima.steepest > cycles[-1], "doubtful", "the run ends before the steepest rise"),
        )
    decided = np.stack([answer for answer, _, _ in asked])
    first = np.where(decided.any(axis=0), decided.argmax(axis=0), len(asked))
    calls: tuple[CurveCall, ...] = (*(call for _, call, _ in asked), "amplified")
    reasons = (*(reason for _, _, reason in asked), "")
    return tuple(calls[i] for i in first), tuple(reasons[i] for i in first)


def _saturated(fluorescence: Floats, seen: NDArray[np.bool_], rules: AmplificationRules) -> NDArray[np.bool_]:
    """Curves cut off: from the first highest reading on all are exactly as high, and it stands at the end of a rise."""
    count, cycles = fluorescence.shape
    if cycles < rules.saturated_readings:
        return np.zeros(count, dtype=bool)
    highest = np.where(seen, fluorescence, -np.inf).max(axis=1)
    lowest = np.where(seen, fluorescence, np.inf).min(axis=1)
    top = seen & (fluorescence == highest[:, None])
    first = top.argmax(axis=1)
    after = (seen & (np.arange(cycles) >= first[:, None])).sum(axis=1)
    many = (top.sum(axis=1) >= rules.saturated_readings) & (top.sum(axis=1) == after) & (first >= 2)
    steps = np.diff(fluorescence, axis=1)
    every = np.arange(count)
    step = np.fmax(steps[every, first - 1], steps[every, first - 2])  # the last one is cut off itself
    return np.asarray(many & (step > rules.saturated_step * (highest - lowest)))


def _spiked(fluorescence: Floats, asked: NDArray[np.bool_], rules: AmplificationRules) -> NDArray[np.bool_]:
    """Curves that end higher than they began, with one reading so far off its neighbours that no sigmoid fits."""
    found = np.zeros(len(fluorescence), dtype=bool)
    rows = np.flatnonzero(asked)
    if not len(rows) or fluorescence.shape[1] < _NEIGHBOURHOOD:
        return found
    y = fluorescence[rows]
    y = np.where(np.isfinite(y), y, np.nan)
    with np.errstate(over="ignore"):
        off = np.abs(y[:, 1:-1] - 0.5 * (y[:, :-2] + y[:, 2:]))
    off[:, :2] = 0.0  # the first two readings still settle
    noise = rules.spike_of_noise * _NORMAL * np.nanmedian(off, axis=1)
    for i in np.flatnonzero(np.nanmax(off, axis=1) > noise):
        at = int(np.nanargmax(off[i])) + 1
        rest = np.delete(y[i], at)
        rest = rest[np.isfinite(rest)]
        risen = float(np.median(rest[-_ENDS:]) - np.median(rest[: 2 * _ENDS]))
        step = abs(y[i, at + 1] - y[i, at - 1])
        alone = off[i, at - 1] > max(rules.spike_of_range * float(np.ptp(rest)), step)
        found[rows[i]] = alone and risen > noise[i]
    return found


def _about_line(cycles: Floats, fluorescence: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Sum of squares of each curve about its own straight line."""
    y = np.where(seen, fluorescence, 0.0)
    n = np.maximum(seen.sum(axis=1), 1)
    mean_x = (seen @ cycles) / n
    mean_y = y.sum(axis=1) / n
    xx = (seen @ cycles**2) - n * mean_x**2
    xy = (y @ cycles) - n * mean_x * mean_y
    centred = np.where(seen, y - mean_y[:, None], 0.0)
    yy = np.square(centred).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.asarray(np.maximum(yy - np.where(xx > 0, xy**2 / xx, 0.0), 1e-300))


def _fold(fluorescence: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Rise from the lowest to the highest reading over the early fluorescence; infinite over zero."""
    highest = np.where(seen, fluorescence, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(seen, fluorescence, np.inf).min(axis=1, initial=np.inf)
    early = np.where(seen, fluorescence, np.nan)[:, _EARLY]
    level = np.full(len(early), np.nan)
    some = np.isfinite(early).any(axis=1)
    level[some] = np.abs(np.nanmedian(early[some], axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((highest - lowest) / level)
