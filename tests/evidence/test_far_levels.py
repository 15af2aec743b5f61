"""Changes within one run between far levels: the slope's error does not cancel, and where that matters.

A line's error is named once, with its size at each level: between two levels on either side of the middle of the
standards the sizes are alike and cancel, though a wrong slope moves the two apart.
"""

import numpy as np
import pytest

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, TUBE, ErrorTerm, ReportedEvidence
from remnant.evidence.verbs import change
from remnant.knowledge.variance import default_variance
from remnant.numerics.standard_curve import Calibration

MIDDLE, LINE, SLOPE, WELLS = (
    3.5,
    0.017,
    0.023,
    0.02,
)  # log10; the line as `quantify` finds it with 2 wells a tube of six


def covered(decades, include, *, size=4000):
    rng = np.random.default_rng(decades)
    line = Calibration(*(np.array([v]) for v in (LINE**2, 0.0, SLOPE**2, MIDDLE)))
    default = {part.error_class: part.sd_log10 for part in default_variance() if part.target in {"", "WT1"}}
    height, slope = rng.normal(0, LINE, size), rng.normal(0, SLOPE, size)
    levels = MIDDLE + np.array([-0.5, 0.5]) * decades
    sides = []
    for side, level in enumerate(levels):
        noise = rng.normal(0, WELLS, size)
        if include is COMPARISON:
            noise += rng.normal(0, np.hypot(default["rt"], default["biology"]), size)
        seen = level + height + slope * (level - MIDDLE) + noise
        sizes = {"curve:R1:WT1": float(line.sd_log10(np.zeros(1, dtype=int), np.array([level]))[0])}
        sizes |= {
            "run:R1": default["run"],
            f"rt:{side}": default["rt"],
            f"biology:P1:WT1:{side}": default["biology"],
        }
        errors = tuple(ErrorTerm(name=name, sd_log10=sd) for name, sd in sizes.items())
        sides.append(
            EvidenceBatch.of(
                [
                    ReportedEvidence(
                        value=10.0**x, sd_log10=WELLS, upper_limit=None, lower_limit=None,
                        log10_low=-4.0, log10_high=10.0, errors=errors,
                    )
                    for x in seen
                ]
            )
        )  # fmt: skip
    got = change(*sides, include=include)
    return float(((got.lower <= decades) & (got.upper >= decades)).mean())


@pytest.mark.coverage
@pytest.mark.parametrize("decades", [1, 2, 4])
def test_it_is_lost_in_the_errors_between_two_samples(decades):
    assert covered(decades, COMPARISON) > 0.93


@pytest.mark.coverage
def test_with_the_errors_of_the_tube_alone_far_levels_are_covered_too_seldom():
    """What `TUBE` says of itself."""
    assert covered(4, TUBE) < 0.75
