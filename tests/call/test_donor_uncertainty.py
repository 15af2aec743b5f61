"""P(above the donors' percentile) holds the percentile's own uncertainty: by definition, and in simulation."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from remnant.call.calls import calls
from remnant.call.donors import donor_baseline
from remnant.course.pooled import pooled_call
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import ReportedEvidence
from remnant.evidence.verbs import joint_above
from remnant.numerics.percentile_posterior import PROBABILITIES, WEIGHTS
from remnant.records.measurement import Baseline, Measurement
from remnant.records.sample import Sample

LOW, HIGH = -4.0, 6.0
Z = stats.norm.ppf(0.975)


def measurement(number, log10_value, *, sd, donor=False):
    value = 10.0**log10_value
    return Measurement(
        measurement_id=f"M{number}", patient_id=f"{'D' if donor else 'P'}{number}", sample_id=f"S{number}",
        cdna_id=f"C{number}", run_id="R1", assay_id="BAALC/ABL1", target="BAALC", control="ABL1", material="BM",
        drawn_on=dt.date(2020, 1, 1), unit="percent",
        evidence=ReportedEvidence(
            value=value, sd_log10=sd, upper_limit=None, lower_limit=None, log10_low=LOW, log10_high=HIGH
        ),
        state="quantified", reason="", estimate=value, lower=None, upper=None, comparison_lower=None,
        comparison_upper=None, upper_limit=value, point_value=value, target_copies=100.0, control_copies=2e4,
        positive_wells=3, wells=3, control_wells=2,
    )  # fmt: skip


def judged(measured, baseline):
    samples = [
        Sample(sample_id=m.sample_id, patient_id=m.patient_id, material="BM", drawn_on=m.drawn_on)
        for m in measured
    ]
    return [call for call in calls(measured, samples=samples, baselines=[baseline]) if call.role == "decides"]


def donors(rng, n, *, centre=0.9, spread=0.28, error=0.1):
    true = rng.normal(centre, spread, n)
    return [
        measurement(f"D{i}", x + e, sd=error, donor=True)
        for i, (x, e) in enumerate(zip(true, rng.normal(0, error, n), strict=True))
    ]


def brute_force(values, log10_value, *, error, sd):
    """Sum over centre, spread and the patient's level on fine grids; nothing of the package is used."""
    spreads = np.geomspace(0.03, 1.4, 150)
    percentiles = np.linspace(0.5, 5.0, 901)
    log_density = np.empty((len(spreads), len(percentiles)))
    for i, spread in enumerate(spreads):
        total = math.hypot(spread, error)
        log_density[i] = stats.norm.logpdf(values[:, None], percentiles - Z * spread, total).sum(axis=0)
    weight = np.exp(log_density - log_density.max()).sum(axis=0)
    return float(stats.norm.sf(percentiles, log10_value, sd) @ weight / weight.sum())


@pytest.mark.definition
@pytest.mark.parametrize(("n", "sd"), [(10, 0.14), (24, 0.14), (24, 0.3), (60, 0.05)])
def test_it_equals_brute_force_integration(n, sd):
    given = donors(np.random.default_rng(n), n)
    values = np.log10([m.point_value for m in given])
    baseline = donor_baseline(given)
    cutoff = math.log10(baseline.percentile_97_5)
    levels = [cutoff + step for step in (-0.4, -0.15, 0.0, 0.1, 0.3, 0.6)]
    got = judged([measurement(i, level, sd=sd) for i, level in enumerate(levels)], baseline)
    expected = [brute_force(values, level, error=0.1, sd=sd) for level in levels]
    assert [call.probability_above for call in got] == pytest.approx(expected, abs=0.006)


