"""Cohort figures and page: n, the test's name and the interval are always there."""

import datetime as dt
import json

import polars as pl
import pytest
from lxml import html as parse

from remnant.cohort.association import associate_columns
from remnant.cohort.frequencies import frequencies
from remnant.cohort.incidence import incidence_at_landmark
from remnant.cohort.lead_times import lead_times, mrd_lead_times
from remnant.records.alarm import MrdWarnings, WarningCounts
from remnant.records.cohort import Incidence
from remnant.report import cohort
from remnant.report.cohort import frequency, incidence, tables
from remnant.report.context import Context

GROUPS = ("neither", "BAALC", "WT1", "both")


@pytest.fixture(scope="module")
def table():
    n = 40
    outcomes = ["relapse", "censored", "censored", "death", "relapse", "censored", "censored", "censored"]
    return pl.DataFrame(
        {
            "patient_id": [f"P-{i:03}" for i in range(n)],
            "fab": [("M1", "M2", "M4", "M5", None)[i % 5] for i in range(n)],
            "age_group": ["child" if i % 4 == 3 else "adult" for i in range(n)],
            "baalc_raised": [None if i % 13 == 12 else i % 3 == 0 for i in range(n)],
            "landmark_day": [100] * n,
            "at_risk_at_landmark": [i < 37 for i in range(n)],
            "landmark_group": ["undecided" if i % 11 == 10 else GROUPS[i % 4] for i in range(n)],
            "landmark_reason": ["" if i < 37 else "overt relapse before the landmark" for i in range(n)],
            "follow_up_days": [120 + 17 * i for i in range(n)],
            "outcome": [outcomes[i % 8] for i in range(n)],
        }
    )


@pytest.fixture(scope="module")
def curves(table):
    return incidence_at_landmark(table, permutations=99)


@pytest.fixture(scope="module")
def shares(table):
    return frequencies(table)


def test_the_caption_carries_n_test_and_interval(curves):
    text = incidence.caption(curves)
    n = sum(c.patients for c in curves.curves if c.cause == "relapse")
    assert f"n = {n}:" in text
    assert "Gray, relapse: P" in text
    assert "95 % intervals" in text
    assert "Gray, death" not in text
    assert "undecided patient" in text


def test_each_group_is_named_with_events_and_numbers_at_risk(curves):
    text = incidence.svg(curves)
    for c in curves.curves:
        if c.cause == "relapse":
            assert f">{c.group}: {c.events} of {c.patients}<" in text
            for at in c.on_days:
                if at.day <= max(d.last_day for d in curves.curves):
                    assert f">{at.at_risk}<" in text


def test_a_curve_steps_where_the_record_steps_and_ends_with_its_follow_up(curves):
    spec = json.loads(json.dumps(incidence.spec(curves), allow_nan=False))
    drawn = [
        layer for layer in spec["vconcat"][0]["layer"] if layer["mark"].get("interpolate") == "step-after"
    ]
    held = [c for c in curves.curves if c.cause == "relapse"]
    assert len(drawn) == len(held)
    for layer, c in zip(drawn, held, strict=True):
        rows = layer["data"]["values"]
        assert rows[0] == {"x": curves.start_day, "y": 0.0}
        assert [row["x"] for row in rows[1:-1]] == list(c.days)
        assert rows[-1]["x"] == c.last_day


def test_every_drawn_curve_has_whiskers_dashed_outside_the_tests(curves):
    spec = incidence.spec(curves)
    dashes = {
        (row["title"].partition(",")[0], bool(layer["mark"]["strokeDash"]))
        for layer in spec["vconcat"][0]["layer"]
        for row in layer["data"]["values"]
        if "title" in row and layer["mark"]["type"] == "rule"
    }
    drawn = {c.group: c.in_test for c in curves.curves if c.cause == "relapse" and c.patients >= 3}
    assert not all(drawn.values()), "the example has undecided patients"
    assert dashes == {(group, not in_test) for group, in_test in drawn.items()}


def test_a_group_of_two_is_named_and_not_drawn(table):
    few = table.with_columns(
        pl.when(pl.col("landmark_group") == "WT1")
        .then(pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("WT1")).otherwise(pl.lit("neither")))
        .otherwise(pl.col("landmark_group"))
        .alias("landmark_group")
    )
    made = incidence_at_landmark(few, permutations=99)
    small = next(c for c in made.curves if c.group == "WT1" and c.cause == "relapse")
    assert small.patients == 2
    caption, drawing = incidence.caption(made), incidence.svg(made)
    assert f"Not drawn, fewer than 3 patients: WT1 ({small.events} of 2 patients)." in caption
    assert caption.index("Permutation of subdistribution scores, relapse: P") < caption.index("Gray, relapse")
    assert (
        'Gray, relapse: no P value (large-sample P value not printed: fewer than 5 patients in "WT1" (n = 2))'
        in caption
    )
    assert ">WT1<" in drawing
    assert "WT1: " not in drawing.partition("</desc>")[2]
    row = next(row for row in tables.incidence(made).rows if row[1].text == "WT1")
    assert row[1].note == "too few for a curve"


