"""What is gathered while an export of an instrument is read: problems, findings, and what the format means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from remnant.acquire.instrument_cells import DecimalSign, yes_or_no
from remnant.acquire.refusal import RefusedFileError
from remnant.records.finding import Finding, Problem

__all__ = ["Reading", "refused"]


def refused(
    file: str, code: str, *, expected: str, advice: str, value: str | None = None
) -> RefusedFileError:
    """Refusal of a whole export for one reason.

    Parameters
    ----------
    file : str
        File name.
    code : str
        Code of the problem.
    expected, advice : str
        What would have been accepted, and what to do.
    value : str or None, default None
        What was found.

    Returns
    -------
    RefusedFileError
        To be raised.
    """
    return RefusedFileError(
        file, [Problem(code=code, file=file, value=value, expected=expected, advice=advice)]
    )


@dataclass(slots=True)
class Reading:
    """What is gathered while an export is read.

    Attributes
    ----------
    file : str
        File name.
    stem : str
        Name of the run if the export has none.
    sha256 : str
        Hash of the file, kept with the run.
    format : str
        Name of the format.
    empty_is_negative : bool
        Whether an empty Cq cell says that nothing amplified.
    plate_wells : int or None
        Wells of the block, by which well numbers become places.
    sign : {".", ","} or None
        Decimal sign of the export.
    problems, findings : list
        Gathered so far.
    counts : collections.Counter
        How often what was noticed.
    """

    file: str
    stem: str
    sha256: str
    format: str
    empty_is_negative: bool = False
    plate_wells: int | None = None
    sign: DecimalSign | None = None
    problems: list[Problem] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def refuse(self, code: str, expected: str, advice: str, **place: Any) -> None:
        """Note a reason to refuse the file.

        Parameters
        ----------
        code : str
            Code of the problem.
        expected, advice : str
            What would have been accepted, and what to do.
        **place : object
            Sheet, row, column and value.
        """
        self.problems.append(Problem(code=code, file=self.file, expected=expected, advice=advice, **place))

    def note(self, code: str, message: str, *, warning: bool = True, **more: str) -> None:
        """Note something that a reader should know.

        Parameters
        ----------
        code : str
            Code of the finding.
        message : str
            One sentence.
        warning : bool, default True
            Whether it lowers trust.
        **more : str
            What was found, what is needed, what to do.
        """
        self.findings.append(
            Finding(
                code=code,
                severity="warning" if warning else "note",
                subject=f"file {self.file}",
                message=message,
                **more,
            )
        )

    def flag(self, cell: str, column: str, **place: Any) -> bool | None:
        """Read a cell that says yes or no; another word is a problem.

        Parameters
        ----------
        cell : str
            The cell.
        column : str
            Its column.
        **place : object
            Sheet and row.

        Returns
        -------
        bool or None
            None for an empty cell.
        """
        if not cell:
            return None
        said = yes_or_no(cell)
        if said is None:
            self.refuse(
                "cell.yes_or_no",
                "true or false",
                "Export in English; whether a well counts is never guessed.",
                column=column,
                value=cell[:100],
                **place,
            )
        return said
