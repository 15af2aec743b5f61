"""Changes from or to a sample that is only known to exceed a bound: one end, and no declared range in it."""

import numpy as np
import pytest
from scipy import stats

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ErrorTerm, PartitionsEvidence, ReportedEvidence
from remnant.evidence.profile import tabulate
from remnant.evidence.verbs import change, log_likelihood

N, VOLUME = 16_000, 1e-4


def full(high=6.0, errors=()):
    return PartitionsEvidence(
        k=N,
        n=N,
        volume_ul=VOLUME,
        volume_cv=0.0,
        false_positive=0.0,
        log10_low=-2.0,
        log10_high=high,
        errors=errors,
    )


def value(log10_value, sd=0.1, errors=()):
    return ReportedEvidence(
        value=10.0**log10_value, sd_log10=sd, upper_limit=None, lower_limit=None,
        log10_low=-4.0, log10_high=7.0, errors=errors,
    )  # fmt: skip


def more_than(limit, high=7.0):
    return ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=None, lower_limit=limit, log10_low=-4.0, log10_high=high
    )


def is_bound(evidence):
    if isinstance(evidence, PartitionsEvidence):
        return np.array([evidence.k == evidence.n])
    return np.array([isinstance(evidence, ReportedEvidence) and evidence.lower_limit is not None])


def moved(before, after, bounds=None):
    return change(
        EvidenceBatch.of([before]),
        EvidenceBatch.of([after]),
        bounds=bounds or (is_bound(before), is_bound(after)),
    )


@pytest.mark.definition
def test_the_bound_is_where_the_likelihood_rises_less_the_other_side():
    """Draws: the bound of the saturated side has its likelihood as distribution function."""
    rng = np.random.default_rng(3)
    filled = -np.log(-np.log(rng.uniform(size=400_000)) / N)  # exp(-N exp(-q v)) = U
    drawn = np.log10(filled / VOLUME) - rng.normal(2.0, 0.1, len(filled))
    up, down = moved(value(2.0), full()), moved(full(), value(2.0))
    assert up.lower[0] == pytest.approx(np.quantile(drawn, 0.025), abs=0.004)
    assert (up.upper[0], np.isnan(up.estimate[0])) == (np.inf, True)
    assert down.upper[0] == pytest.approx(-np.quantile(drawn, 0.025), abs=0.004)
    assert (down.lower[0], np.isnan(down.estimate[0])) == (-np.inf, True)


@pytest.mark.definition
def test_more_than_a_limit_is_the_limit():
    got = moved(value(2.0), more_than(5000.0))
    assert got.lower[0] == pytest.approx(np.log10(5000.0) - 2.0 - 0.1 * stats.norm.ppf(0.975), abs=0.003)
    assert got.upper[0] == np.inf


@pytest.mark.property
@pytest.mark.parametrize(
    ("near", "far"), [(full(5.6), full(8.0)), (more_than(5e3, 5.0), more_than(5e3, 9.0))]
)
def test_the_declared_range_is_not_in_the_bound(near, far):
    assert moved(value(2.0), near).lower == pytest.approx(moved(value(2.0), far).lower, abs=0.004)


@pytest.mark.property
def test_shared_errors_cancel_in_a_bound_too():
    line = (ErrorTerm(name="curve:laboratory:WT1", sd_log10=0.5),)
    with_line, bare = moved(value(2.0, errors=line), full(errors=line)), moved(value(2.0), full())
    assert with_line.lower == pytest.approx(bare.lower, abs=1e-6)


def test_of_two_bounds_nothing_is_known():
    got = moved(full(), more_than(5000.0))
    assert (got.lower[0], got.upper[0]) == (-np.inf, np.inf)
    assert np.isnan([got.estimate[0], *got.probability[0]]).all()


def test_the_probability_of_a_rise_stays_and_other_rows_are_untouched():
    before = EvidenceBatch.of([value(2.0), value(2.0)])
    got = change(
        before,
        EvidenceBatch.of([full(), value(3.0)]),
        bounds=(np.array([False, False]), np.array([True, False])),
    )
    alone = change(before.take(np.array([1])), EvidenceBatch.of([value(3.0)]))
    assert got.probability[0] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert (got.estimate[1], got.lower[1], got.upper[1]) == pytest.approx(
        (alone.estimate[0], alone.lower[0], alone.upper[0])
    )


def test_a_tabulated_bound_is_that_of_its_own_kind():
    batch = EvidenceBatch.of([full()])
    table = tabulate(
        lambda x: log_likelihood(batch, 10.0**x)[0], at_zero=-np.inf, log10_low=3.0, log10_high=6.0
    )
    got = moved(value(2.0), table, bounds=(np.array([False]), np.array([True])))
    assert got.upper[0] == np.inf
    assert got.lower[0] == pytest.approx(moved(value(2.0), full()).lower[0], abs=0.02)
