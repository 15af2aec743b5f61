"""Imported files, byte for byte, under the hash of their content.

A file is written beside its place, forced to disk and moved there, so that a half-written original never
carries its final name. Originals are never changed or deleted; a file that is retracted stays here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from remnant.errors import NotFoundError, StorageError
from remnant.study.connection import plain_errors
from remnant.study.handle import Study

__all__ = ["keep_original", "original_bytes", "sha256_of"]

_PIECE: Final = 1 << 20


def sha256_of(data: bytes | Path) -> str:
    """Hash under which a file is kept.

    Parameters
    ----------
    data : bytes or pathlib.Path
        Content, or a file that is hashed piece by piece.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Examples
    --------
    >>> sha256_of(b"")[:8]
    'e3b0c442'
    """
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    with data.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def keep_original(study: Study, data: bytes | Path, *, sha256: str) -> Path | None:
    """Write an original durably.

    Parameters
    ----------
    study : Study
        The study.
    data : bytes or pathlib.Path
        Content, or a file that is copied piece by piece.
    sha256 : str
        Hash of the content as it was read.

    Returns
    -------
    pathlib.Path or None
        Where it was written; None if it was there already.

    Raises
    ------
    StorageError
        If the disk is full or cannot be written, or the file changed since it was read.
    """
    path = study.originals / sha256
    if path.exists():
        return None
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with plain_errors(str(study.originals)):
            written = _written(temporary, data)
        if written != sha256:
            raise StorageError(
                where=data.name if isinstance(data, Path) else f"original {sha256[:12]}…",
                found="other bytes than were read a moment ago",
                needed="a file that does not change while it is imported",
                advice="Wait until the instrument has written it, and import it again.",
            )
        with plain_errors(str(study.originals)):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with plain_errors(str(study.originals)):
        _sync_folder(study.originals)
    return path


def _written(path: Path, data: bytes | Path) -> str:
    """Hash of what was written and forced to disk."""
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for piece in _pieces(data):
            digest.update(piece)
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def _pieces(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    with data.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def original_bytes(study: Study, sha256: str) -> bytes:
    """Content of an imported file, as it was delivered.

    Parameters
    ----------
    study : Study
        The study.
    sha256 : str
        Its hash.

    Returns
    -------
    bytes
        The content, checked against the hash.

    Raises
    ------
    NotFoundError
        If it is not there.
    StorageError
        If its content was changed.
    """
    path = study.originals / sha256
    if not path.is_file():
        raise NotFoundError(
            where=str(study.originals),
            found=f"no {sha256[:12]}…",
            needed="the original that the study imported",
            advice="Restore it from a backup.",
        )
    with plain_errors(str(path)):
        data = path.read_bytes()
    if sha256_of(data) != sha256:
        raise StorageError(
            where=str(path),
            found="other bytes than were imported",
            needed=f"content with the hash {sha256[:12]}…",
            advice="Restore it from a backup.",
        )
    return data


def _sync_folder(folder: Path) -> None:
    """Force the new name to disk; Windows cannot open a folder and does not need it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
