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
from remnant.evidence.kinds import COMPARISON, KNOTS
from remnant.evidence.verbs import change, interval, upper_limit
from remnant.numerics.wells import WellGroups, at_zero, log_likelihood, support

MEASUREMENTS = 200_000
TECHNICAL_SD_LOG10 = 0.025


def errors(n: int) -> SharedErrors:
    """Five named errors a measurement, runs shared by a hundred."""
    owner = np.arange(n)
    kinds = [("curve", owner // 100, 0.03), ("run", owner // 100, 0.07), ("rt", owner, 0.12)]
    kinds += [("control", owner, 0.02), ("biology", owner, 0.20)]
    names = tuple(f"{kind}:{i}" for kind, _, _ in kinds for i in range(n))
    name = np.stack([place + n * j for j, (_, place, _) in enumerate(kinds)], axis=1)
    return SharedErrors.of_arrays(names, name, np.tile([sd for _, _, sd in kinds], (n, 1)))


def measured_wells(n: int) -> WellGroups:
    """Three wells a measurement over five decades of copies; silent wells where no molecule fell in."""
    rng = np.random.default_rng(1)
    molecules = rng.poisson(10.0 ** rng.uniform(-1, 4, (n, 1)), (n, 3))
    noise = rng.normal(0.0, TECHNICAL_SD_LOG10, (n, 3))
    reading = np.log10(np.maximum(molecules, 1)) + noise
    return WellGroups(
        log10_copies=np.where(molecules > 0, reading, np.nan),
        exposure=np.ones((n, 3)),
        technical_sd_log10=np.full(n, TECHNICAL_SD_LOG10),
        detection_probability=np.ones(n),
        blank_molecules=np.zeros(n),
        log10_last_cycle=np.full(n, -np.inf),
    )


def profiles(groups: WellGroups) -> EvidenceBatch:
    """Evidence of wells: their likelihood on 64 knots each, with the named errors."""
    low, high = support(groups)
    knots = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, KNOTS)
    value = log_likelihood(groups, knots)
    n = len(groups)
    return EvidenceBatch.of_profiles(value, at_zero(groups), log10_low=low, log10_high=high, errors=errors(n))


def main() -> None:
    """Time each verb once on the whole batch."""
    groups = measured_wells(MEASUREMENTS)
    start = time.perf_counter()
    batch = profiles(groups)
    total = time.perf_counter() - start
    before = batch.take(np.arange(MEASUREMENTS)[::-1])
    figures = [Figure("evidence from three wells each, s", total)]
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
    figures.append(Figure("evidence, intervals, bounds and changes in all, s", total, "< 30", total < 30))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.append(Figure("peak memory, MB", peak))
    finish(f"Evidence: {MEASUREMENTS:,} measurements", figures)


if __name__ == "__main__":
    main()
