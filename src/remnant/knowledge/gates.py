"""Compartments as marker states, and the rules that place each state in a tube."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["CompartmentDefinition", "CutRule", "GateDefinitions", "ReferenceRule", "gate_definitions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRule:
    """How reference cells are picked.

    Attributes
    ----------
    reference_id : str
        Row.
    splits : tuple of (str, str)
        Antigen or scatter, and what is kept: its ``"low"`` or ``"high"`` side, or above its own cut (``"positive"``).
    """

    reference_id: str
    splits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRule:
    """Where the positive of an antigen begins.

    Attributes
    ----------
    rule_id : str
        Row.
    reference : str
        Reference cells.
    side : {"above", "below", "between"}
        Above or below the reference, or between the two sides of a split.
    z : float
        Robust standard deviations from its median.
    """

    rule_id: str
    reference: str
    side: Literal["above", "below", "between"]
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentDefinition:
    """A compartment as marker states.

    Attributes
    ----------
    compartment_id, name : str
        Row, and what tables call it.
    states : tuple of str
        States that must be measured, ``"CD34+"`` or ``"CD38-"``.
    where_measured : tuple of str
        States that hold where the panel has the antigen.
    source, status : str
        As in the row.
    """

    compartment_id: str
    name: str
    states: tuple[str, ...]
    where_measured: tuple[str, ...]
    source: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDefinitions:
    """All rows of ``gates.toml``.

    Attributes
    ----------
    references : dict of str to ReferenceRule
        By row.
    cuts : dict of str to CutRule
        By antigen.
    compartments : tuple of CompartmentDefinition
        In the order of the table.
    shifts : tuple of float
        How far cuts are moved, in standard deviations of the reference.
    fewest_reference_events : int
        Fewer give no cut.
    version : str
        Version of the table.
    """

    references: dict[str, ReferenceRule]
    cuts: dict[str, CutRule]
    compartments: tuple[CompartmentDefinition, ...]
    shifts: tuple[float, ...]
    fewest_reference_events: int
    version: str

    def compartment(self, name: str) -> CompartmentDefinition:
        """Compartment by its row or its name.

        Parameters
        ----------
        name : str
            Row or name.

        Returns
        -------
        CompartmentDefinition
            The definition.

        Raises
        ------
        KnowledgeError
            If there is none.
        """
        for one in self.compartments:
            if name in {one.compartment_id, one.name}:
                return one
        raise KnowledgeError(
            where="compartment",
            found=repr(name),
            needed=", ".join(one.compartment_id for one in self.compartments),
            advice="Name one of the table.",
        )


@functools.cache
def gate_definitions() -> GateDefinitions:
    """Definitions that ship with remnant.

    Returns
    -------
    GateDefinitions
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> gate_definitions().compartment("HSC").states
    ('CD34+', 'CD38-', 'CD19-')
    """
    rows = tables.rows("gates")
    cuts = {
        antigen: CutRule(rule_id=row["id"], reference=row["reference"], side=row["side"], z=row["z"])
        for row in rows
        if row["kind"] == "cut"
        for antigen in row["antigens"]
    }
    by_id = {row["id"]: row for row in rows}
    return GateDefinitions(
        references={
            row["id"]: ReferenceRule(
                reference_id=row["id"], splits=tuple((axis, side) for axis, side in row["splits"])
            )
            for row in rows
            if row["kind"] == "reference"
        },
        cuts=cuts,
        compartments=tuple(
            CompartmentDefinition(
                compartment_id=row["id"],
                name=row["name"],
                states=tuple(row["states"]),
                where_measured=tuple(row["where_measured"]),
                source=row["source"],
                status=row["status"],
            )
            for row in rows
            if row["kind"] == "compartment"
        ),
        shifts=tuple(by_id["shifts"]["reference_sd"]),
        fewest_reference_events=by_id["fewest_reference_events"]["events"],
        version=tables.version("gates"),
    )
