"""Placing of labels: widths, rows without overlap, places moved apart, layers at pixel places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from remnant.report.draw import FONT_SIZE, HALO

__all__ = ["labels", "pixels", "rows_without_overlap", "spread", "text_width"]

_LETTER: Final = 0.53


def labels(
    rows: Sequence[tuple[float, float, str, str]], *, halo: bool = True, **style: Any
) -> list[dict[str, Any]]:
    """Labels at given places, all of one style.

    Parameters
    ----------
    rows : sequence of (float, float, str, str)
        Horizontal and vertical place in pixels, text and colour.
    halo : bool, default True
        Whether they get a rim of paper, so that lines behind do not strike them through.
    **style : Any
        Properties of the text mark.

    Returns
    -------
    list of dict
        One layer; none without rows.
    """
    if not rows:
        return []
    values = [{"x": x, "y": y, "text": text, "colour": colour} for x, y, text, colour in rows]
    layer = {
        "data": {"values": values},
        "mark": {"type": "text", "baseline": "middle", "aria": False, **(HALO if halo else {}), **style},
        "encoding": {
            "x": pixels("x"),
            "y": pixels("y"),
            "text": {"field": "text"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    return [layer]


def pixels(field: str) -> dict[str, Any]:
    """Channel that is a place on the plot already.

    Parameters
    ----------
    field : str
        Column of pixels.

    Returns
    -------
    dict
        Vega-Lite channel.
    """
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Width of a text, rounded up to what a wide system font would need.

    Parameters
    ----------
    text : str
        One line.
    size : float, default `FONT_SIZE`
        Pixels.

    Returns
    -------
    float
        Pixels.
    """
    return _LETTER * size * len(text)


def rows_without_overlap(spans: Sequence[tuple[float, float]], *, gap: float = 6.0) -> list[int]:
    """Row of each span so that none overlaps another: the first row that is free.

    Parameters
    ----------
    spans : sequence of (float, float)
        Left and right ends, pixels.
    gap : float, default 6
        Room between neighbours.

    Returns
    -------
    list of int
        Row numbers from 0, in the order given.

    Examples
    --------
    >>> rows_without_overlap([(0, 50), (40, 90), (60, 80)])
    [0, 1, 0]
    """
    taken: list[list[tuple[float, float]]] = []
    rows = []
    for left, right in spans:
        row = next(
            (i for i, held in enumerate(taken) if all(right + gap <= a or left >= b + gap for a, b in held)),
            len(taken),
        )
        if row == len(taken):
            taken.append([])
        taken[row].append((left, right))
        rows.append(row)
    return rows


def spread(places: Iterable[float], *, gap: float, low: float, high: float) -> list[float]:
    """Places of labels moved apart as little as needed, in the order given.

    Parameters
    ----------
    places : iterable of float
        Wished places, pixels.
    gap : float
        Least distance of neighbours.
    low, high : float
        Ends of the room.

    Returns
    -------
    list of float
        Places of the same labels.

    Examples
    --------
    >>> spread([10.0, 12.0, 50.0], gap=10.0, low=0.0, high=60.0)
    [6.0, 16.0, 50.0]
    """
    wished = list(places)
    order = sorted(range(len(wished)), key=lambda i: wished[i])
    blocks: list[tuple[float, int]] = []  # mean and size: pool neighbours that would stand too close
    for rank, index in enumerate(order):
        blocks.append((wished[index] - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (mean_b, n_b), (mean_a, n_a) = blocks.pop(), blocks.pop()
            blocks.append(((mean_a * n_a + mean_b * n_b) / (n_a + n_b), n_a + n_b))
    level = [mean for mean, n in blocks for _ in range(n)]
    last = max(low, high - gap * (len(wished) - 1))
    made = [0.0] * len(wished)
    for rank, index in enumerate(order):
        made[index] = min(max(level[rank], low), last) + rank * gap
    return made
