"""Simulated patients for the benchmark of growth: noise that the method does not assume, and the records of its samples."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from remnant.evidence.kinds import CountsEvidence, ErrorTerm, ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient

__all__ = [
    "DAY_ZERO",
    "DONORS",
    "MONTH",
    "REGENERATED",
    "TERMS",
    "Scenario",
    "dossier",
    "measurement",
    "patient",
]

DAY_ZERO = dt.date(2020, 1, 1)
MONTH = 30.4375
TERMS = {"run": 0.07, "rt": 0.12, "biology": 0.20}
DONORS = {"WT1": (20.0, 0.35)}
REGENERATED = 110
LABORATORIES = 0.2
"""Spread of the true run error between laboratories, natural log."""
DECADES = 5.0
"""Highest level of a relapse above the limit of detection, log10."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated; `doubling` is the median of a log-normal, days, negative for a fall."""

    name: str
    samples: int
    censored: float
    background: bool
    growing: bool
    share: float = 1.0  # of the patients asked
    run_excess: float = (
        1.0  # true spread of the run error over the assumed one, in the middle of laboratories
    )
    doubling: float = 18.0
    gap: tuple[int, int] = (21, 43)  # days between samples, the second left out


def student(rng: np.random.Generator, sd: float, n: int) -> np.ndarray:
    """Heavy-tailed noise with this standard deviation."""
    return sd * rng.standard_t(5, n) / math.sqrt(5.0 / 3.0)


def skewed(rng: np.random.Generator, sd: float, n: int) -> np.ndarray:
    """Skewed noise with mean 0 and this standard deviation."""
    return sd * (rng.gamma(8.0, 1.0, n) - 8.0) / math.sqrt(8.0)


def patient(code: str, scenario: Scenario, rng: np.random.Generator) -> tuple[Dossier, float]:
    """One patient and the true slope, log10 a month."""
    n = scenario.samples
    days = np.cumsum(rng.integers(*scenario.gap, n)) + (REGENERATED if scenario.background else 0)
    doubling = math.copysign(
        float(np.exp(rng.normal(math.log(abs(scenario.doubling)), 0.5))), scenario.doubling
    )
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
        share = scenario.censored if slope >= 0 else 1.0 - scenario.censored
        turn = days[0] + share * (days[-1] - days[0])
        if scenario.growing:
            turn = (
                max(turn, days[-1] - DECADES / slope) if slope > 0 else min(turn, days[0] - DECADES / slope)
            )
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
    return dossier(code, made, background=scenario.background), slope * MONTH


def dossier(code: str, made: list[Measurement], *, background: bool) -> Dossier:
    """Patient with these measurements; with a background, transplanted."""
    return Dossier(
        patient=Patient(patient_id=code, diagnosis="AML"),
        events=(Event(patient_id=code, kind="transplant", on=DAY_ZERO),) if background else (),
        measurements=tuple(made),
        baselines=(donors(),) if background else (),
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
