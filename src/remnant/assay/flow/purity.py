"""Purity of a sorted fraction: its re-analysis counted by compartment, or an index sort well by well.

The counts are what study B's joint model of purity and FISH takes: row by row a purity matrix whose entries
have a Dirichlet uncertainty, not a single percentage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.counting import masks
from remnant.errors import InputError, MeasurementError
from remnant.numerics.proportions import jeffreys
from remnant.records.flow import Events, SortPurityEstimate
from remnant.records.gate import Gating

__all__ = ["IndexSortedCell", "index_sort", "purity_matrix", "sort_purity"]

_LOCATIONS: Final = re.compile(r"^INDEX SORTING LOCATIONS_(\d+)$")
_PLACE: Final = re.compile(r"(\d+),(\d+)")
_OTHER: Final = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSortedCell:
    """One sorted cell.

    Attributes
    ----------
    event : int
        Its place in the file, from 0.
    row, column : int
        Well, from 0.
    compartments : tuple of str
        Gates that it lies in.
    """

    event: int
    row: int
    column: int
    compartments: tuple[str, ...]


def sort_purity(
    events: Events, gating: Gating, *, compartment: str, compartments: Sequence[str], cells: str = ""
) -> SortPurityEstimate:
    """What a sorted fraction holds, from its re-analysis file.

    Parameters
    ----------
    events : Events
        Re-analysis.
    gating : Gating
        Gates of the compartments, as in the tube that was sorted.
    compartment : str
        Compartment that was to be sorted.
    compartments : sequence of str
        Compartments to count, that one included; an event in several counts for the first.
    cells : str, default ""
        Gate of all cells that count; empty for every event.

    Returns
    -------
    SortPurityEstimate
        Counts and purity.

    Raises
    ------
    MeasurementError
        If no event counts, or the compartment is not among those to count.
    """
    names = list(dict.fromkeys(compartments))
    found = masks(events, gating, [*names, *([cells] if cells else [])])
    rest: NDArray[np.bool_] = found[cells].copy() if cells else np.ones(events.tube.events, dtype=bool)
    total = int(np.count_nonzero(rest))
    if total == 0 or compartment not in names:
        raise MeasurementError(
            where=f"purity of {compartment}",
            found=f"{total} events, compartments {', '.join(names)}",
            needed="events, and the sorted compartment among those counted",
            advice="Re-analyse some of the sorted cells under the gates of the sort.",
        )
    counts = []
    for name in names:
        inside = found[name] & rest
        counts.append(int(np.count_nonzero(inside)))
        rest &= ~inside
    own = counts[names.index(compartment)]
    bounds = jeffreys(own, total)
    return SortPurityEstimate(
        compartment=compartment,
        compartments=(*names, _OTHER),
        counts=(*counts, total - sum(counts)),
        purity=own / total,
        lower=float(bounds.lower),
        upper=float(bounds.upper),
    )


def purity_matrix(estimates: Sequence[SortPurityEstimate]) -> NDArray[np.float64]:
    """Posterior mean shares of compartments in each sorted fraction.

    Parameters
    ----------
    estimates : sequence of SortPurityEstimate
        One a fraction, all over the same compartments.

    Returns
    -------
    ndarray of float, shape (n_fractions, n_compartments)
        Rows sum to 1: Dirichlet means with a half added to each count (Jeffreys).

    Raises
    ------
    InputError
        If the estimates are over different compartments.
    """
    if len({one.compartments for one in estimates}) > 1:
        raise InputError(
            where="purity matrix",
            found="fractions counted over different compartments",
            needed="the same compartments in the same order",
            advice="Count every re-analysis with the same gates.",
        )
    counts = np.array([one.counts for one in estimates], dtype=float) + 0.5
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def index_sort(events: Events, inside: Mapping[str, NDArray[np.bool_]]) -> tuple[IndexSortedCell, ...]:
    """Sorted cells with their wells.

    Parameters
    ----------
    events : Events
        Index-sort file: its keywords tell a well for each event, in order.
    inside : mapping of str to ndarray of bool
        Gates of interest, from `masks`.

    Returns
    -------
    tuple of IndexSortedCell
        One an event.

    Raises
    ------
    InputError
        If the file tells no wells, or not one for each event.
    """
    parts = {
        int(match.group(1)): value
        for key, value in events.keywords.items()
        if (match := _LOCATIONS.match(key))
    }
    wells = [
        (int(row), int(column)) for number in sorted(parts) for row, column in _PLACE.findall(parts[number])
    ]
    if len(wells) != events.tube.events:
        raise InputError(
            where=f"file {events.tube.file}",
            found=f"{len(wells)} wells for {events.tube.events} events",
            needed="one well an event",
            advice="Export the index sort with its locations.",
        )
    return tuple(
        IndexSortedCell(
            event=place,
            row=row,
            column=column,
            compartments=tuple(name for name, mask in inside.items() if mask[place]),
        )
        for place, (row, column) in enumerate(wells)
    )
