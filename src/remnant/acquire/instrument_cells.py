"""Cells of instrument exports: numbers of either decimal sign, kinds of wells, run dates, yes and no.

An export has one decimal sign throughout, that of the computer it was made on. It is told from cells that
show it (`decimal_sign`); only then is a comma before three digits understood.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from typing import Final, Literal

from remnant.acquire.aliases import FALSE_WORDS, TRUE_WORDS, fold, squash
from remnant.acquire.cells import CellError
from remnant.acquire.limits import date_range, first_run_date
from remnant.records.run import WellKind

__all__ = [
    "NOT_IN_USE",
    "NOT_STARTED",
    "WELL_KINDS",
    "DecimalSign",
    "cq_word",
    "decimal_sign",
    "number",
    "run_day",
    "text_of",
    "well_kind",
    "yes_or_no",
]

DecimalSign = Literal[".", ","]

_PLAIN: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED: Final = {
    ",": re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?"),
    ".": re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?"),
}
_ONE_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]*([eE][+-]?[0-9]+)?")
_UNSURE: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_GROUP_SPACE: Final = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
_OTHER_DAY: Final = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})(?![0-9])")
_LONGEST: Final = 60
_MONTHS: Final = 12

_NO_CQ: Final = frozenset({"undetermined", "n/a", "nan", "noct", "nocq"})
_NOTHING: Final = frozenset({"", "na", "n/a", "none", "null"})
_TRUE: Final = frozenset(map(squash, TRUE_WORDS))
_FALSE: Final = frozenset(map(squash, FALSE_WORDS))
NOT_STARTED: Final = "notstarted"
"""Folded end time of a run that has not begun."""

WELL_KINDS: Final[dict[str, WellKind]] = {
    "unknown": "unknown",
    "unkn": "unknown",
    "unk": "unknown",
    "sample": "unknown",
    "target": "unknown",
    "endogenouscontrol": "unknown",
    "endo": "unknown",
    "standard": "standard",
    "std": "standard",
    "ntc": "ntc",
    "notemplatecontrol": "ntc",
    "nrt": "no_rt",
    "nort": "no_rt",
    "nc": "negative_control",
    "neg": "negative_control",
    "negcontrol": "negative_control",
    "negctrl": "negative_control",
    "negativecontrol": "negative_control",
    "nac": "negative_control",
    "ntp": "negative_control",
    "blockedipc": "negative_control",
    "pc": "positive_control",
    "pos": "positive_control",
    "poscontrol": "positive_control",
    "ipc": "positive_control",
    "posctrl": "positive_control",
    "positivecontrol": "positive_control",
    "pcallele1": "positive_control",
    "pcallele2": "positive_control",
    "pcalleleboth": "positive_control",
    "calibrator": "calibrator",
    "opt": "calibrator",
}
"""Folded words of the instruments, without the number behind them (``Unkn-12``)."""

NOT_IN_USE: Final = frozenset({"notinuse", "none", "empty", "buffer"})
_COUNTED: Final = re.compile(r"[-_ ]*[0-9]+$")


def text_of(cell: str) -> str | None:
    """Text of a setting, None where the instrument writes that it has none.

    Parameters
    ----------
    cell : str
        A cell.

    Returns
    -------
    str or None
        None for an empty cell, ``NA``, ``N/A``, ``None``.
    """
    cell = cell.strip()
    return None if cell.casefold() in _NOTHING else cell


def yes_or_no(cell: str) -> bool | None:
    """What a cell of a flag says.

    Parameters
    ----------
    cell : str
        A cell.

    Returns
    -------
    bool or None
        True for ``true``, ``yes``, ``1`` in any case, False for their opposites, None for any other word.
    """
    word = squash(cell)
    return True if word in _TRUE else False if word in _FALSE else None


def cq_word(cell: str) -> bool:
    """Whether a Cq cell says in words or as -1 that nothing amplified.

    Parameters
    ----------
    cell : str
        A cell.

    Returns
    -------
    bool
        True for ``Undetermined``, ``N/A``, ``NaN``, ``No Ct``, ``No Cq`` and -1.

    Examples
    --------
    >>> cq_word("UNDETERMINED"), cq_word("-1.000"), cq_word("31.2")
    (True, True, False)
    """
    word = squash(cell)
    return word in _NO_CQ or re.fullmatch(r"-1([.,]0*)?", word) is not None


def _joined(text: str) -> str:
    """Number without spaces between its thousands, with an ASCII minus."""
    return _GROUP_SPACE.sub("", text.strip().replace("\u2212", "-"))


def _sign_of(text: str, *, small: bool) -> DecimalSign | None:
    """Decimal sign that one number shows; `small`: the number is known to be below a thousand."""
    if "," in text and "." in text:
        return "," if text.rfind(",") > text.rfind(".") else "."
    for sign in (",", "."):
        if text.count(sign) > 1:
            return "." if sign == "," else ","
        if sign in text and (small or not _UNSURE.fullmatch(text)):
            return sign
    return None


def decimal_sign(cqs: Iterable[str], others: Iterable[str]) -> DecimalSign | None:
    """Decimal sign of an export.

    Parameters
    ----------
    cqs : iterable of str
        Cq cells: below a thousand, so that any comma or point in them is decimal.
    others : iterable of str
        Further numbers, asked if no Cq shows it.

    Returns
    -------
    {".", ","} or None
        None if no number shows it.

    Raises
    ------
    CellError
        If Cq of both signs stand in one file.

    Examples
    --------
    >>> decimal_sign(["31,404", "Undetermined"], [])
    ','
    """
    found = {
        sign
        for text in cqs
        if any(c.isdigit() for c in text)
        for sign in [_sign_of(_joined(text), small=True)]
        if sign
    }
    if len(found) > 1:
        raise CellError(
            code="cell.decimal_signs",
            expected="one decimal sign in the whole file",
            advice="Export it again, without passing it through a spreadsheet program.",
        )
    if found:
        return found.pop()
    for text in others:
        sign = _sign_of(_joined(text), small=False)
        if sign is not None:
            return sign
    return None


def _no_number() -> CellError:
    return CellError(code="cell.number", expected="a number", advice="Export the file again.")


def number(text: str, sign: DecimalSign | None) -> float:
    """Number of an export.

    Parameters
    ----------
    text : str
        The cell.
    sign : {".", ","} or None
        Decimal sign of the export.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    CellError
        If it is no number, or nobody can tell which.

    Examples
    --------
    >>> number("1,250.000", "."), number("1.250,5", ","), number("31,404", ",")
    (1250.0, 1250.5, 31.404)
    """
    text = _joined(text)
    if len(text) > _LONGEST:
        raise _no_number()
    if sign == "," and (_GROUPED["."].fullmatch(text) or _ONE_COMMA.fullmatch(text)):
        text = text.replace(".", "").replace(",", ".")
    elif sign != "," and _GROUPED[","].fullmatch(text):
        if sign is None and _UNSURE.fullmatch(text):
            raise CellError(
                code="cell.number_ambiguous",
                expected="a number without doubt: the comma may be decimal or separate thousands",
                advice="Export with decimal points.",
            )
        text = text.replace(",", "")
    elif sign == "," and "." in text:
        raise _no_number()
    if not _PLAIN.fullmatch(text):
        raise _no_number()
    value = float(text)
    if not math.isfinite(value):
        raise _no_number()
    return value


def well_kind(text: str) -> WellKind | None:
    """What a well holds, from the instrument's word.

    Parameters
    ----------
    text : str
        ``"Unkn-12"``, ``"STANDARD"``, ``"NTC"``; empty is an unknown.

    Returns
    -------
    WellKind or None
        None for a word that is not known.

    Examples
    --------
    >>> well_kind("Std-03"), well_kind("PC_ALLELE_1"), well_kind("Blau")
    ('standard', 'positive_control', None)
    """
    word = fold(text)
    if not word:
        return "unknown"
    return WELL_KINDS.get(word) or WELL_KINDS.get(fold(_COUNTED.sub("", text)))


def run_day(text: str) -> dt.date | None:
    """Day of a run on the clock of its instrument; the time zone behind it does not move it.

    Parameters
    ----------
    text : str
        ``"2009-06-29 15:29:11 PM EDT"``, ``"16.03.2021"``, ``"3/16/2021"``.

    Returns
    -------
    datetime.date or None
        None if there is no day, if day and month can be exchanged, or if the clock was never set.

    Examples
    --------
    >>> run_day("2001-12-31 09:09:19 PM EST"), run_day("3/16/2021"), run_day("3/4/2021")
    (datetime.date(2001, 12, 31), datetime.date(2021, 3, 16), None)
    """
    iso, other = _ISO.match(text), _OTHER_DAY.match(text)
    if iso:
        year, month, day = map(int, iso.groups())
    elif other:
        first, second, year = int(other[1]), int(other[3]), int(other[4])
        month, day = (first, second) if second > _MONTHS else (second, first)
        if other[2] != "." and first <= _MONTHS and second <= _MONTHS and first != second:
            return None
    else:
        return None
    try:
        found = dt.date(year, month, day)
    except ValueError:
        return None
    return found if first_run_date() <= found <= date_range()[1] else None
