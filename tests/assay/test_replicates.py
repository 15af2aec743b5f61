"""Replicate wells: rejected at the nominal rate, never more than a minority, every reason kept."""

import numpy as np
import pytest
from scipy.stats import nbinom, norm

from remnant.knowledge.qpcr import qpcr_rules
from remnant.numerics.replicates import two_sided_p

TECHNICAL = 0.08 / 3.4


def triplicates(copies, n=6000, seed=7, technical=TECHNICAL):
    rng = np.random.default_rng(seed)
    molecules = rng.poisson(copies, (n, 3))
    return molecules * 10 ** (technical * rng.standard_normal(molecules.shape))


def smallest_p(copies, technical=TECHNICAL):
    n, wells = copies.shape
    p = two_sided_p(copies, np.ones(copies.shape), np.ones(copies.shape, bool), np.full(n, technical))
    return np.minimum(1, wells * p.min(axis=1))


@pytest.mark.coverage
@pytest.mark.parametrize("copies", [3, 5, 10, 20, 60, 200, 400, 3000, 1e5])
def test_valid_triplicates_are_rejected_at_about_one_percent(copies):
    drawn = triplicates(copies)
    positive = (drawn > 0).all(axis=1)
    assert (smallest_p(drawn[positive]) < 0.01).mean() < 0.015


@pytest.mark.coverage
@pytest.mark.parametrize(("copies", "rate"), [(3, 0.46), (5, 0.33), (10, 0.12), (20, 0.016)])
def test_a_fixed_difference_rejects_valid_triplicates(copies, rate):
    """Measurement model section 2: 46, 33, 12 and 1.6 % at 3, 5, 10 and 20 copies."""
    drawn = triplicates(copies, n=20_000)
    positive = drawn[(drawn > 0).all(axis=1)]
    apart = 3.42 * np.ptp(np.log10(positive), axis=1)
    assert (apart > 1.5).mean() == pytest.approx(rate, abs=0.03)


@pytest.mark.definition
@pytest.mark.parametrize("others", [[4.0, 7.0], [30.0, 22.0], [1.0, 0.0, 2.0]])
@pytest.mark.parametrize("well", [1.0, 9.0, 25.0])
def test_tail_is_the_literal_sum_over_counts_without_noise(others, well):
    shape, share = sum(others) + 0.5, 1 / len(others)
    law = nbinom(shape, 1 / (1 + share))
    below = law.cdf(well - 1) + 0.5 * law.pmf(well)
    group = np.array([[well, *others]])
    got = two_sided_p(group, np.ones(group.shape), np.ones(group.shape, bool), np.array([1e-9]))[0, 0]
    # The continuous distribution function at well + 1/2 stands for the mid-P sum.
    assert got == pytest.approx(2 * min(below, 1 - below), rel=0.05, abs=0.01)


@pytest.mark.definition
def test_many_copies_are_judged_on_the_log_scale():
    group = np.array([[1.3e4, 1e4, 1e4]])
    got = two_sided_p(group, np.ones((1, 3)), np.ones((1, 3), bool), np.array([TECHNICAL]))[0, 0]
    sd = np.sqrt((TECHNICAL * np.log(10)) ** 2 * 1.5 + 1 / 1e4 + 1 / 2e4)
    assert got == pytest.approx(2 * norm.sf(np.log(1.3) / sd), rel=0.01)


@pytest.mark.property
def test_exposure_is_taken_into_account():
    group, exposure = np.array([[1000.0, 1000.0, 100.0]]), np.array([[5.0, 5.0, 0.5]])
    used = np.ones((1, 3), bool)
    assert two_sided_p(group, exposure, used, np.array([TECHNICAL])).min() > 0.5
    assert two_sided_p(group, np.ones((1, 3)), used, np.array([TECHNICAL])).min() < 1e-6


def with_wells(bench, counts, *, control=(20_000, 20_000)):
    bench.run("R-01")
    bench.sample("S-014")
    bench.molecules("R-01", "ABL1", "S-014", control)
    bench.molecules("R-01", "WT1", "S-014", counts)
    return bench.quantified()


def uses_of(got, target):
    return [use for use in got.well_uses if use.target == target and use.sample == "S-014"]


def test_an_outlier_is_left_out_and_says_why(bench, codes):
    got = with_wells(bench, (1000, 1040, 100))
    assert [use.decision for use in uses_of(got, "WT1")] == ["used", "used", "outlier"]
    assert "100 copies beside 1,000 and 1,040: P < 0.0001, below " in uses_of(got, "WT1")[2].reason
    assert "qpcr.replicate_outlier" in codes(got)
    [one] = got.measurements
    assert (one.wells, one.positive_wells) == (2, 2)
    assert one.point_value == pytest.approx(1e4 * 1020 / 20_000)


def test_a_dropped_out_well_among_many_copies_is_an_outlier(bench):
    got = with_wells(bench, (1000, 1040, 0))
    assert [use.used for use in uses_of(got, "WT1")] == [True, True, False]
    assert uses_of(got, "WT1")[2].reason.startswith("no signal beside")


def test_silent_wells_do_not_outvote_a_positive_one(bench, codes):
    got = with_wells(bench, (50, 0, 0))
    assert all(use.used for use in uses_of(got, "WT1"))
    assert "qpcr.replicates_disagree" in codes(got)
    assert got.measurements[0].state == "detected"


def test_two_wells_that_disagree_are_both_kept(bench, codes):
    got = with_wells(bench, (1000, 100))
    assert all(use.used for use in uses_of(got, "WT1"))
    assert "qpcr.replicates_disagree" in codes(got)
    [one] = got.measurements
    assert one.lower < 100 / 2 < 1000 / 2 < one.upper


def test_never_more_than_a_minority_is_left_out(bench, codes):
    got = with_wells(bench, (1000, 100, 10))
    assert [use.used for use in uses_of(got, "WT1")].count(False) == 1
    assert "qpcr.replicates_disagree" in codes(got)
    other = type(bench)()
    got = with_wells(other, (1000, 1000, 1000, 100, 10))
    assert [use.used for use in uses_of(got, "WT1")] == [True, True, True, False, False]


def test_low_copies_keep_all_their_wells(bench, codes):
    got = with_wells(bench, (12, 35, 22))
    assert all(use.used for use in uses_of(got, "WT1"))
    assert not {"qpcr.replicate_outlier", "qpcr.replicates_disagree"} & codes(got)
    fixed = bench.quantified(rules=qpcr_rules(replicates="delta_cq_1_5"))
    assert [use.used for use in uses_of(fixed, "WT1")].count(False) == 1
    kept = bench.quantified(rules=qpcr_rules(replicates="keep_all"))
    assert all(use.used for use in uses_of(kept, "WT1"))
