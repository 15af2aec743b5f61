"""Bio-Rad QX: tables of results of QuantaSoft and QX Manager.

Rows of merged wells (``M01``) in a table of results are sums of other rows and are left out. QX Manager names up
to six dyes, and counts the partitions that are positive in two channels for each pair of channels; only the
first pair is read, for the wells that hold its two dyes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.cells import CellError, plate_position
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
from remnant.acquire.sheet import Sheet
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Partitions
from remnant.records.run import Run, WellKind

__all__ = ["COLUMNS", "is_results", "lacks", "read_results"]

_BOTH: Final = "Ch1+Ch2+"
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "position": ("Well",),
    "sample": ("Sample", "Sample description 1"),
    "type": ("SampleType", "TargetType", "TypeAssay"),
    "channel": ("DyeName(s)", "TargetType", "TypeAssay"),
    "target": ("Target", "Assay"),
    "status": ("Status",),
    "concentration": ("Concentration", "Conc(copies/µL)", "Conc(copies/uL)"),
    "positives": ("Positives",),
    "negatives": ("Negatives",),
    "accepted": ("AcceptedDroplets", "Accepted Droplets"),
    "both": (_BOTH,),
    "threshold": ("Threshold", "Threshold1"),
    "merged": ("MergedWells", "Merged Wells"),
}
"""Columns of a table of results by our name, with the spellings of QuantaSoft and of QX Manager; the first that is there counts."""
_NEEDED: Final = frozenset({"position", "sample", "target", "positives", "accepted", "concentration"})
_MERGED: Final = re.compile(r"[I-Zi-z][0-9]{1,2}")
_TYPE: Final = re.compile(r"ch([1-6])\s*(.*)", re.IGNORECASE)
_DESCRIPTIONS: Final = tuple(f"Sample description {i}" for i in (2, 3, 4))
_FIRST_PAIR: Final = frozenset(map(fold, ("1", "2", "FAM", "HEX", "VIC", "EvaGreen")))


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
    return not lacks(header)


def lacks(header: Sequence[str]) -> list[str]:
    """Needed columns that a header does not have.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    list of str
        As the instrument writes them.
    """
    return lacking(header, COLUMNS, _NEEDED)


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
    if sheet.header[columns.get("both", 0)] != _BOTH:  # names without their signs are all the same
        columns.pop("both", None)
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
    paired = _paired(positions, channels)
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
                both_positive=both[i] if place in paired else None,
                excluded="the instrument made no call" if k is None or not n else None,
            )
        )
    repeated_wells(cells, [(w.run_id, w.position, w.channel, w.target) for w in wells])
    if cells.problems:
        raise RefusedFileError(sheet.file, cells.problems, unlisted=sheet.unlisted)
    findings += [*_named_blanks(sheet.file, by_name), *_descriptions(sheet)]
    run = Run(run_id=run_id, instrument="Bio-Rad QX", source_sha256=sha256)
    return Digital(format="qx results", runs=(run,), partitions=tuple(wells), findings=tuple(findings))


def _channel(text: str, row: int) -> str:
    found = _TYPE.fullmatch(text.strip())
    return found[1] if found else text.strip() or str(row + 1)


def _paired(positions: Sequence[str], channels: Sequence[str]) -> frozenset[str]:
    """Places that hold two targets, in the first two channels."""
    held: dict[str, list[str]] = {}
    for place, channel in zip(positions, channels, strict=True):
        held.setdefault(place, []).append(fold(channel))
    return frozenset(
        place for place, dyes in held.items() if len(dyes) == len(set(dyes)) == 2 and set(dyes) <= _FIRST_PAIR
    )


def _descriptions(sheet: Sheet) -> list[Finding]:
    """Second to fourth descriptions of the samples, which QX Manager writes and nothing here reads."""
    columns = places(sheet.header, {name: (name,) for name in _DESCRIPTIONS})
    filled = [name for name, at in columns.items() if (sheet.cells[str(at)] != "").any()]
    if not filled:
        return []
    return [
        Finding(
            code="digital.description_not_read",
            severity="note",
            subject=f"file {sheet.file}",
            message=f"{', '.join(filled)} hold text that was not read: a well is named by Sample description 1.",
            advice="Name samples or cDNAs in Sample description 1, or in a plate layout.",
        )
    ]


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
    positions = sheet.cells[str(columns["position"])].to_list()
    if "merged" not in columns:
        return [], [], _unexplained(sheet, positions)
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
                Problem(
                    code="digital.merged_part",
                    file=sheet.file,
                    expected="all wells of a merged well, or none",
                    advice="Export all wells: some of this merged well are missing and would be counted in part.",
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


def _unexplained(sheet: Sheet, positions: Sequence[str]) -> list[Problem]:
    """Rows that only a merged well can be, in a table that does not say of which wells."""
    return [
        Problem(
            code="digital.merged_unknown",
            file=sheet.file,
            expected="a place on a plate of eight rows, or the column MergedWells",
            advice="Export every column: merged wells are sums of other wells, which would be counted twice.",
            row=row,
            column="Well",
            value=text.strip(),
        )
        for row, text in zip(sheet.rows, positions, strict=True)
        if _MERGED.fullmatch(text.strip())
    ]


def _plain(text: str) -> str:
    try:
        return plate_position(text.strip())
    except CellError:
        return text.strip()
