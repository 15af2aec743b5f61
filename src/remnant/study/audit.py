"""The audit: who did what and when, in a chain of hashes that shows any later change.

Each entry is written in the transaction of what it records, and its hash covers all its columns and the
hash of the entry before. The database refuses to change or delete entries; whoever goes round that
breaks the chain, which `verify_audit` finds. Entries name files, runs and laboratory codes only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

import remnant
from remnant.study.connection import reading, writing
from remnant.study.handle import Study
from remnant.study.tables import AUDIT

__all__ = [
    "FIRST_HASH",
    "AuditEntry",
    "append_entry",
    "audit_trail",
    "broken_links",
    "now_utc",
    "record_action",
]

FIRST_HASH: Final = "0" * 64
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done.

    Attributes
    ----------
    entry : int
        Number, from 1, without gaps.
    at : str
        Instant, ISO, UTC.
    by : str
        Who.
    action : str
        ``"init"``, ``"import"``, ``"retract"``, ``"supersede"``, ``"decide"``, ``"run"`` ...
    subject : str
        What it was done to, for example ``"file plate.rdml"``.
    detail : str
        JSON with hashes, counts, old and new values, reason.
    software : str
        Version of remnant.
    previous_hash, hash : str
        Links of the chain.
    """

    entry: int
    at: str
    by: str
    action: str
    subject: str
    detail: str
    software: str
    previous_hash: str
    hash: str


def now_utc() -> str:
    """Now, as the study writes it.

    Returns
    -------
    str
        ISO 8601 in UTC with microseconds.
    """
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="microseconds")


def append_entry(
    connection: sa.Connection, *, by: str, action: str, subject: str, detail: Mapping[str, Any]
) -> AuditEntry:
    """Add one entry inside a transaction that writes.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        From `remnant.study.connection.writing`; it holds the lock that keeps the chain single.
    by, action, subject : str
        Who did what to what.
    detail : mapping
        Anything that JSON can hold.

    Returns
    -------
    AuditEntry
        What was written.
    """
    last = connection.execute(
        sa.select(AUDIT.c.entry, AUDIT.c.hash).order_by(AUDIT.c.entry.desc()).limit(1)
    ).first()
    number, previous = (1, FIRST_HASH) if last is None else (last.entry + 1, last.hash)
    content: dict[str, Any] = {
        "entry": number,
        "at": now_utc(),
        "by": by,
        "action": action,
        "subject": subject,
        "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
        "software": remnant.__version__,
        "previous_hash": previous,
    }
    entry = AuditEntry(**content, hash=_hash(content))
    connection.execute(AUDIT.insert().values(**content, hash=entry.hash))
    return entry


def record_action(
    study: Study, *, by: str, action: str, subject: str, detail: Mapping[str, Any]
) -> AuditEntry:
    """Add one entry in a transaction of its own: for what leaves no other trace, such as an export.

    Parameters
    ----------
    study : Study
        The study.
    by, action, subject : str
        Who did what to what.
    detail : mapping
        Anything that JSON can hold.

    Returns
    -------
    AuditEntry
        What was written.
    """
    with writing(study.engine) as connection:
        return append_entry(connection, by=by, action=action, subject=subject, detail=detail)


def audit_trail(study: Study) -> tuple[AuditEntry, ...]:
    """Everything that was done to a study, oldest first.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of AuditEntry
        The whole trail.
    """
    with reading(study.engine) as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.entry)).mappings()
        return tuple(AuditEntry(**row) for row in rows)


def broken_links(trail: tuple[AuditEntry, ...]) -> tuple[str, ...]:
    """Entries of a trail that were changed, removed or put in.

    Parameters
    ----------
    trail : tuple of AuditEntry
        Oldest first.

    Returns
    -------
    tuple of str
        One sentence a broken link; empty if the chain is whole. Entries cut off at the end leave the chain
        whole: `remnant.study.check` compares it with the imports and decisions themselves.
    """
    problems: list[str] = []
    previous = FIRST_HASH
    for number, entry in enumerate(trail, start=1):
        content = {name: getattr(entry, name) for name in AuditEntry.__slots__ if name != "hash"}
        if entry.entry != number:
            problems.append(f"entry {entry.entry} stands in place {number}")
        if entry.previous_hash != previous:
            problems.append(f"entry {entry.entry} does not follow the entry before it")
        if entry.hash != _hash(content):
            problems.append(f"entry {entry.entry} was changed after it was written")
        previous = entry.hash
    return tuple(problems)


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
