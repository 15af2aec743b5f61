"""The table of analytic results, each by formula, by the exact engine and by simulation.

Monte-Carlo errors are stated where they bound a comparison: z is the difference over its standard error. Heavy
tails are compared by their zero class, generating function and quantiles, never by a sample mean.
"""

import math

import numpy as np
import pytest
from scipy import stats

from remnant.dynamics.extinction import generating_function, law_of_type, probability_none
from remnant.dynamics.moments import moments
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Settings, Watch, simulate
from remnant.numerics.birth_death import (
    crossing_time,
    extinction_probability,
    founder_spread,
    size_law,
    size_moments,
)
from remnant.numerics.fluctuation import (
    CloneRates,
    Fluctuation,
    lea_coulson_law,
    resistance_probability,
    resistant_generating_function,
    resistant_law,
)

EXACT = Settings(method="exact")


def _z(seen, expected, count):
    return (seen - expected) / math.sqrt(max(expected * (1.0 - expected), 1e-12) / count)


@pytest.fixture(scope="module")
def clones(build_one_type):
    """Clones of single cells at day 10, birth 0.20 and death 0.12: 100,000 of them."""
    process = compile_process(build_one_type(0.20, 0.12), horizon_days=10)
    return simulate(process, [10.0], replicates=100_000, seed=11, settings=EXACT).of("A")[:, 0]


@pytest.mark.reference
def test_row_1_extinction_of_one_cell(clones, build_one_type):
    expected = extinction_probability(0.20, 0.12, 10.0)
    assert expected == pytest.approx(0.45236, abs=5e-6)
    process = compile_process(build_one_type(0.20, 0.12), horizon_days=10)
    assert probability_none(process, ["A"], 10.0) == pytest.approx(expected, rel=1e-9)
    assert abs(_z((clones == 0).mean(), expected, clones.size)) < 4
    assert extinction_probability(0.2, 0.12) == pytest.approx(0.6)
    assert extinction_probability(0.0, 0.1) == 1.0
    assert extinction_probability(0.2, 0.2, 10.0) == pytest.approx(2.0 / 3.0)
    assert extinction_probability(0.12, 0.2, 400.0) == pytest.approx(1.0)


@pytest.mark.reference
def test_row_2_size_law_of_one_cell(clones, build_one_type):
    law = size_law(0.20, 0.12, 10.0, largest=400)
    assert law[3] == pytest.approx(0.07660, abs=5e-6)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    process = compile_process(build_one_type(0.20, 0.12), horizon_days=10)
    assert law_of_type(process, "A", 10.0, largest=100) == pytest.approx(law[:101], abs=1e-9)
    assert abs(_z((clones == 3).mean(), law[3], clones.size)) < 4
    mean, variance = size_moments(0.20, 0.12, 10.0)
    assert variance == pytest.approx(10.91, abs=0.005)
    assert abs(clones.mean() - mean) < 4 * math.sqrt(variance / clones.size)
    fourth = float(law @ (np.arange(401) - mean) ** 4)
    assert abs(clones.var() - variance) < 4 * math.sqrt((fourth - variance**2) / clones.size)
    assert size_moments(0.1, 0.1, 20.0) == pytest.approx((1.0, 4.0))


@pytest.mark.reference
def test_row_3_yule(build_one_type):
    law = size_law(0.08, 0.0, 20.0, largest=4)
    assert law[1] == pytest.approx(0.2019, abs=5e-5)
    assert law[4] == pytest.approx(0.1026, abs=5e-5)
    process = compile_process(build_one_type(0.08, 0.0), horizon_days=20)
    sample = simulate(process, [20.0], replicates=100_000, seed=2, settings=EXACT).of("A")[:, 0]
    assert abs(_z((sample == 1).mean(), law[1], sample.size)) < 4
    assert abs(_z((sample == 4).mean(), law[4], sample.size)) < 4


