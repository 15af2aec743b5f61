"""One cell type that divides and dies: the closed forms.

Every cell divides at rate `birth` and dies at rate `death` per day, independently. ``r = birth - death`` is the
net growth. Times are days, sizes are cells, rates are per day. Everything else in `remnant.dynamics` is
tested against this page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

__all__ = [
    "CrossingTime",
    "crossing_time",
    "extinction_probability",
    "founder_spread",
    "kendall_extinction",
    "size_law",
    "size_moments",
    "two_clone_nadir",
]

FloatArray = npt.NDArray[np.float64]

_EULER = 0.5772156649015329
_CRITICAL = 1e-9


def _extinction_and_ratio(birth: float, death: float, days: float) -> tuple[float, float]:
    """P(one cell's clone is extinct) and the ratio of the geometric size law."""
    r = birth - death
    if abs(r) * days < _CRITICAL:
        both = birth * days / (1.0 + birth * days)
        return both, both
    grown = math.exp(-abs(r) * days)
    if r > 0.0:
        below = birth - death * grown
        return death * (1.0 - grown) / below, birth * (1.0 - grown) / below
    below = death - birth * grown
    return death * (1.0 - grown) / below, birth * (1.0 - grown) / below


def extinction_probability(birth: float, death: float, days: float = math.inf) -> float:
    """P(the clone of one cell is extinct by a day).

    Parameters
    ----------
    birth, death : float
        Rates per day.
    days : float, default inf
        Age of the clone; infinite gives the ultimate probability ``min(1, death / birth)``.

    Returns
    -------
    float
        ``d (E - 1) / (b E - d)`` with ``E = exp((b - d) t)``.

    References
    ----------
    .. [1] Kendall, On the generalized "birth-and-death" process, Ann Math Stat 19, 1-15 (1948).

    Examples
    --------
    >>> round(extinction_probability(0.2, 0.12, 90.0), 4)
    0.5998
    >>> extinction_probability(0.2, 0.12)
    0.6
    """
    if math.isinf(days):
        return min(1.0, death / birth) if birth > 0.0 else float(death > 0.0)
    return _extinction_and_ratio(birth, death, days)[0]


def size_law(birth: float, death: float, days: float, *, largest: int) -> FloatArray:
    """P(n cells) of the clone of one cell.

    Parameters
    ----------
    birth, death : float
        Rates per day.
    days : float
        Age of the clone.
    largest : int
        Largest size wanted.

    Returns
    -------
    ndarray, shape (largest + 1,)
        A zero-modified geometric law; with ``death = 0`` it is Yule's.

    Examples
    --------
    >>> size_law(0.08, 0.0, 20.0, largest=4).round(4).tolist()
    [0.0, 0.2019, 0.1611, 0.1286, 0.1026]
    """
    extinct, ratio = _extinction_and_ratio(birth, death, days)
    law = np.empty(largest + 1)
    law[0] = extinct
    law[1:] = (1.0 - extinct) * (1.0 - ratio) * ratio ** np.arange(largest)
    return law


def size_moments(birth: float, death: float, days: float) -> tuple[float, float]:
    """Mean and variance of the size of one cell's clone.

    Parameters
    ----------
    birth, death : float
        Rates per day.
    days : float
        Age of the clone.

    Returns
    -------
    mean : float
        ``E = exp(r t)``, extinct clones counted.
    variance : float
        ``(b + d) / r * E (E - 1)``.

    Examples
    --------
    >>> mean, variance = size_moments(0.2, 0.12, 10.0)
    >>> round(mean, 3), round(variance, 2)
    (2.226, 10.91)
    """
    r = birth - death
    grown = math.exp(r * days)
    if abs(r) * days < _CRITICAL:
        return grown, (birth + death) * days
    return grown, (birth + death) / r * grown * (grown - 1.0)


def kendall_extinction(
    starts: npt.ArrayLike, births: npt.ArrayLike, deaths: npt.ArrayLike, *, until: float
) -> float:
    """P(the clone of one cell is extinct) when rates change with time.

    Parameters
    ----------
    starts : array_like, shape (s,)
        Days on which the rates change, first 0, increasing.
    births, deaths : array_like, shape (s,)
        Rates per day from each of these days on.
    until : float
        Day asked for.

    Returns
    -------
    float
        ``J / (1 + J)``, ``J = int_0^t death(s) exp(rho(s)) ds``, ``rho = int (death - birth)``.

    References
    ----------
    .. [1] Kendall, On the generalized "birth-and-death" process, Ann Math Stat 19, 1-15 (1948).

    Examples
    --------
    Fifty cells under graft-versus-leukaemia for 30 days, then left alone:

    >>> one = kendall_extinction([0.0, 30.0], [0.06, 0.06], [0.16, 0.03], until=2000.0)
    >>> round(one**50, 3)
    0.376
    """
    start, birth, death = (np.asarray(values, dtype=float) for values in (starts, births, deaths))
    lengths = np.diff(np.append(start[start < until], until))
    birth, death = birth[: lengths.size], death[: lengths.size]
    decline = death - birth
    rho = np.concatenate([[0.0], np.cumsum(decline * lengths)])[:-1]
    inside = np.where(
        np.abs(decline) > _CRITICAL,
        np.expm1(decline * lengths) / np.where(decline == 0.0, 1.0, decline),
        lengths,
    )
    j = float(np.sum(death * np.exp(rho) * inside))
    return j / (1.0 + j)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingTime:
    """When the clone of one surviving cell reaches a size: a Gumbel law.

    Attributes
    ----------
    mean_days, median_days, sd_days : float
        Of the day of crossing, given that the clone survives.
    """

    mean_days: float
    median_days: float
    sd_days: float


def crossing_time(birth: float, death: float, *, cells: float) -> CrossingTime:
    """Day on which the clone of one surviving cell reaches a size.

    Parameters
    ----------
    birth, death : float
        Rates per day, ``birth > death``.
    cells : float
        Size to reach, far above one.

    Returns
    -------
    CrossingTime
        ``T = (ln M - ln W) / r`` with W exponential of mean ``b / r``.

    Examples
    --------
    >>> law = crossing_time(0.06, 0.03, cells=1e9)
    >>> round(law.median_days, 1), round(law.mean_days, 2), round(law.sd_days, 2)
    (679.9, 686.91, 42.75)
    """
    r = birth - death
    centre = math.log(cells * r / birth)
    return CrossingTime(
        mean_days=(centre + _EULER) / r,
        median_days=(centre - math.log(math.log(2.0))) / r,
        sd_days=math.pi / (math.sqrt(6.0) * r),
    )


def founder_spread(founders: int, birth: float, death: float) -> tuple[float, float]:
    """How far chance alone spreads the later size of a clone with few founders.

    Parameters
    ----------
    founders : int
        Cells at the start.
    birth, death : float
        Rates per day, ``birth > death``.

    Returns
    -------
    extinct : float
        P(no descendant in the end).
    sd_log10 : float
        Standard deviation of log10 of the late size, given survival; divided by ``r / ln 10`` it is that of
        the date of relapse.

    Notes
    -----
    The founders that leave descendants are binomial; given k of them the late size is a Gamma variable of
    shape k, whose logarithm has mean ``digamma(k)`` and variance ``trigamma(k)``.

    Examples
    --------
    >>> extinct, sd_log10 = founder_spread(10, 0.20, 0.12)
    >>> round(extinct, 3), round(sd_log10, 2)
    (0.006, 0.35)
    """
    lasting = np.arange(1, founders + 1)
    weight = stats.binom.pmf(lasting, founders, 1.0 - death / birth)
    weight = weight / weight.sum()
    centre = special.digamma(lasting)
    mean = float(weight @ centre)
    variance = float(weight @ (special.polygamma(1, lasting) + (centre - mean) ** 2))
    return (death / birth) ** founders, math.sqrt(variance) / math.log(10.0)


def two_clone_nadir(
    sensitive: float, resistant: float, *, decline: float, growth: float
) -> tuple[float, float, float]:
    """Lowest point of a falling and a rising clone together.

    Parameters
    ----------
    sensitive, resistant : float
        Cells at the start of therapy.
    decline, growth : float
        Rates per day at which the first falls and the second rises, both positive.

    Returns
    -------
    nadir_days : float
        ``ln(k S0 / (g R0)) / (k + g)``.
    nadir_cells : float
        Both clones together on that day.
    equal_days : float
        Day on which the two are equal.

    Examples
    --------
    >>> [round(value, 3) for value in two_clone_nadir(1e10, 1e4, decline=0.3, growth=0.05)]
    [44.592, 108456.132, 39.473]
    """
    both = decline + growth
    day = math.log(decline * sensitive / (growth * resistant)) / both
    cells = sensitive * math.exp(-decline * day) + resistant * math.exp(growth * day)
    return day, cells, math.log(sensitive / resistant) / both
