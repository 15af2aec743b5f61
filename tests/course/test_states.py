"""The transition table: total, silent about what was not evaluable, and never without evidence."""

import datetime as dt
import itertools
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.course.states import CONFIRMED, NOT_EVALUABLE, STATES, TRANSITIONS, Reading, Sign, follow
from remnant.knowledge.states import state_rules

RULES = state_rules()
START = dt.date(2021, 1, 1)


def reading(day, raised, fall=None, phase=0):
    return Reading(drawn_on=START + dt.timedelta(days=day), raised=raised, probability_fall=fall, phase=phase)


def states(*lines, rules=RULES):
    return [status.state for status in follow([reading(*line) for line in lines], rules)]


readings = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.sampled_from([True, True, False, None]),
        st.sampled_from([None, 0.2, 0.99]),
        st.booleans(),
    ),
    max_size=12,
).map(
    lambda steps: [
        reading(day, raised, fall, int(i > len(steps) // 2))
        for i, (day, (_, raised, fall, _)) in enumerate(
            zip(itertools.accumulate(step[0] for step in steps), steps, strict=True)
        )
    ]
)


@pytest.mark.definition
def test_the_table_has_one_row_for_every_state_and_sign():
    rows = [(state, sign) for state, sign, _ in TRANSITIONS]
    assert sorted(rows) == sorted(itertools.product(STATES, get_args(Sign)))
    assert {becomes for *_, becomes in TRANSITIONS} == set(STATES)


@pytest.mark.definition
def test_no_word_of_minimal_residual_disease_is_a_state():
    assert not any(word in state for state in STATES for word in ("negative", "relapse", "positive", "MRD"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([(0, False)], ["normal"], id="normal"),
        pytest.param([(0, True)], ["raised once"], id="a first sample that is raised"),
        pytest.param([(0, True), (20, False)], ["raised once", "normal"], id="not confirmed"),
        pytest.param([(0, True), (20, True)], ["raised once", "raised confirmed"], id="confirmed"),
        pytest.param([(0, True), (13, True)], ["raised once", "raised once"], id="too early"),
        pytest.param(
            [(0, True), (13, True), (14, True)],
            ["raised once", "raised once", "raised confirmed"],
            id="early, then in the window of the first",
        ),
        pytest.param([(0, True), (60, True)], ["raised once", "raised confirmed"], id="late"),
        pytest.param(
            [(0, True), (20, True, 0.99)], ["raised once", "raised confirmed"], id="a fall still confirms"
        ),
        pytest.param(
            [(0, True), (20, True), (40, True), (56, True)],
            ["raised once", "raised confirmed", "raised confirmed", "persistently raised"],
            id="persistent after 56 days",
        ),
        pytest.param(
            [(0, True), (20, True), (40, True, 0.96)],
            ["raised once", "raised confirmed", "regressing"],
            id="lower although raised",
        ),
        pytest.param(
            [(0, True), (20, True), (40, True, 0.95)],
            ["raised once", "raised confirmed", "raised confirmed"],
            id="not surely lower",
        ),
        pytest.param(
            [(0, True), (20, True), (140, True), (141, True)],
            ["raised once", "raised confirmed", "persistently raised", "persistently raised"],
            id="persistent over a gap of 120 days",
        ),
        pytest.param(
            [(0, True), (20, True), (141, True), (160, True), (197, True)],
            ["raised once", *["raised confirmed"] * 3, "persistently raised"],
            id="counted anew after a longer gap",
        ),
        pytest.param(
            [(0, True), (20, True), (60, True), (400, True)],
            ["raised once", "raised confirmed", "persistently raised", "raised confirmed"],
            id="persistence ends with a longer gap",
        ),
        pytest.param(
            [(0, True), (20, True), (40, False), (60, False)],
            ["raised once", "raised confirmed", "regressing", "normal"],
            id="regresses, then normal",
        ),
        pytest.param(
            [(0, True), (20, True), (40, False), (60, True), (80, True)],
            ["raised once", "raised confirmed", "regressing", "raised once", "raised confirmed"],
            id="a new rise begins anew",
        ),
        pytest.param(
            [(0, True), (20, True), (40, True, 0.99), (60, True)],
            ["raised once", "raised confirmed", "regressing", "persistently raised"],
            id="a fall that stops above the cut-off",
        ),
        pytest.param(
            [(0, True), (20, None), (30, True)],
            ["raised once", "not evaluable", "raised confirmed"],
            id="not evaluable in between",
        ),
        pytest.param(
            [(-20, True, None, 0), (30, True, None, 1)],
            ["raised once", "raised once"],
            id="transplantation begins anew",
        ),
    ],
)  # fmt: skip
def test_what_follows(lines, expected):
    assert states(*lines) == expected


def test_a_laboratory_may_forbid_late_confirmation():
    strict = replace(RULES, confirms_after_window=False)
    assert states((0, True), (60, True), (80, True), rules=strict) == [
        "raised once",
        "raised once",
        "raised confirmed",
    ]


def test_the_window_is_named_and_a_late_confirmation_says_so():
    once, late = follow([reading(0, raised=True), reading(60, raised=True)], RULES)
    assert once.confirm_by == START + dt.timedelta(days=35)
    assert (late.late_days, late.confirm_by) == (25, None)


@pytest.mark.property
@given(readings, st.integers(0, 12))
def test_a_sample_that_is_not_evaluable_changes_no_other_state(given_readings, at):
    at = min(at, len(given_readings))
    day = given_readings[at - 1].drawn_on if at else START
    blank = Reading(drawn_on=day, raised=None, phase=given_readings[at - 1].phase if at else 0)
    with_blank = follow([*given_readings[:at], blank, *given_readings[at:]], RULES)
    assert with_blank[at].state == NOT_EVALUABLE
    assert with_blank[:at] + with_blank[at + 1 :] == follow(given_readings, RULES)


@pytest.mark.property
@given(readings)
def test_no_state_without_evidence(given_readings):
    for one, status in zip(given_readings, follow(given_readings, RULES), strict=True):
        assert (status.state == NOT_EVALUABLE) == (one.raised is None)
        assert (status.since is None) == (one.raised is None)


@pytest.mark.property
@given(readings)
def test_the_past_does_not_depend_on_the_future(given_readings):
    whole = follow(given_readings, RULES)
    for n in range(len(given_readings)):
        assert follow(given_readings[:n], RULES) == whole[:n]


@pytest.mark.property
@given(readings)
def test_confirmed_means_two_raised_samples_far_enough_apart_with_none_low_between(given_readings):
    for i, status in enumerate(follow(given_readings, RULES)):
        if status.state not in CONFIRMED:
            continue
        here = given_readings[i]
        before = [r for r in given_readings[:i] if r.raised is not None and r.phase == here.phase]
        raised = list(itertools.takewhile(lambda r: r.raised, reversed(before)))
        assert here.raised
        assert any((here.drawn_on - r.drawn_on).days >= RULES.confirm_from_days for r in raised)


@pytest.mark.property
@given(readings)
def test_since_is_the_first_sample_of_an_unbroken_run_of_the_state(given_readings):
    seen = [
        (one, status)
        for one, status in zip(given_readings, follow(given_readings, RULES), strict=True)
        if status.state != NOT_EVALUABLE
    ]
    for i, (_, status) in enumerate(seen):
        run = [one for one, other in seen[: i + 1] if one.drawn_on >= status.since]
        assert run[0].drawn_on == status.since
        assert all(
            other.state == status.state for one, other in seen[: i + 1] if one.drawn_on >= status.since
        )
