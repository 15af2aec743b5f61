"""Plateaus that depend on the copies: named, and our Cq read at one fluorescence for all curves of the target."""

import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from remnant.acquire import read_path
from remnant.assay.qpcr.amplification import read_curves
from remnant.assay.qpcr.amplification_combined import combined_results
from remnant.assay.qpcr.amplification_cq import with_our_cq
from remnant.assay.qpcr.amplification_plateaus import dependent_plateaus, leveled_results
from remnant.assay.qpcr.curves import fit_curves
from remnant.cli.main import app
from remnant.knowledge.qpcr import curve_gates
from remnant.knowledge.qpcr_curves import amplification_rules
from remnant.pipeline.curves import curve_records
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.run import Run, Well

from .conftest import CYCLES, plate_of

COPIES = np.repeat([1e2, 1e3, 1e4, 1e5, 1e6], 3)
EXPORTS = "qpcr/exports/appbio_quantstudio_designandanalysis/appbio_quantstudio_designandanalysis"
MAKERS = (f"{EXPORTS}_QS1_Standard_Curve_example01.xlsx", f"{EXPORTS}_QS7_Standard_Curve_example06.xlsx")


def plate(fold, *, seed=0, gain=0.0, copies=COPIES):
    """Curves that double alike from their copies on, each to a plateau of its own: `fold` a tenfold fewer copies."""
    rng = np.random.default_rng(seed)
    height = 2.0 * fold ** (6.0 - np.log10(copies))
    product = 2e-10 * copies[:, None] * 1.95**CYCLES
    rise = product / (1.0 + product / height[:, None])
    rise *= np.exp(rng.normal(0.0, gain, (len(copies), 1)))
    curves = plate_of(0.5 + rise + rng.normal(0.0, 0.002, rise.shape))
    wells = [
        Well(
            run_id=run,
            position=position,
            target=target,
            sample=position,
            kind="standard",
            detected=True,
            cq=None,
            standard_copies=float(level),
        )
        for (run, position, target), level in zip(curves.wells, copies, strict=True)
    ]
    return wells, read_curves(curves).records()


def slope_of(wells, results):
    [fit] = fit_curves(with_our_cq(wells, results)[0], curve_gates("eac_2003"))
    return fit.slope, fit.verdict


@pytest.mark.parametrize(("fold", "word"), [(0.7, "end lower"), (1.3, "end higher")])
def test_a_standard_curve_bent_by_plateaus_is_named_and_read_at_one_fluorescence(fold, word):
    wells, results = plate(fold)
    expected = -1.0 / np.log10(1.95)
    assert abs(slope_of(wells, results)[0] - expected) > 0.3
    read, [finding] = leveled_results(wells, results)
    assert finding.code == "qpcr.plateau_depends"
    assert word in finding.message
    assert f"{fold:.2f} times" in finding.message
    slope, verdict = slope_of(wells, read)
    assert slope == pytest.approx(expected, abs=0.08)
    assert verdict == "pass"
    assert all(one.cq == before.level_cq for one, before in zip(read, results, strict=True))


@pytest.mark.property
@pytest.mark.parametrize("gain", [0.0, 0.2])
def test_plateaus_that_only_scatter_leave_the_cq_as_it_is(gain):
    for seed in range(20):
        wells, results = plate(1.0, seed=seed, gain=gain)
        assert leveled_results(wells, results) == (results, ())


@pytest.mark.property
def test_few_levels_or_no_standards_tell_nothing():
    wells, results = plate(0.7)
    two = [one for one in wells if one.standard_copies <= 1e3]
    unknown = [dataclasses.replace(one, kind="unknown", standard_copies=None) for one in wells]
    left_out = [dataclasses.replace(one, excluded="bubble") for one in wells]
    for some in (two, unknown, left_out, []):
        assert dependent_plateaus(some, results) == {}


def test_a_curve_that_does_not_reach_the_fluorescence_has_no_cq():
    wells, results = plate(0.7)
    short = [dataclasses.replace(results[0], level_cq=None, level_se=None), *results[1:]]
    read, _ = leveled_results(wells, short)
    assert read[0].cq is None
    [replaced, *_], _ = with_our_cq(wells, read)
    assert "does not reach" in replaced.excluded
    assert replaced.cq is None


