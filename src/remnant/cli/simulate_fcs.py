"""Made-up cytometry files of known composition, with their truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from remnant.cli.answer import Answer, command
from remnant.cli.options import refuse_filled
from remnant.example.marrow import made_cells

__all__ = ["fcs"]


@command
def fcs(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; new or empty.")],
    *,
    events: Annotated[int, typer.Option(min=1_000, help="Events a tube.")] = 500_000,
    blasts: Annotated[int, typer.Option(min=0, help="Leukaemic events in the follow-up tube.")] = 100,
    kind: Annotated[
        Literal["B-ALL blast", "CD19-negative blast"], typer.Option(help="Which leukaemic population.")
    ] = "B-ALL blast",
    controls: Annotated[int, typer.Option(min=0, help="Tubes without disease.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 6,
) -> Answer:
    """Write a diagnosis, a follow-up of the same patient and control marrows as FCS 3.1, and what they hold.

    Parameters
    ----------
    out : pathlib.Path
        Folder to write.
    events : int, default 500000
        Events a tube.
    blasts : int, default 100
        Leukaemic events of the follow-up.
    kind : {"B-ALL blast", "CD19-negative blast"}, default "B-ALL blast"
        Leukaemic population of the follow-up; the diagnosis holds half of CD19-positive ones.
    controls : int, default 5
        Tubes without disease.
    seed : int, default 6
        Seed.

    Returns
    -------
    Answer
        What was written.
    """
    refuse_filled(out)
    out.mkdir(parents=True, exist_ok=True)
    wanted: list[tuple[str, dict[str, int]]] = [
        ("diagnosis", {"B-ALL blast": events // 2}),
        ("follow-up", {kind: blasts}),
    ]
    wanted += [(f"control-{number}", {}) for number in range(1, controls + 1)]
    rows = []
    for number, (name, held) in enumerate(wanted):
        own = seed if name in {"diagnosis", "follow-up"} else seed + number
        tube = made_cells(events=events, blasts=held, marrow=own, seed=seed + number)
        (out / f"{name}.fcs").write_bytes(tube.fcs())
        for place, population in enumerate(tube.populations):
            count = int((tube.population == place).sum())
            rows.append({"file": f"{name}.fcs", "population": population, "events": count})
    truth = out / "truth" / "composition.csv"
    truth.parent.mkdir()
    pl.DataFrame(rows).write_csv(truth)
    files = [out / f"{name}.fcs" for name, _ in wanted]
    said = f"{len(files)} synthetic tubes of {events:,} events: {out}"
    return Answer(
        data={"folder": out, "files": files, "truth": truth, "seed": seed},
        shown=(said, f"What is true stands in {truth}."),
    )
