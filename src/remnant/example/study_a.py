"""Study A as a whole: fifty made-up patients with AML, from their fate to the wells of the laboratory.

Every stage draws from a stream of its own, so that the same seed gives the same wells with or without
curves. The stages: fate (`cohort`, `course`), visits, laboratory (`assay`), awkward cases, plates, curves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from remnant.errors import InputError
from remnant.example.assay import Laboratory, Specimen, draw_donors, draw_laboratory, draw_tubes, number_tubes
from remnant.example.awkward import AWKWARD, AwkwardCase, place_in_samples, place_in_tubes
from remnant.example.awkward_wells import place_in_wells
from remnant.example.cohort import World, draw_fates
from remnant.example.curves import draw_fluorescence
from remnant.example.fate import MARKERS
from remnant.example.history import draw_events, draw_therapies
from remnant.example.plates import Plate, draw_plates
from remnant.example.reactions import draw_reactions, wells
from remnant.example.truth import measurement_truth, patient_truth, well_truth
from remnant.example.visits import FollowUp, follow
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Curves, Run, Well
from remnant.records.sample import Cdna, Sample

__all__ = ["StudyA", "simulate_study_a"]

_WORLDS = ("published", "null", "adverse")
_STAGES = 10


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StudyA:
    """A made-up study: what the laboratory has, and what is true.

    Attributes
    ----------
    world : {"published", "null", "adverse"}
        Which world it is from.
    seed : int
        Seed that gives it again.
    patients, events, therapies, samples, cdnas, runs, wells, reported : tuple of records
        What the laboratory has; samples and cDNA of healthy donors among them.
    curves : Curves or None
        Fluorescence of the wells kept as RDML; None if it was not asked for.
    plates : tuple of Plate
        Which run was kept in which kind of file.
    laboratory : Laboratory
        True error levels.
    measurement_truth, patient_truth, well_truth : polars.DataFrame
        See `remnant.example.truth`.
    awkward : tuple of AwkwardCase
        Which sample or run shows which awkward case.
    """

    world: World
    seed: int
    patients: tuple[Patient, ...]
    events: tuple[Event, ...]
    therapies: tuple[Therapy, ...]
    samples: tuple[Sample, ...]
    cdnas: tuple[Cdna, ...]
    runs: tuple[Run, ...]
    wells: tuple[Well, ...]
    reported: tuple[ReportedValue, ...]
    curves: Curves | None
    plates: tuple[Plate, ...]
    laboratory: Laboratory
    measurement_truth: pl.DataFrame
    patient_truth: pl.DataFrame
    well_truth: pl.DataFrame
    awkward: tuple[AwkwardCase, ...]


def simulate_study_a(
    *,
    world: World = "published",
    seed: int = 20,
    patients: int = 50,
    curves: bool = True,
    awkward: bool = True,
) -> StudyA:
    """Make up study A.

    Parameters
    ----------
    world : {"published", "null", "adverse"}, default "published"
        See `remnant.example.cohort`.
    seed : int, default 20
        The same seed gives the same study.
    patients : int, default 50
        Number of patients.
    curves : bool, default True
        Whether to make fluorescence too.
    awkward : bool, default True
        Whether to place the awkward cases of `remnant.example.awkward`.

    Returns
    -------
    StudyA
        The study.

    Raises
    ------
    InputError
        If the world is unknown, or there is no patient.

    Examples
    --------
    >>> study = simulate_study_a(patients=4, seed=1, curves=False)
    >>> len(study.patients), study.patients[0].synthetic, study.patients[0].patient_id
    (4, True, 'P001')
    """
    if world not in _WORLDS or patients < 1:
        raise InputError(
            where="study A",
            found=f"world {world!r}, {patients} patients",
            needed="world " + ", ".join(_WORLDS) + "; at least one patient",
            advice="Correct the argument.",
        )
    streams = [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(_STAGES)]
    (
        of_laboratory,
        of_fate,
        of_visits,
        of_history,
        of_donors,
        of_tubes,
        of_awkward,
        of_plates,
        of_wells,
        of_curves,
    ) = streams
    laboratory = draw_laboratory(of_laboratory)
    follow_ups = tuple(
        follow(of_visits, laboratory, fate, world=world) for fate in draw_fates(of_fate, world, patients)
    )
    if awkward:
        follow_ups = place_in_samples(of_awkward, laboratory, follow_ups)
    specimens, placed = _numbered([*draw_donors(of_donors, laboratory), *_specimens(follow_ups)])
    tubes = draw_tubes(of_tubes, specimens)
    if awkward:
        tubes, placed = place_in_tubes(of_awkward, laboratory, tubes, placed)
    tubes = number_tubes(tubes)
    plates = draw_plates(of_plates, tubes)
    reactions = draw_reactions(of_wells, plates, laboratory)
    cases: tuple[AwkwardCase, ...] = ()
    if awkward:
        reactions, cases = place_in_wells(of_awkward, reactions, plates, placed)
    all_wells = wells(reactions, plates)
    return StudyA(
        world=world,
        seed=seed,
        patients=tuple(follow_up.fate.patient for follow_up in follow_ups),
        events=tuple(event for follow_up in follow_ups for event in draw_events(of_history, follow_up)),
        therapies=tuple(item for follow_up in follow_ups for item in draw_therapies(of_history, follow_up)),
        samples=tuple(specimen.sample for specimen in specimens),
        cdnas=tuple(tube.cdna for tube in tubes),
        runs=tuple(plate.run for plate in plates),
        wells=all_wells,
        reported=_reported(of_history, follow_ups),
        curves=_kept(all_wells, draw_fluorescence(of_curves, reactions), plates) if curves else None,
        plates=plates,
        laboratory=laboratory,
        measurement_truth=measurement_truth(plates),
        patient_truth=patient_truth(follow_ups),
        well_truth=well_truth(reactions, plates),
        awkward=cases,
    )


def _specimens(follow_ups: tuple[FollowUp, ...]) -> list[Specimen]:
    return [specimen for follow_up in follow_ups for specimen in follow_up.specimens]


def _numbered(specimens: list[Specimen]) -> tuple[tuple[Specimen, ...], dict[str, str]]:
    """Give every sample its code, in the order in which they were drawn; and say which shows which case."""
    order = sorted(
        specimens, key=lambda item: (item.sample.drawn_on, item.sample.patient_id, item.sample.material)
    )
    placed: dict[str, str] = {}
    numbered = []
    for index, specimen in enumerate(order, start=1):
        code = f"S-{index:04d}"
        if specimen.sample.sample_id in AWKWARD:
            placed[specimen.sample.sample_id] = code
        numbered.append(replace(specimen, sample=replace(specimen.sample, sample_id=code)))
    return tuple(numbered), placed


def _kept(all_wells: tuple[Well, ...], fluorescence: np.ndarray, plates: tuple[Plate, ...]) -> Curves:
    """Curves of the runs that are kept as RDML: a plain table has none."""
    with_curves = {plate.run.run_id for plate in plates if plate.form == "rdml"}
    rows = [i for i, well in enumerate(all_wells) if well.run_id in with_curves]
    return Curves(
        wells=tuple((all_wells[i].run_id, all_wells[i].position, all_wells[i].target) for i in rows),
        cycles=np.arange(1, fluorescence.shape[1] + 1, dtype=float),
        fluorescence=fluorescence[rows],
    )


def _reported(rng: np.random.Generator, follow_ups: tuple[FollowUp, ...]) -> tuple[ReportedValue, ...]:
    """Earlier results of some patients, typed in from the reports of another laboratory."""
    earlier = [
        specimen
        for follow_up in follow_ups[::4]
        for specimen in follow_up.specimens[:2]
        if specimen.day is not None and specimen.day < 0
    ]
    return tuple(
        _reported_value(rng, specimen, f"X-{index:03d}", target=target)
        for index, specimen in enumerate(earlier, start=1)
        for target in range(len(MARKERS))
    )


def _reported_value(rng: np.random.Generator, specimen: Specimen, code: str, *, target: int) -> ReportedValue:
    """A result with another laboratory's error and limits, WT1 per 10^4 and BAALC in percent."""
    seen = specimen.sample_truth[target] * 10.0 ** rng.normal(0.0, 0.2)
    below, above, scale = seen < 30.0, seen > 50_000.0, (1.0, 0.01)[target]
    return ReportedValue(
        sample_id=code,
        patient_id=specimen.sample.patient_id,
        target=MARKERS[target],
        control="ABL1",
        unit=("per_1e4", "percent")[target],
        value=None if below or above else float(f"{seen * scale:.3g}"),
        upper_limit=30.0 * scale if below else None,
        lower_limit=50_000.0 * scale if above else None,
        control_copies=float(rng.integers(11_000, 40_000)),
        drawn_on=specimen.sample.drawn_on,
        material=specimen.sample.material,
    )
