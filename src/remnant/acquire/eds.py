"""Applied Biosystems experiment documents (.eds), a zip of XML and text, or of JSON in specification 2.

Read are the results of the instrument's own analysis: Cq, Rn curves, plate setup, run time. Without an
analysis the multicomponent signal of each target's reporter stands for the curve (specification 2), divided by
that of the passive reference where every well has one, as the instrument's Rn is. A Ct equal to the number of cycles is how the analysis writes "undetermined". Times are milliseconds since 1970;
the run date is their day in UTC. Raw images and quant files are not read.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, Final

from lxml import etree

from remnant.acquire.archive import unpack
from remnant.acquire.instrument import InstrumentContent, RawRun, RawWell, content
from remnant.acquire.instrument_curves import Points
from remnant.acquire.instrument_reading import Reading, refused
from remnant.acquire.limits import size
from remnant.acquire.safe_xml import parse

__all__ = ["FORMAT", "read", "recognises"]

FORMAT: Final = "eds"

_SDS: Final = "apldbio/sds/"
_SETUP: Final = "setup/plate_setup.json"
_OMITTED: Final = "omitted in the instrument's software"
_PLATES: Final = (384, 96, 48)


def recognises(names: list[str]) -> bool:
    """Whether the members of a zip file are those of an experiment document.

    Parameters
    ----------
    names : list of str
        Members.

    Returns
    -------
    bool
        True for either layout.
    """
    return f"{_SDS}experiment.xml" in names or _SETUP in names


def _bytes(reading: Reading, archive: zipfile.ZipFile, member: str) -> bytes | None:
    """One member, None if it is missing."""
    if member not in archive.namelist():
        return None
    limit = size("instrument_member_bytes")
    if archive.getinfo(member).file_size > limit:
        raise refused(
            reading.file,
            "instrument.size",
            value=f"{archive.getinfo(member).file_size:,} bytes in {member}",
            expected=f"at most {limit:,} bytes",
            advice="Export the results of the run as text or workbook.",
        )
    return unpack(reading.file, archive, member)


def _broken(reading: Reading, member: str, value: str) -> Exception:
    return refused(
        reading.file,
        "instrument.layout",
        value=f"{member}: {value}",
        expected="an experiment document as the instrument's software writes it",
        advice="Copy or save the file again, or export the results as text or workbook.",
    )


def _day(milliseconds: object) -> str:
    try:
        stamp = float(str(milliseconds)) / 1000
        return dt.datetime.fromtimestamp(stamp, dt.UTC).date().isoformat() if stamp > 0 else ""
    except (ValueError, OverflowError, OSError):
        return ""


# --- specification 1: XML and text ----------------------------------------------------------------------


def _xml(reading: Reading, archive: zipfile.ZipFile, member: str) -> etree._Element | None:
    data = _bytes(reading, archive, _SDS + member)
    return None if data is None else parse(reading.file, data)


def _text(element: etree._Element | None, path: str) -> str:
    return "" if element is None else (element.findtext(path) or "").strip()


def _run_of_xml(experiment: etree._Element | None) -> RawRun:
    info = {
        str(value.get("key")): _text(value, "String")
        for value in ([] if experiment is None else experiment.iter("PropertyValue"))
    }
    return RawRun(
        name=_text(experiment, "Name"),
        ended=_day(_text(experiment, "RunEndTime")),
        instrument=info.get("instrumentType", "") or _text(experiment, "InstrumentTypeId"),
        serial=info.get("instrumentSerialNumber", ""),
        operator=_text(experiment, "Operator"),
        chemistry=_text(experiment, "ChemistryType"),
    )


def _tasks(setup: etree._Element | None) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Task, given quantity and reporter by well index and target."""
    found: dict[tuple[str, str], tuple[str, str, str]] = {}
    for value in [] if setup is None else setup.iter("FeatureValue"):
        index = _text(value, "Index")
        for task in value.iter("DetectorTask"):
            found[index, _text(task, "Detector/Name")] = (
                _text(task, "Task"),
                _text(task, "Concentration"),
                _text(task, "Detector/Reporter"),
            )
    return found


def _omitted(setup: etree._Element | None) -> set[str]:
    """Indices of wells that the laboratory left out."""
    wells = [] if setup is None else list(setup.iter("Well"))
    return {_text(well, "Index") for well in wells if _text(well, "IsOmit").casefold() == "true"}


