"""Exponential change of a course from the likelihoods of its samples: posterior of slope, level and background.

In: days from the last sample and tables of log M (`remnant.numerics.growth_tables`), one series after another.
Out: log10 a day and log10 of the unit of the samples. A sample in which nothing was detected enters as the
likelihood that it is; nothing here guesses a stand-in value.

Model: ``log10 y(t) = a + s t``, or ``log10(10**(beta + shift(t)) + 10**(a + s t))`` with a background; each
sample lies around its ``y`` by errors of its own (inside M) and by draws that it shares with other samples of
its group. Priors: s Student t around 0; a flat, or normal with a background; beta normal.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics import growth_summary as summary
from remnant.numerics.growth_kernels import MOST_ROOM, MOST_ROWS, Prior, Series, inner_rows, slope_lattice
from remnant.numerics.growth_tables import Tables

__all__ = [
    "MOST_SHARED",
    "Background",
    "Growth",
    "GrowthTask",
    "SharedDraws",
    "SlopePrior",
    "doubling_days",
    "fit_growth",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_SHARED: Final = 3
"""Most draws that one group of samples may share crosswise."""

_LN2_LOG10: Final = math.log10(2.0)
_STEP: Final = 0.9  # of the narrowest width a lattice may meet
_STEP_DRAWN: Final = 0.95  # the same, of an error that moves samples alike
_MOST_NARROWED: Final = 4.0
_FINER: Final = 0.6
_ROWS_SHOWN: Final = 24
_ROWS_CROSSING: Final = 96
_QUADRATURE: Final = ((0.3, 5), (0.5, 7), (0.7, 9), (1.0, 15), (1.5, 27), (math.inf, 61))


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopePrior:
    """What is known of a slope before the samples: Student t around 0.

    Attributes
    ----------
    scale : float
        log10 a day.
    degrees_of_freedom : float
        Fewer make steep rises and falls likelier.
    """

    scale: float
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Level of normal cells in the course, log10.

    Attributes
    ----------
    mean, sd : float
        Prior of its level.
    leukaemia_mean, leukaemia_sd : float
        Prior of the leukaemia's own level at the last sample.
    """

    mean: float
    sd: float
    leukaemia_mean: float
    leukaemia_sd: float


@dataclass(frozen=True, slots=True, eq=False)
class SharedDraws:
    """Errors that some samples of a series share.

    Attributes
    ----------
    member : tuple of int
        Samples of the group, counted within the series.
    loading_log10 : ndarray of float, shape (len(member), r)
        What a draw of one standard deviation moves each of them, one column a draw.
    """

    member: tuple[int, ...]
    loading_log10: Floats


@dataclass(frozen=True, slots=True, eq=False)
class GrowthTask:
    """One series to fit.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Its samples: rows of the tables, by date.
    day : ndarray of float, shape (n,)
        Days from the last sample, the last one 0.
    shift_log10 : ndarray of float, shape (n,)
        Rise of the background at each sample.
    informative : ndarray of bool, shape (n,)
        Samples whose likelihood has a maximum; where the search begins.
    private_sd : ndarray of float, shape (n,)
        Error that the tables hold, log10.
    background : Background or None
        None where the course is the leukaemia alone.
    shared : tuple of SharedDraws
        Groups; no sample in two of them.
    log10_levels : tuple of float
        Levels whose date of crossing is asked.
    shown_days : ndarray of float, shape (d,)
        Days from the last sample on which the course is asked.
    """

    rows: Integers
    day: Floats
    shift_log10: Floats
    informative: NDArray[np.bool_]
    private_sd: Floats
    background: Background | None
    shared: tuple[SharedDraws, ...] = ()
    log10_levels: tuple[float, ...] = ()
    shown_days: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """Posterior of one series.

    Attributes
    ----------
    slope : ndarray of float, shape (p,)
        Quantiles of the slope at the probabilities asked, log10 a day.
    probability_growth : float
        P(slope > 0).
    crossing_days : ndarray of float, shape (len(log10_levels), p)
        Days after the last sample by which each level is reached with each probability; infinity where it is
        not before the horizon, 0 where it was at the last sample.
    shown_mean, shown_sd : ndarray of float, shape (d,)
        log10 of the course on the days asked, and its standard deviation.
    converged : bool
        False where the lattice stayed too coarse; the figures then are not to be used.
    """

    slope: Floats
    probability_growth: float
    crossing_days: Floats
    shown_mean: Floats
    shown_sd: Floats
    converged: bool


def doubling_days(slope_log10_per_day: float) -> float:
    """Days in which an amount doubles; negative: days in which it halves.

    Parameters
    ----------
    slope_log10_per_day : float
        Slope, not 0.

    Returns
    -------
    float
        ``log10(2) / slope``.

    References
    ----------
    .. [1] Ommen et al., Blood 115, 198-205 (2010): doubling times of relapse; days per log10 are the
       reciprocal of the slope.

    Examples
    --------
    >>> round(doubling_days(1 / 119.6), 1)
    36.0
    """
    return _LN2_LOG10 / slope_log10_per_day


