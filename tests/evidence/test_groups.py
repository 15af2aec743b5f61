"""Errors that rows share, taken apart; and what a limit that was measured too takes away."""

import itertools

import numpy as np
import pytest
from scipy import stats

from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.groups import relative, shared_parts, weighted_terms
from remnant.evidence.kinds import MEASUREMENT, RUN, ErrorTerm, ReportedEvidence
from remnant.evidence.verbs import joint_above, probability_above


def terms(**sizes):
    return tuple(ErrorTerm(name=name.replace("__", ":"), sd_log10=sd) for name, sd in sizes.items())


def value(log10_value, sd, errors=()):
    return ReportedEvidence(
        value=10.0**log10_value,
        sd_log10=sd,
        upper_limit=None,
        lower_limit=None,
        log10_low=-4.0,
        log10_high=6.0,
        errors=errors,
    )


def covariance(rows):
    """Of every two rows, name by name."""
    sizes = [{term.name: term.sd_log10 for term in row} for row in rows]
    return np.array([[sum(sd * b.get(name, 0.0) for name, sd in a.items()) for b in sizes] for a in sizes])


@pytest.mark.definition
def test_the_parts_give_back_the_mean_covariances():
    rng = np.random.default_rng(3)
    runs = ["A", "A", "A", "B", "B", "C"]
    rows = [
        terms(
            **{
                "curve__laboratory__WT1": rng.uniform(0.24, 0.26),
                f"run__{run}": rng.uniform(0.14, 0.16),
                f"rt__{i}": 0.12,
            }
        )
        for i, run in enumerate(runs)
    ]
    parts = shared_parts(SharedErrors.of(rows), MEASUREMENT)
    exact = covariance(rows)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    apart = np.mean([exact[i, j] for i, j in pairs if runs[i] != runs[j]])
    assert parts.common_variance == pytest.approx(apart)
    assert parts.group.tolist() == [0, 0, 0, 1, 1, 2]
    for group, run in enumerate("AB"):
        inside = np.mean([exact[i, j] for i, j in pairs if runs[i] == runs[j] == run])
        assert parts.common_variance + parts.group_variance[group] == pytest.approx(inside)
    assert parts.group_variance[2] == 0.0
    assert parts.total == pytest.approx(exact.diagonal())


def test_what_everyone_has_in_common_makes_no_group():
    rows = [terms(run__R1=0.1, **{f"rt__{i}": 0.2}) for i in range(4)]
    parts = shared_parts(SharedErrors.of(rows), MEASUREMENT)
    assert parts.common_variance == pytest.approx(0.01)
    assert parts.group_variance.tolist() == [0.0] * 4
    assert parts.own_variance == pytest.approx([0.04] * 4)


def test_rows_without_errors_share_nothing():
    parts = shared_parts(SharedErrors.of([(), (), ()]), MEASUREMENT)
    assert parts.common_variance == 0.0
    assert parts.total.tolist() == [0.0] * 3
    assert weighted_terms(SharedErrors.of([(), (), ()]), np.full(3, 1 / 3), RUN) == ()


@pytest.mark.definition
def test_the_variance_of_a_weighted_mean_is_that_of_its_terms():
    rows = [terms(run__A=0.1, curve__A__WT1=0.05), terms(run__A=0.2), terms(run__B=0.3)]
    weights = np.array([0.2, 0.3, 0.5])
    named = weighted_terms(SharedErrors.of(rows), weights, RUN)
    assert sum(t.sd_log10**2 for t in named) == pytest.approx(weights @ covariance(rows) @ weights)


@pytest.mark.definition
@pytest.mark.parametrize("ours", [0.0, 0.1, 0.3])
def test_a_limit_with_the_same_error_is_integrated_over_one_draw(ours):
    """A grid over the shared draw, the limit's own draw and the quantity; nothing of the package is used."""
    limit = terms(run__R1=0.3, run__R2=0.2)
    mine = terms(run__R1=ours, rt__C1=0.1) if ours else terms(rt__C1=0.1)
    batch = EvidenceBatch.of([value(1.2, 0.15, mine)])
    got = probability_above(batch, 10.0, limit_errors=limit)
    z = np.linspace(-6, 6, 301)
    weight = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
    level = 1.2 + ours * z[:, None]  # what the shared draw alone makes of it
    cut = 1.0 + 0.3 * z[:, None] + 0.2 * z
    above = stats.norm.sf(cut - level, scale=np.hypot(0.15, 0.1))
    assert got[0] == pytest.approx(weight @ above @ weight, abs=1e-4)


@pytest.mark.definition
def test_what_cancels_is_what_relative_evidence_has_less_of():
    """Sizes that differ leave their difference; an error of one side alone stays."""
    other = terms(run__A=0.3, run__B=0.2, rt__X=0.4)
    rows = [terms(run__A=0.1, rt__1=0.1), terms(run__A=0.3), terms(run__B=0.25, run__A=0.5), terms(rt__2=0.2)]
    errors = SharedErrors.of(rows)
    less = [relative(value(1.0, 0.1, row), other).errors for row in rows]
    expected = [sum(term.sd_log10**2 for term in row) for row in less]
    got = errors.variance(MEASUREMENT) - errors.variance_cancelled(other, MEASUREMENT)
    assert got == pytest.approx(expected)
    assert got == pytest.approx([0.2**2 + 0.1**2, 0.0, 0.05**2 + 0.2**2, 0.2**2])


@pytest.mark.property
def test_an_error_of_everything_changes_nothing():
    line = terms(curve__laboratory__WT1=0.4)
    both = EvidenceBatch.of([value(1.2, 0.15, line), value(0.9, 0.3, line)])
    bare = EvidenceBatch.of([value(1.2, 0.15), value(0.9, 0.3)])
    limits = np.array([10.0, 12.0])
    assert probability_above(both, limits, limit_errors=line) == pytest.approx(
        probability_above(bare, limits), abs=1e-9
    )
    assert abs(probability_above(both, limits) - probability_above(bare, limits)).max() > 0.05


@pytest.mark.definition
def test_joint_limits_share_with_each_other_and_with_the_quantities():
    """Four normal draws and their names, against the bivariate normal of the two distances."""
    first, second = terms(run__A=0.2, run__B=0.1), terms(run__A=0.1, run__C=0.2)
    cuts = terms(run__A=0.25, run__C=0.1), terms(run__B=0.15, run__C=0.3)
    got = joint_above(
        EvidenceBatch.of([value(1.2, 0.1, first)]),
        EvidenceBatch.of([value(0.8, 0.1, second)]),
        10.0,
        10.0,
        limit_errors=cuts,
    )

    def net(mine, limit):
        sizes = {t.name: t.sd_log10 for t in mine}
        for t in limit:
            sizes[t.name] = sizes.get(t.name, 0.0) - t.sd_log10
        return np.array([sizes.get(f"run:{run}", 0.0) for run in "ABC"])

    loading = np.stack([net(first, cuts[0]), net(second, cuts[1])])
    spread = loading @ loading.T + 0.1**2 * np.eye(2)
    assert spread[0, 1] < 0, "the case must have distances that move against each other"
    expected = stats.multivariate_normal(np.zeros(2), spread).cdf([0.2, -0.2])
    assert got.both[0] == pytest.approx(expected, abs=2e-3)
    assert got.first[0] == pytest.approx(stats.norm.cdf(0.2 / np.sqrt(spread[0, 0])), abs=1e-3)
