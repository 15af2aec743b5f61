"""Routes of relapse: probabilities add up, respond to the plan as they must, and repeat."""

import numpy as np
import pytest

from remnant.dynamics.blueprint import build, draw, shipped
from remnant.dynamics.extinction import probability_none
from remnant.dynamics.process import compile_process
from remnant.dynamics.simulate import Settings
from remnant.errors import FitError
from remnant.forecast.escape import forecast_escape
from remnant.forecast.identify import confounded_pairs, identifiability
from remnant.forecast.plan import Compartment
from remnant.forecast.routes import NO_RELAPSE, REFRACTORY

STEM_ROUTE = "CD19-negative, IG/TR absent, from stem or progenitor"
LOSS_ROUTE = "CD19 lost, IG/TR kept"


@pytest.mark.property
def test_outcomes_are_all_there_is(forecasts):
    assert [(f.patient, f.plan) for f in forecasts] == [
        ("S-1", "plan"),
        ("S-1", "and CD22"),
        ("S-2", "plan"),
        ("S-2", "and CD22"),
    ]
    for forecast in forecasts:
        assert sum(share.probability for share in forecast.shares) == pytest.approx(1.0)
        assert len(forecast.shares) == 6
        assert {forecast.shares[-2].outcome, forecast.shares[-1].outcome} == {NO_RELAPSE, REFRACTORY}
        crossed = forecast.trajectories.crossed
        assert (forecast.outcome[~crossed] >= 4).all()
        assert set(forecast.outcome[crossed]) <= {0, 1, 2, 3, 5}
        for share in forecast.shares:
            assert share.low <= share.high
            if share.median_days is not None:
                assert 0 < share.early_days <= share.median_days <= share.late_days <= 730


@pytest.mark.property
def test_overt_relapse_is_five_percent_of_the_marrow(forecasts):
    runs = forecasts[0].trajectories
    blasts = [i for i, name in enumerate(runs.names) if "blast" in name or "switched" in name]
    total = runs.end_cells[forecasts[0].outcome < 4][:, blasts].sum(axis=1)
    assert (total >= 0.05 * 1.2e12).all()
    assert (total < 0.05 * 1.2e12 * 1.6).all()


@pytest.mark.property
def test_without_stem_cells_no_relapse_comes_from_them(forecasts):
    assert forecasts[0].probability(STEM_ROUTE) > 0.0
    assert forecasts[0].preexisting_probability > 0.2
    assert forecasts[0].cells_to_see > 20
    assert forecasts[0].persistence.max() > 0.2
    for forecast in forecasts[2:]:
        assert forecast.probability(STEM_ROUTE) == 0.0
        assert forecast.preexisting_probability == 0.0
        assert forecast.cells_to_see is None
        assert (forecast.persistence == 0.0).all()


@pytest.mark.property
def test_a_second_target_on_the_blasts_spares_the_stem_cell_route(forecasts):
    for base, with_target in ((forecasts[0], forecasts[1]), (forecasts[2], forecasts[3])):
        assert with_target.probability("CD19-positive") < base.probability("CD19-positive")
        assert with_target.probability(LOSS_ROUTE) <= base.probability(LOSS_ROUTE)
    assert forecasts[1].probability(STEM_ROUTE) >= forecasts[0].probability(STEM_ROUTE) - 0.05


@pytest.mark.property
def test_no_difference_is_a_possible_result(make_plan):
    """At the lowest transformation rates the two patients relapse alike."""
    values = {"transformation": 1e-12, "lymphoid_transformation": 1e-12}
    quiet = forecast_escape(make_plan(values=values, alternatives=(), draws=30))
    assert quiet[0].probability(STEM_ROUTE) == 0.0
    spread = 3 * quiet[1].shares[0].standard_error + 0.02
    assert abs(quiet[0].probability("CD19-positive") - quiet[1].probability("CD19-positive")) < spread


