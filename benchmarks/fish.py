"""FISH on sorted fractions: size and power of the verdict, calibration of the origin, time of the joint posterior."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.assay.fish.cutoffs import control_counts, cutoffs
from remnant.forecast.origin import class_probabilities
from remnant.knowledge.compartments import compartment
from remnant.knowledge.origin import OriginClass, origin_classes
from remnant.numerics.compartments import involvement_prior, joint_posterior
from remnant.numerics.contamination import contamination_test
from remnant.numerics.sorted_gates import SortedGates, sorted_gates

QUICK = "--quick" in sys.argv
REPEATS = 200 if QUICK else 2_000
ORIGINS = 500 if QUICK else 6_000
PATIENTS = 400 if QUICK else 10_000
FP, FN = 0.0025, 0.02
FP_RATE, FN_RATE = (FP, 6000.0), (FN, 500.0)
BLASTS = 0.95
GATES = ("HSC", "progenitor", "myeloid", "T", "CD19+", "monocyte")
SCORED = np.array([60, 150, 200, 200, 200, 200])
PURITY = np.array([0.92, 0.93, 0.97, 0.98, 0.985, 0.97])
EVENTS = np.array([100, 1000, 1000, 2000, 2000, 1000])


class Scenario(NamedTuple):
    """One stem-cell gate: purity, nuclei, whether purity was measured in 100 cells, true fraction."""

    purity: float
    nuclei: int
    estimated: bool
    fraction: float


def share_called(scenario: Scenario) -> tuple[float, float, float]:
    """Share of repeats called positive by the verdict, by the test alone, and by the naive cut-off."""
    seed = [int(1e3 * part) for part in scenario]
    rng = np.random.default_rng(seed)
    room, a, n = 1 - FP - FN, scenario.purity, scenario.nuclei
    k = rng.binomial(n, FP + room * (a * scenario.fraction + (1 - a) * BLASTS), REPEATS)
    blasts = rng.binomial(200, FP + room * 0.985 * BLASTS, REPEATS)
    pure = rng.binomial(100, a, REPEATS) if scenario.estimated else np.zeros(REPEATS, dtype=int)
    naive = cutoffs(control_counts([15], [6000]), n)[0].critical_count
    cases, times = np.unique(np.stack([k, blasts, pure]), axis=1, return_counts=True)
    called = np.zeros((2, len(times)), dtype=bool)
    for i, (x, b, r) in enumerate(cases.T):
        known = not scenario.estimated
        own = [a, 1 - a] if known else [r + 0.5, 100.5 - r]
        gates = sorted_gates(
            ("HSC", "CD19+"),
            [x, b],
            [n, 200],
            [own, [0.015, 0.985] if known else [15.5, 985.5]],
            false_positive=FP_RATE,
            false_negative=FN_RATE,
            known=known,
        )
        posterior = joint_posterior(gates, involvement_prior(2), draws=1024)
        called[0, i] = contamination_test(posterior, 0).p_value <= 0.05
        called[1, i] = called[0, i] and posterior.probability_involved[0] > 0.5
    test, verdict = called @ times / REPEATS
    return float(verdict), float(test), float(np.mean(k >= naive))


def size_figures(pool: ProcessPoolExecutor) -> list[Figure]:
    """Size in every scenario, power at 20 % true involvement."""
    grid = [
        (purity, nuclei, estimated)
        for estimated in (False, True)
        for purity in (0.75, 0.80, 0.85, 0.90, 0.95, 0.99)
        for nuclei in (20, 50, 200)
    ]
    null = list(pool.map(share_called, [Scenario(*row, 0.0) for row in grid]))
    real = list(pool.map(share_called, [Scenario(*row, 0.2) for row in grid]))
    bar = 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPEATS)
    figures = []
    for (purity, nuclei, estimated), size, power in zip(grid, null, real, strict=True):
        name = f"purity {100 * purity:.0f} % {'from 100 cells' if estimated else 'known'}, {nuclei} nuclei"
        figures.append(Figure(f"size: {name}", size[0], f"<= {bar:.4f}", size[0] <= bar))
        figures.append(Figure(f"  test alone, naive cut-off: {name}", f"{size[1]:.3f}, {size[2]:.3f}"))
        figures.append(
            Figure(f"  power at f = .2, verdict, test, naive: {name}", " ".join(f"{x:.2f}" for x in power))
        )
    return figures


def composition(rng: np.random.Generator, purity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True make-up of six gates, blasts carried over, and what a re-analysis finds."""
    true = np.diag(purity)
    for i in range(len(GATES)):
        true[i, 4 if i != 4 else 3] += 1 - purity[i]
    found = np.array([rng.multinomial(m, row) for m, row in zip(EVENTS, true, strict=True)])
    return true, found + np.where(true > 0, 0.5, 0.0)


