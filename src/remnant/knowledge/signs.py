"""Rules of the worklist, and of assays that disagree."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["DisagreementRules", "SignRule", "disagreement_rules", "sign_rules"]


class SignRule(NamedTuple):
    """One kind of sign on the worklist.

    Attributes
    ----------
    urgency : int
        1 look, 2 act.
    place : int
        Among signs of one urgency, 0 first.
    """

    urgency: int
    place: int


class DisagreementRules(NamedTuple):
    """Rows of ``disagreement.toml``.

    Attributes
    ----------
    margin_log10 : float
        By how much the bound of the assay that is not detected lies below the other's level.
    levels_log10 : float
        Difference of the changes since diagnosis from which levels differ.
    statuses : mapping of str to str
        Status of each row.
    not_compared : frozenset of str
        Targets that are left out.
    """

    margin_log10: float
    levels_log10: float
    statuses: Mapping[str, str]
    not_compared: frozenset[str]


@functools.cache
def sign_rules() -> Mapping[str, SignRule]:
    """Urgency and place of every kind of sign.

    Returns
    -------
    mapping of str to SignRule
        By kind.

    Raises
    ------
    KnowledgeError
        If two kinds have one place, or an urgency is neither 1 nor 2.

    Examples
    --------
    >>> sign_rules()["confirmed relapse"].urgency, sign_rules()["overdue"].urgency
    (2, 1)
    """
    rules = {row["id"]: SignRule(row["urgency"], row["place"]) for row in tables.rows("worklist")}
    if len({rule.place for rule in rules.values()}) < len(rules) or {r.urgency for r in rules.values()} - {
        1,
        2,
    }:
        raise KnowledgeError(
            where="knowledge/worklist.toml",
            found="two kinds of one place, or an urgency other than 1 and 2",
            needed="a place of its own for every kind",
            advice="Mend the table.",
        )
    return MappingProxyType(rules)


@functools.cache
def disagreement_rules() -> DisagreementRules:
    """When two assays disagree.

    Returns
    -------
    DisagreementRules
        Rows as written.

    Examples
    --------
    >>> disagreement_rules().levels_log10
    1.0
    """
    rows = {row["id"]: row for row in tables.rows("disagreement")}
    return DisagreementRules(
        margin_log10=rows["one_not_detected"]["margin_log10"],
        levels_log10=rows["levels_differ"]["at_least_log10"],
        statuses=MappingProxyType({name: row["status"] for name, row in rows.items()}),
        not_compared=frozenset(rows["not_compared"]["targets"]),
    )
