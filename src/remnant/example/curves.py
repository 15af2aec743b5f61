"""Fluorescence of made-up wells, in agreement with their Cq.

A curve is a sloping baseline plus a logistic rise that grows at the efficiency of the plate's standard
curve and crosses the laboratory's threshold, baseline subtracted, at the Cq.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from remnant.example.assumptions import number
from remnant.example.reactions import Reactions, cq

__all__ = ["draw_fluorescence"]

_NOISE = 0.004
_CHUNK = 2048


def draw_fluorescence(rng: np.random.Generator, reactions: Reactions) -> NDArray[np.float64]:
    """Raw fluorescence of every well and cycle.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    reactions : Reactions
        The wells.

    Returns
    -------
    ndarray of float, shape (n_wells, n_cycles)
        Normalised reporter signal, three places.
    """
    count, cycles = len(reactions), int(number("plate.cycles"))
    threshold = number("plate.threshold")
    height = rng.uniform(2.4, 3.6, count)
    base, tilt = rng.uniform(0.55, 0.95, count), rng.uniform(-0.0005, 0.0015, count)
    rate = np.log(10.0) / -reactions.slope
    middle = cq(reactions) + np.log(height / threshold - 1.0) / rate
    grid = np.arange(1, cycles + 1, dtype=float)
    signal = base[:, None] + tilt[:, None] * grid
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        rise = height[part, None] / (1.0 + np.exp(-rate[part, None] * (grid - middle[part, None])))
        signal[part] += np.nan_to_num(rise, nan=0.0)
    signal += rng.normal(0.0, _NOISE, signal.shape)
    return np.asarray(np.round(signal, 3))
