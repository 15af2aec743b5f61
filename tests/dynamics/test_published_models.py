"""Items 10, 11 and 13 to 15: the models that ship give the numbers printed for them."""

import math

import numpy as np
import pytest

from remnant.dynamics.blueprint import build, shipped
from remnant.dynamics.model import Effect, Therapy
from remnant.dynamics.moments import mean_path, moments, propensities, transcript_ratio
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import simulate
from remnant.errors import InputError


@pytest.mark.reference
def test_item_10_fassoni_eigenvalues_per_month():
    process = compile_process(build(shipped("fassoni2018")), horizon_days=365)
    eigenvalues = np.sort(np.linalg.eigvals(process.generator(0)) * 30.4375)
    assert eigenvalues == pytest.approx([-1.001053, -0.049947], abs=1e-6)
    assert process.start == pytest.approx([2e4, 1e6])


@pytest.mark.published
def test_item_11_michor_on_imatinib():
    """Leukaemic cells fall by 5 % and then 0.8 % a day on imatinib, stem cells grow (Michor et al., Nature 2005)."""
    model = build(shipped("michor2005"))
    process = compile_process(model, horizon_days=3000)
    exact = moments(process, [0, 20, 40, 150, 200, 2000, 2500])
    decays = np.linalg.eigvals(process.generator(0)[4:8, 4:8]).real
    assert np.sort(decays) == pytest.approx([-1.0, -0.05, -0.008, 0.005], abs=1e-6)
    at = {name: exact.mean[:, i] for i, name in enumerate(process.names)}
    normal = [name for name in process.names if name.startswith("normal")]
    assert all(
        at[name] == pytest.approx(process.start[process.names.index(name)], rel=1e-9) for name in normal
    )

    def slope(name, first, last):
        return math.log(at[name][last] / at[name][first]) / (exact.days[last] - exact.days[first])

    assert slope("sensitive_terminal", 1, 2) == pytest.approx(-0.05, abs=0.005)
    assert slope("sensitive_stem", 5, 6) == pytest.approx(0.005, rel=1e-4)
    assert slope("resistant_stem", 5, 6) == pytest.approx(0.020, rel=0.01)


@pytest.mark.reference
def test_item_11_michor_without_drug_settles_into_its_growing_mode():
    process = compile_process(build(shipped("michor2005")).with_therapies(()), horizon_days=4000)
    matrix = process.generator(0)[4:8, 4:8]
    values, vectors = np.linalg.eig(matrix)
    growing = vectors[:, values.real.argmax()].real
    assert values.real.max() == pytest.approx(0.005, rel=1e-4)
    assert growing[1:] / growing[0] * 2.5e5 == pytest.approx([3.08e7, 5.59e9, 5.57e11], rel=2e-3)
    steady = [2.5e5 * 1.6 / 0.008, 5e7 * 10 / 0.05, 1e10 * 100 / 1]
    assert steady == pytest.approx(process.start[5:8])
    assert pytest.approx([2e3, 4e5, 4e7]) == [10 * 1.6 / 0.008, 2e3 * 10 / 0.05, 4e5 * 100]


@pytest.mark.reference
def test_item_11_both_conventions_of_the_ratio():
    assert float(transcript_ratio(1e6, 1e12)) == pytest.approx(5e-7, rel=1e-3)
    assert float(transcript_ratio(1e6, 1e12, control_copies_per_normal_cell=1.0)) == pytest.approx(
        1e-6, rel=1e-3
    )
    assert float(transcript_ratio(5.0, 0.0)) == 1.0


@pytest.mark.reference
def test_item_13_stiehl_strongest_self_renewal_wins():
    blueprint = shipped("stiehl2015")
    process = compile_process(build(blueprint), horizon_days=12_000)
    start, late = mean_path(process, [0.0, 12_000.0])
    steady = compile_process(build(blueprint).with_start({"C1": 1e7, "C2": 2e9, "C3": 4e8}), horizon_days=500)
    assert mean_path(steady, [500.0])[0] == pytest.approx(steady.start, rel=1e-6)
    weights = process.weights[0]
    signal = 1.0 / (1.0 + late @ weights)
    assert start[3] == pytest.approx(1.0)
    assert signal == pytest.approx(1.0 / 1.8, rel=1e-6)
    assert late[0] < 1e-6 < late[3]
    weaker = compile_process(build(blueprint, {"leukaemic_a1": 0.80}), horizon_days=12_000)
    assert mean_path(weaker, [12_000.0])[0, 3] < 1e-3, "a clone with less self-renewal than normal dies out"


@pytest.mark.published
def test_item_14_haehnel_immune_window():
    """Steady states of 88 and 149 cycling stem cells, patient 10 of 21 (Hähnel et al., Cancer Research 2020)."""
    model = build(shipped("haehnel2020"))
    process = compile_process(model, horizon_days=4000)
    after_stop = process.rates.shape[0] - 1
    month, a, pz, half, m, py, rz = 30.4375, 2.0, 473.0, 115.0, 1e-4, 1.658, 200.0

    def drift(y):
        effectors = rz / (a - pz * y / (half**2 + y**2))
        return py * (1 - y / 1e6) - m * effectors

    def steady(low, high):
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if drift(low) * drift(middle) > 0 else (low, middle)
        return low

    assert steady(80.0, 90.6) == pytest.approx(88.0, abs=1.0)
    assert steady(145.9, 160.0) == pytest.approx(149.0, abs=1.0)
    for y in (50.0, 400.0):
        effectors = rz / (a - pz * y / (half**2 + y**2))
        state = np.array([y * 0.000635 / 0.0447, y, effectors])
        flow = process.change.T @ propensities(process, after_stop, state)
        assert flow[2] * month == pytest.approx(0.0, abs=1e-9)
        assert flow[1] * month == pytest.approx(y * drift(y), rel=1e-6)


