"""From counted nuclei to estimates with evidence: patterns, controls, readers, purity.

Which patterns count as positive depends on probe and breakpoint. Two-fusion patterns count; where the
sample's B-lineage gate shows one-fusion nuclei above two-fusion nuclei, the clone is atypical and the
one-fusion patterns count instead, with their own, higher false-positive rate. Control rates are keyed by
probe, pattern class and preparation; donors of the study replace the published rate from five donors on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from remnant.assay.fish.cutoffs import Controls, control_counts, cutoffs
from remnant.assay.fish.purity import GateContent, gate_content
from remnant.evidence.kinds import FractionEvidence
from remnant.knowledge.compartments import compartment, known_compartment
from remnant.knowledge.fish import (
    Rate,
    false_negative_rate,
    false_positive_rate,
    fish_row,
    known_pattern,
    pattern_class,
)
from remnant.numerics.conditional_tests import freeman_halton
from remnant.numerics.proportions import clopper_pearson, jeffreys, wilson
from remnant.records.finding import Finding
from remnant.records.fish import FishCount, FishEstimate, FishQuantified, ReaderAgreement, SortPurity
from remnant.records.patient import Patient
from remnant.records.sample import Fraction, Sample
from remnant.units import p_value_text

__all__ = ["UNSTATED", "FishFacts", "quantify_fish"]

UNSTATED: Final = "sorted cytospin"
"""Preparation of a sorted fraction whose sheet does not name one."""

_LOWEST_LOG10: Final = -4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FishFacts:
    """What the laboratory recorded.

    Attributes
    ----------
    counts : tuple of FishCount
        Score sheets, those of healthy donors among them.
    fractions : tuple of Fraction
        Sorted fractions; a fraction of a healthy donor is a control.
    purities : tuple of SortPurity
        Sort reports.
    samples : tuple of Sample
        Specimens.
    patients : tuple of Patient
        Who; the transcript is the breakpoint.
    """

    counts: tuple[FishCount, ...]
    fractions: tuple[Fraction, ...]
    purities: tuple[SortPurity, ...] = ()
    samples: tuple[Sample, ...] = ()
    patients: tuple[Patient, ...] = ()


class _Slide(NamedTuple):
    """One fraction with one probe: nuclei by class and reader."""

    fraction: Fraction
    probe: str
    preparation: str
    scored: dict[str, int]
    by_class: dict[str, dict[str, int]]
    patterns: dict[str, tuple[str, ...]]

    def positive(self, kind: str) -> int:
        return sum(self.by_class.get(kind, {}).values())

    @property
    def nuclei(self) -> int:
        return sum(self.scored.values())


def quantify_fish(facts: FishFacts) -> FishQuantified:
    """Estimates of every scored fraction.

    Parameters
    ----------
    facts : FishFacts
        What the laboratory recorded.

    Returns
    -------
    FishQuantified
        Estimates, reader agreement, findings. A fraction that cannot be estimated is a finding of severity
        ``failure`` and has no estimate.

    Examples
    --------
    >>> gate = Fraction(fraction_id="F1", sample_id="S1", compartment="HSC", sort_gate="CD34+CD38-CD19-",
    ...                 purity=0.94, reanalysed_events=100)
    >>> sheet = FishCount(fraction_id="F1", probe="BCR-ABL1 D-FISH", pattern="1R1G2F", nuclei=12, scored=100)
    >>> made = quantify_fish(FishFacts(counts=(sheet,), fractions=(gate,)))
    >>> made.estimates[0].positive, [round(x, 3) for x in made.estimates[0].clopper_pearson]
    (12, [0.064, 0.2])
    """
    breakpoints = _breakpoints(facts)
    donors = {s.sample_id for s in facts.samples if s.reason in {"donor", "control"}}
    slides, findings = _slides(facts, breakpoints)
    controls = _controls([slide for slide in slides if slide.fraction.sample_id in donors])
    purities: dict[str, list[SortPurity]] = {}
    for purity in facts.purities:
        purities.setdefault(purity.fraction_id, []).append(purity)
    judged = [slide for slide in slides if slide.fraction.sample_id not in donors]
    atypical = _atypical(judged)
    estimates: list[FishEstimate] = []
    agreements: list[ReaderAgreement] = []
    for slide in judged:
        key = (slide.fraction.sample_id, slide.probe)
        kind = "one-fusion" if key in atypical else "two-fusion"
        content = gate_content(
            slide.fraction, purities.get(slide.fraction.fraction_id, []), source=_source(slide, judged)
        )
        findings += content.findings
        rate, donors_of, noted = _rate(slide, kind, controls)
        findings += noted
        if rate is not None and donors_of is not None:
            estimates.append(_estimate(slide, kind, content, rate=rate, controls=donors_of))
        agreement = _agreement(slide, kind)
        if agreement is not None:
            agreements.append(agreement)
            findings += _disagreement(agreement)
    findings += [_atypical_finding(*key) for key in sorted(atypical)]
    return FishQuantified(estimates=tuple(estimates), agreements=tuple(agreements), findings=tuple(findings))


def _breakpoints(facts: FishFacts) -> dict[str, str]:
    """Breakpoint by sample."""
    transcripts = {p.patient_id: p.transcript or "" for p in facts.patients}
    words = {"e1a2": "P190", "b2a2": "P210", "b3a2": "P210", "e13a2": "P210", "e14a2": "P210"}
    return {
        sample.sample_id: words.get(text.casefold(), text.upper())
        for sample in facts.samples
        for text in [transcripts.get(sample.patient_id, "")]
    }


def _slides(facts: FishFacts, breakpoints: dict[str, str]) -> tuple[list[_Slide], list[Finding]]:
    fractions = {fraction.fraction_id: fraction for fraction in facts.fractions}
    groups: dict[tuple[str, str], list[FishCount]] = {}
    for count in facts.counts:
        groups.setdefault((count.fraction_id, count.probe), []).append(count)
    slides, findings = [], []
    for (fraction_id, probe), counts in groups.items():
        fraction = fractions.get(fraction_id)
        problem = _problem(fraction, probe, counts)
        if fraction is None or problem:
            findings.append(_failure(f"fraction {fraction_id}", "fish.not_estimated", problem))
        else:
            slides.append(_slide(fraction, probe, counts, breakpoints.get(fraction.sample_id, "")))
    return slides, findings + _twice(slides)


def _problem(fraction: Fraction | None, probe: str, counts: Sequence[FishCount]) -> str:
    """Why a slide cannot be read; empty if it can."""
    if fraction is None:
        return "no table of fractions names it"
    if not known_compartment(fraction.compartment):
        return f"compartment {fraction.compartment!r} is not in the tree"
    unknown = sorted({c.pattern for c in counts if not known_pattern(probe, c.pattern)})
    if unknown:
        return f"probe {probe} has no pattern {', '.join(unknown)}"
    for reader, mine in _by_reader(counts).items():
        totals = {c.scored for c in mine}
        if len(totals) > 1 or sum(c.nuclei for c in mine) > max(totals):
            return f"reader {reader or 'unnamed'} has {sum(c.nuclei for c in mine)} nuclei of {sorted(totals)} scored"
        if max(totals) < 1:
            return f"reader {reader or 'unnamed'} scored no nucleus"
    return ""


def _by_reader(counts: Iterable[FishCount]) -> dict[str, list[FishCount]]:
    readers: dict[str, list[FishCount]] = {}
    for count in counts:
        readers.setdefault(count.reader or "", []).append(count)
    return readers


def _slide(fraction: Fraction, probe: str, counts: Sequence[FishCount], breakpoint_: str) -> _Slide:
    by_class: dict[str, dict[str, int]] = {}
    patterns: dict[str, tuple[str, ...]] = {}
    for count in counts:
        kind = pattern_class(probe, count.pattern, breakpoint_=breakpoint_)
        mine = by_class.setdefault(kind, {})
        mine[count.reader or ""] = mine.get(count.reader or "", 0) + count.nuclei
        if count.nuclei:
            patterns[kind] = tuple(dict.fromkeys((*patterns.get(kind, ()), count.pattern)))
    scored = {reader: mine[0].scored for reader, mine in _by_reader(counts).items()}
    preparation = next((c.preparation for c in counts if c.preparation), UNSTATED)
    return _Slide(fraction, probe, preparation, scored, by_class, patterns)


def _twice(slides: list[_Slide]) -> list[Finding]:
    """Gates of one compartment in one sample: their purity matrix would be singular."""
    seen: dict[tuple[str, str, str], str] = {}
    findings = []
    for slide in list(slides):
        name = compartment(slide.fraction.compartment).id
        first = seen.setdefault((slide.fraction.sample_id, slide.probe, name), slide.fraction.fraction_id)
        if first != slide.fraction.fraction_id:
            slides.remove(slide)
            text = f"{name} stands twice in sample {slide.fraction.sample_id}; only fraction {first} is used"
            findings.append(
                _failure(f"fraction {slide.fraction.fraction_id}", "fish.compartment_twice", text)
            )
    return findings


def _failure(subject: str, code: str, message: str) -> Finding:
    return Finding(code=code, severity="failure", subject=subject, message=f"Not estimated: {message}.")


def _atypical(slides: Iterable[_Slide]) -> set[tuple[str, str]]:
    """Samples whose B-lineage gate shows one fusion more often than two."""
    return {
        (slide.fraction.sample_id, slide.probe)
        for slide in slides
        if compartment(slide.fraction.compartment).lineage == "b"
        and slide.positive("one-fusion") > max(slide.positive("two-fusion"), 0.2 * slide.nuclei)
    }


def _atypical_finding(sample: str, probe: str) -> Finding:
    return Finding(
        code="fish.atypical_pattern",
        severity="warning",
        subject=f"sample {sample}",
        message=f"{probe}: one-fusion nuclei are the clone's pattern and count as positive, with their own cut-off.",
        advice="Confirm with a second probe.",
    )


def _source(slide: _Slide, slides: Iterable[_Slide]) -> str:
    """Compartment that unnamed contaminants are taken to be: the sample's blasts."""
    own = compartment(slide.fraction.compartment)
    if own.lineage == "b":
        return "T" if own.id != "T" else "myeloid"
    for other in slides:
        found = compartment(other.fraction.compartment)
        if other.fraction.sample_id == slide.fraction.sample_id and found.lineage == "b":
            return found.id
    return "CD19+"


