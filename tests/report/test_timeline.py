"""The timeline shows each measurement as the look asks, on one true time axis."""

import dataclasses
import datetime as dt
import itertools
import json
import re

import pytest
from lxml import etree

from remnant.records.dossier import Dossier
from remnant.records.patient import Event, Patient
from remnant.report import draw, timeline
from remnant.report.timeline import marker
from remnant.report.timeline.axis import WIDTH, frame

SVG = "{http://www.w3.org/2000/svg}"


def layers(spec, title):
    view = next(v for v in spec["vconcat"] if str(v.get("title", "")).startswith(title))
    return view["layer"]


def points(spec, title):
    """Rows of the point layers of one panel, by outline and fill."""
    return [
        {**row, "fill": layer["mark"].get("fill"), "pixel": layer["encoding"]["y"].get("value")}
        for layer in layers(spec, title)
        if isinstance(layer["mark"], dict)
        and layer["mark"]["type"] == "point"
        and "title" in layer["data"]["values"][0]
        for row in layer["data"]["values"]
    ]


def lines(spec, title):
    """Joining lines of one panel: their ends in days, and whether they are dashed."""
    return {
        (round(row["x"]), round(row["x2"])): "strokeDash" in layer["mark"]
        for layer in layers(spec, title)
        if isinstance(layer["mark"], dict)
        and layer["mark"]["type"] == "rule"
        and "x2" in layer["data"]["values"][0]
        for row in layer["data"]["values"]
    }


def test_it_is_valid_json_and_renders(any_dossier):
    spec = json.loads(json.dumps(timeline.spec(any_dossier), allow_nan=False))
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert timeline.svg(any_dossier).startswith("<svg")


def test_one_panel_a_marker_and_one_time_axis(relapsing_dossier):
    spec = timeline.spec(relapsing_dossier)
    titles = [view.get("title") for view in spec["vconcat"]]
    assert [t for t in titles if t] == [
        "WT1, per 10⁴ ABL1",
        "BAALC/ABL1, %",
        "Blasts, %",
        "Donor chimerism, %",
    ]
    domains = {
        tuple(layer["encoding"]["x"]["scale"]["domain"])
        for view in spec["vconcat"]
        for layer in view["layer"]
        if (layer["encoding"].get("x", {}).get("scale") or {}).get("domain")
    }
    assert len(domains) == 1


def test_time_is_linear(relapsing_dossier):
    time = frame(relapsing_dossier)
    assert time.pixel(100) - time.pixel(50) == pytest.approx(time.pixel(0) - time.pixel(-50))
    assert time.pixel(time.low) == 0
    assert time.pixel(time.high) == WIDTH


def test_undetected_is_hollow_down_at_its_own_limit(relapsing_dossier):
    limits = {m.upper_limit for m in relapsing_dossier.measurements if m.state == "not detected"}
    hollow = [
        p for p in points(timeline.spec(relapsing_dossier), "WT1") if p["outline"] in marker.DOWN.values()
    ]
    assert {p["y"] for p in hollow} == limits
    assert {p["fill"] for p in hollow} == {"#ffffff"}


def test_undetected_is_never_joined_and_the_gap_is_dashed(relapsing_dossier):
    joined = lines(timeline.spec(relapsing_dossier), "WT1")
    assert joined[-160, -10] is False
    assert joined[-10, 96] is True
    assert joined[96, 112] is False
    assert {day for pair in joined for day in pair}.isdisjoint({31, 59, 150})


def test_materials_are_never_joined(stable_dossier):
    materials = {(m.drawn_on - dt.date(2020, 3, 12)).days: m.material for m in stable_dossier.measurements}
    joined = lines(timeline.spec(stable_dossier), "BAALC")
    assert joined
    assert all(materials[a] == materials[b] for a, b in joined)


def test_values_of_one_day_stand_side_by_side(relapsing_dossier):
    found = [p for p in points(timeline.spec(relapsing_dossier), "BAALC") if "day +59" in p["title"]]
    assert len(found) == 2
    time = frame(relapsing_dossier)
    apart = abs(time.pixel(found[0]["x"]) - time.pixel(found[1]["x"]))
    assert 8 <= apart <= 14
    assert {p["outline"] for p in found} == {marker.OUTLINES["circle"], marker.OUTLINES["square"]}


def test_not_evaluable_is_a_cross_on_the_axis_with_its_reason(relapsing_dossier):
    crosses = [p for p in points(timeline.spec(relapsing_dossier), "WT1") if p["outline"] == marker.CROSS]
    assert [c["pixel"] is not None for c in crosses] == [True]
    assert "640 ABL1 copies" in crosses[0]["title"]


def test_detected_but_not_quantifiable_is_half_filled(relapsing_dossier):
    outlines = [
        p["outline"] for p in points(timeline.spec(relapsing_dossier), "WT1") if "detected" in p["title"]
    ]
    assert marker.HALF["circle"] in outlines


def test_a_sorted_fraction_is_a_diamond_of_its_own_series(crowded_dossier):
    spec = timeline.spec(crowded_dossier)
    diamonds = [p for p in points(spec, "WT1") if p["outline"] == marker.OUTLINES["diamond"]]
    assert len(diamonds) == 1
    assert "progenitor" in diamonds[0]["title"]
    assert all(
        row["y2"] != diamonds[0]["y"]
        for layer in layers(spec, "WT1")
        for row in layer["data"]["values"]
        if "x2" in row
    )


