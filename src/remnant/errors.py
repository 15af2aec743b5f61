"""What can go wrong, as one tree.

Every error says *where* it happened, what was *found*, what is *needed* and what to do (*advice*).
Each class also inherits the matching builtin, so that callers may catch either. Messages carry at
most the laboratory's sample code, never a patient's name.

::

    RemnantError
    ├── InputError (ValueError)        the input cannot be used as it stands
    │   ├── FileFormatError            a file is not what it claims, or is damaged
    │   │   └── RefusedFileError       the same with all its problems as records (`remnant.acquire.refusal`)
    │   ├── MeasurementError           counts or copies that no measurement can have
    │   └── KnowledgeError             a rule, cut-off or definition is missing or contradictory
    ├── UnitError (ValueError)         a unit is missing or cannot be converted
    ├── ConflictError (RuntimeError)   the study already holds something else under this key
    ├── NotFoundError (LookupError)    a study, sample or file that should exist does not
    ├── StorageError (OSError)         the disk or the database refuses: full, damaged, not writable
    └── FitError (ArithmeticError)     a model could not be fitted; nothing is reported instead
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ConflictError",
    "FileFormatError",
    "FitError",
    "InputError",
    "KnowledgeError",
    "MeasurementError",
    "NotFoundError",
    "RemnantError",
    "StorageError",
    "UnitError",
]


class RemnantError(Exception):
    """Base of everything that remnant raises on purpose.

    Parameters
    ----------
    where : str
        File, sheet, row, column, sample or argument.
    found : str
        What stands there.
    needed : str
        What would have been accepted.
    advice : str
        What the reader can do now.
    problems : sequence of str, default ()
        Further problems of the same input, so that all are shown at once.

    Examples
    --------
    >>> print(InputError(where="sample S-014", found="0 ABL1 copies", needed="more than 0", advice="Repeat it."))
    sample S-014: found 0 ABL1 copies, need more than 0. Repeat it.
    """

    def __init__(
        self, *, where: str, found: str, needed: str, advice: str, problems: Sequence[str] = ()
    ) -> None:
        self.where = where
        self.found = found
        self.needed = needed
        self.advice = advice
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders whole."""
        return _remake, (type(self), dict(self.__dict__))

    def __str__(self) -> str:
        lines = [f"{self.where}: found {self.found}, need {self.needed}. {self.advice}".rstrip()]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def _remake(cls: type[RemnantError], state: dict[str, object]) -> RemnantError:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    error.args = (str(error),)
    return error


class InputError(RemnantError, ValueError):
    """The input cannot be used as it stands."""


class FileFormatError(InputError):
    """A file is not what it claims to be, or is damaged."""


class MeasurementError(InputError):
    """Counts, copies or exposures that no measurement can have."""


class KnowledgeError(InputError):
    """A rule, cut-off or definition is missing or contradictory."""


class UnitError(RemnantError, ValueError):
    """A unit is missing or cannot be converted."""


class ConflictError(RemnantError, RuntimeError):
    """The study already holds something else under this key."""


class NotFoundError(RemnantError, LookupError):
    """A study, sample or file that should exist does not."""


class StorageError(RemnantError, OSError):
    """The disk or the database refuses: full, damaged or not writable."""


class FitError(RemnantError, ArithmeticError):
    """A model could not be fitted; nothing is reported in its place."""
