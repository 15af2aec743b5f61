"""QIAGEN QIAcuity: the table of wells that the software suite exports.

The first column holds the place and has no name, or is called Well. The sign for micro is often damaged on the
way, so that columns are found by the beginning of their names. Version 3 of the suite names the target
``Target (Name)``, gives a concentration of the reaction and one of the undiluted sample, and writes place and
sample in the first of a well's rows only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from remnant.acquire.partition_cells import (
    Cells,
    Digital,
    count_problems,
    kind_of_word,
    lacking,
    places,
    repeated_wells,
)
from remnant.acquire.refusal import RefusedFileError
from remnant.acquire.sheet import Sheet
from remnant.records.finding import Finding
from remnant.records.partition import Partitions
from remnant.records.run import Run, WellKind

__all__ = ["is_results", "lacks", "read_results"]

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "position": ("Well", "Well Name"),
    "sample": ("Sample/NTC/Control",),
    "type": ("Type",),
    "target": ("Target", "Target (Name)"),
    "accepted": ("Partitions (valid)",),
    "positives": ("Partitions (positive)",),
    "negatives": ("Partitions (negative)",),
    "threshold": ("Threshold",),
    "channel": ("Channel", "Dye"),
}
_NEEDED: Final = frozenset({"sample", "target", "accepted", "positives"})


def is_results(header: Sequence[str]) -> bool:
    """Whether a header is that of the QIAcuity software suite.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    bool
        Whether all needed columns are there.
    """
    return not lacks(header)


def lacks(header: Sequence[str]) -> list[str]:
    """Needed columns that a header does not have.

    Parameters
    ----------
    header : sequence of str
        Column names.

    Returns
    -------
    list of str
        As the instrument writes them.
    """
    return lacking(header, _COLUMNS, _NEEDED)


def read_results(sheet: Sheet, *, run_id: str, sha256: str) -> Digital:
    """Wells of a table of results.

    Parameters
    ----------
    sheet : Sheet
        The table.
    run_id : str
        Name of the run; a plate number stands in each row and is not unique.
    sha256 : str
        Hash of the file.

    Returns
    -------
    Digital
        One entry a well and target.

    Raises
    ------
    RefusedFileError
        With every problem.
    """
    columns = {"position": 0, **places(sheet.header, _COLUMNS)}
    concentration_at = [i for i, name in enumerate(sheet.header) if name.lower().startswith("conc")]
    if concentration_at:
        of_reaction = [i for i in concentration_at if "reaction" in sheet.header[i].lower()]
        columns["concentration"] = (of_reaction or concentration_at)[0]
    cells = Cells(_filled(sheet, columns), columns)
    positions = cells.positions()
    accepted, positives = cells.whole("accepted"), cells.whole("positives")
    negatives = cells.whole("negatives")
    count_problems(cells, positives, accepted)
    concentration, threshold = cells.number("concentration"), cells.number("threshold")
    samples, targets, types = cells.text("sample"), cells.text("target"), cells.text("type")
    channels = cells.text("channel")
    wells: list[Partitions] = []
    for i, place in enumerate(positions):
        k, n = positives[i], accepted[i]
        if n is None or k is None:
            cells.refuse(i, "accepted", "", code="digital.number", expected="valid and positive partitions")
            continue
        if negatives[i] is not None and k + (negatives[i] or 0) != n:
            found = f"{k} positives and {negatives[i]} negatives"
            cells.refuse(i, "accepted", found, code="digital.counts", expected=f"{n} partitions in all")
        kind: WellKind = kind_of_word(types[i]) or kind_of_word(samples[i]) or "unknown"
        wells.append(
            Partitions(
                run_id=run_id,
                position=place,
                channel=channels[i] or targets[i],
                target=targets[i],
                sample=samples[i],
                kind=kind,
                accepted=n,
                positives=k,
                instrument="qiacuity",
                concentration_copies_per_ul=concentration[i],
                threshold=threshold[i],
                excluded=None if n else "no valid partition",
            )
        )
    repeated_wells(cells, [(w.run_id, w.position, w.channel, w.target) for w in wells])
    if cells.problems:
        raise RefusedFileError(sheet.file, cells.problems, unlisted=sheet.unlisted)
    run = Run(run_id=run_id, instrument="QIAGEN QIAcuity", source_sha256=sha256)
    return Digital(
        format="qiacuity results",
        runs=(run,),
        partitions=tuple(wells),
        findings=_controls(sheet.file, types),
    )


def _filled(sheet: Sheet, columns: Mapping[str, int]) -> Sheet:
    """The table with place, sample and type of a well in each of its rows."""
    place = str(columns["position"])
    continues = pl.col(place) == ""
    if not sheet.cells.select(continues.any()).item():
        return sheet
    down = {str(columns[name]) for name in ("position", "sample", "type") if name in columns}
    cells = sheet.cells.with_columns(
        pl.when(continues & (pl.col(name) == ""))
        .then(pl.when(continues).then(None).otherwise(pl.col(name)).forward_fill())
        .otherwise(pl.col(name))
        .fill_null("")
        .alias(name)
        for name in down
    )
    return replace(sheet, cells=cells)


def _controls(file: str, types: Sequence[str]) -> tuple[Finding, ...]:
    """Wells that the table calls a control without saying of which kind."""
    count = sum(text.strip().lower() == "control" for text in types)
    if not count:
        return ()
    return (
        Finding(
            code="digital.control_kind",
            severity="note",
            subject=f"file {file}",
            message=f"{count} wells are called Control: read as positive controls.",
            advice="Say in a plate layout what they hold, if it is something else.",
        ),
    )
