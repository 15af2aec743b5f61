"""One row a patient: diagnosis, landmark, outcome."""

import pytest

from remnant.cohort.table import patients
from remnant.records.cohort import PatientSummary
from remnant.records.frames import from_frame, schema
from remnant.records.patient import Event, Patient


def diagnosis(make, *, baalc=("above",), wt1=("not above",)):
    samples = (make.sample("D1", -120, reason="diagnosis"),)
    measured = [make.measurement("D1", -120, "BAALC", 900.0), make.measurement("D1", -120, "WT1", 20.0)]
    calls = [make.call(measured[0], verdict) for verdict in baalc]
    calls += [make.call(measured[1], verdict) for verdict in wt1]
    return {"samples": samples, "measurements": tuple(measured), "calls": tuple(calls)}


def row(dossier):
    return patients([dossier]).row(0, named=True)


def test_a_patient_at_diagnosis(make):
    found = row(make.dossier(course=make.course(), **diagnosis(make)))
    assert found["baalc_value"] == 900.0
    assert (found["baalc_lower"], found["baalc_upper"]) == (600.0, 1350.0)
    assert (found["baalc_raised"], found["wt1_raised"]) == (True, False)
    assert found["raised_at_diagnosis"] == "BAALC"
    assert found["baalc_probability_raised"] == 0.9
    assert (found["fab"], found["age_group"], found["synthetic"]) == ("M2", "adult", True)


def test_no_verdict_is_missing_and_not_false(make):
    found = row(make.dossier(course=make.course(), **diagnosis(make, baalc=("not evaluable",), wt1=())))
    assert found["baalc_raised"] is None
    assert found["wt1_raised"] is None
    assert found["raised_at_diagnosis"] == "undecided"
    assert found["wt1_value"] == 20.0


def test_a_rule_that_is_only_shown_does_not_decide(make):
    facts = diagnosis(make)
    shown = make.call(facts["measurements"][0], "not above", role="shown", rule="other")
    facts["calls"] = (shown, *facts["calls"])
    found = row(make.dossier(course=make.course(), **facts))
    assert (found["baalc_raised"], found["baalc_rule"]) == (True, "rule")


def test_a_judged_blood_sample_is_taken_before_a_marrow_without_verdict(make):
    samples = (
        make.sample("D1", -120, reason="diagnosis"),
        make.sample("D2", -119, reason="diagnosis", material="PB"),
    )
    marrow, blood = (
        make.measurement("D1", -120, "WT1", 9.0),
        make.measurement("D2", -119, "WT1", 700.0, material="PB"),
    )
    for verdict, expected in (("not evaluable", "D2"), ("not above", "D1")):
        found = row(
            make.dossier(
                course=make.course(),
                samples=samples,
                measurements=(blood, marrow),
                calls=(make.call(marrow, verdict), make.call(blood, "above")),
            )
        )
        assert found["wt1_sample_id"] == expected


@pytest.mark.parametrize(
    ("reason", "day", "diagnosed", "counts"),
    [
        ("diagnosis", -120, None, True),
        ("unknown", -120, -110, True),
        ("unknown", -120, -100, False),
        ("unknown", -120, None, False),
        ("scheduled", -120, -120, False),
        ("diagnosis", 10, None, False),
    ],
)
def test_which_sample_is_one_at_diagnosis(make, reason, day, diagnosed, counts):
    events = [Event(patient_id="P001", kind="transplant", on=make.day_0)]
    if diagnosed is not None:
        events.append(Event(patient_id="P001", kind="diagnosis", on=make.on(diagnosed)))
    measured = make.measurement("D1", day, "WT1", 900.0)
    found = row(
        make.dossier(
            course=make.course(),
            events=tuple(events),
            samples=(make.sample("D1", day, reason=reason),),
            measurements=(measured,),
            calls=(make.call(measured, "above"),),
        )
    )
    assert (found["wt1_raised"] is True) == counts


def test_sorted_fractions_are_not_the_sample(make):
    measured = make.measurement("D1", -120, "WT1", 900.0, fraction="CD34+")
    found = row(
        make.dossier(
            course=make.course(),
            samples=(make.sample("D1", -120, reason="diagnosis"),),
            measurements=(measured,),
            calls=(make.call(measured, "above"),),
        )
    )
    assert found["wt1_raised"] is None


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"overt_relapse_on": 200, "death_on": 260, "follow_up_days": 200}, "relapse"),
        ({"death_on": 260, "follow_up_days": 260}, "death"),
        ({}, "censored"),
        ({"follow_up_days": None}, None),
        ({"transplant_on": None}, None),
    ],
)
def test_outcomes(make, changes, outcome):
    dated = {k: make.on(v) if k.endswith("_on") and v is not None else v for k, v in changes.items()}
    assert row(make.dossier(course=make.course(**dated)))["outcome"] == outcome


@pytest.mark.parametrize(("age", "group"), [(None, None), (17.99, "child"), (18.0, "adult")])
def test_age_groups(make, age, group):
    patient = Patient(patient_id="P001", diagnosis="AML", age_years=age)
    assert row(make.dossier(patient=patient))["age_group"] == group


def test_the_table_is_the_columnar_form_of_its_record(make):
    table = patients([make.dossier(course=make.course(), **diagnosis(make)), make.dossier()])
    assert dict(table.schema) == schema(PatientSummary)
    (first, second) = from_frame(table, PatientSummary)
    assert first.landmark_rule == second.landmark_rule == "landmark_group.last_state"
    assert (first.at_risk_at_landmark, second.landmark_reason) == (True, "no course")


def test_no_patients_is_an_empty_table():
    assert patients([]).shape == (0, len(schema(PatientSummary)))
