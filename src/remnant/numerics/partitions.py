"""Counting of partitions: Poisson rates, blanks, limits, replicates, linkage. Arrays in, arrays out.

``lambda`` is the mean number of target copies in a partition, ``k`` of ``n`` partitions are positive:
``k ~ Binomial(n, 1 - (1 - f) exp(-lambda))`` with a rate f of false positives. All partitions positive
bounds lambda from below only: its point value and upper bounds are infinite there, never a large number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, betaln, xlogy
from scipy.stats import binom, chi2, nbinom

__all__ = [
    "Linkage",
    "between_well_variance",
    "cv_of_rate",
    "exact_interval",
    "found_above",
    "limit_of_blank",
    "limit_of_detection",
    "linkage",
    "log_rate_variance",
    "outlier_p_values",
    "rate",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BISECTIONS: Final = 36
_SHARES: Final = (np.arange(24) + 0.5) / 24


def rate(k: ArrayLike, n: ArrayLike, false_positive: ArrayLike = 0.0) -> Floats:
    """Copies a partition, the point value.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions.
    false_positive : array_like of float, default 0
        Rate of false positives a partition.

    Returns
    -------
    ndarray of float, shape (m,)
        ``-ln((1 - k / n) / (1 - f))``, 0 where the blanks explain all, infinite where all are positive.

    References
    ----------
    .. [1] Dube, Qin and Ramakrishnan, PLoS ONE 3, e2876 (2008), equation 1.

    Examples
    --------
    >>> rate([0, 500, 1000], [1000, 1000, 1000]).round(4)
    array([0.    , 0.6931,    inf])
    """
    positive, total = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(divide="ignore"):
        value = -np.log1p(-positive / total) + np.log1p(-np.asarray(false_positive, dtype=float))
    lowest: Floats = np.maximum(value, 0.0)
    return lowest


def log_rate_variance(k: ArrayLike, n: ArrayLike) -> Floats:
    """Variance of the natural logarithm of the rate by counting alone.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions, 0 < k < n.

    Returns
    -------
    ndarray of float, shape (m,)
        ``p / (n (1 - p) lambda**2)`` with p = k / n, by the delta method.
    """
    p = np.asarray(k, dtype=float) / np.asarray(n, dtype=float)
    variance: Floats = p / (np.asarray(n, dtype=float) * (1.0 - p) * np.square(np.log1p(-p)))
    return variance


def exact_interval(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of the rate: Clopper and Pearson's for the share of positives, put through the logarithm.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions.
    level : float, default 0.95
        Confidence; equal tails.

    Returns
    -------
    lower, upper : ndarray of float, shape (m,)
        Copies a partition; 0 and infinity where nothing or everything is positive.

    References
    ----------
    .. [1] Clopper and Pearson, Biometrika 26, 404-413 (1934).

    Examples
    --------
    >>> [bound.round(5) for bound in exact_interval([0, 38], [17831, 17831])]
    [array([0.     , 0.00151]), array([0.00021, 0.00293])]
    """
    positive, total = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    tail = 0.5 * (1.0 - level)
    none, every = positive == 0, positive == total
    low = betaincinv(np.where(none, 1.0, positive), total - positive + 1.0, tail)
    high = betaincinv(positive + 1.0, np.where(every, 1.0, total - positive), 1.0 - tail)
    with np.errstate(divide="ignore"):
        lower = -np.log1p(-np.where(none, 0.0, low))
        upper = -np.log1p(-np.where(every, 1.0, high))
    return lower, upper


