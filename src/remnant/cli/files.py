"""Empty tables to fill in: one of every kind that can be imported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remnant.acquire.templates import write_templates
from remnant.cli.answer import Answer, command
from remnant.cli.options import refuse_filled

__all__ = ["templates"]


@command
def templates(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New or empty folder.")],
) -> Answer:
    """Write an empty table of every kind that can be imported, as CSV and XLSX, and what each column means.

    Parameters
    ----------
    folder : pathlib.Path
        New or empty folder.

    Returns
    -------
    Answer
        Paths of the files.
    """
    refuse_filled(folder)
    paths = write_templates(folder)
    said = f"{len(paths)} file{'s' if len(paths) != 1 else ''} written to {folder}. The columns are described in {folder / 'formats.md'}"
    return Answer(data={"folder": folder, "files": [path.name for path in paths]}, shown=(said,))
