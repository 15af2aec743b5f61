"""Samples of which only a lower bound is known, in courses: every partition positive, "more than" in a report."""

from dataclasses import replace

from remnant.call.calls import calls
from remnant.course.build import build_course
from remnant.course.pooled import pooled, pooled_call
from remnant.evidence.kinds import PartitionsEvidence, ReportedEvidence
from remnant.records.sample import Sample
from remnant.report import changes


def change_of(point):
    """As page and terminal print it."""
    return changes.change(point.change_log10, point.change_lower, point.change_upper)


def test_a_change_to_a_saturated_sample_is_a_bound_in_record_sentence_and_table(build):
    """Every partition positive: what is printed is that the change is more than its lower end."""
    high = PartitionsEvidence(
        k=16_000, n=16_000, volume_ul=1e-4, volume_cv=0.0, false_positive=0.0, log10_low=-2.0, log10_high=6.3
    )
    lines = [{"day": day, "WT1": 400.0} for day in (100, 130, 160)]
    held = build.dossier(lines)
    ends = dict.fromkeys(("estimate", "upper", "comparison_upper", "upper_limit", "point_value"))
    measured = [
        m
        if m.drawn_on == build.on(100)
        else replace(m, evidence=high, state="detected", lower=8e4, comparison_lower=8e4, **ends)
        for m in held.measurements
    ]
    judged = calls(measured, samples=held.samples, events=held.events, baselines=held.baselines)
    points = build_course(replace(held, measurements=tuple(measured), calls=judged)).points
    to_bound, between_bounds = points[1], points[2]
    assert (to_bound.change_log10, to_bound.change_upper) == (None, None)
    assert 1.8 < to_bound.change_lower < 2.4
    assert to_bound.probability_rise_1_log > 0.99
    assert f"Change > {to_bound.change_lower:+.2f} log10 (one sample is a bound); P(rise)" in to_bound.reason
    assert (between_bounds.change_lower, between_bounds.probability_rise) == (None, None)
    assert "Change" not in between_bounds.reason
    assert change_of(to_bound) == f"> +{to_bound.change_lower:.2f}"
    assert change_of(between_bounds) == ""


def test_two_saturated_measurements_of_a_day_are_pooled_to_a_bound(build):
    high = ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=None, lower_limit=5e3, log10_low=-4.0, log10_high=7.0
    )
    ends = dict.fromkeys(("estimate", "upper", "comparison_upper", "upper_limit", "point_value"))
    one = build.measurement("P1", 30, "WT1", 400.0)
    some = [
        replace(one, measurement_id=f"M{i}", evidence=high, state="detected", lower=5e3, **ends)
        for i in range(2)
    ]
    got = pooled(some)
    assert (got.known_above, got.estimate, got.upper, got.upper_limit) == (5e3, None, None, None)
    samples = [Sample(sample_id=one.sample_id, patient_id="P1", material="BM", drawn_on=one.drawn_on)]
    call = pooled_call(
        got, [c for c in calls(some, samples=samples) if c.role == "decides"], borderline=(0.05, 0.95)
    )
    assert call.verdict == "above"
    assert "WT1 > 5,000 per 10⁴ ABL1 is above" in call.reason


def test_of_two_bounds_of_a_day_the_higher_one_holds(build):
    ends = dict.fromkeys(("estimate", "upper", "comparison_upper", "upper_limit", "point_value"))
    one = build.measurement("P1", 30, "WT1", 400.0)
    some = [
        replace(
            one,
            measurement_id=f"M{limit}",
            evidence=ReportedEvidence(
                value=None, sd_log10=0.0, upper_limit=None, lower_limit=limit, log10_low=-4.0, log10_high=7.0
            ),
            state="detected",
            lower=limit,
            **ends,
        )
        for limit in (2e3, 5e3)
    ]
    assert [pooled(group).known_above for group in (some, some[::-1])] == [5e3, 5e3]
