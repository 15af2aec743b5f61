"""The study's page: most urgent first, reasons and links, the banner once."""

import dataclasses
import datetime as dt

import pytest
from lxml import html as parse

from remnant.records.finding import Finding
from remnant.records.judgement import WorklistRow
from remnant.records.patient import Patient
from remnant.report import index
from remnant.report.context import Context

ROWS = tuple(
    WorklistRow(
        patient_id=code,
        urgency=urgency,
        reason=f"Reason of {code}.",
        confirm_by=by,
        overdue_days=late,
        last_sample_on=dt.date(2020, 6, 1),
        unverified_rules=("ELN x",) if code == "P-3" else (),
    )
    for code, urgency, by, late in (
        ("P-5", 2, dt.date(2020, 7, 2), 0),
        ("P-3", 2, dt.date(2020, 7, 9), 0),
        ("P-4", 1, dt.date(2020, 6, 2), 12),
        ("P-2", 1, dt.date(2020, 7, 1), 0),
        ("P-1", 0, None, 0),
    )
)
LINKS = index.Links(
    pages={f"P-{i}": f"patients/P-{i}.html" for i in range(1, 6)},
    pdfs={"P-3": "pdf/P-3.pdf"},
    others={"Cohort": "cohort.html"},
)


CONTEXT = Context(
    study="Study A",
    software="remnant 0.1.0",
    written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
    assumptions=("Run error is assumed.",),
)
FINDING = Finding(code="qpcr.curve_failed", severity="failure", subject="run R-042", message="Slope -4.1.")


@pytest.fixture
def page():
    patients = {row.patient_id: Patient(patient_id=row.patient_id, diagnosis="AML") for row in ROWS}
    return parse.fromstring(index.page(ROWS, patients=patients, links=LINKS, context=CONTEXT))


def test_the_order_is_that_of_the_worklist(page):
    codes = [row[0].text_content() for row in page.find(".//table/tbody")]
    assert codes == ["P-5", "P-3", "P-4", "P-2", "P-1"]


def test_a_run_stands_among_the_patients_with_its_sign_and_links_to_the_controls():
    run = WorklistRow(
        patient_id="", run_id="R-07", urgency=1, kind="failed run", reason="The curve failed.", confirm_by=None,
        overdue_days=0, last_sample_on=dt.date(2020, 6, 1), reasons=("A control failed.",),
    )  # fmt: skip
    links = index.Links(pages={}, pdfs={}, others={"Internal controls": "controls.html"})
    made = parse.fromstring(index.page([run], patients={}, links=links, context=CONTEXT))
    row = made.find(".//table/tbody")[0].text_content()
    assert all(text in row for text in ("run R-07", "failed run", "The curve failed.", "A control failed."))
    assert "1 run of the laboratory to look at." in made.text_content()
    assert made.xpath("//td/a[@href='controls.html']")


def test_a_verdict_of_an_unverified_rule_is_marked(page):
    assert "unverified: ELN x" in page.text_content()


def test_every_patient_is_linked_with_the_reason(page):
    for row in ROWS:
        found = page.xpath(f"//a[@href='patients/{row.patient_id}.html']")
        assert len(found) == 2  # worklist, and the list of all
        assert row.reason in found[0].getparent().getparent().text_content()
    assert page.xpath("//a[@href='pdf/P-3.pdf']")


def test_the_sentence_counts(page):
    assert "5 patients: 2 to act on, 2 to look at, 1 without action. 1 sample overdue." in page.text_content()


def test_due_samples_are_those_of_the_day(page):
    assert "as of" not in page.text_content()
    later = dataclasses.replace(CONTEXT, as_of=dt.date(2021, 5, 4))
    made = index.page(ROWS, patients={}, links=LINKS, context=later)
    assert "Samples due and overdue as of 4 May 2021." in made


def test_assumptions_stand_once(page):
    assert page.text_content().count("Run error is assumed.") == 1


def test_an_empty_study_has_a_page():
    text = index.page((), patients={}, links=index.Links(pages={}, pdfs={}, others={}), context=CONTEXT)
    assert "0 patients" in text


def test_many_findings_of_a_code_are_one_row():
    made = index.page(
        ROWS,
        patients={},
        links=LINKS,
        context=CONTEXT,
        findings=[
            FINDING,
            *[
                dataclasses.replace(FINDING, code="qpcr.not_evaluable", subject=f"sample S-{i}")
                for i in range(9)
            ],
        ],
    )
    rows = [
        [cell.text_content() for cell in row]
        for row in parse.fromstring(made).findall(".//table")[-1].find("tbody")
    ]
    assert [(row[1], row[4]) for row in rows] == [("1", "qpcr.curve_failed"), ("9", "qpcr.not_evaluable")]
    assert "and 8 more" in rows[1][2]


def test_every_patient_is_listed_with_the_state():
    people = {code: Patient(patient_id=code, diagnosis="AML") for code in ("P-1", "P-7")}
    made = index.page((), patients=people, links=LINKS, context=CONTEXT, sentences={"P-7": "WT1 normal."})
    text = parse.fromstring(made).text_content()
    assert "2 patients: 0 to act on, 0 to look at, 2 without action." in text
    assert "WT1 normal." in text


@pytest.mark.parametrize(("kind", "page"), [("failed run", "curves/R-07.html"), ("control", "controls.html")])
def test_a_run_leads_to_where_its_fault_is_seen(kind, page):
    run = WorklistRow(
        patient_id="", run_id="R-07", urgency=1, kind=kind, reason="", confirm_by=None, overdue_days=0, last_sample_on=None
    )  # fmt: skip
    others, runs = {"Internal controls": "controls.html"}, {"R-07": "curves/R-07.html"}
    links = index.Links(pages={}, pdfs={}, others=others, runs=runs)
    assert index.worklist([run], patients={}, links=links).rows[0][0].link == page
