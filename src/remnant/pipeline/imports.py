"""Files and folders into a study: read, compare, store, and say what became of each.

The unit of refusal is a file: one that cannot be used is reported with all its problems and the others
are imported. With `all_or_nothing` it is the command. A dry run takes the same way and keeps nothing.
Folders are walked in order of name; hidden files, office lock files and folders named ``truth`` (the
answers of an example study) are left out.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from remnant.acquire import is_cytometry, read, read_path
from remnant.acquire.limits import size
from remnant.errors import InputError, NotFoundError, RemnantError
from remnant.pipeline.curves import curve_records, keep_curves
from remnant.records.acquired import Acquired
from remnant.records.amplification import CurveResult, CurveTrace
from remnant.records.finding import Finding, Problem
from remnant.study.chronology import future_dates
from remnant.study.compare import ContradictionError, Difference
from remnant.study.connection import held_open
from remnant.study.facts import source_files
from remnant.study.handle import Study
from remnant.study.originals import sha256_of
from remnant.study.store import ImportTransaction, import_transaction

__all__ = ["FileReport", "ImportReport", "Outcome", "Progress", "files_under", "import_paths"]

Outcome = Literal["imported", "unchanged", "refused", "conflict", "not imported"]
Progress = Callable[[str, int, int], None]
"""Told the stage, how much is done, and of how much."""

_SKIPPED_FOLDERS: Final = frozenset({"truth"})
_SKIPPED_STARTS: Final = (".", "~$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of one file.

    Attributes
    ----------
    path : str
        Where it was.
    name : str
        Its name, as the study knows it.
    outcome : Outcome
        ``not imported`` if the file itself was good, but another stopped the command.
    sha256, format : str or None
        Hash and detected kind; None if it could not be read.
    counts : dict of str to int
        Records by table.
    message : str
        What is wrong; empty if nothing is.
    problems : tuple of str
        Every problem, a line each.
    details : tuple of Problem
        The same as records, where the reader gave them: sheet, row, column, value, expected, advice.
    differences : tuple of Difference
        Where it contradicts another file.
    findings : tuple of Finding
        What was noticed while reading it.
    superseded : str or None
        File whose place it took.
    """

    path: str
    name: str
    outcome: Outcome
    sha256: str | None = None
    format: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    message: str = ""
    problems: tuple[str, ...] = ()
    details: tuple[Problem, ...] = ()
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    superseded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of the files of one import.

    Attributes
    ----------
    files : tuple of FileReport
        In the order in which they were taken.
    dry_run : bool
        Nothing was kept: `outcome` says what would have become of them.
    """

    files: tuple[FileReport, ...]
    dry_run: bool = False

    def count(self, outcome: Outcome) -> int:
        """Number of files with one outcome.

        Parameters
        ----------
        outcome : Outcome
            For example ``"refused"``.

        Returns
        -------
        int
            Files.
        """
        return sum(file.outcome == outcome for file in self.files)

    @property
    def records(self) -> dict[str, int]:
        """Records that were imported, by table.

        Returns
        -------
        dict of str to int
            Sums over the imported files.
        """
        total: Counter[str] = Counter()
        for file in self.files:
            if file.outcome == "imported":
                total.update(file.counts)
        return dict(total)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A file that was read, or the report on one that is not to be stored."""

    path: Path
    data: bytes | Path = b""
    acquired: Acquired | None = None
    report: FileReport | None = None
    curves: Sequence[CurveResult | CurveTrace | Finding] = ()


