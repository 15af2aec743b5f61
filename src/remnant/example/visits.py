"""When a patient is sampled, what the sample holds, and what the physicians do about a rise.

Planned visits, some missed; a repeat two to four weeks after a rise; one sample at relapse. A rise is what
the laboratory would see: the sample's own level with the error of its reverse transcription.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from remnant.example.assay import Laboratory, Specimen, draw_abl1, draw_biology, draw_shared_error
from remnant.example.assumptions import number, numbers
from remnant.example.cohort import World
from remnant.example.course import blast_percent, cutoffs, growth_share, is_raised, levels
from remnant.example.draws import chance, uniform
from remnant.example.fate import Fate
from remnant.records.sample import Material, Sample, SamplingReason

__all__ = ["FollowUp", "Visit", "draw_specimen", "follow"]

Rng = np.random.Generator
_OVERT_BLAST_PERCENT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A day on which a sample is drawn.

    Attributes
    ----------
    day : int
        Days from transplantation.
    material : {"BM", "PB"}
        Marrow or blood.
    reason : SamplingReason
        Why.
    """

    day: int
    material: Material
    reason: SamplingReason


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What the clinic has of one patient.

    Attributes
    ----------
    fate : Fate
        The patient; relapse is moved forward if a planned visit finds it.
    specimens : tuple of Specimen
        Samples by day, not yet numbered.
    interventions : tuple of int
        Days of donor lymphocytes or azacitidine.
    """

    fate: Fate
    specimens: tuple[Specimen, ...]
    interventions: tuple[int, ...]


def follow(rng: Rng, laboratory: Laboratory, fate: Fate, *, world: World) -> FollowUp:
    """Follow one patient from diagnosis to the end.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    laboratory : Laboratory
        Who measures.
    fate : Fate
        The patient.
    world : {"published", "null", "adverse"}
        In the adverse world visits are informative.

    Returns
    -------
    FollowUp
        Samples and interventions.
    """
    queue = [visit for visit in _planned(rng, fate, world) if visit.day < _end(fate)]
    specimens: list[Specimen] = []
    interventions: list[int] = []
    decided, standing = False, (False, False)
    while queue:
        visit = queue.pop(0)
        fate = _found_early(fate, visit.day)
        if visit.day >= _end(fate):
            break
        specimen = draw_specimen(rng, laboratory, fate, visit)
        specimens.append(specimen)
        again, treated = (
            round(uniform(rng, numbers(row))) for row in ("visits.repeat_days", "intervention.after_days")
        )
        given = chance(rng, number("intervention.given"))
        seen = _seen(specimen) if visit.day > 0 else (False, False)
        if any(seen) and not any(standing):
            queue = _with_repeat(
                queue, Visit(day=visit.day + again, material=visit.material, reason="confirmation")
            )
            queue = [later for later in queue if later.day < _end(fate)]
        if not decided and seen[0] and (standing[0] or seen[1]):
            decided = True
            interventions += [visit.day + treated] if given else []
        standing = seen
    specimens += [draw_specimen(rng, laboratory, fate, visit) for visit in _at_and_after_relapse(rng, fate)]
    return FollowUp(
        fate=fate,
        specimens=tuple(specimens),
        interventions=tuple(day for day in interventions if day < _end(fate)),
    )


def _end(fate: Fate) -> int:
    return fate.growth.day if fate.growth is not None else fate.last_day


def _with_repeat(queue: list[Visit], repeat: Visit) -> list[Visit]:
    """Add a repeat, unless a planned visit within a week of it serves as one."""
    if any(abs(visit.day - repeat.day) <= 7 for visit in queue):
        return queue
    return sorted([*queue, repeat], key=lambda visit: visit.day)


def _planned(rng: Rng, fate: Fate, world: World) -> list[Visit]:
    jitter = int(number("visits.jitter_days"))
    days = [int(day) for day in numbers("visits.days")]
    after = [
        day + int(shift)
        for day, shift in zip(days, rng.integers(-jitter, jitter + 1, len(days)), strict=True)
    ]
    planned = [round(uniform(rng, numbers("visits.before_days"))), *after]
    marrow, present = rng.random(len(planned)) < fate.marrow_share, rng.random(len(planned))
    missing = [number("visits.missing")] * len(planned)
    extra = -round(uniform(rng, numbers("adverse.extra_visit_days")))
    extra_material: Material = "BM" if chance(rng, fate.marrow_share) else "PB"
    if world == "adverse":
        well, ill = numbers("adverse.missing")
        overt = fate.growth.day if fate.growth is not None else 10_000
        missing = [ill if overt - 60 < day < overt else well for day in planned]
    visits = [Visit(day=fate.diagnosis_day, material="BM", reason="diagnosis")]
    visits += [
        Visit(day=day, material="BM" if in_marrow else "PB", reason="scheduled")
        for day, in_marrow, draw, miss in zip(planned, marrow, present, missing, strict=True)
        if draw >= miss
    ]
    if world == "adverse" and fate.growth is not None and fate.growth.day + extra > 0:
        visits.append(Visit(day=fate.growth.day + extra, material=extra_material, reason="unknown"))
    return sorted(visits, key=lambda visit: visit.day)


def _found_early(fate: Fate, day: int) -> Fate:
    """Move relapse forward to a visit that shows it: the clone's curve stays the same."""
    growth = fate.growth
    if growth is None or not 0 < day < growth.day or blast_percent(fate, day, "BM")[0] < _OVERT_BLAST_PERCENT:
        return fate
    share = float(growth_share(fate, day)[()])
    ahead = day - growth.day
    slowed = float(np.exp(ahead / growth.gompertz_days)) if growth.gompertz_days else 1.0
    moved = replace(
        growth,
        day=day,
        level=(growth.level[0] * share, growth.level[1] * share),
        doubling_days=growth.doubling_days * slowed,
        blast_percent=float(blast_percent(fate, day, "BM")[0]),
    )
    death = fate.death_day + ahead if fate.death_day is not None else None
    return replace(fate, growth=moved, death_day=death, last_day=fate.last_day + ahead)


