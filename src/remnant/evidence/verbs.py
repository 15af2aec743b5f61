"""The questions that evidence of every kind answers, over batches.

All verbs are pure. Posterior answers rest on a flat prior in log10 q on each row's declared range, which
is the only prior anywhere in this package; `upper_limit` needs none where nothing was detected. Named
errors count as far as their class is in `include` (see `remnant.evidence.kinds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from remnant.errors import MeasurementError
from remnant.evidence import likelihood
from remnant.evidence.batch import EvidenceBatch, Floats, Integers, SharedErrors
from remnant.evidence.kinds import COMPARISON, MEASUREMENT, ErrorTerm, ProfileEvidence
from remnant.evidence.posterior import blocks, difference, knots, posterior, quantile, side_of, tail
from remnant.evidence.profile import tabulate

__all__ = [
    "Change",
    "Interval",
    "JointAbove",
    "change",
    "combine",
    "interval",
    "is_detected",
    "joint_above",
    "log_likelihood",
    "log_likelihood_at_zero",
    "probability_above",
    "upper_limit",
]

# Gauss-Hermite nodes of a standard normal.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(16)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# A fine even rule for the latent shared draw, whose integrand may be as sharp as a step.
_LATENT: Final = np.linspace(-5.0, 5.0, 201)
_LATENT_WEIGHTS: Final = np.exp(-0.5 * _LATENT**2) / np.exp(-0.5 * _LATENT**2).sum()
_BISECTIONS: Final = 28
_DETECTABLE: Final = 1e-6  # gain in log-likelihood that rounding cannot make


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Equal-tailed intervals.

    Attributes
    ----------
    lower, median, upper : ndarray of float, shape (n,)
        Quantiles of the posterior of q, in the unit of q.
    sd_log10 : ndarray of float, shape (n,)
        A quarter of the width of the central 95.45 %: the standard deviation if it were log-normal.
    """

    lower: Floats
    median: Floats
    upper: Floats
    sd_log10: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """log10 of after over before.

    Attributes
    ----------
    estimate, lower, upper : ndarray of float, shape (n,)
        Posterior median and equal-tailed interval of the log10 change. Where only a bound of one side is known (nothing
        detected; every partition positive, "more than" in a report) the estimate is NaN and the end that this bound
        does not give is infinite; where bounds of both sides leave it open, both ends are.
    probability : ndarray of float, shape (n, s)
        P(change > step) for each step asked, the bound in place of a quantity of which no more is known; NaN where
        nothing is known of the change.
    """

    estimate: Floats
    lower: Floats
    upper: Floats
    probability: Floats


@dataclass(frozen=True, slots=True, eq=False)
class JointAbove:
    """Two quantities and their limits, shared errors counted once.

    Attributes
    ----------
    first, second, both : ndarray of float, shape (n,)
        P(first above its limit), P(second above its limit), P(both).
    """

    first: Floats
    second: Floats
    both: Floats


def log_likelihood(batch: EvidenceBatch, q: Floats) -> Floats:
    """Log-likelihood of given quantities, without the named errors.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    q : ndarray of float, shape (m,)
        Quantities, all positive; q = 0 is asked with `log_likelihood_at_zero`.

    Returns
    -------
    ndarray of float, shape (n, m)
        Natural log-likelihood.

    Raises
    ------
    MeasurementError
        If a quantity is not positive.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> one = CountsEvidence(k=0, exposure=2.0, background=0.0, dispersion=0.0, log10_low=-3, log10_high=3)
    >>> log_likelihood(EvidenceBatch.of([one]), np.array([1.0, 1.5])).round(6).tolist()
    [[-2.0, -3.0]]
    """
    values = np.asarray(q, dtype=float)
    if not (values > 0).all():
        raise MeasurementError(
            where="log_likelihood",
            found=f"q = {values.min():g}",
            needed="positive quantities",
            advice="Ask log_likelihood_at_zero for q = 0.",
        )
    grid = np.broadcast_to(np.log10(values), (len(batch), len(values)))
    return likelihood.with_private_error(batch, grid)


