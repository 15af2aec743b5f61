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
from remnant.evidence.likelihood import at_zero, private_sd
from remnant.evidence.posterior import blocks, knots

__all__ = ["averaged_likelihood"]

_FLAT: Final = 0.1  # difference of log-likelihood below which an end of the window is level ground


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
    The likelihood is constant on the cells around its 64 knots, and each cell weighs what the normal
    distribution puts into it. Where the likelihood is level at an end (q = 0 remains possible, or a value
    above the range), the last cell has no end.

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
        part = batch.take(rows)
        known = knots(part)
        step = (known.high - known.low) / (known.value.shape[1] - 1)
        edges = known.low[:, None] + step[:, None] * (np.arange(known.value.shape[1] + 1) - 0.5)
        level = np.abs(known.value[:, 0] + known.peak - at_zero(part)) < _FLAT
        edges[level, 0] = -np.inf
        edges[known.value[:, -1] > -_FLAT, -1] = np.inf
        z = (edges[:, :, None] - grid) / spread[rows][:, None, None]
        share = np.diff(ndtr(z), axis=1)
        return (np.einsum("nk,nkm->nm", np.exp(known.value), share),)

    return blocks(len(batch), work)[0]
