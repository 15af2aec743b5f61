"""What was concluded: calls, courses, forecasts, and the decisions of people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

__all__ = ["Call", "Course", "Decision", "Forecast", "Joint", "SeriesPoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One rule applied to one measurement.

    The verdict is the rule on the point value, as written. The probability stands beside it and never
    changes it.

    Attributes
    ----------
    measurement_id, patient_id, sample_id, assay_id : str
        What was judged.
    rule_id : str
        Row of `knowledge`.
    rule_version, source, status : str
        Version, citation, and ``"verified"`` or ``"unverified"``.
    verdict : {"above", "not above", "not evaluable"}
        The rule's answer.
    threshold : float
        Cut-off in `unit`.
    unit : str
        Unit of threshold and value.
    point_value : float or None
        What the rule was applied to; None if nothing was detected.
    probability_above : float or None
        P(true quantity above the cut-off), interval *of this measurement*.
    confidence : {"robust", "borderline", "not evaluable"}
        Borderline where that probability lies between .05 and .95.
    reason : str
        The sentence with the numbers.
    """

    measurement_id: str
    patient_id: str
    sample_id: str
    assay_id: str
    rule_id: str
    rule_version: str
    source: str
    status: str
    verdict: Literal["above", "not above", "not evaluable"]
    threshold: float
    unit: str
    point_value: float | None
    probability_above: float | None
    confidence: Literal["robust", "borderline", "not evaluable"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """State of one series on one date.

    Attributes
    ----------
    patient_id, assay_id, material : str
        The series: materials, fractions, assays and control genes are separate series.
    sample_id, measurement_id : str
        What the state rests on.
    drawn_on : datetime.date
        Day of the sample.
    day : int or None
        Days from transplantation; None without one.
    state : str
        For WT1 and BAALC: ``normal``, ``raised once``, ``raised confirmed``, ``persistently raised``,
        ``regressing`` or ``not evaluable``.
    since : datetime.date or None
        First date of this state.
    rule_id : str
        Rule that decided.
    change_log10, change_lower, change_upper : float or None
        log10 change from the previous evaluable sample of the series, with its 95 % interval.
    probability_rise, probability_rise_1_log : float or None
        P(change > 0) and P(change >= 1).
    z_background : float or None
        Distance from the patient's own background in standard deviations.
    background_median : float or None
        The background it was judged against, in the measurement's unit.
    confirm_by : datetime.date or None
        Last day for a confirming sample.
    reason : str
        One sentence.
    """

    patient_id: str
    assay_id: str
    material: str
    sample_id: str
    measurement_id: str
    drawn_on: dt.date
    day: int | None
    state: str
    since: dt.date | None
    rule_id: str
    change_log10: float | None
    change_lower: float | None
    change_upper: float | None
    probability_rise: float | None
    probability_rise_1_log: float | None
    z_background: float | None
    background_median: float | None
    confirm_by: dt.date | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """WT1 and BAALC of one sample, judged together over the one control gene they share.

    Attributes
    ----------
    patient_id, sample_id, material : str
        The sample.
    drawn_on : datetime.date
        Day of the sample.
    state : {"neither", "BAALC", "WT1", "both", "undecided"}
        Undecided where a probability lies between .05 and .95, or one marker is missing.
    probability_wt1, probability_baalc, probability_both : float or None
        Of being raised, the control gene integrated out once.
    point_state : {"neither", "BAALC", "WT1", "both", "undecided"}
        The same by point values.
    confirmed : bool
        Both raised in the next sample too, within the rule's window.
    reason : str
        One sentence.
    """

    patient_id: str
    sample_id: str
    material: str
    drawn_on: dt.date
    state: Literal["neither", "BAALC", "WT1", "both", "undecided"]
    probability_wt1: float | None
    probability_baalc: float | None
    probability_both: float | None
    point_state: Literal["neither", "BAALC", "WT1", "both", "undecided"]
    confirmed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One patient's dated line.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    transplant_on : datetime.date or None
        Day 0.
    points : tuple of SeriesPoint
        All series, by date.
    joint : tuple of Joint
        WT1 and BAALC together, by date.
    overt_relapse_on : datetime.date or None
        First overt relapse after transplantation: event, or blasts by the rule.
    relapse_rule : str
        What made it overt.
    last_negative_on : datetime.date or None
        Last date known without overt relapse: the other end of the interval.
    first_raised_on, first_confirmed_on : datetime.date or None
        First raised and first confirmed raised sample after transplantation that may predict.
    lead_time_days : int or None
        First confirmed raised sample to overt relapse.
    unwarned : bool
        Overt relapse without a confirmed raised sample before it.
    false_alarms : int
        Confirmed raised episodes that regressed without relapse.
    follow_up_days : int or None
        Transplantation to relapse, death or last contact.
    death_on, last_contact_on : datetime.date or None
        Ends of observation.
    headline : str
        The one sentence at the top of the patient's page.
    urgency : int
        0 nothing, 1 look, 2 act; sorts the worklist.
    """

    patient_id: str
    transplant_on: dt.date | None
    points: tuple[SeriesPoint, ...]
    joint: tuple[Joint, ...]
    overt_relapse_on: dt.date | None
    relapse_rule: str
    last_negative_on: dt.date | None
    first_raised_on: dt.date | None
    first_confirmed_on: dt.date | None
    lead_time_days: int | None
    unwarned: bool
    false_alarms: int
    follow_up_days: int | None
    death_on: dt.date | None
    last_contact_on: dt.date | None
    headline: str
    urgency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Distribution of the date of overt relapse, or why there is none.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    model : str
        Name and version of the model.
    made_from : datetime.date
        Last sample used.
    quantile_days : tuple of float
        Days from `made_from` at probabilities .05, .25, .5, .75, .95; empty if refused.
    probability_within_180_days : float or None
        P(overt relapse within 180 days).
    refused : str
        Why no forecast is given; empty if one is.
    """

    patient_id: str
    model: str
    made_from: dt.date
    quantile_days: tuple[float, ...]
    probability_within_180_days: float | None
    refused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A human's verdict. Never recomputed, never deleted; a later one supersedes it.

    Attributes
    ----------
    decision_id : str
        Key.
    by : str
        Who decided.
    at : datetime.datetime
        When, with time zone.
    on : str
        What it is about: ``"well R-07:B03"``, ``"run R-07"``, ``"patient P003"``.
    verdict : str
        What was decided.
    reason : str
        Why.
    supersedes : str or None
        Earlier decision that this one replaces.
    """

    decision_id: str
    by: str
    at: dt.datetime
    on: str
    verdict: str
    reason: str
    supersedes: str | None = None
