"""The same study on PostgreSQL. Runs where REMNANT_TEST_POSTGRESQL names an empty database and a driver is there.

For example ``postgresql+psycopg://user@host/name``; every test works in a schema of its own and drops it.
"""

import os
import uuid

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from remnant.errors import ConflictError, StorageError
from remnant.records.run import Well
from remnant.study.check import check_study
from remnant.study.connection import writing
from remnant.study.decisions import decisions, record_decision
from remnant.study.derived import current_hashes, write_derived
from remnant.study.fact_tables import FACTS
from remnant.study.facts import facts
from remnant.study.findings import import_findings
from remnant.study.folder import init_study, open_study
from remnant.study.store import retract, store_acquired
from remnant.study.tables import METADATA

ADDRESS = os.environ.get("REMNANT_TEST_POSTGRESQL")


@pytest.fixture(autouse=True)
def server(absent):
    if ADDRESS is None:
        absent("REMNANT_TEST_POSTGRESQL names no database")


@pytest.fixture
def shared(tmp_path):
    schema = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(ADDRESS, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    address = f"{ADDRESS}?options=-csearch_path%3D{schema}"
    yield init_study(tmp_path / "study", name="shared", by="anna", database=address)
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))


def test_every_fact_comes_back_equal(shared, everything):
    acquired, data = everything
    store_acquired(shared, acquired, data, by="anna")
    reopened = open_study(shared.folder)
    for kind in FACTS:
        if kind.table.name != "run":
            assert facts(reopened, kind.record) == getattr(acquired, kind.attribute)
    assert import_findings(reopened) == acquired.findings
    assert check_study(reopened) == ()


def test_conflict_supersede_retract_decide_and_derive(shared, plate):
    store_acquired(shared, *plate("R-1"), by="anna")
    again = plate("R-1", cq=30.0, name="again.rdml")
    with pytest.raises(ConflictError, match=r"cq is 25\.0 in R-1\.rdml, here 31\.0"):
        store_acquired(shared, *again, by="anna")
    store_acquired(shared, *again, by="anna", supersedes="R-1.rdml")
    assert facts(shared, Well) == again[0].wells
    retract(shared, "again.rdml", reason="mistake", by="anna")
    assert facts(shared, Well) == ()
    first = record_decision(shared, by="anna", on="run R-1", verdict="reject", reason="NTC")
    record_decision(shared, by="anna", on="run R-1", verdict="keep", reason="b", supersedes=first.decision_id)
    assert [decision.verdict for decision in decisions(shared)] == ["keep"]
    for value in ("h1", "h2"):
        write_derived(shared, "assay", {"R-1": (value, decisions(shared))})
    assert current_hashes(shared, "assay") == {"R-1": "h2"}
    assert [finding.code for finding in check_study(shared)] == ["study.left_superseded"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET action = 'x'",
        "DELETE FROM well",
        "TRUNCATE audit",
        "UPDATE source_file SET name = 'x'",
    ],
)
def test_history_cannot_be_changed_or_deleted(shared, statement):
    with pytest.raises(StorageError, match="append-only"), writing(shared.engine) as connection:
        connection.execute(sa.text(statement))


def test_migrations_make_exactly_the_tables(shared):
    with shared.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
