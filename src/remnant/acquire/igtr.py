"""Tables of wells of allele-specific PCR of IG/TR rearrangements: a row is a well.

A well of a follow-up or of a dilution needs the DNA in it that amplifies; a dilution its share of diagnosis DNA.
Neither is ever guessed. A word for "not detected" and an empty Cq differ, as in a Cq table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from remnant.acquire.aliases import FALSE_WORDS
from remnant.acquire.columns import Kind
from remnant.acquire.tables import Columns, problem_at, repeated
from remnant.records.finding import Problem
from remnant.records.igtr import IgTrWell

__all__ = ["problems_of_rows", "records"]

_WITH_DNA: Final = frozenset({"follow_up", "dilution"})
_INCLUDED: Final = frozenset(FALSE_WORDS)


def _positions(columns: Columns) -> list[Any]:
    if "well" in columns.values:
        return columns.values["well"]
    return [str(row) for row in columns.sheet.rows]


def _of_row(
    kind: str | None, sample: str | None, share: float | None, ng: float | None
) -> Iterator[tuple[str, str, str, str]]:
    """Code, column, what is needed and advice of everything that one row lacks or should not have."""
    if kind == "follow_up" and sample is None:
        yield "igtr.sample", "sample_id", "the sample in a follow-up well", "Name the sample."
    if kind == "dilution" and share is None:
        yield (
            "igtr.dilution",
            "diagnosis_share",
            "the share of diagnosis DNA in a dilution",
            "Write 0.1, 0.01 and so on.",
        )
    if kind not in {None, "dilution"} and share is not None:
        yield (
            "igtr.dilution",
            "diagnosis_share",
            f"no share of diagnosis DNA in a well of kind {kind}",
            "Empty the cell, or correct the kind.",
        )
    if kind in _WITH_DNA and ng is None:
        yield (
            "igtr.dna",
            "dna_ng",
            "nanograms of DNA that amplify, by a control gene",
            "Fill the cell; the sensitivity rests on it.",
        )


def problems_of_rows(
    columns: Columns, kind: Kind, seen: dict[tuple[Any, ...], tuple[str | None, int]]
) -> Iterator[Problem]:
    """Rows that contradict themselves or repeat another.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    seen : dict
        Keys of earlier sheets of the same file.

    Yields
    ------
    Problem
        Follow-ups without sample, dilutions without share, wells without DNA, wells that stand twice.
    """
    sheet = columns.sheet
    given = (columns.get(name) for name in ("kind", "sample_id", "diagnosis_share", "dna_ng"))
    for row, *cells in zip(sheet.rows, *given, strict=True):
        for code, column, expected, advice in _of_row(*cells):
            yield problem_at(sheet, code, expected, advice, row=row, column=column)
    keys = [
        None if None in key else key for key in zip(columns.get("run_id"), _positions(columns), strict=True)
    ]
    yield from repeated(columns, kind.key, keys, seen)


def records(columns: Columns) -> list[IgTrWell]:
    """Wells of a table without problems.

    Parameters
    ----------
    columns : Columns
        The values.

    Returns
    -------
    list of IgTrWell
        One a row.
    """
    names = ("run_id", "patient_id", "rearrangement", "kind", "sample_id", "diagnosis_share", "dna_ng")
    cells: list[float | bool | None] = columns.get("cq")
    return [
        IgTrWell(
            position=position,
            detected=None if cell is None else cell is not False,
            cq=None if cell is False else cell,
            excluded=None if excluded is None or excluded.casefold() in _INCLUDED else excluded,
            **dict(zip(names, row, strict=True)),
        )
        for position, cell, excluded, row in zip(
            _positions(columns),
            cells,
            columns.get("excluded"),
            zip(*(columns.get(name) for name in names), strict=True),
            strict=True,
        )
    ]
