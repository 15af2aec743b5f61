"""The verdict is the rule on the point value, as written; the probability stands beside it."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.call.calls import call_findings, calls
from remnant.call.donors import donor_baselines
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ErrorTerm, PartitionsEvidence, ReportedEvidence
from remnant.evidence.verbs import probability_above
from remnant.knowledge.cutoffs import activate, cutoffs
from remnant.records.measurement import Measurement
from remnant.records.patient import Event
from remnant.records.sample import Sample

DAY_ZERO = dt.date(2021, 1, 1)
GRAFT = Event(patient_id="P1", kind="transplant", on=DAY_ZERO)


def reported(value=None, *, upper=None, lower=None, sd=0.1):
    return ReportedEvidence(
        value=value, sd_log10=sd, upper_limit=upper, lower_limit=lower, log10_low=-4.0, log10_high=7.0,
        errors=(ErrorTerm(name="rt:C1", sd_log10=0.12),),
    )  # fmt: skip


def measurement(value=300.0, **change):
    evidence = change.pop("evidence", None) or reported(value)
    base = Measurement(
        measurement_id="M1", patient_id="P1", sample_id="S1", cdna_id="C1", run_id="R1",
        assay_id="WT1/ABL1", target="WT1", control="ABL1", material="BM", drawn_on=DAY_ZERO,
        unit="per_1e4", evidence=evidence, state="quantified", reason="", estimate=value, lower=1.0,
        upper=1.0, comparison_lower=1.0, comparison_upper=1.0, upper_limit=None, point_value=value,
        target_copies=1.0, control_copies=2e4, positive_wells=3, wells=3, control_wells=2,
    )  # fmt: skip
    return replace(base, **change)


def sample(day=0, **change):
    base = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=DAY_ZERO + dt.timedelta(days=day))
    return replace(base, **change)


def judge(one, **about):
    given_sample = about.pop("sample", sample())
    return calls([one], samples=[given_sample], **about)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("value", "material", "verdict"),
    [
        (250.0, "BM", "not above"),
        (250.1, "BM", "above"),
        (50.0, "PB", "not above"),
        (51.0, "PB", "above"),
        (249.0, "PB", "above"),
    ],
)
def test_eln_cut_offs_are_literal(value, material, verdict):
    assert judge(measurement(value, material=material))[0].verdict == verdict


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 1e5), st.floats(0.01, 0.6))
def test_the_probability_never_changes_the_verdict(value, sd):
    call = judge(measurement(value, evidence=reported(value, sd=sd)))[0]
    assert (call.verdict == "above") == (value > 250)
    assert (call.confidence == "borderline") == (0.05 <= call.probability_above <= 0.95)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 5e3))
def test_the_unit_of_the_report_does_not_change_the_call(value):
    ten_thousand = judge(measurement(value))[0]
    percent = judge(
        measurement(value / 100, unit="percent", evidence=reported(value / 100), point_value=value / 100)
    )[0]
    assert percent.verdict == ten_thousand.verdict
    assert percent.point_value == pytest.approx(ten_thousand.point_value)
    assert percent.unit == ten_thousand.unit == "per_1e4"
    assert percent.probability_above == pytest.approx(ten_thousand.probability_above, abs=1e-4)


def test_undetected_is_not_above_even_where_the_sensitivity_is_poor():
    poor = measurement(
        None, evidence=reported(upper=2000.0), state="not detected", upper_limit=2000.0, estimate=None
    )
    call = judge(poor)[0]
    assert call.verdict == "not above"
    assert call.point_value is None
    assert call.confidence == "borderline"
    assert "not detected (< 2,000 per 10⁴ ABL1)" in call.reason


def test_a_saturated_target_is_above_and_never_not_detected():
    """Every partition positive: no point value, only a lower end of 2.3 x 10^5."""
    full = PartitionsEvidence(
        k=16_000, n=16_000, volume_ul=1e-5, volume_cv=0.0, false_positive=0.0, log10_low=-2.0, log10_high=6.3
    )
    ends = {"estimate": None, "lower": 2.3e5, "upper": None, "comparison_upper": None}
    one = measurement(None, evidence=full, state="detected", **ends)
    call = judge(one)[0]
    assert (call.verdict, call.point_value, call.confidence) == ("above", 2.3e5, "robust")
    assert "WT1 > 2.30 × 10⁵ per 10⁴ ABL1 is above 250" in call.reason
    low = judge(replace(one, lower=100.0))[0]
    assert low.verdict == "not evaluable"
    assert "not comparable with 250" in low.reason


def test_not_evaluable_stays_so_and_says_why():
    call = judge(measurement(None, state="not evaluable", reason="480 ABL1 copies", evidence=reported(1.0)))[
        0
    ]
    assert (call.verdict, call.probability_above, call.confidence) == ("not evaluable", None, "not evaluable")
    assert "480 ABL1 copies" in call.reason


@pytest.mark.parametrize(("limit", "verdict"), [(1000.0, "above"), (100.0, "not evaluable")])
def test_a_value_reported_as_more_than_is_judged_by_its_limit(limit, verdict):
    one = measurement(None, evidence=reported(lower=limit), state="detected")
    assert judge(one)[0].verdict == verdict


def test_the_reason_has_the_numbers_the_unit_and_the_rule():
    assert judge(measurement(312.0))[0].reason.startswith(
        "WT1 312 per 10⁴ ABL1 is above 250 (ELN 250/10⁴); P(above) 0."
    )


@pytest.mark.definition
def test_the_probability_is_that_of_the_evidence_of_this_measurement():
    one = measurement(312.0)
    expected = probability_above(EvidenceBatch.of([one.evidence]), 250.0)[0]
    assert judge(one)[0].probability_above == pytest.approx(expected)


@pytest.mark.parametrize(
    ("day", "rule", "fits"),
    [
        (-10, "pozzi_bm_100", False),
        (0, "pozzi_bm_100", False),
        (1, "pozzi_bm_100", True),
        (180, "ash2008_bm_180", True),
        (181, "ash2008_bm_180", False),
        (45, "chiusolo_mnc_100", False),
        (60, "chiusolo_mnc_100", True),
        (0, "cho_bm_250", True),
        (1, "cho_bm_250", False),
    ],
)
def test_a_rule_holds_only_in_its_window(day, rule, fits):
    one = measurement(drawn_on=DAY_ZERO + dt.timedelta(days=day))
    rules = activate(cutoffs(), deciding=[rule])
    got = judge(one, sample=sample(day), events=[GRAFT], cutoffs=rules)
    assert [c.rule_id for c in got] == ([rule] if fits else [])


def test_a_rule_with_a_window_does_not_hold_without_transplantation():
    assert judge(measurement(), cutoffs=activate(cutoffs(), deciding=["pozzi_bm_100"])) == ()


@pytest.mark.parametrize("change", [{"control": "GUSB"}, {"fraction": "CD34+"}, {"target": "GATA1"}])
def test_another_control_gene_fraction_or_marker_is_another_series(change):
    one = measurement(**change)
    assert judge(one) == ()
    codes = [f.code for f in call_findings([one], samples=[sample()])]
    assert codes == ([] if "target" in change else ["call.no_rule"])


def test_the_sorted_fraction_has_its_own_cut_off():
    one = measurement(700.0, fraction="CD34+", drawn_on=DAY_ZERO + dt.timedelta(days=60))
    rules = activate(cutoffs(), deciding=["chiusolo_cd34_800"])
    assert judge(one, sample=sample(60), events=[GRAFT], cutoffs=rules)[0].verdict == "not above"


def test_a_unit_that_is_another_quantity_is_a_finding_and_no_call():
    one = measurement(unit="copies")
    assert judge(one) == ()
    assert "call.unit" in [f.code for f in call_findings([one], samples=[sample()])]


def test_donors_and_controls_are_not_judged():
    assert judge(measurement(), sample=sample(reason="donor")) == ()


def baalc(value):
    return measurement(value, assay_id="BAALC/ABL1", target="BAALC", unit="percent")


def test_baalc_is_judged_by_donors_and_the_unverified_31_percent_stands_beside_it():
    one = baalc(35.0)
    baselines, findings = donor_baselines([one], [sample()])
    got = judge(one, baselines=baselines)
    assert [(c.rule_id, c.role, c.verdict, c.status) for c in got] == [
        ("baalc_donors_bm", "decides", "above", "unverified"),
        ("baalc_stp_bm_31", "shown", "above", "unverified"),
    ]
    assert "assumed" in got[0].label
    assert [f.code for f in findings] == ["background.assumed"]
    codes = [f.code for f in call_findings([one], samples=[sample()], baselines=baselines)]
    assert codes.count("call.unverified_rule") == 2


def test_without_any_background_the_donors_rule_is_a_finding():
    one = baalc(35.0)
    assert [c.rule_id for c in judge(one)] == ["baalc_stp_bm_31"]
    codes = [f.code for f in call_findings([one], samples=[sample()])]
    assert {"call.no_background", "call.no_rule"} <= set(codes)


@pytest.mark.property
def test_many_at_once_equal_one_by_one_in_the_order_given():
    rng = np.random.default_rng(4)
    many = [
        measurement(float(v), measurement_id=f"M{i}", material="BM" if i % 2 else "PB")
        for i, v in enumerate(10 ** rng.uniform(0, 4, 30))
    ]
    together = calls(many, samples=[sample()])
    assert [c.measurement_id for c in together] == [m.measurement_id for m in many]
    for call, one in zip(together, many, strict=True):
        alone = judge(one)[0]
        assert call.verdict == alone.verdict
        assert call.probability_above == pytest.approx(alone.probability_above, abs=1e-9)
