"""Digital PCR: a plate of 96 wells of 20,000 droplets read, gated and counted; the albumin dilution series.

`benchmarks/qpcr.py` imports `figures`. The plate is made up, its files are written before the clock starts.
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from _form import Figure
from remnant.acquire import read_path
from remnant.assay.dpcr import quantify_partitions
from remnant.records.acquired import Acquired
from remnant.records.partition import DigitalQuantified, PlateWell

__all__ = ["figures"]

_WELLS: Final = 96
_DROPLETS: Final = 20_000
_ROWS: Final = "ABCDEFGH"
_SECONDS: Final = 1.5
_DECADES: Final = (
    (("EFGH-08",), 2.17),
    (("ABCD-08",), 0.23),
    (("ABCD-09",), 0.036),
    (("EFGH-09",), 0.005),
    (("ABCD-10", "EFGH-10"), 0.0003),
)


def figures() -> list[Figure]:
    """Speed and known answers of digital PCR.

    Returns
    -------
    list of Figure
        The albumin series only where the real data are at hand.
    """
    return [*_plate(), *_albumin()]


def _write_plate(folder: Path) -> tuple[list[PlateWell], list[int]]:
    """Files of a plate, its layout, and the positives that were drawn."""
    rng = np.random.default_rng(96)
    layout, drawn = [], []
    for i in range(_WELLS):
        position = f"{_ROWS[i % 8]}{i // 8 + 1:02d}"
        blank = i >= _WELLS - 8
        share = 0.0 if blank else -np.expm1(-(10.0 ** -(i // 8 % 4)) * 0.8)
        positive = rng.random(_DROPLETS) < share
        value = np.where(positive, rng.normal(6500, 200, _DROPLETS), rng.normal(1500, 90, _DROPLETS))
        text = "\r\n".join(["Assay1 Amplitude,Assay2 Amplitude", *(f"{x:.4f}," for x in value), ""])
        (folder / f"bench_{position}_Amplitude.csv").write_text(text)
        layout.append(
            PlateWell(
                run_id="bench",
                position=position,
                channel="1",
                target="WT1",
                sample="NTC" if blank else f"S-{i // 4}",
                kind="ntc" if blank else "unknown",
            )
        )
        drawn.append(int(positive.sum()))
    return layout, drawn


def _read(paths: list[Path]) -> list[Acquired]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(read_path, paths))


def _quantified(files: list[Acquired], layout: list[PlateWell]) -> DigitalQuantified:
    return quantify_partitions(
        [part for one in files for part in one.partitions],
        amplitudes=[item for one in files for item in one.amplitudes],
        layout=layout,
    )


def _plate() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layout, drawn = _write_plate(folder)
        paths = sorted(folder.glob("*.csv"))
        _quantified(_read(paths[-9:]), layout)  # imports and caches
        walls, processor = [], []
        for _ in range(3):
            wall, used = time.perf_counter(), time.process_time()
            got = _quantified(_read(paths), layout)
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - used)
    found = {well.position: well.positives or 0 for well in got.wells}
    wrong = max(abs(found[place.position] - k) for place, k in zip(layout, drawn, strict=True))
    best = min(walls)
    return [
        Figure("96 x 20,000 droplets read, gated, counted, wall s", best, f"< {_SECONDS} s", best < _SECONDS),
        Figure("the same, processor s", min(processor)),
        Figure("the same, largest miscount of a well, droplets", wrong, "<= 3", wrong <= 3),
    ]


def _group(position: str) -> str:
    return f"{'ABCD' if position[0] in 'ABCD' else 'EFGH'}-{position[1:]}"


def _albumin() -> list[Figure]:
    place = os.environ.get("REMNANT_REAL_DATA") or Path(__file__).parents[2] / "shared" / "data"
    paths = sorted((Path(place) / "dpcr" / "qx100_albumin").glob("*_Amplitude.csv"))
    if not paths:
        return [Figure("albumin dilution series", "not at hand")]
    files = _read(paths)
    layout = [
        PlateWell(
            run_id=part.run_id,
            position=part.position,
            channel="1",
            target="ALB",
            sample="NTC" if part.position.endswith("11") else _group(part.position),
            kind="ntc" if part.position.endswith("11") else "unknown",
        )
        for one in files
        for part in one.partitions
    ]
    wells = _quantified(files, layout).wells
    blanks = [well for well in wells if well.kind == "ntc"]
    positives, droplets = sum(w.positives or 0 for w in blanks), sum(w.accepted for w in blanks)
    outliers = {well.position: well for well in wells if well.decision == "outlier"}
    return [
        Figure(
            "albumin: positives in blanks above median + 8 MAD",
            f"{positives} of {droplets}",
            "4 of 50691",
            (positives, droplets) == (4, 50691),
        ),
        *(
            _decade([w for w in wells if w.sample in groups and w.position != "E09"], rate)
            for groups, rate in _DECADES
        ),
        Figure(
            "albumin: E09 found among its replicates, positives",
            (outliers["E09"].positives or 0) if "E09" in outliers else "not found",
            "617, found",
            "E09" in outliers,
        ),
        Figure("albumin: wells left out", ", ".join(sorted(outliers))),
    ]


def _decade(wells: list, expected: float) -> Figure:  # type: ignore[type-arg]
    share = sum(well.positives for well in wells) / sum(well.accepted for well in wells)
    rate = float(-np.log1p(-share))
    holds = abs(rate / expected - 1.0) < 0.07
    return Figure(f"albumin: copies a droplet, decade of {expected:g}", rate, f"{expected:g}", holds)


if __name__ == "__main__":
    from _form import finish

    finish("Digital PCR", figures())
