"""Qiagen Rotor-Gene csv: analysed data, one table a channel or assay below each other.

A line ``Quantitative analysis of channel Cycling A.Green (WT1)`` names the table's channel and assay; an
empty Ct is a negative tube. The unit of the standards stands inside the header,
``Given Conc (copies/reaction)``. Positions are tube numbers. Raw data are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank, may_be_header
from remnant.acquire.pages import Page
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "rotor-gene"

_TABLE: Final = re.compile(
    r"Quantitative analysis of\s+(?:channel\s+)?(.*?)(?:\s*\(([^()]*)\))?\s*$", re.IGNORECASE
)
_TITLES: Final = frozenset({"excelanalyseddataexport", "excelrawdataexport", "quantitativeanalysisreport"})
_HEADER: Final = frozenset({"no", "name", "ct"})
_UNNAMED: Final = "unnamed channel"


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such an export.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True for its title, the line above a table, or a header with a given concentration.
    """
    for head in heads:
        for _, cells in head:
            first = cells[0].strip() if cells else ""
            if fold(first) in _TITLES or _TABLE.match(first[:200]):
                return True
            if set(folded(cells)) >= _HEADER and header_of(None, 0, cells).has("givenconc"):
                return True
    return False


def _well(header: Header, number: int, cells: list[str], table: tuple[str, str]) -> RawWell:
    quantity = header.cell(cells, "givenconc")
    kind = header.cell(cells, "type")
    if not header.has("type") and any("1" <= character <= "9" for character in quantity):
        kind = "standard"
    return RawWell(
        sheet=table[0],
        row=number,
        position=header.cell(cells, "no"),
        target=table[1],
        dye=table[0],
        sample=header.cell(cells, "name"),
        kind=kind,
        cq=header.cell(cells, "ct"),
        quantity=quantity,
        unit=header.units.get("givenconc"),
    )


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of a Rotor-Gene export.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    pages : sequence of Page
        The text.

    Returns
    -------
    InstrumentContent
        Run, wells and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    reading.empty_is_negative = True
    settings: dict[str, str] = {}
    wells: list[RawWell] = []
    table, header = (_UNNAMED, ""), None
    for page in pages:
        for number, cells in page.rows():
            first = cells[0].strip() if cells else ""
            titled = _TABLE.match(first[:200])
            if is_blank(cells):
                header = None
            elif titled:
                table, header = (titled[1] or _UNNAMED, titled[2] or ""), None
            elif may_be_header(cells) and set(folded(cells)) >= _HEADER:
                header = header_of(page.name, number, cells)
                reading.counts["no_kinds"] += not header.has("type")
            elif header is not None:
                wells.append(_well(header, number, cells, table))
            elif len(cells) > 1:
                settings.setdefault(fold(first), cells[1].strip())
    if not wells:
        raise refused(
            reading.file,
            "instrument.no_wells",
            value="no table of a quantitative analysis",
            expected="tables with No., Name and Ct",
            advice="Export the analysis as 'Excel Analysed Data'; raw data hold no Ct.",
        )
    raw_run = RawRun(
        name=settings.get("file", settings.get("experiment", "")),
        ended=settings.get("date", ""),
        instrument=settings.get("machine", ""),
        serial=settings.get("machineserialno", settings.get("serial", "")),
        operator=settings.get("operator", ""),
    )
    return content(reading, raw_run, wells)
