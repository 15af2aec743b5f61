"""The patient's page and PDF: complete, in order, safe, self-contained, accessible."""

import dataclasses
import datetime as dt
import pickle
import re

import pytest
import typst
from lxml import html as parse

from remnant.course.headline import unverified_sentence
from remnant.records.run import Assay
from remnant.report import numbers, patient, timeline, typeset
from remnant.report.context import DISCLAIMER, Context, report_id
from remnant.report.patient import data, summary, why
from remnant.report.patient.summary import head, warnings
from remnant.report.sentences import as_printed


@pytest.fixture
def context():
    return Context(
        study="Study A", software="remnant 0.1.0", written_at=dt.datetime(2026, 3, 4, 10, 20, tzinfo=dt.UTC)
    )


def words(page):
    return " ".join(parse.fromstring(page).text_content().split())


def test_the_answer_comes_first_and_the_rest_in_order(relapsing_dossier, context):
    text = words(patient.page(relapsing_dossier, context=context))
    places = [
        text.index(part)
        for part in (
            "P-001 AML M2",
            relapsing_dossier.course.headline,
            "The high WT1 control lies",
            "days from transplantation",
            "The data of the timeline",
            "Why",
            "Where from",
            DISCLAIMER,
        )
    ]
    assert places[1:] == sorted(places[1:])


def test_the_head_says_of_which_day_the_states_are(stable_dossier, context):
    last = max(m.drawn_on for m in stable_dossier.measurements)
    day = (last - stable_dossier.course.transplant_on).days
    text = words(patient.page(stable_dossier, context=context))
    assert f". Last marker sample on {last.day} {last:%B %Y} (day +{day})." in text
    alone = dataclasses.replace(stable_dossier, measurements=(), calls=())
    assert "Last marker sample" not in words(patient.page(alone, context=context))


def test_overt_relapse_is_said_before_the_compartments(stable_dossier):
    course = dataclasses.replace(stable_dossier.course, headline="Overt relapse on 4 May 2021.")
    case = dataclasses.replace(stable_dossier, course=course)
    said = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(summary, "_compartments", lambda _: "HSC involved.")
        for day in (None, dt.date(2021, 5, 4)):
            relapsed = dataclasses.replace(course, overt_relapse_on=day)
            said[day] = head(dataclasses.replace(case, course=relapsed)).sentence
    assert said[None].startswith("HSC involved. Overt relapse")
    assert said[dt.date(2021, 5, 4)].startswith("Overt relapse on 4 May 2021. HSC involved.")


def test_the_page_says_when_to_sample_next_for_its_day(stable_dossier, context):
    alive = tuple(e for e in stable_dossier.events if e.kind not in {"death", "relapse"})
    due = dataclasses.replace(stable_dossier.course, next_sample_by=dt.date(2021, 5, 4), death_on=None)
    case = dataclasses.replace(stable_dossier, course=due, events=alive)
    later = dataclasses.replace(context, as_of=dt.date(2021, 5, 14))
    text = words(patient.page(case, context=later))
    assert f"{due.headline} Next sample overdue since 4 May 2021, 10 days" in text
    assert "Asked for 14 May 2021." in text
    assert "since 2021-05-04, 10 days" in text
    early = words(patient.page(case, context=dataclasses.replace(context, as_of=dt.date(2021, 5, 4))))
    assert "Next sample by 4 May 2021." in early
    assert "overdue" not in early.replace("Overdue", "")
    assert report_id(case, context=later) != report_id(case, context=context)


def test_a_class_of_response_without_cut_off_is_drawn_and_printed(relapsing_dossier, context):
    calls = tuple(dataclasses.replace(c, threshold=0.0, verdict="no MR3") for c in relapsing_dossier.calls)
    text = words(patient.page(dataclasses.replace(relapsing_dossier, calls=calls), context=context))
    assert "none: a class of response or a level" in text


def test_dates_in_tables_are_not_broken(stable_dossier, context):
    page = patient.page(stable_dossier, context=context)
    assert '<span class="d">2020-' in page
    assert "<script>alert" not in page


def test_days_have_a_column_only_where_somebody_was_transplanted(any_dossier, context):
    page = parse.fromstring(patient.page(any_dossier, context=context))
    heads = [
        [head.text_content() for head in t.iter("th")]
        for t in page.iter("table")
        if t.find("caption").text.startswith(("WT1,", "BAALC/", "Events"))
    ]
    transplanted = any(event.kind == "transplant" for event in any_dossier.events)
    assert heads
    assert all(("Day" in head) == transplanted for head in heads)


