"""Every vignette: dated samples in; state, reason code, verdict out. The table is read by people, run by this."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest

from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.rules_files import shipped_rules

_SPEC = importlib.util.spec_from_file_location(
    "vignette_reader", Path(__file__).with_name("vignette_reader.py")
)
reader = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reader)
CASES = reader.vignettes()


@pytest.fixture(scope="module")
def conclusions():
    return {case.id: reader.concluded(case) for case in CASES}


def found(course, case):
    points = course.points if case.background else course.mrd
    return [(point.drawn_on, point.material, point.state, getattr(point, "code", "")) for point in points]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_states_and_reason_codes(case, conclusions):
    calls, course = conclusions[case.id]
    wanted = [
        (reader.on(line.day), line.material, line.state, line.code)
        for line in case.lines
        if line.state != "pooled"
    ]
    assert found(course, case) == wanted, case.why
    if case.response:
        response = [call for call in calls if call.code.startswith(("response.", "is."))]
        assert response[-1].verdict == case.response
        assert case.response_code in {"", response[-1].code}
    for rule_id, verdict in case.shown.items():
        assert [call.verdict for call in calls if call.rule_id == rule_id][-1] == verdict
    last = (course.points if case.background else course.mrd)[-1]
    if case.confidence is not None:
        assert last.confidence == case.confidence
    if case.confirm_by is not None:
        assert last.confirm_by == reader.on(case.confirm_by)


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if (c.cautions, c.named, c.signs) != (None, None, None)],
    ids=lambda case: case.id,
)
def test_cautions_named_disagreements_and_signs(case, conclusions):
    calls, course = conclusions[case.id]
    found, rows = reader.signs(case, calls, course)
    if case.cautions is not None:
        assert tuple(f"{one.kind} {one.target}".strip() for one in course.cautions) == case.cautions, case.why
    if case.named is not None:
        last = max((one.drawn_on for one in found), default=None)
        kinds = [one.kind for one in found if one.drawn_on == last]
        assert case.named in {*kinds, ""}
        assert case.named or not any(one.since for one in found)
    if case.signs is not None:
        assert tuple(row.kind for row in rows) == case.signs[:1]
        assert all(
            any(word in text for text in (row.reason, *row.reasons))
            for row in rows
            for word in case.signs[1:]
        )


def test_a_caution_changes_no_verdict_and_no_state(conclusions):
    for case in CASES:
        if not case.cautions:
            continue
        quiet = tuple(
            dataclasses.replace(
                line, options={k: v for k, v in line.options.items() if k not in {"flow", "quality"}}
            )
            for line in case.lines
        )
        calls, course = reader.concluded(dataclasses.replace(case, variants=(), lines=quiet))
        was_calls, was = conclusions[case.id]
        assert course.cautions == ()
        assert [(c.verdict, c.probability_above) for c in calls] == [
            (c.verdict, c.probability_above) for c in was_calls
        ]
        assert [p.state for p in (*course.points, *course.mrd)] == [p.state for p in (*was.points, *was.mrd)]
        said = [p.reason for p in (*was.points, *was.mrd)]
        assert (
            said != [p.reason for p in (*course.points, *course.mrd)]
            or "variant not known" in case.cautions[0]
        )


def test_there_are_enough_and_each_says_why():
    assert len(CASES) >= 150
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.why.endswith(".") for case in CASES)


@pytest.mark.parametrize("transition", mrd_state_rules().transitions.values(), ids=lambda one: one.id)
def test_every_transition_happens_in_a_vignette_as_the_table_says(transition, conclusions):
    seen = {
        point.transition: (point.state, case)
        for case in CASES
        for point in conclusions[case.id][1].mrd
        if point.transition
    }
    assert transition.id in seen, "no vignette takes this transition"
    assert seen[transition.id][0] == transition.becomes


def test_every_complete_rule_set_that_ships_is_used(conclusions):
    used = {call.rule_set for calls, _ in conclusions.values() for call in calls}
    assert {one.id for one in shipped_rules() if one.complete} <= used


def test_every_statement_names_rule_version_and_samples(conclusions):
    for calls, course in conclusions.values():
        for point in course.mrd:
            assert point.rule_id
            assert point.rule_version
            assert point.would_change
            assert point.reason
            assert bool(point.samples) == (point.state != "not evaluable")
        assert all(call.code for call in calls if call.rule_set)
