"""Standard curves of many plates at once: every plate's line drawn from the history of its assay.

Plate p reads ``Cq = intercept_p + slope_p * log10 m`` for m molecules that amplify. A standard of N nominal
copies holds Poisson(q N) of them, so its mean is bent and its variance grows at low copies as Poisson demands.
A level is off the line by two pipetting errors, both in cycles: one of the dilution series that all plates
share (`shared_level_sd`) and one of the plate (`plate_level_sd`). Lines are Normal about the mean of the
history. Given the variances all is Gaussian algebra in closed form; the variances maximise the marginal
likelihood, held by defaults that count as a few degrees of freedom.

Arrays are plates x levels of one common ladder. Cq in cycles, copies as log10. Silent wells carry no Cq: they
enter through the moments, which are those of wells that hold a molecule, and in `calibration_silent`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import logsumexp
from scipy.stats import chi2

from remnant.numerics.calibration_ladder import Ladder, common_slope, log_count_moments

__all__ = [
    "History",
    "Lines",
    "Spread",
    "at_levels",
    "drift",
    "fit_history",
    "for_other_standards",
    "history_given",
    "marginal_log_likelihood",
    "own_lines",
    "posterior_lines",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SMALLEST_SD: Final = 1e-3
_LARGEST_SD: Final = 30.0
_STEEPEST: Final = 2.5
_SHARED_GRID: Final = np.exp(np.linspace(np.log(2e-3), np.log(0.6), 48))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Standard deviations of the hierarchy, cycles (of the slope: cycles a tenfold).

    Attributes
    ----------
    height_sd, slope_sd : float
        Between plates: of the line at the middle of the ladder, and of its slope.
    correlation : float
        Between the two.
    plate_level_sd, shared_level_sd : float
        Error of one level on one plate, and of one level on all plates of the history.
    """

    height_sd: float
    slope_sd: float
    correlation: float
    plate_level_sd: float
    shared_level_sd: float

    def moved(self, decades: float) -> Spread:
        """The same lines, their heights taken further up the ladder.

        Parameters
        ----------
        decades : float
            Distance to the new middle, log10 copies.

        Returns
        -------
        Spread
            Of the same slopes and levels.

        Examples
        --------
        >>> one = Spread(height_sd=0.3, slope_sd=0.1, correlation=0.0, plate_level_sd=0.0, shared_level_sd=0.0)
        >>> round(one.moved(4.0).height_sd, 3), round(one.moved(4.0).correlation, 3)
        (0.5, 0.8)
        """
        cross = self.correlation * self.height_sd * self.slope_sd
        height = (self.height_sd**2 + 2.0 * decades * cross + (decades * self.slope_sd) ** 2) ** 0.5
        correlation = (cross + decades * self.slope_sd**2) / (height * self.slope_sd)
        return replace(self, height_sd=height, correlation=correlation)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What the plates of an assay say together.

    Attributes
    ----------
    centre : float
        Middle of the ladder, log10 copies; heights are taken there.
    spread : Spread
        Standard deviations.
    detection_probability : float
        P(one molecule amplifies) that the moments assume.
    mean, covariance : ndarray of float, shape (2 + levels,) and (2 + levels, 2 + levels)
        Posterior of the mean height, the mean slope, and the shared error of every level.
    plates : int
        Plates it was learned from.
    """

    centre: float
    spread: Spread
    detection_probability: float
    mean: Floats
    covariance: Floats
    plates: int

    @property
    def between(self) -> Floats:
        """Covariance of height and slope between plates.

        Returns
        -------
        ndarray of float, shape (2, 2)
            Of cycles, and cycles a tenfold.
        """
        cross = self.spread.correlation * self.spread.height_sd * self.spread.slope_sd
        return np.array([[self.spread.height_sd**2, cross], [cross, self.spread.slope_sd**2]])


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines of plates with their uncertainty.

    Attributes
    ----------
    height, slope : ndarray of float, shape (plates,)
        Cq at `centre`, and cycles a tenfold.
    centre : float
        log10 copies of the height.
    covariance : ndarray of float, shape (plates, 2, 2)
        Of height and slope.
    """

    height: Floats
    slope: Floats
    centre: float
    covariance: Floats

    @property
    def intercept(self) -> Floats:
        """Cq of one copy.

        Returns
        -------
        ndarray of float, shape (plates,)
            Cycles.
        """
        result: Floats = self.height - self.slope * self.centre
        return result


