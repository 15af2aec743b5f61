"""Curves read together with the history of their assay: what a plate borrows, and where it has drifted.

The history is every accepted curve of one target and one lot of standards. A lot with few plates borrows the
slopes and the pipetting of the target's longest history, not the heights. The laboratory's own arithmetic, its
gates and its point values stay on the plate's own least-squares line; the evidence reads the line that plate
and history give together. A plate that the history refutes is said, and reads its own line. Where the study
lets assays borrow from each other, those without a history of their own do (`laboratory_line`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.curves import Curves, ReadLines, curve_wells
from remnant.assay.qpcr.laboratory_line import Untaught, with_laboratory
from remnant.knowledge.calibration import CalibrationRules, CurveChoice
from remnant.knowledge.qpcr import WellAssumptions
from remnant.numerics import calibration, calibration_ladder, calibration_silent
from remnant.numerics.standard_curve import Calibration
from remnant.records.finding import Finding
from remnant.records.run import Run
from remnant.units import number_text

__all__ = ["default_spread", "with_history"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SUSPECT: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Assay:
    """Accepted plates of one target and lot."""

    target: str
    lot: str
    curve: Integers
    runs: tuple[str, ...]
    held: calibration_ladder.Ladder
    technical: Floats


def default_spread(rules: CalibrationRules) -> calibration.Spread:
    """Standard deviations before the plates speak.

    Parameters
    ----------
    rules : CalibrationRules
        Rows of the table.

    Returns
    -------
    Spread
        Half of the variance of a level is shared by the plates of a lot.
    """
    each = rules.level_sd / 2.0**0.5
    return calibration.Spread(
        height_sd=rules.height_sd,
        slope_sd=rules.slope_sd,
        correlation=0.0,
        plate_level_sd=each,
        shared_level_sd=each,
    )


def with_history(
    curves: Curves,
    frame: pl.DataFrame,
    *,
    runs: Sequence[Run],
    assumptions: WellAssumptions,
    rules: CalibrationRules,
    borrow: CurveChoice = "own",
) -> tuple[Curves, list[Finding]]:
    """Let every accepted curve borrow from the other plates of its assay.

    Parameters
    ----------
    curves : Curves
        Judged curves; only those that pass make a history.
    frame : polars.DataFrame
        Well frame.
    runs : sequence of Run
        For the lot of the standards.
    assumptions : WellAssumptions
        Technical error before the standards speak, and the detection probability.
    rules : CalibrationRules
        When and how a plate borrows.
    borrow : {"own", "laboratory"}, default "own"
        Whether assays without a history of their own borrow from the laboratory's other assays.

    Returns
    -------
    curves : Curves
        With the lines that evidence reads, and the technical error that the history teaches.
    findings : list of Finding
        Drifted plates, dilutions that are off on all plates, silent standards that refute the detection
        probability, what was borrowed from other assays.

    References
    ----------
    .. [1] Laird and Ware, Biometrics 38, 963-974 (1982): lines drawn from a common law.
    """
    lots = {run.run_id: run.standard_lot or "" for run in runs if run.standard_lot}
    lines, technical = curves.lines, curves.technical_sd_cycles.copy()
    slope, intercept = lines.slope.copy(), lines.intercept.copy()
    plates = lines.history_plates.copy()
    error = Calibration(
        lines.error.variance.copy(),
        lines.error.covariance.copy(),
        lines.error.slope_variance.copy(),
        lines.error.mean_log10.copy(),
    )
    findings: list[Finding] = []
    longest: dict[str, calibration.History] = {}
    untaught: list[Untaught] = []
    for assay in _assays(curves, frame, lots=lots, assumptions=assumptions):
        keep = np.ones(len(assay.held), dtype=bool)
        if len(assay.held) >= rules.history_plates:
            keep, history, drifted = _without_drift(assay, rules, assumptions.detection_probability)
            longest.setdefault(assay.target, history)
            findings += [*drifted, *_levels_off(assay, history, rules)]
        elif assay.target in longest:
            history = calibration.for_other_standards(longest[assay.target], assay.held)
        else:
            untaught.append(Untaught(assay.target, assay.lot, assay.curve))
            continue
        technical[assay.curve] = assay.technical
        rows = assay.curve[keep]
        read = calibration.posterior_lines(assay.held.take(keep), history, technical=assay.technical[keep])
        slope[rows], intercept[rows], plates[rows] = read.slope, read.intercept, history.plates
        squared = np.square(read.slope)
        error.variance[rows] = read.covariance[:, 0, 0] / squared
        error.covariance[rows] = read.covariance[:, 0, 1] / squared
        error.slope_variance[rows] = read.covariance[:, 1, 1] / squared
        error.mean_log10[rows] = read.centre
        findings += _refuted_detection(assay, keep, read, frame, history=history, rules=rules)
    read_lines = ReadLines(slope, intercept, error, plates, lines.lent)
    joined = replace(curves, lines=read_lines, technical_sd_cycles=technical)
    if borrow == "own":
        return joined, findings
    taught, said = with_laboratory(
        joined, frame, untaught=untaught, runs=runs, assumptions=assumptions, rules=rules
    )
    return taught, [*findings, *said]


def _assays(
    curves: Curves,
    frame: pl.DataFrame,
    *,
    lots: Mapping[str, str],
    assumptions: WellAssumptions,
) -> list[_Assay]:
    """Accepted curves by target and lot, those with most plates first."""
    passing = [
        (target, lots.get(run_id, ""), run_id, curve)
        for run_id, target, curve in curves.keys.iter_rows()
        if not curves.reasons[curve]
    ]
    standards = curve_wells(frame)
    found = []
    for target, lot in dict.fromkeys((target, lot) for target, lot, _, _ in passing):
        members = [(run_id, curve) for name, of, run_id, curve in passing if (name, of) == (target, lot)]
        place = pl.DataFrame({"run_id": [run_id for run_id, _ in members], "plate": range(len(members))})
        wells = standards.filter(pl.col("target") == target).join(place, on="run_id", maintain_order="left")
        held = calibration_ladder.ladder(
            wells["plate"].to_numpy().astype(np.int64),
            np.log10(wells["standard_copies"].to_numpy()),
            wells["cq"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
            plates=len(members),
        )
        technical = calibration_ladder.technical_sd(
            held,
            slope=calibration_ladder.common_slope(held),
            detection_probability=assumptions.detection_probability,
            default=assumptions.technical_sd,
            weight=assumptions.technical_sd_weight,
        )
        curve = np.array([curve for _, curve in members], dtype=np.int64)
        found.append(_Assay(target, lot, curve, tuple(run_id for run_id, _ in members), held, technical))
    return sorted(found, key=lambda assay: -len(assay.held))


def _fitted(assay: _Assay, keep: Bools, rules: CalibrationRules, detection: float) -> calibration.History:
    return calibration.fit_history(
        assay.held.take(keep),
        technical=assay.technical[keep],
        default=default_spread(rules),
        weight=rules.history_weight,
        detection_probability=detection,
    )


def _without_drift(
    assay: _Assay, rules: CalibrationRules, detection: float
) -> tuple[Bools, calibration.History, list[Finding]]:
    """Plates that belong together, their history, and the plates that it refutes, worst first."""
    keep = np.ones(len(assay.held), dtype=bool)
    history = _fitted(assay, keep, rules, detection)
    findings = []
    while keep.sum() > max(rules.history_plates - 1, 2):
        suspicion = calibration.drift(assay.held, history, technical=assay.technical)
        worst = int(np.argmin(np.where(keep & np.isfinite(suspicion), suspicion, np.inf)))
        if not suspicion[worst] < _SUSPECT:
            break
        others = keep.copy()
        others[worst] = False
        without = _fitted(assay, others, rules, detection)
        one = np.array([worst])
        p_value = calibration.drift(assay.held.take(one), without, technical=assay.technical[one])[0]
        if not p_value < rules.drift_p / len(keep):
            break
        findings.append(_drifted(assay, worst, without, p_value=float(p_value)))
        keep, history = others, without
    return keep, history, findings


def _drifted(assay: _Assay, plate: int, history: calibration.History, *, p_value: float) -> Finding:
    one = np.array([plate])
    own = calibration.own_lines(assay.held.take(one), history, technical=assay.technical[one])
    height, slope = float(own.height[0] - history.mean[0]), float(own.slope[0] - history.mean[1])
    return Finding(
        code="qpcr.curve_drift",
        severity="warning",
        subject=f"run {assay.runs[plate]}",
        message=(
            f"The standard curve of {assay.target} is not one of the other {history.plates}: {height:+.2f} cycles at "
            f"{10.0**history.centre:.3g} copies, slope {slope:+.3f} (P = {p_value:.1g}). It is read by its own standards alone."
        ),
        advice="Compare the lots of kit, primers and standards, the threshold and the instrument with the runs before.",
    )


def _levels_off(assay: _Assay, history: calibration.History, rules: CalibrationRules) -> list[Finding]:
    """Dilutions of the lot that all plates show off the line."""
    mean, sd = history.mean[2:], np.sqrt(np.diag(history.covariance)[2:])
    lot = f" of lot {assay.lot}" if assay.lot else ""
    return [
        Finding(
            code="qpcr.standard_level_off",
            severity="warning",
            subject=f"target {assay.target}",
            message=(
                f"The standard of {number_text(10.0**copies)} copies{lot} reads {off:+.2f} cycles off the line on {history.plates} plates: "
                f"it holds about {number_text(10.0 ** (copies + off / history.mean[1]))} copies."
            ),
            advice="Dilute the standards anew, or measure them by digital PCR.",
        )
        for copies, off, spread in zip(
            assay.held.log10_copies.tolist(), mean.tolist(), sd.tolist(), strict=True
        )
        if abs(off) > rules.level_off_z * spread
    ]


def _refuted_detection(
    assay: _Assay,
    keep: Bools,
    read: calibration.Lines,
    frame: pl.DataFrame,
    *,
    history: calibration.History,
    rules: CalibrationRules,
) -> list[Finding]:
    """Whether the silent standards contradict the detection probability that the evidence assumes."""
    held = assay.held.take(keep)
    if not held.silent.any():
        return []
    cycles = dict(frame.select("run_id", "cycles").drop_nulls().unique().iter_rows())
    last = np.array(
        [cycles.get(run, np.inf) for run, kept in zip(assay.runs, keep, strict=True) if kept], dtype=float
    )
    best, p_value = calibration_silent.detection_probability(
        held, read, technical=assay.technical[keep], last_cycle=last, assumed=history.detection_probability
    )
    if p_value >= rules.refuted_detection_p:
        return []
    wells = int((held.silent + held.wells).sum())
    return [
        Finding(
            code="qpcr.detection_probability",
            severity="warning",
            subject=f"target {assay.target}",
            message=(
                f"{int(held.silent.sum())} of {wells} standard wells are silent: they fit a detection probability of {best:.2f} a molecule, "
                f"not {history.detection_probability:g} (P = {p_value:.1g}), or weak dilutions. The evidence keeps {history.detection_probability:g}."
            ),
            advice="Run remnant validate-assay on a dilution series, and dilute the low standards anew.",
        )
    ]
