"""Study A in three worlds: coverage of both intervals, no claim where there is nothing, recovery where there is.

``--studies N`` sets the number of seeded studies of the null world (200 by default); coverage and recovery use a
fifth of them. Studies are independent and run in processes; the figures do not depend on their number.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.assay.qpcr.quantify import quantify
from remnant.cohort.association import raised_at_diagnosis_test
from remnant.cohort.incidence import four_group_test
from remnant.cohort.table import patients
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, MEASUREMENT, TUBE
from remnant.evidence.verbs import interval, is_detected, upper_limit
from remnant.example.cohort import World
from remnant.example.study_a import StudyA, simulate_study_a
from remnant.pipeline.stages import Facts, compute

WORLDS: tuple[World, ...] = ("published", "null", "adverse")
LEVELS = ((0.0, 1.0), (1.0, 3.0), (3.0, 10.0), (10.0, 30.0), (30.0, 100.0), (100.0, 1000.0), (1000.0, 1e12))
INTERVALS = {
    "measurement": ("sample_truth_per_1e4", MEASUREMENT),
    "comparison": ("patient_truth_per_1e4", COMPARISON),
    "measurement, no run and rt": ("sample_truth_per_1e4", TUBE),
    "comparison, no run and rt": ("patient_truth_per_1e4", TUBE | {"biology"}),
}
PER_1E4 = {"per_1e4": 1.0, "percent": 0.01}


def facts_of(study: StudyA) -> Facts:
    """Facts of a study without the typed-in values, whose samples are not measured here."""
    return Facts(
        patients=study.patients,
        events=study.events,
        therapies=study.therapies,
        samples=study.samples,
        cdnas=study.cdnas,
        runs=study.runs,
        wells=study.wells,
    )


def coverage(task: tuple[World, int]) -> pl.DataFrame:
    """Whether each interval of each evaluable measurement holds the truth, undetected ones included."""
    world, seed = task
    study = simulate_study_a(world=world, seed=seed, curves=False)
    got = quantify(wells=study.wells, runs=study.runs, cdnas=study.cdnas, samples=study.samples)
    evaluable = [m for m in got.measurements if m.state != "not evaluable"]
    batch = EvidenceBatch.of([m.evidence for m in evaluable])
    detected = is_detected(batch)
    keys = pl.DataFrame(
        {
            "cdna_id": [m.cdna_id for m in evaluable],
            "run_id": [m.run_id for m in evaluable],
            "target": [m.target for m in evaluable],
            "scale": [PER_1E4[m.unit] for m in evaluable],
        }
    ).with_row_index()
    frame = keys.join(study.measurement_truth, on=["cdna_id", "run_id", "target"]).sort("index")
    rows = frame["index"].to_numpy()
    columns = {"world": [world] * len(frame), "copies": frame["target_copies_per_well"].to_list()}
    for name, (truth, include) in INTERVALS.items():
        level = (frame[truth] * frame["scale"]).to_numpy()
        found, bound = interval(batch, include=include), upper_limit(batch, include=include)
        two_sided = (found.lower[rows] <= level) & (level <= found.upper[rows])
        columns[name] = [
            bool(two) if seen else bool(one)
            for two, one, seen in zip(two_sided, level <= bound[rows], detected[rows], strict=True)
        ]
    return pl.DataFrame(columns)


def tested(task: tuple[World, int]) -> dict[str, float | None]:
    """P values of one study."""
    world, seed = task
    study = simulate_study_a(world=world, seed=seed, curves=False)
    frame = patients(compute(facts_of(study)))
    return {
        "four groups from day +100": four_group_test(frame, seed=seed),
        "BAALC at diagnosis and relapse": raised_at_diagnosis_test(frame, marker="baalc"),
        "WT1 at diagnosis and relapse": raised_at_diagnosis_test(frame, marker="wt1"),
    }


def recovered(seed: int) -> pl.DataFrame:
    """One row a patient of the published world: what was called beside what is true."""
    study = simulate_study_a(world="published", seed=seed, curves=False)
    called = patients(compute(facts_of(study))).select(
        "patient_id", "outcome", "landmark_group", "lead_time_days"
    )
    truth = study.patient_truth.select(
        "patient_id",
        pl.col("relapse_day").is_not_null().alias("relapses"),
        "warned",
        pl.col("lead_days").cast(pl.Float64),
        pl.col("landmark_group").alias("true_group"),
        (pl.col("relapse_day").fill_null(10_000) > 100).alias("relapse_free_at_landmark"),
    )
    return called.join(truth, on="patient_id")


def share_percent(column: pl.Series) -> float:
    """Percent true."""
    return 100.0 * column.to_list().count(True) / max(len(column), 1)


def coverage_figures(pool: ProcessPoolExecutor, studies: int) -> list[Figure]:
    """Coverage by world, and by true level over all worlds."""
    tasks = [(world, seed) for world in WORLDS for seed in range(studies)]
    frame = pl.concat(list(pool.map(coverage, tasks)))
    figures = []
    for name in INTERVALS:
        asked = "no run" not in name
        for world in WORLDS:
            share = share_percent(frame.filter(pl.col("world") == world)[name])
            holds = 92 <= share <= 98 if asked else None
            figures.append(
                Figure(f"{name}: % covered, {world} world", share, "92-98" if asked else "", holds)
            )
    for low, high in LEVELS:
        part = frame.filter((pl.col("copies") >= low) & (pl.col("copies") < high))
        for name in ("measurement", "comparison"):
            label = f"{name}: % covered at {low:g}-{high:g} copies a well"
            figures.append(Figure(label, share_percent(part[name])))
    return figures


def rejection_figures(results: Iterable[dict[str, float | None]], world: World) -> list[Figure]:
    """Share of studies with P < .05 by test; in the null world at most nominal plus two Monte-Carlo errors."""
    table = list(results)
    figures = []
    for name in table[0]:
        values = [row[name] for row in table if row[name] is not None]
        share = 100 * statistics.fmean(value < 0.05 for value in values if value is not None)
        bar = 100 * (0.05 + 2 * (0.05 * 0.95 / len(values)) ** 0.5)
        null = world == "null"
        label = f"{world} world, {name}: % of {len(values)} studies with P < .05"
        figures.append(Figure(label, share, f"<= {bar:.1f}" if null else "", share <= bar if null else None))
    return figures


def recovery_figures(frame: pl.DataFrame) -> list[Figure]:
    """Lead time and relapse by group, called beside true."""
    relapsed = frame.filter(pl.col("outcome") == "relapse")
    leads = {
        word: statistics.median(relapsed[column].drop_nulls().to_list())
        for word, column in (("true", "lead_days"), ("called", "lead_time_days"))
    }
    figures = [
        Figure("published world, relapse, true %", share_percent(frame["relapses"])),
        Figure("published world, relapse, called %", 100.0 * len(relapsed) / len(frame)),
        Figure("published world, lead time from the first raised sample, true median days", leads["true"]),
        Figure("published world, lead time from a confirmed rise, called median days", leads["called"]),
        Figure("published world, relapses without raised sample, true %", share_percent(~relapsed["warned"])),
        Figure(
            "published world, relapses without confirmed rise, called %",
            share_percent(relapsed["lead_time_days"].is_null()),
        ),
    ]
    at_risk = frame.filter(pl.col("relapse_free_at_landmark"))
    for column, word in (("true_group", "true"), ("landmark_group", "called")):
        for group in ("neither", "BAALC", "WT1", "both"):
            part = at_risk.filter(pl.col(column) == group)
            label = f"published world, relapse after day +100, {word} group {group} (n = {len(part)}), %"
            figures.append(Figure(label, share_percent(part["outcome"] == "relapse")))
    return figures


def main() -> None:
    """Run all three and print the figures."""
    studies = int(sys.argv[sys.argv.index("--studies") + 1]) if "--studies" in sys.argv else 200
    fifth = max(studies // 5, 1)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        figures = coverage_figures(pool, fifth)
        figures += rejection_figures(pool.map(tested, [(WORLDS[1], seed) for seed in range(studies)]), "null")
        figures += rejection_figures(
            pool.map(tested, [(WORLDS[0], seed) for seed in range(fifth)]), "published"
        )
        figures += recovery_figures(pl.concat(list(pool.map(recovered, range(fifth)))))
    finish(f"Study A: {studies} studies of the null world, {fifth} of each other figure", figures)


if __name__ == "__main__":
    main()