def test_every_measurement_stands_in_the_table(any_dossier, context):
    page = parse.fromstring(patient.page(any_dossier, context=context))
    tables = [t for t in page.iter("table") if t.find("caption").text.startswith(("WT1,", "BAALC/"))]
    printed = [tuple(cell.text_content() for cell in row) for t in tables for row in t.find("tbody")]
    assert len(printed) == len(any_dossier.measurements)
    for m in any_dossier.measurements:
        assert any(
            numbers.iso(m.drawn_on) == row[0]
            and any(cell.startswith(numbers.measured(m).partition(" (interval ")[0]) for cell in row)
            for row in printed
        )


def test_a_value_below_detection_is_never_zero(any_dossier, context):
    page = parse.fromstring(patient.page(any_dossier, context=context))
    values = [cell.text for row in page.iter("tr") for cell in row[3:4] if cell.tag == "td" and len(row) == 8]
    assert values
    assert not any(re.fullmatch(r"0+(\.0+)?", (value or "").strip()) for value in values)


def test_each_verdict_shows_rule_source_version_and_status(relapsing_dossier, context):
    text = words(patient.page(relapsing_dossier, context=context))
    for call in relapsing_dossier.calls:
        assert call.rule_id in text
        assert call.source in text
        assert as_printed(call.reason) in text
    assert "unverified" in text
    assert "2026.1" in text


def test_runs_lots_files_and_hashes(relapsing_dossier, context):
    text = words(patient.page(relapsing_dossier, context=context))
    for part in ("R-031", "CT004411", "K19-204", "P-77", "S-12", "plate_2020_031.rdml", "9f2c9f2c9f2c9f2c"):
        assert part in text


def test_nothing_is_fetched(any_dossier, context):
    page = patient.page(any_dossier, context=context)
    tree = parse.fromstring(page)
    assert not tree.xpath("//link | //img | //iframe | //script[@src] | //*[@src]")
    assert not [a for a in tree.xpath("//@href") if "//" in a]
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org)", page)


def test_text_from_the_laboratory_stays_text(crowded_dossier, context):
    hostile = dataclasses.replace(
        crowded_dossier,
        patient=dataclasses.replace(crowded_dossier.patient, donor="<script>alert(1)</script>"),
        course=dataclasses.replace(crowded_dossier.course, headline='#panic("x") $1$ *b* </p> @ref \\ end'),
    )
    page = patient.page(hostile, context=context)
    assert "<script>alert" not in page
    assert '#panic("x") $1$ *b* </p> @ref \\ end' in words(page)
    assert patient.pdf(hostile, context=context).startswith(b"%PDF")


def test_it_is_accessible(relapsing_dossier, context):
    page = parse.fromstring(patient.page(relapsing_dossier, context=context))
    assert page.get("lang") == "en"
    assert page.findtext(".//title").startswith("P-001")
    svg = page.xpath("//figure//*[local-name()='svg']")[0]
    assert svg.get("role") == "img"
    described = page.xpath(f"//*[@id='{svg.get('aria-labelledby')}']")
    assert described[0].text == timeline.describe(relapsing_dossier)
    assert all(th.get("scope") == "col" for th in page.iter("th"))
    assert all(table.find("caption") is not None for table in page.iter("table"))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_synthetic_patients_say_so_and_others_do_not(relapsing_dossier, bare_dossier, context):
    assert "Synthetic data." in words(patient.page(relapsing_dossier, context=context))
    assert "ynthetic" not in words(patient.page(bare_dossier, context=context))


def test_a_patient_without_a_course_has_a_page(bare_dossier, context):
    text = words(patient.page(bare_dossier, context=context))
    assert "has not been judged" in text
    assert "no rule" in text


def test_warnings_show_failures_first_and_repeated_codes_once(relapsing_dossier):
    finding = relapsing_dossier.findings[1]
    failed = dataclasses.replace(finding, code="qpcr.curve_failed", severity="failure", message="Slope -4.1.")
    many = dataclasses.replace(relapsing_dossier, findings=(finding, finding, finding, failed))
    lines = warnings(many)
    assert [line.label for line in lines] == ["Failed", "Warning"]
    assert lines[1].text.endswith("The same for 2 more.")


def test_many_warnings_do_not_push_the_timeline_away(relapsing_dossier):
    finding = relapsing_dossier.findings[1]
    many = tuple(dataclasses.replace(finding, code=f"qpcr.code_{i}") for i in range(12))
    lines = warnings(dataclasses.replace(relapsing_dossier, findings=many))
    assert len(lines) == 4
    assert lines[-1].text == "And 9 more below, under Where from."


