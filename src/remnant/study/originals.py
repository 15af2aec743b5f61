"""Imported files, byte for byte, under the hash of their content.

A file is written beside its place, forced to disk and moved there, so that a half-written original never
carries its final name. Originals are never changed or deleted; a file that is retracted stays here.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from remnant.errors import NotFoundError, StorageError
from remnant.study.connection import plain_errors
from remnant.study.handle import Study

__all__ = ["keep_original", "original_bytes", "sha256_of"]


def sha256_of(data: bytes) -> str:
    """Hash under which a file is kept.

    Parameters
    ----------
    data : bytes
        Content.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Examples
    --------
    >>> sha256_of(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def keep_original(study: Study, data: bytes) -> Path | None:
    """Write an original durably.

    Parameters
    ----------
    study : Study
        The study.
    data : bytes
        Content.

    Returns
    -------
    pathlib.Path or None
        Where it was written; None if it was there already.

    Raises
    ------
    StorageError
        If the disk is full or cannot be written.
    """
    path = study.originals / sha256_of(data)
    if path.exists():
        return None
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with plain_errors(str(study.originals)):
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(study.originals)
    return path


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
