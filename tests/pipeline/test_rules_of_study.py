"""A study's own rules and conversion factors reach its courses; a change of them renews what rests on them."""

import datetime as dt

import pytest

from remnant.errors import KnowledgeError
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.finding import Finding
from remnant.records.judgement import Call, Course
from remnant.records.measurement import Measurement
from remnant.study.derived import derived_records
from remnant.study.folder import init_study

PATIENTS = "patient_id,diagnosis,transcript\nP1,Ph+ ALL,e1a2\nP2,CML,e14a2\n"
SAMPLES = "sample_id,patient_id,material,drawn_on\n" + "".join(
    f"{patient}-{n},{patient},BM,{day}\n"
    for patient in ("P1", "P2")
    for n, day in enumerate(("2021-01-04", "2021-04-05", "2021-04-26"))
)
REPORTED = "sample_id,patient_id,target,control,unit,value,upper_limit,control_copies\n" + "".join(
    f"{patient}-{n},{patient},BCR-ABL1,ABL1,%,{value},{limit},60000\n"
    for patient in ("P1", "P2")
    for n, (value, limit) in enumerate((("neg", "0.005"), ("0.08", ""), ("0.4", "")))
)
FACTOR = """
[[row]]
id = "lab-2020"
assay_id = "BCR-ABL1/ABL1"
factor = 0.5
valid_from = 2020-01-01
source = "EUTOS round"
status = "verified"
"""
OWN = """
id = "lab"
label = "our rule"
title = "Laboratory rule"
version = "7"
valid_from = 2020-01-01
markers = ["BCR-ABL1"]
diseases = ["ALL"]
role = "decides"
replaces = ["ph_all"]
source = "handbook"
[[row]]
id = "lab.negativity"
kind = "negativity"
definition = "negative below 0.01 %"
compare = "at most"
threshold = 0.01
unit = "percent"
source = "handbook"
status = "verified"
"""


@pytest.fixture
def study(tmp_path):
    inbox = tmp_path / "files"
    inbox.mkdir()
    for name, text in (("patients", PATIENTS), ("samples", SAMPLES), ("reported", REPORTED)):
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(tmp_path / "study", name="Test", by="anna")
    import_paths(made, [inbox], by="anna")
    made.rules.mkdir()
    return made


TWO_FACTORS = FACTOR + FACTOR.replace("lab-2020", "lab-2021").replace("2020-01-01", "2021-04-10").replace(
    "factor = 0.5", "factor = 6.0"
)
TWO_FACTORS = TWO_FACTORS.replace(
    "valid_from = 2020-01-01", "valid_from = 2020-01-01\nvalid_to = 2021-04-09", 1
)
RUNS = "run_id,run_on\nR1,2021-04-06\nR2,2021-04-27\n"
PLATE = "run_id,well,target,sample,type,quantity,unit,cq\n" + "".join(
    f"{run},{target[0]}{n},{target},{sample},{kind},{copies},{unit},{cq}\n"
    for run, own in (("R1", "P2-1"), ("R2", "P2-2"))
    for target in ("BCR-ABL1", "ABL1")
    for n, (sample, kind, copies, unit, cq) in enumerate(
        (
            *(
                (f"ST{k}", "standard", 10**k, "copies", 40.0 - 3.35 * k + wobble)
                for k in range(2, 7)
                for wobble in (-0.05, 0.05)
            ),
            *((own, "unknown", "", "", 33.3 if target == "BCR-ABL1" else 24.25) for _ in range(2)),
            ("NTC", "ntc", "", "", "Undetermined"),
        ),
        start=1,
    )
)
"""The same wells of two runs: 100 BCR-ABL1 and 50,000 ABL1 copies each, .2 %."""
ON_SCALE = "sample_id,patient_id,target,control,unit,value,upper_limit,control_copies\n" + "".join(
    f"P2-{n},P2,BCR-ABL1,ABL1,%IS,{value},{limit},60000\n"
    for n, (value, limit) in enumerate((("neg", "0.005"), ("0.05", ""), ("0.05", "")))
)


def courses(study):
    return {course.patient_id: course for course in derived_records(study, Course)}


def test_a_ph_positive_patient_has_states_by_the_set_of_the_disease(study):
    (study.rules / "conversion.toml").write_text(FACTOR, encoding="utf-8")
    run_study(study)
    found = courses(study)
    assert [p.state for p in found["P1"].mrd] == ["negative", "suspected relapse", "confirmed relapse"]
    assert {p.rule_set for p in found["P1"].mrd} == {"ph_all"}
    assert found["P1"].headline.startswith("BCR-ABL1 confirmed molecular relapse since 26 April 2021")
    assert [p.state for p in found["P2"].mrd] == ["negative", "low level", "suspected relapse"]
    calls = derived_records(study, Call)
    classes = {call.patient_id: call.verdict for call in calls if call.code.startswith("response.")}
    assert classes == {"P1": "molecular failure", "P2": "no MR3"}
    assert all(call.unit != "percent_is" for call in calls if call.patient_id == "P1")
    subjects = {one.subject for one in derived_records(study, Finding) if one.code == "call.no_rule_set"}
    assert subjects == set()


