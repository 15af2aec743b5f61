"""Puts the awkward cases of a real laboratory into a made-up study, on purpose, and says where.

Each case is one row of `AWKWARD` and, once placed, one `AwkwardCase` with the sample, cDNA or run that
shows it. A small study may have no fitting patient for a case; then the case is not placed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from remnant.example.assay import Laboratory, Specimen, Tube, draw_abl1, draw_shared_error
from remnant.example.assumptions import numbers
from remnant.example.course import blast_percent, levels
from remnant.example.fate import Fate
from remnant.example.visits import FollowUp, Visit, draw_specimen

__all__ = ["AWKWARD", "AwkwardCase", "place_in_samples", "place_in_tubes"]

Rng = np.random.Generator

AWKWARD: Final[dict[str, str]] = {
    "control_below_1000": "ABL1 below 1,000 copies: not evaluable",
    "control_1000_to_10000": "ABL1 between 1,000 and 10,000 copies: reduced sensitivity",
    "undetected_good_control": "WT1 undetected in blood with good ABL1: a limit, never 0",
    "one_of_three_positive": "one of three WT1 wells positive: detected, not quantifiable",
    "same_day_marrow_and_blood": "marrow and blood drawn on one day: two series",
    "above_upper_standard": "WT1 above the highest standard",
    "suspected_relapse": "drawn because relapse was suspected: no predictor",
    "haemodilute": "marrow diluted with blood",
    "intervention_between_samples": "donor lymphocytes or azacitidine since the last sample",
    "same_day_duplicate_cdna": "one sample transcribed twice",
    "missing_marker": "BAALC not measured in this sample",
    "two_control_wells": "three target and two control wells",
    "unequal_exposure": "ABL1 wells with cDNA diluted tenfold, target wells undiluted",
    "outlier_replicate": "one WT1 well late by 2.5 cycles",
    "excluded_well": "a well left out by the laboratory, with its reason",
    "failing_curve": "standard curve of WT1 outside every gate: nothing of it may be quantified",
    "contaminated_ntc": "no-template control of WT1 positive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwkwardCase:
    """Where an awkward case stands.

    Attributes
    ----------
    case : str
        Key of `AWKWARD`.
    meaning : str
        Its sentence.
    sample_id, cdna_id, run_id : str or None
        What shows it.
    """

    case: str
    meaning: str
    sample_id: str | None = None
    cdna_id: str | None = None
    run_id: str | None = None


Edit = Callable[[Rng, Laboratory, Fate, Specimen], list[Specimen]]


def _marked(specimen: Specimen, case: str) -> Specimen:
    """Carry the case in place of the number, which is given later."""
    return replace(specimen, sample=replace(specimen.sample, sample_id=case))


def _is_routine(specimen: Specimen, material: str) -> bool:
    sample = specimen.sample
    after = specimen.day is not None and specimen.day > 45
    return (
        after
        and sample.material == material
        and sample.reason == "scheduled"
        and (sample.blast_percent or 0) < 5
    )


def _is_good_blood(specimen: Specimen) -> bool:
    return _is_routine(specimen, "PB") and specimen.abl1_copies > 10_000.0


def _copies(specimen: Specimen) -> float:
    """WT1 copies a well before any error."""
    return specimen.sample_truth[0] * 1e-4 * specimen.abl1_copies


def _with_control(copies: float) -> Edit:
    return lambda _rng, _lab, _fate, specimen: [replace(specimen, abl1_copies=copies)]


def _unchanged(_rng: Rng, _laboratory: Laboratory, _fate: Fate, specimen: Specimen) -> list[Specimen]:
    return [specimen]


def _with_blood(rng: Rng, laboratory: Laboratory, fate: Fate, specimen: Specimen) -> list[Specimen]:
    visit = Visit(day=specimen.day or 0, material="PB", reason="scheduled")
    return [specimen, draw_specimen(rng, laboratory, fate, visit)]


def _very_high(_rng: Rng, _laboratory: Laboratory, _fate: Fate, specimen: Specimen) -> list[Specimen]:
    needed = 2.5 * numbers("plate.standards_target")[-1] / (specimen.sample_truth[0] * 1e-4)
    return [replace(specimen, abl1_copies=max(specimen.abl1_copies, min(needed, 120_000.0)))]


def _diluted(_rng: Rng, _laboratory: Laboratory, fate: Fate, specimen: Specimen) -> list[Specimen]:
    marrow, blood = (np.sum(levels(fate, specimen.day or 0, where), axis=0)[:, 0] for where in ("BM", "PB"))
    wt1, baalc = np.array(specimen.sample_truth) * (0.4 * marrow + 0.6 * blood) / marrow
    sample = replace(specimen.sample, quality="haemodilute")
    return [replace(specimen, sample=sample, sample_truth=(float(wt1), float(baalc)))]


def _suspected(rng: Rng, laboratory: Laboratory, fate: Fate, specimen: Specimen) -> list[Specimen]:
    """A sample a few days before relapse, its blasts still below 5 %."""
    relapse = specimen.day or 0
    days = [relapse - ahead for ahead in (3, 4, 5, 6, 8, 10, 13)]
    day = next((day for day in days if blast_percent(fate, day, "BM")[0] < 3.0), days[-1])
    visit = Visit(day=day, material="BM", reason="suspected_relapse")
    return [_marked(draw_specimen(rng, laboratory, fate, visit), "suspected_relapse"), specimen]


def _sample_cases() -> list[tuple[str, Callable[[Specimen], float | None], Edit]]:
    """Case, preference (None: does not fit; the smallest fits best) and edit."""
    low, middle = 250.0, 2_800.0
    return [
        ("undetected_good_control", lambda s: _copies(s) if _is_good_blood(s) else None, _unchanged),
        (
            "one_of_three_positive",
            lambda s: abs(np.log(_copies(s) / 0.4)) if _is_good_blood(s) else None,
            _unchanged,
        ),
        (
            "above_upper_standard",
            lambda s: (
                -s.sample_truth[0] if s.sample.reason == "diagnosis" and s.sample_truth[0] > 25_000 else None
            ),
            _very_high,
        ),
        (
            "suspected_relapse",
            lambda s: s.sample.blast_percent if s.sample.reason == "relapse" and (s.day or 0) > 60 else None,
            _suspected,
        ),
        ("control_below_1000", lambda s: 0.0 if _is_routine(s, "BM") else None, _with_control(low)),
        ("control_1000_to_10000", lambda s: 0.0 if _is_routine(s, "BM") else None, _with_control(middle)),
        ("same_day_marrow_and_blood", lambda s: 0.0 if _is_routine(s, "BM") else None, _with_blood),
        ("haemodilute", lambda s: 0.0 if _is_routine(s, "BM") else None, _diluted),
    ]


def place_in_samples(
    rng: Rng, laboratory: Laboratory, follow_ups: tuple[FollowUp, ...]
) -> tuple[FollowUp, ...]:
    """Change or add samples; each patient shows one case at the most.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    laboratory : Laboratory
        Who measures.
    follow_ups : tuple of FollowUp
        The patients.

    Returns
    -------
    tuple of FollowUp
        The same patients; a sample that shows a case carries its name as `sample_id` until it is numbered.
    """
    changed = list(follow_ups)
    used = _mark_intervention(changed)
    for case, preference, edit in _sample_cases():
        fitting = [
            (value, i, j)
            for i, follow_up in enumerate(changed)
            if i not in used
            for j, specimen in enumerate(follow_up.specimens)
            if (value := preference(specimen)) is not None
        ]
        if not fitting:
            continue
        _, i, j = min(fitting)
        used.add(i)
        specimens = list(changed[i].specimens)
        edited = edit(rng, laboratory, changed[i].fate, specimens[j])
        if not any(specimen.sample.sample_id for specimen in edited):
            edited[0] = _marked(edited[0], case)
        specimens[j : j + 1] = edited
        changed[i] = replace(changed[i], specimens=tuple(specimens))
    return tuple(changed)


def _mark_intervention(follow_ups: list[FollowUp]) -> set[int]:
    for i, follow_up in enumerate(follow_ups):
        for day in follow_up.interventions:
            later = [j for j, specimen in enumerate(follow_up.specimens) if (specimen.day or 0) > day]
            if later:
                specimens = list(follow_up.specimens)
                specimens[later[0]] = _marked(specimens[later[0]], "intervention_between_samples")
                follow_ups[i] = replace(follow_up, specimens=tuple(specimens))
                return {i}
    return set()


def place_in_tubes(
    rng: Rng, laboratory: Laboratory, tubes: tuple[Tube, ...], placed: dict[str, str]
) -> tuple[tuple[Tube, ...], dict[str, str]]:
    """Transcribe one sample twice, and leave a marker out of another.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    laboratory : Laboratory
        Who measures.
    tubes : tuple of Tube
        Not yet numbered.
    placed : dict of str to str
        Case to sample, so far.

    Returns
    -------
    tubes : tuple of Tube
        With the second cDNA at the end.
    placed : dict of str to str
        Case to sample.
    """
    taken = set(placed.values())
    free = [
        i
        for i, tube in enumerate(tubes)
        if _is_routine(tube.specimen, "BM") and tube.specimen.sample.sample_id not in taken
    ]
    if len(free) < 2:
        return tubes, placed
    twice, without = free[len(free) // 3], free[2 * len(free) // 3]
    changed = list(tubes)
    changed[without] = replace(changed[without], targets=("WT1",))
    changed.append(
        replace(
            changed[twice],
            transcription_log10=draw_shared_error(rng, laboratory.transcription_sd_log10),
            abl1_copies=draw_abl1(rng, early=False)[0],
        )
    )
    return tuple(changed), {
        **placed,
        "same_day_duplicate_cdna": changed[twice].specimen.sample.sample_id,
        "missing_marker": changed[without].specimen.sample.sample_id,
    }
