"""The patient's phenotype as a stored rule: learned, written, read, tracked; cells that differ from normal."""

import json

import numpy as np
import pytest

from remnant.acquire.fcs import read_fcs
from remnant.assay.flow.laip import called
from remnant.assay.flow.panels import panel_of_labels
from remnant.assay.flow.phenotype import cell_points, phenotype_text, read_phenotype, shared_antigens, tracked
from remnant.errors import FileFormatError, InputError, MeasurementError
from remnant.example.marrow import made_cells
from remnant.pipeline.phenotype import PanelTube, different_cells, learned_phenotype, phenotype_statement

SIZE = 6_000


def tube(name, *, blasts=0, marrow, seed, drop=()):
    made = made_cells(events=SIZE, blasts={"B-ALL blast": blasts}, marrow=marrow, seed=seed)
    events = read_fcs(name, made.fcs())[0]
    return PanelTube(events, tuple(one for one in panel_of_labels(events.tube) if one.antigen not in drop))


@pytest.fixture(scope="module")
def normals():
    return {f"N{place}.fcs": tube(f"N{place}.fcs", marrow=20 + place, seed=20 + place) for place in range(3)}


@pytest.fixture(scope="module")
def diagnosis():
    return tube("D.fcs", blasts=3_000, marrow=1, seed=1)


@pytest.fixture(scope="module")
def rule(diagnosis, normals):
    return learned_phenotype(diagnosis, normals, gate="B-ALL window", seed=4)


def test_background_and_recall_are_told_tube_by_tube(rule):
    assert [one.name for one in rule.controls] == ["N0.fcs", "N1.fcs", "N2.fcs"]
    assert sum(one.events for one in rule.controls) == 12  # four a tube
    assert all(3_000 < one.denominator < SIZE for one in rule.controls)
    assert rule.denominator == "CD45+"
    assert 0.2 < rule.recall < 1
    hits = rule.recall * rule.blasts
    assert rule.recall_dispersion == pytest.approx((1 - rule.recall) / hits)


def test_a_follow_up_is_stated_where_the_window_sees_normal_precursors_too(rule):
    said = phenotype_statement(rule, tube("F.fcs", blasts=120, marrow=1, seed=2), lesion="ALL", material="BM")
    assert said.state in {"detected", "quantified"}
    assert said.lower < 120 / said.n < said.upper
    assert said.background_basis.startswith("3 controls, 12 of")
    clean = tube("R.fcs", marrow=1, seed=3)
    none = phenotype_statement(rule, clean, controls={"C.fcs": clean}, lesion="ALL")
    assert none.state == "not detected"
    assert none.background_basis.startswith("4 controls")


@pytest.mark.property
def test_a_rule_comes_back_from_its_text_and_calls_the_same_cells(rule, diagnosis):
    back = read_phenotype("rule.json", phenotype_text(rule))
    assert back == rule
    points = cell_points(diagnosis.events, diagnosis.channels, rule.antigens)
    assert np.array_equal(called(tracked(back), points), called(tracked(rule), points))
    assert called(tracked(rule), points).mean() == pytest.approx(rule.recall * 0.5, rel=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda held: held | {"format": "else"}, "no phenotype rule"),
        (lambda held: held | {"version": 9}, "version 9"),
        (lambda held: held | {"rule": held["rule"] | {"limit": -99.0}}, "hash"),
    ],
)
def test_a_rule_that_was_changed_is_refused(rule, change, message):
    text = json.dumps(change(json.loads(phenotype_text(rule))), ensure_ascii=False)
    with pytest.raises(FileFormatError, match=message):
        read_phenotype("rule.json", text)
    with pytest.raises(FileFormatError, match="no phenotype rule"):
        read_phenotype("rule.json", "not JSON")


def test_missing_antigens_gates_and_cells_are_told(rule, diagnosis, normals):
    lacking = tube("F.fcs", marrow=1, seed=2, drop=("CD10", "CD19"))
    with pytest.raises(InputError, match="no CD19, CD10"):
        phenotype_statement(rule, lacking, lesion="ALL")
    with pytest.raises(InputError, match="neither a compartment nor a channel 'thymus'"):
        learned_phenotype(diagnosis, normals, gate="thymus", seed=1)
    with pytest.raises(MeasurementError, match="blasts in HSC"):
        learned_phenotype(normals["N0.fcs"], normals, gate="HSC", seed=1)
    with pytest.raises(InputError, match="at least one tube without disease"):
        learned_phenotype(diagnosis, {}, gate="B-ALL window", seed=1)
    with pytest.raises(InputError, match="0 antigens in every tube"):
        shared_antigens({"a": {"CD19": "PE-A"}, "b": {"CD3": "PE-A"}})


def test_different_from_normal_tells_its_rate_on_the_tube_that_was_held_out(diagnosis, normals):
    found = different_cells(diagnosis, normals, seed=1)
    assert (found.events, found.held_out, found.held_out_events) == (SIZE, "N2.fcs", SIZE)
    assert found.held_out_lower <= found.held_out_share <= found.held_out_upper
    assert found.held_out_share < 0.02
    assert found.asked == 0.001
    alone = different_cells(diagnosis, {"N0.fcs": normals["N0.fcs"]}, seed=1)
    assert alone.held_out == "a third of N0.fcs"
    assert alone.held_out_events == SIZE // 3
