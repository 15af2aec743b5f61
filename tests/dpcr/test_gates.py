"""Thresholds and replicates: a real dilution series, and simulated plates."""

import numpy as np
import pytest

from remnant.acquire import read, read_path
from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.gating import gate
from remnant.example.digital import DigitalTube, amplitude_files, draw_digital_plate, layout_csv
from remnant.knowledge.dpcr import dpcr_rules
from remnant.numerics.partition_gates import median_and_mad
from remnant.records.partition import PlateWell

RULE = dpcr_rules().gate


def named(position):
    """Replicate groups of the series, as its plate shows them: four wells below one another. No level is told."""
    if position[1:] == "11":
        return "NTC", "ntc"
    return f"{'ABCD' if position[0] in 'ABCD' else 'EFGH'}-{position[1:]}", "unknown"


@pytest.fixture(scope="module")
def albumin(real_data):
    files = [read_path(path) for path in sorted((real_data / "dpcr" / "qx100_albumin").glob("*.csv"))]
    partitions = [part for one in files for part in one.partitions]
    layout = []
    for part in partitions:
        sample, kind = named(part.position)
        layout.append(
            PlateWell(
                run_id=part.run_id,
                position=part.position,
                channel="1",
                target="ALB",
                sample=sample,
                kind=kind,
            )
        )
    amplitudes = [item for one in files for item in one.amplitudes]
    return partitions, layout, amplitudes


@pytest.fixture(scope="module")
def quantified(albumin):
    partitions, layout, amplitudes = albumin
    return quantify_partitions(partitions, amplitudes=amplitudes, layout=layout)


@pytest.mark.definition
def test_the_threshold_is_eight_mad_above_the_median_of_the_blanks(albumin, quantified):
    blanks = np.concatenate([one.fluorescence[:, 0] for one in albumin[2] if one.position.endswith("11")])
    centre = np.median(blanks)
    threshold = centre + 8 * 1.4826022185 * np.median(np.abs(blanks - centre))
    assert len(blanks) == 50_691
    assert int((blanks > threshold).sum()) == 4
    assert {round(well.threshold, 6) for well in quantified.wells} == {round(threshold, 6)}
    assert {well.gate for well in quantified.wells} == {"control"}


@pytest.mark.published
@pytest.mark.parametrize(
    ("groups", "rate"),
    [
        (["EFGH-08"], 2.17),
        (["ABCD-08"], 0.23),
        (["ABCD-09"], 0.036),
        (["EFGH-09"], 0.005),
        (["ABCD-10", "EFGH-10"], 0.0003),
    ],
)
def test_rates_of_the_dilution_series_fall_tenfold(quantified, groups, rate):
    """definetherain, albumin series: copies a droplet by decade, the gross outlier E09 left out."""
    wells = [well for well in quantified.wells if well.sample in groups and well.position != "E09"]
    found = -np.log1p(-sum(w.positives for w in wells) / sum(w.accepted for w in wells))
    assert float(f"{found:.{len(str(rate).lstrip('0.'))}g}") == pytest.approx(rate, rel=0.03)


def test_the_outlier_is_found_from_its_replicates_alone(quantified):
    out = {well.position: well for well in quantified.wells if well.decision == "outlier"}
    assert out["E09"].positives == 617
    assert "its replicates tell of 50" in out["E09"].reason
    assert set(out) <= {"E09", "G09", "H10"}


def test_the_outliers_cause_is_seen_its_negatives_are_elsewhere(quantified):
    shifted = [finding.subject for finding in quantified.findings if finding.code == "dpcr.baseline_shift"]
    assert shifted == ["well Big test 6.12.12:E09"]
    (e09,) = (well for well in quantified.wells if well.position == "E09")
    assert (e09.lowest_positives, e09.highest_positives) == (45, 1523)


def test_without_a_layout_wells_are_counted_and_have_no_replicates(albumin):
    got = quantify_partitions(albumin[0], amplitudes=albumin[2])
    codes = {finding.code for finding in got.findings}
    assert {"dpcr.no_layout", "dpcr.gate_without_control", "dpcr.no_blank"} <= codes
    assert "dpcr.outlier_well" not in codes
    assert {well.gate for well in got.wells} == {"mixture"}
    high = [well for well in got.wells if well.position in {"E08", "F08", "G08", "H08"}]
    assert all(abs(-np.log1p(-w.positives / w.accepted) / 2.17 - 1) < 0.05 for w in high)


@pytest.mark.parametrize("share", [0.002, 0.05, 0.5, 0.97])
def test_a_mixture_with_rain_counts_within_the_rain(share):
    rng = np.random.default_rng(int(share * 1000))
    n, rain = 40_000, 0.02
    positive = rng.random(n) < share
    value = np.where(positive, rng.normal(6000, 200, n), rng.normal(1500, 90, n))
    fallen = positive & (rng.random(n) < rain)
    value = np.where(fallen, rng.uniform(1500, 6000, n), value)
    got = gate([value], [], RULE)
    assert got.method == "mixture"
    assert int((value > got.threshold).sum()) == pytest.approx(positive.sum(), rel=rain, abs=5)
    assert (value[~positive] > got.threshold).sum() <= 3


