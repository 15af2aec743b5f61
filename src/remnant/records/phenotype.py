"""A patient's own phenotype as a stored rule: trees, limit, and what was measured of it when it was learned.

The rule holds for the antigens it names, on compensated values of the cytometer and panel that it was learned with.
"""

from __future__ import annotations

from dataclasses import dataclass

from remnant.records.flow import ReferenceTube

__all__ = ["DifferentCells", "PhenotypeRule", "TreeSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSet:
    """Boosted trees of one fold, as numbers.

    Attributes
    ----------
    edges : tuple of tuple of float
        Upper edges of the bins, one row an antigen.
    columns, cuts : tuple of tuple of int
        Split of each inner node, one row a tree.
    values : tuple of tuple of float
        Score of each leaf, one row a tree.
    """

    edges: tuple[tuple[float, ...], ...]
    columns: tuple[tuple[int, ...], ...]
    cuts: tuple[tuple[int, ...], ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhenotypeRule:
    """Which cells look like the patient's blasts at diagnosis, and not like normal cells.

    Attributes
    ----------
    antigens : tuple of str
        Axes, in the order of the trees' columns; scatter under its channel's name.
    trees : tuple of TreeSet
        One a fold.
    limit : float
        Score above which a cell is called.
    recall, recall_dispersion : float
        Share of diagnostic blasts that is called, by trees that did not see them, and its relative variance.
    controls : tuple of ReferenceTube
        What is called in each tube of normal cells, by trees that did not see that tube (or, of a single tube, that cell).
    denominator : str
        What shares are of.
    gate : str
        Gate or channel that told the blasts of the diagnosis.
    blasts : int
        Diagnostic blasts that it was learned from.
    diagnosis, diagnosis_sha256 : str
        File, and its hash.
    software : str
        Version that learned it.
    """

    antigens: tuple[str, ...]
    trees: tuple[TreeSet, ...]
    limit: float
    recall: float
    recall_dispersion: float
    controls: tuple[ReferenceTube, ...]
    denominator: str
    gate: str
    blasts: int
    diagnosis: str
    diagnosis_sha256: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentCells:
    """Cells of a tube that are unlike normal cells, with what the same rule calls among held-out normal cells.

    Attributes
    ----------
    antigens : tuple of str
        Axes.
    called, events : int
        Cells called, and looked at.
    share : float
        Called of the events.
    asked : float
        Share of normal cells that the limit was set for.
    held_out : str
        Whose cells were held out.
    held_out_called, held_out_events : int
        Called among them, and looked at.
    held_out_share, held_out_lower, held_out_upper : float
        Measured false-positive rate with its exact 95 % interval.
    """

    antigens: tuple[str, ...]
    called: int
    events: int
    share: float
    asked: float
    held_out: str
    held_out_called: int
    held_out_events: int
    held_out_share: float
    held_out_lower: float
    held_out_upper: float
