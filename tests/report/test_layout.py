"""Labels never touch, whatever they are."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remnant.report.layout import rows_without_overlap, spread, text_width

spans = st.lists(
    st.tuples(st.floats(0, 600), st.floats(1, 200)).map(lambda p: (p[0], p[0] + p[1])), max_size=25
)


@pytest.mark.property
@given(spans=spans)
def test_no_two_labels_of_a_row_overlap(spans):
    rows = rows_without_overlap(spans, gap=6)
    for i, (a, b) in enumerate(spans):
        for j, (c, d) in enumerate(spans[:i]):
            assert rows[i] != rows[j] or b + 6 <= c or a >= d + 6


@pytest.mark.property
@given(spans=spans)
def test_no_row_is_left_empty(spans):
    assert set(rows_without_overlap(spans)) == set(range(max(rows_without_overlap(spans), default=-1) + 1))


@pytest.mark.property
@given(places=st.lists(st.floats(0, 200), max_size=8))
def test_spread_labels_keep_their_order_and_distance(places):
    made = spread(places, gap=13, low=0, high=200)
    ordered = [made[i] for i in sorted(range(len(places)), key=lambda i: places[i])]
    assert all(b - a >= 13 - 1e-6 for a, b in itertools.pairwise(ordered))


@pytest.mark.property
@given(places=st.lists(st.floats(20, 180), min_size=1, max_size=8))
def test_labels_far_apart_stay_where_they_are(places):
    apart = [40.0 * i for i in range(len(places))]
    assert spread(apart, gap=13, low=-10, high=400) == pytest.approx(apart)


def test_longer_text_is_wider():
    assert text_width("persistently raised") > text_width("raised once") > 0
