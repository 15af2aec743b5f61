"""Standard curves of every run and target, judged by the gates of a named rule.

A curve belongs to its run: none is taken from another one. Ordinary least squares of Cq on log10 copies, as
the published gates mean it. What the evidence reads is a line of its own, `ReadLines`: the same one until
`remnant.assay.qpcr.calibration` joins it with the history of the assay, or lends it a line of other assays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.plates import USED, well_frame
from remnant.knowledge.qpcr import CurveGates, WellAssumptions, well_assumptions
from remnant.numerics import standard_curve
from remnant.records.finding import Finding
from remnant.records.measurement import CurveFit
from remnant.records.run import Run, Well

__all__ = [
    "Curves",
    "Family",
    "ReadLines",
    "curve_findings",
    "curve_names",
    "curve_records",
    "curve_wells",
    "families",
    "fit_curves",
    "instrument_of",
    "judged_curves",
    "last_cycle_findings",
]

Floats = NDArray[np.float64]
Family = tuple[str, str]
"""Instrument and chemistry; the file of a run whose instrument is not named stands for it."""

_UNNAMED: Final = "\0"
"""Before the file of a run whose instrument is not named: no instrument starts so."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadLines:
    """Lines that the evidence reads, one row a curve.

    Attributes
    ----------
    slope, intercept : ndarray of float, shape (n,)
        ``Cq = intercept + slope * log10 copies``.
    error : remnant.numerics.standard_curve.Calibration
        Error of each line.
    history_plates : ndarray of int, shape (n,)
        Plates that the line was joined with; 0 where it is the plate's own least-squares line.
    lent : ndarray of bool, shape (n,)
        Whether the line is that of the laboratory's other assays: no standard of its own.
    """

    slope: Floats
    intercept: Floats
    error: standard_curve.Calibration
    history_plates: NDArray[np.int64]
    lent: NDArray[np.bool_]

    def read(self, curve: NDArray[np.int64], cq: Floats) -> Floats:
        """Copies, log10, of quantification cycles.

        Parameters
        ----------
        curve : ndarray of int
            Curve of each reading, broadcast with `cq`.
        cq : ndarray of float
            Quantification cycles.

        Returns
        -------
        ndarray of float
            Copies a well, log10.
        """
        result: Floats = (cq - self.intercept[curve]) / self.slope[curve]
        return result

    def is_lent(self, curve: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Readings by the line of other assays.

        Parameters
        ----------
        curve : ndarray of int
            Curve of each reading, -1 without one.

        Returns
        -------
        ndarray of bool
            In the same order.
        """
        result: NDArray[np.bool_] = np.append(self.lent, False)[curve]
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Curves in columns, one row a run and target that has standards or a line lent to it.

    Attributes
    ----------
    keys : polars.DataFrame
        ``run_id, target, curve`` (the row number).
    fits : remnant.numerics.standard_curve.StandardCurves
        Least squares.
    calibration : remnant.numerics.standard_curve.Calibration
        Error of each least-squares line.
    lines : ReadLines
        What the evidence reads.
    technical_sd_cycles : ndarray of float, shape (n,)
        Technical standard deviation of one well.
    reasons : tuple of tuple of str, length n
        Gates that failed; empty where the curve passes.
    rule_id : str
        Row of the gates.
    rule_label : str
        Their short name in sentences.
    """

    keys: pl.DataFrame
    fits: standard_curve.StandardCurves
    calibration: standard_curve.Calibration
    lines: ReadLines
    technical_sd_cycles: Floats
    reasons: tuple[tuple[str, ...], ...]
    rule_id: str
    rule_label: str


def families(runs: Iterable[Run]) -> dict[str, Family]:
    """Which runs are read alike: those of one instrument and chemistry.

    Parameters
    ----------
    runs : iterable of Run
        Runs.

    Returns
    -------
    dict of str to (str, str)
        Instrument and chemistry of each run.

    Examples
    --------
    >>> families([Run(run_id="R-01", instrument="LC480", chemistry="TaqMan")])
    {'R-01': ('LC480', 'TaqMan')}
    """
    return {
        run.run_id: (
            run.instrument or f"{_UNNAMED}{run.source_sha256 or run.run_id}",
            run.chemistry or "",
        )
        for run in runs
    }


def instrument_of(family: Family) -> str:
    """Instrument of a family.

    Parameters
    ----------
    family : (str, str)
        As `families` gives it.

    Returns
    -------
    str
        Empty where no run names it.
    """
    return "" if family[0].startswith(_UNNAMED) else family[0]


def _gate_reasons(fits: standard_curve.StandardCurves, gates: CurveGates) -> tuple[tuple[str, ...], ...]:
    reasons = []
    # Nine places: a slope of exactly -3.6 passes whatever the rounding of its arithmetic.
    for slope, r_squared, levels in zip(
        fits.slope.round(9).tolist(), fits.r_squared.round(9).tolist(), fits.levels.tolist(), strict=True
    ):
        failed = []
        if levels < gates.levels_min:
            failed.append(f"{levels} {'level' if levels == 1 else 'levels'}, need {gates.levels_min}")
        if levels >= 2 and not gates.slope_low <= slope <= gates.slope_high:
            found = _apart(slope, 3, gates.slope_low, gates.slope_high)
            failed.append(f"slope {found}, need {gates.slope_low:g} to {gates.slope_high:g}")
        enough = (
            r_squared >= gates.r_squared_min if gates.r_squared_inclusive else r_squared > gates.r_squared_min
        )
        if levels >= 2 and not enough:
            sign = "at least" if gates.r_squared_inclusive else "more than"
            failed.append(
                f"R² {_apart(r_squared, 4, gates.r_squared_min)}, need {sign} {gates.r_squared_min:g}"
            )
        reasons.append(tuple(failed))
    return tuple(reasons)


def _apart(value: float, places: int, *limits: float) -> str:
    """A number with as many places as show on which side of its limits it lies."""
    while places < 9 and any(float(f"{value:.{places}f}") == limit != value for limit in limits):
        places += 1
    return f"{value:.{places}f}"


def judged_curves(frame: pl.DataFrame, gates: CurveGates, assumptions: WellAssumptions) -> Curves:
    """Fit and judge the curves of a well frame.

    Parameters
    ----------
    frame : polars.DataFrame
        Wells as `remnant.assay.qpcr.plates.well_frame` gives them.
    gates : CurveGates
        When a curve passes.
    assumptions : WellAssumptions
        Technical standard deviation before the standards speak, and the detection probability.

    Returns
    -------
    Curves
        One row for each run and target with accepted standards.
    """
    standards = frame.filter((pl.col("role") == "standard") & (pl.col("decision") == USED))
    keys = standards.select("run_id", "target").unique(maintain_order=True).with_row_index("curve")
    joined = standards.join(keys, on=["run_id", "target"], maintain_order="left")
    curve = joined["curve"].to_numpy().astype(np.int64)
    x, cq = np.log10(joined["standard_copies"].to_numpy()), joined["cq"].to_numpy()
    fits = standard_curve.fit(curve, x, cq, curves=len(keys))
    technical = standard_curve.technical_sd_cycles(
        curve,
        x,
        cq,
        slope=np.where(np.isfinite(fits.slope), fits.slope, gates.slope_low),
        default=assumptions.technical_sd,
        weight=assumptions.technical_sd_weight,
        detection_probability=assumptions.detection_probability,
    )
    error = standard_curve.calibration(
        fits,
        curve,
        x,
        cq,
        technical_sd_cycles=technical,
        level_sd=assumptions.standard_level_sd,
        level_weight=assumptions.standard_level_weight,
        detection_probability=assumptions.detection_probability,
    )
    return Curves(
        keys.select("run_id", "target", pl.col("curve").cast(pl.Int64)),
        fits,
        error,
        ReadLines(
            fits.slope,
            fits.intercept,
            error,
            np.zeros(len(keys), dtype=np.int64),
            np.zeros(len(keys), dtype=np.bool_),
        ),
        technical,
        _gate_reasons(fits, gates),
        gates.id,
        gates.label.partition(":")[0],
    )


def curve_names(
    curves: Curves, rows: NDArray[np.int64], runs: Iterable[str], targets: Iterable[str]
) -> list[str]:
    """Name of the error of each reading's line; a line lent by other assays is one error on all runs.

    Parameters
    ----------
    curves : Curves
        Judged curves.
    rows : ndarray of int
        Curve of each reading.
    runs, targets : iterable of str
        Its run and target.

    Returns
    -------
    list of str
        ``curve:<run>:<target>``, or ``curve:laboratory:<target>``.
    """
    lent = curves.lines.is_lent(rows).tolist()
    return [
        f"curve:laboratory:{target}" if shared else f"curve:{run}:{target}"
        for shared, run, target in zip(lent, runs, targets, strict=True)
    ]


def curve_wells(frame: pl.DataFrame) -> pl.DataFrame:
    """Standards that teach a history: those with a signal, and the silent ones.

    Parameters
    ----------
    frame : polars.DataFrame
        Well frame.

    Returns
    -------
    polars.DataFrame
        ``run_id, target, standard_copies, cq``, the last one null in a silent well.
    """
    counts = pl.col("decision").is_in([USED, "silent standard"])
    return frame.filter((pl.col("role") == "standard") & counts).select(
        "run_id", "target", "standard_copies", "cq"
    )


def curve_records(curves: Curves) -> tuple[CurveFit, ...]:
    """Curves as records; those without a line (fewer than two levels) are left to `curve_findings`, lent lines to theirs.

    Parameters
    ----------
    curves : Curves
        Judged curves.

    Returns
    -------
    tuple of CurveFit
        In the order of the wells.
    """
    fits = curves.fits
    with np.errstate(invalid="ignore", divide="ignore"):
        efficiency = standard_curve.efficiency(fits.slope)
    return tuple(
        CurveFit(
            run_id=run_id,
            target=target,
            slope=float(fits.slope[i]),
            intercept=float(fits.intercept[i]),
            r_squared=float(fits.r_squared[i]),
            efficiency=float(efficiency[i]),
            residual_sd_cycles=float(fits.residual_sd[i]),
            wells=int(fits.wells[i]),
            lowest_copies=round(float(10.0 ** fits.low_log10[i]), 6),
            highest_copies=round(float(10.0 ** fits.high_log10[i]), 6),
            mean_log10_copies=float(fits.mean_log10[i]),
            sum_squares_log10=float(fits.sum_squares_log10[i]),
            verdict="fail" if curves.reasons[i] else "pass",
            reasons=curves.reasons[i],
            rule_id=curves.rule_id,
            **_history(curves.lines, i),
        )
        for run_id, target, i in curves.keys.iter_rows()
        if np.isfinite(fits.slope[i]) and not curves.lines.lent[i]
    )


def _history(lines: ReadLines, row: int) -> dict[str, Any]:
    """What the evidence reads instead of the least-squares line, if anything."""
    plates = int(lines.history_plates[row])
    if not plates:
        return {}
    return {
        "history_plates": plates,
        "evidence_slope": float(lines.slope[row]),
        "evidence_intercept": float(lines.intercept[row]),
    }


def curve_findings(curves: Curves) -> list[Finding]:
    """What is wrong with curves.

    Parameters
    ----------
    curves : Curves
        Judged curves.

    Returns
    -------
    list of Finding
        One a failed curve.
    """
    return [
        Finding(
            code="qpcr.curve_failed",
            severity="failure",
            subject=f"run {run_id}",
            message=f"The standard curve of {target} fails the gates ({curves.rule_label}): {'; '.join(curves.reasons[i])}. Copies of {target} are blocked on this run.",
            advice="Repeat the run; no other run's curve is used.",
        )
        for run_id, target, i in curves.keys.iter_rows()
        if curves.reasons[i]
    ]


def last_cycle_findings(curves: Curves, frame: pl.DataFrame) -> list[Finding]:
    """Runs that end before one copy is due.

    Parameters
    ----------
    curves : Curves
        Judged curves.
    frame : polars.DataFrame
        Well frame, for the cycles of each run.

    Returns
    -------
    list of Finding
        One a passing curve whose single copy may come after the last cycle.
    """
    cycles = dict(frame.select("run_id", "cycles").drop_nulls().unique().iter_rows())
    findings = []
    for run_id, target, i in curves.keys.iter_rows():
        last, due = cycles.get(run_id), curves.lines.intercept[i]
        if last is None or curves.reasons[i] or last > due + 3.0 * curves.technical_sd_cycles[i]:
            continue
        hidden = 10.0 ** ((last - due) / curves.lines.slope[i])
        findings.append(
            Finding(
                code="qpcr.last_cycle",
                severity="warning",
                subject=f"run {run_id}",
                message=f"One copy of {target} is due at Cq {due:.1f}, the run ends at {last:g}: a silent well may hide about {hidden:.1f} copies, and the bounds say so.",
                advice="Run more cycles.",
            )
        )
    return findings


def fit_curves(wells: Sequence[Well], gates: CurveGates) -> tuple[CurveFit, ...]:
    """Standard curves of wells, without any sample.

    Parameters
    ----------
    wells : sequence of Well
        Wells; only accepted standards count.
    gates : CurveGates
        When a curve passes.

    Returns
    -------
    tuple of CurveFit
        One for each run and target with at least two levels.

    References
    ----------
    .. [1] Gabert et al., Leukemia 17, 2318-2357 (2003): gates of the Europe Against Cancer programme.

    Examples
    --------
    >>> from remnant.knowledge.qpcr import curve_gates
    >>> cq = {1e1: 36.1, 1e3: 29.3, 1e5: 22.5}
    >>> wells = [
    ...     Well(run_id="R-01", position=f"A{i}", target="WT1", sample="STD", kind="standard",
    ...          detected=True, cq=value, standard_copies=copies)
    ...     for i, (copies, value) in enumerate(cq.items())
    ... ]
    >>> [curve] = fit_curves(wells, curve_gates("eac_2003"))
    >>> round(curve.slope, 2), round(curve.efficiency, 3), curve.verdict
    (-3.4, 0.968, 'pass')
    """
    frame, _findings = well_frame(wells)
    return curve_records(judged_curves(frame, gates, well_assumptions()))
