"""The rate of false positives a partition, as a law, and the limits that follow from it.

A rate that all wells share has a Beta posterior. Where something stained a blank and may or may not have stained
a sample, the law runs from no stain to more than was seen, and a second one says what clean blanks give: what lies
between the limits of both is neither positive nor negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remnant.knowledge.dpcr import DigitalRules
from remnant.numerics.partitions import limit_of_blank, rate

__all__ = ["Beta", "BlankRate", "blank_limits", "clean_limit"]

Beta = tuple[float, float]
"""Positives and negatives of a Beta law."""
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankRate:
    """Law of the rate of false positives a partition.

    Attributes
    ----------
    positives, negatives : float
        Parameters of the Beta law, prior included.
    wells : int
        Blanks behind it; 0 if it is the prior alone.
    shared : tuple of float or None
        Beta posterior if one rate gave all blanks, where the law is another; limits of blank hold for both.
    clean : tuple of float or None
        Beta posterior of the rate without what stained a blank; None where nothing did, or where stains are rare.
    """

    positives: float
    negatives: float
    wells: int
    shared: Beta | None = None
    clean: Beta | None = None

    @property
    def mean(self) -> float:
        """Mean rate.

        Returns
        -------
        float
            A partition.
        """
        return self.positives / (self.positives + self.negatives)

    @property
    def sd(self) -> float:
        """Standard deviation of the rate.

        Returns
        -------
        float
            A partition.
        """
        total = self.positives + self.negatives
        return float(np.sqrt(self.mean * (1.0 - self.mean) / (total + 1.0)))


def blank_limits(blanks: Sequence[BlankRate], n: ArrayLike, level: float) -> Integers:
    """Positives that blanks stay within, by the law of the rate and by the shared rate where they differ.

    Parameters
    ----------
    blanks : sequence of BlankRate, length m
        False positives of each well.
    n : array_like of int, shape (m,)
        Partitions of each.
    level : float
        Probability.

    Returns
    -------
    ndarray of int, shape (m,)
        Limit of blank.

    Examples
    --------
    >>> stained = BlankRate(positives=0.5, negatives=499.5, wells=1, shared=(40.5, 19_960.0), clean=(0.5, 19_999.5))
    >>> blank_limits([stained], [20_000], 0.95).tolist()
    [78]
    """
    laws = [(one.positives, one.negatives) for one in blanks]
    shared = [one.shared or law for one, law in zip(blanks, laws, strict=True)]
    (a, b), (c, d) = np.reshape(laws, (-1, 2)).T, np.reshape(shared, (-1, 2)).T
    found: Integers = limit_of_blank(n, a, b, level)
    return found if laws == shared else np.maximum(found, limit_of_blank(n, c, d, level))


def clean_limit(n: int, limit: int, blank: BlankRate, rules: DigitalRules) -> int:
    """Positives that clean blanks would stay within, where something stained a blank of the run.

    Parameters
    ----------
    n : int
        Partitions.
    limit : int
        Limit of blank of this run.
    blank : BlankRate
        Its false positives.
    rules : DigitalRules
        Level of the limit, and the copies that make a number.

    Returns
    -------
    int
        `limit` itself where no blank is stained, or by less than would make a number.

    Examples
    --------
    >>> from remnant.knowledge.dpcr import dpcr_rules
    >>> stained = BlankRate(positives=0.5, negatives=499.5, wells=1, clean=(0.5, 19_999.5))
    >>> clean_limit(20_000, 77, stained, dpcr_rules())
    2
    """
    if blank.clean is None or float(rate(limit, n)) * n < rules.positivity.minimum_copies:
        return limit
    return min(int(limit_of_blank(n, *blank.clean, rules.blank.level)), limit)