@pytest.mark.reference
def test_row_4_lea_coulson():
    law = lea_coulson_law(2.5, largest=300)
    assert law[[0, 5, 20]] == pytest.approx([0.08208, 0.06228, 0.00839], abs=5e-6)
    growing = CloneRates(birth=1.0, death=0.0)
    population = Fluctuation(cells=1e9, mutation=2.5e-9, sensitive=growing, resistant=growing)
    assert resistant_law(population, largest=300) == pytest.approx(law, abs=1e-10)
    rng = np.random.default_rng(5)
    clones = rng.poisson(2.5, 400_000)
    sizes = rng.geometric(rng.uniform(size=clones.sum()))
    total = np.bincount(np.repeat(np.arange(clones.size), clones), sizes, minlength=clones.size)
    for n in (0, 5, 20):
        assert abs(_z((total == n).mean(), law[n], total.size)) < 4
    quantiles = np.searchsorted(np.cumsum(law), [0.25, 0.5, 0.75])
    assert np.abs(np.quantile(total, [0.25, 0.5, 0.75]) - quantiles).max() <= 1


@pytest.mark.reference
@pytest.mark.parametrize(("z", "value"), [(0.0, None), (0.3, 0.2710), (0.9, 0.6300)])
def test_row_5_luria_delbrueck_with_death(z, value):
    dying = CloneRates(birth=1.0, death=0.6)
    population = Fluctuation(cells=1e6, mutation=1e-6, sensitive=dying, resistant=dying)
    expected = resistant_generating_function(population, z)
    printed = math.exp((1 - z) / (z - 0.6) * math.log((1 - z) / 0.4))
    assert expected == pytest.approx(printed, rel=1e-10)
    if value is not None:
        assert expected == pytest.approx(value, abs=5e-5)
    rng = np.random.default_rng(8)
    clones = rng.poisson(population.mutations, 300_000)
    born = rng.uniform(size=clones.sum())
    alive = rng.random(born.size) < 0.4 / (1 - 0.6 * born)
    sizes = np.where(alive, rng.geometric(np.clip(0.4 * born / (1 - 0.6 * born), 1e-300, 1.0)), 0)
    total = np.bincount(np.repeat(np.arange(clones.size), clones), sizes, minlength=clones.size)
    sample = np.power(z, total)
    assert abs(sample.mean() - expected) < 4 * sample.std() / math.sqrt(sample.size)


@pytest.mark.reference
def test_rows_6_and_7_mean_and_covariance(four_types):
    process = compile_process(four_types, horizon_days=60)
    exact = moments(process, [20.0, 60.0])
    assert exact.mean[0, 1] == pytest.approx(5089.4, abs=0.05)
    assert exact.sd[0, 1] == pytest.approx(282.2, abs=0.05)
    assert exact.sd[1, :2] == pytest.approx([210.2, 7742.0], rel=1e-3)
    every = simulate(process, [20.0], replicates=2000, seed=6, settings=EXACT).cells[:, 0]
    leap = simulate(process, [20.0, 60.0], replicates=8000, seed=7).cells
    for sample, day in ((every, 0), (leap[:, 0], 0), (leap[:, 1], 1)):
        z = (sample.mean(axis=0) - exact.mean[day]) / (exact.sd[day] / math.sqrt(len(sample)))
        assert np.abs(z[[0, 1, 3]]).max() < 4
        ratio = sample.std(axis=0)[[0, 1, 3]] / exact.sd[day][[0, 1, 3]]
        assert np.abs(ratio - 1).max() < 4 / math.sqrt(2 * len(sample)) + 0.01
        correlation = np.corrcoef(sample[:, 0], sample[:, 1])[0, 1]
        expected = exact.covariance[day, 0, 1] / (exact.sd[day, 0] * exact.sd[day, 1])
        assert correlation == pytest.approx(expected, abs=4 / math.sqrt(len(sample)))


@pytest.mark.reference
def test_row_8_no_cd19_negative_cell(four_types):
    process = compile_process(four_types, horizon_days=90)
    days = [20.0, 60.0, 90.0]
    exact = [probability_none(process, ["N"], day) for day in days]
    assert exact == pytest.approx([0.99339, 0.8250, 0.1184], abs=5e-5)
    leap = simulate(process, days, replicates=20_000, seed=9).of("N")
    for day, expected in enumerate(exact):
        assert abs(_z((leap[:, day] == 0).mean(), expected, 20_000)) < 4
    every = simulate(process, [20.0], replicates=4000, seed=10, settings=EXACT).of("N")[:, 0]
    assert abs(_z((every == 0).mean(), exact[0], 4000)) < 4
    assert generating_function(process, {"N": 0.0}, 60.0) == pytest.approx(exact[1], rel=1e-12)


