"""What deceives readers of instrument exports, one small made file each."""

import datetime as dt
import gzip
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.acquire import RefusedFileError, read, workbook
from remnant.acquire.instrument_cells import decimal_sign, number
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.quantstudio import read as applied_biosystems

PREAMBLE = (
    "* Block Type = 96-Well Block (0.2mL)\n"
    "* Chemistry = TAQMAN\n"
    "* Experiment Name = R-07\n"
    "* Experiment Run End Time = {ended}\n"
    "* Instrument Serial Number = 2788\n"
    "* Instrument Type = QuantStudio(TM) 7 Flex System\n"
    "* Passive Reference = ROX\n\n"
)
HEADER = "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\tQuantity\tCt Threshold\n"


def quantstudio(*rows, header=HEADER, ended="2024-03-04 05:06:07 PM CET", more=""):
    """Text of a QuantStudio; a row is well, omit, sample, target, task, Ct, quantity, threshold."""
    lines = []
    for well, omit, sample, target, task, cq, quantity, threshold in rows:
        lines.append(
            "\t".join([well[0], well[1], omit, sample, target, task, "FAM", cq, quantity, threshold])
        )
    return PREAMBLE.format(ended=ended) + more + "[Results]\n" + header + "\n".join(lines) + "\n"


def row(
    number, cq, *, omit="false", sample="S-014", target="WT1", task="UNKNOWN", quantity="", threshold="0.2"
):
    place = f"{'ABCDEFGH'[(number - 1) // 12]}{(number - 1) % 12 + 1}"
    return ((str(number), place), omit, sample, target, task, cq, quantity, threshold)


def taken(text, name="export.txt"):
    return read(name, text if isinstance(text, bytes) else text.encode())


def codes(text, name="export.txt"):
    with pytest.raises(RefusedFileError) as refused:
        taken(text, name)
    return [problem.code for problem in refused.value.details]


def found(acquired):
    return {finding.code for finding in acquired.findings}


CFX_HEADER = ",Well,Fluor,Target,Content,Sample,Cq,Cq Mean,Starting Quantity (SQ)\n"


def test_the_ct_column_may_have_a_cyrillic_letter():
    acquired = taken(quantstudio(row(1, "31.4"), header=HEADER.replace("CT", "Cт")))
    assert [well.cq for well in acquired.wells] == [31.4]


def test_a_mean_of_zero_beside_nan_is_not_a_cq():
    text = CFX_HEADER + ",A01,FAM,WT1,Unkn-1,S-1,NaN,0,NaN\n,A02,FAM,WT1,Unkn-1,S-1,33.5,0,NaN\n"
    assert [(well.detected, well.cq) for well in taken(text).wells] == [(False, None), (True, 33.5)]


@pytest.mark.parametrize("word", ["-1", "-1.000", "Undetermined", "UNDETERMINED", "NaN", "N/A", "No Ct"])
def test_words_and_minus_one_are_negative_wells(word):
    (well,) = taken(quantstudio(row(1, word))).wells
    assert (well.detected, well.cq) == (False, None)


@pytest.mark.parametrize("cq", ["0", "400", "late", "3 1"])
def test_a_cq_that_no_run_can_have_is_refused(cq):
    assert codes(quantstudio(row(1, cq))) == ["instrument.cq"]


def test_an_empty_ct_of_quantstudio_is_none_stored():
    acquired = taken(quantstudio(row(1, ""), row(2, "30.1")))
    assert [well.detected for well in acquired.wells] == [None, True]
    assert "instrument.cq_not_stored" in found(acquired)


ROTOR = (
    "Excel Analysed Data Export\nFile,plate 7.rex\nDate,{date}\nTime,10:34:20 AM\n\n"
    "Quantitative analysis of channel Cycling A.Green (WT1)\n\n"
    '"No.","Colour","Name","Type","Ct","Ct Comment","Given Conc ({unit})","Calc Conc ({unit})"\n'
    "1,5775359,STD-1,Standard,24.1,,1000,980\n2,5775359,S-014,Unknown,,,,\n3,1,H2O,NTC,,,,\n\n"
    "Quantitative analysis of channel Cycling A.Yellow (ABL1)\n\n"
    '"No.","Colour","Name","Type","Ct","Ct Comment","Given Conc ({unit})","Calc Conc ({unit})"\n'
    "2,5775359,S-014,Unknown,21.5,,,\n"
)


