"""Transcript beside clonotype: pairs the two levels of one sample and asks for their discordance.

The fusion transcript is a ratio to its control gene, the clonotype a share of cells: only their change since
diagnosis is compared. A ratio to ABL1 is corrected for the fusion that the ABL1 assay amplifies too; its error grows
with the correction, and at 1 and above, where no correction exists, the level is not known.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Final

from remnant.forecast.discordance import PairedLevels, discordances, unsaturated_ratio
from remnant.knowledge.assays import control_amplifies_target
from remnant.records.finding import Finding
from remnant.records.fish import Discordance
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.units import convert, is_comparable

__all__ = ["discordance_findings", "patient_discordances"]

FUSION: Final = "BCR-ABL1"
CLONOTYPE: Final = "IG/TR"
_WIDTH_IN_SD: Final = 2 * 1.959964


def patient_discordances(
    measurements: Iterable[Measurement], assays: Iterable[Assay] = ()
) -> tuple[Discordance, ...]:
    """Discordance of every follow-up sample of one patient that has both levels.

    Parameters
    ----------
    measurements : iterable of Measurement
        All measurements of the patient.
    assays : iterable of Assay, default ()
        Known assays: they tell where the control gene amplifies the fusion.

    Returns
    -------
    tuple of Discordance
        By date; empty without a first sample in which both were detected, and where the ratio of that sample is too
        high for its control gene.

    Notes
    -----
    With ``r = m / (1 - m)`` an error of log10 m is one of log10 r that is ``1 / (1 - m)`` times as large.

    Examples
    --------
    >>> patient_discordances([])
    ()
    """
    saturating = {assay.assay_id for assay in assays if control_amplifies_target(assay)}
    usable = [one for one in measurements if one.state != "not evaluable"]
    fusion = {
        one.sample_id: one
        for one in usable
        if one.target == FUSION and one.point_value is not None and is_comparable(one.unit, "ratio")
    }
    both = sorted(
        (
            (fusion[one.sample_id], one)
            for one in usable
            if one.target == CLONOTYPE and one.sample_id in fusion
        ),
        key=lambda pair: (pair[0].drawn_on, pair[0].sample_id),
    )
    begun = itertools.dropwhile(lambda pair: pair[1].point_value is None, both)
    pairs = [_pair(one, other, saturates=one.assay_id in saturating) for one, other in begun]
    if not pairs or pairs[0] is None:  # without a level at diagnosis nothing is relative to it
        return ()
    return discordances([pair for pair in pairs[1:] if pair is not None], diagnosis=pairs[0])


def _pair(fusion: Measurement, clonotype: Measurement, *, saturates: bool) -> PairedLevels | None:
    ratio, stretch = convert(fusion.point_value or 0.0, fusion.unit, "ratio"), 1.0
    if saturates:
        if ratio >= 1.0:
            return None
        ratio, stretch = unsaturated_ratio(ratio), 1.0 / (1.0 - ratio)
    return PairedLevels(
        patient_id=fusion.patient_id,
        sample_id=fusion.sample_id,
        drawn_on=fusion.drawn_on,
        fusion=ratio,
        fusion_sd_log10=stretch * _sd_log10(fusion),
        clonotype=clonotype.point_value,
        clonotype_limit=None if clonotype.point_value is not None else clonotype.upper_limit,
        clonotype_sd_log10=_sd_log10(clonotype),
    )


def _sd_log10(one: Measurement) -> float:
    """Error of this measurement, from its printed interval: the biology of one draw moves both levels."""
    if one.lower is None or one.upper is None:
        return 0.0
    return math.log10(one.upper / one.lower) / _WIDTH_IN_SD


def discordance_findings(found: Iterable[Discordance]) -> tuple[Finding, ...]:
    """What a reader should know of a patient's discordance.

    Parameters
    ----------
    found : iterable of Discordance
        Of one patient.

    Returns
    -------
    tuple of Finding
        One where enough samples show an excess.
    """
    excess = [one for one in found if one.excess]
    if not any(one.cml_like for one in excess):
        return ()
    samples = ", ".join(one.sample_id for one in excess)
    return (
        Finding(
            code="origin.discordance",
            severity="warning",
            subject=f"patient {excess[0].patient_id}",
            message=f"More BCR-ABL1 than IG/TR relative to diagnosis in {samples}: the fusion may stand outside the lymphoid clone (CML-like disease).",
            advice="Look at sorted fractions; clonal drift of IG/TR is another cause.",
        ),
    )
