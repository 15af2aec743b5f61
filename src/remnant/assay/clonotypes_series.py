"""Measurements of followed clones: one series a clone and unit, never merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from remnant.assay.clonotypes_evidence import counted_state, share_in_copies
from remnant.assay.clonotypes_sources import Followed, Seen, clone_code, clone_name
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, CountsEvidence, ReportedEvidence
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.clonotypes import ClonotypeRules
from remnant.records.clonotype import CloneCount
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.records.sample import Sample

__all__ = ["TARGET", "clone_measurements"]

TARGET: Final = "IG/TR"
"""Marker of every clone; its assay tells which."""
_SHARE: Final = "read_fraction"
_COPIES: Final = "copies"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One measurement to be made."""

    clone: CloneCount
    seen: Seen
    sample: Sample
    unit: str
    per_read: float  # of the point value, in the unit
    evidence: CountsEvidence | ReportedEvidence


def clone_measurements(
    followed: Iterable[Followed], *, rules: ClonotypeRules
) -> tuple[tuple[Measurement, ...], tuple[Assay, ...]]:
    """Measurements of clones in every sample, and their assays.

    Parameters
    ----------
    followed : iterable of Followed
        Clones that are series.
    rules : ClonotypeRules
        What is quantified.

    Returns
    -------
    measurements : tuple of Measurement
        As a share of reads, and as copies where standards were spiked; none without a sample.
    assays : tuple of Assay
        One a clone and unit.
    """
    rows = [row for course in followed for one in course.seen for row in _rows(course, one)]
    if not rows:
        return (), ()
    batch = EvidenceBatch.of([row.evidence for row in rows])
    measured, compared, bounds = interval(batch), interval(batch, include=COMPARISON), upper_limit(batch)
    made, assays = [], dict[str, Assay]()
    for i, row in enumerate(rows):
        assay = _assay(row.clone, row.unit)
        assays[assay.assay_id] = assay
        numbers = {
            "estimate": float(measured.median[i]),
            "lower": float(measured.lower[i]),
            "upper": float(measured.upper[i]),
            "comparison_lower": float(compared.lower[i]),
            "comparison_upper": float(compared.upper[i]),
        }
        made.append(_measurement(row, assay, numbers, bound=float(bounds[i]), rules=rules))
    return tuple(made), tuple(assays.values())


def _rows(course: Followed, one: Seen) -> Iterable[_Row]:
    sample = one.source.sample
    if sample is None:
        return
    clone, counted = course.chosen.count, one.counted
    yield _Row(
        clone=clone,
        seen=one,
        sample=sample,
        unit=_SHARE,
        per_read=1.0 / counted.analysed_reads,
        evidence=one.evidence,
    )
    factor = one.copies_per_read
    if factor and isinstance(one.evidence, CountsEvidence):
        copies = share_in_copies(one.evidence, counted=counted, copies_per_read=factor)
        yield _Row(clone=clone, seen=one, sample=sample, unit=_COPIES, per_read=factor, evidence=copies)


def _assay(count: CloneCount, unit: str) -> Assay:
    kind = ", copies" if unit == _COPIES else ""
    name = clone_name(count)
    return Assay(
        assay_id=f"{TARGET} {count.locus} {clone_code(count)}{kind}",
        target=TARGET,
        control=None,
        transcript=name if name.startswith(count.locus) else f"{count.locus} {name}",
        platform="ngs",
        unit=unit,
    )


def _measurement(
    row: _Row, assay: Assay, numbers: dict[str, float], *, bound: float, rules: ClonotypeRules
) -> Measurement:
    name, counted = row.seen.source.repertoire.repertoire_id, row.seen.counted
    state, reason = counted_state(counted, rules=rules)
    seen = state in {"detected", "quantified"}
    return Measurement(
        measurement_id=f"{assay.assay_id}|{row.sample.sample_id}|{name}|{name}",
        patient_id=row.sample.patient_id,
        sample_id=row.sample.sample_id,
        cdna_id=name,
        run_id=name,
        assay_id=assay.assay_id,
        target=TARGET,
        control="",
        material=row.sample.material,
        drawn_on=row.sample.drawn_on,
        unit=assay.unit,
        evidence=row.evidence,
        state=state,
        reason=reason,
        estimate=numbers["estimate"] if seen else None,
        lower=numbers["lower"] if seen else None,
        upper=numbers["upper"] if seen else None,
        comparison_lower=numbers["comparison_lower"] if seen else None,
        comparison_upper=numbers["comparison_upper"] if seen else None,
        upper_limit=bound,
        point_value=counted.reads * row.per_read if seen and counted.reads else None,
        target_copies=row.seen.copies,
        control_copies=None,
        positive_wells=int(seen),
        wells=1,
        control_wells=0,
    )
