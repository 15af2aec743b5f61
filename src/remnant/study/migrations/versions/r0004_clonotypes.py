"""Sequenced samples and the reads of their clonotypes; the sorted cells that a reported value is of."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# table, first column of its natural key, columns; text! may not be empty
FACTS: Final = (
    (
        "repertoire",
        "repertoire_id",
        (
            "repertoire_id:text! sample_id:text sampled_on:day total_reads:integer analysed_reads:integer"
            " copies_per_read:number input_cells:integer label:text producer:text"
        ),
    ),
    (
        "clone_count",
        "repertoire_id",
        (
            "repertoire_id:text! clone_id:text! locus:text! reads:integer! locus_reads:integer copies:number"
            " name:text v_call:text d_call:text j_call:text junction:text junction_aa:text sequence:text"
            " productive:truth standard:text"
        ),
    ),
)
TYPES: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "text": sa.Text(),
    "integer": sa.BigInteger(),
    "number": sa.Double(),
    "day": sa.Date(),
    "truth": sa.Boolean(),
}


def upgrade() -> None:
    """Make the tables and the triggers that keep history as it was, and add the column."""
    for name, key, text in FACTS:
        parts = [item.split(":") for item in text.split()]
        op.create_table(
            name,
            sa.Column("source_id", sa.Integer(), nullable=False),
            sa.Column("row_number", sa.Integer(), nullable=False),
            *(
                sa.Column(field, TYPES[kind.rstrip("!")], nullable=not kind.endswith("!"))
                for field, kind in parts
            ),
            sa.PrimaryKeyConstraint("source_id", "row_number", name=f"pk_{name}"),
            sa.ForeignKeyConstraint(["source_id"], ["source_file.source_id"], name=f"fk_{name}_source_id"),
            sqlite_with_rowid=False,
        )
        op.create_index(f"ix_{name}_{key}", name, [key, "source_id"])
        _append_only(name)
    op.add_column("reported_value", sa.Column("fraction", sa.Text()))


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION remnant_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
