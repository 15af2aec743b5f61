"""What was drawn, and what was sorted or transcribed from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = ["MATERIALS", "REASONS", "Cdna", "Fraction", "Material", "Sample", "SamplingReason"]

Material = Literal["BM", "PB"]
MATERIALS: tuple[str, ...] = Material.__args__  # type: ignore[attr-defined]

SamplingReason = Literal[
    "diagnosis", "scheduled", "confirmation", "suspected_relapse", "relapse", "donor", "control", "unknown"
]
REASONS: tuple[str, ...] = SamplingReason.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One specimen of one patient, donor or internal control.

    Attributes
    ----------
    sample_id : str
        Laboratory code; the only identifier that messages may show.
    patient_id : str
        Laboratory code of the patient; for a healthy donor, the donor's code.
    material : Material
        Marrow (BM) or blood (PB).
    drawn_on : datetime.date
        Day the specimen left the patient.
    received_on : datetime.date or None
        Day it reached the laboratory.
    reason : SamplingReason
        Why it was drawn; samples drawn for suspected relapse are no predictors of it.
    blast_percent : float or None
        Blasts by morphology in this material, percent of nucleated cells.
    chimerism_whole_percent, chimerism_cd3_percent, chimerism_cd34_percent : float or None
        Donor share in whole cells, CD3+ and CD34+ cells, percent.
    quality : str or None
        ``"good"``, ``"haemodilute"``, ``"degraded"`` ... as the laboratory wrote.
    cd34_percent : float or None
        CD34+ or CD117+ cells, percent; a covariate of BAALC.
    """

    sample_id: str
    patient_id: str
    material: Material
    drawn_on: dt.date
    received_on: dt.date | None = None
    reason: SamplingReason = "unknown"
    blast_percent: float | None = None
    chimerism_whole_percent: float | None = None
    chimerism_cd3_percent: float | None = None
    chimerism_cd34_percent: float | None = None
    quality: str | None = None
    cd34_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fraction:
    """One sorted compartment of a sample.

    Attributes
    ----------
    fraction_id : str
        Laboratory code.
    sample_id : str
        Sample it was sorted from.
    compartment : str
        Name in `knowledge`, for example ``"HSC"``.
    sort_gate : str
        Gate as written, for example ``"CD34+CD38-CD19-"``.
    purity : float or None
        Share of the sorted cells that belong to the compartment, 0 to 1; None if not re-analysed.
    reanalysed_events : int or None
        Events of the purity re-analysis.
    yield_cells : int or None
        Cells obtained.
    """

    fraction_id: str
    sample_id: str
    compartment: str
    sort_gate: str
    purity: float | None = None
    reanalysed_events: int | None = None
    yield_cells: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdna:
    """One reverse transcription of a sample's RNA.

    Attributes
    ----------
    cdna_id : str
        Laboratory code; wells name it, or the sample if it was transcribed once.
    sample_id : str
        Sample the RNA came from.
    transcribed_on : datetime.date or None
        Day of the reverse transcription.
    rna_ng : float or None
        RNA that went in, nanograms.
    rna_integrity : float or None
        RNA integrity number.
    kit_lot : str or None
        Lot of the reverse-transcription kit.
    """

    cdna_id: str
    sample_id: str
    transcribed_on: dt.date | None = None
    rna_ng: float | None = None
    rna_integrity: float | None = None
    kit_lot: str | None = None
