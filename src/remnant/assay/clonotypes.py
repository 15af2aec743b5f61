"""Clones of the diagnosis sample through all later samples.

Each index clone is a series of its own, and so is a clone that returns; clones are never summed. The
verdict on a clone is the rule on point values, as written; P(above its diagnosis share) stands beside it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from remnant.assay.clonotypes_evidence import counted_state
from remnant.assay.clonotypes_findings import of_patient, of_sources, of_track, share_text
from remnant.assay.clonotypes_identity import choose
from remnant.assay.clonotypes_series import clone_measurements
from remnant.assay.clonotypes_sources import Followed, Source, clone_name, follow, short_name, sources_of
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import change, interval, upper_limit
from remnant.knowledge.clonotypes import ClonotypeRules, clonotype_rules
from remnant.knowledge.variance import default_variance
from remnant.records.clonotype import (
    CloneCount,
    ClonePoint,
    CloneTrack,
    CloneVerdict,
    ClonotypesFollowed,
    Repertoire,
)
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.sample import Sample
from remnant.units import number_text, probability_text

__all__ = ["follow_clones"]

_ROLES: Final = {"index": 0, "further index": 2, "minor": 3}
_SEEN: Final = frozenset({"detected", "quantified"})


def follow_clones(
    repertoires: Iterable[Repertoire],
    counts: Iterable[CloneCount],
    *,
    samples: Iterable[Sample] | None = None,
    until: dt.date | None = None,
    rules: ClonotypeRules | None = None,
    variance: Sequence[VarianceComponent] | None = None,
) -> ClonotypesFollowed:
    """Follow the clones of each patient's diagnosis sample.

    Parameters
    ----------
    repertoires : iterable of Repertoire
        Sequenced samples.
    counts : iterable of CloneCount
        Reads of their clones.
    samples : iterable of Sample or None, default None
        Samples of the study. None for a file alone: all repertoires are one patient, and there are tracks
        and no measurements, since nobody says what was drawn.
    until : datetime.date or None, default None
        Leave out what was drawn later.
    rules : ClonotypeRules or None, default None
        Rules; those that ship with remnant by default.
    variance : sequence of VarianceComponent or None, default None
        Errors above the count; the defaults if None.

    Returns
    -------
    ClonotypesFollowed
        Tracks, measurements of those that are series, and findings.

    Examples
    --------
    >>> days = [dt.date(2013, 3, 28), dt.date(2013, 5, 15), dt.date(2013, 12, 16)]
    >>> held = [Repertoire(repertoire_id=f"R{i}", sampled_on=day, analysed_reads=100_000)
    ...         for i, day in enumerate(days)]
    >>> reads = [CloneCount(repertoire_id=f"R{i}", clone_id="TTACTGTGCCAC", locus="TRG", reads=k, locus_reads=60_000)
    ...          for i, k in enumerate([300, 0, 900])]
    >>> track, = follow_clones(held, reads).tracks
    >>> track.role, track.verdict, track.since.isoformat()
    ('minor', 'returns', '2013-12-16')
    """
    rules = rules or clonotype_rules()
    errors = default_variance() if variance is None else tuple(variance)
    sources, unlinked = sources_of(repertoires, counts, samples=samples)
    findings = [*of_sources(sources, unlinked)]
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if until is None or (source.drawn_on is not None and source.drawn_on <= until):
            groups[source.sample.patient_id if source.sample else ""].append(source)
    followed: list[Followed] = []
    for patient, held in groups.items():
        courses, noticed = _of_patient(patient, held, rules=rules, variance=errors)
        followed += courses
        findings += noticed
    tracks = _tracks(followed, rules)
    findings += [finding for track in tracks for finding in of_track(track)]
    series = [
        course
        for course, track in zip(followed, tracks, strict=True)
        if track.role == "index" or track.verdict == "returns"
    ]
    back = {track.clone_id for track in tracks if track.verdict == "returns"}
    series.sort(key=lambda course: course.chosen.count.clone_id not in back)
    measurements, assays = clone_measurements(series, rules=rules)
    return ClonotypesFollowed(
        tracks=tuple(sorted(tracks, key=_order)),
        measurements=measurements,
        assays=assays,
        findings=tuple(dict.fromkeys(findings)),
    )


def _order(track: CloneTrack) -> tuple[str, int, float, str]:
    rank = 1 if track.verdict == "returns" and track.role != "index" else _ROLES[track.role]
    return track.patient_id, rank, -track.diagnosis_share, track.clone_id


def _of_patient(
    patient: str,
    sources: Sequence[Source],
    *,
    rules: ClonotypeRules,
    variance: Sequence[VarianceComponent],
) -> tuple[list[Followed], list[Finding]]:
    """Clones of one patient's diagnosis sample from then on, and what was noticed."""
    dated = sorted(sources, key=lambda one: (one.drawn_on is None, one.drawn_on or dt.date.max))
    first = next((s for s in dated if s.sample and s.sample.reason == "diagnosis"), dated[0])
    later = [one for one in dated if one is not first and not _before(one, first)]
    ordered = [first, *later]
    chosen = choose(first.counts, analysed_reads=first.analysed_reads, rules=rules)
    followed = follow(chosen, ordered, patient_id=patient, rules=rules, variance=variance)
    return followed, [*of_patient(ordered, chosen, followed, patient_id=patient, rules=rules)]


