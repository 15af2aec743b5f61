"""Internal controls over the runs of a laboratory, and the error components learned from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["ControlPoint", "VarianceComponent", "westgard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPoint:
    """One internal control in one run: a point of its Levey-Jennings chart.

    Attributes
    ----------
    run_id : str
        Run.
    control_name : str
        Sample code of the control material, for example ``"IQC-HIGH"``.
    target : str
        What was measured in it.
    assay_id : str
        Assay whose ratio is charted; empty where copies a well are.
    unit : str
        Unit of ``10**log10_value``.
    run_on : datetime.date or None
        Day of the run; charts run in the order of dates, undated runs last.
    log10_value : float
        log10 of the laboratory's point value.
    tube_sd_log10 : float
        Poisson, technical and calibration standard deviation of that value: what one tube explains.
    mean, sd : float or None
        Centre and standard deviation of the chart; None while too few runs set them.
    z : float or None
        ``(log10_value - mean) / sd``.
    rules : tuple of str
        Westgard rules that this point violates, ids of ``knowledge/westgard.toml``.
    rejects : bool
        Whether one of them asks to reject the run.
    """

    run_id: str
    control_name: str
    target: str
    assay_id: str
    unit: str
    run_on: dt.date | None
    log10_value: float
    tube_sd_log10: float
    mean: float | None
    sd: float | None
    z: float | None
    rules: tuple[str, ...] = ()
    rejects: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponent:
    """One error above the tube: how large, and how that is known.

    Attributes
    ----------
    error_class : {"run", "rt", "biology", "reported"}
        Error class of the evidence; ``reported`` is what a value typed in from a report is taken to carry.
    target : str
        Target it holds for; empty for any.
    sd_log10 : float
        Standard deviation that is used.
    source : str
        Citation, ``"typed in"``, or the controls and runs it was learned from.
    status : {"verified", "unverified", "learned"}
        How far it is known.
    level_log10 : float or None
        Level (log10 of the assay's unit) it was learned at; None for any level. A measurement takes the
        nearest.
    runs : int
        Runs it was learned from; 0 for a default.
    default_sd_log10 : float or None
        What it would have been without the laboratory's own controls.
    """

    error_class: Literal["run", "rt", "biology", "reported"]
    target: str
    sd_log10: float
    source: str
    status: Literal["verified", "unverified", "learned"]
    level_log10: float | None = None
    runs: int = 0
    default_sd_log10: float | None = None


def westgard(rules: Iterable[str]) -> str:
    """Westgard rules as laboratories write them.

    Parameters
    ----------
    rules : iterable of str
        Rows of the table.

    Returns
    -------
    str
        Parted by commas.

    Examples
    --------
    >>> westgard(("1_2s", "R_4s"))
    '1-2s, R-4s'
    """
    return ", ".join(rule.replace("_", "-") for rule in rules)
