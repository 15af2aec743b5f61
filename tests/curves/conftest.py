"""Curves of known shape, and the published ones as the benchmark reads them."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from remnant.numerics.sigmoid import sigmoid
from remnant.records.run import Curves

CYCLES = np.arange(1.0, 46.0)
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def shapes_of(count, *, seed=0):
    """Shape, floor and height of curves as instruments give them."""
    rng = np.random.default_rng(seed)
    shape = np.stack(
        [rng.uniform(2.9, 3.55, count), rng.uniform(1.2, 2.1, count), rng.uniform(-1.0, 1.5, count)], axis=1
    )
    return shape, rng.uniform(0.2, 2.0, count), rng.uniform(5.0, 30.0, count)


def noisy(count, *, seed=0, sd=0.03, correlation=0.0, cycles=CYCLES):
    """Curves with noise that may remember the cycle before."""
    shape, floor, height = shapes_of(count, seed=seed)
    rng = np.random.default_rng(seed + 1)
    noise = rng.normal(0.0, sd, (count, len(cycles)))
    for i in range(1, len(cycles)):
        noise[:, i] = correlation * noise[:, i - 1] + np.sqrt(1.0 - correlation**2) * noise[:, i]
    return sigmoid(cycles, shape, floor=floor, height=height) + noise


def plate_of(fluorescence, *, run="R-01", target="WT1", cycles=None):
    """Curves of one assay."""
    wells = tuple((run, f"A{i + 1:02d}", target) for i in range(len(fluorescence)))
    grid = np.arange(1.0, fluorescence.shape[1] + 1.0) if cycles is None else cycles
    return Curves(wells=wells, cycles=grid, fluorescence=np.asarray(fluorescence, dtype=float))


@pytest.fixture(scope="session")
def benchmark(real_data):
    """A part of the benchmark by name; it needs the real files."""
    assert (real_data / "qpcr" / "sets").is_dir()

    def part(name):
        if str(BENCHMARKS) not in sys.path:
            sys.path.insert(0, str(BENCHMARKS))
        return importlib.import_module(name)

    return part
