"""The five kinds of evidence, one record each.

Evidence is the log-likelihood of one declared quantity ``q >= 0`` given what was observed: not a
posterior (no prior inside), not a number with an error bar. ``q = 0`` (absent clone) is a hypothesis of
its own, kept beside the logarithmic grid and never a point of it.

Errors that are shared between measurements have *names*. A term with the same name is the same draw: it
cancels in a change within one run, it correlates two markers measured over one control gene, it does
not shrink with replicates. The class of a term is its name up to the first colon: ``curve``, ``run``,
``rt``, ``control`` or ``biology``.

The columnar twin of these records is `remnant.evidence.batch.EvidenceBatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "COMPARISON",
    "KNOTS",
    "MEASUREMENT",
    "RUN",
    "TUBE",
    "CountsEvidence",
    "ErrorTerm",
    "Evidence",
    "EvidenceKind",
    "FractionEvidence",
    "PartitionsEvidence",
    "ProfileEvidence",
    "ReportedEvidence",
]

EvidenceKind = Literal["counts", "fraction", "partitions", "profile", "reported"]

KNOTS: Final = 64
"""Number of knots of a profile: fixed places of the row's own ``[log10_low, log10_high]``."""

TUBE: Final = frozenset({"curve", "control"})
"""Error classes of the one cDNA tube: calibration and the control gene.

Changes between levels decades apart want `COMPARISON`: a line's error has one name with its size at each level, so that
the slope's share cancels between two levels on either side of the standards' middle, where it should not. Beside
transcription and biology it is small."""
MEASUREMENT: Final = TUBE | {"run", "rt"}
"""Error classes of the interval *of this measurement*: what was in this sample."""
RUN: Final = frozenset({"curve", "run"})
"""Error classes that a measurement shares with other samples: of their run, or of the laboratory."""
COMPARISON: Final = MEASUREMENT | {"biology"}
"""Error classes of the interval *for comparison with another sample* of the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTerm:
    """One log-normal error, shared by every measurement that names it.

    Attributes
    ----------
    name : str
        For example ``"curve:RUN12:WT1"``, ``"rt:CDNA77"``, ``"biology:P003:WT1:S-014"``.
    sd_log10 : float
        Standard deviation of the error of log10 q.
    """

    name: str
    sd_log10: float

    @property
    def error_class(self) -> str:
        """Name up to the first colon.

        Returns
        -------
        str
            ``"curve"``, ``"run"``, ``"rt"``, ``"control"`` or ``"biology"``.
        """
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsEvidence:
    """Events counted at a known exposure: Poisson, or negative binomial when over-dispersed.

    ``k`` has mean ``exposure * (q + background)`` and variance ``mean + dispersion * mean**2``.

    Attributes
    ----------
    k : float
        Events counted.
    exposure : float
        Expected events per unit of q.
    background : float
        Blank level in units of q; 0 is a statement, not a default.
    dispersion : float
        Extra variance; 0 is Poisson.
    log10_low, log10_high : float
        Declared range of log10 q: where the flat prior of the verbs lives.
    errors : tuple of ErrorTerm
        Shared errors.
    kind : {"counts"}
        Tag.
    """

    k: float
    exposure: float
    background: float
    dispersion: float
    log10_low: float
    log10_high: float
    errors: tuple[ErrorTerm, ...] = ()
    kind: Literal["counts"] = "counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionEvidence:
    """Positive cells of n scored, with false calls and purity.

    ``k ~ Binomial(n, fp + (1 - fp - fn) * sum_j w_j f_j)``. With one weight the quantity is the fraction
    ``f`` itself, contaminants being negative; with more, ``q`` is the first compartment's fraction and
    the others are known only jointly (`remnant.numerics.compartments`).

    Attributes
    ----------
    k, n : int
        Positive and scored nuclei or events.
    false_positive, false_negative : float
        Rates per nucleus.
    weights : tuple of float
        Share of the gate's cells that belong to each compartment, own compartment first.
    compartments : tuple of str
        Names of the compartments, as long as `weights`.
    log10_low, log10_high : float
        Declared range of log10 q; the upper end is at most 0.
    errors : tuple of ErrorTerm
        Shared errors.
    kind : {"fraction"}
        Tag.
    """

    k: int
    n: int
    false_positive: float
    false_negative: float
    weights: tuple[float, ...]
    compartments: tuple[str, ...]
    log10_low: float
    log10_high: float
    errors: tuple[ErrorTerm, ...] = ()
    kind: Literal["fraction"] = "fraction"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsEvidence:
    """Positive partitions of a digital PCR.

    ``k ~ Binomial(n, 1 - (1 - fp) * exp(-q * volume))``, with a log-normal error of the volume. The rate
    ``fp`` is learned from blanks: a Beta posterior with its mean and standard deviation, integrated out.

    Attributes
    ----------
    k, n : int
        Positive and valid partitions.
    volume_ul : float
        Volume of one partition in microlitres; q is copies per microlitre.
    volume_cv : float
        Relative standard deviation of the mean partition volume.
    false_positive : float
        Rate per partition, learned from no-template wells: mean of its Beta posterior.
    log10_low, log10_high : float
        Declared range of log10 q.
    errors : tuple of ErrorTerm
        Shared errors.
    false_positive_sd : float
        Standard deviation of that posterior; 0 takes the rate as known.
    kind : {"partitions"}
        Tag.
    """

    k: int
    n: int
    volume_ul: float
    volume_cv: float
    false_positive: float
    log10_low: float
    log10_high: float
    errors: tuple[ErrorTerm, ...] = ()
    false_positive_sd: float = 0.0
    kind: Literal["partitions"] = "partitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEvidence:
    """A tabulated log-likelihood: qPCR, merged wells, any ratio.

    Attributes
    ----------
    log_likelihood : tuple of float, length KNOTS
        Log-likelihood at equally spaced knots of log10 q from `log10_low` to `log10_high`.
    log_likelihood_at_zero : float
        Log-likelihood of q = 0; ``-inf`` when a molecule was certainly seen.
    log10_low, log10_high : float
        Declared range of log10 q, which the knots span.
    errors : tuple of ErrorTerm
        Shared errors; they are not inside the profile.
    kind : {"profile"}
        Tag.
    """

    log_likelihood: tuple[float, ...]
    log_likelihood_at_zero: float
    log10_low: float
    log10_high: float
    errors: tuple[ErrorTerm, ...] = ()
    kind: Literal["profile"] = "profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvidence:
    """A number typed in from a report: weaker, and said so.

    Exactly one of `value`, `upper_limit` and `lower_limit` is set: ``log10 q ~ Normal(log10 value,
    sd_log10)``, or a step at the limit ("< limit" or "> limit").

    Attributes
    ----------
    value : float or None
        Reported value, positive.
    sd_log10 : float
        Stated or assumed error of log10 of the value.
    upper_limit : float or None
        The report said "less than this" or "not detected" with this sensitivity.
    lower_limit : float or None
        The report said "more than this".
    log10_low, log10_high : float
        Declared range of log10 q.
    errors : tuple of ErrorTerm
        Shared errors.
    kind : {"reported"}
        Tag.
    """

    value: float | None
    sd_log10: float
    upper_limit: float | None
    lower_limit: float | None
    log10_low: float
    log10_high: float
    errors: tuple[ErrorTerm, ...] = ()
    kind: Literal["reported"] = "reported"


Evidence = CountsEvidence | FractionEvidence | PartitionsEvidence | ProfileEvidence | ReportedEvidence