@pytest.mark.property
def test_its_bounds_are_rows_of_the_table():
    wells, results = plate(0.7)
    for change in ({"plateau_slope_change": 0.9}, {"plateau_z": 1e6}, {"plateau_levels": 6}):
        rules = dataclasses.replace(amplification_rules(), **change)
        assert leveled_results(wells, results, rules=rules) == (results, ())


def test_cycles_that_lean_on_the_plateau_are_not_combined_there():
    """Eight healthy targets teach weights; the one whose plateaus fall keeps its Cq at one fluorescence."""
    wells, results = [], []
    for seed in range(8):
        some, read = plate(1.0, seed=seed)
        wells += [dataclasses.replace(one, target=f"G{seed}") for one in some]
        results += [dataclasses.replace(one, target=f"G{seed}") for one in read]
    loose = dataclasses.replace(amplification_rules(), combination_z=-1e9)
    taught, [before], _ = combined_results(wells, results, [Run(run_id="R-01")], rules=loose)
    assert all(one.cq != read.cq for one, read in zip(taught, results, strict=True))
    bent, read = plate(0.7)
    level, _ = leveled_results(bent, read)
    both, [after], _ = combined_results(
        [*wells, *bent], [*results, *level], [Run(run_id="R-01")], rules=loose
    )
    assert both[len(results) :] == level
    assert both[: len(results)] == taught
    assert after.wells == before.wells


@pytest.mark.reference
@pytest.mark.parametrize("name", MAKERS)
def test_verification_plates_of_a_maker_are_read_by_our_cq(real_data, name):
    """TaqMan RNase P from 1,250 to 20,000 copies: twofold steps by the threshold (slopes -3.34 and -3.38), plateaus that fall."""
    acquired = read_path(real_data / name)
    found = curve_records(acquired)
    results = [one for one in found if isinstance(one, CurveResult)]
    codes = [one.code for one in found if isinstance(one, Finding)]
    assert codes.count("qpcr.plateau_depends") == 1
    assert "curve.cq_differs" not in codes
    slope, verdict = slope_of(acquired.wells, results)
    assert slope == pytest.approx(-3.45, abs=0.03)
    assert verdict == "pass"
    by_share, _ = slope_of(acquired.wells, read_curves(acquired.curves[0]).records())
    assert by_share == pytest.approx(-2.46, abs=0.03)


@pytest.mark.reference
def test_the_command_says_why_and_reads_the_copies(real_data):
    answer = CliRunner().invoke(app, ["quantify", str(real_data / MAKERS[0]), "--cq", "ours", "--json"])
    data = json.loads(answer.stdout)
    assert [one["verdict"] for one in data["standard_curves"]] == ["pass"]
    assert [one["code"] for one in data["findings"]].count("qpcr.plateau_depends") == 1
    copies = {one["sample"]: one["estimate"] for one in data["sample_copies"]}
    assert copies["Unk_5K"] == pytest.approx(5000, rel=0.1)
    assert copies["Unk_10K"] == pytest.approx(10000, rel=0.1)


@pytest.mark.reference
def test_healthy_sets_are_left_alone(benchmark):
    """63 genes and dil4reps94: silent. ALUsq, genomic background that must fail, is the one assay named."""
    sets, curves = benchmark("_qpcr_sets"), benchmark("_qpcr_curves")
    for name, named in (("vermeulen2", {"ALUsq(Eurogentec)"}), ("dil4reps94", set())):
        held = sets.curve_set(name)
        copies, _ = curves._levels(held)
        wells = [
            Well(
                run_id=run,
                position=position,
                target=target,
                sample=position,
                kind="standard",
                detected=None,
                cq=None,
                standard_copies=float(level),
            )
            for (run, position, target), level in zip(held.curves.wells, copies, strict=True)
        ]
        found = dependent_plateaus(wells, read_curves(held.curves).records())
        assert {target for _, target in found} == named
