"""Dates of several files meet only in the study: those that cannot all be right are said."""

import datetime as dt

import pytest

from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.patient import Event, Therapy
from remnant.records.sample import Sample
from remnant.study.chronology import chronology_findings, future_dates
from remnant.study.findings import all_findings

DEATH = dt.date(2020, 6, 1)
LATER = DEATH + dt.timedelta(days=1)


def event(kind, on):
    return Event(patient_id="P1", kind=kind, on=on)


def sample(on):
    return Sample(sample_id="S-1", patient_id="P1", material="BM", drawn_on=on)


@pytest.mark.parametrize(
    ("subject", "late"),
    [
        ("sample S-1", {"samples": [sample(LATER)]}),
        ("patient P1", {"events": [event("relapse", LATER)]}),
        ("patient P1", {"therapies": [Therapy(patient_id="P1", kind="dli", start_on=LATER)]}),
        (
            "patient P1",
            {"therapies": [Therapy(patient_id="P1", kind="tki", start_on=DEATH, end_on=LATER)]},
        ),
    ],
)
def test_what_comes_after_death_is_said(subject, late):
    facts = {**late, "events": [event("death", DEATH), *late.get("events", ())]}
    (found,) = chronology_findings(**facts)
    assert (found.code, found.severity, found.subject) == ("study.dates_contradict", "warning", subject)
    assert str(LATER) in found.message
    assert str(DEATH) in found.message


def test_a_transplant_comes_after_the_diagnosis():
    (found,) = chronology_findings(events=[event("diagnosis", LATER), event("transplant", DEATH)])
    assert "before the diagnosis" in found.message


def test_early_samples_two_transplants_and_the_day_of_death_are_ordinary():
    events = [
        event("diagnosis", DEATH - dt.timedelta(days=300)),
        event("transplant", DEATH - dt.timedelta(days=200)),
        event("transplant", DEATH - dt.timedelta(days=50)),
        event("death", DEATH),
    ]
    samples = [sample(DEATH - dt.timedelta(days=400)), sample(DEATH)]
    assert chronology_findings(events=events, samples=samples) == ()


def test_dates_that_have_not_come_are_said_once_a_file(file):
    acquired, _ = file("s.csv", samples=(sample(LATER), sample(DEATH), sample(LATER)))
    (found,) = future_dates(acquired, today=DEATH - dt.timedelta(days=1))
    assert (found.code, found.subject) == ("study.date_in_future", "file s.csv")
    assert found.message.startswith("2 dates lie in the future")
    assert future_dates(acquired, today=DEATH) == ()


def test_dates_of_several_files_meet_in_the_study(study, tmp_path):
    files = {
        "patients.csv": "patient_id,diagnosis\nP1,AML\n",
        "events.csv": "patient_id,kind,on\nP1,death,2020-06-01\n",
        "samples.csv": "sample_id,patient_id,material,drawn_on\nS-1,P1,BM,2020-07-01\nS-2,P1,BM,2099-01-01\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    report = import_paths(study, [tmp_path / name for name in files], by="anna")
    assert report.count("imported") == 3
    assert [found.code for found in report.files[2].findings] == ["study.date_in_future"]
    run_study(study)
    subjects = [found.subject for found in all_findings(study) if found.code == "study.dates_contradict"]
    assert sorted(subjects) == ["sample S-1", "sample S-2"]
