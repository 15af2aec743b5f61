"""Our Cq stands beside the instrument's with the difference, the call and its reason."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.records.amplification import CurveResult
from remnant.records.run import Well
from remnant.report import curves
from remnant.report.context import Context

CONTEXT = Context(study="Example", software="remnant", written_at=dt.datetime(2020, 1, 6, tzinfo=dt.UTC))
NUMBERS = [
    "second_derivative_cq",
    "second_derivative_se",
    "tangent_cq",
    "tangent_se",
    "third_derivative_cq",
    "third_derivative_se",
    "share_cq",
    "share_se",
    "early_share_cq",
    "early_share_se",
    "level_cq",
    "level_se",
    "baseline",
    "height",
    "efficiency",
    "efficiency_se",
    "assay_efficiency",
    "assay_efficiency_se",
]


def well(position, cq, *, run="R/1", sample="C-1", **change):
    made = {"target": "WT1", "kind": "sample", "detected": cq is not None, **change}
    return Well(run_id=run, position=position, sample=sample, cq=cq, **made)


def curve(position, cq, *, run="R/1", call="amplified", reason="", se=0.04):
    return CurveResult(
        run_id=run,
        position=position,
        target="WT1",
        call=call,
        reason=reason,
        cq=cq,
        cq_se=None if cq is None else se,
        **dict.fromkeys(NUMBERS),
    )


@pytest.fixture
def run():
    wells = [
        well("A01", 25.00),
        well("A02", 25.10),
        well("A03", 25.20, excluded="bubble"),
        well("A04", 31.00),
        well("A05", None),
        well("A06", 38.00),
        well("A01", 20.00, run="R2"),
    ]
    results = [
        curve("A06", None, call="not amplified", reason="no sigmoid"),
        curve("A01", 26.25),
        curve("A02", 26.35),
        curve("A03", 26.45),
        curve("A04", 33.25),
        curve("A05", None, call="doubtful", reason="late rise"),
        curve("A07", 30.00, se=None),
    ]
    (made,) = curves.of_runs(wells, results)
    return made


def texts(table):
    return [tuple(cell.text for cell in row) for row in table.rows]


def test_every_curve_has_both_cq_the_difference_and_the_call_with_its_reason(run):
    assert texts(curves.run_table(run)) == [
        ("WT1", "C-1", "A01", "25.00", "26.25 ± 0.04", "+1.25", "amplified", ""),
        ("WT1", "C-1", "A02", "25.10", "26.35 ± 0.04", "+1.25", "amplified", ""),
        ("WT1", "C-1", "A03", "25.20", "26.45 ± 0.04", "+1.25", "amplified", ""),
        ("WT1", "C-1", "A04", "31.00", "33.25 ± 0.04", "+2.25", "amplified", ""),
        ("WT1", "C-1", "A05", "none", "none", "", "doubtful", "late rise"),
        ("WT1", "C-1", "A06", "38.00", "none", "", "not amplified", "no sigmoid"),
        ("WT1", "", "A07", "not stored", "30.00", "", "amplified", ""),
    ]
    assert curves.run_table(run).rows[2][1].note == "left out: bubble"


def test_what_lies_far_from_the_usual_difference_or_is_seen_by_one_alone_is_marked(run):
    assert run.usual == {"WT1": pytest.approx(1.25)}
    assert [one.position for one in run.curves if run.is_apart(one)] == ["A04", "A06"]
    marked = [row[2].text for row in curves.run_table(run).rows if row[6].tone == "look"]
    assert marked == ["A04", "A05", "A06"]


def test_one_row_a_run_and_target_leads_to_the_page_of_the_run(run):
    names = curves.file_names([run.run_id])
    (row,) = curves.table([run], links=names).rows
    assert [cell.text for cell in row] == ["R/1", "WT1", "7", "5", "1", "1", "+1.25", "2"]
    assert row[0].link == "R-1.html"


@given(st.lists(st.text(min_size=1, max_size=100), unique=True))
def test_no_two_runs_share_a_file_and_every_name_is_one_of_a_file(runs):
    names = curves.file_names(runs)
    assert list(names) == runs
    assert len({name.lower() for name in names.values()}) == len(runs)
    assert all(re.fullmatch(r"[\w-]+(\.\d+)?\.html", name) and len(name) < 100 for name in names.values())


@pytest.mark.parametrize(
    ("source", "words"),
    [("instrument", "instrument&#39;s Cq; ours"), ("ours", "counts our Cq"), ("combined", "several")],
)
def test_both_pages_say_which_cq_counts_and_what_is_marked(run, source, words):
    options = {"cq_source": source, "context": CONTEXT, "synthetic": True}
    whole, one = curves.page([run], links={}, **options), curves.run_page(run, **options)
    for text in (whole, one):
        assert words in text
        assert "more than 0.5 cycles" in text
        assert "Synthetic data" in text
    assert "Usual difference: WT1 +1.25." in one
