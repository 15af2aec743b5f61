"""Commands that list, show, check and compare rule sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType

from remnant.cli.answer import Answer, command
from remnant.cli.printed import listed
from remnant.errors import KnowledgeError, NotFoundError
from remnant.knowledge.conversion import FILE, read_conversion
from remnant.knowledge.cutoffs import Cutoff, cutoffs
from remnant.knowledge.rules import RuleBook, RuleRow, RuleSet
from remnant.knowledge.rules_diff import RuleChange, rule_changes
from remnant.knowledge.rules_files import read_rule_set, rule_book
from remnant.units import number_text, unit_label

__all__ = ["check", "diff", "list_", "show"]

BACKGROUND: Final = "cutoffs"
"""Name under which the cut-offs of WT1 and BAALC are listed and shown."""
_FOLDER: Final = "rules"
_OF_NUMBER: Final = frozenset(
    {"threshold", "unit", "compare", "from_days", "to_days", "count", "control_copies"}
)
"""Fields of a row that make its number."""
_UNITS: Final = {"control_copies": "copies a well", "well_share": "of the wells", "share": " "}
"""Units of rules that read badly as written."""

OfStudy = Annotated[
    Path | None,
    typer.Option("--study", metavar="STUDY", help="With the rule sets of this study.", show_default=False),
]
Named = Annotated[str, typer.Argument(metavar="SET", help="Id of a rule set, or a TOML file.")]


def _folder(study: Path | None) -> Path | None:
    """Folder of a study's own rules; the study itself need not be opened."""
    if study is None:
        return None
    if not study.is_dir():
        raise NotFoundError(
            where=str(study), found="no folder", needed="the folder of a study", advice="Check the path."
        )
    return study / _FOLDER


def _book(study: Path | None) -> RuleBook:
    return rule_book(_folder(study))


def _of(name: str, book: RuleBook) -> RuleSet:
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise NotFoundError(where=name, found="no file", needed="a rule set", advice="Check the path.")
        return read_rule_set(path.read_text(encoding="utf-8"), where=path.name)
    return book.named(name)


@command
def list_(*, study: OfStudy = None) -> Answer:
    """List the rule sets that ship with remnant, and those of a study.

    Parameters
    ----------
    study : pathlib.Path or None, default None
        Folder of a study.

    Returns
    -------
    Answer
        One entry a set; the cut-offs of background markers are one of them.
    """
    entries = [_entry(one) for one in _book(study).sets]
    entries.append(_background())
    entries.sort(key=lambda entry: str(entry["id"]))
    columns = ("set", "role", "markers", "diseases", "verified")
    rows = (
        (
            entry["id"],
            entry["role"] if entry["complete"] else "slots only",
            ", ".join(entry["markers"]),
            ", ".join(entry["diseases"]),
            f"{entry['verified']} of {entry['rows']}",
        )
        for entry in entries
    )
    return Answer(data=entries, shown=(listed(columns, rows, right=("verified",), whole=("set",)),))


def _entry(one: RuleSet) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "version": one.version,
        "valid_from": one.valid_from,
        "role": one.role,
        "complete": one.complete,
        "markers": one.markers,
        "diseases": one.diseases,
        "rows": len(one.rows),
        "verified": sum(row.status == "verified" for row in one.rows),
        "slots": sum(row.slot for row in one.rows),
        "source": one.source,
        "file": one.file,
    }


def _background() -> dict[str, Any]:
    held = cutoffs()
    return {
        "id": BACKGROUND,
        "title": "Cut-offs of background markers",
        "version": held[0].version,
        "valid_from": None,
        "role": "decides",
        "complete": True,
        "markers": tuple(dict.fromkeys(row.marker for row in held)),
        "diseases": (),
        "rows": len(held),
        "verified": sum(row.status == "verified" for row in held),
        "slots": 0,
        "source": "the papers of the rows",
        "file": "knowledge/cutoffs.toml",
    }


@command
def show(name: Named, *, study: OfStudy = None) -> Answer:
    """Show one rule set: what each row says, its number with unit, and its source.

    Parameters
    ----------
    name : str
        Id of a set, ``cutoffs``, or a TOML file.
    study : pathlib.Path or None, default None
        Folder of a study.

    Returns
    -------
    Answer
        The set.
    """
    if name == BACKGROUND:
        rows = cutoffs()
        return Answer(data=rows, shown=_shown_rows([(_cutoff_cells(row), row.source) for row in rows]))
    one = _of(name, _book(study))
    head = [f"{one.title}, version {one.version}, in force since {one.valid_from.isoformat()}. {one.source}."]
    if not one.complete:
        head.append("It has slots without numbers and is refused until they are filled.")
    return Answer(
        data=one, shown=(*head, *_shown_rows([(_row_cells(row, one), row.source) for row in one.rows]))
    )


def _shown_rows(rows: Sequence[tuple[tuple[str, ...], str]]) -> tuple[RenderableType, ...]:
    """Rows with the number of their source, and the sources below: most rows of a set share one."""
    sources = list(dict.fromkeys(source for _, source in rows))
    columns = ("row", "says", "number", "for", "status [source]")
    cells = ((*held, f"{status} [{sources.index(source) + 1}]") for (*held, status), source in rows)
    notes = (f"[{i}] {source}" for i, source in enumerate(sources, start=1))
    return (listed(columns, cells, whole=("row",)), "", *notes)