def _results(reading: Reading, data: bytes) -> Iterator[tuple[int, dict[str, str], list[str]]]:
    """Row, named cells and Rn values of each result of ``analysis_result.txt``."""
    names: list[str] = []
    held: tuple[int, dict[str, str]] | None = None
    rn: list[str] = []
    for number, line in enumerate(data.decode("utf-8", errors="replace").splitlines(), start=1):
        cells = line.split("\t")
        if cells[0] == "Well":
            names = [cell.strip() for cell in cells]
        elif cells[0] == "Rn values":
            rn = cells[1:]
        elif names and cells[0].strip().isdigit():
            if held:
                yield *held, rn
            held, rn = (number, dict(zip(names, cells, strict=False))), []
    if held:
        yield *held, rn
    elif not names:
        raise _broken(reading, "analysis_result.txt", "no header")


def _read_sds(reading: Reading, archive: zipfile.ZipFile) -> InstrumentContent:
    raw_run = _run_of_xml(_xml(reading, archive, "experiment.xml"))
    setup = _xml(reading, archive, "plate_setup.xml")
    tasks, omitted = _tasks(setup), _omitted(setup)
    rows, columns = _text(setup, "Rows"), _text(setup, "Columns")
    reading.plate_wells = _plate(rows, columns)
    results = _bytes(reading, archive, f"{_SDS}analysis_result.txt")
    if results is None:
        raise refused(
            reading.file,
            "instrument.no_data",
            value="an experiment without the results of an analysis",
            expected="analysis_result.txt in the file",
            advice="Analyse the run in the instrument's software and save it, or export its results.",
        )
    wells: list[RawWell] = []
    points = Points()
    for number, cells, rn in _results(reading, results):
        index, target = cells["Well"].strip(), cells.get("Detector", "").strip()
        task, quantity, reporter = tasks.get((index, target), (cells.get("Task", ""), "", ""))
        position = str(int(index[:9]) + 1)
        wells.append(
            RawWell(
                sheet="analysis_result.txt",
                row=number,
                position=position,
                target=target,
                dye=reporter,
                sample=cells.get("Sample Name", ""),
                kind=task,
                cq=_ct(reading, cells.get("Ct", ""), len(rn)),
                quantity=quantity if task == "STANDARD" else "",
                excluded=_OMITTED if index in omitted else None,
            )
        )
        for cycle, value in enumerate(rn, start=1):
            points.add((position, target), str(cycle), value, row=number)
    return content(reading, raw_run, wells, points)


def _ct(reading: Reading, text: str, cycles: int) -> str:
    """Ct cell, ``Undetermined`` where it equals the number of cycles."""
    try:
        at_end = cycles > 0 and float(text) >= cycles
    except ValueError:
        return text
    reading.counts["cq_at_cycle_count"] += at_end
    return "Undetermined" if at_end else text


def _plate(rows: str, columns: str) -> int:
    if not (rows.isdigit() and columns.isdigit() and len(rows + columns) < 6):
        return _PLATES[1]
    wells = int(rows) * int(columns)
    return wells if wells in _PLATES else _PLATES[1]


# --- specification 2: JSON ------------------------------------------------------------------------------


def _json(reading: Reading, archive: zipfile.ZipFile, member: str) -> dict[str, Any]:
    data = _bytes(reading, archive, member)
    if data is None:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _broken(reading, member, "JSON that cannot be read") from error
    if not isinstance(found, dict):
        raise _broken(reading, member, "no JSON object")
    return found