def limit_of_blank(n: ArrayLike, positives: ArrayLike, negatives: ArrayLike, level: float = 0.95) -> Integers:
    """Positives that a blank of n partitions stays within.

    Parameters
    ----------
    n : array_like of int, shape (m,)
        Partitions of the well or the merged wells that are judged.
    positives, negatives : array_like of float, shape (m,)
        Parameters of the Beta posterior of the false-positive rate.
    level : float, default 0.95
        Probability.

    Returns
    -------
    ndarray of int, shape (m,)
        Smallest count that the beta-binomial prediction does not exceed with this probability.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): limit of blank as the 95th percentile of blanks.

    Examples
    --------
    >>> limit_of_blank(20_000, 4.5, 70_000.0).tolist()
    4
    """
    total, a, b = np.broadcast_arrays(
        np.asarray(n, dtype=float), np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    )
    log_share = betaln(a, b + total) - betaln(a, b)
    reached = np.exp(log_share)
    count: Integers = np.zeros(total.shape, dtype=np.int64)
    for k in range(int(total.max(initial=0))):
        rising = reached < level
        if not rising.any():
            break
        # Rows of few partitions are done before the others: what they go on to is not read.
        with np.errstate(divide="ignore", invalid="ignore"):
            log_share = log_share + np.log((total - k) * (a + k) / ((k + 1.0) * (b + total - k - 1.0)))
        reached = reached + np.where(rising, np.exp(log_share), 0.0)
        count = count + rising
    return count


