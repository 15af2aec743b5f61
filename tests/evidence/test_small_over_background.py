"""A few events over a background: what is not told from nothing has no weight, however far the range reaches down."""

import numpy as np
import pytest
from scipy import integrate, stats

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import CountsEvidence, FractionEvidence, PartitionsEvidence, ReportedEvidence
from remnant.evidence.verbs import interval, joint_above, probability_above


def count(k, *, low=-4.0, background=0.5):
    return CountsEvidence(
        k=float(k), exposure=1.0, background=background, dispersion=0.0, log10_low=low, log10_high=4.0
    )


def droplets(k, *, low):
    return PartitionsEvidence(
        k=k, n=16_000, volume_ul=8.5e-4, volume_cv=0.05, false_positive=3e-5, log10_low=low, log10_high=5.0
    )


def nuclei(k, *, low):
    return FractionEvidence(
        k=k, n=200, false_positive=0.01, false_negative=0.0, weights=(1.0,), compartments=("own",),
        log10_low=low, log10_high=0.0,
    )  # fmt: skip


@pytest.mark.property
@pytest.mark.parametrize(
    "make",
    [
        lambda low: count(3, low=low),  # 0.056 of the largest likelihood is left of zero
        lambda low: count(4, low=low),
        lambda low: droplets(3, low=low),
        lambda low: droplets(4, low=low),
        lambda low: nuclei(6, low=low),
        lambda low: nuclei(8, low=low),
    ],
)
def test_neither_interval_nor_probability_moves_with_the_declared_range(make):
    batch = EvidenceBatch.of([make(-5.0), make(-7.0)])
    got = interval(batch)
    for answer in (got.lower, got.median, got.upper):
        assert answer[0] == pytest.approx(answer[1], rel=0.02)
    assert got.sd_log10[0] == pytest.approx(got.sd_log10[1], rel=0.02)
    limit = float(got.median[0]) / 2
    above = probability_above(batch, limit)
    assert above[0] == pytest.approx(above[1], abs=2e-3)
    assert joint_above(batch, batch, limit, limit).first == pytest.approx(above, abs=2e-3)


@pytest.mark.definition
@pytest.mark.parametrize("k", [3, 4, 6])
def test_it_equals_brute_force_integration_without_the_level_part(k):
    background = 0.5
    grid = np.linspace(-7, 3, 60_001)
    height = stats.poisson.pmf(k, 10.0**grid + background)
    zero = stats.poisson.pmf(k, background)
    weight = np.where(10.0**grid < k - background, height - zero, height)
    cumulative = integrate.cumulative_trapezoid(weight, grid, initial=0.0)
    expected = 10.0 ** np.interp([0.025, 0.5, 0.975], cumulative / cumulative[-1], grid)
    got = interval(EvidenceBatch.of([count(k)]))
    assert [got.lower[0], got.median[0], got.upper[0]] == pytest.approx(expected, rel=0.02)


@pytest.mark.coverage
@pytest.mark.parametrize("background", [0.2, 0.5, 2.0, 6.0])
def test_the_lower_bound_of_what_is_detected_fails_rarely(background):
    """Exact over counts, at every true level: detected is what refutes zero; discreteness leaves at most 3.5 %."""
    counts = np.arange(80)
    batch = EvidenceBatch.of([count(k, background=background) for k in counts])
    left = stats.poisson.pmf(counts, background) / stats.poisson.pmf(counts, np.maximum(counts, background))
    lower = np.where(left < 0.1465, interval(batch).lower, 0.0)
    for level in np.geomspace(0.02, 30.0, 60):
        assert stats.poisson.pmf(counts, level + background)[lower > level].sum() < 0.035


@pytest.mark.definition
def test_less_than_a_limit_is_level_up_to_the_limit():
    """P(above) of a flat prior over the decades below the limit; a spline over the step took a fifth off."""
    low, limit = -4.0, 10.0
    batch = EvidenceBatch.of(
        [
            ReportedEvidence(
                value=None, sd_log10=0.0, upper_limit=limit, lower_limit=None, log10_low=low, log10_high=7.0
            )
        ]
    )
    asked = np.array([[0.01, 1.0, 3.0, 5.0]])
    expected = (1.0 - np.log10(asked)) / (1.0 - low)
    assert probability_above(batch, asked) == pytest.approx(expected, abs=0.004)
    assert interval(batch).upper[0] == pytest.approx(10.0 ** (1.0 - 0.025 * 5.0), rel=0.03)
