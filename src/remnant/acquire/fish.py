"""Tables of FISH on sorted cells: score sheets, sort reports, index sorts, further markers.

A score sheet is long (one row a pattern, columns ``pattern`` and ``nuclei``), wide (one row a reader, one
column a pattern, named like ``1R1G2F``) or ISCN (column ``iscn``). Nuclei that no pattern names are
normal. An index sort has one row a cell and is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
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

KIND_NAMES: Final = frozenset({"fish scores", "sort purity", "index sort", "fraction markers", "antigen counts"})
"""Kinds of table that this module reads."""
_SUM: Final = 0.005

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


def problems_of_rows(columns: Columns, kind: Kind, seen: Seen) -> list[Problem]:
    """Rows that contradict themselves or one another.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    seen : dict
        Keys of earlier sheets of the same file and kind.

    Returns
    -------
    list of Problem
        Unknown probes, patterns and compartments, unreadable ISCN, more nuclei than were scored, shares
        that do not sum to 1, repeated keys: each with row and column.
    """
    if kind.name == "fish scores":
        return _score_problems(columns, seen)
    problems = _compartment_problems(columns) if "compartment" in columns.values else []
    if kind.name == "sort purity":
        problems += _share_problems(columns)
    if kind.name == "fraction markers":
        problems += _marker_problems(columns)
    keys = [None if None in key else key for key in zip(*(columns.get(k) for k in kind.key), strict=True)]
    return problems + repeated(columns, kind.key, keys, seen)


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
    problems, sums, events, first = [], Counter[str](), Counter[str](), dict[str, int]()
    kept = zip(
        columns.sheet.rows, columns.get("fraction_id"), columns.get("events"), columns.get("share"), strict=True
    )
    for row, fraction, count, share in kept:
        if (count is None) == (share is None):
            found = "neither" if count is None else f"{count} events and {share:g}"
            problems.append(
                _problem(columns, row, "events", found, expected="events or a share, one of them", code="sort.amount")
            )
        if fraction is None:
            continue
        first.setdefault(fraction, row)
        sums[fraction] += share or 0.0
        events[fraction] += count or 0
    for fraction, row in first.items():
        if sums[fraction] and abs(sums[fraction] - 1.0) > _SUM:
            found = f"{sums[fraction]:g} in fraction {fraction}"
            problems.append(
                _problem(columns, row, "share", found, expected="shares that sum to 1", code="sort.sum")
            )
        elif not sums[fraction] and not events[fraction]:
            found = f"0 events in fraction {fraction}"
            problems.append(_problem(columns, row, "events", found, expected="at least 1 event", code="sort.empty"))
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


def _score_problems(columns: Columns, seen: Seen) -> list[Problem]:
    problems: list[Problem] = []
    if not columns.sheet.rows:
        return problems
    has = columns.values.keys()
    ways = [bool(pattern_columns(columns.sheet)), _filled(columns, "pattern", "nuclei"), _filled(columns, "iscn")]
    if sum(ways) != 1:
        expected = "columns pattern and nuclei, or a column a pattern (1R1G2F), or a column iscn: one of the three"
        advice = "See docs/formats.md."
        header = columns.sheet.header_row
        return [problem_at(columns.sheet, "fish.counts", expected, advice, row=header)]
    rows = list(_rows(columns, problems))
    scored = dict(zip(columns.sheet.rows, columns.get("scored"), strict=True))
    totals: dict[tuple[Any, ...], int] = {}
    most: dict[tuple[Any, ...], int] = {}
    for row, counts in rows:
        key, probe = _slide(columns, row), _at(columns, "probe", row)
        if probe is not None and probe not in probes():
            problems.append(
                _problem(columns, row, "probe", probe, expected=f"one of {', '.join(probes())}", code="fish.probe")
            )
        elif probe is not None:
            problems += [
                _problem(
                    columns, row, column, pattern, expected=f"a pattern of {probe}", code="fish.pattern"
                )
                for column, pattern, _ in counts
                if not known_pattern(probe, pattern)
            ]
        if scored[row] is None:
            continue
        totals[key] = totals.get(key, 0) + sum(n for _, _, n in counts)
        if scored[row] < 1:
            problems.append(_problem(columns, row, "scored", "0", expected="at least 1 nucleus", code="fish.none"))
        elif most.setdefault(key, scored[row]) != scored[row]:
            expected = f"{most[key]} as in the rows above"
            problems.append(_problem(columns, row, "scored", str(scored[row]), expected=expected, code="fish.scored"))
        elif totals[key] > scored[row]:
            problems.append(
                _problem(
                    columns,
                    row,
                    "nuclei" if "nuclei" in has else "scored",
                    f"{totals[key]} nuclei of {scored[row]}",
                    expected="no more nuclei than were scored",
                    code="fish.exceeds",
                )
            )
    keys = [(*_slide(columns, row), _at(columns, "pattern", row)) for row in columns.sheet.rows]
    named = ("fraction_id", "probe", "reader", "pattern")
    return problems + repeated(columns, named, keys, seen)


def _filled(columns: Columns, *names: str) -> bool:
    return any(value is not None for name in names for value in columns.get(name))


def _at(columns: Columns, name: str, row: int) -> Any:
    return columns.get(name)[columns.sheet.rows.index(row)]


def _slide(columns: Columns, row: int) -> tuple[Any, ...]:
    return tuple(_at(columns, name, row) for name in ("fraction_id", "probe", "reader"))


def _rows(columns: Columns, problems: list[Problem]) -> list[tuple[int, list[tuple[str, str, int]]]]:
    """Counts of every row as (column, pattern, nuclei), problems added on the way."""
    wide = pattern_columns(columns.sheet)
    if wide:
        return [
            (row, [(name, name, n) for name, n in _wide(columns, place, row, wide, problems)])
            for place, row in enumerate(columns.sheet.rows)
        ]
    if _filled(columns, "iscn"):
        return [
            (row, _from_iscn(columns, row, text, problems))
            for row, text in zip(columns.sheet.rows, columns.get("iscn"), strict=True)
        ]
    cells = zip(columns.sheet.rows, columns.get("pattern"), columns.get("nuclei"), strict=True)
    read = []
    for row, pattern, nuclei in cells:
        if pattern is None or nuclei is None:
            problems.append(
                _problem(columns, row, "nuclei", "nothing", expected="pattern and nuclei", code="cell.empty")
            )
            read.append((row, []))
        else:
            read.append((row, [("pattern", pattern, nuclei)]))
    return read


def _wide(
    columns: Columns, place: int, row: int, wide: dict[str, int], problems: list[Problem]
) -> list[tuple[str, int]]:
    counts = []
    for name, position in wide.items():
        text = columns.sheet.cells[str(position)][place]
        if text in {"", "-"}:
            continue
        if re.fullmatch(r"[0-9]+(\.0+)?", text):
            counts.append((name, int(float(text))))
        else:
            problems.append(_problem(columns, row, name, text, expected="a whole number", code="cell.whole_number"))
    return counts


def _from_iscn(
    columns: Columns, row: int, text: str | None, problems: list[Problem]
) -> list[tuple[str, str, int]]:
    try:
        found = parse_iscn(text or "")
    except InputError as error:
        needed = "; ".join((error.needed, error.found, *error.problems))
        problems.append(_problem(columns, row, "iscn", text or "", expected=needed, code="fish.iscn"))
        return []
    counts: list[tuple[str, str, int]] = []
    scored = _at(columns, "scored", row)
    if found.scored is not None and scored is not None and any(c.scored for c in found.clones):
        if found.scored != scored:
            expected = f"{found.scored}, as its ISCN says"
            problems.append(_problem(columns, row, "scored", str(scored), expected=expected, code="fish.scored"))
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
    made = []
    for place, (_, counts) in enumerate(_rows(columns, [])):
        names = ("fraction_id", "probe", "scored", "reader", "preparation")
        shared = {name: columns.get(name)[place] for name in names}
        listed = counts or [("", _normal(shared["probe"]), shared["scored"])]
        made += [FishCount(pattern=pattern, nuclei=n, **shared) for _, pattern, n in listed]
    return made


def _normal(probe: str) -> str:
    """Pattern of a slide on which no nucleus was named: all are normal."""
    return "2R2G" if probe else ""
