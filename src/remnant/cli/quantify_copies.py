"""Copies in the wells of one real-time PCR file, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from rich.console import RenderableType

from remnant.cli.printed import listed
from remnant.records.codec import to_dict
from remnant.records.measurement import SampleCopies
from remnant.units import number_text

__all__ = ["copies_entries", "shown_copies"]

_NOTE: Final = (
    "Copies are of these wells: the interval holds counting, the wells' technical error and the standard curve. A ratio to "
    "the control gene, with the errors of run and reverse transcription, needs a study."
)


def copies_entries(copies: Sequence[SampleCopies]) -> list[dict[str, Any]]:
    """Entries of the JSON document, without the evidence.

    Parameters
    ----------
    copies : sequence of SampleCopies
        What the plate says.

    Returns
    -------
    list of dict
        One a target and name.
    """
    return [{name: value for name, value in to_dict(one).items() if name != "evidence"} for one in copies]


def shown_copies(copies: Sequence[SampleCopies], *, apart: bool = True) -> tuple[RenderableType, ...]:
    """Table of the copies, with what the interval holds, and lines for the samples without any.

    Parameters
    ----------
    copies : sequence of SampleCopies
        What the plate says.
    apart : bool, default True
        Whether runs are named.

    Returns
    -------
    tuple of renderables
        Empty without any.
    """
    read = [one for one in copies if one.upper_limit is not None]
    units = dict.fromkeys(one.unit for one in read)
    named = f"{next(iter(units))} (95 %)" if len(units) == 1 else "copies (95 %)"
    columns = ("run", "target", "sample", "signals", named, "state", "why")
    rows = (
        (
            one.run_id if apart else "",
            one.target,
            one.sample,
            f"{one.positive_wells} of {one.wells}",
            _value(one) + (f" {one.unit}" if len(units) > 1 else ""),
            one.state,
            one.reason,
        )
        for one in read
    )
    table = ("", listed(columns, rows, whole=("signals", named)), "", _NOTE) if read else ()
    lines = _not_evaluable([one for one in copies if one.upper_limit is None], apart=apart)
    return (*table, *(("", *lines) if lines else ()))


def _not_evaluable(copies: Sequence[SampleCopies], *, apart: bool) -> list[str]:
    """One line a reason, with every sample: a row each would say the same again and again."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in copies:
        # The numbers behind a failed curve stand with the curve.
        reasons[one.run_id, one.reason.partition(": ")[0]].append(one.sample)
    return [
        f"Not evaluable, {reason}{f' on run {run}' if apart else ''}: {'; '.join(held)}."
        for (run, reason), held in reasons.items()
    ]


def _value(one: SampleCopies) -> str:
    if one.estimate is None or one.lower is None or one.upper is None:
        return "" if one.upper_limit is None else f"< {number_text(one.upper_limit)}"
    ends = f"{number_text(one.lower)} to {number_text(one.upper)}"
    if one.state == "detected":
        return f"({ends})"
    return f"{number_text(one.estimate)} ({ends})"
