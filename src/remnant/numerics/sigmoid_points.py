"""Cycles read off fitted sigmoids, and the standard errors of those cycles.

With ``u = (x / e)^b`` and ``w = u / (1 + u)`` the unit sigmoid is ``(1 + u)^(-f)``. Its derivatives by x are
polynomials in w, so that the steepest point and the largest second derivative are roots in closed form:
``w = (b - 1) / (b (1 + f))`` and ``b^2 (1 + f)(2 + f) w^2 - 3 b (b - 1)(1 + f) w + (b - 1)(b - 2) = 0``.

Standard errors are of the sandwich kind. Each cycle is differentiated by the shape (delta method), which gives
the influence of every reading on it; the residuals give the spread of the readings, which may change along the
curve, and the correlation of neighbours (first order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled
from remnant.numerics.reading_noise import ReadingNoise, moved_variance
from remnant.numerics.sigmoid import SigmoidFits, evaluate

__all__ = [
    "SigmoidMaxima",
    "SigmoidPoints",
    "sigmoid_maxima",
    "sigmoid_points",
    "third_derivative_errors",
]

Floats = NDArray[np.float64]
Array = NDArray[Any]

_POINTS = 5
_SMOOTHING = 4
"""Cycles to each side over which the spread of readings is taken."""
_POOLED = 0.2
"""Weight of the whole curve's spread beside that of the neighbourhood."""
_CORRELATION_SLOPE, _CORRELATION_OFFSET = 1.4, 0.17
_CORRELATION_MOST = 0.6
"""Five fitted parameters take correlation out of residuals. In simulated curves of 45 and 50 cycles the lag-one
correlation that is left is 0.71 rho - 0.12; this is the way back."""
_TAKEN_LINEAR, _TAKEN_SQUARE = 0.35, 0.6
"""They also follow correlated errors, which takes this share of their variance out of the residuals: 0.24 at a
correlation of 0.4 and 0.66 at 0.8 in the same simulation."""


_THIRD_DIFFERENCE: Final = np.array([-0.25, 0.25, 0.5, -0.5, -0.25, 0.25, 0.0])
"""Third difference of the 1-2-1 smoothed curve by the readings it takes, the seventh being the next one's last."""


@dataclass(frozen=True, slots=True, eq=False)
class SigmoidPoints:
    """Cycles of fitted sigmoids, columnar; NaN where a curve has no such point.

    Attributes
    ----------
    steepest : ndarray, shape (n,)
        First-derivative maximum, cpD1.
    second_derivative : ndarray, shape (n,)
        Second-derivative maximum, cpD2.
    tangent : ndarray, shape (n,)
        Where the tangent at the steepest point meets the floor, Cy0.
    share_cycle : ndarray, shape (n,)
        Where the sigmoid has risen by the given share of its height.
    early_share_cycle : ndarray, shape (n,)
        Where it has risen by a smaller share; NaN if none was given.
    standard_error : ndarray, shape (n, 5)
        Standard errors of the five, in cycles.
    """

    steepest: Floats
    second_derivative: Floats
    tangent: Floats
    share_cycle: Floats
    early_share_cycle: Floats
    standard_error: Floats


@compiled
def _steepness(theta: Array) -> tuple[float, float]:
    """``b`` and ``f`` of a shape."""
    f = math.exp(theta[2])
    return -math.exp(theta[1] + (f + 1.0) * math.log1p(1.0 / f)), f


@compiled
def _read(theta: Array, shares: Array, out: Array) -> None:
    """Steepest, second-derivative, tangent and both share cycles of a shape; NaN where there is none."""
    b, f = _steepness(theta)
    out[0] = out[1] = out[2] = math.nan
    for k in range(2):
        log_rest = math.log(shares[k]) / f
        out[3 + k] = math.exp(theta[0] + (math.log(-math.expm1(log_rest)) - log_rest + theta[2]) / b)
    w = (b - 1.0) / (b * (1.0 + f))
    if 0.0 < w < 1.0:
        x = math.exp(theta[0] + (math.log(w) - math.log1p(-w) + theta[2]) / b)
        out[0] = x
        out[2] = x + x / (f * b * w)
    p, q, r = b * b * (1.0 + f) * (2.0 + f), -3.0 * b * (b - 1.0) * (1.0 + f), (b - 1.0) * (b - 2.0)
    inside = q * q - 4.0 * p * r
    if inside >= 0.0:
        w = (-q + math.sqrt(inside)) / (2.0 * p)
        if 0.0 < w < 1.0:
            out[1] = math.exp(theta[0] + (math.log(w) - math.log1p(-w) + theta[2]) / b)


