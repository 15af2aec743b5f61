"""What is true about a made-up study, for checks of intervals and calls. Never an input of the pipeline.

Levels are per 10^4 ABL1 in both markers. The interval *of this measurement* should cover
`sample_truth_per_1e4`; the interval *for comparison with another sample* should cover
`patient_truth_per_1e4`, which lacks the biology of the single sample.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from remnant.example.course import is_raised
from remnant.example.fate import MARKERS
from remnant.example.plates import Plate
from remnant.example.reactions import TARGETS, Reactions
from remnant.example.visits import FollowUp

__all__ = ["measurement_truth", "patient_truth", "well_truth"]

_LANDMARK_DAY = 100


def measurement_truth(plates: tuple[Plate, ...]) -> pl.DataFrame:
    """Truth of every cDNA and marker that was measured.

    Parameters
    ----------
    plates : tuple of Plate
        The runs.

    Returns
    -------
    polars.DataFrame
        ``patient_id``, ``sample_id``, ``cdna_id``, ``run_id``, ``target``, ``material``, ``day`` (null for
        donors), ``patient_truth_per_1e4``, ``sample_truth_per_1e4``, ``cdna_truth_per_1e4`` (with the error
        of extraction and reverse transcription), ``target_copies_per_well`` and ``control_copies_per_well``
        (before the run's error), ``raised`` (the patient truth, by more than background).
    """
    rows = [
        {
            "patient_id": tube.specimen.sample.patient_id,
            "sample_id": tube.specimen.sample.sample_id,
            "cdna_id": tube.cdna.cdna_id,
            "run_id": plate.run.run_id,
            "target": marker,
            "material": tube.specimen.sample.material,
            "day": tube.specimen.day,
            "patient_truth_per_1e4": tube.specimen.patient_truth[i],
            "sample_truth_per_1e4": tube.specimen.sample_truth[i],
            "cdna_truth_per_1e4": tube.specimen.sample_truth[i] * 10.0 ** tube.transcription_log10[i],
            "control_copies_per_well": tube.abl1_copies,
            "raised": tube.specimen.raised[i],
        }
        for plate in plates
        for tube in plate.tubes
        for i, marker in enumerate(MARKERS)
        if marker in tube.targets
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    copies = pl.col("cdna_truth_per_1e4") * 1e-4 * pl.col("control_copies_per_well")
    return frame.with_columns(copies.alias("target_copies_per_well"))


def patient_truth(follow_ups: tuple[FollowUp, ...]) -> pl.DataFrame:
    """Truth of every patient.

    Parameters
    ----------
    follow_ups : tuple of FollowUp
        The patients.

    Returns
    -------
    polars.DataFrame
        ``patient_id``; ``baalc_raised_at_diagnosis``, ``wt1_at_diagnosis_per_1e4``,
        ``baalc_at_diagnosis_per_1e4``; ``relapse_day``, ``death_day``, ``last_day``; ``doubling_days``;
        ``group`` and ``landmark_group`` (``both``, ``WT1``, ``BAALC`` or ``neither`` raised in samples after
        transplantation and before relapse, and in those up to day +100); ``first_raised_day`` and
        ``lead_days`` (first such sample, and from it to relapse); ``true_lead_days`` (from the first day on
        which the marrow was raised, sampled or not); ``warned`` (null without relapse); ``intervention_day``.
    """
    return pl.DataFrame([_patient_row(follow_up) for follow_up in follow_ups], infer_schema_length=None)


def _patient_row(follow_up: FollowUp) -> dict[str, object]:
    fate = follow_up.fate
    relapse = fate.growth.day if fate.growth is not None else None
    end = relapse if relapse is not None else fate.last_day
    before = [
        (specimen.day, specimen.raised)
        for specimen in follow_up.specimens
        if specimen.day is not None
        and 0 < specimen.day < end
        and specimen.sample.reason not in {"suspected_relapse", "relapse"}
    ]
    first = next((day for day, raised in before if any(raised)), None)
    days = np.arange(1, end)
    raised = days[is_raised(fate, days, "BM").any(axis=0)]
    return {
        "patient_id": fate.patient.patient_id,
        "baalc_raised_at_diagnosis": fate.baalc_raised,
        "wt1_at_diagnosis_per_1e4": fate.diagnosis_level[0],
        "baalc_at_diagnosis_per_1e4": fate.diagnosis_level[1],
        "relapse_day": relapse,
        "death_day": fate.death_day,
        "last_day": fate.last_day,
        "doubling_days": fate.growth.doubling_days if fate.growth is not None else None,
        "group": _group([state for _, state in before]),
        "landmark_group": _group([state for day, state in before if day <= _LANDMARK_DAY]),
        "first_raised_day": first,
        "lead_days": relapse - first if relapse is not None and first is not None else None,
        "true_lead_days": relapse - int(raised[0]) if relapse is not None and len(raised) else None,
        "warned": first is not None if relapse is not None else None,
        "intervention_day": follow_up.interventions[0] if follow_up.interventions else None,
    }


def _group(states: list[tuple[bool, bool]]) -> str:
    wt1, baalc = (any(state[i] for state in states) for i in (0, 1))
    return {(True, True): "both", (True, False): "WT1", (False, True): "BAALC", (False, False): "neither"}[
        wt1, baalc
    ]


def well_truth(reactions: Reactions, plates: tuple[Plate, ...]) -> pl.DataFrame:
    """Truth of every well.

    Parameters
    ----------
    reactions : Reactions
        The wells.
    plates : tuple of Plate
        Their runs.

    Returns
    -------
    polars.DataFrame
        ``run_id``, ``place`` (from 1, row by row), ``target``, ``sample``, ``expected_copies``,
        ``molecules``, ``delay_cycles``.
    """
    return pl.DataFrame(
        {
            "run_id": np.array([plate.run.run_id for plate in plates])[reactions.run],
            "place": reactions.place + 1,
            "target": np.array(TARGETS)[reactions.target],
            "sample": reactions.name,
            "expected_copies": reactions.expected_copies / reactions.dilution,
            "molecules": reactions.molecules,
            "delay_cycles": reactions.delay,
        }
    )
