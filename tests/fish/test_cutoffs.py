"""The cut-off engine against the published bound and the tables of critical counts."""

import pytest
from scipy import stats

from remnant.assay.fish.cutoffs import METHODS, binomial_cutoff, control_counts, critical_binomial, cutoffs
from remnant.errors import MeasurementError
from remnant.numerics.proportions import clopper_pearson, jeffreys, wilson

EXACT = {
    25: (11.293, 17.612, 23.104, 28.172),
    50: (5.816, 9.140, 12.061, 14.784),
    100: (2.951, 4.656, 6.162, 7.571),
    200: (1.487, 2.350, 3.114, 3.831),
    500: (0.597, 0.945, 1.254, 1.543),
}
SPREADSHEETS = {  # (k+1, n), (k+1, n-k+1), (k+1, n-k-1): used by others, exact is (k+1, n-k)
    (50, 1): (8.967, 8.967, 9.319),
    (100, 3): (7.356, 7.498, 7.646),
    (500, 2): (1.249, 1.251, 1.256),
}
CRITBINOM = {
    (0.0025, 50): (1, 1),
    (0.0025, 200): (2, 3),
    (0.0025, 500): (3, 4),
    (0.0025, 1000): (5, 7),
    (0.01, 20): (1, 2),
    (0.01, 50): (2, 3),
    (0.01, 100): (3, 4),
    (0.01, 200): (5, 6),
    (0.01, 500): (9, 11),
    (0.05, 50): (5, 7),
    (0.05, 200): (15, 18),
}
PREDICTIVE = {20: (2, 2), 30: (2, 2), 50: (2, 2), 100: (2, 3), 200: (3, 4), 500: (4, 6)}


@pytest.mark.published
def test_the_cutoff_of_dewald_is_the_exact_bound_of_one_in_six_thousand():
    """Dewald, Blood 1998;91:3357: .079 % with 6,000 nuclei."""
    assert 100 * binomial_cutoff(1, 6000) == pytest.approx(0.0790397, abs=5e-8)


@pytest.mark.definition
@pytest.mark.parametrize("n", EXACT)
def test_table_of_exact_bounds(n):
    assert [100 * binomial_cutoff(k, n) for k in range(4)] == pytest.approx(EXACT[n], abs=5.01e-4)


@pytest.mark.definition
@pytest.mark.parametrize(("n", "k"), SPREADSHEETS)
def test_other_spreadsheets_differ_from_the_exact_bound(n, k):
    wrong = [100 * stats.beta.ppf(0.95, k + 1, b) for b in (n, n - k + 1, n - k - 1)]
    assert wrong == pytest.approx(SPREADSHEETS[n, k], abs=5.01e-4)
    assert all(abs(value - 100 * binomial_cutoff(k, n)) > 1e-3 for value in wrong)


@pytest.mark.definition
@pytest.mark.parametrize(("rate", "n"), CRITBINOM)
def test_table_of_critbinom(rate, n):
    assert (critical_binomial(n, rate), critical_binomial(n, rate, 0.99)) == CRITBINOM[rate, n]


@pytest.mark.definition
@pytest.mark.parametrize("n", PREDICTIVE)
def test_table_of_predictive_critical_counts(n):
    pooled = control_counts([15], [6000])
    found = tuple(cutoffs(pooled, n, alpha=alpha)[0].critical_count for alpha in (0.05, 0.01))
    assert found == PREDICTIVE[n]


@pytest.mark.definition
def test_real_size_at_twenty_nuclei():
    row = next(r for r in cutoffs(control_counts([15], [6000]), 20) if r.method == METHODS[0])
    assert row.attained_size == pytest.approx(0.0013, abs=5e-5)


@pytest.mark.definition
def test_poisson_and_binomial_differ_where_the_rate_is_high():
    assert stats.poisson.ppf(0.95, 200 * 0.02) == 8
    assert critical_binomial(200, 0.02) == 7
    rows = {r.method: r.critical_count for r in cutoffs(control_counts([20], [1000]), 200)}
    assert (rows["Poisson"], rows["CRITBINOM"]) == (9, 8)


@pytest.mark.published
def test_mean_and_three_deviations_of_dewald():
    """Mean .25 %, SD .39 % give 1.42 %; the same rule with no positive control calls one nucleus positive."""
    assert pytest.approx(1.42) == 0.25 + 3 * 0.39
    silent = {r.method: r for r in cutoffs(control_counts([0] * 5, [200] * 5), 200)}
    assert silent["mean + 3 SD"].critical_count == 1
    assert silent["exact binomial"].cutoff_percent == pytest.approx(1.487, abs=5e-4)
    assert silent["predictive beta-binomial"].critical_count > 1


@pytest.mark.definition
def test_zero_positive_bounds():
    wanted = {10: 25.9, 20: 13.9, 50: 5.82, 100: 2.95, 200: 1.49, 300: 0.99, 500: 0.60, 1000: 0.30}
    for n, percent in wanted.items():
        assert 100 * binomial_cutoff(0, n) == pytest.approx(percent, abs=0.051)
        assert binomial_cutoff(0, n) == pytest.approx(1 - 0.05 ** (1 / n))
    assert binomial_cutoff(7, 7) == 1.0


@pytest.mark.definition
def test_two_sided_intervals():
    percent = [100 * float(x) for rule in (clopper_pearson, wilson, jeffreys) for x in rule(85, 200)]
    assert percent == pytest.approx([35.6, 49.7, 35.9, 49.4, 35.8, 49.4], abs=0.051)
    assert [100 * float(x) for x in clopper_pearson(1, 20)] == pytest.approx([0.1, 24.9], abs=0.051)
    assert [100 * float(x) for x in clopper_pearson(0, 20)] == pytest.approx([0, 16.8], abs=0.051)


@pytest.mark.property
@pytest.mark.parametrize("scored", [1, 5, 20, 200])
def test_every_critical_count_has_its_size(scored):
    controls = control_counts([0, 1, 0, 2, 0, 1], [200] * 6)
    for row in cutoffs(controls, scored):
        assert 1 <= row.critical_count <= scored + 1
        if row.method in METHODS[:1]:
            assert row.attained_size <= 0.05


def test_impossible_controls_are_refused():
    with pytest.raises(MeasurementError, match="3 of 2"):
        control_counts([3, 1], [2, 10])
    with pytest.raises(MeasurementError, match="no donor"):
        control_counts([], [])
    with pytest.raises(MeasurementError, match="0 nuclei"):
        cutoffs(control_counts([1], [100]), 0)
