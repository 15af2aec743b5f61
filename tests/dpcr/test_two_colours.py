"""Thresholds of two colours against what was put into the wells: rare targets, bleeding colours, blanks that are none."""

import numpy as np
import pytest

from remnant.assay.dpcr import quantify_partitions
from remnant.numerics.partition_gates import four_clusters, lift
from remnant.records.partition import Amplitudes, Partitions, PlateWell

FLOOR = np.array([1000.0, 1500.0])
LIMITS = (1500.0, 2150.0)


def droplets(rng, copies, *, bleed=(0.0, 0.0), rain=0.0, partitions=18_000):
    """Fluorescence of one well, and how many of its partitions hold each target."""
    holds = rng.poisson(copies, (partitions, 2)) > 0
    share = np.where(rng.random((partitions, 2)) < rain, rng.random((partitions, 2)), 1.0)
    signal = holds * share * rng.normal((6000.0, 4000.0), (300.0, 250.0), (partitions, 2))
    noise = rng.normal(0.0, (60.0, 80.0), (partitions, 2))
    return FLOOR + noise + signal + np.array(bleed) * signal[:, ::-1], holds.sum(axis=0)


def plate(wells, *, blanks=1, gate="control"):
    """Two-colour wells quantified; the last ones are said to be no-template wells."""
    amplitudes, partitions, layout = [], [], []
    for i, values in enumerate(wells):
        place, kind = f"A{i + 1:02d}", "ntc" if i >= len(wells) - blanks else "unknown"
        amplitudes.append(Amplitudes(run_id="D-01", position=place, channels=("1", "2"), fluorescence=values))
        for channel, target in (("1", "WT1"), ("2", "ABL1")):
            at = {"run_id": "D-01", "position": place, "channel": channel}
            partitions.append(
                Partitions(
                    **at,
                    target="",
                    sample="",
                    kind="unknown",
                    accepted=len(values),
                    positives=None,
                    instrument="qx",
                )
            )
            layout.append(PlateWell(**at, target=target, sample=f"S-{i}", kind=kind))
    return quantify_partitions(partitions, amplitudes=amplitudes, layout=layout, gate=gate)


def counted(got):
    return {(well.position, well.target): well.positives for well in got.wells}


def codes(got):
    return {finding.code for finding in got.findings}


@pytest.mark.parametrize("rain", [0.0, 0.1])
@pytest.mark.parametrize("rare", [1e-4, 5e-4])
def test_a_rare_target_is_counted_by_four_clusters_as_by_its_threshold(rare, rain):
    rng = np.random.default_rng(4)
    wells = [droplets(rng, (rare, 0.6), rain=rain) for _ in range(6)] + [droplets(rng, (0.0, 0.0))]
    clusters = counted(plate([values for values, _ in wells], gate="two-colour"))
    threshold = counted(plate([values for values, _ in wells]))
    held = {f"A{i + 1:02d}": int(truth[0]) for i, (_, truth) in enumerate(wells)}
    assert sum(held.values()) >= 5
    for place, molecules in held.items():
        assert clusters[place, "WT1"] == threshold[place, "WT1"]
        assert 0 <= molecules - clusters[place, "WT1"] <= 0.1 * molecules + 1


@pytest.mark.property
@pytest.mark.parametrize(("channel", "copies"), [(0, (3e-4, 0.7)), (0, (3e-4, 2.0)), (1, (0.7, 3e-4))])
def test_an_abundant_colour_that_bleeds_makes_no_rare_target(channel, copies):
    rng = np.random.default_rng(8)
    bleed = (0.15, 0.0) if channel == 0 else (0.0, 0.15)
    wells = [droplets(rng, copies, bleed=bleed) for _ in range(4)] + [droplets(rng, (0.0, 0.0))]
    found = four_clusters([values for values, _ in wells], LIMITS)
    for values, truth in wells:
        cells = found.counts(values)
        seen = cells[[1, 3]].sum() if channel == 0 else cells[[2, 3]].sum()
        assert seen == truth[channel]
        # A threshold a channel takes the lifted negatives for positives.
        assert not truth.sum() or (values[:, channel] > LIMITS[channel]).sum() > 100 * truth[channel]
    assert found.bleed[channel] == pytest.approx(0.15, abs=0.002)
    assert found.bleed[1 - channel] == pytest.approx(0.0, abs=0.002)


