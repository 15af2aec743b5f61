"""Workbooks: types kept, sheets told apart, and what a hostile or broken one can do."""

import datetime as dt
import io
import zipfile

import pytest
import xlsxwriter

from remnant.acquire import RefusedFileError, read

SAMPLES = ["sample_id", "patient_id", "material", "drawn_on", "received_on", "blast_percent"]


@pytest.fixture
def workbook():
    """Workbook from sheets given as lists of rows."""

    def make(**sheets):
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
            date = book.add_format({"num_format": "dd.mm.yyyy"})
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for i, row in enumerate(rows):
                    for j, cell in enumerate(row):
                        if isinstance(cell, dt.date):
                            sheet.write_datetime(i, j, cell, date)
                        elif isinstance(cell, str) and cell.startswith("="):
                            sheet.write_formula(i, j, cell, None, "#N/A")
                        else:
                            sheet.write(i, j, cell)
        return out.getvalue()

    return make


@pytest.fixture
def rezip(zipped):
    """The same zip file with some members changed."""

    def change(data, **changes):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        for name, (old, new) in changes.items():
            part = next(member for member in members if member.endswith(name.replace("__", ".")))
            assert old in members[part]
            members[part] = members[part].replace(old, new)
        return zipped(members)

    return change


def refused(data):
    with pytest.raises(RefusedFileError) as error:
        read("book.xlsx", data)
    return error.value.details


def test_numbers_dates_and_codes_keep_their_value(workbook):
    rows = [
        SAMPLES,
        [14, "P-1", "BM", dt.date(2020, 4, 3), dt.datetime(2020, 4, 3, 16, 5), 12.5],  # noqa: DTZ001 - a spreadsheet has no time zone
        ["S-2", 7.0, "PB", "03.04.2020", None, "4,5"],
    ]
    one, two = read("book.xlsx", workbook(Tabelle1=rows)).samples
    assert (one.sample_id, one.drawn_on, one.received_on, one.blast_percent) == (
        "14",
        dt.date(2020, 4, 3),
        dt.date(2020, 4, 3),
        12.5,
    )
    assert (two.sample_id, two.patient_id, two.drawn_on, two.blast_percent) == (
        "S-2",
        "7",
        dt.date(2020, 4, 3),
        4.5,
    )


def test_table_may_begin_anywhere_and_rows_are_the_spreadsheets(workbook):
    rows = [[], [], [None, None, *SAMPLES], [], [None, None, "S-1", "P-1", "urine", dt.date(2020, 4, 3)]]
    (problem,) = refused(workbook(Samples=rows))
    assert (problem.sheet, problem.row, problem.column, problem.value) == ("Samples", 5, "material", "urine")


def test_several_kinds_in_one_workbook(workbook):
    data = workbook(
        patients=[["patient_id", "diagnosis"], ["P-1", "AML"]],
        notes=[["what", "ever"], ["a", "b"]],
        events=[["patient_id", "kind", "on"], ["P-1", "transplant", dt.date(2020, 4, 3)]],
    )
    acquired = read("book.xlsx", data)
    assert (len(acquired.patients), len(acquired.events)) == (1, 1)
    assert acquired.source.format == "patients + events"
    assert [finding.code for finding in acquired.findings] == ["table.sheet_not_read"]


def test_keys_are_compared_across_sheets(workbook):
    plate = [["run_id", "well", "target", "sample", "cq"], ["R-1", "A1", "WT1", "S-1", 30]]
    (problem,) = refused(workbook(one=plate, two=plate))
    assert (problem.code, problem.sheet) == ("row.repeated", "two")
    assert "sheet one" in problem.expected


def test_empty_sheet_beside_a_full_one_is_a_note(workbook):
    data = workbook(patients=[["patient_id", "diagnosis"]], cdna=[["cdna_id", "sample_id"], ["C-1", "S-1"]])
    acquired = read("book.xlsx", data)
    assert [finding.code for finding in acquired.findings] == ["table.no_rows"]
    assert [p.code for p in refused(workbook(patients=[["patient_id", "diagnosis"]]))] == ["sheet.no_rows"]


