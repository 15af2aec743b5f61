"""Normalised copies: what cancels in a duplex, what does not, and whether intervals keep their level."""

import datetime as dt
import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from remnant.assay.dpcr import quantify_partitions
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, PartitionsEvidence, ProfileEvidence
from remnant.evidence.verbs import interval, joint_above, log_likelihood, upper_limit
from remnant.records.control import VarianceComponent
from remnant.records.partition import Partitions, PlateWell
from remnant.records.sample import Cdna, Sample
from remnant.report.numbers import measured as printed

SAMPLE = Sample(sample_id="S-1", patient_id="P-1", material="BM", drawn_on=dt.date(2021, 3, 4))
NO_ERROR = [
    VarianceComponent(error_class=name, target="", sd_log10=0.0, source="test", status="verified")
    for name in ("run", "rt", "biology")
]


def well(position, target, k, n=16_000, *, sample="S-1", kind="unknown", run="D-1"):
    return Partitions(
        run_id=run, position=position, channel=target, target=target, sample=sample, kind=kind,
        accepted=n, positives=k, instrument="qx",
    )  # fmt: skip


def blanks(*targets, wells=3, run="D-1"):
    return [
        well(f"H0{i + 1}", target, 0, sample="NTC", kind="ntc", run=run)
        for i in range(wells)
        for target in targets
    ]


def measured(wells, **more):
    return quantify_partitions(wells, samples=[SAMPLE], variance=NO_ERROR, **more).measurements


def terms(one):
    return {term.name: term.sd_log10 for term in one.evidence.errors}


@pytest.mark.definition
def test_the_ratio_is_that_of_the_rates_in_the_unit_of_the_assay():
    [one] = measured([well("A01", "WT1", 160), well("A01", "ABL1", 4000), *blanks("WT1", "ABL1")])
    f = 0.5 / (20_000 + 48_000)
    t, c = (-np.log1p(-k / 16_000) + np.log1p(-f) for k in (160, 4000))
    assert one.point_value == pytest.approx(1e4 * t / c, rel=1e-9)
    assert (one.assay_id, one.unit, one.platform, one.state) == (
        "WT1/ABL1 dPCR",
        "per_1e4",
        "dpcr",
        "quantified",
    )
    assert one.lower < one.point_value < one.upper
    assert one.target_copies == pytest.approx(t * 16_000)
    assert one.sensitivity_ratio == pytest.approx(1 / one.control_copies, rel=1e-6)


@pytest.mark.definition
def test_evidence_of_a_ratio_is_the_binomial_at_the_controls_rate():
    [one] = measured([well("A01", "WT1", 160), well("A01", "ABL1", 4000), *blanks("WT1", "ABL1")])
    assert isinstance(one.evidence, PartitionsEvidence)
    control = one.control_copies / 16_000
    got = log_likelihood(EvidenceBatch.of([one.evidence]), np.array([200.0, 350.0, 500.0]))[0]
    f = 0.5 / (20_000 + 48_000)
    exact = [
        stats.binom.logpmf(160, 16_000, 1 - (1 - f) * np.exp(-q / 1e4 * control))
        for q in (200.0, 350.0, 500.0)
    ]
    assert np.diff(got) == pytest.approx(np.diff(exact), abs=0.02)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("blank", "held", "states"),
    [
        (0, (40,), ["quantified"]),
        (1_200, (1_200,), ["not evaluable"]),
        (1_200, (100,), ["not evaluable"]),
        (40, (0, 30, 400), ["not detected", "not evaluable", "quantified"]),
        (40, (0, 2, 55), ["not detected", "not detected", "not evaluable"]),
    ],
)
def test_blanks_above_a_sample_make_what_they_would_explain_not_evaluable(blank, held, states):
    """Whatever reached a no-template well and not every sample may have reached one: silence and plenty stay."""
    parts = [well(f"{row}01", "WT1", k) for row, k in zip("ABC", held, strict=False)]
    got = quantify_partitions([*parts, well("H01", "WT1", blank, sample="NTC", kind="ntc")], samples=[SAMPLE])
    below = blank > 3 * min(held)
    assert ("dpcr.blank_above_samples" in {finding.code for finding in got.findings}) is below
    assert [one.state for one in got.wells if one.kind != "ntc"] == states
    (free,) = [one for one in got.wells if one.kind == "ntc"]
    assert free.decision == "control well"


