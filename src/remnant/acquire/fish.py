"""Tables of FISH on sorted cells: score sheets, sort reports, index sorts, further markers.

A score sheet is long (one row a pattern, columns ``pattern`` and ``nuclei``), wide (one row a reader, one
column a pattern, named like ``1R1G2F``) or ISCN (column ``iscn``). Nuclei that no pattern names are
normal. An index sort has one row a cell and is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from remnant.acquire.columns import Kind
from remnant.acquire.iscn import parse_iscn, pattern_of
from remnant.acquire.sheet import Sheet
from remnant.acquire.tables import PATTERN, Columns, problem_at, records_of, repeated
from remnant.errors import InputError
from remnant.knowledge.compartments import known_compartment
from remnant.knowledge.fish import known_pattern, probes
from remnant.records.finding import Problem
from remnant.records.fish import FishCount, SortPurity

__all__ = ["KIND_NAMES", "pattern_columns", "problems_of_rows", "records"]

KIND_NAMES: Final = frozenset(
    {"fish scores", "sort purity", "index sort", "fraction markers", "antigen counts"}
)
"""Kinds of table that this module reads."""
_SUM: Final = 0.005

_SLIDE: Final = ("fraction_id", "probe", "reader")
_NORMAL: Final = "2R2G"
"""Pattern of a slide on which no nucleus was named: all are normal."""

Slide = tuple[Any, ...]
Counted = list[tuple[str, str, int]]
Seen = dict[tuple[Any, ...], tuple[str | None, int]]


def pattern_columns(sheet: Sheet) -> dict[str, int]:
    """Columns of a wide score sheet that hold the nuclei of a pattern.

    Parameters
    ----------
    sheet : Sheet
        The sheet.

    Returns
    -------
    dict of str to int
        Pattern to position.
    """
    return {name: i for i, name in enumerate(sheet.header) if PATTERN.fullmatch(name)}


def problems_of_rows(columns: Columns, kind: Kind, seen: Seen) -> Iterator[Problem]:
    """Rows that contradict themselves or one another.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    seen : dict
        Keys of earlier sheets of the same file and kind.

    Yields
    ------
    Problem
        Unknown probes, patterns and compartments, unreadable ISCN, more nuclei than were scored, shares
        that do not sum to 1, repeated keys: each with row and column.
    """
    if kind.name == "fish scores":
        yield from _score_problems(columns, seen)
        return
    if "compartment" in columns.values:
        yield from _compartment_problems(columns)
    if kind.name == "sort purity":
        yield from _share_problems(columns)
    if kind.name == "fraction markers":
        yield from _marker_problems(columns)
    keys = [None if None in key else key for key in zip(*(columns.get(k) for k in kind.key), strict=True)]
    yield from repeated(columns, kind.key, keys, seen)


def _problem(columns: Columns, row: int, column: str, found: str, *, expected: str, code: str) -> Problem:
    advice = "Correct the cell; nothing is guessed."
    return problem_at(columns.sheet, code, expected, advice, row=row, column=column, value=found)


def _compartment_problems(columns: Columns) -> list[Problem]:
    return [
        _problem(
            columns, row, "compartment", name, expected="a compartment of the tree", code="fish.compartment"
        )
        for row, name in zip(columns.sheet.rows, columns.get("compartment"), strict=True)
        if name is not None and not known_compartment(name) and name.casefold() != "other cells"
    ]


def _share_problems(columns: Columns) -> list[Problem]:
    """Rows with events and share, or neither; fractions whose shares do not sum to 1 or have no event."""
    problems, sums, events, first = [], dict[str, float](), Counter[str](), dict[str, int]()
    kept = zip(
        columns.sheet.rows,
        columns.get("fraction_id"),
        columns.get("events"),
        columns.get("share"),
        strict=True,
    )
    for row, fraction, count, share in kept:
        if (count is None) == (share is None):
            found = "neither" if count is None else f"{count} events and {share:g}"
            problems.append(
                _problem(
                    columns,
                    row,
                    "events",
                    found,
                    expected="events or a share, one of them",
                    code="sort.amount",
                )
            )
        if fraction is None:
            continue
        first.setdefault(fraction, row)
        sums[fraction] = sums.get(fraction, 0.0) + (share or 0.0)
        events[fraction] += count or 0
    for fraction, row in first.items():
        if sums[fraction] and abs(sums[fraction] - 1.0) > _SUM:
            found = f"{sums[fraction]:g} in fraction {fraction}"
            problems.append(
                _problem(columns, row, "share", found, expected="shares that sum to 1", code="sort.sum")
            )
        elif not sums[fraction] and not events[fraction]:
            found = f"0 events in fraction {fraction}"
            problems.append(
                _problem(columns, row, "events", found, expected="at least 1 event", code="sort.empty")
            )
    return problems


def _marker_problems(columns: Columns) -> list[Problem]:
    rows = zip(columns.sheet.rows, columns.get("share"), columns.get("upper_limit"), strict=True)
    return [
        _problem(
            columns,
            row,
            "share",
            "nothing" if share is None else f"{share:g}",
            expected="a positive share, or an upper_limit where not detected, one of them",
            code="fraction.amount",
        )
        for row, share, limit in rows
        if (share is None) == (limit is None) or 0 in {share, limit}
    ]


def _score_problems(columns: Columns, seen: Seen) -> Iterator[Problem]:
    sheet = columns.sheet
    if not sheet.rows:
        return
    ways = [bool(pattern_columns(sheet)), _filled(columns, "pattern", "nuclei"), _filled(columns, "iscn")]
    if sum(ways) != 1:
        expected = (
            "columns pattern and nuclei, or a column a pattern (1R1G2F), or a column iscn: one of the three"
        )
        yield problem_at(sheet, "fish.counts", expected, "See docs/formats.md.", row=sheet.header_row)
        return
    problems: list[Problem] = []
    slides = list(zip(*(columns.get(name) for name in _SLIDE), strict=True))
    read = _rows(columns, problems)
    yield from problems
    yield from _name_problems(columns, slides, read)
    yield from _count_problems(columns, slides, read)
    keys = zip(slides, columns.get("pattern"), strict=True)
    yield from repeated(columns, (*_SLIDE, "pattern"), ((*slide, name) for slide, name in keys), seen)


def _name_problems(columns: Columns, slides: list[Slide], read: list[Counted]) -> Iterator[Problem]:
    """Probes and patterns that are not known."""
    for row, (_, probe, _), counts in zip(columns.sheet.rows, slides, read, strict=True):
        if probe is None:
            continue
        if probe not in probes():
            expected = f"one of {', '.join(probes())}"
            yield _problem(columns, row, "probe", probe, expected=expected, code="fish.probe")
            continue
        for column, pattern, _ in counts:
            if not known_pattern(probe, pattern):
                expected = f"a pattern of {probe}"
                yield _problem(columns, row, column, pattern, expected=expected, code="fish.pattern")


def _count_problems(columns: Columns, slides: list[Slide], read: list[Counted]) -> Iterator[Problem]:
    """Slides without nuclei, with two totals, or with more nuclei than were scored."""
    totals, most = dict[Slide, int](), dict[Slide, int]()
    column = "nuclei" if "nuclei" in columns.values else "scored"
    rows = zip(columns.sheet.rows, slides, columns.get("scored"), read, strict=True)
    for row, slide, scored, counts in rows:
        if scored is None:
            continue
        totals[slide] = totals.get(slide, 0) + sum(n for _, _, n in counts)
        first = most.setdefault(slide, scored)
        if scored < 1:
            yield _problem(columns, row, "scored", "0", expected="at least 1 nucleus", code="fish.none")
        elif first != scored:
            expected = f"{first} as in the rows above"
            yield _problem(columns, row, "scored", str(scored), expected=expected, code="fish.scored")
        elif totals[slide] > scored:
            found = f"{totals[slide]} nuclei of {scored}"
            expected = "no more nuclei than were scored"
            yield _problem(columns, row, column, found, expected=expected, code="fish.exceeds")


def _filled(columns: Columns, *names: str) -> bool:
    return any(value is not None for name in names for value in columns.get(name))


def _rows(columns: Columns, problems: list[Problem]) -> list[Counted]:
    """Counts of every row as (column, pattern, nuclei), problems added on the way."""
    rows = columns.sheet.rows
    wide = pattern_columns(columns.sheet)
    if wide:
        cells = {name: columns.sheet.cells[str(place)].to_list() for name, place in wide.items()}
        return [_wide(columns, row, i, cells, problems=problems) for i, row in enumerate(rows)]
    if _filled(columns, "iscn"):
        texts = zip(rows, columns.get("iscn"), columns.get("scored"), strict=True)
        return [_from_iscn(columns, row, text, scored, problems=problems) for row, text, scored in texts]
    read: list[Counted] = []
    for row, pattern, nuclei in zip(rows, columns.get("pattern"), columns.get("nuclei"), strict=True):
        if pattern is None or nuclei is None:
            expected = "pattern and nuclei"
            problems.append(_problem(columns, row, "nuclei", "nothing", expected=expected, code="cell.empty"))
            read.append([])
        else:
            read.append([("pattern", pattern, nuclei)])
    return read


def _wide(
    columns: Columns, row: int, place: int, cells: dict[str, list[str]], *, problems: list[Problem]
) -> Counted:
    counts: Counted = []
    for name, texts in cells.items():
        text = texts[place]
        if re.fullmatch(r"[0-9]{1,9}(\.0+)?", text):
            counts.append((name, name, int(float(text))))
        elif text not in {"", "-"}:
            problems.append(
                _problem(columns, row, name, text, expected="a whole number", code="cell.whole_number")
            )
    return counts


def _from_iscn(
    columns: Columns, row: int, text: str | None, scored: int | None, *, problems: list[Problem]
) -> Counted:
    try:
        found = parse_iscn(text or "")
    except InputError as error:
        needed = "; ".join((error.needed, error.found, *error.problems))
        problems.append(_problem(columns, row, "iscn", text or "", expected=needed, code="fish.iscn"))
        return []
    written = {clone.scored for clone in found.clones} - {None}
    if scored is not None and written and written != {scored}:
        expected = f"{max(n for n in written if n is not None)}, as its ISCN says"
        problems.append(_problem(columns, row, "scored", str(scored), expected=expected, code="fish.scored"))
    counts: Counted = []
    for clone in found.clones:
        pattern = pattern_of(clone)
        if pattern is None or clone.nuclei is None:
            expected = "a number of ABL1 and BCR signals and of nuclei for every clone"
            problems.append(_problem(columns, row, "iscn", text or "", expected=expected, code="fish.iscn"))
        else:
            counts.append(("iscn", pattern, clone.nuclei))
    return counts


def records(columns: Columns, kind: Kind) -> Sequence[Any]:
    """Records of a table without problems.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.

    Returns
    -------
    sequence of records
        Of the class that the kind names.
    """
    if kind.name == "fish scores":
        return _counts(columns)
    if kind.name == "index sort":
        cells = Counter(zip(columns.get("fraction_id"), columns.get("compartment"), strict=True))
        return [
            SortPurity(fraction_id=fraction, compartment=name, events=n, method="index sort")
            for (fraction, name), n in cells.items()
        ]
    return records_of(columns, kind)


def _counts(columns: Columns) -> list[FishCount]:
    names = ("fraction_id", "probe", "scored", "reader", "preparation")
    rows = zip(*(columns.get(name) for name in names), strict=True)
    return [
        FishCount(pattern=pattern, nuclei=n, **dict(zip(names, values, strict=True)))
        for values, counts in zip(rows, _rows(columns, []), strict=True)
        for _, pattern, n in counts or [("", _NORMAL, values[2])]
    ]
