"""Repertoires with their samples, and every followed clone counted in each of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.assay.clonotypes_evidence import Counted, count_evidence
from remnant.assay.clonotypes_identity import Chosen, Identity, Listed, listed
from remnant.evidence.kinds import CountsEvidence, ReportedEvidence
from remnant.knowledge.clonotypes import ClonotypeRules
from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.control import VarianceComponent
from remnant.records.sample import Sample

__all__ = ["Followed", "Seen", "Source", "clone_code", "clone_name", "follow", "short_name", "sources_of"]

_LONGEST_NAME: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repertoire with its clones and the sample it belongs to.

    Attributes
    ----------
    repertoire : Repertoire
        The sequenced sample.
    counts : sequence of CloneCount
        Its clones.
    analysed_reads : int
        Denominator of shares; the listed reads where the file states none.
    sample : Sample or None
        None without a study.
    drawn_on : datetime.date or None
        Day of the sample, else of the sequencing file.
    """

    repertoire: Repertoire
    counts: Sequence[CloneCount]
    analysed_reads: int
    sample: Sample | None
    drawn_on: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One followed clone in one repertoire.

    Attributes
    ----------
    source : Source
        The repertoire.
    counted : Counted
        Its reads.
    copies : float or None
        Copies by spiked standards.
    evidence : CountsEvidence or ReportedEvidence
        Of its share of reads.
    """

    source: Source
    counted: Counted
    copies: float | None
    evidence: CountsEvidence | ReportedEvidence

    @property
    def copies_per_read(self) -> float | None:
        """Copies that one read stands for.

        Returns
        -------
        float or None
            Of the clone itself, else of the repertoire; None without standards.
        """
        if self.copies and self.counted.reads:
            return self.copies / self.counted.reads
        return self.source.repertoire.copies_per_read


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One followed clone in all repertoires of its patient.

    Attributes
    ----------
    patient_id : str
        Laboratory code; empty without a study.
    chosen : Chosen
        The clone at diagnosis.
    identity : Identity
        Weakest ground on which a later count was taken for it.
    seen : tuple of Seen
        Diagnosis first, then by date.
    diagnosis_share : float
        Share of analysed reads at diagnosis.
    """

    patient_id: str
    chosen: Chosen
    identity: Identity
    seen: tuple[Seen, ...]
    diagnosis_share: float


def sources_of(
    repertoires: Iterable[Repertoire], counts: Iterable[CloneCount], *, samples: Iterable[Sample] | None
) -> tuple[list[Source], list[Repertoire]]:
    """Repertoires with their clones and samples.

    Parameters
    ----------
    repertoires : iterable of Repertoire
        Sequenced samples.
    counts : iterable of CloneCount
        Their clones.
    samples : iterable of Sample or None
        Samples of a study; None without one.

    Returns
    -------
    sources : list of Source
        Repertoires with reads, of a known sample where there is a study.
    unlinked : list of Repertoire
        Those of no known sample.
    """
    known = None if samples is None else {one.sample_id: one for one in samples}
    by_repertoire: dict[str, list[CloneCount]] = defaultdict(list)
    for count in counts:
        by_repertoire[count.repertoire_id].append(count)
    sources, unlinked = list[Source](), list[Repertoire]()
    for one in repertoires:
        sample = None if known is None else known.get(one.sample_id or one.repertoire_id)
        held = by_repertoire.get(one.repertoire_id, [])
        analysed = one.analysed_reads or sum(count.reads for count in held)
        if known is not None and sample is None:
            unlinked.append(one)
        elif analysed and held:
            sources.append(
                Source(
                    repertoire=one,
                    counts=held,
                    analysed_reads=analysed,
                    sample=sample,
                    drawn_on=sample.drawn_on if sample else one.sampled_on,
                )
            )
    return sources, unlinked


def follow(
    chosen: Iterable[Chosen],
    sources: Sequence[Source],
    *,
    patient_id: str,
    rules: ClonotypeRules,
    variance: Sequence[VarianceComponent],
) -> list[Followed]:
    """Clones of one patient's diagnosis sample in every repertoire.

    Parameters
    ----------
    chosen : iterable of Chosen
        Clones at diagnosis.
    sources : sequence of Source
        Repertoires of the patient, that of diagnosis first, then by date.
    patient_id : str
        Laboratory code.
    rules : ClonotypeRules
        Counting.
    variance : sequence of VarianceComponent
        Errors above the count.

    Returns
    -------
    list of Followed
        In the order of the clones.
    """
    lists = [listed(one.counts) for one in sources]
    followed = []
    for clone in chosen:
        grounds, seen = list[Identity](), list[Seen]()
        for place, (source, held) in enumerate(zip(sources, lists, strict=True)):
            found, ground = held.reads_of(clone.count) if place else ([clone.count], "clone id")
            counted = _counted(source, held, found)
            copies = [one.copies for one in found if one.copies is not None]
            evidence = count_evidence(
                counted, patient_id=patient_id, clone=clone_code(clone.count), rules=rules, variance=variance
            )
            grounds += [ground] if ground else []
            seen.append(
                Seen(
                    source=source, counted=counted, copies=sum(copies) if copies else None, evidence=evidence
                )
            )
        followed.append(
            Followed(
                patient_id=patient_id,
                chosen=clone,
                identity=max(grounds, key=("clone id", "junction", "sequence").index),
                seen=tuple(seen),
                diagnosis_share=clone.count.reads / sources[0].analysed_reads,
            )
        )
    return followed


def _counted(source: Source, held: Listed, found: Sequence[CloneCount]) -> Counted:
    """Reads of a clone; a list that was cut leaves room for one that it does not name."""
    unlisted = source.analysed_reads - held.reads
    room = min(held.lowest_reads, unlisted) if unlisted > 0 and not found else 0
    return Counted(
        repertoire=source.repertoire,
        reads=None if room else sum(one.reads for one in found),
        analysed_reads=source.analysed_reads,
        at_most=room,
    )


def clone_code(count: CloneCount) -> str:
    """Short stable code of a clone: six digits of the hash of its identifier.

    Parameters
    ----------
    count : CloneCount
        The clone at diagnosis.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    return hashlib.sha256(f"{count.locus} {count.clone_id}".encode()).hexdigest()[:6]


def clone_name(count: CloneCount) -> str:
    """Rearrangement of a clone in words.

    Parameters
    ----------
    count : CloneCount
        The clone.

    Returns
    -------
    str
        Its name, else its junction, else its identifier.
    """
    return count.name or count.junction_aa or count.clone_id


def short_name(count: CloneCount) -> str:
    """Clone in a sentence: a long junction is cut, and the gene system stands before it where it is not told.

    Parameters
    ----------
    count : CloneCount
        The clone.

    Returns
    -------
    str
        At most some fifty characters.

    Examples
    --------
    >>> short_name(CloneCount(repertoire_id="R", clone_id="7", locus="TRG", reads=1, junction_aa="CATWDG"))
    'TRG CATWDG'
    """
    name = clone_name(count)
    cut = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return cut if name.startswith(count.locus) else f"{count.locus} {cut}"
