"""Every test of a table by name, sidedness and margins; frames in, the same kind out."""

import itertools
import math

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from remnant.cohort.association import (
    associate,
    associate_columns,
    association_frame,
    raised_at_diagnosis_test,
    undecided_bounds,
)
from remnant.errors import InputError, MeasurementError
from remnant.numerics.conditional_tests import conditional_tests
from remnant.records.codec import from_json, to_json
from remnant.records.cohort import Association

STUDY_B = ((6, 2), (3, 9))
PRINTED = {
    ("Fisher, sum of tables no more likely", "two-sided", "both"): 0.0648,
    ("Fisher, doubled one-sided", "two-sided", "both"): 0.0798,
    ("Fisher", "one-sided", "both"): 0.0399,
    ("Mid-P", "one-sided", "both"): 0.0216,
    ("Mid-P, two-sided Fisher less half the observed probability", "two-sided", "both"): 0.0464,
    ("Mid-P, doubled one-sided", "two-sided", "both"): 0.0431,
    ("Pearson chi-square, no correction (equals pooled z)", "two-sided", "none"): 0.0277,
    ("Pearson chi-square, Yates", "two-sided", "none"): 0.0813,
    ('"N - 1" chi-square', "two-sided", "none"): 0.0319,
    ("Pooled z", "one-sided", "none"): 0.0138,
    ("Unpooled (Wald) z", "two-sided", "none"): 0.0114,
    ("Unpooled (Wald) z", "one-sided", "none"): 0.0057,
    ("Likelihood ratio G, no correction", "two-sided", "none"): 0.0249,
    ("Likelihood ratio G, Yates", "two-sided", "none"): 0.0783,
    ("Barnard, pooled z", "two-sided", "rows"): 0.0345,
    ("Barnard, pooled z", "one-sided", "rows"): 0.0176,
    ("Barnard, unpooled z", "two-sided", "rows"): 0.0359,
    ("Barnard, unpooled z", "one-sided", "rows"): 0.0184,
    ("Boschloo, doubled one-sided", "two-sided", "rows"): 0.0349,
    ("Boschloo", "one-sided", "rows"): 0.0174,
    ("Barnard, pooled z", "two-sided", "columns"): 0.0423,
    ("Barnard, pooled z", "one-sided", "columns"): 0.0232,
    ("Barnard, unpooled z", "two-sided", "columns"): 0.0429,
    ("Barnard, unpooled z", "one-sided", "columns"): 0.0237,
    ("Boschloo, doubled one-sided", "two-sided", "columns"): 0.0464,
    ("Boschloo", "one-sided", "columns"): 0.0232,
    ("Log odds ratio, Wald", "two-sided", "none"): 0.0371,
}
STATISTICS = {
    "Pearson chi-square, no correction (equals pooled z)": 4.8485,
    "Pearson chi-square, Yates": 3.0387,
    "Pooled z": 2.2019,
    "Unpooled (Wald) z": 2.5298,
    "Likelihood ratio G, no correction": 5.0321,
}


@pytest.mark.published
def test_every_test_of_study_b_by_name_sidedness_and_margins():
    """Nagel et al. 2017, table [[6, 2], [3, 9]] as one reading of the abstract: P of 27 tests by name (two-sided Fisher .0648)."""
    tests = associate(STUDY_B).tests
    assert {(t.name, t.sidedness, t.margins): round(t.p_value, 4) for t in tests} == PRINTED
    assert len(tests) == len(PRINTED)


@pytest.mark.published
def test_statistics_of_study_b():
    """Nagel et al. 2017, [[6, 2], [3, 9]]: statistics, Pearson 4.8485, Yates 3.0387, G 5.0321."""
    found = {t.name: t.statistic for t in associate(STUDY_B).tests if t.name in STATISTICS}
    assert found == pytest.approx(STATISTICS, abs=5e-5)


@pytest.mark.published
def test_effects_of_study_b():
    """Nagel et al. 2017, [[6, 2], [3, 9]]: odds ratio 9.0 (1.14-71.0), conditional 7.88 (0.83-123.8), risk difference 0.50 by four intervals."""
    found = {(e.measure, e.method.split(",")[0].split(" (")[0]): e for e in associate(STUDY_B).effects}
    printed = {
        ("odds ratio", "sample"): (9.0, 1.14, 71.0),
        ("odds ratio", "conditional maximum likelihood"): (7.88, 0.83, 123.8),
        ("risk difference", "Newcombe"): (0.50, 0.058, 0.740),
        ("risk difference", "Miettinen-Nurminen"): (0.50, 0.043, 0.782),
        ("risk difference", "Agresti-Caffo"): (0.50, 0.045, 0.784),
        ("risk difference", "Wald"): (0.50, 0.113, 0.887),
        ("risk difference", "posterior median and interval"): (0.425, 0.033, 0.733),
    }
    for key, values in printed.items():
        effect = found.pop(key)
        for got, value in zip((effect.estimate, effect.lower, effect.upper), values, strict=True):
            digits = 1 if value > 10 else 2 if key[0] == "odds ratio" else 3
            assert round(got, digits) == pytest.approx(value)
    (probability,) = found.values()
    assert round(probability.estimate, 3) == 0.983


