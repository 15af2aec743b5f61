"""A printed table: the same cells for page, PDF and screen reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from remnant.report.sentences import as_printed

__all__ = ["Cell", "Column", "Section", "Table", "plain", "with_content"]

Tone = Literal["", "look", "act", "muted"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text : str
        What is read first.
    note : str
        A second, smaller line, or more of them.
    tone : {"", "look", "act", "muted"}
        Emphasis; the words carry the meaning.
    sort : str
        Key to sort by, where the text itself does not sort.
    link : str
        Relative address the text leads to.
    """

    text: str
    note: str = ""
    tone: Tone = ""
    sort: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column.

    Attributes
    ----------
    name : str
        With its unit.
    number : bool
        Whether it is set in tabular figures without breaks.
    share : int
        Its share of the room that is left on paper; 0 is as wide as its text.
    """

    name: str
    number: bool = False
    share: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table.

    Attributes
    ----------
    title : str
        Caption.
    columns : tuple of Column
        Heads; a column in which no row says anything is not drawn.
    rows : tuple of tuple of Cell
        As long as `columns`, each.
    note : str
        Sentence under the caption.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report.

    Attributes
    ----------
    title : str
        Heading.
    tables : tuple of Table
        Tables; those without rows are not printed.
    figure : str
        SVG above them; empty for none.
    caption : str
        Sentences under the figure or, without one, under the heading.
    """

    title: str
    tables: tuple[Table, ...]
    figure: str = ""
    caption: str = ""


def with_content(table: Table) -> Table:
    """Table without the columns in which no row says anything: they are not drawn.

    Parameters
    ----------
    table : Table
        Any table.

    Returns
    -------
    Table
        The same rows in the columns that are left. A zero is something said; only an empty cell is nothing.

    Examples
    --------
    >>> columns = (Column("Sample"), Column("Received"), Column("Blasts, %"))
    >>> held = Table(title="Samples", columns=columns, rows=((Cell("S-1"), Cell(""), Cell("0")),))
    >>> [column.name for column in with_content(held).columns]
    ['Sample', 'Blasts, %']
    """
    kept = [i for i in range(len(table.columns)) if any(row[i].text or row[i].note for row in table.rows)]
    if not table.rows or len(kept) == len(table.columns):
        return table
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )


def plain(table: Table) -> dict[str, Any]:
    """Table as dictionaries, for a template that reads JSON.

    Parameters
    ----------
    table : Table
        Any table.

    Returns
    -------
    dict
        The fields of the table as it is drawn: without empty columns.
    """
    made = with_content(table)
    rows = (
        tuple(replace(cell, text=as_printed(cell.text), note=as_printed(cell.note)) for cell in row)
        for row in made.rows
    )
    return asdict(replace(made, rows=tuple(rows), note=as_printed(made.note)))
