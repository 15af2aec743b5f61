"""Left-out standards against what their tubes hold by the other assays, not against their labels.

The label of a tube is off by its dilution error, which all genes share: against the label, a level's coverage is one draw
(`_qpcr_laboratories`). What the tube holds is told by the other 62 genes, which measured the same five tubes. So a gene's
wells at one level are read by its line through the other four levels, whose contents the other genes told too, and the
95 % interval is asked for the content of the left-out tube as the other genes tell it, that telling's error included.
This reading was added after the one against the label had missed its bar at one level; that one stays and is judged.
It is what a study does that lets an assay borrow from the laboratory's assays on the same lot of standards.

No variance has seen the level that is left out, in any gene; no line of a gene has seen the gene's wells at that level.
The content of a tube is no variance and no line: the other genes' wells of it tell it. One form was tried, on three ways
of reading a Cq; afterwards the middle of the ladder, to which the spread of heights belongs, was mended in it, which
moved no level by more than .6 %.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from _form import Figure, finish
from _qpcr_calibration import LEVELS, bounds_of, clustered, fitted, held_without, vermeulen
from _qpcr_ruijter import our_cq, standards
from _qpcr_sets import curve_set
from remnant.numerics import calibration
from remnant.numerics.calibration_ladder import Ladder

__all__ = ["figures", "inside_of_tubes", "level_inside_of_tubes"]

Floats = np.ndarray


def _without(held: Ladder, out: int) -> Ladder:
    """The same ladder, one level's wells taken off."""
    wells = held.wells.copy()
    wells[:, out] = 0
    return replace(held, wells=wells)


def level_inside_of_tubes(cq: Floats, out: int) -> np.ndarray:
    """Genes x wells at one level: whether the tube's content by the other genes is inside the interval."""
    genes, _, each = cq.shape
    held = held_without(cq)
    learned, technical = fitted(_without(held, out))
    inside = np.empty((genes, each), dtype=bool)
    for gene in range(genes):
        others, one = np.flatnonzero(np.arange(genes) != gene), np.array([gene])
        told = calibration.history_given(held.take(others), learned.spread, technical=technical[others])
        own = _without(held.take(one), out)
        slope = float(calibration.posterior_lines(own, told, technical=technical[one]).slope[0])
        expected, sd = calibration.at_levels(own, told, technical=technical[one])
        reading = np.log10(LEVELS[out]) + (cq[gene, out] - expected[0, out]) / slope
        low, high = bounds_of(reading, technical[one] / abs(slope), sd[:, out] / abs(slope), each)
        inside[gene] = (low <= LEVELS[out]) & (LEVELS[out] <= high)
    return inside


def inside_of_tubes(cq: Floats) -> np.ndarray:
    """Genes x levels x wells: inside or not."""
    return np.stack([level_inside_of_tubes(cq, out) for out in range(len(LEVELS))], axis=1)


def _read(label: str, cq: Floats, *, judged: bool) -> list[Figure]:
    inside = inside_of_tubes(cq)
    name = f"left-out Vermeulen against the tube's content by the other genes, {label}"
    whole = 100.0 * float(inside.mean())
    found = [
        Figure(
            f"{name}: % of wells inside, by gene (95 %)", clustered(inside), "93-97", 93.0 <= whole <= 97.0
        )
        if judged
        else Figure(f"{name}: % of wells inside, by gene (95 %)", clustered(inside))
    ]
    for level, copies in enumerate(LEVELS):
        part = inside[:, level]
        share = 100.0 * float(part.mean())
        line = f"{name}, {copies:g} copies: % inside"
        found.append(
            Figure(line, clustered(part), "88-99", 88.0 <= share <= 99.0)
            if judged
            else Figure(line, clustered(part))
        )
    return found


def figures() -> list[Figure]:
    """Coverage of the content of left-out tubes, by three ways of reading a Cq.

    Returns
    -------
    list of Figure
        The Cq that the set ships with, judged; our own, and our cycles combined, beside it.
    """
    found = _read("the set's Cq", vermeulen(), judged=True)
    curves = curve_set("vermeulen2")
    _, order = standards(curves)
    read, _ = our_cq(curves)
    for label, source in (("our Cq", "ours"), ("our cycles combined", "combined")):
        cq = read[source][order].reshape(len(order), len(LEVELS), -1)
        found += _read(label, cq, judged=False)
    return found


if __name__ == "__main__":
    finish("Left-out standards against what their tubes hold", figures())
