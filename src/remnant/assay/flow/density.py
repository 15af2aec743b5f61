"""Events binned on two axes: what a density plot is drawn from, whatever the number of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.counting import axis_values
from remnant.records.flow import DensityGrid, Events
from remnant.records.gate import Axis

__all__ = ["density"]


def density(
    events: Events,
    axes: tuple[Axis, Axis],
    *,
    names: tuple[str, str],
    bins: int = 64,
    where: NDArray[np.bool_] | None = None,
) -> DensityGrid:
    """Counts of events in cells of two axes.

    Parameters
    ----------
    events : Events
        Data set.
    axes : tuple of Axis
        Horizontal and vertical axis with their scales.
    names : tuple of str
        What to call them.
    bins : int, default 64
        Cells a side.
    where : ndarray of bool or None, default None
        Events to show; None for all.

    Returns
    -------
    DensityGrid
        Range from the 0.1st to the 99.9th percentile with a margin; events beyond stand in the outer cells.

    Examples
    --------
    >>> from remnant.assay.flow.values import events_of
    >>> made = events_of(np.array([[0.0, 0.0], [1.0, 1.0]]), ["X", "Y"])
    >>> density(made, (Axis(channel="X"), Axis(channel="Y")), names=("X", "Y"), bins=2).counts
    ((1, 0), (0, 1))
    """
    values = axis_values(events, axes, where=where)
    values = values[np.isfinite(values).all(axis=1)]
    low, high = np.zeros(2), np.ones(2)
    if len(values):
        low, high = np.percentile(values, [0.1, 99.9], axis=0)
    margin = np.where(high > low, 0.04 * (high - low), 0.5)
    low, high = low - margin, high + margin
    span = [(low[0], high[0]), (low[1], high[1])]
    clipped = np.clip(values, low, high)
    counts, _, _ = np.histogram2d(clipped[:, 0], clipped[:, 1], bins=bins, range=span)
    return DensityGrid(
        x_name=names[0],
        y_name=names[1],
        x_low=float(low[0]),
        x_high=float(high[0]),
        y_low=float(low[1]),
        y_high=float(high[1]),
        counts=tuple(tuple(int(n) for n in row) for row in counts.T),
    )
