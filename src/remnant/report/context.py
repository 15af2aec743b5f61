"""What a report says about itself: study, version, software, when it was written."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from remnant.records import codec
from remnant.records.dossier import Dossier

__all__ = ["DISCLAIMER", "Context", "report_id"]

DISCLAIMER = "Research use only. Not for diagnosis or treatment decisions."


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Setting of a report.

    Attributes
    ----------
    study : str
        Name of the study.
    software : str
        Name and version of the program.
    written_at : datetime.datetime
        When, with time zone.
    laboratory : str
        Name of the laboratory; empty if not given.
    report_version : int
        Counts the reports on one patient.
    replaces : str
        Report that this one amends; empty for the first.
    assumptions : tuple of str
        Unverified assumptions of the whole study, each one sentence.
    index_link : str
        Relative address of the study's page; empty for none.
    as_of : datetime.date or None
        Day for which due and overdue samples are said; None for the last day known of the patient.
    run_links : mapping of str to str
        Relative address of the page of each run that has one.
    """

    study: str
    software: str
    written_at: dt.datetime
    laboratory: str = ""
    report_version: int = 1
    replaces: str = ""
    assumptions: tuple[str, ...] = ()
    index_link: str = ""
    as_of: dt.date | None = None
    run_links: Mapping[str, str] = field(default_factory=dict)


def report_id(dossier: Dossier, *, context: Context) -> str:
    """Identifier of a report: the same content for the same day, written by the same software, has the same one.

    Parameters
    ----------
    dossier : Dossier
        What is reported.
    context : Context
        Study and software.

    Returns
    -------
    str
        The patient's code and ten hexadecimal digits.
    """
    day = f"{context.as_of}\n" if context.as_of else ""
    text = f"{context.study}\n{context.software}\n{day}{codec.to_json(dossier)}"
    return f"{dossier.patient.patient_id}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
