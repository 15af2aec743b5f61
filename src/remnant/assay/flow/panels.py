"""Which channel measures which antigen, and on what scale it is gated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from remnant.errors import InputError
from remnant.records.flow import PanelChannel, Tube
from remnant.records.gate import Axis, Scale

__all__ = ["antigen_axis", "checked_panel", "panel_of_labels"]

_ANTIGEN: Final = re.compile(r"\b(CD\d+[a-zA-Z]*|HLA-?DR|Ki-?67|TdT|MPO)\b", re.IGNORECASE)
_SCATTER: Final = ("FSC", "SSC", "TIME")
_LOGICLE_TOP: Final = 262_144.0


def panel_of_labels(tube: Tube) -> tuple[PanelChannel, ...]:
    """Panel as the file's own labels say.

    Parameters
    ----------
    tube : Tube
        Data set.

    Returns
    -------
    tuple of PanelChannel
        Channels whose label names an antigen, and scatter under its own name.
    """
    found = []
    for channel in tube.channels:
        named = _ANTIGEN.search(channel.label)
        if channel.name.upper().startswith(_SCATTER):
            found.append(PanelChannel(channel=channel.name, antigen=channel.name))
        elif named:
            text = named.group(1)
            antigen = "CD" + text[2:].upper() if text.upper().startswith("CD") else text
            found.append(PanelChannel(channel=channel.name, antigen=antigen))
    return tuple(found)


def checked_panel(panel: Sequence[PanelChannel], tube: Tube) -> dict[str, str]:
    """Antigen to channel.

    Parameters
    ----------
    panel : sequence of PanelChannel
        Panel.
    tube : Tube
        Data set that it must fit.

    Returns
    -------
    dict of str to str
        Channel of each antigen; scatter channels of the tube are added under their own names.

    Raises
    ------
    InputError
        With every channel that the tube lacks and every antigen that stands twice.
    """
    names = [channel.name for channel in tube.channels]
    problems = [f"{one.antigen}: no channel {one.channel}" for one in panel if one.channel not in names]
    antigens = [one.antigen for one in panel]
    problems += [f"{name}: stands twice" for name in sorted({a for a in antigens if antigens.count(a) > 1})]
    if problems:
        raise InputError(
            where=f"panel for {tube.file}",
            found=f"{len(problems)} problems",
            needed="each antigen once, on a channel of the tube: " + ", ".join(names),
            advice="Correct the panel, or choose the one that this tube was stained with.",
            problems=problems,
        )
    scatter = {name: name for name in names if name.upper().startswith(_SCATTER)}
    return scatter | {one.antigen: one.channel for one in panel}


def antigen_axis(channel: str, tube: Tube) -> Axis:
    """Axis on which a channel is gated.

    Parameters
    ----------
    channel : str
        Channel of the tube.
    tube : Tube
        Data set.

    Returns
    -------
    Axis
        Scatter and values without a range are linear; fluorescence is compensated with the file's matrix
        and on a logicle scale over its range.
    """
    described = next(one for one in tube.channels if one.name == channel)
    if channel.upper().startswith(_SCATTER) or described.top <= 0:
        return Axis(channel=channel, compensation="FCS")
    top = described.top if described.top > 1_000 else _LOGICLE_TOP
    return Axis(channel=channel, compensation="FCS", scale=Scale(kind="logicle", top=top))
