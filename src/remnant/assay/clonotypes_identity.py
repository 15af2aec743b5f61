"""Which clones of the diagnosis sample are followed, and which later counts are the same clone.

A clone is the same where its identifier is a window of the sequence and equal; else where V gene, J gene
and junction are equal, alleles ignored; else where the whole sequence is equal. Numbers that a program
gave to clones say nothing across files. Clones that are merely similar are never merged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from remnant.knowledge.clonotypes import ClonotypeRules
from remnant.records.clonotype import CloneCount, CloneRole

__all__ = ["Chosen", "Identity", "Listed", "choose", "gene", "listed"]

Identity = Literal["clone id", "junction", "sequence"]
_WINDOW: Final = re.compile(r"[ACGTN]{10,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A clone of the diagnosis sample that is followed.

    Attributes
    ----------
    count : CloneCount
        Its count at diagnosis.
    role : {"index", "further index", "minor"}
        Why it is followed.
    """

    count: CloneCount
    role: CloneRole


def gene(call: str | None) -> str:
    """Gene of a call, its allele dropped.

    Parameters
    ----------
    call : str or None
        For example ``"TRGV2*01"``.

    Returns
    -------
    str
        Empty for None.

    Examples
    --------
    >>> gene("TRGV2*01")
    'TRGV2'
    """
    return (call or "").partition("*")[0]


def choose(counts: Iterable[CloneCount], *, analysed_reads: int, rules: ClonotypeRules) -> tuple[Chosen, ...]:
    """Clones of a diagnosis sample that are dominant in their gene system, or frequent enough to be watched.

    Parameters
    ----------
    counts : iterable of CloneCount
        Clones of the sample.
    analysed_reads : int
        Reads with a recognised rearrangement in it.
    rules : ClonotypeRules
        Shares and numbers.

    Returns
    -------
    tuple of Chosen
        Most frequent first; standards are left out.

    References
    ----------
    .. [1] Brüggemann et al., Standardized next-generation sequencing of immunoglobulin and T-cell receptor
       gene recombinations for MRD marker identification in acute lymphoblastic leukaemia, Leukemia 33,
       2241-2253 (2019).

    Examples
    --------
    >>> from remnant.knowledge.clonotypes import clonotype_rules
    >>> def clone(code, reads):
    ...     return CloneCount(repertoire_id="R", clone_id=code, locus="TRG", reads=reads, locus_reads=1000)
    >>> found = choose([clone("A", 2), clone("B", 300), clone("C", 30)], analysed_reads=2000,
    ...                rules=clonotype_rules())
    >>> [(one.count.clone_id, one.role) for one in found]
    [('B', 'index'), ('C', 'minor'), ('A', 'minor')]
    """
    dominant: dict[str, int] = defaultdict(int)
    chosen: list[Chosen] = []
    for count in sorted(counts, key=lambda one: (-one.reads, one.clone_id)):
        if count.standard is not None or count.reads == 0:
            continue
        of_locus = count.reads / (count.locus_reads or analysed_reads)
        if of_locus >= rules.index_locus_share and count.reads >= rules.quantified_reads:
            dominant[count.locus] += 1
            first = dominant[count.locus] <= rules.index_per_locus
            chosen.append(Chosen(count=count, role="index" if first else "further index"))
        elif count.reads / analysed_reads >= rules.minor_share:
            chosen.append(Chosen(count=count, role="minor"))
    return tuple(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Clones of one repertoire, to look one up in.

    Attributes
    ----------
    by_window, by_sequence : mapping of str to list of CloneCount
        By window of the sequence, and by whole sequence.
    by_junction : mapping of tuple of str to list of CloneCount
        By V gene, J gene and junction.
    reads : int
        Reads of all listed clones.
    lowest_reads : int
        Reads of the least frequent clone that has any; 0 if none has.
    """

    by_window: Mapping[str, list[CloneCount]]
    by_junction: Mapping[tuple[str, str, str], list[CloneCount]]
    by_sequence: Mapping[str, list[CloneCount]]
    reads: int
    lowest_reads: int

    def reads_of(self, clone: CloneCount) -> tuple[list[CloneCount], Identity | None]:
        """Counts of the same clone, and the ground for it.

        Parameters
        ----------
        clone : CloneCount
            The clone as another repertoire has it.

        Returns
        -------
        counts : list of CloneCount
            Empty if the repertoire does not list the clone.
        identity : Identity or None
            None where it does not.
        """
        key = _junction(clone)
        grounds: tuple[tuple[Identity, list[CloneCount]], ...] = (
            ("clone id", self.by_window.get(clone.clone_id, []) if _is_window(clone) else []),
            ("junction", self.by_junction.get(key, []) if key else []),
            ("sequence", self.by_sequence.get(clone.sequence, []) if clone.sequence else []),
        )
        return next(((found, ground) for ground, found in grounds if found), ([], None))


def listed(counts: Sequence[CloneCount]) -> Listed:
    """Clones of one repertoire, to look one up in.

    Parameters
    ----------
    counts : sequence of CloneCount
        All of the repertoire.

    Returns
    -------
    Listed
        By the three grounds of identity.
    """
    windows: dict[str, list[CloneCount]] = defaultdict(list)
    junctions: dict[tuple[str, str, str], list[CloneCount]] = defaultdict(list)
    sequences: dict[str, list[CloneCount]] = defaultdict(list)
    for one in counts:
        if _is_window(one):
            windows[one.clone_id].append(one)
        key = _junction(one)
        if key is not None:
            junctions[key].append(one)
        if one.sequence:
            sequences[one.sequence].append(one)
    return Listed(
        by_window=windows,
        by_junction=junctions,
        by_sequence=sequences,
        reads=sum(one.reads for one in counts),
        lowest_reads=min((one.reads for one in counts if one.reads), default=0),
    )


def _is_window(clone: CloneCount) -> bool:
    return _WINDOW.fullmatch(clone.clone_id) is not None


def _junction(clone: CloneCount) -> tuple[str, str, str] | None:
    """V gene, J gene and junction; None where one of them is unknown."""
    key = (gene(clone.v_call), gene(clone.j_call), clone.junction or "")
    return key if all(key) else None
