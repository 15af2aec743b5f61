"""The command that simulates relapse from a plan."""

import pytest

PLAN = """
title = "one patient"
model = "ph_all_blinatumomab"
horizon_days = 200
draws = 6
replicates = 2
[[patient]]
name = "S-1"
burden_cells = 1e11
[patient.compartment]
stem = { fraction = 0.5 }
progenitor = { fraction = 0.5 }
myeloid = { fraction = 0.5 }
"""


@pytest.mark.property
def test_a_plan_gives_routes_and_figures(remnant, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    answer = remnant("simulate", "escape", path, "--out", tmp_path / "figures", "--check-step")
    assert answer.code == 0, answer.err
    assert "Research use only" in answer.out
    assert "CD19-positive" in answer.out
    assert "beyond chance" in answer.out
    assert (tmp_path / "figures" / "routes.svg").exists()
    assert (tmp_path / "figures" / "courses-1.png").stat().st_size > 1000
    data = remnant("simulate", "escape", path, "--json").json
    shares = data["forecasts"][0]["shares"]
    assert sum(share["probability"] for share in shares) == pytest.approx(1.0)
    assert data["files"] == []


@pytest.mark.property
def test_a_bad_plan_is_refused_with_exit_code_3(remnant, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace("horizon_days", "horizon"), encoding="utf-8")
    answer = remnant("simulate", "escape", path)
    assert answer.code == 3
    assert "no horizon_days" in answer.err
    assert "unknown key horizon" in answer.err
