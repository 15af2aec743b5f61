"""Our Cq beside the instrument's, in a file and in a study."""

import dataclasses
import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from remnant.assay.qpcr.amplification import read_curves
from remnant.assay.qpcr.amplification_cq import cq_findings, disagreements, usual_differences, with_our_cq
from remnant.cli.main import app
from remnant.errors import InputError
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.run import Well
from remnant.study.derived import derived_records
from remnant.study.folder import init_study, open_study

from .conftest import CYCLES, plate_of

PLACES = np.linspace(20.0, 32.0, 8)
CURVES = 1.0 + 15.0 / (1.0 + np.exp(-0.62 * (CYCLES - PLACES[:, None])))
FLAT = 1.0 + np.random.default_rng(0).normal(0.0, 0.01, (1, 45))


def well(position, cq, **changed):
    return Well(
        **{
            "run_id": "R-01",
            "position": position,
            "target": "WT1",
            "sample": "S-1",
            "kind": "unknown",
            "detected": cq is not None,
            "cq": cq,
        }
        | changed
    )


@pytest.fixture(scope="module")
def results():
    return read_curves(plate_of(np.concatenate([CURVES, FLAT]))).records()


@pytest.fixture
def wells(results):
    """The instrument reads 1.7 cycles earlier and agrees with the curves."""
    return [well(one.position, None if one.cq is None else one.cq - 1.7) for one in results]


def test_a_constant_difference_is_no_finding(wells, results):
    assert cq_findings(disagreements(wells, results)) == ()
    assert usual_differences(wells, results)["R-01", "WT1"] == pytest.approx(1.7)


def test_a_well_that_differs_is_a_finding(wells, results):
    wells[2] = dataclasses.replace(wells[2], cq=wells[2].cq - 0.8)
    [finding] = cq_findings(disagreements(wells, results))
    assert (finding.code, finding.subject) == ("curve.cq_differs", "well R-01:A03")
    assert "+0.80 cycles" in finding.message


def test_a_cq_without_amplification_and_the_reverse_are_findings(wells, results):
    wells[8] = dataclasses.replace(wells[8], cq=38.0, detected=True)
    wells[0] = dataclasses.replace(wells[0], cq=None, detected=False)
    assert {(one.code, one.subject) for one in cq_findings(disagreements(wells, results))} == {
        ("curve.call_differs", "well R-01:A01"),
        ("curve.call_differs", "well R-01:A09"),
    }


def test_a_well_that_the_laboratory_left_out_is_not_judged(wells, results):
    wells[8] = dataclasses.replace(wells[8], cq=38.0, detected=True, excluded="bubble")
    assert cq_findings(disagreements(wells, results)) == ()


def test_our_cq_takes_the_place_of_the_instruments(wells, results):
    replaced, findings = with_our_cq(wells, results)
    assert findings == ()
    assert [one.cq for one in replaced] == [one.cq for one in results]
    assert replaced[8].detected is False


def test_what_has_no_curve_is_said(wells, results):
    other = well("B01", 30.0)
    elsewhere = well("A01", 31.0, run_id="R-02")
    replaced, findings = with_our_cq([*wells, other, elsewhere], results)
    assert (replaced[-2].detected, replaced[-2].cq) == (None, None)
    assert replaced[-1] == elsewhere
    assert {one.code for one in findings} == {"curve.none_in_run", "curve.none_in_well"}


def test_a_doubtful_curve_leaves_its_well_out(wells, results):
    doubtful = dataclasses.replace(
        results[0], call="doubtful", reason="the run ends before the steepest rise"
    )
    replaced, _ = with_our_cq(wells[:1], [doubtful])
    assert replaced[0].cq is None
    assert "doubtful curve: the run ends" in replaced[0].excluded
    [finding] = cq_findings(disagreements(wells[:1], [doubtful]))
    assert finding.code == "curve.doubtful"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    write_study_a(simulate_study_a(patients=3, seed=3, awkward=False), folder)
    return folder


@pytest.fixture(scope="module")
def study(raw, tmp_path_factory):
    made = init_study(tmp_path_factory.mktemp("study") / "s", name="s", by="test")
    assert import_paths(made, [raw], by="test").count("refused") == 0
    run_study(made)
    return made


