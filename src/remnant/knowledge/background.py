"""What is known of the background of WT1 and BAALC, and which samples may teach it.

Levels are in the row's unit, spreads in log10, days from transplantation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, Final

from remnant.knowledge import tables

__all__ = ["BackgroundPrior", "BackgroundRules", "Regeneration", "background_rules"]

_NORMAL_95: Final = 2 * NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regeneration:
    """Rise of a background marker in early regeneration.

    Attributes
    ----------
    from_day, to_day : int
        Window, both inclusive.
    shift_log10, sd_log10 : float
        Size of the rise and how unsure it is.
    """

    from_day: int
    to_day: int
    shift_log10: float
    sd_log10: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundPrior:
    """Level in healthy donors, assumed where the laboratory measured too few.

    Attributes
    ----------
    id : str
        Row.
    median : float
        Level in `unit`.
    sd_log10 : float
        Spread of single samples of single donors.
    unit : str
        Unit of the median.
    control : str
        Control gene of that unit.
    """

    id: str
    median: float
    sd_log10: float
    unit: str
    control: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundRules:
    """Rows of ``background.toml`` as the stages use them.

    Attributes
    ----------
    percentile : float
        Donors' percentile, percent.
    minimum_donors, minimum_donors_nonparametric : int
        Fewest donors for a fit, and for a rank-based percentile.
    interval_level : float
        Confidence of the percentile's interval.
    engraftment_day : int
        First day of the donor's marrow without a recorded engraftment.
    full_chimerism_percent, blasts_below_percent : float
        What a sample must show to teach the background.
    raised_samples_teach : bool
        Whether a raised sample may teach it.
    between_patients_floor_log10 : float
        Least spread between patients.
    within_patient_log10 : mapping of str to float
        Within-patient biology by marker.
    regeneration : mapping of str to Regeneration
        By marker.
    priors : mapping of (str, str) to BackgroundPrior
        By marker and material.
    version : str
        Version of the table.
    """

    percentile: float
    minimum_donors: int
    minimum_donors_nonparametric: int
    interval_level: float
    engraftment_day: int
    full_chimerism_percent: float
    blasts_below_percent: float
    raised_samples_teach: bool
    between_patients_floor_log10: float
    within_patient_log10: Mapping[str, float]
    regeneration: Mapping[str, Regeneration]
    priors: Mapping[tuple[str, str], BackgroundPrior]
    version: str

    @property
    def percentile_z(self) -> float:
        """Standard deviations from the centre to the percentile of a normal distribution.

        Returns
        -------
        float
            1.96 for the 97.5th percentile.
        """
        return NormalDist().inv_cdf(self.percentile / 100.0)


def _starting(rows: Mapping[str, Mapping[str, Any]], start: str) -> list[Mapping[str, Any]]:
    return [row for name, row in rows.items() if name.startswith(start)]


def _regeneration(row: Mapping[str, Any]) -> Regeneration:
    return Regeneration(
        from_day=row["from_day"],
        to_day=row["to_day"],
        shift_log10=math.log10(row["factor"]),
        sd_log10=math.log10(row["factor_high"] / row["factor_low"]) / _NORMAL_95,
    )


def _prior(row: Mapping[str, Any]) -> BackgroundPrior:
    return BackgroundPrior(
        id=row["id"],
        median=row["median"],
        sd_log10=row["sd_log10"],
        unit=row["unit"],
        control=row["control"],
    )


@functools.cache
def background_rules() -> BackgroundRules:
    """Background rules that ship with remnant.

    Returns
    -------
    BackgroundRules
        A study changes them with `dataclasses.replace`.

    Examples
    --------
    >>> rules = background_rules()
    >>> rules.percentile, rules.engraftment_day, rules.priors["BAALC", "BM"].median
    (97.5, 28, 8.0)
    """
    rows = {row["id"]: row for row in tables.rows("background")}
    donors, clean = rows["donor_percentile"], rows["clean_sample"]
    return BackgroundRules(
        percentile=donors["percentile"],
        minimum_donors=donors["minimum_donors"],
        minimum_donors_nonparametric=donors["minimum_donors_nonparametric"],
        interval_level=donors["interval_level"],
        engraftment_day=rows["engraftment"]["from_day"],
        full_chimerism_percent=clean["chimerism_at_least_percent"],
        blasts_below_percent=clean["blasts_below_percent"],
        raised_samples_teach=clean["raised_samples_teach"],
        between_patients_floor_log10=rows["between_patients_floor"]["sd_log10"],
        within_patient_log10=MappingProxyType(
            {row["marker"]: row["sd_log10"] for row in _starting(rows, "within_patient_")}
        ),
        regeneration=MappingProxyType(
            {row["marker"]: _regeneration(row) for row in _starting(rows, "regeneration_")}
        ),
        priors=MappingProxyType(
            {(row["marker"], row["material"]): _prior(row) for row in _starting(rows, "prior_")}
        ),
        version=tables.version("background"),
    )
