"""States of a leukaemia-specific series: what a sample shows, and what follows by the table.

The signs are the rule set's on point values, literally; the table ``mrd_transitions.toml`` says what follows. A
sample that is not evaluable changes nothing: a negative without the sensitivity that the rule needs is one. A step
that exists only on one side of a change of conversion factor is no rise. Blood and marrow are series of their own; a
positive in one may confirm a suspected relapse in the other, yes or no, never by its level.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from remnant.evidence.kinds import ErrorTerm
from remnant.knowledge.mrd_states import NO_STATE, MrdStateRules
from remnant.knowledge.rules import RuleRow, RuleSet
from remnant.units import convert, is_comparable

__all__ = ["MrdReading", "MrdStatus", "Policy", "follow_mrd", "policy"]

Place = tuple[str, str]  # material, fraction
_NEVER: Final = -math.inf
_WITHIN_SD: Final = 1.645  # of the errors: farther from the step, its probability is below .05
_POSITIVE: Final = frozenset({"low level", "positive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rows of a rule set that a series' states ask for.

    Attributes
    ----------
    rule_set : RuleSet
        The set.
    reappearance, loss, confirmation, persistence : RuleRow or None
        Rows; None where the set says nothing.
    rises : tuple of RuleRow
        Steps, those after a particular reference first.
    reappears_from : float
        log10 of the level from which a positive counts as reappearance, in the measurement's unit.
    """

    rule_set: RuleSet
    reappearance: RuleRow | None
    loss: RuleRow | None
    confirmation: RuleRow | None
    persistence: RuleRow | None
    rises: tuple[RuleRow, ...]
    reappears_from: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdReading:
    """One day of one series as the states see it.

    Attributes
    ----------
    place : tuple of (str, str)
        Material and sorted fraction.
    sample_id : str
        Sample.
    drawn_on : datetime.date
        Its day.
    level : {"negative", "detected", "low level", "positive", "not evaluable"}
        Of this sample alone.
    value : float or None
        log10 of the point value as a ratio; None unless it has a number.
    factor : float or None
        log10 of the conversion factor of its run, if there is one.
    beyond : bool
        Above the range of the report: high, without a number.
    phase : {"active", "remission", "overt"}
        Disease before remission; remission; the sample of overt relapse.
    after_treatment : bool
        Drawn after the end of treatment.
    scaled : bool
        Whether its level was judged on the International Scale.
    centre : float or None
        log10 of the posterior median, for the nadir; the point value if None.
    sd : float
        Error for comparison with another sample, log10.
    errors : tuple of ErrorTerm
        Its named parts.
    """

    place: Place
    sample_id: str
    drawn_on: dt.date
    level: str
    value: float | None = None
    factor: float | None = None
    beyond: bool = False
    phase: Literal["active", "remission", "overt"] = "remission"
    after_treatment: bool = True
    scaled: bool = False
    centre: float | None = None
    sd: float = 0.0
    errors: tuple[ErrorTerm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MrdStatus:
    """State of a series at one sample.

    Attributes
    ----------
    state, sign, transition : str
        State, what the sample showed, and the row of the table; ``"not evaluable"`` has no sign.
    since : datetime.date or None
        First sample of this state.
    row : RuleRow or None
        Row behind the sign; None where the level alone speaks.
    samples : tuple of str
        Samples it rests on.
    rise : float or None
        log10 above the smallest earlier value.
    step : RuleRow or None
        Row of the step that holds for the series now.
    lowest : float or None
        log10 of the smallest earlier value, as a ratio.
    confirm_from, confirm_by : datetime.date or None
        Window of the confirming sample while relapse is suspected.
    late_days : int
        Days by which the confirming sample came after its window.
    factor_step : bool
        A step that exists only across a change of conversion factor.
    earlier : tuple of MrdReading
        Earlier positive samples, where the step was taken or lies within reach of the errors.
    """

    state: str
    sign: str
    transition: str
    since: dt.date | None
    row: RuleRow | None = None
    samples: tuple[str, ...] = ()
    rise: float | None = None
    step: RuleRow | None = None
    lowest: float | None = None
    confirm_from: dt.date | None = None
    confirm_by: dt.date | None = None
    late_days: int = 0
    factor_step: bool = False
    earlier: tuple[MrdReading, ...] = ()


@dataclass(slots=True)
class _Event:
    """What made relapse suspected."""

    sign: str
    on: dt.date
    sample_id: str
    value: float | None
    reference: float | None
    reference_id: str
    row: RuleRow


@dataclass(slots=True)
class _Lowest:
    value: float
    factor: float | None
    sample_id: str
    low: bool


@dataclass(slots=True)
class _Memory:
    """What the samples of one series so far have left behind."""

    state: str = NO_STATE
    since: dt.date | None = None
    active: bool = False
    converted: bool = False  # the last sample that counts either way was negative
    negative_id: str = ""
    ever_negative: bool = False
    lowest: _Lowest | None = None
    reached: MrdReading | None = None  # last sample at or below the level whose loss counts
    run: list[tuple[dt.date, str]] = field(default_factory=list)
    history: list[MrdReading] = field(default_factory=list)
    event: _Event | None = None


def policy(rule_set: RuleSet, *, marker: str, place: Place, control: str, unit: str) -> Policy:
    """Rows of a set that make the states of a series.

    Parameters
    ----------
    rule_set : RuleSet
        The set.
    marker : str
        Marker.
    place : tuple of (str, str)
        Material and sorted fraction.
    control, unit : str
        Control gene, and unit of the measurements.

    Returns
    -------
    Policy
        Steps from a named reference come before those from any.
    """
    where = {"marker": marker, "material": place[0], "fraction": place[1], "control": control}
    reappearance = next(rule_set.find("reappearance", **where), None)
    limit = _NEVER
    if reappearance is not None and reappearance.threshold is not None:
        base = "ratio" if is_comparable(unit, "ratio") else unit
        if is_comparable(reappearance.unit, base):
            limit = math.log10(convert(reappearance.threshold, reappearance.unit, base))
    rises = sorted(rule_set.find("rise", **where), key=lambda row: row.reference == "any")
    return Policy(
        rule_set=rule_set,
        reappearance=reappearance,
        loss=next(rule_set.find("loss", **where), None),
        confirmation=next(rule_set.find("confirmation", **where), None),
        persistence=next(rule_set.find("persistence", **where), None),
        rises=tuple(rises),
        reappears_from=limit,
    )


def follow_mrd(
    readings: Iterable[MrdReading], policies: dict[Place, Policy], rules: MrdStateRules
) -> list[MrdStatus]:
    """States of one marker of a patient at each of its samples, all materials together.

    Parameters
    ----------
    readings : iterable of MrdReading
        Samples of one marker and assay, by date.
    policies : dict of place to Policy
        Rules of each material and fraction.
    rules : MrdStateRules
        The transition table.

    Returns
    -------
    list of MrdStatus
        One a reading.

    Examples
    --------
    >>> from remnant.knowledge.mrd_states import mrd_state_rules
    >>> from remnant.knowledge.rules_files import rule_book
    >>> place = ("BM", "")
    >>> rules = policy(rule_book().named("eln2021"), marker="NPM1", place=place, control="ABL1", unit="percent")
    >>> course = [(0, "negative", None), (90, "positive", -2.0), (111, "positive", -1.4)]
    >>> readings = [
    ...     MrdReading(place=place, sample_id=f"S{day}", drawn_on=dt.date(2021, 1, 1) + dt.timedelta(day), level=level, value=value)
    ...     for day, level, value in course
    ... ]
    >>> for status in follow_mrd(readings, {place: rules}, mrd_state_rules()):
    ...     print(status.state, status.confirm_by)
    negative None
    suspected relapse 2021-04-29
    confirmed relapse None
    """
    memories: dict[Place, _Memory] = {}
    result = []
    for reading in readings:
        if reading.level == "not evaluable":
            result.append(MrdStatus(state="not evaluable", sign="", transition="", since=None))
            continue
        memory = memories.setdefault(reading.place, _Memory())
        others = [other for place, other in memories.items() if place != reading.place and not place[1]]
        result.append(_advance(memory, reading, policies[reading.place], rules, others=others))
    return result


def _advance(
    memory: _Memory, reading: MrdReading, p: Policy, rules: MrdStateRules, *, others: list[_Memory]
) -> MrdStatus:
    active = p.rule_set.remission_only and reading.phase == "active"
    if active or memory.active:
        _forget(memory)
    memory.active = active
    step = _step_row(memory, p)
    limit = math.inf if step is None or step.threshold is None else step.threshold
    rise, factor_step = _rise(memory, reading, limit)
    sign, row = _sign(memory, reading, p, rise=rise)
    suspected = _suspected_elsewhere(reading, sign, p, others) if not active else []
    if suspected and sign not in {"overt", "confirms", "late"} and memory.state != "confirmed relapse":
        sign, row = "elsewhere", p.confirmation
    transition = rules.transitions[memory.state, sign]
    before, event, lowest = memory.state, memory.event, memory.lowest
    near = rise is not None and rise >= limit - _WITHIN_SD * math.hypot(reading.sd, memory.history[0].sd)
    earlier = tuple(memory.history) if near else ()
    reference = _samples(memory, reading, sign, suspected)
    _remember(memory, reading, p, sign=sign, row=row)
    memory.state = transition.becomes
    if memory.state != before:
        memory.since = reading.drawn_on
    if sign in {"elsewhere", "confirms", "late"}:
        for other in suspected:
            other.state, other.since, other.event = "confirmed relapse", reading.drawn_on, None
    opens, closes = _window(memory.event, p)
    return MrdStatus(
        state=memory.state,
        sign=sign,
        transition=transition.id,
        since=memory.since,
        row=row,
        samples=reference,
        rise=rise,
        step=step,
        lowest=None if lowest is None else lowest.value,
        confirm_from=opens,
        confirm_by=closes,
        late_days=_late_days(event, reading, p) if sign == "late" else 0,
        factor_step=factor_step,
        earlier=earlier,
    )


def _forget(memory: _Memory) -> None:
    """Disease before remission is no reference of what follows."""
    memory.state, memory.since, memory.event, memory.lowest, memory.reached = NO_STATE, None, None, None, None
    memory.converted, memory.ever_negative, memory.negative_id = False, False, ""
    memory.run, memory.history = [], []


def _rise(memory: _Memory, reading: MrdReading, limit: float) -> tuple[float | None, bool]:
    """Rise over the smallest earlier value, and whether the factor alone makes or hides a step of it.

    Across a change of factor the smaller of the two rises counts, as a ratio and on the International Scale.
    """
    low = memory.lowest
    if low is None or reading.value is None:
        return None, False
    plain = reading.value - low.value
    if reading.factor is None or low.factor is None or reading.factor == low.factor:
        return plain, False
    scaled = plain + reading.factor - low.factor
    return min(plain, scaled), (plain >= limit) != (scaled >= limit)


def _step_row(memory: _Memory, p: Policy) -> RuleRow | None:
    """Row of the step that holds for what came before."""
    for row in p.rises:
        if row.reference == "low level" and (memory.lowest is None or not memory.lowest.low):
            continue
        if row.reference == "negative" and not memory.ever_negative:
            continue
        return row
    return None


def _sign(
    memory: _Memory, reading: MrdReading, p: Policy, *, rise: float | None
) -> tuple[str, RuleRow | None]:
    """What a sample shows, and the row that says so."""
    if reading.phase == "overt" and reading.level != "negative":
        return "overt", None
    if reading.level == "negative":
        return ("refutes", p.confirmation) if memory.state == "suspected relapse" else ("negative", None)
    if reading.level == "detected":
        return "detected", None
    if memory.state == "suspected relapse" and memory.event is not None:
        return _second(memory.event, reading, p), p.confirmation
    step = None if memory.active else _step(memory, reading, p, rise=rise)
    return step or ("low" if reading.level == "low level" else "positive", None)


def _step(
    memory: _Memory, reading: MrdReading, p: Policy, *, rise: float | None
) -> tuple[str, RuleRow | None] | None:
    """What a positive sample in remission shows beside its level; None if nothing."""
    relapsed = memory.state == "confirmed relapse"
    if memory.converted and p.reappearance is not None and _counts(reading, p):
        return None if relapsed else ("reappears", p.reappearance)
    if p.loss is not None and _lost(memory, reading, p.loss):
        return "rises", p.loss
    row = _step_row(memory, p)
    if row is not None and rise is not None and row.holds(rise):
        return ("rises" if row.label == "relapse" else "progresses"), row
    if p.persistence is not None and _persists(memory, reading, p.persistence):
        return "persists", p.persistence
    return None


def _counts(reading: MrdReading, p: Policy) -> bool:
    if p.reappears_from == _NEVER or reading.beyond:
        return True
    return reading.value is not None and reading.value >= p.reappears_from


def _lost(memory: _Memory, reading: MrdReading, row: RuleRow) -> bool:
    """Above the level after having been at or below it; with the factor of then too, if it changed."""
    if memory.reached is None or memory.state == "confirmed relapse":
        return False
    if reading.level != "positive" or not reading.scaled or reading.value is None:
        return False
    then = memory.reached.factor
    if then is None or reading.factor is None or then == reading.factor:
        return True
    return row.holds(100.0 * 10.0 ** (reading.value + then))


def _persists(memory: _Memory, reading: MrdReading, row: RuleRow) -> bool:
    if memory.state in {"confirmed relapse", "progression", NO_STATE, "negative"}:
        return False
    if row.time == "end_of_consolidation" and not reading.after_treatment:
        return False
    if not memory.run or len(memory.run) + 1 < (row.count or 0):
        return False
    return (reading.drawn_on - memory.run[0][0]).days >= (row.from_days or 0.0)


def _second(event: _Event, reading: MrdReading, p: Policy) -> str:
    """A positive sample while relapse is suspected."""
    if event.sign == "rises" and not _still_risen(event, reading):
        return "settles low" if reading.level == "low level" else "settles"
    row = p.confirmation
    if row is None:
        return "confirms"
    days = (reading.drawn_on - event.on).days
    if days < (row.from_days or 0.0):
        return "early"
    if row.threshold is not None and not reading.beyond and not _risen_since(event, reading, row):
        return "holds"
    if days > (row.to_days or math.inf):
        return "late" if row.after_window else "too late"
    return "confirms"


def _risen_since(event: _Event, reading: MrdReading, row: RuleRow) -> bool:
    """Whether the confirming sample rose over the first one as the rule asks."""
    return reading.value is not None and event.value is not None and row.holds(reading.value - event.value)


def _still_risen(event: _Event, reading: MrdReading) -> bool:
    if reading.beyond:
        return True
    if event.row.kind == "loss":
        return reading.level == "positive"
    if reading.value is None or event.reference is None:
        return False
    return event.row.holds(reading.value - event.reference)


def _suspected_elsewhere(reading: MrdReading, sign: str, p: Policy, others: list[_Memory]) -> list[_Memory]:
    """Other materials in which relapse is suspected and that this sample confirms, yes or no.

    A step between two positives is confirmed only by a change of this material too: being positive says nothing of it.
    """
    row = p.confirmation
    if row is None or reading.level not in _POSITIVE or reading.place[1]:
        return []
    found = []
    for other in others:
        event = other.event
        if other.state != "suspected relapse" or event is None:
            continue
        days = (reading.drawn_on - event.on).days
        speaks = event.sign == "reappears" or sign in {"reappears", "rises"}
        if speaks and (row.from_days or 0.0) <= days <= (row.to_days or math.inf):
            found.append(other)
    return found


def _samples(memory: _Memory, reading: MrdReading, sign: str, suspected: list[_Memory]) -> tuple[str, ...]:
    """Samples that the new state rests on, by date."""
    event = memory.event
    used: list[str] = []
    if sign == "reappears":
        used = [memory.negative_id]
    elif sign in {"rises", "progresses"} and memory.lowest is not None:
        used = [memory.lowest.sample_id]
    elif sign == "rises" and memory.reached is not None:
        used = [memory.reached.sample_id]
    elif sign == "persists":
        used = [memory.run[0][1]]
    elif sign == "elsewhere":
        used = [
            name for one in suspected if one.event for name in (one.event.reference_id, one.event.sample_id)
        ]
    elif event is not None:
        used = [event.reference_id, event.sample_id]
    return tuple(dict.fromkeys(name for name in (*used, reading.sample_id) if name))


def _remember(memory: _Memory, reading: MrdReading, p: Policy, *, sign: str, row: RuleRow | None) -> None:
    """What a sample leaves behind for those that follow."""
    _remember_event(memory, reading, sign=sign, row=row)
    if not memory.active:
        _remember_level(memory, reading, p)


def _remember_event(memory: _Memory, reading: MrdReading, *, sign: str, row: RuleRow | None) -> None:
    if sign in {"reappears", "rises"} and memory.state != "confirmed relapse" and row is not None:
        low = memory.lowest
        memory.event = _Event(
            sign=sign,
            on=reading.drawn_on,
            sample_id=reading.sample_id,
            value=reading.value,
            reference=None if low is None else low.value,
            reference_id=memory.negative_id if sign == "reappears" else "" if low is None else low.sample_id,
            row=row,
        )
    elif sign == "too late" and memory.event is not None:
        memory.event.on = reading.drawn_on
    elif sign not in {"early", "holds", "detected"}:
        memory.event = None


def _remember_level(memory: _Memory, reading: MrdReading, p: Policy) -> None:
    if reading.level == "negative":
        memory.converted, memory.ever_negative, memory.negative_id = True, True, reading.sample_id
        memory.lowest, memory.run, memory.history, memory.reached = None, [], [], reading
        return
    if reading.level in _POSITIVE and _counts(reading, p):
        memory.converted = False
    if reading.level == "low level":
        memory.reached = reading
    elif reading.level == "positive":
        memory.reached = None
    if reading.after_treatment or (p.persistence is not None and p.persistence.time == "any"):
        memory.run.append((reading.drawn_on, reading.sample_id))
    if reading.phase == "overt":
        memory.lowest, memory.run, memory.history = None, [], []
        return
    if reading.value is None or reading.level not in _POSITIVE:
        return
    memory.history.append(reading)
    if memory.lowest is None or reading.value < memory.lowest.value:
        memory.lowest = _Lowest(
            reading.value, reading.factor, reading.sample_id, reading.level == "low level"
        )


def _window(event: _Event | None, p: Policy) -> tuple[dt.date | None, dt.date | None]:
    row = p.confirmation
    if event is None or row is None:
        return None, None
    return (
        event.on + dt.timedelta(days=int(row.from_days or 0)),
        event.on + dt.timedelta(days=int(row.to_days or 0)),
    )


def _late_days(event: _Event | None, reading: MrdReading, p: Policy) -> int:
    closes = _window(event, p)[1]
    return 0 if closes is None else (reading.drawn_on - closes).days
