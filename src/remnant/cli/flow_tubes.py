"""Files of cytometry on the command line: tubes with their panels."""

from __future__ import annotations

from pathlib import Path

from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.panel import read_panel
from remnant.assay.flow.panels import panel_of_labels
from remnant.errors import InputError, NotFoundError
from remnant.pipeline.phenotype import PanelTube
from remnant.records.flow import Events, PanelChannel

__all__ = ["file_bytes", "normal_tubes", "panel_for", "tube_of"]


def file_bytes(path: Path) -> bytes:
    """Content of a small file.

    Parameters
    ----------
    path : pathlib.Path
        File.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    NotFoundError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            where=f"file {path.name}",
            found=error.strerror or str(error),
            needed="a file that can be read",
            advice="Check the path.",
        ) from error


def panel_for(panel: str, events: Events) -> tuple[PanelChannel, ...]:
    """Panel of a tube.

    Parameters
    ----------
    panel : str
        Table of channel and antigen, or ``labels``.
    events : Events
        The tube.

    Returns
    -------
    tuple of PanelChannel
        Which antigen each channel measures.

    Raises
    ------
    InputError
        If the file's labels name no antigen.
    """
    if panel != "labels":
        return read_panel(Path(panel).name, file_bytes(Path(panel)))
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


def tube_of(path: Path, panel: str) -> PanelTube:
    """First data set of a file with its panel.

    Parameters
    ----------
    path : pathlib.Path
        FCS file.
    panel : str
        Table of channel and antigen, or ``labels``.

    Returns
    -------
    PanelTube
        The tube.
    """
    events = read_fcs_path(path)[0]
    return PanelTube(events, panel_for(panel, events))


def normal_tubes(paths: list[Path] | None, panel: str) -> dict[str, PanelTube]:
    """Tubes without disease by name; a name that stands twice is numbered.

    Parameters
    ----------
    paths : list of pathlib.Path or None
        FCS files.
    panel : str
        Table of channel and antigen, or ``labels``.

    Returns
    -------
    dict of str to PanelTube
        In the order given.
    """
    made: dict[str, PanelTube] = {}
    for path in paths or []:
        name = path.name if path.name not in made else f"{path.name} ({len(made) + 1})"
        made[name] = tube_of(path, panel)
    return made
