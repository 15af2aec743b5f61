"""Read any file: what it is is told by its content, never by its name.

A file is read whole or refused whole, with all its problems at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from remnant.acquire import airr, cfx, delimited, dpcr, eds, old_workbook, rdml, vidjil, workbook
from remnant.acquire.archive import gunzip, open_archive, unpack
from remnant.acquire.fcs import is_fcs, read_fcs, read_fcs_path
from remnant.acquire.instrument import InstrumentContent
from remnant.acquire.instrument_reading import Reading
from remnant.acquire.instruments import CFX, Instrument, instrument_of
from remnant.acquire.limits import size
from remnant.acquire.pages import Page, text_head, text_page
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Sheet
from remnant.acquire.tabular import read_tables, records_of_tables
from remnant.errors import NotFoundError
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding, Problem
from remnant.records.flow import Events
from remnant.records.run import SourceFile

__all__ = ["is_cytometry", "read", "read_path"]

_BEGINNING: Final = 1024
_MAGIC_BYTES: Final = 8
_CYTOMETRY: Final = (".fcs", ".lmd")
_HTML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+)?html[\s>]", re.IGNORECASE)
_GZIP: Final = b"\x1f\x8b"
_MAGIC: Final = (
    (b"%PDF", "a PDF", "Export the table itself as CSV or XLSX."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and import the files inside."),
)


@dataclass(frozen=True, slots=True)
class _File:
    """Name and content, beside what is kept of the file as delivered: the two differ for gzip."""

    name: str
    data: bytes
    sha256: str
    size_bytes: int

    @property
    def stem(self) -> str:
        name = self.name.removesuffix(".gz")
        return name.rpartition(".")[0] or name

    def source(self, file_format: str) -> SourceFile:
        return SourceFile(sha256=self.sha256, name=self.name, size_bytes=self.size_bytes, format=file_format)


def _refused(file: str, code: str, value: str | None, advice: str) -> RefusedFileError:
    problem = Problem(
        code=code,
        file=file,
        value=value,
        expected="an instrument's export, an RDML, FCS or Vidjil file, a workbook, or a CSV or TSV table",
        advice=advice,
    )
    return RefusedFileError(file, [problem])


def _tables(file: _File, sheets: list[Sheet], findings: list[Finding]) -> Acquired:
    tables, noted = read_tables(file.name, sheets, file.stem)
    source = file.source(" + ".join(dict.fromkeys(columns.match.kind.name for columns in tables)))
    content, more = records_of_tables(tables, stem=file.stem, sha256=source.sha256)
    return Acquired(source=source, findings=tuple(findings + noted + more), **content)


def _rdml(file: _File, xml: bytes, findings: tuple[Finding, ...] = ()) -> Acquired:
    content = rdml.read(file.name, xml, file.sha256)
    return Acquired(
        source=file.source(f"rdml {content.version}"),
        runs=content.runs,
        wells=content.wells,
        curves=content.curves,
        findings=findings + content.findings,
    )


def _fcs(source: SourceFile, held: tuple[Events, ...]) -> Acquired:
    return Acquired(
        source=dataclasses.replace(source, format=f"fcs {held[0].tube.version}"),
        tubes=tuple(events.tube for events in held),
        findings=tuple(finding for events in held for finding in events.findings),
    )


def _vidjil(file: _File) -> Acquired:
    content = vidjil.read(file.name, file.data)
    return Acquired(
        source=file.source(f"vidjil {content.version}".rstrip()),
        repertoires=content.repertoires,
        clone_counts=content.counts,
        findings=content.findings,
    )


def _airr(file: _File, sheet: Sheet, findings: list[Finding]) -> Acquired:
    content = airr.read(file.name, sheet)
    return Acquired(
        source=file.source(content.format),
        repertoires=content.repertoires,
        clone_counts=content.counts,
        findings=(*findings, *content.findings),
    )


def _instrument(file: _File, content: InstrumentContent, findings: Sequence[Finding] = ()) -> Acquired:
    return Acquired(
        source=file.source(content.format),
        runs=content.runs,
        wells=content.wells,
        curves=content.curves,
        findings=(*findings, *content.findings),
    )


def _pages(
    file: _File, layout: Instrument, pages: Sequence[Page], findings: Sequence[Finding] = ()
) -> Acquired:
    reading = Reading(file=file.name, stem=file.stem, sha256=file.sha256, format=layout.name)
    return _instrument(file, layout.read(reading, pages), findings)


def _workbook(file: _File, pages: list[Page]) -> Acquired:
    layout = instrument_of([page.head() for page in pages])
    if layout is not None:
        return _pages(file, layout, pages)
    sheets = workbook.sheets(file.name, pages)
    if (digital := dpcr.read_workbook(file.source(""), sheets)) is not None:
        return digital
    return _tables(file, sheets, [])


def _text(file: _File) -> Acquired:
    layout = instrument_of([text_head(file.data).head()])
    if layout is not None:
        page, findings = text_page(file.name, file.data)
        return _pages(file, layout, [page], findings)
    if (digital := dpcr.read_text(file.source(""), file.data)) is not None:
        return digital
    sheet, findings = delimited.table(file.name, file.data)
    if sheet is not None and (digital := dpcr.read_sheet(file.source(""), sheet, findings)) is not None:
        return digital
    if sheet is not None and airr.is_airr(sheet.header):
        return _airr(file, sheet, findings)
    if sheet is not None:
        dpcr.check_columns(sheet)
    return _tables(file, [sheet] if sheet else [], findings)


def _xml(file: _File) -> Acquired:
    if cfx.is_xml(file.data):
        return _pages(file, CFX, [cfx.xml_page(file.name, file.data)])
    if _HTML.match(file.data[:_BEGINNING]):
        advice = "Open it in the spreadsheet program and save it as XLSX, or export the table as CSV."
        raise _refused(file.name, "file.unknown_format", "a web page", advice)
    return _rdml(file, file.data)


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


def _zipped_texts(file: _File, archive: zipfile.ZipFile) -> Acquired | None:
    """The tables of one run of CFX, exported together; None if they are something else."""
    names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    total = sum(archive.getinfo(name).file_size for name in names)
    if not names or total > size("instrument_text_bytes"):
        return None
    texts = {name: unpack(file.name, archive, name) for name in names}
    if instrument_of([text_head(data).head() for data in texts.values()]) is not CFX:
        return None
    pages: list[Page] = []
    findings: list[Finding] = []
    for name, data in texts.items():
        page, noted = text_page(file.name, data)
        pages.append(Page(cfx.dye_of(name) or name, page.rows))
        findings += noted
    return _pages(file, CFX, pages, findings)


def _zipped(file: _File) -> Acquired:
    archive = open_archive(file.name, file.data)
    names = archive.namelist()
    if eds.recognises(names):
        reading = Reading(file=file.name, stem=file.stem, sha256=file.sha256, format=eds.FORMAT)
        return _instrument(file, eds.read(reading, archive))
    member, findings = _rdml_member(file.name, archive)
    if member is not None:
        return _rdml(file, unpack(file.name, archive, member), findings)
    if "xl/workbook.xml" in names:
        return _workbook(file, workbook.pages(file.name, file.data, archive))
    if (acquired := _zipped_texts(file, archive)) is not None:
        return acquired
    if (digital := dpcr.read_archive(file.source(""), archive)) is not None:
        return digital
    members = ", ".join(names[:5])
    raise _refused(
        file.name,
        "file.unknown_archive",
        f"a zip file with {members or 'nothing'}",
        "Import the files inside.",
    )


def _old_workbook(file: _File) -> Acquired:
    old_workbook.check_extent(file.name, file.data)
    return _workbook(file, workbook.pages(file.name, file.data))


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


def _check_size(name: str, length: int) -> None:
    if length > size("file_bytes"):
        raise _refused(
            name, "file.size", f"{length:,} bytes, more than {size('file_bytes'):,}", "Split the file."
        )


def _read(file: _File) -> Acquired:
    data = file.data
    if not data or data.isspace():
        raise _refused(file.name, "file.empty", "an empty file", "Export it again.")
    for magic, what, advice in _MAGIC:
        if data.startswith(magic):
            raise _refused(file.name, "file.unknown_format", what, advice)
    if is_fcs(data):
        return _fcs(file.source("fcs"), read_fcs(file.name, data))
    try:
        return _told_by_content(file)
    except RefusedFileError:
        if file.name.lower().endswith(_CYTOMETRY):  # the name only chooses the reason of a refusal
            read_fcs(file.name, data)
        raise


def _told_by_content(file: _File) -> Acquired:
    data = file.data
    if data.startswith(old_workbook.MAGIC):
        return _old_workbook(file)
    if data.startswith(b"PK"):
        return _zipped(file)
    if data[:_BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return _xml(file)
    if vidjil.is_json(data):
        return _vidjil(file)
    return _text(file)


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
    _check_size(file, len(data))
    inner = gunzip(file, data) if data.startswith(_GZIP) else data
    with _without_collection():
        return _read(_File(file, inner, hashlib.sha256(data).hexdigest(), len(data)))


def _cytometry(place: Path) -> Acquired:
    """A file of events, which may be larger than memory: mapped, and hashed piece by piece."""
    length = place.stat().st_size
    if length > size("fcs_file_bytes"):
        needed = f"{length:,} bytes, more than {size('fcs_file_bytes'):,}"
        raise _refused(place.name, "file.size", needed, "Export the tubes one by one.")
    with place.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    source = SourceFile(sha256=sha256, name=place.name, size_bytes=length, format="fcs")
    return _fcs(source, read_fcs_path(place))


def is_cytometry(path: str | os.PathLike[str]) -> bool:
    """Whether the file at a path begins like an FCS file, and is therefore mapped and not read whole.

    Parameters
    ----------
    path : str or path-like
        A file.

    Returns
    -------
    bool
        By its first bytes.
    """
    with Path(path).open("rb") as stream:
        return is_fcs(stream.read(_MAGIC_BYTES))


def read_path(path: str | os.PathLike[str]) -> Acquired:
    """Everything that the file at a path says; a cytometry file is mapped and never read whole.

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
        if is_cytometry(place):
            return _cytometry(place)
        _check_size(place.name, length)
        data = place.read_bytes()
    except OSError as error:
        raise NotFoundError(
            where=f"file {place.name}",
            found=(error.strerror or str(error)).lower(),
            needed="a file that can be read",
            advice="Check the path and the permissions.",
        ) from error
    return read(place.name, data)
