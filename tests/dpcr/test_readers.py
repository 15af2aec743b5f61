"""Files of digital PCR: every real one is read with the counts that stand in it; damaged ones are refused."""

import csv
import io
import random
import re
import zipfile

import numpy as np
import polars as pl
import pytest
import xlsxwriter

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


def test_merged_rows_without_their_column_are_refused_not_counted_twice():
    rows = [line.rpartition(",")[0] for line in (row("M01", k=8, negatives=32, n=40), row("A01"), row("H12"))]
    table = "\n".join([HEADER.rpartition(",")[0], *rows, ""])
    assert codes("R.csv", table.encode()) == ["digital.merged_unknown"]
    without = "\n".join(line for line in table.split("\n") if not line.startswith("M01"))
    assert len(read("R.csv", without.encode()).partitions) == 2


@pytest.mark.parametrize("column", ["Positives", "Concentration", "AcceptedDroplets", "Target"])
def test_a_table_that_lacks_one_column_is_refused_by_its_name(column):
    text = result(row()).decode().replace(f",{column},", ",Other,", 1)
    with pytest.raises(RefusedFileError, match=f"the column {column} beside the others of a table of Quanta"):
        read("R.csv", text.encode())


@pytest.mark.parametrize("behind", ["", ","])
def test_a_lone_channel_needs_no_empty_cell_behind_it(behind):
    text = f"Assay1 Amplitude\n7762.24{behind}\n21050.5{behind}\n"
    [got] = read("plate7_A08_Amplitude.csv", text.encode()).amplitudes
    assert (got.channels, got.fluorescence.tolist()) == (("1",), [[7762.24], [21050.5]])


def test_amplitudes_with_decimal_commas_are_refused():
    text = b"Assay1 Amplitude,Assay2 Amplitude\n7762,24,\n21050,5,\n"
    assert set(codes("plate7_A08_Amplitude.csv", text)) == {"digital.amplitude"}


def test_amplitudes_that_were_cut_say_so():
    text = b"Assay1 Amplitude,Assay2 Amplitude\n7762.24,\n21050.5,\n"
    name = "plate7_A08_Amplitude.csv"
    assert read(name, text).findings == ()
    assert [f.code for f in read(name, text[:-4]).findings] == ["table.no_final_newline"]


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


# --- QX Manager

QX_MANAGER = (
    '"Well","Sample description 1","Sample description 2","Sample description 3","Sample description 4","Target","Conc(copies/µL)","pg/µL",'
    '"Status","Status Reason","Experiment","SampleType","TargetType","Supermix","DyeName(s)","Copies/20µLWell","TotalConfMax","TotalConfMin",'
    '"PoissonConfMax","PoissonConfMin","Accepted Droplets","Positives","Negatives","Copies/uL linked molecules","CNV","Threshold1","Threshold2",'
    '"MergedWells","TiltCorrected","Ch1+Ch2+","Ch1+Ch2-","Ch1-Ch2+","Ch1-Ch2-","Ch3+Ch4+"'
)
CALLS = "Target Value of 0 = negative\n{}Target Value of u = unclassified (Advanced Classification Mode)\n\n"


def managed(well, target, dye, *, k, n=18_000, conc="2.5", kind="Unknown", second="", merged="", both=7):
    return (
        f'"{well}","S-1","{second}","","","{target}","{conc}","","Manual","","DQ","{kind}","Unknown","Supermix","{dye}","50","","","","",'
        f'"{n:,}","{k}","{n - k}","","","3000","0","{merged}","No","{both}","1","2","3","0"'
    )


def manager_table(*rows):
    return "\n".join([QX_MANAGER, *rows, ""]).encode()


def test_a_table_of_qx_manager_is_read_by_dye():
    rows = [
        managed("A01", "WT1", "FAM", k=38, second="marrow"),
        managed("A01", "ABL1", "HEX", k=9000, conc="1,234.5"),
        managed("B01", "WT1", "FAM", k=0, kind="NTC", conc="No Call"),
        managed("C01", "WT1", "FAM", k=1),
        managed("C01", "ABL1", "Cy5", k=2),
    ]
    acquired = read("plate.csv", manager_table(*rows))
    assert [(p.position, p.channel, p.target, p.kind, p.positives) for p in acquired.partitions] == [
        ("A01", "FAM", "WT1", "unknown", 38),
        ("A01", "HEX", "ABL1", "unknown", 9000),
        ("B01", "FAM", "WT1", "ntc", 0),
        ("C01", "FAM", "WT1", "unknown", 1),
        ("C01", "Cy5", "ABL1", "unknown", 2),
    ]
    assert [p.both_positive for p in acquired.partitions] == [7, 7, None, None, None]
    assert {p.accepted for p in acquired.partitions} == {18_000}
    assert [p.concentration_copies_per_ul for p in acquired.partitions][:3] == [2.5, 1234.5, None]
    assert {f.code for f in acquired.findings} == {"digital.description_not_read"}