@dataclass(frozen=True, slots=True, eq=False)
class _Wells:
    """Level means as the algebra takes them: height and slope design, value and variance of one mean."""

    design: Floats
    value: Floats
    scatter: Floats
    seen: Bools
    centre: float


def _prepared(held: Ladder, *, technical: Floats, slope: float, detection_probability: float) -> _Wells:
    expected, variance = log_count_moments(detection_probability * np.power(10.0, held.log10_copies))
    x = expected - np.log10(detection_probability)
    seen = held.wells > 0
    centre = float(held.log10_copies.mean())
    each = np.square(technical)[:, None] + slope**2 * variance
    return _Wells(
        np.stack([np.ones_like(x), x - centre], axis=1),
        held.mean,
        each / np.maximum(held.wells, 1),
        seen,
        centre,
    )


def _between(spread: Spread) -> Floats:
    cross = spread.correlation * spread.height_sd * spread.slope_sd
    return np.array([[spread.height_sd**2, cross], [cross, spread.slope_sd**2]])


@dataclass(frozen=True, slots=True, eq=False)
class _Algebra:
    """Gaussian pieces of every plate, and of the means that they share."""

    weight: Floats
    information: Floats
    plate_covariance: Floats
    shared_information: Floats
    shared_score: Floats
    constant: Floats
    prior: Floats


def _algebra(wells: _Wells, spread: Spread) -> _Algebra:
    x, y = wells.design, wells.value
    variance = wells.scatter + spread.plate_level_sd**2
    weight = np.where(wells.seen, 1.0 / variance, 0.0)
    between = _between(spread)
    levels = len(x)
    a = np.concatenate([x, np.eye(levels)], axis=1)
    weighted = x.T[None, :, :] * weight[:, None, :]
    information, xa = weighted @ x, weighted @ a
    xy = (weighted @ y[:, :, None])[:, :, 0]
    inside = np.eye(2) + between @ information
    covariance: Floats = np.linalg.solve(inside, np.broadcast_to(between, information.shape)).astype(float)
    gain = np.swapaxes(xa, 1, 2) @ covariance
    shared = (a.T[None, :, :] * weight[:, None, :]) @ a - gain @ xa
    score = (weight * y) @ a - (gain @ xy[:, :, None])[:, :, 0]
    quadratic = (weight * y * y).sum(axis=1) - (xy * (covariance @ xy[:, :, None])[:, :, 0]).sum(axis=1)
    determinant = np.log(np.where(wells.seen, variance, 1.0)).sum(axis=1) + np.log(np.linalg.det(inside))
    prior = np.diag(np.r_[0.0, 0.0, np.full(levels, spread.shared_level_sd**-2.0)])
    return _Algebra(weight, information, covariance, shared, score, -0.5 * (quadratic + determinant), prior)


def _marginal(wells: _Wells, spread: Spread) -> float:
    part = _algebra(wells, spread)
    information = part.shared_information.sum(axis=0) + part.prior
    score = part.shared_score.sum(axis=0)
    sign, determinant = np.linalg.slogdet(information)
    levels = len(wells.design)
    fitted = score @ np.linalg.solve(information, score)
    observed = int(wells.seen.sum()) - 2
    return float(
        part.constant.sum()
        + 0.5 * (fitted - sign * determinant)
        - levels * np.log(spread.shared_level_sd)
        - 0.5 * observed * np.log(2.0 * np.pi)
    )


