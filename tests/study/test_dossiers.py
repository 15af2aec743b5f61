"""Everything of one patient comes together, and nothing of another."""

import datetime as dt

import pytest

from remnant.records.finding import Finding
from remnant.records.measurement import Baseline
from remnant.records.patient import Event, Patient
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Cdna, Sample
from remnant.study.decisions import record_decision
from remnant.study.derived import write_derived
from remnant.study.dossiers import dossiers
from remnant.study.findings import all_findings
from remnant.study.store import store_acquired

DAY = dt.date(2020, 4, 3)
SUBJECTS = (
    "run R-1",
    "cDNA C-1",
    "sample S-2",
    "well R-1:A01",
    "well R-1:A03",
    "patient P1",
    "file plate.rdml",
    "rule eln",
)


def baseline(source, assay, *samples):
    return Baseline(
        assay_id=assay,
        material="BM",
        source=source,
        unit="per_1e4",
        median=1.0,
        sd_log10=0.3,
        percentile_97_5=None,
        samples=samples,
    )


@pytest.fixture
def filled(study, file, measurement):
    """Two patients on one run, and one patient alone."""
    samples = tuple(
        Sample(sample_id=f"S-{n}", patient_id=code, material="BM", drawn_on=DAY + dt.timedelta(days=days))
        for n, code, days in ((1, "P1", 20), (2, "P1", 10), (3, "P2", 0))
    )
    wells = tuple(
        Well(
            run_id="R-1", position=f"A0{n}", target="WT1", sample=name, kind="unknown", detected=True, cq=30.0
        )
        for n, name in ((1, "C-1"), (2, "S-2"), (3, "C-3"))
    )
    clinic = {
        "patients": tuple(Patient(patient_id=code, diagnosis="AML") for code in ("P2", "P1", "P3")),
        "samples": samples,
        "cdnas": (Cdna(cdna_id="C-1", sample_id="S-1"), Cdna(cdna_id="C-3", sample_id="S-3")),
        "events": tuple(Event(patient_id="P1", kind=kind, on=DAY) for kind in ("transplant", "engraftment")),
    }
    store_acquired(study, *file("clinic.csv", **clinic), by="anna")
    store_acquired(study, *file("plate.rdml", runs=(Run(run_id="R-1"),), wells=wells), by="anna")
    measured = [
        measurement(measurement_id=f"M{n}", patient_id=code, sample_id=f"S-{n}")
        for n, code in ((1, "P1"), (3, "P2"))
    ]
    baselines = [
        baseline("donors", "WT1/ABL1", "D-1"),
        baseline("donors", "BAALC/ABL1", "D-1"),
        baseline("patient", "WT1/ABL1", "S-2"),
    ]
    assays = [Assay(assay_id=name, target="WT1", control="ABL1") for name in ("WT1/ABL1", "BAALC/ABL1")]
    noted = [
        Finding(code="test.note", severity="note", subject=subject, message=subject) for subject in SUBJECTS
    ]
    write_derived(study, "assay", {"R-1": ("h", [*measured, *baselines, *assays, *noted])})
    return study


def test_patients_come_in_the_order_of_import_with_their_facts_by_date(filled):
    second, first, alone = dossiers(filled)
    assert [d.patient.patient_id for d in (second, first, alone)] == ["P2", "P1", "P3"]
    assert [sample.sample_id for sample in first.samples] == ["S-2", "S-1"]
    assert [event.kind for event in first.events] == ["engraftment", "transplant"]
    assert (alone.samples, alone.measurements, alone.findings, alone.course) == ((), (), (), None)


def test_each_patient_has_the_runs_files_and_assays_of_the_measurements(filled):
    second, first, _ = dossiers(filled)
    for one in (first, second):
        assert [run.run_id for run in one.runs] == ["R-1"]
        assert [source.name for source in one.sources] == ["plate.rdml"]
        assert [assay.assay_id for assay in one.assays] == ["WT1/ABL1"]
    assert [m.measurement_id for m in first.measurements] == ["M1"]


def test_a_baseline_is_the_donors_or_the_patients_own(filled):
    second, first, _ = dossiers(filled)
    assert [item.source for item in first.baselines] == ["donors", "patient"]
    assert [item.source for item in second.baselines] == ["donors"]


def test_findings_and_decisions_go_to_those_whom_they_concern(filled):
    for on in ("well R-1:A01", "patient P2"):
        record_decision(filled, by="anna", on=on, verdict="exclude", reason="bubble")
    second, first, _ = dossiers(filled)
    assert {f.subject for f in first.findings} == {*SUBJECTS} - {"well R-1:A03", "rule eln"}
    assert {f.subject for f in second.findings} == {"run R-1", "well R-1:A03", "file plate.rdml"}
    assert [decision.on for decision in first.decisions] == ["well R-1:A01"]
    assert [decision.on for decision in second.decisions] == ["patient P2"]


def test_one_patient_can_be_asked_for_alone(filled):
    (one,) = dossiers(filled, patient_ids={"P1"})
    assert one == dossiers(filled)[1]


def test_findings_of_files_and_of_results_are_listed_once(study, everything):
    acquired, data = everything
    store_acquired(study, acquired, data, by="anna")
    derived = Finding(code="test.note", severity="note", subject="run R-9", message="Later.")
    write_derived(study, "assay", {"a": ("h", [derived]), "b": ("h", [derived])})
    assert all_findings(study) == (*acquired.findings, derived)
