"""Exact stepping in compiled code: every event of a replicate, one by one (Gillespie's direct method)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from remnant.dynamics.rules import (
    CROSSED,
    FINISHED,
    TOO_MANY_EVENTS,
    Rules,
    Watched,
    feedback_factors,
    watch,
)
from remnant.numerics.compiled import compiled
from remnant.numerics.streams import exponential, uniform

__all__ = ["step_independent", "step_with_feedback"]

Array = npt.NDArray[Any]


@compiled
def _drawn_event(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, rate: Array, order: Array, first: Array, per_type: Array, rest: float
) -> int:
    """The type by its share of all events, then the event by its share within the type."""
    kind = 0
    for i in range(x.size):
        weight = per_type[i] * x[i]
        if weight > 0.0:
            kind = i
            if rest < weight:
                break
            rest -= weight
    chosen = order[first[kind]]
    for place in range(first[kind], first[kind + 1]):
        event = order[place]
        weight = rate[event] * x[kind]
        if weight > 0.0:
            chosen = event
            if rest < weight:
                break
            rest -= weight
    return int(chosen)


@compiled
def step_independent(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, rate: Array, days: float, rules: Rules, watched: Watched, state: Array, budget: Array
) -> tuple[int, float]:
    """Every event of independent cells within an interval.

    Parameters
    ----------
    x : ndarray, shape (k,)
        Cells; written.
    rate : ndarray, shape (r,)
        Rates in this interval.
    days : float
        Length of the interval.
    rules : Rules
        Events.
    watched : Watched
        When to stop.
    state : ndarray of uint64, shape (4,)
        Random stream.
    budget : ndarray, shape (1,)
        Events left; written.

    Returns
    -------
    status : int
        How it ended.
    done : float
        Days done.
    """
    order, first, change, by_event = rules.order, rules.first, rules.change, watched.by_event
    per_type = np.zeros(x.size)
    for event in range(rate.size):
        per_type[rules.source[event]] += rate[event]
    done = 0.0
    while True:
        total = 0.0
        for i in range(x.size):
            total += per_type[i] * x[i]
        if total <= 0.0:
            return FINISHED, days
        done += exponential(state) / total
        if done >= days:
            return FINISHED, days
        budget[0] -= 1.0
        if budget[0] < 0.0:
            return TOO_MANY_EVENTS, done
        event = _drawn_event(x, rate, order, first, per_type, uniform(state) * total)
        for i in range(x.size):
            x[i] += change[event, i]
        if by_event[event] != 0.0 and watch(watched, watched.state[0] + by_event[event]):
            return CROSSED, done


@compiled
def step_with_feedback(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, rate: Array, days: float, rules: Rules, watched: Watched, state: Array, budget: Array
) -> tuple[int, float]:
    """Every event where rates depend on the state.

    Parameters
    ----------
    x : ndarray, shape (k,)
        Cells; written.
    rate : ndarray, shape (r,)
        Rates in this interval, before feedback.
    days : float
        Length of the interval.
    rules : Rules
        Events.
    watched : Watched
        When to stop.
    state : ndarray of uint64, shape (4,)
        Random stream.
    budget : ndarray, shape (1,)
        Events left; written.

    Returns
    -------
    status : int
        How it ended.
    done : float
        Days done.
    """
    factor, propensity = np.ones(rate.size), np.zeros(rate.size)
    done = 0.0
    while True:
        feedback_factors(x, rules, factor)
        total = 0.0
        for event in range(rate.size):
            cells = x[rules.source[event]] if rules.source[event] >= 0 else 1.0
            propensity[event] = rate[event] * factor[event] * cells
            total += propensity[event]
        if total <= 0.0:
            return FINISHED, days
        done += exponential(state) / total
        if done >= days:
            return FINISHED, days
        budget[0] -= 1.0
        if budget[0] < 0.0:
            return TOO_MANY_EVENTS, done
        rest, chosen = uniform(state) * total, 0
        for event in range(rate.size):
            if propensity[event] > 0.0:
                chosen = event
                if rest < propensity[event]:
                    break
                rest -= propensity[event]
        for i in range(x.size):
            x[i] += rules.change[chosen, i]
        if watch(watched, watched.state[0] + watched.by_event[chosen]):
            return CROSSED, done
