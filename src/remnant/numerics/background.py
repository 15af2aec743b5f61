"""Background of an over-expressed marker: the donors' percentile, and a patient's own level over time.

Everything is on the log10 scale. Likelihoods come in as arrays or as a function of the centre, so that a
sample in which nothing was detected enters as the censored value it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, SupportsInt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from remnant.errors import FitError

__all__ = [
    "FittedPercentile",
    "Samples",
    "Track",
    "fit_percentile",
    "normal_log_prior",
    "predictive_limits",
    "rank_percentile",
    "track_background",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SD_RANGE: Final = (0.02, 1.5)
_GRID: Final = 41
_LEAST_LOG: Final = -300.0  # far below any share that counts, and far above what underflows


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPercentile:
    """Percentile of a population.

    Attributes
    ----------
    mean, sd : float
        Centre and spread of the population; the median and a robust spread for ranks.
    percentile, lower, upper : float
        The percentile and its interval.
    """

    mean: float
    sd: float
    percentile: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples of many series in columns, as `track_background` needs them.

    Attributes
    ----------
    series, ordinal : ndarray of int, shape (n,)
        Series of each sample, from 0, and its place in that series by date, from 0.
    value : ndarray of float, shape (n,)
        Value of the sample, log10; NaN where nothing was detected.
    shift, spread, error : ndarray of float, shape (n,)
        Expected rise over the centre at that time; standard deviation of a background sample around the
        centre; and of the measurement. All log10.
    teaches : ndarray of bool, shape (n,)
        Whether the sample may update the background for later ones.
    above : ndarray of bool, shape (n,)
        Whether it is above its cut-off.
    """

    series: Integers
    ordinal: Integers
    value: Floats
    shift: Floats
    spread: Floats
    error: Floats
    teaches: Booleans
    above: Booleans


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A patient's own background at each sample, learned from the samples before it.

    Attributes
    ----------
    centre, sd : ndarray of float, shape (n,)
        Predicted level of a background sample, and its standard deviation without measurement error.
    z : ndarray of float, shape (n,)
        Distance of the sample from it in standard deviations; NaN where nothing was detected.
    raised : ndarray of bool, shape (n,)
        Above the cut-off and far enough from the background.
    learned : ndarray of float, shape (n, g)
        What the samples before it that taught say about the centre: log-likelihood on the grid, without the prior.
    """

    centre: Floats
    sd: Floats
    z: Floats
    raised: Booleans
    learned: Floats


def fit_percentile(
    log_likelihood: Callable[[Floats, float], Floats],
    *,
    low: float,
    high: float,
    percent: float = 97.5,
    level: float = 0.95,
) -> FittedPercentile:
    """Maximum-likelihood percentile of a normal population, with its profile-likelihood interval.

    Parameters
    ----------
    log_likelihood : callable
        Takes centres, shape (m,), and a spread; gives the log-likelihood of all samples, shape (m,).
    low, high : float
        Where to search the percentile.
    percent : float, default 97.5
        Which percentile.
    level : float, default 0.95
        Confidence of the interval.

    Returns
    -------
    FittedPercentile
        Percentile, interval, centre and spread.

    Raises
    ------
    FitError
        If the likelihood has no maximum inside the range searched.

    Notes
    -----
    The percentile itself is the parameter: ``centre = percentile - z * sd``. The surface over percentile
    and spread is searched on three grids, each around the best cell of the one before; the interval is
    where twice the fall of the profile stays below the chi-squared quantile of one degree of freedom.

    Examples
    --------
    >>> values = np.array([0.7, 0.9, 1.0, 1.1, 1.3])
    >>> def normal(centres, sd): return stats.norm.logpdf(values[:, None], centres, sd).sum(axis=0)
    >>> got = fit_percentile(normal, low=0.0, high=4.0)
    >>> round(got.mean, 2), round(got.sd, 2), round(got.percentile, 2)
    (1.0, 0.2, 1.39)
    """
    shift = float(stats.norm.ppf(percent / 100.0))
    percentiles, spreads = np.linspace(low, high, _GRID), np.geomspace(*_SD_RANGE, _GRID)
    drop = stats.chi2.ppf(level, 1) / 2.0
    surface = _surface(log_likelihood, percentiles, spreads, shift)
    best = np.unravel_index(surface.argmax(), surface.shape)
    if best[0] in {0, _GRID - 1} or best[1] == _GRID - 1:
        raise FitError(
            where="background",
            found="a likelihood without maximum in the range searched",
            needed="donors in whom the marker is detected often enough",
            advice="Measure more donors, or name a fixed cut-off.",
        )
    inside = np.flatnonzero(surface.max(axis=1) > surface.max() - drop)
    percentiles = _around(percentiles, inside[0] - 1, inside[-1] + 1)
    spreads = _around(spreads, best[1] - 4, best[1] + 4)
    surface = _surface(log_likelihood, percentiles, spreads, shift)
    profile = surface.max(axis=1)
    lower, upper = _crossings(percentiles, profile, profile.max() - drop)
    best = np.unravel_index(surface.argmax(), surface.shape)
    fine = _around(percentiles, best[0] - 1, best[0] + 1), _around(spreads, best[1] - 1, best[1] + 1)
    surface = _surface(log_likelihood, *fine, shift)
    best = np.unravel_index(surface.argmax(), surface.shape)
    percentile, sd = float(fine[0][best[0]]), float(fine[1][best[1]])
    return FittedPercentile(
        mean=percentile - shift * sd, sd=sd, percentile=percentile, lower=lower, upper=upper
    )


def _around(values: Floats, first: SupportsInt, last: SupportsInt) -> Floats:
    return np.linspace(values[max(int(first), 0)], values[min(int(last), len(values) - 1)], _GRID)


def _surface(
    log_likelihood: Callable[[Floats, float], Floats], percentiles: Floats, spreads: Floats, shift: float
) -> Floats:
    return np.stack([log_likelihood(percentiles - shift * sd, float(sd)) for sd in spreads], axis=1)


def _crossings(x: Floats, profile: Floats, level: float) -> tuple[float, float]:
    inside = np.flatnonzero(profile >= level)
    first, last = int(inside[0]), int(inside[-1])
    lower, upper = float(x[first]), float(x[last])
    if first > 0:
        lower = float(np.interp(level, profile[first - 1 : first + 1], x[first - 1 : first + 1]))
    if last < len(x) - 1:
        pair = slice(last, last + 2)
        upper = float(np.interp(level, profile[pair][::-1], x[pair][::-1]))
    return lower, upper


def rank_percentile(
    values: Floats, undetected: int, *, percent: float = 97.5, level: float = 0.95
) -> FittedPercentile:
    """Percentile by ranks, without a distribution; undetected samples rank lowest.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Detected values, log10.
    undetected : int
        Samples in which nothing was detected.
    percent : float, default 97.5
        Which percentile.
    level : float, default 0.95
        Confidence of the interval, by binomial order statistics.

    Returns
    -------
    FittedPercentile
        `upper` is infinite where too few samples are there to bound it.

    Raises
    ------
    FitError
        If the percentile, or the median, falls among the undetected samples.

    References
    ----------
    .. [1] Conover, Practical Nonparametric Statistics, 3rd edition (1999), section 3.2.

    Examples
    --------
    >>> got = rank_percentile(np.arange(1.0, 200.0), undetected=0)
    >>> got.percentile, got.lower, got.upper
    (195.0, 189.0, 199.0)
    """
    total = len(values) + undetected
    p = percent / 100.0
    ordered = np.concatenate([np.full(undetected, -np.inf), np.sort(values)])
    tail = (1.0 - level) / 2.0
    first = int(stats.binom.ppf(tail, total, p))
    last = int(stats.binom.ppf(1.0 - tail, total, p)) + 1
    place = min(max(p * (total + 1), 1.0), float(total))
    whole = min(int(place), total - 1)
    middle = ordered[total // 2] if total else -np.inf
    if total < 2 or not np.isfinite([ordered[whole - 1], middle]).all():
        raise FitError(
            where="background",
            found=f"{undetected} of {total} donors without signal",
            needed="a median and a percentile among the detected ones",
            advice="Measure more donors, or name a fixed cut-off.",
        )
    percentile = float(ordered[whole - 1] + (place - whole) * (ordered[whole] - ordered[whole - 1]))
    return FittedPercentile(
        mean=float(middle),
        sd=(percentile - float(middle)) / float(stats.norm.ppf(p)),
        percentile=percentile,
        lower=float(ordered[max(first, 1) - 1]),
        upper=float(ordered[last - 1]) if last <= total else np.inf,
    )


def normal_log_prior(grid: Floats, *, mean: float, sd: float) -> Floats:
    """Log-density of a normal prior on a grid of centres, up to a constant.

    Parameters
    ----------
    grid : ndarray of float, shape (g,)
        Centres.
    mean, sd : float
        Prior.

    Returns
    -------
    ndarray of float, shape (g,)
        Natural log-density.
    """
    return -0.5 * np.square((grid - mean) / sd)


def track_background(
    samples: Samples,
    log_likelihood: Floats,
    *,
    grid: Floats,
    log_prior: Floats,
    z_at_least: float,
    raised_samples_teach: bool,
) -> Track:
    """Each sample against the background that the earlier samples of its series taught.

    Parameters
    ----------
    samples : Samples, n rows
        Samples of any number of series.
    log_likelihood : ndarray of float, shape (n, g)
        Log-likelihood of the patient's centre given each sample; used only where it teaches.
    grid : ndarray of float, shape (g,)
        Centres.
    log_prior : ndarray of float, shape (g,)
        Log-density of the centres between patients, from the donors.
    z_at_least : float
        Distance that being raised also needs; ``-inf`` where the cut-off alone decides.
    raised_samples_teach : bool
        Whether a raised sample may update the background.

    Returns
    -------
    Track
        Centre, spread, z and raised of each sample; no sample is judged against itself or a later one.

    Examples
    --------
    >>> def column(*v): return np.array(v, dtype=float)
    >>> two = Samples(
    ...     series=np.array([0, 0]), ordinal=np.array([0, 1]), value=column(0.5, 0.5), shift=column(0, 0),
    ...     spread=column(0.2, 0.2), error=column(0, 0), teaches=np.array([True, True]),
    ...     above=np.array([False, False]),
    ... )
    >>> grid = np.linspace(-1, 1, 201)
    >>> seen = -0.5 * ((0.5 - grid) / 0.2) ** 2
    >>> track = track_background(
    ...     two, np.stack([seen, seen]), grid=grid, log_prior=normal_log_prior(grid, mean=0, sd=0.2),
    ...     z_at_least=2.0, raised_samples_teach=False,
    ... )
    >>> track.centre.round(3).tolist(), track.z.round(2).tolist()
    ([0.0, 0.25], [1.77, 1.02])
    """
    n = len(samples.series)
    centre, sd, z = np.empty(n), np.empty(n), np.empty(n)
    raised = np.zeros(n, dtype=np.bool_)
    learned = np.empty_like(log_likelihood)
    state = np.zeros((int(samples.series.max(initial=-1)) + 1, len(grid)))
    by_ordinal = np.argsort(samples.ordinal, kind="stable")
    starts = np.flatnonzero(np.diff(samples.ordinal[by_ordinal])) + 1
    for rows in np.split(by_ordinal, starts):
        learned[rows] = state[samples.series[rows]]
        own = learned[rows] + log_prior
        weight = np.exp(own - own.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        mean = weight @ grid
        variance = weight @ np.square(grid) - np.square(mean)
        centre[rows] = mean + samples.shift[rows]
        sd[rows] = np.sqrt(np.maximum(variance, 0.0) + np.square(samples.spread[rows]))
        z[rows] = (samples.value[rows] - centre[rows]) / np.hypot(sd[rows], samples.error[rows])
        far = (z[rows] >= z_at_least) | (z_at_least == -np.inf)
        raised[rows] = samples.above[rows] & far
        learn = rows[samples.teaches[rows] & (raised_samples_teach | ~raised[rows])]
        state[samples.series[learn]] += log_likelihood[learn]
    return Track(centre, sd, z, raised, learned)


def predictive_limits(
    samples: Samples, learned: Floats, *, grid: Floats, means: Floats, between: Floats, z: float
) -> Floats:
    """Limit of a patient's own background under several priors.

    Parameters
    ----------
    samples : Samples, n rows
        Samples.
    learned : ndarray of float, shape (n, g)
        What the samples before each one said about the centre: `Track.learned`.
    grid : ndarray of float, shape (g,)
        Centres.
    means, between : ndarray of float, shape (k,)
        Centre and standard deviation of each prior.
    z : float
        Distance from the predicted level at which the limit lies, in standard deviations.

    Returns
    -------
    ndarray of float, shape (n, k)
        Predicted level plus `z` of its standard deviations.

    Examples
    --------
    >>> def column(*v): return np.array(v, dtype=float)
    >>> one = Samples(
    ...     series=np.array([0]), ordinal=np.array([0]), value=column(0.5), shift=column(0.1), spread=column(0.3),
    ...     error=column(0), teaches=np.array([False]), above=np.array([False]),
    ... )
    >>> grid = np.linspace(-4, 4, 401)
    >>> predictive_limits(
    ...     one, np.zeros((1, 401)), grid=grid, means=column(0, 1), between=column(0.4, 0.4), z=2.0
    ... ).round(3).tolist()
    [[1.1, 2.1]]
    """
    prior = np.exp(-0.5 * np.square((grid[:, None] - means) / between))
    weight = np.exp(np.maximum(learned - learned.max(axis=1, keepdims=True), _LEAST_LOG))
    total = weight @ prior
    mean = weight @ (prior * grid[:, None]) / total
    variance = np.maximum(weight @ (prior * np.square(grid)[:, None]) / total - np.square(mean), 0.0)
    limits: Floats = (
        mean + samples.shift[:, None] + z * np.sqrt(variance + np.square(samples.spread)[:, None])
    )
    return limits
