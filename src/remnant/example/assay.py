"""The made-up laboratory before the plate: its error levels, its donors, its cDNA tubes.

Errors act on log10 of the ratio to ABL1, as the measurement model has them: one draw a cDNA (extraction
and reverse transcription), one a run; each with a small part that every target has for itself, which the
quantifier does not assume. Poisson sampling, calibration and well errors follow on the plate
(`remnant.example.plates`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from remnant.example.assumptions import number, numbers, texts
from remnant.example.cohort import draw_background
from remnant.example.draws import chance, uniform
from remnant.example.fate import Pair
from remnant.records.sample import Cdna, Material, Sample

__all__ = [
    "Laboratory",
    "Specimen",
    "Tube",
    "draw_abl1",
    "draw_biology",
    "draw_donors",
    "draw_laboratory",
    "draw_shared_error",
    "draw_tubes",
    "number_tubes",
]

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """How precise the made-up laboratory is.

    Attributes
    ----------
    run_sd_log10, transcription_sd_log10 : float
        Standard deviations of the run and of extraction with reverse transcription, log10 of the ratio.
    technical_sd_cycles : float
        Standard deviation of replicate wells.
    """

    run_sd_log10: float
    transcription_sd_log10: float
    technical_sd_cycles: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A sample with the truth about it.

    Attributes
    ----------
    sample : Sample
        What the laboratory knows.
    day : int or None
        Days from transplantation; None for donors.
    patient_truth, sample_truth : tuple of two float
        WT1 and BAALC per 10^4 ABL1: the smooth line, and with this sample's own biology.
    raised : tuple of two bool
        Whether the patient truth is raised by more than background.
    transcription_log10 : tuple of two float
        Error of the first cDNA.
    abl1_copies : float
        ABL1 copies a well of that cDNA.
    """

    sample: Sample
    day: int | None
    patient_truth: Pair
    sample_truth: Pair
    raised: tuple[bool, bool]
    transcription_log10: Pair
    abl1_copies: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """One cDNA, ready for the plate.

    Attributes
    ----------
    cdna : Cdna
        What the laboratory knows.
    specimen : Specimen
        Where it is from.
    transcription_log10 : tuple of two float
        Its error.
    abl1_copies : float
        ABL1 copies a well.
    targets : tuple of str
        Markers measured.
    """

    cdna: Cdna
    specimen: Specimen
    transcription_log10: Pair
    abl1_copies: float
    targets: tuple[str, ...] = ("WT1", "BAALC")


def draw_laboratory(rng: Rng) -> Laboratory:
    """Error levels of one made-up laboratory.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Laboratory
        Drawn from the ranges of the assumptions.
    """
    return Laboratory(
        run_sd_log10=uniform(rng, numbers("error.run_sd_log10")),
        transcription_sd_log10=uniform(rng, numbers("error.transcription_sd_log10")),
        technical_sd_cycles=uniform(rng, numbers("error.technical_sd_cycles")),
    )


def draw_shared_error(rng: Rng, sd_log10: float) -> Pair:
    """Error of a cDNA or a run: mostly one draw for both markers.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sd_log10 : float
        Standard deviation of either marker's error.

    Returns
    -------
    tuple of two float
        Errors of WT1 and BAALC, log10 of the ratio.
    """
    own = number("error.own_share")
    shared = rng.normal(0.0, sd_log10 * np.sqrt(1.0 - own))
    wt1, baalc = shared + rng.normal(0.0, sd_log10 * np.sqrt(own), 2)
    return float(wt1), float(baalc)


def draw_biology(rng: Rng, patient_truth: Pair) -> Pair:
    """Levels in one sample: the patient's, each marker with its own biology.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    patient_truth : tuple of two float
        Levels per 10^4 ABL1.

    Returns
    -------
    tuple of two float
        Levels per 10^4 ABL1.
    """
    wt1, baalc = np.array(patient_truth) * 10.0 ** rng.normal(0.0, number("level.biology_sd_log10"), 2)
    return float(wt1), float(baalc)


