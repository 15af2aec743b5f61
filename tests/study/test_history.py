"""Decisions stand until superseded; derived results come back equal and know when they are out of date."""

import contextlib
import datetime as dt
import importlib
import pkgutil
import sqlite3
from dataclasses import replace

import pytest

from remnant import records
from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.records.finding import Finding
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement
from remnant.records.patient import Event, Therapy
from remnant.records.run import Run
from remnant.records.sample import Sample
from remnant.study import derived
from remnant.study.decisions import decisions, record_decision
from remnant.study.derived import (
    current_hashes,
    derived_records,
    is_computed,
    mark_computed,
    stored_keys,
    write_derived,
)
from remnant.study.references import reference_findings
from remnant.study.store import store_acquired

DAY = dt.date(2020, 4, 3)
NOTE = Finding(code="qpcr.outlier", severity="note", subject="well R-1:A01", message="Left out.")


def decide(study, **changes):
    return record_decision(
        study, **{"by": "anna", "on": "run R-1", "verdict": "accept", "reason": "controls pass", **changes}
    )


def test_decisions_come_back_and_a_later_one_supersedes(study):
    first = decide(study)
    second = decide(study, verdict="reject", reason="NTC positive", supersedes=first.decision_id)
    assert decisions(study) == (second,)
    assert decisions(study, standing=False) == (first, second)
    assert first.at.tzinfo is not None


def test_a_decision_that_someone_else_replaced_meanwhile_is_a_conflict(study):
    first = decide(study)
    decide(study, by="boris", verdict="reject", supersedes=first.decision_id)
    with pytest.raises(ConflictError, match="boris replaced it"):
        decide(study, by="clara", supersedes=first.decision_id)
    assert len(decisions(study, standing=False)) == 2


def test_a_decision_is_complete_and_replaces_one_on_the_same_subject(study):
    first = decide(study)
    with pytest.raises(InputError, match="empty by, reason"):
        decide(study, by="", reason="")
    with pytest.raises(InputError, match="same subject"):
        decide(study, on="run R-2", supersedes=first.decision_id)
    with pytest.raises(NotFoundError):
        decide(study, supersedes="0" * 32)
    assert decisions(study, standing=False) == (first,)


def test_derived_records_come_back_equal(study, measurement):
    measured = measurement()
    write_derived(study, "assay", {"R-1": ("h1", [measured, NOTE, measured]), "R-2": ("h2", [])})
    assert derived_records(study, Measurement) == (measured, measured)
    assert derived_records(study, Finding) == (NOTE,)
    assert derived_records(study, Call) == ()
    assert stored_keys(study, "call") == ()
    assert stored_keys(study, "assay") == ("R-1", "R-2")


def test_writing_again_replaces_only_the_keys_that_are_named(study):
    first, second, third = (replace(NOTE, subject=f"run R-{number}") for number in (1, 2, 3))
    write_derived(study, "assay", {"R-1": ("h1", [first]), "R-2": ("h2", [second]), "R-3": ("h3", [third])})
    write_derived(study, "assay", {"R-1": ("h9", [])}, remove=["R-3"])
    assert current_hashes(study, "assay") == {"R-1": "h9", "R-2": "h2"}
    assert derived_records(study, Finding) == (second,)


@pytest.mark.parametrize("what", ["rules_version", "code_version"])
def test_results_of_other_rules_or_code_are_out_of_date(study, monkeypatch, what):
    write_derived(study, "assay", {"R-1": ("h1", [NOTE])})
    assert current_hashes(study, "assay") == {"R-1": "h1"}
    monkeypatch.setattr(derived, what, lambda: "another")
    assert current_hashes(study, "assay") == {}


def test_a_study_is_computed_until_something_changes(study, plate):
    assert not is_computed(study)
    mark_computed(study)
    assert is_computed(study)
    store_acquired(study, *plate("R-1"), by="anna")
    assert not is_computed(study)


def test_no_two_records_share_a_name():
    modules = [
        importlib.import_module(f"remnant.records.{info.name}")
        for info in pkgutil.iter_modules(records.__path__)
    ]
    classes = [
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and cls.__module__ == module.__name__
    ]
    assert classes
    assert len({cls.__name__ for cls in classes}) == len(classes)


def test_a_record_that_could_not_be_read_back_is_not_stored(study):
    with pytest.raises(KeyError, match="Settings"):
        write_derived(study, "assay", {"R-1": ("h", [study.settings])})
    assert stored_keys(study, "assay") == ()


def test_what_points_to_nothing_is_found(study, plate, file, everything):
    store_acquired(study, *everything, by="anna")
    assert reference_findings(study) == ()
    store_acquired(study, *plate("R-2", count=2), by="anna")
    events = tuple(Event(patient_id="P9", kind="relapse", on=DAY + dt.timedelta(days=n)) for n in range(2))
    therapy = Therapy(patient_id="P8", kind="dli", start_on=DAY)
    store_acquired(study, *file("e.csv", events=events, therapies=(therapy,)), by="anna")
    found = {(finding.code, finding.subject, finding.message) for finding in reference_findings(study)}
    said = "but no file describes it."
    assert found == {
        ("study.unknown_patient", "patient P9", f"Named by 2 event records, {said}"),
        ("study.unknown_patient", "patient P8", f"Named by 1 therapy record, {said}"),
        ("study.unknown_sample", "sample S-2", f"Named by 1 well record, {said}"),
    }


def test_a_plate_without_run_and_donors_without_patient(study, file, plate):
    acquired, _ = plate("R-5", count=1)
    store_acquired(study, *file("w.csv", wells=acquired.wells), by="anna")
    donor = {"sample_id": "S-1", "patient_id": "D-07", "material": "BM", "drawn_on": DAY, "reason": "donor"}
    store_acquired(study, *file("s.csv", samples=(Sample(**donor),)), by="anna")
    assert [finding.subject for finding in reference_findings(study)] == ["run R-5"]
    store_acquired(study, *file("r.csv", runs=(Run(run_id="R-5"),)), by="anna")
    assert reference_findings(study) == ()


@pytest.mark.parametrize(
    "payload",
    ['[{"code":"a.b","severity":"note"}]', '[{"colour":1}]'],
    ids=["a field was added", "a field is gone"],
)
def test_results_in_the_form_of_another_version_ask_for_a_run(study, payload):
    write_derived(study, "assay", {"R-1": ("h", [NOTE])})
    with contextlib.closing(sqlite3.connect(study.folder / "study.db")) as raw, raw:
        raw.execute("UPDATE derived SET payload = ?", (payload,))
    with pytest.raises(NotFoundError, match=r"another version of remnant.*`remnant run`"):
        derived_records(study, Finding)
    write_derived(study, "assay", {"R-1": ("h", [NOTE])})
    assert derived_records(study, Finding) == (NOTE,)
