"""Detection against copies: how often wells of known content give a signal, and the level seen 95 times of 100.

Every model is written with its limit of detection L as parameter, so that its profile likelihood is direct:

* ``one hit``: P = 1 - 0.05^(N / L), one molecule that amplifies is enough; q = -ln 0.05 / L is its probability;
* ``dilution error``: the same, but a level of nominal copies N holds N 10^e, e ~ Normal(0, shape^2), one draw
  for all wells of the level;
* ``over-dispersion``: molecules a well are negative binomial, variance mean + shape * mean^2;
* ``several hits``: `shape` molecules are needed, P = gammainc(shape, c N / L); one at shape 1;
* ``logit``, ``probit``: the dose response on log N with slope `shape`, no mechanism.

Clumps of several molecules that dissolve into one signal change q only: by detection alone they cannot be told
from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit, gammainc, gammaincinv, gammaln, logit, logsumexp, ndtr, ndtri
from scipy.stats import chi2

__all__ = [
    "MODELS",
    "DetectionFit",
    "Detections",
    "Model",
    "above_blank",
    "against_one_hit",
    "fit",
    "goodness_of_fit",
    "log_likelihood",
    "probability",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Model = Literal["one hit", "dilution error", "over-dispersion", "several hits", "logit", "probit"]

_P: Final = 0.95
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_LOG_WEIGHTS: Final = np.log(_WEIGHTS / _WEIGHTS.sum())
_TINY: Final = 1e-12
_TELLING: Final = 0.01
_ZOOMS: Final = 4
_GRID: Final = 25


@dataclass(frozen=True, slots=True)
class _Shape:
    """Range of a model's second parameter, and where the model is one hit."""

    low: float
    high: float
    one_hit: float | None
    at_edge: bool


_SHAPES: Final[dict[Model, _Shape]] = {
    "dilution error": _Shape(0.0, 1.5, 0.0, at_edge=True),
    "over-dispersion": _Shape(0.0, 20.0, 0.0, at_edge=True),
    "several hits": _Shape(0.2, 20.0, 1.0, at_edge=False),
    "logit": _Shape(0.05, 60.0, None, at_edge=False),
    "probit": _Shape(0.05, 40.0, None, at_edge=False),
}
MODELS: Final[tuple[Model, ...]] = ("one hit", *_SHAPES)
"""All models."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Wells with signal by level.

    Attributes
    ----------
    copies : ndarray of float, shape (levels,)
        Nominal copies a well, positive.
    detected, wells : ndarray of int, shape (levels,)
        Wells with signal, and all.
    """

    copies: Floats
    detected: Integers
    wells: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionFit:
    """A model at its largest likelihood.

    Attributes
    ----------
    model : Model
        Which.
    limit_of_detection, lower, upper : float
        Copies detected in 95 % of wells, with the profile-likelihood interval; ``inf`` or 0 where the data set no end.
    shape : float or None
        Second parameter; None for one hit.
    log_likelihood : float
        Natural logarithm, binomial constant included.
    """

    model: Model
    limit_of_detection: float
    lower: float
    upper: float
    shape: float | None
    log_likelihood: float

    @property
    def detection_probability(self) -> float:
        """P(one molecule gives a signal), where one is enough: ``-ln 0.05 / limit``.

        Returns
        -------
        float
            Above 1 if the limit lies below that of Poisson counts.
        """
        return float(-np.log(1.0 - _P) / self.limit_of_detection)


def probability(model: Model, copies: Floats, *, limit: float, shape: float | Floats | None = None) -> Floats:
    """P(signal) of a well at a level.

    Parameters
    ----------
    model : Model
        Which.
    copies : ndarray of float
        Copies a well.
    limit : float
        Limit of detection, copies.
    shape : float, ndarray or None, default None
        Second parameter, broadcast with the copies. The dilution error is not in this: it is the curve at the
        true copies.

    Returns
    -------
    ndarray of float
        Probabilities.

    Examples
    --------
    >>> probability("one hit", np.array([1.0, 3.0]), limit=3.0).round(3).tolist()
    [0.632, 0.95]
    """
    ratio = copies / limit
    if model in ("one hit", "dilution error") or shape is None:
        result: Floats = -np.expm1(ratio * np.log(1.0 - _P))
    elif model == "over-dispersion":
        # Below 1e-6 the power law is the exponential to all figures.
        size = 1.0 / np.maximum(np.asarray(shape, dtype=np.float64), 1e-6)
        result = (1.0 - np.power(1.0 + np.expm1(-np.log(1.0 - _P) / size) * ratio, -size)).astype(float)
    elif model == "several hits":
        result = np.asarray(gammainc(shape, gammaincinv(shape, _P) * ratio), dtype=np.float64)
    elif model == "logit":
        result = expit(logit(_P) + shape * np.log(ratio))
    else:
        result = ndtr(ndtri(_P) + shape * np.log(ratio))
    return result