def marginal_log_likelihood(
    held: Ladder, spread: Spread, *, technical: Floats, slope: float, detection_probability: float = 1.0
) -> float:
    """Log-likelihood of the level means, lines and level errors integrated out, mean line flat.

    Parameters
    ----------
    held : Ladder
        Standards.
    spread : Spread
        Standard deviations of the hierarchy.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.
    slope : float
        Cycles a tenfold, for the Poisson part.
    detection_probability : float, default 1.0
        P(one molecule amplifies).

    Returns
    -------
    float
        Natural logarithm.

    References
    ----------
    .. [1] Laird and Ware, Biometrics 38, 963-974 (1982): random lines; Harville, JASA 72, 320-338 (1977): the
       restricted likelihood, which is this integral.
    """
    wells = _prepared(held, technical=technical, slope=slope, detection_probability=detection_probability)
    # Values about their mean: a flat mean line makes the integral blind to it, the arithmetic is not.
    middle = float(held.mean[held.wells > 0].mean())
    return _marginal(replace(wells, value=np.where(wells.seen, wells.value - middle, 0.0)), spread)


def fit_history(
    held: Ladder,
    *,
    technical: Floats,
    default: Spread,
    weight: float,
    detection_probability: float = 1.0,
) -> History:
    """Mean line and standard deviations of an assay over its plates.

    Parameters
    ----------
    held : Ladder, at least two plates
        Standards.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.
    default : Spread
        Standard deviations before the plates speak.
    weight : float
        Degrees of freedom that each of them counts for.
    detection_probability : float, default 1.0
        P(one molecule amplifies).

    Returns
    -------
    History
        At the largest marginal likelihood, the defaults counting as `weight` observations of each variance.
        The variance of the shared level errors, of which there are only as many as levels, is its posterior
        mean instead, the others held.

    Raises
    ------
    ValueError
        If there are fewer than two plates, or fewer than two levels with wells.

    References
    ----------
    .. [1] Robbins (1956), Efron and Morris, JASA 68, 117-130 (1973): empirical Bayes.
    """
    if len(held) < 2 or (held.wells > 0).any(axis=0).sum() < 2:
        msg = f"{len(held)} plates, {int((held.wells > 0).any(axis=0).sum())} levels: a history needs two of each"
        raise ValueError(msg)
    slope = common_slope(held)
    wells = _prepared(held, technical=technical, slope=slope, detection_probability=detection_probability)
    middle = float(held.mean[held.wells > 0].mean())
    wells = replace(wells, value=np.where(wells.seen, wells.value - middle, 0.0))
    names = ("height_sd", "slope_sd", "plate_level_sd", "shared_level_sd")
    defaults = np.array([getattr(default, name) for name in names])

    def spread_of(free: Floats) -> Spread:
        sd = np.exp(free[:4])
        return Spread(
            height_sd=float(sd[0]),
            slope_sd=float(sd[1]),
            plate_level_sd=float(sd[2]),
            shared_level_sd=float(sd[3]),
            correlation=float(np.tanh(free[4])),
        )

    def loss(free: Floats) -> float:
        held_by = weight * float((free[:4] + 0.5 * np.square(defaults * np.exp(-free[:4]))).sum())
        # One pseudo-observation keeps the correlation off its edge.
        inside = float(np.log1p(-(np.tanh(free[4]) ** 2)))
        return held_by - inside - _marginal(wells, spread_of(free))

    bounds = [(float(np.log(_SMALLEST_SD)), float(np.log(_LARGEST_SD)))] * 4 + [(-_STEEPEST, _STEEPEST)]
    start = np.r_[np.log(defaults), np.arctanh(default.correlation)]
    found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    at_most = spread_of(found.x)
    spread = replace(at_most, shared_level_sd=_mean_shared(wells, at_most, default, weight))
    return history_given(held, spread, technical=technical, detection_probability=detection_probability)


def history_given(
    held: Ladder, spread: Spread, *, technical: Floats, detection_probability: float = 1.0
) -> History:
    """Mean line and shared level errors of an assay whose standard deviations are known.

    Parameters
    ----------
    held : Ladder
        Standards.
    spread : Spread
        Standard deviations of the hierarchy.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.
    detection_probability : float, default 1.0
        P(one molecule amplifies).

    Returns
    -------
    History
        Posterior under a flat mean line.

    References
    ----------
    .. [1] Laird and Ware, Biometrics 38, 963-974 (1982).
    """
    wells = _prepared(
        held,
        technical=technical,
        slope=common_slope(held),
        detection_probability=detection_probability,
    )
    # Values about their mean: the arithmetic of a flat height.
    middle = float(held.mean[held.wells > 0].mean())
    part = _algebra(
        replace(wells, value=np.where(wells.seen, wells.value - middle, 0.0)),
        spread,
    )
    mean, covariance = _shared_posterior(part, np.ones(len(held), dtype=bool))
    mean[0] += middle
    return History(wells.centre, spread, detection_probability, mean, covariance, len(held))


