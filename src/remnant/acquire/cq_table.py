"""Plain tables of quantification cycles: a row is a well.

A word for "not detected" and an empty cell differ: the first says that amplification was looked for and
not found, the second that the file stores no Cq. Copies of a standard need their unit, which is never
guessed; a quantity beside anything but a standard is the instrument's own result and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import polars as pl

from remnant.acquire.aliases import FALSE_WORDS, is_blank_name
from remnant.acquire.cells import means_copies
from remnant.acquire.columns import Kind, Match
from remnant.acquire.sheet import Sheet
from remnant.acquire.tables import Columns, problem_at, repeated, subject
from remnant.records.finding import Finding, Problem
from remnant.records.run import Run, Well

__all__ = ["problems_of_rows", "records", "runs", "without_empty_wells"]

_NTC: Final = "NTC"
_CONTENT: Final = ("sample", "target", "cq", "quantity", "standard_copies")
_INCLUDED: Final = frozenset(FALSE_WORDS)


def without_empty_wells(sheet: Sheet, match: Match) -> tuple[Sheet, list[Finding]]:
    """The table without the rows of wells that hold nothing, as instruments list them.

    Parameters
    ----------
    sheet : Sheet
        The table.
    match : Match
        Which column is which.

    Returns
    -------
    sheet : Sheet
        Rows with a sample, a target, an amount or a Cq.
    findings : list of Finding
        How many others there were.
    """
    held = [str(match.places[name]) for name in _CONTENT if name in match.places]
    filled = pl.any_horizontal(pl.col(held).fill_null("") != "")
    if "type" in match.places:
        kind = pl.col(str(match.places["type"])).fill_null("").str.to_lowercase()
        filled = filled | ~kind.is_in(["", "unknown", "unkn", "empty"])
    kept = sheet.cells.select(filled).to_series()
    empty = len(kept) - int(kept.sum())
    if not empty or empty == len(kept):
        return sheet, []
    rows = tuple(row for row, keep in zip(sheet.rows, kept.to_list(), strict=True) if keep)
    finding = Finding(
        code="cq.empty_wells",
        severity="note",
        subject=f"file {sheet.file}",
        message=f"{empty} rows hold a place and no sample, target or Cq: wells that are empty.",
    )
    return replace(sheet, rows=rows, cells=sheet.cells.filter(kept)), [finding]


def _run_ids(columns: Columns, stem: str) -> list[str]:
    return columns.get("run_id", stem)


def _positions(columns: Columns) -> list[str | None]:
    if "well" in columns.values:
        return columns.values["well"]
    return [str(row) for row in columns.sheet.rows]


def _given(columns: Columns) -> list[Any]:
    """Amounts as given, from whichever of the two columns has them."""
    return columns.get("quantity" if "quantity" in columns.values else "standard_copies")


def _file_problems(columns: Columns) -> list[Problem]:
    """What the columns together cannot say."""
    sheet, has = columns.sheet, columns.values.keys()
    problems = []
    if {"quantity", "standard_copies"} <= has:
        problems.append(("one column with the copies of standards", "Delete quantity or standard_copies."))
    elif {"quantity", "standard_copies"} & has and "type" not in has:
        problems.append(
            ("a column type that tells which wells are standards", "Add it: standard, unknown, ntc ...")
        )
    found = [
        problem_at(
            sheet,
            "cq.quantity_columns",
            expected,
            advice,
            row=sheet.header_row,
            value=", ".join(sheet.header),
        )
        for expected, advice in problems
    ]
    if sheet.rows and not any(
        text for text in sheet.cells[str(columns.match.places["cq"])].unique().to_list()
    ):
        found.append(
            problem_at(
                sheet, "cq.none_stored", "at least one Cq", "Export the table with its Cq.", column="cq"
            )
        )
    return found


def _written(columns: Columns) -> list[str | None]:
    """Amounts as they stand in the file, read or not."""
    name = "quantity" if "quantity" in columns.values else "standard_copies"
    if name not in columns.values:
        return [None] * len(columns.sheet.rows)
    return columns.sheet.cells[str(columns.match.places[name])].to_list()


def _standard_problem(columns: Columns, amount: float | None, unit: str | None, row: int) -> Problem | None:
    sheet = columns.sheet
    if amount is None:
        by_unit = "quantity" in columns.values
        return problem_at(
            sheet,
            "cq.standard_without_copies",
            "copies in the well of a standard",
            f"Fill in {'quantity and unit' if by_unit else 'the copies'}, or change the type of the well.",
            row=row,
            column="quantity" if by_unit else "standard_copies",
        )
    if "standard_copies" in columns.values or (unit is not None and means_copies(unit)):
        return None
    return problem_at(
        sheet,
        "cq.standard_unit",
        "the unit copies beside the quantity of a standard",
        "Write copies if that is what the quantity counts; a unit is never guessed.",
        row=row,
        column="unit",
        value=unit,
    )


def _nameless(columns: Columns, row: int) -> Problem:
    return problem_at(
        columns.sheet,
        "cell.empty",
        "a name for the sample; only a well of type ntc may have none",
        "Fill the cell, or delete the row of a well that is empty; it is never guessed.",
        row=row,
        column="sample",
    )


def problems_of_rows(
    columns: Columns, kind: Kind, seen: dict[tuple[Any, ...], tuple[str | None, int]], stem: str
) -> Iterator[Problem]:
    """Rows that contradict themselves or repeat another.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    seen : dict
        Keys of earlier sheets of the same file.
    stem : str
        Name of the run if the table has none.

    Yields
    ------
    Problem
        Wells without a name, standards without copies or unit, wells that stand twice.
    """
    yield from _file_problems(columns)
    rows = zip(
        columns.sheet.rows,
        columns.get("type"),
        columns.get("sample"),
        _given(columns),
        _written(columns),
        columns.get("unit"),
        strict=True,
    )
    for row, well_kind, sample, amount, written, unit in rows:
        if sample is None and well_kind != "ntc":
            yield _nameless(columns, row)
        wrong = _standard_problem(columns, amount, unit, row) if well_kind == "standard" else None
        unread = amount is None and bool(written)  # a cell that could not be read is its own problem
        if wrong is not None and not unread:
            yield wrong
    keys = [
        None if None in key else key
        for key in zip(_run_ids(columns, stem), _positions(columns), columns.get("target"), strict=True)
    ]
    yield from repeated(
        columns,
        kind.key,
        keys,
        seen,
        advice="Delete one of the rows, or correct the place; where plates stand below one another, give each its own run_id.",
    )


def records(columns: Columns, stem: str) -> tuple[list[Well], list[Finding]]:
    """Wells of a table without problems.

    Parameters
    ----------
    columns : Columns
        The values.
    stem : str
        Name of the run if the table has none.

    Returns
    -------
    wells : list of Well
        One a row.
    findings : list of Finding
        What the table leaves open.
    """
    kinds = ["unknown" if kind is None else kind for kind in columns.get("type")]
    blanks = 0
    if "type" not in columns.values:
        kinds = ["ntc" if is_blank_name(sample or "") else "unknown" for sample in columns.get("sample")]
        blanks = kinds.count("ntc")
    amounts = _given(columns)
    cells: list[float | bool | None] = columns.get("cq")
    wells = [
        Well(
            run_id=run,
            position=place,
            target=target,
            sample=sample or _NTC,
            kind=kind,
            detected=None if cell is None else cell is not False,
            cq=None if cell is False else cell,
            standard_copies=amount if kind == "standard" else None,
            cdna_ul=volume,
            dilution=1.0 if dilution is None else dilution,
            excluded=None if excluded is None or excluded.casefold() in _INCLUDED else excluded,
            replicate=replicate,
        )
        for run, place, target, sample, kind, cell, amount, volume, dilution, excluded, replicate in zip(
            _run_ids(columns, stem),
            _positions(columns),
            columns.get("target"),
            columns.get("sample"),
            kinds,
            cells,
            amounts,
            columns.get("cdna_ul"),
            columns.get("dilution"),
            columns.get("excluded"),
            columns.get("replicate"),
            strict=True,
        )
    ]
    unread = sum(
        amount is not None and kind != "standard" for amount, kind in zip(amounts, kinds, strict=True)
    )
    return wells, _findings(columns, stem, without_cq=cells.count(None), unread=unread, blanks=blanks)


def _findings(columns: Columns, stem: str, *, without_cq: int, unread: int, blanks: int) -> list[Finding]:
    has = columns.values.keys()
    sheet = columns.sheet
    noted = (
        (
            "run_id" not in has,
            "cq.run_named_after_file",
            f"There is no column run_id: the table is run {stem}.",
        ),
        ("well" not in has, "cq.no_positions", "There is no column well: row numbers are the positions."),
        (
            "type" not in has,
            "cq.no_kinds",
            "There is no column type: every well is an unknown"
            + (" but those named NTC." if blanks else "."),
        ),
        (
            blanks > 0,
            "cq.blank_by_name",
            f"{blanks} wells are named as no-template controls are: read as such.",
        ),
        (
            None in columns.get("sample"),
            "cq.ntc_named",
            f"Wells of type ntc without a name are named {_NTC}.",
        ),
        (
            unread > 0,
            "cq.quantity_not_read",
            f"{unread} quantities of wells that are no standards were not read; they are results.",
        ),
        (
            without_cq > 0,
            "cq.not_stored",
            f"{without_cq} of {len(sheet.rows)} wells have an empty Cq: not counted as not detected.",
        ),
    )
    return [
        Finding(
            code=code,
            severity="warning" if code == "cq.not_stored" else "note",
            subject=subject(sheet),
            message=message,
        )
        for applies, code, message in noted
        if applies
    ]


def runs(wells: list[Well], source_sha256: str) -> list[Run]:
    """Runs that wells name, in the order of their first well.

    Parameters
    ----------
    wells : list of Well
        Wells of one file.
    source_sha256 : str
        Hash of the file.

    Returns
    -------
    list of Run
        Known by their id only; a run sheet tells the rest.
    """
    return [
        Run(run_id=run_id, source_sha256=source_sha256) for run_id in dict.fromkeys(w.run_id for w in wells)
    ]
