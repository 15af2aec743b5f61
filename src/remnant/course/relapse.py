"""Overt relapse, dated by its sample, and the last date known without it.

Day 0 is the first transplantation. Without one, blasts count only after a first remission. What was drawn
on or after the date of overt relapse, or because relapse was suspected, does not predict it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remnant.knowledge.relapse import RelapseRules
from remnant.records.patient import Event
from remnant.records.sample import Sample
from remnant.units import number_text

__all__ = ["OvertRelapse", "overt_relapse", "predicts", "transplant_date"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OvertRelapse:
    """First overt relapse of a patient, interval-censored.

    Attributes
    ----------
    on : datetime.date or None
        Date of the sample or event that made it overt; None without relapse.
    rule : str
        What made it overt, in words; empty without relapse.
    last_negative_on : datetime.date or None
        Last sample with known blasts and no overt relapse, before `on`.
    start_on : datetime.date or None
        From when on relapse can be: transplantation, or the first remission where there was none.
    """

    on: dt.date | None
    rule: str
    last_negative_on: dt.date | None
    start_on: dt.date | None


def transplant_date(events: Iterable[Event]) -> dt.date | None:
    """Day 0: the first transplantation.

    Parameters
    ----------
    events : iterable of Event
        Events of one patient.

    Returns
    -------
    datetime.date or None
        None without one.
    """
    return min((event.on for event in events if event.kind == "transplant"), default=None)


def overt_relapse(samples: Sequence[Sample], events: Sequence[Event], *, rules: RelapseRules) -> OvertRelapse:
    """First overt relapse after transplantation, or after remission where there was none.

    Parameters
    ----------
    samples : sequence of Sample
        Samples of one patient, any order.
    events : sequence of Event
        Events of the patient, any order.
    rules : RelapseRules
        What is overt.

    Returns
    -------
    OvertRelapse
        The earliest of all signs; signs of the same day are named together.

    Examples
    --------
    >>> from remnant.knowledge.relapse import relapse_rules
    >>> def bm(day, blasts):
    ...     return Sample(sample_id=f"S{day}", patient_id="P", material="BM",
    ...                   drawn_on=dt.date(2021, 1, 1) + dt.timedelta(day), blast_percent=blasts)
    >>> graft = Event(patient_id="P", kind="transplant", on=dt.date(2021, 1, 1))
    >>> found = overt_relapse([bm(100, 1.0), bm(140, 38.0), bm(60, 2.0)], [graft], rules=relapse_rules())
    >>> found.rule, found.on.isoformat(), found.last_negative_on.isoformat()
    ('BM blasts 38 %', '2021-05-21', '2021-04-11')
    """
    judged = [
        (sample, rules.blasts[sample.material].overt(sample.blast_percent))
        for sample in samples
        if sample.blast_percent is not None and sample.material in rules.blasts
    ]
    graft = transplant_date(events)
    start = graft if graft is not None else _remission(judged, events)
    signs = {
        (event.on, rules.events[event.kind])
        for event in events
        if event.kind in rules.events and (graft is None or event.on > graft)
    }
    if start is not None:
        signs |= {
            (sample.drawn_on, _words(sample, rules))
            for sample, overt in judged
            if overt and sample.drawn_on > start
        }
    on = min((date for date, _ in signs), default=None)
    negative = [
        sample.drawn_on
        for sample, overt in judged
        if not overt and (start is None or sample.drawn_on >= start) and (on is None or sample.drawn_on < on)
    ]
    return OvertRelapse(
        on=on,
        rule=", ".join(sorted(words for date, words in signs if date == on)),
        last_negative_on=max(negative, default=None),
        start_on=start,
    )


def _remission(judged: Sequence[tuple[Sample, bool]], events: Sequence[Event]) -> dt.date | None:
    recorded = [event.on for event in events if event.kind == "remission"]
    seen = [sample.drawn_on for sample, overt in judged if not overt and sample.material == "BM"]
    return min([*recorded, *seen], default=None)


def _words(sample: Sample, rules: RelapseRules) -> str:
    return f"{rules.blasts[sample.material].label} {number_text(sample.blast_percent or 0.0)} %"


def predicts(drawn_on: dt.date, reason: str, *, relapse_on: dt.date | None, rules: RelapseRules) -> bool:
    """Whether a sample may predict overt relapse.

    Parameters
    ----------
    drawn_on : datetime.date
        Day of the sample.
    reason : str
        Why it was drawn.
    relapse_on : datetime.date or None
        Date of overt relapse.
    rules : RelapseRules
        Which reasons disqualify.

    Returns
    -------
    bool
        False on or after overt relapse, and for samples drawn because it was suspected.
    """
    return reason not in rules.no_predictor_reasons and (relapse_on is None or drawn_on < relapse_on)
