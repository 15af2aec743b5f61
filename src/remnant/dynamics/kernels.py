"""Compiled loops of the simulator: one replicate after another, each with its own random stream.

Exact stepping draws every event. The hybrid leap goes in steps: a type with at least `few` cells *leaps*
(the number of its events in the step is Poisson around their expected number), a type with fewer is stepped
event by event inside the leap, and so is every event of a large type that makes a cell of a small one.
Without feedback the expected number comes from the exact mean within the step, so the mean has no step error;
with feedback it comes from the midpoint. The chance part of a step is carried into the next one, which keeps
the variance right to second order in the step. Counts are whole numbers kept as floats.

A replicate ends with a status: it finished, it crossed the watched limit, or it could not finish.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from remnant.numerics.compiled import compiled
from remnant.numerics.streams import exponential, poisson, stream, uniform

__all__ = ["CROSSED", "FINISHED", "NEGATIVE", "TOO_LARGE", "TOO_MANY_EVENTS", "run_replicates"]

Array = npt.NDArray[Any]

FINISHED: Final = 0
CROSSED: Final = 1
TOO_MANY_EVENTS: Final = 2
TOO_LARGE: Final = 3
NEGATIVE: Final = 4

_LARGEST: Final = 1e17
_REDRAWS: Final = 100
_TERMS: Final = 14
_FEEDBACK: Final = 0.2


@compiled
def _factors(x: Array, form: Array, weights: Array, numbers: Array, factor: Array) -> None:
    """Feedback factor of every event in a state."""
    for event in range(form.size):
        factor[event] = 1.0
        if form[event] < 0:
            continue
        u = 0.0
        for i in range(x.size):
            u += weights[event, i] * x[i]
        if form[event] == 0:
            factor[event] = u
        elif form[event] == 1:
            factor[event] = max(0.0, numbers[event, 0] + numbers[event, 1] / (1.0 + u))
        else:
            half = numbers[event, 2]
            factor[event] = u / (half * half + u * u) if u > 0.0 else 0.0


@compiled
def _mean_in_step(rates: Array, source: Array, change: Array, step: float) -> Array:
    """``int_0^h exp(A s) ds``: cell-days of each type expected within a step, per cell at its start."""
    k = change.shape[1]
    a = np.zeros((k, k))
    for event in range(source.size):
        for i in range(k):
            a[i, source[event]] += rates[event] * change[event, i] * step
    term = np.eye(k)
    total = np.eye(k)
    for order in range(1, _TERMS):
        term = _product(a, term) / (order + 1.0)
        total += term
    return total * step


@compiled
def _product(a: Array, b: Array) -> Array:
    """Matrix product; small matrices, and no dependence on how many threads a library takes."""
    result = np.zeros_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            if a[i, j] != 0.0:
                for m in range(a.shape[0]):
                    result[i, m] += a[i, j] * b[j, m]
    return result


@compiled
def _largest_step(rates: Array, source: Array, change: Array, step: float, share: float) -> float:
    """Step in which no cell expects more than a share of an event that changes its own type."""
    kinds = change.shape[1]
    total = np.zeros(kinds)
    for event in range(source.size):
        if source[event] >= 0 and change[event, source[event]] != 0.0:
            total[source[event]] += rates[event]
    fastest = 0.0
    for i in range(kinds):
        fastest = max(fastest, total[i])
    return min(step, share / fastest) if fastest > 0.0 else step


@compiled
def _few_exactly(
    x: Array, rate: Array, inner: Array, n_inner: int, fixed: Array, step: float, source: Array, change: Array, state: Array
) -> None:
    """Events of small types, one by one, through a step; events of large types come at a fixed rate."""
    done = 0.0
    while True:
        total = 0.0
        for place in range(n_inner):
            event = inner[place]
            total += fixed[event] if fixed[event] >= 0.0 else rate[event] * x[source[event]]
        if total <= 0.0:
            return
        done += exponential(state) / total
        if done >= step:
            return
        rest = uniform(state) * total
        chosen = inner[n_inner - 1]
        for place in range(n_inner):
            event = inner[place]
            rest -= fixed[event] if fixed[event] >= 0.0 else rate[event] * x[source[event]]
            if rest < 0.0:
                chosen = event
                break
        for i in range(x.size):
            x[i] += change[chosen, i]


@compiled
def _leap(
    x: Array,
    before: Array,
    rate: Array,
    days: Array,
    step: float,
    few: float,
    source: Array,
    change: Array,
    products: Array,
    inner: Array,
    fixed: Array,
    surprise: Array,
    state: Array,
) -> bool:
    """One step from `before` into `x`; `days` are the cell-days expected of each type within it."""
    k = x.size
    for _ in range(_REDRAWS):
        x[:] = before
        surprise[:] = 0.0
        n_inner = 0
        for event in range(source.size):
            if rate[event] == 0.0:
                continue
            origin = source[event]
            large = origin < 0 or before[origin] >= few
            mean = rate[event] * (step if origin < 0 else days[origin])
            fixed[event] = mean / step if large else -1.0
            if not large and before[origin] == 0.0 and mean == 0.0:
                continue
            for place in range(products.shape[1]):
                product = products[event, place]
                if product < 0:
                    break
                if before[product] < few:
                    large = False
                    break
            if large:
                count = poisson(state, mean)
                for i in range(k):
                    x[i] += count * change[event, i]
                    surprise[i] += (count - mean) * change[event, i]
            else:
                inner[n_inner] = event
                n_inner += 1
        if n_inner > 0:
            _few_exactly(x, rate, inner, n_inner, fixed, step, source, change, state)
        valid = True
        for i in range(k):
            if x[i] < 0.0:
                valid = False
        if valid:
            return True
    return False


@compiled
def _exact(
    x: Array,
    rate: Array,
    days: float,
    source: Array,
    change: Array,
    order: Array,
    first: Array,
    state: Array,
    watched: Array,
    limits: Array,
    budget: Array,
) -> tuple[int, float]:
    """Every event of independent cells: first the type, then the event; gives status and days done."""
    k = x.size
    per_type = np.zeros(k)
    for event in range(source.size):
        per_type[source[event]] += rate[event]
    done = 0.0
    while True:
        total = 0.0
        for i in range(k):
            total += per_type[i] * x[i]
        if total <= 0.0:
            return FINISHED, days
        done += exponential(state) / total
        if done >= days:
            return FINISHED, days
        budget[0] -= 1.0
        if budget[0] < 0.0:
            return TOO_MANY_EVENTS, done
        rest = uniform(state) * total
        kind = 0
        for i in range(k):
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
        for i in range(k):
            x[i] += change[chosen, i]
        if watched[chosen] != 0.0:
            limits[0] += watched[chosen]
            if limits[0] < limits[1]:
                limits[2] = 1.0
            elif limits[2] > 0.0:
                return CROSSED, done


@compiled
def _exact_feedback(
    x: Array,
    rate: Array,
    days: float,
    source: Array,
    change: Array,
    form: Array,
    weights: Array,
    numbers: Array,
    state: Array,
    watched: Array,
    limits: Array,
    budget: Array,
) -> tuple[int, float]:
    """Every event where rates depend on the state."""
    factor = np.ones(source.size)
    propensity = np.zeros(source.size)
    done = 0.0
    while True:
        _factors(x, form, weights, numbers, factor)
        total = 0.0
        for event in range(source.size):
            cells = x[source[event]] if source[event] >= 0 else 1.0
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
        rest = uniform(state) * total
        chosen = 0
        for event in range(source.size):
            if propensity[event] > 0.0:
                chosen = event
                if rest < propensity[event]:
                    break
                rest -= propensity[event]
        for i in range(x.size):
            x[i] += change[chosen, i]
        limits[0] += watched[chosen]
        if limits[0] < limits[1]:
            limits[2] = 1.0
        elif limits[2] > 0.0:
            return CROSSED, done


@compiled
def _leap_interval(
    x: Array,
    rate: Array,
    days: float,
    source: Array,
    change: Array,
    products: Array,
    form: Array,
    weights: Array,
    numbers: Array,
    state: Array,
    watch: Array,
    limits: Array,
    settings: Array,
    missed: Array,
) -> tuple[int, float]:
    """Leap through an interval of constant rates; gives status and days done.

    Cells that came or went by chance within a step did so half a step ago on average: the cell-days that they
    had or lost since are `missed`, and are made up in the next step. Without this the variance falls short.
    """
    k = x.size
    step_days, share, few = settings[0], settings[1], settings[2]
    linear = True
    for event in range(source.size):
        if form[event] >= 0 or source[event] < 0:
            linear = False
    before, cell_days, middle, surprise = np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    factor = np.ones(source.size)
    effective = rate.copy()
    inner = np.empty(source.size, dtype=np.int64)
    fixed = np.zeros(source.size)
    steps = math.ceil(days / _largest_step(rate, source, change, step_days, share))
    step = days / steps
    mean = _mean_in_step(rate, source, change, step) if linear else np.zeros((k, k))
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
            _factors(before, form, weights, numbers, factor)
            for event in range(source.size):
                effective[event] = rate[event] * factor[event]
            step = min(_largest_step(effective, source, change, step_days, _FEEDBACK * share), days - done)
            middle[:] = before
            for event in range(source.size):
                cells = before[source[event]] if source[event] >= 0 else 1.0
                for i in range(k):
                    middle[i] += 0.5 * step * effective[event] * cells * change[event, i]
            for i in range(k):
                middle[i] = max(0.0, middle[i])
            _factors(middle, form, weights, numbers, factor)
            for event in range(source.size):
                effective[event] = rate[event] * factor[event]
            for i in range(k):
                cell_days[i] = middle[i] * step
        for i in range(k):
            if before[i] >= few:
                cell_days[i] = max(0.0, cell_days[i] + missed[i])
        if not _leap(
            x, before, effective, cell_days, step, few, source, change, products, inner, fixed, surprise, state
        ):
            return NEGATIVE, done
        for i in range(k):
            missed[i] = 0.5 * step * surprise[i] if before[i] >= few else 0.0
        previous, total, cells = limits[0], 0.0, 0.0
        for i in range(k):
            total += watch[i] * x[i]
            cells += x[i]
        if cells > _LARGEST:
            return TOO_LARGE, done
        limits[0] = total
        if total < limits[1]:
            limits[2] = 1.0
        elif limits[2] > 0.0:
            low, high = math.log(max(previous, 0.5)), math.log(total)
            part = (math.log(limits[1]) - low) / (high - low) if high > low else 1.0
            return CROSSED, done + step * min(1.0, max(0.0, part))
        if linear and cells == 0.0:
            return FINISHED, days
        done += step
    return FINISHED, days


@compiled
def _thin(x: Array, survival: Array, state: Array) -> None:
    """Each cell survives for itself: binomial where few, its Gaussian where many."""
    for i in range(x.size):
        p = survival[i]
        if p >= 1.0 or x[i] == 0.0:
            continue
        if x[i] <= 1000.0:
            kept = 0.0
            for _ in range(int(x[i])):
                if uniform(state) < p:
                    kept += 1.0
            x[i] = kept
        elif x[i] * p < 1e-3 * x[i] or x[i] * p < 1000.0:
            x[i] = min(x[i], poisson(state, x[i] * p))
        else:
            lost = poisson(state, x[i] * (1.0 - p)) if p > 0.999 else -1.0
            if lost < 0.0:
                kept = _binomial_gaussian(x[i], p, state)
            else:
                kept = x[i] - lost
            x[i] = min(x[i], max(0.0, kept))


@compiled
def _binomial_gaussian(cells: float, p: float, state: Array) -> float:
    wide = math.sqrt(cells * p * (1.0 - p))
    radius = math.sqrt(2.0 * exponential(state))
    return math.floor(cells * p + wide * radius * math.cos(2.0 * math.pi * uniform(state)) + 0.5)


@compiled
def run_replicates(
    low: int,
    high: int,
    seed: Array,
    starts: Array,
    breaks: Array,
    pieces: Array,
    thins: Array,
    records: Array,
    rates: Array,
    survival: Array,
    source: Array,
    change: Array,
    products: Array,
    order: Array,
    first: Array,
    form: Array,
    weights: Array,
    numbers: Array,
    watch: Array,
    limit: float,
    settings: Array,
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
    starts : ndarray, shape (d, k) or (n, k)
        Cells on day 0 of each draw of the rates, or of each replicate.
    breaks : ndarray, shape (b + 1,)
        Days that bound intervals of constant rates without an output inside.
    pieces : ndarray of int, shape (b,)
        Piece of each interval.
    thins : ndarray of bool, shape (b,)
        Whether the interval begins its piece.
    records : ndarray of int, shape (b + 1,)
        Output that falls on each break, or -1.
    rates : ndarray, shape (d, s, r)
        Rates of each draw.
    survival : ndarray, shape (d, s, k)
        Surviving share at the first day of each piece.
    source, change, products, form, weights, numbers : ndarray
        As in `remnant.dynamics.process.Process`.
    order, first : ndarray of int, shape (r,) and (k + 1,)
        Events sorted by source, and where each source begins.
    watch : ndarray, shape (k,)
        Weights of the watched sum.
    limit : float
        A replicate stops when the watched sum, once below, reaches it; infinite to go on.
    settings : ndarray, shape (5,)
        Step in days, largest share of an event per cell and step, `few`, 1 for exact stepping, event budget.
    cells : ndarray, shape (n, t, k)
        Written: cells at the outputs; NaN after a crossing.
    ends : ndarray, shape (n,)
        Written: last day simulated.
    final : ndarray, shape (n, k)
        Written: cells on that day.
    status : ndarray of int, shape (n,)
        Written: how each replicate ended.
    """
    k = change.shape[1]
    repeats = cells.shape[0] // rates.shape[0]
    watched = np.zeros(source.size)
    linear = True
    for event in range(source.size):
        if form[event] >= 0 or source[event] < 0:
            linear = False
        for i in range(k):
            watched[event] += watch[i] * change[event, i]
    limits, budget, missed = np.zeros(3), np.zeros(1), np.zeros(k)
    for replicate in range(low, high):
        draw = replicate // repeats
        state = stream(seed, replicate)
        x = starts[replicate if starts.shape[0] == cells.shape[0] else draw].copy()
        cells[replicate] = np.nan
        limits[1], limits[2], budget[0] = limit, 0.0, settings[4]
        missed[:] = 0.0
        code, day = FINISHED, breaks[0]
        for interval in range(pieces.size):
            piece = pieces[interval]
            if thins[interval]:
                for i in range(k):
                    missed[i] *= survival[draw, piece, i]
                _thin(x, survival[draw, piece], state)
            limits[0] = 0.0
            for i in range(k):
                limits[0] += watch[i] * x[i]
            if limits[0] < limits[1]:
                limits[2] = 1.0
            if records[interval] >= 0:
                cells[replicate, records[interval]] = x
            days = breaks[interval + 1] - breaks[interval]
            rate = rates[draw, piece]
            if settings[3] == 0.0:
                code, done = _leap_interval(
                    x,
                    rate,
                    days,
                    source,
                    change,
                    products,
                    form,
                    weights,
                    numbers,
                    state,
                    watch,
                    limits,
                    settings,
                    missed,
                )
            elif linear:
                code, done = _exact(
                    x, rate, days, source, change, order, first, state, watched, limits, budget
                )
            else:
                code, done = _exact_feedback(
                    x, rate, days, source, change, form, weights, numbers, state, watched, limits, budget
                )
            day = breaks[interval] + done
            if code != FINISHED:
                break
        if code == FINISHED and records[pieces.size] >= 0:
            cells[replicate, records[pieces.size]] = x
        ends[replicate], final[replicate], status[replicate] = day, x, code
