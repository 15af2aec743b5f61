"""A patient's line from measurements to the sentence at the top of the page."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.course.build import build_course, build_courses
from remnant.course.next_sample import overdue_text
from remnant.course.standing import state_text
from remnant.course.worklist import worklist
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import change, combine, probability_above
from remnant.records.codec import from_json, to_json
from remnant.records.judgement import Course
from remnant.units import number_text, probability_text

RISE = [
    {"day": 30, "WT1": 20.0, "BAALC": 9.0},
    {"day": 75, "WT1": 400.0, "BAALC": 8.0},
    {"day": 96, "WT1": 900.0, "BAALC": 8.5},
]


def test_the_headline_says_state_since_when_by_which_rule_and_what_to_do_by_when(build):
    assert build.course(RISE).headline == (
        "WT1 raised since day +75, confirmed day +96 (ELN 250/10⁴, BM). BAALC normal. No overt relapse. "
        "Rule not verified: BAALC assumed donors' 97.5th percentile."
    )


@pytest.mark.parametrize(
    ("lines", "about", "start", "urgency"),
    [
        (RISE[:1], {}, "WT1 normal. BAALC normal. No overt relapse.", 0),
        (RISE[:2], {}, "WT1 raised once on day +75 (ELN 250/10⁴, BM), not yet confirmed. BAALC normal.", 1),
        ([{"day": 75, "WT1": 260.0}], {}, "WT1 raised once on day +75 (ELN 250/10⁴, BM), borderline, not", 1),
        (
            [{"day": 75, "WT1": 240.0}],
            {},
            "WT1 normal, borderline. No overt relapse. Repeat WT1: the last",
            1,
        ),
        (
            [*RISE, {"day": 160, "WT1": 950.0}],
            {},
            "WT1 persistently raised since day +75, confirmed day +96",
            2,
        ),
        ([*RISE, {"day": 120, "WT1": 30.0}], {}, "WT1 regressing since day +120", 1),
        (RISE, {"graft": None}, "WT1 raised since 17 March 2021, confirmed 7 April 2021", 2),
        (RISE[:1], {"graft": 60}, "WT1 normal before transplantation.", 0),
        ([{"day": 30, "WT1": None}], {}, "WT1 not evaluable. No overt relapse. Repeat WT1: the last", 1),
        ([], {}, "No serial marker was measured. No overt relapse.", 0),
    ],
)
def test_headlines_and_urgency(build, lines, about, start, urgency):
    got = build.course(lines, **about)
    assert got.headline.startswith(start)
    assert got.urgency == urgency


def test_relapse_and_death_end_the_advice(build):
    relapsed = build.course([*RISE, {"day": 140, "blast_percent": 40.0}])
    assert "Overt relapse on 21 May 2021 (BM blasts 40 %), 44 days after" in relapsed.headline
    assert (relapsed.urgency, relapsed.next_sample_by) == (2, None)
    dead = build.course(RISE, events=[("death", 130)])
    assert dead.headline.endswith("Rule not verified: BAALC assumed donors' 97.5th percentile.")
    assert "Died on 11 May 2021." in dead.headline
    assert (dead.urgency, dead.next_sample_by, dead.follow_up_days) == (0, None, 130)


def test_raised_once_names_the_end_of_the_confirmation_window(build):
    got = build.course(RISE[:2])
    assert got.next_sample_by == build.on(75 + 35)
    assert [p.confirm_by for p in got.points if p.state == "raised once"] == [build.on(110)]


@pytest.mark.property
@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_import_does_not_matter(build, shuffle):
    lines = [*RISE, {"day": 30, "WT1": 4.0, "material": "PB"}, {"day": 120, "WT1": None, "BAALC": 90.0}]
    one = build.dossier(lines, events=[("relapse", 150), ("engraftment", 20)])

    def mixed(values):
        return tuple(shuffle.sample(values, len(values)))

    other = dataclasses.replace(
        one,
        samples=mixed(one.samples),
        measurements=mixed(one.measurements),
        calls=mixed(one.calls),
        events=mixed(one.events),
        baselines=mixed(one.baselines),
    )
    assert build_course(other) == build_course(one)


@pytest.mark.property
def test_many_patients_at_once_equal_one_by_one(build):
    draw = np.random.default_rng(7)
    dossiers = [
        build.dossier(
            [
                {
                    "day": day,
                    "WT1": (20.0, 300.0, 900.0, None)[draw.integers(4)],
                    "BAALC": float(draw.uniform(4, 60)),
                }
                for day in range(30, 30 + 25 * int(draw.integers(1, 7)), 25)
            ],
            patient=f"P{i}",
        )
        for i in range(6)
    ]
    together = build_courses(dossiers)
    for one, course in zip(dossiers, together, strict=True):
        alone = build_course(one)
        assert [p.state for p in course.points] == [p.state for p in alone.points]
        assert course.headline == alone.headline
        for a, b in zip(course.points, alone.points, strict=True):
            assert (a.change_log10 or 0.0) == pytest.approx(b.change_log10 or 0.0, abs=1e-9)


@pytest.mark.property
@pytest.mark.parametrize("at", [10, 50, 85, 130])
def test_a_sample_that_is_not_evaluable_changes_no_other_state(build, at):
    plain = build.course(RISE)
    blank = {"day": at, "WT1": None, "BAALC": None, "blast_percent": None}
    with_blank = build.course([*RISE, blank])
    assert [p for p in with_blank.points if p.drawn_on != build.on(at)] == list(plain.points)
    assert {p.state for p in with_blank.points if p.drawn_on == build.on(at)} == {"not evaluable"}
    asked = "".join(
        f"Repeat {marker}: the last sample (BM, day +{at}) is not evaluable. "
        for marker in ("WT1", "BAALC")
        if at > 96
    )
    assert with_blank.headline.replace(asked, "") == plain.headline
    assert asked in with_blank.headline
    assert (with_blank.first_raised_on, with_blank.episodes) == (plain.first_raised_on, plain.episodes)


def test_marrow_and_blood_are_separate_series(build):
    lines = [
        {"day": 60, "WT1": 300.0},
        {"day": 81, "WT1": 300.0, "material": "PB"},
        {"day": 102, "WT1": 300.0},
    ]
    got = build.course(lines)
    assert build.states(got, "WT1", "BM") == ["raised once", "raised confirmed"]
    assert build.states(got, "WT1", "PB") == ["raised once"]
    assert next(p for p in got.points if p.material == "PB").change_log10 is None


def test_fractions_and_control_genes_are_separate_series(build):
    one = build.dossier([{"day": 60, "WT1": 300.0}, {"day": 81, "WT1": 300.0}])
    for change_of in ({"fraction": "CD34+"}, {"control": "GUSB", "assay_id": "WT1/GUSB"}):
        other = dataclasses.replace(
            one,
            measurements=(one.measurements[0], dataclasses.replace(one.measurements[1], **change_of)),
        )
        assert build_course(other).points[0].state == "raised once"
        assert build_course(other).points[1].change_log10 is None


def test_a_series_without_rule_has_no_state(build):
    one = build.dossier([{"day": 60, "WT1": 300.0}])
    got = build_course(dataclasses.replace(one, calls=()))
    assert [(p.state, p.raised) for p in got.points] == [("not evaluable", None)]
    assert "no active rule" in got.points[0].reason


@pytest.mark.definition
def test_the_change_is_that_of_the_evidence_for_comparison(build):
    one = build.dossier(RISE)
    wt1 = [m.evidence for m in one.measurements if m.target == "WT1"]
    exact = change(EvidenceBatch.of(wt1[:-1]), EvidenceBatch.of(wt1[1:]))
    got = [p for p in build_course(one).points if p.target == "WT1"][1:]
    assert [p.change_log10 for p in got] == pytest.approx(exact.estimate.tolist())
    assert [p.probability_rise_1_log for p in got] == pytest.approx(exact.probability[:, 1].tolist())


@pytest.mark.definition
@pytest.mark.parametrize(("first", "verdict"), [(200.0, "above"), (20.0, "above"), (100.0, "not above")])
def test_the_verdict_of_a_day_is_that_of_the_pooled_evidence(build, first, verdict):
    one = build.dossier([{"day": 60, "WT1": 20.0}, {"day": 90, "WT1": first}])
    second = build.measurement("P1", 90, "WT1", 350.0, measurement_id="again", control_copies=60000.0)
    if verdict == "not above":
        second = build.measurement("P1", 90, "WT1", 240.0, measurement_id="again", control_copies=60000.0)
    again = dataclasses.replace(one.calls[-1], measurement_id="again", verdict="above", point_value=350.0)
    got = build_course(
        dataclasses.replace(one, measurements=(*one.measurements, second), calls=(*one.calls, again))
    )
    day = got.points[-1]
    evidence = combine(EvidenceBatch.of([one.measurements[-1].evidence, second.evidence]))
    p = float(probability_above(EvidenceBatch.of([evidence]), 250.0)[0])
    value = (20000 * first + 60000 * second.point_value) / 80000  # weighted by control copies
    assert len(got.points) == 2
    assert day.measurement_id == "WT1:P1-+90-BM + again"
    assert (day.verdict, day.raised) == (verdict, value > 250.0)
    assert day.confidence == ("borderline" if 0.05 <= p <= 0.95 else "robust")
    assert day.reason.startswith(
        f"WT1 {number_text(value)} per 10⁴ ABL1 is {verdict} 250 (ELN 250/10⁴); "
        f"P(above) {probability_text(p)}, {day.confidence}."
    )
    assert "Several measurements of this day are pooled." in day.reason


def test_a_repeat_of_a_failed_measurement_takes_its_place(build):
    one = build.dossier([{"day": 60, "WT1": None}])
    second = build.measurement("P1", 60, "WT1", 350.0, measurement_id="again")
    again = dataclasses.replace(one.calls[0], measurement_id="again", verdict="above", point_value=350.0)
    got = build_course(dataclasses.replace(one, measurements=(*one.measurements, second), calls=(again,)))
    assert [(p.measurement_id, p.state) for p in got.points] == [("again", "raised once")]


def test_a_course_survives_the_codec(build):
    got = build.course([*RISE, {"day": 140, "WT1": 9000.0, "BAALC": 90.0, "blast_percent": 40.0}])
    assert from_json(Course, to_json(got)) == got


def test_the_worklist_is_sorted_by_urgency_and_date_and_counts_the_days_overdue(build):
    courses = [
        build.course(RISE[:1], patient="quiet"),
        build.course(RISE[:2], patient="once"),
        build.course(RISE, patient="later"),
        build.course([{"day": 30, "WT1": 400.0}, {"day": 51, "WT1": 900.0}], patient="sooner"),
    ]
    rows = worklist(courses, build.on(96) + dt.timedelta(days=7))
    assert [(row.patient_id, row.urgency) for row in rows] == [("sooner", 2), ("later", 2), ("once", 1)]
    assert [row.overdue_days for row in rows] == [24, 0, 0]
    assert rows[0].reason.endswith(f"Sample {overdue_text(build.on(79), build.on(103))}.")
    assert rows[1].reason == "WT1 raised since day +75, confirmed day +96 (ELN 250/10⁴, BM)."
    assert rows[1].last_sample_on == build.on(96)


def test_overt_relapse_comes_first_among_the_most_urgent(build):
    courses = [
        build.course(RISE, patient="raised"),
        build.course([{"day": 140, "WT1": 20.0, "blast_percent": 40.0}], patient="relapsed"),
    ]
    assert [row.patient_id for row in worklist(courses, build.on(150))] == ["relapsed", "raised"]


def test_the_next_sample_counts_from_the_last_sample_of_any_material_of_the_marker(build):
    got = build.course([*RISE, {"day": 130, "WT1": 2.0, "material": "PB", "blast_percent": 0.0}])
    assert got.next_sample_by == build.on(130 + 28)
    assert (got.urgency, "(ELN 250/10⁴, BM); PB normal since day +130." in got.urgency_reason) == (2, True)
    once = build.course([*RISE[:2], {"day": 130, "WT1": 2.0, "material": "PB", "blast_percent": 0.0}])
    assert once.next_sample_by == build.on(130 + 35)  # the window of day +75 closed before
    other = build.course([*RISE, {"day": 130, "BAALC": 8.0}])
    assert other.next_sample_by == build.on(96 + 28)


def test_a_series_that_was_not_sampled_for_long_does_not_decide_alone(build):
    later = [{"day": day, "WT1": 2.0, "material": "PB", "blast_percent": 0.0} for day in (130, 200, 300)]
    got = build.course([*RISE, *later])
    assert got.headline.startswith(
        "WT1 normal (PB); BM raised confirmed when last measured on day +96. BAALC"
    )
    assert (got.urgency, got.next_sample_by) == (1, None)
    assert build.course([*RISE, *later[:2]]).urgency == 2


@pytest.mark.parametrize("end", [{"events": [("death", 130)]}, {"events": [("relapse", 130)]}])
def test_only_a_living_patient_without_relapse_is_asked_to_repeat(build, end):
    lines = [RISE[0], {"day": 120, "WT1": None}]
    asked = build.course(lines)
    assert asked.urgency == 1
    assert asked.urgency_reason == "Repeat WT1: the last sample (BM, day +120) is not evaluable."
    assert "Repeat" not in build.course(lines, **end).headline


def test_an_evaluable_sample_of_the_same_day_or_later_needs_no_repeat(build):
    blank = {"day": 120, "WT1": None}
    for day in (120, 140):
        assert (
            build.course(
                [RISE[0], blank, {"day": day, "WT1": 2.0, "material": "PB", "blast_percent": 0.0}]
            ).urgency
            == 0
        )


@pytest.mark.parametrize(
    ("relapse", "about", "confirmed", "warning"),
    [
        (140, {}, "confirmed day +96 (", "44 days after the first confirmed raised sample (day +96)"),
        (96, {}, "confirmed only at overt relapse on day +96 (", "without warning"),
        (90, {}, "confirmed only after overt relapse on day +96 (", "without warning"),
        (
            140,
            {"reason": "suspected_relapse"},
            "confirmed day +96 when relapse was already suspected (",
            "without warning",
        ),
    ],
)
def test_confirmation_and_warning_never_contradict_each_other(build, relapse, about, confirmed, warning):
    lines = [*RISE[:2], {**RISE[2], **about}]
    got = build.course(lines, events=[("relapse", relapse)])
    assert got.headline.startswith("Overt relapse on ")
    assert f" WT1 raised since day +75, {confirmed}" in got.headline
    assert f"(relapse recorded), {warning}." in got.headline


def test_after_relapse_the_earliest_confirmation_before_it_is_named(build):
    blood = [{"day": day, "WT1": 900.0, "material": "PB", "blast_percent": 0.0} for day in (110, 131, 190)]
    got = build.course([*RISE, *blood], events=[("relapse", 180)])
    assert "WT1 raised since day +75, confirmed day +96 (ELN 250/10⁴, BM)" in got.headline
    assert "84 days after the first confirmed raised sample (day +96)" in got.headline


def test_above_the_percentile_but_within_the_own_background_is_said_and_looked_at(build):
    lines = [{"day": day, "BAALC": 25.0 + day / 100} for day in range(60, 240, 30)]
    got = build.course([*lines, {"day": 240, "BAALC": 34.0}])
    last = got.points[-1]
    assert (last.verdict, last.raised, last.state) == ("above", False, "normal")
    text = f"above cut-off, within own background (z {last.z_background:.1f})"
    assert last.reason.startswith(f"BAALC {text}. ")
    assert state_text(last) == f"normal, {text}"
    assert text in got.headline
    assert got.urgency == 1
