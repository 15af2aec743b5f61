"""Poisson arithmetic of partitions against the literal definition, and against published numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from remnant.assay.dpcr.blanks import BlankRate
from remnant.assay.dpcr.concentrations import concentration_evidence, judged
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import PartitionsEvidence
from remnant.evidence.verbs import combine, interval, log_likelihood, log_likelihood_at_zero, upper_limit
from remnant.knowledge.dpcr import dpcr_rules
from remnant.numerics.partitions import (
    between_well_variance,
    exact_interval,
    limit_of_blank,
    limit_of_detection,
    linkage,
    outlier_p_values,
    rate,
)


@pytest.mark.definition
@given(st.integers(1, 30_000), st.floats(0, 0.9999))
def test_the_rate_is_minus_the_log_of_the_empty_share(n, share):
    k = int(share * n)
    assert rate(k, n) == pytest.approx(-np.log((n - k) / n), abs=1e-12)


@pytest.mark.definition
@pytest.mark.parametrize(("k", "n"), [(0, 50), (1, 50), (7, 50), (49, 50), (50, 50), (38, 17831)])
def test_the_exact_interval_inverts_the_binomial_tails(k, n):
    lower, upper = (float(x) for x in exact_interval(k, n))
    if k:
        assert stats.binom.sf(k - 1, n, -np.expm1(-lower)) == pytest.approx(0.025, rel=1e-6)
    else:
        assert lower == 0.0
    if k < n:
        assert stats.binom.cdf(k, n, -np.expm1(-upper)) == pytest.approx(0.025, rel=1e-6)
    else:
        assert upper == np.inf


@pytest.mark.published
def test_quantasofts_own_concentrations_and_intervals_are_reproduced(real_data):
    """20-0804.csv: concentration 2.5 copies/µl (1.8 to 3.4) from 38 of 17,831 droplets of .85 nl."""
    lower, upper = exact_interval(38, 17831)
    assert rate(38, 17831) / 0.85e-3 == pytest.approx(2.5, abs=0.05)
    assert lower / 0.85e-3 == pytest.approx(1.8, abs=0.05)
    assert upper / 0.85e-3 == pytest.approx(3.4, abs=0.05)
    path = real_data / "dpcr" / "quantasoft_results" / "20-0804.csv"
    assert "38,17793" in path.read_text()


@pytest.mark.definition
@pytest.mark.parametrize(("k", "n", "a", "b"), [(0, 200, 0.5, 400), (2, 200, 3.5, 2000), (9, 200, 0.5, 50)])
def test_the_false_positive_rate_is_integrated_over_its_posterior(k, n, a, b):
    blank = BlankRate(positives=a, negatives=b, wells=1)
    one = concentration_evidence(k, n, volume_nl=1.0, volume_cv=0.0, blank=blank)
    got = log_likelihood(EvidenceBatch.of([one]), np.array([1.0, 20.0, 100.0]))[0]

    def exact(q):
        def integrand(share):
            f = stats.beta.ppf(share, a, b)
            return stats.binom.pmf(k, n, 1 - (1 - f) * np.exp(-q * 1e-3))

        return np.log(integrate.quad(integrand, 0, 1, limit=200)[0])

    assert got == pytest.approx([exact(q) for q in (1.0, 20.0, 100.0)], abs=0.01)


@pytest.mark.definition
def test_a_posterior_without_spread_is_the_plain_rate():
    plain = PartitionsEvidence(
        k=3, n=1000, volume_ul=1e-3, volume_cv=0.0, false_positive=0.002, log10_low=-3, log10_high=4
    )
    batch = EvidenceBatch.of([plain])
    p = 1 - 0.998 * np.exp(-5e-3)
    assert log_likelihood(batch, np.array([5.0]))[0, 0] == pytest.approx(stats.binom.logpmf(3, 1000, p))
    assert log_likelihood_at_zero(batch)[0] == pytest.approx(stats.binom.logpmf(3, 1000, 0.002))


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(5000, 9000)), min_size=2, max_size=4))
def test_merged_wells_are_the_sum_of_their_log_likelihoods(wells):
    blank = BlankRate(positives=0.5, negatives=1e9, wells=1)

    def evidence(k, n):
        return concentration_evidence(k, n, volume_nl=0.85, volume_cv=0.0, blank=blank)

    q = np.array([0.5, 5.0, 40.0])
    single = log_likelihood(EvidenceBatch.of([evidence(k, n) for k, n in wells]), q).sum(axis=0)
    merged = log_likelihood(
        EvidenceBatch.of([evidence(sum(k for k, _ in wells), sum(n for _, n in wells))]), q
    )[0]
    assert np.diff(single) == pytest.approx(np.diff(merged), abs=1e-4)


def test_merging_by_the_verb_gives_the_interval_of_the_sums():
    blank = BlankRate(positives=0.5, negatives=99999.5, wells=2)
    parts = [concentration_evidence(k, 18_000, volume_nl=0.85, volume_cv=0.0, blank=blank) for k in (30, 42)]
    whole = concentration_evidence(72, 36_000, volume_nl=0.85, volume_cv=0.0, blank=blank)
    got = interval(EvidenceBatch.of([combine(EvidenceBatch.of(parts)), whole]))
    assert got.median[0] == pytest.approx(got.median[1], rel=5e-3)


@pytest.mark.definition
@pytest.mark.parametrize(("a", "b"), [(0.5, 19999.5), (4.5, 70_000.0), (20.0, 4e5)])
def test_limits_of_blank_and_detection_are_those_of_the_predicted_counts(a, b):
    n = 15_000
    blank = int(limit_of_blank(n, a, b))
    assert stats.betabinom.cdf(blank, n, a, b) >= 0.95
    assert blank == 0 or stats.betabinom.cdf(blank - 1, n, a, b) < 0.95
    lod = float(limit_of_detection(n, blank, a, b))
    rates = stats.beta.rvs(a, b, size=4000, random_state=np.random.default_rng(1))
    found = stats.binom.sf(blank, n, 1 - (1 - rates) * np.exp(-lod)).mean()
    assert found == pytest.approx(0.95, abs=0.004)


@pytest.mark.published
def test_without_false_positives_three_copies_are_found_with_95_percent():
    """Poisson counts without false positives: 95 % detection needs -ln .05 = 2.996 copies in all partitions."""
    assert float(limit_of_detection(20_000, 0, 0.5, 1e12)) * 20_000 == pytest.approx(2.9957, abs=1e-3)


def test_nothing_positive_is_a_likelihood_with_its_bound():
    blank = BlankRate(positives=0.5, negatives=1e9, wells=3)
    none = concentration_evidence(0, 20_000, volume_nl=0.85, volume_cv=0.0, blank=blank)
    assert upper_limit(EvidenceBatch.of([none]))[0] == pytest.approx(2.9957 / (20_000 * 0.85e-3), rel=1e-3)
    assert judged(0, 20_000, limit=0, copies=0.0, blank=blank, minimum_copies=8.0)[0] == "not detected"


def test_everything_positive_is_a_lower_bound_and_no_number():
    blank = BlankRate(positives=0.5, negatives=1e6, wells=3)
    full = concentration_evidence(20_000, 20_000, volume_nl=0.85, volume_cv=0.0, blank=blank)
    batch = EvidenceBatch.of([full])
    low, high = log_likelihood(batch, np.array([5e3, 2e4]))[0]
    assert low < -50 < -0.01 < high
    state, reason = judged(20_000, 20_000, limit=1, copies=np.inf, blank=blank, minimum_copies=8.0)
    assert state == "detected"
    assert "lower bound" in reason


@pytest.mark.definition
@pytest.mark.parametrize("cells", [(200, 1500, 1400, 16900), (40, 300, 350, 14000), (500, 1000, 1000, 9000)])
def test_linkage_is_the_maximum_of_the_four_cell_likelihood(cells):
    both, first, second, neither = cells

    def minus(x):
        a, b, c = np.exp(x)
        none, no_first, no_second = np.exp(-(a + b + c)), np.exp(-(a + c)), np.exp(-(b + c))
        p = np.array([1 - no_first - no_second + none, no_second - none, no_first - none, none])
        return -float((np.array(cells) * np.log(np.maximum(p, 1e-300))).sum())

    found = optimize.minimize(
        minus,
        np.log([0.1, 0.1, 0.01]),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000},
    )
    got = linkage(both, first, second, neither)
    assert [got.first, got.second, got.linked] == pytest.approx(np.exp(found.x), rel=2e-3, abs=2e-4)


@pytest.mark.coverage
def test_independent_targets_are_called_linked_at_the_stated_rate():
    rng = np.random.default_rng(4)
    cells = rng.multinomial(15_000, [0.81, 0.09, 0.09, 0.01], size=4000)
    got = linkage(cells[:, 3], cells[:, 1], cells[:, 2], cells[:, 0])
    assert (got.p_value < 0.05).mean() == pytest.approx(0.05, abs=0.012)


@pytest.mark.coverage
@pytest.mark.parametrize("level", [3e-4, 0.005, 0.2, 2.0])
def test_outlier_wells_are_called_at_the_stated_rate(level):
    rng = np.random.default_rng(5)
    sd, n = 0.03, 15_000
    called = 0
    for _ in range(400):
        k = rng.binomial(n, -np.expm1(-level * np.exp(rng.normal(0, sd, 4))))
        called += bool((outlier_p_values(k, np.full(4, n), sd) < 0.01 / 4).any())
    assert called / 400 < 0.035  # four wells tested, each also as a neighbour of the others


def test_variation_between_wells_is_learned_from_replicates():
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(60), 4)
    level = np.repeat(rng.uniform(0.05, 0.8, 60), 4)
    for sd in (0.0, 0.08):
        k = rng.binomial(15_000, -np.expm1(-level * np.exp(rng.normal(0, sd, 240))))
        variance, freedom = between_well_variance(k, np.full(240, 15_000), group)
        assert freedom == 180
        assert variance == pytest.approx(sd**2, abs=0.0012)


@pytest.mark.coverage
@pytest.mark.parametrize("copies_per_ul", [0.5, 5.0, 300.0])
def test_intervals_of_wells_keep_their_level_with_volume_error_blanks_and_variation(copies_per_ul):
    rng = np.random.default_rng(int(copies_per_ul * 10))
    instrument = dpcr_rules().instruments["qx"]
    n, blanks, inside = 15_000, 3, 0
    cv = float(np.hypot(instrument.volume_cv, instrument.well_cv))
    records = []
    for _ in range(400):
        f = rng.beta(2.0, 60_000.0)
        volume_ul = 0.85e-3 * np.exp(rng.normal(0, cv))
        k = rng.binomial(n, 1 - (1 - f) * np.exp(-copies_per_ul * volume_ul))
        seen = rng.binomial(blanks * n, f)
        blank = BlankRate(positives=0.5 + seen, negatives=20_000 + blanks * n - seen - 0.5, wells=blanks)
        records.append(concentration_evidence(int(k), n, volume_nl=0.85, volume_cv=cv, blank=blank))
    got = interval(EvidenceBatch.of(records))
    inside = ((got.lower <= copies_per_ul) & (copies_per_ul <= got.upper)).mean()
    assert 0.92 <= inside <= 0.985


@pytest.mark.property
def test_p_values_do_not_depend_on_the_order_of_wells():
    k, n = [50, 55, 61, 90], [12_000, 12_500, 11_000, 13_000]
    expected = dict(zip(zip(k, n, strict=True), outlier_p_values(k, n, 0.03), strict=True))
    for order in itertools.permutations(range(4)):
        got = outlier_p_values([k[i] for i in order], [n[i] for i in order], 0.03)
        assert got == pytest.approx([expected[k[i], n[i]] for i in order])
