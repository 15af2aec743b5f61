"""Bio-Rad CFX: tables of Cq (csv, xlsx, XML), amplification curves (csv, sheets of a workbook).

CFX writes an empty first column, ``NaN`` or ``N/A`` for no Cq, and beside it a ``Cq Mean`` of 0, which is
not read. Rows may go dye by dye over the plate. A curve table has a column a well and no target: the target
comes from the results of the same workbook or zip file. Curves of CFX are usually baseline-subtracted
already. Melting curves are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree

from remnant.acquire.aliases import fold
from remnant.acquire.cells import CellError, plate_position
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank
from remnant.acquire.limits import size
from remnant.acquire.pages import Page
from remnant.acquire.safe_xml import parse
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "dye_of", "is_xml", "read", "recognises", "xml_page"]

FORMAT: Final = "cfx"

_XML_ROOT: Final = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?<_x0030_[\s>/]")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RESULTS_OF: Final = re.compile(r"\s*-\s*(?:Quantification|Melt)\b.*$")
_DYE_OF: Final = re.compile(r"Results_([^_/]+?)(?:\.[A-Za-z]+)?$")
_TABLE: Final = frozenset({"well", "fluor", "content"})
_ADDED: Final = frozenset({"runid", "cdnaul", "dilution", "replicate", "excluded"})
"""Columns that laboratories add; a table with one of them is a Cq table of their own."""
_UNNAMED: Final = "unnamed dye"


def is_xml(data: bytes) -> bool:
    """Whether an XML document is a CFX export.

    Parameters
    ----------
    data : bytes
        The document, or its beginning.

    Returns
    -------
    bool
        True if its root is ``_x0030_``.
    """
    return _XML_ROOT.match(data.removeprefix(b"\xef\xbb\xbf")[:1024]) is not None


def _matrix(cells: Sequence[str]) -> str | None:
    """``"cycle"`` or ``"temperature"`` for the header of a table with a column a well."""
    names = folded(cells)
    for at, name in enumerate(names[:2]):
        if name not in {"cycle", "temperature"} or any(names[:at]):
            continue
        wells = [cell.strip() for cell in cells[at + 1 :] if cell.strip()]
        if wells and all(_is_place(well) for well in wells):
            return name
    return None


def _is_place(text: str) -> bool:
    try:
        return not plate_position(text).isdigit()
    except CellError:
        return False


def _is_table(cells: Sequence[str]) -> bool:
    names = set(folded(cells))
    return names >= _TABLE and not names & _ADDED


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such an export.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True for a header with well, fluor and content, or with cycle and wells.
    """
    return any(_is_table(cells) or _matrix(cells) is not None for head in heads for _, cells in head)


def xml_page(file: str, data: bytes) -> Page:
    """Rows of an XML export.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        The document.

    Returns
    -------
    Page
        One row a record, below a header of its fields.

    Raises
    ------
    RefusedFileError
        If it is too large or not well-formed.
    """
    limit = size("instrument_member_bytes")
    if len(data) > limit:
        raise refused(
            file,
            "instrument.size",
            value=f"{len(data):,} bytes",
            expected=f"at most {limit:,} bytes of XML",
            advice="Export the Cq results of one run.",
        )
    root = parse(file, data)
    records = [element for element in root.iter(etree.Element) if len(element) and not any(map(len, element))]
    names: dict[str, int] = {}
    rows: list[list[str]] = []
    for record in records:
        row: dict[int, str] = {}
        for field in record:
            at = names.setdefault(etree.QName(field).localname, len(names))
            row[at] = field.text or ""
        rows.append([row.get(at, "") for at in range(max(row) + 1)])
    if len(names) > size("table_columns"):
        raise refused(
            file,
            "sheet.columns",
            value=f"{len(names):,} fields",
            expected=f"at most {size('table_columns'):,}",
            advice="Export the Cq results of one run.",
        )
    header = [_ESCAPED.sub(lambda found: chr(int(found[1], 16)), name).replace("_", " ") for name in names]

    def numbered() -> Iterator[Row]:
        yield 0, header
        yield from enumerate(rows, start=1)

    return Page("record", numbered)