def log_likelihood_at_zero(batch: EvidenceBatch) -> Floats:
    """Log-likelihood of q = 0, the absent clone.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.

    Returns
    -------
    ndarray of float, shape (n,)
        Natural log-likelihood; ``-inf`` where it is impossible.
    """
    return likelihood.at_zero(batch)


def _error_sd(batch: EvidenceBatch, include: AbstractSet[str]) -> Floats:
    return np.sqrt(batch.errors.variance(include) + np.square(likelihood.private_sd(batch)))


def _error_sd_apart(batch: EvidenceBatch, terms: Sequence[ErrorTerm], include: AbstractSet[str]) -> Floats:
    """Error of each row's distance from a limit with named errors."""
    return np.sqrt(batch.errors.variance_apart(terms, include) + np.square(likelihood.private_sd(batch)))


def interval(
    batch: EvidenceBatch, level: float = 0.95, *, include: AbstractSet[str] = MEASUREMENT
) -> Interval:
    """Equal-tailed interval and median of q.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    level : float, default 0.95
        Probability inside.
    include : set of str, default MEASUREMENT
        Error classes that count: `TUBE`, `MEASUREMENT` or `COMPARISON`.

    Returns
    -------
    Interval
        Bounds in the unit of q. Where nothing was detected the lower bound is set by the declared range:
        print `upper_limit` there.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> ten = CountsEvidence(k=10, exposure=1.0, background=0.0, dispersion=0.0, log10_low=-3, log10_high=6)
    >>> got = interval(EvidenceBatch.of([ten]))
    >>> got.lower.round(2), got.median.round(2), got.upper.round(1)
    (array([4.8]), array([9.67]), array([17.1]))
    """
    sd = _error_sd(batch, include)
    asked = np.array([(1 - level) / 2, 0.5, (1 + level) / 2, 0.022750131948179195, 0.9772498680518208])

    def work(rows: Integers) -> tuple[Floats, ...]:
        return (quantile(posterior(knots(batch.take(rows)), sd[rows]), asked),)

    (found,) = blocks(len(batch), work)
    q = np.power(10.0, found)
    return Interval(q[:, 0], q[:, 1], q[:, 2], (found[:, 4] - found[:, 3]) / 4.0)


def probability_above(
    batch: EvidenceBatch,
    limit: float | Floats,
    *,
    include: AbstractSet[str] = MEASUREMENT,
    limit_errors: Sequence[ErrorTerm] = (),
) -> Floats:
    """Posterior probability that q exceeds a limit.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    limit : float or ndarray of float, shape (n,) or (n, m)
        Limit in the unit of q, positive; m limits of each row are answered from one posterior.
    include : set of str, default MEASUREMENT
        Error classes that count.
    limit_errors : sequence of ErrorTerm, default ()
        Named errors of the limit, where it was measured too: one that q has as well is the same draw and cancels
        as far as its size is the same.

    Returns
    -------
    ndarray of float, shape (n,) or (n, m)
        Probability.

    Examples
    --------
    >>> from remnant.evidence.kinds import ReportedEvidence
    >>> line = ErrorTerm(name="curve:laboratory:WT1", sd_log10=0.3)
    >>> twice = ReportedEvidence(value=20.0, sd_log10=0.1, upper_limit=None, lower_limit=None,
    ...     log10_low=-3, log10_high=6, errors=(line,))
    >>> batch = EvidenceBatch.of([twice])
    >>> probability_above(batch, 10.0).round(2), probability_above(batch, 10.0, limit_errors=[line]).round(3)
    (array([0.83]), array([0.999]))
    """
    sd = _error_sd_apart(batch, limit_errors, include)
    log10_limit = np.log10(np.asarray(limit, dtype=float))
    if log10_limit.ndim < 2:
        log10_limit = np.broadcast_to(log10_limit, (len(batch),))[:, None]

    def work(rows: Integers) -> tuple[Floats, ...]:
        return (tail(posterior(knots(batch.take(rows)), sd[rows]), log10_limit[rows]),)

    (found,) = blocks(len(batch), work)
    return found if np.ndim(limit) == 2 else found[:, 0]


