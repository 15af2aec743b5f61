"""Zip and gzip files, opened with suspicion.

Every member is unpacked once in small pieces and its checksum compared before anything is believed; a
member that unpacks to more than it declares fails its checksum, so that the declared sizes bound the memory.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from remnant.acquire.limits import size
from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Problem

__all__ = ["CHUNK_BYTES", "chunks", "gunzip", "open_archive", "unpack"]

CHUNK_BYTES: Final = 1 << 20
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
)


def _damaged(file: str, error: Exception) -> RefusedFileError:
    return RefusedFileError(
        file,
        [
            Problem(
                code="file.damaged_zip",
                file=file,
                value=str(error) or type(error).__name__,
                expected="a complete zip file without password",
                advice="Copy or export the file again; it was cut or changed on the way.",
            )
        ],
    )


def open_archive(file: str, data: bytes) -> zipfile.ZipFile:
    """Zip file whose table of contents is sound and small enough.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        Content.

    Returns
    -------
    zipfile.ZipFile
        Open for reading; nothing is unpacked yet.

    Raises
    ------
    RefusedFileError
        If it is damaged, or would unpack to more than the limits.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise _damaged(file, error) from error
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    names = {member.filename for member in members}
    problems = [
        Problem(
            code=code,
            file=file,
            value=f"{value:,}",
            expected=f"at most {size(limit):,} {what}",
            advice="Check where the file comes from, or split it.",
        )
        for code, value, limit, what in (
            ("file.unpacked_size", total, "unpacked_bytes", "bytes after unpacking"),
            ("file.members", len(members), "archive_members", "members"),
        )
        if value > size(limit)
    ]
    if len(names) < len(members):
        problems.append(
            Problem(
                code="file.member_twice",
                file=file,
                value=f"{len(members) - len(names)} members with the name of another",
                expected="each member once",
                advice="Export the file again; it is ambiguous which part counts.",
            )
        )
    if problems:
        raise RefusedFileError(file, problems)
    return archive


def chunks(file: str, archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """Pieces of one unpacked member, at most `CHUNK_BYTES` each.

    Parameters
    ----------
    file : str
        Name for messages.
    archive : zipfile.ZipFile
        What `open_archive` gave.
    member : str
        Name of the member.

    Yields
    ------
    bytes
        The next piece.

    Raises
    ------
    RefusedFileError
        If the member is damaged or encrypted; at the latest after its last piece.
    """
    try:
        with archive.open(member) as stream:
            while piece := stream.read(CHUNK_BYTES):
                yield piece
    except _DAMAGED as error:
        raise _damaged(file, error) from error


def unpack(file: str, archive: zipfile.ZipFile, member: str) -> bytes:
    """One member, unpacked.

    Parameters
    ----------
    file : str
        Name for messages.
    archive : zipfile.ZipFile
        What `open_archive` gave.
    member : str
        Name of the member.

    Returns
    -------
    bytes
        Its content, checksum compared.

    Raises
    ------
    RefusedFileError
        If the member is damaged or encrypted.
    """
    held = io.BytesIO()
    for piece in chunks(file, archive, member):
        held.write(piece)
    return held.getvalue()


def gunzip(file: str, data: bytes) -> bytes:
    """Content of a gzip file of one member.

    Parameters
    ----------
    file : str
        Name for messages.
    data : bytes
        Content.

    Returns
    -------
    bytes
        The member, checksum compared.

    Raises
    ------
    RefusedFileError
        If it is damaged, holds several members, or unpacks to more than a file may have.
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        inside = unpacker.decompress(data, size("file_bytes") + 1)
    except zlib.error as error:
        raise _gzip_refused(file, str(error)) from error
    if len(inside) > size("file_bytes"):
        raise _gzip_refused(file, f"more than {size('file_bytes'):,} bytes after unpacking")
    if not unpacker.eof:
        raise _gzip_refused(file, "a gzip file that was cut")
    if unpacker.unused_data:
        raise _gzip_refused(file, "a gzip file with something behind its first member")
    return inside


def _gzip_refused(file: str, value: str) -> RefusedFileError:
    problem = Problem(
        code="file.damaged_gzip",
        file=file,
        value=value,
        expected="a complete gzip file of one member, of at most the size of a file",
        advice="Unpack it and import the file inside.",
    )
    return RefusedFileError(file, [problem])
