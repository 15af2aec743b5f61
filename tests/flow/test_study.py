"""Cytometry inside a study: panels with validity, tubes by role, statements, sort purity, what is renewed and when."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from remnant.acquire.fcs import read_fcs
from remnant.assay.flow.panels import panel_of_entries, panel_of_labels
from remnant.errors import InputError
from remnant.example.fcs import fcs_bytes
from remnant.example.marrow import ANTIGENS, DETECTORS, made_cells
from remnant.example.study_b import simulate_study_b
from remnant.example.study_b_flow import study_b_tubes
from remnant.pipeline.flow import statement_of, tube_compartments
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.finding import Finding
from remnant.records.fish import SortPurity
from remnant.records.flow import FlowResult, PanelEntry, Tube
from remnant.records.measurement import Measurement
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.folder import init_study
from remnant.study.store import retract

GATE = "B-ALL window"
PANEL = "panel,channel,antigen\n" + "".join(
    f"P8,{channel},{antigen}\n" for channel, antigen in zip(DETECTORS, ANTIGENS, strict=True)
)
SAMPLES = """sample_id,patient_id,material,drawn_on,reason
S-1,P-1,BM,2020-05-01,scheduled
S-2,P-1,BM,2020-06-01,scheduled
D-1,DN1,BM,2020-05-01,donor
D-2,DN2,BM,2020-05-01,donor
"""
TUBES = f"""file,sample_id,panel,role,gate,fraction_id
S-1.fcs,S-1,P8,sample,{GATE},
S-2.fcs,S-2,P8,sample,{GATE},
D-1.fcs,D-1,P8,,,
D-2.fcs,D-2,P8,control,,
F-1.fcs,S-1,P8,re-analysis,,F-1
"""


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        place = folder / name.replace("__", "-").replace("_", ".")
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def study(tmp_path):
    raw = tmp_path / "raw"
    write(
        raw,
        patients_csv="patient_id,diagnosis\nP-1,Ph+ ALL\n",
        samples_csv=SAMPLES,
        fractions_csv="fraction_id,sample_id,compartment,sort_gate\nF-1,S-1,HSC,CD34+CD38-CD19-\n",
        panels_csv=PANEL,
        tubes_csv=TUBES,
        S__1_fcs=made_cells(events=8000, blasts={"B-ALL blast": 2000}, marrow=1, seed=1).fcs(),
        S__2_fcs=made_cells(events=8000, marrow=6, seed=6).fcs(),
        D__1_fcs=made_cells(events=8000, marrow=3, seed=3).fcs(),
        D__2_fcs=made_cells(events=8000, marrow=10, seed=10).fcs(),
        F__1_fcs=made_cells({"HSC": 180, "B-ALL blast": 20}, marrow=1, seed=5).fcs(),
    )
    made = init_study(tmp_path / "study", name="Flow", by="anna")
    assert import_paths(made, [raw], by="anna").count("imported") == 10
    return made


def stage(report, name="flow"):
    return next(one for one in report.stages if one.stage == name)


def test_tubes_become_measurements_of_a_series_of_their_own(study):
    report = run_study(study)
    assert (stage(report).computed, report.failures) == (6, 0)
    results = {one.file: one for one in derived_records(study, FlowResult)}
    assert {name: one.role for name, one in results.items()} == {
        "S-1.fcs": "sample",
        "S-2.fcs": "sample",
        "D-1.fcs": "control",
        "D-2.fcs": "control",
        "F-1.fcs": "re-analysis",
    }
    said = results["S-1.fcs"].statement
    assert said.background_basis.startswith("2 controls")
    (dossier,) = dossiers(study)
    series = {one.sample_id: one for one in dossier.measurements if one.assay_id == f"flow:{GATE}"}
    assert series["S-1"].state == "quantified"
    own = series["S-1"]
    assert (own.estimate, own.lower, own.upper) == (said.estimate, said.lower, said.upper)
    assert own.comparison_lower < own.lower < said.share - said.background < own.upper < own.comparison_upper
    assert said.k == pytest.approx(2000, rel=0.05)
    assert series["S-2"].state == "not detected"
    assert series["S-2"].estimate is None
    alike = [one for one in derived_records(study, Finding) if one.code == "flow.normal_counterpart"]
    assert {one.subject for one in alike} == {"sample S-1"}  # S-2 was not called
    assert "cannot be told from normal precursors (haematogones I)" in series["S-2"].reason
    assert "haematogones I" in alike[0].message
    assert 0 < series["S-2"].upper_limit == results["S-2.fcs"].statement.upper < 0.1
    assert f"flow:{GATE}" in {one.assay_id for one in dossier.assays}


def test_the_example_calls_no_follow_up_for_its_normal_precursors():
    """Regenerating controls widen the background: what is called holds blasts, and its interval holds their share."""
    made = simulate_study_b()
    blasts = {one.sample_id: one.value or 0.0 for one in made.reported if one.target == "IG/TR"}
    controls, follow_ups = {}, {}
    for use, content in study_b_tubes(made):
        if use.role == "control" or use.gate is not None:
            events = read_fcs(use.file, content)[0]
            counted = (tube_compartments(events, panel_of_labels(events.tube)).counts, events.tube.events)
            (controls if use.role == "control" else follow_ups)[use.sample_id] = counted
    assert sum(code.startswith("RG") for code in controls) == 8
    said = {
        code: statement_of(*counted, gate=GATE, lesion="ALL", controls=controls)
        for code, counted in follow_ups.items()
    }
    called = {code: one for code, one in said.items() if one.state != "not detected"}
    assert called
    assert all(one.lower < blasts[code] * 40_000 / one.n < one.upper for code, one in called.items())
    assert said["B027-F3"].state == "not detected"


def test_cd19_is_compared_with_the_first_tube_where_blasts_are_overt(tmp_path):
    raw = tmp_path / "raw"
    write(
        raw,
        patients_csv="patient_id,diagnosis\nP-1,Ph+ ALL\n",
        samples_csv="sample_id,patient_id,material,drawn_on,reason\nS-0,P-1,BM,2020-01-01,diagnosis\n"
        "S-4,P-1,BM,2020-06-01,scheduled\nS-9,P-1,BM,2020-12-01,relapse\n",
        therapies_csv="patient_id,kind,start_on,target_antigen\nP-1,blinatumomab,2020-02-01,CD19\n",
        panels_csv=PANEL,
        tubes_csv="file,sample_id,panel,role\n"
        + "".join(f"{one}.fcs,{one},P8,sample\n" for one in ("S-0", "S-4", "S-9")),
        S__0_fcs=made_cells(events=6000, blasts={"B-ALL blast": 3000}, marrow=1, seed=1).fcs(),
        S__4_fcs=made_cells(events=6000, marrow=1, seed=2).fcs(),
        S__9_fcs=made_cells(
            events=6000, blasts={"B-ALL blast": 1500, "CD19-negative blast": 1000}, marrow=1, seed=3
        ).fcs(),
    )
    made = init_study(tmp_path / "study", name="Flow", by="anna")
    assert import_paths(made, [raw], by="anna").count("imported") == 8
    assert run_study(made).failures == 0
    losses = {one.file: one.antigen_loss for one in derived_records(made, FlowResult)}
    assert losses["S-0.fcs"] is None  # nothing came before
    assert losses["S-4.fcs"] is None  # no overt blasts
    found = losses["S-9.fcs"]
    assert (found.verdict, found.before, found.gate) == (
        "lost in part",
        "S-0.fcs",
        "B-ALL window without CD19",
    )
    assert found.negative_lower < 0.4 < found.negative_upper
    told = {one.code: one for one in derived_records(made, Finding) if one.subject == "sample S-9"}
    assert "lost in part since S-0.fcs" in told["flow.antigen_lost"].message
    assert "blinatumomab" in told["flow.epitope_masked"].message
    retract(made, "therapies.csv", reason="another patient's", by="anna")
    assert stage(run_study(made)).computed == 2  # the tubes after the drug
    assert "flow.epitope_masked" not in {one.code for one in derived_records(made, Finding)}


def test_an_index_sort_is_the_purity_of_its_fraction(study, tmp_path):
    """Wells stand in the keywords; events of a file without them are no index sort."""
    cells = made_cells({"HSC": 60, "B-ALL blast": 6}, marrow=1, seed=8)
    wells = "".join(f"{place // 11},{place % 11};" for place in range(66))
    more = {"TUBE NAME": "synthetic", "INDEX SORTING LOCATIONS_1": wells}
    sorted_file = fcs_bytes(cells.values, cells.channels, spillover=cells.spillover, more=more)
    write(
        tmp_path / "new",
        fractions2_csv="fraction_id,sample_id,compartment,sort_gate\nF-2,S-1,HSC,single\nF-3,S-1,HSC,single\n",
        tubes2_csv="file,sample_id,panel,role,fraction_id\nF-2.fcs,S-1,P8,index sort,F-2\n"
        "F-3.fcs,S-1,P8,index sort,F-3\n",
        F__2_fcs=sorted_file,
        F__3_fcs=made_cells({"HSC": 50}, marrow=1, seed=9).fcs(),
    )
    import_paths(study, [tmp_path / "new"], by="anna")
    run_study(study)
    rows = [one for one in derived_records(study, SortPurity) if one.fraction_id == "F-2"]
    assert {one.method for one in rows} == {"index sort"}
    found = {one.compartment: one.events for one in rows}
    assert sum(found.values()) == 66
    assert found["HSC"] == pytest.approx(60, abs=6)
    result = next(one for one in derived_records(study, FlowResult) if one.file == "F-2.fcs")
    assert result.purity.lower < 60 / 66 < result.purity.upper
    refused = [one for one in derived_records(study, Finding) if one.code == "flow.tube_not_evaluable"]
    assert len(refused) == 1
    assert "0 wells for 50 events" in refused[0].message


def test_a_reanalysed_file_is_the_purity_of_its_fraction(study):
    run_study(study)
    found = {one.compartment: one.events for one in derived_records(study, SortPurity)}
    assert sum(found.values()) == 200
    assert found["HSC"] == pytest.approx(180, abs=12)
    assert found["CD19+ B-lineage"] == pytest.approx(20, abs=4)


def test_only_what_depends_on_a_change_is_renewed(study, tmp_path):
    run_study(study)
    assert run_study(study).up_to_date
    retract(study, "D-2.fcs", reason="wrong donor", by="anna")
    again = stage(run_study(study))
    assert (again.computed, again.kept, again.removed) == (3, 2, 1)  # both statements, loose ends
    write(tmp_path / "more", S__9_fcs=made_cells(events=2000, marrow=9, seed=9).fcs())
    import_paths(study, [tmp_path / "more"], by="anna")
    assert stage(run_study(study)).computed == 1
    codes = [one.code for one in derived_records(study, Finding)]
    assert codes.count("flow.tube_unassigned") == 1
    assert codes.count("flow.file_missing") == 1


def test_a_panel_that_does_not_fit_is_a_finding_of_the_sample_and_stops_nothing_else(study, tmp_path):
    retract(study, "panels.csv", reason="wrong channel", by="anna")
    write(tmp_path / "new", panels2_csv=PANEL.replace("PerCP-A,CD19", "PerCp-A,CD19"))
    import_paths(study, [tmp_path / "new"], by="anna")
    report = run_study(study)
    assert report.failures >= 1
    found = [one for one in derived_records(study, Finding) if one.code == "flow.tube_not_evaluable"]
    assert {one.subject for one in found} >= {"sample S-1", "sample S-2"}
    assert "did you mean PerCP-A" in found[0].message or "labels PerCP-A CD19" in found[0].message
    assert not [one for one in derived_records(study, Measurement) if one.target == "flow"]


def test_a_sort_report_yields_to_the_file_and_says_so(study, tmp_path):
    write(
        tmp_path / "new",
        sort_csv="fraction_id,compartment,events\nF-1,HSC,100\nF-1,T,100\n",
        scores_csv="fraction_id,probe,reader,scored,preparation,1R1G2F,2R2G\n"
        "F-1,BCR-ABL1 D-FISH,A,60,sorted cytospin,20,40\n",
    )
    import_paths(study, [tmp_path / "new"], by="anna")
    run_study(study)
    (sample,) = dossiers(study)[0].sorted_samples
    assert sample.estimates[0].purity == pytest.approx(0.9, abs=0.1)  # the report says 0.5
    assert "purity.two_sources" in {one.code for one in sample.findings}


def lines(*changes):
    line = PanelEntry(panel="P8", channel="PE-A", antigen="CD10")
    return [replace(line, **change) for change in changes]


TUBE = Tube(
    file="a.fcs",
    data_set=1,
    version="3.1",
    events=1,
    channels=(),
    acquired_on=dt.date(2020, 6, 1),
    instrument="Lyric",
)
SUMMER = {"valid_from": dt.date(2020, 6, 1), "valid_until": dt.date(2020, 8, 31)}


@pytest.mark.parametrize(
    ("changes", "antigen"),
    [
        ([{}], "CD10"),
        ([{"valid_until": dt.date(2020, 5, 31)}, SUMMER | {"antigen": "CD20"}], "CD20"),
        ([{}, {"instrument": "Lyric", "antigen": "CD34"}], "CD34"),
        ([{}, {"instrument": "Canto", "antigen": "CD34"}], "CD10"),
    ],
)
def test_the_line_that_holds_for_this_cytometer_on_this_day_is_used(changes, antigen):
    (found,) = panel_of_entries(lines(*changes), "P8", tube=TUBE, on=None)
    assert found.antigen == antigen


@pytest.mark.parametrize(
    ("changes", "name", "text"),
    [
        ([{}], "P9", "no such panel"),
        ([{}, {"antigen": "CD20"}], "P8", "two lines that hold for PE-A"),
        ([{"instrument": "Canto"}], "P8", "none for cytometer Lyric"),
        ([{"valid_from": dt.date(2021, 1, 1)}], "P8", "none for cytometer Lyric on 2020-06-01"),
    ],
)
def test_panels_that_do_not_tell_are_refused_with_the_reason(changes, name, text):
    with pytest.raises(InputError, match=text):
        panel_of_entries(lines(*changes), name, tube=TUBE, on=None)


def test_a_file_larger_than_a_table_may_be_is_imported_by_copy(tmp_path, monkeypatch):
    monkeypatch.setattr("remnant.acquire.files.size", lambda name: 10 if name == "file_bytes" else 10**12)
    raw = tmp_path / "raw"
    data = made_cells(events=3000, marrow=1, seed=1).fcs()
    write(raw, big_fcs=data)
    made = init_study(tmp_path / "study", name="Flow", by="anna")

    def never(path):
        pytest.fail(f"{path} was read whole")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.read_bytes", never)
        (report,) = import_paths(made, [raw], by="anna").files
    assert (report.outcome, report.format) == ("imported", "fcs 3.1")
    assert (made.originals / report.sha256).read_bytes() == data
    assert import_paths(made, [raw], by="anna").count("unchanged") == 1


def test_a_file_that_changes_while_it_is_copied_is_not_kept(tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    write(raw, one_fcs=made_cells(events=100, marrow=1, seed=1).fcs())
    made = init_study(tmp_path / "study", name="Flow", by="anna")
    monkeypatch.setattr("remnant.study.originals._pieces", lambda _: iter([b"other"]))
    with pytest.raises(OSError, match="does not change while it is imported"):
        import_paths(made, [raw], by="anna")
    assert list(made.originals.iterdir()) == []


def test_cells_of_one_marrow_are_equally_bright_in_every_tube():
    first, second = (made_cells({"T": 4000}, marrow=7, seed=seed) for seed in (1, 2))
    other = made_cells({"T": 4000}, marrow=8, seed=1)
    medians = [np.median(one.values[:, -1]) for one in (first, second, other)]
    assert medians[0] == pytest.approx(medians[1], rel=0.05)
    assert medians[2] != pytest.approx(medians[0], rel=0.05)
