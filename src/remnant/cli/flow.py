"""A cytometry file on the command line: what it is, its compartments, and the statement about residual cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer

from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.gating_ml import read_gating_ml
from remnant.acquire.panel import read_panel
from remnant.assay.flow.compartments import CompartmentCounts
from remnant.assay.flow.counting import count
from remnant.assay.flow.panels import checked_panel, panel_of_labels
from remnant.cli.answer import Answer, command
from remnant.cli.printed import listed
from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.knowledge.gates import gate_definitions
from remnant.pipeline.flow import Lesion, statement_of, tube_compartments
from remnant.pipeline.flow_pages import flow_page
from remnant.records.flow import Events, GateCount, MrdStatement, PanelChannel
from remnant.study.connection import plain_errors

__all__ = ["flow"]


class _Asked(NamedTuple):
    """What is wanted of a tube."""

    panel: str
    gates: Path | None
    mrd: str | None
    lesion: Lesion
    material: str | None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            where=f"file {path.name}",
            found=(error.strerror or str(error)).lower(),
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
    controls: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Tube without disease, of the same panel; repeat for each."),
    ] = None,
    lesion: Annotated[Lesion, typer.Option(help="Whose rules of sufficiency apply.")] = "ALL",
    material: Annotated[
        Literal["BM", "PB"] | None, typer.Option(help="Material; marrow is looked at for dilution by blood.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Write a page with gate tree, plots and statement.")
    ] = None,
) -> Answer:
    """Count the compartments of a tube, or the gates of a document.

    Parameters
    ----------
    file : pathlib.Path
        FCS file, of any size.
    panel : str, default "labels"
        Table of channel and antigen, or ``labels``.
    gates : pathlib.Path or None, default None
        Gating-ML 2.0 document.
    mrd : str or None, default None
        Gate of the suspect cells.
    controls : list of pathlib.Path or None, default None
        FCS files without disease: what the gate catches there is its background.
    lesion : {"AML", "ALL", "LSC"}, default "ALL"
        Whose rules apply.
    material : {"BM", "PB"} or None, default None
        Material of the tube.
    out : pathlib.Path or None, default None
        Page to write; it may not exist.

    Returns
    -------
    Answer
        Tube, counts, cuts, sensitivity and, if asked for, the statement.
    """
    asked = _Asked(panel, gates, mrd, lesion, material)
    _refuse(asked, controls, out)
    sets = read_fcs_path(file)
    blanks = _blanks(controls or [], asked)
    held = [_one(events, asked, blanks) for events in sets]
    shown = tuple(part for _, lines, _ in held for part in lines)
    if out is None:
        return Answer(data=[data for data, _, _ in held], shown=shown)
    largest = max(held, key=lambda one: one[0]["tube"].events)[2]
    with plain_errors(str(out)):
        out.write_text(largest, encoding="utf-8")
    return Answer(data=[data | {"page": out} for data, _, _ in held], shown=(*shown, "", f"Page: {out}"))


def _refuse(asked: _Asked, controls: list[Path] | None, out: Path | None) -> None:
    """Options that do not go together, before any file is read."""
    if controls and asked.mrd is None:
        raise InputError(
            where="--controls",
            found="controls without --mrd",
            needed="the gate whose background they tell",
            advice="Add --mrd GATE, or leave the controls out.",
        )
    if out is not None and asked.gates is not None:
        raise InputError(
            where="--out",
            found="a page of a Gating-ML document",
            needed="compartments of a panel",
            advice="Leave --gates out; pages draw the compartments.",
        )
    if out is not None and out.exists():
        raise ConflictError(
            where=str(out), found="a file", needed="a new name", advice="Choose another, or delete it."
        )


def _counted(events: Events, asked: _Asked) -> tuple[tuple[GateCount, ...], CompartmentCounts | None]:
    if asked.gates is not None:
        return count(events, read_gating_ml(asked.gates.name, _bytes(asked.gates))), None
    found = tube_compartments(events, _panel(asked.panel, events))
    return found.counts, found


def _blanks(controls: list[Path], asked: _Asked) -> dict[str, tuple[tuple[GateCount, ...], int]]:
    """Gates of every control by name; of a file with several data sets the first."""
    blanks: dict[str, tuple[tuple[GateCount, ...], int]] = {}
    for path in controls:
        events = read_fcs_path(path)[0]
        name = path.name if path.name not in blanks else f"{path.name} ({len(blanks) + 1})"
        blanks[name] = (_counted(events, asked)[0], events.tube.events)
    return blanks


def _one(
    events: Events, asked: _Asked, blanks: dict[str, tuple[tuple[GateCount, ...], int]]
) -> tuple[dict[str, Any], list[Any], str]:
    """Data, lines, and the page of one data set; no page of a Gating-ML document."""
    tube = events.tube
    shown: list[Any] = [f"{tube.file}, data set {tube.data_set}: FCS {tube.version}, {tube.events:,} events"]
    shown += [f"{finding.severity}: {finding.message}" for finding in events.findings]
    counts, found = _counted(events, asked)
    data: dict[str, Any] = {"tube": tube, "counts": counts, "findings": events.findings}
    if found is None:
        shown += ["", _counts(counts)]
    else:
        data |= {
            "definitions": found.version,
            "cuts": found.cuts,
            "sensitivity": found.sensitivity,
            "findings": (*events.findings, *found.findings),
        }
        shown += ["", *_compartments(found)]
    said = None
    if asked.mrd is not None:
        said = statement_of(
            counts,
            tube.events,
            gate=asked.mrd,
            lesion=asked.lesion,
            controls=blanks,
            material=asked.material,
            noticed=() if found is None else found.findings,
        )
        data["mrd"] = said
        shown += ["", *_said(said)]
    if found is None:
        return data, shown, ""
    channels = checked_panel(_panel(asked.panel, events), tube)
    synthetic = tube.tube_name == "synthetic"
    return data, shown, flow_page(events, found, channels, statement=said, synthetic=synthetic)


def _panel(panel: str, events: Events) -> tuple[PanelChannel, ...]:
    if panel != "labels":
        return read_panel(Path(panel).name, _bytes(Path(panel)))
    found = panel_of_labels(events.tube)
    if not any(one.antigen != one.channel for one in found):
        raise InputError(
            where=f"file {events.tube.file}",
            found="no label that names an antigen: "
            + ", ".join(f"{one.name} {one.label}".strip() for one in events.tube.channels),
            needed="a panel",
            advice="Write a table with columns channel and antigen and give it with --panel; `remnant templates` writes an empty one.",
        )
    return found


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
