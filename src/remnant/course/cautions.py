"""What lowers trust in a patient's results: variants under the primers of an assay, marrow diluted by blood.

A caution is advisory. It changes no number, no verdict and no state: it stands beside them, says why, and what to
do. A variant of a measured marker that no row knows is said too, since nobody can tell what it does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from remnant.knowledge.cautions import CautionRule, caution_rules
from remnant.records.caution import Caution, SampleDilution
from remnant.records.dossier import Dossier
from remnant.records.finding import Finding
from remnant.records.flow import FlowResult
from remnant.records.judgement import SeriesPoint
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint
from remnant.records.patient import Variant
from remnant.records.sample import Sample

__all__ = ["caution_findings", "cautions", "sample_dilutions", "with_cautions"]

P = TypeVar("P", SeriesPoint, MrdPoint)

_CODES: Final = {
    "primer bias": "course.primer_bias",
    "haemodilution": "course.haemodilution",
    "variant not known": "course.variant_not_known",
}


def sample_dilutions(results: Iterable[FlowResult]) -> tuple[SampleDilution, ...]:
    """Samples of which a cytometry tube suspects that blood diluted them.

    Parameters
    ----------
    results : iterable of FlowResult
        Tubes with their statements.

    Returns
    -------
    tuple of SampleDilution
        One a sample.
    """
    found = {
        one.sample_id: SampleDilution(sample_id=one.sample_id, basis=one.statement.haemodilution_basis)
        for one in results
        if one.statement is not None and one.statement.haemodilution == "suspected"
    }
    return tuple(found[name] for name in sorted(found))


def cautions(dossier: Dossier, rules: Sequence[CautionRule] | None = None) -> tuple[Caution, ...]:
    """Cautions about one patient.

    Parameters
    ----------
    dossier : Dossier
        Variants, samples, dilutions seen by cytometry, and measurements of the patient.
    rules : sequence of CautionRule or None, default None
        Rows; those that ship by default.

    Returns
    -------
    tuple of Caution
        Primers first, then samples by date.

    Examples
    --------
    >>> from remnant.records.patient import Patient
    >>> cautions(Dossier(patient=Patient(patient_id="P1", diagnosis="AML")))
    ()
    """
    rules = caution_rules() if rules is None else rules
    return (*_of_variants(dossier, rules), *_of_samples(dossier, rules))


def _of_variants(dossier: Dossier, rules: Sequence[CautionRule]) -> Iterator[Caution]:
    for variant in dossier.variants:
        measured = [m for m in dossier.measurements if m.target == variant.target]
        if not measured:
            continue
        known = [one for one in rules if one.kind == "primer_bias" and one.target == variant.target]
        row = next((one for one in known if one.fits(variant.variant)), None)
        if row is None:
            yield _not_known(variant, measured)
            continue
        held = [m for m in measured if m.platform in row.platforms]
        if held:
            yield _bias(variant, held, row)


def _bias(variant: Variant, measured: Sequence[Measurement], row: CautionRule) -> Caution:
    name = f"{variant.target} {variant.variant}"
    return Caution(
        patient_id=variant.patient_id,
        kind="primer bias",
        code=_CODES["primer bias"],
        target=variant.target,
        samples=_by_date(measured),
        last_on=max(m.drawn_on for m in measured),
        short=f"Primer bias possible: {name}.",
        reason=f"Primer bias possible: the patient carries {name}; {row.meaning}.",
        advice=row.advice,
        rule_id=row.id,
        rule_status=row.status,
        source=row.source,
    )


def _not_known(variant: Variant, measured: Sequence[Measurement]) -> Caution:
    return Caution(
        patient_id=variant.patient_id,
        kind="variant not known",
        code=_CODES["variant not known"],
        target=variant.target,
        samples=_by_date(measured),
        last_on=max(m.drawn_on for m in measured),
        short="",
        reason=f"The patient carries {variant.target} {variant.variant}, and {variant.target} is measured: no row says "
        "whether its primers read this variant.",
        advice="Compare the variant with the place of the laboratory's primers.",
        rule_id="",
        rule_status="unverified",
        source="",
    )


def _by_date(measured: Iterable[Measurement]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(m.sample_id for m in sorted(measured, key=lambda m: (m.drawn_on, m.sample_id)))
    )


def _of_samples(dossier: Dossier, rules: Sequence[CautionRule]) -> Iterator[Caution]:
    row = next((one for one in rules if one.kind == "haemodilution"), None)
    seen = {one.sample_id: one.basis for one in dossier.dilutions}
    used = {m.sample_id for m in dossier.measurements}
    last = max((m.drawn_on for m in dossier.measurements if row and m.material == row.material), default=None)
    for sample in sorted(dossier.samples, key=lambda one: (one.drawn_on, one.sample_id)):
        if row is None or sample.material != row.material or sample.sample_id not in used:
            continue
        signs = [f"cytometry suspects it: {seen[sample.sample_id]}"] if sample.sample_id in seen else []
        if sample.quality is not None and row.fits(sample.quality):
            signs.append(f"the laboratory wrote {sample.quality}")
        if signs:
            yield _diluted(sample, "; ".join(signs), row, current=sample.drawn_on == last)


def _diluted(sample: Sample, why: str, row: CautionRule, *, current: bool) -> Caution:
    return Caution(
        patient_id=sample.patient_id,
        kind="haemodilution",
        code=_CODES["haemodilution"],
        samples=(sample.sample_id,),
        last_on=sample.drawn_on,
        short=f"Marrow diluted by blood ({why}).",
        reason=f"The marrow of {sample.drawn_on} is diluted by blood ({why}): {row.meaning}.",
        advice=row.advice,
        rule_id=row.id,
        rule_status=row.status,
        source=row.source,
        current=current,
    )


def with_cautions(points: Iterable[P], found: Sequence[Caution]) -> tuple[P, ...]:
    """Points of a course with the cautions beside their reasons; nothing else of them changes.

    Parameters
    ----------
    points : iterable of SeriesPoint or MrdPoint
        Of one patient.
    found : sequence of Caution
        Of the same patient.

    Returns
    -------
    tuple of points
        In the order given.
    """
    return tuple(_noted(point, found) for point in points)


def _noted(point: P, found: Sequence[Caution]) -> P:
    text = " ".join(_shorts(point.target, point.sample_id, found))
    return dataclasses.replace(point, reason=f"{point.reason} {text}") if text else point


def _shorts(target: str, sample_id: str, found: Sequence[Caution]) -> list[str]:
    return [
        one.short for one in found if one.short and one.target in {"", target} and sample_id in one.samples
    ]


def caution_findings(found: Iterable[Caution]) -> tuple[Finding, ...]:
    """What a reader of a patient's results should know.

    Parameters
    ----------
    found : iterable of Caution
        Of one patient.

    Returns
    -------
    tuple of Finding
        One a caution: about the patient, or about the diluted sample.
    """
    return tuple(
        Finding(
            code=one.code,
            severity="note" if one.kind == "variant not known" else "warning",
            subject=f"sample {one.samples[0]}"
            if one.kind == "haemodilution"
            else f"patient {one.patient_id}",
            message=one.reason,
            advice=one.advice,
        )
        for one in found
    )
