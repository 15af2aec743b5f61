"""Errors that donors share with each other and with a patient: by definition, by invariance and in simulation."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from remnant.call.calls import calls
from remnant.call.donor_likelihood import donors_of
from remnant.call.donors import donor_baseline
from remnant.course.pooled import pooled_call
from remnant.evidence.kinds import ErrorTerm, ReportedEvidence
from remnant.numerics.percentile_posterior import spread_log10
from remnant.records.measurement import Measurement
from remnant.records.sample import Sample

Z = stats.norm.ppf(0.975)
LINE = "curve:laboratory:BAALC"


def measurement(number, log10_value, *, sd, errors=()):
    value = 10.0**log10_value
    return Measurement(
        measurement_id=f"M{number}", patient_id=f"P{number}", sample_id=f"S{number}", cdna_id=f"C{number}",
        run_id="R1", assay_id="BAALC/ABL1", target="BAALC", control="ABL1", material="BM",
        drawn_on=dt.date(2020, 1, 1), unit="percent",
        evidence=ReportedEvidence(
            value=value, sd_log10=sd, upper_limit=None, lower_limit=None, log10_low=-6.0, log10_high=8.0,
            errors=tuple(ErrorTerm(name=name, sd_log10=size) for name, size in errors),
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


def laboratory(rng, *, runs, each, line=0.0, run=0.0, error=0.12, spread=0.28):
    """Donors of one laboratory, its line's error, and each run's."""
    names = [f"run:R{k}" for k in range(runs)]
    drawn = {LINE: line * rng.normal(), **{name: run * rng.normal() for name in names}}
    found = []
    for k, name in enumerate(names):
        for i in range(each):
            seen = rng.normal(0.9, spread) + drawn[LINE] + drawn[name] + rng.normal(0, error)
            named = [(n, s) for n, s in ((LINE, line), (name, run)) if s]
            found.append(measurement(f"D{k}-{i}", seen, sd=error, errors=named))
    return found, drawn


def brute_force(groups, levels, *, line, run, error, sd, run_of_patient):
    """Sum over spread, percentile, the line's draw and every run's draw; nothing of the package is used."""
    z = np.linspace(-4, 4, 33)
    weight = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
    percentiles = np.linspace(-0.5, 4.0, 181)
    spreads = np.geomspace(0.06, 1.2, 30)
    log_density = np.zeros((len(spreads), len(z), len(percentiles)))
    for i, spread in enumerate(spreads):
        total = math.hypot(spread, error)
        shifted = (percentiles - Z * spread + line * z[:, None])[..., None] + run * z
        for values in groups:
            squares = len(values) * (np.mean(values) - shifted) ** 2 + len(values) * np.var(values)
            fit = -0.5 * squares / total**2 - len(values) * math.log(total)
            log_density[i] += np.log(np.exp(fit) @ weight + 1e-300)
    density = np.exp(log_density - log_density.max()).sum(axis=0) * weight[:, None]
    density /= density.sum()
    scale = math.hypot(sd, run_of_patient)
    return [float((density * stats.norm.sf(percentiles, x - line * z[:, None], scale)).sum()) for x in levels]


@pytest.mark.definition
@pytest.mark.parametrize(
    ("line", "run", "runs"), [(0.3, 0.0, 1), (0.0, 0.1, 3), (0.25, 0.1, 3), (0.2, 0.25, 2)]
)
def test_it_equals_brute_force_integration(line, run, runs):
    given, _ = laboratory(np.random.default_rng(7), runs=runs, each=24 // runs, line=line, run=run)
    each = 24 // runs
    values = [math.log10(m.point_value) for m in given]
    baseline = donor_baseline(given)
    cutoff = math.log10(baseline.percentile_97_5)
    levels = [cutoff + step for step in (-0.4, -0.1, 0.1, 0.3, 0.6)]
    named = [(name, size) for name, size in ((LINE, line), ("run:elsewhere", run)) if size]
    got = judged([measurement(i, level, sd=0.14, errors=named) for i, level in enumerate(levels)], baseline)
    groups = [values[i : i + each] for i in range(0, 24, each)]
    about = {"line": line, "run": run, "error": 0.12, "sd": 0.14, "run_of_patient": run}
    expected = brute_force(groups, levels, **about)
    assert [call.probability_above for call in got] == pytest.approx(expected, abs=0.003)


@pytest.mark.definition
@pytest.mark.parametrize("run", [0.2, 0.05, 0.02, 0.01, 0.001, 1e-6])
def test_a_runs_error_of_any_size_is_integrated_out(run):
    """Also where it is smaller than any step of a grid over all centres."""
    given, _ = laboratory(np.random.default_rng(3), runs=2, each=6, run=run)
    centres, own = np.linspace(-1.0, 4.0, 41), math.hypot(0.2, 0.12)
    expected = np.zeros(len(centres))
    z = np.linspace(-6.0, 6.0, 1201)
    for k in range(2):
        values = np.array([math.log10(m.point_value) for m in given[6 * k : 6 * k + 6]])
        drawn = stats.norm.logpdf(values[:, None, None], centres + run * z[:, None], own).sum(axis=0)
        expected += drawn.max() + np.log(np.exp(drawn - drawn.max() - z[:, None] ** 2 / 2).sum(axis=0))
    near = expected > expected.max() - 12.0
    found = donors_of(given).log_likelihood(centres, 0.2)[near]
    assert found - found.max() == pytest.approx(expected[near] - expected.max(), abs=2e-3)


@pytest.mark.property
@pytest.mark.parametrize("n", [12, 130])
def test_an_error_of_the_whole_laboratory_changes_no_probability(n):
    """By likelihood and by ranks: percentile, spread and P(above) are as if it were not there; the interval widens."""
    rng = np.random.default_rng(5)
    seen = rng.normal(0.9, 0.3, n)
    found = {}
    for line in (0.0, 0.4):
        named = [(LINE, line)] if line else []
        baseline = donor_baseline([measurement(i, x, sd=0.1, errors=named) for i, x in enumerate(seen)])
        patients = [measurement(f"P{i}", x, sd=0.14, errors=named) for i, x in enumerate((1.0, 1.5, 1.9))]
        found[line] = baseline, [call.probability_above for call in judged(patients, baseline)]
    (bare, without), (lent, with_line) = found[0.0], found[0.4]
    assert with_line == pytest.approx(without, abs=1e-6)
    assert lent.percentile_97_5 == pytest.approx(bare.percentile_97_5)
    assert lent.sd_log10 == pytest.approx(bare.sd_log10)
    assert lent.percentile_nodes == pytest.approx(bare.percentile_nodes)
    assert [(t.name, round(t.sd_log10, 9)) for t in lent.percentile_errors] == [(LINE, 0.4)]
    half = math.log10(bare.percentile_upper / bare.percentile_97_5)
    assert math.log10(lent.percentile_upper / lent.percentile_97_5) == pytest.approx(
        math.hypot(half, Z * 0.4)
    )
    assert lent.percentile_lower < bare.percentile_lower


@pytest.mark.property
def test_an_error_of_the_donors_alone_counts_and_one_of_their_run_cancels_in_part():
    given, _ = laboratory(np.random.default_rng(2), runs=2, each=10, run=0.2)
    baseline = donor_baseline(given)
    assert [(t.name, round(t.sd_log10, 3)) for t in baseline.percentile_errors] == [
        ("run:R0", 0.1),
        ("run:R1", 0.1),
    ]
    level = math.log10(baseline.percentile_97_5) + 0.4
    here, elsewhere = (
        judged([measurement(0, level, sd=0.14, errors=[(name, 0.2)])], baseline)[0]
        for name in ("run:R1", "run:R9")
    )
    assert here.probability_above > elsewhere.probability_above + 0.005
    assert "both name cancel" in here.uncertainty
    assert "cancel" not in elsewhere.uncertainty
    assert here.threshold_sd_log10 == elsewhere.threshold_sd_log10 > math.hypot(0.1, 0.1)


@pytest.mark.definition
def test_runs_of_unequal_size_weigh_as_generalised_least_squares_says():
    given = [measurement(i, 1.0, sd=0.1, errors=[(f"run:R{int(i >= 9)}", 0.3)]) for i in range(12)]
    donors = donors_of(given)
    same = np.equal.outer(donors.parts.group, donors.parts.group)
    inverse = np.linalg.inv(0.3**2 * same + 0.2**2 * np.eye(12))
    weights = inverse.sum(axis=1) / inverse.sum()
    expected = [0.3 * weights[:9].sum(), 0.3 * weights[9:].sum()]
    assert [term.sd_log10 for term in donors.errors(0.2)] == pytest.approx(expected)
    assert [term.sd_log10 for term in donors.errors()] == pytest.approx([0.3 * 9 / 12, 0.3 * 3 / 12])


@pytest.mark.property
def test_a_percentile_by_ranks_states_the_error_of_its_runs_once():
    given, _ = laboratory(np.random.default_rng(4), runs=4, each=33, run=0.1)
    bare = donor_baseline([replace(m, evidence=replace(m.evidence, errors=())) for m in given])
    named = donor_baseline(given)
    assert named.method == bare.method == "nonparametric"
    apart = math.hypot(*(term.sd_log10 for term in named.percentile_errors))
    spread, whole = (spread_log10(np.log10(one.percentile_nodes)) for one in (named, bare))
    assert 0.02 < apart < whole
    assert math.hypot(spread, apart) == pytest.approx(whole, rel=1e-6)


@pytest.mark.property
def test_many_donors_on_one_run_say_no_more_of_its_error():
    """A run's error does not shrink with the donors on it: the percentile is no better known than the runs allow."""
    rng = np.random.default_rng(1)
    given, _ = laboratory(rng, runs=2, each=60, run=0.3, spread=0.2, error=0.05)
    named = {t.name: t.sd_log10 for t in donor_baseline(given).percentile_errors}
    assert named == pytest.approx({"run:R0": 0.15, "run:R1": 0.15}, rel=0.01)


