"""Evidence of a ratio: the target's likelihood at the control gene's value, shared errors by name.

``q = unit factor * target copies per exposure / control copies per exposure``. The likelihood of the target
wells is tabulated on the knots of a profile; the control gene enters at its point value and as the named
log-normal error ``control:<cdna>:<gene>``. Where the control has few copies its error is not log-normal: it
is then integrated inside the profile, and the name is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from remnant.assay.qpcr.curves import Curves, curve_names
from remnant.assay.qpcr.groups import Groups, well_groups
from remnant.assay.qpcr.pairs import Pairs, Pools, line_sd
from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.kinds import KNOTS
from remnant.knowledge.qpcr import QpcrRules
from remnant.numerics import wells
from remnant.records.control import VarianceComponent
from remnant.records.run import Assay
from remnant.units import factor_to_ratio

__all__ = ["RatioEvidence", "ratio_evidence"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CONTROL_NODES: Final = 41


@dataclass(frozen=True, slots=True, eq=False)
class RatioEvidence:
    """Evidence of some pairs and the numbers behind it.

    Attributes
    ----------
    batch : EvidenceBatch, m rows
        Profiles with named errors.
    control_per_exposure : ndarray of float, shape (m,)
        Control copies per unit of exposure, the laboratory's point value.
    factor : ndarray of float, shape (m,)
        Unit of the assay: q over the plain ratio.
    """

    batch: EvidenceBatch
    control_per_exposure: Floats
    factor: Floats


def _tabulate(
    target: wells.WellGroups, control: wells.WellGroups, *, exact: Integers, shift: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Profiles, values at zero and ranges of log10 q; ``log10 q = log10 concentration + shift``."""
    low, high = wells.support(target)
    few = control.take(exact)
    centre = np.log10(_point(few))
    control_low, control_high = wells.support(few)
    low[exact] += centre - control_high
    high[exact] += centre - control_low
    share = np.linspace(0.0, 1.0, KNOTS)
    places = low[:, None] + (high - low)[:, None] * share
    profile = np.empty(places.shape)
    plain = np.setdiff1d(np.arange(len(target)), exact)
    profile[plain] = wells.log_likelihood(target.take(plain), places[plain])
    if len(exact):
        profile[exact] = _over_control(
            target.take(exact),
            few,
            places=places[exact],
            offsets=np.linspace(control_low, control_high, _CONTROL_NODES) - centre,
        )
    zero = wells.at_zero(target)
    top = profile.max(axis=1)
    return profile - top[:, None], zero - top, low + shift, high + shift


def _point(groups: wells.WellGroups) -> Floats:
    filled = groups.exposure > 0
    each = np.where(filled & ~np.isnan(groups.log10_copies), np.power(10.0, groups.log10_copies), 0.0)
    value: Floats = each.sum(axis=1) / np.where(filled, groups.exposure, 0.0).sum(axis=1)
    return value


def _over_control(
    target: wells.WellGroups, control: wells.WellGroups, *, places: Floats, offsets: Floats
) -> Floats:
    """Target log-likelihood averaged over the control's own, flat in its logarithm; offsets (nodes, n)."""
    centre = np.log10(_point(control))
    weight = wells.log_likelihood(control, (centre + offsets).T)
    weight -= logsumexp(weight, axis=1, keepdims=True)
    total = np.full(places.shape, -np.inf)
    for node in range(len(offsets)):
        at = wells.log_likelihood(target, places + offsets[node][:, None])
        total = np.logaddexp(total, at + weight[:, node : node + 1])
    return total


