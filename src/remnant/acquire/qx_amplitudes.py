"""Bio-Rad QX: amplitudes of single droplets, as QuantaSoft and QX Manager write them.

A file of amplitudes holds no name of its well: only the file's own name does
(``run_A08_Amplitude.csv``), and this is the one place where a name is read. The second column of QuantaSoft is
empty in a one-colour experiment, and some versions end lines with a carriage return alone. QX Manager puts
lines that explain its calls before the header, writes up to six channels (``Ch1Amplitude``) and, behind
them, its own call of every droplet for every target; the calls are not read, since the file does not say which
target is in which channel.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from remnant.acquire.cells import CellError, plate_position
from remnant.acquire.delimited import cut_short
from remnant.acquire.limits import size
from remnant.acquire.partition_cells import Digital
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Amplitudes, Partitions
from remnant.records.run import Run

__all__ = ["is_amplitudes", "read_amplitudes"]

_HEADER: Final = re.compile(
    rb'(?:\xef\xbb\xbf)?(?:"?Target Value of [^\r\n]*(?:\r\n|\r|\n)|[ \t,"]*(?:\r\n|\r|\n)){0,9}'
    rb'(?P<names>"?(?:Assay|Ch) ?[1-6] ?Amplitude"?(?:,[^\r\n]*)?)(?:\r\n|\r|\n|$)',
    re.IGNORECASE,
)
_CHANNEL: Final = re.compile(r"(?:Assay|Ch) ?([1-6]) ?Amplitude", re.IGNORECASE)
_NAME: Final = re.compile(r"(?P<run>.+?)[ _-]+(?P<place>[A-Pa-p][0-9]{1,2})[ _-]+Amplitude(?:\.[A-Za-z]{3})?")
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """Lines below the header, and what the header says of them."""

    data: bytes
    first_row: int
    channels: tuple[str, ...]
    calls: tuple[str, ...]
    width: int


def is_amplitudes(data: bytes) -> bool:
    r"""Whether a file begins as the amplitudes of droplets.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.

    Returns
    -------
    bool
        By its header alone.

    Examples
    --------
    >>> is_amplitudes(b"Assay1 Amplitude,Assay2 Amplitude\r7762.2,\r")
    True
    >>> is_amplitudes(b"Target Value of 0 = negative\n\nCh1Amplitude,Ch2Amplitude,WT1,ABL1,\n4219.1,314.6,1,0,\n")
    True
    """
    return _HEADER.match(data) is not None


def _refuse(file: str, problems: Sequence[Problem], unlisted: int = 0) -> RefusedFileError:
    return RefusedFileError(file, problems, unlisted=unlisted)


def _problem(file: str, code: str, expected: str, advice: str, **place: object) -> Problem:
    return Problem(code=code, file=file, expected=expected, advice=advice, **place)  # type: ignore[arg-type]


def _well_of_name(file: str) -> tuple[str, str]:
    found = _NAME.fullmatch(file)
    try:
        return (found["run"], plate_position(found["place"])) if found else ("", "")
    except CellError:
        return "", ""


def _name_problem(file: str) -> Problem:
    return _problem(
        file,
        "digital.position_in_name",
        "a file name that ends in the place and _Amplitude.csv, like plate7_A08_Amplitude.csv",
        "Give the file the name that QuantaSoft or QX Manager wrote: the file itself does not say which well it is.",
        value=file[:_SHOWN],
    )


def read_amplitudes(file: str, data: bytes, sha256: str) -> tuple[Digital, Amplitudes]:
    r"""Amplitudes of the droplets of one well.

    Parameters
    ----------
    file : str
        File name, which names run and place.
    data : bytes
        Content.
    sha256 : str
        Hash of the content, kept with the run and the well.

    Returns
    -------
    digital : Digital
        The run and one entry a channel, without positives.
    amplitudes : Amplitudes
        Fluorescence as recorded.

    Raises
    ------
    RefusedFileError
        If the name tells no place, a value is no number, or there are no values.

    Examples
    --------
    >>> text = b"Assay1 Amplitude,Assay2 Amplitude\r\n7762.24,\r\n21050.5,\r\n"
    >>> digital, amplitudes = read_amplitudes("plate7_A08_Amplitude.csv", text, "0" * 64)
    >>> digital.partitions[0].position, amplitudes.channels, amplitudes.fluorescence.shape
    ('A08', ('1',), (2, 1))
    """
    run_id, position = _well_of_name(file)
    problems = [] if position else [_name_problem(file)]
    body = _body(data)
    values, filled, more, unlisted = _values(file, body)
    problems += more
    if problems:
        raise _refuse(file, problems, unlisted)
    channels = tuple(body.channels[i] for i in filled)
    partitions = tuple(
        Partitions(
            run_id=run_id,
            position=position,
            channel=channel,
            target="",
            sample="",
            kind="unknown",
            accepted=len(values),
            positives=None,
            instrument="qx",
            amplitudes_sha256=sha256,
        )
        for channel in channels
    )
    run = Run(run_id=run_id, instrument="Bio-Rad QX", source_sha256=sha256)
    digital = Digital(
        format="qx amplitudes",
        runs=(run,),
        partitions=partitions,
        findings=(*_calls(file, body.calls), *cut_short(file, data)),
    )
    return digital, Amplitudes(run_id, position, channels, values)


def _body(data: bytes) -> _Body:
    """The lines below the header, with line feeds between them."""
    header = _HEADER.match(data)
    if header is None:
        return _Body(data=b"", first_row=1, channels=(), calls=(), width=0)
    above, below = data[: header.end()], data[header.end() :]
    if b"\n" not in below:
        below = below.replace(b"\r", b"\n")
    names = [
        name.strip().strip('"').strip() for name in header["names"].decode("utf-8", "replace").split(",")
    ]
    found = [_CHANNEL.fullmatch(name) for name in names]
    at = next((i for i, match in enumerate(found) if match is None), len(names))
    return _Body(
        data=below,
        first_row=above.count(b"\n" if b"\n" in above else b"\r") + 1,
        channels=tuple(match[1] for match in found[:at] if match),
        calls=tuple(name for name in names[at:] if name),
        width=len(names),
    )


def _values(file: str, body: _Body) -> tuple[np.ndarray, list[int], list[Problem], int]:
    """Values of the channels that hold any, which these are, and what is wrong."""
    nothing = np.zeros((0, 0))
    limit, lines = size("partitions_per_well"), body.data.count(b"\n") + 1
    if lines > limit:
        what = f"{lines:,} droplets"
        advice = "One file holds one well."
        return (
            nothing,
            [],
            [_problem(file, "digital.partitions", f"at most {limit:,}", advice, value=what)],
            0,
        )
    if len(set(body.channels)) < len(body.channels):
        what, advice = ", ".join(body.channels), "Export the amplitudes again."
        return nothing, [], [_problem(file, "digital.amplitude", "each channel once", advice, value=what)], 0
    # A lone channel may have an empty cell behind it, or none.
    width = body.width if body.width > 1 else body.data.lstrip().partition(b"\n")[0].count(b",") + 1
    behind = [f"call {i}" for i in range(width - len(body.channels))]
    schema = dict.fromkeys(body.channels, pl.Float64) | dict.fromkeys(behind, pl.String)
    try:
        frame = pl.read_csv(
            io.BytesIO(body.data.strip()),
            has_header=False,
            schema=schema,
            columns=list(range(len(body.channels))),
            quote_char=None,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return nothing, [], *_wrong_cells(file, body)
    filled = [i for i, name in enumerate(body.channels) if frame[name].null_count() < frame.height]
    if not filled:  # no row, or no value in any
        advice = "Export the amplitudes again; the well was not read."
        return nothing, [], [_problem(file, "digital.no_amplitudes", "at least one droplet", advice)], 0
    values = frame.select([body.channels[i] for i in filled]).to_numpy()
    if not np.isfinite(values).all():
        return values, filled, *_wrong_cells(file, body, filled)
    return values, filled, [], 0


def _wrong_cells(file: str, body: _Body, filled: Sequence[int] = (0,)) -> tuple[list[Problem], int]:
    """Every cell that is no number, with its row; a slow second look at a file that is refused anyway."""
    listed: list[Problem] = []
    wrong = []
    width = len(body.channels)
    for row, line in enumerate(
        body.data.decode("utf-8", "replace").rstrip().splitlines(), start=body.first_row
    ):
        cells = line.split(",")
        for i, text in enumerate(cells[:width] + [""] * (width - len(cells))):
            if (i in filled or text) and not _is_finite(text):
                wrong.append((row, i, text))
    if not wrong:  # a row that only the reader of tables stumbles over
        wrong = [(body.first_row, 0, body.data[:20].decode("utf-8", "replace"))]
    unlisted = gather(
        (
            _problem(
                file,
                "digital.amplitude",
                "a fluorescence as a number",
                "Export the amplitudes again; the file was cut or changed.",
                row=row,
                column=f"amplitude of channel {body.channels[i]}",
                value=text[:_SHOWN],
            )
            for row, i, text in wrong
        ),
        listed,
    )
    return listed, unlisted


def _is_finite(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _calls(file: str, calls: Sequence[str]) -> tuple[Finding, ...]:
    """The software's own calls of the droplets, which are not read."""
    if not calls:
        return ()
    return (
        Finding(
            code="digital.calls_not_read",
            severity="note",
            subject=f"file {file}",
            message=f"The software's own calls of the droplets ({', '.join(calls)[:_SHOWN]}) were not read: the amplitudes are gated here.",
            advice="To count under the software's own thresholds, import its table of results.",
        ),
    )
