"""Where a sample stands in its patient's treatment, as rule rows name it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.relapse import RelapseRules
from remnant.records.patient import Event, Therapy
from remnant.records.sample import Sample

__all__ = ["Clock", "Moment", "clock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Dates of one patient that rules ask for.

    Attributes
    ----------
    transplant_on, remission_on : datetime.date or None
        First transplantation, and first recorded remission.
    cycles : tuple of (datetime.date, datetime.date)
        Courses of chemotherapy, first and last day, by date.
    gap_days : int
        A course that begins within so many days of a sample belongs to the same line of treatment.
    """

    transplant_on: dt.date | None
    remission_on: dt.date | None
    cycles: tuple[tuple[dt.date, dt.date], ...]
    gap_days: int

    def moment(self, drawn_on: dt.date, sample: Sample | None, rules: RelapseRules) -> Moment:
        """Where a sample stands.

        Parameters
        ----------
        drawn_on : datetime.date
            Day of the sample.
        sample : Sample or None
            Its record, if known.
        rules : RelapseRules
            Which blasts are overt.

        Returns
        -------
        Moment
            Remission, and the times of rule rows that hold.
        """
        overt = _overt(sample, rules)
        diagnosis = sample is not None and sample.reason == "diagnosis"
        grafted = self.transplant_on is not None and drawn_on > self.transplant_on
        begun = self.remission_on is None or drawn_on >= self.remission_on or grafted
        before = [end for start, end in self.cycles if start < drawn_on]
        later = any(0 <= (start - drawn_on).days <= self.gap_days for start, _ in self.cycles)
        ended = grafted or (bool(before) and not later)
        labels = {"any"}
        if begun and not diagnosis and not overt:
            labels.add("remission")
            if ended or not self.cycles:
                labels.add("end_of_consolidation")
            if len(before) == 2 and not grafted:
                labels.add("after_2_cycles")
        if self.transplant_on is not None:
            labels.add("post-transplant" if grafted else "pre-transplant")
        if not grafted:
            labels.add("not after transplant")
        return Moment(
            labels=frozenset(labels),
            overt=overt,
            treatment_known=bool(self.cycles) or self.transplant_on is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where one sample stands.

    Attributes
    ----------
    labels : frozenset of str
        Times of rule rows that hold.
    overt : bool
        Blasts of this sample are overt disease.
    treatment_known : bool
        Whether the end of treatment was recorded; where not, every sample in remission counts as after it.
    """

    labels: frozenset[str]
    overt: bool
    treatment_known: bool

    @property
    def remission(self) -> bool:
        """Whether the sample was drawn in remission.

        Returns
        -------
        bool
            False at diagnosis, with overt blasts, and before a recorded remission.
        """
        return "remission" in self.labels


def _overt(sample: Sample | None, rules: RelapseRules) -> bool:
    if sample is None or sample.blast_percent is None or sample.material not in rules.blasts:
        return False
    return rules.blasts[sample.material].overt(sample.blast_percent)


def clock(events: Iterable[Event], therapies: Sequence[Therapy]) -> Clock:
    """Dates of a patient.

    Parameters
    ----------
    events : iterable of Event
        Events of one patient.
    therapies : sequence of Therapy
        Therapies of the patient.

    Returns
    -------
    Clock
        Chemotherapy without last day ends on its first.
    """
    known = list(events)
    return Clock(
        transplant_on=min((one.on for one in known if one.kind == "transplant"), default=None),
        remission_on=min((one.on for one in known if one.kind == "remission"), default=None),
        gap_days=mrd_state_rules().same_line_gap_days,
        cycles=tuple(
            sorted(
                (one.start_on, one.end_on or one.start_on) for one in therapies if one.kind == "chemotherapy"
            )
        ),
    )
