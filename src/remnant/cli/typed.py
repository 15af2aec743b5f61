"""Commands that an answer tells people to type: they can be copied to a shell as they stand."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["typed"]

_PLAIN: Final = re.compile(r"[\w@%+=:,./\\~-]+")


def typed(*words: object) -> str:
    """A command of remnant between backticks, names with spaces or signs in quotation marks.

    Parameters
    ----------
    *words : object
        Command, paths and options.

    Returns
    -------
    str
        What a shell takes as these words; double quotation marks hold on Windows too.

    Examples
    --------
    >>> typed("run", "Größe/aml"), typed("run", "my study")
    ('`remnant run Größe/aml`', '`remnant run "my study"`')
    """
    return f"`remnant {' '.join(map(_quoted, map(str, words)))}`"


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r'(["$`])', r"\\\1", word)
    return f'"{escaped}"'
