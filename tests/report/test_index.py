"""The study's page: most urgent first, reasons and links, the banner once."""

import datetime as dt

import pytest
from lxml import html as parse

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
    )
    for code, urgency, by, late in (
        ("P-1", 0, None, 0),
        ("P-2", 1, dt.date(2020, 7, 1), 0),
        ("P-3", 2, dt.date(2020, 7, 9), 0),
        ("P-4", 1, dt.date(2020, 6, 2), 12),
        ("P-5", 2, dt.date(2020, 7, 2), 0),
    )
)
LINKS = index.Links(
    pages={f"P-{i}": f"patients/P-{i}.html" for i in range(1, 6)},
    pdfs={"P-3": "pdf/P-3.pdf"},
    others={"Cohort": "cohort.html"},
)


@pytest.fixture
def page():
    context = Context(
        study="Study A",
        software="remnant 0.1.0",
        written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC),
        assumptions=("Run error is assumed.",),
    )
    patients = {row.patient_id: Patient(patient_id=row.patient_id, diagnosis="AML") for row in ROWS}
    return parse.fromstring(index.page(ROWS, patients=patients, links=LINKS, context=context))


def test_the_most_urgent_stand_first(page):
    codes = [row[0].text_content() for row in page.find(".//table/tbody")]
    assert codes == ["P-5", "P-3", "P-4", "P-2", "P-1"]


def test_every_patient_is_linked_with_the_reason(page):
    for row in ROWS:
        found = page.xpath(f"//a[@href='patients/{row.patient_id}.html']")
        assert len(found) == 1
        assert row.reason in found[0].getparent().getparent().text_content()
    assert page.xpath("//a[@href='pdf/P-3.pdf']")


def test_the_sentence_counts(page):
    assert "5 patients: 2 to act on, 2 to look at, 1 without action. 1 sample overdue." in page.text_content()


def test_assumptions_stand_once(page):
    assert page.text_content().count("Run error is assumed.") == 1


def test_an_empty_study_has_a_page():
    context = Context(
        study="Study A", software="remnant 0.1.0", written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    )
    text = index.page((), patients={}, links=index.Links(pages={}, pdfs={}, others={}), context=context)
    assert "0 patients" in text
