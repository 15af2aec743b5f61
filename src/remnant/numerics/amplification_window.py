"""What is read off a curve itself: third-derivative cycle, baseline, window of linearity, cycles at a fluorescence.

The window of linearity is the last `length` cycles up to the second-derivative maximum. The baseline is the
constant that makes ``log10(F - baseline)`` straight there: the slopes of its lower and upper half agree. The
slope is log10 of the amplification factor (2 for perfect doubling).

References
----------
Ruijter et al., Amplification efficiency: linking baseline and bias in the analysis of quantitative PCR data,
Nucleic Acids Research 37, e45 (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled
from remnant.numerics.reading_noise import ReadingNoise, moved_variance

__all__ = ["Windows", "read_windows"]

Floats = NDArray[np.float64]
Array = NDArray[Any]

_HALVINGS: Final = 44


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What was read off each curve, columnar; NaN where it could not be.

    Attributes
    ----------
    third_derivative : ndarray, shape (n,)
        Cycle at which the third difference changes sign before the steepest rise, TD0.
    baseline : ndarray, shape (n,)
        Fluorescence.
    log10_factor, log10_factor_se : ndarray, shape (n,)
        Slope of log10 fluorescence over the baseline a cycle, and its standard error about the line.
    window_cycles : ndarray of int, shape (n,)
        Cycles in the window; 0 without one.
    share_cycle : ndarray, shape (n,)
        Cycle at which fluorescence over the baseline reaches the given share of the height.
    share_error : ndarray, shape (n,)
        Standard error of that cycle; NaN where no noise was given.
    level_cycle, level_error : ndarray, shape (n,)
        The same where the fluorescence is given instead of a share; NaN without one.
    """

    third_derivative: Floats
    baseline: Floats
    log10_factor: Floats
    log10_factor_se: Floats
    window_cycles: NDArray[np.int64]
    share_cycle: Floats
    share_error: Floats
    level_cycle: Floats
    level_error: Floats


@compiled
def _filled(x: Array, row: Array, out: Array) -> tuple[int, int]:
    """The row with inner gaps bridged by straight lines; first and one past last reading."""
    first, last = -1, 0
    before = -1
    for i in range(row.size):
        if not math.isfinite(row[i]):
            continue
        if first < 0:
            first = i
        elif i > before + 1:
            for k in range(before + 1, i):
                out[k] = row[before] + (row[i] - row[before]) * (x[k] - x[before]) / (x[i] - x[before])
        out[i] = row[i]
        before = i
        last = i + 1
    return max(first, 0), last


@compiled
def _bridged(row: Array, start: int, end: int, many: int) -> bool:
    """Whether so many neighbouring readings of a stretch are missing: a straight line is no exponential rise."""
    gap = 0
    for i in range(start, end):
        gap = 0 if math.isfinite(row[i]) else gap + 1
        if gap >= many:
            return True
    return False


@compiled
def _third_derivative(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, y: Array, first: int, last: int, work: Array
) -> float:
    """Where the third difference of the 1-2-1 smoothed curve falls through zero before its steepest rise."""
    n = last - first
    if n < 6:
        return math.nan
    for i in range(n):
        below, above = y[first + max(i - 1, 0)], y[first + min(i + 1, n - 1)]
        work[i] = 0.25 * below + 0.5 * y[first + i] + 0.25 * above
    steepest, most = 1, -math.inf
    for i in range(1, n):
        if work[i] - work[i - 1] > most:
            steepest, most = i, work[i] - work[i - 1]
    top, most = -1, -math.inf
    for i in range(2, min(steepest + 1, n - 2)):
        bend = work[min(i + 2, n - 1)] - work[i + 1] - work[i - 1] + work[i - 2]
        if bend > most:
            top, most = i, bend
    if top < 0:
        return math.nan
    best, distance = math.nan, math.inf
    for i in range(n - 4):
        here = work[i + 3] - 3.0 * work[i + 2] + 3.0 * work[i + 1] - work[i]
        after = work[i + 4] - 3.0 * work[i + 3] + 3.0 * work[i + 2] - work[i + 1]
        if here > 0.0 >= after and abs(i + 2 - top) < distance:
            distance = abs(i + 2 - top)
            step = x[first + i + 2] - x[first + i + 1]
            best = 0.5 * (x[first + i + 1] + x[first + i + 2]) + step * here / (here - after)
    return best


