"""Cut-offs of false-positive nuclei, each as the critical count for the nuclei actually scored.

In: counts of healthy donors. Out: the smallest count that is called positive, and how often controls
would reach it. A cut-off of no positive control is a bound, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special, stats

from remnant.errors import MeasurementError
from remnant.records.fish import FishCutoff

__all__ = [
    "METHODS",
    "Controls",
    "binomial_cutoff",
    "control_counts",
    "critical_binomial",
    "cutoffs",
]

METHODS: Final = (
    "predictive beta-binomial",
    "exact binomial",
    "CRITBINOM",
    "Poisson",
    "mean + 3 SD",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """False-positive nuclei of healthy donors, one entry a donor.

    Attributes
    ----------
    positive, scored : tuple of int
        Nuclei of each donor.
    """

    positive: tuple[int, ...]
    scored: tuple[int, ...]

    @property
    def rate(self) -> float:
        """Mean rate with half a nucleus added, so that it is never 0.

        Returns
        -------
        float
            ``(K + 1/2) / (N + 1)``.
        """
        return (sum(self.positive) + 0.5) / (sum(self.scored) + 1.0)


def control_counts(positive: Sequence[int], scored: Sequence[int]) -> Controls:
    """Counts of donors, checked.

    Parameters
    ----------
    positive, scored : sequence of int
        Nuclei of each donor.

    Returns
    -------
    Controls
        The same.

    Raises
    ------
    MeasurementError
        With every donor whose counts cannot be.

    Examples
    --------
    >>> round(control_counts([1, 0, 0], [200, 200, 200]).rate, 5)
    0.0025
    """
    problems = [
        f"donor {i + 1}: {k} of {n} nuclei"
        for i, (k, n) in enumerate(zip(positive, scored, strict=True))
        if not 0 <= k <= n or n <= 0
    ]
    if problems or not len(scored):
        raise MeasurementError(
            where="control nuclei",
            found=problems[0] if problems else "no donor",
            needed="at least one donor, no more positive than scored nuclei",
            advice="Correct the control table.",
            problems=problems[1:],
        )
    return Controls(positive=tuple(positive), scored=tuple(scored))


def binomial_cutoff(positive: int, scored: int, *, alpha: float = 0.05) -> float:
    """Exact one-sided upper bound of a rate: the spreadsheet's ``BETAINV(1 - a, k + 1, n - k)``.

    Parameters
    ----------
    positive, scored : int
        Most false-positive nuclei of a normal, and nuclei.
    alpha : float, default 0.05
        One-sided error.

    Returns
    -------
    float
        Cut-off as a share; 1 if all nuclei were positive.

    References
    ----------
    .. [1] Dewald et al., Blood 91, 3357-3365 (1998): the published .079 % is the bound of 1 in 6,000.
    .. [2] Ciolino et al., J Mol Diagn 11, 330-333 (2009).

    Examples
    --------
    >>> f"{100 * binomial_cutoff(1, 6000):.7f}"
    '0.0790397'
    """
    if positive >= scored:
        return 1.0
    return float(special.betaincinv(positive + 1, scored - positive, 1.0 - alpha))


def critical_binomial(scored: int, rate: float, level: float = 0.95) -> int:
    """The spreadsheet's ``CRITBINOM``: smallest x with P(X <= x) of at least the level.

    Parameters
    ----------
    scored : int
        Nuclei.
    rate : float
        Rate a nucleus.
    level : float, default 0.95
        Probability.

    Returns
    -------
    int
        A count **above** it is called positive.

    Examples
    --------
    >>> critical_binomial(200, 0.0025), critical_binomial(500, 0.01, 0.99)
    (2, 11)
    """
    return int(stats.binom.ppf(level, scored, rate))


def cutoffs(
    controls: Controls, scored: int, *, alpha: float = 0.05, deviations: float = 3.0, classical: str = ""
) -> tuple[FishCutoff, ...]:
    """Every cut-off by name.

    Parameters
    ----------
    controls : Controls
        Healthy donors, same probe, pattern and preparation.
    scored : int
        Nuclei scored in the fraction that is judged.
    alpha : float, default 0.05
        Nominal one-sided size.
    deviations : float, default 3
        Standard deviations of the Gaussian rule; with one donor it is left out.
    classical : str, default ""
        Method by which the laboratory reports.

    Returns
    -------
    tuple of FishCutoff
        One a method, in the order of `METHODS`. The attained size is that of the count at the controls'
        rate, except for the predictive rule, where it is the predictive probability.

    Raises
    ------
    MeasurementError
        If no nucleus was scored.

    Notes
    -----
    *exact binomial* bounds the rate of the normal with the most positive nuclei; *CRITBINOM* and
    *Poisson* call a count positive above their quantile at the mean rate; the *predictive* rule integrates
    over Beta(K + 1/2, N - K + 1/2) of the pooled controls.

    References
    ----------
    .. [1] Ciolino et al., J Mol Diagn 11, 330-333 (2009).

    Examples
    --------
    >>> pooled = control_counts([15], [6000])
    >>> [(row.method, row.critical_count) for row in cutoffs(pooled, 200)][0]
    ('predictive beta-binomial', 3)
    """
    if scored < 1:
        raise MeasurementError(
            where="cut-off", found=f"{scored} nuclei", needed="at least 1", advice="Score the fraction."
        )
    k, n = sum(controls.positive), sum(controls.scored)
    mean = k / n
    worst = max(
        zip(controls.positive, controls.scored, strict=True), key=lambda pair: (pair[0] / pair[1], pair[0])
    )
    counts = np.arange(scored + 2)
    predictive = stats.betabinom.sf(counts - 1, scored, k + 0.5, n - k + 0.5)
    critical = int(np.argmax(predictive <= alpha))
    found: list[tuple[str, float, int, float]] = [
        (METHODS[0], critical / scored, critical, float(predictive[critical]))
    ]
    exact = binomial_cutoff(*worst, alpha=alpha)
    binomial, poisson = (
        critical_binomial(scored, mean, 1 - alpha),
        int(stats.poisson.ppf(1 - alpha, scored * mean)),
    )
    plain = [(METHODS[1], exact, _above(exact, scored))]
    plain += [(METHODS[2], binomial / scored, binomial + 1), (METHODS[3], poisson / scored, poisson + 1)]
    if len(controls.scored) > 1:
        shares = np.asarray(controls.positive) / np.asarray(controls.scored)
        gauss = float(shares.mean() + deviations * shares.std(ddof=1))
        plain.append((METHODS[4].replace("3", f"{deviations:g}"), gauss, _above(gauss, scored)))
    found += [
        (name, share, count, float(stats.binom.sf(count - 1, scored, controls.rate)))
        for name, share, count in plain
    ]
    return tuple(
        FishCutoff(
            method=name,
            cutoff_percent=100.0 * share,
            critical_count=count,
            attained_size=size,
            scored=scored,
            alpha=None if "SD" in name else alpha,
            classical=name == classical,
        )
        for name, share, count, size in found
    )


def _above(share: float, scored: int) -> int:
    """Smallest count whose share is above a cut-off."""
    return min(int(np.floor(share * scored + 1e-9)) + 1, scored + 1)
