"""A model is refused whole, with all its problems; a therapy changes exactly what it selects."""

import numpy as np
import pytest

from remnant.dynamics.blueprint import build, draw, read_blueprint, shipped
from remnant.dynamics.formula import evaluate
from remnant.dynamics.model import CellType, Effect, Event, Feedback, Model, Therapy, staircase
from remnant.dynamics.process import compile_process, require_linear, type_indices
from remnant.errors import FileFormatError, InputError, NotFoundError
from remnant.knowledge.models import model_names, model_table


def _event(**changes):
    given = {"kind": "death", "source": "A", "products": (), "rate_per_day": 0.1}
    return Event(**{**given, **changes})


def _therapy(start, stop, **effect):
    return Therapy(name="drug", start_day=start, stop_day=stop, effects=(Effect(**effect),))


@pytest.mark.property
def test_all_problems_come_at_once():
    with pytest.raises(InputError) as caught:
        Model(
            name="bad",
            types=(CellType(name="A"), CellType(name="A"), CellType(name="C", parent="Z")),
            events=(
                _event(rate_per_day=-1.0),
                _event(products=("X",)),
                _event(source=""),
                _event(feedback=Feedback(form="mass", weights={"Y": 1.0})),
            ),
            therapies=(_therapy(0, 10), _therapy(5, 20), _therapy(30, 20), _therapy(40, 50, antigen="CD99")),
            start={"Q": 1.0, "A": -1.0},
        )
    text = str(caught.value)
    for part in (
        "A: stands twice",
        "unknown parent Z",
        "rate -1",
        "unknown type X",
        "comes from outside",
        "unknown type Y",
        "window from day 5 overlaps the one to day 10",
        "stops on day 20",
        "no type carries CD99",
        "unknown type Q",
        "A has -1 cells",
    ):
        assert part in text


@pytest.mark.property
@pytest.mark.parametrize(
    "effect",
    [
        {"multiply": -1.0},
        {"survival": 1.2},
        {"add_per_day": 0.1},
        {"add_per_day": 0.1, "phases": frozenset({"self_renewal"})},
        {"types": frozenset({"Z"})},
    ],
)
def test_impossible_effects_are_refused(effect):
    with pytest.raises(InputError):
        Model(
            name="m", types=(CellType(name="A"),), events=(_event(),), therapies=(_therapy(0, 1, **effect),)
        )


@pytest.mark.property
def test_an_unknown_kind_and_form_are_refused():
    with pytest.raises(InputError, match="unknown kind"):
        Model(name="m", types=(CellType(name="A"),), events=(_event(kind="magic"),))
    with pytest.raises(InputError, match="unknown feedback"):
        Model(
            name="m",
            types=(CellType(name="A"),),
            events=(_event(feedback=Feedback(form="magic", weights={})),),
        )
    with pytest.raises(InputError, match="no cell type"):
        Model(name="m", types=(), events=())


@pytest.mark.definition
def test_effects_multiply_then_add_within_their_windows():
    model = Model(
        name="m",
        types=(CellType(name="A", antigens=frozenset({"CD19"})), CellType(name="B")),
        events=(_event(), _event(source="B"), _event(kind="self_renewal", products=("A", "A"))),
        therapies=(
            _therapy(10, 20, antigen="CD19", phases=frozenset({"death"}), multiply=3.0, add_per_day=0.5),
            Therapy(name="other", start_day=15, stop_day=30, effects=(Effect(multiply=2.0, survival=0.25),)),
        ),
    )
    process = compile_process(model, horizon_days=40)
    assert process.edges.tolist() == [0, 10, 15, 20, 30, 40]
    assert process.rates[:, 0] == pytest.approx([0.1, 0.8, 1.1, 0.2, 0.1])
    assert process.rates[:, 1] == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.1])
    assert process.rates[:, 2] == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.1])
    assert process.survival[:, 0].tolist() == [1, 1, 0.25, 1, 1]


@pytest.mark.property
def test_a_taper_is_a_staircase_that_keeps_its_thinning_once():
    steps = staircase(_therapy(0, 40, multiply=4.0, survival=0.5), factors=(1.0, 0.5, 0.0, 0.25))
    assert [step.start_day for step in steps] == [0, 10, 20, 30]
    assert [step.effects[0].multiply for step in steps] == pytest.approx([4.0, 2.0, 1.0, 4.0**0.25])
    assert [step.effects[0].survival for step in steps] == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.property
def test_compilation_refuses_what_it_cannot_hold(four_types):
    with pytest.raises(InputError, match="horizon"):
        compile_process(four_types, horizon_days=0)
    with pytest.raises(InputError, match="products"):
        compile_process(
            Model(name="m", types=(CellType(name="A"),), events=(_event(products=("A",) * 5),)),
            horizon_days=1,
        )
    with pytest.raises(InputError, match="spelling"):
        type_indices(compile_process(four_types, horizon_days=1), ["X"])
    with pytest.raises(InputError, match="feedback"):
        require_linear(compile_process(build(shipped("stiehl2015")), horizon_days=1))


@pytest.mark.property
@pytest.mark.parametrize("name", model_names())
def test_every_number_that_ships_has_a_source(name):
    blueprint = shipped(name)
    assert blueprint.version
    assert blueprint.source
    assert all(rate.source and rate.status in {"verified", "unverified"} for rate in blueprint.rates)
    numbers_in_events = [row["rate"] for row in model_table(name)["event"] if isinstance(row["rate"], float)]
    assert set(numbers_in_events) <= {0.0}, "a rate other than none must be named and sourced"
    model = build(blueprint)
    compile_process(model, horizon_days=100.0)


