"""Cautions from the study's files: variants of a patient, marrow that a tube or the laboratory calls diluted."""

import csv
import io
from types import SimpleNamespace

import pytest

from remnant.acquire.files import read
from remnant.acquire.refusal import RefusedFileError
from remnant.assay.flow.mrd import Dilution
from remnant.course.cautions import sample_dilutions
from remnant.example.marrow import ANTIGENS, DETECTORS, made_cells
from remnant.knowledge.cautions import caution_rules
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.pipeline.worklists import study_worklist
from remnant.records.judgement import Course
from remnant.records.patient import Variant
from remnant.report.patient import why
from remnant.report.patient.summary import head
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.findings import all_findings
from remnant.study.folder import init_study

PATIENTS = "patient_id,diagnosis\nP-1,Ph+ ALL\nP-2,AML\n"
VARIANTS = "patient_id,target,variant,detail\nP-2,WT1,exon 7 mutation,c.1142C>A\nP-9,WT1,exon 7 mutation,\n"
SAMPLES = """sample_id,patient_id,material,drawn_on,reason,quality
S-1,P-1,BM,2020-05-01,scheduled,
S-2,P-2,BM,2020-06-01,scheduled,
D-1,DN1,BM,2020-05-01,donor,
"""
REPORTED = (
    "sample_id,patient_id,target,control,unit,value,control_copies\nS-2,P-2,WT1,ABL1,per 10^4,900,30000\n"
)
PANEL = "panel,channel,antigen\n" + "".join(
    f"P8,{channel},{antigen}\n" for channel, antigen in zip(DETECTORS, ANTIGENS, strict=True)
)
TUBES = "file,sample_id,panel,role,gate\nS-1.fcs,S-1,P8,sample,B-ALL window\nD-1.fcs,D-1,P8,,\n"


@pytest.fixture
def study(tmp_path, monkeypatch):
    said = Dilution("suspected", "CD34+ 0.01 % of CD45+, limit 0.05 %")
    monkeypatch.setattr("remnant.assay.flow.mrd.haemodilution", lambda *_: said)
    raw = tmp_path / "raw"
    raw.mkdir()
    texts = {
        "patients": PATIENTS,
        "variants": VARIANTS,
        "samples": SAMPLES,
        "reported": REPORTED,
        "panels": PANEL,
        "tubes": TUBES,
    }
    for name, text in texts.items():
        (raw / f"{name}.csv").write_text(text, encoding="utf-8")
    (raw / "S-1.fcs").write_bytes(made_cells(events=8000, marrow=6, seed=6).fcs())
    (raw / "D-1.fcs").write_bytes(made_cells(events=8000, marrow=3, seed=3).fcs())
    made = init_study(tmp_path / "study", name="Test", by="anna")
    assert import_paths(made, [raw], by="anna").count("imported") == len(texts) + 2
    run_study(made)
    return made


def test_what_a_tube_and_a_variant_say_reaches_course_findings_page_and_worklist(study):
    courses = {one.patient_id: one for one in derived_records(study, Course)}
    [diluted], [biased] = courses["P-1"].cautions, courses["P-2"].cautions
    assert (diluted.kind, diluted.samples, diluted.rule_id) == ("haemodilution", ("S-1",), "haemodilution")
    assert "CD34+" in diluted.reason
    assert (biased.kind, biased.target, biased.rule_id) == ("primer bias", "WT1", "primer_bias.wt1_exon_7")
    assert courses["P-2"].points[0].state == "raised once"
    assert courses["P-2"].points[0].reason.endswith("Primer bias possible: WT1 exon 7 mutation.")
    subjects = {(one.code, one.subject) for one in all_findings(study)}
    assert {("course.haemodilution", "sample S-1"), ("course.primer_bias", "patient P-2")} <= subjects
    assert ("study.unknown_patient", "patient P-9") in subjects
    held = {one.patient.patient_id: one for one in dossiers(study)}
    assert any("diluted by blood" in line.text for line in head(held["P-1"]).warnings)
    assert [row[0].text for row in why.cautions(held["P-2"]).rows] == ["primer bias"]
    rows = {row.patient_id: row for row in study_worklist(study, list(held.values()), diluted.last_on)}
    assert rows["P-1"].kind == "haemodilution"
    assert any("assay outside exon 7" in text for text in rows["P-2"].reasons)
    assert "primer bias" in rows["P-2"].unverified_rules
    assert run_study(study).up_to_date


def test_only_a_suspicion_of_a_tube_is_a_dilution():
    def tube(name, verdict):
        return SimpleNamespace(
            sample_id=name, statement=SimpleNamespace(haemodilution=verdict, haemodilution_basis="CD34+ 0 %")
        )

    found = sample_dilutions(
        [
            tube("S2", "suspected"),
            tube("S1", "not seen"),
            tube("S3", "not assessed"),
            SimpleNamespace(sample_id="S4", statement=None),
        ]
    )
    assert [(one.sample_id, one.basis) for one in found] == [("S2", "CD34+ 0 %")]


def test_a_variant_table_goes_back_as_it_came_and_a_double_row_is_refused():
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("patient_id", "gene", "mutation"), ("P1", "WT1", "exon 7 mutation")])
    assert read("variants.csv", out.getvalue().encode()).variants == (
        Variant(patient_id="P1", target="WT1", variant="exon 7 mutation"),
    )
    with pytest.raises(RefusedFileError, match=r"each patient_id, target, variant once"):
        read("variants.csv", (out.getvalue() + "P1,WT1,exon 7 mutation\n").encode())


def test_every_rule_names_a_source_and_is_marked():
    assert {one.status for one in caution_rules()} == {"unverified"}
    assert all(one.source and one.advice.endswith(".") for one in caution_rules())
