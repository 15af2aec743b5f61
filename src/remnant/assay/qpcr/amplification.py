"""Amplification curves to cycles, efficiencies and calls: whole plates at once.

Order: sigmoid, its cycles, the misfit that the curves of an assay share, the cycles again with their standard
errors, window of linearity, call, mean efficiency of each assay. An assay is a target in a run. Curves are
independent of each other except for the shared misfit and the mean efficiency.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.amplification_calls import call_curves
from remnant.errors import MeasurementError
from remnant.knowledge.qpcr_curves import AmplificationRules, amplification_rules
from remnant.numerics.amplification_window import Windows, read_windows
from remnant.numerics.reading_noise import ReadingNoise, reading_noise
from remnant.numerics.sigmoid import AT_BOUND, CONVERGED, SigmoidFits, fit_sigmoids
from remnant.numerics.sigmoid_misfit import shared_misfit
from remnant.numerics.sigmoid_points import (
    SigmoidPoints,
    sigmoid_maxima,
    sigmoid_points,
    third_derivative_errors,
)
from remnant.records.amplification import CurveCall, CurveResults
from remnant.records.run import Curves

__all__ = ["read_curves", "read_plates"]

Floats = NDArray[np.float64]
T = TypeVar("T", SigmoidFits, SigmoidPoints, ReadingNoise, Windows)

_ROWS_A_TASK: Final = 512
_NO_WINDOW: Final = "no straight window under the rise: its Cq is that of the sigmoid"


def read_plates(
    plates: Sequence[Curves], *, rules: AmplificationRules | None = None, workers: int | None = None
) -> CurveResults:
    """Results of the curves of several files, in order.

    Parameters
    ----------
    plates : sequence of Curves
        Curves of each file.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.
    workers : int or None, default None
        Threads; None takes the processors that this process may use. The result does not depend on it.

    Returns
    -------
    CurveResults
        One row a curve.

    Raises
    ------
    MeasurementError
        If the cycles of a file are not positive and increasing.
    """
    each = [read_curves(plate, rules=rules, workers=workers) for plate in plates] or [
        read_curves(Curves(wells=(), cycles=np.arange(1.0, 3.0), fluorescence=np.empty((0, 2))), rules=rules)
    ]
    if len(each) == 1:
        return each[0]
    columns: dict[str, Any] = {}
    for name in CurveResults.__dataclass_fields__:
        parts = [getattr(part, name) for part in each]
        arrays = isinstance(parts[0], np.ndarray)
        columns[name] = np.concatenate(parts) if arrays else tuple(item for part in parts for item in part)
    return CurveResults(**columns)


def read_curves(
    curves: Curves, *, rules: AmplificationRules | None = None, workers: int | None = None
) -> CurveResults:
    """Cycles with standard errors, efficiency and call of each curve.

    Parameters
    ----------
    curves : Curves
        Fluorescence as the instrument recorded it; NaN where a cycle is missing.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.
    workers : int or None, default None
        Threads; None takes the processors that this process may use. The result does not depend on it.

    Returns
    -------
    CurveResults
        One row a curve, in order.

    Raises
    ------
    MeasurementError
        If the cycles are not positive and increasing.

    Notes
    -----
    A standard error holds what the fluorescence of one well leaves open: the noise of its readings, correlated from
    cycle to cycle, as it moves that cycle. It does not hold pipetting or the count of molecules, which one curve cannot
    know, nor what all wells of the assay share at that level, which a standard curve takes up. For the cycles of the
    readings themselves (Cq and TD0) the noise is told apart from a sigmoid that misses the rise of one well. Replicates
    therefore spread by more; the calibration learns the rest from them. The error of the height enters only where no window
    of linearity was found.

    References
    ----------
    .. [1] Ruijter et al., Nucleic Acids Research 37, e45 (2009): efficiency of an assay as a mean over curves.
    .. [2] Spiess, Feig and Ritz, BMC Bioinformatics 9, 221 (2008): the five-parameter sigmoid.

    Examples
    --------
    >>> cycles = np.arange(1.0, 46.0)
    >>> rise = 1.0 + 20.0 / (1.0 + np.exp(-0.62 * (cycles - 25.0)))
    >>> plate = Curves(wells=(("R-01", "A01", "WT1"),), cycles=cycles, fluorescence=rise[None])
    >>> got = read_curves(plate)
    >>> got.call, got.cq.round(1).tolist()
    (('amplified',), [22.2])
    """
    chosen = rules or amplification_rules()
    cycles = _checked(curves)
    fluorescence = np.ascontiguousarray(curves.fluorescence, dtype=np.float64)
    threads = workers or os.cpu_count() or 1
    group = _assays(curves)
    with ThreadPoolExecutor(threads) as pool:

        def spread(task: Callable[[slice], T]) -> T:
            return _in_blocks(task, len(fluorescence), pool)

        fits = spread(lambda rows: fit_sigmoids(cycles, fluorescence[rows]))
        maxima = sigmoid_maxima(fits)
        called = call_curves(cycles, fluorescence, fits, maxima=maxima, rules=chosen)
        # A curve that is no amplification shares no misfit: over its own small height its noise is large.
        amplified = np.array([call == "amplified" for call in called[0]], dtype=np.bool_)
        misfit = shared_misfit(
            cycles,
            fluorescence,
            fits,
            anchor=np.where(amplified, maxima.second_derivative, np.nan),
            group=group,
            least_curves=chosen.misfit_curves,
        )
        points = spread(
            lambda rows: sigmoid_points(
                cycles,
                fluorescence[rows],
                _taken(fits, rows),
                share=chosen.share_of_height,
                early_share=chosen.early_share_of_height,
                misfit=misfit[rows],
            )
        )
        noise = spread(
            lambda rows: reading_noise(cycles, fluorescence[rows], _taken(fits, rows), misfit=misfit[rows])
        )
        level = chosen.share_of_height * _low_heights(fits.height, called[0], group, rules=chosen)
        windows = spread(
            lambda rows: read_windows(
                cycles,
                fluorescence[rows],
                second_derivative=points.second_derivative[rows],
                steepest=points.steepest[rows],
                height=fits.height[rows],
                share=chosen.share_of_height,
                longest=chosen.window_longest,
                shortest=chosen.window_shortest,
                level=level[rows],
                noise=_taken(noise, rows),
            )
        )
    third_derivative_se = third_derivative_errors(cycles, fits, windows.third_derivative, noise=noise)
    return _results(
        curves.wells,
        fits,
        points=points,
        windows=windows,
        third_derivative_se=third_derivative_se,
        called=called,
        group=group,
        rules=chosen,
    )


def _checked(curves: Curves) -> Floats:
    cycles = np.asarray(curves.cycles, dtype=np.float64)
    if not len(cycles) or not (cycles[0] > 0.0 and (np.diff(cycles) > 0.0).all()):
        raise MeasurementError(
            where="amplification curves",
            found=f"cycles {cycles[:3].tolist()} ...",
            needed="positive cycle numbers that increase",
            advice="Number the first cycle 1.",
        )
    return cycles


def _assays(curves: Curves) -> NDArray[np.int64]:
    """Number of each curve's run and target."""
    numbers: dict[tuple[str, str], int] = {}
    return np.array(
        [numbers.setdefault((run, target), len(numbers)) for run, _, target in curves.wells], dtype=np.int64
    )


