"""Digital ratios of few copies: what share of what is printed holds the truth, summed over every count that can come.

A target of few copies and its control gene share a well of 16,000 partitions (duplex) beside three clean blanks. Each
pair of counts goes through the product; what it prints is weighted by its exact binomial probability, so that no figure
is drawn. Printed is the interval where the target is detected, with the upper end of one positive more where the
copies are too few for a number, and from 0 to the upper limit where it is not: three clean blanks leave a limit of
blank of 1, so that wells with no and with one positive are both "not detected".

Judges on the same counts: the interval alone, printed or not, for every well with a positive; the exact conditional
binomial interval (Clopper and Pearson); the likelihood-ratio interval of our own evidence (without the named error of
a control that has one); and the arithmetic of the flat prior in log10 alone: a Gamma law with as many degrees as
positives, control known.

Why the interval alone covers 89.6 % at 4 copies: under the flat prior in log10, one positive reaches up to 3.69 copies
(Gamma law of one degree), so that between 3.69 and 5.57 copies wells with 0 and with 1 positive both miss, 9.2 % of all
at 4. That interval is not what a laboratory is shown. With three clean blanks one positive is within the limit of
blank, the bound reaches 5.7 copies, and 4 copies are covered in 96.9 %. From a dozen clean blanks on one positive is a
detection, as CLSI EP17 has it; its interval ends where that of two positives does, at 5.57 copies, which is Garwood's
exact upper end. So it is for every target with too few copies for a number.

What is left is the discreteness of counts. Exact coverage of a Poisson count of mean m, control known, no other error,
as mean over the range (least, and the m where it is):

=============================  ====================  ====================  ====================  ====================  ====================
interval by, with a limit of     m from 2 to 4         4 to 8                8 to 16               16 to 32              32 to 64
blank of 1 where none is told
=============================  ====================  ====================  ====================  ====================  ====================
as printed                     97.1 (93.8 at 3.0)    97.1 (95.7 at 7.6)    96.5 (93.2 at 15.8)   94.6 (93.2 at 18.4)   94.8 (93.9 at 40.5)
as printed, limit of blank 0   97.1 (93.8 at 3.0)    97.0 (95.7 at 7.6)    96.5 (93.2 at 15.8)   94.6 (93.2 at 18.4)   94.8 (93.9 at 40.5)
flat prior in log10 (ours)     97.1 (93.8 at 3.0)    95.2 (91.1 at 5.7)    94.3 (91.9 at 8.8)    94.6 (93.2 at 18.4)   94.8 (93.7 at 34.5)
Jeffreys' prior                96.1 (91.6 at 3.1)    95.8 (92.3 at 6.6)    94.8 (92.3 at 8.0)    95.0 (93.6 at 16.6)   95.0 (94.0 at 37.5)
flat prior in copies           94.3 (90.7 at 3.5)    95.1 (92.5 at 4.1)    95.0 (93.4 at 9.1)    95.0 (93.8 at 21.1)   95.0 (94.0 at 34.5)
likelihood ratio               96.5 (91.7 at 3.0)    95.8 (92.1 at 6.2)    94.8 (92.6 at 9.3)    94.9 (93.4 at 18.8)   95.0 (94.0 at 37.3)
same, limit of blank of 0      96.1 (86.9 at 3.7)    93.0 (88.7 at 4.0)    94.3 (91.9 at 8.8)    94.6 (93.2 at 18.4)   94.8 (93.7 at 34.5)
exact (Garwood)                98.2 (96.0 at 4.0)    97.0 (95.7 at 7.6)    96.5 (95.2 at 14.6)   96.1 (95.1 at 23.5)   95.8 (95.0 at 47.5)
=============================  ====================  ====================  ====================  ====================  ====================

Every interval whose mean is 95 % falls to 91 or 92 % somewhere between 2 and 8 copies; only one that covers 96 to 98 % on
the mean does not. A dip that no prior removes is no reason to leave the one prior of evidence.md: the evidence keeps
it, what is printed of a target without a number ends later.
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
from remnant.records.measurement import Measurement
from remnant.records.partition import Partitions
from remnant.records.sample import Sample

__all__ = ["coverage", "figures"]

Floats = np.ndarray

PARTITIONS: Final = 16_000
GENES: Final = ("WT1", "ABL1")
LEVELS: Final = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
BETWEEN: Final = np.geomspace(2.0, 64.0, 301)
RANGES: Final = ((2.0, 4.0), (4.0, 8.0), (8.0, 16.0), (16.0, 64.0))
CONTROLS: Final = (3000.0, 130.0)
_NODES: Final = 9
_HALF_CHI: Final = 1.920729
_METHODS: Final = {
    "ours": "as printed",
    "interval": "interval alone",
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
    interval: np.ndarray
    arithmetic: np.ndarray
    exact: np.ndarray
    ratio: np.ndarray


def _measured(pairs: list[tuple[int, int]]) -> list[Measurement]:
    """Measurement of every pair of positives, target and control, each a cDNA of one run."""
    wells, samples = [], []
    for i, pair in enumerate(pairs):
        code = f"S{i}"
        samples.append(Sample(sample_id=code, patient_id="P", material="BM", drawn_on=dt.date(2021, 3, 4)))
        wells += [_well(gene, k, code, f"A{i:05d}") for gene, k in zip(GENES, pair, strict=True)]
    wells += [_well(gene, 0, "NTC", f"H{j}") for j in range(_BLANKS) for gene in GENES]
    got = {one.sample_id: one for one in quantify_partitions(wells, samples=samples).measurements}
    return [got[one.sample_id] for one in samples]


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
    measured = _measured([(int(k), int(c)) for k, c in pairs])
    batch = EvidenceBatch.of([one.evidence for one in measured])
    seen = np.array([one.state in {"detected", "quantified"} for one in measured])
    found, bound = interval(batch, include=TUBE), upper_limit(batch, include=TUBE)
    rows = {(k, c): i for i, (k, c) in enumerate(pairs.tolist())}
    ends = [rows.get((k + 1, c), i) if measured[i].state == "detected" else i for (k, c), i in rows.items()]
    k, c = pairs[:, 0], pairs[:, 1]
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
        inside(np.where(seen, found.lower, 0.0), np.where(seen, found.upper[ends], bound)),
        inside(np.where(k > 0, found.lower, 0.0), np.where(k > 0, found.upper, bound)),
        inside(low * scale, high * scale),
        inside(odds[0], odds[1]),
        fall <= _HALF_CHI,
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
            inside = [between[(low <= BETWEEN) & (high >= BETWEEN)] for low, high in RANGES]
            spread = " / ".join(f"{100 * part.mean():.1f} ({100 * part.min():.1f})" for part in inside)
            ranges = " / ".join(f"{low:g}-{high:g}" for low, high in RANGES)
            found.append(Figure(f"{label}, mean (least) over {ranges} copies", spread))
    return found


if __name__ == "__main__":
    finish("Digital ratios of few copies", figures())
