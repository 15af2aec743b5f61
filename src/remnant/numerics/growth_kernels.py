"""The compiled part of growth: the posterior of slope, level and background of one series, on a lattice.

Level of the line on day t from the last sample: ``log10 L(t) = a + s t``. With a background, the course is
``log10(10**(beta + shift) + L)``. Everything inside is summed on even lattices: for densities as smooth as
these, once the step is below the width of the narrowest factor, an even sum is exact to many more digits
than are printed. The lattice of the slope is even in ``v``, with ``s = centre + scale * sinh(v)``.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled, inlined

__all__ = [
    "DEPTH",
    "MOST_ROWS",
    "Prior",
    "Series",
    "added",
    "inner_rows",
    "level_at",
    "level_step",
    "slope_lattice",
]

Array = NDArray[Any]

MOST_ROWS: Final = 2049
"""Most points of the slope's lattice."""

DEPTH: Final = 18.0
"""Fall of the log-posterior below its maximum beyond which the lattice ends."""
_MOST_STEPS: Final = 4000
_E: Final = math.log(10.0)
_SUM_STEP: Final = 0.05
_SUM_REACH: Final = 10.0
_SPARSE: Final = 5.0
_BEND: Final = 0.25
_BELOW: Final = 0.7
_ABOVE: Final = 0.5
_COARSEST: Final = 0.12
_TOLERANCE: Final = 1e-4
_FIRST_ROWS: Final = 12


def _softplus_table() -> tuple[Array, Array]:
    d = np.arange(-_SUM_REACH, _SUM_REACH + _SUM_STEP / 2, _SUM_STEP)
    return np.logaddexp(0.0, d * math.log(10.0)) / math.log(10.0), 1.0 / (1.0 + 10.0**-d)


_SUM, _SHARE = _softplus_table()


class Series(NamedTuple):
    """One series, as arrays: few, because compiled code counts the users of each array at each call.

    Attributes
    ----------
    samples : ndarray of float, shape (n, 7)
        Days from the last sample (0 or negative); rise of the background, log10; first point and distance of
        the points of its table; largest curvature of log M, and where it is largest; room for a level.
    tables : ndarray of float, shape (n, 2, points)
        log M and its derivative.
    alone : ndarray of int, shape (k,)
        Samples that share no error.
    groups : ndarray of float
        Groups that share errors, one after another: number of members and of draws; the members; then for
        each draw its log weight and the error of each member, log10.
    """

    samples: Array
    tables: Array
    alone: Array
    groups: Array


class Prior(NamedTuple):
    """Priors and lattice steps of one series.

    Attributes
    ----------
    slope_sd : float
        Of the slope around zero, log10 a day.
    background : bool
        Whether there is a background.
    background_mean, background_sd : float
        Of its level, log10.
    level_mean, level_sd : float
        Of the leukaemia's level at the last sample; only with a background.
    step_level, step_background : float
        Steps of the lattice, log10; with a background the first is in units of the narrowest width.
    middle : float
        Day around which level and slope are nearly independent.
    span : float
        Days from the first to the last sample.
    """

    slope_sd: float
    background: bool
    background_mean: float
    background_sd: float
    level_mean: float
    level_sd: float
    step_level: float
    step_background: float
    middle: float
    span: float


@inlined
def _log_m(samples: Array, tables: Array, i: int, y: float) -> float:
    h = samples[i, 3]
    place = (y - samples[i, 2]) / h
    last = tables.shape[2] - 1
    if place <= 0.0 or place >= last:
        end, next_to = (0, 1) if place <= 0.0 else (last, last - 1)
        x = (place - end) * h
        if place <= 0.0 and tables[i, 1, 0] <= 0.0:
            # Below, nothing can be told from less than nothing any more: the rest falls off with q itself.
            return float(tables[i, 0, 0] + tables[i, 1, 0] / _E * math.expm1(max(x * _E, -700.0)))
        bend = min((tables[i, 1, next_to] - tables[i, 1, end]) / ((next_to - end) * h), 0.0)
        return float(tables[i, 0, end] + x * (tables[i, 1, end] + 0.5 * bend * x))
    k = int(place)
    t = place - k
    y0, y1 = tables[i, 0, k], tables[i, 0, k + 1]
    m0, m1 = h * tables[i, 1, k], h * tables[i, 1, k + 1]
    rise = y1 - y0
    return float(y0 + t * (m0 + t * ((3.0 * rise - 2.0 * m0 - m1) + t * (m0 + m1 - 2.0 * rise))))


