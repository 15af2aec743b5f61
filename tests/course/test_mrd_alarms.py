"""Alarms of leukaemia-specific markers: dates, ends, outcomes, and counts of each assay apart."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from remnant.course.mrd_alarms import mrd_warning_counts
from remnant.records.codec import from_json, to_json
from remnant.records.judgement import Course

_SPEC = importlib.util.spec_from_file_location(
    "vignette_reader", Path(__file__).with_name("vignette_reader.py")
)
reader = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reader)

RISE = "30 BM neg\n90 BM 0.01\n111 BM 0.04\n"
RELAPSE = "160 BM 5 blasts=40\n"


def course(text, *, patient="P1", marker="NPM1", **changes):
    case = reader.Vignette(
        id=patient, why="", marker=marker, disease="AML", lines=tuple(reader.lines(text)), **changes
    )
    return reader.concluded(case)[1]


def told(made):
    return [
        (a.sign, (a.alarm_on - reader.DAY_ZERO).days, a.ended_on and (a.ended_on - reader.DAY_ZERO).days, a.outcome)
        for a in made.mrd_alarms
    ]  # fmt: skip


def counted(*courses):
    return {(w.assay_id, w.sign): w.counts for w in mrd_warning_counts(courses)}


def test_a_confirmed_relapse_is_dated_by_its_confirmation_and_a_suspected_one_by_the_first_sign():
    made = course(RISE + RELAPSE)
    assert told(made) == [
        ("confirmed", 111, None, "relapse"),
        ("suspected or confirmed", 90, None, "relapse"),
    ]
    assert {a.began_on for a in made.mrd_alarms} == {reader.on(90)}
    counts = counted(made)
    assert counts["NPM1/ABL1", "confirmed"].lead_time_days == (49,)
    assert counts["NPM1/ABL1", "suspected or confirmed"].lead_time_days == (70,)


def test_a_suspicion_that_the_next_sample_clears_is_a_false_alarm_of_its_kind_only():
    made = course("30 BM neg\n90 BM 0.01\n111 BM neg\n150 BM neg\n")
    assert told(made) == [("suspected or confirmed", 90, 111, "regressed")]
    counts = counted(made)
    assert (counts["NPM1/ABL1", "confirmed"].false_alarms, counts["NPM1/ABL1", "confirmed"].patients) == (
        0,
        1,
    )
    assert counts["NPM1/ABL1", "suspected or confirmed"].false_alarms == 1


def test_therapy_begun_during_an_alarm_explains_its_end():
    made = course(RISE + "140 BM neg\n", therapies=(("azacitidine", 115, 160),))
    assert [outcome for *_, outcome in told(made)] == ["regressed after therapy"] * 2


def test_a_standing_alarm_is_open():
    assert [outcome for *_, outcome in told(course(RISE))] == ["open", "open"]


def test_samples_before_remission_from_relapse_on_or_for_suspicion_raise_no_alarm():
    asked = "30 BM neg\n90 BM 0.01 reason=suspected_relapse\n100 BM 5 blasts=40\n"
    made = course("-50 BM 80 blasts=70 reason=diagnosis\n" + asked)
    assert made.mrd_alarms == ()
    [confirmed, either] = mrd_warning_counts([made])
    assert (either.counts.unwarned_nothing_raised, confirmed.counts.unwarned_nothing_raised) == (1, 1)


@pytest.mark.parametrize(
    ("text", "confirmed", "either"),
    [
        ("-50 BM 80 reason=diagnosis\n" + RELAPSE, "unwarned_no_sample", "unwarned_no_sample"),
        ("30 BM neg\n" + RELAPSE, "unwarned_nothing_raised", "unwarned_nothing_raised"),
        ("30 BM neg\n90 BM 0.01\n" + RELAPSE, "unwarned_unconfirmed", "warned"),
        (RISE + "130 BM neg\n" + RELAPSE, "unwarned_ended", "unwarned_ended"),
        (RISE + RELAPSE, "warned", "warned"),
    ],
)
def test_relapses_without_warning_are_told_apart(text, confirmed, either):
    counts = counted(course(text))
    for sign, field in (("confirmed", confirmed), ("suspected or confirmed", either)):
        one = counts["NPM1/ABL1", sign]
        assert (one.relapses, getattr(one, field)) == (1, 1)
        assert one.warned + one.unwarned == 1


def test_blood_may_confirm_marrow_and_the_alarm_is_one():
    made = course("30 BM neg\n30 PB neg\n90 BM 0.01\n111 PB 0.01\n" + RELAPSE)
    assert [sign for sign, *_ in told(made)] == ["confirmed", "suspected or confirmed"]
    assert told(made)[0][1] == 111


def test_assays_are_counted_apart_and_wt1_is_no_such_marker():
    held = [
        course(RISE + RELAPSE, patient="A"),
        course(RISE, patient="B", events=(("remission", -10), ("last_contact", 730))),
        course("30 BM neg\n" + RELAPSE, patient="C", marker="RUNX1-RUNX1T1", lesion="RUNX1-RUNX1T1"),
    ]
    counts = counted(*held)
    assert {assay for assay, _ in counts} == {"NPM1/ABL1", "RUNX1-RUNX1T1/ABL1"}
    one = counts["NPM1/ABL1", "confirmed"]
    assert (one.patients, one.relapses, one.warned, one.open_alarms) == (2, 1, 1, 1)
    assert one.patient_years == pytest.approx((170 + 740) / 365.25)
    assert counts["RUNX1-RUNX1T1/ABL1", "confirmed"].unwarned == 1


def test_after_transplantation_only_later_samples_count():
    text = "30 BM neg\n90 BM 0.01\n111 BM 0.04\n300 BM neg\n" + "340 BM 5 blasts=40\n"
    made = course(text, events=(("remission", -10), ("transplant", 150)))
    assert made.at_risk_from == reader.on(150)
    assert made.mrd_alarms == ()


def test_alarms_survive_storage_and_a_course_without_them_is_read():
    made = course(RISE + RELAPSE)
    assert from_json(Course, to_json(made)) == made
    assert replace(made, mrd_alarms=()).mrd_alarms == ()
