"""Subdistribution scores and their permutation test."""

import itertools
import math

import greenwood
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.errors import MeasurementError
from remnant.numerics.subdistribution import permutation_test, subdistribution_scores


def scores_definition(times, status):
    """Patient by patient, event time by event time; censoring weights by Kaplan-Meier in a loop."""

    def uncensored_before(t):
        share = 1.0
        for c in sorted({x for x, s in zip(times, status, strict=True) if s == 0 and x < t}):
            here = sum(1 for x, s in zip(times, status, strict=True) if x == c and s == 0)
            risk = here + sum(1 for x in times if x > c)
            share *= 1 - here / risk
        return share

    def weight(i, t):
        if times[i] >= t:
            return 1.0
        return uncensored_before(t) / uncensored_before(times[i]) if status[i] == 2 else 0.0

    n = range(len(times))
    scores = [float(s == 1) for s in status]
    for t in sorted({x for x, s in zip(times, status, strict=True) if s == 1}):
        events = sum(1 for x, s in zip(times, status, strict=True) if x == t and s == 1)
        risk = sum(weight(i, t) for i in n)
        for i in n:
            scores[i] -= weight(i, t) * events / risk
    return scores


patients = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2)), min_size=1, max_size=25)


@pytest.mark.definition
@given(patients=patients)
def test_scores_are_observed_less_expected(patients):
    times, status = zip(*patients, strict=True)
    ours = subdistribution_scores(times, status)
    assert ours == pytest.approx(scores_definition(times, status), abs=1e-10)
    assert ours.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.property
@given(patients=patients, shift=st.floats(0, 1e4), scale=st.floats(0.01, 1e3))
def test_scores_ignore_the_unit_and_origin_of_time(patients, shift, scale):
    times, status = (np.array(column) for column in zip(*patients, strict=True))
    moved = subdistribution_scores(np.round(times * scale, 6) + shift, status)
    assert moved == pytest.approx(subdistribution_scores(times, status), abs=1e-9)


@pytest.mark.reference
def test_group_sums_are_grays_observed_less_expected():
    """With everybody followed to one day, Gray's expected counts (greenwood) and ours are the same."""
    rng = np.random.default_rng(11)
    times, status = rng.integers(1, 200, 90), rng.integers(1, 3, 90)
    groups = np.array(["a", "b", "c"])[rng.integers(0, 3, 90)]
    status = np.where(times > 120, 0, status)
    times = np.minimum(times, 120)
    names = pl.Series(
        [["censored", "event", "other"][s] for s in status], dtype=pl.Enum(["censored", "event", "other"])
    )
    gray = greenwood.grays_test(greenwood.Surv(times, names), groups, cause="event")
    scores = subdistribution_scores(times, status)
    for group in ("a", "b", "c"):
        theirs = gray.observed[group] - gray.expected[group]
        assert scores[groups == group].sum() == pytest.approx(theirs, abs=1e-9)


@pytest.mark.definition
def test_permutation_p_is_the_share_of_all_exchanges():
    scores, groups = [3.0, 1.0, -0.5, -1.5, -2.0], np.array([0, 0, 1, 1, 1])

    def statistic(labels):
        return sum(
            sum(s for s, g in zip(scores, labels, strict=True) if g == k) ** 2
            / sum(1 for g in labels if g == k)
            for k in (0, 1)
        )

    exchanges = [statistic(labels) for labels in set(itertools.permutations(groups))]
    exact = sum(1 for value in exchanges if value >= statistic(groups) - 1e-12) / len(exchanges)
    made = permutation_test(scores, groups, rng=np.random.default_rng(5), permutations=40_000)
    assert made.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 40_000))


@pytest.mark.coverage
def test_permutation_keeps_its_size_in_groups_of_three():
    """The case in which the chi-square approximation of Gray's test rejects too often."""
    rng = np.random.default_rng(7)
    groups = np.repeat([0, 1, 2, 3], [29, 3, 3, 3])
    rejected = 0
    for _ in range(400):
        times = rng.exponential(200, 38)
        status = np.where(times > 400, 0, rng.choice([1, 2], 38, p=[0.4, 0.6]))
        scores = subdistribution_scores(np.minimum(times, 400), status)
        rejected += permutation_test(scores, groups, rng=rng, permutations=199).p_value <= 0.05
    assert rejected / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert rejected > 0


def test_the_same_seed_gives_the_same_p_value():
    scores = subdistribution_scores(range(1, 20), [1] * 19)
    groups = [0, 1] * 9 + [1]
    one, two = (permutation_test(scores, groups, rng=np.random.default_rng(3)).p_value for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("times", "status"), [([1, 2], [1]), ([1, math.nan], [1, 0]), ([1, 2], [1, 3]), ([[1, 2]], [[1, 0]])]
)
def test_bad_input_is_refused(times, status):
    with pytest.raises(MeasurementError):
        subdistribution_scores(times, status)


@pytest.mark.parametrize(("scores", "groups"), [([1.0, -1.0], [0, 0]), ([0.0, 0.0], [0, 1])])
def test_nothing_to_compare_is_refused(scores, groups):
    with pytest.raises(MeasurementError, match="nothing to compare"):
        permutation_test(scores, groups, rng=np.random.default_rng(0))