def draw_abl1(rng: Rng, *, early: bool) -> tuple[float, bool]:
    """ABL1 copies a well, and whether the material was degraded.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    early : bool
        Around day +30, when cells are few.

    Returns
    -------
    tuple of float and bool
        Copies, degraded.
    """
    degraded = chance(rng, number("abl1.degraded"))
    median, sd = (number("abl1.early_copies" if early else "abl1.copies"), number("abl1.sd_log10"))
    if degraded:
        median, sd = number("abl1.degraded_copies"), number("abl1.degraded_sd_log10")
    return float(max(median * 10.0 ** rng.normal(0.0, sd), 20.0)), degraded


def draw_donors(rng: Rng, laboratory: Laboratory) -> tuple[Specimen, ...]:
    """Healthy donors, measured before the study began.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    laboratory : Laboratory
        Who measures.

    Returns
    -------
    tuple of Specimen
        One sample a donor, codes ``D-01`` and on.
    """
    marrow, blood = (int(count) for count in numbers("donors.marrow_blood"))
    first = dt.date.fromisoformat(texts("cohort.transplants_from_to")[0]).replace(month=3, day=1)
    first = first.replace(year=first.year - 3)
    specimens = []
    for index in range(marrow + blood):
        material: Material = "BM" if index < marrow else "PB"
        background = draw_background(rng)
        truth = background.marrow if material == "BM" else background.blood
        copies, _ = draw_abl1(rng, early=False)
        drawn_on = first + dt.timedelta(days=2 * index + int(rng.integers(0, 2)))
        specimens.append(
            Specimen(
                sample=Sample(
                    sample_id="",
                    patient_id=f"D-{index + 1:02d}",
                    material=material,
                    drawn_on=drawn_on,
                    received_on=drawn_on,
                    reason="donor",
                    quality="good",
                ),
                day=None,
                patient_truth=truth,
                sample_truth=draw_biology(rng, truth),
                raised=(False, False),
                transcription_log10=draw_shared_error(rng, laboratory.transcription_sd_log10),
                abl1_copies=copies,
            )
        )
    return tuple(specimens)


def draw_tubes(rng: Rng, specimens: tuple[Specimen, ...]) -> tuple[Tube, ...]:
    """Reverse transcription of every sample, once.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    specimens : tuple of Specimen
        Numbered samples.

    Returns
    -------
    tuple of Tube
        One a sample, not yet numbered.
    """
    waits = rng.integers(0, 4, len(specimens))
    nanograms = np.where(rng.random(len(specimens)) < 0.9, 1000.0, 500.0)
    integrity = np.clip(rng.normal(8.2, 0.6, len(specimens)), 4.0, 10.0)
    return tuple(
        Tube(
            cdna=_transcribed(specimen, int(wait), rna_ng=float(rna_ng), rna_integrity=float(rin)),
            specimen=specimen,
            transcription_log10=specimen.transcription_log10,
            abl1_copies=specimen.abl1_copies,
        )
        for specimen, wait, rna_ng, rin in zip(specimens, waits, nanograms, integrity, strict=True)
    )


def _transcribed(specimen: Specimen, wait: int, *, rna_ng: float, rna_integrity: float) -> Cdna:
    received_on = specimen.sample.received_on or specimen.sample.drawn_on
    day = received_on + dt.timedelta(days=wait)
    return Cdna(
        cdna_id="",
        sample_id=specimen.sample.sample_id,
        transcribed_on=day,
        rna_ng=rna_ng,
        rna_integrity=round(rna_integrity - (3.0 if specimen.sample.quality == "degraded" else 0.0), 1),
        kit_lot=f"RT-{day.year % 100:02d}{(day.month - 1) // 4 + 1}",
    )


def number_tubes(tubes: Sequence[Tube]) -> tuple[Tube, ...]:
    """Give every cDNA its code, in the order of transcription.

    Parameters
    ----------
    tubes : sequence of Tube
        In any order.

    Returns
    -------
    tuple of Tube
        Codes ``C-0001`` and on.
    """
    order = sorted(tubes, key=lambda tube: (tube.cdna.transcribed_on or dt.date.min, tube.cdna.sample_id))
    return tuple(
        replace(tube, cdna=replace(tube.cdna, cdna_id=f"C-{i:04d}")) for i, tube in enumerate(order, start=1)
    )