@pytest.mark.published
def test_the_other_reading_of_study_b_prints_as_the_published_p():
    """Nagel et al. 2017, P = .02: the reading [[6, 2], [2, 10]] has two-sided Fisher .0194; which table was meant is not claimed."""
    fisher = associate(((6, 2), (2, 10))).tests[0]
    assert (fisher.name, round(fisher.p_value, 4)) == ("Fisher, sum of tables no more likely", 0.0194)


@pytest.mark.property
def test_transposing_exchanges_the_fixed_margins():
    one = {(t.name, t.sidedness, t.margins): t.p_value for t in associate(STUDY_B).tests}
    other = {(t.name, t.sidedness, t.margins): t.p_value for t in associate(((6, 3), (2, 9))).tests}
    swap = {"rows": "columns", "columns": "rows"}
    for (name, sidedness, margins), p_value in one.items():
        if name.startswith("Unpooled"):  # the one test that treats rows and columns differently
            continue
        assert other[name, sidedness, swap.get(margins, margins)] == pytest.approx(p_value, rel=1e-6)


@pytest.mark.property
def test_one_sided_tests_look_where_they_are_told():
    greater, less = (associate(STUDY_B, direction=side) for side in ("greater", "less"))
    assert associate(STUDY_B).tests == greater.tests
    assert associate(((3, 9), (6, 2))).direction.startswith(
        "outcome 1 less" if False else "column 1 less often"
    )
    for one, other in zip(greater.tests, less.tests, strict=True):
        if one.sidedness == "two-sided":
            assert one.p_value == other.p_value
        else:
            assert one.p_value < 0.05 < other.p_value
    assert greater.direction.endswith("(stated by the caller)")
    assert associate(STUDY_B).direction.endswith("(direction of the data)")


def test_the_record_names_everything():
    made = associate(
        STUDY_B,
        row_variable="transcript",
        column_variable="HSC",
        rows=("P210", "P190"),
        columns=("involved", "not involved"),
    )
    assert made.direction == "involved more often in P210 than in P190 (direction of the data)"
    assert made.tests[2].alternative == "involved more often in P210 than in P190"
    assert [(share.group, share.positive, share.evaluable) for share in made.shares] == [
        ("P210", 6, 8),
        ("P190", 3, 12),
    ]
    assert from_json(Association, to_json(made)) == made


@pytest.mark.parametrize("cells", [((8, 0), (12, 0)), ((0, 0), (3, 4)), ((0, 8), (0, 12))])
def test_a_margin_of_zero_gives_no_p_value_and_says_why(cells):
    made = associate(cells)
    assert len(made.tests) == 27
    assert {(test.p_value, test.statistic) for test in made.tests} == {(None, None)}
    assert {test.note for test in made.tests} == {"a margin is 0: nothing to compare"}
    assert made.effects[0].estimate is None


def test_a_cell_of_zero_leaves_out_only_what_it_must():
    made = associate(((8, 0), (3, 9)))
    assert [test.name for test in made.tests if test.p_value is None] == ["Log odds ratio, Wald"]
    assert made.effects[0].estimate == math.inf
    both = associate(((8, 0), (0, 12)))
    assert {test.name for test in both.tests if test.p_value is None} == {
        "Log odds ratio, Wald",
        "Unpooled (Wald) z",
    }
    assert from_json(Association, to_json(made)) == made


def test_groups_too_large_for_the_exact_unconditional_tests_are_told():
    made = associate(((2100, 2000), (1900, 2100)))
    skipped = {(test.name, test.sidedness, test.margins) for test in made.tests if test.p_value is None}
    assert skipped == {key for key in PRINTED if key[2] in {"rows", "columns"}}
    assert all("too large" in test.note for test in made.tests if test.p_value is None)


@pytest.mark.published
def test_a_larger_table_has_freeman_halton_first():
    """Nagel et al. 2017, [[6, 3, 1], [2, 9, 4]] by transcript with untyped patients: Freeman-Halton .0515."""
    made = associate(((6, 3, 1), (2, 9, 4)), columns=("P210", "P190", "other"))
    assert round(made.tests[0].p_value, 4) == 0.0515
    assert [test.margins for test in made.tests] == ["both", "none", "none"]
    assert (made.effects, made.direction) == ((), "")


