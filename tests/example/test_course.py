"""The true lines of the markers: growth, background, the null world's silence."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.example.assumptions import numbers
from remnant.example.cohort import draw_fates
from remnant.example.course import blast_percent, cutoffs, growth_share, is_raised, levels
from remnant.example.visits import _found_early


@functools.cache
def relapsing(world, seed=4):
    return next(
        f for f in draw_fates(np.random.default_rng(seed), world, 50) if f.growth and f.growth.day > 90
    )


@pytest.mark.property
@given(ahead=st.floats(0, 60), doublings=st.floats(0, 2))
def test_exponential_clone_halves_every_doubling_time_backwards(ahead, doublings):
    fate = relapsing("published")
    day, step = fate.growth.day - ahead, doublings * fate.growth.doubling_days
    if day - step >= 0:
        earlier, later = growth_share(fate, [day - step, day])
        assert earlier * 2**doublings == pytest.approx(later, rel=1e-9)


@pytest.mark.property
def test_gompertz_grows_ever_slower():
    fate = relapsing("adverse")
    days = np.arange(fate.growth.day - 40, fate.growth.day + 1)
    rate = np.diff(np.log2(growth_share(fate, days)))
    assert (np.diff(rate) < 0).all()
    assert rate[-1] == pytest.approx(1 / fate.growth.doubling_days, rel=0.05)


@pytest.mark.definition
def test_null_world_shows_nothing_before_the_day_of_relapse():
    for fate in draw_fates(np.random.default_rng(11), "null", 50):
        if fate.growth is None:
            continue
        before = np.arange(-20, fate.growth.day)
        without = replace(fate, growth=None)
        for material in ("BM", "PB"):
            for seen, unseen in zip(
                levels(fate, before, material), levels(without, before, material), strict=True
            ):
                np.testing.assert_array_equal(seen, unseen)
            np.testing.assert_array_equal(
                blast_percent(fate, before, material), blast_percent(without, before, material)
            )


@pytest.mark.property
def test_background_regenerates_and_is_back_by_day_100():
    fate = replace(relapsing("published"), growth=None, excursions=())
    background, excess = levels(fate, [5, 50, 75, 100, 400], "BM")
    assert (excess == 0).all()
    np.testing.assert_allclose(background[0], fate.after.marrow[0])
    factor = fate.after.regeneration
    np.testing.assert_allclose(background[1] / fate.after.marrow[1], [1, factor, factor, 1, 1])
    assert not is_raised(fate, [5, 50, 400], "BM").any()


@pytest.mark.definition
def test_level_at_diagnosis_is_the_drawn_one_and_lower_in_blood():
    for fate in draw_fates(np.random.default_rng(3), "published", 50):
        marrow, blood = (np.sum(levels(fate, fate.diagnosis_day, m), axis=0)[:, 0] for m in ("BM", "PB"))
        np.testing.assert_allclose(marrow, fate.diagnosis_level)
        assert (blood <= marrow * 1.0001).all()


@pytest.mark.property
def test_relapse_found_early_lies_on_the_same_curve():
    rng, moved = np.random.default_rng(8), 0
    for world in ("published", "adverse"):
        for fate in draw_fates(rng, world, 60):
            if fate.growth is None:
                continue
            found = _found_early(fate, fate.growth.day - 5)
            if found is fate:
                continue
            moved += 1
            days = np.arange(max(found.growth.day - 30, 1), found.growth.day + 1)
            np.testing.assert_allclose(
                levels(found, days, "BM")[1],
                levels(replace(fate, excursions=found.excursions), days, "BM")[1],
                rtol=1e-6,
            )
            assert blast_percent(found, found.growth.day, "BM")[0] >= 5
    assert moved > 3


@pytest.mark.definition
def test_cutoffs_come_from_the_table():
    np.testing.assert_array_equal(
        [*cutoffs("BM"), *cutoffs("PB")], np.array(numbers("level.cutoff_per_1e4"))[[0, 2, 1, 3]]
    )
