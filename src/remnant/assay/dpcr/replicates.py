"""Replicate wells: which one does not belong, and how much wells vary beyond counting.

Replicates are wells of one run with the same sample, target and exposure, as the instrument's file or the plate
layout names them; wells without a name have none. The test knows nothing else of a well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from remnant.assay.dpcr.wells import NamedWell
from remnant.knowledge.dpcr import DigitalReplicates
from remnant.numerics.partitions import between_well_variance, outlier_p_values
from remnant.records.finding import Finding, material_subject
from remnant.units import p_value_text

__all__ = ["replicate_outliers", "well_sds"]


def _groups(wells: Sequence[NamedWell], usable: Sequence[int]) -> list[list[int]]:
    found: dict[tuple[str, str, str, str, float], list[int]] = defaultdict(list)
    for i in usable:
        part = wells[i].part
        if part.sample and part.kind != "ntc":
            found[part.run_id, wells[i].target, part.channel, part.sample, wells[i].exposure].append(i)
    return [rows for rows in found.values() if len(rows) > 1]


def replicate_outliers(
    wells: Sequence[NamedWell], positives: Sequence[int], *, usable: Sequence[int], rule: DigitalReplicates
) -> tuple[dict[int, tuple[str, str]], list[Finding]]:
    """Wells that their replicates do not explain.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    positives : sequence of int
        Their counts.
    usable : sequence of int
        Wells that are still in play.
    rule : DigitalReplicates
        Error rate for one group.

    Returns
    -------
    outliers : dict of int to (str, str)
        Decision and reason of each well that is left out.
    findings : list of Finding
        One a well left out, and one a pair that disagrees.

    Notes
    -----
    From three wells on, the well whose absence makes the others agree best is tested against them, with the error
    rate shared among the wells; then the rest again. Where more than half would have to go the wells are
    no replicates, and none is used.
    """
    outliers: dict[int, tuple[str, str]] = {}
    findings: list[Finding] = []
    for group in _groups(wells, usable):
        apart, pair = _apart(wells, positives, group, rule)
        if pair is not None:
            findings.append(_disagree([wells[i] for i in group], pair))
        elif 2 * len(apart) > len(group):
            why = f"the {len(group)} wells of this name and target are no replicates: no half of them agrees"
            outliers |= dict.fromkeys(group, ("replicates disagree", why))
            findings.append(_disagree([wells[i] for i in group], None))
        else:
            outliers |= {i: ("outlier", text) for i, text in apart.items()}
            findings += [_outlier(wells[i], text) for i, text in apart.items()]
    return outliers, findings


def _apart(
    wells: Sequence[NamedWell], positives: Sequence[int], group: Sequence[int], rule: DigitalReplicates
) -> tuple[dict[int, str], float | None]:
    """Wells of one group that the others do not explain; or the probability of a pair that disagrees."""
    rows, apart = list(group), dict[int, str]()
    sd = wells[rows[0]].instrument.well_cv
    while len(rows) >= 2:
        k = np.array([positives[i] for i in rows])
        n = np.array([wells[i].part.accepted for i in rows])
        worst, p_value = _worst(k, n, sd)
        if p_value >= rule.p_value / len(rows):
            return apart, None
        if len(rows) == 2:
            # Of the last two nobody knows which is wrong: a group that comes down to them does not agree.
            return dict.fromkeys(group, ""), (p_value if len(group) == 2 else None)
        rest = np.arange(len(rows)) != worst
        expected = k[rest].sum() / n[rest].sum() * n[worst]
        apart[rows.pop(worst)] = (
            f"{k[worst]} of {n[worst]} partitions positive where its replicates tell of {expected:.0f}"
            f" ({p_value_text(p_value)})"
        )
    return apart, None


def _worst(k: np.ndarray, n: np.ndarray, sd: float) -> tuple[int, float]:
    """Well without which the others agree best, and its probability given them."""
    if len(k) == 2:
        p_values = outlier_p_values(k, n, sd)
        return int(p_values.argmin()), float(p_values.min())
    spread = []
    for i in range(len(k)):
        rest = np.arange(len(k)) != i
        share = k[rest].sum() / n[rest].sum()
        mean = np.maximum(n[rest] * share, 0.5)
        variance = mean * max(1.0 - share, 1e-6) + np.square(mean * sd)
        spread.append(float((np.square(k[rest] - mean) / variance).sum()))
    worst = int(np.argmin(spread))
    return worst, float(outlier_p_values(k, n, sd)[worst])


def _outlier(well: NamedWell, why: str) -> Finding:
    return Finding(
        code="dpcr.outlier_well",
        severity="warning",
        subject=f"well {well.part.run_id}:{well.part.position}",
        message=f"{well.target or 'Channel ' + well.part.channel}: {why}. Left out.",
        advice="Look for contamination, a swapped well or a shifted baseline.",
    )


def _disagree(group: Sequence[NamedWell], p_value: float | None) -> Finding:
    first = group[0]
    places = ", ".join(well.part.position for well in group[:10])
    what = (
        f"are no replicates, no half of the {len(group)} wells agrees: none is used"
        if p_value is None
        else f"disagree ({p_value_text(p_value)}), and nobody knows which is wrong: both count"
    )
    return Finding(
        code="dpcr.replicates_disagree",
        severity="failure" if p_value is None else "warning",
        subject=material_subject(first.part.sample, first.sample_id),
        message=f"The wells of {first.target} {what}: {places}.",
        where=f"run {first.part.run_id}",
        advice="Give wells of different content different names, or repeat the sample.",
    )


def well_sds(
    wells: Sequence[NamedWell], positives: Sequence[int], *, usable: Sequence[int], rule: DigitalReplicates
) -> dict[str, float]:
    """Variation between wells of each run, beyond counting: log-rate standard deviation.

    Parameters
    ----------
    wells : sequence of NamedWell
        All wells.
    positives : sequence of int
        Their counts.
    usable : sequence of int
        Wells that are in play, outliers left out.
    rule : DigitalReplicates
        Weight of the instrument's default.

    Returns
    -------
    dict of str to float
        By run: the run's own replicates drawn to the default by its weight.
    """
    by_run: dict[str, list[list[int]]] = defaultdict(list)
    for group in _groups(wells, usable):
        by_run[wells[group[0]].part.run_id].append(group)
    found = {}
    for well in wells:
        run_id = well.part.run_id
        if run_id in found:
            continue
        default = well.instrument.well_cv**2
        groups = by_run.get(run_id, [])
        rows = [i for group in groups for i in group]
        codes = [code for code, group in enumerate(groups) for _ in group]
        variance, freedom = between_well_variance(
            [positives[i] for i in rows], [wells[i].part.accepted for i in rows], codes
        )
        weight = rule.learning_wells
        found[run_id] = float(np.sqrt((max(variance, 0.0) * freedom + default * weight) / (freedom + weight)))
    return found
