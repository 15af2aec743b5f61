"""The posterior of growth equals integrals of the likelihood done by brute force, with other code."""

import math

import numpy as np
import pytest
from scipy import interpolate, optimize, special, stats

from remnant.course.growth_evidence import own_variance, shared_draws, tables_of
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import CountsEvidence, ErrorTerm, PartitionsEvidence, ReportedEvidence
from remnant.evidence.likelihood import at_log10
from remnant.numerics.growth import Background, GrowthTask, SlopePrior, doubling_days, fit_growth

pytestmark = pytest.mark.definition

SLOPE = SlopePrior(scale=0.04, degrees_of_freedom=3.0)
PROBABILITIES = (0.025, 0.5, 0.975)
RELATIVE = 1e-6
_E = math.log(10.0)


def counts(k, exposure, *errors):
    return CountsEvidence(
        k=k, exposure=exposure, background=0.0, dispersion=0.0, log10_low=-6, log10_high=8, errors=errors
    )


def reported(value, *errors, limit=None):
    return ReportedEvidence(
        value=value,
        sd_log10=0.12,
        upper_limit=limit,
        lower_limit=None,
        log10_low=-6,
        log10_high=8,
        errors=errors,
    )


def partitions(k, n, *errors):
    return PartitionsEvidence(
        k=k,
        n=n,
        volume_ul=8.5e-4,
        volume_cv=0.03,
        false_positive=1e-5,
        log10_low=-4,
        log10_high=5,
        errors=errors,
    )


def biology(sample, sd=0.2):
    return ErrorTerm(name=f"biology:P:T:{sample}", sd_log10=sd)


def run(name, sd=0.07):
    return ErrorTerm(name=f"run:{name}", sd_log10=sd)


def curve(name, sd):
    return ErrorTerm(name=f"curve:{name}:T", sd_log10=sd)


SPECIFIC = {
    "counts, half of them undetected": (
        [0, 31, 58, 92, 120, 155],
        [
            counts(0, 2e4, biology(1), run("A")),
            counts(0, 1.5e4, biology(2), run("B")),
            counts(2, 2e4, biology(3), run("C")),
            counts(0, 0.9e4, biology(4), run("D")),
            counts(14, 2e4, biology(5), run("E")),
            counts(160, 2e4, biology(6), run("F")),
        ],
    ),
    "reported values and limits": (
        [0, 28, 61, 90, 200],
        [
            reported(None, biology(1, 0.25), limit=0.01),
            reported(0.012, biology(2, 0.25)),
            reported(None, biology(3, 0.25), limit=0.05),
            reported(0.3, biology(4, 0.25)),
            reported(2.1, biology(5, 0.25)),
        ],
    ),
    "two runs and their curves shared": (
        [0, 30, 60, 90, 120],
        [
            counts(3, 1e4, biology(1), run("A", 0.10), curve("A", 0.15)),
            counts(9, 1e4, biology(2), run("A", 0.10), curve("A", 0.06)),
            counts(15, 1e4, biology(3), run("B", 0.10)),
            counts(60, 1e4, biology(4), run("B", 0.10)),
            counts(900, 1e4, biology(5), run("A", 0.10), curve("A", 0.02)),
        ],
    ),
    "partitions, falling": (
        [0, 20, 45, 75],
        [
            partitions(2500, 18000, biology(1)),
            partitions(240, 18000, biology(2)),
            partitions(31, 18000, biology(3)),
            partitions(1, 18000, biology(4)),
        ],
    ),
}


