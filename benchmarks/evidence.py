"""200,000 measurements: evidence from wells, intervals, bounds and changes."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.kinds import COMPARISON
from remnant.evidence.verbs import change, interval, upper_limit

MEASUREMENTS = 200_000


def errors(n: int) -> SharedErrors:
    """Five named errors a measurement, runs shared by a hundred."""
    owner = np.arange(n)
    kinds = [("curve", owner // 100, 0.03), ("run", owner // 100, 0.07), ("rt", owner, 0.12)]
    kinds += [("control", owner, 0.02), ("biology", owner, 0.20)]
    names = tuple(f"{kind}:{i}" for kind, _, _ in kinds for i in range(n))
    name = np.stack([place + n * j for j, (_, place, _) in enumerate(kinds)], axis=1)
    return SharedErrors.of_arrays(names, name, np.tile([sd for _, _, sd in kinds], (n, 1)))


def poisson_profiles(n: int) -> EvidenceBatch:
    """Profiles of Poisson counts over five decades, a tenth of them zero."""
    rng = np.random.default_rng(1)
    k = rng.poisson(10.0 ** rng.uniform(-1, 4, n)).astype(float)
    width = np.clip(6.0 / np.sqrt(np.maximum(k, 1)), 0.05, 3.0)
    centre = np.log10(np.maximum(k, 0.5))
    low = np.where(k == 0, -4.0, centre - 1.5 * width)
    high = np.where(k == 0, 1.6, centre + np.minimum(width, 1.2))
    x = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 64)
    value = k[:, None] * np.log(10.0) * x - 10.0**x
    at_zero = np.where(k == 0, 0.0, -np.inf)
    return EvidenceBatch.of_profiles(value, at_zero, log10_low=low, log10_high=high, errors=errors(n))


def main() -> None:
    """Time each verb once on the whole batch."""
    batch = poisson_profiles(MEASUREMENTS)
    before = batch.take(np.arange(MEASUREMENTS)[::-1])
    figures, total = [], 0.0
    steps: list[tuple[str, Callable[[], object]]] = [
        ("interval of this measurement, s", lambda: interval(batch)),
        ("interval for comparison, s", lambda: interval(batch, include=COMPARISON)),
        ("one-sided bound, s", lambda: upper_limit(batch)),
        ("change with two probabilities, s", lambda: change(before, batch)),
    ]
    for name, step in steps:
        start = time.perf_counter()
        step()
        taken = time.perf_counter() - start
        total += taken
        figures.append(Figure(name, taken))
    figures.append(Figure("intervals, bounds and changes in all, s", total, "< 30", total < 30))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.append(Figure("peak memory, MB", peak))
    finish(f"Evidence: {MEASUREMENTS:,} measurements", figures)


if __name__ == "__main__":
    main()
