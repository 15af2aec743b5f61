"""From wells to measurements: ratios, exposures, bounds, states, and everything that forbids a number."""

import dataclasses
import datetime as dt
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.assay import qpcr
from remnant.errors import UnitError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, TUBE
from remnant.evidence.verbs import interval, is_detected, joint_above, upper_limit
from remnant.knowledge.assays import default_assays
from remnant.knowledge.qpcr import qpcr_rules
from remnant.knowledge.tables import rows
from remnant.records.codec import from_json, to_json
from remnant.records.control import VarianceComponent
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.records.sample import Cdna

NOTHING_ABOVE_THE_TUBE = tuple(
    VarianceComponent(error_class=name, target="", sd_log10=0.0, source="test", status="verified")
    for name in ("run", "rt", "biology")
)


def plate(bench, *, target=(100, 100, 100), control=(20_000, 20_000), **fields):
    bench.run("R-01", cycles=50)
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", control, **fields)
    bench.molecules("R-01", "WT1", "S-014", target, **fields)
    return bench


def test_ratio_of_equal_wells(bench):
    one = plate(bench).only()
    assert one.state == "quantified"
    assert one.point_value == pytest.approx(50.0)
    assert one.estimate == pytest.approx(50.0, rel=0.02)
    assert one.lower < one.estimate < one.upper
    assert one.comparison_lower < one.lower
    assert one.comparison_upper > one.upper
    assert (one.positive_wells, one.wells, one.control_wells) == (3, 3, 2)
    assert (one.target_copies, one.control_copies) == pytest.approx((300, 40_000))
    assert one.sensitivity_ratio == pytest.approx(1 / 60_000)
    assert (one.unit, one.material, one.drawn_on) == ("per_1e4", "BM", dt.date(2021, 3, 4))


@pytest.mark.property
@settings(max_examples=12, deadline=None)
@given(target_wells=st.integers(1, 4), control_wells=st.integers(1, 4), ratio=st.floats(0.001, 2.0))
def test_numbers_of_wells_do_not_bias_the_ratio(new_bench, target_wells, control_wells, ratio):
    """Three target and two control wells would bias sum over sum by +.18 log10."""
    bench = plate(new_bench(), target=[20_000 * ratio] * target_wells, control=[20_000.0] * control_wells)
    assert bench.only().point_value == pytest.approx(1e4 * ratio)


def test_exposure_enters_by_volume_and_dilution(bench):
    bench.run("R-01")
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [2_000, 2_000], cdna_ul=5.0, dilution=10.0)
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 40], cdna_ul=5.0)
    bench.wells[-1] = dataclasses.replace(bench.wells[-1], cdna_ul=2.0)
    one = bench.only()
    assert one.wells == 3
    assert one.point_value == pytest.approx(1e4 * (240 / 12.0) / (4_000 / 1.0))


def test_the_volume_of_the_run_holds_where_a_well_states_none(bench, codes):
    plate(bench)
    bench.runs[0] = dataclasses.replace(bench.runs[0], cdna_ul_per_well=5.0)
    got = bench.quantified()
    assert "qpcr.exposure_assumed" not in codes(got)
    assert got.measurements[0].point_value == pytest.approx(50.0)


def test_a_run_described_twice_is_read_from_both(bench, codes):
    plate(bench, target=(0, 0, 0))
    bench.runs.append(dataclasses.replace(bench.runs[0], cycles=None, cdna_ul_per_well=5.0))
    bench.runs[0] = dataclasses.replace(bench.runs[0], cycles=38)
    assert {"qpcr.last_cycle"} <= codes(bench.quantified())
    assert "qpcr.exposure_assumed" not in codes(bench.quantified())


def test_unstated_volumes_are_equal_and_said(bench, codes):
    assert "qpcr.exposure_assumed" in codes(plate(bench).quantified())