def import_paths(
    study: Study,
    paths: Sequence[Path | str],
    *,
    by: str,
    dry_run: bool = False,
    all_or_nothing: bool = False,
    supersedes: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files and folders.

    Parameters
    ----------
    study : Study
        The study.
    paths : sequence of path-like
        Files, and folders to walk.
    by : str
        Who imports, for the audit.
    dry_run : bool, default False
        Keep nothing, and say what would have been.
    all_or_nothing : bool, default False
        Import nothing if one file is refused or in conflict.
    supersedes : str or None, default None
        Name or hash of the imported file whose place the one new file takes.
    progress : callable or None, default None
        Told ``("import", done, total)`` after each file.

    Returns
    -------
    ImportReport
        One entry a file; what is wrong with a file stands there and is not raised.

    Raises
    ------
    NotFoundError
        If a path does not exist, or there is no file to supersede.
    InputError
        If several files are to supersede one.
    StorageError
        If the disk or the database refuses; files imported before stay.
    """
    files = files_under(paths)
    if supersedes is not None and len(files) != 1:
        raise InputError(
            where="--supersedes",
            found=f"{len(files)} files",
            needed="exactly one that takes the place of another",
            advice="Import the corrected files one by one.",
        )
    known = {source.sha256 for source in source_files(study)}
    read_files = _counted((_read(path, known) for path in files), len(files), progress)
    if dry_run or all_or_nothing:
        held = list(read_files)
        reports = _in_one_transaction(
            study, held, by=by, dry_run=dry_run, all_or_nothing=all_or_nothing, supersedes=supersedes
        )
    else:
        with held_open(study.engine):
            reports = [_kept(study, item, by=by, supersedes=supersedes) for item in read_files]
    return ImportReport(files=tuple(reports), dry_run=dry_run)


def files_under(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    """Files that an import of these paths would take.

    Parameters
    ----------
    paths : iterable of path-like
        Files and folders. A file that is named itself is always taken.

    Returns
    -------
    tuple of pathlib.Path
        Each once, folders in order of name.

    Raises
    ------
    NotFoundError
        If a path does not exist; all such paths are named.
    """
    given = [Path(path) for path in paths]
    absent = [str(path) for path in given if not path.exists()]
    if absent:
        raise NotFoundError(
            where=absent[0],
            found="nothing there" if len(absent) == 1 else f"{len(absent)} paths that do not exist",
            needed="files or folders",
            advice="Check the spelling; nothing was imported.",
            problems=absent[1:],
        )
    found = (file for path in given for file in (_walk(path) if path.is_dir() else [path]))
    return tuple(dict.fromkeys(found))


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(name, folder=True))
        yield from (Path(place, name) for name in sorted(names) if not _is_skipped(name, folder=False))


def _is_skipped(name: str, *, folder: bool) -> bool:
    return name.startswith(_SKIPPED_STARTS) or (folder and name in _SKIPPED_FOLDERS)


def _counted(items: Iterator[_Read], total: int, progress: Progress | None) -> Iterator[_Read]:
    for done, item in enumerate(items, start=1):
        yield item
        if progress is not None:
            progress("import", done, total)


def _read(path: Path, known: set[str]) -> _Read:
    """Read a file, unless the study holds it already."""
    try:
        data = path if is_cytometry(path) else _whole(path)
        sha256 = sha256_of(data)
        if sha256 in known:
            report = FileReport(path=str(path), name=path.name, outcome="unchanged", sha256=sha256)
            return _Read(path=path, report=report)
        acquired = read(path.name, data) if isinstance(data, bytes) else read_path(data)
        noticed = (*acquired.findings, *future_dates(acquired, today=dt.datetime.now(tz=dt.UTC).date()))
        curves = curve_records(acquired)
        acquired = dataclasses.replace(
            acquired, findings=noticed, curves=(), amplitudes=()
        )  # they stay in the original
        return _Read(path=path, data=data, acquired=acquired, curves=curves)
    except RemnantError as error:
        return _Read(path=path, report=_refused(path, error, None))
    except OSError as error:
        unreadable = InputError(
            where=f"file {path.name}",
            found=(error.strerror or str(error)).lower(),
            needed="a file that can be read",
            advice="Check the file and its rights.",
        )
        return _Read(path=path, report=_refused(path, unreadable, None))


def _whole(path: Path) -> bytes:
    if path.stat().st_size > size("file_bytes"):
        read_path(path)  # refuses it without reading it whole
    return path.read_bytes()


def _one_transaction_each(study: Study, item: _Read, *, by: str, supersedes: str | None) -> FileReport:
    if item.report is not None:
        return item.report
    with import_transaction(study, by=by) as transaction:
        return _store(transaction, item, supersedes=supersedes)


def _kept(study: Study, item: _Read, *, by: str, supersedes: str | None) -> FileReport:
    """Store a file, and what its curves said; a loss of the second is made good by the next run."""
    report = _one_transaction_each(study, item, by=by, supersedes=supersedes)
    if report.outcome == "imported" and item.curves and report.sha256:
        keep_curves(study, report.sha256, item.curves)
    return report


def _in_one_transaction(
    study: Study,
    items: Sequence[_Read],
    *,
    by: str,
    dry_run: bool,
    all_or_nothing: bool,
    supersedes: str | None,
) -> list[FileReport]:
    with import_transaction(study, by=by, rehearse=dry_run) as transaction:
        reports = [item.report or _store(transaction, item, supersedes=supersedes) for item in items]
        stopped = all_or_nothing and any(report.outcome in {"refused", "conflict"} for report in reports)
        if stopped:
            transaction.abandon()
    if not stopped:
        return reports
    return [
        dataclasses.replace(report, outcome="not imported") if report.outcome == "imported" else report
        for report in reports
    ]


def _store(transaction: ImportTransaction, item: _Read, *, supersedes: str | None) -> FileReport:
    acquired = cast("Acquired", item.acquired)
    try:
        stored = transaction.store(acquired, item.data, supersedes=supersedes)
    except ContradictionError as error:
        report = dataclasses.replace(_refused(item.path, error, acquired), outcome="conflict")
        return dataclasses.replace(report, differences=error.differences)
    except InputError as error:
        return _refused(item.path, error, acquired)
    return FileReport(
        path=str(item.path),
        name=stored.name,
        outcome=stored.outcome,
        sha256=stored.sha256,
        format=acquired.source.format,
        counts=dict(stored.counts),
        findings=acquired.findings,
        superseded=stored.superseded,
    )


def _refused(path: Path, error: RemnantError, acquired: Acquired | None) -> FileReport:
    return FileReport(
        path=str(path),
        name=path.name,
        outcome="refused",
        sha256=None if acquired is None else acquired.source.sha256,
        format=None if acquired is None else acquired.source.format,
        message=f"found {error.found}, need {error.needed}. {error.advice}".rstrip(),
        problems=error.problems,
        details=getattr(error, "details", ()),
        findings=() if acquired is None else acquired.findings,
    )
