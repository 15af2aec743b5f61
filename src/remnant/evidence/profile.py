"""Tabulates a log-likelihood on the knots of a profile.

Sixty-four knots cannot hold a narrow likelihood over eight decades: the declared range is cut to where
the likelihood lives. The side on which q = 0 stays possible is never cut above the place where the
likelihood has become that of zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from remnant.evidence.batch import Floats
from remnant.evidence.kinds import KNOTS, ErrorTerm, ProfileEvidence

__all__ = ["DEPTH", "tabulate"]

DEPTH: Final = 30.0
"""Fall of the log-likelihood below its maximum beyond which a profile is cut."""

_SCAN: Final = 513


def tabulate(
    log_likelihood: Callable[[Floats], Floats],
    *,
    at_zero: float,
    log10_low: float,
    log10_high: float,
    errors: tuple[ErrorTerm, ...] = (),
) -> ProfileEvidence:
    """Profile of a log-likelihood that is given as a function.

    Parameters
    ----------
    log_likelihood : callable
        Takes log10 q, shape (m,), gives natural log-likelihoods, shape (m,); one maximum.
    at_zero : float
        Log-likelihood of q = 0.
    log10_low, log10_high : float
        Range to search; the profile's own range lies within.
    errors : tuple of ErrorTerm, default ()
        Named errors that are not inside the function.

    Returns
    -------
    ProfileEvidence
        Knots over the part of the range within `DEPTH` of the maximum.

    Examples
    --------
    >>> got = tabulate(lambda x: -0.5 * (x / 0.1) ** 2, at_zero=-np.inf, log10_low=-8.0, log10_high=8.0)
    >>> round(got.log10_low, 2), round(got.log10_high, 2)
    (-0.78, 0.78)
    """
    low, high = log10_low, log10_high
    for _ in range(3):
        grid = np.linspace(low, high, _SCAN)
        values = log_likelihood(grid)
        alive = np.flatnonzero(values > values.max() - DEPTH)
        low, high = grid[max(alive[0] - 1, 0)], grid[min(alive[-1] + 1, _SCAN - 1)]
    knots = np.linspace(low, high, KNOTS)
    return ProfileEvidence(
        log_likelihood=tuple(np.maximum(log_likelihood(knots), -1e4).tolist()),
        log_likelihood_at_zero=at_zero,
        log10_low=float(low),
        log10_high=float(high),
        errors=errors,
    )
