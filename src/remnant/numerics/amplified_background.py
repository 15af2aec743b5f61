"""Likelihood of the share of target cells, where the background of the assay amplifies too.

Wells of `remnant.numerics.wells`, with a background that differs from well to well: with probability ``p`` a well
holds a non-specific signal, of as many molecules as a log-normal draw says. The draw is integrated on an even grid,
well by well: its step must be finer than what one well scatters, which few Gauss-Hermite nodes are not. A well
without it holds target molecules only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from remnant.numerics.wells import WellGroups, log_likelihood

__all__ = ["Background", "amplified_background", "share_log_likelihood"]

Floats = NDArray[np.float64]

_DRAWS: Final = np.linspace(-4.5, 4.5, 46)
_WEIGHTS: Final = np.exp(-0.5 * np.square(_DRAWS))


@dataclass(frozen=True, slots=True)
class Background:
    """What wells without target show.

    Attributes
    ----------
    probability : float
        That a well has a non-specific signal.
    mean_log10, sd_log10 : float
        Of its molecules a well, log10.
    """

    probability: float
    mean_log10: float
    sd_log10: float


def amplified_background(log10_copies: Floats, *, default_sd_log10: float, least_wells: float) -> Background:
    """Background learned from wells without target.

    Parameters
    ----------
    log10_copies : ndarray of float, shape (n,)
        Reading of each well by the standard curve; NaN for a silent one.
    default_sd_log10 : float
        Spread where fewer than two wells amplified.
    least_wells : float
        Wells added to those that amplified and to those that did not.

    Returns
    -------
    Background
        A level of one molecule is assumed where none amplified.

    Examples
    --------
    >>> found = amplified_background(np.array([0.3, np.nan, np.nan, np.nan, np.nan, np.nan]),
    ...                              default_sd_log10=0.5, least_wells=0.5)
    >>> round(found.probability, 3), found.mean_log10, found.sd_log10
    (0.214, 0.3, 0.5)
    """
    seen = log10_copies[~np.isnan(log10_copies)]
    return Background(
        probability=(len(seen) + least_wells) / (len(log10_copies) + 2.0 * least_wells),
        mean_log10=float(seen.mean()) if len(seen) else 0.0,
        sd_log10=float(seen.std(ddof=1)) if len(seen) > 1 else default_sd_log10,
    )


def share_log_likelihood(
    log10_share: Floats,
    *,
    log10_copies: Floats,
    cells: Floats,
    technical_sd_log10: float,
    background: Background,
) -> Floats:
    """Log-likelihood of shares of target cells.

    Parameters
    ----------
    log10_share : ndarray of float, shape (m,)
        Share of target cells, log10; ``-inf`` asks for none.
    log10_copies : ndarray of float, shape (r,)
        Reading of each well; NaN for a silent one.
    cells : ndarray of float, shape (r,)
        Cells whose DNA the well holds.
    technical_sd_log10 : float
        Technical standard deviation of one well.
    background : Background
        Signal without target.

    Returns
    -------
    ndarray of float, shape (m,)
        Natural log-likelihood up to a constant.

    Examples
    --------
    >>> silent = np.full(3, np.nan)
    >>> got = share_log_likelihood(np.array([-np.inf, -4.0]), log10_copies=silent, cells=np.full(3, 1e4),
    ...                            technical_sd_log10=0.05, background=Background(0.0, 0.0, 0.5))
    >>> (got[1] - got[0]).round(6)  # three wells of one expected molecule each
    np.float64(-3.0)
    """
    molecules = np.concatenate([[0.0], 10.0 ** (background.mean_log10 + background.sd_log10 * _DRAWS)])
    with np.errstate(divide="ignore"):
        log_weight = np.log(
            np.concatenate(
                [[1.0 - background.probability], background.probability * _WEIGHTS / _WEIGHTS.sum()]
            )
        )
    wells, nodes = len(cells), len(molecules)
    rows = wells * nodes
    groups = WellGroups(
        np.repeat(log10_copies, nodes)[:, None],
        np.repeat(cells, nodes)[:, None].astype(float),
        np.full(rows, technical_sd_log10),
        np.ones(rows),
        np.tile(molecules, wells),
        np.full(rows, -np.inf),
    )
    each = _possible(groups, np.broadcast_to(log10_share, (rows, len(log10_share))))
    mixed = logsumexp(each.reshape(wells, nodes, -1) + log_weight[None, :, None], axis=1)
    total: Floats = mixed.sum(axis=0)
    return total


def _possible(groups: WellGroups, log10_share: Floats) -> Floats:
    """The wells' likelihood; a signal without any molecule is impossible."""
    seen = ~np.isnan(groups.log10_copies[:, 0])
    impossible = (seen & (groups.blank_molecules == 0))[:, None] & np.isneginf(log10_share)
    asked = np.where(impossible, 0.0, log10_share)
    return np.where(impossible, -np.inf, log_likelihood(groups, asked))
