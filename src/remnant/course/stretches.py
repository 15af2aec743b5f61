"""Stretches of a series over which one rate of growth can hold: between changes of therapy.

A sample drawn on the day of a change belongs to the stretch before it. Several evaluable measurements of one
day are one. Samples that are not evaluable change nothing.
"""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.course.pooled import pooled
from remnant.course.relapse import overt_relapse, predicts, transplant_date
from remnant.course.series import series_key
from remnant.knowledge.background import BackgroundRules
from remnant.knowledge.kinetics import KineticsRules
from remnant.knowledge.relapse import RelapseRules
from remnant.records.dossier import Dossier
from remnant.records.measurement import Measurement
from remnant.records.patient import Therapy

__all__ = ["Stretch", "stretches"]

_THERAPIES: Final = {"dli": "DLI", "tki": "TKI", "car_t": "CAR-T"}
_EVENTS: Final = {"acute_gvhd": "acute GvHD", "chronic_gvhd": "chronic GvHD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples of one series between two changes.

    Attributes
    ----------
    measurements : tuple of Measurement
        Evaluable, by date, one a day.
    changed_by : str
        What opened the stretch, in words; empty for the first one.
    current : bool
        Whether it is the last one of its series.
    predictor : bool
        Whether every sample may predict relapse.
    transplant_on : datetime.date or None
        Day 0.
    between_marrows : bool
        Whether it lies between transplantation and engraftment.
    samples_before : int
        Evaluable samples of the series in the stretch before it.
    """

    measurements: tuple[Measurement, ...]
    changed_by: str
    current: bool
    predictor: bool
    transplant_on: dt.date | None
    between_marrows: bool
    samples_before: int


def stretches(
    dossier: Dossier,
    *,
    markers: Collection[str],
    rules: KineticsRules,
    relapse: RelapseRules,
    background: BackgroundRules,
) -> list[Stretch]:
    """Stretches of all series of a patient.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    markers : collection of str
        Markers with a background: for them engraftment is a change too.
    rules : KineticsRules
        What changes growth.
    relapse : RelapseRules
        What is overt relapse, and which samples may predict it.
    background : BackgroundRules
        Day of engraftment where none is recorded.

    Returns
    -------
    list of Stretch
        By series and date; only those with an evaluable sample.
    """
    evaluable = [m for m in dossier.measurements if m.state != "not evaluable"]
    if not evaluable:
        return []
    evaluable.sort(key=lambda m: (series_key(m), m.drawn_on, m.measurement_id))
    overt = overt_relapse(dossier.samples, dossier.events, rules=relapse).on
    changes = _changes(dossier, overt, rules)
    graft = transplant_date(dossier.events)
    engrafted = _engrafted_on(dossier, graft, background)
    why = {sample.sample_id: sample.reason for sample in dossier.samples}
    settled = (engrafted - dt.timedelta(days=1), "engraftment") if engrafted else None
    result: list[Stretch] = []
    for key, group in itertools.groupby(evaluable, key=series_key):
        own = sorted([*changes, settled]) if settled and key[1] in markers else changes
        dates = [date for date, _ in own]
        days = [_one(list(same)) for _, same in itertools.groupby(group, key=lambda m: m.drawn_on)]
        parts = [
            (place, tuple(part))
            for place, part in itertools.groupby(days, key=lambda m: bisect_left(dates, m.drawn_on))
        ]
        for number, (place, part) in enumerate(parts):
            result.append(
                Stretch(
                    measurements=part,
                    changed_by=own[place - 1][1] if place else "",
                    current=number == len(parts) - 1,
                    predictor=all(
                        predicts(m.drawn_on, why.get(m.sample_id, "unknown"), relapse_on=overt, rules=relapse)
                        for m in part
                    ),
                    transplant_on=graft,
                    between_marrows=graft is not None
                    and engrafted is not None
                    and graft < part[0].drawn_on < engrafted,
                    samples_before=len(parts[number - 1][1]) if number else 0,
                )
            )
    return result


def _one(same: Sequence[Measurement]) -> Measurement:
    return same[0] if len(same) == 1 else pooled(same)


def _changes(dossier: Dossier, overt: dt.date | None, rules: KineticsRules) -> list[tuple[dt.date, str]]:
    """Last day of the old rate, and what changed it; one a day."""
    given = [t for t in dossier.therapies if t.kind in rules.change_therapies]
    begun = {(_name(t), t.start_on) for t in given}
    ended = {(_name(t), t.end_on) for t in given if t.end_on is not None and t.end_on > t.start_on}
    found = [(on, f"a change of {name} on {on.isoformat()}") for name, on in begun & ended]
    found += [(on, f"{name} from {on.isoformat()}") for name, on in begun - ended]
    found += [(on, f"the end of {name} on {on.isoformat()}") for name, on in ended - begun]
    found += [
        (event.on, f"{_EVENTS.get(event.kind, event.kind.replace('_', ' '))} on {event.on.isoformat()}")
        for event in dossier.events
        if event.kind in rules.change_events
    ]
    if overt is not None:
        found.append((overt - dt.timedelta(days=1), f"overt relapse on {overt.isoformat()}"))
    by_day: dict[dt.date, str] = {}
    for date, text in sorted(found):
        by_day[date] = f"{by_day[date]} and {text}" if date in by_day else text
    return sorted(by_day.items())


def _name(therapy: Therapy) -> str:
    return therapy.agent or _THERAPIES.get(therapy.kind, therapy.kind.replace("_", " "))


def _engrafted_on(dossier: Dossier, graft: dt.date | None, rules: BackgroundRules) -> dt.date | None:
    if graft is None:
        return None
    recorded = [e.on for e in dossier.events if e.kind == "engraftment" and e.on > graft]
    return min(recorded, default=graft + dt.timedelta(days=rules.engraftment_day))