def test_the_unit_of_rotor_gene_stands_inside_the_header():
    acquired = taken(ROTOR.format(date="3/16/2021", unit="copies/reaction"), "plate.csv")
    assert [(w.position, w.target, w.kind, w.detected, w.standard_copies) for w in acquired.wells] == [
        ("1", "WT1", "standard", True, 1000.0),
        ("2", "WT1", "unknown", False, None),
        ("3", "WT1", "ntc", False, None),
        ("2", "ABL1", "unknown", True, None),
    ]
    assert (acquired.runs[0].run_id, acquired.runs[0].run_on) == ("plate 7", dt.date(2021, 3, 16))
    assert "instrument.standard_unit_assumed" not in found(acquired)


def test_a_standard_in_another_unit_is_read_without_copies():
    acquired = taken(ROTOR.format(date="16.03.2021", unit="ng/ul"), "plate.csv")
    assert acquired.wells[0].standard_copies is None
    assert "instrument.standard_unit" in found(acquired)
    assert acquired.runs[0].run_on == dt.date(2021, 3, 16)


def test_day_and_month_that_can_be_exchanged_give_no_date():
    acquired = taken(ROTOR.format(date="3/4/2021", unit="copies"), "plate.csv")
    assert acquired.runs[0].run_on is None
    assert "instrument.run_date" in found(acquired)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_lines_may_end_with_cr_only(end):
    acquired = taken(quantstudio(row(1, "31.4"), row(2, "Undetermined")).replace("\n", end))
    assert [well.detected for well in acquired.wells] == [True, False]


def test_a_run_that_has_not_started_is_refused():
    assert codes(quantstudio(row(1, ""), ended="Not Started")) == ["instrument.not_run"]


LC = "Experiment: R-9  Selected Filter: SYBR Green I (483-533)\nInclude\tColor\tPos\tName\tCp\tConcentration\tStandard\tStatus\n"


def test_an_empty_cp_is_a_negative_well():
    acquired = taken(LC + "True\t255\tA1\tS-1\t  5.15\t\t0\t\nTrue\t255\tA2\tS-2\t\t\t0\t\n")
    assert [(well.detected, well.cq) for well in acquired.wells] == [(True, 5.15), (False, None)]
    assert acquired.wells[0].target == "SYBR Green I (483-533)"
    assert acquired.runs[0].run_id == "R-9"


def test_include_false_is_an_excluded_well():
    acquired = taken(
        LC + "False\t255\tA1\tS-1\t30.1\t\t0\t\nFalse\t255\tA2\tS-1\t\t\t0\t\nTrue\t1\tA3\tS-1\t30.2\t\t0\t\n"
    )
    assert [well.excluded is not None for well in acquired.wells] == [True, True, False]
    assert [well.detected for well in acquired.wells] == [True, None, True]


@pytest.mark.parametrize(
    "text",
    [LC + "Wahr\t255\tA1\tS-1\t30.1\t\t0\t\n", quantstudio(row(1, "30.0", omit="falsch"))],
)
def test_a_flag_in_another_language_is_refused(text):
    assert codes(text) == ["cell.yes_or_no"]


def test_settings_may_stand_behind_a_hash_sign():
    text = (
        "# File Name: R-5.eds\n# Instrument Type: QuantStudio 7 Pro System\n# Block Type: 96-Well 0.2-mL Block\n# Passive Reference: ROX\n\n"
        '"Well","Well Position","Omit","Sample","Target","Task","Reporter","Cq"\n"1","A1","FALSE","S-1","WT1","UNKNOWN","FAM","30.25"\n'
    )
    acquired = taken(text, "results.csv")
    assert (acquired.runs[0].run_id, acquired.wells[0].cq) == ("R-5", 30.25)


@pytest.mark.property
@given(st.floats(0.01, 99.999), st.floats(1000, 1e9), st.sampled_from([".", ","]))
def test_numbers_of_either_sign_are_read_back(cq, quantity, sign):
    def written(value):
        text = f"{value:,.3f}"
        return text if sign == "." else text.translate(str.maketrans(".,", ",."))

    assert decimal_sign([written(cq)], []) == sign
    assert number(written(cq), sign) == pytest.approx(cq, abs=6e-4)
    assert number(written(quantity), sign) == pytest.approx(quantity, rel=1e-6)


def test_omitted_wells_are_excluded():
    acquired = taken(quantstudio(row(1, "31.4", omit="true"), row(2, "31.5")))
    assert [well.excluded for well in acquired.wells] == ["omitted in the instrument's software", None]


