"""A cytometry file on the command line: what it is, its compartments, and the statement about residual cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.gating_ml import read_gating_ml
from remnant.acquire.panel import read_panel
from remnant.assay.flow.compartments import CompartmentCounts, compartment_counts
from remnant.assay.flow.counting import count
from remnant.assay.flow.mrd import mrd_statement
from remnant.assay.flow.panels import panel_of_labels
from remnant.cli.answer import Answer, command
from remnant.cli.printed import listed
from remnant.errors import InputError, NotFoundError
from remnant.knowledge.flow import flow_rules
from remnant.knowledge.gates import gate_definitions
from remnant.records.flow import Events, GateCount, MrdStatement, PanelChannel

__all__ = ["flow"]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            where=f"file {path.name}",
            found=error.strerror or str(error),
            needed="a file that can be read",
            advice="Check the path.",
        ) from error


@command
def flow(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An FCS file.", show_default=False)],
    *,
    panel: Annotated[
        str,
        typer.Option(
            metavar="TABLE", help="Table of channel and antigen; 'labels' reads the file's own labels."
        ),
    ] = "labels",
    gates: Annotated[
        Path | None, typer.Option(help="Gating-ML 2.0 to count instead of the compartments.")
    ] = None,
    mrd: Annotated[
        str | None, typer.Option(metavar="GATE", help="State residual disease of this gate.")
    ] = None,
    lesion: Annotated[
        Literal["AML", "ALL", "LSC"], typer.Option(help="Whose rules of sufficiency apply.")
    ] = "ALL",
) -> Answer:
    """Count the compartments of a tube, or the gates of a document.

    Parameters
    ----------
    file : pathlib.Path
        FCS file.
    panel : str, default "labels"
        Table of channel and antigen, or ``labels``.
    gates : pathlib.Path or None, default None
        Gating-ML 2.0 document.
    mrd : str or None, default None
        Gate of the suspect cells.
    lesion : {"AML", "ALL", "LSC"}, default "ALL"
        Whose rules apply.

    Returns
    -------
    Answer
        Tube, counts, cuts, sensitivity and, if asked for, the statement.
    """
    held = [_one(events, panel, gates, mrd, lesion=lesion) for events in read_fcs_path(file)]
    return Answer(data=[data for data, _ in held], shown=tuple(part for _, shown in held for part in shown))


def _one(
    events: Events, panel: str, gates: Path | None, mrd: str | None, *, lesion: Literal["AML", "ALL", "LSC"]
) -> tuple[dict[str, Any], list[Any]]:
    tube = events.tube
    title = f"{tube.file}, data set {tube.data_set}: FCS {tube.version}, {tube.events:,} events"
    notes = [f"{finding.severity}: {finding.message}" for finding in events.findings]
    if gates is not None:
        counts = count(events, read_gating_ml(gates.name, _bytes(gates)))
        data: dict[str, Any] = {"tube": tube, "counts": counts, "findings": events.findings}
        shown = [title, *notes, "", _counts(counts)]
    else:
        found = compartment_counts(events, _panel(panel, events), definitions=gate_definitions())
        data = {
            "tube": tube,
            "definitions": found.version,
            "cuts": found.cuts,
            "counts": found.counts,
            "sensitivity": found.sensitivity,
            "findings": (*events.findings, *found.findings),
        }
        counts = found.counts
        shown = [title, *notes, "", *_compartments(found)]
    if mrd is not None:
        said = _statement(counts, tube.events, mrd, lesion=lesion)
        data["mrd"] = said
        shown += ["", *_said(said)]
    return data, shown


def _panel(panel: str, events: Events) -> tuple[PanelChannel, ...]:
    if panel == "labels":
        return panel_of_labels(events.tube)
    return read_panel(Path(panel).name, _bytes(Path(panel)))


def _counts(counts: tuple[GateCount, ...]) -> Any:
    rows = (
        (" / ".join(one.path), f"{one.events:,}", f"{100 * one.events / one.parent_events:.3g}")
        if one.parent_events
        else (" / ".join(one.path), f"{one.events:,}", "")
        for one in counts
    )
    return listed(("gate", "events", "% of parent"), rows, right=("events", "% of parent"))


def _compartments(found: CompartmentCounts) -> list[Any]:
    cuts = (
        (
            cut.antigen,
            cut.channel,
            f"{cut.linear_value:.0f}",
            cut.reference,
            f"{cut.reference_events:,}",
            cut.rule_id,
        )
        for cut in found.cuts
    )
    columns = ("antigen", "channel", "positive from", "reference cells", "events", "rule")
    moved = (
        (one.compartment, one.antigen, *(f"{events:,}" for events in one.events)) for one in found.sensitivity
    )
    shifts = [f"{shift:+g} SD" if shift else "as cut" for shift in gate_definitions().shifts]
    return [
        _counts(found.counts),
        "",
        listed(columns, cuts, right=("positive from", "events")),
        "",
        "Events when one cut is moved by standard deviations of its reference cells:",
        listed(("compartment", "cut moved", *shifts), moved, right=shifts),
        *(f"{finding.severity}: {finding.message}" for finding in found.findings),
    ]


def _statement(
    counts: tuple[GateCount, ...], events: int, gate: str, *, lesion: Literal["AML", "ALL", "LSC"]
) -> MrdStatement:
    found = {one.gate: one.events for one in counts}
    if gate not in found:
        raise InputError(
            where="--mrd", found=gate, needed=", ".join(found), advice="Name a gate that was counted."
        )
    denominator = "CD45+" if found.get("CD45+", 0) >= found[gate] else "events"
    n = found["CD45+"] if denominator == "CD45+" else events
    cells = {"nucleated cells": events} | ({"CD45+": found["CD45+"]} if "CD45+" in found else {})
    return mrd_statement(
        found[gate], n, gate=gate, denominator=denominator, cells=cells, lesion=lesion, rules=flow_rules()
    )


def _said(said: MrdStatement) -> list[str]:
    share = "" if said.share is None else f", {100 * said.share:.3g} %"
    lines = [
        f"{said.gate}: {said.state}, {said.k:,} of {said.n:,} {said.denominator_name}{share}.",
        f"95 % upper limit {100 * said.upper_limit:.2g} %; background {said.background_basis}.",
        (
            f"Limit of detection {100 * said.limit_of_detection:.2g} % ({said.limit_of_detection_basis}), "
            f"of quantification {100 * said.limit_of_quantification:.2g} % ({said.limit_of_quantification_basis})."
        ),
    ]
    lines += [
        f"{rule.rule_id}: {rule.found:,} {rule.what} of {rule.needed:,} needed, {'enough' if rule.met else 'too few'}."
        for rule in said.sufficiency
    ]
    lines += [f"{finding.severity}: {finding.message}" for finding in said.findings]
    return [*lines, "Research use only."]
