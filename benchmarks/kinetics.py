"""Doubling times in simulation: coverage with many undetected samples, false growth, and the simple rivals.

The truth holds what the method does not assume: within-patient noise with heavy tails (Student, 5 degrees of
freedom, scaled), a run error, shared by two samples each, whose spread differs from the assumed one by about 20 %
from laboratory to laboratory (log-normal), control copies that vary, and steps of reverse transcription that are not
normal. Rows named "sensitivity" let every laboratory's run error be 1.5 times the assumed one; they are shown and not
judged. Seeded; the figures do not depend on the number of processes. ``--patients N`` sets the number of patients a
scenario.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.course.kinetics import fit_kinetics
from remnant.evidence.kinds import CountsEvidence, ErrorTerm, ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.judgement import Kinetics
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient

SEED = 20261121
BLOCK = 100
DAY_ZERO = dt.date(2020, 1, 1)
MONTH = 30.4375
TERMS = {"run": 0.07, "rt": 0.12, "biology": 0.20}
DONORS = {"WT1": (20.0, 0.35)}
REGENERATED = 110
LABORATORIES = 0.2
"""Spread of the true run error between laboratories, natural log."""
FEW = (2, 3, 4)
"""Numbers of quantified samples shown apart, the last one or more."""
DECADES = 5.0
"""Highest level of a relapse above the limit of detection, log10."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated."""

    name: str
    samples: int
    censored: float
    background: bool
    growing: bool
    share: float = 1.0  # of the patients asked
    run_excess: float = (
        1.0  # true spread of the run error over the assumed one, in the middle of laboratories
    )


SCENARIOS = (
    Scenario("30 % undetected", 10, 0.30, background=False, growing=True),
    Scenario("60 % undetected", 10, 0.60, background=False, growing=True),
    Scenario(
        "sensitivity, run SD 1.5 x assumed, 30 % undetected",
        10,
        0.30,
        background=False,
        growing=True,
        share=0.5,
        run_excess=1.5,
    ),
    Scenario(
        "sensitivity, run SD 1.5 x assumed, 60 % undetected",
        10,
        0.60,
        background=False,
        growing=True,
        share=0.5,
        run_excess=1.5,
    ),
    Scenario("growth on a background", 8, 0.0, background=True, growing=True, share=0.5),
    Scenario("flat background", 6, 0.0, background=True, growing=False),
    Scenario("flat low level", 8, 0.30, background=False, growing=False),
)


def student(rng: np.random.Generator, sd: float, n: int) -> np.ndarray:
    """Heavy-tailed noise with this standard deviation."""
    return sd * rng.standard_t(5, n) / math.sqrt(5.0 / 3.0)


def skewed(rng: np.random.Generator, sd: float, n: int) -> np.ndarray:
    """Skewed noise with mean 0 and this standard deviation."""
    return sd * (rng.gamma(8.0, 1.0, n) - 8.0) / math.sqrt(8.0)