@inlined
def added(beta: float, leukaemia: float) -> float:
    """log10 of the sum of two quantities that are given as log10.

    Parameters
    ----------
    beta, leukaemia : float
        log10 of the two.

    Returns
    -------
    float
        log10 of the sum, by a table of its own: error below 1e-8.
    """
    d = leukaemia - beta
    if d <= -_SUM_REACH:
        return beta
    if d >= _SUM_REACH:
        return leukaemia
    place = (d + _SUM_REACH) / _SUM_STEP
    k = min(int(place), _SUM.size - 2)
    t = place - k
    rise = _SUM[k + 1] - _SUM[k]
    m0, m1 = _SUM_STEP * _SHARE[k], _SUM_STEP * _SHARE[k + 1]
    return float(beta + _SUM[k] + t * (m0 + t * ((3.0 * rise - 2.0 * m0 - m1) + t * (m0 + m1 - 2.0 * rise))))


@inlined
def _course(samples: Array, prior: Prior, i: int, s: float, a: float, beta: float) -> float:  # noqa: PLR0917 - compiled
    y = float(a + s * samples[i, 0])
    if prior.background:
        return added(beta + samples[i, 1], y)
    return y


@compiled
def _shared(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    samples: Array, tables: Array, groups: Array, prior: Prior, s: float, a: float, beta: float
) -> float:
    """log-likelihood of the groups that share errors, the errors summed over their draws."""
    total, at = 0.0, 0
    while at < groups.size:
        members, draws = int(groups[at]), int(groups[at + 1])
        first = at + 2
        place = first + members
        peak, weight = -np.inf, 0.0
        for j in range(members):
            i = int(groups[first + j])
            samples[i, 6] = _course(samples, prior, i, s, a, beta)
        for _ in range(draws):
            part = groups[place]
            for j in range(members):
                i = int(groups[first + j])
                part += _log_m(samples, tables, i, samples[i, 6] + groups[place + 1 + j])
            place += 1 + members
            if part > peak:
                weight = weight * math.exp(peak - part) + 1.0
                peak = part
            else:
                weight += math.exp(part - peak)
        total += peak + math.log(weight)
        at = place
    return total


@inlined
def _log_posterior(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    samples: Array, tables: Array, alone: Array, groups: Array, prior: Prior, s: float, a: float, beta: float
) -> float:
    total = -0.5 * (s / prior.slope_sd) ** 2
    if prior.background:
        total -= 0.5 * ((beta - prior.background_mean) / prior.background_sd) ** 2
        total -= 0.5 * ((a - prior.level_mean) / prior.level_sd) ** 2
    for j in range(alone.size):
        i = alone[j]
        total += _log_m(samples, tables, i, _course(samples, prior, i, s, a, beta))
    if groups.size > 0:
        total += _shared(samples, tables, groups, prior, s, a, beta)
    return total


@inlined
def level_at(w: float, s: float, beta: float, prior: Prior) -> tuple[float, float]:
    """Level at the last sample at a place of the inner lattice, sparse where it is far below background.

    Parameters
    ----------
    w, s, beta : float
        Place, slope and background.
    prior : Prior
        Middle and span of the series.

    Returns
    -------
    tuple of (float, float)
        Level, log10, and its derivative by the place.
    """
    if not prior.background:
        return w - s * prior.middle, 1.0
    z = (w - (beta - _BELOW - max(0.0, -s) * prior.span)) / _BEND
    if z > 30.0:
        return w, 1.0
    soft = -z if z < -30.0 else math.log1p(math.exp(-z))
    share = 1.0 if z < -30.0 else 1.0 / (1.0 + math.exp(z))
    return w - _SPARSE * _BEND * soft, 1.0 + _SPARSE * share


@compiled
def level_step(samples: Array, prior: Prior, s: float) -> float:
    """Step of the inner lattice at one slope: finer where more samples speak about the leukaemia.

    Parameters
    ----------
    samples : ndarray of float, shape (n, 7)
        Of the series.
    prior : Prior
        Priors and steps.
    s : float
        Slope, log10 a day.

    Returns
    -------
    float
        Step, log10.
    """
    if not prior.background:
        return prior.step_level
    n = samples.shape[0]
    top = max(samples[n - 1, 5], prior.background_mean) + _ABOVE
    known = 1.0 / (prior.level_sd * prior.level_sd)
    for i in range(n):
        d = top + s * samples[i, 0] - prior.background_mean - samples[i, 1]
        share = 1.0 / (1.0 + 10.0 ** min(max(-d, -9.0), 9.0))
        known += samples[i, 4] * share * share
    return min(prior.step_level / math.sqrt(known), _COARSEST)