def test_run_sheet_beside_its_wells_is_kept(workbook):
    data = workbook(
        runs=[["run_id", "run_on"], ["R-1", dt.date(2020, 4, 3)]],
        wells=[["run_id", "target", "sample", "cq"], ["R-1", "WT1", "S-1", 30], ["R-2", "WT1", "S-1", 30]],
    )
    assert [(run.run_id, run.run_on) for run in read("book.xlsx", data).runs] == [
        ("R-1", dt.date(2020, 4, 3)),
        ("R-2", None),
    ]


def test_wrong_sheets_are_all_named(workbook):
    problems = refused(
        workbook(a=[["x", "y"], [1, 2]], b=[["sample_id", "patient_id", "drawn_on"], ["S", "P", "x"]])
    )
    assert [(p.code, p.sheet) for p in problems] == [("sheet.unknown_kind", "a"), ("sheet.unknown_kind", "b")]
    assert "samples lacks material" in problems[1].expected


def test_errors_of_the_spreadsheet_are_not_empty_cells(workbook):
    rows = [["target", "sample", "cq"], ["WT1", "S-1", "=NA()"], ["WT1", "S-2", 30]]
    (problem,) = refused(workbook(a=[["x"]], wells=rows))
    assert (problem.code, problem.sheet, problem.row, problem.column) == (
        "cell.spreadsheet_error",
        "wells",
        2,
        "cq",
    )


def test_an_error_in_a_column_that_is_not_read_does_no_harm(workbook):
    rows = [["target", "sample", "cq", "mean"], ["WT1", "S-1", 30, "=NA()"]]
    assert len(read("book.xlsx", workbook(wells=rows)).wells) == 1


def test_empty_workbook_is_refused(workbook):
    assert [p.code for p in refused(workbook(Sheet1=[]))] == ["file.no_table"]


@pytest.mark.parametrize(
    "reference", [b'r="XFD1048576"', b"r='XFD1048576'", b'r = "XFD1048576"', b'\nr="xfd1048576"']
)
def test_a_cell_far_away_is_refused_before_it_costs_memory(workbook, rezip, reference):
    data = workbook(wells=[["target", "sample", "cq"], ["WT1", "S-1", 30]])
    far = rezip(data, sheet1__xml=(b'r="C2"', reference))
    assert [p.code for p in refused(far)] == ["sheet.cells"]


def test_far_away_reference_across_pieces_is_seen(workbook, rezip):
    data = workbook(wells=[["target", "sample", "cq"], ["WT1", "S-1", 30]])
    for shift in range(0, 24, 3):
        filler = b"<!--" + b"x" * ((1 << 20) - 400 - shift) + b"-->"
        far = rezip(
            data,
            sheet1__xml=(
                b"<sheetData>",
                filler + b'<sheetData><row r="9"><c r="XFD1048576"><v>1</v></c></row>',
            ),
        )
        assert refused(far)[0].code == "sheet.cells"


def test_too_many_columns_are_refused(workbook):
    assert [p.code for p in refused(workbook(a=[[f"c{i}" for i in range(501)], [1]]))] == ["sheet.columns"]


def test_entities_in_a_workbook_are_refused(workbook, rezip):
    data = workbook(wells=[["target", "sample", "cq"], ["WT1", "S-1", 30]])
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><workbook'
    assert [p.code for p in refused(rezip(data, workbook__xml=(b"<workbook", bomb)))] == ["xml.document_type"]


@pytest.mark.parametrize("part", ["sheet1.xml", "sharedStrings.xml", "styles.xml", "workbook.xml"])
def test_a_part_cut_short_is_refused_or_read(workbook, zipped, part):
    data = workbook(wells=[["target", "sample", "cq"], ["WT1", "S-1", 30]])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(member for member in members if member.endswith(part))
    members[name] = members[name][: len(members[name]) // 2]
    assert refused(zipped(members))


def test_two_members_of_one_name_are_refused(codes):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("rdml_data.xml", "<a/>")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("rdml_data.xml", "<b/>")
    assert codes(out.getvalue()) == ["file.member_twice"]


def test_too_many_members_are_refused(codes, zipped):
    assert codes(zipped({f"{i}.xml": b"" for i in range(2001)})) == ["file.members"]
