"""Sentences of the states of leukaemia-specific markers: why, and what would change it."""

from __future__ import annotations

import datetime as dt
from typing import Final

from remnant.course.mrd_states import MrdStatus, Policy
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement
from remnant.units import number_text, probability_text, rise_text, unit_label

__all__ = ["state_code", "state_reason", "would_change"]

_CHANGES: Final = {
    "not evaluable": "a repeat sample that can be evaluated",
    "detected, not quantifiable": "a repeat: negative, or positive by the rule",
    "confirmed relapse": "a negative sample at the sensitivity that the rule needs",
    "progression": "a negative sample at the sensitivity that the rule needs, or a fall to low level",
}


def state_code(status: MrdStatus, call: Call) -> str:
    """Stable reason code of a point.

    Parameters
    ----------
    status : MrdStatus
        State.
    call : Call
        Level that decided.

    Returns
    -------
    str
        The level's code where nothing was concluded from it; else what the sample showed.
    """
    if not status.sign:
        return call.code
    if status.factor_step and status.sign in {"low", "positive", "persists"}:
        return "mrd.factor_step"
    if status.sign in {"negative", "detected", "low", "positive"}:
        return call.code
    return "mrd." + status.sign.replace(" ", "_")


def state_reason(
    status: MrdStatus,
    call: Call,
    *,
    change: tuple[float | None, float | None, float | None] | None,
    rise: float | None,
    rise_1_log: float | None,
    step: float | None,
) -> str:
    """Why a series is in its state.

    Parameters
    ----------
    status : MrdStatus
        State.
    call : Call
        Level that decided.
    change : tuple of float or None
        log10 change from the evaluable sample before: estimate, lower, upper; None for an end that is open.
    rise, rise_1_log : float or None
        P(change > 0) and P(change >= 1).
    step : float or None
        P(rise over the nadir >= the rule's step).

    Returns
    -------
    str
        One or more sentences with the numbers.
    """
    parts = [call.reason]
    if status.row is not None and status.sign not in {"negative", "detected", "low", "positive"}:
        parts.append(f"{status.row.definition[:1].upper()}{status.row.definition[1:]}.")
    if status.rise is not None and (status.earlier or status.factor_step):
        parts.append(f"{status.rise:+.2f} log10 over the smallest earlier value.")
    if status.factor_step:
        parts.append("The conversion factor changed between them: a step on one scale only is no rise.")
    if step is not None and status.step is not None:
        size = number_text(status.step.threshold or 0.0)
        parts.append(f"P(at least {size} log10 over the nadir) {probability_text(step)}.")
    if change is not None and rise is not None and rise_1_log is not None:
        parts.append(rise_text(change, rise=rise, rise_1_log=rise_1_log))
    if status.sign == "elsewhere":
        parts.append("It confirms the suspected relapse of the other material, by yes or no.")
    if status.sign == "overt":
        parts.append("Relapse is overt in this sample.")
    if status.late_days:
        parts.append(f"Confirmed {status.late_days} days after the window.")
    return " ".join(parts)


def would_change(status: MrdStatus, m: Measurement, p: Policy, *, per_ratio: float) -> str:
    """What the next sample would have to show to change the state.

    Parameters
    ----------
    status : MrdStatus
        State.
    m : Measurement
        Its measurement.
    p : Policy
        Rules of the series.
    per_ratio : float
        Measurement units a ratio.

    Returns
    -------
    str
        One clause.
    """
    if status.state in _CHANGES:
        return _CHANGES[status.state]
    if status.state == "suspected relapse":
        opens, closes = status.confirm_from, status.confirm_by
        when = f" from {_day(opens)} to {_day(closes)}" if opens and closes else ""
        return f"a second sample{when}: positive confirms, negative refutes"
    if status.state == "negative":
        return (
            "a positive sample" if p.reappearance is not None else "a sample above the level that was reached"
        )
    if status.step is None or status.step.threshold is None or status.lowest is None:
        return "a negative sample, or a step that the rule names"
    limit = 10.0 ** (status.lowest + status.step.threshold) * per_ratio
    unit = unit_label(m.unit, control=m.control)
    return f"a negative sample, or {number_text(limit)} {unit} and more ({status.step.label})"


def _day(date: dt.date) -> str:
    return f"{date.day} {date:%B %Y}"
