"""Every instrument export at hand: read as it was counted from the raw text, or refused with the reason.

The numbers are not ours: text was counted with awk (rows of ``[Results]`` by task and CT, keys of well and
target with an Rn), workbooks with calamine and three lines of Python, zip files with ``unzip`` and the
standard library's json. Each comment says what the raw file shows.
"""

from collections import Counter

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from remnant.acquire import RefusedFileError, read_path

QS, DA = "appbio_quantstudio", "appbio_quantstudio_designandanalysis"
AB, LC = "applied biosystems", "lightcycler 480"

READ = {  # format, wells, with Cq, negative, standards with copies, curves x cycles, cycles of the run
    # 60 rows with a target: 48 UNKNOWN, 8 NTC, 4 STANDARD of 100; 56 numbers, 4 Undetermined; 4,800 points
    "abi_mxpro_xls/AB 7500 Version 2 data import file.xls": (AB, 60, 56, 4, 4, (60, 50), 50),
    # 24 report rows: 20 Unknown, 4 Standard of 100 copies; 24 blocks of 50 cycles
    "abi_mxpro_xls/MXP Versions 3&4 data import.xls": ("mxpro", 24, 24, 0, 4, (24, 50), 50),
    # cut by its makers: 3 cycles of 8 wells beside Cq of 17 to 22
    f"{QS}/{QS}_example01.txt": (AB, 16, 16, 0, 0, (8, 3), None),
    # genotyping with Ct: 96 wells x 2 alleles, 8 NTC wells Undetermined twice; curves of 3 wells
    f"{QS}/{QS}_example03.txt": (AB, 192, 176, 16, 0, (6, 40), 40),
    # 8 wells with amplification rows, 6 of them without target and Rn
    f"{QS}/{QS}_example05.txt": (AB, 16, 10, 6, 0, (2, 3), None),
    # 13 STANDARD with quantities 156.25 to 5000, 3 NTC
    f"{QS}/{QS}_example07.txt": (AB, 16, 13, 3, 13, (8, 3), None),
    # 40 rows, 4 without sample, target and CRT
    f"{QS}/{QS}_example09.xlsx": (AB, 36, 36, 0, 0, (36, 50), 50),
    f"{QS}/{QS}_minimal_broken_path_calc_doc.txt": (AB, 1, 1, 0, 0, (1, 1), None),
    # CR LF; both Undetermined, one curve point each, baseline to cycle 40
    f"{QS}/{QS}_minimal_test01.txt": (AB, 2, 0, 2, 0, (2, 1), None),
    f"{QS}/{QS}_minimal_test03.txt": (AB, 2, 0, 2, 0, (2, 2), None),
    # 9 rows, then a blank line and four settings
    f"{QS}/{QS}_minimal_test07.txt": (AB, 9, 9, 0, 0, (9, 1), None),
    # Target Name and Task stand twice; 6 STANDARD of 1e7 and 1e8, written 10,000,000.000
    f"{QS}/example_quantsudio_results_only.txt": (AB, 24, 24, 0, 6, None, None),
    # 236 rows, 4 of empty wells, 4 Undetermined
    f"{DA}/appbio_quantstudio_design_and_analysis_example15_v1.5.2.xlsx": (AB, 232, 228, 4, 0, (232, 40), 40),
    # 16 STANDARD whose 2.5 and 5 stand in the sheet Standard Curve Result only
    f"{DA}/appbio_quantstudio_design_quantity_test.xlsx": (AB, 24, 8, 16, 16, (24, 40), 40),
    f"{DA}/{DA}_QS1_Standard_Curve_example01.xlsx": (AB, 96, 92, 4, 20, (96, 40), 40),
    f"{DA}/{DA}_QS5_Standard_Curve_4Plex_example03.xlsx": (AB, 384, 384, 0, 0, (384, 40), 40),
    f"{DA}/{DA}_QS7Pro_Genotyping_missing_stage_number.xlsx": (AB, 192, 160, 32, 0, (192, 40), 40),
    # one sheet of seven columns, neither sample nor target
    f"{DA}/{DA}_QS7Pro_Primary_Analysis_example18.xlsx": (AB, 96, 84, 12, 0, None, None),
    f"{DA}/{DA}_QS7Pro_Relative_Quantification_example11.xlsx": (AB, 72, 66, 6, 0, (72, 40), 40),
    f"{DA}/{DA}_QS7_Standard_Curve_example06.xlsx": (AB, 96, 92, 4, 20, (96, 40), 40),
    # sheets description (16 wells, 8 Std of 0.04 to 5, no Cq) and adp (63 cycles x 16)
    "cfx/BioRad.xlsx": ("cfx", 16, 0, 0, 8, (16, 63), 63),
    "cfx_csv/exp - Quantification Amplification Results_SYBR.csv": ("cfx", 3, 0, 0, 0, (3, 5), 5),
    # Cq 28.3, N/A, 24.1
    "cfx_csv/exp - Quantification Cq Results.csv": ("cfx", 3, 2, 1, 0, None, None),
    # 24 rows FAM, then 24 rows VIC
    "cfxmaestro/example01.csv": ("cfx", 48, 48, 0, 0, None, None),
    # 96 results with Ct 4.0 after 4 cycles and Amp Status -1
    "eds/test.eds": ("eds", 96, 0, 96, 0, (96, 4), 4),
    # 336 wells set up: 98 STANDARD, 14 NTC; results of replicate groups only; signals of 8 wells
    "eds/v2_test.eds": ("eds", 336, 0, 0, 98, (8, 5), 5),
    # 384 wells x 40 cycles in program 2, 176 melting readings a well in program 3
    "lightcycler480/Edward_qPCR_Nrd1_calibration_2019-02-02.txt.gz": (LC, 384, 0, 0, 0, (384, 40), 40),
    "lightcycler480/Edward_qPCR_TxnInhibitors_HS_2018-06-15_plate1.txt.gz": (LC, 384, 0, 0, 0, (384, 40), 40),
    "lightcycler480/Edward_qPCR_TxnInhibitors_HS_2018-06-15_plate2.txt.gz": (LC, 384, 0, 0, 0, (384, 40), 40),
    # 96 rows, 6 with an empty Cp
    "lightcycler480/Stuart_dAgr_glyS_spoVG_5S_individualWells_Cq.txt.gz": (LC, 96, 90, 6, 0, None, None),
    "rdml/BioRad_qPCR_melt.rdml": ("rdml 1.1", 60, 26, 0, 0, (60, 41), 41),
    "rdml/absolute.rdml": ("rdml 1.4", 96, 84, 12, 60, (96, 50), 50),
    "rdml/meltingcurveanalysis.rdml": ("rdml 1.4", 50, 0, 0, 0, (50, 45), 45),
    "rdml/sample.rdml": ("rdml 1.4", 90, 90, 0, 0, (90, 38), 40),
    "rdml/stepone_std.rdml": ("rdml 1.0", 24, 24, 0, 0, (24, 40), 40),
    "rdml/two_plate_correction.rdml": ("rdml 1.4", 576, 554, 22, 0, (576, 45), 45),
}

