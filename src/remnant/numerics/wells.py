"""Likelihood of the molecules in PCR wells, from their quantification cycles.

A well of exposure ``v`` holds ``m ~ Poisson(p v c + b)`` molecules that can amplify: ``c`` molecules per
unit of exposure, each able to amplify with probability ``p``, and ``b`` molecules of the blank. Its
signal, read through the standard curve as log10 copies ``x``, is Normal(log10(m / p), technical sd) for
``m >= 1``; ``m = 0``, or a signal due after the last cycle, is a silent well.

Arrays are groups x replicates; logarithms inside are natural, outside log10. Two ways of summing over m,
both checked against the literal sum:

* few molecules (copies times technical sd, natural scale, below `SWITCH`): the sum itself, over the whole
  numbers within seven technical sd of the reading;
* many: the sum is an integral to better than 1e-8, done by Laplace's method to second order around its own
  mode. It is not a normal approximation of the Poisson law: the error is below 0.0001 log-likelihood at a
  technical sd of 0.15 cycles, and below 0.005 at 0.3 cycles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

__all__ = [
    "DEPTH",
    "FLOOR_MOLECULES",
    "SWITCH",
    "WellGroups",
    "at_zero",
    "log_likelihood",
    "pooled_sd_log10",
    "support",
]

Floats = NDArray[np.float64]

SWITCH: Final = 1.0
"""Copies times technical sd (natural scale) below which the sum over molecules is done literally."""
DEPTH: Final = 30.0
"""Fall of the log-likelihood below its maximum at which a range is cut."""
FLOOR_MOLECULES: Final = 1e-3
"""Molecules expected in the whole exposure at the low end of a range that reaches towards zero."""

_LN10: Final = float(np.log(10.0))
_REACH: Final = 7.0
_NEWTON_STEPS: Final = 2
_LONGEST_CENSORED_SUM: Final = 200
_BLOCK: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class WellGroups:
    """Replicate wells of n groups, padded to r columns.

    Attributes
    ----------
    log10_copies : ndarray of float, shape (n, r)
        Reading of the standard curve; NaN for a silent well.
    exposure : ndarray of float, shape (n, r)
        Exposure of each well; 0 where there is no well.
    technical_sd_log10 : ndarray of float, shape (n,)
        Technical standard deviation of log10 copies of one well.
    detection_probability : ndarray of float, shape (n,)
        P(one molecule amplifies).
    blank_molecules : ndarray of float, shape (n,)
        Mean number of amplifiable molecules that a blank well holds.
    log10_last_cycle : ndarray of float, shape (n,)
        Copies whose mean Cq is the last cycle; ``-inf`` where the last cycle hides nothing.
    """

    log10_copies: Floats
    exposure: Floats
    technical_sd_log10: Floats
    detection_probability: Floats
    blank_molecules: Floats
    log10_last_cycle: Floats

    def __len__(self) -> int:
        return len(self.technical_sd_log10)

    def take(self, rows: NDArray[np.int64]) -> WellGroups:
        """Some groups.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        WellGroups
            Those rows.
        """
        return WellGroups(
            self.log10_copies[rows],
            self.exposure[rows],
            self.technical_sd_log10[rows],
            self.detection_probability[rows],
            self.blank_molecules[rows],
            self.log10_last_cycle[rows],
        )


def _many(y: Floats, sd: Floats, log_mean: Floats, mean: Floats) -> Floats:
    """Laplace's method for the sum over m, u = ln m; y and sd (k, 1), the others (k, j)."""
    weight = 1.0 / np.square(sd)
    start = np.minimum(mean, 4.0 * np.exp(y))
    u = (weight * y + start * log_mean) / (weight + start)
    for _ in range(_NEWTON_STEPS):
        m = np.exp(u)
        lag = log_mean - u
        curvature = np.maximum(weight + m * (1.0 - lag), weight)
        u += (weight * (y - u) + m * lag + 0.5) / curvature
    m = np.exp(u)
    lag = log_mean - u
    curvature = np.maximum(weight + m * (1.0 - lag), weight)
    spread = m / curvature
    second_order = spread / curvature * ((lag - 3.0) / 8.0 + 5.0 / 24.0 * spread * np.square(lag - 2.0))
    value: Floats = (
        -0.5 * weight * np.square(y - u)
        + m * (lag + 1.0)
        - mean
        + 0.5 * (u - np.log(curvature))
        + np.log1p(np.maximum(second_order, -0.5))
        - 1.0 / (12.0 * m)
    )
    # The literal sum below has no 1 / sd in front either: both are P(observation) times sd * sqrt(2 pi).
    return value


