"""Tests and effects of 2x2 tables: literal twins, laws, scipy and R, and the golden values of study B."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from remnant.errors import MeasurementError
from remnant.numerics import effect_sizes
from remnant.numerics.conditional_tests import conditional_tests, freeman_halton, hypergeometric
from remnant.numerics.contingency import count_table, fourfold_table, pearson, z_pooled, z_unpooled
from remnant.numerics.unconditional_tests import barnard, boschloo

STUDY_B = [[6, 2], [3, 9]]
cell = st.integers(0, 12)
table = st.tuples(cell, cell, cell, cell).map(lambda c: [[c[0], c[1]], [c[2], c[3]]])


def margins(cells):
    rows = [sum(row) for row in cells]
    columns = [sum(column) for column in zip(*cells, strict=True)]
    return rows, columns


def fisher_definition(cells):
    """Every table with these margins, in whole numbers: (greater, less, two-sided)."""
    (row, other), (column, _) = margins(cells)
    total = math.comb(row + other, column)
    ways = {
        k: math.comb(row, k) * math.comb(other, column - k)
        for k in range(max(0, column - other), min(row, column) + 1)
    }
    seen = ways[cells[0][0]]
    return (
        sum(w for k, w in ways.items() if k >= cells[0][0]) / total,
        sum(w for k, w in ways.items() if k <= cells[0][0]) / total,
        sum(w for w in ways.values() if w <= seen) / total,
    )


def z_definition(a, n, b, m, *, pooled):
    p, q = a / n, b / m
    mean = (a + b) / (n + m)
    variance = mean * (1 - mean) * (1 / n + 1 / m) if pooled else p * (1 - p) / n + q * (1 - q) / m
    if abs(p - q) < 1e-12:
        return 0.0
    return (p - q) / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, p - q)


def barnard_definition(cells, *, pooled, two_sided):
    """Sum over every table, at a fine grid of proportions."""
    (n, m), _ = margins(cells)
    seen = z_definition(cells[0][0], n, cells[1][0], m, pooled=pooled)
    grid = np.linspace(0, 1, 4001)
    probability = np.zeros_like(grid)
    for a, b in itertools.product(range(n + 1), range(m + 1)):
        z = z_definition(a, n, b, m, pooled=pooled)
        if (abs(z) >= abs(seen) - 1e-9) if two_sided else (z >= seen - 1e-9):
            probability += stats.binom.pmf(a, n, grid) * stats.binom.pmf(b, m, grid)
    return probability.max()


def freeman_halton_definition(cells):
    """Every table of the same shape and total, those with the same margins kept."""
    cells = np.asarray(cells)

    def weight(x):
        return 1 / math.prod(math.factorial(int(v)) for v in x.flat)

    ways = []
    ranges = [range(min(r, c) + 1) for r in cells.sum(axis=1) for c in cells.sum(axis=0)]
    for values in itertools.product(*ranges):
        candidate = np.reshape(values, cells.shape)
        same = (candidate.sum(axis=0) == cells.sum(axis=0)).all() and (
            candidate.sum(axis=1) == cells.sum(axis=1)
        ).all()
        if same:
            ways.append(weight(candidate))
    seen = weight(cells)
    return sum(w for w in ways if w <= seen * (1 + 1e-9)) / sum(ways)


@pytest.mark.definition
@given(cells=table)
def test_fisher_and_mid_p_are_sums_over_tables(cells):
    assume(sum(map(sum, cells)) > 0)
    ours = conditional_tests(cells)
    greater, less, two_sided = fisher_definition(cells)
    free, probability = hypergeometric(cells)
    seen = probability[free == cells[0][0]].item()
    assert ours.greater == pytest.approx(greater, rel=1e-9)
    assert ours.less == pytest.approx(less, rel=1e-9)
    assert ours.two_sided == pytest.approx(two_sided, rel=1e-9)
    assert ours.doubled == pytest.approx(min(1, 2 * min(greater, less)), rel=1e-9)
    assert ours.mid_greater == pytest.approx(greater - seen / 2, rel=1e-9)
    assert ours.mid_less == pytest.approx(less - seen / 2, rel=1e-9)
    assert ours.mid_two_sided == pytest.approx(two_sided - seen / 2, rel=1e-9)
    assert ours.mid_doubled == pytest.approx(min(1, 2 * min(ours.mid_greater, ours.mid_less)), rel=1e-9)


@pytest.mark.definition
@pytest.mark.parametrize(
    "cells", [STUDY_B, [[3, 6], [8, 5]], [[0, 5], [4, 2]], [[4, 5], [6, 8]], [[3, 0], [0, 7]]]
)
@pytest.mark.parametrize("pooled", [True, False])
def test_barnard_is_the_maximum_over_proportions(cells, pooled):
    two_sided = barnard_definition(cells, pooled=pooled, two_sided=True)
    greater = barnard_definition(cells, pooled=pooled, two_sided=False)
    assert barnard(cells, pooled=pooled).p_value == pytest.approx(two_sided, abs=2e-6)
    assert barnard(cells, pooled=pooled, alternative="greater").p_value == pytest.approx(greater, abs=2e-6)


@pytest.mark.definition
@pytest.mark.parametrize(
    "cells", [[[3, 2, 1], [1, 3, 2]], [[2, 1], [0, 3], [1, 1]], [[1, 1, 0], [1, 0, 1], [0, 1, 1]]]
)
def test_freeman_halton_is_a_sum_over_tables(cells):
    assert freeman_halton(cells) == pytest.approx(freeman_halton_definition(cells), rel=1e-9)


@pytest.mark.property
@given(cells=table)
def test_freeman_halton_of_a_2x2_table_is_fisher(cells):
    assume(sum(map(sum, cells)) > 0)
    assert freeman_halton(cells) == pytest.approx(conditional_tests(cells).two_sided, rel=1e-6)


@pytest.mark.property
@given(cells=table)
def test_exchanging_rows_exchanges_the_sides(cells):
    assume(all(sum(row) for row in cells))
    one, other = conditional_tests(cells), conditional_tests(cells[::-1])
    assert (one.greater, one.two_sided) == pytest.approx((other.less, other.two_sided), rel=1e-9)
    assert z_pooled(cells).value == pytest.approx(-z_pooled(cells[::-1]).value)
    assert z_unpooled(cells).value == pytest.approx(-z_unpooled(cells[::-1]).value)
    for effect in (effect_sizes.newcombe, effect_sizes.miettinen_nurminen, effect_sizes.agresti_caffo):
        value, low, high = effect(cells)
        assert -1 <= low <= value <= high <= 1
        assert effect(cells[::-1]) == pytest.approx((-value, -high, -low), abs=1e-7)


@pytest.mark.property
@settings(max_examples=40)
@given(cells=table)
def test_unconditional_tests_keep_their_order(cells):
    """Boschloo is never above Fisher; exchanging the rows exchanges the sides."""
    assume(all(sum(row) for row in cells))
    fisher = conditional_tests(cells)
    greater = boschloo(cells, alternative="greater")
    assert greater.p_value <= fisher.greater + 1e-9
    assert greater.p_value == pytest.approx(boschloo(cells[::-1], alternative="less").p_value, rel=1e-7)
    assert barnard(cells).p_value == pytest.approx(barnard(cells[::-1]).p_value, rel=1e-7)


@pytest.mark.property
@given(cells=table)
def test_pooled_z_squared_is_pearson(cells):
    rows, columns = margins(cells)
    assume(all(rows) and all(columns))
    assert z_pooled(cells).value ** 2 == pytest.approx(pearson(cells).value, abs=1e-9)
    assert z_pooled(cells).p_value == pytest.approx(pearson(cells).p_value, abs=1e-9)


@pytest.mark.definition
@settings(max_examples=30)
@given(cells=table)
def test_posterior_probability_is_a_fisher_tail(cells):
    """Altham 1969: under uniform priors P(p1 <= p2) is hypergeometric, with a larger table."""
    assume(sum(map(sum, cells)) > 0)
    (a, b), (c, d) = cells
    tail = stats.hypergeom(a + b + c + d + 2, a + c + 1, a + b + 1).sf(a)
    assert effect_sizes.posterior_difference(cells).probability_greater == pytest.approx(1 - tail, abs=1e-8)


@pytest.mark.definition
def test_posterior_of_very_unequal_groups():
    """20,000 against 4 patients: the large group's posterior is a needle at one half."""
    made = effect_sizes.posterior_difference([[10_000, 10_000], [1, 3]])
    assert made.probability_greater == pytest.approx(stats.beta(2, 4).cdf(0.5), abs=1e-4)


