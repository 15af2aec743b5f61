"""What blanks, volumes and control genes do to a measurement by digital PCR, on small plates made by hand."""

import datetime as dt

import numpy as np
import pytest

from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.blanks import BlankRate
from remnant.assay.dpcr.concentrations import clean_limit
from remnant.knowledge.dpcr import dpcr_rules
from remnant.numerics.partitions import limit_of_blank
from remnant.records.partition import Partitions, PlateWell
from remnant.records.sample import Sample

SAMPLE = Sample(sample_id="S-014", patient_id="P-003", material="BM", drawn_on=dt.date(2021, 3, 4))


def part(position, target, k, *, sample="S-014", kind="unknown", n=20_000, **more):
    return Partitions(
        run_id="D-01",
        position=position,
        channel=target,
        target=target,
        sample=sample,
        kind=kind,
        accepted=n,
        positives=k,
        instrument="qx",
        **more,
    )


def place(position, target, **more):
    return PlateWell(
        run_id="D-01",
        position=position,
        channel=target,
        target=target,
        sample="S-014",
        kind="unknown",
        **more,
    )


def duplex(k, *, target="WT1", control=7500, blank=0):
    return [
        part("A01", target, k),
        part("A01", "ABL1", control),
        part("H01", target, blank, sample="NTC", kind="ntc"),
        part("H01", "ABL1", 0, sample="NTC", kind="ntc"),
    ]


def quantified(parts, **more):
    return quantify_partitions(parts, samples=[SAMPLE], **more)


def codes(got):
    return {finding.code for finding in got.findings}


@pytest.mark.definition
def test_a_stain_in_the_blank_that_explains_the_sample_makes_it_neither_positive_nor_negative():
    [clean] = quantified(duplex(50)).measurements
    assert clean.state == "quantified"
    got = quantified(duplex(50, blank=40))
    [stained] = got.measurements
    assert stained.state == "not evaluable"
    assert "contaminated blanks give up to" in stained.reason
    assert stained.estimate is None
    assert stained.upper_limit is None
    assert {"dpcr.blank_hides", "dpcr.blank_positive"} <= codes(got)
    [well] = [one for one in got.wells if one.target == "WT1" and one.kind == "unknown"]
    assert (well.state, well.copies_per_ul) == ("not evaluable", None)


@pytest.mark.definition
@pytest.mark.parametrize(("k", "worth"), [(0, 20_000), (1, 20_000), (2, 1), (40, 1)])
def test_the_prior_is_a_clean_well_until_the_blanks_say_otherwise(k, worth):
    [well] = [
        one for one in quantified(duplex(400, blank=k)).wells if one.position == "H01" and one.target == "WT1"
    ]
    assert well.false_positive_rate == pytest.approx((k + 0.5) / (20_000 + worth))


@pytest.mark.property
@pytest.mark.parametrize(("k", "state"), [(0, "not detected"), (2, "not detected"), (400, "quantified")])
def test_a_stain_adds_signal_so_that_silence_and_plenty_stay_what_they_are(k, state):
    got = quantified(duplex(k, blank=40))
    assert got.measurements[0].state == state
    assert "dpcr.blank_hides" not in codes(got)


@pytest.mark.definition
def test_a_clean_limit_is_that_of_the_prior_alone():
    rules = dpcr_rules()
    stained = BlankRate(positives=40.5, negatives=39_959.5, wells=1, contaminated=True)
    limit = int(limit_of_blank(20_000, 40.5, 39_959.5))
    assert clean_limit(20_000, limit, stained, rules) == int(limit_of_blank(20_000, 0.5, 19_999.5))
    of_wild_type = BlankRate(positives=40.5, negatives=39_959.5, wells=1)
    assert clean_limit(20_000, limit, of_wild_type, rules) == limit
    faint = BlankRate(positives=2.5, negatives=39_997.5, wells=1, contaminated=True)
    assert clean_limit(20_000, 4, faint, rules) == 4


def negative(k, position, target="NPM1"):
    return [
        part(position, target, k, sample="wild type", kind="negative_control"),
        part(position, "ABL1", 7000, sample="wild type", kind="negative_control"),
    ]


def test_the_wild_type_is_the_blank_of_a_leukaemia_specific_target():
    got = quantified([*duplex(12, target="NPM1"), *negative(11, "C01"), *negative(14, "C02")])
    [one] = got.measurements
    assert one.state == "not detected"
    assert "within the limit of blank" in one.reason
    assert "25 of 40000 partitions of 2 negative controls" in " ".join(f.message for f in got.findings)
    [well] = [w for w in got.wells if w.target == "NPM1" and w.kind == "unknown"]
    assert well.false_positive_rate == pytest.approx(25.5 / 40_001)
    [high] = quantified([*duplex(60, target="NPM1"), *negative(11, "C01"), *negative(14, "C02")]).measurements
    assert high.state == "quantified"


def test_healthy_expression_is_no_blank_of_an_over_expressed_target():
    [one] = quantified([*duplex(12), *negative(40, "C01", "WT1"), *negative(44, "C02", "WT1")]).measurements
    assert one.state == "quantified"


