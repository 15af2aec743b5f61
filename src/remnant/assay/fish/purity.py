"""Make-up of a sorted gate: Dirichlet parameters from a re-analysis, never a silent 100 %.

Events of each compartment found, plus a Jeffreys half for the gate's own cells and a half shared by the
contaminants named. A share without events counts as few events. Without any re-analysis a broad
assumption stands in, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from remnant.knowledge.compartments import compartment, known_compartment
from remnant.knowledge.fish import fish_row
from remnant.records.finding import Finding
from remnant.records.fish import SortPurity
from remnant.records.sample import Fraction

__all__ = ["OTHER", "GateContent", "gate_content"]

OTHER: Final = "other cells"
"""Contaminants that no report names."""


class GateContent(NamedTuple):
    """What a gate holds.

    Attributes
    ----------
    parameters : dict of str to float
        Dirichlet parameters by compartment, own first.
    measured : bool
        Whether anything was re-analysed.
    conditional : str
        What the make-up is conditional on; empty if on nothing.
    findings : tuple of Finding
        What was noticed.
    """

    parameters: dict[str, float]
    measured: bool
    conditional: str
    findings: tuple[Finding, ...]


def gate_content(fraction: Fraction, found: Sequence[SortPurity], *, source: str) -> GateContent:
    """Make-up of one gate.

    Parameters
    ----------
    fraction : Fraction
        The gate; its own purity is used where no report names contaminants.
    found : sequence of SortPurity
        Re-analysis of this fraction.
    source : str
        Compartment that unnamed contaminants are taken to be: the worst case, the sample's blasts.

    Returns
    -------
    GateContent
        Parameters and what they rest on.

    Examples
    --------
    >>> gate = Fraction(fraction_id="F1", sample_id="S1", compartment="HSC", sort_gate="CD34+CD38-CD19-",
    ...                 purity=0.94, reanalysed_events=100)
    >>> {name: round(x, 3) for name, x in gate_content(gate, [], source="CD19+").parameters.items()}
    {'HSC': 94.5, 'CD19+': 6.5}
    """
    row = fish_row("purity")
    own = compartment(fraction.compartment).id
    named = {name: events for name, events in _events(found, row["share_events"]).items() if events > 0}
    findings: list[Finding] = []
    conditional = ""
    if not named and fraction.purity is not None:
        total = float(fraction.reanalysed_events or row["share_events"])
        named = {own: fraction.purity * total, source: (1.0 - fraction.purity) * total}
        findings.append(_finding(fraction, "purity.unnamed", f"contaminants are taken to be {source}"))
    if not named:
        own_share, other_share = row["assumed_own"], row["assumed_others"]
        mean = 100.0 * own_share / (own_share + other_share)
        conditional = f"purity not measured, taken as {mean:.0f} %, Beta({own_share:g}, {other_share:g})"
        findings.append(_finding(fraction, "purity.assumed", conditional, severity="warning"))
        return GateContent(
            parameters={own: row["assumed_own"], source: row["assumed_others"]},
            measured=False,
            conditional=conditional,
            findings=tuple(findings),
        )
    if all(item.events is None for item in found) and not fraction.reanalysed_events:
        conditional = f"purity without events, counted as {row['share_events']:g}"
        findings.append(_finding(fraction, "purity.no_events", conditional, severity="warning"))
    others = [name for name in named if name != own] or [source]
    parameters = {own: named.get(own, 0.0) + row["own"]}
    parameters |= {name: named.get(name, 0.0) + row["others"] / len(others) for name in others}
    return GateContent(
        parameters=parameters, measured=True, conditional=conditional, findings=tuple(findings)
    )


def _events(found: Sequence[SortPurity], share_events: float) -> dict[str, float]:
    events: dict[str, float] = {}
    for item in found:
        name = compartment(item.compartment).id if known_compartment(item.compartment) else OTHER
        count = float(item.events) if item.events is not None else (item.share or 0.0) * share_events
        events[name] = events.get(name, 0.0) + count
    return events


def _finding(fraction: Fraction, code: str, what: str, *, severity: str = "note") -> Finding:
    return Finding(
        code=code,
        severity="warning" if severity == "warning" else "note",
        subject=f"fraction {fraction.fraction_id}",
        message=f"{fraction.compartment}: {what}.",
    )