REFUSED = {
    "cfx_csv/exp - Melt Curve Derivative Results_SYBR.csv": "instrument.melt_curve",
    "rdml/genorm.rdml": "rdml.no_data",
    "rdml/merge_add.rdml": "rdml.no_wells",
}

DIGITAL = {"appbio_absolute_q", "qiacuity_dpcr"}
"""Folders of digital PCR, which has tests of its own."""


@pytest.fixture
def exports(real_data):
    return real_data / "qpcr" / "exports"


def test_no_export_is_forgotten(exports):
    files = {path.relative_to(exports).as_posix() for path in exports.rglob("*") if path.is_file()}
    assert {name for name in files if name.split("/")[0] not in DIGITAL} == {*READ, *REFUSED}


@pytest.mark.definition
@pytest.mark.parametrize("name", READ)
def test_every_export_is_read_as_counted(exports, name):
    acquired = read_path(exports / name)
    shape = acquired.curves[0].fluorescence.shape if acquired.curves else None
    detected = Counter(well.detected for well in acquired.wells)
    copies = sum(well.standard_copies is not None for well in acquired.wells)
    found = (
        acquired.source.format,
        len(acquired.wells),
        detected[True],
        detected[False],
        copies,
        shape,
        acquired.runs[0].cycles,
    )
    assert found == READ[name]
    assert len({(well.run_id, well.position, well.target) for well in acquired.wells}) == len(acquired.wells)
    assert {well.run_id for well in acquired.wells} == {run.run_id for run in acquired.runs}
    assert all(run.source_sha256 == acquired.source.sha256 for run in acquired.runs)