def is_detected(batch: EvidenceBatch) -> NDArray[np.bool_]:
    """Whether the observation speaks for more than nothing.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where some q > 0 in the declared range is likelier than q = 0.
    """
    detected: NDArray[np.bool_] = knots(batch).peak > likelihood.at_zero(batch) + _DETECTABLE
    return detected


def upper_limit(
    batch: EvidenceBatch, level: float = 0.95, *, include: AbstractSet[str] = MEASUREMENT
) -> Floats:
    """One-sided upper bound of q.

    Where zero is not refuted (its likelihood is at least ``1 - level`` of the largest) it is the quantity at
    which the likelihood has fallen to ``1 - level`` of the largest, named errors integrated out: for no
    positive well of a Poisson count, whose likelihood is largest at zero, this is the classical bound
    3.00 / exposure. Elsewhere it is the posterior's one-sided bound. A posterior that zero is part of would be
    as much the declared range's as the data's, and lower for one positive than for none.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    level : float, default 0.95
        Confidence.
    include : set of str, default MEASUREMENT
        Error classes that count.

    Returns
    -------
    ndarray of float, shape (n,)
        Bound in the unit of q; the upper end of the declared range if the likelihood never falls so far.

    References
    ----------
    .. [1] Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1743-1745
       (1983): the rule of three.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> none = CountsEvidence(k=0, exposure=1.0, background=0.0, dispersion=0.0, log10_low=-3, log10_high=6)
    >>> upper_limit(EvidenceBatch.of([none])).round(4)
    array([2.9957])
    """
    sd = _error_sd(batch, include)
    drop = float(np.log(1.0 - level))
    zero = likelihood.at_zero(batch)
    (peak,) = blocks(len(batch), lambda rows: (knots(batch.take(rows)).peak,))
    top = np.maximum(peak, zero)
    refuted = zero < top + drop
    result, seen = np.empty(len(batch)), np.flatnonzero(refuted)
    if len(seen):
        part, part_sd = batch.take(seen), sd[seen]

        def work(rows: Integers) -> tuple[Floats, ...]:
            return (quantile(posterior(knots(part.take(rows)), part_sd[rows]), np.array([level])),)

        result[seen] = np.power(10.0, blocks(len(seen), work)[0][:, 0])
    unseen = np.flatnonzero(~refuted)
    if len(unseen):

        def fall(rows: Integers) -> tuple[Floats, ...]:
            own = unseen[rows]
            return (_fall(batch.take(own), sd[own], top[own] + drop),)

        result[unseen] = np.power(10.0, blocks(len(unseen), fall)[0])
    return result


def _fall(batch: EvidenceBatch, sd: Floats, target: Floats) -> Floats:
    """log10 q at which the error-averaged log-likelihood has fallen to a target, by bisection."""

    def averaged(x: Floats) -> Floats:
        shifted = x[:, None] + sd[:, None] * _NODES
        return logsumexp(likelihood.at_log10(batch, shifted) + np.log(_WEIGHTS), axis=1)

    low, high = batch.log10_low.copy(), batch.log10_high.copy()
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = averaged(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)


def _same_length(a: EvidenceBatch, b: EvidenceBatch, where: str) -> None:
    if len(a) != len(b):
        raise MeasurementError(
            where=where,
            found=f"{len(a)} and {len(b)} rows",
            needed="the same number",
            advice="Pair the measurements first.",
        )


