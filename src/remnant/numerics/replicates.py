"""Does one replicate well disagree with the others? An exact count test that knows technical noise.

Given the other wells of its group, with ``S`` copies over exposure ``V``, a well of exposure ``v`` expects
a negative binomial count of shape ``S + 1/2`` and mean ``(S + 1/2) v / V`` (Poisson counts with Jeffreys'
prior on their common concentration). Its reading adds technical noise on the log scale, and so does the
mean of the others. At few copies the test is the count test, at many it is the log-normal one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr

__all__ = ["MANY", "two_sided_p"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MANY: Final = 300.0
"""Expected copies above which the log-normal form replaces the count test."""

_LN10: Final = float(np.log(10.0))
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def _count_tails(copies: Floats, others: Floats, share: Floats, sd: Floats) -> tuple[Floats, Floats]:
    """P(count <= copies) and P(count >= copies), each with the mid-point correction, noise folded in."""
    shape = others + 0.5
    chance = 1.0 / (1.0 + share)
    lower, upper = np.zeros(len(copies)), np.zeros(len(copies))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        shifted = copies * np.exp(sd * node)
        below = betainc(shape, shifted + 0.5, chance)
        lower += weight * below
        upper += weight * (1.0 - below)
    silent = copies == 0
    lower[silent] = np.power(chance[silent], shape[silent])
    return lower, upper


def _log_tails(copies: Floats, others: Floats, share: Floats, sd: Floats) -> tuple[Floats, Floats]:
    expected = (others + 0.5) * share
    spread = np.sqrt(np.square(sd) + 1.0 / expected + 1.0 / (others + 0.5))
    with np.errstate(divide="ignore"):
        z = (np.log(copies) - np.log(expected)) / spread
    return ndtr(z), ndtr(-z)


def two_sided_p(copies: Floats, exposure: Floats, used: Bools, technical_sd_log10: Floats) -> Floats:
    """P-value of each well against the other used wells of its group.

    Parameters
    ----------
    copies : ndarray of float, shape (n, r)
        Copies of each well by the standard curve; 0 for a silent one.
    exposure : ndarray of float, shape (n, r)
        Exposure of each well.
    used : ndarray of bool, shape (n, r)
        Wells that take part.
    technical_sd_log10 : ndarray of float, shape (n,)
        Technical standard deviation of one well.

    Returns
    -------
    ndarray of float, shape (n, r)
        Two-sided, for one well chosen beforehand; 1 where the well is not used or stands alone. Multiply by
        the number of wells for the most deviant one.

    Examples
    --------
    >>> copies = np.array([[1000.0, 1020.0, 10.0], [3.0, 1.0, 6.0]])
    >>> p = two_sided_p(copies, np.ones((2, 3)), np.ones((2, 3), bool), np.array([0.023, 0.023]))
    >>> (p.min(axis=1) < 0.01 / 3).tolist()
    [True, False]
    """
    counted = np.where(used, copies, 0.0)
    volume = np.where(used, exposure, 0.0)
    others = counted.sum(axis=1, keepdims=True) - counted
    rest = volume.sum(axis=1, keepdims=True) - volume
    wells = used.sum(axis=1, keepdims=True)
    testable = used & (wells >= 2) & (rest > 0)
    rows, columns = np.nonzero(testable)
    y, s = counted[rows, columns], others[rows, columns]
    share = volume[rows, columns] / rest[rows, columns]
    # The others' technical noise is averaged with their copies as weights.
    squares = np.square(counted).sum(axis=1, keepdims=True) - np.square(counted)
    averaged = np.divide(squares[rows, columns], s * s, out=np.zeros(len(s)), where=s > 0)
    sd = technical_sd_log10[rows] * _LN10 * np.sqrt(1.0 + averaged)
    many = (s + 0.5) * share > MANY
    lower, upper = np.empty(len(y)), np.empty(len(y))
    for part, tails in ((~many, _count_tails), (many, _log_tails)):
        lower[part], upper[part] = tails(y[part], s[part], share[part], sd[part])
    result = np.ones(used.shape)
    result[rows, columns] = np.minimum(1.0, 2.0 * np.minimum(lower, upper))
    return result
