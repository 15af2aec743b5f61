"""What people decide: recorded once, with a reason, beside the rule's verdict and never in its place."""

import datetime as dt

import polars as pl
import pytest

from remnant.course.build import build_courses
from remnant.pipeline.imports import import_paths
from remnant.records.judgement import Call
from remnant.report.context import Context
from remnant.report.patient import page
from remnant.study.derived import mark_computed, write_derived
from remnant.study.dossiers import dossiers
from remnant.study.folder import open_study

SAMPLES = "sample_id,patient_id,material,drawn_on\nS1,P1,BM,2021-03-01\nS2,P2,BM,2021-03-02\n"


def call(sample, patient, *, rule="eln_bm_250", verdict="above", role="decides", marker="WT1"):
    return Call(
        measurement_id=f"M-{sample}-{marker}", patient_id=patient, sample_id=sample, assay_id=f"{marker}/ABL1", rule_id=rule,
        rule_version="1", source="x", status="verified", verdict=verdict, threshold=250.0, unit="per_1e4",
        point_value=312.0, probability_above=0.7, confidence="borderline", reason="WT1 312 is above 250.", role=role,
    )  # fmt: skip


@pytest.fixture
def judged(study, good, tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text(SAMPLES, encoding="utf-8")
    opened = open_study(study)
    import_paths(opened, [good, path], by="anna")
    held = [
        call("S1", "P1"),
        call("S1", "P1", rule="pozzi_bm_100", role="shown"),
        call("S1", "P1", rule="baalc_donors_bm", marker="BAALC", verdict="not above"),
        call("S2", "P2"),
    ]
    write_derived(opened, "course", {"all": ("h", [*held, *build_courses(dossiers(opened))])})
    mark_computed(opened)
    return study


def decide(remnant, study, *arguments, reason="Bubble in A03; repeat is negative."):
    given = ["--reason", reason] if reason is not None else []
    return remnant("decide", study, *arguments, *given, "--by", "lab7")


def test_a_decision_stands_beside_the_verdict_everywhere(remnant, judged, tmp_path):
    made = decide(remnant, judged, "not above", "--sample", "S1", "--marker", "WT1", "--json")
    assert made.code == 0, made.err
    assert made.json["on"] == "call S1 WT1/ABL1 eln_bm_250"
    assert made.json["verdict"] == "not above (rule: above)"
    calls = remnant("call", judged, "--json").json
    assert [one["verdict"] for one in calls] == ["above", "above", "not above", "above"]
    assert [bool(one["decision"]) for one in calls] == [True, False, False, False]
    assert "lab7: not above" in " ".join(remnant("call", judged).out.split())
    first = dossiers(open_study(judged))[0]
    assert [one.on for one in first.decisions] == ["call S1 WT1/ABL1 eln_bm_250"]
    context = Context(study="x", software="y", written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert "not above (rule: above); Bubble in A03; repeat is negative." in page(first, context=context)
    assert remnant("export", judged, tmp_path / "out", "--by", "lab7").code == 0
    rows = pl.read_csv(tmp_path / "out" / "calls.csv").to_dicts()
    assert [row["decided"] for row in rows] == ["not above (rule: above)", None, None, None]
    assert [row["verdict"] for row in rows] == ["above", "above", "not above", "above"]


def test_results_are_not_out_of_date_after_a_decision_on_a_verdict(remnant, judged):
    decide(remnant, judged, "above", "--sample", "S2", "--marker", "WT1")
    assert remnant("call", judged).err == ""


@pytest.mark.parametrize(
    ("arguments", "reason", "code", "said"),
    [
        (["above", "--sample", "S1", "--marker", "WT1"], None, 3, "no reason"),
        (["above", "--sample", "S1", "--marker", "WT1"], "  ", 3, "no reason"),
        (["above"], "x", 3, "--sample with --marker"),
        (["above", "--sample", "S1", "--patient", "P1"], "x", 3, "--sample and --patient"),
        (["above", "--sample", "S9"], "x", 2, "no verdict on S9"),
        (["above", "--sample", "S1"], "x", 3, "3 verdicts"),
        (["above", "--sample", "S1", "--marker", "NPM1"], "x", 3, "0 verdicts of NPM1"),
        (["fine", "--sample", "S1", "--marker", "WT1"], "x", 3, "above, not above, not evaluable"),
        (["seen", "--patient", "P9"], "x", 2, "P9"),
        (["accepted", "--run", "R-9"], "x", 2, "R-9"),
    ],
)
def test_what_is_incomplete_is_refused_and_nothing_is_recorded(
    remnant, judged, arguments, reason, code, said
):
    answer = decide(remnant, judged, *arguments, reason=reason)
    assert answer.code == code
    assert said in " ".join(answer.err.split())
    assert remnant("decisions", judged, "--json").json == []


def test_a_shown_rule_is_named_by_its_id(remnant, judged):
    made = decide(
        remnant, judged, "above", "--sample", "S1", "--marker", "WT1", "--rule", "pozzi_bm_100", "--json"
    )
    assert made.json["on"] == "call S1 WT1/ABL1 pozzi_bm_100"


def test_a_standing_decision_is_replaced_only_by_name(remnant, judged):
    about = ["--sample", "S1", "--marker", "WT1"]
    first = decide(remnant, judged, "not above", *about, "--json").json["decision_id"]
    again = decide(remnant, judged, "above", *about)
    assert again.code == 4
    assert f"--supersedes {first}" in " ".join(again.err.split())
    assert decide(remnant, judged, "above", *about, "--supersedes", first).code == 0
    assert [one["verdict"] for one in remnant("decisions", judged, "--json").json] == ["above (rule: above)"]
    assert len(remnant("decisions", judged, "--all", "--json").json) == 2


def test_a_rule_that_says_something_else_by_now_is_told(remnant, judged):
    decide(remnant, judged, "not above", "--sample", "S1", "--marker", "WT1")
    opened = open_study(judged)
    write_derived(opened, "course", {"all": ("h2", [call("S1", "P1", verdict="not evaluable")])})
    mark_computed(opened)
    context = Context(study="x", software="y", written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    measured = dossiers(opened)[0]
    assert "The rule says not evaluable by now." in page(measured, context=context)


def test_a_decision_on_a_patient_is_said_on_the_worklist_and_removes_no_sign(remnant, judged):
    before = remnant("worklist", judged, "--json").json
    assert decide(remnant, judged, "seen", "--patient", "P1").code == 0
    after = remnant("worklist", judged, "--json").json
    assert [row["kind"] for row in after] == [row["kind"] for row in before]
