"""Scales of axes: forward, inverse, and the exact edge that a value of the scale has in linear units.

All scales are those of Gating-ML 2.0 and strictly increasing (``biexponential`` with positive a, b, c, d). Logicle
and hyperlog stand on FlowUtils' code of the authors' algorithm.

References
----------
.. [1] Spidlen et al., ISAC's Gating-ML 2.0 data exchange standard, Cytometry A 87, 683-687 (2015).
.. [2] Moore and Parks, Update for the logicle data scale, Cytometry A 81, 273-277 (2012).
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
from flowutils import transforms
from numpy.typing import NDArray

from remnant.errors import InputError
from remnant.records.gate import Scale

__all__ = ["edge", "forward", "inverse"]

Floats = NDArray[np.float64]

_LN10: Final = math.log(10.0)
_BISECTIONS: Final = 1100


def _asinh(scale: Scale) -> tuple[float, float, float]:
    decades, negative = scale.decades, scale.negative_decades
    return math.sinh(decades * _LN10) / scale.top, negative * _LN10, (decades + negative) * _LN10


def _biexponential(y: Floats, scale: Scale) -> Floats:
    a, b, c, d, f, w = scale.coefficients
    return np.asarray(a * np.exp(b * (y - w)) - c * np.exp(-d * (y - w)) + f)


def _biexponential_root(x: Floats, scale: Scale) -> Floats:
    """Root by bisection: the function is strictly increasing."""
    low, high = np.full_like(x, -1.0), np.full_like(x, 1.0)
    with np.errstate(over="ignore"):
        for _ in range(12):
            low = np.where(_biexponential(low, scale) > x, 2.0 * low, low)
            high = np.where(_biexponential(high, scale) < x, 2.0 * high, high)
        for _ in range(80):
            middle = 0.5 * (low + high)
            above = _biexponential(middle, scale) > x
            low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(np.isfinite(x), 0.5 * (low + high), x)


def forward(scale: Scale | None, x: Floats) -> Floats:
    """Linear values on a scale.

    Parameters
    ----------
    scale : Scale or None
        None leaves them as they are.
    x : ndarray of float, shape (n,)
        Linear values.

    Returns
    -------
    ndarray of float, shape (n,)
        Values on the scale; the logarithm of a value that is not positive is minus infinity.

    Examples
    --------
    >>> forward(Scale(kind="log", top=10_000, decades=4), np.array([1.0, 10_000.0])).tolist()
    [0.0, 1.0]
    """
    if scale is None:
        return x
    y = _forward(scale, x)
    if scale.minimum is not None or scale.maximum is not None:
        y = np.clip(y, scale.minimum, scale.maximum)
    return y


def _forward(scale: Scale, x: Floats) -> Floats:
    match scale.kind:
        case "linear":
            return (x + scale.negative_decades) / (scale.top + scale.negative_decades)
        case "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log10(np.where(x > 0, x, 0.0) / scale.top)
            return np.asarray(np.where(np.isnan(x), np.nan, logs / scale.decades + 1.0))
        case "asinh":
            factor, shift, width = _asinh(scale)
            return np.asarray((np.arcsinh(x * factor) + shift) / width)
        case "biexponential":
            return _biexponential_root(x, scale)
        case _:
            function = transforms.logicle if scale.kind == "logicle" else transforms.hyperlog
            return np.asarray(function(np.ascontiguousarray(x), None, **_parameters(scale)))


def _parameters(scale: Scale) -> dict[str, float]:
    return {
        "t": scale.top,
        "m": scale.decades,
        "w": scale.linear_decades,
        "a": scale.negative_decades,
    }


def inverse(scale: Scale | None, y: Floats) -> Floats:
    """Values of a scale in linear units.

    Parameters
    ----------
    scale : Scale or None
        None leaves them as they are.
    y : ndarray of float, shape (n,)
        Values on the scale.

    Returns
    -------
    ndarray of float, shape (n,)
        Linear values.
    """
    if scale is None:
        return y
    match scale.kind:
        case "linear":
            return y * (scale.top + scale.negative_decades) - scale.negative_decades
        case "log":
            return np.asarray(scale.top * 10.0 ** ((y - 1.0) * scale.decades))
        case "asinh":
            factor, shift, width = _asinh(scale)
            return np.asarray(np.sinh(y * width - shift) / factor)
        case "biexponential":
            return _biexponential(y, scale)
        case _:
            function = transforms.logicle_inverse if scale.kind == "logicle" else transforms.hyperlog_inverse
            return np.asarray(function(np.ascontiguousarray(y), None, **_parameters(scale)))


@functools.lru_cache(maxsize=65_536)
def edge(scale: Scale | None, value: float | None, *, open_end: float) -> float:
    """Smallest linear number whose value on the scale is at least `value`.

    Comparing linear values with this edge gives the same events, one for one, as transforming every event
    and comparing it with `value`: it is found by bisection over floating-point numbers with the very
    function that would have transformed the events.

    Parameters
    ----------
    scale : Scale or None
        Scale of the axis.
    value : float or None
        Edge on the scale; None is open.
    open_end : float
        What an open side becomes: minus or plus infinity.

    Returns
    -------
    float
        Linear edge; plus or minus infinity where no number or every number lies above.

    Raises
    ------
    InputError
        If the edge is not a number.

    Examples
    --------
    >>> edge(Scale(kind="linear", top=100.0), 0.5, open_end=-np.inf)
    50.0
    """
    if value is None:
        return open_end
    if math.isnan(value):
        raise InputError(
            where="gate", found="an edge that is not a number", needed="a number", advice="Mend the gate."
        )
    if scale is None or math.isinf(value):
        return value
    guess = float(inverse(scale, np.array([value]))[0])
    if not math.isfinite(guess):
        guess = math.copysign(np.finfo(float).max, guess) if not math.isnan(guess) else 0.0
    return _bisected(scale, value, guess)


def _at_least(scale: Scale, x: float, value: float) -> bool:
    return bool(forward(scale, np.array([x]))[0] >= value)


def _bisected(scale: Scale, value: float, guess: float) -> float:
    """Widen around the guess until it is bracketed, then halve between neighbouring numbers."""
    step = max(abs(guess) * 1e-14, 1e-300)
    low = high = guess
    limit = np.finfo(float).max
    while _at_least(scale, low, value):
        if low <= -limit:
            return -math.inf
        low, step = max(guess - step, -limit), step * 8.0
    step = max(abs(guess) * 1e-14, 1e-300)
    while not _at_least(scale, high, value):
        if high >= limit:
            return math.inf
        high, step = min(guess + step, limit), step * 8.0
    for _ in range(_BISECTIONS):
        middle = low + (high - low) / 2.0
        if middle in {low, high}:
            break
        low, high = (low, middle) if _at_least(scale, middle, value) else (middle, high)
    return high
