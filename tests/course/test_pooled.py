"""What is counted of several measurements of one day, as one."""

from dataclasses import replace

import pytest

from remnant.course.build import build_course
from remnant.course.pooled import pooled


def test_copies_and_wells_are_those_of_all_parts(build):
    parts = [
        build.measurement("P1", 30, "WT1", value, measurement_id=f"M{i}", control_copies=copies)
        for i, (value, copies) in enumerate([(100.0, 10_000.0), (200.0, 30_000.0)])
    ]
    got = pooled(parts)
    assert (got.target_copies, got.control_copies, got.wells, got.control_wells) == (300.0, 40_000.0, 6, 4)
    assert got.point_value == pytest.approx((100.0 * 10_000 + 200.0 * 30_000) / 40_000)


@pytest.mark.parametrize("known", [None, 20_000.0])
def test_copies_that_one_part_does_not_tell_are_not_known(build, known):
    """A report without control copies has not one copy: no copies are made up, and each value counts alike."""
    parts = [
        build.measurement("P1", 30, "WT1", value, measurement_id=f"M{i}", control_copies=copies)
        for i, (value, copies) in enumerate([(100.0, known), (200.0, None)])
    ]
    got = pooled([replace(one, target_copies=None) for one in parts])
    assert (got.target_copies, got.control_copies) == (None, None)
    assert got.point_value == pytest.approx(150.0)


def test_raw_copies_of_a_day_are_those_of_all_its_measurements(build):
    one = build.dossier([{"day": 90, "WT1": 400.0, "BAALC": 40.0}])
    again = replace(one.measurements[0], measurement_id="again")
    call = replace(
        next(c for c in one.calls if c.measurement_id == one.measurements[0].measurement_id),
        measurement_id="again",
    )
    got = build_course(replace(one, measurements=(*one.measurements, again), calls=(*one.calls, call)))
    assert "Raw copies: WT1 800, BAALC 40." in got.joint[0].reason


@pytest.mark.property
def test_limits_that_were_reported_on_one_day_are_the_lowest_of_them(build):
    parts = [
        build.measurement(
            "P1", 30, "WT1", f"<{limit}", errors=(), measurement_id=f"M{limit}", limit_of_detection=limit
        )
        for limit in (5.0, 2.0, 8.0)
    ]
    for group in (parts, parts[::-1]):
        got = pooled(group)
        assert got.evidence.upper_limit == got.limit_of_detection == 2.0
        assert got.upper_limit == pytest.approx(2.0, rel=0.01)
        assert (got.state, got.point_value, got.estimate) == ("not detected", None, None)
