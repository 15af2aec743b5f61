"""Tables on a terminal: rows under a line of headings, no boxes. Reports and terminal print the same cells."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from remnant.report import table as report_table

__all__ = ["listed", "printed"]

_STYLES = {"look": "yellow", "act": "bold red", "muted": "dim", "": ""}


def listed(
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> Table:
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
    rich.table.Table
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
    return made


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
    return (Text(table.title, style="bold"), *note, made, "")


def _empty() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")


def _add_column(made: Table, name: str, *, number: bool, whole: bool = False) -> None:
    made.add_column(name, justify="right" if number else "left", no_wrap=number or whole, overflow="fold")


def _cell(cell: report_table.Cell) -> Text:
    text = f"{cell.text}\n{cell.note}" if cell.note else cell.text
    return Text(text, style=_STYLES[cell.tone])
