"""The fate of a made-up patient: what will happen, and how the markers will run.

Levels are per 10^4 ABL1 copies in both markers (BAALC: 100 per 10^4 = 1 %), in the order of `MARKERS`;
days count from transplantation.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from remnant.records.patient import Patient

__all__ = ["MARKERS", "Background", "Excursion", "Fate", "Growth", "Pair"]

MARKERS: Final = ("WT1", "BAALC")
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What normal cells express.

    Attributes
    ----------
    marrow, blood : tuple of two float
        Level of each marker, per 10^4 ABL1.
    regeneration : float
        Factor of BAALC while the marrow regenerates.
    drift_log10_per_year : tuple of two float
        Change of log10 of each level in a year; 0 except in the adverse world.
    """

    marrow: Pair
    blood: Pair
    regeneration: float = 1.0
    drift_log10_per_year: Pair = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The clone that comes back.

    Attributes
    ----------
    day : int
        Day on which overt relapse is found.
    level : tuple of two float
        Leukaemic level of each marker in marrow on that day, per 10^4 ABL1.
    doubling_days : float
        Doubling time on that day.
    gompertz_days : float
        Time in which the growth rate falls e-fold; 0 for exponential growth.
    blast_percent : float
        Leukaemic marrow blasts on that day.
    visible_before : bool
        Whether the markers show it before that day: not in the null world.
    """

    day: int
    level: Pair
    doubling_days: float
    gompertz_days: float
    blast_percent: float
    visible_before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """A rise above background that stands for a while and falls again.

    Attributes
    ----------
    height : tuple of two float
        Excess of each marker in marrow, per 10^4 ABL1.
    from_day, to_day : float
        Days between which it stands.
    doubling_days, halving_days : float
        How it comes and goes.
    """

    height: Pair
    from_day: float
    to_day: float
    doubling_days: float
    halving_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What will happen to one made-up patient.

    Attributes
    ----------
    patient : Patient
        Who.
    transplant_on : datetime.date
        Day 0.
    diagnosis_day : int
        Negative.
    diagnosis_level : tuple of two float
        Level of each marker in marrow at diagnosis, per 10^4 ABL1.
    baalc_raised : bool
        BAALC raised at diagnosis.
    diagnosis_blast_percent, before_blast_percent : float
        Marrow blasts at diagnosis and before transplantation.
    before, after : Background
        The recipient's and the donor's.
    growth : Growth or None
        Relapse; None if there is none.
    excursions : tuple of Excursion
        Rises that pass, and persistence.
    blood_lower_log10 : float
        Leukaemic signal in blood below marrow.
    marrow_share : float
        Probability that a sample after diagnosis is marrow.
    death_day : int or None
        Day of death.
    last_day : int
        Last day known.
    """

    patient: Patient
    transplant_on: dt.date
    diagnosis_day: int
    diagnosis_level: Pair
    baalc_raised: bool
    diagnosis_blast_percent: float
    before_blast_percent: float
    before: Background
    after: Background
    growth: Growth | None
    excursions: tuple[Excursion, ...]
    blood_lower_log10: float
    marrow_share: float
    death_day: int | None
    last_day: int
