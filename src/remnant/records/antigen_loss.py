"""What became of an antigen on a patient's blasts between two tubes.

Levels are linear compensated values of one instrument; the shift is in log10 of medians.
"""

from __future__ import annotations

from dataclasses import dataclass

from remnant.evidence.kinds import FractionEvidence
from remnant.records.finding import Finding

__all__ = ["AntigenLoss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AntigenLoss:
    """What became of an antigen on the blasts.

    Attributes
    ----------
    antigen : str
        Antigen.
    before : str
        File of the patient's earlier tube; empty if not known.
    gate : str
        Gate of the blasts, which does not use the antigen; empty if not known.
    blasts, blasts_before : int
        Events.
    median, median_before : float
        Linear compensated medians.
    shift_log10, shift_lower, shift_upper : float
        Change of the median, log10, with its 95 % bootstrap interval; negative is a fall.
    cut : float
        Linear value below which an event is negative.
    negative : int
        Blasts below the cut.
    evidence : FractionEvidence
        Of the share of blasts that lost the antigen.
    negative_share, negative_lower, negative_upper : float
        Share with its interval; the lower bound is 0 where the evidence allows none.
    pre_existing_share, pre_existing_lower, pre_existing_upper : float
        Negative share before therapy, with its interval.
    separation : float
        Ashman's D of two fitted modes.
    bimodal : bool
        Whether the modes are apart and both hold at least the pre-existing share that counts.
    verdict : {"lost in part", "lost", "dimmer", "kept"}
        In words, from the numbers above.
    findings : tuple of Finding
        Masking drugs and weak controls.
    """

    antigen: str
    before: str = ""
    gate: str = ""
    blasts: int
    blasts_before: int
    median: float
    median_before: float
    shift_log10: float
    shift_lower: float
    shift_upper: float
    cut: float
    negative: int
    evidence: FractionEvidence
    negative_share: float
    negative_lower: float
    negative_upper: float
    pre_existing_share: float
    pre_existing_lower: float
    pre_existing_upper: float
    separation: float
    bimodal: bool
    verdict: str
    findings: tuple[Finding, ...]
