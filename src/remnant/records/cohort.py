"""What is concluded over patients: tests, effects, frequencies, curves. Each record says what it is of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from remnant.records.alarm import AlarmSign

__all__ = [
    "Association",
    "AssociationBounds",
    "Effect",
    "Exclusion",
    "Frequency",
    "Incidence",
    "IncidenceAt",
    "IncidenceCurve",
    "LeadTimes",
    "LeftOut",
    "MarkerGroup",
    "MrdLeadTimes",
    "Outcome",
    "PatientSummary",
    "TestResult",
]

MarkerGroup = Literal["neither", "BAALC", "WT1", "both", "undecided"]
Outcome = Literal["relapse", "death", "censored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One significance test, by its full name.

    Attributes
    ----------
    name : str
        For example ``"Fisher, sum of tables no more likely"``.
    sidedness : {"two-sided", "one-sided"}
        How many tails count.
    alternative : str
        What the test looks for, in the table's own words.
    margins : {"both", "rows", "columns", "none"}
        Which totals the test takes as fixed; ``none`` for a large-sample test.
    statistic_name : str
        What `statistic` is; empty if the test has none.
    statistic : float or None
        Value of the test statistic.
    p_value : float or None
        P value; None if the test is not defined here, and then `note` says why.
    note : str
        What a reader should know; empty if nothing.
    """

    __test__ = False  # pytest takes classes called Test... for tests

    name: str
    sidedness: Literal["two-sided", "one-sided"]
    alternative: str
    margins: Literal["both", "rows", "columns", "none"]
    statistic_name: str
    statistic: float | None
    p_value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect size with its interval.

    Attributes
    ----------
    measure : str
        ``"odds ratio"``, ``"risk difference"`` or ``"probability"``.
    method : str
        How estimate and interval were made.
    estimate : float or None
        Value; infinite where the data say so, None where it is not defined.
    lower, upper : float or None
        Bounds; None if the measure has none.
    level : float
        Level of the interval.
    """

    measure: str
    method: str
    estimate: float | None
    lower: float | None
    upper: float | None
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How many of how many, in one group, with three intervals.

    Attributes
    ----------
    outcome : str
        What was counted, for example ``"BAALC raised at diagnosis"``.
    variable, group : str
        What the patients were grouped by and which group this is, for example ``"FAB"`` and ``"M1"``.
    subgroup : str
        Further restriction, for example ``"adult"``; ``"all"`` for none.
    positive, evaluable : int
        Patients with the outcome, of those in whom it could be judged.
    not_evaluable : int
        Patients of the group in whom it could not be judged.
    share : float or None
        ``positive / evaluable``; None if nobody was evaluable, and then all bounds are None.
    lower, upper : float or None
        Clopper-Pearson (exact) bounds.
    wilson_lower, wilson_upper : float or None
        Wilson bounds.
    jeffreys_lower, jeffreys_upper : float or None
        Jeffreys bounds.
    level : float
        Level of the intervals.
    """

    outcome: str
    variable: str
    group: str
    subgroup: str
    positive: int
    evaluable: int
    not_evaluable: int
    share: float | None
    lower: float | None
    upper: float | None
    wilson_lower: float | None
    wilson_upper: float | None
    jeffreys_lower: float | None
    jeffreys_upper: float | None
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Patients who are in no cell of a table, and what is known of them.

    Attributes
    ----------
    row, column : str
        Their group and their outcome; ``"not known"`` where there is none.
    patients : int
        How many.
    """

    row: str
    column: str
    patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationBounds:
    """How far a P value can move when undecided patients are given either outcome.

    Attributes
    ----------
    counts : tuple of tuple of int
        The decided patients' 2x2 table.
    undecided : tuple of int
        Undecided patients in either row.
    test : str
        Name of the test.
    tables : int
        Tables that were tried.
    p_value : float
        Of the decided patients alone.
    lowest_p, highest_p : float
        Smallest and largest P value over all allocations.
    lowest_counts, highest_counts : tuple of tuple of int
        Tables that give them.
    """

    counts: tuple[tuple[int, ...], ...]
    undecided: tuple[int, int]
    test: str
    tables: int
    p_value: float
    lowest_p: float
    highest_p: float
    lowest_counts: tuple[tuple[int, ...], ...]
    highest_counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A table of counts with every test of it by name.

    Attributes
    ----------
    row_variable, column_variable : str
        What rows and columns are.
    rows, columns : tuple of str
        Names of the groups and of the outcomes.
    counts : tuple of tuple of int
        The table, row by row.
    left_out : int
        Patients without a value of either variable, or of another level.
    left_out_by : tuple of LeftOut
        The same patients by what is known of them; empty for a table that was typed in.
    bounds : AssociationBounds or None
        Fisher's P value over every outcome that patients of known group and unknown outcome might have; None if there
        are none, if the table is not 2x2, or if there are too many to try.
    direction : str
        Alternative of the one-sided tests and how it was chosen; empty for tables larger than 2x2.
    shares : tuple of Frequency
        First outcome in each row.
    tests : tuple of TestResult
        All tests; none is marked as the right one.
    effects : tuple of Effect
        Effect sizes; empty for tables larger than 2x2.
    """

    row_variable: str
    column_variable: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    left_out: int
    left_out_by: tuple[LeftOut, ...]
    bounds: AssociationBounds | None
    direction: str
    shares: tuple[Frequency, ...]
    tests: tuple[TestResult, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSummary:
    """One patient as one row of the cohort table.

    Attributes
    ----------
    patient_id, diagnosis : str
        Laboratory code and disease.
    synthetic : bool
        True for made-up patients.
    sex, fab, lesion, transcript, risk, status_at_transplant, donor, conditioning : str or None
        As in the patient's record.
    age_years : float or None
        Age at diagnosis in years.
    age_group : {"adult", "child"} or None
        By the row ``age_group.adult`` of `knowledge`.
    transplant_on : datetime.date or None
        Day 0.
    baalc_sample_id, wt1_sample_id : str or None
        Sample at diagnosis that was judged.
    baalc_value, wt1_value : float or None
        The laboratory's point value at diagnosis; None if nothing was detected or measured.
    baalc_lower, baalc_upper, wt1_lower, wt1_upper : float or None
        95 % interval *of this measurement*.
    baalc_upper_limit, wt1_upper_limit : float or None
        95 % one-sided upper bound; the limit reached where nothing was detected.
    baalc_unit, wt1_unit : str or None
        Unit of the values.
    baalc_detection, wt1_detection : str or None
        Detection state.
    baalc_raised, wt1_raised : bool or None
        The rule's literal verdict; None if there is none.
    baalc_probability_raised, wt1_probability_raised : float or None
        P(true quantity above the cut-off), beside the verdict.
    baalc_rule, wt1_rule : str or None
        Rule that decided.
    raised_at_diagnosis : MarkerGroup
        Both verdicts together; undecided if one is missing.
    compartment_sample_id : str or None
        Sample at diagnosis whose sorted fractions were judged.
    outside_b_lineage, hsc_involved : bool or None
        Whether cells outside the B lineage, and stem cells, carry the lesion; None where it is not known.
    probability_outside, probability_hsc : float or None
        Posterior probabilities of the two, beside the verdicts.
    landmark_day : int
        Landmark in days from transplantation.
    at_risk_at_landmark : bool
        Alive, without overt relapse and under observation beyond the landmark.
    landmark_group : MarkerGroup or None
        Group at the landmark; None if not at risk.
    landmark_sample_id : str or None
        Last sample that the group rests on.
    landmark_reason : str
        Why this group, or why not at risk.
    landmark_rule : str
        Row of `knowledge` that decided.
    outcome : Outcome or None
        First of overt relapse and death; None without follow-up.
    follow_up_days : int or None
        Transplantation to that, or to last contact.
    lead_time_days : int or None
        First confirmed raised sample to overt relapse.
    unwarned : bool
        Overt relapse without a confirmed raised sample before it.
    false_alarms : int
        Confirmed raised episodes that regressed without relapse.
    """

    patient_id: str
    diagnosis: str
    synthetic: bool
    sex: str | None
    age_years: float | None
    age_group: Literal["adult", "child"] | None
    fab: str | None
    lesion: str | None
    transcript: str | None
    risk: str | None
    status_at_transplant: str | None
    donor: str | None
    conditioning: str | None
    transplant_on: dt.date | None
    baalc_sample_id: str | None
    baalc_value: float | None
    baalc_lower: float | None
    baalc_upper: float | None
    baalc_upper_limit: float | None
    baalc_unit: str | None
    baalc_detection: str | None
    baalc_raised: bool | None
    baalc_probability_raised: float | None
    baalc_rule: str | None
    wt1_sample_id: str | None
    wt1_value: float | None
    wt1_lower: float | None
    wt1_upper: float | None
    wt1_upper_limit: float | None
    wt1_unit: str | None
    wt1_detection: str | None
    wt1_raised: bool | None
    wt1_probability_raised: float | None
    wt1_rule: str | None
    raised_at_diagnosis: MarkerGroup
    compartment_sample_id: str | None
    outside_b_lineage: bool | None
    hsc_involved: bool | None
    probability_outside: float | None
    probability_hsc: float | None
    landmark_day: int
    at_risk_at_landmark: bool
    landmark_group: MarkerGroup | None
    landmark_sample_id: str | None
    landmark_reason: str
    landmark_rule: str
    outcome: Outcome | None
    follow_up_days: int | None
    lead_time_days: int | None
    unwarned: bool
    false_alarms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Patients who do not enter an analysis, and why.

    Attributes
    ----------
    reason : str
        Why.
    patient_ids : tuple of str
        Who, by laboratory code.
    """

    reason: str
    patient_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidenceAt:
    """One curve on one day.

    Attributes
    ----------
    day : float
        Days from transplantation.
    at_risk : int
        Patients without any event and still observed just before that day.
    incidence : float or None
        Cumulative incidence; None beyond the group's last observation.
    lower, upper : float or None
        Its interval.
    """

    day: float
    at_risk: int
    incidence: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidenceCurve:
    """Cumulative incidence of one cause in one group: a step function.

    Attributes
    ----------
    group : str
        Group.
    cause : Outcome
        Event whose incidence this is; the other one competes.
    patients, events, competing_events, censored : int
        Who entered, and how they left.
    in_test : bool
        Whether the group enters the test; undecided patients have a curve and no place in it.
    days : tuple of float
        Days from transplantation on which the curve steps up.
    incidence : tuple of float
        Value from that day on; 0 before the first.
    lower, upper : tuple of float or None
        Bounds from that day on; None at an incidence of 1, where the method has none.
    last_day : float
        Last day observed in the group.
    on_days : tuple of IncidenceAt
        The curve and the numbers at risk on the days of the table.
    """

    group: str
    cause: Outcome
    patients: int
    events: int
    competing_events: int
    censored: int
    in_test: bool
    days: tuple[float, ...]
    incidence: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    last_day: float
    on_days: tuple[IncidenceAt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidence:
    """Cumulative incidence by group, with the test that compares the groups.

    Attributes
    ----------
    title : str
        What is shown.
    group_variable : str
        What the groups are.
    start_day : float
        Day of the landmark; 0 if everybody is followed from transplantation.
    level : float
        Level of the intervals.
    method : str
        Estimator and interval.
    curves : tuple of IncidenceCurve
        One a group and cause.
    tests : tuple of TestResult
        For either cause the permutation test, then Gray's.
    excluded : tuple of Exclusion
        Patients who were not at risk, by reason.
    """

    title: str
    group_variable: str
    start_day: float
    level: float
    method: str
    curves: tuple[IncidenceCurve, ...]
    tests: tuple[TestResult, ...]
    excluded: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentShare:
    """In how many patients cells of some kind were shown to carry the lesion at diagnosis.

    Attributes
    ----------
    question : str
        Column of the cohort table: ``"outside_b_lineage"`` or ``"hsc_involved"``.
    variable, group : str
        Column of the groups, and which group; ``"all"`` for everybody.
    judged, yes, no, unknown : int
        Patients whose sorted fractions were judged, and the answers in them.
    lower, upper : float
        Clopper-Pearson interval of `yes` of `judged`.
    level : float
        Level of the interval.
    """

    question: str
    variable: str
    group: str
    judged: int
    yes: int
    no: int
    unknown: int
    lower: float
    upper: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimes:
    """How early the markers warned, how often not at all, and how often in vain.

    Attributes
    ----------
    patients : int
        Patients followed from transplantation.
    relapses, warned, unwarned : int
        Overt relapses, with and without a standing alarm before them.
    unwarned_share, unwarned_lower, unwarned_upper : float or None
        Share without warning, with its Clopper-Pearson interval; None without relapses.
    median_days, shortest_days, longest_days : float or None
        Lead time of the warned relapses; None without any.
    false_alarms, alarms_after_therapy, open_alarms : int
        Alarms that regressed without relapse; after pre-emptive therapy; still standing at the end.
    patient_years : float
        Follow-up from transplantation to relapse, death or last contact.
    false_alarms_per_patient_year, rate_lower, rate_upper : float or None
        Rate with its exact Poisson interval; None without follow-up.
    level : float
        Level of the intervals.
    unwarned_no_sample, unwarned_nothing_raised, unwarned_unconfirmed, unwarned_ended : int
        Those without a warning, apart: no evaluable sample between transplantation and relapse; none of
        them raised; raised and never confirmed; confirmed, and normal again before relapse.
    """

    patients: int
    relapses: int
    warned: int
    unwarned: int
    unwarned_share: float | None
    unwarned_lower: float | None
    unwarned_upper: float | None
    median_days: float | None
    shortest_days: float | None
    longest_days: float | None
    false_alarms: int
    alarms_after_therapy: int
    open_alarms: int
    patient_years: float
    false_alarms_per_patient_year: float | None
    rate_lower: float | None
    rate_upper: float | None
    level: float
    unwarned_no_sample: int = 0
    unwarned_nothing_raised: int = 0
    unwarned_unconfirmed: int = 0
    unwarned_ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdLeadTimes:
    """How early one assay of a leukaemia-specific marker warned.

    Attributes
    ----------
    target, assay_id : str
        Marker and assay.
    sign : {"confirmed", "suspected or confirmed"}
        Which alarms count.
    made : LeadTimes
        Over the patients in whom the assay was evaluable, from transplantation or the first remission on.
    """

    target: str
    assay_id: str
    sign: AlarmSign
    made: LeadTimes
