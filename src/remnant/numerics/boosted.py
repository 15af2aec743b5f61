"""Gradient-boosted trees for two classes: a sum of small trees, each a set of rectangles with a score.

In: values of two kinds of points, few columns. Out: log-odds that a point is of the second kind, up to a constant. Splits
are searched on 256 quantile bins of each column, all nodes of a level at once.

References
----------
.. [1] Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29, 1189-1232 (2001).
.. [2] Chen and Guestrin, XGBoost, KDD 785-794 (2016): second-order gain and leaf values, equations 5 to 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.errors import FitError
from remnant.numerics.compiled import compiled

__all__ = ["Boosted", "fitted_boosted", "log_odds"]

Floats = NDArray[np.float64]
Bins = NDArray[np.uint8]
Places = NDArray[np.int64]

_BINS: Final = 256
_DEPTH: Final = 5
_RATE: Final = 0.1
_RIDGE: Final = 1.0
_FEWEST: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """Fitted trees.

    Attributes
    ----------
    edges : ndarray of float, shape (d, 255)
        Upper edges of the bins of each column; a value equal to an edge lies below it.
    columns, cuts : ndarray of int, shape (n_trees, 31)
        Split of each inner node, by level: column, and the bin up to which a point goes left.
    values : ndarray of float, shape (n_trees, 32)
        Score of each leaf.
    """

    edges: Floats
    columns: Places
    cuts: Places
    values: Floats


@compiled
def _histograms(  # noqa: PLR0917 - compiled functions take no keywords
    binned: Bins, node: Places, gradient: Floats, curvature: Floats, sums: Floats
) -> None:  # pragma: no cover - compiled
    for i in range(binned.shape[0]):
        for column in range(binned.shape[1]):
            sums[0, node[i], column, binned[i, column]] += gradient[i]
            sums[1, node[i], column, binned[i, column]] += curvature[i]


@compiled
def _leaf_of(  # noqa: PLR0917 - compiled functions take no keywords
    binned: Bins, columns: Places, cuts: Places, depth: int, leaf: Places
) -> None:  # pragma: no cover - compiled
    for i in range(binned.shape[0]):
        place = 0
        for level in range(depth):
            inner = (1 << level) - 1 + place
            right = binned[i, columns[inner]] > cuts[inner]
            place = 2 * place + (1 if right else 0)
        leaf[i] = place


def _binned(points: Floats, edges: Floats) -> Bins:
    return np.stack(
        [np.searchsorted(edges[c], points[:, c], side="left") for c in range(points.shape[1])], axis=1
    ).astype(np.uint8)


def _best_splits(sums: Floats) -> tuple[Places, Places]:
    """Column and bin of the best split of each node of a level; a node that gains nothing sends all left."""
    g, h = np.cumsum(sums[0], axis=2), np.cumsum(sums[1], axis=2)
    whole_g, whole_h = g[:, :, -1:], h[:, :, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = (
            g**2 / (h + _RIDGE)
            + (whole_g - g) ** 2 / (whole_h - h + _RIDGE)
            - whole_g**2 / (whole_h + _RIDGE)
        )
    gain[:, :, -1] = 0.0
    flat = gain.reshape(len(gain), -1)
    best = flat.argmax(axis=1)
    column, cut = np.divmod(best, gain.shape[2])
    cut[flat[np.arange(len(flat)), best] <= 0] = gain.shape[2] - 1
    return column, cut


def _tree(binned: Bins, gradient: Floats, curvature: Floats) -> tuple[Places, Places, Floats, Places]:
    inner = (1 << _DEPTH) - 1
    columns, cuts = np.zeros(inner, dtype=np.int64), np.full(inner, _BINS - 1, dtype=np.int64)
    node = np.zeros(len(binned), dtype=np.int64)
    for level in range(_DEPTH):
        sums = np.zeros((2, 1 << level, binned.shape[1], _BINS))
        _histograms(binned, node, gradient, curvature, sums)
        first = (1 << level) - 1
        columns[first : first + (1 << level)], cuts[first : first + (1 << level)] = _best_splits(sums)
        _leaf_of(binned, columns, cuts, level + 1, node)
    g = np.bincount(node, gradient, minlength=1 << _DEPTH)
    h = np.bincount(node, curvature, minlength=1 << _DEPTH)
    return columns, cuts, _RATE * g / (h + _RIDGE), node


def fitted_boosted(first: Floats, second: Floats, *, trees: int) -> Boosted:
    """Trees that tell points of the second kind from the first.

    Parameters
    ----------
    first, second : ndarray of float, shape (n, d)
        Points of both kinds; both weigh the same in sum.
    trees : int
        Rounds of boosting.

    Returns
    -------
    Boosted
        Fitted; the same points in the same order give the same trees.

    Raises
    ------
    FitError
        If a kind has fewer than 20 points or other columns than the other.

    Examples
    --------
    >>> low, high = np.linspace(0, 1, 50)[:, None], np.linspace(2, 3, 50)[:, None]
    >>> bool((log_odds(fitted_boosted(low, high, trees=5), high) > 0).all())
    True
    """
    if min(len(first), len(second)) < _FEWEST or first.shape[1] != second.shape[1]:
        raise FitError(
            where="boosted trees",
            found=f"{first.shape} and {second.shape} values",
            needed=f"at least {_FEWEST} points of both kinds with the same columns",
            advice="Take more cells, or a rule that needs fewer.",
        )
    points = np.concatenate([first, second])
    edges = np.quantile(points, np.linspace(0, 1, _BINS + 1)[1:-1], axis=0).T
    binned = _binned(points, edges)
    is_second = np.arange(len(points)) >= len(first)
    half = len(points) / 2.0
    weight = np.where(is_second, half / len(second), half / len(first))
    score = np.zeros(len(points))
    made = []
    for _ in range(trees):
        probability = 1.0 / (1.0 + np.exp(-score))
        gradient = weight * (is_second - probability)
        curvature = weight * probability * (1.0 - probability)
        columns, cuts, values, leaf = _tree(binned, gradient, curvature)
        score += values[leaf]
        made.append((columns, cuts, values))
    return Boosted(edges, *(np.stack(part) for part in zip(*made, strict=True)))


def log_odds(fitted: Boosted, points: Floats) -> Floats:
    """Score of points.

    Parameters
    ----------
    fitted : Boosted
        Trees.
    points : ndarray of float, shape (n, d)
        Points on the columns that the trees were fitted to.

    Returns
    -------
    ndarray of float, shape (n,)
        Log-odds of the second kind where both kinds are equally many.
    """
    binned = _binned(points, fitted.edges)
    score, leaf = np.zeros(len(points)), np.zeros(len(points), dtype=np.int64)
    for columns, cuts, values in zip(fitted.columns, fitted.cuts, fitted.values, strict=True):
        _leaf_of(binned, columns, cuts, _DEPTH, leaf)
        score += values[leaf]
    return score
