"""From measurements to the patient's course: order, headline, probabilities beside the verdict, the nadir."""

import importlib.util
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from remnant.course.mrd_standing import mrd_seen_before
from remnant.course.next_sample import next_samples
from remnant.course.standing import state_text
from remnant.course.worklist import worklist
from remnant.numerics.nadir import Readings, lowest_level
from remnant.records.dossier import Dossier
from remnant.records.measurement import Measurement
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
                "Overt relapse on 10 June 2021 (BM blasts 38 %), 49 days after confirmed molecular relapse (22 April 2021). "
                "NPM1 confirmed molecular relapse since 22 April 2021 (ELN 2021, BM). "
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


def test_leukaemia_that_was_there_all_along_is_not_called_a_relapse_without_warning():
    points = reader.concluded(CASES["persistence-rises"])[1].mrd
    positive = [replace(p, state="persistence", predictor=True) for p in points]
    last = max(p.drawn_on for p in points)
    relapse = last + timedelta(days=300)
    assert [p.drawn_on for p in mrd_seen_before(positive, relapse)] == [last]
    assert mrd_seen_before([replace(p, state="negative") for p in points], relapse) == []
    assert mrd_seen_before([replace(p, predictor=False) for p in positive], relapse) == []
    assert mrd_seen_before(positive, min(p.drawn_on for p in points)) == []


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


def asked(value, sd, *, present, present_sd, step, name=None, named_sd=None):
    """Lowest level of one row of samples, the present one last."""
    k = len(value)
    readings = Readings(
        value=np.append(value, present),
        sd=np.append(sd, present_sd),
        name=np.zeros((k + 1, 0), dtype=np.int64) if name is None else np.array(name),
        named_sd=np.zeros((k + 1, 0)) if named_sd is None else np.array(named_sd),
    )
    return lowest_level(readings, np.arange(k)[None], np.array([k]), step=np.array([step]), spreads=SPREADS)


def sampled_nadir(value, sd, *, present, present_sd, step, rng, named=(), n=400_000):
    """The definition by simulation: errors drawn by name; levels and errors together given the values.

    `named` holds the draws: what each moves the samples, the present one last.
    """
    k = len(value)
    everything = np.append(sd, present_sd)
    named = np.array(named).reshape(-1, k + 1)
    # Unknowns: centre, level of each sample, each named draw, the rest of each error.
    weights, found, rises = [], [], []
    for spread in SPREADS:
        parts = 1 + k + len(named) + k + 1
        prior = np.diag(
            np.concatenate(
                [
                    [1e2**2],
                    np.full(k, max(spread, 1e-3) ** 2),
                    np.ones(len(named)),
                    everything**2 - (named**2).sum(axis=0),
                ]
            )
        )
        to_level, to_error = np.zeros((k, parts)), np.zeros((k + 1, parts))
        to_level[:, 0], to_level[:, 1 : k + 1] = 1.0, np.eye(k)
        to_error[:, k + 1 : k + 1 + len(named)] = named.T
        to_error[:, k + 1 + len(named) :] = np.eye(k + 1)
        seen = to_level + to_error[:k]
        gain = prior @ seen.T @ np.linalg.inv(seen @ prior @ seen.T)
        mean, left = gain @ value, prior - gain @ seen @ prior
        weights.append(stats.multivariate_normal.logpdf(value, cov=seen @ prior @ seen.T))
        wanted = np.vstack([to_level, to_error[k:]])
        drawn = rng.multivariate_normal(
            wanted @ mean, wanted @ left @ wanted.T, n, check_valid="ignore", method="eigh"
        )
        found.append(drawn[:, :k].min(axis=1))
        rises.append((present - drawn[:, k] - found[-1] >= step).mean())
    weight = np.exp(np.array(weights) - max(weights))
    weight /= weight.sum()
    lows = np.concatenate(found)
    order = np.argsort(lows)
    below = np.cumsum(np.repeat(weight / n, n)[order])
    return float(weight @ rises), np.interp([0.025, 0.5, 0.975], below, lows[order])


