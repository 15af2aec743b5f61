"""Tables on a terminal: rows under a line of headings, no boxes. Reports and terminal print the same cells.

A column is never narrower than its longest word as long as the terminal has the room, and numbers are never broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from remnant.report import table as report_table

__all__ = ["WholeWords", "fitted", "listed", "printed"]

_STYLES = {"look": "yellow", "act": "bold red", "muted": "dim", "": ""}
_GAP: Final = 2
_LEAST: Final = 5
_LONG_WORD: Final = 24
"""Cells that a word may claim; a longer one (a file's name) is broken before others are."""


class WholeWords:
    """A table that breaks no word while there is room.

    Parameters
    ----------
    table : rich.table.Table
        Its columns get their widths here, when the width of the terminal is known.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give each column its width, and the table to the console."""
        columns = self.table.columns
        measured = [
            [Measurement.get(console, options, cell) for cell in (column.header, *column.cells)]
            for column in columns
        ]
        full = [max(one.maximum for one in cells) for cells in measured]
        words = [
            widest if column.no_wrap else min(max(one.minimum for one in cells), _LONG_WORD)
            for column, cells, widest in zip(columns, measured, full, strict=True)
        ]
        widths = fitted(full, words, options.max_width - _GAP * (len(columns) - 1))
        for column, width, widest in zip(columns, widths, full, strict=True):
            column.width = width
            column.no_wrap = column.no_wrap and width >= widest  # a number cut short would be another number
        yield self.table


def fitted(full: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths of columns, the widest shortened first, none below what it should have while that is possible.

    Where it is not, columns that have to be whole are the last to give way.

    Parameters
    ----------
    full : sequence of int
        Width of each column without a break.
    least : sequence of int
        What each should have.
    room : int
        Width for all.

    Returns
    -------
    list of int
        At least 1 each, which is more than there is room for in a terminal narrower than the columns are many.

    Examples
    --------
    >>> fitted([10, 60, 30], [10, 12, 8], 60), fitted([10, 60], [10, 12], 20)
    ([10, 25, 25], [10, 10])
    """
    widths = list(full)
    while sum(widths) > max(room, len(widths)):
        free = [at for at, width in enumerate(widths) if width > least[at]]
        free = free or [at for at, width in enumerate(widths) if width > _LEAST and least[at] < full[at]]
        widths[max(free or range(len(widths)), key=lambda at: widths[at])] -= 1
    return widths


def listed(
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> WholeWords:
    """Rows under a line of headings.

    Parameters
    ----------
    columns : iterable of str
        Headings.
    rows : iterable of iterable
        Cells; None is shown empty.
    right : iterable of str, default ()
        Headings of numbers.
    whole : iterable of str, default ()
        Headings of names that are never broken.

    Returns
    -------
    WholeWords
        Without a box, and without columns in which no row says anything.
    """
    numbers, names = set(right), set(whole)
    made = _empty()
    heads = list(columns)
    texts = (["" if cell is None else str(cell) for cell in row] for row in rows)
    cells = [row + [""] * (len(heads) - len(row)) for row in texts]
    kept = [at for at in range(len(heads)) if not cells or any(row[at] for row in cells)]
    for at in kept:
        _add_column(made, heads[at], number=heads[at] in numbers, whole=heads[at] in names)
    for row in cells:
        made.add_row(*(row[at] for at in kept))
    return WholeWords(made)


def printed(table: report_table.Table) -> tuple[RenderableType, ...]:
    """A table of the reports on a terminal.

    Parameters
    ----------
    table : remnant.report.table.Table
        Any table.

    Returns
    -------
    tuple of renderable
        Caption, note, table without empty columns, and an empty line; nothing if there are no rows.
    """
    if not table.rows:
        return ()
    table = report_table.with_content(table)
    made = _empty()
    for column in table.columns:
        _add_column(made, column.name, number=column.number)
    for row in table.rows:
        made.add_row(*(_cell(cell) for cell in row))
    note = (table.note,) if table.note else ()
    return (Text(table.title, style="bold"), *note, WholeWords(made), "")


def _empty() -> Table:
    return Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )


def _add_column(made: Table, name: str, *, number: bool, whole: bool = False) -> None:
    made.add_column(name, justify="right" if number else "left", no_wrap=number or whole, overflow="fold")


def _cell(cell: report_table.Cell) -> Text:
    text = f"{cell.text}\n{cell.note}" if cell.note else cell.text
    return Text(text, style=_STYLES[cell.tone])
