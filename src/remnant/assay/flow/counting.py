"""Counts of every gate of a tree, over chunks of events: memory does not grow with the file.

The edge rules are those of `remnant.records.gate`. Counts of chunks, files and tubes add up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.plan import (
    BooleanStep,
    BoxStep,
    EllipsoidStep,
    Plan,
    PolygonStep,
    Step,
    compiled,
    path_of,
)
from remnant.assay.flow.scales import forward
from remnant.assay.flow.shapes import CELL_IN, CELL_TEST, in_ellipsoid, in_polygon
from remnant.assay.flow.values import linear_values, source
from remnant.errors import NotFoundError
from remnant.records.flow import Events, GateCount
from remnant.records.gate import Axis, Gating, SpectrumMatrix

__all__ = ["axis_values", "count", "masks", "merged"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def count(events: Events, gating: Gating) -> tuple[GateCount, ...]:
    """Events of every gate.

    Parameters
    ----------
    events : Events
        Data set.
    gating : Gating
        Gate tree.

    Returns
    -------
    tuple of GateCount
        One a gate, each after its parent.

    Raises
    ------
    InputError
        If a gate cannot be applied to this tube.

    Examples
    --------
    >>> from remnant.assay.flow.values import events_of
    >>> from remnant.records.gate import RectangleGate
    >>> positive = RectangleGate(name="CD34+", axes=(Axis(channel="CD34"),), minimum=(2.0,), maximum=(None,))
    >>> count(events_of(np.array([[1.0], [2.0], [3.0]]), ["CD34"]), Gating(gates=(positive,)))[0].events
    2
    """
    plan = compiled(gating, events.tube)
    total = np.zeros(len(plan.names), dtype=np.int64)
    for _, held in _walk(events, plan):
        total += np.array([np.count_nonzero(mask) for mask in held], dtype=np.int64)
    return tuple(
        GateCount(
            gate=name,
            path=path_of(plan, place),
            events=int(total[place]),
            parent_events=events.tube.events if parent is None else int(total[parent]),
        )
        for place, (name, parent) in enumerate(zip(plan.names, plan.parents, strict=True))
    )


def masks(events: Events, gating: Gating, names: Collection[str] | None = None) -> dict[str, Mask]:
    """Which events lie in which gate.

    Parameters
    ----------
    events : Events
        Data set.
    gating : Gating
        Gate tree.
    names : collection of str or None, default None
        Gates asked for; None for all.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_events,)
        One byte an event and gate.

    Raises
    ------
    NotFoundError
        If a name is not in the tree.
    """
    plan = compiled(gating, events.tube)
    wanted = plan.names if names is None else tuple(names)
    if unknown := sorted(set(wanted) - set(plan.names)):
        raise NotFoundError(
            where="gate tree",
            found=", ".join(unknown),
            needed=", ".join(plan.names),
            advice="Ask for a gate of the tree.",
        )
    made = {name: np.zeros(events.tube.events, dtype=bool) for name in wanted}
    places = {name: plan.names.index(name) for name in wanted}
    for begin, held in _walk(events, plan):
        for name, mask in made.items():
            part = held[places[name]]
            mask[begin : begin + len(part)] = part
    return made


def merged(counts: Sequence[Sequence[GateCount]]) -> tuple[GateCount, ...]:
    """Counts of several data sets under one tree, added.

    Parameters
    ----------
    counts : sequence of sequence of GateCount
        At least one; all of the same tree.

    Returns
    -------
    tuple of GateCount
        In the order of the first.
    """
    return tuple(
        GateCount(
            gate=same[0].gate,
            path=same[0].path,
            events=sum(one.events for one in same),
            parent_events=sum(one.parent_events for one in same),
        )
        for same in zip(*counts, strict=True)
    )


def axis_values(
    events: Events,
    axes: Sequence[Axis],
    *,
    matrices: Sequence[SpectrumMatrix] = (),
    where: Mask | None = None,
) -> Floats:
    """Values of events on the scales of axes.

    Parameters
    ----------
    events : Events
        Data set.
    axes : sequence of Axis
        Axes with their scales.
    matrices : sequence of SpectrumMatrix, default ()
        Matrices that axes name.
    where : ndarray of bool, shape (n_events,), or None, default None
        Events asked for; None for all.

    Returns
    -------
    ndarray of float, shape (n, n_axes)
        Transformed values, in the order of events.
    """
    sources = [source(axis, events.tube, matrices) for axis in axes]
    chosen = events.tube.events if where is None else int(np.count_nonzero(where))
    made = np.empty((len(axes), chosen))
    filled = 0
    for begin, values in linear_values(events, sources):
        linear = values if where is None else values[:, where[begin : begin + values.shape[1]]]
        stop = filled + linear.shape[1]
        for row, axis in enumerate(axes):
            made[row, filled:stop] = forward(axis.scale, linear[row])
        filled = stop
    return made.T


def _walk(events: Events, plan: Plan) -> Iterator[tuple[int, list[Mask]]]:
    """Begin of each chunk, and the mask of every gate in it."""
    for begin, linear in linear_values(events, plan.sources):
        held: list[Mask] = []
        for step, parent in zip(plan.steps, plan.parents, strict=True):
            held.append(_inside(step, linear, None if parent is None else held[parent], held))
        yield begin, held


def _inside(step: Step, linear: Floats, parent: Mask | None, held: list[Mask]) -> Mask:
    match step:
        case BoxStep():
            return _in_box(step, linear, parent)
        case PolygonStep():
            return _tested(_in_box(step.box, linear, parent), lambda at: _in_polygon(step, linear, at))
        case EllipsoidStep():
            return _tested(_in_box(step.box, linear, parent), lambda at: _in_ellipsoid(step, linear, at))
        case BooleanStep():
            return _combined(step, held, parent)


def _in_box(step: BoxStep, linear: Floats, parent: Mask | None) -> Mask:
    mask = np.ones(linear.shape[1], dtype=bool) if parent is None else parent.copy()
    for row, low, high in zip(step.rows, step.low, step.high, strict=True):
        values = linear[row]
        if low > -np.inf:
            mask &= values >= low
        if high < np.inf:
            mask &= values < high
        if low == -np.inf and high == np.inf:
            mask &= ~np.isnan(values)
    return mask


def _tested(candidates: Mask, test: Callable[[NDArray[np.intp]], Mask]) -> Mask:
    """Candidates that pass a test of their own."""
    at = np.flatnonzero(candidates)
    if len(at):
        candidates[at] = test(at)
    return candidates


def _in_polygon(step: PolygonStep, linear: Floats, at: NDArray[np.intp]) -> Mask:
    x, y = linear[step.box.rows[0]][at], linear[step.box.rows[1]][at]
    column = _cell(step.x_edges, x, linear=step.scales[0] is None)
    row = _cell(step.y_edges, y, linear=step.scales[1] is None)
    kind = step.table[row, column]
    inside = np.asarray(kind == CELL_IN)
    near = np.flatnonzero(kind == CELL_TEST)
    inside[near] = in_polygon(
        forward(step.scales[0], x[near]), forward(step.scales[1], y[near]), step.vertices
    )
    return inside


def _cell(edges: Floats, values: Floats, *, linear: bool) -> NDArray[np.intp]:
    """Cell of each value; cells of a linear axis are even, so that arithmetic finds them."""
    last = len(edges) - 2
    if linear:
        found = ((values - edges[0]) * ((last + 1) / (edges[-1] - edges[0]))).astype(np.intp)
    else:
        found = np.searchsorted(edges, values, side="right") - 1
    return np.asarray(np.clip(found, 0, last))


def _in_ellipsoid(step: EllipsoidStep, linear: Floats, at: NDArray[np.intp]) -> Mask:
    points = np.column_stack(
        [forward(scale, linear[row][at]) for row, scale in zip(step.rows, step.scales, strict=True)]
    )
    return in_ellipsoid(points, step.mean, step.inverse_covariance, distance_square=step.distance_square)


def _combined(step: BooleanStep, held: list[Mask], parent: Mask | None) -> Mask:
    parts = [~held[place] if complement else held[place] for place, complement in step.operands]
    if step.operator == "not":
        mask = ~parts[0]
    else:
        mask = (np.logical_and if step.operator == "and" else np.logical_or).reduce(parts)
    return mask if parent is None else mask & parent
