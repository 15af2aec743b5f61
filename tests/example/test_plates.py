"""Plates, wells and curves: what a laboratory's run looks like, and that Cq, molecules and truth agree."""

from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest

from remnant.example import simulate_study_a
from remnant.example.assumptions import number, numbers


@pytest.fixture(scope="module")
def plain():
    """Three studies without awkward cases and curves."""
    return [simulate_study_a(seed=seed, curves=False, awkward=False) for seed in (1, 2, 3)]


def cq_by(study, kind):
    found = defaultdict(list)
    for well in study.wells:
        if well.kind == kind:
            found[well.run_id, well.target, well.sample].append(well.cq)
    return found


@pytest.mark.definition
def test_a_plate_holds_what_96_wells_can(plain):
    for study in plain:
        for run in study.runs:
            own = [well for well in study.wells if well.run_id == run.run_id]
            assert len({well.position for well in own}) == len(own) <= 96
            standards = Counter((w.target, w.standard_copies) for w in own if w.kind == "standard")
            assert set(standards.values()) == {2}
            assert Counter(target for target, _ in standards) == {"WT1": 5, "BAALC": 5, "ABL1": 5}
            assert sorted(w.target for w in own if w.kind == "ntc") == ["ABL1", "BAALC", "WT1"]
            assert {w.sample for w in own if w.kind == "positive_control"} == {"IQC-HIGH", "IQC-LOW"}


@pytest.mark.definition
def test_every_cdna_stands_on_one_plate_with_its_control_gene(plain):
    for study in plain:
        wells = Counter((w.sample, w.target, w.run_id) for w in study.wells if w.kind == "unknown")
        assert len({(sample, run) for sample, _, run in wells}) == len(study.cdnas) == len(study.samples)
        assert {n for (_, target, _), n in wells.items() if target != "ABL1"} == {3}
        assert {n for (_, target, _), n in wells.items() if target == "ABL1"} == {2, 3}


@pytest.mark.definition
def test_dates_follow_one_another(study):
    transcribed = {c.cdna_id: c.transcribed_on for c in study.cdnas}
    samples = {s.sample_id: s for s in study.samples}
    for cdna in study.cdnas:
        sample = samples[cdna.sample_id]
        assert sample.drawn_on <= sample.received_on <= cdna.transcribed_on
    run_on = {run.run_id: run.run_on for run in study.runs}
    for well in study.wells:
        if well.kind == "unknown":
            assert transcribed[well.sample] <= run_on[well.run_id]
    numbers_in_order = [int(s.sample_id[2:]) for s in sorted(study.samples, key=lambda s: s.drawn_on)]
    assert sorted(numbers_in_order) == list(range(1, len(numbers_in_order) + 1))


@pytest.mark.definition
def test_standard_curves_have_the_stated_slope_and_few_fail(plain):
    fits = []
    for study in plain:
        points = defaultdict(list)
        for well in study.wells:
            if well.kind == "standard" and well.cq is not None:
                points[well.run_id, well.target].append((np.log10(well.standard_copies), well.cq))
        for pairs in points.values():
            x, y = np.array(pairs).T
            slope, intercept = np.polyfit(x, y, 1)
            fits.append((slope, intercept, np.corrcoef(x, y)[0, 1] ** 2))
    slope, intercept, r_squared = np.array(fits).T
    assert slope.mean() == pytest.approx(-3.42, abs=0.05)
    assert 0.05 < slope.std() < 0.09
    assert intercept.mean() == pytest.approx(39.5, abs=0.5)
    passed = (slope >= -3.6) & (slope <= -3.2) & (r_squared > 0.98)
    assert passed.mean() > 0.96


@pytest.mark.definition
def test_controls_without_template_stay_silent(plain):
    for study in plain:
        assert all(well.cq is None and well.detected is False for well in study.wells if well.kind == "ntc")


@pytest.mark.definition
def test_internal_controls_vary_between_runs_as_the_laboratory_does(plain):
    """Run and transcription errors are shared by the targets of a control: high and low share the run's."""
    for study in plain:
        unknown = cq_by(study, "positive_control")
        fits = defaultdict(list)
        for well in study.wells:
            if well.kind == "standard" and well.cq is not None:
                fits[well.run_id, well.target].append((np.log10(well.standard_copies), well.cq))
        lines = {key: np.polyfit(*np.array(pairs).T, 1) for key, pairs in fits.items()}

        def level(run, sample, target, lines=lines, unknown=unknown):
            slope, intercept = lines[run, target]
            return np.median([(cq - intercept) / slope for cq in unknown[run, target, sample]])

        ratios = np.array(
            [
                [
                    level(run.run_id, code, "WT1") - level(run.run_id, code, "ABL1")
                    for code in ("IQC-HIGH", "IQC-LOW")
                ]
                for run in study.runs
            ]
        )
        laboratory = study.laboratory
        between = np.hypot(laboratory.run_sd_log10, laboratory.transcription_sd_log10)
        assert between * 0.8 < ratios[:, 0].std() < between * 1.5
        assert np.cov(ratios.T)[0, 1] > 0
        high, low = numbers("control.high")[0], numbers("control.low")[0]
        assert np.median(ratios, axis=0) == pytest.approx(np.log10([high / 1e4, low / 1e4]), abs=0.08)