def change(
    before: EvidenceBatch,
    after: EvidenceBatch,
    *,
    steps: tuple[float, ...] = (0.0, 1.0),
    level: float = 0.95,
    include: AbstractSet[str] = COMPARISON,
    bounds: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
) -> Change:
    """Change in log10 from one measurement to another, row by row; either side may be undetected.

    An error that both sides name is the same draw and cancels as far as its size is the same. Of a side that is only
    known to exceed a bound, or where q = 0 is not refuted only to lie below one, the bound is taken: the interval has
    one end, and what the declared range puts beyond the bound is none.

    Parameters
    ----------
    before, after : EvidenceBatch, n rows each
        Evidence of the two sides, in the same unit.
    steps : tuple of float, default (0.0, 1.0)
        Steps in log10 whose exceedance is asked.
    level : float, default 0.95
        Probability inside the interval.
    include : set of str, default COMPARISON
        Error classes that count.
    bounds : pair of ndarray of bool, shape (n,), or None, default None
        Rows of which only a lower bound is known, before and after: their likelihood has no upper end. Those of which
        only an upper bound is known say so themselves.

    Returns
    -------
    Change
        Estimate, interval and P(change > step).

    Raises
    ------
    MeasurementError
        If the two batches differ in length.

    Notes
    -----
    q = 0 is refuted where its likelihood is below ``(1 - level) / 2`` of the largest. The bound of a count of none is the
    classical one, ``-log((1 - level) / 2) / exposure``. P(change > step) of a change that has only a lower end is at
    least what is given, of one that has only an upper end at most: the quantity may lie anywhere beyond its bound.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> def count(k): return CountsEvidence(k=k, exposure=1, background=0, dispersion=0, log10_low=-3, log10_high=6)
    >>> got = change(EvidenceBatch.of([count(10)]), EvidenceBatch.of([count(100)]))
    >>> got.estimate.round(2), got.probability.round(2).tolist()
    (array([1.01]), [[1.0, 0.54]])
    >>> got = change(EvidenceBatch.of([count(0)]), EvidenceBatch.of([count(100)]))
    >>> got.estimate, got.lower.round(2), got.upper, got.probability.round(2).tolist()
    (array([nan]), array([1.42]), array([inf]), [[1.0, 1.0]])
    """
    _same_length(before, after, "change")
    variance = np.square(_error_sd(before, include)) + np.square(_error_sd(after, include))
    variance -= 2.0 * after.errors.covariance(before.errors, include)
    sd = np.sqrt(np.maximum(variance, 0.0))
    asked = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    falls, rises = bounds or (np.zeros(len(before), dtype=np.bool_),) * 2

    def work(rows: Integers) -> tuple[Floats, ...]:
        later, earlier = (
            side_of(after.take(rows), rises[rows], level),
            side_of(before.take(rows), falls[rows], level),
        )
        grid = difference(later, earlier, sd[rows])
        ends = quantile(grid, asked)
        above = tail(grid, np.broadcast_to(np.array(steps), (len(rows), len(steps))))
        up = (later.bound > 0) | (earlier.bound < 0)
        down = (later.bound < 0) | (earlier.bound > 0)
        ends[down, 0], ends[up | down, 1], ends[up, 2] = -np.inf, np.nan, np.inf
        above[up & down] = np.nan
        return ends, above

    found, probability = blocks(len(before), work)
    return Change(found[:, 1], found[:, 0], found[:, 2], probability)


def joint_above(
    first: EvidenceBatch,
    second: EvidenceBatch,
    first_limit: float | Floats,
    second_limit: float | Floats,
    *,
    include: AbstractSet[str] = MEASUREMENT,
    limit_weights: tuple[Floats, Floats] | None = None,
    limit_errors: tuple[Sequence[ErrorTerm], Sequence[ErrorTerm]] = ((), ()),
) -> JointAbove:
    """Probability that two quantities of one sample both exceed their limits.

    The errors that both name (one control gene, one cDNA, one run) are integrated out once, so that a
    low control does not count as two independent signs.

    Parameters
    ----------
    first, second : EvidenceBatch, n rows each
        Evidence of the two quantities.
    first_limit, second_limit : float or ndarray of float, shape (n,) or (n, m)
        Limits in each quantity's unit; m values where the limit itself is uncertain, each limit on its own.
    include : set of str, default MEASUREMENT
        Error classes that count.
    limit_weights : pair of ndarray of float, shape (m,), or None, default None
        Weights of those values, summing to 1; needed where there are several.
    limit_errors : pair of sequence of ErrorTerm, default ((), ())
        Named errors of each limit, where it was measured too.

    Returns
    -------
    JointAbove
        The two marginal probabilities and the joint one.

    Raises
    ------
    MeasurementError
        If the two batches differ in length.
    """
    _same_length(first, second, "joint_above")
    n = len(first)
    limits = []
    for given in (first_limit, second_limit):
        log10_limit = np.log10(np.asarray(given, dtype=float))
        limits.append(log10_limit if log10_limit.ndim == 2 else np.broadcast_to(log10_limit, (n,))[:, None])
    weights = limit_weights or (np.ones(1), np.ones(1))
    variances = [
        np.square(_error_sd_apart(batch, terms, include))
        for batch, terms in zip((first, second), limit_errors, strict=True)
    ]
    shared = _covariance_apart(first, second, limit_errors, include)
    # One latent draw u with loadings a and b reproduces the covariance a * b; the rest stays private.
    ratio = np.sqrt(np.divide(variances[0], variances[1], out=np.ones(n), where=variances[1] > 0))
    size = np.abs(shared)
    loadings = [
        np.sqrt(size * ratio),
        np.sign(shared) * np.sqrt(np.divide(size, ratio, out=np.zeros(n), where=ratio > 0)),
    ]
    private = [np.sqrt(np.maximum(v - a * a, 0.0)) for v, a in zip(variances, loadings, strict=True)]

    def work(rows: Integers) -> tuple[Floats, ...]:
        given_u = []
        for side, batch in enumerate((first, second)):
            grid = posterior(knots(batch.take(rows)), private[side][rows])
            moved = loadings[side][rows, None] * _LATENT
            above = np.zeros(moved.shape)
            for weight, limit in zip(weights[side], limits[side][rows].T, strict=True):
                above += weight * tail(grid, limit[:, None] - moved)
            given_u.append(above)
        return tuple(p @ _LATENT_WEIGHTS for p in (given_u[0], given_u[1], given_u[0] * given_u[1]))

    return JointAbove(*blocks(n, work))