def test_the_standard_of_the_lightcycler_is_told_by_its_concentration():
    acquired = taken(LC + "True\t255\tA1\tSTD\t20.1\t9.8E4\t1.00E5\t\nTrue\t255\tA2\tS-1\t25.0\t3.1E3\t0\t\n")
    assert [(well.kind, well.standard_copies) for well in acquired.wells] == [
        ("standard", 1e5),
        ("unknown", None),
    ]


def test_a_well_named_ntc_is_a_no_template_control_whatever_its_task():
    acquired = taken(LC + "True\t255\tA1\tNTC\t\t\t0\t\nTrue\t255\tA2\tS-1\t25.0\t\t0\t\n")
    assert [well.kind for well in acquired.wells] == ["ntc", "unknown"]
    assert "instrument.blank_by_name" in {finding.code for finding in acquired.findings}


def test_results_without_a_cq_column_are_said_to_be_left_out():
    curve = "\n[Amplification Data]\nWell\tWell Position\tCycle\tTarget Name\tRn\n" + "".join(
        f"1\tA1\t{cycle}\tWT1\t{1 + cycle / 100}\n" for cycle in range(1, 31)
    )
    acquired = taken(quantstudio(row(1, "30.0")).replace("\tCT\t", "\tZyklus\t") + curve)
    said = {finding.code: finding.message for finding in acquired.findings}
    assert "its 1 rows were not read" in said["instrument.results_without_cq"]


def test_a_decimal_comma_is_told_by_the_cq():
    acquired = taken(
        quantstudio(
            row(1, "31,404", threshold="0,131"),
            row(2, "28,1", task="STANDARD", quantity="1.250,000", threshold="0,131"),
        )
    )
    assert [well.cq for well in acquired.wells] == [31.404, 28.1]
    assert acquired.wells[1].standard_copies == 1250.0
    assert acquired.runs[0].threshold == 0.131


def test_thousands_beside_decimal_points():
    acquired = taken(quantstudio(row(1, "19.525", task="STANDARD", quantity="10,000,000.000")))
    assert acquired.wells[0].standard_copies == 1e7


def test_a_quantity_that_nobody_can_tell_is_refused():
    assert codes(quantstudio(row(1, "Undetermined", task="STANDARD", quantity="15,000"))) == [
        "instrument.quantity"
    ]


def test_two_decimal_signs_are_refused():
    assert "cell.decimal_signs" in codes(quantstudio(row(1, "31,404"), row(2, "31.404")))


def test_rows_may_go_dye_by_dye():
    rows = [
        f",{place},{dye},,Unkn,S-{place},30.{n},"
        for dye in ("FAM", "HEX")
        for n, place in enumerate(("A01", "A02"))
    ]
    acquired = taken(CFX_HEADER + "\n".join(f"{line}0,NaN" for line in rows) + "\n")
    assert [(well.position, well.target, well.cq) for well in acquired.wells] == [
        ("A01", "FAM", 30.0),
        ("A02", "FAM", 30.1),
        ("A01", "HEX", 30.0),
        ("A02", "HEX", 30.1),
    ]
    assert "instrument.target_named_after_dye" in found(acquired)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1251"])
def test_other_encodings(encoding):
    acquired = taken(quantstudio(row(1, "31.4", sample="проба 1")).encode(encoding))
    assert acquired.wells[0].sample == "проба 1"
    assert ("table.encoding" in found(acquired)) == (encoding == "cp1251")


def test_a_well_twice_is_refused():
    assert codes(quantstudio(row(1, "31.4"), row(1, "31.5"))) == ["instrument.well_twice"]


def test_a_well_of_two_targets_is_two_wells():
    acquired = taken(quantstudio(row(1, "31.4"), row(1, "22.5", target="ABL1")))
    assert [(well.position, well.target) for well in acquired.wells] == [("A01", "WT1"), ("A01", "ABL1")]


def test_nan_in_a_curve_is_a_missing_point():
    curves = ",Cycle,A1,A2\n,1,10.5,NaN\n,2,11.5,20.5\n,3,12.5,21.5\n"
    (held,) = taken(curves, "exp - Quantification Amplification Results_FAM.csv").curves
    assert [[value if value == value else None for value in line] for line in held.fluorescence.tolist()] == [  # noqa: PLR0124
        [10.5, 11.5, 12.5],
        [None, 20.5, 21.5],
    ]
    assert {target for _, _, target in held.wells} == {"FAM"}