@pytest.mark.coverage
def test_measured_ratio_scatters_about_the_sample_truth_by_run_and_transcription(plain):
    """The laboratory's plain arithmetic, well above detection: no bias, spread of .07 and .12 and a little more."""
    residuals = []
    for study in plain:
        lines, wells = defaultdict(list), cq_by(study, "unknown")
        for well in study.wells:
            if well.kind == "standard" and well.cq is not None:
                lines[well.run_id, well.target].append((np.log10(well.standard_copies), well.cq))
        lines = {key: np.polyfit(*np.array(pairs).T, 1) for key, pairs in lines.items()}
        high = study.measurement_truth.filter(
            (pl.col("target_copies_per_well") > 100) & (pl.col("control_copies_per_well") > 1000)
        )
        for row in high.iter_rows(named=True):
            log_copies = []
            for target in (row["target"], "ABL1"):
                slope, intercept = lines[row["run_id"], target]
                cqs = [cq for cq in wells[row["run_id"], target, row["cdna_id"]] if cq is not None]
                log_copies.append(np.median([(cq - intercept) / slope for cq in cqs]))
            residuals.append(log_copies[0] - log_copies[1] + 4 - np.log10(row["sample_truth_per_1e4"]))
    assert len(residuals) > 1000
    assert np.mean(residuals) == pytest.approx(0.0, abs=0.03)
    assert 0.12 < np.std(residuals) < 0.19


@pytest.mark.definition
def test_molecules_are_poisson_about_the_truth(plain):
    for study in plain:
        truth = study.well_truth.filter(pl.col("expected_copies") > 0)
        z = ((truth["molecules"] - truth["expected_copies"]) / truth["expected_copies"].sqrt()).to_numpy()
        assert z.mean() == pytest.approx(0, abs=4 / np.sqrt(len(z)))
        assert z.std() == pytest.approx(1, abs=0.05)
        silent = [well.cq is None for well in study.wells]
        assert (study.well_truth["molecules"].to_numpy() == 0).tolist() == silent


@pytest.mark.definition
def test_truth_levels_stand_in_one_chain(study):
    truth = study.measurement_truth
    errors = (truth["cdna_truth_per_1e4"] / truth["sample_truth_per_1e4"]).log10()
    assert errors.std() == pytest.approx(study.laboratory.transcription_sd_log10, rel=0.12)
    copies = truth["cdna_truth_per_1e4"] * 1e-4 * truth["control_copies_per_well"]
    np.testing.assert_allclose(copies, truth["target_copies_per_well"])
    biology = (truth["sample_truth_per_1e4"] / truth["patient_truth_per_1e4"]).log10()
    assert biology.std() == pytest.approx(number("level.biology_sd_log10"), rel=0.1)
    assert set(truth["run_id"]) == {run.run_id for run in study.runs}


@pytest.mark.definition
def test_curves_cross_the_threshold_at_their_cq(study):
    cq = {(w.run_id, w.position, w.target): w.cq for w in study.wells}
    cycles, threshold = study.curves.cycles, number("plate.threshold")
    misses, silent_rise = [], []
    for key, row in zip(study.curves.wells, study.curves.fluorescence, strict=True):
        if cq[key] is None:
            silent_rise.append(row[-5:].mean() - row[:5].mean())
        elif 15 < cq[key] < 40:
            early = cycles < cq[key] - 7
            baseline = np.polyval(np.polyfit(cycles[early], row[early], 1), cycles)
            above = np.flatnonzero(row - baseline > threshold)[0]
            y0, y1 = (row - baseline)[above - 1 : above + 1]
            misses.append(cycles[above - 1] + (threshold - y0) / (y1 - y0) - cq[key])
    assert np.median(misses) == pytest.approx(0, abs=0.1)
    assert np.std(misses) < 0.2
    assert max(silent_rise) < threshold
    assert study.curves.fluorescence.shape == (len(study.curves.wells), int(number("plate.cycles")))
