"""Every kind's log-likelihood equals a literal brute-force twin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import (
    CountsEvidence,
    ErrorTerm,
    FractionEvidence,
    PartitionsEvidence,
    ProfileEvidence,
    ReportedEvidence,
)
from remnant.evidence.profile import tabulate
from remnant.evidence.verbs import log_likelihood, log_likelihood_at_zero

RANGE = {"log10_low": -6.0, "log10_high": 6.0}


def single(evidence):
    return EvidenceBatch.of([evidence])


@pytest.mark.definition
@given(
    k=st.integers(0, 300),
    exposure=st.floats(0.01, 100),
    background=st.floats(0, 2),
    dispersion=st.sampled_from([0.0, 0.05, 1.0]),
    q=st.floats(1e-3, 1e3),
)
def test_counts_are_poisson_or_negative_binomial(k, exposure, background, dispersion, q):
    evidence = CountsEvidence(k=k, exposure=exposure, background=background, dispersion=dispersion, **RANGE)
    mean = exposure * (q + background)
    if dispersion == 0:
        literal = stats.poisson.logpmf(k, mean)
    else:
        size = 1 / dispersion
        literal = stats.nbinom.logpmf(k, size, size / (size + mean))
    got = log_likelihood(single(evidence), np.array([q]))[0, 0]
    assert got == pytest.approx(max(literal, -1e4), rel=1e-8, abs=1e-8)


@pytest.mark.definition
@given(
    data=st.data(),
    n=st.integers(1, 500),
    fp=st.floats(0, 0.1),
    fn=st.floats(0, 0.2),
    weight=st.floats(0.05, 1.0),
    f=st.floats(1e-5, 1.0),
)
def test_fraction_is_binomial_with_false_calls(data, n, fp, fn, weight, f):
    k = data.draw(st.integers(0, n))
    evidence = FractionEvidence(
        k=k,
        n=n,
        false_positive=fp,
        false_negative=fn,
        weights=(weight,),
        compartments=("HSC",),
        log10_low=-6,
        log10_high=0,
    )
    p = fp + (1 - fp - fn) * weight * f
    literal = max(stats.binom.logpmf(k, n, p), -1e4)
    assert log_likelihood(single(evidence), np.array([f]))[0, 0] == pytest.approx(literal, rel=1e-7, abs=1e-7)


@pytest.mark.definition
@pytest.mark.parametrize(("k", "n"), [(0, 20000), (3, 20000), (900, 15000), (14999, 15000)])
@pytest.mark.parametrize("cv", [0.0, 0.05])
def test_partitions_integrate_their_volume(k, n, cv):
    volume, fp = 0.00085, 1e-5
    evidence = PartitionsEvidence(k=k, n=n, volume_ul=volume, volume_cv=cv, false_positive=fp, **RANGE)

    def literal(q):
        def likelihood(z):
            p = 1 - (1 - fp) * math.exp(-q * volume * math.exp(cv * z))
            return math.exp(stats.binom.logpmf(k, n, p)) * stats.norm.pdf(z)

        if cv == 0:
            return math.log(likelihood(0) / stats.norm.pdf(0))
        return math.log(integrate.quad(likelihood, -8, 8, limit=400, points=list(np.linspace(-4, 4, 33)))[0])

    best = -math.log(1 - (k + 0.5) / (n + 1)) / volume
    for q in (0.8 * best, best, 1.1 * best):
        got = log_likelihood(single(evidence), np.array([q]))[0, 0]
        assert got == pytest.approx(literal(q), abs=2e-3)


@pytest.mark.definition
@given(value=st.floats(1e-3, 1e3), sd=st.floats(0.02, 0.6), q=st.floats(1e-3, 1e3))
def test_reported_value_is_log_normal(value, sd, q):
    evidence = ReportedEvidence(value=value, sd_log10=sd, upper_limit=None, lower_limit=None, **RANGE)
    literal = stats.norm.logpdf(math.log10(q), math.log10(value), sd)
    got = log_likelihood(single(evidence), np.array([q]))[0, 0]
    assert got == pytest.approx(max(literal, -1e4), rel=1e-8, abs=1e-8)
    assert log_likelihood_at_zero(single(evidence))[0] == -np.inf


def test_a_reported_limit_is_a_step_and_leaves_zero_possible():
    evidence = ReportedEvidence(value=None, sd_log10=0.0, upper_limit=2.0, lower_limit=None, **RANGE)
    below, above = log_likelihood(single(evidence), np.array([1.9, 2.1]))[0]
    assert below == 0
    assert above < -1000
    assert log_likelihood_at_zero(single(evidence))[0] == 0


@pytest.mark.definition
@pytest.mark.parametrize("k", [0, 1, 3, 10, 100, 10_000])
def test_a_profile_is_within_a_hundredth_of_the_exact_over_the_999_interval(k):
    """The approximation of architecture.md's table, for Poisson counts."""
    profile = tabulate(
        lambda x: k * np.log(10.0**x) - 10.0**x,
        at_zero=0.0 if k == 0 else -np.inf,
        log10_low=-6,
        log10_high=9,
    )
    low = stats.gamma.ppf(0.0005, max(k, 0.2))
    high = stats.gamma.ppf(0.9995, k + 1)
    q = np.geomspace(max(low, 1e-5), high, 2001)
    exact = k * np.log(q) - q
    got = log_likelihood(single(profile), q)[0]
    assert np.abs(got - exact).max() < 0.01


