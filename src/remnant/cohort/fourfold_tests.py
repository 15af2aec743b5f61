"""The list of tests and effects of a 2x2 table, by name.

Which tests, under which names, in which order: the one place that says so. The formulas are in `numerics`.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.numerics import effect_sizes
from remnant.numerics.conditional_tests import conditional_tests
from remnant.numerics.contingency import (
    Statistic,
    likelihood_ratio,
    log_odds_ratio_wald,
    pearson,
    pearson_n_minus_1,
    z_pooled,
    z_unpooled,
)
from remnant.numerics.unconditional_tests import LARGEST_LATTICE, Alternative, barnard, boschloo
from remnant.records.cohort import Effect, TestResult

__all__ = ["Direction", "fourfold_effects", "fourfold_tests"]

Direction = Literal["greater", "less"]
_Margins = Literal["both", "rows", "columns", "none"]

_EMPTY_MARGIN = "a margin is 0: nothing to compare"
_ALL_OR_NONE = "both groups are all or none: no variance to divide by"
_ZERO_CELL = "a cell is 0: the log odds ratio is infinite"
_TOO_LARGE = "the groups are too large for an exact unconditional test"


def fourfold_tests(
    cells: NDArray[np.int64], *, direction: Direction, alternatives: tuple[str, str]
) -> tuple[TestResult, ...]:
    """Every test of a 2x2 table.

    Parameters
    ----------
    cells : ndarray of int, shape (2, 2)
        Counts: rows are groups, columns outcomes.
    direction : {"greater", "less"}
        Alternative of the one-sided tests.
    alternatives : tuple of str
        Two-sided and one-sided alternative in the table's own words.

    Returns
    -------
    tuple of TestResult
        27 tests in a fixed order; without P value, and with the reason, where a margin or cell of 0 leaves
        a test undefined.

    Examples
    --------
    >>> tests = fourfold_tests(np.array([[6, 2], [3, 9]]), direction="greater", alternatives=("differ", "more"))
    >>> len(tests), tests[-1].name, round(tests[-1].p_value, 4)
    (27, 'Log odds ratio, Wald', 0.0371)
    """
    rows = _rows(cells, direction)
    return tuple(
        TestResult(
            name=row.name,
            sidedness="one-sided" if row.one_sided else "two-sided",
            alternative=alternatives[int(row.one_sided)],
            margins=row.margins,
            statistic_name=row.statistic_name,
            statistic=row.statistic if row.p_value is not None else None,
            p_value=row.p_value,
            note=row.note,
        )
        for row in rows
    )


def fourfold_effects(cells: NDArray[np.int64], *, level: float) -> tuple[Effect, ...]:
    """Every effect size of a 2x2 table.

    Parameters
    ----------
    cells : ndarray of int, shape (2, 2)
        Counts: rows are groups, columns outcomes.
    level : float
        Level of the intervals.

    Returns
    -------
    tuple of Effect
        Two odds ratios, four risk differences, and the posterior under uniform priors; differences are
        left out if a row is empty.

    Examples
    --------
    >>> effects = fourfold_effects(np.array([[6, 2], [3, 9]]), level=0.95)
    >>> [round(effect.estimate, 3) for effect in effects]
    [9.0, 7.877, 0.5, 0.5, 0.5, 0.5, 0.425, 0.983]
    """
    ratios = [
        ("sample, Wald interval of its logarithm", effect_sizes.sample_odds_ratio(cells, level=level)),
        (
            "conditional maximum likelihood, exact interval",
            effect_sizes.conditional_odds_ratio(cells, level=level),
        ),
    ]
    made = [_effect("odds ratio", method, estimate, level) for method, estimate in ratios]
    if cells.sum(axis=1).all():
        differences = [
            ("Newcombe (hybrid score)", effect_sizes.newcombe(cells, level=level)),
            ("Miettinen-Nurminen (score)", effect_sizes.miettinen_nurminen(cells, level=level)),
            ("Agresti-Caffo", effect_sizes.agresti_caffo(cells, level=level)),
            ("Wald", effect_sizes.wald_difference(cells, level=level)),
        ]
        made += [_effect("risk difference", method, estimate, level) for method, estimate in differences]
    posterior = effect_sizes.posterior_difference(cells, level=level)
    median = effect_sizes.Estimate(posterior.median, posterior.lower, posterior.upper)
    return (
        *made,
        _effect("risk difference", "posterior median and interval, uniform priors", median, level),
        Effect(
            measure="probability",
            method="posterior, first row's share larger than the second's, uniform priors",
            estimate=posterior.probability_greater,
            lower=None,
            upper=None,
            level=level,
        ),
    )


class _Row(NamedTuple):
    """A test before it is put into the table's own words."""

    name: str
    one_sided: bool
    margins: _Margins
    p_value: float | None
    statistic_name: str = ""
    statistic: float | None = None
    note: str = ""