def log_likelihood(data: Detections, model: Model, *, limit: float, shape: float | None = None) -> float:
    """Binomial log-likelihood of the levels.

    Parameters
    ----------
    data : Detections
        Wells.
    model : Model
        Which.
    limit : float
        Limit of detection, copies.
    shape : float or None, default None
        Second parameter; the dilution error is integrated out level by level.

    Returns
    -------
    float
        Natural logarithm.
    """
    shapes = np.zeros(1) if shape is None else np.array([shape])
    return _constant(data) + float(_over_shapes(data, model, limit, shapes)[0])


def _over_shapes(data: Detections, model: Model, limit: float, shapes: Floats) -> Floats:
    """Log-likelihood, without its constant, of every shape at one limit."""
    if model == "dilution error":
        moved = data.copies[:, None] * np.power(10.0, shapes[:, None, None] * _NODES)
        each = _binomial(
            probability("one hit", moved, limit=limit), data.detected[:, None], data.wells[:, None]
        )
        levels: Floats = logsumexp(each + _LOG_WEIGHTS, axis=2)
    else:
        p = probability(model, data.copies, limit=limit, shape=shapes[:, None])
        levels = _binomial(p, data.detected, data.wells)
    total: Floats = np.broadcast_to(levels.sum(axis=-1), shapes.shape)
    return total


def _binomial(p: Floats, detected: Integers, wells: Integers) -> Floats:
    inside = np.clip(p, _TINY, 1.0 - _TINY)
    result: Floats = detected * np.log(inside) + (wells - detected) * np.log1p(-inside)
    return result


def _constant(data: Detections) -> float:
    return float(
        (gammaln(data.wells + 1) - gammaln(data.detected + 1) - gammaln(data.wells - data.detected + 1)).sum()
    )


def _best_shape(data: Detections, model: Model, limit: float) -> tuple[float | None, float]:
    """Second parameter at a given limit, and the log-likelihood there."""
    if model == "one hit":
        return None, log_likelihood(data, model, limit=limit)
    shape = _SHAPES[model]
    # Square roots: the shapes near zero need the finest grid.
    low, high = shape.low**0.5, shape.high**0.5
    for _ in range(_ZOOMS):
        grid = np.linspace(low, high, _GRID)
        values = _over_shapes(data, model, limit, np.square(grid))
        place = int(values.argmax())
        low, high = float(grid[max(place - 1, 0)]), float(grid[min(place + 1, _GRID - 1)])
    return float(grid[place] ** 2), _constant(data) + float(values[place])


def fit(data: Detections, model: Model, *, level: float = 0.95) -> DetectionFit:
    """Limit of detection with its profile-likelihood interval.

    Parameters
    ----------
    data : Detections
        Wells at known levels.
    model : Model
        Which.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    DetectionFit
        At the largest likelihood.

    Raises
    ------
    ValueError
        If no well, or every well, gave a signal: the limit is then below or above all levels.

    References
    ----------
    .. [1] Burns et al., Anal Bioanal Chem 391, 2207-2218 (2008): one-hit curves of limiting dilutions.
    .. [2] Forootan et al., Biomol Detect Quantif 12, 1-6 (2017): logistic limit of detection.

    Examples
    --------
    >>> data = Detections(np.array([1.0, 3.0, 10.0]), np.array([63, 95, 100]), np.full(3, 100))
    >>> got = fit(data, "one hit")
    >>> round(got.limit_of_detection, 1), round(got.detection_probability, 2)
    (3.0, 1.0)
    """
    if not 0 < data.detected.sum() < data.wells.sum():
        msg = f"{data.detected.sum()} of {data.wells.sum()} wells gave a signal: no level tells the limit"
        raise ValueError(msg)
    middle = float(np.log(data.copies).mean())
    reach = float(np.ptp(np.log(data.copies))) + 6.0

    def loss(log_limit: float) -> float:
        return -_best_shape(data, model, float(np.exp(log_limit)))[1]

    grid = np.linspace(middle - reach, middle + reach, 49)
    losses = np.array([loss(float(value)) for value in grid])
    place = int(losses.argmin())
    bracket = (float(grid[max(place - 1, 0)]), float(grid[min(place + 1, len(grid) - 1)]))
    found = optimize.minimize_scalar(loss, bounds=bracket, method="bounded", options={"xatol": 1e-7})
    best = float(found.x)
    fall = float(found.fun) + 0.5 * float(chi2.ppf(level, 1))
    limit = float(np.exp(best))
    return DetectionFit(
        model=model,
        limit_of_detection=limit,
        lower=float(np.exp(_end(loss, best, grid[grid < best][::-1], fall))),
        upper=float(np.exp(_end(loss, best, grid[grid > best], fall))),
        shape=_best_shape(data, model, limit)[0],
        log_likelihood=-float(found.fun),
    )


def _end(loss: Callable[[float], float], best: float, outward: Floats, fall: float) -> float:
    """Where the loss reaches `fall` on one side; infinite where it never does."""
    inner = best
    for outer in outward.tolist():
        if loss(outer) > fall:
            return float(optimize.brentq(lambda x: loss(x) - fall, inner, outer, xtol=1e-6))
        inner = outer
    return float(np.inf) if len(outward) and outward[-1] > best else float(-np.inf)