def _list(holder: object, name: str) -> list[dict[str, Any]]:
    """Objects in a list of a JSON object, none if it is missing."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _string(holder: dict[str, Any], name: str) -> str:
    """Text or number of a JSON object as text; the instrument writes a bare NaN for nothing."""
    value = holder.get(name)
    if isinstance(value, bool | dict | list | None) or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)[:10_000]


def _index(holder: dict[str, Any]) -> str:
    value = holder.get("wellIndex", holder.get("index"))
    return str(value + 1) if isinstance(value, int) and not isinstance(value, bool) else ""


def _numbers(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    return [repr(number) if isinstance(number, int | float) else "" for number in value]


def _analysed(analysis: dict[str, Any], points: Points) -> dict[tuple[str, str], tuple[str, str, bool]]:
    """Cq, threshold and omission by place and target; their curves go to the points."""
    found: dict[tuple[str, str], tuple[str, str, bool]] = {}
    for well in _list(analysis, "wellResults"):
        for reaction in _list(well, "reactionResults"):
            amplified = reaction.get("amplificationResult")
            amplified = amplified if isinstance(amplified, dict) else {}
            key = (_index(well), _string(reaction, "targetName"))
            omitted = well.get("omitted") is True or reaction.get("omitted") is True
            found[key] = (_string(amplified, "cq"), _string(amplified, "ctThreshold"), omitted)
            for cycle, value in enumerate(_numbers(amplified.get("rn")), start=1):
                points.add(key, str(cycle), value)
    return found


def _signals(
    signals: dict[str, Any], dyes: dict[str, str], wells: list[RawWell], points: Points, *, passive: str
) -> bool:
    """Signal of each target's reporter, on the collection points of the longest stage; whether divided by the passive reference.

    Wells hold unequal amounts of the passive reference, so that raw signals cannot be compared between them; where
    one well lacks it none is divided, since a plate has one unit.
    """
    stages: dict[str, list[tuple[int, str]]] = {}
    for at, point in enumerate(_list(signals, "collectionPoints")):
        stages.setdefault(_string(point, "stage"), []).append((at, _string(point, "cycle")))
    cycles = max(stages.values(), key=len, default=[])
    targets: dict[tuple[str, str], list[str]] = {}
    for raw in wells:
        targets.setdefault((raw.position, dyes.get(raw.target, "")), []).append(raw.target)
    held = {
        _index(well): {_string(dye, "dyeName"): dye.get("fluorescences") for dye in _list(well, "dyeData")}
        for well in _list(signals, "wellData")
    }
    read = [key for key in targets if key[1] in held.get(key[0], {})]
    divided = bool(passive and read) and all(
        _divides(held[place].get(passive), [at for at, _ in cycles]) for place, _ in read
    )
    for place, dye in read:
        values = _numbers(held[place][dye])
        if divided:
            values = _normalised(held[place][dye], held[place][passive])
        for target in targets[place, dye]:
            for at, cycle in cycles:
                points.add((place, target), cycle, values[at] if at < len(values) else "")
    return divided


def _divides(passive: object, places: Sequence[int]) -> bool:
    """Whether the passive reference has a signal above zero at every collection point."""
    if not isinstance(passive, list):
        return False
    known = [passive[at] for at in places if at < len(passive)]
    return len(known) == len(places) and all(
        isinstance(value, int | float) and math.isfinite(value) and value > 0 for value in known
    )


def _normalised(reporter: object, passive: object) -> list[str]:
    """Reporter over passive reference, Rn."""
    if not isinstance(reporter, list) or not isinstance(passive, list):
        return []
    return [
        repr(signal / under)
        if isinstance(signal, int | float) and isinstance(under, int | float) and under
        else ""
        for signal, under in zip(reporter, passive, strict=False)
    ]


def _read_json(reading: Reading, archive: zipfile.ZipFile) -> InstrumentContent:
    setup = _json(reading, archive, _SETUP)
    summary, run = _json(reading, archive, "summary.json"), _json(reading, archive, "run/run_summary.json")
    points = Points()
    analysed = _analysed(_json(reading, archive, "primary/analysis_result.json"), points)
    block = "".join(character for character in _string(setup, "blockType") if character.isdigit())
    reading.plate_wells = int(block) if block in map(str, _PLATES) else _PLATES[1]
    dyes = {_string(target, "name"): _string(target, "reporter") for target in _list(setup, "targets")}
    wells = []
    for well in _list(setup, "wells"):
        for assigned in _list(well, "targetAssignments"):
            key = (_index(well), _string(assigned, "targetName"))
            cq, threshold, omitted = analysed.get(key, (None, "", False))
            wells.append(
                RawWell(
                    sheet=_SETUP,
                    position=key[0],
                    target=key[1],
                    dye=dyes.get(key[1], ""),
                    sample=_string(well, "sampleName"),
                    kind=_string(assigned, "task"),
                    cq=cq,
                    quantity=_string(assigned, "quantity") if assigned.get("task") == "STANDARD" else "",
                    excluded=_OMITTED if omitted else None,
                    threshold=threshold,
                )
            )
    passive = _string(setup, "passiveReference")
    if not points.curves:
        signals = _json(reading, archive, "primary/multicomponent_data.json")
        divided = _signals(signals, dyes, wells, points, passive=passive)
        if points.curves and not divided:
            reading.counts["raw_signals"] += 1
        passive = passive if divided else ""
    raw_run = RawRun(
        name=_string(summary, "name"),
        ended=_day(run.get("endTime")),
        instrument=_string(summary, "instrumentType"),
        serial=_string(run, "instrumentSerialNumber"),
        operator=_string(run, "operator"),
        passive_reference=passive,
    )
    return content(reading, raw_run, wells, points)


def read(reading: Reading, archive: zipfile.ZipFile) -> InstrumentContent:
    """Records of an experiment document.

    Parameters
    ----------
    reading : Reading
        Empty, for this file.
    archive : zipfile.ZipFile
        The document, opened.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    if _SETUP in archive.namelist():
        return _read_json(reading, archive)
    return _read_sds(reading, archive)