@compiled
def _influence(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    theta: Array, shares: Array, height: float, work: Array, normal: Array, count: int, influence: Array
) -> None:
    """Change of each cycle by a unit of fluorescence at each reading, shape (5, count)."""
    gradient = np.empty((_POINTS, 3))
    up, down = np.empty(_POINTS), np.empty(_POINTS)
    for k in range(3):
        step = 1e-5
        theta[k] += step
        _read(theta, shares, up)
        theta[k] -= 2.0 * step
        _read(theta, shares, down)
        theta[k] += step
        for j in range(_POINTS):
            gradient[j, k] = (up[j] - down[j]) / (2.0 * step)
    a = normal[:, :3].copy()
    for k in range(3):
        a[k, k] = a[k, k] * (1.0 + 1e-9) + 1e-300
    determinant = (
        a[0, 0] * (a[1, 1] * a[2, 2] - a[1, 2] ** 2)
        - a[0, 1] * (a[0, 1] * a[2, 2] - a[1, 2] * a[0, 2])
        + a[0, 2] * (a[0, 1] * a[1, 2] - a[1, 1] * a[0, 2])
    )
    inverse = np.empty((3, 3))
    inverse[0, 0] = a[1, 1] * a[2, 2] - a[1, 2] ** 2
    inverse[0, 1] = inverse[1, 0] = a[0, 2] * a[1, 2] - a[0, 1] * a[2, 2]
    inverse[0, 2] = inverse[2, 0] = a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1]
    inverse[1, 1] = a[0, 0] * a[2, 2] - a[0, 2] ** 2
    inverse[1, 2] = inverse[2, 1] = a[0, 1] * a[0, 2] - a[0, 0] * a[1, 2]
    inverse[2, 2] = a[0, 0] * a[1, 1] - a[0, 1] ** 2
    n = float(count)
    mean_g = 0.0
    for i in range(count):
        mean_g += work[0, i] / n
    spread = 0.0
    for i in range(count):
        spread += (work[0, i] - mean_g) ** 2
    influence[:, :count] = 0.0
    for k in range(3):
        mean_d = along = 0.0
        for i in range(count):
            mean_d += work[1 + k, i] / n
            along += (work[0, i] - mean_g) * work[1 + k, i]
        for j in range(_POINTS):
            v = 0.0
            for other in range(3):
                v += inverse[k, other] * gradient[j, other]
            v *= height / determinant
            for i in range(count):
                d = work[1 + k, i] - mean_d - along / spread * (work[0, i] - mean_g)
                influence[j, i] += v * d


@compiled
def _spread(residual: Array, count: int, sd: Array) -> float:
    """Local standard deviation of the readings into `sd`; the correlation of neighbours."""
    freedom = max(count - 5, 1)
    total = 0.0
    for i in range(count):
        total += residual[i] ** 2
    overall = total / freedom
    for i in range(count):
        low, high = max(i - _SMOOTHING, 0), min(i + _SMOOTHING + 1, count)
        near = 0.0
        for k in range(low, high):
            near += residual[k] ** 2
        near *= count / (freedom * (high - low))
        sd[i] = math.sqrt((1.0 - _POOLED) * near + _POOLED * overall)
    if not overall > 0.0:
        return 0.0
    same = next_to = 0.0
    for i in range(count):
        same += (residual[i] / sd[i]) ** 2
        if i > 0:
            next_to += residual[i] * residual[i - 1] / (sd[i] * sd[i - 1])
    correlation = _CORRELATION_SLOPE * next_to / same + _CORRELATION_OFFSET
    return min(max(correlation, 0.0), _CORRELATION_MOST)