def _few(y: Floats, sd: Floats, log_mean: Floats, mean: Floats) -> Floats:
    """The literal sum over m, by Horner's rule; y and sd (k, 1), the others (k, j)."""
    first = np.maximum(np.floor(np.exp(y - _REACH * sd)), 1.0)
    last = np.maximum(np.ceil(np.exp(y + _REACH * sd)), first + 1.0)
    terms = int((last - first).max()) + 1
    m = first + np.arange(terms)
    log_share = -0.5 * np.square((y - np.log(m)) / sd)
    # Counts are measured in units of the reading, so that powers stay within range.
    scale = np.maximum(y, 0.0)
    top = log_share.max(axis=1, keepdims=True)
    log_weight = log_share - top - (gammaln(m + 1) - gammaln(first + 1)) + (m - first) * scale
    coefficient = np.where(m <= last, np.exp(log_weight), 0.0)
    ratio = np.exp(np.minimum(log_mean - scale, 12.0))
    total = np.broadcast_to(coefficient[:, -1:], log_mean.shape).copy()
    for j in range(terms - 2, -1, -1):
        total *= ratio
        total += coefficient[:, j : j + 1]
    value: Floats = np.log(total) + first * log_mean - mean + (top - gammaln(first + 1))
    return value


def _signal(log10_copies: Floats, groups: WellGroups, log_mean: Floats, mean: Floats) -> Floats:
    """Log-density of a reading, one well a row; log_mean and mean (k, j)."""
    y = (log10_copies * _LN10 + np.log(groups.detection_probability))[:, None]
    sd = (groups.technical_sd_log10 * _LN10)[:, None]
    few = (np.exp(y) * sd)[:, 0] < SWITCH
    result = np.empty(log_mean.shape)
    for rows, sum_over in ((np.flatnonzero(few), _few), (np.flatnonzero(~few), _many)):
        if len(rows):
            result[rows] = sum_over(y[rows], sd[rows], log_mean[rows], mean[rows])
    return result


def _silence(groups: WellGroups, log_mean: Floats, mean: Floats) -> Floats:
    """Log-probability of no signal before the last cycle, one well a row."""
    result = -mean
    sd = groups.technical_sd_log10 * _LN10
    edge = groups.log10_last_cycle * _LN10 + np.log(groups.detection_probability)
    longest = np.where(np.isfinite(edge), np.exp(np.minimum(edge + _REACH * sd, 50.0)), 0.0)
    late = longest >= 1.0
    summed = np.flatnonzero(late & (longest <= _LONGEST_CENSORED_SUM))
    if len(summed):
        m = np.arange(1.0, longest[summed].max() + 1.0)
        log_share = np.log(np.maximum(ndtr((edge[summed, None] - np.log(m)) / sd[summed, None]), 1e-300))
        coefficient = np.exp(log_share - gammaln(m + 1))
        x = np.minimum(mean[summed], 1e3)
        total = np.broadcast_to(coefficient[:, -1:], x.shape).copy()
        for j in range(len(m) - 2, -1, -1):
            total *= x
            total += coefficient[:, j : j + 1]
        result[summed] += np.log1p(total * x)
    beyond = np.flatnonzero(late & (longest > _LONGEST_CENSORED_SUM))
    if len(beyond):
        spread = np.sqrt(np.square(sd[beyond, None]) + 1.0 / np.maximum(mean[beyond], 1e-300))
        seen_late = ndtr((edge[beyond, None] - log_mean[beyond]) / spread)
        result[beyond] = np.log(np.maximum(seen_late, np.exp(-mean[beyond]) + 1e-300))
    return result


