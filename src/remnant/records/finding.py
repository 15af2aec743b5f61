"""What was noticed: not an error, never silent, with a stable code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Problem", "Severity", "material_subject"]

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
        What it is about: ``"run R-07"``, ``"sample S-014"``, ``"cDNA C-094"``, ``"well R-07:B03"``, ``"file plate.rdml"``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a file is refused, and how to mend it.

    Attributes
    ----------
    code : str
        Stable, dotted, for example ``"cell.date_ambiguous"``.
    file : str
        File name without folders.
    sheet : str or None
        Sheet of a workbook, or experiment and run of an RDML file.
    row : int or None
        Row as the spreadsheet counts it; the header is row 1 of most files.
    column : str or None
        Column as the file writes it, or the element of an RDML file.
    value : str or None
        What stands there.
    expected : str
        What would have been accepted.
    advice : str
        How to mend it.
    """

    code: str
    file: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str
    advice: str


def material_subject(name: str, sample_id: str | None) -> str:
    """Subject of a finding on what is in a well.

    Parameters
    ----------
    name : str
        As the well names it.
    sample_id : str or None
        Sample that the name leads to; None or empty for a name that no table holds.

    Returns
    -------
    str
        A cDNA where the name is a code of its own, else a sample.

    Examples
    --------
    >>> material_subject("C-094", "S-014"), material_subject("S-014", "S-014"), material_subject("X", None)
    ('cDNA C-094', 'sample S-014', 'sample X')
    """
    return f"cDNA {name}" if sample_id and name != sample_id else f"sample {name}"