@pytest.mark.parametrize("name", REFUSED)
def test_what_measured_nothing_is_refused_with_the_reason(exports, name):
    with pytest.raises(RefusedFileError) as refused:
        read_path(exports / name)
    assert [problem.code for problem in refused.value.details] == [REFUSED[name]]
    assert all(problem.expected and problem.advice for problem in refused.value.details)


def test_a_run_of_quantstudio_is_described(exports):
    (run,) = read_path(exports / QS / f"{QS}_example07.txt").runs
    assert run.run_id == "QuantStudio96-Well Relative Standard Curve Example 2"
    assert (run.run_on.isoformat(), run.instrument, run.serial, run.chemistry) == (
        "2010-10-20",
        "QuantStudio(TM) 7 Flex System",
        "278880034",
        "TAQMAN",
    )
    assert run.threshold is None  # 0.131 for RNaseP, 0.060 for IPC


def test_wells_of_quantstudio_are_what_the_rows_say(exports):
    wells = read_path(exports / QS / f"{QS}_example07.txt").wells
    first, second = wells[:2]  # 1 A1 RNaseP NTC Undetermined; 2 A2 RNaseP STANDARD 31.404, 312.500
    assert (first.position, first.target, first.kind, first.detected, first.cq) == (
        "A01",
        "RNaseP",
        "ntc",
        False,
        None,
    )
    assert (second.position, second.kind, second.cq, second.standard_copies) == (
        "A02",
        "standard",
        31.404,
        312.5,
    )


@pytest.mark.definition
def test_curves_of_the_4plex_are_those_of_the_sheet(exports):
    path = exports / DA / f"{DA}_QS5_Standard_Curve_4Plex_example03.xlsx"
    rows = list(CalamineWorkbook.from_path(path).get_sheet_by_name("Amplification Data").iter_rows())
    start = next(i for i, row in enumerate(rows) if row[0] == "Well") + 1
    (curves,) = read_path(path).curves
    of_well = {(position, target): row for row, (_, position, target) in enumerate(curves.wells)}
    for row in rows[start::97]:
        place = f"{row[1][0]}{int(row[1][1:]):02d}"
        assert curves.fluorescence[of_well[place, row[3]], int(row[2]) - 1] == row[4]
    assert np.isfinite(curves.fluorescence).all()


def test_the_clock_that_was_never_set_gives_no_date(exports):
    acquired = read_path(exports / DA / f"{DA}_QS7Pro_Relative_Quantification_example11.xlsx")
    assert acquired.runs[0].run_on is None
    assert "instrument.run_date" in {finding.code for finding in acquired.findings}


def test_raw_data_of_the_lightcycler_are_its_amplification(exports):
    acquired = read_path(exports / "lightcycler480" / "Edward_qPCR_Nrd1_calibration_2019-02-02.txt.gz")
    (curves,) = acquired.curves
    assert acquired.runs[0].run_id == "Edward qPCR Nrd1 calibration 2019-02-02"
    assert list(curves.fluorescence[0, :4]) == [0.59, 0.57, 0.56, 0.56]  # A1, first four lines
    assert acquired.source.name.endswith(".txt.gz")


def test_what_the_exports_leave_open_is_said(exports):
    def found(name):
        return {finding.code.removeprefix("instrument.") for finding in read_path(exports / name).findings}

    assert found(f"{QS}/{QS}_example01.txt") == {"curves_cut", "normalised_curves"}
    assert found("cfxmaestro/example01.csv") == {"named_after_file", "target_named_after_dye"}
    assert found("eds/test.eds") == {"cq_at_cycle_count"}
    assert found("abi_mxpro_xls/AB 7500 Version 2 data import file.xls") == {
        "standard_unit_assumed",
        "empty_wells",
    }
    assert found("lightcycler480/Stuart_dAgr_glyS_spoVG_5S_individualWells_Cq.txt.gz") == {
        "target_named_after_dye",
        "no_kinds",
    }
