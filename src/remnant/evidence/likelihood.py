"""Log-likelihood of every kind, over arrays of log10 q.

Natural logarithms. Additive constants that do not depend on q are kept, so that the values equal the
log-probability of the observation.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import betaincinv, gammaln, logsumexp, xlogy

from remnant.evidence.batch import KINDS, EvidenceBatch, Floats, Integers
from remnant.evidence.kinds import KNOTS

__all__ = ["IMPOSSIBLE", "at_log10", "at_zero", "private_sd", "with_private_error"]

IMPOSSIBLE: Final = -1e4
"""Stands for log 0 on the grid: finite, so that arithmetic stays free of NaN."""

# Gauss-Legendre over the probability of the Beta posterior of the false-positive rate.
_RATE_NODES, _RATE_WEIGHTS = np.polynomial.legendre.leggauss(20)
_RATE_SHARES: Final[Floats] = 0.5 * (_RATE_NODES + 1.0)
_RATE_LOG_WEIGHTS: Final[Floats] = np.log(0.5 * _RATE_WEIGHTS)
_VOLUME_NODES: Final = np.linspace(-6.0, 6.0, 201)
# Slopes at the knots of the not-a-knot cubic spline are linear in the values: one matrix serves all rows.
_SLOPES: Final[Floats] = CubicSpline(np.arange(KNOTS), np.eye(KNOTS)).derivative()(np.arange(KNOTS))


def _counts(columns: Floats, q: Floats) -> Floats:
    k, exposure, background, dispersion = (columns[:, [i]] for i in range(4))
    mean = exposure * (q + background)
    poisson = xlogy(k, mean) - mean - gammaln(k + 1)
    if not dispersion.any():
        return poisson
    size = 1.0 / np.where(dispersion > 0, dispersion, 1.0)
    negative_binomial = (
        gammaln(k + size)
        - gammaln(size)
        - gammaln(k + 1)
        - size * np.log1p(mean / size)
        + xlogy(k, mean / (size + mean))
    )
    return np.where(dispersion > 0, negative_binomial, poisson)


def _binomial(k: Floats, n: Floats, p: Floats) -> Floats:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlogy(n - k, 1 - p)


def _fraction(columns: Floats, q: Floats) -> Floats:
    k, n, fp, fn, weight = (columns[:, [i]] for i in range(5))
    p = fp + (1 - fp - fn) * weight * np.minimum(q, 1.0)
    return np.where(q > 1.0, IMPOSSIBLE, _binomial(k, n, p))


def _partitions(columns: Floats, q: Floats) -> Floats:
    """At the nominal volume, whose error is log-normal in q and enters as a private error; blanks integrated."""
    k, n = columns[:, [0]], columns[:, [1]]
    filled = q * columns[:, [2]]
    known = _partitions_at(k, n, filled, columns[:, [4]])
    learned = np.flatnonzero(columns[:, 5] > 0)
    if len(learned):
        nodes = np.array([_rates(mean, sd) for mean, sd in columns[learned, 4:6].tolist()])
        k_learned, n_learned, filled = k[learned], n[learned], filled[learned]
        total = np.full(filled.shape, -np.inf)
        for rate, weight in zip(nodes.T, _RATE_LOG_WEIGHTS, strict=True):
            at = _partitions_at(k_learned, n_learned, filled, rate[:, None])
            total = np.logaddexp(total, at + weight)
        known[learned] = total
    return known + (gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


@functools.lru_cache(maxsize=4096)
def _rates(mean: float, sd: float) -> Floats:
    """Nodes of the Beta posterior of a false-positive rate."""
    size = mean * (1 - mean) / sd**2 - 1.0
    rates: Floats = betaincinv(mean * size, (1 - mean) * size, _RATE_SHARES)
    return rates


def _partitions_at(k: Floats, n: Floats, filled: Floats, fp: Floats) -> Floats:
    """Log-likelihood at one rate of false positives a row, without its constant."""
    empty = np.log1p(-fp) - filled
    return xlogy(k, -np.expm1(empty)) + (n - k) * empty


def _profile(values: Floats, *, low: Floats, high: Floats, log10_q: Floats) -> Floats:
    """Cubic spline between the knots, straight lines beyond them."""
    slopes = values @ _SLOPES.T
    place = (log10_q - low[:, None]) * ((KNOTS - 1) / (high - low))[:, None]
    inside = np.clip(place, 0.0, KNOTS - 1.0)
    cell = np.minimum(inside.astype(np.int64), KNOTS - 2)
    t = inside - cell
    rows = np.arange(len(values))[:, None]
    y0, y1 = values[rows, cell], values[rows, cell + 1]
    m0, m1 = slopes[rows, cell], slopes[rows, cell + 1]
    rise = y1 - y0
    between = y0 + t * (m0 + t * ((3 * rise - 2 * m0 - m1) + t * (m0 + m1 - 2 * rise)))
    beyond = place - inside
    edge = np.where(beyond < 0, slopes[:, :1], slopes[:, -1:])
    spline: Floats = between + np.where(beyond == 0, 0.0, beyond * edge)
    return spline


def _reported(columns: Floats, log10_q: Floats) -> Floats:
    value, sd, upper, lower = (columns[:, [i]] for i in range(4))
    spread = np.where(sd > 0, sd, 1e-6)
    known = np.isfinite(value)
    z = (log10_q - np.where(known, value, 0.0)) / spread
    density = -0.5 * z * z - np.log(spread * np.sqrt(2 * np.pi))
    step = np.where((log10_q <= upper) & (log10_q >= lower), 0.0, IMPOSSIBLE)
    return np.where(known, density, step)


def _kind_rows(batch: EvidenceBatch, kind: str) -> Integers:
    return np.flatnonzero(batch.kind == KINDS.index(kind))


def at_log10(batch: EvidenceBatch, log10_q: Floats) -> Floats:
    """Log-likelihood at positive quantities, each row at its own.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    log10_q : ndarray of float, shape (n, m)
        log10 of the quantities.

    Returns
    -------
    ndarray of float, shape (n, m)
        Natural log-likelihood, named errors not included, never below `IMPOSSIBLE`.
    """
    result = np.empty(log10_q.shape)
    for kind in KINDS:
        rows = _kind_rows(batch, kind)
        if not len(rows):
            continue
        x, at = log10_q[rows], batch.row[rows]
        if kind == "profile":
            low, high = batch.log10_low[rows], batch.log10_high[rows]
            result[rows] = _profile(batch.profile[at], low=low, high=high, log10_q=x)
        elif kind == "reported":
            result[rows] = _reported(batch.reported[at], x)
        else:
            verb, columns = {
                "counts": (_counts, batch.counts),
                "fraction": (_fraction, batch.fraction),
                "partitions": (_partitions, batch.partitions),
            }[kind]
            with np.errstate(divide="ignore"):
                result[rows] = verb(columns[at], np.power(10.0, x))
    return np.maximum(result, IMPOSSIBLE)


def at_zero(batch: EvidenceBatch) -> Floats:
    """Log-likelihood of q = 0, the hypothesis of an absent clone.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.

    Returns
    -------
    ndarray of float, shape (n,)
        Natural log-likelihood; ``-inf`` where q = 0 cannot have given this observation.
    """
    result = np.empty(len(batch))
    for kind in KINDS:
        rows = _kind_rows(batch, kind)
        at = batch.row[rows]
        if kind == "profile":
            result[rows] = batch.profile_at_zero[at]
        elif kind == "reported":
            result[rows] = np.where(np.isfinite(batch.reported[at, 2]), 0.0, -np.inf)
        else:
            verb, columns = {
                "counts": (_counts, batch.counts),
                "fraction": (_fraction, batch.fraction),
                "partitions": (_partitions, batch.partitions),
            }[kind]
            with np.errstate(divide="ignore"):
                result[rows] = verb(columns[at], np.zeros((len(rows), 1)))[:, 0]
    return result


def private_sd(batch: EvidenceBatch) -> Floats:
    """Log-normal error inside the model of the observation: the partition volume.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.

    Returns
    -------
    ndarray of float, shape (n,)
        Standard deviation of log10 q; 0 but for partitions.
    """
    result = np.zeros(len(batch))
    rows = _kind_rows(batch, "partitions")
    result[rows] = batch.partitions[batch.row[rows], 3] / np.log(10.0)
    return result


def with_private_error(batch: EvidenceBatch, log10_q: Floats) -> Floats:
    """Log-likelihood with the private error integrated out.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    log10_q : ndarray of float, shape (n, m)
        log10 of the quantities.

    Returns
    -------
    ndarray of float, shape (n, m)
        Natural log-likelihood; equal to `at_log10` where there is no private error.
    """
    result = at_log10(batch, log10_q)
    sd = private_sd(batch)
    weights = -0.5 * _VOLUME_NODES**2
    weights -= logsumexp(weights)
    for i in np.flatnonzero(sd > 0):
        shifted = log10_q[i][:, None] + sd[i] * _VOLUME_NODES
        single = at_log10(batch.take(np.array([i])), shifted.reshape(1, -1)).reshape(shifted.shape)
        result[i] = logsumexp(single + weights, axis=1)
    return result
