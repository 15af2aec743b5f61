"""How early confirmed rises warned, how often not at all, how often in vain.

The counts come from the courses; here they get their intervals.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from remnant.numerics.proportions import clopper_pearson, poisson_rate
from remnant.records.alarm import MrdWarnings, WarningCounts
from remnant.records.cohort import LeadTimes, MrdLeadTimes

__all__ = ["lead_times", "mrd_lead_times"]


def lead_times(counts: WarningCounts, *, level: float = 0.95) -> LeadTimes:
    """Summary of warnings and false alarms.

    Parameters
    ----------
    counts : WarningCounts
        Counted over courses.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    LeadTimes
        Median and range of the lead time, share of relapses without warning (Clopper-Pearson), and false
        alarms per patient-year (exact Poisson).

    Examples
    --------
    >>> counts = WarningCounts(patients=50, relapses=20, warned=15, unwarned=5, lead_time_days=(8, 40, 180),
    ...     false_alarms=3, alarms_after_therapy=2, open_alarms=1, patient_years=60.0)
    >>> made = lead_times(counts)
    >>> made.median_days, f"{made.false_alarms_per_patient_year:.3f} ({made.rate_lower:.3f}-{made.rate_upper:.3f})"
    (40.0, '0.050 (0.010-0.146)')
    """
    days = counts.lead_time_days
    share = clopper_pearson(counts.unwarned, counts.relapses, level=level) if counts.relapses else None
    followed = counts.patient_years > 0
    rate = poisson_rate(counts.false_alarms, counts.patient_years, level=level) if followed else None
    return LeadTimes(
        patients=counts.patients,
        relapses=counts.relapses,
        warned=counts.warned,
        unwarned=counts.unwarned,
        unwarned_share=counts.unwarned / counts.relapses if counts.relapses else None,
        unwarned_lower=float(share.lower) if share else None,
        unwarned_upper=float(share.upper) if share else None,
        median_days=float(statistics.median(days)) if days else None,
        shortest_days=float(min(days)) if days else None,
        longest_days=float(max(days)) if days else None,
        false_alarms=counts.false_alarms,
        alarms_after_therapy=counts.alarms_after_therapy,
        open_alarms=counts.open_alarms,
        patient_years=counts.patient_years,
        false_alarms_per_patient_year=counts.false_alarms / counts.patient_years if followed else None,
        rate_lower=float(rate.lower) if rate else None,
        rate_upper=float(rate.upper) if rate else None,
        level=level,
        unwarned_no_sample=counts.unwarned_no_sample,
        unwarned_nothing_raised=counts.unwarned_nothing_raised,
        unwarned_unconfirmed=counts.unwarned_unconfirmed,
        unwarned_ended=counts.unwarned_ended,
    )


def mrd_lead_times(warnings: Sequence[MrdWarnings], *, level: float = 0.95) -> tuple[MrdLeadTimes, ...]:
    """Summaries of the alarms of leukaemia-specific markers, each assay apart.

    Parameters
    ----------
    warnings : sequence of MrdWarnings
        Counted over courses.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    tuple of MrdLeadTimes
        In the same order.
    """
    return tuple(
        MrdLeadTimes(
            target=one.target,
            assay_id=one.assay_id,
            sign=one.sign,
            made=lead_times(one.counts, level=level),
        )
        for one in warnings
    )
