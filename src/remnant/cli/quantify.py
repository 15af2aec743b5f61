"""Standard curves of a file without any study, or the measurements of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remnant.acquire import read_path
from remnant.assay.qpcr.curves import fit_curves
from remnant.cli.answer import Answer, command
from remnant.cli.noticed import finding_table
from remnant.cli.options import Patients
from remnant.cli.printed import listed
from remnant.cli.quantify_digital import digital_answer, digital_folder
from remnant.cli.results import computed, named_dossiers
from remnant.errors import InputError
from remnant.knowledge.qpcr import curve_gates, qpcr_rules
from remnant.records.codec import to_dict
from remnant.report.numbers import measured

__all__ = ["quantify"]


@command
def quantify(
    path: Annotated[Path, typer.Argument(metavar="FILE|STUDY", help="File of a run, or folder of a study.")],
    *,
    gates: Annotated[
        str | None, typer.Option(help="Row of the curve gates, for a file.", show_default="the default row")
    ] = None,
    patients: Patients = None,
) -> Answer:
    """Fit the standard curves of one file, count the wells of digital PCR, or list the measurements of a study.

    A file needs no study: every run and target that has standards gets its curve and a verdict, every well
    of a digital PCR its concentration. A folder that is no study is a run of digital PCR with its plate layout.

    Parameters
    ----------
    path : pathlib.Path
        File of a run, folder of a study, or folder of files of digital PCR.
    gates : str or None, default None
        Row of the curve gates, for a file.
    patients : list of str or None, default None
        Only these patients, for a study.

    Returns
    -------
    Answer
        One entry a curve, or one a measurement; wells, measurements and findings of a digital PCR.
    """
    if path.is_dir():
        digital = None if (path / "study.toml").exists() else digital_folder(path)
        return digital or _measurements(path, patients)
    return _curves(path, gates)


def _curves(path: Path, gates: str | None) -> Answer:
    acquired = read_path(path)
    if acquired.partitions:
        return digital_answer([acquired])
    fits = fit_curves(acquired.wells, qpcr_rules().curves if gates is None else curve_gates(gates))
    if not fits:
        raise InputError(
            where=f"file {acquired.source.name}",
            found=f"{len(acquired.wells)} wells, no target with standards at two levels or more",
            needed="standard wells with their copies",
            advice="Quantify it within a study, where cDNA and runs are known, or add the standards.",
        )
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
    curves = listed(columns, rows, right=("slope", "R²", "efficiency %", "wells"))
    noticed = finding_table(finding for finding in acquired.findings if finding.severity != "note")
    shown = (curves, "", said, *(("", *noticed) if noticed else ()))
    return Answer(data=fits, shown=shown)


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
