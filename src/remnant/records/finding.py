"""What was noticed: not an error, never silent, with a stable code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["note", "warning", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a reader of the result should know.

    Attributes
    ----------
    code : str
        Stable, dotted, for example ``"qpcr.replicate_outlier"``; listed in ``knowledge/findings.toml``.
    severity : Severity
        ``note`` informs, ``warning`` lowers trust, ``failure`` blocks the result it names.
    subject : str
        What it is about: ``"run R-07"``, ``"sample S-014"``, ``"well R-07:B03"``, ``"file plate.rdml"``.
    message : str
        One sentence: what was found and what it means.
    where : str or None
        File, sheet, row, column.
    found, needed, advice : str or None
        As in an error, where they help.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    where: str | None = None
    found: str | None = None
    needed: str | None = None
    advice: str | None = None