@pytest.mark.definition
@pytest.mark.parametrize("cells", [STUDY_B, [[2, 10], [5, 6]], [[1, 9], [9, 1]]])
def test_conditional_odds_ratio_solves_its_equations(cells):
    """At the estimate the expected first cell is the observed one; at the bounds a tail is 2.5 %."""
    value, low, high = effect_sizes.conditional_odds_ratio(cells)
    free, probability = hypergeometric(cells)

    def tilted(ratio):
        weight = probability * ratio ** (free - free.mean())
        return weight / weight.sum()

    assert tilted(value) @ free == pytest.approx(cells[0][0], rel=1e-6)
    assert tilted(low)[free >= cells[0][0]].sum() == pytest.approx(0.025, rel=1e-6)
    assert tilted(high)[free <= cells[0][0]].sum() == pytest.approx(0.025, rel=1e-6)


@pytest.mark.definition
@pytest.mark.parametrize("cells", [STUDY_B, [[2, 10], [5, 6]], [[0, 8], [3, 9]], [[8, 0], [0, 12]]])
def test_miettinen_nurminen_bounds_are_at_the_limit_of_the_score_test(cells):
    (n, m), _ = margins(cells)
    (a, _), (b, _) = cells
    z = stats.norm.ppf(0.975)

    def score(delta):
        low, high = max(0, -delta), min(1, 1 - delta)

        def log_likelihood(q):
            first = stats.binom.logpmf(a, n, min(1, max(0, q + delta)))
            return -(first + stats.binom.logpmf(b, m, q))

        grid = np.linspace(low, high, 20001)[1:-1]
        start = grid[np.argmin([log_likelihood(q) for q in grid[::50]]) * 50]
        width = (high - low) / 300
        found = optimize.minimize_scalar(
            log_likelihood,
            bounds=(max(low, start - width), min(high, start + width)),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        variance = (found + delta) * (1 - found - delta) / n + found * (1 - found) / m
        return (a / n - b / m - delta) / math.sqrt(variance * (n + m) / (n + m - 1))

    value, low, high = effect_sizes.miettinen_nurminen(cells)
    assert value == pytest.approx(a / n - b / m)
    if low > -1:
        assert score(low) == pytest.approx(z, abs=1e-3)
    if high < 1:
        assert score(high) == pytest.approx(-z, abs=1e-3)


@pytest.mark.reference
@settings(max_examples=40)
@given(cells=table)
def test_scipy_fisher_and_boschloo_agree(cells):
    rows, columns = margins(cells)
    assume(all(rows) and all(columns))
    assert conditional_tests(cells).two_sided == pytest.approx(stats.fisher_exact(cells).pvalue, rel=1e-9)
    groups_as_columns = np.transpose(cells)
    for alternative in ("greater", "less"):
        theirs = stats.boschloo_exact(groups_as_columns, alternative=alternative).pvalue
        ours = boschloo(cells, alternative=alternative).p_value
        assert ours == pytest.approx(theirs, rel=5e-3)
        assert ours >= theirs - 1e-9


@pytest.mark.reference
def test_scipy_barnard_stops_short_of_the_maximum():
    """The reason for own code: the P value must be a maximum, and scipy's two-sided one is not."""
    cells = [[3, 6], [8, 5]]
    theirs = stats.barnard_exact(np.transpose(cells)).pvalue
    assert barnard(cells).p_value == pytest.approx(0.2288, abs=1e-4)
    assert theirs <= barnard(cells).p_value + 1e-9


@pytest.mark.reference
def test_r_on_the_table_of_study_b(real_data):
    theirs = json.loads((real_data / "cohorts/reference/small_tables.json").read_text())
    ours = conditional_tests(STUDY_B)
    assert ours.two_sided == pytest.approx(theirs["fisher"]["p"], rel=1e-9)
    assert ours.greater == pytest.approx(theirs["fisher_greater"], rel=1e-9)
    assert pearson(STUDY_B).p_value == pytest.approx(theirs["chisq_nocorr"], rel=1e-9)
    assert pearson(STUDY_B, yates=True).p_value == pytest.approx(theirs["chisq_corr"], rel=1e-9)
    value, low, high = effect_sizes.conditional_odds_ratio(STUDY_B)
    # R's uniroot stops at 1e-4: compare no closer
    assert value == pytest.approx(theirs["fisher"]["or"], rel=2e-4)
    assert (low, high) == pytest.approx(theirs["fisher"]["ci"], rel=4e-4)


@pytest.mark.published
def test_hypergeometric_support_of_study_b():
    """Nagel et al. 2017, margins 8, 12, 9, 11: hypergeometric probabilities of 0 to 8."""
    printed = [0.001310, 0.023577, 0.132031, 0.308073, 0.330079, 0.165039, 0.036675, 0.003144, 0.0000714]
    free, probability = hypergeometric(STUDY_B)
    assert free.tolist() == list(range(9))
    assert probability == pytest.approx(printed, abs=6e-7)


@pytest.mark.published
@pytest.mark.parametrize(
    ("cells", "attribute", "printed"),
    [
        ([[6, 2], [4, 13]], "two_sided", 0.0280),
        ([[6, 2], [4, 13]], "greater", 0.0221),
        ([[6, 2], [3, 12]], "two_sided", 0.0228),
        ([[8, 2], [3, 9]], "two_sided", 0.0300),
        ([[6, 2], [2, 10]], "two_sided", 0.0194),
    ],
)
def test_other_readings_of_study_b(cells, attribute, printed):
    """Nagel et al. 2017, other readings of the table: [[6, 2], [4, 13]] .0280, [[6, 2], [3, 12]] .0228, [[8, 2], [3, 9]] .0300."""
    assert getattr(conditional_tests(cells), attribute) == pytest.approx(printed, abs=5e-5)


@pytest.mark.published
def test_freeman_halton_of_study_b_with_untyped_patients():
    """Nagel et al. 2017, [[6, 3, 1], [2, 9, 4]]: Freeman-Halton .0515."""
    assert freeman_halton([[6, 3, 1], [2, 9, 4]]) == pytest.approx(0.0515, abs=5e-5)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([[1, 2]], "at least two rows"),
        ([[1, -2], [3, 4]], "row 1, column 2: -2"),
        ([[1, 2.5], [3, 4]], "row 1, column 2: 2.5"),
        ([[1, math.nan], [3, 4]], "row 1, column 2: nan"),
        ([[0, 0], [0, 0]], "all cells are 0"),
        ([["a", "b"], ["c", "d"]], "at least two rows"),
        ([[1, 2], [3]], "at least two rows"),
    ],
)
def test_tables_that_are_no_counts_are_refused(cells, said):
    with pytest.raises(MeasurementError, match=said):
        count_table(cells)


def test_every_bad_cell_is_listed():
    with pytest.raises(MeasurementError) as caught:
        count_table([[-1, 2], [3, 0.5]])
    assert len(caught.value.problems) == 2


def test_larger_tables_are_refused_where_2x2_is_needed():
    with pytest.raises(MeasurementError, match="two rows and two columns"):
        fourfold_table([[1, 2, 3], [4, 5, 6]])


def test_empty_groups_have_no_unconditional_test_and_no_difference():
    with pytest.raises(MeasurementError, match="not empty"):
        barnard([[0, 0], [3, 4]])
    with pytest.raises(MeasurementError, match="share of nobody"):
        effect_sizes.newcombe([[0, 0], [3, 4]])


def test_huge_tables_are_refused_by_the_exact_tests():
    with pytest.raises(MeasurementError, match="at most"):
        boschloo([[3000, 1000], [2000, 2000]], alternative="greater")
    with pytest.raises(MeasurementError, match="smaller table"):
        freeman_halton(np.full((5, 5), 40))
