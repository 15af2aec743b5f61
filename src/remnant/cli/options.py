"""Arguments that several commands share."""

from __future__ import annotations

import datetime as dt
import getpass
from pathlib import Path
from typing import Annotated

import typer

from remnant.errors import ConflictError

__all__ = ["By", "Day", "Patients", "Strict", "StudyFolder", "current_user", "refuse_filled"]


def current_user() -> str:
    """Name under which the audit records what is done here.

    Returns
    -------
    str
        The account's name; ``"unknown"`` where the system has none.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


StudyFolder = Annotated[
    Path, typer.Argument(metavar="STUDY", help="Folder of the study.", show_default=False)
]
By = Annotated[
    str,
    typer.Option(
        "--by",
        envvar="REMNANT_USER",
        default_factory=current_user,
        help="Who does it, for the audit.",
        show_default="your account",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="End with exit code 1 if there is any warning or failure.")
]
Patients = Annotated[
    list[str] | None,
    typer.Option("--patient", help="Only this patient; may be repeated.", metavar="CODE", show_default=False),
]


def _date(text: str) -> dt.date:
    """A day as it is typed; what is no day is refused with how to write one."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        message = f"found {text!r}, need a date as YYYY-MM-DD, such as 2024-02-01."
        raise typer.BadParameter(message) from error


Day = Annotated[
    dt.date | None,
    typer.Option(
        "--on",
        metavar="DATE",
        parser=_date,
        help="Day for which due and overdue samples are said.",
        show_default="the last day known of any patient",
    ),
]


def refuse_filled(folder: Path) -> None:
    """Refuse to write into a folder that holds files, so that nothing is overwritten.

    Parameters
    ----------
    folder : pathlib.Path
        Where a command would write.

    Raises
    ------
    ConflictError
        If it is a file, or a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            where=str(folder),
            found="files",
            needed="a new or empty folder",
            advice="Choose another folder; nothing was overwritten.",
        )
