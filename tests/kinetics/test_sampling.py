"""When the next sample is due, and the page of intervals."""

import datetime as dt
import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.course.build import build_courses
from remnant.course.kinetics import with_kinetics
from remnant.course.sampling import sampling_plan
from remnant.numerics.growth_sampling import detected_in_time, longest_interval, window_days
from remnant.records.sample import Sample

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("kinetics_cases", Path(__file__).with_name("test_kinetics.py"))
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)


def page_module():
    spec = importlib.util.spec_from_file_location("make_sampling", ROOT / "docs" / "make_sampling.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_sampling"] = module
    spec.loader.exec_module(module)
    return module


def test_page_of_intervals_is_current():
    module = page_module()
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python docs/make_sampling.py"


@pytest.mark.definition
def test_share_detected_in_time_equals_simulated_visits():
    rng = np.random.default_rng(3)
    doubling = np.exp(rng.normal(math.log(14.0), 0.5, 400_000))
    window = doubling * math.log2(1e4) - 60.0
    first = rng.uniform(0.0, 120.0, len(window))
    got = detected_in_time(120.0, doubling_days=14.0, log_sd=0.5, log10_ratio=4.0, lead_days=60.0)
    assert got == pytest.approx((first < window).mean(), abs=0.003)


@pytest.mark.property
@given(st.floats(5, 60), st.floats(2.5, 6.0), st.floats(0.0, 90.0))
def test_without_spread_the_interval_is_the_window_less_the_lead_over_the_probability(doubling, ratio, lead):
    expected = max(0.0, (window_days(doubling, ratio) - lead) / 0.9)
    got = longest_interval(
        doubling_days=doubling, log_sd=0.0, log10_ratio=ratio, lead_days=lead, probability=0.9
    )
    assert got == pytest.approx(expected, abs=0.02, rel=1e-6)


def known(case):
    [course] = with_kinetics([case], build_courses([case]))
    return replace(case, course=course)


def test_schedule_of_the_guideline_runs_from_remission_and_names_its_row():
    case = known(cases.dossier(cases.measurement(100, "<0.01"), events=[("remission", 0)]))
    [plan] = sampling_plan([case], cases.on(200))
    assert plan.by_rule_on == cases.on(191)
    assert plan.rule_id == "eln2021_npm1_bm"
    assert plan.overdue_days == 9
    assert plan.reason.endswith("Overdue by 9 days.")


def test_schedule_ends_after_two_years():
    case = known(cases.dossier(cases.measurement(700, "<0.01"), events=[("remission", 0)]))
    assert sampling_plan([case], cases.on(705)) == ()


def diagnosis():
    return Sample(
        sample_id="P1--200-BM", patient_id="P1", material="BM", drawn_on=cases.on(-200), reason="diagnosis",
        blast_percent=50.0,
    )  # fmt: skip


def test_a_rising_series_is_sampled_before_it_may_be_overt():
    case = known(
        cases.dossier(
            cases.measurement(-200, 4000.0),
            cases.measurement(0, 0.001),
            cases.measurement(60, 0.003),
            cases.measurement(120, 0.011),
            samples=[diagnosis()],
            therapies=[("chemotherapy", -199, -100)],
        )
    )
    [plan] = sampling_plan([case], cases.on(121))
    k = case.course.kinetics[-1]
    assert plan.by_kinetics_on == max(cases.on(120), k.crossing_earliest_on - dt.timedelta(days=60))
    assert "it rises" in plan.reason


def test_a_silent_series_is_sampled_by_its_own_sensitivity():
    def plan(limit):
        case = known(
            cases.dossier(
                cases.measurement(-200, 400.0),
                cases.measurement(0, f"<{limit}"),
                samples=[diagnosis()],
                therapies=[("chemotherapy", -199, -100)],
            )
        )
        return sampling_plan([case], cases.on(1))

    [deep], [deeper] = plan(0.001), plan(0.0001)
    assert cases.on(0) < deep.by_kinetics_on < deeper.by_kinetics_on


def test_the_dead_and_the_relapsed_have_no_plan():
    case = cases.dossier(cases.measurement(100, "<0.01"), events=[("remission", 0), ("relapse", 120)])
    assert sampling_plan([known(case)], cases.on(200)) == ()
