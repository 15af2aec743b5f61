"""Who is at risk at day +100 and in which group: only what was known on that day may decide."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remnant.cohort.landmark import at_landmark, marker_group
from remnant.errors import KnowledgeError
from remnant.knowledge.cohort import landmark_rule
from remnant.records.patient import Event

RULE = landmark_rule()
POINT = landmark_rule("landmark_group.last_verdict")
CONFIRMED = landmark_rule("landmark_group.ever_confirmed")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"overt_relapse_on": 100}, "overt relapse up to the landmark"),
        ({"death_on": 100}, "death up to the landmark"),
        ({"follow_up_days": 100}, "follow-up ends up to the landmark"),
        ({"follow_up_days": None}, "follow-up ends up to the landmark"),
        ({"transplant_on": None}, "no transplantation"),
    ],
)
def test_who_is_not_at_risk(make, changes, reason):
    dated = {k: make.on(v) if k.endswith("_on") and v is not None else v for k, v in changes.items()}
    found = at_landmark(make.dossier(course=make.course(**dated)), RULE)
    assert (found.at_risk, found.group, found.reason) == (False, None, reason)


def test_an_event_the_day_after_leaves_the_patient_at_risk(make):
    course = make.course(overt_relapse_on=make.on(101), follow_up_days=101)
    assert at_landmark(make.dossier(course=course), RULE).at_risk


def test_without_a_course_nobody_is_at_risk(make):
    assert at_landmark(make.dossier(course=None), RULE).reason == "no course"


def test_the_last_sample_in_the_window_decides(make):
    joint = (
        make.joint("S1", 19, "WT1"),  # before engraftment
        make.joint("S2", 30, "BAALC"),
        make.joint("S3", 100, "both"),  # the landmark day itself counts
        make.joint("S4", 101, "neither"),
    )
    found = at_landmark(make.dossier(course=make.course(joint=joint)), RULE)
    assert (found.group, found.sample_id) == ("both", "S3")


def test_the_recorded_engraftment_opens_the_window(make):
    events = (
        Event(patient_id="P001", kind="transplant", on=make.day_0),
        Event(patient_id="P001", kind="engraftment", on=make.on(40)),
    )
    course = make.course(joint=(make.joint("S1", 30, "both"),))
    found = at_landmark(make.dossier(course=course, events=events), RULE)
    assert found.group == "undecided"
    assert str(make.on(40)) in found.reason


@pytest.mark.parametrize("reason", ["suspected_relapse", "relapse"])
@pytest.mark.parametrize("rule", [RULE, POINT, CONFIRMED])
def test_samples_for_suspected_relapse_are_no_predictors(make, reason, rule):
    course = make.course(
        joint=(make.joint("S1", 60, "neither"), make.joint("S2", 90, "both")),
        points=tuple(
            make.point(sample, day, target, state)
            for target in ("BAALC", "WT1")
            for sample, day, state in (("S1", 60, "normal"), ("S2", 90, "raised confirmed"))
        ),
    )
    samples = (make.sample("S1", 60), make.sample("S2", 90, reason=reason))
    found = at_landmark(make.dossier(course=course, samples=samples), rule)
    assert (found.group, found.sample_id) == ("neither", "S1")


def test_a_sample_without_both_markers_does_not_decide(make):
    joint = (make.joint("S1", 60, "WT1"), make.joint("S2", 90, "undecided", judged=False))
    assert at_landmark(make.dossier(course=make.course(joint=joint)), RULE).sample_id == "S1"


def test_a_borderline_last_sample_leaves_the_patient_undecided(make):
    joint = (make.joint("S1", 60, "WT1"), make.joint("S2", 90, "undecided", point_state="both"))
    dossier = make.dossier(course=make.course(joint=joint))
    assert at_landmark(dossier, RULE)[1:3] == ("undecided", "S2")
    assert at_landmark(dossier, POINT)[1:3] == ("both", "S2")


def test_marrow_wins_over_blood_of_the_same_day(make):
    joint = (make.joint("S1", 60, "WT1"), make.joint("S2", 60, "neither", material="PB"))
    for order in (joint, joint[::-1]):
        assert at_landmark(make.dossier(course=make.course(joint=order)), RULE).sample_id == "S1"


@pytest.mark.parametrize(
    ("baalc", "wt1", "group"),
    [
        (["normal", "normal"], ["normal", "normal"], "neither"),
        (["raised once", "raised confirmed"], ["normal", "normal"], "BAALC"),
        (["normal", "raised once"], ["raised once", "persistently raised"], "WT1"),
        (["raised confirmed", "regressing"], ["normal", "raised confirmed"], "both"),
        (["not evaluable", "not evaluable"], ["normal", "normal"], "undecided"),
    ],
)
def test_ever_confirmed_needs_a_confirmed_sample_in_the_window(make, baalc, wt1, group):
    points = tuple(
        make.point(f"S{i}", day, target, state)
        for target, states in (("BAALC", baalc), ("WT1", wt1))
        for i, (day, state) in enumerate(zip((60, 90), states, strict=True))
    )
    assert at_landmark(make.dossier(course=make.course(points=points)), CONFIRMED).group == group


def test_points_that_may_not_predict_or_are_sorted_or_late_do_not_confirm(make):
    points = (
        make.point("S1", 60, "BAALC", "normal"),
        make.point("S1", 60, "WT1", "normal"),
        make.point("S2", 70, "BAALC", "raised confirmed", predictor=False),
        make.point("S3", 80, "BAALC", "raised confirmed", fraction="CD34+"),
        make.point("S4", 101, "BAALC", "raised confirmed"),
    )
    assert at_landmark(make.dossier(course=make.course(points=points)), CONFIRMED).group == "neither"


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    later=st.lists(
        st.tuples(st.integers(101, 400), st.sampled_from(["neither", "BAALC", "WT1", "both", "undecided"])),
        max_size=5,
    ),
    confirmed=st.booleans(),
    relapse=st.none() | st.integers(101, 400),
)
def test_nothing_after_the_landmark_changes_the_group(make, later, confirmed, relapse):
    known = (make.joint("S1", 60, "WT1"),)
    points = tuple(make.point("S1", 60, target, "normal") for target in ("BAALC", "WT1"))
    future = tuple(make.joint(f"F{i}", day, state) for i, (day, state) in enumerate(later))
    late_points = tuple(
        make.point(f"F{i}", day, target, "raised confirmed")
        for i, (day, _) in enumerate(later)
        for target in ("BAALC", "WT1")
    )
    course = make.course(
        joint=(dataclasses.replace(known[0], confirmed=confirmed), *future),
        points=(*points, *late_points),
        overt_relapse_on=None if relapse is None else make.on(relapse),
        follow_up_days=relapse or 500,
    )
    for rule, group in ((RULE, "WT1"), (POINT, "WT1"), (CONFIRMED, "neither")):
        assert at_landmark(make.dossier(course=course), rule).group == group


@pytest.mark.parametrize(
    ("baalc", "wt1", "group"),
    [
        (True, True, "both"),
        (True, False, "BAALC"),
        (False, True, "WT1"),
        (False, False, "neither"),
        (None, True, "undecided"),
        (False, None, "undecided"),
    ],
)
def test_marker_groups(baalc, wt1, group):
    assert marker_group(baalc=baalc, wt1=wt1) == group


def test_an_unknown_landmark_rule_is_refused():
    with pytest.raises(KnowledgeError, match=r"landmark_group\.last_state"):
        landmark_rule("day 100")
    with pytest.raises(KnowledgeError, match="age_group"):
        landmark_rule("age_group.adult")
