"""From plates to wells: standards, controls, and the Cq of every well.

Wells are columnar (`Reactions`), one row a well. Molecules are Poisson; a detected well has

    Cq = intercept + slope * log10(molecules) + delay

with the plate's own intercept and slope for each target (they drift from plate to plate) and a delay made
of technical error, inhibition and bad replicates. The run's error and the cDNA's act on the target's
copies, not on the control's: they are errors of the ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.example.assay import Laboratory, draw_shared_error
from remnant.example.assumptions import number, numbers
from remnant.example.fate import MARKERS, Pair
from remnant.example.plates import Plate
from remnant.records.run import Well, WellKind

__all__ = ["TARGETS", "Reactions", "cq", "draw_reactions", "wells"]

Rng = np.random.Generator
Floats = NDArray[np.float64]
TARGETS: Final = (*MARKERS, "ABL1")
_CONTROL: Final = TARGETS.index("ABL1")
_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reactions:
    """All wells of all plates, columnar.

    Attributes
    ----------
    run, place, target : ndarray of int, shape (n,)
        Plate, place on it (row by row), index into `TARGETS`.
    kind, name : ndarray of str, shape (n,)
        What the well holds.
    replicate : ndarray of int, shape (n,)
        From 1 within kind, name and target.
    standard_copies : ndarray of float, shape (n,)
        Nominal copies of a standard; NaN elsewhere.
    expected_copies : ndarray of float, shape (n,)
        Mean of the Poisson law, all errors above the well included.
    molecules : ndarray of int, shape (n,)
        What was in the well.
    intercept, slope, delay : ndarray of float, shape (n,)
        How it amplified.
    dilution : ndarray of float, shape (n,)
        Further dilution of the cDNA in the well.
    excluded : ndarray of str, shape (n,)
        The laboratory's reason for leaving the well out; empty if it did not.
    """

    run: NDArray[np.int64]
    place: NDArray[np.int64]
    target: NDArray[np.int64]
    kind: NDArray[np.str_]
    name: NDArray[np.str_]
    replicate: NDArray[np.int64]
    standard_copies: Floats
    expected_copies: Floats
    molecules: NDArray[np.int64]
    intercept: Floats
    slope: Floats
    delay: Floats
    dilution: Floats
    excluded: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.run)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Wells of one kind, name and target on a plate."""

    run: int
    target: int
    kind: WellKind
    name: str
    wells: int
    standard_copies: float
    expected_copies: float


