"""Where a file contradicts another, or itself.

Two files may repeat each other and may complement each other, but may not say different things under one
natural key. Fields of a ``complement`` record that stand at their default say nothing: an instrument
file knows a run's cycles, the run sheet its lots. Wells are compared word for word, since there an absent
exclusion is a statement.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from remnant.errors import ConflictError
from remnant.study.fact_tables import FactKind

__all__ = [
    "ContradictionError",
    "Difference",
    "Statement",
    "contradictions",
    "merged",
    "self_contradictions",
]

_PROVENANCE: Final = "source_sha256"
"""Field that names the file itself; two files always differ in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field in which two files disagree.

    Attributes
    ----------
    record : str
        Table, for example ``"well"``.
    key : str
        Natural key, its parts joined by colons.
    field : str
        Field; ``"records"`` where the files list different sets.
    stored, offered : str
        What the study holds and what the new file says.
    stored_in : str
        File that the study has it from.
    """

    record: str
    key: str
    field: str
    stored: str
    offered: str
    stored_in: str

    def __str__(self) -> str:
        return f"{self.record} {self.key}: {self.field} is {self.stored} in {self.stored_in}, here {self.offered}"


class ContradictionError(ConflictError):
    """A file says something else than another file that counts.

    Parameters
    ----------
    file : str
        The new file.
    differences : sequence of Difference
        All of them, at least one.
    """

    def __init__(self, file: str, differences: Sequence[Difference]) -> None:
        self.differences = tuple(differences)
        others = sorted({difference.stored_in for difference in differences})
        super().__init__(
            where=f"file {file}",
            found=f"{_values(len(differences))} from {', '.join(others)}",
            needed="the same values, or new keys",
            advice="Nothing of it was stored. If it corrects that file, import it with --supersedes.",
            problems=[str(difference) for difference in differences],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One row of one file.

    Attributes
    ----------
    file : str
        Name of the file.
    row : tuple
        Values of the record's fields, in order.
    """

    file: str
    row: tuple[Any, ...]


def contradictions(
    kind: FactKind, stored: Iterable[Statement], offered: Iterable[tuple[Any, ...]]
) -> tuple[Difference, ...]:
    """Disagreements between what is stored and what a file offers.

    Parameters
    ----------
    kind : FactKind
        Class of fact.
    stored : iterable of Statement
        Rows of other active files that may share keys.
    offered : iterable of tuple
        Rows of the new file.

    Returns
    -------
    tuple of Difference
        All of them, each once, in the order of the new file.
    """
    held = _by_key(kind, stored, row=lambda statement: statement.row)
    if not held:
        return ()
    found: dict[Difference, None] = {}
    for key, rows in _by_key(kind, offered, row=lambda row: row).items():
        statements = held.get(key, [])
        if not statements:
            continue
        if kind.rule == "several":
            differences = _set_differences(kind, statements, rows)
        else:
            differences = [d for row in rows for held_row in statements for d in _fields(kind, held_row, row)]
        found.update(dict.fromkeys(differences))
    return tuple(found)


def self_contradictions(kind: FactKind, file: str, rows: Sequence[tuple[Any, ...]]) -> tuple[Difference, ...]:
    """Keys under which one file says two things.

    Parameters
    ----------
    kind : FactKind
        Class of fact.
    file : str
        Name of the file.
    rows : sequence of tuple
        Its rows.

    Returns
    -------
    tuple of Difference
        All of them; always empty for facts of which one key may have several.
    """
    if kind.rule == "several":
        return ()
    found: dict[Difference, None] = {}
    for first, *rest in _by_key(kind, rows, row=lambda row: row).values():
        for row in rest:
            found.update(dict.fromkeys(_fields(kind, Statement(file=file, row=first), row)))
    return tuple(found)


def merged(kind: FactKind, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What several files say together, each fact once.

    Parameters
    ----------
    kind : FactKind
        Class of fact.
    rows : iterable of tuple
        Rows of all active files, oldest import first, free of contradictions.

    Returns
    -------
    list of tuple
        Rows in the same order without repetition; complementing rows made one.
    """
    if kind.rule != "complement":
        return list(dict.fromkeys(rows))
    silent = [_silent_value(field) for field in dataclasses.fields(kind.record)]
    groups = _by_key(kind, rows, row=lambda row: row)
    return [
        group[0] if len(group) == 1 else tuple(map(_first_said, silent, zip(*group, strict=True)))
        for group in groups.values()
    ]


def _first_said(silent: Any, values: tuple[Any, ...]) -> Any:
    return next((value for value in values if value != silent), values[0])


def _silent_value(field: dataclasses.Field[Any]) -> Any:
    """Value that says nothing: the field's default; a field without one always speaks."""
    return field.default


def _by_key(kind: FactKind, items: Iterable[Any], *, row: Any) -> Mapping[tuple[Any, ...], list[Any]]:
    places = [kind.names.index(name) for name in kind.key]
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for item in items:
        values = row(item)
        groups[tuple(values[place] for place in places)].append(item)
    return groups


def _fields(kind: FactKind, held: Statement, row: tuple[Any, ...]) -> list[Difference]:
    differences = []
    for field, stored, offered in zip(dataclasses.fields(kind.record), held.row, row, strict=True):
        if stored == offered or field.name == _PROVENANCE:
            continue
        if kind.rule == "complement" and _silent_value(field) in (stored, offered):
            continue
        differences.append(_difference(kind, held, field.name, (stored, offered), row=row))
    return differences


def _set_differences(
    kind: FactKind, statements: Sequence[Statement], rows: Sequence[tuple[Any, ...]]
) -> list[Difference]:
    by_file: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for statement in statements:
        by_file[statement.file].add(statement.row)
    differences = []
    for file, held in by_file.items():
        if held == set(rows):
            continue
        if len(held) == len(rows) == 1:
            differences += _fields(kind, Statement(file=file, row=next(iter(held))), rows[0])
        else:
            texts = tuple(" and ".join(sorted(map(_row_text, side))) for side in (held, set(rows)))
            first = Statement(file=file, row=rows[0])
            differences.append(_difference(kind, first, "records", (texts[0], texts[1]), row=rows[0]))
    return differences


def _difference(
    kind: FactKind, held: Statement, field: str, values: tuple[Any, Any], *, row: tuple[Any, ...]
) -> Difference:
    key = ":".join(_text(row[kind.names.index(name)]) for name in kind.key)
    stored, offered = (value if field == "records" else _text(value) for value in values)
    return Difference(
        record=kind.table.name, key=key, field=field, stored=stored, offered=offered, stored_in=held.file
    )


def _values(count: int) -> str:
    return "1 value that differs" if count == 1 else f"{count} values that differ"


def _row_text(row: tuple[Any, ...]) -> str:
    return "(" + ", ".join(_text(value) for value in row) + ")"


def _text(value: Any) -> str:
    return "empty" if value is None or value == "" else str(value)
