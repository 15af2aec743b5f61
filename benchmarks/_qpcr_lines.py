"""Standards read as if they were unknown: the lines by which a gene's wells get their quantities.

Cq are genes x wells on one ladder of standards; quantities are log10 copies. `Laboratory` is what other genes
teach; no function looks at the nominal level of the well that it reads, but for `own_line`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from _qpcr_calibration import fitted
from remnant.knowledge.qpcr import well_assumptions
from remnant.numerics import calibration, calibration_ladder

__all__ = [
    "Laboratory",
    "by_history",
    "by_other_genes",
    "laboratory",
    "own_line",
    "own_line_without",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Laboratory:
    """Standards of other genes, and the history that they make."""

    nominal: Floats
    held: calibration_ladder.Ladder
    history: calibration.History


def _ladder(nominal: Floats, cq: Floats) -> calibration_ladder.Ladder:
    plates = len(cq)
    x = np.tile(np.log10(nominal), plates)
    plate = np.repeat(np.arange(plates), len(nominal))
    held = calibration_ladder.ladder(plate, x, cq.ravel(), plates=plates)
    return replace(held, silent=np.zeros_like(held.silent))


def laboratory(nominal: Floats, cq: Floats) -> Laboratory:
    """What genes teach: one line each, one lot of standards."""
    held = _ladder(nominal, cq)
    history, _ = fitted(held)
    return Laboratory(nominal, held, history)


def _joined(a: calibration_ladder.Ladder, b: calibration_ladder.Ladder) -> calibration_ladder.Ladder:
    parts = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("wells", "silent")}
    sums = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("mean", "squares")}
    return replace(a, **parts, **sums)


def by_history(known: Laboratory, cq: Floats) -> Floats:
    """Quantities of one gene: each well by the line of the other wells, drawn to the history of other genes."""
    wells = len(cq)
    held = _ladder(known.nominal, np.where(np.eye(wells, dtype=bool), np.nan, np.tile(cq, (wells, 1))))
    assumed, slope = well_assumptions(), calibration_ladder.common_slope(known.held)
    technical = np.array(
        [
            calibration_ladder.technical_sd(
                _joined(known.held, held.take(np.array([well]))),
                slope=slope,
                detection_probability=assumed.detection_probability,
                default=assumed.technical_sd,
                weight=assumed.technical_sd_weight,
            )[-1]
            for well in range(wells)
        ]
    )
    lines = calibration.posterior_lines(held, known.history, technical=technical)
    quantity: Floats = (cq - lines.intercept) / lines.slope
    return quantity


def by_other_genes(nominal: Floats, others: Floats, cq: Floats) -> Floats:
    """Quantities of one gene by the mean least-squares line of other genes."""
    slopes, heights = _line(np.log10(nominal), others, np.ones(len(nominal)))
    quantity: Floats = (cq - heights.mean()) / slopes.mean()
    return quantity


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Slopes and heights at x = 0 of weighted lines, one a row of y."""
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight, axis=1)
    along = weight * (x - mean_x)
    slope = (y - mean_y[:, None]) @ along / (along @ (x - mean_x))
    return slope, mean_y - slope * mean_x


def own_line_without(nominal: Floats, cq: Floats) -> Floats:
    """Quantities of genes, each well by its gene's other wells, weighted by technical and counting error."""
    x, quantity = np.log10(nominal), np.empty_like(cq)
    weight = 1.0 / (well_assumptions().technical_sd ** 2 + (3.4 / np.log(10.0)) ** 2 / nominal)
    for well in range(len(x)):
        rest = np.arange(len(x)) != well
        slope, at_one = _line(x[rest], cq[:, rest], weight[rest])
        quantity[:, well] = (cq[:, well] - at_one) / slope
    return quantity


def own_line(nominal: Floats, cq: Floats) -> Floats:
    """Quantities of genes by their own least-squares lines, the well included."""
    slope, at_one = _line(np.log10(nominal), cq, np.ones(len(nominal)))
    quantity: Floats = (cq - at_one[:, None]) / slope[:, None]
    return quantity
