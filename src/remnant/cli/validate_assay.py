"""Limits of an assay from its own blanks and dilutions, of a file or of a study."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import RenderableType

import remnant
from remnant.acquire import read_path
from remnant.assay.dpcr.validation import digital_targets, validate_digital_assay
from remnant.assay.qpcr.validation import targets, validate_assay
from remnant.cli.answer import Answer, command, plain
from remnant.cli.printed import listed
from remnant.cli.quantify_digital import digital_quantified
from remnant.errors import InputError
from remnant.knowledge.calibration import unverified
from remnant.knowledge.dpcr import dpcr_rules
from remnant.pipeline.imports import files_under
from remnant.records.finding import Finding
from remnant.records.partition import DigitalWell
from remnant.records.patient import Patient
from remnant.records.run import Well
from remnant.records.validation import AssayValidation
from remnant.report import assay_validation
from remnant.report.context import Context
from remnant.study.derived import derived_records
from remnant.study.facts import facts
from remnant.study.findings import import_findings
from remnant.study.folder import open_study

__all__ = ["validate"]

_OF_STANDARDS: Final = ("instrument.standard", "rdml.standard")
"""Codes of what the reading of a file noticed about its standards."""


@command
def validate(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|STUDY", help="File of a run, folder of files of digital PCR, or folder of a study."
        ),
    ],
    *,
    assay: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Target, or assay as WT1/ABL1, or WT1/ABL1 dPCR.",
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
        File of a run, folder of files of digital PCR with their plate layout, or folder of a study, whose runs are all
        used.
    assay : str or None, default None
        Target, or assay written as target and control gene; behind it ``dPCR`` for the wells of digital PCR.
    out : pathlib.Path or None, default None
        Folder for ``assay-TARGET.html`` and ``assay-TARGET.json``.

    Returns
    -------
    Answer
        The limits, what stands behind each, and what was refused.
    """
    wells, partitions, noticed = _wells(path)
    wanted = assay and assay.removesuffix(" dPCR").partition("/")[0]
    digital = _is_digital(wells, partitions, assay)
    known = digital_targets(partitions) if digital else targets(wells)
    target = wanted or _only(path, known)
    found = validate_digital_assay(partitions, target) if digital else validate_assay(wells, target)
    # The unit of the standards is the unit of every limit.
    read = () if digital else tuple(one for one in noticed if one.code.startswith(_OF_STANDARDS))
    found = replace(found, findings=(*read, *found.findings))
    written = [] if out is None else _write(found, out, path)
    return Answer(data=found, shown=(*_shown(found), *(f"Wrote {place}." for place in written)))


def _wells(path: Path) -> tuple[Sequence[Well], Sequence[DigitalWell], Sequence[Finding]]:
    """Wells of real-time, counted wells of digital PCR, and what reading noticed: a study, a file or a folder."""
    if path.is_dir() and (path / "study.toml").exists():
        study = open_study(path)
        return facts(study, Well), derived_records(study, DigitalWell), import_findings(study)
    if not path.is_dir():
        read = [read_path(path)]
    else:
        with ThreadPoolExecutor() as pool:
            read = list(pool.map(read_path, files_under([path])))
    noticed = [finding for one in read for finding in one.findings]
    return [well for one in read for well in one.wells], digital_quantified(read).wells, noticed


def _is_digital(wells: Sequence[Well], partitions: Sequence[DigitalWell], assay: str | None) -> bool:
    """Whether the digital wells are meant: by the name of the assay, else where there are no others."""
    if assay is not None and assay.endswith(" dPCR"):
        return True
    return bool(partitions) and not targets(wells)


def _only(path: Path, known: Sequence[str]) -> str:
    if len(known) == 1:
        return known[0]
    if known:
        raise InputError(
            where=path.name,
            found=f"{len(known)} targets",
            needed="the name of one",
            advice=f"Say which with --assay: {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}.",
        )
    in_study = path.is_dir() and (path / "study.toml").exists()
    raise InputError(
        where=path.name,
        found="no well of a standard and none of digital PCR",
        needed="a dilution series: wells of standards with their copies",
        advice="Import runs with standards; the wells of digital PCR need `remnant run` first."
        if in_study
        else "Mark the wells of standards, with their copies, in the instrument's software and export again.",
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


def _rows(found: AssayValidation) -> tuple[tuple[str, str], ...]:
    """Rows behind these limits that nobody verified, with their sources."""
    rows = unverified()
    if found.digital is None:
        return rows
    blank = dpcr_rules().blank
    more = ((f"{blank.id} of digital PCR", blank.source),) if blank.status == "unverified" else ()
    return (*more, *(row for row in rows if not row[0].startswith("linear_")))


def _source(path: Path) -> tuple[str, bool]:
    """What the wells are from, in words, and whether they are of made-up patients."""
    if not (path.is_dir() and (path / "study.toml").exists()):
        return path.name, False
    study = open_study(path)
    return f"the study {study.settings.name}", any(one.synthetic for one in facts(study, Patient))


def _write(found: AssayValidation, folder: Path, path: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9-]+", "-", found.target)
    context = Context(
        study=f"Assay {found.target}",
        software=f"remnant {remnant.__version__}",
        written_at=dt.datetime.now(tz=dt.UTC),
        assumptions=tuple(f"The row {row} is not verified: {why}." for row, why in _rows(found)),
    )
    page, numbers = folder / f"assay-{name}.html", folder / f"assay-{name}.json"
    source, synthetic = _source(path)
    made = assay_validation.page(found, context=context, source=source, synthetic=synthetic)
    page.write_text(made, encoding="utf-8")
    numbers.write_text(json.dumps(plain(found), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return [page, numbers]