@pytest.mark.definition
def test_a_well_beside_a_stained_blank_has_room_for_a_stain_or_none():
    """What the blank holds may be in a well or not: the interval holds the value with it and without it."""
    free = well("H01", "WT1", 200, sample="NTC", kind="ntc")
    parts = [well("A01", "WT1", 900), well("A02", "WT1", 0), free]
    one = quantify_partitions(parts, samples=[SAMPLE]).wells[0]
    assert one.state == "quantified"
    assert one.lower is not None
    assert one.upper is not None
    for stain in (0, 200):
        per_ul = -np.log1p(-(900 - stain) / 16_000) / (one.volume_nl * 1e-3)
        assert one.lower < per_ul < one.upper


def test_volume_cancels_in_a_duplex_and_wells_do_not_cancel_apart():
    duplex = [well("A01", "WT1", 160), well("A01", "ABL1", 4000)]
    apart = [well("A01", "WT1", 160), well("A02", "ABL1", 4000)]
    free = blanks("WT1", "ABL1")
    [one], [other] = measured([*duplex, *free]), measured([*apart, *free])
    assert not any(name.startswith("curve:") for name in terms(one))
    (name,) = (name for name in terms(other) if name.startswith("curve:"))
    assert terms(other)[name] == pytest.approx(0.03 * np.sqrt(2) / np.log(10), rel=1e-6)
    assert other.upper / other.lower > one.upper / one.lower
    layout = [
        PlateWell(run_id="D-1", position=w.position, channel=w.channel, target=w.target, sample=w.sample, kind=w.kind, partition_volume_nl=0.91)
        for w in [*duplex, *free]
    ]  # fmt: skip
    [larger] = measured([*duplex, *free], layout=layout)
    assert larger.estimate == pytest.approx(one.estimate, rel=1e-6)


def test_exposures_count_where_target_and_control_have_their_own_wells():
    wells = [well("A01", "WT1", 160), well("A02", "ABL1", 400), *blanks("WT1", "ABL1")]
    layout = [
        PlateWell(run_id="D-1", position="A02", channel="ABL1", target="ABL1", sample="S-1", kind="unknown", dilution=10.0)
    ]  # fmt: skip
    [plain], [diluted] = measured(wells), measured(wells, layout=layout)
    assert diluted.point_value == pytest.approx(plain.point_value / 10, rel=1e-9)


@pytest.mark.definition
def test_wells_of_different_exposure_are_one_profile():
    wells = [
        well("A01", "WT1", 160), well("A01", "ABL1", 4000),
        well("A02", "WT1", 17), well("A02", "ABL1", 460), *blanks("WT1", "ABL1"),
    ]  # fmt: skip
    layout = [
        PlateWell(run_id="D-1", position="A02", channel=gene, target=gene, sample="S-1", kind="unknown", dilution=10.0)
        for gene in ("WT1", "ABL1")
    ]  # fmt: skip
    [one] = measured(wells, layout=layout)
    assert isinstance(one.evidence, ProfileEvidence)
    assert one.wells == 2
    assert one.point_value == pytest.approx(350, rel=0.03)
    assert one.lower < one.point_value < one.upper


def test_a_control_with_few_copies_is_integrated_and_one_with_fewer_refused():
    [one] = measured([well("A01", "WT1", 30), well("A01", "ABL1", 105), *blanks("WT1", "ABL1")])
    assert any(name.startswith("control:") for name in terms(one))
    [few] = measured([well("A01", "WT1", 30), well("A01", "ABL1", 60), *blanks("WT1", "ABL1")])
    assert few.state == "not evaluable"
    assert "60 ABL1 copies" in few.reason
    assert few.estimate is None
    assert few.upper_limit is None


