"""How amplification curves are read and called, as one typed record."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from remnant.knowledge import tables

__all__ = ["AmplificationRules", "amplification_rules"]

_TABLE = "qpcr_curves"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplificationRules:
    """Values of ``qpcr_curves.toml``.

    Attributes
    ----------
    share_of_height : float
        Share of a curve's height at which its Cq is read.
    early_share_of_height : float
        Smaller share, for the combination of cycles.
    window_longest, window_shortest : int
        Cycles of the window of linearity.
    misfit_curves : int
        Curves from which the common misfit of an assay is no error of one well.
    efficiency_outlier : float
        Robust standard deviations beyond which one curve's efficiency is left out of the mean.
    cycles_needed : int
        Readings without which a curve is not judged.
    cycles_for_drift : int
        Readings without which a slow rise is not called drift.
    beats_line : float
        Share of the variance about a straight line that the sigmoid must explain.
    slow_rise, slow_rise_relative, weak_rise : float
        When a rise is drift: cycles, cycles over the steepest cycle, fold over the early fluorescence.
    quick_rise : float
        Cycles up to which a rise is never drift.
    fast_rise : float
        Cycles below which a rise is doubtful.
    spike_of_range, spike_of_noise : float
        Distance of one reading from its neighbours, over the range of the other readings and over the usual distance,
        beyond which a curve without a sigmoid is doubtful.
    saturated_readings : int
        Last readings at exactly the highest value from which a detector may be saturated.
    saturated_step : float
        Rise before them, over the height, above which the curve was still rising.
    cq_difference : float
        Cycles between our Cq and the instrument's that are a finding.
    level_quantile : float
        Quantile of the heights of a target's curves in a run of which the share is the one fluorescence for all.
    plateau_levels : int
        Levels of standards that show whether plateaus depend on the copies.
    plateau_slope_change, plateau_z : float
        Share of a standard curve's slope that the plateaus may take, and standard errors of it, beyond which all curves
        of the target are read at one fluorescence.
    combination_assays, combination_levels : int
        Other assays, and levels of each of their standard curves, from which the combination is learned.
    combination_z : float
        Standard errors by which it must beat the single Cq.
    combination_ridge_least, combination_ridge_most : float
        Penalties between which it chooses, by steps of ten.
    version : str
        Version of the table.
    """

    share_of_height: float
    early_share_of_height: float
    window_longest: int
    window_shortest: int
    misfit_curves: int
    efficiency_outlier: float
    cycles_needed: int
    cycles_for_drift: int
    beats_line: float
    slow_rise: float
    slow_rise_relative: float
    quick_rise: float
    weak_rise: float
    fast_rise: float
    spike_of_range: float
    spike_of_noise: float
    saturated_readings: int
    saturated_step: float
    cq_difference: float
    level_quantile: float
    plateau_levels: int
    plateau_slope_change: float
    plateau_z: float
    combination_assays: int
    combination_levels: int
    combination_z: float
    combination_ridge_least: float
    combination_ridge_most: float
    version: str


@functools.cache
def amplification_rules() -> AmplificationRules:
    """The rows of the table.

    Returns
    -------
    AmplificationRules
        As they ship.

    Examples
    --------
    >>> amplification_rules().share_of_height
    0.15
    """
    values = {row["id"]: row["value"] for row in tables.rows(_TABLE)}
    return AmplificationRules(**values, version=f"{_TABLE} {tables.version(_TABLE)}")
