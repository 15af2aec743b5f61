"""From measurements to the patient's course: order, headline, probabilities beside the verdict, the nadir."""

import importlib.util
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from remnant.course.next_sample import next_samples
from remnant.course.standing import state_text
from remnant.course.worklist import worklist
from remnant.numerics.nadir import lowest_level
from remnant.records.dossier import Dossier
from remnant.records.patient import Patient

_SPEC = importlib.util.spec_from_file_location(
    "vignette_reader", Path(__file__).with_name("vignette_reader.py")
)
reader = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reader)
CASES = {case.id: case for case in reader.vignettes()}


@pytest.mark.property
@pytest.mark.parametrize(
    "name", ["both-suspected-blood-early-for-itself", "persistence-rises", "mr45-needs-copies"]
)
def test_the_order_of_import_does_not_matter(name):
    def shuffled(items):
        random.Random(3).shuffle(items)  # noqa: S311  a test, no cipher
        return items

    assert reader.concluded(CASES[name])[1] == reader.concluded(CASES[name], order=shuffled)[1]


def test_a_course_grows_by_its_new_sample_only():
    case = CASES["persistence-rises"]
    whole = reader.concluded(case)[1].mrd
    assert reader.concluded(case, chosen=range(3))[1].mrd == whole[:3]


@pytest.mark.parametrize(
    ("name", "headline", "urgency"),
    [
        (
            "relapse-confirmed-in-window",
            (
                "NPM1 confirmed molecular relapse since 22 April 2021 (ELN 2021, BM). No overt relapse. "
                "Rule not verified: NPM1 ELN 2021."
            ),
            2,
        ),
        (
            "day-before-window",
            (
                "NPM1 suspected relapse on 1 April 2021, not yet confirmed (ELN 2021, BM). No overt relapse. "
                "Rule not verified: NPM1 ELN 2021."
            ),
            2,
        ),
        (
            "ph-complete-molecular-response",
            (
                "BCR-ABL1 negative since 1 January 2021 (Ph+ ALL MRD, BM). No overt relapse. "
                "Rule not verified: BCR-ABL1 Ph+ ALL MRD."
            ),
            0,
        ),
        (
            "only-failures",
            (
                "NPM1 not evaluable. No overt relapse. Repeat NPM1: the last sample (BM, 31 January 2021) is not evaluable. "
                "Rule not verified: NPM1 ELN 2021."
            ),
            1,
        ),
        (
            "overt-relapse-after-confirmed",
            (
                "NPM1 confirmed molecular relapse since 22 April 2021 (ELN 2021, BM). Overt relapse on 10 June 2021 "
                "(BM blasts 38 %), 49 days after confirmed molecular relapse (22 April 2021). "
                "Rule not verified: NPM1 ELN 2021."
            ),
            2,
        ),
    ],
)
def test_the_headline_speaks_of_the_leukaemia_specific_marker(name, headline, urgency):
    course = reader.concluded(CASES[name])[1]
    assert course.headline == headline
    assert course.urgency == urgency


def test_a_marker_without_rule_set_is_said():
    case = replace(CASES["stays-negative"], disease="CLL")
    course = reader.concluded(case)[1]
    assert course.mrd == ()
    assert course.headline.startswith("NPM1 was measured, but no rule set decides it.")


def test_a_suspected_relapse_stands_on_the_worklist_with_its_day():
    course = reader.concluded(CASES["day-before-window"])[1]
    [row] = worklist([course], reader.on(200))
    assert row.confirm_by == reader.on(118)
    assert row.overdue_days == 82
    assert row.last_sample_on == reader.on(103)
    assert "suspected relapse" in row.reason


def test_the_state_asks_by_its_own_rule_and_all_faces_name_the_same_day():
    course = reader.concluded(CASES["day-before-window"])[1]
    case = Dossier(patient=Patient(patient_id=course.patient_id, diagnosis="AML"), course=course)
    (asked,) = next_samples([case], reader.on(200))
    (by_state,) = [plan for plan in asked.plans if plan.rule_id == "state"]
    assert by_state.due_on == asked.due_on == course.next_sample_by == reader.on(118)
    assert (
        by_state.reason == "Next sample by 29 April 2021 by the rule of its state (NPM1 suspected relapse)."
    )
    [row] = worklist([course], reader.on(200), following=[asked])
    assert (row.confirm_by, row.overdue_days) == (asked.due_on, asked.overdue_days) == (reader.on(118), 82)
    late = "overdue since 29 April 2021, 82 days."
    assert row.reason.endswith(late)
    assert asked.sentence == f"Next sample {late}"


