"""Delimited text: CSV and TSV, as laboratories and their spreadsheets write it.

The separator (comma, semicolon, tab) is the one that gives the header the most known names. Text is UTF-8
with or without byte order mark; if it is not valid UTF-8 it is read as Windows-1251 and a finding says so.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from remnant.acquire.columns import recognised
from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import REMARK, Row, Sheet, assemble
from remnant.records.finding import Finding, Problem

__all__ = ["SEPARATORS", "decoded", "table"]

SEPARATORS: Final = (",", ";", "\t")
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


def decoded(file: str, data: bytes) -> tuple[str, list[Finding]]:
    """Text of a file.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content.

    Returns
    -------
    text : str
        Without byte order mark.
    findings : list of Finding
        If it was not UTF-8.

    Raises
    ------
    RefusedFileError
        If it holds NUL bytes or other characters that no text has.
    """
    if data.startswith(_UTF16):
        raise _not_text(file, "UTF-16", "Save it as CSV UTF-8.")
    findings = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        try:
            text = data.decode("cp1251")
        except UnicodeDecodeError as error:
            raise _not_text(file, f"byte {error.start + 1}", "Save it as CSV UTF-8.") from error
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
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        name = "a NUL byte" if control[0] == "\0" else f"control character {ord(control[0])}"
        raise _not_text(file, f"{name} in line {line}", "The file is damaged or no table; export it again.")
    return text, findings


def _rows(file: str, lines: io.StringIO, separator: str) -> Iterator[Row]:
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


def _header_line(text: str) -> str:
    """First line that may be a header."""
    stream = io.StringIO(text, newline="")
    return next((line for line in stream if line.strip() and not line.lstrip('"').startswith(REMARK)), "")


def _separator(file: str, text: str) -> str:
    line = _header_line(text)
    widest = max(line.count(separator) for separator in SEPARATORS) + 1
    if widest > size("table_columns"):
        problem = Problem(
            code="sheet.columns",
            file=file,
            value=f"{widest:,} columns",
            expected=f"at most {size('table_columns'):,}",
            advice="Export only the table that is to be imported; a row is a sample or a well.",
        )
        raise RefusedFileError(file, [problem])
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
    text, findings = decoded(file, data)
    told = re.match(r"sep=([,;\t])[^\r\n]*(\r\n|\r|\n)", text)
    separator = told[1] if told else _separator(file, text)
    rows = _rows(file, io.StringIO(text, newline=""), separator)
    if told:
        next(rows)
    sheet = assemble(file, None, rows, comma=separator == ";", typed=False)
    if sheet is not None and not text.endswith(("\n", "\r")):
        findings.append(
            Finding(
                code="table.no_final_newline",
                severity="note",
                subject=f"file {file}",
                message="The last line does not end; if the file was cut there, its last cell may be short.",
                where=f"row {sheet.rows[-1]}" if sheet.rows else None,
            )
        )
    return sheet, findings
