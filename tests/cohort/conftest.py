"""Made-up patients for the cohort stage: facts and courses written by hand, no other stage involved."""

import dataclasses
import datetime as dt

import pytest

from remnant.evidence.kinds import ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call, Course, Joint, SeriesPoint
from remnant.records.measurement import Measurement
from remnant.records.patient import Event, Patient
from remnant.records.sample import Sample

DAY_0 = dt.date(2020, 3, 1)


def on(day):
    return DAY_0 + dt.timedelta(days=day)


def make_sample(sample_id, day, *, reason="scheduled", material="BM"):
    return Sample(sample_id=sample_id, patient_id="P001", material=material, drawn_on=on(day), reason=reason)


def make_joint(sample_id, day, state, *, point_state=None, material="BM", judged=True, confirmed=False):
    probability = 0.5 if judged else None
    return Joint(
        patient_id="P001",
        sample_id=sample_id,
        material=material,
        drawn_on=on(day),
        state=state,
        probability_wt1=probability,
        probability_baalc=probability,
        probability_both=probability,
        point_state=point_state or state,
        confirmed=confirmed,
        reason=f"joint state of {sample_id}",
    )


def make_point(sample_id, day, target, state, *, predictor=True, fraction="", material="BM"):
    return SeriesPoint(
        patient_id="P001",
        assay_id=f"{target}/ABL1",
        material=material,
        sample_id=sample_id,
        measurement_id=f"{sample_id}:{target}",
        drawn_on=on(day),
        day=day,
        state=state,
        since=on(day),
        rule_id="rule",
        change_log10=None,
        change_lower=None,
        change_upper=None,
        probability_rise=None,
        probability_rise_1_log=None,
        z_background=None,
        background_median=None,
        confirm_by=None,
        reason="made up",
        target=target,
        fraction=fraction,
        raised=None if state == "not evaluable" else state != "normal",
        predictor=predictor,
    )


def make_measurement(sample_id, day, target, value, *, material="BM", fraction="", run="R1"):
    return Measurement(
        measurement_id=f"{sample_id}:{target}:{run}",
        patient_id="P001",
        sample_id=sample_id,
        cdna_id=sample_id,
        run_id=run,
        assay_id=f"{target}/ABL1",
        target=target,
        control="ABL1",
        material=material,
        drawn_on=on(day),
        unit="per_1e4",
        evidence=ReportedEvidence(
            value=value,
            sd_log10=0.1,
            lower_limit=None,
            upper_limit=None,
            log10_low=-2,
            log10_high=6,
        ),
        state="quantified",
        reason="",
        estimate=value,
        lower=value / 1.5,
        upper=value * 1.5,
        comparison_lower=value / 2,
        comparison_upper=value * 2,
        upper_limit=value * 1.4,
        point_value=value,
        target_copies=value,
        control_copies=1e4,
        positive_wells=3,
        wells=3,
        control_wells=3,
        fraction=fraction,
    )


def make_call(measurement, verdict, *, role="decides", rule="rule"):
    return Call(
        measurement_id=measurement.measurement_id,
        patient_id="P001",
        sample_id=measurement.sample_id,
        assay_id=measurement.assay_id,
        rule_id=rule,
        rule_version="1",
        source="made up",
        status="unverified",
        verdict=verdict,
        threshold=250.0,
        unit="per_1e4",
        point_value=measurement.point_value,
        probability_above=0.9,
        confidence="borderline",
        reason="made up",
        role=role,
    )


def make_course(**changes):
    course = Course(
        patient_id="P001",
        transplant_on=DAY_0,
        points=(),
        joint=(),
        overt_relapse_on=None,
        relapse_rule="",
        last_negative_on=None,
        first_raised_on=None,
        first_confirmed_on=None,
        lead_time_days=None,
        unwarned=False,
        false_alarms=0,
        follow_up_days=500,
        death_on=None,
        last_contact_on=on(500),
        headline="",
        urgency=0,
    )
    return dataclasses.replace(course, **changes)


def make_dossier(*, course=None, patient=None, **facts):
    facts.setdefault("events", (Event(patient_id="P001", kind="transplant", on=DAY_0),))
    return Dossier(
        patient=patient
        or Patient(patient_id="P001", diagnosis="AML", fab="M2", age_years=30.0, synthetic=True),
        course=course,
        **facts,
    )


class Make:
    """The makers under one name, for tests that cannot import this file."""

    day_0 = DAY_0
    on = staticmethod(on)
    sample = staticmethod(make_sample)
    joint = staticmethod(make_joint)
    point = staticmethod(make_point)
    measurement = staticmethod(make_measurement)
    call = staticmethod(make_call)
    course = staticmethod(make_course)
    dossier = staticmethod(make_dossier)


@pytest.fixture
def make():
    return Make
