"""The cohort table: one row a patient.

Columns are the fields of `PatientSummary`. Nothing is imputed: what could not be judged is missing here and
counted as such by every analysis of the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from remnant.cohort.landmark import at_landmark, marker_group
from remnant.knowledge.cohort import (
    LandmarkRule,
    age_group,
    diagnosis_materials,
    diagnosis_window_days,
    landmark_rule,
)
from remnant.records.cohort import Outcome, PatientSummary
from remnant.records.dossier import Dossier
from remnant.records.frames import to_frame
from remnant.records.judgement import Call, Course
from remnant.records.measurement import Measurement

__all__ = ["patient_summary", "patients"]

_RAISED = {"above": True, "not above": False}
_KNOWN = {"yes": True, "no": False}


def patients(dossiers: Iterable[Dossier], *, rule: LandmarkRule | None = None) -> pl.DataFrame:
    """One row a patient.

    Parameters
    ----------
    dossiers : iterable of Dossier
        Patients with their calls and courses.
    rule : LandmarkRule or None
        Landmark and grouping; None takes the default row of `knowledge`.

    Returns
    -------
    polars.DataFrame
        Columns as the fields of `PatientSummary`, rows in the order given.

    Examples
    --------
    >>> from remnant.records.patient import Patient
    >>> one = Dossier(patient=Patient(patient_id="P001", diagnosis="AML", fab="M1", age_years=41))
    >>> patients([one]).select("patient_id", "fab", "age_group", "landmark_reason").row(0)
    ('P001', 'M1', 'adult', 'no course')
    """
    chosen = rule or landmark_rule()
    return to_frame((patient_summary(dossier, rule=chosen) for dossier in dossiers), PatientSummary)


def patient_summary(dossier: Dossier, *, rule: LandmarkRule) -> PatientSummary:
    """One patient as one row.

    Parameters
    ----------
    dossier : Dossier
        The patient.
    rule : LandmarkRule
        Landmark and grouping.

    Returns
    -------
    PatientSummary
        The row.
    """
    patient, course = dossier.patient, dossier.course
    baalc, wt1 = _at_diagnosis(dossier, "BAALC"), _at_diagnosis(dossier, "WT1")
    landmark = at_landmark(dossier, rule)
    return PatientSummary(
        patient_id=patient.patient_id,
        diagnosis=patient.diagnosis,
        synthetic=patient.synthetic,
        sex=patient.sex,
        age_years=patient.age_years,
        age_group=age_group(patient.age_years),
        fab=patient.fab,
        lesion=patient.lesion,
        transcript=patient.transcript,
        risk=patient.risk,
        status_at_transplant=patient.status_at_transplant,
        donor=patient.donor,
        conditioning=patient.conditioning,
        transplant_on=course.transplant_on if course else None,
        **{f"baalc_{name}": value for name, value in baalc.items()},
        **{f"wt1_{name}": value for name, value in wt1.items()},
        raised_at_diagnosis=marker_group(baalc=baalc["raised"], wt1=wt1["raised"]),
        **_compartments(dossier),
        landmark_day=rule.day,
        at_risk_at_landmark=landmark.at_risk,
        landmark_group=landmark.group,
        landmark_sample_id=landmark.sample_id,
        landmark_reason=landmark.reason,
        landmark_rule=rule.rule_id,
        outcome=_outcome(course),
        follow_up_days=course.follow_up_days if course else None,
        lead_time_days=course.lead_time_days if course else None,
        unwarned=course.unwarned if course else False,
        false_alarms=course.false_alarms if course else 0,
    )


def _outcome(course: Course | None) -> Outcome | None:
    if course is None or course.transplant_on is None or course.follow_up_days is None:
        return None
    if course.overt_relapse_on is not None:
        return "relapse"
    return "death" if course.death_on is not None else "censored"


def _at_diagnosis(dossier: Dossier, target: str) -> dict[str, Any]:
    """What was measured of one marker at diagnosis, and the verdict of the rule that decides."""
    chosen = _diagnostic_measurement(dossier, target)
    call = _deciding_call(dossier, chosen) if chosen else None
    return {
        "sample_id": chosen.sample_id if chosen else None,
        "value": chosen.point_value if chosen else None,
        "lower": chosen.lower if chosen else None,
        "upper": chosen.upper if chosen else None,
        "upper_limit": chosen.upper_limit if chosen else None,
        "unit": chosen.unit if chosen else None,
        "detection": chosen.state if chosen else None,
        "raised": _RAISED.get(call.verdict) if call else None,
        "probability_raised": call.probability_above if call else None,
        "rule": call.rule_id if call else None,
    }


def _compartments(dossier: Dossier) -> dict[str, Any]:
    """What the sorted fractions of the first judged sample at diagnosis said."""
    at_diagnosis = _diagnostic_samples(dossier)
    judged = [one for one in dossier.sorted_samples if one.sample_id in at_diagnosis]
    chosen = min(judged, key=lambda one: (one.drawn_on, one.sample_id)).lineage if judged else None
    return {
        "compartment_sample_id": chosen.sample_id if chosen else None,
        "outside_b_lineage": _KNOWN.get(chosen.outside_b_lineage) if chosen else None,
        "hsc_involved": _KNOWN.get(chosen.hsc_involved) if chosen else None,
        "probability_outside": chosen.probability_outside if chosen else None,
        "probability_hsc": chosen.probability_hsc if chosen else None,
    }


def _diagnostic_measurement(dossier: Dossier, target: str) -> Measurement | None:
    """The measurement at diagnosis: judged before not judged, preferred material first, then the earliest."""
    at_diagnosis = _diagnostic_samples(dossier)
    materials = diagnosis_materials()
    found = [
        measurement
        for measurement in dossier.measurements
        if measurement.target == target
        and not measurement.fraction
        and measurement.sample_id in at_diagnosis
        and measurement.material in materials
    ]

    def preference(measurement: Measurement) -> tuple[bool, int, object, str]:
        call = _deciding_call(dossier, measurement)
        return (
            call is None or call.verdict not in _RAISED,
            materials.index(measurement.material),
            measurement.drawn_on,
            measurement.measurement_id,
        )

    return min(found, key=preference, default=None)


def _diagnostic_samples(dossier: Dossier) -> frozenset[str]:
    diagnosed = [event.on for event in dossier.events if event.kind == "diagnosis"]
    transplants = [event.on for event in dossier.events if event.kind == "transplant"]
    window = diagnosis_window_days()
    return frozenset(
        sample.sample_id
        for sample in dossier.samples
        if all(sample.drawn_on < on for on in transplants[:1])
        and (
            sample.reason == "diagnosis"
            or (
                sample.reason == "unknown"
                and any(abs((sample.drawn_on - on).days) <= window for on in diagnosed)
            )
        )
    )


def _deciding_call(dossier: Dossier, measurement: Measurement) -> Call | None:
    return next(
        (
            call
            for call in dossier.calls
            if call.measurement_id == measurement.measurement_id and call.role == "decides"
        ),
        None,
    )
