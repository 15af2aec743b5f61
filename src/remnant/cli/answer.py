"""What a command answers, and how it is shown: a table for people, one JSON document for programs.

A command is a function from its arguments to an `Answer`; the decorator `command` adds ``--json`` and
``--debug``, prints the answer, and turns an error into a plain message and its exit code.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import date
from pathlib import PurePath
from typing import Annotated, Any, Final, ParamSpec

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from remnant.cli.problems import problem_lines
from remnant.errors import ConflictError, InputError, NotFoundError, RemnantError, StorageError, UnitError
from remnant.records.codec import to_dict

__all__ = ["Answer", "command", "exit_code_of", "messages", "plain"]

P = ParamSpec("P")

_EXIT_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (ConflictError, 4),
    (NotFoundError, 2),
    (StorageError, 5),
    (InputError, 3),
    (UnitError, 3),
    (RemnantError, 3),
)
_INTERNAL: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found or did.

    Attributes
    ----------
    data : Any
        Records, dictionaries, lists and scalars: the JSON document.
    shown : tuple of renderable
        The same for people: sentences and tables.
    exit_code : int
        0, or what the command was asked to judge.
    """

    data: Any
    shown: tuple[RenderableType, ...] = ()
    exit_code: int = 0


JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show where an error arose.")]


def command(function: Callable[P, Answer]) -> Callable[..., None]:
    """Make a command of a function from arguments to an answer.

    Parameters
    ----------
    function : callable
        Its parameters are Typer's.

    Returns
    -------
    callable
        The same with ``--json`` and ``--debug``, that prints and exits.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json, debug = bool(kwargs.pop("json_output", False)), bool(kwargs.pop("debug", False))
        try:
            answer = function(*args, **kwargs)
            _show(answer, as_json=as_json)
        except RemnantError as error:
            _show_error(error, as_json=as_json, debug=debug)
            raise typer.Exit(exit_code_of(error)) from error
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            _show_internal(error, as_json=as_json, debug=debug)
            raise typer.Exit(_INTERNAL) from error
        raise typer.Exit(answer.exit_code)

    own = inspect.signature(function, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in (("json_output", JsonOption), ("debug", DebugOption))
    ]
    parameters = [*own.parameters.values(), *more]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def exit_code_of(error: Exception) -> int:
    """Exit code that an error ends the command with.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    int
        2 wrong use, 3 input, 4 conflict, 5 anything else.

    Examples
    --------
    >>> exit_code_of(KeyError("x"))
    5
    """
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), _INTERNAL)


def messages() -> Console:
    """Where progress, warnings and errors go.

    Returns
    -------
    rich.console.Console
        Standard error; plain text where it is no terminal or NO_COLOR is set.
    """
    return _console(stderr=True)


def plain(value: Any) -> Any:
    """Value as JSON can hold it.

    Parameters
    ----------
    value : Any
        Records, mappings, sequences, dates, paths, scalars.

    Returns
    -------
    Any
        Dictionaries, lists, texts, numbers; infinities as ``"inf"``.
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = to_dict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    return (
        value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, PurePath) else value
    )


class _Paper(Console):
    """A console that leaves a closed pipe to the command: Rich would end it with 1, which here means findings."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 120
    return _Paper(file=stream, markup=False, emoji=False, highlight=False, width=width)


def _print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(plain(data), ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def _show(answer: Answer, *, as_json: bool) -> None:
    try:
        if as_json:
            _print_json(answer.data)
            return
        console = _console()
        for part in answer.shown:
            console.print(part)
    except BrokenPipeError:  # the reader, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_error(error: RemnantError, *, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if as_json:
        names = ("where", "found", "needed", "advice", "problems")
        details = {"details": error.details} if hasattr(error, "details") else {}
        fields = {name: getattr(error, name) for name in names}
        _print_json({"error": {"kind": type(error).__name__, **fields, **details}})
        return
    console = messages()
    console.print(Text(f"{error.where}: found {error.found}, need {error.needed}.", style="bold"))
    console.print(error.advice)
    for line in problem_lines(error.problems):
        console.print(line)


def _show_internal(error: Exception, *, as_json: bool, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    message = f"{type(error).__name__}: {error}"
    if as_json:
        _print_json({"error": {"kind": "InternalError", "found": message}})
        return
    console = messages()
    console.print(Text(f"An error inside remnant: {message}", style="bold"))
    if not debug:
        console.print("Repeat the command with --debug and report what it shows.")
