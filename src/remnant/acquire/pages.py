"""Pages of rows: what a sheet of a workbook and a delimited text have in common.

Instrument exports are not one table with one header, as `remnant.acquire.sheet` asks for, but a preamble
and several tables of different width. Their readers go through the rows once and keep what they need.
Text is UTF-8, UTF-16 with byte order mark, or Windows-1251 with a finding; lines end with LF, CR LF or CR.
"""

from __future__ import annotations

import codecs
import functools
import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from remnant.acquire.delimited import cut_short, encoding_of, refuse_control_characters, separated
from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Row
from remnant.records.finding import Finding, Problem

__all__ = ["HEAD_ROWS", "Page", "text_head", "text_page"]

HEAD_ROWS: Final = 120
"""Rows by which a format is recognised; the longest preamble seen has 45."""

_HEAD_BYTES: Final = 1 << 16
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECIMAL_COMMA: Final = re.compile(r"(?<=[0-9]),(?=[0-9])")
_SEPARATORS: Final = ("\t", ";", ",")


@dataclass(frozen=True, slots=True)
class Page:
    """One sheet of a workbook, or a text.

    Attributes
    ----------
    name : str or None
        Name of the sheet; None for a text.
    rows : callable
        Gives the rows from the first one, each with its number.
    typed : bool
        Whether numbers and dates came as such, from a workbook.
    """

    name: str | None
    rows: Callable[[], Iterator[Row]]
    typed: bool = False

    def head(self) -> list[Row]:
        """First rows, by which a format is recognised.

        Returns
        -------
        list of (int, list of str)
            At most `HEAD_ROWS`.
        """
        return list(itertools.islice(self.rows(), HEAD_ROWS))


def _separator(text: str) -> str:
    """What separates the cells of the widest line; a comma between digits is decimal beside another separator."""
    lines = list(itertools.islice(io.StringIO(text), HEAD_ROWS))
    widest = dict.fromkeys(_SEPARATORS, 0)
    for line in lines:
        plain = _DECIMAL_COMMA.sub("", line) if "\t" in line or ";" in line else line
        for separator in _SEPARATORS:
            widest[separator] = max(widest[separator], plain.count(separator))
    return max(_SEPARATORS, key=lambda separator: widest[separator])


def _rows(file: str, text: str, separator: str) -> Iterator[Row]:
    return separated(file, io.StringIO(text, newline=""), separator)


def text_head(data: bytes) -> Page:
    """Beginning of a text, for recognition only: nothing of it is checked.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Page
        Its first lines.
    """
    encoding = "utf-16" if data.startswith(_UTF16) else "utf-8-sig"
    text = data[:_HEAD_BYTES].decode(encoding, errors="replace").replace("\0", " ")
    text = "\n".join(re.split("\r\n|\r|\n", text)[:HEAD_ROWS])
    separator = _separator(text)
    lines = text.split("\n")

    def rows() -> Iterator[Row]:
        return (
            (number, [cell.strip('"') for cell in line.split(separator)])
            for number, line in enumerate(lines, start=1)
        )

    return Page(None, rows)


def text_page(file: str, data: bytes) -> tuple[Page, list[Finding]]:
    """A text of an instrument as rows.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content.

    Returns
    -------
    page : Page
        Its rows.
    findings : list of Finding
        One if the text is Windows-1251, one if its last line does not end.

    Raises
    ------
    RefusedFileError
        If it is too long or no text.
    """
    for limit, value, what in (
        (size("instrument_text_bytes"), len(data), "bytes"),
        (size("instrument_rows"), max(data.count(b"\n"), data.count(b"\r")), "lines"),
    ):
        if value > limit:
            problem = Problem(
                code="instrument.size",
                file=file,
                value=f"{value:,} {what}",
                expected=f"at most {limit:,} {what} of text from an instrument",
                advice="Export the run without raw data of filters and without melting curves.",
            )
            raise RefusedFileError(file, [problem])
    if data.startswith(_UTF16):
        text = _utf16(file, data)
        findings: list[Finding] = []
    else:
        encoding, findings = encoding_of(file, data)
        text = data.decode(encoding)
    findings += cut_short(file, data)
    separator = _separator(text[:_HEAD_BYTES].replace("\r\n", "\n").replace("\r", "\n"))
    return Page(None, functools.partial(_rows, file, text, separator)), findings


def _utf16(file: str, data: bytes) -> str:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as error:
        problem = Problem(
            code="file.not_text",
            file=file,
            value=f"byte {error.start + 1} is not UTF-16",
            expected="text in UTF-8, UTF-16 or Windows-1251",
            advice="Copy or export the file again; it was cut or changed on the way.",
        )
        raise RefusedFileError(file, [problem]) from error
    refuse_control_characters(file, text)
    return text