def by_brute_force(days, evidence, *, shift=None):
    """Density of slope and level (and background) on a fine even grid, errors by a fine even sum each."""
    batch = EvidenceBatch.of(evidence)
    sd, name = batch.errors.sd_log10, batch.errors.name
    count = {int(i): int((name == i).sum()) for i in np.unique(name) if i >= 0}
    common = sorted(i for i, n in count.items() if n > 1)
    volume = np.array([getattr(e, "volume_cv", 0.0) / _E for e in evidence])
    own = np.sqrt(
        np.array(
            [
                sum(s**2 for s, i in zip(r, c, strict=True) if count.get(int(i)) == 1)
                for r, c in zip(sd, name, strict=True)
            ]
        )
        + volume**2
    )
    tables = [averaged(batch.take(np.array([i])), evidence[i], own[i]) for i in range(len(evidence))]
    loading = np.array(
        [[row[list(c).index(i)] if i in c else 0.0 for i in common] for row, c in zip(sd, name, strict=True)]
    )
    nodes = np.arange(-6.5, 6.51, 0.5)
    log_weight = np.log(0.5) + stats.norm.logpdf(nodes)

    def log_density(s, a, beta=None):
        y = [np.add.outer(s * t, a) if beta is None else None for t in days]
        if beta is not None:
            y = [
                np.logaddexp(_E * (beta + d), _E * np.add.outer(s * t, a)) / _E
                for t, d in zip(days, shift, strict=True)
            ]
        prior = stats.t(SLOPE.degrees_of_freedom, scale=SLOPE.scale).logpdf(np.asarray(s))
        total = np.broadcast_to(prior[:, None], y[0].shape)
        alone = [i for i in range(len(days)) if not loading[i].any()]
        for i in alone:
            total = total + tables[i](y[i])
        rest = [i for i in range(len(days)) if i not in alone]
        for group in linked(loading, rest):
            columns = np.flatnonzero(loading[group].any(axis=0))
            parts = []
            for place in np.ndindex(*(len(nodes),) * len(columns)):
                moved = loading[group][:, columns] @ nodes[list(place)]
                part = log_weight[list(place)].sum()
                parts.append(part + sum(tables[i](y[i] + e) for i, e in zip(group, moved, strict=True)))
            total = total + special.logsumexp(np.stack(parts), axis=0)
        return total

    return log_density


def linked(loading, rest):
    left, groups = set(rest), []
    while left:
        group = {left.pop()}
        while more := {j for j in left if any((loading[j] * loading[i]).any() for i in group)}:
            group |= more
            left -= more
        groups.append(sorted(group))
    return groups


def averaged(batch, evidence, sd):
    """log of the likelihood averaged over the own error, on 6,001 points: quintic spline between."""
    x = np.linspace(-9.0, 9.0, 6001)
    value = getattr(evidence, "value", None)
    limit = getattr(evidence, "upper_limit", None)
    if value is not None:
        log_m = stats.norm.logpdf(x, np.log10(value), math.hypot(evidence.sd_log10, sd))
    elif limit is not None:
        log_m = stats.norm.logcdf((np.log10(limit) - x) / sd)
    else:
        z = np.linspace(-9.0, 9.0, 3601)
        rows = []
        for part in np.array_split(x, 60):
            q = part[:, None] + sd * z
            single = at_log10(batch, np.minimum(q, 7.5).reshape(1, -1)).reshape(q.shape)
            rows.append(special.logsumexp(single - 0.5 * z**2, axis=1))
        log_m = np.concatenate(rows)
    return interpolate.make_interp_spline(x, log_m, k=5)


def quantiles(s, density, zero=0.0):
    """Quantiles of a tabulated density, by a quintic spline and its integral; and what lies above zero."""
    spline = interpolate.make_interp_spline(s, density, k=5).antiderivative()
    total = spline(s[-1]) - spline(s[0])
    below = lambda x: (spline(x) - spline(s[0])) / total  # noqa: E731 - a formula
    return [
        optimize.brentq(lambda x, p=p: below(x) - p, s[0], s[-1], xtol=1e-15) for p in PROBABILITIES
    ], 1 - below(zero)


