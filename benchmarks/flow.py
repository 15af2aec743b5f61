"""Cytometry: one million events by sixteen channels against FlowKit, and a hundred million streamed.

``REMNANT_FLOWKIT_PYTHON`` names the interpreter of an environment with ``benchmarks/peers/flowkit.txt``; without
it the peer's figures are left out. ``--events`` sets the length of the streamed file, in millions (100).
The events are drawn from made-up populations with the file's own spillover; both programs read the same file and the same gates,
five on logicle and linear axes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.acquire.gating_ml_writing import gating_ml
from remnant.example.fcs import fcs_bytes
from remnant.records.flow import Channel
from remnant.records.gate import Axis, Gating, PolygonGate, RectangleGate, Scale, SpectrumMatrix

HERE = Path(__file__).parent
RUNS = 5
MILLION = 1_000_000
LOGICLE = Scale(kind="logicle", top=262144, decades=4.5, linear_decades=0.5)
NAMES = ("FSC-A", "FSC-H", "SSC-A", *(f"D{number:02d}-A" for number in range(1, 14)))
CHILD = """
import json, resource, sys, time
from remnant.acquire.fcs import read_fcs_path
from remnant.acquire.gating_ml import read_gating_ml
from remnant.assay.flow.counting import axis_values, count
from remnant.records.gate import Axis, Scale

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

path, gates, mode = sys.argv[1:4]
before, anonymous = status("VmHWM"), status("RssAnon")
start = time.perf_counter()
events = read_fcs_path(path)[0]
if mode == "values":
    scale = Scale(kind="logicle", top=262144, decades=4.5, linear_decades=0.5)
    names = events.tube.spillover.detectors
    values = axis_values(events, [Axis(channel=n, compensation="FCS", scale=scale) for n in names])
    counts = {}
else:
    gating = read_gating_ml("gates.xml", open(gates, "rb").read())
    counts = {c.gate: c.events for c in count(events, gating)}
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "megabytes": status("VmHWM") - before,
                  "anonymous": status("RssAnon"), "counts": counts}))
"""


def matrix() -> SpectrumMatrix:
    """Thirteen detectors with the spill of neighbours."""
    size = len(NAMES) - 3
    spill = np.eye(size) + 0.12 * np.eye(size, k=1) + 0.03 * np.eye(size, k=-1) + 0.01 * np.eye(size, k=4)
    rows = tuple(tuple(float(value) for value in row) for row in spill)
    return SpectrumMatrix(name="FCS", fluorochromes=NAMES[3:], detectors=NAMES[3:], spectrum=rows)


def events(count: int, seed: int) -> np.ndarray:
    """Eight populations, each positive for its own channels."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 8, count)
    positive = np.random.default_rng(7).random((8, 13)) < 0.35
    level = np.where(positive[which], 9_000.0, 60.0).astype(np.float32)
    stained = level * np.exp(0.45 * rng.standard_normal((count, 13), dtype=np.float32))
    stained += 90.0 * rng.standard_normal((count, 13), dtype=np.float32)
    area = 60_000 + 12_000 * rng.standard_normal(count, dtype=np.float32) + 2_000 * which
    height = area * (0.86 + 0.02 * rng.standard_normal(count, dtype=np.float32))
    side = np.exp(9.4 + 0.5 * rng.standard_normal(count, dtype=np.float32))
    observed = stained @ np.array(matrix().spectrum, dtype=np.float32)
    return np.column_stack([area, height, side, observed]).astype("<f4")


