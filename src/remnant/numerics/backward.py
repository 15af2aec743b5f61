"""Backward equations of a branching process, solved in compiled code.

The unknown is ``g_i = 1 - f_i``, where ``f_i`` is the generating function of the clone of one cell of type i.
Working with ``1 - f`` keeps the relative precision of tiny probabilities: a mutation rate of 1e-12 in a
population of 1e12 cells costs no digits. The solver is the embedded Runge-Kutta pair of Dormand and Prince
with adaptive steps; real and complex numbers alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from remnant.numerics.compiled import compiled

__all__ = ["backward"]

Array = npt.NDArray[Any]

_STEPS = 5_000_000
_FLOOR = 1e-30
_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3 / 40, 9 / 40, 0.0, 0.0, 0.0, 0.0],
        [44 / 45, -56 / 15, 32 / 9, 0.0, 0.0, 0.0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0.0, 0.0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0.0],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


@compiled
def _slope(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    g: Array, slope: Array, rates: Array, source: Array, products: Array
) -> None:
    """``dg_i/dt = sum_r rate_r ((1 - prod_j (1 - g_j)) - g_i)`` over the events of type i."""
    slope[:] = 0.0
    for event in range(source.size):
        if rates[event] == 0.0:
            continue
        union = 0.0 * g[0]
        for place in range(products.shape[1]):
            product = products[event, place]
            if product < 0:
                break
            union = union + g[product] - union * g[product]
        slope[source[event]] += rates[event] * (union - g[source[event]])


@compiled
def _first_step(kinds: int, rates: Array, source: Array) -> float:
    totals = np.zeros(kinds)
    for event in range(source.size):
        totals[source[event]] += rates[event]
    return float(0.05 / max(1e-12, totals.max()))


@compiled
def _through_piece(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    g: Array, days: float, rates: Array, source: Array, products: Array, tolerance: float
) -> bool:
    k = g.size
    slopes = np.zeros((7, k), dtype=g.dtype)
    trial = np.zeros(k, dtype=g.dtype)
    step, done, first = min(days, _first_step(k, rates, source)), 0.0, True
    for _ in range(_STEPS):
        if done >= days:
            return True
        step = min(step, days - done)
        if first:
            _slope(g, slopes[0], rates, source, products)
            first = False
        for stage in range(1, 7):
            for i in range(k):
                total = g[i]
                for earlier in range(stage):
                    total += step * _A[stage, earlier] * slopes[earlier, i]
                trial[i] = total
            _slope(trial, slopes[stage], rates, source, products)
        worst = 0.0
        for i in range(k):
            error = 0.0 * g[i]
            for stage in range(7):
                error += _ERROR[stage] * slopes[stage, i]
            scale = max(abs(g[i]), abs(trial[i])) + _FLOOR
            worst = max(worst, abs(step * error) / (tolerance * scale))
        if not np.isfinite(worst):
            return False
        if worst <= 1.0:
            done = days if days - done - step <= 1e-14 * days else done + step
            g[:] = trial
            slopes[0] = slopes[6]
        step *= min(5.0, max(0.2, 0.9 * (worst + 1e-12) ** -0.2))
    return False


@compiled
def backward(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    g: Array,
    edges: Array,
    rates: Array,
    survival: Array,
    source: Array,
    products: Array,
    until: float,
    tolerance: float,
) -> bool:
    """Carry ``g`` from day `until` back to day 0, in place.

    Parameters
    ----------
    g : ndarray, shape (points, k)
        ``1 - z`` for each point and type on day `until`; ``1 - f`` on return.
    edges : ndarray, shape (s + 1,)
        Days at which rates change.
    rates : ndarray, shape (s, r)
        Rate of each event per cell and day.
    survival : ndarray, shape (s, k)
        Share that survives the first day of each piece.
    source : ndarray of int, shape (r,)
        Type that an event happens to.
    products : ndarray of int, shape (r, w)
        Types of the products, filled up with -1.
    until : float
        Day within the edges.
    tolerance : float
        Relative error allowed in each step.

    Returns
    -------
    bool
        False if the solver could not reach day 0.

    References
    ----------
    .. [1] Dormand, Prince, A family of embedded Runge-Kutta formulae, J Comput Appl Math 6, 19-26 (1980).
    """
    for point in range(g.shape[0]):
        for back in range(rates.shape[0]):
            piece = rates.shape[0] - 1 - back
            if edges[piece] > until:
                continue
            days = min(edges[piece + 1], until) - edges[piece]
            if days > 0.0 and not _through_piece(g[point], days, rates[piece], source, products, tolerance):
                return False
            for i in range(g.shape[1]):
                g[point, i] *= survival[piece, i]
    return True
