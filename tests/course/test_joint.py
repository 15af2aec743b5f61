"""WT1 and BAALC over one control gene."""

import dataclasses

import numpy as np
import pytest

from remnant.course.build import build_courses
from remnant.evidence.kinds import ErrorTerm


def joint(build, *lines, **about):
    return build.course([{"day": day, **values} for day, values in lines], **about).joint


@pytest.mark.parametrize(
    ("wt1", "baalc", "state"),
    [
        (10.0, 5.0, "neither"),
        (5000.0, 5.0, "WT1"),
        (10.0, 200.0, "BAALC"),
        (5000.0, 200.0, "both"),
        (260.0, 5.0, "undecided"),
        (5000.0, 35.0, "undecided"),
    ],
)
def test_states(build, wt1, baalc, state):
    assert [j.state for j in joint(build, (120, {"WT1": wt1, "BAALC": baalc}))] == [state]


@pytest.mark.parametrize("values", [{"WT1": 5000.0}, {"WT1": 5000.0, "BAALC": None}])
def test_one_missing_is_undecided(build, values):
    (got,) = joint(build, (120, values))
    assert (got.state, got.point_state, got.probability_both) == ("undecided", "undecided", None)
    assert "BAALC not" in got.reason


BOTH = {"WT1": 5000.0, "BAALC": 200.0}


@pytest.mark.parametrize(("gap", "confirmed"), [(13, False), (14, True), (35, True), (36, False)])
def test_synchrony_is_confirmed_in_the_next_sample_within_its_window(build, gap, confirmed):
    got = joint(build, (100, BOTH), (100 + gap, BOTH))
    assert [j.confirmed for j in got] == [confirmed, False]


def test_a_failed_sample_between_does_not_break_synchrony_and_a_normal_one_does(build):
    failed = joint(build, (100, BOTH), (110, {"WT1": None, "BAALC": 200.0}), (121, BOTH))
    assert failed[0].confirmed
    normal = joint(build, (100, BOTH), (110, {"WT1": 10.0, "BAALC": 5.0}), (121, BOTH))
    assert not normal[0].confirmed


def low_control(build, rng, *, sd, patients=250):
    """Patients just below both limits whose one ABL1 measurement errs by `sd` log10."""
    dossiers = []
    for i in range(patients):
        error = 10 ** rng.normal(0, sd)
        values = {"WT1": 140.0 * error, "BAALC": 13.0 * error}
        one = build.dossier([{"day": 120, **values}], patient=f"P{i}")
        shared = (ErrorTerm(name=f"control:{i}:ABL1", sd_log10=sd),)
        measurements = tuple(
            dataclasses.replace(m, evidence=dataclasses.replace(m.evidence, errors=shared, sd_log10=0.02))
            for m in one.measurements
        )
        dossiers.append(dataclasses.replace(one, measurements=measurements))
    return [course.joint[0] for course in build_courses(dossiers)]


@pytest.mark.coverage
@pytest.mark.parametrize("sd", [0.25, 0.35])
def test_a_low_control_does_not_count_as_two_signs(build, sd):
    found = low_control(build, np.random.default_rng(17), sd=sd)
    point = np.array([[j.point_state in {"WT1", "both"}, j.point_state in {"BAALC", "both"}] for j in found])
    both_by_points = (point.all(axis=1)).mean()
    assert both_by_points > 2.0 * point[:, 0].mean() * point[:, 1].mean()
    assert np.mean([j.state == "both" for j in found]) <= 0.05


@pytest.mark.property
def test_the_joint_probability_knows_that_the_control_is_shared(build):
    for one in low_control(build, np.random.default_rng(3), sd=0.3, patients=30):
        low, high = sorted((one.probability_wt1, one.probability_baalc))
        assert low * high - 1e-6 <= one.probability_both <= low + 1e-6
        if low > 0.05 and high < 0.95:
            assert one.probability_both > 1.02 * low * high
