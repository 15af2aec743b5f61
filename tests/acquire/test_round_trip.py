"""Records written to a table, in every dialect, are read back equal."""

import csv
import dataclasses
import datetime as dt
import io
import typing

import pytest
import xlsxwriter
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from remnant.acquire import read
from remnant.acquire.aliases import ERROR_CELLS, FALSE_WORDS, MISSING_WORDS, NEGATIVE_WORDS, squash
from remnant.acquire.columns import KINDS, kind_of
from remnant.acquire.fish import KIND_NAMES
from remnant.acquire.limits import range_of
from remnant.acquire.sheet import REMARK
from remnant.acquire.writing import written
from remnant.records.igtr import IGTR_WELL_KINDS

GENERAL = [kind for kind in KINDS if kind.name not in KIND_NAMES]  # those of FISH: test_fish_tables.py
LATIN = "abcXYZ0189-_+/.,;:\"'()% \t"
CYRILLIC = "абвЭЮЯёЁ0189-_+/.,;:\"'()% "
TAKEN = {squash(word) for word in (*MISSING_WORDS, *NEGATIVE_WORDS, *FALSE_WORDS)}
FIELDS = {
    "cdna": "cdnas",
    "reported values": "reported",
    "cq table": "wells",
    "igtr wells": "igtr_wells",
    "plate layout": "plate_wells",
    "tubes": "tube_uses",
}


def is_plain(text):
    return (
        squash(text) not in TAKEN
        and text.upper() not in ERROR_CELLS
        and not text.startswith((REMARK, "#"))
        and not text.isspace()
    )


texts = st.one_of(st.text(LATIN, min_size=1, max_size=12), st.text(CYRILLIC, min_size=1, max_size=12))
texts = texts.map(str.strip).filter(lambda text: text and is_plain(text))


def numbers(name):
    bounds = range_of(name)
    low = bounds.above if bounds.above is not None else bounds.minimum
    # 12 significant digits survive a workbook, which keeps 15
    rounded = st.floats(low, bounds.maximum, allow_subnormal=False).map(lambda x: float(f"{x:.12g}"))
    return rounded.filter(lambda x: x in bounds)


def integers(name):
    bounds = range_of(name)
    return st.integers(int(bounds.minimum), int(bounds.maximum))


def values(column, *, optional):
    made = {
        "text": texts,
        "date": st.dates(dt.date(1900, 3, 1), dt.date(2100, 1, 1)),
        "yes or no": st.booleans(),
        "choice": st.sampled_from(column.choices or ("",)),
        "unit": st.sampled_from(["per_1e4", "percent", "ratio"]),
        "well": st.sampled_from(["A01", "H12", "P24", "7"]),
        "cq": st.none(),
        "value": st.none(),
    }
    if column.accepts == "number":
        made["number"] = numbers(column.name)
    if column.accepts == "whole number":
        made["whole number"] = integers(column.name)
    strategy = made[column.accepts]
    return st.one_of(st.none(), strategy) if optional else strategy


def simple_records(kind):
    """Records whose fields are the columns."""
    hints = typing.get_type_hints(kind.record)
    fields = {
        column.name: values(column, optional=type(None) in typing.get_args(hints[column.name]))
        for column in kind.columns
    }
    return st.builds(kind.record, **fields).map(lambda record: in_order(kind, record))


def in_order(kind, record):
    """Swap dates that contradict, and keep deaths out of events."""
    for early, late in (("drawn_on", "received_on"), ("start_on", "end_on")):
        first, last = getattr(record, early, None), getattr(record, late, None)
        if first is not None and last is not None and last < first:
            record = dataclasses.replace(record, **{early: last, late: first})
    if kind.name == "events" and record.kind == "death":
        record = dataclasses.replace(record, kind="relapse")
    return record


def reported():
    number = numbers("value")
    sides = st.one_of(
        st.fixed_dictionaries({"value": number}),
        st.fixed_dictionaries({"value": st.none(), "upper_limit": number}),
        st.fixed_dictionaries({"value": st.none(), "lower_limit": number}),
    )
    base = st.fixed_dictionaries(
        {
            "sample_id": texts,
            "patient_id": texts,
            "target": texts,
            "control": texts,
            "unit": st.sampled_from(["per_1e4", "percent", "ratio"]),
            "control_copies": st.none() | numbers("control_copies"),
            "drawn_on": st.none() | st.dates(dt.date(1900, 3, 1), dt.date(2100, 1, 1)),
            "material": st.sampled_from([None, "BM", "PB"]),
        }
    )
    record = kind_of("reported values").record
    return st.builds(lambda a, b: record(**a, **b), base, sides)


