"""Rule sets and conversion factors: what ships, and what is refused with the row named."""

import datetime as dt
import tomllib

import pytest

from remnant.errors import KnowledgeError
from remnant.knowledge.conversion import factor_on, read_conversion
from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.rules_diff import rule_changes
from remnant.knowledge.rules_files import read_rule_set, rule_book, rule_set_problems, shipped_rules

HEAD = """
id = "lab"
label = "our rule"
title = "Laboratory rule"
version = "1"
valid_from = 2020-01-01
markers = ["NPM1", "PML-RARA"]
role = "available"
source = "handbook"
"""
BASE = {"definition": "x", "source": "handbook", "status": "unverified"}
LOW = {"id": "lab.low", "kind": "low_level", "compare": "below", "threshold": 2, "unit": "percent"}
RISE = {
    "id": "lab.rise",
    "kind": "rise",
    "label": "relapse",
    "reference": "any",
    "threshold": 1,
    "unit": "log10",
}
WINDOW = {"id": "lab.window", "kind": "confirmation", "from_days": 14, "to_days": 28}


def problems(*rows, **head):
    return " | ".join(
        rule_set_problems({**tomllib.loads(HEAD), **head, "row": [{**BASE, **row} for row in rows]})
    )


def test_a_complete_set_has_no_problem():
    assert problems(LOW, RISE, WINDOW) == ""


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([{**LOW, "unit": ""}], "lab.low: threshold 2 without unit"),
        ([{k: v for k, v in LOW.items() if k != "unit"}], "lab.low: threshold 2 without unit"),
        ([{k: v for k, v in LOW.items() if k != "threshold"}], "lab.low: no threshold"),
        ([{**LOW, "threshold": 0}], "lab.low: threshold 0, need a positive number"),
        ([{**LOW, "threshold": True}], "lab.low: threshold True, need a positive number"),
        ([{**LOW, "unit": "log10"}], "lab.low: unit 'log10', need one of"),
        ([{**RISE, "unit": "percent"}], "lab.rise: unit 'percent', need one of log10"),
        ([{**RISE, "label": "regress"}], "lab.rise: label 'regress', need one of relapse, progression"),
        ([{**LOW, "source": ""}], "lab.low: no source"),
        ([{**LOW, "status": "checked"}], "lab.low: status 'checked', need one of 'verified', 'unverified'"),
        ([{**LOW, "compare": "under"}], "lab.low: compare 'under'"),
        ([{**LOW, "treshold": 3}], "lab.low: unknown field treshold"),
        ([{**LOW, "markers": ["WT1"]}], "lab.low: marker WT1 is not one of the set"),
        ([{**WINDOW, "from_days": 30}], "lab.window: from_days 30 is after to_days 28"),
        (
            [{k: v for k, v in WINDOW.items() if k != "to_days"}],
            "lab.window: a confirmation needs from_days and to_days",
        ),
        ([{"id": "lab.p", "kind": "persistence"}], "lab.p: persistence needs count and from_days"),
        ([LOW, {**LOW, "threshold": 3}], "lab.low: id stands 2 times"),
        (
            [LOW, {**LOW, "id": "lab.low2", "threshold": 3}],
            "lab.low and lab.low2: both say low_level of the same samples",
        ),
        (
            [LOW, {**LOW, "id": "lab.low2", "markers": ["NPM1"]}],
            "lab.low and lab.low2: both say low_level of the same samples",
        ),
        ([RISE, {**RISE, "id": "lab.rise2", "threshold": 0.5}], "lab.rise and lab.rise2: both say rise"),
        ([WINDOW, {**WINDOW, "id": "lab.w2"}], "lab.window and lab.w2: both say confirmation"),
        (
            [LOW, {"id": "lab.pos", "kind": "positivity", "threshold": 0.05, "unit": "ratio"}],
            "lab.low: nothing can be positive by lab.pos and below 2",
        ),
        (
            [{"id": "lab.neg", "kind": "negativity", "threshold": 10000, "unit": "control_copies"}],
            "lab.neg: control copies without their control gene",
        ),
        (
            [{"id": "lab.slot", "kind": "rise", "slot": True}],
            "lab.slot: a slot without number in a set that says it is complete",
        ),
    ],
)
def test_what_contradicts_overlaps_or_has_no_unit_is_refused_with_its_row(rows, text):
    assert text in problems(*rows)


