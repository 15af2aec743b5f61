"""In-silico dilution of the labelled AML marrow, and different from normal.

Events are split in half again and again: the rule (boosted trees, limit, background and recall by cross-fitting) is fixed
on one half and tested on the other. Real events are drawn down to 10^-3, each once a tube. Below, counts are Poisson with the
measured hit and false-hit rates of the test half and are called ``thinned``.

A thinned tube needs a true rate, and a test half of some 11,800 normal cells only has a few false hits: their share is not the
rate (no hit is not a rate of nothing), and one rate for all splits is not it either, as every split has a limit of its own. False
hits of the test halves are therefore taken as Poisson with a rate that is gamma-distributed between rules; both moments of the
gamma are measured on the test halves, not taken from what the rules say, and each tube draws its rate from the posterior of its
own test half. So the rates of all tubes together are spread as rules are, with the counting error taken out. Recall is drawn
from its posterior (Jeffreys). The interval is the rule's own, learned on the other half.

Judged is the interval of the statement: the unified one (`remnant.numerics.unified_interval`), with the background's spread and the
binomial error of the recall. The equal-tailed interval of the likelihood under a flat prior in log10 stands beside it. One variant
of the unified interval was made and judged; its structure was fixed before the splits were looked at.

Settings of the trees were chosen on split 0, its test half included: judged splits are 1 to 60. Errors of coverage are over splits (tubes of a split are not independent; splits of
one file are not quite). No limit of detection can lie much below three over the normal cells that a rule was learned from, some
12,000 here. The labelled file is ``flow/aml_labelled`` of ``REMNANT_REAL_DATA``; one marrow, so nothing here is a clinical claim.
With ``REMNANT_FLOWKIT_PYTHON`` an isolation forest stands beside it.

A last part needs no file: control tubes whose background varies log-normally, not by the gamma law that the interval assumes.
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
from remnant.assay.flow.aberrance import aberrance, different_from_normal
from remnant.assay.flow.laip import called, detectable_share, tracked_phenotype
from remnant.assay.flow.mrd import mrd_evidence, mrd_interval
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval
from remnant.example.marrow import made_marrow
from remnant.knowledge.flow import flow_rules
from remnant.numerics.count_background import CountBackground, count_background, upper_count

SPLITS = 60
DRAWS = 10
EVENTS = {1e-2: 10_000, 1e-3: 10_000, 1e-4: 1_000_000, 1e-5: 4_000_000}
TREES = 100
LAWS = 300
CONTROLS = 10
LAW_EVENTS = 1_000_000
BLANK_EVENTS = 20.0
BETWEEN = 0.5
SIGNALS = (0.0, 3.0, 10.0, 30.0, 100.0, 300.0)
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
    recall_dispersion: float
    blasts: np.ndarray
    normal: np.ndarray


def loaded() -> tuple[np.ndarray, np.ndarray]:
    """Events and whether each is a blast."""
    home = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("REMNANT_REAL_DATA", home)) / "flow" / "aml_labelled"
    values = np.load(folder / "Vie098 Ind1 CFU.npy").astype(float)
    return values, np.load(folder / "Vie098 Ind1 CFU_y.npy") >= 8


def tested(values: np.ndarray, blast: np.ndarray, seed: int) -> Tested:
    """One split: the rule is fixed on one half, with its background and recall, and called on the other."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    rule = tracked_phenotype(values[first][blast[first]], values[first][~blast[first]], trees=TREES, rng=rng)
    hit = called(rule, values[second])
    return Tested(
        rule.background, rule.recall, rule.recall_dispersion, hit[blast[second]], hit[~blast[second]]
    )


def between_rules(splits: list[Tested]) -> CountBackground:
    """False-hit rate and its spread between rules, from the test halves alone."""
    return count_background(
        [one.normal.sum() for one in splits],
        [len(one.normal) for one in splits],
        fewest=2,
        assumed_dispersion=0.0,
    )


def real(one: Tested, share: float, rng: np.random.Generator) -> np.ndarray:
    """Events called in each of the draws; events of the test half are drawn without replacement."""
    events = EVENTS[share] if share else EVENTS[1e-3]
    return np.array(
        [
            rng.choice(one.blasts, b, replace=False).sum()
            + rng.choice(one.normal, events - b, replace=False).sum()
            for b in rng.binomial(events, share, DRAWS)
        ]
    )


def thinned(one: Tested, share: float, rules: CountBackground, rng: np.random.Generator) -> np.ndarray:
    """Events called in each of the draws, at rates from the posterior of the test half."""
    shape = 1.0 / rules.dispersion
    false_hits = rng.gamma(shape + one.normal.sum(), 1.0 / (shape / rules.rate + len(one.normal)), DRAWS)
    hits = rng.beta(one.blasts.sum() + 0.5, (~one.blasts).sum() + 0.5, DRAWS)
    return rng.poisson(EVENTS[share] * (share * hits + (1 - share) * false_hits))


