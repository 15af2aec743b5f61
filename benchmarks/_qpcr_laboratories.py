"""What an interval for left-out standards can promise: simulated laboratories, ours beside an oracle.

Each laboratory is drawn from the law fitted to Vermeulen: genes x levels x three wells, every molecule counted, the
dilution error of a level ONE draw for all genes. Levels are left out in turn and read as in `_qpcr_calibration`:

* *ours* learns every variance from the other levels;
* the *oracle* is told the true variances, of the history and of the wells, and nothing else: no honest method
  promises more;
* *dilutions known* is told the true mean line and the true dilution errors too, so that nothing is shared by the genes;
* *tubes by other genes* learns every variance from the other levels, and what the tubes hold from the other genes, as in
  `_qpcr_tubes`; its interval is asked for the tube's content, not for its label.

Coverage averaged over laboratories is the calibration of a method. The share of laboratories that hold a bar at every
level is how far that bar can be promised to one laboratory. Four truths: the fitted law; Student t (5) wells and
dilution errors of the same variance; dilution errors twice as large; dilution errors that add up from the top of the
series, each step as large as the fitted error of a level. No method here assumes the last.

Which structure is simulated and used was decided in `_qpcr_structures`, without any coverage.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from _form import Figure, finish
from _qpcr_calibration import LEVELS, covered, fitted, held_without, vermeulen
from _qpcr_tubes import level_inside_of_tubes
from remnant.numerics import calibration
from remnant.numerics.calibration import History, Spread

__all__ = ["Laboratory", "Law", "figures", "fitted_law", "laboratory"]

Floats = np.ndarray
Noise = Literal["normal", "t5"]
Method = Callable[["Laboratory", int], np.ndarray]

LABORATORIES: Final = 120
OTHER_TRUTHS: Final = 30
SEED: Final = 20261121
WELLS: Final = 3
LOW, HIGH = 88.0, 99.0


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Where laboratories come from.

    Attributes
    ----------
    centre : float
        Middle of the ladder, log10 copies.
    mean : ndarray of float, shape (2,)
        Mean height and slope.
    spread : Spread
        Standard deviations of the hierarchy, cycles.
    technical : ndarray of float, shape (genes,)
        Technical standard deviation of a well of each gene, cycles.
    noise : {"normal", "t5"}
        Form of well and dilution errors.
    adds_up : bool
        Whether each dilution is made from the one above it, with that one's error.
    """

    centre: float
    mean: Floats
    spread: Spread
    technical: Floats
    noise: Noise = "normal"
    adds_up: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Laboratory:
    """One laboratory: what it measured, and the truth.

    Attributes
    ----------
    cq : ndarray of float, shape (genes, levels, wells)
        Quantification cycles.
    law : Law
        Where it comes from, its technical standard deviations in the order of its genes.
    dilution : ndarray of float, shape (levels,)
        True shared errors, cycles.
    """

    cq: Floats
    law: Law
    dilution: Floats


def fitted_law() -> Law:
    """The law fitted to all levels of Vermeulen."""
    history, technical = fitted(held_without(vermeulen()))
    return Law(history.centre, history.mean[:2], history.spread, technical)


def _noise(rng: np.random.Generator, form: Noise, shape: tuple[int, ...]) -> Floats:
    """Draws of unit variance."""
    return rng.standard_normal(shape) if form == "normal" else rng.standard_t(5.0, shape) / (5.0 / 3.0) ** 0.5


def laboratory(law: Law, seed: int) -> Laboratory:
    """One laboratory of the law."""
    rng = np.random.default_rng([SEED, seed])
    spread, genes, levels = law.spread, len(law.technical), len(LEVELS)
    technical = rng.permutation(law.technical)
    cross = spread.correlation * spread.height_sd * spread.slope_sd
    between = np.array([[spread.height_sd**2, cross], [cross, spread.slope_sd**2]])
    lines = rng.multivariate_normal(law.mean, between, genes)
    dilution = spread.shared_level_sd * _noise(rng, law.noise, (levels,))
    if law.adds_up:
        dilution = np.cumsum(dilution[::-1])[::-1]
    own = spread.plate_level_sd * rng.standard_normal((genes, levels, 1))
    molecules = rng.poisson(np.array(LEVELS)[:, None], (genes, levels, WELLS))
    x = np.log10(np.maximum(molecules, 1)) - law.centre
    well = technical[:, None, None] * _noise(rng, law.noise, x.shape)
    cq = lines[:, 0, None, None] + lines[:, 1, None, None] * x + dilution[:, None] + own + well
    return Laboratory(cq, replace(law, technical=technical), dilution)


def by_ours(one: Laboratory, out: int) -> np.ndarray:
    """Inside or not, every variance learned from the other levels."""
    held = held_without(one.cq, out)
    history, technical = fitted(held)
    lines = calibration.posterior_lines(held, history, technical=technical)
    return covered(one.cq[:, out], LEVELS[out], lines, technical=technical, history=history)


