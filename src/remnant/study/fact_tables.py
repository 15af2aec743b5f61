"""The tables of facts: one per record class, generated from its fields, so that the two cannot drift apart.

Every row names the import it came from (`source_id`) and its place in that file (`row_number`). Facts are
only ever added: a file that is retracted or superseded keeps its rows, and its state hides them.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final, Literal

import sqlalchemy as sa

from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.flow import PanelEntry, TubeUse
from remnant.records.igtr import IgTrWell
from remnant.records.measurement import ReportedValue
from remnant.records.partition import Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run, Well
from remnant.records.sample import Cdna, Fraction, Sample
from remnant.study.tables import METADATA, record_columns

__all__ = ["FACTS", "FactKind", "FactRecord", "fact_kind"]

FactRecord = (
    Patient
    | Event
    | Therapy
    | Variant
    | Sample
    | Cdna
    | Fraction
    | Run
    | Well
    | ReportedValue
    | IgTrWell
    | Partitions
    | PlateWell
    | FishCount
    | SortPurity
    | FractionMarker
    | AntigenCount
    | Repertoire
    | CloneCount
    | PanelEntry
    | TubeUse
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FactKind:
    """How records of one class are stored and compared.

    Attributes
    ----------
    record : type
        Record class.
    attribute : str
        Its place in `remnant.records.acquired.Acquired`.
    key : tuple of str
        Natural key.
    rule : {"one", "several", "complement"}
        What two files may say under one key. ``one``: a single record, word for word the same.
        ``several``: the same set of records. ``complement``: a single record, to which each file may add
        what the other leaves at its default.
    table : sqlalchemy.Table
        Where they are stored.
    """

    record: type[Any]
    attribute: str
    key: tuple[str, ...]
    rule: Literal["one", "several", "complement"]
    table: sa.Table

    @property
    def names(self) -> tuple[str, ...]:
        """Fields of the record, in order.

        Returns
        -------
        tuple of str
            Field names.
        """
        return tuple(field.name for field in dataclasses.fields(self.record))


def _kind(
    record: type[Any], attribute: str, key: str, rule: Literal["one", "several", "complement"]
) -> FactKind:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()
    table = sa.Table(
        name,
        METADATA,
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source_file.source_id"), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        *record_columns(record),
        sa.PrimaryKeyConstraint("source_id", "row_number"),
        sqlite_with_rowid=False,
    )
    columns = tuple(key.split())
    sa.Index(f"ix_{name}_{columns[0]}", table.c[columns[0]], table.c.source_id)
    return FactKind(record=record, attribute=attribute, key=columns, rule=rule, table=table)


FACTS: Final[tuple[FactKind, ...]] = (
    _kind(Patient, "patients", "patient_id", "complement"),
    _kind(Event, "events", "patient_id kind on", "several"),
    _kind(Therapy, "therapies", "patient_id kind start_on", "several"),
    _kind(Variant, "variants", "patient_id target variant", "several"),
    _kind(Sample, "samples", "sample_id", "complement"),
    _kind(Cdna, "cdnas", "cdna_id", "complement"),
    _kind(Fraction, "fractions", "fraction_id", "complement"),
    _kind(Run, "runs", "run_id", "complement"),
    _kind(Well, "wells", "run_id position target", "one"),
    _kind(ReportedValue, "reported", "sample_id target control unit fraction", "several"),
    _kind(IgTrWell, "igtr_wells", "run_id position", "one"),
    _kind(Partitions, "partitions", "run_id position channel target", "one"),
    _kind(PlateWell, "plate_wells", "run_id position channel target", "one"),
    _kind(FishCount, "fish_counts", "fraction_id probe reader pattern", "one"),
    _kind(SortPurity, "sort_purities", "fraction_id compartment method", "one"),
    _kind(FractionMarker, "fraction_markers", "fraction_id marker", "one"),
    _kind(AntigenCount, "antigen_counts", "sample_id clone antigen intensity", "one"),
    _kind(Repertoire, "repertoires", "repertoire_id", "complement"),
    _kind(CloneCount, "clone_counts", "repertoire_id clone_id", "one"),
    _kind(PanelEntry, "panels", "panel channel instrument valid_from", "one"),
    _kind(TubeUse, "tube_uses", "file data_set", "one"),
)
"""Every class of fact, in the order in which they are written."""


def fact_kind(record: type[Any]) -> FactKind:
    """How one class of fact is stored.

    Parameters
    ----------
    record : type
        Record class.

    Returns
    -------
    FactKind
        Its row of `FACTS`.

    Examples
    --------
    >>> fact_kind(Well).key
    ('run_id', 'position', 'target')
    """
    return next(kind for kind in FACTS if kind.record is record)
