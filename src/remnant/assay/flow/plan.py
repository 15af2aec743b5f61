"""A gate tree compiled for one tube: axes resolved, edges pulled back to linear units, gates in order.

Edges of rectangles are pulled back through their monotone scales once, so that no event is transformed for
them. A polygon or ellipsoid on a transformed axis is bounded by a pulled-back box; events within it are
answered from a table of cells, and only those near a side are transformed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remnant.assay.flow.scales import edge
from remnant.assay.flow.shapes import cells
from remnant.assay.flow.values import Source, source
from remnant.errors import InputError
from remnant.records.flow import Tube
from remnant.records.gate import (
    Axis,
    BooleanGate,
    EllipsoidGate,
    Gate,
    Gating,
    PolygonGate,
    QuadrantGate,
    RectangleGate,
    Scale,
)

__all__ = ["BooleanStep", "BoxStep", "EllipsoidStep", "Plan", "PolygonStep", "Step", "compiled", "path_of"]

Floats = NDArray[np.float64]

_GRID = 192


@dataclass(frozen=True, slots=True, eq=False)
class BoxStep:
    """Ranges in linear units.

    Attributes
    ----------
    rows : tuple of int
        Axes.
    low, high : tuple of float
        Edges, low inclusive and high exclusive.
    """

    rows: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PolygonStep:
    """A polygon with its box and table of cells.

    Attributes
    ----------
    box : BoxStep
        Linear box around it.
    scales : tuple of (Scale or None)
        Scales of the two axes.
    vertices : ndarray of float, shape (m, 2)
        Corners on the scales.
    x_edges, y_edges : ndarray of float
        Linear edges of the cells.
    table : ndarray of uint8
        What the cells are.
    """

    box: BoxStep
    scales: tuple[Scale | None, ...]
    vertices: Floats
    x_edges: Floats
    y_edges: Floats
    table: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class EllipsoidStep:
    """An ellipsoid with its box.

    Attributes
    ----------
    box : BoxStep
        Linear box around it; without rows if the matrix bounds nothing.
    rows : tuple of int
        Axes.
    scales : tuple of (Scale or None)
        Their scales.
    mean : ndarray of float, shape (d,)
        Centre.
    inverse_covariance : ndarray of float, shape (d, d)
        Inverse matrix.
    distance_square : float
        Limit.
    """

    box: BoxStep
    rows: tuple[int, ...]
    scales: tuple[Scale | None, ...]
    mean: Floats
    inverse_covariance: Floats
    distance_square: float


@dataclass(frozen=True, slots=True, eq=False)
class BooleanStep:
    """A combination of gates that come before.

    Attributes
    ----------
    operator : str
        and, or, not.
    operands : tuple of (int, bool)
        Place of the gate in the plan, and whether its complement is meant.
    """

    operator: str
    operands: tuple[tuple[int, bool], ...]


Step = BoxStep | PolygonStep | EllipsoidStep | BooleanStep


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A compiled gate tree.

    Attributes
    ----------
    names : tuple of str
        Gates, each after its parent and operands.
    parents : tuple of (int or None)
        Place of each gate's parent.
    steps : tuple of Step
        How each gate is evaluated.
    sources : tuple of Source
        Linear axes that are read.
    """

    names: tuple[str, ...]
    parents: tuple[int | None, ...]
    steps: tuple[Step, ...]
    sources: tuple[Source, ...]


def compiled(gating: Gating, tube: Tube) -> Plan:
    """Gate tree made ready for one tube.

    Parameters
    ----------
    gating : Gating
        Gates and matrices.
    tube : Tube
        Data set that they are applied to.

    Returns
    -------
    Plan
        To be counted with.

    Raises
    ------
    InputError
        With every gate that cannot be applied: an unknown channel, matrix or parent, a shape without area,
        a name that stands twice, a circle of parents.
    """
    gates = _ordered(gating)
    places = {gate.name: place for place, gate in enumerate(gates)}
    sources: dict[Source, int] = {}
    steps: list[Step] = []
    problems: list[str] = []
    for gate in gates:
        try:
            steps.append(_step(gate, tube, gating, places=places, sources=sources))
        except (InputError, np.linalg.LinAlgError) as error:
            problems.append(f"gate {gate.name}: {error}")
    if problems:
        raise _unusable(problems)
    parents = tuple(places[gate.parent] if gate.parent else None for gate in gates)
    return Plan(tuple(places), parents, tuple(steps), tuple(sources))


def _unusable(problems: list[str]) -> InputError:
    return InputError(
        where="gate tree",
        found=f"{len(problems)} gates that cannot be applied to this tube",
        needed="gates whose axes, parents and matrices are known",
        advice="Mend them all, or choose the tube that the gates were made for.",
        problems=problems,
    )


def _needs(gate: Gate) -> Iterator[str]:
    if gate.parent:
        yield gate.parent
    if isinstance(gate, BooleanGate):
        yield from (operand.name for operand in gate.operands)


