"""Writes a made-up study as the folder of files that a laboratory would hand over.

Raw files stand in the folder itself; the truth stands in the folder `TRUTH_FOLDER` inside it and is never
imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.example.assumptions import Assumption, assumptions
from remnant.example.awkward import AwkwardCase
from remnant.example.plates import Plate
from remnant.example.rdml import rdml_bytes
from remnant.example.study_a import StudyA
from remnant.example.tables import cq_cp1251, cq_csv, cq_xlsx, record_table, reported_table
from remnant.records.frames import to_frame
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Sample

__all__ = ["TRUTH_FOLDER", "study_files", "write_study_a"]

TRUTH_FOLDER: Final = "truth"
"""Folder inside the written study that holds what is true; importers leave it alone."""

Curve = dict[tuple[str, str, str], NDArray[np.float64]]


def write_study_a(study: StudyA, folder: Path) -> list[Path]:
    """Write the files of a made-up study.

    Parameters
    ----------
    study : StudyA
        What `remnant.example.study_a.simulate_study_a` made.
    folder : pathlib.Path
        Where to; made if absent.

    Returns
    -------
    list of pathlib.Path
        The raw files, to be imported, in the order of their names; the truth is not among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in study_files(study):
        path = folder / name
        path.write_bytes(content)
        paths.append(path)
    truth = folder / TRUTH_FOLDER
    truth.mkdir(exist_ok=True)
    for name, frame in _truth_frames(study).items():
        frame.write_csv(truth / f"{name}.csv")
    return sorted(paths)


def study_files(study: StudyA) -> Iterator[tuple[str, bytes]]:
    """Raw files of a made-up study, without a disk.

    Parameters
    ----------
    study : StudyA
        The study.

    Returns
    -------
    iterator of (str, bytes)
        File name and content: clinical tables, run sheet, earlier results, one file a run or a set of runs.
    """
    yield "patients.csv", record_table(study.patients, Patient, mark=True)
    yield "events.csv", record_table(study.events, Event)
    yield "therapies.csv", record_table(study.therapies, Therapy, european=True)
    donors = [sample for sample in study.samples if sample.reason == "donor"]
    others = [sample for sample in study.samples if sample.reason != "donor"]
    yield "samples.csv", record_table(others, Sample, european=True)
    yield "samples_donors.csv", record_table(donors, Sample)
    yield "cdna.csv", record_table(study.cdnas, Cdna)
    yield "runs.csv", record_table(study.runs, Run, without=["source_sha256"])
    yield "reported.csv", reported_table(study.reported)
    wells = {run: list(group) for run, group in groupby(study.wells, key=lambda well: well.run_id)}
    curves = _curves(study)
    for _, group in groupby(study.plates, key=lambda plate: plate.experiment or plate.run.run_id):
        yield _run_file(list(group), wells, curves)


def _curves(study: StudyA) -> Curve:
    if study.curves is None:
        return {}
    return dict(zip(study.curves.wells, study.curves.fluorescence, strict=True))


def _run_file(plates: list[Plate], wells: dict[str, list[Well]], curves: Curve) -> tuple[str, bytes]:
    first = plates[0]
    name = first.experiment or first.run.run_id
    own = wells[first.run.run_id]
    match first.form:
        case "csv":
            return f"{name}.csv", cq_csv(own)
        case "xlsx":
            return f"{name}.xlsx", cq_xlsx(own)
        case "cp1251":
            return f"{name}_cp1251.csv", cq_cp1251(own)
        case "rdml":
            runs = [(plate.run, wells[plate.run.run_id]) for plate in plates]
            return f"{name}.rdml", rdml_bytes(runs, curves, experiment=first.experiment)


def _truth_frames(study: StudyA) -> dict[str, pl.DataFrame]:
    table = pl.DataFrame(
        {
            name: ["; ".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in values]
            for name, values in (
                (name, [getattr(row, name) for row in assumptions()]) for name in Assumption.__slots__
            )
        }
    )
    return {
        "measurements": study.measurement_truth,
        "patients": study.patient_truth,
        "wells": study.well_truth,
        "awkward_cases": to_frame(study.awkward, AwkwardCase),
        "assumptions": table,
        "study": pl.DataFrame(
            {
                "synthetic": [True],
                "world": [study.world],
                "seed": [study.seed],
                "run_sd_log10": [study.laboratory.run_sd_log10],
                "transcription_sd_log10": [study.laboratory.transcription_sd_log10],
                "technical_sd_cycles": [study.laboratory.technical_sd_cycles],
            }
        ),
    }
