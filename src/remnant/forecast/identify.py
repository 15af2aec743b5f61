"""What the data said about the rates, and which rates the forecast hangs on.

A forecast from priors is only as good as they are. For each uncertain rate: how much narrower it became by what was
observed (the presentation at diagnosis), and how much of the variation of each outcome over the draws it explains.
A rate that was not narrowed and explains much is what an experiment should measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from remnant.forecast.routes import EscapeForecast

__all__ = ["RateReport", "confounded_pairs", "identifiability"]

FloatArray = npt.NDArray[np.float64]

_BINS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReport:
    """One uncertain rate.

    Attributes
    ----------
    rate : str
        Name.
    learned : float
        Share of the prior variance of its logarithm that the data removed; near 0: known from the prior only.
    outcome : str
        Outcome that it explains most of.
    explained : float
        Share of the variation of that outcome's probability over the draws, less what chance would give.
    rank_correlation : float
        Spearman's, between the rate and that probability.
    """

    rate: str
    learned: float
    outcome: str
    explained: float
    rank_correlation: float


def identifiability(forecast: EscapeForecast) -> tuple[RateReport, ...]:
    """Report on every uncertain rate of a forecast.

    Parameters
    ----------
    forecast : EscapeForecast
        One patient under one plan.

    Returns
    -------
    tuple of RateReport
        The rate that explains most first.
    """
    weights, probability = _by_draw(forecast)
    kept = weights > 0.0
    reports = []
    for name, values in forecast.rates.items():
        scale = np.log(values) if (values > 0.0).all() else values
        mean = np.average(scale, weights=weights)
        after = float(np.average((scale - mean) ** 2, weights=weights))
        best = max(
            ((_explained(scale[kept], row[kept]), number) for number, row in enumerate(probability)),
            key=lambda pair: pair[0],
        )
        row = probability[best[1]][kept]
        reports.append(
            RateReport(
                rate=name,
                learned=1.0 - after / float(scale.var()),
                outcome=forecast.shares[best[1]].outcome,
                explained=best[0],
                rank_correlation=float(stats.spearmanr(scale[kept], row).statistic)
                if np.ptp(row) > 0
                else 0.0,
            )
        )
    return tuple(sorted(reports, key=lambda report: -report.explained))


def confounded_pairs(forecast: EscapeForecast, *, above: float = 0.5) -> tuple[tuple[str, str, float], ...]:
    """Rates that the data tie together, so that neither is known alone.

    Parameters
    ----------
    forecast : EscapeForecast
        One patient under one plan.
    above : float, default 0.5
        Absolute rank correlation from which a pair is named.

    Returns
    -------
    tuple of (str, str, float)
        Pairs with their rank correlation among the draws kept; the priors themselves are independent.
    """
    weights, _ = _by_draw(forecast)
    names = list(forecast.rates)
    chosen = np.random.default_rng(0).choice(weights.size, 4 * weights.size, p=weights / weights.sum())
    matrix = np.stack([forecast.rates[name][chosen] for name in names], axis=1)
    if len(names) < 2:
        return ()
    correlation: FloatArray = np.asarray(np.corrcoef(stats.rankdata(matrix, axis=0), rowvar=False))
    return tuple(
        (names[i], names[j], float(correlation[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(correlation[i, j]) > above
    )


def _by_draw(forecast: EscapeForecast) -> tuple[FloatArray, FloatArray]:
    """Courses kept of each draw, and the probability of each outcome in each draw."""
    draws = next(iter(forecast.rates.values())).size
    kept = np.bincount(forecast.draw, minlength=draws).astype(float)
    probability = np.stack(
        [
            np.bincount(forecast.draw, forecast.outcome == number, minlength=draws) / np.maximum(kept, 1.0)
            for number in range(len(forecast.shares))
        ]
    )
    return kept, probability


def _explained(scale: FloatArray, probability: FloatArray) -> float:
    """Variance between bins of the rate over all variance, adjusted for the number of bins (epsilon squared)."""
    n = scale.size
    if n <= 2 * _BINS or np.ptp(probability) == 0.0:
        return 0.0
    group = (stats.rankdata(scale, method="ordinal").astype(int) - 1) * _BINS // n
    sizes = np.bincount(group)
    means = np.bincount(group, probability) / sizes
    between = float(sizes @ (means - probability.mean()) ** 2)
    total = float(((probability - probability.mean()) ** 2).sum())
    within = (total - between) / (n - _BINS)
    return max(0.0, (between - (_BINS - 1) * within) / total)
