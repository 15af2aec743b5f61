"""Speed and memory of reading 9,818 curves, beside a scipy loop that fits the sigmoid alone. One process."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

sys.path.insert(0, str(Path(__file__).parent))

import warnings

from numpy.typing import NDArray

from _form import Figure
from _qpcr_sets import curve_set
from remnant.assay.qpcr.amplification import read_curves, read_plates

__all__ = ["figures"]

SETS: Final = ("vermeulen2", "htPCR")
LOOP_CURVES: Final = 300
REPEATS: Final = 3

Floats = NDArray[np.float64]


def _l5(x: Floats, *shape: float) -> Floats:
    b, c, d, e, f = shape
    return np.asarray(c + (d - c) / (1.0 + np.exp(b * (np.log(x) - np.log(e)))) ** f)


def _loop(cycles: Floats, curves: Floats) -> float:
    """CPU seconds a curve of a scipy loop over the sigmoid alone."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        for row in curves:
            low, high = float(row.min()), float(row.max())
            middle = float(cycles[int(np.argmax(row > 0.5 * (low + high)))])
            try:
                curve_fit(_l5, cycles, row, p0=(-10.0, low, high, middle, 1.0), maxfev=2000)
            except RuntimeError:  # it did not converge: the time counts all the same
                continue
    return (time.process_time() - start) / len(curves)


def measured() -> dict[str, Any]:
    """Seconds and megabytes, in this process."""
    plates = [curve_set(name).curves for name in SETS]
    read_curves(curve_set("batsch1").curves)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = [], []
    for _ in range(REPEATS):
        start, start_cpu = time.perf_counter(), time.process_time()
        got = read_plates(plates, workers=2)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rng = np.random.default_rng(0)
    loops = []
    for plate in plates:
        whole = plate.fluorescence[np.isfinite(plate.fluorescence).all(axis=1)]
        chosen = rng.choice(len(whole), min(LOOP_CURVES, len(whole)), replace=False)
        loops.append(_loop(plate.cycles, whole[chosen]) * len(plate.fluorescence))
    return {
        "curves": len(got),
        "wall": min(wall),
        "cpu": min(cpu),
        "memory": after - before,
        "loop": sum(loops),
    }


def figures() -> list[Figure]:
    """Figures of this part, measured in a process of its own."""
    answer = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    got = json.loads(answer.stdout)
    ratio = got["loop"] / got["cpu"]
    return [
        Figure(
            f"all results of {got['curves']:,} curves, two threads, s",
            got["wall"],
            "< 1.0",
            got["wall"] < 1.0,
        ),
        Figure("the same, CPU s", got["cpu"]),
        Figure("memory above import and data, MB", got["memory"], "< 300", got["memory"] < 300.0),
        Figure("scipy curve_fit loop of the sigmoid alone, CPU s", got["loop"]),
        Figure("times faster than that loop, by CPU", ratio, ">= 10", ratio >= 10.0),
    ]


if __name__ == "__main__":
    print(json.dumps(measured()))
