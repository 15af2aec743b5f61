"""Cycles combined by weights that other assays teach: the arithmetic, and the setting of a study."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from remnant.assay.qpcr.amplification_combined import COMBINED_CYCLES, combined_results
from remnant.cli.main import app
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.knowledge.qpcr_curves import amplification_rules
from remnant.numerics.cycle_combination import cycle_weights, learned_weights
from remnant.numerics.sigmoid import fit_sigmoids, sigmoid
from remnant.numerics.sigmoid_points import sigmoid_points
from remnant.pipeline.imports import import_paths
from remnant.pipeline.run import run_study
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement
from remnant.records.run import Run, Well
from remnant.study.derived import derived_records
from remnant.study.folder import init_study, open_study

from .conftest import CYCLES, noisy

LEVELS = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 3)
RIDGES = np.array([0.001, 0.01, 0.1, 1.0])


def laboratory(assays, *, seed=0, cycles=3):
    """Standards whose cycles share an error that their differences tell."""
    rng = np.random.default_rng(seed)
    x, assay = np.tile(LEVELS, assays), np.repeat(np.arange(assays), len(LEVELS))
    slope = rng.normal(-3.4, 0.05, assays)[assay]
    shape = rng.normal(0.0, 0.15, len(x))
    carried = 1.0 + np.arange(cycles) * 0.7
    read = (38.0 + slope * x)[:, None] + shape[:, None] * carried + rng.normal(0.0, 0.03, (len(x), cycles))
    return read, x, assay


def learned(cycles, x, assay, *, ridges=RIDGES):
    return learned_weights(cycles, x, assay, curve=assay, variance=np.full(len(x), 0.01), ridges=ridges)


@pytest.mark.definition
def test_weights_of_an_assay_are_those_of_a_laboratory_without_it():
    cycles, x, assay = laboratory(8)
    got = learned(cycles, x, assay)
    for one in range(8):
        rest = assay != one
        np.testing.assert_allclose(
            got.without[one], learned(cycles[rest], x[rest], assay[rest]).weights, rtol=1e-8
        )


@pytest.mark.definition
def test_left_out_squares_are_those_about_a_line_through_the_combined_cycle():
    cycles, x, assay = laboratory(5)
    got = learned(cycles, x, assay)
    combined = np.einsum("wk,wk->w", cycles, got.without[assay])
    lines = [np.polyfit(x[assay == one], combined[assay == one], 1) for one in range(5)]
    rest = [
        float(np.square(combined[assay == one] - np.polyval(line, x[assay == one])).sum())
        for one, line in enumerate(lines)
    ]
    slope = np.mean([line[0] for line in lines])
    np.testing.assert_allclose(got.combined, np.array(rest) / slope**2 / 0.01, rtol=1e-8)
    assert got.variance_ratio < 0.5
    assert got.gain_z > 2.0


@pytest.mark.property
@settings(max_examples=20)
@given(seed=st.integers(0, 50))
def test_an_assay_has_no_say_in_its_own_weights(seed):
    cycles, x, assay = laboratory(6, seed=seed)
    other = cycles + (assay == 2)[:, None] * np.random.default_rng(seed + 1).normal(0.0, 0.3, cycles.shape)
    plain, changed = learned(cycles, x, assay), learned(other, x, assay)
    np.testing.assert_allclose(changed.without[2], plain.without[2], atol=1e-7)
    np.testing.assert_allclose(plain.without.sum(axis=1), 1.0)
    assert not np.allclose(changed.without[3], plain.without[3], atol=1e-7)


@pytest.mark.property
@settings(max_examples=20)
@given(shift=st.floats(-6.0, 6.0), seed=st.integers(0, 20))
def test_every_standard_curve_has_an_intercept_of_its_own(shift, seed):
    cycles, x, assay = laboratory(6, seed=seed)
    curve = 2 * assay + np.tile(np.tile([0, 0, 1], 5), 6)
    asked = {"curve": curve, "variance": np.full(len(x), 0.01), "ridges": RIDGES}
    moved = cycles + shift * (curve == 5)[:, None]
    plain, other = (learned_weights(read, x, assay, **asked) for read in (cycles, moved))
    np.testing.assert_allclose(other.without, plain.without, atol=1e-6)


@pytest.mark.property
def test_cycles_that_tell_nothing_get_the_largest_penalty_and_no_gain():
    rng = np.random.default_rng(4)
    x, assay = np.tile(LEVELS, 10), np.repeat(np.arange(10), len(LEVELS))
    lead = 38.0 - 3.4 * x + rng.normal(0.0, 0.1, len(x))
    got = learned(np.stack([lead, lead + rng.normal(0.0, 1.0, len(x))], axis=1), x, assay)
    assert got.ridge == RIDGES.max()
    assert got.gain_z < 2.0
    assert abs(got.weights[1]) < 0.05


def test_one_given_penalty_is_the_same_arithmetic():
    cycles, x, assay = laboratory(4)
    plain = cycle_weights(cycles, x, assay, variance=np.full(len(x), 0.01), ridge=0.1)
    np.testing.assert_allclose(plain, learned(cycles, x, assay, ridges=np.array([0.1])).weights)


def test_two_assays_cannot_judge_a_penalty():
    with pytest.raises(ValueError, match="2 assays"):
        learned(*laboratory(2))


@pytest.mark.definition
def test_either_share_is_read_alike():
    curves = noisy(40, seed=2)
    fits = fit_sigmoids(CYCLES, curves)
    for share in (0.05, 0.15, 0.5):
        points = sigmoid_points(CYCLES, curves, fits, share=0.3, early_share=share)
        other = sigmoid_points(CYCLES, curves, fits, share=share)
        risen = sigmoid(other.share_cycle, fits.shape, floor=np.zeros(40), height=np.ones(40)).diagonal()
        np.testing.assert_allclose(risen, share, rtol=1e-9)
        np.testing.assert_array_equal(points.early_share_cycle, other.share_cycle)
        np.testing.assert_array_equal(points.standard_error[:, 4], other.standard_error[:, 3])


def result(run, position, target, read, **changed):
    cycles = dict(zip(COMBINED_CYCLES, read, strict=True))
    empty = dict.fromkeys(
        (field.name for field in dataclasses.fields(CurveResult) if field.type == "float | None"), None
    )
    named = {"run_id": run, "position": position, "target": target, "call": "amplified", "reason": ""}
    return CurveResult(**(empty | cycles | named | {"cq_se": 0.02} | changed))


def plates(assays, *, run="R-01", seed=0, slope=None):
    """Wells and curves of the standards of a laboratory, one sample of each target beside them."""
    cycles, x, assay = laboratory(assays, seed=seed, cycles=len(COMBINED_CYCLES))
    if slope is not None:
        cycles[assay == 0] += ((slope + 3.4) * x[assay == 0])[:, None]
    wells, results = [], []
    for row, (read, level, one) in enumerate(zip(cycles, x, assay, strict=True)):
        wells.append(standard(run, str(row), f"G{one}", level))
        results.append(result(run, str(row), f"G{one}", read.tolist()))
    for one in range(assays):
        place = f"S{one}"
        wells.append(
            dataclasses.replace(standard(run, place, f"G{one}", 0.0), kind="unknown", standard_copies=None)
        )
        results.append(result(run, place, f"G{one}", [30.0, 30.1, 30.2, 30.3, 30.4]))
    return wells, results


def standard(run, position, target, level):
    return Well(
        run_id=run,
        position=position,
        target=target,
        sample="S-1",
        kind="standard",
        detected=None,
        cq=None,
        standard_copies=10.0**level,
    )


def scatter(results, wells):
    """Root mean square of each target's standards about its line, cycles."""
    squares = []
    for target in {one.target for one in results}:
        pairs = [
            (np.log10(well.standard_copies), one.cq)
            for well, one in zip(wells, results, strict=True)
            if one.target == target and well.kind == "standard"
        ]
        x, cq = np.array(pairs).T
        squares.append(np.square(cq - np.polyval(np.polyfit(x, cq, 1), x)).mean())
    return float(np.sqrt(np.mean(squares)))


