"""Files of digital PCR: every real one is read with the counts that stand in it; damaged ones are refused."""

import csv
import io
import random
import re
import zipfile

import numpy as np
import pytest

from remnant.acquire import RefusedFileError, read, read_path
from remnant.example.digital import (
    DigitalTube,
    amplitude_files,
    draw_digital_plate,
    layout_csv,
    results_csv,
)

HEADER = "Well,ExptType,Experiment,Sample,TargetType,Target,Status,Concentration,Positives,Negatives,AcceptedDroplets,MergedWells"


def codes(name, data):
    with pytest.raises(RefusedFileError) as refused:
        read(name, data)
    return [problem.code for problem in refused.value.details]


def result(*rows):
    return "\n".join([HEADER, *rows, ""]).encode()


def row(well="A01", k=3, negatives=17, n=20, *, sample="S-1", kind="Ch1Unknown", merged=""):
    return f'{well},Absolute Quantification,ABS,{sample},{kind},WT1,OK,1.2,{k},{negatives},{n},"{merged}"'


@pytest.fixture(scope="module")
def plate():
    return draw_digital_plate(
        np.random.default_rng(1), [DigitalTube(cdna_id="C-1", control_copies_per_ul=300, ratio=0.02)]
    )


# --- the real files


@pytest.mark.definition
def test_quantasoft_results_are_those_of_the_files(real_data):
    paths = sorted((real_data / "dpcr" / "quantasoft_results").glob("*.csv"))
    assert len(paths) == 33
    wells = 0
    for path in paths:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        single = [one for one in rows if not one["MergedWells"]]
        acquired = read_path(path)
        assert acquired.source.format == "qx results"
        assert [
            (p.position, p.channel, p.target, p.sample, p.positives, p.accepted) for p in acquired.partitions
        ] == [
            (
                one["Well"],
                one["TargetType"][2],
                one["Target"],
                one["Sample"],
                int(one["Positives"]),
                int(one["AcceptedDroplets"]),
            )
            for one in single
        ]
        assert all((p.kind == "ntc") == (p.sample == "NTC") for p in acquired.partitions)
        wells += len(single)
    assert wells == 3244


@pytest.mark.definition
def test_merged_rows_are_the_sums_of_the_wells_that_were_read(real_data):
    checked = 0
    for path in sorted((real_data / "dpcr" / "quantasoft_results").glob("*.csv")):
        read_wells = {(p.position, p.channel, p.target): p for p in read_path(path).partitions}
        with path.open(newline="") as stream:
            for one in csv.DictReader(stream):
                if one["MergedWells"]:
                    key = (one["TargetType"][2], one["Target"])
                    parts = [
                        read_wells[place, *key] for place in re.findall(r"[A-H][0-9]{2}", one["MergedWells"])
                    ]
                    assert sum(p.positives for p in parts) == int(one["Positives"])
                    assert sum(p.accepted for p in parts) == int(one["AcceptedDroplets"])
                    checked += 1
    assert checked == 3798 - 3244


@pytest.mark.definition
def test_albumin_amplitudes_are_those_of_the_files(real_data):
    paths = sorted((real_data / "dpcr" / "qx100_albumin").glob("*.csv"))
    assert len(paths) == 28
    for path in paths:
        lines = path.read_bytes().split(b"\r\n")[1:-1]
        acquired = read_path(path)
        (part,), (amplitudes,) = acquired.partitions, acquired.amplitudes
        assert (part.run_id, part.position) == ("Big test 6.12.12", path.name.split("_")[1])
        assert (part.channel, part.positives, part.accepted) == ("1", None, len(lines))
        assert amplitudes.fluorescence[:, 0].tolist() == [float(line.split(b",")[0]) for line in lines]


