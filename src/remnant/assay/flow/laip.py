"""The patient's own phenotype, learned against normal cells, with a background that is known and not hoped for.

Boosted trees tell the diagnostic blasts from normal cells. Every cell is scored by trees that were not fitted to it
(cross-fitting), so that the scores of the learning cells and of a new tube of the same kind are exchangeable: the r-th
highest score among n normal cells is exceeded by a new normal cell with probability r / (n + 1), whatever the trees
are. The background is therefore the beta distribution of that order statistic, and no limit can be set where it has not been
measured: with n normal cells nothing much below 3 / n can be detected.

This holds for normal cells like those that were learned from. Marrows differ; control tubes tell how much.

References
----------
.. [1] Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005): exchangeability and order
   statistics. Barber et al., Annals of Statistics 49, 486-507 (2021): cross-fitting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.boosted import Boosted, fitted_boosted, log_odds
from remnant.numerics.count_background import CountBackground, detectable_mean, upper_count

__all__ = ["TrackedPhenotype", "called", "detectable_share", "tracked_phenotype"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TrackedPhenotype:
    """A fixed rule: which cells are called, and what it calls among normal cells.

    Attributes
    ----------
    models : tuple of Boosted
        One a fold; a cell is scored by one of them, in turn.
    limit : float
        Score above which a cell is called.
    background : CountBackground
        Share of normal cells that is called, with its error as dispersion.
    recall : float
        Share of blasts that is called.
    recall_dispersion : float
        Relative variance of the recall: binomial, over the diagnostic blasts that it was measured on.
    held_out : tuple of (int, int)
        Cells called and looked at in each tube of normal cells, by trees that saw none of the cells they score.
    """

    models: tuple[Boosted, ...]
    limit: float
    background: CountBackground
    recall: float
    recall_dispersion: float
    held_out: tuple[tuple[int, int], ...]


def detectable_share(
    background: CountBackground, recall: float, *, events: int, probability: float = 0.95
) -> float:
    """Share of blasts that is called in so many of tubes, above what 95 % of tubes without blasts give.

    Parameters
    ----------
    background : CountBackground
        Of the rule.
    recall : float
        Share of blasts that it calls.
    events : int
        Cells of the tube.
    probability : float, default 0.95
        Of exceeding the limit of blank.

    Returns
    -------
    float
        Share of the cells.
    """
    mean = events * background.rate
    blank = upper_count(mean, background.dispersion, probability=probability)
    seen = detectable_mean(mean, background.dispersion, limit=blank, probability=probability)
    return seen / (events * recall)


def tracked_phenotype(
    blasts: Floats,
    normal: Floats,
    *,
    tubes: NDArray[np.int64] | None = None,
    rank: int = 2,
    folds: int = 4,
    trees: int = 150,
    most: int = 200_000,
    rng: np.random.Generator,
) -> TrackedPhenotype:
    """Rule learned from diagnostic blasts and normal cells.

    Parameters
    ----------
    blasts, normal : ndarray of float, shape (n, d)
        Cells on the same axes.
    tubes : ndarray of int, shape (n_normal,), or None, default None
        Tube of each normal cell, from 0. With two tubes or more a fold leaves whole tubes out: marrows differ, and a new tube
        is one that no tree has seen.
    rank : int, default 2
        The limit is the score of the normal cell of this rank. It is not chosen by what it gains: the background
        of a limit that was chosen for few false hits would be too low.
    folds : int, default 4
        Parts of cross-fitting.
    trees : int, default 150
        Rounds of boosting.
    most : int, default 200000
        Normal cells that the trees of a fold are fitted to at most, evenly chosen; every cell is scored.
    rng : numpy.random.Generator
        Seeded source.

    Returns
    -------
    TrackedPhenotype
        The rule.

    Raises
    ------
    FitError
        If there are too few cells.
    """
    owner = np.zeros(len(normal), dtype=np.int64) if tubes is None else tubes
    whole = int(owner.max(initial=0)) + 1
    folds = min(folds, whole) if whole > 1 else folds
    places = [rng.permutation(len(points)) % folds for points in (blasts, normal)]
    if whole > 1:
        places[1] = owner % folds
    models = tuple(
        fitted_boosted(_some(normal[places[1] != fold], most), blasts[places[0] != fold], trees=trees)
        for fold in range(folds)
    )
    scores = [np.empty(len(points)) for points in (blasts, normal)]
    for fold, model in enumerate(models):
        for points, place, score in zip((blasts, normal), places, scores, strict=True):
            score[place == fold] = log_odds(model, points[place == fold])
    ranked = np.sort(scores[1])[::-1]
    limit = float(ranked[rank - 1])
    background = CountBackground(rank / (len(ranked) + 1.0), 1.0 / rank)
    hits = max(1, int(np.count_nonzero(scores[0] > limit)))
    recall = hits / len(blasts)
    found = np.bincount(owner[scores[1] > limit], minlength=whole).tolist()
    held_out = tuple(zip(found, np.bincount(owner).tolist(), strict=True))
    return TrackedPhenotype(models, limit, background, recall, (1.0 - recall) / hits, held_out)


def _some(points: Floats, most: int) -> Floats:
    return points[:: -(-len(points) // most)]


def called(rule: TrackedPhenotype, points: Floats) -> NDArray[np.bool_]:
    """Which cells are called.

    Parameters
    ----------
    rule : TrackedPhenotype
        Rule.
    points : ndarray of float, shape (n, d)
        Cells on the axes that it was learned on.

    Returns
    -------
    ndarray of bool, shape (n,)
        Cells whose score is above the limit.
    """
    score = np.empty(len(points))
    for fold, model in enumerate(rule.models):
        part = slice(fold, None, len(rule.models))
        score[part] = log_odds(model, points[part])
    return np.asarray(score > rule.limit)
