"""Roche LightCycler 480 text: tables of crossing points, and raw fluorescence.

An empty Cp is a negative well, ``Include`` False an excluded one. ``Standard`` holds the concentration given
to a standard, 0 for every other well; ``Concentration`` is the instrument's result and is not read. The
export names no target: the wells are named after the filter. Of raw data the amplification program is read
(one reading a cycle, the most cycles), melting is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank, may_be_header
from remnant.acquire.pages import Page
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "lightcycler 480"

_TITLE: Final = re.compile(r"Experiment:\s*(.*?)\s+(?:Selected )?Filter:\s*(.*?)\s*$")
_RAW_TITLE: Final = re.compile(r"Experiment\s+-\s+(.*?)\s*(?:\(Run on .*\))?\s*$")
_RESULTS: Final = frozenset({"include", "pos", "cp"})
_RAW: Final = frozenset({"samplepos", "samplename", "prog", "seg", "cycle", "temp"})
_EXCLUDED: Final = "not included in the instrument's software"
_NO_FILTER: Final = "unnamed filter"
_FIRST_CHANNEL: Final = "temp"


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such an export.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True for a header with Include, Pos and Cp, or that of raw data.
    """
    return any(
        names >= _RESULTS or names >= _RAW
        for head in heads
        for _, cells in head
        for names in [set(folded(cells))]
    )


def _result(reading: Reading, header: Header, row: Row, filter_name: str) -> RawWell:
    number, cells = row
    standard = header.cell(cells, "standard")
    is_standard = any("1" <= character <= "9" for character in standard)
    included = reading.flag(header.cell(cells, "include"), "Include", sheet=header.sheet, row=number)
    return RawWell(
        sheet=header.sheet,
        row=number,
        position=header.cell(cells, "pos"),
        dye=filter_name,
        sample=header.cell(cells, "name"),
        kind="standard" if is_standard else "",
        cq=header.cell(cells, "cp"),
        quantity=standard if is_standard else "",
        excluded=_EXCLUDED if included is False else None,
    )


def _amplification(page: Page, header: Header) -> tuple[str, str] | None:
    """Program and segment whose first well has one reading a cycle, for the most cycles."""
    readings: dict[tuple[str, str], list[str]] = {}
    first = ""
    for number, cells in page.rows():
        if number <= header.row or is_blank(cells):
            continue
        first = first or header.cell(cells, "samplepos")
        if header.cell(cells, "samplepos") == first:
            key = (header.cell(cells, "prog"), header.cell(cells, "seg"))
            readings.setdefault(key, []).append(header.cell(cells, "cycle"))
    single = {key: len(cycles) for key, cycles in readings.items() if 1 < len(cycles) == len(set(cycles))}
    return max(single, key=lambda key: single[key]) if single else None


def _raw_data(reading: Reading, page: Page, header: Header, name: str) -> InstrumentContent:
    channels = _channels(page, header)
    program = _amplification(page, header)
    if program is None:
        raise refused(
            reading.file,
            "instrument.melt_curve",
            value="no program with one reading a cycle",
            expected="an amplification curve",
            advice="Export the raw data of the amplification program.",
        )
    points = Points()
    wells: dict[tuple[str, str], RawWell] = {}
    for number, cells in page.rows():
        if number <= header.row or is_blank(cells):
            continue
        if (header.cell(cells, "prog"), header.cell(cells, "seg")) != program:
            continue
        place, cycle = header.cell(cells, "samplepos"), header.cell(cells, "cycle")
        for at, channel in channels:
            if (place, channel) not in wells:
                wells[place, channel] = RawWell(
                    row=number, position=place, dye=channel, sample=header.cell(cells, "samplename")
                )
            points.add((place, channel), cycle, cells[at] if at < len(cells) else "", row=number)
    return content(reading, RawRun(name=name), list(wells.values()), points)


def _channels(page: Page, header: Header) -> list[tuple[int, str]]:
    """Columns behind the temperature: one a filter pair."""
    cells = next(cells for number, cells in page.rows() if number == header.row)
    start = header.places[_FIRST_CHANNEL][0] + 1
    return [(at, cells[at].strip()) for at in range(start, len(cells)) if cells[at].strip()]


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of a LightCycler 480 export.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    pages : sequence of Page
        The text.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    reading.empty_is_negative = True
    name, filter_name = "", _NO_FILTER
    header: Header | None = None
    wells: list[RawWell] = []
    for page in pages:
        for number, cells in page.rows():
            names = set(folded(cells)) if may_be_header(cells) else set[str]()
            if names >= _RAW:
                return _raw_data(reading, page, header_of(page.name, number, cells), name)
            if names >= _RESULTS:
                header = header_of(page.name, number, cells)
            elif is_blank(cells):
                continue
            elif title := _TITLE.match(" ".join(cells).strip()):
                name, filter_name, header = title[1], title[2] or _NO_FILTER, None
            elif header is not None:
                wells.append(_result(reading, header, (number, cells), filter_name))
            else:
                raw_title = next(filter(None, map(_RAW_TITLE.match, cells)), None)
                name = raw_title[1] if raw_title else name
    if wells and not any(raw.kind for raw in wells):
        reading.counts["no_kinds"] = len(wells)
    return content(reading, RawRun(name=name), wells)
