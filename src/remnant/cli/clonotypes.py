"""Clones of a sequencing file on the command line: followed from the diagnosis sample, without a study."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from remnant.cli.answer import Answer, command
from remnant.cli.noticed import finding_table, judged
from remnant.cli.options import Strict
from remnant.cli.printed import listed
from remnant.pipeline.clonotypes import follow_files
from remnant.records.clonotype import ClonePoint, CloneTrack
from remnant.units import number_text

__all__ = ["clonotypes"]

_CUT = 34


@command
def clonotypes(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Vidjil or AIRR files of one patient; tables of repertoires and samples beside them.",
            show_default=False,
        ),
    ],
    *,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Leave out what was drawn later."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show minor clones that did not return, too.")
    ] = False,
    strict: Strict = False,
) -> Answer:
    """Follow the clones of the diagnosis sample through all later samples.

    Parameters
    ----------
    files : list of pathlib.Path
        Files and folders of one patient.
    until : datetime.datetime or None, default None
        Last day that counts.
    everything : bool, default False
        Whether the terminal shows every watched clone.
    strict : bool, default False
        End with exit code 1 if there is more than a note.

    Returns
    -------
    Answer
        Tracks and findings; ``--json`` has every watched clone.
    """
    followed, repertoires = follow_files(files, until=until.date() if until else None)
    tracks = followed.tracks
    shown = [one for one in tracks if everything or one.role == "index" or one.verdict == "returns"]
    hidden = len(tracks) - len(shown)
    lines: list[RenderableType] = [
        _table(shown) if shown else "No clone of the diagnosis sample is followed."
    ]
    if hidden:
        lines.append(f"{hidden} further watched clones did not return (--all shows them).")
    lines += ["", *finding_table(followed.findings), "Research use only."]
    data = {"repertoires": repertoires, "tracks": tracks, "findings": followed.findings}
    return Answer(data=data, shown=tuple(lines), exit_code=judged(followed.findings, strict=strict))


def _table(tracks: list[CloneTrack]) -> RenderableType:
    """One row a clone, one column a sample: reads, and below detection the bound."""
    days = [_day(point) for point in tracks[0].points]
    columns = ("clone", "role", *days, "verdict")
    rows = (
        (
            f"{track.locus} {track.name}"[:_CUT],
            track.role,
            *(_reads(point) for point in track.points),
            track.verdict + (f" {track.since}" if track.since and track.verdict != "followed" else ""),
        )
        for track in tracks
    )
    return listed(columns, rows, right=days)


def _day(point: ClonePoint) -> str:
    return str(point.drawn_on or point.repertoire_id)


def _reads(point: ClonePoint) -> str:
    """Reads with the mark of their state: never a bare 0."""
    if point.state == "not detected":
        return f"< {number_text(point.upper_limit or 0.0)}"
    return f"{point.reads:,}" + (" (detected)" if point.state == "detected" else "")
