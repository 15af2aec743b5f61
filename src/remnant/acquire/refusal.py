"""How a file is refused: whole, with all its problems, each a record that can be written to a table."""

from __future__ import annotations

from collections.abc import Sequence

from remnant.acquire.limits import size
from remnant.errors import FileFormatError
from remnant.records.finding import Problem

__all__ = ["RefusedFileError", "sentence"]

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
        Every problem found in one pass, at least one. Beyond the row ``problems_listed`` of
        ``knowledge/limits.toml`` they are only counted.

    Examples
    --------
    >>> error = RefusedFileError("plate.csv", [Problem(code="file.empty", file="plate.csv",
    ...                          expected="a table or an RDML file", advice="Export it again.")])
    >>> error.details[0].code
    'file.empty'
    """

    def __init__(self, file: str, details: Sequence[Problem]) -> None:
        listed = size("problems_listed")
        self.details: tuple[Problem, ...] = tuple(details[:listed])
        lines = [sentence(problem) for problem in self.details]
        if len(details) > listed:
            lines.append(f"and {len(details) - listed} more")
        one = self.details[0] if len(details) == 1 else None
        super().__init__(
            where=f"file {file}",
            found="1 problem" if one else f"{len(details)} problems",
            needed="a file without problems",
            advice=_TAIL if one is None else "Nothing of it was taken.",
            problems=lines,
        )
