"""Templates can be imported once they are filled in, and say what they want."""

import io

import pytest
from python_calamine import CalamineWorkbook

from remnant.acquire import RefusedFileError, read, read_path
from remnant.acquire.columns import KINDS
from remnant.acquire.sheet import REMARK
from remnant.acquire.tabular import DESCRIPTION_HEADER
from remnant.acquire.templates import EXAMPLES, csv_template, write_templates, xlsx_template
from remnant.errors import NotFoundError

FIELDS = {
    "cdna": "cdnas",
    "reported values": "reported",
    "cq table": "wells",
    "igtr wells": "igtr_wells",
    "fish scores": "fish_counts",
    "sort purity": "sort_purities",
    "index sort": "sort_purities",
    "fraction markers": "fraction_markers",
    "antigen counts": "antigen_counts",
    "tubes": "tube_uses",
    "plate layout": "plate_wells",
}


def test_there_is_a_template_of_every_kind(tmp_path):
    paths = write_templates(tmp_path / "new" / "templates")
    assert len(paths) == 2 * len(KINDS) + 1
    assert all(path.is_file() for path in paths)
    assert {path.suffix for path in paths} == {".csv", ".xlsx", ".md"}
    assert set(EXAMPLES) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_empty_template_is_refused_for_having_no_rows(kind):
    for data in (csv_template(kind), xlsx_template(kind)):
        with pytest.raises(RefusedFileError) as refused:
            read("template", data)
        assert [problem.code for problem in refused.value.details] == ["sheet.no_rows"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_example_row_is_importable_without_its_remark_sign(kind):
    text = csv_template(kind).decode("utf-8-sig")
    acquired = read("filled.csv", text.replace(REMARK, "").encode())
    assert acquired.source.format == kind.name
    assert not acquired.findings
    field = FIELDS.get(kind.name, kind.name)
    (record,) = getattr(acquired, field)
    if kind.name != "runs":
        assert record == EXAMPLES[kind.name]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_row_below_the_example_is_read_and_the_example_is_not(kind):
    lines = csv_template(kind).decode("utf-8-sig").splitlines()
    acquired = read("filled.csv", "\n".join([*lines, lines[1].removeprefix(REMARK), ""]).encode())
    assert [finding.code for finding in acquired.findings] == ["table.remarks"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_workbooks_describe_their_columns(kind):
    book = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_template(kind)))
    assert book.sheet_names == [kind.name, "columns"]
    table = book.get_sheet_by_index(0).to_python()
    described = book.get_sheet_by_name("columns").to_python()
    assert tuple(described[0]) == DESCRIPTION_HEADER
    assert set(table[0]) <= {row[0] for row in described[1:]}
    assert all(row[3] for row in described[1:])


def test_templates_are_the_same_every_time():
    assert [xlsx_template(kind) for kind in KINDS] == [xlsx_template(kind) for kind in KINDS]


def test_missing_paths_are_named(tmp_path):
    with pytest.raises(NotFoundError):
        read_path(tmp_path / "nothing.csv")
    with pytest.raises(NotFoundError):
        read_path(tmp_path)
