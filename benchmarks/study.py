"""600,000 wells in and out of a study, and what the command line costs before it does anything."""

from __future__ import annotations

import hashlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _form import Figure, finish
from remnant.cli.commands import COMMANDS, GROUPS
from remnant.records.acquired import Acquired
from remnant.records.run import Run, SourceFile, Well
from remnant.study.check import check_study
from remnant.study.derived import mark_computed
from remnant.study.facts import facts, facts_frame
from remnant.study.folder import init_study
from remnant.study.handle import Study
from remnant.study.store import store_acquired
from remnant.study.versions import fingerprint

PLATES, WELLS = 1563, 384
STARTS = 11


def plate(number: int) -> tuple[Acquired, bytes]:
    """One plate of a made-up laboratory."""
    data = f"plate {number}".encode()
    run_id = f"R-{number:04d}"
    wells = tuple(
        Well(
            run_id=run_id,
            position=f"{'ABCDEFGHIJKLMNOP'[i % 16]}{i // 16 + 1:02d}",
            target="WT1",
            sample=f"S-{number}-{i // 3}",
            kind="unknown",
            detected=True,
            cq=20 + (i * 7919 % 1000) / 77,
            cdna_ul=5.0,
        )
        for i in range(WELLS)
    )
    source = SourceFile(
        sha256=hashlib.sha256(data).hexdigest(), name=f"{run_id}.rdml", size_bytes=len(data), format="rdml"
    )
    return Acquired(source=source, runs=(Run(run_id=run_id, cycles=45),), wells=wells), data


def seconds(step: Callable[[], object]) -> float:
    """Wall time of one step."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def storage(study: Study) -> list[Figure]:
    """Time what a study does with many wells."""
    files = [plate(number) for number in range(PLATES)]

    def store() -> None:
        for acquired, data in files:
            store_acquired(study, acquired, data, by="benchmark")

    return [
        Figure(f"store {PLATES * WELLS:,} wells of {PLATES} files, s", seconds(store)),
        Figure("read them as columns, s", seconds(lambda: facts_frame(study, Well))),
        Figure("read them as records, s", seconds(lambda: facts(study, Well))),
        Figure("fingerprint, s", seconds(lambda: fingerprint(study))),
        Figure("check database, audit, originals, facts, s", seconds(lambda: check_study(study))),
    ]


def empty_program(folder: Path) -> Path:
    """A Typer program with the same commands and nothing in them."""
    lines = ["import typer", "app = typer.Typer(name='remnant')"]
    lines += [
        f"{g} = typer.Typer(help={text!r}); app.add_typer({g}, name={g!r})" for g, text in GROUPS.items()
    ]
    for number, row in enumerate(COMMANDS):
        group, _, name = row.name.rpartition(" ")
        lines.append(f"@{group or 'app'}.command({name!r}, help={row.help!r})\ndef f{number}(): ...")
    path = folder / "empty.py"
    path.write_text("\n".join([*lines, "app()"]), encoding="utf-8")
    return path


def starts(commands: dict[str, list[str]]) -> dict[str, float]:
    """Median wall time of each command, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, line in commands.items():
            times[name].append(seconds(partial(subprocess.run, line, capture_output=True, check=True)))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Fill a study, read it, and start the command line."""
    folder = Path(tempfile.mkdtemp())
    try:
        study = init_study(folder / "study", name="Benchmark", by="benchmark")
        figures = storage(study)
        mark_computed(study)
        remnant = str(Path(sys.executable).with_name("remnant"))
        medians = starts(
            {
                "help": [remnant, "--help"],
                "empty": [sys.executable, str(empty_program(folder)), "--help"],
                "run": [remnant, "run", str(study.folder)],
            }
        )
    finally:
        shutil.rmtree(folder)
    ratio = medians["help"] / medians["empty"]
    figures += [
        Figure("remnant --help, s", medians["help"]),
        Figure("the same of an empty Typer program, s", medians["empty"]),
        Figure("ratio", ratio, "at most 1.3", ratio <= 1.3),
        Figure("a run that has nothing to do, s", medians["run"], "under 2", medians["run"] < 2.0),
    ]
    finish("Study and command line", figures)


if __name__ == "__main__":
    main()
