"""Where the values of an FCS data set stand, and in which number type.

The length that counts is ``$TOT`` events of one row each. Header and text segment may state different
places; the one whose length is right is taken and the difference is a finding. A file that ends before
its last event is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.acquire.fcs_text import Bytes, Header, refused, whole_number
from remnant.acquire.limits import size
from remnant.records.finding import Finding

__all__ = ["Layout", "layout", "views"]

_FLOATS: Final = {"F": 32, "D": 64}
_INTEGERS: Final = {8: "u1", 16: "u2", 32: "u4", 64: "u8"}
_CUT_OFF: Final = "The file was cut off; copy it again from the cytometer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How to read the data segment.

    Attributes
    ----------
    begin : int
        First byte in the file.
    events : int
        Events.
    bits : tuple of int
        Width of each channel.
    types : tuple of str
        I, F or D of each channel.
    order : {"<", ">"}
        Byte order.
    findings : tuple of Finding
        What was repaired.
    """

    begin: int
    events: int
    bits: tuple[int, ...]
    types: tuple[str, ...]
    order: str
    findings: tuple[Finding, ...]


def _finding(file: str, code: str, message: str, found: str) -> Finding:
    return Finding(code=code, severity="warning", subject=f"file {file}", message=message, found=found)


def _order(file: str, words: Mapping[str, str], *, single_bytes: bool) -> str:
    stated = [whole_number(part) for part in words.get("$BYTEORD", "").split(",")]
    if stated and None not in stated:
        if stated == sorted(stated, key=lambda n: n or 0):
            return "<"
        if stated == sorted(stated, key=lambda n: -(n or 0)):
            return ">"
    if single_bytes:
        return "<"
    raise refused(
        file,
        "fcs.byte_order",
        words.get("$BYTEORD"),
        expected="$BYTEORD 1,2,3,4 or 4,3,2,1",
        advice="Mixed byte orders are not read; export it as FCS 3.1.",
    )


def _types(file: str, words: Mapping[str, str], channels: int) -> tuple[str, ...]:
    whole = words.get("$DATATYPE", "").strip().upper()
    mode = words.get("$MODE", "L").strip().upper()
    if mode != "L":
        raise refused(
            file,
            "fcs.histogram",
            f"$MODE {mode}",
            expected="list mode (L): one row an event",
            advice="Histograms hold no events; export the list-mode data.",
        )
    types = tuple(
        words.get(f"$P{number}DATATYPE", whole).strip().upper() for number in range(1, channels + 1)
    )
    if bad := sorted({kind for kind in types if kind not in {"I", *_FLOATS}}):
        raise refused(
            file,
            "fcs.data_type",
            ", ".join(bad) or None,
            expected="$DATATYPE I, F or D",
            advice="Text data are not read; export it with numbers as FCS 3.1.",
        )
    return types


def _bits(
    file: str, words: Mapping[str, str], types: tuple[str, ...], findings: list[Finding]
) -> tuple[int, ...]:
    bits, odd, repaired = [], [], []
    for number, kind in enumerate(types, start=1):
        stated = whole_number(words.get(f"$P{number}B"))
        if kind in _FLOATS:
            bits.append(_FLOATS[kind])
            repaired += [f"$P{number}B {stated}"] if stated != _FLOATS[kind] else []
        elif stated is None or stated % 8 or not 8 <= stated <= 64:
            odd.append(f"$P{number}B {words.get(f'$P{number}B')}")
        else:
            bits.append(stated)
    if odd:
        raise refused(
            file,
            "fcs.bit_width",
            ", ".join(odd[:10]),
            expected="whole bytes, 8 to 64 bits a channel",
            advice="Packed bits are not read; export it as FCS 3.1.",
        )
    if repaired:
        message = "The stated width is not that of the number type; the type's own width is used."
        findings.append(_finding(file, "fcs.bit_width_repaired", message, ", ".join(repaired[:10])))
    return tuple(bits)


def _candidates(header: Header, words: Mapping[str, str]) -> list[tuple[str, int, int]]:
    stated = (whole_number(words.get("$BEGINDATA")) or 0, whole_number(words.get("$ENDDATA")) or 0)
    text, head = ("text segment", *stated), ("header", *header.data)
    found = [head, text] if header.version == "2.0" else [text, head]
    return [place for place in found if place[1] > 0]


