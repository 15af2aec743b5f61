"""The audit cannot be changed, and whoever goes round that is found."""

import contextlib
import dataclasses
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from remnant.errors import NotFoundError, StorageError
from remnant.evidence.kinds import ErrorTerm
from remnant.knowledge.tables import rows
from remnant.records.control import VarianceComponent
from remnant.records.judgement import Call
from remnant.study import check
from remnant.study.audit import AuditEntry, audit_trail, broken_links, record_action
from remnant.study.check import check_study, verify_audit
from remnant.study.connection import make_engine, writing
from remnant.study.decisions import record_decision
from remnant.study.derived import write_derived
from remnant.study.folder import open_study
from remnant.study.originals import original_bytes
from remnant.study.store import retract, store_acquired
from remnant.study.unverified import unverified_rules


def codes(findings):
    return {finding.code for finding in findings}


def edit(study, *statements):
    """Change the database behind remnant's back, the protecting triggers taken off and put on again."""
    with contextlib.closing(sqlite3.connect(study.folder / "study.db")) as raw, raw:
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)
        for _, sql in triggers:
            raw.execute(sql)


@pytest.fixture
def used(study, plate):
    for run_id in ("R-1", "R-2"):
        store_acquired(study, *plate(run_id), by="anna")
    store_acquired(study, *plate("R-1", cq=25.0, name="R-1b.rdml"), by="anna", supersedes="R-1.rdml")
    retract(study, "R-2.rdml", reason="wrong plate", by="boris")
    first = record_decision(study, by="anna", on="well R-1:A01", verdict="exclude", reason="bubble")
    record_decision(
        study, by="boris", on="well R-1:A01", verdict="keep", reason="no bubble", supersedes=first.decision_id
    )
    return study


def test_a_study_in_order_has_nothing_to_say(used):
    assert check_study(used) == ()
    assert [entry.action for entry in audit_trail(used)] == [
        "init",
        "import",
        "import",
        "supersede",
        "retract",
        "decide",
        "decide",
    ]


@pytest.mark.parametrize("table", ["audit", "decision", "well", "patient", "finding"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET rowid = rowid", "DELETE FROM {}"])
def test_history_cannot_be_changed_or_deleted(used, everything, table, verb):
    store_acquired(used, *everything, by="anna") if table in {"patient", "finding"} else None
    column = {"audit": "by", "decision": "verdict", "well": "cq", "patient": "sex", "finding": "code"}[table]
    statement = verb.format(table).replace("rowid = rowid", f'"{column}" = "{column}"')
    with pytest.raises(StorageError, match="append-only"), writing(used.engine) as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement", ["UPDATE source_file SET name = 'x'", "DELETE FROM source_file"], ids=["rename", "delete"]
)
def test_an_import_cannot_be_renamed_or_deleted(used, statement):
    with pytest.raises(StorageError, match="append-only"), writing(used.engine) as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize("column", [name for name in AuditEntry.__slots__ if name != "entry"])
def test_any_edited_column_of_the_audit_is_found(used, column):
    statement = (
        f"""UPDATE audit SET "{column}" = replace("{column}", substr("{column}", -1), '~') WHERE entry = 3"""  # noqa: S608 (names are ours)
    )
    edit(used, statement)
    assert "study.audit_chain" in codes(verify_audit(used))


@pytest.mark.property
def test_any_edited_character_of_the_audit_is_found(used):
    trail = audit_trail(used)
    generator = np.random.default_rng(7)
    texts = [name for name in AuditEntry.__slots__ if name != "entry"]
    for _ in range(300):
        place, name = int(generator.integers(len(trail))), str(generator.choice(texts))
        values = {field: getattr(trail[place], field) for field in AuditEntry.__slots__}
        at = int(generator.integers(len(values[name])))
        values[name] = values[name][:at] + chr(ord(values[name][at]) ^ 1) + values[name][at + 1 :]
        edited = (*trail[:place], AuditEntry(**values), *trail[place + 1 :])
        assert broken_links(edited), (place, name, at)


@pytest.mark.parametrize("entry", range(1, 8))
def test_any_removed_entry_is_found(used, entry):
    edit(used, f"DELETE FROM audit WHERE entry = {entry}")  # noqa: S608 (a number of ours)
    assert codes(verify_audit(used)) <= {"study.audit_chain", "study.audit_missing"}
    assert verify_audit(used)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE well SET cq = 20.0 WHERE row_number = 1 AND source_id = 1", "study.facts_changed"),
        ("DELETE FROM well WHERE row_number = 8 AND source_id = 1", "study.facts_changed"),
        ("UPDATE decision SET verdict = 'keep'", "study.audit_missing"),
        ("DELETE FROM decision WHERE supersedes IS NOT NULL", "study.audit_missing"),
        ("UPDATE source_file SET state = 'active' WHERE source_id = 2", "study.audit_missing"),
        ("UPDATE source_file SET name = 'other.rdml' WHERE source_id = 2", "study.audit_missing"),
    ],
)
def test_what_was_edited_behind_the_audit_is_found(used, statement, code):
    edit(used, statement)
    assert codes(check_study(used)) == {code}


