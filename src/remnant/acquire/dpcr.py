"""Digital PCR of any instrument: which reader a text, a workbook or a zip file belongs to."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from typing import Final

from remnant.acquire import absolute_q, delimited, qiacuity, quantasoft, qx_amplitudes
from remnant.acquire.archive import unpack
from remnant.acquire.columns import identify
from remnant.acquire.partition_cells import Digital
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Sheet
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Amplitudes
from remnant.records.run import SourceFile

__all__ = ["check_columns", "read_archive", "read_sheet", "read_text", "read_workbook"]

_TABLES: Final[tuple[tuple[Callable[[Sequence[str]], bool], Callable[..., Digital]], ...]] = (
    (quantasoft.is_results, quantasoft.read_results),
    (qiacuity.is_results, qiacuity.read_results),
    (absolute_q.is_results, absolute_q.read_results),
    (absolute_q.is_multichannel, absolute_q.read_multichannel),
)
_LACKS: Final[tuple[tuple[str, Callable[[Sequence[str]], list[str]]], ...]] = (
    ("QuantaSoft or QX Manager", quantasoft.lacks),
    ("QIAcuity", qiacuity.lacks),
    ("Absolute Q", absolute_q.lacks),
)
_BEGINNING: Final = 4096


def _acquired(
    source: SourceFile,
    digital: Digital,
    amplitudes: tuple[Amplitudes, ...] = (),
    findings: Sequence[Finding] = (),
) -> Acquired:
    return Acquired(
        source=SourceFile(
            sha256=source.sha256, name=source.name, size_bytes=source.size_bytes, format=digital.format
        ),
        runs=digital.runs,
        partitions=digital.partitions,
        amplitudes=amplitudes,
        findings=(*findings, *digital.findings),
    )


def read_text(source: SourceFile, data: bytes) -> Acquired | None:
    """What a text says that is no plain table: amplitudes, or a summary with two headers.

    Parameters
    ----------
    source : SourceFile
        The file; its format is filled in.
    data : bytes
        Content.

    Returns
    -------
    Acquired or None
        None if it is neither.

    Raises
    ------
    RefusedFileError
        If it is one of them and has problems.
    """
    if qx_amplitudes.is_amplitudes(data[:_BEGINNING]):
        digital, amplitudes = qx_amplitudes.read_amplitudes(source.name, data, source.sha256)
        return _acquired(source, digital, (amplitudes,))
    if absolute_q.is_summary(data):
        return _acquired(source, absolute_q.read_summary(source.name, data, sha256=source.sha256))
    return None


def read_sheet(source: SourceFile, sheet: Sheet, findings: Sequence[Finding] = ()) -> Acquired | None:
    """What a table says that an instrument of digital PCR wrote.

    Parameters
    ----------
    source : SourceFile
        The file; its format is filled in.
    sheet : Sheet
        Its table.
    findings : sequence of Finding, default ()
        What was noticed so far.

    Returns
    -------
    Acquired or None
        None if no instrument writes such a header.

    Raises
    ------
    RefusedFileError
        If one does, and there are problems.
    """
    reader = next((read for fits, read in _TABLES if fits(sheet.header)), None)
    if reader is None:
        return None
    if not sheet.rows and not sheet.problems:
        problem = Problem(
            code="sheet.no_rows",
            file=sheet.file,
            row=sheet.header_row,
            expected="rows below the header",
            advice="Export the results again.",
        )
        raise RefusedFileError(sheet.file, [problem])
    stem = source.name.rpartition(".")[0] or source.name
    return _acquired(source, reader(sheet, run_id=stem, sha256=source.sha256), (), findings)


def check_columns(sheet: Sheet) -> None:
    """Refuse a table that is a result of digital PCR but for one column.

    Parameters
    ----------
    sheet : Sheet
        A table that no reader took.

    Raises
    ------
    RefusedFileError
        Naming the instrument and the column, where all others are there and no other kind of table fits.
    """
    if identify(sheet.header)[0] is not None:
        return
    for instrument, lacks in _LACKS:
        missing = lacks(sheet.header)
        if len(missing) == 1:
            problem = Problem(
                code="digital.column_missing",
                file=sheet.file,
                row=sheet.header_row,
                value=", ".join(sheet.header[:20]),
                expected=f"the column {missing[0]} beside the others of a table of {instrument}",
                advice="Export the results again with every column.",
            )
            raise RefusedFileError(sheet.file, [problem])


def read_workbook(source: SourceFile, sheets: Sequence[Sheet]) -> Acquired | None:
    """What a workbook says that an instrument of digital PCR wrote, or a person saved from its table.

    Parameters
    ----------
    source : SourceFile
        The file; its format is filled in.
    sheets : sequence of Sheet
        Its sheets with content.

    Returns
    -------
    Acquired or None
        The first sheet that holds wells; None if none does. A finding names the others.

    Raises
    ------
    RefusedFileError
        If that sheet has problems.
    """
    for sheet in sheets:
        found = read_sheet(source, sheet)
        if found is not None:
            return _with_others(found, [one.name or "" for one in sheets if one is not sheet], source.name)
    return None


def read_archive(source: SourceFile, archive: zipfile.ZipFile) -> Acquired | None:
    """What a zip file of Absolute Q tables says.

    Parameters
    ----------
    source : SourceFile
        The file; its format is filled in.
    archive : zipfile.ZipFile
        Open.

    Returns
    -------
    Acquired or None
        The first member that holds wells, summaries before other tables; None if none does.

    Raises
    ------
    RefusedFileError
        If a member is damaged, or that member has problems.

    Notes
    -----
    Members of one export tell of the same wells, so that only one is read; a finding names the others.
    """
    names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    texts = {name: unpack(source.name, archive, name) for name in names}
    ordered = sorted(names, key=lambda name: (not absolute_q.is_summary(texts[name]), name))
    for name in ordered:
        found = _member(source, texts[name])
        if found is not None:
            others = [other for other in archive.namelist() if other != name]
            return _with_others(found, others, source.name)
    return None


def _member(source: SourceFile, text: bytes) -> Acquired | None:
    if not text.strip():
        return None
    found = read_text(source, text) if absolute_q.is_summary(text) else None
    if found is not None:
        return found
    sheet, findings = delimited.table(source.name, text)
    return read_sheet(source, sheet, findings) if sheet is not None else None


def _with_others(found: Acquired, others: Sequence[str], file: str) -> Acquired:
    if not others:
        return found
    finding = Finding(
        code="digital.member_not_read",
        severity="note",
        subject=f"file {file}",
        message=f"Not read, since one part of the file holds the wells: {', '.join(others[:10])}.",
    )
    return Acquired(
        source=found.source,
        runs=found.runs,
        partitions=found.partitions,
        findings=(*found.findings, finding),
    )