def test_wells_without_a_volume_beside_wells_with_one_are_left_out(bench, codes):
    plate(bench)
    bench.wells[-3:] = [dataclasses.replace(well, cdna_ul=5.0) for well in bench.wells[-3:]]
    got = bench.quantified()
    assert "qpcr.exposure_missing" in codes(got)
    assert got.measurements[0].state == "not evaluable"
    assert [use.decision for use in got.well_uses if use.target == "ABL1" and use.sample == "S-014"] == [
        "no exposure"
    ] * 2


@pytest.mark.property
@settings(max_examples=10, deadline=None)
@given(order=st.randoms(use_true_random=False), factor=st.floats(0.1, 10.0))
def test_order_of_wells_and_scale_of_volumes_do_not_matter(new_bench, order, factor):
    first, second = plate(new_bench(), cdna_ul=5.0), plate(new_bench(), cdna_ul=5.0 * factor)
    order.shuffle(second.wells)
    a, b = first.only(), second.only()
    assert (b.estimate, b.lower, b.comparison_upper, b.point_value) == pytest.approx(
        (a.estimate, a.lower, a.comparison_upper, a.point_value), rel=1e-6
    )


def test_nothing_detected_is_bounded_by_three_copies(bench):
    one = plate(bench, target=(0, 0, 0)).only(variance=NOTHING_ABOVE_THE_TUBE)
    assert one.state == "not detected"
    assert (one.estimate, one.lower, one.upper, one.point_value) == (None, None, None, None)
    batch = EvidenceBatch.of([one.evidence])
    assert not is_detected(batch)[0]
    assert upper_limit(batch, include=frozenset())[0] == pytest.approx(1e4 * 2.9957 / 60_000, rel=1e-4)
    assert one.upper_limit == pytest.approx(1e4 * 2.9957 / 60_000, rel=0.03)
    assert one.upper_limit > 1e4 * 2.9957 / 60_000


def test_errors_above_the_tube_widen_the_bound(bench):
    plate(bench, target=(0, 0, 0))
    assert bench.only().upper_limit > 1.02 * bench.only(variance=NOTHING_ABOVE_THE_TUBE).upper_limit


@pytest.mark.parametrize(
    ("target", "state", "reason"),
    [
        ((9, 8, 10), "quantified", ""),
        ((2, 2, 3), "detected", "7.0 copies"),
        ((4, 0, 0), "detected", "1 of 3"),
        ((12, 14, 0), "quantified", ""),
        ((0, 0, 0), "not detected", "0 of 3"),
    ],
)
def test_states(bench, target, state, reason):
    one = plate(bench, target=target).only()
    assert one.state == state
    assert one.reason.startswith(reason)
    assert (one.estimate is None) == (state == "not detected")


def test_a_signal_after_the_limit_of_the_rule_is_no_positive_well_but_no_zero_either(bench):
    plate(bench, target=(0, 0))
    bench.well("R-01", "WT1", "S-014", cq=40.4)
    one = bench.only()
    assert (one.state, one.positive_wells) == ("detected", 0)
    assert "none before Cq 40" in one.reason
    assert is_detected(EvidenceBatch.of([one.evidence]))[0]


def test_named_errors(bench):
    terms = {term.name: term.sd_log10 for term in plate(bench).only().evidence.errors}
    assert set(terms) == {
        "curve:R-01:WT1",
        "curve:R-01:ABL1",
        "control:S-014:ABL1",
        "run:R-01",
        "rt:S-014",
        "biology:P-001:WT1:S-014",
    }
    assert (terms["run:R-01"], terms["rt:S-014"], terms["biology:P-001:WT1:S-014"]) == (0.07, 0.12, 0.20)
    poisson, technical = 1 / np.log(10) ** 2 / 40_000, (0.08 / 3.4) ** 2 / 2
    assert terms["control:S-014:ABL1"] == pytest.approx(np.sqrt(poisson + technical), rel=0.4)


