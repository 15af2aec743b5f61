"""Wells and curves of an instrument export, whatever the instrument.

The readers of the formats gather `RawWell` and `Points` as text; here they become records. Nothing is
interpreted: the Cq stays the instrument's, a well kind its word, a quantity beside anything but a standard
is its result and is not read. A file without Cq is taken for its curves, with a finding; one that measured
nothing is refused with the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from remnant.acquire.aliases import fold, is_blank_name
from remnant.acquire.cells import CellError, means_copies, plate_position
from remnant.acquire.instrument_cells import (
    NOT_IN_USE,
    NOT_STARTED,
    WELL_KINDS,
    cq_word,
    decimal_sign,
    number,
    run_day,
    text_of,
    well_kind,
)
from remnant.acquire.instrument_curves import Points, read_curves
from remnant.acquire.instrument_notes import write_notes
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.limits import range_of, size
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.records.finding import Finding, Problem
from remnant.records.run import Curves, Run, Well, WellKind

__all__ = ["InstrumentContent", "RawRun", "RawWell", "content"]

_COLUMNS_OF_PLATE: Final = {384: 24, 96: 12, 48: 8}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentContent:
    """Records of one export.

    Attributes
    ----------
    format : str
        For example ``"cfx"``.
    runs : tuple of Run
        The run.
    wells : tuple of Well
        One a reaction and target.
    curves : tuple of Curves
        One for all curves of the file, if it holds any.
    findings : tuple of Finding
        What was noticed.
    """

    format: str
    runs: tuple[Run, ...]
    wells: tuple[Well, ...]
    curves: tuple[Curves, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRun:
    """What an export says of its run, as text.

    Attributes
    ----------
    name : str
        Experiment or file name of the instrument, folders before it allowed; empty if there is none.
    ended : str
        Date and time; empty if there is none.
    instrument, serial, operator, chemistry : str
        As written.
    passive_reference : str
        Dye by which the curves are divided; empty if there is none.
    """

    name: str = ""
    ended: str = ""
    instrument: str = ""
    serial: str = ""
    operator: str = ""
    chemistry: str = ""
    passive_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawWell:
    """One result of an export, as text.

    Attributes
    ----------
    sheet : str or None
        Sheet or section.
    row : int or None
        Row in it.
    position : str
        Place, or number of the well or tube.
    target, dye : str
        Target; the dye stands in for a target that has no name.
    sample, kind : str
        As written.
    cq : str or None
        Cq cell; None where the export stores none.
    quantity : str
        Quantity cell.
    unit : str or None
        Unit of the quantity, from its header; None where the export names none.
    excluded : str or None
        Reason for which the laboratory left the well out.
    threshold : str
        Threshold of the Cq.
    last_cycle : str
        A cycle that the run reached: the end of the baseline.
    """

    sheet: str | None = None
    row: int | None = None
    position: str
    target: str = ""
    dye: str = ""
    sample: str = ""
    kind: str = ""
    cq: str | None = None
    quantity: str = ""
    unit: str | None = None
    excluded: str | None = None
    threshold: str = ""
    last_cycle: str = ""

    @property
    def place(self) -> dict[str, Any]:
        """Sheet and row, for problems.

        Returns
        -------
        dict
            Fields of a `Problem`.
        """
        return {"sheet": self.sheet, "row": self.row}


def _row_letters(row: int) -> str:
    return _LETTERS[row] if row < len(_LETTERS) else _row_letters(row // 26 - 1) + _LETTERS[row % 26]


def _place(text: str, plate_wells: int | None) -> str:
    """Place of a well, from its name or its number on the block."""
    text = text.strip().removesuffix(".0")
    columns = _COLUMNS_OF_PLATE.get(plate_wells or 0)
    if columns is None or not (text.isascii() and text.isdigit()):
        return plate_position(text)
    if not (len(text) < 5 and 1 <= int(text) <= (plate_wells or 0)):
        raise CellError(
            code="instrument.position",
            expected=f"a well from 1 to {plate_wells}",
            advice="Check the block type in the export.",
        )
    row, column = divmod(int(text) - 1, columns)
    return plate_position(f"{_row_letters(row)}{column + 1}")


def _position(reading: Reading, raw: RawWell) -> str:
    try:
        return _place(raw.position, reading.plate_wells)
    except CellError as error:
        reading.refuse(
            "instrument.position",
            error.expected,
            "Export the file again; it may have been cut here.",
            column="well",
            value=raw.position[:100] or None,
            **raw.place,
        )
        return raw.position


def _cq(reading: Reading, raw: RawWell) -> tuple[bool | None, float | None]:
    """Whether detected, and the Cq."""
    if raw.cq is None:
        return None, None
    text = raw.cq.strip()
    if not text:
        return (False, None) if reading.empty_is_negative and raw.excluded is None else (None, None)
    if cq_word(text):
        return False, None
    bounds = range_of("cq")
    try:
        value = number(text, reading.sign)
    except CellError:
        value = float("nan")
    if bounds is None or value not in bounds:
        reading.refuse(
            "instrument.cq",
            f"a Cq {bounds}, or a word for none such as Undetermined",
            "Export the file again.",
            column="Cq",
            value=text[:100],
            **raw.place,
        )
        return None, None
    return True, value


def _kind(reading: Reading, raw: RawWell) -> WellKind:
    kind = well_kind(raw.kind)
    if kind is None:
        reading.refuse(
            "instrument.well_kind",
            "one of " + ", ".join(WELL_KINDS),
            "Correct the type of the well in the instrument's software and export again.",
            column="type of the well",
            value=raw.kind[:100],
            **raw.place,
        )
        return "unknown"
    return kind


def _standard_copies(reading: Reading, raw: RawWell) -> float | None:
    """Copies of a standard; None with a finding where there are none in copies."""
    text = raw.quantity.strip()
    if text.casefold() in {"", "-", "nan", "n/a"}:
        reading.counts["standard_without_quantity"] += 1
        return None
    bounds = range_of("standard_copies")
    try:
        value = number(text, reading.sign)
    except CellError as error:
        reading.refuse(
            "instrument.quantity",
            error.expected,
            "Correct the quantity of the standard and export again.",
            column="quantity",
            value=text[:100],
            **raw.place,
        )
        return None
    if value in {0.0, -1.0}:
        reading.counts["standard_without_quantity"] += 1
        return None
    if bounds is None or value not in bounds:
        reading.refuse(
            "instrument.quantity",
            f"a number {bounds}",
            "Correct the quantity of the standard and export again.",
            column="quantity",
            value=text[:100],
            **raw.place,
        )
        return None
    if raw.unit is None:
        reading.counts["standard_unit_assumed"] += 1
    elif not means_copies(raw.unit):
        reading.counts[f"standard_unit {raw.unit}"] += 1
        return None
    return value


def _sample(reading: Reading, raw: RawWell, kind: WellKind, position: str) -> str:
    sample = raw.sample.strip()
    if len(sample) > size("text_characters") or len(raw.target) > size("text_characters"):
        reading.refuse(
            "cell.text_length",
            f"at most {size('text_characters'):,} characters",
            "Shorten the name.",
            column="sample or target",
            value=sample[:100],
            **raw.place,
        )
    if sample:
        return sample
    if kind in {"unknown", "calibrator", "positive_control"}:
        reading.counts["sample_unnamed"] += 1
        return f"well {position}"
    reading.counts["control_named"] += 1
    return {"ntc": "NTC", "standard": "STD"}.get(kind, kind)


def _target(reading: Reading, raw: RawWell) -> str:
    target = raw.target.strip()
    if target:
        return target
    dye = text_of(raw.dye)
    if dye is None:
        reading.refuse(
            "instrument.target",
            "a target or a dye for each well with a result",
            "Name the target in the instrument's software and export again.",
            column="target",
            **raw.place,
        )
        return ""
    reading.counts["target_named_after_dye"] += 1
    return dye


def _well(reading: Reading, run: str, raw: RawWell) -> Well:
    position = _position(reading, raw)
    detected, cq = _cq(reading, raw)
    kind = _kind(reading, raw)
    if kind == "unknown" and is_blank_name(raw.sample):
        kind = "ntc"
        reading.counts["blank_by_name"] += 1
    copies = _standard_copies(reading, raw) if kind == "standard" else None
    if kind != "standard" and any("1" <= character <= "9" for character in raw.quantity):
        reading.counts["quantity_not_read"] += 1
    return Well(
        run_id=run,
        position=position,
        target=_target(reading, raw),
        sample=_sample(reading, raw, kind, position),
        kind=kind,
        detected=detected,
        cq=cq,
        standard_copies=copies,
        excluded=raw.excluded,
    )


def _empty(reading: Reading, raw: RawWell) -> bool:
    """Whether a row stands for a well that holds nothing."""
    if fold(raw.kind) in NOT_IN_USE and not (raw.cq or "").strip():
        reading.counts["empty_wells"] += 1
        return True
    if raw.cq is None and (raw.dye or raw.target):
        return False
    if (raw.sample + raw.target + (raw.cq or "")).strip() or fold(raw.kind) not in {"", "unknown"}:
        return False
    reading.counts["empty_wells"] += 1
    return True


def _check_twice(reading: Reading, wells: list[Well], raws: list[RawWell]) -> None:
    seen: dict[tuple[str, str], int | None] = {}
    for well, raw in zip(wells, raws, strict=True):
        key = (well.position, well.target)
        if key in seen:
            earlier = f" (first in row {seen[key]})" if seen[key] is not None else ""
            reading.refuse(
                "instrument.well_twice",
                "each target of a well once",
                "Export one run only, without merging plates.",
                column="well",
                value=f"{well.position}, {well.target[:100]}{earlier}",
                **raw.place,
            )
        seen.setdefault(key, raw.row)


def _threshold(reading: Reading, raws: Iterable[RawWell]) -> float | None:
    """The one threshold of the run; None if it has none or several."""
    bounds = range_of("threshold")
    values = set()
    for text in {raw.threshold.strip() for raw in raws}:
        try:
            value = number(text, reading.sign)
        except CellError:
            continue
        if bounds is not None and value in bounds:
            values.add(value)
    if len(values) > 1:
        reading.counts["thresholds"] = len(values)
    return values.pop() if len(values) == 1 else None


def _run_name(reading: Reading, raw: RawRun) -> str:
    name = (text_of(raw.name) or "").replace("\\", "/").rpartition("/")[2]
    for ending in (".eds", ".rex", ".pcrd", ".mxp"):
        name = name.removesuffix(ending)
    name = name.strip()[: size("text_characters")]
    if not name:
        reading.counts["named_after_file"] += 1
    return name or reading.stem


def _run(reading: Reading, raw: RawRun, run_id: str, **fields: Any) -> Run:
    day = run_day(raw.ended)
    if raw.ended.strip() and day is None and fold(raw.ended) != NOT_STARTED:
        reading.counts["run_date"] += 1
        reading.note(
            "instrument.run_date",
            f"The run date {raw.ended[:40]!r} was not read.",
            needed="a day of which nobody can exchange day and month, on a clock that was set",
            advice="Give the date of the run in the run sheet.",
        )
    return Run(
        run_id=run_id,
        run_on=day,
        instrument=text_of(raw.instrument),
        serial=text_of(raw.serial),
        operator=text_of(raw.operator),
        chemistry=text_of(raw.chemistry),
        **fields,
    )


def _check_measured(reading: Reading, wells: list[Well], curves: Curves | None, raw: RawRun) -> None:
    """Refuse an export that measured nothing."""
    if reading.problems or any(well.detected is not None for well in wells) or (wells and curves):
        return
    if fold(raw.ended) == NOT_STARTED:
        reading.refuse(
            "instrument.not_run",
            "a run that has finished",
            "Export the run after it has finished.",
            value="a run that has not started",
        )
    elif not wells:
        reading.refuse(
            "instrument.no_wells",
            "at least one well with a target and a result",
            "Export the results of the run, and the amplification data with them.",
        )
    else:
        reading.refuse(
            "instrument.no_data",
            "a Cq or an amplification curve",
            "Export the results of the run after its analysis.",
            value=f"{len(wells)} wells without either",
        )


def _cycles(reading: Reading, raws: list[RawWell], wells: list[Well], curves: Curves) -> int | None:
    """Number of cycles: where the curves end, unless a Cq or a baseline lies behind it."""
    reached = [well.cq for well in wells if well.cq is not None]
    for text in {raw.last_cycle for raw in raws} - {""}:
        with contextlib.suppress(CellError):
            reached.append(number(text, reading.sign))
    cycles = int(curves.cycles[-1])
    if max(reached, default=0.0) > cycles:
        reading.counts["curves_cut"] = cycles
        return None
    return cycles


def _with_curves_only(raws: list[RawWell], points: Points) -> list[RawWell]:
    """Wells of an export that holds curves and no results."""
    return raws or [RawWell(position=position, target=target) for position, target in points.curves]


def content(
    reading: Reading, raw_run: RawRun, raw_wells: list[RawWell], points: Points | None = None
) -> InstrumentContent:
    """Records of an export.

    Parameters
    ----------
    reading : Reading
        Gathered so far.
    raw_run : RawRun
        The run.
    raw_wells : list of RawWell
        Results in the order of the file.
    points : Points or None, default None
        Amplification curves.

    Returns
    -------
    InstrumentContent
        Run, wells, curves and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    points = Points() if points is None else points
    raws = [raw for raw in _with_curves_only(raw_wells, points) if not _empty(reading, raw)]
    try:
        reading.sign = decimal_sign((raw.cq or "" for raw in raws), points.texts())
    except CellError as error:
        reading.refuse(error.code, error.expected, error.advice, column="Cq")
    run_id = _run_name(reading, raw_run)
    wells = [_well(reading, run_id, raw) for raw in raws]
    _check_twice(reading, wells, raws)
    curves = read_curves(reading, run_id, wells, points, place=lambda text: _place(text, reading.plate_wells))
    _check_measured(reading, wells, curves, raw_run)
    cycles = None if curves is None else _cycles(reading, raws, wells, curves)
    run = _run(
        reading,
        raw_run,
        run_id,
        threshold=_threshold(reading, raws),
        cycles=cycles,
        source_sha256=reading.sha256,
    )
    if reading.problems:
        listed: list[Problem] = []
        unlisted = gather(reading.problems, listed)
        raise RefusedFileError(reading.file, listed, unlisted=unlisted)
    write_notes(reading, wells, curves, raw_run.passive_reference)
    return InstrumentContent(
        format=reading.format,
        runs=(run,),
        wells=tuple(wells),
        curves=() if curves is None else (curves,),
        findings=tuple(reading.findings),
    )
