"""The five-parameter sigmoid of an amplification curve, fitted to many curves at once.

``F(x) = c + a / (1 + (x / e)^b)^f`` over cycles x > 0, the l5 model of R qpcR with ``d = c + a``. It is linear
in c and a, so only three parameters are searched (variable projection). They are chosen to be nearly
independent on ``t = ln x``: the place `m` of the steepest rise on t, ``ln`` of the slope `s` there, and
``phi = ln f``. Then ``b = -s (1 + 1/f)^(f + 1)`` and ``ln e = m + phi / b``.

Levenberg-Marquardt on each curve by itself, from the best of a fixed table of shapes, again from other
shapes where the fit is poor or at a bound. NaN is a missing cycle.

References
----------
Spiess, Feig and Ritz, Highly accurate sigmoidal fitting of real-time PCR data by introducing a parameter for
asymmetry, BMC Bioinformatics 9, 221 (2008). Golub and Pereyra, SIAM J. Numer. Anal. 10, 413-432 (1973):
variable projection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled

__all__ = [
    "AT_BOUND",
    "CONVERGED",
    "NOT_CONVERGED",
    "TOO_FEW",
    "SigmoidFits",
    "evaluate",
    "fit_sigmoids",
    "qpcr_parameters",
    "sigmoid",
]

Floats = NDArray[np.float64]
Array = NDArray[Any]

CONVERGED: Final = 0
"""A minimum inside the bounds."""
AT_BOUND: Final = 1
"""A minimum on a bound: the shape is a limit of the family, or the plateau was never seen."""
NOT_CONVERGED: Final = 2
"""Still falling when the steps ran out."""
TOO_FEW: Final = 3
"""Fewer cycles than parameters and one, or no variation."""

_STEPS = 150
_TOLERANCE = 1e-10
_PHI_LOW, _PHI_HIGH = -9.0, 12.0
_LOG_SLOPE_LOW, _LOG_SLOPE_HIGH = -2.0, 7.0
_PHI_STARTS = (-2.0, 0.0, 2.5)
_LOG_SLOPE_STARTS = (0.5, 1.2, 1.9, 2.6)
_BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class SigmoidFits:
    """Fitted sigmoids, columnar.

    Attributes
    ----------
    shape : ndarray, shape (n, 3)
        ``m``, ``ln s`` and ``phi``; NaN where nothing was fitted.
    floor, height : ndarray, shape (n,)
        c and a: fluorescence.
    rss : ndarray, shape (n,)
        Residual sum of squares.
    information : ndarray, shape (n, 3, 3)
        ``J' J`` of the shape with c and a projected out; its inverse times the error variance is the
        covariance of the shape.
    steps : ndarray of int, shape (n,)
        Steps taken, all starts together.
    status : ndarray of int, shape (n,)
        `CONVERGED`, `AT_BOUND`, `NOT_CONVERGED` or `TOO_FEW`.
    """

    shape: Floats
    floor: Floats
    height: Floats
    rss: Floats
    information: Floats
    steps: NDArray[np.int64]
    status: NDArray[np.int64]


@compiled
def evaluate(  # noqa: PLR0915, PLR0917 - compiled: one pass over the points, keywords would be compiled apart
    t: Array, y: Array, count: int, theta: Array, work: Array, normal: Array
) -> tuple[float, float, float]:
    """One shape against one curve, with the best floor and height for it.

    Parameters
    ----------
    t, y : ndarray, shape (k,)
        ``ln`` of the cycles and fluorescence, of which the first `count` count.
    count : int
        Points.
    theta : ndarray, shape (3,)
        ``m``, ``ln s`` and ``phi``.
    work : ndarray, shape (4, k)
        Filled with the unit sigmoid and its derivatives by `theta`.
    normal : ndarray, shape (3, 4)
        Filled with ``J'J`` and ``J'r``, floor and height projected out.

    Returns
    -------
    tuple of float
        Residual sum of squares, floor and height.
    """
    m, ls, phi = theta[0], theta[1], theta[2]
    f = math.exp(phi)
    log_ratio = math.log1p(1.0 / f) if f < 1e7 else 1.0 / f - 0.5 / (f * f)
    b = -math.exp(ls + (f + 1.0) * log_ratio)
    kappa = f * log_ratio - 1.0
    sg = sy = s1 = s2 = s3 = 0.0
    for i in range(count):
        z = t[i] - m
        lu = b * z - phi
        lu = min(lu, 700.0)
        u = math.exp(lu)
        w = u / (1.0 + u)
        lg = math.log1p(u) if lu < 30.0 else lu
        g = math.exp(-f * lg)
        work[0, i] = g
        work[1, i] = g * f * b * w
        work[2, i] = -g * f * b * w * z
        work[3, i] = -g * f * (lg + w * (b * kappa * z - 1.0))
        sg += g
        sy += y[i]
        s1 += work[1, i]
        s2 += work[2, i]
        s3 += work[3, i]
    n = float(count)
    sg /= n
    sy /= n
    s1 /= n
    s2 /= n
    s3 /= n
    gg = gy = 0.0
    g1 = g2 = g3 = 0.0
    for i in range(count):
        dg = work[0, i] - sg
        gg += dg * dg
        gy += dg * (y[i] - sy)
        g1 += dg * work[1, i]
        g2 += dg * work[2, i]
        g3 += dg * work[3, i]
    if not gg > 1e-14 * n:
        return math.inf, sy, 0.0
    a = gy / gg
    k1, k2, k3 = g1 / gg, g2 / gg, g3 / gg
    n11 = n12 = n13 = n22 = n23 = n33 = r1 = r2 = r3 = rss = 0.0
    for i in range(count):
        dg = work[0, i] - sg
        r = y[i] - sy - a * dg
        d1 = a * (work[1, i] - s1 - k1 * dg)
        d2 = a * (work[2, i] - s2 - k2 * dg)
        d3 = a * (work[3, i] - s3 - k3 * dg)
        rss += r * r
        n11 += d1 * d1
        n12 += d1 * d2
        n13 += d1 * d3
        n22 += d2 * d2
        n23 += d2 * d3
        n33 += d3 * d3
        r1 += d1 * r
        r2 += d2 * r
        r3 += d3 * r
    normal[0, 0], normal[0, 1], normal[0, 2], normal[0, 3] = n11, n12, n13, r1
    normal[1, 0], normal[1, 1], normal[1, 2], normal[1, 3] = n12, n22, n23, r2
    normal[2, 0], normal[2, 1], normal[2, 2], normal[2, 3] = n13, n23, n33, r3
    return rss, sy - a * sg, a


@compiled
def _step(normal: Array, damping: float, free: Array, out: Array) -> float:
    """Damped step over the free parameters by Cholesky; the predicted fall of the sum of squares."""
    lower = np.zeros((3, 3))
    v = np.zeros(3)
    for i in range(3):
        v[i] = normal[i, 3] if free[i] else 0.0
        for j in range(i + 1):
            value = normal[i, j] if free[i] and free[j] else 0.0
            if i == j:
                value = normal[i, i] * (1.0 + damping) + 1e-300 if free[i] else 1.0
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = math.sqrt(max(value, 1e-14 * abs(normal[i, i]) + 1e-300))
            else:
                lower[i, j] = value / lower[j, j]
    for i in range(3):
        for k in range(i):
            v[i] -= lower[i, k] * v[k]
        v[i] /= lower[i, i]
    fall = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    for i in range(2, -1, -1):
        for k in range(i + 1, 3):
            v[i] -= lower[k, i] * v[k]
        v[i] /= lower[i, i]
        out[i] = v[i] if free[i] else 0.0
    return float(fall)


@compiled
def _descend(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    t: Array, y: Array, count: int, low: Array, high: Array, theta: Array, work: Array, normal: Array
) -> tuple[float, int, bool]:
    """Levenberg-Marquardt within bounds from `theta`, which it moves; sum of squares, steps, converged."""
    trial_normal = np.empty((3, 4))
    trial, step = np.empty(3), np.empty(3)
    free = np.ones(3, dtype=np.bool_)
    rss, _, _ = evaluate(t, y, count, theta, work, normal)
    damping = 1e-3
    quiet = 0
    for taken in range(1, _STEPS + 1):
        for i in range(3):
            outward = (theta[i] <= low[i] and normal[i, 3] < 0.0) or (
                theta[i] >= high[i] and normal[i, 3] > 0.0
            )
            free[i] = not outward
        fall = _step(normal, damping, free, step)
        if not fall > _TOLERANCE * 1e-4 * rss:
            return rss, taken, True
        for i in range(3):
            reach = 1.0 if i == 0 else 2.0
            move = min(max(step[i], -reach), reach)
            trial[i] = min(max(theta[i] + move, low[i]), high[i])
        new, _, _ = evaluate(t, y, count, trial, work, trial_normal)
        if new <= rss:
            gain = rss - new
            quiet = quiet + 1 if gain <= _TOLERANCE * rss else 0
            damping = max(damping * 0.1, 1e-9)
            for i in range(3):
                theta[i] = trial[i]
                for j in range(4):
                    normal[i, j] = trial_normal[i, j]
            rss = new
            if quiet >= 1:
                return rss, taken, True
        else:
            damping = damping * 10.0 if damping > 1e-6 else 1e-5
            if damping > 1e10:
                return rss, taken, True
    return rss, _STEPS, False


@compiled
def _fit_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    t_all: Array,
    fluorescence: Array,
    starts: Array,
    bounds: Array,
    retry: float,
    out: Array,
    steps: Array,
    status: Array,
) -> None:
    """Fit each row from its starts; `out` holds shape, floor, height, sum of squares and information."""
    rows, cycles = fluorescence.shape
    t, y = np.empty(cycles), np.empty(cycles)
    work, normal = np.empty((4, cycles)), np.empty((3, 4))
    theta = np.empty(3)
    low, high = bounds[0], bounds[1]
    for row in range(rows):
        count = 0
        mean = 0.0
        for i in range(cycles):
            value = fluorescence[row, i]
            if math.isfinite(value):
                t[count], y[count] = t_all[i], value
                mean += value
                count += 1
        steps[row] = 0
        status[row] = TOO_FEW
        out[row, :] = math.nan
        mean /= max(count, 1)
        total = 0.0
        for i in range(count):
            total += (y[i] - mean) ** 2
        if count < 6 or not total > 0.0:
            continue
        best = math.inf
        for start in range(starts.shape[1]):
            theta[:] = starts[row, start]
            rss, taken, done = _descend(t, y, count, low, high, theta, work, normal)
            steps[row] += taken
            if rss < best * (1.0 - 1e-9):
                best = rss
                rss, floor, height = evaluate(t, y, count, theta, work, normal)
                at_bound = False
                for i in range(3):
                    at_bound = at_bound or theta[i] <= low[i] or theta[i] >= high[i]
                status[row] = NOT_CONVERGED if not done else (AT_BOUND if at_bound else CONVERGED)
                out[row, :3] = theta
                out[row, 3], out[row, 4], out[row, 5] = floor, height, rss
                for i in range(3):
                    for j in range(3):
                        out[row, 6 + 3 * i + j] = normal[i, j]
            if status[row] == CONVERGED and best < retry * total:
                break


def fit_sigmoids(cycles: Floats, fluorescence: Floats, *, retry_unexplained: float = 3e-3) -> SigmoidFits:
    """Least squares of the five-parameter sigmoid to each curve.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers, positive and increasing.
    fluorescence : ndarray, shape (n, k)
        A curve a row; NaN where a cycle is missing.
    retry_unexplained : float, default 3e-3
        A fit that leaves more than this share of a curve's variance is tried from the other shapes too.

    Returns
    -------
    SigmoidFits
        One a row, in order. Rows do not see each other.

    References
    ----------
    .. [1] Spiess, Feig and Ritz, BMC Bioinformatics 9, 221 (2008): equation 2, the model l5.

    Examples
    --------
    >>> cycles = np.arange(1.0, 46.0)
    >>> curve = sigmoid(cycles, np.array([[3.2, 1.6, 0.0]]), floor=np.array([1.0]), height=np.array([20.0]))
    >>> fit = fit_sigmoids(cycles, curve)
    >>> bool(fit.rss[0] < 1e-12), fit.shape[0].round(4).tolist()
    (True, [3.2, 1.6, 0.0])
    """
    log_cycles = np.log(np.asarray(cycles, dtype=np.float64))
    rows = np.ascontiguousarray(fluorescence, dtype=np.float64)
    low = np.array([log_cycles[0] - 0.5, _LOG_SLOPE_LOW, _PHI_LOW])
    high = np.array([log_cycles[-1] + 0.7, _LOG_SLOPE_HIGH, _PHI_HIGH])
    out = np.empty((len(rows), 15))
    steps, status = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    bounds = np.stack([low, high])
    _fit_rows(log_cycles, rows, _starts(log_cycles, rows), bounds, retry_unexplained, out, steps, status)
    return SigmoidFits(
        shape=out[:, :3],
        floor=out[:, 3],
        height=out[:, 4],
        rss=out[:, 5],
        information=out[:, 6:].reshape(-1, 3, 3),
        steps=steps,
        status=status,
    )


def sigmoid(cycles: Floats, shape: Floats, *, floor: Floats, height: Floats) -> Floats:
    """Fluorescence of sigmoids.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers, positive.
    shape : ndarray, shape (n, 3)
        ``m``, ``ln s`` and ``phi`` of each.
    floor, height : ndarray, shape (n,)
        Fluorescence at the start, and its whole rise.

    Returns
    -------
    ndarray, shape (n, k)
        Fluorescence.
    """
    m, log_slope, phi = (shape[:, i, None] for i in range(3))
    f = np.exp(phi)
    b = -np.exp(log_slope + (f + 1.0) * np.log1p(1.0 / f))
    return np.asarray(
        floor[:, None] + height[:, None] * np.exp(-f * np.logaddexp(0.0, b * (np.log(cycles) - m) - phi))
    )


def qpcr_parameters(fits: SigmoidFits) -> Floats:
    """Parameters b, c, d, e and f in the form of R qpcR.

    Parameters
    ----------
    fits : SigmoidFits
        Fitted sigmoids.

    Returns
    -------
    ndarray, shape (n, 5)
        ``F(x) = c + (d - c) / (1 + exp(b (ln x - ln e)))^f``.
    """
    m, log_slope, phi = fits.shape.T
    f = np.exp(phi)
    b = -np.exp(log_slope + (f + 1.0) * np.log1p(1.0 / f))
    return np.stack([b, fits.floor, fits.floor + fits.height, np.exp(m + phi / b), f], axis=1)


def _starts(log_cycles: Floats, fluorescence: Floats) -> Floats:
    """Best shapes of a fixed table, one for each asymmetry, the best first; shape (n, 3, 3)."""
    cycles = np.exp(log_cycles)
    places = np.log(np.linspace(cycles[0] + 2.0, cycles[-1] + 2.0, max(len(cycles) // 2, 2)))
    table = np.array([(m, slope, phi) for phi in _PHI_STARTS for m in places for slope in _LOG_SLOPE_STARTS])
    each = np.ones(len(table))
    shapes = sigmoid(cycles, table, floor=0.0 * each, height=each)
    shapes -= shapes.mean(axis=1, keepdims=True)
    shapes /= np.maximum(np.sqrt(np.square(shapes).sum(axis=1, keepdims=True)), 1e-6)
    seen = np.isfinite(fluorescence)
    mean = np.where(seen, fluorescence, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    centred = np.where(seen, fluorescence - mean[:, None], 0.0)
    found = np.empty((len(fluorescence), len(_PHI_STARTS), 3))
    for first in range(0, len(fluorescence), _BLOCK):
        rows = slice(first, first + _BLOCK)
        score = np.abs(centred[rows] @ shapes.T).reshape(-1, len(_PHI_STARTS), len(table) // len(_PHI_STARTS))
        chosen = score.argmax(axis=2)
        best = np.take_along_axis(score, chosen[:, :, None], axis=2)[:, :, 0]
        order = np.argsort(-best, axis=1, kind="stable")
        shape = table.reshape(len(_PHI_STARTS), -1, 3)[np.arange(len(_PHI_STARTS))[None, :], chosen]
        found[rows] = np.take_along_axis(shape, order[:, :, None], axis=1)
    return found
