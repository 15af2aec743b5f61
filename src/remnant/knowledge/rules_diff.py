"""What changed from one rule set to another, row by row and field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from remnant.knowledge.rules import RuleRow, RuleSet

__all__ = ["RuleChange", "rule_changes"]

_HEAD: Final = (
    "title", "version", "valid_from", "markers", "diseases", "role", "complete", "remission_only", "source", "note",
)  # fmt: skip
_NAME: Final = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One difference.

    Attributes
    ----------
    row : str
        Row without the name of its set; empty for the set itself.
    what : {"added", "removed", "changed"}
        What happened to it.
    field : str
        Which field changed; empty for a row that came or went.
    before, after : str
        As printed; empty where there is none.
    """

    row: str
    what: Literal["added", "removed", "changed"]
    field: str
    before: str
    after: str


def rule_changes(before: RuleSet, after: RuleSet) -> tuple[RuleChange, ...]:
    """Differences between two rule sets.

    Parameters
    ----------
    before, after : RuleSet
        Two sets, of the same name or not; rows are matched by their id without the name of the set.

    Returns
    -------
    tuple of RuleChange
        The set itself first, then the rows in the order of their ids; empty if nothing differs.

    Examples
    --------
    >>> from remnant.knowledge.rules_files import rule_book
    >>> book = rule_book()
    >>> found = rule_changes(book.named("eln2018"), book.named("eln2021"))
    >>> [(one.before, one.after) for one in found if (one.row, one.field) == ("confirmation", "to_days")]
    [('42', '28')]
    """
    rows, new = _rows(before), _rows(after)
    changes = list(_fields("", before, after, _HEAD))
    for name in sorted(rows.keys() | new.keys()):
        if name not in new:
            changes.append(_whole(name, "removed", rows[name]))
        elif name not in rows:
            changes.append(_whole(name, "added", new[name]))
        else:
            names = tuple(field.name for field in dataclasses.fields(RuleRow) if field.name != "id")
            changes += _fields(name, rows[name], new[name], names)
    return tuple(changes)


def _rows(one: RuleSet) -> dict[str, RuleRow]:
    return {row.id.removeprefix(one.id + _NAME): row for row in one.rows}


def _whole(name: str, what: Literal["added", "removed"], row: RuleRow) -> RuleChange:
    text = row.definition
    return RuleChange(
        row=name,
        what=what,
        field="",
        before=text if what == "removed" else "",
        after=text if what == "added" else "",
    )


def _fields(name: str, before: object, after: object, fields: tuple[str, ...]) -> Iterator[RuleChange]:
    for field in fields:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield RuleChange(row=name, what="changed", field=field, before=_text(old), after=_text(new))


def _text(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
