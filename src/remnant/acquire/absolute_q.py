"""Applied Biosystems Absolute Q: results, summary and multichannel tables, alone or in a zip file.

A table of results has one row a well and dye, with rows of averages between. A summary has two header rows: dyes
above, then a block of columns a dye. A multichannel table has one row for every combination of
channels; the partitions of a channel are the sum over the combinations that contain it. It names no wells.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.limits import size
from remnant.acquire.partition_cells import (
    Cells,
    Digital,
    count_problems,
    kind_of_word,
    lacking,
    places,
    repeated_wells,
)
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Row, Sheet, assemble
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Partitions
from remnant.records.run import Run

__all__ = [
    "is_multichannel",
    "is_results",
    "is_summary",
    "lacks",
    "read_multichannel",
    "read_results",
    "read_summary",
]

_RESULTS: Final[dict[str, tuple[str, ...]]] = {
    "run": ("Run",),
    "date": ("Date",),
    "serial": ("Instrument",),
    "sample": ("Name",),
    "position": ("Well",),
    "accepted": ("Total",),
    "channel": ("Dye",),
    "target": ("Target",),
    "concentration": ("Conc. cp/uL", "Conc. cp/µL"),
    "positives": ("Positives",),
}
_MULTICHANNEL: Final[dict[str, tuple[str, ...]]] = {
    "run": ("Run",),
    "date": ("Date",),
    "serial": ("Instrument",),
    "sample": ("Sample",),
    "channel": ("Channels",),
    "positives": ("Count",),
    "accepted": ("Total",),
}
_SUMMARY: Final = ("run name", "group", "sample", "well", "df", "qc", "total", "target")
_OF_WELL: Final = 7
_AVERAGES: Final = frozenset({"average", "pooled"})
_UNDILUTED: Final = re.compile(r"1/1(\.0*)?|1(\.0*)?|")
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_results(header: Sequence[str]) -> bool:
    """Whether a header is that of a table of results.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    bool
        Whether all needed columns are there.
    """
    return not lacks(header)


def lacks(header: Sequence[str]) -> list[str]:
    """Needed columns of a table of results that a header does not have.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    list of str
        As the instrument writes them.
    """
    return lacking(header, _RESULTS, _RESULTS.keys() - {"date", "serial", "concentration"})


def is_multichannel(header: Sequence[str]) -> bool:
    """Whether a header is that of a table of combinations of channels.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    bool
        Whether all needed columns are there.
    """
    return places(header, _MULTICHANNEL).keys() >= _MULTICHANNEL.keys() - {"date", "serial"}


def is_summary(data: bytes) -> bool:
    r"""Whether a text begins as a summary: the names of dyes above a second header.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.

    Returns
    -------
    bool
        By its first two lines.

    Examples
    --------
    >>> is_summary(b",,,,,,,FAM\nRun name,Group,Sample,Well,DF,QC,Total,Target,Conc.\n")
    True
    """
    lines = data[:4096].decode("utf-8-sig", "replace").splitlines()[:2]
    if len(lines) < 2 or not lines[0].startswith(","):
        return False
    return [fold(cell) for cell in lines[1].split(",")[: len(_SUMMARY)]] == [fold(name) for name in _SUMMARY]


def _runs(cells: Cells, sha256: str) -> tuple[tuple[Run, ...], list[Finding]]:
    """Runs of a table; only an ISO date is a date, since others depend on the country."""
    runs: dict[str, Run] = {}
    unread: set[str] = set()
    rows = zip(cells.text("run"), cells.text("date"), cells.text("serial"), strict=True)
    for run_id, date, serial in rows:
        found = _ISO.match(date)
        day = _day(found[0]) if found else None
        unread |= {date} if date and day is None else set()
        runs.setdefault(
            run_id,
            Run(
                run_id=run_id,
                run_on=day,
                instrument="Absolute Q",
                serial=serial or None,
                source_sha256=sha256,
            ),
        )
    findings = [
        Finding(
            code="digital.run_date",
            severity="note",
            subject=f"run {next(iter(runs))}",
            message=f"The day of the run is written {', '.join(sorted(unread))}, which may mean two days: not read.",
            advice="Enter the day in a run sheet.",
        )
    ]
    return tuple(runs.values()), findings if unread else []


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _said(file: str, code: str, message: str) -> Finding:
    return Finding(code=code, severity="note", subject=f"file {file}", message=message)


def read_results(sheet: Sheet, *, run_id: str, sha256: str) -> Digital:
    """Wells of a table of results.

    Parameters
    ----------
    sheet : Sheet
        The table.
    run_id : str
        Not used: the table names its runs.
    sha256 : str
        Hash of the file.

    Returns
    -------
    Digital
        One entry a well and dye.

    Raises
    ------
    RefusedFileError
        With every problem.
    """
    del run_id
    columns = places(sheet.header, _RESULTS)
    words = sheet.cells[str(columns["position"])].to_list()
    averages = [i for i, text in enumerate(words) if text.strip().lower() in _AVERAGES]
    cells = Cells(sheet, columns, averages)
    wells, findings = _wells(cells, sheet)
    runs, more = _runs(cells, sha256) if wells else ((), [])
    if averages:
        text = f"{len(averages)} rows of averages and sums of groups were not read."
        findings.append(_said(sheet.file, "digital.merged_rows", text))
    return Digital(
        format="absolute q results",
        runs=runs,
        partitions=tuple(wells),
        findings=tuple(findings + more),
    )


def _wells(cells: Cells, sheet: Sheet) -> tuple[list[Partitions], list[Finding]]:
    """Wells of cells that have a row a well and dye."""
    positions = cells.positions()
    accepted, positives = cells.whole("accepted"), cells.whole("positives")
    count_problems(cells, positives, accepted)
    concentration, threshold = cells.number("concentration"), cells.number("threshold")
    run, samples, channels = cells.text("run"), cells.text("sample"), cells.text("channel")
    targets, quality = cells.text("target"), cells.text("quality")
    factors = cells.text("dilution")
    diluted = [i for i, text in enumerate(factors) if not _UNDILUTED.fullmatch(text.strip())]
    wells = []
    for i, place in enumerate(positions):
        n, k = accepted[i], positives[i]
        if n is None or k is None:
            cells.refuse(i, "accepted", "", code="digital.number", expected="total and positive partitions")
            continue
        failed = bool(quality[i]) and quality[i].strip().upper() != "PASS"
        wells.append(
            Partitions(
                run_id=run[i],
                position=place,
                channel=channels[i],
                target=targets[i],
                sample=samples[i],
                kind=kind_of_word(samples[i]) or "unknown",
                accepted=n,
                positives=k,
                instrument="absolute_q",
                concentration_copies_per_ul=None if i in diluted else concentration[i],
                threshold=threshold[i],
                excluded=f"quality control of the instrument: {quality[i]}"
                if failed
                else (None if n else "no partition"),
            )
        )
    repeated_wells(cells, [(w.run_id, w.position, w.channel, w.target) for w in wells])
    if not wells and not cells.problems:
        cells.problems.append(
            Problem(
                code="sheet.no_rows",
                file=sheet.file,
                expected="a row a well",
                advice="Export the wells, not only their averages.",
            )
        )
    if cells.problems:
        raise RefusedFileError(sheet.file, cells.problems, unlisted=sheet.unlisted)
    findings = [
        _said(
            sheet.file,
            "digital.dilution_factor",
            f"{len(diluted)} wells have a dilution factor: their concentration speaks of the undiluted sample and is not read.",
        )
    ]
    return wells, findings if diluted else []


def _summary_rows(file: str, lines: list[list[str]]) -> Iterator[Row]:
    """A summary as a table with one row a well and dye."""
    dyes, header = lines[0], [fold(cell) for cell in lines[1]]
    starts = [i for i, name in enumerate(header) if name == "target"]
    tails = [i for i, name in enumerate(header) if name == fold("MeanQC")]
    end = tails[0] if tails else len(header)
    block = ("target", "conc", "positives", "threshold")
    spans = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        own = {name: start + header[start:stop].index(name) for name in block if name in header[start:stop]}
        if len(own) < len(block):
            raise RefusedFileError(
                file,
                [
                    Problem(
                        code="digital.summary",
                        file=file,
                        row=2,
                        expected="columns Target, Conc., Positives and Threshold for every dye",
                        advice="Export the summary with all its columns.",
                    )
                ],
            )
        spans.append((dyes[start] if start < len(dyes) else "", own))
    yield (
        2,
        [
            "Run",
            "Name",
            "Well",
            "DF",
            "QC",
            "Total",
            "Dye",
            "Target",
            "Conc. cp/uL",
            "Positives",
            "Threshold",
        ],
    )
    for number, cells in enumerate(lines[2:], start=3):
        if not any(cells):
            continue
        full = [*cells, *[""] * (len(header) - len(cells))]
        for dye, own in spans:
            yield (
                number,
                [
                    full[0],
                    *full[2:_OF_WELL],
                    dye,
                    full[own["target"]],
                    *(full[own[x]] for x in ("conc", "positives", "threshold")),
                ],
            )


def read_summary(file: str, data: bytes, *, sha256: str) -> Digital:
    """Wells of a summary.

    Parameters
    ----------
    file : str
        File name.
    data : bytes
        Content.
    sha256 : str
        Hash of the file.

    Returns
    -------
    Digital
        One entry a well and dye.

    Raises
    ------
    RefusedFileError
        With every problem.
    """
    text = data.decode("utf-8-sig", "replace")
    if text.count("\n") > size("table_rows"):
        limit = f"at most {size('table_rows'):,} lines"
        problem = Problem(code="sheet.rows", file=file, expected=limit, advice="Export fewer wells.")
        raise RefusedFileError(file, [problem])
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), strict=True)]
    except csv.Error as error:
        problem = Problem(
            code="file.quotation",
            file=file,
            value=str(error),
            expected="rows with closed quotation marks",
            advice="Export the summary again.",
        )
        raise RefusedFileError(file, [problem]) from error
    sheet = assemble(file, None, _summary_rows(file, lines), comma=False, typed=False)
    if sheet is None or not sheet.rows:
        problem = Problem(
            code="sheet.no_rows", file=file, expected="rows below the headers", advice="Export it again."
        )
        raise RefusedFileError(file, [problem])
    columns = {
        **places(sheet.header, _RESULTS),
        **places(sheet.header, {"dilution": ("DF",), "quality": ("QC",), "threshold": ("Threshold",)}),
    }
    words = sheet.cells[str(columns["position"])].to_list()
    averages = [i for i, word in enumerate(words) if word.lower() in _AVERAGES]
    cells = Cells(sheet, columns, averages)
    wells, findings = _wells(cells, sheet)
    runs, more = _runs(cells, sha256)
    return Digital(
        format="absolute q summary", runs=runs, partitions=tuple(wells), findings=tuple(findings + more)
    )


def read_multichannel(sheet: Sheet, *, run_id: str, sha256: str) -> Digital:
    """Wells of a table of combinations of channels.

    Parameters
    ----------
    sheet : Sheet
        The table.
    run_id : str
        Not used: the table names its runs.
    sha256 : str
        Hash of the file.

    Returns
    -------
    Digital
        One entry a sample and channel that was read; places are numbers in the order of the file.

    Raises
    ------
    RefusedFileError
        With every problem.
    """
    del run_id
    cells = Cells(sheet, places(sheet.header, _MULTICHANNEL))
    counts, totals = cells.whole("positives"), cells.whole("accepted")
    count_problems(cells, counts, totals)
    run, samples, channels = cells.text("run"), cells.text("sample"), cells.text("channel")
    wells: list[Partitions] = []
    keys = list(zip(run, samples, strict=True))
    for number, (key, group) in enumerate(groupby(range(len(keys)), key=lambda i: keys[i]), start=1):
        rows = list(group)
        total = max(totals[i] or 0 for i in rows)
        if sum(counts[i] or 0 for i in rows) != total:
            found = f"{sum(counts[i] or 0 for i in rows)} partitions in all combinations of {key[1]}"
            cells.refuse(rows[0], "positives", found, code="digital.counts", expected=f"{total} in all")
        names = [channels[i].split() for i in rows]
        combined = list(zip(names, [counts[i] or 0 for i in rows], strict=True))
        read = [
            names[0] for names, i in zip(names, rows, strict=True) if len(names) == 1 and (totals[i] or 0) > 0
        ]
        both = sum(k for part, k in combined if set(part) == set(read)) if len(read) == 2 else None
        wells += [
            Partitions(
                run_id=key[0],
                position=str(number),
                channel=channel,
                target=channel,
                sample=key[1],
                kind=kind_of_word(key[1]) or "unknown",
                accepted=total,
                positives=sum(k for part, k in combined if channel in part),
                instrument="absolute_q",
                both_positive=both,
                excluded=None if total else "no partition",
            )
            for channel in read
        ]
    repeated_wells(cells, [(w.run_id, w.position, w.channel, w.target) for w in wells])
    if cells.problems:
        raise RefusedFileError(sheet.file, cells.problems, unlisted=sheet.unlisted)
    runs, findings = _runs(cells, sha256)
    text = "The table names no wells: places are numbers in the order of the file, targets are channels."
    findings.append(_said(sheet.file, "digital.no_positions", text))
    return Digital(
        format="absolute q multichannel", runs=runs, partitions=tuple(wells), findings=tuple(findings)
    )
