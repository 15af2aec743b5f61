"""How the two markers of a made-up patient really run: no measurement in it.

A level is background + excess: the background is the recipient's before transplantation and the donor's
after it; the excess is leukaemia, or a rise that passes. This smooth line is the *patient truth*; a
sample's own truth adds within-patient biology (`remnant.example.visits`). Units and order as in
`remnant.example.fate`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remnant.example.assumptions import number, numbers
from remnant.example.fate import Excursion, Fate
from remnant.records.sample import Material

__all__ = ["blast_percent", "cutoffs", "growth_share", "is_raised", "levels"]

Floats = NDArray[np.float64]
_BEFORE_TREATMENT: Final = -30.0
"""Samples drawn earlier than this are samples at diagnosis."""


def growth_share(fate: Fate, day: ArrayLike) -> Floats:
    """Size of the returning clone as a share of its size when relapse is found.

    Parameters
    ----------
    fate : Fate
        The patient.
    day : array_like, shape (n,)
        Days from transplantation.

    Returns
    -------
    ndarray of float, shape (n,)
        Grows to 1 on the day of relapse and is halved every 20 days after it (salvage therapy); 0 before
        transplantation, without relapse, and in the null world before the day of relapse.
    """
    days = np.asarray(day, dtype=float)
    if fate.growth is None:
        return np.zeros_like(days)
    growth = fate.growth
    to_go = np.maximum(growth.day - days, 0.0)
    if growth.gompertz_days > 0.0:
        slowed = growth.gompertz_days * np.expm1(np.minimum(to_go / growth.gompertz_days, 20.0))
        doublings = np.minimum(slowed / growth.doubling_days, 1000.0)
    else:
        doublings = to_go / growth.doubling_days
    share = np.where(days < growth.day, 2.0**-doublings, 2.0 ** (-(days - growth.day) / 20.0))
    seen = (days >= 0.0) & (growth.visible_before | (days >= growth.day))
    return np.where(seen, share, 0.0)


def _excursion(excursion: Excursion, days: Floats) -> Floats:
    early = np.maximum(excursion.from_day - days, 0.0) / excursion.doubling_days
    late = np.maximum(days - excursion.to_day, 0.0) / excursion.halving_days
    return np.asarray(2.0 ** -(early + late))


def _background(fate: Fate, days: Floats, material: Material) -> Floats:
    before, after = (
        np.array(part.marrow if material == "BM" else part.blood)[:, None]
        for part in (fate.before, fate.after)
    )
    begins, full_from, full_to, over = numbers("baalc.regeneration_days")
    strength = np.interp(days, (begins, full_from, full_to, over), (0.0, 1.0, 1.0, 0.0))
    drift = np.array(fate.after.drift_log10_per_year)[:, None] * np.maximum(days, 0.0) / 365.25
    donor = after * 10.0**drift
    donor[1] *= fate.after.regeneration**strength
    return np.where(days < 0.0, before, donor)


def levels(fate: Fate, day: ArrayLike, material: Material) -> tuple[Floats, Floats]:
    """Background and excess of both markers: together the patient truth.

    Parameters
    ----------
    fate : Fate
        The patient.
    day : array_like, shape (n,)
        Days from transplantation.
    material : {"BM", "PB"}
        Marrow or blood.

    Returns
    -------
    background, excess : ndarray of float, shape (2, n)
        Per 10^4 ABL1, in the order of `MARKERS`.
    """
    days = np.atleast_1d(np.asarray(day, dtype=float))
    background = _background(fate, days, material)
    leukaemia = np.zeros_like(background)
    if fate.growth is not None:
        leukaemia += np.array(fate.growth.level)[:, None] * growth_share(fate, days)
    for excursion in fate.excursions:
        leukaemia += np.array(excursion.height)[:, None] * _excursion(excursion, days)
    diagnosis = np.array(fate.diagnosis_level)[:, None]
    left = diagnosis * _residual_percent(fate) / fate.diagnosis_blast_percent
    leukaemia += np.where((days < 0.0) & (days >= _BEFORE_TREATMENT), left, 0.0)
    lower = 10.0**-fate.blood_lower_log10 if material == "PB" else 1.0
    at_diagnosis = days < _BEFORE_TREATMENT
    excess = lower * np.where(at_diagnosis, np.maximum(diagnosis - background, 0.0), leukaemia)
    return np.where(at_diagnosis, np.minimum(background, lower * diagnosis), background), excess


def _residual_percent(fate: Fate) -> float:
    """Leukaemic marrow blasts before transplantation: none in remission."""
    return fate.before_blast_percent if fate.patient.status_at_transplant == "active" else 0.0


def blast_percent(fate: Fate, day: ArrayLike, material: Material) -> Floats:
    """Leukaemic blasts by morphology, without the normal ones.

    Parameters
    ----------
    fate : Fate
        The patient.
    day : array_like, shape (n,)
        Days from transplantation.
    material : {"BM", "PB"}
        Marrow or blood; blood holds half of what exceeds 4 % in marrow.

    Returns
    -------
    ndarray of float, shape (n,)
        Percent of nucleated cells.
    """
    days = np.atleast_1d(np.asarray(day, dtype=float))
    peak = fate.growth.blast_percent if fate.growth is not None else 0.0
    percent = peak * growth_share(fate, days) ** number("blasts.lag_power")
    percent = np.where(days < 0.0, _residual_percent(fate), percent)
    percent = np.where(days < _BEFORE_TREATMENT, fate.diagnosis_blast_percent, percent)
    return np.asarray(percent if material == "BM" else 0.5 * np.maximum(percent - 4.0, 0.0))


def cutoffs(material: Material) -> Floats:
    """What the made-up laboratory calls raised.

    Parameters
    ----------
    material : {"BM", "PB"}
        Marrow or blood.

    Returns
    -------
    ndarray of float, shape (2,)
        Per 10^4 ABL1, in the order of `MARKERS`.
    """
    wt1_marrow, wt1_blood, baalc_marrow, baalc_blood = numbers("level.cutoff_per_1e4")
    return np.array([wt1_marrow, baalc_marrow] if material == "BM" else [wt1_blood, baalc_blood])


def is_raised(fate: Fate, day: ArrayLike, material: Material) -> NDArray[np.bool_]:
    """Whether the patient truth is raised, and not by background alone.

    Parameters
    ----------
    fate : Fate
        The patient.
    day : array_like, shape (n,)
        Days from transplantation.
    material : {"BM", "PB"}
        Marrow or blood.

    Returns
    -------
    ndarray of bool, shape (2, n)
        True where the level is above the cut-off and at least half of it is excess.
    """
    background, excess = levels(fate, day, material)
    above = background + excess > cutoffs(material)[:, None]
    return np.asarray(above & (excess >= background))
