"""Limits of an assay: what they recover, what they refuse, how they are shown."""

import csv
import datetime as dt
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from remnant.assay.qpcr.validation import targets, validate_assay, with_limits
from remnant.cli.main import app
from remnant.errors import MeasurementError
from remnant.numerics import calibration_range, detection_curve
from remnant.numerics.calibration_ladder import ladder
from remnant.numerics.calibration_range import PrecisionProfile
from remnant.records.run import Well
from remnant.report import assay_validation
from remnant.report.context import Context


def codes(found):
    return {finding.code for finding in found.findings}


@pytest.mark.published
def test_cv_of_cq_is_forootans_formula():
    """Equation 2 of Forootan et al. (2017): CV = sqrt((1 + E)^(SD^2 ln(1 + E)) - 1)."""
    efficiency, sd = 0.95, 0.4
    slope = -1 / np.log10(1 + efficiency)
    expected = np.sqrt((1 + efficiency) ** (sd**2 * np.log(1 + efficiency)) - 1)
    assert calibration_range.cv_of_sd(np.array([sd]), slope)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("q", [1.0, 0.4])
def test_limits_follow_the_detection_probability(series, q):
    found = validate_assay(series(q=q, each=96), "WT1")
    limit = found.limit_of_detection
    assert limit.model == "one hit"
    assert limit.lower < -np.log(0.05) / q < limit.upper
    assert found.counting_factor == pytest.approx(1 / q, rel=0.35)
    assert found.slope == pytest.approx(-3.4, abs=0.05)
    assert {one.model for one in found.detection} >= {"probit", "logit", "lowest level"}


def test_unequal_dilutions_are_said_and_widen_the_limit(series):
    error = (0.0, 0.0, -0.6, 0.0, 0.0, 0.0, 0.0)
    equal, unequal = (validate_assay(series(q=0.5, each=96, error=e), "WT1") for e in (None, error))
    assert equal.limit_of_detection.model == "one hit"
    assert unequal.limit_of_detection.model == "dilution error"
    assert "validation.unequal_detection" in codes(unequal)
    widths = [one.limit_of_detection.upper / one.limit_of_detection.lower for one in (equal, unequal)]
    assert widths[1] > 1.5 * widths[0]


def test_limit_of_quantification_is_the_lowest_level_of_an_unbroken_run(series):
    found = validate_assay(series(each=60), "WT1")
    tataa, strict = found.quantification
    assert (tataa.cv_max, strict.cv_max) == (0.35, 0.25)
    assert tataa.by_levels in {10.0, 100.0}
    assert strict.by_levels == 100.0
    assert tataa.by_model < strict.by_model
    assert tataa.replicates == 60


@pytest.mark.definition
def test_precision_profile_meets_the_cv_it_is_asked_for():
    profile = PrecisionProfile(0.08, 1.3, -3.4)
    copies = calibration_range.copies_at_cv(profile, 0.25)
    assert profile.cv(np.array([copies]))[0] == pytest.approx(0.25, abs=1e-6)
    assert calibration_range.copies_at_cv(PrecisionProfile(1.0, 1.0, -3.4), 0.25) == np.inf


def test_linear_range_leaves_out_the_level_that_bends():
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = 40.0 - 3.4 * x + np.array([1.2, 0.0, 0.0, 0.0, 0.0])
    held = ladder(np.zeros(5, int), x, y, plates=1)
    got = calibration_range.linear_range(held, use=np.ones(5, bool), deviation=0.15, levels=3)
    assert got.inside.tolist() == [False, True, True, True, True]
    assert got.deviation_log10[0] == pytest.approx(-1.2 / 3.4, abs=0.03)


@pytest.mark.parametrize(("false", "upper", "model"), [(0, 0.0487, None), (6, 0.1881, 1.0)])
def test_limit_of_blank_by_ranks_and_by_model(series, false, upper, model):
    """Bounds of 0 and 6 of 60: Clopper-Pearson, one-sided 95 %."""
    blank = validate_assay(series(false=false), "WT1").blank
    assert (blank.wells, blank.positive) == (60, false)
    assert blank.rate_upper == pytest.approx(upper, abs=1e-3)
    assert blank.by_model == model
    assert (blank.by_ranks is None) == (false == 0)


