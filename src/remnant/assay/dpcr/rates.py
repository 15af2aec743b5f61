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

from remnant.knowledge.dpcr import BlankRule, DigitalRules
from remnant.numerics.partitions import limit_of_blank, limit_of_detection, outlier_p_values, rate

__all__ = [
    "Beta",
    "BlankRate",
    "Counted",
    "blank_limits",
    "clean_limit",
    "countable_copies",
    "disagree",
    "exact_lower",
    "is_positive",
    "shared_rate",
    "spread",
    "summed",
]

Beta = tuple[float, float]
"""Positives and negatives of a Beta law."""
Counted = tuple[int, int]
"""Positives and accepted partitions of one well."""
Floats = NDArray[np.float64]
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

    def unstained(self) -> BlankRate:
        """Law of a well that no stain reached: the upper end of what a well can hold of its own.

        Returns
        -------
        BlankRate
            That of clean blanks; the law itself where nothing stained a blank.
        """
        if self.clean is None:
            return self
        return BlankRate(positives=self.clean[0], negatives=self.clean[1], wells=self.wells)


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


def exact_lower(k: ArrayLike, n: ArrayLike, blanks: Sequence[BlankRate]) -> Floats:
    """Lower end of an exact 95 % interval of copies a partition, the law of false positives integrated over.

    Parameters
    ----------
    k, n : array_like of int, shape (m,)
        Positive and accepted partitions, ``k > 0``.
    blanks : sequence of BlankRate, length m
        False positives of each.

    Returns
    -------
    ndarray of float, shape (m,)
        Rate at which so many positives or more come with 2.5 %; about 0 where blanks give them as often.

    Notes
    -----
    The posterior's lower end falls to the lowest rate that its prior declares where blanks explain a count one time in
    a thousand; this one does not know how far down the prior goes.

    References
    ----------
    .. [1] Clopper and Pearson, Biometrika 26, 404-413 (1934).

    Examples
    --------
    >>> clean = BlankRate(positives=0.5, negatives=1e9, wells=3)
    >>> (exact_lower([1, 8], [20_000, 20_000], [clean, clean]) * 20_000).round(3).tolist()
    [0.025, 3.454]
    """
    laws = np.reshape([(one.positives, one.negatives) for one in blanks], (-1, 2)).T
    return limit_of_detection(n, np.asarray(k) - 1, *laws, level=0.025)


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


def summed(counts: Sequence[Counted]) -> Counted:
    """Positives and partitions of some wells together.

    Parameters
    ----------
    counts : sequence of (int, int)
        Positives and accepted partitions of each.

    Returns
    -------
    positives, partitions : int
        Their sums.
    """
    return sum(one[0] for one in counts), sum(one[1] for one in counts)


def is_positive(counts: Sequence[Counted]) -> bool:
    """Whether blanks hold more than a positive partition each.

    Parameters
    ----------
    counts : sequence of (int, int)
        Positives and accepted partitions of each.

    Returns
    -------
    bool
        False without blanks.
    """
    return summed(counts)[0] > len(counts)


def shared_rate(counts: Sequence[Counted], rule: BlankRule) -> Beta:
    """Posterior of one rate that all these blanks share.

    Parameters
    ----------
    counts : sequence of (int, int)
        Positives and accepted partitions of each.
    rule : BlankRule
        Prior: half a positive, and a clean well that is assumed where blanks are missing.

    Returns
    -------
    tuple of float
        Parameters of the Beta law.

    Notes
    -----
    Blanks of a well's size stand for themselves (Jeffreys' prior): assumed partitions beside them would thin their
    rate out, and a negative sample would exceed its limit of blank in up to 18 % where 5 % are stated.

    Examples
    --------
    >>> from remnant.knowledge.dpcr import dpcr_rules
    >>> shared_rate([], dpcr_rules().blank), shared_rate([(1, 18_000), (0, 18_000)], dpcr_rules().blank)
    ((0.5, 19999.5), (1.5, 35999.5))
    """
    k, n = summed(counts)
    least = 2.0 * rule.prior_positives
    worth = least if is_positive(counts) else max(rule.prior_partitions - n, least)
    return rule.prior_positives + k, worth - rule.prior_positives + n - k


def disagree(counts: Sequence[Counted], rule: BlankRule) -> bool:
    """Whether one rate cannot have given all these blanks.

    Parameters
    ----------
    counts : sequence of (int, int)
        Positives and accepted partitions of each.
    rule : BlankRule
        Error rate of the test, shared among the blanks.

    Returns
    -------
    bool
        Whether any of them is less likely than that, given the others.
    """
    if len(counts) < 2:
        return False
    k, n = (np.array(column) for column in zip(*counts, strict=True))
    return bool(outlier_p_values(k, n, 0.0).min() < rule.outlier_p_value / len(counts))


def spread(counts: Sequence[Counted], shared: Beta, *, shape: float = np.inf) -> Beta:
    """Law of a rate that varies between wells as these blanks do, where one rate cannot have given them.

    Parameters
    ----------
    counts : sequence of (int, int)
        Positives and accepted partitions of each, two at least.
    shared : tuple of float
        Posterior of a rate that they share: the law is never narrower.
    shape : float, default infinity
        Most positives of the law: with one or fewer it is densest where there is no stain.

    Returns
    -------
    tuple of float
        The Beta law with the mean and the variance of the shares (method of moments).
    """
    shares = np.array([k / n for k, n in counts])
    mean, variance = float(shares.mean()), float(shares.var(ddof=1))
    total = min(max(mean * (1.0 - mean) / variance - 1.0, 1.0), sum(shared), shape / mean)
    return mean * total, (1.0 - mean) * total


def countable_copies(copies: float, k: float, n: float, blank: BlankRate) -> float:
    """Copies that, counted without any background, would be known as well as these are.

    Parameters
    ----------
    copies : float
        Copies in the partitions, blank subtracted.
    k, n : float
        Positive and accepted partitions.
    blank : BlankRate
        False positives, whose number varies by chance and whose rate is not known either.

    Returns
    -------
    float
        ``1 / CV**2`` of the copies; about `copies` where few partitions are positive and blanks are clean.

    References
    ----------
    .. [1] Dube, Qin and Ramakrishnan, PLoS ONE 3, e2876 (2008): variance of the rate.

    Examples
    --------
    >>> clean = BlankRate(positives=0.5, negatives=60_000.0, wells=3)
    >>> stained = BlankRate(positives=60.5, negatives=59_940.0, wells=3)
    >>> round(countable_copies(9.0, 9, 20_000, clean), 1), round(countable_copies(11.0, 31, 20_000, stained), 1)
    (8.9, 3.2)
    """
    if k >= n:
        return 0.0
    return copies**2 / max(k * n / (n - k) + (n * blank.sd) ** 2, 1e-12)
