"""What a quantification gives: measurements, and everything that stands behind them."""

from __future__ import annotations

from dataclasses import dataclass

from remnant.records.control import ControlPoint, VarianceComponent
from remnant.records.finding import Finding
from remnant.records.measurement import CurveFit, Measurement, WellUse

__all__ = ["Quantified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantified:
    """Result of `remnant.assay.qpcr.quantify`.

    Attributes
    ----------
    measurements : tuple of Measurement
        One for each assay, run and cDNA; internal controls are charted instead.
    curve_fits : tuple of CurveFit
        Standard curves, accepted or not.
    well_uses : tuple of WellUse
        One for each well that came in, in the same order.
    control_points : tuple of ControlPoint
        Levey-Jennings points.
    variance : tuple of VarianceComponent
        Errors above the tube as they were used.
    findings : tuple of Finding
        What was noticed.
    """

    measurements: tuple[Measurement, ...]
    curve_fits: tuple[CurveFit, ...]
    well_uses: tuple[WellUse, ...]
    control_points: tuple[ControlPoint, ...]
    variance: tuple[VarianceComponent, ...]
    findings: tuple[Finding, ...]
