"""States of a leukaemia-specific series: the transition table, urgencies and the prior of the nadir."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["NO_STATE", "MrdStateRules", "Transition", "mrd_state_rules"]

NO_STATE: Final = "none"
"""Before the first evaluable sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table.

    Attributes
    ----------
    id : str
        Key, printed in findings and tests.
    state, sign, becomes : str
        State before, what the sample shows, state after.
    """

    id: str
    state: str
    sign: str
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdStateRules:
    """Tables ``mrd_transitions.toml`` and ``mrd_states.toml`` as the course uses them.

    Attributes
    ----------
    transitions : mapping of (str, str) to Transition
        By state and sign.
    urgency : mapping of str to int
        0 nothing, 1 look, 2 act, by state.
    borderline : tuple of (float, float)
        A probability between these is borderline.
    nadir_spread_log10 : tuple of float
        Prior spreads of a patient's levels.
    same_line_gap_days : int
        A course of chemotherapy that begins within so many days of a sample belongs to the same line.
    qualities : frozenset of str
        Qualities of a sample that are said beside its state.
    version : str
        Version of the transition table.
    """

    transitions: Mapping[tuple[str, str], Transition]
    urgency: Mapping[str, int]
    borderline: tuple[float, float]
    nadir_spread_log10: tuple[float, ...]
    same_line_gap_days: int
    qualities: frozenset[str]
    version: str


@functools.cache
def mrd_state_rules() -> MrdStateRules:
    """State rules that ship with remnant.

    Returns
    -------
    MrdStateRules
        Checked.

    Raises
    ------
    KnowledgeError
        If a state and sign have two rows.

    Examples
    --------
    >>> mrd_state_rules().transitions["negative", "reappears"].becomes
    'suspected relapse'
    """
    found = [
        Transition(id=row["id"], state=row["state"], sign=row["sign"], becomes=row["becomes"])
        for row in tables.rows("mrd_transitions")
    ]
    table = {(one.state, one.sign): one for one in found}
    if len(table) < len(found):
        raise KnowledgeError(
            where="knowledge/mrd_transitions.toml",
            found="two rows of one state and sign",
            needed="one each",
            advice="Mend the table.",
        )
    rows = {row["id"]: row for row in tables.rows("mrd_states")}
    return MrdStateRules(
        transitions=MappingProxyType(table),
        urgency=MappingProxyType({row["state"]: row["urgency"] for row in rows.values() if "state" in row}),
        borderline=(rows["borderline"]["low"], rows["borderline"]["high"]),
        nadir_spread_log10=tuple(rows["nadir_spread"]["spread_log10"]),
        same_line_gap_days=rows["same_line"]["gap_days"],
        qualities=frozenset(rows["quality_said"]["qualities"]),
        version=tables.version("mrd_transitions"),
    )
