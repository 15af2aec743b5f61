"""Rearrangements of IG and TR genes counted by sequencing, and the clones followed by them.

A *repertoire* is one sequenced sample. A *clonotype* is one rearrangement in it, counted in reads. Shares
are reads of the clone over the analysed reads of its repertoire: reads with a recognised rearrangement of
any gene system. They are no shares of cells.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from remnant.records.finding import Finding
from remnant.records.measurement import DetectionState, Measurement
from remnant.records.run import Assay

__all__ = [
    "CloneCount",
    "ClonePoint",
    "CloneRole",
    "CloneTrack",
    "CloneVerdict",
    "ClonotypesFollowed",
    "Repertoire",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repertoire:
    """One sequenced sample: what a file says of it, and what a table adds.

    Attributes
    ----------
    repertoire_id : str
        Name of the sequenced sample in its file.
    sample_id : str or None
        Laboratory code of the sample; needed unless it equals `repertoire_id`.
    sampled_on : datetime.date or None
        Day of the sample as the sequencing file says.
    total_reads : int or None
        All reads.
    analysed_reads : int or None
        Reads with a recognised rearrangement; None if the file lists rearrangements only.
    copies_per_read : float or None
        Copies that one read stands for, by spiked standards.
    input_cells : int or None
        Cells whose DNA was sequenced.
    label : str or None
        Remark of the file, for example ``"#diagnosis"``.
    producer : str or None
        Program that found the rearrangements.
    """

    repertoire_id: str
    sample_id: str | None = None
    sampled_on: dt.date | None = None
    total_reads: int | None = None
    analysed_reads: int | None = None
    copies_per_read: float | None = None
    input_cells: int | None = None
    label: str | None = None
    producer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneCount:
    """Reads of one clonotype in one repertoire, as a file states them.

    Attributes
    ----------
    repertoire_id : str
        Repertoire.
    clone_id : str
        Identifier in the file; with Vidjil the window of the sequence, which holds across files.
    locus : str
        Gene system, for example ``"TRG"``, ``"IGH+"``.
    reads : int
        Reads; 0 where the file names the clone and found none.
    locus_reads : int or None
        Reads of its gene system in the repertoire.
    copies : float or None
        Copies by spiked standards.
    name : str or None
        Rearrangement in words, ``"TRGV2*01 0/CCGGAGG/0 TRGJP1*01"``.
    v_call, d_call, j_call : str or None
        Genes with alleles.
    junction, junction_aa : str or None
        Junction from the conserved cysteine to the conserved F or W, nucleotides and amino acids.
    sequence : str or None
        Consensus.
    productive : bool or None
        Whether it is in frame without stop.
    standard : str or None
        Name of the spiked standard that it is; None for a patient's clone.
    """

    repertoire_id: str
    clone_id: str
    locus: str
    reads: int
    locus_reads: int | None = None
    copies: float | None = None
    name: str | None = None
    v_call: str | None = None
    d_call: str | None = None
    j_call: str | None = None
    junction: str | None = None
    junction_aa: str | None = None
    sequence: str | None = None
    productive: bool | None = None
    standard: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonePoint:
    """One clone in one repertoire.

    Attributes
    ----------
    repertoire_id : str
        Repertoire.
    sample_id : str or None
        Laboratory code of the sample, if known.
    drawn_on : datetime.date or None
        Day of the sample.
    reads : int or None
        Reads; None where the file stops above what the clone could have.
    analysed_reads : int
        Denominator.
    state : DetectionState
        Quantified, detected, not detected or not evaluable.
    share, lower, upper : float or None
        Posterior median share of reads with its 95 % interval; None unless detected.
    upper_limit : float or None
        One-sided 95 % bound: the sensitivity reached where nothing was detected.
    copies : float or None
        Copies by spiked standards.
    reason : str
        Why it is not quantified; empty if it is.
    """

    repertoire_id: str
    sample_id: str | None
    drawn_on: dt.date | None
    reads: int | None
    analysed_reads: int
    state: DetectionState
    share: float | None
    lower: float | None
    upper: float | None
    upper_limit: float | None
    copies: float | None = None
    reason: str = ""


CloneRole = Literal["index", "further index", "minor"]
CloneVerdict = Literal["followed", "not detected", "detected again", "returns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneTrack:
    """One clone of the diagnosis sample through all later samples.

    Attributes
    ----------
    patient_id : str
        Laboratory code; empty where a file was read without a study.
    clone_id, locus, name : str
        The clone, as the diagnosis sample names it.
    role : {"index", "further index", "minor"}
        Dominant and a series of its own; dominant beyond the number that is followed; minor.
    identity : {"clone id", "junction", "sequence"}
        Weakest ground on which a later count was taken for the same clone.
    diagnosis_share, diagnosis_locus_share : float
        Share of analysed reads and of reads of its gene system at diagnosis.
    points : tuple of ClonePoint
        By date, diagnosis first.
    verdict : {"followed", "not detected", "detected again", "returns"}
        ``returns``: not detected once, and then quantified at its diagnosis level or above; a reappearance
        below it is ``detected again``; ``not detected`` in the last sample.
    since : datetime.date or None
        Day of the sample with which the verdict began.
    probability : float or None
        P(share above that of diagnosis) in the sample that makes the verdict.
    rule_id, rule_version, rule_status : str
        Row of `knowledge`.
    reason : str
        One sentence.
    junction, junction_aa : str or None
        Junction, where the file gives it.
    """

    patient_id: str
    clone_id: str
    locus: str
    name: str
    role: CloneRole
    identity: Literal["clone id", "junction", "sequence"]
    diagnosis_share: float
    diagnosis_locus_share: float
    points: tuple[ClonePoint, ...]
    verdict: CloneVerdict
    since: dt.date | None
    probability: float | None
    rule_id: str
    rule_version: str
    rule_status: str
    reason: str
    junction: str | None = None
    junction_aa: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonotypesFollowed:
    """What the repertoires of patients amount to.

    Attributes
    ----------
    tracks : tuple of CloneTrack
        Index clones first, then those that return, then by share at diagnosis.
    measurements : tuple of Measurement
        Of index clones, and of others that were detected again: one a sample whose code is known.
    assays : tuple of Assay
        One a clone and unit that was measured.
    findings : tuple of Finding
        What was noticed.
    """

    tracks: tuple[CloneTrack, ...]
    measurements: tuple[Measurement, ...]
    assays: tuple[Assay, ...]
    findings: tuple[Finding, ...]
