"""First schema: imports, one table a class of fact, findings, decisions, audit, derived results.

Written out and never changed after release. ``text!`` is a column that may not be empty.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TYPES: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "text": sa.Text(),
    "integer": sa.BigInteger(),
    "number": sa.Double(),
    "flag": sa.Boolean(),
    "day": sa.Date(),
}

# table, first column of its natural key, columns
FACTS: Final = (
    (
        "patient",
        "patient_id",
        (
            "patient_id:text! diagnosis:text! sex:text age_years:number fab:text lesion:text transcript:text"
            " risk:text status_at_transplant:text donor:text conditioning:text synthetic:flag!"
        ),
    ),
    ("event", "patient_id", "patient_id:text! kind:text! on:day! detail:text"),
    (
        "therapy",
        "patient_id",
        "patient_id:text! kind:text! start_on:day! end_on:day agent:text target_antigen:text",
    ),
    (
        "sample",
        "sample_id",
        (
            "sample_id:text! patient_id:text! material:text! drawn_on:day! received_on:day reason:text!"
            " blast_percent:number chimerism_whole_percent:number chimerism_cd3_percent:number"
            " chimerism_cd34_percent:number quality:text cd34_percent:number"
        ),
    ),
    (
        "cdna",
        "cdna_id",
        "cdna_id:text! sample_id:text! transcribed_on:day rna_ng:number rna_integrity:number kit_lot:text",
    ),
    (
        "fraction",
        "fraction_id",
        (
            "fraction_id:text! sample_id:text! compartment:text! sort_gate:text! purity:number"
            " reanalysed_events:integer yield_cells:integer"
        ),
    ),
    (
        "run",
        "run_id",
        (
            "run_id:text! run_on:day instrument:text serial:text operator:text kit_lot:text primer_lot:text"
            " standard_lot:text cdna_ul_per_well:number chemistry:text threshold:number cycles:integer"
            " source_sha256:text"
        ),
    ),
    (
        "well",
        "run_id",
        (
            "run_id:text! position:text! target:text! sample:text! kind:text! detected:flag cq:number"
            " standard_copies:number cdna_ul:number dilution:number! excluded:text replicate:integer"
        ),
    ),
    (
        "reported_value",
        "sample_id",
        (
            "sample_id:text! patient_id:text! target:text! control:text! unit:text! value:number"
            " upper_limit:number lower_limit:number control_copies:number drawn_on:day material:text"
        ),
    ),
)
FINDING: Final = (
    "code:text! severity:text! subject:text! message:text! where:text found:text needed:text advice:text"
)
APPEND_ONLY: Final = ("audit", "decision", "finding", *(name for name, _, _ in FACTS))
FIXED: Final = ("source_id", "sha256", "name", "size_bytes", "format", "imported_at", "facts_sha256")


def _columns(text: str) -> list[sa.Column[Any]]:
    """Columns of one table, from the notation above."""
    parts = [item.split(":") for item in text.split()]
    return [sa.Column(name, TYPES[kind.rstrip("!")], nullable=not kind.endswith("!")) for name, kind in parts]


def upgrade() -> None:
    """Make every table and the triggers that keep history as it was."""
    _imports()
    for name, key, text in FACTS:
        _of_a_file(name, text, clustered=True)
        op.create_index(f"ix_{name}_{key}", name, [key, "source_id"])
    _of_a_file("finding", FINDING, clustered=False)
    _history()
    _derived()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _imports() -> None:
    op.create_table(
        "source_file",
        sa.Column("source_id", sa.Integer(), nullable=False),
        *_columns(
            "sha256:text! name:text! size_bytes:integer! format:text! imported_at:text! imported_by:text!"
            " state:text! superseded_by:text facts_sha256:text!"
        ),
        sa.PrimaryKeyConstraint("source_id", name="pk_source_file"),
        sa.CheckConstraint(
            "state in ('active', 'retracted', 'superseded')", name=op.f("ck_source_file_state")
        ),
    )
    op.create_index(
        "ix_source_file_active",
        "source_file",
        ["sha256"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )


def _of_a_file(name: str, text: str, *, clustered: bool) -> None:
    op.create_table(
        name,
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        *_columns(text),
        sa.PrimaryKeyConstraint("source_id", "row_number", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["source_id"], ["source_file.source_id"], name=f"fk_{name}_source_id"),
        sqlite_with_rowid=not clustered,
    )


def _history() -> None:
    op.create_table(
        "decision",
        *_columns("decision_id:text! by:text! at:text! on:text! verdict:text! reason:text! supersedes:text"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision"),
        sa.ForeignKeyConstraint(["supersedes"], ["decision.decision_id"], name="fk_decision_supersedes"),
        sa.UniqueConstraint("supersedes", name="uq_decision_supersedes"),
    )
    op.create_table(
        "audit",
        sa.Column("entry", sa.Integer(), autoincrement=False, nullable=False),
        *_columns(
            "at:text! by:text! action:text! subject:text! detail:text! software:text! previous_hash:text!"
            " hash:text!"
        ),
        sa.PrimaryKeyConstraint("entry", name="pk_audit"),
    )


def _derived() -> None:
    op.create_table(
        "derived",
        *_columns("stage:text! key:text! kind:text! payload:text!"),
        sa.PrimaryKeyConstraint("stage", "key", "kind", name="pk_derived"),
    )
    op.create_table(
        "derived_state",
        *_columns(
            "stage:text! key:text! input_hash:text! rules_version:text! code_version:text! computed_at:text!"
        ),
        sa.PrimaryKeyConstraint("stage", "key", name="pk_derived_state"),
    )


def _sqlite_triggers() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        f"CREATE TRIGGER source_file_fixed BEFORE UPDATE OF {', '.join(FIXED)} ON source_file"
        " BEGIN SELECT RAISE(ABORT, 'an import is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER source_file_no_delete BEFORE DELETE ON source_file"
        " BEGIN SELECT RAISE(ABORT, 'an import is append-only'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION remnant_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    call = "EXECUTE FUNCTION remnant_append_only()"
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT {call}"
        )
    op.execute(
        f"CREATE TRIGGER source_file_fixed BEFORE UPDATE OF {', '.join(FIXED)} ON source_file"
        f" FOR EACH STATEMENT {call}"
    )
    op.execute(
        "CREATE TRIGGER source_file_no_delete BEFORE DELETE OR TRUNCATE ON source_file"
        f" FOR EACH STATEMENT {call}"
    )