@pytest.mark.parametrize(
    ("name", "form", "wells", "positives", "ntc"),
    [
        ("qiacuity_dpcr/qiacuity_dpcr_example01.csv", "qiacuity results", 6, 8627, 1),
        ("qiacuity_dpcr/qiacuity_dpcr_example03.csv", "qiacuity results", 24, 34421, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_example01.csv", "absolute q results", 16, 38003, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_example03.csv", "absolute q results", 16, 38003, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_example05.csv", "absolute q results", 32, 75907, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_multichannel.csv", "absolute q multichannel", 15, 121691, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_single1_summary.csv", "absolute q summary", 16, 78649, 0),
        ("appbio_absolute_q/Appbio_AbsoluteQ_zip_test.zip", "absolute q summary", 16, 121433, 0),
    ],
)
def test_exports_of_chips_are_read(real_data, name, form, wells, positives, ntc):
    acquired = read_path(real_data / "qpcr" / "exports" / name)
    assert acquired.source.format == form
    assert len(acquired.partitions) == wells
    assert sum(p.positives for p in acquired.partitions) == positives
    assert sum(p.kind == "ntc" for p in acquired.partitions) == ntc


def test_instruments_own_concentrations_follow_from_the_counts_that_were_read(real_data):
    path = real_data / "qpcr" / "exports" / "appbio_absolute_q" / "Appbio_AbsoluteQ_single1_summary.csv"
    for part in read_path(path).partitions:
        if part.positives > 1:
            rate = -np.log1p(-part.positives / part.accepted)
            assert rate / part.concentration_copies_per_ul * 1e3 == pytest.approx(0.432, rel=2e-3)


# --- amplitudes


@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"])
def test_line_ends_and_an_empty_second_column(ends):
    text = ends.join(["Assay1 Amplitude,Assay2 Amplitude", "7762.2417,", "21050.5,", ""])
    acquired = read("plate 7_B3_Amplitude.csv", text.encode())
    (amplitudes,) = acquired.amplitudes
    assert amplitudes.channels == ("1",)
    assert amplitudes.fluorescence.tolist() == [[7762.2417], [21050.5]]
    assert [(p.run_id, p.position) for p in acquired.partitions] == [("plate 7", "B03")]


def test_two_channels_and_a_last_line_without_end():
    acquired = read("R_A01_Amplitude.csv", b"Ch1 Amplitude,Ch2 Amplitude,Cluster\n1.5,2.5,1\n3,4,2")
    assert acquired.amplitudes[0].fluorescence.tolist() == [[1.5, 2.5], [3.0, 4.0]]
    assert [p.channel for p in acquired.partitions] == ["1", "2"]


@pytest.mark.parametrize("name", ["amplitudes.csv", "R_Z99_Amplitude.csv", "R_A01.csv", "_A01_Amplitude.csv"])
def test_a_name_without_a_place_is_a_problem_with_advice(name):
    with pytest.raises(RefusedFileError) as refused:
        read(name, b"Assay1 Amplitude,Assay2 Amplitude\r\n1.0,\r\n")
    (problem,) = refused.value.details
    assert problem.code == "digital.position_in_name"
    assert "QuantaSoft" in problem.advice


def test_all_problems_of_a_file_of_amplitudes_are_named_at_once():
    data = b"Assay1 Amplitude,Assay2 Amplitude\r\n1.0,\r\nabc,\r\n2.0,\r\n1e999,\r\n"
    with pytest.raises(RefusedFileError) as refused:
        read("x.csv", data)
    details = refused.value.details
    assert [p.code for p in details] == ["digital.position_in_name", "digital.amplitude", "digital.amplitude"]
    assert [p.row for p in details[1:]] == [3, 5]


@pytest.mark.parametrize("body", [b"", b"\r\n", b",\r\n,\r\n"])
def test_no_amplitude_at_all(body):
    found = codes("R_A01_Amplitude.csv", b"Assay1 Amplitude,Assay2 Amplitude\r\n" + body)
    assert found == ["digital.no_amplitudes"]


# --- tables of results


def test_a_merged_row_is_left_out_kept_or_refused():
    wells = [row("A01"), row("B01")]
    acquired = read("R.csv", result(row("M01", merged="(A01,B01)"), *wells))
    assert [p.position for p in acquired.partitions] == ["A01", "B01"]
    assert "digital.merged_rows" in {f.code for f in acquired.findings}
    assert [p.position for p in read("R.csv", result(row("M01", merged="(A01,B01)"))).partitions] == ["M01"]
    assert codes("R.csv", result(row("M01", merged="(A01,B01)"), row("A01"))) == ["digital.merged_part"]


def test_counts_that_contradict_one_another_are_all_named():
    found = codes("R.csv", result(row("A01", k=30), row("B01", negatives=2), row("C01"), row("C01")))
    assert found == ["digital.counts", "digital.counts", "digital.counts", "row.repeated"]


def test_a_well_without_call_is_excluded_and_not_negative():
    text = result(row("A01", k="", negatives="", n=0)).replace(b",1.2,", b",No Call,")
    (part,) = read("R.csv", text).partitions
    assert part.excluded == "the instrument made no call"


@pytest.mark.parametrize(
    ("kind", "sample", "read_as"),
    [
        ("Ch1NTC", "x", "ntc"),
        ("Ch1Unknown", "NTC", "ntc"),
        ("Ch1Unknown", "S-1", "unknown"),
        ("Ch1PosCtrl", "S-1", "positive_control"),
    ],
)
def test_kinds_of_wells(kind, sample, read_as):
    (part,) = read("R.csv", result(row(kind=kind, sample=sample))).partitions
    assert part.kind == read_as


def test_names_of_qx_manager_are_known():
    text = (
        "Well,Sample description 1,Target,Conc(copies/µL),Status,SampleType,DyeName(s),Accepted Droplets,Positives,Negatives\n"
        "A01,S-1,WT1,2.5,OK,Unknown,FAM,17831,38,17793\nB01,,WT1,0,OK,NTC,FAM,18000,0,18000\n"
    )
    first, second = read("plate.csv", text.encode()).partitions
    assert (first.channel, first.positives, first.concentration_copies_per_ul) == ("FAM", 38, 2.5)
    assert second.kind == "ntc"


def test_the_example_run_is_read_as_it_was_drawn(plate):
    parts = read("D-001.csv", results_csv(plate)).partitions
    targets = [p.positives for p in parts if p.target == "WT1"]
    assert targets == (plate.cells[:, 1] + plate.cells[:, 3]).tolist()
    assert [p.both_positive for p in parts if p.target == "WT1"] == plate.cells[:, 3].tolist()
    assert [p.kind for p in parts if p.target == "WT1"] == ["unknown", "unknown", "ntc", "ntc"]
    layout = read("layout.csv", layout_csv(plate)).plate_wells
    assert [(w.position, w.channel, w.target, w.sample) for w in layout][:2] == [
        ("A01", "1", "WT1", "C-1"),
        ("A01", "2", "ABL1", "C-1"),
    ]


def test_a_zip_of_tables_is_read_by_content():
    table = result(row())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", table)
    acquired = read("any.zip", out.getvalue())
    assert len(acquired.partitions) == 1
    assert "digital.member_not_read" in {f.code for f in acquired.findings}


@pytest.mark.property
def test_damaged_files_are_read_or_refused(plate):
    chance = random.Random(20121206)  # noqa: S311 - chosen, not secret
    name, amplitudes = next(amplitude_files(np.random.default_rng(2), plate))
    originals = [(name, amplitudes[:4000]), ("R.csv", results_csv(plate)), ("layout.csv", layout_csv(plate))]
    seen = set()
    for number in range(240):
        name, data = originals[number % len(originals)]
        damaged = bytearray(data)
        place = chance.randrange(len(damaged))
        how = chance.randrange(4)
        if how == 0:
            damaged[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del damaged[place:]
        elif how == 2:
            damaged[place:place] = chance.choice([b"\0", b'"', b",", b"\xff", b"NaN", b"-1", b"1e999"])
        else:
            del damaged[place : place + chance.randrange(1, 100)]
        problems = ()
        try:
            read(name, bytes(damaged))
        except RefusedFileError as refused:
            problems = refused.details
            seen.add("refused")
        seen |= set() if problems else {"read"}
    assert seen == {"read", "refused"}
