"""From the export of an instrument to a study and to standard curves, as a user types it."""

import json

import pytest
from typer.testing import CliRunner

from remnant.cli.main import app

SLOPE, INTERCEPT = -3.4, 38.0


def export(folder):
    """QuantStudio text with five levels of standards in duplicate, a no-template well and two samples."""
    lines = []
    for number, level in enumerate([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], start=1):
        cq = INTERCEPT + SLOPE * level
        lines.append(
            f"{number}\tA{number}\tfalse\tSTD-{level}\tWT1\tSTANDARD\tFAM\t{cq:.3f}\t{10**level:,}.000"
        )
    lines += [
        "11\tA11\tfalse\t\tWT1\tNTC\tFAM\tUndetermined\t",
        "12\tA12\tfalse\tS-1\tWT1\tUNKNOWN\tFAM\t30.750\t",
        "13\tB1\ttrue\tS-2\tWT1\tUNKNOWN\tFAM\t33.100\t",
    ]
    head = (
        "* Block Type = 96-Well Block (0.2mL)\n* Experiment Name = R-07\n* Experiment Run End Time = 2024-03-04 05:06:07 PM CET\n"
        "* Instrument Type = QuantStudio(TM) 7 Flex System\n\n[Results]\n"
        "Well\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tCT\tQuantity\n"
    )
    path = folder / "plate.txt"
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def typed(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_standards_of_an_export_give_their_curve(tmp_path):
    answer = typed("quantify", export(tmp_path), "--json")
    assert answer.exit_code == 0
    (curve,) = json.loads(answer.stdout)["standard_curves"]
    assert (curve["run_id"], curve["target"], curve["wells"]) == ("R-07", "WT1", 10)
    assert curve["slope"] == pytest.approx(SLOPE)
    assert curve["intercept"] == pytest.approx(INTERCEPT)
    assert (curve["lowest_copies"], curve["highest_copies"]) == (10.0, 1e5)


def test_an_assumed_unit_is_said_beside_the_curve(tmp_path):
    shown = " ".join(typed("quantify", export(tmp_path)).stdout.split())
    assert "warning file 10 quantities" in shown
    assert "in another unit every result" in shown


def test_an_assumed_unit_is_said_in_json_and_beside_the_limits_of_an_assay(tmp_path):
    path, study = export(tmp_path), tmp_path / "study"
    assumed = "instrument.standard_unit_assumed"
    assert assumed in {
        one["code"] for one in json.loads(typed("quantify", path, "--json").stdout)["findings"]
    }
    typed("init", study)
    typed("import", study, path)
    for source in (path, study):
        limits = json.loads(typed("validate-assay", source, "--json").stdout)
        assert assumed in {one["code"] for one in limits["findings"]}
    assert typed("validate-assay", path, "--out", tmp_path / "out").exit_code == 0
    assert "without a unit" in (tmp_path / "out" / "assay-WT1.html").read_text(encoding="utf-8")
    assert typed("run", study).exit_code == 0
    assert typed("report", study).exit_code == 0
    assert "without a unit" in (study / "reports" / "index.html").read_text(encoding="utf-8")


def test_an_export_is_imported_and_unknown_samples_are_said(tmp_path):
    assert typed("init", tmp_path / "study").exit_code == 0
    told = json.loads(typed("import", tmp_path / "study", export(tmp_path), "--json").stdout)
    (file,) = told["files"]
    assert (file["outcome"], file["format"], file["counts"]["well"]) == ("imported", "applied biosystems", 13)
    assert typed("run", tmp_path / "study").exit_code == 0
    findings = json.loads(typed("findings", tmp_path / "study", "--json").stdout)
    codes = {(finding["code"], finding["subject"]) for finding in findings}
    assert ("qpcr.unknown_sample", "sample S-1") in codes
    assert ("instrument.standard_unit_assumed", "file plate.txt") in codes


def test_a_refused_export_names_file_section_row_and_column(tmp_path):
    path = export(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("30.750", "late"), encoding="utf-8")
    answer = typed("quantify", path)
    assert answer.exit_code == 3
    said = " ".join(answer.stderr.split())
    assert "file plate.txt" in said
    assert "sheet Results, row 19, column Cq: found 'late', need a Cq above 0 to 100 cycles" in said
