"""Alarms before overt relapse, what became of them, and how they warned over patients."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = ["AlarmOutcome", "AlarmSign", "Episode", "MrdAlarm", "MrdWarnings", "WarningCounts"]

AlarmOutcome = Literal["relapse", "regressed", "regressed after therapy", "open"]
AlarmSign = Literal["confirmed", "suspected or confirmed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One confirmed rise of WT1, BAALC or both: an alarm and what became of it.

    Confirmed rises of several series that overlap in time are one alarm of the patient.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    markers : tuple of str
        Markers that were raised and confirmed in it.
    first_raised_on, confirmed_on : datetime.date
        First raised sample, and the sample that confirmed it.
    ended_on : datetime.date or None
        Sample with which the last of its series was no longer raised; None while one still is.
    outcome : {"relapse", "regressed", "regressed after therapy", "open"}
        Overt relapse while it lasted; false alarm; regressed after pre-emptive therapy was begun during
        it; still raised at the last sample.
    """

    patient_id: str
    markers: tuple[str, ...]
    first_raised_on: dt.date
    confirmed_on: dt.date
    ended_on: dt.date | None
    outcome: AlarmOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdAlarm:
    """One alarm of a leukaemia-specific marker by one assay, and what became of it.

    Attributes
    ----------
    patient_id, target, assay_id : str
        Laboratory code, marker and assay; assays are never merged.
    sign : {"confirmed", "suspected or confirmed"}
        Kind of alarm: only those that were confirmed, or all of them. A confirmed relapse is counted in both.
    began_on : datetime.date
        First sample in suspected or confirmed relapse.
    alarm_on : datetime.date
        Sample that raised the alarm: the confirming one, or the first.
    ended_on : datetime.date or None
        Sample with which the last of its series left these states; None while one stands.
    outcome : {"relapse", "regressed", "regressed after therapy", "open"}
        As of an `Episode`.
    """

    patient_id: str
    target: str
    assay_id: str
    sign: AlarmSign
    began_on: dt.date
    alarm_on: dt.date
    ended_on: dt.date | None
    outcome: AlarmOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCounts:
    """How well confirmed rises warned, over patients.

    Attributes
    ----------
    patients : int
        Patients followed from transplantation.
    relapses, warned, unwarned : int
        Overt relapses, with and without a standing alarm before them.
    lead_time_days : tuple of int
        Lead times of the warned relapses, ascending.
    false_alarms, alarms_after_therapy, open_alarms : int
        Alarms that regressed without relapse; after pre-emptive therapy; still standing at the end.
    patient_years : float
        Follow-up from transplantation to relapse, death or last contact.
    unwarned_no_sample, unwarned_nothing_raised, unwarned_unconfirmed, unwarned_ended : int
        Those without a warning, apart: no evaluable sample between transplantation and relapse; none of
        them raised; raised and never confirmed; confirmed, and normal again before relapse.
    """

    patients: int
    relapses: int
    warned: int
    unwarned: int
    lead_time_days: tuple[int, ...]
    false_alarms: int
    alarms_after_therapy: int
    open_alarms: int
    patient_years: float
    unwarned_no_sample: int = 0
    unwarned_nothing_raised: int = 0
    unwarned_unconfirmed: int = 0
    unwarned_ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdWarnings:
    """How the alarms of one assay of a leukaemia-specific marker warned, over patients.

    Attributes
    ----------
    target, assay_id : str
        Marker and assay.
    sign : {"confirmed", "suspected or confirmed"}
        Which alarms count.
    counts : WarningCounts
        Over the patients in whom the assay was evaluable, from transplantation or the first remission on.
    """

    target: str
    assay_id: str
    sign: AlarmSign
    counts: WarningCounts
