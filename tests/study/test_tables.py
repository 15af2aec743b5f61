"""The tables, the records and the migrations say the same; an old study is upgraded, a newer refused."""

import contextlib
import sqlite3
from dataclasses import fields

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from remnant.errors import InputError, NotFoundError
from remnant.records.acquired import Acquired
from remnant.records.frames import schema
from remnant.study.connection import make_engine
from remnant.study.fact_tables import FACTS
from remnant.study.folder import init_study, open_study
from remnant.study.settings import located
from remnant.study.tables import METADATA, REVISION
from remnant.study.upgrade import head_revision, upgrade
from remnant.study.versions import has_current_schema

NOT_TABLES = {
    "source",
    "curves",
    "amplitudes",
    "tubes",
    "findings",
}  # curves and events stay in the original file


def test_migrations_make_exactly_the_tables(study):
    with study.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_only_a_database_of_the_newest_revision_has_the_current_schema(study):
    assert head_revision() == REVISION
    assert has_current_schema(study)
    for found in ("0005", "9999"):
        with study.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :found"), {"found": found})
        assert not has_current_schema(located(study.folder))
    with study.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert not has_current_schema(study)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.table.name)
def test_migrated_columns_are_the_fields_of_the_record(study, kind):
    with study.engine.connect() as connection:
        columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({kind.table.name})")]
    assert columns == ["source_id", "row_number", *schema(kind.record)]


def test_every_class_that_a_file_can_hold_has_a_table():
    assert {kind.attribute for kind in FACTS} == {field.name for field in fields(Acquired)} - NOT_TABLES


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_the_tables_compile_for_postgresql(table):
    assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_an_empty_database_is_brought_up_to_date_once(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    steps = upgrade(engine, where="here")
    assert (steps[0], steps[-1]) == ("0001", head_revision())
    assert upgrade(engine, where="here") == ()


def test_a_broken_upgrade_leaves_no_half_schema(tmp_path, monkeypatch):
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr(
        "alembic.runtime.migration.MigrationContext.stamp", lambda *_: (_ for _ in ()).throw(KeyError("cut"))
    )
    with pytest.raises(KeyError):
        upgrade(engine, where="here")
    assert sa.inspect(engine).get_table_names() == []


def test_a_newer_study_is_refused_and_left_alone(study):
    with contextlib.closing(sqlite3.connect(study.folder / "study.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (study.folder / "study.db").read_bytes()
    with pytest.raises(InputError, match=r"9999.*A newer remnant"):
        open_study(study.folder)
    assert (study.folder / "study.db").read_bytes() == before


def test_a_lost_database_is_not_replaced_by_an_empty_one(study):
    (study.folder / "study.db").unlink()
    with pytest.raises(NotFoundError, match="backup"):
        open_study(study.folder)
    assert not (study.folder / "study.db").exists()


def test_an_interrupted_start_can_be_repeated(tmp_path):
    folder = tmp_path / "study"
    init_study(folder, name="first", by="anna")
    (folder / "study.toml").unlink()
    init_study(folder, name="first", by="anna")
    assert open_study(folder).settings.name == "first"
