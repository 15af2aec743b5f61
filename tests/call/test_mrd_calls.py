"""Verdicts on leukaemia-specific markers: Cross 2015's score, EuroMRD's profiles, units, wells."""

import datetime as dt
from dataclasses import replace

import pytest

from remnant.call.cross2015 import cross_score, response_class
from remnant.call.mrd_calls import Around, mrd_call_findings, mrd_calls
from remnant.errors import KnowledgeError, MeasurementError, UnitError
from remnant.evidence.kinds import ReportedEvidence
from remnant.knowledge.conversion import ConversionFactor
from remnant.knowledge.rules_files import rule_book
from remnant.knowledge.rules_igtr import interpret_igtr
from remnant.records.measurement import Measurement, WellUse
from remnant.records.patient import Patient
from remnant.records.run import Run
from remnant.records.sample import Sample
from remnant.units import UNITS, convert, is_comparable, parse_unit

CML = rule_book().named("cml_is")
SCORES = [row for row in CML.rows if row.kind == "score"]
CLASSES = [row for row in CML.rows if row.kind == "response"]
IGTR = [row for row in rule_book().named("euromrd_igtr").rows if row.kind == "interpretation"]


def score(target, control, gene="ABL1", factor=1.0):
    return cross_score(target, control, gene=gene, factor=factor, rows=SCORES)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("target", "control", "copies", "percent"),
    [
        ([None, None], [20_000, 20_000], 0.0, 0.0),
        ([None, 1.0], [20_000, 20_000], 3.0, 0.0075),
        ([2.9, 3.1], [20_000, 20_000], 6.1, 0.01525),
        ([3.0, 3.0], [30_000, 30_000], 6.0, 0.01),
        ([40.0, 60.0], [50_000, 50_000], 100.0, 0.1),
        ([None, None, 8.0], [20_000, 30_000, 30_000], 8.0, 0.01),
    ],
)
def test_replicates_are_summed_a_negative_is_0_and_a_faint_one_3(target, control, copies, percent):
    found = score(target, control)
    assert (found.target_copies, found.control_copies) == (copies, sum(control))
    assert found.percent_is == pytest.approx(percent)
    assert found.detected == any(one is not None for one in target)


def test_each_replicate_must_reach_its_own_copies():
    assert score([None, None], [9_999, 30_000]).too_few == (9_999.0,)
    assert score([None, None], [10_000, 30_000]).too_few == ()
    assert score([None, None], [23_000, 30_000], gene="GUSB").too_few == (23_000.0,)
    with pytest.raises(KnowledgeError, match="BCR"):
        score([None], [10_000], gene="BCR")


@pytest.mark.definition
@pytest.mark.parametrize(
    ("percent", "copies", "gene", "label"),
    [
        (0.1, 20_000, "ABL1", "MR3"), (0.1001, 20_000, "ABL1", None), (0.01, 10_000, "ABL1", "MR4"),
        (0.0032, 31_999, "ABL1", "MR4"), (0.0032, 32_000, "ABL1", "MR4.5"), (0.001, 100_000, "ABL1", "MR5"),
        (None, 9_999, "ABL1", None), (None, 10_000, "ABL1", "MR4"), (None, 99_999, "ABL1", "MR4.5"),
        (None, 100_000, "ABL1", "MR5"), (None, 23_999, "GUSB", None), (None, 77_000, "GUSB", "MR4.5"),
        (None, 240_000, "GUSB", "MR5"), (0.0001, 9_000, "ABL1", None),
    ],
)  # fmt: skip
def test_the_class_is_the_strictest_by_level_and_copies(percent, copies, gene, label):
    row = response_class(percent, copies, gene=gene, rows=CLASSES)
    assert (row and row.label) == label


def test_units_say_the_same_quantity_and_no_unit_is_refused():
    assert [convert(250.0, "per_1e4", unit) for unit in ("percent", "per_1e5", "ratio")] == [
        2.5,
        2500.0,
        0.025,
    ]
    assert convert(0.1, "percent", "percent_is", conversion_factor=0.8) == pytest.approx(0.08)
    for text in ("", "  ", "copies per well-ish"):
        with pytest.raises(UnitError):
            parse_unit(text)
    with pytest.raises(UnitError):
        convert(0.1, "percent", "percent_is")
    with pytest.raises(UnitError):
        convert(0.1, "percent", "cell_fraction")
    assert all(is_comparable(unit, unit) for unit in UNITS)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("wells", "profile", "verdict"),
    [
        ([30.0, 30.4, 30.2], "avoid false negative", "positive"),
        ([30.0, 30.4, 32.0], "avoid false negative", "positive, not quantifiable"),
        ([38.4, None, None], "avoid false negative", "positive, not quantifiable"),
        ([38.4, None, None], "avoid false positive", "negative"),
        ([36.5, 36.6, 36.4], "avoid false positive", "positive, not quantifiable"),
        ([36.6, None, None], "avoid false positive", "negative"),
        ([None, None, None], "avoid false negative", "negative"),
        ([38.6, None, None], "avoid false negative", "negative"),
    ],
)
def test_the_two_profiles_of_euromrd(wells, profile, verdict):
    """Lowest background Ct 39.5: positive at 38.5 and below, or at 36.5 and below."""
    background = [40.0, 39.5, None, None, 41.0, 40.2]
    found = interpret_igtr(
        wells, background=background, quantitative_ct=33.0, sensitivity_ct=36.5, profile=profile, rows=IGTR
    )
    assert found.verdict == verdict


