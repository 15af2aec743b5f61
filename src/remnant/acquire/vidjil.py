"""Vidjil results: clones by samples, as JSON, one sample or several fused.

Every clone is named by its window, a piece of the sequence that holds across files. Reads of a clone in a
sample may be 0: the program looked for the window and found none. Clusters and tags of people live in
another file (``.analysis``), which holds no reads and is refused.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from remnant.acquire.limits import date_range, range_of, size
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.finding import Finding, Problem

__all__ = ["VidjilContent", "is_json", "read"]

_BEGINNING: Final = 1024
_NEEDED: Final = "a Vidjil results file"
_EXPORT: Final = "Export the results again, as .vidjil."


class VidjilContent(NamedTuple):
    """Records of one file.

    Attributes
    ----------
    version : str
        Version of the format.
    repertoires : tuple of Repertoire
        In the order of the file.
    counts : tuple of CloneCount
        By clone, then by sample.
    findings : tuple of Finding
        What was noticed.
    """

    version: str
    repertoires: tuple[Repertoire, ...]
    counts: tuple[CloneCount, ...]
    findings: tuple[Finding, ...]


class _TwiceError(ValueError):
    """A name that stands twice in one JSON object."""


def is_json(data: bytes) -> bool:
    """Whether a file begins as a JSON object.

    Parameters
    ----------
    data : bytes
        Content of the file.

    Returns
    -------
    bool
        True for an opening brace after white space.

    Examples
    --------
    >>> is_json(b' {"clones": []}'), is_json(b"patient_id;diagnosis")
    (True, False)
    """
    return data[:_BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def read(file: str, data: bytes) -> VidjilContent:
    """Records of a Vidjil file.

    Parameters
    ----------
    file : str
        File name for messages.
    data : bytes
        Content.

    Returns
    -------
    VidjilContent
        Repertoires, counts and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.

    Examples
    --------
    >>> text = b'''{"vidjil_json_version": "2016b", "samples": {"number": 1, "names": ["LIL-0"],
    ...  "timestamp": ["2013-03-28"]}, "reads": {"total": [100], "segmented": [90], "germline": {"TRG": [90]}},
    ...  "clones": [{"id": "TTACTGTGCCACC", "germline": "TRG", "reads": [40]}]}'''
    >>> got = read("demo.vidjil", text)
    >>> [(one.repertoire_id, one.locus, one.reads, one.locus_reads) for one in got.counts]
    [('LIL-0', 'TRG', 40, 90)]
    """
    content = _parsed(file, data)
    _refuse_other_kinds(file, content)
    reading = _Reading(file, content)
    problems = list(reading.problems())
    repertoires: tuple[Repertoire, ...] = ()
    counts: list[CloneCount] = []
    if not problems:
        repertoires = reading.repertoires()
        problems += reading.clone_problems()
        counts = list(reading.counts()) if not problems else []
    if problems:
        listed: list[Problem] = []
        unlisted = gather(problems, listed)
        raise RefusedFileError(file, listed, unlisted=unlisted)
    return VidjilContent(
        version=str(content.get("vidjil_json_version", "")),
        repertoires=repertoires,
        counts=tuple(counts),
        findings=tuple(reading.findings(repertoires, counts)),
    )


def _problem(file: str, code: str, found: str | None, *, expected: str, advice: str = _EXPORT) -> Problem:
    shown = found if found is None or len(found) <= 200 else found[:200] + "…"
    return Problem(code=code, file=file, value=shown, expected=expected, advice=advice)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _TwiceError(name)
    return found


def _no_number(text: str) -> Any:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _parsed(file: str, data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise _refused(file, "json.broken", "brackets nested too deeply", needed=_NEEDED) from error
    except _TwiceError as error:
        raise _refused(
            file, "json.broken", f"the name {str(error)!r} twice", needed="each name once"
        ) from error
    except ValueError as error:
        raise _refused(file, "json.broken", str(error), needed="JSON in UTF-8, whole") from error
    return content if isinstance(content, dict) else {}


def _refused(file: str, code: str, found: str, *, needed: str, advice: str = _EXPORT) -> RefusedFileError:
    return RefusedFileError(file, [_problem(file, code, found, expected=needed, advice=advice)])


def _refuse_other_kinds(file: str, content: dict[str, Any]) -> None:
    if "reads" in content and "clones" in content and "samples" in content:
        return
    if "clones" in content and "vidjil_json_version" in content:
        raise _refused(
            file,
            "vidjil.analysis",
            "a Vidjil analysis: names, tags and remarks of people, no reads",
            needed=_NEEDED,
            advice="Import the .vidjil file it belongs to.",
        )
    raise _refused(
        file,
        "json.unknown",
        "JSON with " + (", ".join(sorted(content)[:10]) or "nothing"),
        needed=f"{_NEEDED}: samples, reads and clones",
        advice="Of JSON only Vidjil results are read.",
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class _Reading:
    """A parsed file, its problems, and its records once there are none."""

    def __init__(self, file: str, content: dict[str, Any]) -> None:
        self.file = file
        self.samples = content["samples"] if isinstance(content["samples"], dict) else {}
        self.reads = content["reads"] if isinstance(content["reads"], dict) else {}
        self.clones: Sequence[Any] = content["clones"] if isinstance(content["clones"], list) else ()
        self.content = content
        number = self.samples.get("number")
        self.number: int = number if isinstance(number, int) and _whole(number) else 0

    def _problem(self, code: str, found: Any, expected: str, advice: str = _EXPORT) -> Problem:
        return _problem(
            self.file, code, None if found is None else str(found), expected=expected, advice=advice
        )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the samples and their reads."""
        if not self.number:
            yield self._problem("vidjil.samples", self.samples.get("number"), "samples.number, at least 1")
            return
        if self.number * len(self.clones) > size("clone_counts"):
            yield self._problem(
                "vidjil.size",
                f"{len(self.clones):,} clones in {self.number:,} samples",
                f"at most {size('clone_counts'):,} counts",
                "Export the most frequent clones only.",
            )
            return
        yield from self._name_problems()
        yield from self._date_problems()
        yield from self._read_problems()
        if not self.clones:
            yield self._problem("vidjil.clones", None, "clones")

    def _names(self) -> list[str]:
        """Name of each sample; folders of the sequencer are dropped, an empty name is the file's."""
        given, files = self.samples.get("names"), self.samples.get("original_names")
        stem = self.file.rpartition(".")[0] or self.file
        names = []
        for place in range(self.number):
            chosen = [
                str(held[place]).strip().replace("\\", "/").rpartition("/")[2]
                for held in (given, files)
                if isinstance(held, list) and len(held) > place and isinstance(held[place], str)
            ]
            alone = stem if self.number == 1 else ""
            names.append(next((name for name in chosen if name), alone))
        return names

    def _name_problems(self) -> Iterator[Problem]:
        names = self._names()
        for place, name in enumerate(names, start=1):
            if not name:
                yield self._problem("vidjil.sample_name", None, f"a name for sample {place}")
            elif len(name) > size("text_characters") or not name.isprintable():
                yield self._problem("vidjil.sample_name", repr(name), f"a short name for sample {place}")
        for name, count in Counter(names).items():
            if name and count > 1:
                yield self._problem("vidjil.sample_twice", name, "each sample once")

    def _days(self) -> list[Any]:
        held = self.samples.get("timestamp")
        return held if isinstance(held, list) and len(held) == self.number else [None] * self.number

    def _date_problems(self) -> Iterator[Problem]:
        held = self.samples.get("timestamp")
        if held is not None and (not isinstance(held, list) or len(held) != self.number):
            yield self._problem("vidjil.date", held, f"{self.number} dates in samples.timestamp")
        for text in self._days():
            if text not in {None, ""} and _day(text) is None:
                yield self._problem("vidjil.date", text, "a date like 2013-03-28 in samples.timestamp")

    def _read_problems(self) -> Iterator[Problem]:
        for name in ("total", "segmented"):
            held = self.reads.get(name)
            if not self._counted(held):
                found = held if held is None or not isinstance(held, list) else held[:10]
                yield self._problem("vidjil.reads", found, f"{self.number} whole numbers in reads.{name}")
        systems = self.reads.get("germline", {})
        if not isinstance(systems, dict) or not all(self._counted(held) for held in systems.values()):
            yield self._problem(
                "vidjil.reads", "reads.germline", f"{self.number} whole numbers for every gene system"
            )
        elif self._counted(self.reads.get("total")) and self._counted(self.reads.get("segmented")):
            for place, (every, used) in enumerate(
                zip(self.reads["total"], self.reads["segmented"], strict=True), start=1
            ):
                if used > every:
                    yield self._problem(
                        "vidjil.exceeds", used, f"at most the {every:,} reads of sample {place}"
                    )

    def _counted(self, held: Any) -> bool:
        return isinstance(held, list) and len(held) == self.number and all(map(_whole, held))

    def clone_problems(self) -> Iterator[Problem]:
        """What is wrong with the clones, each named by its place in the file."""
        seen: dict[str, int] = {}
        sums = [0] * self.number
        for place, clone in enumerate(self.clones, start=1):
            if not isinstance(clone, dict):
                yield self._problem("vidjil.clone", f"clone {place}", "an object")
                continue
            code = clone.get("id")
            if not isinstance(code, str) or not code or len(code) > size("text_characters"):
                yield self._problem("vidjil.clone", f"clone {place} with id {code!r}", "an id")
            elif code in seen:
                yield self._problem(
                    "vidjil.clone_twice", code, f"each id once; the first is clone {seen[code]}"
                )
            else:
                seen[code] = place
            if not isinstance(clone.get("germline"), str) or not clone["germline"]:
                yield self._problem("vidjil.clone", f"clone {place} without germline", "its gene system")
            if not self._counted(clone.get("reads")):
                yield self._problem(
                    "vidjil.reads", f"clone {place}", f"{self.number} whole numbers in its reads"
                )
            else:
                sums = [held + more for held, more in zip(sums, clone["reads"], strict=True)]
        for place, (listed, used) in enumerate(zip(sums, self.reads["segmented"], strict=True), start=1):
            if listed > used:
                yield self._problem(
                    "vidjil.exceeds",
                    f"{listed:,} reads of clones",
                    f"at most the {used:,} analysed reads of sample {place}",
                )

    def repertoires(self) -> tuple[Repertoire, ...]:
        """One a sample."""
        days, factors = self._days(), _listed(self.content.get("mrd"), "coefficients")
        labels, programs = _listed(self.samples, "info"), _listed(self.samples, "producer")
        return tuple(
            Repertoire(
                repertoire_id=name,
                sampled_on=_day(days[i]),
                total_reads=self.reads["total"][i],
                analysed_reads=self.reads["segmented"][i],
                copies_per_read=_positive(_at(factors, i, "UNI")),
                label=_text(_at(labels, i)),
                producer=_text(_at(programs, i)),
            )
            for i, name in enumerate(self._names())
        )

    def counts(self) -> Iterator[CloneCount]:
        """One a clone and sample, in the order of the file."""
        names, systems = self._names(), self.reads.get("germline", {})
        standards = _standards(self.content)
        for clone in self.clones:
            described = _described(clone)
            own = systems.get(clone["germline"])
            copies = _listed(clone.get("mrd"), "copy_number")
            label = _text(clone.get("label"))
            for i, reads in enumerate(clone["reads"]):
                yield CloneCount(
                    repertoire_id=names[i],
                    clone_id=clone["id"],
                    locus=clone["germline"],
                    reads=reads,
                    locus_reads=own[i] if own else None,
                    copies=_positive(_at(copies, i)) if reads else None,
                    standard=label if label in standards else None,
                    **described,
                )

    def findings(self, repertoires: Sequence[Repertoire], counts: Sequence[CloneCount]) -> Iterator[Finding]:
        """What a reader should know."""
        undated = [one.repertoire_id for one in repertoires if one.sampled_on is None]
        spiked = sorted({one.standard for one in counts if one.standard})
        clusters = [one for one in self.content.get("clusters") or () if isinstance(one, list)]
        warned = sum(_warned(clone) for clone in self.clones)
        told = (
            (
                "clonotype.no_date",
                "warning",
                undated and f"No day of sampling is stored for {', '.join(undated[:10])}.",
            ),
            (
                "vidjil.standards",
                "note",
                spiked and f"Spiked standards, not clones of the patient: {', '.join(spiked)}.",
            ),
            (
                "vidjil.clusters",
                "warning",
                clusters and f"{len(clusters)} clusters of clones that people made are not applied.",
            ),
            (
                "vidjil.warned",
                "note",
                warned and f"Vidjil itself warns of {warned} of {len(self.clones)} clones.",
            ),
        )
        for code, severity, message in told:
            if message:
                yield Finding(
                    code=code,
                    severity="warning" if severity == "warning" else "note",
                    subject=f"file {self.file}",
                    message=str(message),
                )