def test_combined_curves_scatter_less_and_say_how_they_were_combined():
    wells, results = plates(8)
    changed, [combination], [finding] = combined_results(
        wells, results, [Run(run_id="R-01", instrument="LC480")]
    )
    assert scatter(changed, wells) < 0.6 * scatter(results, wells)
    assert (combination.instrument, combination.assays, combination.wells) == ("LC480", 8, 120)
    assert (finding.code, finding.severity, finding.subject) == ("curve.combined", "note", "instrument LC480")
    assert "120 standards of 8 assays" in finding.message
    weights = np.array([combination.weights[f"G{one}"] for one in range(8)])
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert changed[-1].cq == pytest.approx(weights[7] @ [30.0, 30.1, 30.2, 30.3, 30.4])
    assert changed[-1].cq_se is None


def test_the_weights_of_a_target_do_not_know_its_standards():
    wells, results = plates(8)
    other = [
        dataclasses.replace(one, cq=one.cq + 0.1 * (number % 3)) if one.target == "G3" else one
        for number, one in enumerate(results)
    ]
    [[plain], [changed]] = (combined_results(wells, read, [])[1] for read in (results, other))
    assert changed.weights["G3"] == pytest.approx(plain.weights["G3"])
    assert changed.weights["G4"] != pytest.approx(plain.weights["G4"])


