"""Ruijter 2013: the published metrics to the last digit, and ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.numerics.cycle_combination import cycle_weights
from remnant.numerics.dilution_metrics import dilution_metrics


@pytest.mark.definition
def test_metrics_equal_the_analysis_of_variance():
    rng = np.random.default_rng(0)
    nominal = np.repeat([15.0, 150.0, 1500.0, 15000.0], 3)
    quantity = nominal * 10 ** rng.normal(0.0, 0.1, 12)
    x, y = np.log10(nominal), np.log10(quantity)
    slope, intercept = np.polyfit(x, y, 1)
    groups = [y[nominal == level] for level in np.unique(nominal)]
    within = sum(((group - group.mean()) ** 2).sum() for group in groups) / (12 - 4)
    away = [
        3 * (group.mean() - intercept - slope * level) ** 2
        for group, level in zip(groups, np.unique(x), strict=True)
    ]
    got = dilution_metrics(nominal, quantity)
    assert got.slope == pytest.approx(slope)
    assert got.ms_within == pytest.approx(within)
    assert got.ms_deviation == pytest.approx(sum(away) / 2)
    assert got.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])


@pytest.mark.property
@given(unit=st.floats(1e-12, 1e12))
def test_metrics_ignore_the_unit(unit):
    nominal = np.repeat([10.0, 100.0, 1000.0], 2)
    quantity = nominal * np.array([1.0, 1.1, 0.9, 1.0, 1.05, 1.0])
    plain, other = dilution_metrics(nominal, quantity), dilution_metrics(nominal, unit * quantity)
    assert other.ms_within == pytest.approx(plain.ms_within, rel=1e-6)
    assert other.bias_ratio == pytest.approx(plain.bias_ratio)


@pytest.mark.property
@given(seed=st.integers(0, 50), shift=st.floats(-5.0, 5.0))
def test_weights_sum_to_one_and_ignore_the_intercept_of_an_assay(seed, shift):
    rng = np.random.default_rng(seed)
    x, assay = np.tile(np.arange(5.0), 4), np.repeat(np.arange(4), 5)
    cycles = (38.0 - 3.4 * x)[:, None] + rng.normal(0.0, 0.1, (20, 3))
    asked = {"variance": np.ones(20), "ridge": 0.1}
    plain = cycle_weights(cycles, x, assay, **asked)
    moved = cycle_weights(cycles + shift * (assay == 2)[:, None], x, assay, **asked)
    assert plain.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(moved, plain, atol=1e-8)


@pytest.mark.published
def test_metrics_of_eleven_methods_are_those_of_ruijter_2013(benchmark):
    """Ruijter et al., Methods 59, 32-46 (2013): 3,465 values of 11 methods on 63 genes, to the last printed digit."""
    worst, count = benchmark("_qpcr_ruijter").recomputed()
    assert count == 3465
    assert worst <= 1.0


@pytest.fixture(scope="module")
def standards(benchmark):
    """Nominal copies of the fifteen wells, and the combined Cq of 63 genes as a study reads them."""
    part = benchmark("_qpcr_ruijter")
    found = part.curve_set("vermeulen2")
    nominal, rows = part.standards(found)
    read, learned = part.our_cq(found)
    return nominal, read["combined"][rows], learned


@pytest.mark.published
def test_combined_cycles_stand_before_the_eleven_by_the_line_of_other_genes(benchmark, standards):
    """Ruijter et al. 2013, 63 genes: best published MS within 0.00353, MS deviation 0.00275; ours is below both."""
    nominal, cq, learned = standards
    lines, nested = benchmark("_qpcr_lines"), benchmark("_qpcr_nested")
    rest = [np.arange(len(cq)) != gene for gene in range(len(cq))]
    quantity = np.stack(
        [lines.by_other_genes(nominal, cq[keep], own) for keep, own in zip(rest, cq, strict=True)]
    )
    slope, within, away = (float(np.median(one)) for one in nested.metrics(nominal, quantity))
    assert learned.variance_ratio < 0.9
    assert slope == pytest.approx(1.0, abs=0.005)
    assert within <= 0.0035
    assert away <= 0.0025


@pytest.mark.published
def test_calibration_leaves_the_well_out(benchmark, standards):
    """Ruijter et al. 2013: moving a well moves its own quantity in proportion, because no line knows the well."""
    nominal, cq, _ = standards
    lines = benchmark("_qpcr_lines")
    known = lines.laboratory(nominal, cq[1:])
    moved = [cq[0] + by * (np.arange(len(nominal)) == 13) for by in (0.0, 1.0, 2.0)]
    for read in (
        lambda one: lines.by_history(known, one),
        lambda one: lines.own_line_without(nominal, one[None])[0],
        lambda one: lines.by_other_genes(nominal, cq[1:], one),
    ):
        plain, once, twice = (read(one)[13] for one in moved)
        assert once - plain == pytest.approx(twice - once, rel=1e-9)
    plain, once, twice = (lines.own_line(nominal, one[None])[0, 13] for one in moved)
    assert once - plain != pytest.approx(twice - once, rel=1e-3)


@pytest.mark.definition
def test_metrics_of_many_genes_are_those_of_each(benchmark):
    rng = np.random.default_rng(0)
    nominal = np.repeat([15.0, 150.0, 1500.0], 3)
    quantity = np.log10(nominal) + rng.normal(0.0, 0.1, (4, 9))
    each = [dilution_metrics(nominal, 10.0**one) for one in quantity]
    got = benchmark("_qpcr_nested").metrics(nominal, quantity)
    for column, field in zip(got, ("slope", "ms_within", "ms_deviation"), strict=True):
        np.testing.assert_allclose(column, [getattr(one, field) for one in each])