def test_a_larger_table_with_an_empty_column_says_so():
    made = associate(((6, 3, 0), (2, 9, 0)))
    assert made.tests[0].p_value == pytest.approx(conditional_tests(((6, 3), (2, 9))).two_sided)
    assert [test.note for test in made.tests[1:]] == ["a margin is 0"] * 2


def test_names_must_fit():
    with pytest.raises(InputError, match="2 different names"):
        associate(STUDY_B, rows=("P210",))
    with pytest.raises(InputError, match="2 different names"):
        associate(STUDY_B, columns=("same", "same"))
    with pytest.raises(MeasurementError, match="at least two rows"):
        associate("6,2;3,9")


def frames():
    data = {
        "transcript": ["P210"] * 8 + ["P190"] * 12 + ["other"] * 4 + [None],
        "involved": [True] * 6 + [False] * 2 + [True] * 3 + [False] * 9 + [True, None, False, False, True],
    }
    return [pl.DataFrame(data), pd.DataFrame(data)]


@pytest.mark.parametrize("frame", frames(), ids=["polars", "pandas"])
def test_two_columns_of_a_frame(frame):
    made = associate_columns(frame, row="transcript", column="involved", rows=("P210", "P190"))
    assert made.counts == STUDY_B
    assert (made.rows, made.columns) == (("P210", "P190"), ("involved", "not involved"))
    assert made.left_out == 5
    assert {(one.row, one.column): one.patients for one in made.left_out_by} == {
        ("other", "involved"): 1,
        ("other", "not involved"): 2,
        ("other", "not known"): 1,
        ("not known", "involved"): 1,
    }
    assert made.bounds is None, "nobody of known group has an unknown outcome"
    assert made.tests == associate(STUDY_B, rows=made.rows, columns=made.columns).tests


@pytest.mark.parametrize("frame", frames(), ids=["polars", "pandas"])
def test_untyped_patients_are_a_level_of_their_own_unless_left_out(frame):
    made = associate_columns(frame, row="transcript", column="involved")
    assert made.rows == ("P190", "P210", "other")
    assert made.left_out == 2


@pytest.mark.parametrize("frame", frames(), ids=["polars", "pandas"])
def test_a_frame_comes_back_as_the_same_kind(frame):
    made = association_frame(frame, row="transcript", column="involved")
    assert type(made) is type(frame)
    table = nw.from_native(made, eager_only=True)
    assert table["name"].to_list()[0] == "Freeman-Halton, sum of tables no more likely"


def test_a_missing_column_or_a_single_value_is_refused():
    frame = frames()[0]
    with pytest.raises(InputError, match="no column fab, lesion"):
        associate_columns(frame, row="fab", column="lesion")
    with pytest.raises(InputError, match="at least two"):
        associate_columns(frame.filter(pl.col("transcript") == "P210"), row="transcript", column="involved")


@pytest.mark.definition
def test_bounds_are_over_every_allocation():
    made = undecided_bounds(STUDY_B, (2, 1))
    tables = [((6 + i, 2 + 2 - i), (3 + j, 9 + 1 - j)) for i, j in itertools.product(range(3), range(2))]
    p_values = {conditional_tests(cells).two_sided: cells for cells in tables}
    assert made.tables == 6
    assert (made.lowest_p, made.highest_p) == (min(p_values), max(p_values))
    assert made.lowest_counts == p_values[min(p_values)]
    assert made.highest_counts == p_values[max(p_values)]
    assert made.p_value == conditional_tests(STUDY_B).two_sided


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_patients_without_an_outcome_bound_the_test(kind):
    data = {
        "transcript": ["P190"] * 12 + ["P210"] * 8 + [None],
        "outside": [True] * 3 + [None] * 9 + [True] * 6 + [None, False] + [None],
    }
    made = associate_columns(kind(data), row="transcript", column="outside")
    assert made.counts == ((3, 0), (6, 1))
    assert made.bounds == undecided_bounds(made.counts, (9, 1))
    assert [(one.row, one.column, one.patients) for one in made.left_out_by] == [
        ("P190", "not known", 9),
        ("P210", "not known", 1),
        ("not known", "not known", 1),
    ]
    assert associate(STUDY_B).bounds is None


def test_negative_undecided_are_refused():
    with pytest.raises(MeasurementError):
        undecided_bounds(STUDY_B, (-1, 0))


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_raised_at_diagnosis_against_relapse(kind):
    raised = [True] * 8 + [False] * 12 + [None, True]
    outcome = ["relapse"] * 6 + ["death", "censored"] + ["relapse"] * 3 + ["censored"] * 9 + ["relapse", None]
    frame = kind({"baalc_raised": raised, "wt1_raised": [None] * 22, "outcome": outcome})
    assert raised_at_diagnosis_test(frame, marker="baalc") == pytest.approx(0.0648, abs=5e-5)
    assert raised_at_diagnosis_test(frame, marker="wt1") == 1.0
