"""One tube from its events to compartments and the statement about residual cells.

The denominator is CD45+ where the panel has CD45, together with the gate's own cells: the cut of CD45 lies between bright cells
and the rest, and blasts with dim CD45 would be no part of what they are a share of. Without CD45 it is every event; then the
statement says so and no rule set lets the tube be called negative. Controls are counted with the same gate and the same denominator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from remnant.assay.flow.compartments import CompartmentCounts, compartment_counts, compartments_of_cuts
from remnant.assay.flow.mrd import mrd_statement
from remnant.assay.flow.panels import checked_panel
from remnant.errors import InputError
from remnant.knowledge.flow import flow_rules
from remnant.knowledge.gates import gate_definitions
from remnant.records.finding import Finding
from remnant.records.flow import Events, GateCount, MarkerCut, MrdStatement, PanelChannel, ReferenceTube

__all__ = ["Lesion", "lesion_of", "reference_tube", "statement_of", "tube_compartments", "tube_findings"]

Lesion = Literal["AML", "ALL", "LSC"]

_LEUCOCYTES: Final = "CD45+"
_EVENTS: Final = "events"
_CAUSES: Final = frozenset({"flow.no_cut", "flow.no_cd45"})
_CALLED: Final = frozenset({"detected", "quantified"})
_PROGENITORS: Final = ("HSC", "progenitor")
_SCATTER: Final = ("FSC", "SSC", "TIME")


def tube_compartments(
    events: Events, panel: Sequence[PanelChannel], *, cuts: Mapping[str, MarkerCut] | None = None
) -> CompartmentCounts:
    """Compartments of one tube.

    Parameters
    ----------
    events : Events
        Data set.
    panel : sequence of PanelChannel
        Which antigen each channel measures.
    cuts : mapping of str to MarkerCut or None, default None
        Cuts of another tube, for sorted cells that hold no reference cells of their own.

    Returns
    -------
    CompartmentCounts
        Counts, cuts and sensitivity; what the file and the panel leave open is among the findings.

    Raises
    ------
    InputError
        If the panel does not fit the tube.
    """
    definitions = gate_definitions()
    channels = checked_panel(panel, events.tube)
    if cuts is None:
        found = compartment_counts(events, panel, definitions=definitions)
    else:
        found = compartments_of_cuts(events, channels, cuts, definitions=definitions)
    return dataclasses.replace(found, findings=(*tube_findings(events, channels), *found.findings))


def tube_findings(events: Events, channels: Mapping[str, str]) -> tuple[Finding, ...]:
    """What a file and its panel leave open.

    Parameters
    ----------
    events : Events
        Data set.
    channels : mapping of str to str
        Antigen to channel.

    Returns
    -------
    tuple of Finding
        No spillover matrix, no CD45.
    """
    tube, found = events.tube, []
    coloured = [name for name in channels.values() if not name.upper().startswith(_SCATTER)]
    spilled = not tube.channels or any(one.top > 0 for one in tube.channels if one.name in coloured)
    if tube.spillover is None and len(coloured) > 1 and spilled:
        found.append(
            Finding(
                code="flow.no_compensation",
                severity="warning",
                subject=f"file {tube.file}",
                message="The file holds no spillover matrix: its values are used as they stand.",
                needed="values that were compensated, or a matrix",
                advice="Export the file with its compensation, or give the matrix in a Gating-ML file with --gates.",
            )
        )
    if "CD45" not in channels:
        found.append(
            Finding(
                code="flow.no_cd45",
                severity="warning",
                subject=f"file {tube.file}",
                message="The panel has no CD45: shares are of all events, debris included, and no tube may be called negative.",
                needed="the channel of CD45",
                advice="Add CD45 to the panel if it was stained.",
            )
        )
    return tuple(found)


def _denominator(counts: Mapping[str, GateCount], gate: str, events: int) -> tuple[str, int]:
    bright = counts[_LEUCOCYTES].events if _LEUCOCYTES in counts else 0
    leucocytes = bright + counts[gate].cd45_low_events
    return (_LEUCOCYTES, leucocytes) if bright and leucocytes >= counts[gate].events else (_EVENTS, events)


def _by_gate(
    counts: Sequence[GateCount], gate: str, *, where: str, noticed: Sequence[Finding] = ()
) -> dict[str, GateCount]:
    found = {one.gate: one for one in counts}
    if gate not in found:
        raise InputError(
            where=where,
            found=f"no gate {gate!r} among those that could be counted",
            needed=", ".join(found) or "at least one gate",
            advice="Name a gate that was counted; an antigen that the panel lacks leaves its gates out.",
            problems=[one.message for one in noticed if one.message.startswith(gate) or one.code in _CAUSES],
        )
    return found


def reference_tube(
    name: str, counts: Sequence[GateCount], events: int, *, gate: str, denominator: str
) -> ReferenceTube:
    """What the gate catches in a tube without disease.

    Parameters
    ----------
    name : str
        Laboratory code of the control.
    counts : sequence of GateCount
        Its gates.
    events : int
        Its events.
    gate, denominator : str
        Gate of the statement, and what it is a share of.

    Returns
    -------
    ReferenceTube
        Events in the gate, and of the denominator.

    Raises
    ------
    InputError
        If the control has no such gate or denominator.
    """
    found = _by_gate(counts, gate, where=f"control {name}")
    if denominator == _EVENTS:
        return ReferenceTube(name=name, events=found[gate].events, denominator=events)
    own, n = _denominator(found, gate, events)
    if own != denominator:
        raise InputError(
            where=f"control {name}",
            found=f"no {denominator} cells",
            needed="the denominator of the tube",
            advice="Use a control of the same panel.",
        )
    return ReferenceTube(name=name, events=found[gate].events, denominator=n)


def statement_of(
    counts: Sequence[GateCount],
    events: int,
    *,
    gate: str,
    lesion: Lesion,
    controls: Mapping[str, tuple[Sequence[GateCount], int]] | None = None,
    material: str | None = None,
    noticed: Sequence[Finding] = (),
) -> MrdStatement:
    """The statement about residual cells of one tube.

    Parameters
    ----------
    counts : sequence of GateCount
        Gates of the tube.
    events : int
        Its events.
    gate : str
        Gate of the suspect cells.
    lesion : {"AML", "ALL", "LSC"}
        Whose rules of sufficiency apply.
    controls : mapping of str to (sequence of GateCount, int) or None, default None
        Gates and events of tubes without disease, by name.
    material : {"BM", "PB"} or None, default None
        Material; haemodilution is judged in marrow only.
    noticed : sequence of Finding, default ()
        Findings of the compartments, which say why a gate could not be counted.

    Returns
    -------
    MrdStatement
        With its evidence.

    Raises
    ------
    InputError
        If the gate was not counted, here or in a control.
    """
    found = _by_gate(counts, gate, where="residual cells", noticed=noticed)
    denominator, n = _denominator(found, gate, events)
    progenitors = (
        sum(found[name].events for name in _PROGENITORS) if set(_PROGENITORS) <= set(found) else None
    )
    cells = {"nucleated cells": events}
    if denominator == _LEUCOCYTES:
        cells |= {_LEUCOCYTES: n, "WBC": n}
        if progenitors is not None:
            cells["blast compartment"] = progenitors
    said = mrd_statement(
        found[gate].events,
        n,
        gate=gate,
        denominator=denominator,
        controls=[
            reference_tube(name, own, total, gate=gate, denominator=denominator)
            for name, (own, total) in (controls or {}).items()
        ],
        cells=cells,
        lesion=lesion,
        progenitors=progenitors if material == "BM" and denominator == _LEUCOCYTES else None,
        rules=flow_rules(),
    )
    said = _with_counterparts(said)
    if denominator == _LEUCOCYTES and 2 * found[gate].cd45_low_events > found[gate].events:
        said = dataclasses.replace(said, findings=(*said.findings, _cd45_low(found[gate])))
    return said if denominator == _LEUCOCYTES else dataclasses.replace(said, negative_allowed=())


def _cd45_low(found: GateCount) -> Finding:
    return Finding(
        code="flow.cd45_low",
        severity="note",
        subject=f"gate {found.gate}",
        message=(
            f"{found.cd45_low_events:,} of {found.events:,} events of the gate lie below the cut of CD45, "
            "as dim blasts do: they are counted in the denominator."
        ),
    )


def _with_counterparts(said: MrdStatement) -> MrdStatement:
    """That normal cells fill the gate as well: the reason where nothing is called, a warning where something is."""
    known = {one.name: set(one.states) for one in gate_definitions().compartments}
    own = known.pop(said.gate, None)
    same = [name for name, states in known.items() if states == own]
    if not same or said.k == 0:
        return said
    if said.state not in _CALLED:
        reason = f"{said.reason}, and they cannot be told from normal precursors ({', '.join(same)})"
        return dataclasses.replace(said, reason=reason)
    found = Finding(
        code="flow.normal_counterpart",
        severity="warning",
        subject=f"gate {said.gate}",
        message=f"{', '.join(same)} have the same marker states: this count may be normal cells of a regenerating marrow.",
        found=f"{said.k:,} events, {said.limit_of_blank_events:,} at most in 95 % of tubes without disease",
        needed="cells that differ from normal",
        advice="Confirm with the patient's own phenotype or another method before it counts as residual disease.",
    )
    return dataclasses.replace(said, findings=(*said.findings, found))


def lesion_of(diagnosis: str) -> Lesion:
    """Whose rules of sufficiency apply to a diagnosis.

    Parameters
    ----------
    diagnosis : str
        As the laboratory writes it.

    Returns
    -------
    {"AML", "ALL"}
        ALL where the text says so, AML otherwise.

    Examples
    --------
    >>> lesion_of("Ph+ ALL")
    'ALL'
    """
    return "ALL" if "ALL" in diagnosis.upper().replace("-", " ").split() else "AML"
