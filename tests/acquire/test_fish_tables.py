"""Score sheets in three forms, sort reports, index sorts: read whole, or refused with every row and column."""

import pytest

from remnant.acquire import RefusedFileError, read
from remnant.acquire.columns import kind_of
from remnant.acquire.writing import written
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity

LONG = b"""fraction_id,probe,reader,scored,pattern,nuclei
F1,BCR-ABL1 D-FISH,A,100,1R1G2F,12
F1,BCR-ABL1 D-FISH,A,100,2R2G,88
"""
WIDE = b"""fraction_id,probe,reader,scored,1R1G2F,2R2G
F1,BCR-ABL1 D-FISH,A,100,12,88
"""
ISCN = b"""fraction_id,probe,reader,scored,iscn
F1,BCR-ABL1 D-FISH,A,100,"nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[12/100]"
"""


def refused(data):
    with pytest.raises(RefusedFileError) as caught:
        read("sheet.csv", data)
    return {(problem.code, problem.row, problem.column) for problem in caught.value.details}


def test_three_forms_say_the_same():
    long, wide, iscn = (read("a.csv", data).fish_counts for data in (LONG, WIDE, ISCN))
    assert long == wide
    assert iscn == long[:1]
    assert not read("a.csv", WIDE).findings


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("F2,BCR-ABL1 D-FISH,A,100,1R1G2F,101", ("fish.exceeds", 4, "nuclei")),
        ("F2,BCR-ABL1 D-FISH,A,0,1R1G2F,0", ("fish.none", 4, "scored")),
        ("F2,BCR-ABL1 D-FISH,A,100,9R9G,1", ("fish.pattern", 4, "pattern")),
        ("F2,other probe,A,100,1R1G2F,1", ("fish.probe", 4, "probe")),
        ("F1,BCR-ABL1 D-FISH,A,90,1R1G1F,0", ("fish.scored", 4, "scored")),
        ("F2,BCR-ABL1 D-FISH,A,100,1R1G2F,1.5", ("cell.whole_number", 4, "nuclei")),
        ("F1,BCR-ABL1 D-FISH,A,100,1R1G2F,0", ("row.repeated", 4, "fraction_id, probe, reader, pattern")),
    ],
)
def test_bad_rows_are_named(row, problem):
    assert problem in refused(LONG + row.encode() + b"\n")


def test_all_problems_come_at_once():
    rows = b"F2,BCR-ABL1 D-FISH,A,10,1R1G2F,11\nF3,BCR-ABL1 D-FISH,A,0,2R2G,0\nF4,BCR-ABL1 D-FISH,A,9,1X,1\n"
    codes = {code for code, _, _ in refused(LONG + rows)}
    assert codes >= {"fish.exceeds", "fish.none", "fish.pattern"}


def test_wide_cells_and_two_forms_at_once():
    assert ("cell.whole_number", 2, "1R1G2F") in refused(WIDE.replace(b",12,", b",x,"))
    both = (
        LONG.replace(b"nuclei\n", b"nuclei,1R1G2F\n")
        .replace(b",12\n", b",12,1\n")
        .replace(b",88\n", b",88,1\n")
    )
    assert ("fish.counts", 1, None) in refused(both)


@pytest.mark.parametrize(
    "text", ["nuc ich(ABL1)", "nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[120/100]", "nuc ish(ABL1x2)[9]"]
)
def test_iscn_that_makes_no_count_is_refused(text):
    data = ISCN.replace(b"nuc ish(ABL1,BCR)x3(ABL1 con BCRx2)[12/100]", text.encode())
    assert ("fish.iscn", 2, "iscn") in refused(data)


def test_sort_reports():
    got = read("s.csv", b"fraction_id,compartment,events\nF1,HSC,94\nF1,CD19+,6\n").sort_purities
    assert got == (
        SortPurity(fraction_id="F1", compartment="HSC", events=94),
        SortPurity(fraction_id="F1", compartment="CD19+", events=6),
    )
    head = b"fraction_id,compartment,events,share\n"
    assert refused(head + b"F1,HSC,,0.9\nF1,CD19+,,0.05\n") == {("sort.sum", 2, "share")}
    assert refused(head + b"F1,HSC,9,0.9\n") >= {("sort.amount", 2, "events")}
    assert refused(head + b"F1,HSC,0,\n") == {("sort.empty", 2, "events")}
    assert refused(head + b"F1,zebra,5,\n") == {("fish.compartment", 2, "compartment")}


def test_an_index_sort_is_counted():
    data = b"fraction_id,cell,compartment\nF1,A1,HSC\nF1,A2,HSC\nF1,A3,CD19+\n"
    assert [(one.compartment, one.events, one.method) for one in read("i.csv", data).sort_purities] == [
        ("HSC", 2, "index sort"),
        ("CD19+", 1, "index sort"),
    ]


def test_markers_of_fractions_need_a_share_or_a_limit():
    head = b"fraction_id,marker,share,upper_limit\n"
    assert read("m.csv", head + b"F1,IG/TR,,0.001\n").fraction_markers[0].upper_limit == 0.001
    assert refused(head + b"F1,IG/TR,,\nF2,IG/TR,0,\nF3,IG/TR,0.1,0.1\n") == {
        ("fraction.amount", row, "share") for row in (2, 3, 4)
    }


@pytest.mark.parametrize(
    ("kind", "field", "records"),
    [
        (
            "fish scores",
            "fish_counts",
            (FishCount(fraction_id="F1", probe="BCR-ABL1 ES", pattern="2R1G1F", nuclei=1, scored=9),),
        ),
        (
            "sort purity",
            "sort_purities",
            (
                SortPurity(fraction_id="F1", compartment="T", share=1.0),
                SortPurity(fraction_id="F2", compartment="T", events=3, method="index sort"),
            ),
        ),
        (
            "index sort",
            "sort_purities",
            (SortPurity(fraction_id="F1", compartment="T", events=3, method="index sort"),),
        ),
        (
            "fraction markers",
            "fraction_markers",
            (FractionMarker(fraction_id="F1", marker="IG/TR", share=0.5),),
        ),
        (
            "antigen counts",
            "antigen_counts",
            (AntigenCount(sample_id="S1", clone="c", antigen="CD19", intensity="dim", cells=0),),
        ),
    ],
)
def test_records_are_read_back_equal(kind, field, records):
    header, rows = written(kind_of(kind), records)
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in [header, *rows])
    assert getattr(read("a.csv", text.encode()), field) == records
