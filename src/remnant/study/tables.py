"""The tables of a study: one per record class, and those that remember how facts came and went.

Fact tables are generated from the fields of the records, so that the two cannot drift apart. Every fact
row names the import it came from (`source_id`) and its place in that file (`row_number`). Facts are only
ever added: a file that is retracted or superseded keeps its rows, and its state hides them. The audit
and the decisions are append-only, which triggers in the database enforce (see ``migrations``).

The same tables serve SQLite and PostgreSQL. Instants are ISO text in UTC, because the audit's hashes are
taken over exactly that text.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from typing import Any, Final, Literal

import polars as pl
import sqlalchemy as sa

from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.codec import hints, schema
from remnant.records.finding import Finding
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.flow import PanelEntry, TubeUse
from remnant.records.igtr import IgTrWell
from remnant.records.judgement import Decision
from remnant.records.measurement import ReportedValue
from remnant.records.partition import Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run, SourceFile, Well
from remnant.records.sample import Cdna, Fraction, Sample

__all__ = [
    "AUDIT",
    "DECISION",
    "DERIVED",
    "DERIVED_STATE",
    "FACTS",
    "FINDING",
    "METADATA",
    "REVISION",
    "SOURCE_FILE",
    "FactKind",
    "FactRecord",
    "fact_kind",
]

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

REVISION: Final = "0006"
"""Newest of the ``migrations``, which makes these tables."""

METADATA: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_TYPES: Final[dict[pl.DataType, sa.types.TypeEngine[Any]]] = {
    pl.String(): sa.Text(),
    pl.Int64(): sa.BigInteger(),
    pl.Float64(): sa.Double(),
    pl.Boolean(): sa.Boolean(),
    pl.Date(): sa.Date(),
    pl.Datetime(time_zone="UTC"): sa.Text(),
}


def _columns(cls: type) -> list[sa.Column[Any]]:
    """Columns of a record; only a field whose type allows None may be empty."""
    return [
        sa.Column(name, _TYPES[dtype], nullable=type(None) in typing.get_args(hints(cls)[name]))
        for name, dtype in schema(cls).items()
    ]


SOURCE_FILE: Final = sa.Table(
    "source_file",
    METADATA,
    sa.Column("source_id", sa.Integer(), primary_key=True),
    *_columns(SourceFile),
    sa.Column("imported_at", sa.Text(), nullable=False),
    sa.Column("imported_by", sa.Text(), nullable=False),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("superseded_by", sa.Text()),
    sa.Column("facts_sha256", sa.Text(), nullable=False),
    sa.CheckConstraint("state in ('active', 'retracted', 'superseded')", name="state"),
)
"""Imports. One row an import: a file that was retracted and imported again has two."""

sa.Index(
    "ix_source_file_active",
    SOURCE_FILE.c.sha256,
    unique=True,
    sqlite_where=SOURCE_FILE.c.state == "active",
    postgresql_where=SOURCE_FILE.c.state == "active",
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
        *_columns(record),
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


FINDING: Final = sa.Table(
    "finding",
    METADATA,
    sa.Column("source_id", sa.Integer(), sa.ForeignKey("source_file.source_id"), nullable=False),
    sa.Column("row_number", sa.Integer(), nullable=False),
    *_columns(Finding),
    sa.PrimaryKeyConstraint("source_id", "row_number"),
)
"""What was noticed while a file was read. Findings of later stages are derived results."""

DECISION: Final = sa.Table(
    "decision",
    METADATA,
    *_columns(Decision),
    sa.PrimaryKeyConstraint("decision_id"),
    sa.ForeignKeyConstraint(["supersedes"], ["decision.decision_id"]),
    sa.UniqueConstraint("supersedes"),
)
"""What people decided. Append-only; a decision is superseded at most once."""

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column("entry", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text(), nullable=False),
    sa.Column("by", sa.Text(), nullable=False),
    sa.Column("action", sa.Text(), nullable=False),
    sa.Column("subject", sa.Text(), nullable=False),
    sa.Column("detail", sa.Text(), nullable=False),
    sa.Column("software", sa.Text(), nullable=False),
    sa.Column("previous_hash", sa.Text(), nullable=False),
    sa.Column("hash", sa.Text(), nullable=False),
)
"""Who did what and when; each entry holds the hash of the one before. Append-only."""

DERIVED: Final = sa.Table(
    "derived",
    METADATA,
    sa.Column("stage", sa.Text(), nullable=False),
    sa.Column("key", sa.Text(), nullable=False),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("payload", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("stage", "key", "kind"),
)
"""Results that can be thrown away and computed again: JSON lists of records of one class."""

DERIVED_STATE: Final = sa.Table(
    "derived_state",
    METADATA,
    sa.Column("stage", sa.Text(), nullable=False),
    sa.Column("key", sa.Text(), nullable=False),
    sa.Column("input_hash", sa.Text(), nullable=False),
    sa.Column("rules_version", sa.Text(), nullable=False),
    sa.Column("code_version", sa.Text(), nullable=False),
    sa.Column("computed_at", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("stage", "key"),
)
"""What each derived result was computed from."""
