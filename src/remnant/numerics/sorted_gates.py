"""Counted nuclei of sorted gates with what is known of purity and probe, checked whole.

Counts, make-up of each gate (Dirichlet from re-analysis) and rates of the probe (Beta from controls), aligned to
one list of compartments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remnant.errors import MeasurementError

__all__ = [
    "SortedGates",
    "aligned_gates",
    "refused",
    "sorted_gates",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SINGULAR: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class SortedGates:
    """Counted nuclei of the sorted gates of one sample; made and checked by `sorted_gates`.

    Attributes
    ----------
    compartments : tuple of str, length c
        Own compartments of the gates first, then those seen only as contaminants.
    positive, scored : ndarray of float, shape (g,)
        Positive and scored nuclei of each gate.
    composition : ndarray of float, shape (g, c)
        Dirichlet parameters of each gate's make-up, or its shares where `known`.
    known : ndarray of bool, shape (g,)
        Whether a gate's make-up is taken as exact.
    false_positive, false_negative : ndarray of float, shape (g, 2)
        Rate a nucleus, and the number of control nuclei it rests on; infinite if taken as exact.
    """

    compartments: tuple[str, ...]
    positive: Floats
    scored: Floats
    composition: Floats
    known: Flags
    false_positive: Floats
    false_negative: Floats


def _rates(rate: ArrayLike, gates: int) -> Floats:
    """Rate and control nuclei of each gate; a rate without nuclei is taken as exact."""
    given = np.asarray(rate, dtype=np.float64)
    if given.ndim == 0:
        given = np.array([float(given), np.inf])
    if given.ndim == 1 and given.shape != (2,):
        given = np.stack([given, np.full(given.shape, np.inf)], axis=1)
    wide: Floats = np.broadcast_to(given, (gates, 2)).astype(np.float64)
    return wide


def sorted_gates(
    compartments: tuple[str, ...],
    positive: ArrayLike,
    scored: ArrayLike,
    composition: ArrayLike,
    *,
    false_positive: ArrayLike,
    false_negative: ArrayLike,
    known: ArrayLike = False,
) -> SortedGates:
    """Counts and gates, checked as a whole.

    Parameters
    ----------
    compartments : tuple of str, length c
        Own compartments of the gates first.
    positive, scored : array_like of int, shape (g,)
        Positive and scored nuclei.
    composition : array_like of float, shape (g, c)
        Dirichlet parameters (re-analysis counts and prior), or shares that sum to 1 where `known`.
    false_positive, false_negative : array_like of float
        A rate for all gates, one a gate, or (rate, control nuclei) with shape (2,) or (g, 2).
    known : array_like of bool, default False
        Whether the make-up is taken as exact.

    Returns
    -------
    SortedGates
        The same as arrays.

    Raises
    ------
    MeasurementError
        With every problem: no nuclei, counts above scored, shares that do not sum to 1, rates that leave
        no room for a signal, or two gates of one make-up (a singular purity matrix).

    Examples
    --------
    >>> gates = sorted_gates(("HSC", "B"), [12, 190], [100, 200], [[94, 6], [1, 99]],
    ...                      false_positive=0.0025, false_negative=0.02)
    >>> gates.composition.shape
    (2, 2)
    """
    k, n = (np.asarray(x, dtype=np.float64).reshape(-1) for x in (positive, scored))
    make_up = np.atleast_2d(np.asarray(composition, dtype=np.float64))
    fixed = np.broadcast_to(np.asarray(known, dtype=np.bool_), k.shape)
    fp, fn = _rates(false_positive, len(k)), _rates(false_negative, len(k))
    if make_up.shape != (len(k), len(compartments)) or n.shape != k.shape or len(compartments) < len(k):
        raise refused([f"shapes {k.shape}, {n.shape}, {make_up.shape} for {len(compartments)} compartments"])
    problems = [
        problem
        for i, name in enumerate(compartments[: len(k)])
        for problem in _gate_problems(name, k[i], n[i], make_up[i], known=bool(fixed[i]))
    ]
    problems += [
        f"gate {compartments[i]}: rates {fp[i, 0]:g} and {fn[i, 0]:g}, need at least 0 and a sum below 1"
        for i in np.flatnonzero(~((fp[:, 0] >= 0) & (fn[:, 0] >= 0) & (fp[:, 0] + fn[:, 0] < 1)))
    ]
    if problems:
        raise refused(problems)
    _refuse_singular(compartments, make_up / make_up.sum(axis=1, keepdims=True))
    return SortedGates(compartments, k, n, make_up, fixed, fp, fn)


def aligned_gates(
    own: Sequence[str],
    contents: Sequence[Mapping[str, float]],
    positive: ArrayLike,
    scored: ArrayLike,
    *,
    false_positive: ArrayLike,
    false_negative: ArrayLike,
) -> SortedGates:
    """Gates whose make-up is given by name.

    Parameters
    ----------
    own : sequence of str
        Compartment that each gate was meant to hold, each once.
    contents : sequence of mapping of str to float
        Dirichlet parameters of each gate's make-up by compartment.
    positive, scored, false_positive, false_negative : array_like
        As in `sorted_gates`.

    Returns
    -------
    SortedGates
        Compartments without a gate of their own stand last.

    Examples
    --------
    >>> gates = aligned_gates(["HSC"], [{"HSC": 94.5, "CD19+": 6.5}], [12], [100],
    ...                       false_positive=0.0025, false_negative=0.02)
    >>> gates.compartments
    ('HSC', 'CD19+')
    """
    names = tuple(dict.fromkeys([*own, *(name for content in contents for name in content)]))
    rows = [[content.get(name, 0.0) for name in names] for content in contents]
    return sorted_gates(
        names, positive, scored, rows, false_positive=false_positive, false_negative=false_negative
    )


def _gate_problems(name: str, k: float, n: float, make_up: Floats, *, known: bool) -> list[str]:
    problems = []
    if not n > 0:
        problems.append(f"gate {name}: {n:g} nuclei scored, need at least 1")
    elif not 0 <= k <= n or k != round(k) or n != round(n):
        problems.append(
            f"gate {name}: {k:g} of {n:g} nuclei, need whole numbers and no more than were scored"
        )
    if not (np.all(make_up >= 0) and np.all(np.isfinite(make_up)) and make_up.sum() > 0):
        problems.append(f"gate {name}: make-up {make_up.tolist()}, need numbers of at least 0, not all 0")
    elif known and abs(make_up.sum() - 1.0) > 1e-6:
        problems.append(f"gate {name}: shares sum to {make_up.sum():g}, need 1")
    return problems


def _refuse_singular(compartments: tuple[str, ...], shares: Floats) -> None:
    own = shares[:, : len(shares)]
    if np.linalg.svd(own, compute_uv=False)[-1] >= _SINGULAR:
        return
    distance = np.abs(shares[:, None] - shares[None]).max(axis=2) + 2.0 * np.eye(len(shares))
    first, second = np.unravel_index(np.argmin(distance), distance.shape)
    pair = " and ".join(f"{compartments[i]} (row {i + 1})" for i in (first, second))
    text = "the purity matrix is singular, so that their compartments cannot be told apart"
    raise refused([f"gates {pair}: {text}"])


def refused(problems: list[str]) -> MeasurementError:
    """Error that names every problem of the gates at once.

    Parameters
    ----------
    problems : list of str
        One sentence each.

    Returns
    -------
    MeasurementError
        To be raised.
    """
    return MeasurementError(
        where="sorted gates",
        found=problems[0],
        needed="counts of at least one nucleus, and gates of different make-up",
        advice="Correct the score sheet or the sort report.",
        problems=problems[1:],
    )
