"""How well quantities follow a dilution series: bias, precision and linearity of a quantification method.

The measures by which Ruijter and co-workers compared methods. All are of log10 quantity over log10 of the
nominal quantity, with replicates at each level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DilutionMetrics", "dilution_metrics"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DilutionMetrics:
    """Measures of one assay under one method.

    Attributes
    ----------
    slope : float
        Of log10 quantity on log10 nominal; 1 without bias.
    correlation : float
        Of the two.
    ms_within : float
        Mean square of the replicates about their level's mean: precision.
    ms_deviation : float
        Mean square of the level means about the line: linearity.
    bias_ratio : float
        Mean quantity of the highest over that of the lowest level.
    """

    slope: float
    correlation: float
    ms_within: float
    ms_deviation: float
    bias_ratio: float


def dilution_metrics(nominal: Floats, quantity: Floats) -> DilutionMetrics:
    """Bias, precision and linearity of quantities of a dilution series.

    Parameters
    ----------
    nominal : ndarray, shape (n,)
        Nominal quantity of each well, positive, at three levels or more.
    quantity : ndarray, shape (n,)
        Quantity that a method gave it, positive, in any unit.

    Returns
    -------
    DilutionMetrics
        Measures.

    References
    ----------
    .. [1] Ruijter et al., Methods 59, 32-46 (2013): section 2.5, bias, linearity and reproducibility.

    Examples
    --------
    >>> metrics = dilution_metrics(np.repeat([1.0, 10.0, 100.0], 2), np.array([1.0, 1.0, 10, 10, 100, 100]))
    >>> metrics.slope, metrics.ms_within
    (1.0, 0.0)
    """
    x, y = np.log10(nominal), np.log10(quantity)
    levels, place = np.unique(x, return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, y) / count
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    line = y.mean() + slope * (levels - x.mean())
    amount = np.bincount(place, quantity) / count
    return DilutionMetrics(
        slope=slope,
        correlation=float(np.corrcoef(x, y)[0, 1]),
        ms_within=float(np.square(y - mean[place]).sum() / (len(x) - len(levels))),
        ms_deviation=float((count * np.square(mean - line)).sum() / (len(levels) - 2)),
        bias_ratio=float(amount[-1] / amount[0]),
    )
