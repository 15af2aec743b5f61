"""Gating-ML 2.0 documents: gates, scales and matrices as records.

A scale is read with its bounds. Everything that the standard defines is read; what it does not define is
refused by name. Gates within other elements of the document count as well.

References
----------
.. [1] Spidlen et al., ISAC's Gating-ML 2.0 data exchange standard for gating description, Cytometry A 87,
   683-687 (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from lxml import etree

from remnant.acquire.fcs_text import refused
from remnant.acquire.safe_xml import parse
from remnant.errors import InputError
from remnant.records.gate import (
    Axis,
    BooleanGate,
    EllipsoidGate,
    Gate,
    GateReference,
    Gating,
    PolygonGate,
    QuadrantGate,
    RectangleGate,
    Scale,
    ScaleKind,
    SpectrumMatrix,
)

__all__ = ["GATING", "TRANSFORMS", "TYPES", "read_gating_ml"]

GATING: Final = "http://www.isac-net.org/std/Gating-ML/v2.0/gating"
TRANSFORMS: Final = "http://www.isac-net.org/std/Gating-ML/v2.0/transformations"
TYPES: Final = "http://www.isac-net.org/std/Gating-ML/v2.0/datatypes"
_SCALES: Final[dict[str, ScaleKind]] = {
    "flin": "linear",
    "flog": "log",
    "fasinh": "asinh",
    "logicle": "logicle",
    "hyperlog": "hyperlog",
}

_OPERATORS: Final[tuple[Literal["and", "or", "not"], ...]] = ("and", "or", "not")

Element = etree._Element  # noqa: SLF001 - lxml gives its element class no public name
Transforms = dict[str, "Scale | Axis"]


def read_gating_ml(name: str, data: bytes) -> Gating:
    """Gate tree of a document.

    Parameters
    ----------
    name : str
        File name, for messages.
    data : bytes
        Content.

    Returns
    -------
    Gating
        Gates and matrices.

    Raises
    ------
    RefusedFileError
        If it is no Gating-ML 2.0, or a gate of it cannot be understood.
    """
    root = parse(name, data)
    if root.tag != f"{{{GATING}}}Gating-ML":
        raise refused(
            name,
            "gating_ml.root",
            str(root.tag),
            expected="a Gating-ML 2.0 document",
            advice="Export the gates as Gating-ML 2.0.",
        )
    try:
        transforms = dict(_transforms(root))
        matrices = tuple(_matrix(one) for one in root.iter(f"{{{TRANSFORMS}}}spectrumMatrix"))
        gates = tuple(gate for element in root.iter() for gate in _gates(element, transforms))
    except (InputError, ValueError, KeyError, IndexError, TypeError, StopIteration) as error:
        raise refused(
            name,
            "gating_ml.gate",
            str(error),
            expected="gates as Gating-ML 2.0 defines them",
            advice="Export the gates again.",
        ) from error
    return Gating(gates=gates, matrices=matrices)


def _get(element: Element, namespace: str, name: str) -> str | None:
    return element.get(f"{{{namespace}}}{name}")


def _need(element: Element, namespace: str, name: str) -> str:
    value = _get(element, namespace, name)
    if value is None:
        message = f"{etree.QName(element).localname} without {name}"
        raise ValueError(message)
    return value


def _number(element: Element, name: str) -> float | None:
    value = _get(element, TRANSFORMS, name)
    return None if value is None else float(value)


def _transforms(root: Element) -> Iterator[tuple[str, Scale | Axis]]:
    for element in root.iter(f"{{{TRANSFORMS}}}transformation"):
        child = next(c for c in element if str(c.tag).startswith(f"{{{TRANSFORMS}}}"))
        kind = etree.QName(child).localname
        identity = _need(element, TRANSFORMS, "id")
        if kind == "fratio":
            names = [_need(d, TYPES, "name") for d in child.iter(f"{{{TYPES}}}fcs-dimension")]
            ratio = tuple(float(_need(child, TRANSFORMS, name)) for name in "ABC")
            yield identity, Axis(channel=names[0], denominator=names[1], ratio=ratio)
        elif kind in _SCALES:
            yield (
                identity,
                Scale(
                    kind=_SCALES[kind],
                    top=float(_need(child, TRANSFORMS, "T")),
                    decades=_number(child, "M") or 0.0,
                    linear_decades=_number(child, "W") or 0.0,
                    negative_decades=_number(child, "A") or 0.0,
                    minimum=_number(element, "boundMin"),
                    maximum=_number(element, "boundMax"),
                ),
            )
        else:
            message = f"transformation {identity}: {kind}"
            raise ValueError(message)


def _matrix(element: Element) -> SpectrumMatrix:
    def names(group: str) -> tuple[str, ...]:
        held = next(iter(element.iter(f"{{{TRANSFORMS}}}{group}")))
        return tuple(_need(d, TYPES, "name") for d in held.iter(f"{{{TYPES}}}fcs-dimension"))

    spectrum = tuple(
        tuple(float(_need(c, TRANSFORMS, "value")) for c in row.iter(f"{{{TRANSFORMS}}}coefficient"))
        for row in element.iter(f"{{{TRANSFORMS}}}spectrum")
    )
    return SpectrumMatrix(
        name=_need(element, TRANSFORMS, "id"),
        fluorochromes=names("fluorochromes"),
        detectors=names("detectors"),
        spectrum=spectrum,
    )


def _axis(dimension: Element, transforms: Transforms) -> Axis:
    compensation = _need(dimension, GATING, "compensation-ref")
    reference = _get(dimension, GATING, "transformation-ref")
    scale = transforms[reference] if reference else None
    if scale is not None and not isinstance(scale, Scale):
        message = f"transformation {reference} is no scale"
        raise ValueError(message)
    made = dimension.find(f"{{{TYPES}}}new-dimension")
    if made is not None:
        base = transforms[_need(made, TYPES, "transformation-ref")]
        if not isinstance(base, Axis):
            message = "a new dimension that is no ratio"
            raise ValueError(message)
        return Axis(channel=base.channel, scale=scale, denominator=base.denominator, ratio=base.ratio)
    stored = next(iter(dimension.iter(f"{{{TYPES}}}fcs-dimension")))
    return Axis(channel=_need(stored, TYPES, "name"), compensation=compensation, scale=scale)


def _axes(element: Element, transforms: Transforms, name: str = "dimension") -> tuple[Axis, ...]:
    return tuple(_axis(d, transforms) for d in element.findall(f"{{{GATING}}}{name}"))


def _name(element: Element) -> str:
    return _need(element, GATING, "id")


def _parent(element: Element) -> str:
    return _get(element, GATING, "parent_id") or ""


def _edges(element: Element, name: str) -> tuple[float | None, ...]:
    found = (_get(d, GATING, name) for d in element.findall(f"{{{GATING}}}dimension"))
    return tuple(None if value is None else float(value) for value in found)


def _rectangle(element: Element, transforms: Transforms) -> Iterator[Gate]:
    yield RectangleGate(
        name=_name(element),
        parent=_parent(element),
        axes=_axes(element, transforms),
        minimum=_edges(element, "min"),
        maximum=_edges(element, "max"),
    )


def _coordinates(element: Element) -> tuple[float, ...]:
    return tuple(float(_need(c, TYPES, "value")) for c in element.iter(f"{{{GATING}}}coordinate"))


def _polygon(element: Element, transforms: Transforms) -> Iterator[Gate]:
    corners = [_coordinates(vertex) for vertex in element.iter(f"{{{GATING}}}vertex")]
    yield PolygonGate(
        name=_name(element),
        parent=_parent(element),
        axes=_axes(element, transforms),
        x=tuple(corner[0] for corner in corners),
        y=tuple(corner[1] for corner in corners),
    )


def _ellipsoid(element: Element, transforms: Transforms) -> Iterator[Gate]:
    covariance = tuple(
        tuple(float(_need(entry, TYPES, "value")) for entry in row.iter(f"{{{GATING}}}entry"))
        for row in element.iter(f"{{{GATING}}}row")
    )
    limit = next(iter(element.iter(f"{{{GATING}}}distanceSquare")))
    yield EllipsoidGate(
        name=_name(element),
        parent=_parent(element),
        axes=_axes(element, transforms),
        mean=_coordinates(next(iter(element.iter(f"{{{GATING}}}mean")))),
        covariance=covariance,
        distance_square=float(_need(limit, TYPES, "value")),
    )


def _around(values: list[float], location: float) -> tuple[float | None, float | None]:
    """Divider values on both sides of a location; a divider's own value belongs above."""
    below = [value for value in values if value <= location]
    above = [value for value in values if value > location]
    return (max(below) if below else None), (min(above) if above else None)


