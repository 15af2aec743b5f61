"""The command ``remnant``: what the table of `remnant.cli.commands` lists.

Results go to standard output, everything else to standard error. Exit codes: 0 done (findings are counted
and recorded), 1 findings where the command was asked to judge (``doctor``, ``--strict``), 2 wrong use,
3 input that cannot be used, 4 conflict, 5 an error inside remnant or of the disk.
"""

from __future__ import annotations

from typing import Annotated

import typer

import remnant
from remnant.cli.lazy import LazyGroup

__all__ = ["app", "main"]

app = typer.Typer(
    cls=LazyGroup,
    name="remnant",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"remnant {remnant.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Who is relapsing, how soon, and from which cell. Research use only."""


def main() -> None:
    """Run the command line."""
    app(prog_name="remnant")