def test_a_colour_that_bleeds_is_named_where_each_channel_has_its_threshold():
    rng = np.random.default_rng(2)
    wells = [droplets(rng, (0.3, 0.5), bleed=(0.0, 0.15))[0] for _ in range(3)] + [droplets(rng, (0, 0))[0]]
    (said,) = [one for one in plate(wells).findings if one.code == "dpcr.crosstalk"]
    assert "In 3 wells" in said.message
    assert "higher in channel 2 too" in said.message
    assert "two-colour" in said.advice
    assert "dpcr.crosstalk" not in codes(plate(wells, gate="two-colour"))


@pytest.mark.property
@pytest.mark.parametrize("copies", [(0.3, 0.5), (3e-4, 1.5), (2.5, 0.01), (0.0, 0.0)])
def test_colours_that_keep_apart_are_not_said_to_bleed(copies):
    rng = np.random.default_rng(3)
    wells = [droplets(rng, copies, rain=0.05)[0] for _ in range(4)] + [droplets(rng, (0, 0))[0]]
    for gate in ("control", "two-colour"):
        assert "dpcr.crosstalk" not in codes(plate(wells, gate=gate))


@pytest.mark.definition
def test_the_lift_is_that_of_the_negatives_whatever_share_is_positive():
    rng = np.random.default_rng(5)
    for copies in (0.05, 0.5, 1.5):
        values, _ = droplets(rng, (0.4, copies), bleed=(0.0, 0.1))
        assert lift(values, np.array([1500.0, 3000.0]), 1) == pytest.approx(600.0, abs=15.0)
    few, _ = droplets(rng, (1e-4, 0.5))
    assert lift(few, np.array(LIMITS), 1) is None


@pytest.mark.parametrize("gate", ["control", "two-colour"])
def test_a_sample_in_the_place_of_the_blank_sets_no_threshold(gate):
    rng = np.random.default_rng(6)
    wells = [droplets(rng, (0.01, 0.5)) for _ in range(4)] + [droplets(rng, (2.0, 2.0))]
    got = plate([values for values, _ in wells], gate=gate)
    said = [finding for finding in got.findings if finding.code == "dpcr.blank_not_negative"]
    assert [finding.severity for finding in said] == ["failure", "failure"]
    held = counted(got)
    for i, (_, truth) in enumerate(wells):
        assert held[f"A{i + 1:02d}", "WT1"] == pytest.approx(truth[0], rel=0.01)
        assert held[f"A{i + 1:02d}", "ABL1"] == pytest.approx(truth[1], rel=0.01)


def test_one_of_two_blanks_that_is_none_leaves_the_threshold_to_the_other():
    rng = np.random.default_rng(7)
    wells = [droplets(rng, (0.01, 0.5)) for _ in range(3)]
    wells += [droplets(rng, (0.0, 0.0)), droplets(rng, (3.0, 3.0))]
    got = plate([values for values, _ in wells], blanks=2)
    assert {well.gate for well in got.wells} == {"control"}
    assert "dpcr.blank_not_negative" in codes(got)
    held = counted(got)
    for i, (_, truth) in enumerate(wells):
        assert held[f"A{i + 1:02d}", "WT1"] == truth[0]


@pytest.mark.property
def test_a_contaminated_blank_stays_a_blank():
    rng = np.random.default_rng(9)
    wells = [droplets(rng, (0.01, 0.5))[0] for _ in range(3)] + [droplets(rng, (0.002, 0.002))[0]]
    got = plate(wells)
    assert "dpcr.blank_not_negative" not in codes(got)
    assert {well.gate for well in got.wells} == {"control"}