def tree() -> Gating:
    """Singlets, cells, and three gates on logicle axes."""

    def colour(name: str) -> Axis:
        return Axis(channel=name, compensation="FCS", scale=LOGICLE)

    singlets = PolygonGate(
        name="singlets",
        axes=(Axis(channel="FSC-A"), Axis(channel="FSC-H")),
        x=(20_000.0, 120_000.0, 120_000.0, 20_000.0),
        y=(16_000.0, 96_000.0, 110_000.0, 19_000.0),
    )
    cells = PolygonGate(
        name="cells",
        parent="singlets",
        axes=(Axis(channel="FSC-A"), Axis(channel="SSC-A")),
        x=(30_000.0, 110_000.0, 115_000.0, 70_000.0, 30_000.0),
        y=(2_000.0, 2_000.0, 30_000.0, 60_000.0, 25_000.0),
    )
    axes = (colour("D01-A"), colour("D02-A"))
    first = RectangleGate(name="first", parent="cells", axes=axes, minimum=(0.45, None), maximum=(None, 0.5))
    second = PolygonGate(
        name="second",
        parent="first",
        axes=(colour("D03-A"), colour("D04-A")),
        x=(0.1, 0.5, 0.62, 0.4, 0.1),
        y=(0.1, 0.12, 0.7, 0.95, 0.8),
    )
    axes = (colour("D05-A"), colour("D06-A"))
    third = RectangleGate(name="third", parent="second", axes=axes, minimum=(None, 0.2), maximum=(0.6, 0.9))
    return Gating(gates=(singlets, cells, first, second, third))


def written(folder: Path, millions: int) -> tuple[Path, Path]:
    """The file and its gates; each million is drawn with its own seed."""
    path, gates = folder / f"{millions}.fcs", folder / "gates.xml"
    channels = tuple(Channel(name=name, label="", bits=32, top=262144.0) for name in NAMES)
    head = fcs_bytes(np.empty((0, len(NAMES)), "<f4"), channels, spillover=matrix(), total=millions * MILLION)
    with path.open("wb") as file:
        file.write(head)
        for number in range(millions):
            file.write(events(MILLION, number % 4).tobytes())
    gates.write_bytes(gating_ml(tree()))
    return path, gates


def run(command: list[str]) -> dict[str, object]:
    """One JSON object from a program."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def ours(path: Path, gates: Path, mode: str) -> dict[str, object]:
    """One run of remnant in a process of its own."""
    return run([sys.executable, "-c", CHILD, str(path), str(gates), mode])


def middle(runs: list[dict[str, object]], name: str) -> float:
    """Median of one figure."""
    return statistics.median(float(str(one[name])) for one in runs)


def against_flowkit(path: Path, gates: Path) -> list[Figure]:
    """Both programs, alternated."""
    peer = os.environ.get("REMNANT_FLOWKIT_PYTHON")
    script = str(HERE / "peers" / "flowkit_gates.py")
    own, other, own_values, other_values = [], [], [], []
    for _ in range(RUNS):
        own.append(ours(path, gates, "count"))
        own_values.append(ours(path, gates, "values"))
        if peer:
            other.append(run([peer, script, str(path), str(gates)]))
            other_values.append(run([peer, script, str(path), str(gates), "--values"]))
    figures = [
        Figure("remnant: load, compensate, 5 gates, s", middle(own, "seconds")),
        Figure("remnant: peak above import, MB", middle(own, "megabytes")),
        Figure("remnant: 13 logicle channels written out, s", middle(own_values, "seconds")),
    ]
    if not peer:
        return figures
    speed = middle(other, "seconds") / middle(own, "seconds")
    memory = middle(own, "megabytes") / middle(other, "megabytes")
    same = other[0]["counts"] == own[0]["counts"]
    return [
        *figures,
        Figure("FlowKit: load, compensate, 5 gates, s", middle(other, "seconds")),
        Figure("FlowKit: peak above import, MB", middle(other, "megabytes")),
        Figure("FlowKit: 13 logicle channels written out, s", middle(other_values, "seconds")),
        Figure("speed over FlowKit", speed, ">= 6", speed >= 6),
        Figure("memory of FlowKit's", memory, "<= 0.2", memory <= 0.2),
        Figure("counts agree", str(same), "True", same),
    ]


def main() -> None:
    """All figures."""
    arguments = sys.argv[1:]
    millions = int(arguments[arguments.index("--events") + 1]) if "--events" in arguments else 100
    with tempfile.TemporaryDirectory() as folder:
        figures = against_flowkit(*written(Path(folder), 1))
        long = ours(*written(Path(folder), millions), "count")
        anonymous = float(str(long["anonymous"]))
        figures += [
            Figure(f"{millions} M events streamed, s", float(str(long["seconds"]))),
            Figure(f"{millions} M events: anonymous memory, MB", anonymous, "< 500", anonymous < 500),
        ]
    finish("Cytometry: 1 M events x 16 channels", figures)


if __name__ == "__main__":
    main()
