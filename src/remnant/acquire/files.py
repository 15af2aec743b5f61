"""Read any file: what it is is told by its content, never by its name.

A file is read whole or refused whole, with all its problems at once.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from remnant.acquire import airr, delimited, rdml, vidjil, workbook
from remnant.acquire.archive import open_archive, unpack
from remnant.acquire.fcs import is_fcs, read_fcs
from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Sheet
from remnant.acquire.tabular import read_tables, records_of_tables
from remnant.errors import NotFoundError
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding, Problem
from remnant.records.run import SourceFile

__all__ = ["read", "read_path"]

_BEGINNING: Final = 1024
_MAGIC: Final = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file, or one with a password", "Save it as XLSX without password."),
    (b"\x1f\x8b", "a gzip file", "Unpack it and import the file inside."),
    (b"%PDF", "a PDF", "Export the table itself as CSV or XLSX."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and import the files inside."),
)


def _refused(file: str, code: str, value: str | None, advice: str) -> RefusedFileError:
    problem = Problem(
        code=code,
        file=file,
        value=value,
        expected="an RDML, FCS or Vidjil file, an XLSX workbook, or a CSV or TSV table",
        advice=advice,
    )
    return RefusedFileError(file, [problem])


def _source(file: str, data: bytes, file_format: str) -> SourceFile:
    return SourceFile(
        sha256=hashlib.sha256(data).hexdigest(), name=file, size_bytes=len(data), format=file_format
    )


def _tables(file: str, data: bytes, sheets: list[Sheet], findings: list[Finding]) -> Acquired:
    stem = file.rpartition(".")[0] or file
    tables, noted = read_tables(file, sheets, stem)
    source = _source(file, data, " + ".join(dict.fromkeys(columns.match.kind.name for columns in tables)))
    content, more = records_of_tables(tables, stem=stem, sha256=source.sha256)
    return Acquired(source=source, findings=tuple(findings + noted + more), **content)


def _rdml(file: str, data: bytes, xml: bytes, findings: tuple[Finding, ...] = ()) -> Acquired:
    content = rdml.read(file, xml, hashlib.sha256(data).hexdigest())
    return Acquired(
        source=_source(file, data, f"rdml {content.version}"),
        runs=content.runs,
        wells=content.wells,
        curves=content.curves,
        findings=findings + content.findings,
    )


def _fcs(file: str, data: bytes) -> Acquired:
    held = read_fcs(file, data)
    return Acquired(
        source=_source(file, data, f"fcs {held[0].tube.version}"),
        tubes=tuple(events.tube for events in held),
        findings=tuple(finding for events in held for finding in events.findings),
    )


def _vidjil(file: str, data: bytes) -> Acquired:
    content = vidjil.read(file, data)
    return Acquired(
        source=_source(file, data, f"vidjil {content.version}".rstrip()),
        repertoires=content.repertoires,
        clone_counts=content.counts,
        findings=content.findings,
    )


def _airr(file: str, data: bytes, sheet: Sheet, findings: list[Finding]) -> Acquired:
    content = airr.read(file, sheet)
    return Acquired(
        source=_source(file, data, content.format),
        repertoires=content.repertoires,
        clone_counts=content.counts,
        findings=(*findings, *content.findings),
    )


def _rdml_member(file: str, archive: zipfile.ZipFile) -> tuple[str | None, tuple[Finding, ...]]:
    names = archive.namelist()
    if "rdml_data.xml" in names:
        return "rdml_data.xml", ()
    xml = [name for name in names if name.lower().endswith(".xml") and "/" not in name]
    if len(names) != 1 or not xml:
        return None, ()
    finding = Finding(
        code="rdml.member_name",
        severity="note",
        subject=f"file {file}",
        message=f"The document inside is named {xml[0]}, not rdml_data.xml as the format asks.",
    )
    return xml[0], (finding,)


def _zipped(file: str, data: bytes) -> Acquired:
    archive = open_archive(file, data)
    member, findings = _rdml_member(file, archive)
    if member is not None:
        return _rdml(file, data, unpack(file, archive, member), findings)
    if "xl/workbook.xml" in archive.namelist():
        return _tables(file, data, workbook.sheets(file, data, archive), [])
    members = ", ".join(archive.namelist()[:5])
    raise _refused(
        file, "file.unknown_archive", f"a zip file with {members or 'nothing'}", "Import the files inside."
    )


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the cycle collector: it would walk a million new records again and again, and none is in a cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(file: str, data: bytes) -> Acquired:
    if not data or data.isspace():
        raise _refused(file, "file.empty", "an empty file", "Export it again.")
    if len(data) > size("file_bytes"):
        raise _refused(
            file, "file.size", f"{len(data):,} bytes, more than {size('file_bytes'):,}", "Split the file."
        )
    for magic, what, advice in _MAGIC:
        if data.startswith(magic):
            raise _refused(file, "file.unknown_format", what, advice)
    if is_fcs(data):
        return _fcs(file, data)
    if data.startswith(b"PK"):
        return _zipped(file, data)
    if data[:_BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return _rdml(file, data, data)
    if vidjil.is_json(data):
        return _vidjil(file, data)
    sheet, findings = delimited.table(file, data)
    if sheet is not None and airr.is_airr(sheet.header):
        return _airr(file, data, sheet, findings)
    return _tables(file, data, [sheet] if sheet else [], findings)


def read(name: str, data: bytes) -> Acquired:
    r"""Everything that one file says.

    Parameters
    ----------
    name : str
        File name; folders before it are dropped. It names the file in messages, and the run of a Cq table
        that has no column for it.
    data : bytes
        Content of the file.

    Returns
    -------
    Acquired
        Records and findings.

    Raises
    ------
    RefusedFileError
        With every problem of the file, if it has any. Nothing else is raised, whatever the bytes are.

    Examples
    --------
    >>> table = b"target;sample;cq\nWT1;S-014;33,1\nWT1;S-015;Undetermined\n"
    >>> wells = read("R-07.csv", table).wells
    >>> [(well.run_id, well.sample, well.detected, well.cq) for well in wells]
    [('R-07', 'S-014', True, 33.1), ('R-07', 'S-015', False, None)]
    """
    file = name.replace("\\", "/").rpartition("/")[2] or "file"
    with _without_collection():
        return _read(file, data)


def read_path(path: str | os.PathLike[str]) -> Acquired:
    """Everything that the file at a path says.

    Parameters
    ----------
    path : str or path-like
        A file.

    Returns
    -------
    Acquired
        Records and findings.

    Raises
    ------
    NotFoundError
        If there is no readable file.
    RefusedFileError
        With every problem of the file, if it has any.
    """
    place = Path(path)
    try:
        length = place.stat().st_size
        if length > size("file_bytes"):
            raise _refused(
                place.name,
                "file.size",
                f"{length:,} bytes, more than {size('file_bytes'):,}",
                "Split the file.",
            )
        data = place.read_bytes()
    except OSError as error:
        raise NotFoundError(
            where=f"file {place.name}",
            found=error.strerror or str(error),
            needed="a file that can be read",
            advice="Check the path and the permissions.",
        ) from error
    return read(place.name, data)
