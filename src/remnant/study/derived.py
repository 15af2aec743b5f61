"""Results that can be thrown away: stored beside what they were computed from.

A stage stores its results under keys of its own (a run, a patient), each with the hash of its inputs.
A result counts as out of date when that hash, the rules or the code changed. Records are kept as JSON,
grouped by class, and come back equal.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from remnant.errors import InputError, NotFoundError
from remnant.records.codec import from_dict, to_dict
from remnant.study.audit import now_utc
from remnant.study.connection import reading, writing
from remnant.study.handle import Study
from remnant.study.tables import DERIVED, DERIVED_STATE
from remnant.study.versions import code_version, fingerprint, rules_version

__all__ = [
    "current_hashes",
    "derived_records",
    "is_computed",
    "mark_computed",
    "stored_keys",
    "write_derived",
]

R = TypeVar("R")

_RUN: Final = "run"
_RECORDS: Final = "remnant.records."


def write_derived(
    study: Study,
    stage: str,
    results: Mapping[str, tuple[str, Sequence[Any]]],
    *,
    remove: Iterable[str] = (),
) -> None:
    """Store results of one stage, in one transaction.

    Parameters
    ----------
    study : Study
        The study.
    stage : str
        Name of the stage.
    results : mapping of str to (str, sequence of records)
        By key: hash of the inputs, and the records. They replace what stood under the key.
    remove : iterable of str, default ()
        Keys that exist no longer.

    Raises
    ------
    KeyError
        If a record's class is not one of `remnant.records`: it could not be read back.
    """
    computed_at = now_utc()
    stale = sorted({*results, *remove})
    rows = [
        {"stage": stage, "key": key, "kind": kind, "payload": payload}
        for key, (_, records) in results.items()
        for kind, payload in _payloads(records)
    ]
    states = [
        {
            "stage": stage,
            "key": key,
            "input_hash": input_hash,
            "rules_version": rules_version(),
            "code_version": code_version(),
            "computed_at": computed_at,
        }
        for key, (input_hash, _) in results.items()
    ]
    with writing(study.engine) as connection:
        for table in (DERIVED, DERIVED_STATE):
            if stale:
                key = sa.bindparam("old_key", type_=sa.Text())
                connection.execute(
                    table.delete().where(table.c.stage == stage, table.c.key == key),
                    [{"old_key": item} for item in stale],
                )
        for table, values in ((DERIVED, rows), (DERIVED_STATE, states)):
            if values:
                connection.execute(table.insert(), values)


def derived_records(study: Study, record: type[R]) -> tuple[R, ...]:
    """Results of one class, whichever stage computed them.

    Parameters
    ----------
    study : Study
        The study.
    record : type
        Record class, for example `remnant.records.measurement.Measurement`.

    Returns
    -------
    tuple of records
        By stage and key.

    Raises
    ------
    NotFoundError
        If another version of remnant stored them in another form.
    """
    query = (
        sa.select(DERIVED.c.payload)
        .where(DERIVED.c.kind == record.__name__)
        .order_by(DERIVED.c.stage, DERIVED.c.key)
    )
    with reading(study.engine) as connection:
        payloads = connection.scalars(query).all()
    try:
        return tuple(from_dict(record, item) for payload in payloads for item in json.loads(payload))
    except InputError as error:
        raise NotFoundError(
            where=f"results of kind {record.__name__}",
            found="those of another version of remnant",
            needed="results of this version",
            advice="Compute them again with `remnant run`; facts and decisions are not touched.",
        ) from error


def current_hashes(study: Study, stage: str) -> dict[str, str]:
    """Input hashes of the results that were computed with today's rules and code.

    Parameters
    ----------
    study : Study
        The study.
    stage : str
        Name of the stage.

    Returns
    -------
    dict of str to str
        By key; a key that is absent or has another hash is out of date.
    """
    query = sa.select(DERIVED_STATE.c.key, DERIVED_STATE.c.input_hash).where(
        DERIVED_STATE.c.stage == stage,
        DERIVED_STATE.c.rules_version == rules_version(),
        DERIVED_STATE.c.code_version == code_version(),
    )
    with reading(study.engine) as connection:
        return {row.key: row.input_hash for row in connection.execute(query)}


def stored_keys(study: Study, stage: str) -> tuple[str, ...]:
    """Keys that one stage has results under, current or not.

    Parameters
    ----------
    study : Study
        The study.
    stage : str
        Name of the stage.

    Returns
    -------
    tuple of str
        Sorted.
    """
    query = sa.select(DERIVED_STATE.c.key).where(DERIVED_STATE.c.stage == stage).order_by(DERIVED_STATE.c.key)
    with reading(study.engine) as connection:
        return tuple(connection.scalars(query))


def mark_computed(study: Study) -> None:
    """Note that every result follows from what the study holds now.

    Parameters
    ----------
    study : Study
        The study, after a complete run.
    """
    write_derived(study, _RUN, {_RUN: (fingerprint(study), ())})


def is_computed(study: Study) -> bool:
    """Whether nothing changed since the last complete run: files, decisions, settings, rules, code.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    bool
        True if a run would change nothing.
    """
    return current_hashes(study, _RUN).get(_RUN) == fingerprint(study)


def _payloads(records: Sequence[Any]) -> list[tuple[str, str]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        cls = type(record)
        if not cls.__module__.startswith(_RECORDS):
            raise KeyError(cls.__name__)
        groups[cls.__name__].append(to_dict(record))
    return [
        (kind, json.dumps(items, ensure_ascii=False, separators=(",", ":"))) for kind, items in groups.items()
    ]
