"""The class of a patient by the compartments that carry the lesion.

"Outside the B lineage" and "HSC involved" are two notions: the second implies the first, not the other
way. A stem-cell gate speaks only if it excluded CD19+ cells. Negative T and NK cells neither confirm nor
refute: in CML they are negative while the stem cell is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from remnant.call.compartments import sample_posterior
from remnant.errors import MeasurementError
from remnant.knowledge.compartments import compartment
from remnant.knowledge.fish import fish_row, fish_version
from remnant.numerics.compartments import JointPosterior
from remnant.records.finding import Finding
from remnant.records.fish import CompartmentCall, FishEstimate, LineageClass
from remnant.records.sample import Fraction

__all__ = ["classify_lineage"]

_FOUND = frozenset({"positive", "strongly positive"})
Answer = Literal["yes", "no", "unknown"]


def classify_lineage(
    calls: Sequence[CompartmentCall],
    fractions: Sequence[Fraction],
    *,
    patient_id: str,
    estimates: Sequence[FishEstimate],
) -> tuple[LineageClass, tuple[Finding, ...]]:
    """Class of one sample.

    Parameters
    ----------
    calls : sequence of CompartmentCall
        All compartments of one sample.
    fractions : sequence of Fraction
        Their gates, as written.
    patient_id : str
        Laboratory code.
    estimates : sequence of FishEstimate
        What was called; their joint posterior gives the probabilities of both notions.

    Returns
    -------
    lineage : LineageClass
        The class with both notions and their probabilities.
    findings : tuple of Finding
        A stem-cell gate that does not exclude CD19.

    Raises
    ------
    MeasurementError
        If there is no call, or they are of several samples.
    """
    samples = {call.sample_id for call in calls}
    if len(samples) != 1:
        raise MeasurementError(
            where=f"patient {patient_id}",
            found=f"calls of {len(samples)} samples",
            needed="calls of one sample",
            advice="Classify each sample by itself.",
        )
    row = fish_row("classes")
    gates = {fraction.fraction_id: fraction.sort_gate for fraction in fractions}
    stem, findings = _stem_calls(calls, gates, row["stem"], row["needs_excluded"])
    outside = [call for call in calls if compartment(call.compartment).lineage not in row["b_lineage"]]
    judging = [call for call in outside if call.compartment not in row["neither_confirms_nor_refutes"]]
    hsc = _answer(stem, stem)
    beyond = _answer(outside, judging)
    b_positive = any(
        call.verdict in _FOUND for call in calls if compartment(call.compartment).lineage in row["b_lineage"]
    )
    posterior = sample_posterior(estimates)
    name = _name(hsc, beyond, b_positive=b_positive)
    return LineageClass(
        patient_id=patient_id,
        sample_id=next(iter(samples)),
        name=name,
        outside_b_lineage=beyond,
        hsc_involved=hsc,
        probability_outside=_any_probability(outside, estimates, posterior),
        probability_hsc=_any_probability(stem, estimates, posterior),
        rule_id="fish.classes",
        rule_version=fish_version(),
        reason=_reason(calls, hsc, beyond),
    ), tuple(findings)


def _stem_calls(
    calls: Sequence[CompartmentCall], gates: dict[str, str], names: Sequence[str], excluded: str
) -> tuple[list[CompartmentCall], list[Finding]]:
    """Calls of stem-cell gates that exclude the blasts."""
    speaking, findings = [], []
    for call in calls:
        if call.compartment not in names:
            continue
        if excluded in gates.get(call.fraction_id, ""):
            speaking.append(call)
        else:
            findings.append(
                Finding(
                    code="compartment.gate_keeps_cd19",
                    severity="warning",
                    subject=f"fraction {call.fraction_id}",
                    message=f"The {call.compartment} gate is not written as {excluded}: it cannot show that stem"
                    " cells are involved, since blasts may stand in it.",
                    found=gates.get(call.fraction_id) or "no gate",
                    needed=excluded,
                )
            )
    return speaking, findings


def _answer(calls: Sequence[CompartmentCall], judging: Sequence[CompartmentCall]) -> Answer:
    """Yes if any is positive; no only if all that can refute are negative."""
    if any(call.verdict in _FOUND for call in calls):
        return "yes"
    if judging and all(call.verdict == "negative" for call in judging):
        return "no"
    return "unknown"


def _name(
    hsc: Answer, beyond: Answer, *, b_positive: bool
) -> Literal["B-lymphoid only", "outside the B lineage", "HSC involved", "not classifiable"]:
    if hsc == "yes":
        return "HSC involved"
    if beyond == "yes":
        return "outside the B lineage"
    return "B-lymphoid only" if beyond == "no" and b_positive else "not classifiable"


def _any_probability(
    asked: Sequence[CompartmentCall], estimates: Sequence[FishEstimate], posterior: JointPosterior
) -> float | None:
    """Joint posterior probability that any of some compartments is involved."""
    names = {call.compartment for call in asked}
    places = [i for i, estimate in enumerate(estimates) if estimate.compartment in names]
    if not places:
        return None
    return min(float(posterior.weight @ posterior.involved[:, places].any(axis=1)), 1.0)


def _reason(calls: Sequence[CompartmentCall], hsc: Answer, beyond: Answer) -> str:
    words = {"yes": "carry", "no": "do not carry", "unknown": "may or may not carry"}
    verdicts = ", ".join(f"{call.compartment} {call.verdict}" for call in calls)
    stem = {"yes": "HSC involved", "no": "HSC not involved", "unknown": "HSC unknown"}[hsc]
    return f"Cells outside the B lineage {words[beyond]} the lesion; {stem} ({verdicts})."
