"""Unified interval of a signal counted over a blank: its coverage at every true signal, and no prior.

The count is the sum of a blank and a signal, both Poisson with a gamma-distributed mean (negative binomial): variance =
mean + dispersion times mean squared for each part, 0 is Poisson. For a trial signal the counts are ranked by the ratio of
their probability to that under the signal which suits them best, and accepted in this order until they hold the level.
The interval is the range of trial signals that accept the observed count. It turns from a two-sided interval into an upper
bound by itself: its lower end is above 0 exactly when the count exceeds the percentile of the blank at the same level.

Masses follow from the generating function ``(1 - m1 d1 (z - 1))^(-1/d1) (1 - m2 d2 (z - 1))^(-1/d2)``, whose logarithmic
derivative gives the ratio of successive masses by a recursion; it is exact, and stable upwards as the sought solution is
the dominant one. A window holds all but 1e-10 of the mass. The mass of a single count is summed over the counts of the
signal, each with the blank's mass of the rest from a table, which is shorter where the blank spreads widely. Above 64
counts the best-suited probability is tabulated in steps of 4 % and interpolated.

References
----------
.. [1] Feldman and Cousins, Unified approach to the classical statistical analysis of small signals, Physical Review D 57,
   3873-3889 (1998), section IV: ordering by the likelihood ratio, equation 4.1.
.. [2] Panjer, Recursive evaluation of a family of compound distributions, ASTIN Bulletin 12, 22-26 (1981).
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from remnant.errors import MeasurementError
from remnant.numerics.compiled import compiled, inlined

__all__ = ["SignalBounds", "unified_interval"]

Floats = NDArray[np.float64]

_TAIL: Final = 1e-10
_POISSON: Final = 1e-12
"""Dispersion below which nothing tells a law from Poisson's, and quantiles of its spread leave the numbers."""
_EXACT: Final = 64
_STEP: Final = 1.04
_STARTS: Final = 16
_SCAN: Final = 40
_CLOSE: Final = 1e-5
_TIE: Final = 1e-9
_FAR: Final = 1e-4
_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0


class SignalBounds(NamedTuple):
    """What a count says of the signal.

    Attributes
    ----------
    lower, upper : float
        Ends of the interval, in expected counts; the lower end is 0 where no signal is among the accepted ones.
    best : float
        The signal that suits the count best (maximum likelihood).
    """

    lower: float
    upper: float
    best: float


class _Laws(NamedTuple):
    """Law of the blank, and spread of the signal."""

    mean: float
    dispersion: float
    signal_dispersion: float


@inlined
def _ratio(n: int, before: float, parts: Floats) -> float:  # pragma: no cover - compiled
    """Ratio of the mass at n + 1 to that at n; `before` is the ratio at n - 1, or negative where it is not known."""
    rise: float = parts[0] + parts[2] + n * (parts[1] + parts[3])
    if n == 0:
        return rise
    fall = parts[1] * parts[3] * (n - 1) + parts[0] * parts[3] + parts[2] * parts[1]
    if before < 0.0:  # the steady root: what it is off by dies out as the recursion goes on
        return (rise + math.sqrt(max(rise * rise - 4.0 * (n + 1.0) * fall, 0.0))) / (2.0 * (n + 1.0))
    return (rise - fall / before) / (n + 1.0) if before > 0.0 else 0.0


@compiled
def _fill(first: int, parts: Floats, masses: Floats) -> None:  # pragma: no cover - compiled
    """Masses from `first` on, relative to the first of them."""
    ratio, mass = -1.0, 1.0
    masses[0] = mass
    for place in range(1, masses.shape[0]):
        ratio = _ratio(first + place - 1, ratio, parts)
        mass *= ratio
        masses[place] = mass


@compiled
def _outwards(mode: int, parts: Floats, masses: Floats) -> None:  # pragma: no cover - compiled
    """Masses of the blank from 0 on, relative to that at `mode`."""
    masses[mode] = 1.0
    for n in range(mode, masses.shape[0] - 1):
        masses[n + 1] = masses[n] * _ratio(n, -1.0, parts)
    for n in range(mode - 1, -1, -1):
        masses[n] = masses[n + 1] / _ratio(n, -1.0, parts)


@compiled
def _share_of(  # noqa: PLR0917  # pragma: no cover - compiled: keywords would be compiled apart
    count: int, first: int, last: int, signals: tuple[int, int], parts: Floats, masses: Floats, sums: Floats
) -> float:
    """Mass of one count among those from `first` to `last`: the signal's counts in turn, each with its blank."""
    mass, found, total = 1.0, 0.0, 0.0
    for own in range(signals[0], min(signals[1], last) + 1):
        if own <= count:
            found += mass * masses[count - own]
        total += mass * (sums[last - own + 1] - sums[max(0, first - own)])
        mass *= _ratio(own, -1.0, parts)
    return found / total


