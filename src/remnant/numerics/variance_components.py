"""Between-run variance of control materials, with what one tube explains taken out.

In: values on the log10 scale with the material, the run and the variance that each tube explains. Moment
estimates: unbiased, may be negative before they are averaged with a default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BetweenRuns", "between_runs", "shared_by_run", "shrunk"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class BetweenRuns:
    """Spread of each material between runs.

    Attributes
    ----------
    mean : ndarray of float, shape (n,)
        Mean value of each material.
    variance : ndarray of float, shape (n,)
        Variance between runs beyond what the tube explains; may be negative, 0 without freedom.
    freedom : ndarray of int, shape (n,)
        Values less one.
    """

    mean: Floats
    variance: Floats
    freedom: Integers


def between_runs(values: Floats, tube_variance: Floats, material: Integers) -> BetweenRuns:
    """Moment estimate of the variance between runs, one material at a time.

    Parameters
    ----------
    values : ndarray of float, shape (m,)
        One value for each material and run.
    tube_variance : ndarray of float, shape (m,)
        Variance of each value that its tube explains.
    material : ndarray of int, shape (m,)
        Material of each value, 0 to n - 1.

    Returns
    -------
    BetweenRuns
        One row a material.

    Examples
    --------
    >>> got = between_runs(np.array([1.0, 1.2, 1.4]), np.full(3, 0.01), np.zeros(3, int))
    >>> got.variance.round(3), got.freedom
    (array([0.03]), array([2]))
    """
    count = np.bincount(material)
    mean = np.bincount(material, weights=values) / count
    squares = np.bincount(material, weights=np.square(values - mean[material]))
    explained = np.bincount(material, weights=tube_variance) / count
    freedom = count - 1
    variance = np.where(freedom > 0, squares / np.maximum(freedom, 1) - explained, 0.0)
    return BetweenRuns(mean, variance, freedom)


def shared_by_run(
    values: Floats, material: Integers, run: Integers, *, explained_sd: Floats
) -> tuple[float, int]:
    """Covariance of different materials in one run: the part of the variance that the run shares.

    Parameters
    ----------
    values : ndarray of float, shape (m,)
        One value for each material and run.
    material, run : ndarray of int, shape (m,)
        Material and run of each value.
    explained_sd : ndarray of float, shape (m,)
        Standard deviation of an error that the values of one run share and that is known otherwise: the
        calibration. The product of the two sds is taken off each pair.

    Returns
    -------
    covariance : float
        Mean product of deviations over pairs of materials measured in one run, bias-corrected; 0 without a
        pair.
    freedom : int
        Runs with a pair, less one for each pair of materials.

    Examples
    --------
    >>> high, low = np.array([1.0, 1.2, 1.4]), np.array([0.1, 0.3, 0.5])
    >>> values, material, run = np.concatenate([high, low]), np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    >>> covariance, freedom = shared_by_run(values, material, run, explained_sd=np.full(6, 0.1))
    >>> round(covariance, 3), freedom
    (0.03, 2)
    """
    table = np.full((int(material.max(initial=-1)) + 1, int(run.max(initial=-1)) + 1), np.nan)
    known = np.zeros(table.shape)
    table[material, run], known[material, run] = values, explained_sd
    products, freedom = 0.0, 0
    for i in range(len(table)):
        for j in range(i + 1, len(table)):
            both = ~np.isnan(table[i]) & ~np.isnan(table[j])
            n = int(both.sum())
            if n >= 2:
                a, b = table[i, both], table[j, both]
                products += float(((a - a.mean()) * (b - b.mean())).sum())
                products -= (n - 1) * float((known[i, both] * known[j, both]).mean())
                freedom += n - 1
    return (products / freedom if freedom else 0.0), freedom


def shrunk(variance: float, freedom: float, *, default: float, weight: float) -> float:
    """Variance averaged with a default by degrees of freedom.

    Parameters
    ----------
    variance : float
        Estimate; a negative one counts as 0.
    freedom : float
        Its degrees of freedom.
    default : float
        Variance it is drawn to.
    weight : float
        Degrees of freedom that the default counts for.

    Returns
    -------
    float
        Variance.

    Examples
    --------
    >>> shrunk(0.04, 15, default=0.01, weight=5)
    0.0325
    """
    return (weight * default + freedom * max(variance, 0.0)) / (weight + freedom)
