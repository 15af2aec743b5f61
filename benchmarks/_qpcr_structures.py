"""Which structure of the calibration error fits Vermeulen best: judged without its coverage.

Two judges, written down before any structure was tried, over all levels alike and never by coverage:

* held-out log score: a level is left out, everything is learned from the rest, and the log density of each left-out
  well is summed; differences from the structure in use with their standard error over genes;
* restricted likelihood of the level means, where structures differ in the dilution errors alone.

Structures of the scatter: the technical variance of a gene is inverse chi-squared about the laboratory's; replicates of
one level scatter by chi-squared or, with heavy tails, by F (a variance of its own for every level of a gene); the
detection probability q of one molecule is 1 or learned from how the scatter grows at low copies, its prior rising as q
squared. A well may be read as Student t too. Dilution errors are independent, add up along the series, or both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import linalg, optimize
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2

from _form import Figure, finish
from _qpcr_calibration import LEVELS, fitted, held_without, vermeulen
from remnant.assay.qpcr.calibration import default_spread
from remnant.knowledge.calibration import calibration_rules
from remnant.knowledge.qpcr import well_assumptions
from remnant.numerics import calibration
from remnant.numerics.calibration import History, Lines
from remnant.numerics.calibration_ladder import Ladder, common_slope, log_count_moments

__all__ = ["Scatter", "figures", "held_out_score", "scatter"]

Floats = np.ndarray

VARIANTS: Final = 9
"""Structures tried here on the real data."""
_SD: Final = np.exp(np.linspace(np.log(0.03), np.log(0.4), 50))
_LN10: Final = np.log(10.0)
_FEW: Final = 500.0
_MOLECULES: Final = np.arange(1.0, 1200.0)


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """What replicates teach.

    Attributes
    ----------
    technical : ndarray of float, shape (genes,)
        Technical standard deviation of a well, cycles.
    detection_probability : float
        Of one molecule.
    log_likelihood : float
        Of the sums of squares.
    """

    technical: Floats
    detection_probability: float
    log_likelihood: float


def _squares(held: Ladder, variance: Floats, inverse_freedom: float) -> Floats:
    """Log-density of the sums of squares of every gene; variance (grid, levels) -> (grid, genes)."""
    d = np.maximum(held.wells - 1, 0)[None]
    v = variance[:, None, :]
    ratio = held.squares[None] / v
    if inverse_freedom:
        nu = 1.0 / inverse_freedom
        found = gammaln((d + nu) / 2) - gammaln(nu / 2) - gammaln(np.maximum(d, 1) / 2) - d / 2 * np.log(nu)
        found = found - d / 2 * np.log(v) - (d + nu) / 2 * np.log1p(ratio / nu)
    else:
        found = -0.5 * ratio - d / 2 * np.log(2.0 * v) - gammaln(np.maximum(d, 1) / 2)
    return np.asarray(np.where(d > 0, found, 0.0).sum(axis=2))


def scatter(held: Ladder, *, learn: bool, tails: bool) -> Scatter:
    """Technical error of every gene and detection probability of the laboratory, by penalised likelihood."""
    slope, default = common_slope(held), well_assumptions().technical_sd

    def posterior(free: Floats) -> tuple[Floats, float]:
        q = 1.0 / (1.0 + np.exp(-free[2])) if learn else 1.0
        middle, freedom = np.exp(free[0]), 2.0 + np.exp(free[1])
        _, counting = log_count_moments(q * 10.0**held.log10_copies)
        variance = np.square(_SD)[:, None] + slope**2 * counting
        prior = -freedom * (np.log(_SD) + 0.5 * np.square(middle / _SD))
        prior -= logsumexp(prior)
        return _squares(held, variance, float(np.exp(free[3])) if tails else 0.0) + prior[:, None], float(q)

    def loss(free: Floats) -> float:
        joint, q = posterior(free)
        held_by = 10.0 * (free[0] - np.log(default)) ** 2 + np.log((2.0 + np.exp(free[1])) / 20.0) ** 2 / 8.0
        held_by += (-2.0 * np.log(q) if learn else 0.0) + (5.0 * np.exp(free[3]) if tails else 0.0)
        return float(held_by - logsumexp(joint, axis=0).sum())

    start = np.array([np.log(0.09), np.log(10.0), 2.0, np.log(0.05)])
    found = optimize.minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-3, "fatol": 1e-3}
    )
    joint, q = posterior(found.x)
    total = logsumexp(joint, axis=0)
    return Scatter(np.sqrt(np.exp(joint - total).T @ np.square(_SD)), q, float(total.sum()))


def _density(x: Floats, copies: float, q: float, variance: Floats) -> Floats:
    """Log density of readings, genes x wells, normal about log10 (m / q) for Poisson m."""
    mean, v = q * copies, variance[:, None]
    if mean < _FEW:
        share = _MOLECULES * np.log(mean) - mean - gammaln(_MOLECULES + 1)
        away = np.square(x[:, :, None] - np.log10(_MOLECULES / q))
        return np.asarray(
            logsumexp(share - 0.5 * away / v[:, :, None], axis=2) - 0.5 * np.log(2.0 * np.pi * v)
        )
    expected, counting = log_count_moments(np.array([mean]))
    v = v + counting[0]
    away = np.square(x - (expected[0] - np.log10(q)))
    return np.asarray(-0.5 * away / v - 0.5 * np.log(2.0 * np.pi * v))


def held_out_score(cq: Floats, learned: list[Scatter], freedom: float | None = None) -> Floats:
    """Log score of left-out wells, levels x genes x wells; `learned` without each level, wells t or normal."""
    rules = calibration_rules()
    share = (np.arange(12) + 0.5) / 12.0
    factor = np.ones(1) if freedom is None else freedom / chi2.ppf(share, freedom)
    found = []
    for out, taught in enumerate(learned):
        held = held_without(cq, out)
        history = calibration.fit_history(
            held,
            technical=taught.technical,
            default=default_spread(rules),
            weight=rules.history_weight,
            detection_probability=taught.detection_probability,
        )
        lines = calibration.posterior_lines(held, history, technical=taught.technical)
        x = (cq[:, out] - lines.intercept[:, None]) / lines.slope[:, None]
        shared = _shared(lines, history, LEVELS[out])
        own = np.square(taught.technical / lines.slope)
        parts = [
            _density(x, LEVELS[out], taught.detection_probability, shared + own * scale) for scale in factor
        ]
        found.append(logsumexp(parts, axis=0) - np.log(len(factor)))
    return np.array(found)


def _shared(lines: Lines, history: History, copies: float) -> Floats:
    """Variance of log10 copies that the wells of a gene share."""
    away, c = np.log10(copies) - lines.centre, lines.covariance
    line = c[:, 0, 0] + 2.0 * away * c[:, 0, 1] + away**2 * c[:, 1, 1]
    level = history.spread.plate_level_sd**2 + history.spread.shared_level_sd**2
    return np.asarray((line + level) / np.square(lines.slope))


def restricted(cq: Floats, kind: str) -> float:
    """Largest restricted log-likelihood of the level means under one kind of dilution errors."""
    held = held_without(cq)
    _, technical = fitted(held)
    slope, genes, levels = common_slope(held), len(held), len(held.log10_copies)
    expected, counting = log_count_moments(10.0**held.log10_copies)
    design = np.stack([np.ones(levels), expected - expected.mean()], axis=1)
    steps = held.log10_copies.max() - held.log10_copies
    # The top of the series is a level too: a small error of its own keeps the covariance regular.
    series = np.minimum(steps[:, None], steps[None]) + 1e-3 * np.eye(levels)
    form = {"independent": np.eye(levels), "adding up": series, "both": 0.5 * (np.eye(levels) + series)}[kind]
    well = (np.square(technical)[:, None] + slope**2 * counting) / held.wells
    fixed = np.tile(design, (genes, 1))
    value = (held.mean - held.mean.mean()).ravel()

    def loss(free: Floats) -> float:
        height, steep, own, shared = np.exp(2.0 * free[:4])
        cross = np.tanh(free[4]) * (height * steep) ** 0.5
        each = design @ np.array([[height, cross], [cross, steep]]) @ design.T + own * np.eye(levels)
        whole = np.kron(np.eye(genes), each) + np.kron(np.ones((genes, genes)), shared * form)
        whole[np.diag_indices(genes * levels)] += well.ravel()
        lower = linalg.cholesky(whole, lower=True, check_finite=False)
        y, x = (
            linalg.solve_triangular(lower, part, lower=True, check_finite=False) for part in (value, fixed)
        )
        information = x.T @ x
        rest = y @ y - (x.T @ y) @ np.linalg.solve(information, x.T @ y)
        return float(0.5 * rest + np.log(np.diag(lower)).sum() + 0.5 * np.linalg.slogdet(information)[1])

    start = np.array([np.log(0.6), np.log(0.07), np.log(0.03), np.log(0.08), -1.2])
    found = optimize.minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 600, "xatol": 1e-3, "fatol": 1e-3}
    )
    return -float(found.fun)


def _in_use(held: Ladder) -> Scatter:
    _, technical = fitted(held)
    return Scatter(technical, well_assumptions().detection_probability, np.nan)


def figures() -> list[Figure]:
    """All figures of the structures.

    Returns
    -------
    list of Figure
        Log scores against the structure in use, learned detection probabilities, restricted likelihoods.
    """
    cq = vermeulen()
    without = [held_without(cq, out) for out in range(len(LEVELS))]
    base = held_out_score(cq, [_in_use(held) for held in without])
    found = [Figure("structures: held-out log score of 945 wells, in use", float(base.sum()))]
    for learn, tails in ((False, False), (True, False), (False, True), (True, True)):
        learned = [scatter(held, learn=learn, tails=tails) for held in without]
        label = f"q {'learned' if learn else '1'}, scatter with {'heavy' if tails else 'light'} tails"
        found.append(_against(label, held_out_score(cq, learned) - base))
        whole = scatter(held_without(cq), learn=learn, tails=tails)
        found.append(Figure(f"structures: scatter log-likelihood, {label}", f"{whole.log_likelihood:.1f}"))
        if learn:
            each = " / ".join(f"{one.detection_probability:.2f}" for one in [*learned, whole])
            found.append(Figure(f"structures: q without each level, and with all, {label}", each))
        if tails and not learn:
            for freedom in (5.0, 10.0, 20.0):
                score = held_out_score(cq, learned, freedom) - base
                found.append(_against(f"{label}, wells t with {freedom:g} degrees of freedom", score))
    independent = restricted(cq, "independent")
    for kind in ("adding up", "both"):
        value = restricted(cq, kind) - independent
        name = f"structures: restricted log-likelihood, dilution errors {kind}, less independent"
        found.append(Figure(name, f"{value:+.2f}"))
    return found


def _against(label: str, difference: Floats) -> Figure:
    by_gene = difference.sum(axis=(0, 2))
    error = float(by_gene.std(ddof=1)) * len(by_gene) ** 0.5
    return Figure(
        f"structures: log score less that in use (se), {label}", f"{by_gene.sum():+.1f} ({error:.1f})"
    )


if __name__ == "__main__":
    finish("Structures of the calibration error", figures())
