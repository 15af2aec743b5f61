"""Mean and covariance of all types together, exactly, through therapy windows.

With independent cells the mean ``m`` and covariance ``V`` obey closed linear equations,
``m' = A m`` and ``V' = A V + V A' + sum_r rate_r m_source(r) c_r c_r'``. Both are propagated as one matrix
exponential a piece, so no step size is involved. A surviving share p at the first day of a window thins each
cell for itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from remnant.dynamics.process import Process, require_linear
from remnant.errors import FitError, InputError

__all__ = ["Moments", "mean_path", "moments", "propensities", "transcript_ratio"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Mean and covariance at chosen days.

    Attributes
    ----------
    days : ndarray, shape (t,)
        Days.
    mean : ndarray, shape (t, k)
        Expected cells of each type.
    covariance : ndarray, shape (t, k, k)
        Of cells.
    """

    days: FloatArray
    mean: FloatArray
    covariance: FloatArray

    @property
    def sd(self) -> FloatArray:
        """Standard deviation of each type.

        Returns
        -------
        ndarray, shape (t, k)
            Cells.
        """
        return np.sqrt(np.maximum(np.diagonal(self.covariance, axis1=1, axis2=2), 0.0))


def moments(process: Process, days: npt.ArrayLike) -> Moments:
    """Exact mean and covariance.

    Parameters
    ----------
    process : Process
        Compiled model without feedback.
    days : array_like, shape (t,)
        Increasing days within the horizon.

    Returns
    -------
    Moments
        On these days; on the first day of a window, after its surviving share.

    Raises
    ------
    InputError
        If the model has feedback, or a day lies outside the horizon.

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
    >>> result = moments(compile_process(one, horizon_days=10.0), [10.0])
    >>> round(float(result.mean[0, 0]), 3), round(float(result.covariance[0, 0, 0]), 2)
    (2.226, 10.91)
    """
    require_linear(process)
    wanted = _checked_days(process, days)
    k = len(process.names)
    state = np.concatenate([process.start, np.zeros(k * k)])
    rows = np.empty((wanted.size, k + k * k))
    done = 0
    for piece, (begin, end) in enumerate(zip(process.edges[:-1], process.edges[1:], strict=True)):
        state = _thinned(state, process.survival[piece])
        matrix = _joint_generator(process, piece)
        last = piece == process.edges.size - 2
        while done < wanted.size and (wanted[done] < end or last):
            rows[done] = expm(matrix * (wanted[done] - begin)) @ state
            done += 1
        if done == wanted.size:
            break
        state = expm(matrix * (end - begin)) @ state
    return Moments(days=wanted, mean=rows[:, :k], covariance=rows[:, k:].reshape(-1, k, k))


def propensities(process: Process, piece: int, cells: FloatArray) -> FloatArray:
    """Events per day in a state.

    Parameters
    ----------
    process : Process
        Compiled model.
    piece : int
        Number of the piece.
    cells : ndarray, shape (k,)
        State.

    Returns
    -------
    ndarray, shape (r,)
        Rate times source cells times feedback, never below zero.
    """
    sources = np.where(process.source >= 0, cells[process.source], 1.0)
    u = process.weights @ cells
    constant, coefficient, half = process.numbers.T
    factor = np.ones(process.source.size)
    for code, values in enumerate(
        (u, constant + coefficient / (1.0 + u), u / np.maximum(half**2 + u**2, np.finfo(float).tiny))
    ):
        factor = np.where(process.form == code, values, factor)
    result: FloatArray = np.maximum(process.rates[piece] * sources * factor, 0.0)
    return result