def _rows(cells: NDArray[np.int64], direction: Direction) -> list[_Row]:
    if not (cells.sum(axis=0).all() and cells.sum(axis=1).all()):
        return [
            row._replace(p_value=None, note=_EMPTY_MARGIN)
            for row in _rows(np.ones((2, 2), dtype=np.int64), direction)
        ]
    return [
        *_conditional(cells, direction),
        *_large_sample(cells, direction),
        *_unconditional(cells, direction, margins="rows"),
        *_unconditional(cells.T, direction, margins="columns"),
        _wald(cells),
    ]


def _conditional(cells: NDArray[np.int64], direction: Direction) -> list[_Row]:
    result = conditional_tests(cells)
    greater = direction == "greater"
    less_half = "Mid-P, two-sided Fisher less half the observed probability"
    named = [
        ("Fisher, sum of tables no more likely", False, result.two_sided),
        ("Fisher, doubled one-sided", False, result.doubled),
        ("Fisher", True, result.greater if greater else result.less),
        ("Mid-P", True, result.mid_greater if greater else result.mid_less),
        (less_half, False, result.mid_two_sided),
        ("Mid-P, doubled one-sided", False, result.mid_doubled),
    ]
    return [_Row(name, one_sided, "both", p_value) for name, one_sided, p_value in named]


def _large_sample(cells: NDArray[np.int64], direction: Direction) -> list[_Row]:
    pooled, unpooled = z_pooled(cells), z_unpooled(cells)
    named = [
        ("Pearson chi-square, no correction (equals pooled z)", False, "chi-square", pearson(cells)),
        ("Pearson chi-square, Yates", False, "chi-square", pearson(cells, yates=True)),
        ('"N - 1" chi-square', False, "chi-square", pearson_n_minus_1(cells)),
        ("Pooled z", True, "z", _one_sided(pooled, direction)),
        ("Unpooled (Wald) z", False, "z", unpooled),
        ("Unpooled (Wald) z", True, "z", _one_sided(unpooled, direction)),
        ("Likelihood ratio G, no correction", False, "G", likelihood_ratio(cells)),
        ("Likelihood ratio G, Yates", False, "G", likelihood_ratio(cells, yates=True)),
    ]
    return [
        _Row(name, one_sided, "none", result.p_value, statistic_name, result.value)
        if math.isfinite(result.value)
        else _Row(name, one_sided, "none", None, statistic_name, note=_ALL_OR_NONE)
        for name, one_sided, statistic_name, result in named
    ]


def _one_sided(result: Statistic, direction: Direction) -> Statistic:
    along = (result.value > 0) == (direction == "greater")
    return result._replace(p_value=result.p_value / 2.0 if along else 1.0 - result.p_value / 2.0)


def _unconditional(groups: NDArray[np.int64], direction: Direction, *, margins: _Margins) -> list[_Row]:
    too_large = int((groups.sum(axis=1) + 1).prod()) > LARGEST_LATTICE
    sides: tuple[Alternative, ...] = ("two-sided", direction)
    made = []
    for pooled in (True, False):
        for side in sides:
            result = None if too_large else barnard(groups, pooled=pooled, alternative=side)
            name = f"Barnard, {'pooled' if pooled else 'unpooled'} z"
            made.append((_Row(name, side != "two-sided", margins, None, "z"), result))
    for side in sides:
        result = None if too_large else boschloo(groups, alternative=side)
        name = "Boschloo, doubled one-sided" if side == "two-sided" else "Boschloo"
        made.append((_Row(name, side != "two-sided", margins, None, "Fisher one-sided P"), result))
    return [
        row._replace(p_value=result.p_value, statistic=_finite(result.statistic))
        if result
        else row._replace(note=_TOO_LARGE)
        for row, result in made
    ]


def _wald(cells: NDArray[np.int64]) -> _Row:
    row = _Row("Log odds ratio, Wald", one_sided=False, margins="none", p_value=None, statistic_name="z")
    if not cells.all():
        return row._replace(note=_ZERO_CELL)
    result = log_odds_ratio_wald(cells)
    return row._replace(p_value=result.p_value, statistic=result.value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _effect(measure: str, method: str, estimate: effect_sizes.Estimate, level: float) -> Effect:
    return Effect(
        measure=measure,
        method=method,
        estimate=None if math.isnan(estimate.value) else estimate.value,
        lower=estimate.lower,
        upper=estimate.upper,
        level=level,
    )