@inlined
def _at(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    samples: Array,
    tables: Array,
    alone: Array,
    groups: Array,
    prior: Prior,
    s: float,
    beta: float,
    w: float,
) -> float:
    a, stretch = level_at(w, s, beta, prior)
    value = _log_posterior(samples, tables, alone, groups, prior, s, a, beta)
    return value if stretch == 1.0 else value + math.log(stretch)


@compiled
def _inner(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, s: float, beta: float, h: float, near: int, floor: float, held: Array
) -> tuple[int, int, int, float]:
    """One inner lattice: log-density at its points into `held`; gives peak, first point, number, log-sum."""
    samples, tables, alone, groups = series
    peak_at, peak = near, _at(samples, tables, alone, groups, prior, s, beta, near * h)
    for direction in (1, -1):
        for _ in range(_MOST_STEPS):
            value = _at(samples, tables, alone, groups, prior, s, beta, (peak_at + direction) * h)
            if value <= peak:
                break
            peak_at, peak = peak_at + direction, value
    limit = max(peak, floor) - DEPTH
    if peak < limit:
        return peak_at, peak_at, 0, -np.inf
    middle = held.size // 2
    held[middle] = peak
    total, first, last = 1.0, peak_at, peak_at
    for direction in (-1, 1):
        k = peak_at
        for _ in range(middle - 1):
            k += direction
            value = _at(samples, tables, alone, groups, prior, s, beta, k * h)
            held[middle + k - peak_at] = value
            total += math.exp(value - peak)
            if direction < 0:
                first = k
            else:
                last = k
            if value < limit:
                break
    return peak_at, first, last - first + 1, peak + math.log(total * h)


@compiled
def _add(one: float, other: float) -> float:
    if other == -np.inf:
        return one
    if one < other:
        one, other = other, one
    return one + math.log1p(math.exp(other - one))


@compiled
def _row(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, s: float, near: Array, floor: float, held: Array
) -> float:
    """Log of the density of the slope; `near` holds where the last row had its peak, and is renewed."""
    fine = level_step(series.samples, prior, s)
    if not prior.background:
        one = _inner(series, prior, s, 0.0, fine, round(near[0] / fine), -np.inf, held)
        near[0] = one[0] * fine
        return one[3]
    h = prior.step_background
    centre = round(near[1] / h)
    start = _inner(series, prior, s, centre * h, fine, round(near[0] / fine), -np.inf, held)
    best, best_at, level_at = start[3], centre, start[0]
    for direction in (1, -1):
        for _ in range(_MOST_STEPS):
            one = _inner(series, prior, s, (best_at + direction) * h, fine, level_at, -np.inf, held)
            if one[3] <= best:
                break
            best, best_at, level_at = one[3], best_at + direction, one[0]
    near[0], near[1] = level_at * fine, best_at * h
    total, high = best, best
    for direction in (1, -1):
        k, at = best_at, level_at
        for _ in range(_MOST_STEPS):
            k += direction
            one = _inner(series, prior, s, k * h, fine, at, floor, held)
            at = one[0]
            if one[3] < max(high, floor) - DEPTH:
                break
            total = _add(total, one[3])
    return total + math.log(h)


@compiled
def _bounds(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, start: Array, width: float, held: Array
) -> Array:
    """Mode of the slope, and where its density has fallen by the depth on either side."""
    s, near = start[0], start[1:].copy()
    best, step = _row(series, prior, s, near, -np.inf, held), width
    while step > 0.05 * width:
        moved = False
        for direction in (1.0, -1.0):
            trial = near.copy()
            value = _row(series, prior, s + direction * step, trial, -np.inf, held)
            if value > best:
                best, s, near, moved = value, s + direction * step, trial, True
                break
        if moved:
            step *= 1.6
        else:
            step *= 0.4
    result = np.array([s, s, s, near[0], near[1], best])
    for side in (1, 2):
        direction = -1.0 if side == 1 else 1.0
        inner, outer, trial = 0.0, width, near.copy()
        for _ in range(60):
            if _row(series, prior, s + direction * outer, trial, best, held) < best - DEPTH:
                break
            inner, outer = outer, 1.7 * outer
        for _ in range(4):
            half = 0.5 * (inner + outer)
            if _row(series, prior, s + direction * half, trial, best, held) < best - DEPTH:
                outer = half
            else:
                inner = half
        result[side] = s + direction * outer
    return result


