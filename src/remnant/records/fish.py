"""Nuclei counted on sorted compartments, and what follows from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from remnant.evidence.kinds import FractionEvidence
from remnant.records.finding import Finding

__all__ = [
    "AntigenCount",
    "Cd19Status",
    "CompartmentCall",
    "CompartmentVerdict",
    "Discordance",
    "FishCount",
    "FishCutoff",
    "FishEstimate",
    "FishQuantified",
    "FractionMarker",
    "LineageClass",
    "OriginPosterior",
    "ReaderAgreement",
    "SortPurity",
    "SortedSample",
]

CompartmentVerdict = Literal["positive", "strongly positive", "negative", "indeterminate", "not evaluable"]
Answer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FishCount:
    """Nuclei with one signal pattern in one sorted fraction, as one reader counted them.

    Attributes
    ----------
    fraction_id : str
        Fraction that was scored, or the healthy donor's.
    probe : str
        Probe in `knowledge`, for example ``"BCR-ABL1 D-FISH"``.
    pattern : str
        Signal pattern, letters by colour: ``"1R1G2F"``.
    nuclei : int
        Nuclei with this pattern.
    scored : int
        Nuclei this reader scored with this probe in this fraction.
    reader : str or None
        Who counted.
    preparation : str or None
        How the slide was made, for example ``"sorted cytospin"``.
    """

    fraction_id: str
    probe: str
    pattern: str
    nuclei: int
    scored: int
    reader: str | None = None
    preparation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SortPurity:
    """What a re-analysis of sorted cells found in one fraction.

    Attributes
    ----------
    fraction_id : str
        Fraction that was re-analysed.
    compartment : str
        Compartment that was found in it, its own or a contaminant.
    events : int or None
        Events of this compartment; None if only a share was reported.
    share : float or None
        Share of this compartment, 0 to 1; None if events were reported.
    method : {"re-analysis", "index sort"}
        Where it is from.
    """

    fraction_id: str
    compartment: str
    events: int | None = None
    share: float | None = None
    method: Literal["re-analysis", "index sort"] = "re-analysis"


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionMarker:
    """Another marker measured in a sorted fraction, as a share of its cells.

    Attributes
    ----------
    fraction_id : str
        Laboratory code.
    marker : str
        ``"IG/TR"`` or ``"BCR-ABL1"``.
    share : float or None
        Share of the cells, 0 to 1; None if not detected.
    upper_limit : float or None
        Limit of detection as a share, where not detected.
    sd_log10 : float or None
        Error of log10 of the share.
    """

    fraction_id: str
    marker: str
    share: float | None = None
    upper_limit: float | None = None
    sd_log10: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AntigenCount:
    """Leukaemic cells of one intensity class of an antigen.

    Attributes
    ----------
    sample_id : str
        Laboratory code.
    clone : str
        Clone or population the cells belong to, for example ``"blasts"``.
    antigen : str
        For example ``"CD19"``.
    intensity : {"negative", "dim", "positive"}
        Class by the laboratory's gates.
    cells : int
        Cells in it.
    """

    sample_id: str
    clone: str
    antigen: str
    intensity: Literal["negative", "dim", "positive"]
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FishCutoff:
    """One cut-off as a critical count for the nuclei that were scored.

    Attributes
    ----------
    method : str
        Name, for example ``"predictive beta-binomial"``.
    cutoff_percent : float
        The cut-off as a percentage of nuclei.
    critical_count : int
        Smallest count that is called positive.
    attained_size : float
        Probability of that count or more at the controls' mean rate.
    scored : int
        Nuclei it holds for.
    alpha : float or None
        Nominal size; None for mean plus k standard deviations.
    classical : bool
        Whether this is the one that the laboratory reports by.
    """

    method: str
    cutoff_percent: float
    critical_count: int
    attained_size: float
    scored: int
    alpha: float | None
    classical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderAgreement:
    """Whether the readers of one slide counted the same share.

    Attributes
    ----------
    fraction_id, probe : str
        The slide.
    readers : tuple of str
        Who counted.
    positive, scored : tuple of int
        Positive and scored nuclei by reader.
    p_value : float
        Exact test of equal shares (Fisher, Freeman and Halton).
    agree : bool
        Whether it is not below the limit of `knowledge`.
    """

    fraction_id: str
    probe: str
    readers: tuple[str, ...]
    positive: tuple[int, ...]
    scored: tuple[int, ...]
    p_value: float
    agree: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FishEstimate:
    """Positive nuclei of one fraction with one probe, readers pooled.

    Attributes
    ----------
    fraction_id, sample_id, compartment, probe, preparation : str
        What was scored.
    positive, scored : int
        Positive and scored nuclei.
    patterns : tuple of str
        Patterns that count as positive for the breakpoint.
    clopper_pearson, wilson, jeffreys : tuple of float, length 2
        95 % intervals of the share of positive nuclei, purity not corrected.
    false_positive, false_positive_nuclei : float
        Rate a nucleus and the number of control nuclei it rests on.
    false_negative, false_negative_nuclei : float
        The same for missed nuclei.
    evidence : FractionEvidence
        Likelihood of the compartments' fractions, expected make-up of the gate as weights.
    composition : tuple of float
        Dirichlet parameters of the gate's make-up, in the order of the evidence's compartments.
    purity : float or None
        Expected share of own cells; None if nothing was re-analysed.
    purity_lower, purity_upper : float or None
        95 % interval of it.
    cutoffs : tuple of FishCutoff
        By method.
    conditional : str
        What the estimate is conditional on, in words; empty if on nothing.
    """

    fraction_id: str
    sample_id: str
    compartment: str
    probe: str
    preparation: str
    positive: int
    scored: int
    patterns: tuple[str, ...]
    clopper_pearson: tuple[float, ...]
    wilson: tuple[float, ...]
    jeffreys: tuple[float, ...]
    false_positive: float
    false_positive_nuclei: float
    false_negative: float
    false_negative_nuclei: float
    evidence: FractionEvidence
    composition: tuple[float, ...]
    purity: float | None
    purity_lower: float | None
    purity_upper: float | None
    cutoffs: tuple[FishCutoff, ...]
    conditional: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FishQuantified:
    """What counting nuclei gave.

    Attributes
    ----------
    estimates : tuple of FishEstimate
        One a fraction and probe.
    agreements : tuple of ReaderAgreement
        One a slide with several readers.
    findings : tuple of Finding
        What was noticed.
    """

    estimates: tuple[FishEstimate, ...]
    agreements: tuple[ReaderAgreement, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentCall:
    """Whether one compartment carries the lesion.

    Attributes
    ----------
    sample_id, fraction_id, compartment, probe : str
        What was judged.
    verdict : {"positive", "strongly positive", "negative", "indeterminate", "not evaluable"}
        Contamination-aware test and posterior together.
    positive, scored : int
        Nuclei.
    fraction, lower, upper : float
        Posterior median and 95 % interval of the true fraction. Where most of the posterior says not
        involved, `fraction` and `lower` are 0 and `upper` is the 95 % bound it would have if involved.
    probability : float
        Posterior probability that the compartment is involved.
    prior_probability : float
        The same before counting.
    p_value : float
        Contamination-aware exact test, integrated over purity.
    critical_count : int
        Smallest significant count for these nuclei, contamination counted.
    attained_size : float
        Its size.
    detectable : float
        Smallest fraction found with 95 % power; infinite if none.
    purity, purity_lower, purity_upper : float or None
        Purity of the gate; None if it was not re-analysed.
    flip_purity : float or None
        Purity at which the test changes its answer, contaminants as in the source gate; None if no
        purity does.
    classical_verdict : {"positive", "negative", "none"}
        By the laboratory's own cut-off, purity ignored.
    classical_method : str
        Name of that cut-off with its critical count.
    disagrees : bool
        Whether the two verdicts contradict each other.
    rule_id, rule_version : str
        Row of `knowledge`.
    reason : str
        One sentence with the numbers.
    """

    sample_id: str
    fraction_id: str
    compartment: str
    probe: str
    verdict: CompartmentVerdict
    positive: int
    scored: int
    fraction: float
    lower: float
    upper: float
    probability: float
    prior_probability: float
    p_value: float
    critical_count: int
    attained_size: float
    detectable: float
    purity: float | None
    purity_lower: float | None
    purity_upper: float | None
    flip_purity: float | None
    classical_verdict: Literal["positive", "negative", "none"]
    classical_method: str
    disagrees: bool
    rule_id: str
    rule_version: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageClass:
    """Class of a patient by the compartments that carry the lesion.

    Attributes
    ----------
    patient_id, sample_id : str
        Who, and which sample.
    name : {"B-lymphoid only", "outside the B lineage", "HSC involved", "not classifiable"}
        The class by verdicts.
    outside_b_lineage, hsc_involved : {"yes", "no", "unknown"}
        Two notions that are not the same.
    probability_outside, probability_hsc : float or None
        Posterior probabilities of the two; None where no gate speaks.
    rule_id, rule_version : str
        Row of `knowledge`.
    reason : str
        One sentence.
    """

    patient_id: str
    sample_id: str
    name: Literal["B-lymphoid only", "outside the B lineage", "HSC involved", "not classifiable"]
    outside_b_lineage: Answer
    hsc_involved: Answer
    probability_outside: float | None
    probability_hsc: float | None
    rule_id: str
    rule_version: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginPosterior:
    """Posterior over the classes of origin that the data can tell apart.

    Attributes
    ----------
    patient_id, sample_id : str
        Who, and which sample.
    classes : tuple of str
        Identifiable classes; those that the data cannot separate are joined by ``" or "``.
    probability, prior : tuple of float
        After and before the data, one a class.
    lower, upper : tuple of float
        Lowest and highest probability over the settings of the sensitivity analysis.
    settings : tuple of str
        Those settings, in words.
    leading : str
        Class with the highest probability.
    uses_clonotypes : bool
        Whether IG/TR of the fractions was part of the evidence.
    reason : str
        One sentence.
    """

    patient_id: str
    sample_id: str
    classes: tuple[str, ...]
    probability: tuple[float, ...]
    prior: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    settings: tuple[str, ...]
    leading: str
    uses_clonotypes: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discordance:
    """How much more fusion than clonotype there is in a sample, in log10.

    Attributes
    ----------
    patient_id, sample_id : str
        Which sample.
    drawn_on : datetime.date
        When.
    excess_log10, lower, upper : float
        log10 of fusion over clonotype relative to diagnosis, with its 95 % interval; `upper` is infinite
        and `excess_log10` a lower limit where the clonotype was not detected.
    excess : bool
        Whether the lower bound is above the limit of `knowledge`.
    cml_like : bool
        Whether enough samples of the patient show an excess.
    reason : str
        One sentence.
    """

    patient_id: str
    sample_id: str
    drawn_on: dt.date
    excess_log10: float
    lower: float
    upper: float
    excess: bool
    cml_like: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cd19Status:
    """CD19 on the leukaemic cells of one clone, and what its negative part means.

    Attributes
    ----------
    patient_id, sample_id, clone : str
        Whose cells.
    cells, negative, dim, positive : int
        Cells, and by intensity class.
    negative_share, negative_lower, negative_upper : float
        Share of CD19-negative cells with its Clopper-Pearson interval.
    state : {"CD19 positive", "CD19 dim", "CD19 mosaic", "CD19 negative"}
        Intensity classes together.
    escape : {"CD19 lost, IG/TR kept", "CD19-negative, IG/TR absent, BCR-ABL1 present", "none", "unknown"}
        What the negative cells are.
    reason : str
        One sentence.
    """

    patient_id: str
    sample_id: str
    clone: str
    cells: int
    negative: int
    dim: int
    positive: int
    negative_share: float
    negative_lower: float
    negative_upper: float
    state: Literal["CD19 positive", "CD19 dim", "CD19 mosaic", "CD19 negative"]
    escape: Literal[
        "CD19 lost, IG/TR kept", "CD19-negative, IG/TR absent, BCR-ABL1 present", "none", "unknown"
    ]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedSample:
    """Everything that was concluded from the sorted fractions of one sample.

    Attributes
    ----------
    patient_id, sample_id : str
        Whose, and which.
    drawn_on : datetime.date
        Day of the sample.
    estimates : tuple of FishEstimate
        Counts with their evidence.
    agreements : tuple of ReaderAgreement
        Readers of its slides.
    calls : tuple of CompartmentCall
        Verdicts.
    lineage : LineageClass
        Class by verdicts.
    origin : OriginPosterior
        Posterior over classes of origin.
    cd19 : tuple of Cd19Status
        Status of every clone with CD19 classes.
    findings : tuple of Finding
        What was noticed.
    """

    patient_id: str
    sample_id: str
    drawn_on: dt.date
    estimates: tuple[FishEstimate, ...]
    agreements: tuple[ReaderAgreement, ...]
    calls: tuple[CompartmentCall, ...]
    lineage: LineageClass
    origin: OriginPosterior
    cd19: tuple[Cd19Status, ...] = ()
    findings: tuple[Finding, ...] = ()
