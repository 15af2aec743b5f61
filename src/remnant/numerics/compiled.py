"""Compiles a numeric function to machine code, once a machine.

Kernels release the interpreter lock, so threads run them side by side, and are cached on disk, so that only
the first call on a machine waits for the compiler. Division by zero gives infinity, as in numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba

__all__ = ["compiled", "inlined"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}


def inlined(function: F) -> F:
    """The same function as machine code that is set into its callers: for the innermost steps of a loop.

    A call of its own would count the users of each array argument, which costs more than such a step.

    Parameters
    ----------
    function : callable
        Takes and gives numbers and arrays only, and makes no array.

    Returns
    -------
    callable
        Called like `function`.

    Examples
    --------
    >>> @inlined
    ... def twice(x):
    ...     return 2.0 * x
    >>> twice(1.5)
    3.0
    """
    return _compiled(function, forceinline=True)


def compiled(function: F) -> F:
    """The same function as machine code.

    Parameters
    ----------
    function : callable
        Takes and gives numbers and arrays only.

    Returns
    -------
    callable
        Called like `function`; compiled at the first call with each set of argument types.

    Examples
    --------
    >>> @compiled
    ... def twice(x):
    ...     return 2.0 * x
    >>> twice(1.5)
    3.0
    """
    return _compiled(function)


def _compiled(function: F, **options: Any) -> F:
    try:
        return cast("F", numba.njit(cache=True, **_OPTIONS, **options)(function))
    except RuntimeError:  # no folder to cache in: a source typed at a prompt, a home that cannot be written
        return cast("F", numba.njit(**_OPTIONS, **options)(function))