AMPLIFICATION = "[Amplification Data]\nWell\tCycle\tTarget Name\tRn\tDelta Rn\n{rows}\n\n"


def curve_rows(well, target, values):
    return "\n".join(f"{well}\t{cycle}\t{target}\t{value}\t0" for cycle, value in enumerate(values, start=1))


def multicomponent(*rows, places=True, passive="ROX", head="FAM\tROX\tVIC", more=""):
    """An export without amplification data: a well, a cycle and the signals of its dyes a row."""
    place = "Well\tWell Position" if places else "Well"
    lines = [f"{place}\tCycle\t{head}"]
    for well, cycle, *signals in rows:
        name = f"{well}\tA{well}" if places else str(well)
        lines.append("\t".join([name, str(cycle), *map(str, signals)]))
    table = "[Multicomponent Data]\n" + "\n".join(lines) + "\n\n"
    text = quantstudio(row(1, "31.4"), row(2, "22.5"), more=more + table)
    return text.replace("Passive Reference = ROX", f"Passive Reference = {passive}")


SIGNALS = [(1, 1, 100.0, 50.0, 7.0), (1, 2, 200.0, 50.0, 7.0), (2, 1, 9.0, 3.0, 7.0), (2, 2, 6.0, 1.0, 7.0)]


@pytest.mark.parametrize("places", [True, False])
def test_multicomponent_data_stand_in_for_missing_amplification_data(places):
    acquired = taken(multicomponent(*SIGNALS, places=places))
    assert acquired.curves[0].fluorescence.tolist() == [[2.0, 4.0], [3.0, 6.0]]
    assert {"instrument.from_multicomponent", "instrument.normalised_curves"} <= set(found(acquired))
    assert "instrument.raw_signals" not in found(acquired)


@pytest.mark.parametrize("under", ["0", "", "-3", "none"])
def test_multicomponent_data_without_passive_reference_in_one_well_stay_raw(under):
    acquired = taken(multicomponent(*SIGNALS[:3], (2, 2, 6.0, under, 7.0)))
    assert acquired.curves[0].fluorescence.tolist() == [[100.0, 200.0], [9.0, 6.0]]
    assert {"instrument.from_multicomponent", "instrument.raw_signals"} <= set(found(acquired))
    assert "instrument.normalised_curves" not in found(acquired)


def test_multicomponent_data_with_thousands_and_a_named_reference():
    rows = [(1, 1, "1,000.000", "500.000"), (2, 1, "3,000.000", "1,000.000")]
    acquired = taken(multicomponent(*rows, passive="Mustang Purple", head="FAM\tMUSTANG PURPLE"))
    assert acquired.curves[0].fluorescence.tolist() == [[2.0], [3.0]]


def test_amplification_data_win_over_multicomponent_data():
    more = AMPLIFICATION.format(rows=curve_rows(1, "WT1", [0.5, 0.6]))
    acquired = taken(multicomponent(*SIGNALS, more=more))
    assert acquired.curves[0].fluorescence.tolist() == [[0.5, 0.6]]
    assert "instrument.from_multicomponent" not in found(acquired)


def test_empty_amplification_data_are_none():
    more = AMPLIFICATION.format(rows=curve_rows(1, "WT1", ["", ""]))
    acquired = taken(multicomponent(*SIGNALS, more=more))
    assert acquired.curves[0].fluorescence.tolist() == [[2.0, 4.0], [3.0, 6.0]]


@pytest.mark.reference
def test_multicomponent_data_give_the_rn_of_the_instrument(real_data):
    folder = real_data / "qpcr" / "exports" / "appbio_quantstudio_designandanalysis"
    compared = 0
    for path in sorted(folder.glob("*.xlsx")):
        pages = workbook.pages(path.name, path.read_bytes())
        read_without = [page for page in pages if page.name != "Amplification Data"]
        if not any(page.name == "Multicomponent" for page in pages):
            continue
        theirs, ours = (
            applied_biosystems(
                Reading(file=path.name, stem="R", sha256="", format="applied biosystems"), held
            ).curves[0]
            for held in (pages, read_without)
        )
        places = {key: i for i, key in enumerate(theirs.wells)}
        assert set(ours.wells) <= set(places)
        for i, key in enumerate(ours.wells):
            pairs = zip(ours.fluorescence[i], theirs.fluorescence[places[key]], strict=True)
            assert all(one == pytest.approx(other, rel=1e-4) for one, other in pairs)
            compared += 1
    assert compared > 100


