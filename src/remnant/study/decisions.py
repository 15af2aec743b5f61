"""What people decided: never recomputed, never deleted; a later decision supersedes an earlier one."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa

from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.records.judgement import Decision
from remnant.study.audit import append_entry, now_utc
from remnant.study.connection import reading, writing
from remnant.study.handle import Study
from remnant.study.tables import DECISION

__all__ = ["decisions", "record_decision"]


def record_decision(
    study: Study, *, by: str, on: str, verdict: str, reason: str, supersedes: str | None = None
) -> Decision:
    """Write down what a person decided.

    Parameters
    ----------
    study : Study
        The study.
    by : str
        Who decided.
    on : str
        What about, for example ``"well R-07:B03"`` or ``"patient P003"``.
    verdict, reason : str
        What and why.
    supersedes : str or None, default None
        Identifier of the standing decision that this one replaces.

    Returns
    -------
    Decision
        As stored.

    Raises
    ------
    InputError
        If a part is empty, or the earlier decision is about something else.
    NotFoundError
        If there is no such earlier decision.
    ConflictError
        If someone else has superseded it meanwhile: the caller has not seen the newest state.
    """
    empty = [
        name for name, text in (("by", by), ("on", on), ("verdict", verdict), ("reason", reason)) if not text
    ]
    if empty:
        raise InputError(
            where=f"decision on {on or 'nothing'}",
            found=f"empty {', '.join(empty)}",
            needed="who, on what, verdict and reason",
            advice="Fill them in.",
        )
    with writing(study.engine) as connection:
        if supersedes is not None:
            _check_standing(connection, supersedes, on=on)
        at = now_utc()
        row = {
            "decision_id": uuid.uuid4().hex,
            "by": by,
            "at": at,
            "on": on,
            "verdict": verdict,
            "reason": reason,
            "supersedes": supersedes,
        }
        connection.execute(DECISION.insert().values(**row))
        append_entry(connection, by=by, action="decide", subject=on, detail=row)
    return _decision(row)


def decisions(study: Study, *, standing: bool = True) -> tuple[Decision, ...]:
    """Decisions of a study, oldest first.

    Parameters
    ----------
    study : Study
        The study.
    standing : bool, default True
        Only those that no later decision supersedes.

    Returns
    -------
    tuple of Decision
        By instant.
    """
    query = sa.select(DECISION).order_by(DECISION.c.at, DECISION.c.decision_id)
    if standing:
        replaced = sa.select(DECISION.c.supersedes).where(DECISION.c.supersedes.is_not(None))
        query = query.where(DECISION.c.decision_id.not_in(replaced))
    with reading(study.engine) as connection:
        return tuple(_decision(dict(row)) for row in connection.execute(query).mappings())


def _check_standing(connection: sa.Connection, decision_id: str, *, on: str) -> None:
    earlier = connection.execute(sa.select(DECISION).where(DECISION.c.decision_id == decision_id)).first()
    if earlier is None:
        raise NotFoundError(
            where=f"decision on {on}",
            found=f"no decision {decision_id}",
            needed="the identifier of a decision",
            advice="Look it up in the study's decisions.",
        )
    if earlier.on != on:
        raise InputError(
            where=f"decision on {on}",
            found=f"an earlier decision on {earlier.on}",
            needed="one on the same subject",
            advice="Record a new decision instead.",
        )
    later = connection.execute(sa.select(DECISION).where(DECISION.c.supersedes == decision_id)).first()
    if later is not None:
        raise ConflictError(
            where=f"decision on {on}",
            found=f"that {later.by} replaced it on {later.at} with {later.verdict!r}",
            needed="the decision that stands now",
            advice="Read the newest decision and decide again.",
        )


def _decision(row: dict[str, str | None]) -> Decision:
    return Decision(**{**row, "at": dt.datetime.fromisoformat(str(row["at"]))})  # type: ignore[arg-type]