def test_a_state_says_rule_samples_and_what_would_change_it():
    point = reader.concluded(CASES["low-level-rises-one-log"])[1].mrd[-1]
    assert point.samples == ("low-level-rises-one-log-+0-BM", "low-level-rises-one-log-+20-BM")
    assert (point.rule_id, point.rule_status) == ("eln2021.rise.low_level", "unverified")
    assert (
        point.would_change
        == "a second sample from 4 February 2021 to 18 February 2021: positive confirms, negative refutes"
    )
    assert state_text(point) == "suspected relapse, borderline, confirm by 2021-02-18"
    assert point.rise_log10 == pytest.approx(np.log10(12))
    assert 0.3 < point.probability_step < 0.95
    assert "P(at least 1 log10 over the nadir)" in point.reason


def test_a_probability_never_changes_the_verdict_but_may_ask_for_a_sample():
    below = reader.concluded(CASES["ninefold-is-not-one-log"])[1].mrd[-1]
    exact = reader.concluded(CASES["exactly-one-log"])[1].mrd[-1]
    assert (below.state, exact.state) == ("low level", "suspected relapse")
    assert abs(below.probability_step - exact.probability_step) < 0.1
    assert below.confirm_by is not None


def test_at_overt_relapse_nothing_is_to_be_confirmed():
    assert reader.concluded(CASES["overt-relapse-from-suspicion"])[1].mrd[-1].confirm_by is None


# --- nadir ------------------------------------------------------------------------------------------------

SPREADS = np.array([0.0, 0.15, 0.3, 0.6, 1.2])


def sampled_nadir(value, sd, *, present, present_sd, step, rng, n=200_000):
    """The definition by simulation: spread, centre, levels, their lowest."""
    weights, lows = [], []
    for spread in SPREADS:
        variance = sd**2 + spread**2
        total = (1 / variance).sum()
        centre = (value / variance).sum() / total
        weights.append(
            -0.5 * (np.log(variance) + (value - centre) ** 2 / variance).sum() - 0.5 * np.log(total)
        )
        mu = centre + rng.standard_normal(n) / np.sqrt(total)
        mean = (spread**2 * value + sd**2 * mu[:, None]) / variance
        levels = mean + sd * spread / np.sqrt(variance) * rng.standard_normal((n, len(value)))
        lows.append(mu if spread == 0 else levels.min(axis=1))
    weight = np.exp(np.array(weights) - max(weights))
    weight /= weight.sum()
    reached = [ndtr((present - step - low) / present_sd).mean() for low in lows]
    order = np.argsort(np.concatenate(lows))
    below = np.cumsum(np.repeat(weight / n, n)[order])
    return float(weight @ reached), np.interp([0.025, 0.5, 0.975], below, np.concatenate(lows)[order])


@pytest.mark.definition
@pytest.mark.parametrize("k", [1, 3, 12])
def test_the_nadir_equals_its_definition_by_simulation(k):
    rng = np.random.default_rng(k)
    value, sd = rng.normal(0.0, 0.4, k), rng.uniform(0.15, 0.35, k)
    got = lowest_level(
        value[None],
        sd[None],
        present=np.array([0.9]),
        present_sd=np.array([0.25]),
        step=np.array([1.0]),
        spreads=SPREADS,
    )
    probability, ends = sampled_nadir(value, sd, present=0.9, present_sd=0.25, step=1.0, rng=rng)
    assert got.probability[0] == pytest.approx(probability, abs=0.01)
    assert [got.lower[0], got.median[0], got.upper[0]] == pytest.approx(ends, abs=0.03)


@pytest.mark.coverage
def test_stable_courses_look_like_relapse_by_the_smallest_value_and_rarely_by_the_nadir():
    """Twelve stable samples with SD .35: the smallest value gives a 1-log rise in half, the posterior P > .95 in under 1 %."""
    rng = np.random.default_rng(7)
    n, k, sd = 600, 12, 0.35
    value = rng.normal(0.0, sd, (n, k))
    by_value, by_nadir = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for j in range(1, k):
        present = value[:, j]
        by_value |= present - value[:, :j].min(axis=1) >= 1.0
        found = lowest_level(
            value[:, :j],
            np.full((n, j), sd),
            present=present,
            present_sd=np.full(n, sd),
            step=np.ones(n),
            spreads=SPREADS,
        )
        by_nadir |= found.probability > 0.95
    assert 0.40 < by_value.mean() < 0.65
    assert by_nadir.mean() < 0.01
