"""Random streams inside compiled code: one generator a replicate.

A stream is the state of xoshiro256++, four words that SplitMix64 fills from the seed and the replicate's
number. A replicate therefore sees the same numbers whoever computes it and in whatever order. Draws: uniform
on (0, 1), exponential, normal (ziggurat) and Poisson. A Poisson draw is exact up to a mean of `GAUSSIAN_FROM`;
above, it is a rounded Gaussian, whose skewness error is below 3e-4.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from remnant.numerics.compiled import compiled

__all__ = ["GAUSSIAN_FROM", "exponential", "normal", "poisson", "seed_words", "stream", "uniform"]

Words = npt.NDArray[np.uint64]

GAUSSIAN_FROM: Final = 1e7
"""Mean from which a Poisson draw is a rounded Gaussian."""

_LAYERS: Final = 256
_EDGE: Final = 3.6541528853610088
_AREA: Final = 4.92867323399e-3
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_U11, _U17, _U23, _U27 = np.uint64(11), np.uint64(17), np.uint64(23), np.uint64(27)
_U30, _U31, _U45, _U64 = np.uint64(30), np.uint64(31), np.uint64(45), np.uint64(64)
_LOW_BYTE: Final = np.uint64(0xFF)
_UNIT: Final = 1.0 / 9007199254740992.0


def _ziggurat_edges() -> npt.NDArray[np.float64]:
    edges = np.zeros(_LAYERS + 1)
    density = math.exp(-0.5 * _EDGE * _EDGE)
    edges[0] = _AREA / density
    edges[1] = _EDGE
    for layer in range(2, _LAYERS):
        density = _AREA / edges[layer - 1] + density
        edges[layer] = math.sqrt(-2.0 * math.log(density))
    return edges


_EDGES: Final = _ziggurat_edges()


def seed_words(seed: int) -> Words:
    """Two words that stand for a seed.

    Parameters
    ----------
    seed : int
        Not negative.

    Returns
    -------
    ndarray of uint64, shape (2,)
        Input of `stream`.
    """
    words: Words = np.asarray(np.random.SeedSequence(seed).generate_state(2, np.uint64), dtype=np.uint64)
    return words


@compiled
def _mixed(word: np.uint64) -> np.uint64:
    word = (word ^ (word >> _U30)) * _MIX_1
    word = (word ^ (word >> _U27)) * _MIX_2
    return word ^ (word >> _U31)


@compiled
def stream(seed: Words, replicate: int) -> Words:
    """State of the stream of one replicate.

    Parameters
    ----------
    seed : ndarray of uint64, shape (2,)
        From `seed_words`.
    replicate : int
        Number of the replicate.

    Returns
    -------
    ndarray of uint64, shape (4,)
        The draws below advance it.
    """
    state = np.empty(4, dtype=np.uint64)
    word = _mixed(seed[0] + _mixed(np.uint64(replicate) * _GOLDEN + seed[1]))
    for index in range(4):
        word = word + _GOLDEN
        state[index] = _mixed(word)
    return state


@compiled
def _next(state: Words) -> np.uint64:
    total = state[0] + state[3]
    result = ((total << _U23) | (total >> (_U64 - _U23))) + state[0]
    shifted = state[1] << _U17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << _U45) | (state[3] >> (_U64 - _U45))
    return np.uint64(result)


@compiled
def uniform(state: Words) -> float:
    """A number strictly between 0 and 1.

    Parameters
    ----------
    state : ndarray of uint64, shape (4,)
        Stream.

    Returns
    -------
    float
        One of 2^53 equally spaced values.
    """
    return (float(_next(state) >> _U11) + 0.5) * _UNIT


@compiled
def exponential(state: Words) -> float:
    """A draw of mean 1.

    Parameters
    ----------
    state : ndarray of uint64, shape (4,)
        Stream.

    Returns
    -------
    float
        Positive.
    """
    return -math.log(uniform(state))


@compiled
def normal(state: Words) -> float:
    """A draw of mean 0 and variance 1.

    Parameters
    ----------
    state : ndarray of uint64, shape (4,)
        Stream.

    Returns
    -------
    float
        Any sign.

    References
    ----------
    .. [1] Marsaglia, Tsang, The ziggurat method for generating random variables, J Stat Softw 5(8) (2000).
    """
    while True:
        bits = _next(state)
        layer = int(bits & _LOW_BYTE)
        signed = 2.0 * (float(bits >> _U11) + 0.5) * _UNIT - 1.0
        x = signed * _EDGES[layer]
        if abs(x) < _EDGES[layer + 1]:
            return float(x)
        if layer == 0:
            while True:
                over = exponential(state) / _EDGE
                if 2.0 * exponential(state) > over * over:
                    return _EDGE + over if signed > 0.0 else -_EDGE - over
        upper = math.exp(-0.5 * (_EDGES[layer] * _EDGES[layer] - x * x))
        lower = math.exp(-0.5 * (_EDGES[layer + 1] * _EDGES[layer + 1] - x * x))
        if lower + uniform(state) * (upper - lower) < 1.0:
            return float(x)


@compiled
def _poisson_by_inversion(state: Words, mean: float) -> float:
    chance = math.exp(-mean)
    rest = uniform(state)
    count = 0.0
    while rest > chance:
        rest -= chance
        count += 1.0
        chance *= mean / count
        if count > 1000.0:
            break
    return count


@compiled
def _poisson_by_rejection(state: Words, mean: float) -> float:
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    quick = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u = uniform(state) - 0.5
        v = uniform(state)
        us = 0.5 - abs(u)
        count = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= quick:
            return count
        if count < 0.0 or (us < 0.013 and v > us):
            continue
        inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
        left = math.log(v * inverse_alpha / (a / (us * us) + b))
        if left <= count * math.log(mean) - mean - math.lgamma(count + 1.0):
            return count


@compiled
def poisson(state: Words, mean: float) -> float:
    """A Poisson count.

    Parameters
    ----------
    state : ndarray of uint64, shape (4,)
        Stream.
    mean : float
        Not negative.

    Returns
    -------
    float
        A whole number, never negative.

    References
    ----------
    .. [1] Hörmann, The transformed rejection method for generating Poisson random variables, Insur Math Econ
       12, 39-45 (1993), algorithm PTRS.
    """
    if mean <= 0.0:
        return 0.0
    if mean < 10.0:
        return _poisson_by_inversion(state, mean)
    if mean < GAUSSIAN_FROM:
        return _poisson_by_rejection(state, mean)
    return max(0.0, math.floor(mean + math.sqrt(mean) * normal(state) + 0.5))