def wells():
    record = kind_of("cq table").record
    seen = st.one_of(
        st.just((None, None)),
        st.just((False, None)),
        numbers("cq").map(lambda cq: (True, cq)),
    )

    def make(fields, kind, cell, copies):
        return record(
            **fields,
            kind=kind,
            detected=cell[0],
            cq=cell[1],
            standard_copies=copies if kind == "standard" else None,
        )

    fields = st.fixed_dictionaries(
        {
            "run_id": texts,
            "position": st.sampled_from(["A01", "H12", "P24", "7"]),
            "target": texts,
            "sample": texts,
            "cdna_ul": st.none() | numbers("cdna_ul"),
            "dilution": numbers("dilution"),
            "excluded": st.none() | texts,
            "replicate": st.none() | integers("replicate"),
        }
    )
    kinds = st.sampled_from(
        next(column for column in kind_of("cq table").columns if column.name == "type").choices
    )
    return st.builds(make, fields, kinds, seen, numbers("standard_copies"))


def igtr_wells():
    record = kind_of("igtr wells").record

    def make(fields, kind, cell, share, sample, ng):
        return record(
            **fields,
            kind=kind,
            detected=cell[0],
            cq=cell[1],
            sample_id=sample if kind == "follow_up" else None,
            diagnosis_share=share if kind == "dilution" else None,
            dna_ng=ng if kind in {"follow_up", "dilution"} else None,
        )

    fields = st.fixed_dictionaries(
        {
            "run_id": texts,
            "position": st.sampled_from(["A01", "H12", "P24", "7"]),
            "patient_id": texts,
            "rearrangement": texts,
            "excluded": st.none() | texts,
        }
    )
    seen = st.one_of(st.just((None, None)), st.just((False, None)), numbers("cq").map(lambda cq: (True, cq)))
    kinds = st.sampled_from(IGTR_WELL_KINDS)
    return st.builds(make, fields, kinds, seen, numbers("diagnosis_share"), texts, numbers("dna_ng"))


def strategy(kind):
    return {"reported values": reported, "cq table": wells, "igtr wells": igtr_wells}.get(
        kind.name, lambda: simple_records(kind)
    )()


def attribute(record, name):
    return getattr(record, {"well": "position"}.get(name, name))


def unique(kind, records):
    keyed = {tuple(attribute(record, name) for name in kind.key): record for record in records}
    return list(keyed.values())


def as_text(cell, *, comma):
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell).replace(".", ",") if comma else repr(cell)
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)


def csv_bytes(kind, records, dialect):
    separator, comma, encoding = dialect
    header, rows = written(kind, records)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(header)
    for row in rows:
        cells = [as_text(cell, comma=comma) for cell in row]
        if comma:
            cells = [cell.replace(".", ",") if cell.startswith(("<", ">")) else cell for cell in cells]
        writer.writerow(cells)
    return out.getvalue().encode(encoding)


def xlsx_bytes(kind, records):
    header, rows = written(kind, records)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        for i, row in enumerate(rows, start=1):
            for j, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    sheet.write_datetime(i, j, dt.datetime.combine(cell, dt.time()), date)
                elif isinstance(cell, str):
                    sheet.write_string(i, j, cell)
                elif cell is not None:
                    sheet.write(i, j, cell)
    return out.getvalue()


def content(kind, acquired):
    records = getattr(acquired, FIELDS.get(kind.name, kind.name))
    if kind.name == "runs":
        return [dataclasses.replace(run, source_sha256=None) for run in records]
    return list(records)


def has_cq(kind, records):
    return kind.name != "cq table" or any(well.detected is not None for well in records)


def tables(kind):
    """Records with different keys, as a file may hold them."""
    lists = st.lists(strategy(kind), min_size=1, max_size=6).map(lambda records: unique(kind, records))
    return lists.filter(lambda records: has_cq(kind, records))


def is_utf8(data):
    """A short word in Windows-1251 may happen to be UTF-8 too; nobody can tell then."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


DIALECTS = [(",", False, "utf-8"), (";", True, "utf-8-sig"), ("\t", False, "utf-8"), (";", True, "cp1251")]


@pytest.mark.property
@pytest.mark.parametrize("kind", GENERAL, ids=lambda kind: kind.name)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_text_tables(kind, data):
    records = data.draw(tables(kind))
    dialect = data.draw(st.sampled_from(DIALECTS))
    table = csv_bytes(kind, records, dialect)
    assume(dialect[2] != "cp1251" or table.isascii() or not is_utf8(table))
    assert content(kind, read("t.csv", table)) == records


@pytest.mark.property
@pytest.mark.parametrize("kind", GENERAL, ids=lambda kind: kind.name)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_workbooks(kind, data):
    records = data.draw(tables(kind))
    assert content(kind, read("t.xlsx", xlsx_bytes(kind, records))) == records


@pytest.mark.property
@settings(max_examples=30, deadline=None)
@given(records=tables(kind_of("cq table")), order=st.randoms(use_true_random=False))
def test_the_order_of_columns_and_rows_does_not_matter(records, order):
    kind = kind_of("cq table")
    header, rows = written(kind, records)
    places = list(range(len(header)))
    order.shuffle(places)
    order.shuffle(rows)
    out = io.StringIO(newline="")
    csv.writer(out).writerow([header[place] for place in places])
    csv.writer(out).writerows([[as_text(row[place], comma=False) for place in places] for row in rows])
    found = content(kind, read("t.csv", out.getvalue().encode()))
    assert sorted(map(repr, found)) == sorted(map(repr, records))
