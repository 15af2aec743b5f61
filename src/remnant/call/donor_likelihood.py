"""Likelihood of healthy donors whose measurements share errors.

An error that all donors carry moves them together: it does not widen their scatter, and the percentile carries it
by name, so that it cancels in a patient who carries it too. Donors of one run share that run's error: it is
integrated out of the run as a whole. What is left is each donor's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.evidence.averaged import averaged_likelihood
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.groups import SharedParts, shared_parts, weighted_terms
from remnant.evidence.kinds import MEASUREMENT, RUN, ErrorTerm
from remnant.records.measurement import Measurement

__all__ = ["Donors", "donors_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SMALLEST: Final = 1e-16  # below this a likelihood may be rounding
_NEVER: Final = 1e-300
_GRID: Final = 121  # centres on which a group's error is summed
_REACH: Final = 5.0
_DRAWS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)  # of an error too small for that grid
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Donors:
    """One measurement a donor, and what they share.

    Attributes
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    parts : SharedParts
        Variance of their named errors: common, of a group, own.
    """

    batch: EvidenceBatch
    parts: SharedParts

    @property
    def common_sd_log10(self) -> float:
        """Error that all donors have in common.

        Returns
        -------
        float
            Standard deviation, log10: it is in no likelihood of theirs.
        """
        return math.sqrt(self.parts.common_variance)

    def log_likelihood(self, centres: Floats, sd_log10: float) -> Floats:
        """Log-likelihood of population centres, the errors of groups integrated out.

        Parameters
        ----------
        centres : ndarray of float, shape (m,)
            Centres, log10; as the donors' measurements see them, the common error included.
        sd_log10 : float
            Spread of the population.

        Returns
        -------
        ndarray of float, shape (m,)
            Of all donors together.
        """
        spread = np.hypot(np.sqrt(self.parts.own_variance), sd_log10)
        sizes = np.sqrt(self.parts.group_variance)
        in_group = sizes[self.parts.group] > 0
        total = np.zeros(len(centres))
        alone = np.flatnonzero(~in_group)
        if len(alone):
            total += _each(self.batch.take(alone), centres, spread[alone]).sum(axis=0)
        together = np.flatnonzero(in_group)
        if not len(together):
            return total
        reach = _REACH * sizes.max()
        grid = np.linspace(centres.min() - reach, centres.max() + reach, _GRID)
        small = sizes[self.parts.group] < grid[1] - grid[0]
        summed = np.flatnonzero(in_group & ~small)
        if len(summed):
            each = _each(self.batch.take(summed), grid, spread[summed])
            distance = -0.5 * np.square(centres - grid[:, None])
            for group, curve in _of_groups(self.parts.group[summed], each):
                total += _averaged(curve[:, None], np.exp(distance / sizes[group] ** 2))
        for group in np.unique(self.parts.group[in_group & small]).tolist():
            rows = np.flatnonzero(self.parts.group == group)
            drawn = centres + sizes[group] * _DRAWS[:, None]
            curve = _each(self.batch.take(rows), drawn.ravel(), spread[rows]).sum(axis=0)
            total += _averaged(curve.reshape(drawn.shape), _WEIGHTS[:, None])
        return total

    def errors(self, sd_log10: float | None = None) -> tuple[ErrorTerm, ...]:
        """Named errors of the donors' centre, and so of their percentile.

        Parameters
        ----------
        sd_log10 : float or None, default None
            Spread of the population: groups are then weighted as the likelihood weighs them; by ranks, with None,
            every donor weighs the same.

        Returns
        -------
        tuple of ErrorTerm
            By name; only classes that other samples may share.

        References
        ----------
        .. [1] Searle, Casella and McCulloch, Variance Components (1992), section 3.3: the weights of groups.
        """
        weights = np.full(len(self.batch), 1.0 / len(self.batch))
        if sd_log10 is not None:
            single = 1.0 / (self.parts.own_variance + sd_log10**2)
            inside = np.bincount(self.parts.group, weights=single)
            of_group = 1.0 / (self.parts.group_variance + 1.0 / inside)
            weights = (of_group / inside)[self.parts.group] * single
            weights /= weights.sum()
        return weighted_terms(self.batch.errors, weights, RUN)

    def named_variance(self, errors: Sequence[ErrorTerm]) -> float:
        """Part of the percentile's variance that its named errors state a second time.

        Parameters
        ----------
        errors : sequence of ErrorTerm
            Named errors of the percentile.

        Returns
        -------
        float
            All of them but the common one, which no likelihood holds.
        """
        named = sum(term.sd_log10**2 for term in errors)
        beyond = named - self.parts.common_variance
        return beyond if beyond > _ROUNDING * named else 0.0


def donors_of(measurements: Sequence[Measurement]) -> Donors:
    """Evidence of donors and what they share.

    Parameters
    ----------
    measurements : sequence of Measurement
        One a donor, of one series.

    Returns
    -------
    Donors
        Their evidence in columns.
    """
    batch = EvidenceBatch.of([m.evidence for m in measurements])
    return Donors(batch, shared_parts(batch.errors, MEASUREMENT))


def _of_groups(group: Integers, each: Floats) -> list[tuple[int, Floats]]:
    """Log-likelihood of each group over the grid."""
    owner, place = np.unique(group, return_inverse=True)
    of_group = np.zeros((len(owner), each.shape[1]))
    np.add.at(of_group, place, each)
    return list(zip(owner.tolist(), of_group, strict=True))


def _averaged(log_likelihood: Floats, weight: Floats) -> Floats:
    """Log of the likelihood averaged over the draws of an error, which stand in the rows."""
    top = log_likelihood.max()
    mixed = (np.exp(log_likelihood - top) * weight).sum(axis=0) / weight.sum(axis=0)
    found: Floats = top + np.log(np.maximum(mixed, _NEVER))
    return found


def _each(batch: EvidenceBatch, centres: Floats, spread: Floats) -> Floats:
    found: Floats = np.log(np.maximum(averaged_likelihood(batch, centres, spread), _SMALLEST))
    return found
