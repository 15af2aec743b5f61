"""RDML 1.0 to 1.4: an instrument's runs with their Cq, their curves, or both.

A Cq of -1 or NaN means that amplification was looked for and not found. A missing Cq means that the file
stores none for this well. Copies of a standard are taken where their unit is copies; in another unit they
are left out with a finding, so that a standard curve in copies is impossible, and nothing is guessed.

References
----------
Lefever et al., RDML: structured language and reporting guidelines for real-time quantitative PCR data,
Nucleic Acids Research 37, 2065-2069 (2009).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from remnant.acquire.aliases import FALSE_WORDS, is_blank_name
from remnant.acquire.cells import CellError, plate_position
from remnant.acquire.limits import range_of
from remnant.acquire.rdml_curves import read_curves
from remnant.acquire.rdml_xml import Content, RawData, RawReact, RawRun, content
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.records.finding import Finding, Problem
from remnant.records.run import Curves, Run, Well, WellKind

__all__ = ["SAMPLE_TYPES", "VERSIONS", "RdmlContent", "read"]

VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3", "1.4")
SAMPLE_TYPES: Final[dict[str, WellKind]] = {
    "unkn": "unknown",
    "std": "standard",
    "ntc": "ntc",
    "nac": "negative_control",
    "ntp": "negative_control",
    "nrt": "no_rt",
    "pos": "positive_control",
    "opt": "calibrator",
}
_UNITS: Final = ("cop", "fold", "dil", "ng", "nMol", "other")
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T.*)?")
_NO_REASON: Final = "excluded without a reason"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class RdmlContent:
    """Records of one RDML file.

    Attributes
    ----------
    version : str
        ``"1.0"`` to ``"1.4"``.
    runs : tuple of Run
        Runs.
    wells : tuple of Well
        One a reaction and target.
    curves : tuple of Curves
        One for all curves of the file, if it holds any.
    findings : tuple of Finding
        What was noticed.
    """

    version: str
    runs: tuple[Run, ...]
    wells: tuple[Well, ...]
    curves: tuple[Curves, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Reading:
    """What is gathered while a file is read."""

    file: str
    content: Content
    problems: list[Problem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def refuse(self, code: str, expected: str, advice: str, **place: Any) -> None:
        self.problems.append(Problem(code=code, file=self.file, expected=expected, advice=advice, **place))

    def note(self, code: str, message: str, *, warning: bool = True, **more: str) -> None:
        self.findings.append(
            Finding(
                code=code,
                severity="warning" if warning else "note",
                subject=f"file {self.file}",
                message=message,
                **more,
            )
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _run_label(reading: _Reading, run: RawRun) -> str:
    """Run id: the run's own name, with its experiment's before it if the file has several."""
    runs = reading.content.runs
    return run.run_id if len(runs) == 1 else f"{run.experiment}/{run.run_id}"


def _row_letters(row: int) -> str:
    return _LETTERS[row] if row < len(_LETTERS) else _row_letters(row // 26 - 1) + _LETTERS[row % 26]


def _position(react_id: str, plate: dict[str, str]) -> str:
    """Place of a reaction; `CellError` if the plate has no such place."""
    rows, columns = (_whole(plate.get(name, "")) for name in ("rows", "columns"))
    number = _whole(react_id)
    if not rows or not columns or number is None:
        return plate_position(react_id)
    if not 1 <= number <= rows * columns:
        raise CellError(
            code="cell.well",
            expected=f"a number from 1 to {rows * columns}",
            advice="Check the plate format.",
        )
    if plate.get("rowLabel", "ABC") != "ABC" or plate.get("columnLabel", "123") != "123" or rows == 1:
        return str(number)
    row, column = divmod(number - 1, columns)
    return plate_position(f"{_row_letters(row)}{column + 1}")


def _cq(reading: _Reading, text: str | None, place: dict[str, Any]) -> tuple[bool | None, float | None]:
    """Whether detected, and the Cq."""
    if not text:
        return None, None
    value = _number(text)
    if value is not None and (math.isnan(value) or value == -1):
        return False, None
    bounds = range_of("cq")
    if value is None or (bounds is not None and value not in bounds):
        reading.counts["cq_refused"] += 1
        reading.refuse(
            "rdml.cq", f"a Cq {bounds}, -1 or NaN", "Export the file again.", column="cq", value=text, **place
        )
        return None, None
    return True, value


def _kind(reading: _Reading, sample: str, target: str, place: dict[str, Any]) -> WellKind:
    types = reading.content.samples[sample].types
    written = types.get(target, types.get(None))
    if written is None:
        reading.counts["type_missing"] += 1
        return "unknown"
    if written not in SAMPLE_TYPES:
        reading.refuse(
            "rdml.sample_type",
            "one of " + ", ".join(SAMPLE_TYPES),
            f"Correct the type of sample {sample}.",
            column="type",
            value=written,
            **place,
        )
        return "unknown"
    return SAMPLE_TYPES[written]


def _standard_copies(reading: _Reading, sample: str, target: str, place: dict[str, Any]) -> float | None:
    """Copies of a standard; None with a finding if there are none in copies."""
    quantities = reading.content.samples[sample].quantities
    value, unit = quantities.get(target, quantities.get(None, ("", "")))
    if not value:
        reading.counts["standard_without_quantity"] += 1
        return None
    copies, bounds = _number(value), range_of("standard_copies")
    if unit not in _UNITS:
        reading.refuse(
            "rdml.standard_unit_missing",
            "a unit, one of " + ", ".join(_UNITS),
            f"Give the quantity of sample {sample} its unit; it is never guessed.",
            column="unit",
            value=unit or None,
            **place,
        )
    elif copies is None or bounds is None or copies not in bounds:
        reading.refuse(
            "rdml.standard_quantity",
            f"a number {bounds}",
            f"Correct the quantity of sample {sample}.",
            column="quantity",
            value=value,
            **place,
        )
    elif unit != "cop":
        reading.counts[f"standard_unit {unit}"] += 1
    else:
        return copies
    return None


def _exclusion(text: str | None) -> str | None:
    if text is None or text.casefold() in FALSE_WORDS:
        return None
    return text or _NO_REASON


def _well(reading: _Reading, run: str, react: RawReact, data: RawData, *, position: str) -> Well:
    place = {"sheet": f"{run}, reaction {react.react_id}, target {data.target}"}
    detected, cq = _cq(reading, data.cq, place)
    sample = react.sample or ""
    kind: WellKind = "unknown"
    copies = None
    if sample in reading.content.samples:
        kind = _kind(reading, sample, data.target, place)
        if kind == "standard":
            copies = _standard_copies(reading, sample, data.target, place)
    if kind == "unknown" and is_blank_name(sample):
        kind = "ntc"
        reading.counts["blank_by_name"] += 1
    return Well(
        run_id=run,
        position=position,
        target=data.target,
        sample=sample,
        kind=kind,
        detected=detected,
        cq=cq,
        standard_copies=copies,
        excluded=_exclusion(data.excluded),
    )


def _reaction(
    reading: _Reading, run: str, react: RawReact, plate: dict[str, str]
) -> Iterator[tuple[Well, RawData]]:
    """Wells of one reaction."""
    place = {"sheet": f"{run}, reaction {react.react_id or '?'}"}
    if react.partitions:
        reading.counts["partitions"] += 1
    if not react.data:
        reading.counts["empty"] += 1
        return
    try:
        position = _position(react.react_id, plate)
    except CellError as error:
        reading.refuse("rdml.react_id", error.expected, error.advice, value=react.react_id, **place)
        position = react.react_id
    if not react.sample or react.sample not in reading.content.samples:
        reading.refuse(
            "rdml.sample",
            "a sample that the file defines",
            "Name the sample of the reaction in the instrument's software.",
            column="sample",
            value=react.sample or None,
            **place,
        )
    for data in react.data:
        if not data.target:
            reading.refuse(
                "rdml.target", "a target", "Name the target of the reaction.", column="tar", **place
            )
        yield _well(reading, run, react, data, position=position), data


def _threshold(reading: _Reading, run: str, data: list[RawData]) -> float | None:
    """The one threshold of a run; None if it has none or several."""
    bounds = range_of("threshold")
    numbers = {_number(text) for text in {item.threshold for item in data if item.threshold}}
    values = {value for value in numbers if value is not None and bounds is not None and value in bounds}
    if len(values) > 1:
        reading.note(
            "rdml.thresholds_differ",
            f"Run {run} has {len(values)} thresholds; none is kept with the run.",
            warning=False,
        )
    return values.pop() if len(values) == 1 else None


def _run_date(reading: _Reading, run: str, text: str) -> dt.date | None:
    found = _DATE.fullmatch(text)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(found[1] if found else text)
    except ValueError:
        reading.refuse(
            "rdml.run_date", "a date", "Correct it, or export again.", sheet=run, column="runDate", value=text
        )
        return None


def _last_cycles(curves: Curves | None) -> dict[str, int]:
    """Last cycle with a fluorescence, by run."""
    last: dict[str, int] = {}
    if curves is not None:
        for (run, _, _), row in zip(curves.wells, np.isfinite(curves.fluorescence), strict=True):
            if row.any():
                last[run] = max(last.get(run, 0), int(curves.cycles[row][-1]))
    return last


def _run_record(reading: _Reading, raw: RawRun, run: str, data: list[RawData], **fields: Any) -> Run:
    known = reading.content
    chemistries = {known.chemistries.get(known.targets.get(item.target, ""), "") for item in data} - {""}
    operators = [known.experimenters.get(name) or name for name in raw.experimenters]
    return Run(
        run_id=run,
        run_on=_run_date(reading, run, raw.texts.get("runDate", "")),
        instrument=raw.texts.get("instrument") or None,
        operator="; ".join(operators) or None,
        chemistry="; ".join(sorted(chemistries)) or None,
        threshold=_threshold(reading, run, data),
        **fields,
    )


def _check_document(reading: _Reading) -> None:
    found = reading.content
    if found.root != "rdml" or found.version not in VERSIONS:
        written = f"{found.root or 'another root element'} {found.version}".strip()
        reading.refuse(
            "rdml.version",
            "an RDML document of version " + ", ".join(VERSIONS),
            "Export the run as RDML.",
            value=written,
        )
    for name in found.samples_twice:
        if name:
            reading.refuse(
                "rdml.sample_twice", "each sample once", "Rename one of them.", column="sample", value=name
            )
        else:
            reading.refuse(
                "rdml.sample_id",
                "an id for each sample",
                "Name the samples in the instrument's software and export again.",
                column="sample",
                value="a sample without id",
            )
    labels = Counter(_run_label(reading, run) for run in found.runs)
    for label, count in labels.items():
        if count > 1 or not label.strip("/"):
            reading.refuse(
                "rdml.run_id",
                "a name for each run, each once",
                "Rename the run.",
                column="run",
                value=label or None,
            )


def _check_wells(reading: _Reading, wells: list[Well]) -> None:
    times = Counter((well.run_id, well.position, well.target) for well in wells)
    for (run, position, target), count in times.items():
        if count > 1:
            reading.refuse(
                "rdml.well_twice",
                "each target of a well once",
                "Export the run again, without merging plates.",
                sheet=run,
                column="react",
                value=f"{position}, {target}",
            )
    if not wells:
        digital = reading.counts["partitions"]
        reading.refuse(
            "rdml.no_wells",
            "at least one reaction with a target",
            "Digital PCR partitions are not read here."
            if digital
            else "Export the run after it has finished.",
            value=f"{digital} reactions with partitions only" if digital else None,
        )


def _check_content(reading: _Reading, wells: list[Well], curves: tuple[Curves, ...]) -> None:
    """Refuse a file that measured nothing; note one without Cq."""
    if not wells or reading.counts["cq_refused"] or any(well.detected is not None for well in wells):
        return
    if not curves:
        reading.refuse(
            "rdml.no_data",
            "a Cq or an amplification curve",
            "Export the run with its Cq; quantities computed elsewhere cannot stand for them.",
            value=f"{len(wells)} wells without either",
        )
        return
    reading.note(
        "rdml.no_cq",
        f"None of the {len(wells)} wells has a Cq; there are {len(curves[0].wells)} curves.",
        found="curves without Cq",
        needed="a Cq under the laboratory's threshold for each well",
        advice="Set the threshold in the instrument's software and export again.",
    )


def _notes(reading: _Reading, wells: list[Well], last: dict[str, int]) -> None:
    counts = reading.counts
    without = sum(well.detected is None for well in wells)
    if without and without < len(wells):
        reading.note(
            "rdml.cq_not_stored",
            f"{without} of {len(wells)} wells have no Cq in the file: not counted as not detected.",
        )
    at_end = sum(well.cq is not None and well.cq == last.get(well.run_id) for well in wells)
    if at_end:
        reading.note(
            "rdml.cq_at_last_cycle",
            f"{at_end} wells have a Cq equal to the last cycle, as some instruments write 'undetermined';"
            " they were read as detected.",
            advice="Compare these wells with the instrument's own table.",
        )
    if counts["blank_by_name"]:
        reading.note(
            "rdml.blank_by_name",
            f"{counts['blank_by_name']} wells are called unknown and named as no-template controls are: read as such.",
            warning=False,
        )
    if counts["type_missing"]:
        reading.note(
            "rdml.type_missing",
            f"{counts['type_missing']} wells hold samples without a type: read as unknowns.",
        )
    if counts["standard_without_quantity"]:
        reading.note(
            "rdml.standard_without_quantity",
            f"{counts['standard_without_quantity']} wells of standards have no quantity.",
        )
    for unit in _UNITS:
        if counts[f"standard_unit {unit}"]:
            reading.note(
                "rdml.standard_unit",
                f"{counts[f'standard_unit {unit}']} wells of standards have a quantity in the unit '{unit}',"
                " not in copies; it was not read.",
                found=unit,
                needed="cop",
                advice="Give the standards their copies in the instrument's software.",
            )
    undefined = sorted({well.target for well in wells} - reading.content.targets.keys())
    if undefined:
        reading.note(
            "rdml.target_undefined", "Targets that the file does not define: " + ", ".join(undefined) + "."
        )
    if counts["partitions"] and wells:
        reading.note(
            "rdml.partitions_not_read", f"{counts['partitions']} reactions have partitions (digital PCR)."
        )
    if counts["empty"]:
        reading.note("rdml.empty_reactions", f"{counts['empty']} reactions have no data.", warning=False)
    if reading.content.unread:
        names = ", ".join(sorted(reading.content.unread))
        reading.note("rdml.not_read", f"Elements of the wells that are not read: {names}.", warning=False)


def read(file: str, xml: bytes, source_sha256: str) -> RdmlContent:
    """Records of an RDML document.

    Parameters
    ----------
    file : str
        File name for messages.
    xml : bytes
        The document, unpacked.
    source_sha256 : str
        Hash of the file, kept with each run.

    Returns
    -------
    RdmlContent
        Runs, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    reading = _Reading(file, content(file, xml))
    _check_document(reading)
    pairs: list[tuple[Well, RawData]] = []
    of_run: dict[str, list[RawData]] = {}
    for raw in reading.content.runs:
        run = _run_label(reading, raw)
        found = [pair for react in raw.reacts for pair in _reaction(reading, run, react, raw.plate)]
        of_run[run] = [data for _, data in found]
        pairs += found
    wells = [well for well, _ in pairs]
    curves, problems = read_curves(file, pairs)
    reading.problems += problems
    _check_wells(reading, wells)
    _check_content(reading, wells, curves)
    last = _last_cycles(curves[0] if curves else None)
    runs = [
        _run_record(reading, raw, run, of_run[run], cycles=last.get(run), source_sha256=source_sha256)
        for raw in reading.content.runs
        for run in [_run_label(reading, raw)]
    ]
    if reading.problems:
        listed: list[Problem] = []
        unlisted = gather(reading.problems, listed)
        raise RefusedFileError(file, listed, unlisted=unlisted)
    _notes(reading, wells, last)
    return RdmlContent(
        version=reading.content.version,
        runs=tuple(runs),
        wells=tuple(wells),
        curves=curves,
        findings=tuple(reading.findings),
    )