@pytest.mark.reference
def test_item_15_leon_triana_table_of_days():
    process = compile_process(build(shipped("leon_triana2021")), horizon_days=100)
    days = [0, 7, 14, 21, 28, 60, 100]
    path = mean_path(process, days)
    car_t = [1e7, 2.7677e9, 1.5498e10, 9.7064e9, 5.8943e9, 5.9967e8, 3.4451e7]
    leukaemia = [5e10, 5.4032e10, 1.4284e9, 3.5309e7, 4.0131e6, 4.1472e5, 1.1019e6]
    b_cells = [2.5e10, 1.9038e10, 3.5466e8, 6.1780e6, 4.9481e5, 1.0324e4, 3.7124e3]
    assert pytest.approx(np.array([car_t, leukaemia, b_cells]), rel=5e-5) == path.T
    runs = simulate(process, [28.0], replicates=200, seed=1).cells[:, 0]
    assert runs.mean(axis=0) == pytest.approx(path[4], rel=0.01), "the leap, feedback included, is within 1 %"


@pytest.mark.reference
def test_item_15_leon_triana_conserved_quantity():
    """Without normal B cells H = rho_C L - ln L / tau_C + alpha C - rho_L ln C is conserved."""
    model = build(shipped("leon_triana2021")).with_start({"car_t": 1e7, "leukaemia": 5e10})
    process = compile_process(model, horizon_days=400)
    path = mean_path(process, np.linspace(0, 400, 81))
    car_t, leukaemia = path[:, 0], path[:, 1]
    h = 1.125e-11 * leukaemia - np.log(leukaemia) / 14 + 4.5e-11 * car_t - np.log(car_t) / 30
    assert h[0] == pytest.approx(-1.7339833, abs=1e-6)
    assert np.abs(h - h[0]).max() < 1e-6
    fine = mean_path(process, np.linspace(0, 400, 20_001))
    assert fine[:, 0].max() == pytest.approx(1.2954e10, rel=2e-4)
    assert fine[:, 1].min() == pytest.approx(4.043e6, rel=1e-3)


@pytest.mark.reference
def test_item_15_thresholds():
    process = compile_process(build(shipped("leon_triana2021")), horizon_days=1)
    for cells, grows in ((6.34e9, False), (6.36e9, True)):
        flow = process.change.T @ propensities(process, 0, np.array([1e7, cells, 0.0]))
        assert bool(flow[0] > 0) is grows
    for cells, falls in ((7.40e8, False), (7.41e8, True)):
        flow = process.change.T @ propensities(process, 0, np.array([cells, 1e9, 0.0]))
        assert bool(flow[1] < 0) is falls


@pytest.mark.definition
def test_conditioning_thins_and_growth_follows():
    model = build(shipped("aml_transplant"))
    gvl = [therapy for therapy in model.therapies if therapy.name == "graft-versus-leukaemia"]
    assert len(gvl) == 6
    process = compile_process(model, horizon_days=400)
    exact = moments(process, [0.0, 20.0])
    assert exact.mean[0] == pytest.approx(process.start * 1e-4)
    assert exact.covariance[0, 0, 0] == pytest.approx(process.start[0] * 1e-4 * (1 - 1e-4))
    assert exact.mean[1, 0] / exact.mean[0, 0] == pytest.approx(math.exp(0.058 * 20))


@pytest.mark.definition
def test_donor_lymphocytes_are_an_option_that_turns_growth():
    blueprint = shipped("aml_transplant")
    values = {"gvl_kill": 0.0, "dli_kill": 0.2}
    plain = moments(compile_process(build(blueprint, values), horizon_days=400), [120.0, 240.0])
    given = build(blueprint, values, options=("donor lymphocytes",))
    treated = moments(compile_process(given, horizon_days=400), [120.0, 240.0])
    assert treated.mean[0] == pytest.approx(plain.mean[0])
    # Four steps of 30 days at a quarter, one, one and a half of the kill rate.
    assert treated.mean[1, 0] / plain.mean[1, 0] == pytest.approx(math.exp(-0.2 * 30 * 2.75))
    with pytest.raises(InputError, match="donor lymphocytes"):
        build(blueprint, options=("chemotherapy",))


@pytest.mark.property
def test_therapy_windows_of_a_feedback_model_are_followed():
    model = build(shipped("leon_triana2021"))
    stop = Therapy(
        name="freeze",
        start_day=0,
        stop_day=5,
        effects=(Effect(multiply=0.0), Effect(types=frozenset({"car_t"}), survival=0.5)),
    )
    process = compile_process(model.with_therapies([stop]), horizon_days=10)
    path = mean_path(process, [0.0, 4.0, 10.0])
    assert path[1] == pytest.approx(process.start * [0.5, 1, 1])
    assert path[2, 0] != pytest.approx(path[1, 0], rel=0.1)
