"""File to run: what the instrument recorded; nothing interpreted, nothing repaired silently."""

from remnant.acquire.files import read, read_path
from remnant.acquire.refusal import RefusedFileError

__all__ = ["RefusedFileError", "read", "read_path"]
