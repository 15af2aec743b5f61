"""Commands on results: worklist, course, call, cohort, report, export, quantify, simulate."""

import dataclasses
import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from remnant.call.calls import calls
from remnant.cli import results
from remnant.course.build import build_course
from remnant.evidence.kinds import ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.frames import from_frame
from remnant.records.measurement import Measurement, ReportedValue
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Well
from remnant.records.sample import Cdna, Sample
from remnant.study.audit import audit_trail
from remnant.study.facts import facts, facts_frame
from remnant.study.folder import open_study
from remnant.study.store import retract

STANDARDS = "target,sample,kind,standard_copies,unit,cq\n" + "".join(
    f"WT1,STD{n},standard,{10**n},copies,{40 - 3.4 * n + 0.05 * (-1) ** n}\nBAD,STD{n},standard,{10**n},copies,{30 - n}\n"
    for n in range(1, 7)
)


def test_results_need_a_run(remnant, study):
    for command in ("worklist", "course", "call"):
        answer = remnant(command, study)
        assert answer.code == 2
        assert "remnant run" in answer.err


def test_the_worklist_is_one_list(remnant, computed):
    answer = remnant("worklist", computed, "--json")
    assert answer.code == 0
    assert isinstance(answer.json, list)
    early = remnant("worklist", computed, "--on", "1999-01-01", "--json").json
    assert all(row["overdue_days"] == 0 for row in early)
    assert remnant("worklist", computed, "--on", "1.1.1999").code == 2


def test_courses_are_shown_by_patient(remnant, computed):
    patients = [patient.patient_id for patient in facts(open_study(computed), Patient)]
    everyone = remnant("course", computed, "--json").json
    assert [course["patient_id"] for course in everyone] == patients
    one = remnant("course", computed, "--patient", patients[1])
    assert patients[1] in one.out
    assert patients[0] not in one.out
    unknown = remnant("course", computed, "--patient", "P999", "--patient", "P998")
    assert unknown.code == 2
    assert "P998, P999" in unknown.err


def test_a_course_says_when_to_sample_next_for_the_day_asked(remnant, computed):
    held = facts(open_study(computed), Sample), facts(open_study(computed), Event)
    patients = {patient.patient_id for patient in facts(open_study(computed), Patient)}
    last = max([s.drawn_on for s in held[0] if s.patient_id in patients] + [e.on for e in held[1]])
    everyone = remnant("course", computed, "--json").json
    assert {one["next_sample"]["on"] for one in everyone} == {last.isoformat()}
    code = everyone[0]["patient_id"]
    alone = remnant("course", computed, "--patient", code, "--json").json
    assert [one["next_sample"] for one in alone] == [everyone[0]["next_sample"]]
    assert "the last day known of any patient; --on DATE asks" in remnant("course", computed).out
    asked = remnant("course", computed, "--on", "2031-05-04", "--patient", code)
    assert "As of 4 May 2031." in asked.out
    later = remnant("course", computed, "--on", "2031-05-04", "--json").json
    rows = {
        row["patient_id"]: row for row in remnant("worklist", computed, "--on", "2031-05-04", "--json").json
    }
    for one in later:
        on_list = rows.get(one["patient_id"])
        assert one["next_sample"]["overdue_days"] == (on_list["overdue_days"] if on_list else 0)
    for command in ("course", "worklist", "report"):
        wrong = remnant(command, computed, "--on", "4.5.2031")
        assert wrong.code == 2
        assert "found '4.5.2031', need a date as YYYY-MM-DD" in " ".join(wrong.err.split())


def test_tables_are_not_written_into_the_folder_of_the_study(remnant, computed):
    held = sorted(computed.iterdir())
    refused = remnant("export", computed, computed)
    assert refused.code == 4
    assert "the folder of the study itself" in refused.err
    assert sorted(computed.iterdir()) == held


