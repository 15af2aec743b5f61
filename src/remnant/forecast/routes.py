"""What came of the simulated courses: outcomes, their days, what was there at diagnosis.

A *route* is a group of types named by the model. Probabilities are over the priors of the rates and over chance;
`low` and `high` say how far they move with the rates alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from remnant.dynamics.model import Model, Therapy
from remnant.dynamics.simulate import Trajectories
from remnant.numerics.detection import cells_to_see

__all__ = ["NO_RELAPSE", "REFRACTORY", "Diagnosis", "EscapeForecast", "RouteShare", "Scale", "summarise"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NO_RELAPSE = "no overt relapse"
REFRACTORY = "no remission"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis:
    """Courses grown to the burden at diagnosis.

    Attributes
    ----------
    draw : ndarray of int, shape (n,)
        Draw of the rates of every course.
    cells : ndarray, shape (n, k)
        State when therapy starts.
    presented : float
        Share of the grown courses that presented as this disease and were kept.
    """

    draw: IntArray
    cells: FloatArray
    presented: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Cells that count as overt and as seen.

    Attributes
    ----------
    overt_cells, seen_cells, ceiling_cells : float
        Shares of the marrow times its cells; at the ceiling a course that never remitted ends.
    """

    overt_cells: float
    seen_cells: float
    ceiling_cells: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteShare:
    """How often one outcome happened.

    Attributes
    ----------
    outcome : str
        Route, `NO_RELAPSE` or `REFRACTORY`.
    probability : float
        Over the prior and over chance.
    standard_error : float
        Monte-Carlo error, between draws.
    low, high : float
        5th and 95th percentile of the probability over the draws of the rates: what the rates leave open.
    median_days, early_days, late_days : float or None
        Median and 5th to 95th percentile of the day of relapse; None without a relapse.
    preexisting : float or None
        Share of these relapses whose route had living cells at diagnosis.
    resistant : float or None
        Share of these relapses led by a type that no longer carries the therapy's mark (T315I).
    """

    outcome: str
    probability: float
    standard_error: float
    low: float
    high: float
    median_days: float | None
    early_days: float | None
    late_days: float | None
    preexisting: float | None
    resistant: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EscapeForecast:
    """One patient under one plan.

    Attributes
    ----------
    patient, plan : str
        Names.
    shares : tuple of RouteShare
        One an outcome; probabilities sum to 1.
    presented : float
        Share of the grown courses that presented as this disease and were kept.
    persistence : ndarray, shape (t,)
        On each output day, share of all courses with leukaemic cells above the limit of sensitivity outside the
        blasts, without overt relapse so far and without the lymphoid clone above that limit: a state, not a relapse.
    cells_to_see : int or None
        Cells to look at to see the pre-existing clone of the last route (20 events, 95 %), median over the courses
        that have one; None if none has.
    preexisting_probability : float
        Probability that the last route has living cells at diagnosis.
    outcome : ndarray of int, shape (n,)
        Position in `shares` of every course.
    day : ndarray, shape (n,)
        Day of relapse or end of follow-up.
    draw : ndarray of int, shape (n,)
        Draw of the rates of every course.
    rates : dict of str to ndarray
        Uncertain rates, prior draws.
    trajectories : Trajectories
        Courses under therapy.
    therapies : tuple of Therapy
        As given.
    """

    patient: str
    plan: str
    shares: tuple[RouteShare, ...]
    presented: float
    persistence: FloatArray
    cells_to_see: int | None
    preexisting_probability: float
    outcome: npt.NDArray[np.int64]
    day: FloatArray
    draw: npt.NDArray[np.int64]
    rates: Mapping[str, FloatArray]
    trajectories: Trajectories
    therapies: tuple[Therapy, ...]

    def probability(self, outcome: str) -> float:
        """Probability of one outcome.

        Parameters
        ----------
        outcome : str
            Route, `NO_RELAPSE` or `REFRACTORY`.

        Returns
        -------
        float
            Over the prior and over chance.
        """
        return next(share.probability for share in self.shares if share.outcome == outcome)