def _controls(slides: Iterable[_Slide]) -> dict[tuple[str, str, str], Controls]:
    counts: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for slide in slides:
        for kind in ("two-fusion", "one-fusion"):
            pair = (slide.positive(kind), slide.nuclei)
            counts.setdefault((slide.probe, kind, slide.preparation), []).append(pair)
    least = fish_row("cutoff")["least_donors"]
    return {
        key: control_counts([k for k, _ in pairs], [n for _, n in pairs])
        for key, pairs in counts.items()
        if len(pairs) >= least
    }


def _rate(
    slide: _Slide, kind: str, controls: dict[tuple[str, str, str], Controls]
) -> tuple[Rate | None, Controls | None, list[Finding]]:
    """False-positive rate by the laboratory's donors, or as published with a finding."""
    subject = f"fraction {slide.fraction.fraction_id}"
    own = controls.get((slide.probe, kind, slide.preparation))
    if own is not None:
        return Rate(own.rate, sum(own.scored) + 1.0, "the laboratory's donors", "verified"), own, []
    rate = false_positive_rate(kind, slide.preparation)
    if rate is None:
        text = f"no control rate for {kind} patterns in a {slide.preparation}"
        return None, None, [_failure(subject, "fish.no_controls", text)]
    assumed = Finding(
        code="fish.control_rate_assumed",
        severity="warning",
        subject=subject,
        message=f"{slide.probe}, {kind}, {slide.preparation}: false positives taken as {100 * rate.rate:g} %"
        f" on {rate.nuclei:g} nuclei ({rate.source}).",
        advice="Score healthy donors with this probe and preparation.",
    )
    counts = Controls(positive=(round(rate.rate * rate.nuclei),), scored=(round(rate.nuclei),))
    return rate, counts, [assumed]


