"""When the mean is enough: a clone from few or many founders, and the switch between the two descriptions.

Below a number of founders (a row of ``knowledge/dynamics.toml``) chance decides whether a clone lives and how
large it becomes, and the law of its size is used; above, the exact mean. Which of the two was used is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from remnant.errors import InputError
from remnant.knowledge.tables import rows
from remnant.numerics.birth_death import founder_spread

__all__ = ["LateSize", "founders_for_mean", "late_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSize:
    """Size of a growing clone long after its founding.

    Attributes
    ----------
    description : {"mean", "law"}
        What was used: the exact mean, or the law of the size given survival.
    extinct : float
        P(no descendant in the end); 0 where the mean is used.
    mean_log10, sd_log10 : float
        Of log10 of the cells, given survival.
    sd_days : float
        Spread of the day on which a size is reached, from chance alone.
    """

    description: Literal["mean", "law"]
    extinct: float
    mean_log10: float
    sd_log10: float
    sd_days: float


def founders_for_mean() -> int:
    """Founders from which the mean is enough.

    Returns
    -------
    int
        From ``knowledge/dynamics.toml``.

    Examples
    --------
    >>> founders_for_mean()
    30
    """
    return next(int(row["value"]) for row in rows("dynamics") if row["id"] == "founders_for_mean")


def late_size(founders: int, birth: float, death: float, *, days: float) -> LateSize:
    """Size of a clone that grows from a number of founders.

    Parameters
    ----------
    founders : int
        Cells at the start.
    birth, death : float
        Rates per day, ``birth > death``.
    days : float
        Time since, many doublings.

    Returns
    -------
    LateSize
        By the mean or by the law, and which of them.

    Raises
    ------
    InputError
        If the clone does not grow or has no founder.

    Examples
    --------
    >>> late_size(1, 0.20, 0.12, days=200.0).description, late_size(1000, 0.20, 0.12, days=200.0).description
    ('law', 'mean')
    """
    growth = birth - death
    if founders < 1 or growth <= 0.0:
        raise InputError(
            where="late_size",
            found=f"{founders} founders, growth {growth:g} per day",
            needed="a founder, and growth above 0",
            advice="For a clone that falls, use probability_none.",
        )
    grown = growth * days / math.log(10.0)
    if founders >= founders_for_mean():
        return LateSize(
            description="mean",
            extinct=0.0,
            mean_log10=math.log10(founders) + grown,
            sd_log10=0.0,
            sd_days=0.0,
        )
    extinct, spread = founder_spread(founders, birth, death)
    lasting = np.arange(1, founders + 1)
    weight = stats.binom.pmf(lasting, founders, growth / birth)
    centre = float(weight @ special.digamma(lasting) / weight.sum()) + math.log(birth / growth)
    return LateSize(
        description="law",
        extinct=extinct,
        mean_log10=centre / math.log(10.0) + grown,
        sd_log10=spread,
        sd_days=spread * math.log(10.0) / growth,
    )