def goodness_of_fit(data: Detections, found: DetectionFit) -> tuple[float, int, float]:
    """Likelihood-ratio test of a model against one free probability a level.

    Parameters
    ----------
    data : Detections
        Wells.
    found : DetectionFit
        Fitted model.

    Returns
    -------
    deviance : float
        Twice the log-likelihood ratio.
    freedom : int
        Levels less parameters; a level at which the model expects less than 0.01 wells of the rarer outcome
        tells nothing and does not count.
    p_value : float
        Chi-squared; 1 without freedom.

    Examples
    --------
    >>> data = Detections(np.array([1.0, 5.0]), np.array([25, 59]), np.array([96, 96]))
    >>> deviance, freedom, p_value = goodness_of_fit(data, fit(data, "one hit"))
    >>> freedom, round(p_value, 3)
    (1, 0.066)
    """
    share = data.detected / data.wells
    free = _constant(data) + float(_binomial(share, data.detected, data.wells).sum())
    deviance = max(2.0 * (free - found.log_likelihood), 0.0)
    p = probability(found.model, data.copies, limit=found.limit_of_detection, shape=found.shape)
    telling = (np.minimum(p, 1.0 - p) * data.wells > _TELLING) | ((share > 0) & (share < 1))
    freedom = int(telling.sum()) - (1 if found.shape is None else 2)
    return deviance, freedom, float(chi2.sf(deviance, freedom)) if freedom > 0 else 1.0


def against_one_hit(found: DetectionFit, one_hit: DetectionFit) -> tuple[float, float]:
    """Likelihood-ratio test of a model that contains one hit, against it.

    Parameters
    ----------
    found : DetectionFit
        Wider model.
    one_hit : DetectionFit
        One hit on the same wells.

    Returns
    -------
    ratio : float
        Twice the log-likelihood ratio.
    p_value : float
        One degree of freedom; halved where one hit lies at the edge of the wider model.

    Raises
    ------
    ValueError
        If the model does not contain one hit.

    References
    ----------
    .. [1] Self and Liang, JASA 82, 605-610 (1987): a parameter at its boundary.
    """
    shape = _SHAPES.get(found.model)
    if shape is None or shape.one_hit is None:
        msg = f"{found.model} does not contain one hit: compare by fit"
        raise ValueError(msg)
    ratio = max(2.0 * (found.log_likelihood - one_hit.log_likelihood), 0.0)
    p_value = float(chi2.sf(ratio, 1))
    return ratio, 0.5 * p_value if shape.at_edge and ratio > 0 else (1.0 if ratio == 0 else p_value)


def above_blank(
    data: Detections, *, blank_molecules: float, limit_of_blank: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Copies at which 95 % of wells hold more molecules than a blank stays within.

    Parameters
    ----------
    data : Detections
        Wells with a signal by level; the blank gives some of these signals.
    blank_molecules : float
        Mean number of molecules that amplify in a blank well.
    limit_of_blank : float
        Molecules that a blank well stays within.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    copies, lower, upper : float
        With one hit of probability q a nominal copy, at its largest likelihood: the signals of the levels are
        those of ``q N`` and the blank's molecules together. Profile likelihood of q.

    References
    ----------
    .. [1] CLSI EP17-A2 (2012): a sample at the limit of detection lies above the limit of blank with 95 %.

    Examples
    --------
    >>> data = Detections(np.array([1.0, 3.0, 10.0]), np.array([67, 96, 100]), np.full(3, 100))
    >>> [round(x, 1) for x in above_blank(data, blank_molecules=0.1, limit_of_blank=1.0)]
    [4.5, 3.7, 5.6]
    """
    needed = float(gammaincinv(limit_of_blank + 1.0, _P)) - blank_molecules

    def loss(log_hits: float) -> float:
        p = -np.expm1(-(np.exp(log_hits) * data.copies + blank_molecules))
        return -float(_binomial(p, data.detected, data.wells).sum())

    middle = -float(np.log(data.copies).mean())
    reach = float(np.ptp(np.log(data.copies))) + 6.0
    grid = np.linspace(middle - reach, middle + reach, 49)
    place = int(np.argmin([loss(float(value)) for value in grid]))
    bracket = (float(grid[max(place - 1, 0)]), float(grid[min(place + 1, len(grid) - 1)]))
    found = optimize.minimize_scalar(loss, bounds=bracket, method="bounded", options={"xatol": 1e-7})
    best, fall = float(found.x), float(found.fun) + 0.5 * float(chi2.ppf(level, 1))
    least, most = _end(loss, best, grid[grid < best][::-1], fall), _end(loss, best, grid[grid > best], fall)
    with np.errstate(over="ignore"):
        return tuple(float(needed * np.exp(-hits)) for hits in (best, most, least))  # type: ignore[return-value]  # three
