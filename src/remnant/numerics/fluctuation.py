"""Resistant cells in a population that grew to a known size (Luria and Delbrück).

A sensitive population grows to `cells` cells. At each division one daughter is resistant with probability
`mutation`. Both kinds divide and die. How many resistant cells stand there at that size, is there any, and do
they last? The law has a heavy tail: compare its zero class, generating function or quantiles with data, never
its sample mean.

Symbols: sensitive birth r and death d, ``q = d / r``; resistant birth a and death b, ``q' = b / a``;
``alpha = (a - b) / (r - d)``; size M and mutation probability u. Sensitive growth is taken as its mean, which
is right from some 10^4 cells on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remnant.errors import InputError

__all__ = [
    "CloneRates",
    "Fluctuation",
    "escape_during_therapy",
    "lasting_clones",
    "lea_coulson_law",
    "mean_resistant",
    "resistance_probability",
    "resistant_generating_function",
    "resistant_law",
]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

_NEUTRAL = 1e-12
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)
_REACH = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRates:
    """Division and death of one kind of cell.

    Attributes
    ----------
    birth, death : float
        Per day.
    """

    birth: float
    death: float

    @property
    def growth(self) -> float:
        """Net growth.

        Returns
        -------
        float
            Per day.
        """
        return self.birth - self.death

    @property
    def death_share(self) -> float:
        """Deaths per division.

        Returns
        -------
        float
            The probability that a single cell's clone dies out, if below one.
        """
        return self.death / self.birth


@dataclass(frozen=True, slots=True, kw_only=True)
class Fluctuation:
    """A population at the size at which it is looked at.

    Attributes
    ----------
    cells : float
        Sensitive cells at that time.
    mutation : float
        Probability of a resistant daughter, per division.
    sensitive, resistant : CloneRates
        Rates of the two kinds.

    Raises
    ------
    InputError
        If the sensitive population does not grow, or a number is out of range.
    """

    cells: float
    mutation: float
    sensitive: CloneRates
    resistant: CloneRates

    def __post_init__(self) -> None:
        problems = []
        if self.sensitive.growth <= 0.0:
            problems.append("sensitive cells do not grow")
        if self.resistant.birth <= 0.0 or self.resistant.death < 0.0 or self.sensitive.death < 0.0:
            problems.append("a rate is negative, or resistant cells never divide")
        if not (self.cells > 0.0 and 0.0 <= self.mutation <= 1.0):
            problems.append("cells must be positive and the mutation probability within 0 and 1")
        if problems:
            raise InputError(
                where="Fluctuation",
                found="rates without this law",
                needed="a growing sensitive population",
                advice="Check the rates.",
                problems=problems,
            )

    @property
    def mutations(self) -> float:
        """Mutations that happened until that size.

        Returns
        -------
        float
            ``M u / (1 - q)``: turnover multiplies the divisions behind a size.
        """
        return self.cells * self.mutation / (1.0 - self.sensitive.death_share)

    @property
    def alpha(self) -> float:
        """Growth of the resistant kind over that of the sensitive kind.

        Returns
        -------
        float
            1 where resistance is neutral.
        """
        return self.resistant.growth / self.sensitive.growth


def _integral(population: Fluctuation, z: ComplexArray) -> ComplexArray:
    """``int_0^1 (1 - F(z, y)) dy``; F: a clone's generating function, y: relative size at its birth."""
    extinct, alpha = population.resistant.death_share, population.alpha
    if abs(alpha - 1.0) < _NEUTRAL:
        below = np.where(np.abs(z - extinct) < _NEUTRAL, 1.0, z - extinct)
        neutral = (1.0 - extinct) * (1.0 - z) / below * np.log((1.0 - extinct) / (1.0 - z))
        return np.where(np.abs(z - extinct) < _NEUTRAL, 1.0 - extinct, neutral)
    ages = 0.5 * _REACH * (_NODES + 1.0)
    weights = 0.5 * _REACH * _WEIGHTS * np.exp(-ages)
    shrink = np.exp(-alpha * ages)[:, np.newaxis]
    above = (1.0 - extinct) * (1.0 - z)
    result: ComplexArray = weights @ (above / ((1.0 - z) + shrink * (z - extinct)))
    return result


def resistance_probability(population: Fluctuation) -> float:
    """P(at least one resistant cell is alive at this size).

    Parameters
    ----------
    population : Fluctuation
        Sizes and rates.

    Returns
    -------
    float
        ``1 - exp(-M u F)``; neutral ``F = -ln(1 - q) / q``; without death ``1 - exp(-M u)``.

    References
    ----------
    .. [1] Iwasa, Nowak, Michor, Evolution of resistance during clonal expansion, Genetics 172, 2557-2566
       (2006). The integral was derived anew and tested by simulation.

    Examples
    --------
    >>> neutral = CloneRates(birth=1.0, death=0.5)
    >>> population = Fluctuation(cells=1e6, mutation=1e-6, sensitive=neutral, resistant=neutral)
    >>> round(resistance_probability(population), 4)
    0.75
    """
    return -math.expm1(-population.mutations * float(_integral(population, np.zeros(1, complex))[0].real))


