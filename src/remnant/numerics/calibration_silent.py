"""Standard wells without signal: their likelihood, and the detection probability of one molecule that fits them.

A well of N nominal copies is silent if it holds no molecule that amplifies, or if its signal is due after the last
cycle. Arrays are plates x levels of one ladder; Cq in cycles, copies as log10.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import gammaln, log_ndtr, logsumexp
from scipy.stats import chi2

from remnant.numerics.calibration import Lines
from remnant.numerics.calibration_ladder import Ladder

__all__ = ["detection_probability", "silent_log_likelihood"]

Floats = NDArray[np.float64]

_SUM_UP_TO: Final = 400.0


def silent_log_likelihood(
    held: Ladder, lines: Lines, *, technical: Floats, last_cycle: Floats, detection_probability: float
) -> float:
    """Log-probability of the wells that stayed silent and of those that did not, given the lines.

    Parameters
    ----------
    held : Ladder
        Standards.
    lines : Lines
        Line of each plate.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.
    last_cycle : ndarray of float, shape (plates,)
        Cycles run; ``inf`` hides nothing.
    detection_probability : float
        P(one molecule amplifies).

    Returns
    -------
    float
        ``sum silent * log P(silent) + signals * log(1 - P(silent))`` with ``P(silent) = sum_m Poisson(m; q N)
        P(Cq of m molecules > last cycle)``. It is flat where no level is low.
    """
    molecules = detection_probability * np.power(10.0, held.log10_copies)
    low = molecules <= _SUM_UP_TO
    if not low.any():
        return 0.0
    m = np.arange(0.0, _SUM_UP_TO + 12.0 * _SUM_UP_TO**0.5)
    poisson = m * np.log(molecules[low])[:, None] - molecules[low, None] - gammaln(m + 1)
    due = lines.intercept[:, None] + lines.slope[:, None] * np.log10(
        np.maximum(m, 1.0)[None, :] / detection_probability
    )
    late = log_ndtr((due - last_cycle[:, None]) / technical[:, None])
    late[:, 0] = 0.0
    silent = np.minimum(logsumexp(poisson[None, :, :] + late[:, None, :], axis=2), -1e-300)
    seen = np.log(-np.expm1(silent))
    return float((held.silent[:, low] * silent + held.wells[:, low] * seen).sum())


def detection_probability(
    held: Ladder, lines: Lines, *, technical: Floats, last_cycle: Floats, assumed: float
) -> tuple[float, float]:
    """Detection probability of one molecule that fits the silent standards best, against the one assumed.

    Parameters
    ----------
    held : Ladder
        Standards.
    lines : Lines
        Line of each plate.
    technical : ndarray of float, shape (plates,)
        Technical standard deviation of one well, cycles.
    last_cycle : ndarray of float, shape (plates,)
        Cycles run.
    assumed : float
        Value in use.

    Returns
    -------
    best : float
        Largest likelihood, between 0.01 and 1.
    p_value : float
        Likelihood ratio, one degree of freedom, halved because 1 is the edge.
    """

    def loss(value: float) -> float:
        return -silent_log_likelihood(
            held, lines, technical=technical, last_cycle=last_cycle, detection_probability=value
        )

    found = optimize.minimize_scalar(loss, bounds=(0.01, 1.0), method="bounded")
    ratio = max(2.0 * (loss(assumed) - float(found.fun)), 0.0)
    return float(found.x), 0.5 * float(chi2.sf(ratio, 1))