def test_a_pooled_day_is_shown_with_its_value_and_change(remnant, computed, monkeypatch):
    def measured(name, day, value):
        return Measurement(
            measurement_id=name, patient_id="P1", sample_id=f"S{day}", cdna_id=name, run_id="R1",
            assay_id="WT1/ABL1", target="WT1", control="ABL1", material="BM", drawn_on=dt.date(2021, 1, day),
            unit="per_1e4", state="quantified", reason="", estimate=value, lower=value / 2, upper=value * 2,
            comparison_lower=value / 2, comparison_upper=value * 2, upper_limit=value * 2, point_value=value,
            target_copies=value, control_copies=20000.0, positive_wells=3, wells=3, control_wells=2,
            evidence=ReportedEvidence(
                value=value, sd_log10=0.1, upper_limit=None, lower_limit=None, log10_low=-4.0, log10_high=7.0
            ),
        )  # fmt: skip

    measurements = (measured("a", 1, 20.0), measured("b", 20, 100.0), measured("c", 20, 400.0))
    one = Dossier(patient=Patient(patient_id="P1", diagnosis="AML"), measurements=measurements)
    one = dataclasses.replace(one, calls=calls(measurements, samples=(), events=(), baselines=()))
    one = dataclasses.replace(one, course=build_course(one))
    monkeypatch.setattr(results, "named_dossiers", lambda *_: (one,))
    monkeypatch.setenv("COLUMNS", "200")
    lines = remnant("course", computed).out.splitlines()
    row = next(i for i, line in enumerate(lines) if "2021-01-20" in line)
    assert "2.0 × 10² (1." in lines[row]  # the geometric mean of two equally sure values
    assert "+1.00 (+" in lines[row]  # from 20 to 200
    cells = " ".join(" ".join(lines[row : row + 5]).split())
    assert "pooled" in cells
    assert "P(≥ 1" in cells
    head = next(line for line in lines if line.startswith("date"))
    assert lines[row][head.index("rule") :].startswith("eln_bm_250")
    assert lines[row][head.index("log10 change") :].startswith("+1.00")


def test_calls_and_measurements_are_lists(remnant, computed):
    assert remnant("call", computed, "--json").json == []
    assert remnant("quantify", computed, "--json").json == []


def test_stale_results_are_shown_and_said_to_be_stale(remnant, computed):
    assert remnant("call", computed).err == ""
    study = open_study(computed)
    name = "events.csv"
    retract(study, name, reason="test", by="anna")
    try:
        assert "out of date" in remnant("call", computed, "--json").err
    finally:
        remnant("import", computed, computed.parent / "raw" / name)


def test_the_cohort_table_has_a_row_a_patient(remnant, computed):
    rows = remnant("cohort", "table", computed, "--json").json
    assert len(rows) == 4
    assert all(row["synthetic"] for row in rows)
    assert rows[0]["patient_id"] in remnant("cohort", "table", computed).out


def test_incidence_and_association_name_their_tests(remnant, computed):
    made = remnant("cohort", "incidence", computed, "--json")
    assert made.code == 0
    assert {"curves", "tests", "excluded"} <= set(made.json)
    assert remnant("cohort", "incidence", computed).code == 0
    wrong = remnant("cohort", "associate", computed, "--row", "sex", "--column", "nonsense")
    assert wrong.code == 3
    assert "nonsense" in wrong.err


def test_reports_are_written_and_audited(remnant, computed, tmp_path):
    answer = remnant("report", computed, "--out", tmp_path / "out", "--pdf", "none", "--by", "anna")
    assert answer.code == 0
    assert "4 pages and 0 PDFs" in answer.out
    assert len(list((tmp_path / "out" / "patients").glob("*.html"))) == 4
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'href="cohort.html"' in index
    assert audit_trail(open_study(computed))[-1].action == "report"


def test_exported_facts_can_be_read_back_without_loss(remnant, computed, tmp_path):
    answer = remnant("export", computed, tmp_path / "out", "--format", "parquet", "--json")
    assert answer.code == 0
    study = open_study(computed)
    frame = pl.read_parquet(tmp_path / "out" / "wells.parquet")
    assert_frame_equal(frame, facts_frame(study, Well))
    assert tuple(from_frame(frame, Well)) == facts(study, Well)
    assert answer.json["files"]["cohort.parquet"] == 4
    again = remnant("export", computed, tmp_path / "out", "--format", "parquet")
    assert again.code == 4
    assert "wells.parquet" in again.err


