"""Rules of overt relapse, of what may predict it, and of alarms.

Percentages are of nucleated cells by morphology.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remnant.knowledge import tables

__all__ = ["BlastRule", "RelapseRules", "relapse_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRule:
    """Blasts that make a relapse overt in one material.

    Attributes
    ----------
    id, label : str
        Row, and the words for it.
    blasts_percent : float
        Limit.
    inclusive : bool
        Whether the limit itself counts.
    """

    id: str
    label: str
    blasts_percent: float
    inclusive: bool

    def overt(self, blast_percent: float) -> bool:
        """Whether this share of blasts is overt relapse.

        Parameters
        ----------
        blast_percent : float
            Blasts, percent.

        Returns
        -------
        bool
            True at or above, or above, the limit.
        """
        return blast_percent > self.blasts_percent or (
            self.inclusive and blast_percent == self.blasts_percent
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelapseRules:
    """Rows of ``relapse.toml`` as the course uses them.

    Attributes
    ----------
    blasts : mapping of str to BlastRule
        By material.
    events : mapping of str to str
        Event kinds that are overt relapse, with the words for them.
    no_predictor_reasons : frozenset of str
        Reasons for sampling whose samples are no predictors.
    preemptive_therapies : frozenset of str
        Therapies that may explain why an alarm regressed.
    urgency : int
        Urgency of a living patient with overt relapse.
    version : str
        Version of the table.
    """

    blasts: Mapping[str, BlastRule]
    events: Mapping[str, str]
    no_predictor_reasons: frozenset[str]
    preemptive_therapies: frozenset[str]
    urgency: int
    version: str


@functools.cache
def relapse_rules() -> RelapseRules:
    """Relapse rules that ship with remnant.

    Returns
    -------
    RelapseRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> relapse_rules().blasts["BM"].overt(5.0), relapse_rules().blasts["PB"].overt(0.0)
    (True, False)
    """
    rows = {row["id"]: row for row in tables.rows("relapse")}
    return RelapseRules(
        blasts=MappingProxyType(
            {
                row["material"]: BlastRule(
                    id=row["id"],
                    label=row["label"],
                    blasts_percent=row["blasts_percent"],
                    inclusive=row["inclusive"],
                )
                for row in rows.values()
                if row.get("kind") == "blasts"
            }
        ),
        events=MappingProxyType(
            {row["event"]: row["label"] for row in rows.values() if row.get("kind") == "event"}
        ),
        no_predictor_reasons=frozenset(rows["no_predictors"]["reasons"]),
        preemptive_therapies=frozenset(rows["preemptive_therapy"]["therapies"]),
        urgency=rows["after_overt_relapse"]["urgency"],
        version=tables.version("relapse"),
    )
