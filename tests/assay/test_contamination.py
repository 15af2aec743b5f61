"""Signals without template: always said, and samples near them are indeterminate."""

import dataclasses

import pytest

from remnant.knowledge.qpcr import qpcr_rules


def plate(bench, *, target, ntc=None, control_ntc=None, control=(20_000, 20_000)):
    bench.run("R-01", blank=False)
    bench.well("R-01", "WT1", "NTC", kind="ntc", cq=ntc)
    bench.well("R-01", "ABL1", "NTC", kind="ntc", cq=control_ntc)
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", control)
    bench.molecules("R-01", "WT1", "S-014", target)
    return bench


@pytest.mark.parametrize(
    ("target", "state"),
    [((1000, 1000, 1000), "quantified"), ((20, 20, 20), "not evaluable"), ((0, 0, 0), "not detected")],
)
def test_samples_within_the_margin_of_the_blank_are_indeterminate(bench, codes, target, state):
    """Blank at Cq 36.5, about 8 copies: 1000 copies stand, 20 do not, silence stays negative."""
    got = plate(bench, target=target, ntc=36.5).quantified()
    assert got.measurements[0].state == state
    assert "qpcr.blank_signal" in codes(got)
    assert ("indeterminate" in got.measurements[0].reason) == (state == "not evaluable")


def test_the_strict_rule_fails_the_run(bench):
    plate(bench, target=(1000, 1000, 1000), ntc=38.0)
    got = bench.quantified(rules=qpcr_rules(contamination="any_fails_run"))
    assert got.measurements[0].state == "not evaluable"
    assert "the run fails" in got.measurements[0].reason
    assert {f.severity for f in got.findings if f.code == "qpcr.blank_signal"} == {"failure"}


def test_the_control_gene_in_the_blank_is_flagged(bench, codes):
    got = plate(bench, target=(1000, 1000, 1000), control_ntc=38.0).quantified()
    assert got.measurements[0].state == "quantified"
    assert "qpcr.control_gene_in_blank" in codes(got)
    near = type(bench)()
    got = plate(near, target=(1000, 1000, 1000), control_ntc=26.0).quantified()
    assert got.measurements[0].state == "not evaluable"
    assert "ABL1" in got.measurements[0].reason


def test_a_blank_that_the_laboratory_left_out_does_not_speak(bench, codes):
    plate(bench, target=(20, 20, 20), ntc=36.5)
    bench.wells = [
        dataclasses.replace(well, excluded="pipetting") if well.kind == "ntc" else well
        for well in bench.wells
    ]
    got = bench.quantified()
    assert got.measurements[0].state == "quantified"
    assert "qpcr.blank_signal" not in codes(got)


def test_genomic_dna_makes_its_own_sample_indeterminate(bench, codes):
    plate(bench, target=(100, 100, 100))
    bench.sample("S-015")
    bench.molecules("R-01", "ABL1", "S-015", [20_000, 20_000])
    bench.molecules("R-01", "WT1", "S-015", [100, 100, 100])
    bench.well("R-01", "WT1", "S-014", kind="no_rt", cq=36.0)
    got = bench.quantified()
    assert [one.state for one in got.measurements] == ["not evaluable", "quantified"]
    assert "without reverse transcription" in got.measurements[0].reason
    assert "qpcr.no_rt_signal" in codes(got)


def test_a_run_without_blanks_is_said(bench):
    bench.run("R-01", blank=False)
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [20_000, 20_000])
    bench.molecules("R-01", "WT1", "S-014", [100, 100, 100])
    got = bench.quantified()
    assert got.measurements[0].state == "quantified"
    [said] = [finding for finding in got.findings if finding.code == "qpcr.no_blank"]
    assert "ABL1, WT1" in said.message


def test_a_negative_control_with_a_fusion_counts_as_a_blank(bench, codes):
    bench.run("R-01", targets=("BCR-ABL1", "ABL1"))
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", [20_000, 20_000])
    bench.molecules("R-01", "BCR-ABL1", "S-014", [20, 20, 20])
    bench.well("R-01", "BCR-ABL1", "HL60", kind="negative_control", cq=36.5)
    got = bench.quantified()
    assert got.measurements[0].state == "not evaluable"
    assert "qpcr.blank_signal" in codes(got)


def test_a_silent_positive_control_is_said(bench, codes):
    plate(bench, target=(100, 100, 100))
    bench.molecules("R-01", "WT1", "IQC-HIGH", [0, 0], kind="positive_control")
    assert "qpcr.positive_control_silent" in codes(bench.quantified())
