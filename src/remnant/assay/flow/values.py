"""Linear values of channels and axes, a chunk of events at a time.

A stored value becomes linear as Gating-ML 2.0 asks: masked to its range, raised from a logarithmic amplifier,
divided by its gain; time is multiplied by the time step and its gain is passed over, since instruments
repeat the step there. Compensated axes are weighted sums of detectors; only those that are asked for are
computed.
"""

from __future__ import annotations

import functools
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.errors import InputError
from remnant.records.flow import Channel, Events, Tube
from remnant.records.gate import Axis, SpectrumMatrix

__all__ = ["CHUNK_EVENTS", "Source", "events_of", "linear_values", "source"]

Floats = NDArray[np.float64]

CHUNK_EVENTS: Final = 16_384
"""Events that are worked on at a time: their values stay in the cache of a core."""
_PRODUCT: Final = 262_144
"""Multiplications of one matrix product: below it, the linear algebra library starts no threads that only wait."""
_RELEASE_EVENTS: Final = 262_144
"""After so many events the pages of the file that were read are given back."""


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


def linear_values(events: Events, sources: Sequence[Source]) -> Iterator[tuple[int, Floats]]:
    """Linear values of several axes, chunk by chunk.

    Parameters
    ----------
    events : Events
        Data set.
    sources : sequence of Source
        Axes.

    Yields
    ------
    begin : int
        First event of the chunk.
    values : ndarray of float, shape (n_axes, at most `CHUNK_EVENTS`)
        Values, valid until the next chunk; a ratio by zero is infinite or not a number.
    """
    needed = sorted({channel for one in sources for channel in one.channels})
    place = {channel: row for row, channel in enumerate(needed)}
    products = _products(sources, place)
    stored = np.empty((len(needed), CHUNK_EVENTS))
    made = np.empty((len(sources), CHUNK_EVENTS))
    mapped = _mapping(events)
    for begin in range(0, events.tube.events, CHUNK_EVENTS):
        end = min(begin + CHUNK_EVENTS, events.tube.events)
        read, values = stored[:, : end - begin], made[:, : end - begin]
        for row, channel in enumerate(needed):
            _read(events, channel, slice(begin, end), into=read[row])
        for rows, detectors, weights in products:
            block = max(1, _PRODUCT // weights.size)
            for first in range(0, end - begin, block):
                part = slice(first, first + block)
                values[rows, part] = weights @ read[detectors, part]
        for row, one in enumerate(sources):
            if one.ratio:
                values[row] = _ratio(one.ratio, *(read[place[channel]] for channel in one.channels))
            elif not one.weights:
                values[row] = read[place[one.channels[0]]]
        yield begin, values
        if mapped is not None and begin // _RELEASE_EVENTS != end // _RELEASE_EVENTS:
            mapped.madvise(mmap.MADV_DONTNEED)


def _mapping(events: Events) -> mmap.mmap | None:
    """Memory map behind the columns, so that pages that were read can be given back."""
    held: object = events.columns[0] if events.columns else None
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, memoryview):
        held = held.obj
    return held if isinstance(held, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") else None


def _read(events: Events, channel: int, part: slice, *, into: Floats) -> None:
    """Linear values of one channel."""
    described, mask = events.tube.channels[channel], events.masks[channel]
    stored = events.columns[channel][part]
    into[:] = stored if mask is None else stored & mask
    if described.name.lower() == "time":
        into *= events.tube.time_step_seconds
        return
    if described.log_decades > 0:
        into *= described.log_decades / described.top
        np.power(10.0, into, out=into)
        into *= described.log_offset
    if described.gain != 1.0:
        into /= described.gain


def _ratio(coefficients: tuple[float, ...], x: Floats, y: Floats) -> Floats:
    a, b, c = coefficients
    with np.errstate(divide="ignore", invalid="ignore"):
        return a * (x - b) / (y - c)


def _products(sources: Sequence[Source], place: dict[int, int]) -> list[tuple[list[int], list[int], Floats]]:
    """Axes of one matrix: their rows, the rows of its detectors, their weights.

    A detector that a matrix does not have never enters, so that what is not a number stays in its own channel.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, one in enumerate(sources):
        if one.weights:
            groups.setdefault(one.channels, []).append(row)
    return [
        (rows, [place[channel] for channel in channels], np.array([sources[row].weights for row in rows]))
        for channels, rows in groups.items()
    ]


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
    weights = _unmixing(matrix)[:, matrix.fluorochromes.index(axis.channel)]
    return Source(detectors, tuple(float(weight) for weight in weights))


@functools.lru_cache(maxsize=256)
def _unmixing(matrix: SpectrumMatrix) -> Floats:
    return np.asarray(np.linalg.pinv(np.array(matrix.spectrum, dtype=float)))


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