def _taken(columns: T, rows: slice) -> T:
    """Some rows of a columnar result."""
    kind = type(columns)
    return kind(**{name: getattr(columns, name)[rows] for name in kind.__dataclass_fields__})


def _in_blocks(task: Callable[[slice], T], count: int, pool: ThreadPoolExecutor) -> T:
    """A columnar result of all rows from blocks of rows, in order."""
    blocks = [slice(at, at + _ROWS_A_TASK) for at in range(0, max(count, 1), _ROWS_A_TASK)]
    parts = list(pool.map(task, blocks))
    kind = type(parts[0])
    return kind(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in kind.__dataclass_fields__
        }
    )


def _results(
    wells: tuple[tuple[str, str, str], ...],
    fits: SigmoidFits,
    *,
    points: SigmoidPoints,
    windows: Windows,
    third_derivative_se: Floats,
    called: tuple[tuple[CurveCall, ...], tuple[str, ...]],
    group: NDArray[np.int64],
    rules: AmplificationRules,
) -> CurveResults:
    call, reason = called
    bent = ~np.isfinite(windows.share_cycle) & np.isfinite(points.share_cycle)
    reason = tuple(
        _NO_WINDOW if no_window and one == "amplified" else why
        for one, why, no_window in zip(call, reason, bent, strict=True)
    )
    silent = np.array([one == "not amplified" for one in call], dtype=bool)
    amplified = np.array([one == "amplified" for one in call], dtype=bool)

    def shown(column: Floats) -> Floats:
        return np.where(silent, np.nan, column)

    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        cq_se = np.where(bent, points.standard_error[:, 3], windows.share_error)
        efficiency = 10.0**windows.log10_factor
        efficiency_se = np.log(10.0) * efficiency * windows.log10_factor_se
    mean, mean_se = _assay_means(np.where(amplified, windows.log10_factor, np.nan), group, rules=rules)
    return CurveResults(
        wells=wells,
        call=call,
        reason=reason,
        cq=shown(np.where(bent, points.share_cycle, windows.share_cycle)),
        cq_se=shown(cq_se),
        second_derivative_cq=shown(points.second_derivative),
        second_derivative_se=shown(points.standard_error[:, 1]),
        tangent_cq=shown(points.tangent),
        tangent_se=shown(points.standard_error[:, 2]),
        third_derivative_cq=shown(windows.third_derivative),
        third_derivative_se=shown(third_derivative_se),
        share_cq=shown(points.share_cycle),
        share_se=shown(points.standard_error[:, 3]),
        early_share_cq=shown(points.early_share_cycle),
        early_share_se=shown(points.standard_error[:, 4]),
        level_cq=shown(windows.level_cycle),
        level_se=shown(windows.level_error),
        baseline=shown(windows.baseline),
        height=fits.height,
        efficiency=shown(efficiency),
        efficiency_se=shown(efficiency_se),
        assay_efficiency=mean[group],
        assay_efficiency_se=mean_se[group],
        residual_sum_of_squares=fits.rss,
        converged=(fits.status == CONVERGED) | (fits.status == AT_BOUND),
    )


