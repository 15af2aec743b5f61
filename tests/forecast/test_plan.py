"""A plan is read whole or refused whole; a compartment's state is what was counted."""

import numpy as np
import pytest
from scipy import stats

from remnant.errors import FileFormatError, InputError
from remnant.forecast.plan import Compartment, PatientState, read_plan

GOOD = """
title = "one patient"
model = "ph_all_blinatumomab"
horizon_days = 365
draws = 4
replicates = 1
[values]
stem_pool = 2e5
[[patient]]
name = "S-1"
burden_cells = 1e12
[patient.compartment]
stem = { positive = 3, scored = 60, prior_involved = 0.4 }
progenitor = { fraction = 0.5 }
myeloid = { positive = 0, scored = 200, prior_involved = 0.4 }
[[therapy]]
name = "TKI"
start_day = 0
stop_day = 365
effect = [{ antigen = "native kinase", phases = ["death"], add_per_day = "tki_blast_kill" }]
[[alternative]]
name = "second"
[[alternative.therapy]]
name = "anti-CD22"
start_day = 10
stop_day = 40
effect = [{ antigen = "CD22", phases = ["death"], add_per_day = 0.2 }]
"""


@pytest.mark.property
def test_a_plan_is_read(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(GOOD, encoding="utf-8")
    plan = read_plan(path)
    assert plan.patients[0].compartments["stem"].involved_probability == 1.0
    assert plan.therapy[0]["name"] == "TKI"
    assert plan.alternatives[0].name == "second"
    assert plan.values == {"stem_pool": 2e5}


@pytest.mark.property
def test_an_alternative_may_name_options_of_the_model(tmp_path):
    path = tmp_path / "plan.toml"
    text = GOOD + '\n[[alternative]]\nname = "third"\noptions = ["stem-cell antigen", "anti-CD22"]\n'
    path.write_text(text, encoding="utf-8")
    third = read_plan(path).alternatives[1]
    assert [row["name"] for row in third.therapy] == ["stem-cell antigen", "anti-CD22"]
    path.write_text(text.replace('"anti-CD22"]', '"anti-CD99"]'), encoding="utf-8")
    with pytest.raises(InputError, match="anti-CD99"):
        read_plan(path)


@pytest.mark.property
def test_a_bad_plan_is_refused_with_all_its_problems(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        """
colour = 1
[[patient]]
name = "S-1"
sex = "f"
[patient.compartment]
stem = { positive = 3 }
[[alternative]]
name = "x"
[[therapy]]
name = "y"
dose = 1
""",
        encoding="utf-8",
    )
    with pytest.raises(FileFormatError) as caught:
        read_plan(path)
    text = str(caught.value)
    for part in (
        "no model",
        "no horizon_days",
        "unknown key colour",
        "unknown key sex",
        "no burden_cells",
        "need fraction, or positive",
        "alternative 1: neither therapy nor options",
        "therapy 1: no start_day",
        "unknown key dose",
    ):
        assert part in text
    path.write_text("= 1", encoding="utf-8")
    with pytest.raises(FileFormatError, match="TOML"):
        read_plan(path)


@pytest.mark.property
def test_a_compartment_that_was_not_examined_is_never_taken_as_negative(make_plan):
    patient = PatientState(
        name="S-9",
        burden_cells=1.0,
        compartments={"stem": Compartment(fraction=0.0), "T": Compartment(fraction=0.0)},
    )
    with pytest.raises(InputError) as caught:
        make_plan(patients=(patient,), draws=1)
    text = str(caught.value)
    for part in (
        "no state of progenitor",
        "no state of myeloid",
        "unknown compartment T",
        "burden of 1",
        "fewer than two",
    ):
        assert part in text


@pytest.mark.definition
def test_involvement_after_no_positive_cell():
    """Uniform share where involved: P(0 of n | involved) = 1 / (n + 1)."""
    seen = Compartment(positive=0, scored=60, prior_involved=0.4)
    assert seen.involved_probability == pytest.approx(0.4 / 61 / (0.4 / 61 + 0.6))
    draws = seen.sample(200_000, np.random.default_rng(1))
    assert (draws > 0).mean() == pytest.approx(seen.involved_probability, abs=0.001)
    counted = Compartment(positive=12, scored=60, prior_involved=0.4).sample(50_000, np.random.default_rng(2))
    assert stats.kstest(counted, stats.beta(13, 49).cdf).pvalue > 1e-3


@pytest.mark.property
def test_draws_of_a_joint_posterior_are_taken_as_they_are():
    given = np.array([0.0, 0.2, 0.4, 0.4])
    compartment = Compartment(draws=given)
    assert compartment.involved_probability == 0.75
    assert set(compartment.sample(500, np.random.default_rng(0))) == {0.0, 0.2, 0.4}
    with pytest.raises(InputError, match="not examined"):
        Compartment()
    with pytest.raises(InputError):
        Compartment(fraction=1.2)
