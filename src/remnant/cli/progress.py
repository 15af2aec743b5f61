"""Progress on a terminal: one line a stage, on standard error, and nothing where no one watches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from remnant.cli.answer import messages

__all__ = ["stages"]


@contextlib.contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show what is being done while the block runs.

    Yields
    ------
    callable
        To be told the stage, how much is done, and of how much; a new stage opens a new line.
    """
    console = messages()
    lines: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:<12}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def told(stage: str, done: int, total: int) -> None:
            if stage not in lines:
                lines[stage] = bars.add_task(stage, total=total)
            bars.update(lines[stage], completed=done, total=total)

        yield told