@compiled
def _point_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    t_all: Array,
    fluorescence: Array,
    shape: Array,
    floor_height: Array,
    shares: Array,
    misfit: Array,
    out: Array,
) -> None:
    rows, cycles = fluorescence.shape
    t, y = np.empty(cycles), np.empty(cycles)
    residual, sd = np.empty(cycles), np.empty(cycles)
    work, normal = np.empty((4, cycles)), np.empty((3, 4))
    influence = np.empty((_POINTS, cycles))
    theta = np.empty(3)
    for row in range(rows):
        out[row, :] = math.nan
        if not math.isfinite(shape[row, 0]):
            continue
        theta[:] = shape[row]
        _read(theta, shares, out[row, :_POINTS])
        count = 0
        for i in range(cycles):
            if math.isfinite(fluorescence[row, i]):
                t[count], y[count] = t_all[i], fluorescence[row, i]
                sd[count] = misfit[row, i]
                count += 1
        evaluate(t, y, count, theta, work, normal)
        for i in range(count):
            residual[i] = y[i] - floor_height[row, 0] - floor_height[row, 1] * work[0, i] - sd[i]
        _influence(theta, shares, floor_height[row, 1], work, normal, count, influence)
        rho = _spread(residual, count, sd)
        left = 1.0 - _TAKEN_LINEAR * rho - _TAKEN_SQUARE * rho * rho
        for j in range(_POINTS):
            variance = 0.0
            carried = 0.0
            for i in range(count):
                own = influence[j, i] * sd[i]
                variance += own * own + 2.0 * own * carried
                carried = rho * (carried + own)
            out[row, _POINTS + j] = math.sqrt(max(variance, 0.0) / left)


@compiled
def _maxima_rows(shape: Array, out: Array) -> None:
    read, shares = np.empty(_POINTS), np.full(2, 0.5)
    for row in range(len(shape)):
        _read(shape[row], shares, read)
        out[row, :] = read[:2]


class SigmoidMaxima(NamedTuple):
    """Where sigmoids are steepest and turn most.

    Attributes
    ----------
    steepest, second_derivative : ndarray, shape (n,)
        Cycles of the first- and of the second-derivative maximum.
    """

    steepest: Floats
    second_derivative: Floats


def sigmoid_maxima(fits: SigmoidFits) -> SigmoidMaxima:
    """First- and second-derivative maxima of fitted sigmoids, without standard errors.

    Parameters
    ----------
    fits : SigmoidFits
        Fits.

    Returns
    -------
    SigmoidMaxima
        NaN where there is none or nothing was fitted.

    Examples
    --------
    >>> from remnant.numerics.sigmoid import fit_sigmoids, sigmoid
    >>> cycles = np.arange(1.0, 46.0)
    >>> curve = sigmoid(cycles, np.array([[3.2, 1.6, 0.0]]), floor=np.array([1.0]), height=np.array([20.0]))
    >>> sigmoid_maxima(fit_sigmoids(cycles, curve)).second_derivative.round(3).tolist()
    [22.774]
    """
    out = np.empty((len(fits.shape), 2))
    _maxima_rows(np.ascontiguousarray(fits.shape), out)
    return SigmoidMaxima(out[:, 0], out[:, 1])


def sigmoid_points(
    cycles: Floats,
    fluorescence: Floats,
    fits: SigmoidFits,
    *,
    share: float,
    early_share: float | None = None,
    misfit: Floats | None = None,
) -> SigmoidPoints:
    """Cycles of fitted sigmoids with standard errors.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers.
    fluorescence : ndarray, shape (n, k)
        The curves that were fitted.
    fits : SigmoidFits
        Their fits.
    share : float
        Share of the height at which `share_cycle` is read.
    early_share : float or None, default None
        Share at which `early_share_cycle` is read; None for none.
    misfit : ndarray, shape (n, k), or None, default None
        Part of the residuals that is no noise, `sigmoid_misfit.shared_misfit`; None for nothing.

    Returns
    -------
    SigmoidPoints
        One a row.

    References
    ----------
    .. [1] Spiess, Feig and Ritz, BMC Bioinformatics 9, 221 (2008): cpD1 and cpD2.
    .. [2] Guescini et al., BMC Bioinformatics 9, 326 (2008): Cy0.

    Examples
    --------
    >>> from remnant.numerics.sigmoid import fit_sigmoids, sigmoid
    >>> cycles = np.arange(1.0, 46.0)
    >>> curve = sigmoid(cycles, np.array([[3.2, 1.6, 0.0]]), floor=np.array([1.0]), height=np.array([20.0]))
    >>> points = sigmoid_points(cycles, curve, fit_sigmoids(cycles, curve), share=0.15)
    >>> points.steepest.round(3).tolist(), points.second_derivative.round(3).tolist()
    ([24.408], [22.774])
    """
    rows = np.ascontiguousarray(fluorescence, dtype=np.float64)
    out = np.empty((len(rows), 10))
    taken = np.zeros_like(rows) if misfit is None else misfit
    pair = np.stack([fits.floor, fits.height], axis=1)
    shares = np.array([share, math.nan if early_share is None else early_share])
    _point_rows(np.log(cycles), rows, np.ascontiguousarray(fits.shape), pair, shares, taken, out)
    return SigmoidPoints(
        steepest=out[:, 0],
        second_derivative=out[:, 1],
        tangent=out[:, 2],
        share_cycle=out[:, 3],
        early_share_cycle=out[:, 4],
        standard_error=out[:, 5:],
    )