def _low_heights(
    height: Floats, call: tuple[CurveCall, ...], group: NDArray[np.int64], *, rules: AmplificationRules
) -> Floats:
    """A low quantile of the heights of the amplified curves of each curve's assay; NaN without one."""
    amplified = np.array([one == "amplified" for one in call], dtype=bool)
    low = np.full(int(group.max(initial=-1)) + 1, np.nan)
    for at in np.unique(group[amplified]).tolist():
        low[at] = np.quantile(height[amplified & (group == at)], rules.level_quantile)
    return np.asarray(low[group])


def _assay_means(
    log10_factor: Floats, group: NDArray[np.int64], *, rules: AmplificationRules
) -> tuple[Floats, Floats]:
    """Mean efficiency of each assay and its standard error, outlying curves left out."""
    count = int(group.max(initial=-1)) + 1
    mean, error = np.full(count, np.nan), np.full(count, np.nan)
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(count + 1))
    for at in range(count):
        values = log10_factor[order[bounds[at] : bounds[at + 1]]]
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        middle = np.median(values)
        spread = 1.4826 * np.median(np.abs(values - middle))
        values = values[np.abs(values - middle) <= rules.efficiency_outlier * max(spread, 1e-12)]
        mean[at] = 10.0 ** values.mean()
        if len(values) > 1:
            error[at] = np.log(10.0) * mean[at] * values.std(ddof=1) / np.sqrt(len(values))
    return mean, error
