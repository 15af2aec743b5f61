"""What an assay can see: limits of blank, detection and quantification from its own blanks and dilutions.

All copies are copies a well. A limit that the data cannot give is None, and a finding says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from remnant.records.finding import Finding

__all__ = [
    "AssayValidation",
    "BlankLimit",
    "DetectionLimit",
    "DigitalBasis",
    "LevelPrecision",
    "QuantificationLimit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPrecision:
    """One level of a dilution series.

    Attributes
    ----------
    copies : float
        Nominal copies a well; by digital PCR the mean of its wells, blank subtracted.
    wells, detected : int
        Replicates, and those with signal: by digital PCR, above the limit of blank.
    mean_cq, sd_cq : float or None
        Of the wells with signal, the sd within plates; None where there are too few.
    cv, cv_lower, cv_upper : float or None
        Coefficient of variation of copies with its 95 % interval; 0.35 is 35 %.
    cv_model : float or None
        The same from the precision profile over all levels.
    deviation_log10 : float or None
        Mean reading less that of Poisson counts of the nominal copies, log10 copies, on the line through the other levels of the linear range.
    in_linear_range : bool
        Whether the level belongs to it.
    name : str
        Sample of the level, where it has no nominal copies.
    """

    copies: float
    wells: int
    detected: int
    mean_cq: float | None
    sd_cq: float | None
    cv: float | None
    cv_lower: float | None
    cv_upper: float | None
    cv_model: float | None
    deviation_log10: float | None
    in_linear_range: bool
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalBasis:
    """What stands behind the limits of an assay by digital PCR.

    Attributes
    ----------
    partitions : int
        Median of the accepted partitions of a well; the limits hold for so many.
    volume_nl : float
        Partition volume.
    blank_partitions, blank_positives : int
        Partitions of all blanks, and the positive ones.
    false_positives : tuple of float
        Parameters of the Beta posterior of the rate of false positives a partition.
    limit_of_blank_positives : int
        Positives that a blank well stays within with 95 % probability.
    well_sd : float
        Variation between wells beyond counting, natural logarithm of the rate.
    """

    partitions: int
    volume_nl: float
    blank_partitions: int
    blank_positives: int
    false_positives: tuple[float, float]
    limit_of_blank_positives: int
    well_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankLimit:
    """Limit of blank at 95 %.

    Attributes
    ----------
    wells, positive : int
        Blank wells, and those with signal.
    rate, rate_upper : float
        Share of blank wells with signal, and its one-sided 95 % bound (Clopper-Pearson).
    by_ranks : float or None
        95th percentile of the blanks' copies by ranks; None where that rank is a silent well, or too few blanks.
    ranked : bool
        Whether there were enough blanks for ranks.
    by_model : float or None
        95th percentile of the molecules of a blank, Poisson at the bound of the rate; None where it is no signal.
    """

    wells: int
    positive: int
    rate: float
    rate_upper: float
    by_ranks: float | None
    ranked: bool
    by_model: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """Limit of detection at 95 % by one model.

    Attributes
    ----------
    model : str
        ``"one hit"``, ``"dilution error"`` ..., ``"probit"``, ``"logit"``, ``"lowest level"``, or ``"above blank"``
        for digital PCR and where blanks give signals.
    chosen : bool
        Whether this is the assay's limit.
    copies : float
        Copies a well that are detected in 95 % of wells.
    lower, upper : float or None
        95 % interval by profile likelihood; None where the data set no end.
    detection_probability : float or None
        Hits a nominal copy, where one is enough: the probability that a molecule gives a signal, if the level holds
        what is written on it; above 1 it holds more.
    fit_p : float or None
        P-value of the model against one free probability a level; None where it cannot be tested.
    gain_p : float or None
        P-value of the likelihood ratio against one hit.
    """

    model: str
    chosen: bool
    copies: float
    lower: float | None
    upper: float | None
    detection_probability: float | None = None
    fit_p: float | None = None
    gain_p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantificationLimit:
    """Limit of quantification by one rule.

    Attributes
    ----------
    rule_id, label : str
        Row of the table, and words for it.
    cv_max : float
        Largest coefficient of variation.
    by_levels : float or None
        Lowest tested level from which all levels meet it; None where none does.
    assured : float or None
        The same asked of the upper end of each level's interval.
    by_model : float or None
        Where the precision profile meets it.
    replicates : int
        Replicates of the level of `by_levels`; 0 without one.
    """

    rule_id: str
    label: str
    cv_max: float
    by_levels: float | None
    assured: float | None
    by_model: float | None
    replicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssayValidation:
    """What an assay can see.

    Attributes
    ----------
    target : str
        Target, gene symbol.
    runs : tuple of str
        Runs that the wells come from.
    wells : int
        Standard and blank wells used.
    slope, r_squared : float or None
        Mean slope within plates over the linear range, and its share of explained variance.
    technical_sd_cycles, counting_factor : float or None
        Precision profile: technical sd of a well, and variance over the Poisson variance (1 is Poisson).
    linear_low, linear_high : float or None
        Ends of the linear range, copies a well.
    levels : tuple of LevelPrecision
        From the lowest.
    blank : BlankLimit or None
        Limit of blank.
    detection : tuple of DetectionLimit
        The assay's limit first, published approaches beside it.
    quantification : tuple of QuantificationLimit
        One a rule.
    findings : tuple of Finding
        What was refused and why, what is doubtful.
    digital : DigitalBasis or None
        Set where the assay is a digital PCR.
    """

    target: str
    runs: tuple[str, ...]
    wells: int
    slope: float | None
    r_squared: float | None
    technical_sd_cycles: float | None
    counting_factor: float | None
    linear_low: float | None
    linear_high: float | None
    levels: tuple[LevelPrecision, ...]
    blank: BlankLimit | None
    detection: tuple[DetectionLimit, ...]
    quantification: tuple[QuantificationLimit, ...]
    findings: tuple[Finding, ...]
    digital: DigitalBasis | None = None

    @property
    def limit_of_detection(self) -> DetectionLimit | None:
        """The assay's own limit of detection.

        Returns
        -------
        DetectionLimit or None
            The chosen one of `detection`; None if none could be found.
        """
        return next((limit for limit in self.detection if limit.chosen), None)
