"""Empty tables to fill in: one of every kind that can be imported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remnant.acquire.templates import template, template_kinds
from remnant.cli.answer import Answer, command, table
from remnant.errors import ConflictError

__all__ = ["templates"]


@command
def templates(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write them.")],
) -> Answer:
    """Write an empty table of every kind that can be imported, with its columns explained.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if it does not exist.

    Returns
    -------
    Answer
        Paths of the files.
    """
