"""The compiled part of growth: the posterior of slope, level and background of one series, on a lattice.

Level of the line on day t from the last sample: ``log10 L(t) = a + s t``. With a background, the course is
``log10(10**(beta + shift) + L)``. For one slope, and one distance ``d = a - beta`` from the background, every
sample lies a known way ``u`` above one level ``c`` (beta, or the line on its middle day). An error that moves
some samples alike moves ``c`` for them: it is a convolution along the lattice of ``c``. Samples whose
likelihood is normal are integrated in closed form. The rest is summed on even lattices: for densities as
smooth as these, once the step is below the width of the narrowest factor, an even sum is exact to many more
digits than are printed. The lattice of the slope is even in ``v``, with ``s = centre + scale * sinh(v)``.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled, inlined

__all__ = [
    "DEPTH",
    "MOST_ROOM",
    "MOST_ROWS",
    "Prior",
    "Series",
    "course_above",
    "inner_rows",
    "slope_lattice",
]

Array = NDArray[Any]

MOST_ROWS: Final = 2049
"""Most points of the slope's lattice."""

DEPTH: Final = 18.0
"""Fall of the log-posterior below its maximum beyond which the lattice ends."""
MOST_ROOM: Final = 4001
"""Most points of an inner lattice."""
_MOST_STEPS: Final = 4000
_DEEPER: Final = 22.0  # the same for one distance, which holds a part only
_CHUNK: Final = 4
_DRAWN: Final = 6.0
_LEAST: Final = 1e-300
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
        the points of its table; largest curvature of log M, and where it is largest; room for its way above
        the level.
    tables : ndarray of float, shape (n, 2, points)
        log M and its derivative.
    normal : ndarray of float, shape (k, 3)
        Precision matrix of the samples whose likelihood is normal, entry by entry: two samples, precision.
    alone : ndarray of int, shape (k,)
        Other samples that share no error.
    groups : ndarray of float
        Other groups that share errors, one after another: number of members and of draws, and the standard
        deviation of an error that moves all alike (then no draws); the members; then for each draw its log
        weight and the error of each member, log10.
    """

    samples: Array
    tables: Array
    normal: Array
    alone: Array
    groups: Array


class Prior(NamedTuple):
    """Priors and lattice steps of one series.

    Attributes
    ----------
    slope_scale, slope_freedom : float
        Of the slope around zero, Student t: scale in log10 a day, and degrees of freedom.
    background : bool
        Whether there is a background.
    background_mean, background_sd : float
        Of its level, log10.
    level_mean, level_sd : float
        Of the leukaemia's level at the last sample; only with a background.
    step : float
        Step of the lattice of the level, log10.
    step_distance : float
        Step of the lattice of the distance from the background, in units of the narrowest width.
    middle : float
        Day around which level and slope are nearly independent.
    span : float
        Days from the first to the last sample.
    """

    slope_scale: float
    slope_freedom: float
    background: bool
    background_mean: float
    background_sd: float
    level_mean: float
    level_sd: float
    step: float
    step_distance: float
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
def _added(beta: float, leukaemia: float) -> float:
    """log10 of the sum of two quantities that are given as log10: by a table, error below 1e-8."""
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
def course_above(s: float, d: float, day: float, shift: float, prior: Prior) -> float:  # noqa: PLR0917 - compiled
    """Way of the course above the level of the inner lattice.

    Parameters
    ----------
    s, d : float
        Slope, log10 a day, and distance of the leukaemia from the background at the last sample, log10.
    day : float
        Days from the last sample.
    shift : float
        Rise of the background, log10.
    prior : Prior
        Priors.

    Returns
    -------
    float
        log10 of the course on that day less the level.
    """
    if prior.background:
        return _added(shift, d + s * day)
    return s * (day - prior.middle)


@inlined
def _distance(w: float, s: float, prior: Prior) -> tuple[float, float]:
    """Distance from the background at a place of its lattice, sparse far below, and its derivative."""
    z = (w + _BELOW + max(0.0, -s) * prior.span) / _BEND
    if z > 30.0:
        return w, 1.0
    soft = -z if z < -30.0 else math.log1p(math.exp(-z))
    share = 1.0 if z < -30.0 else 1.0 / (1.0 + math.exp(z))
    return w - _SPARSE * _BEND * soft, 1.0 + _SPARSE * share


@compiled
def _quadratic(series: Series, prior: Prior, s: float, d: float) -> tuple[float, float, float]:
    """What is normal in the level c: log-density ``-(p c**2 - 2 q c + r) / 2``; notes the ways of the samples."""
    samples, _, normal, _, _ = series
    for i in range(samples.shape[0]):
        samples[i, 6] = course_above(s, d, samples[i, 0], samples[i, 1], prior)
    p, q = 0.0, 0.0
    r = (prior.slope_freedom + 1.0) * math.log1p((s / prior.slope_scale) ** 2 / prior.slope_freedom)
    if prior.background:
        known = 1.0 / prior.background_sd**2
        level, known_level = prior.level_mean - d, 1.0 / prior.level_sd**2
        p = known + known_level
        q = known * prior.background_mean + known_level * level
        r += known * prior.background_mean**2 + known_level * level**2
    for e in range(normal.shape[0]):
        i, j = int(normal[e, 0]), int(normal[e, 1])
        one, other = samples[i, 5] - samples[i, 6], samples[j, 5] - samples[j, 6]
        p += normal[e, 2]
        q += 0.5 * normal[e, 2] * (one + other)
        r += normal[e, 2] * one * other
    return p, q, r


@compiled
def _fill(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, bend: tuple[float, float, float], h: float, first: int, held: Array, at: int, number: int
) -> None:
    """Log-density at some points of the lattice of the level, the first of them number `first`."""
    samples, tables, _, alone, groups = series
    p, q, r = bend
    for k in range(number):
        c = (first + k) * h
        value = -0.5 * ((p * c - 2.0 * q) * c + r)
        for j in range(alone.size):
            value += _log_m(samples, tables, alone[j], c + samples[alone[j], 6])
        held[at + k] = value
    place = 0
    while place < groups.size:
        members, draws, spread = int(groups[place]), int(groups[place + 1]), groups[place + 2]
        if draws == 0:
            _moved_alike(
                samples,
                tables,
                groups[place + 3 : place + 3 + members],
                spread,
                h,
                first,
                held[at : at + number],
            )
        else:
            _moved_apart(samples, tables, groups[place:], h, first, held[at : at + number])
        place += 3 + members + draws * (1 + members)


@compiled
def _moved_alike(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    samples: Array, tables: Array, member: Array, spread: float, h: float, first: int, out: Array
) -> None:
    """Adds the log-likelihood of a group whose shared error moves all alike: a convolution."""
    reach = math.ceil(_DRAWN * spread / h)
    density = np.empty(out.size + 2 * reach)
    peak = -np.inf
    for k in range(density.size):
        c, value = (first - reach + k) * h, 0.0
        for j in range(member.size):
            i = int(member[j])
            value += _log_m(samples, tables, i, c + samples[i, 6])
        density[k] = value
        peak = max(peak, value)
    for k in range(density.size):
        density[k] = math.exp(density[k] - peak)
    weight = np.empty(2 * reach + 1)
    for k in range(weight.size):
        weight[k] = math.exp(-0.5 * ((k - reach) * h / spread) ** 2)
    total = weight.sum()
    for k in range(out.size):
        part = 0.0
        for j in range(weight.size):
            part += weight[j] * density[k + j]
        out[k] += peak + math.log(max(part / total, _LEAST))


@compiled
def _moved_apart(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    samples: Array, tables: Array, group: Array, h: float, first: int, out: Array
) -> None:
    """Adds the log-likelihood of a group whose shared errors move its members apart: a sum over draws."""
    members, draws = int(group[0]), int(group[1])
    for k in range(out.size):
        place, peak, weight = 3 + members, -np.inf, 0.0
        for _ in range(draws):
            part = group[place]
            for j in range(members):
                i = int(group[3 + j])
                part += _log_m(samples, tables, i, (first + k) * h + samples[i, 6] + group[place + 1 + j])
            place += 1 + members
            if part > peak:
                weight = weight * math.exp(peak - part) + 1.0
                peak = part
            else:
                weight += math.exp(part - peak)
        out[k] += peak + math.log(weight)


@compiled
def _distance_step(samples: Array, prior: Prior, s: float) -> float:
    """Step of the lattice of the distance at one slope: finer where more samples speak about the leukaemia."""
    n = samples.shape[0]
    top = max(samples[n - 1, 5], prior.background_mean) + _ABOVE
    known = 1.0 / (prior.level_sd * prior.level_sd)
    for i in range(n):
        d = top + s * samples[i, 0] - prior.background_mean - samples[i, 1]
        share = 1.0 / (1.0 + 10.0 ** min(max(-d, -9.0), 9.0))
        known += samples[i, 4] * share * share
    return min(prior.step_distance / math.sqrt(known), _COARSEST)


@compiled
def _inner(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, s: float, d: float, h: float, window: Array, held: Array
) -> tuple[float, int, int]:
    """Log of the density summed over the level, first point of its lattice and where `held` begins.

    `window` holds first and last point to begin with, and is renewed. Where all is normal, `held` stays empty.
    """
    bend = _quadratic(series, prior, s, d)
    p, q, r = bend
    if series.alone.size == 0 and series.groups.size == 0:
        centre, reach = round(q / p / h), int(math.sqrt(2.0 * DEPTH / p) / h) + 2
        window[0], window[1] = centre - reach, centre + reach
        return -0.5 * (r - q * q / p) + 0.5 * math.log(2.0 * math.pi / p), centre - reach, 0
    first, last = int(window[0]) - 1, int(window[1]) + 1
    at = (held.size - (last - first)) // 2
    origin = at - first
    _fill(series, bend, h, first, held, at, last - first + 1)
    peak_at = first + int(np.argmax(held[at : origin + last + 1]))
    peak = held[origin + peak_at]
    for side in (-1, 1):
        edge = first if side < 0 else last
        while (held[origin + edge] >= peak - DEPTH or edge == peak_at) and (
            _CHUNK < origin + edge < held.size - _CHUNK - 1
        ):
            begin = edge - _CHUNK if side < 0 else edge + 1
            _fill(series, bend, h, begin, held, origin + begin, _CHUNK)
            for k in range(begin, begin + _CHUNK):
                if held[origin + k] > peak:
                    peak, peak_at = held[origin + k], k
            edge += side * _CHUNK
        if side < 0:
            first = edge
        else:
            last = edge
    limit = peak - DEPTH
    while held[origin + first + 1] < limit and first + 1 < peak_at:
        first += 1
    while held[origin + last - 1] < limit and last - 1 > peak_at:
        last -= 1
    total = 0.0
    for k in range(first, last + 1):
        total += math.exp(held[origin + k] - peak)
    window[0], window[1] = first, last
    return peak + math.log(total * h), first, origin + first


@compiled
def _add(one: float, other: float) -> float:
    if other == -np.inf:
        return one
    if one == -np.inf:
        return other
    if one < other:
        one, other = other, one
    return one + math.log1p(math.exp(other - one))


@compiled
def _row(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, s: float, near: Array, floor: float, held: Array
) -> float:
    """Log of the density of the slope; `near` holds where the last row had its peak, and is renewed."""
    h = prior.step
    if not prior.background:
        return _inner(series, prior, s, 0.0, h, near[1:], held)[0]
    fine = _distance_step(series.samples, prior, s)
    centre, start, window = round(near[0] / fine), near[1:].copy(), near[1:].copy()
    total = high = opening = -np.inf
    for direction in (1, -1):
        k, before = (centre if direction == 1 else centre - 1), (-np.inf if direction == 1 else opening)
        if direction == -1:
            window[:] = start
        for _ in range(_MOST_STEPS):
            d, stretch = _distance(k * fine, s, prior)
            one = _inner(series, prior, s, d, h, window, held)[0] + math.log(stretch * fine)
            if k == centre:
                opening = one
                start[:] = window
            if one > high:
                high = one
                near[0], near[1], near[2] = k * fine, window[0], window[1]
            if one < max(high, floor) - _DEEPER and one <= before:
                break
            total = _add(total, one)
            before = one
            k += direction
    return total


@inlined
def _widened(away: float, width: float) -> float:
    """How much deeper a density must be followed so far from its mode: what lies there is as wide as it is far."""
    return math.log(max(away / width, 1.0))


@compiled
def _bounds(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series, prior: Prior, start: Array, width: float, held: Array
) -> Array:
    """Mode of the slope, and where nothing to speak of is left on either side."""
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
    result = np.array([s, s, s, near[0], near[1], near[2], best])
    for side in (1, 2):
        direction = -1.0 if side == 1 else 1.0
        inner, outer, trial = 0.0, width, near.copy()
        for _ in range(60):
            floor = best - _widened(outer, width)
            if _row(series, prior, s + direction * outer, trial, floor, held) < floor - DEPTH:
                break
            inner, outer = outer, 1.7 * outer
        for _ in range(4):
            half = 0.5 * (inner + outer)
            floor = best - _widened(half, width)
            if _row(series, prior, s + direction * half, trial, floor, held) < floor - DEPTH:
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
    start : ndarray of float, shape (4,)
        Slope to start from; about where the distance is, and between which points of its lattice the level.
    width : float
        First stride of the search.
    held : ndarray of float
        Room for an inner lattice.
    out : ndarray of float, shape (MOST_ROWS, 5)
        Slope, log-density in v, distance at the inner peak and points of the level there.

    Returns
    -------
    tuple of (int, float, float, float)
        Number of points, and the lattice: centre, scale, step of v. Fewer than 0 points where the lattice
        stayed too coarse.
    """
    found = _bounds(series, prior, start, width, held)
    centre, best = found[0], found[6]
    scale = 0.7 * min(centre - found[1], found[2] - centre)
    v_low, v_high = math.asinh((found[1] - centre) / scale), math.asinh((found[2] - centre) / scale)
    rows = 2 * _FIRST_ROWS + 1
    step = (v_high - v_low) / (rows - 1)
    near = found[3:6].copy()
    for k in range(rows):
        v = v_low + k * step
        s = centre + scale * math.sinh(v)
        floor = best - math.log(math.cosh(v))
        out[k, 1] = _row(series, prior, s, near, floor, held) + math.log(scale * math.cosh(v))
        out[k, 0] = s
        out[k, 2:] = near
    while 2 * rows - 1 <= MOST_ROWS:
        for k in range(rows - 1, 0, -1):
            out[2 * k] = out[k]
        worst, peak = 0.0, best + math.log(scale)
        for k in range(rows - 1):
            v = v_low + (k + 0.5) * step
            s = centre + scale * math.sinh(v)
            near[:] = out[2 * k, 2:]
            floor = best - math.log(math.cosh(v))
            value = _row(series, prior, s, near, floor, held) + math.log(scale * math.cosh(v))
            at = 2 * k + 1
            out[at, 0], out[at, 1] = s, value
            out[at, 2:] = near
            if 0 < k < rows - 2:
                guess = (9.0 * (out[at - 1, 1] + out[at + 1, 1]) - out[at - 3, 1] - out[at + 3, 1]) / 16.0
                worst = max(worst, abs(math.exp(min(guess - peak, 50.0)) - math.exp(min(value - peak, 50.0))))
        rows, step = 2 * rows - 1, 0.5 * step
        if worst < _TOLERANCE:
            return rows, centre, scale, step
    return -rows, centre, scale, step


