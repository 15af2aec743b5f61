"""Left-out standards read with our own Cq of the raw curves, beside the published Cq."""

from __future__ import annotations

from _form import Figure
from _qpcr_calibration import LEVELS, clustered, left_out_vermeulen
from _qpcr_ruijter import our_cq, standards
from _qpcr_sets import curve_set

__all__ = ["figures"]


def figures() -> list[Figure]:
    """Coverage of left-out Vermeulen standards with our own Cq of the raw curves."""
    found = curve_set("vermeulen2")
    _, order = standards(found)
    read, _ = our_cq(found)
    figures = []
    for label, source in (("our Cq as shipped", "ours"), ("our cycles combined", "combined")):
        cq = read[source][order].reshape(len(order), len(LEVELS), -1)
        inside, _ = left_out_vermeulen(cq)
        levels = " / ".join(f"{100 * inside[:, level].mean():.1f}" for level in range(len(LEVELS)))
        figures.append(Figure(f"left-out Vermeulen, {label}: % of wells inside, by gene", clustered(inside)))
        figures.append(Figure(f"left-out Vermeulen, {label}: by level", levels))
    return figures