def _block(groups: WellGroups, log10_concentration: Floats) -> Floats:
    with np.errstate(divide="ignore", under="ignore"):
        base = log10_concentration * _LN10 + np.log(groups.detection_probability)[:, None]
        result = np.zeros(log10_concentration.shape)
        for column in range(groups.exposure.shape[1]):
            exposure, reading = groups.exposure[:, column], groups.log10_copies[:, column]
            filled = exposure > 0
            for rows in (
                np.flatnonzero(filled & ~np.isnan(reading)),
                np.flatnonzero(filled & np.isnan(reading)),
            ):
                if not len(rows):
                    continue
                part, blank = groups.take(rows), groups.blank_molecules[rows]
                log_mean = base[rows] + np.log(exposure[rows])[:, None]
                mean = np.exp(log_mean)
                if blank.any():
                    mean += blank[:, None]
                    log_mean = np.log(mean)
                seen = not np.isnan(reading[rows[0]])
                result[rows] += (
                    _signal(reading[rows], part, log_mean, mean) if seen else _silence(part, log_mean, mean)
                )
    return result


def log_likelihood(groups: WellGroups, log10_concentration: Floats) -> Floats:
    """Log-likelihood of concentrations, each group at its own.

    Parameters
    ----------
    groups : WellGroups, n rows
        Observed wells.
    log10_concentration : ndarray of float, shape (n, m)
        Molecules per unit of exposure, log10; ``-inf`` asks for none.

    Returns
    -------
    ndarray of float, shape (n, m)
        Natural log-likelihood up to a constant of the group: a reading enters with its density times its
        technical sd and the square root of two pi.

    References
    ----------
    .. [1] The mixture over molecules: `docs/architecture.md`, table of assays; sd of replicates at
       15 to 15 000 copies follow it in Ruijter et al., Methods 59, 32-46 (2013), set dil4reps94.

    Examples
    --------
    >>> silent = WellGroups(
    ...     np.full((1, 3), np.nan), np.ones((1, 3)), np.array([0.023]), np.ones(1), np.zeros(1),
    ...     np.full(1, -np.inf),
    ... )
    >>> log_likelihood(silent, np.array([[0.0]])).round(6).tolist()
    [[-3.0]]
    """
    result = np.empty(log10_concentration.shape)
    for start in range(0, len(groups), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(groups)))
        result[rows] = _block(groups.take(rows), log10_concentration[rows])
    return result


def at_zero(groups: WellGroups) -> Floats:
    """Log-likelihood of no target molecule at all, on the scale of `log_likelihood`.

    Parameters
    ----------
    groups : WellGroups, n rows
        Observed wells.

    Returns
    -------
    ndarray of float, shape (n,)
        ``-inf`` where a well gave a signal and the blank holds none.
    """
    signal = ((groups.exposure > 0) & ~np.isnan(groups.log10_copies)).any(axis=1)
    possible = np.flatnonzero(~signal | (groups.blank_molecules > 0))
    result = np.full(len(groups), -np.inf)
    result[possible] = log_likelihood(groups.take(possible), np.full((len(possible), 1), -np.inf))[:, 0]
    return result