def _covariance_apart(
    first: EvidenceBatch,
    second: EvidenceBatch,
    limit_errors: tuple[Sequence[ErrorTerm], Sequence[ErrorTerm]],
    include: AbstractSet[str],
) -> Floats:
    """Covariance of two distances from limits: that of the quantities, and what the limits share with them."""
    shared = first.errors.covariance(second.errors, include)
    if not any(limit_errors):
        return shared
    limits = [SharedErrors.of([terms]).take(np.zeros(len(first), dtype=np.int64)) for terms in limit_errors]
    shared -= first.errors.covariance(limits[1], include) + limits[0].covariance(second.errors, include)
    return shared + limits[0].covariance(limits[1], include)


def combine(batch: EvidenceBatch) -> ProfileEvidence:
    """Merge several measurements of one quantity, such as same-day replicates.

    Errors that every row names stay named, with the smallest size; what is left is each row's own and is
    integrated out before the log-likelihoods are summed.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence of the same quantity in the same unit.

    Returns
    -------
    ProfileEvidence
        Their joint log-likelihood.

    Raises
    ------
    MeasurementError
        If the batch is empty.
    """
    if not len(batch):
        raise MeasurementError(
            where="combine", found="no rows", needed="at least one", advice="Select measurements first."
        )
    rows = [batch.errors.row(i) for i in range(len(batch))]
    sizes = [{term.name: term.sd_log10 for term in row} for row in rows]
    common = tuple(
        ErrorTerm(name=name, sd_log10=min(row[name] for row in sizes))
        for name in sizes[0]
        if all(name in row for row in sizes)
    )
    kept = sum(term.sd_log10**2 for term in common)
    everything = {name.partition(":")[0] for name in batch.errors.names}
    own = np.square(_error_sd(batch, everything)) - kept
    sd = np.sqrt(np.maximum(own, 0.0))
    nodes = np.linspace(-5.0, 5.0, 81)
    log_weights = -0.5 * nodes**2 - logsumexp(-0.5 * nodes**2)

    def joint(log10_q: Floats) -> Floats:
        total = np.zeros(len(log10_q))
        for i in range(len(batch)):
            grid = (log10_q[:, None] + sd[i] * nodes).reshape(1, -1)
            single = likelihood.at_log10(batch.take(np.array([i])), grid).reshape(len(log10_q), -1)
            total += logsumexp(single + log_weights, axis=1)
        return total

    return tabulate(
        joint,
        at_zero=float(likelihood.at_zero(batch).sum()),
        log10_low=float(batch.log10_low.min()),
        log10_high=float(batch.log10_high.max()),
        errors=common,
    )