@pytest.mark.coverage
def test_the_stated_probability_is_the_frequency():
    """Levels flat around the cut-off, 12 donors a laboratory: stated and observed agree; a point cut-off is too sure."""
    rng = np.random.default_rng(11)
    truth = 0.9 + Z * 0.28
    stated, plugged, above = [], [], []
    for _ in range(60):
        baseline = donor_baseline(donors(rng, 12))
        level = rng.uniform(truth - 1.2, truth + 1.2, 60)
        seen = level + rng.normal(0, 0.14, 60)
        patients = [measurement(i, x, sd=0.14) for i, x in enumerate(seen)]
        stated += [call.probability_above for call in judged(patients, baseline)]
        plugged += [
            call.probability_above for call in judged(patients, replace(baseline, percentile_nodes=()))
        ]
        above += list(level > truth)
    stated, plugged, above = np.array(stated), np.array(plugged), np.array(above)
    assert stated.mean() == pytest.approx(above.mean(), abs=0.03)
    for low, high, within in ((0.0, 0.05, 0.02), (0.05, 0.5, 0.12), (0.5, 0.95, 0.12), (0.95, 1.0, 0.02)):
        chosen = (stated >= low) & (stated <= high)
        assert above[chosen].mean() == pytest.approx(stated[chosen].mean(), abs=within)
    sure = (plugged > 0.9) & (plugged < 0.999)
    assert above[sure].mean() < plugged[sure].mean() - 0.02


def test_words_and_json_say_what_is_inside():
    rng = np.random.default_rng(4)
    baseline = donor_baseline(donors(rng, 20))
    one = measurement(1, math.log10(baseline.percentile_97_5) + 0.1, sd=0.14)
    (call,) = judged([one], baseline)
    assert call.uncertainty == "measurement and the cut-off of 20 donors"
    assert "the donors' own uncertainty inside" in call.reason
    assert 0.05 < call.threshold_sd_log10 < 0.3
    assumed = replace(baseline, percentile_nodes=(), method="assumed", samples=())
    (call,) = judged([one], assumed)
    assert call.uncertainty == "measurement; the assumed cut-off is taken as it stands"
    assert (call.threshold_sd_log10, "taken as it stands" in call.reason) == (0.0, True)
    published = replace(one, target="WT1", assay_id="WT1/ABL1", unit="per_1e4")
    (call,) = judged([published], baseline)
    assert (call.uncertainty, call.threshold_sd_log10) == ("measurement", 0.0)
    assert "uncertainty" not in call.reason


def test_the_verdict_stays_the_point_rule():
    baseline = donor_baseline(donors(np.random.default_rng(4), 20))
    cutoff = math.log10(baseline.percentile_97_5)
    got = judged([measurement(0, cutoff - 0.01, sd=0.14), measurement(1, cutoff + 0.01, sd=0.14)], baseline)
    assert [call.verdict for call in got] == ["not above", "above"]


def test_a_pooled_day_is_averaged_over_the_same_posterior():
    baseline = donor_baseline(donors(np.random.default_rng(4), 20))
    one = measurement(1, math.log10(baseline.percentile_97_5) + 0.1, sd=0.14)
    (call,) = judged([one], baseline)
    again = pooled_call(one, [call], borderline=(0.05, 0.95), donors=baseline)
    assert again.probability_above == pytest.approx(call.probability_above, abs=1e-9)
    assert again.reason == call.reason


@pytest.mark.definition
def test_a_joint_probability_widens_by_the_cut_off_as_by_an_error_of_the_measurement():
    def batch(sd):
        return EvidenceBatch.of([measurement(1, 1.0, sd=sd).evidence])

    wide, narrow = math.hypot(0.14, 0.2), 0.14
    plain = joint_above(batch(wide), batch(narrow), 12.0, 8.0)
    nodes = 12.0 * 10.0 ** (0.2 * stats.norm.ppf(PROBABILITIES))[None]
    limits = joint_above(
        batch(narrow), batch(narrow), nodes, np.array([[8.0]]), limit_weights=(WEIGHTS, np.ones(1))
    )
    assert limits.both[0] == pytest.approx(plain.both[0], abs=5e-4)
    assert limits.second[0] == pytest.approx(plain.second[0], abs=1e-6)


def test_nodes_are_those_of_the_baseline_in_its_unit():
    baseline: Baseline = donor_baseline(donors(np.random.default_rng(4), 20))
    assert len(baseline.percentile_nodes) == len(PROBABILITIES)
    assert baseline.percentile_nodes[0] < baseline.percentile_97_5 < baseline.percentile_nodes[-1]
