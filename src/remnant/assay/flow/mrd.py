"""The statement about residual cells: count, denominator, interval, limits with their basis, state.

``k`` events of the gate among ``n`` of the denominator, with a background learned from control tubes. The
evidence is of the share above background; a count below the limit of quantification keeps its likelihood and
is never 0. Without spread between controls the evidence is of kind ``counts``. The spread between controls is one of
the background alone, which ``counts`` cannot say (its dispersion is of the whole count): then the likelihood of a Poisson
signal on a negative-binomial background is tabulated.

The interval of a statement is the unified one of `remnant.numerics.unified_interval`, at the level of the limit of blank: it
covers every true share at least so often, a lower end exists exactly where residual cells are detected, and where they are
not its upper end is the bound that was reached. A posterior under a flat prior is mostly its prior near the limit of detection.

Whether a tube may be called negative is literal, by each rule set's own number of cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remnant.errors import MeasurementError
from remnant.evidence.kinds import CountsEvidence, ProfileEvidence
from remnant.evidence.profile import tabulate
from remnant.knowledge.flow import FlowRules, SufficiencyRule
from remnant.numerics.count_background import (
    CountBackground,
    count_background,
    detectable_mean,
    quantifiable_mean,
    signal_log_likelihood,
    upper_count,
)
from remnant.numerics.unified_interval import unified_interval
from remnant.records.finding import Finding
from remnant.records.flow import MrdStatement, ReferenceTube, Sufficiency
from remnant.records.measurement import DetectionState

__all__ = ["Dilution", "ShareInterval", "haemodilution", "mrd_evidence", "mrd_interval", "mrd_statement"]

_LEAST_EVENTS: Final = 0.2
_LOG10_HIGHEST_LOW: Final = -1.0
_INTERVAL: Final = "unified (Feldman-Cousins)"


class Dilution(NamedTuple):
    """What tells whether marrow is diluted by blood.

    Attributes
    ----------
    verdict : {"suspected", "not seen", "not assessed"}
        By the rule.
    basis : str
        What was compared.
    """

    verdict: Literal["suspected", "not seen", "not assessed"]
    basis: str


class ShareInterval(NamedTuple):
    """Unified interval of the share of residual cells above background.

    Attributes
    ----------
    estimate : float
        Share that suits the count best (maximum likelihood).
    lower, upper : float
        Ends; the lower end is 0 where the count is one that tubes without disease give.
    """

    estimate: float
    lower: float
    upper: float


def _refuse_impossible(k: int, n: int, recall: float) -> None:
    if not 0 <= k <= n or n == 0 or not 0 < recall <= 1:
        raise MeasurementError(
            where="residual cells",
            found=f"{k} of {n} events, recall {recall:g}",
            needed="a part of at least one event, recall above 0",
            advice="Choose a gate within the denominator.",
        )


def mrd_interval(
    k: int,
    n: int,
    *,
    background: CountBackground,
    recall: float = 1.0,
    recall_dispersion: float = 0.0,
    level: float = 0.95,
) -> ShareInterval:
    """Interval of the share of residual cells above background.

    Parameters
    ----------
    k, n : int
        Events in the gate, and of the denominator.
    background : CountBackground
        What the gate catches without disease.
    recall : float, default 1
        Share of residual cells that the gate catches.
    recall_dispersion : float, default 0
        Relative variance of the recall, for one that was measured on few cells.
    level : float, default 0.95
        Least coverage at every true share.

    Returns
    -------
    ShareInterval
        Never above 1.

    Raises
    ------
    MeasurementError
        If more events lie in the gate than in the denominator, or nothing was counted.

    Examples
    --------
    >>> found = mrd_interval(3, 1_000_000, background=CountBackground(0.0, 0.0))
    >>> f"{found.lower:.2g} to {found.upper:.2g}"
    '8.2e-07 to 8.3e-06'
    """
    _refuse_impossible(k, n, recall)
    found = unified_interval(
        k,
        mean=n * background.rate,
        dispersion=background.dispersion,
        signal_dispersion=recall_dispersion,
        level=level,
    )
    exposure = n * recall
    shares = (min(1.0, signal / exposure) for signal in (found.best, found.lower, found.upper))
    return ShareInterval(*shares)


def mrd_evidence(
    k: int, n: int, *, background: CountBackground, recall: float = 1.0
) -> CountsEvidence | ProfileEvidence:
    """Likelihood of the share of residual cells above background.

    Parameters
    ----------
    k, n : int
        Events in the gate, and of the denominator.
    background : CountBackground
        What the gate catches without disease.
    recall : float, default 1
        Share of residual cells that the gate catches, where it was measured.

    Returns
    -------
    CountsEvidence or ProfileEvidence
        Of the share, from a fifth of an event up to 1.

    Raises
    ------
    MeasurementError
        If more events lie in the gate than in the denominator, or nothing was counted.

    Examples
    --------
    >>> mrd_evidence(0, 500_000, background=CountBackground(0.0, 0.0)).exposure
    500000.0
    """
    _refuse_impossible(k, n, recall)
    exposure = n * recall
    low = min(math.log10(_LEAST_EVENTS / exposure), _LOG10_HIGHEST_LOW)
    blank = n * background.rate
    if background.dispersion <= 0 or blank <= 0:
        return CountsEvidence(
            k=float(k),
            exposure=exposure,
            background=background.rate / recall,
            dispersion=0.0,
            log10_low=low,
            log10_high=0.0,
        )

    def of_signal(signal: NDArray[np.float64]) -> NDArray[np.float64]:
        return signal_log_likelihood(signal, k=k, mean=blank, dispersion=background.dispersion)

    return tabulate(
        lambda log10_q: of_signal(exposure * 10.0**log10_q),
        at_zero=float(of_signal(np.zeros(1))[0]),
        log10_low=low,
        log10_high=0.0,
    )


def _background(
    controls: Sequence[ReferenceTube], rules: FlowRules, gate: str
) -> tuple[CountBackground, str, tuple[Finding, ...]]:
    if not controls:
        finding = Finding(
            code="flow.no_background",
            severity="warning",
            subject=f"gate {gate}",
            message="No control tube was given: what this gate catches without disease is taken as nothing.",
            advice="Count the same gate in tubes of healthy or regenerating marrow.",
        )
        return CountBackground(0.0, 0.0), "no control tube: taken as 0", (finding,)
    found = count_background(
        [tube.events for tube in controls],
        [tube.denominator for tube in controls],
        fewest=rules.fewest_controls,
        assumed_dispersion=rules.assumed_dispersion,
    )
    events = sum(tube.denominator for tube in controls)
    basis = f"{len(controls)} controls, {sum(tube.events for tube in controls):,} of {events:,} events"
    if len(controls) >= rules.fewest_controls:
        return found, basis, ()
    finding = Finding(
        code="flow.few_controls",
        severity="note",
        subject=f"gate {gate}",
        message=f"The spread between controls is assumed: {len(controls)} of {rules.fewest_controls} were measured.",
    )
    return found, f"{basis}, spread assumed", (finding,)


def _sufficiency(found: Mapping[str, int], rules: Sequence[SufficiencyRule]) -> tuple[Sufficiency, ...]:
    return tuple(
        Sufficiency(
            rule_id=rule.rule_id,
            what=rule.what,
            found=found[rule.what],
            needed=rule.events,
            met=found[rule.what] >= rule.events,
            source=rule.source,
            status=rule.status,
        )
        for rule in rules
        if rule.what in found
    )


def _negative_allowed(
    found: Mapping[str, int], rules: Sequence[SufficiencyRule], lesions: Sequence[str]
) -> tuple[str, ...]:
    """Lesions whose every rule is met; a rule whose cells were not counted is not met."""
    return tuple(
        lesion
        for lesion in lesions
        if all(found.get(rule.what, -1) >= rule.events for rule in rules if rule.lesion == lesion)
    )


def _state(
    k: int, *, blank: int, detection: float, quantification: float, n: int
) -> tuple[DetectionState, str]:
    if k <= blank:
        return "not detected", f"{k:,} events; tubes without disease give up to {blank:,} among {n:,}"
    if k < detection:
        return "detected", f"{k:,} events, below the limit of detection of {detection:,.0f}"
    if k < quantification:
        return "detected", f"{k:,} events, below the limit of quantification of {quantification:,.0f}"
    return "quantified", ""


def haemodilution(progenitors: int | None, denominator: int, rules: FlowRules) -> Dilution:
    """Whether marrow looks diluted by blood.

    Parameters
    ----------
    progenitors : int or None
        CD34+ events; None where they were not counted or the material is blood.
    denominator : int
        CD45+ events.
    rules : FlowRules
        Limit.

    Returns
    -------
    Dilution
        Verdict and basis.
    """
    if progenitors is None or denominator == 0:
        return Dilution("not assessed", "CD34+ cells were not counted")
    share = progenitors / denominator
    low = share < rules.progenitor_share
    basis = f"CD34+ {100 * share:.3g} % of CD45+, limit {100 * rules.progenitor_share:g} %"
    return Dilution("suspected" if low else "not seen", basis)


def mrd_statement(
    k: int,
    n: int,
    *,
    gate: str,
    denominator: str,
    controls: Sequence[ReferenceTube] = (),
    cells: Mapping[str, int] | None = None,
    lesion: Literal["AML", "ALL", "LSC"],
    progenitors: int | None = None,
    recall: float = 1.0,
    recall_dispersion: float = 0.0,
    rules: FlowRules,
) -> MrdStatement:
    """What may be said of residual cells in one tube.

    Parameters
    ----------
    k, n : int
        Events in the gate, and of the denominator.
    gate, denominator : str
        Their names.
    controls : sequence of ReferenceTube, default ()
        The same gate in tubes without disease.
    cells : mapping of str to int or None, default None
        Cells acquired, by the names of the sufficiency rules (``"CD45+"``, ``"nucleated cells"`` …).
    lesion : {"AML", "ALL", "LSC"}
        Whose rules of sufficiency apply.
    progenitors : int or None, default None
        CD34+ events, which tell of haemodilution.
    recall : float, default 1
        Share of residual cells that the gate catches.
    recall_dispersion : float, default 0
        Relative variance of the recall.
    rules : FlowRules
        Counting rules.

    Returns
    -------
    MrdStatement
        With its evidence.

    Raises
    ------
    MeasurementError
        If counts are impossible.

    References
    ----------
    .. [1] Heuser et al., 2021 update on MRD in acute myeloid leukemia, Blood 138, 2753-2767 (2021).

    Examples
    --------
    >>> from remnant.knowledge.flow import flow_rules
    >>> said = mrd_statement(0, 600_000, gate="LAIP", denominator="CD45+", lesion="AML", rules=flow_rules(),
    ...                      cells={"CD45+": 600_000, "blast compartment": 900})
    >>> said.state, f"{said.upper:.2g}", said.negative_allowed
    ('not detected', '5.2e-06', ('AML',))
    """
    background, basis, findings = _background(controls, rules, gate)
    evidence = mrd_evidence(k, n, background=background, recall=recall)
    blank_mean = n * background.rate
    blank = upper_count(blank_mean, background.dispersion, probability=rules.blank_percentile)
    seen = detectable_mean(
        blank_mean, background.dispersion, limit=blank, probability=rules.detection_probability
    )
    known = quantifiable_mean(blank_mean, background.dispersion, events=rules.loq_events)
    detection, quantification = max(rules.lod_events, seen), max(rules.loq_events, known, seen)
    state, reason = _state(
        k,
        blank=blank,
        detection=blank_mean + detection,
        quantification=blank_mean + quantification,
        n=n,
    )
    bounds = mrd_interval(
        k,
        n,
        background=background,
        recall=recall,
        recall_dispersion=recall_dispersion,
        level=rules.blank_percentile,
    )
    seen_at_all = state != "not detected"
    own = tuple(rule for rule in rules.sufficiency if rule.lesion == lesion)
    diluted = haemodilution(progenitors, (cells or {}).get("CD45+", n), rules)
    return MrdStatement(
        gate=gate,
        denominator_name=denominator,
        k=k,
        n=n,
        share=k / n if k else None,
        estimate=bounds.estimate if seen_at_all else None,
        lower=bounds.lower if seen_at_all else None,
        upper=bounds.upper,
        interval_level=rules.blank_percentile,
        interval_basis=_INTERVAL,
        evidence=evidence,
        background=background.rate,
        background_dispersion=background.dispersion,
        background_basis=basis,
        limit_of_blank_events=blank,
        limit_of_blank=blank / n,
        limit_of_detection=detection / (n * recall),
        limit_of_quantification=quantification / (n * recall),
        limit_of_detection_basis=_basis(rules.lod_events, seen),
        limit_of_quantification_basis=_basis(rules.loq_events, known),
        sufficiency=_sufficiency(cells or {}, own),
        state=state,
        reason=reason,
        negative_allowed=_negative_allowed(cells or {}, own, [lesion]) if state == "not detected" else (),
        haemodilution=diluted.verdict,
        haemodilution_basis=diluted.basis,
        findings=findings,
    )


def _basis(events: int, by_background: float) -> str:
    if by_background > events:
        return f"background: {by_background:,.0f} events above it"
    return f"counting: {events:,} events"