@pytest.mark.definition
def test_the_limit_above_the_blank_is_found_in_ninety_five_of_a_hundred_wells():
    rng = np.random.default_rng(11)
    copies, q, b, within = np.array([0.5, 1.0, 2.0, 5.0, 20.0]), 0.6, 0.15, 1
    seen = rng.poisson(q * copies + b, (4000, 5)) > 0
    data = detection_curve.Detections(copies, seen.sum(axis=0), np.full(5, 4000))
    limit, lower, upper = detection_curve.above_blank(data, blank_molecules=b, limit_of_blank=within)
    found = (rng.poisson(q * limit + b, 200_000) > within).mean()
    assert found == pytest.approx(0.95, abs=0.005)
    assert lower < limit < upper < 1.1 * limit
    # Without a blank it is the limit of one hit.
    plain = detection_curve.above_blank(data, blank_molecules=0.0, limit_of_blank=0.0)
    one = detection_curve.fit(data, "one hit")
    assert plain == pytest.approx((one.limit_of_detection, one.lower, one.upper), rel=1e-4)


@pytest.mark.parametrize(("false", "model"), [(0, "one hit"), (2, "one hit"), (9, "above blank")])
def test_where_blanks_give_signals_one_signal_is_no_detection(series, false, model):
    found = validate_assay(series(each=96, false=false), "WT1")
    limit = found.limit_of_detection
    assert limit.model == model
    assert [one.chosen for one in found.detection] == [True] + [False] * (len(found.detection) - 1)
    assert ("validation.blank_signals" in codes(found)) is (model == "above blank")
    if model == "above blank":
        one = next(other for other in found.detection if other.model == "one hit")
        assert limit.copies > 1.3 * one.copies
        assert "<svg" in assay_validation.detection_svg(found)


@pytest.mark.parametrize("blanks", [20, 58])
def test_few_clean_blanks_give_no_signal(series, blanks):
    """Below 60 blanks their limit is that of the upper bound of the rate: 1 molecule, though none gave a signal."""
    found = validate_assay(series(blanks=blanks, false=0), "WT1")
    assert (found.blank.positive, found.blank.by_model) == (0, 1.0)
    assert found.limit_of_detection.model == "one hit"
    assert "validation.blank_signals" not in codes(found)


@pytest.mark.parametrize("blanks", [20, 60])
def test_where_all_blanks_give_signals_there_is_no_limit_of_detection(series, blanks):
    found = validate_assay(series(blanks=blanks, false=blanks), "WT1")
    assert found.limit_of_detection is None
    assert not any(one.chosen for one in found.detection)
    [said] = [one for one in found.findings if one.code == "validation.blank_signals"]
    assert f"All {blanks} blanks of WT1 gave a signal" in said.message
    assert "<svg" in assay_validation.detection_svg(found)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("blanks", "false", "model"),
    [(0, 0, "one hit"), (60, 0, "one hit"), (60, 9, "above blank"), (60, 60, None)],
)
def test_a_sample_has_the_limit_that_validation_gives_its_assay(laboratory, series, blanks, false, model):
    """Of all wells together by one hit; above the blank a well is judged by itself; none where every blank gives a signal."""
    made = laboratory(4)
    made.plate("R-1")
    [one] = made.quantified().measurements
    wells = series(each=96, blanks=blanks, false=false)
    limit = validate_assay(wells, "WT1").limit_of_detection
    [found] = with_limits([replace(one, state="not detected")], wells)
    assert (limit.model if limit else None) == model
    if limit is None:
        assert found.limit_of_detection is None
        return
    wells_each, words = (3, "a well") if model == "above blank" else (1, "in all wells together")
    expected = wells_each * limit.copies * one.sensitivity_ratio * 1e4
    assert found.limit_of_detection == pytest.approx(expected)
    assert f"{limit.copies:.2g} copies {words}" in found.reason


