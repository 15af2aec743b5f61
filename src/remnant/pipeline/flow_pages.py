"""The page of a cytometry file: compartments counted, binned and drawn."""

from __future__ import annotations

import datetime as dt
import itertools

import remnant
from remnant.assay.flow.compartments import CompartmentCounts
from remnant.assay.flow.density import density
from remnant.assay.flow.panels import antigen_axis
from remnant.records.antigen_loss import AntigenLoss
from remnant.records.flow import Events, GateCount, MarkerCut, MrdStatement
from remnant.records.gate import RectangleGate
from remnant.report.context import Context
from remnant.report.flow import page
from remnant.report.flow.plot import Outline, Plot

__all__ = ["flow_page", "plots_of"]

_PAIRS = (
    ("CD45", "SSC-A"),
    ("CD34", "CD38"),
    ("CD19", "CD10"),
    ("CD19", "CD34"),
    ("CD19", "CD20"),
    ("CD3", "CD33"),
)


def _outline(
    gate: RectangleGate,
    count: GateCount,
    x: MarkerCut,
    y: MarkerCut,
    *,
    reach: tuple[float, float, float, float],
) -> Outline | None:
    """A rectangle on its two axes; none where the gate does not cut both, or is only what both leave below."""
    places = {axis.channel: place for place, axis in enumerate(gate.axes)}
    if x.channel not in places or y.channel not in places:
        return None
    a, b = places[x.channel], places[y.channel]
    left, right = gate.minimum[a], gate.maximum[a]
    low, high = gate.minimum[b], gate.maximum[b]
    if left is None and low is None:
        return None
    sides = [
        side if side is not None else end for side, end in zip((left, right, low, high), reach, strict=True)
    ]
    return Outline(
        name=gate.name,
        events=count.events,
        x=(sides[0], sides[1], sides[1], sides[0]),
        y=(sides[2], sides[2], sides[3], sides[3]),
    )


def plots_of(events: Events, found: CompartmentCounts, channels: dict[str, str]) -> tuple[Plot, ...]:
    """Densities of the pairs of antigens that the tube has, with the compartments they show.

    Parameters
    ----------
    events : Events
        Data set.
    found : CompartmentCounts
        Its compartments.
    channels : dict of str to str
        Antigen to channel.

    Returns
    -------
    tuple of Plot
        At most six.
    """
    cuts = {cut.antigen: cut for cut in found.cuts}
    counts = {count.gate: count for count in found.counts}
    made = []
    for x, y in _PAIRS:
        if x not in channels or y not in channels:
            continue
        axes = (antigen_axis(channels[x], events.tube), antigen_axis(channels[y], events.tube))
        grid = density(events, axes, names=(x, y))
        reach = (grid.x_low, grid.x_high, grid.y_low, grid.y_high)
        outlines = (
            _outline(gate, counts[gate.name], cuts[x], cuts[y], reach=reach)
            for gate in found.gating.gates
            if x in cuts and y in cuts and isinstance(gate, RectangleGate)
        )
        shown = _distinct([outline for outline in outlines if outline is not None])
        made.append(Plot(title=f"{y} against {x}", grid=grid, outlines=shown))
    return tuple(made)


def _distinct(outlines: list[Outline]) -> tuple[Outline, ...]:
    """Outlines that are not drawn already: compartments that differ on other axes only share one."""
    kept: dict[tuple[tuple[float, ...], tuple[float, ...]], Outline] = {}
    for outline in outlines:
        kept.setdefault((outline.x, outline.y), outline)
    return tuple(itertools.islice(kept.values(), 4))


def flow_page(
    events: Events,
    found: CompartmentCounts,
    channels: dict[str, str],
    *,
    statement: MrdStatement | None = None,
    loss: AntigenLoss | None = None,
    synthetic: bool = False,
) -> str:
    """Page of one tube.

    Parameters
    ----------
    events : Events
        Data set.
    found : CompartmentCounts
        Its compartments.
    channels : dict of str to str
        Antigen to channel.
    statement : MrdStatement or None, default None
        Statement about residual cells.
    loss : AntigenLoss or None, default None
        An antigen against the patient's earlier tube.
    synthetic : bool, default False
        Whether the data are made up.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    context = Context(
        study="Cytometry", software=f"remnant {remnant.__version__}", written_at=dt.datetime.now(tz=dt.UTC)
    )
    return page(
        events.tube,
        found.counts,
        plots=plots_of(events, found, channels),
        cuts=found.cuts,
        sensitivity=found.sensitivity,
        statement=statement,
        loss=loss,
        findings=(*events.findings, *found.findings),
        context=context,
        synthetic=synthetic,
    )
