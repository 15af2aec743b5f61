"""What the compiled loops of the simulator share: the rules of a model, the plan of a run, how a run ends."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy.typing as npt

from remnant.numerics.compiled import compiled

__all__ = [
    "CROSSED",
    "FINISHED",
    "NEGATIVE",
    "TOO_LARGE",
    "TOO_MANY_EVENTS",
    "Course",
    "Rules",
    "Stepping",
    "Watched",
    "feedback_factors",
    "is_linear",
    "watch",
]

Array = npt.NDArray[Any]

FINISHED: Final = 0
CROSSED: Final = 1
TOO_MANY_EVENTS: Final = 2
TOO_LARGE: Final = 3
NEGATIVE: Final = 4
_BACK: Final = 0.5


class Rules(NamedTuple):
    """Events of a model, as in `remnant.dynamics.process.Process`.

    Attributes
    ----------
    source, change, products, form, weights, numbers : ndarray
        As there.
    order, first : ndarray of int, shape (r,) and (k + 1,)
        Events sorted by source, and where each source begins.
    """

    source: Array
    change: Array
    products: Array
    form: Array
    weights: Array
    numbers: Array
    order: Array
    first: Array


class Course(NamedTuple):
    """Rates over time of every draw, and when to look.

    Attributes
    ----------
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
    starts : ndarray, shape (d, k) or (n, k)
        Cells on day 0 of each draw of the rates, or of each replicate.
    """

    breaks: Array
    pieces: Array
    thins: Array
    records: Array
    rates: Array
    survival: Array
    starts: Array


class Stepping(NamedTuple):
    """How to step.

    Attributes
    ----------
    step_days : float
        Longest leap.
    share : float
        Largest number of events per cell and leap.
    few : float
        Types below this number are stepped exactly.
    exact : bool
        Every event, no leap.
    budget : float
        Events allowed in exact stepping.
    """

    step_days: float
    share: float
    few: float
    exact: bool
    budget: float


class Watched(NamedTuple):
    """A sum of cells that stops a replicate.

    Attributes
    ----------
    weights : ndarray, shape (k,)
        Weight of each type.
    by_event : ndarray, shape (r,)
        What each event adds to the sum.
    state : ndarray, shape (4,)
        The sum, its limit, 1 once the sum started below the limit or fell below half of it: chance
        alone carries a sum near the limit to and fro; and a ceiling that stops whatever came before.
    """

    weights: Array
    by_event: Array
    state: Array


@compiled
def is_linear(rules: Rules) -> bool:
    """Whether every cell lives independently.

    Parameters
    ----------
    rules : Rules
        Events.

    Returns
    -------
    bool
        No feedback and no supply.
    """
    for event in range(rules.source.size):  # noqa: SIM110 - compiled: no generators
        if rules.form[event] >= 0 or rules.source[event] < 0:
            return False
    return True


@compiled
def feedback_factors(x: Array, rules: Rules, factor: Array) -> None:
    """Feedback factor of every event in a state.

    Parameters
    ----------
    x : ndarray, shape (k,)
        Cells.
    rules : Rules
        Events.
    factor : ndarray, shape (r,)
        Written.
    """
    for event in range(rules.form.size):
        factor[event] = 1.0
        if rules.form[event] < 0:
            continue
        u = 0.0
        for i in range(x.size):
            u += rules.weights[event, i] * x[i]
        if rules.form[event] == 0:
            factor[event] = u
        elif rules.form[event] == 1:
            factor[event] = max(0.0, rules.numbers[event, 0] + rules.numbers[event, 1] / (1.0 + u))
        else:
            half = rules.numbers[event, 2]
            factor[event] = u / (half * half + u * u) if u > 0.0 else 0.0


@compiled
def watch(watched: Watched, total: float) -> bool:
    """Take note of the watched sum.

    Parameters
    ----------
    watched : Watched
        Its state is written.
    total : float
        The sum now.

    Returns
    -------
    bool
        True if the sum, once below half the limit, has reached it, or has reached the ceiling.
    """
    watched.state[0] = total
    if total < _BACK * watched.state[1]:
        watched.state[2] = 1.0
    return bool(total >= watched.state[3] or (watched.state[2] > 0.0 and total >= watched.state[1]))
