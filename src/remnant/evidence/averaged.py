"""Likelihood of the centre of a population that the measured quantity was drawn from.

For a donor or a patient's own background the question is not the quantity q of one sample but the centre
mu of samples like it: ``log10 q ~ Normal(mu, sd)``. The likelihood of mu is that of q averaged over this
spread; a sample in which nothing was detected takes part as the left-censored value it is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtr

from remnant.evidence.batch import EvidenceBatch, Floats, Integers
from remnant.evidence.kinds import KNOTS
from remnant.evidence.likelihood import at_log10, at_zero, private_sd
from remnant.evidence.posterior import Knots, blocks, knots

__all__ = ["averaged_likelihood"]

_FLAT: Final = 0.1  # difference of log-likelihood below which an end of the window is level ground
_NARROW: Final = 0.25  # share of the spread below which only mean and variance of a likelihood matter
_SMOOTH: Final = 0.8  # points closer than this share of the product's width sum to its integral
_STRIDES: Final = (4, 2, 1)
_CELLS: Final = 4 * (KNOTS - 1) + 1
_CHUNK: Final = 128  # rows whose points times centres are held at once


def averaged_likelihood(batch: EvidenceBatch, centres: Floats, sd_log10: Floats) -> Floats:
    """Likelihood of population centres, one population spread a row.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence; its named errors count only as far as the caller put them into `sd_log10`.
    centres : ndarray of float, shape (m,)
        Centres asked, log10 of the unit of q.
    sd_log10 : ndarray of float, shape (n,)
        Spread around the centre, positive: population, biology and errors together.

    Returns
    -------
    ndarray of float, shape (n, m)
        Likelihood of each centre, up to a factor of the row that depends on neither centre nor spread.

    Notes
    -----
    A likelihood much narrower than the spread enters by its area, mean and variance; one whose knots are
    close enough for its product with the normal density is summed over them. Any other is constant on the cells of a finer grid, and each cell weighs what the normal distribution puts
    into it. Where the likelihood is level at an end (q = 0 remains possible, or a value above the range),
    the last cell has no end.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> def count(k): return CountsEvidence(k=k, exposure=10, background=0, dispersion=0, log10_low=-4, log10_high=4)
    >>> batch = EvidenceBatch.of([count(0), count(1000)])
    >>> got = averaged_likelihood(batch, np.array([-3.0, -1.0, 2.0]), np.array([0.3, 0.3]))
    >>> got[0].round(2).tolist(), int(got[1].argmax())
    ([0.99, 0.37, 0.0], 2)
    """
    grid = np.asarray(centres, dtype=float)
    spread = np.hypot(sd_log10, private_sd(batch))

    def work(rows: Integers) -> tuple[Floats, ...]:
        part, sd = batch.take(rows), spread[rows]
        known = knots(part)
        open_low = np.abs(known.value[:, 0] + known.peak - at_zero(part)) < _FLAT
        # "Less than" ends level too, but below the end of the declared range: nothing lies beyond.
        open_high = (known.value[:, -1] > -_FLAT) & (known.high == part.log10_high)
        weight = np.exp(known.value)
        mean, own_sd, area = _moments(known, weight)
        closed = ~open_low & ~open_high
        narrow = closed & (own_sd < _NARROW * sd)
        result = np.empty((len(rows), len(grid)))
        result[narrow] = area[narrow, None] * _normal(
            mean[narrow, None] - grid, np.hypot(own_sd, sd)[narrow, None]
        )
        product_sd = own_sd * sd / np.hypot(own_sd, sd)
        left = ~narrow
        for stride in _STRIDES:
            smooth = left & closed & (stride * (known.high - known.low) < _SMOOTH * (KNOTS - 1) * product_sd)
            left &= ~smooth
            for some in _chunks(np.flatnonzero(smooth)):
                result[some] = _over_knots(known.take(some), grid, sd[some], stride=stride)
        for some in _chunks(np.flatnonzero(left)):
            edges, inside = _cells(part.take(some), known.take(some))
            edges[open_low[some], 0] = -np.inf
            edges[open_high[some], -1] = np.inf
            share = np.diff(ndtr((edges[:, :, None] - grid) / sd[some, None, None]), axis=1)
            result[some] = np.einsum("nk,nkm->nm", inside, share)
        return (result,)

    return blocks(len(batch), work)[0]


def _chunks(rows: Integers) -> list[Integers]:
    return [rows[first : first + _CHUNK] for first in range(0, len(rows), _CHUNK)]


def _normal(difference: Floats, sd: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * np.square(difference / sd)) / (sd * np.sqrt(2 * np.pi))
    return density


def _over_knots(known: Knots, grid: Floats, sd: Floats, *, stride: int) -> Floats:
    step = (known.high - known.low) / (KNOTS - 1)
    x = known.low[:, None] + step[:, None] * np.arange(0, KNOTS, stride)
    density = _normal(x[:, :, None] - grid, sd[:, None, None])
    weight = stride * step[:, None] * np.exp(known.value[:, ::stride])
    total: Floats = np.matmul(weight[:, None, :], density)[:, 0, :]
    return total


def _moments(known: Knots, weight: Floats) -> tuple[Floats, Floats, Floats]:
    step = (known.high - known.low) / (KNOTS - 1)
    total = weight.sum(axis=1)
    x = np.arange(KNOTS)
    mean = weight @ x / total
    variance = weight @ np.square(x) / total - np.square(mean)
    return known.low + step * mean, step * np.sqrt(np.maximum(variance, 0.0)), total * step


def _cells(batch: EvidenceBatch, known: Knots) -> tuple[Floats, Floats]:
    """Edges of the cells and the likelihood inside them, relative to the highest knot."""
    step = (known.high - known.low) / (_CELLS - 1)
    edges: Floats = known.low[:, None] + step[:, None] * (np.arange(_CELLS + 1) - 0.5)
    middle = known.low[:, None] + step[:, None] * np.arange(_CELLS)
    return edges, np.exp(at_log10(batch, middle) - known.peak[:, None])