def _parts(laws: _Laws, signal: float) -> Floats:
    extra, own = laws.mean * laws.dispersion, signal * laws.signal_dispersion
    return np.array(
        [laws.mean / (1.0 + extra), extra / (1.0 + extra), signal / (1.0 + own), own / (1.0 + own)]
    )


@functools.lru_cache(maxsize=4096)
def _reach(dispersion: float) -> tuple[float, float]:
    """Outer quantiles of the gamma factor of a mean."""
    if dispersion <= 0:
        return 1.0, 1.0
    law = stats.gamma(1.0 / dispersion, scale=dispersion)
    return float(law.ppf(_TAIL)), float(law.isf(_TAIL))


def _window(laws: _Laws, signal: float) -> tuple[int, int]:
    """First and last count that matter."""
    blank, own = _reach(laws.dispersion), _reach(laws.signal_dispersion)
    low, high = (laws.mean * b + signal * s for b, s in zip(blank, own, strict=True))
    first = max(0, math.floor(low - 8.0 * math.sqrt(low) - 20.0))
    return first, math.ceil(high + 7.0 * math.sqrt(high) + 20.0)


@functools.lru_cache(maxsize=16)
def _blank(mean: float, dispersion: float, size: int) -> tuple[Floats, Floats]:
    """Masses of the blank from 0 on, and their sums below each count, both relative."""
    masses, extra = np.zeros(size), mean * dispersion
    parts = np.array([mean / (1.0 + extra), extra / (1.0 + extra), 0.0, 0.0])
    _outwards(min(size - 1, math.floor(max(0.0, mean - extra))), parts, masses)
    return masses, np.concatenate([[0.0], np.cumsum(masses)])


def _log_mass(count: int, signal: float, laws: _Laws) -> float:
    """Log of the mass of one count in its window."""
    first, last = _window(laws, signal)
    if not first <= count <= last:
        return -math.inf
    signals = _window(_Laws(0.0, 0.0, laws.signal_dispersion), signal)
    masses, sums = _blank(laws.mean, laws.dispersion, 1 << (last + 1).bit_length())
    parts = _parts(_Laws(0.0, 0.0, laws.signal_dispersion), signal)
    share = _share_of(count, first, last, signals, parts, masses, sums)
    return math.log(share) if share > 0 else -math.inf


@functools.lru_cache(maxsize=1 << 17)
def _best(count: int, laws: _Laws) -> tuple[float, float]:
    """Signal that suits a count best, and the log mass of the count under it. Signals are searched as square roots."""
    least = max(0.0, count - laws.mean * _reach(laws.dispersion)[1]) / _reach(laws.signal_dispersion)[1]
    most = (math.sqrt(count) + 4.0) * (1.0 + 4.0 * math.sqrt(laws.signal_dispersion))
    roots = np.concatenate([[0.0], np.linspace(max(0.0, math.sqrt(least) - 4.0), most, _STARTS)])
    values = [_log_mass(count, root * root, laws) for root in roots]
    place = int(np.argmax(values))
    left, right = float(roots[max(0, place - 1)]), float(roots[min(_STARTS, place + 1)])

    def at(root: float) -> float:
        return _log_mass(count, root * root, laws)

    inner = [right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)]
    found = [at(inner[0]), at(inner[1])]
    while right - left > _CLOSE * (1.0 + right):
        if found[0] >= found[1]:
            right, inner[1], found[1] = inner[1], inner[0], found[0]
            inner[0] = right - _GOLDEN * (right - left)
            found[0] = at(inner[0])
        else:
            left, inner[0], found[0] = inner[0], inner[1], found[1]
            inner[1] = left + _GOLDEN * (right - left)
            found[1] = at(inner[1])
    root = (left + right) / 2.0
    if values[0] >= at(root) - _TIE:
        return 0.0, values[0]
    return root * root, at(root)


@functools.cache
def _nodes() -> NDArray[np.int64]:
    """Counts whose best-suited probability is computed; between them it is interpolated."""
    ladder = itertools.takewhile(lambda n: n < 1e9, (_EXACT * _STEP**power for power in range(1, 1000)))
    return np.unique([*range(_EXACT + 1), *(round(n) for n in ladder)])


