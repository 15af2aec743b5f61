"""Whether a study can be trusted: database, audit, originals, facts, and the rules in use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from remnant.records.finding import Finding
from remnant.study.audit import AuditEntry, audit_trail, broken_links
from remnant.study.connection import reading
from remnant.study.decisions import decisions
from remnant.study.fact_tables import FACTS
from remnant.study.facts import ImportedFile, imported_files
from remnant.study.handle import Study
from remnant.study.originals import sha256_of
from remnant.study.references import left_superseded, superseded_by_nothing
from remnant.study.store import facts_digest
from remnant.study.tables import AUDIT, DECISION, FINDING, SOURCE_FILE
from remnant.study.unverified import unverified_rules

__all__ = ["check_study", "verify_audit"]

_TRIGGERS: Final = {
    *(f"{t.name}_no_{verb}" for t in (AUDIT, DECISION, FINDING) for verb in ("update", "delete")),
    *(f"{kind.table.name}_no_{verb}" for kind in FACTS for verb in ("update", "delete")),
    "source_file_fixed",
    "source_file_no_delete",
}


def check_study(study: Study) -> tuple[Finding, ...]:
    """Everything that is wrong with a study, or lowers trust in it.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of Finding
        Empty if all is well.
    """
    return (
        *_database(study),
        *verify_audit(study),
        *_originals(study),
        *_facts(study),
        *map(superseded_by_nothing, left_superseded(study)),
        *unverified_rules(study),
    )


def verify_audit(study: Study) -> tuple[Finding, ...]:
    """Whether the audit is whole, and tells of every import and decision.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of Finding
        One a broken link; if the chain is whole, one an import or decision that the audit knows otherwise
        or not at all.
    """
    trail = audit_trail(study)
    broken = tuple(_failure("study.audit_chain", "audit", problem) for problem in broken_links(trail))
    if broken:
        return broken  # what a broken audit tells proves nothing
    return (*_unaudited_files(study, trail), *_unaudited_decisions(study, trail))


def _failure(code: str, subject: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity="failure",
        subject=subject,
        message=f"{message[:1].upper()}{message[1:]}.",
        advice="Restore the study from a backup and find out who changed it.",
    )


def _database(study: Study) -> Iterator[Finding]:
    if study.engine.dialect.name != "sqlite":
        return
    with reading(study.engine) as connection:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield _failure("study.database", "study.db", line)
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield _failure("study.database", "study.db", f"a row of {row[0]} points to nothing")
        present = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for name in sorted(_TRIGGERS - set(present)):
            yield _failure("study.unprotected", "study.db", f"the trigger {name} that keeps history is gone")


def _unaudited_files(study: Study, trail: tuple[AuditEntry, ...]) -> Iterator[Finding]:
    """Replay the audit and compare: state and hash of the facts of every import."""
    told: list[dict[str, Any]] = []
    for entry in trail:
        detail = json.loads(entry.detail)
        if entry.action in {"retract", "supersede"}:
            gone = detail["sha256"] if entry.action == "retract" else detail["supersedes"]["sha256"]
            state = "retracted" if entry.action == "retract" else "superseded"
            for earlier in told:
                if earlier["sha256"] == gone and earlier["state"] == "active":
                    earlier["state"] = state
        if entry.action in {"import", "supersede"}:
            told.append({**detail, "state": "active"})
    held = imported_files(study)
    fields = ("sha256", "name", "size_bytes", "format", "facts_sha256", "state")
    for file in held:
        if {name: getattr(file, name) for name in fields} not in [
            {name: item.get(name) for name in fields} for item in told
        ]:
            yield _failure(
                "study.audit_missing", f"file {file.name}", "the audit does not tell of this import so"
            )
    if len(told) > len(held):
        yield _failure(
            "study.audit_missing",
            "audit",
            f"the audit tells of {len(told)} imports, the study holds {len(held)}",
        )


def _unaudited_decisions(study: Study, trail: tuple[AuditEntry, ...]) -> Iterator[Finding]:
    told = {}
    for entry in trail:
        if entry.action == "decide":
            detail = json.loads(entry.detail)
            told[detail["decision_id"]] = detail
    held = decisions(study, standing=False)
    for decision in held:
        row = {name: getattr(decision, name) for name in type(decision).__slots__}
        row["at"] = decision.at.isoformat(timespec="microseconds")
        if told.pop(decision.decision_id, None) != row:
            yield _failure(
                "study.audit_missing",
                decision.on,
                f"the audit does not tell of decision {decision.decision_id} so",
            )
    for identifier, detail in told.items():
        yield _failure("study.audit_missing", str(detail["on"]), f"decision {identifier} is gone")


def _originals(study: Study) -> Iterator[Finding]:
    known: dict[str, ImportedFile] = {file.sha256: file for file in imported_files(study)}
    for sha256, file in known.items():
        path = study.originals / sha256
        if not path.is_file():
            yield _failure("study.original_missing", f"file {file.name}", "its original is gone")
        elif sha256_of(path) != sha256:
            yield _failure("study.original_changed", f"file {file.name}", "its original was changed")
    for path in sorted(study.originals.iterdir()):
        if path.name not in known:
            yield Finding(
                code="study.original_unknown",
                severity="note",
                subject=f"originals/{path.name[:12]}",
                message="No import tells of this file: an import was broken off before it was complete.",
                advice="It does no harm; import the file again if it is wanted.",
            )


def _facts(study: Study) -> Iterator[Finding]:
    with reading(study.engine) as connection:
        imports = connection.execute(
            sa.select(SOURCE_FILE.c.source_id, SOURCE_FILE.c.name, SOURCE_FILE.c.facts_sha256)
        ).all()
        for source_id, name, digest in imports:
            rows = {kind.table.name: _stored_rows(connection, kind.table, source_id) for kind in FACTS}
            if facts_digest(rows) != digest:
                yield _failure(
                    "study.facts_changed", f"file {name}", "its facts were changed after they were stored"
                )


def _stored_rows(connection: sa.Connection, table: sa.Table, source_id: int) -> list[tuple[Any, ...]]:
    columns = [column for column in table.c if column.name not in {"source_id", "row_number"}]
    query = sa.select(*columns).where(table.c.source_id == source_id).order_by(table.c.row_number)
    return [tuple(row) for row in connection.execute(query)]