def _at_and_after_relapse(rng: Rng, fate: Fate) -> list[Visit]:
    marrow, later = chance(rng, 0.9), round(uniform(rng, (21, 35)))
    drawn = chance(rng, number("visits.after_relapse"))
    if fate.growth is None:
        return []
    visits = [Visit(day=fate.growth.day, material="BM" if marrow else "PB", reason="relapse")]
    if drawn and fate.growth.day + later < fate.last_day:
        visits.append(Visit(day=fate.growth.day + later, material="BM", reason="scheduled"))
    return visits


def _seen(specimen: Specimen) -> tuple[bool, bool]:
    """Which markers the laboratory would call raised."""
    seen = np.array(specimen.sample_truth) * 10.0 ** np.array(specimen.transcription_log10)
    wt1, baalc = seen > cutoffs(specimen.sample.material)
    return bool(wt1), bool(baalc)


def draw_specimen(rng: Rng, laboratory: Laboratory, fate: Fate, visit: Visit) -> Specimen:
    """Draw one sample of one patient.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    laboratory : Laboratory
        Who measures.
    fate : Fate
        The patient.
    visit : Visit
        When, what and why.

    Returns
    -------
    Specimen
        The sample, without its number.
    """
    background, excess = levels(fate, visit.day, visit.material)
    wt1, baalc = (background + excess)[:, 0]
    raised = is_raised(fate, visit.day, visit.material)[:, 0]
    copies, degraded = draw_abl1(rng, early=0 < visit.day < 45)
    drawn_on = fate.transplant_on + dt.timedelta(days=visit.day)
    blasts = _draw_blasts(rng, fate, visit)
    whole, cd3, cd34 = _draw_chimerism(rng, fate, visit)
    cd34_cells = round(0.4 * blasts + uniform(rng, (0.4, 2.0) if visit.material == "BM" else (0.02, 0.2)), 1)
    noted = chance(rng, 0.5)
    return Specimen(
        sample=Sample(
            sample_id="",
            patient_id=fate.patient.patient_id,
            material=visit.material,
            drawn_on=drawn_on,
            received_on=drawn_on + dt.timedelta(days=int(rng.integers(0, 3))),
            reason=visit.reason,
            blast_percent=blasts,
            chimerism_whole_percent=whole,
            chimerism_cd3_percent=cd3,
            chimerism_cd34_percent=cd34,
            quality="degraded" if degraded and noted else "good",
            cd34_percent=cd34_cells,
        ),
        day=visit.day,
        patient_truth=(float(wt1), float(baalc)),
        sample_truth=draw_biology(rng, (float(wt1), float(baalc))),
        raised=(bool(raised[0]), bool(raised[1])),
        transcription_log10=draw_shared_error(rng, laboratory.transcription_sd_log10),
        abl1_copies=copies,
    )


def _draw_blasts(rng: Rng, fate: Fate, visit: Visit) -> float:
    normal = uniform(rng, numbers("blasts.normal_percent"))
    leukaemic = float(blast_percent(fate, visit.day, visit.material)[0])
    if visit.material == "PB":
        return round(leukaemic, 1)
    total = normal + leukaemic
    # A visit that did not make relapse overt was read as below 5 %.
    ceiling = 97.0 if leukaemic >= _OVERT_BLAST_PERCENT else 4.5
    return round(min(total, ceiling), 1)


def _draw_chimerism(rng: Rng, fate: Fate, visit: Visit) -> tuple[float | None, float | None, float | None]:
    """Donor share of whole cells, CD3+ and CD34+ cells; None before engraftment."""
    whole, cd3, cd34 = rng.random(3)
    if visit.day < 20:
        return None, None, None
    share = float(growth_share(fate, visit.day))
    blasts = float(blast_percent(fate, visit.day, "BM")[0])
    mixed = 10.0 if visit.day < 90 else 3.0
    return (
        round(max(100.0 - 0.8 * float(whole) - 1.1 * blasts, 1.0), 1),
        round(100.0 - mixed * float(cd3), 1),
        round(max(100.0 - 1.5 * float(cd34) - 80.0 * share, 2.0), 1),
    )
