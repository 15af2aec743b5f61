"""Cytometry pages: the statement first, every gate in the tree, figures described."""

import dataclasses
import datetime as dt

import pytest
from lxml.html import document_fromstring
from markupsafe import escape

from remnant.acquire.fcs import read_fcs
from remnant.assay.flow.compartments import compartment_counts
from remnant.assay.flow.mrd import mrd_statement
from remnant.assay.flow.panels import checked_panel, panel_of_labels
from remnant.example.marrow import made_marrow
from remnant.knowledge.flow import flow_rules
from remnant.knowledge.gates import gate_definitions
from remnant.pipeline.flow_pages import flow_page, plots_of
from remnant.records.finding import Finding
from remnant.records.flow import CutSensitivity
from remnant.report.flow import plot, tree
from remnant.report.flow.page import sensitivity_table, statement_table


@pytest.fixture(scope="module")
def tube():
    events = read_fcs("made.fcs", made_marrow(6_000, blasts={"B-ALL blast": 60}, seed=4).fcs())[0]
    panel = panel_of_labels(events.tube)
    counts = compartment_counts(events, panel, definitions=gate_definitions())
    return events, counts, checked_panel(panel, events.tube)


def said(k, **more):
    return mrd_statement(
        k, 600_000, gate="LAIP", denominator="CD45+", lesion="AML", rules=flow_rules(), **more
    )


def test_the_page_says_the_statement_before_the_tree(tube):
    events, counts, channels = tube
    page = flow_page(events, counts, channels, statement=said(0), synthetic=True)
    assert page.index("LAIP: not detected") < page.index("Gate tree") < page.index("What each cut decides")
    assert "Synthetic data" in page
    assert "Research use only" in page
    assert f"{dt.datetime.now(tz=dt.UTC).year}" in page


def test_a_negative_is_a_limit_and_never_zero(tube):
    events, counts, channels = tube
    page = flow_page(events, counts, channels, statement=said(0))
    first = document_fromstring(page).find_class("sentence")[0].text_content()
    assert "not detected, < 5.2 × 10⁻⁶ of CD45+" in first, "the statement is what is read first"
    rows = {row[0].text: row[1].text for row in statement_table(said(120)).rows}
    assert rows["Events in the gate"] == "120"


def test_both_ends_of_an_interval_have_one_unit(tube):
    events, counts, channels = tube
    wide = dataclasses.replace(said(0), estimate=0.023, lower=0.00079, upper=0.032)
    page = flow_page(events, counts, channels, statement=wide)
    assert "95 % interval 0.079 to 3.2 %" in " ".join(document_fromstring(page).text_content().split())
    deep = dataclasses.replace(said(0), estimate=2e-5, lower=0.0, upper=9e-5)
    rows = {row[0].text: row[1].text for row in statement_table(deep).rows}
    assert rows["Interval, 95 %"] == "0 to 9.0 × 10⁻⁵"


def test_what_lowers_trust_stands_on_the_page_before_the_tree(tube):
    events, counts, channels = tube
    noticed = Finding(code="flow.x", severity="warning", subject="tube", message="Haematogones look alike.")
    statement = dataclasses.replace(said(0), findings=(noticed,))
    page = flow_page(events, counts, channels, statement=statement)
    assert page.index("Haematogones look alike.") < page.index("Gate tree")
    for finding in counts.findings:
        assert str(escape(finding.message)) in page


def test_every_gate_stands_in_the_tree_with_its_count(tube):
    events, counts, _ = tube
    told = tree.describe(counts.counts, events.tube.events)
    for one in counts.counts:
        assert f"{one.gate}: {one.events:,}" in told
    assert told in tree.svg(counts.counts, events.tube.events).replace("&gt;", ">")


def test_plots_show_every_event_and_name_their_gates(tube):
    events, counts, channels = tube
    plots = plots_of(events, counts, channels)
    assert len(plots) == 6
    assert all(sum(map(sum, one.grid.counts)) == events.tube.events for one in plots)
    assert "HSC holds" in plot.describe(plots)
    assert plot.svg(plots).startswith("<svg")


def test_a_count_that_hangs_on_one_cut_is_marked():
    steady = CutSensitivity(compartment="T", antigen="CD3", shifts=(-1.0, 0.0, 1.0), events=(101, 100, 98))
    shaky = CutSensitivity(compartment="LSC", antigen="CD38", shifts=(-1.0, 0.0, 1.0), events=(0, 2, 23))
    rows = sensitivity_table([steady, shaky]).rows
    assert {cell.tone for cell in rows[0][2:]} == {""}
    assert {cell.tone for cell in rows[1][2:]} == {"look"}
