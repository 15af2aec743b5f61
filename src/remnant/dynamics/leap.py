"""The hybrid leap in compiled code.

A type with at least `few` cells *leaps*: the number of its events in a step is Poisson around the number expected.
A type with fewer is stepped event by event inside the leap, and so is every event of a large type that makes a
cell of a small one. Without feedback the expected number comes from the exact mean within the step, so the mean
has no step error; with feedback it comes from the midpoint. The chance part of a step is carried into the next
one, which keeps the variance right to second order in the step.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.dynamics.rules import (
    CROSSED,
    FINISHED,
    NEGATIVE,
    TOO_LARGE,
    Rules,
    Stepping,
    Watched,
    feedback_factors,
    is_linear,
    watch,
)
from remnant.numerics.compiled import compiled
from remnant.numerics.streams import exponential, poisson, uniform

__all__ = ["leap_interval"]

Array = npt.NDArray[Any]

_LARGEST: Final = 1e17
_REDRAWS: Final = 100
_TERMS: Final = 14
_FEEDBACK: Final = 0.2


@compiled
def _product(a: Array, b: Array) -> Array:
    """Matrix product of small matrices, on this thread."""
    result = np.zeros_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            if a[i, j] != 0.0:
                for m in range(a.shape[0]):
                    result[i, m] += a[i, j] * b[j, m]
    return result


@compiled
def _mean_in_step(rate: Array, rules: Rules, step: float) -> Array:
    """``int_0^h exp(A s) ds``: cell-days of each type expected within a step, per cell at its start."""
    k = rules.change.shape[1]
    a = np.zeros((k, k))
    for event in range(rate.size):
        for i in range(k):
            a[i, rules.source[event]] += rate[event] * rules.change[event, i] * step
    term = np.eye(k)
    total = np.eye(k)
    for order in range(1, _TERMS):
        term = _product(a, term) / (order + 1.0)
        total += term
    return total * step


@compiled
def _largest_step(rate: Array, rules: Rules, step: float, share: float) -> float:
    """Step in which no cell expects more than a share of an event that changes its own type."""
    total = np.zeros(rules.change.shape[1])
    for event in range(rate.size):
        origin = rules.source[event]
        if origin >= 0 and rules.change[event, origin] != 0.0:
            total[origin] += rate[event]
    fastest = 0.0
    for i in range(total.size):
        fastest = max(fastest, total[i])
    return min(step, share / fastest) if fastest > 0.0 else step


@compiled
def _few_exactly(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, rate: Array, inner: Array, fixed: Array, step: float, source: Array, change: Array, state: Array
) -> None:
    """Events of small types, one by one, through a step; events of large types come at a fixed rate."""
    done = 0.0
    while True:
        total = 0.0
        for event in inner:
            total += fixed[event] if fixed[event] >= 0.0 else rate[event] * x[source[event]]
        if total <= 0.0:
            return
        done += exponential(state) / total
        if done >= step:
            return
        rest, chosen = uniform(state) * total, inner[0]
        for event in inner:
            weight = fixed[event] if fixed[event] >= 0.0 else rate[event] * x[source[event]]
            if weight > 0.0:
                chosen = event
                if rest < weight:
                    break
                rest -= weight
        for i in range(x.size):
            x[i] += change[chosen, i]


@compiled
def _makes_few(event: int, before: Array, few: float, products: Array) -> bool:
    for place in range(products.shape[1]):
        product = products[event, place]
        if product < 0:
            return False
        if before[product] < few:
            return True
    return False


@compiled
def _leap(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array,
    before: Array,
    rate: Array,
    cell_days: Array,
    step: float,
    few: float,
    rules: Rules,
    surprise: Array,
    state: Array,
) -> bool:
    """One step from `before` into `x`; False if it kept asking for more cells than there are."""
    source, change, products = rules.source, rules.change, rules.products
    inner, fixed = np.empty(rate.size, dtype=np.int64), np.empty(rate.size)
    for _ in range(_REDRAWS):
        x[:] = before
        surprise[:] = 0.0
        n_inner = 0
        for event in range(rate.size):
            origin = source[event]
            large = origin < 0 or before[origin] >= few
            mean = rate[event] * (step if origin < 0 else cell_days[origin])
            if mean == 0.0:
                continue
            if not large or _makes_few(event, before, few, products):
                fixed[event] = mean / step if large else -1.0
                inner[n_inner] = event
                n_inner += 1
                continue
            count = poisson(state, mean)
            for i in range(x.size):
                x[i] += count * change[event, i]
                surprise[i] += (count - mean) * change[event, i]
        if n_inner > 0:
            _few_exactly(x, rate, inner[:n_inner], fixed, step, source, change, state)
        valid = True
        for i in range(x.size):
            valid = valid and x[i] >= 0.0
        if valid:
            return True
    return False


@compiled
def _midpoint(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    before: Array,
    rate: Array,
    limit: float,
    stepping: Stepping,
    rules: Rules,
    effective: Array,
    cell_days: Array,
) -> float:
    """Step, rates with feedback and expected cell-days, from the state at the middle of the step."""
    factor = np.empty(rate.size)
    feedback_factors(before, rules, factor)
    for event in range(rate.size):
        effective[event] = rate[event] * factor[event]
    longest = _largest_step(effective, rules, stepping.step_days, _FEEDBACK * stepping.share)
    step = min(longest, limit)
    middle = before.copy()
    for event in range(rate.size):
        origin = rules.source[event]
        flow = 0.5 * step * effective[event] * (before[origin] if origin >= 0 else 1.0)
        for i in range(middle.size):
            middle[i] += flow * rules.change[event, i]
    for i in range(middle.size):
        middle[i] = max(0.0, middle[i])
        cell_days[i] = middle[i] * step
    feedback_factors(middle, rules, factor)
    for event in range(rate.size):
        effective[event] = rate[event] * factor[event]
    return step


@compiled
def _crossing_share(before: float, after: float, limit: float) -> float:
    """Part of the step after which an exponential course crosses the limit."""
    low, high = math.log(max(before, 0.5)), math.log(after)
    return min(1.0, max(0.0, (math.log(limit) - low) / (high - low))) if high > low else 1.0


@compiled
def leap_interval(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array,
    rate: Array,
    days: float,
    rules: Rules,
    watched: Watched,
    state: Array,
    stepping: Stepping,
    missed: Array,
) -> tuple[int, float]:
    """Leap through an interval of constant rates.

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
    stepping : Stepping
        Step and thresholds.
    missed : ndarray, shape (k,)
        Cells that came or went by chance within a step did so half a step ago on average: the cell-days that
        they had or lost since, made up in the next step. Without this the variance falls short. Written.

    Returns
    -------
    status : int
        How it ended.
    done : float
        Days done.
    """
    k, few, linear = x.size, stepping.few, is_linear(rules)
    before, cell_days, surprise = np.empty(k), np.zeros(k), np.zeros(k)
    effective = rate.copy()
    step = days / math.ceil(days / _largest_step(rate, rules, stepping.step_days, stepping.share))
    mean = _mean_in_step(rate, rules, step) if linear else np.zeros((k, k))
    done = 0.0
    while done < days * (1.0 - 1e-12):
        before[:] = x
        if linear:
            for i in range(k):
                total = 0.0
                for j in range(k):
                    total += mean[i, j] * before[j]
                cell_days[i] = total
        else:
            step = _midpoint(before, rate, days - done, stepping, rules, effective, cell_days)
        for i in range(k):
            if before[i] >= few:
                cell_days[i] = max(0.0, cell_days[i] + missed[i])
        if not _leap(x, before, effective, cell_days, step, few, rules, surprise, state):
            return NEGATIVE, done
        total, cells = 0.0, 0.0
        for i in range(k):
            missed[i] = 0.5 * step * surprise[i] if before[i] >= few else 0.0
            total += watched.weights[i] * x[i]
            cells += x[i]
        if cells > _LARGEST:
            return TOO_LARGE, done
        previous = watched.state[0]
        if watch(watched, total):
            limit = watched.state[1] if watched.state[2] > 0.0 else watched.state[3]
            return CROSSED, done + step * _crossing_share(previous, total, limit)
        if linear and cells == 0.0:
            return FINISHED, days
        done += step
    return FINISHED, days
