"""Detection state: what may be said of a measurement before any number is printed.

Four states, and no fifth: *quantified*; *detected* (positive, not quantifiable); *not detected*, with the
sensitivity that was reached; *not evaluable*, with the reason. A failed measurement is never negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from remnant.errors import MeasurementError
from remnant.evidence.batch import EvidenceBatch, Floats, Integers
from remnant.evidence.verbs import upper_limit

__all__ = ["STATES", "DetectionRule", "DetectionStates", "detection_state"]

STATES: Final = ("quantified", "detected", "not detected", "not evaluable")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRule:
    """When a measurement counts as quantified.

    Attributes
    ----------
    rule_id : str
        Row of `knowledge` that supplied it.
    minimum_positive_share : float
        Share of the replicates that must be positive, for example 2/3.
    minimum_events : float
        Copies, reads, nuclei or events below which a positive is not quantified.
    """

    rule_id: str
    minimum_positive_share: float
    minimum_events: float


@dataclass(frozen=True, slots=True, eq=False)
class DetectionStates:
    """State of every row.

    Attributes
    ----------
    state : tuple of str, length n
        One of `STATES`.
    reason : tuple of str, length n
        Why a row is not quantified; empty where it is.
    upper_limit : ndarray of float, shape (n,)
        One-sided 95 % bound: for a row that is not detected, the sensitivity reached.
    """

    state: tuple[str, ...]
    reason: tuple[str, ...]
    upper_limit: Floats


def detection_state(
    batch: EvidenceBatch,
    *,
    positive: Integers,
    replicates: Integers,
    events: Floats,
    obstacle: Sequence[str],
    rule: DetectionRule,
) -> DetectionStates:
    """Detection state of every row under a rule.

    Parameters
    ----------
    batch : EvidenceBatch, n rows
        Evidence.
    positive, replicates : ndarray of int, shape (n,)
        Replicates with signal beyond the blank, and evaluated.
    events : ndarray of float, shape (n,)
        Summed copies, reads, nuclei or events.
    obstacle : sequence of str, length n
        Why the row cannot be evaluated; empty where it can.
    rule : DetectionRule
        Shares and counts that make a number.

    Returns
    -------
    DetectionStates
        States, reasons and bounds.

    Raises
    ------
    MeasurementError
        If a row has more positive replicates than replicates.

    Examples
    --------
    >>> from remnant.evidence.kinds import CountsEvidence
    >>> def count(k): return CountsEvidence(k=k, exposure=3, background=0, dispersion=0, log10_low=-4, log10_high=6)
    >>> got = detection_state(
    ...     EvidenceBatch.of([count(60), count(1), count(0), count(0)]),
    ...     positive=np.array([3, 1, 0, 0]), replicates=np.array([3, 3, 3, 0]), events=np.array([60.0, 1, 0, 0]),
    ...     obstacle=["", "", "", "no ABL1 amplified"], rule=DetectionRule(rule_id="x", minimum_positive_share=2 / 3, minimum_events=3),
    ... )
    >>> got.state
    ('quantified', 'detected', 'not detected', 'not evaluable')
    """
    if (positive > replicates).any():
        first = int(np.flatnonzero(positive > replicates)[0])
        raise MeasurementError(
            where=f"row {first}",
            found=f"{positive[first]} positive of {replicates[first]} replicates",
            needed="at most all",
            advice="Count each replicate once.",
        )
    judged = [
        _judge(int(p), int(r), float(e), obstacle=text, rule=rule)
        for p, r, e, text in zip(positive, replicates, events, obstacle, strict=True)
    ]
    bound = upper_limit(batch)
    return DetectionStates(tuple(s for s, _ in judged), tuple(r for _, r in judged), bound)


def _judge(
    positive: int, replicates: int, events: float, *, obstacle: str, rule: DetectionRule
) -> tuple[str, str]:
    if obstacle:
        return "not evaluable", obstacle
    if replicates == 0:
        return "not evaluable", "no replicate was evaluated"
    if positive == 0:
        return "not detected", f"0 of {replicates} replicates positive"
    if positive < rule.minimum_positive_share * replicates - 1e-9:
        return "detected", f"{positive} of {replicates} replicates positive: not quantifiable"
    if events < rule.minimum_events:
        return (
            "detected",
            f"{events:.1f} copies or events in all, below {rule.minimum_events:.2g}: not quantifiable",
        )
    return "quantified", ""
