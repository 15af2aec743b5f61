"""Likelihood of the level on the line behind each sample: evidence averaged over its own errors, in tables.

The level ``y`` is the log10 quantity that the course has on the day of the sample; the sample itself lies an
error away from it. ``M(y)`` is the likelihood of the sample averaged over that error, which is normal with
standard deviation ``private_sd``. Each ``M`` is tabulated once on an even grid as ``log M`` with its
derivative; between the points a cubic in value and slope, beyond the ends a parabola, or where the likelihood becomes that of
nothing, what is proportional to the quantity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from remnant.numerics.compiled import compiled

__all__ = ["GAUSSIAN", "POINTS", "STEP_DOWN", "STEP_UP", "TABULATED", "Likelihoods", "Tables", "tabulated"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Array = NDArray[Any]

TABULATED: Final = 0
"""Form: log-likelihood at even points."""
GAUSSIAN: Final = 1
"""Form: normal around `centre` with `sd`."""
STEP_DOWN: Final = 2
"""Form: possible below `centre` only ("less than")."""
STEP_UP: Final = 3
"""Form: possible above `centre` only ("more than")."""
POINTS: Final = 256
"""Points of a table."""

_REACH: Final = 7.0
_FALLEN: Final = 17.0  # an end that lies so far below the maximum is cut
_FLOOR: Final = -600.0


@dataclass(frozen=True, slots=True, eq=False)
class Likelihoods:
    """Likelihood of log10 q of n samples, each in one of four forms.

    Attributes
    ----------
    form : ndarray of int, shape (n,)
        `TABULATED`, `GAUSSIAN`, `STEP_DOWN` or `STEP_UP`.
    low, step : ndarray of float, shape (n,)
        First point and distance of the points, log10; used where tabulated.
    value : ndarray of float, shape (n, k)
        Natural log-likelihood at the points, up to a constant; used where tabulated.
    zero : ndarray of float, shape (n,)
        The same at q = 0, which it comes to in proportion to q; used where tabulated.
    centre, sd : ndarray of float, shape (n,)
        Centre or edge, and spread, log10; used in the other forms.
    """

    form: Integers
    low: Floats
    step: Floats
    value: Floats
    zero: Floats
    centre: Floats
    sd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """log M of n samples.

    Attributes
    ----------
    start, step : ndarray of float, shape (n,)
        First point and distance of the points, log10.
    log_m : ndarray of float, shape (n, 2, POINTS)
        log M and its derivative per unit of log10.
    sharpest : ndarray of float, shape (n,)
        Largest curvature of log M with the sign turned, per square unit of log10.
    guess : ndarray of float, shape (n,)
        Where M is largest.
    normal : ndarray of bool, shape (n,)
        Whether M is normal: around `guess`, with the precision `sharpest`.
    """

    start: Floats
    step: Floats
    log_m: Floats
    sharpest: Floats
    guess: Floats
    normal: NDArray[np.bool_]


@compiled
def _averaged(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    low: float,
    step: float,
    value: Array,
    zero: float,
    sd: float,
    start: float,
    spacing: float,
    out: Array,
    slope: Array,
) -> None:
    """Sum over points of the likelihood times the normal density; an end that has not fallen goes on."""
    k = value.size
    peak = value.max()
    weight = np.exp(value - peak)
    room = int(np.ceil(2.0 * _REACH * sd / step))
    before = room if value[0] > peak - _FALLEN else 0
    after = room if value[-1] > peak - _FALLEN else 0
    fall_after = math.exp(-max(value[-2] - value[-1], 0.0))
    tail = np.empty(before)
    for i in range(before):
        if zero > -1e3:
            tail[i] = math.exp(zero - peak + (value[0] - zero) * 10.0 ** (-(i + 1) * step))
        else:
            tail[i] = math.exp(value[0] - peak - (i + 1) * max(value[1] - value[0], 0.0))
    for j in range(out.size):
        y = start + j * spacing
        first = max(int(np.floor((y - _REACH * sd - low) / step)), -before)
        last = min(int(np.ceil((y + _REACH * sd - low) / step)), k - 1 + after)
        total, moment = 0.0, 0.0
        if first <= last:
            # Along even points the normal density follows from its neighbour by two products.
            z = (low + first * step - y) / sd
            h = step / sd
            density, ratio, fall = math.exp(-0.5 * z * z), math.exp(-z * h - 0.5 * h * h), math.exp(-h * h)
            for i in range(first, last + 1):
                if i < 0:
                    part = density * tail[-i - 1]
                elif i >= k:
                    part = density * weight[k - 1] * fall_after ** (i - k + 1)
                else:
                    part = density * weight[i]
                total += part
                moment += part * (low + i * step - y)
                density *= ratio
                ratio *= fall
        if total > 1e-250:
            out[j] = math.log(total) + peak
            slope[j] = moment / (total * sd * sd)
        else:
            out[j] = np.nan
            slope[j] = np.nan


@compiled
def _all_averaged(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    low: Array,
    step: Array,
    value: Array,
    zero: Array,
    sd: Array,
    start: Array,
    spacing: Array,
    out: Array,
    slope: Array,
) -> None:
    for i in range(low.size):
        _averaged(low[i], step[i], value[i], zero[i], sd[i], start[i], spacing[i], out[i], slope[i])


def tabulated(likelihoods: Likelihoods, private_sd: Floats) -> Tables:
    """Tables of log M.

    Parameters
    ----------
    likelihoods : Likelihoods, n rows
        Likelihood of log10 q.
    private_sd : ndarray of float, shape (n,)
        Standard deviation of each sample's own error around the line, log10, positive.

    Returns
    -------
    Tables
        One row a sample.

    Examples
    --------
    >>> one = np.zeros(1)
    >>> seen = Likelihoods(np.array([GAUSSIAN]), one, one, np.zeros((1, 2)), one, np.array([2.0]), np.array([0.3]))
    >>> table = tabulated(seen, np.array([0.4]))
    >>> float(table.guess[0].round(1)), float(table.sharpest[0].round(1))
    (2.0, 4.0)
    """
    n = len(private_sd)
    start, spacing = np.empty(n), np.empty(n)
    value, slope = np.empty((n, POINTS)), np.empty((n, POINTS))
    rows = np.flatnonzero(likelihoods.form == TABULATED)
    if len(rows):
        sd, low, step = private_sd[rows], likelihoods.low[rows], likelihoods.step[rows]
        start[rows] = low - _REACH * sd
        spacing[rows] = (step * (likelihoods.value.shape[1] - 1) + 2 * _REACH * sd) / (POINTS - 1)
        part_value, part_slope = np.empty((len(rows), POINTS)), np.empty((len(rows), POINTS))
        held = np.ascontiguousarray(likelihoods.value[rows])
        zero = likelihoods.zero[rows]
        _all_averaged(low, step, held, zero, sd, start[rows], spacing[rows], part_value, part_slope)
        value[rows], slope[rows] = part_value, part_slope
    rows = np.flatnonzero(likelihoods.form != TABULATED)
    if len(rows):
        _closed_form(likelihoods, private_sd, rows, start=start, spacing=spacing, value=value, slope=slope)
    _mend(value, slope, spacing)
    normal = likelihoods.form == GAUSSIAN
    curvature = -np.diff(slope, axis=1) / spacing[:, None]
    best = value.argmax(axis=1)
    return Tables(
        start=start,
        step=spacing,
        log_m=np.stack([value, slope], axis=1),
        sharpest=np.where(
            normal, 1.0 / (likelihoods.sd**2 + private_sd**2), np.maximum(curvature.max(axis=1), 1e-6)
        ),
        guess=np.where(normal, likelihoods.centre, start + spacing * best),
        normal=normal,
    )


def _closed_form(
    likelihoods: Likelihoods,
    private_sd: Floats,
    rows: Integers,
    *,
    start: Floats,
    spacing: Floats,
    value: Floats,
    slope: Floats,
) -> None:
    form, centre = likelihoods.form[rows], likelihoods.centre[rows]
    normal = form == GAUSSIAN
    sd = np.where(normal, np.hypot(likelihoods.sd[rows], private_sd[rows]), private_sd[rows])
    z = np.linspace(-8.0, 8.0, POINTS)
    start[rows], spacing[rows] = centre - 8.0 * sd, 16.0 * sd / (POINTS - 1)
    sign = np.where(form == STEP_DOWN, -1.0, 1.0)[:, None]
    tail = log_ndtr(sign * z)
    hazard = np.exp(-0.5 * z * z - 0.5 * math.log(2 * math.pi) - tail)
    value[rows] = np.where(normal[:, None], -0.5 * z * z - np.log(sd)[:, None], tail)
    slope[rows] = np.where(normal[:, None], -z, sign * hazard) / sd[:, None]


def _mend(value: Floats, slope: Floats, spacing: Floats) -> None:
    """Where M is too small for a number, go on with the parabola of its neighbours."""
    for i in np.flatnonzero(np.isnan(value).any(axis=1) | (value.min(axis=1) < _FLOOR)):
        known = np.flatnonzero(
            np.isfinite(value[i]) & (value[i] > value[i][np.isfinite(value[i])].max() + _FLOOR)
        )
        h, first, last = spacing[i], int(known[0]), int(known[-1])
        for end, next_to, places in (
            (first, first + 1, np.arange(first)),
            (last, last - 1, np.arange(last + 1, POINTS)),
        ):
            bend = min(float((slope[i, next_to] - slope[i, end]) / ((next_to - end) * h)), 0.0)
            x = (places - end) * h
            value[i, places] = value[i, end] + x * (slope[i, end] + 0.5 * bend * x)
            slope[i, places] = slope[i, end] + bend * x
