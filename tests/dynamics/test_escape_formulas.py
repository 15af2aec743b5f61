"""Items 1 to 9 of the specification's closed forms: resistance before and during therapy, cure, time to relapse.

Numbers printed there are the expected values; the simulations beside them state their Monte-Carlo error.
"""

import math

import numpy as np
import pytest
from scipy import integrate

from remnant.dynamics.extinction import clone_extinction, probability_none
from remnant.dynamics.model import Effect, Therapy
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Settings, Watch, simulate
from remnant.errors import InputError
from remnant.numerics.birth_death import crossing_time, kendall_extinction, size_law, two_clone_nadir
from remnant.numerics.detection import cells_to_see
from remnant.numerics.fluctuation import (
    CloneRates,
    Fluctuation,
    escape_during_therapy,
    lasting_clones,
    lea_coulson_law,
    mean_resistant,
    resistance_probability,
    resistant_law,
)

EXACT = Settings(method="exact")


def _population(rates, cells, mutation):
    r, d, a, b = rates
    return Fluctuation(
        cells=cells,
        mutation=mutation,
        sensitive=CloneRates(birth=r, death=d),
        resistant=CloneRates(birth=a, death=b),
    )


@pytest.mark.reference
@pytest.mark.parametrize(
    ("rates", "cells", "mutation", "expected"),
    [
        ((1, 0, 1, 0), 1e6, 1e-6, 0.6321),
        ((1, 0.5, 1, 0.5), 1e6, 1e-6, 0.7500),
        ((1, 0.9, 1, 0.9), 1e6, 5e-7, 0.7217),
        ((1, 0.5, 0.9, 0.5), 1e6, 1e-6, 0.7413),
        ((1, 0.5, 1.2, 0.5), 1e5, 5e-6, 0.5149),
    ],
)
def test_item_1_resistance_before_therapy(rates, cells, mutation, expected):
    population = _population(rates, cells, mutation)
    assert resistance_probability(population) == pytest.approx(expected, abs=6e-5)
    assert 1.0 - resistant_law(population, largest=10)[0] == pytest.approx(expected, abs=6e-5)
    r, d, a, b = rates
    alpha = (a - b) / (r - d)
    integral = integrate.quad(lambda y: (1 - b / a) / (1 - b / a * y**alpha), 0, 1)[0]
    definition = 1 - math.exp(-cells * mutation * integral / (1 - d / r))
    assert resistance_probability(population) == pytest.approx(definition, rel=1e-8)


@pytest.mark.reference
def test_item_1_from_a_single_cell(build_with_mutants):
    """M = 500 is far below the asymptote: its tolerance is an order of 0.05, as the specification says."""
    process = compile_process(build_with_mutants((0.2, 0.1), (0.2, 0.1), 1e-3, 1), horizon_days=500)
    runs = simulate(
        process,
        [500.0],
        replicates=4000,
        seed=4,
        settings=EXACT,
        watch=Watch(weights={"S": 1.0, "R": 1.0}, limit_cells=500),
    )
    seen = (runs.end_cells[runs.crossed, 1] > 0).mean()
    assert seen == pytest.approx(0.500, abs=0.06)


@pytest.mark.definition
def test_items_2_and_3_lasting_clones_and_their_mean():
    population = _population((1, 0.5, 1, 0.5), 1e6, 1e-6)
    assert lasting_clones(population) == pytest.approx(1.0)
    assert mean_resistant(population) == pytest.approx(27.6, abs=0.05)
    assert mean_resistant(_population((1, 0, 1, 0), 1e6, 1e-6)) == pytest.approx(13.8, abs=0.05)
    slow = _population((1, 0, 0.5, 0), 1e6, 1e-6)
    assert mean_resistant(slow) == pytest.approx((1e6**-0.5 - 1) / -0.5)
    unfit = _population((1, 0.2, 0.9, 0.3), 1e4, 1e-4)
    law = resistant_law(unfit, largest=5000)
    without_end = unfit.mutations / (1 - unfit.alpha)
    assert mean_resistant(unfit) < law @ np.arange(5001) < without_end


@pytest.mark.reference
def test_item_4_lea_coulson_table():
    expected = [0.3679, 0.1839, 0.1073, 0.0690, 0.0475, 0.0343, 0.0258, 0.0200]
    assert lea_coulson_law(1.0, largest=7) == pytest.approx(expected, abs=5e-5)


@pytest.mark.definition
def test_item_5_one_clone_of_an_age():
    a, b, age = 0.2, 0.12, 17.0
    extinct, shrunk = b / a, math.exp(-(a - b) * age)
    alive = (1 - extinct) / (1 - extinct * shrunk)
    success = (1 - extinct) * shrunk / (1 - extinct * shrunk)
    law = size_law(a, b, age, largest=50)
    assert 1 - law[0] == pytest.approx(alive)
    assert law[1:] == pytest.approx(alive * success * (1 - success) ** np.arange(50))