def fit_growth(
    tasks: Sequence[GrowthTask],
    tables: Tables,
    *,
    slope: SlopePrior,
    probabilities: tuple[float, ...] = (0.025, 0.5, 0.975),
    horizon_days: float = 1826.0,
) -> list[Growth]:
    """Posterior of each series.

    Parameters
    ----------
    tasks : sequence of GrowthTask
        Series, each with at least two days.
    tables : Tables
        log M of all samples.
    slope : SlopePrior
        Prior of the slope.
    probabilities : tuple of float, default (.025, .5, .975)
        Quantiles asked, ascending.
    horizon_days : float, default 1826
        Days after the last sample beyond which no date is given.

    Returns
    -------
    list of Growth
        In the order of the tasks.

    Notes
    -----
    The density of the slope is summed over level and background at every point of its lattice, and the
    lattice is halved until a cubic through every second point gives the points between to 1e-4 of the peak;
    the halved one is used, with a spline, which is some hundred times closer.

    Examples
    --------
    >>> from remnant.numerics.growth_tables import GAUSSIAN, Likelihoods, tabulated
    >>> level, n = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    >>> seen = Likelihoods(np.full(3, GAUSSIAN), n, n, np.zeros((3, 2)), n, level, np.full(3, 0.1))
    >>> task = GrowthTask(np.arange(3), np.array([-60.0, -30.0, 0.0]), n, np.ones(3, bool), np.full(3, 0.2), None)
    >>> [got] = fit_growth([task], tabulated(seen, np.full(3, 0.2)), slope=SlopePrior(scale=0.1, degrees_of_freedom=3.0))
    >>> got.slope.round(3).tolist(), round(float(doubling_days(got.slope[1])), 2)
    ([0.023, 0.033, 0.044], 9.06)
    """
    fit = functools.partial(
        _fit, tables=tables, slope=slope, asked=np.array(probabilities), horizon=horizon_days
    )
    if len(tasks) < 2:
        return [fit(task) for task in tasks]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(fit, tasks))