@compiled
def slope_lattice(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, start: Array, width: float, held: Array, out: Array
) -> tuple[int, float, float, float]:
    """Density of the slope on its lattice, refined until a cubic through every second point gives the others.

    Parameters
    ----------
    series : Series
        Samples.
    prior : Prior
        Priors and inner steps.
    start : ndarray of float, shape (3,)
        Slope to start from, and about where the inner peaks are.
    width : float
        First stride of the search.
    held : ndarray of float
        Room for an inner lattice.
    out : ndarray of float, shape (MOST_ROWS, 4)
        Slope, log-density in v, and inner peaks of each point.

    Returns
    -------
    tuple of (int, float, float, float)
        Number of points, and the lattice: centre, scale, step of v. Fewer than 0 points where the lattice
        stayed too coarse.
    """
    found = _bounds(series, prior, start, width, held)
    centre, best = found[0], found[5]
    scale = 0.7 * min(centre - found[1], found[2] - centre)
    v_low, v_high = math.asinh((found[1] - centre) / scale), math.asinh((found[2] - centre) / scale)
    rows = 2 * _FIRST_ROWS + 1
    step = (v_high - v_low) / (rows - 1)
    near = found[3:5].copy()
    for k in range(rows):
        v = v_low + k * step
        s = centre + scale * math.sinh(v)
        out[k, 1] = _row(series, prior, s, near, best, held) + math.log(scale * math.cosh(v))
        out[k, 0], out[k, 2], out[k, 3] = s, near[0], near[1]
    while 2 * rows - 1 <= MOST_ROWS:
        for k in range(rows - 1, 0, -1):
            out[2 * k] = out[k]
        worst, peak = 0.0, best + math.log(scale)
        for k in range(rows - 1):
            v = v_low + (k + 0.5) * step
            s = centre + scale * math.sinh(v)
            near[0], near[1] = out[2 * k, 2], out[2 * k, 3]
            value = _row(series, prior, s, near, best, held) + math.log(scale * math.cosh(v))
            at = 2 * k + 1
            out[at, 0], out[at, 1], out[at, 2], out[at, 3] = s, value, near[0], near[1]
            if 0 < k < rows - 2:
                guess = (9.0 * (out[at - 1, 1] + out[at + 1, 1]) - out[at - 3, 1] - out[at + 3, 1]) / 16.0
                worst = max(worst, abs(math.exp(min(guess - peak, 50.0)) - math.exp(min(value - peak, 50.0))))
        rows, step = 2 * rows - 1, 0.5 * step
        if worst < _TOLERANCE:
            return rows, centre, scale, step
    return -rows, centre, scale, step


@compiled
def inner_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, lattice: Array, stride: int, floor: float, held: Array
) -> tuple[Array, Array]:
    """Inner lattices of every `stride`-th slope, one after another.

    Parameters
    ----------
    series : Series
        Samples.
    prior : Prior
        Priors and inner steps.
    lattice : ndarray of float, shape (rows, 4)
        From `slope_lattice`.
    stride : int
        Which rows.
    floor : float
        log-density of the peak: what lies too deep below it is left out.
    held : ndarray of float
        Room for an inner lattice.

    Returns
    -------
    tuple of ndarray
        Heads, shape (m, 7): row, slope, background, step, first point in steps, number of points, where its
        values start; and the values, one after another.
    """
    heads, used = np.empty((256, 7)), 0
    values, filled = np.empty(8192), 0
    for r in range(0, lattice.shape[0], stride):
        s = lattice[r, 0]
        fine = level_step(series.samples, prior, s)
        at = round(lattice[r, 2] / fine)
        middle = round(lattice[r, 3] / prior.step_background)
        for direction in (1, -1):
            k, near = (middle if direction == 1 else middle - 1), at
            for _ in range(_MOST_STEPS):
                beta = k * prior.step_background if prior.background else 0.0
                one = _inner(series, prior, s, beta, fine, near, floor, held)
                near = one[0]
                number = one[2]
                if number == 0 or one[3] < floor - DEPTH:
                    break
                if used == heads.shape[0]:
                    more = np.empty((2 * used, 7))
                    more[:used] = heads
                    heads = more
                while filled + number > values.size:
                    longer = np.empty(2 * values.size)
                    longer[:filled] = values[:filled]
                    values = longer
                begin = held.size // 2 + one[1] - near
                values[filled : filled + number] = held[begin : begin + number]
                heads[used, 0], heads[used, 1], heads[used, 2] = r, s, beta
                heads[used, 3], heads[used, 4], heads[used, 5], heads[used, 6] = fine, one[1], number, filled
                used += 1
                filled += number
                if not prior.background:
                    break
                k += direction
            if not prior.background:
                break
    return heads[:used], values[:filled]