def test_relapses_without_warning_are_told_apart():
    counts = WarningCounts(
        patients=30,
        relapses=9,
        warned=2,
        unwarned=7,
        lead_time_days=(20, 60),
        false_alarms=0,
        alarms_after_therapy=0,
        open_alarms=0,
        patient_years=31.0,
        unwarned_no_sample=1,
        unwarned_nothing_raised=3,
        unwarned_unconfirmed=2,
        unwarned_ended=1,
    )
    rows = {row[0].text: row[1].text for row in tables.lead_times(lead_times(counts)).rows}
    apart = {what: int(n) for what, n in rows.items() if what.startswith("Without warning: ")}
    assert apart == {
        "Without warning: nothing raised": 3,
        "Without warning: raised, unconfirmed": 2,
        "Without warning: alarm had ended": 1,
        "Without warning: no sample in time": 1,
    }
    assert sum(apart.values()) == int(rows["Without warning"])


def test_assays_of_leukaemia_specific_markers_stand_in_rows_of_their_own():
    counts = WarningCounts(
        patients=12,
        relapses=3,
        warned=1,
        unwarned=2,
        lead_time_days=(49,),
        false_alarms=1,
        alarms_after_therapy=0,
        open_alarms=0,
        patient_years=20.0,
        unwarned_unconfirmed=2,
    )
    held = [
        MrdWarnings(target=target, assay_id=assay, sign="confirmed", counts=counts)
        for target, assay in (("NPM1", "NPM1/ABL1"), ("IG/TR", "clone 7"))
    ]
    made = tables.mrd_lead_times(mrd_lead_times(held))
    assert [row[0].text for row in made.rows] == ["NPM1/ABL1", "IG/TR clone 7"]
    named = dict(zip((column.name for column in made.columns), made.rows[0], strict=True))
    assert named["Median lead time (range)"].text == "49 days (49-49)"
    assert named["Without warning"].text == "2: 2 unconfirmed"
    assert named["Per 100 patient-years"].text == "5.0 (0.13-28)"


def test_no_heading_of_the_page_stands_twice(table, curves, shares):
    made = associate_columns(table, row="baalc_raised", column="outcome")
    context = Context(
        study="Study A", software="remnant 0.1.0", written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    )
    page = parse.fromstring(cohort.page([curves], [shares], context=context, associations=[made]))
    for section in page.findall(".//section"):
        heads = [h.text_content().strip() for h in section.iter("h2", "caption")]
        assert len(set(heads)) == len(heads)
        assert not any(other.startswith(heads[0]) for other in heads[1:])


def test_frequencies_print_their_exact_interval(shares):
    text = frequency.svg(shares)
    for f in shares:
        assert f">{f.positive}/{f.evaluable} ({100 * f.lower:.0f}-{100 * f.upper:.0f} %)<" in text
    assert "Clopper-Pearson" in frequency.caption(shares)


def test_the_page_holds_figures_tables_and_every_test(table, curves, shares):
    made = associate_columns(table, row="baalc_raised", column="outcome")
    context = Context(
        study="Study A", software="remnant 0.1.0", written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    )
    page = parse.fromstring(
        cohort.page([curves], [shares], context=context, associations=[made], synthetic=True)
    )
    text = page.text_content()
    assert len(page.findall(".//figure")) == 2
    assert len(page.findall(".//figcaption")) == 2
    for test in (*curves.tests, *made.tests):
        assert test.name in text
    assert "overt relapse before the landmark" in text
    assert "Synthetic data." in text


@pytest.mark.definition
def test_who_is_left_out_of_a_test_is_said_with_the_reason():
    answers = [True] * 3 + [None] * 9 + [True] * 6 + [None, None]
    frame = pl.DataFrame(
        {"transcript": ["P190"] * 12 + ["P210"] * 8, "outside_b_lineage": [*answers[:-1], False]}
    )
    made = associate_columns(frame, row="transcript", column="outside_b_lineage")
    table = tables.left_out(made)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["P190", "not known", "9"],
        ["P210", "not known", "1"],
    ]
    assert "10 of 20 patients" in table.note
    assert "not every gate that could refute it is negative" in table.note
    assert "10 of them are of known transcript" in table.note
    assert f"between {made.bounds.lowest_p:.3f} and" in table.note
    nobody = associate_columns(frame.drop_nulls(), row="transcript", column="outside_b_lineage")
    assert tables.left_out(nobody).rows == ()


def test_without_patients_at_risk_there_is_a_sentence_and_no_empty_figure():
    context = Context(study="S", software="remnant", written_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    nobody = Incidence(
        title="x",
        group_variable="group",
        start_day=100.0,
        level=0.95,
        method="Aalen-Johansen",
        curves=(),
        tests=(),
        excluded=(),
    )
    page = cohort.page([nobody], [], context=context)
    assert "no patients" in page
    assert "<svg" not in page
