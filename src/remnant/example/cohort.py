"""Draws the made-up patients of study A: who they are, what becomes of them, how their markers run.

Three worlds. *published*: relapse is commoner with both markers raised at diagnosis, and the returning
clone shows in the markers before it is overt. *null*: markers rise and fall in patients, but relapse is
drawn without looking at them, and the clone shows only on the day of overt relapse. *adverse*: as
published, with a drifting donor background, fast relapses and growth that slows down (Gompertz).
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np

from remnant.example.assumptions import number, numbers, texts
from remnant.example.course import cutoffs
from remnant.example.draws import by_quantiles, chance, log_normal_within, ranged, uniform
from remnant.example.fate import Background, Excursion, Fate, Growth, Pair
from remnant.records.patient import Patient

__all__ = ["World", "draw_background", "draw_fates"]

World = Literal["published", "null", "adverse"]
Rng = np.random.Generator
_STATUSES = ("CR1", "CR2", "active")
_CORE_BINDING_FACTOR = {"RUNX1-RUNX1T1", "CBFB-MYH11"}


def draw_fates(rng: Rng, world: World, patients: int) -> tuple[Fate, ...]:
    """Patients and their fates, in the order of transplantation.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    world : {"published", "null", "adverse"}
        Which world.
    patients : int
        How many; FAB classes and children in the shares of the assumptions, to the nearest patient.

    Returns
    -------
    tuple of Fate
        One a patient, codes ``P001`` and on.
    """
    fabs = _shared_out(texts("cohort.fab_classes"), numbers("cohort.fab_counts"), patients)
    children = round(number("cohort.child_share") * patients)
    is_child = rng.permutation(np.arange(patients) < children)
    first, last = (dt.date.fromisoformat(day) for day in texts("cohort.transplants_from_to"))
    days = np.sort(rng.integers(0, (last - first).days + 1, patients))
    return tuple(
        _draw_fate(
            rng,
            world,
            _draw_patient(rng, f"P{i + 1:03d}", fab=str(fab), child=bool(is_child[i])),
            first + dt.timedelta(days=int(days[i])),
        )
        for i, fab in enumerate(rng.permutation(fabs))
    )


def _shared_out(names: tuple[str, ...], weights: tuple[float, ...], total: int) -> list[str]:
    """Names in proportion to their weights, by largest remainder."""
    exact = np.array(weights) * total / sum(weights)
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[index] += 1
    return [name for name, count in zip(names, counts, strict=True) for _ in range(count)]


def _draw_patient(rng: Rng, code: str, *, fab: str, child: bool) -> Patient:
    age = uniform(rng, numbers("cohort.child_age")) if child else ranged(rng, numbers("cohort.adult_age"))
    status = str(rng.choice(_STATUSES, p=numbers("cohort.status")))
    lesion = _draw_lesion(rng, fab)
    return Patient(
        patient_id=code,
        diagnosis="AML",
        sex="f" if chance(rng, 0.45) else "m",
        age_years=float(int(age)),
        fab=fab,
        lesion=lesion,
        risk=_risk(lesion),
        status_at_transplant=status,
        donor=str(rng.choice(["unrelated", "sibling", "haploidentical"], p=numbers("cohort.donor"))),
        conditioning="myeloablative" if chance(rng, number("cohort.myeloablative")) else "reduced",
        synthetic=True,
    )


def _draw_lesion(rng: Rng, fab: str) -> str | None:
    runx1, cbfb = numbers("cohort.core_binding_factor")
    cbf, other = (
        rng.random(),
        str(rng.choice(["NPM1", "FLT3-ITD", "KMT2A", ""], p=numbers("cohort.other_lesions"))),
    )
    if fab == "M3":
        return "PML-RARA"
    if fab == "M2" and cbf < runx1:
        return "RUNX1-RUNX1T1"
    if fab == "M4" and cbf < cbfb:
        return "CBFB-MYH11"
    return other or None


def _risk(lesion: str | None) -> str:
    groups = {"NPM1": "favourable", "FLT3-ITD": "intermediate", "KMT2A": "adverse"}
    favourable = lesion in _CORE_BINDING_FACTOR or lesion == "PML-RARA"
    return "ELN 2017 " + ("favourable" if favourable else groups.get(lesion or "", "intermediate"))


def _draw_fate(rng: Rng, world: World, patient: Patient, transplant_on: dt.date) -> Fate:
    fab = texts("cohort.fab_classes").index(patient.fab or "")
    baalc_raised = chance(rng, numbers("baalc.raised_by_fab")[fab])
    diagnosis = _draw_diagnosis(rng, baalc_raised=baalc_raised)
    before = numbers("cohort.diagnosis_days_before")
    at = 2 * _STATUSES.index(patient.status_at_transplant or "")
    active = patient.status_at_transplant == "active"
    relapses = chance(rng, _relapse_probability(world, diagnosis[0] > cutoffs("BM")[0], baalc=baalc_raised))
    growth = _draw_growth(
        rng, world, patient, level=_relapse_level(rng, diagnosis, baalc_raised=baalc_raised)
    )
    excursions = _draw_excursions(rng, world, growth if relapses else None)
    death_day, last_day = _draw_end(rng, growth if relapses else None)
    share, concentration = number("visits.marrow_share"), number("visits.marrow_concentration")
    return Fate(
        patient=patient,
        transplant_on=transplant_on,
        diagnosis_day=-round(uniform(rng, before[at : at + 2])),
        diagnosis_level=diagnosis,
        baalc_raised=baalc_raised,
        diagnosis_blast_percent=ranged(rng, numbers("blasts.diagnosis_percent")),
        before_blast_percent=(
            ranged(rng, numbers("blasts.active_percent"))
            if active
            else uniform(rng, numbers("blasts.normal_percent"))
        ),
        before=draw_background(rng),
        after=draw_background(rng, recovering=True, drifting=world == "adverse"),
        growth=growth if relapses else None,
        excursions=excursions,
        blood_lower_log10=uniform(rng, numbers("level.blood_lower_log10")),
        marrow_share=float(rng.beta(share * concentration, (1.0 - share) * concentration)),
        death_day=death_day,
        last_day=last_day,
    )


def _draw_diagnosis(rng: Rng, *, baalc_raised: bool) -> Pair:
    low, high = numbers("wt1.diagnosis_range")
    expressed = log_normal_within(
        rng, number("wt1.diagnosis_median"), number("wt1.diagnosis_sd_log10"), low=low, high=high
    )
    hardly = ranged(rng, numbers("wt1.not_expressed_level"))
    wt1 = hardly if chance(rng, number("wt1.not_expressed")) else expressed
    row = "baalc.raised_percent" if baalc_raised else "baalc.not_raised_percent"
    return wt1, 100.0 * ranged(rng, numbers(row))


def draw_background(rng: Rng, *, recovering: bool = False, drifting: bool = False) -> Background:
    """One healthy person's own levels.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    recovering : bool, default False
        A graft: BAALC is higher while the marrow regenerates.
    drifting : bool, default False
        Whether the levels drift with time.

    Returns
    -------
    Background
        The levels.
    """
    median, low, high = numbers("wt1.background_marrow")
    wt1 = log_normal_within(rng, median, number("wt1.background_marrow_sd_log10"), low=low, high=high)
    marrow = (wt1, 100.0 * ranged(rng, numbers("baalc.background_marrow_percent")))
    blood = (
        ranged(rng, numbers("wt1.background_blood")),
        100.0 * ranged(rng, numbers("baalc.background_blood_percent")),
    )
    mean, sd = numbers("adverse.drift_log10_per_year")
    drift = rng.normal(mean, sd, 2)
    factor = uniform(rng, numbers("baalc.regeneration_factor"))
    return Background(
        marrow=marrow,
        blood=blood,
        regeneration=factor if recovering else 1.0,
        drift_log10_per_year=(float(drift[0]), float(drift[1])) if drifting else (0.0, 0.0),
    )


def _relapse_probability(world: World, wt1: bool, *, baalc: bool) -> float:  # noqa: FBT001 - a pair of markers
    if world == "null":
        return number("relapse.probability_null")
    return numbers("relapse.by_diagnosis")[2 - (int(wt1) + int(baalc))]


def _relapse_level(rng: Rng, diagnosis: Pair, *, baalc_raised: bool) -> Pair:
    mean, sd = numbers("relapse.level_log10_of_diagnosis")
    ratio = 10.0 ** rng.normal(mean, sd)
    acquired = 100.0 * ranged(rng, numbers("baalc.raised_percent"))
    normal = chance(rng, numbers("relapse.normal_baalc")[0 if baalc_raised else 1])
    baalc = ratio * (diagnosis[1] if baalc_raised else acquired)
    return diagnosis[0] * ratio, 0.0 if normal else baalc


def _draw_growth(rng: Rng, world: World, patient: Patient, *, level: Pair) -> Growth:
    median, low, high = numbers("relapse.doubling_days")
    sd_log10 = number("relapse.doubling_sd_ln") / np.log(10.0)
    doubling = log_normal_within(rng, median, sd_log10, low=low, high=high)
    slow, fast = (
        ranged(rng, numbers("relapse.doubling_days_cbf")),
        ranged(rng, numbers("adverse.fast_doubling_days")),
    )
    is_fast = chance(rng, number("adverse.fast_relapse"))
    if patient.lesion in _CORE_BINDING_FACTOR:
        doubling = slow
    if world == "adverse" and is_fast:
        doubling = fast
    return Growth(
        day=round(by_quantiles(rng, numbers("relapse.day_quantiles"))),
        level=level,
        doubling_days=doubling,
        gompertz_days=number("adverse.gompertz_days") if world == "adverse" else 0.0,
        blast_percent=ranged(rng, numbers("blasts.relapse_percent")),
        visible_before=world != "null",
    )


def _draw_excursions(rng: Rng, world: World, growth: Growth | None) -> tuple[Excursion, ...]:
    """Rises that pass, and persistence before relapse; in the null world without looking at relapse."""
    fold, kind, transient = (
        [uniform(rng, numbers("persistence.fold_of_cutoff")) for _ in range(3)],
        rng.random(),
        chance(rng, number("rise.transient_baalc")),
    )
    doubling, halving = numbers("rise.rise_and_fall_days")
    days = "relapse.day_quantiles" if world == "null" else "rise.day_quantiles"
    starts, false_start = (by_quantiles(rng, numbers(days)) for _ in range(2))
    lasts, false_lasts = (uniform(rng, numbers("rise.lasts_days")) for _ in range(2))
    smoulder = number("adverse.persistence" if world == "adverse" else "relapse.persistence")
    early, smoulders = chance(rng, smoulder), ranged(rng, numbers("relapse.smoulders_days"))
    wt1, baalc = fold[0] * cutoffs("BM")[0], fold[1] * cutoffs("BM")[1]
    false_rise = Excursion(
        height=(0.0, float(fold[2] * cutoffs("BM")[1])),
        from_day=false_start,
        to_day=false_start + false_lasts,
        doubling_days=doubling,
        halving_days=halving,
    )
    if growth is not None and growth.visible_before:
        if not early:
            return ()
        shown = (min(wt1, growth.level[0]), min(baalc, growth.level[1]))
        begins = max(-20.0, growth.day - smoulders)
        return (
            Excursion(
                height=shown, from_day=begins, to_day=growth.day, doubling_days=doubling, halving_days=halving
            ),
        )
    both, alone = (
        numbers("rise.null")
        if world == "null"
        else (number("rise.both_without_relapse"), number("rise.wt1_without_relapse"))
    )
    if kind > both + alone:
        return (false_rise,) if transient else ()
    rise = Excursion(
        height=(wt1, baalc if kind < both else 0.0),
        from_day=starts,
        to_day=starts + lasts,
        doubling_days=doubling,
        halving_days=halving,
    )
    return (rise, false_rise) if transient else (rise,)


def _draw_end(rng: Rng, growth: Growth | None) -> tuple[int | None, int]:
    """Day of death, and last day known."""
    followed = round(uniform(rng, numbers("cohort.follow_up_days")))
    dies_after, days_after = (
        chance(rng, number("death.after_relapse")),
        round(ranged(rng, numbers("death.days_after_relapse"))),
    )
    # The probability is of all patients; only those without relapse can meet it.
    alone = chance(rng, number("death.without_relapse") / (1.0 - number("relapse.probability_null")))
    death = round(ranged(rng, numbers("death.day")))
    if growth is None:
        return (death, death) if alone else (None, followed)
    death = growth.day + days_after
    return (death, death) if dies_after else (None, max(followed, growth.day + 60))