def test_one_population_without_a_blank_has_no_threshold():
    rng = np.random.default_rng(3)
    assert gate([rng.normal(1500, 90, 20_000)], [], RULE).method == "none"
    assert gate([np.full(100, 7.0)], [], RULE).method == "none"


@pytest.mark.property
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 500.0), (3.0, -100.0)])
def test_counts_do_not_depend_on_units_of_fluorescence(scale, shift):
    rng = np.random.default_rng(8)
    blank = rng.normal(1500, 90, 15_000)
    well = np.concatenate([rng.normal(1500, 90, 14_000), rng.normal(6000, 200, 1000)])
    for blanks in ([blank], []):
        first = gate([well, blank], blanks, RULE)
        moved = [x * scale + shift for x in (well, blank)]
        second = gate(moved, [x * scale + shift for x in blanks], RULE)
        assert (moved[0] > second.threshold).sum() == (well > first.threshold).sum()


def test_two_colours_that_bleed_are_counted_by_four_clusters():
    rng = np.random.default_rng(9)
    tubes = [DigitalTube(cdna_id="C-1", control_copies_per_ul=500, ratio=0.6, wells=2)]
    plate = draw_digital_plate(rng, tubes)
    files = [read(name, data) for name, data in amplitude_files(rng, plate)]
    amplitudes = [bled(item) for one in files for item in one.amplitudes]
    partitions = [part for one in files for part in one.partitions]
    layout = read("layout.csv", layout_csv(plate)).plate_wells
    got = quantify_partitions(partitions, amplitudes=amplitudes, layout=layout, gate="two-colour")
    for i in (0, 1):
        first, second = (w for w in got.wells if w.position == plate.positions[i])
        assert first.gate == second.gate == "two-colour"
        assert first.positives == pytest.approx(plate.cells[i, [1, 3]].sum(), rel=0.02)
        assert second.positives == pytest.approx(plate.cells[i, [2, 3]].sum(), rel=0.02)


def bled(item):
    """The first dye reaches a third of the way into the second channel."""
    values = item.fluorescence.copy()
    values[:, 1] += 0.35 * (values[:, 0] - 1500.0)
    return type(item)(item.run_id, item.position, item.channels, values)


@pytest.mark.definition
def test_amplitudes_of_a_made_up_plate_are_counted_as_they_were_drawn():
    rng = np.random.default_rng(10)
    tubes = [DigitalTube(cdna_id="C-1", control_copies_per_ul=400, ratio=0.02, wells=3)]
    plate = draw_digital_plate(rng, tubes, false_positive=1e-9)
    files = [read(name, data) for name, data in amplitude_files(rng, plate)]
    layout = read("layout.csv", layout_csv(plate)).plate_wells
    got = quantify_partitions(
        [part for one in files for part in one.partitions],
        amplitudes=[item for one in files for item in one.amplitudes],
        layout=layout,
    )
    drawn = (plate.cells[:, [1, 3]].sum(axis=1), plate.cells[:, [2, 3]].sum(axis=1))
    for well in got.wells:
        k = int(drawn[int(well.channel) - 1][plate.positions.index(well.position)])
        assert well.positives == pytest.approx(k, rel=0.01, abs=2)  # rain in one droplet of a hundred


def test_the_spread_of_blanks_is_not_moved_by_contamination():
    rng = np.random.default_rng(11)
    clean = rng.normal(1000, 50, 20_000)
    spoiled = np.concatenate([clean, np.full(200, 6000.0)])
    assert median_and_mad(spoiled) == pytest.approx(median_and_mad(clean), rel=0.02)


def test_blanks_without_spread_give_no_threshold():
    rng = np.random.default_rng(4)
    assert gate([rng.normal(1000, 40, 500)], [np.full(500, 1000.0)], RULE).method == "none"


def test_a_well_that_nobody_could_count_has_no_count():
    rng = np.random.default_rng(5)
    lines = "".join(f"{value:.3f},\n" for value in rng.normal(1000, 40, 12_000))
    held = read("R_A01_Amplitude.csv", b"Assay1 Amplitude,Assay2 Amplitude\n" + lines.encode())
    got = quantify_partitions(held.partitions, amplitudes=held.amplitudes)
    (well,) = got.wells
    assert (well.state, well.positives, well.copies_per_ul, well.upper_limit) == (
        "not evaluable",
        None,
        None,
        None,
    )
    assert got.well_uses[0].copies is None
    assert "dpcr.no_gate" in {finding.code for finding in got.findings}
