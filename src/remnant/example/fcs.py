"""FCS files written: FCS 3.1 with float values, for files of known composition.

The head of a file of any length is written once and events follow as they are, so that a file larger than
memory can be made piece by piece.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from remnant.records.flow import Channel
from remnant.records.gate import SpectrumMatrix

__all__ = ["fcs_bytes"]

_TEXT_BEGIN = 256
_OFFSET_DIGITS = 12
_HEADER_LIMIT = 99_999_999


def _keywords(
    channels: Sequence[Channel],
    spillover: SpectrumMatrix | None,
    total: int,
    *,
    more: Mapping[str, str],
    order: str,
    data_type: str,
) -> dict[str, str]:
    words = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$NEXTDATA": "0",
        "$MODE": "L",
        "$BYTEORD": order,
        "$DATATYPE": data_type,
        "$PAR": str(len(channels)),
        "$TOT": str(total),
    }
    for number, channel in enumerate(channels, start=1):
        words |= {
            f"$P{number}N": channel.name,
            f"$P{number}B": str(channel.bits),
            f"$P{number}E": f"{channel.log_decades:g},{channel.log_offset:g}",
            f"$P{number}R": f"{channel.top or 1:.0f}",
            f"$P{number}G": f"{channel.gain:g}",
        }
        if channel.label:
            words[f"$P{number}S"] = channel.label
    if spillover is not None:
        values = (repr(value) for row in spillover.spectrum for value in row)
        words["$SPILLOVER"] = ",".join([str(len(spillover.detectors)), *spillover.detectors, *values])
    return words | dict(more)


def fcs_bytes(
    values: NDArray[Any],
    channels: Sequence[Channel],
    *,
    spillover: SpectrumMatrix | None = None,
    more: Mapping[str, str] | None = None,
    acquired_on: dt.date | None = None,
    total: int | None = None,
    version: str = "3.1",
) -> bytes:
    """An FCS file.

    Parameters
    ----------
    values : ndarray, shape (n_events, n_channels)
        Stored values; 32- or 64-bit floats or unsigned integers in either byte order.
    channels : sequence of Channel
        What the columns are.
    spillover : SpectrumMatrix or None, default None
        Matrix of the file.
    more : mapping of str to str or None, default None
        Further keywords.
    acquired_on : datetime.date or None, default None
        ``$DATE``.
    total : int or None, default None
        Events that the head announces, where they are appended later; None for those given.
    version : str, default "3.1"
        FCS version.

    Returns
    -------
    bytes
        Content of the file.

    Examples
    --------
    >>> import numpy as np
    >>> made = fcs_bytes(np.zeros((2, 1), "<f4"), [Channel(name="FSC-A", label="", bits=32, top=1024.0)])
    >>> made[:6]
    b'FCS3.1'
    """
    count = len(values) if total is None else total
    little = values.dtype.newbyteorder("=") == values.dtype or values.dtype.byteorder == "|"
    data_type = "I" if values.dtype.kind == "u" else "D" if values.dtype.itemsize == 8 else "F"
    extra = dict(more or {})
    if acquired_on is not None:
        extra["$DATE"] = acquired_on.strftime("%d-%b-%Y").upper()
    words = _keywords(
        channels,
        spillover,
        count,
        more=extra,
        order="1,2,3,4" if little else "4,3,2,1",
        data_type=data_type,
    )
    begin = _TEXT_BEGIN + len(_text(words, 0, 0))
    end = begin + count * values.dtype.itemsize * len(channels) - 1
    text = _text(words, begin, end)
    stated = (begin, end) if end <= _HEADER_LIMIT else (0, 0)
    numbers = (_TEXT_BEGIN, begin - 1, *stated, 0, 0)
    header = f"FCS{version}    " + "".join(f"{number:>8}" for number in numbers)
    return header.ljust(_TEXT_BEGIN).encode() + text + values.tobytes()


def _text(words: Mapping[str, str], begin: int, end: int) -> bytes:
    places = {"$BEGINDATA": f"{begin:0{_OFFSET_DIGITS}}", "$ENDDATA": f"{end:0{_OFFSET_DIGITS}}"}
    parts = [part.replace("/", "//") for pair in {**words, **places}.items() for part in pair]
    return ("/" + "/".join(parts) + "/").encode()