@pytest.mark.definition
@pytest.mark.parametrize("k", [1, 3, 12])
def test_the_nadir_equals_its_definition_by_simulation(k):
    rng = np.random.default_rng(k)
    value, sd = rng.normal(0.0, 0.4, k), rng.uniform(0.15, 0.35, k)
    case = {"present": 0.9, "present_sd": 0.25, "step": 1.0}
    got = asked(value, sd, **case)
    probability, ends = sampled_nadir(value, sd, **case, rng=rng)
    assert got.probability[0] == pytest.approx(probability, abs=0.006)
    assert [got.lower[0], got.median[0], got.upper[0]] == pytest.approx(ends, abs=0.025)


NAMED = {
    "one run for all": [[0.2, 0.2, 0.2, 0.2, 0.2]],
    "a run of two, and one with the present": [[0.2, 0.2, 0, 0, 0], [0, 0, 0, 0.25, 0.25]],
    "curves of different size, crosswise with a run": [[0.2, 0.1, 0.05, 0, 0.2], [0, 0, 0.15, 0.15, 0]],
    "the present apart": [[0.2, 0.2, 0.2, 0.2, 0]],
}


@pytest.mark.definition
@pytest.mark.parametrize("which", NAMED)
def test_the_nadir_with_shared_errors_equals_its_definition_by_simulation(which):
    named = np.array(NAMED[which], dtype=float)
    value, sd = np.array([0.1, -0.3, 0.2, 0.4]), np.array([0.3, 0.25, 0.28, 0.3])
    case = {"present": 0.8, "present_sd": 0.3, "step": 0.9}
    got = asked(value, sd, **case, name=np.where(named.T > 0, np.arange(len(named)), -1), named_sd=named.T)
    probability, ends = sampled_nadir(value, sd, **case, named=named, rng=np.random.default_rng(4))
    assert got.probability[0] == pytest.approx(probability, abs=0.006)
    assert [got.lower[0], got.median[0], got.upper[0]] == pytest.approx(ends, abs=0.025)


@pytest.mark.property
def test_an_error_that_all_samples_share_widens_the_nadir_and_leaves_the_rise_alone():
    value, sd = np.array([0.1, -0.2, 0.3]), np.full(3, 0.25)
    case = {"present": 1.0, "step": 0.9}
    alone = asked(value, sd, present_sd=0.25, **case)
    wider = float(np.hypot(0.25, 0.3))
    together = asked(
        value, np.full(3, wider), present_sd=wider, **case,
        name=np.zeros((4, 1), dtype=np.int64), named_sd=np.full((4, 1), 0.3),
    )  # fmt: skip
    apart = asked(value, np.full(3, wider), present_sd=wider, **case)
    assert together.probability[0] == pytest.approx(alone.probability[0], abs=0.004)
    assert abs(apart.probability[0] - alone.probability[0]) > 0.02
    assert together.upper[0] - together.lower[0] > 1.3 * (alone.upper[0] - alone.lower[0])


def test_the_nadir_of_a_course_knows_which_samples_one_run_measured():
    def in_one_run(items):
        return [renamed(item) if isinstance(item, Measurement) else item for item in items]

    def renamed(m):
        terms = tuple(
            replace(e, name="run:ALL") if e.name.startswith("biology:") else e for e in m.evidence.errors
        )
        return replace(m, evidence=replace(m.evidence, errors=terms))

    case = CASES["persistence-rises"]
    apart, together = reader.concluded(case)[1].mrd, reader.concluded(case, order=in_one_run)[1].mrd
    assert [p.state for p in apart] == [p.state for p in together]
    assert together[-1].probability_step > apart[-1].probability_step > 0.5


@pytest.mark.coverage
def test_stable_courses_look_like_relapse_by_the_smallest_value_and_rarely_by_the_nadir():
    """Twelve stable samples with SD .35: the smallest value gives a 1-log rise in half, the posterior P > .95 in under 1 %."""
    rng = np.random.default_rng(7)
    n, k, sd = 600, 12, 0.35
    value = rng.normal(0.0, sd, (n, k))
    nameless = np.zeros((n * k, 0), dtype=np.int64)
    readings = Readings(value.ravel(), np.full(n * k, sd), nameless, np.zeros((n * k, 0)))
    place = np.arange(n * k).reshape(n, k)
    by_value, by_nadir = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for j in range(1, k):
        by_value |= value[:, j] - value[:, :j].min(axis=1) >= 1.0
        found = lowest_level(readings, place[:, :j], place[:, j], step=np.ones(n), spreads=SPREADS)
        by_nadir |= found.probability > 0.95
    assert 0.40 < by_value.mean() < 0.65
    assert by_nadir.mean() < 0.01
