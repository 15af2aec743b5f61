"""One cycle from several: weights that a laboratory learns from the standards of its other assays.

The cycles of one curve (share of height, Cy0, cpD2 ...) have errors that are only partly the same. The weighted
mean that follows log10 of the copies best within standard curves is learned by regression with an intercept and
a slope of each standard curve of its own, so that only the weights are shared. What is judged is always an assay
that the weights have not seen: the penalty is the largest one that does no worse than the best by a standard
error, and the gain is that of left-out assays. Weights hold for the instrument and chemistry that they were
learned on: weights from one set doubled the spread of replicates in another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LearnedWeights", "cycle_weights", "learned_weights"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SLOPE: Final = -3.4
"""Cycles per tenfold that turns log10 copies into cycles; weights that sum to 1 keep any assay's own slope."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedWeights:
    """Weights of the cycles of one laboratory, and how they do on assays that they have not seen.

    Attributes
    ----------
    assays : ndarray of int, shape (a,)
        Assays, in rising order.
    weights : ndarray of float, shape (k,)
        Learned from all assays, for one that has no standards. They sum to 1.
    without : ndarray of float, shape (a, k)
        Learned from all assays but this one, penalty included.
    ridge : float
        Penalty of `weights`.
    combined, leading : ndarray of float, shape (a,)
        Weighted sum of squares of each assay's standards about their own lines, log10 copies: read by the
        weights of the other assays, and by the leading cycle alone.
    """

    assays: Integers
    weights: Floats
    without: Floats
    ridge: float
    combined: Floats
    leading: Floats

    @property
    def variance_ratio(self) -> float:
        """Variance of left-out standards by the combination over that by the leading cycle.

        Returns
        -------
        float
            Below 1 where combining helps.
        """
        return float(self.combined.sum() / self.leading.sum())

    @property
    def gain_z(self) -> float:
        """Gain of an assay in standard errors over the assays.

        Returns
        -------
        float
            Above 0 where combining helps.
        """
        gain = self.leading - self.combined
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        return float(gain.mean() / error) if error > 0.0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums over the standards of each assay, every standard curve's intercept taken out.

    `inner` and `outer`: regression of log10 copies on the other cycles, the leading one and its slope taken out.
    `about`: cross products of all cycles about the curve's own line. `along`, `spread`: of cycles along log10 copies.
    """

    inner: Floats
    outer: Floats
    about: Floats
    along: Floats
    spread: Floats


def _moments(
    cycles: Floats, log10_copies: Floats, assay: Integers, *, curve: Integers, variance: Floats
) -> tuple[Integers, _Moments]:
    names, number = np.unique(assay, return_inverse=True)
    k = cycles.shape[1]
    others = cycles[:, 1:] - cycles[:, :1]
    inner, outer = np.zeros((len(names), k - 1, k - 1)), np.zeros((len(names), k - 1))
    about, along = np.zeros((len(names), k, k)), np.zeros((len(names), k))
    spread = np.zeros(len(names))
    for one in np.unique(curve):
        rows = np.flatnonzero(curve == one)
        at = number[rows[0]]
        root = 1.0 / np.sqrt(variance[rows])[:, None]
        level = root / np.sqrt(float(np.square(root).sum()))

        def centred(values: Floats, root: Floats = root, level: Floats = level) -> Floats:
            scaled = values * root
            left: Floats = scaled - level @ (level.T @ scaled)
            return left

        own, _ = np.linalg.qr(centred(cycles[rows, :1]))
        left = centred(np.column_stack([others[rows], log10_copies[rows]]))
        left -= own @ (own.T @ left)
        inner[at] += left[:, :-1].T @ left[:, :-1]
        outer[at] += left[:, :-1].T @ left[:, -1]
        x, every = centred(log10_copies[rows, None]), centred(cycles[rows])
        along[at] += x[:, 0] @ every
        spread[at] += float(x[:, 0] @ x[:, 0])
        every -= x @ (x.T @ every) / float(x[:, 0] @ x[:, 0])
        about[at] += every.T @ every
    return names, _Moments(inner, outer, about, along, spread)


def _solved(inner: Floats, outer: Floats, ridge: float) -> Floats:
    """Weights from sums of the regression, shape (..., k)."""
    penalty = ridge * inner * np.eye(inner.shape[-1])
    rest = _SLOPE * np.linalg.solve(inner + penalty, outer[..., None])[..., 0]
    result: Floats = np.concatenate([1.0 - rest.sum(axis=-1, keepdims=True), rest], axis=-1)
    return result


def _left_out(seen: _Moments, taken: Bools, ridge: float) -> Floats:
    """Sum of squares about its lines of each taken assay, by weights of the other taken ones; log10 copies."""
    inner, outer = seen.inner[taken], seen.outer[taken]
    weights = _solved(inner.sum(axis=0) - inner, outer.sum(axis=0) - outer, ridge)
    return _squares(seen, taken, weights)


def _squares(seen: _Moments, taken: Bools, weights: Floats) -> Floats:
    slope = np.einsum("ak,ak->", seen.along[taken], weights) / seen.spread[taken].sum()
    about: Floats = np.einsum("aj,ajk,ak->a", weights, seen.about[taken], weights) / slope**2
    return about


def _penalty(seen: _Moments, taken: Bools, ridges: Floats) -> float:
    """The largest penalty whose left-out assays are not worse than the best by a standard error."""
    squares = np.stack([_left_out(seen, taken, float(ridge)) for ridge in ridges])
    best = squares[squares.sum(axis=1).argmin()]
    worse = squares - best
    error = worse.std(axis=1, ddof=1) / np.sqrt(worse.shape[1])
    return float(ridges[worse.mean(axis=1) <= error].max())


def learned_weights(
    cycles: Floats,
    log10_copies: Floats,
    assay: Integers,
    *,
    curve: Integers,
    variance: Floats,
    ridges: Floats,
) -> LearnedWeights:
    """Weights of the cycles for every assay from the standards of the other ones.

    Parameters
    ----------
    cycles : ndarray, shape (n, k)
        Cycles of each standard well, the leading one first, all finite.
    log10_copies : ndarray, shape (n,)
        Nominal log10 copies, at two levels or more of each standard curve.
    assay : ndarray of int, shape (n,)
        Assay of each well.
    curve : ndarray of int, shape (n,)
        Standard curve of each well: an assay on one run.
    variance : ndarray, shape (n,)
        Expected variance of log10 copies, technical and counting.
    ridges : ndarray, shape (r,)
        Penalties to choose from, as shares of the sums of squares of the other cycles.

    Returns
    -------
    LearnedWeights
        At the largest penalty whose left-out assays are within a standard error of the best.

    Raises
    ------
    ValueError
        If there are fewer than three assays.

    References
    ----------
    .. [1] Hoerl and Kennard, Technometrics 12, 55-67 (1970): ridge regression.
    .. [2] Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984), section 3.4.3: the rule
       of one standard error.

    Examples
    --------
    >>> x, assay = np.tile(np.arange(5.0), 4), np.repeat(np.arange(4), 5)
    >>> noise = np.random.default_rng(0).normal(0.0, 0.1, 20)
    >>> both = np.stack([40 - 3.4 * x + noise, 40 - 3.4 * x - noise], axis=1)
    >>> got = learned_weights(both, x, assay, curve=assay, variance=np.ones(20), ridges=np.array([1e-9]))
    >>> got.weights.round(3).tolist(), round(got.variance_ratio, 3)
    ([0.5, 0.5], 0.0)
    """
    names, seen = _moments(cycles, log10_copies, assay, curve=curve, variance=variance)
    count = len(names)
    if count < 3:
        msg = f"{count} assays: a penalty is judged on a third assay"
        raise ValueError(msg)
    every = np.ones(count, dtype=bool)
    ridge = _penalty(seen, every, ridges)
    without = np.empty((count, cycles.shape[1]))
    for one in range(count):
        rest = np.arange(count) != one
        own = _penalty(seen, rest, ridges)
        without[one] = _solved(seen.inner[rest].sum(axis=0), seen.outer[rest].sum(axis=0), own)
    first = np.zeros_like(without)
    first[:, 0] = 1.0
    return LearnedWeights(
        names,
        _solved(seen.inner.sum(axis=0), seen.outer.sum(axis=0), ridge),
        without,
        ridge,
        _squares(seen, every, without),
        _squares(seen, every, first),
    )


def cycle_weights(
    cycles: Floats,
    log10_copies: Floats,
    assay: Integers,
    *,
    variance: Floats,
    ridge: float,
) -> Floats:
    """Weights of the cycles under one given penalty, each assay having one standard curve.

    Parameters
    ----------
    cycles : ndarray, shape (n, k)
        Cycles of each standard well, the leading one first, all finite.
    log10_copies : ndarray, shape (n,)
        Nominal log10 copies.
    assay : ndarray of int, shape (n,)
        Assay of each well.
    variance : ndarray, shape (n,)
        Expected variance of log10 copies, technical and counting.
    ridge : float
        Penalty on the weights of the other cycles, as a share of their own sums of squares.

    Returns
    -------
    ndarray, shape (k,)
        Weights, which sum to 1; the leading cycle takes what the others leave.

    References
    ----------
    .. [1] Hoerl and Kennard, Technometrics 12, 55-67 (1970): ridge regression.

    Examples
    --------
    >>> x = np.tile(np.arange(5.0), 2)
    >>> noise = np.array([0.1, -0.1, 0.0, 0.1, -0.1] * 2)
    >>> both = np.stack([40 - 3.4 * x + noise, 40 - 3.4 * x - noise], axis=1)
    >>> cycle_weights(both, x, np.repeat([0, 1], 5), variance=np.ones(10), ridge=1e-9).round(6).tolist()
    [0.5, 0.5]
    """
    _, seen = _moments(cycles, log10_copies, assay, curve=assay, variance=variance)
    return _solved(seen.inner.sum(axis=0), seen.outer.sum(axis=0), ridge)
