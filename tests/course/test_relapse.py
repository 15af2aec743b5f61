"""Overt relapse, what may predict it, alarms and lead time."""

import pytest

from remnant.course.episodes import warning_counts
from remnant.course.relapse import overt_relapse
from remnant.knowledge.relapse import relapse_rules


def found(build, lines, **about):
    one = build.dossier(lines, **about)
    return overt_relapse(one.samples, one.events, rules=relapse_rules())


@pytest.mark.parametrize(
    ("line", "overt"),
    [
        ({"day": 100, "blast_percent": 4.9}, False),
        ({"day": 100, "blast_percent": 5.0}, True),
        ({"day": 100, "blast_percent": 0.0, "material": "PB"}, False),
        ({"day": 100, "blast_percent": 1.0, "material": "PB"}, True),
        ({"day": 100, "blast_percent": None, "reason": "suspected_relapse"}, False),
        ({"day": -20, "blast_percent": 60.0}, False),
    ],
)
def test_overt_is_five_percent_in_marrow_or_any_blast_in_blood_after_transplantation(build, line, overt):
    assert (found(build, [line]).on is not None) == overt


def test_relapse_is_dated_by_its_first_sign_with_the_last_date_without(build):
    lines = [
        {"day": 60, "blast_percent": 1.0},
        {"day": 90, "blast_percent": None},
        {"day": 100, "blast_percent": 40.0},
        {"day": 120, "blast_percent": 2.0},
    ]
    got = found(build, lines, events=[("relapse", 103)])
    assert (got.on, got.last_negative_on, got.rule) == (build.on(100), build.on(60), "BM blasts 40 %")


def test_signs_of_one_day_are_named_together(build):
    got = found(build, [{"day": 100, "blast_percent": 40.0}], events=[("extramedullary_relapse", 100)])
    assert got.rule == "BM blasts 40 %, extramedullary relapse recorded"


def test_a_relapse_before_transplantation_is_not_the_one_we_look_for(build):
    assert found(build, [], events=[("relapse", -60)]).on is None


def test_without_transplantation_blasts_count_after_remission_only(build):
    lines = [
        {"day": 0, "blast_percent": 80.0},
        {"day": 40, "blast_percent": 2.0},
        {"day": 200, "blast_percent": 30.0},
    ]
    assert found(build, lines[:1], graft=None).on is None
    assert found(build, lines, graft=None).on == build.on(200)


RISE = [
    {"day": 30, "WT1": 20.0},
    {"day": 75, "WT1": 400.0},
    {"day": 96, "WT1": 900.0},
]


def test_lead_time_runs_from_the_first_confirmed_sample_to_overt_relapse(build):
    got = build.course([*RISE, {"day": 140, "WT1": 9000.0, "blast_percent": 40.0}])
    assert (got.first_raised_on, got.first_confirmed_on) == (build.on(75), build.on(96))
    assert (got.overt_relapse_on, got.lead_time_days, got.unwarned) == (build.on(140), 44, False)
    assert [e.outcome for e in got.episodes] == ["relapse"]


def test_a_sample_of_the_day_of_relapse_does_not_warn(build):
    got = build.course(
        [RISE[0], RISE[1], {"day": 96, "WT1": 900.0, "blast_percent": 30.0}, {"day": 120, "WT1": 950.0}]
    )
    assert (got.unwarned, got.lead_time_days, got.first_confirmed_on) == (True, None, None)
    assert got.first_raised_on == build.on(75)
    assert [p.predictor for p in got.points] == [True, True, False, False]


def test_a_sample_drawn_because_relapse_was_suspected_does_not_warn(build):
    got = build.course(
        [
            *RISE[:2],
            {"day": 96, "WT1": 900.0, "reason": "suspected_relapse"},
            {"day": 99, "blast_percent": 40.0},
        ]
    )
    assert (got.unwarned, got.first_confirmed_on) == (True, None)


def test_diagnosis_does_not_warn(build):
    got = build.course(
        [
            {"day": -150, "WT1": 9000.0, "reason": "diagnosis", "blast_percent": 80.0},
            {"day": -120, "WT1": 8000.0, "blast_percent": 60.0},
            {"day": 100, "blast_percent": 30.0},
        ]
    )
    assert (got.first_raised_on, got.first_confirmed_on, got.unwarned) == (None, None, True)


FALL = [{"day": 125, "WT1": 30.0}, {"day": 150, "WT1": 25.0}]


def test_a_confirmed_rise_that_regresses_is_a_false_alarm(build):
    got = build.course([*RISE, *FALL])
    assert got.false_alarms == 1
    assert [(e.outcome, e.ended_on) for e in got.episodes] == [("regressed", build.on(125))]


def test_an_alarm_that_regressed_after_donor_lymphocytes_is_not_a_false_one(build):
    got = build.course([*RISE, *FALL], therapies=[("dli", 100)])
    assert got.false_alarms == 0
    assert [e.outcome for e in got.episodes] == ["regressed after therapy"]
    assert build.course([*RISE, *FALL], therapies=[("dli", 130)]).false_alarms == 1


def test_a_standing_alarm_is_neither_false_nor_fulfilled(build):
    got = build.course(RISE)
    assert (got.false_alarms, [e.outcome for e in got.episodes]) == (0, ["open"])


def test_an_alarm_that_was_over_does_not_warn_of_a_later_relapse(build):
    got = build.course([*RISE, *FALL, {"day": 400, "blast_percent": 50.0}])
    assert (got.unwarned, got.lead_time_days, got.false_alarms) == (True, None, 1)
    assert got.first_confirmed_on == build.on(96)


def test_overlapping_rises_of_two_markers_are_one_alarm(build):
    lines = [
        {"day": 100, "WT1": 400.0, "BAALC": 8.0},
        {"day": 121, "WT1": 900.0, "BAALC": 90.0},
        {"day": 142, "WT1": 2000.0, "BAALC": 150.0},
    ]
    got = build.course(lines)
    assert [(e.markers, e.confirmed_on) for e in got.episodes] == [(("BAALC", "WT1"), build.on(121))]


def test_counts_over_patients_give_a_rate_per_patient_year(build):
    courses = [
        build.course([*RISE, {"day": 140, "blast_percent": 40.0}], patient="A"),
        build.course([*RISE, *FALL], patient="B", events=[("last_contact", 365)]),
        build.course([{"day": 200, "WT1": 10.0}, {"day": 250, "blast_percent": 9.0}], patient="C"),
        build.course([{"day": 30, "WT1": 10.0}], patient="D", graft=None),
    ]
    got = warning_counts(courses)
    assert (got.patients, got.relapses, got.warned, got.unwarned) == (3, 2, 1, 1)
    assert (got.lead_time_days, got.false_alarms, got.open_alarms) == ((44,), 1, 0)
    assert (got.unwarned_nothing_raised, got.unwarned_no_sample) == (1, 0)
    assert got.patient_years == pytest.approx((140 + 365 + 250) / 365.25)


def test_relapses_without_warning_are_told_apart(build):
    relapse = {"day": 400, "blast_percent": 40.0}
    courses = [
        build.course([{"day": 100, "WT1": 10.0}, relapse], patient="A"),
        build.course([{"day": 100, "WT1": 900.0}, relapse], patient="B"),
        build.course([*RISE, *FALL, relapse], patient="C"),
        build.course([relapse], patient="D"),
    ]
    got = warning_counts(courses)
    assert got.unwarned == 4
    assert (got.unwarned_nothing_raised, got.unwarned_unconfirmed) == (1, 1)
    assert (got.unwarned_ended, got.unwarned_no_sample) == (1, 1)
