"""Whether a sorted compartment carries the lesion: a verdict that counts contamination.

*Positive*: the exact test of "carry-over and false positives only", integrated over purity, has P <= .05
**and** the posterior probability of involvement is above .5. *Strongly positive*: that and posterior above
.95. *Indeterminate*: test and posterior disagree, or the answer hangs on a purity that nobody measured.
*Negative*: neither, with enough nuclei, and the smallest fraction that matters is either above the limit of
detection or excluded by the counts themselves (P <= .05). Few nuclei limit negatives only: 18 of 20
positive is positive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from remnant.knowledge.fish import fish_row, fish_version
from remnant.numerics.compartments import JointPosterior, involvement_prior, joint_posterior
from remnant.numerics.contamination import (
    ContaminationTest,
    contamination_test,
    flip_purity,
    smallest_detectable,
)
from remnant.numerics.sorted_gates import aligned_gates
from remnant.records.finding import Finding
from remnant.records.fish import CompartmentCall, CompartmentVerdict, FishCutoff, FishEstimate
from remnant.units import p_value_text, probability_text

__all__ = ["call_compartments", "sample_posterior"]


def sample_posterior(estimates: Sequence[FishEstimate]) -> JointPosterior:
    """Joint posterior of the compartments of one sample, with the prior of the rule.

    Parameters
    ----------
    estimates : sequence of FishEstimate
        One sample, one probe, each compartment once.

    Returns
    -------
    JointPosterior
        Gates in the order of the estimates.
    """
    gates = aligned_gates(
        [e.compartment for e in estimates],
        [dict(zip(e.evidence.compartments, e.composition, strict=True)) for e in estimates],
        [e.positive for e in estimates],
        [e.scored for e in estimates],
        false_positive=[[e.false_positive, e.false_positive_nuclei] for e in estimates],
        false_negative=[[e.false_negative, e.false_negative_nuclei] for e in estimates],
    )
    prior = involvement_prior(len(gates.compartments), probability=fish_row("rule")["prior_involved"])
    return joint_posterior(gates, prior)


def call_compartments(
    estimates: Iterable[FishEstimate],
) -> tuple[tuple[CompartmentCall, ...], tuple[Finding, ...]]:
    """Verdicts on every scored compartment, beside the laboratory's classical cut-off.

    Parameters
    ----------
    estimates : iterable of FishEstimate
        Any number of samples and probes.

    Returns
    -------
    calls : tuple of CompartmentCall
        One an estimate, in their order within a sample and probe.
    findings : tuple of Finding
        Where the two verdicts disagree, or purity decides and was not measured.

    References
    ----------
    .. [1] remnant, measurement model, section 7.
    """
    groups: dict[tuple[str, str], list[FishEstimate]] = {}
    for estimate in estimates:
        groups.setdefault((estimate.sample_id, estimate.probe), []).append(estimate)
    calls: list[CompartmentCall] = []
    for members in groups.values():
        posterior = sample_posterior(members)
        calls += [_call(members, i, posterior) for i in range(len(members))]
    return tuple(calls), tuple(finding for call in calls for finding in _findings(call))


def _call(estimates: Sequence[FishEstimate], i: int, posterior: JointPosterior) -> CompartmentCall:
    rule, estimate = fish_row("rule"), estimates[i]
    test = contamination_test(posterior, i, alpha=rule["value"])
    probability = float(posterior.probability_involved[i])
    lower, median, upper = _share(posterior, i)
    detectable = smallest_detectable(test, estimate.scored, power=rule["power"])
    flips = _flip(estimates, i, posterior)
    larger = float(posterior.weight @ (posterior.fraction[:, i] > rule["least_fraction"]))
    verdict = _verdict(
        estimate,
        test,
        probability,
        sees=detectable <= rule["least_fraction"] or larger <= rule["value"],
        flips=flips,
    )
    classical, answer = _classical(estimate)
    found = verdict in {"positive", "strongly positive"}
    disagrees = (answer == "positive" and not found) or (answer == "negative" and found)
    return CompartmentCall(
        sample_id=estimate.sample_id,
        fraction_id=estimate.fraction_id,
        compartment=estimate.compartment,
        probe=estimate.probe,
        verdict=verdict,
        positive=estimate.positive,
        scored=estimate.scored,
        fraction=median,
        lower=lower,
        upper=upper,
        probability=probability,
        prior_probability=float(posterior.prior.probability[i]),
        p_value=test.p_value,
        critical_count=test.critical_count,
        attained_size=test.attained_size,
        detectable=detectable,
        purity=estimate.purity,
        purity_lower=estimate.purity_lower,
        purity_upper=estimate.purity_upper,
        flip_purity=flips,
        classical_verdict=answer,
        classical_method=_counted(classical) if classical else "",
        disagrees=disagrees,
        rule_id="fish.rule",
        rule_version=fish_version(),
        reason=_reason(estimate, test, probability, verdict=verdict, detectable=detectable, flips=flips),
    )


def _share(posterior: JointPosterior, i: int) -> tuple[float, float, float]:
    """Bounds and median of the true share; where most says "not involved", the 95 % bound given involvement."""
    lower, median, upper = (float(x) for x in posterior.quantile([0.025, 0.5, 0.975])[:, i])
    if median > 0.0:
        return lower, median, upper
    weight = np.where(posterior.involved[:, i], posterior.weight, 0.0)
    order = np.argsort(posterior.fraction[:, i])
    below = np.cumsum(weight[order])
    place = int(np.searchsorted(below, 0.95 * below[-1]))
    return 0.0, 0.0, float(posterior.fraction[order[place], i])


def _flip(estimates: Sequence[FishEstimate], i: int, posterior: JointPosterior) -> float | None:
    """Purity at which the test flips, with contaminants like the gate most often found in it."""
    estimate = estimates[i]
    contaminants = dict(zip(estimate.evidence.compartments[1:], estimate.composition[1:], strict=True))
    if not contaminants:
        return None
    name = max(contaminants, key=lambda key: contaminants[key])
    place = posterior.gates.compartments.index(name)
    carried = float(posterior.quantile([0.5])[0, place])
    flips = flip_purity(
        estimate.positive,
        estimate.scored,
        contaminant_fraction=carried,
        false_positive=estimate.false_positive,
        false_negative=estimate.false_negative,
        alpha=fish_row("rule")["value"],
    )
    return flips if 0.0 <= flips <= 1.0 else None if math.isinf(flips) or flips > 1.0 else 0.0


def _verdict(
    estimate: FishEstimate,
    test: ContaminationTest,
    probability: float,
    *,
    sees: bool,
    flips: float | None,
) -> CompartmentVerdict:
    rule = fish_row("rule")
    significant, believed = test.p_value <= rule["value"], probability > rule["posterior"]
    hangs = estimate.purity is None and flips is not None and flips > fish_row("purity")["lowest"]
    if hangs:
        return "indeterminate"
    if significant and believed:
        return "strongly positive" if probability > rule["strongly"] else "positive"
    if significant or believed:
        return "indeterminate"
    return "negative" if sees and estimate.scored >= rule["least_nuclei"] else "not evaluable"


def _classical(
    estimate: FishEstimate,
) -> tuple[FishCutoff | None, Literal["positive", "negative", "none"]]:
    cutoff = next((row for row in estimate.cutoffs if row.classical), None)
    if cutoff is None:
        return None, "none"
    return cutoff, "positive" if estimate.positive >= cutoff.critical_count else "negative"


def _reason(
    estimate: FishEstimate,
    test: ContaminationTest,
    probability: float,
    *,
    verdict: str,
    detectable: float,
    flips: float | None,
) -> str:
    rule = fish_row("rule")
    purity = "purity not measured" if estimate.purity is None else f"purity {100 * estimate.purity:.0f} %"
    alone = f"({p_value_text(test.p_value)}, critical count {test.critical_count})"
    parts = [
        f"{estimate.positive} of {estimate.scored} nuclei, {purity}",
        f"carry-over and false positives alone give {100 * test.null_rate:.1f} % {alone}",
        f"posterior {probability_text(probability)} from prior {rule['prior_involved']:g}",
    ]
    if verdict == "not evaluable":
        least = f"{100 * rule['least_fraction']:g} %"
        shown = "no fraction" if math.isinf(detectable) else f"only {100 * detectable:.0f} % and more"
        few = estimate.scored < rule["least_nuclei"]
        why = (
            f"fewer than {rule['least_nuclei']} nuclei"
            if few
            else f"{shown} would be found, {least} is asked and not excluded"
        )
        parts.append(f"{why}: no negative")
    if estimate.purity is None:
        parts.append(_hangs_on(flips))
    return "; ".join(parts) + "."


def _hangs_on(flips: float | None) -> str:
    """At which purity another answer begins; a purity below the lowest plausible one changes none."""
    lowest = fish_row("purity")["lowest"]
    if flips is not None and flips > lowest:
        return f"the answer flips at a purity of {100 * flips:.0f} %"
    held = f"no purity of {100 * lowest:.0f} % and more changes the answer"
    return held if not flips else f"{held}, which flips at {100 * flips:.0f} %"


def _counted(cutoff: FishCutoff) -> str:
    """Method of a cut-off and the count from which on it is positive."""
    return f"{cutoff.method}, {cutoff.critical_count} {'nucleus' if cutoff.critical_count == 1 else 'nuclei'}"


def _findings(call: CompartmentCall) -> list[Finding]:
    subject = f"fraction {call.fraction_id}"
    findings = []
    if call.disagrees:
        findings.append(
            Finding(
                code="compartment.cutoffs_disagree",
                severity="warning",
                subject=subject,
                message=f"{call.compartment} is {call.verdict}, but {call.classical_verdict} by the classical"
                f" cut-off ({call.classical_method}), which ignores purity.",
            )
        )
    if call.purity is None:
        findings.append(
            Finding(
                code="compartment.purity_unknown",
                severity="warning",
                subject=subject,
                message=f"The purity of the {call.compartment} gate was not measured: {_hangs_on(call.flip_purity)}.",
                advice="Re-analyse the sorted cells.",
            )
        )
    return findings
