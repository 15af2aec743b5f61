"""Old Excel workbooks (XLS): the far corner of each sheet is found before anything is unpacked.

An XLS file is a small file system (Compound File Binary) with one stream of records (BIFF). Reading its
cells takes memory up to the far corner of a sheet, so that one damaged cell address asks for a gigabyte;
here the stream is walked first, and a file whose chains of sectors or records do not hold is refused.

References
----------
Microsoft, [MS-CFB] Compound File Binary File Format; [MS-XLS] Excel Binary File Format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Problem

__all__ = ["MAGIC", "check_extent"]

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_HEADER: Final = 512
_ENTRY: Final = 128
_FREE: Final = 0xFFFFFFFA
_STREAMS: Final = frozenset({"workbook", "book"})
_BOF: Final = frozenset({0x0009, 0x0209, 0x0409, 0x0809})
_CELLS: Final = frozenset(
    {0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x00BD, 0x00BE, 0x00FD, 0x00D6, 0x0001, 0x0002, 0x0003}
    | {0x0004, 0x0005, 0x0206, 0x0406}
)
_MANY: Final = frozenset({0x00BD, 0x00BE})
_ENCRYPTED: Final = 0x002F


class _BrokenError(ValueError):
    """The chains of a compound file do not hold."""


def _damaged(file: str, value: str) -> RefusedFileError:
    problem = Problem(
        code="file.damaged_workbook",
        file=file,
        value=value,
        expected="an old workbook that a spreadsheet program can open",
        advice="Open it in the spreadsheet program and save it as XLSX without password.",
    )
    return RefusedFileError(file, [problem])


class _Compound:
    """Sectors of a compound file."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER:
            raise _BrokenError
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in {9, 12} or mini_shift != 6:
            raise _BrokenError
        self.data, self.sector, self.mini = data, 1 << shift, 1 << mini_shift
        self.table = self._allocation()

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self.sector
        if start >= len(self.data):
            raise _BrokenError
        return self.data[start : start + self.sector]

    def _allocation(self) -> list[int]:
        """Table of the next sector of each sector."""
        numbers = list(struct.unpack_from("<109I", self.data, 76))
        following, extra = struct.unpack_from("<II", self.data, 68)
        if extra > len(self.data) // self.sector:
            raise _BrokenError
        for _ in range(extra):
            part = self._sector(following)
            entries = struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4])
            numbers += entries[:-1]
            following = entries[-1]
        table: list[int] = []
        for number in numbers:
            if number < _FREE:
                part = self._sector(number)
                table += struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4])
        return table

    def chain(self, start: int, table: list[int]) -> list[int]:
        """Numbers of the sectors of a stream; a chain that never ends is broken."""
        numbers: list[int] = []
        while start < _FREE:
            if start >= len(table) or len(numbers) > len(table):
                raise _BrokenError
            numbers.append(start)
            start = table[start]
        return numbers

    def stream(self, start: int) -> bytes:
        return b"".join(self._sector(number) for number in self.chain(start, self.table))

    def workbook(self) -> bytes:
        """Content of the stream of records."""
        entries = self.stream(struct.unpack_from("<I", self.data, 48)[0])
        (cutoff,) = struct.unpack_from("<I", self.data, 56)
        root_start = 0
        for at in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            (length,) = struct.unpack_from("<H", entries, at + 64)
            name = entries[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", errors="replace")
            start, length = struct.unpack_from("<II", entries, at + 116)
            if entries[at + 66] == 5:
                root_start = start
            if name.casefold() in _STREAMS and entries[at + 66] == 2:
                return self._content(start, length, cutoff=cutoff, root_start=root_start)
        raise _BrokenError

    def _content(self, start: int, length: int, *, cutoff: int, root_start: int) -> bytes:
        if length >= cutoff:
            return self.stream(start)[:length]
        part = self.stream(struct.unpack_from("<I", self.data, 60)[0])
        table = list(struct.unpack(f"<{len(part) // 4}I", part[: len(part) // 4 * 4]))
        small = self.stream(root_start)
        return b"".join(
            small[number * self.mini : (number + 1) * self.mini] for number in self.chain(start, table)
        )[:length]


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _corners(stream: bytes) -> Iterator[tuple[int, int]]:
    """Rows and columns up to the far corner of each part, as the records of its cells tell."""
    rows = columns = 0
    first_row = first_column = 1 << 20
    for kind, body in _records(stream):
        if kind == _ENCRYPTED:
            raise _BrokenError
        if kind in _BOF:
            yield max(rows - first_row, 0), max(columns - first_column, 0)
            rows = columns = 0
            first_row = first_column = 1 << 20
        elif kind in _CELLS and len(body) >= 4:
            row, column = struct.unpack_from("<HH", body)
            last = struct.unpack_from("<H", body, len(body) - 2)[0] if kind in _MANY else column
            first_row, first_column = min(first_row, row), min(first_column, column)
            rows, columns = max(rows, row + 1), max(columns, column + 1, last + 1)
    yield max(rows - first_row, 0), max(columns - first_column, 0)


def check_extent(file: str, data: bytes) -> None:
    """Refuse an old workbook that is damaged, has a password, or whose sheets reach too far.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content.

    Raises
    ------
    RefusedFileError
        If it does.
    """
    try:
        stream = _Compound(data).workbook()
        corners = list(_corners(stream))
    except (_BrokenError, struct.error, IndexError) as error:
        raise _damaged(file, "an old workbook that cannot be followed, or with a password") from error
    cells = sum(rows * columns for rows, columns in corners)
    if cells > size("workbook_cells"):
        problem = Problem(
            code="sheet.cells",
            file=file,
            value=f"{cells:,} cells up to the far corners of its sheets",
            expected=f"at most {size('workbook_cells'):,} cells",
            advice="Delete the empty rows and columns behind the table, and save it as XLSX.",
        )
        raise RefusedFileError(file, [problem])