@pytest.mark.coverage
def test_the_stated_probability_is_the_frequency():
    """Levels flat around the cut-off, half of the patients on a donors' run: stated and observed agree."""
    rng = np.random.default_rng(11)
    runs, each, line, run = 2, 8, 0.25, 0.15
    truth = 0.9 + Z * 0.28
    stated, above = [], []
    for _ in range(40):
        given, drawn = laboratory(rng, runs=runs, each=each, line=line, run=run)
        baseline = donor_baseline(given)
        level = rng.uniform(truth - 1.2, truth + 1.2, 40)
        own = np.where(np.arange(40) % 2 == 0, drawn["run:R0"], run * rng.normal(size=40))
        seen = level + drawn[LINE] + own + rng.normal(0, 0.14, 40)
        patients = [
            measurement(
                i,
                x,
                sd=0.14,
                errors=[
                    (n, s) for n, s in ((LINE, line), ("run:R0" if i % 2 == 0 else f"run:N{i}", run)) if s
                ],
            )
            for i, x in enumerate(seen)
        ]
        stated += [call.probability_above for call in judged(patients, baseline)]
        above += list(level > truth)
    stated, above = np.array(stated), np.array(above)
    assert stated.mean() == pytest.approx(above.mean(), abs=0.03)
    for low, high, within in ((0.0, 0.05, 0.02), (0.05, 0.5, 0.1), (0.5, 0.95, 0.1), (0.95, 1.0, 0.02)):
        chosen = (stated >= low) & (stated <= high)
        assert above[chosen].mean() == pytest.approx(stated[chosen].mean(), abs=within)


def test_a_pooled_day_cancels_what_its_parts_cancel():
    given, _ = laboratory(np.random.default_rng(4), runs=1, each=20, line=0.3)
    baseline = donor_baseline(given)
    level = math.log10(baseline.percentile_97_5) + 0.1
    one = measurement(1, level, sd=0.14, errors=[(LINE, 0.3)])
    (call,) = judged([one], baseline)
    again = pooled_call(one, [call], borderline=(0.05, 0.95), donors=baseline)
    assert again.probability_above == pytest.approx(call.probability_above, abs=1e-9)
    fixed = pooled_call(replace(one), [replace(call, threshold_sd_log10=0.0)], borderline=(0.05, 0.95))
    assert abs(fixed.probability_above - again.probability_above) > 0.01
