"""Changes from or to a sample that saw nothing: one end, and no declared range in it. "Less than" is exact."""

import numpy as np
import pytest
from scipy import integrate, stats

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import (
    CountsEvidence,
    ErrorTerm,
    FractionEvidence,
    PartitionsEvidence,
    ReportedEvidence,
)
from remnant.evidence.profile import tabulate
from remnant.evidence.verbs import change, interval, probability_above


def count(k, *, low=-4.0, exposure=1.0, background=0.0, errors=()):
    return CountsEvidence(
        k=k, exposure=exposure, background=background, dispersion=0.0, log10_low=low, log10_high=7.0, errors=errors
    )  # fmt: skip


def nuclei(k, *, low):
    return FractionEvidence(
        k=k, n=200, false_positive=0.01, false_negative=0.0, weights=(1.0,), compartments=("own",),
        log10_low=low, log10_high=0.0,
    )  # fmt: skip


def droplets(k, *, low):
    return PartitionsEvidence(
        k=k, n=16_000, volume_ul=8.5e-4, volume_cv=0.05, false_positive=3e-5, log10_low=low, log10_high=5.0
    )


def less_than(limit, *, low):
    return ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=limit, lower_limit=None, log10_low=low, log10_high=7.0
    )


def wells(k, *, low):
    """A tabulated likelihood of few molecules over a blank."""
    return tabulate(
        lambda x: k * np.log(10.0**x + 0.5) - 10.0**x, at_zero=k * np.log(0.5), log10_low=low, log10_high=3.0
    )


def value(log10_value, sd=0.1, errors=()):
    return ReportedEvidence(
        value=10.0**log10_value, sd_log10=sd, upper_limit=None, lower_limit=None,
        log10_low=-6.0, log10_high=7.0, errors=errors,
    )  # fmt: skip


def moved(before, after, **about):
    return change(EvidenceBatch.of([before]), EvidenceBatch.of([after]), **about)


@pytest.mark.definition
@pytest.mark.parametrize("errors", [(), (ErrorTerm(name="rt:A", sd_log10=0.12),)])
def test_the_bound_is_the_classical_one_less_the_other_side(errors):
    """Draws: the bound of a count of none is exponential, its 97.5 % point the classical limit 3.69."""
    rng = np.random.default_rng(5)
    size = 400_000
    bound = np.log10(rng.exponential(size=size)) + rng.normal(
        scale=errors[0].sd_log10 if errors else 0.0, size=size
    )
    drawn = rng.normal(1.0, 0.1, size) - bound
    up = moved(count(0, errors=errors), value(1.0))
    assert (up.upper[0], np.isnan(up.estimate[0])) == (np.inf, True)
    assert up.lower[0] == pytest.approx(np.quantile(drawn, 0.025), abs=0.01)
    assert up.probability[0] == pytest.approx([(drawn > 0).mean(), (drawn > 1).mean()], abs=0.005)
    down = moved(value(1.0), count(0, errors=errors))
    assert (down.lower[0], np.isnan(down.estimate[0])) == (-np.inf, True)
    assert down.upper[0] == pytest.approx(-up.lower[0], abs=1e-3)
    assert down.probability[0, 0] == pytest.approx(1.0 - up.probability[0, 0], abs=2e-3)


@pytest.mark.property
@pytest.mark.parametrize(
    "make",
    [
        lambda low: count(0, low=low),
        lambda low: count(3, low=low, background=1.0),  # zero is not refuted: e^2 / 27 of the largest
        lambda low: count(6, low=low, background=1.0),  # refuted, and 3e-3 of the largest is left of it
        lambda low: count(9, low=low, background=1.0),
        lambda low: nuclei(2, low=low),
        lambda low: nuclei(9, low=low),
        lambda low: droplets(0, low=low),
        lambda low: droplets(4, low=low),
        lambda low: less_than(5.0, low=low),
        lambda low: wells(0, low=low),
        lambda low: wells(5, low=low),
    ],
)
def test_no_printed_end_and_no_probability_moves_with_the_declared_range(make):
    near, far = (moved(make(low), value(2.0)) for low in (-4.0, -7.0))
    # Knots stand further apart on a longer range.
    assert near.lower == pytest.approx(far.lower, abs=0.02)
    assert near.upper == pytest.approx(far.upper, abs=0.03)
    assert near.estimate == pytest.approx(far.estimate, abs=0.02, nan_ok=True)
    back, beyond = (moved(value(0.0), make(low)) for low in (-4.0, -7.0))
    assert back.probability == pytest.approx(beyond.probability, abs=0.02)


@pytest.mark.definition
def test_what_zero_has_too_is_not_counted_with_small_quantities():
    """Six counts over a background of one, zero refuted at 3e-3: brute force without the level part below."""
    k, background = 6, 1.0
    top = k - background

    def weight(x):
        q = 10.0**x
        height = np.exp(k * np.log((q + background) / k) - (q + background - k))
        zero = np.exp(k * np.log(background / k) - (background - k))
        return height - zero if q < top else height

    grid = np.linspace(-6, 2, 40_001)
    cumulative = integrate.cumulative_trapezoid([weight(x) for x in grid], grid, initial=0.0)
    found = np.interp([0.025, 0.5, 0.975], cumulative / cumulative[-1], grid)
    got = moved(count(k, background=background, low=-6.0), value(0.0, sd=1e-3))
    assert [-got.upper[0], -got.estimate[0], -got.lower[0]] == pytest.approx(found, abs=0.03)


def test_two_samples_that_saw_nothing_say_nothing_of_a_change():
    got = moved(count(0), less_than(5.0, low=-4.0))
    assert (got.lower[0], got.upper[0]) == (-np.inf, np.inf)
    assert np.isnan([got.estimate[0], *got.probability[0]]).all()


def test_from_more_than_a_bound_to_less_than_another():
    above = ReportedEvidence(
        value=None, sd_log10=0.0, upper_limit=None, lower_limit=1e3, log10_low=-4.0, log10_high=7.0
    )
    got = moved(above, less_than(10.0, low=-4.0), bounds=(np.array([True]), np.array([False])))
    assert (got.lower[0], got.upper[0]) == (-np.inf, pytest.approx(-2.0, abs=0.03))
    assert got.probability[0, 0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.coverage
@pytest.mark.parametrize("before", [0.3, 1.0, 3.0, 10.0])
def test_printed_ends_hold_the_true_change(before):
    """Counts over a background of 0.2: each end fails in at most 2.5 %, whatever was detected; 4 errors of slack."""
    rng = np.random.default_rng(int(10 * before))
    size, after, blank = 2000, 40.0, 0.2
    first = EvidenceBatch.of([count(float(k), background=blank) for k in rng.poisson(before + blank, size)])
    second = EvidenceBatch.of([count(float(k), background=blank) for k in rng.poisson(after + blank, size)])
    got, true = change(first, second), np.log10(after / before)
    slack = 4 * np.sqrt(0.025 * 0.975 / size)
    assert (got.lower > true).mean() < 0.025 + slack
    assert (got.upper < true).mean() < 0.025 + slack


@pytest.mark.reference
def test_the_limit_of_none_is_that_of_garwood():
    got = moved(count(0), value(0.0, sd=1e-4))
    assert 10.0 ** -got.lower[0] == pytest.approx(stats.chi2.ppf(0.975, 2) / 2, rel=0.04)


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
