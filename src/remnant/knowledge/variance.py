"""Errors above the tube that hold until a laboratory's own controls replace them."""

from __future__ import annotations

import functools

from remnant.knowledge.tables import rows
from remnant.records.control import VarianceComponent

__all__ = ["default_variance"]


@functools.cache
def default_variance() -> tuple[VarianceComponent, ...]:
    """Components of the table, every one with its status.

    Returns
    -------
    tuple of VarianceComponent
        In the order of the table; a row of one target stands before the row of any target.

    Examples
    --------
    >>> [(part.error_class, part.target, part.sd_log10) for part in default_variance()][:3]
    [('run', '', 0.07), ('rt', '', 0.12), ('biology', 'WT1', 0.2)]
    """
    return tuple(
        VarianceComponent(
            error_class=row["error_class"],
            target=row["target"],
            sd_log10=row["sd_log10"],
            source=row["source"],
            status=row["status"],
            default_sd_log10=row["sd_log10"],
        )
        for row in rows("variance")
    )
