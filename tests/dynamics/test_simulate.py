"""The simulator repeats itself, never goes below zero, and raises rather than stop in silence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from remnant.dynamics.blueprint import build, shipped
from remnant.dynamics.extinction import law_of_type, probability_none
from remnant.dynamics.model import CellType, Effect, Event, Feedback, Model, Therapy
from remnant.dynamics.moments import mean_path, moments
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Settings, Watch, expected_events, simulate
from remnant.dynamics.step_check import check_step
from remnant.errors import FitError, InputError


@pytest.mark.property
@pytest.mark.parametrize("method", ["leap", "exact"])
def test_results_do_not_depend_on_workers(four_types, method):
    process = compile_process(four_types, horizon_days=20)
    runs = [
        simulate(
            process, [10.0, 20.0], replicates=300, seed=4, settings=Settings(method=method, workers=workers)
        )
        for workers in (1, 2, 5)
    ]
    assert np.array_equal(runs[0].cells, runs[1].cells)
    assert np.array_equal(runs[0].cells, runs[2].cells)
    other = simulate(process, [10.0, 20.0], replicates=300, seed=5, settings=Settings(method=method))
    assert not np.array_equal(runs[0].cells, other.cells)


@pytest.mark.property
def test_the_first_replicates_do_not_depend_on_how_many_follow(four_types):
    process = compile_process(four_types, horizon_days=20)
    few = simulate(process, [20.0], replicates=10, seed=4).cells
    many = simulate(process, [20.0], replicates=500, seed=4).cells
    assert np.array_equal(few, many[:10])


@pytest.mark.property
@hypothesis_settings(max_examples=25, deadline=None)
@given(
    birth=st.floats(0, 3),
    death=st.floats(0, 3),
    leak=st.floats(0, 3),
    survival=st.floats(0, 1),
    start=st.integers(0, 2000),
)
def test_counts_are_whole_and_never_negative(*, birth, death, leak, survival, start):
    model = Model(
        name="m",
        types=(CellType(name="A"), CellType(name="B")),
        events=(
            Event(kind="self_renewal", source="A", products=("A", "A"), rate_per_day=birth),
            Event(kind="death", source="A", products=(), rate_per_day=death),
            Event(kind="differentiation", source="A", products=("B",), rate_per_day=leak),
            Event(kind="death", source="B", products=(), rate_per_day=death + 1.0),
        ),
        therapies=(Therapy(name="t", start_day=2, stop_day=3, effects=(Effect(survival=survival),)),),
        start={"A": start},
    )
    runs = simulate(compile_process(model, horizon_days=4), [1.0, 2.0, 4.0], replicates=20, seed=start)
    assert (runs.cells >= 0).all()
    assert np.array_equal(runs.cells, np.round(runs.cells))


@pytest.mark.property
def test_what_cannot_finish_raises(four_types):
    long = compile_process(four_types, horizon_days=260)
    with pytest.raises(FitError, match="Use the leap"):
        simulate(long, [260.0], replicates=1, seed=1, settings=Settings(method="exact"))
    assert expected_events(long) == pytest.approx(4.5e12, rel=0.1)
    growing = build(shipped("leon_triana2021"))
    with pytest.raises(FitError, match="more events than the budget"):
        simulate(
            compile_process(growing, horizon_days=1),
            [1.0],
            replicates=2,
            seed=1,
            settings=Settings(method="exact", event_budget=1e4),
        )
    with pytest.raises(FitError, match="1e17 cells"):
        simulate(compile_process(four_types, horizon_days=600), [600.0], replicates=2, seed=1)


@pytest.mark.property
def test_bad_requests_come_with_all_their_problems(four_types):
    process = compile_process(four_types, horizon_days=20)
    with pytest.raises(InputError) as caught:
        simulate([process, process], [5.0, 30.0], replicates=3, seed=1, settings=Settings(memory_gib=1e-12))
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="no process"):
        simulate([], [5.0], replicates=1, seed=1)
    other = compile_process(four_types, horizon_days=30)
    with pytest.raises(InputError, match="different types"):
        simulate([process, other], [5.0], replicates=2, seed=1)
    with pytest.raises(InputError, match="negative"):
        simulate(process, [5.0], replicates=2, seed=1, starts=np.zeros((3, 4)))
    with pytest.raises(InputError, match="half an event"):
        Settings(largest_share=0.9)


@pytest.mark.property
def test_an_extinct_course_is_zero_and_a_crossed_one_is_not(build_one_type):
    process = compile_process(build_one_type(0.3, 0.1, 5), horizon_days=100)
    runs = simulate(
        process, [0.0, 50.0, 100.0], replicates=500, seed=2, watch=Watch(weights={"A": 1}, limit_cells=1e4)
    )
    assert (runs.cells[~runs.crossed, 2] == 0).all()
    assert np.isnan(runs.cells[runs.crossed, 2]).all()
    assert (runs.end_day[runs.crossed] < 100).all()
    assert (runs.end_cells[runs.crossed, 0] >= 1e4).all()
    assert runs.crossed.mean() == pytest.approx(1 - (1 / 3) ** 5, abs=4 * math.sqrt(0.25 / 500))


@pytest.mark.property
def test_a_watch_waits_until_the_sum_was_below(build_one_type):
    therapy = Therapy(
        name="kill",
        start_day=10,
        stop_day=20,
        effects=(Effect(add_per_day=1.0, phases=frozenset({"death"})),),
    )
    process = compile_process(build_one_type(0.2, 0.1, 10_000).with_therapies([therapy]), horizon_days=200)
    runs = simulate(process, [200.0], replicates=200, seed=3, watch=Watch(weights={"A": 1}, limit_cells=5000))
    assert (runs.end_day[runs.crossed] > 20).all()
    exact = simulate(
        process,
        [200.0],
        replicates=200,
        seed=3,
        watch=Watch(weights={"A": 1}, limit_cells=5000),
        settings=Settings(method="exact"),
    )
    assert (exact.end_day[exact.crossed] > 20).all()
    assert exact.end_day[exact.crossed].mean() == pytest.approx(runs.end_day[runs.crossed].mean(), abs=5.0)


@pytest.mark.property
def test_progress_reaches_the_end(four_types):
    seen = []
    simulate(
        compile_process(four_types, horizon_days=5),
        [5.0],
        replicates=130,
        seed=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (130, 130)


@pytest.mark.definition
@pytest.mark.parametrize("cells", [500, 20_000, 5_000_000])
@pytest.mark.parametrize("survival", [0.0, 0.0005, 0.3, 0.9995])
def test_thinning_is_binomial(build_one_type, cells, survival):
    therapy = Therapy(name="conditioning", start_day=0, stop_day=0, effects=(Effect(survival=survival),))
    process = compile_process(build_one_type(0.0, 0.0, cells).with_therapies([therapy]), horizon_days=1)
    kept = simulate(process, [0.0], replicates=3000, seed=8).of("A")[:, 0]
    sd = math.sqrt(cells * survival * (1 - survival))
    assert abs(kept.mean() - cells * survival) <= 4 * sd / math.sqrt(3000)
    if sd:
        assert kept.std() / sd == pytest.approx(1.0, abs=4 / math.sqrt(6000) + 0.02)


@pytest.mark.property
def test_check_step_finds_a_long_step(four_types):
    process = compile_process(four_types, horizon_days=60)
    good = check_step(process, [60.0], replicates=2000, seed=1)
    assert good.worst_z < 4.5
    assert good.worst_percent < 0.5
    assert good.sd[0, 1] / good.exact_sd[0, 1] == pytest.approx(1.0, abs=0.07)
    feedback = compile_process(build(shipped("leon_triana2021")), horizon_days=28)
    coarse = check_step(
        feedback, [28.0], replicates=100, seed=1, settings=Settings(largest_share=0.5, step_days=5)
    )
    assert np.isnan(coarse.exact_mean).all()
    assert coarse.worst_z > 4.5
    assert coarse.worst_percent > 0.5


@pytest.mark.reference
def test_leap_and_exact_agree_with_feedback():
    model = Model(
        name="logistic with supply",
        types=(CellType(name="A"),),
        events=(
            Event(kind="self_renewal", source="A", products=("A", "A"), rate_per_day=0.5),
            Event(
                kind="death",
                source="A",
                products=(),
                rate_per_day=0.5,
                feedback=Feedback(form="mass", weights={"A": 1 / 400}),
            ),
            Event(kind="death", source="A", products=(), rate_per_day=0.1),
            Event(kind="supply", source="", products=("A",), rate_per_day=2.0),
        ),
        start={"A": 30},
    )
    process = compile_process(model, horizon_days=20)
    exact = simulate(process, [5.0, 20.0], replicates=3000, seed=1, settings=Settings(method="exact")).of("A")
    leap = simulate(process, [5.0, 20.0], replicates=3000, seed=2).of("A")
    error = np.sqrt((exact.var(axis=0) + leap.var(axis=0)) / 3000)
    assert (np.abs(exact.mean(axis=0) - leap.mean(axis=0)) < 4 * error).all()
    assert leap.std(axis=0) / exact.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.08)
    assert mean_path(process, [20.0])[0, 0] == pytest.approx(exact[:, 1].mean(), rel=0.02)
    stopped = simulate(
        process,
        [20.0],
        replicates=50,
        seed=2,
        watch=Watch(weights={"A": 1.0}, limit_cells=100),
        settings=Settings(method="exact"),
    )
    assert stopped.crossed.all()
    assert (stopped.end_cells[:, 0] == 100).all()


@pytest.mark.definition
def test_moments_equal_their_differential_equations(four_types):
    therapy = Therapy(
        name="t", start_day=10, stop_day=25, effects=(Effect(phases=frozenset({"death"}), multiply=1.7),)
    )
    process = compile_process(four_types.with_therapies([therapy]), horizon_days=40)
    exact = moments(process, [40.0])
    state = np.concatenate([process.start, np.zeros(16)])
    for piece in range(3):
        a = process.generator(piece)

        def drift(_, y, a=a, piece=piece):
            mean, v = y[:4], y[4:].reshape(4, 4)
            noise = sum(
                process.rates[piece, r] * mean[process.source[r]] * np.outer(c, c)
                for r, c in enumerate(process.change)
            )
            return np.concatenate([a @ mean, (a @ v + v @ a.T + noise).ravel()])

        span = (process.edges[piece], process.edges[piece + 1])
        state = solve_ivp(drift, span, state, rtol=1e-11, atol=1e-9).y[:, -1]
    assert exact.mean[0] == pytest.approx(state[:4], rel=1e-8)
    assert exact.covariance[0].ravel() == pytest.approx(state[4:], rel=1e-6)
    assert mean_path(process, [40.0])[0] == pytest.approx(exact.mean[0], rel=1e-7)


@pytest.mark.definition
def test_backward_equations_equal_a_literal_solution(four_types):
    process = compile_process(four_types, horizon_days=60)

    def literal(_, f):
        slope = np.zeros(4)
        for r in range(11):
            products = [f[p] for p in process.products[r] if p >= 0]
            slope[process.source[r]] += process.rates[0, r] * (math.prod(products) - f[process.source[r]])
        return slope

    f = solve_ivp(literal, (0, 60), [1.0, 1.0, 0.0, 1.0], rtol=1e-11, atol=1e-13).y[:, -1]
    assert probability_none(process, ["N"], 60.0) == pytest.approx(float(np.prod(f**process.start)), rel=1e-6)


@pytest.mark.property
def test_none_alive_is_likelier_than_none_ever(four_types):
    process = compile_process(four_types, horizon_days=60)
    days = np.linspace(1.0, 60.0, 8)
    alive = [probability_none(process, ["N"], day) for day in days]
    ever = [probability_none(process, ["N"], day, ever=True) for day in days]
    assert (np.diff(alive) < 0).all()
    assert (np.diff(ever) < 0).all()
    assert (np.array(alive) > np.array(ever)).all()
    rate = 2e-7 * (moments(process, days).mean[:, 1]).mean() * 60
    assert -math.log(ever[-1]) == pytest.approx(rate, rel=0.3)


@pytest.mark.property
def test_windows_reach_the_laws(build_one_type):
    conditioning = Therapy(name="c", start_day=5, stop_day=5, effects=(Effect(survival=0.1),))
    process = compile_process(build_one_type(0.2, 0.1, 20).with_therapies([conditioning]), horizon_days=10)
    law = law_of_type(process, "A", 5.0, largest=400)
    exact = moments(process, [5.0])
    assert law @ np.arange(401) == pytest.approx(exact.mean[0, 0], rel=1e-6)
    assert law @ np.arange(401) ** 2 - exact.mean[0, 0] ** 2 == pytest.approx(
        exact.covariance[0, 0, 0], rel=1e-4
    )
    with pytest.raises(InputError, match="day"):
        law_of_type(process, "A", 20.0, largest=10)
    with pytest.raises(InputError, match="increasing"):
        moments(process, [5.0, 5.0])


@pytest.mark.property
def test_a_ceiling_ends_growth_that_was_never_below_the_limit(build_one_type):
    process = compile_process(build_one_type(0.2, 0.1, 10_000), horizon_days=100)
    runs = simulate(
        process,
        [100.0],
        replicates=50,
        seed=3,
        watch=Watch(weights={"A": 1}, limit_cells=5000, ceiling_cells=40_000),
    )
    assert runs.crossed.all()
    assert runs.end_day == pytest.approx(np.full(50, math.log(4) / 0.1), abs=1.0)
    assert (runs.end_cells[:, 0] >= 40_000).all()
