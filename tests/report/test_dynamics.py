"""Pictures of clone dynamics hold what they say, and render."""

import itertools

import numpy as np
import pytest

from remnant.dynamics.blueprint import build, shipped
from remnant.dynamics.model import CellType, Event, Model
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Watch, simulate
from remnant.forecast.routes import NO_RELAPSE, EscapeForecast, RouteShare
from remnant.report.draw import svg
from remnant.report.dynamics import clone_plot, model_diagram, route_bars, trajectory_fans


@pytest.fixture(scope="module")
def runs():
    model = Model(
        name="m",
        types=(CellType(name="A"),),
        events=(Event(kind="self_renewal", source="A", products=("A", "A"), rate_per_day=0.2),),
        start={"A": 10},
    )
    return simulate(
        compile_process(model, horizon_days=50),
        np.linspace(0, 50, 11),
        replicates=100,
        seed=1,
        watch=Watch(weights={"A": 1}, limit_cells=1000),
    )


def _forecast(patient, probability):
    def share(outcome, value):
        return RouteShare(
            outcome=outcome,
            probability=value,
            standard_error=0.01,
            low=0.0,
            high=1.0,
            median_days=None,
            early_days=None,
            late_days=None,
            preexisting=None,
            resistant=None,
        )

    given = dict.fromkeys(EscapeForecast.__slots__)
    shares = (share("CD19-positive", probability), share("other", 0.0), share(NO_RELAPSE, 1 - probability))
    return EscapeForecast(**{**given, "patient": patient, "plan": "plan", "shares": shares})


@pytest.mark.property
def test_a_fan_holds_the_quantiles_and_keeps_those_that_crossed(runs):
    spec = trajectory_fans(runs, {"cells": ["A"]}, therapies=build(shipped("aml_transplant")).therapies)
    rows = spec["vconcat"][-1]["data"]["values"]
    assert len(rows) == 11
    last = rows[-1]
    assert last["q05"] <= last["q25"] <= last["q50"] <= last["q75"] <= last["q95"]
    assert last["q05"] >= 1000, "a course that crossed stays at its size"
    assert rows[0]["q50"] == 10
    lanes = {row["name"] for row in spec["vconcat"][0]["data"]["values"]}
    assert lanes == {"conditioning", "graft-versus-leukaemia"}
    assert "<svg" in svg(spec, description="fans")


@pytest.mark.property
def test_route_bars_show_numbers_and_leave_out_what_never_happened():
    spec = route_bars([_forecast("S-1", 0.25), _forecast("S-2", 0.0)])
    titles = [panel["title"]["text"] for panel in spec["vconcat"]]
    assert titles == ["CD19-positive", NO_RELAPSE]
    texts = [row["text"] for row in spec["vconcat"][0]["data"]["values"]]
    assert texts == ["25.0 % ± 1.0", "none seen"]
    assert spec["vconcat"][1]["data"]["values"][1]["text"] == "all"
    drawn = svg(spec, description="routes")
    assert "none seen" in drawn


@pytest.mark.property
def test_a_clone_plot_splits_the_height_by_share():
    spec = clone_plot(np.array([0.0, 10.0]), {"a": np.array([900.0, 0.0]), "b": np.array([100.0, 0.0])})
    bands = {
        (row["clone"], row["day"]): row["high"] - row["low"] for row in spec["vconcat"][-1]["data"]["values"]
    }
    assert bands["a", 0.0] == pytest.approx(0.9 * 3)
    assert bands["b", 0.0] == pytest.approx(0.1 * 3)
    assert bands["a", 10.0] == 0.0
    assert "<svg" in svg(spec, description="clones")


@pytest.mark.property
@pytest.mark.parametrize("name", ["michor2005", "ph_all_blinatumomab", "stiehl2015", "haehnel2020"])
def test_a_diagram_places_every_type_once(name):
    model = build(shipped(name))
    left_out = [cell.name for cell in model.types if cell.name.endswith("_t315i")]
    spec = model_diagram(model, leave_out=left_out)
    nodes = spec["layer"][3]["data"]["values"]
    assert len(nodes) == len(model.types) - len(left_out)
    assert len({(node["x"], node["y"]) for node in nodes}) == len(nodes)
    drawn = svg(spec, description="model")
    assert all(node["label"] in drawn for node in nodes)


@pytest.mark.property
def test_arrows_pass_between_the_names_and_the_rates_of_the_nodes():
    spec = model_diagram(build(shipped("ph_all_blinatumomab")))
    nodes = spec["layer"][3]["data"]["values"]
    columns = {node["x"] for node in nodes}
    ways = {}
    for layer in spec["layer"][:2]:
        for bend in layer["data"]["values"]:
            ways.setdefault(bend["arrow"], []).append((bend["x"], bend["y"]))
    assert ways
    for corners in ways.values():
        for (x, y), (x2, y2) in itertools.pairwise(corners):
            assert x == x2 or y == y2
            assert y == y2 or all(abs(x - column) > 0.4 for column in columns)