def by_oracle(one: Laboratory, out: int) -> np.ndarray:
    """Inside or not, the true variances told."""
    held, law = held_without(one.cq, out), one.law
    history = calibration.history_given(held, law.spread, technical=law.technical)
    lines = calibration.posterior_lines(held, history, technical=law.technical)
    return covered(one.cq[:, out], LEVELS[out], lines, technical=law.technical, history=history)


def by_known_dilutions(one: Laboratory, out: int) -> np.ndarray:
    """Inside or not, the true variances, mean line and dilution errors told."""
    held, law = held_without(one.cq, out), one.law
    rest = np.delete(one.dilution, out)
    # A height at another centre: the mean line is moved along its slope.
    centre = float(held.log10_copies.mean())
    height = law.mean[0] + law.mean[1] * (centre - law.centre)
    between = law.spread.moved(centre - law.centre)
    known = np.r_[height, law.mean[1], rest]
    history = History(centre, between, 1.0, known, np.zeros((len(known), len(known))), len(held))
    lines = calibration.posterior_lines(held, history, technical=law.technical)
    alone = replace(history, spread=replace(between, shared_level_sd=0.0))
    return covered(
        one.cq[:, out] - one.dilution[out], LEVELS[out], lines, technical=law.technical, history=alone
    )


def by_other_genes(one: Laboratory, out: int) -> np.ndarray:
    """Inside or not, every variance learned from the other levels, the tubes told by the other genes."""
    return level_inside_of_tubes(one.cq, out)


METHODS: Final[dict[str, Method]] = {
    "ours": by_ours,
    "oracle": by_oracle,
    "dilutions known": by_known_dilutions,
    "tubes by other genes": by_other_genes,
}


def coverage(law: Law, count: int, methods: dict[str, Method]) -> dict[str, Floats]:
    """Percent inside, laboratories x levels, of every method."""
    found = {name: np.empty((count, len(LEVELS))) for name in methods}
    for seed in range(count):
        one = laboratory(law, seed)
        for name, method in methods.items():
            found[name][seed] = [100.0 * method(one, out).mean() for out in range(len(LEVELS))]
    return found


def _summary(label: str, inside: Floats) -> list[Figure]:
    whole = inside.mean(axis=1)
    half = 1.96 * whole.std(ddof=1) / len(whole) ** 0.5
    held = float(((inside >= LOW) & (inside <= HIGH)).all(axis=1).mean())
    error = (held * (1.0 - held) / len(inside)) ** 0.5
    levels = " / ".join(f"{value:.1f}" for value in inside.mean(axis=0))
    apart = " / ".join(f"{value:.1f}" for value in inside.std(axis=0, ddof=1))
    above = 100.0 * float((inside > HIGH).any(axis=1).mean())
    below = 100.0 * float((inside < LOW).any(axis=1).mean())
    overall = 100.0 * float(((whole >= 93.0) & (whole <= 97.0)).mean())
    return [
        Figure(f"{label}: % inside, mean of {len(whole)} laboratories", f"{whole.mean():.1f} +- {half:.1f}"),
        Figure(f"{label}: the same by level, 15 to 150,000 copies", levels),
        Figure(f"{label}: sd between laboratories by level", apart),
        Figure(f"{label}: % of laboratories within 93-97 overall", overall),
        Figure(
            f"{label}: % of laboratories within 88-99 at all five levels",
            f"{100 * held:.0f} +- {100 * error:.0f}",
        ),
        Figure(f"{label}: % with a level below 88; above 99", f"{below:.0f}; {above:.0f}"),
    ]


def figures() -> list[Figure]:
    """All figures of the simulated laboratories.

    Returns
    -------
    list of Figure
        Four truths, and the time.
    """
    start = time.process_time()
    law = fitted_law()
    found = []
    for name, inside in coverage(law, LABORATORIES, METHODS).items():
        found += _summary(f"laboratories of the fitted law, {name}", inside)
    told = {name: METHODS[name] for name in ("ours", "oracle", "tubes by other genes")}
    learned = {name: METHODS[name] for name in ("ours", "tubes by other genes")}
    twice = replace(law.spread, shared_level_sd=2.0 * law.spread.shared_level_sd)
    for truth, other, methods in (
        ("t (5) wells and dilutions", replace(law, noise="t5"), told),
        ("dilution errors twice the fitted", replace(law, spread=twice), told),
        ("dilution errors that add up", replace(law, adds_up=True), learned),
    ):
        for name, inside in coverage(other, OTHER_TRUTHS, methods).items():
            found += _summary(f"laboratories, {truth}, {name}", inside)
    found.append(Figure("simulated laboratories: CPU seconds", time.process_time() - start))
    return found


if __name__ == "__main__":
    finish("Left-out standards in simulated laboratories", figures())
