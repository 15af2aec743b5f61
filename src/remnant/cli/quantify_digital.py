"""Digital PCR of a file or a folder of files without any study: wells, limits, findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from remnant.acquire import read_path
from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.gating import GateChoice
from remnant.cli.answer import Answer
from remnant.cli.noticed import advice_of
from remnant.cli.printed import listed
from remnant.pipeline.imports import files_under
from remnant.records.acquired import Acquired
from remnant.records.codec import to_dict
from remnant.records.finding import Finding
from remnant.records.partition import DigitalQuantified, DigitalWell
from remnant.report.numbers import measured
from remnant.units import number_text

__all__ = ["digital_answer", "digital_folder", "digital_quantified"]

_RIGHT = ("positives", "partitions", "copies/µl", "LoB", "LoD")


def digital_folder(folder: Path, gate: GateChoice = "control") -> Answer | None:
    """Wells of all files of digital PCR in a folder, with the plate layouts and tables beside them.

    Parameters
    ----------
    folder : pathlib.Path
        A folder that is no study.
    gate : {"control", "two-colour"}, default "control"
        How amplitudes are gated.

    Returns
    -------
    Answer or None
        None if no file holds partitions.

    Raises
    ------
    RefusedFileError
        If a file has problems.
    """
    with ThreadPoolExecutor() as pool:
        read = list(pool.map(read_path, files_under([folder])))
    return digital_answer(read, gate) if any(one.partitions for one in read) else None


def digital_quantified(read: Sequence[Acquired], gate: GateChoice = "control") -> DigitalQuantified:
    """Wells of digital PCR of some files, counted.

    Parameters
    ----------
    read : sequence of Acquired
        Files; layouts, samples and cDNAs among them are used.
    gate : {"control", "two-colour"}, default "control"
        How amplitudes are gated.

    Returns
    -------
    DigitalQuantified
        Wells, measurements and findings; empty without partitions.
    """
    return quantify_partitions(
        [part for one in read for part in one.partitions],
        amplitudes=[item for one in read for item in one.amplitudes],
        layout=[item for one in read for item in one.plate_wells],
        runs=[run for one in read for run in one.runs],
        cdnas=[item for one in read for item in one.cdnas],
        samples=[item for one in read for item in one.samples],
        gate=gate,
    )


def digital_answer(read: Sequence[Acquired], gate: GateChoice = "control") -> Answer:
    """Wells of some files.

    Parameters
    ----------
    read : sequence of Acquired
        Files; layouts, samples and cDNAs among them are used.
    gate : {"control", "two-colour"}, default "control"
        How amplitudes are gated.

    Returns
    -------
    Answer
        Wells, measurements and findings.
    """
    got = digital_quantified(read, gate)
    noticed = [*(finding for one in read for finding in one.findings), *got.findings]
    data = {
        "wells": [to_dict(well) for well in got.wells],
        "measurements": [
            {name: value for name, value in to_dict(one).items() if name != "evidence"}
            for one in got.measurements
        ],
        "findings": [to_dict(finding) for finding in dict.fromkeys(noticed)],
    }
    return Answer(data=data, shown=_shown(got, dict.fromkeys(noticed)))


def _shown(got: DigitalQuantified, findings: Iterable[Finding]) -> tuple[Any, ...]:
    columns = (
        "well", "target", "sample", "positives", "partitions", "copies/µl", "95 %", "state", "LoB", "LoD", "gate",
    )  # fmt: skip
    table = listed(columns, (_row(well) for well in got.wells), right=_RIGHT)
    measurements = _measurements(got)
    used = sum(well.used for well in got.wells)
    said = f"{len(got.wells)} wells and targets, {used} used, {len(got.measurements)} measurements."
    notes = tuple(
        f"{finding.severity}: {finding.subject}: {finding.message} {advice_of(finding) or ''}".rstrip()
        for finding in findings
        if finding.severity != "note"
    )
    return (table, *(("", measurements) if got.measurements else ()), "", said, *notes)


def _measurements(got: DigitalQuantified) -> Any:
    """Normalised copy numbers, where samples are known."""
    rows = (
        (one.sample_id, one.material, one.assay_id, measured(one, with_unit=True), one.state, one.reason)
        for one in got.measurements
    )
    return listed(("sample", "material", "assay", "value (95 %)", "state", "why"), rows)


def _row(well: DigitalWell) -> tuple[object, ...]:
    if well.copies_per_ul is not None and well.lower is not None and well.upper is not None:
        value = number_text(well.copies_per_ul)
        spread = f"{number_text(well.lower)} to {number_text(well.upper)}"
    elif well.lower is not None:
        value, spread = f"> {number_text(well.lower)}", ""
    else:
        value = "" if well.upper_limit is None else f"< {number_text(well.upper_limit)}"
        spread = ""
    return (
        well.position,
        well.target or f"channel {well.channel}",
        well.sample,
        "" if well.positives is None else well.positives,
        well.accepted,
        value,
        spread,
        well.state if well.decision in {"used", "control well"} else f"{well.state}, {well.decision}",
        well.limit_of_blank_positives,
        number_text(well.limit_of_detection_copies_per_ul),
        well.gate if well.threshold is None else f"{well.gate} {well.threshold:.0f}",
    )