def test_a_study_keeps_what_its_curves_say(study):
    found = derived_records(study, CurveResult)
    assert len(found) > 50
    assert {"amplified", "not amplified"} <= {one.call for one in found}
    codes = {one.code for one in derived_records(study, Finding)}
    assert "curve.original_unreadable" not in codes


def test_curves_are_not_read_twice(study):
    patient = study.inbox / "more.csv"
    patient.write_text("patient_id,diagnosis\nP900,AML\n", encoding="utf-8")
    import_paths(study, [patient], by="test")
    stages = {stage.stage: stage for stage in run_study(study).stages}
    assert stages["curves"].computed == 0
    assert stages["curves"].kept > 0


def test_a_study_may_take_our_cq(study, raw, tmp_path):
    other = init_study(tmp_path / "ours", name="ours", by="test")
    path = other.folder / "study.toml"
    text = path.read_text(encoding="utf-8").replace('cq_source = "instrument"', 'cq_source = "ours"')
    path.write_text(text, encoding="utf-8")
    other = open_study(other.folder)
    assert other.settings.cq_source == "ours"
    import_paths(other, [raw], by="test")
    run_study(other)
    values = [
        {(one.sample_id, one.assay_id): one.point_value for one in derived_records(each, Measurement)}
        for each in (study, other)
    ]
    both = [key for key in values[0] if values[0][key] and values[1].get(key)]
    assert len(both) > 5
    ratio = np.log10([values[1][key] / values[0][key] for key in both])
    assert np.median(np.abs(ratio)) < 0.15
    assert (ratio != 0).any()


def test_our_cq_is_exported_beside_the_instruments(study, tmp_path):
    answer = CliRunner().invoke(app, ["export", str(study.folder), str(tmp_path / "out"), "--by", "test"])
    assert answer.exit_code == 0, answer.output
    table = pl.read_csv(tmp_path / "out" / "amplification_curves.csv", infer_schema_length=None)
    both = table.drop_nulls(["cq", "instrument_cq"])
    assert both.height > 50
    assert (both["cq"] - both["instrument_cq"]).to_numpy() == pytest.approx(both["cq_difference"].to_numpy())
    assert {"call", "reason", "cq_se"} <= set(table.columns)


def test_an_unknown_source_is_refused(tmp_path):
    made = init_study(tmp_path / "s", name="s", by="test")
    path = made.folder / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"instrument"', '"theirs"'), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        open_study(made.folder)
    assert refused.value.problems == (
        "qpcr.cq_source: found 'theirs', need one of instrument, ours, combined",
    )


def test_a_study_of_an_older_version_takes_the_instruments_cq(tmp_path):
    made = init_study(tmp_path / "s", name="s", by="test")
    path = made.folder / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").split("\n[qpcr]")[0], encoding="utf-8")
    assert open_study(made.folder).settings.cq_source == "instrument"
    assert made.settings.created <= dt.datetime.now(tz=dt.UTC).date()


@pytest.mark.published
def test_standards_without_a_cq_are_quantified_from_their_curves(real_data):
    """Ruijter et al. 2013 standards as RDML with curves and no Cq: 64 standard curves, ALUsq fails its gates."""
    path = real_data / "qpcr" / "vermeulen" / "data_vermeulen_std_150000_15.rdml"
    answer = CliRunner().invoke(app, ["quantify", str(path), "--cq", "ours", "--json"])
    data = json.loads(answer.stdout)
    verdicts = {fit["target"].split("(")[0].split("_")[0]: fit["verdict"] for fit in data["standard_curves"]}
    assert len(data["standard_curves"]) == 64
    assert verdicts["ALUsq"] == "fail"
    assert sum(verdict == "pass" for verdict in verdicts.values()) >= 55
    calls = {one["call"] for one in data["amplification_curves"] if "ALUsq" not in one["target"]}
    assert calls == {"amplified"}


def test_a_file_without_curves_cannot_give_our_cq(tmp_path):
    path = tmp_path / "plate.csv"
    path.write_text("target,sample,cq\nWT1,S-1,30.0\n", encoding="utf-8")
    answer = CliRunner().invoke(app, ["quantify", str(path), "--cq", "ours"])
    assert answer.exit_code == 3
    assert "no amplification curves" in answer.stderr
