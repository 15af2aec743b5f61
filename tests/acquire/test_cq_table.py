"""Plain Cq tables: what a laboratory writes, and what cannot be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.acquire import RefusedFileError, read
from remnant.acquire.cells import parser
from remnant.acquire.columns import kind_of

STANDARD = "target,sample,type,quantity,unit,cq\n"


def found(text, name="R-07.csv"):
    return read(name, text.encode())


def codes_of(acquired):
    return {finding.code for finding in acquired.findings}


def test_negative_wells_and_wells_without_cq():
    words = ["Undetermined", "neg", "н/о", "<LOD", "N/A", "-1", "", "33.1"]
    text = "target,sample,cq\n" + "".join(f"WT1,S-{i},{word}\n" for i, word in enumerate(words))
    acquired = found(text)
    assert [(well.detected, well.cq) for well in acquired.wells] == [(False, None)] * 6 + [
        (None, None),
        (True, 33.1),
    ]
    assert "1 of 8 wells" in next(f.message for f in acquired.findings if f.code == "cq.not_stored")


@pytest.mark.definition
@given(st.lists(st.decimals(0, 100, places=None, allow_nan=False).filter(bool), min_size=1, max_size=30))
def test_numbers_read_as_a_column_are_those_read_one_by_one(numbers):
    texts = [f"{number:f}"[:17] for number in numbers]
    texts = [text for text in texts if 0 < float(text) <= 100] or ["30"]
    column = next(column for column in kind_of("cq table").columns if column.name == "cq")
    wells = found("target,sample,cq\n" + "".join(f"WT1,S,{text}\n" for text in texts)).wells
    assert [well.cq for well in wells] == [parser(column, comma=False)(text) for text in texts]
    assert [well.cq for well in wells] == [float(text) for text in texts]


def test_a_table_without_run_and_place_is_one_run_of_rows():
    acquired = found("target,sample,cq\nWT1,S-1,30\n\nWT1,S-1,31\n", "my.plate.csv")
    assert [run.run_id for run in acquired.runs] == ["my.plate"]
    assert acquired.runs[0].source_sha256 == acquired.source.sha256
    assert [well.position for well in acquired.wells] == ["2", "4"]
    assert codes_of(acquired) == {"cq.run_named_after_file", "cq.no_positions", "cq.no_kinds"}


def test_wells_named_as_blanks_are_blanks_where_the_table_names_no_kinds():
    text = "target,sample,cq\nWT1,NTC,\nWT1,ntc 2,38.1\nWT1,H2O,\nWT1,NTC-17,\nWT1,NTCX,30\nWT1,S-1,30\n"
    acquired = found(text)
    assert [well.kind for well in acquired.wells] == ["ntc"] * 4 + ["unknown"] * 2
    assert "cq.blank_by_name" in codes_of(acquired)
    told = found("target,sample,type,cq\nWT1,NTC,unknown,30\n")
    assert [well.kind for well in told.wells] == ["unknown"]
    assert "cq.blank_by_name" not in codes_of(told)


def test_rows_of_empty_wells_are_no_wells():
    rows = "R-1,A01,WT1,S-1,unknown,30\n"
    empty = "R-1,A02,,,,\nR-1,A03,,,unknown,\n"
    acquired = found(f"run_id,well,target,sample,type,cq\n{rows}{empty}")
    assert [well.position for well in acquired.wells] == ["A01"]
    (said,) = [finding.message for finding in acquired.findings if finding.code == "cq.empty_wells"]
    assert said.startswith("2 rows")
    for half in ("R-1,A02,WT1,,unknown,\n", "R-1,A02,,S-2,,\n", "R-1,A02,,,standard,\n"):
        with pytest.raises(RefusedFileError):
            found(f"run_id,well,target,sample,type,cq\n{rows}{half}")


def test_an_amount_that_cannot_be_read_is_one_problem_under_its_own_column():
    text = "target,sample,type,standard_copies,cq\nWT1,STD,standard,1x10^4,30\nWT1,STD,standard,,33\n"
    with pytest.raises(RefusedFileError) as caught:
        found(text)
    assert [(problem.row, problem.column) for problem in caught.value.details] == [
        (2, "standard_copies"),
        (3, "standard_copies"),
    ]


def test_two_plates_in_one_table_are_told_how_to_be_kept_apart():
    row = "R-1,A01,WT1,S-1,unknown,30\n"
    with pytest.raises(RefusedFileError, match="give each its own run_id"):
        found(f"run_id,well,target,sample,type,cq\n{row}{row}")


def test_every_column_arrives():
    text = (
        "run_id,well,target,sample,type,quantity,unit,cq,cdna_ul,dilution,excluded,replicate\n"
        'R-1,a1,WT1,STD-1,std,1e3,cop,"27,5",5,10,bubble,2\n'
        'R-1,A2,WT1,C-1,unkn,,,Undetermined,"2,5",,no,1\n'
    )
    one, two = found(text).wells
    assert (one.run_id, one.position, one.kind, one.standard_copies, one.cq) == (
        "R-1",
        "A01",
        "standard",
        1000,
        27.5,
    )
    assert (one.cdna_ul, one.dilution, one.excluded, one.replicate) == (5.0, 10.0, "bubble", 2)
    assert (two.cdna_ul, two.dilution, two.excluded, two.kind) == (2.5, 1.0, None, "unknown")


def test_cyrillic_t_in_ct():
    acquired = found("Target\tSample\tCт\nWT1\tS-1\t30\n")
    assert acquired.wells[0].cq == 30
    assert "table.lookalike_letters" in codes_of(acquired)
    assert found("Target\tSample\tСт\nWT1\tS-1\t30\n").wells[0].cq == 30


@pytest.mark.parametrize("unit", ["copies", "cop", "копий", "Kopien", "copies/well"])
def test_units_that_mean_copies(unit):
    assert found(STANDARD + f"WT1,STD,standard,150,{unit},30\n").wells[0].standard_copies == 150


@pytest.mark.parametrize("unit", ["", "ng", "fold", "copies/ml"])
def test_standards_without_copies_as_unit_are_refused(codes, unit):
    assert codes(STANDARD + f"WT1,STD,standard,150,{unit},30\n") == ["cq.standard_unit"]


def test_standards_without_quantity_or_unit_column_are_refused(codes):
    assert codes(STANDARD + "WT1,STD,standard,,copies,30\n") == ["cq.standard_without_copies"]
    assert codes("target,sample,type,cq\nWT1,STD,standard,30\n") == ["cq.standard_without_copies"]
    assert codes("target,sample,type,quantity,cq\nWT1,STD,standard,150,30\n") == ["cq.standard_unit"]


def test_copies_named_in_the_header_need_no_unit():
    for name in ("standard_copies", "Quantity (copies)", "копии"):
        text = f"target,sample,type,{name},cq\nWT1,STD,standard,150,30\n"
        assert found(text).wells[0].standard_copies == 150


def test_quantities_need_types(codes):
    assert codes("target,sample,quantity,unit,cq\nWT1,STD,150,copies,30\n") == ["cq.quantity_columns"]
    assert codes("target,sample,type,quantity,unit,copies,cq\nWT1,S,std,5,copies,5,30\n") == [
        "cq.quantity_columns"
    ]


def test_quantities_of_unknowns_are_results_and_are_not_read():
    acquired = found(STANDARD + "WT1,S-1,unknown,17.3,copies,33\n")
    assert acquired.wells[0].standard_copies is None
    assert "cq.quantity_not_read" in codes_of(acquired)


def test_a_well_stands_once(codes):
    head = "run_id,well,target,sample,cq\n"
    assert codes(head + "R-1,A1,WT1,S-1,30\nR-1,A01,WT1,S-2,31\n") == ["row.repeated"]
    assert len(found(head + "R-1,A1,WT1,S-1,30\nR-1,A1,ABL1,S-1,31\nR-2,A1,WT1,S-1,30\n").wells) == 3


def test_empty_names_are_refused_but_for_no_template_controls():
    head = "target,sample,type,cq\n"
    acquired = found(head + "WT1,,NTC,N/A\nWT1,S-1,unknown,30\n")
    assert (acquired.wells[0].sample, acquired.wells[0].kind) == ("NTC", "ntc")
    assert "cq.ntc_named" in codes_of(acquired)
    with pytest.raises(RefusedFileError) as refused:
        found(head + "WT1,,unknown,30\n,S-1,unknown,30\nWT1,S-1,,30\n")
    assert [(p.code, p.column) for p in refused.value.details] == [
        ("cell.empty", "target"),
        ("cell.empty", "type"),
        ("cell.empty", "sample"),
    ]


def test_a_run_or_place_left_empty_is_refused(codes):
    assert codes("run_id,well,target,sample,cq\n,,WT1,S-1,30\n") == ["cell.empty", "cell.empty"]


def test_a_table_without_any_cq_is_refused(codes):
    assert codes("target,sample,cq\nWT1,S-1,\nWT1,S-2,\n") == ["cq.none_stored"]


def test_a_word_for_missing_is_not_a_negative(codes):
    assert codes("target,sample,cq\nWT1,S-1,NA\n") == ["cell.cq_missing"]


def test_export_of_a_cycler_with_further_columns():
    text = (
        "Well,Fluor,Target,Content,Sample,Cq,Starting Quantity (SQ),Unit\n"
        "A01,FAM,WT1,Std,STD-1,27.1,1000,copies\n"
        "A02,FAM,WT1,Unkn,S-1,NaN,NaN,\n"
    )
    acquired = found(text)
    assert [(w.kind, w.detected) for w in acquired.wells] == [("standard", True), ("unknown", False)]
    assert acquired.source.format == "cfx"