def ours(days, evidence, **more):
    batch = EvidenceBatch.of(evidence)
    n = len(days)
    owner = np.zeros(n, dtype=np.int64)
    variance, shared = own_variance(batch, owner, default_biology=np.full(n, 0.2))
    own = np.sqrt(variance)
    task = GrowthTask(
        rows=np.arange(n),
        day=np.array(days, dtype=float),
        shift_log10=more.get("shift", np.zeros(n)),
        informative=np.array(
            [getattr(e, "k", 1) > 0 and getattr(e, "upper_limit", None) is None for e in evidence]
        ),
        private_sd=own,
        background=more.get("background"),
        shared=shared_draws(batch, np.arange(n), shared),
        log10_levels=more.get("levels", ()),
    )
    [got] = fit_growth([task], tables_of(batch, own), slope=SLOPE, probabilities=PROBABILITIES)
    assert got.converged
    return got


def grid_around(got, points, reach=7.0):
    middle, width = got.slope[1], (got.slope[2] - got.slope[0]) / 3.92
    return np.linspace(middle - reach * width, middle + reach * width, points)


@pytest.mark.parametrize("name", SPECIFIC)
def test_slope_and_date_of_crossing_equal_brute_force(name):
    days, evidence = SPECIFIC[name]
    days = np.array(days, dtype=float) - days[-1]
    level = 0.5 if "falling" not in name else None
    got = ours(days, evidence, levels=(level,) if level is not None else ())
    log_density = by_brute_force(days, evidence)
    points = 141 if "shared" in name else 401
    s = grid_around(got, points, reach=10.0)
    a = np.linspace(-6.0, 4.5, 181 if "shared" in name else 1601)
    surface = np.concatenate([log_density(part, a) for part in np.array_split(s, 12)])
    surface = np.exp(surface - surface.max())
    expected, growing = quantiles(s, surface.sum(axis=1))
    assert got.slope == pytest.approx(expected, rel=RELATIVE, abs=1e-9)
    assert got.probability_growth == pytest.approx(growing, rel=RELATIVE)
    assert doubling_days(got.slope[1]) == pytest.approx(doubling_days(expected[1]), rel=RELATIVE)
    if level is None:
        return
    # Probability that a + s T exceeds the level: the density of a, summed by its own antiderivative.
    below = interpolate.make_interp_spline(a, surface, k=5, axis=1).antiderivative()
    whole = surface.sum()
    for p, date in zip(PROBABILITIES, got.crossing_days[0], strict=True):
        if not 0 < date < math.inf:
            continue
        needed = level - np.maximum(s, 0.0) * date
        reached = sum(
            float(below(a[-1])[i] - below(np.clip(x, a[0], a[-1]))[i]) for i, x in enumerate(needed)
        )
        assert reached / (a[1] - a[0]) / whole == pytest.approx(p, rel=RELATIVE)


def test_growth_on_a_background_equals_brute_force():
    days = np.array([-90.0, -30.0, 0.0])
    evidence = [counts(25, 1e3, biology(1)), reported(0.06, biology(2)), counts(500, 1e3, biology(3))]
    background = Background(mean=-1.6, sd=0.2, leukaemia_mean=-1.6, leukaemia_sd=0.6)
    shift = np.array([0.1, 0.0, 0.0])
    got = ours(days, evidence, background=background, shift=shift)
    log_density = by_brute_force(days, evidence, shift=shift)
    # No sample bounds a steep rise out of the background: the prior's tail is followed far, on an uneven grid.
    v = np.linspace(-2.5, 8.0, 701)
    centre = width = 0.03
    s = centre + width * np.sinh(v)
    a, beta = np.linspace(-5.6, 2.4, 161), np.linspace(-2.8, -0.4, 41)
    prior = -0.5 * ((a - background.leukaemia_mean) / background.leukaemia_sd) ** 2
    total = np.stack(
        [log_density(s, a, b) + prior - 0.5 * ((b - background.mean) / background.sd) ** 2 for b in beta]
    )
    density = np.exp(total - total.max()).sum(axis=(0, 2)) * np.cosh(v)
    places, growing = quantiles(v, density, zero=math.asinh(-centre / width))
    expected = centre + width * np.sinh(places)
    assert got.slope == pytest.approx(expected, rel=RELATIVE)
    assert got.probability_growth == pytest.approx(growing, rel=RELATIVE)
