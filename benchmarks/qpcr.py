"""Quantitative and digital PCR on published data: accuracy beside speed, in one run.

Curves, calls, Ruijter 2013 and speed; then calibration with what it can promise, digital PCR and mutated files. A part whose data are
not beside the checkout is left out and says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import _qpcr_calibration
import _qpcr_curves
import _qpcr_digital
import _qpcr_digital_ratios
import _qpcr_laboratories
import _qpcr_mutations
import _qpcr_own_standards
import _qpcr_ruijter
import _qpcr_speed
import _qpcr_structures
import _qpcr_tubes
from _form import Figure, finish
from _qpcr_sets import DATA


def main() -> None:
    """Run every part."""
    found: list[Figure] = []
    if DATA.is_dir():
        for part in (_qpcr_curves, _qpcr_ruijter, _qpcr_own_standards, _qpcr_tubes, _qpcr_speed):
            found += part.figures()
    else:
        found.append(Figure("curves: real data absent", "left out"))
    for part in (
        _qpcr_calibration,
        _qpcr_structures,
        _qpcr_laboratories,
        _qpcr_digital,
        _qpcr_digital_ratios,
        _qpcr_mutations,
    ):
        found += part.figures()
    finish("Quantitative and digital PCR", found)


if __name__ == "__main__":
    main()
