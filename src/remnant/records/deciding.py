"""What a decision is about, in the words that are stored, and how it stands beside a rule's verdict."""

from __future__ import annotations

from collections.abc import Iterable

from remnant.records.judgement import Call, Decision

__all__ = ["call_subject", "decided", "decision_text", "decisive_verdict"]


def call_subject(call: Call) -> str:
    """Subject of a decision on a rule's verdict.

    Parameters
    ----------
    call : Call
        One rule applied to one measurement.

    Returns
    -------
    str
        Sample, assay and rule: the same after the study was computed anew.
    """
    return f"call {call.sample_id} {call.assay_id} {call.rule_id}"


def decisive_verdict(verdict: str, call: Call) -> str:
    """A person's verdict with the rule's own beside it, as it is stored.

    Parameters
    ----------
    verdict : str
        What the person says.
    call : Call
        What the rule says.

    Returns
    -------
    str
        Both; the rule's verdict is never replaced.
    """
    return f"{verdict} (rule: {call.verdict})"


def decided(call: Call, decisions: Iterable[Decision]) -> Decision | None:
    """The standing decision on a verdict.

    Parameters
    ----------
    call : Call
        One rule applied.
    decisions : iterable of Decision
        Standing decisions.

    Returns
    -------
    Decision or None
        None without one.
    """
    subject = call_subject(call)
    return next((decision for decision in decisions if decision.on == subject), None)


def decision_text(decision: Decision, call: Call | None = None) -> str:
    """A decision in one sentence.

    Parameters
    ----------
    decision : Decision
        Any.
    call : Call or None, default None
        The verdict it is about, as it is now.

    Returns
    -------
    str
        Who, when, what and why; and that the rule says something else by now, if it does.
    """
    moved = call is not None and not decision.verdict.endswith(f"(rule: {call.verdict})")
    now = f" The rule says {call.verdict} by now." if moved and call is not None else ""
    why = decision.reason.rstrip(".")
    return f"{decision.by} decided on {decision.at:%Y-%m-%d}: {decision.verdict}; {why}.{now}"
