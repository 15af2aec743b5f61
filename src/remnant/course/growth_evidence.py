"""Evidence of series as growth needs it: tables with each sample's own error, and draws shared by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.evidence.batch import KINDS, EvidenceBatch
from remnant.evidence.kinds import COMPARISON, KNOTS
from remnant.evidence.likelihood import at_log10, at_zero, private_sd
from remnant.evidence.posterior import knots
from remnant.numerics.growth import SharedDraws
from remnant.numerics.growth_tables import (
    GAUSSIAN,
    STEP_DOWN,
    STEP_UP,
    TABULATED,
    Likelihoods,
    Tables,
    tabulated,
)

__all__ = ["own_variance", "shared_draws", "tables_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_COARSE: Final = 0.8  # share of an error's spread that the points of a likelihood may lie apart
_FINEST: Final = 16
_FURTHER: Final = 10.0  # decades


def own_variance(
    batch: EvidenceBatch, owner: Integers, *, default_biology: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Variance of each sample's own errors, and what each shares with others of its owner.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    owner : ndarray of int, shape (n,)
        Stretch of each row.
    default_biology : ndarray of float, shape (n,)
        Within-patient standard deviation where the evidence states none, log10.

    Returns
    -------
    tuple of ndarray
        Variance of the errors that no other row of the owner names, shape (n,); and for every term whether
        another row of the owner names it, shape (n, t).
    """
    sd = batch.errors.included(COMPARISON)
    name = batch.errors.name
    used = (name >= 0) & (sd > 0)
    key = owner[:, None] * (len(batch.errors.names) + 1) + name
    _, inverse, count = np.unique(key[used], return_inverse=True, return_counts=True)
    shared = np.zeros(name.shape, dtype=np.bool_)
    shared[used] = count[inverse] > 1
    own: Floats = np.square(np.where(shared, 0.0, sd)).sum(axis=1) + np.square(private_sd(batch))
    stated = batch.errors.variance({"biology"})
    return own + np.where(stated > 0, 0.0, np.square(default_biology)), shared


def shared_draws(batch: EvidenceBatch, rows: Integers, shared: NDArray[np.bool_]) -> tuple[SharedDraws, ...]:
    """Groups of samples of one stretch that name the same errors.

    Parameters
    ----------
    batch : EvidenceBatch
        Evidence.
    rows : ndarray of int, shape (m,)
        Rows of the stretch, by date.
    shared : ndarray of bool, shape (m, t)
        Which of their terms are shared within it.

    Returns
    -------
    tuple of SharedDraws
        One a group; samples linked by any chain of names are one group. Two names that move the same samples
        in the same proportion are one draw.
    """
    if not shared.any():
        return ()
    loading: dict[int, dict[int, float]] = defaultdict(dict)
    sd, name = batch.errors.included(COMPARISON)[rows], batch.errors.name[rows]
    for i, j in zip(*np.nonzero(shared), strict=True):
        loading[int(name[i, j])][int(i)] = float(sd[i, j])
    groups: list[tuple[set[int], list[dict[int, float]]]] = []
    for column in loading.values():
        members, columns = set(column), [column]
        apart = []
        for other in groups:
            if other[0] & members:
                members |= other[0]
                columns += other[1]
            else:
                apart.append(other)
        groups = [*apart, (members, columns)]
    return tuple(_group(sorted(members), columns) for members, columns in groups)


def _group(members: Sequence[int], columns: Sequence[dict[int, float]]) -> SharedDraws:
    matrix = np.array([[column.get(i, 0.0) for column in columns] for i in members])
    kept: list[Floats] = []
    for column in matrix.T:
        for at, other in enumerate(kept):
            if np.allclose(
                column * np.linalg.norm(other), other * np.linalg.norm(column), rtol=1e-12, atol=0
            ):
                kept[at] = other * np.hypot(1.0, np.linalg.norm(column) / np.linalg.norm(other))
                break
        else:
            kept.append(column)
    return SharedDraws(tuple(members), np.column_stack(kept))


def tables_of(batch: EvidenceBatch, own_sd: Floats) -> Tables:
    """Likelihood of every sample averaged over its own error.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    own_sd : ndarray of float, shape (n,)
        Standard deviation of its own error, log10, positive.

    Returns
    -------
    Tables
        One row a sample.
    """
    n = len(batch)
    form = np.full(n, TABULATED)
    centre, sd = np.zeros(n), np.zeros(n)
    reported = np.flatnonzero(batch.kind == KINDS.index("reported"))
    value, spread, upper, lower = batch.reported[batch.row[reported]].T
    form[reported] = np.select([np.isfinite(value), np.isfinite(upper)], [GAUSSIAN, STEP_DOWN], STEP_UP)
    centre[reported] = np.select([np.isfinite(value), np.isfinite(upper)], [value, upper], lower)
    sd[reported] = spread
    zero = at_zero(batch)
    # What cannot have been nothing falls without end below: its points reach as far, whatever was declared.
    falls = (zero == -np.inf) & (batch.kind != KINDS.index("profile"))
    known = knots(replace(batch, log10_low=np.where(falls, batch.log10_low - _FURTHER, batch.log10_low)))
    width = known.high - known.low
    finer = np.where(form == TABULATED, np.ceil(width / (KNOTS - 1) / (_COARSE * own_sd)), 1)
    times = int(min(max(finer.max(initial=1), 1), _FINEST))
    held = known.value
    if times > 1:
        place = known.low[:, None] + width[:, None] * np.linspace(0.0, 1.0, (KNOTS - 1) * times + 1)
        held = at_log10(batch, place) - known.peak[:, None]
    step = width / (held.shape[1] - 1)
    return tabulated(Likelihoods(form, known.low, step, held, zero - known.peak, centre, sd), own_sd)
