"""XLSX workbooks: every visible or hidden sheet as a table.

Numbers and dates keep the type that the workbook gives them. Before the cells are read, every part is
unpacked once in pieces: checksums are compared, the far corner of each sheet is bounded (a single cell
at XFD1048576 would ask for 17 thousand million cells), and cells that hold a spreadsheet error are noted,
which the reader of cells would otherwise leave empty.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from remnant.acquire.archive import chunks, unpack
from remnant.acquire.limits import size
from remnant.acquire.pages import Page
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.safe_xml import parse
from remnant.acquire.sheet import Row, Sheet, assemble
from remnant.records.finding import Problem

__all__ = ["pages", "sheets"]

R = TypeVar("R")

_REFERENCE: Final = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,9})["']""")
_LETTERS: Final = re.compile(rb'r="([A-Za-z]{1,3})[0-9]')
_NUMBERS: Final = re.compile(rb'r="[A-Za-z]{0,3}([0-9]{1,9})')
_UNUSUAL: Final = re.compile(rb"r\s+=|r=\s|r='")
_ERROR_TAG: Final = re.compile(rb"""<(?:\w+:)?c\b[^<>]*\bt\s*=\s*["']e["'][^<>]*>""")
_OVERLAP: Final = 256
_LARGEST_EXACT: Final = 1e15


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def _references(text: bytes) -> tuple[set[bytes], set[bytes]]:
    """Columns and rows that a piece of a sheet names."""
    letters, numbers = set(_LETTERS.findall(text)), set(_NUMBERS.findall(text))
    if _UNUSUAL.search(text):
        found = _REFERENCE.findall(text)
        letters |= {column for column, _ in found}
        numbers |= {row for _, row in found}
    return letters, numbers


def _scan(file: str, archive: zipfile.ZipFile, member: str) -> tuple[set[tuple[int, int]], tuple[int, int]]:
    """Error cells and far corner (rows, columns) of one part."""
    errors: set[tuple[int, int]] = set()
    rows = columns = 0
    rest = b""
    for piece in chunks(file, archive, member):
        text = rest + piece
        letters, numbers = _references(text)
        rows = max([rows, *map(int, numbers)])
        columns = max([columns, *map(_column_number, letters)])
        if b'"e"' in text or b"'e'" in text:
            for tag in _ERROR_TAG.findall(text):
                errors |= {(int(row), _column_number(letters)) for letters, row in _REFERENCE.findall(tag)}
        rest = text[-_OVERLAP:]
    return errors, (rows, columns)


def _parts(file: str, archive: zipfile.ZipFile) -> dict[str, str]:
    """Name of each sheet to the part that holds it."""
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    links = parse(file, unpack(file, archive, "xl/_rels/workbook.xml.rels"))
    book = parse(file, unpack(file, archive, "xl/workbook.xml"))
    targets = {str(link.get("Id")): str(link.get("Target")) for link in links}
    return {
        str(sheet.get("name")): posixpath.normpath(
            posixpath.join("/xl", targets.get(sheet.get(relation, ""), ""))
        ).lstrip("/")
        for sheet in book.iter("{*}sheet")
    }


def _unreadable(file: str, value: str) -> RefusedFileError:
    problem = Problem(
        code="file.damaged_workbook",
        file=file,
        value=value,
        expected="a workbook that a spreadsheet program can open",
        advice="Open it in the spreadsheet program and save it again as XLSX.",
    )
    return RefusedFileError(file, [problem])


def _check_extent(file: str, part: str, corner: tuple[int, int]) -> list[Problem]:
    rows, columns = corner
    if rows * columns <= size("workbook_cells"):
        return []
    return [
        Problem(
            code="sheet.cells",
            file=file,
            sheet=part,
            value=f"{rows:,} rows by {columns:,} columns",
            expected=f"at most {size('workbook_cells'):,} cells up to the last one used",
            advice="Delete the empty rows and columns behind the table, cells with colours included.",
        )
    ]


def _text(value: Any) -> str:
    """Cell as text from which the same value is read again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_EXACT else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _rows(sheet: CalamineSheet, errors: set[tuple[int, int]]) -> Iterator[Row]:
    first = sheet.start[1] if sheet.start else 0
    bad: dict[int, set[int]] = {}
    for row, column in errors:
        bad.setdefault(row, set()).add(column - 1 - first)
    for number, values in enumerate(sheet.iter_rows(), start=1):
        cells = [_text(value) for value in values]
        for column in bad.get(number, ()):
            if 0 <= column < len(cells) and not cells[column]:
                cells[column] = "#ERROR!"
        yield number, cells


def _guarded(file: str, work: Callable[[], R]) -> R:
    """Result of reading with calamine; its failures, a panic of its core included, are damage to the file."""
    try:
        return work()
    except (CalamineError, OSError, ValueError, OverflowError, TypeError) as error:
        raise _unreadable(file, str(error)) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise _unreadable(file, "contents that the reader cannot follow") from error
        raise


def _loaded(file: str, book: CalamineWorkbook, name: str) -> CalamineSheet:
    sheet = _guarded(file, functools.partial(book.get_sheet_by_name, name))
    if sheet.end is not None:
        corner = (sheet.end[0] + 1, sheet.end[1] + 1)
        if problems := _check_extent(file, name, corner):
            raise RefusedFileError(file, problems)
    return sheet


def pages(file: str, data: bytes, archive: zipfile.ZipFile | None = None) -> list[Page]:
    """Sheets of a workbook, each loaded when its rows are asked for.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content of the workbook.
    archive : zipfile.ZipFile or None, default None
        The same, opened; None for an old workbook (XLS), whose extent `remnant.acquire.old_workbook` has bounded.

    Returns
    -------
    list of Page
        Sheets in order, empty ones included.

    Raises
    ------
    RefusedFileError
        If the workbook is damaged or its sheets reach too far.
    """
    parts: dict[str, str] = {}
    scans: dict[str, tuple[set[tuple[int, int]], tuple[int, int]]] = {}
    if archive is not None:
        scans = {member: _scan(file, archive, member) for member in archive.namelist()}
        too_far = [
            problem
            for member, (_, corner) in scans.items()
            for problem in _check_extent(file, member, corner)
        ]
        if too_far:
            raise RefusedFileError(file, too_far)
        parts = _parts(file, archive)
    book = _guarded(file, functools.partial(CalamineWorkbook.from_filelike, io.BytesIO(data)))

    def rows(name: str) -> Iterator[Row]:
        errors = scans.get(parts.get(name, ""), (set(), (0, 0)))[0]
        return _rows(_loaded(file, book, name), errors)

    return [Page(name, functools.partial(rows, name), typed=True) for name in book.sheet_names]


def sheets(file: str, found: list[Page]) -> list[Sheet]:
    """Tables of a workbook.

    Parameters
    ----------
    file : str
        File name.
    found : list of Page
        What `pages` gave.

    Returns
    -------
    list of Sheet
        Sheets with content, in order.

    Raises
    ------
    RefusedFileError
        If a sheet is damaged or reaches too far.
    """
    tables = (assemble(file, page.name, page.rows(), comma=False, typed=True) for page in found)
    return [table for table in tables if table is not None]
