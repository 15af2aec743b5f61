"""Digital PCR in a study: from files to a series of its own in the patient's course."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from remnant.acquire import read_path
from remnant.cli.main import app
from remnant.errors import InputError
from remnant.example.digital import (
    DigitalTube,
    amplitude_files,
    digital_run,
    draw_digital_plate,
    layout_csv,
    results_csv,
)
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.pipeline.stages import Facts, compute
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.partition import DigitalWell, Partitions
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.facts import facts
from remnant.study.folder import init_study, open_study
from remnant.study.unverified import unverified_rules

NAMES = ("patients", "events", "therapies", "samples", "cdnas", "runs", "wells", "reported")


@pytest.fixture(scope="module")
def simulated():
    return simulate_study_a(patients=2, seed=3, awkward=False, curves=False)


@pytest.fixture(scope="module")
def plate(simulated):
    """One duplex run over the first patient's cDNA, and the ratio that is true of each tube."""
    people = {sample.sample_id: sample.patient_id for sample in simulated.samples}
    first = simulated.patients[0].patient_id
    own = [cdna for cdna in simulated.cdnas if people.get(cdna.sample_id) == first][:6]
    tubes = [
        DigitalTube(cdna_id=cdna.cdna_id, control_copies_per_ul=600, ratio=0.002 * 3**i, wells=2)
        for i, cdna in enumerate(own)
    ]
    return draw_digital_plate(np.random.default_rng(7), tubes), {t.cdna_id: t.ratio for t in tubes}


