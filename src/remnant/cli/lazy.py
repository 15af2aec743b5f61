"""Groups of commands that know their names and help, and load a command's code when it is called."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from remnant.cli.commands import COMMANDS, GROUPS, Row

__all__ = ["LazyGroup", "load", "resolve"]


class LazyGroup(TyperGroup):
    """Commands of the table that start with one prefix.

    Parameters
    ----------
    prefix : str, default ""
        Group whose commands these are; empty for the top.
    **attributes : Any
        Passed on to Typer.
    """

    def __init__(self, *, prefix: str = "", **attributes: Any) -> None:
        super().__init__(**attributes)
        self._rows = {
            row.name.removeprefix(prefix).strip(): row for row in COMMANDS if row.name.startswith(prefix)
        }
        for name, row in self._rows.items():
            group, _, rest = name.partition(" ")
            if not rest:
                self.commands[name] = TyperCommand(name, help=row.help, rich_markup_mode=None)
            elif group not in self.commands:
                self.commands[group] = LazyGroup(
                    prefix=f"{group} ",
                    name=group,
                    help=GROUPS[group],
                    no_args_is_help=True,
                    rich_markup_mode=None,
                )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that was typed, and load it.

        Parameters
        ----------
        ctx : typer.Context
            Where it was typed.
        args : list of str
            Its name, then its arguments.

        Returns
        -------
        tuple of (str or None, command or None, list of str)
            Name, command and its arguments.
        """
        name, command, rest = super().resolve_command(ctx, args)
        row = self._rows.get(name or "")
        return name, command if row is None else load(row), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by section.

        Parameters
        ----------
        ctx : typer.Context
            Where help was asked.
        formatter : HelpFormatter
            What writes it.
        """
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            row = next(row for key, row in self._rows.items() if key.partition(" ")[0] == name)
            text = self.commands[name].help or ""
            sections.setdefault(row.section, []).append((name, text))
        for title, lines in sections.items():
            with formatter.section(title):
                formatter.write_dl(lines)


def load(row: Row) -> Any:
    """Command of one row of the table.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    command
        Ready to be called; its help is the start of its function's docstring.
    """
    function: Callable[..., Any] = resolve(row.target, needed_by=row.name)
    text = (inspect.getdoc(function) or row.help).partition("\n\nParameters\n")[0]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(row.name.rpartition(" ")[2], help=text)(function)
    return typer.main.get_command(app)


def resolve(target: str, *, needed_by: str) -> Any:
    """Function that the table of commands names.

    Parameters
    ----------
    target : str
        ``module:function``.
    needed_by : str
        Command, for the message if a library is missing.

    Returns
    -------
    callable
        The function, its module loaded now.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("remnant"):
            raise
        typer.echo(
            f"remnant {needed_by} needs the library {error.name}, which is not installed here. "
            "Install everything with: pip install 'remnant[all]'",
            err=True,
        )
        raise typer.Exit(2) from error
