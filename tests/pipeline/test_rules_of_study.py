"""A study's own rules and conversion factors reach its courses; a change of them renews what rests on them."""

import datetime as dt

import pytest

from remnant.errors import KnowledgeError
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.finding import Finding
from remnant.records.judgement import Call, Course
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