def judged(one: Tested, share: float, k: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Share of tubes whose interval holds the truth: the statement's, and under a flat prior; which are detected."""
    events = EVENTS[share]
    kinds, place = np.unique(k, return_inverse=True)
    own = [
        mrd_interval(
            int(n),
            events,
            background=one.background,
            recall=one.recall,
            recall_dispersion=one.recall_dispersion,
        )
        for n in kinds
    ]
    flat = interval(
        EvidenceBatch.of(
            [mrd_evidence(int(n), events, background=one.background, recall=one.recall) for n in kinds]
        )
    )
    held = np.array([found.lower <= share <= found.upper for found in own])
    plain = (flat.lower <= share) & (share <= flat.upper)
    return (
        float(np.mean(held[place])),
        float(np.mean(plain[place])),
        np.array([found.lower > 0 for found in own])[place],
    )


def dilution(splits: list[Tested]) -> list[Figure]:
    """Bias, coverage and detection at each share."""
    rules = between_rules(splits)
    figures = [
        Figure(
            "false-hit rate between rules: dispersion measured on test halves, with the error of both moments",
            rules.dispersion,
        ),
        Figure(
            "the same as the rules state it", float(np.mean([one.background.dispersion for one in splits]))
        ),
    ]
    rng = np.random.default_rng(5)
    for share, events in EVENTS.items():
        covered, flat, seen, fifty, estimate = [], [], [], [], []
        for one in splits:
            k = real(one, share, rng) if share >= 1e-3 else thinned(one, share, rules, rng)
            held, plain, detected = judged(one, share, k)
            covered.append(held)
            flat.append(plain)
            seen.append(detected)
            fifty.append(k >= 50)
            estimate.append((k / events - one.background.rate) / one.recall)
        kind = "real events" if share >= 1e-3 else "thinned"
        name = f"10^{np.log10(share):.0f} ({kind}, {events:,} cells)"
        coverage = float(np.mean(covered))
        error = float(np.std(covered, ddof=1) / np.sqrt(len(splits)))
        figures += [
            Figure(f"{name}: mean estimate / truth", float(np.mean(estimate) / share)),
            Figure(
                f"{name}: coverage",
                coverage,
                f"0.93-0.97 within 2 x {error:.3f}",
                0.93 - 2 * error <= coverage <= 0.97 + 2 * error,
            ),
            Figure(f"{name}: coverage of the flat-prior interval", float(np.mean(flat))),
            Figure(f"{name}: detected", float(np.mean(seen))),
            Figure(f"{name}: plain 50-event rule positive", float(np.mean(fifty))),
        ]
    return figures + empty(splits, rng)


def empty(splits: list[Tested], rng: np.random.Generator) -> list[Figure]:
    """False calls where there are no blasts; the bar is 5 % plus two errors of as many splits."""
    found, plain = [], []
    events = EVENTS[1e-3]
    for one in splits:
        k = real(one, 0.0, rng)
        blank = upper_count(events * one.background.rate, one.background.dispersion, probability=0.95)
        found.append(float(np.mean(k > blank)))
        plain.append(float(np.mean(k >= 50)))
    bar = 0.05 + 2.0 * float(np.sqrt(0.05 * 0.95 / len(splits)))
    rate = float(np.mean(found))
    return [
        Figure(f"no blasts (real events, {events:,} cells): detected", rate, f"<= {bar:.3f}", rate <= bar),
        Figure("no blasts: plain 50-event rule positive", float(np.mean(plain))),
    ]


def other_law() -> list[Figure]:
    """Coverage where the background of tubes varies log-normally, learned from few controls."""
    rng = np.random.default_rng(11)
    spread = np.sqrt(np.log1p(BETWEEN))
    covered: dict[float, list[bool]] = {signal: [] for signal in SIGNALS}
    for _ in range(LAWS):
        rates = BLANK_EVENTS * np.exp(spread * rng.standard_normal(CONTROLS + len(SIGNALS)) - spread**2 / 2)
        controls = rng.poisson(rates[:CONTROLS])
        background = count_background(
            controls, np.full(CONTROLS, LAW_EVENTS), fewest=CONTROLS, assumed_dispersion=0.0
        )
        for signal, rate in zip(SIGNALS, rates[CONTROLS:], strict=True):
            found = mrd_interval(int(rng.poisson(rate + signal)), LAW_EVENTS, background=background)
            covered[signal].append(found.lower <= signal / LAW_EVENTS <= found.upper)
    return [
        Figure(
            f"log-normal background ({BLANK_EVENTS:.0f} events, dispersion {BETWEEN}, {CONTROLS} controls), "
            f"signal {signal:.0f} events: coverage",
            float(np.mean(held)),
        )
        for signal, held in covered.items()
    ]


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
    hits = int((scores["held"] > limit).sum()) + 1
    background = CountBackground(hits / (len(scores["held"]) + 1.0), 1.0 / hits)
    recall = float((scores["blasts"] > limit).mean())
    return [
        Figure("isolation forest at 1 %: blasts called", recall),
        Figure("isolation forest at 1 %: normal events called", float((scores["test"] > limit).mean())),
        Figure(
            "isolation forest: limit of detection, 10,000 cells",
            detectable_share(background, max(recall, 1e-4), events=10_000),
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
    """All figures; ``--splits`` sets the number of splits (60)."""
    arguments = sys.argv[1:]
    count = int(arguments[arguments.index("--splits") + 1]) if "--splits" in arguments else SPLITS
    values, blast = loaded()
    splits = [tested(values, blast, seed) for seed in range(1, count + 1)]
    figures = [
        Figure("blasts called on the test half, mean", float(np.mean([one.blasts.mean() for one in splits]))),
        Figure(
            "normal events called on the test half, mean",
            float(np.mean([one.normal.mean() for one in splits])),
        ),
        Figure(
            "the same as the rule states it, mean",
            float(np.mean([one.background.rate for one in splits])),
        ),
        Figure(
            "limit of detection, 10,000 cells, mean",
            float(np.mean([detectable_share(s.background, s.recall, events=10_000) for s in splits])),
        ),
        *dilution(splits),
        *forest(values, blast),
        *normals(values, blast),
        *other_law(),
    ]
    finish("Residual cells: in-silico dilution of one labelled marrow", figures)


if __name__ == "__main__":
    main()
