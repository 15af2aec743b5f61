"""Detection states: four, and a failed measurement is never negative."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.detection import STATES, DetectionRule, detection_state
from remnant.evidence.kinds import CountsEvidence

RULE = DetectionRule(rule_id="two_of_three", minimum_positive_share=2 / 3, minimum_events=8.0)


def states(k, positive, replicates, *, obstacle=""):
    evidence = CountsEvidence(
        k=k, exposure=3.0, background=0.0, dispersion=0.0, log10_low=-4.0, log10_high=6.0
    )
    return detection_state(
        EvidenceBatch.of([evidence]),
        positive=np.array([positive]),
        replicates=np.array([replicates]),
        events=np.array([float(k)]),
        obstacle=[obstacle],
        rule=RULE,
    )


@pytest.mark.parametrize(
    ("k", "positive", "replicates", "obstacle", "state"),
    [
        (60, 3, 3, "", "quantified"),
        (60, 2, 3, "", "quantified"),
        (60, 1, 3, "", "detected"),
        (5, 3, 3, "", "detected"),
        (0, 0, 3, "", "not detected"),
        (0, 0, 0, "", "not evaluable"),
        (60, 3, 3, "the curve failed", "not evaluable"),
        (0, 0, 3, "no ABL1", "not evaluable"),
    ],
)
def test_each_state(k, positive, replicates, obstacle, state):
    got = states(k, positive, replicates, obstacle=obstacle)
    assert got.state == (state,)
    assert (got.reason == ("",)) == (state == "quantified")


@pytest.mark.property
@given(k=st.integers(0, 100), positive=st.integers(0, 3), obstacle=st.sampled_from(["", "failed"]))
def test_an_obstacle_is_never_negative_and_a_silent_row_never_positive(k, positive, obstacle):
    [state] = states(k, positive, 3, obstacle=obstacle).state
    assert state in STATES
    assert (state == "not evaluable") == bool(obstacle)
    assert (state == "not detected") == (positive == 0 and not obstacle)


def test_nothing_detected_carries_the_sensitivity_reached():
    assert states(0, 0, 3).upper_limit[0] == pytest.approx(2.9957 / 3.0, rel=1e-4)


def test_more_positive_than_measured_is_refused():
    with pytest.raises(MeasurementError, match="4 positive of 3"):
        states(4, 4, 3)