@given(k=st.integers(0, 50), exposure=st.floats(0.1, 10))
def test_records_survive_the_columns(k, exposure):
    records = [
        CountsEvidence(
            k=float(k),
            exposure=exposure,
            background=0.5,
            dispersion=0.1,
            errors=(ErrorTerm(name="run:R1", sd_log10=0.07), ErrorTerm(name="rt:C1", sd_log10=0.12)),
            **RANGE,
        ),
        FractionEvidence(
            k=1,
            n=60,
            false_positive=0.01,
            false_negative=0.02,
            weights=(0.9,),
            compartments=("own",),
            log10_low=-4,
            log10_high=0,
        ),
        ProfileEvidence(
            log_likelihood=tuple(np.linspace(0, -20, 64)),
            log_likelihood_at_zero=0.0,
            errors=(ErrorTerm(name="run:R1", sd_log10=0.07),),
            **RANGE,
        ),
        PartitionsEvidence(k=3, n=100, volume_ul=1e-3, volume_cv=0.02, false_positive=0.0, **RANGE),
        ReportedEvidence(value=None, sd_log10=0.0, upper_limit=10.0, lower_limit=None, **RANGE),
    ]
    batch = EvidenceBatch.of(records)
    assert batch.records() == records
    order = np.array([4, 0, 2])
    assert batch.take(order).records() == [records[i] for i in order]


def test_all_impossible_rows_are_named_at_once():
    bad = [
        CountsEvidence(k=-1, exposure=1, background=0, dispersion=0, **RANGE),
        CountsEvidence(k=1, exposure=1, background=0, dispersion=0, **RANGE),
        PartitionsEvidence(k=9, n=3, volume_ul=1, volume_cv=0, false_positive=0, **RANGE),
    ]
    with pytest.raises(MeasurementError) as caught:
        EvidenceBatch.of(bad)
    assert [text[:5] for text in caught.value.problems] == ["row 0", "row 2"]


def test_zero_is_asked_by_its_own_verb():
    batch = single(CountsEvidence(k=0, exposure=1, background=0, dispersion=0, **RANGE))
    with pytest.raises(MeasurementError, match="log_likelihood_at_zero"):
        log_likelihood(batch, np.array([0.0]))
    assert log_likelihood_at_zero(batch)[0] == 0
