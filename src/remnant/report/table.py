"""A printed table: the same cells for page, PDF and screen reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Cell", "Column", "Section", "Table", "plain"]

Tone = Literal["", "look", "act", "muted"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text : str
        What is read first.
    note : str
        A second, smaller line.
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
        Heads.
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


def plain(table: Table) -> dict[str, Any]:
    """Table as dictionaries, for a template that reads JSON.

    Parameters
    ----------
    table : Table
        Any table.

    Returns
    -------
    dict
        The same fields.
    """
    return asdict(table)