def _highest(first: int, last: int, laws: _Laws) -> Floats:
    """Log of the highest probability that any signal gives each count from `first` to `last`."""
    nodes = _nodes()
    low, high = np.searchsorted(nodes, first, side="right") - 1, np.searchsorted(nodes, last)
    used = nodes[low : high + 1]
    return np.interp(np.arange(first, last + 1), used, [_best(int(n), laws)[1] for n in used])


def _accepts(count: int, signal: float, laws: _Laws, level: float) -> bool:
    """Whether the counts that rank before this one hold less than the level."""
    first, last = _window(laws, signal)
    if not first <= count <= last:
        return False
    masses = np.empty(last - first + 1)
    _fill(first, _parts(laws, signal), masses)
    masses /= masses.sum()
    with np.errstate(divide="ignore"):
        rank = np.log(masses) - _highest(first, last, laws)
    return bool(masses[rank > rank[count - first] + _TIE].sum() < level)


def _edge(count: int, refused: float, accepted: float, laws: _Laws, *, level: float) -> float:
    """The signal between a refused and an accepted one where acceptance changes."""
    while abs(accepted - refused) > _CLOSE * (1.0 + accepted):
        middle = (accepted + refused) / 2.0
        if _accepts(count, middle, laws, level):
            accepted = middle
        else:
            refused = middle
    return accepted


def _lower(count: int, best: float, laws: _Laws, level: float) -> float:
    if best == 0 or _accepts(count, 0.0, laws, level):
        return 0.0
    trials = np.linspace(0.0, math.sqrt(best), _SCAN) ** 2
    place = next(i for i, s in enumerate(trials) if i == _SCAN - 1 or _accepts(count, float(s), laws, level))
    return _edge(count, float(trials[place - 1]), float(trials[place]), laws, level=level)


def _upper(count: int, best: float, laws: _Laws, level: float) -> float:
    root = math.sqrt(best)
    reach = 4.0
    while _below(count, (root + reach) ** 2, laws) > _FAR:
        reach *= 1.5
    trials = np.linspace(root, root + reach, _SCAN) ** 2
    place = next(
        i for i in reversed(range(_SCAN)) if i == 0 or _accepts(count, float(trials[i]), laws, level)
    )
    return _edge(count, float(trials[place + 1]), float(trials[place]), laws, level=level)


def _below(count: int, signal: float, laws: _Laws) -> float:
    """Probability of at most a count."""
    first, last = _window(laws, signal)
    if count < first:
        return 0.0
    masses = np.empty(last - first + 1)
    _fill(first, _parts(laws, signal), masses)
    return float(masses[: count - first + 1].sum() / masses.sum())


@functools.lru_cache(maxsize=1 << 14)
def unified_interval(
    k: int, *, mean: float, dispersion: float, signal_dispersion: float = 0.0, level: float = 0.95
) -> SignalBounds:
    """Interval of the signal for an observed count.

    Parameters
    ----------
    k : int
        Counts seen.
    mean, dispersion : float
        Of the blank's count; 0 and 0 for none.
    signal_dispersion : float, default 0
        Relative variance of what one unit of signal gives, for example of a recall that is known from few cells.
    level : float, default 0.95
        Least coverage at every true signal.

    Returns
    -------
    SignalBounds
        In expected counts of the signal.

    Raises
    ------
    MeasurementError
        If a count or a moment is below 0, or the level is not between 0 and 1.

    Notes
    -----
    Accepted signals may leave small gaps; the ends are those of all of them, as in the published tables. The published
    tables also never let an upper end rise with the blank's mean; this is not done here.

    References
    ----------
    .. [1] Feldman and Cousins, Physical Review D 57, 3873 (1998), tables IV and VI.

    Examples
    --------
    >>> [round(end, 2) for end in unified_interval(3, mean=0.0, dispersion=0.0)[:2]]
    [0.82, 8.25]
    >>> unified_interval(3, mean=3.0, dispersion=0.5).lower
    0.0
    """
    if k < 0 or min(mean, dispersion, signal_dispersion) < 0 or not 0 < level < 1:
        raise MeasurementError(
            where="unified interval",
            found=f"count {k}, blank {mean:g} with dispersion {dispersion:g}, level {level:g}",
            needed="counts and moments of 0 or more, a level between 0 and 1",
            advice="Correct the counts.",
        )
    laws = _Laws(
        float(mean),
        float(dispersion) if mean > 0 and dispersion > _POISSON else 0.0,
        float(signal_dispersion) if signal_dispersion > _POISSON else 0.0,
    )
    best = _best(k, laws)[0]
    return SignalBounds(_lower(k, best, laws, level), _upper(k, best, laws, level), best)