def test_a_target_teaches_under_whatever_spelling_and_never_itself():
    """ABL is ABL1: its standards count, and those of a run that spells it otherwise are its own too."""
    wells, results = plates(8)
    more, others = plates(1, run="R-02", seed=5)
    spelt = {"R-01": "ABL", "R-02": "ABL1"}
    made = [*wells, *more], [*results, *others]
    renamed = [
        [dataclasses.replace(one, target=spelt[one.run_id]) if one.target == "G0" else one for one in kind]
        for kind in made
    ]
    runs = [Run(run_id=run, instrument="LC480") for run in spelt]
    [plain], [said] = (combined_results(*kind, runs)[1] for kind in (made, renamed))
    assert (said.assays, said.wells) == (plain.assays, plain.wells) == (8, 135)
    assert said.weights["ABL1"] == pytest.approx(plain.weights["G0"])


def test_too_few_assays_leave_the_single_cq():
    few = amplification_rules().combination_assays
    wells, results = plates(few)
    changed, combinations, [finding] = combined_results(wells, results, [])
    assert (changed, combinations) == (tuple(results), ())
    assert (finding.code, finding.severity) == ("curve.combination_few", "warning")
    assert finding.found.startswith(f"{few} targets")
    wells, results = plates(few + 1)
    assert combined_results(wells, results, [])[2][0].code == "curve.combined"


def test_no_gain_leaves_the_single_cq():
    wells, results = plates(8)
    rng = np.random.default_rng(9)
    noise = [
        dataclasses.replace(one, **{name: one.cq + rng.normal(0.0, 0.5) for name in COMBINED_CYCLES[1:]})
        for one in results
    ]
    changed, combinations, [finding] = combined_results(wells, noise, [])
    assert (changed, combinations) == (tuple(noise), ())
    assert finding.code == "curve.combination_no_gain"


def test_instruments_do_not_teach_each_other():
    wells, results = plates(8)
    more, others = plates(3, run="R-02", seed=5)
    runs = [Run(run_id="R-01", instrument="LC480"), Run(run_id="R-02", instrument="CFX96")]
    changed, [combination], findings = combined_results([*wells, *more], [*results, *others], runs)
    assert combination.instrument == "LC480"
    assert [one.code for one in findings] == ["curve.combined", "curve.combination_few"]
    assert changed[len(results) :] == tuple(others)
    assert changed[: len(results)] == combined_results(wells, results, runs)[0]


