"""Stratagene MxPro workbooks and text: the text report, and the amplification plots beside it.

A sheet of plots holds one block a well, headed ``A7, Repl. 9, name, SYBR`` with cycles and fluorescence
below. The report names no target; unless it has a column Dye or Assay, wells are named after the dye of
their plot. The unit of the standards stands inside the header, ``Quantity (copies)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_cells import run_day
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank, may_be_header
from remnant.acquire.pages import Page
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "mxpro"

_BLOCK: Final = re.compile(r"([A-Ha-h][0-9]{1,2})\s*,(.*)")
_UNNAMED: Final = "unnamed dye"


@dataclass(slots=True)
class _Held:
    """What the sheets gave."""

    wells: list[RawWell] = field(default_factory=list)
    points: Points = field(default_factory=Points)
    dyes: dict[str, set[str]] = field(default_factory=dict)
    samples: dict[tuple[str, str], str] = field(default_factory=dict)
    day: str = ""


def _is_report(cells: Sequence[str]) -> bool:
    if not may_be_header(cells):
        return False
    names = set(folded(cells))
    return {"well", "welltype"} <= names and header_of(None, 0, cells).has("ct")


def _block(cells: Sequence[str]) -> tuple[str, str, str] | None:
    """Place, name and dye of a plot."""
    if len(cells) < 3 or fold(cells[1]) != "cycles" or not fold(cells[2]).startswith("fluorescence"):
        return None
    found = _BLOCK.match(cells[0].strip()[:500])
    if not found:
        return None
    parts = [part.strip() for part in found[2].split(",")]
    named = [part for part in parts[:-1] if not part.startswith("Repl.")]
    return found[1], ", ".join(named), parts[-1]


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such an export.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True for the header of a report with Well Type, or of a plot.
    """
    return any(_is_report(cells) or _block(cells) is not None for head in heads for _, cells in head)


def _result(header: Header, number: int, cells: list[str]) -> RawWell:
    return RawWell(
        sheet=header.sheet,
        row=number,
        position=header.cell(cells, "well"),
        target=header.cell(cells, "assay"),
        dye=header.cell(cells, "dye"),
        sample=header.cell(cells, "wellname"),
        kind=header.cell(cells, "welltype"),
        cq=header.cell(cells, "ct"),
        quantity=header.cell(cells, "quantity"),
        unit=header.units.get("quantity"),
        threshold=header.cell(cells, "threshold"),
    )


def _walk(page: Page, held: _Held) -> None:
    header: Header | None = None
    block: tuple[str, str, str] | None = None
    for number, cells in page.rows():
        if is_blank(cells):
            header = None
        elif _is_report(cells):
            header, block = header_of(page.name, number, cells), None
        elif found := _block(cells):
            header, block = None, found
            held.dyes.setdefault(found[0], set()).add(found[2])
            held.samples[found[0], found[2]] = found[1]
        elif header is not None:
            held.wells.append(_result(header, number, cells))
        elif block is not None and len(cells) > 2:
            held.points.sheet = page.name
            held.points.add((block[0], block[2]), cells[1], cells[2], row=number)
        elif not held.day and cells and run_day(cells[0].strip()):
            held.day = cells[0].strip()


def _dyed(raw: RawWell, dyes: dict[str, set[str]]) -> RawWell:
    """Well with the dye of its plot, if it has one plot."""
    found = dyes.get(raw.position, set())
    dye = next(iter(found)) if len(found) == 1 else _UNNAMED
    return raw if raw.dye or raw.target else replace(raw, dye=dye)


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of an MxPro export.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    pages : sequence of Page
        The text, or the sheets of the workbook.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    held = _Held()
    for page in pages:
        _walk(page, held)
    wells = [_dyed(raw, held.dyes) for raw in held.wells] or [
        RawWell(position=position, dye=dye, sample=name) for (position, dye), name in held.samples.items()
    ]
    return content(reading, RawRun(ended=held.day), wells, held.points)
