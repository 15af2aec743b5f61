"""Standard wells summed up by plate and level, and what scatters a single well.

A standard of N nominal copies holds Poisson(q N) molecules that amplify: the moments are those of wells that
hold at least one. Arrays are plates x levels of one ladder; Cq in cycles, copies as log10.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import digamma, gammaln, logsumexp, polygamma

__all__ = ["Ladder", "common_slope", "ladder", "log_count_moments", "technical_sd"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_LN10: Final = float(np.log(10.0))
_SUM_UP_TO: Final = 400.0
_DEFAULT_PLATES: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Standard wells of all plates, summed up by level.

    Attributes
    ----------
    log10_copies : ndarray of float, shape (levels,)
        Nominal copies of the ladder.
    wells, silent : ndarray of int, shape (plates, levels)
        Wells with a Cq, and wells without.
    mean, squares : ndarray of float, shape (plates, levels)
        Mean Cq and sum of squares about it; 0 without wells.
    """

    log10_copies: Floats
    wells: Integers
    silent: Integers
    mean: Floats
    squares: Floats

    def __len__(self) -> int:
        return len(self.wells)

    def take(self, rows: Integers | Bools) -> Ladder:
        """Some plates.

        Parameters
        ----------
        rows : ndarray of int or bool
            Plates.

        Returns
        -------
        Ladder
            Those plates on the same levels.
        """
        return replace(
            self,
            wells=self.wells[rows],
            silent=self.silent[rows],
            mean=self.mean[rows],
            squares=self.squares[rows],
        )


def ladder(plate: Integers, log10_copies: Floats, cq: Floats, *, plates: int) -> Ladder:
    """Sum up standard wells by plate and level.

    Parameters
    ----------
    plate : ndarray of int, shape (w,)
        Plate of each well, 0 to ``plates - 1``.
    log10_copies, cq : ndarray of float, shape (w,)
        Nominal copies and quantification cycle; NaN for a silent well.
    plates : int
        Number of plates.

    Returns
    -------
    Ladder
        Levels in rising order.

    Examples
    --------
    >>> got = ladder(np.zeros(3, int), np.array([1.0, 1.0, 2.0]), np.array([36.0, np.nan, 32.6]), plates=1)
    >>> got.wells.tolist(), got.silent.tolist()
    ([[1, 1]], [[1, 0]])
    """
    levels, level = np.unique(np.round(log10_copies, 9), return_inverse=True)
    shape = (plates, len(levels))
    place = plate * len(levels) + level
    seen = np.isfinite(cq)
    value = np.where(seen, cq, 0.0)

    def total(weights: Floats) -> Floats:
        summed: Floats = np.bincount(place, weights=weights, minlength=shape[0] * shape[1]).astype(float)
        return summed.reshape(shape)

    wells = total(seen.astype(float))
    mean = total(value) / np.maximum(wells, 1.0)
    about = np.where(seen, value - mean[plate, level], 0.0)
    return Ladder(
        levels, wells.astype(np.int64), total(~seen + 0.0).astype(np.int64), mean, total(np.square(about))
    )


def log_count_moments(mean: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of log10 m for m ~ Poisson, given that m >= 1.

    Parameters
    ----------
    mean : ndarray of float, shape (n,)
        Mean of the Poisson count, positive.

    Returns
    -------
    expected, variance : ndarray of float, shape (n,)
        The literal sum up to a mean of 400; beyond, the series in 1 / mean, exact to 1e-9.

    Examples
    --------
    >>> expected, variance = log_count_moments(np.array([15.0]))
    >>> (expected - np.log10(15)).round(4), np.sqrt(variance).round(4)
    (array([-0.0154]), array([0.1187]))
    """
    inverse = 1.0 / mean
    expected = np.log(mean) - inverse / 2 - 5 * inverse**2 / 12 - 3 * inverse**3 / 4
    variance = inverse + 3 * inverse**2 / 2 + 11 * inverse**3 / 3
    few = np.flatnonzero(mean <= _SUM_UP_TO)
    if len(few):
        m = np.arange(1.0, _SUM_UP_TO + 12.0 * _SUM_UP_TO**0.5)
        log_share = m * np.log(mean[few])[:, None] - gammaln(m + 1)
        share = np.exp(log_share - logsumexp(log_share, axis=1, keepdims=True))
        expected[few] = share @ np.log(m)
        variance[few] = np.sum(share * np.square(np.log(m) - expected[few, None]), axis=1)
    return expected / _LN10, variance / _LN10**2


def common_slope(held: Ladder) -> float:
    """Slope within plates, wells as weights.

    Parameters
    ----------
    held : Ladder
        Standards.

    Returns
    -------
    float
        Cycles a tenfold.
    """
    n = held.wells.astype(float)
    total = np.maximum(n.sum(axis=1, keepdims=True), 1.0)
    x = held.log10_copies - (n @ held.log10_copies)[:, None] / total
    y = held.mean - (n * held.mean).sum(axis=1, keepdims=True) / total
    return float((n * x * y).sum() / (n * x * x).sum())


def technical_sd(
    held: Ladder, *, slope: float, detection_probability: float, default: float, weight: float
) -> Floats:
    """Technical standard deviation of one well of each plate, cycles.

    Parameters
    ----------
    held : Ladder
        Standards.
    slope : float
        Cycles a tenfold, for the Poisson part.
    detection_probability : float
        P(one molecule amplifies).
    default : float
        Value before the plates speak, cycles.
    weight : float
        Degrees of freedom of that default.

    Returns
    -------
    ndarray of float, shape (plates,)
        Variance within levels, less its Poisson share, drawn to what all plates show; how hard it is drawn is
        learned from how much plates differ. The default counts as two plates. Levels whose Poisson variance
        exceeds the default's are left out.

    References
    ----------
    .. [1] Smyth, Stat Appl Genet Mol Biol 3, 3 (2004), section 6.2: moments of a scaled F law.
    """
    _expected, variance = log_count_moments(detection_probability * np.power(10.0, held.log10_copies))
    poisson = slope**2 * variance
    freedom = np.where(poisson <= default**2, np.maximum(held.wells - 1, 0), 0)
    share = default**2 / (default**2 + poisson)
    own, counted = (held.squares * share * (freedom > 0)).sum(axis=1), freedom.sum(axis=1)
    known = (counted > 0) & (own > 0)
    half = counted[known] / 2.0
    height = np.log(own[known] / counted[known]) - digamma(half) + np.log(half)
    start = np.log(default**2) - digamma(weight / 2.0) + np.log(weight / 2.0)
    n = int(known.sum())
    middle = (height.sum() + _DEFAULT_PLATES * start) / (n + _DEFAULT_PLATES)
    beyond = np.square(height - height.mean()).sum() if n else 0.0
    apart = (beyond - (polygamma(1, half).sum() if n else 0.0) * max(n - 1, 0) / max(n, 1)) + (
        _DEFAULT_PLATES * polygamma(1, weight / 2.0)
    )
    prior = _freedom_of(apart / (max(n - 1, 0) + _DEFAULT_PLATES))
    common = np.exp(middle + digamma(prior / 2.0) - np.log(prior / 2.0))
    result: Floats = np.sqrt((prior * common + own) / (prior + counted))
    return result


def _freedom_of(variance: float) -> float:
    """Degrees of freedom of a prior whose log variance has this spread, 2 to 200."""
    few, many = 2.0, 200.0
    if variance >= polygamma(1, few / 2.0):
        return few
    if variance <= polygamma(1, many / 2.0):
        return many
    return float(optimize.brentq(lambda d: float(polygamma(1, d / 2.0)) - variance, few, many))
