"""Who needs a look: every sign, one row a patient or run, most urgent first."""

import dataclasses
import datetime as dt
from types import SimpleNamespace

import pytest

from remnant.course.headline import date_text
from remnant.course.laboratory import laboratory_rows
from remnant.course.mrd_standing import mrd_sentence
from remnant.course.sampling import speaks
from remnant.course.worklist import worklist
from remnant.evidence.kinds import ReportedEvidence
from remnant.knowledge.signs import sign_rules
from remnant.records.clonotype import CloneTrack
from remnant.records.control import ControlPoint
from remnant.records.disagreement import Disagreement
from remnant.records.judgement import Course, Decision, NextSample, SamplingPlan, WorklistRow
from remnant.records.measurement import CurveFit, Measurement
from remnant.records.run import Run

DAY = dt.date(2020, 5, 4)
COURSE = Course(
    patient_id="P1", transplant_on=None, points=(), joint=(), overt_relapse_on=None, relapse_rule="",
    last_negative_on=None, first_raised_on=None, first_confirmed_on=None, lead_time_days=None, unwarned=False,
    false_alarms=0, follow_up_days=None, death_on=None, last_contact_on=None, headline="", urgency=0,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Followed(Course):
    """A course with what the states of leukaemia-specific markers and growth add to it."""

    mrd: tuple = ()


def course(code="P1", *, mrd=(), kinetics=(), **changes):
    fields = {field.name: getattr(COURSE, field.name) for field in dataclasses.fields(Course)}
    return Followed(
        **{**fields, "patient_id": code, **changes, "mrd": tuple(mrd), "kinetics": tuple(kinetics)}
    )


def point(state, *, day=0, confirm_by=None, status="verified", assay="BCR-ABL1/ABL1"):
    on = DAY + dt.timedelta(days=day)
    return SimpleNamespace(
        state=state, drawn_on=on, since=on, assay_id=assay, target="BCR-ABL1", material="BM", fraction="",
        confidence="robust", confirm_by=confirm_by, rule_status=status, rule_label="ELN 2021",
    )  # fmt: skip


def said(state):
    """The sentence of such a point."""
    return mrd_sentence(point(state), date_text)


def growth(**changes):
    return SimpleNamespace(
        **{
            "current": True,
            "predictor": True,
            "trend": "rising",
            "reason": "Doubling in 12 days.",
            "assay_id": "BCR-ABL1/ABL1",
            "material": "BM",
            "fraction": "",
            **changes,
        }
    )


def background_point(*, raised, day=0):
    return SimpleNamespace(
        state="normal", raised=raised, drawn_on=DAY + dt.timedelta(days=day), assay_id="WT1/ABL1", material="BM", fraction=""
    )  # fmt: skip


def track(verdict, *, code="P1", status="unverified"):
    return CloneTrack(
        patient_id=code, clone_id="ACGT", locus="TRG", name="TRGV2", role="minor", identity="clone id",
        diagnosis_share=0.003, diagnosis_locus_share=0.004, points=(), verdict=verdict, since=DAY,
        probability=0.9, rule_id="clonotypes.returns", rule_version="1", rule_status=status, reason="TRGV2 is back.",
    )  # fmt: skip


def disagreement(day=0, *, code="P1"):
    return Disagreement(
        patient_id=code, material="BM", drawn_on=DAY + dt.timedelta(days=day), higher="A", lower="B",
        higher_measurement="a", lower_measurement="b", kind="one not detected", difference_log10=None,
        difference_lower=None, difference_upper=None, rule_id="x", rule_status="unverified",
        reason=f"A without B on day {day}.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "urgency"),
    [
        ("confirmed relapse", 2),
        ("suspected relapse", 2),
        ("progression", 2),
        ("persistence", 1),
        ("negative", None),
        ("low level", None),
        ("positive", None),
    ],
)
def test_states_of_leukaemia_specific_markers(state, urgency):
    rows = worklist([course(mrd=[point(state)])], DAY)
    assert [(row.kind, row.urgency, row.reason) for row in rows] == (
        [] if urgency is None else [(state, urgency, said(state))]
    )


def test_the_last_evaluable_sample_of_a_series_speaks():
    held = [point("suspected relapse"), point("negative", day=20), point("not evaluable", day=40)]
    assert worklist([course(mrd=held)], DAY) == ()
    assert len(worklist([course(mrd=[*held[:1], held[2]])], DAY)) == 1


@pytest.mark.parametrize(
    ("changes", "listed"),
    [({}, True), ({"trend": "falling"}, False), ({"current": False}, False), ({"predictor": False}, False)],
)
def test_only_a_series_that_rises_now_is_rising(changes, listed):
    rows = worklist([course(kinetics=[growth(**changes)])], DAY)
    assert [row.kind for row in rows] == (["rising"] if listed else [])


def test_the_last_day_with_both_assays_decides_whether_they_disagree():
    (row,) = worklist([course()], DAY, disagreements=[disagreement(0), disagreement(30)])
    assert (row.kind, row.reason, row.reasons) == ("discordant", "A without B on day 30.", ())


def test_a_clone_that_returns_is_urgent_and_one_that_is_gone_is_not():
    (row,) = worklist([course()], DAY, tracks=[track("returns"), track("not detected"), track("followed")])
    assert (row.kind, row.urgency, row.unverified_rules) == ("clone returns", 2, ("return of a clone",))


def test_one_row_a_patient_with_the_most_urgent_sign_first_and_every_mark():
    (row,) = worklist(
        [course(mrd=[point("suspected relapse", confirm_by=DAY, status="unverified")], kinetics=[growth()])],
        DAY + dt.timedelta(days=3),
        disagreements=[disagreement()],
        tracks=[track("returns")],
    )
    assert row.kind == "clone returns"
    assert row.reason == "TRGV2 is back. Sample overdue since 4 May 2020, 3 days."
    assert row.reasons == (
        said("suspected relapse"),
        "Doubling in 12 days.",
        "A without B on day 0.",
    )
    assert row.unverified_rules == ("return of a clone", "ELN 2021", "assays: one not detected")
    assert (row.confirm_by, row.overdue_days) == (DAY, 3)


def test_an_overdue_sample_alone_is_a_sign():
    late = course(next_sample_by=DAY)
    assert worklist([late], DAY) == ()
    (row,) = worklist([late], DAY + dt.timedelta(days=9))
    assert (row.kind, row.urgency, row.overdue_days) == ("overdue", 1, 9)
    assert row.reason == "The next sample was due on 4 May 2020. Sample overdue since 4 May 2020, 9 days."


def plan(reason="NPM1 is due by its growth.", *, target="NPM1", due=30, overdue=5):
    return SamplingPlan(
        patient_id="P1", assay_id="NPM1/ABL1", target=target, material="BM", fraction="", last_on=DAY,
        by_rule_on=DAY + dt.timedelta(days=90), rule_id="x", by_kinetics_on=DAY + dt.timedelta(days=due),
        overdue_days=overdue, reason=reason, due_on=DAY + dt.timedelta(days=due),
    )  # fmt: skip


def following(*plans, due=30, overdue=5, not_asked=""):
    due_on = None if due is None else DAY + dt.timedelta(days=due)
    return NextSample(
        patient_id="P1", on=DAY + dt.timedelta(days=35), due_on=due_on, overdue_days=overdue, not_asked=not_asked,
        sentence="", plans=plans,
    )  # fmt: skip


def test_a_series_whose_plan_is_overdue_is_a_sign():
    on = DAY + dt.timedelta(days=35)
    (row,) = worklist([course()], on, following=[following(plan())])
    assert (row.kind, row.overdue_days, row.reason) == (
        "overdue", 5, "NPM1 is due by its growth. Sample overdue since 3 June 2020, 5 days.",
    )  # fmt: skip
    assert worklist([course()], DAY, following=[following(plan(overdue=0), overdue=0)]) == ()


def test_a_state_that_has_its_sign_is_not_listed_again_as_overdue():
    held = course(mrd=[point("suspected relapse", confirm_by=DAY)])
    asked = following(plan("By its state.", target="", due=0, overdue=35), plan(overdue=5), due=0, overdue=35)
    (row,) = worklist([held], DAY + dt.timedelta(days=35), following=[asked])
    assert (row.kind, row.overdue_days, row.reasons) == (
        "suspected relapse", 35, ("NPM1 is due by its growth.",),
    )  # fmt: skip


def test_a_patient_off_study_keeps_the_signs_and_owes_no_sample():
    held = course(mrd=[point("suspected relapse", confirm_by=DAY)])
    off = following(due=None, overdue=0, not_asked="off study since 3 May 2020")
    (row,) = worklist([held], DAY + dt.timedelta(days=35), following=[off])
    assert (row.kind, row.overdue_days, row.confirm_by) == ("suspected relapse", 0, None)
    assert row.reason == said("suspected relapse")


def test_the_dead_have_no_row_and_after_overt_relapse_no_state_is_asked():
    held = [point("confirmed relapse")]
    assert worklist([course(mrd=held, death_on=DAY, urgency=0)], DAY, tracks=[track("returns")]) == ()
    relapsed = course(mrd=held, overt_relapse_on=DAY, urgency=2, urgency_reason="Overt relapse.")
    (row,) = worklist([relapsed], DAY)
    assert (row.kind, row.reasons) == ("overt relapse", ())


def test_rows_are_sorted_by_urgency_sign_date_and_code():
    courses = [
        course("overdue", next_sample_by=DAY),
        course("persisting", mrd=[point("persistence")]),
        course("later", mrd=[point("suspected relapse", confirm_by=DAY + dt.timedelta(days=9))]),
        course("sooner", mrd=[point("suspected relapse", confirm_by=DAY)]),
        course("confirmed", mrd=[point("confirmed relapse")]),
        course("relapsed", overt_relapse_on=DAY, urgency=2, urgency_reason="Overt relapse."),
    ]
    run = WorklistRow(
        patient_id="", run_id="R-1", urgency=1, kind="failed run", reason="x", confirm_by=None, overdue_days=0,
        last_sample_on=None,
    )  # fmt: skip
    rows = worklist(reversed(courses), DAY + dt.timedelta(days=2), laboratory=[run])
    names = [row.patient_id or row.run_id for row in rows]
    assert names == ["relapsed", "confirmed", "sooner", "later", "persisting", "R-1", "overdue"]


def test_every_sign_has_a_place_of_its_own():
    assert sorted(rule.place for rule in sign_rules().values()) == list(range(len(sign_rules())))


def measurement(sample, run, *, target="WT1", state="not evaluable"):
    evidence = ReportedEvidence(
        value=1.0, sd_log10=0.1, upper_limit=None, lower_limit=None, log10_low=-4, log10_high=4
    )
    return Measurement(
        measurement_id=f"{target}{sample}{run}", patient_id="P1", sample_id=sample, cdna_id=sample, run_id=run,
        assay_id=f"{target}/ABL1", target=target, control="ABL1", material="BM", drawn_on=DAY, unit="per_1e4",
        evidence=evidence, state=state, reason="", estimate=None, lower=None, upper=None, comparison_lower=None,
        comparison_upper=None, upper_limit=None, point_value=None, target_copies=None, control_copies=None,
        positive_wells=0, wells=0, control_wells=0,
    )  # fmt: skip


def fit(run, target="WT1", verdict="fail"):
    return CurveFit(
        run_id=run, target=target, slope=-4.2, intercept=40, r_squared=0.9, efficiency=0.7, residual_sd_cycles=0.5,
        wells=6, lowest_copies=10, highest_copies=1e5, mean_log10_copies=3, sum_squares_log10=5, verdict=verdict,
        reasons=("slope -4.20, needed -3.6 to -3.1",), rule_id="x",
    )  # fmt: skip


def control(run, *, rejects=True):
    return ControlPoint(
        run_id=run, control_name="IQC-HIGH", target="WT1", assay_id="WT1/ABL1", unit="per_1e4", run_on=DAY,
        log10_value=2.0, tube_sd_log10=0.1, mean=1.0, sd=0.1, z=10.0, rules=("1-3s",), rejects=rejects,
    )  # fmt: skip


def test_a_failed_curve_is_listed_while_samples_wait_for_a_result():
    failed = [measurement("S-1", "R-1"), measurement("S-2", "R-1")]
    asked = {"fits": [fit("R-1")], "controls": [], "runs": [Run(run_id="R-1", run_on=DAY)]}
    (row,) = laboratory_rows(measurements=failed, **asked)
    assert (row.run_id, row.kind, row.patient_id, row.last_sample_on) == ("R-1", "failed run", "", DAY)
    assert row.reason == (
        "The standard curve of WT1 failed (slope -4.20, needed -3.6 to -3.1); 2 samples (S-1, S-2) without a result."
    )
    one = [*failed, measurement("S-1", "R-2", state="not detected")]
    assert "1 sample (S-2)" in laboratory_rows(measurements=one, **asked)[0].reason
    both = [*one, measurement("S-2", "R-3", state="quantified")]
    assert laboratory_rows(measurements=both, **asked) == ()
    assert laboratory_rows(measurements=failed, fits=[fit("R-1", verdict="pass")], controls=[]) == ()


def test_a_control_that_rejects_is_listed_until_somebody_decided():
    asked = {"fits": [], "controls": [control("R-1"), control("R-2", rejects=False)]}
    held = [measurement("S-1", "R-1", state="quantified"), measurement("S-2", "R-2", state="quantified")]
    (row,) = laboratory_rows(measurements=held, **asked)
    assert (row.run_id, row.kind) == ("R-1", "control")
    assert row.reason == "Control IQC-HIGH of WT1 asks to reject the run (1-3s); 1 sample (S-1) in it."
    decided = Decision(
        decision_id="d",
        by="anna",
        at=dt.datetime(2020, 5, 5, tzinfo=dt.UTC),
        on="run R-1",
        verdict="accepted",
        reason="lot",
    )
    assert laboratory_rows(measurements=held, decisions=[decided], **asked) == ()


@pytest.mark.definition
@pytest.mark.parametrize(("last", "asks"), [(True, True), (False, False), (None, True)])
def test_a_background_marker_that_rises_asks_only_while_it_is_raised(last, asks):
    points = [background_point(raised=True), background_point(raised=last, day=30)]
    held = SimpleNamespace(points=points)
    assert speaks(held, growth(assay_id="WT1/ABL1")) is asks
    assert speaks(held, growth())
