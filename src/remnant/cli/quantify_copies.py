"""Copies in the wells of one real-time PCR file, as a table."""

from __future__ import annotations

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


def shown_copies(copies: Sequence[SampleCopies]) -> tuple[RenderableType, ...]:
    """Table of the copies, with what the interval holds.

    Parameters
    ----------
    copies : sequence of SampleCopies
        What the plate says.

    Returns
    -------
    tuple of renderables
        Empty without any.
    """
    if not copies:
        return ()
    units = dict.fromkeys(one.unit for one in copies)
    named = f"{next(iter(units))} (95 %)" if len(units) == 1 else "copies (95 %)"
    columns = ("run", "target", "sample", "signals", named, "state", "why")
    rows = (
        (
            one.run_id,
            one.target,
            one.sample,
            f"{one.positive_wells} of {one.wells}",
            _value(one) + (f" {one.unit}" if len(units) > 1 and one.upper_limit is not None else ""),
            one.state,
            one.reason.partition(": ")[0] if one.upper_limit is None else one.reason,
        )
        for one in copies
    )
    return ("", listed(columns, rows), "", _NOTE)


def _value(one: SampleCopies) -> str:
    if one.upper_limit is None:
        return "not evaluable"
    if one.estimate is None or one.lower is None or one.upper is None:
        return f"< {number_text(one.upper_limit)}"
    ends = f"{number_text(one.lower)} to {number_text(one.upper)}"
    if one.state == "detected":
        return f"positive, not quantifiable (interval {ends})"
    return f"{number_text(one.estimate)} ({ends})"
