"""Lead times, relapses without warning, false alarms per patient-year."""

import dataclasses

import pytest

from remnant.cohort.lead_times import lead_times
from remnant.numerics.proportions import clopper_pearson, poisson_rate
from remnant.records.alarm import WarningCounts

COUNTS = WarningCounts(
    patients=50,
    relapses=20,
    warned=4,
    unwarned=16,
    lead_time_days=(8, 30, 50, 180),
    false_alarms=3,
    alarms_after_therapy=2,
    open_alarms=1,
    patient_years=61.5,
    unwarned_no_sample=2,
    unwarned_nothing_raised=8,
    unwarned_unconfirmed=5,
    unwarned_ended=1,
)


def test_the_counts_get_their_intervals():
    made = lead_times(COUNTS)
    assert (made.median_days, made.shortest_days, made.longest_days) == (40.0, 8.0, 180.0)
    assert made.unwarned_share == 0.8
    assert (made.unwarned_lower, made.unwarned_upper) == clopper_pearson(16, 20)
    assert made.false_alarms_per_patient_year == pytest.approx(3 / 61.5)
    assert (made.rate_lower, made.rate_upper) == poisson_rate(3, 61.5)
    for field in dataclasses.fields(COUNTS):
        if field.name != "lead_time_days":
            assert getattr(made, field.name) == getattr(COUNTS, field.name)


def test_no_false_alarm_has_an_upper_bound():
    made = lead_times(dataclasses.replace(COUNTS, false_alarms=0))
    assert (made.false_alarms_per_patient_year, made.rate_lower) == (0.0, 0.0)
    assert made.rate_upper == pytest.approx(3.688879 / 61.5, rel=1e-6)


def test_without_relapses_or_follow_up_nothing_is_made_up():
    empty = WarningCounts(
        patients=0,
        relapses=0,
        warned=0,
        unwarned=0,
        lead_time_days=(),
        false_alarms=0,
        alarms_after_therapy=0,
        open_alarms=0,
        patient_years=0.0,
    )
    made = lead_times(empty)
    assert (made.median_days, made.unwarned_share, made.unwarned_upper) == (None, None, None)
    assert (made.false_alarms_per_patient_year, made.rate_upper) == (None, None)
