"""What calibration over plates and the validation of an assay assume, as typed rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from remnant.knowledge import tables

__all__ = [
    "CURVE_CHOICES",
    "CalibrationRules",
    "CurveChoice",
    "QuantificationRule",
    "calibration_rules",
    "quantification_rules",
    "unverified",
    "unverified_between_assays",
]

CurveChoice = Literal["own", "laboratory"]
CURVE_CHOICES: tuple[str, ...] = CurveChoice.__args__  # type: ignore[attr-defined]
"""Whether an assay with few plates, or without standards, borrows from the laboratory's other assays."""
_TABLE = "qpcr_calibration"
_LIMITS = "qpcr_quantification_limits"
_BETWEEN_ASSAYS = ("assay_height_sd", "assay_slope_sd")
_CURVES = ("height_sd", "slope_sd", "level_sd", *_BETWEEN_ASSAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRules:
    """Values of ``qpcr_calibration.toml``.

    Attributes
    ----------
    history_plates : float
        Accepted curves from which a plate borrows.
    height_sd, slope_sd, level_sd : float
        Standard deviations before the plates speak: cycles, cycles a tenfold, cycles.
    history_weight : float
        Degrees of freedom of each.
    laboratory_assays : float
        Other assays with an accepted curve from which an assay borrows, where the study says so.
    assay_height_sd, assay_slope_sd : float
        The same between assays.
    drift_p : float
        Error rate of drift over one history.
    level_off_z : float
        Distance at which a shared dilution is named.
    refuted_detection_p : float
        P-value at which silent standards refute the detection probability.
    blanks_min, blanks_by_rank, replicates_min, detection_levels_min, linear_levels_min : float
        Wells and levels needed.
    hit_rate_levels_p : float
        P-value at which one detection probability is rejected.
    linear_deviation : float
        Largest deviation from the line, log10 copies.
    """

    history_plates: float
    height_sd: float
    slope_sd: float
    level_sd: float
    history_weight: float
    laboratory_assays: float
    assay_height_sd: float
    assay_slope_sd: float
    drift_p: float
    level_off_z: float
    refuted_detection_p: float
    blanks_min: float
    blanks_by_rank: float
    replicates_min: float
    detection_levels_min: float
    hit_rate_levels_p: float
    linear_levels_min: float
    linear_deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantificationRule:
    """When copies are a number.

    Attributes
    ----------
    id, label, source, status : str
        Row, words for it, citation, ``"verified"`` or ``"unverified"``.
    cv_max : float
        Largest coefficient of variation.
    """

    id: str
    label: str
    cv_max: float
    source: str
    status: str


def calibration_rules() -> CalibrationRules:
    """Values of the calibration table.

    Returns
    -------
    CalibrationRules
        One field a row.

    Examples
    --------
    >>> calibration_rules().history_plates
    5.0
    """
    known = {field.name for field in fields(CalibrationRules)}
    return CalibrationRules(**{row["id"]: row["value"] for row in tables.rows(_TABLE) if row["id"] in known})


def quantification_rules() -> tuple[QuantificationRule, ...]:
    """Rows of the limit of quantification, the first one leading.

    Returns
    -------
    tuple of QuantificationRule
        In the order of the table.

    Examples
    --------
    >>> [rule.cv_max for rule in quantification_rules()]
    [0.35, 0.25]
    """
    return tuple(QuantificationRule(**row) for row in tables.rows(_LIMITS))


def unverified() -> tuple[tuple[str, str], ...]:
    """Rows behind the validation of an assay that nobody verified against their source.

    Returns
    -------
    tuple of (str, str)
        Row id and source.
    """
    return tuple(
        (row["id"], row["source"])
        for table in (_TABLE, _LIMITS)
        for row in tables.rows(table)
        if row["status"] == "unverified" and row["id"] not in _CURVES
    )


def unverified_between_assays() -> tuple[tuple[str, str], ...]:
    """Rows behind what an assay borrows from others that nobody verified against their source.

    Returns
    -------
    tuple of (str, str)
        Row id and source.

    Examples
    --------
    >>> [row for row, _ in unverified_between_assays()]
    ['assay_height_sd', 'assay_slope_sd']
    """
    return tuple(
        (row["id"], row["source"])
        for row in tables.rows(_TABLE)
        if row["status"] == "unverified" and row["id"] in _BETWEEN_ASSAYS
    )
