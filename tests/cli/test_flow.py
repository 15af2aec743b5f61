"""The commands of cytometry."""

import json
import re

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


def test_a_phenotype_is_learned_and_tracked(tmp_path):
    out, rule = tmp_path / "made", tmp_path / "rule.json"
    run("simulate", "fcs", out, "--events", 6_000, "--blasts", 200, "--controls", 2)
    normal = [part for place in (1, 2) for part in ("--normal", out / f"control-{place}.fcs")]
    learned = run(
        "phenotype",
        "learn",
        out / "diagnosis.fcs",
        "--blasts",
        "B-ALL window",
        *normal,
        "--out",
        rule,
    )
    assert learned.exit_code == 0
    assert "by trees that did not see them" in learned.stdout
    told = json.loads(run("phenotype", "track", out / "follow-up.fcs", "--rule", rule, "--json").stdout)
    assert told["mrd"]["gate"] == "phenotype of diagnosis.fcs"
    assert told["mrd"]["lower"] < 200 / told["mrd"]["n"] < told["mrd"]["upper"]
    again = run("phenotype", "learn", out / "diagnosis.fcs", "--blasts", "T", *normal, "--out", rule)
    assert again.exit_code == 4
    assert run("phenotype", "track", out / "follow-up.fcs", "--rule", out / "diagnosis.fcs").exit_code == 3
    differ = run("phenotype", "different", out / "follow-up.fcs", *normal)
    assert "Held-out normal cells, control-2.fcs" in " ".join(differ.stdout.split())


def test_an_antigen_is_compared_with_an_earlier_tube(tmp_path):
    out, page = tmp_path / "made", tmp_path / "page.html"
    run(
        "simulate",
        "fcs",
        out,
        "--events",
        6_000,
        "--blasts",
        1_500,
        "--kind",
        "CD19-negative blast",
        "--controls",
        0,
    )
    asked = ("flow", out / "follow-up.fcs", "--before", out / "diagnosis.fcs", "--therapy", "blinatumomab")
    told = json.loads(run(*asked, "--out", page, "--json").stdout)[0]["antigen_loss"]
    assert (told["verdict"], told["before"]) == ("lost", "diagnosis.fcs")
    assert told["findings"][0]["code"] == "flow.epitope_masked"
    printed = re.sub(r"</?span[^>]*>", "", page.read_text(encoding="utf-8"))
    assert "CD19 lost on B-ALL window without CD19 since diagnosis.fcs" in printed
    shown = run(*asked[:4]).stdout
    assert "CD19 lost on B-ALL window without CD19" in shown
    assert run(*asked[:4], "--antigen", "CD22").exit_code == 3
    gates = tmp_path / "gates.xml"
    gates.write_text("<x/>")
    assert run(*asked[:4], "--gates", gates).exit_code == 3


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
