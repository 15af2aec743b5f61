"""Shares by group with exact intervals; who could not be judged is counted apart."""

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.cohort.frequencies import frequencies, frequency, frequency_frame
from remnant.errors import InputError
from remnant.numerics.proportions import clopper_pearson, jeffreys, wilson

DATA = {
    "fab": ["M1", "M1", "M1", "M2", None],
    "age_group": ["adult", "adult", "child", None, "adult"],
    "baalc_raised": [True, None, False, True, True],
}


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_groups_subgroups_and_margins(kind):
    found = {
        (f.group, f.subgroup): (f.positive, f.evaluable, f.not_evaluable) for f in frequencies(kind(DATA))
    }
    assert found == {
        ("M1", "adult"): (1, 1, 1),
        ("M1", "child"): (0, 1, 0),
        ("M1", "all"): (1, 2, 1),
        ("M2", "unknown"): (1, 1, 0),
        ("M2", "all"): (1, 1, 0),
        ("unknown", "adult"): (1, 1, 0),
        ("unknown", "all"): (1, 1, 0),
        ("all", "adult"): (2, 2, 1),
        ("all", "child"): (0, 1, 0),
        ("all", "unknown"): (1, 1, 0),
        ("all", "all"): (3, 4, 1),
    }


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_the_same_kind_comes_back(kind):
    made = frequency_frame(kind(DATA), within=None)
    assert isinstance(made, kind)
    assert list(made["group"]) == ["M1", "M2", "unknown", "all"]


@pytest.mark.property
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["M0", "M1", None]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from([True, False, None]),
        ),
        min_size=1,
    )
)
def test_nobody_is_lost_and_margins_add_up(rows):
    fab, age, raised = (list(column) for column in zip(*rows, strict=True))
    schema = {"fab": pl.String, "age_group": pl.String, "baalc_raised": pl.Boolean}
    found = frequencies(pl.DataFrame({"fab": fab, "age_group": age, "baalc_raised": raised}, schema=schema))
    total = found[-1]
    assert (total.group, total.subgroup) == ("all", "all")
    assert total.evaluable + total.not_evaluable == len(rows)
    cells = [f for f in found if f.group != "all" and f.subgroup != "all"]
    assert sum(f.positive for f in cells) == total.positive == raised.count(True)
    assert sum(f.evaluable for f in cells) == total.evaluable


def test_the_three_intervals_are_those_of_the_numerics():
    made = frequency(6, 8, outcome="o", variable="v", group="g")
    assert (made.lower, made.upper) == clopper_pearson(6, 8)
    assert (made.wilson_lower, made.wilson_upper) == wilson(6, 8)
    assert (made.jeffreys_lower, made.jeffreys_upper) == jeffreys(6, 8)


def test_a_share_of_nobody_is_missing():
    made = frequency(0, 0, outcome="o", variable="v", group="g", not_evaluable=3)
    assert (made.share, made.lower, made.upper, made.jeffreys_upper) == (None, None, None, None)


def test_a_column_of_values_is_refused():
    with pytest.raises(InputError, match="130"):
        frequencies(pl.DataFrame({"fab": ["M1", "M2"], "baalc_raised": [130.0, 8.0]}), within=None)


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="no column fab, age_group"):
        frequencies(pl.DataFrame({"baalc_raised": [True]}))
