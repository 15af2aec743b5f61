"""An antigen on a patient's blasts against an earlier tube of the same patient.

Blasts are the gate of the usual phenotype without the antigen itself; the internal negative cells are T cells, gated without it
as well. Both tubes are gated by their own cuts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.antigen_loss import antigen_loss
from remnant.assay.flow.compartments import CompartmentCounts, compiled_compartments
from remnant.assay.flow.counting import axis_values, masks
from remnant.errors import InputError
from remnant.knowledge.flow import flow_rules
from remnant.knowledge.gates import CompartmentDefinition, gate_definitions
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.finding import Finding
from remnant.records.flow import Events
from remnant.records.gate import Axis, Gating, RectangleGate

__all__ = ["BLAST_GATE", "antigen_loss_between", "blasts_without", "loss_finding"]

BLAST_GATE: Final = "B-ALL window"
"""Compartment whose other states gate the blasts."""

_NEGATIVE: Final = "T"
_SEED: Final = 19


def _without(name: str, antigen: str) -> CompartmentDefinition:
    definitions = {one.name: one for one in gate_definitions().compartments}
    if name not in definitions:
        raise InputError(
            where="blast gate",
            found=repr(name),
            needed=", ".join(definitions),
            advice="Name the compartment whose states, but for the antigen, tell the blasts.",
        )

    def kept(states: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(state for state in states if state[:-1] != antigen)

    one = definitions[name]
    return dataclasses.replace(
        one,
        name=f"{name} without {antigen}",
        states=kept(one.states),
        where_measured=kept(one.where_measured),
    )


def _gate(found: CompartmentCounts, events: Events, name: str, antigen: str) -> RectangleGate:
    cuts = {cut.antigen: cut for cut in found.cuts}
    wanted = _without(name, antigen)
    gates, findings = compiled_compartments([wanted], cuts, events.tube)
    if gates and wanted.states:
        return gates[0]
    raise InputError(
        where=f"file {events.tube.file}",
        found=f"no gate {wanted.name}",
        needed=", ".join(wanted.states) or f"states other than that of {antigen}",
        advice="Choose a tube whose panel tells the blasts without the antigen.",
        problems=[one.message for one in (*findings, *found.findings)],
    )


def blasts_without(found: CompartmentCounts, events: Events, *, gate: str = BLAST_GATE, antigen: str) -> int:
    """Blasts of a tube, gated without an antigen.

    Parameters
    ----------
    found : CompartmentCounts
        Compartments of the tube.
    events : Events
        The tube.
    gate : str, default "B-ALL window"
        Compartment of the blasts.
    antigen : str
        Antigen that is left out of its states.

    Returns
    -------
    int
        Events.

    Raises
    ------
    InputError
        If the panel cannot gate them.
    """
    made = _gate(found, events, gate, antigen)
    return int(masks(events, Gating(gates=(made,)))[made.name].sum())


def _levels(
    events: Events, found: CompartmentCounts, gate: RectangleGate, antigen: str
) -> NDArray[np.float64]:
    channel = next((cut.channel for cut in found.cuts if cut.antigen == antigen), None)
    if channel is None:
        raise InputError(
            where=f"file {events.tube.file}",
            found=f"no {antigen}",
            needed=f"the channel of {antigen}, with its cut",
            advice="Choose a tube that was stained for it, or complete the panel.",
            problems=[one.message for one in found.findings if one.message.startswith(antigen)],
        )
    inside = masks(events, Gating(gates=(gate,)))[gate.name]
    return axis_values(events, [Axis(channel=channel, compensation="FCS")], where=inside)[:, 0]


def antigen_loss_between(
    before: tuple[Events, CompartmentCounts],
    after: tuple[Events, CompartmentCounts],
    *,
    antigen: str = "CD19",
    gate: str = BLAST_GATE,
    therapies: Sequence[str] = (),
) -> AntigenLoss:
    """Whether blasts lost an antigen since an earlier tube of the patient.

    Parameters
    ----------
    before, after : tuple of (Events, CompartmentCounts)
        Earlier and later tube with their compartments.
    antigen : str, default "CD19"
        Antigen.
    gate : str, default "B-ALL window"
        Compartment of the blasts; its state of the antigen is left out.
    therapies : sequence of str, default ()
        Drugs given before the later tube: one that covers the epitope is warned of.

    Returns
    -------
    AntigenLoss
        Shift, negative share with interval, modes, verdict.

    Raises
    ------
    InputError
        If a tube lacks an antigen.
    MeasurementError
        If there are fewer than 20 blasts or T cells.
    """
    levels = [
        _levels(events, found, _gate(found, events, gate, antigen), antigen)
        for events, found in (before, after)
    ]
    events, found = after
    negative = _levels(events, found, _gate(found, events, _NEGATIVE, antigen), antigen)
    made = antigen_loss(
        levels[1],
        antigen=antigen,
        before=levels[0],
        negative_cells=negative,
        therapies=therapies,
        rules=flow_rules(),
        seed=_SEED,
    )
    return dataclasses.replace(made, before=before[0].tube.file, gate=f"{gate} without {antigen}")


def loss_finding(found: AntigenLoss, *, subject: str) -> Finding | None:
    """What to say of a change.

    Parameters
    ----------
    found : AntigenLoss
        Comparison.
    subject : str
        Of the finding.

    Returns
    -------
    Finding or None
        None where the antigen was kept.
    """
    if found.verdict == "kept":
        return None
    return Finding(
        code="flow.antigen_lost",
        severity="warning",
        subject=subject,
        message=(
            f"{found.antigen} {found.verdict} since {found.before}: {100 * found.negative_share:.3g} % of "
            f"{found.blasts:,} blasts negative ({100 * found.negative_lower:.3g} to {100 * found.negative_upper:.3g} %), "
            f"median {10**found.shift_log10:.2g} times that of before."
        ),
        found=f"{found.negative:,} of {found.blasts:,} blasts below the cut",
        advice="Confirm with a second clone before a therapy that needs the antigen; gate blasts without it.",
    )
