"""Cells of the result tables of digital PCR: columns by their folded names, counts, and what a word means.

An instrument's table has fixed English headers; the columns of a run are found by name, further columns are
not looked at. Every cell that cannot be read is a problem with its row and column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.acquire.aliases import CHOICE_ALIASES, fold, squash
from remnant.acquire.cells import CellError, plate_position
from remnant.acquire.instrument_cells import decimal_sign, number
from remnant.acquire.limits import size
from remnant.acquire.sheet import Sheet
from remnant.acquire.tables import problem_at
from remnant.records.finding import Finding, Problem
from remnant.records.partition import Partitions
from remnant.records.run import WELL_KINDS, Run, WellKind

__all__ = ["Cells", "Digital", "count_problems", "kind_of_word", "lacking", "places", "repeated_wells"]

_WHOLE: Final = re.compile(r"[0-9]{1,9}(\.0+)?")
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
_NO_NUMBER: Final = frozenset(map(squash, ("", "-", "No Call", "NaN", "N/A", "NA")))
_KINDS: Final[dict[str, WellKind]] = {
    **{
        fold(name): kind  # type: ignore[misc]
        for kind in WELL_KINDS
        for name in (kind, *CHOICE_ALIASES.get(f"type.{kind}", CHOICE_ALIASES.get(kind, ())))
    },
    fold("sample"): "unknown",
    fold("unk"): "unknown",
    fold("non template control"): "ntc",
    fold("no template"): "ntc",
    fold("blank"): "ntc",
    fold("negctrl"): "negative_control",
    fold("posctrl"): "positive_control",
    fold("control"): "positive_control",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digital:
    """What a file of digital PCR gave, beside its source.

    Attributes
    ----------
    format : str
        What was detected.
    runs : tuple of Run
        Its runs.
    partitions : tuple of Partitions
        Its wells.
    findings : tuple of Finding
        What was not read, or read otherwise than it stands.
    """

    format: str
    runs: tuple[Run, ...]
    partitions: tuple[Partitions, ...]
    findings: tuple[Finding, ...]


def places(header: Sequence[str], wanted: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Where the columns of a table stand.

    Parameters
    ----------
    header : sequence of str
        Column names as written.
    wanted : mapping of str to tuple of str
        Our name, and the names under which a file may have it, the preferred one first.

    Returns
    -------
    dict of str to int
        Position of each column that is there; of two with one name the first.

    Examples
    --------
    >>> places(["Well", "Conc(copies/µL)"], {"position": ("Well",), "concentration": ("Conc(copies/uL)", "Conc(copies/µL)")})
    {'position': 0, 'concentration': 1}
    """
    folded = [fold(name) for name in header]
    found = {}
    for name, spellings in wanted.items():
        place = next((folded.index(key) for key in map(fold, spellings) if key in folded), None)
        if place is not None:
            found[name] = place
    return found


def lacking(
    header: Sequence[str], wanted: Mapping[str, tuple[str, ...]], needed: Collection[str]
) -> list[str]:
    """Needed columns that a header does not have.

    Parameters
    ----------
    header : sequence of str
        Column names as written.
    wanted : mapping of str to tuple of str
        Our name, and the names under which a file may have it.
    needed : collection of str
        Our names of the columns without which nothing is read.

    Returns
    -------
    list of str
        In the order of `wanted`, as an instrument writes them.

    Examples
    --------
    >>> lacking(["Well"], {"position": ("Well",), "positives": ("Positives",)}, {"position", "positives"})
    ['Positives']
    """
    found = places(header, wanted)
    return [spellings[0] for name, spellings in wanted.items() if name in needed and name not in found]


def kind_of_word(word: str) -> WellKind | None:
    """What a well holds, from the word of the instrument or the name of the sample.

    Parameters
    ----------
    word : str
        For example ``"NTC"``, ``"Non Template Control"``.

    Returns
    -------
    WellKind or None
        None if the word says nothing.

    Examples
    --------
    >>> kind_of_word("Non Template Control"), kind_of_word("S-014")
    ('ntc', None)
    """
    return _KINDS.get(fold(word))


