"""The tables of one file, judged together and turned into records.

A workbook may hold several kinds of table, and one kind on several sheets. A sheet of no known kind is
passed over with a finding if another sheet is one, and refused if none is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from remnant.acquire import clinical, cq_table, fish, igtr, reported
from remnant.acquire.columns import KindName
from remnant.acquire.refusal import RefusedFileError, gather
from remnant.acquire.sheet import Sheet
from remnant.acquire.tables import Columns, matched, nearest_kinds, problem_at, read_columns, subject
from remnant.records.finding import Finding, Problem

__all__ = ["DESCRIPTION_HEADER", "Tables", "read_tables", "records_of_tables"]

DESCRIPTION_HEADER: Final = ("column", "needed", "accepts", "meaning", "other names")
"""Header of the sheet of a template that describes its columns; it is not read."""

_FIELDS: Final[dict[KindName, str]] = {
    "cdna": "cdnas",
    "reported values": "reported",
    "cq table": "wells",
    "igtr wells": "igtr_wells",
    "plate layout": "plate_wells",
    "fish scores": "fish_counts",
    "sort purity": "sort_purities",
    "index sort": "sort_purities",
    "fraction markers": "fraction_markers",
    "antigen counts": "antigen_counts",
    "tubes": "tube_uses",
}

Tables = list[Columns]


def _row_problems(
    columns: Columns, seen: dict[KindName, dict[tuple[Any, ...], tuple[str | None, int]]], stem: str
) -> Iterator[Problem]:
    kind = columns.match.kind
    keys = seen.setdefault(kind.name, {})
    if kind.name == "cq table":
        return cq_table.problems_of_rows(columns, kind, keys, stem)
    if kind.name == "igtr wells":
        return igtr.problems_of_rows(columns, kind, keys)
    if kind.name == "reported values":
        return reported.problems_of_rows(columns, kind, keys)
    if kind.name in fish.KIND_NAMES:
        return fish.problems_of_rows(columns, kind, keys)
    return clinical.problems_of_rows(columns, kind, keys)


def _without_rows(tables: Tables) -> tuple[list[Problem], list[Finding]]:
    """Sheets with a header only: a problem if there is nothing else, a finding otherwise."""
    empty = [table.sheet for table in tables if not table.sheet.rows and not table.sheet.problems]
    if len(empty) < len(tables):
        return [], [
            Finding(
                code="table.no_rows",
                severity="note",
                subject=subject(sheet),
                message="The sheet has a header and no rows.",
            )
            for sheet in empty
        ]
    return [
        problem_at(
            sheet, "sheet.no_rows", "rows below the header", "Fill the table in.", row=sheet.header_row
        )
        for sheet in empty
    ], []


def _not_read(sheet: Sheet) -> Finding:
    return Finding(
        code="table.sheet_not_read",
        severity="warning",
        subject=subject(sheet),
        message="The sheet is no known kind of table and was not read.",
        found=", ".join(sheet.header[:20]),
    )


def read_tables(file: str, sheets: list[Sheet], stem: str) -> tuple[Tables, list[Finding]]:
    """Tables of a file with every cell read.

    Parameters
    ----------
    file : str
        File name.
    sheets : list of Sheet
        Sheets with content.
    stem : str
        Name of the run of a Cq table that names none.

    Returns
    -------
    tables : list of Columns
        At least one.
    findings : list of Finding
        What was not read, or read otherwise than it stands.

    Raises
    ------
    RefusedFileError
        With every problem of all sheets, or if no sheet is a known kind of table.
    """
    tables: Tables = []
    problems: list[Problem] = []
    unlisted = 0
    findings: list[Finding] = []
    other: list[Sheet] = []
    seen: dict[KindName, dict[tuple[Any, ...], tuple[str | None, int]]] = {}
    for sheet in sheets:
        match, twice, noted = matched(sheet)
        if match is None:
            other += [sheet] if sheet.header != DESCRIPTION_HEADER else []
            continue
        if match.kind.name == "cq table":
            sheet, empty_wells = cq_table.without_empty_wells(sheet, match)  # noqa: PLW2901  the same table, fewer rows
            findings += empty_wells
        columns, bad_cells, more = read_columns(sheet, match)
        all_of_sheet = chain(twice, sheet.problems, bad_cells, _row_problems(columns, seen, stem))
        unlisted += gather(all_of_sheet, problems) + sheet.unlisted
        findings += noted + more
        tables.append(columns)
    no_rows, empty = _without_rows(tables)
    problems += no_rows if tables else map(nearest_kinds, other)
    if not tables and not problems:
        problems.append(
            Problem(
                code="file.no_table",
                file=file,
                expected="a table with a header",
                advice="Export it again; there is no row with content.",
            )
        )
    if problems:
        raise RefusedFileError(file, problems, unlisted=unlisted)
    return tables, findings + empty + [_not_read(sheet) for sheet in other]


def records_of_tables(
    tables: Tables, *, stem: str, sha256: str
) -> tuple[dict[str, tuple[Any, ...]], list[Finding]]:
    """Records of the tables of a file.

    Parameters
    ----------
    tables : list of Columns
        What `read_tables` gave.
    stem : str
        Name of the run of a Cq table that names none.
    sha256 : str
        Hash of the file, kept with a run.

    Returns
    -------
    content : dict of str to tuple of records
        By field of `Acquired`.
    findings : list of Finding
        What the tables leave open.
    """
    content: dict[str, list[Any]] = {}
    findings: list[Finding] = []
    for columns in tables:
        kind = columns.match.kind
        target = content.setdefault(_FIELDS.get(kind.name, kind.name), [])
        if kind.name == "cq table":
            wells, noted = cq_table.records(columns, stem)
            target += wells
            findings += noted
        elif kind.name == "igtr wells":
            target += igtr.records(columns)
        elif kind.name == "reported values":
            target += reported.records(columns, kind)
        elif kind.name in fish.KIND_NAMES:
            target += fish.records(columns, kind)
        else:
            target += clinical.records(columns, kind, sha256)
    if "wells" in content:
        runs = content.setdefault("runs", [])
        described = {run.run_id for run in runs}
        runs += [run for run in cq_table.runs(content["wells"], sha256) if run.run_id not in described]
    return {name: tuple(records) for name, records in content.items()}, findings
