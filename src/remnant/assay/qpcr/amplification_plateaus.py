"""Plateaus that depend on the copies, and a Cq that does not lean on them.

Our Cq is read at a share of each curve's own height. That takes out what a well multiplies its fluorescence by, and
is right where the plateaus of an assay do not depend on how much template there was. Where later curves end lower,
as with a probe or a polymerase that wears out, the share is less product in a well of few copies: it is reached too
soon, and the standard curve is too flat, whatever the amplification. The standards of the run show it. Then all curves
of the target on the run are read at one fluorescence, as a threshold reads them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from remnant.knowledge.qpcr_curves import AmplificationRules, amplification_rules
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.run import Well

__all__ = ["DependentPlateaus", "dependent_plateaus", "leveled_results"]

Floats = NDArray[np.float64]
Assay = tuple[str, str]

_NOT_REACHED = "it does not reach the fluorescence at which the target is read on this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependentPlateaus:
    """Plateaus of a target on a run that depend on the copies.

    Attributes
    ----------
    wells, levels : int
        Standards that show it.
    height_fold : float
        Height of a curve over that of a curve with ten times its copies.
    slope_of_share : float
        Slope of the standard curve of cycles at a share of each curve's own height, cycles a tenfold.
    slope_at_level : float
        The same of cycles at one fluorescence.
    """

    wells: int
    levels: int
    height_fold: float
    slope_of_share: float
    slope_at_level: float


def dependent_plateaus(
    wells: Sequence[Well], results: Sequence[CurveResult], *, rules: AmplificationRules | None = None
) -> dict[Assay, DependentPlateaus]:
    """Runs and targets whose plateaus depend on the copies so much that it bends a standard curve.

    Parameters
    ----------
    wells : sequence of Well
        Standards carry their copies.
    results : sequence of CurveResult
        Their curves, read by us.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.

    Returns
    -------
    dict of (str, str) to DependentPlateaus
        By run and target; only those beyond the bounds.

    Notes
    -----
    ``share_cq - level_cq`` of the accepted standards is regressed on log10 copies. Its slope is what the plateaus take
    from the slope of the standard curve: both bounds, its share of the slope and its standard errors from zero, must
    be passed.

    Examples
    --------
    >>> dependent_plateaus([], [])
    {}
    """
    chosen = rules or amplification_rules()
    by_place = {(one.run_id, one.position, one.target): one for one in results}
    standards: dict[Assay, list[tuple[float, float, float, float]]] = {}
    for well in wells:
        result = by_place.get((well.run_id, well.position, well.target))
        if well.kind != "standard" or not well.standard_copies or well.excluded is not None or result is None:
            continue
        if result.call != "amplified" or not result.height or not result.share_cq or not result.level_cq:
            continue
        row = (
            math.log10(well.standard_copies),
            result.share_cq,
            result.level_cq,
            math.log(result.height),
        )
        standards.setdefault((well.run_id, well.target), []).append(row)
    found = ((assay, _judged(np.array(rows), chosen)) for assay, rows in standards.items())
    return {assay: one for assay, one in found if one is not None}


def _judged(rows: Floats, rules: AmplificationRules) -> DependentPlateaus | None:
    """Plateaus of the standards of one run and target; None within the bounds."""
    log10_copies, share, level, log_height = rows.T
    levels = len(np.unique(log10_copies.round(9)))
    if levels < rules.plateau_levels:
        return None
    x = log10_copies - log10_copies.mean()
    squares = float(x @ x)
    change = float(x @ (share - level)) / squares
    slope = float(x @ level) / squares
    rest = share - level - (share - level).mean() - change * x
    error = math.sqrt(float(rest @ rest) / (len(x) - 2) / squares)
    if not abs(change) > rules.plateau_slope_change * abs(slope) or not abs(change) > rules.plateau_z * error:
        return None
    return DependentPlateaus(
        wells=len(x),
        levels=levels,
        height_fold=math.exp(-float(x @ log_height) / squares),
        slope_of_share=slope + change,
        slope_at_level=slope,
    )


def leveled_results(
    wells: Sequence[Well], results: Sequence[CurveResult], *, rules: AmplificationRules | None = None
) -> tuple[tuple[CurveResult, ...], tuple[Finding, ...]]:
    """Curves with a Cq at one fluorescence where the plateaus of their target depend on the copies.

    Parameters
    ----------
    wells : sequence of Well
        Standards carry their copies.
    results : sequence of CurveResult
        Their curves, read by us.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.

    Returns
    -------
    results : tuple of CurveResult
        In the same order; those of other targets as they are. A curve that does not reach the fluorescence has no Cq.
    findings : tuple of Finding
        ``qpcr.plateau_depends``, one a run and target.

    Examples
    --------
    >>> leveled_results([], [])
    ((), ())
    """
    chosen = rules or amplification_rules()
    found = dependent_plateaus(wells, results, rules=chosen)
    changed = tuple(_leveled(one, found) for one in results)
    return changed, tuple(_finding(assay, one, chosen) for assay, one in found.items())


def _leveled(result: CurveResult, found: Mapping[Assay, DependentPlateaus]) -> CurveResult:
    if (result.run_id, result.target) not in found or result.cq is None:
        return result
    if result.level_cq is None:
        return replace(result, cq=None, cq_se=None, reason=_NOT_REACHED)
    return replace(result, cq=result.level_cq, cq_se=result.level_se)


def _finding(assay: Assay, found: DependentPlateaus, rules: AmplificationRules) -> Finding:
    run_id, target = assay
    way = "lower" if found.height_fold < 1.0 else "higher"
    return Finding(
        code="qpcr.plateau_depends",
        severity="warning",
        subject=f"run {run_id}",
        message=(
            f"The plateaus of {target} depend on the copies: a tenfold fewer end {way}, at {found.height_fold:.2f} times the height. A Cq at a share of "
            f"each curve's own plateau would give its {found.wells} standards a slope of {found.slope_of_share:.2f}; read at one fluorescence, as our "
            f"Cq of all its curves on this run now is, the slope is {found.slope_at_level:.2f}."
        ),
        found=f"slope {found.slope_of_share:.2f} by the plateaus, {found.slope_at_level:.2f} at one fluorescence",
        needed=f"slopes within {100 * rules.plateau_slope_change:g} % of each other",
        advice="Look at the curves beside each other: copies are told by the rise. Check probe, polymerase and the number of cycles, which let late curves end early.",
    )
