"""Wells that are not alike: other volumes, a silent one beside many copies, molecules that do not all amplify."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from remnant.assay.qpcr.copies import sample_copies
from remnant.call.mrd_calls import Around, mrd_calls
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval
from remnant.knowledge.conversion import ConversionFactor
from remnant.knowledge.qpcr import qpcr_rules
from remnant.records.patient import Patient

ONE = {"cdna_ul": 1.0}
FIVE = {"cdna_ul": 5.0}


def with_detection(probability):
    rules = qpcr_rules()
    return dataclasses.replace(
        rules, wells=dataclasses.replace(rules.wells, detection_probability=probability)
    )


def control_sd(measurement):
    [sd] = [term.sd_log10 for term in measurement.evidence.errors if term.error_class == "control"]
    return sd


def plate(bench, *, control, target=(100, 110, 90), gene="WT1", control_fields=None, target_fields=None):
    bench.run("R-01", targets=(gene, "ABL1"))
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", control, **(control_fields or {}))
    bench.molecules("R-01", gene, "S-014", target, **(target_fields or {}))


@pytest.mark.definition
@pytest.mark.parametrize(
    ("control", "control_fields", "target_fields", "code"),
    [
        ([2000, 2000], {**FIVE, "dilution": 10.0}, FIVE, None),
        ([2000, 2000], FIVE, FIVE, "qpcr.control_reduced"),
        ([9000, 9000], FIVE, FIVE, "qpcr.control_reduced"),
        ([900, 900], FIVE, FIVE, "qpcr.control_too_low"),
        ([12_000, 12_000], FIVE, ONE, "qpcr.control_reduced"),
        ([12_000, 12_000], FIVE, FIVE, None),
        ([4000, 4000], FIVE, ONE, "qpcr.control_too_low"),
    ],
)
def test_the_control_gene_is_judged_in_as_much_cdna_as_a_target_well_holds(
    bench, codes, control, control_fields, target_fields, code
):
    plate(bench, control=control, control_fields=control_fields, target_fields=target_fields)
    got = bench.quantified()
    bands = {"qpcr.control_reduced", "qpcr.control_too_low"}
    assert codes(got) & bands == ({code} if code else set())
    if target_fields is ONE:
        said = next(one.message for one in got.findings if one.code == code)
        assert f"{sum(control) / 2 / 5:.0f} ABL1 copies in the cDNA of one WT1 well" in said


def cml_calls(bench, target, control, **fields):
    """Verdicts on the International Scale, factor 1, and the measurement."""
    plate(bench, gene="BCR-ABL1", target=target, control=control, **fields)
    got = bench.quantified()
    [one] = got.measurements
    patient = Patient(patient_id="P-001", diagnosis="CML", transcript="e14a2")
    factor = ConversionFactor(
        id="f",
        assay_id="BCR-ABL1/ABL1",
        factor=1.0,
        valid_from=dt.date(2020, 1, 1),
        source="x",
        status="verified",
    )
    around = Around(
        patients=[patient],
        samples=bench.samples,
        runs=bench.runs,
        well_uses=got.well_uses,
        factors=(factor,),
    )
    return {call.role + call.unit: call for call in mrd_calls(got.measurements, around=around)}, one


@pytest.mark.definition
@pytest.mark.parametrize("wells", [2, 3, 4])
def test_the_score_of_the_scale_does_not_depend_on_how_many_control_wells_there_are(new_bench, wells):
    """Cross 2015: control copies in the same volume of cDNA as was tested for the fusion; sums of 3 over 2 are 1.5 times off."""
    calls, one = cml_calls(new_bench(), (30, 30, 30), [20_000] * wells)
    shown = [call for call in calls.values() if call.unit == "percent_is" and call.point_value is not None]
    assert shown
    assert all(call.point_value == pytest.approx(0.15, rel=1e-6) for call in shown)
    assert one.point_value == pytest.approx(0.15, rel=1e-6)


@pytest.mark.parametrize(
    ("control", "fields", "label"),
    [
        ([20_000, 20_000], {}, "MR4.5"),  # 60,000 copies in the three wells that were tested
        ([12_000, 12_000], {}, "MR4.5"),
        ([20_000, 20_000], {"control_fields": FIVE, "target_fields": {"cdna_ul": 2.5}}, "MR4"),
        ([4000, 4000], {"control_fields": {**FIVE, "dilution": 10.0}, "target_fields": FIVE}, "MR5"),
    ],
)
def test_the_depth_of_a_negative_is_that_of_the_cdna_that_was_tested(new_bench, control, fields, label):
    calls, one = cml_calls(new_bench(), (0, 0, 0), control, **fields)
    assert one.state == "not detected"
    assert label in {call.verdict for call in calls.values()}


@pytest.mark.definition
def test_a_silent_control_well_beside_many_copies_leaves_both_sums_open(new_bench):
    both, one_silent = new_bench(), new_bench()
    plate(both, control=[20_000, 20_000])
    plate(one_silent, control=[20_000, 0])
    whole, half = both.only(), one_silent.only()
    assert half.point_value == pytest.approx(2.0 * whole.point_value)
    apart = np.log10(2.0)
    assert control_sd(half) == pytest.approx(np.hypot(apart, control_sd(whole) * np.sqrt(2.0)), rel=0.01)
    own = interval(EvidenceBatch.of([half.evidence]), include=frozenset({"control", "curve"}))
    assert own.lower[0] < whole.point_value < own.upper[0]
    said = next(f.message for f in one_silent.quantified().findings if f.code == "qpcr.replicates_disagree")
    assert "2 are used, 1 of them silent" in said


@pytest.mark.definition
@pytest.mark.parametrize(("signals", "silent", "kept"), [(1, 1, 1), (1, 2, 2), (2, 2, 2)])
def test_a_silent_target_well_beside_many_copies_leaves_both_sums_open(new_bench, signals, silent, kept):
    """As for the control gene: the mean is the laboratory's sum over all wells, one sd off lies that of the wells with signal."""
    bench = new_bench()
    plate(bench, control=[20_000, 20_000], target=([3000] * signals + [0] * silent))
    one = bench.only()
    share = signals / (signals + kept)
    apart = -np.log10(share)
    own = interval(EvidenceBatch.of([one.evidence]), include=frozenset({"control", "curve"}))
    assert one.point_value == pytest.approx(1e4 * 3000 / 20_000 * share, rel=1e-6)
    assert own.median[0] == pytest.approx(one.point_value, rel=0.02)
    assert own.sd_log10[0] == pytest.approx(apart, rel=0.02)
    found, _ = sample_copies(bench.wells, runs=bench.runs)
    [copies] = [one for one in found if one.target == "WT1"]
    assert copies.lower < 3000 * share < 3000 < copies.upper