def test_runs_whose_instrument_is_not_named_are_one_family_only_in_one_file():
    wells, results = plates(4)
    more, others = plates(4, run="R-02", seed=5)
    others = [dataclasses.replace(one, target=f"H{one.target}") for one in others]
    more = [dataclasses.replace(one, target=f"H{one.target}") for one in more]
    both = ([*wells, *more], [*results, *others])
    one_file = [Run(run_id="R-01", source_sha256="a"), Run(run_id="R-02", source_sha256="a")]
    [combination], [finding] = combined_results(*both, one_file)[1:]
    assert (combination.assays, combination.instrument) == (8, "")
    assert finding.subject == "instrument not named"
    two_files = [Run(run_id="R-01", source_sha256="a"), Run(run_id="R-02", source_sha256="b")]
    assert combined_results(*both, two_files)[1] == ()


def test_a_standard_curve_that_fails_teaches_nothing_and_is_read_all_the_same():
    wells, results = plates(8, slope=-1.2)
    changed, [combination], _ = combined_results(wells, results, [])
    assert combination.assays == 7
    assert changed[0].cq == pytest.approx(
        np.dot(combination.weights["G0"], [getattr(results[0], name) for name in COMBINED_CYCLES])
    )


def test_a_curve_that_lacks_a_cycle_has_no_cq_and_one_that_did_not_amplify_is_kept():
    wells, results = plates(8)
    results[-1] = dataclasses.replace(results[-1], second_derivative_cq=None)
    silent = result("R-01", "S6", "G6", [None] * 5, call="not amplified", cq_se=None)
    results[-2] = silent
    changed, _, _ = combined_results(wells, results, [])
    assert changed[-1].cq is None
    assert "lacks a cycle" in changed[-1].reason
    assert changed[-2] == silent


def test_a_curve_of_another_shape_is_a_finding():
    wells, results = plates(8)
    place = next(number for number, one in enumerate(results) if one.position == "S2")
    results[place] = dataclasses.replace(results[place], share_cq=results[place].share_cq + 3.0)
    *_, finding = combined_results(wells, results, [])[2]
    assert (finding.code, finding.subject) == ("curve.combination_differs", "well R-01:S2")


def test_wells_that_the_laboratory_left_out_teach_nothing():
    wells, results = plates(8)
    wells[0] = dataclasses.replace(wells[0], excluded="bubble")
    [combination] = combined_results(wells, results, [])[1]
    assert combination.wells == 119


def test_a_study_may_combine_cycles(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    write_study_a(simulate_study_a(patients=3, seed=3, awkward=False), raw)
    made = init_study(tmp_path / "s", name="s", by="test")
    path = made.folder / "study.toml"
    text = path.read_text(encoding="utf-8").replace('"instrument"', '"combined"')
    path.write_text(text, encoding="utf-8")
    study = open_study(made.folder)
    assert study.settings.cq_source == "combined"
    import_paths(study, [raw], by="test")
    run_study(study)
    codes = {one.code for one in derived_records(study, Finding)}
    assert codes & {"curve.combined", "curve.combination_few", "curve.combination_no_gain"}
    assert sum(one.point_value is not None for one in derived_records(study, Measurement)) > 5


@pytest.mark.published
def test_standards_of_ruijter_2013_are_combined_from_a_file(real_data):
    """Ruijter et al. 2013: 58 of 64 standard curves teach weights that reduce the scatter of left-out genes."""
    path = real_data / "qpcr" / "vermeulen" / "data_vermeulen_std_150000_15.rdml"
    answer = CliRunner().invoke(app, ["quantify", str(path), "--cq", "combined", "--json"])
    data = json.loads(answer.stdout)
    [combination] = data["combinations"]
    assert data["combined_cycles"] == list(COMBINED_CYCLES)
    assert combination["assays"] == 58
    assert len(combination["weights"]) == 64
    assert combination["variance_ratio"] < 0.9
    assert "curve.combined" in {one["code"] for one in data["findings"]}