def test_markers_over_one_control_share_it(bench):
    bench.run("R-01", targets=("WT1", "BAALC", "ABL1"))
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [700, 900])
    bench.molecules("R-01", "WT1", "S-014", [20, 20, 20])
    bench.molecules("R-01", "BAALC", "S-014", [20, 20, 20])
    got = bench.quantified()
    wt1, baalc = got.measurements
    assert (wt1.unit, baalc.unit) == ("per_1e4", "percent")
    batches = [EvidenceBatch.of([one.evidence]) for one in (wt1, baalc)]
    shared = {t.name for t in wt1.evidence.errors} & {t.name for t in baalc.evidence.errors}
    assert shared == {"curve:R-01:ABL1", "control:S-014:ABL1", "run:R-01", "rt:S-014"}
    above = joint_above(*batches, wt1.estimate, baalc.estimate)
    assert above.both[0] > above.first[0] * above.second[0] + 0.05


def test_a_cdna_measured_on_two_runs_is_two_measurements_with_controls_of_their_own(bench):
    for run_id in ("R-01", "R-02"):
        bench.run(run_id)
        bench.molecules(run_id, "ABL1", "C-1", [20_000, 20_000])
        bench.molecules(run_id, "WT1", "C-1", [100, 100, 100])
    bench.sample("S-014")
    bench.cdnas.append(Cdna(cdna_id="C-1", sample_id="S-014"))
    first, second = bench.quantified().measurements
    assert (first.run_id, second.run_id, first.cdna_id) == ("R-01", "R-02", "C-1")
    common = {t.name for t in first.evidence.errors} & {t.name for t in second.evidence.errors}
    assert common == {"rt:C-1", "biology:P-001:WT1:S-014"}


def test_two_cdnas_of_a_sample_share_only_biology_and_what_the_run_shares(bench):
    bench.run("R-01")
    bench.sample("S-014")
    for cdna_id in ("C-1", "C-2"):
        bench.cdnas.append(Cdna(cdna_id=cdna_id, sample_id="S-014"))
        bench.molecules("R-01", "ABL1", cdna_id, [20_000, 20_000])
        bench.molecules("R-01", "WT1", cdna_id, [100, 100, 100])
    first, second = bench.quantified().measurements
    common = {t.name for t in first.evidence.errors} & {t.name for t in second.evidence.errors}
    assert common == {"curve:R-01:WT1", "curve:R-01:ABL1", "run:R-01", "biology:P-001:WT1:S-014"}


@pytest.mark.parametrize(("name", "subject"), [("C-1", "cDNA C-1"), ("S-014", "sample S-014")])
def test_a_finding_says_whether_a_well_names_a_cdna_or_a_sample(bench, name, subject):
    bench.run("R-01", run_on=dt.date(2021, 3, 10))
    bench.run("R-02", run_on=dt.date(2021, 3, 12))
    bench.sample("S-014")
    bench.cdnas.append(Cdna(cdna_id="C-1", sample_id="S-014"))
    bench.molecules("R-01", "WT1", name, [1000, 1040, 100], cdna_ul=2.0)
    bench.molecules("R-02", "ABL1", name, [600, 600], cdna_ul=2.0)
    bench.wells.append(dataclasses.replace(bench.wells[-1], position="H12", cdna_ul=None))
    said = {
        finding.code: finding.subject for finding in bench.quantified().findings if name in finding.subject
    }
    assert said == dict.fromkeys(
        (
            "qpcr.control_other_run",
            "qpcr.control_too_low",
            "qpcr.exposure_missing",
            "qpcr.replicate_outlier",
        ),
        subject,
    )


def test_a_control_of_another_run_counts_both_runs(bench, codes):
    bench.run("R-01", run_on=dt.date(2021, 3, 10))
    bench.run("R-02", run_on=dt.date(2021, 3, 12))
    bench.run("R-03", run_on=dt.date(2021, 4, 20))
    bench.sample("S-014")
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    bench.molecules("R-03", "ABL1", "S-014", [40_000, 40_000])
    bench.molecules("R-02", "ABL1", "S-014", [20_000, 20_000])
    got = bench.quantified()
    [one] = got.measurements
    assert one.point_value == pytest.approx(50.0)
    assert "qpcr.control_other_run" in codes(got)
    assert {"run:R-01", "run:R-02", "control:S-014:ABL1:R-02"} <= {t.name for t in one.evidence.errors}


