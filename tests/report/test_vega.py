"""A figure is the same whichever process draws it, and drawn here where the other cannot."""

import json

import pytest

from remnant.report import vega

SPECIFICATION = json.dumps(
    {
        "mark": "point",
        "title": "Größe",
        "data": {"values": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }
)


@pytest.fixture
def two_processors(monkeypatch):
    monkeypatch.setattr(vega.os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_processors")
def test_the_process_beside_draws_the_same_figure():
    here = vega.svg(SPECIFICATION)
    with vega.beside():
        [neighbour] = vega._OPEN
        assert neighbour.svg(SPECIFICATION) == here
        assert vega.svg(SPECIFICATION) == here
    assert vega._OPEN == []
    assert neighbour._process.returncode == 0


@pytest.mark.usefixtures("two_processors")
def test_no_specification_is_refused_alike_and_the_next_figure_is_drawn():
    with pytest.raises(ValueError, match="conversion failed") as here:
        vega.svg('{"mark": 5}')
    with vega.beside():
        [neighbour] = vega._OPEN
        with pytest.raises(ValueError, match="conversion failed") as beside:
            vega.svg('{"mark": 5}')
        assert neighbour.svg(SPECIFICATION)
    assert str(beside.value) == str(here.value)


@pytest.mark.usefixtures("two_processors")
def test_figures_are_drawn_here_once_the_other_process_has_died():
    with vega.beside():
        [neighbour] = vega._OPEN
        neighbour._process.kill()
        neighbour._process.wait()
        assert vega.svg(SPECIFICATION).startswith("<svg")
        assert neighbour.svg(SPECIFICATION) is None
    assert vega._OPEN == []


@pytest.mark.parametrize("found", [1, None])
def test_one_processor_gets_no_second_process(monkeypatch, found):
    monkeypatch.setattr(vega.os, "cpu_count", lambda: found)
    with vega.beside():
        assert vega._OPEN == []


@pytest.mark.usefixtures("two_processors")
def test_an_interpreter_that_cannot_be_started_leaves_the_drawing_here(monkeypatch, tmp_path):
    monkeypatch.setattr(vega.sys, "executable", str(tmp_path / "absent"))
    with vega.beside():
        assert vega._OPEN == []
        assert vega.svg(SPECIFICATION).startswith("<svg")
