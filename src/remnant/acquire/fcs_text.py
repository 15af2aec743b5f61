"""Header and text segments of an FCS file, 2.0 to 3.2.

Offsets are bytes from the beginning of the data set; a segment's end is its last byte. Keywords are upper
case. A delimiter within a value stands doubled; some instruments write empty values instead, which looks
the same, so both readings are tried and the one that finds more keywords at keyword places is taken.

References
----------
.. [1] Spidlen et al., Data File Standard for Flow Cytometry, version FCS 3.1, Cytometry A 77, 97-100 (2010).
.. [2] Spidlen et al., Data File Standard for Flow Cytometry, version FCS 3.2, Cytometry A 99, 100-102 (2021).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Finding, Problem

__all__ = ["VERSIONS", "Bytes", "Header", "keywords", "read_header", "refused", "whole_number"]

Bytes = NDArray[np.uint8]
VERSIONS: Final = ("2.0", "3.0", "3.1", "3.2")
_HEADER_BYTES: Final = 58
_KEYWORD: Final = re.compile(r"^\$?[A-Z@&#_]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """First 58 bytes.

    Attributes
    ----------
    version : str
        For example ``"3.1"``.
    text : tuple of int
        First and last byte of the text segment.
    data : tuple of int
        First and last byte of the data segment; zeros where the text segment tells.
    """

    version: str
    text: tuple[int, int]
    data: tuple[int, int]


def refused(file: str, code: str, value: str | None, *, expected: str, advice: str) -> RefusedFileError:
    """Refusal of a cytometry file for one reason.

    Parameters
    ----------
    file : str
        File name.
    code : str
        Stable code, ``"fcs.…"``.
    value : str or None
        What stands there.
    expected : str
        What would have been accepted.
    advice : str
        What to do.

    Returns
    -------
    RefusedFileError
        To be raised.
    """
    return RefusedFileError(
        file, [Problem(code=code, file=file, value=value, expected=expected, advice=advice)]
    )


def whole_number(text: str | None) -> int | None:
    """Whole number as FCS files write it: padded, or as ``12.0``.

    Parameters
    ----------
    text : str or None
        Value of a keyword.

    Returns
    -------
    int or None
        None where it is no whole number below 2**53.
    """
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else None


def _offsets(head: bytes, place: int) -> tuple[int, int]:
    first = whole_number(head[place : place + 8].decode("latin-1"))
    last = whole_number(head[place + 8 : place + 16].decode("latin-1"))
    return (first or 0, last or 0)


def read_header(file: str, data: Bytes, start: int) -> Header:
    """Header of the data set that starts at a byte.

    Parameters
    ----------
    file : str
        File name.
    data : ndarray of uint8
        The whole file.
    start : int
        Where the data set begins.

    Returns
    -------
    Header
        Version and offsets.

    Raises
    ------
    RefusedFileError
        If it is no header of a version that is read.
    """
    head = data[start : start + _HEADER_BYTES].tobytes()
    if not head.startswith(b"FCS"):
        raise refused(
            file,
            "fcs.header",
            head[:10].decode("latin-1"),
            expected="a file that begins with FCS and its version",
            advice="Export it again from the cytometer; this is not a cytometry file, or it is damaged.",
        )
    version = head[3:6].decode("latin-1")
    if version not in VERSIONS:
        raise refused(
            file,
            "fcs.version",
            f"FCS{version}",
            expected="version " + ", ".join(VERSIONS),
            advice="Export it as FCS 3.1.",
        )
    text = _offsets(head, 10)
    if len(head) < _HEADER_BYTES or not 0 < text[0] < text[1] < len(data) - start:
        raise refused(
            file,
            "fcs.truncated",
            f"{len(data) - start:,} bytes, text segment at {text[0]} to {text[1]}",
            expected="a whole text segment",
            advice="The file was cut off or damaged; copy it again from the cytometer.",
        )
    return Header(version=version, text=text, data=_offsets(head, 26))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    return [(key.strip().upper(), value) for key, value in zip(parts[::2], parts[1::2], strict=False)]


def _score(pairs: list[tuple[str, str]]) -> int:
    keys = sum(key.startswith("$") for key, _ in pairs)
    astray = sum(not _KEYWORD.match(key) for key, _ in pairs)
    return keys - astray


def _split(text: str) -> list[tuple[str, str]]:
    """Keyword and value pairs of a segment that begins with its delimiter."""
    delimiter, body = text[0], text[1:].rstrip("\0 \r\n")
    body = body.removesuffix(delimiter)
    mark = "\0\0"
    escaped = [part.replace(mark, delimiter) for part in body.replace(delimiter * 2, mark).split(delimiter)]
    readings = [_pairs(escaped)]
    if delimiter * 2 in body:
        readings.append(_pairs(body.split(delimiter)))
    return max(readings, key=_score)


def keywords(
    file: str, data: Bytes, span: tuple[int, int], *, start: int
) -> tuple[dict[str, str], list[Finding]]:
    """Keywords of one text segment.

    Parameters
    ----------
    file : str
        File name.
    data : ndarray of uint8
        The whole file.
    span : (int, int)
        First and last byte, from the beginning of the data set.
    start : int
        Beginning of the data set.

    Returns
    -------
    found : dict of str to str
        Upper-case keyword to value; the first of two values is kept.
    findings : list of Finding
        Keywords that stand twice with different values.
    """
    text = _decoded(data[start + span[0] : start + span[1] + 1].tobytes())
    found: dict[str, str] = {}
    findings: list[Finding] = []
    if not text:
        return found, findings
    differing = []
    for key, value in _split(text):
        if found.setdefault(key, value) != value:
            differing.append(key)
    if differing:
        findings.append(_twice(file, differing))
    return found, findings


def _twice(file: str, names: list[str]) -> Finding:
    found: Any = ", ".join(dict.fromkeys(names[:20]))
    return Finding(
        code="fcs.keyword_twice",
        severity="note",
        subject=f"file {file}",
        message="Keywords stand twice with different values; the first one is used.",
        found=found,
    )
