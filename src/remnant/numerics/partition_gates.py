"""Thresholds between negative and positive partitions, from their fluorescence.

Three ways: from blanks (median and median absolute deviation), from a mixture of two populations with rain
between them, and from four clusters of two colours. All work on histograms, so that a plate costs as
much as a well. MAD is the median absolute deviation times 1.4826, the standard deviation of a normal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["FourClusters", "Populations", "four_clusters", "lift", "median_and_mad", "populations"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BINS: Final = 1024
_CELLS: Final = 96
_ROUNDS: Final = 200
_CLOSE: Final = 1e-7
_NORMAL: Final = 1.482602218505602
_NEVER: Final = -1e300
_TELLING: Final = 50.0
"""Negatives expected among the positives of the other colour from which these tell how much it bleeds."""
_BLEED_ROUNDS: Final = 4
_BLEED_CLOSE: Final = 1e-4
_MOST_BLEED: Final = 0.5
_MOST_OF_THE_WAY: Final = 0.5


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
    negative : ndarray of float, shape (2,)
        Fluorescence of the negatives in each channel.
    bleed : ndarray of float, shape (2,)
        Share of the other colour that each channel sees.
    centres : ndarray of float, shape (4, 2)
        Negative, first colour only, second only, both; above the negatives, the bleeding taken off.
    shares : ndarray of float, shape (4,)
        Shares of the partitions.
    edges : tuple of ndarray, shape (cells + 1,)
        Edges of the map in both channels, in the units of the centres.
    cluster : ndarray of int, shape (cells, cells)
        Likeliest cluster of each cell.
    """

    negative: Floats
    bleed: Floats
    centres: Floats
    shares: Floats
    edges: tuple[Floats, Floats]
    cluster: Integers

    def apart(self, values: Floats) -> Floats:
        """Fluorescence above the negatives, the bleeding taken off.

        Parameters
        ----------
        values : ndarray of float, shape (n, 2)
            Fluorescence.

        Returns
        -------
        ndarray of float, shape (n, 2)
            Of each colour alone.
        """
        return _unmixed(values - self.negative, self.bleed)

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
        apart = self.apart(values)
        places = [
            np.clip(np.searchsorted(edges, apart[:, i], side="right") - 1, 0, last)
            for i, edges in enumerate(self.edges)
        ]
        found: Integers = np.bincount(self.cluster[places[0], places[1]], minlength=4)
        return found


def four_clusters(wells: Sequence[Floats], thresholds: tuple[float, float]) -> FourClusters:
    """Four clusters of two colours by expectation-maximisation, each with a covariance of its own.

    Parameters
    ----------
    wells : sequence of ndarray of float, shape (n, 2)
        Fluorescence of the partitions of each well of a run.
    thresholds : tuple of (float, float)
        Fluorescence below which nothing is positive in each channel.

    Returns
    -------
    FourClusters
        Clusters and the map of cells. A cluster that the thresholds leave empty stays empty, since nothing tells
        where it would be.

    Notes
    -----
    A colour that bleeds into the other channel lifts its partitions there. How much is told by the partitions
    that are negative in that channel, which chance spreads alike over both sides of the other; it is taken off
    first. A cluster takes only what then lies above the thresholds of its colours: without that, a cluster of a
    few positives wanders into the edge of the negatives and counts them.

    References
    ----------
    .. [1] Bagwell and Adams, Ann N Y Acad Sci 677, 167-184 (1993): linear compensation of colours.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> where = rng.integers(0, 4, 8000)
    >>> values = rng.normal(0, 60, (8000, 2)) + 1000 + 3000 * np.stack([where % 2, where // 2], axis=1)
    >>> got = four_clusters([values], (2500.0, 2500.0))
    >>> (got.counts(values) == np.bincount(where, minlength=4)).all()
    np.True_
    """
    limits, values = np.array(thresholds), np.concatenate(list(wells))
    below = [values[values[:, i] <= limits[i], i] for i in (0, 1)]
    negative = np.array([float(np.median(x)) if len(x) else limits[i] for i, x in enumerate(below)])
    above = limits - negative
    bleed = _bleed([well - negative for well in wells], above)
    apart = _unmixed(values - negative, bleed)
    ends = [_reach(apart[:, i], float(above[i])) for i in (0, 1)]
    edges = [np.linspace(low, high, _CELLS + 1) for low, high in ends]
    inside = np.stack([np.clip(apart[:, i], edges[i][0], edges[i][-1]) for i in (0, 1)])
    counts = np.histogram2d(inside[0], inside[1], bins=edges)[0].ravel()
    middle = [0.5 * (edge[1:] + edge[:-1]) for edge in edges]
    points = np.stack(np.meshgrid(*middle, indexing="ij"), axis=-1).reshape(-1, 2)
    floor = np.square([edge[1] - edge[0] for edge in edges])
    first = (points[:, 0] > above[0]) + 2 * (points[:, 1] > above[1])
    barred = (np.arange(4)[:, None] & ~first) != 0
    part = np.eye(4)[first].T * counts
    log_parts = np.full((4, len(points)), -np.inf)
    before = -np.inf
    for _ in range(_ROUNDS):
        log_parts = np.stack([_log_normal(points, row, floor, counts.sum()) for row in part])
        log_parts[barred] = _NEVER
        total = logsumexp(log_parts, axis=0)
        part = np.exp(log_parts - total) * counts
        now = float((counts * total).sum())
        if now - before < _CLOSE * abs(now):
            break
        before = now
    weight = part.sum(axis=1)
    centres = np.stack([(points * row[:, None]).sum(axis=0) / max(row.sum(), 1e-12) for row in part])
    return FourClusters(
        negative=negative,
        bleed=bleed,
        centres=centres,
        shares=weight / weight.sum(),
        edges=(edges[0], edges[1]),
        cluster=log_parts.argmax(axis=0).reshape(_CELLS, _CELLS),
    )


