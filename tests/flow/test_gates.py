"""Scales, shapes and edges: the pulled-back engine against a literal twin that transforms every event."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remnant.assay.flow.counting import axis_values, count, masks
from remnant.assay.flow.scales import edge, forward, inverse
from remnant.assay.flow.shapes import in_ellipsoid, in_polygon
from remnant.assay.flow.values import events_of
from remnant.errors import InputError, NotFoundError
from remnant.records.gate import (
    Axis,
    BooleanGate,
    EllipsoidGate,
    GateReference,
    Gating,
    PolygonGate,
    RectangleGate,
    Scale,
    SpectrumMatrix,
)

SCALES = [
    Scale(kind="linear", top=1000.0, negative_decades=100.0),
    Scale(kind="log", top=10_000.0, decades=4.0),
    Scale(kind="asinh", top=10_000.0, decades=4.0, negative_decades=1.0),
    Scale(kind="logicle"),
    Scale(kind="hyperlog", linear_decades=0.5),
    Scale(kind="biexponential", coefficients=(0.5, 1.0, 0.5, 1.0, 0.0, 0.0)),
]


@pytest.fixture(scope="module")
def cloud():
    rng = np.random.default_rng(11)
    values = np.column_stack([np.exp(rng.normal(6, 2, 40_000)), rng.normal(200, 800, 40_000)])
    values[:5] = [[0.0, 0.0], [np.nan, 1.0], [1.0, np.nan], [np.inf, 1.0], [-np.inf, -np.inf]]
    return events_of(values, ["X", "Y"]), values


@pytest.mark.parametrize("scale", SCALES, ids=lambda s: s.kind)
def test_a_scale_and_its_inverse_meet(scale):
    x = np.array([1.0, 50.0, 700.0, 9_000.0])
    assert inverse(scale, forward(scale, x)) == pytest.approx(x, rel=1e-6)


@pytest.mark.definition
@pytest.mark.parametrize("scale", SCALES, ids=lambda s: s.kind)
def test_the_pulled_back_edge_is_the_smallest_number_that_reaches_the_value(scale):
    for value in forward(scale, np.array([3.0, 120.0, 4_321.0])):
        found = edge(scale, float(value), open_end=0.0)
        assert forward(scale, np.array([found]))[0] >= value
        assert forward(scale, np.array([np.nextafter(found, -np.inf)]))[0] < value


def test_an_edge_beyond_every_number_is_infinite_and_one_that_is_no_number_is_refused():
    bounded = Scale(kind="linear", top=10.0, maximum=0.5)
    assert edge(bounded, 0.6, open_end=0.0) == np.inf
    assert edge(Scale(kind="linear", top=10.0, minimum=0.5), 0.4, open_end=0.0) == -np.inf
    with pytest.raises(InputError, match="not a number"):
        edge(None, float("nan"), open_end=0.0)


@pytest.mark.definition
@pytest.mark.parametrize("scale", [None, *SCALES], ids=lambda s: s.kind if s else "none")
def test_rectangles_equal_transforming_every_event(cloud, scale):
    events, values = cloud
    y = forward(scale, values[:, 0])
    low, high = np.nanquantile(y[np.isfinite(y)], [0.2, 0.7])
    gate = RectangleGate(
        name="G", axes=(Axis(channel="X", scale=scale),), minimum=(float(low),), maximum=(float(high),)
    )
    assert np.array_equal(masks(events, Gating(gates=(gate,)))["G"], (y >= low) & (y < high))


@pytest.mark.definition
@pytest.mark.parametrize("scale", [None, SCALES[3]], ids=["linear", "logicle"])
def test_polygons_equal_testing_every_event(cloud, scale):
    events, values = cloud
    points = [forward(scale, values[:, place]) for place in (0, 1)]
    low, high = (np.nanquantile(np.stack(points), q) for q in (0.05, 0.95))
    corners = np.array([[0.1, 0.0], [1.0, 0.2], [0.3, 0.9], [0.8, 0.95], [0.0, 0.3]]) * (high - low) + low
    gate = PolygonGate(
        name="G",
        axes=(Axis(channel="X", scale=scale), Axis(channel="Y", scale=scale)),
        x=tuple(corners[:, 0].tolist()),
        y=tuple(corners[:, 1].tolist()),
    )
    found = masks(events, Gating(gates=(gate,)))["G"]
    assert found.sum() > 1_000
    assert np.array_equal(found, in_polygon(points[0], points[1], corners))


@pytest.mark.definition
def test_ellipsoids_equal_testing_every_event(cloud):
    events, values = cloud
    scale = SCALES[3]
    points = np.column_stack([forward(scale, values[:, place]) for place in (0, 1)])
    gate = EllipsoidGate(
        name="G",
        axes=(Axis(channel="X", scale=scale), Axis(channel="Y", scale=scale)),
        mean=(0.5, 0.4),
        covariance=((0.02, 0.01), (0.01, 0.03)),
        distance_square=1.5,
    )
    literal = in_ellipsoid(
        points, np.array([0.5, 0.4]), np.linalg.inv([[0.02, 0.01], [0.01, 0.03]]), distance_square=1.5
    )
    found = masks(events, Gating(gates=(gate,)))["G"]
    assert found.sum() > 1_000
    assert np.array_equal(found, literal)


@pytest.mark.property
@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=7))
def test_corners_and_midpoints_of_sides_lie_in_the_polygon(corners):
    vertices = np.array(corners, dtype=float)
    middles = (vertices + np.roll(vertices, -1, axis=0)) / 2
    assert in_polygon(vertices[:, 0], vertices[:, 1], vertices).all()
    assert in_polygon(middles[:, 0], middles[:, 1], vertices).all()


def test_edges_belong_to_the_lower_end_and_missing_values_to_complements_only():
    events = events_of(np.array([[1.0], [2.0], [3.0], [np.nan]]), ["X"])
    inside = RectangleGate(name="in", axes=(Axis(channel="X"),), minimum=(1.0,), maximum=(3.0,))
    open_ = RectangleGate(name="open", axes=(Axis(channel="X"),), minimum=(None,), maximum=(None,))
    outside = BooleanGate(name="out", operator="not", operands=(GateReference(name="in"),))
    found = masks(events, Gating(gates=(outside, inside, open_)))
    assert found["in"].tolist() == [True, True, False, False]
    assert found["out"].tolist() == [False, False, True, True]
    assert found["open"].tolist() == [True, True, True, False]


def test_compensation_undoes_the_spill_and_leaves_other_channels_alone():
    spill = np.array([[1.0, 0.2], [0.1, 1.0]])
    true = np.array([[100.0, 0.0, 7.0], [0.0, 50.0, np.nan]])
    stored = np.column_stack([true[:, :2] @ spill, true[:, 2]])
    matrix = SpectrumMatrix(
        name="M", fluorochromes=("A", "B"), detectors=("X", "Y"), spectrum=((1.0, 0.2), (0.1, 1.0))
    )
    axes = [Axis(channel=name, compensation="M") for name in ("A", "B", "Z")]
    values = axis_values(events_of(stored, ["X", "Y", "Z"]), axes, matrices=[matrix])
    assert values[0] == pytest.approx(true[0], abs=1e-9)
    assert values[1, :2] == pytest.approx(true[1, :2], abs=1e-9)


def test_all_problems_of_a_tree_are_told_at_once():
    events = events_of(np.zeros((3, 1)), ["X"])
    bad = tuple(
        RectangleGate(name=f"G{n}", axes=(Axis(channel=f"no {n}"),), minimum=(0.0,), maximum=(None,))
        for n in range(2)
    )
    with pytest.raises(InputError) as told:
        count(events, Gating(gates=bad))
    assert len(told.value.problems) == 2
    orphan = RectangleGate(name="G", parent="P", axes=(Axis(channel="X"),), minimum=(0.0,), maximum=(None,))
    with pytest.raises(InputError, match="no gate P"):
        count(events, Gating(gates=(orphan,)))
    circle = RectangleGate(name="G", parent="G", axes=(Axis(channel="X"),), minimum=(0.0,), maximum=(None,))
    with pytest.raises(InputError, match="own ancestor"):
        count(events, Gating(gates=(circle,)))
    with pytest.raises(NotFoundError):
        masks(events, Gating(gates=()), ["G"])


@pytest.mark.property
def test_counts_do_not_depend_on_the_order_of_events_or_gates(cloud):
    events, values = cloud
    axes = (Axis(channel="X", scale=SCALES[3]), Axis(channel="Y"))
    gates = (
        RectangleGate(name="A", axes=axes, minimum=(0.3, None), maximum=(None, 500.0)),
        RectangleGate(name="B", parent="A", axes=axes[:1], minimum=(0.5,), maximum=(None,)),
    )
    shuffled = events_of(np.random.default_rng(2).permutation(values), ["X", "Y"])
    first = {one.gate: one for one in count(events, Gating(gates=gates))}
    second = {one.gate: one for one in count(shuffled, Gating(gates=gates[::-1]))}
    assert first == second
    assert first["B"].parent_events == first["A"].events
