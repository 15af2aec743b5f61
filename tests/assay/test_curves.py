"""Standard curves: least squares, gates, what real plates give, how far the line itself is uncertain."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from remnant.assay.qpcr.curves import fit_curves, judged_curves
from remnant.assay.qpcr.plates import well_frame
from remnant.errors import MeasurementError
from remnant.knowledge.qpcr import curve_gates, qpcr_rules
from remnant.numerics import standard_curve
from remnant.records.run import Well


def standards(cq_of, *, target="WT1", run_id="R-01", levels=range(1, 7), replicates=3):
    return [
        Well(
            run_id=run_id,
            position=f"{target}-{level}-{i}",
            target=target,
            sample="STD",
            kind="standard",
            detected=True,
            cq=cq_of(float(level)),
            standard_copies=10.0**level,
        )
        for level in levels
        for i in range(replicates)
    ]


@pytest.fixture(scope="module")
def vermeulen(real_data):
    table = pl.read_csv(
        real_data / "qpcr" / "vermeulen" / "standards_cq.csv", schema_overrides={"quantity": pl.Float64}
    )
    return [
        Well(
            run_id="vermeulen",
            position=str(i),
            target=row["target"],
            sample=row["sample"],
            kind="standard",
            detected=True,
            cq=row["cq"],
            standard_copies=row["quantity"],
        )
        for i, row in enumerate(table.iter_rows(named=True))
    ]


@pytest.mark.published
def test_fifty_seven_of_sixty_four_real_curves_pass(vermeulen):
    """Ruijter et al., Methods 59, 32-46 (2013), standards of 64 targets: slope -3.2 to -3.6 and R² above .98."""
    fits = {fit.target: fit for fit in fit_curves(vermeulen, curve_gates("eac_2003"))}
    assert len(fits) == 64
    assert sum(fit.verdict == "pass" for fit in fits.values()) == 57
    genomic = fits["ALUsq(Eurogentec)"]
    assert genomic.verdict == "fail"
    assert [reason.split()[0] for reason in genomic.reasons] == ["slope", "R²"]
    assert (round(genomic.slope, 2), round(genomic.r_squared, 2)) == (-1.17, 0.65)
    assert [reason.split()[0] for reason in fits["CAMTA1"].reasons] == ["slope"]
    assert fits["CAMTA1"].slope == pytest.approx(-3.664, abs=5e-4)
    first = fits["AHCY"]
    assert first.slope == pytest.approx(-3.396, abs=5e-4)
    assert first.r_squared == pytest.approx(0.9968, abs=5e-5)
    assert first.efficiency == pytest.approx(0.970, abs=5e-4)


def test_wider_gates_pass_more_real_curves(vermeulen):
    wide = fit_curves(vermeulen, curve_gates("euromrd_2007"))
    assert sum(fit.verdict == "pass" for fit in wide) == 63
    assert [fit.target for fit in wide if fit.verdict == "fail"] == ["ALUsq(Eurogentec)"]


@pytest.mark.published
@pytest.mark.parametrize(
    ("slope", "percent"), [(-3.1, 110.2), (-3.2, 105.4), (-3.3219, 100.0), (-3.6, 89.6), (-3.9, 80.5)]
)
def test_efficiency_of_a_slope(slope, percent):
    """Efficiency by slope, 10^(-1/slope) - 1: -3.1 is 110.2 %, -3.2 105.4 %, -3.3219 100 %, -3.6 89.6 %, -3.9 80.5 %."""
    assert 100 * standard_curve.efficiency(np.array([slope]))[0] == pytest.approx(percent, abs=0.06)


@pytest.mark.definition
def test_many_curves_at_once_equal_one_polynomial_fit_each():
    rng = np.random.default_rng(1)
    wells = np.concatenate([np.full(size, i) for i, size in enumerate((9, 18, 4, 30))])
    x = rng.integers(1, 7, len(wells)).astype(float)
    y = 39.0 - 3.4 * x + rng.normal(0, 0.2, len(wells))
    got = standard_curve.fit(wells, x, y, curves=4)
    for i in range(4):
        own = wells == i
        slope, intercept = np.polyfit(x[own], y[own], 1)
        residual = y[own] - intercept - slope * x[own]
        assert (got.slope[i], got.intercept[i]) == pytest.approx((slope, intercept))
        assert got.r_squared[i] == pytest.approx(np.corrcoef(x[own], y[own])[0, 1] ** 2)
        assert got.residual_sd[i] == pytest.approx(np.sqrt(residual @ residual / (own.sum() - 2)))


@pytest.mark.parametrize(
    ("slope", "verdict"), [(-3.6, "pass"), (-3.2, "pass"), (-3.61, "fail"), (-3.19, "fail")]
)
def test_the_bounds_of_the_slope_pass(slope, verdict):
    [fit] = fit_curves(standards(lambda x: 39.0 + slope * x), curve_gates("eac_2003"))
    assert fit.slope == pytest.approx(slope)
    assert fit.verdict == verdict


def test_two_levels_are_a_line_but_no_curve():
    [fit] = fit_curves(standards(lambda x: 39.0 - 3.4 * x, levels=(2, 4)), curve_gates("eac_2003"))
    assert fit.verdict == "fail"
    assert fit.reasons == ("2 levels, need 3",)


def test_one_level_is_no_line():
    assert fit_curves(standards(lambda x: 39.0 - 3.4 * x, levels=(3,)), curve_gates("eac_2003")) == ()


def test_excluded_silent_and_unnamed_standards_do_not_count():
    good = standards(lambda x: 39.0 - 3.4 * x)
    spoiled = [
        Well(run_id="R-01", position="X1", target="WT1", sample="STD", kind="standard", detected=True, cq=20.0,
             standard_copies=10.0, excluded="bubble"),
        Well(run_id="R-01", position="X2", target="WT1", sample="STD", kind="standard", detected=False, cq=None,
             standard_copies=10.0),
        Well(run_id="R-01", position="X3", target="WT1", sample="STD", kind="standard", detected=True, cq=20.0),
    ]  # fmt: skip
    assert fit_curves(good + spoiled, curve_gates("eac_2003")) == fit_curves(good, curve_gates("eac_2003"))


def test_runs_and_targets_have_their_own_curves():
    wells = standards(lambda x: 39.0 - 3.4 * x) + standards(lambda x: 41.0 - 3.3 * x, target="ABL")
    wells += standards(lambda x: 38.0 - 3.5 * x, run_id="R-02")
    fits = fit_curves(wells, curve_gates("eac_2003"))
    assert {(fit.run_id, fit.target): round(fit.slope, 3) for fit in fits} == {
        ("R-01", "WT1"): -3.4,
        ("R-01", "ABL1"): -3.3,
        ("R-02", "WT1"): -3.5,
    }


def test_impossible_wells_are_refused_all_at_once():
    bad = [
        Well(run_id="R-01", position="A1", target="WT1", sample="S", kind="unknown", detected=True, cq=-1.0),
        Well(run_id="R-01", position="A2", target="WT1", sample="S", kind="unknown", detected=False, cq=30.0),
        Well(run_id="R-01", position="A3", target="WT1", sample="S", kind="standard", detected=True, cq=30.0,
             standard_copies=0.0),
        Well(run_id="R-01", position="A4", target="WT1", sample="S", kind="unknown", detected=True, cq=30.0,
             dilution=0.0),
        Well(run_id="R-01", position="A4", target="WT1", sample="S", kind="unknown", detected=True, cq=31.0),
    ]  # fmt: skip
    with pytest.raises(MeasurementError) as caught:
        fit_curves(bad, curve_gates("eac_2003"))
    text = "\n".join(caught.value.problems)
    for position, word in (
        ("A1", "Cq"),
        ("A2", "not detected"),
        ("A3", "copies"),
        ("A4", "dilution"),
        ("A4", "twice"),
    ):
        assert any(f":{position} " in line and word in line for line in text.splitlines())


def simulated_curves(n, *, technical=0.08, seed=3, detection=1.0):
    rng = np.random.default_rng(seed)
    levels = np.repeat(np.arange(1, 7.0), 3)
    x = np.tile(levels, n)
    molecules = np.maximum(rng.poisson(detection * 10.0**x), 1)
    cq = 39.5 - 3.42 * np.log10(molecules / detection) + rng.normal(0, technical, len(x))
    curve = np.repeat(np.arange(n), len(levels))
    return curve, x, cq, standard_curve.fit(curve, x, cq, curves=n)


@pytest.mark.coverage
@pytest.mark.parametrize("level", [0.0, 1.0, 2.0, 3.0, 4.3, 6.0])
def test_error_of_the_line_is_what_simulated_lines_show(level):
    """Least squares over standards of ten copies: the textbook formula gives 0.6 of this at the low end."""
    n = 1500
    curve, x, cq, fits = simulated_curves(n)
    technical = standard_curve.technical_sd_cycles(curve, x, cq, slope=fits.slope, default=0.08, weight=10)
    error = standard_curve.calibration(
        fits, curve, x, cq, technical_sd_cycles=technical, level_sd=0.05, level_weight=4
    ).sd_log10(np.arange(n), np.full(n, level))
    missed = (39.5 - 3.42 * level - fits.intercept) / fits.slope - level
    stated = np.sqrt(np.mean(error**2))
    assert 0.9 < stated / missed.std() < 1.4
    assert (np.abs(missed) < 1.96 * error).mean() > 0.9


@pytest.mark.coverage
@pytest.mark.parametrize("level", [0.0, 2.0, 4.3, 6.0])
def test_error_of_the_line_counts_the_molecules_that_amplify(level):
    """Half of the molecules amplify: standards scatter by 1.4 times as much, and so does the line."""
    n, detection = 1500, 0.5
    curve, x, cq, fits = simulated_curves(n, detection=detection)
    technical = standard_curve.technical_sd_cycles(
        curve, x, cq, slope=fits.slope, default=0.08, weight=0.0, detection_probability=detection
    )
    assert np.sqrt(np.mean(technical**2)) == pytest.approx(0.08, rel=0.06)

    def stated(q):
        error = standard_curve.calibration(
            fits, curve, x, cq, technical_sd_cycles=technical, level_sd=0.0, level_weight=1e9, detection_probability=q
        )  # fmt: skip
        return error.sd_log10(np.arange(n), np.full(n, level))

    missed = (39.5 - 3.42 * level - fits.intercept) / fits.slope - level
    assert np.sqrt(np.mean(stated(detection) ** 2)) == pytest.approx(missed.std(), rel=0.15)
    assert np.sqrt(np.mean(stated(1.0) ** 2)) < 0.84 * missed.std()


@pytest.mark.property
def test_curves_of_a_plate_know_the_detection_probability(new_bench):
    """The line that evidence reads is less sure where fewer molecules amplify."""
    rules = qpcr_rules()
    scarce = dataclasses.replace(rules.wells, detection_probability=0.25)
    bench = new_bench(rng=np.random.default_rng(3))
    bench.run("R-01")
    frame, _ = well_frame(bench.wells)
    sd = [
        judged_curves(frame, rules.curves, wells).lines.error.sd_log10(np.array([0]), np.array([1.0]))[0]
        for wells in (rules.wells, scarce)
    ]
    assert 1.3 < sd[1] / sd[0] < 2.1


@pytest.mark.coverage
@pytest.mark.parametrize("technical", [0.05, 0.08, 0.15])
def test_technical_sd_is_learned_free_of_poisson_noise(technical):
    curve, x, cq, fits = simulated_curves(400, technical=technical, seed=9)
    learned = standard_curve.technical_sd_cycles(curve, x, cq, slope=fits.slope, default=0.08, weight=0.0)
    assert np.sqrt(np.mean(learned**2)) == pytest.approx(technical, rel=0.06)
    drawn = standard_curve.technical_sd_cycles(curve, x, cq, slope=fits.slope, default=0.08, weight=10.0)
    assert (np.abs(drawn - 0.08) <= np.abs(learned - 0.08) + 1e-12).all()


@pytest.mark.definition
def test_level_variance_is_the_moment_estimate_of_a_random_level_effect():
    """Against the matrix form of DerSimonian and Laird for one curve."""
    rng = np.random.default_rng(5)
    x, v = np.arange(1, 7.0), np.array([0.09, 0.03, 0.004, 0.003, 0.002, 0.002])
    y = 39 - 3.4 * x + rng.normal(0, 0.15, 6)
    design, weight = np.column_stack([np.ones(6), x]), np.diag(1 / v)
    inside = np.linalg.inv(design.T @ weight @ design)
    projection = weight - weight @ design @ inside @ design.T @ weight
    expected = (y @ projection @ y - 4) / np.trace(projection)
    got = standard_curve._level_variance(
        np.zeros(6, int), x, y, variance=v, curves=1, default=0.0, weight=0.0
    )
    assert expected > 0
    assert got[0] == pytest.approx(expected)


def test_a_slope_just_outside_the_gates_is_printed_with_the_places_that_show_it():
    def wells(slope):
        return [
            Well(
                run_id="R-01",
                position=str(i),
                target="WT1",
                sample="STD",
                kind="standard",
                detected=True,
                cq=40.0 + slope * i,
                standard_copies=10.0**i,
            )
            for i in range(1, 7)
        ]

    gates = curve_gates("eac_2003")
    [outside] = fit_curves(wells(-3.60002), gates)
    assert outside.reasons == ("slope -3.60002, need -3.6 to -3.2",)
    [far] = fit_curves(wells(-3.9), gates)
    assert far.reasons == ("slope -3.900, need -3.6 to -3.2",)
    [on_it] = fit_curves(wells(-3.6), gates)
    assert on_it.verdict == "pass"
