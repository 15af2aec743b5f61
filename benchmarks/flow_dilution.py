"""In-silico dilution of the labelled AML marrow, and different from normal.

Events are split in half again and again: rules are fixed on one half and tested on the other. Real events are drawn down
to 10^-3; below, counts are Poisson with the measured hit and false-hit rates of the test half and are called
``thinned``. The labelled file is ``flow/aml_labelled`` of ``REMNANT_REAL_DATA``; one marrow, so nothing here is a clinical claim.
With ``REMNANT_FLOWKIT_PYTHON`` an isolation forest stands beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.assay.flow.aberrance import AberranceRule, aberrance, different_from_normal, laip_rule
from remnant.assay.flow.mrd import mrd_evidence
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval
from remnant.example.marrow import made_marrow
from remnant.knowledge.flow import flow_rules
from remnant.numerics.count_background import CountBackground, detectable_mean, upper_count

SPLITS = 60
DRAWS = 40
EVENTS = {1e-2: 10_000, 1e-3: 10_000, 1e-4: 1_000_000, 1e-5: 4_000_000}
RATES = (0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
FOREST = """
import sys, numpy as np
from sklearn.ensemble import IsolationForest
data = np.load(sys.argv[1])
forest = IsolationForest(n_estimators=100, random_state=1).fit(data["normal"])
np.savez(sys.argv[2], **{name: -forest.score_samples(data[name]) for name in ("held", "blasts", "test")})
"""


@dataclass(frozen=True)
class Tested:
    """A rule fixed on one half: what it calls there, and on the other half."""

    background: CountBackground
    recall: float
    blasts: np.ndarray
    normal: np.ndarray


def loaded() -> tuple[np.ndarray, np.ndarray]:
    """Events and whether each is a blast."""
    home = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("REMNANT_REAL_DATA", home)) / "flow" / "aml_labelled"
    values = np.load(folder / "Vie098 Ind1 CFU.npy").astype(float)
    return values, np.load(folder / "Vie098 Ind1 CFU_y.npy") >= 8


def lod(background: CountBackground, recall: float, events: int) -> float:
    """Share that is detected in 95 %."""
    mean = events * background.rate
    blank = upper_count(mean, background.dispersion, probability=0.95)
    return detectable_mean(mean, background.dispersion, limit=blank, probability=0.95) / (events * recall)


def background_of(called: int, events: int) -> CountBackground:
    """Rate of held-out normal cells, with its own error as dispersion."""
    return CountBackground((called + 0.5) / events, 1.0 / (called + 0.5))


def best_rule(
    values: np.ndarray, blast: np.ndarray, rng: np.random.Generator
) -> tuple[AberranceRule, CountBackground, float]:
    """Rule of the fixing half: fitted on half of it, its limit chosen on a quarter, its rates measured on the rest.

    The limit is the one with the lowest limit of detection among 10,000 cells. Rates measured where it was chosen
    would be too good.
    """
    order = rng.permutation(len(values))
    middle, last = len(order) // 2, 3 * len(order) // 4
    fit, choose, measure = order[:middle], order[middle:last], order[last:]
    rule = laip_rule(
        values[fit][blast[fit]], values[fit][~blast[fit]], components=24, false_positive_rate=0.01, rng=rng
    )
    normal, leukaemic = (aberrance(rule, values[choose][blast[choose] == one]) for one in (False, True))
    found = []
    for rate in RATES:
        limit = float(np.quantile(normal, 1 - rate))
        recall = max(1, int((leukaemic > limit).sum())) / len(leukaemic)
        found.append((lod(background_of(int((normal > limit).sum()), len(normal)), recall, 10_000), limit))
    _, limit = min(found)
    fixed = AberranceRule(rule.normal, rule.blasts, limit)
    hit = aberrance(fixed, values[measure]) > limit
    own = blast[measure]
    return fixed, background_of(int(hit[~own].sum()), int((~own).sum())), float(hit[own].mean())


def tested(values: np.ndarray, blast: np.ndarray, seed: int) -> Tested:
    """One split."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    rule, background, recall = best_rule(values[first], blast[first], rng)
    hit = aberrance(rule, values[second]) > rule.limit
    return Tested(background, recall, hit[blast[second]], hit[~blast[second]])


def counts(one: Tested, share: float, rng: np.random.Generator) -> np.ndarray:
    """Events called in each of the draws."""
    events = EVENTS[share]
    if share >= 1e-3:
        blasts = rng.binomial(events, share, DRAWS)
        return np.array(
            [rng.choice(one.blasts, b).sum() + rng.choice(one.normal, events - b).sum() for b in blasts]
        )
    rate = (one.normal.sum() + 0.5) / len(one.normal)
    return rng.poisson(events * (share * one.blasts.mean() + (1 - share) * rate), DRAWS)


