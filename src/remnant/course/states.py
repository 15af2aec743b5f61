"""States of a background marker and the one table that says which follows which.

``normal``, ``raised once``, ``raised confirmed``, ``persistently raised``, ``regressing``; ``not
evaluable`` is no state but the absence of one, and changes nothing. A background marker is never
"negative" and never "in relapse". The numbers (windows, counts, probabilities) are rows of
`remnant.knowledge.states`; the words here are all that the table needs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from remnant.knowledge.states import StateRules

__all__ = [
    "CONFIRMED",
    "NOT_EVALUABLE",
    "STATES",
    "TRANSITIONS",
    "Reading",
    "Sign",
    "State",
    "Status",
    "follow",
]

State = Literal[
    "normal", "raised once", "raised confirmed", "persistently raised", "regressing", "not evaluable"
]
NOT_EVALUABLE: Final = "not evaluable"
STATES: Final[tuple[State, ...]] = (
    "normal", "regressing", "raised once", "raised confirmed", "persistently raised",
)  # fmt: skip
"""Proper states, from the least to the most worrying."""
CONFIRMED: Final[frozenset[State]] = frozenset({"raised confirmed", "persistently raised"})

Sign = Literal[
    "low",  # not raised, the evaluable sample before was
    "low again",  # not raised, nor was the one before, if there was one
    "first",  # raised, the one before was not
    "early",  # raised again, before the confirmation window opens
    "late",  # raised again, after the window, where the rules do not let it confirm
    "again",  # raised again
    "long",  # raised again, often enough for long enough
    "gap",  # raised again, too long after the sample before for persistence
    "falling",  # raised again, but lower than the one before
]

_ALIAS: Final[dict[str, State]] = {
    "N": "normal", "1": "raised once", "C": "raised confirmed", "P": "persistently raised", "R": "regressing",
}  # fmt: skip

_ROWS: Final[tuple[tuple[Sign, str], ...]] = (
    # from:        N    1    C    P    R
    ("low",       "N    N    R    R    R"),
    ("low again", "N    N    R    R    N"),
    ("first",     "1    1    1    1    1"),
    ("early",     "1    1    C    P    R"),
    ("late",      "1    1    C    P    C"),
    ("again",     "1    C    C    P    C"),
    ("long",      "1    C    P    P    P"),
    ("gap",       "1    C    C    C    C"),
    ("falling",   "1    C    R    R    R"),
)  # fmt: skip

TRANSITIONS: Final[tuple[tuple[State, Sign, State], ...]] = tuple(
    (_ALIAS[state], sign, _ALIAS[becomes])
    for sign, row in _ROWS
    for state, becomes in zip("N1CPR", row.split(), strict=True)
)
"""State, sign of the sample, next state: one row for every pair."""

_NEXT: Final[dict[tuple[State, Sign], State]] = {
    (state, sign): becomes for state, sign, becomes in TRANSITIONS
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One sample of a series as the states see it.

    Attributes
    ----------
    drawn_on : datetime.date
        Day of the sample.
    raised : bool or None
        Whether it is raised on its own; None if not evaluable.
    probability_fall : float or None
        P(lower than the evaluable sample before).
    phase : int
        0 before transplantation, 1 after it; states begin anew with each phase.
    """

    drawn_on: dt.date
    raised: bool | None
    probability_fall: float | None = None
    phase: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """State of a series at one sample.

    Attributes
    ----------
    state : State
        The state.
    since : datetime.date or None
        First sample of this state.
    first_raised_on : datetime.date or None
        First raised sample of the rise that is going on.
    confirm_by : datetime.date or None
        Last day of the confirmation window, while raised once.
    late_days : int
        Days by which the confirming sample came after its window; 0 if in time.
    """

    state: State
    since: dt.date | None
    first_raised_on: dt.date | None = None
    confirm_by: dt.date | None = None
    late_days: int = 0


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the samples so far have left behind."""

    phase: int = -1
    state: State = "normal"
    since: dt.date | None = None
    first_raised_on: dt.date | None = None
    counted: int = 0
    raised: bool = False
    last_on: dt.date | None = None
    run_on: dt.date | None = None  # first raised sample since which no gap was too long for persistence


def _sign(memory: _Memory, reading: Reading, rules: StateRules) -> Sign:
    if not reading.raised:
        return "low" if memory.raised else "low again"
    if not memory.raised or memory.first_raised_on is None:
        return "first"
    return _sign_raised_again(memory, reading, rules, days=(reading.drawn_on - memory.first_raised_on).days)


def _sign_raised_again(memory: _Memory, reading: Reading, rules: StateRules, *, days: int) -> Sign:
    if days < rules.confirm_from_days:
        return "early"
    if memory.state == "raised once" and days > rules.confirm_to_days and not rules.confirms_after_window:
        return "late"
    if reading.probability_fall is not None and reading.probability_fall > rules.probability_fall:
        return "falling"
    if _gap(memory, reading, rules):
        return "gap"
    span = days if memory.run_on is None else (reading.drawn_on - memory.run_on).days
    if memory.counted + 1 >= rules.persistent_samples and span >= rules.persistent_days:
        return "long"
    return "again"


def _gap(memory: _Memory, reading: Reading, rules: StateRules) -> bool:
    days = 0 if memory.last_on is None else (reading.drawn_on - memory.last_on).days
    return days > rules.persistent_gap_days


def _advance(memory: _Memory, reading: Reading, sign: Sign, rules: StateRules) -> _Memory:
    state = _NEXT[memory.state, sign]
    begins = sign in {"first", "late"}
    first: dt.date | None = None
    run: dt.date | None = None
    counted = 0
    if begins:
        first, run, counted = reading.drawn_on, reading.drawn_on, 1
    elif reading.raised and _gap(memory, reading, rules):
        first, run, counted = memory.first_raised_on, reading.drawn_on, 1
    elif reading.raised:
        first, run = memory.first_raised_on, memory.run_on
        counted = memory.counted + (sign != "early")
    fresh = begins or memory.since is None or state != memory.state
    return _Memory(
        phase=reading.phase,
        state=state,
        since=reading.drawn_on if fresh else memory.since,
        first_raised_on=first,
        counted=counted,
        raised=bool(reading.raised),
        last_on=reading.drawn_on,
        run_on=run,
    )


def follow(readings: Iterable[Reading], rules: StateRules) -> list[Status]:
    """State of one series at each of its samples.

    Parameters
    ----------
    readings : iterable of Reading
        Samples of one series by date.
    rules : StateRules
        Windows, counts and probabilities.

    Returns
    -------
    list of Status
        One a reading. A sample that is not evaluable gets ``"not evaluable"`` and leaves the state of the
        others as it is.

    Notes
    -----
    The next evaluable sample confirms a raised one. Before the window opens it does not, and the question
    stays open; after the window it confirms late. A confirmed series regresses when a sample is no longer
    raised, or is lower than the one before with the probability of the rules, and is normal again with the
    second sample in a row that is not raised. Persistence is counted anew after a gap between two samples
    that is longer than the rules allow. Transplantation begins anew.

    Examples
    --------
    >>> from remnant.knowledge.states import state_rules
    >>> days = [(0, False), (30, True), (51, True), (58, None), (90, True), (120, False), (150, False)]
    >>> readings = [Reading(drawn_on=dt.date(2021, 1, 1) + dt.timedelta(d), raised=r) for d, r in days]
    >>> for status in follow(readings, state_rules()):
    ...     print(status.state, status.since)
    normal 2021-01-01
    raised once 2021-01-31
    raised confirmed 2021-02-21
    not evaluable None
    persistently raised 2021-04-01
    regressing 2021-05-01
    normal 2021-05-31
    """
    memory = _Memory()
    result = []
    for reading in readings:
        if reading.raised is None:
            result.append(Status(state=NOT_EVALUABLE, since=None))
            continue
        if reading.phase != memory.phase:
            memory = _Memory(phase=reading.phase)
        before, sign = memory, _sign(memory, reading, rules)
        memory = _advance(memory, reading, sign, rules)
        result.append(_status(before, memory, reading, rules))
    return result


def _status(before: _Memory, memory: _Memory, reading: Reading, rules: StateRules) -> Status:
    confirm_by, late_days = None, 0
    if memory.first_raised_on is not None:
        window_ends = memory.first_raised_on + dt.timedelta(days=rules.confirm_to_days)
        if memory.state == "raised once":
            confirm_by = window_ends
        elif before.state == "raised once":
            late_days = max(0, (reading.drawn_on - window_ends).days)
    return Status(
        state=memory.state,
        since=memory.since,
        first_raised_on=memory.first_raised_on,
        confirm_by=confirm_by,
        late_days=late_days,
    )