def mean_path(process: Process, days: npt.ArrayLike, *, tolerance: float = 1e-10) -> FloatArray:
    """Solution of the deterministic equation, feedback included.

    Parameters
    ----------
    process : Process
        Compiled model.
    days : array_like, shape (t,)
        Increasing days within the horizon.
    tolerance : float, default 1e-10
        Relative tolerance of the solver.

    Returns
    -------
    ndarray, shape (t, k)
        Cells. Without feedback this is the mean of the process.

    Raises
    ------
    InputError
        If a day lies outside the horizon.
    FitError
        If the solver cannot reach the end.
    """
    wanted = _checked_days(process, days)
    state = process.start.copy()
    rows = np.empty((wanted.size, state.size))
    done = 0
    for piece, (begin, end) in enumerate(zip(process.edges[:-1], process.edges[1:], strict=True)):
        state = state * process.survival[piece]
        last = piece == process.edges.size - 2
        inside = wanted[done:]
        inside = inside if last else inside[inside < end]
        points = np.unique(np.append(inside, end))
        solution = solve_ivp(
            functools.partial(_drift, process, piece),
            (float(begin), float(end)),
            state,
            method="LSODA",
            t_eval=points,
            rtol=tolerance,
            atol=tolerance,
        )
        if not solution.success:
            raise FitError(
                where=f"mean_path, day {begin:g} to {end:g}",
                found=str(solution.message),
                needed="a solution up to the last day",
                advice="Look for a population that explodes.",
            )
        rows[done : done + inside.size] = solution.y.T[np.searchsorted(points, inside)]
        done += inside.size
        state = solution.y[:, -1]
    return rows


def transcript_ratio(
    leukaemic: npt.ArrayLike, normal: npt.ArrayLike, *, control_copies_per_normal_cell: float = 2.0
) -> FloatArray:
    """Fusion over control transcript of a mixture of cells.

    Parameters
    ----------
    leukaemic, normal : array_like
        Cells; a leukaemic cell has one fused and one normal allele of the control gene.
    control_copies_per_normal_cell : float, default 2.0
        2 where the control is the fusion's own partner gene, 1 where it is counted by cell.

    Returns
    -------
    ndarray
        ``Y / (Y + c X)``.

    References
    ----------
    .. [1] Michor et al., Dynamics of chronic myeloid leukaemia, Nature 435, 1267-1270 (2005): both
       conventions are in use, and they differ by a factor of two at low levels.

    Examples
    --------
    >>> float(transcript_ratio(1.0, 99.0).round(5))
    0.00503
    """
    mutant, healthy = np.asarray(leukaemic, dtype=float), np.asarray(normal, dtype=float)
    return np.asarray(mutant / (mutant + control_copies_per_normal_cell * healthy))


def _drift(process: Process, piece: int, _day: float, cells: FloatArray) -> FloatArray:
    result: FloatArray = process.change.T @ propensities(process, piece, cells)
    return result


def _checked_days(process: Process, days: npt.ArrayLike) -> FloatArray:
    wanted = np.atleast_1d(np.asarray(days, dtype=float))
    if (
        wanted.size == 0
        or (np.diff(wanted) <= 0.0).any()
        or wanted[0] < 0.0
        or wanted[-1] > process.edges[-1]
    ):
        raise InputError(
            where="days",
            found=f"{wanted.size} days" if wanted.size == 0 else f"days {wanted[0]:g} to {wanted[-1]:g}",
            needed=f"increasing days between 0 and {process.edges[-1]:g}",
            advice="Sort them, or compile with a later horizon.",
        )
    return wanted


def _joint_generator(process: Process, piece: int) -> FloatArray:
    k = len(process.names)
    a, one = process.generator(piece), np.eye(k)
    joint = np.zeros((k + k * k, k + k * k))
    joint[:k, :k] = a
    joint[k:, k:] = np.kron(a, one) + np.kron(one, a)
    outer = np.einsum("r,ri,rj->rij", process.rates[piece], process.change, process.change)
    np.add.at(joint[k:, :k].T, process.source, outer.reshape(-1, k * k))
    return joint


def _thinned(state: FloatArray, survival: FloatArray) -> FloatArray:
    k = survival.size
    mean, covariance = state[:k], state[k:].reshape(k, k)
    covariance = np.outer(survival, survival) * covariance + np.diag(survival * (1.0 - survival) * mean)
    return np.concatenate([survival * mean, covariance.ravel()])