@pytest.mark.reference
def test_row_9_full_law_of_one_type(four_types):
    process = compile_process(four_types, horizon_days=20)
    law = law_of_type(process, "P", 20.0, largest=1023)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    assert law @ np.arange(1024) == pytest.approx(222.554, abs=5e-4)
    sample = simulate(process, [20.0], replicates=4000, seed=12, settings=EXACT).of("P")[:, 0]
    edges = np.searchsorted(np.cumsum(law), np.linspace(0.05, 0.95, 19)) + 0.5
    expected = np.diff(np.concatenate([[0.0], np.cumsum(law)[edges.astype(int)], [1.0]]))
    seen = np.bincount(np.searchsorted(edges, sample), minlength=20)
    chi2 = ((seen - 4000 * expected) ** 2 / (4000 * expected)).sum()
    assert stats.chi2.sf(chi2, 19) > 1e-3


@pytest.mark.reference
def test_row_10_time_to_reach_a_size(build_one_type):
    law = crossing_time(0.20, 0.12, cells=1e5)
    assert law.mean_days == pytest.approx(math.log(1e5 * 0.4) / 0.08 + 0.5772157 / 0.08, rel=1e-6)
    assert crossing_time(0.20, 0.12, cells=5.356e4).mean_days == pytest.approx(131.87, abs=0.5)
    process = compile_process(build_one_type(0.20, 0.12), horizon_days=600)
    runs = simulate(
        process, [600.0], replicates=6000, seed=3, watch=Watch(weights={"A": 1.0}, limit_cells=1e5)
    )
    days = runs.end_day[runs.crossed]
    assert abs(_z(runs.crossed.mean(), 0.4, 6000)) < 4
    assert abs(days.mean() - law.mean_days) < 4 * law.sd_days / math.sqrt(days.size)
    assert days.std() / law.sd_days == pytest.approx(1.0, abs=4 * math.sqrt(4.4 / 4 / days.size))
    assert abs(_z((days < law.median_days).mean(), 0.5, days.size)) < 4


@pytest.mark.reference
@pytest.mark.parametrize(
    ("case", "sensitive", "resistant"),
    [
        ("neutral", (0.2, 0.1), (0.2, 0.1)),
        ("no death", (0.1, 0.0), (0.1, 0.0)),
        ("unfit", (0.2, 0.1), (0.18, 0.1)),
        ("fit", (0.2, 0.1), (0.24, 0.1)),
    ],
)
def test_row_11_resistance_present_at_size(case, sensitive, resistant, build_with_mutants):
    cells, mutation = 2e5, 2.5e-6
    population = Fluctuation(
        cells=cells,
        mutation=mutation,
        sensitive=CloneRates(birth=sensitive[0], death=sensitive[1]),
        resistant=CloneRates(birth=resistant[0], death=resistant[1]),
    )
    expected = resistance_probability(population)
    process = compile_process(build_with_mutants(sensitive, resistant, mutation, 1000), horizon_days=400)
    runs = simulate(
        process,
        [400.0],
        replicates=8000,
        seed=len(case),
        settings=Settings(step_days=0.1),
        watch=Watch(weights={"S": 1.0}, limit_cells=cells),
    )
    assert runs.crossed.all()
    seen = (runs.end_cells[:, 1] > 0).mean()
    # one standard error is below 0.0056; a step of 0.1 day overshoots the size by at most 1 %
    assert abs(seen - expected) < 4 * 0.0056 + 0.004


@pytest.mark.reference
@pytest.mark.parametrize(
    ("founders", "extinct", "sd_log10", "sd_days"),
    [
        (1, 0.600, 0.56, 16),
        (3, 0.216, 0.53, 15),
        (10, 0.006, 0.36, 10),
        (30, 0.0, 0.17, 4.9),
        (100, 0.0, 0.089, 2.6),
        (1000, 0.0, 0.027, 0.8),
    ],
)
def test_chance_matters_below_some_thirty_founders(founders, extinct, sd_log10, sd_days):
    gone, spread = founder_spread(founders, 0.20, 0.12)
    assert gone == pytest.approx(extinct, abs=5e-4)
    assert spread == pytest.approx(sd_log10, rel=0.03)
    assert spread * math.log(10) / 0.08 == pytest.approx(sd_days, rel=0.04)
