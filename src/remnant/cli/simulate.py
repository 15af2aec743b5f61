"""Made-up studies: the raw files that a laboratory would have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from remnant.cli.answer import Answer, command
from remnant.cli.options import refuse_filled
from remnant.example.files import TRUTH_FOLDER, write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.example.study_b import simulate_study_b
from remnant.example.study_b_files import write_study_b

__all__ = ["study_a", "study_b"]


@command
def study_a(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; new or empty.")],
    *,
    world: Annotated[
        Literal["published", "null", "adverse"], typer.Option(help="Which world the patients live in.")
    ] = "published",
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 20,
    patients: Annotated[int, typer.Option(min=1, help="Number of patients.")] = 50,
) -> Answer:
    """Write study A: serial WT1 and BAALC by RT-qPCR in AML around transplantation, made up.

    The truth stands in a folder of its own, which an import leaves out.

    Parameters
    ----------
    out : pathlib.Path
        Folder to write.
    world : {"published", "null", "adverse"}, default "published"
        Which world the patients live in.
    seed : int, default 20
        Seed.
    patients : int, default 50
        Number of patients.

    Returns
    -------
    Answer
        What was written.
    """
    refuse_filled(out)
    paths = write_study_a(simulate_study_a(world=world, seed=seed, patients=patients), out)
    said = f"{patients} synthetic patients, {len(paths)} files: {out}"
    truth = out / TRUTH_FOLDER
    return Answer(
        data={
            "folder": out,
            "files": paths,
            "truth": truth,
            "world": world,
            "seed": seed,
            "patients": patients,
        },
        shown=(said, f"What is true stands in {truth}."),
    )


@command
def study_b(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; new or empty.")],
    *,
    world: Annotated[
        Literal["published", "null", "adverse"], typer.Option(help="Which world the patients live in.")
    ] = "published",
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 20,
) -> Answer:
    """Write study B: FISH on sorted compartments in Ph+ ALL, 27 patients, made up.

    Parameters
    ----------
    out : pathlib.Path
        Folder to write.
    world : {"published", "null", "adverse"}, default "published"
        Which world the patients live in.
    seed : int, default 20
        Seed.

    Returns
    -------
    Answer
        What was written.
    """
    refuse_filled(out)
    study = simulate_study_b(world, seed)
    paths = write_study_b(study, out)
    truth = out / TRUTH_FOLDER
    said = f"{len(study.patients)} synthetic patients, {len(paths)} files: {out}"
    data = {"folder": out, "files": paths, "truth": truth, "world": world, "seed": seed}
    return Answer(data=data, shown=(said, f"What is true stands in {truth}."))
