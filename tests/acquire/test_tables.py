"""Clinical tables, run sheets and reported values: what is read, said and refused."""

import datetime as dt

import pytest

from remnant.acquire import RefusedFileError, read
from remnant.acquire.aliases import fold
from remnant.acquire.columns import KINDS, identify
from remnant.records.finding import Problem
from remnant.records.frames import to_frame

SAMPLES = "sample_id,patient_id,material,drawn_on,received_on,blast_percent\n"


def found(text, name="table.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    return read(name, data)


def problems_of(text):
    with pytest.raises(RefusedFileError) as refused:
        found(text)
    return refused.value.details


def test_a_table_of_each_kind():
    tables = {
        "patients": "patient_id,diagnosis,synthetic\nP-1,AML,true\n",
        "events": "patient_id,kind,on\nP-1,transplant,2020-04-03\n",
        "therapies": "patient_id,kind,start_on\nP-1,dli,2020-04-03\n",
        "samples": SAMPLES + "S-1,P-1,BM,2020-04-03,2020-04-04,1.5\n",
        "cdnas": "cdna_id,sample_id\nC-1,S-1\n",
        "fractions": "fraction_id,sample_id,compartment,sort_gate\nF-1,S-1,HSC,CD34+\n",
        "runs": "run_id,run_on,cycles\nR-1,2020-04-03,45\n",
        "reported": "sample_id,patient_id,target,control,unit,value\nS-1,P-1,WT1,ABL1,%,<0.01\n",
        "wells": "target,sample,cq\nWT1,S-1,30\n",
    }
    for field, text in tables.items():
        acquired = found(text)
        assert len(getattr(acquired, field)) == 1, field
        others = set(tables) - {field} - ({"runs"} if field == "wells" else set())
        assert not any(getattr(acquired, other) for other in others)


def test_source_names_the_file_and_hashes_its_bytes():
    acquired = read("C:\\lab\\samples.csv", (SAMPLES + "S-1,P-1,BM,2020-04-03,,\n").encode())
    assert (acquired.source.name, acquired.source.format) == ("samples.csv", "samples")
    assert len(acquired.source.sha256) == 64


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(encoding, separator, newline):
    rows = [
        ["код образца", "Пациент", "материал", "дата взятия", "бласты %", "качество"],
        ["S-1", "П-1", "костный мозг", "03.04.2020", '"4,5"', "хорошее"],
    ]
    text = newline.join(separator.join(row) for row in rows) + newline
    acquired = found(text.encode(encoding))
    (sample,) = acquired.samples
    assert (sample.patient_id, sample.material, sample.drawn_on) == ("П-1", "BM", dt.date(2020, 4, 3))
    assert (sample.blast_percent, sample.quality) == (4.5, "хорошее")
    codes = {finding.code for finding in acquired.findings}
    assert codes == ({"table.encoding"} if encoding == "cp1251" else set())


def test_german_header():
    text = "Probennummer;Patientencode;Material;Entnahmedatum;Eingangsdatum;Blasten %\nS-1;P-1;Blut;03.04.2020;04.04.2020;0,5\n"
    (sample,) = found(text).samples
    assert (sample.material, sample.received_on, sample.blast_percent) == ("PB", dt.date(2020, 4, 4), 0.5)


def test_separator_told_in_the_first_line():
    assert found("sep=;\ncdna_id;sample_id\nC-1;S-1\n").cdnas[0].cdna_id == "C-1"


def test_unknown_columns_are_named_and_kept_out():
    text = "cdna_id,sample_id,RIN,shelf,,colour\nC-1,S-1,8,3,x,blue\n"
    acquired = found(text)
    findings = {finding.code: finding for finding in acquired.findings}
    assert "shelf, colour" in findings["table.unknown_column"].message
    assert "number 5" in findings["table.unnamed_column"].message
    assert findings["table.unknown_column"].severity == "warning"


def test_empty_columns_and_rows_are_no_news():
    acquired = found("\n\ncdna_id,sample_id,,\n,,,\nC-1,S-1,,\n  ,,,\n\nC-2,S-2,,\n")
    assert [cdna.cdna_id for cdna in acquired.cdnas] == ["C-1", "C-2"]
    assert acquired.findings == ()


def test_remarks_are_passed_over_and_said():
    acquired = found("# filled in by AB\ncdna_id,sample_id\n# C-0,S-0\nC-1,S-1\n#2,S-2\n")
    assert [cdna.cdna_id for cdna in acquired.cdnas] == ["C-1", "#2"]
    (finding,) = acquired.findings
    assert (finding.code, "1, 3" in finding.message) == ("table.remarks", True)


def test_cut_last_line_is_said():
    assert {f.code for f in found("cdna_id,sample_id\nC-1,S-1").findings} == {"table.no_final_newline"}


def test_all_problems_come_at_once_each_with_its_place():
    text = SAMPLES + (
        "S-1,P-1,BM,03/04/2020,,5\n"
        "S-2,P-1,urine,2020-04-03,,101\n"
        "S-3,,PB,2020-04-03,2020-04-02,\n"
        "S-3,P-1,PB,2020-04-03,,abc\n"
        "S-4,P-1,PB\n"
    )
    problems = problems_of(text)
    assert {(p.code, p.row, p.column, p.value) for p in problems} == {
        ("cell.date_ambiguous", 2, "drawn_on", "03/04/2020"),
        ("cell.choice", 3, "material", "urine"),
        ("cell.range", 3, "blast_percent", "101"),
        ("cell.empty", 4, "patient_id", None),
        ("row.dates", 4, "received_on", "2020-04-02"),
        ("row.repeated", 5, "sample_id", "S-3"),
        ("cell.number", 5, "blast_percent", "abc"),
        ("row.length", 6, None, "3 cells"),
    }
    assert len(problems) == 8


def test_problems_are_a_table():
    frame = to_frame(problems_of(SAMPLES + "S-1,P-1,urine,2020-04-03,,\n"), Problem)
    assert frame.columns == ["code", "file", "sheet", "row", "column", "value", "expected", "advice"]
    assert frame["value"].to_list() == ["urine"]


def test_the_message_lists_every_problem():
    with pytest.raises(RefusedFileError) as refused:
        found(SAMPLES + "S-1,P-1,urine,2020-04-03,,200\n")
    assert "2 problems" in str(refused.value)
    assert "row 2, column material: found 'urine'" in str(refused.value)
    assert "row 2, column blast_percent: found '200'" in str(refused.value)


def test_more_problems_than_anyone_reads_are_counted():
    text = "cdna_id,sample_id\n" + "".join(f"C-{i},\n" for i in range(10_050))
    with pytest.raises(RefusedFileError) as refused:
        found(text)
    assert len(refused.value.details) == 10_000
    assert "and 50 more" in refused.value.problems[-1]


def test_wrong_sheet_names_the_nearest_kinds():
    (problem,) = problems_of("sample_id,patient_id,material\nS-1,P-1,BM\n")
    assert problem.code == "sheet.unknown_kind"
    assert "samples lacks drawn_on" in problem.expected
    (problem,) = problems_of("shoe size,colour\n42,blue\n")
    assert problem.code == "sheet.unknown_kind"


def test_a_lone_run_column_among_strangers_is_another_format():
    for text in (
        "Run,Well,Total,Dye,Positives\nR-1,A1,20000,FAM,12\n",
        "cdna_id,sample_id,ratio,lower,upper\nC-1,S-1,1,2,3\n",
    ):
        (problem,) = problems_of(text)
        assert problem.code == "sheet.unknown_kind"


def test_a_column_twice_is_refused():
    (problem,) = problems_of("cdna_id,sample_id,Sample\nC-1,S-1,S-2\n")
    assert (problem.code, problem.value) == ("sheet.column_twice", "sample_id, Sample")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "file.empty"),
        ("\n \n", "file.empty"),
        ("# only a remark\n", "file.no_table"),
        ("cdna_id,sample_id\n", "sheet.no_rows"),
        ("cdna_id,sample_id\nC-\0,S-1\n", "file.not_text"),
        ("cdna_id,sample_id\nC-\x01,S-1\n", "file.not_text"),
        ('cdna_id,sample_id\n"C-1,S-1\n', "file.quotation"),
        ('cdna_id,sample_id\n"C-1"x,S-1\n', "file.quotation"),
        ("cdna_id,sample_id\n" + "x" * 200_000 + ",S-1\n", "file.quotation"),
        ("x," * 10**6 + "\n" + "1," * 10**6, "sheet.columns"),
        ("cdna_id,sample_id\n" * 2_000_001, "sheet.rows"),
    ],
)
def test_files_that_are_no_table(codes, text, problem):
    assert codes(text) == [problem]