@pytest.mark.reference
def test_item_6_resistance_born_during_therapy(build_with_mutants):
    sensitive, resistant = CloneRates(birth=0.05, death=0.15), CloneRates(birth=0.06, death=0.03)
    expected = escape_during_therapy(1e5, 1e-5, sensitive=sensitive, resistant=resistant)
    assert expected == pytest.approx(0.2212, abs=5e-5)
    process = compile_process(build_with_mutants((0.05, 0.15), (0.06, 0.03), 1e-5, 1e5), horizon_days=600)
    exact = 1.0 - probability_none(process, ["S", "R"], 600.0)
    assert exact == pytest.approx(expected, abs=2e-4)
    runs = simulate(process, [600.0], replicates=8000, seed=5)
    seen = (runs.of("R")[:, 0] > 0).mean()
    assert abs(seen - exact) < 4 * math.sqrt(exact * (1 - exact) / 8000)
    with pytest.raises(InputError, match="falling"):
        escape_during_therapy(1e5, 1e-5, sensitive=resistant, resistant=resistant)


@pytest.mark.reference
def test_item_7_cure_while_rates_change(build_one_type):
    """Fifty cells, growth below zero for 30 days of graft-versus-leukaemia, then above."""
    therapy = Therapy(
        name="graft-versus-leukaemia",
        start_day=0,
        stop_day=30,
        effects=(Effect(phases=frozenset({"death"}), add_per_day=0.13),),
    )
    process = compile_process(build_one_type(0.06, 0.03, 50).with_therapies([therapy]), horizon_days=2000)
    expected = kendall_extinction([0.0, 30.0], [0.06, 0.06], [0.16, 0.03], until=2000.0) ** 50
    assert expected == pytest.approx(0.3760, abs=5e-5)
    assert probability_none(process, ["A"], 2000.0) == pytest.approx(expected, rel=1e-8)
    runs = simulate(process, [400.0], replicates=8000, seed=6)
    exact = probability_none(process, ["A"], 400.0)
    assert abs((runs.of("A")[:, 0] == 0).mean() - exact) < 4 * math.sqrt(exact * (1 - exact) / 8000)
    constant = compile_process(build_one_type(0.2, 0.12, 3), horizon_days=2000)
    assert probability_none(constant, ["A"], 2000.0) == pytest.approx(0.6**3, rel=1e-8)
    assert kendall_extinction([0.0], [0.1], [0.1], until=20.0) == pytest.approx(2.0 / 3.0)


@pytest.mark.reference
def test_item_8_relapse_time_of_one_surviving_cell():
    law = crossing_time(0.06, 0.03, cells=1e9)
    assert (law.median_days, law.mean_days, law.sd_days) == pytest.approx((679.9, 686.91, 42.75), abs=0.06)
    rng = np.random.default_rng(1)
    days = (math.log(1e9) - np.log(rng.exponential(2.0, 200_000))) / 0.03
    assert abs(days.mean() - law.mean_days) < 4 * law.sd_days / math.sqrt(200_000)


@pytest.mark.reference
def test_item_9_two_clones():
    assert two_clone_nadir(1e10, 1e4, decline=0.3, growth=0.05) == pytest.approx(
        (44.592, 108456.1, 39.473), rel=1e-5
    )


@pytest.mark.reference
def test_founders_for_half_extinction():
    """Measurement model, section 9: 50 % extinction needs 1.4, 14 and 69 founders."""
    founders = [math.log(0.5) / math.log(ratio) for ratio in (0.6, 0.95, 0.99)]
    assert founders == pytest.approx([1.4, 14, 69], abs=0.5)


@pytest.mark.definition
@pytest.mark.parametrize("share", [1e-3, 1e-5])
def test_cells_to_see_a_clone(share):
    one, twenty = cells_to_see(share), cells_to_see(share, events=20)
    assert 1 - (1 - share) ** one >= 0.95 > 1 - (1 - share) ** (one - 1)
    assert twenty * share == pytest.approx(27.9, abs=0.05)
    with pytest.raises(InputError, match="absent"):
        cells_to_see(0.0)


@pytest.mark.property
def test_fluctuation_refuses_rates_without_a_law():
    with pytest.raises(InputError, match="do not grow"):
        _population((0.1, 0.2, 0.2, 0.1), 1e6, 1e-6)
    with pytest.raises(InputError, match="never divide"):
        _population((0.2, 0.1, 0.0, 0.1), 1e6, 1e-6)
    with pytest.raises(InputError, match="within 0 and 1"):
        _population((0.2, 0.1, 0.2, 0.1), 1e6, 2.0)


@pytest.mark.definition
def test_clone_extinction_is_the_absence_of_all_descendants(four_types):
    process = compile_process(four_types, horizon_days=90)
    extinct = clone_extinction(process, 90.0)
    assert extinct[2] == pytest.approx(size_law(0.2, 0.12, 90.0, largest=0)[0], rel=1e-8)
    product = math.exp(100 * math.log(extinct[0]) + 1000 * math.log(extinct[1]))
    assert probability_none(process, list("PBNM"), 90.0) == pytest.approx(product, rel=1e-9)
