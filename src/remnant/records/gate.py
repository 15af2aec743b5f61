"""Gates as data: scales, axes, shapes and the tree they form, in the terms of Gating-ML 2.0.

Edge rules, kept by every engine that counts with them:

* rectangle and range: ``minimum <= x < maximum`` on the axis' scale; an open side has no edge;
* polygon: even-odd rule, points on the border are inside;
* ellipsoid: ``(x - mean)' covariance^-1 (x - mean) <= distance_square``;
* quadrant: the divider's own value belongs to the upper side;
* not-a-number lies in no shape, and in every complement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Axis",
    "BooleanGate",
    "EllipsoidGate",
    "Gate",
    "GateReference",
    "Gating",
    "PolygonGate",
    "QuadrantGate",
    "RectangleGate",
    "Scale",
    "ScaleKind",
    "SpectrumMatrix",
]

ScaleKind = Literal["linear", "log", "asinh", "logicle", "hyperlog", "biexponential"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A monotone transform of one axis.

    Attributes
    ----------
    kind : ScaleKind
        Which formula; the parameters are those of Gating-ML 2.0.
    top : float
        T, the linear value that becomes 1.
    decades : float
        M, decades of the display; for ``biexponential`` not used.
    linear_decades : float
        W, decades that are about linear (logicle, hyperlog).
    negative_decades : float
        A, further negative decades; for ``linear`` the negative reach in linear units.
    coefficients : tuple of float
        a, b, c, d, f, w of ``biexponential``: ``x = a exp(b (y - w)) - c exp(-d (y - w)) + f``.
    minimum, maximum : float or None
        Bounds that results are clipped to.
    """

    kind: ScaleKind
    top: float = 262144.0
    decades: float = 4.5
    linear_decades: float = 0.5
    negative_decades: float = 0.0
    coefficients: tuple[float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One dimension of a gate.

    Attributes
    ----------
    channel : str
        Channel of the file, or fluorochrome of the named matrix; numerator of a ratio.
    compensation : str
        ``"uncompensated"``, ``"FCS"`` for the matrix in the file (none if it has none), or a matrix id.
    scale : Scale or None
        Transform; None is linear.
    denominator : str
        Second channel of a ratio ``A (x - B) / (y - C)``; empty for a plain channel.
    ratio : tuple of float
        A, B, C of a ratio; empty for a plain channel.
    """

    channel: str
    compensation: str = "uncompensated"
    scale: Scale | None = None
    denominator: str = ""
    ratio: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RectangleGate:
    """Ranges on one or more axes.

    Attributes
    ----------
    name : str
        Unique in the tree.
    parent : str
        Gate that its events come from; empty for all events.
    axes : tuple of Axis
        Axes.
    minimum, maximum : tuple of (float or None)
        Edges on the scale of each axis; None is open.
    kind : {"rectangle"}
        Tag.
    """

    name: str
    parent: str = ""
    axes: tuple[Axis, ...]
    minimum: tuple[float | None, ...]
    maximum: tuple[float | None, ...]
    kind: Literal["rectangle"] = "rectangle"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonGate:
    """A polygon on two axes; sides may cross.

    Attributes
    ----------
    name, parent : str
        As for a rectangle.
    axes : tuple of Axis
        Two axes.
    x, y : tuple of float
        Vertices on the scales of the axes.
    kind : {"polygon"}
        Tag.
    """

    name: str
    parent: str = ""
    axes: tuple[Axis, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: Literal["polygon"] = "polygon"


@dataclass(frozen=True, slots=True, kw_only=True)
class EllipsoidGate:
    """An ellipsoid on two or more axes.

    Attributes
    ----------
    name, parent : str
        As for a rectangle.
    axes : tuple of Axis
        Axes.
    mean : tuple of float
        Centre.
    covariance : tuple of tuple of float
        Matrix, row by row.
    distance_square : float
        Squared Mahalanobis distance of the surface.
    kind : {"ellipsoid"}
        Tag.
    """

    name: str
    parent: str = ""
    axes: tuple[Axis, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance_square: float
    kind: Literal["ellipsoid"] = "ellipsoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadrantGate:
    """One part of the space cut by dividers: ``minimum <= x < maximum`` on each divider's axis.

    Attributes
    ----------
    name, parent : str
        As for a rectangle.
    quadrants : str
        The set of dividers that it belongs to.
    axes : tuple of Axis
        Axes of its dividers.
    minimum, maximum : tuple of (float or None)
        Divider values around it.
    kind : {"quadrant"}
        Tag.
    """

    name: str
    parent: str = ""
    quadrants: str
    axes: tuple[Axis, ...]
    minimum: tuple[float | None, ...]
    maximum: tuple[float | None, ...]
    kind: Literal["quadrant"] = "quadrant"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReference:
    """An operand of a boolean gate.

    Attributes
    ----------
    name : str
        Gate, with its own parents.
    complement : bool
        Whether its complement is meant.
    """

    name: str
    complement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanGate:
    """A combination of other gates.

    Attributes
    ----------
    name, parent : str
        As for a rectangle.
    operator : {"and", "or", "not"}
        How operands are joined.
    operands : tuple of GateReference
        One for ``not``, two or more otherwise.
    kind : {"boolean"}
        Tag.
    """

    name: str
    parent: str = ""
    operator: Literal["and", "or", "not"]
    operands: tuple[GateReference, ...]
    kind: Literal["boolean"] = "boolean"


Gate = RectangleGate | PolygonGate | EllipsoidGate | QuadrantGate | BooleanGate


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumMatrix:
    """What each fluorochrome sheds into each detector.

    Attributes
    ----------
    name : str
        Identifier that axes refer to; ``"FCS"`` for the one of a file.
    fluorochromes : tuple of str
        Rows.
    detectors : tuple of str
        Columns: channels of the file.
    spectrum : tuple of tuple of float
        Row by row.
    """

    name: str
    fluorochromes: tuple[str, ...]
    detectors: tuple[str, ...]
    spectrum: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gating:
    """A tree of gates with its matrices.

    Attributes
    ----------
    gates : tuple of Gate
        In any order; names are unique.
    matrices : tuple of SpectrumMatrix
        Matrices that axes name.
    """

    gates: tuple[Gate, ...]
    matrices: tuple[SpectrumMatrix, ...] = ()