def _begin(
    file: str,
    places: list[tuple[str, int, int]],
    *,
    needed: int,
    room: int,
    findings: list[Finding],
) -> int:
    """First byte: a place whose length is exact, else one that is off by one, else one that fits."""
    stated = "; ".join(f"{name} {first}-{last}" for name, first, last in places) or "no place of the data"
    fitting = [place for place in places if place[1] + needed <= room]
    for excess, place in itertools.product((0, 1), fitting):
        if place[2] - place[1] + 1 - excess == needed:
            if excess:
                message = "The data segment is stated one byte too long; the number of events decides."
                findings.append(_finding(file, "fcs.offset_off_by_one", message, stated))
            elif any(other[1:] != place[1:] for other in places):
                message = f"Header and text segment disagree; the {place[0]} has the length that fits."
                findings.append(_finding(file, "fcs.offset_disagreement", message, stated))
            return place[1]
    if fitting and needed:
        message = "The stated length of the data does not fit the number of events, which decides."
        findings.append(_finding(file, "fcs.data_length", message, f"{stated}; needed {needed} bytes"))
        return fitting[0][1]
    if needed == 0:
        return 0
    raise refused(
        file,
        "fcs.truncated",
        f"{stated}; {room:,} bytes in the file",
        expected=f"{needed:,} bytes of events",
        advice=_CUT_OFF,
    )


def layout(file: str, data: Bytes, *, header: Header, words: Mapping[str, str], start: int) -> Layout:
    """Place and types of the events of a data set.

    Parameters
    ----------
    file : str
        File name.
    data : ndarray of uint8
        The whole file.
    header : Header
        Its header.
    words : mapping of str to str
        Its keywords.
    start : int
        Beginning of the data set.

    Returns
    -------
    Layout
        How to read it.

    Raises
    ------
    RefusedFileError
        If events are missing, or stored in a way that is not read.
    """
    findings: list[Finding] = []
    channels = whole_number(words.get("$PAR"))
    if channels is None or not 0 < channels <= size("fcs_channels"):
        raise refused(
            file,
            "fcs.channels",
            words.get("$PAR"),
            expected=f"$PAR from 1 to {size('fcs_channels'):,}",
            advice="The text segment is damaged; export the file again.",
        )
    types = _types(file, words, channels)
    bits = _bits(file, words, types, findings)
    row = sum(bits) // 8
    places = _candidates(header, words)
    events = whole_number(words.get("$TOT"))
    if events is None:
        first, last = next(((a, b) for _, a, b in places if b > a), (0, -1))
        events = max(0, min(last + 1, len(data) - start) - first) // row
        message = "The file does not state its number of events; the length of the data decides."
        findings.append(_finding(file, "fcs.total_missing", message, f"{events:,} events"))
    if events < 0:
        raise refused(
            file, "fcs.total", str(events), expected="$TOT of 0 or more", advice="Export the file again."
        )
    begin = _begin(file, places, needed=events * row, room=len(data) - start, findings=findings)
    order = _order(file, words, single_bytes=set(bits) == {8})
    return Layout(
        begin=start + begin, events=events, bits=bits, types=types, order=order, findings=tuple(findings)
    )


def views(data: Bytes, place: Layout) -> tuple[NDArray[Any], ...]:
    """One array a channel, without copying.

    Parameters
    ----------
    data : ndarray of uint8
        The whole file.
    place : Layout
        Where and how.

    Returns
    -------
    tuple of ndarray, each of shape (events,)
        Integers of 24, 40, 48 or 56 bits have no type of their own and are the one case that is copied.
    """
    row = sum(place.bits) // 8
    block = data[place.begin : place.begin + place.events * row]
    columns: list[NDArray[Any]] = []
    offset = 0
    for bits, kind in zip(place.bits, place.types, strict=True):
        code = f"f{bits // 8}" if kind in _FLOATS else _INTEGERS.get(bits)
        if code is None:
            columns.append(_widened(block, row, offset, bits=bits, order=place.order))
        else:
            dtype = np.dtype(place.order + code)
            columns.append(np.ndarray((place.events,), dtype, block, offset=offset, strides=(row,)))
        offset += bits // 8
    return tuple(columns)


def _widened(block: Bytes, row: int, offset: int, *, bits: int, order: str) -> NDArray[np.uint64]:
    width = bits // 8
    part = block.reshape(-1, row)[:, offset : offset + width]
    powers = range(width) if order == "<" else range(width - 1, -1, -1)
    total = np.zeros(len(part), dtype=np.uint64)
    for column, power in enumerate(powers):
        total |= part[:, column].astype(np.uint64) << np.uint64(8 * power)
    return total
