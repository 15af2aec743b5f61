"""An assay borrows from the laboratory's other assays: what it gains, what it is told, what it never does."""

import datetime as dt

import numpy as np
import pytest

from remnant.assay.qpcr.quantify import quantify
from remnant.errors import InputError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import MEASUREMENT, TUBE
from remnant.evidence.verbs import change, interval
from remnant.numerics import calibration, calibration_ladder
from remnant.numerics.calibration import Spread
from remnant.records.run import Run, Well
from remnant.records.sample import Sample
from remnant.study.folder import init_study, open_study

LEVELS = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
SPREAD = Spread(height_sd=0.6, slope_sd=0.07, correlation=-0.5, plate_level_sd=0.03, shared_level_sd=0.08)
SAMPLES = (300.0, 30.0)
CONTROL = 20_000.0


def laboratory(seed, *, without=("WT1",), assays=9, silent=(), lot=None, off=None):
    """Two runs with standards of every assay but those `without`; one sample of WT1 over ABL1 on each run."""
    rng = np.random.default_rng(seed)
    names = ["WT1", "ABL1", *(f"G{i}" for i in range(assays - 2))]
    lines = {name: (28.0 + rng.normal(0.0, 0.6), -3.4 + rng.normal(0.0, 0.07)) for name in names}
    wells, runs, samples = [], [], []
    tubes = {10.0**level: (off or {}).get(10.0**level, 0.0) for level in range(1, 7)}

    def add(run, name, sample, copies, standard=None, shift=0.0):
        m = 0 if standard and name in silent else int(rng.poisson(copies))
        height, slope = lines[name]
        cq = height + slope * (np.log10(m) - 3.5) + shift + rng.normal(0.0, 0.08) if m else None
        wells.append(
            Well(
                run_id=run,
                position=str(len(wells)),
                target=name,
                sample=sample,
                kind="standard" if standard else "unknown",
                detected=m > 0,
                cq=cq,
                standard_copies=standard,
            )
        )

    for number, copies in enumerate(SAMPLES):
        run, sample = f"R-{number}", f"S-{number}"
        runs.append(Run(run_id=run, instrument="LC480", chemistry="TaqMan", standard_lot=lot))
        samples.append(
            Sample(sample_id=sample, patient_id="P-1", material="BM", drawn_on=dt.date(2021, 3, 4 + number))
        )
        for name in names:
            if name not in without:
                for standard, shift in tubes.items():
                    for _ in range(2):
                        add(run, name, "STD", standard, standard, shift)
        for name, level in (("WT1", copies), ("ABL1", CONTROL)):
            for _ in range(3):
                add(run, name, sample, level)
    return wells, runs, samples


def quantified(*made, choice="laboratory"):
    wells, runs, samples = made
    return quantify(wells=wells, runs=runs, samples=samples, learn=False, standard_curve=choice)


def codes(got, code):
    return [one for one in got.findings if one.code == code]


def ladder(rng, count):
    """Level means of assays that share their tubes."""
    cross = SPREAD.correlation * SPREAD.height_sd * SPREAD.slope_sd
    between = np.array([[SPREAD.height_sd**2, cross], [cross, SPREAD.slope_sd**2]])
    lines = rng.multivariate_normal([28.0, -3.4], between, size=count)
    shared = rng.normal(0.0, SPREAD.shared_level_sd, 5)
    own = rng.normal(0.0, SPREAD.plate_level_sd, (count, 5))
    x = np.log10(rng.poisson(10.0**LEVELS, (count, 3, 5)).clip(1))
    cq = lines[:, :1, None] + lines[:, 1:, None] * (x - 3.0) + (shared + own)[:, None]
    cq = cq + rng.normal(0.0, 0.08, cq.shape)
    plate, place = np.repeat(np.arange(count), 15), np.tile(LEVELS, 3 * count)
    return calibration_ladder.ladder(plate, place, cq.ravel(), plates=count)