def test_igtr_window_of_the_sensitivity_dilution_and_wells_of_background():
    ask = {"quantitative_ct": 33.0, "sensitivity_ct": 33.0, "profile": "avoid false negative", "rows": IGTR}
    assert interpret_igtr([37.2, None], background=[None] * 6, **ask).verdict == "negative"
    assert interpret_igtr([37.0, None], background=[None] * 6, **ask).verdict == "positive, not quantifiable"
    assert interpret_igtr([30.0, 30.1], background=[40.0] * 5, **ask).code == "igtr.background"
    with pytest.raises(MeasurementError):
        interpret_igtr([], background=[40.0] * 6, **ask)


def cml(value=0.01, **change):
    shown = value or 1.0
    base = Measurement(
        measurement_id="M1", patient_id="P1", sample_id="S1", cdna_id="C1", run_id="R1", assay_id="BCR-ABL1/ABL1",
        target="BCR-ABL1", control="ABL1", material="PB", drawn_on=dt.date(2021, 3, 1), unit="percent",
        evidence=ReportedEvidence(
            value=shown, sd_log10=0.1, upper_limit=None, lower_limit=None, log10_low=-6.0, log10_high=3.0
        ),
        state="quantified", reason="", estimate=value, lower=shown / 2, upper=shown * 2, comparison_lower=shown / 3,
        comparison_upper=shown * 3, upper_limit=shown * 2, point_value=value, target_copies=4.0,
        control_copies=40000.0, positive_wells=2, wells=2, control_wells=2,
    )  # fmt: skip
    return replace(base, **change)


def around(**change):
    base = Around(
        patients=(Patient(patient_id="P1", diagnosis="CML", transcript="e13a2"),),
        samples=(Sample(sample_id="S1", patient_id="P1", material="PB", drawn_on=dt.date(2021, 3, 1)),),
        runs=(Run(run_id="R1", run_on=dt.date(2021, 3, 5)),),
        factors=(
            ConversionFactor(
                id="f",
                assay_id="BCR-ABL1/ABL1",
                factor=0.5,
                valid_from=dt.date(2021, 3, 2),
                source="x",
                status="verified",
            ),
        ),
    )
    return replace(base, **change)


@pytest.mark.parametrize(("surely", "verdict"), [(230.0, "above"), (0.3, "not evaluable")])
def test_a_level_of_which_only_a_lower_end_is_known_is_never_not_detected(surely, verdict):
    """Saturated digital PCR of NPM1: above 1 % after chemotherapy where its lower end is, else not comparable."""
    one = cml(
        None, assay_id="NPM1/ABL1 dPCR", target="NPM1", state="detected", reason="all partitions positive",
        estimate=None, lower=surely, upper=None, comparison_lower=surely, comparison_upper=None, upper_limit=None,
        evidence=ReportedEvidence(
            value=None, sd_log10=0.1, upper_limit=None, lower_limit=surely, log10_low=-6.0, log10_high=4.0
        ),
        platform="dpcr", material="BM",
    )  # fmt: skip
    aml = Patient(patient_id="P1", diagnosis="AML")
    drawn = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=dt.date(2021, 3, 1))
    got = mrd_calls([one], around=around(patients=(aml,), samples=(drawn,)))
    [cutoff] = [call for call in got if call.rule_id == "npm1.chemotherapy"]
    assert cutoff.verdict == verdict
    assert "not detected" not in cutoff.reason
    assert f"NPM1 > {surely:g} %" in cutoff.reason
    assert cutoff.point_value is None


def well(position, target, copies, *, used=True):
    return WellUse(
        run_id="R1",
        position=position,
        target=target,
        sample="C1",
        used=used,
        copies=copies,
        decision="used",
        reason="",
    )


def test_the_score_takes_the_wells_as_the_paper_writes_it_and_stands_beside_the_evidence():
    """Two copies in one well, none in the other: scored 3 over 40,000, 0.0075 % x 0.5, whatever the point value."""
    uses = [
        well("A1", "BCR-ABL1", 2.0),
        well("A2", "BCR-ABL1", None),
        well("A3", "BCR-ABL1", 900.0, used=False),
    ]
    uses += [well("B1", "ABL1", 20_000.0), well("B2", "ABL1", 20_000.0)]
    level, response = mrd_calls([cml()], around=around(well_uses=uses))
    assert (response.role, response.verdict) == ("shown", "MR4")
    assert response.point_value == pytest.approx(0.00375)
    assert (level.role, level.verdict, level.unit, level.point_value) == (
        "decides",
        "low level",
        "percent_is",
        0.005,
    )


def test_a_replicate_below_its_copies_gives_no_class():
    uses = [well("A1", "BCR-ABL1", 2.0), well("B1", "ABL1", 9_000.0), well("B2", "ABL1", 31_000.0)]
    response = mrd_calls([cml()], around=around(well_uses=uses))[1]
    assert (response.verdict, response.code) == ("not evaluable", "is.replicate_copies")


def test_donors_and_controls_have_no_verdict_and_a_marker_without_set_is_found():
    donor = replace(around().samples[0], reason="donor")
    assert mrd_calls([cml()], around=around(samples=(donor,))) == ()
    other = (Patient(patient_id="P1", diagnosis="AML"),)
    assert mrd_calls([cml()], around=around(patients=other)) == ()
    [finding] = mrd_call_findings([cml()], around=around(patients=other))
    assert (finding.code, finding.subject) == ("call.no_rule_set", "marker BCR-ABL1")
    assert mrd_call_findings([cml()], around=around()) == ()


def test_borderline_is_said_and_changes_nothing():
    near, far = (mrd_calls([cml(value)], around=around())[0] for value in (0.19, 0.01))
    assert (near.verdict, near.confidence) == ("low level", "borderline")
    assert (far.verdict, far.confidence) == ("low level", "robust")