def test_a_second_table_with_cq_is_never_taken_for_the_results():
    lines = [f"{n}\tA{n}\tWT1\tSTANDARD\t30.0\t{10 * n}" for n in range(1, 4)]
    table = (
        "\n[Standard Curve Result]\nWell\tWell Position\tTarget Name\tTask\tCT\tQuantity\n"
        + "\n".join(lines)
        + "\n"
    )
    text = quantstudio(*(row(n, "30.0", task="STANDARD") for n in range(1, 4))) + table * 40
    assert [well.standard_copies for well in taken(text).wells] == [10.0, 20.0, 30.0]


def test_well_numbers_become_places_by_the_block():
    more = AMPLIFICATION.format(rows=curve_rows(13, "WT1", [0.6] * 40))
    acquired = taken(quantstudio(row(13, "31.4"), more=more))
    assert acquired.curves[0].wells == (("R-07", "B01", "WT1"),)
    assert acquired.runs[0].cycles == 40


def test_well_numbers_of_a_384_block():
    text = quantstudio((("25", "B1"), "false", "S", "WT1", "UNKNOWN", "30.0", "", ""))
    text = text.replace("96-Well Block (0.2mL)", "384-Well Block").replace("\tB1\t", "\t\t")
    assert taken(text).wells[0].position == "B01"


def test_curves_cut_before_a_cq_do_not_count_the_cycles():
    more = AMPLIFICATION.format(rows=curve_rows(1, "WT1", [0.6] * 3))
    acquired = taken(quantstudio(row(1, "31.4"), more=more))
    assert acquired.runs[0].cycles is None
    assert "instrument.curves_cut" in found(acquired)


def test_a_cycle_that_stands_twice_is_refused():
    more = AMPLIFICATION.format(rows=curve_rows(1, "WT1", [0.6]) + "\n" + curve_rows(1, "WT1", [0.6]))
    assert codes(quantstudio(row(1, "31.4"), more=more)) == ["instrument.curve"]


@pytest.mark.parametrize(
    "ended", ["2024-03-04 11:59:07 PM EDT", "2024-03-04 23:59:07 PM CET", "2024-03-04 00:01:07 AM BST"]
)
def test_the_time_zone_does_not_move_the_day(ended):
    assert taken(quantstudio(row(1, "30.0"), ended=ended)).runs[0].run_on == dt.date(2024, 3, 4)


@pytest.mark.parametrize("quantity", ["-1", "0", "0.000", "12.5"])
def test_quantities_of_unknowns_are_no_standards(quantity):
    (well,) = taken(quantstudio(row(1, "30.0", quantity=quantity))).wells
    assert (well.kind, well.standard_copies) == ("unknown", None)


@pytest.mark.parametrize("quantity", ["-1", "0", "", "-"])
def test_a_standard_without_quantity_is_said(quantity):
    acquired = taken(quantstudio(row(1, "30.0", task="STANDARD", quantity=quantity)))
    assert acquired.wells[0].standard_copies is None
    assert "instrument.standard_without_quantity" in found(acquired)


def test_an_unknown_kind_of_well_is_refused():
    assert (
        codes(quantstudio(row(1, "30.0", task="BLAU"), row(2, "30.0", task="GRUEN")))
        == ["instrument.well_kind"] * 2
    )


def test_a_column_that_stands_twice_must_say_one_thing():
    header = HEADER.replace("\n", "\tTarget Name\n")
    one = quantstudio(row(1, "30.0", threshold="0.2\tWT1"), header=header)
    assert taken(one).wells[0].target == "WT1"
    assert codes(one.replace("\tWT1\n", "\tABL1\n")) == ["instrument.column_twice"]


def test_all_problems_are_told_at_once_with_their_rows():
    text = quantstudio(row(1, "late"), row(2, "30.0", task="BLAU"), row(1, "31.0"))
    with pytest.raises(RefusedFileError) as refused:
        taken(text)
    assert [(p.code, p.sheet, p.row, p.column) for p in refused.value.details] == [
        ("instrument.cq", "Results", 11, "Cq"),
        ("instrument.well_kind", "Results", 12, "type of the well"),
        ("instrument.well_twice", "Results", 13, "well"),
    ]


