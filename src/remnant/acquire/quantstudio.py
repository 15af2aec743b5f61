"""Applied Biosystems: QuantStudio and ViiA 7 text, Design & Analysis workbooks, 7500 and StepOne workbooks, SDS 2 text.

All share one grammar: settings (``* Key = Value`` or two cells), then tables, each behind ``[Section]`` or
on a sheet of its own. What a table is is told by its columns: ``CT`` / ``Cт`` (with a Cyrillic т) / ``Cq`` /
``CRT`` makes results, ``Cycle`` beside ``Rn`` curves. Raw data of filters and melting curves are not read,
multicomponent data only where there is no Rn (`quantstudio_signals`). The curves are Rn, divided by the passive
reference, not baseline-corrected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_cells import NOT_STARTED, cq_word, text_of
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.instrument_tables import Header, folded, header_of, is_blank, may_be_header
from remnant.acquire.pages import Page
from remnant.acquire.quantstudio_signals import Signals, add_curves
from remnant.acquire.sheet import Row

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "applied biosystems"

_SETTING: Final = re.compile(r"[*#]\s*(.+?)\s*[=:]\s*(.*)")
_SECTION: Final = re.compile(r"\[(.+)\]")
_SECTIONS: Final = frozenset({"results", "samplesetup", "amplificationdata", "rawdata", "multicomponentdata"})
_TOLD_BY: Final = frozenset(
    {
        "blocktype",
        "instrumenttype",
        "experimentrunendtime",
        "experimenttype",
        "passivereference",
        "quantificationcyclemethod",
    }
)
_BLOCK: Final = re.compile(r"(?<![0-9])(384|96|48)(?![0-9])")
_CQ: Final = ("ct", "cq", "crt")
_BODY: Final = frozenset(
    {
        *_CQ,
        "cycle",
        "cyclenumber",
        "task",
        "targetname",
        "target",
        "samplename",
        "sample",
        "reading",
        "snpassayname",
    }
)
_OMITTED: Final = "omitted in the instrument's software"
_ONCE: Final = (*_CQ, "targetname", "target", "samplename", "sample", "task", "quantity", "omit")


@dataclass(slots=True)
class _Tables:
    """What the tables of an export gave."""

    settings: dict[str, str] = field(default_factory=dict)
    wells: list[RawWell] = field(default_factory=list)
    quantities: dict[tuple[str, str], str] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    signals: Signals = field(default_factory=Signals)
    planned: list[RawWell] = field(default_factory=list)
    alleles: dict[str, tuple[str, str]] = field(default_factory=dict)
    numbered: dict[str, str] = field(default_factory=dict)
    results: Header | None = None
    seen: set[str] = field(default_factory=set)


def _setting(cells: Sequence[str]) -> tuple[str, str] | None:
    """Key and value of a row of settings."""
    if not cells:
        return None
    written = _SETTING.match(cells[0].strip())
    if written:
        return fold(written[1]), written[2]
    return (fold(cells[0]), cells[1].strip()) if len(cells) > 1 and cells[0].strip() else None


def recognises(heads: Sequence[Sequence[Row]]) -> bool:
    """Whether the first rows are of such an export.

    Parameters
    ----------
    heads : sequence of sequence of Row
        First rows of each page.

    Returns
    -------
    bool
        True if two of the settings stand there, a section, or the version of SDS.
    """
    for head in heads:
        told = set()
        for _, cells in head:
            first = cells[0].strip() if cells else ""
            section = _SECTION.fullmatch(first)
            if (section and fold(section[1]) in _SECTIONS) or first.startswith("SDS 2"):
                return True
            setting = _setting(cells)
            told |= {setting[0]} & _TOLD_BY if setting else set()
        if len(told) > 1:
            return True
    return False


def _is_header(names: list[str]) -> bool:
    return bool({"well", "wellposition"} & set(names)) and len(_BODY & set(names)) > 0 and len(names) > 2


def _position(header: Header, cells: list[str]) -> str:
    return header.cell(cells, "wellposition") or header.cell(cells, "well")


def _excluded(reading: Reading, header: Header, number: int, cells: list[str]) -> str | None:
    omitted = reading.flag(header.cell(cells, "omit"), "Omit", sheet=header.sheet, row=number)
    return _OMITTED if omitted else None


def _contradicts(header: Header, cells: list[str]) -> bool:
    """Whether a row has a Cq, and says beside it that nothing amplified."""
    cq = header.cell(cells, *_CQ)
    return bool(cq) and not cq_word(cq) and fold(header.cell(cells, "ampstatus")) == "noamp"


def _result(reading: Reading, header: Header, number: int, cells: list[str]) -> RawWell:
    twice = header.contradicted(cells, *_ONCE)
    if twice is not None:
        reading.refuse(
            "instrument.column_twice",
            "one value where a column stands twice",
            "Export again with each column once.",
            sheet=header.sheet,
            row=number,
            column=twice,
        )
    return RawWell(
        sheet=header.sheet,
        row=number,
        position=_position(header, cells),
        target=header.cell(cells, "target", "targetname", "detectorname", "detector"),
        dye=header.cell(cells, "reporter", "dye"),
        sample=header.cell(cells, "sample", "samplename"),
        kind=header.cell(cells, "task"),
        cq=header.cell(cells, *_CQ),
        quantity=header.cell(cells, "quantity", "qty"),
        excluded=_excluded(reading, header, number, cells),
        threshold=header.cell(cells, "ctthreshold", "crtthreshold", "cqthreshold", "threshold"),
        last_cycle=header.cell(cells, "baselineend"),
    )


def _alleles(reading: Reading, held: _Tables, header: Header, row: Row) -> list[RawWell]:
    """Both alleles of a genotyping assay, each a target."""
    number, cells = row
    assay = header.cell(cells, "snpassayname", "snpassay")
    names = held.alleles.get(assay, ("Allele 1", "Allele 2"))
    return [
        RawWell(
            sheet=header.sheet,
            row=number,
            position=_position(header, cells),
            target=f"{assay}-{name}" if assay else "",
            sample=header.cell(cells, "samplename", "sample"),
            kind=header.cell(cells, "task"),
            cq=header.cell(cells, f"allele{at}ct"),
            excluded=_excluded(reading, header, number, cells),
            threshold=header.cell(cells, f"allele{at}ctthreshold"),
            last_cycle=header.cell(cells, f"allele{at}baselineend"),
        )
        for at, name in enumerate(names, start=1)
    ]


def _take(reading: Reading, held: _Tables, header: Header, row: Row) -> None:
    """Row of a table."""
    number, cells = row
    well, position = header.cell(cells, "well"), header.cell(cells, "wellposition")
    if well and position:
        held.numbered.setdefault(well.removesuffix(".0"), position)
    if header.has(*_CQ):
        if held.results is None:
            held.results = header
        if held.results is header:
            reading.counts["no_tasks"] += not header.has("task")
            reading.counts["cq_without_amplification"] += _contradicts(header, cells)
            held.wells.append(_result(reading, header, number, cells))
        elif header.has("quantity"):
            target = header.cell(cells, "target", "targetname")
            held.quantities[position or well, target] = header.cell(cells, "quantity")
    elif header.has("allele1ct"):
        held.wells += _alleles(reading, held, header, row)
    elif header.has("rn") and header.has("cycle", "cyclenumber"):
        held.points.sheet = header.sheet
        held.points.add(
            (_position(header, cells), header.cell(cells, "target", "targetname")),
            header.cell(cells, "cycle", "cyclenumber"),
            header.cell(cells, "rn"),
            row=number,
        )
    else:
        if fold(header.sheet or "") == "results" and header.has("task"):
            reading.counts["results_without_cq"] += 1
        _take_beside(reading, held, header, row)


def _take_beside(reading: Reading, held: _Tables, header: Header, row: Row) -> None:
    """Row of a table beside results and curves: signals of dyes, the plan of the plate, names of alleles."""
    number, cells = row
    if Signals.told_by(header):
        if not held.points.total:
            held.signals.add(header, _position(header, cells), cells)
    elif header.has("reporter") and header.has("target", "targetname"):
        held.planned.append(_result(reading, header, number, cells))
    elif header.has("allele1name"):
        names = (header.cell(cells, "allele1name"), header.cell(cells, "allele2name"))
        if all(names):
            held.alleles[header.cell(cells, "snpassayname")] = names


def _walk(reading: Reading, page: Page, held: _Tables) -> None:
    """Settings and tables of one page."""
    header: Header | None = None
    section = page.name
    for number, cells in page.rows():
        first = cells[0].strip() if cells else ""
        marked = _SECTION.fullmatch(first)
        if marked or is_blank(cells):
            header, section = None, marked[1] if marked else section
        elif header is not None:
            _take(reading, held, header, (number, cells))
        elif may_be_header(cells) and _is_header(names := folded(cells)):
            header = header_of(section, number, cells)
            held.seen |= set(names)
        else:
            setting = _setting(cells)
            if setting:
                held.settings.setdefault(*setting)


def _plate(held: _Tables) -> int | None:
    """Wells of the block: as told, or as the pairs of number and place show."""
    told = _BLOCK.search(held.settings.get("blocktype", ""))
    if told:
        return int(told[1])
    for wells, columns in ((96, 12), (384, 24), (48, 8)):
        pairs = held.numbered.items()
        if pairs and all(
            number.isascii()
            and number.isdigit()
            and len(number) < 4
            and position.upper()
            == f"{chr(65 + (int(number) - 1) // columns)}{(int(number) - 1) % columns + 1}"
            for number, position in pairs
        ):
            return wells
    return None


def _first(settings: dict[str, str], *names: str) -> str:
    return next((settings[name] for name in names if text_of(settings.get(name, ""))), "")


def _raw_run(settings: dict[str, str]) -> RawRun:
    return RawRun(
        name=_first(settings, "experimentname", "experimentfilename", "filename"),
        ended=_first(
            settings,
            "experimentrunendtime",
            "runenddatetime",
            "runenddatatime",
            "runstartdatetime",
            "rundatetime",
        ),
        instrument=_first(settings, "instrumenttype"),
        serial=_first(settings, "instrumentserialnumber"),
        operator=_first(settings, "experimentusername", "username", "operator"),
        chemistry=_first(settings, "chemistry"),
        passive_reference=_first(settings, "passivereference"),
    )


def _refuse_without_cq(reading: Reading, held: _Tables) -> None:
    """Say why an export has neither Cq nor curves, where its tables tell."""
    if held.wells or held.points.curves:
        return
    if {"call", "allele1", "allele1deltarn"} & held.seen:
        raise refused(
            reading.file,
            "instrument.genotyping",
            value="results of a genotyping run without Cq",
            expected="a Cq or an amplification curve",
            advice="A genotype measures no quantity; export a quantification run.",
        )
    if "temperature" in held.seen:
        raise refused(
            reading.file,
            "instrument.melt_curve",
            value="melting curves only",
            expected="a Cq or an amplification curve",
            advice="Export the results and the amplification data of the run.",
        )
    if held.seen and not held.seen & {*_CQ, "rn"} and fold(_raw_run(held.settings).ended) != NOT_STARTED:
        raise refused(
            reading.file,
            "instrument.no_wells",
            value="tables without a column CT, Cq, CRT or Rn",
            expected="a table of results with its Ct, or amplification data",
            advice="Export the results of the run with every column, and the amplification data with them.",
        )


def read(reading: Reading, pages: Sequence[Page]) -> InstrumentContent:
    """Records of an Applied Biosystems export.

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
    held = _Tables()
    for page in pages:
        _walk(reading, page, held)
    reading.plate_wells = _plate(held)
    settings = _raw_run(held.settings)
    if not held.points.total and held.signals.stages:
        wells = held.wells or [raw for raw in held.planned if raw.target]
        divided = add_curves(
            held.signals, wells, held.points, passive=settings.passive_reference, numbered=held.numbered
        )
        if divided is not None:
            held.wells = wells
            reading.counts["from_multicomponent"] = sum(
                bool(curve.cycles) for curve in held.points.curves.values()
            )
            reading.counts["raw_signals"] = not divided
            settings = settings if divided else replace(settings, passive_reference="")
    _refuse_without_cq(reading, held)
    wells = [
        replace(raw, quantity=held.quantities.get((raw.position, raw.target), ""))
        if not raw.quantity and held.quantities
        else raw
        for raw in held.wells
    ]
    return content(reading, settings, wells, held.points)
