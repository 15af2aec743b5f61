"""AIRR rearrangement tables, and the clone tables of MiXCR: one rearrangement a row, with its count.

A row is one rearrangement. Rows of one clone (``clone_id``) in one repertoire are one count, described by
the row with the most reads. The file states no number of all reads, so that shares are of the
rearrangements that it lists.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.acquire.sheet import Sheet
from remnant.acquire.tables import problem_at
from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.finding import Finding, Problem

__all__ = ["COLUMNS", "AirrContent", "is_airr", "read"]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "repertoire": ("repertoire_id", "sample_id", "sample_processing_id"),
    "sequence_id": ("sequence_id",),
    "clone_id": ("clone_id", "cloneId"),
    "reads": ("umi_count", "duplicate_count", "consensus_count", "cloneCount", "readCount"),
    "locus": ("locus", "chains"),
    "v_call": ("v_call", "bestVHit", "allVHitsWithScore"),
    "d_call": ("d_call", "bestDHit", "allDHitsWithScore"),
    "j_call": ("j_call", "bestJHit", "allJHitsWithScore"),
    "junction": ("junction", "nSeqCDR3"),
    "junction_aa": ("junction_aa", "aaSeqCDR3"),
    "sequence": ("sequence", "targetSequences"),
    "productive": ("productive",),
}
"""What is read, and the columns it is read from: the first that the file has."""
_AIRR: Final = frozenset({"sequence_id", "v_call", "j_call"})
_MIXCR: Final = frozenset({"cloneId", "nSeqCDR3"})
_COUNTED_BY_MIXCR: Final = frozenset({"cloneCount", "readCount"})
_LOCUS: Final = re.compile(r"(IG[HKL]|TR[ABDG])")
_TRUE, _FALSE = frozenset({"T", "TRUE", "1"}), frozenset({"F", "FALSE", "0"})
_WHOLE: Final = re.compile(r"[0-9]{1,15}(\.0*)?")


class AirrContent(NamedTuple):
    """Records of one file.

    Attributes
    ----------
    format : str
        ``"airr rearrangements"`` or ``"mixcr clones"``.
    repertoires : tuple of Repertoire
        In the order of the file.
    counts : tuple of CloneCount
        By repertoire and clone, in the order of the file.
    findings : tuple of Finding
        What was noticed.
    """

    format: str
    repertoires: tuple[Repertoire, ...]
    counts: tuple[CloneCount, ...]
    findings: tuple[Finding, ...]


def is_airr(header: Sequence[str]) -> bool:
    """Whether the columns are those of rearrangements.

    Parameters
    ----------
    header : sequence of str
        Column names as written.

    Returns
    -------
    bool
        True for AIRR rearrangements and for clones of MiXCR.

    Examples
    --------
    >>> is_airr(["sequence_id", "sequence", "v_call", "j_call"]), is_airr(["sample_id", "sequence"])
    (True, False)
    """
    names = set(header)
    return names >= _AIRR or (names >= _MIXCR and bool(names & _COUNTED_BY_MIXCR))


def read(file: str, sheet: Sheet) -> AirrContent:
    """Records of a table of rearrangements.

    Parameters
    ----------
    file : str
        File name; it names the repertoire of a table that names none.
    sheet : Sheet
        The table.

    Returns
    -------
    AirrContent
        Repertoires, counts and what was noticed.

    Raises
    ------
    RefusedFileError
        With every problem of the file.
    """
    reading = _Reading(file, sheet)
    listed: list[Problem] = list(sheet.problems)
    unlisted = sheet.unlisted + gather(reading.problems(), listed)
    if listed:
        raise RefusedFileError(file, listed, unlisted=unlisted)
    counts = reading.counts()
    return AirrContent(
        format="airr rearrangements" if set(sheet.header) >= _AIRR else "mixcr clones",
        repertoires=tuple(
            Repertoire(repertoire_id=name, analysed_reads=None)
            for name in dict.fromkeys(one.repertoire_id for one in counts)
        ),
        counts=counts,
        findings=tuple(reading.findings()),
    )


class _Reading:
    """A table, its problems, and its records once there are none."""

    def __init__(self, file: str, sheet: Sheet) -> None:
        self.file, self.sheet = file, sheet
        self.stem = file.rpartition(".")[0] or file
        held = {name: place for place, name in enumerate(sheet.header)}
        self.written = {
            name: chosen
            for name, spellings in COLUMNS.items()
            for chosen in [next((one for one in spellings if one in held), None)]
            if chosen is not None
        }
        self.cells = {
            name: sheet.cells[str(held[written])].to_list() for name, written in self.written.items()
        }

    def _column(self, name: str) -> list[str]:
        return self.cells.get(name) or [""] * len(self.sheet.rows)

    def _problem(self, code: str, row: int, column: str, value: str, *, expected: str) -> Problem:
        return problem_at(
            self.sheet,
            code,
            expected,
            "Correct the cell; nothing is guessed.",
            row=row,
            column=self.written.get(column, column),
            value=value or None,
        )

    def problems(self) -> Iterator[Problem]:
        """Every problem of columns and cells."""
        sheet = self.sheet
        if "reads" not in self.written:
            expected = f"one of the columns {', '.join(COLUMNS['reads'])}"
            advice = "Export the rearrangements with their counts; a row is not taken for one read."
            yield problem_at(sheet, "airr.counts", expected, advice, row=sheet.header_row)
        for name, count in _repeats(sheet.header):
            advice = "Delete one of the two."
            yield problem_at(
                sheet,
                "sheet.column_twice",
                f"{name} once",
                advice,
                row=sheet.header_row,
                value=f"{count} times",
            )
        if not sheet.rows and not sheet.problems:
            yield problem_at(
                sheet, "sheet.no_rows", "rows below the header", "Export it again.", row=sheet.header_row
            )
        if len(sheet.rows) > size("clone_counts"):
            yield problem_at(
                sheet,
                "sheet.rows",
                f"at most {size('clone_counts'):,} rearrangements",
                "Export clones, or the most frequent ones.",
                value=f"{len(sheet.rows):,}",
            )
        yield from self._cell_problems()

    def _cell_problems(self) -> Iterator[Problem]:
        seen: dict[tuple[str, str], int] = {}
        rows = zip(self.sheet.rows, self._column("reads"), self._codes(), self._loci(), strict=True)
        names = self._column("repertoire")
        for (row, reads, code, locus), repertoire in zip(rows, names, strict=True):
            if "reads" in self.written and not _WHOLE.fullmatch(reads):
                yield self._problem("airr.count", row, "reads", reads, expected="a whole number of reads")
            if not code:
                yield self._problem("cell.empty", row, "sequence_id", code, expected="an identifier")
            if not locus:
                yield self._problem(
                    "airr.locus", row, "locus", locus, expected="a locus, or a V gene that names it"
                )
            if not repertoire and "repertoire" in self.written:
                yield self._problem("cell.empty", row, "repertoire", "", expected="its repertoire")
        for name in ("repertoire", "clone_id", "sequence_id", "locus", *_DESCRIBED):
            for row, text in zip(self.sheet.rows, self._column(name), strict=True):
                if len(text) > size("text_characters") or not text.isprintable():
                    expected = f"at most {size('text_characters'):,} printable characters"
                    yield self._problem("cell.text_length", row, name, text[:40], expected=expected)
        for row, repertoire, text in zip(self.sheet.rows, names, self._column("sequence_id"), strict=True):
            first = seen.setdefault((repertoire, text), row) if text else row
            if first != row:
                yield self._problem(
                    "row.repeated",
                    row,
                    "sequence_id",
                    text,
                    expected=f"each once; the first stands in row {first}",
                )

    def _codes(self) -> list[str]:
        """Clone of each row, or the row's own sequence where no clone is named."""
        pairs = zip(self._column("clone_id"), self._column("sequence_id"), strict=True)
        return [clone or sequence for clone, sequence in pairs]

    def _loci(self) -> list[str]:
        """Gene system of each row, from the V gene where the table has no word for it."""
        return [
            locus or (found[0] if (found := _LOCUS.match(v_call)) else "")
            for locus, v_call in zip(self._column("locus"), self._column("v_call"), strict=True)
        ]

    def counts(self) -> tuple[CloneCount, ...]:
        """One a repertoire and clone."""
        groups: dict[tuple[str, str], list[CloneCount]] = defaultdict(list)
        described = [self._column(name) for name in _DESCRIBED]
        columns = zip(
            self._column("repertoire"), self._codes(), self._loci(), self._column("reads"), strict=True
        )
        productive = self._column("productive")
        for i, (repertoire, code, locus, reads) in enumerate(columns):
            fields: dict[str, Any] = {
                name: _gene(name, column[i]) for name, column in zip(_DESCRIBED, described, strict=True)
            }
            count = CloneCount(
                repertoire_id=repertoire or self.stem,
                clone_id=code,
                locus=locus,
                reads=int(float(reads)),
                productive=_truth(productive[i]),
                **fields,
            )
            groups[count.repertoire_id, code].append(count)
        systems: dict[tuple[str, str], int] = defaultdict(int)
        for held in groups.values():
            for one in held:
                systems[one.repertoire_id, one.locus] += one.reads
        return tuple(
            replace(
                most,
                reads=sum(one.reads for one in held),
                locus_reads=systems[most.repertoire_id, most.locus],
                name=" ".join(filter(None, (most.v_call, most.d_call, most.j_call))) or None,
            )
            for held in groups.values()
            for most in [max(held, key=lambda one: one.reads)]
        )

    def findings(self) -> Iterator[Finding]:
        """What the table leaves open."""
        if "repertoire" not in self.written:
            yield Finding(
                code="airr.repertoire_named_after_file",
                severity="note",
                subject=f"file {self.file}",
                message=f"The table names no repertoire; its rows are one repertoire, named {self.stem}.",
            )
        yield Finding(
            code="airr.reads_listed_only",
            severity="note",
            subject=f"file {self.file}",
            message="The table states no number of all reads: shares are of the rearrangements that it lists.",
        )
        yield Finding(
            code="clonotype.no_date",
            severity="warning",
            subject=f"file {self.file}",
            message="The table holds no day of sampling; the sample that a repertoire belongs to gives it.",
        )


_DESCRIBED: Final = ("v_call", "d_call", "j_call", "junction", "junction_aa", "sequence")


def _repeats(header: Sequence[str]) -> list[tuple[str, int]]:
    read_names = {spelling for spellings in COLUMNS.values() for spelling in spellings}
    return [(name, header.count(name)) for name in sorted(read_names) if list(header).count(name) > 1]


def _gene(name: str, text: str) -> str | None:
    """Text of a cell; of several genes with scores the first, without its score."""
    if name.endswith("_call"):
        text = text.split(",", maxsplit=1)[0].split("(", maxsplit=1)[0].strip()
    return text or None


def _truth(text: str) -> bool | None:
    word = text.upper()
    return True if word in _TRUE else False if word in _FALSE else None
