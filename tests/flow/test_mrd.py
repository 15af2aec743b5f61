"""Statements about residual cells: limits, states, sufficiency, and intervals that cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from remnant.assay.flow.mrd import haemodilution, mrd_evidence, mrd_interval, mrd_statement
from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import interval
from remnant.knowledge.flow import flow_rules
from remnant.numerics.count_background import (
    CountBackground,
    count_background,
    detectable_mean,
    quantifiable_mean,
    upper_count,
)
from remnant.records.flow import ReferenceTube


def said(k, n=1_000_000, **more):
    settings = {"gate": "LAIP", "denominator": "CD45+", "lesion": "AML", "rules": flow_rules()} | more
    return mrd_statement(k, n, **settings)


CONTROLS = [ReferenceTube(name=f"C{k}", events=k, denominator=1_000_000) for k in (0, 2, 1, 3, 2, 1)]


@pytest.mark.published
def test_counting_limits_are_those_of_poisson_usage():
    """Poisson usage: 20 and 50 events among 500,000 are 0.004 % and 0.010 %; none is below 3.09 events (FC table VI)."""
    found = said(0, 500_000)
    assert found.limit_of_detection == pytest.approx(4e-5)
    assert found.limit_of_quantification == pytest.approx(1e-4)
    assert found.upper == pytest.approx(3.09 / 500_000, rel=0.005)


@pytest.mark.parametrize(
    ("k", "state"), [(0, "not detected"), (10, "detected"), (30, "detected"), (60, "quantified")]
)
def test_the_four_states_keep_their_evidence(k, state):
    found = said(k)
    assert found.state == state
    assert (found.lower is None) == (found.estimate is None) == (state == "not detected")
    assert found.upper > 0
    assert found.evidence.k == k


@pytest.mark.property
@pytest.mark.parametrize("spread", [(9,) * 6, (2, 30, 9, 0, 14, 5), (200, 350, 90, 160, 240, 310)])
def test_detected_and_a_lower_end_above_zero_say_the_same(spread):
    controls = [ReferenceTube(name=f"C{k}", events=k, denominator=1_000_000) for k in spread]
    limit = said(0, controls=controls).limit_of_blank_events
    below, above = said(limit, controls=controls), said(limit + 1, controls=controls)
    assert (below.state, below.lower, below.estimate) == ("not detected", None, None)
    assert above.state == "detected"
    assert 0 < above.lower < above.estimate < above.upper
    assert above.upper > below.upper > 0


def test_a_recall_that_few_cells_tell_widens_the_interval():
    known, vague = said(400, recall=0.5), said(400, recall=0.5, recall_dispersion=0.04)
    assert known.estimate == pytest.approx(800e-6, rel=1e-4)
    assert vague.lower < known.lower < known.upper < vague.upper


def test_an_interval_ends_at_the_whole():
    assert said(99_999, 100_000).upper == 1.0


def test_background_raises_every_limit_and_is_told():
    clean, dirty = said(12), said(12, controls=[ReferenceTube(name="C", events=9, denominator=1_000_000)] * 6)
    assert clean.state == "detected"
    assert dirty.state == "not detected"
    assert dirty.limit_of_detection >= clean.limit_of_detection
    assert dirty.limit_of_quantification > clean.limit_of_quantification
    assert {finding.code for finding in clean.findings} == {"flow.no_background"}
    assert {f.code for f in said(0, controls=CONTROLS[:2]).findings} == {"flow.few_controls"}


def test_a_negative_needs_the_cells_of_its_rule_set():
    enough = {"CD45+": 600_000, "blast compartment": 150}
    assert said(0, cells=enough, controls=CONTROLS).negative_allowed == ("AML",)
    assert said(0, cells=enough | {"CD45+": 400_000}).negative_allowed == ()
    assert said(0, cells={"CD45+": 600_000}).negative_allowed == ()
    assert said(90, cells=enough).negative_allowed == ()
    few = said(0, cells={"nucleated cells": 83_411}, lesion="ALL").sufficiency
    assert [(one.needed, one.met) for one in few] == [(4_000_000, False)]


def test_haemodilution_is_suspected_seen_or_not_assessed():
    rules = flow_rules()
    assert haemodilution(None, 100, rules).verdict == "not assessed"
    assert haemodilution(1, 100_000, rules).verdict == "suspected"
    assert haemodilution(500, 100_000, rules).verdict == "not seen"


@pytest.mark.parametrize(("k", "n"), [(5, 4), (0, 0), (-1, 10)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(MeasurementError):
        mrd_evidence(k, n, background=CountBackground(0.0, 0.0))
    with pytest.raises(MeasurementError):
        count_background([], [], fewest=5, assumed_dispersion=0.2)


@pytest.mark.definition
@given(mean=st.floats(0.5, 200), dispersion=st.floats(0.001, 2.0), probability=st.sampled_from([0.9, 0.95]))
def test_the_limit_of_blank_is_the_smallest_count_that_blanks_rarely_exceed(mean, dispersion, probability):
    limit = upper_count(mean, dispersion, probability=probability)
    law = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
    assert law.sf(limit) <= 1 - probability
    assert limit == 0 or law.sf(limit - 1) > 1 - probability


@pytest.mark.definition
def test_a_signal_at_the_limit_of_detection_is_seen_in_95_percent_by_simulation():
    rng = np.random.default_rng(4)
    mean, dispersion = 6.0, 0.3
    limit = upper_count(mean, dispersion, probability=0.95)
    signal = detectable_mean(mean, dispersion, limit=limit, probability=0.95)
    blank = rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, 40_000))
    assert np.mean(blank + rng.poisson(signal, 40_000) > limit) == pytest.approx(0.95, abs=0.01)


def test_the_limit_of_quantification_has_the_variation_of_its_events():
    signal = quantifiable_mean(30.0, 0.2, events=50)
    assert np.sqrt(signal + 30 + 0.2 * 900) / signal == pytest.approx(1 / np.sqrt(50))


def test_overdispersed_controls_are_seen_as_such():
    rng = np.random.default_rng(8)
    rate = rng.gamma(2.0, 0.5, 200)
    found = count_background(rng.poisson(20 * rate), np.full(200, 1e6), fewest=5, assumed_dispersion=0.0)
    assert found.rate == pytest.approx(2e-5, rel=0.15)
    assert found.dispersion == pytest.approx(0.5, rel=0.3)
    even = count_background(rng.poisson(20, 200), np.full(200, 1e6), fewest=5, assumed_dispersion=0.0)
    assert even.dispersion < 0.02


@pytest.mark.coverage
@pytest.mark.parametrize(("dispersion", "controls"), [(1.0, 5), (0.25, 5), (0.25, 10)])
def test_few_controls_give_a_limit_that_new_blanks_rarely_exceed(dispersion, controls):
    """The spread between few controls is itself uncertain; taken as known, 11 % of new blanks are called."""
    rng = np.random.default_rng(7)

    def blanks(size):
        return rng.poisson(200 * rng.gamma(1 / dispersion, dispersion, size))

    called = []
    for _ in range(150):
        found = count_background(blanks(controls), np.full(controls, 1e5), fewest=5, assumed_dispersion=0.25)
        limit = upper_count(1e5 * found.rate, found.dispersion, probability=0.95)
        called.append(np.mean(blanks(400) > limit))
    error = np.std(called, ddof=1) / np.sqrt(len(called))
    assert np.mean(called) < 0.06 + 2 * error


@pytest.mark.coverage
def test_statements_cover_where_the_background_follows_another_law():
    """Log-normal backgrounds learned from ten controls: the interval assumes a gamma law, and knows neither moment."""
    rng = np.random.default_rng(10)
    n, signals, spread = 1_000_000, (0.0, 4.0, 12.0, 40.0), 0.6
    covered = []
    for _ in range(60):
        rates = 15 * np.exp(rng.normal(-(spread**2) / 2, spread, 10 + len(signals)))
        found = count_background(rng.poisson(rates[:10]), np.full(10, n), fewest=5, assumed_dispersion=0.25)
        for signal, rate in zip(signals, rates[10:], strict=True):
            bounds = mrd_interval(int(rng.poisson(rate + signal)), n, background=found)
            covered.append(bounds.lower <= signal / n <= bounds.upper)
    assert 0.92 <= np.mean(covered) <= 0.985


@pytest.mark.coverage
@pytest.mark.parametrize("share", [1e-5, 1e-4, 1e-3])
def test_intervals_cover_the_share_above_a_known_background(share):
    rng = np.random.default_rng(9)
    n, background = 1_000_000, CountBackground(8e-6, 0.15)
    blank = n * background.rate * rng.gamma(1 / 0.15, 0.15, 2000)
    k = rng.poisson(blank + n * share)
    kinds, counts = np.unique(k // (1 + k // 100) * (1 + k // 100), return_counts=True)
    bounds = interval(EvidenceBatch.of([mrd_evidence(int(one), n, background=background) for one in kinds]))
    covered = np.average((bounds.lower <= share) & (share <= bounds.upper), weights=counts)
    assert 0.92 <= covered <= 0.985