def test_cfx_xml_has_escaped_names():
    def record(well, cq, quantity, content):
        return (
            f"<Row><Well>{well}</Well><Fluor>FAM</Fluor><Target>WT1</Target><Content>{content}</Content><Sample>S-{well}</Sample>"
            f"<Cq>{cq}</Cq><Cq_Mean>0</Cq_Mean><Starting_Quantity__x0028_SQ_x0029_>{quantity}</Starting_Quantity__x0028_SQ_x0029_></Row>"
        )

    text = (
        f"<_x0030_>{record('A01', '27.5', '1000', 'Std-01')}{record('A02', 'NaN', 'NaN', 'NTC-01')}</_x0030_>"
    )
    acquired = taken(text, "cq.xml")
    assert acquired.source.format == "cfx"
    assert [(w.kind, w.cq, w.detected, w.standard_copies) for w in acquired.wells] == [
        ("standard", 27.5, True, 1000.0),
        ("ntc", None, False, None),
    ]


def test_the_tables_of_a_cfx_run_in_one_zip_file_belong_together():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for dye, first in (("FAM", 10), ("HEX", 20)):
            curves = f",Cycle,A1,A2\n,1,{first}.5,{first}.6\n,2,{first}.7,{first}.8\n"
            archive.writestr(f"R-3 -  Quantification Amplification Results_{dye}.csv", curves)
        rows = "".join(
            f",{place},{dye},{target},Unkn,S-1,1.5,0,NaN\n"
            for dye, target in (("FAM", "WT1"), ("HEX", "ABL1"))
            for place in ("A01", "A02")
        )
        archive.writestr(
            "R-3 -  End Point Results_FAM.csv",
            ",Well,Fluor,Target,Content,Sample,End RFU\n,A01,FAM,WT1,Unkn,S-1,99\n",
        )
        archive.writestr("R-3 -  Quantification Cq Results_0.csv", CFX_HEADER + rows)
        archive.writestr("R-3 -  Melt Curve Derivative Results_FAM.csv", ",Temperature,A1\n,80,0.1\n")
    acquired = taken(out.getvalue(), "R-3.zip")
    (curves,) = acquired.curves
    assert [run.run_id for run in acquired.runs] == ["R-3"]
    assert dict(
        zip([(p, t) for _, p, t in curves.wells], curves.fluorescence[:, 0].tolist(), strict=True)
    ) == {
        ("A01", "WT1"): 10.5,
        ("A02", "WT1"): 10.6,
        ("A01", "ABL1"): 20.5,
        ("A02", "ABL1"): 20.6,
    }
    assert len(acquired.wells) == 4


def test_end_points_alone_are_refused():
    assert codes(",Well,Fluor,Target,Content,Sample,End RFU\n,A01,FAM,WT1,Unkn,S-1,99\n") == [
        "instrument.no_data"
    ]


def test_a_table_with_columns_of_the_laboratory_stays_a_cq_table():
    text = "run_id,Well,Fluor,Target,Content,Sample,Cq,dilution\nR-1,A01,FAM,WT1,Unkn,S-1,30.1,10\n"
    acquired = taken(text, "own.csv")
    assert (acquired.source.format, acquired.wells[0].dilution) == ("cq table", 10.0)


RDES = "Well\tSample\tSample Type\tTarget\tTarget Type\tDye\t{}\n"


def test_rdes_with_decimal_commas():
    text = (
        RDES.format("1\t2\t3")
        + "A1\tS-1\tunkn\tWT1\ttoi\tFAM\t2,01\t2,09\t3,13\nA2\tSTD\tstd\tWT1\ttoi\tFAM\t2,01\t2,09\t3,10\n"
    )
    acquired = taken(text, "run.tsv")
    assert acquired.source.format == "rdes"
    assert acquired.curves[0].fluorescence.tolist() == [[2.01, 2.09, 3.13], [2.01, 2.09, 3.1]]
    assert [well.kind for well in acquired.wells] == ["unknown", "standard"]
    assert {"instrument.no_cq", "instrument.standard_without_quantity"} <= found(acquired)


@pytest.mark.parametrize("temperatures", ["65.0\t65.5\t66.0", "65\t66\t67"])
def test_rdes_of_melting_curves_is_refused(temperatures):
    text = RDES.format(temperatures) + "A1\tS-1\tunkn\tWT1\ttoi\tFAM\t2.01\t2.09\t3.13\n"
    assert codes(text, "melt.tsv") == ["instrument.melt_curve"]


