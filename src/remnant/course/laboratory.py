"""Runs that need somebody: curves that failed with samples waiting, controls that ask to reject the run.

A failed curve is done once every sample of it has an evaluable result of the marker from another run. A run
on which somebody decided is done too.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from remnant.course.states import NOT_EVALUABLE
from remnant.knowledge.signs import sign_rules
from remnant.records.control import ControlPoint, westgard
from remnant.records.judgement import Decision, WorklistRow
from remnant.records.measurement import CurveFit, Measurement
from remnant.records.run import Run

__all__ = ["laboratory_rows"]

_FAILED, _CONTROL = "failed run", "control"


def laboratory_rows(
    *,
    fits: Iterable[CurveFit],
    controls: Iterable[ControlPoint],
    measurements: Iterable[Measurement],
    runs: Iterable[Run] = (),
    decisions: Iterable[Decision] = (),
) -> tuple[WorklistRow, ...]:
    """Runs of the laboratory that need somebody.

    Parameters
    ----------
    fits : iterable of CurveFit
        Standard curves.
    controls : iterable of ControlPoint
        Internal controls.
    measurements : iterable of Measurement
        Results of all samples.
    runs : iterable of Run, default ()
        Their days.
    decisions : iterable of Decision, default ()
        What people decided.

    Returns
    -------
    tuple of WorklistRow
        One a run.

    Examples
    --------
    >>> laboratory_rows(fits=[], controls=[], measurements=[])
    ()
    """
    days = {run.run_id: run.run_on for run in runs}
    decided = {decision.on.removeprefix("run ") for decision in decisions if decision.on.startswith("run ")}
    held = list(measurements)
    waiting = _waiting(held)
    samples: dict[str, set[str]] = defaultdict(set)
    for one in held:
        samples[one.run_id].add(one.sample_id)
    said: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for fit in fits:
        left = waiting.get((fit.run_id, fit.target), set())
        if fit.verdict == "fail" and left:
            why = fit.reasons[0].rstrip(".") if fit.reasons else "outside its gates"
            said[fit.run_id].append(
                (
                    _FAILED,
                    f"The standard curve of {fit.target} failed ({why}); {_count(left)} without a result.",
                )
            )
    for point in controls:
        if point.rejects and samples[point.run_id]:
            rules = westgard(point.rules)
            told = f"Control {point.control_name} of {point.target} asks to reject the run ({rules})"
            said[point.run_id].append((_CONTROL, f"{told}; {_count(samples[point.run_id])} in it."))
    return tuple(
        _row(run_id, sorted(reasons), days.get(run_id))
        for run_id, reasons in said.items()
        if run_id not in decided
    )


def _waiting(measurements: Iterable[Measurement]) -> dict[tuple[str, str], set[str]]:
    """Samples of each run and marker that no run gave an evaluable result of the marker."""
    failed: dict[tuple[str, str], set[str]] = defaultdict(set)
    done: set[tuple[str, str]] = set()
    for one in measurements:
        if one.state == NOT_EVALUABLE:
            for gene in filter(None, (one.target, one.control)):
                failed[one.run_id, gene].add(one.sample_id)
        else:
            done |= {(gene, one.sample_id) for gene in (one.target, one.control) if gene}
    return {
        (run_id, gene): {sample for sample in samples if (gene, sample) not in done}
        for (run_id, gene), samples in failed.items()
    }


def _count(samples: set[str]) -> str:
    named = ", ".join(sorted(samples)[:3]) + (" …" if len(samples) > 3 else "")
    return f"1 sample ({named})" if len(samples) == 1 else f"{len(samples)} samples ({named})"


def _row(run_id: str, reasons: list[tuple[str, str]], day: dt.date | None) -> WorklistRow:
    ordered = sorted(reasons, key=lambda one: sign_rules()[one[0]].place)
    kind, first = ordered[0]
    return WorklistRow(
        patient_id="",
        urgency=sign_rules()[kind].urgency,
        reason=first,
        confirm_by=None,
        overdue_days=0,
        last_sample_on=day,
        kind=kind,
        reasons=tuple(dict.fromkeys(text for _, text in ordered[1:] if text != first)),
        run_id=run_id,
    )
