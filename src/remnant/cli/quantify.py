"""Standard curves of a file without any study, or the measurements of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType

from remnant.acquire import read_path
from remnant.assay.qpcr.amplification import read_plates
from remnant.assay.qpcr.amplification_combined import COMBINED_CYCLES, Combination, combined_results
from remnant.assay.qpcr.amplification_cq import cq_findings, usual_differences, with_our_cq
from remnant.assay.qpcr.amplification_plateaus import leveled_results
from remnant.assay.qpcr.copies import sample_copies
from remnant.assay.qpcr.curves import fit_curves
from remnant.cli.answer import Answer, command
from remnant.cli.noticed import finding_table
from remnant.cli.options import Patients
from remnant.cli.printed import listed
from remnant.cli.quantify_copies import copies_entries, shown_copies
from remnant.cli.quantify_digital import digital_answer, digital_folder
from remnant.cli.quantify_igtr import igtr_answer
from remnant.cli.results import computed, named_dossiers
from remnant.errors import InputError
from remnant.knowledge.qpcr import curve_gates, qpcr_rules
from remnant.records.amplification import CURVE_CALLS, CurveResult, CurveResults
from remnant.records.codec import to_dict
from remnant.records.finding import Finding
from remnant.records.measurement import CurveFit
from remnant.records.run import Well
from remnant.report.numbers import measured

__all__ = ["Source", "quantify"]

_SHOWN: Final = 10


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
        findings = (*plateaus, *cq_findings(wells, results))
    rules = qpcr_rules() if gates is None else replace(qpcr_rules(), curves=curve_gates(gates))
    fits = fit_curves(wells, rules.curves)
    copies, on_plate = sample_copies(wells, runs=acquired.runs, rules=rules, standard_curve=standards.value)
    if not fits and not results:
        raise InputError(
            where=f"file {acquired.source.name}",
            found=f"{len(wells)} wells, no target with standards at two levels or more, no amplification curves",
            needed="standard wells with their copies, or curves",
            advice="Quantify it within a study, where cDNA and runs are known, or add the standards.",
        )
    usual = usual_differences(acquired.wells, results)
    data = {
        "cq_source": cq.value,
        "standard_curve": standards.value,
        "combined_cycles": COMBINED_CYCLES,
        "combinations": combinations,
        "standard_curves": fits,
        "sample_copies": copies_entries(copies),
        "amplification_curves": _beside_instrument(acquired.wells, results, usual),
        "findings": (*acquired.findings, *findings, *on_plate),
    }
    noticed = finding_table(one for one in (*acquired.findings, *on_plate) if one.severity != "note")
    reading = ("", *noticed) if noticed else ()
    shown = (*_shown_fits(fits), *shown_copies(copies), *_shown_results(plates, findings), *reading)
    return Answer(data=data, shown=shown)


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


def _shown_fits(fits: Sequence[CurveFit]) -> tuple[RenderableType, ...]:
    if not fits:
        return ("No target has standards at two levels or more.",)
    rows = (
        (
            fit.run_id,
            fit.target,
            f"{fit.slope:.3f}",
            f"{fit.r_squared:.4f}",
            f"{100 * fit.efficiency:.1f}",
            fit.wells,
            fit.verdict,
            "; ".join(fit.reasons),
        )
        for fit in fits
    )
    columns = ("run", "target", "slope", "R²", "efficiency %", "wells", "verdict", "reasons")
    passed = sum(fit.verdict == "pass" for fit in fits)
    said = f"{passed} of {len(fits)} curves pass the gates of {fits[0].rule_id}."
    return (listed(columns, rows, right=("slope", "R²", "efficiency %", "wells")), "", said)


def _shown_results(plates: CurveResults, findings: Sequence[Finding]) -> tuple[RenderableType, ...]:
    """The curves in a line, and what stands out; every curve is in the JSON document."""
    if not len(plates):
        return ()
    counts = Counter(plates.call)
    said = ", ".join(f"{counts[call]} {call}" for call in CURVE_CALLS)
    notes = [f"{finding.subject}: {finding.message}" for finding in findings[:_SHOWN]]
    more = len(findings) - _SHOWN
    rest = [f"and {more} more; --json lists all."] if more > 0 else []
    return ("", f"{len(plates)} amplification curves: {said}.", *notes, *rest)


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
