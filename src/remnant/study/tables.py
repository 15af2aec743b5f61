"""The tables that remember how facts came and went, what people decided, and what was computed.

Columns that hold a record are generated from its fields, so that the two cannot drift apart; the tables of
the facts themselves are in `remnant.study.fact_tables`. The audit and the decisions are append-only, which
triggers in the database enforce (see ``migrations``).

The same tables serve SQLite and PostgreSQL. Instants are ISO text in UTC, because the audit's hashes are
taken over exactly that text.
"""

from __future__ import annotations

import datetime as dt
import typing
from typing import Any, Final

import sqlalchemy as sa

from remnant.records.codec import hints, scalar_types
from remnant.records.finding import Finding
from remnant.records.judgement import Decision
from remnant.records.run import SourceFile

__all__ = [
    "AUDIT",
    "DECISION",
    "DERIVED",
    "DERIVED_STATE",
    "FINDING",
    "METADATA",
    "REVISION",
    "SOURCE_FILE",
    "record_columns",
]

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

_TYPES: Final[dict[type | None, sa.types.TypeEngine[Any]]] = {
    str: sa.Text(),
    int: sa.BigInteger(),
    float: sa.Double(),
    bool: sa.Boolean(),
    dt.date: sa.Date(),
    dt.datetime: sa.Text(),
    None: sa.Text(),
}


def record_columns(cls: type) -> list[sa.Column[Any]]:
    """Columns of a record; only a field whose type allows None may be empty.

    Parameters
    ----------
    cls : type
        A record class.

    Returns
    -------
    list of sqlalchemy.Column
        One a field, in order; nested fields are JSON text.
    """
    return [
        sa.Column(name, _TYPES[scalar], nullable=type(None) in typing.get_args(hints(cls)[name]))
        for name, scalar in scalar_types(cls).items()
    ]


SOURCE_FILE: Final = sa.Table(
    "source_file",
    METADATA,
    sa.Column("source_id", sa.Integer(), primary_key=True),
    *record_columns(SourceFile),
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


FINDING: Final = sa.Table(
    "finding",
    METADATA,
    sa.Column("source_id", sa.Integer(), sa.ForeignKey("source_file.source_id"), nullable=False),
    sa.Column("row_number", sa.Integer(), nullable=False),
    *record_columns(Finding),
    sa.PrimaryKeyConstraint("source_id", "row_number"),
)
"""What was noticed while a file was read. Findings of later stages are derived results."""

DECISION: Final = sa.Table(
    "decision",
    METADATA,
    *record_columns(Decision),
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
