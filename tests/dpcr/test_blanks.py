"""What blanks, volumes and control genes do to a measurement by digital PCR, on small plates made by hand."""

import datetime as dt
import re

import numpy as np
import pytest
from scipy import stats

from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.rates import BlankRate, blank_limits, clean_limit, shared_rate
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
@pytest.mark.parametrize(
    ("wells", "n", "total"), [(1, 20_000, 20_001), (3, 20_000, 60_001), (1, 4_000, 20_000)]
)
def test_the_clean_well_that_is_assumed_stands_for_blanks_that_are_missing(wells, n, total):
    free = [part(f"H0{i}", "WT1", 0, sample="NTC", kind="ntc", n=n) for i in range(1, wells + 1)]
    [well] = [one for one in quantified([part("A01", "WT1", 40), *free]).wells if one.position == "A01"]
    assert well.false_positive_rate == pytest.approx(0.5 / total)


@pytest.mark.definition
@pytest.mark.parametrize("merged", [1, 3])
@pytest.mark.parametrize("blanks", [1, 2, 3, 4, 12])
def test_a_truly_negative_sample_exceeds_its_limit_of_blank_as_rarely_as_stated(blanks, merged):
    """Exact, over every count of the blanks, at every rate that they share: CLSI EP17's 5 % with few blanks too."""
    held = np.arange(100)
    n, rule = 18_000, dpcr_rules().blank
    laws = [shared_rate([(int(k), n), *[(0, n)] * (blanks - 1)], rule) for k in held]
    limits = limit_of_blank(np.full(len(held), merged * n), *np.array(laws).T, rule.level)
    for mean in np.geomspace(0.02, 20.0, 60):
        false = (stats.poisson.pmf(held, mean * blanks) * stats.poisson.sf(limits, mean * merged)).sum()
        assert false < 0.06


@pytest.mark.property
@pytest.mark.parametrize(("k", "state"), [(0, "not detected"), (2, "not detected"), (400, "quantified")])
def test_a_stain_adds_signal_so_that_silence_and_plenty_stay_what_they_are(k, state):
    got = quantified(duplex(k, blank=40))
    assert got.measurements[0].state == state
    assert "dpcr.blank_hides" not in codes(got)


@pytest.mark.definition
def test_a_clean_limit_is_that_of_clean_blanks():
    rules = dpcr_rules()
    stained = BlankRate(
        positives=0.5, negatives=499.5, wells=1, shared=(40.5, 19_960.5), clean=(0.5, 19_999.5)
    )
    [limit] = blank_limits([stained], [20_000], 0.95).tolist()
    assert limit == int(limit_of_blank(20_000, 0.5, 499.5)) > int(limit_of_blank(20_000, 40.5, 19_960.5))
    assert clean_limit(20_000, limit, stained, rules) == int(limit_of_blank(20_000, 0.5, 19_999.5))
    of_wild_type = BlankRate(positives=40.5, negatives=39_959.5, wells=1)
    assert clean_limit(20_000, limit, of_wild_type, rules) == limit
    assert clean_limit(20_000, 4, stained, rules) == 4


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
    assert well.false_positive_rate == pytest.approx(1.5 / 60_001)


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


def blank(position, k):
    return part(position, "NPM1", k, sample="NTC", kind="ntc")


def sample(position, k):
    return part(position, "NPM1", k, sample=f"S-{position}")


@pytest.mark.definition
@pytest.mark.parametrize(
    ("silent", "k", "state"),
    [(0, 6, "not evaluable"), (20, 6, "not evaluable"), (30, 6, "detected"), (0, 0, "not detected"), (0, 60, "quantified")],
)  # fmt: skip
def test_what_stained_one_of_several_blanks_may_have_stained_a_sample_unless_most_wells_are_silent(
    silent, k, state
):
    """One of four blanks is stained: a quarter of the wells may be, until many silent ones show that it is rare."""
    free = [blank("H01", 15), blank("H02", 0), blank("H03", 0), blank("H04", 0)]
    got = quantify_partitions([sample("A01", k), *free, *(sample(f"B{i:02d}", 0) for i in range(silent))])
    held = {well.position: well for well in got.wells}
    assert held["A01"].state == state
    assert {well.state for place, well in held.items() if place.startswith("B")} <= {"not detected"}
    assert (held["H01"].state, held["H01"].decision) == ("detected", "outlier") if silent < 30 else True
    [said] = [finding.message for finding in got.findings if finding.code == "dpcr.blank_outlier"]
    assert ("a stain is rare" in said) is (silent == 30)


@pytest.mark.definition
@pytest.mark.parametrize("free", [(3,), (7,), (40,), (0, 9), (20, 22), (60, 0, 0), (300, 0, 0, 0)])
def test_the_bound_of_a_silent_sample_beside_stained_blanks_has_room_for_no_stain(free):
    """Its sample was not stained: 0, 1 or 2 positives are all its own, and the bound must be Garwood's, nearly."""
    blanks = [blank(f"H0{i}", k) for i, k in enumerate(free, 1)]
    for k in (0, 1, 2):
        well = quantify_partitions([sample("A01", k), *blanks]).wells[0]
        assert well.state == "not detected" or (k == 2 and well.state == "not evaluable")
        if well.state == "not detected":
            exact = stats.gamma.ppf(0.95, k + 1) / (20_000 * well.volume_nl * 1e-3)
            assert well.upper_limit > 0.99 * exact


