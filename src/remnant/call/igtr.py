"""Both interpretation profiles of EuroMRD on every IG/TR sample, beside the state that one of them makes.

A call sees the sample's own wells and what its plate could show. Where the two profiles differ the call is borderline:
which one holds is a choice of the treatment protocol, not of the wells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, get_args

import numpy as np

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import probability_above
from remnant.knowledge.igtr import RULE_SET, Profile
from remnant.knowledge.rules import RuleRow
from remnant.knowledge.rules_igtr import IgTrReading, interpret_igtr, numbers_of
from remnant.records.igtr import IgTrPlate
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement
from remnant.units import number_text, probability_text, unit_label

__all__ = ["igtr_calls"]

_UNIT: Final = "cell_fraction"


def igtr_calls(
    plates: Iterable[IgTrPlate],
    measurements: Iterable[Measurement],
    *,
    rows: Sequence[RuleRow],
    version: str,
) -> tuple[Call, ...]:
    """Calls of IG/TR samples.

    Parameters
    ----------
    plates : iterable of IgTrPlate
        What each measurement was read against.
    measurements : iterable of Measurement
        Measurements; those without a plate have no such call.
    rows : sequence of RuleRow
        Rows of kind ``interpretation``.
    version : str
        Version of the rule set.

    Returns
    -------
    tuple of Call
        Two a measurement, one a profile; role ``shown``.
    """
    known = {one.measurement_id: one for one in measurements}
    held = [(one, known[one.measurement_id]) for one in plates if one.measurement_id in known]
    asked = [i for i, (plate, m) in enumerate(held) if plate.sensitive_share and m.state != "not evaluable"]
    above: dict[int, float] = {}
    if asked:
        batch = EvidenceBatch.of([held[i][1].evidence for i in asked])
        shares = [held[i][0].sensitive_share or 0.0 for i in asked]
        above = {
            i: float(probability_above(batch.take(np.array([j])), share)[0])
            for j, (i, share) in enumerate(zip(asked, shares, strict=True))
        }
    made = []
    for i, (plate, m) in enumerate(held):
        readings = [_reading(plate, profile, rows) for profile in get_args(Profile)]
        agree = len({one.verdict for one in readings}) == 1
        made += [
            _call(one, plate, m, above.get(i), rows=rows, version=version, agree=agree) for one in readings
        ]
    return tuple(made)


def _reading(plate: IgTrPlate, profile: Profile, rows: Sequence[RuleRow]) -> IgTrReading:
    if plate.obstacle:
        return IgTrReading(
            verdict="not evaluable",
            profile=profile,
            code=plate.obstacle_code,
            reason=f"{plate.obstacle}.",
            rules=plate.rule_ids,
        )
    return interpret_igtr(
        plate.wells,
        background=plate.background,
        quantitative_ct=plate.quantitative_cq,
        sensitivity_ct=plate.sensitive_cq,
        profile=profile,
        rows=rows,
    )


def _call(
    reading: IgTrReading,
    plate: IgTrPlate,
    m: Measurement,
    probability: float | None,
    *,
    rows: Sequence[RuleRow],
    version: str,
    agree: bool,
) -> Call:
    row = numbers_of(rows)[reading.profile, "background distance"]
    sensitivity = plate.sensitive_share
    verdict = reading.verdict
    beside = (
        ""
        if probability is None or sensitivity is None
        else f" P(above {_share(sensitivity)}) {probability_text(probability)}."
    )
    return Call(
        measurement_id=m.measurement_id,
        patient_id=m.patient_id,
        sample_id=m.sample_id,
        assay_id=m.assay_id,
        rule_id=row.id,
        rule_version=version,
        source=row.source,
        status=row.status,
        verdict=verdict,
        threshold=0.0,
        unit="",
        point_value=m.point_value,
        probability_above=probability,
        confidence="not evaluable" if verdict == "not evaluable" else "robust" if agree else "borderline",
        reason=f"{plate.rearrangement}: {reading.reason}{_range_text(plate)}{beside}"
        + ("" if agree else " The two profiles differ."),
        role="shown",
        label=f"EuroMRD, {reading.profile}",
        rule_set=row.id.partition(".")[0] or RULE_SET,
        code=reading.code,
    )


def _range_text(plate: IgTrPlate) -> str:
    if plate.obstacle or plate.sensitive_share is None:
        return ""
    low = "no quantitative range"
    if plate.quantitative_share is not None:
        low = f"quantitative range to {_share(plate.quantitative_share)}"
    return f" Sensitivity {_share(plate.sensitive_share)}, {low}."


def _share(value: float) -> str:
    return f"{number_text(value)} {unit_label(_UNIT)}"