@pytest.mark.property
def test_linear_and_feedback_models_are_told_apart():
    linear = {name: build(shipped(name)).is_linear for name in model_names()}
    assert linear == {
        "aml_transplant": True,
        "fassoni2018": True,
        "haehnel2020": False,
        "leon_triana2021": False,
        "michor2005": True,
        "ph_all_blinatumomab": True,
        "stiehl2015": False,
    }


@pytest.mark.property
def test_a_variant_copies_its_types_and_loses_its_mark():
    model = build(shipped("ph_all_blinatumomab"))
    cells = {cell.name: cell for cell in model.types}
    assert "native kinase" in cells["blast"].antigens
    assert cells["blast_t315i"].antigens == cells["blast"].antigens - {"native kinase"}
    assert cells["myeloid_blast_t315i"].parent == "progenitor_t315i"
    gains = [event for event in model.events if event.kind == "mutation"]
    assert {event.source for event in gains} == {
        "stem",
        "blast",
        "blast_cd19neg",
        "switched",
        "myeloid_blast",
    }
    blast = next(event for event in gains if event.source == "blast")
    assert blast.products == ("blast", "blast_t315i")
    assert blast.rate_per_day == pytest.approx(0.15 * 3e-9)


@pytest.mark.property
def test_draws_repeat_and_stay_in_their_range():
    blueprint = shipped("ph_all_blinatumomab")
    sets, again = draw(blueprint, 500, seed=3), draw(blueprint, 500, seed=3)
    assert all(np.array_equal(sets[name], again[name]) for name in sets)
    assert sets["transformation"].min() >= 1e-9
    assert sets["transformation"].max() <= 1e-6
    assert sets["stem_growth"].min() < 0.0, "net growth has prior mass below zero"
    assert np.log(sets["blast_growth"]).std() == pytest.approx(0.4, abs=0.06)


@pytest.mark.definition
@pytest.mark.parametrize(("formula", "value"), [("2 * (a + b) / 4 - -a", 3.5), ("a", 2.0), (7, 7.0)])
def test_formulas_are_arithmetic(formula, value):
    assert evaluate(formula, {"a": 2.0, "b": 1.0}, where="test") == value


@pytest.mark.property
@pytest.mark.parametrize(
    "formula", ["c", "a / 0", "a ** 2", "__import__('os')", "a +", "'x'", "a if a else b"]
)
def test_formulas_refuse_anything_else(formula):
    with pytest.raises(InputError):
        evaluate(formula, {"a": 2.0}, where="test")


@pytest.mark.property
def test_a_model_file_is_refused_whole(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        """
colour = "red"
[[rate]]
id = "a"
value = 1.0
unit = "per day"
status = "verified"
[[rate]]
id = "b"
value = 1.0
unit = "per day"
source = "x"
status = "guessed"
prior = "log_normal"
[[rate]]
id = "b"
unit = "x"
source = "x"
status = "verified"
prior = "log_uniform"
low = 2.0
high = 1.0
[[type]]
label = "no name"
[[event]]
kind = "death"
products = []
speed = 1
[escape]
grown = "A"
shape = "round"
""",
        encoding="utf-8",
    )
    with pytest.raises(FileFormatError) as caught:
        read_blueprint(path)
    text = str(caught.value)
    for part in (
        "unknown key colour",
        "rate 1 (a): no source",
        "'guessed'",
        "needs log_sd",
        "low below high",
        "no value",
        "id stands twice",
        "type 1: no name",
        "event 1: no rate",
        "unknown key speed",
        "escape: unknown key shape",
        "escape: no routes",
    ):
        assert part in text
    path.write_text("[[rate", encoding="utf-8")
    with pytest.raises(FileFormatError):
        read_blueprint(path)


@pytest.mark.property
def test_a_model_file_of_ones_own_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        """
[[rate]]
id = "b"
value = 0.2
unit = "per day"
source = "mine"
status = "unverified"
prior = "uniform"
low = 0.1
high = 0.3
[[type]]
name = "A"
start = 10
[[event]]
kind = "self_renewal"
source = "A"
products = ["A", "A"]
rate = "b"
[[therapy]]
name = "stop"
start_day = 5
stop_day = 10
taper = [1.0, 0.5]
effect = [{ phases = ["self_renewal"], multiply = 0.25 }]
""",
        encoding="utf-8",
    )
    blueprint = read_blueprint(path)
    process = compile_process(build(blueprint, {"b": 0.1}), horizon_days=20)
    assert process.rates[:, 0] == pytest.approx([0.1, 0.025, 0.05, 0.1])
    assert draw(blueprint, 100, seed=0)["b"].max() <= 0.3
    with pytest.raises(InputError, match="unknown rate"):
        build(blueprint, {"c": 1.0})
    with pytest.raises(NotFoundError):
        shipped("nobody1999")


@pytest.mark.property
def test_an_added_kill_counts_once_a_type():
    crowded = _event(feedback=Feedback(form="mass", weights={"A": 1e-3}))
    kill = _therapy(0, 5, add_per_day=0.3, phases=frozenset({"death"}))
    model = Model(name="m", types=(CellType(name="A"),), events=(_event(), crowded), therapies=(kill,))
    process = compile_process(model, horizon_days=10)
    assert process.rates[0] == pytest.approx([0.4, 0.1])
    with pytest.raises(InputError, match="finds 2 events of A"):
        Model(name="m", types=(CellType(name="A"),), events=(_event(), _event()), therapies=(kill,))