@pytest.mark.property
def test_a_forecast_repeats_whatever_the_workers(make_plan):
    plan = make_plan(draws=8, replicates=2)
    seen = []
    one = forecast_escape(plan, settings=Settings(workers=1), progress=lambda *told: seen.append(told))
    two = forecast_escape(plan, settings=Settings(workers=3))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.outcome, b.outcome)
        assert np.array_equal(a.day, b.day)
    assert {told[0] for told in seen} >= {"S-1, growth to diagnosis", "S-2, and CD22"}


@pytest.mark.reference
def test_preexisting_cd19_loss_agrees_with_the_exact_law():
    """With one known set of rates, CD19 loss at diagnosis is a Luria-Delbrück event."""
    from remnant.forecast.plan import EscapePlan, PatientState  # noqa: PLC0415 - beside its only use
    from remnant.numerics.fluctuation import CloneRates, Fluctuation, resistance_probability  # noqa: PLC0415

    known = {rate.name: 1.0 for rate in shipped("ph_all_blinatumomab").uncertain}
    central = {name: float(v[0]) for name, v in draw(shipped("ph_all_blinatumomab"), 1, seed=1).items()}
    values = {**central, "blast_growth": 0.05, "blast_death": 0.1, "cd19_loss": 4e-13, "t315i": 1e-15}
    assert set(values) == set(known)
    values["induction_survival"] = 1.0
    absent = Compartment(fraction=0.0)
    plan = EscapePlan(
        title="fixed rates",
        blueprint=shipped("ph_all_blinatumomab"),
        patients=(
            PatientState(
                name="S-1",
                burden_cells=1e12,
                compartments={"stem": absent, "progenitor": absent, "myeloid": absent},
            ),
        ),
        horizon_days=1.0,
        draws=2,
        replicates=400,
        values=values,
    )
    runs = forecast_escape(plan)[0].trajectories
    at_start = runs.cells[:, 0, runs.names.index("blast_cd19neg")]
    rates = CloneRates(birth=0.15, death=0.10)
    expected = resistance_probability(
        Fluctuation(cells=1e12, mutation=4e-13, sensitive=rates, resistant=rates)
    )
    assert abs((at_start > 0).mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / at_start.size)


@pytest.mark.property
def test_growth_that_never_remits_is_no_relapse(make_plan):
    values = {
        "induction_survival": 0.5,
        "tki_blast_kill": 1e-6,
        "blinatumomab_kill": 1e-6,
        "transformation": 1e-12,
    }
    stubborn = forecast_escape(make_plan(values=values, alternatives=(), draws=6, replicates=2))
    assert stubborn[1].probability(REFRACTORY) == 1.0
    assert (stubborn[1].day < 730).any()


@pytest.mark.property
def test_exact_absence_bounds_the_simulated_route():
    model = build(shipped("ph_all_blinatumomab"))
    process = compile_process(model.with_start({"stem": 6e4, "progenitor": 1.2e7}), horizon_days=730)
    none_ever = probability_none(process, ["myeloid_blast", "myeloid_blast_t315i"], 730.0, ever=True)
    none_alive = probability_none(process, ["myeloid_blast", "myeloid_blast_t315i"], 730.0)
    assert 0.0 < none_ever < none_alive < 1.0


@pytest.mark.property
def test_a_burden_that_is_never_reached_raises(make_plan):
    shrinking = {"blast_growth": 1e-6}
    with pytest.raises(FitError, match="no course that presents"):
        forecast_escape(make_plan(values=shrinking, alternatives=(), draws=2, replicates=1))


@pytest.mark.property
def test_the_report_says_what_is_known_from_the_prior_only(forecasts):
    reports = identifiability(forecasts[0])
    assert len(reports) == len(forecasts[0].rates)
    assert reports[0].explained == max(report.explained for report in reports)
    assert all(abs(report.learned) < 0.2 for report in reports)
    assert confounded_pairs(forecasts[0]) == ()
    assert len(confounded_pairs(forecasts[0], above=-1.0)) == len(reports) * (len(reports) - 1) // 2
