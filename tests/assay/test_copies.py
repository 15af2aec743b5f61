"""Copies of one plate without a study: against their definition, a published plate, and simulation."""

import dataclasses

import numpy as np
import pytest

from remnant.acquire import read_path
from remnant.assay.qpcr.copies import sample_copies
from remnant.records.codec import from_json, to_json
from remnant.records.measurement import SampleCopies


def copies_of(bench, **settings):
    found, findings = sample_copies(bench.wells, runs=bench.runs, **settings)
    return {(one.target, one.sample): one for one in found}, {one.code for one in findings}


def test_names_and_targets_that_no_table_holds_are_read(bench):
    bench.run("R-01", targets=("WT1",), cycles=50)
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    bench.molecules("R-01", "EVI1", "S-014", [100])
    bench.molecules("R-01", "WT1", "PC", [1000], kind="positive_control")
    found, codes = copies_of(bench)
    assert list(found) == [("WT1", "S-014"), ("EVI1", "S-014"), ("WT1", "PC")]
    one = found["WT1", "S-014"]
    assert one.point_value == pytest.approx(100, rel=1e-6)
    assert (one.state, one.unit, one.kind, one.positive_wells, one.wells) == (
        "quantified", "copies a well", "sample", 3, 3,
    )  # fmt: skip
    assert found["EVI1", "S-014"].state == "not evaluable"
    assert found["EVI1", "S-014"].upper_limit is None
    assert found["EVI1", "S-014"].reason == "no standard curve of EVI1"
    assert found["WT1", "PC"].kind == "control"
    assert not codes & {"qpcr.unknown_sample", "qpcr.no_assay"}
    assert from_json(SampleCopies, to_json(one)) == one


@pytest.mark.definition
def test_nothing_detected_is_bounded_by_three_copies_in_all_wells(bench):
    bench.run("R-01", targets=("WT1",), cycles=50)
    bench.molecules("R-01", "WT1", "S-014", [0, 0, 0])
    one = copies_of(bench)[0]["WT1", "S-014"]
    assert one.state == "not detected"
    assert (one.estimate, one.lower, one.point_value) == (None, None, None)
    assert one.upper_limit == pytest.approx(-np.log(0.05) / 3, rel=0.05)


@pytest.mark.definition
def test_dilution_and_volume_make_the_unit(bench):
    bench.run("R-01", targets=("WT1",), cycles=50)
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100], dilution=10.0)
    bench.molecules("R-01", "WT1", "S-015", [100, 100, 100], cdna_ul=5.0)
    found, _ = copies_of(bench)
    assert (found["WT1", "S-014"].unit, found["WT1", "S-015"].unit) == ("copies a well", "copies/µl cDNA")
    assert found["WT1", "S-014"].point_value == pytest.approx(1000, rel=1e-6)
    assert found["WT1", "S-015"].point_value == pytest.approx(20, rel=1e-6)


def test_without_a_curve_there_are_no_copies_but_what_stands_out_is_said(bench):
    for i in range(3):
        bench.well("R-01", "WT1", "STD", kind="standard", cq=None, standard_copies=10.0 ** (3 + i))
    bench.well("R-01", "WT1", "NTC", kind="ntc", cq=33.0)
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    found, codes = copies_of(bench)
    assert found == {}
    assert {"qpcr.silent_standard", "qpcr.blank_signal"} <= codes


def test_a_failed_curve_and_a_blank_with_signal_leave_no_number(bench):
    bench.run("R-01", targets=("WT1", "ABL1"), slopes={"WT1": -2.5}, cycles=50)
    bench.molecules("R-01", "WT1", "S-014", [100])
    bench.molecules("R-01", "ABL1", "S-014", [20])
    bench.molecules("R-01", "ABL1", "NTC", [18], kind="ntc")
    found, codes = copies_of(bench)
    assert {one.state for one in found.values()} == {"not evaluable"}
    assert "slope -2.500" in found["WT1", "S-014"].reason
    assert "no-template signal" in found["ABL1", "S-014"].reason
    assert "qpcr.blank_signal" in codes


def test_without_standards_there_is_nothing_to_read(bench):
    bench.molecules("R-01", "WT1", "S-014", [100])
    assert sample_copies(bench.wells) == ((), [])


def test_what_stands_out_on_the_plate_is_said(bench):
    bench.run("R-01", targets=("WT1",), cycles=50)
    bench.molecules("R-01", "WT1", "S-014", [100])
    bench.wells[0] = dataclasses.replace(bench.wells[0], cq=None, detected=False)
    assert "qpcr.silent_standard" in copies_of(bench)[1]


@pytest.mark.coverage
def test_intervals_hold_the_truth(new_bench):
    """Eight plates of forty samples of 2 to 500 copies in duplicate, Poisson counts and noise of 0.08 cycles."""
    rng = np.random.default_rng(7)
    bench = new_bench(rng=rng)
    truth = {}
    for plate in range(8):
        run = f"R-{plate}"
        bench.run(run, targets=("WT1",), cycles=50)
        for i in range(40):
            name = f"S-{plate}-{i}"
            truth[name] = 10 ** rng.uniform(0.3, 2.7)
            bench.molecules(run, "WT1", name, rng.poisson(truth[name], 2))
    found, _ = sample_copies(bench.wells, runs=bench.runs)
    held = [
        one.lower <= truth[one.sample] <= one.upper
        if one.lower is not None
        else truth[one.sample] <= one.upper_limit
        for one in found
    ]
    assert len(held) == 320
    assert 0.91 <= np.mean(held) <= 0.985


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    [
        "appbio_quantstudio_designandanalysis_QS1_Standard_Curve_example01.xlsx",
        "appbio_quantstudio_designandanalysis_QS7_Standard_Curve_example06.xlsx",
    ],
)
def test_the_verification_plates_of_the_maker_read_their_5000_and_10000_copies(real_data, name):
    """Nominal copies of the unknowns are in their names; levels are told apart by far more than their interval."""
    acquired = read_path(real_data / "qpcr" / "exports" / "appbio_quantstudio_designandanalysis" / name)
    found, _ = sample_copies(acquired.wells, runs=acquired.runs)
    assert len(found) == 2
    for one in found:
        nominal = 1000 * int("".join(c for c in one.sample.partition("K")[0] if c.isdigit()))
        assert nominal in {5000, 10000}
        assert one.estimate == pytest.approx(nominal, rel=0.1)
        assert one.upper / one.lower < 1.5


def test_a_target_without_standards_may_be_read_by_the_line_of_the_others(bench):
    """WT1 has standards like EVI1, ABL1 and GUSB; EVI1's are withheld: copies within a wider interval, and it says so."""
    bench.run("R-01", targets=("WT1", "ABL1", "GUSB"), cycles=50)
    for target in ("WT1", "EVI1"):
        bench.molecules("R-01", target, "S-014", [100, 100, 100])
    own, _ = copies_of(bench)
    assert own["EVI1", "S-014"].state == "not evaluable"
    found, codes = copies_of(bench, standard_curve="laboratory")
    lent, with_own = found["EVI1", "S-014"], found["WT1", "S-014"]
    assert "qpcr.laboratory_line" in codes
    assert lent.reason == "read by the line of other assays"
    assert [term.name for term in lent.evidence.errors] == ["curve:laboratory:EVI1"]
    assert lent.point_value == pytest.approx(100, rel=0.05)
    assert lent.lower < with_own.lower < 100 < with_own.upper < lent.upper