def resistant_generating_function(population: Fluctuation, z: float) -> float:
    """``E[z ** N]`` of the number N of resistant cells at this size.

    Parameters
    ----------
    population : Fluctuation
        Sizes and rates.
    z : float
        Within 0 and 1, 1 excluded.

    Returns
    -------
    float
        Neutral: ``exp(u M (1 - z) / (z - q) ln((1 - z) / (1 - q)))``.

    References
    ----------
    .. [1] Keller, Antal, Mutant number distribution in an exponentially growing population, J Stat Mech
       P01011 (2015), arXiv 1410.3307.

    Examples
    --------
    >>> dying = CloneRates(birth=1.0, death=0.6)
    >>> population = Fluctuation(cells=1e6, mutation=1e-6, sensitive=dying, resistant=dying)
    >>> round(resistant_generating_function(population, 0.3), 4)
    0.271
    """
    return math.exp(-population.mutations * float(_integral(population, np.array([z + 0j]))[0].real))


def resistant_law(population: Fluctuation, *, largest: int) -> FloatArray:
    """P(n resistant cells) at this size.

    Parameters
    ----------
    population : Fluctuation
        Sizes and rates.
    largest : int
        Largest number wanted.

    Returns
    -------
    ndarray, shape (largest + 1,)
        By Fourier inversion on a circle inside the unit circle, so that the heavy tail does not fold back.

    Examples
    --------
    >>> growing = CloneRates(birth=1.0, death=0.0)
    >>> population = Fluctuation(cells=1e6, mutation=1e-6, sensitive=growing, resistant=growing)
    >>> resistant_law(population, largest=4).round(4).tolist()
    [0.3679, 0.1839, 0.1073, 0.069, 0.0475]
    """
    points = 4 * (largest + 1)
    radius = 10.0 ** (-9.0 / points)
    z = radius * np.exp(2j * np.pi * np.arange(points) / points)
    values = np.exp(-population.mutations * _integral(population, z))
    law = (np.fft.fft(values) / points).real[: largest + 1] / radius ** np.arange(largest + 1)
    clipped: FloatArray = np.clip(law, 0.0, 1.0)
    return clipped


def lea_coulson_law(mutations: float, *, largest: int) -> FloatArray:
    """P(n mutants) without death, by Lea and Coulson's recursion.

    Parameters
    ----------
    mutations : float
        Expected number m of mutations.
    largest : int
        Largest number wanted.

    Returns
    -------
    ndarray, shape (largest + 1,)
        ``p0 = exp(-m)``, ``p_n = (m / n) sum_{k<n} p_k / (n - k + 1)``.

    References
    ----------
    .. [1] Lea, Coulson, The distribution of the numbers of mutants in bacterial populations, J Genet 49,
       264-285 (1949); recursion of Ma, Sandri, Sarkar, J Appl Probab 29, 255-267 (1992).

    Examples
    --------
    >>> lea_coulson_law(1.0, largest=3).round(4).tolist()
    [0.3679, 0.1839, 0.1073, 0.069]
    """
    law = np.zeros(largest + 1)
    law[0] = math.exp(-mutations)
    for n in range(1, largest + 1):
        law[n] = mutations / n * float(law[:n] @ (1.0 / (n + 1.0 - np.arange(n))))
    return law


def mean_resistant(population: Fluctuation) -> float:
    """Expected number of resistant cells at this size.

    Parameters
    ----------
    population : Fluctuation
        Sizes and rates.

    Returns
    -------
    float
        ``u M / (1 - q) ln M`` where neutral, else ``(M^(alpha - 1) - 1) / (alpha - 1)`` for ``ln M``. Sample
        means do not approach it within any feasible number of runs.

    Examples
    --------
    >>> neutral = CloneRates(birth=1.0, death=0.0)
    >>> population = Fluctuation(cells=1e6, mutation=1e-6, sensitive=neutral, resistant=neutral)
    >>> round(mean_resistant(population), 1)
    13.8
    """
    size, excess = math.log(population.cells), population.alpha - 1.0
    spread = size if abs(excess) < _NEUTRAL else math.expm1(excess * size) / excess
    return population.mutations * spread


def lasting_clones(population: Fluctuation) -> float:
    """Expected number of resistant clones that never die out.

    Parameters
    ----------
    population : Fluctuation
        Sizes and rates.

    Returns
    -------
    float
        ``M u (1 - q') / (1 - q)``; their number is Poisson.
    """
    return population.mutations * max(0.0, 1.0 - population.resistant.death_share)


def escape_during_therapy(
    cells: float, mutation: float, *, sensitive: CloneRates, resistant: CloneRates
) -> float:
    """P(a lasting resistant clone is born while the sensitive cells fall).

    Parameters
    ----------
    cells : float
        Sensitive cells when therapy starts.
    mutation : float
        Probability of a resistant daughter, per division.
    sensitive : CloneRates
        Rates under therapy; death exceeds birth.
    resistant : CloneRates
        Rates under therapy.

    Returns
    -------
    float
        ``1 - exp(-N0 u r / (d' - r) (1 - q'))``.

    Raises
    ------
    InputError
        If the sensitive cells do not fall.

    Examples
    --------
    >>> falling = CloneRates(birth=0.05, death=0.15)
    >>> rising = CloneRates(birth=0.06, death=0.03)
    >>> round(escape_during_therapy(1e5, 1e-5, sensitive=falling, resistant=rising), 4)
    0.2212
    """
    if sensitive.growth >= 0.0:
        raise InputError(
            where="escape_during_therapy",
            found=f"sensitive growth {sensitive.growth:g} per day",
            needed="a falling population",
            advice="Use resistance_probability for a growing one.",
        )
    born = cells * mutation * sensitive.birth / -sensitive.growth
    return -math.expm1(-born * max(0.0, 1.0 - resistant.death_share))