def pooled_sd_log10(copies: Floats, technical_sd_log10: Floats) -> Floats:
    """Poisson and technical standard deviation of log10 of the summed copies of wells.

    Parameters
    ----------
    copies : ndarray of float, shape (n, r)
        Copies of each well; 0 for a silent well or none.
    technical_sd_log10 : ndarray of float, shape (n,)
        Technical standard deviation of one well.

    Returns
    -------
    ndarray of float, shape (n,)
        ``inf`` where no well gave a signal.

    Examples
    --------
    >>> pooled_sd_log10(np.array([[10.0, 0.0]]), np.zeros(1)).round(3)
    array([0.137])
    """
    total = copies.sum(axis=1)
    variance = np.square(technical_sd_log10 * _LN10) * np.square(copies).sum(axis=1) + total
    with np.errstate(divide="ignore", invalid="ignore"):
        sd: Floats = np.where(total > 0, np.sqrt(variance) / total / _LN10, np.inf)
    return sd


def _reach(count: Floats) -> tuple[Floats, Floats]:
    """Natural-log distances at which a Poisson likelihood of `count` has fallen by `DEPTH`, down and up."""
    fall = DEPTH / np.maximum(count, 1e-300)
    up = np.minimum(np.sqrt(2.0 * fall), np.log1p(fall) + 2.0)
    down = np.sqrt(2.0 * fall) + fall
    for _ in range(8):
        up -= (np.expm1(up) - up - fall) / np.expm1(up)
        down -= (np.expm1(-down) + down - fall) / -np.expm1(-down)
    return down, up


def _mean_reading(groups: WellGroups) -> Floats:
    """Mean log10 concentration of the wells with signal; 0 without any."""
    signal = (groups.exposure > 0) & ~np.isnan(groups.log10_copies)
    single = np.where(signal, groups.log10_copies - np.log10(np.where(signal, groups.exposure, 1.0)), 0.0)
    mean: Floats = single.sum(axis=1) / np.maximum(signal.sum(axis=1), 1)
    return mean


def support(groups: WellGroups) -> tuple[Floats, Floats]:
    """Range of log10 concentration where the likelihood lives.

    Parameters
    ----------
    groups : WellGroups, n rows
        Observed wells.

    Returns
    -------
    low, high : ndarray of float, shape (n,)
        Where the log-likelihood has fallen by `DEPTH`; where zero molecules stay possible, and never lower,
        the low end is `FLOOR_MOLECULES` in the whole exposure.

    Notes
    -----
    The width is that of a Poisson count with the same relative variance at its maximum (technical variance
    included), plus a tenth: exact for counts and for log-normal readings, and checked between. The maximum
    lies between the pooled concentration and the mean of the readings, so the width is taken from both.
    """
    filled = groups.exposure > 0
    each = np.where(filled & ~np.isnan(groups.log10_copies), np.power(10.0, groups.log10_copies), 0.0)
    copies, exposure = each.sum(axis=1), np.where(filled, groups.exposure, 0.0).sum(axis=1)
    p = groups.detection_probability
    sd = pooled_sd_log10(p[:, None] * each, groups.technical_sd_log10)
    wells = filled.sum(axis=1)
    floor = np.log10(FLOOR_MOLECULES / (p * exposure))
    count = np.where(copies > 0, 1.0 / np.square(np.where(copies > 0, sd, 1.0) * _LN10), 0.0)
    down, up = _reach(np.maximum(count, 0.1))
    centre = np.log10(np.where(copies > 0, copies, 1.0) / exposure)
    # A silent group falls by DEPTH at DEPTH molecules; the last cycle may hide some more.
    hidden = np.where(np.isfinite(groups.log10_last_cycle), np.power(10.0, groups.log10_last_cycle), 0.0)
    silent_high = np.log10((DEPTH / p + wells * (1.0 + 2.0 * hidden)) / exposure)
    reading = _mean_reading(groups)
    low = np.where(copies > 0, np.minimum(centre, reading) - 1.1 * down / _LN10, floor)
    high = np.where(copies > 0, np.maximum(centre, reading) + 1.1 * up / _LN10, silent_high)
    low = np.minimum(np.maximum(low, floor), high - 0.1)
    best = log_likelihood(groups, centre[:, None])[:, 0]
    zero_possible = (copies > 0) & (at_zero(groups) > best - DEPTH)
    return np.where(zero_possible, np.minimum(floor, low), low), high
