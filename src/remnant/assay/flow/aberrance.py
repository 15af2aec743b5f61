"""Different from normal, and the patient's own phenotype.

*Different from normal*: the density of normal cells is a Gaussian mixture; an event's aberrance is the
negative log density, and the limit is the quantile of normal cells that were held out of the fit. *LAIP*: the
log ratio of the density of the patient's diagnostic blasts to that of normal cells, with its limit found the
same way. Both say what they call among held-out normal cells; that rate is the background of the statement.

References
----------
.. [1] Mocking et al., Computational measurable residual disease assessment in acute myeloid leukemia,
   Communications Medicine 4 (2024): mixture of normal cells, distance from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remnant.errors import FitError
from remnant.numerics.mixture import Mixture, fitted_mixture, log_density
from remnant.numerics.proportions import clopper_pearson

__all__ = ["AberranceRule", "HeldOutRate", "aberrance", "different_from_normal", "held_out_rate", "laip_rule"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AberranceRule:
    """A fixed rule: which events are called.

    Attributes
    ----------
    normal : Mixture
        Density of normal cells.
    blasts : Mixture or None
        Density of the patient's blasts; None for different-from-normal.
    limit : float
        Aberrance above which an event is called.
    """

    normal: Mixture
    blasts: Mixture | None
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutRate:
    """Share of events of one kind that a rule calls.

    Attributes
    ----------
    called, events : int
        Events called, and looked at.
    rate, lower, upper : float
        Share with its exact 95 % interval.
    """

    called: int
    events: int
    rate: float
    lower: float
    upper: float


def _halves(points: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    order = rng.permutation(len(points))
    middle = len(points) // 2
    return points[order[:middle]], points[order[middle:]]


def _limit(scores: Floats, false_positive_rate: float) -> float:
    """Smallest limit that at most the allowed share of held-out normal cells exceeds."""
    if len(scores) * false_positive_rate < 1.0:
        return float(scores.max())
    return float(np.quantile(scores, 1.0 - false_positive_rate, method="higher"))


def different_from_normal(
    normal: Floats, *, components: int, false_positive_rate: float, rng: np.random.Generator
) -> AberranceRule:
    """Rule learned from normal cells alone.

    Parameters
    ----------
    normal : ndarray of float, shape (n, d)
        Cells of reference marrows on the axes' scales; half fit the density, half set the limit.
    components : int
        Components of the mixture.
    false_positive_rate : float
        Share of normal cells that may be called.
    rng : numpy.random.Generator
        Seeded source.

    Returns
    -------
    AberranceRule
        The rule.

    Raises
    ------
    FitError
        If there are too few cells.
    """
    fit, held = _halves(normal, rng)
    mixture = fitted_mixture(fit, components=components, rng=rng)
    return AberranceRule(mixture, None, _limit(-log_density(mixture, held), false_positive_rate))


def laip_rule(
    blasts: Floats,
    normal: Floats,
    *,
    components: int,
    false_positive_rate: float,
    rng: np.random.Generator,
) -> AberranceRule:
    """Rule learned from a patient's diagnostic blasts against normal cells.

    Parameters
    ----------
    blasts, normal : ndarray of float, shape (n, d)
        Cells on the axes' scales; half of the normal ones set the limit.
    components : int
        Components of the normal mixture; the blasts get a third of them.
    false_positive_rate : float
        Share of normal cells that may be called.
    rng : numpy.random.Generator
        Seeded source.

    Returns
    -------
    AberranceRule
        The rule.

    Raises
    ------
    FitError
        If there are too few cells, or both have different numbers of values.
    """
    if blasts.shape[1] != normal.shape[1]:
        raise FitError(
            where="LAIP",
            found=f"{blasts.shape[1]} and {normal.shape[1]} values a cell",
            needed="the same axes for blasts and normal cells",
            advice="Use the channels that both tubes have.",
        )
    fit, held = _halves(normal, rng)
    normal_mixture = fitted_mixture(fit, components=components, rng=rng)
    blast_mixture = fitted_mixture(blasts, components=max(1, components // 3), rng=rng)
    open_rule = AberranceRule(normal_mixture, blast_mixture, -np.inf)
    return AberranceRule(
        normal_mixture, blast_mixture, _limit(aberrance(open_rule, held), false_positive_rate)
    )


def aberrance(rule: AberranceRule, points: Floats) -> Floats:
    """How far each event is from normal.

    Parameters
    ----------
    rule : AberranceRule
        Rule.
    points : ndarray of float, shape (n, d)
        Events on the axes that the rule was learned on.

    Returns
    -------
    ndarray of float, shape (n,)
        Natural-log units; called where it exceeds the rule's limit.
    """
    away = -log_density(rule.normal, points)
    return away if rule.blasts is None else away + log_density(rule.blasts, points)


def held_out_rate(rule: AberranceRule, points: Floats) -> HeldOutRate:
    """Share of events that a rule calls, on events that it was not learned from.

    Parameters
    ----------
    rule : AberranceRule
        Rule.
    points : ndarray of float, shape (n, d)
        Held-out events of one kind.

    Returns
    -------
    HeldOutRate
        With its exact interval.
    """
    called = int(np.count_nonzero(aberrance(rule, points) > rule.limit))
    lower, upper = clopper_pearson(called, len(points))
    return HeldOutRate(
        called=called,
        events=len(points),
        rate=called / len(points),
        lower=float(lower),
        upper=float(upper),
    )