def _estimate(
    slide: _Slide, kind: str, content: GateContent, *, rate: Rate, controls: Controls
) -> FishEstimate:
    k, n = slide.positive(kind), slide.nuclei
    missed = false_negative_rate()
    parameters = np.array(list(content.parameters.values()))
    own, total = float(parameters[0]), float(parameters.sum())
    bounds = special.betaincinv(own, total - own, [0.025, 0.975])
    settings = fish_row("cutoff")
    conditions = [content.conditional]
    if rate.source != "the laboratory's donors":
        conditions.append(f"false positives {100 * rate.rate:g} % by assumption")
    return FishEstimate(
        fraction_id=slide.fraction.fraction_id,
        sample_id=slide.fraction.sample_id,
        compartment=compartment(slide.fraction.compartment).id,
        probe=slide.probe,
        preparation=slide.preparation,
        positive=k,
        scored=n,
        patterns=slide.patterns.get(kind, ()),
        clopper_pearson=_pair(clopper_pearson(k, n)),
        wilson=_pair(wilson(k, n)),
        jeffreys=_pair(jeffreys(k, n)),
        false_positive=rate.rate,
        false_positive_nuclei=rate.nuclei,
        false_negative=missed.rate,
        false_negative_nuclei=missed.nuclei,
        evidence=FractionEvidence(
            k=k,
            n=n,
            false_positive=rate.rate,
            false_negative=missed.rate,
            weights=tuple(float(x) for x in parameters / total),
            compartments=tuple(content.parameters),
            log10_low=_LOWEST_LOG10,
            log10_high=0.0,
        ),
        composition=tuple(float(x) for x in parameters),
        purity=own / total if content.measured else None,
        purity_lower=float(bounds[0]) if content.measured else None,
        purity_upper=float(bounds[1]) if content.measured else None,
        cutoffs=cutoffs(
            controls,
            n,
            alpha=settings["value"],
            deviations=settings["deviations"],
            classical=settings["classical"] if len(controls.scored) > 1 else "CRITBINOM",
        ),
        conditional="; ".join(text for text in conditions if text),
    )