def lift(values: Floats, limits: Floats, channel: int) -> float | None:
    """How far the other colour lifts the negatives of a channel, in one well.

    Parameters
    ----------
    values : ndarray of float, shape (n, 2)
        Fluorescence of the partitions of one well.
    limits : ndarray of float, shape (2,)
        Thresholds.
    channel : int
        0 or 1.

    Returns
    -------
    float or None
        Fluorescence of this channel's negatives among the positives of the other, less that among its negatives;
        None where too few partitions tell. Where two targets share partitions by chance only, the share of
        negatives is the same on both sides, and so is the place of their median among all.

    Examples
    --------
    >>> rng = np.random.default_rng(4)
    >>> signal = 4000.0 * (rng.random((9000, 2)) < 0.3)
    >>> seen = rng.normal(1000.0, 50.0, (9000, 2)) + signal + 0.1 * signal[:, ::-1]
    >>> round(lift(seen, np.array([1500.0, 1500.0]), 0), -1)
    400.0
    """
    other = values[:, 1 - channel] > limits[1 - channel]
    up, down = values[other, channel], values[~other, channel]
    share = float((down <= limits[channel]).mean()) if len(down) else 0.0
    if len(up) * share < _TELLING:
        return None
    return float(np.quantile(up, 0.5 * share) - np.quantile(down, 0.5 * share))


def _bleed(wells: Sequence[Floats], limits: Floats) -> Floats:
    """Share of the other colour in each channel, from fluorescence above the negatives: the median of the wells."""
    bleed = np.zeros(2)
    for _ in range(_BLEED_ROUNDS):
        apart = [_unmixed(values, bleed) for values in wells]
        more = np.array([_more(apart, limits, i) for i in (0, 1)])
        bleed = np.clip(bleed + more, -_MOST_BLEED, _MOST_BLEED)
        if np.abs(more).max() < _BLEED_CLOSE:
            break
    return bleed


def _more(wells: Sequence[Floats], limits: Floats, channel: int) -> float:
    """Bleeding into a channel that is not taken off yet; 0 where nothing tells."""
    far = np.array([_far(wells, limits, i) for i in (0, 1)])
    found = [lifted for values in wells if (lifted := lift(values, limits, channel)) is not None]
    # A lift by most of the way to the positives is positives: those of the other channel are not sorted yet.
    sorted_out = [lifted for lifted in found if abs(lifted) < _MOST_OF_THE_WAY * far[channel]]
    return float(np.median(sorted_out)) / float(far[1 - channel]) if sorted_out else 0.0


def _far(wells: Sequence[Floats], limits: Floats, channel: int) -> float:
    """Where the positives of a channel stand above its negatives: those that the other colour cannot have lifted."""
    over = [values > limits for values in wells]
    own = [
        values[is_over[:, channel] & ~is_over[:, 1 - channel], channel]
        for values, is_over in zip(wells, over, strict=True)
    ]
    held = np.concatenate(own)
    return float(np.median(held)) if len(held) else float(limits[channel])


def _unmixed(values: Floats, bleed: Floats) -> Floats:
    """Fluorescence above the negatives with the bleeding taken off."""
    own: Floats = (values - bleed * values[:, ::-1]) / (1.0 - bleed[0] * bleed[1])
    return own


def _reach(values: Floats, threshold: float) -> tuple[float, float]:
    """Range of the map in one channel: it reaches the positives however few they are, but no single bright speck."""
    low, high = (float(x) for x in np.quantile(values, [0.0005, 0.9995]))
    above = values[values > threshold]
    if len(above):
        middle, most = (float(x) for x in np.quantile(above, [0.5, 0.99]))
        high = max(high, min(most, 2.0 * middle - threshold))
    return low, max(high, low + 1e-9)


def _log_normal(points: Floats, weight: Floats, floor: Floats, total: float) -> Floats:
    """Log of share times normal density with the moments of the weighted points; never if none has weight."""
    share = weight.sum()
    if share < 1.0:
        return np.full(len(points), _NEVER)
    centre = (points * weight[:, None]).sum(axis=0) / share
    apart = points - centre
    covariance = (apart * weight[:, None]).T @ apart / share + np.diag(floor)
    inverse = np.linalg.inv(covariance)
    distance = np.einsum("ij,jk,ik->i", apart, inverse, apart)
    density: Floats = np.log(share / total) - 0.5 * (distance + np.linalg.slogdet(covariance)[1])
    return density
