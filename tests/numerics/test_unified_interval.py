"""The unified interval: its literal belt, the published tables, and what it promises."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from remnant.errors import MeasurementError
from remnant.numerics.count_background import upper_count
from remnant.numerics.unified_interval import _fill, _Laws, _log_mass, _parts, _window, unified_interval

LEVEL = 0.95


def part(mean, dispersion, counts):
    """Masses of a negative binomial, Poisson without dispersion."""
    if dispersion == 0 or mean == 0:
        return stats.poisson.pmf(counts, mean)
    size = 1 / dispersion
    return stats.nbinom.pmf(counts, size, size / (size + mean))


def masses(signals, mean, dispersion, signal_dispersion, *, top):
    """Masses of blank and signal together, one row a signal."""
    counts = np.arange(top)
    blank = part(mean, dispersion, counts)
    return np.array([np.convolve(blank, part(s, signal_dispersion, counts))[:top] for s in signals])


def literal_belt(law, level):
    """Which counts each signal accepts: ranked by the likelihood ratio, until they hold the level."""
    rank = np.round(np.log(np.maximum(law, 1e-300) / np.maximum(law.max(axis=0), 1e-300)), 9)
    accepted = np.zeros(law.shape, dtype=bool)
    for row, (ranks, mass) in enumerate(zip(rank, law, strict=True)):
        order = np.argsort(-ranks, kind="stable")
        held = np.concatenate([[0.0], np.cumsum(mass[order])])[:-1]
        accepted[row, order] = held < level
    return accepted


@pytest.mark.definition
@pytest.mark.parametrize(
    ("mean", "dispersion", "signal_dispersion", "level"),
    [
        (0.0, 0.0, 0.0, 0.95),
        (3.0, 0.0, 0.0, 0.9),
        (2.0, 0.5, 0.0, 0.95),
        (4.0, 1.0, 0.0, 0.95),
        (3.0, 0.3, 0.1, 0.9),
    ],
)
def test_bounds_are_those_of_the_literal_belt(mean, dispersion, signal_dispersion, level):
    signals = np.linspace(0, 45, 3001)
    accepted = literal_belt(masses(signals, mean, dispersion, signal_dispersion, top=220), level)
    for k in (0, 1, 2, 3, 5, 8, 12):
        inside = signals[accepted[:, k]]
        found = unified_interval(
            k, mean=mean, dispersion=dispersion, signal_dispersion=signal_dispersion, level=level
        )
        assert found.lower == pytest.approx(inside.min(), abs=0.03)
        assert found.upper == pytest.approx(inside.max(), abs=0.03)


@pytest.mark.definition
@pytest.mark.parametrize(
    ("mean", "dispersion", "signal_dispersion"),
    [
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.2),
        (7.0, 0.0, 0.0),
        (900.0, 0.0, 0.01),
        (40.0, 1.6, 0.0),
        (300.0, 1.6, 0.3),
    ],
)
@pytest.mark.parametrize("signal", [0.0, 0.4, 60.0, 900.0])
def test_the_mass_of_one_count_is_its_share_of_the_whole_recursion(
    mean, dispersion, signal_dispersion, signal
):
    laws = _Laws(mean, dispersion, signal_dispersion)
    first, last = _window(laws, signal)
    whole = np.empty(last - first + 1)
    _fill(first, _parts(laws, signal), whole)
    whole /= whole.sum()
    seen = np.flatnonzero(whole > 1e-8)
    for place in seen[:: max(1, len(seen) // 20)]:
        assert np.exp(_log_mass(first + int(place), signal, laws)) == pytest.approx(whole[place], rel=1e-8)
    assert _log_mass(last + 1, signal, laws) == -np.inf


@pytest.mark.published
@pytest.mark.parametrize(
    ("mean", "level", "table"),
    [
        (
            0.0,
            0.9,
            [(0, 2.44), (0.11, 4.36), (0.53, 5.91), (1.10, 7.42), (1.47, 8.60), (1.84, 9.99), (2.21, 11.47)],
        ),
        (0.0, 0.95, [(0, 3.09), (0.05, 5.14), (0.36, 6.72), (0.82, 8.25), (1.37, 9.76), (1.84, 11.26)]),
        (3.0, 0.9, [None, (0, 1.88), (0, 3.04), (0, 4.42), (0, 5.60), (0, 6.99), (0.15, 8.47)]),
    ],
)
def test_feldman_and_cousins_1998_tables_iv_and_vi(mean, level, table):
    """Their rows for counts 0 to 6; no counts over 3.0 is left out, as the table was smoothed there (1.08)."""
    for k, row in enumerate(table):
        if row is not None:
            found = unified_interval(k, mean=mean, dispersion=0.0, level=level)
            assert (found.lower, found.upper) == pytest.approx(row, abs=0.011)


@pytest.mark.property
@settings(max_examples=15, deadline=None)
@given(
    mean=st.floats(0.05, 40),
    dispersion=st.floats(0.0, 4.0),
    level=st.sampled_from([0.9, 0.95]),
    past=st.integers(0, 3),
)
def test_the_lower_end_leaves_zero_at_the_limit_of_blank(mean, dispersion, level, past):
    limit = upper_count(mean, dispersion, probability=level)
    assert unified_interval(limit, mean=mean, dispersion=dispersion, level=level).lower == 0
    assert unified_interval(limit + 1 + past, mean=mean, dispersion=dispersion, level=level).lower > 0


@pytest.mark.property
@pytest.mark.parametrize(("mean", "dispersion"), [(0.0, 0.0), (2.5, 0.4), (30.0, 0.8)])
def test_bounds_rise_with_the_count_and_hold_the_best_signal(mean, dispersion):
    found = [unified_interval(k, mean=mean, dispersion=dispersion) for k in range(0, 60, 3)]
    for before, after in itertools.pairwise(found):
        assert before.lower <= after.lower
        assert before.upper < after.upper
    assert all(one.lower <= one.best <= one.upper for one in found)


@pytest.mark.coverage
@pytest.mark.parametrize(
    ("mean", "dispersion", "signal_dispersion"),
    [(0.0, 0.0, 0.0), (1.7, 0.5, 0.0), (12.0, 0.9, 0.0), (5.0, 0.2, 0.05)],
)
def test_coverage_by_enumeration_is_the_level_or_more(mean, dispersion, signal_dispersion):
    signals = np.array([0.0, 0.3, 1.0, 3.0, 8.0, 20.0])
    law = masses(signals, mean, dispersion, signal_dispersion, top=400)
    reached = int(np.flatnonzero(law.max(axis=0) > 1e-6)[-1])
    found = [
        unified_interval(k, mean=mean, dispersion=dispersion, signal_dispersion=signal_dispersion)
        for k in range(reached + 1)
    ]
    for signal, mass in zip(signals, law, strict=True):
        covered = [one.lower <= signal <= one.upper for one in found]
        assert LEVEL - 1e-4 <= mass[: reached + 1][covered].sum() <= 1.0


@pytest.mark.property
def test_large_counts_tend_to_the_two_sided_interval_of_a_normal_count():
    found = unified_interval(1_000_000, mean=300.0, dispersion=0.5)
    assert found.best == pytest.approx(1_000_000 - 300, abs=300)
    assert found.upper - found.best == pytest.approx(1.96 * 1000, rel=0.05)
    assert found.best - found.lower == pytest.approx(1.96 * 1000, rel=0.15)


@pytest.mark.parametrize("wrong", [{"k": -1}, {"mean": -1.0}, {"dispersion": -0.1}, {"level": 1.0}])
def test_impossible_settings_are_refused(wrong):
    settings_ = {"k": 1, "mean": 1.0, "dispersion": 0.1} | wrong
    with pytest.raises(MeasurementError):
        unified_interval(settings_.pop("k"), **settings_)