@compiled
def inner_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    series: Series,
    prior: Prior,
    lattice: Array,
    grid: Array,
    stride: int,
    finer: float,
    floor: float,
    held: Array,
) -> tuple[Array, Array]:
    """Inner lattices of every `stride`-th slope, one after another.

    Parameters
    ----------
    series : Series
        Samples.
    prior : Prior
        Priors and inner steps.
    lattice : ndarray of float, shape (rows, 5)
        From `slope_lattice`.
    grid : ndarray of float, shape (3,)
        Its centre, scale and step.
    stride : int
        Which rows.
    finer : float
        Share of the step of the level to take.
    floor : float
        log-density of the peak: what lies too deep below it is left out, deeper far from the mode.
    held : ndarray of float
        Room for an inner lattice.

    Returns
    -------
    tuple of ndarray
        Heads, shape (m, 7): row, slope, distance, step, first point in steps, number of points, where its
        values start; and the values, one after another.
    """
    heads, used = np.empty((256, 7)), 0
    values, filled = np.empty(8192), 0
    h = finer * prior.step
    window = np.empty(2)
    for r in range(0, lattice.shape[0], stride):
        s = lattice[r, 0]
        fine = _distance_step(series.samples, prior, s) if prior.background else 1.0
        centre = round(lattice[r, 2] / fine)
        deep = floor - _DEEPER - _widened(abs(s - grid[0]), grid[1])
        for direction in (1, -1):
            k = centre if direction == 1 else centre - 1
            window[0], window[1] = math.floor(lattice[r, 3] / finer), math.ceil(lattice[r, 4] / finer)
            for _ in range(_MOST_STEPS):
                d, stretch = _distance(k * fine, s, prior) if prior.background else (0.0, 1.0)
                density, first, begin = _inner(series, prior, s, d, h, window, held)
                outer = math.log(stretch * fine)
                if density + outer < deep:
                    break
                number = int(window[1]) - first + 1
                if used == heads.shape[0]:
                    more = np.empty((2 * used, 7))
                    more[:used] = heads
                    heads = more
                while filled + number > values.size:
                    longer = np.empty(2 * values.size)
                    longer[:filled] = values[:filled]
                    values = longer
                if series.alone.size == 0 and series.groups.size == 0:
                    _fill(series, _quadratic(series, prior, s, d), h, first, held, begin, number)
                values[filled : filled + number] = held[begin : begin + number] + outer
                heads[used] = np.array([r, s, d, h, first, number, filled])
                used += 1
                filled += number
                k += direction
                if not prior.background:
                    break
            if not prior.background:
                break
    return heads[:used], values[:filled]
