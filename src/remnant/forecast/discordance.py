"""More fusion than clonotype: an independent sign that BCR-ABL1 stands outside the blasts.

Transcript ratio and share of cells have different units, so both are taken relative to their own level at
diagnosis. A measured BCR-ABL1/ABL1 ratio is corrected for the fusion that the ABL1 assay also amplifies.
Oligoclonality and drift of IG/TR are another cause; the sign does not tell them apart.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from remnant.errors import MeasurementError
from remnant.knowledge.fish import fish_row
from remnant.records.fish import Discordance

__all__ = ["PairedLevels", "discordances", "unsaturated_ratio"]

_Z: Final = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedLevels:
    """Fusion and clonotype of one sample.

    Attributes
    ----------
    patient_id, sample_id : str
        Laboratory codes.
    drawn_on : datetime.date
        Day of the sample.
    fusion : float
        BCR-ABL1 as a plain ratio, corrected for saturation; positive.
    fusion_sd_log10 : float
        Its error of log10, for comparison with another sample.
    clonotype : float or None
        IG/TR as a share of cells; None if not detected.
    clonotype_limit : float or None
        Its limit of detection, where not detected.
    clonotype_sd_log10 : float
        Error of log10 of the share.
    """

    patient_id: str
    sample_id: str
    drawn_on: dt.date
    fusion: float
    fusion_sd_log10: float
    clonotype: float | None
    clonotype_limit: float | None = None
    clonotype_sd_log10: float = 0.2


def unsaturated_ratio(measured: float) -> float:
    """Fusion over normal ABL1, from a ratio over an ABL1 assay that also amplifies the fusion.

    Parameters
    ----------
    measured : float
        BCR-ABL1/ABL1 as measured, at least 0 and below 1.

    Returns
    -------
    float
        ``m / (1 - m)``.

    Raises
    ------
    MeasurementError
        If the ratio is not in that range; use GUSB instead.

    References
    ----------
    .. [1] remnant, measurement model, section 2: m = r / (1 + r).

    Examples
    --------
    >>> round(unsaturated_ratio(0.5), 3)
    1.0
    """
    if not 0.0 <= measured < 1.0:
        raise MeasurementError(
            where="BCR-ABL1/ABL1",
            found=f"{measured:g}",
            needed="at least 0 and below 1",
            advice="Near saturation take GUSB as control gene.",
        )
    return measured / (1.0 - measured)


def discordances(levels: Sequence[PairedLevels], *, diagnosis: PairedLevels) -> tuple[Discordance, ...]:
    """Excess of fusion over clonotype, sample by sample, relative to diagnosis.

    Parameters
    ----------
    levels : sequence of PairedLevels
        Follow-up samples of one patient.
    diagnosis : PairedLevels
        The same patient at diagnosis, both detected.

    Returns
    -------
    tuple of Discordance
        By date. A sample counts where the lower 95 % bound of the excess is above the limit of
        `knowledge`; the patient is CML-like from the number of such samples asked there.

    Raises
    ------
    MeasurementError
        If IG/TR was not detected at diagnosis, or a level is not positive.

    References
    ----------
    .. [1] Hovorkova et al., Blood 129, 2771-2781 (2017).

    Examples
    --------
    >>> day = dt.date(2020, 1, 1)
    >>> start = PairedLevels(patient_id="P1", sample_id="S1", drawn_on=day, fusion=1.0, fusion_sd_log10=0.1,
    ...                      clonotype=0.8)
    >>> later = PairedLevels(patient_id="P1", sample_id="S2", drawn_on=day, fusion=0.1, fusion_sd_log10=0.1,
    ...                      clonotype=None, clonotype_limit=8e-5)
    >>> found, = discordances([later], diagnosis=start)
    >>> round(found.excess_log10, 2), found.excess, found.cml_like
    (3.0, True, False)
    """
    wrong = [one.sample_id for one in (diagnosis, *levels) if not _usable(one)]
    if wrong or diagnosis.clonotype is None:
        raise MeasurementError(
            where=f"sample {wrong[0] if wrong else diagnosis.sample_id}",
            found="a level that is missing or not positive",
            needed="positive levels or a limit, and IG/TR detected at diagnosis",
            advice="Leave the sample out, or give its limit.",
        )
    row = fish_row("discordance")
    found = [_one(one, diagnosis) for one in sorted(levels, key=lambda one: one.drawn_on)]
    cml_like = sum(excess[1] > row["value"] for _, excess in found) >= row["samples"]
    return tuple(
        Discordance(
            patient_id=one.patient_id,
            sample_id=one.sample_id,
            drawn_on=one.drawn_on,
            excess_log10=estimate,
            lower=lower,
            upper=upper,
            excess=lower > row["value"],
            cml_like=cml_like,
            reason=_reason((estimate, lower, upper)),
        )
        for one, (estimate, lower, upper) in found
    )


def _usable(one: PairedLevels) -> bool:
    second = one.clonotype if one.clonotype is not None else one.clonotype_limit
    return one.fusion > 0 and second is not None and second > 0


def _one(one: PairedLevels, diagnosis: PairedLevels) -> tuple[PairedLevels, tuple[float, float, float]]:
    seen = one.clonotype if one.clonotype is not None else one.clonotype_limit
    estimate = math.log10(one.fusion / diagnosis.fusion) - math.log10(
        (seen or 1.0) / (diagnosis.clonotype or 1.0)
    )
    parts = [one.fusion_sd_log10, diagnosis.fusion_sd_log10, diagnosis.clonotype_sd_log10]
    parts += [one.clonotype_sd_log10] if one.clonotype is not None else []
    half = _Z * math.sqrt(sum(sd * sd for sd in parts))
    upper = math.inf if one.clonotype is None else estimate + half
    return one, (estimate, estimate - half, upper)


def _reason(excess: tuple[float, float, float]) -> str:
    estimate, lower, upper = excess
    if math.isinf(upper):
        return f"BCR-ABL1 at least {estimate:.1f} log above IG/TR, not detected (lower bound {lower:.1f})."
    return f"BCR-ABL1 {estimate:.1f} log above IG/TR ({lower:.1f} to {upper:.1f}), relative to diagnosis."
