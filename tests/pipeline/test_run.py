"""What a run computes, what it keeps, and that storage changes no number."""

import dataclasses
import datetime as dt

import pytest

from remnant.assay.reported import measure_reported
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.pipeline.stages import Facts, compute
from remnant.records.judgement import Course
from remnant.records.measurement import Measurement, ReportedValue
from remnant.records.sample import Sample
from remnant.report.numbers import measured
from remnant.study.derived import derived_records
from remnant.study.folder import init_study, open_study
from remnant.study.store import retract

NAMES = ("patients", "events", "therapies", "samples", "cdnas", "runs", "wells", "reported")


@pytest.fixture(scope="module")
def simulated():
    return simulate_study_a(patients=3, seed=3, awkward=False)


@pytest.fixture(scope="module")
def raw(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    write_study_a(simulated, folder)
    return folder


def study_of(folder, paths):
    study = init_study(folder, name="s", by="test")
    report = import_paths(study, paths, by="test")
    assert report.count("imported") == len(report.files)
    return study


@pytest.fixture(scope="module")
def study(raw, tmp_path_factory):
    made = study_of(tmp_path_factory.mktemp("study") / "s", [raw])
    run_study(made)
    return made


def test_a_second_run_has_nothing_to_do(study):
    report = run_study(study)
    assert report.up_to_date
    assert report.stages == ()


@pytest.mark.definition
def test_storage_changes_no_number(study, simulated):
    facts = Facts(**{name: getattr(simulated, name) for name in NAMES})
    by_hand = {d.patient.patient_id: d for d in compute(facts)}
    stored = {c.patient_id: c for c in derived_records(study, Course)}
    assert set(stored) == set(by_hand)
    for code, course in stored.items():
        assert course.headline == by_hand[code].course.headline
        assert [p.state for p in course.points] == [p.state for p in by_hand[code].course.points]
    values = {m.measurement_id: m.estimate for m in derived_records(study, Measurement)}
    for dossier in by_hand.values():
        for m in dossier.measurements:
            stored_value = values[m.measurement_id]
            assert (stored_value is None) == (m.estimate is None)
            assert m.estimate is None or stored_value == pytest.approx(m.estimate, rel=1e-9)


def test_a_new_event_renews_one_patient_and_no_measurement(raw, tmp_path):
    study = study_of(tmp_path / "s", [raw])
    run_study(study)
    extra = tmp_path / "late.csv"
    extra.write_text("patient_id,kind,on,detail\nP002,chronic_gvhd,2031-01-05,late\n", encoding="utf-8")
    import_paths(study, [extra], by="test")
    report = {stage.stage: stage for stage in run_study(study).stages}
    assert report["assay"].computed == 0
    assert report["normal"].computed == 0
    assert report["course"].computed == 2  # the patient, and the laboratory's findings
    retract(study, "late.csv", reason="wrong patient", by="test")
    again = {stage.stage: stage for stage in run_study(study).stages}
    assert again["course"].computed == 2
    assert run_study(study).up_to_date


def test_the_order_of_import_does_not_matter(raw, study, tmp_path):
    files = sorted((p for p in raw.iterdir() if p.is_file()), reverse=True)
    other = study_of(tmp_path / "s", files)
    run_study(other)
    mine, theirs = (
        {
            (p.measurement_id, p.state, p.since, p.raised, c.headline)
            for c in derived_records(each, Course)
            for p in c.points
        }
        for each in (study, other)
    )
    assert mine == theirs


def test_another_choice_of_standards_renews_every_measurement(raw, tmp_path):
    study = study_of(tmp_path / "s", [raw])
    run_study(study)
    path = study.folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('standard_curve = "own"', 'standard_curve = "laboratory"'), encoding="utf-8")
    changed = open_study(study.folder)
    stages = {stage.stage: stage for stage in run_study(changed).stages}
    assert stages["assay"].computed > 0
    assert stages["assay"].kept == 1  # what is typed in
    assert run_study(changed).up_to_date


def value(**changes):
    base = ReportedValue(
        sample_id="S1", patient_id="P1", target="WT1", control="ABL1", unit="percent", value=2.5
    )
    return dataclasses.replace(base, **changes)


def test_reported_values_are_weaker_evidence_with_their_limits():
    sample = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=dt.date(2020, 1, 1))
    typed = [value(), value(value=None, upper_limit=0.3), value(value=None, lower_limit=20.0)]
    got = measure_reported(typed, samples=[sample])
    assert got.findings == ()
    quantified, below, above = got.measurements
    assert (quantified.state, quantified.point_value) == ("quantified", pytest.approx(250.0))
    assert quantified.lower < 250 < quantified.upper
    assert below.state == "not detected"
    assert below.estimate is None
    assert below.upper_limit > 30.0  # 0.3 % = 30 per 10^4, its errors integrated
    assert above.state == "detected"
    assert (above.lower, above.estimate, above.upper) == (pytest.approx(2000.0), None, None)
    assert above.reason == "reported as more than 20 %"
    assert measured(above) == "> 2.0 × 10³", "no upper end is made up"


def test_a_reported_value_without_sample_or_assay_is_a_finding():
    got = measure_reported(
        [value(), value(target="XYZ", drawn_on=dt.date(2020, 1, 1), material="BM")], samples=[]
    )
    assert got.measurements == ()
    assert [finding.code for finding in got.findings] == ["reported.left_out"] * 2
