"""Rules of the worklist, and of assays that disagree."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from remnant.errors import KnowledgeError
from remnant.knowledge import tables

__all__ = ["DisagreementRules", "NamedPair", "SignRule", "disagreement_rules", "sign_rules"]


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


class NamedPair(NamedTuple):
    """Two kinds of marker of one leukaemia that contradict each other, with a name.

    Attributes
    ----------
    id, status : str
        Row and its status.
    diseases : tuple of str
        Diseases in whose diagnosis the name stands.
    positive, negative : frozenset of str
        Targets of the positive assay, and of the negative ones: negative by their own rule set, none of them positive.
    says, advice : str
        What it may mean, and what to do.
    """

    id: str
    status: str
    diseases: tuple[str, ...]
    positive: frozenset[str]
    negative: frozenset[str]
    says: str
    advice: str

    @property
    def name(self) -> str:
        """Name of the discordance.

        Returns
        -------
        str
            For example ``"fusion without clonotype"``.
        """
        return self.id.replace("_", " ")


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
    named : tuple of NamedPair
        Contradictions with a name of their own.
    """

    margin_log10: float
    levels_log10: float
    statuses: Mapping[str, str]
    not_compared: frozenset[str]
    named: tuple[NamedPair, ...] = ()


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
        named=tuple(_named(row) for row in rows.values() if "positive" in row),
    )


def _named(row: Mapping[str, Any]) -> NamedPair:
    return NamedPair(
        id=row["id"],
        status=row["status"],
        diseases=tuple(row["diseases"]),
        positive=frozenset(row["positive"]),
        negative=frozenset(row["negative"]),
        says=row["says"],
        advice=row["advice"],
    )