def _fit(task: GrowthTask, *, tables: Tables, slope: SlopePrior, asked: Floats, horizon: float) -> Growth:
    held, room = np.empty(MOST_ROOM), np.empty((MOST_ROWS + 1, 5))
    prior = _prior(task, tables, slope)
    series = _series(task, tables, prior.step)
    start, width = _start(task, series, prior)
    rows, centre, scale, step = slope_lattice(series, prior, start, width, held, room)
    lattice, grid = room[: abs(rows)].copy(), np.array([centre, scale, step])
    quantiles, growing = summary.slope_quantiles(lattice, grid, asked)
    crossing = np.full((len(task.log10_levels), len(asked)), np.inf)
    mean = sd = np.zeros(0)
    if task.log10_levels or len(task.shown_days):
        peak = float((lattice[:, 1] - np.log(np.hypot(scale, lattice[:, 0] - centre))).max())
        wanted, finer = (_ROWS_CROSSING, _FINER) if task.log10_levels else (_ROWS_SHOWN, 1.0)
        stride = max(1, (len(lattice) - 1) // wanted)
        heads, values = inner_rows(series, prior, lattice, grid, stride, finer, peak, held)
        values -= values.max()
        curvature, above, share = summary.prepared(heads, values, grid)
        for i, level in enumerate(task.log10_levels):
            crossing[i] = summary.crossing_days(
                heads, values, curvature, above, share, prior, level, asked, horizon
            )
        mean, sd = summary.moments(heads, values, share, prior, task.shown_days)
    return Growth(quantiles, float(growing), crossing, mean, sd, rows > 0)


def _prior(task: GrowthTask, tables: Tables, slope: SlopePrior) -> Prior:
    sharpest = tables.sharpest[task.rows]
    known = float(sharpest.sum())
    clear = np.where(task.informative, sharpest, 0.0)
    b = task.background
    return Prior(
        slope_scale=slope.scale,
        slope_freedom=slope.degrees_of_freedom,
        background=b is not None,
        background_mean=b.mean if b else 0.0,
        background_sd=b.sd if b else 1.0,
        level_mean=b.leukaemia_mean if b else 0.0,
        level_sd=b.leukaemia_sd if b else 1.0,
        step=_level_step(task, tables, known + (1.0 / b.sd**2 + 1.0 / b.leukaemia_sd**2 if b else 0.0)),
        step_distance=_STEP,
        middle=0.0 if b else float(clear @ task.day / clear.sum()),
        span=float(-task.day[0]),
    )


def _start(task: GrowthTask, series: Series, prior: Prior) -> tuple[Floats, float]:
    """Slope, inner places and stride to begin with, by least squares over the samples with a maximum."""
    weight = np.where(task.informative, series.samples[:, 4], 0.0)
    centre = weight @ task.day / weight.sum()
    away = task.day - centre
    spread = float(weight @ away**2) + 1.0 / prior.slope_scale**2
    level = float(weight @ series.samples[:, 5] / weight.sum())
    slope = float(weight @ (away * (series.samples[:, 5] - level)) / spread)
    width = max(1.0 / math.sqrt(spread), 1e-6)
    if prior.background:
        at, distance = prior.background_mean, float(series.samples[:, 5][-1]) - prior.background_mean
        slope, width = max(slope, 0.0), 4.0 * width
    else:
        at, distance = level + slope * (prior.middle - centre), 0.0
    point = round(at / prior.step)
    return np.array([slope, distance, point - 7, point + 7]), width


def _level_step(task: GrowthTask, tables: Tables, known: float) -> float:
    step = _STEP / math.sqrt(known)
    drawn = [_alike(task, tables, group) for group in task.shared]
    return min([step, *(one[1] for one in drawn if one is not None and one[1] * _MOST_NARROWED > step)])


def _alike(task: GrowthTask, tables: Tables, group: SharedDraws) -> tuple[float, float] | None:
    """Spread of an error that moves all members alike, and the step it needs; None if it does not."""
    loading = group.loading_log10
    if loading.shape[1] > 1 or np.ptp(loading) > 0.0:
        return None
    spread = float(abs(loading[0, 0]))
    known = float(tables.sharpest[task.rows[list(group.member)]].sum())
    return spread, _STEP_DRAWN / math.sqrt(1.0 / spread**2 + known)


def _series(task: GrowthTask, tables: Tables, step: float) -> Series:
    rows = task.rows
    normal = tables.normal[rows]
    taken = {i for group in task.shared for i in group.member}
    precise = [np.array([[i, i, tables.sharpest[rows[i]]]]) for i in np.flatnonzero(normal) if i not in taken]
    packed: list[Floats] = []
    for group in task.shared:
        member = np.array(group.member)
        if normal[member].all():
            precise.append(_precision(tables.sharpest[rows[member]], group))
            continue
        alike = _alike(task, tables, group)
        if alike is not None and alike[1] >= step:
            packed.append(np.array([len(member), 0, alike[0], *member], dtype=float))
            continue
        weight, error = _draws(task, tables, group)
        packed.append(np.array([len(member), len(weight), 0.0, *member], dtype=float))
        packed.append(np.column_stack([weight, error]).ravel())
    samples = np.empty((len(rows), 7))
    samples[:, 0], samples[:, 1] = task.day, task.shift_log10
    samples[:, 2], samples[:, 3] = tables.start[rows], tables.step[rows]
    samples[:, 4], samples[:, 5] = tables.sharpest[rows], tables.guess[rows]
    return Series(
        samples=samples,
        tables=tables.log_m[rows],
        normal=np.concatenate(precise) if precise else np.zeros((0, 3)),
        alone=np.array([i for i in range(len(rows)) if i not in taken and not normal[i]], dtype=np.int64),
        groups=np.concatenate(packed) if packed else np.zeros(0),
    )


def _precision(precision: Floats, group: SharedDraws) -> Floats:
    """Precision matrix of normal samples that share errors, entry by entry."""
    matrix = np.linalg.inv(np.diag(1.0 / precision) + group.loading_log10 @ group.loading_log10.T)
    member = np.array(group.member, dtype=float)
    one, other = np.meshgrid(member, member, indexing="ij")
    return np.column_stack([one.ravel(), other.ravel(), matrix.ravel()])


def _draws(task: GrowthTask, tables: Tables, group: SharedDraws) -> tuple[Floats, Floats]:
    """Log weights of the draws of a group, and what each does to its members."""
    member = np.array(group.member)
    narrowest = 1.0 / np.sqrt(tables.sharpest[task.rows[member]].sum())
    per_draw = []
    for column in group.loading_log10.T:
        ratio = float(np.abs(column).max()) / narrowest
        points = next(number for limit, number in _QUADRATURE if ratio < limit)
        per_draw.append(_normal_nodes(points))
    combined = list(itertools.product(*(range(len(z)) for z, _ in per_draw)))
    z = np.array([[per_draw[j][0][i] for j, i in enumerate(one)] for one in combined])
    log_weight = np.array([sum(per_draw[j][1][i] for j, i in enumerate(one)) for one in combined])
    return log_weight, z @ group.loading_log10.T


@functools.cache
def _normal_nodes(points: int) -> tuple[Floats, Floats]:
    """Gauss-Hermite nodes and log weights of the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return nodes, np.log(weights) - 0.5 * math.log(2.0 * math.pi)
