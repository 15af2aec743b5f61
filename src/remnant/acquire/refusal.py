"""How a file is refused: whole, with all its problems, each a record that can be written to a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from remnant.acquire.limits import size
from remnant.errors import FileFormatError
from remnant.records.finding import Problem

__all__ = ["RefusedFileError", "gather", "sentence"]

_TAIL = "Mend all of them and import the file again; nothing of it was taken."


def sentence(problem: Problem) -> str:
    """One problem as a line of text.

    Parameters
    ----------
    problem : Problem
        What is wrong.

    Returns
    -------
    str
        Place, what was found, what is needed, what to do.

    Examples
    --------
    >>> sentence(Problem(code="cell.number", file="a.csv", row=3, column="cq", value="abc",
    ...                  expected="a number", advice="Correct the cell."))
    "row 3, column cq: found 'abc', need a number. Correct the cell."
    """
    place = ", ".join(
        text
        for text in (
            f"sheet {problem.sheet}" if problem.sheet else "",
            f"row {problem.row}" if problem.row is not None else "",
            f"column {problem.column}" if problem.column else "",
        )
        if text
    )
    found = "nothing" if problem.value is None else repr(problem.value)
    return f"{place or 'file'}: found {found}, need {problem.expected}. {problem.advice}".rstrip()


class RefusedFileError(FileFormatError):
    """A file cannot be used as it stands.

    Parameters
    ----------
    file : str
        File name without folders.
    details : sequence of Problem
        Every problem found in one pass, at least one.
    unlisted : int, default 0
        Further problems that were only counted, beyond the row ``problems_listed`` of
        ``knowledge/limits.toml``.

    Examples
    --------
    >>> error = RefusedFileError("plate.csv", [Problem(code="file.empty", file="plate.csv",
    ...                          expected="a table or an RDML file", advice="Export it again.")])
    >>> error.details[0].code
    'file.empty'
    """

    def __init__(self, file: str, details: Sequence[Problem], *, unlisted: int = 0) -> None:
        self.details: tuple[Problem, ...] = tuple(details)
        lines = [sentence(problem) for problem in self.details]
        if unlisted:
            lines.append(f"and {unlisted} more")
        count = len(self.details) + unlisted
        super().__init__(
            where=f"file {file}",
            found="1 problem" if count == 1 else f"{count} problems",
            needed="a file without problems",
            advice="Nothing of it was taken." if count == 1 else _TAIL,
            problems=lines,
        )


def gather(problems: Iterable[Problem], listed: list[Problem]) -> int:
    """Add problems to a list up to the limit, and count the others.

    Parameters
    ----------
    problems : iterable of Problem
        What was found; used up.
    listed : list of Problem
        Extended in place.

    Returns
    -------
    int
        Number of problems that are not listed.
    """
    unlisted = 0
    for problem in problems:
        if len(listed) < size("problems_listed"):
            listed.append(problem)
        else:
            unlisted += 1
    return unlisted
