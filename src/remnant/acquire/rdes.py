"""RDES, the spreadsheet format of the RDML consortium: a row a reaction, a column a cycle.

Columns Well, Sample, Sample Type, Target, Target Type, Dye, then the cycle numbers; text separated by tabs,
commas or semicolons, with decimal point or comma. It stores curves and no Cq. The same layout with
temperatures in place of cycles holds melting curves and is refused.

References
----------
Untergasser et al., RDML-Tools; format description in the repository RDML-consortium/rdmlpython.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from remnant.acquire.cells import CellError
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_cells import number as number_of
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank
from remnant.acquire.pages import Page
from remnant.acquire.rdml import SAMPLE_TYPES
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "rdes"

_FEWEST: Final = 3
_UNNAMED: Final = "unnamed target"


def _columns(cells: Sequence[str]) -> list[tuple[int, float]]:
    """Columns whose name is a number, with it."""
    found = []
    for at, cell in enumerate(cells):
        try:
            found.append((at, number_of(cell.strip().replace(",", "."), ".")))
        except CellError:
            continue
    return found


def _is_header(cells: Sequence[str]) -> bool:
    if not {"well", "sample"} <= set(folded(cells)):
        return False
    columns = _columns(cells)
    return len(columns) >= _FEWEST and columns[0][0] > 1


def _are_cycles(columns: Sequence[tuple[int, float]]) -> bool:
    """Whether the numbers count cycles: whole, one by one, beginning below their own count."""
    numbers = [value for _, value in columns]
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    return numbers[0].is_integer() and steps == {1.0} and 1 <= numbers[0] <= len(numbers)


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such a table.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True for a header with well, sample and at least three numbers.
    """
    return any(_is_header(cells) for head in heads for _, cells in head[:1])


def _well(header: Header, number: int, cells: list[str]) -> RawWell:
    written = header.cell(cells, "sampletype")
    return RawWell(
        sheet=header.sheet,
        row=number,
        position=header.cell(cells, "well"),
        target=header.cell(cells, "target"),
        dye=header.cell(cells, "dye") or _UNNAMED,
        sample=header.cell(cells, "sample"),
        kind=SAMPLE_TYPES.get(written.casefold(), written).replace("_", " "),
    )


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of an RDES table.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    pages : sequence of Page
        The text, or the sheets of a workbook.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    header: Header | None = None
    columns: list[tuple[int, float]] = []
    wells: list[RawWell] = []
    points = Points()
    for page in pages[:1]:
        points.sheet = page.name
        for number, cells in page.rows():
            if is_blank(cells):
                continue
            if header is None:
                header, columns = header_of(page.name, number, cells), _columns(cells)
                continue
            raw = _well(header, number, cells)
            wells.append(raw)
            for at, cycle in columns:
                value = cells[at] if at < len(cells) else ""
                points.add((raw.position, raw.target or raw.dye), repr(cycle), value, row=number)
    if columns and not _are_cycles(columns):
        raise refused(
            reading.file,
            "instrument.melt_curve",
            value=f"columns from {columns[0][1]:g} to {columns[-1][1]:g}",
            expected="cycle numbers, one by one",
            advice="Export the amplification data; melting curves are not read.",
        )
    return content(reading, RawRun(), wells, points)
