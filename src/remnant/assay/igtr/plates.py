"""One plate of one rearrangement: its curve, quantitative range, sensitivity and background, and what blocks it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from remnant.knowledge.igtr import IgTrAssumptions
from remnant.knowledge.qpcr import well_assumptions
from remnant.knowledge.rules import RuleRow
from remnant.knowledge.rules_igtr import Dilution, PlateRange, numbers_of, plate_range
from remnant.numerics import standard_curve
from remnant.numerics.amplified_background import Background, amplified_background
from remnant.numerics.standard_curve import Calibration, Floats, Integers
from remnant.records.igtr import IgTrWell

__all__ = ["Line", "Plate", "read_plates"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Standard curve in target molecules: diagnosis DNA counts as all target.

    Attributes
    ----------
    slope, intercept, r_squared : float
        ``Cq = intercept + slope * log10 molecules``.
    technical_sd_log10 : float
        Of one well.
    calibration : Calibration
        Error of the line.
    """

    slope: float
    intercept: float
    r_squared: float
    technical_sd_log10: float
    calibration: Calibration

    def molecules_log10(self, cqs: Iterable[float | None]) -> Floats:
        """Readings of wells.

        Parameters
        ----------
        cqs : iterable of float or None
            Cq; None where nothing was amplified.

        Returns
        -------
        ndarray of float
            log10 molecules; NaN for a silent well.
        """
        values = np.array([np.nan if cq is None else cq for cq in cqs], dtype=float)
        return (values - self.intercept) / self.slope

    def sd_log10(self, molecules_log10: float) -> float:
        """Error of the line at a level.

        Parameters
        ----------
        molecules_log10 : float
            Level.

        Returns
        -------
        float
            Standard deviation of log10 molecules.
        """
        return float(self.calibration.sd_log10(np.zeros(1, dtype=np.int64), np.array([molecules_log10]))[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plate:
    """What the wells of samples are read against.

    Attributes
    ----------
    run_id, patient_id, rearrangement : str
        The plate.
    range : PlateRange
        Quantitative range and sensitivity, by the rules.
    background_cqs : tuple of float or None
        Wells of polyclonal background.
    line : Line or None
        Curve through the quantitative range; None where it has fewer than two dilutions.
    background : Background or None
        Of the evidence; None without a line.
    samples : dict of str to tuple of IgTrWell
        Follow-up wells that count, by sample.
    obstacle, obstacle_code : str
        Why nothing can be read; empty if it can.
    """

    run_id: str
    patient_id: str
    rearrangement: str
    range: PlateRange
    background_cqs: tuple[float | None, ...]
    line: Line | None
    background: Background | None
    samples: dict[str, tuple[IgTrWell, ...]]
    obstacle: str
    obstacle_code: str


def read_plates(
    wells: Iterable[IgTrWell], *, rows: Sequence[RuleRow], assumed: IgTrAssumptions
) -> tuple[Plate, ...]:
    """Plates of wells: one a run, patient and rearrangement.

    Parameters
    ----------
    wells : iterable of IgTrWell
        Wells of any number of runs; those that the laboratory excluded, and those without a stored Cq, do not count.
    rows : sequence of RuleRow
        EuroMRD's rows of kind ``interpretation``.
    assumed : IgTrAssumptions
        Assumptions of the evidence.

    Returns
    -------
    tuple of Plate
        By run, patient and rearrangement.
    """
    counted = [one for one in wells if one.excluded is None and one.detected is not None]
    counted.sort(key=lambda one: (one.run_id, one.patient_id, one.rearrangement, one.position))
    groups = itertools.groupby(counted, key=lambda one: (one.run_id, one.patient_id, one.rearrangement))
    return tuple(_plate(*key, list(held), rows=rows, assumed=assumed) for key, held in groups)


def _plate(
    run_id: str,
    patient_id: str,
    rearrangement: str,
    wells: Sequence[IgTrWell],
    *,
    rows: Sequence[RuleRow],
    assumed: IgTrAssumptions,
) -> Plate:
    diluted = [one for one in wells if one.kind == "dilution"]
    shares = sorted({one.diagnosis_share or 0.0 for one in diluted}, reverse=True)
    series = [
        Dilution(share=share, cts=tuple(one.cq for one in diluted if one.diagnosis_share == share))
        for share in shares
    ]
    blanks = tuple(one.cq for one in wells if one.kind == "background")
    found = plate_range(series, blanks, rows)
    inside = {one.share for one in found.quantitative}
    line = None
    if len(inside) > 1:
        line = _line([one for one in diluted if one.diagnosis_share in inside], assumed)
    samples: dict[str, list[IgTrWell]] = {}
    for one in wells:
        if one.kind == "follow_up":
            samples.setdefault(one.sample_id or "", []).append(one)
    code, text = _obstacle(wells, line, rows)
    return Plate(
        run_id=run_id,
        patient_id=patient_id,
        rearrangement=rearrangement,
        range=found,
        background_cqs=blanks,
        line=line,
        background=None
        if line is None
        else amplified_background(
            line.molecules_log10(blanks),
            default_sd_log10=assumed.background_sd_log10,
            least_wells=assumed.background_least_wells,
        ),
        samples={name: tuple(held) for name, held in samples.items()},
        obstacle=text,
        obstacle_code=code,
    )


def _line(wells: Sequence[IgTrWell], assumed: IgTrAssumptions) -> Line:
    """Least squares through the dilutions of the range, with the error of a line through few levels."""
    cells = np.array([one.dna_ng or 0.0 for one in wells]) / assumed.dna_ng_per_cell
    x = np.log10(cells * np.array([one.diagnosis_share or 0.0 for one in wells]))
    cq = np.array([one.cq for one in wells], dtype=float)
    curve: Integers = np.zeros(len(wells), dtype=np.int64)
    fitted = standard_curve.fit(curve, x, cq, curves=1)
    spread = well_assumptions()
    sd = standard_curve.technical_sd_cycles(
        curve,
        x,
        cq,
        slope=fitted.slope,
        default=spread.technical_sd,
        weight=spread.technical_sd_weight,
    )
    return Line(
        slope=float(fitted.slope[0]),
        intercept=float(fitted.intercept[0]),
        r_squared=float(fitted.r_squared[0]),
        technical_sd_log10=float(sd[0] / abs(fitted.slope[0])),
        calibration=standard_curve.calibration(
            fitted,
            curve,
            x,
            cq,
            technical_sd_cycles=sd,
            level_sd=spread.standard_level_sd,
            level_weight=spread.standard_level_weight,
        ),
    )


def _obstacle(wells: Sequence[IgTrWell], line: Line | None, rows: Sequence[RuleRow]) -> tuple[str, str]:
    """Code and reason of what blocks the whole plate."""
    blank = [one.cq for one in wells if one.kind == "ntc" and one.cq is not None]
    if blank:
        return "igtr.ntc", f"a well without template amplified at Ct {min(blank):.1f}"
    if line is None:
        return "igtr.no_curve", "fewer than two dilutions are in the quantitative range: there is no curve"
    number = numbers_of(rows)
    judged = (
        ("slope", -line.slope, number["", "flattest slope"]),
        ("slope", -line.slope, number["", "steepest slope"]),
        ("R²", line.r_squared, number["", "coefficient of determination"]),
    )
    failed = [
        f"{name} {'-' if name == 'slope' else ''}{value:.3f}, {row.compare} {row.threshold:g} needed"
        for name, value, row in judged
        if not row.holds(value)
    ]
    return ("igtr.curve", f"the standard curve failed: {'; '.join(failed)}") if failed else ("", "")