def test_a_saturated_control_is_not_evaluable_and_a_saturated_target_is_a_lower_bound():
    [one] = measured([well("A01", "WT1", 30), well("A01", "ABL1", 16_000), *blanks("WT1", "ABL1")])
    assert one.state == "not evaluable"
    assert "dilute" in one.reason
    [full] = measured([well("A01", "WT1", 16_000), well("A01", "ABL1", 4000), *blanks("WT1", "ABL1")])
    assert full.state == "detected"
    assert "lower bound" in full.reason
    assert full.point_value is None
    assert full.lower > 1e5
    assert (full.estimate, full.upper, full.comparison_upper, full.upper_limit) == (None,) * 4
    assert re.fullmatch(r"> [23]\.?[0-9]* × 10⁵ per 10⁴ ABL1", printed(full, with_unit=True))


def test_nothing_detected_has_the_bound_of_three_copies_over_the_control():
    [one] = measured([well("A01", "WT1", 0), well("A01", "ABL1", 4000), *blanks("WT1", "ABL1")])
    assert one.state == "not detected"
    assert (one.estimate, one.point_value) == (None, None)
    assert one.upper_limit == pytest.approx(1e4 * 2.9957 / one.control_copies, rel=0.02)


def test_two_blanks_that_disagree_make_the_false_positive_rate_uncertain_not_certain():
    """One of two blanks is contaminated: nobody knows whether the sample is, and its bound must hold both."""
    sample = [well("A01", "WT1", 50), well("A01", "ABL1", 3000)]
    free = [*blanks("ABL1"), well("H01", "WT1", 600, sample="NTC", kind="ntc")]
    clean = well("H02", "WT1", 2, sample="NTC", kind="ntc")
    got = quantify_partitions([*sample, *free, clean], samples=[SAMPLE], variance=NO_ERROR)
    [one] = got.measurements
    assert "dpcr.blanks_disagree" in {f.code for f in got.findings}
    assert one.state == "not evaluable"
    truth = 1e4 * np.log1p(-50 / 16_000) / np.log1p(-3000 / 16_000)
    assert float(upper_limit(EvidenceBatch.of([one.evidence]))[0]) > truth
    alike = [well(f"H0{i}", "WT1", k, sample="NTC", kind="ntc") for i, k in ((1, 9), (2, 14))]
    agreed = quantify_partitions([*sample, *blanks("ABL1"), *alike], samples=[SAMPLE], variance=NO_ERROR)
    assert "dpcr.blanks_disagree" not in {f.code for f in agreed.findings}


def test_positives_within_the_limit_of_blank_are_not_detected():
    free = [
        well(f"H0{i}", gene, k, sample="NTC", kind="ntc")
        for i, k in ((1, 4), (2, 5), (3, 6))
        for gene in ("WT1",)
    ]
    free += blanks("ABL1")
    [one] = measured([well("A01", "WT1", 6), well("A01", "ABL1", 4000), *free])
    assert one.state == "not detected"
    assert "limit of blank" in one.reason


def test_two_markers_over_one_control_share_its_error():
    sides = [well("A01", gene, k) for gene, k in (("WT1", 160), ("BAALC", 300), ("ABL1", 400))]
    first, second = measured([*sides, *blanks("WT1", "BAALC", "ABL1")])
    shared = terms(first).keys() & terms(second).keys()
    assert any(name.startswith("control:") for name in shared)
    both = joint_above(
        EvidenceBatch.of([first.evidence]),
        EvidenceBatch.of([second.evidence]),
        first.estimate,
        second.estimate,
    )
    assert both.both[0] > both.first[0] * both.second[0] + 0.03


def test_a_target_over_a_control_of_another_well_set_has_its_own_control_error():
    sides = [
        well("A01", "WT1", 160),
        well("A01", "ABL1", 4000),
        well("A02", "BAALC", 300),
        well("A02", "ABL1", 4100),
    ]
    got = measured([*sides, *blanks("WT1", "BAALC", "ABL1")])
    assert len(got) == 2
    assert all(one.state == "quantified" for one in got)