def test_partitions_positive_in_both_channels_need_the_column_of_both():
    header = QX_MANAGER.replace('"Ch1+Ch2+",', "")
    rows = [managed("A01", t, d, k=9).replace('"No","7",', '"No",') for t, d in (("A", "FAM"), ("B", "HEX"))]
    acquired = read("plate.csv", "\n".join([header, *rows, ""]).encode())
    assert [p.both_positive for p in acquired.partitions] == [None, None]


@pytest.mark.parametrize(("conc", "value"), [("2,5", 2.5), ("1.234,5", 1234.5)])
def test_a_decimal_comma_of_one_column_is_told_by_it(conc, value):
    acquired = read("plate.csv", manager_table(managed("A01", "WT1", "FAM", k=38, conc=conc)))
    assert acquired.partitions[0].concentration_copies_per_ul == value


def test_a_comma_that_may_mean_two_things_is_refused():
    assert codes("plate.csv", manager_table(managed("A01", "WT1", "FAM", k=38, conc="1,234"))) == [
        "digital.number"
    ]


def test_a_workbook_of_qx_manager_is_its_table():
    rows = [managed("A01", "WT1", "FAM", k=38), managed("A01", "ABL1", "HEX", k=9000)]
    frame = pl.read_csv(manager_table(*rows), infer_schema=False)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        frame.write_excel(book, worksheet="Sheet")
        book.add_worksheet("Notes").write(0, 0, "made by hand")
    acquired = read("export.dat", out.getvalue())
    assert acquired.source.format == "qx results"
    assert [(p.channel, p.positives, p.accepted) for p in acquired.partitions] == [
        ("FAM", 38, 18_000),
        ("HEX", 9000, 18_000),
    ]
    assert "digital.member_not_read" in {f.code for f in acquired.findings}


@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"])
def test_amplitudes_of_qx_manager_have_lines_above_and_calls_behind(ends):
    text = CALLS.format("Target Value of 1 = positive\n")
    text += "Ch1Amplitude,Ch2Amplitude,MUT,WT,\n1755.646,3960.354,0,1,\n995.6978,1166.363,u,0,\n"
    acquired = read("run 3_C07_Amplitude.csv", text.replace("\n", ends).encode())
    assert acquired.amplitudes[0].fluorescence.tolist() == [[1755.646, 3960.354], [995.6978, 1166.363]]
    assert [(p.position, p.channel, p.accepted) for p in acquired.partitions] == [
        ("C07", "1", 2),
        ("C07", "2", 2),
    ]
    (finding,) = acquired.findings
    assert finding.code == "digital.calls_not_read"
    assert "(MUT, WT)" in finding.message


def test_amplitudes_of_six_channels_keep_their_numbers():
    names = ",".join(f"Ch{i}Amplitude" for i in (1, 2, 3, 4, 5, 6))
    acquired = read("R_A01_Amplitude.csv", f"{names},WT1\n1,2,,4,,6,1\n2,3,,5,,7,0\n".encode())
    assert acquired.amplitudes[0].channels == ("1", "2", "4", "6")
    assert acquired.amplitudes[0].fluorescence.tolist() == [[1, 2, 4, 6], [2, 3, 5, 7]]


def test_a_damaged_amplitude_below_lines_above_is_named_by_its_row():
    text = CALLS.format("") + "Ch1Amplitude,Ch2Amplitude,WT1,\n1.0,2.0,1,\n1.0,x,1,\n"
    with pytest.raises(RefusedFileError) as refused:
        read("R_A01_Amplitude.csv", text.encode())
    assert [(p.row, p.column, p.value) for p in refused.value.details] == [(6, "amplitude of channel 2", "x")]
    assert codes("R_A01_Amplitude.csv", b"Ch1Amplitude,Ch1Amplitude\n1,2\n") == ["digital.amplitude"]


# --- QIAcuity, version 3


def test_a_well_of_qiacuity_3_goes_on_in_the_next_row():
    text = (
        "sep=,\n,Sample/NTC/Control,Type,Target (Name),Conc. [cp/µL] (undiluted sample),Conc. [cp/µL] (dPCR reaction),"
        "Partitions (Valid),Partitions (Positive),Partitions (Negative),Threshold\n"
        "A1,S-1,Sample,WT1,50,5,20000,90,19910,40\n,,,ABL1,500,50,20000,900,19100,40\n"
        "B1,NTC,Non Template Control,WT1,0,0,20000,0,20000,40\n,,,ABL1,0,0,20000,1,19999,40\n"
    )
    parts = read("plate.csv", text.encode()).partitions
    assert [(p.position, p.sample, p.kind, p.target, p.positives) for p in parts] == [
        ("A01", "S-1", "unknown", "WT1", 90),
        ("A01", "S-1", "unknown", "ABL1", 900),
        ("B01", "NTC", "ntc", "WT1", 0),
        ("B01", "NTC", "ntc", "ABL1", 1),
    ]
    assert [p.concentration_copies_per_ul for p in parts][:2] == [5.0, 50.0]


@pytest.mark.parametrize("name", ["plate.fcs", "plate.lmd", "plate.xlsx", "plate", "plate.rdml"])
def test_the_extension_of_a_table_does_not_matter(name):
    assert len(read(name, result(row())).partitions) == 1
