"""Levey-Jennings charts show every point, and name what was violated."""

import datetime as dt
import re

import pytest

from remnant.records.control import ControlPoint
from remnant.report import controls
from remnant.report.context import Context
from remnant.report.layout import text_width
from remnant.report.palette import ACT


def point(run, z, *, name="IQC-HIGH", rules=(), rejects=False, known=True):
    return ControlPoint(
        run_id=f"R-{run:03}",
        control_name=name,
        target="WT1",
        assay_id="WT1/ABL1",
        unit="per_1e4",
        run_on=dt.date(2020, 1, 6) + dt.timedelta(days=run) if run < 90 else None,
        log10_value=3.4 + 0.1 * z,
        tube_sd_log10=0.05,
        mean=3.4 if known else None,
        sd=0.1 if known else None,
        z=z if known else None,
        rules=rules,
        rejects=rejects,
    )


@pytest.fixture
def points():
    return (
        point(9, 4.2, rules=("1-3s",), rejects=True),
        point(1, 0.4, known=False),
        point(5, -0.3),
        point(7, 0.1, name="IQC-LOW"),
        point(91, 1.0),
    )


def drawn(spec, panel):
    return [
        (row["title"], row["x"], row["y"], row["colour"])
        for layer in spec["vconcat"][panel]["layer"]
        if layer["mark"]["type"] == "point"
        for row in layer["data"]["values"]
    ]


def test_one_panel_a_control_and_every_point_once(points):
    spec = controls.spec(points)
    assert [len(drawn(spec, panel)) for panel in range(2)] == [4, 1]


def test_runs_stand_in_the_order_of_their_dates_undated_last(points):
    ordered = sorted(drawn(controls.spec(points), 0), key=lambda row: row[1])
    assert [title.partition(",")[0] for title, *_ in ordered] == ["R-001", "R-005", "R-009", "R-091"]


def test_a_rejecting_point_is_named_and_inside_the_panel(points):
    title, _, y, colour = next(row for row in drawn(controls.spec(points), 0) if row[0].startswith("R-009"))
    assert title.endswith("1-3s")
    assert colour == ACT
    assert 0 < y < 96


def test_a_point_from_before_the_chart_was_set_stands_at_its_value(points):
    rows = {title.partition(",")[0]: y for title, _, y, _ in drawn(controls.spec(points), 0)}
    middle = 48
    assert rows["R-001"] < middle < rows["R-005"]


def test_page_and_table(points):
    context = Context(
        study="Study A", software="remnant 0.1.0", written_at=dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    )
    page = controls.page(points, context=context)
    assert "run rejected" in page
    assert len(controls.table(points).rows) == 5


def test_no_controls_say_so():
    assert "No internal control was measured." in controls.svg(())


def names(panel):
    return [
        (row["x"], row["y"], row["text"])
        for layer in panel["layer"]
        if layer["mark"]["type"] == "text"
        for row in layer["data"]["values"]
        if re.fullmatch(r"[0-9R]+-[0-9a-z]+(, .*)?", row["text"]) and row["y"] < 0
    ]


def test_names_of_rules_stand_above_their_chart_and_cover_no_other():
    held = [point(run, 2.5, rules=("1_2s", "R_4s"), rejects=run % 2 == 0) for run in range(80)]
    (panel,) = controls.spec(held)["vconcat"]
    kept = names(panel)
    assert 1 < len(kept) < 80
    for place, (x, y, text) in enumerate(kept):
        for other_x, other_y, _ in kept[:place]:
            assert y != other_y or abs(x - other_x) >= text_width(text)
    points = {x for _, x, _, _ in drawn(controls.spec(held), 0)}
    assert {x for x, _, _ in kept} <= points


def test_a_rejected_run_is_named_before_a_warning():
    held = [point(run, 2.5, rules=("1_2s", "10_x"), rejects=run == 20) for run in range(40)]
    (panel,) = controls.spec(held)["vconcat"]
    (rejected,) = [x for title, x, _, _ in drawn(controls.spec(held), 0) if title.startswith("R-020")]
    assert rejected in {x for x, _, _ in names(panel)}


def test_what_a_place_alone_tells_is_not_named():
    held = [point(1, 2.4, rules=("1_2s",)), point(5, 3.4, rules=("1_2s", "1_3s"), rejects=True)]
    (panel,) = controls.spec(held)["vconcat"]
    assert [text for _, _, text in names(panel)] == ["1-3s"]