def patient(code: str, scenario: Scenario, rng: np.random.Generator) -> tuple[Dossier, float]:
    """One patient and the true slope, log10 a month."""
    n = scenario.samples
    days = np.cumsum(rng.integers(21, 43, n)) + (REGENERATED if scenario.background else 0)
    doubling = float(np.exp(rng.normal(math.log(18.0), 0.5)))
    slope = math.log10(2.0) / doubling if scenario.growing else 0.0
    exposure = np.exp(rng.normal(math.log(2e4), 0.4, n))
    limit = -math.log10(2e4)
    if scenario.background:
        base = rng.normal(
            math.log10(DONORS["WT1"][0]), math.sqrt(DONORS["WT1"][1] ** 2 - TERMS["biology"] ** 2)
        )
        last = base + rng.uniform(0.7, 1.8)
        line = np.logaddexp(
            math.log(10) * base,
            math.log(10) * (last + slope * (days - days[-1])) if scenario.growing else -99.0,
        ) / math.log(10)
    else:
        turn = days[0] + scenario.censored * (days[-1] - days[0])
        turn = max(turn, days[-1] - DECADES / slope) if scenario.growing else turn
        line = limit + slope * (days - turn) if scenario.growing else np.full(n, limit + 0.1)
    run_sd = TERMS["run"] * scenario.run_excess * math.exp(rng.normal(0.0, LABORATORIES))
    runs = np.repeat(rng.normal(0.0, run_sd, n), 2)[:n]
    noise = runs + skewed(rng, TERMS["rt"], n) + student(rng, TERMS["biology"], n)
    level = line + noise
    made = [
        measurement(
            code,
            i,
            int(days[i]),
            float(level[i]),
            exposure=float(exposure[i]),
            rng=rng,
            background=scenario.background,
        )
        for i in range(n)
    ]
    graft = (Event(patient_id=code, kind="transplant", on=DAY_ZERO),) if scenario.background else ()
    return (
        Dossier(
            patient=Patient(patient_id=code, diagnosis="AML"),
            events=graft,
            measurements=tuple(made),
            baselines=(donors(),) if scenario.background else (),
        ),
        slope * MONTH,
    )


def donors() -> Baseline:
    """The donors' background."""
    median, sd = DONORS["WT1"]
    return Baseline(
        assay_id="WT1/ABL1", material="BM", source="donors", unit="per_1e4", median=median, sd_log10=sd,
        percentile_97_5=None, samples=(),
    )  # fmt: skip


def measurement(
    code: str, i: int, day: int, level: float, *, exposure: float, rng: np.random.Generator, background: bool
) -> Measurement:
    """A sample: counts of a fusion transcript, or a value of WT1."""
    sample = f"{code}-{i}"
    target = "WT1" if background else "NPM1"
    errors = (
        ErrorTerm(name=f"run:{code}:{i // 2}", sd_log10=TERMS["run"]),
        ErrorTerm(name=f"rt:{sample}", sd_log10=TERMS["rt"]),
        ErrorTerm(name=f"biology:{code}:{target}:{sample}", sd_log10=TERMS["biology"]),
    )
    if background:
        value: float | None = 10.0 ** (level + rng.normal(0.0, 0.06))
        evidence: CountsEvidence | ReportedEvidence = ReportedEvidence(
            value=value,
            sd_log10=0.06,
            upper_limit=None,
            lower_limit=None,
            log10_low=-4,
            log10_high=8,
            errors=errors,
        )
        state, upper = "quantified", None
    else:
        k = int(rng.poisson(exposure * 10.0**level))
        evidence = CountsEvidence(
            k=k, exposure=exposure, background=0.0, dispersion=0.0, log10_low=-8, log10_high=3, errors=errors
        )
        value = k / exposure if k else None
        state = "quantified" if k >= 3 else "detected" if k else "not detected"
        upper = 3.0 / exposure
    return Measurement(
        measurement_id=sample, patient_id=code, sample_id=sample, cdna_id=sample, run_id=f"{code}:{i // 2}",
        assay_id=f"{target}/ABL1", target=target, control="ABL1", material="BM",
        drawn_on=DAY_ZERO + dt.timedelta(days=day), unit="per_1e4" if background else "ratio",
        evidence=evidence, state=state, reason="", estimate=value, lower=None, upper=None,  # type: ignore[arg-type]
        comparison_lower=None, comparison_upper=None, upper_limit=upper, point_value=value, target_copies=None,
        control_copies=exposure, positive_wells=0, wells=3, control_wells=2,
    )  # fmt: skip


def without_terms(dossier: Dossier) -> Dossier:
    """The same with errors above the tube set to next to nothing."""

    def bare(m: Measurement) -> Measurement:
        terms = tuple(replace(e, sd_log10=0.02) for e in m.evidence.errors)
        return replace(m, evidence=replace(m.evidence, errors=terms))

    return replace(dossier, measurements=tuple(bare(m) for m in dossier.measurements))