def test_sds_2_text_has_detectors():
    text = (
        "SDS 2.2.2\tAQ Results\t1.0\nFilename\tplate 3\nPlateID\n\n"
        "Well\tSample Name\tDetector Name\tTask\tCt\tCt StdDev\tQty\nA1\tSTD\tWT1\tStandard\t25.1\t0.1\t1000\nA2\tS-1\tWT1\tUnknown\tUndetermined\t\t\n"
    )
    acquired = taken(text)
    assert acquired.runs[0].run_id == "plate 3"
    assert [(w.target, w.kind, w.detected, w.standard_copies) for w in acquired.wells] == [
        ("WT1", "standard", True, 1000.0),
        ("WT1", "unknown", False, None),
    ]


def test_genotypes_without_cq_are_refused():
    text = (
        PREAMBLE.format(ended="2024-03-04")
        + "[Results]\nWell\tWell Position\tSample Name\tSNP Assay Name\tTask\tAllele1 Delta Rn\tCall\n1\tA1\tS\tX\tUNKNOWN\t1.0\tHet\n"
    )
    assert codes(text) == ["instrument.genotyping"]


def test_a_gzip_file_is_the_file_inside():
    inside = quantstudio(row(1, "31.4")).encode()
    packed = gzip.compress(inside)
    acquired = read("export.txt.gz", packed)
    assert (acquired.source.size_bytes, acquired.wells[0].cq) == (len(packed), 31.4)
    assert acquired.source.sha256 != read("export.txt", inside).source.sha256
    for damaged in (packed[:-9], packed + packed, packed[:30] + b"xx" + packed[32:]):
        with pytest.raises(RefusedFileError) as refused:
            read("export.txt.gz", damaged)
        assert refused.value.details[0].code == "file.damaged_gzip"


def eds(results, *, setup="", analysis=None):
    """An experiment document of specification 2."""
    wells = [
        {
            "index": at,
            "sampleName": f"S-{at}",
            "targetAssignments": [{"targetName": "WT1", "task": task, "quantity": 50.0}],
        }
        for at, task in enumerate(("STANDARD", "UNKNOWN"))
    ]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        plate = {"blockType": "BLOCK_96W", "targets": [{"name": "WT1", "reporter": "FAM"}], "wells": wells}
        archive.writestr("setup/plate_setup.json", setup or json.dumps(plate))
        archive.writestr("summary.json", '{"name": "R-8"}')
        archive.writestr("primary/analysis_result.json", analysis or json.dumps({"wellResults": results}))
    return out.getvalue()


def eds_result(at, cq, rn):
    return {
        "wellIndex": at,
        "reactionResults": [
            {"targetName": "WT1", "amplificationResult": {"cq": cq, "rn": rn, "ctThreshold": 0.2}}
        ],
    }


def test_minus_one_in_an_experiment_document_is_negative():
    acquired = taken(
        eds([eds_result(0, 2.5, [0.1, 0.2, 0.9]), eds_result(1, -1.0, [0.1, 0.1, 0.1])]), "run.eds"
    )
    assert [(w.position, w.detected, w.cq, w.standard_copies) for w in acquired.wells] == [
        ("A01", True, 2.5, 50.0),
        ("A02", False, None, None),
    ]
    assert (acquired.runs[0].run_id, acquired.runs[0].threshold, acquired.runs[0].cycles) == ("R-8", 0.2, 3)