def _day(text: Any) -> dt.date | None:
    """Day of a time stamp; None for anything else."""
    first, last = date_range()
    try:
        day = dt.date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None
    return day if day is not None and first <= day <= last else None


def _listed(held: Any, name: str) -> list[Any]:
    found = held.get(name) if isinstance(held, dict) else None
    return found if isinstance(found, list) else []


def _at(held: list[Any], place: int, name: str | None = None) -> Any:
    found = held[place] if place < len(held) else None
    if name is None:
        return found
    return found.get(name) if isinstance(found, dict) else None


def _positive(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    accepted = range_of("standard_copies")
    return float(value) if accepted is None or value in accepted else None


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if text and len(text) <= size("text_characters") else None


def _standards(content: dict[str, Any]) -> frozenset[str]:
    """Labels of sequences that were spiked with known copies."""
    labels = _listed(content.get("config"), "labels")
    return frozenset(
        str(one["name"]) for one in labels if isinstance(one, dict) and {"name", "copies"} <= one.keys()
    )


def _warned(clone: Any) -> bool:
    held = _listed(clone, "warn")
    return any(isinstance(one, dict) and one.get("level") == "warn" for one in held)


def _described(clone: dict[str, Any]) -> dict[str, Any]:
    """Genes, junction and consensus; what the file does not give is None."""
    held = clone.get("seg")
    seg: dict[str, Any] = held if isinstance(held, dict) else {}
    genes = {
        name: _text(seg[place].get("name")) if isinstance(seg.get(place), dict) else None
        for name, place in (("v_call", "5"), ("d_call", "4"), ("j_call", "3"))
    }
    sequence = _text(clone.get("sequence"))
    inside = seg.get("junction")
    junction: dict[str, Any] = inside if isinstance(inside, dict) else {}
    productive = junction.get("productive")
    return {
        **genes,
        "name": _text(clone.get("name")),
        "sequence": sequence,
        "junction": _cut_out(sequence, junction.get("start"), junction.get("stop")),
        "junction_aa": _text(junction.get("aa")),
        "productive": productive if isinstance(productive, bool) else None,
    }


def _cut_out(sequence: str | None, start: Any, stop: Any) -> str | None:
    """Piece of a sequence, both ends counted from 1; None where they do not lie in it."""
    if sequence is None or not (_whole(start) and _whole(stop) and 1 <= start <= stop <= len(sequence)):
        return None
    return sequence[start - 1 : stop]
