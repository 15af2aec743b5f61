"""Thresholds between negative and positive partitions, from their fluorescence.

Three ways: from blanks (median and median absolute deviation), from a mixture of two populations with rain
between them, and from four clusters of two colours. All work on histograms, so that a plate costs as
much as a well. MAD is the median absolute deviation times 1.4826, the standard deviation of a normal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["FourClusters", "Populations", "four_clusters", "median_and_mad", "populations"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BINS: Final = 1024
_CELLS: Final = 96
_ROUNDS: Final = 200
_CLOSE: Final = 1e-7
_NORMAL: Final = 1.482602218505602


def median_and_mad(values: Floats) -> tuple[float, float]:
    """Centre and spread that a few outliers do not move.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Fluorescence, n > 0.

    Returns
    -------
    median, mad : float
        Median, and median absolute deviation from it, times 1.4826.

    Examples
    --------
    >>> median_and_mad(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    (3.0, 1.482602218505602)
    """
    centre = float(np.median(values))
    return centre, _NORMAL * float(np.median(np.abs(values - centre)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Populations:
    """Two populations of one channel with rain between them.

    Attributes
    ----------
    negative, negative_mad : float
        Centre and standard deviation of the negatives.
    positive, positive_mad : float
        Centre and standard deviation of the positives.
    shares : tuple of float
        Negatives, rain, positives.
    crossing : float
        Fluorescence from which a partition is more likely rain or positive than negative.
    """

    negative: float
    negative_mad: float
    positive: float
    positive_mad: float
    shares: tuple[float, float, float]
    crossing: float


def _split(centres: Floats, counts: Floats) -> int:
    """Bin that parts a histogram so that the variance between its parts is largest (Otsu)."""
    weight = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    left, right = weight[:-1], weight[-1] - weight[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.square(total[-1] * left / weight[-1] - total[:-1]) / (left * right)
    return int(np.nanargmax(between))


def populations(values: Floats) -> Populations:
    """Mixture of negatives, positives and rain.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Fluorescence of the partitions of one channel, of any number of wells; not all equal.

    Returns
    -------
    Populations
        The two normal populations, the even rain between their centres, and where they cross.

    References
    ----------
    .. [1] Jacobs et al., umbrella (2017): rain as a population of its own; Otsu, IEEE Trans. SMC 9, 62-66
       (1979): first split.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> got = populations(np.concatenate([rng.normal(1000, 50, 9000), rng.normal(5000, 200, 1000)]))
    >>> round(got.negative, -1), round(got.positive, -2), 1150 < got.crossing < 1500
    (1000.0, 5000.0, True)
    """
    low, high = (float(x) for x in np.quantile(values, [0.0005, 0.9999]))
    edges = np.linspace(low, max(high, low + 1e-9), _BINS + 1)
    counts = np.histogram(np.clip(values, low, high), bins=edges)[0].astype(float)
    centres = 0.5 * (edges[1:] + edges[:-1])
    cut = _split(centres, counts)
    mean = np.array(
        [_mean(centres[: cut + 1], counts[: cut + 1]), _mean(centres[cut + 1 :], counts[cut + 1 :])]
    )
    width = centres[1] - centres[0]
    spread = np.array(
        [_sd(centres[: cut + 1], counts[: cut + 1]), _sd(centres[cut + 1 :], counts[cut + 1 :])]
    )
    spread = np.maximum(spread, width)
    share = np.array([0.5, 0.01, 0.49])
    before = -np.inf
    for _ in range(_ROUNDS):
        log_parts = _log_parts(centres, mean, spread, share)
        total = logsumexp(log_parts, axis=0)
        part = np.exp(log_parts - total) * counts
        now = float((counts * total).sum())
        share = np.maximum(part.sum(axis=1) / counts.sum(), 1e-12)
        for j, row in ((0, part[0]), (1, part[2])):
            if row.sum() > 0:
                mean[j] = _mean(centres, row)
                spread[j] = max(_sd(centres, row), width)
        if now - before < _CLOSE * abs(now):
            break
        before = now
    return _populations(centres, mean, spread, share / share.sum())


def _mean(x: Floats, weight: Floats) -> float:
    return float((x * weight).sum() / weight.sum()) if weight.sum() > 0 else float(x.mean())


def _sd(x: Floats, weight: Floats) -> float:
    if weight.sum() <= 0:
        return 0.0
    return float(np.sqrt((np.square(x - _mean(x, weight)) * weight).sum() / weight.sum()))


def _log_parts(x: Floats, mean: Floats, spread: Floats, share: Floats) -> Floats:
    inside = (x >= mean[0]) & (x <= mean[1])
    rain = np.where(inside, -np.log(max(mean[1] - mean[0], 1e-9)), -np.inf)
    normal = [
        -0.5 * np.square((x - m) / s) - np.log(s * np.sqrt(2 * np.pi))
        for m, s in zip(mean, spread, strict=True)
    ]
    parts: Floats = np.stack([normal[0], rain, normal[1]]) + np.log(share)[:, None]
    return parts


def _populations(centres: Floats, mean: Floats, spread: Floats, share: Floats) -> Populations:
    log_parts = _log_parts(centres, mean, spread, share)
    other = np.logaddexp(log_parts[1], log_parts[2])
    crossed = np.flatnonzero((centres > mean[0]) & (other > log_parts[0]))
    return Populations(
        negative=float(mean[0]),
        negative_mad=float(spread[0]),
        positive=float(mean[1]),
        positive_mad=float(spread[1]),
        shares=(float(share[0]), float(share[1]), float(share[2])),
        crossing=float(centres[crossed[0]]) if len(crossed) else float(mean[1]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class FourClusters:
    """Clusters of two colours and the map that gives each partition its cluster.

    Attributes
    ----------
    centres : ndarray of float, shape (4, 2)
        Negative, first colour only, second only, both.
    shares : ndarray of float, shape (4,)
        Shares of the partitions.
    edges : tuple of ndarray, shape (cells + 1,)
        Edges of the map in both channels.
    cluster : ndarray of int, shape (cells, cells)
        Likeliest cluster of each cell.
    """

    centres: Floats
    shares: Floats
    edges: tuple[Floats, Floats]
    cluster: Integers

    def counts(self, values: Floats) -> Integers:
        """Partitions of one well in each cluster.

        Parameters
        ----------
        values : ndarray of float, shape (n, 2)
            Fluorescence of its partitions.

        Returns
        -------
        ndarray of int, shape (4,)
            Negative, first only, second only, both.
        """
        last = len(self.cluster) - 1
        places = [
            np.clip(np.searchsorted(edges, values[:, i], side="right") - 1, 0, last)
            for i, edges in enumerate(self.edges)
        ]
        found: Integers = np.bincount(self.cluster[places[0], places[1]], minlength=4)
        return found


def four_clusters(values: Floats, thresholds: tuple[float, float]) -> FourClusters:
    """Four clusters of two colours by expectation-maximisation, each with a covariance of its own.

    Parameters
    ----------
    values : ndarray of float, shape (n, 2)
        Fluorescence of the partitions of any number of wells.
    thresholds : tuple of (float, float)
        First guess in each channel.

    Returns
    -------
    FourClusters
        Clusters and the map of cells. A cluster that the first guess leaves empty stays empty, since
        nothing tells where it would be.

    Notes
    -----
    A colour that bleeds into the other channel tilts and moves its clusters, which a threshold a channel
    cannot follow; the covariances can.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> where = rng.integers(0, 4, 8000)
    >>> values = rng.normal(0, 60, (8000, 2)) + 1000 + 3000 * np.stack([where % 2, where // 2], axis=1)
    >>> got = four_clusters(values, (2500.0, 2500.0))
    >>> (got.counts(values) == np.bincount(where, minlength=4)).all()
    np.True_
    """
    ends = np.quantile(values, [0.0005, 0.9995], axis=0)
    edges = [np.linspace(float(ends[0, i]), float(ends[1, i]), _CELLS + 1) for i in (0, 1)]
    inside = np.stack([np.clip(values[:, i], edges[i][0], edges[i][-1]) for i in (0, 1)])
    counts = np.histogram2d(inside[0], inside[1], bins=edges)[0].ravel()
    middle = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
    points = np.stack(np.meshgrid(*middle, indexing="ij"), axis=-1).reshape(-1, 2)
    floor = np.square([edge[1] - edge[0] for edge in edges])
    first = (points[:, 0] > thresholds[0]) + 2 * (points[:, 1] > thresholds[1])
    part = np.eye(4)[first].T * counts
    log_parts = np.full((4, len(points)), -np.inf)
    before = -np.inf
    for _ in range(_ROUNDS):
        log_parts = np.stack([_log_normal(points, row, floor, counts.sum()) for row in part])
        total = logsumexp(log_parts, axis=0)
        part = np.exp(log_parts - total) * counts
        now = float((counts * total).sum())
        if now - before < _CLOSE * abs(now):
            break
        before = now
    weight = part.sum(axis=1)
    centres = np.stack([(points * row[:, None]).sum(axis=0) / max(row.sum(), 1e-12) for row in part])
    return FourClusters(
        centres=centres,
        shares=weight / weight.sum(),
        edges=(edges[0], edges[1]),
        cluster=log_parts.argmax(axis=0).reshape(_CELLS, _CELLS),
    )


def _log_normal(points: Floats, weight: Floats, floor: Floats, total: float) -> Floats:
    """Log of share times normal density with the moments of the weighted points; never if none has weight."""
    share = weight.sum()
    if share < 1.0:
        return np.full(len(points), -1e300)
    centre = (points * weight[:, None]).sum(axis=0) / share
    apart = points - centre
    covariance = (apart * weight[:, None]).T @ apart / share + np.diag(floor)
    inverse = np.linalg.inv(covariance)
    distance = np.einsum("ij,jk,ik->i", apart, inverse, apart)
    density: Floats = np.log(share / total) - 0.5 * (distance + np.linalg.slogdet(covariance)[1])
    return density