@pytest.mark.definition
def test_expected_cq_of_a_tube_is_the_conditional_mean_of_the_joint_normal():
    """Four assays with all tubes, one without the third: its Cq there, given everything that was measured."""
    held, technical = ladder(np.random.default_rng(4), 5), np.full(5, 0.08)
    wells = held.wells.copy()
    wells[4, 2] = 0
    told = calibration.history_given(held.take(np.arange(4)), SPREAD, technical=technical[:4])
    own = calibration_ladder.Ladder(
        held.log10_copies, wells[4:], held.silent[4:], held.mean[4:], held.squares[4:]
    )
    expected, sd = calibration.at_levels(own, told, technical=technical[4:])

    moments, variance = calibration_ladder.log_count_moments(10.0**LEVELS)
    design = np.tile(np.stack([np.ones(5), moments - told.centre], axis=1), (5, 1))
    slopes = np.repeat([calibration_ladder.common_slope(held.take(np.arange(4))), told.mean[1]], [20, 5])
    wide = 1e3  # a flat mean line
    covariance = np.kron(np.ones((5, 5)), SPREAD.shared_level_sd**2 * np.eye(5))
    covariance += wide**2 * design @ design.T
    for assay in range(5):
        rows = slice(5 * assay, 5 * assay + 5)
        covariance[rows, rows] += design[rows] @ told.between @ design[rows].T
    covariance += SPREAD.plate_level_sd**2 * np.eye(25)
    seen = np.delete(np.arange(25), 22)
    noise = (0.08**2 + np.square(slopes) * np.tile(variance, 5)) / 3.0
    measured = covariance[np.ix_(seen, seen)] + np.diag(noise[seen])
    middle = held.mean.mean()
    gain = np.linalg.solve(measured, covariance[seen, 22])
    # The line of the design stands at the mean log count; the tube is asked at its log copies.
    along = (LEVELS[2] - moments[2]) * calibration.posterior_lines(own, told, technical=technical[4:]).slope[
        0
    ]
    conditional = middle + gain @ (held.mean.ravel()[seen] - middle) + along
    assert expected[0, 2] == pytest.approx(conditional, abs=2e-3)
    left = covariance[22, 22] - gain @ covariance[seen, 22]
    assert sd[0, 2] == pytest.approx(left**0.5, rel=1e-2)


@pytest.mark.definition
def test_a_plate_without_standards_gets_what_the_history_expects():
    held = ladder(np.random.default_rng(9), 6)
    history = calibration.history_given(held, SPREAD, technical=np.full(6, 0.08))
    none = calibration_ladder.Ladder(*(held.log10_copies, *(np.zeros((1, 5), dtype=int) for _ in range(4))))
    got = calibration.posterior_lines(none, history, technical=np.array([0.08]))
    assert [got.height[0], got.slope[0]] == pytest.approx(history.mean[:2].tolist())
    assert np.allclose(got.covariance[0], history.between + history.covariance[:2, :2])


def test_without_the_setting_nothing_is_borrowed():
    got = quantified(*laboratory(1), choice="own")
    assert {one.state for one in got.measurements} == {"not evaluable"}
    assert all(fit.history_plates == 0 for fit in got.curve_fits)
    assert not [one for one in got.findings if one.code.startswith("qpcr.laboratory")]


def test_an_assay_without_standards_is_read_and_says_within_which_factor():
    got = quantified(*laboratory(1))
    [said] = codes(got, "qpcr.laboratory_line")
    assert said.subject == "target WT1"
    assert "8 other assays" in said.message
    assert {one.state for one in got.measurements} == {"quantified"}
    assert {one.reason for one in got.measurements} == {"WT1 read by the line of other assays"}
    assert "WT1" not in {fit.target for fit in got.curve_fits}
    names = {term.name for one in got.measurements for term in one.evidence.errors if "WT1" in term.name}
    assert "curve:laboratory:WT1" in names
    assert {one.subject for one in codes(got, "qpcr.unverified_rule")} >= {
        "rule assay_height_sd",
        "rule assay_slope_sd",
    }
    assert "WT1" in codes(got, "qpcr.laboratory_line")[0].advice


