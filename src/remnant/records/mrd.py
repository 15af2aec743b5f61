"""The state of a leukaemia-specific marker in one series on one date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["MrdPoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdPoint:
    """State of one series of a leukaemia-specific marker on one date.

    Transitions are the rule set's on point values. Probabilities stand beside them and change none.

    Attributes
    ----------
    patient_id, assay_id, target, control, material, fraction : str
        The series: materials, fractions, assays and control genes are separate series.
    sample_id, measurement_id : str
        What was judged.
    drawn_on : datetime.date
        Day of the sample.
    day : int or None
        Days from transplantation; None without one.
    level : str
        Of this sample alone: ``negative``, ``detected``, ``low level``, ``positive`` or ``not evaluable``.
    state : str
        ``negative``, ``detected, not quantifiable``, ``low level``, ``positive``, ``suspected relapse``,
        ``confirmed relapse``, ``persistence``, ``progression`` or ``not evaluable``.
    since : datetime.date or None
        First date of this state.
    transition, code : str
        Row of the transition table, and the stable reason code; the transition is empty if not evaluable.
    rule_set, rule_id, rule_version, rule_label, rule_status : str
        Rule set, the row that decided, version, words, and ``"verified"`` or ``"unverified"``.
    samples : tuple of str
        Samples that the state rests on, by date.
    change_log10, change_lower, change_upper : float or None
        log10 change from the previous positive sample of the series, with its 95 % interval. Where only a bound
        of one of the two is known (nothing detected, saturated) there is no estimate, and one end.
    probability_rise, probability_rise_1_log : float or None
        P(change > 0) and P(change >= 1); at least that where the change has only a lower end, at most where only an
        upper one.
    nadir, nadir_lower, nadir_upper : float or None
        Posterior of the lowest level of the samples before, in the measurement's unit: median and 95 % interval.
    rise_log10, probability_step : float or None
        Rise over the smallest earlier value, as the rule reads it, and P(rise over the nadir >= the rule's step).
    confidence : str
        ``"robust"`` or ``"borderline"`` of a step that was or might be; empty where no step was asked.
    confirm_by : datetime.date or None
        Last day for a confirming sample.
    would_change : str
        What would change the state.
    predictor : bool
        Whether this sample may predict overt relapse.
    reason : str
        The sentence with the numbers.
    """

    patient_id: str
    assay_id: str
    target: str
    control: str
    material: str
    fraction: str
    sample_id: str
    measurement_id: str
    drawn_on: dt.date
    day: int | None
    level: str
    state: str
    since: dt.date | None
    transition: str
    code: str
    rule_set: str
    rule_id: str
    rule_version: str
    rule_label: str
    rule_status: str
    samples: tuple[str, ...]
    change_log10: float | None
    change_lower: float | None
    change_upper: float | None
    probability_rise: float | None
    probability_rise_1_log: float | None
    nadir: float | None
    nadir_lower: float | None
    nadir_upper: float | None
    rise_log10: float | None
    probability_step: float | None
    confidence: str
    confirm_by: dt.date | None
    would_change: str
    predictor: bool
    reason: str
