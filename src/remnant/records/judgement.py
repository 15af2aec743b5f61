"""What was concluded: calls, courses, forecasts, and the decisions of people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from remnant.records.alarm import Episode, MrdAlarm
from remnant.records.caution import Caution
from remnant.records.mrd import MrdPoint

__all__ = [
    "Call",
    "Course",
    "Decision",
    "Forecast",
    "Joint",
    "Kinetics",
    "NextSample",
    "SamplingPlan",
    "SeriesPoint",
    "WorklistRow",
]


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
    verdict : str
        The rule's answer: ``"above"``, ``"not above"`` or ``"not evaluable"`` of a cut-off; of a
        leukaemia-specific marker its level (``"negative"``, ``"detected"``, ``"low level"``, ``"positive"``) or
        its class of response (``"MR4"``, ``"complete molecular response"`` ...).
    threshold : float
        Cut-off in `unit`; 0 where the verdict needs none, and then `unit` is empty.
    unit : str
        Unit of threshold and value.
    point_value : float or None
        What the rule was applied to; None if nothing was detected.
    probability_above : float or None
        P(true quantity above the cut-off), interval *of this measurement*; `uncertainty` says what else is inside.
    confidence : {"robust", "borderline", "not evaluable"}
        Borderline where that probability lies between .05 and .95.
    reason : str
        The sentence with the numbers.
    role : {"decides", "shown"}
        Whether this rule makes the state of the series, or only stands beside it.
    label : str
        The rule in a sentence, for example ``"ELN 250/10⁴"``.
    rule_set : str
        Rule set of the row; empty for a cut-off of a background marker.
    code : str
        Stable, dotted reason code; empty for a cut-off of a background marker.
    uncertainty : str
        What `probability_above` contains, in words: the measurement alone, or the cut-off's own uncertainty too.
    threshold_sd_log10 : float
        Standard deviation of the cut-off that was integrated out, log10, the errors that it may share with the
        measurement included; 0 for a published number.
    """

    measurement_id: str
    patient_id: str
    sample_id: str
    assay_id: str
    rule_id: str
    rule_version: str
    source: str
    status: str
    verdict: str
    threshold: float
    unit: str
    point_value: float | None
    probability_above: float | None
    confidence: Literal["robust", "borderline", "not evaluable"]
    reason: str
    role: Literal["decides", "shown"] = "decides"
    label: str = ""
    rule_set: str = ""
    code: str = ""
    uncertainty: str = "measurement"
    threshold_sd_log10: float = 0.0


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
        log10 change from the previous evaluable sample of the series, with its 95 % interval. Where only a bound
        of one of the two is known (nothing detected, saturated) there is no estimate, and one end.
    probability_rise, probability_rise_1_log : float or None
        P(change > 0) and P(change >= 1); at least that where the change has only a lower end, at most where only an
        upper one.
    z_background : float or None
        Distance from the patient's own background in standard deviations.
    background_median : float or None
        The background it was judged against, in the measurement's unit.
    confirm_by : datetime.date or None
        Last day for a confirming sample.
    reason : str
        One sentence.
    target : str
        Marker.
    fraction : str
        Sorted compartment of the series; empty for unsorted cells.
    raised : bool or None
        Whether this sample alone is raised; None if not evaluable.
    predictor : bool
        Whether this sample may predict: drawn before overt relapse, and not because it was suspected.
    rule_label, rule_status : str
        The deciding rule in words, and ``"verified"`` or ``"unverified"``.
    background_sd_log10 : float or None
        Spread of a background sample around `background_median`, biology included, log10.
    confidence : str
        Of the deciding rule's verdict: ``"robust"``, ``"borderline"`` or ``"not evaluable"``.
    verdict : str
        Of the deciding rule: ``"above"``, ``"not above"`` or ``"not evaluable"``; empty without a rule.
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
    target: str = ""
    fraction: str = ""
    raised: bool | None = None
    predictor: bool = True
    rule_label: str = ""
    rule_status: str = ""
    background_sd_log10: float | None = None
    confidence: str = ""
    verdict: str = ""


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
    control : str
        Control gene that both are measured over; a second control gene has rows of its own.
    fraction : str
        Sorted compartment; empty for unsorted cells.
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
    control: str = ""
    fraction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinetics:
    """How one series grows or falls between two changes of therapy, or why that cannot be said.

    Attributes
    ----------
    patient_id, assay_id, target, control, material, fraction, unit : str
        The series.
    from_on, to_on : datetime.date
        First and last sample of the stretch.
    samples : tuple of str
        Samples that the line joins, by date.
    quantified, not_detected : int
        How many of them were quantified, and showed nothing.
    current : bool
        Whether it is the last stretch of its series.
    predictor : bool
        Whether every sample may predict relapse; a stretch with others describes, and predicts nothing.
    refused : str
        Why there are no figures, in one sentence; empty if there are.
    trend : {"rising", "falling", "undecided", "refused"}
        Undecided where the interval of the slope holds 0.
    change_log10_per_month, change_lower, change_upper : float or None
        Slope with its 95 % interval.
    probability_growth : float or None
        P(slope > 0).
    doubling_days, doubling_lower, doubling_upper : float or None
        Doubling time with its 95 % interval; only where rising.
    halving_days, halving_lower, halving_upper : float or None
        The same where falling.
    background_median : float or None
        Centre of the background that was allowed for; None for a leukaemia-specific marker.
    overt_level : float or None
        Level that stands for overt relapse, in `unit`; None where it is not defined.
    overt_level_from : str
        Where it is from, in words.
    crossing_on, crossing_earliest_on, crossing_latest_on : datetime.date or None
        Date by which the course reaches that level with probability .5, .025 and .975; None where not within
        the horizon, or where the series is not rising.
    shown_on : tuple of datetime.date
        Dates of the fitted course.
    shown_median, shown_lower, shown_upper : tuple of float
        Fitted course with its 95 % band, in `unit`.
    last_sample_lies : {"", "above", "below"}
        Where the last sample lies so far off the line that the samples before did not foretell it: then the
        line may not hold to its end.
    reason : str
        The sentence.
    """

    patient_id: str
    assay_id: str
    target: str
    control: str
    material: str
    fraction: str
    unit: str
    from_on: dt.date
    to_on: dt.date
    samples: tuple[str, ...]
    quantified: int
    not_detected: int
    current: bool
    predictor: bool
    refused: str
    trend: Literal["rising", "falling", "undecided", "refused"]
    reason: str
    change_log10_per_month: float | None = None
    change_lower: float | None = None
    change_upper: float | None = None
    probability_growth: float | None = None
    doubling_days: float | None = None
    doubling_lower: float | None = None
    doubling_upper: float | None = None
    halving_days: float | None = None
    halving_lower: float | None = None
    halving_upper: float | None = None
    background_median: float | None = None
    overt_level: float | None = None
    overt_level_from: str = ""
    crossing_on: dt.date | None = None
    crossing_earliest_on: dt.date | None = None
    crossing_latest_on: dt.date | None = None
    shown_on: tuple[dt.date, ...] = ()
    shown_median: tuple[float, ...] = ()
    shown_lower: tuple[float, ...] = ()
    shown_upper: tuple[float, ...] = ()
    last_sample_lies: Literal["", "above", "below"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """When the next sample of one marker is due, or what the state of a patient asks for.

    Attributes
    ----------
    patient_id, assay_id, target, material, fraction : str
        The series that sets the date; all but the patient empty where the state asks.
    last_on : datetime.date
        Last evaluable sample of the marker.
    by_rule_on : datetime.date or None
        By the guideline's schedule, or by the rule of the state; None where none fits.
    rule_id : str
        Row of `knowledge`; ``"state"`` for the rule of a state.
    by_kinetics_on : datetime.date or None
        So that growth is seen with the wanted probability and lead; None where that cannot be said.
    overdue_days : int
        Days by which the earlier of the two has passed; 0 if it has not.
    reason : str
        One sentence.
    due_on : datetime.date or None
        The earlier of the two.
    """

    patient_id: str
    assay_id: str
    target: str
    material: str
    fraction: str
    last_on: dt.date
    by_rule_on: dt.date | None
    rule_id: str
    by_kinetics_on: dt.date | None
    overdue_days: int
    reason: str
    due_on: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSample:
    """When a patient is to be sampled next, asked for one day.

    Attributes
    ----------
    patient_id : str
        Laboratory code.
    on : datetime.date
        Day it was asked for.
    due_on : datetime.date or None
        Earliest date of all plans; None where nothing gives one.
    overdue_days : int
        Days by which it has passed; 0 if it has not.
    not_asked : str
        Why no sample is due: death, overt relapse, off study; empty for all others.
    sentence : str
        The same in one sentence.
    plans : tuple of SamplingPlan
        Each marker's dates with their reasons, the longest overdue first.
    """

    patient_id: str
    on: dt.date
    due_on: dt.date | None
    overdue_days: int
    not_asked: str
    sentence: str
    plans: tuple[SamplingPlan, ...]


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
        Overt relapse minus the first confirmed raised sample of an alarm that still stood: an alarm that
        had ended before does not count as a warning.
    unwarned : bool
        Overt relapse without such a sample before it.
    false_alarms : int
        Confirmed raised episodes that regressed without relapse and without pre-emptive therapy.
    follow_up_days : int or None
        Transplantation to relapse, death or last contact.
    death_on, last_contact_on : datetime.date or None
        Ends of observation.
    headline : str
        The one sentence at the top of the patient's page.
    urgency : int
        0 nothing, 1 look, 2 act; sorts the worklist.
    urgency_reason : str
        Why: the sentence of the worklist.
    next_sample_by : datetime.date or None
        Last day for the next sample; None where the laboratory's schedule holds.
    episodes : tuple of Episode
        Alarms, by date.
    unverified_rules : tuple of str
        Rules behind the states that are not verified, in words.
    kinetics : tuple of Kinetics
        Growth of every series between changes of therapy, by series and date.
    mrd : tuple of MrdPoint
        Leukaemia-specific markers: all series, by date.
    cautions : tuple of Caution
        What lowers trust without changing a state: primers, diluted marrow.
    at_risk_from : datetime.date or None
        From when on overt relapse can be: transplantation, or the first remission without one.
    mrd_alarms : tuple of MrdAlarm
        Alarms of the leukaemia-specific markers, by assay, kind and date.
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
    urgency_reason: str = ""
    next_sample_by: dt.date | None = None
    episodes: tuple[Episode, ...] = ()
    unverified_rules: tuple[str, ...] = ()
    kinetics: tuple[Kinetics, ...] = ()
    mrd: tuple[MrdPoint, ...] = ()
    cautions: tuple[Caution, ...] = ()
    at_risk_from: dt.date | None = None
    mrd_alarms: tuple[MrdAlarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistRow:
    """One patient, or one run of the laboratory, on the worklist.

    Attributes
    ----------
    patient_id : str
        Laboratory code; empty for a run.
    urgency : int
        0 nothing, 1 look, 2 act.
    reason : str
        Why, in one sentence.
    confirm_by : datetime.date or None
        Last day for the next sample.
    overdue_days : int
        Days by which that day has passed; 0 if it has not.
    last_sample_on : datetime.date or None
        Last evaluable sample; of a run the day it was made.
    kind : str
        Most urgent sign: ``overt relapse``, ``confirmed relapse``, ``progression``, ``suspected relapse``,
        ``clone returns``, ``raised``, ``rising``, ``persistence``, ``fusion without clonotype``,
        ``clonotype without fusion``, ``discordant``, ``haemodilution``, ``primer bias``, ``overdue``,
        ``failed run``, ``control``, ``repeat``.
    reasons : tuple of str
        Further signs, one sentence each, most urgent first.
    unverified_rules : tuple of str
        Rules behind these signs that are not verified, in words.
    run_id : str
        Run; empty for a patient.
    decided : tuple of str
        What people decided about the patient or a verdict, one sentence each; it removes no sign.
    """

    patient_id: str
    urgency: int
    reason: str
    confirm_by: dt.date | None
    overdue_days: int
    last_sample_on: dt.date | None
    kind: str = ""
    reasons: tuple[str, ...] = ()
    unverified_rules: tuple[str, ...] = ()
    run_id: str = ""
    decided: tuple[str, ...] = ()


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
        What it is about: ``"well R-07:B03"``, ``"run R-07"``, ``"patient P003"``, ``"call S-0117 WT1/ABL1 eln_bm_250"``.
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