@pytest.mark.parametrize(
    ("control", "target", "state", "code"),
    [
        ((20_000, 20_000), (0, 0, 0), "not detected", None),
        ((4_000, 4_000), (0, 0, 0), "not detected", "qpcr.control_reduced"),
        ((600, 600), (0, 0, 0), "not evaluable", "qpcr.control_too_low"),
        ((600, 600), (30, 30, 30), "detected", "qpcr.control_too_low"),
        ((0, 0), (30, 30, 30), "not evaluable", None),
    ],
)
def test_bands_of_the_control_gene(bench, codes, control, target, state, code):
    got = plate(bench, control=control, target=target).quantified()
    assert got.measurements[0].state == state
    bands = {"qpcr.control_reduced", "qpcr.control_too_low"} & codes(got)
    assert bands == ({code} if code else set())
    if state == "not evaluable":
        assert "ABL1" in got.measurements[0].reason
        assert got.measurements[0].upper_limit is None


@pytest.mark.definition
def test_few_control_copies_are_integrated_exactly(bench):
    """Both counts Poisson, flat prior on the logarithm of the control: the ratio's bound by simulation."""
    plate(bench, control=(12, 8), target=(0, 0, 0))
    rules = qpcr_rules()
    one = bench.only(
        variance=NOTHING_ABOVE_THE_TUBE,
        rules=dataclasses.replace(rules, replicates=qpcr_rules(replicates="keep_all").replicates),
    )
    assert not any(term.name.startswith("control") for term in one.evidence.errors)
    bound = upper_limit(EvidenceBatch.of([one.evidence]), include=frozenset())[0]
    control = np.random.default_rng(2).gamma(20.0, size=400_000) / 2.0
    silent = np.mean(np.exp(-3.0 * control * bound / 1e4))
    assert silent == pytest.approx(0.05, abs=0.0025)


@pytest.mark.property
def test_the_exact_and_the_log_normal_control_agree_where_they_meet(bench):
    plate(bench, control=(50, 50), target=(40, 40, 40))
    rules = qpcr_rules()
    exact, approximate = (
        interval(
            EvidenceBatch.of(
                [
                    bench.only(
                        rules=dataclasses.replace(
                            rules, wells=dataclasses.replace(rules.wells, exact_control_below=limit)
                        )
                    ).evidence
                ]
            ),
            include=TUBE,
        )
        for limit in (101.0, 99.0)
    )
    assert exact.upper[0] == pytest.approx(approximate.upper[0], rel=0.015)
    assert exact.lower[0] == pytest.approx(approximate.lower[0], rel=0.015)


def test_a_failed_curve_blocks_copies_without_fallback(bench, codes):
    bench.run("R-00")
    bench.run("R-01", slopes={"WT1": -3.9})
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [20_000, 20_000])
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    got = bench.quantified()
    [one] = got.measurements
    assert one.state == "not evaluable"
    assert "slope -3.900, need -3.6 to -3.2" in one.reason
    assert (one.estimate, one.upper_limit, one.point_value) == (None, None, None)
    assert {"qpcr.curve_failed", "qpcr.not_evaluable"} <= codes(got)
    assert [fit.verdict for fit in got.curve_fits].count("fail") == 1
    assert not is_detected(EvidenceBatch.of([one.evidence]))[0]


def test_a_run_without_a_curve_gives_no_copies(bench):
    bench.run("R-01", targets=("ABL1",))
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [20_000, 20_000])
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    got = bench.quantified()
    assert got.measurements[0].reason == "no standard curve of WT1 on run R-01"
    assert got.well_uses[-1].copies is None


def test_above_the_highest_standard_is_said(bench, codes):
    got = plate(bench, target=(3e6, 3e6, 3e6), control=(20_000, 20_000)).quantified()
    assert got.measurements[0].state == "quantified"
    assert "qpcr.above_standards" in codes(got)