def test_unverified_rules_stand_beside_the_sentence(relapsing_dossier):
    course = dataclasses.replace(relapsing_dossier.course, unverified_rules=("donors' 97.5th percentile",))
    lines = warnings(dataclasses.replace(relapsing_dossier, course=course))
    assert lines[-1].label == "Not verified"
    assert "donors' 97.5th percentile" in lines[-1].text


def test_what_stands_beside_the_sentence_is_not_said_in_it_again(relapsing_dossier):
    rules = ("BAALC donors' 97.5th percentile", "WT1 own")
    said = f"BAALC raised once. No overt relapse. {unverified_sentence(rules)} Repeat it."
    course = dataclasses.replace(relapsing_dossier.course, headline=said, unverified_rules=rules)
    shown = head(dataclasses.replace(relapsing_dossier, course=course)).sentence
    assert shown.startswith("BAALC raised once. No overt relapse. Repeat it.")


def test_numbers_of_a_finding_are_printed_as_numbers(relapsing_dossier, context):
    found = dataclasses.replace(
        relapsing_dossier.findings[0],
        severity="failure",
        subject="cDNA C-094",
        message="Slope -3.613 (P = 4.3e-07). See `remnant findings` <b>.",
    )
    held = dataclasses.replace(relapsing_dossier, findings=(found,))
    page = parse.fromstring(patient.page(held, context=context))
    (beside,) = page.find_class("trust")
    assert "cDNA C-094: Slope −3.613 (P = 4.3 × 10⁻⁷). See remnant findings <b>." in beside.text_content()
    assert [code.text for code in beside.iter("code")] == ["remnant findings"]


@pytest.mark.parametrize(
    "whole",
    [
        "0.6-5.4",
        "27-63 %",
        "1.2-2.6 × 10²",
        "BCR-ABL1",
        "S-0458",
        "B002-D-4",
        "P &lt; 0.01",
        "P = 2.3 × 10⁻¹²",
    ],
)
def test_ranges_and_codes_are_not_broken(relapsing_dossier, context, whole):
    text = whole.replace("&lt;", "<")
    course = dataclasses.replace(relapsing_dossier.course, headline=f"Found {text} there.")
    page = patient.page(dataclasses.replace(relapsing_dossier, course=course), context=context)
    assert f'Found <span class="d">{whole}</span> there.' in page


def test_why_has_the_series_of_a_day_in_the_order_of_the_timeline(relapsing_dossier):
    panels = [
        table.title.partition("/")[0].partition(",")[0] for table in data.measurements(relapsing_dossier)
    ]
    assert len(panels) > 1
    for table in (why.states(relapsing_dossier), why.verdicts(relapsing_dossier)):
        keys = [(-int(row[0].text.replace("-", "")), panels.index(row[1].text)) for row in table.rows]
        assert keys == sorted(keys)


def test_the_same_dossier_gives_the_same_bytes(relapsing_dossier, context):
    figure = timeline.svg(relapsing_dossier)
    assert figure == timeline.svg(relapsing_dossier)
    first, second = (patient.pdf(relapsing_dossier, context=context, figure=figure) for _ in range(2))
    assert first == second


def test_the_report_id_follows_the_content(relapsing_dossier, context):
    changed = dataclasses.replace(relapsing_dossier, findings=())
    assert report_id(relapsing_dossier, context=context) == report_id(relapsing_dossier, context=context)
    assert report_id(relapsing_dossier, context=context) != report_id(changed, context=context)
    assert report_id(relapsing_dossier, context=context) in patient.page(relapsing_dossier, context=context)


def test_an_amended_report_names_what_it_replaces(bare_dossier, context):
    amended = dataclasses.replace(context, report_version=2, replaces="P-003-0123456789")
    assert "version 2, amended, replaces P-003-0123456789" in words(
        patient.page(bare_dossier, context=amended)
    )


def test_reports_travel_to_other_processes(bare_dossier, context):
    call = pickle.loads(pickle.dumps((patient.report, bare_dossier, context)))  # noqa: S301 - our own bytes
    made = call[0](call[1], context=call[2], with_pdf=True)
    assert pickle.loads(pickle.dumps(made)).pdf.startswith(b"%PDF")  # noqa: S301 - our own bytes


def test_the_pdf_is_tagged_and_titled(any_dossier, context):
    made = patient.pdf(any_dossier, context=context)
    assert b"/StructTreeRoot" in made or b"/MarkInfo" in made
    assert b"pdfuaid:part" in made
    assert b"/Lang" in made


def test_a_figure_without_description_is_refused(bare_dossier, context, monkeypatch):
    source = typeset._template("patient.typ")
    monkeypatch.setattr(typeset, "_template", lambda _: source.replace(b", alt: report.alt", b""))
    with pytest.raises(typst.TypstError, match="alt"):
        patient.pdf(bare_dossier, context=context)


