"""Standard curves of a file without any study, or the measurements of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from remnant.acquire import read_path
from remnant.assay.qpcr.amplification import read_plates
from remnant.assay.qpcr.amplification_combined import COMBINED_CYCLES, Combination, combined_results
from remnant.assay.qpcr.amplification_cq import (
    Disagreement,
    cq_findings,
    disagreements,
    usual_differences,
    with_our_cq,
)
from remnant.assay.qpcr.amplification_plateaus import leveled_results
from remnant.assay.qpcr.copies import sample_copies
from remnant.assay.qpcr.curves import fit_curves
from remnant.cli.answer import Answer, command
from remnant.cli.noticed import finding_table, of_one_run
from remnant.cli.options import Patients
from remnant.cli.printed import listed
from remnant.cli.quantify_copies import copies_entries, shown_copies
from remnant.cli.quantify_curves import (
    NoCurve,
    names,
    run_heading,
    runs_apart,
    shown_fits,
    shown_readings,
    without_curve,
)
from remnant.cli.quantify_digital import digital_answer, digital_folder
from remnant.cli.quantify_igtr import igtr_answer
from remnant.cli.results import computed, named_dossiers
from remnant.errors import InputError
from remnant.knowledge.qpcr import curve_gates, qpcr_rules
from remnant.records.acquired import Acquired
from remnant.records.amplification import CurveResult
from remnant.records.codec import to_dict
from remnant.records.finding import Finding
from remnant.records.run import Well
from remnant.report.numbers import measured

__all__ = ["Source", "quantify"]


class Source(StrEnum):
    """Which Cq is quantified."""

    instrument = "instrument"
    ours = "ours"
    combined = "combined"


class Standards(StrEnum):
    """Whose standards read a target."""

    own = "own"
    laboratory = "laboratory"


class GateChoice(StrEnum):
    """How amplitudes of partitions are gated."""

    control = "control"
    two_colour = "two-colour"


@command
def quantify(
    path: Annotated[Path, typer.Argument(metavar="FILE|STUDY", help="File of a run, or folder of a study.")],
    *,
    gates: Annotated[
        str | None, typer.Option(help="Row of the curve gates, for a file.", show_default="the default row")
    ] = None,
    cq: Annotated[
        Source,
        typer.Option(
            help="Which Cq, for a file: the instrument's, ours, read from the curves, or several of ours combined."
        ),
    ] = Source.instrument,
    standard_curve: Annotated[
        Standards,
        typer.Option(
            help="Whose standards read a target of a file: its own, or, without any, those of the file's other targets too."
        ),
    ] = Standards.own,
    gate: Annotated[
        GateChoice,
        typer.Option(
            help="How amplitudes of digital PCR are gated: a threshold a channel, or four clusters of two colours."
        ),
    ] = GateChoice.control,
    patients: Patients = None,
) -> Answer:
    """Fit the curves of one file, count the wells of digital PCR, read an IG/TR plate, or list a study's measurements.

    A file needs no study: every run and target that has standards gets its curve and a verdict, every
    sample on it its copies with interval, every amplification curve its call, its cycles with their standard errors and its efficiency, every well of a
    digital PCR its concentration, every sample of an IG/TR plate EuroMRD's two interpretations. A folder that is no study is a run of digital PCR with its plate layout.

    Parameters
    ----------
    path : pathlib.Path
        File of a run, folder of a study, or folder of files of digital PCR.
    gates : str or None, default None
        Row of the curve gates, for a file.
    cq : Source, default Source.instrument
        Which Cq the standard curves of a file are fitted to.
    standard_curve : Standards, default Standards.own
        Whether targets of a file may borrow from the standards of its other targets.
    gate : GateChoice, default GateChoice.control
        How the amplitudes of a digital PCR are gated.
    patients : list of str or None, default None
        Only these patients, for a study.

    Returns
    -------
    Answer
        Standard curves, copies and amplification curves of a file, or one entry a measurement; wells, measurements and
        findings of a digital PCR; samples of an IG/TR plate.
    """
    if path.is_dir():
        digital = None if (path / "study.toml").exists() else digital_folder(path, gate.value)
        return digital or _measurements(path, patients)
    return _curves(path, gates, cq=cq, standards=standard_curve, gate=gate)


def _curves(path: Path, gates: str | None, *, cq: Source, standards: Standards, gate: GateChoice) -> Answer:
    acquired = read_path(path)
    if acquired.partitions:
        return digital_answer([acquired], gate.value)
    if acquired.igtr_wells:
        return igtr_answer(acquired)
    plates = read_plates(acquired.curves)
    results, plateaus = leveled_results(acquired.wells, plates.records())
    wells: Sequence[Well] = acquired.wells
    combinations: Sequence[Combination] = ()
    findings: Sequence[Finding]
    apart: Sequence[Disagreement] = disagreements(acquired.wells, results)
    if cq is not Source.instrument:
        if not results:
            raise InputError(
                where=f"file {acquired.source.name}",
                found="no amplification curves",
                needed="the fluorescence of the wells by cycle",
                advice="Export the run with its curves, or take the instrument's Cq.",
            )
        said: Sequence[Finding] = ()
        if cq is Source.combined:
            results, combinations, said = combined_results(wells, results, acquired.runs)
        wells, findings = with_our_cq(wells, results)
        findings = (*plateaus, *said, *findings)
    else:
        findings = (*plateaus, *cq_findings(apart))
    rules = qpcr_rules() if gates is None else replace(qpcr_rules(), curves=curve_gates(gates))
    fits = fit_curves(wells, rules.curves)
    copies, on_plate = sample_copies(wells, runs=acquired.runs, rules=rules, standard_curve=standards.value)
    lacking = without_curve(wells, fits, with_curves=bool(results) and cq is Source.instrument)
    if not fits and not results:
        raise _nothing_to_fit(acquired, lacking)
    usual = usual_differences(acquired.wells, results)
    data = {
        "cq_source": cq.value,
        "standard_curve": standards.value,
        "combined_cycles": COMBINED_CYCLES,
        "combinations": combinations,
        "standard_curves": fits,
        "without_standard_curve": [one._asdict() for one in lacking],
        "sample_copies": copies_entries(copies),
        "amplification_curves": _beside_instrument(acquired.wells, results, usual),
        "findings": (*acquired.findings, *findings, *on_plate),
    }
    several = runs_apart(wells)
    told = tuple(one for one in (*acquired.findings, *on_plate) if one.severity != "note")
    noticed = finding_table(told if several else of_one_run(told))
    reading = ("", *noticed) if noticed else ()
    shown = (
        *run_heading(acquired.wells),
        *shown_fits(fits, lacking, apart=several),
        *shown_copies(copies, apart=several),
        *shown_readings(plates, apart, () if cq is Source.instrument else findings, apart=several),
        *reading,
    )
    return Answer(data=data, shown=shown)


def _nothing_to_fit(acquired: Acquired, lacking: Sequence[NoCurve]) -> InputError:
    reasons = dict.fromkeys(one.reason for one in lacking)
    said = "; ".join(
        f"{reason} ({names([one.target for one in lacking if one.reason == reason])})" for reason in reasons
    )
    return InputError(
        where=f"file {acquired.source.name}",
        found=f"{len(acquired.wells)} {'wells' if len(acquired.wells) > 1 else 'well'}, no amplification curves, and {said or 'no target'}",
        needed="standards with their copies at two levels or more, or the fluorescence by cycle",
        advice="Give the standards their type and copies in the instrument's software and export again, or export the "
        "amplification data too. A study can read a target without standards by those of its other assays "
        '(standard_curve = "laboratory").',
    )


def _beside_instrument(
    wells: Sequence[Well], results: Sequence[CurveResult], usual: Mapping[tuple[str, str], float]
) -> list[dict[str, Any]]:
    """One entry a curve: what we read, the instrument's Cq, and the difference from the usual one."""
    known = {(well.run_id, well.position, well.target): well for well in wells}
    entries = []
    for one in results:
        well = known.get((one.run_id, one.position, one.target))
        instrument = well.cq if well is not None else None
        differs = None if one.cq is None or instrument is None else one.cq - instrument
        entries.append(
            {
                **to_dict(one),
                "sample": well.sample if well is not None else None,
                "instrument_cq": instrument,
                "cq_difference": differs,
                "usual_difference": usual.get((one.run_id, one.target)),
            }
        )
    return entries


def _measurements(folder: Path, patients: list[str] | None) -> Answer:
    found = [item for one in named_dossiers(computed(folder), patients) for item in one.measurements]
    rows = (
        (
            item.patient_id,
            item.sample_id,
            item.drawn_on,
            item.material,
            item.assay_id,
            measured(item, with_unit=True),
            item.state,
            item.reason,
        )
        for item in found
    )
    columns = ("patient", "sample", "date", "material", "assay", "value (95 %)", "state", "why")
    data = [{name: value for name, value in to_dict(item).items() if name != "evidence"} for item in found]
    return Answer(data=data, shown=(listed(columns, rows),))