def _mean_shared(wells: _Wells, spread: Spread, default: Spread, weight: float) -> float:
    """Root of the posterior mean of the shared variance, flat in the logarithm but for its default."""
    sd = _SHARED_GRID
    fit = np.array([_marginal(wells, replace(spread, shared_level_sd=float(value))) for value in sd])
    held_by = weight * (np.log(sd) + 0.5 * np.square(default.shared_level_sd / sd))
    log_share = fit - held_by
    return float(np.sqrt(np.exp(log_share - logsumexp(log_share)) @ np.square(sd)))


def _shared_posterior(part: _Algebra, plates: Bools) -> tuple[Floats, Floats]:
    information = part.shared_information[plates].sum(axis=0) + part.prior
    covariance = np.linalg.inv(information)
    return covariance @ part.shared_score[plates].sum(axis=0), covariance


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A line drawn from the history: its mean, what carries the shared errors into it, and its own covariance."""

    line: Floats
    carried: Floats
    own: Floats


def _drawn(held: Ladder, history: History, technical: Floats) -> _Drawn:
    wells = _prepared(
        held,
        technical=technical,
        slope=float(history.mean[1]),
        detection_probability=history.detection_probability,
    )
    wells = replace(wells, centre=history.centre, design=_moved(wells, history.centre))
    part = _algebra(wells, history.spread)
    x = wells.design
    gain = np.einsum("pij,pl,lj->pil", part.plate_covariance, part.weight, x)
    keeps = np.eye(2) - np.einsum("pil,lj->pij", gain, x)
    carried = np.concatenate([keeps, -gain], axis=2)
    line = carried @ history.mean + np.einsum("pil,pl->pi", gain, np.where(wells.seen, wells.value, 0.0))
    return _Drawn(line, carried, part.plate_covariance)


def posterior_lines(held: Ladder, history: History, *, technical: Floats) -> Lines:
    """Line of each plate given its own standards and the history.

    Parameters
    ----------
    held : Ladder
        Standards, on the ladder that the history was learned on; a plate without any gets the line that the
        history expects.
    history : History
        History; it may hold these plates or not.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.

    Returns
    -------
    Lines
        In true copies: the shared error of the levels is taken out as far as the plates tell it, and its rest
        is in the covariance.
    """
    drawn = _drawn(held, history, technical)
    carried = drawn.carried
    covariance = drawn.own + carried @ history.covariance @ np.swapaxes(carried, 1, 2)
    return Lines(drawn.line[:, 0], drawn.line[:, 1], history.centre, covariance)


def at_levels(held: Ladder, history: History, *, technical: Floats) -> tuple[Floats, Floats]:
    """Cq that each plate expects of the dilutions in their tubes, by the other plates and its own standards.

    Parameters
    ----------
    held : Ladder
        Standards, on the ladder that the history was learned on; levels may be left out of them.
    history : History
        History of plates with the same tubes: it knows the shared error of every level.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.

    Returns
    -------
    expected_cq, sd : ndarray of float, shape (plates, levels)
        Cq at the content of the tube (not at its label), with many molecules; and its standard deviation,
        that of the level on this plate included, that of a well not.
    """
    drawn = _drawn(held, history, technical)
    levels = len(held.log10_copies)
    x = np.stack([np.ones(levels), held.log10_copies - history.centre], axis=1)
    joint = np.einsum("li,pik->plk", x, drawn.carried)
    joint[:, np.arange(levels), 2 + np.arange(levels)] += 1.0
    expected: Floats = np.einsum("pi,li->pl", drawn.line, x) + history.mean[2:]
    own = np.einsum("li,pij,lj->pl", x, drawn.own, x)
    shared = np.einsum("plk,km,plm->pl", joint, history.covariance, joint)
    sd: Floats = np.sqrt(own + shared + history.spread.plate_level_sd**2)
    return expected, sd


def for_other_standards(history: History, held: Ladder) -> History:
    """The same slopes and the same pipetting, but other standards: heights start anew, dilutions are unknown.

    Parameters
    ----------
    history : History
        History of plates with other standards: another lot, or another assay of the same laboratory.
    held : Ladder
        Standards that are to be read.

    Returns
    -------
    History
        On the ladder of `held`, with a flat height.
    """
    levels = len(held.log10_copies)
    spread = replace(history.spread, height_sd=_LARGEST_SD, correlation=0.0)
    seen = held.wells > 0
    mean = np.r_[held.mean[seen].mean(), history.mean[1], np.zeros(levels)]
    known = np.r_[0.0, history.covariance[1, 1], np.full(levels, spread.shared_level_sd**2)]
    return replace(
        history,
        centre=float(held.log10_copies.mean()),
        spread=spread,
        mean=mean,
        covariance=np.diag(known),
    )


def _moved(wells: _Wells, centre: float) -> Floats:
    return np.stack([wells.design[:, 0], wells.design[:, 1] + wells.centre - centre], axis=1)


def own_lines(held: Ladder, history: History, *, technical: Floats) -> Lines:
    """Line of each plate from its own standards alone, weighted as the history's errors say.

    Parameters
    ----------
    held : Ladder
        Standards, on the ladder that the history was learned on.
    history : History
        For its level errors and moments only.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.

    Returns
    -------
    Lines
        NaN where a plate has fewer than two levels.
    """
    wells = _prepared(
        held,
        technical=technical,
        slope=float(history.mean[1]),
        detection_probability=history.detection_probability,
    )
    x = _moved(wells, history.centre)
    level = history.spread.plate_level_sd**2 + history.spread.shared_level_sd**2
    weight = np.where(wells.seen, 1.0 / (wells.scatter + level), 0.0)
    information = np.einsum("pl,li,lj->pij", weight, x, x)
    enough = wells.seen.sum(axis=1) >= 2
    covariance = np.full(information.shape, np.nan)
    covariance[enough] = np.linalg.inv(information[enough])
    line = np.einsum("pij,pl,lj,pl->pi", covariance, weight, x, np.where(wells.seen, wells.value, 0.0))
    return Lines(line[:, 0], line[:, 1], history.centre, covariance)


def drift(held: Ladder, history: History, *, technical: Floats) -> Floats:
    """P-value of each plate's own line against a history that does not hold the plate.

    Parameters
    ----------
    held : Ladder
        Standards of plates outside the history, on its ladder.
    history : History
        History of other plates.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.

    Returns
    -------
    ndarray of float, shape (plates,)
        Chi-squared with two degrees of freedom for height and slope together; NaN with fewer than two levels.
    """
    wells = _prepared(
        held,
        technical=technical,
        slope=float(history.mean[1]),
        detection_probability=history.detection_probability,
    )
    x = _moved(wells, history.centre)
    weight = np.where(wells.seen, 1.0 / (wells.scatter + history.spread.plate_level_sd**2), 0.0)
    information = np.einsum("pl,li,lj->pij", weight, x, x)
    enough = wells.seen.sum(axis=1) >= 2
    result = np.full(len(held), np.nan)
    inverse = np.linalg.inv(information[enough])
    reads = np.einsum("pij,pl,lj->pil", inverse, weight[enough], x)
    carried = reads @ np.concatenate([x, np.eye(len(x))], axis=1)
    value = np.where(wells.seen, wells.value, 0.0)[enough]
    away = np.einsum("pil,pl->pi", reads, value) - carried @ history.mean
    covariance = history.between + inverse + carried @ history.covariance @ np.swapaxes(carried, 1, 2)
    distance = np.einsum("pi,pi->p", away, np.linalg.solve(covariance, away[:, :, None])[:, :, 0])
    result[enough] = chi2.sf(distance, 2)
    return result
