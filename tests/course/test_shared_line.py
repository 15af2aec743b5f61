"""A line of other assays, one error on donors and patients alike: no state, distance or probability feels it."""

from dataclasses import replace

import numpy as np
import pytest

from remnant.call.calls import calls
from remnant.call.donors import donor_baseline
from remnant.course.build import build_course
from remnant.course.kinetics import fit_kinetics
from remnant.evidence.kinds import ErrorTerm

LINE = "curve:laboratory:BAALC"
OWN = 0.1**2 + 0.05**2  # of a measurement of these tests


def with_line(m, line):
    """A measurement of BAALC that is read by it; its interval holds the error."""
    if not line or m.target != "BAALC":
        return m
    wider = 10 ** (1.96 * (np.sqrt(OWN + line**2) - np.sqrt(OWN)))
    errors = (*m.evidence.errors, ErrorTerm(name=LINE, sd_log10=line))
    return replace(
        m, evidence=replace(m.evidence, errors=errors), lower=m.lower / wider, upper=m.upper * wider
    )


def judged(build, lines, *, line):
    donors = [
        with_line(build.measurement(f"D{i}", 0, "BAALC", float(level)), line)
        for i, level in enumerate(8.0 * 10 ** np.random.default_rng(3).normal(0, 0.25, 24))
    ]
    held = build.dossier(lines)
    measured = tuple(with_line(m, line) for m in held.measurements)
    baselines = (donor_baseline(donors),)
    made = calls(measured, samples=held.samples, events=held.events, baselines=baselines)
    dossier = replace(held, measurements=measured, baselines=baselines, calls=made)
    return [c for c in made if "donor" in c.uncertainty], dossier


def growth(dossier):
    """Of BAALC above its background."""
    [fitted] = [k for k in fit_kinetics([dossier]) if k.target == "BAALC" and not k.refused]
    return fitted.change_lower, fitted.change_log10_per_month, fitted.change_upper


@pytest.mark.property
def test_a_line_that_all_share_is_no_distance(build):
    lines = [
        {"day": day, "WT1": 20.0, "BAALC": level}
        for day, level in ((100, 9.0), (130, 8.0), (160, 30.0), (190, 60.0))
    ]
    without, bare = judged(build, lines, line=0.0)
    with_it, read = judged(build, lines, line=0.4)
    course, plain = build_course(read), build_course(bare)
    assert [c.probability_above for c in with_it] == pytest.approx(
        [c.probability_above for c in without], abs=1e-4
    )
    assert [c.verdict for c in with_it] == [c.verdict for c in without]
    points, expected = ([p for p in one.points if p.target == "BAALC"] for one in (course, plain))
    assert [p.z_background for p in points] == pytest.approx([p.z_background for p in expected], abs=0.01)
    assert [(p.state, p.raised) for p in points] == [(p.state, p.raised) for p in expected]
    assert [p.state for p in points][-1] == "raised confirmed"
    assert [j.probability_baalc for j in course.joint] == pytest.approx(
        [j.probability_baalc for j in plain.joint], abs=2e-3
    )
    assert [p.change_upper for p in points[1:]] == pytest.approx(
        [p.change_upper for p in expected[1:]], abs=0.01
    )
    assert growth(read) == pytest.approx(growth(bare), abs=0.01)