def _quadrants(element: Element, transforms: Transforms) -> Iterator[Gate]:
    dividers = {}
    for divider in element.findall(f"{{{GATING}}}divider"):
        values = [float(value.text or "") for value in divider.iter(f"{{{GATING}}}value")]
        dividers[_need(divider, GATING, "id")] = (_axis(divider, transforms), values)
    for quadrant in element.findall(f"{{{GATING}}}Quadrant"):
        axes, edges = [], []
        for position in quadrant.iter(f"{{{GATING}}}position"):
            axis, values = dividers[_need(position, GATING, "divider_ref")]
            axes.append(axis)
            edges.append(_around(values, float(_need(position, GATING, "location"))))
        yield QuadrantGate(
            name=_need(quadrant, GATING, "id"),
            parent=_parent(element),
            quadrants=_name(element),
            axes=tuple(axes),
            minimum=tuple(low for low, _ in edges),
            maximum=tuple(high for _, high in edges),
        )


def _boolean(element: Element, _: Transforms) -> Iterator[Gate]:
    for operator in _OPERATORS:
        joined = element.find(f"{{{GATING}}}{operator}")
        if joined is not None:
            operands = tuple(
                GateReference(
                    name=_need(reference, GATING, "ref"),
                    complement=_get(reference, GATING, "use-as-complement") in {"true", "1"},
                )
                for reference in joined.iter(f"{{{GATING}}}gateReference")
            )
            if not operands:
                break
            yield BooleanGate(
                name=_name(element), parent=_parent(element), operator=operator, operands=operands
            )
            return
    message = f"boolean gate {_get(element, GATING, 'id')} without operands"
    raise ValueError(message)


_READERS: Final[dict[str, Callable[[Element, Transforms], Iterator[Gate]]]] = {
    "RectangleGate": _rectangle,
    "PolygonGate": _polygon,
    "EllipsoidGate": _ellipsoid,
    "QuadrantGate": _quadrants,
    "BooleanGate": _boolean,
}


def _gates(element: Element, transforms: Transforms) -> Iterator[Gate]:
    if str(element.tag).startswith(f"{{{GATING}}}"):
        kind = etree.QName(element).localname
        if kind in _READERS:
            yield from _READERS[kind](element, transforms)
        elif kind.endswith("Gate") and element.getparent() is not None and kind != "Gating-ML":
            raise ValueError(kind)
