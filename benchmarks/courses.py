"""Courses at scale: calls, states and kinetics of many patients, and one new sample of one patient.

``python benchmarks/courses.py [--patients N] [--json]``. Every patient has 20 NPM1 samples around a made-up course
(remission, some relapses, some undetected). Time is process CPU time; the patients are split over two processes as a
laboratory would split them, and the sum of both is the figure.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from _form import Figure, finish
from remnant.course.build import build_courses
from remnant.course.kinetics import with_kinetics
from remnant.evidence.kinds import ErrorTerm, ReportedEvidence
from remnant.knowledge.cutoffs import active_cutoffs
from remnant.knowledge.rules_files import rule_book
from remnant.pipeline.stages import Facts, MrdContext, dossiers_of, with_calls
from remnant.records.dossier import Dossier
from remnant.records.measurement import Measurement
from remnant.records.patient import Event, Patient
from remnant.records.sample import Sample

SAMPLES = 20
DAY_ZERO = dt.date(2020, 1, 1)


def made_up(first: int, patients: int) -> list[Dossier]:
    """Dossiers of patients `first`, `first + 1` ... with measurements and without calls."""
    rng = np.random.default_rng(first)
    people, events, samples, measured = [], [], [], []
    for number in range(first, first + patients):
        code = f"P{number:05d}"
        people.append(Patient(patient_id=code, diagnosis="AML", synthetic=True))
        events.append(Event(patient_id=code, kind="remission", on=DAY_ZERO))
        slope = rng.choice([-0.02, 0.0, 0.02, 0.04])
        level = rng.uniform(-3.0, -1.0)
        for i in range(SAMPLES):
            day = 30 * (i + 1)
            log10 = level + slope * max(day - 300, 0) + rng.normal(0.0, 0.2)
            sample = Sample(
                sample_id=f"{code}-{i:02d}",
                patient_id=code,
                material="BM",
                drawn_on=DAY_ZERO + dt.timedelta(day),
            )
            samples.append(sample)
            measured.append(measurement(sample, None if log10 < -2.5 else 10.0**log10))
    facts = Facts(patients=tuple(people), events=tuple(events), samples=tuple(samples))
    return list(dossiers_of(facts, measured, ()))


def measurement(sample: Sample, percent: float | None) -> Measurement:
    """NPM1 of one sample in percent of ABL1; None for not detected."""
    evidence = ReportedEvidence(
        value=percent,
        sd_log10=0.15,
        upper_limit=None if percent else 0.01,
        lower_limit=None,
        log10_low=-6.0,
        log10_high=3.0,
        errors=(
            ErrorTerm(name=f"rt:{sample.sample_id}", sd_log10=0.12),
            ErrorTerm(name=f"biology:{sample.patient_id}:NPM1:{sample.sample_id}", sd_log10=0.2),
        ),
    )
    spread, wide = 10 ** (1.96 * 0.19), 10 ** (1.96 * 0.28)
    return Measurement(
        measurement_id=f"NPM1/ABL1|{sample.sample_id}",
        patient_id=sample.patient_id,
        sample_id=sample.sample_id,
        cdna_id=sample.sample_id,
        run_id="reported",
        assay_id="NPM1/ABL1",
        target="NPM1",
        control="ABL1",
        material="BM",
        drawn_on=sample.drawn_on,
        unit="percent",
        evidence=evidence,
        state="quantified" if percent else "not detected",
        reason="",
        estimate=percent,
        lower=percent and percent / spread,
        upper=percent and percent * spread,
        comparison_lower=percent and percent / wide,
        comparison_upper=percent and percent * wide,
        upper_limit=percent * spread if percent else 0.01,
        point_value=percent,
        target_copies=None,
        control_copies=30000.0,
        positive_wells=3 if percent else 0,
        wells=3,
        control_wells=2,
    )


def courses(dossiers: list[Dossier]) -> int:
    """Calls, states and kinetics of all; the number of states."""
    context = MrdContext(book=rule_book())
    called = with_calls(dossiers, (), active_cutoffs(), context=context)
    judged = with_kinetics(called, build_courses(called, book=context.book))
    return sum(len(course.mrd) for course in judged)


def half(task: tuple[int, int]) -> tuple[float, float, int]:
    """CPU seconds of one process, peak memory in MB, and the number of states."""
    dossiers = made_up(*task)
    began = time.process_time()
    states = courses(dossiers)
    used = time.process_time() - began
    return used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, states


def one_sample() -> float:
    """Milliseconds of CPU for one new sample of one patient, warm: median of 50."""
    [dossier] = made_up(1, 1)
    earlier = replace(dossier, measurements=dossier.measurements[:-1])
    courses([earlier])
    times = []
    for _ in range(50):
        began = time.process_time()
        courses([dossier])
        times.append(1000 * (time.process_time() - began))
    return float(np.median(times))


def main() -> None:
    """Run and print."""
    asked = int(sys.argv[sys.argv.index("--patients") + 1]) if "--patients" in sys.argv else 10_000
    split = asked // 2
    with ProcessPoolExecutor(max_workers=2) as pool:
        parts = list(pool.map(half, [(0, split), (split, asked - split)]))
    total, longest = sum(part[0] for part in parts), max(part[0] for part in parts)
    bar = 120.0 * asked / 10_000
    recompute = one_sample()
    finish(
        f"Courses: {asked} patients x {SAMPLES} samples, calls, states and kinetics",
        [
            Figure("states", float(sum(part[2] for part in parts))),
            Figure("CPU seconds, both processes", total, f"< {bar:g}", total < bar),
            Figure("CPU seconds, the slower process", longest, f"< {bar / 2:g}", longest < bar / 2),
            Figure("peak memory a process, MB", max(part[1] for part in parts)),
            Figure("one new sample of one patient, warm, ms", recompute, "< 50", recompute < 50),
        ],
    )


if __name__ == "__main__":
    main()
