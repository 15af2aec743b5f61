"""Two assays of one day that do not say the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = ["Disagreement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two leukaemia-specific assays of one patient, day and material that disagree.

    Series are compared and never merged. Levels in different units are compared by their change since
    diagnosis only.

    Attributes
    ----------
    patient_id, material : str
        Whose, and from what.
    drawn_on : datetime.date
        Day of both.
    higher, lower : str
        Assay with the higher level, or the positive one; and the other.
    higher_measurement, lower_measurement : str
        What was compared.
    kind : str
        How they disagree: ``"one not detected"``, ``"levels differ"``; of Ph+ ALL ``"fusion without clonotype"``
        (BCR-ABL1 positive, IG/TR negative) and ``"clonotype without fusion"``.
    since : datetime.date or None
        First of the consecutive days with both assays that show a disagreement with a name; None for the others.
    difference_log10, difference_lower, difference_upper : float or None
        Change of the higher minus change of the lower since diagnosis, log10, with its 95 % interval; None
        where a level at diagnosis is missing.
    current : bool
        Whether it is of the last day with both assays in this material.
    rule_id, rule_status : str
        Row of `knowledge`, ``"verified"`` or ``"unverified"``.
    reason : str
        One sentence.
    """

    patient_id: str
    material: str
    drawn_on: dt.date
    higher: str
    lower: str
    higher_measurement: str
    lower_measurement: str
    kind: Literal["one not detected", "levels differ", "fusion without clonotype", "clonotype without fusion"]
    difference_log10: float | None
    difference_lower: float | None
    difference_upper: float | None
    rule_id: str
    rule_status: str
    reason: str
    since: dt.date | None = None
    current: bool = True
