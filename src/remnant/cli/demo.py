"""The example study from nothing to reports, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remnant.cli.answer import Answer, command
from remnant.cli.commands import EXAMPLE
from remnant.cli.lazy import resolve
from remnant.cli.options import By

__all__ = ["demo"]


@command
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="New folder, or one with the example.")
    ] = Path("demo-study"),
    *,
    seed: Annotated[int, typer.Option(help="The same seed gives the same study.")] = 20,
    patients: Annotated[int, typer.Option(min=1, help="Number of patients.")] = 50,
    by: By,
) -> Answer:
    """Make the example study and run everything on it: raw files, import, results, reports.

    Synthetic patients with AML, followed by WT1 and BAALC around transplantation, one of them by digital PCR
    too. Where the example stands already, only what is out of date is done again.

    Parameters
    ----------
    folder : pathlib.Path, default demo-study
        New or empty folder, or one that a demo has filled.
    seed : int, default 20
        Seed.
    patients : int, default 50
        Number of patients.
    by : str
        Who, for the audit.

    Returns
    -------
    Answer
        What each step did, the worklist, and where the reports are.
    """
    made: Answer = resolve(EXAMPLE, needed_by="demo")(folder, seed=seed, patients=patients, by=by)
    return made
