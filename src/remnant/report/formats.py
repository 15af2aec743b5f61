"""Tables and dossiers as files that other programs read.

CSV is UTF-8 with a dot as decimal sign. A text cell that a spreadsheet would take for a formula (it starts
with ``= + - @``, a tab or a carriage return) gets an apostrophe in front; numbers are never touched.
"""

from __future__ import annotations

import io
import json
from typing import Final

import polars as pl

from remnant.records import codec
from remnant.records.dossier import Dossier

__all__ = ["csv", "dossier_json", "neutralised", "parquet"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def neutralised(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    Parameters
    ----------
    text : str
        Content of a cell.

    Returns
    -------
    str
        With an apostrophe in front if needed.

    Examples
    --------
    >>> neutralised("=1+1"), neutralised("P-001")
    ("'=1+1", 'P-001')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv(frame: pl.DataFrame) -> str:
    """Table as CSV for spreadsheets.

    Parameters
    ----------
    frame : polars.DataFrame
        Flat table.

    Returns
    -------
    str
        With a header; missing values are empty.

    Examples
    --------
    >>> print(csv(pl.DataFrame({"patient": ["@P-1", None], "log10": [-1.5, 2.0]})), end="")
    patient,log10
    '@P-1,-1.5
    ,2.0
    """
    text = [name for name, kind in frame.schema.items() if kind == pl.String()]
    safe = frame.with_columns(pl.col(name).map_elements(neutralised, return_dtype=pl.String) for name in text)
    return safe.rename({name: neutralised(name) for name in safe.columns}).write_csv()


def parquet(frame: pl.DataFrame) -> bytes:
    """Table as Parquet.

    Parameters
    ----------
    frame : polars.DataFrame
        Any table.

    Returns
    -------
    bytes
        File.
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def dossier_json(dossier: Dossier) -> str:
    """Everything that is known of a patient, evidence included.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    str
        JSON, indented; `remnant.records.codec.from_json` reads it back without loss.
    """
    return json.dumps(codec.to_dict(dossier), ensure_ascii=False, indent=1) + "\n"