@compiled
def _line(x: Array, logs: Array, first: int, last: int) -> tuple[float, float, float]:
    """Slope, intercept and squared standard error of the slope of a straight line."""
    n = last - first
    mx = my = 0.0
    for i in range(first, last):
        mx += x[i] / n
        my += logs[i] / n
    xx = xy = 0.0
    for i in range(first, last):
        xx += (x[i] - mx) ** 2
        xy += (x[i] - mx) * (logs[i] - my)
    slope = xy / xx
    rest = 0.0
    for i in range(first, last):
        rest += (logs[i] - my - slope * (x[i] - mx)) ** 2
    return slope, my - slope * mx, rest / (max(n - 2, 1) * xx)


@compiled
def _bent(x: Array, y: Array, baseline: float, logs: Array) -> float:
    """Slope of the upper half of the window less that of the lower half."""
    n = y.size
    for i in range(n):
        logs[i] = math.log10(y[i] - baseline)
    half = n // 2
    below, _, _ = _line(x, logs, 0, n - half)
    above, _, _ = _line(x, logs, half, n)
    return above - below


@compiled
def _baseline(x: Array, y: Array, logs: Array) -> float:
    """The constant under a window that makes its logarithm straight; NaN if none does."""
    low, high = math.inf, -math.inf
    for value in y:
        low, high = min(low, value), max(high, value)
    spread = high - low
    if not spread > 0.0:
        return math.nan
    below, above = low - 100.0 * spread, low - 1e-9 * spread
    if _bent(x, y, below, logs) < 0.0:
        return math.nan
    if _bent(x, y, above, logs) > 0.0:
        return above
    for _ in range(_HALVINGS):
        middle = 0.5 * (below + above)
        if _bent(x, y, middle, logs) > 0.0:
            below = middle
        else:
            above = middle
    return 0.5 * (below + above)


@compiled
def _crossing(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, y: Array, first: int, last: int, level: float, baseline: float, pull: Array
) -> tuple[float, int]:
    """Last upward crossing of a level, linear on the logarithm over the baseline.

    Gives its cycle and the reading after it, or -1, and in `pull` how the two readings move it.
    """
    for i in range(last - 1, first, -1):
        if y[i - 1] - baseline < level <= y[i] - baseline:
            step = x[i] - x[i - 1]
            above, below = y[i] - baseline, y[i - 1] - baseline
            if below > 0.05 * level:
                rise = math.log(above / below)
                part = math.log(level / below) / rise
                pull[0], pull[1] = (part - 1.0) / (rise * below), -part / (rise * above)
            else:
                part = (level - below) / (above - below)
                pull[0], pull[1] = (part - 1.0) / (above - below), -part / (above - below)
            pull[0] *= step
            pull[1] *= step
            return x[i - 1] + step * part, i
    return math.nan, -1


@compiled
def _moves(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array, y: Array, start: int, end: int, after: int, baseline: float, pull: Array, move: Array
) -> tuple[int, int]:
    """What a unit of fluorescence at each reading moves a crossing by; first and one past last of them.

    The two readings about the crossing move it themselves; every reading of the window moves it through the
    baseline, which keeps the slopes of both halves equal.
    """
    low, high = min(start, after - 1), max(end, after + 1)
    for k in range(low, high):
        move[k] = 0.0
    half = (end - start) // 2
    total = 0.0
    for side in range(2):
        begin = start + half if side else start
        stop = end if side else end - half
        n = stop - begin
        middle = spread = 0.0
        for k in range(begin, stop):
            middle += x[k] / n
        for k in range(begin, stop):
            spread += (x[k] - middle) ** 2
        for k in range(begin, stop):
            share = (x[k] - middle) / spread / (y[k] - baseline)
            move[k] += share if side else -share
            total += share if side else -share
    scale = -(pull[0] + pull[1]) / total if total else 0.0
    for k in range(start, end):
        move[k] *= scale
    move[after - 1] += pull[0]
    move[after] += pull[1]
    return low, high