@pytest.mark.parametrize(
    "rows",
    [
        [LOW, {**LOW, "id": "lab.low2", "material": "BM"}],
        [{**LOW, "material": "BM"}, {**LOW, "id": "lab.low2", "material": "PB"}],
        [{**LOW, "markers": ["NPM1"]}, {**LOW, "id": "lab.low2", "markers": ["PML-RARA"]}],
        [LOW, {**LOW, "id": "lab.low2", "fraction": "CD34+"}],
        [{**LOW, "time": "pre-transplant"}, {**LOW, "id": "lab.low2", "time": "post-transplant"}],
        [
            {**LOW, "valid_to": dt.date(2020, 12, 31)},
            {**LOW, "id": "lab.low2", "valid_from": dt.date(2021, 1, 1)},
        ],
        [RISE, {**RISE, "id": "lab.rise2", "reference": "low level"}],
    ],
)
def test_rows_overlap_only_where_one_sample_could_meet_both(rows):
    overlap = "both say" in problems(*rows)
    assert overlap == (rows[0] == LOW and rows[1].get("material") == "BM")


def test_a_deeper_class_with_fewer_copies_is_a_contradiction():
    row = {"kind": "response", "control": "ABL1", "compare": "at most", "unit": "percent_is"}
    deep = {**row, "id": "lab.mr5", "label": "MR5", "threshold": 0.001, "control_copies": 5000}
    flat = {**row, "id": "lab.mr4", "label": "MR4", "threshold": 0.01, "control_copies": 10000}
    assert "lab.mr5: deeper than lab.mr4, but asks for fewer copies of ABL1" in problems(deep, flat)


def test_all_problems_are_told_at_once():
    text = (
        HEAD
        + '[[row]]\nid = "lab.a"\nkind = "low_level"\ndefinition = "x"\nsource = "x"\nstatus = "verified"\nthreshold = 2\n'
    )
    text += '[[row]]\nid = "lab.b"\nkind = "rise"\ndefinition = "x"\nsource = "x"\nstatus = "verified"\nlabel = "relapse"\n'
    with pytest.raises(KnowledgeError) as error:
        read_rule_set(text, where="lab.toml")
    assert error.value.where == "lab.toml"
    assert {problem.split(":")[0] for problem in error.value.problems} == {"lab.a", "lab.b"}


def test_what_is_not_toml_is_refused_in_plain_words():
    with pytest.raises(KnowledgeError, match="need valid TOML"):
        read_rule_set("id = ", where="lab.toml")


@pytest.mark.definition
def test_the_sets_that_ship_and_their_status():
    sets = {one.id: one for one in shipped_rules()}
    assert set(sets) == {
        "cbf", "cml_is", "eln2018", "eln2021", "eln_david_2025", "eln_flow", "euromrd_igtr", "npm1", "ph_all", "pml_rara",
    }  # fmt: skip
    assert all(row.source and row.status for one in sets.values() for row in one.rows)
    assert all(
        row.status == "unverified" for name in ("eln2018", "eln2021", "eln_flow") for row in sets[name].rows
    )
    window = next(row for row in sets["eln2021"].rows if row.kind == "confirmation")
    assert (window.from_days, window.to_days) == (14, 28)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("gene", "label", "level", "copies"),
    [
        ("ABL1", "MR4", 0.01, 10_000), ("ABL1", "MR4.5", 0.0032, 32_000), ("ABL1", "MR5", 0.001, 100_000),
        ("GUSB", "MR4", 0.01, 24_000), ("GUSB", "MR4.5", 0.0032, 77_000), ("GUSB", "MR5", 0.001, 240_000),
    ],
)  # fmt: skip
def test_cross_2015_classes(gene, label, level, copies):
    [row] = [
        r
        for r in rule_book().named("cml_is").rows
        if (r.kind, r.control, r.label) == ("response", gene, label)
    ]
    assert (row.threshold, row.control_copies, row.unit) == (level, copies, "percent_is")


def test_eln_david_has_slots_without_numbers_and_cannot_decide():
    one = rule_book().named("eln_david_2025")
    assert all(row.slot and row.threshold is None and row.from_days is None for row in one.rows)
    with pytest.raises(KnowledgeError, match="slots without numbers") as error:
        rule_book(deciding=["eln_david_2025"])
    assert len(error.value.problems) == len(one.rows)


def test_a_study_chooses_another_set_and_the_first_is_shown():
    book = rule_book(deciding=["eln2018"])
    assert book.deciding("NPM1", "AML").id == "eln2018"
    assert [one.id for one in book.shown("NPM1", "AML")] == ["eln2021", "npm1"]
    with pytest.raises(KnowledgeError, match="eln2017"):
        rule_book(deciding=["eln2017"])


