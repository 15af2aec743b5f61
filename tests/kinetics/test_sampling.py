"""When the next sample is due, and the page of intervals."""

import datetime as dt
import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.course.build import build_courses
from remnant.course.kinetics import with_kinetics
from remnant.course.next_sample import next_samples, overdue_text
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
    assert (plan.due_on, plan.overdue_days) == (cases.on(191), 9)
    assert plan.reason == "NPM1, next sample by 11 July 2021 by schedule (eln2021_npm1_bm: every 91 days)."


def test_the_schedule_of_remission_does_not_hold_at_a_molecular_relapse():
    case = known(cases.dossier(cases.measurement(100, 0.5), events=[("remission", 0)]))
    (asked,) = next_samples([case], cases.on(120))
    assert asked.due_on == cases.on(191)
    at_relapse = SimpleNamespace(
        target="NPM1", state="confirmed relapse", drawn_on=cases.on(100), assay_id="NPM1/ABL1", material="BM",
        fraction="", confirm_by=None,
    )  # fmt: skip
    relapsed = replace(case, course=replace(case.course, mrd=(at_relapse,)))
    (asked,) = next_samples([relapsed], cases.on(120))
    assert asked.due_on is None


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
    assert "BM rises and may reach" in plan.reason


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


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"events": [("remission", 0), ("death", 130)]}, "died on 11 May 2021"),
        ({"events": [("remission", 0), ("relapse", 130)]}, "overt relapse on 11 May 2021"),
        ({"events": [("remission", 0), ("off_study", 130)]}, "off study since 11 May 2021"),
    ],
)
def test_the_dead_the_relapsed_and_those_off_study_owe_no_sample(more, why):
    case = known(cases.dossier(cases.measurement(100, "<0.01"), **more))
    (asked,) = next_samples([case], cases.on(900))
    assert (asked.due_on, asked.overdue_days, asked.plans) == (None, 0, ())
    assert asked.sentence == f"No sample is due: {why}."


def test_a_sample_after_the_end_of_study_takes_the_patient_up_again():
    drawn = Sample(sample_id="P1-300-BM", patient_id="P1", material="BM", drawn_on=cases.on(300))
    case = known(
        cases.dossier(
            cases.measurement(300, "<0.01"), samples=[drawn], events=[("remission", 0), ("off_study", 130)]
        )
    )
    (asked,) = next_samples([case], cases.on(392))
    assert (asked.due_on, asked.overdue_days) == (cases.on(391), 1)
    assert asked.sentence == "Next sample overdue since 27 January 2022, 1 day."


def test_last_contact_does_not_end_the_plan_and_is_said():
    case = known(
        cases.dossier(cases.measurement(100, "<0.01"), events=[("remission", 0), ("last_contact", 150)])
    )
    (asked,) = next_samples([case], cases.on(200))
    assert asked.sentence == "Next sample overdue since 11 July 2021, 9 days (last contact 31 May 2021)."


def test_a_schedule_that_names_marrow_or_blood_is_kept_by_either():
    blood = cases.measurement(180, "<0.01", material="PB")
    case = known(cases.dossier(cases.measurement(100, "<0.01"), blood, events=[("remission", 0)]))
    (plan,) = sampling_plan([case], cases.on(200))
    assert (plan.due_on, plan.rule_id, plan.overdue_days) == (cases.on(222), "eln2021_npm1_pb", 0)
    late_blood = cases.measurement(110, "<0.01", material="PB")
    case = known(cases.dossier(cases.measurement(100, "<0.01"), late_blood, events=[("remission", 0)]))
    (plan,) = sampling_plan([case], cases.on(200))
    assert (plan.due_on, plan.rule_id) == (cases.on(191), "eln2021_npm1_bm")


def test_an_undetected_sample_is_as_sensitive_as_its_wells_were_validated_to_be():
    def due(**more):
        case = known(
            cases.dossier(
                cases.measurement(-200, 400.0),
                cases.measurement(0, "<0.0001", **more),
                samples=[diagnosis()],
                therapies=[("chemotherapy", -199, -100)],
            )
        )
        (plan,) = sampling_plan([case], cases.on(1))
        return plan.by_kinetics_on

    assert due(limit_of_detection=0.001) < due() == due(limit_of_detection=0.00001)


@pytest.mark.property
@given(st.integers(0, 3000))
def test_the_day_of_asking_moves_no_date_and_counts_the_days(day):
    case = known(cases.dossier(cases.measurement(100, "<0.01"), events=[("remission", 0)]))
    (asked,) = next_samples([case], cases.on(day))
    assert asked.due_on == cases.on(191)
    assert asked.overdue_days == max(0, day - 191)
    assert (overdue_text(cases.on(191), cases.on(day)) in asked.sentence) is (day > 191)