def limit_of_detection(
    n: ArrayLike, blank: ArrayLike, positives: ArrayLike, negatives: ArrayLike, *, level: float = 0.95
) -> Floats:
    """Lowest rate that is found above the limit of blank.

    Parameters
    ----------
    n : array_like of int, shape (m,)
        Partitions.
    blank : array_like of int, shape (m,)
        Limit of blank.
    positives, negatives : array_like of float, shape (m,)
        Parameters of the Beta posterior of the false-positive rate, integrated over.
    level : float, default 0.95
        Probability that a sample at the limit is found.

    Returns
    -------
    ndarray of float, shape (m,)
        Copies a partition.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): limit of detection.

    Examples
    --------
    >>> round(float(limit_of_detection(20_000, 0, 0.5, 1e9)) * 20_000, 2)
    3.0
    """
    total, within, a, b = np.broadcast_arrays(
        np.asarray(n, dtype=float),
        np.asarray(blank, dtype=float),
        np.asarray(positives, dtype=float),
        np.asarray(negatives, dtype=float),
    )
    rates = np.asarray(betaincinv(a[..., None], b[..., None], _SHARES), dtype=np.float64)
    low, high = np.zeros(total.shape), np.full(total.shape, 40.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        enough = _found(middle, total, within, rates) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _found(value: Floats, total: Floats, within: Floats, rates: Floats) -> Floats:
    """P(more than so many positives), averaged over rates of false positives on the last axis."""
    positive = -np.expm1(np.log1p(-rates) - value[..., None])
    probability: Floats = betainc(
        within[..., None] + 1.0, total[..., None] - within[..., None], positive
    ).mean(axis=-1)
    return probability


def found_above(
    value: ArrayLike, n: ArrayLike, blank: ArrayLike, false_positives: tuple[float, float]
) -> Floats:
    """Probability that a well is found above the limit of blank.

    Parameters
    ----------
    value : array_like of float, shape (m,)
        Copies a partition.
    n : array_like of int
        Partitions.
    blank : array_like of int
        Limit of blank.
    false_positives : tuple of float
        Parameters of the Beta posterior of the false-positive rate, integrated over.

    Returns
    -------
    ndarray of float, shape (m,)
        Probability of more positives than the limit of blank.

    Examples
    --------
    >>> found_above([0.0, 3.0 / 20_000], 20_000, 0, (0.5, 1e9)).round(3)
    array([0.  , 0.95])
    """
    rates = np.asarray(betaincinv(*false_positives, _SHARES), dtype=np.float64)
    copies, total, within = np.broadcast_arrays(
        np.asarray(value, dtype=float), np.asarray(n, dtype=float), np.asarray(blank, dtype=float)
    )
    return _found(copies, total, within, rates)


def cv_of_rate(value: ArrayLike, n: ArrayLike, well_sd: float = 0.0) -> Floats:
    """Coefficient of variation of the rate of one well.

    Parameters
    ----------
    value : array_like of float, shape (m,)
        Copies a partition, above 0.
    n : array_like of int
        Partitions.
    well_sd : float, default 0
        Variation between wells beyond counting, natural logarithm of the rate.

    Returns
    -------
    ndarray of float, shape (m,)
        ``sqrt((exp(lambda) - 1) / (n lambda**2) + exp(sd**2) - 1)``: it falls with the copies, and rises again
        where few partitions stay negative.

    References
    ----------
    .. [1] Dube, Qin and Ramakrishnan, PLoS ONE 3, e2876 (2008): variance of the rate.

    Examples
    --------
    >>> cv_of_rate([10 / 20_000, 1.59, 9.0], 20_000).round(4)
    array([0.3163, 0.0088, 0.0707])
    """
    rates = np.asarray(value, dtype=float)
    with np.errstate(over="ignore"):
        cv: Floats = np.sqrt(
            np.expm1(rates) / (np.asarray(n, dtype=float) * np.square(rates)) + np.expm1(well_sd**2)
        )
    return cv


def between_well_variance(k: ArrayLike, n: ArrayLike, group: ArrayLike) -> tuple[float, int]:
    """Variance of the log rate between replicate wells, beyond counting.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions.
    group : array_like of int, shape (m,)
        Replicates share a number.

    Returns
    -------
    variance : float
        Moment estimate in natural logarithms, pooled over the groups; may be negative.
    freedom : int
        Degrees of freedom behind it; 0 if no group has two wells that can be used.

    Notes
    -----
    Wells without positives or without negatives carry no logarithm and are not asked; what they say about
    the variation between wells is little.

    References
    ----------
    .. [1] DerSimonian and Laird, Controlled Clinical Trials 7, 177-188 (1986), equation 8.
    """
    positive, total, code = np.asarray(k), np.asarray(n), np.asarray(group)
    use = (positive > 0) & (positive < total)
    spread = explained = 0.0
    freedom = 0
    for one in np.unique(code[use]):
        rows = use & (code == one)
        if rows.sum() < 2:
            continue
        y, v = np.log(rate(positive[rows], total[rows])), log_rate_variance(positive[rows], total[rows])
        w = 1.0 / v
        q = float((w * np.square(y - (w * y).sum() / w.sum())).sum())
        spread += q - (rows.sum() - 1)
        explained += float(w.sum() - np.square(w).sum() / w.sum())
        freedom += int(rows.sum() - 1)
    return (spread / explained, freedom) if freedom else (0.0, 0)


def outlier_p_values(k: ArrayLike, n: ArrayLike, well_sd: float) -> Floats:
    """How likely each replicate is, given the others.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions of the replicates of one sample, m >= 2.
    well_sd : float
        Standard deviation of the log rate between wells, beyond counting.

    Returns
    -------
    ndarray of float, shape (m,)
        Two-sided probability of a count at least as far out, predicted from the pooled other wells.

    Notes
    -----
    The prediction is negative binomial: Poisson counts of a rate that the others tell with Gamma error and
    that varies between wells. Where a large share of the partitions is positive, counts are replaced by the
    effective ones, ``1 / var(ln lambda)``, of the same information.

    Examples
    --------
    >>> outlier_p_values([50, 55, 61, 90], [12000] * 4, 0.03).round(3).tolist()
    [0.052, 0.225, 0.723, 0.0]
    """
    positive, total = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    p_values = np.ones(len(positive))
    for i in range(len(positive)):
        rest = np.arange(len(positive)) != i
        others, other_n = positive[rest].sum(), total[rest].sum()
        if other_n == others or positive[i] == total[i]:
            # Saturated wells: only the share of positives can be compared.
            share = (others + 0.5) / (other_n + 1.0)
            below = binom.cdf(positive[i], total[i], share)
            above = binom.sf(positive[i] - 1, total[i], share)
        else:
            own, shape, mean = _effective(positive[i], total[i], others, other_n)
            shape = 1.0 / (1.0 / shape + well_sd**2 * (1.0 + 1.0 / rest.sum()))
            success = shape / (shape + mean)
            below = nbinom.cdf(np.round(own), shape, success)
            above = nbinom.sf(np.round(own) - 1, shape, success)
        p_values[i] = min(1.0, 2.0 * min(float(below), float(above)))
    return p_values


def _effective(k: float, n: float, others: float, other_n: float) -> tuple[float, float, float]:
    """Own effective count, effective count of the others, and what they predict for the own one."""
    expected = float(rate(others + 0.5, other_n + 1.0))
    information = expected**2 / np.expm1(expected)  # of one partition, about ln lambda
    scale = information / expected
    return (
        float(rate(k, n)) * n * scale,
        (others + 0.5) * scale * expected / (-np.expm1(-expected)),
        n * information,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Linkage:
    """Two targets in the partitions of one well.

    Attributes
    ----------
    linked : ndarray of float, shape (m,)
        Molecules with both targets, copies a partition.
    lower, upper : ndarray of float, shape (m,)
        95 % interval of it by the delta method; the lower end is not below 0.
    first, second : ndarray of float, shape (m,)
        Molecules with one target alone.
    p_value : ndarray of float, shape (m,)
        Likelihood-ratio test against no linked molecules, one-sided.
    """

    linked: Floats
    lower: Floats
    upper: Floats
    first: Floats
    second: Floats
    p_value: Floats


def linkage(both: ArrayLike, first_only: ArrayLike, second_only: ArrayLike, neither: ArrayLike) -> Linkage:
    """Linked molecules from the four cells of a two-colour well.

    Parameters
    ----------
    both, first_only, second_only, neither : array_like of int, shape (m,)
        Partitions by what they are positive for; `neither` above 0.

    Returns
    -------
    Linkage
        Rates of the three kinds of molecules, and the test of independence.

    Notes
    -----
    With independent Poisson molecules ``P(neither) = exp(-(a + b + c))``, ``P(not first) = exp(-(a + c))``
    and ``P(not second) = exp(-(b + c))``, so that ``c = ln(P(neither) / (P(not first) P(not second)))``.

    References
    ----------
    .. [1] Regan et al., PLoS ONE 10, e0118270 (2015): linkage from the excess of double positives.

    Examples
    --------
    >>> got = linkage(200, 1800, 1800, 16200)
    >>> round(float(got.linked), 6), round(float(got.p_value), 3)
    (0.0, 0.5)
    """
    cells = np.stack([np.asarray(x, dtype=float) for x in (both, first_only, second_only, neither)])
    n = cells.sum(axis=0)
    p = cells / n
    not_first, not_second, none = p[2] + p[3], p[1] + p[3], p[3]
    raw = np.log(none) - np.log(not_first) - np.log(not_second)
    # c is ln of sums of cells: gradient in the four shares, covariance of the multinomial.
    gradient = np.stack(
        [np.zeros_like(raw), -1 / not_second, -1 / not_first, 1 / none - 1 / not_first - 1 / not_second]
    )
    variance = ((p * np.square(gradient)).sum(axis=0) - np.square((p * gradient).sum(axis=0))) / n
    linked = np.maximum(raw, 0.0)
    half = 1.959964 * np.sqrt(variance)
    expected = np.stack(
        [
            (1 - not_first) * (1 - not_second),
            (1 - not_first) * not_second,
            not_first * (1 - not_second),
            not_first * not_second,
        ]
    )
    ratio = 2.0 * (xlogy(cells, p) - xlogy(cells, expected)).sum(axis=0)
    tail = 0.5 * chi2.sf(np.maximum(ratio, 0.0), 1)
    return Linkage(
        linked=linked,
        lower=np.maximum(raw - half, 0.0),
        upper=np.maximum(raw + half, 0.0),
        first=-np.log(not_first) - linked,
        second=-np.log(not_second) - linked,
        p_value=np.where(raw > 0, tail, 1.0 - tail),
    )
