"""Gate trees written as Gating-ML 2.0, so that other programs count the same cells.

What is written reads back as the same records. The biexponential scale is no part of the standard and is
refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from lxml import etree

from remnant.acquire.gating_ml import GATING, TRANSFORMS, TYPES
from remnant.errors import InputError
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
    SpectrumMatrix,
)

__all__ = ["gating_ml"]

_TAGS: Final = {
    "linear": "flin",
    "log": "flog",
    "asinh": "fasinh",
    "logicle": "logicle",
    "hyperlog": "hyperlog",
}
_PARAMETERS: Final = {
    "linear": "TA",
    "log": "TM",
    "asinh": "TMA",
    "logicle": "TWMA",
    "hyperlog": "TWMA",
}
_FIELDS: Final = {"T": "top", "M": "decades", "W": "linear_decades", "A": "negative_decades"}

Element = etree._Element  # noqa: SLF001 - lxml gives its element class no public name
Names = dict[Scale | Axis, str]


def gating_ml(gating: Gating) -> bytes:
    """Document of a gate tree.

    Parameters
    ----------
    gating : Gating
        Gates and matrices.

    Returns
    -------
    bytes
        Gating-ML 2.0 in UTF-8.

    Raises
    ------
    InputError
        If a scale is no part of the standard.

    Examples
    --------
    >>> gate = RectangleGate(name="G", axes=(Axis(channel="FSC-A"),), minimum=(1.0,), maximum=(None,))
    >>> b'RectangleGate gating:id="G"' in gating_ml(Gating(gates=(gate,)))
    True
    """
    root = etree.Element(
        f"{{{GATING}}}Gating-ML", nsmap={"gating": GATING, "transforms": TRANSFORMS, "data-type": TYPES}
    )
    names: Names = {}
    for gate in gating.gates:
        for axis in () if isinstance(gate, BooleanGate) else gate.axes:
            _declare(root, axis, names)
    for matrix in gating.matrices:
        _write_matrix(root, matrix)
    written: set[str] = set()
    for gate in gating.gates:
        if isinstance(gate, QuadrantGate):
            if gate.quadrants not in written:
                same = [
                    g for g in gating.gates if isinstance(g, QuadrantGate) and g.quadrants == gate.quadrants
                ]
                _write_quadrants(root, same, names)
                written.add(gate.quadrants)
        else:
            _write_gate(root, gate, names)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _child(parent: Element, namespace: str, tag: str, /, **attributes: str) -> Element:
    prefixed = {f"{{{namespace}}}{key}": value for key, value in attributes.items()}
    return etree.SubElement(parent, f"{{{namespace}}}{tag}", prefixed)


def _plain_ratio(axis: Axis) -> Axis:
    return dataclasses.replace(axis, scale=None, compensation="uncompensated")


def _declare(root: Element, axis: Axis, names: Names) -> None:
    if axis.scale is not None and axis.scale not in names:
        scale = axis.scale
        if scale.kind not in _TAGS:
            raise InputError(
                where=f"axis {axis.channel}",
                found=f"a {scale.kind} scale",
                needed="a scale of Gating-ML 2.0: " + ", ".join(_TAGS),
                advice="Draw the gate on a logicle scale.",
            )
        names[scale] = f"scale{len(names) + 1}"
        element = _child(root, TRANSFORMS, "transformation", id=names[scale])
        for name, value in (("boundMin", scale.minimum), ("boundMax", scale.maximum)):
            if value is not None:
                element.set(f"{{{TRANSFORMS}}}{name}", repr(value))
        values = {letter: repr(float(getattr(scale, _FIELDS[letter]))) for letter in _PARAMETERS[scale.kind]}
        _child(element, TRANSFORMS, _TAGS[scale.kind], **values)
    if axis.ratio and _plain_ratio(axis) not in names:
        ratio = _plain_ratio(axis)
        names[ratio] = f"ratio{len(names) + 1}"
        element = _child(root, TRANSFORMS, "transformation", id=names[ratio])
        values = {letter: repr(float(v)) for letter, v in zip("ABC", axis.ratio, strict=True)}
        made = _child(element, TRANSFORMS, "fratio", **values)
        for channel in (axis.channel, axis.denominator):
            _child(made, TYPES, "fcs-dimension", name=channel)


def _write_matrix(root: Element, matrix: SpectrumMatrix) -> None:
    element = _child(root, TRANSFORMS, "spectrumMatrix", id=matrix.name)
    for group, names in (("fluorochromes", matrix.fluorochromes), ("detectors", matrix.detectors)):
        held = _child(element, TRANSFORMS, group)
        for name in names:
            _child(held, TYPES, "fcs-dimension", name=name)
    for row in matrix.spectrum:
        spectrum = _child(element, TRANSFORMS, "spectrum")
        for value in row:
            _child(spectrum, TRANSFORMS, "coefficient", value=repr(value))


def _write_axis(parent: Element, axis: Axis, names: Names, tag: str = "dimension") -> Element:
    element = _child(parent, GATING, tag)
    element.set(f"{{{GATING}}}compensation-ref", axis.compensation)
    if axis.scale is not None:
        element.set(f"{{{GATING}}}transformation-ref", names[axis.scale])
    if axis.ratio:
        reference = {f"{{{TYPES}}}transformation-ref": names[_plain_ratio(axis)]}
        etree.SubElement(element, f"{{{TYPES}}}new-dimension", reference)
    else:
        _child(element, TYPES, "fcs-dimension", name=axis.channel)
    return element


def _write_gate(root: Element, gate: Gate, names: Names) -> None:
    kinds = {"rectangle": "RectangleGate", "polygon": "PolygonGate", "ellipsoid": "EllipsoidGate"}
    element = _child(root, GATING, kinds.get(gate.kind, "BooleanGate"), id=gate.name)
    if gate.parent:
        element.set(f"{{{GATING}}}parent_id", gate.parent)
    match gate:
        case RectangleGate():
            _write_ranges(element, gate, names)
        case PolygonGate():
            _write_polygon(element, gate, names)
        case EllipsoidGate():
            _write_ellipsoid(element, gate, names)
        case BooleanGate():
            _write_operands(element, gate)


def _write_ranges(element: Element, gate: RectangleGate, names: Names) -> None:
    for axis, low, high in zip(gate.axes, gate.minimum, gate.maximum, strict=True):
        dimension = _write_axis(element, axis, names)
        for name, value in (("min", low), ("max", high)):
            if value is not None:
                dimension.set(f"{{{GATING}}}{name}", repr(float(value)))


def _write_polygon(element: Element, gate: PolygonGate, names: Names) -> None:
    for axis in gate.axes:
        _write_axis(element, axis, names)
    for corner in zip(gate.x, gate.y, strict=True):
        _coordinates(_child(element, GATING, "vertex"), corner)


def _write_operands(element: Element, gate: BooleanGate) -> None:
    joined = _child(element, GATING, gate.operator)
    for operand in gate.operands:
        reference = _child(joined, GATING, "gateReference", ref=operand.name)
        if operand.complement:
            reference.set(f"{{{GATING}}}use-as-complement", "true")


def _coordinates(parent: Element, values: Sequence[float]) -> None:
    for value in values:
        _child(parent, GATING, "coordinate").set(f"{{{TYPES}}}value", repr(float(value)))


def _write_ellipsoid(element: Element, gate: EllipsoidGate, names: Names) -> None:
    for axis in gate.axes:
        _write_axis(element, axis, names)
    _coordinates(_child(element, GATING, "mean"), gate.mean)
    matrix = _child(element, GATING, "covarianceMatrix")
    for row in gate.covariance:
        held = _child(matrix, GATING, "row")
        for value in row:
            _child(held, GATING, "entry").set(f"{{{TYPES}}}value", repr(float(value)))
    _child(element, GATING, "distanceSquare").set(f"{{{TYPES}}}value", repr(float(gate.distance_square)))


def _write_quadrants(root: Element, same: Sequence[QuadrantGate], names: Names) -> None:
    """One set: its dividers are all edges that its quadrants name."""
    element = _child(root, GATING, "QuadrantGate", id=same[0].quadrants)
    if same[0].parent:
        element.set(f"{{{GATING}}}parent_id", same[0].parent)
    edges: dict[Axis, set[float]] = {}
    for gate in same:
        for axis, low, high in zip(gate.axes, gate.minimum, gate.maximum, strict=True):
            edges.setdefault(axis, set()).update(value for value in (low, high) if value is not None)
    identities = {axis: f"{same[0].quadrants}.{place + 1}" for place, axis in enumerate(edges)}
    for axis, values in edges.items():
        divider = _write_axis(element, axis, names, "divider")
        divider.set(f"{{{GATING}}}id", identities[axis])
        for value in sorted(values):
            _child(divider, GATING, "value").text = repr(value)
    for gate in same:
        quadrant = _child(element, GATING, "Quadrant", id=gate.name)
        for axis, low, high in zip(gate.axes, gate.minimum, gate.maximum, strict=True):
            position = _child(quadrant, GATING, "position", divider_ref=identities[axis])
            position.set(f"{{{GATING}}}location", repr(low if low is not None else (high or 0.0) - 1.0))