@pytest.fixture(scope="module")
def raw(simulated, plate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    write_study_a(simulated, folder)
    (folder / "D-001.csv").write_bytes(results_csv(plate[0]))
    return folder


@pytest.fixture(scope="module")
def study(raw, tmp_path_factory):
    made = init_study(tmp_path_factory.mktemp("study") / "s", name="s", by="test")
    report = import_paths(made, [raw], by="test")
    assert report.count("imported") == len(report.files)
    run_study(made)
    return made


def test_the_demo_measures_one_patient_by_digital_pcr_too(simulated):
    made = digital_run(simulated, seed=3)
    again = digital_run(simulated, seed=3)
    assert made.names == again.names
    assert np.array_equal(made.cells, again.cells)
    truth = simulated.measurement_truth.filter(pl.col("target") == "WT1").unique("cdna_id")
    own = truth.filter(pl.col("cdna_id").is_in(list(made.names)))
    assert own["patient_id"].n_unique() == 1
    assert len(own) == 6
    ratio = dict(own.select("cdna_id", "cdna_truth_per_1e4").iter_rows())
    for cdna, cells in zip(made.names[:12], made.cells[:12], strict=True):
        n = cells.sum()
        target, control = (-np.log1p(-k / n) for k in (cells[1] + cells[3], cells[2] + cells[3]))
        assert 1e4 * target / control == pytest.approx(ratio[cdna], rel=5 / (cells[1] + cells[3]) ** 0.5)
    assert set(made.names[12:]) == {"NTC"}


def digital(study):
    return [one for one in derived_records(study, Measurement) if one.platform == "dpcr"]


def test_a_file_becomes_measurements_with_the_true_ratio(study, plate):
    found = {one.cdna_id: one for one in digital(study)}
    assert found.keys() == plate[1].keys()
    for cdna_id, ratio in plate[1].items():
        one = found[cdna_id]
        assert one.lower / 1e4 < ratio * 1.15
        assert one.upper / 1e4 > ratio / 1.15
        assert one.wells == one.control_wells == 2


def test_unverified_rows_of_digital_pcr_are_listed_once_for_the_study(study):
    found = {one.subject: one for one in unverified_rules(study)}
    assert {"rules of quantification", "rules of digital PCR"} <= found.keys()
    said = found["rules of digital PCR"]
    assert "knowledge/dpcr.toml" in said.advice
    for row in ("blank", "replicates", "positivity", "linkage", "run"):
        assert f" {row}," in said.message.replace(".", ",")
    assert "gate" not in said.message  # this file holds the instrument's counts


def test_the_series_stands_beside_that_of_quantitative_pcr_and_is_never_merged(study, simulated):
    (one,) = dossiers(study, patient_ids=[simulated.patients[0].patient_id])
    assays = {assay.assay_id: assay.platform for assay in one.assays}
    assert assays["WT1/ABL1"] == "qpcr"
    assert assays["WT1/ABL1 dPCR"] == "dpcr"
    points = [point for point in one.course.points if point.assay_id == "WT1/ABL1 dPCR"]
    assert len(points) == len({m.drawn_on for m in one.measurements if m.platform == "dpcr"})
    assert {joint.reason.count("digital PCR") for joint in one.course.joint} == {0, 1}


@pytest.mark.definition
def test_storage_changes_no_number(study, simulated, raw):
    acquired = read_path(raw / "D-001.csv")
    facts = Facts(
        **{name: getattr(simulated, name) for name in NAMES if name != "runs"},
        runs=(*simulated.runs, *acquired.runs),
        partitions=acquired.partitions,
    )
    by_hand = {
        m.measurement_id: m.point_value
        for dossier in compute(facts)
        for m in dossier.measurements
        if m.platform == "dpcr"
    }
    assert {m.measurement_id: m.point_value for m in digital(study)} == by_hand


def test_nothing_is_computed_twice_and_a_new_run_renews_only_itself(study, plate, tmp_path):
    assert run_study(study).up_to_date
    path = tmp_path / "D-002.csv"
    tubes = [
        DigitalTube(cdna_id=name, control_copies_per_ul=500, ratio=ratio) for name, ratio in plate[1].items()
    ]
    path.write_bytes(results_csv(draw_digital_plate(np.random.default_rng(9), tubes)))
    import_paths(study, [path], by="test")
    report = run_study(study)
    (stage,) = (one for one in report.stages if one.stage == "digital")
    assert (stage.computed, stage.kept) == (1, 1)
    assert {one.run_id for one in digital(study)} == {"D-001", "D-002"}


def test_amplitudes_are_gated_from_their_originals(simulated, plate, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    write_study_a(simulated, raw)
    small = plate[0]
    for name, data in amplitude_files(np.random.default_rng(8), small):
        (raw / name).write_bytes(data)
    study = init_study(tmp_path / "s", name="s", by="test")
    assert import_paths(study, [raw], by="test").count("refused") == 0
    run_study(study)
    assert digital(study) == []
    assert "dpcr.no_layout" in {finding.code for finding in derived_records(study, Finding)}
    (tmp_path / "layout.csv").write_bytes(layout_csv(small))
    import_paths(study, [tmp_path / "layout.csv"], by="test")
    run_study(study)
    wells = derived_records(study, DigitalWell)
    assert {well.gate for well in wells} == {"control"}
    assert len(digital(study)) == len(plate[1])
    for one in digital(study):
        assert one.comparison_lower / 1e4 < plate[1][one.cdna_id] < one.comparison_upper / 1e4


def test_an_original_that_is_gone_is_said(plate, tmp_path):
    study = init_study(tmp_path / "s", name="s", by="test")
    name, data = next(amplitude_files(np.random.default_rng(8), plate[0]))
    (tmp_path / name).write_bytes(data)
    import_paths(study, [tmp_path / name], by="test")
    for path in study.originals.iterdir():
        path.unlink()
    run_study(study)
    assert "dpcr.original_missing" in {finding.code for finding in derived_records(study, Finding)}
    assert {well.state for well in derived_records(study, DigitalWell)} == {"not evaluable"}


def test_wells_of_a_study_are_exported(study, tmp_path):
    result = CliRunner().invoke(app, ["export", str(study.folder), str(tmp_path / "out"), "--by", "test"])
    assert result.exit_code == 0, result.output
    wells = (tmp_path / "out" / "partitions.csv").read_text().splitlines()
    assert wells[0].startswith("run_id,position,channel,target")
    assert len(wells) - 1 == len(facts(study, Partitions))
    counted = (tmp_path / "out" / "digital_wells.csv").read_text().splitlines()
    assert len(counted) == len(wells)


def quantified(*arguments):
    result = CliRunner().invoke(app, ["quantify", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_command_prints_wells_with_state_rates_limits_and_findings(raw):
    got = quantified(raw / "D-001.csv")
    well = next(one for one in got["wells"] if one["target"] == "WT1")
    assert {
        "copies_per_ul",
        "lower",
        "upper",
        "state",
        "false_positive_rate",
        "limit_of_blank_positives",
    } <= well.keys()
    assert {"limit_of_detection_copies_per_ul", "threshold", "volume_source", "decision"} <= well.keys()
    assert well["gate"] == "instrument"
    assert "dpcr.unverified_rule" in {finding["code"] for finding in got["findings"]}


def test_the_command_takes_a_folder_of_amplitudes_with_its_layout(plate, tmp_path):
    for name, data in amplitude_files(np.random.default_rng(8), plate[0]):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "layout.csv").write_bytes(layout_csv(plate[0]))
    got = quantified(tmp_path)
    assert len(got["wells"]) == 2 * len(plate[0].positions)
    assert {well["gate"] for well in got["wells"]} == {"control"}
    shown = CliRunner().invoke(app, ["quantify", str(tmp_path)])
    assert shown.exit_code == 0
    assert "counted by us, threshold from the blanks" in " ".join(shown.stdout.split())
    two = quantified(tmp_path, "--gate", "two-colour")
    assert {well["gate"] for well in two["wells"]} == {"two-colour"}


def test_the_command_gives_ratios_where_samples_are_known(simulated, plate, tmp_path):
    (tmp_path / "D-001.csv").write_bytes(results_csv(plate[0]))
    write_study_a(simulated, tmp_path / "all")
    for name in ("samples.csv", "cdna.csv"):
        (tmp_path / name).write_bytes((tmp_path / "all" / name).read_bytes())
    shutil.rmtree(tmp_path / "all")
    got = quantified(tmp_path)
    assert {one["cdna_id"] for one in got["measurements"]} == plate[1].keys()
    assert all(one["lower"] < one["point_value"] < one["upper"] for one in got["measurements"])
    shown = CliRunner().invoke(app, ["quantify", str(tmp_path)]).stdout
    assert "per 10⁴ ABL1" in " ".join(shown.split())


def test_a_study_may_gate_by_two_colours(plate, tmp_path):
    made = init_study(tmp_path / "s", name="s", by="test")
    path = made.folder / "study.toml"
    folder = tmp_path / "amplitudes"
    folder.mkdir()
    for name, data in amplitude_files(np.random.default_rng(8), plate[0]):
        (folder / name).write_bytes(data)
    (folder / "layout.csv").write_bytes(layout_csv(plate[0]))
    import_paths(made, [folder], by="test")
    run_study(made)
    assert {well.gate for well in derived_records(made, DigitalWell)} == {"control"}
    path.write_text(path.read_text(encoding="utf-8").replace('gate = "control"', 'gate = "two-colour"'))
    other = open_study(made.folder)
    run_study(other)
    assert {well.gate for well in derived_records(other, DigitalWell)} == {"two-colour"}
    path.write_text(path.read_text(encoding="utf-8").replace('"two-colour"', '"by eye"'))
    with pytest.raises(InputError) as refused:
        open_study(made.folder)
    assert refused.value.problems == ("dpcr.gate: found 'by eye', need one of control, two-colour",)


def test_a_course_says_the_probability_of_a_log_for_digital_values(study):
    shown = CliRunner().invoke(app, ["course", str(study.folder)])
    assert shown.exit_code == 0
    assert "P(≥ 1 log)" in " ".join(shown.stdout.split())
    got = json.loads(CliRunner().invoke(app, ["course", str(study.folder), "--json"]).stdout)
    points = [point for one in got for point in one["points"] if point["assay_id"] == "WT1/ABL1 dPCR"]
    assert any(point["probability_rise_1_log"] is not None for point in points)
