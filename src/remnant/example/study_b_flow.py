"""Cytometry files of study B: the index patients' tubes, their sorted cells measured again, and control marrows.

What a re-analysis holds is what the sort report of the simulator says, cell by cell. Follow-up tubes hold blasts at
the level of the clonotype, in a marrow that regenerates; so do some of the controls, beside healthy donors. Every other patient
keeps the typed sort report.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from remnant.example.marrow import ANTIGENS, DETECTORS, MadeMarrow, made_cells
from remnant.example.study_b import StudyB
from remnant.records.fish import SortPurity
from remnant.records.flow import PanelEntry, TubeUse
from remnant.records.sample import Sample

__all__ = ["PANEL", "panel_entries", "study_b_tubes", "with_files"]

PANEL: Final = "B-ALL 8 colours"
GATE: Final = "B-ALL window"
_EVENTS: Final = 40_000
_CONTROLS: Final = 5
_CELLS: Final = {
    "HSC": "HSC",
    "progenitor": "progenitor",
    "myeloid": "myeloid",
    "T": "T",
    "CD19+": "B-ALL blast",
}


def panel_entries() -> tuple[PanelEntry, ...]:
    """The panel of the made-up laboratory.

    Returns
    -------
    tuple of PanelEntry
        One a detector.
    """
    return tuple(
        PanelEntry(panel=PANEL, channel=channel, antigen=antigen)
        for channel, antigen in zip(DETECTORS, ANTIGENS, strict=True)
    )


def with_files(study: StudyB) -> frozenset[str]:
    """Patients whose tubes are written as FCS files.

    Parameters
    ----------
    study : StudyB
        The study.

    Returns
    -------
    frozenset of str
        The index patients.
    """
    return frozenset(one.patient_id for one in study.truth if one.group == "index")


def study_b_tubes(study: StudyB) -> Iterator[tuple[TubeUse, bytes]]:
    """Cytometry files with their lines in the table of tubes.

    Parameters
    ----------
    study : StudyB
        The study.

    Yields
    ------
    use : TubeUse
        What the file was acquired for.
    content : bytes
        FCS 3.1.
    """
    chosen = with_files(study)
    donors = [one for one in study.samples if one.reason == "donor"][:_CONTROLS]
    clonotype = {one.sample_id: one.value for one in study.reported if one.target == "IG/TR"}
    controls = (*donors, *(one for one in study.samples if one.reason == "control"))
    for sample in (one for one in study.samples if one.patient_id in chosen or one in controls):
        follow_up = sample.reason == "scheduled"
        use = TubeUse(
            file=f"{sample.sample_id}.fcs",
            sample_id=sample.sample_id,
            panel=PANEL,
            role="control" if sample in controls else "sample",
            gate=GATE if follow_up else None,
        )
        yield use, _marrow(study, sample, share=clonotype.get(sample.sample_id) or 0.0).fcs()
        yield from _sorts(study, sample)


def _seed(study: StudyB, name: str) -> int:
    return zlib.crc32(f"{study.seed}:{name}".encode())


def _marrow(study: StudyB, sample: Sample, *, share: float) -> MadeMarrow:
    if sample.reason in {"diagnosis", "relapse"}:
        kind = "B-ALL blast" if sample.reason == "diagnosis" else "CD19-negative blast"
        blasts = {kind: round(_EVENTS * (sample.blast_percent or 0.0) / 100)}
    else:
        blasts = {"B-ALL blast": round(_EVENTS * share)}
    return made_cells(
        events=_EVENTS,
        blasts=blasts,
        regenerating=sample.reason in {"scheduled", "control"},
        marrow=_seed(study, sample.sample_id),
        seed=_seed(study, f"{sample.sample_id}.fcs"),
    )


def _sorts(study: StudyB, sample: Sample) -> Iterator[tuple[TubeUse, bytes]]:
    for fraction in study.fractions:
        rows = _rows(study.purities, fraction.fraction_id)
        if fraction.sample_id != sample.sample_id or not rows:
            continue
        file = f"{fraction.fraction_id}.fcs"
        held = {_CELLS[one.compartment]: one.events or 0 for one in rows}
        tube = made_cells(held, marrow=_seed(study, sample.sample_id), seed=_seed(study, file))
        use = TubeUse(
            file=file,
            sample_id=sample.sample_id,
            panel=PANEL,
            role="re-analysis",
            fraction_id=fraction.fraction_id,
        )
        yield use, tube.fcs()


def _rows(purities: Sequence[SortPurity], fraction_id: str) -> list[SortPurity]:
    return [one for one in purities if one.fraction_id == fraction_id]
