"""Cells of every kind, in the spellings of three languages."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.acquire.cells import CellError, means_copies, parser, plate_position
from remnant.acquire.columns import KINDS, kind_of
from remnant.acquire.limits import range_of


def column(kind, name):
    return next(column for column in kind_of(kind).columns if column.name == name)


def parse(kind, name, text, *, comma=False):
    return parser(column(kind, name), comma=comma)(text)


def code(kind, name, text, *, comma=False):
    with pytest.raises(CellError) as refused:
        parse(kind, name, text, comma=comma)
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.5", 12.5),
        ("12,5", 12.5),
        ("0,125", 0.125),
        (",5", 0.5),
        ("1e1", 10.0),
        ("1,5E+1", 15.0),
        ("\u22120", 0.0),
        ("12.5 %", 12.5),
        ("12,5%", 12.5),
        ("12,345", 12.345),  # 12 345 per cent is out of range: only one reading is left
        ("", None),
        ("n/a", None),
        ("н/д", None),
        ("—", None),
    ],
)
def test_numbers(text, value):
    assert parse("samples", "blast_percent", text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("20 000", 2e4), ("20\u00a0000,5", 20000.5), ("1\u202f234\u202f567.5", 1234567.5)]
)
def test_thousands_separated_by_spaces(text, value):
    assert parse("reported values", "control_copies", text) == value


def test_comma_before_three_digits_is_refused_where_both_readings_are_possible():
    assert code("reported values", "control_copies", "15,000") == "cell.number_ambiguous"
    assert parse("reported values", "control_copies", "15,000", comma=True) == 15.0
    assert parse("cq table", "cq", "33,123") == 33.123


@pytest.mark.parametrize(
    "text", ["abc", "1.2.3", "1.234,5", "1,2,3", "0x10", "1_000", "٣", "inf", "5 5", "<5"]
)
def test_what_is_no_number_is_refused(text):
    assert code("samples", "blast_percent", text) == "cell.number"


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("samples", "blast_percent", "100.1"),
        ("samples", "blast_percent", "-0.1"),
        ("fractions", "purity", "92"),
        ("reported values", "control_copies", "-1"),
        ("reported values", "value", "0"),
        ("reported values", "value", "1e999"),
        ("cq table", "dilution", "0.1"),
        ("cq table", "cdna_ul", "0"),
        ("cq table", "cq", "101"),
        ("patients", "age_years", "1961"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, name, text):
    assert code(kind, name, text) == "cell.range"


def test_every_number_column_has_a_range():
    numeric = [
        (kind.name, column.name)
        for kind in KINDS
        for column in kind.columns
        if column.accepts in {"number", "whole number", "value", "cq"} and range_of(column.name) is None
    ]
    assert numeric == []


def test_counts_are_whole():
    assert parse("fractions", "yield_cells", "3 500") == 3500
    assert parse("runs", "cycles", "45.0") == 45
    assert code("runs", "cycles", "45.5") == "cell.whole_number"


@pytest.mark.parametrize(
    "text",
    ["2020-04-03", "03.04.2020", "3.4.2020", "2020-04-03 14:05", "2020-04-03T14:05:09Z", "03.04.2020 14:05"],
)
def test_dates(text):
    assert parse("samples", "drawn_on", text) == dt.date(2020, 4, 3)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("03/04/2020", "cell.date_ambiguous"),
        ("25/12/2020", "cell.date"),
        ("05/13/2019", "cell.date"),
        ("13/13/2019", "cell.date"),
        ("3/4/20", "cell.date_ambiguous"),
        ("03-04-2020", "cell.date_ambiguous"),
        ("03.04.20", "cell.date"),
        ("31.02.2020", "cell.date"),
        ("2020-13-01", "cell.date"),
        ("2020", "cell.date"),
        ("43924", "cell.date"),
        ("April 3", "cell.date"),
        ("1020-04-03", "cell.date_range"),
        ("2202-04-03", "cell.date_range"),
    ],
)
def test_dates_with_any_doubt_are_refused(text, problem):
    assert code("samples", "drawn_on", text) == problem


def test_a_date_with_one_reading_is_refused_with_that_reading():
    with pytest.raises(CellError) as refused:
        parse("samples", "drawn_on", "05/13/2019")
    assert "2019-05-13" in refused.value.expected
    assert "2019-05-13" in refused.value.advice


@pytest.mark.parametrize(("text", "value"), [("M0", "M0"), ("m5A", "M5a"), ("AML M4", "M4"), ("М2", "M2")])
def test_fab_classes_are_the_published_ones(text, value):
    assert parse("patients", "fab", text) == value


def test_another_fab_class_is_refused_with_the_allowed_ones():
    with pytest.raises(CellError) as refused:
        parse("patients", "fab", "M9")
    assert refused.value.code == "cell.choice"
    assert "M0, M1" in refused.value.expected


@pytest.mark.property
@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)))
def test_both_forms_of_a_date_are_the_same_day(day):
    assert parse("samples", "drawn_on", day.isoformat()) == day
    assert parse("samples", "drawn_on", f"{day.day:02d}.{day.month:02d}.{day.year}") == day


@pytest.mark.property
@given(st.floats(0, 100, exclude_min=True))
def test_decimal_comma_and_point_are_the_same_number(value):
    text = repr(value)
    assert parse("cq table", "cq", text) == value
    assert parse("cq table", "cq", text.replace(".", ","), comma=True) == value


@pytest.mark.parametrize(
    ("kind", "name", "text", "value"),
    [
        ("samples", "material", "bm", "BM"),
        ("samples", "material", "Knochenmark", "BM"),
        ("samples", "material", "КМ", "BM"),
        ("samples", "material", "KM", "BM"),
        ("samples", "material", "периферическая кровь", "PB"),
        ("patients", "sex", "ж", "f"),
        ("patients", "sex", "w", "f"),
        ("patients", "sex", "Male", "m"),
        ("events", "kind", "ТГСК", "transplant"),
        ("events", "kind", "last contact", "last_contact"),
        ("events", "kind", "Rezidiv", "relapse"),
        ("therapies", "kind", "DLI", "dli"),
        ("therapies", "kind", "CAR-T", "car_t"),
        ("cq table", "type", "Std", "standard"),
        ("cq table", "type", "UNKNOWN", "unknown"),
        ("cq table", "type", "unkn", "unknown"),
        ("cq table", "type", "стандарт", "standard"),
        ("samples", "reason", "", None),
    ],
)
def test_choices(kind, name, text, value):
    assert parse(kind, name, text) == value


def test_a_wrong_choice_lists_the_allowed_words():
    with pytest.raises(CellError) as refused:
        parse("samples", "material", "urine")
    assert refused.value.code == "cell.choice"
    assert "BM, PB" in refused.value.expected


def test_spellings_of_choices_do_not_clash():
    for kind in KINDS:
        for one in kind.columns:
            read = [parser(one, comma=False)(choice) for choice in one.choices]
            assert read == list(one.choices)


@pytest.mark.parametrize(
    "text",
    [
        "Undetermined",
        "UNDETERMINED",
        "neg",
        "negative",
        "н/о",
        "Н/О",
        "не обнаружено",
        "<LOD",
        "< lod",
        "N/A",
        "NaN",
        "-1",
        "-1.0",
        "No Ct",
    ],
)
def test_cq_not_found(text):
    assert parse("cq table", "cq", text) is False


def test_cq_not_stored_and_cq_in_doubt():
    assert parse("cq table", "cq", "") is None
    for text in ("NA", "-", "missing"):
        assert code("cq table", "cq", text) == "cell.cq_missing"
    for text in ("-2", "0", "<35"):
        assert code("cq table", "cq", text) in {"cell.range", "cell.number"}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("12.5", (12.5, None, None)),
        ("<3e-4", (None, 3e-4, None)),
        ("< 0,003", (None, 0.003, None)),
        ("≤0.5", (None, 0.5, None)),
        (">20", (None, None, 20.0)),
        (">= 20", (None, None, 20.0)),
        ("neg", (None, None, None)),
        ("н/о", (None, None, None)),
    ],
)
def test_reported_values(text, cell):
    assert tuple(parse("reported values", "value", text)) == cell


def test_reported_zero_is_no_value():
    assert code("reported values", "value", "0") == "cell.range"
    assert code("reported values", "value", "<0") == "cell.range"


def test_units_are_never_guessed():
    assert parse("reported values", "unit", "per 10^4") == "per_1e4"
    assert code("reported values", "unit", "") == "cell.unit"
    assert code("reported values", "unit", "mg") == "cell.unit"
    assert all(map(means_copies, ("copies", "cop", "копий", "Copies per well")))
    assert not any(map(means_copies, ("", "ng", "fold")))


@pytest.mark.parametrize(
    ("text", "place"),
    [("a1", "A01"), ("H12", "H12"), ("P024", "P24"), ("AF48", "AF48"), ("7", "7"), ("07", "7")],
)
def test_places(text, place):
    assert plate_position(text) == place


@pytest.mark.parametrize("text", ["", "A", "A0", "A49", "AG1", "1A", "A1 B2", "²", "А1"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(CellError):
        plate_position(text)


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#VALUE!", "#н/д"])
def test_errors_of_a_spreadsheet_are_no_values(text):
    for kind, name in (("cq table", "cq"), ("samples", "quality"), ("samples", "blast_percent")):
        assert code(kind, name, text) == "cell.spreadsheet_error"


def test_text_is_bounded_and_clean():
    assert parse("samples", "quality", "haemodilute") == "haemodilute"
    assert code("samples", "quality", "x" * 2001) == "cell.text_length"
    assert code("samples", "quality", "a\x07b") == "cell.control_character"


@pytest.mark.parametrize(
    ("text", "value"), [("да", True), ("Yes", True), ("1", True), ("nein", False), ("0", False), ("", None)]
)
def test_yes_and_no(text, value):
    assert parse("patients", "synthetic", text) is value
    assert code("patients", "synthetic", "maybe") == "cell.yes_or_no"