def test_too_little_is_refused_with_the_reason(series):
    few = validate_assay(series(each=4, blanks=5), "WT1")
    assert few.detection == ()
    assert few.blank is None
    assert {"validation.no_limit_of_detection", "validation.no_limit_of_blank"} <= codes(few)
    reason = next(f.message for f in few.findings if f.code == "validation.no_limit_of_detection")
    assert "0 levels have 10 replicates, need 3" in reason


def test_levels_that_are_always_positive_give_no_limit(series):
    found = validate_assay(series(levels=(100.0, 1e3, 1e4), each=20), "WT1")
    assert found.detection == ()
    assert any("below the lowest level, 100 copies" in f.message for f in found.findings)


def test_nothing_to_say_is_an_error_with_every_reason(series):
    wells = series(levels=(10.0, 100.0), each=3, blanks=0)
    with pytest.raises(MeasurementError, match="2 levels, 0 blanks") as caught:
        validate_assay(wells, "WT1")
    assert len(caught.value.problems) == 4
    with pytest.raises(MeasurementError, match=r"0 wells, none of a standard.*Targets that have them: WT1"):
        validate_assay(wells, "BAALC")
    assert targets(wells) == ("WT1",)


def test_runs_with_one_level_each_are_taken_as_one(series):
    wells = [
        replace(well, run_id=f"R-{well.standard_copies}") for well in series() if well.kind == "standard"
    ]
    assert "validation.one_level_a_run" in codes(validate_assay(wells, "WT1"))


def test_page_says_limits_before_figures_and_escapes_nothing_away(series):
    found = validate_assay(series(each=60), "WT1")
    text = assay_validation.page(
        found,
        context=Context(
            study="dilutions", software="remnant", written_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
        ),
    )
    before = re.sub("</?span[^>]*>", "", text.partition("<svg")[0]).replace("\N{NO-BREAK SPACE}", " ")
    assert assay_validation.sentence(found) in before
    assert text.count("<svg") == 2
    assert "no signal" in text
    assert "CV of copies at most 35 %" in text


@pytest.mark.published
def test_usgs_demonstration_set(real_data):
    """96 replicates at 1 to 10 000 copies; the lowest level with 95 % signals is 10 copies (Merkes et al., 2019)."""
    with (real_data / "qpcr" / "lod" / "Data.csv").open(encoding="utf-8") as lines:
        wells = [
            Well(
                run_id="LOD",
                position=str(place),
                target="SVC",
                sample=row["Sample"],
                kind="ntc" if row["Sample"] == "NTC" else "standard",
                detected=row["Cq"] != "NA",
                cq=None if row["Cq"] == "NA" else float(row["Cq"]),
                standard_copies=None if row["Sample"] == "NTC" else float(row["SQ"]),
            )
            for place, row in enumerate(csv.DictReader(lines))
            if row["Target"] == "SVC"
        ]
    found = validate_assay(wells, "SVC")
    limits = {one.model: one for one in found.detection}
    assert limits["lowest level"].copies == 10
    assert found.limit_of_detection.model == "dilution error"
    assert limits["dilution error"].gain_p < 1e-3
    assert found.quantification[0].by_levels == 100
    assert found.counting_factor == pytest.approx(1.0, abs=0.15)


def test_command_writes_page_and_numbers(series, tmp_path):
    path = tmp_path / "dilutions.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(["run_id", "well", "target", "sample", "kind", "cq", "standard_copies"])
        for i, well in enumerate(series()):
            cq = "Undetermined" if well.cq is None else f"{well.cq:.4f}"
            out.writerow(
                [
                    "R-01",
                    f"{'ABCDEFGHIJKLMNOP'[i // 24]}{i % 24 + 1}",
                    "WT1",
                    well.position,
                    well.kind,
                    cq,
                    well.standard_copies or "",
                ]
            )
    got = CliRunner().invoke(app, ["validate-assay", str(path), "--json", "--out", str(tmp_path / "out")])
    assert got.exit_code == 0, got.output
    said = json.loads(got.stdout)
    assert said["target"] == "WT1"
    assert said["detection"][0]["chosen"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["assay-WT1.html", "assay-WT1.json"]
