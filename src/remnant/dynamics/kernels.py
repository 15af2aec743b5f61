"""The compiled loop over replicates: each with its own random stream, each ending with a status."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.dynamics.every_event import step_independent, step_with_feedback
from remnant.dynamics.leap import leap_interval
from remnant.dynamics.rules import FINISHED, Course, Rules, Stepping, Watched, is_linear, watch
from remnant.numerics.compiled import compiled
from remnant.numerics.streams import exponential, poisson, stream, uniform

__all__ = ["run_replicates"]

Array = npt.NDArray[Any]

_ONE_BY_ONE: Final = 1000.0
_RARE: Final = 1e-3


@compiled
def _surviving(cells: float, p: float, state: Array) -> float:
    """Binomial: one by one where few; Poisson where few die or few live; else its Gaussian."""
    if p >= 1.0 or cells == 0.0:
        return cells
    if cells <= _ONE_BY_ONE:
        kept = 0.0
        for _ in range(int(cells)):
            if uniform(state) < p:
                kept += 1.0
        return kept
    if p < _RARE or cells * p < _ONE_BY_ONE:
        return min(cells, poisson(state, cells * p))
    if 1.0 - p < _RARE or cells * (1.0 - p) < _ONE_BY_ONE:
        return max(0.0, cells - poisson(state, cells * (1.0 - p)))
    radius = math.sqrt(2.0 * exponential(state)) * math.cos(2.0 * math.pi * uniform(state))
    kept = math.floor(cells * p + math.sqrt(cells * p * (1.0 - p)) * radius + 0.5)
    return min(cells, max(0.0, kept))


@compiled
def _one_replicate(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array,
    draw: int,
    rules: Rules,
    course: Course,
    stepping: Stepping,
    watched: Watched,
    state: Array,
    outputs: Array,
) -> tuple[int, float]:
    k, linear = x.size, is_linear(rules)
    budget, missed = np.array([stepping.budget]), np.zeros(k)
    for interval in range(course.pieces.size):
        piece = course.pieces[interval]
        if course.thins[interval]:
            for i in range(k):
                missed[i] *= course.survival[draw, piece, i]
                x[i] = _surviving(x[i], course.survival[draw, piece, i], state)
        total = 0.0
        for i in range(k):
            total += watched.weights[i] * x[i]
        if interval == 0 and total < watched.state[1]:
            watched.state[2] = 1.0
        watch(watched, total)
        if course.records[interval] >= 0:
            outputs[course.records[interval]] = x
        days = course.breaks[interval + 1] - course.breaks[interval]
        if days == 0.0:
            continue
        rate = course.rates[draw, piece]
        if not stepping.exact:
            code, done = leap_interval(x, rate, days, rules, watched, state, stepping, missed)
        elif linear:
            code, done = step_independent(x, rate, days, rules, watched, state, budget)
        else:
            code, done = step_with_feedback(x, rate, days, rules, watched, state, budget)
        if code != FINISHED:
            return code, course.breaks[interval] + done
    last = course.pieces.size
    if course.records[last] >= 0:
        outputs[course.records[last]] = x
    return FINISHED, course.breaks[last]


@compiled
def run_replicates(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    low: int,
    high: int,
    seed: Array,
    rules: Rules,
    course: Course,
    stepping: Stepping,
    weights: Array,
    limits: Array,
    cells: Array,
    ends: Array,
    final: Array,
    status: Array,
) -> None:
    """Simulate replicates `low` to `high`, the last excluded, and write their rows.

    Parameters
    ----------
    low, high : int
        Replicate numbers.
    seed : ndarray of uint64, shape (2,)
        From `remnant.numerics.streams.seed_words`.
    rules : Rules
        Events.
    course : Course
        Rates over time, starts, outputs.
    stepping : Stepping
        How to step.
    weights : ndarray, shape (k,)
        Weights of the watched sum.
    limits : ndarray, shape (2,)
        A replicate stops when the watched sum reaches the first from below, or the second; infinite to go on.
    cells : ndarray, shape (n, t, k)
        Written: cells at the outputs; NaN after a crossing.
    ends : ndarray, shape (n,)
        Written: last day simulated.
    final : ndarray, shape (n, k)
        Written: cells on that day.
    status : ndarray of int, shape (n,)
        Written: how each replicate ended.
    """
    repeats = cells.shape[0] // course.rates.shape[0]
    by_event = np.zeros(rules.source.size)
    for event in range(by_event.size):
        for i in range(weights.size):
            by_event[event] += weights[i] * rules.change[event, i]
    for replicate in range(low, high):
        draw = replicate // repeats
        x = course.starts[replicate if course.starts.shape[0] == cells.shape[0] else draw].copy()
        watched = Watched(weights, by_event, np.array([0.0, limits[0], 0.0, limits[1]]))
        cells[replicate] = np.nan
        code, day = _one_replicate(
            x, draw, rules, course, stepping, watched, stream(seed, replicate), cells[replicate]
        )
        ends[replicate], final[replicate], status[replicate] = day, x, code
