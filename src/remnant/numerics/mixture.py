"""Gaussian mixtures: fitted by expectation-maximisation, evaluated as log densities.

In: points, one row an observation. Full covariances with a small ridge, so that no component collapses.
The same seed gives the same fit; chunks bound the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.errors import FitError

__all__ = ["Mixture", "fitted_mixture", "log_density"]

Floats = NDArray[np.float64]

_CHUNK: Final = 8_192
_RIDGE: Final = 1e-3
_TOLERANCE: Final = 1e-3


class Mixture(NamedTuple):
    """A mixture of Gaussians.

    Attributes
    ----------
    weights : ndarray of float, shape (k,)
        Shares, summing to 1.
    means : ndarray of float, shape (k, d)
        Centres.
    covariances : ndarray of float, shape (k, d, d)
        Covariances.
    """

    weights: Floats
    means: Floats
    covariances: Floats


def _features(points: Floats) -> Floats:
    """1, the values, and their products in pairs, shape (1 + d + d (d + 1) / 2, n).

    In these the log density of every component is linear, and its sums are all that a step needs.
    """
    rows, columns = np.triu_indices(points.shape[1])
    values = np.ascontiguousarray(points.T)
    return np.concatenate([np.ones((1, len(points))), values, values[rows] * values[columns]])


def _coefficients(mixture: Mixture) -> Floats:
    """Log of weight times density of each component as coefficients of the features, shape (k, m)."""
    dimensions = mixture.means.shape[1]
    rows, columns = np.triu_indices(dimensions)
    made = np.empty((len(mixture.weights), 1 + dimensions + len(rows)))
    for place, (weight, mean, covariance) in enumerate(zip(*mixture, strict=True)):
        precision = np.linalg.inv(covariance)
        constant = math.log(weight) - 0.5 * (
            dimensions * math.log(2.0 * math.pi)
            + float(np.linalg.slogdet(covariance)[1])
            + float(mean @ precision @ mean)
        )
        pairs = np.where(rows == columns, -0.5, -1.0) * precision[rows, columns]
        made[place] = np.concatenate([[constant], precision @ mean, pairs])
    return made


def _sum_logs(logs: Floats) -> Floats:
    highest = logs.max(axis=0)
    return np.asarray(highest + np.log(np.exp(logs - highest).sum(axis=0)))


def _chunks(points: Floats) -> Iterator[Floats]:
    for begin in range(0, len(points), _CHUNK):
        yield points[begin : begin + _CHUNK]


def log_density(mixture: Mixture, points: Floats) -> Floats:
    """Natural logarithm of the density at points.

    Parameters
    ----------
    mixture : Mixture
        Density.
    points : ndarray of float, shape (n, d)
        Points.

    Returns
    -------
    ndarray of float, shape (n,)
        Log densities.

    Examples
    --------
    >>> one = Mixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> round(float(log_density(one, np.zeros((1, 1)))[0]), 4)
    -0.9189
    """
    centre = mixture.weights @ mixture.means
    coefficients = _coefficients(mixture._replace(means=mixture.means - centre))
    parts = [_sum_logs(coefficients @ _features(chunk - centre)) for chunk in _chunks(points)]
    return np.concatenate(parts) if parts else np.empty(0)


def _seeds(points: Floats, components: int, rng: np.random.Generator) -> Floats:
    """Centres far from each other, drawn by squared distance (k-means++)."""
    centres = [points[rng.integers(len(points))]]
    distance = ((points - centres[0]) ** 2).sum(axis=1)
    for _ in range(components - 1):
        total = distance.sum()
        if total <= 0:
            break
        centres.append(points[rng.choice(len(points), p=distance / total)])
        distance = np.minimum(distance, ((points - centres[-1]) ** 2).sum(axis=1))
    return np.array(centres)


def _improved(mixture: Mixture, points: Floats, ridge: Floats) -> tuple[Mixture, float]:
    """One step: sums over chunks, which add up."""
    dimensions = points.shape[1]
    coefficients = _coefficients(mixture)
    sums = np.zeros_like(coefficients)
    likelihood = 0.0
    for chunk in _chunks(points):
        features = _features(chunk)
        logs = coefficients @ features
        whole = _sum_logs(logs)
        likelihood += float(whole.sum())
        sums += np.exp(logs - whole) @ features.T
    sums = sums[sums[:, 0] > dimensions + 1.0]
    mass = sums[:, 0]
    means = sums[:, 1 : 1 + dimensions] / mass[:, None]
    rows, columns = np.triu_indices(dimensions)
    covariances = np.empty((len(mass), dimensions, dimensions))
    covariances[:, rows, columns] = covariances[:, columns, rows] = sums[:, 1 + dimensions :] / mass[:, None]
    covariances += ridge - means[:, :, None] * means[:, None, :]
    return Mixture(mass / mass.sum(), means, covariances), likelihood / len(points)


def fitted_mixture(
    points: Floats, *, components: int, rng: np.random.Generator, iterations: int = 100
) -> Mixture:
    """Mixture of maximum likelihood, from one random start.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        Observations.
    components : int
        Components to start with; those that are left without observations are dropped.
    rng : numpy.random.Generator
        Seeded source of the start.
    iterations : int, default 100
        Most steps.

    Returns
    -------
    Mixture
        The fit.

    Raises
    ------
    FitError
        If there are too few observations, or values that are not finite.

    References
    ----------
    .. [1] Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm, J R Stat
       Soc B 39, 1-38 (1977).
    """
    count, dimensions = points.shape
    if count < 2 * (dimensions + 1) or not np.isfinite(points).all():
        raise FitError(
            where="mixture",
            found=f"{count} observations of {dimensions} values",
            needed=f"at least {2 * (dimensions + 1)} finite ones",
            advice="Give more reference cells.",
        )
    whole = np.atleast_2d(np.cov(points, rowvar=False))
    ridge = _RIDGE * np.diag(np.diag(whole) + 1e-12)
    centre = points.mean(axis=0)
    points = points - centre
    means = _seeds(points, components, rng)
    mixture = Mixture(
        np.full(len(means), 1.0 / len(means)),
        means,
        np.repeat((whole / 4.0 + ridge)[None], len(means), axis=0),
    )
    before = -math.inf
    for _ in range(iterations):
        mixture, likelihood = _improved(mixture, points, ridge)
        if likelihood - before < _TOLERANCE:
            break
        before = likelihood
    return mixture._replace(means=mixture.means + centre)