@compiled
def _window_rows(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    x: Array,
    fluorescence: Array,
    ends: Array,
    levels: Array,
    lengths: Array,
    profile: Array,
    standardised: Array,
    out: Array,
) -> None:
    rows, cycles = fluorescence.shape
    y, work, logs, pull = np.empty(cycles), np.empty(cycles), np.empty(cycles), np.empty(2)
    for row in range(rows):
        out[row, :] = math.nan
        out[row, 4] = 0.0
        first, last = _filled(x, fluorescence[row], y)
        out[row, 0] = _third_derivative(x, y, first, last, work)
        if not math.isfinite(ends[row, 0]):
            continue
        end = first
        while end < last and x[end] <= ends[row, 0]:
            end += 1
        start = max(end - lengths[0], first)
        if end - start < lengths[1] or _bridged(fluorescence[row], start, end, 2):
            continue
        out[row, 1] = _baseline(x[start:end], y[start:end], logs)
        if not math.isfinite(out[row, 1]):
            continue
        for i in range(start, end):
            logs[i] = math.log10(y[i] - out[row, 1])
        out[row, 2], _, variance = _line(x, logs, start, end)
        out[row, 3] = math.sqrt(variance)
        out[row, 4] = end - start
        stop = first
        while stop < last and not x[stop] > ends[row, 1]:
            stop += 1
        for k in range(2):
            level = levels[row, k]
            cycle, after = _crossing(x, y, first, min(stop + 1, last), level, out[row, 1], pull)
            if after > 0 and _bridged(fluorescence[row], after - 1, after + 1, 1):
                continue
            out[row, 5 + 2 * k] = cycle
            if after > 0:
                low, high = _moves(x, y, start, end, after, out[row, 1], pull, work)
                variance = moved_variance(work[low:high], low, profile[row], standardised[row])
                out[row, 6 + 2 * k] = math.sqrt(variance)


def read_windows(
    cycles: Floats,
    fluorescence: Floats,
    *,
    second_derivative: Floats,
    steepest: Floats,
    height: Floats,
    share: float,
    longest: int,
    shortest: int,
    level: Floats | None = None,
    noise: ReadingNoise | None = None,
) -> Windows:
    """Third-derivative cycle, baseline, amplification factor and share cycle of each curve.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers, increasing.
    fluorescence : ndarray, shape (n, k)
        A curve a row; inner NaN are bridged by straight lines. A window that lacks two neighbouring readings is
        none, and a share cycle is read between two readings that are there.
    second_derivative, steepest : ndarray, shape (n,)
        Second- and first-derivative maximum of the fitted sigmoid; NaN for a curve without.
    height : ndarray, shape (n,)
        Rise of the fitted sigmoid from floor to plateau, fluorescence.
    share : float
        Share of the height at which a cycle is read.
    longest, shortest : int
        Most and fewest cycles of the window.
    level : ndarray, shape (n,), or None, default None
        Fluorescence over the baseline at which a second cycle is read; None for none.
    noise : ReadingNoise or None, default None
        Noise of the readings, for standard errors; None for none.

    Returns
    -------
    Windows
        One a row.

    References
    ----------
    .. [1] Ruijter et al., Nucleic Acids Research 37, e45 (2009): baseline by equal slopes, window of linearity.

    Examples
    --------
    >>> cycles = np.arange(1.0, 41.0)
    >>> curve = 2.0 + 1.9 ** (cycles - 24.0)
    >>> end = np.array([23.5])
    >>> got = read_windows(cycles, curve[None], second_derivative=end, steepest=end + 2, height=np.array([20.0]),
    ...                    share=0.15, longest=8, shortest=4)
    >>> float(10 ** got.log10_factor[0].round(6)), got.baseline.round(4).tolist()
    (1.9..., [2.0])
    """
    out = np.empty((len(fluorescence), 9))
    ends = np.stack([second_derivative, steepest], axis=1)
    rows = np.ascontiguousarray(fluorescence, dtype=np.float64)
    levels = np.stack([share * height, np.full(len(height), np.nan) if level is None else level], axis=1)
    lengths = np.array([longest, shortest])
    if noise is None:
        unknown = np.full_like(rows, np.nan)
        noise = ReadingNoise(profile=unknown, standardised=unknown)
    grid = np.asarray(cycles, dtype=np.float64)
    _window_rows(grid, rows, ends, levels, lengths, noise.profile, noise.standardised, out)
    return Windows(
        third_derivative=out[:, 0],
        baseline=out[:, 1],
        log10_factor=out[:, 2],
        log10_factor_se=out[:, 3],
        window_cycles=out[:, 4].astype(np.int64),
        share_cycle=out[:, 5],
        share_error=out[:, 6],
        level_cycle=out[:, 7],
        level_error=out[:, 8],
    )