@pytest.mark.coverage
def test_copies_cover_widely_and_changes_as_narrowly_as_with_standards():
    """One true ratio and one true change a laboratory; the same laboratory with standards of WT1 beside it."""
    inside, widths, laboratories = {"level": 0, "change": 0}, {"lent": [], "own": []}, 0
    for seed in range(80):
        got = quantified(*laboratory(100 + seed))
        if any(one.state == "not evaluable" for one in got.measurements):
            continue  # the gates refused a control gene's curve
        laboratories += 1
        own = quantified(*laboratory(100 + seed, without=()), choice="own") if seed < 20 else None
        batch = EvidenceBatch.of([one.evidence for one in got.measurements])
        level = interval(batch, include=TUBE)
        truth = 1e4 * SAMPLES[0] / CONTROL
        inside["level"] += int(level.lower[0] <= truth <= level.upper[0])
        for name, found in (("lent", got), ("own", own)):
            if found is None or any(one.state == "not evaluable" for one in found.measurements):
                continue
            before, after = (EvidenceBatch.of([one.evidence]) for one in found.measurements)
            moved = change(before, after, include=TUBE)
            widths[name].append(float(moved.upper[0] - moved.lower[0]))
            if name == "lent":
                inside["change"] += int(moved.lower[0] <= -1.0 <= moved.upper[0])
    assert laboratories >= 70
    # 95 % less or more three standard errors of 80 draws.
    assert 0.87 <= inside["level"] / laboratories <= 1.0
    assert 0.87 <= inside["change"] / laboratories <= 1.0
    assert np.mean(widths["lent"]) < 1.3 * np.mean(widths["own"])


def test_own_standards_keep_gates_and_point_values():
    made = laboratory(3, without=())
    own, lent = quantified(*made, choice="own"), quantified(*made)
    for a, b in zip(own.curve_fits, lent.curve_fits, strict=True):
        assert (a.slope, a.intercept, a.verdict) == (b.slope, b.intercept, b.verdict)
        assert a.history_plates == 0
        assert b.history_plates == (8 if a.verdict == "pass" else 0)
    pairs = list(zip(own.measurements, lent.measurements, strict=True))
    assert all(a.point_value == b.point_value for a, b in pairs)
    assert any(a.estimate != b.estimate for a, b in pairs)
    [note] = codes(lent, "qpcr.laboratory_history")
    assert "WT1" in note.subject
    assert "tubes" not in note.message


def test_tubes_of_a_named_lot_are_told_by_the_other_assays():
    """The tube of 100 copies is twofold too strong in the whole lot: only the other assays can tell."""
    far = {}
    for lot in (None, "LOT-7"):
        error = []
        for seed in range(12):
            got = quantified(*laboratory(40 + seed, without=(), lot=lot, off={100.0: -1.0}))
            batch = EvidenceBatch.of([one.evidence for one in got.measurements])
            found = interval(batch, include=MEASUREMENT)
            error.append(np.log10(found.median[1]) - np.log10(1e4 * SAMPLES[1] / CONTROL))
        far[lot] = float(np.abs(error).mean())
    assert far["LOT-7"] < far[None]
    got = quantified(*laboratory(40, without=(), lot="LOT-7", off={100.0: -1.0}))
    assert "tubes of lot LOT-7" in codes(got, "qpcr.laboratory_history")[0].message


def test_too_few_other_assays_are_said_and_nothing_is_read():
    got = quantified(*laboratory(5, assays=3))
    [said] = codes(got, "qpcr.laboratory_line_few")
    assert (said.severity, said.found) == ("failure", "2 other assays with an accepted curve")
    assert {one.state for one in got.measurements} == {"not evaluable"}


def test_an_assay_whose_standards_are_silent_is_not_read_by_others():
    got = quantified(*laboratory(6, without=(), silent=("WT1",)))
    assert not codes(got, "qpcr.laboratory_line")
    assert {one.state for one in got.measurements} == {"not evaluable"}


def test_assays_of_another_instrument_do_not_teach():
    wells, runs, samples = laboratory(7, without=())
    moved = [
        Well(**{field: getattr(one, field) for field in Well.__slots__} | {"run_id": f"Q-{one.run_id}"})
        if one.target.startswith("G")
        else one
        for one in wells
        if not (one.target == "WT1" and one.kind == "standard")
    ]
    others = [Run(run_id=f"Q-{run.run_id}", instrument="QuantStudio", chemistry="TaqMan") for run in runs]
    got = quantified(moved, [*runs, *others], samples)
    [said] = codes(got, "qpcr.laboratory_line_few")
    assert said.found == "1 other assays with an accepted curve"


def test_a_study_chooses_and_a_misspelled_choice_is_refused(tmp_path):
    made = init_study(tmp_path / "s", name="s", by="test")
    path = made.folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('standard_curve = "own"', 'standard_curve = "laboratory"'), encoding="utf-8")
    assert open_study(made.folder).settings.standard_curve == "laboratory"
    path.write_text(text.replace('standard_curve = "own"', 'standard_curve = "mine"'), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        open_study(made.folder)
    assert refused.value.problems == ("qpcr.standard_curve: found 'mine', need one of own, laboratory",)
