"""Who is followed, what happened to them, and what they were given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "EVENT_KINDS",
    "THERAPY_KINDS",
    "Event",
    "EventKind",
    "Patient",
    "Therapy",
    "TherapyKind",
    "Variant",
]

EventKind = Literal[
    "diagnosis",
    "remission",
    "transplant",
    "engraftment",
    "acute_gvhd",
    "chronic_gvhd",
    "relapse",
    "extramedullary_relapse",
    "death",
    "last_contact",
    "off_study",
]
EVENT_KINDS: tuple[str, ...] = EventKind.__args__  # type: ignore[attr-defined]

TherapyKind = Literal[
    "chemotherapy",
    "conditioning",
    "immunosuppression",
    "taper",
    "dli",
    "azacitidine",
    "venetoclax",
    "tki",
    "blinatumomab",
    "inotuzumab",
    "car_t",
    "interferon",
    "other",
]
THERAPY_KINDS: tuple[str, ...] = TherapyKind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One patient, under the laboratory's code and nothing that identifies more.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    diagnosis : str
        For example ``"AML"``, ``"Ph+ ALL"``.
    sex : {"f", "m"} or None
        Sex, if given.
    age_years : float or None
        Age at diagnosis in years.
    fab : str or None
        FAB class ``"M0"`` to ``"M7"``.
    lesion : str or None
        Leading genetic lesion, for example ``"CBFB-MYH11"``.
    transcript : str or None
        For example ``"P190"``, ``"P210"``, ``"e1a2"``.
    risk : str or None
        ELN or MRC risk group with its system, for example ``"ELN 2017 adverse"``.
    status_at_transplant : str or None
        ``"CR1"``, ``"CR2"``, ``"active"`` ...
    donor : str or None
        For example ``"unrelated"``, ``"haploidentical"``.
    conditioning : str or None
        ``"myeloablative"`` or ``"reduced"``.
    synthetic : bool
        True for made-up patients; printed wherever they appear.
    """

    patient_id: str
    diagnosis: str
    sex: Literal["f", "m"] | None = None
    age_years: float | None = None
    fab: str | None = None
    lesion: str | None = None
    transcript: str | None = None
    risk: str | None = None
    status_at_transplant: str | None = None
    donor: str | None = None
    conditioning: str | None = None
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A mutation or isoform of a patient's leukaemia that an assay may not see as others do.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    target : str
        Gene as the assays name it, for example ``"WT1"``.
    variant : str
        For example ``"exon 7 mutation"`` or ``"isoform 1-5-6-8"``.
    found_on : datetime.date or None
        Day of the sample it was found in, if known.
    detail : str or None
        Nucleotide change, method, share.
    """

    patient_id: str
    target: str
    variant: str
    found_on: dt.date | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on a day.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    kind : EventKind
        What happened.
    on : datetime.date
        Day it was established.
    detail : str or None
        Grade, site or cause.
    """

    patient_id: str
    kind: EventKind
    on: dt.date
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Therapy:
    """A treatment over an interval of days.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    kind : TherapyKind
        What was given.
    start_on : datetime.date
        First day.
    end_on : datetime.date or None
        Last day; None while it goes on. A single infusion ends on its first day.
    agent : str or None
        Drug or product.
    target_antigen : str or None
        Antigen that the therapy selects against, for example ``"CD19"``.
    """

    patient_id: str
    kind: TherapyKind
    start_on: dt.date
    end_on: dt.date | None = None
    agent: str | None = None
    target_antigen: str | None = None
