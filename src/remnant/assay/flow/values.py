"""Linear values of channels and axes, a chunk of events at a time.

A stored value becomes linear as Gating-ML 2.0 asks: masked to its range, raised from a logarithmic amplifier,
divided by its gain; time is multiplied by the time step and its gain is passed over, since instruments
repeat the step there. Compensated axes are weighted sums of detectors; only those that are asked for are
computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remnant.errors import InputError
from remnant.records.flow import Channel, Events, Tube
from remnant.records.gate import Axis, SpectrumMatrix

__all__ = ["CHUNK_EVENTS", "Source", "channel_values", "events_of", "linear_chunk", "source"]

Floats = NDArray[np.float64]

CHUNK_EVENTS = 32_768
"""Events that are worked on at a time: their values stay in the cache of a core."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the linear values of an axis come from.

    Attributes
    ----------
    channels : tuple of int
        Channels that are read.
    weights : tuple of float
        Weight of each; empty for a single channel as it is, or a ratio.
    ratio : tuple of float
        A, B, C of a ratio of two channels; empty otherwise.
    """

    channels: tuple[int, ...]
    weights: tuple[float, ...] = ()
    ratio: tuple[float, ...] = ()


def channel_values(events: Events, channel: int, begin: int, end: int) -> Floats:
    """Linear values of one channel.

    Parameters
    ----------
    events : Events
        Data set.
    channel : int
        Place of the channel, from 0.
    begin, end : int
        Range of events, end exclusive.

    Returns
    -------
    ndarray of float, shape (end - begin,)
        Linear values.
    """
    described, mask = events.tube.channels[channel], events.masks[channel]
    stored = events.columns[channel][begin:end]
    values = (stored & mask if mask is not None else stored).astype(np.float64)
    if described.name.lower() == "time":
        return values * events.tube.time_step_seconds
    if described.log_decades > 0:
        values = 10.0 ** (described.log_decades * values / described.top) * described.log_offset
    return values / described.gain if described.gain != 1.0 else values


def linear_chunk(events: Events, sources: Sequence[Source], *, begin: int, end: int) -> Floats:
    """Linear values of several axes.

    Parameters
    ----------
    events : Events
        Data set.
    sources : sequence of Source
        Axes.
    begin, end : int
        Range of events.

    Returns
    -------
    ndarray of float, shape (n_axes, end - begin)
        Values; a ratio by zero is infinite or not a number.
    """
    needed = sorted({channel for one in sources for channel in one.channels})
    place = {channel: row for row, channel in enumerate(needed)}
    read = np.empty((len(needed), end - begin))
    for row, channel in enumerate(needed):
        read[row] = channel_values(events, channel, begin, end)
    made = np.empty((len(sources), end - begin))
    weighted = [row for row, one in enumerate(sources) if one.weights]
    if weighted:
        made[weighted] = _weights([sources[row] for row in weighted], place) @ read
    for row, one in enumerate(sources):
        if one.ratio:
            a, b, c = one.ratio
            x, y = read[place[one.channels[0]]], read[place[one.channels[1]]]
            with np.errstate(divide="ignore", invalid="ignore"):
                made[row] = a * (x - b) / (y - c)
        elif not one.weights:
            made[row] = read[place[one.channels[0]]]
    return made


def _weights(sources: Sequence[Source], place: dict[int, int]) -> Floats:
    weights = np.zeros((len(sources), len(place)))
    for row, one in enumerate(sources):
        weights[row, [place[channel] for channel in one.channels]] = one.weights
    return weights


def source(axis: Axis, tube: Tube, matrices: Sequence[SpectrumMatrix]) -> Source:
    """Where an axis' values come from in a tube.

    Parameters
    ----------
    axis : Axis
        Axis of a gate.
    tube : Tube
        Data set.
    matrices : sequence of SpectrumMatrix
        Matrices that axes name besides the file's own.

    Returns
    -------
    Source
        Channels and weights.

    Raises
    ------
    InputError
        If the tube has no such channel, or no matrix of that name is known.
    """
    places = {channel.name: number for number, channel in enumerate(tube.channels)}
    if axis.ratio:
        return Source((_place(axis.channel, places), _place(axis.denominator, places)), ratio=axis.ratio)
    matrix = _matrix(axis, tube, matrices)
    if matrix is None or axis.channel not in matrix.fluorochromes:
        return Source((_place(axis.channel, places),))
    detectors = tuple(_place(name, places) for name in matrix.detectors)
    unmixing = np.linalg.pinv(np.array(matrix.spectrum, dtype=float))
    weights = unmixing[:, matrix.fluorochromes.index(axis.channel)]
    return Source(detectors, tuple(float(weight) for weight in weights))


def _matrix(axis: Axis, tube: Tube, matrices: Sequence[SpectrumMatrix]) -> SpectrumMatrix | None:
    if axis.compensation == "uncompensated":
        return None
    named = {matrix.name: matrix for matrix in matrices}
    if axis.compensation in named:
        return named[axis.compensation]
    if axis.compensation == "FCS":
        return tube.spillover
    raise InputError(
        where=f"axis {axis.channel}",
        found=f"compensation {axis.compensation!r}",
        needed=", ".join(["uncompensated", "FCS", *named]),
        advice="Add the matrix to the gating, or name another one.",
    )


def _place(name: str, places: dict[str, int]) -> int:
    if name not in places:
        raise InputError(
            where=f"axis {name}",
            found="no channel of that name",
            needed=", ".join(places),
            advice="Check the panel of this tube.",
        )
    return places[name]


def events_of(values: NDArray[np.floating], names: Sequence[str], *, file: str = "array") -> Events:
    """Events held in memory, such as a table of values.

    Parameters
    ----------
    values : ndarray of float, shape (n_events, n_channels)
        Linear values.
    names : sequence of str
        Channel names, unique.
    file : str, default "array"
        What to call them in messages.

    Returns
    -------
    Events
        The same values, one view a channel.

    Examples
    --------
    >>> events_of(np.zeros((3, 1)), ["CD34"]).tube.events
    3
    """
    bits = 8 * values.dtype.itemsize
    channels = tuple(Channel(name=name, label=name, bits=bits, top=0.0) for name in names)
    tube = Tube(file=file, data_set=1, version="", events=len(values), channels=channels)
    columns = tuple(values[:, place] for place in range(len(names)))
    return Events(tube, columns, (None,) * len(names), {})
