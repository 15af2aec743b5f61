"""Cut-off, state, background and relapse tables: complete, consistent, and refused when they are not."""

import re
from pathlib import Path

import pytest

import remnant
from remnant.errors import KnowledgeError
from remnant.knowledge import tables
from remnant.knowledge.background import background_rules
from remnant.knowledge.cutoffs import activate, active_cutoffs, cutoffs, read_cutoffs
from remnant.knowledge.relapse import relapse_rules
from remnant.knowledge.states import state_rules
from remnant.units import convert


def row(**change):
    base = {
        "id": "a", "label": "a", "rule_set": "s", "marker": "WT1", "kind": "fixed", "material": "BM",
        "control": "ABL1", "unit": "per_1e4", "threshold": 250.0, "inclusive": False, "use": "any",
        "role": "decides", "source": "x", "status": "verified",
    }  # fmt: skip
    return {**base, **change}


def refused(*rows):
    with pytest.raises(KnowledgeError) as error:
        read_cutoffs(rows, version="1", where="a test")
    return " | ".join(error.value.problems)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("name", "threshold", "unit", "status"),
    [
        ("eln_bm_250", 250, "per_1e4", "verified"),
        ("eln_pb_50", 50, "per_1e4", "verified"),
        ("pozzi_bm_100", 100, "per_1e4", "verified"),
        ("ash2008_bm_180", 180, "per_1e4", "verified"),
        ("malagola_pb_5", 5, "per_1e4", "verified"),
        ("chiusolo_cd34_800", 800, "per_1e4", "verified"),
        ("chiusolo_mnc_100", 100, "per_1e4", "verified"),
        ("gudozhnikova_bm_250", 250, "per_1e4", "verified"),
        ("baalc_stp_bm_31", 31, "percent", "unverified"),
        ("jentzsch_pb_014", 0.14, "ratio", "verified"),
    ],
)
def test_the_published_cut_offs_are_there_with_their_status(name, threshold, unit, status):
    found = {one.id: one for one in cutoffs()}[name]
    assert (found.threshold, found.unit, found.status) == (threshold, unit, status)
    assert found.source


def test_250_per_ten_thousand_is_the_2_5_percent_of_the_other_paper():
    eln = {one.id: one for one in cutoffs()}["eln_bm_250"]
    assert convert(eln.threshold, eln.unit, "percent") == pytest.approx(2.5)


def test_one_rule_decides_each_marker_and_material_and_the_unverified_31_percent_is_only_shown():
    roles = {(one.marker, one.material, one.role): one.id for one in active_cutoffs()}
    assert roles == {
        ("WT1", "BM", "decides"): "eln_bm_250",
        ("WT1", "PB", "decides"): "eln_pb_50",
        ("BAALC", "BM", "decides"): "baalc_donors_bm",
        ("BAALC", "PB", "decides"): "baalc_donors_pb",
        ("BAALC", "BM", "shown"): "baalc_stp_bm_31",
    }


def test_every_problem_of_a_table_is_named_at_once():
    found = refused(row(unit="per 10^4"), row(id="b", threshold=0), row(id="c", use="someday", nonsense=1))
    for part in ("a: unit 'per 10^4'", "b: threshold 0", "c: use 'someday'", "c: unknown field nonsense"):
        assert part in found


def test_a_row_without_unit_is_refused():
    bare = row()
    del bare["unit"]
    assert "unit None" in refused(bare)


def test_two_rows_that_decide_the_same_measurements_are_refused_and_separate_windows_are_not():
    assert "both decide" in refused(row(), row(id="b", rule_set="t", threshold=100.0))
    early, late = row(use="pre-transplant"), row(id="b", rule_set="t", use="post-transplant")
    assert len(read_cutoffs([early, late], version="1", where="a test")) == 2


def test_two_active_rows_of_one_rule_set_that_overlap_are_refused():
    assert "rule set s" in refused(row(), row(id="b", role="shown", from_day=30))
    assert len(read_cutoffs([row(), row(id="b", role="available")], version="1", where="a test")) == 2


def test_a_row_without_material_can_only_be_available():
    assert "only be available" in refused(row(material=""))


def test_a_study_activates_its_own_rules():
    chosen = activate(cutoffs(), deciding=["pozzi_bm_100"], shown=["eln_bm_250"])
    assert {one.id: one.role for one in chosen} == {"eln_bm_250": "shown", "pozzi_bm_100": "decides"}


def test_an_unknown_or_double_choice_is_refused():
    with pytest.raises(KnowledgeError) as error:
        activate(cutoffs(), deciding=["nobody", "eln_bm_250"], shown=["eln_bm_250"])
    assert len(error.value.problems) == 2


@pytest.mark.definition
def test_the_windows_of_the_measurement_model():
    states, background = state_rules(), background_rules()
    assert (states.synchrony_from_days, states.synchrony_to_days) == (14, 35)
    assert states.z_at_least == {"WT1": None, "BAALC": 2.0}
    assert states.borderline == (0.05, 0.95)
    assert (background.regeneration["BAALC"].from_day, background.regeneration["BAALC"].to_day) == (20, 75)
    assert background.percentile == 97.5
    assert background.blasts_below_percent == 5.0


@pytest.mark.definition
def test_five_percent_marrow_blasts_are_overt_and_any_blast_in_blood():
    blasts = relapse_rules().blasts
    assert [blasts["BM"].overt(x) for x in (4.9, 5.0)] == [False, True]
    assert [blasts["PB"].overt(x) for x in (0.0, 0.5)] == [False, True]


def test_every_finding_code_of_call_stands_in_the_table():
    root = Path(remnant.__file__).parent
    used = {
        code
        for path in [*(root / "call").rglob("*.py"), *(root / "course").rglob("*.py")]
        for code in re.findall(r'code="([a-z_.]+)"', path.read_text(encoding="utf-8"))
    }
    listed = {one["id"] for one in tables.rows("findings")}
    assert used
    assert used <= listed
    assert all(one["meaning"] and one["advice"] for one in tables.rows("findings"))
