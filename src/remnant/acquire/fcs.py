"""FCS files: every data set as memory-mapped events, with its channels, spillover and repairs.

A file is read as it stands, repaired with a finding where the meaning is beyond doubt, or refused with the
reason. Nothing is scaled, compensated or dropped here. Events are views of the file: a file of any size
costs no memory to open.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from remnant.acquire.fcs_layout import layout, views
from remnant.acquire.fcs_text import Bytes, keywords, read_header, refused, whole_number
from remnant.acquire.limits import size
from remnant.errors import NotFoundError
from remnant.records.finding import Finding
from remnant.records.flow import Channel, Events, Tube
from remnant.records.gate import SpectrumMatrix

__all__ = ["is_fcs", "read_fcs", "read_fcs_path"]

_SPILLOVER_KEYS: Final = ("$SPILLOVER", "SPILL", "SPILLOVER", "$COMP", "COMP")
_DATES: Final = ("%d-%b-%Y", "%Y-%b-%d", "%d-%b-%y", "%Y-%m-%d", "%d.%m.%Y")


def is_fcs(data: bytes) -> bool:
    """Whether bytes begin like an FCS file.

    Parameters
    ----------
    data : bytes
        Content of a file, or its first bytes.

    Returns
    -------
    bool
        True for ``FCS`` and a version number.
    """
    return data[:3] == b"FCS" and data[3:4].isdigit() and data[4:5] == b"."


def read_fcs(name: str, data: bytes | Bytes) -> tuple[Events, ...]:
    """Data sets of a file.

    Parameters
    ----------
    name : str
        File name, for messages.
    data : bytes or ndarray of uint8
        Content; an array may be a memory map.

    Returns
    -------
    tuple of Events
        One a data set, at least one.

    Raises
    ------
    RefusedFileError
        If the events of any data set cannot be read as they were recorded.
    """
    content = np.frombuffer(data, dtype=np.uint8) if isinstance(data, bytes) else data
    start, found = 0, []
    for number in range(1, size("fcs_data_sets") + 1):
        events, following = _data_set(name, content, start=start, number=number)
        found.append(events)
        if following is None:
            break
        start += following
    return tuple(found)


def read_fcs_path(path: str | os.PathLike[str], *, name: str | None = None) -> tuple[Events, ...]:
    """Data sets of the file at a path, memory-mapped.

    Parameters
    ----------
    path : str or path-like
        A file; it must stay while the events are used.
    name : str or None, default None
        What to call it in messages; its own name by default.

    Returns
    -------
    tuple of Events
        One a data set.

    Raises
    ------
    NotFoundError
        If there is no readable file.
    RefusedFileError
        As `read_fcs`.
    """
    place = Path(path)
    try:
        if place.stat().st_size == 0:
            raise refused(
                place.name, "file.empty", "an empty file", expected="an FCS file", advice="Export it again."
            )
        with place.open("rb") as file:
            content = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.uint8)
    except OSError as error:
        raise NotFoundError(
            where=f"file {place.name}",
            found=(error.strerror or str(error)).lower(),
            needed="a file that can be read",
            advice="Check the path and the permissions.",
        ) from error
    return read_fcs(name or place.name, content)


def _data_set(file: str, data: Bytes, *, start: int, number: int) -> tuple[Events, int | None]:
    header = read_header(file, data, start)
    words, findings = keywords(file, data, header.text, start=start)
    findings += _supplement(file, data, words, primary=header.text, start=start)
    if "$PAR" not in words:
        raise refused(
            file,
            "fcs.text",
            f"{len(words)} keywords without $PAR",
            expected="the required keywords of an FCS text segment",
            advice="The text segment is damaged; export the file again.",
        )
    place = layout(file, data, header=header, words=words, start=start)
    channels, noted = _channels(file, words, place.bits)
    spillover, more = _spillover(file, words, channels)
    tube = Tube(
        file=file,
        data_set=number,
        version=header.version,
        events=place.events,
        channels=channels,
        spillover=spillover,
        acquired_on=_date(words.get("$DATE", "")),
        instrument=words.get("$CYT", "").strip(),
        tube_name=words.get("TUBE NAME", words.get("$SMNO", "")).strip(),
        time_step_seconds=_positive(words.get("$TIMESTEP"), 1.0),
    )
    following, gone = _following(file, data, words, start)
    events = Events(
        tube=tube,
        columns=views(data, place),
        masks=tuple(_mask(c, kind) for c, kind in zip(channels, place.types, strict=True)),
        keywords=words,
        findings=(*findings, *place.findings, *noted, *more, *gone),
    )
    return events, following


def _supplement(
    file: str, data: Bytes, words: dict[str, str], *, primary: tuple[int, int], start: int
) -> list[Finding]:
    """Keywords of the supplementary text segment, added to the primary ones."""
    first, last = whole_number(words.get("$BEGINSTEXT")) or 0, whole_number(words.get("$ENDSTEXT")) or 0
    if first <= 0 or (first, last) == primary:
        return []
    more: dict[str, str] = {}
    if first < last < len(data) - start:
        more, _ = keywords(file, data, (first, last), start=start)
    if not any(key and key not in words for key in more):
        return [
            Finding(
                code="fcs.supplementary_text",
                severity="note",
                subject=f"file {file}",
                message="The supplementary text segment holds no further keywords.",
                found=f"bytes {first} to {last}",
            )
        ]
    for key, value in more.items():
        words.setdefault(key, value)
    return []


def _following(
    file: str, data: Bytes, words: Mapping[str, str], start: int
) -> tuple[int | None, list[Finding]]:
    offset = whole_number(words.get("$NEXTDATA")) or 0
    if offset <= 0:
        return None, []
    if data[start + offset : start + offset + 3].tobytes() == b"FCS":
        return offset, []
    finding = Finding(
        code="fcs.next_data",
        severity="warning",
        subject=f"file {file}",
        message="The file announces a further data set, but none begins there.",
        found=f"$NEXTDATA {offset}",
    )
    return None, [finding]


def _positive(text: str | None, otherwise: float) -> float:
    try:
        value = float((text or "").strip())
    except ValueError:
        return otherwise
    return value if value > 0 and math.isfinite(value) else otherwise


def _date(text: str) -> dt.date | None:
    for pattern in _DATES:
        with contextlib.suppress(ValueError):
            return dt.datetime.strptime(text.strip(), pattern).replace(tzinfo=dt.UTC).date()
    return None


def _logarithm(text: str, top: float) -> tuple[float, float]:
    """Decades and offset of ``$PnE``; an offset of 0 means 1, as FCS 3.1 asks."""
    parts = [_positive(part, 0.0) for part in text.split(",")]
    if len(parts) != 2 or parts[0] <= 0 or top <= 0:
        return 0.0, 0.0
    return parts[0], parts[1] or 1.0


def _channels(
    file: str, words: Mapping[str, str], bits: tuple[int, ...]
) -> tuple[tuple[Channel, ...], list[Finding]]:
    made: list[Channel] = []
    taken: set[str] = set()
    missing, repeated = [], []
    for number, width in enumerate(bits, start=1):
        name = words.get(f"$P{number}N", "").strip()
        if not name:
            name = f"P{number}"
            missing.append(name)
        if name in taken:
            repeated.append(name)
            name = next(f"{name} ({n})" for n in range(2, number + 2) if f"{name} ({n})" not in taken)
        taken.add(name)
        top = _positive(words.get(f"$P{number}R"), 0.0)
        decades, offset = _logarithm(words.get(f"$P{number}E", ""), top)
        made.append(
            Channel(
                name=name,
                label=words.get(f"$P{number}S", "").strip(),
                bits=width,
                top=top,
                gain=_positive(words.get(f"$P{number}G"), 1.0),
                log_decades=decades,
                log_offset=offset,
            )
        )
    return tuple(made), _name_findings(file, missing, repeated)


def _name_findings(file: str, missing: list[str], repeated: list[str]) -> list[Finding]:
    told = (
        ("fcs.channel_unnamed", missing, "Channels without a name are called by their number."),
        ("fcs.channel_repeated", repeated, "A channel name stands twice; the later one got a number."),
    )
    return [
        Finding(
            code=code,
            severity="warning",
            subject=f"file {file}",
            message=message,
            found=", ".join(names[:20]),
        )
        for code, names, message in told
        if names
    ]


def _mask(channel: Channel, kind: str) -> int | None:
    """Bits below the range count; what lies above is not data (FCS 3.1, section 3.2.20)."""
    top = int(channel.top)
    if kind != "I" or top <= 0 or top > 2**channel.bits:
        return None
    mask = (1 << (top - 1).bit_length()) - 1
    return None if mask == 2**channel.bits - 1 else mask


def _spillover(
    file: str, words: Mapping[str, str], channels: tuple[Channel, ...]
) -> tuple[SpectrumMatrix | None, list[Finding]]:
    key = next((k for k in _SPILLOVER_KEYS if words.get(k, "").strip()), None)
    if key is None:
        return None, []
    matrix = _matrix(words[key], tuple(channel.name for channel in channels))
    if isinstance(matrix, SpectrumMatrix):
        return matrix, []
    finding = Finding(
        code="fcs.spillover_unusable",
        severity="warning",
        subject=f"file {file}",
        message=f"The spillover matrix cannot be used ({matrix}): values stay uncompensated.",
        found=f"{key} {words[key][:60]}",
        advice="Give the matrix in a Gating-ML file.",
    )
    return None, [finding]


def _matrix(text: str, names: tuple[str, ...]) -> SpectrumMatrix | str:
    parts = [part.strip() for part in text.split(",")]
    count = whole_number(parts[0])
    if count is None or not 0 < count <= len(names) or len(parts) < 1 + count + count * count:
        return "it does not hold what it announces"
    heads = parts[1 : 1 + count]
    if not set(heads) <= set(names):
        numbers = [whole_number(head) or 0 for head in heads]
        if not all(0 < number <= len(names) for number in numbers):
            return "it names a channel that the file does not have"
        heads = [names[number - 1] for number in numbers]
    try:
        values = np.array([float(part) for part in parts[1 + count : 1 + count + count * count]])
    except ValueError:
        return "it holds something that is no number"
    square = values.reshape(count, count)
    if len(set(heads)) < count or not np.isfinite(square).all() or np.linalg.matrix_rank(square) < count:
        return "it has no inverse"
    return SpectrumMatrix(
        name="FCS",
        fluorochromes=tuple(heads),
        detectors=tuple(heads),
        spectrum=tuple(tuple(float(v) for v in row) for row in square),
    )