class Cells:
    """Rows of a sheet with the columns that a format needs; problems are gathered while cells are read.

    Parameters
    ----------
    sheet : Sheet
        The table.
    columns : mapping of str to int
        Position by our name.
    skip : iterable of int, default ()
        Rows of `sheet.cells` that are no wells.
    """

    def __init__(self, sheet: Sheet, columns: Mapping[str, int], skip: Iterable[int] = ()) -> None:
        left_out = set(skip)
        self._sheet = sheet
        self._columns = columns
        self._kept = [i for i in range(sheet.cells.height) if i not in left_out]
        self.rows = [sheet.rows[i] for i in self._kept]
        self.problems: list[Problem] = list(sheet.problems)

    def text(self, name: str) -> list[str]:
        """Texts of a column.

        Parameters
        ----------
        name : str
            Our name of the column.

        Returns
        -------
        list of str
            One a row; empty texts if the table has no such column.
        """
        if name not in self._columns:
            return [""] * len(self.rows)
        cells = self._sheet.cells[str(self._columns[name])]
        return cells.gather(self._kept).to_list() if self._kept else []

    def refuse(self, row: int, name: str, value: str, *, code: str, expected: str) -> None:
        """Note a problem with a cell.

        Parameters
        ----------
        row : int
            Index of the row.
        name : str
            Our name of the column.
        value : str
            What stands there.
        code, expected : str
            As in `Problem`.
        """
        self.problems.append(
            problem_at(
                self._sheet,
                code,
                expected,
                "Export the results again; nothing is guessed.",
                row=self.rows[row],
                column=self._sheet.header[self._columns[name]] if name in self._columns else name,
                value=value,
            )
        )

    def whole(self, name: str) -> list[int | None]:
        """Counts of a column.

        Parameters
        ----------
        name : str
            Our name of the column.

        Returns
        -------
        list of (int or None)
            None where there is none (``No Call``), or where the cell was refused.
        """
        return [None if value is None else int(value) for value in self._numbers(name, whole=True)]

    def number(self, name: str) -> list[float | None]:
        """Numbers of a column, none negative.

        Parameters
        ----------
        name : str
            Our name of the column.

        Returns
        -------
        list of (float or None)
            None where there is none, or where the cell was refused.
        """
        return self._numbers(name, whole=False)

    def _numbers(self, name: str, *, whole: bool) -> list[float | None]:
        pattern, largest = (_WHOLE, float(size("partitions"))) if whole else (_NUMBER, math.inf)
        values: list[float | None] = []
        for i, text in enumerate(_plain(self.text(name), whole=whole)):
            if squash(text) in _NO_NUMBER:
                values.append(None)
            elif pattern.fullmatch(text) and float(text) <= largest:
                values.append(float(text))
            else:
                expected = f"a whole number up to {size('partitions'):,}" if whole else "a number from 0"
                self.refuse(i, name, text, code="digital.number", expected=expected)
                values.append(None)
        return values

    def positions(self, name: str = "position") -> list[str]:
        """Places on the plate.

        Parameters
        ----------
        name : str, default "position"
            Our name of the column.

        Returns
        -------
        list of str
            ``"A01"``; empty where the cell was refused.
        """
        found = []
        for i, text in enumerate(self.text(name)):
            try:
                found.append(plate_position(text))
            except CellError as error:
                self.refuse(i, name, text, code=error.code, expected=error.expected)
                found.append("")
        return found


def _plain(texts: Sequence[str], *, whole: bool) -> Sequence[str]:
    """Cells of a column without commas, where the column shows what they mean; else as they stand.

    Counts have thousands only. A number is told by the others of its column, as in exports of real-time PCR.
    """
    if not any("," in text for text in texts):
        return texts
    if whole:
        return [text.replace(",", "") if _GROUPED.fullmatch(text) else text for text in texts]
    sign = decimal_sign([], texts)
    plain = []
    for text in texts:
        try:
            plain.append(repr(number(text, sign)) if sign == "," or "," in text else text)
        except CellError:
            plain.append(text)
    return plain


def count_problems(cells: Cells, positives: Sequence[int | None], accepted: Sequence[int | None]) -> None:
    """Note wells without accepted partitions, and those with more positives than partitions.

    Parameters
    ----------
    cells : Cells
        Takes the problems.
    positives, accepted : sequence of (int or None)
        Counts, a row each.
    """
    for i, (k, n) in enumerate(zip(positives, accepted, strict=True)):
        if n is not None and k is not None and k > n:
            expected = f"no more than the {n} accepted partitions"
            cells.refuse(i, "positives", str(k), code="digital.counts", expected=expected)


def repeated_wells(cells: Cells, wells: Sequence[tuple[str, ...]]) -> None:
    """Note wells that stand twice in one channel and target.

    Parameters
    ----------
    cells : Cells
        Takes the problems.
    wells : sequence of tuple of str
        Run, position, channel and target of each row.
    """
    for i, well in _again(wells):
        cells.refuse(
            i,
            "position",
            ":".join(well),
            code="row.repeated",
            expected="each well and target once: one plate or chip a file",
        )


def _again(wells: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    seen: set[tuple[str, ...]] = set()
    for i, well in enumerate(wells):
        if well in seen:
            yield i, well
        seen.add(well)
