"""Digital ratios of few copies: what share of 95 % intervals holds the truth, summed over every count that can come.

A target of few copies and its control gene share a well of 16,000 partitions (duplex) beside three clean blanks. Each
pair of counts goes through the product; its interval is weighted by its exact binomial probability, so that no figure is
drawn. A target not detected has the interval from 0 to its upper limit, as it is printed.

Judges on the same counts: the exact conditional binomial interval (Clopper and Pearson), the likelihood-ratio interval
of our own evidence (without the named error of a control that has one), and the arithmetic of the flat prior in log10
alone: a Gamma law with as many degrees as positives, control known. Where ours and that arithmetic agree, the profile and
its range are not at fault but the prior: one positive partition then reaches up to 3.69 copies, where the exact interval
reaches 5.57, so that at 4 true copies wells with 0 and with 1 positive both miss, 9 % of all. The interval of a target
that is detected is a statement under that prior (evidence.md), and the bound of one that is not is 3.00 copies.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import beta, binom, gamma

from _form import Figure, finish
from remnant.assay.dpcr import quantify_partitions
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import TUBE
from remnant.evidence.verbs import interval, log_likelihood, upper_limit
from remnant.records.partition import Partitions
from remnant.records.sample import Sample

__all__ = ["coverage", "figures"]

Floats = np.ndarray

PARTITIONS: Final = 16_000
GENES: Final = ("WT1", "ABL1")
LEVELS: Final = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
BETWEEN: Final = np.geomspace(4.0, 64.0, 49)
CONTROLS: Final = (3000.0, 130.0)
_NODES: Final = 9
_HALF_CHI: Final = 1.920729
_METHODS: Final = {
    "ours": "ours",
    "arithmetic": "the prior's arithmetic",
    "exact": "exact binomial",
    "ratio": "likelihood ratio",
}
_UNIT: Final = 1e4
_BLANKS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Whether each pair of counts holds each true ratio, pairs x levels, by method."""

    ours: np.ndarray
    arithmetic: np.ndarray
    exact: np.ndarray
    ratio: np.ndarray


def _evidence(pairs: list[tuple[int, int]]) -> EvidenceBatch:
    """Evidence of every pair of positives, target and control, each a cDNA of one run."""
    wells, samples = [], []
    for i, pair in enumerate(pairs):
        code = f"S{i}"
        samples.append(Sample(sample_id=code, patient_id="P", material="BM", drawn_on=dt.date(2021, 3, 4)))
        wells += [_well(gene, k, code, f"A{i:05d}") for gene, k in zip(GENES, pair, strict=True)]
    wells += [_well(gene, 0, "NTC", f"H{j}") for j in range(_BLANKS) for gene in GENES]
    got = {one.sample_id: one.evidence for one in quantify_partitions(wells, samples=samples).measurements}
    return EvidenceBatch.of([got[one.sample_id] for one in samples])


def _well(target: str, positives: int, sample: str, position: str) -> Partitions:
    return Partitions(
        run_id="D-1",
        position=position,
        channel=target,
        target=target,
        sample=sample,
        kind="ntc" if sample == "NTC" else "unknown",
        accepted=PARTITIONS,
        positives=positives,
        instrument="qx",
    )


def _share(copies: Floats | float) -> Floats:
    """Probability that a partition is positive."""
    return np.asarray(-np.expm1(-np.asarray(copies) / PARTITIONS))


def _held(pairs: Floats, truth: Floats) -> Bounds:
    """Intervals of every pair of counts against every true ratio."""
    batch = _evidence([(int(k), int(c)) for k, c in pairs])
    found = interval(batch, include=TUBE)
    k, c = pairs[:, 0], pairs[:, 1]
    lower = np.where(k > 0, found.lower, 0.0)
    upper = np.where(k > 0, found.upper, upper_limit(batch, include=TUBE))
    copies = -PARTITIONS * np.log1p(-c / PARTITIONS)
    low, high = (gamma.ppf(tail, np.maximum(k, 1)) for tail in (0.025, 0.975))
    low, high = np.where(k > 0, low, 0.0), np.where(k > 0, high, -np.log(0.05))
    with np.errstate(invalid="ignore"):
        first = np.where(k > 0, beta.ppf(0.025, k, c + 1), 0.0)
        last = beta.ppf(0.975, k + 1, c)
    scale = _UNIT / copies
    odds = [p / (1.0 - p) * c * scale for p in (first, last)]
    grid = np.geomspace(truth.min() / 100.0, truth.max() * 10.0, 300)
    top = log_likelihood(batch, grid).max(axis=1)
    fall = top[:, None] - log_likelihood(batch, truth)

    def inside(below: Floats, above: Floats) -> np.ndarray:
        return np.asarray((below[:, None] <= truth) & (truth <= above[:, None]))

    return Bounds(
        inside(lower, upper), inside(low * scale, high * scale), inside(odds[0], odds[1]), fall <= _HALF_CHI
    )


def coverage(control: float) -> dict[str, Floats]:
    """Share of intervals that hold the truth, by true target copies `LEVELS` then `BETWEEN`."""
    copies = np.concatenate([LEVELS, BETWEEN])
    truth = _UNIT * copies / control
    quantiles = (np.arange(_NODES) + 0.5) / _NODES
    controls = np.asarray(binom.ppf(quantiles, PARTITIONS, _share(control))).astype(int)
    targets = np.arange(int(binom.ppf(1.0 - 1e-6, PARTITIONS, _share(copies.max()))) + 1)
    pairs = np.array([(k, c) for c in controls for k in targets])
    weight = np.asarray(binom.pmf(pairs[:, :1], PARTITIONS, _share(copies))) / _NODES
    held = _held(pairs, truth)
    return {
        name: np.asarray((getattr(held, name) * weight).sum(axis=0) / weight.sum(axis=0))
        for name in Bounds.__dataclass_fields__
    }


def figures() -> list[Figure]:
    """Coverage by level of every method.

    Returns
    -------
    list of Figure
        Two controls, many copies and few.
    """
    found = []
    for control in CONTROLS:
        by_method = coverage(control)
        for name, share in by_method.items():
            label = f"digital ratio over {control:g} control copies, {_METHODS[name]}: % inside"
            each = " / ".join(f"{100 * value:.1f}" for value in share[: len(LEVELS)])
            between = share[len(LEVELS) :]
            found.append(Figure(f"{label} at {' / '.join(f'{x:g}' for x in LEVELS)} copies", each))
            spread = f"{100 * between.mean():.1f} ({100 * between.min():.1f}-{100 * between.max():.1f})"
            found.append(Figure(f"{label}, mean (range) over 4 to 64 copies", spread))
    return found


if __name__ == "__main__":
    finish("Digital ratios of few copies", figures())