def _raw_well(header: Header, number: int, cells: list[str]) -> RawWell:
    unit = header.units.get("startingquantity")
    return RawWell(
        sheet=header.sheet,
        row=number,
        position=header.cell(cells, "well"),
        target=header.cell(cells, "target"),
        dye=header.cell(cells, "fluor"),
        sample=header.cell(cells, "sample"),
        kind=header.cell(cells, "content"),
        cq=header.cell(cells, "cq", "ct") if header.has("cq", "ct") else None,
        quantity=header.cell(cells, "startingquantity", "sq"),
        unit=header.cell(cells, "unit") or (None if unit is None or fold(unit) == "sq" else unit),
    )


def _wells(pages: Sequence[Page]) -> list[RawWell]:
    """Wells of the first table with Cq, else of the first table."""
    without: list[RawWell] = []
    for page in pages:
        header: Header | None = None
        found: list[RawWell] = []
        for number, cells in page.rows():
            if header is None:
                if _is_table(cells):
                    header = header_of(page.name, number, cells)
            elif is_blank(cells):
                break
            else:
                found.append(_raw_well(header, number, cells))
        if header is not None and header.has("cq", "ct"):
            return found
        without = without or found
    return without


def _curves(page: Page, wells: list[RawWell], points: Points) -> str | None:
    """Curves of one page; what its columns hold, or None if it is no table of curves."""
    kind: str | None = None
    places: list[str] = []
    start = 0
    dye = page.name or ""
    known = {_place(raw.position): raw.target or raw.dye for raw in wells if fold(raw.dye) == fold(dye)}
    unknown = "" if wells else dye
    for number, cells in page.rows():
        if kind is None:
            kind = _matrix(cells)
            start = 1 if kind and fold(cells[0]) == kind else 2
            places = [cell.strip() for cell in cells[start:]]
        elif is_blank(cells) or kind == "temperature":
            break
        else:
            points.sheet = page.name
            cycle = cells[start - 1] if len(cells) >= start else ""
            for at, place in enumerate(places, start=start):
                if place:
                    value = cells[at] if at < len(cells) else ""
                    points.add((place, known.get(_place(place), unknown)), cycle, value, row=number)
    return kind


def dye_of(name: str) -> str | None:
    """Dye that a file of curves has at the end of its name.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str or None
        None if it has none.

    Examples
    --------
    >>> dye_of("exp -  Quantification Amplification Results_SYBR.csv")
    'SYBR'
    """
    found = _DYE_OF.search(name)
    return found[1] if found else None


def _place(text: str) -> str:
    try:
        return plate_position(text.strip())
    except CellError:
        return text


def _dye(reading: Reading, pages: Sequence[Page]) -> str:
    """Dye of a table of curves that stands alone: the ending of its file name, which CFX writes."""
    return dye_of(reading.stem) or (pages[0].name or _UNNAMED)


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of a CFX export.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    pages : sequence of Page
        The text, the sheets of the workbook, or the rows of the XML document.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    wells = _wells(pages)
    points = Points()
    kinds = {_curves(page, wells, points) for page in pages}
    if not wells and not points.curves and "temperature" in kinds:
        raise refused(
            reading.file,
            "instrument.melt_curve",
            value="melting curves only",
            expected="a Cq or an amplification curve",
            advice="Export the Quantification Cq Results and Amplification Results of the run.",
        )
    if not wells:
        dye = _dye(reading, pages)
        wells = [RawWell(position=position, dye=target or dye) for position, target in points.curves]
    reading.stem = _RESULTS_OF.sub("", reading.stem) or reading.stem
    return content(reading, RawRun(), wells, points)