def test_rows_with_a_million_cells_are_refused(codes):
    assert codes("cdna_id,sample_id\n" + "1," * 10**6 + "\n") == ["row.length"]


def test_utf16_is_refused_with_advice():
    (problem,) = problems_of("cdna_id,sample_id\nC-1,S-1\n".encode("utf-16"))
    assert (problem.code, problem.value) == ("file.not_text", "UTF-16")


@pytest.mark.parametrize("magic", [b"%PDF-1.7", b"7z\xbc\xaf\x27\x1c"])
def test_other_formats_are_named(codes, magic):
    assert codes(magic + b"\0" * 100) == ["file.unknown_format"]


@pytest.mark.parametrize(
    ("magic", "code"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file.damaged_workbook"), (b"\x1f\x8b", "file.damaged_gzip")],
)
def test_the_beginning_of_a_known_format_alone_is_damage(codes, magic, code):
    assert codes(magic + b"\0" * 100) == [code]


def test_two_decimal_signs_in_one_file_are_refused():
    text = "sample_id;patient_id;material;drawn_on;blast_percent;cd34_percent\nS-1;P-1;BM;2020-04-03;1,5;2,5\nS-2;P-1;BM;2020-04-03;3.5;\n"
    (problem,) = problems_of(text)
    assert (problem.code, problem.row, problem.value) == ("cell.decimal_signs", 3, "3.5")


def test_semicolons_make_the_comma_decimal():
    text = "sample_id;patient_id;target;control;unit;value;control_copies\nS-1;P-1;WT1;ABL1;%;1,234;20,500\n"
    (value,) = found(text).reported
    assert (value.value, value.control_copies) == (1.234, 20.5)


def test_commas_leave_thousands_in_doubt():
    text = 'sample_id,patient_id,target,control,unit,value\nS-1,P-1,WT1,ABL1,%,"1,234"\n'
    (problem,) = problems_of(text)
    assert problem.code == "cell.number_ambiguous"
    text = 'sample_id,patient_id,target,control,unit,value\nS-1,P-1,WT1,ABL1,%,"1,234"\nS-2,P-1,WT1,ABL1,%,"0,5"\n'
    assert [value.value for value in found(text).reported] == [1.234, 0.5]


def test_events_after_death_are_refused():
    text = "patient_id,kind,on\nP-1,death,2020-04-03\nP-1,relapse,2020-04-04\nP-1,death,2020-05-01\nP-2,relapse,2021-01-01\n"
    problems = problems_of(text)
    assert [(p.code, p.row) for p in problems] == [("row.after_death", 3), ("row.after_death", 4)]


def test_events_on_the_day_of_death_are_possible():
    text = "patient_id,kind,on\nP-1,relapse,2020-04-03\nP-1,death,2020-04-03\n"
    assert len(found(text).events) == 2


def test_therapy_may_not_end_before_it_begins():
    (problem,) = problems_of("patient_id,kind,start_on,end_on\nP-1,dli,2020-04-03,2020-04-02\n")
    assert (problem.code, problem.column) == ("row.dates", "end_on")


def test_same_therapy_with_another_drug_is_no_repeat():
    head = "patient_id,kind,start_on,agent\n"
    assert len(found(head + "P-1,tki,2020-04-03,imatinib\nP-1,tki,2020-04-03,\n").therapies) == 2
    (problem,) = problems_of(head + "P-1,tki,2020-04-03,\nP-1,tki,03.04.2020,\n")
    assert problem.code == "row.repeated"


def test_reported_negative_needs_its_limit():
    head = "sample_id,patient_id,target,control,unit,value,upper_limit\n"
    (problem,) = problems_of(head + "S-1,P-1,WT1,ABL1,%,neg,\n")
    assert (problem.code, problem.row) == ("row.limit", 2)
    (value,) = found(head + "S-1,P-1,WT1,ABL1,%,н/о,0.01\n").reported
    assert (value.value, value.upper_limit, value.unit) == (None, 0.01, "percent")
    (problem,) = problems_of(head + "S-1,P-1,WT1,ABL1,%,5,0.01\n")
    assert problem.code == "row.limit"


def test_reported_value_needs_unit_and_control():
    head = "sample_id,patient_id,target,control,unit,value\n"
    assert [p.code for p in problems_of(head + "S-1,P-1,WT1,,per 10^4,5\n")] == ["row.control"]
    assert [p.code for p in problems_of(head + "S-1,P-1,WT1,ABL1,,5\n")] == ["cell.unit"]
    assert [p.code for p in problems_of(head + "S-1,P-1,CD19,,cell_fraction,5\n")] == ["cell.range"]
    assert found(head + "S-1,P-1,CD19,,cell_fraction,0.05\n").reported[0].control == ""


def test_lookalike_letters_in_gene_symbols_are_read_as_latin_and_said():
    head = "sample_id,patient_id,target,control,unit,value\n"
    acquired = found(head + "S-1,P-1,WТ1,АBL1,%,5\n")
    (value,) = acquired.reported
    assert (value.target, value.control) == ("WT1", "ABL1")
    assert [finding.code for finding in acquired.findings] == ["table.lookalike_letters"] * 2


def test_lookalike_letters_in_codes_are_left_and_said():
    acquired = found("cdna_id,sample_id\nC-1,S-1а\n")
    assert acquired.cdnas[0].sample_id == "S-1а"
    assert [finding.code for finding in acquired.findings] == ["table.lookalike_letters"]


def test_other_names_of_columns_do_not_clash():
    for kind in KINDS:
        seen = {}
        for column in kind.columns:
            for name in {fold(name) for name in (column.name, *column.aliases)}:
                assert seen.setdefault(name, column.name) == column.name, (kind.name, name)


def test_each_kind_is_found_by_its_own_columns():
    for kind in KINDS:
        for names in (
            [column.name for column in kind.columns],
            [column.name for column in kind.columns if column.required],
        ):
            match, _ = identify(tuple(names))
            assert match is not None
            assert match.kind.name == kind.name
