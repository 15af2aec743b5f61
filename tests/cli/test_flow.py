"""The commands of cytometry."""

import json

from typer.testing import CliRunner

from remnant.cli.main import app


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_made_files_are_counted_and_stated(tmp_path):
    out = tmp_path / "made"
    assert run("simulate", "fcs", out, "--events", 5_000, "--blasts", 50, "--controls", 1).exit_code == 0
    assert sorted(path.name for path in out.glob("*.fcs")) == [
        "control-1.fcs",
        "diagnosis.fcs",
        "follow-up.fcs",
    ]
    answer = run("flow", out / "diagnosis.fcs", "--mrd", "CD19+ B-lineage", "--json")
    told = json.loads(answer.stdout)[0]
    assert told["tube"]["events"] == 5_000
    assert told["mrd"]["state"] == "quantified"
    assert {one["gate"] for one in told["counts"]} >= {"HSC", "T", "CD45+"}
    shown = run("flow", out / "follow-up.fcs").stdout
    assert "as cut" in shown


def test_a_panel_and_gates_can_be_given(tmp_path):
    out = tmp_path / "made"
    run("simulate", "fcs", out, "--events", 2_000, "--controls", 0)
    panel = tmp_path / "panel.csv"
    panel.write_text("channel,antigen\nFITC-A,CD34\nAPC-R700-A,CD45\n")
    assert run("flow", out / "diagnosis.fcs", "--panel", panel).exit_code == 0
    panel.write_text("channel,antigen\nnone,CD34\n")
    assert run("flow", out / "diagnosis.fcs", "--panel", panel).exit_code == 3
    assert run("flow", out / "diagnosis.fcs", "--mrd", "thymus").exit_code == 3
    assert run("flow", out / "diagnosis.fcs", "--panel", tmp_path / "absent.csv").exit_code == 2
    gates = tmp_path / "gates.xml"
    gates.write_text(
        '<g:Gating-ML xmlns:g="http://www.isac-net.org/std/Gating-ML/v2.0/gating" '
        'xmlns:d="http://www.isac-net.org/std/Gating-ML/v2.0/datatypes"><g:RectangleGate g:id="low">'
        '<g:dimension g:compensation-ref="uncompensated" g:max="1e9"><d:fcs-dimension d:name="FSC-A"/>'
        "</g:dimension></g:RectangleGate></g:Gating-ML>"
    )
    told = json.loads(run("flow", out / "diagnosis.fcs", "--gates", gates, "--json").stdout)[0]
    assert told["counts"][0]["events"] == 2_000
