"""Tables of quantitative PCR: every row typed, sourced, and found by its id."""

import pytest

from remnant.errors import KnowledgeError
from remnant.knowledge.assays import control_amplifies_target, default_assays, gene_symbol
from remnant.knowledge.qpcr import control_bands, curve_gates, qpcr_rules, unverified_rows, westgard_rules
from remnant.knowledge.tables import rows
from remnant.knowledge.variance import default_variance
from remnant.units import factor_to_ratio


@pytest.mark.parametrize(
    ("table", "argument"),
    [
        ("qpcr_curve_gates", "curves"),
        ("qpcr_replicates", "replicates"),
        ("qpcr_contamination", "contamination"),
        ("qpcr_positivity", "positivity"),
    ],
)
def test_every_row_can_be_chosen(table, argument):
    for row in rows(table):
        chosen = getattr(qpcr_rules(**{argument: row["id"]}), argument)
        assert chosen.id == row["id"]
        assert chosen.source == row["source"]


def test_an_unknown_row_names_those_that_exist():
    with pytest.raises(KnowledgeError, match="eac_2003, efficiency_90_110, euromrd_2007"):
        curve_gates("eac_2099")


def test_bands_fall_back_to_the_row_of_any_gene():
    bands = qpcr_rules().bands
    assert control_bands(bands, "ABL1").full_copies == 10_000
    assert control_bands(bands, "GUSB").full_copies == 24_000
    assert control_bands(bands, "B2M").control == "*"


def test_the_multirule_chart_has_its_six_rules():
    assert [rule.id for rule in westgard_rules()] == ["1_2s", "1_3s", "2_2s", "R_4s", "4_1s", "10_x"]


def test_assays_have_ratio_units_and_unique_ids():
    assays = default_assays()
    assert len({assay.assay_id for assay in assays}) == len(assays)
    assert all(factor_to_ratio(assay.unit) > 0 for assay in assays)
    assert {a.assay_id for a in assays if a.background == "over_expressed"} == {"WT1/ABL1", "BAALC/ABL1"}
    assert [a.assay_id for a in assays if control_amplifies_target(a)] == ["BCR-ABL1/ABL1"]


@pytest.mark.parametrize(
    ("written", "symbol"), [("ABL", "ABL1"), (" bcr::abl1 ", "BCR-ABL1"), ("wt1", "WT1"), ("EVI1", "EVI1")]
)
def test_spellings(written, symbol):
    assert gene_symbol(written) == symbol


def test_defaults_above_the_tube_are_those_of_the_measurement_model_and_unverified():
    found = {(part.error_class, part.target): part for part in default_variance()}
    assert found["run", ""].sd_log10 == 0.07
    assert found["rt", ""].sd_log10 == 0.12
    assert found["biology", "WT1"].sd_log10 == found["biology", "BAALC"].sd_log10 == 0.20
    assert {part.status for part in found.values()} == {"unverified"}


def test_unverified_rows_follow_the_choice():
    chosen = qpcr_rules(curves="efficiency_90_110", replicates="keep_all")
    named = {row for row, _source in unverified_rows(chosen, ["ABL1"])}
    assert "efficiency_90_110" not in named
    assert {"margin", "two_of_three", "abl1_euromrd", "technical_sd", "detection_probability"} <= named
