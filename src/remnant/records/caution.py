"""What lowers trust in a patient's results without changing a number or a state."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = ["Caution", "SampleDilution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDilution:
    """Marrow that a cytometry tube shows to be diluted by blood.

    Attributes
    ----------
    sample_id : str
        Sample.
    basis : str
        What was compared, with numbers.
    """

    sample_id: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """One reason to trust results less.

    Attributes
    ----------
    patient_id : str
        Whose.
    kind : {"primer bias", "haemodilution", "variant not known"}
        What it is.
    code : str
        Stable code of its finding.
    target : str
        Marker it holds for; empty for every marker of the samples.
    samples : tuple of str
        Samples it holds for, by date.
    last_on : datetime.date or None
        Day of the last of them.
    short : str
        Half a sentence that stands beside a state.
    reason : str
        What was found and what it means.
    advice : str
        What to do.
    rule_id, rule_status : str
        Row of `knowledge`, ``"verified"`` or ``"unverified"``.
    source : str
        Paper of the row.
    current : bool
        Of diluted marrow: whether no later marrow of the patient was measured. True for primers.
    """

    patient_id: str
    kind: Literal["primer bias", "haemodilution", "variant not known"]
    code: str
    target: str = ""
    samples: tuple[str, ...]
    last_on: dt.date | None
    short: str
    reason: str
    advice: str
    rule_id: str
    rule_status: str
    source: str
    current: bool = True
