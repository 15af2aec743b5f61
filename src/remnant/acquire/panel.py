"""Panels: a small table that says which channel measures which antigen.

Columns ``channel`` and ``antigen``, and if wanted ``clone``; CSV or TSV.
"""

from __future__ import annotations

from remnant.acquire.delimited import table
from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Problem
from remnant.records.flow import PanelChannel

__all__ = ["read_panel"]


def read_panel(name: str, data: bytes) -> tuple[PanelChannel, ...]:
    r"""Panel from a table.

    Parameters
    ----------
    name : str
        File name, for messages.
    data : bytes
        Content.

    Returns
    -------
    tuple of PanelChannel
        One a row.

    Raises
    ------
    RefusedFileError
        With every problem of the table.

    Examples
    --------
    >>> read_panel("panel.csv", b"channel;antigen\nPE-A;CD10\n")[0].antigen
    'CD10'
    """
    sheet, _ = table(name, data)
    header = [] if sheet is None else [column.strip().lower() for column in sheet.header]
    missing = [column for column in ("channel", "antigen") if column not in header]
    if sheet is None or missing:
        raise RefusedFileError(
            name,
            [
                Problem(
                    code="panel.column",
                    file=name,
                    column=column,
                    expected="columns channel and antigen",
                    advice="Write which channel measures which antigen.",
                )
                for column in missing
            ],
        )
    problems = list(sheet.problems)
    rows = [dict(zip(header, row, strict=False)) for row in sheet.cells.rows()]
    for number, row in zip(sheet.rows, rows, strict=True):
        problems += [
            Problem(
                code="panel.empty",
                file=name,
                row=number,
                column=column,
                expected="a name",
                advice="Fill the cell or leave the row out.",
            )
            for column in ("channel", "antigen")
            if not row[column]
        ]
    if problems:
        raise RefusedFileError(name, problems)
    return tuple(
        PanelChannel(channel=row["channel"], antigen=row["antigen"], clone=row.get("clone") or "")
        for row in rows
    )
