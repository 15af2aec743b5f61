"""Repertoires to clones followed from diagnosis: of a study, or of files alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remnant.acquire import read_path
from remnant.assay.clonotypes import follow_clones
from remnant.errors import InputError
from remnant.pipeline.imports import files_under
from remnant.records.clonotype import CloneCount, ClonotypesFollowed, Repertoire
from remnant.records.finding import Finding
from remnant.records.sample import Sample
from remnant.study.facts import facts
from remnant.study.handle import Study

__all__ = ["ClonotypeFacts", "clonotype_facts", "clonotype_records", "follow_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonotypeFacts:
    """What following clones rests on.

    Attributes
    ----------
    repertoires, counts, samples : tuple of records
        Facts of active files.
    """

    repertoires: tuple[Repertoire, ...]
    counts: tuple[CloneCount, ...]
    samples: tuple[Sample, ...]


def clonotype_facts(study: Study, samples: Sequence[Sample]) -> ClonotypeFacts:
    """Facts of a study.

    Parameters
    ----------
    study : Study
        The study.
    samples : sequence of Sample
        Its samples.

    Returns
    -------
    ClonotypeFacts
        Repertoires, counts, and the samples that repertoires name.
    """
    repertoires = facts(study, Repertoire)
    named = {one.sample_id or one.repertoire_id for one in repertoires}
    return ClonotypeFacts(
        repertoires=repertoires,
        counts=facts(study, CloneCount) if repertoires else (),
        samples=tuple(sample for sample in samples if sample.sample_id in named),
    )


def clonotype_records(known: ClonotypeFacts) -> tuple[Any, ...]:
    """Everything that a study stores of its clones.

    Parameters
    ----------
    known : ClonotypeFacts
        Facts.

    Returns
    -------
    tuple of records
        Tracks, measurements, assays, findings.
    """
    got = follow_clones(known.repertoires, known.counts, samples=known.samples)
    return (*got.tracks, *got.measurements, *got.assays, *got.findings)


def follow_files(
    paths: Iterable[Path | str], *, until: dt.date | None = None
) -> tuple[ClonotypesFollowed, tuple[Repertoire, ...]]:
    """Follow the clones of one patient's files, without a study.

    Parameters
    ----------
    paths : iterable of path-like
        Vidjil files, tables of rearrangements, tables of repertoires and of samples.
    until : datetime.date or None, default None
        Leave out what was drawn later.

    Returns
    -------
    followed : ClonotypesFollowed
        Tracks and findings, those of the readers first.
    repertoires : tuple of Repertoire
        Sequenced samples that count.

    Raises
    ------
    InputError
        If the files hold no repertoire, or a day is asked for and a repertoire has none.
    """
    read = [read_path(path) for path in files_under(paths)]
    samples = tuple(one for got in read for one in got.samples)
    days = {one.sample_id: one.drawn_on for one in samples}
    repertoires = tuple(_merged(one for got in read for one in got.repertoires).values())
    if not any(got.clone_counts for got in read):
        raise InputError(
            where=", ".join(got.source.name for got in read) or "files",
            found="no clonotypes",
            needed="a Vidjil file or a table of rearrangements",
            advice="Give the export of the sequencing program.",
        )
    undated = [
        one.repertoire_id
        for one in repertoires
        if (one.sampled_on or days.get(one.sample_id or one.repertoire_id)) is None
    ]
    if until is not None and undated:
        raise InputError(
            where="--until",
            found=f"no day of sampling for {', '.join(undated[:10])}",
            needed="a day for every repertoire",
            advice="Give a table of repertoires with sampled_on beside the file.",
        )
    got = follow_clones(
        repertoires,
        dict.fromkeys(one for file in read for one in file.clone_counts),
        samples=samples or None,
        until=until,
    )
    noticed: tuple[Finding, ...] = tuple(one for file in read for one in file.findings)
    return (
        ClonotypesFollowed(
            tracks=got.tracks,
            measurements=got.measurements,
            assays=got.assays,
            findings=(*noticed, *got.findings),
        ),
        repertoires,
    )


def _merged(held: Iterable[Repertoire]) -> dict[str, Repertoire]:
    """Repertoires once each; a table adds what the sequencing file leaves open, and may not contradict it."""
    merged: dict[str, Repertoire] = {}
    for one in held:
        before = merged.get(one.repertoire_id, one)
        fields: dict[str, Any] = {}
        for name in Repertoire.__slots__:
            old, new = getattr(before, name), getattr(one, name)
            if old is not None and new is not None and old != new:
                raise InputError(
                    where=f"repertoire {one.repertoire_id}",
                    found=f"{name} {old} and {new}",
                    needed="one value",
                    advice="Two files contradict each other: give one of them, or correct the wrong one.",
                )
            fields[name] = new if old is None else old
        merged[one.repertoire_id] = Repertoire(**fields)
    return merged