def test_every_measurement_is_drawn_once(any_dossier):
    titles = [
        title
        for view in etree.fromstring(timeline.svg(any_dossier).encode()).iter(f"{SVG}title")
        for title in [view.text]
    ]
    for m in any_dossier.measurements:
        expected = 2 if m.state == "detected" else 1
        place = {"BM": "marrow", "PB": "blood"}[m.material]
        found = [
            t
            for t in titles
            if t.startswith(
                f"{m.target}, {place}{', ' + m.fraction if m.fraction else ''}, {m.drawn_on.isoformat()}"
            )
        ]
        assert len(found) == expected, (m.measurement_id, found)


def test_unverified_cutoffs_say_so(relapsing_dossier):
    text = timeline.svg(relapsing_dossier)
    assert "BM &gt; 19.7, unverified" in text
    assert "BM &gt; 250<" in text


def absolute_texts(svg):
    """Anchor, place and words of every text of a figure."""
    root = etree.fromstring(svg.encode())
    for text in root.iter(f"{SVG}text"):
        x = 0.0
        node = text
        while node is not None:
            found = re.match(r"translate\(([-\d.]+)", node.get("transform") or "")
            x += float(found.group(1)) if found else 0.0
            node = node.getparent()
        yield text.get("text-anchor", "start"), x, text.text or ""


def test_no_label_is_clipped(any_dossier):
    svg = timeline.svg(any_dossier)
    left, _, width, _ = (float(v) for v in re.search(r'viewBox="([^"]+)"', svg).group(1).split())
    for anchor, x, words in absolute_texts(svg):
        size = 0.5 * 12 * len(words)
        start = x - {"start": 0, "middle": 0.5, "end": 1}[anchor] * size
        assert left - 1 <= start, words
        assert start + size <= left + width + 1, words


def test_the_figure_is_described_in_words(relapsing_dossier):
    words = timeline.describe(relapsing_dossier)
    assert "P-001" in words
    assert "WT1" in words
    assert "Overt relapse on day +181" in words
    assert "not evaluable" in words


def test_a_dossier_without_dates_says_so():
    empty = Dossier(patient=Patient(patient_id="P-009", diagnosis="AML"))
    assert "Nothing with a date is known." in timeline.svg(empty)


def test_the_order_of_records_does_not_matter(relapsing_dossier):
    turned = dataclasses.replace(
        relapsing_dossier,
        samples=relapsing_dossier.samples[::-1],
        events=relapsing_dossier.events[::-1],
        therapies=relapsing_dossier.therapies[::-1],
    )
    assert timeline.svg(turned) == timeline.svg(relapsing_dossier)


def test_png_and_pdf_of_a_figure(bare_dossier):
    figure = timeline.svg(bare_dossier)
    assert draw.png(figure).startswith(b"\x89PNG")
    assert draw.pdf(figure).startswith(b"%PDF")


def test_follow_up_without_samples_does_not_squeeze_the_rest(relapsing_dossier):
    late = Event(patient_id="P-001", kind="last_contact", on=dt.date(2024, 3, 1))
    longer = dataclasses.replace(relapsing_dossier, events=(*relapsing_dossier.events, late))
    assert frame(longer).high < 250
    svg = timeline.svg(longer)
    assert "last contact, day +1450 →" in svg
    assert "death, day +300 →" in svg


def test_a_late_sample_is_never_beyond_the_axis(relapsing_dossier):
    late = dataclasses.replace(relapsing_dossier.samples[0], sample_id="S-late", drawn_on=dt.date(2024, 3, 1))
    longer = dataclasses.replace(relapsing_dossier, samples=(*relapsing_dossier.samples, late))
    assert frame(longer).high > 1450


def test_state_labels_do_not_cover_one_another_or_a_mark(crowded_dossier):
    layer = next(
        made
        for made in layers(timeline.spec(crowded_dossier), "WT1")
        if made["mark"]["type"] == "text" and made["mark"].get("fontWeight") == 600
    )
    rows = layer["data"]["values"]
    assert [row["text"] for row in rows] == [
        "BM raised once",
        "BM raised confirmed",
        "BM persistently raised",
        "BM progenitor raised once",
    ]
    assert all(abs(a["y"] - b["y"]) >= 12 for a, b in itertools.combinations(rows, 2))
    assert min(row["y"] for row in rows) >= 6


def test_a_state_does_not_lie_on_the_line_of_a_cut_off(relapsing_dossier):
    scale = marker.PanelScale(1.0, 1e4, 200.0)
    time = frame(relapsing_dossier)
    row = {"x": 10, "y": 100.0, "far_upper": 150.0, "upper": 140.0, "far_lower": 60.0, "lower": 80.0}
    said = [{"row": row, "label": "raised once", "colour": "#000000"}]
    ((_, free, *_),), _ = marker._placed_alarms(time, said, [row], scale, rules=(), levels=())
    level = scale.low * (scale.high / scale.low) ** (1 - free / scale.height)
    assert scale.pixel(level) == pytest.approx(free), "the line would strike it through"
    ((_, place, *_),), room = marker._placed_alarms(time, said, [row], scale, rules=(), levels=(level,))
    assert place - room <= free - 6


def test_more_than_a_limit_points_up_and_has_no_upper_end(relapsing_dossier):
    first = relapsing_dossier.measurements[0]
    open_ended = dataclasses.replace(
        first,
        state="detected",
        estimate=None,
        lower=7.0e4,
        upper=None,
        comparison_lower=None,
        comparison_upper=None,
        upper_limit=None,
    )
    held = dataclasses.replace(
        relapsing_dossier, measurements=(open_ended, *relapsing_dossier.measurements[1:])
    )
    assert "more than this limit" in timeline.svg(held)
    assert "more than this limit" not in timeline.svg(relapsing_dossier)
    assert "&gt; 7.0 × 10⁴" in timeline.svg(held)
