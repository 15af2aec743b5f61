"""The form of a benchmark: named figures against the bars of the issue, as a table or as one object.

``python benchmarks/NAME.py`` prints a table; ``--json`` prints one object: figure -> value, bar, holds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

__all__ = ["Figure", "finish"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    name : str
        What was measured, with its unit.
    value : float or str
        The figure.
    bar : str
        What the issue asks; empty where it only asks to show.
    holds : bool or None
        Whether it does; None where there is no bar.
    """

    name: str
    value: float | str
    bar: str = ""
    holds: bool | None = None


def finish(title: str, figures: list[Figure]) -> None:
    """Print the figures and leave, with status 1 if a bar is missed.

    Parameters
    ----------
    title : str
        Heading of the table.
    figures : list of Figure
        All figures of the benchmark.
    """
    if "--json" in sys.argv[1:]:
        print(json.dumps({f.name: {"value": f.value, "bar": f.bar, "holds": f.holds} for f in figures}))
    else:
        width = max(len(f.name) for f in figures)
        print(title)
        for f in figures:
            shown = f"{f.value:.4g}" if isinstance(f.value, float) else str(f.value)
            verdict = {True: "holds", False: "MISSED", None: ""}[f.holds]
            print(f"  {f.name:<{width}}  {shown:>12}  {f.bar:<16} {verdict}".rstrip())
    sys.exit(0 if all(f.holds is not False for f in figures) else 1)
