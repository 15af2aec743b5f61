"""Standards whose level nothing has seen are inside their interval at the stated rate."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch, real_data):
    monkeypatch.setenv("REMNANT_REAL_DATA", str(real_data))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def figures(benchmark):
    return benchmark("_qpcr_calibration")


@pytest.mark.coverage
def test_left_out_levels_of_63_genes(figures):
    cq = figures.vermeulen()
    assert cq.shape == (63, 5, 3)
    ours, least_squares = figures.left_out_vermeulen(cq)
    assert 0.93 <= ours.mean() <= 0.97
    assert (ours.mean(axis=(0, 2)) >= 0.88).all()
    assert least_squares[:, 0].mean() == pytest.approx(0.46, abs=0.01)


@pytest.mark.coverage
def test_tubes_hold_what_the_other_genes_say(benchmark, figures):
    """Against the content of a tube, told by 62 other genes, no level is one draw: each is judged by itself."""
    inside = benchmark("_qpcr_tubes").inside_of_tubes(figures.vermeulen())
    assert 0.93 <= inside.mean() <= 0.97
    levels = inside.mean(axis=(0, 2))
    assert (levels >= 0.88).all()
    assert (levels <= 0.99).all()
