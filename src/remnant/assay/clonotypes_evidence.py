"""Reads of a clone to evidence: counts over the analysed reads of their repertoire.

Reads are no molecules. Where the sequenced cells are known, ``r`` reads over ``n`` cells spread reads by
``1 + r/n`` beyond Poisson; reads and exposure are both divided by it, so that no clone is seen below one
cell. Where a file stops at its most frequent clones, a clone that it does not list is only bounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from remnant.evidence.kinds import CountsEvidence, ErrorTerm, ReportedEvidence
from remnant.knowledge.clonotypes import ClonotypeRules
from remnant.records.clonotype import Repertoire
from remnant.records.control import VarianceComponent
from remnant.records.measurement import DetectionState

__all__ = ["Counted", "count_evidence", "counted_state", "share_in_copies"]

_DECADES: Final = 4.0
"""Decades of the declared range below one read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Reads of one clone in one repertoire.

    Attributes
    ----------
    repertoire : Repertoire
        The repertoire.
    reads : int or None
        Reads; None where the file stops above what the clone could have.
    analysed_reads : int
        Denominator.
    at_most : int
        Reads that the clone has at most, where `reads` is None.
    """

    repertoire: Repertoire
    reads: int | None
    analysed_reads: int
    at_most: int = 0


def count_evidence(
    counted: Counted,
    *,
    patient_id: str,
    clone: str,
    rules: ClonotypeRules,
    variance: Sequence[VarianceComponent],
) -> CountsEvidence | ReportedEvidence:
    """Likelihood of a clone's share of reads.

    Parameters
    ----------
    counted : Counted
        Reads and denominator.
    patient_id, clone : str
        Name the biology term: one draw a sample.
    rules : ClonotypeRules
        Background and dispersion.
    variance : sequence of VarianceComponent
        Errors above the count.

    Returns
    -------
    CountsEvidence or ReportedEvidence
        Of the share; a step at the bound where the file stops above the clone.

    Examples
    --------
    >>> from remnant.knowledge.clonotypes import clonotype_rules
    >>> one = Counted(repertoire=Repertoire(repertoire_id="R", input_cells=10_000), reads=40, analysed_reads=30_000)
    >>> found = count_evidence(one, patient_id="P", clone="c", rules=clonotype_rules(), variance=())
    >>> found.k, found.exposure
    (10.0, 7500.0)
    """
    name = counted.repertoire.repertoire_id
    errors = (
        ErrorTerm(name=f"run:reads:{name}", sd_log10=_sd(variance, "run")),
        ErrorTerm(name=f"biology:{patient_id}:{clone}:{name}", sd_log10=_sd(variance, "biology")),
    )
    low = -math.log10(counted.analysed_reads) - _DECADES
    if counted.reads is None:
        return ReportedEvidence(
            value=None,
            sd_log10=0.0,
            upper_limit=counted.at_most / counted.analysed_reads,
            lower_limit=None,
            log10_low=low,
            log10_high=0.0,
            errors=errors,
        )
    cells = counted.repertoire.input_cells
    spread = 1.0 + counted.analysed_reads / cells if cells else 1.0
    return CountsEvidence(
        k=counted.reads / spread,
        exposure=counted.analysed_reads / spread,
        background=rules.background_share,
        dispersion=rules.dispersion,
        log10_low=low,
        log10_high=0.0,
        errors=errors,
    )


def share_in_copies(evidence: CountsEvidence, *, counted: Counted, copies_per_read: float) -> CountsEvidence:
    """The same reads as copies, by spiked standards: a quantity and a series of its own.

    Parameters
    ----------
    evidence : CountsEvidence
        Likelihood of the share.
    counted : Counted
        Reads and denominator.
    copies_per_read : float
        Copies that one read stands for.

    Returns
    -------
    CountsEvidence
        Of the copies in what was sequenced.
    """
    factor = counted.analysed_reads * copies_per_read
    shift = math.log10(factor)
    return CountsEvidence(
        k=evidence.k,
        exposure=evidence.exposure / factor,
        background=evidence.background * factor,
        dispersion=evidence.dispersion,
        log10_low=evidence.log10_low + shift,
        log10_high=evidence.log10_high + shift,
        errors=evidence.errors,
    )


def counted_state(counted: Counted, *, rules: ClonotypeRules) -> tuple[DetectionState, str]:
    """Detection state of a clone, and why it is not quantified.

    Parameters
    ----------
    counted : Counted
        Reads and denominator.
    rules : ClonotypeRules
        Reads and share that make a number.

    Returns
    -------
    state : DetectionState
        Quantified, detected or not detected.
    reason : str
        Empty if quantified.

    Examples
    --------
    >>> from remnant.knowledge.clonotypes import clonotype_rules
    >>> made = Counted(repertoire=Repertoire(repertoire_id="R"), reads=11, analysed_reads=1_950_422)
    >>> counted_state(made, rules=clonotype_rules())
    ('detected', '11 reads, 5.6e-06 of 1,950,422: below 1e-05, not quantifiable')
    """
    reads, of = counted.reads, counted.analysed_reads
    if reads is None:
        return "not detected", f"not among the listed clones, which end at {counted.at_most:,} reads"
    if reads == 0:
        return "not detected", f"0 of {of:,} reads"
    if reads <= rules.background_share * of:
        return "not detected", f"{reads:,} of {of:,} reads, not above the background"
    words = "1 read" if reads == 1 else f"{reads:,} reads"
    if reads < rules.quantified_reads:
        return "detected", f"{words} of {of:,}: below {rules.quantified_reads}, not quantifiable"
    if reads / of < rules.quantified_share:
        return (
            "detected",
            f"{words}, {reads / of:.1e} of {of:,}: below {rules.quantified_share:g}, not quantifiable",
        )
    return "quantified", ""


def _sd(variance: Sequence[VarianceComponent], error_class: str) -> float:
    rows = [one for one in variance if one.error_class == error_class and one.target in {"IG/TR", ""}]
    return next((one.sd_log10 for one in sorted(rows, key=lambda one: one.target == "")), 0.0)
