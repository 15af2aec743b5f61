"""Compartments of one tube: definitions bound to its panel and compiled to gates, with their sensitivity.

A definition whose antigens the panel lacks is not evaluable and says why; nothing is counted in its place.
The sensitivity moves one cut at a time by multiples of its reference's robust standard deviation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.assay.flow.counting import count
from remnant.assay.flow.cuts import fitted_cuts
from remnant.assay.flow.panels import antigen_axis, checked_panel
from remnant.knowledge.gates import CompartmentDefinition, GateDefinitions
from remnant.records.finding import Finding
from remnant.records.flow import CutSensitivity, Events, GateCount, MarkerCut, PanelChannel, Tube
from remnant.records.gate import BooleanGate, Gating, RectangleGate

__all__ = [
    "CompartmentCounts",
    "compartment_counts",
    "compartments_of_cuts",
    "compiled_compartments",
    "moved_edge_counts",
]


_LOW: Final = "\0CD45 low"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentCounts:
    """Compartments of one tube.

    Attributes
    ----------
    gating : Gating
        Gates that were counted.
    cuts : tuple of MarkerCut
        Where each antigen's positive begins.
    counts : tuple of GateCount
        One a compartment.
    sensitivity : tuple of CutSensitivity
        Each compartment with each of its cuts moved.
    findings : tuple of Finding
        What could not be evaluated.
    version : str
        Version of the definitions.
    """

    gating: Gating
    cuts: tuple[MarkerCut, ...]
    counts: tuple[GateCount, ...]
    sensitivity: tuple[CutSensitivity, ...]
    findings: tuple[Finding, ...]
    version: str


def _antigens(states: Iterable[str]) -> list[str]:
    return [state[:-1] for state in states]


def compiled_compartments(
    definitions: Sequence[CompartmentDefinition],
    cuts: Mapping[str, MarkerCut],
    tube: Tube,
    *,
    parent: str = "",
) -> tuple[tuple[RectangleGate, ...], tuple[Finding, ...]]:
    """Gates of compartments in one tube.

    Parameters
    ----------
    definitions : sequence of CompartmentDefinition
        Compartments wanted.
    cuts : mapping of str to MarkerCut
        Cuts by antigen.
    tube : Tube
        Data set.
    parent : str, default ""
        Gate that their cells come from.

    Returns
    -------
    gates : tuple of RectangleGate
        One a compartment whose antigens all have a cut.
    findings : tuple of Finding
        Compartments that are not evaluable.
    """
    gates, findings = [], []
    for one in definitions:
        missing = [antigen for antigen in _antigens(one.states) if antigen not in cuts]
        if missing:
            findings.append(_not_evaluable(one, missing, tube))
            continue
        states = [*one.states, *(s for s in one.where_measured if s[:-1] in cuts)]
        held = [cuts[antigen] for antigen in _antigens(states)]
        positive = [state.endswith("+") for state in states]
        gates.append(
            RectangleGate(
                name=one.name,
                parent=parent,
                axes=tuple(antigen_axis(cut.channel, tube) for cut in held),
                minimum=tuple(
                    cut.value if wanted else None for cut, wanted in zip(held, positive, strict=True)
                ),
                maximum=tuple(
                    None if wanted else cut.value for cut, wanted in zip(held, positive, strict=True)
                ),
            )
        )
    return tuple(gates), tuple(findings)


def _not_evaluable(one: CompartmentDefinition, missing: list[str], tube: Tube) -> Finding:
    return Finding(
        code="flow.compartment_not_evaluable",
        severity="note",
        subject=f"file {tube.file}",
        message=f"{one.name} needs {', '.join(missing)}, which this tube does not tell.",
        found=one.compartment_id,
    )


def moved_edge_counts(
    events: Events, gating: Gating, *, gate: str, channel: str, moves: Sequence[float]
) -> tuple[int, ...]:
    """Count of a rectangle gate with its edges on one channel moved.

    Parameters
    ----------
    events : Events
        Data set.
    gating : Gating
        Tree that holds the gate.
    gate : str
        Rectangle gate.
    channel : str
        Channel whose edges are moved.
    moves : sequence of float
        Moves on the axis' scale.

    Returns
    -------
    tuple of int
        Events at each move.
    """
    kept = next(one for one in gating.gates if one.name == gate and isinstance(one, RectangleGate))
    variants = [_moved(kept, channel, move, name=f"{gate}\0{place}") for place, move in enumerate(moves)]
    found = {
        one.gate: one.events
        for one in count(events, dataclasses.replace(gating, gates=(*gating.gates, *variants)))
    }
    return tuple(found[variant.name] for variant in variants)


def _moved(gate: RectangleGate, channel: str, move: float, *, name: str) -> RectangleGate:
    def shifted(edges: tuple[float | None, ...]) -> tuple[float | None, ...]:
        return tuple(
            edge if edge is None or axis.channel != channel else edge + move
            for axis, edge in zip(gate.axes, edges, strict=True)
        )

    return dataclasses.replace(gate, name=name, minimum=shifted(gate.minimum), maximum=shifted(gate.maximum))


def compartment_counts(
    events: Events,
    panel: Sequence[PanelChannel],
    *,
    definitions: GateDefinitions,
    cells: Gating | None = None,
    parent: str = "",
) -> CompartmentCounts:
    """Compartments of a tube, counted, with what each cut decides.

    Parameters
    ----------
    events : Events
        Data set.
    panel : sequence of PanelChannel
        Which channel measures which antigen.
    definitions : GateDefinitions
        Compartments and rules of their cuts.
    cells : Gating or None, default None
        Gates that come first, such as singlets; None for all events.
    parent : str, default ""
        Gate of `cells` that the compartments come from.

    Returns
    -------
    CompartmentCounts
        Counts, cuts and sensitivity.

    Raises
    ------
    InputError
        If the panel does not fit the tube.
    """
    channels = checked_panel(panel, events.tube)
    antigens = [a for one in definitions.compartments for a in _antigens((*one.states, *one.where_measured))]
    cuts, uncut = fitted_cuts(events, channels, antigens=["CD45", *antigens], definitions=definitions)
    found = _counted(events, cuts, definitions=definitions, parent=parent, cells=cells)
    return dataclasses.replace(found, findings=(*uncut, *found.findings))


def compartments_of_cuts(
    events: Events,
    channels: Mapping[str, str],
    cuts: Mapping[str, MarkerCut],
    *,
    definitions: GateDefinitions,
) -> CompartmentCounts:
    """Counts of compartments with the cuts of another tube of the same sample and panel.

    Sorted cells hold none of the reference cells that a cut is measured against: the gates of the sort are those
    of the tube that was sorted.

    Parameters
    ----------
    events : Events
        Re-analysis.
    channels : mapping of str to str
        Antigen to channel of the re-analysis, from `checked_panel`.
    cuts : mapping of str to MarkerCut
        Cuts by antigen of the tube that was sorted.
    definitions : GateDefinitions
        Definitions.

    Returns
    -------
    CompartmentCounts
        Counts and cuts, without sensitivity.
    """
    moved = {
        antigen: dataclasses.replace(cut, channel=channels[antigen])
        for antigen, cut in cuts.items()
        if antigen in channels
    }
    counted_only = dataclasses.replace(
        definitions, shifts=()
    )  # how far a cut matters is told of the sorted tube
    return _counted(events, moved, definitions=counted_only, parent="", cells=None)


def _counted(
    events: Events,
    cuts: Mapping[str, MarkerCut],
    *,
    definitions: GateDefinitions,
    parent: str,
    cells: Gating | None,
) -> CompartmentCounts:
    gates, missing = compiled_compartments(definitions.compartments, cuts, events.tube, parent=parent)
    denominator = _denominator(cuts, events.tube, parent)
    first = cells or Gating(gates=())
    gating = Gating(gates=(*first.gates, *denominator, *gates), matrices=first.matrices)
    variants, wanted = _variants(gates, cuts, definitions.shifts)
    variants += _cd45_low(gates, cuts, events.tube)
    found = {
        one.gate: one for one in count(events, dataclasses.replace(gating, gates=(*gating.gates, *variants)))
    }
    sensitivity = tuple(
        CutSensitivity(
            compartment=compartment,
            antigen=antigen,
            shifts=tuple(shift * cuts[antigen].reference_sd for shift in definitions.shifts),
            events=tuple(found[name].events for name in names),
        )
        for compartment, antigen, names in wanted
        if names
    )
    return CompartmentCounts(
        gating=gating,
        cuts=tuple(cuts.values()),
        counts=tuple(
            dataclasses.replace(found[gate.name], cd45_low_events=found[low].events)
            if (low := f"{gate.name}{_LOW}") in found
            else found[gate.name]
            for gate in gating.gates
        ),
        sensitivity=sensitivity,
        findings=missing,
        version=definitions.version,
    )


def _denominator(
    cuts: Mapping[str, MarkerCut], tube: Tube, parent: str
) -> tuple[RectangleGate | BooleanGate, ...]:
    cut = cuts.get("CD45")
    if cut is None:
        return ()
    axis = antigen_axis(cut.channel, tube)
    return (RectangleGate(name="CD45+", parent=parent, axes=(axis,), minimum=(cut.value,), maximum=(None,)),)


def _cd45_low(
    gates: Sequence[RectangleGate], cuts: Mapping[str, MarkerCut], tube: Tube
) -> list[RectangleGate]:
    """The part of every gate that lies below the cut of CD45."""
    cut = cuts.get("CD45")
    if cut is None:
        return []
    axis = antigen_axis(cut.channel, tube)
    return [
        dataclasses.replace(
            gate,
            name=f"{gate.name}{_LOW}",
            axes=(*gate.axes, axis),
            minimum=(*gate.minimum, None),
            maximum=(*gate.maximum, cut.value),
        )
        for gate in gates
    ]


def _variants(
    gates: Sequence[RectangleGate], cuts: Mapping[str, MarkerCut], shifts: Sequence[float]
) -> tuple[list[RectangleGate], list[tuple[str, str, list[str]]]]:
    """Every gate with each of its cuts moved, and which names belong together."""
    by_channel = {cut.channel: antigen for antigen, cut in cuts.items()}
    variants: list[RectangleGate] = []
    wanted: list[tuple[str, str, list[str]]] = []
    for gate in gates:
        for axis in gate.axes:
            antigen = by_channel[axis.channel]
            made = [
                _moved(
                    gate,
                    axis.channel,
                    shift * cuts[antigen].reference_sd,
                    name=f"{gate.name}\0{antigen}\0{place}",
                )
                for place, shift in enumerate(shifts)
            ]
            variants += made
            wanted.append((gate.name, antigen, [one.name for one in made]))
    return variants, wanted
