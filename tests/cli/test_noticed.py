"""Findings on a terminal: each that lowers trust says what to do."""

from remnant.cli.noticed import advice_of
from remnant.knowledge.tables import rows
from remnant.records.finding import Finding


def finding(**change):
    made = {
        "code": "qpcr.not_evaluable",
        "severity": "failure",
        "subject": "sample S-1",
        "message": "It is not.",
    }
    return Finding(**(made | change))


def test_a_finding_without_advice_of_its_own_has_that_of_its_code():
    assert advice_of(finding()) == "Repeat the measurement."
    assert advice_of(finding(advice="Dilute.")) == "Dilute."
    assert advice_of(finding(severity="note")) is None


def test_every_code_has_advice():
    assert all(row["advice"] for row in rows("findings"))