def test_a_cut_off_from_donors_prints_how_uncertain_it_is(relapsing_dossier, context):
    first = relapsing_dossier.measurements[0]
    series = (first.assay_id, first.material, first.fraction)
    call = next(c for c in relapsing_dossier.calls if c.measurement_id == first.measurement_id)
    held = tuple(
        dataclasses.replace(b, percentile_97_5=call.threshold, percentile_lower=20.0, percentile_upper=80.0)
        if (b.assay_id, b.material, b.fraction) == series
        else b
        for b in relapsing_dossier.baselines
    )
    text = words(patient.page(dataclasses.replace(relapsing_dossier, baselines=held), context=context))
    known = re.findall(r"cut-off taken as it stands: 20 donors, 95 % interval 20-80 \S+", text)
    integrated = tuple(
        dataclasses.replace(c, threshold_sd_log10=0.1) if c.measurement_id == first.measurement_id else c
        for c in relapsing_dossier.calls
    )
    inside = words(
        patient.page(
            dataclasses.replace(relapsing_dossier, baselines=held, calls=integrated), context=context
        )
    )
    assert "P holds the cut-off's own uncertainty: 20 donors, 95 % interval 20-80" in inside
    fixed = words(patient.page(dataclasses.replace(relapsing_dossier, baselines=()), context=context))
    assert known
    assert len(re.findall(r"20 donors, 95 % interval 20-80", text)) >= len(known) + 2
    assert "the cut-off itself is uncertain" not in fixed


def drawn_tables(page):
    for table in parse.fromstring(page).iter("table"):
        yield [[cell.text_content().strip() for cell in row] for row in table.find("tbody")]


def test_no_column_is_drawn_in_which_no_row_says_anything(any_dossier, context):
    for rows in drawn_tables(patient.page(any_dossier, context=context)):
        assert all(any(column) for column in zip(*rows, strict=True))


def test_what_was_not_measured_is_no_column_and_no_zero(relapsing_dossier, context):
    bare = [
        dataclasses.replace(
            s,
            blast_percent=None,
            chimerism_whole_percent=None,
            chimerism_cd3_percent=None,
            chimerism_cd34_percent=None,
        )
        for s in relapsing_dossier.samples
    ]
    without = patient.page(dataclasses.replace(relapsing_dossier, samples=tuple(bare)), context=context)
    assert "Blasts, %" not in without
    assert "CD34+, %" not in without
    bare[0] = dataclasses.replace(bare[0], blast_percent=0.0)
    text = words(patient.page(dataclasses.replace(relapsing_dossier, samples=tuple(bare)), context=context))
    assert "Samples and blasts" in text
    assert "An empty cell: not measured, which is not 0." in text
    assert "donor chimerism" not in text


def test_assays_of_one_marker_are_told_apart(relapsing_dossier):
    course = relapsing_dossier.course
    one = relapsing_dossier.measurements[0]
    copy = dataclasses.replace(one, measurement_id="M-dpcr", assay_id="own dPCR", platform="dpcr")
    point = next(p for p in course.points if p.assay_id == one.assay_id)
    digital = Assay(
        assay_id="own dPCR", target=one.target, control=one.control, platform="dpcr", unit=one.unit
    )
    held = dataclasses.replace(
        relapsing_dossier,
        measurements=(*relapsing_dossier.measurements, copy),
        assays=(*relapsing_dossier.assays, digital),
        course=dataclasses.replace(
            course,
            points=(*course.points, dataclasses.replace(point, assay_id="own dPCR", measurement_id="M-dpcr")),
        ),
    )
    assert f"{one.target}, digital PCR" in [row[1].text for row in why.states(held).rows]
    assert f"{one.target}, digital PCR" not in [row[1].text for row in why.states(relapsing_dossier).rows]


def test_an_assay_of_a_single_marker_adds_no_row_to_both_markers_together(relapsing_dossier):
    joint = next(j for j in relapsing_dossier.course.joint if j.probability_both is not None)
    single = dataclasses.replace(
        joint, state="undecided", probability_wt1=None, probability_baalc=None, probability_both=None
    )
    course = relapsing_dossier.course
    both = dataclasses.replace(
        relapsing_dossier, course=dataclasses.replace(course, joint=(*course.joint, single))
    )
    assert why.joint(both) == why.joint(relapsing_dossier)
    alone = dataclasses.replace(relapsing_dossier, course=dataclasses.replace(course, joint=(single,)))
    assert len(why.joint(alone).rows) == 1
