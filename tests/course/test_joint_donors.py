"""P(raised) where the patient's own background is the higher limit: it holds the donors' uncertainty too."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from remnant.call.calls import calls
from remnant.call.donors import donor_baseline
from remnant.course.build import build_course

ERROR = np.hypot(0.1, 0.05)  # of a measurement of these tests
BIOLOGY, FLOOR = 0.2, 0.05
Z = stats.norm.ppf(0.975)


def donors(n):
    return 8.0 * 10 ** np.random.default_rng(n).normal(0, 0.28, n)


def judged(build, lines, levels):
    """Calls on BAALC by the donors' percentile, and the course."""
    taught = donor_baseline([build.measurement(f"D{i}", 0, "BAALC", float(x)) for i, x in enumerate(levels)])
    held = build.dossier(lines)
    made = calls(held.measurements, samples=held.samples, events=held.events, baselines=[taught])
    return made, build_course(replace(held, baselines=(taught,), calls=made))


def brute_force(levels, earlier, last, *, own=True):
    """Sum over centre and spread of the donors on fine grids; the patient's centre in closed form."""
    spread = np.geomspace(0.03, 1.4, 300)[:, None]
    centre = np.linspace(-1.0, 3.0, 1001)[None]
    log_density = sum(stats.norm.logpdf(x, centre, np.hypot(spread, ERROR)) for x in np.log10(levels))
    weight = np.exp(log_density - log_density.max())
    between = np.maximum(np.sqrt(np.maximum(spread**2 - BIOLOGY**2, 0.0)), FLOOR)
    precision = 1 / between**2 + len(earlier) / (BIOLOGY**2 + ERROR**2)
    mean = (centre / between**2 + np.log10(earlier).sum() / (BIOLOGY**2 + ERROR**2)) / precision
    limit = centre + Z * spread
    if own:
        limit = np.maximum(limit, mean + 2.0 * np.sqrt(1 / precision + BIOLOGY**2))
    above = stats.norm.sf(limit, np.log10(last), ERROR)
    return float((above * weight).sum() / weight.sum())


@pytest.mark.definition
@pytest.mark.parametrize("n", [10, 24])
@pytest.mark.parametrize("earlier", [[], [20.0, 18.0, 22.0], [14.0] * 8, [2.0, 3.0]])
def test_the_probability_of_being_raised_equals_brute_force_integration(build, n, earlier):
    levels = donors(n)
    for last in (25.0, 40.0, 90.0):
        lines = [{"day": 100 + 30 * i, "WT1": 20.0, "BAALC": x} for i, x in enumerate([*earlier, last])]
        _, course = judged(build, lines, levels)
        raised = [p.raised for p in course.points if p.target == "BAALC"][:-1]
        assert not any(raised)  # so that all earlier samples teach
        expected = brute_force(levels, earlier, last)
        assert course.joint[-1].probability_baalc == pytest.approx(expected, abs=0.01)


@pytest.mark.definition
def test_without_a_sample_of_its_own_the_patient_stands_against_the_donors(build):
    """The own limit is then at least 2 instead of 1.96 spreads above their centre: no surer than the call."""
    for last in (25.0, 40.0, 90.0):
        made, course = judged(build, [{"day": 120, "WT1": 20.0, "BAALC": last}], donors(10))
        (call,) = (c for c in made if "donors" in c.uncertainty)
        assert call.probability_above == pytest.approx(brute_force(donors(10), [], last, own=False), abs=0.01)
        assert course.joint[0].probability_baalc <= call.probability_above + 1e-3


@pytest.mark.property
@pytest.mark.parametrize("earlier", [[], [20.0, 18.0, 22.0], [2.0, 3.0]])
def test_both_is_no_likelier_than_either_and_the_product_where_nothing_is_shared(build, earlier):
    values = [(20.0, x) for x in earlier] + [(260.0, 45.0)]
    lines = [{"day": 100 + 30 * i, "WT1": wt1, "BAALC": x} for i, (wt1, x) in enumerate(values)]
    _, course = judged(build, lines, donors(12))
    last = course.joint[-1]
    assert last.probability_both <= min(last.probability_wt1, last.probability_baalc) + 1e-9
    assert last.probability_both > last.probability_wt1 * last.probability_baalc  # over one ABL1

    taught = donor_baseline(
        [build.measurement(f"D{i}", 0, "BAALC", float(x)) for i, x in enumerate(donors(12))]
    )
    held = build.dossier(lines)
    apart = tuple(replace(m, evidence=replace(m.evidence, errors=())) for m in held.measurements)
    made = calls(apart, samples=held.samples, events=held.events, baselines=[taught])
    alone = build_course(replace(held, measurements=apart, baselines=(taught,), calls=made)).joint[-1]
    assert alone.probability_both == pytest.approx(alone.probability_wt1 * alone.probability_baalc, abs=1e-9)
