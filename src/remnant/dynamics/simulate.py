"""Simulate a model: exactly, or with the hybrid leap that reaches 10^12 cells.

Every replicate has a random stream of its own, so results do not depend on the number of workers. Memory is
bounded and asked for in advance. A replicate that cannot finish raises; it never becomes a row of zeros.

Error of the leap: without feedback the mean has no step error; the standard deviation has one of second order
in the step (below 0.5 % at half a day and a growth of 0.08 per day). With feedback both are of second order.
`remnant.dynamics.step_check` measures it for a model at hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm

from remnant.dynamics.kernels import run_replicates
from remnant.dynamics.process import Process, type_indices
from remnant.dynamics.rules import (
    CROSSED,
    FINISHED,
    NEGATIVE,
    TOO_LARGE,
    TOO_MANY_EVENTS,
    Course,
    Rules,
    Stepping,
)
from remnant.errors import FitError, InputError
from remnant.numerics.streams import seed_words

__all__ = [
    "Method",
    "Settings",
    "Trajectories",
    "Watch",
    "expected_events",
    "simulate",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Method = Literal["leap", "exact"]

_WHY: Final = {
    TOO_MANY_EVENTS: "more events than the budget",
    TOO_LARGE: "more than 1e17 cells",
    NEGATIVE: "a step that would take more cells than there are",
}
_GIBIBYTE: Final = float(2**30)
_CHUNK: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to step.

    Attributes
    ----------
    method : {"leap", "exact"}
        Hybrid leap, or every event.
    step_days : float
        Longest step of the leap.
    largest_share : float
        A step is so short that a cell expects at most this many events in it.
    few_cells : float
        Types below this number are stepped exactly inside the leap.
    event_budget : float
        Exact stepping: events allowed in one replicate.
    memory_gib : float
        Largest result allowed.
    workers : int
        Threads; 0 takes one a core.
    """

    method: Method = "leap"
    step_days: float = 0.5
    largest_share: float = 0.25
    few_cells: float = 50.0
    event_budget: float = 1e9
    memory_gib: float = 2.0
    workers: int = 0

    def __post_init__(self) -> None:
        positive = (self.step_days, self.largest_share, self.few_cells, self.event_budget, self.memory_gib)
        if self.method not in {"leap", "exact"} or min(positive) <= 0.0 or self.largest_share > 0.5:
            raise InputError(
                where="simulation settings",
                found=f"{self}",
                needed="method leap or exact, positive numbers, at most half an event per cell and step",
                advice="The defaults suit most models.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Stop a replicate when a sum of cells reaches a limit from below.

    A sum that starts at or above the limit must first fall below half of it.

    Attributes
    ----------
    weights : mapping of str to float
        Weight of each type in the sum.
    limit_cells : float
        Limit.
    ceiling_cells : float
        Stops a replicate whatever came before, so that growth that never was below the limit ends, too.
    """

    weights: Mapping[str, float]
    limit_cells: float
    ceiling_cells: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trajectories:
    """What was simulated.

    Attributes
    ----------
    names : tuple of str, length k
        Types.
    days : ndarray, shape (t,)
        Output days.
    cells : ndarray, shape (n, t, k)
        Cells of each replicate; NaN after it crossed the watched limit.
    end_day : ndarray, shape (n,)
        Day of the crossing, or the last day.
    end_cells : ndarray, shape (n, k)
        Cells on that day.
    crossed : ndarray of bool, shape (n,)
        Whether the replicate crossed the watched limit or its ceiling.
    settings : Settings
        As used.
    seed : int
        As used.
    """

    names: tuple[str, ...]
    days: FloatArray
    cells: FloatArray
    end_day: FloatArray
    end_cells: FloatArray
    crossed: npt.NDArray[np.bool_]
    settings: Settings = field(default_factory=Settings)
    seed: int = 0

    def of(self, name: str) -> FloatArray:
        """Cells of one type.

        Parameters
        ----------
        name : str
            Type.

        Returns
        -------
        ndarray, shape (n, t)
            Cells.
        """
        cells: FloatArray = self.cells[:, :, self.names.index(name)]
        return cells


def simulate(
    process: Process | Sequence[Process],
    days: npt.ArrayLike,
    *,
    replicates: int,
    seed: int,
    settings: Settings | None = None,
    watch: Watch | None = None,
    starts: FloatArray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trajectories:
    """Replicates of a model.

    Parameters
    ----------
    process : Process or sequence of Process
        One, or draws of uncertain rates over the same cells and windows: each draw gets ``replicates / draws``
        replicates, in order.
    days : array_like, shape (t,)
        Increasing output days within the horizon.
    replicates : int
        How many; a multiple of the number of draws.
    seed : int
        Same seed, same result, whatever the number of workers.
    settings : Settings or None, default None
        How to step.
    watch : Watch or None, default None
        When to stop a replicate.
    starts : ndarray, shape (replicates, k), or None, default None
        Cells of each replicate on day 0, in place of the model's own.
    progress : callable or None, default None
        Called with the replicates done and all replicates.

    Returns
    -------
    Trajectories
        On the first day of a window: after its surviving share.

    Raises
    ------
    InputError
        If days, replicates, draws or memory do not fit.
    FitError
        If any replicate cannot finish; no partial result is given.

    Examples
    --------
    >>> from remnant.dynamics.model import CellType, Event, Model
    >>> from remnant.dynamics.process import compile_process
    >>> one = Model(
    ...     name="one type",
    ...     types=(CellType(name="blast"),),
    ...     events=(
    ...         Event(kind="self_renewal", source="blast", products=("blast", "blast"), rate_per_day=0.2),
    ...         Event(kind="death", source="blast", products=(), rate_per_day=0.12),
    ...     ),
    ...     start={"blast": 1000},
    ... )
    >>> result = simulate(compile_process(one, horizon_days=90.0), [90.0], replicates=400, seed=1)
    >>> bool(abs(result.of("blast").mean() / 1.339e6 - 1.0) < 0.02)
    True
    """
    chosen = settings or Settings()
    draws = (process,) if isinstance(process, Process) else tuple(process)
    wanted = np.atleast_1d(np.asarray(days, dtype=float))
    _check_request(draws, wanted, replicates, chosen)
    _check_starts(draws[0], starts, replicates)
    if chosen.method == "exact" and watch is None:
        _check_budget(draws, chosen)
    head = draws[0]
    k = len(head.names)
    weights = np.zeros(k)
    if watch is not None:
        weights[type_indices(head, tuple(watch.weights))] = list(watch.weights.values())
    cells = np.empty((replicates, wanted.size, k))
    ends, final = np.empty(replicates), np.empty((replicates, k))
    status = np.full(replicates, FINISHED, dtype=np.int64)
    breaks, pieces, thins, records = _intervals(head, wanted)
    order = np.argsort(head.source, kind="stable")
    rules = Rules(
        source=head.source,
        change=head.change,
        products=head.products,
        form=head.form,
        weights=head.weights,
        numbers=head.numbers,
        order=order,
        first=np.searchsorted(head.source[order], np.arange(k + 1)),
    )
    course = Course(
        breaks=breaks,
        pieces=pieces,
        thins=thins,
        records=records,
        rates=np.stack([draw.rates for draw in draws]),
        survival=np.stack([draw.survival for draw in draws]),
        starts=np.round(np.stack([draw.start for draw in draws]) if starts is None else starts),
    )
    stepping = Stepping(
        step_days=float(chosen.step_days),
        share=float(chosen.largest_share),
        few=float(chosen.few_cells),
        exact=chosen.method == "exact",
        budget=float(chosen.event_budget),
    )
    limits = np.array([np.inf, np.inf] if watch is None else [watch.limit_cells, watch.ceiling_cells])
    arguments = (seed_words(seed), rules, course, stepping, weights, limits, cells, ends, final, status)
    _run(arguments, replicates, chosen.workers or os.cpu_count() or 1, progress)
    _check_status(status)
    return Trajectories(
        names=head.names,
        days=wanted,
        cells=cells,
        end_day=ends,
        end_cells=final,
        crossed=status == CROSSED,
        settings=chosen,
        seed=seed,
    )


def expected_events(process: Process) -> float:
    """Events that exact stepping would have to draw, on average.

    Parameters
    ----------
    process : Process
        Compiled model without feedback.

    Returns
    -------
    float
        Events up to the horizon in one replicate.
    """
    mean, total = process.start, 0.0
    for piece, (begin, end) in enumerate(zip(process.edges[:-1], process.edges[1:], strict=True)):
        mean = mean * process.survival[piece]
        part = (end - begin) / 32
        onward = expm(process.generator(piece) * part)
        per_cell = np.bincount(process.source, process.rates[piece], minlength=mean.size)
        for _ in range(32):
            later = onward @ mean
            total += 0.5 * part * float(per_cell @ (mean + later))
            mean = later
    return total


def _check_request(draws: Sequence[Process], days: FloatArray, replicates: int, settings: Settings) -> None:
    problems = []
    if not draws:
        problems.append("no process")
    elif any(
        draw.names != draws[0].names or not np.array_equal(draw.edges, draws[0].edges) for draw in draws[1:]
    ):
        problems.append("draws with different types or windows")
    if draws and (replicates < 1 or replicates % len(draws)):
        problems.append(f"{replicates} replicates over {len(draws)} draws")
    if draws and (
        days.size == 0 or (np.diff(days) <= 0).any() or days[0] < 0 or days[-1] > draws[0].edges[-1]
    ):
        problems.append(f"output days outside 0 to {draws[0].edges[-1]:g}, or not increasing")
    needed = 8.0 * replicates * days.size * (len(draws[0].names) if draws else 0) / _GIBIBYTE
    if needed > settings.memory_gib:
        problems.append(f"a result of {needed:.1f} GiB where {settings.memory_gib:g} GiB are allowed")
    if problems:
        raise InputError(
            where="simulate",
            found=f"{len(problems)} problems",
            needed="draws of one model, a multiple of them in replicates, increasing days, a result that fits",
            advice="Ask for fewer days or replicates at a time.",
            problems=problems,
        )


def _check_starts(process: Process, starts: FloatArray | None, replicates: int) -> None:
    if starts is None:
        return
    if starts.shape != (replicates, len(process.names)) or not (starts >= 0.0).all():
        raise InputError(
            where="simulate, starts",
            found=f"shape {starts.shape}, least {np.min(starts, initial=0.0):g}",
            needed=f"shape {(replicates, len(process.names))} and no negative count",
            advice="Give one state a replicate.",
        )


def _check_budget(draws: Sequence[Process], settings: Settings) -> None:
    """Refuse before the first event what exact stepping cannot finish."""
    events = max((expected_events(draw) for draw in draws if draw.is_linear), default=0.0)
    if events > settings.event_budget:
        raise FitError(
            where="simulate, exact",
            found=f"{events:.1e} events expected in one replicate",
            needed=f"at most {settings.event_budget:.1e}",
            advice="Use the leap.",
        )


def _intervals(
    process: Process, days: FloatArray
) -> tuple[FloatArray, IntArray, npt.NDArray[np.bool_], IntArray]:
    """Intervals between outputs and window edges; a window that begins on the last output still thins it."""
    last = days[-1]
    edges = process.edges[:-1][process.edges[:-1] <= last]
    breaks = np.union1d(edges, days)
    if edges[-1] == last:
        breaks = np.append(breaks, last)
    pieces = np.searchsorted(process.edges[:-1], breaks[:-1], side="right") - 1
    records = np.full(breaks.size, -1, dtype=np.int64)
    records[np.searchsorted(breaks, days)] = np.arange(days.size)
    return breaks, pieces.astype(np.int64), np.isin(breaks[:-1], edges), records


def _run(
    arguments: tuple[Any, ...], replicates: int, workers: int, progress: Callable[[int, int], None] | None
) -> None:
    chunk = max(1, min(_CHUNK, -(-replicates // (4 * workers))))
    lows = range(0, replicates, chunk)
    done = 0
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = {
            pool.submit(run_replicates, low, min(low + chunk, replicates), *arguments): min(
                chunk, replicates - low
            )
            for low in lows
        }
        for future in as_completed(futures):
            future.result()
            done += futures[future]
            if progress is not None:
                progress(done, replicates)


def _check_status(status: IntArray) -> None:
    failed = [(why, int((status == code).sum())) for code, why in _WHY.items() if (status == code).any()]
    if failed:
        raise FitError(
            where="simulate",
            found="; ".join(f"{number} of {status.size} replicates with {why}" for why, number in failed),
            needed="every replicate to finish",
            advice="Watch a limit, shorten the horizon or the step, or raise the budget.",
        )
