"""Every rule that ships decides something in a vignette, and every row of the domain notes has one.

A rule counts as covered where taking it out, or moving its number, changes what a vignette concludes: a rule that no
vignette would miss is not tested. ``python tests/course/test_coverage.py`` prints the table.
"""

import dataclasses
import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest

from remnant.errors import RemnantError
from remnant.knowledge.cutoffs import cutoffs
from remnant.knowledge.rules_files import shipped_rules

HERE = Path(__file__).parent
TESTS = HERE.parent


def _module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


reader = _module("vignette_reader_of_coverage", HERE / "vignette_reader.py")
igtr = _module("igtr_vignettes", TESTS / "igtr" / "test_interpretation.py")
CASES = {case.id: case for case in reader.vignettes()}
RULES = [(one.id, row) for one in shipped_rules() if one.complete for row in one.rows]
ROWS = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))["row"]


def outcome(calls, course):
    """What a vignette concludes, without the words."""
    said = [(c.measurement_id, c.rule_id, c.verdict, c.code, c.role) for c in calls]
    points = [(p.measurement_id, p.state, p.transition, p.code, p.confirm_by) for p in course.mrd]
    return said, points, [(p.measurement_id, p.state) for p in course.points]


@pytest.fixture(scope="module")
def concluded():
    return {name: reader.concluded(case) for name, case in CASES.items()}


def changes(row):
    """The row without itself; its number moved; its days and count moved."""
    yield ()
    if row.threshold is not None:
        yield from (
            (dataclasses.replace(row, threshold=row.threshold * factor),) for factor in (0.1, 0.7, 1.4, 10.0)
        )
    if row.from_days is not None:
        yield (
            dataclasses.replace(row, from_days=row.from_days + 8, to_days=row.to_days and row.to_days + 8),
        )
    if row.to_days is not None:
        yield (dataclasses.replace(row, to_days=row.from_days + 1),)


def rule_set_with(rule_set, row, instead):
    rows = tuple(new for old in rule_set.rows for new in (instead if old.id == row.id else (old,)))
    return dataclasses.replace(rule_set, rows=rows)


def missed_by(rule_set, row, concluded):
    """First vignette that would conclude otherwise without the row, or with another number in it."""
    used = {
        name: any(row.id in {x.rule_id for x in held} for held in (calls, course.mrd))
        for name, (calls, course) in concluded.items()
        if rule_set in {c.rule_set for c in calls}
    }
    for name in sorted(used, key=lambda name: not used[name]):
        for instead in changes(row):
            try:
                found = outcome(
                    *reader.concluded(
                        CASES[name],
                        changed=lambda one, instead=instead: (
                            rule_set_with(one, row, instead) if one.id == rule_set else one
                        ),
                    )
                )
            except RemnantError:
                continue  # a set without the row is no set: another number must show it
            if found != outcome(*concluded[name]):
                return name
    return None


def igtr_missed_by(row):
    """The same for the numbers that read an IG/TR plate."""
    rows = igtr.igtr_rows()
    for case in igtr.CASES:
        for instead in list(changes(row))[1:]:
            moved = tuple(new for old in rows for new in (instead if old.id == row.id else (old,)))
            seen = [
                [
                    (
                        plate.quantitative_share,
                        plate.sensitive_share,
                        plate.obstacle_code,
                        *((c.verdict, c.code) for c in calls),
                    )
                    for got in [igtr.measure_igtr(igtr.wells_of(case), samples=[igtr.SAMPLE], rows=held)]
                    for plate in got.plates
                    for calls in [igtr.igtr_calls(got.plates, got.measurements, rows=held, version="1")]
                ]
                for held in (rows, moved)
            ]
            if seen[0] != seen[1]:
                return f"igtr: {case['id']}"
    return None


def covered_by(rule_set, row, concluded):
    return igtr_missed_by(row) if row.kind == "interpretation" else missed_by(rule_set, row, concluded)


@pytest.mark.parametrize(("rule_set", "row"), RULES, ids=[row.id for _, row in RULES])
def test_a_vignette_would_miss_every_rule(rule_set, row, concluded):
    assert covered_by(rule_set, row, concluded) is not None, "no vignette would miss this rule"


@pytest.mark.parametrize("row", cutoffs(), ids=lambda row: row.id)
def test_every_cut_off_of_wt1_and_baalc_is_asked_in_a_vignette(row, concluded):
    chosen = {name for name, case in CASES.items() if row.id in case.cutoffs}
    judged = {name for name, (calls, _) in concluded.items() if row.id in {c.rule_id for c in calls}}
    assert chosen | judged


def places(row):
    """What covers a row of the notes: vignettes, and tests elsewhere that exist."""
    tagged = sorted(case.id for case in CASES.values() if case.row == row["id"])
    named = list(row.get("vignettes", ()))
    assert set(named) <= set(CASES) | {f"igtr: {case['id']}" for case in igtr.CASES}, row["id"]
    for place in row.get("tests", ()):
        file, _, function = place.partition("::")
        text = (TESTS / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {function}\(", text, re.MULTILINE), place
    return [*tagged, *named, *row.get("tests", ())]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['of']}: {row['id']}")
def test_every_row_of_the_domain_notes_is_covered(row):
    assert places(row)


def test_the_notes_of_section_11_are_all_there_and_every_tag_is_a_row():
    of_notes = [row["id"] for row in ROWS if row["of"] == "molecular-mrd 11"]
    assert len(of_notes) == len(set(of_notes)) == 18
    tags = {case.row for case in CASES.values()} - {""}
    assert tags <= {row["id"] for row in ROWS}


def test_the_notes_themselves_have_no_further_row():
    notes = TESTS.parents[1] / "shared" / "domain" / "molecular-mrd.md"
    if not notes.is_file():
        pytest.skip("the domain notes stand outside the repository")
    section = notes.read_text(encoding="utf-8").partition("## 11.")[2].partition("## 12.")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    assert rows == [row["note"] for row in ROWS if row["of"] == "molecular-mrd 11"]


def table():
    """Rows and rules with what covers them, as text."""
    concluded = {name: reader.concluded(case) for name, case in CASES.items()}
    for row in ROWS:
        held = places(row)
        yield f"{row['of']:18} {row['id'][:52]:52} {len(held):3}  {', '.join(held[:3])}{' ...' if len(held) > 3 else ''}"
    for rule_set, row in RULES:
        yield f"{rule_set:18} {row.id[:52]:52}      {covered_by(rule_set, row, concluded)}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