def _ordered(gating: Gating) -> list[Gate]:
    """Gates, each after those that it needs."""
    named = {gate.name: gate for gate in gating.gates}
    problems = [] if len(named) == len(gating.gates) else ["a gate name stands twice"]
    problems += [
        f"gate {gate.name}: no gate {name}"
        for gate in gating.gates
        for name in _needs(gate)
        if name not in named
    ]
    if problems:
        raise _unusable(problems)
    ordered: dict[str, Gate] = {}
    waiting = list(gating.gates)
    while waiting:
        ready = [gate for gate in waiting if all(name in ordered for name in _needs(gate))]
        if not ready:
            raise _unusable([f"gate {gate.name}: it is its own ancestor" for gate in waiting])
        ordered.update({gate.name: gate for gate in ready})
        waiting = [gate for gate in waiting if gate.name not in ordered]
    return list(ordered.values())


def _step(
    gate: Gate, tube: Tube, gating: Gating, *, places: dict[str, int], sources: dict[Source, int]
) -> Step:
    if isinstance(gate, BooleanGate):
        return BooleanStep(gate.operator, tuple((places[o.name], o.complement) for o in gate.operands))
    rows = tuple(sources.setdefault(source(axis, tube, gating.matrices), len(sources)) for axis in gate.axes)
    match gate:
        case RectangleGate() | QuadrantGate():
            return _box(gate.axes, rows, gate.minimum, gate.maximum)
        case PolygonGate():
            return _polygon(gate, rows)
        case EllipsoidGate():
            return _ellipsoid(gate, rows)


def _box(
    axes: tuple[Axis, ...],
    rows: tuple[int, ...],
    minimum: tuple[float | None, ...],
    maximum: tuple[float | None, ...],
) -> BoxStep:
    low = tuple(edge(a.scale, v, open_end=-np.inf) for a, v in zip(axes, minimum, strict=True))
    high = tuple(edge(a.scale, v, open_end=np.inf) for a, v in zip(axes, maximum, strict=True))
    return BoxStep(rows, low, high)


def _bounds(axis: Axis, low: float, high: float, *, cells_across: int) -> Floats:
    """Linear edges of cells that are even on the scale, a little wider than the shape."""
    margin = 2.0 * (high - low) / cells_across + 1e-12 * max(abs(low), abs(high))
    places = np.linspace(low - margin, high + margin, cells_across + 1)
    return np.array([edge(axis.scale, float(place), open_end=0.0) for place in places])


def _polygon(gate: PolygonGate, rows: tuple[int, ...]) -> PolygonStep:
    vertices = np.column_stack([gate.x, gate.y])
    if len(vertices) < 3 or not np.isfinite(vertices).all():
        raise InputError(
            where="polygon", found=f"{len(vertices)} corners", needed="3 finite ones", advice="Draw it again."
        )
    (x_low, y_low), (x_high, y_high) = vertices.min(axis=0), vertices.max(axis=0)
    linear = [
        _bounds(axis, low, high, cells_across=_GRID)
        for axis, low, high in zip(gate.axes, (x_low, y_low), (x_high, y_high), strict=True)
    ]
    grid = [
        np.linspace(low - 2.0 * (high - low) / _GRID, high + 2.0 * (high - low) / _GRID, _GRID + 1)
        for low, high in ((x_low, x_high), (y_low, y_high))
    ]
    box = BoxStep(rows, (linear[0][0], linear[1][0]), (linear[0][-1], linear[1][-1]))
    table = cells(vertices, grid[0], grid[1])
    return PolygonStep(box, tuple(a.scale for a in gate.axes), vertices, linear[0], linear[1], table)


def _ellipsoid(gate: EllipsoidGate, rows: tuple[int, ...]) -> EllipsoidStep:
    covariance = np.array(gate.covariance, dtype=float)
    mean = np.array(gate.mean, dtype=float)
    box = BoxStep((), (), ())
    if np.array_equal(covariance, covariance.T) and np.linalg.eigvalsh(covariance).min() > 0:
        reach = np.sqrt(np.diag(covariance) * gate.distance_square) * (1 + 1e-9)
        beyond = np.nextafter(mean + reach, np.inf)
        box = _box(gate.axes, rows, tuple((mean - reach).tolist()), tuple(beyond.tolist()))
    scales = tuple(axis.scale for axis in gate.axes)
    inverse = np.linalg.inv(covariance)
    return EllipsoidStep(box, rows, scales, mean, inverse, gate.distance_square)


def path_of(plan: Plan, place: int) -> tuple[str, ...]:
    """Names from the root to a gate.

    Parameters
    ----------
    plan : Plan
        Compiled tree.
    place : int
        Place of the gate.

    Returns
    -------
    tuple of str
        The gate itself last.
    """
    parent = plan.parents[place]
    return (*(path_of(plan, parent) if parent is not None else ()), plan.names[place])