def test_exported_csv_can_be_imported_again(remnant, computed, tmp_path, study):
    remnant("export", computed, tmp_path / "out")
    names = ("patients", "events", "therapies", "samples", "cdnas", "runs", "wells", "reported")
    answer = remnant("import", study, *(tmp_path / "out" / f"{name}.csv" for name in names))
    assert answer.code == 0, answer.out + answer.err
    before, after = open_study(computed), open_study(study)
    for record in (Patient, Event, Therapy, Sample, Cdna, Well, ReportedValue):
        assert set(facts(after, record)) == set(facts(before, record))


def test_curves_of_a_file_need_no_study(remnant, tmp_path):
    path = tmp_path / "standards.csv"
    path.write_text(STANDARDS, encoding="utf-8")
    fits = {fit["target"]: fit for fit in remnant("quantify", path, "--json").json["standard_curves"]}
    assert fits["WT1"]["verdict"] == "pass"
    assert fits["WT1"]["slope"] == pytest.approx(-3.4, abs=0.02)
    assert {"r_squared", "efficiency"} <= set(fits["WT1"])
    assert fits["BAD"]["verdict"] == "fail"
    assert "slope -1.000" in fits["BAD"]["reasons"][0]
    shown = remnant("quantify", path).out
    assert "1 of 2 standard curves pass" in shown
    assert remnant("quantify", path, "--gates", "nonsense").code == 3


def test_copies_of_a_file_need_no_study(remnant, tmp_path):
    path = tmp_path / "plate.csv"
    unknowns = "WT1,S-1,unknown,,,32.6\nWT1,S-1,unknown,,,32.5\nWT1,S-2,unknown,,,Undetermined\nBAD,S-1,unknown,,,30.0\n"
    path.write_text(STANDARDS + unknowns, encoding="utf-8")
    entries = remnant("quantify", path, "--json").json["sample_copies"]
    found = {(one["target"], one["sample"]): one for one in entries}
    first, silent, bad = found["WT1", "S-1"], found["WT1", "S-2"], found["BAD", "S-1"]
    assert first["lower"] < first["estimate"] < first["upper"]
    assert "evidence" not in first
    assert (silent["state"], silent["estimate"]) == ("not detected", None)
    assert silent["upper_limit"] == pytest.approx(3.0, rel=0.1)
    assert bad["state"] == "not evaluable"
    shown = remnant("quantify", path).out
    assert re.search(r"S-2 +0 of 1 +< 3", shown)
    assert "needs a study" in shown


def test_a_file_without_standards_says_what_is_missing(remnant, tmp_path):
    path = tmp_path / "unknowns.csv"
    path.write_text("target,sample,cq\nWT1,S-1,30.0\n", encoding="utf-8")
    answer = remnant("quantify", path)
    assert answer.code == 3
    said = " ".join(answer.err.split())
    assert "1 well, no amplification curves, and no well is a standard (WT1)" in said


@pytest.mark.published
def test_the_published_standard_curves_pass_or_fail_as_published(remnant, real_data):
    """Ruijter et al. 2013, `remnant quantify` on the standards of 64 targets: 57 pass, ALUsq fails on slope and R²."""
    fits = remnant("quantify", real_data / "qpcr" / "vermeulen" / "standards_cq.csv", "--json").json[
        "standard_curves"
    ]
    verdicts = {fit["target"].casefold(): fit for fit in fits}
    assert len(fits) == 64
    assert sum(fit["verdict"] == "pass" for fit in fits) == 57
    alu = next(fit for target, fit in verdicts.items() if target.startswith("alus"))
    assert len(alu["reasons"]) == 2


def test_simulated_files_are_the_same_for_a_seed(remnant, tmp_path):
    for name in ("a", "b"):
        made = remnant("simulate", "study-a", tmp_path / name, "--patients", "2", "--seed", "5", "--json")
        assert made.code == 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir() if path.is_file())
    assert files == sorted(Path(path).name for path in made.json["files"])
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert remnant("simulate", "study-a", tmp_path / "a").code == 4