@pytest.mark.property
def test_blanks_of_both_kinds_count_together_where_they_agree():
    got = quantified([*duplex(30, target="NPM1"), *negative(0, "C01"), *negative(1, "C02")])
    [well] = [w for w in got.wells if w.target == "NPM1" and w.kind == "unknown"]
    assert well.false_positive_rate == pytest.approx(1.5 / 80_000)


@pytest.mark.parametrize("others", [[], [50], [50, 0]])
def test_a_blank_without_accepted_partitions_is_no_blank(others):
    more = [part(f"G{i:02d}", "WT1", k, sample="NTC", kind="ntc") for i, k in enumerate(others, 1)]
    failed = part("G09", "WT1", 0, sample="NTC", kind="ntc", n=0)
    rates = [
        {(w.position, w.target): w.false_positive_rate for w in quantified(parts).wells}
        for parts in ([*duplex(400), *more, failed], [*duplex(400), *more])
    ]
    assert rates[0]["A01", "WT1"] == rates[1]["A01", "WT1"]


@pytest.mark.property
def test_the_limit_of_blank_of_wells_of_unequal_size_is_that_of_each_alone():
    sizes = np.array([1, 50, 900, 20_000])
    together = limit_of_blank(sizes, 40.5, 959.5)
    assert together.tolist() == [int(limit_of_blank(n, 40.5, 959.5)) for n in sizes]


def test_a_volume_that_only_one_gene_states_makes_no_ratio():
    apart = [
        part("A01", "WT1", 60),
        part("A02", "ABL1", 7500),
        part("H01", "WT1", 0, sample="NTC", kind="ntc"),
        part("H01", "ABL1", 0, sample="NTC", kind="ntc"),
    ]
    got = quantified(apart, layout=[place("A01", "WT1", cdna_ul=5.0)])
    [one] = got.measurements
    assert one.state == "not evaluable"
    assert "dpcr.exposure_missing" in codes(got)
    assert {w.decision for w in got.wells if w.position == "A02"} == {"no exposure"}
    stated = [place("A01", "WT1", cdna_ul=5.0), place("A02", "ABL1", cdna_ul=2.5)]
    [unequal] = quantified(apart, layout=stated).measurements
    [equal] = quantified(apart).measurements
    assert unequal.point_value == pytest.approx(equal.point_value / 2.0)


def test_both_channels_of_a_well_hold_the_volume_that_is_stated_for_one():
    got = quantified(duplex(60), layout=[place("A01", "WT1", cdna_ul=5.0)])
    [one], [plain] = got.measurements, quantified(duplex(60)).measurements
    assert one.point_value == pytest.approx(plain.point_value)
    assert "dpcr.exposure_missing" not in codes(got)


@pytest.mark.parametrize(("k", "said"), [(6000, True), (600, False)])
def test_a_fusion_over_the_gene_that_it_contains_is_said_to_saturate(k, said):
    got = quantified(duplex(k, target="BCR-ABL1"))
    [one] = got.measurements
    assert ("dpcr.control_saturation" in codes(got)) is said
    if said:
        m = one.point_value / 100.0
        [finding] = [f for f in got.findings if f.code == "dpcr.control_saturation"]
        assert f"{100.0 * m / (1.0 - m):.3g} percent" in finding.message


def test_a_silent_positive_control_is_said():
    def control(k):
        return part("B01", "WT1", k, sample="K562", kind="positive_control")

    assert "dpcr.positive_control_silent" in codes(quantified([*duplex(60), control(0)]))
    assert "dpcr.positive_control_silent" not in codes(quantified([*duplex(60), control(300)]))


@pytest.mark.parametrize(("times", "said"), [(1.0, False), (10.0, True)])
def test_concentrations_that_a_dilution_was_multiplied_into_are_said(times, said):
    rate = -np.log1p(-500 / 20_000)
    parts = [
        part(f"A{i:02d}", "WT1", 500, concentration_copies_per_ul=times * rate / 0.85e-3) for i in range(1, 5)
    ]
    assert ("dpcr.volume_unusual" in codes(quantified(parts))) is said


@pytest.mark.definition
def test_each_channel_of_a_well_tells_the_volume():
    rate = -np.log1p(-500 / 20_000)
    parts = [
        part(f"A{i:02d}", gene, 500, concentration_copies_per_ul=factor * rate / 0.85e-3)
        for i in range(1, 5)
        for gene, factor in (("WT1", 1.5), ("ABL1", 1.0))
    ]
    [said] = [f for f in quantified(parts).findings if f.code == "dpcr.concentration_disagrees"]
    assert said.message.startswith("In 4 of 4 wells")


def test_a_background_that_three_blanks_agree_on_is_known_and_hides_nothing():
    stained = [part(f"H{i:02d}", "WT1", k, sample="NTC", kind="ntc") for i, k in ((1, 41), (2, 38), (3, 44))]
    [one] = quantified([part("A01", "WT1", 45), part("A01", "ABL1", 7500), *stained]).measurements
    assert one.state == "not detected"
    [two] = quantified([part("A01", "WT1", 45), part("A01", "ABL1", 7500), *stained[:2]]).measurements
    assert two.state == "not evaluable"