@pytest.mark.definition
def test_silence_of_the_target_among_few_copies_is_a_count(bench):
    plate(bench, control=[20_000, 20_000], target=(5, 0, 4))
    own = interval(EvidenceBatch.of([bench.only().evidence]), include=frozenset())
    assert own.sd_log10[0] == pytest.approx(1.0 / np.sqrt(9.0) / np.log(10.0), rel=0.15)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("target", "cycles", "named"),
    [((0, 0, 0), 50, False), ((0, 0, 0), None, False), ((0, 0, 1), 50, True), ((0, 0, 0), 38, True)],
)
def test_silence_is_counted_and_not_read_by_the_line(bench, target, cycles, named):
    """exp(-m) knows no Cq; a last cycle before one copy is due (39.5) is read by the line again."""
    plate(bench, control=[20_000, 20_000], target=target)
    bench.runs = [dataclasses.replace(run, cycles=cycles) for run in bench.runs]
    names = {term.name for term in bench.only().evidence.errors}
    assert ("curve:R-01:WT1" in names) is named
    assert "curve:R-01:ABL1" in names
    found, _ = sample_copies(bench.wells, runs=bench.runs)
    [copies] = [one for one in found if one.target == "WT1"]
    assert bool(copies.evidence.errors) is named


@pytest.mark.property
def test_silence_among_few_copies_is_a_count(bench):
    plate(bench, control=[150, 160, 140], target=(3, 0, 2))
    assert control_sd(bench.only()) < 0.05


