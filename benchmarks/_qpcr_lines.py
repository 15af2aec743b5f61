"""Standards read as if they were unknown: the lines by which a gene's wells get their quantities.

Cq are genes x wells on one ladder of standards; quantities are log10 copies. `Laboratory` is what other genes
teach; no function looks at the nominal level of the well that it reads, but for `own_line`. `by_laboratory_line` is
the product's own path for ``standard_curve = "laboratory"``, from wells to lines.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from _qpcr_calibration import fitted
from remnant.assay.qpcr.curves import judged_curves
from remnant.assay.qpcr.laboratory_line import with_laboratory
from remnant.assay.qpcr.plates import well_frame
from remnant.knowledge.calibration import calibration_rules
from remnant.knowledge.qpcr import qpcr_rules, well_assumptions
from remnant.numerics import calibration, calibration_ladder
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Sample

__all__ = [
    "Laboratory",
    "by_history",
    "by_laboratory_line",
    "by_other_genes",
    "laboratory",
    "own_line",
    "own_line_without",
]

Floats = NDArray[np.float64]

_RUN: Final = "R-01"
_READ: Final = "the gene that is read"
_ASSAY: Final = Assay(assay_id=_READ, target=_READ, control=None, unit="copies", platform="qpcr")


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


def by_laboratory_line(nominal: Floats, others: Floats, cq: Floats) -> Floats:
    """Quantities of one gene by the product: its wells are samples without standards, the other genes' are standards.

    The product's gates decide which genes teach, its rules how; the line is that of an assay without standards.
    """
    sample = Sample(sample_id=_READ, patient_id="P", material="BM", drawn_on=dt.date(2013, 1, 1))
    wells = [_well(_READ, place, value, None) for place, value in enumerate(cq.tolist())]
    for gene, values in enumerate(others.tolist()):
        wells += [
            _well(f"gene {gene}", place, value, copies)
            for place, (value, copies) in enumerate(zip(values, nominal.tolist(), strict=True))
        ]
    runs, rules = [Run(run_id=_RUN)], qpcr_rules()
    frame, _ = well_frame(wells, runs=runs, samples=[sample], assays=[_ASSAY])
    curves, _ = with_laboratory(
        judged_curves(frame, rules.curves, rules.wells),
        frame,
        untaught=(),
        runs=runs,
        assumptions=rules.wells,
        rules=calibration_rules(),
    )
    [row] = np.flatnonzero(curves.lines.lent)
    return curves.lines.read(np.full(len(cq), row), cq)


def _well(target: str, place: int, cq: float, standard_copies: float | None) -> Well:
    return Well(
        run_id=_RUN,
        position=f"{target} {place}",
        target=target,
        sample=_READ,
        kind="unknown" if standard_copies is None else "standard",
        detected=True,
        cq=cq,
        standard_copies=standard_copies,
    )


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