def test_a_fusion_over_its_own_control_saturates(bench, codes):
    bench.run("R-01", targets=("BCR-ABL1", "ABL1"))
    bench.sample("S-014")
    bench.molecules("R-01", "ABL", "S-014", [20_000, 20_000])
    bench.molecules("R-01", "BCR/ABL", "S-014", [10_000, 10_000, 10_000])
    got = bench.quantified()
    [note] = [finding for finding in got.findings if finding.code == "qpcr.control_saturation"]
    assert got.measurements[0].point_value == pytest.approx(50.0)
    assert "r = m / (1 - m) = 100 percent" in note.message
    assert "qpcr.target_spelling" in codes(got)


def test_the_last_cycle_limits_what_a_silent_well_says(bench, codes):
    plate(bench, target=(0, 0, 0))
    bench.runs[0] = dataclasses.replace(bench.runs[0], cycles=38)
    got = bench.quantified()
    bench.runs[0] = dataclasses.replace(bench.runs[0], cycles=50)
    assert "qpcr.last_cycle" in codes(got)
    assert got.measurements[0].upper_limit > 1.5 * bench.only().upper_limit


@pytest.mark.parametrize(
    ("copies", "severity", "said"),
    [(1, "note", "as counting lets expect"), (10, "warning", "P < 0.0001"), (1e4, "warning", "P < 0.0001")],
)
def test_silent_standards_are_said_with_the_chance_of_it(bench, copies, severity, said):
    plate(bench)
    if copies == 1:
        bench.well("R-01", "WT1", "STD", kind="standard", cq=None, standard_copies=1.0)
    bench.wells = [
        dataclasses.replace(well, cq=None, detected=False)
        if well.target == "WT1" and well.standard_copies == copies
        else well
        for well in bench.wells
    ]
    [found] = [one for one in bench.quantified().findings if one.code == "qpcr.silent_standard"]
    wells = 1 if copies == 1 else 3
    assert (
        f"Standard wells of WT1 without signal: {wells} of {wells} of {copies:,.0f} copies" in found.message
    )
    assert (found.severity, found.subject) == (severity, "run R-01")
    assert said in found.message


def test_a_silent_standard_that_the_laboratory_left_out_is_no_finding(bench, codes):
    plate(bench)
    assert "qpcr.silent_standard" not in codes(bench.quantified())
    bench.well(
        "R-01", "WT1", "STD", kind="standard", cq=None, standard_copies=1e4, excluded="pipetting, noted"
    )
    assert "qpcr.silent_standard" not in codes(bench.quantified())


@pytest.mark.parametrize(
    ("cycles", "cqs", "code"),
    [
        (None, (40.0, 40.0, 36.2), "qpcr.cq_at_end"),
        (None, (40.0, 39.7, 36.2), None),
        (None, (40.0, 40.0, 41.3), None),
        (40, (40.0, 39.7, 36.2), "qpcr.cq_at_end"),
        (45, (40.0, 40.0, 36.2), None),
        (40, (41.3, 39.7, 36.2), "qpcr.cq_behind_end"),
    ],
)
def test_a_cq_at_or_behind_the_end_of_the_run_is_said(bench, codes, cycles, cqs, code):
    plate(bench, target=())
    bench.runs[0] = dataclasses.replace(bench.runs[0], cycles=cycles)
    for cq in cqs:
        bench.well("R-01", "WT1", "S-014", cq=cq)
    got = bench.quantified()
    assert codes(got) & {"qpcr.cq_at_end", "qpcr.cq_behind_end"} == ({code} if code else set())
    assert got.measurements[0].state == "detected"


def test_unknown_names_are_said_not_guessed(bench, codes):
    bench.run("R-01")
    bench.molecules("R-01", "ABL1", "S-099", [20_000, 20_000])
    bench.molecules("R-01", "WT1", "S-099", [10, 10, 10])
    bench.sample("S-014")
    bench.molecules("R-01", "EVI1", "S-014", [10, 10, 10])
    got = bench.quantified()
    assert got.measurements == ()
    assert {"qpcr.unknown_sample", "qpcr.no_assay"} <= codes(got)