def plug_in(dossier: Dossier, share: float) -> tuple[float, float]:
    """95 % interval of the least-squares slope, undetected samples set to a share of the limit."""
    days = np.array([(m.drawn_on - DAY_ZERO).days for m in dossier.measurements], dtype=float)
    y = np.log10([m.estimate or share * (m.upper_limit or 1.0) for m in dossier.measurements])
    fit = stats.linregress(days, y)
    half = float(stats.t.ppf(0.975, len(days) - 2)) * fit.stderr
    return (fit.slope - half) * MONTH, (fit.slope + half) * MONTH


Counts = dict[str, tuple[int, int]]


def judged(name: str, fits: Sequence[Kinetics], truths: Sequence[float]) -> Counts:
    """Intervals that hold the truth, of those fitted; rises claimed, of all; fitted, of all."""
    fitted = [(k, t) for k, t in zip(fits, truths, strict=True) if not k.refused]
    held = [(k.change_lower or 0.0) <= t <= (k.change_upper or 0.0) for k, t in fitted]
    inside = sum(held)
    few = [(min(k.quantified, FEW[-1]), one) for (k, _), one in zip(fitted, held, strict=True)]
    return {
        **{
            f"{name}: cover {number}": (
                sum(one for n, one in few if n == number),
                sum(n == number for n, _ in few),
            )
            for number in FEW
        },
        f"{name}: cover": (inside, len(fitted)),
        f"{name}: rise": (sum(k.trend == "rising" for k in fits), len(fits)),
        f"{name}: fitted": (len(fitted), len(fits)),
    }


def block(task: tuple[int, int, int]) -> Counts:
    """One block of patients of one scenario: every method on the same data."""
    number, first, size = task
    scenario = SCENARIOS[number]
    made = [
        patient(f"S{number}P{i}", scenario, np.random.default_rng([SEED, number, i]))
        for i in range(first, first + size)
    ]
    dossiers, truths = [d for d, _ in made], [t for _, t in made]
    fits = fit_kinetics(dossiers)
    silent = [m.state == "not detected" for d in dossiers for m in d.measurements]
    result = {**judged("remnant", fits, truths), "censored": (sum(silent), len(silent))}
    result |= judged("without error terms", fit_kinetics([without_terms(d) for d in dossiers]), truths)
    for name, share in (("LOD plugged in", 1.0), ("LOD/2 plugged in", 0.5)):
        found = [
            (plug_in(d, share), t) for d, t, k in zip(dossiers, truths, fits, strict=True) if not k.refused
        ]
        every = found if scenario.growing else [(plug_in(d, share), t) for d, t in made]
        result[f"{name}: cover"] = (sum(low <= t <= high for (low, high), t in found), len(found))
        result[f"{name}: rise"] = (sum(low > 0 for (low, _), _ in every), len(every))
    return result


def simulated(patients: int, processes: int) -> list[Counts]:
    """Counts of every scenario, over some processes."""
    tasks = [
        (number, first, min(BLOCK, total - first))
        for number, scenario in enumerate(SCENARIOS)
        for total in (int(patients * scenario.share),)
        for first in range(0, total, BLOCK)
    ]
    totals: list[Counts] = [{} for _ in SCENARIOS]
    with ProcessPoolExecutor(max_workers=processes) as pool:
        for task, counts in zip(tasks, pool.map(block, tasks), strict=True):
            total = totals[task[0]]
            for key, (hits, n) in counts.items():
                before = total.get(key, (0, 0))
                total[key] = (before[0] + hits, before[1] + n)
    return totals


def shown(total: Counts, key: str) -> float:
    """Share in percent."""
    hits, n = total[key]
    return 100.0 * hits / n if n else math.nan


def standard_error(total: Counts, key: str) -> float:
    """Monte Carlo standard error of that share, percentage points."""
    hits, n = total[key]
    p = hits / n if n else math.nan
    return 100.0 * math.sqrt(p * (1.0 - p) / n) if n else math.nan


