"""A small plan: few draws, two patients, one alternative."""

import pytest

from remnant.dynamics.blueprint import shipped
from remnant.forecast.escape import forecast_escape
from remnant.forecast.plan import Alternative, Compartment, EscapePlan, PatientState


def _patient(name, share):
    known = Compartment(fraction=share)
    return PatientState(
        name=name,
        burden_cells=1e12,
        compartments={"stem": known, "progenitor": known, "myeloid": known},
    )


@pytest.fixture(scope="session")
def make_plan():
    def make(**changes):
        given = {
            "title": "two patients",
            "blueprint": shipped("ph_all_blinatumomab"),
            "patients": (_patient("S-1", 0.6), _patient("S-2", 0.0)),
            "horizon_days": 730.0,
            "draws": 40,
            "replicates": 3,
            "seed": 5,
            "alternatives": (
                Alternative(
                    name="and CD22",
                    therapy=(
                        {
                            "name": "CD22",
                            "start_day": 28,
                            "stop_day": 182,
                            "effect": [
                                {"antigen": "CD22", "phases": ["death"], "add_per_day": "blinatumomab_kill"}
                            ],
                        },
                    ),
                ),
            ),
        }
        return EscapePlan(**{**given, **changes})

    return make


@pytest.fixture(scope="session")
def forecasts(make_plan):
    return forecast_escape(make_plan())