class _Names:
    """Codes of error names in the order of first use."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def codes(self, names: Sequence[str]) -> Integers:
        return np.fromiter(
            (self.index.setdefault(name, len(self.index)) for name in names), dtype=np.int64, count=len(names)
        )


def _component(variance: Sequence[VarianceComponent], error_class: str, target: str, level: Floats) -> Floats:
    """Standard deviation of one error class at each level: of the target if known, else of any."""
    rows = [part for part in variance if part.error_class == error_class and part.target == target]
    rows = rows or [part for part in variance if part.error_class == error_class and not part.target]
    if not rows:
        return np.zeros(len(level))
    sd = np.array([part.sd_log10 for part in rows])
    known = np.array([np.nan if part.level_log10 is None else part.level_log10 for part in rows])
    if np.isnan(known).any():
        return np.full(len(level), sd[np.isnan(known)][0])
    nearest: Floats = sd[np.abs(np.asarray(level)[:, None] - known).argmin(axis=1)]
    return nearest


def _errors(
    pairs: Pairs,
    groups: Groups,
    *,
    pools: Pools,
    curves: Curves,
    assays: Sequence[Assay],
    variance: Sequence[VarianceComponent],
    patients: Sequence[str],
    level: Floats,
    exact: Integers,
) -> SharedErrors:
    """Named errors of every pair."""
    key = {name: groups.keys[name].to_numpy() for name in ("run_id", "cdna_id", "sample_id", "target")}
    t, c = pairs.target, pairs.control
    targets = key["target"][t]
    runs, cdnas, samples = key["run_id"][t], key["cdna_id"][t], key["sample_id"][t]
    control_runs, genes = key["run_id"][c], key["target"][c]
    several = _measured_on_several_runs(groups)
    labels = [
        curve_names(curves, groups.curve[t], runs, targets),
        curve_names(curves, groups.curve[c], control_runs, genes),
        [
            f"control:{cdna}:{gene}:{run}" if (cdna, gene) in several else f"control:{cdna}:{gene}"
            for cdna, gene, run in zip(cdnas, genes, control_runs, strict=True)
        ],
        [f"run:{run}" for run in runs],
        [f"run:{run}" for run in control_runs],
        [f"rt:{cdna}" for cdna in cdnas],
        [
            f"biology:{patient}:{target}:{sample}"
            for patient, target, sample in zip(patients, targets, samples, strict=True)
        ],
    ]
    by_class = {name: np.zeros(len(pairs)) for name in ("run", "rt", "biology")}
    for i, assay in enumerate(assays):
        rows = np.flatnonzero(pairs.assay == i)
        for name, sd in by_class.items():
            sd[rows] = _component(variance, name, assay.target, level[rows])
    control_sd = pools.sd_log10[c]
    control_sd[exact] = 0.0
    sds = [
        line_sd(groups, pools, curves, t),
        line_sd(groups, pools, curves, c),
        control_sd,
        by_class["run"],
        np.where(runs == control_runs, 0.0, by_class["run"]),
        by_class["rt"],
        by_class["biology"],
    ]
    names = _Names()
    sd = np.stack(sds, axis=1)
    code = np.where(sd > 0, np.stack([names.codes(column) for column in labels], axis=1), -1)
    return SharedErrors.of_arrays(tuple(names.index), code, sd)


def _measured_on_several_runs(groups: Groups) -> set[tuple[str, str]]:
    seen: dict[tuple[str, str], int] = {}
    for pair in groups.keys.select("cdna_id", "target").iter_rows():
        seen[pair] = seen.get(pair, 0) + 1
    return {pair for pair, count in seen.items() if count > 1}


def ratio_evidence(
    pairs: Pairs,
    groups: Groups,
    *,
    pools: Pools,
    curves: Curves,
    assays: Sequence[Assay],
    variance: Sequence[VarianceComponent],
    patients: Sequence[str],
    rules: QpcrRules,
) -> RatioEvidence:
    """Evidence of pairs without obstacle.

    Parameters
    ----------
    pairs : Pairs, m rows
        Pairs whose two groups have copies on a passing curve.
    groups : Groups
        Replicates.
    pools : Pools
        Their sums.
    curves : Curves
        Judged curves.
    assays : sequence of Assay
        Units and blanks.
    variance : sequence of VarianceComponent
        Errors above the tube.
    patients : sequence of str, length m
        Patient of each pair.
    rules : QpcrRules
        Assumptions about wells.

    Returns
    -------
    RatioEvidence
        One row a pair. The declared range of log10 q, on which the verbs put a flat prior, is where the
        likelihood lies within 30 of its maximum, and never reaches below 0.001 molecules in the wells.

    Notes
    -----
    Everything is exact but three things: the control gene's log-normal error (bounds within 1 % from 100
    copies on, exact below), one calibration error a curve and level, and the spline between knots. Against
    the literal sum over molecules a profile is within 0.001 log-likelihood over the 99.9 % interval.
    """
    blank = np.array([assay.blank_rate_per_well for assay in assays])[pairs.assay]
    factor = np.array([factor_to_ratio(assay.unit) for assay in assays])[pairs.assay]
    target = well_groups(groups, pairs.target, curves=curves, blank_rate=blank, rules=rules)
    control = well_groups(groups, pairs.control, curves=curves, blank_rate=np.zeros(len(pairs)), rules=rules)
    per_exposure = _point(control)
    counted = rules.wells.detection_probability * pools.copies[pairs.control]
    exact = np.flatnonzero(counted < rules.wells.exact_control_below)
    shift = np.log10(factor) - np.log10(per_exposure)
    profile, zero, low, high = _tabulate(target, control, exact=exact, shift=shift)
    concentration = pools.copies[pairs.target] / pools.exposure[pairs.target]
    smallest = 1.0 / pools.exposure[pairs.target]
    errors = _errors(
        pairs,
        groups,
        pools=pools,
        curves=curves,
        assays=assays,
        variance=variance,
        patients=patients,
        level=np.log10(np.maximum(concentration, smallest)) + shift,
        exact=exact,
    )
    batch = EvidenceBatch.of_profiles(profile, zero, log10_low=low, log10_high=high, errors=errors)
    point = pools.copies[pairs.control] / pools.exposure[pairs.control]
    return RatioEvidence(batch, point, factor)
