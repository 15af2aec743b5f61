"""One cycle from several: weights that a laboratory learns from the standards of its other assays.

The cycles of one curve (share of height, Cy0, cpD2 ...) have errors that are only partly the same. The weighted
mean that follows log10 of the copies best within assays is learned by regression with an intercept and a slope
of each assay of its own, so that only the weights are shared. They hold for the instrument and chemistry that
they were learned on: weights from one set doubled the spread of replicates in another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cycle_weights"]

Floats = NDArray[np.float64]


def cycle_weights(
    cycles: Floats,
    log10_copies: Floats,
    assay: NDArray[np.int64],
    *,
    variance: Floats,
    ridge: float,
    slope: float = -3.4,
) -> Floats:
    """Weights of the cycles, which sum to 1.

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
    slope : float, default -3.4
        Cycles per tenfold that turns log10 copies into cycles.

    Returns
    -------
    ndarray, shape (k,)
        Weights; the leading cycle takes what the others leave.

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
    others = cycles[:, 1:] - cycles[:, :1]
    inner = np.zeros((others.shape[1], others.shape[1]))
    outer = np.zeros(others.shape[1])
    for one in np.unique(assay):
        rows = assay == one
        root = 1.0 / np.sqrt(variance[rows])[:, None]
        own, _ = np.linalg.qr(np.stack([np.ones(rows.sum()), cycles[rows, 0]], axis=1) * root)
        left = np.column_stack([others[rows], log10_copies[rows]]) * root
        left -= own @ (own.T @ left)
        inner += left[:, :-1].T @ left[:, :-1]
        outer += left[:, :-1].T @ left[:, -1]
    weights = slope * np.linalg.solve(inner + ridge * np.diag(np.diag(inner)), outer)
    return np.concatenate([[1.0 - weights.sum()], weights])