def test_wells_without_cq_are_neither_positive_nor_negative(bench, codes):
    plate(bench, target=())
    bench.well("R-01", "WT1", "S-014", cq=None)
    bench.wells[-1] = dataclasses.replace(bench.wells[-1], detected=None)
    got = bench.quantified()
    assert got.measurements == ()
    assert "qpcr.no_cq" in codes(got)
    assert got.well_uses[-1].decision == "no Cq stored"


def test_every_well_has_its_decision(bench):
    plate(bench)
    bench.wells[-1] = dataclasses.replace(bench.wells[-1], excluded="bubble")
    got = bench.quantified()
    assert len(got.well_uses) == len(bench.wells)
    assert [(use.run_id, use.position) for use in got.well_uses] == [
        (well.run_id, well.position) for well in bench.wells
    ]
    assert got.well_uses[-1].decision == "excluded by the laboratory"
    assert got.well_uses[-1].reason == "bubble"
    assert got.well_uses[-2].copies == pytest.approx(100.0)
    assert {use.decision for use in got.well_uses} == {"used", "control well", "excluded by the laboratory"}


def test_the_unit_of_the_assay_is_the_unit_of_the_answer(bench):
    plate(bench)
    mine = [dataclasses.replace(a, unit="percent") for a in default_assays() if a.assay_id == "WT1/ABL1"]
    one = bench.only(assays=mine)
    assert (one.unit, one.point_value) == ("percent", pytest.approx(0.5))
    assert one.estimate == pytest.approx(bench.only().estimate / 100)
    with pytest.raises(UnitError):
        bench.only(assays=[dataclasses.replace(mine[0], unit="copies")])


def test_a_blank_rate_leaves_zero_possible(bench):
    plate(bench, target=(1, 0, 0))
    mine = [Assay(assay_id="WT1/ABL1", target="WT1", control="ABL1", blank_rate_per_well=0.03)]
    one = bench.only(assays=mine)
    assert np.isfinite(one.evidence.log_likelihood_at_zero)
    assert one.evidence.log_likelihood_at_zero < -1
    assert bench.only().evidence.log_likelihood_at_zero == -np.inf


def test_molecules_that_may_not_amplify_raise_the_bound(bench):
    plate(bench, target=(0, 0, 0))
    rules = qpcr_rules()
    half = dataclasses.replace(rules, wells=dataclasses.replace(rules.wells, detection_probability=0.5))
    assert bench.only(rules=half).upper_limit == pytest.approx(2 * bench.only().upper_limit, rel=0.01)


def test_unverified_rows_and_assumptions_are_named(bench, codes):
    got = plate(bench).quantified()
    assert {"qpcr.unverified_rule", "qpcr.variance_assumed"} <= codes(got)
    named = {finding.subject for finding in got.findings if finding.code == "qpcr.unverified_rule"}
    assert {"rule eac_2003", "rule abl1_euromrd", "rule detection_probability"} <= named


def test_every_code_is_in_the_table_of_findings():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(qpcr.__path__[0]).glob("*.py"))
    written = set(re.findall(r'"(qpcr\.[a-z_]+)"', source))
    listed = {row["id"] for row in rows("findings") if row["id"].startswith("qpcr.")}
    assert written == listed


def test_a_measurement_survives_json(bench):
    one = plate(bench, target=(3, 0, 5)).only()
    assert from_json(Measurement, to_json(one)) == one


def test_no_wells_no_measurements(bench):
    got = bench.quantified()
    assert (got.measurements, got.curve_fits, got.well_uses, got.control_points) == ((), (), (), ())


def test_comparison_contains_biology(bench):
    one = plate(bench).only()
    batch = EvidenceBatch.of([one.evidence])
    wide = interval(batch, include=COMPARISON)
    assert wide.sd_log10[0] ** 2 - interval(batch).sd_log10[0] ** 2 == pytest.approx(0.04, rel=0.05)
