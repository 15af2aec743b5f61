"""Limit of blank of an assay, and what blanks with signals make of its limit of detection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.stats import beta, poisson

from remnant.numerics import calibration_ladder, calibration_range, detection_curve
from remnant.records.finding import Finding
from remnant.records.run import Well
from remnant.records.validation import BlankLimit, DetectionLimit

__all__ = ["beside_blank", "limit_of_blank"]

_CONFIDENCE: Final = 0.95


def limit_of_blank(
    blanks: Sequence[Well],
    line: calibration_range.LinearRange | None,
    held: calibration_ladder.Ladder,
    *,
    by_rank_from: float,
) -> BlankLimit:
    """Limit of blank by ranks and by model.

    Parameters
    ----------
    blanks : sequence of Well
        Wells without template.
    line : LinearRange or None
        Line that reads their signals; None where there is none.
    held : Ladder
        Standards of the line.
    by_rank_from : float
        Blanks from which the limit by ranks is given.

    Returns
    -------
    BlankLimit
        By ranks only with enough blanks; by model from the upper bound of the rate of signals.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): the 95th percentile of blanks, by ranks.
    """
    n = len(blanks)
    positive = [well.cq for well in blanks if well.cq is not None]
    k = len(positive)
    upper = float(beta.ppf(_CONFIDENCE, k + 1, n - k)) if k < n else 1.0
    ranked = n >= by_rank_from
    return BlankLimit(
        wells=n,
        positive=k,
        rate=k / n,
        rate_upper=upper,
        by_ranks=_by_ranks(positive, n, line, held) if ranked else None,
        ranked=ranked,
        by_model=_by_model(upper),
    )


def beside_blank(
    detection: tuple[DetectionLimit, ...],
    data: detection_curve.Detections,
    blank: BlankLimit,
    *,
    target: str,
) -> tuple[tuple[DetectionLimit, ...], list[Finding]]:
    """Limits of detection beside the limit of blank.

    Parameters
    ----------
    detection : tuple of DetectionLimit
        Limits that take every signal for a detection.
    data : Detections
        Wells with a signal by level.
    blank : BlankLimit
        Limit of blank.
    target : str
        For the findings.

    Returns
    -------
    detection : tuple of DetectionLimit
        The same where blanks are clean; the limit above the blank first where some gave a signal; none is the assay's
        where all did.
    findings : list of Finding
        ``validation.blank_signals``, if any.
    """
    if not blank.positive:
        return detection, []
    others = tuple(replace(one, chosen=False) for one in detection)
    if blank.positive == blank.wells:
        return others, [_all_blanks(blank, target)]
    within = _molecules_of_blank(blank)
    if within <= 0:
        return detection, []
    above, said = _above_blank(data, blank, within, target=target)
    return (above, *others), [said]


def _all_blanks(blank: BlankLimit, target: str) -> Finding:
    return Finding(
        code="validation.blank_signals",
        severity="failure",
        subject=f"target {target}",
        message=f"All {blank.wells} blanks of {target} gave a signal: no signal tells a sample from a blank, and the assay has no limit of detection.",
        advice="Look for contamination, and measure clean blanks.",
    )


def _molecules_of_blank(blank: BlankLimit) -> float:
    """Molecules that blank wells stay within; of the share of signals itself where there are blanks enough for ranks."""
    if not blank.ranked:
        return blank.by_model or 0.0
    return float(poisson.ppf(_CONFIDENCE, -np.log1p(-blank.rate)))


def _above_blank(
    data: detection_curve.Detections, blank: BlankLimit, within: float, *, target: str
) -> tuple[DetectionLimit, Finding]:
    """Limit of detection above the limit of blank, where blanks give signals."""
    copies, lower, upper = detection_curve.above_blank(
        data, blank_molecules=-float(np.log1p(-blank.rate)), limit_of_blank=within
    )
    limit = DetectionLimit(
        model="above blank",
        chosen=True,
        copies=copies,
        lower=lower if np.isfinite(lower) else None,
        upper=upper if np.isfinite(upper) else None,
    )
    return limit, Finding(
        code="validation.blank_signals",
        severity="warning",
        subject=f"target {target}",
        message=(
            f"{blank.positive} of {blank.wells} blanks of {target} gave a signal: blank wells stay within {within:g} "
            f"molecules (95 %), so that one signal is no detection. The limit of detection is {copies:.2g} copies a well, "
            "where 95 % of wells hold more."
        ),
        advice="Look for contamination; a limit from clean blanks is lower.",
    )


def _by_ranks(
    positive: Sequence[float],
    wells: int,
    line: calibration_range.LinearRange | None,
    held: calibration_ladder.Ladder,
) -> float | None:
    """95th percentile at rank 0.5 + 0.95 n, between neighbours; None where that rank is silent."""
    if line is None:
        return None
    inside = np.where(line.inside, held.wells, 0).astype(float)
    height = float((inside * (held.mean - line.slope * held.log10_copies)).sum() / inside.sum())
    copies = np.sort(
        np.r_[np.zeros(wells - len(positive)), 10.0 ** ((np.array(positive) - height) / line.slope)]
    )
    rank = 0.5 + _CONFIDENCE * wells
    value = float(np.interp(rank, np.arange(1, wells + 1), copies))
    return value if value > 0 else None


def _by_model(rate: float) -> float | None:
    """95th percentile of the molecules in a blank well; None where it is no signal."""
    if rate >= 1.0:
        return None
    molecules = float(poisson.ppf(_CONFIDENCE, -np.log1p(-rate)))
    return molecules if molecules > 0 else None