def own_file(folder, *, role="decides", replaces=""):
    row = '[[row]]\nid = "lab.window"\nkind = "confirmation"\ndefinition = "x"\nfrom_days = 7\nto_days = 21\nsource = "x"\nstatus = "verified"\n'
    text = HEAD.replace('"available"', f'"{role}"') + replaces + row
    (folder / "lab.toml").write_text(text, encoding="utf-8")


def test_a_laboratory_replaces_a_set_by_its_own_and_must_say_so(tmp_path):
    own_file(tmp_path)
    with pytest.raises(KnowledgeError) as error:
        rule_book(tmp_path)
    assert error.value.problems == ("eln2021 and lab: both decide NPM1, PML-RARA",)
    own_file(tmp_path, replaces='replaces = ["eln2021"]\n')
    assert rule_book(tmp_path).deciding("NPM1", "AML").id == "lab"
    assert rule_book(tmp_path / "nothing").deciding("NPM1", "AML").id == "eln2021"


def test_a_replaced_set_must_exist(tmp_path):
    own_file(tmp_path, replaces='replaces = ["eln2012"]\n')
    with pytest.raises(KnowledgeError) as error:
        rule_book(tmp_path)
    assert error.value.problems == ("eln2012: replaces no set that ships",)


def test_bcr_abl1_has_one_deciding_set_a_disease():
    book = rule_book()
    assert {d: book.deciding("BCR-ABL1", d).id for d in ("Ph+ ALL", "B-ALL", "CML, chronic phase")} == {
        "Ph+ ALL": "ph_all",
        "B-ALL": "ph_all",
        "CML, chronic phase": "cml_is",
    }
    assert book.deciding("BCR-ABL1", "AML") is None


def test_a_difference_names_row_field_before_and_after():
    book = rule_book()
    found = rule_changes(book.named("eln2018"), book.named("eln2021"))
    assert ("low_level", "changed", "threshold", "200", "2") in {
        (one.row, one.what, one.field, one.before, one.after) for one in found
    }
    assert "rise.relapse" in {one.row for one in found if one.what == "removed"}
    assert rule_changes(book.named("cml_is"), book.named("cml_is")) == ()


def test_every_state_and_sign_stands_once_in_the_transition_table():
    table = mrd_state_rules().transitions
    states = {one.becomes for one in table.values()}
    assert states == set(mrd_state_rules().urgency)
    assert all((state, "negative") in table or state == "suspected relapse" for state in states)
    assert all((state, "overt") in table for state in states)


# --- conversion factors -----------------------------------------------------------------------------------

FACTOR = '[[row]]\nid = "{id}"\nassay_id = "BCR-ABL1/ABL1"\nfactor = {factor}\nvalid_from = {first}\n{last}source = "round"\nstatus = "verified"\n'


def factor_rows(*rows):
    return "".join(
        FACTOR.format(id=name, factor=factor, first=first, last=f"valid_to = {last}\n" if last else "")
        for name, factor, first, last in rows
    )


def test_the_factor_of_the_run_date_and_none_outside_its_dates():
    found = read_conversion(factor_rows(("a", 0.8, "2020-01-01", "2020-12-31"), ("b", 0.6, "2021-03-01", "")))
    days = [dt.date(2020, 12, 31), dt.date(2021, 1, 15), dt.date(2021, 3, 1)]
    assert [f and f.factor for f in (factor_on(found, "BCR-ABL1/ABL1", day) for day in days)] == [
        0.8,
        None,
        0.6,
    ]
    assert factor_on(found, "BCR-ABL1/GUSB", days[0]) is None


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            [("a", 0.8, "2020-01-01", ""), ("b", 0.6, "2021-03-01", "")],
            "a and b: both valid for BCR-ABL1/ABL1 on the same day",
        ),
        ([("a", -1, "2020-01-01", "")], "a: factor -1, need a positive number"),
        ([("a", 0.8, "2020-01-01", "2019-01-01")], "a: valid_to 2019-01-01 is before valid_from 2020-01-01"),
        ([("a", 0.8, '"soon"', "")], "a: valid_from 'soon', need a date"),
    ],
)
def test_factors_that_contradict_are_refused(rows, problem):
    with pytest.raises(KnowledgeError) as error:
        read_conversion(factor_rows(*rows))
    assert problem in error.value.problems
