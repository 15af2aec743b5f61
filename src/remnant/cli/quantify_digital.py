"""Digital PCR of a file or a folder of files without any study: wells, limits, findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from remnant.acquire import read_path
from remnant.assay.dpcr import quantify_partitions
from remnant.assay.dpcr.gating import GateChoice
from remnant.cli.answer import Answer
from remnant.cli.noticed import finding_table, of_one_run
from remnant.cli.printed import listed
from remnant.pipeline.imports import files_under
from remnant.records.acquired import Acquired
from remnant.records.codec import to_dict
from remnant.records.finding import Finding
from remnant.records.partition import DigitalQuantified, DigitalWell
from remnant.report.numbers import measured, plural
from remnant.units import number_text

__all__ = ["digital_answer", "digital_folder", "digital_quantified"]


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
    runs = list(dict.fromkeys(well.run_id for well in got.wells))
    named = (f"Run {runs[0]}.", "") if len(runs) == 1 else ()
    columns = ("run", "well", "target", "sample", "positive", "of", "copies/µl (95 %)", "state")
    rows = (_row(well, apart=len(runs) > 1) for well in got.wells)
    table = listed(columns, rows, right=("positive", "of"), whole=("well", "copies/µl (95 %)"))
    measurements = _measurements(got)
    used = sum(well.used for well in got.wells)
    said = f"{len(got.wells)} wells and targets, {used} used, {len(got.measurements)} measurements."
    if not got.measurements:
        said = (
            f"{len(got.wells)} wells and targets, {used} used. No ratio to a control gene: that needs one on the plate, "
            "and wells that name samples of a table beside the run, in a folder or a study."
        )
    told = tuple(one for one in findings if one.severity != "note")
    noticed = finding_table(of_one_run(told) if len(runs) == 1 else told)
    return (
        *named,
        table,
        *(("", measurements) if got.measurements else ()),
        "",
        *_limits(got.wells, apart=len(runs) > 1),
        said,
        *(("", *noticed) if noticed else ()),
    )


def _limits(wells: Sequence[DigitalWell], *, apart: bool) -> Iterator[str]:
    """Threshold and limits of each target in a line: they are of the blanks, and nearly the same in every well."""
    held: dict[tuple[str, str], list[DigitalWell]] = defaultdict(list)
    for well in wells:
        held[well.run_id if apart else "", _target(well)].append(well)
    for (run, target), group in held.items():
        gates = ", ".join(
            _gated(gate, [w.threshold for w in group if w.gate == gate])
            for gate in dict.fromkeys(well.gate for well in group)
        )
        blank = _range([well.limit_of_blank_positives for well in group], str)
        least = _range([well.limit_of_detection_copies_per_ul for well in group], number_text)
        yield (
            f"{target}{f' (run {run})' if run else ''}: {gates}; limit of blank{blank or ' unknown'} (positives a well), "
            f"limit of detection{least or ' unknown'} (copies/µl)."
        )


def _gated(gate: str, thresholds: Sequence[float | None]) -> str:
    """How wells were counted; an instrument writes 0 where it drew clusters and has no threshold."""
    held = [value for value in thresholds if value]
    at = _range(held, "{:.0f}".format)
    if gate != "instrument":
        return _GATES[gate] + at
    if not held:
        return f"{_GATES[gate]}, which names no threshold"
    lacking = len(thresholds) - len(held)
    without = f", {plural(lacking, 'well')} without one" if lacking else ""
    return f"{_GATES[gate]} at its threshold{at}{without}"


_GATES: Final = {
    "instrument": "counted by the instrument",
    "control": "counted by us, threshold from the blanks",
    "mixture": "counted by us, threshold between two populations",
    "two-colour": "counted by us, four clusters of two colours",
    "none": "not counted",
}


def _range(values: Sequence[float | None], text: Callable[[Any], str]) -> str:
    """Lowest and highest of some numbers, behind a space; empty without any."""
    known = sorted(value for value in values if value is not None)
    ends = list(dict.fromkeys(map(text, (known[0], known[-1])))) if known else []
    return f" {' to '.join(ends)}" if ends else ""


def _target(well: DigitalWell) -> str:
    return well.target or f"channel {well.channel}"


def _measurements(got: DigitalQuantified) -> Any:
    """Normalised copy numbers, where samples are known."""
    rows = (
        (one.sample_id, one.material, one.assay_id, measured(one, with_unit=True), one.state, one.reason)
        for one in got.measurements
    )
    return listed(("sample", "material", "assay", "value (95 %)", "state", "why"), rows)


def _row(well: DigitalWell, *, apart: bool) -> tuple[object, ...]:
    if well.copies_per_ul is not None and well.lower is not None and well.upper is not None:
        ends = f"{number_text(well.lower)} to {number_text(well.upper)}"
        value = f"{number_text(well.copies_per_ul)} ({ends})"
    elif well.lower is not None:
        value = f"> {number_text(well.lower)}"
    else:
        value = "" if well.upper_limit is None else f"< {number_text(well.upper_limit)}"
    return (
        well.run_id if apart else "",
        well.position,
        _target(well),
        well.sample,
        "" if well.positives is None else well.positives,
        well.accepted,
        value,
        well.state if well.decision in {"used", "control well"} else f"{well.state}, {well.decision}",
    )