def summarise(
    label: tuple[str, str],
    escape: Mapping[str, Any],
    diagnosis: Diagnosis,
    runs: Trajectories,
    *,
    rates: Mapping[str, FloatArray],
    model: Model,
    scale: Scale,
) -> EscapeForecast:
    """Outcomes of the courses of one patient under one plan.

    Parameters
    ----------
    label : tuple of str
        Patient and plan.
    escape : mapping
        The ``[escape]`` section of the model file.
    diagnosis : Diagnosis
        Where the courses started.
    runs : Trajectories
        Courses under therapy.
    rates : mapping of str to ndarray
        Uncertain rates, prior draws.
    model : Model
        Types and therapies.
    scale : Scale
        Overt and seen.

    Returns
    -------
    EscapeForecast
        One outcome a course.
    """
    routes: Mapping[str, list[str]] = escape["routes"]
    groups = [[runs.names.index(cell) for cell in cells] for cells in routes.values()]
    blasts = [number for group in groups for number in group]
    by_route = np.stack([runs.end_cells[:, group].sum(axis=1) for group in groups], axis=1)
    before = np.stack([diagnosis.cells[:, group].sum(axis=1) for group in groups], axis=1)
    total = by_route.sum(axis=1)
    ended = np.where(total >= scale.overt_cells, len(routes) + 1, len(routes))
    outcome = np.where(runs.crossed & (total < scale.ceiling_cells), by_route.argmax(axis=1), ended)
    leader = np.array(blasts)[runs.end_cells[:, blasts].argmax(axis=1)]
    led = np.array([escape["resistance"] not in cell.antigens for cell in model.types])[leader]
    shares = tuple(
        _share((number, name), outcome, diagnosis.draw, day=runs.end_day, before=before > 0.0, led=led)
        for number, name in enumerate([*routes, NO_RELAPSE, REFRACTORY])
    )
    persisting = _sum(runs, escape["persisting"]) >= scale.seen_cells
    lymphoid = _sum(runs, escape["lymphoid"]) >= scale.seen_cells
    before_relapse = ~np.isnan(runs.cells[:, :, 0])
    last = before[:, -1] / before.sum(axis=1)
    present = last[last > 0.0]
    return EscapeForecast(
        patient=label[0],
        plan=label[1],
        shares=shares,
        presented=diagnosis.presented,
        persistence=(persisting & ~lymphoid & before_relapse).mean(axis=0),
        cells_to_see=cells_to_see(float(np.median(present)), events=20) if present.size else None,
        preexisting_probability=float((last > 0.0).mean()),
        outcome=outcome,
        day=runs.end_day,
        draw=diagnosis.draw,
        rates=rates,
        trajectories=runs,
        therapies=model.therapies,
    )


def _sum(runs: Trajectories, names: Sequence[str]) -> FloatArray:
    total: FloatArray = runs.cells[:, :, [runs.names.index(name) for name in names]].sum(axis=2)
    return total


def _share(
    label: tuple[int, str],
    outcome: IntArray,
    draws: IntArray,
    *,
    day: FloatArray,
    before: npt.NDArray[np.bool_],
    led: npt.NDArray[np.bool_],
) -> RouteShare:
    number, name = label
    hit = outcome == number
    courses = np.bincount(draws)
    per_draw = np.bincount(draws, hit)[courses > 0] / courses[courses > 0]
    relapsed = hit.any() and number < before.shape[1]
    early, median, late = np.quantile(day[hit], [0.05, 0.5, 0.95]) if relapsed else (None, None, None)
    return RouteShare(
        outcome=name,
        probability=float(hit.mean()),
        standard_error=float(per_draw.std(ddof=1) / np.sqrt(per_draw.size)),
        low=float(np.quantile(per_draw, 0.05)),
        high=float(np.quantile(per_draw, 0.95)),
        median_days=None if median is None else float(median),
        early_days=None if early is None else float(early),
        late_days=None if late is None else float(late),
        preexisting=float(before[hit, number].mean()) if relapsed else None,
        resistant=float(led[hit].mean()) if relapsed else None,
    )
