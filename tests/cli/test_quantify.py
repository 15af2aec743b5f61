"""What `remnant quantify FILE` says to a person: nothing twice, nothing contradicted, nothing cut."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from remnant.assay.qpcr.amplification import read_plates
from remnant.assay.qpcr.amplification_cq import disagreements
from remnant.cli.printed import fitted, listed
from remnant.cli.problems import problem_lines
from remnant.cli.quantify_curves import shown_readings, without_curve
from remnant.records.run import Curves, Well

HEADER = "run_id,well,target,sample,type,standard_copies,cq\n"


def standards(target="WT1", levels=(1, 2, 3, 4, 5), column=1, slope=-3.4):
    return "".join(
        f"R-1,{chr(64 + level)}{column},{target},STD{level},standard,{10**level},{38 + slope * level:.2f}\n"
        for level in levels
    )


def samples(target="WT1", column=2, count=3):
    return "".join(
        f"R-1,{chr(65 + at)}{column},{target},S-{at},unknown,,{30 + at}.00\n" for at in range(count)
    )


def said(remnant, folder, text, *options):
    path = folder / "plate.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    answer = remnant("quantify", path, *options)
    return " ".join((answer.out + answer.err).split())


def printed(table, width):
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


def test_standards_at_one_level_are_no_curve_and_the_samples_are_named_once(remnant, tmp_path):
    text = said(remnant, tmp_path, standards() + samples() + standards("ABL1", (3,), 3) + samples("ABL1", 4))
    assert "1 of 1 standard curves pass" in text
    assert "No standard curve of ABL1: standards with a Cq at one level only, 1,000 copies." in text
    assert "Not evaluable, no standard curve of ABL1: S-0; S-1; S-2." in text
    assert "No target has standards" not in text


def test_a_curve_that_fails_blocks_its_samples_in_one_line(remnant, tmp_path):
    text = said(remnant, tmp_path, standards(slope=-2.5) + samples())
    assert "0 of 1 standard curves pass" in text
    assert "Not evaluable, the standard curve of WT1 failed the gates: S-0; S-1; S-2." in text


def test_targets_without_a_curve_are_in_the_json_with_the_reason(remnant, tmp_path):
    path = tmp_path / "plate.csv"
    path.write_text(HEADER + standards() + samples("ABL1", 3), encoding="utf-8")
    assert remnant("quantify", path, "--json").json["without_standard_curve"] == [
        {"run_id": "R-1", "target": "ABL1", "reason": "no well is a standard"}
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"standard_copies": None}, "2 wells of standards without their copies"),
        (
            {"cq": None, "detected": None},
            "2 wells of standards without a Cq; `--cq ours` reads it from the amplification curves",
        ),
        ({"cq": None, "detected": False}, "2 wells of standards, none amplified"),
        ({"kind": "unknown", "standard_copies": None}, "no well is a standard"),
    ],
)
def test_what_is_missing_for_a_curve_is_said(change, reason):
    held = {"kind": "standard", "detected": True, "cq": 30.0, "standard_copies": 10.0, **change}
    wells = [
        Well(run_id="R-1", position=place, target="WT1", sample="STD", **held) for place in ("A01", "A02")
    ]
    assert [one.reason for one in without_curve(wells, [], with_curves=True)] == [reason]


def test_wells_with_the_same_doubt_are_one_line():
    places = [f"A{at:02d}" for at in range(1, 13)] + ["B01"]
    curves = Curves(
        wells=tuple(("R-1", place, "WT1") for place in places),
        cycles=np.array([1.0]),
        fluorescence=np.ones((13, 1)),
    )
    plates = read_plates([curves])
    wells = [
        Well(run_id="R-1", position=place, target="WT1", sample="S", kind="unknown", detected=None, cq=None)
        for place in places
    ]
    shown = shown_readings(plates, disagreements(wells, plates.records()), (), apart=False)
    lines = [getattr(part, "renderable", part) for part in shown]
    assert lines[1:3] == [
        "13 amplification curves: 0 amplified, 0 not amplified, 13 doubtful.",
        "The curve is doubtful, in 13 wells:",
    ]
    assert lines[3:] == [f"WT1: {', '.join(places[:12])} and 1 more (too few cycles)"]


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30), st.booleans()), min_size=1, max_size=9),
    st.integers(9, 200),
)
def test_columns_fit_and_those_to_be_whole_are_broken_last(columns, room):
    full = [width for width, _, _ in columns]
    least = [width if whole else min(width, word) for width, word, whole in columns]
    widths = fitted(full, least, room)
    assert sum(widths) <= room
    assert all(1 <= width <= most for width, most in zip(widths, full, strict=True))
    if sum(least) <= room:
        assert all(width >= word for width, word in zip(widths, least, strict=True))


def test_no_word_is_broken_where_there_is_room_and_no_number_is_ever_cut():
    rows = [
        ("CDCA5_20080225", "17.6 (9.4 to 31.1)", "quantified", "a reason of several words, to be folded"),
        ("BIRC5_20080229", "-3.6002", "not evaluable", "another"),
    ]
    columns = ("target", "copies", "state", "why")
    wide = printed(listed(columns, rows, right=("copies",)), 70)
    words = {word for row in rows for cell in row for word in cell.split()}
    assert words <= set(wide.split())
    narrow = printed(listed(columns, rows, right=("copies",)), 24)
    digits = re.sub(r"[^0-9.-]", "", narrow)
    assert all(len(line) <= 24 for line in narrow.splitlines())
    assert sorted(c for c in digits if c.isdigit()) == sorted(
        c for row in rows for cell in row for c in cell if c.isdigit()
    )


def test_more_than_three_problems_that_differ_in_their_value_are_one_line():
    rows = [f"row {row}, column quantity: found '{row} copies', need a number." for row in range(2, 6)]
    assert problem_lines(rows) == [
        "  4 times, rows 2, 3, 4 …, column quantity: found '2 copies' and 3 other values, need a number."
    ]
    assert problem_lines(rows[:3]) == [f"  {row}" for row in rows[:3]]


def test_a_threshold_of_zero_is_none_and_a_plate_without_control_gene_says_what_a_ratio_needs(
    remnant, tmp_path
):
    header = (
        "Well,ExptType,Experiment,Sample,TargetType,Target,Status,Concentration,Positives,Negatives,"
        "AcceptedDroplets,MergedWells,Threshold"
    )
    rows = [
        f'{well},Absolute Quantification,ABS,{name},{kind},WT1,OK,1.2,{k},{15_000 - k},15000,"",{threshold}'
        for well, name, kind, k, threshold in (
            ("A01", "S-1", "Ch1Unknown", 120, 2500),
            ("B01", "S-1", "Ch1Unknown", 130, 0),
            ("C01", "NTC", "Ch1NTC", 0, 2500),
        )
    ]
    path = tmp_path / "plate.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    said = " ".join(remnant("quantify", path).out.split())
    assert "WT1: counted by the instrument at its threshold 2500, 1 well without one; limit of blank" in said
    assert "3 wells and targets, 2 used. No ratio to a control gene: that needs one on the plate" in said
    path.write_text(
        "\n".join([header, *(row.rpartition(",")[0] + ",0" for row in rows), ""]), encoding="utf-8"
    )
    said = " ".join(remnant("quantify", path).out.split())
    assert "WT1: counted by the instrument, which names no threshold; limit of blank" in said