def _number(row: RuleRow) -> str:
    """Threshold with its unit, and days or samples, in one phrase."""
    parts = ["slot"] if row.slot else []
    if row.threshold is not None:
        label = _UNITS.get(row.unit) or unit_label(row.unit, control=row.control)
        parts.append(f"{row.compare} {number_text(row.threshold)} {label}".strip())
    if row.count is not None:
        parts.append(f"{row.count} samples")
    if row.from_days is not None:
        days = (
            f"{row.from_days:g} days and more"
            if row.to_days is None
            else f"{row.from_days:g} to {row.to_days:g} days"
        )
        parts.append(days)
    if row.control_copies is not None:
        parts.append(f"{number_text(row.control_copies)} {row.control} copies")
    return ", ".join(parts)


def _row_cells(row: RuleRow, of: RuleSet) -> tuple[str, ...]:
    number = _number(row)
    place = (", ".join(row.markers), row.material, row.fraction, row.control, row.profile)
    when = "" if row.time == "any" else row.time.replace("_", " ")
    name = row.id.removeprefix(f"{of.id}.")
    return (name, row.definition, number, ", ".join(filter(None, (*place, when))), row.status)


def _cutoff_cells(row: Cutoff) -> tuple[str, ...]:
    number = "donors' percentile"
    if row.threshold is not None:
        sign = "at least" if row.inclusive else "above"
        number = f"{sign} {number_text(row.threshold)} {unit_label(row.unit, control=row.control)}"
    place = ", ".join(filter(None, (row.marker, row.material, row.fraction, row.use)))
    return (row.id, f"{row.label} ({row.role})", number, place, row.status)


@command
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Rule sets or conversion factors.", show_default=False),
    ] = None,
    *,
    study: OfStudy = None,
) -> Answer:
    """Check rule sets: rows without unit or source, rows that overlap or contradict, sets that both decide.

    Parameters
    ----------
    files : list of pathlib.Path or None, default None
        Files to check; those that ship, and those of the study, if None.
    study : pathlib.Path or None, default None
        Folder of a study.

    Returns
    -------
    Answer
        One entry a problem, each with file and row; exit code 1 if there is any.
    """
    folder = _folder(study)
    chosen = list(files or ())
    if folder is not None and not chosen:
        chosen = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    problems = [problem for path in chosen for problem in _problems_of(path)]
    if not problems and not files:
        problems = _problems_of_book(folder)
    shown: tuple[RenderableType, ...] = ("Nothing is wrong.",)
    if problems:
        count = len({one["file"] for one in problems})
        said = f"{len(problems)} problem{'s' * (len(problems) > 1)} in {count} file{'s' * (count > 1)}: none of it would be used."
        shown = (listed(("file", "problem"), ((one["file"], one["problem"]) for one in problems)), "", said)
    return Answer(data=problems, shown=shown, exit_code=int(bool(problems)))


def _problems_of(path: Path) -> Iterable[dict[str, str]]:
    if not path.is_file():
        raise NotFoundError(where=str(path), found="no file", needed="a rule set", advice="Check the path.")
    try:
        text = path.read_text(encoding="utf-8")
        if path.name == FILE:
            read_conversion(text, where=path.name)
        else:
            read_rule_set(text, where=path.name)
    except KnowledgeError as error:
        return [{"file": path.name, "problem": problem} for problem in error.problems or (error.found,)]
    except UnicodeDecodeError as error:
        return [{"file": path.name, "problem": str(error)}]
    return []


def _problems_of_book(folder: Path | None) -> list[dict[str, str]]:
    try:
        rule_book(folder)
    except KnowledgeError as error:
        return [{"file": error.where, "problem": problem} for problem in error.problems or (error.found,)]
    return []


@command
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Id of a rule set, or a TOML file.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Id of a rule set, or a TOML file.")],
    *,
    study: OfStudy = None,
) -> Answer:
    """Show what differs between two rule sets, row by row.

    Parameters
    ----------
    before, after : str
        Ids or files.
    study : pathlib.Path or None, default None
        Folder of a study.

    Returns
    -------
    Answer
        One entry a difference.
    """
    book = _book(study)
    old, new = _of(before, book), _of(after, book)
    changes = rule_changes(old, new)
    columns = ("row", "what", before, after)
    return Answer(
        data=changes,
        shown=(listed(columns, _shown_changes(changes, old, new), whole=("row",)),)
        if changes
        else ("The two sets are the same.",),
    )


def _shown_changes(
    changes: Sequence[RuleChange], old: RuleSet, new: RuleSet
) -> Iterator[tuple[str, str, str, str]]:
    """Changes for people: a row is named once, its number with unit and days is one line; JSON has field by field."""
    by_name = [{row.id.removeprefix(f"{one.id}."): row for row in one.rows} for one in (old, new)]
    said: set[tuple[str, str]] = set()
    last = None
    for one in changes:
        what = (
            one.what
            if one.what != "changed"
            else "number"
            if one.field in _OF_NUMBER
            else one.field.replace("_", " ")
        )
        if (one.row, what) in said:
            continue
        said.add((one.row, what))
        was, now = one.before, one.after
        if what == "number":
            was, now = (_number(rows[one.row]) for rows in by_name)
        name = one.row or "(the set)"
        yield (name if name != last else "", what, was, now)
        last = name
