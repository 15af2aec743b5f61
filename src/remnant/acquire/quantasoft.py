"""Bio-Rad QX: amplitudes of single droplets, and tables of results of QuantaSoft and QX Manager.

A file of amplitudes holds no name of its well: only the file's own name does
(``run_A08_Amplitude.csv``), and this is the one place where a name is read. Its second column is empty in
a one-colour experiment, and some versions end lines with a carriage return alone. Rows of merged wells
(``M01``) in a table of results are sums of other rows and are left out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from remnant.acquire.cells import CellError, plate_position
from remnant.acquire.limits import size
from remnant.acquire.partition_cells import (
    Cells,
    Digital,
    count_problems,
    kind_of_word,
    places,
    repeated_wells,
)
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.acquire.sheet import Sheet
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Amplitudes, Partitions
from remnant.records.run import Run, WellKind

__all__ = ["COLUMNS", "is_amplitudes", "is_results", "read_amplitudes", "read_results"]

_HEADER: Final = re.compile(
    rb'(?:\xef\xbb\xbf)?"?(?:Assay|Ch)\s*1 Amplitude"?(,"?(?:Assay|Ch)\s*2 Amplitude"?)?(,"?Cluster"?)?[ \t]*(?:\r\n|\r|\n|$)',
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?P<run>.+?)[ _-]+(?P<place>[A-Pa-p][0-9]{1,2})[ _-]+Amplitude(?:\.[A-Za-z]{3})?")
_SHOWN: Final = 300

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "position": ("Well",),
    "sample": ("Sample", "Sample description 1"),
    "type": ("TargetType", "SampleType"),
    "channel": ("TargetType", "DyeName(s)"),
    "target": ("Target",),
    "status": ("Status",),
    "concentration": ("Concentration", "Conc(copies/µL)", "Conc(copies/uL)"),
    "positives": ("Positives",),
    "negatives": ("Negatives",),
    "accepted": ("AcceptedDroplets", "Accepted Droplets"),
    "both": ("Ch1+Ch2+",),
    "threshold": ("Threshold", "Threshold1"),
    "merged": ("MergedWells", "Merged Wells"),
}
"""Columns of a table of results by our name, with the spellings of QuantaSoft and of QX Manager."""
_NEEDED: Final = frozenset({"position", "sample", "target", "positives", "accepted", "concentration"})
_TYPE: Final = re.compile(r"ch([1-6])\s*(.*)", re.IGNORECASE)


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
        "Give the file the name that QuantaSoft wrote: the file itself does not say which well it is.",
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
    values, filled, more, unlisted = _values(file, data)
    problems += more
    if problems:
        raise _refuse(file, problems, unlisted)
    channels = tuple(str(i + 1) for i in filled)
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
    digital = Digital(format="qx amplitudes", runs=(run,), partitions=partitions, findings=())
    return digital, Amplitudes(run_id, position, channels, values)


def _values(file: str, data: bytes) -> tuple[np.ndarray, list[int], list[Problem], int]:
    """Values of the channels that hold any, which these are, and what is wrong."""
    header = _HEADER.match(data)
    body = data[header.end() :] if header else b""
    if b"\n" not in body:
        body = body.replace(b"\r", b"\n")
    lines = body.count(b"\n") + 1
    if lines > size("partitions_per_well"):
        limit = size("partitions_per_well")
        problem = _problem(
            file,
            "digital.partitions",
            f"at most {limit:,}",
            "One file holds one well.",
            value=f"{lines:,} droplets",
        )
        return np.zeros((0, 0)), [], [problem], 0
    body = body.strip()
    names = [str(i) for i in range(max(header[0].count(b",") + 1, 2) if header else 2)]
    schema = dict.fromkeys(names, pl.Float64)
    try:
        frame = pl.read_csv(
            io.BytesIO(body), has_header=False, schema=schema, quote_char=None, truncate_ragged_lines=True
        )
    except pl.exceptions.PolarsError:
        return np.zeros((0, 0)), [], *_wrong_cells(file, body)
    filled = [i for i in (0, 1) if frame[names[i]].null_count() < frame.height]
    values = frame.select([names[i] for i in filled]).to_numpy() if filled else np.zeros((0, 0))
    if not filled:  # no row, or no value in any
        advice = "Export the amplitudes again; the well was not read."
        return values, [], [_problem(file, "digital.no_amplitudes", "at least one droplet", advice)], 0
    if not np.isfinite(values).all():
        return values, filled, *_wrong_cells(file, body, filled)
    return values, filled, [], 0


def _wrong_cells(file: str, body: bytes, filled: Sequence[int] = (0,)) -> tuple[list[Problem], int]:
    """Every cell that is no number, with its row; a slow second look at a file that is refused anyway."""
    listed: list[Problem] = []
    wrong = []
    for row, line in enumerate(body.decode("utf-8", "replace").rstrip().splitlines(), start=2):
        cells = line.split(",")
        for i, text in enumerate(cells[:2] + [""] * (2 - len(cells))):
            if (i in filled or text) and not _is_finite(text):
                wrong.append((row, i, text))
    if not wrong:  # a row that only the reader of tables stumbles over
        wrong = [(2, 0, body[:20].decode("utf-8", "replace"))]
    unlisted = gather(
        (
            _problem(
                file,
                "digital.amplitude",
                "a fluorescence as a number",
                "Export the amplitudes again; the file was cut or changed.",
                row=row,
                column=f"Assay{i + 1} Amplitude",
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


def is_results(header: Sequence[str]) -> bool:
    """Whether a header is that of a table of QuantaSoft or QX Manager.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    bool
        Whether all needed columns are there.
    """
    return places(header, COLUMNS).keys() >= _NEEDED


def read_results(sheet: Sheet, *, run_id: str, sha256: str) -> Digital:
    """Wells of a table of results.

    Parameters
    ----------
    sheet : Sheet
        The table.
    run_id : str
        Name of the run; the table has none.
    sha256 : str
        Hash of the file.

    Returns
    -------
    Digital
        One entry a well and channel; merged wells whose own wells stand in the file are left out.

    Raises
    ------
    RefusedFileError
        With every problem.
    """
    columns = places(sheet.header, COLUMNS)
    merged, findings, merged_problems = _merged(sheet, columns)
    cells = Cells(sheet, columns, merged)
    cells.problems += merged_problems
    positions = cells.positions()
    accepted, positives = cells.whole("accepted"), cells.whole("positives")
    negatives, both = cells.whole("negatives"), cells.whole("both")
    count_problems(cells, positives, accepted)
    concentration, threshold = cells.number("concentration"), cells.number("threshold")
    samples, targets = cells.text("sample"), cells.text("target")
    channels = [_channel(text, i) for i, text in enumerate(cells.text("channel"))]
    kinds, by_name = _kinds(samples, cells.text("type"))
    wells = []
    for i, place in enumerate(positions):
        k, n = positives[i], accepted[i]
        if n is None:
            cells.refuse(
                i, "accepted", "", code="digital.number", expected="the accepted droplets of the well"
            )
            continue
        if k is not None and negatives[i] is not None and k + (negatives[i] or 0) != n:
            found = f"{k} positives and {negatives[i]} negatives"
            cells.refuse(i, "accepted", found, code="digital.counts", expected=f"{n} droplets in all")
        wells.append(
            Partitions(
                run_id=run_id,
                position=place,
                channel=channels[i],
                target=targets[i],
                sample=samples[i],
                kind=kinds[i],
                accepted=n,
                positives=0 if k is None else k,
                instrument="qx",
                concentration_copies_per_ul=concentration[i],
                threshold=threshold[i],
                both_positive=both[i],
                excluded="the instrument made no call" if k is None or not n else None,
            )
        )
    repeated_wells(cells, [(w.run_id, w.position, w.channel, w.target) for w in wells])
    if cells.problems:
        raise _refuse(sheet.file, cells.problems, sheet.unlisted)
    findings += _named_blanks(sheet.file, by_name)
    run = Run(run_id=run_id, instrument="Bio-Rad QX", source_sha256=sha256)
    return Digital(format="qx results", runs=(run,), partitions=tuple(wells), findings=tuple(findings))


def _channel(text: str, row: int) -> str:
    found = _TYPE.fullmatch(text.strip())
    return found[1] if found else text.strip() or str(row + 1)


def _kinds(samples: Sequence[str], types: Sequence[str]) -> tuple[list[WellKind], list[str]]:
    """Kinds of the wells, and the names that made blanks of wells that the table calls unknown."""
    kinds: list[WellKind] = []
    named = []
    for sample, text in zip(samples, types, strict=True):
        found = _TYPE.fullmatch(text.strip())
        kind = kind_of_word(found[2] if found else text) or "unknown"
        if kind == "unknown" and kind_of_word(sample) == "ntc":
            kind = "ntc"
            named.append(sample)
        kinds.append(kind)
    return kinds, named


def _named_blanks(file: str, named: Sequence[str]) -> list[Finding]:
    if not named:
        return []
    return [
        Finding(
            code="digital.blank_by_name",
            severity="note",
            subject=f"file {file}",
            message=f"{len(named)} wells are called unknown and named {', '.join(sorted(set(named)))}: read as no-template controls.",
        )
    ]


def _merged(sheet: Sheet, columns: dict[str, int]) -> tuple[list[int], list[Finding], list[Problem]]:
    """Rows that are sums of others; one whose wells are missing stays, one with some of them is a problem."""
    if "merged" not in columns:
        return [], [], []
    positions = sheet.cells[str(columns["position"])].to_list()
    known = {_plain(text) for text in positions}
    sums, problems = [], []
    for i, text in enumerate(sheet.cells[str(columns["merged"])].to_list()):
        parts = [_plain(part) for part in re.split(r"[(),; ]+", text or "") if part]
        present = sum(part in known for part in parts)
        if not parts or not present:
            continue
        if present < len(parts):
            missing = ", ".join(part for part in parts if part not in known)
            problems.append(
                _problem(
                    sheet.file,
                    "digital.merged_part",
                    "all wells of a merged well, or none",
                    "Export all wells: some of this merged well are missing and would be counted in part.",
                    row=sheet.rows[i],
                    column=sheet.header[columns["merged"]],
                    value=f"{positions[i]} without {missing}",
                )
            )
        sums.append(i)
    findings = [
        Finding(
            code="digital.merged_rows",
            severity="note",
            subject=f"file {sheet.file}",
            message=f"{len(sums)} rows of merged wells are sums of other rows and were not read.",
        )
    ]
    return sums, findings if sums else [], problems


def _plain(text: str) -> str:
    try:
        return plate_position(text.strip())
    except CellError:
        return text.strip()
