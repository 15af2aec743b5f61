"""One cell of a table: text in, value out, or the reason why not.

Every parser takes the text of a cell, stripped, and gives its value or raises `CellError`; what is
missing gives None. Numbers have a decimal point or comma; a comma before exactly three digits may also
separate thousands, and is refused unless the file shows which one it means. Dates are ISO
(``2020-04-03``) or ``03.04.2020``; with slashes the order of day and month is not known.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from remnant.acquire.aliases import (
    CHOICE_ALIASES,
    COPIES,
    ERROR_CELLS,
    FALSE_WORDS,
    MISSING_WORDS,
    NEGATIVE_WORDS,
    NOT_DETECTED_WORDS,
    TRUE_WORDS,
    fold,
    squash,
)
from remnant.acquire.columns import Column
from remnant.acquire.limits import Range, date_range, range_of, size
from remnant.errors import UnitError
from remnant.units import UNITS, parse_unit

__all__ = [
    "NEGATIVE",
    "CellError",
    "ValueCell",
    "ambiguous_comma",
    "decimal_comma",
    "decimal_point",
    "means_copies",
    "parser",
    "plate_position",
]

_PLAIN: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_POINT: Final = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_AMBIGUOUS_COMMA: Final = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_GROUPED: Final = re.compile(r"([+-]?[0-9]{1,3}(?:[ \u00a0\u2009\u202f][0-9]{3})+)([.,][0-9]+)?")
_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_POINTS: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?")
_SLASHES: Final = re.compile(r"[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{2,4}.*")
_FULL_YEAR: Final = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_PLACE: Final = re.compile(r"([A-Za-z]|[Aa][A-Fa-f])0*([1-9][0-9]?)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LAST_COLUMN: Final = 48
_MONTHS: Final = 12
_LONGEST_NUMBER: Final = 10

_MISSING: Final = frozenset(map(squash, MISSING_WORDS))
_TRUE: Final = frozenset(map(squash, TRUE_WORDS))
_FALSE: Final = frozenset(map(squash, FALSE_WORDS))
_NOT_DETECTED: Final = frozenset(map(squash, NOT_DETECTED_WORDS))
_NEGATIVE_CELL: Final = frozenset(map(squash, NEGATIVE_WORDS))
_COPIES: Final = frozenset(map(fold, COPIES))


class CellError(ValueError):
    """A cell that cannot be read.

    Parameters
    ----------
    code : str
        Code of the problem.
    expected : str
        What would have been accepted.
    advice : str
        How to mend it.
    """

    def __init__(self, *, code: str, expected: str, advice: str) -> None:
        super().__init__(code)
        self.code, self.expected, self.advice = code, expected, advice


class ValueCell(NamedTuple):
    """Reported value of a cell: a number, or that it is below or above one."""

    value: float | None = None
    upper_limit: float | None = None
    lower_limit: float | None = None


NEGATIVE: Final = ValueCell()
"""A value written as negative, without its limit."""


def decimal_comma(text: str) -> bool:
    """Whether a comma in a number can only be a decimal one.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    bool
        True for ``"33,12"``; False for ``"33,123"`` and for anything else.
    """
    return bool(_DECIMAL_COMMA.fullmatch(text)) and not ambiguous_comma(text)


def ambiguous_comma(text: str) -> bool:
    """Whether a comma in a number may be decimal or separate thousands.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    bool
        True for ``"33,123"``.
    """
    return bool(_AMBIGUOUS_COMMA.fullmatch(text))


def decimal_point(text: str) -> bool:
    """Whether a number has a decimal point.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    bool
        True for ``"33.1"``, False for ``"33"``.
    """
    return bool(_DECIMAL_POINT.fullmatch(text))


def _in_range(value: float, bounds: Range | None) -> float:
    if not math.isfinite(value) or (bounds is not None and value not in bounds):
        raise CellError(
            code="cell.range",
            expected=f"a number {bounds}" if bounds else "a finite number",
            advice="Correct the number, or the unit in which it was written.",
        )
    return value


def _ambiguous_number(text: str, bounds: Range | None) -> float:
    """Read a comma before three digits, if only one reading is in range."""
    readings = {float(text.replace(",", ".")), float(text.replace(",", ""))}
    possible = [value for value in readings if bounds is None or value in bounds]
    if len(possible) != 1:
        raise CellError(
            code="cell.number_ambiguous",
            expected="a number without doubt: the comma may be decimal or separate thousands",
            advice="Write it with a decimal point, or without thousands separator.",
        )
    return possible[0]


def _number(text: str, *, bounds: Range | None, comma: bool) -> float:
    """Read a number; `comma` says that a comma is known to be decimal."""
    if _PLAIN.fullmatch(text):
        return _in_range(float(text), bounds)
    text = text.replace("\u2212", "-")
    if _AMBIGUOUS_COMMA.fullmatch(text) and not comma:
        return _ambiguous_number(text, bounds)
    grouped = _GROUPED.fullmatch(text)
    if grouped:
        text = re.sub(r"\s", "", grouped[1]) + (grouped[2] or "")
    text = text.replace(",", ".", 1) if _DECIMAL_COMMA.fullmatch(text) else text
    if not _PLAIN.fullmatch(text):
        raise CellError(
            code="cell.number", expected="a number", advice="Write one number, with decimal point or comma."
        )
    return _in_range(float(text), bounds)


def _optional_number(text: str, *, column: Column, comma: bool) -> float | None:
    if squash(text) in _MISSING:
        return None
    if column.name.endswith("_percent"):
        text = text.removesuffix("%").rstrip()
    return _number(text, bounds=range_of(column.name), comma=comma)


def _optional_integer(text: str, *, column: Column, comma: bool) -> int | None:
    value = _optional_number(text, column=column, comma=comma)
    if value is not None and not value.is_integer():
        raise CellError(
            code="cell.whole_number", expected="a whole number", advice="Write it without decimals."
        )
    return None if value is None else int(value)


def _refuse_known_order(text: str) -> None:
    """Refuse a date with slashes of which only one reading exists, and name that reading."""
    found = _FULL_YEAR.fullmatch(text)
    first, second, year = (int(part) for part in found.groups()) if found else (0, 0, 0)
    if not found or (max(first, second) <= _MONTHS and first != second):
        return
    month, day = sorted((first, second))
    try:
        only = dt.date(year, month, day)
    except ValueError as error:
        raise CellError(
            code="cell.date", expected="a day that exists", advice="Correct day or month."
        ) from error
    raise CellError(
        code="cell.date",
        expected=f"a date written year-month-day: this one can only be {only}",
        advice=f"Write {only}. Dates with slashes or dashes in this order are not read: others could mean two days.",
    )


def _date(text: str) -> dt.date | None:
    if squash(text) in _MISSING:
        return None
    iso, points = _ISO.fullmatch(text), _POINTS.fullmatch(text)
    if _SLASHES.fullmatch(text):
        _refuse_known_order(text)
        raise CellError(
            code="cell.date_ambiguous",
            expected="a date whose day and month cannot be exchanged, like 2020-04-03 or 03.04.2020",
            advice="Write the date as year-month-day.",
        )
    if not iso and not points:
        raise CellError(
            code="cell.date", expected="a date like 2020-04-03 or 03.04.2020", advice="Write year-month-day."
        )
    year, month, day = (iso[1], iso[2], iso[3]) if iso else (points[3], points[2], points[1])  # type: ignore[index]
    first, last = date_range()
    try:
        date = dt.date(int(year), int(month), int(day))
    except ValueError as error:
        raise CellError(
            code="cell.date", expected="a day that exists", advice="Correct day or month."
        ) from error
    if not first <= date <= last:
        raise CellError(
            code="cell.date_range", expected=f"a day from {first} to {last}", advice="Correct the year."
        )
    return date


def _text(text: str) -> str | None:
    if squash(text) in _MISSING:
        return None
    if len(text) > size("text_characters"):
        raise CellError(
            code="cell.text_length",
            expected=f"at most {size('text_characters')} characters",
            advice="Shorten the text; a shifted quotation mark may have joined several cells.",
        )
    if _CONTROL.search(text):
        raise CellError(
            code="cell.control_character",
            expected="text without control characters",
            advice="Type the text anew.",
        )
    return text


def _yes_or_no(text: str) -> bool | None:
    word = squash(text)
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if word in _MISSING:
        return None
    raise CellError(code="cell.yes_or_no", expected="true or false", advice="Write one of them.")


@functools.cache
def _choices(column: Column) -> dict[str, str]:
    return {
        fold(name): choice
        for choice in column.choices
        for name in (
            choice,
            *CHOICE_ALIASES.get(f"{column.name}.{choice}", CHOICE_ALIASES.get(choice, ())),
        )
    }


def _choice(text: str, *, column: Column) -> str | None:
    if squash(text) in _MISSING:
        return None
    known = _choices(column)
    if fold(text) not in known:
        raise CellError(
            code="cell.choice",
            expected="one of " + ", ".join(column.choices),
            advice="Write one of these words.",
        )
    return known[fold(text)]


def _cq(text: str, *, comma: bool) -> float | Literal[False] | None:
    """Cq, False where amplification was looked for and not found, None where no Cq is stored."""
    if not text:
        return None
    if _PLAIN.fullmatch(text) and text[0] != "-":
        return _in_range(float(text), range_of("cq"))
    word = squash(text)
    if word in _NOT_DETECTED or text in {"-1.0", "-1,0"}:
        return False
    if word in _MISSING:
        raise CellError(
            code="cell.cq_missing",
            expected="a number, a word for not detected, or an empty cell",
            advice="Write Undetermined if amplification was looked for and not found; leave it empty if not.",
        )
    return _number(text, bounds=range_of("cq"), comma=comma)


def _value(text: str, *, comma: bool) -> ValueCell | None:
    if squash(text) in _NEGATIVE_CELL:
        return NEGATIVE
    if squash(text) in _MISSING:
        return None
    bounds = range_of("value")
    number = functools.partial(_number, bounds=bounds, comma=comma)
    if text[0] in "<≤":
        return ValueCell(upper_limit=number(text[1:].lstrip("= ")))
    if text[0] in ">≥":
        return ValueCell(lower_limit=number(text[1:].lstrip("= ")))
    return ValueCell(value=number(text))


def _unit(text: str) -> str:
    try:
        return parse_unit(text)
    except UnitError as error:
        raise CellError(
            code="cell.unit", expected="one of " + ", ".join(UNITS), advice=error.advice
        ) from error


def plate_position(text: str) -> str:
    """Place on a plate in the form of the records.

    Parameters
    ----------
    text : str
        ``"a1"``, ``"A01"``, or the number of a tube.

    Returns
    -------
    str
        ``"A01"``, or the number as written.

    Raises
    ------
    CellError
        If it is neither.

    Examples
    --------
    >>> plate_position("b7"), plate_position("12")
    ('B07', '12')
    """
    place = _PLACE.fullmatch(text)
    if place and int(place[2]) <= _LAST_COLUMN:
        return f"{place[1].upper()}{int(place[2]):02d}"
    if text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER:
        return str(int(text))
    raise CellError(
        code="cell.well",
        expected="a place from A1 to AF48, or the number of a tube",
        advice="Correct the place.",
    )


def means_copies(unit: str) -> bool:
    """Whether a unit of a standard is copies in the well.

    Parameters
    ----------
    unit : str
        As written.

    Returns
    -------
    bool
        True for ``"cop"``, ``"copies/well"``, ``"копий"`` ...
    """
    return fold(unit) in _COPIES


def parser(column: Column, *, comma: bool) -> Callable[[str], Any]:
    """Parser of the cells of one column.

    Parameters
    ----------
    column : Column
        What the cells should hold.
    comma : bool
        Whether a comma is known to be the decimal sign of this column.

    Returns
    -------
    callable
        Takes the stripped text of a cell; gives its value, None if it is missing, or raises `CellError`.
        A Cq that was looked for and not found is False.

    Examples
    --------
    >>> from remnant.acquire.columns import kind_of
    >>> blasts = next(c for c in kind_of("samples").columns if c.name == "blast_percent")
    >>> parser(blasts, comma=False)("4,5 %")
    4.5
    """
    plain: dict[str, Callable[[str], Any]] = {
        "text": _text,
        "date": _date,
        "yes or no": _yes_or_no,
        "unit": _unit,
        "well": lambda text: None if squash(text) in _MISSING else plate_position(text),
        "number": functools.partial(_optional_number, column=column, comma=comma),
        "whole number": functools.partial(_optional_integer, column=column, comma=comma),
        "choice": functools.partial(_choice, column=column),
        "cq": functools.partial(_cq, comma=comma),
        "value": functools.partial(_value, comma=comma),
    }
    parse = plain[column.accepts]

    def checked(text: str) -> Any:
        if text.startswith("#") and text.upper() in ERROR_CELLS:
            raise CellError(
                code="cell.spreadsheet_error",
                expected="a value; the spreadsheet could not compute this cell",
                advice="Mend the formula, or type the value.",
            )
        return parse(text)

    return checked