def test_an_outlier_well_does_not_enter_the_ratio():
    wells = [well(f"{row}01", "WT1", k) for row, k in zip("ABCD", (160, 155, 166, 900), strict=True)]
    wells += [well(f"{row}01", "ABL1", k) for row, k in zip("ABCD", (4000, 3950, 4050, 4010), strict=True)]
    got = quantify_partitions([*wells, *blanks("WT1", "ABL1")], samples=[SAMPLE])
    (one,) = got.measurements
    assert one.wells == 3
    assert one.point_value == pytest.approx(350, rel=0.05)
    assert [w.position for w in got.wells if w.decision == "outlier"] == ["D01"]


def test_wells_of_a_cdna_are_those_of_its_sample():
    cdna = Cdna(cdna_id="C-9", sample_id="S-1")
    wells = [
        well("A01", "WT1", 160, sample="C-9"),
        well("A01", "ABL", 4000, sample="C-9"),
        *blanks("WT1", "ABL1"),
    ]
    [one] = quantify_partitions(wells, samples=[SAMPLE], cdnas=[cdna]).measurements
    assert (one.sample_id, one.cdna_id) == ("S-1", "C-9")
    assert "rt:C-9" in terms(one)
    unlike = [well("A02", "WT1", 900, sample="C-9"), *wells]
    got = quantify_partitions(unlike, samples=[SAMPLE], cdnas=[cdna])
    assert "cDNA C-9" in {finding.subject for finding in got.findings if "replicates" in finding.code}


@pytest.mark.coverage
def test_few_copies_are_covered_as_printed_and_what_the_interval_alone_loses_is_the_priors(monkeypatch):
    """Summed over every count that can come: the bound of a sample within the blank makes good what the prior loses at 4 copies."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    ratios = importlib.import_module("_qpcr_digital_ratios")
    got = ratios.coverage(3000.0)
    levels = len(ratios.LEVELS)
    assert np.abs(got["interval"] - got["arithmetic"])[:levels].max() < 0.015
    assert got["interval"][1] < 0.91
    assert got["ours"][1] > 0.95
    assert got["ours"][:levels].min() > 0.935
    assert got["ours"].min() > 0.905
    assert (got["exact"] > 0.95).all()


@pytest.mark.coverage
@pytest.mark.parametrize("duplex", [True, False])
@pytest.mark.parametrize("ratio", [2e-3, 0.02])
def test_intervals_of_ratios_keep_their_level(duplex, ratio):
    """Volume of the run wrong by 7 %, wells 3 % apart, between-run error as the evidence says."""
    rng = np.random.default_rng(int(ratio * 1e5) + duplex)
    samples, wells, truth = [], [], []
    for i in range(200):
        run, code = f"D-{i}", f"S-{i}"
        volume = 0.91e-3
        level = 700.0
        q = ratio * 10 ** rng.normal(0, 0.03)
        fills = volume * np.exp(rng.normal(0, 0.03, 4))
        samples.append(Sample(sample_id=code, patient_id="P", material="BM", drawn_on=dt.date(2021, 3, 4)))
        for j in range(2):
            n = 15_000
            control_fill = fills[j] if duplex else fills[2 + j]
            k = [
                int(rng.binomial(n, -np.expm1(-level * q * fills[j]))),
                int(rng.binomial(n, -np.expm1(-level * control_fill))),
            ]
            wells.append(well(f"A0{j + 1}", "WT1", k[0], n, sample=code, run=run))
            wells.append(well(f"A0{j + 1 + (0 if duplex else 2)}", "ABL1", k[1], n, sample=code, run=run))
        wells += blanks("WT1", "ABL1", run=run)
        truth.append(1e4 * ratio)
    got = quantify_partitions(wells, samples=samples, variance=NO_ERROR).measurements
    assert len(got) == 200
    found = interval(EvidenceBatch.of([one.evidence for one in got]), include=COMPARISON)
    inside = (found.lower <= truth) & (np.array(truth) <= found.upper)
    assert 0.91 <= inside.mean() <= 0.985
