"""Dates that cannot all be right: after a death, before the diagnosis, or not yet come.

One file that contradicts itself is refused; dates of several files meet here, when the study is computed.
Samples drawn before the diagnosis and several transplants are ordinary.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import fields
from typing import Any, Final

from remnant.records.acquired import Acquired
from remnant.records.finding import Finding
from remnant.records.measurement import ReportedValue
from remnant.records.patient import Event, Therapy
from remnant.records.sample import Sample

__all__ = ["chronology_findings", "future_dates"]

_ADVICE: Final = "Find out which date is wrong, and import the corrected file with --supersedes."


def chronology_findings(
    *,
    events: Collection[Event],
    therapies: Collection[Therapy] = (),
    samples: Collection[Sample] = (),
    reported: Collection[ReportedValue] = (),
) -> tuple[Finding, ...]:
    """Dates of a study that contradict each other.

    Parameters
    ----------
    events, therapies, samples, reported : collection of records
        Facts of all files.

    Returns
    -------
    tuple of Finding
        One a date after the patient's first recorded death, and one a transplant before the first
        recorded diagnosis.

    Examples
    --------
    >>> day = dt.date(2020, 4, 3)
    >>> death = Event(patient_id="P1", kind="death", on=day)
    >>> late = Sample(sample_id="S-1", patient_id="P1", material="BM", drawn_on=day + dt.timedelta(days=1))
    >>> [finding.subject for finding in chronology_findings(events=[death], samples=[late])]
    ['sample S-1']
    """
    deaths, diagnoses = _first(events, "death"), _first(events, "diagnosis")
    after = (
        _contradiction(subject, f"{what} on {on}, after the death of patient {patient} on {deaths[patient]}.")
        for subject, what, patient, on in _dated(events, therapies, samples, reported)
        if patient in deaths and on > deaths[patient]
    )
    before = (
        _contradiction(
            f"patient {event.patient_id}",
            f"Transplant on {event.on}, before the diagnosis on {diagnoses[event.patient_id]}.",
        )
        for event in events
        if event.kind == "transplant" and event.on < diagnoses.get(event.patient_id, event.on)
    )
    return tuple(dict.fromkeys([*after, *before]))


def future_dates(acquired: Acquired, *, today: dt.date) -> tuple[Finding, ...]:
    """Dates of one file that have not come yet.

    Parameters
    ----------
    acquired : Acquired
        What the file says.
    today : datetime.date
        Day of the import. One day more is accepted: elsewhere it may be tomorrow.

    Returns
    -------
    tuple of Finding
        At most one: how many records, and the latest date. The last day of a therapy may be planned.
    """
    late = [on for name in _DATED for record in getattr(acquired, name) for on in _days(record)]
    late = [on for on in late if on > today + dt.timedelta(days=1)]
    if not late:
        return ()
    number = "1 date lies" if len(late) == 1 else f"{len(late)} dates lie"
    return (
        Finding(
            code="study.date_in_future",
            severity="warning",
            subject=f"file {acquired.source.name}",
            message=f"{number} in the future, the latest on {max(late)}; imported on {today}.",
            advice="Correct the year, and import the corrected file with --supersedes.",
        ),
    )


_DATED: Final = ("events", "therapies", "samples", "cdnas", "runs", "reported")


def _days(record: Any) -> Iterator[dt.date]:
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, dt.date) and field.name != "end_on":
            yield value


def _first(events: Collection[Event], kind: str) -> dict[str, dt.date]:
    """First event of a kind, by patient."""
    first: dict[str, dt.date] = {}
    for event in events:
        if event.kind == kind:
            first[event.patient_id] = min(event.on, first.get(event.patient_id, event.on))
    return first


def _dated(
    events: Collection[Event],
    therapies: Collection[Therapy],
    samples: Collection[Sample],
    reported: Collection[ReportedValue],
) -> Iterator[tuple[str, str, str, dt.date]]:
    """Subject, what happened, patient and day."""
    for event in events:
        what = event.kind.replace("_", " ").capitalize()
        yield f"patient {event.patient_id}", what, event.patient_id, event.on
    for item in therapies:
        what = (item.agent or item.kind).replace("_", " ")
        yield f"patient {item.patient_id}", f"Therapy ({what}) begun", item.patient_id, item.start_on
        if item.end_on is not None:
            yield f"patient {item.patient_id}", f"Therapy ({what}) ended", item.patient_id, item.end_on
    for sample in samples:
        yield f"sample {sample.sample_id}", "Drawn", sample.patient_id, sample.drawn_on
    for value in reported:
        if value.drawn_on is not None and value.patient_id is not None:
            yield (
                f"sample {value.sample_id}",
                f"{value.target} reported of a sample drawn",
                value.patient_id,
                value.drawn_on,
            )


def _contradiction(subject: str, message: str) -> Finding:
    return Finding(
        code="study.dates_contradict", severity="warning", subject=subject, message=message, advice=_ADVICE
    )
