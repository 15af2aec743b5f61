"""What an amplification curve says by itself: called or not, cycles with errors, efficiency."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CURVE_CALLS", "CurveCall", "CurveResult", "CurveResults", "CurveTrace"]

CurveCall = Literal["amplified", "not amplified", "doubtful"]
CURVE_CALLS: tuple[CurveCall, ...] = CurveCall.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveResult:
    """One curve, read by us.

    A number is None where the curve has none; a curve that is not amplified has no cycles.

    Attributes
    ----------
    run_id, position, target : str
        Well.
    call : CurveCall
        Whether the curve shows amplification.
    reason : str
        What decided it, or how its Cq was read; empty for a plain amplified curve.
    cq, cq_se : float or None
        Our Cq and its standard error, cycles: where fluorescence over the baseline reaches a fixed share of
        the curve's own height, or at the fluorescence of `level_cq`. A standard error is of this curve's fluorescence, without pipetting and counting.
    second_derivative_cq, second_derivative_se : float or None
        Largest second derivative of the sigmoid (cpD2), and its standard error.
    tangent_cq, tangent_se : float or None
        Where the tangent of steepest rise meets the floor (Cy0), and its standard error.
    third_derivative_cq, third_derivative_se : float or None
        Sign change of the third difference of the readings (TD0), and its standard error.
    share_cq, share_se, early_share_cq, early_share_se : float or None
        Where the fitted sigmoid, not the reading, has risen by the share of the Cq and by a smaller share, with
        standard errors.
    level_cq, level_se : float or None
        Where fluorescence over the baseline reaches the same share of a height that nine in ten of the target's
        curves in the run exceed, one fluorescence for all, and its standard error.
    baseline, height : float or None
        Fluorescence under the window of linearity; rise of the sigmoid to its plateau.
    efficiency, efficiency_se : float or None
        Amplification factor a cycle of this curve's window, 2 for doubling, and its standard error.
    assay_efficiency, assay_efficiency_se : float or None
        Mean over the curves of the target in the run, and its standard error.
    """

    run_id: str
    position: str
    target: str
    call: CurveCall
    reason: str
    cq: float | None
    cq_se: float | None
    second_derivative_cq: float | None
    second_derivative_se: float | None
    tangent_cq: float | None
    tangent_se: float | None
    third_derivative_cq: float | None
    third_derivative_se: float | None
    share_cq: float | None
    share_se: float | None
    early_share_cq: float | None
    early_share_se: float | None
    level_cq: float | None
    level_se: float | None
    baseline: float | None
    height: float | None
    efficiency: float | None
    efficiency_se: float | None
    assay_efficiency: float | None
    assay_efficiency_se: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTrace:
    """Fluorescence of a curve that is to be looked at, or of the typical one beside it.

    Attributes
    ----------
    run_id, position, target : str
        Well.
    typical : bool
        Whether it is here for comparison: an amplified curve of the target in the run, neither doubtful nor apart from
        the instrument, whose height is the median of such.
    cycles : tuple of float
        Cycle numbers.
    fluorescence : tuple of float or None
        As recorded, one a cycle; None where a reading is missing.
    """

    run_id: str
    position: str
    target: str
    typical: bool
    cycles: tuple[float, ...]
    fluorescence: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveResults:
    """The curves of a plate or of many, columnar: the fields of `CurveResult`, NaN for None.

    Attributes
    ----------
    wells : tuple of (str, str, str)
        Run, position and target of each row.
    call : tuple of CurveCall
        Whether each curve shows amplification.
    reason : tuple of str
        What decided it.
    cq, cq_se, second_derivative_cq, second_derivative_se, tangent_cq, tangent_se : ndarray, shape (n,)
        Cycles and standard errors.
    third_derivative_cq, third_derivative_se, share_cq, share_se, early_share_cq, early_share_se : ndarray, shape (n,)
        Cycles and standard errors.
    level_cq, level_se : ndarray, shape (n,)
        Cycles and standard errors.
    baseline, height : ndarray, shape (n,)
        Fluorescence.
    efficiency, efficiency_se, assay_efficiency, assay_efficiency_se : ndarray, shape (n,)
        Amplification factors.
    residual_sum_of_squares : ndarray, shape (n,)
        Of the sigmoid.
    converged : ndarray of bool, shape (n,)
        Whether the sigmoid has a minimum there.
    """

    wells: tuple[tuple[str, str, str], ...]
    call: tuple[CurveCall, ...]
    reason: tuple[str, ...]
    cq: NDArray[np.float64]
    cq_se: NDArray[np.float64]
    second_derivative_cq: NDArray[np.float64]
    second_derivative_se: NDArray[np.float64]
    tangent_cq: NDArray[np.float64]
    tangent_se: NDArray[np.float64]
    third_derivative_cq: NDArray[np.float64]
    third_derivative_se: NDArray[np.float64]
    share_cq: NDArray[np.float64]
    share_se: NDArray[np.float64]
    early_share_cq: NDArray[np.float64]
    early_share_se: NDArray[np.float64]
    level_cq: NDArray[np.float64]
    level_se: NDArray[np.float64]
    baseline: NDArray[np.float64]
    height: NDArray[np.float64]
    efficiency: NDArray[np.float64]
    efficiency_se: NDArray[np.float64]
    assay_efficiency: NDArray[np.float64]
    assay_efficiency_se: NDArray[np.float64]
    residual_sum_of_squares: NDArray[np.float64]
    converged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.call)

    def records(self) -> tuple[CurveResult, ...]:
        """The rows as records.

        Returns
        -------
        tuple of CurveResult
            In order.
        """
        numbers = [field.name for field in fields(CurveResult)][5:]
        columns = [getattr(self, name).tolist() for name in numbers]
        return tuple(
            CurveResult(
                run_id=well[0],
                position=well[1],
                target=well[2],
                call=call,
                reason=reason,
                **{
                    name: value if math.isfinite(value) else None
                    for name, value in zip(numbers, row, strict=True)
                },
            )
            for well, call, reason, *row in zip(self.wells, self.call, self.reason, *columns, strict=True)
        )
