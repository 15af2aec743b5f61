"""From the file to the worklist: through a study, and on the command line without one."""

import dataclasses
import datetime as dt
import json
import re

import pytest

from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.pipeline.worklists import study_worklist
from remnant.records.clonotype import CloneCount, CloneTrack, Repertoire
from remnant.records.measurement import Measurement
from remnant.report import timeline
from remnant.report.context import Context
from remnant.report.patient import page
from remnant.report.timeline.growth import growths
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.facts import facts
from remnant.study.folder import init_study
from remnant.study.store import retract

TABLES = {
    "patients.csv": "patient_id,diagnosis\nP1,T-ALL\n",
    "samples.csv": (
        "sample_id,patient_id,material,drawn_on,reason\n"
        "X0,P1,BM,2013-03-28,diagnosis\nX1,P1,BM,2013-05-15,scheduled\nX2,P1,BM,2013-12-16,scheduled\n"
    ),
    "repertoires.csv": "repertoire_id,sample_id,input_cells\nS0,X0,500000\nS1,X1,500000\nS2,X2,500000\n",
    "levels.csv": (
        "sample_id,patient_id,target,control,unit,value,upper_limit,fraction\n"
        "X0,P1,flow MRD,,cell_fraction,0.8,,\nX1,P1,flow MRD,,cell_fraction,neg,0.0001,\n"
        "X2,P1,flow MRD,,cell_fraction,neg,0.0001,\n"
        "X1,P1,donor chimerism,,cell_fraction,>0.99,,\nX2,P1,donor chimerism,,cell_fraction,0.8,,CD34+\n"
        "X2,P1,donor chimerism,,cell_fraction,0.97,,\n"
    ),
}


@pytest.fixture
def folder(tmp_path, vidjil):
    content = vidjil.content()
    content["reads"] = {
        "total": [2_000_000] * 3,
        "segmented": [1_800_000] * 3,
        "germline": {"TRG": [900_000] * 3},
    }
    content["clones"] = [
        {
            "id": "TTACTGTGCCACCTGGGACG",
            "germline": "TRG",
            "reads": [400_000, 0, 0],
            "name": "TRGV9 1/A/2 TRGJ1",
        },
        {
            "id": "CACGGCCTTGTATTACTGTG",
            "germline": "TRG",
            "reads": [3_000, 0, 9_000],
            "name": "TRGV2 5/CC/1 TRGJ1",
        },
    ]
    (tmp_path / "demo.vidjil").write_text(json.dumps(content))
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def computed(tmp_path_factory, folder):
    study = init_study(tmp_path_factory.mktemp("study") / "study", name="Clones", by="anna")
    report = import_paths(study, [folder], by="anna")
    assert report.count("imported") == 5, report
    run_study(study)
    return study


def test_facts_of_the_file_and_of_the_table_complement_each_other(computed):
    one = facts(computed, Repertoire)[0]
    assert (one.sample_id, one.input_cells, one.analysed_reads) == ("X0", 500_000, 1_800_000)
    assert len(facts(computed, CloneCount)) == 6


def test_the_run_follows_the_clones_and_stores_them(computed):
    tracks = derived_records(computed, CloneTrack)
    assert [(track.role, track.verdict) for track in tracks] == [
        ("index", "not detected"),
        ("minor", "returns"),
    ]
    (dossier,) = dossiers(computed)
    assert dossier.clone_tracks == tracks
    clones = [m for m in dossier.measurements if m.target == "IG/TR"]
    assert len(clones) == 6
    assert {assay.platform for assay in dossier.assays if assay.target == "IG/TR"} == {"ngs"}
    assert run_study(computed).up_to_date


def test_a_retracted_file_takes_its_clones_with_it(computed):
    retract(computed, "demo.vidjil", reason="wrong patient", by="anna")
    run_study(computed)
    assert derived_records(computed, CloneTrack) == ()
    assert not [m for m in derived_records(computed, Measurement) if m.target == "IG/TR"]


def test_the_worklist_says_that_the_clone_returns_and_that_flow_disagrees(computed):
    held = dossiers(computed)
    (row,) = study_worklist(computed, held, dt.date(2014, 1, 1))
    assert (row.patient_id, row.urgency, row.kind) == ("P1", 2, "clone returns")
    assert "TRGV2 5/CC/1 TRGJ1" in row.reason
    assert any("flow MRD not detected" in reason for reason in row.reasons)
    assert "return of a clone" in row.unverified_rules


def test_donor_chimerism_is_kept_as_the_recipients_share_by_fraction(computed):
    found = {
        (m.sample_id, m.fraction): (
            m.state,
            m.point_value and round(m.point_value, 3),
            round(m.upper_limit, 3),
        )
        for m in derived_records(computed, Measurement)
        if m.target == "recipient chimerism"
    }
    assert found["X1", ""][0] == "not detected"
    assert found["X1", ""][2] == pytest.approx(0.01, abs=0.004)
    assert found["X2", "CD34+"][:2] == ("quantified", 0.2)
    assert found["X2", ""][:2] == ("quantified", 0.03)


def test_two_clones_are_told_apart_in_the_sentence(computed):
    (dossier,) = dossiers(computed)
    said = dossier.course.headline
    assert "IG/TR TRGV2 5/CC/1 TRGJ1 positive since 16 December 2013 (" in said
    assert "IG/TR TRGV9 1/A/2 TRGJ1 " in said
    assert "IG/TR positive" not in said


def test_no_line_is_drawn_that_the_last_sample_left(computed):
    (dossier,) = dossiers(computed)
    (rising,) = [k for k in dossier.course.kinetics if k.trend == "rising"]
    assert rising.last_sample_lies == "above"
    assert growths(dossier, rising.assay_id, rising.unit) == []
    on_it = dataclasses.replace(rising, last_sample_lies="")
    held = dataclasses.replace(dossier, course=dataclasses.replace(dossier.course, kinetics=(on_it,)))
    assert growths(held, rising.assay_id, rising.unit) == [on_it]


def test_every_series_has_its_panel_and_its_table(computed):
    (dossier,) = dossiers(computed)
    titles = [view.get("title") for view in timeline.spec(dossier)["vconcat"]]
    assert "IG/TR, TRGV9 1/A/2 TRGJ1, share of reads" in titles
    assert "IG/TR, TRGV2 5/CC/1 TRGJ1, share of reads" in titles
    assert {"flow MRD, share of cells", "recipient chimerism, share of cells"} <= set(titles)
    context = Context(study="S", software="remnant", written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    text = page(dossier, context=context)
    assert "Clone of the diagnosis returns: TRGV2 5/CC/1 TRGJ1 since 16 December 2013." in text
    assert "Assays that disagree" in text
    assert "Clones of the diagnosis sample" in text
    words = re.sub(r"</?span[^>]*>", "", text)
    assert re.search(
        r"400,000, &lt; 7\.\d+ × 10⁻⁶", words
    )  # nothing found is a bound, of the sequenced cells
