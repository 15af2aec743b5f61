"""Events and therapies of the made-up patients, as a clinic's tables have them."""

from __future__ import annotations

import datetime as dt

import numpy as np

from remnant.example.assumptions import numbers
from remnant.example.draws import chance, uniform
from remnant.example.fate import Fate
from remnant.example.visits import FollowUp
from remnant.records.patient import Event, EventKind, Therapy, TherapyKind

__all__ = ["draw_events", "draw_therapies"]

Rng = np.random.Generator


def _on(fate: Fate, day: float) -> dt.date:
    return fate.transplant_on + dt.timedelta(days=round(day))


def draw_events(rng: Rng, follow_up: FollowUp) -> tuple[Event, ...]:
    """What happened to one patient, by date.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    follow_up : FollowUp
        The patient.

    Returns
    -------
    tuple of Event
        Diagnosis to death or last contact; nothing after it.
    """
    fate = follow_up.fate
    acute, chronic = (chance(rng, share) for share in numbers("gvhd.acute_chronic"))
    grade, extent = str(rng.choice(["I", "II", "III"])), str(rng.choice(["limited", "extensive"]))
    engraftment, acute_day, chronic_day = (uniform(rng, ends) for ends in ((12, 28), (16, 80), (110, 300)))
    happened: list[tuple[EventKind, float, str | None]] = [("diagnosis", fate.diagnosis_day, None)]
    if fate.patient.status_at_transplant != "active":
        happened.append(("remission", fate.diagnosis_day + 40, fate.patient.status_at_transplant))
    happened.append(("transplant", 0, None))
    happened.append(("engraftment", engraftment, None))
    if acute:
        happened.append(("acute_gvhd", acute_day, f"grade {grade}"))
    if chronic:
        happened.append(("chronic_gvhd", chronic_day, extent))
    if fate.growth is not None:
        happened.append(("relapse", fate.growth.day, "marrow"))
    happened = [item for item in happened if item[1] < fate.last_day]
    if fate.death_day is not None:
        cause = "relapse" if fate.growth is not None else "without relapse"
        happened.append(("death", fate.death_day, cause))
    else:
        happened.append(("last_contact", fate.last_day, None))
    return tuple(
        Event(patient_id=fate.patient.patient_id, kind=kind, on=_on(fate, day), detail=detail)
        for kind, day, detail in sorted(happened, key=lambda item: item[1])
    )


def draw_therapies(rng: Rng, follow_up: FollowUp) -> tuple[Therapy, ...]:
    """What one patient was given, by date.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    follow_up : FollowUp
        The patient.

    Returns
    -------
    tuple of Therapy
        Chemotherapy to interventions after a rise.
    """
    fate = follow_up.fate
    taper = uniform(rng, (85, 130))
    reduced = fate.patient.conditioning == "reduced"
    given: list[tuple[TherapyKind, float, float | None, str]] = [
        ("chemotherapy", fate.diagnosis_day + 4, fate.diagnosis_day + 34, "cytarabine, anthracycline"),
        ("conditioning", -7, -2, "fludarabine, busulfan" if reduced else "busulfan, cyclophosphamide"),
        ("immunosuppression", -1, min(taper, fate.last_day), "ciclosporin"),
    ]
    if taper + 45 < fate.last_day:
        given.append(("taper", taper, taper + 45, "ciclosporin"))
    for day in follow_up.interventions:
        if chance(rng, 0.5):
            given.append(("dli", day, day, "donor lymphocytes"))
        else:
            given.append(("azacitidine", day, min(day + 6, fate.last_day), "azacitidine"))
    if fate.growth is not None and fate.growth.day + 5 < fate.last_day:
        given.append(
            ("chemotherapy", fate.growth.day + 3, min(fate.growth.day + 33, fate.last_day), "salvage")
        )
    return tuple(
        Therapy(
            patient_id=fate.patient.patient_id,
            kind=kind,
            start_on=_on(fate, start),
            end_on=_on(fate, end) if end is not None else None,
            agent=agent,
        )
        for kind, start, end, agent in sorted(given, key=lambda item: item[1])
    )