def test_a_stained_blank_is_detected_with_no_number_and_a_full_one_is_not_diluted():
    got = quantify_partitions([sample("A01", 0), blank("H01", 40)])
    well = got.wells[1]
    assert (well.state, well.copies_per_ul, well.upper_limit) == ("detected", None, None)
    assert "clean blanks give up to 2" in well.reason
    assert got.wells[0].reason == "0 of 20000 partitions positive, within the limit of clean blanks of 2"
    full = quantify_partitions([sample("A01", 0), blank("H01", 20_000)])
    [said] = [finding for finding in full.findings if finding.code == "dpcr.saturated"]
    assert said.advice == "Look for a swapped well."


def test_a_positive_control_that_only_a_stain_would_explain_is_silent():
    control = part("B01", "NPM1", 6, sample="plasmid", kind="positive_control")
    assert "dpcr.positive_control_silent" in codes(quantify_partitions([control, blank("H01", 40)]))


@pytest.mark.property
def test_a_stain_in_the_control_genes_blank_widens_the_ratio():
    """Subtracted in part, for all that is known: the ratio must hold a control with it and without it."""
    parts = [
        part("A01", "WT1", 900),
        part("A01", "ABL1", 2000),
        part("H01", "WT1", 0, sample="NTC", kind="ntc"),
    ]
    [clean], [stained] = (
        quantified([*parts, part("H01", "ABL1", k, sample="NTC", kind="ntc")]).measurements for k in (0, 600)
    )
    assert stained.lower < 1e4 * np.log1p(-900 / 20_000) / np.log1p(-2000 / 20_000) < stained.upper
    assert stained.lower < 1e4 * np.log1p(-900 / 20_000) / np.log1p(-1400 / 20_000) < stained.upper
    assert stained.upper / stained.lower > 1.2 * clean.upper / clean.lower


def test_a_control_gene_that_its_blank_would_explain_makes_no_ratio():
    stained = part("H01", "ABL1", 600, sample="NTC", kind="ntc")
    clean = part("H01", "WT1", 0, sample="NTC", kind="ntc")
    [one] = quantified([part("A01", "WT1", 90), part("A01", "ABL1", 700), clean, stained]).measurements
    assert one.state == "not evaluable"
    assert "positive for ABL1, within the limit of blank" in one.reason


@pytest.mark.definition
def test_a_number_needs_its_counting_to_be_known_with_the_background_too():
    """Twelve copies above a background of twenty are known to 50 %, not to the 35 % that a number asks for."""
    free = [blank(f"H{i:02d}", k) for i, k in enumerate((19, 22, 20, 18, 21, 20), 1)]
    faint, plain = quantify_partitions([sample("A01", 32), sample("A02", 60), *free]).wells[:2]
    assert (faint.state, plain.state) == ("detected", "quantified")
    assert re.search(r"11\.9 copies in all, with a CV of 50 %, above 35 %", faint.reason)


@pytest.mark.property
def test_a_lower_end_does_not_fall_to_the_end_of_the_prior_where_blanks_hardly_explain_the_count():
    """Eight positives beside two clean blanks: 0.05 % by false positives, so that the sample holds copies."""
    parts = [part(place, "WT1", 4, n=16_600) for place in ("A01", "A02")]
    parts += [part(place, "ABL1", 7000, n=16_600) for place in ("A01", "A02")]
    free = [
        part(place, gene, 0, sample="NTC", kind="ntc", n=15_000)
        for place in ("H01", "H02")
        for gene in ("WT1", "ABL1")
    ]
    got = quantified([*parts, *free])
    [one] = got.measurements
    assert one.state == "detected"
    assert one.lower > 0.1 * one.estimate
    assert one.lower >= one.comparison_lower
    eight = quantify_partitions([sample("A01", 8), blank("H01", 0)]).wells[0]
    assert 0.1 * eight.copies_per_ul < eight.lower < eight.copies_per_ul


@pytest.mark.coverage
@pytest.mark.parametrize("blanks", [12, 24])
def test_few_copies_beside_many_clean_blanks_are_covered_as_printed(blanks):
    """Exact: one positive is a detection here, and its interval reaches as far as Garwood's."""
    free = [blank(f"H{i:02d}", 0) for i in range(blanks)]
    wells = [sample(f"A{k:02d}", k) for k in range(40)]
    held = quantify_partitions([*wells, *free]).wells[:40]
    volume = 20_000 * held[0].volume_nl * 1e-3
    assert held[1].state == "detected"
    lower = np.array([0.0 if well.lower is None else well.lower for well in held]) * volume
    upper = np.array([well.upper_limit if well.upper is None else well.upper for well in held]) * volume
    assert (np.diff(upper) > -1e-9).all()
    assert lower[1] < 0.03
    for copies in np.geomspace(1.0, 14.0, 200):
        inside = (lower <= copies) & (copies <= upper)
        assert stats.poisson.pmf(np.arange(40), copies)[inside].sum() > 0.915