def draw_reactions(rng: Rng, plates: tuple[Plate, ...], laboratory: Laboratory) -> Reactions:
    """Run the plates.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    plates : tuple of Plate
        What stands on them.
    laboratory : Laboratory
        How precise the laboratory is.

    Returns
    -------
    Reactions
        Every well, in the order of run and place.
    """
    lots = [
        _dilution_errors(rng, numbers("error.dilution_sd_log10")[0]) for _ in range(len(plates) // 25 + 1)
    ]
    slots: list[_Slot] = []
    for index, plate in enumerate(plates):
        run_error = draw_shared_error(rng, laboratory.run_sd_log10)
        dilution = lots[index // 25] + _dilution_errors(rng, numbers("error.dilution_sd_log10")[1])
        slots += _tube_slots(index, plate, run_error)
        slots += _standard_slots(index, dilution)
        slots += _control_slots(rng, index, laboratory, run_error)
        slots += [_Slot(index, target, "ntc", "NTC", 1, np.nan, 0.0) for target in range(len(TARGETS))]
    repeats = np.array([slot.wells for slot in slots])
    run = np.repeat([slot.run for slot in slots], repeats)
    target = np.repeat([slot.target for slot in slots], repeats)
    kind = np.repeat([slot.kind for slot in slots], repeats)
    expected = np.repeat([slot.expected_copies for slot in slots], repeats)
    ends = np.cumsum(repeats)
    intercept, slope = _calibrations(rng, len(plates))
    return Reactions(
        run=run,
        place=np.arange(len(run)) - np.searchsorted(run, run),
        target=target,
        kind=kind,
        name=np.repeat([slot.name for slot in slots], repeats),
        replicate=np.arange(len(run)) - np.repeat(ends - repeats, repeats) + 1,
        standard_copies=np.repeat([slot.standard_copies for slot in slots], repeats),
        expected_copies=expected,
        molecules=rng.poisson(expected),
        intercept=intercept[run, target],
        slope=slope[run, target],
        delay=_delays(rng, laboratory, from_blood=np.isin(kind, ("unknown", "positive_control"))),
        dilution=np.ones(len(run)),
        excluded=np.full(len(run), "", dtype=object),
    )


def _dilution_errors(rng: Rng, sd_log10: float) -> Floats:
    """Accumulated pipetting error of each level of a dilution series, highest level first pipetted."""
    levels = len(numbers("plate.standards_target"))
    steps = rng.normal(0.0, sd_log10, (len(TARGETS), levels))
    return np.asarray(np.cumsum(steps, axis=1)[:, ::-1])


def _calibrations(rng: Rng, plates: int) -> tuple[Floats, Floats]:
    """Intercept and slope of every plate and target; intercepts drift from plate to plate."""
    mean, between_targets, between_plates = numbers("curve.intercept")
    carry = number("curve.plate_drift")
    fresh = rng.normal(0.0, between_plates, (plates, len(TARGETS)))
    drift = np.empty_like(fresh)
    previous = fresh[0] if plates else fresh
    for index in range(plates):
        previous = carry * previous + np.sqrt(1.0 - carry**2) * fresh[index]
        drift[index] = previous
    intercept = mean + rng.normal(0.0, between_targets, len(TARGETS)) + drift
    mean, between_targets, between_plates = numbers("curve.slope")
    slope = mean + rng.normal(0.0, between_targets, len(TARGETS))
    return intercept, slope + rng.normal(0.0, between_plates, (plates, len(TARGETS)))


def _delays(rng: Rng, laboratory: Laboratory, *, from_blood: NDArray[np.bool_]) -> Floats:
    """Technical error, inhibition (of what came from blood or marrow, not of plasmids), bad replicates."""
    count = len(from_blood)
    delay = rng.normal(0.0, laboratory.technical_sd_cycles, count)
    inhibited = (rng.random(count) < number("error.inhibited_wells")) & from_blood
    low, high = numbers("error.inhibited_cycles")
    delay += np.where(inhibited, rng.uniform(low, high, count), 0.0)
    bad = rng.random(count) < number("error.bad_wells")
    return np.asarray(delay + np.where(bad, rng.normal(0.0, number("error.bad_sd_cycles"), count), 0.0))


def _tube_slots(index: int, plate: Plate, run_error: Pair) -> list[_Slot]:
    slots = []
    for number_on_plate, tube in enumerate(plate.tubes):
        for target, marker in enumerate(MARKERS):
            if marker in tube.targets:
                error = tube.transcription_log10[target] + run_error[target]
                ratio = tube.specimen.sample_truth[target] * 1e-4 * 10.0**error
                slots.append(
                    _Slot(index, target, "unknown", tube.cdna.cdna_id, 3, np.nan, tube.abl1_copies * ratio)
                )
        control_wells = 3 if number_on_plate % 2 == 0 else 2
        slots.append(
            _Slot(index, _CONTROL, "unknown", tube.cdna.cdna_id, control_wells, np.nan, tube.abl1_copies)
        )
    return slots


def _standard_slots(index: int, dilution_log10: Floats) -> list[_Slot]:
    slots = []
    for target, gene in enumerate(TARGETS):
        levels = numbers("plate.standards_control" if target == _CONTROL else "plate.standards_target")
        for level, copies in enumerate(levels):
            true = copies * 10.0 ** float(dilution_log10[target, level])
            slots.append(_Slot(index, target, "standard", f"STD-{gene}-{copies:.0f}", 2, copies, true))
    return slots


def _control_slots(rng: Rng, index: int, laboratory: Laboratory, run_error: Pair) -> list[_Slot]:
    """Internal controls, extracted and transcribed anew for this run."""
    slots = []
    for name in ("high", "low"):
        error = draw_shared_error(rng, laboratory.transcription_sd_log10)
        abl1 = number("abl1.copies") * 10.0 ** rng.normal(0.0, 0.08)
        code = f"IQC-{name.upper()}"
        for target, level in enumerate(numbers(f"control.{name}")):
            ratio = level * 1e-4 * 10.0 ** (error[target] + run_error[target])
            slots.append(_Slot(index, target, "positive_control", code, 2, np.nan, abl1 * ratio))
        slots.append(_Slot(index, _CONTROL, "positive_control", code, 2, np.nan, abl1))
    return slots


def cq(reactions: Reactions) -> Floats:
    """Quantification cycle of every well.

    Parameters
    ----------
    reactions : Reactions
        The wells.

    Returns
    -------
    ndarray of float, shape (n,)
        Cycles, to three places; NaN where nothing was detected up to the last cycle.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        cycles = reactions.intercept + reactions.slope * np.log10(reactions.molecules) + reactions.delay
    found = (reactions.molecules > 0) & (cycles <= number("plate.cycles"))
    return np.where(found, np.round(cycles, 3), np.nan)


def wells(reactions: Reactions, plates: tuple[Plate, ...]) -> tuple[Well, ...]:
    """Wells as the instrument's software has them.

    Parameters
    ----------
    reactions : Reactions
        The wells.
    plates : tuple of Plate
        Their runs.

    Returns
    -------
    tuple of Well
        One a row of `reactions`.
    """
    in_table = np.array([plate.form != "rdml" for plate in plates])[reactions.run]
    names = [plate.run.run_id for plate in plates]
    columns = zip(
        reactions.run.tolist(),
        reactions.place.tolist(),
        reactions.target.tolist(),
        reactions.name.tolist(),
        reactions.kind.tolist(),
        cq(reactions).tolist(),
        reactions.standard_copies.tolist(),
        reactions.dilution.tolist(),
        reactions.excluded.tolist(),
        reactions.replicate.tolist(),
        in_table.tolist(),
        strict=True,
    )
    volume = number("plate.cdna_ul")
    return tuple(
        Well(
            run_id=names[run],
            position=f"{'ABCDEFGH'[place // _COLUMNS]}{place % _COLUMNS + 1:02d}",
            target=TARGETS[target],
            sample=name,
            kind=kind,
            detected=not math.isnan(cycle),
            cq=None if math.isnan(cycle) else cycle,
            standard_copies=copies if kind == "standard" else None,
            cdna_ul=volume if table and kind == "unknown" else None,
            dilution=dilution,
            excluded=excluded or None,
            replicate=replicate if table else None,
        )
        for run, place, target, name, kind, cycle, copies, dilution, excluded, replicate, table in columns
    )
