"""A table as text, whatever file it came from.

The header is the first row that is neither empty nor a remark. A remark is a row whose first cell begins
with ``# `` (the example row of a template is one). Empty rows are passed over. Every other row must be as
long as the header.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.records.finding import Problem

__all__ = ["REMARK", "Sheet", "assemble"]

REMARK: Final = "# "
"""How the first cell of a row begins that is not read."""

_BLOCK_ROWS: Final = 50_000

Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """One table, cells as stripped text.

    Attributes
    ----------
    file : str
        File name.
    name : str or None
        Name of the sheet in a workbook.
    header : tuple of str
        Column names as written.
    header_row : int
        Row of the header.
    rows : tuple of int
        Row of the file for each row of `cells`.
    cells : polars.DataFrame
        One text column a name, called by its position.
    comma : bool
        Whether a comma in a number is known to be decimal (semicolons separate the cells).
    typed : bool
        Whether numbers and dates came as such, from a workbook.
    remarks : tuple of int
        Rows passed over as remarks.
    problems : tuple of Problem
        Rows that do not fit the header.
    unlisted : int
        Further such rows, only counted.
    """

    file: str
    name: str | None
    header: tuple[str, ...]
    header_row: int
    rows: tuple[int, ...]
    cells: pl.DataFrame
    comma: bool
    typed: bool
    remarks: tuple[int, ...]
    problems: tuple[Problem, ...]
    unlisted: int


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _frame(block: list[list[str]], width: int) -> pl.DataFrame:
    names = [str(i) for i in range(width)]
    columns = zip(*block, strict=True) if block else ([] for _ in names)
    frame = pl.DataFrame(dict(zip(names, columns, strict=True)), schema=dict.fromkeys(names, pl.String))
    return frame.select(pl.all().str.strip_chars())


def _too_big(file: str, name: str | None, code: str, value: int) -> RefusedFileError:
    what = code.removeprefix("sheet.")
    limit = size(f"table_{what}")
    problem = Problem(
        code=code,
        file=file,
        sheet=name,
        value=f"{value:,} {what}",
        expected=f"at most {limit:,}",
        advice="Export only the table that is to be imported, or split it.",
    )
    return RefusedFileError(file, [problem])


def _length_problem(file: str, name: str | None, row: int, *, found: int, needed: int) -> Problem:
    return Problem(
        code="row.length",
        file=file,
        sheet=name,
        row=row,
        value=f"{found} cells",
        expected=f"{needed} cells, as many as the header has names",
        advice="Look for a decimal comma without quotation marks, or for a row that was cut.",
    )


def _body(
    file: str, name: str | None, rows: Iterable[Row], *, width: int, remarks: list[int]
) -> Iterator[tuple[int, list[str]] | Problem]:
    """Rows of the table, each as long as the header, or the problem with it."""
    for number, cells in rows:
        if not (cells and cells[0].strip()) and not any(map(str.strip, cells)):
            continue
        if cells[0].startswith(REMARK):
            remarks.append(number)
        elif len(cells) == width:
            yield number, cells
        elif len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            yield number, cells[:width]
        else:
            yield _length_problem(file, name, number, found=len(cells), needed=width)


def assemble(file: str, name: str | None, rows: Iterator[Row], *, comma: bool, typed: bool) -> Sheet | None:
    """Table from the rows of a file.

    Parameters
    ----------
    file : str
        File name.
    name : str or None
        Name of the sheet.
    rows : iterator of (int, list of str)
        Row numbers and cells, header first.
    comma, typed : bool
        As in `Sheet`.

    Returns
    -------
    sheet : Sheet or None
        None if there is no header.

    Raises
    ------
    RefusedFileError
        If the table is too large.
    """
    remarks: list[int] = []
    header_row, header = 0, list[str]()
    for number, cells in rows:
        if cells and cells[0].startswith(REMARK):
            remarks.append(number)
        elif any(cell.strip() for cell in cells):
            header_row, header = number, _trimmed([cell.strip() for cell in cells])
            break
    width = len(header)
    if not header:
        return None
    if width > size("table_columns"):
        raise _too_big(file, name, "sheet.columns", width)
    problems: list[Problem] = []
    unlisted = 0
    numbers: list[int] = []
    blocks: list[pl.DataFrame] = [_frame([], width)]
    body = _body(file, name, rows, width=width, remarks=remarks)
    while block := list(itertools.islice(body, _BLOCK_ROWS)):
        unlisted += gather((item for item in block if isinstance(item, Problem)), problems)
        good = [item for item in block if not isinstance(item, Problem)]
        numbers += [number for number, _ in good]
        blocks.append(_frame([cells for _, cells in good], width))
        if len(numbers) * width > size("table_cells"):
            raise _too_big(file, name, "sheet.cells", len(numbers) * width)
    return Sheet(
        file=file,
        name=name,
        header=tuple(header),
        header_row=header_row,
        rows=tuple(numbers),
        cells=pl.concat(blocks),
        comma=comma,
        typed=typed,
        remarks=tuple(remarks),
        problems=tuple(problems),
        unlisted=unlisted,
    )
