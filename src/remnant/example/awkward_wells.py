"""Awkward cases of wells and runs, and the list of all cases of a made-up study."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from remnant.example.assay import Tube
from remnant.example.awkward import AWKWARD, AwkwardCase
from remnant.example.plates import Plate
from remnant.example.reactions import TARGETS, Reactions

__all__ = ["place_in_wells"]

Rng = np.random.Generator
_MANY_COPIES = 200.0
_TUBE_CASES = ("outlier_replicate", "excluded_well", "two_control_wells", "unequal_exposure")


@dataclass(frozen=True, slots=True)
class _Place:
    """A tube and the index of its plate."""

    tube: Tube
    plate: int


def place_in_wells(
    rng: Rng, reactions: Reactions, plates: tuple[Plate, ...], placed: dict[str, str]
) -> tuple[Reactions, tuple[AwkwardCase, ...]]:
    """Change wells and standards, and list all cases.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    reactions : Reactions
        The wells.
    plates : tuple of Plate
        Their runs.
    placed : dict of str to str
        Case to sample, so far.

    Returns
    -------
    reactions : Reactions
        Changed.
    cases : tuple of AwkwardCase
        Every case of the study, in the order of `AWKWARD`.
    """
    changed = replace(
        reactions,
        molecules=reactions.molecules.copy(),
        delay=reactions.delay.copy(),
        dilution=reactions.dilution.copy(),
        excluded=reactions.excluded.copy(),
    )
    everywhere = {
        tube.specimen.sample.sample_id: _Place(tube, p)
        for p, plate in enumerate(plates)
        for tube in plate.tubes
    }
    at = {case: everywhere[sample] for case, sample in placed.items()}
    _set_counts(changed, at)
    for case in _TUBE_CASES:
        free = _free_tubes(plates, at, share_plates=case == "unequal_exposure")
        place = next((p for p in free if _fits(changed, plates, p, case=case)), None)
        if place is not None:
            _edit(rng, changed, place, case=case)
            at[case] = place
    runs = _break_runs(changed, plates, {place.plate for place in at.values()})
    return changed, _listed(plates, at, runs)


def _rows(reactions: Reactions, place: _Place, target: str) -> NDArray[np.int64]:
    named = (reactions.run == place.plate) & (reactions.target == TARGETS.index(target))
    rows = np.flatnonzero(named)
    own: NDArray[np.int64] = rows[reactions.name[rows] == place.tube.cdna.cdna_id]
    return own


def _free_tubes(plates: tuple[Plate, ...], at: dict[str, _Place], *, share_plates: bool) -> list[_Place]:
    """Tubes of patients that show no case yet, by default on plates that show none."""
    busy = set() if share_plates else {place.plate for place in at.values()}
    shown = {place.tube.cdna.cdna_id for place in at.values()}
    return [
        _Place(tube, p)
        for p, plate in enumerate(plates)
        if p not in busy
        for tube in plate.tubes
        if tube.specimen.day is not None and tube.cdna.cdna_id not in shown
    ]


def _set_counts(reactions: Reactions, at: dict[str, _Place]) -> None:
    """Make the rare outcome that two samples were chosen for."""
    for case, counts in (("undetected_good_control", (0, 0, 0)), ("one_of_three_positive", (1, 0, 0))):
        if case in at:
            rows = _rows(reactions, at[case], "WT1")
            reactions.molecules[rows], reactions.delay[rows] = counts, 0.05


def _fits(reactions: Reactions, plates: tuple[Plate, ...], place: _Place, *, case: str) -> bool:
    if case == "unequal_exposure":
        return plates[place.plate].form == "csv"
    if case == "two_control_wells":
        return len(_rows(reactions, place, "ABL1")) == 2
    rows = _rows(reactions, place, "WT1")
    many = len(rows) == 3 and bool((reactions.expected_copies[rows] > _MANY_COPIES).all())
    return many and plates[place.plate].form == "rdml"


def _edit(rng: Rng, reactions: Reactions, place: _Place, *, case: str) -> None:
    rows = _rows(reactions, place, "ABL1" if case == "unequal_exposure" else "WT1")
    if case == "outlier_replicate":
        reactions.delay[rows] = (0.0, 0.03, 2.5)
    elif case == "excluded_well":
        reactions.excluded[rows[1]] = "bubble in the well"
    elif case == "unequal_exposure":
        reactions.dilution[rows] = 10.0
        reactions.molecules[rows] = rng.poisson(reactions.expected_copies[rows] / 10.0)


def _break_runs(reactions: Reactions, plates: tuple[Plate, ...], busy: set[int]) -> dict[str, int]:
    """Spoil one run's WT1 curve and another's no-template control."""
    free = [
        p for p, plate in enumerate(plates) if p not in busy and plate.form == "rdml" and not plate.experiment
    ]
    if len(free) < 2:
        return {}
    failing, contaminated = free[len(free) // 2], free[-1]
    wt1 = reactions.target == TARGETS.index("WT1")
    bad = (reactions.run == failing) & wt1 & (reactions.kind == "standard")
    # A tired dilution series: every tenfold step costs half a cycle too much.
    reactions.delay[bad] -= 0.5 * (np.log10(reactions.standard_copies[bad]) - 3.3)
    ntc = (reactions.run == contaminated) & wt1 & (reactions.kind == "ntc")
    reactions.molecules[ntc], reactions.delay[ntc] = 5, 0.0
    return {"failing_curve": failing, "contaminated_ntc": contaminated}


def _listed(
    plates: tuple[Plate, ...], at: dict[str, _Place], runs: dict[str, int]
) -> tuple[AwkwardCase, ...]:
    cases = []
    for case, meaning in AWKWARD.items():
        if case in at:
            place = at[case]
            cases.append(
                AwkwardCase(
                    case=case,
                    meaning=meaning,
                    sample_id=place.tube.specimen.sample.sample_id,
                    cdna_id=place.tube.cdna.cdna_id,
                    run_id=plates[place.plate].run.run_id,
                )
            )
        elif case in runs:
            cases.append(AwkwardCase(case=case, meaning=meaning, run_id=plates[runs[case]].run.run_id))
    return tuple(cases)
