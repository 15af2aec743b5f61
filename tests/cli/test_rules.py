"""`remnant rules`: list, show, check and diff, for people and as JSON."""

import json

import pytest

OWN = """
id = "lab"
label = "our rule"
title = "Laboratory rule"
version = "1"
valid_from = 2020-01-01
markers = ["NPM1"]
role = "decides"
replaces = ["eln2021"]
source = "handbook"
[[row]]
id = "lab.low"
kind = "low_level"
definition = "below 1 %"
compare = "below"
threshold = 1
unit = "percent"
source = "handbook"
status = "verified"
"""


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "study" / "rules"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text(OWN, encoding="utf-8")
    return tmp_path / "study"


def test_list_names_every_set_with_its_role_and_status(remnant, own):
    found = {one["id"]: one for one in json.loads(remnant("rules", "list", "--json").out)}
    assert (found["eln2021"]["role"], found["eln2021"]["verified"]) == ("decides", 0)
    assert (found["eln_david_2025"]["complete"], found["eln_david_2025"]["slots"]) == (False, 6)
    assert found["cutoffs"]["markers"] == ["WT1", "BAALC"]
    with_own = {one["id"] for one in json.loads(remnant("rules", "list", "--study", str(own), "--json").out)}
    assert with_own == (set(found) - {"eln2021"}) | {"lab"}


def test_show_prints_numbers_with_units_and_sources(remnant):
    text = " ".join(remnant("rules", "show", "eln2021").out.split())
    assert "14 to 28 days" in text
    assert "below 2 %" in text
    slots = remnant("rules", "show", "eln_david_2025").out
    assert "It has slots without numbers" in slots
    assert json.loads(remnant("rules", "show", "cutoffs", "--json").out)[0]["id"] == "eln_bm_250"
    assert remnant("rules", "show", "eln2017").code == 3


def test_check_ends_with_1_and_names_file_and_row(remnant, own):
    assert remnant("rules", "check").code == 0
    assert remnant("rules", "check", "--study", str(own)).code == 0
    broken = own / "rules" / "lab.toml"
    broken.write_text(OWN.replace('unit = "percent"\n', ""), encoding="utf-8")
    for arguments in (["--study", str(own)], [str(broken)]):
        done = remnant("rules", "check", *arguments, "--json")
        assert done.code == 1
        assert json.loads(done.out) == [{"file": "lab.toml", "problem": "lab.low: threshold 1 without unit"}]
    broken.write_text(OWN.replace('replaces = ["eln2021"]\n', ""), encoding="utf-8")
    done = remnant("rules", "check", "--study", str(own), "--json")
    assert done.code == 1
    assert json.loads(done.out)[0]["problem"] == "eln2021 and lab: both decide NPM1"
    assert remnant("rules", "check", "nothing.toml").code == 2


def test_diff_compares_sets_and_files(remnant, own):
    path = str(own / "rules" / "lab.toml")
    found = json.loads(remnant("rules", "diff", "eln2021", path, "--json").out)
    assert {"row": "low_level", "what": "removed"}.items() <= next(
        o for o in found if o["row"] == "low_level"
    ).items()
    assert "The two sets are the same." in remnant("rules", "diff", "eln2021", "eln2021").out
