"""How many cells must be looked at to see a rare clone."""

from __future__ import annotations

import math

from scipy import optimize, special

from remnant.errors import InputError

__all__ = ["cells_to_see"]


def cells_to_see(share: float, *, probability: float = 0.95, events: int = 1) -> int:
    """Cells needed to see a clone.

    Parameters
    ----------
    share : float
        Its share of the cells, above 0 and below 1.
    probability : float, default 0.95
        Probability of seeing it.
    events : int, default 1
        Positive cells that count as seeing; 20 is a usual flow-cytometric limit of detection.

    Returns
    -------
    int
        ``ln(1 - P) / ln(1 - share)`` for one event, Poisson for more.

    Raises
    ------
    InputError
        If the share or the probability lies outside 0 to 1.

    Examples
    --------
    >>> cells_to_see(1e-4, events=20)
    278793
    """
    if not (0.0 < share < 1.0 and 0.0 < probability < 1.0 and events >= 1):
        raise InputError(
            where="cells_to_see",
            found=f"share {share:g}, probability {probability:g}, {events} events",
            needed="a share and a probability between 0 and 1, and one event or more",
            advice="An absent clone cannot be seen.",
        )
    if events == 1:
        return math.ceil(math.log1p(-probability) / math.log1p(-share))
    mean = optimize.brentq(
        lambda m: float(special.gammainc(events, m)) - probability, events * 0.1, 10.0 * events + 50.0
    )
    return math.ceil(float(mean) / share)
