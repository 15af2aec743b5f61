"""Which points lie in a polygon or an ellipsoid.

A polygon of many events is answered from a table of cells: the plane is cut into small rectangles, those that
no side touches are wholly in or out, and only events in the others are tested. The result is that of testing
every event.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL_IN", "CELL_OUT", "CELL_TEST", "cells", "in_ellipsoid", "in_polygon"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CELL_OUT, CELL_IN, CELL_TEST = 0, 1, 2


def in_polygon(x: Floats, y: Floats, vertices: Floats) -> Mask:
    """Points inside a polygon by the even-odd rule; the border is inside.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        Points.
    vertices : ndarray of float, shape (m, 2)
        Corners in order; the last is joined to the first.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each lies inside; False for what is not a number.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> in_polygon(np.array([0.5, 1.0, 2.0]), np.array([0.5, 0.5, 0.5]), square).tolist()
    [True, True, False]
    """
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.all():
        x, y = np.where(finite, x, 0.0), np.where(finite, y, 0.0)
    odd = np.zeros(len(x), dtype=bool)
    border = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        crossed = (y0 > y) != (y1 > y)
        cross = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
        if y1 != y0:
            odd ^= crossed & ((cross > 0) == (y1 > y0)) & (cross != 0)
        border |= (
            (cross == 0) & (x >= min(x0, x1)) & (x <= max(x0, x1)) & (y >= min(y0, y1)) & (y <= max(y0, y1))
        )
    return np.asarray((odd | border) & finite)


def in_ellipsoid(points: Floats, mean: Floats, inverse_covariance: Floats, *, distance_square: float) -> Mask:
    """Points whose squared Mahalanobis distance is at most a limit.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        Points.
    mean : ndarray of float, shape (d,)
        Centre.
    inverse_covariance : ndarray of float, shape (d, d)
        Inverse of the covariance matrix.
    distance_square : float
        Limit.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each lies inside.
    """
    centred = points - mean
    return np.asarray(np.einsum("ni,ij,nj->n", centred, inverse_covariance, centred) <= distance_square)


def cells(vertices: Floats, x_edges: Floats, y_edges: Floats) -> NDArray[np.uint8]:
    """Whether the cells of a grid are inside a polygon, outside, or touched by a side.

    Parameters
    ----------
    vertices : ndarray of float, shape (m, 2)
        Corners.
    x_edges, y_edges : ndarray of float, shape (nx + 1,), (ny + 1,)
        Edges of the cells, increasing.

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        `CELL_OUT`, `CELL_IN` or `CELL_TEST`; a cell beside a touched one is tested too, so that rounding of
        a cell's edge decides nothing.
    """
    touched = np.zeros((len(y_edges) - 1, len(x_edges) - 1), dtype=bool)
    for (x0, y0), (x1, y1) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        touched |= _touched(x_edges, y_edges, side=(x0, y0, x1, y1))
    wide = np.pad(touched, 1)
    touched = np.logical_or.reduce(
        [wide[dy : dy + touched.shape[0], dx : dx + touched.shape[1]] for dy in range(3) for dx in range(3)]
    )
    x, y = np.meshgrid((x_edges[:-1] + x_edges[1:]) / 2, (y_edges[:-1] + y_edges[1:]) / 2)
    inside = in_polygon(x.ravel(), y.ravel(), vertices).reshape(x.shape)
    return np.where(touched, CELL_TEST, np.where(inside, CELL_IN, CELL_OUT)).astype(np.uint8)


def _touched(x_edges: Floats, y_edges: Floats, *, side: tuple[float, float, float, float]) -> Mask:
    """Cells that a side meets: its box overlaps theirs, and their corners are not all on one side of it."""
    x0, y0, x1, y1 = side
    columns = (x_edges[1:] >= min(x0, x1)) & (x_edges[:-1] <= max(x0, x1))
    rows = (y_edges[1:] >= min(y0, y1)) & (y_edges[:-1] <= max(y0, y1))
    corner = (x1 - x0) * (y_edges[:, None] - y0) - (x_edges[None, :] - x0) * (y1 - y0)
    four = np.stack([corner[:-1, :-1], corner[1:, :-1], corner[:-1, 1:], corner[1:, 1:]])
    met = (four.min(axis=0) <= 0) & (four.max(axis=0) >= 0)
    return np.asarray(met & rows[:, None] & columns[None, :])
