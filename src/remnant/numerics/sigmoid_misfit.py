"""What the curves of an assay miss a sigmoid by in common, which is no noise of one well.

A sigmoid does not fit a real curve to the last digit, and misses it in the same way in every well of an assay. That
part moves the cycles of an assay alike and is taken up by its standard curve. It is a function of the distance from
an anchor cycle, in bins of one cycle, and it changes with the anchor itself: an early curve shows more of its plateau
than a late one, so that the part shared at one dilution is not the part shared at another. Each bin therefore has a
polynomial in the anchor, of a degree that its curves can carry.

Arrays are curves x cycles; residuals are taken over the height of their curve.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled
from remnant.numerics.sigmoid import SigmoidFits, sigmoid

__all__ = ["shared_misfit"]

Floats = NDArray[np.float64]
Array = NDArray[Any]

_REACH = 80
_BINS = 2 * _REACH
_TERMS = 3
_RIDGE = 1e-3
"""In curves: keeps the polynomial regular where all anchors are the same."""
_ABSORBED = 2.0 / 3.0
"""Share of its freedom that a polynomial takes from one reading, which lies between two bins: the mean of
s² + (1 - s)² over a cycle."""
_LEAST_SPREAD: Final = 1.0
"""Cycles: anchors that differ by less are replicates, and teach no change with the anchor."""


@compiled
def _sums(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    cycles: Array, relative: Array, anchor: Array, group: Array, total: Array
) -> None:
    """Moments of the standardised anchor (5) and of the residuals along it (3), of each assay and bin."""
    for row in range(len(relative)):
        if group[row] < 0:
            continue
        z = anchor[row, 1]
        for i in range(len(cycles)):
            value = relative[row, i]
            away = cycles[i] - anchor[row, 0]
            if not (math.isfinite(value) and abs(away) < _REACH - 1):
                continue
            low = math.floor(away)
            for side in range(2):
                weight = away - low if side else 1.0 - (away - low)
                place = int(low) + side + _REACH
                power = weight
                for k in range(5):
                    total[group[row], place, k] += power
                    if k < _TERMS:
                        total[group[row], place, 5 + k] += power * value
                    power *= z


@compiled
def _polynomials(total: Array, least: float, out: Array) -> None:
    """Coefficients of each bin, and the factor that gives residuals back what the coefficients took."""
    a = np.empty((_TERMS, _TERMS + 1))
    for group in range(total.shape[0]):
        for place in range(total.shape[1]):
            weight = total[group, place, 0]
            out[group, place, :] = 0.0
            out[group, place, _TERMS] = 1.0
            terms = int(min(1.0 + math.floor(weight / least), float(_TERMS)))
            if weight < least:
                continue
            for i in range(terms):
                for j in range(terms):
                    a[i, j] = total[group, place, i + j] + (_RIDGE if i == j and i > 0 else 0.0)
                a[i, terms] = total[group, place, 5 + i]
            for i in range(terms):
                for j in range(i + 1, terms):
                    share = a[j, i] / a[i, i]
                    for k in range(i, terms + 1):
                        a[j, k] -= share * a[i, k]
            for i in range(terms - 1, -1, -1):
                value = a[i, terms]
                for k in range(i + 1, terms):
                    value -= a[i, k] * out[group, place, k]
                out[group, place, i] = value / a[i, i]
            out[group, place, _TERMS] = 1.0 / math.sqrt(1.0 - _ABSORBED * terms / weight)


@compiled
def _shown(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    cycles: Array, relative: Array, anchor: Array, group: Array, polynomial: Array, out: Array
) -> None:
    """What to take off each residual, over height: all but the part of its own, scaled up to its freedom."""
    for row in range(len(relative)):
        if group[row] < 0:
            continue
        z = anchor[row, 1]
        for i in range(len(cycles)):
            value = relative[row, i]
            away = cycles[i] - anchor[row, 0]
            if not (math.isfinite(value) and abs(away) < _REACH - 1):
                continue
            low = math.floor(away)
            common = factor = 0.0
            for side in range(2):
                weight = away - low if side else 1.0 - (away - low)
                c = polynomial[group[row], int(low) + side + _REACH]
                common += weight * (c[0] + z * (c[1] + z * c[2]))
                factor += weight * c[_TERMS]
            out[row, i] = value - factor * (value - common)


def shared_misfit(
    cycles: Floats,
    fluorescence: Floats,
    fits: SigmoidFits,
    *,
    anchor: Floats,
    group: NDArray[np.int64],
    least_curves: int,
) -> Floats:
    """Part of the residuals that the curves of an assay have in common.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers.
    fluorescence : ndarray, shape (n, k)
        The curves that were fitted.
    fits : SigmoidFits
        Their fits.
    anchor : ndarray, shape (n,)
        Cycle that is aligned; a curve with NaN takes no part.
    group : ndarray of int, shape (n,)
        Assay of each curve, from 0.
    least_curves : int
        Curves of an assay from which its common part is taken out, changing in proportion to the anchor; from twice
        as many it may bend.

    Returns
    -------
    ndarray, shape (n, k)
        Fluorescence to take off the residuals; 0 where nothing is shared. What is left has the variance of the
        noise: the freedom that the common part took is given back.

    References
    ----------
    .. [1] The least-squares mean of residuals over wells is the lack of fit of Draper and Smith, Applied Regression
       Analysis, 3rd edition (1998), section 2.1; replicates tell it from pure error.
    """
    used, own = _large_groups(group, np.isfinite(anchor), least_curves)
    out = np.zeros_like(fluorescence)
    if not used:
        return out
    with np.errstate(invalid="ignore", divide="ignore"):
        fitted = sigmoid(cycles, fits.shape, floor=fits.floor, height=fits.height)
        relative = (fluorescence - fitted) / fits.height[:, None]
    seen = own >= 0
    count = np.maximum(np.bincount(own[seen], minlength=used), 1)
    mean = np.bincount(own[seen], anchor[seen], minlength=used) / count
    squares = np.bincount(own[seen], np.square(anchor[seen] - mean[own[seen]]), minlength=used) / count
    spread = np.maximum(np.sqrt(squares), _LEAST_SPREAD)
    aligned = np.zeros((len(anchor), 2))
    aligned[seen, 0] = anchor[seen]
    aligned[seen, 1] = (anchor[seen] - mean[own[seen]]) / spread[own[seen]]
    total, polynomial = np.zeros((used, _BINS, 5 + _TERMS)), np.empty((used, _BINS, _TERMS + 1))
    grid = np.ascontiguousarray(cycles)
    _sums(grid, relative, aligned, own, total)
    _polynomials(total, float(least_curves), polynomial)
    _shown(grid, relative, aligned, own, polynomial, out)
    out *= fits.height[:, None]
    out[~seen] = 0.0
    return out


def _large_groups(
    group: NDArray[np.int64], usable: NDArray[np.bool_], least: int
) -> tuple[int, NDArray[np.int64]]:
    """Number of assays with enough curves, and each curve's among them; -1 for none."""
    counted = np.bincount(group[usable], minlength=int(group.max(initial=-1)) + 1)
    number = np.where(counted >= least, np.cumsum(counted >= least) - 1, -1)
    own = np.where(usable, number[group] if len(group) else -1, -1)
    return int((counted >= least).sum()), own.astype(np.int64)