@pytest.mark.definition
@pytest.mark.parametrize("probability", [1.0, 0.25])
def test_the_error_of_the_control_counts_the_molecules_that_amplify(new_bench, probability):
    bench = new_bench()
    plate(bench, control=[400, 400])
    rules = with_detection(probability)
    one = bench.only(rules=rules)
    counting = 1.0 / (probability * 800.0)
    technical = np.square(rules.wells.technical_sd / 3.4 * np.log(10.0)) / 2.0
    learned = 18 + rules.wells.technical_sd_weight
    shrunk = technical * rules.wells.technical_sd_weight / learned
    low, high = (np.sqrt(counting + part) / np.log(10.0) for part in (0.5 * shrunk, technical))
    assert low < control_sd(one) < high


@pytest.mark.property
def test_valid_replicates_are_not_left_out_where_few_molecules_amplify(new_bench):
    """Triplicates of 40 copies of which a quarter amplify scatter as 10 do: at P < .01 some 1 % are touched."""
    probability, rng = 0.25, np.random.default_rng(5)
    bench = new_bench()
    bench.run("R-01")
    for i in range(300):
        name = f"S-{i:03d}"
        bench.sample(name)
        bench.molecules("R-01", "ABL1", name, [20_000, 20_000])
        bench.molecules("R-01", "WT1", name, np.maximum(rng.poisson(10.0, 3), 1) / probability)

    def touched(q):
        codes = {"qpcr.replicate_outlier", "qpcr.replicates_disagree"}
        return sum(one.code in codes for one in bench.quantified(rules=with_detection(q)).findings)

    assert touched(probability) <= 9
    assert touched(1.0) > 30


@pytest.mark.definition
@pytest.mark.parametrize(("probability", "state"), [(1.0, "quantified"), (0.25, "detected")])
def test_a_number_needs_the_precision_of_the_molecules_that_amplify(new_bench, probability, state):
    bench = new_bench()
    plate(bench, control=[20_000, 20_000], target=(5, 5, 5))
    assert bench.only(rules=with_detection(probability)).state == state


@pytest.mark.definition
@pytest.mark.parametrize("probability", [1.0, 0.22])
def test_the_bound_of_nothing_is_three_over_what_would_have_been_seen(new_bench, probability):
    bench = new_bench()
    plate(bench, control=[20_000, 20_000], target=(0, 0, 0), target_fields=ONE, control_fields=FIVE)
    one = bench.only(rules=with_detection(probability), variance=())
    copies = 20_000 / 5.0
    assert one.upper_limit == pytest.approx(1e4 * 2.9957 / (probability * 3.0 * copies), rel=0.03)


def test_a_blank_with_a_signal_but_no_cq_leaves_no_distance_to_any_sample(bench, codes):
    plate(bench, control=[20_000, 20_000])
    blank = next(well for well in bench.wells if well.kind == "ntc" and well.target == "WT1")
    bench.wells.append(dataclasses.replace(blank, position="Z9", detected=True, cq=None))
    got = bench.quantified()
    assert got.measurements[0].state == "not evaluable"
    assert "a Cq that is not stored" in got.measurements[0].reason
    assert "qpcr.blank_signal" in codes(got)


@pytest.mark.parametrize("change", [{"excluded": "bubble"}, {"detected": None}])
def test_a_blank_that_tells_nothing_is_a_missing_blank(bench, change):
    plate(bench, control=[20_000, 20_000])
    bench.wells = [dataclasses.replace(w, **change) if w.kind == "ntc" else w for w in bench.wells]
    [said] = [one for one in bench.quantified().findings if one.code == "qpcr.no_blank"]
    assert "ABL1, WT1" in said.message