def dilution(splits: list[Tested]) -> list[Figure]:
    """Bias, coverage and detection at each share."""
    figures = []
    rng = np.random.default_rng(5)
    for share, events in EVENTS.items():
        covered, seen, fifty, estimate = [], [], [], []
        for one in splits:
            k = counts(one, share, rng)
            records = [mrd_evidence(int(n), events, background=one.background, recall=one.recall) for n in k]
            bounds = interval(EvidenceBatch.of(records))
            covered.append((bounds.lower <= share) & (share <= bounds.upper))
            blank = upper_count(events * one.background.rate, one.background.dispersion, probability=0.95)
            seen.append(k > blank)
            fifty.append(k >= 50)
            estimate.append((k / events - one.background.rate) / one.recall)
        kind = "real events" if share >= 1e-3 else "thinned"
        coverage = float(np.mean(covered))
        name = f"10^{np.log10(share):.0f} ({kind}, {events:,} cells)"
        figures += [
            Figure(f"{name}: mean estimate / truth", float(np.mean(estimate) / share)),
            Figure(f"{name}: coverage", coverage, "0.93-0.97", 0.93 <= coverage <= 0.97),
            Figure(f"{name}: detected", float(np.mean(seen))),
            Figure(f"{name}: plain 50-event rule positive", float(np.mean(fifty))),
        ]
    empty, plain = [], []
    for one in splits:
        k = np.array([rng.choice(one.normal, 10_000).sum() for _ in range(DRAWS)])
        blank = upper_count(10_000 * one.background.rate, one.background.dispersion, probability=0.95)
        empty.append(k > blank)
        plain.append(k >= 50)
    figures.append(
        Figure("no blasts (real events, 10,000 cells): detected", float(np.mean(empty)), "<= 0.05")
    )
    figures.append(Figure("no blasts: plain 50-event rule positive", float(np.mean(plain))))
    return figures


def forest(values: np.ndarray, blast: np.ndarray) -> list[Figure]:
    """Isolation forest fitted to the normal events of the fixing half, at the same false-positive rate."""
    peer = os.environ.get("REMNANT_FLOWKIT_PYTHON")
    if not peer:
        return []
    rng = np.random.default_rng(0)
    order = rng.permutation(len(values))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    normal = values[first][~blast[first]]
    parts = {
        "normal": normal[::2],
        "held": normal[1::2],
        "blasts": values[second][blast[second]],
        "test": values[second][~blast[second]],
    }
    with tempfile.TemporaryDirectory() as folder:
        given, back = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, **parts)
        subprocess.run([peer, "-c", FOREST, str(given), str(back)], check=True)
        scores = dict(np.load(back))
    limit = np.quantile(scores["held"], 0.99)
    background = background_of(int((scores["held"] > limit).sum()), len(scores["held"]))
    recall = float((scores["blasts"] > limit).mean())
    return [
        Figure("isolation forest at 1 %: blasts called", recall),
        Figure("isolation forest at 1 %: normal events called", float((scores["test"] > limit).mean())),
        Figure(
            "isolation forest: limit of detection, 10,000 cells", lod(background, max(recall, 1e-4), 10_000)
        ),
    ]


def normals(values: np.ndarray, blast: np.ndarray) -> list[Figure]:
    """False positives of different-from-normal on held-out events and on marrows that were not seen."""
    rules = flow_rules()
    rng = np.random.default_rng(2)
    normal = rng.permutation(values[~blast])
    half = len(normal) // 2
    size, asked = rules.mixture_components, rules.false_positive_rate
    rule = different_from_normal(normal[:half], components=size, false_positive_rate=asked, rng=rng)
    rate = float((aberrance(rule, normal[half:]) > rule.limit).mean())
    blasts = float((aberrance(rule, values[blast]) > rule.limit).mean())
    marrows = [
        np.arcsinh(made_marrow(20_000, seed=seed).values.astype(float)[:, 2:] / 150) for seed in range(16)
    ]
    made = different_from_normal(
        np.concatenate(marrows[:8]), components=size, false_positive_rate=asked, rng=rng
    )
    rates = [float((aberrance(made, one) > made.limit).mean()) for one in marrows[8:]]
    return [
        Figure("different from normal: held-out normal events called", rate, "asked 0.001"),
        Figure("different from normal: blasts called (infidelity is not seen)", blasts),
        Figure(
            "different from normal: simulated marrows not seen, mean called",
            float(np.mean(rates)),
            "asked 0.001",
        ),
        Figure("different from normal: simulated marrows not seen, highest", max(rates)),
    ]


def main() -> None:
    """All figures."""
    values, blast = loaded()
    splits = [tested(values, blast, seed) for seed in range(SPLITS)]
    figures = [
        Figure("blasts called on the test half, mean", float(np.mean([one.blasts.mean() for one in splits]))),
        Figure(
            "normal events called on the test half, mean",
            float(np.mean([one.normal.mean() for one in splits])),
        ),
        Figure(
            "limit of detection, 10,000 cells, mean",
            float(np.mean([lod(s.background, s.recall, 10_000) for s in splits])),
        ),
        *dilution(splits),
        *forest(values, blast),
        *normals(values, blast),
    ]
    finish("Residual cells: in-silico dilution of one labelled marrow", figures)


if __name__ == "__main__":
    main()
