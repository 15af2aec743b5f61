"""When to sample: schedules of guidelines, published doubling times and intervals, and what is wanted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remnant.knowledge import tables

__all__ = ["PublishedInterval", "SamplingRules", "Schedule", "sampling_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A guideline's schedule for one marker and material.

    Attributes
    ----------
    id, source, status : str
        Row.
    every_days : int
        Longest time between two samples.
    months : int
        How long it holds after remission.
    """

    id: str
    source: str
    status: str
    every_days: int
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedInterval:
    """An interval between samples that a paper advises.

    Attributes
    ----------
    marker, material, lesion : str
        Whom it is for.
    months : float
        Interval.
    source : str
        Paper.
    """

    marker: str
    material: str
    lesion: str
    months: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRules:
    """Rows of ``sampling.toml``.

    Attributes
    ----------
    schedules : mapping of (str, str) to Schedule
        By marker and material.
    doubling_days : mapping of str to float
        Published median doubling time by marker.
    intervals : tuple of PublishedInterval
        Published intervals.
    probability : float
        Probability of detection that is wanted.
    lead_days : float
        Days before overt relapse by which it is wanted.
    log_sd : tuple of (float, float)
        Assumed spread of the doubling time, natural logarithm: low and high.
    version : str
        Version of the table.
    """

    schedules: Mapping[tuple[str, str], Schedule]
    doubling_days: Mapping[str, float]
    intervals: tuple[PublishedInterval, ...]
    probability: float
    lead_days: float
    log_sd: tuple[float, float]
    version: str


@functools.cache
def sampling_rules() -> SamplingRules:
    """Sampling rules that ship with remnant.

    Returns
    -------
    SamplingRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> rules = sampling_rules()
    >>> rules.schedules["NPM1", "BM"].every_days, rules.doubling_days["NPM1"]
    (91, 11.0)
    """
    rows = tables.rows("sampling")
    named = {row["id"]: row for row in rows}
    return SamplingRules(
        schedules=MappingProxyType(
            {
                (row["marker"], row["material"]): Schedule(
                    id=row["id"],
                    source=row["source"],
                    status=row["status"],
                    every_days=row["every_days"],
                    months=row["months"],
                )
                for row in rows
                if row["kind"] == "schedule"
            }
        ),
        doubling_days=MappingProxyType({r["marker"]: r["days"] for r in rows if r["kind"] == "doubling"}),
        intervals=tuple(
            PublishedInterval(
                marker=row["marker"],
                material=row["material"],
                lesion=row.get("lesion", ""),
                months=row["months"],
                source=row["source"],
            )
            for row in rows
            if row["kind"] == "interval"
        ),
        probability=named["wanted"]["probability"],
        lead_days=float(named["wanted"]["lead_days"]),
        log_sd=(named["spread"]["log_sd_low"], named["spread"]["log_sd_high"]),
        version=tables.version("sampling"),
    )
