"""Commands that make a study, put files in, take files out, and check it."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import RenderableType

import remnant
from remnant.cli.answer import Answer, command
from remnant.cli.noticed import finding_table, judged
from remnant.cli.options import By, Strict, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.problems import problem_lines
from remnant.cli.progress import stages
from remnant.cli.typed import typed
from remnant.pipeline.imports import FileReport, ImportReport, import_paths
from remnant.study.audit import audit_trail
from remnant.study.check import check_study
from remnant.study.fact_tables import FACTS
from remnant.study.facts import imported_files
from remnant.study.folder import init_study, open_study
from remnant.study.references import left_superseded
from remnant.study.store import retract as retract_file
from remnant.study.upgrade import head_revision
from remnant.study.versions import code_version, rules_version

__all__ = [
    "audit",
    "doctor",
    "files",
    "import_",
    "import_lines",
    "init",
    "retract",
]

_LIBRARIES: Final = ("numpy", "scipy", "polars", "SQLAlchemy", "alembic", "lxml", "python-calamine", "typer")
_SHOWN_LINES: Final = 30
_PLURALS: Final = {kind.table.name: kind.attribute.replace("_", " ") for kind in FACTS} | {
    "reported_value": "reported values"
}


@command
def init(
    study: StudyFolder,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the study.", show_default="the folder's")] = None,
    language: Annotated[
        Literal["en", "ru", "de"], typer.Option(help="Language of pages and reports.")
    ] = "en",
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy address of a PostgreSQL database.", show_default="study.db")
    ] = None,
    by: By,
) -> Answer:
    """Make a study: a folder with settings, an inbox, originals and a database.

    Parameters
    ----------
    study : pathlib.Path
        Where; made if it does not exist.
    name : str or None, default None
        Name of the study.
    language : {"en", "ru", "de"}, default "en"
        Language of pages and reports.
    database : str or None, default None
        SQLAlchemy address of another database.
    by : str
        Who makes it.

    Returns
    -------
    Answer
        The settings.
    """
    made = init_study(study, name=name, by=by, language=language, database=database)
    next_step = f"Next: put files into {made.inbox} and run {typed('import', study)}."
    return Answer(
        data={"folder": made.folder, "settings": made.settings},
        shown=(f"Study {made.settings.name} made in {made.folder}", next_step),
    )


@command
def import_(
    study: StudyFolder,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files and folders.", show_default="the study's inbox"),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Import nothing if one file cannot be used.")
    ] = False,
    supersedes: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Imported file, by name or hash, whose place the new one takes."),
    ] = None,
    strict: Strict = False,
    by: By,
) -> Answer:
    """Import files and folders.

    What a file is is told by its content. A file that cannot be used is refused whole, with all its
    problems; the others are imported. The same file twice changes nothing.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    paths : list of pathlib.Path or None, default None
        Files and folders; None for the inbox.
    dry_run, all_or_nothing : bool, default False
        Keep nothing; keep nothing if one file cannot be used.
    supersedes : str or None, default None
        Imported file whose place the new one takes.
    strict : bool, default False
        End with exit code 1 on warnings.
    by : str
        Who imports.

    Returns
    -------
    Answer
        One entry a file; exit code 3 if one was refused, 4 if one is in conflict.
    """
    opened = open_study(study)
    with stages() as progress:
        report = import_paths(
            opened,
            paths or [opened.inbox],
            by=by,
            dry_run=dry_run,
            all_or_nothing=all_or_nothing,
            supersedes=None if supersedes is None else Path(supersedes).name,
            progress=progress,
        )
    found = [finding for file in report.files for finding in file.findings]
    code = 4 if report.count("conflict") else 3 if report.count("refused") else judged(found, strict=strict)
    return Answer(data=report, shown=import_lines(report), exit_code=code)


@command
def retract(
    study: StudyFolder,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Name or hash of an imported file.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")],
    by: By,
) -> Answer:
    """Take a file's facts out of the study. The original stays, and the audit tells of it.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    file : str
        Name or hash of an imported file.
    reason : str
        Why.
    by : str
        Who.

    Returns
    -------
    Answer
        Hash of the file, and the files that it had superseded: they stay out until they are imported again.
    """
    opened = open_study(study)
    sha256 = retract_file(opened, file, reason=reason, by=by)
    older = [item for item in left_superseded(opened) if item.superseded_by == sha256]
    left_out = [
        f"{item.name}, whose place it took, still does not count. To restore it, import it again:"
        f" {typed('import', study, f'PATH/{item.name}')}; its original is originals/{item.sha256[:12]}…."
        for item in older
    ]
    return Answer(
        data={
            "retracted": file,
            "sha256": sha256,
            "still_superseded": [{"name": item.name, "sha256": item.sha256} for item in older],
        },
        shown=(f"Retracted {file} ({sha256[:12]}…).", *left_out, f"Next: {typed('run', study)}."),
    )


@command
def files(study: StudyFolder) -> Answer:
    """List every import, also of files that no longer count.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.

    Returns
    -------
    Answer
        One entry an import.
    """
    log = imported_files(open_study(study))
    rows = (
        (file.name, file.format, file.state, file.imported_at[:19], file.imported_by, file.sha256[:12])
        for file in log
    )
    return Answer(data=log, shown=(listed(("file", "kind", "state", "imported", "by", "hash"), rows),))


@command
def audit(study: StudyFolder) -> Answer:
    """List who did what and when.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.

    Returns
    -------
    Answer
        One entry an action, oldest first.
    """
    trail = audit_trail(open_study(study))
    rows = ((e.entry, e.at[:19], e.by, e.action, e.subject, e.hash[:12]) for e in trail)
    columns = ("entry", "at (UTC)", "by", "action", "subject", "hash")
    data = [
        {**{name: getattr(e, name) for name in e.__slots__}, "detail": json.loads(e.detail)} for e in trail
    ]
    return Answer(data=data, shown=(listed(columns, rows, right=("entry",)),))


@command
def doctor(study: StudyFolder) -> Answer:
    """Check a study and the installation.

    Looks at the database's integrity, the audit's chain of hashes, the originals, the stored facts, and
    the rules in use whose source is not verified. Exit code 1 if anything is found.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.

    Returns
    -------
    Answer
        Versions and findings.
    """
    opened = open_study(study)
    found = check_study(opened)
    versions = {
        "remnant": remnant.__version__,
        "code": code_version(),
        "rules": rules_version(),
        "schema": head_revision(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name.lower(): metadata.version(name) for name in _LIBRARIES},
    }
    said = (
        f"{len(found)} finding{'s' if len(found) > 1 else ''}."
        if found
        else "Database, audit, originals and facts are in order."
    )
    shown = (listed(("what", "version"), versions.items()), "", said, *finding_table(found))
    return Answer(
        data={"study": opened.folder, "versions": versions, "findings": found},
        shown=shown,
        exit_code=judged(found, strict=True),
    )


def import_lines(report: ImportReport) -> tuple[RenderableType, ...]:
    """An import's report for people: what is wrong first told in full, then one row a file.

    Parameters
    ----------
    report : ImportReport
        What became of the files.

    Returns
    -------
    tuple of renderable
        Sentences and a table.
    """
    if not report.files:
        return ("Nothing to import.",)
    lines: list[RenderableType] = []
    for file in report.files:
        if file.outcome in {"refused", "conflict"}:
            lines += [f"{file.path}: {file.message}", *problem_lines(file.problems), ""]
    rows = [(file.name, file.outcome, _content(file), len(file.findings) or "") for file in report.files]
    if len(rows) <= _SHOWN_LINES:
        lines.append(listed(("file", "outcome", "content", "findings"), rows, right=("findings",)))
    outcomes = Counter(file.outcome for file in report.files)
    total = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
    kept = "  Dry run: nothing was kept." if report.dry_run else ""
    lines.append(f"{len(report.files)} file{'s' if len(report.files) > 1 else ''}: {total}.{kept}")
    return tuple(lines)


def _content(file: FileReport) -> str:
    counts = ", ".join(
        f"1 {name.replace('_', ' ')}" if number == 1 else f"{number} {_PLURALS[name]}"
        for name, number in file.counts.items()
    )
    return f"{counts} (takes the place of {file.superseded})" if file.superseded else counts