def speed(series: int, *, background: bool, own_runs: bool) -> float:
    """CPU milliseconds of kinetics a series of 20 samples."""
    base = next(s for s in SCENARIOS if s.growing and s.background == background)
    scenario = replace(base, samples=20)
    many = [patient(f"T{i}", scenario, np.random.default_rng([SEED, 99, i]))[0] for i in range(series)]
    many = [with_own_runs(d) for d in many] if own_runs else many
    fit_kinetics(many[:2])
    start = time.process_time()
    fit_kinetics(many)
    return 1000.0 * (time.process_time() - start) / series


def with_own_runs(dossier: Dossier) -> Dossier:
    """The same with a run of its own for every sample."""

    def apart(m: Measurement) -> Measurement:
        terms = tuple(
            replace(e, name=f"run:{m.sample_id}") if e.name.startswith("run:") else e
            for e in m.evidence.errors
        )
        return replace(m, evidence=replace(m.evidence, errors=terms))

    return replace(dossier, measurements=tuple(apart(m) for m in dossier.measurements))


def speeds() -> list[Figure]:
    """What a series costs."""
    cases = (
        ("each sample in a run of its own", False, True, 4.0),
        ("runs shared by two samples each", False, False, 10.0),
        ("on a background, runs shared", True, False, 25.0),
    )
    result = []
    for words, background, own_runs, bar in cases:
        taken = speed(1000, background=background, own_runs=own_runs)
        result.append(Figure(f"a series of 20 samples, {words}, CPU ms", taken, f"<= {bar:g}", taken <= bar))
    return result


def rival_row(where: str, rival: str, total: Counts, kind: str) -> Figure:
    """A rival's figure, and in words whether it fails here; not judged."""
    value, error = shown(total, f"{rival}: {kind}"), standard_error(total, f"{rival}: {kind}")
    fails = value < 93 - 2 * error or value > 97 + 2 * error if kind == "cover" else value > 3 + 2 * error
    what = "covers" if kind == "cover" else "false growth"
    return Figure(f"{where}: {rival} {what}, %", value, "fails here" if fails else "does not fail here")


def figures(patients: int, processes: int) -> list[Figure]:
    """All figures of the benchmark."""
    result = []
    for scenario, total in zip(SCENARIOS, simulated(patients, processes), strict=True):
        where = scenario.name
        if not scenario.background:
            result.append(Figure(f"{where}: samples without signal, %", shown(total, "censored")))
        result.append(Figure(f"{where}: patients fitted, %", shown(total, "remnant: fitted")))
        if scenario.growing:
            cover = shown(total, "remnant: cover")
            judged_here = not scenario.background and scenario.run_excess == 1.0
            bar = "93-97" if judged_here else ""
            result.append(
                Figure(
                    f"{where}: 95 % interval of the slope covers, %",
                    cover,
                    bar,
                    93 <= cover <= 97 if bar else None,
                )
            )
            result.append(
                Figure(f"{where}: its Monte Carlo standard error", standard_error(total, "remnant: cover"))
            )
            if judged_here:
                result += [
                    Figure(
                        f"{where}: covers, of those with {n}{'+' if n == FEW[-1] else ''} quantified samples, %",
                        shown(total, f"remnant: cover {n}"),
                    )
                    for n in FEW
                ]
            rivals = ("without error terms", "LOD plugged in", "LOD/2 plugged in")
            result += [rival_row(where, r, total, "cover") for r in rivals]
        else:
            rise = shown(total, "remnant: rise")
            error = standard_error(total, "remnant: rise")
            bar = f"<= 3 (+ 2 MC SE {2 * error:.2f})"
            result.append(Figure(f"{where}: false growth, % of patients", rise, bar, rise <= 3 + 2 * error))
            rivals = (
                "without error terms",
                "LOD plugged in",
                *(() if scenario.background else ("LOD/2 plugged in",)),
            )
            result += [rival_row(where, r, total, "rise") for r in rivals]
    return result


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--without-speed", action="store_true")
    asked = parser.parse_args()
    found = figures(asked.patients, asked.processes)
    if not asked.without_speed:
        found += speeds()
    finish("Kinetics", found)


if __name__ == "__main__":
    main()
