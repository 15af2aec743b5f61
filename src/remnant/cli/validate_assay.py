"""Limits of an assay from its own blanks and dilutions, of a file or of a study."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType

import remnant
from remnant.acquire import read_path
from remnant.assay.qpcr.validation import targets, validate_assay
from remnant.cli.answer import Answer, command, plain
from remnant.cli.printed import listed
from remnant.errors import InputError
from remnant.knowledge.calibration import unverified
from remnant.records.run import Well
from remnant.records.validation import AssayValidation
from remnant.report import assay_validation
from remnant.report.context import Context
from remnant.study.facts import facts, import_findings
from remnant.study.folder import open_study

__all__ = ["validate"]

_OF_STANDARDS: Final = ("instrument.standard", "rdml.standard")
"""Codes of what the reading of a file noticed about its standards."""


@command
def validate(
    path: Annotated[Path, typer.Argument(metavar="FILE|STUDY", help="File of a run, or folder of a study.")],
    *,
    assay: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Target, or assay as WT1/ABL1.",
            show_default="the only target with standards",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the page and the numbers to.", show_default=False)
    ] = None,
) -> Answer:
    """Limits of blank, detection and quantification of an assay.

    Parameters
    ----------
    path : pathlib.Path
        File of a run, or folder of a study, whose runs are all used.
    assay : str or None, default None
        Target, or assay written as target and control gene.
    out : pathlib.Path or None, default None
        Folder for ``assay-TARGET.html`` and ``assay-TARGET.json``.

    Returns
    -------
    Answer
        The limits, what stands behind each, and what was refused.
    """
    if path.is_dir():
        study = open_study(path)
        wells, noticed = facts(study, Well), import_findings(study)
    else:
        acquired = read_path(path)
        wells, noticed = acquired.wells, acquired.findings
    found = validate_assay(wells, _target(path, wells, assay))
    # The unit of the standards is the unit of every limit.
    read = tuple(one for one in noticed if one.code.startswith(_OF_STANDARDS))
    found = replace(found, findings=(*read, *found.findings))
    written = [] if out is None else _write(found, out, source=path.name)
    return Answer(data=found, shown=(*_shown(found), *(f"Wrote {place}." for place in written)))


def _target(path: Path, wells: tuple[Well, ...], assay: str | None) -> str:
    if assay is not None:
        return assay.partition("/")[0]
    known = targets(wells)
    if len(known) == 1:
        return known[0]
    raise InputError(
        where=path.name,
        found=f"{len(known)} targets with standards",
        needed="one, or --assay",
        advice=f"Name one: {', '.join(known[:20])}." if known else "Add standards with their copies.",
    )


def _shown(found: AssayValidation) -> list[RenderableType]:
    table, levels = assay_validation.limit_table(found), assay_validation.level_table(found)
    shown: list[RenderableType] = [assay_validation.sentence(found), ""]
    for one in (table, levels):
        rows = [tuple(": ".join(filter(None, (cell.text, cell.note))) for cell in row) for row in one.rows]
        names = tuple(column.name for column in one.columns)
        shown += [listed(names, rows, right=tuple(c.name for c in one.columns if c.number)), ""]
    shown += [f"{one.severity}: {one.message} {one.advice or ''}".strip() for one in found.findings]
    return [*shown, "Research use only."]


def _write(found: AssayValidation, folder: Path, *, source: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9-]+", "-", found.target)
    context = Context(
        study=source,
        software=f"remnant {remnant.__version__}",
        written_at=dt.datetime.now(tz=dt.UTC),
        assumptions=tuple(f"The row {row} is not verified: {why}." for row, why in unverified()),
    )
    page, numbers = folder / f"assay-{name}.html", folder / f"assay-{name}.json"
    page.write_text(assay_validation.page(found, context=context), encoding="utf-8")
    numbers.write_text(json.dumps(plain(found), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return [page, numbers]