def test_a_missing_trigger_is_found(used):
    with contextlib.closing(sqlite3.connect(used.folder / "study.db")) as raw, raw:
        raw.execute("DROP TRIGGER audit_no_update")
    assert codes(check_study(used)) == {"study.unprotected"}


def test_an_edited_or_lost_original_is_found(used, plate):
    acquired, data = plate("R-2")
    path = used.originals / acquired.source.sha256
    path.write_bytes(data[:-1] + b"?")
    assert codes(check_study(used)) == {"study.original_changed"}
    with pytest.raises(StorageError, match="other bytes"):
        original_bytes(used, acquired.source.sha256)
    path.unlink()
    assert codes(check_study(used)) == {"study.original_missing"}
    with pytest.raises(NotFoundError):
        original_bytes(used, acquired.source.sha256)


def test_an_original_without_import_is_only_noted(used):
    (used.originals / ("0" * 64)).write_bytes(b"left by a broken import")
    (finding,) = check_study(used)
    assert (finding.code, finding.severity) == ("study.original_unknown", "note")


def test_a_damaged_database_is_said_plainly(used):
    path = used.folder / "study.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="damaged database"):
        open_study(used.folder)


def test_a_study_that_may_not_be_written_is_said_plainly(used):
    engine = make_engine(f"sqlite:///file:{used.folder / 'study.db'}?mode=ro&uri=true")
    with (
        pytest.raises(StorageError, match=r"may not be written.*Copy the study"),
        writing(engine) as connection,
    ):
        connection.execute(sa.text("DELETE FROM derived"))


def test_unverified_rules_in_use_are_listed_once(study):
    call = {
        "measurement_id": "M",
        "patient_id": "P1",
        "sample_id": "S-1",
        "assay_id": "WT1/ABL1",
        "rule_id": "own.wt1",
        "rule_version": "1",
        "source": "a talk",
        "status": "unverified",
        "verdict": "above",
        "threshold": 250.0,
        "unit": "per_1e4",
        "point_value": 300.0,
        "probability_above": 0.9,
        "confidence": "borderline",
        "reason": "because",
    }
    write_derived(study, "call", {"P1": ("h", [Call(**call), Call(**call)])})
    (finding,) = check_study(study)
    assert (finding.code, finding.subject) == ("study.unverified_rule", "rule own.wt1")
    assert "a talk" in finding.message


def test_unverified_rows_behind_measurements_are_one_note_a_table(study, measurement):
    default = {
        "error_class": "run",
        "sd_log10": 0.07,
        "source": "assumption",
        "status": "unverified",
        "target": "",
    }
    baalc = VarianceComponent(**{**default, "error_class": "biology", "target": "BAALC"})
    one = measurement(
        evidence=dataclasses.replace(
            measurement().evidence, errors=(ErrorTerm(name="run:R-1", sd_log10=0.07),)
        )
    )
    write_derived(study, "assay", {"R-1": ("h", [one, VarianceComponent(**default), baalc])})
    found = {finding.subject: finding for finding in unverified_rules(study)}
    assert set(found) == {"rules of quantification", "rules of measurement errors"}
    assert found["rules of measurement errors"].message == "In use and not verified: run."
    assert "EAC 2003" in found["rules of quantification"].message
    assert {(one.code, one.severity) for one in found.values()} == {("study.unverified_assumption", "note")}


def test_an_action_without_other_trace_can_be_recorded(study):
    record_action(study, by="anna", action="export", subject="study", detail={"rows": 3})
    assert audit_trail(study)[-1].action == "export"
    assert check_study(study) == ()


def test_every_code_is_in_the_table_of_findings():
    folder = Path(check.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'"(study\.(?!db"|toml")[a-z_]+)"', text))
    used |= {f"study.unknown_{what}" for what in ("patient", "sample", "run")}
    assert used == {row["id"] for row in rows("findings") if row["id"].startswith("study.")}
