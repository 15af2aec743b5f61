"""Laws of a branching process by its backward equations: extinction, absence, the size of one type.

Exact at any number of cells and through therapy windows: growth below zero under graft-versus-leukaemia, a
taper, donor lymphocytes. The probability that no cell of a type is *alive* on a day differs from the
probability that none *ever* arose by then; both are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from remnant.dynamics.process import Process, require_linear, type_indices
from remnant.errors import FitError, InputError
from remnant.numerics.backward import backward

__all__ = ["clone_extinction", "generating_function", "law_of_type", "probability_none"]

FloatArray = npt.NDArray[np.float64]

_TOLERANCE = 1e-11
_FOLD = 1e-9


def probability_none(process: Process, types: Sequence[str], day: float, *, ever: bool = False) -> float:
    """P(no cell of these types).

    Parameters
    ----------
    process : Process
        Compiled model without feedback.
    types : sequence of str
        Types that must be absent, all of them.
    day : float
        Day within the horizon.
    ever : bool, default False
        False: none is alive on that day. True: none arose until that day.

    Returns
    -------
    float
        Product over the starting cells of their clones' probabilities.

    Raises
    ------
    InputError
        If the model has feedback, a type is unknown or the day lies outside the horizon.
    FitError
        If the equations cannot be solved.

    References
    ----------
    .. [1] Athreya, Ney, Branching Processes (Springer 1972), chapter V: backward equation of the multi-type
       Markov branching process.

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
    ...     start={"blast": 1},
    ... )
    >>> round(probability_none(compile_process(one, horizon_days=90.0), ["blast"], 10.0), 5)
    0.45236
    """
    gone = np.zeros((1, len(process.names)))
    gone[0, type_indices(process, types)] = 1.0
    frozen = types if ever else ()
    return float(np.exp(_log_value(process, gone, day, frozen))[0])


def clone_extinction(process: Process, day: float) -> FloatArray:
    """P(the clone of one cell has died out), for a founder of each type.

    Parameters
    ----------
    process : Process
        Compiled model without feedback.
    day : float
        Day within the horizon.

    Returns
    -------
    ndarray, shape (k,)
        One probability a type; the clone includes all descendants.
    """
    alive = np.ones((1, len(process.names)))
    extinct: FloatArray = 1.0 - _carried(process, alive, day, ())[0].real
    return extinct


def generating_function(process: Process, z: Mapping[str, float], day: float) -> float:
    """``E[prod_i z_i ** n_i]`` over the cells alive on a day.

    Parameters
    ----------
    process : Process
        Compiled model without feedback.
    z : mapping of str to float
        Argument of each type, within 0 and 1; a type not named has 1.
    day : float
        Day within the horizon.

    Returns
    -------
    float
        From the model's starting state.
    """
    below = np.zeros((1, len(process.names)))
    below[0, type_indices(process, tuple(z))] = [1.0 - value for value in z.values()]
    return float(np.exp(_log_value(process, below, day, ()))[0])


def law_of_type(process: Process, cell: str, day: float, *, largest: int) -> FloatArray:
    """P(n cells of one type) for every n up to a number.

    Parameters
    ----------
    process : Process
        Compiled model without feedback.
    cell : str
        Type.
    day : float
        Day within the horizon.
    largest : int
        Largest count wanted.

    Returns
    -------
    ndarray, shape (largest + 1,)
        The generating function inverted on a circle whose radius keeps what lies beyond `largest` from
        folding back (below 1e-9); the sum falls short of 1 by the mass beyond.

    Examples
    --------
    >>> from remnant.dynamics.model import CellType, Event, Model
    >>> from remnant.dynamics.process import compile_process
    >>> yule = Model(
    ...     name="Yule",
    ...     types=(CellType(name="blast"),),
    ...     events=(
    ...         Event(kind="self_renewal", source="blast", products=("blast", "blast"), rate_per_day=0.08),
    ...     ),
    ...     start={"blast": 1},
    ... )
    >>> law_of_type(compile_process(yule, horizon_days=20.0), "blast", 20.0, largest=4).round(4).tolist()
    [0.0, 0.2019, 0.1611, 0.1286, 0.1026]
    """
    points = 2 * (largest + 1)
    radius = _FOLD ** (1.0 / points)
    half = points // 2 + 1
    z = radius * np.exp(-2j * np.pi * np.arange(half) / points)
    below = np.zeros((half, len(process.names)), dtype=complex)
    below[:, type_indices(process, [cell])[0]] = 1.0 - z
    values = np.exp(_log_value(process, below, day, ()))
    law = np.fft.irfft(values, points)[: largest + 1] / radius ** np.arange(largest + 1)
    clipped: FloatArray = np.clip(law, 0.0, 1.0)
    return clipped


def _log_value(
    process: Process, below: npt.NDArray[np.inexact], day: float, frozen: Sequence[str]
) -> npt.NDArray[np.inexact]:
    """Log of the generating function from the starting state, per point."""
    carried = _carried(process, below, day, frozen)
    present = process.start > 0.0
    with np.errstate(divide="ignore"):
        result: npt.NDArray[np.inexact] = np.log1p(-carried[:, present]) @ process.start[present]
    return result


def _carried(
    process: Process, below: npt.NDArray[np.inexact], day: float, frozen: Sequence[str]
) -> npt.NDArray[np.inexact]:
    require_linear(process)
    if not 0.0 <= day <= process.edges[-1]:
        raise InputError(
            where="day",
            found=f"{day:g}",
            needed=f"a day between 0 and {process.edges[-1]:g}",
            advice="Compile the model with a later horizon.",
        )
    rates, survival = process.rates, process.survival
    if frozen:
        kept = type_indices(process, frozen)
        rates, survival = rates.copy(), survival.copy()
        rates[:, np.isin(process.source, kept)] = 0.0
        survival[:, kept] = 1.0
    g = below.copy()
    reached = backward(
        g, process.edges, rates, survival, process.source, process.products, float(day), _TOLERANCE
    )
    if not reached:
        raise FitError(
            where=f"backward equations to day {day:g}",
            found="steps that became too small",
            needed="finite rates",
            advice="Look for a rate that is far too large.",
        )
    return g