def test_without_a_factor_no_class_is_made_up(study):
    run_study(study)
    calls = [call for call in derived_records(study, Call) if call.patient_id == "P2"]
    assert {call.code for call in calls if call.role == "shown"} == {"is.no_factor"}


def test_own_rules_renew_the_courses_and_are_named(study):
    run_study(study)
    assert run_study(study).up_to_date
    (study.rules / "lab.toml").write_text(OWN, encoding="utf-8")
    assert not run_study(study).up_to_date
    [rule] = {(p.rule_set, p.rule_version, p.rule_label) for p in courses(study)["P1"].mrd}
    assert rule == ("lab", "7", "our rule")
    assert [p.state for p in courses(study)["P1"].mrd] == ["negative", "positive", "positive"]


def test_broken_rules_stop_the_run_before_anything_is_written(study):
    run_study(study)
    before = courses(study)
    (study.rules / "lab.toml").write_text(OWN.replace('unit = "percent"\n', ""), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"lab\.negativity: threshold 0\.01 without unit"):
        run_study(study)
    assert courses(study) == before
    assert before["P1"].mrd[0].drawn_on == dt.date(2021, 1, 4)


def test_a_value_takes_the_factor_of_its_run_date_and_the_step_is_no_rise(tmp_path):
    inbox = tmp_path / "files"
    inbox.mkdir()
    for name, text in (("patients", PATIENTS), ("samples", SAMPLES), ("runs", RUNS), ("plate", PLATE)):
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(tmp_path / "study", name="Test", by="anna")
    report = import_paths(made, [inbox], by="anna")
    assert {one.outcome for one in report.files} == {"imported"}
    made.rules.mkdir()
    (made.rules / "conversion.toml").write_text(TWO_FACTORS, encoding="utf-8")
    run_study(made)
    classes = [one for one in derived_records(made, Call) if one.role == "shown" and one.unit == "percent_is"]
    found = {one.sample_id: (float(f"{one.point_value:.1g}"), one.verdict) for one in classes}
    assert found == {"P2-1": (0.1, "MR3"), "P2-2": (1.0, "no MR3")}
    points = courses(made)["P2"].mrd
    assert [p.state for p in points] == ["low level", "positive"]
    assert "is no rise" in points[1].reason
    # With one factor on both days the same wells are the same level.
    (made.rules / "conversion.toml").write_text(FACTOR, encoding="utf-8")
    run_study(made)
    assert [p.state for p in courses(made)["P2"].mrd] == ["low level", "low level"]


@pytest.mark.parametrize("factors", ["", TWO_FACTORS], ids=["without own factor", "with own factors"])
def test_a_value_reported_on_the_scale_is_taken_as_it_stands(tmp_path, factors):
    inbox = tmp_path / "files"
    inbox.mkdir()
    for name, text in (("patients", PATIENTS), ("samples", SAMPLES), ("reported", ON_SCALE)):
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(tmp_path / "study", name="Test", by="anna")
    import_paths(made, [inbox], by="anna")
    made.rules.mkdir()
    (made.rules / "conversion.toml").write_text(factors, encoding="utf-8")
    run_study(made)
    measured = derived_records(made, Measurement)
    assert {(m.assay_id, m.unit) for m in measured} == {("BCR-ABL1/ABL1", "percent_is")}
    assert [m.point_value for m in sorted(measured, key=lambda m: m.drawn_on)] == [None, 0.05, 0.05]
    calls = {one.sample_id: one.verdict for one in derived_records(made, Call) if one.role == "shown"}
    assert calls == {"P2-0": "MR4.5", "P2-1": "MR3", "P2-2": "MR3"}
    assert [p.state for p in courses(made)["P2"].mrd] == ["negative", "low level", "low level"]


def test_a_value_of_another_quantity_or_scale_is_left_out_or_said(tmp_path):
    inbox = tmp_path / "files"
    inbox.mkdir()
    reported = ON_SCALE.replace("P2", "P1") + "P2-1,P2,BCR-ABL1,ABL1,copies,12,,60000\n"
    for name, text in (("patients", PATIENTS), ("samples", SAMPLES), ("reported", reported)):
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(tmp_path / "study", name="Test", by="anna")
    import_paths(made, [inbox], by="anna")
    run_study(made)
    found = {one.code: one.message for one in derived_records(made, Finding)}
    assert "is not %" in found["reported.left_out"]
    assert "not defined for e1a2" in found["call.scale_not_defined"]
    assert {one.verdict for one in derived_records(made, Call) if one.role == "shown"} == {"not evaluable"}
