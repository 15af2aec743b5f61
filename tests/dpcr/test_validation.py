"""Limits of an assay by digital PCR, from simulated blanks and dilutions whose truth is known."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.validation import digital_targets, validate_digital_assay
from remnant.cli.main import app
from remnant.errors import MeasurementError
from remnant.numerics.partitions import cv_of_rate, found_above, limit_of_blank, limit_of_detection, rate
from remnant.records.partition import Partitions

N = 17_000
LEVELS = (2, 8, 16, 64, 256)


def drawn(rng, sample, kind, copies, wells, *, false=3e-5, sd=0.03, run="D-01"):
    """Wells of one content: Poisson molecules, false positives, and variation between wells."""
    n = rng.integers(15_000, 19_000, wells)
    rates = copies / N * np.exp(rng.normal(0, sd, wells))
    k = rng.binomial(n, 1 - (1 - false) * np.exp(-rates))
    return [
        Partitions(
            run_id=run,
            position=f"{sample}-{i}",
            channel="1",
            target="WT1",
            sample=sample,
            kind=kind,
            accepted=int(n[i]),
            positives=int(k[i]),
            instrument="qx",
        )
        for i in range(wells)
    ]


def plate(seed=1, blanks=60, wells=24, **more):
    rng = np.random.default_rng(seed)
    parts = drawn(rng, "NTC", "ntc", 0, blanks, **more)
    for copies in LEVELS:
        parts += drawn(rng, f"D-{copies}", "unknown", copies, wells, **more)
    return parts


def validated(parts):
    return validate_digital_assay(quantify_partitions(parts).wells, "WT1")


def table(parts):
    header = "Well,ExptType,Experiment,Sample,TargetType,Target,Status,Concentration,Positives,Negatives,AcceptedDroplets"
    rows = [
        f"{chr(65 + i // 24)}{i % 24 + 1:02d},Abs,ABS,{p.sample},Ch1{'NTC' if p.kind == 'ntc' else 'Unknown'},WT1,OK,"
        f"{rate(p.positives, p.accepted) / 0.85e-3:.4f},{p.positives},{p.accepted - p.positives},{p.accepted}"
        for i, p in enumerate(parts)
    ]
    return "\n".join([header, *rows, ""])


def test_limits_are_those_of_the_blanks_and_of_counting():
    found = validated(plate())
    held = found.digital
    a, b = held.false_positives
    assert held.limit_of_blank_positives == int(limit_of_blank(held.partitions, a, b))
    limit = found.limit_of_detection
    copies = held.partitions * float(limit_of_detection(held.partitions, held.limit_of_blank_positives, a, b))
    assert limit.copies == pytest.approx(copies)
    assert limit.lower <= limit.copies <= limit.upper
    assert [one.name for one in found.levels] == [f"D-{copies}" for copies in LEVELS]
    assert [one.copies for one in found.levels] == pytest.approx(LEVELS, rel=0.25)
    assert found.blank.ranked
    assert found.blank.positive == sum(p.positives > 0 for p in plate() if p.kind == "ntc")
    assert found.quantification[0].by_model == pytest.approx(8.2, rel=0.05)  # 1 / .35**2
    assert found.quantification[1].by_model == pytest.approx(16.2, rel=0.05)


@pytest.mark.property
def test_the_interval_of_the_limit_of_detection_covers_that_of_the_true_rate():
    true = N * float(limit_of_detection(N, limit_of_blank(N, 3e-5 * 1e9, 1e9), 3e-5 * 1e9, 1e9))
    wells = quantify_partitions(plate(blanks=30, wells=10)).wells
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        redrawn = [
            replace(one, positives=int(rng.binomial(one.accepted, 3e-5)), decision="control well")
            if one.kind == "ntc"
            else one
            for one in wells
        ]
        limit = validate_digital_assay(redrawn, "WT1").limit_of_detection
        covered += limit.lower * 0.97 <= true <= limit.upper * 1.03
    assert covered >= 54  # 95 % of 60 is 57, two binomial SD is 3.4


@pytest.mark.definition
@pytest.mark.parametrize("copies", [5, 200, 60_000])
def test_the_profile_is_the_scatter_of_simulated_wells(copies):
    rng = np.random.default_rng(copies)
    rates = copies / N * np.exp(rng.normal(0, 0.03, 40_000))
    got = rate(rng.binomial(N, -np.expm1(-rates)), np.full(40_000, N))
    assert got.std() / got.mean() == pytest.approx(float(cv_of_rate(copies / N, N, 0.03)), rel=0.03)


@pytest.mark.definition
def test_the_share_above_the_blank_is_that_of_simulated_wells():
    rng = np.random.default_rng(4)
    rates = rng.beta(3.5, 1e5, 200_000)
    k = rng.binomial(N, 1 - (1 - rates) * np.exp(-4 / N))
    assert (k > 2).mean() == pytest.approx(float(found_above(4 / N, N, 2, (3.5, 1e5))), abs=0.01)


def test_molecules_that_stick_together_are_said():
    wells = quantify_partitions(plate()).wells
    places = [i for i, one in enumerate(wells) if one.sample == "D-8"]
    clumped = [
        replace(one, positives=65 if i == places[0] else 66 if i == places[1] else 0, decision="used")
        if i in places
        else one
        for i, one in enumerate(wells)
    ]
    (finding,) = (
        f for f in validate_digital_assay(clumped, "WT1").findings if f.code.endswith("unequal_detection")
    )
    assert "D-8 (2 of 24 wells" in finding.message


def test_too_little_is_refused_with_what_is_there():
    with pytest.raises(MeasurementError, match="4 blanks, at most 3 wells of a sample"):
        validated(plate(blanks=4, wells=3))
    found = validated(plate(blanks=4))
    assert found.limit_of_detection is None
    assert {f.code for f in found.findings} >= {
        "validation.no_limit_of_blank",
        "validation.no_limit_of_detection",
    }
    assert found.quantification[0].by_levels is not None


def test_a_saturated_or_uncounted_well_does_not_count_and_is_said():
    parts = plate()
    full = Partitions(
        **{n: getattr(parts[-1], n) for n in Partitions.__slots__}
        | {"position": "X", "positives": parts[-1].accepted}
    )
    found = validated([*parts, full])
    assert "validation.wells_passed_over" in {f.code for f in found.findings}
    assert found.levels[-1].copies == pytest.approx(LEVELS[-1], rel=0.1)


def test_command_writes_the_page_of_a_digital_assay(tmp_path):
    path = tmp_path / "plate.csv"
    path.write_text(table(plate()), encoding="utf-8")
    got = CliRunner().invoke(app, ["validate-assay", str(path), "--json", "--out", str(tmp_path / "out")])
    assert got.exit_code == 0, got.output
    said = json.loads(got.stdout)
    assert said["digital"]["limit_of_blank_positives"] >= 1
    html = (tmp_path / "out" / "assay-WT1.html").read_text(encoding="utf-8")
    page = re.sub(r"</?span[^>]*>", "", html)
    assert page.index("is detected in 95 % of wells") < page.index("Not verified")
    assert "above the limit of blank, by counting" in page
    assert digital_targets(quantify_partitions(plate()).wells) == ("WT1",)
    shown = CliRunner().invoke(app, ["validate-assay", str(path)]).stdout
    assert "positive partitions" in shown


@pytest.mark.definition
def test_blanks_that_vary_between_wells_have_a_limit_of_blank_that_holds_for_the_next():
    """Wild type that is amplified more in some wells than in others: the next blank exceeds the limit as rarely as stated."""
    rng = np.random.default_rng(8)
    wells = quantify_partitions(plate(blanks=40, wells=10)).wells

    def drawn(shape):
        rates = rng.gamma(shape, 4.0 / shape, len(wells)) if shape else np.full(len(wells), 4.0)
        return [
            replace(one, positives=int(k), decision="control well") if one.kind == "ntc" else one
            for one, k in zip(wells, rng.poisson(rates), strict=True)
        ]

    over, said = [], []
    for _ in range(20):
        found = validate_digital_assay(drawn(1.0), "WT1")
        fresh = rng.poisson(rng.gamma(1.0, 4.0, 4000))
        over.append(float((fresh > found.digital.limit_of_blank_positives).mean()))
        said.append("validation.blanks_vary" in {one.code for one in found.findings})
    assert sum(said) >= 18
    assert np.mean(over) < 0.07
    even = [validate_digital_assay(drawn(0.0), "WT1").findings for _ in range(20)]
    assert sum(one.code == "validation.blanks_vary" for findings in even for one in findings) <= 1
