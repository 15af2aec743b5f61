"""The haematopoietic tree: compartments, parents, lineages, default gates.

Names are compared without case, spaces and signs; a name that the table does not know is an error.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from remnant.errors import KnowledgeError
from remnant.knowledge.tables import rows

__all__ = ["Compartment", "compartment", "compartments", "known_compartment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """One node of the tree.

    Attributes
    ----------
    id : str
        Short name, used in fractions.
    name : str
        Name in words.
    parent : str
        Compartment it arises from; empty for the root.
    lineage : {"stem", "progenitor", "b", "myeloid", "t", "nk"}
        Lineage.
    gate : str
        Default gate of the literature.
    aliases : tuple of str
        Other names.
    pooled : bool
        Whether the gate holds several compartments of the tree.
    source, status : str
        Citation, and ``"verified"`` or ``"unverified"``.
    """

    id: str
    name: str
    parent: str
    lineage: str
    gate: str
    aliases: tuple[str, ...]
    source: str
    status: str
    pooled: bool = False


@functools.cache
def compartments() -> tuple[Compartment, ...]:
    """All compartments, parents before their children.

    Returns
    -------
    tuple of Compartment
        In the order of the table.

    Raises
    ------
    KnowledgeError
        If a parent does not stand before its child, or a name stands twice.

    Examples
    --------
    >>> [row.id for row in compartments() if row.lineage == "stem"]
    ['HSC', 'MPP']
    """
    read = tuple(Compartment(**{**row, "aliases": tuple(row["aliases"])}) for row in rows("compartments"))
    above: set[str] = {""}
    problems = []
    names: set[str] = set()
    for row in read:
        problems += (
            [] if row.parent in above else [f"{row.id}: parent {row.parent!r} does not stand above it"]
        )
        above.add(row.id)
        folded = {_fold(name) for name in (row.id, *row.aliases)}
        problems += [f"{row.id}: name {name!r} stands twice" for name in folded & names]
        names |= folded
    if problems:
        raise KnowledgeError(
            where="knowledge/compartments.toml",
            found=f"{len(problems)} problems",
            needed="a tree with each name once",
            advice="Mend the table.",
            problems=problems,
        )
    return read


def _fold(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


@functools.cache
def _by_name() -> dict[str, Compartment]:
    return {_fold(name): row for row in compartments() for name in (row.id, *row.aliases)}


def known_compartment(name: str) -> bool:
    """Whether the tree has a compartment of this name.

    Parameters
    ----------
    name : str
        As the laboratory writes it.

    Returns
    -------
    bool
        True for ``"HSC"``, ``"stem cell"``, ``"T-cells"`` ...
    """
    return _fold(name) in _by_name()


def compartment(name: str) -> Compartment:
    """Compartment by any of its names.

    Parameters
    ----------
    name : str
        As the laboratory writes it.

    Returns
    -------
    Compartment
        The node.

    Raises
    ------
    KnowledgeError
        If the tree has none of this name.

    Examples
    --------
    >>> compartment("Stem cell").id, compartment("CD19").lineage
    ('HSC', 'b')
    """
    found = _by_name().get(_fold(name))
    if found is None:
        raise KnowledgeError(
            where=f"compartment {name!r}",
            found="no such compartment",
            needed="one of " + ", ".join(row.id for row in compartments()),
            advice="Correct the name, or add a row to the tree.",
        )
    return found
