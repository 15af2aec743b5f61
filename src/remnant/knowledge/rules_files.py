"""Reads rule-set files and refuses what contradicts itself, all problems at once, the row named."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from remnant.errors import KnowledgeError
from remnant.knowledge.conversion import FILE
from remnant.knowledge.rules import KINDS, TIMES, RuleBook, RuleRow, RuleSet, meet
from remnant.knowledge.tables import STATUSES
from remnant.units import UNITS, convert, is_comparable

__all__ = ["RULE_UNITS", "read_rule_set", "rule_book", "rule_set_problems", "shipped_rules"]

RULE_UNITS: Final = ("log10", "days", "cycles", "wells", "well_share", "control_copies", "share")
"""Units of rule rows that no measurement has."""

_LEVELS: Final = frozenset(UNITS)
_NEEDS_UNIT: Final[Mapping[str, frozenset[str]]] = {
    "positivity": _LEVELS | {"well_share"},
    "negativity": _LEVELS | {"control_copies"},
    "low_level": _LEVELS,
    "rise": frozenset({"log10"}),
    "loss": _LEVELS,
    "cutoff": _LEVELS,
    "interpretation": frozenset({"cycles", "wells", "share"}),
    "score": frozenset({"copies", "control_copies", "share"}),
}
"""Kinds that need a threshold, and the units it may have."""
_MAY_HAVE_UNIT: Final[Mapping[str, frozenset[str]]] = {
    "reappearance": _LEVELS,
    "confirmation": frozenset({"log10"}),
    "response": _LEVELS,
}
_LABELS: Final[Mapping[str, tuple[str, ...]]] = {"rise": ("relapse", "progression")}
_NEEDS_LABEL: Final = frozenset({"rise", "response", "cutoff", "interpretation", "score"})
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": KINDS,
    "time": TIMES,
    "status": STATUSES,
    "compare": ("at least", "above", "at most", "below"),
    "material": ("BM", "PB", ""),
    "reference": ("", "negative", "low level", "any", "rest"),
}
_SET_NEEDS: Final = ("id", "label", "title", "version", "valid_from", "markers", "role", "source")
_ROW_FIELDS: Final = {field.name: field for field in dataclasses.fields(RuleRow)}
_SET_FIELDS: Final = {field.name for field in dataclasses.fields(RuleSet)} - {"rows", "file"} | {"row"}


@functools.cache
def shipped_rules() -> tuple[RuleSet, ...]:
    """Rule sets that ship with remnant.

    Returns
    -------
    tuple of RuleSet
        By name.

    Raises
    ------
    KnowledgeError
        If one contradicts itself.

    Examples
    --------
    >>> [one.id for one in shipped_rules() if not one.complete]
    ['eln_david_2025']
    """
    folder = resources.files("remnant.knowledge").joinpath("rules")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(
        read_rule_set(f.read_text(encoding="utf-8"), where=f"knowledge/rules/{f.name}") for f in files
    )


def rule_book(folder: Path | None = None, *, deciding: Iterable[str] = ()) -> RuleBook:
    """Rule sets of a study: those that ship, and the laboratory's own.

    Parameters
    ----------
    folder : path or None, default None
        Folder with the laboratory's own ``*.toml``; None or a folder that does not exist has none.
    deciding : iterable of str, default ()
        Ids of the sets that the study chose to decide; empty for the sets' own roles.

    Returns
    -------
    RuleBook
        Checked as a whole.

    Raises
    ------
    KnowledgeError
        If a file contradicts itself, or two sets decide the same marker in the same disease.

    Examples
    --------
    >>> book = rule_book()
    >>> book.deciding("NPM1", "AML").id, book.deciding("BCR-ABL1", "CML").id, book.deciding("WT1", "AML")
    ('eln2021', 'cml_is', None)
    """
    own = [] if folder is None else [_own(p) for p in sorted(folder.glob("*.toml")) if p.name != FILE]
    gone = {name for one in own for name in (*one.replaces, one.id)}
    sets = tuple(one for one in shipped_rules() if one.id not in gone) + tuple(own)
    problems = [f"{name}: replaces no set that ships" for name in _unknown_replaced(own)]
    problems += [
        f"{name}: id of {count} files" for name, count in _counts(one.id for one in own).items() if count > 1
    ]
    _refuse(problems, "the study's rule sets")
    names = tuple(deciding)
    book = RuleBook(sets=sets).choose(names) if names else RuleBook(sets=sets)
    _refuse(_two_decide(book), "the study's rule sets")
    return book


def _own(path: Path) -> RuleSet:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(
            where=path.name, found=str(error), needed="a readable UTF-8 file", advice="Mend the file."
        ) from error
    return read_rule_set(text, where=path.name)


def _unknown_replaced(own: Iterable[RuleSet]) -> list[str]:
    known = {one.id for one in shipped_rules()}
    return sorted({name for one in own for name in one.replaces} - known)


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _two_decide(book: RuleBook) -> list[str]:
    deciding = [one for one in book.sets if one.role == "decides"]
    problems = [
        f"{one.id} and {other.id}: both decide {', '.join(sorted(set(one.markers) & set(other.markers)))}"
        for one, other in itertools.combinations(deciding, 2)
        if meet(one, other)
    ]
    return problems + [
        f"{one.id}: decides, but has slots without numbers" for one in deciding if not one.complete
    ]


def read_rule_set(text: str, *, where: str) -> RuleSet:
    """One rule set from its TOML.

    Parameters
    ----------
    text : str
        Contents of the file.
    where : str
        File, for messages.

    Returns
    -------
    RuleSet
        Checked.

    Raises
    ------
    KnowledgeError
        With every problem, each with its row.
    """
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(
            where=where, found=str(error), needed="valid TOML", advice="Mend the file."
        ) from error
    _refuse(rule_set_problems(written), where)
    head = {name: value for name, value in written.items() if name != "row"}
    return RuleSet(
        **{**head, **{name: tuple(head.get(name, ())) for name in ("markers", "diseases", "replaces")}},
        file=where,
        rows=tuple(_row(row) for row in written["row"]),
    )


def _row(row: Mapping[str, Any]) -> RuleRow:
    return RuleRow(**{**row, "markers": tuple(row.get("markers", ()))})


def _refuse(problems: list[str], where: str) -> None:
    if problems:
        raise KnowledgeError(
            where=where,
            found=f"{len(problems)} problem{'s' * (len(problems) > 1)}",
            needed="complete rows with unit and source, of which no two contradict or overlap",
            advice="Mend the rows below.",
            problems=problems,
        )


def rule_set_problems(written: Mapping[str, Any]) -> list[str]:
    """What is wrong with a rule set as written.

    Parameters
    ----------
    written : mapping
        Contents of the TOML file.

    Returns
    -------
    list of str
        One a problem, beginning with the row's id; empty if it can be used.
    """
    name = written.get("id", "the set")
    problems = [f"{name}: no {key}" for key in _SET_NEEDS if not written.get(key)]
    problems += [f"{name}: unknown field {key}" for key in written if key not in _SET_FIELDS]
    if written.get("role") not in {"decides", "shown", "available", None}:
        problems.append(f"{name}: role {written['role']!r}, need decides, shown or available")
    if "valid_from" in written and not isinstance(written["valid_from"], dt.date):
        problems.append(f"{name}: valid_from {written['valid_from']!r}, need a date")
    rows = written.get("row", [])
    if not rows:
        problems.append(f"{name}: no rows")
    problems += [
        f"{key}: id stands {n} times" for key, n in _counts(r.get("id", "") for r in rows).items() if n > 1
    ]
    of_rows = [text for row in rows for text in _row_problems(row, complete=written.get("complete", True))]
    strangers = [
        f"{row.get('id')}: marker {marker} is not one of the set"
        for row in rows
        for marker in row.get("markers", ())
        if marker not in written.get("markers", ())
    ]
    problems += of_rows + strangers
    if not of_rows:
        read = [_row(row) for row in rows if not row.get("slot")]
        problems += _overlaps(read) + _contradictions(read)
    return problems


def _row_problems(row: Mapping[str, Any], *, complete: bool) -> list[str]:
    name = row.get("id", "row without id")
    problems = [
        f"{name}: no {key}" for key in ("id", "kind", "definition", "source", "status") if not row.get(key)
    ]
    problems += [f"{name}: unknown field {key}" for key in row if key not in _ROW_FIELDS]
    problems += [
        f"{name}: {key} {row[key]!r}, need one of {', '.join(map(repr, allowed))}"
        for key, allowed in _CHOICES.items()
        if key in row and row[key] not in allowed
    ]
    if row.get("slot"):
        if complete:
            problems.append(f"{name}: a slot without number in a set that says it is complete")
        return problems
    kind = row.get("kind", "")
    problems += _number_problems(name, kind, row)
    if kind in _NEEDS_LABEL and not row.get("label"):
        problems.append(f"{name}: no label")
    if kind in _LABELS and row.get("label") not in _LABELS[kind]:
        problems.append(f"{name}: label {row.get('label')!r}, need one of {', '.join(_LABELS[kind])}")
    if kind == "confirmation" and ("from_days" not in row or "to_days" not in row):
        problems.append(f"{name}: a confirmation needs from_days and to_days")
    if kind == "persistence" and ("count" not in row or "from_days" not in row):
        problems.append(f"{name}: persistence needs count and from_days")
    if row.get("from_days", 0) > row.get("to_days", float("inf")):
        problems.append(f"{name}: from_days {row['from_days']} is after to_days {row['to_days']}")
    if "valid_to" in row and row.get("valid_from", row["valid_to"]) > row["valid_to"]:
        problems.append(f"{name}: valid_from {row['valid_from']} is after valid_to {row['valid_to']}")
    if ("control_copies" in row or row.get("unit") == "control_copies") and not row.get("control"):
        problems.append(f"{name}: control copies without their control gene")
    return problems


def _number_problems(name: str, kind: str, row: Mapping[str, Any]) -> list[str]:
    """Threshold and unit: neither without the other, and of the right kind."""
    allowed = _NEEDS_UNIT.get(kind) or _MAY_HAVE_UNIT.get(kind, frozenset())
    problems = []
    number = row.get("threshold")
    if kind in _NEEDS_UNIT and number is None:
        problems.append(f"{name}: no threshold")
    if number is not None and (
        isinstance(number, bool) or not isinstance(number, int | float) or not number > 0
    ):
        problems.append(f"{name}: threshold {number!r}, need a positive number")
    if number is not None and not row.get("unit"):
        problems.append(f"{name}: threshold {number!r} without unit")
    elif row.get("unit") and row["unit"] not in allowed:
        needed = ", ".join(sorted(allowed)) or "none"
        problems.append(f"{name}: unit {row['unit']!r}, need one of {needed}")
    elif row.get("unit") and number is None:
        problems.append(f"{name}: unit without threshold")
    return problems


def _may_meet(one: str, other: str) -> bool:
    return not one or not other or one == other


def _same_place(one: RuleRow, other: RuleRow) -> bool:
    """Whether two rows can hold for the same sample on the same day."""
    markers = not one.markers or not other.markers or bool(set(one.markers) & set(other.markers))
    from_one, from_other = one.valid_from or dt.date.min, other.valid_from or dt.date.min
    to_one, to_other = one.valid_to or dt.date.max, other.valid_to or dt.date.max
    return (
        markers
        and one.fraction == other.fraction
        and one.profile == other.profile
        and all(
            _may_meet(getattr(one, key), getattr(other, key)) for key in ("material", "control", "lesion")
        )
        and (one.time == other.time or "any" in {one.time, other.time})
        and max(from_one, from_other) <= min(to_one, to_other)
    )


_SINGLE: Final = frozenset({"positivity", "low_level", "reappearance", "loss", "confirmation", "persistence"})
_BY_LABEL: Final = frozenset({"response", "cutoff", "interpretation", "score"})


def _overlaps(rows: list[RuleRow]) -> list[str]:
    problems = []
    for one, other in itertools.combinations(rows, 2):
        if one.kind != other.kind or not _same_place(one, other):
            continue
        same_unit = one.unit == other.unit or {one.unit, other.unit} <= {
            "ratio",
            "percent",
            "per_1e4",
            "per_1e5",
        }
        clash = (
            one.kind in _SINGLE
            or (one.kind in _BY_LABEL and one.label == other.label and same_unit)
            or (one.kind == "negativity" and same_unit)
            or (one.kind == "rise" and one.reference == other.reference)
        )
        if clash:
            problems.append(f"{one.id} and {other.id}: both say {one.kind} of the same samples")
    return problems


def _contradictions(rows: list[RuleRow]) -> list[str]:
    problems = []
    for one, other in itertools.permutations(rows, 2):
        if not _same_place(one, other) or one.threshold is None or other.threshold is None:
            continue
        if not is_comparable(one.unit, other.unit):
            continue
        limit = convert(other.threshold, other.unit, one.unit)
        if one.kind == "low_level" and other.kind == "positivity" and one.threshold <= limit:
            problems.append(f"{one.id}: nothing can be positive by {other.id} and below {one.threshold:g}")
        if one.kind == other.kind == "response" and _deeper_needs_less(one, other, limit):
            problems.append(f"{one.id}: deeper than {other.id}, but asks for fewer copies of {one.control}")
    return problems


def _deeper_needs_less(one: RuleRow, other: RuleRow, limit: float) -> bool:
    return (
        one.compare == other.compare == "at most"
        and one.control == other.control
        and (one.threshold or 0.0) < limit
        and (one.control_copies or 0.0) < (other.control_copies or 0.0)
    )
