"""What a reader should know of repertoires and their clones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from remnant.assay.clonotypes_identity import Chosen, choose, listed
from remnant.assay.clonotypes_sources import Followed, Source, clone_code, short_name
from remnant.knowledge.clonotypes import ClonotypeRules
from remnant.records.clonotype import CloneTrack, Repertoire
from remnant.records.finding import Finding, Severity
from remnant.units import number_text

__all__ = ["of_patient", "of_sources", "of_track", "share_text"]

_MOST_NAMED = 10


def share_text(share: float) -> str:
    """Share of reads in a sentence.

    Parameters
    ----------
    share : float
        0 to 1.

    Returns
    -------
    str
        In percent.

    Examples
    --------
    >>> share_text(0.0028)
    '0.28 % of reads'
    """
    return f"{number_text(100.0 * share)} % of reads"


def _finding(code: str, severity: Severity, subject: str, message: str, *, advice: str) -> Finding:
    return Finding(
        code=f"clonotype.{code}", severity=severity, subject=subject, message=message, advice=advice
    )


def of_sources(sources: Iterable[Source], unlinked: Iterable[Repertoire]) -> Iterator[Finding]:
    """Repertoires of no known sample, and days that differ.

    Parameters
    ----------
    sources : iterable of Source
        Repertoires with samples.
    unlinked : iterable of Repertoire
        Those without.

    Yields
    ------
    Finding
        One a repertoire.
    """
    for one in unlinked:
        yield _finding(
            "unlinked",
            "warning",
            f"repertoire {one.repertoire_id}",
            f"No sample {one.sample_id or one.repertoire_id} is known: its clones are not followed.",
            advice="Import a table of repertoires with repertoire_id and sample_id.",
        )
    for source in sources:
        sample, said = source.sample, source.repertoire.sampled_on
        if sample and said not in {None, sample.drawn_on}:
            yield _finding(
                "date_differs",
                "warning",
                f"sample {sample.sample_id}",
                f"Drawn on {sample.drawn_on}, and on {said} by the sequencing file; the sample table counts.",
                advice="Find out which day is right.",
            )


def of_patient(
    sources: Sequence[Source],
    chosen: Sequence[Chosen],
    followed: Sequence[Followed],
    *,
    patient_id: str,
    rules: ClonotypeRules,
) -> Iterator[Finding]:
    """What the repertoires of one patient leave open, and clones that are new.

    Parameters
    ----------
    sources : sequence of Source
        Repertoires, that of diagnosis first.
    chosen : sequence of Chosen
        Clones at diagnosis.
    followed : sequence of Followed
        The same in every repertoire.
    patient_id : str
        Laboratory code; empty without a study.
    rules : ClonotypeRules
        Rules.

    Yields
    ------
    Finding
        Each once.
    """
    first = sources[0]
    subject = f"patient {patient_id}" if patient_id else f"repertoire {first.repertoire.repertoire_id}"
    if first.sample is None or first.sample.reason != "diagnosis":
        name, day = first.repertoire.repertoire_id, f" of {first.drawn_on}" if first.drawn_on else ""
        yield _finding(
            "diagnosis_assumed",
            "note",
            subject,
            f"No sample is said to be drawn at diagnosis: {name}{day} is taken for it.",
            advice="Write diagnosis as reason of the sample.",
        )
    if any(one.repertoire.input_cells is None for one in sources):
        yield _finding(
            "input_unknown",
            "note",
            subject,
            "The number of sequenced cells is not given: bounds count reads, and may be too small.",
            advice="Give input_cells in a table of repertoires.",
        )
    if not any(one.role == "index" for one in chosen):
        yield _finding(
            "no_index",
            "warning",
            subject,
            f"No clone of the diagnosis sample has {rules.index_locus_share:.0%} of its gene system.",
            advice="Look at the sample's blasts and quality.",
        )
    further = [short_name(one.count) for one in chosen if one.role == "further index"]
    if further:
        yield _finding(
            "further_index",
            "note",
            subject,
            f"{len(further)} further dominant clones have no series of their own: "
            f"{', '.join(further[:_MOST_NAMED])}.",
            advice="Nothing: their return is still noticed.",
        )
    cut = {
        one.counted.repertoire.repertoire_id: one.counted.at_most
        for course in followed
        for one in course.seen
        if one.counted.reads is None
    }
    if cut:
        names = ", ".join(f"{name} ({at_most:,})" for name, at_most in cut.items())
        yield _finding(
            "list_cut",
            "warning",
            subject,
            f"Clones that are not listed may have up to the reads in brackets: {names}.",
            advice="Export all clones, or fuse the samples.",
        )
    yield from _new_clones(sources, subject, rules)


def _new_clones(sources: Sequence[Source], subject: str, rules: ClonotypeRules) -> Iterator[Finding]:
    """Clones that are dominant in a later sample and were not found at diagnosis: each once, on its first day."""
    at_diagnosis, told = listed(sources[0].counts), set[str]()
    for source in sources[1:]:
        for one in choose(source.counts, analysed_reads=source.analysed_reads, rules=rules):
            same, _ = at_diagnosis.reads_of(one.count)
            code = clone_code(one.count)
            if one.role == "minor" or code in told or any(count.reads for count in same):
                continue
            told.add(code)
            day = f" of {source.drawn_on}" if source.drawn_on else ""
            yield _finding(
                "new_dominant",
                "warning",
                subject,
                f"{short_name(one.count)} is dominant in {source.repertoire.repertoire_id}{day} "
                f"({share_text(one.count.reads / source.analysed_reads)}) and was not found at diagnosis.",
                advice="A relapse may have changed its clone: no marker of the diagnosis sees it.",
            )


def of_track(track: CloneTrack) -> Iterator[Finding]:
    """That a clone is back.

    Parameters
    ----------
    track : CloneTrack
        A followed clone.

    Yields
    ------
    Finding
        At most one: a warning if it returns, or if an index clone is detected again; else a note.
    """
    subject = f"patient {track.patient_id}" if track.patient_id else f"clone {track.clone_id}"
    role = {"index": "Index", "further index": "Dominant", "minor": "Minor"}[track.role]
    if track.verdict == "returns":
        yield _finding(
            "returns",
            "warning",
            subject,
            f"{role} clone of the diagnosis returns: {track.reason}",
            advice="Treat it as the relapsing clone until shown otherwise: repeat, and follow it.",
        )
    elif track.verdict == "detected again":
        yield _finding(
            "detected_again",
            "note" if track.role == "minor" else "warning",
            subject,
            f"{role} clone: {track.reason}",
            advice="Repeat the sample.",
        )
