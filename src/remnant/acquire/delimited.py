"""Delimited text: CSV and TSV, as laboratories and their spreadsheets write it.

The separator (comma, semicolon, tab) is the one that gives the header the most known names. Text is UTF-8
with or without byte order mark; if it is not valid UTF-8 it is read as Windows-1251 and a finding says so.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

from remnant.acquire.columns import recognised
from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import REMARK, Row, Sheet, assemble
from remnant.records.finding import Finding, Problem

__all__ = ["SEPARATORS", "cut_short", "encoding_of", "refuse_control_characters", "separated", "table"]

SEPARATORS: Final = (",", ";", "\t")
_TOLD: Final = re.compile(rb"(?:\xef\xbb\xbf)?sep=([,;\t])[^\r\n]*(?:\r\n|\r|\n)")
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def _not_text(file: str, value: str, advice: str) -> RefusedFileError:
    problem = Problem(
        code="file.not_text",
        file=file,
        value=value,
        expected="text in UTF-8 or Windows-1251",
        advice=advice,
    )
    return RefusedFileError(file, [problem])


def _too_much(file: str, code: str, value: str, limit: int) -> RefusedFileError:
    problem = Problem(
        code=code,
        file=file,
        value=value,
        expected=f"at most {limit:,}",
        advice="Export only the table that is to be imported; a row is a sample or a well.",
    )
    return RefusedFileError(file, [problem])


def refuse_control_characters(file: str, text: str) -> None:
    """Refuse a text that no program writes.

    Parameters
    ----------
    file : str
        Name for messages.
    text : str
        The text.

    Raises
    ------
    RefusedFileError
        If it holds a NUL byte or another control character.
    """
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        name = "a NUL byte" if control[0] == "\0" else f"control character {ord(control[0])}"
        raise _not_text(file, f"{name} in line {line}", "The file is damaged or no table; export it again.")


def encoding_of(file: str, data: bytes) -> tuple[str, list[Finding]]:
    """Encoding of a text, checked to its end.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        The text.

    Returns
    -------
    encoding : str
        UTF-8, or Windows-1251 where it is not.
    findings : list of Finding
        One if it is Windows-1251.

    Raises
    ------
    RefusedFileError
        If it is no text.
    """
    if data.startswith(_UTF16):
        raise _not_text(file, "UTF-16", "Save it as CSV UTF-8.")
    encoding, findings = "utf-8-sig", list[Finding]()
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as broken:
        encoding = "cp1251"
        findings.append(
            Finding(
                code="table.encoding",
                severity="warning",
                subject=f"file {file}",
                message="The text is not UTF-8 and was read as Windows-1251 (Cyrillic).",
                found=f"byte {broken.start + 1} is not UTF-8",
                advice="Look at names with letters outside English; German text must be saved as UTF-8.",
            )
        )
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise _not_text(file, f"byte {error.start + 1}", "Save it as CSV UTF-8.") from error
    refuse_control_characters(file, text)
    return encoding, findings


def _lines(data: bytes, encoding: str) -> io.TextIOWrapper:
    """Lines one by one; the text as a whole would take several times the memory."""
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")


def separated(file: str, lines: Iterable[str], separator: str) -> Iterator[Row]:
    """Rows of a delimited text.

    Parameters
    ----------
    file : str
        Name for messages.
    lines : iterable of str
        Lines with their ends.
    separator : str
        What stands between cells.

    Yields
    ------
    tuple of (int, list of str)
        Number of the row, and its cells.

    Raises
    ------
    RefusedFileError
        If a quotation mark is never closed.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, cells
    except csv.Error as error:
        problem = Problem(
            code="file.quotation",
            file=file,
            row=number + 1,
            value=str(error),
            expected="rows with closed quotation marks",
            advice="Look for a quotation mark without its partner in this row, or for a cut file.",
        )
        raise RefusedFileError(file, [problem]) from error


def _separator(file: str, lines: Iterable[str]) -> str:
    """Separator that gives the first line that may be a header the most known names."""
    line = next(
        (line for line in lines if line.strip() and not line.lstrip('"').startswith(REMARK)),
        "",
    )
    widest = max(line.count(separator) for separator in SEPARATORS) + 1
    if widest > size("table_columns"):
        raise _too_much(file, "sheet.columns", f"{widest:,} columns", size("table_columns"))
    known = {separator: recognised(tuple(line.strip().split(separator))) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: (known[separator], line.count(separator)))


def table(file: str, data: bytes) -> tuple[Sheet | None, list[Finding]]:
    """The one table of a text file.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content.

    Returns
    -------
    sheet : Sheet or None
        None if the file has no row with content.
    findings : list of Finding
        Encoding, and a last line that does not end.

    Raises
    ------
    RefusedFileError
        If it is no text, or a quotation mark is never closed.
    """
    lines = max(data.count(b"\n"), data.count(b"\r"))
    if lines > size("table_rows"):
        raise _too_much(file, "sheet.rows", f"{lines:,} lines", size("table_rows"))
    encoding, findings = encoding_of(file, data)
    told = _TOLD.match(data)
    separator = told[1].decode() if told else _separator(file, _lines(data, encoding))
    rows = separated(file, _lines(data, encoding), separator)
    if told:
        next(rows)
    sheet = assemble(file, None, rows, comma=separator == ";", typed=False)
    if sheet is not None:
        findings += cut_short(file, data, where=f"row {sheet.rows[-1]}" if sheet.rows else None)
    return sheet, findings


def cut_short(file: str, data: bytes, *, where: str | None = None) -> list[Finding]:
    """Say that the last line of a text does not end.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        The text, of any encoding whose line ends hold the byte of LF or CR near their end.
    where : str or None, default None
        Last row that was read.

    Returns
    -------
    list of Finding
        Empty if the last line ends.
    """
    if data.rstrip(b"\0")[-1:] in {b"\n", b"\r"}:
        return []
    return [
        Finding(
            code="table.no_final_newline",
            severity="note",
            subject=f"file {file}",
            message="The last line does not end; if the file was cut there, its last cell may be short.",
            where=where,
        )
    ]