@compiled
def _moved_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    weights: Array, first: Array, profile: Array, standardised: Array, out: Array
) -> None:
    for row in range(len(out)):
        out[row] = math.nan
        if first[row] >= 0:
            out[row] = moved_variance(weights[row], first[row], profile[row], standardised[row])


def third_derivative_errors(
    cycles: Floats, fits: SigmoidFits, crossing: Floats, *, noise: ReadingNoise
) -> Floats:
    """Standard errors of the cycles at which the third difference of the readings changes sign, TD0.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers.
    fits : SigmoidFits
        Fits of n curves.
    crossing : ndarray, shape (n,)
        The cycles, linear between two third differences.
    noise : ReadingNoise
        Noise of the readings of the curves.

    Returns
    -------
    ndarray, shape (n,)
        Cycles; NaN where there is no such cycle, or the sigmoid's third difference does not fall there.

    Notes
    -----
    Noise of the interpolated third difference over the fall of the sigmoid's own, at the same cycles. The readings' own
    fall would be looked up where noise made it steep, and give errors that are too small. The grid is taken as
    one reading a cycle.

    Examples
    --------
    >>> from remnant.numerics.reading_noise import reading_noise
    >>> from remnant.numerics.sigmoid import fit_sigmoids, sigmoid
    >>> cycles = np.arange(1.0, 46.0)
    >>> curve = sigmoid(cycles, np.array([[3.2, 1.6, 0.0]]), floor=np.array([1.0]), height=np.array([20.0]))
    >>> curve += np.random.default_rng(0).normal(0.0, 0.01, curve.shape)
    >>> fits = fit_sigmoids(cycles, curve)
    >>> noise = reading_noise(cycles, curve, fits, misfit=np.zeros_like(curve))
    >>> third_derivative_errors(cycles, fits, np.array([22.0]), noise=noise).round(3).tolist()
    [0.016]
    """
    after = np.roll(_THIRD_DIFFERENCE, 1)
    last = len(cycles) - len(after)
    known = np.isfinite(crossing) & (last >= 0)
    at = np.where(known, crossing, cycles[0])
    part = np.mod(at - 0.5, 1.0)[:, None]
    weights = (1.0 - part) * _THIRD_DIFFERENCE + part * after
    own = np.floor(at - 0.5)[:, None] + np.arange(-2.0, 5.0)
    first = np.clip(np.searchsorted(cycles, own[:, 0]), 0, max(last, 0))
    variance = np.empty(len(at))
    _moved_rows(weights, np.where(known, first, -1), noise.profile, noise.standardised, variance)
    with np.errstate(all="ignore"):
        f = np.exp(fits.shape[:, 2])[:, None]
        b = -np.exp(fits.shape[:, 1:2] + (f + 1.0) * np.log1p(1.0 / f))
        u = np.exp(b * (np.log(own) - fits.shape[:, :1]) - fits.shape[:, 2:])
        fall = fits.height * (np.power(1.0 + u, -f) @ (_THIRD_DIFFERENCE - after))
        return np.asarray(np.sqrt(variance) / np.where(fall > 0.0, fall, np.nan))
