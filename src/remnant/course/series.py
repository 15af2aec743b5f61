"""Samples of each series, in order: one entry a day, with its call and what is known of the sample.

A series is one patient, assay (target and control gene), material, sorted fraction and unit; series never
mix. Several evaluable measurements of one day are pooled into one quantity.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from remnant.course.pooled import pooled, pooled_call
from remnant.course.relapse import OvertRelapse, predicts, transplant_date
from remnant.knowledge.relapse import RelapseRules
from remnant.records.dossier import Dossier
from remnant.records.judgement import Call
from remnant.records.measurement import Baseline, Measurement
from remnant.records.sample import Sample

__all__ = ["Entry", "SeriesKey", "entries", "series_key"]

SeriesKey = tuple[
    str, str, str, str, str, str, str
]  # patient, target, control, assay, material, fraction, unit
_NO_SAMPLE: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One day of one series.

    Attributes
    ----------
    measurement : Measurement
        The day's measurement, pooled if there were several.
    sample : Sample or None
        Its sample; None if the dossier does not hold it.
    call : Call or None
        The deciding rule's call; None if no rule fits.
    day : int or None
        Days from transplantation.
    engrafted : bool
        Whether the marrow counts as the donor's.
    predictor : bool
        Whether the sample may predict relapse.
    """

    measurement: Measurement
    sample: Sample | None
    call: Call | None
    day: int | None
    engrafted: bool
    predictor: bool

    @property
    def evaluable(self) -> bool:
        """Whether there is evidence and a rule.

        Returns
        -------
        bool
            False for a failed measurement and for one that no rule fits.
        """
        return (
            self.measurement.state != "not evaluable"
            and self.call is not None
            and self.call.verdict != "not evaluable"
        )

    @property
    def awaits_confirmation(self) -> bool:
        """Whether a raised level here asks for a second sample.

        Returns
        -------
        bool
            False at diagnosis and from overt relapse on: there the disease itself is raised.
        """
        return self.predictor and (self.sample is None or self.sample.reason != "diagnosis")

    @property
    def phase(self) -> int:
        """0 before transplantation or without one, 1 after it.

        Returns
        -------
        int
            Phase of the states.
        """
        return int(self.day is not None and self.day > 0)


def series_key(measurement: Measurement) -> SeriesKey:
    """Series that a measurement belongs to.

    Parameters
    ----------
    measurement : Measurement
        Any measurement.

    Returns
    -------
    tuple of str
        Patient, target, control, assay, material, fraction, unit.
    """
    m = measurement
    return (m.patient_id, m.target, m.control, m.assay_id, m.material, m.fraction, m.unit)


def entries(
    dossiers: Iterable[Dossier],
    relapses: Mapping[str, OvertRelapse],
    *,
    markers: Iterable[str],
    rules: RelapseRules,
    engraftment_day: int,
    borderline: tuple[float, float],
) -> list[Entry]:
    """All series of all patients, each by date.

    Parameters
    ----------
    dossiers : iterable of Dossier
        Patients.
    relapses : mapping of str to OvertRelapse
        By patient.
    markers : iterable of str
        Markers that have the states of a background marker.
    rules : RelapseRules
        Which samples may predict.
    engraftment_day : int
        First day of the donor's marrow where no engraftment is recorded.
    borderline : tuple of (float, float)
        A probability between these is undecided.

    Returns
    -------
    list of Entry
        Sorted by series, then date; the order of the input does not matter.
    """
    wanted = frozenset(markers)
    result: list[Entry] = []
    for dossier in dossiers:
        samples = {sample.sample_id: sample for sample in dossier.samples}
        deciding = {call.measurement_id: call for call in dossier.calls if call.role == "decides"}
        donors = {
            (b.assay_id, b.material, b.fraction, b.unit): b for b in dossier.baselines if b.source == "donors"
        }
        graft = transplant_date(dossier.events)
        engrafted_on = _engraftment(dossier, graft, engraftment_day)
        relapse_on = relapses[dossier.patient.patient_id].on
        chosen = sorted(
            (m for m in dossier.measurements if m.target in wanted),
            key=lambda m: (series_key(m), m.drawn_on, m.measurement_id),
        )
        for _, group in itertools.groupby(chosen, key=lambda m: (series_key(m), m.drawn_on)):
            measurement, call = _one_a_day(list(group), deciding, donors, borderline=borderline)
            sample = samples.get(measurement.sample_id)
            reason = sample.reason if sample else _NO_SAMPLE
            drawn_on = measurement.drawn_on
            result.append(
                Entry(
                    measurement=measurement,
                    sample=sample,
                    call=call,
                    day=(drawn_on - graft).days if graft else None,
                    engrafted=engrafted_on is not None and drawn_on >= engrafted_on,
                    predictor=predicts(drawn_on, reason, relapse_on=relapse_on, rules=rules),
                )
            )
    result.sort(key=lambda entry: (series_key(entry.measurement), entry.measurement.drawn_on))
    return result


def _engraftment(dossier: Dossier, graft: dt.date | None, default_day: int) -> dt.date | None:
    if graft is None:
        return None
    recorded = [e.on for e in dossier.events if e.kind == "engraftment" and e.on > graft]
    return min(recorded, default=graft + dt.timedelta(days=default_day))


def _one_a_day(
    group: Sequence[Measurement],
    deciding: Mapping[str, Call],
    donors: Mapping[tuple[str, str, str, str], Baseline],
    *,
    borderline: tuple[float, float],
) -> tuple[Measurement, Call | None]:
    """The day's measurement: the evaluable one, several pooled, or the first that failed."""
    evaluable = [m for m in group if m.state != "not evaluable"]
    if len(evaluable) <= 1:
        one = (evaluable or group)[0]
        return one, deciding.get(one.measurement_id)
    day = pooled(evaluable)
    given = [deciding[m.measurement_id] for m in evaluable if m.measurement_id in deciding]
    baseline = donors.get((day.assay_id, day.material, day.fraction, day.unit))
    return day, pooled_call(day, given, borderline=borderline, donors=baseline) if given else None