def eds_signals(*wells, passive="ROX"):
    """A document without an analysis: reporter and passive reference of each well."""
    plate = {
        "blockType": "BLOCK_96W",
        "passiveReference": passive,
        "targets": [{"name": "WT1", "reporter": "FAM"}],
        "wells": [
            {
                "index": at,
                "sampleName": f"S-{at}",
                "targetAssignments": [{"targetName": "WT1", "task": "UNKNOWN"}],
            }
            for at in range(len(wells))
        ],
    }
    signals = {
        "collectionPoints": [{"stage": 2, "cycle": cycle} for cycle in (1, 2, 3)],
        "wellData": [
            {
                "wellIndex": at,
                "dyeData": [{"dyeName": name, "fluorescences": values} for name, values in dyes.items()],
            }
            for at, dyes in enumerate(wells)
        ],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("setup/plate_setup.json", json.dumps(plate))
        archive.writestr("primary/multicomponent_data.json", json.dumps(signals))
    return out.getvalue()


def test_raw_signals_are_divided_by_the_passive_reference():
    acquired = taken(
        eds_signals(
            {"FAM": [100.0, 200.0, 400.0], "ROX": [50.0, 50.0, 100.0]}, {"FAM": [9, 8, 6], "ROX": [3, 2, 1]}
        ),
        "run.eds",
    )
    assert acquired.curves[0].fluorescence.tolist() == [[2.0, 4.0, 4.0], [3.0, 4.0, 6.0]]
    assert "instrument.normalised_curves" in found(acquired)


@pytest.mark.parametrize("passive", [[50.0, 0.0, 50.0], [50.0, 50.0], [50.0, float("nan"), 50.0], None])
def test_a_plate_that_lacks_the_passive_reference_in_one_well_stays_raw(passive):
    second = {"FAM": [9.0, 8.0, 6.0]} | ({} if passive is None else {"ROX": passive})
    acquired = taken(eds_signals({"FAM": [100.0, 200.0, 400.0], "ROX": [50.0] * 3}, second), "run.eds")
    assert acquired.curves[0].fluorescence.tolist() == [[100.0, 200.0, 400.0], [9.0, 8.0, 6.0]]
    assert "instrument.raw_signals" in found(acquired)
    assert "instrument.normalised_curves" not in found(acquired)


def test_json_nested_too_deep_is_refused():
    assert codes(eds([], analysis="[" * 200_000), "run.eds") == ["instrument.layout"]


def test_an_old_workbook_that_reaches_too_far_is_refused_before_it_is_read(real_data):
    path = real_data / "qpcr" / "exports" / "abi_mxpro_xls" / "MXP Versions 3&4 data import.xls"
    data = bytearray(path.read_bytes())
    at = data.find(b"\x03\x02\x0e\x00")  # a NUMBER record: row, column
    data[at + 4 : at + 8] = b"\xff\xff\xff\x3f"
    assert codes(bytes(data), "old.xls") == ["sheet.cells"]


def test_a_damaged_old_workbook_is_refused(real_data):
    path = real_data / "qpcr" / "exports" / "abi_mxpro_xls" / "MXP Versions 3&4 data import.xls"
    data = path.read_bytes()
    assert codes(data[:20_000], "old.xls") == ["file.damaged_workbook"]
    assert codes(data[:600], "old.xls") == ["file.damaged_workbook"]


def test_an_export_that_was_cut_in_its_last_line_says_so():
    whole = quantstudio(row(1, "31.402"), row(2, "28.915", threshold=""))
    assert "table.no_final_newline" not in found(taken(whole))
    assert "table.no_final_newline" not in found(taken(whole.encode("utf-16")))
    cut = taken(whole.rstrip()[:-2])
    assert "table.no_final_newline" in found(cut)
    assert cut.wells[1].cq == 28.9


def test_results_without_tasks_say_that_every_well_is_an_unknown():
    text = quantstudio(row(1, "31.4", task="STANDARD", quantity="100"), row(2, "Undetermined", task="NTC"))
    assert "instrument.no_tasks" not in found(taken(text))
    got = taken(text.replace("\tTask\t", "\tNote\t"))
    assert {well.kind for well in got.wells} == {"unknown"}
    assert {"instrument.no_tasks", "instrument.quantity_not_read"} <= found(got)


@pytest.mark.parametrize(
    ("status", "cq", "said"),
    [("NO_AMP", "38.1", True), ("No Amp", "Undetermined", False), ("AMP", "38.1", False)],
)
def test_a_cq_beside_the_status_that_nothing_amplified_is_said(status, cq, said):
    text = quantstudio(row(1, cq))
    head, body = text.split("[Results]\n")
    lines = body.rstrip("\n").split("\n")
    body = "\n".join([lines[0] + "\tAmp Status", *(f"{line}\t{status}" for line in lines[1:])]) + "\n"
    got = taken(head + "[Results]\n" + body)
    assert ("instrument.cq_without_amplification" in found(got)) is said
    assert got.wells[0].cq == (38.1 if cq == "38.1" else None)


def test_results_without_ct_are_refused_by_the_name_of_the_column():
    with pytest.raises(RefusedFileError, match="tables without a column CT, Cq, CRT or Rn"):
        taken(quantstudio(row(1, "31.4")).replace("\tCT\t", "\tNote\t"))
    assert codes(quantstudio().rstrip() + "\n") == ["instrument.no_wells"]


@pytest.mark.parametrize("text", ["<html><body><table></table></body></html>", "\n <!DOCTYPE html>\n<html>"])
def test_a_web_page_under_the_name_of_a_workbook_is_called_one(text):
    assert codes(text, "export.xls") == ["file.unknown_format"]
