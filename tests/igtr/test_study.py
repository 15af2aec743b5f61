"""An IG/TR table from import to state: refusals, the study's profile, and what the command prints."""

import csv
import dataclasses
import io

import pytest

from remnant.acquire.columns import kind_of
from remnant.acquire.files import read
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.writing import written
from remnant.cli.quantify_igtr import igtr_answer
from remnant.errors import InputError
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.finding import Finding
from remnant.records.igtr import IgTrPlate
from remnant.records.judgement import Call, Course
from remnant.records.measurement import Measurement
from remnant.study.derived import derived_records
from remnant.study.folder import init_study, open_study

TRUTH = {"S0": 1.0, "S1": 3e-3, "S2": 0.0, "S3": 2e-3}
PATIENTS = "patient_id,diagnosis,transcript\nP1,Ph+ ALL,e1a2\n"
EVENTS = "patient_id,kind,on\nP1,diagnosis,2021-01-01\nP1,remission,2021-01-25\n"
SAMPLES = "sample_id,patient_id,material,drawn_on\n" + "".join(
    f"S{n},P1,BM,2021-{1 + 2 * n:02d}-01\n" for n in range(4)
)


def table(wells):
    header, rows = written(kind_of("igtr wells"), wells)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


@pytest.fixture
def study(tmp_path, bench):
    inbox = tmp_path / "files"
    inbox.mkdir()
    files = {"patients": PATIENTS, "events": EVENTS, "samples": SAMPLES, "igtr": table(bench(3).wells(TRUTH))}
    for name, text in files.items():
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(tmp_path / "study", name="Test", by="anna")
    report = import_paths(made, [inbox], by="anna")
    assert {one.outcome for one in report.files} == {"imported"}
    return made


def test_a_table_goes_back_as_it_came(bench):
    wells = tuple(bench(3).wells(TRUTH))
    assert read("igtr.csv", table(wells).encode()).igtr_wells == wells


def test_a_plate_becomes_states_with_both_interpretations_beside_them(study):
    run_study(study)
    measured = sorted(derived_records(study, Measurement), key=lambda m: m.drawn_on)
    assert [m.state for m in measured] == ["quantified", "quantified", "not detected", "quantified"]
    assert measured[1].lower < TRUTH["S1"] < measured[1].upper
    assert len(derived_records(study, IgTrPlate)) == 4
    [course] = derived_records(study, Course)
    assert [p.state for p in course.mrd] == ["positive", "positive", "negative", "suspected relapse"]
    assert "sensitivity 1.00 × 10⁻⁴ of cells" in course.mrd[2].reason
    labels = {one.label for one in derived_records(study, Call) if one.code.startswith("igtr.")}
    assert labels == {"EuroMRD, avoid false negative", "EuroMRD, avoid false positive"}
    assert run_study(study).up_to_date


def test_the_profile_of_the_study_makes_the_state(study):
    settings = study.folder / "study.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + '\n[igtr]\nprofile = "avoid false positive"\n', encoding="utf-8")
    again = open_study(study.folder)
    run_study(again)
    reasons = [m.reason for m in derived_records(again, Measurement) if m.state == "not detected"]
    assert reasons
    assert all(one.startswith("avoid false positive: ") for one in reasons)
    settings.write_text(text + '\n[igtr]\nprofile = "careful"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"igtr\.profile: found 'careful', need one of avoid false negative"):
        open_study(study.folder)


HEADER = "run_id,well,patient_id,rearrangement,kind,sample_id,diagnosis_share,cq,dna_ng\n"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("R,A1,P1,IGH,follow_up,,,31.0,600", "igtr.sample"),
        ("R,A1,P1,IGH,follow_up,S1,,31.0,", "igtr.dna"),
        ("R,A1,P1,IGH,dilution,,,31.0,600", "igtr.dilution"),
        ("R,A1,P1,IGH,dilution,,0.1,31.0,", "igtr.dna"),
        ("R,A1,P1,IGH,background,,0.1,31.0,", "igtr.dilution"),
        ("R,A1,P1,IGH,dilution,,10,31.0,600", "cell.range"),
        ("R,A1,P1,IGH,plasmid,,,31.0,600", "cell.choice"),
        ("R,A1,P1,IGH,follow_up,S1,,late,600", "cell.number"),
        ("R,A1,P1,,follow_up,S1,,31.0,600", "cell.empty"),
        ("R,A1,P1,IGH,follow_up,S1,,31.0,600\nR,A1,P1,IGH,follow_up,S2,,31.0,600", "row.repeated"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(row, code):
    with pytest.raises(RefusedFileError) as caught:
        read("igtr.csv", (HEADER + row + "\n").encode())
    assert code in {problem.code for problem in caught.value.details}
    assert caught.value.details[0].row in {2, 3}


def test_every_problem_of_a_file_is_told_at_once():
    rows = "R,A1,P1,IGH,follow_up,,,31.0,600\nR,A2,P1,IGH,dilution,,,31.0,\n"
    with pytest.raises(RefusedFileError) as caught:
        read("igtr.csv", (HEADER + rows).encode())
    assert [one.code for one in caught.value.details] == ["igtr.sample", "igtr.dilution", "igtr.dna"]


def test_words_of_other_laboratories_are_understood():
    text = (
        "run,pos,patient_id,primer,type,sample,dilution,Ct,DNA ng\n"
        "R,A1,P1,IGH,NAC,,,Undetermined,\nR,A2,P1,IGH,std,,0.1,24.1,600\nR,A3,P1,IGH,FU,S1,,31.0,600\n"
    )
    wells = read("igtr.csv", text.encode()).igtr_wells
    assert [one.kind for one in wells] == ["background", "dilution", "follow_up"]
    assert (wells[0].detected, wells[0].cq, wells[1].diagnosis_share) == (False, None, 0.1)


def test_the_command_reads_a_file_without_a_study(bench):
    got = igtr_answer(read("igtr.csv", table(bench(3).wells(TRUTH)).encode()))
    by_sample = {one["sample_id"]: one for one in got.data["samples"]}
    assert by_sample["S1"]["verdicts"] == dict.fromkeys(by_sample["S1"]["verdicts"], "positive")
    assert by_sample["S1"]["lower"] < TRUTH["S1"] < by_sample["S1"]["upper"]
    assert set(by_sample["S2"]["verdicts"].values()) == {"negative"}
    assert got.shown[0].startswith("Run IGH-01, IGH VH3-23/JH4 of patient P1: slope -3.")


def test_a_failed_plate_is_a_finding_and_no_number(tmp_path, bench, study):
    wells = [one for one in bench(5, run_id="IGH-02").wells({"S3": 2e-3}) if one.kind != "ntc"]
    blank = list(bench(5, run_id="IGH-02").wells({}, ntc=1))[-1]
    wells.append(dataclasses.replace(blank, position="H12", detected=True, cq=36.0))
    (tmp_path / "second.csv").write_text(table(wells), encoding="utf-8")
    import_paths(study, [tmp_path / "second.csv"], by="anna")
    run_study(study)
    [finding] = [one for one in derived_records(study, Finding) if one.code == "igtr.ntc"]
    assert "amplified at Ct 36.0" in finding.message
    failed = [m for m in derived_records(study, Measurement) if m.run_id == "IGH-02"]
    assert [(m.state, m.estimate, m.upper_limit) for m in failed] == [("not evaluable", None, None)]
