"""Facts and results of a study as tables that other programs read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import polars as pl
import typer

from remnant.acquire.columns import Kind, KindName, kind_of
from remnant.acquire.writing import written
from remnant.cli.answer import Answer, command
from remnant.cli.options import By, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.results import computed
from remnant.cohort.table import patients
from remnant.errors import ConflictError
from remnant.records.amplification import CurveResult
from remnant.records.deciding import call_subject
from remnant.records.finding import Finding
from remnant.records.frames import to_frame
from remnant.records.judgement import Call, Course, Decision, SeriesPoint
from remnant.records.measurement import Baseline, CurveFit, Measurement, WellUse
from remnant.records.mrd import MrdPoint
from remnant.records.partition import DigitalWell
from remnant.records.run import Well
from remnant.report import formats
from remnant.study.audit import record_action
from remnant.study.connection import plain_errors
from remnant.study.decisions import decisions
from remnant.study.derived import derived_records
from remnant.study.dossiers import dossiers
from remnant.study.fact_tables import FACTS
from remnant.study.facts import facts, facts_frame
from remnant.study.findings import all_findings
from remnant.study.handle import Study

__all__ = ["export"]

_KINDS: Final[dict[str, KindName]] = {
    "patients": "patients",
    "events": "events",
    "therapies": "therapies",
    "samples": "samples",
    "cdnas": "cdna",
    "fractions": "fractions",
    "runs": "runs",
    "wells": "cq table",
    "reported": "reported values",
    "plate_wells": "plate layout",
    "fish_counts": "fish scores",
    "sort_purities": "sort purity",
    "fraction_markers": "fraction markers",
    "antigen_counts": "antigen counts",
    "panels": "panels",
    "tube_uses": "tubes",
}
_DERIVED: Final = {
    "curve_fits": CurveFit,
    "well_uses": WellUse,
    "digital_wells": DigitalWell,
    "measurements": Measurement,
    "baselines": Baseline,
    "calls": Call,
    "courses": Course,
}


@command
def export(
    study: StudyFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write.")],
    *,
    as_: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Kind of file.")] = "csv",
    by: By,
) -> Answer:
    """Write facts, results and the cohort table, one file a table.

    As CSV the facts are in the form in which they are imported, but for those that only an instrument's own
    file holds; a text that a spreadsheet would take for a formula gets an apostrophe. Parquet holds the records as they are, with every type.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    out : pathlib.Path
        Folder to write; no file in it is overwritten.
    as_ : {"csv", "parquet"}, default "csv"
        Kind of file.
    by : str
        Who exports, for the audit.

    Returns
    -------
    Answer
        Files with their number of rows.
    """
    opened = computed(study)
    if out.resolve() == opened.folder.resolve():
        raise ConflictError(
            where=str(out),
            found="the folder of the study itself",
            needed="a folder of its own for the tables",
            advice="Choose another folder, such as one inside the study's reports.",
        )
    tables = {f"{name}.{as_}": frame for name, frame in _frames(opened, as_) if frame.height}
    _refuse_overwriting(out, list(tables))
    with plain_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        for name, frame in tables.items():
            data = formats.csv(frame).encode() if as_ == "csv" else formats.parquet(frame)
            (out / name).write_bytes(data)
    rows = {name: frame.height for name, frame in tables.items()}
    record_action(opened, by=by, action="export", subject="study", detail={"files": rows})
    shown = listed(("file", "rows"), rows.items(), right=("rows",))
    return Answer(data={"folder": out, "files": rows}, shown=(shown, f"Written to {out}"))


def _frames(study: Study, as_: str) -> Iterator[tuple[str, pl.DataFrame]]:
    for kind in FACTS:
        if as_ == "csv" and kind.attribute in _KINDS:
            yield kind.attribute, _importable(kind_of(_KINDS[kind.attribute]), facts(study, kind.record))
        else:
            yield kind.attribute, facts_frame(study, kind.record)
    for name, record in _DERIVED.items():
        frame = to_frame(derived_records(study, record), record)
        yield name, _with_decisions(study, frame) if record is Call else frame
    yield "amplification_curves", _beside_instrument(study)
    points = [point for course in derived_records(study, Course) for point in course.points]
    yield "series_points", to_frame(points, SeriesPoint)
    specific = [point for course in derived_records(study, Course) for point in course.mrd]
    yield "mrd_points", to_frame(specific, MrdPoint)
    yield "findings", to_frame(all_findings(study), Finding)
    yield "decisions", to_frame(decisions(study, standing=False), Decision)
    yield "cohort", patients(dossiers(study))


def _beside_instrument(study: Study) -> pl.DataFrame:
    """What we read from each amplification curve, with the instrument's Cq and the difference beside it."""
    ours = to_frame(derived_records(study, CurveResult), CurveResult)
    place = ["run_id", "position", "target"]
    theirs = to_frame(facts(study, Well), Well).select(
        *place, "sample", pl.col("cq").cast(pl.Float64).alias("instrument_cq")
    )
    return ours.join(theirs, on=place, how="left", maintain_order="left").with_columns(
        (pl.col("cq").cast(pl.Float64) - pl.col("instrument_cq")).alias("cq_difference")
    )


def _with_decisions(study: Study, frame: pl.DataFrame) -> pl.DataFrame:
    """Verdicts with what people decided on them beside, empty where nobody did."""
    said = {decision.on: decision for decision in decisions(study)}
    held = [said.get(call_subject(call)) for call in derived_records(study, Call)]
    return frame.with_columns(
        pl.Series("decided", [one and one.verdict for one in held], dtype=pl.String),
        pl.Series("decided_by", [one and one.by for one in held], dtype=pl.String),
        pl.Series("decided_at", [one and one.at.isoformat() for one in held], dtype=pl.String),
        pl.Series("decided_reason", [one and one.reason for one in held], dtype=pl.String),
    )


def _importable(kind: Kind, records: Sequence[Any]) -> pl.DataFrame:
    """Records as a table that `remnant import` takes; a column of numbers and words becomes text."""
    header, rows = written(kind, records)
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return pl.DataFrame([_column(name, cells) for name, cells in zip(header, columns, strict=True)])


def _column(name: str, cells: Sequence[Any]) -> pl.Series:
    if len({type(cell) for cell in cells if cell is not None}) <= 1:
        return pl.Series(name, cells)
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells])


def _refuse_overwriting(out: Path, names: list[str]) -> None:
    present = [name for name in names if (out / name).exists()]
    if present:
        raise ConflictError(
            where=str(out),
            found=f"{len(present)} file{'s' if len(present) != 1 else ''} that would be overwritten",
            needed="a folder without them",
            advice="Choose another folder.",
            problems=present,
        )
