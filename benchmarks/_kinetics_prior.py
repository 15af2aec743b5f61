"""Simulation-based calibration of growth: the truth drawn from the method's own prior and noise.

If slope, level and noise come from what the method assumes, the true slope must lie below each quantile of its
posterior as often as the quantile says, whichever patients the data themselves select (Talts 2018). The level of a
leukaemia-specific marker has a flat prior: it is drawn flat over a range beyond which a course would be refused or
discarded by its own values. A course with a value above `HIGHEST` is discarded.
"""

from __future__ import annotations

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure
from _kinetics_patients import DONORS, MONTH, REGENERATED, TERMS, dossier, measurement
from remnant.course.kinetics import fit_kinetics
from remnant.knowledge.background import background_rules
from remnant.knowledge.kinetics import kinetics_rules
from remnant.records.dossier import Dossier

__all__ = ["ranks"]

SEED = 20261122
BLOCK = 100
EXPOSURE = 2e4
HIGHEST = {False: 1.0, True: 7.0}
"""log10 of the largest value kept, without and with a background."""
BEYOND = 2.0
"""Decades of the truth beyond what is kept or quantified: more than any error."""
EDGES = (0.025, 0.05, 0.125, 0.25, 0.5, 0.75, 0.875, 0.95, 0.975)
LEAST_P = 0.01


def drawn(code: str, rng: np.random.Generator, *, background: bool) -> tuple[Dossier, float] | None:
    """A patient and the true slope, log10 a month; None where the values discard the course."""
    rules = kinetics_rules()
    n = int(rng.integers(4, 9))
    days = np.cumsum(rng.integers(21, 43, n)) + (REGENERATED if background else 0)
    slope = float(rules.slope_scale_log10_per_day * rng.standard_t(rules.slope_degrees_of_freedom))
    way = slope * (days - days[-1])
    if background:
        median, sd = DONORS["WT1"]
        between = math.sqrt(sd**2 - background_rules().within_patient_log10["WT1"] ** 2)
        base = rng.normal(math.log10(median), between)
        level = rng.normal(math.log10(median), rules.level_sd_log10)
        line = np.logaddexp(math.log(10) * base, math.log(10) * (level + way)) / math.log(10)
    else:
        # The second highest sample must be quantifiable, the highest not be discarded: flat in between.
        lowest = -math.log10(EXPOSURE) - BEYOND - float(np.sort(way)[-2])
        highest = HIGHEST[False] + BEYOND - float(way.max())
        if rng.uniform(0.0, HIGHEST[False] + math.log10(EXPOSURE) + 2 * BEYOND) > highest - lowest:
            return None  # slopes with a short range come up as much less often
        line = rng.uniform(lowest, highest) + way
    runs = np.repeat(rng.normal(0.0, TERMS["run"], n), 2)[:n]
    values = line + runs + rng.normal(0.0, math.hypot(TERMS["rt"], TERMS["biology"]), n)
    if values.max() > HIGHEST[background] + 2 * BEYOND:
        return None
    made = [
        measurement(
            code, i, int(days[i]), float(values[i]), exposure=EXPOSURE, rng=rng, background=background
        )
        for i in range(n)
    ]
    if max(m.estimate or 0.0 for m in made) > 10.0 ** HIGHEST[background]:
        return None
    if not background and sum(m.state == "quantified" for m in made) < rules.quantified_samples:
        return None
    return dossier(code, made, background=background), slope * MONTH


def one_patient(number: int, *, background: bool) -> tuple[Dossier, float]:
    """The first draw that its own values do not discard."""
    rng = np.random.default_rng([SEED, int(background), number])
    while True:
        made = drawn(f"B{number}", rng, background=background)
        if made is not None:
            return made


def block(first: int, *, size: int, background: bool) -> list[tuple[float, ...]]:
    """Truth of each patient fitted, and the quantiles of its posterior."""
    made = [one_patient(i, background=background) for i in range(first, first + size)]
    half = EDGES[: len(EDGES) // 2]
    fits = [
        fit_kinetics([d for d, _ in made], rules=replace(kinetics_rules(), level=1.0 - 2.0 * edge))
        for edge in half
    ]
    return [
        (
            truth,
            *(k.change_lower or 0.0 for k in levels),
            levels[0].change_log10_per_month or 0.0,
            *(k.change_upper or 0.0 for k in reversed(levels)),
        )
        for (_, truth), levels in zip(made, zip(*fits, strict=True), strict=True)
        if not levels[0].refused
    ]


def ranks(patients: int, processes: int) -> list[Figure]:
    """Where the truth lies in the posterior, with and without a background."""
    result = []
    for background in (False, True):
        total = patients * (2 if background else 1)  # about half of them are refused
        job = partial(block, size=BLOCK, background=background)
        with ProcessPoolExecutor(max_workers=processes) as pool:
            rows = np.array([row for part in pool.map(job, range(0, total, BLOCK)) for row in part])
        place = (rows[:, :1] > rows[:, 1:]).sum(axis=1)
        seen = np.bincount(place, minlength=len(EDGES) + 1)
        expected = np.diff([0.0, *EDGES, 1.0]) * len(rows)
        p = float(stats.chisquare(seen, expected).pvalue)
        where = f"from the prior, {'on a background' if background else 'leukaemia-specific'}"
        inside = float(100.0 * ((place > 0) & (place < len(EDGES))).mean())
        middle = float(100.0 * ((place > EDGES.index(0.25)) & (place <= EDGES.index(0.75))).mean())
        result += [
            Figure(f"{where}: patients fitted", float(len(rows))),
            Figure(f"{where}: 95 % interval covers, %", inside, "93-97", 93.0 <= inside <= 97.0),
            Figure(f"{where}: 50 % interval covers, %", middle),
            Figure(f"{where}: truth below 2.5 %, %", float(100.0 * (place == 0).mean())),
            Figure(f"{where}: truth above 97.5 %, %", float(100.0 * (place == len(EDGES)).mean())),
            Figure(f"{where}: ranks uniform, chi-squared P", p, f">= {LEAST_P:g}", p >= LEAST_P),
        ]
    return result