def drawn_gates(
    rng: np.random.Generator, involved: np.ndarray, *, purity_shift: float = 0.0
) -> tuple[SortedGates, np.ndarray]:
    """Counts of one made-up patient; a shift carries over more than the re-analysis saw."""
    spread = rng.beta(40 * PURITY, 40 * (1 - PURITY))
    _, found = composition(rng, spread)
    true, _ = composition(rng, np.clip(spread - purity_shift, 0.5, 1.0))
    fraction = np.where(involved, rng.random(len(GATES)), 0.0)
    fp, fn = (rng.beta(r * m, (1 - r) * m) for r, m in (FP_RATE, FN_RATE))
    k = rng.binomial(SCORED, np.clip(fp + (1 - fp - fn) * (true @ fraction), 0, 1))
    gates = sorted_gates(GATES, k, SCORED, found, false_positive=FP_RATE, false_negative=FN_RATE)
    return gates, fraction


def origins(seed: int, count: int, shift: str) -> list[tuple[float, bool]]:
    """Stated probability of the leading class, and whether it was the true one."""
    rng = np.random.default_rng([seed, len(shift)])
    rows = origin_classes()
    prior = np.array([row.prior for row in rows])
    if shift == "prior":
        prior = np.full(len(rows), 1 / len(rows))
    results = []
    for _ in range(count):
        place = rng.choice(len(rows), p=prior)
        involved = rng.random(len(GATES)) < visible(rows[place], shift)
        gates, _ = drawn_gates(rng, involved, purity_shift=0.02 if shift == "purity" else 0.0)
        posterior = joint_posterior(gates, involvement_prior(len(GATES)))
        stated = class_probabilities(posterior, rows)
        results.append((float(stated.max()), bool(stated.argmax() == place)))
    return results


def visible(row: OriginClass, shift: str) -> np.ndarray:
    """P(visible) of the six gates; halved odds under a shifted prior."""
    p = np.array([row.visible[compartment(name).lineage] for name in GATES])
    return 0.5 * p / (1 - 0.5 * p) if shift == "prior" else p


def origin_figures(pool: ProcessPoolExecutor) -> list[Figure]:
    """Calibration of the stated probability, under the fitted prior and under shifted ones."""
    figures = []
    for shift in ("none", "prior", "purity"):
        total = ORIGINS if shift == "none" else ORIGINS // 3
        parts = pool.map(origins, range(20), [total // 20] * 20, [shift] * 20)
        found = np.array([row for part in parts for row in part])
        for low, high in ((0.45, 0.55), (0.55, 0.65), (0.65, 0.75), (0.75, 0.85), (0.85, 0.95), (0.95, 1.01)):
            chosen = found[(found[:, 0] >= low) & (found[:, 0] < high)]
            if not len(chosen):
                continue
            right = float(chosen[:, 1].mean())
            hits, misses = float(chosen[:, 1].sum()), float((1 - chosen[:, 1]).sum())
            lower, upper = (float(stats.beta.ppf(q, hits + 0.5, misses + 0.5)) for q in (0.025, 0.975))
            bound = shift == "none" and low == 0.75
            figures.append(
                Figure(
                    f"origin, shift {shift}: stated {low:.2f}-{min(high, 1):.2f} (n = {len(chosen)},"
                    f" 95 % {lower:.3f}-{upper:.3f})",
                    right,
                    ".75-.85" if bound else "",
                    0.75 <= right <= 0.85 if bound else None,
                )
            )
    return figures


def timed(seed: int, count: int) -> tuple[float, float]:
    """Processor seconds of the joint posteriors of some patients, and their least effective draws."""
    rng = np.random.default_rng(seed)
    made = [drawn_gates(rng, rng.random(len(GATES)) < 0.5)[0] for _ in range(count)]
    prior = involvement_prior(len(GATES))
    start = time.process_time()
    least = min(joint_posterior(gates, prior).effective_draws for gates in made)
    return time.process_time() - start, least


def time_figures(pool: ProcessPoolExecutor) -> list[Figure]:
    """10,000 patients of six fractions on two cores."""
    start = time.perf_counter()
    parts = list(pool.map(timed, range(20), [PATIENTS // 20] * 20))
    wall = time.perf_counter() - start
    taken = sum(seconds for seconds, _ in parts) / 2
    name = f"joint posteriors of {PATIENTS:,} patients x 6 fractions"
    return [
        Figure(f"{name}, wall seconds on two cores, their simulation included", wall, "< 60", wall < 60),
        Figure(f"{name}, processor seconds on each of two cores", taken),
        Figure("least effective draws of 2,048", min(least for _, least in parts)),
    ]


def main() -> None:
    """Run all three on two processes."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(timed, range(2), [2, 2]))
        figures = time_figures(pool) + origin_figures(pool) + size_figures(pool)
    finish("FISH on sorted fractions", figures)


if __name__ == "__main__":
    main()
