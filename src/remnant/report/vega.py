"""Vega-Lite to SVG, in this process or in one beside it.

Vega keeps the interpreter's lock while it draws, so that threads would wait for each other. Where many figures are
wanted, a second process draws them while this one writes pages: it hears specifications and answers with figures, one
line of JSON each. The same specification gives the same figure in either; where the second process cannot be had, or
fails, this one draws.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import resources
from typing import Final

import vl_convert

__all__ = ["beside", "main", "register_fonts", "svg"]

_EMPTY: Final = '{"mark": "point", "data": {"values": []}}'


class _Neighbour:
    """The process beside this one: one figure at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._turn = threading.Lock()

    def svg(self, specification: str) -> str | None:
        """Figure; None if it could not be drawn there."""
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            return None
        with self._turn, contextlib.suppress(OSError, ValueError):
            asked.write(specification + "\n")
            asked.flush()
            drawn: str | None = json.loads(answers.readline())
            return drawn
        return None

    def end(self) -> None:
        """Close its input, and wait until it has ended."""
        with contextlib.suppress(OSError):
            self._process.communicate()


_OPEN: Final[list[_Neighbour]] = []


@functools.cache
def register_fonts() -> None:
    """Make the bundled fonts known to the renderer of this process."""
    folder = resources.files("remnant.report").joinpath("assets")
    vl_convert.register_font_directory(str(folder))


def svg(specification: str) -> str:
    """Figure as Vega draws it.

    Parameters
    ----------
    specification : str
        Vega-Lite as one line of JSON.

    Returns
    -------
    str
        SVG.

    Raises
    ------
    ValueError
        If it is no specification.
    """
    drawn = _OPEN[-1].svg(specification) if _OPEN else None
    if drawn is None:
        register_fonts()
        drawn = str(vl_convert.vegalite_to_svg(specification))
    return drawn


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Have the figures of a block drawn by a second process, where there is a processor for it.

    Yields
    ------
    None
        Control, once.
    """
    neighbour = _started() if (os.cpu_count() or 1) > 1 else None
    if neighbour is None:
        yield
        return
    _OPEN.append(neighbour)
    try:
        yield
    finally:
        _OPEN.remove(neighbour)
        neighbour.end()


def _started() -> _Neighbour | None:
    """Second process with the same packages; None if the system has none to give."""
    packages = os.pathsep.join(place for place in sys.path if place)
    with contextlib.suppress(OSError):
        return _Neighbour(
            subprocess.Popen(  # noqa: S603  this interpreter and a module of ours
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": packages},
                encoding="utf-8",
            )
        )
    return None


def main() -> None:
    """Draw what standard input asks for, until it ends; null for what cannot be drawn."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is told to stop, and closes the input
    svg(_EMPTY)  # loads Vega before the first figure is wanted
    for specification in sys.stdin:
        try:
            drawn: str | None = svg(specification)
        except ValueError:
            drawn = None
        sys.stdout.write(json.dumps(drawn) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
