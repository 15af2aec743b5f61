"""Which channel measures which antigen, and on what scale it is gated."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Sequence
from typing import Final

from remnant.errors import InputError
from remnant.records.flow import PanelChannel, PanelEntry, Tube
from remnant.records.gate import Axis, Scale

__all__ = ["antigen_axis", "checked_panel", "panel_of_entries", "panel_of_labels"]

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


def panel_of_entries(
    entries: Sequence[PanelEntry], name: str, *, tube: Tube, on: dt.date | None
) -> tuple[PanelChannel, ...]:
    """Panel of the laboratory that holds for one tube.

    Parameters
    ----------
    entries : sequence of PanelEntry
        Lines of all panels.
    name : str
        Panel that the tube was stained with.
    tube : Tube
        Data set; its cytometer and day of acquisition choose among lines with validity.
    on : datetime.date or None
        Day that counts where the file tells none.

    Returns
    -------
    tuple of PanelChannel
        One a channel; a line for this cytometer goes before one for any.

    Raises
    ------
    InputError
        If there is no such panel, none of its lines holds here, or two lines for one channel do.

    Examples
    --------
    >>> line = PanelEntry(panel="B", channel="PE-A", antigen="CD10")
    >>> tube = Tube(file="a.fcs", data_set=1, version="3.1", events=1, channels=())
    >>> panel_of_entries([line], "B", tube=tube, on=None)[0].antigen
    'CD10'
    """
    own = [one for one in entries if one.panel == name]
    day = tube.acquired_on or on
    holding = [one for one in own if one.instrument in {None, tube.instrument} and _holds(one, day)]
    here = {one.channel for one in holding if one.instrument is not None}
    chosen = [one for one in holding if one.instrument is not None or one.channel not in here]
    channels = [one.channel for one in chosen]
    twice = sorted({channel for channel in channels if channels.count(channel) > 1})
    if chosen and not twice:
        return tuple(
            PanelChannel(channel=one.channel, antigen=one.antigen, clone=one.clone) for one in chosen
        )
    known = ", ".join(sorted({one.panel for one in entries})) or "a table of panels"
    lines = "one line a channel" if twice else f"a panel of the study: {known}"
    raise InputError(
        where=f"panel {name} for {tube.file}",
        found=_why_not(own, twice, tube=tube, day=day),
        needed=lines,
        advice="Correct the table of panels, or name the panel that this tube was stained with.",
    )


def _holds(one: PanelEntry, day: dt.date | None) -> bool:
    if day is None:
        return one.valid_from is None and one.valid_until is None
    return (one.valid_from or day) <= day <= (one.valid_until or day)


def _why_not(own: Sequence[PanelEntry], twice: Sequence[str], *, tube: Tube, day: dt.date | None) -> str:
    if not own:
        return "no such panel"
    if twice:
        return f"two lines that hold for {', '.join(twice)}"
    return f"{len(own)} lines, none for cytometer {tube.instrument or 'unknown'} on {day or 'an unknown day'}"


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
    problems = [
        f"{one.antigen}: no channel {one.channel}{_meant(one, tube)}"
        for one in panel
        if one.channel not in names
    ]
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


def _meant(one: PanelChannel, tube: Tube) -> str:
    """The channel that the file labels so, or whose name is nearest."""
    labelled = [c.name for c in tube.channels if one.antigen.casefold() in c.label.casefold().split()]
    near = difflib.get_close_matches(one.channel, [c.name for c in tube.channels], n=1)
    if labelled:
        return f"; the file labels {labelled[0]} {one.antigen}"
    return f"; did you mean {near[0]}?" if near else ""


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
