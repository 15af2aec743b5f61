"""From a sheet to typed columns, and from columns to records.

All problems of all cells are gathered before anything is judged. What is read otherwise than it stands
(look-alike letters) or not at all (unknown columns) is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import polars as pl

from remnant.acquire.aliases import latin, mixes_scripts
from remnant.acquire.cells import CellError, ambiguous_comma, decimal_comma, decimal_point, parser
from remnant.acquire.columns import Column, Kind, Match, identify
from remnant.acquire.limits import range_of
from remnant.acquire.sheet import Sheet
from remnant.records.finding import Finding, Problem

__all__ = [
    "PATTERN",
    "Columns",
    "in_order",
    "matched",
    "nearest_kinds",
    "problem_at",
    "read_columns",
    "records_of",
    "repeated",
    "subject",
]

PATTERN: Final = re.compile(r"([0-9]+[RGFOYA])+")
"""A column of a wide score sheet that holds the nuclei of a signal pattern."""
_NUMERIC: Final = ("number", "whole number", "cq", "value")
_DIGITS: Final = r"^[0-9]{1,15}(\.[0-9]{0,15})?$"
_LONGEST_SHOWN: Final = 300
_SYMBOLS: Final = ("target", "control")
_CODES: Final = ("patient_id", "sample_id", "sample", "cdna_id", "run_id", "fraction_id")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """A sheet with its cells read.

    Attributes
    ----------
    sheet : Sheet
        Where they came from.
    match : Match
        Which column is which.
    values : dict of str to list
        Values by column name; None where a cell is missing or was refused.
    """

    sheet: Sheet
    match: Match
    values: dict[str, list[Any]]

    def get(self, name: str, default: Any = None) -> list[Any]:
        """Values of one column.

        Parameters
        ----------
        name : str
            Column name.
        default : object, default None
            What each row holds if the file has no such column.

        Returns
        -------
        list
            One value a row.
        """
        return self.values.get(name) or [default] * len(self.sheet.rows)


def problem_at(sheet: Sheet, code: str, expected: str, advice: str, **place: Any) -> Problem:
    """Problem with a place in a sheet.

    Parameters
    ----------
    sheet : Sheet
        Names file and sheet.
    code, expected, advice : str
        As in `Problem`.
    **place : object
        Row, column and value, as in `Problem`.

    Returns
    -------
    Problem
        The record.
    """
    value = place.pop("value", None)
    if value is not None and len(value) > _LONGEST_SHOWN:
        value = f"{value[:_LONGEST_SHOWN]}…"
    return Problem(
        code=code,
        file=sheet.file,
        sheet=sheet.name,
        value=value,
        expected=expected,
        advice=advice,
        **place,
    )


def nearest_kinds(sheet: Sheet) -> Problem:
    """Problem of a sheet that is no known kind of table.

    Parameters
    ----------
    sheet : Sheet
        The sheet.

    Returns
    -------
    Problem
        Names the kinds whose columns are nearest, and which they lack.
    """
    nearest = identify(sheet.header)[1]
    lacks = "; ".join(f"{kind.name} lacks {', '.join(missing)}" for kind, missing in nearest)
    return problem_at(
        sheet,
        "sheet.unknown_kind",
        "the columns of one kind of table" + (f" (nearest: {lacks})" if lacks else ""),
        "Start from an empty table of the kind: `remnant templates FOLDER` writes one of each, with its columns.",
        row=sheet.header_row,
        value=", ".join(sheet.header[:20]),
    )


def matched(sheet: Sheet) -> tuple[Match | None, list[Problem], list[Finding]]:
    """Kind of a sheet, with what its header does not tell.

    Parameters
    ----------
    sheet : Sheet
        The sheet.

    Returns
    -------
    match : Match or None
        None if it is no known kind.
    problems : list of Problem
        Columns that stand twice.
    findings : list of Finding
        Columns that are not read, look-alike letters, remarks.
    """
    match, _ = identify(sheet.header)
    if match is None:
        return None, [], []
    problems = [
        problem_at(
            sheet,
            "sheet.column_twice",
            f"one column for {name}",
            "Delete or rename the others.",
            row=sheet.header_row,
            column=name,
            value=", ".join(sheet.header[i] for i in places),
        )
        for name, places in match.twice
    ]
    return match, problems, list(_header_findings(sheet, match))


def subject(sheet: Sheet) -> str:
    """What a finding about a sheet is about.

    Parameters
    ----------
    sheet : Sheet
        The sheet.

    Returns
    -------
    str
        File and sheet.
    """
    return f"file {sheet.file}" + (f", sheet {sheet.name}" if sheet.name else "")


def _header_findings(sheet: Sheet, match: Match) -> Iterator[Finding]:
    known = PATTERN.fullmatch if match.kind.name == "fish scores" else lambda _: None
    named = [sheet.header[i] for i in match.unknown if sheet.header[i] and not known(sheet.header[i])]
    unnamed = [
        i + 1
        for i in match.unknown
        if not sheet.header[i] and (sheet.cells[str(i)].fill_null("") != "").any()
    ]
    mixed = [sheet.header[i] for i in match.places.values() if mixes_scripts(sheet.header[i])]
    noted = (
        (
            named,
            "table.unknown_column",
            "warning",
            "Columns that a table of {kind} does not have were not read: {what}.",
        ),
        (unnamed, "table.unnamed_column", "warning", "Columns without a name were not read: number {what}."),
        (
            mixed,
            "table.lookalike_letters",
            "note",
            "Column names mix Cyrillic and Latin letters and were read as Latin: {what}.",
        ),
        (list(sheet.remarks), "table.remarks", "note", "Rows that begin with '# ' were not read: {what}."),
    )
    for items, code, severity, message in noted:
        if items:
            yield Finding(
                code=code,
                severity="warning" if severity == "warning" else "note",
                subject=subject(sheet),
                message=message.format(
                    kind=match.kind.name, what=", ".join(str(item)[:60] for item in items)
                ),
                where=f"row {sheet.header_row}" if code != "table.remarks" else None,
            )


def _plain_numbers(uniques: pl.Series, column: Column) -> dict[str, float]:
    """Numbers in range that need no thought, read as a column: almost all of a large table."""
    bounds = range_of(column.name)
    plain = uniques.filter(uniques.str.contains(_DIGITS))
    numbers = zip(plain.to_list(), plain.cast(pl.Float64).to_list(), strict=True)
    return {text: number for text, number in numbers if bounds is None or number in bounds}


def _parsed(
    uniques: pl.Series, column: Column, parse: Callable[[str], Any]
) -> tuple[dict[str, Any], dict[str, CellError]]:
    good: dict[str, Any] = _plain_numbers(uniques, column) if column.accepts in {"number", "cq"} else {}
    bad: dict[str, CellError] = {}
    for text in uniques.to_list():
        if text in good:
            continue
        try:
            good[text] = parse(text)
        except CellError as error:
            bad[text] = error
    return good, bad


def _with_comma(texts: pl.Series) -> list[str]:
    return texts.filter(texts.str.contains(",", literal=True)).unique().to_list()


def _fill(name: str) -> str:
    """What to do about an empty cell; a result below detection is a limit, and never an empty cell."""
    limit = " Write a result below detection as its limit, such as < 0.003." if name == "value" else ""
    return f"Fill the cell; it is never guessed.{limit}"


def _column(sheet: Sheet, column: Column, place: int) -> tuple[list[Any], Iterator[Problem]]:
    """Values of one column, and its problems; each distinct text is parsed once."""
    texts = sheet.cells[str(place)]
    comma = sheet.comma or (column.accepts in _NUMERIC and any(map(decimal_comma, _with_comma(texts))))
    good, bad = _parsed(texts.unique(), column, parser(column, comma=comma))
    if column.filled:
        expected, advice = f"a filled cell in {column.name}", _fill(column.name)
        bad |= {
            text: CellError(code="cell.empty", expected=expected, advice=advice)
            for text, value in good.items()
            if value is None
        }
    cells = texts.to_list()
    problems = (
        problem_at(
            sheet,
            bad[text].code,
            bad[text].expected,
            bad[text].advice,
            row=row,
            column=sheet.header[place],
            value=text or None,
        )
        for row, text in zip(sheet.rows, cells if bad else [], strict=bool(bad))
        if text in bad
    )
    return [good.get(text) for text in cells], problems


def _mixed_decimals(sheet: Sheet, match: Match) -> Iterator[Problem]:
    """Cells with the rarer decimal sign, where a text file uses both."""
    numeric = [
        match.places[column.name]
        for column in match.kind.columns
        if column.accepts in _NUMERIC and column.name in match.places
    ]
    if sheet.typed or not any(_with_comma(sheet.cells[str(place)]) for place in numeric):
        return
    signs: dict[bool, list[tuple[int, str, str]]] = {True: [], False: []}
    for place in numeric:
        texts = sheet.cells[str(place)]
        points = {text for text in texts.unique().to_list() if decimal_point(text)}
        commas = {
            t for t in texts.unique().to_list() if decimal_comma(t) or (sheet.comma and ambiguous_comma(t))
        }
        if points or commas:
            for row, text in zip(sheet.rows, texts.to_list(), strict=True):
                if text in points or text in commas:
                    signs[text in commas].append((row, sheet.header[place], text))
    if not (signs[True] and signs[False]):
        return
    rarer = len(signs[True]) < len(signs[False])
    yield from (
        problem_at(
            sheet,
            "cell.decimal_signs",
            f"a decimal {'point' if rarer else 'comma'}, as in most numbers of this file",
            "One of the two signs may separate thousands; use one decimal sign in the whole file.",
            row=row,
            column=column,
            value=text,
        )
        for row, column, text in signs[rarer]
    )


def _latinised(sheet: Sheet, values: dict[str, list[Any]]) -> Iterator[Finding]:
    """Replace look-alike letters in gene symbols, and warn of them in codes."""
    for name in (*_SYMBOLS, *_CODES):
        mixed = sorted(value for value in set(values.get(name, ())) if value and mixes_scripts(value))
        if not mixed:
            continue
        change = name in _SYMBOLS
        if change:
            values[name] = [latin(v) if v and mixes_scripts(v) else v for v in values[name]]
        yield Finding(
            code="table.lookalike_letters",
            severity="warning",
            subject=subject(sheet),
            message=f"{name} mixes Cyrillic and Latin letters"
            + (" and was read as Latin: " if change else "; it was read as written: ")
            + ", ".join(mixed[:20])
            + (f" and {len(mixed) - 20} more" if len(mixed) > 20 else "")
            + ".",
        )


def read_columns(sheet: Sheet, match: Match) -> tuple[Columns, Iterable[Problem], list[Finding]]:
    """Cells of a sheet, read.

    Parameters
    ----------
    sheet : Sheet
        The sheet.
    match : Match
        Which column is which.

    Returns
    -------
    columns : Columns
        The values.
    problems : iterable of Problem
        Every cell that could not be read, in the order of columns and rows; once.
    findings : list of Finding
        Look-alike letters.
    """
    values: dict[str, list[Any]] = {}
    problems: list[Iterable[Problem]] = []
    for column in match.kind.columns:
        if column.name in match.places:
            values[column.name], wrong = _column(sheet, column, match.places[column.name])
            problems.append(wrong)
    problems.append(_mixed_decimals(sheet, match))
    findings = list(_latinised(sheet, values))
    return Columns(sheet=sheet, match=match, values=values), chain.from_iterable(problems), findings


def records_of(columns: Columns, kind: Kind, **fixed: Any) -> list[Any]:
    """Records of a sheet without problems.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Names the record class; its fields are the columns.
    **fixed : object
        Fields that the file does not hold.

    Returns
    -------
    list of records
        One a row.
    """
    defaults = {
        name: field.default
        for name, field in kind.record.__dataclass_fields__.items()  # type: ignore[attr-defined]
        if field.default is None or isinstance(field.default, str | int | float)
    }
    names = [column.name for column in kind.columns if column.name in columns.values]
    filled = [
        values if defaults.get(name) is None else [defaults[name] if v is None else v for v in values]
        for name in names
        for values in [columns.values[name]]
    ]
    return [kind.record(**fixed, **dict(zip(names, row, strict=True))) for row in zip(*filled, strict=True)]


def repeated(
    columns: Columns,
    key: tuple[str, ...],
    keys: Iterable[tuple[Any, ...] | None],
    seen: dict[tuple[Any, ...], tuple[str | None, int]],
    *,
    advice: str = "Delete one of the rows, or correct the code.",
) -> Iterator[Problem]:
    """Rows whose key stands in an earlier row.

    Parameters
    ----------
    columns : Columns
        Names the sheet and its rows.
    key : tuple of str
        Columns of the key, for the message.
    keys : iterable of tuple or None
        Key of each row; None where it could not be read.
    seen : dict
        Keys of earlier sheets with sheet and row; extended by this one.
    advice : str
        How to mend it.

    Yields
    ------
    Problem
        One a repeated row.
    """
    sheet = columns.sheet
    for row, value in zip(sheet.rows, keys, strict=True):
        if value is None:
            continue
        first = seen.setdefault(value, (sheet.name, row))
        if first != (sheet.name, row):
            place = f"row {first[1]}" + (f" of sheet {first[0]}" if first[0] else "")
            yield problem_at(
                sheet,
                "row.repeated",
                f"each {', '.join(key)} once; the first stands in {place}",
                advice,
                row=row,
                column=", ".join(key),
                value=", ".join(str(part) for part in value if part is not None),
            )


def in_order(columns: Columns, earlier: str, later: str) -> Iterator[Problem]:
    """Rows in which a later day comes before an earlier one.

    Parameters
    ----------
    columns : Columns
        The values.
    earlier, later : str
        Columns with dates.

    Yields
    ------
    Problem
        One a contradictory row.
    """
    rows = zip(columns.sheet.rows, columns.get(earlier), columns.get(later), strict=True)
    yield from (
        problem_at(
            columns.sheet,
            "row.dates",
            f"{later} on or after {earlier} ({first})",
            "Correct one of the two dates.",
            row=row,
            column=later,
            value=str(second),
        )
        for row, first, second in rows
        if first is not None and second is not None and second < first
    )
