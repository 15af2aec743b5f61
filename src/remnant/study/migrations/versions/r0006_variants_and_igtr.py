"""Mutations and isoforms of a patient, and wells of IG/TR assays."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TYPES: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "text": sa.Text(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "number": sa.Double(),
}

# table, first column of its natural key, columns; text! may not be empty
FACTS: Final = (
    (
        "variant",
        "patient_id",
        "patient_id:text! target:text! variant:text! found_on:date detail:text",
    ),
    (
        "ig_tr_well",
        "run_id",
        (
            "run_id:text! position:text! patient_id:text! rearrangement:text! kind:text! sample_id:text"
            " diagnosis_share:number detected:boolean cq:number dna_ng:number excluded:text"
        ),
    ),
)


def upgrade() -> None:
    """Make the tables and the triggers that keep history as it was."""
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