def _before(one: Source, first: Source) -> bool:
    return one.drawn_on is not None and first.drawn_on is not None and one.drawn_on < first.drawn_on


def _tracks(followed: Sequence[Followed], rules: ClonotypeRules) -> list[CloneTrack]:
    """Every question to the evidence in one batch, then one track a clone."""
    seen = [one for course in followed for one in course.seen]
    if not seen:
        return []
    batch = EvidenceBatch.of([one.evidence for one in seen])
    diagnosis = EvidenceBatch.of([course.seen[0].evidence for course in followed for _ in course.seen])
    measured, bounds = interval(batch), upper_limit(batch)
    above = change(diagnosis, batch).probability[:, 0].tolist()
    points = []
    for i, one in enumerate(seen):
        state, reason = counted_state(one.counted, rules=rules)
        number = state in _SEEN
        points.append(
            ClonePoint(
                repertoire_id=one.source.repertoire.repertoire_id,
                sample_id=one.source.sample.sample_id if one.source.sample else None,
                drawn_on=one.source.drawn_on,
                reads=one.counted.reads,
                analysed_reads=one.counted.analysed_reads,
                state=state,
                share=float(measured.median[i]) if number else None,
                lower=float(measured.lower[i]) if number else None,
                upper=float(measured.upper[i]) if number else None,
                upper_limit=float(bounds[i]),
                copies=one.copies,
                reason=reason,
            )
        )
    tracks, start = [], 0
    for course in followed:
        end = start + len(course.seen)
        tracks.append(_track(course, points[start:end], above[start:end], rules))
        start = end
    return tracks


def _track(
    course: Followed, points: Sequence[ClonePoint], above: Sequence[float], rules: ClonotypeRules
) -> CloneTrack:
    count = course.chosen.count
    verdict, place = _verdict(course, points, rules)
    asked = verdict in {"returns", "detected again"} and not math.isnan(above[place])
    probability = above[place] if asked else None
    return CloneTrack(
        patient_id=course.patient_id,
        clone_id=count.clone_id,
        locus=count.locus,
        name=clone_name(count),
        role=course.chosen.role,
        identity=course.identity,
        diagnosis_share=course.diagnosis_share,
        diagnosis_locus_share=count.reads / (count.locus_reads or points[0].analysed_reads),
        points=tuple(points),
        verdict=verdict,
        since=points[place].drawn_on,
        probability=probability,
        rule_id="clonotypes.returns",
        rule_version=rules.version,
        rule_status=rules.status,
        reason=f"{short_name(count)}{_reason(course, points, verdict, place)}"
        + ("" if probability is None or verdict != "returns" else _beside(probability, rules)),
        junction=count.junction,
        junction_aa=count.junction_aa,
    )


def _verdict(
    course: Followed, points: Sequence[ClonePoint], rules: ClonotypeRules
) -> tuple[CloneVerdict, int]:
    """Verdict, and the place of the sample with which it began."""
    needed = course.diagnosis_share * rules.returns_times_diagnosis
    verdict: CloneVerdict = "followed"
    place, gone = 0, False
    for i, point in enumerate(points[1:], start=1):
        if point.state == "not detected":
            gone = True
            if verdict not in {"not detected", "returns"}:
                verdict, place = "not detected", i
        elif gone and verdict != "returns":
            back = point.state == "quantified" and (point.reads or 0) / point.analysed_reads >= needed
            if back:
                verdict, place = "returns", i
            elif verdict != "detected again":
                verdict, place = "detected again", i
    return verdict, place


def _reason(course: Followed, points: Sequence[ClonePoint], verdict: CloneVerdict, place: int) -> str:
    at = points[place]
    line = ", ".join("not listed" if one.reads is None else f"{one.reads:,}" for one in points[: place + 1])
    when = f" on {at.drawn_on}" if at.drawn_on else f" in {at.repertoire_id}"
    if verdict == "returns":
        share = share_text((at.reads or 0) / at.analysed_reads)
        begun = share_text(course.diagnosis_share)
        return f", {begun} at diagnosis, was not detected and is back{when} with {share} (reads {line})"
    if verdict == "detected again":
        return f" was not detected and is detected again{when}, below its diagnosis level (reads {line})."
    if verdict == "not detected":
        return f" is not detected since{when} (below {number_text(at.upper_limit or 0.0)} of reads)."
    return " was never undetected since diagnosis."


def _beside(probability: float, rules: ClonotypeRules) -> str:
    """What stands beside the verdict, and never changes it."""
    word = "robust" if probability >= rules.returns_probability else "borderline"
    return f"; P(above diagnosis) {probability_text(probability)}, {word}."
