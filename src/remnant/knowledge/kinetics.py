"""Rules of kinetics: which samples a line may join, its priors, and how far ahead a date is given."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from scipy.special import stdtrit

from remnant.knowledge import tables

__all__ = ["KineticsRules", "kinetics_rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KineticsRules:
    """Rows of ``kinetics.toml`` as the course uses them.

    Attributes
    ----------
    quantified_samples : int
        Fewest quantified samples of a leukaemia-specific marker.
    background_samples : int
        Fewest evaluable samples of a background marker.
    probability_above : float
        P(above background) that one of them must exceed.
    change_therapies, change_events : frozenset of str
        Kinds of therapy and event at which net growth may change.
    slope_scale_log10_per_day, slope_degrees_of_freedom : float
        Prior of the slope: Student t around 0.
    level_sd_log10 : float
        Prior of the leukaemia behind a background marker around the level of the background.
    level : float
        Probability inside an interval.
    foretelling_samples : int
        Fewest samples of a stretch, the last included, that can foretell it.
    foretold_probability : float
        Central probability outside of which the last sample lies off the line.
    horizon_days : int
        Days after the last sample beyond which no date is given.
    least_blast_percent : float
        Blasts that a diagnosis sample needs to give the level of overt relapse.
    month_days : float
        Days of a month.
    version : str
        Version of the table.
    """

    quantified_samples: int
    background_samples: int
    probability_above: float
    change_therapies: frozenset[str]
    change_events: frozenset[str]
    slope_scale_log10_per_day: float
    slope_degrees_of_freedom: float
    level_sd_log10: float
    level: float
    foretelling_samples: int
    foretold_probability: float
    horizon_days: int
    least_blast_percent: float
    month_days: float
    version: str

    @property
    def median_slope_log10_per_day(self) -> float:
        """Slope that half of all rises, and half of all falls, exceed before the samples.

        Returns
        -------
        float
            log10 a day.
        """
        return self.slope_scale_log10_per_day * float(stdtrit(self.slope_degrees_of_freedom, 0.75))


@functools.cache
def kinetics_rules() -> KineticsRules:
    """Kinetics rules that ship with remnant.

    Returns
    -------
    KineticsRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> rules = kinetics_rules()
    >>> rules.quantified_samples, rules.background_samples, rules.probability_above
    (2, 3, 0.95)
    >>> round(0.30103 / rules.median_slope_log10_per_day, 1)
    13.6
    """
    rows = {row["id"]: row for row in tables.rows("kinetics")}
    return KineticsRules(
        quantified_samples=rows["specific_points"]["quantified"],
        background_samples=rows["background_points"]["samples"],
        probability_above=rows["background_points"]["probability_above"],
        change_therapies=frozenset(rows["change_at_therapies"]["therapies"]),
        change_events=frozenset(rows["change_at_events"]["events"]),
        slope_scale_log10_per_day=rows["slope_prior"]["scale_log10_per_day"],
        slope_degrees_of_freedom=float(rows["slope_prior"]["degrees_of_freedom"]),
        level_sd_log10=rows["level_prior"]["sd_log10"],
        level=rows["interval"]["level"],
        foretelling_samples=rows["last_sample"]["samples"],
        foretold_probability=rows["last_sample"]["probability"],
        horizon_days=rows["horizon"]["days"],
        least_blast_percent=rows["overt_level"]["least_blast_percent"],
        month_days=rows["month"]["days"],
        version=tables.version("kinetics"),
    )
