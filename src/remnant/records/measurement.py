"""A quantity with its likelihood, and what it is compared with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from remnant.evidence.kinds import ErrorTerm, Evidence, ReportedEvidence

__all__ = [
    "Baseline",
    "CurveFit",
    "DetectionState",
    "Measurement",
    "ReportedValue",
    "SampleCopies",
    "WellUse",
]

DetectionState = Literal["quantified", "detected", "not detected", "not evaluable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedValue:
    """A result typed in from a report or a laboratory system.

    Attributes
    ----------
    sample_id, patient_id : str
        Laboratory codes.
    target, control : str
        Marker and control gene; `control` is empty for a cell fraction.
    unit : str
        Canonical unit.
    value : float or None
        The value, positive; None with a limit.
    upper_limit, lower_limit : float or None
        "Less than" and "more than".
    control_copies : float or None
        Control copies, if reported.
    drawn_on : datetime.date or None
        Day of the sample, where no sample table names it.
    material : {"BM", "PB"} or None
        Material, where no sample table names it.
    fraction : str or None
        Sorted cells the value is of, for example ``"CD34+"``; None for unsorted cells.
    """

    sample_id: str
    patient_id: str
    target: str
    control: str
    unit: str
    value: float | None
    upper_limit: float | None = None
    lower_limit: float | None = None
    control_copies: float | None = None
    drawn_on: dt.date | None = None
    material: Literal["BM", "PB"] | None = None
    fraction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFit:
    """Standard curve of one target in one run, ordinary least squares on accepted wells.

    Attributes
    ----------
    run_id, target : str
        What was fitted.
    slope, intercept : float
        ``Cq = intercept + slope * log10 copies``.
    r_squared : float
        Coefficient of determination.
    efficiency : float
        ``10**(-1 / slope) - 1``.
    residual_sd_cycles : float
        Residual standard deviation, cycles.
    wells : int
        Standard wells used.
    lowest_copies, highest_copies : float
        Range of the standards.
    mean_log10_copies, sum_squares_log10 : float
        Centre and spread of the standards, for inverse prediction.
    verdict : {"pass", "fail"}
        Under the gates of `rule_id`.
    reasons : tuple of str
        Which gate failed, with found and needed.
    rule_id : str
        Rule row that supplied the gates.
    history_plates : int
        Plates of the same assay and lot that the evidence joins this curve with; 0 for none. Where the study
        lets assays borrow from each other: curves of other assays.
    evidence_slope, evidence_intercept : float or None
        Line that the evidence reads then; None where it is the line above.
    """

    run_id: str
    target: str
    slope: float
    intercept: float
    r_squared: float
    efficiency: float
    residual_sd_cycles: float
    wells: int
    lowest_copies: float
    highest_copies: float
    mean_log10_copies: float
    sum_squares_log10: float
    verdict: Literal["pass", "fail"]
    reasons: tuple[str, ...]
    rule_id: str
    history_plates: int = 0
    evidence_slope: float | None = None
    evidence_intercept: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WellUse:
    """What became of one well, and why.

    Attributes
    ----------
    run_id, position, target, sample : str
        The well.
    used : bool
        Whether it enters the evidence.
    copies : float or None
        Copies by the curve's point inverse; None if not detected or no curve.
    decision : str
        ``"used"``, ``"outlier"``, ``"excluded by the laboratory"``, ``"no Cq stored"`` ...
    reason : str
        One sentence with the numbers.
    """

    run_id: str
    position: str
    target: str
    sample: str
    used: bool
    copies: float | None
    decision: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCopies:
    """Copies of one target in the wells of one name, read from the standard curve of their run.

    The interval holds counting, the technical error of the wells and the standard curve: of these wells alone,
    without the errors of run and reverse transcription that a measurement of a sample has.

    Attributes
    ----------
    run_id, target, sample : str
        Replicate wells.
    kind : str
        What the wells hold: ``"sample"`` or ``"control"``.
    evidence : Evidence or None
        Likelihood of the copies in `unit`; None without a standard curve that passes.
    state : DetectionState
        Detection state.
    reason : str
        Why there is no number; empty if quantified.
    unit : str
        ``"copies a well"``, of undiluted cDNA where wells are diluted; ``"copies/µl cDNA"`` where volumes are stated.
    estimate, lower, upper : float or None
        Posterior median and 95 % interval; None unless detected.
    upper_limit : float or None
        95 % upper bound; None without a standard curve that passes.
    point_value : float or None
        Mean of the copies by the least-squares line, silent wells counted as 0; None if no well has a signal.
    positive_wells, wells : int
        Wells with signal, and used.
    """

    run_id: str
    target: str
    sample: str
    kind: Literal["sample", "control"]
    evidence: Evidence | None
    state: DetectionState
    reason: str
    unit: str
    estimate: float | None
    lower: float | None
    upper: float | None
    upper_limit: float | None
    point_value: float | None
    positive_wells: int
    wells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One quantity of one sample, with its evidence and its printed summaries.

    The evidence is the truth; the numbers below are its answers, stored so that tables and pages agree.
    Where nothing was detected `estimate` is None and `upper_limit` holds the bound that was reached.

    Attributes
    ----------
    measurement_id : str
        Stable: assay, sample, run and cDNA.
    patient_id, sample_id, cdna_id, run_id, assay_id : str
        Provenance.
    target, control : str
        Marker and control gene.
    material : {"BM", "PB"}
        Material.
    drawn_on : datetime.date
        Day of the sample.
    unit : str
        Unit of every value below and of the evidence's q.
    evidence : Evidence
        Likelihood of q in `unit`.
    state : DetectionState
        Detection state.
    reason : str
        Why it is not evaluable or not quantifiable; empty if quantified.
    estimate : float or None
        Posterior median; None unless detected.
    lower, upper : float or None
        95 % interval *of this measurement*; None unless detected. Where only a lower bound is known (every partition
        positive) `estimate`, `upper` and `upper_limit` are None.
    comparison_lower, comparison_upper : float or None
        95 % interval *for comparison with another sample*; None unless detected.
    upper_limit : float or None
        95 % one-sided upper bound; the sensitivity reached where nothing was detected.
    point_value : float or None
        The laboratory's arithmetic: sum of copies over sum of control copies per exposure; None if
        no well was positive.
    target_copies, control_copies : float or None
        Summed point copies over the used wells.
    positive_wells, wells : int
        Target wells with signal, and used.
    control_wells : int
        Control wells used.
    sensitivity_ratio : float or None
        One-copy sensitivity, 1 / control copies at the same exposure, as a plain ratio.
    fraction : str
        Sorted compartment, for example ``"CD34+"``; empty for unsorted cells.
    platform : {"qpcr", "dpcr", "flow", "ngs"}
        How it was measured; series of two platforms are never merged or judged together.
    limit_of_detection : float or None
        Level at which these wells together give a signal in 95 % of samples, by the laboratory's own dilutions of
        the assay, in `unit`; None where it measured none.
    """

    measurement_id: str
    patient_id: str
    sample_id: str
    cdna_id: str
    run_id: str
    assay_id: str
    target: str
    control: str
    material: Literal["BM", "PB"]
    drawn_on: dt.date
    unit: str
    evidence: Evidence
    state: DetectionState
    reason: str
    estimate: float | None
    lower: float | None
    upper: float | None
    comparison_lower: float | None
    comparison_upper: float | None
    upper_limit: float | None
    point_value: float | None
    target_copies: float | None
    control_copies: float | None
    positive_wells: int
    wells: int
    control_wells: int
    sensitivity_ratio: float | None = None
    fraction: str = ""
    platform: Literal["qpcr", "dpcr", "flow", "ngs"] = "qpcr"
    limit_of_detection: float | None = None

    @property
    def known_above(self) -> float | None:
        """What the quantity surely exceeds, where that is all that is known of it.

        Returns
        -------
        float or None
            A report's "more than", or the lower end where every partition was positive; None otherwise.
        """
        if self.point_value is not None:
            return None
        if isinstance(self.evidence, ReportedEvidence):
            return self.evidence.lower_limit
        return self.lower if self.upper is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is normal: the level a background marker is judged against.

    Attributes
    ----------
    assay_id, material : str
        Series it holds for.
    source : {"donors", "patient"}
        Healthy donors of the laboratory, or the patient's own post-engraftment samples.
    unit : str
        Unit of the levels.
    median : float
        Typical level.
    sd_log10 : float
        Spread of log10 of the level: between donors, or within the patient with its uncertainty.
    percentile_97_5 : float or None
        The donors' 97.5th percentile; None for a patient's own baseline.
    samples : tuple of str
        Samples it was learned from; empty where it is assumed.
    fraction : str
        Sorted compartment; empty for unsorted cells.
    percentile_lower, percentile_upper : float or None
        95 % interval of the percentile.
    method : {"log-normal", "nonparametric", "assumed", "posterior"}
        Left-censored maximum likelihood; ranks; a row of `knowledge`; the patient's own.
    rule_id : str
        Row of `knowledge` it rests on.
    percentile_nodes : tuple of float
        The percentile at the probabilities of `numerics.percentile_posterior` of its posterior, in `unit`: what
        a probability of lying above it is averaged over, `percentile_errors` left out. Empty where the percentile was
        assumed.
    percentile_errors : tuple of ErrorTerm
        Errors of runs and of the laboratory that the donors' measurements carry, with their size in the
        percentile: a measurement that names the same is wrong in the same direction.
    spread_nodes_log10 : tuple of float
        Spread of single samples of single donors that goes with each percentile, three to a node, as
        `numerics.percentile_posterior` weighs them: where percentile and spread are needed together.
    """

    assay_id: str
    material: str
    source: Literal["donors", "patient"]
    unit: str
    median: float
    sd_log10: float
    percentile_97_5: float | None
    samples: tuple[str, ...]
    fraction: str = ""
    percentile_lower: float | None = None
    percentile_upper: float | None = None
    method: Literal["log-normal", "nonparametric", "assumed", "posterior"] = "log-normal"
    rule_id: str = ""
    percentile_nodes: tuple[float, ...] = ()
    percentile_errors: tuple[ErrorTerm, ...] = ()
    spread_nodes_log10: tuple[float, ...] = ()