def _pair(bounds: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    return float(bounds[0]), float(bounds[1])


def _agreement(slide: _Slide, kind: str) -> ReaderAgreement | None:
    if len(slide.scored) < 2:
        return None
    readers = tuple(slide.scored)
    positive = tuple(slide.by_class.get(kind, {}).get(reader, 0) for reader in readers)
    scored = tuple(slide.scored[reader] for reader in readers)
    p_value = 1.0
    if 0 < sum(positive) < sum(scored):
        p_value = freeman_halton([[k, n - k] for k, n in zip(positive, scored, strict=True)])
    return ReaderAgreement(
        fraction_id=slide.fraction.fraction_id,
        probe=slide.probe,
        readers=readers,
        positive=positive,
        scored=scored,
        p_value=p_value,
        agree=p_value >= fish_row("readers")["value"],
    )


def _disagreement(agreement: ReaderAgreement) -> list[Finding]:
    if agreement.agree:
        return []
    counts = ", ".join(
        f"{reader or 'unnamed'} {k} of {n}"
        for reader, k, n in zip(agreement.readers, agreement.positive, agreement.scored, strict=True)
    )
    return [
        Finding(
            code="fish.readers_differ",
            severity="warning",
            subject=f"fraction {agreement.fraction_id}",
            message=f"The readers differ: {counts} (exact test, {p_value_text(agreement.p_value)}).",
            advice="Have the slide scored by a third reader.",
        )
    ]
