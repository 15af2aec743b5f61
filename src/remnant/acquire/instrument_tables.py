"""Headers of the tables inside an instrument export: columns by folded name, units from brackets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from remnant.acquire.aliases import fold
from remnant.acquire.limits import size

__all__ = ["Header", "folded", "header_of", "is_blank", "may_be_header"]

_BRACKETS: Final = re.compile(r"^(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Columns of one table.

    Attributes
    ----------
    sheet : str or None
        Sheet or section.
    row : int
        Row of the header.
    places : dict of str to tuple of int
        Folded name, with and without the brackets behind it, to its columns.
    units : dict of str to str
        Folded name without brackets to what stands in them.
    """

    sheet: str | None
    row: int
    places: dict[str, tuple[int, ...]]
    units: dict[str, str]

    def has(self, *names: str) -> bool:
        """Whether a column of any of these names is there.

        Parameters
        ----------
        *names : str
            Folded names.

        Returns
        -------
        bool
            True if one is.
        """
        return any(name in self.places for name in names)

    def cell(self, cells: Sequence[str], *names: str) -> str:
        """Cell under the first of these names that the table has.

        Parameters
        ----------
        cells : sequence of str
            A row; it may be shorter than the header, where the instrument leaves out empty cells at the end.
        *names : str
            Folded names.

        Returns
        -------
        str
            Stripped; empty if there is none.
        """
        for name in names:
            if name in self.places:
                at = self.places[name][0]
                return cells[at].strip() if at < len(cells) else ""
        return ""

    def contradicted(self, cells: Sequence[str], *names: str) -> str | None:
        """Name of a column that stands twice with two values.

        Parameters
        ----------
        cells : sequence of str
            A row.
        *names : str
            Folded names to look at.

        Returns
        -------
        str or None
            The first such name.
        """
        for name in names:
            found = {
                cells[at].strip() for at in self.places.get(name, ()) if at < len(cells) and cells[at].strip()
            }
            if len(found) > 1:
                return name
        return None


def folded(cells: Sequence[str]) -> list[str]:
    """Cells of a row as names.

    Parameters
    ----------
    cells : sequence of str
        A row.

    Returns
    -------
    list of str
        As `fold` gives them.
    """
    return [fold(cell) for cell in cells[: size("table_columns")]]


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a row has no content.

    Parameters
    ----------
    cells : sequence of str
        A row.

    Returns
    -------
    bool
        True for an empty row.
    """
    return not any(cell.strip() for cell in cells)


def may_be_header(cells: Sequence[str]) -> bool:
    """Whether a row is worth a look: a header has three names, and none of its first cells is a number.

    Parameters
    ----------
    cells : sequence of str
        A row.

    Returns
    -------
    bool
        False for most rows of data.
    """
    return len(cells) > 2 and not any(cell[:1].isdigit() for cell in cells[:5])


def header_of(sheet: str | None, row: int, cells: Sequence[str]) -> Header:
    """Columns that a header names.

    Parameters
    ----------
    sheet : str or None
        Sheet or section.
    row : int
        Its row.
    cells : sequence of str
        The header.

    Returns
    -------
    Header
        Its columns.

    Examples
    --------
    >>> header = header_of(None, 1, ["No.", "Given Conc (copies/reaction)"])
    >>> header.has("givenconc"), header.units["givenconc"]
    (True, 'copies/reaction')
    """
    places: dict[str, tuple[int, ...]] = {}
    bases: dict[str, tuple[int, ...]] = {}
    units: dict[str, str] = {}
    for at, cell in enumerate(cells[: size("table_columns")]):
        name = fold(cell)
        if name:
            places[name] = (*places.get(name, ()), at)
        bracketed = _BRACKETS.match(cell.strip()[:200])
        if bracketed and (base := fold(bracketed[1])):
            bases[base] = (*bases.get(base, ()), at)
            units.setdefault(base, bracketed[2].strip())
    return Header(sheet=sheet, row=row, places=bases | places, units=units)
