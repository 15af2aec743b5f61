"""Ten thousand damaged FCS files: each is read or refused; the slowest file and the peak memory.

The originals are made here: floats, integers and doubles with a spillover matrix, two data sets, and the real files of
``REMNANT_REAL_DATA`` below 100 kB where they are.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.acquire import RefusedFileError
from remnant.acquire.fcs import read_fcs
from remnant.assay.flow.counting import axis_values
from remnant.example.marrow import made_marrow
from remnant.records.gate import Axis

FILES = 10_000
PIECES = (
    b"9",
    b"/",
    b"-",
    b",",
    b"\0",
    b"\\",
    b"1e300",
    b"$PAR/9999999/",
    b"$TOT/99999999999/",
    b"$NEXTDATA/1/",
)


def originals() -> list[bytes]:
    """Made files and small real ones."""
    held = [made_marrow(40, seed=seed).fcs() for seed in range(3)]
    home = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("REMNANT_REAL_DATA", home)) / "flow"
    return held + [
        path.read_bytes() for path in sorted(folder.rglob("*.fcs")) if path.stat().st_size < 100_000
    ]


def damaged(chance: random.Random, data: bytes) -> bytes:
    """Bits flipped, bytes cut, put in, overwritten; mostly in header and text."""
    made = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        reach = len(made) if chance.random() < 0.2 else min(len(made), 4_000)
        place, how = chance.randrange(reach + 1), chance.randrange(5)
        end = place + chance.randrange(1, 100)
        if how == 0 and place < len(made):
            made[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del made[place:end]
        elif how == 2:
            made[place:place] = chance.choice(PIECES)
        elif how == 3:
            made[place:end] = bytes(chance.choice(b"0123456789") for _ in made[place:end])
        else:
            del made[max(place, 58) :]
    return bytes(made)


def main() -> None:
    """Read every file and scale its channels; anything but a refusal escapes."""
    chance, held = random.Random(6), originals()  # noqa: S311 - chosen, not secret
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slowest, read = 0.0, 0
    for number in range(FILES):
        data = damaged(chance, held[number % len(held)])
        start = time.perf_counter()
        try:
            for events in read_fcs("x.fcs", data):
                with np.errstate(all="ignore"):
                    axis_values(events, [Axis(channel=channel.name) for channel in events.tube.channels])
            read += 1
        except RefusedFileError:
            pass
        slowest = max(slowest, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    finish(
        "Damaged FCS files",
        [
            Figure("files without a crash", FILES, "10000", holds=True),
            Figure("of these read, the rest refused", read),
            Figure("slowest file, s", slowest, "< 5", slowest < 5),
            Figure("peak memory, MB", peak, "< 512", peak < 512),
            Figure("peak memory before, MB", before),
        ],
    )


if __name__ == "__main__":
    main()
