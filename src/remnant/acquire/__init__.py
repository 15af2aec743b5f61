"""File to run: what the instrument recorded; nothing interpreted, nothing repaired silently."""

from remnant.acquire.files import is_cytometry, read, read_path
from remnant.acquire.refusal import RefusedFileError

__all__ = ["RefusedFileError", "is_cytometry", "read", "read_path"]
