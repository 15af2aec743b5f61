"""Posterior of log10 q on a grid: flat prior on the declared range, named errors folded in.

Every kind is first brought to 64 knots over the window where its likelihood lives; refining knots to a
finer even grid is then one matrix product for all rows. A Gaussian error of log10 q is a convolution,
done exactly in the frequency domain. Rows are worked on in blocks of a fixed size by threads: the number
of threads changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import CubicSpline

from remnant.evidence.batch import KINDS, EvidenceBatch, Floats, Integers
from remnant.evidence.kinds import KNOTS
from remnant.evidence.likelihood import at_log10, at_zero

__all__ = [
    "Distribution",
    "Knots",
    "Side",
    "blocks",
    "difference",
    "knots",
    "posterior",
    "quantile",
    "side_of",
    "tail",
]

_COARSE: Final = 129
_DEPTH: Final = 18.0  # e^-18 of the maximum: what lies outside weighs less than 1e-6
_REACH: Final = 6.0  # standard deviations kept on each side of an error
_BLOCK: Final = 1024
_FAR: Final = 50.0  # log-likelihood that one hypothesis may be ahead of another before it is certain
_INSIDE: Final = 1e-9  # rounding puts no knot beyond a step that is so far away
_POINTS: Final = 512
_CELLS: Final = KNOTS - 1
_REFINEMENTS: Final = (4, 2, 1)


def _refining(times: int) -> Floats:
    """Matrix from knot values to values on a grid `times` finer, by cubic spline."""
    fine: Floats = CubicSpline(np.arange(KNOTS), np.eye(KNOTS))(np.arange(_CELLS * times + 1) / times)
    return fine.T.copy()


_REFINE: Final = {times: _refining(times) for times in _REFINEMENTS}


@dataclass(frozen=True, slots=True, eq=False)
class Knots:
    """Log-likelihood of every row on 64 even knots of its own window.

    Attributes
    ----------
    low, high : ndarray of float, shape (n,)
        Window on log10 q.
    value : ndarray of float, shape (n, KNOTS)
        Log-likelihood less its maximum over the knots.
    peak : ndarray of float, shape (n,)
        That maximum.
    """

    low: Floats
    high: Floats
    value: Floats
    peak: Floats

    def take(self, rows: Integers) -> Knots:
        """Some rows.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        Knots
            Those rows.
        """
        return Knots(self.low[rows], self.high[rows], self.value[rows], self.peak[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a difference.

    Attributes
    ----------
    rows : Knots, n rows
        Likelihood.
    bound : ndarray of int, shape (n,)
        1 where only a lower bound is known, -1 where only an upper one, else 0.
    zero : ndarray of float, shape (n,)
        Likelihood of q = 0 relative to the largest on the knots.
    """

    rows: Knots
    bound: Integers
    zero: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Distribution function of log10 q on an even grid a row.

    Attributes
    ----------
    start, step : ndarray of float, shape (n,)
        First cell edge and spacing.
    cumulative : ndarray of float, shape (n, m + 1)
        Probability below each edge; 0 at the first, 1 at the last.
    """

    start: Floats
    step: Floats
    cumulative: Floats


def _distribution(first_point: Floats, step: Floats, density: Floats) -> Distribution:
    """Cells reach half a step to each side of the points where the density stands."""
    cumulative = np.zeros((len(step), density.shape[1] + 1))
    np.cumsum(density, axis=1, out=cumulative[:, 1:])
    cumulative /= cumulative[:, -1:].copy()
    return Distribution(first_point - 0.5 * step, step, cumulative)


def blocks(n: int, work: Callable[[Integers], tuple[Floats, ...]]) -> tuple[Floats, ...]:
    """Apply a function to blocks of rows, in threads, and put the results together.

    Parameters
    ----------
    n : int
        Number of rows.
    work : callable
        Takes row numbers, gives arrays whose first axis is those rows.

    Returns
    -------
    tuple of ndarray
        The arrays over all rows, in order.
    """
    parts = [np.arange(i, min(i + _BLOCK, n)) for i in range(0, max(n, 1), _BLOCK)]
    if len(parts) == 1:
        return work(parts[0])
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(work, parts))
    return tuple(np.concatenate(column) for column in zip(*results, strict=True))


def knots(batch: EvidenceBatch) -> Knots:
    """Bring every kind to 64 knots over the part of its range where the likelihood lives.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence; each row's likelihood is taken to have one maximum.

    Returns
    -------
    Knots
        A profile keeps its own knots.
    """
    low, high = batch.log10_low.copy(), batch.log10_high.copy()
    value = np.empty((len(batch), KNOTS))
    is_profile = batch.kind == KINDS.index("profile")
    own = np.flatnonzero(is_profile)
    value[own] = batch.profile[batch.row[own]]
    other = np.flatnonzero(~is_profile)
    if len(other):
        part = batch.take(other)
        low[other], high[other] = _window(part)
        points = low[other][:, None] + (high - low)[other][:, None] * np.linspace(0.0, 1.0, KNOTS)
        value[other] = at_log10(part, points)
    peak = value.max(axis=1)
    return Knots(low, high, value - peak[:, None], peak)


def _window(batch: EvidenceBatch) -> tuple[Floats, Floats]:
    low, high = batch.log10_low.copy(), batch.log10_high.copy()
    rows = np.arange(len(batch))
    for _zoom in range(3):
        points = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _COARSE)
        values = at_log10(batch, points)
        alive = values > values.max(axis=1, keepdims=True) - _DEPTH
        first = np.maximum(alive.argmax(axis=1) - 1, 0)
        last = np.minimum(_COARSE - alive[:, ::-1].argmax(axis=1), _COARSE - 1)
        low, high = points[rows, first], points[rows, last]
    steps = np.flatnonzero(batch.kind == KINDS.index("reported"))
    # "More than" begins, and "less than" ends, where the report says: no spline is laid over the step.
    low[steps] = np.maximum(low[steps], batch.reported[batch.row[steps], 3])
    high[steps] = np.minimum(high[steps], batch.reported[batch.row[steps], 2] - _INSIDE)
    return low, high


def posterior(rows: Knots, sd_log10: Floats) -> Distribution:
    """Posterior of log10 q of each row.

    Parameters
    ----------
    rows : Knots
        Likelihood.
    sd_log10 : ndarray of float, shape (n,)
        Error to fold in, log10.

    Returns
    -------
    Distribution
        Over window and error, in 512 cells a row.
    """
    n = len(sd_log10)
    width = rows.high - rows.low
    density = np.zeros((n, _POINTS))
    start, step = np.empty(n), np.ones(n)
    left = np.ones(n, dtype=np.bool_)
    for times, matrix in _REFINE.items():
        points = matrix.shape[1]
        room = (_POINTS - points) // 2
        chosen = np.flatnonzero(left & (_REACH * sd_log10 * (points - 1) <= room * width))
        left[chosen] = False
        step[chosen] = width[chosen] / (_CELLS * times)
        start[chosen] = rows.low[chosen] - room * step[chosen]
        density[chosen, room : room + points] = np.exp(np.minimum(rows.value[chosen] @ matrix, 0.0))
    density = _folded(density, np.where(left, 0.0, sd_log10 / step))
    wide = np.flatnonzero(left)
    if len(wide):
        start[wide], step[wide], density[wide] = _nearly_normal(rows.take(wide), sd_log10[wide])
    return _distribution(start, step, density)


def _nearly_normal(rows: Knots, sd_log10: Floats) -> tuple[Floats, Floats, Floats]:
    """Density where the error dwarfs the likelihood (some 7 times its spread): normal by moments."""
    weight = np.exp(rows.value)
    weight /= weight.sum(axis=1, keepdims=True)
    x = rows.low[:, None] + (rows.high - rows.low)[:, None] * np.linspace(0.0, 1.0, KNOTS)
    mean = (weight * x).sum(axis=1)
    sd = np.sqrt((weight * np.square(x - mean[:, None])).sum(axis=1) + np.square(sd_log10))
    step = 2 * _REACH * sd / (_POINTS - 1)
    z = np.linspace(-_REACH, _REACH, _POINTS)
    return mean - _REACH * sd, step, np.broadcast_to(np.exp(-0.5 * z * z), (len(sd), _POINTS))


def _kernel(sd_steps: Floats, points: int) -> Floats:
    """Transform of a Gaussian with the given standard deviations in grid steps."""
    curvature = -2.0 * np.square(np.pi * fft.rfftfreq(points))
    kernel: Floats = np.exp(np.square(sd_steps)[:, None] * curvature)
    return kernel


def _folded(density: Floats, sd_steps: Floats) -> Floats:
    if not sd_steps.any():
        return density
    points = density.shape[1]
    spectrum = fft.rfft(density, axis=1) * _kernel(sd_steps, points)
    folded: Floats = fft.irfft(spectrum, n=points, axis=1, overwrite_x=True)
    return np.maximum(folded, 0.0, out=folded)


def side_of(batch: EvidenceBatch, exceeds: NDArray[np.bool_], level: float) -> Side:
    """One side of a difference, and the bound that may be all that is known of it.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    exceeds : ndarray of bool, shape (n,)
        Rows of which only a lower bound is known.
    level : float
        Probability inside the interval that will be asked: q = 0 is refuted where its relative likelihood is below
        ``(1 - level) / 2``.

    Returns
    -------
    Side
        Of the other rows, those where q = 0 is not refuted are known by an upper bound only.
    """
    rows = knots(batch)
    zero = np.exp(np.minimum(at_zero(batch) - rows.peak, _FAR))
    open_below = zero >= (1.0 - level) / 2.0
    return Side(rows, np.where(exceeds, 1, np.where(open_below, -1, 0)), zero)


def difference(after: Side, before: Side, sd_log10: Floats) -> Distribution:
    """Posterior of log10 after - log10 before.

    Parameters
    ----------
    after, before : Side, n rows each
        The two sides. Where only a bound of one is known, the bound stands for the quantity, each bound as likely as the
        likelihood rises or falls at it, and the declared range plays no part.
    sd_log10 : ndarray of float, shape (n,)
        Error of the difference that is not in the likelihoods.

    Returns
    -------
    Distribution
        Of the difference, in 512 cells a row.
    """
    later, earlier = after.rows, before.rows
    width_b = earlier.high - earlier.low
    total = (later.high - later.low) + width_b + 2 * _REACH * sd_log10
    step = total / (_POINTS - 6)
    # The later side starts so far in that no difference wraps around.
    lead = np.ceil((width_b + _REACH * sd_log10) / step).astype(np.int64) + 1
    spectrum = fft.rfft(_binned(after, step, lead), axis=1)
    spectrum *= np.conj(fft.rfft(_binned(before, step, np.zeros_like(lead)), axis=1))
    spectrum *= _kernel(sd_log10 / step, _POINTS)
    density = fft.irfft(spectrum, n=_POINTS, axis=1, overwrite_x=True)
    np.maximum(density, 0.0, out=density)
    return _distribution(later.low - earlier.low - lead * step, step, density)


def _binned(side: Side, step: Floats, lead: Integers) -> Floats:
    """Mass of each row on a coarser grid of the given step, shared between the two nearest points."""
    rows = side.rows
    fine = np.exp(np.minimum(rows.value @ _REFINE[2], 0.0))
    known, above, below = (np.flatnonzero(side.bound == bound) for bound in (0, 1, -1))
    fine[known] = _without_plateau(fine[known], side.zero[known])
    fine[above] = _rise(fine[above])
    fine[below] = _rise(fine[below, ::-1])[:, ::-1]
    fine[below, 0] += np.maximum(side.zero[below] - 1.0, 0.0)
    place = ((rows.high - rows.low) / (2 * _CELLS) / step)[:, None] * np.arange(fine.shape[1])
    cell = place.astype(np.int64)
    upper = fine * (place - cell)
    flat = (cell + (lead + _POINTS * np.arange(len(step)))[:, None]).ravel()
    size = len(step) * _POINTS + 1
    binned: Floats = np.zeros(size)
    binned += np.bincount(flat, weights=(fine - upper).ravel(), minlength=size)
    binned += np.bincount(flat + 1, weights=upper.ravel(), minlength=size)
    return binned[:-1].reshape(-1, _POINTS)


def _rise(likelihood: Floats) -> Floats:
    """How much a likelihood rises around each point; what it has at the first point is there."""
    climbed = np.maximum.accumulate(likelihood, axis=1)
    between = 0.5 * np.diff(climbed, axis=1)
    rise = np.zeros_like(climbed)
    rise[:, 0] = climbed[:, 0]
    rise[:, :-1] += between
    rise[:, 1:] += between
    return rise


def _without_plateau(likelihood: Floats, zero: Floats) -> Floats:
    """Likelihood that q = 0 does not have too: far below, where the two are one, a declared range has no weight."""
    some = np.flatnonzero(zero > 0.0)
    if not len(some):
        return likelihood
    part, result = likelihood[some], likelihood.copy()
    below = np.arange(part.shape[1]) < part.argmax(axis=1)[:, None]
    result[some] = np.where(below, np.maximum(part - zero[some, None], 0.0), part)
    return result


def quantile(grid: Distribution, probability: Floats) -> Floats:
    """Quantiles of a distribution.

    Parameters
    ----------
    grid : Distribution
        Of log10 q.
    probability : ndarray of float, shape (p,)
        Probabilities asked, strictly between 0 and 1.

    Returns
    -------
    ndarray of float, shape (n, p)
        log10 q.
    """
    cumulative = grid.cumulative
    n, edges = cumulative.shape
    # One sorted search over all rows: row i is lifted by 2 i, so that rows stay apart.
    lift = 2.0 * np.arange(n)[:, None]
    found = np.searchsorted((cumulative + lift).ravel(), (probability + lift).ravel()).reshape(
        n, len(probability)
    )
    cell = np.clip(found - edges * np.arange(n)[:, None] - 1, 0, edges - 2)
    rows = np.arange(n)[:, None]
    below, above = cumulative[rows, cell], cumulative[rows, cell + 1]
    part = (probability - below) / np.where(above > below, above - below, 1.0)
    result: Floats = grid.start[:, None] + (cell + part) * grid.step[:, None]
    return result


def tail(grid: Distribution, limit: Floats) -> Floats:
    """Probability above limits.

    Parameters
    ----------
    grid : Distribution
        Of log10 q.
    limit : ndarray of float, shape (n, p)
        log10 of the limits.

    Returns
    -------
    ndarray of float, shape (n, p)
        Probability.
    """
    cumulative = grid.cumulative
    place = (limit - grid.start[:, None]) / grid.step[:, None]
    place = np.clip(place, 0.0, cumulative.shape[1] - 1.0)
    cell: NDArray[np.int64] = np.minimum(place.astype(np.int64), cumulative.shape[1] - 2)
    rows = np.arange(len(cumulative))[:, None]
    below, above = cumulative[rows, cell], cumulative[rows, cell + 1]
    result: Floats = 1.0 - (below + (place - cell) * (above - below))
    return result
