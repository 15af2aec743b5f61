"""An IG/TR table from import to state: refusals, the study's profile, and what the command prints."""

import csv
import dataclasses
import io

import pytest

from remnant.acquire.columns import kind_of
from remnant.acquire.files import read
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.writing import written
from remnant.assay.igtr.instrument import with_instrument_cqs
from remnant.cli.quantify_igtr import igtr_answer
from remnant.errors import InputError
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.pipeline.stages import Facts, without_igtr
from remnant.records.finding import Finding
from remnant.records.igtr import IgTrPlate
from remnant.records.judgement import Call, Course
from remnant.records.measurement import Measurement
from remnant.records.run import Well
from remnant.study.derived import derived_records
from remnant.study.findings import all_findings
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


EXPORT = (
    "* Block Type = 96-Well Block (0.2mL)\n* Experiment Name = {run}\n* Instrument Type = QuantStudio(TM) 7 Flex System\n"
    "* Experiment Run End Time = 2021-07-04 05:06:07 PM CET\n\n[Results]\n"
    "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\n{rows}\n"
)


def export(wells, *, target="igh VH3-23_JH4", more=""):
    """The instrument's own file of these wells."""
    rows = [
        f"{n}\t{one.position[0]}{int(one.position[1:])}\tfalse\t{one.sample_id or one.kind}\t{target}\tUNKNOWN\tFAM\t"
        + ("Undetermined" if one.cq is None else f"{one.cq!r}")
        for n, one in enumerate(wells, start=1)
    ]
    return EXPORT.format(run=wells[0].run_id, rows="\n".join(rows) + more)


def added(study, tmp_path, **files):
    folder = tmp_path / "more"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.{'csv' if name == 'igtr' else 'txt'}").write_text(text, encoding="utf-8")
    assert {one.outcome for one in import_paths(study, [folder], by="anna").files} == {"imported"}
    run_study(study)
    return study


def layout(wells):
    """The same wells as a plan: without Cq."""
    return table([dataclasses.replace(one, cq=None, detected=None) for one in wells])


def said(study):
    return {one.code for one in all_findings(study)}


@pytest.fixture
def people_beside(tmp_path):
    folder = tmp_path / "beside"
    (folder / "files").mkdir(parents=True)
    for name, text in {"patients": PATIENTS, "events": EVENTS, "samples": SAMPLES}.items():
        (folder / "files" / f"{name}.csv").write_text(text, encoding="utf-8")
    made = init_study(folder / "study", name="Test", by="anna")
    import_paths(made, [folder / "files"], by="anna")
    return made, folder


def test_cqs_of_the_instrument_give_what_the_table_gives(study, people_beside, bench):
    wells = tuple(bench(3).wells(TRUTH))
    beside, folder = people_beside
    added(beside, folder, igtr=layout(wells), export=export(wells))
    run_study(study)
    measured = [
        sorted(derived_records(one, Measurement), key=lambda m: m.sample_id) for one in (study, beside)
    ]
    assert [m.state for m in measured[1]] == ["quantified", "quantified", "not detected", "quantified"]
    assert measured[0] == measured[1]
    assert "igtr.from_instrument" in said(beside)
    assert said(beside) - said(study) == {"igtr.from_instrument", "instrument.blank_by_name"}
    assert run_study(beside).up_to_date


def test_a_plate_whose_assay_the_instrument_does_not_name_is_refused_whole(people_beside, bench):
    wells = tuple(bench(3).wells(TRUTH))
    study, folder = people_beside
    added(study, folder, igtr=layout(wells), export=export(wells, target="Target 1"))
    assert derived_records(study, Measurement) == ()
    [found] = [one for one in all_findings(study) if one.code == "igtr.target_unnamed"]
    assert (found.severity, found.found, found.needed) == ("failure", "Target 1", "IGH VH3-23/JH4")
    assert "well A01" in found.message


def test_wells_without_any_cq_are_said_and_do_not_count(people_beside, bench):
    wells = tuple(bench(3).wells(TRUTH))
    study, folder = people_beside
    added(study, folder, igtr=layout(wells))
    assert derived_records(study, Measurement) == ()
    [found] = [one for one in all_findings(study) if one.code == "igtr.no_cq"]
    assert found.message.startswith(f"{len(wells)} wells of IGH VH3-23/JH4")


def test_a_control_gene_in_the_same_well_stays_with_the_other_assays(bench):
    wells = tuple(bench(3).wells(TRUTH))[:2]
    plan = [dataclasses.replace(one, cq=None, detected=None) for one in wells]
    both = [
        Well(
            run_id=one.run_id,
            position=one.position,
            target=target,
            sample="x",
            kind="unknown",
            detected=True,
            cq=cq,
        )
        for one in plan
        for target, cq in (("IGH-VH3-23-JH4", 30.0), ("ALB", 22.0))
    ]
    found = without_igtr(Facts(igtr_wells=tuple(plan), wells=tuple(both)))
    assert {one.target for one in found.wells} == {"ALB"}
    joined = with_instrument_cqs(plan, found.igtr_measured)
    assert [(one.detected, one.cq) for one in joined.wells] == [(True, 30.0)] * 2


def test_a_cq_in_the_table_wins_and_an_exclusion_of_the_instrument_holds(bench):
    own, empty = tuple(bench(3).wells(TRUTH))[:2]
    plan = [own, dataclasses.replace(empty, cq=None, detected=None)]
    theirs = [
        Well(
            run_id=one.run_id,
            position=one.position,
            target=one.rearrangement,
            sample="x",
            kind="unknown",
            detected=True,
            cq=33.0,
            excluded="bubble",
        )
        for one in plan
    ]
    joined = with_instrument_cqs(plan, theirs)
    assert [(one.cq, one.excluded) for one in joined.wells] == [(own.cq, None), (33.0, "bubble")]


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
