"""Each sample against the background of its patient.

After engraftment the background is the donor's: the prior is the laboratory's donors, and only later
samples with full donor chimerism and few blasts update it. A pre-transplant remission never does, and no
sample is judged against itself or a later one. Early regeneration lifts the level and widens it. An error that a
sample and the donors both name is the same draw: it is no distance between them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.course.series import Entry, series_key
from remnant.evidence.averaged import averaged_likelihood
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import MEASUREMENT
from remnant.knowledge.background import BackgroundRules
from remnant.knowledge.states import StateRules
from remnant.numerics.background import (
    Samples,
    Track,
    normal_log_prior,
    predictive_limits,
    track_background,
)
from remnant.numerics.percentile_posterior import with_spreads
from remnant.records.measurement import Baseline

__all__ = ["Against", "against_background", "teaches_background"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_BaselineKey = tuple[str, str, str, str]

_GRID_POINTS: Final = 61
_GRID_REACH: Final = 4.5  # standard deviations between patients
_MOST_POINTS: Final = 601
_FINE: Final = 0.5  # distance of two centres, in standard deviations of the narrowest prior
_NORMAL_95: Final = 2 * NormalDist().inv_cdf(0.975)
_SMALLEST: Final = 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class Against:
    """Background, distance from it and the verdict on each entry.

    Attributes
    ----------
    centre, sd : ndarray of float, shape (n,)
        log10 of the predicted level and its spread, biology included; NaN without a background.
    z : ndarray of float, shape (n,)
        Distance in standard deviations; NaN where nothing was detected or no background is known.
    raised : ndarray of bool, shape (n,)
        Above the cut-off and, where the marker needs it, far enough from the background.
    limits : tuple of ndarray of float, length n
        log10 of the level that the true quantity must exceed for being far enough from the background, at the nodes
        of the donors' posterior: as many as `POPULATION_WEIGHTS`, one where the donors are assumed, none where the
        marker needs no distance or no background is known.
    """

    centre: Floats
    sd: Floats
    z: Floats
    raised: NDArray[np.bool_]
    limits: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class _Priors:
    """Normal priors of a patient's centre: from the donors' point estimates, and at the nodes of their posterior."""

    mean: float
    between: float
    node_means: Floats  # none where the donors are assumed
    node_between: Floats

    def grid(self) -> Floats:
        """Centres that hold all of them."""
        reach = _GRID_REACH * np.append(self.node_between, self.between)
        means = np.append(self.node_means, self.mean)
        low, high = float((means - reach).min()), float((means + reach).max())
        if not len(self.node_means):
            return np.linspace(low, high, _GRID_POINTS)
        step = min(
            2 * _GRID_REACH * self.between / (_GRID_POINTS - 1), _FINE * float(self.node_between.min())
        )
        return np.linspace(low, high, min(math.ceil((high - low) / step) + 1, _MOST_POINTS))


def teaches_background(entry: Entry, rules: BackgroundRules) -> bool:
    """Whether a sample may update its patient's background.

    Parameters
    ----------
    entry : Entry
        The sample.
    rules : BackgroundRules
        What it must show.

    Returns
    -------
    bool
        True after engraftment, with full donor chimerism and blasts below the limit, both known, before
        overt relapse and not drawn because it was suspected.
    """
    sample = entry.sample
    return (
        entry.evaluable
        and entry.engrafted
        and entry.predictor
        and sample is not None
        and sample.chimerism_whole_percent is not None
        and sample.chimerism_whole_percent >= rules.full_chimerism_percent
        and sample.blast_percent is not None
        and sample.blast_percent < rules.blasts_below_percent
    )


def against_background(
    entries: Sequence[Entry],
    batch: EvidenceBatch,
    baselines: Mapping[_BaselineKey, Baseline],
    *,
    rules: BackgroundRules,
    states: StateRules,
) -> Against:
    """Judge every evaluable entry against its cut-off and its patient's background.

    Parameters
    ----------
    entries : sequence of Entry
        Evaluable entries, sorted by series and date.
    batch : EvidenceBatch, n rows
        Their evidence.
    baselines : mapping to Baseline
        Donors' backgrounds by assay, material, fraction and unit.
    rules : BackgroundRules
        Regeneration, biology, and which samples teach.
    states : StateRules
        Distance that each marker needs.

    Returns
    -------
    Against
        One row an entry. Where no background is known the cut-off alone decides, or nothing is raised if
        the marker needs the distance.
    """
    n = len(entries)
    centre, sd, z = (np.full(n, np.nan) for _ in range(3))
    raised = np.zeros(n, dtype=np.bool_)
    limits = [np.empty(0)] * n
    groups: dict[_BaselineKey, list[int]] = defaultdict(list)
    for row, entry in enumerate(entries):
        m = entry.measurement
        groups[m.assay_id, m.material, m.fraction, m.unit].append(row)
    for key, rows in groups.items():
        members, chosen = [entries[row] for row in rows], np.array(rows)
        needed = states.z_at_least[members[0].measurement.target]
        baseline = baselines.get(key)
        if baseline is None:
            above = np.array([_above(entry) for entry in members])
            raised[chosen] = above if needed is None else False
            continue
        track, own = _track(members, batch.take(chosen), baseline, rules=rules, z_at_least=needed)
        centre[chosen], sd[chosen], z[chosen], raised[chosen] = track.centre, track.sd, track.z, track.raised
        for row, limit in zip(rows, own, strict=True):
            limits[row] = limit
    return Against(centre, sd, z, raised, tuple(limits))


def _above(entry: Entry) -> bool:
    return entry.call is not None and entry.call.verdict == "above"


def _track(
    members: Sequence[Entry],
    batch: EvidenceBatch,
    baseline: Baseline,
    *,
    rules: BackgroundRules,
    z_at_least: float | None,
) -> tuple[Track, Floats]:
    """Each sample against its patient's background, and the limits that this sets to the true quantity."""
    target = members[0].measurement.target
    biology = rules.within_patient_log10[target]
    priors = _priors(baseline, biology, rules, nodes=z_at_least is not None)
    grid = priors.grid()
    cancelled = batch.errors.variance_cancelled(baseline.percentile_errors, MEASUREMENT)
    samples = _columns(members, batch, cancelled, rules=rules, biology=biology)
    log_likelihood = np.zeros((len(members), len(grid)))
    learn = np.flatnonzero(samples.teaches)
    if len(learn):
        log_likelihood[learn] = _log_likelihood(
            batch.take(learn),
            grid,
            cancelled=cancelled[learn],
            spread=samples.spread[learn],
            shift=samples.shift[learn],
        )
    track = track_background(
        samples,
        log_likelihood,
        grid=grid,
        log_prior=normal_log_prior(grid, mean=priors.mean, sd=priors.between),
        z_at_least=-math.inf if z_at_least is None else z_at_least,
        raised_samples_teach=rules.raised_samples_teach,
    )
    if z_at_least is None:
        return track, np.empty((len(members), 0))
    if not len(priors.node_means):
        return track, (track.centre + z_at_least * track.sd)[:, None]
    return track, predictive_limits(
        samples, track.learned, grid=grid, means=priors.node_means, between=priors.node_between, z=z_at_least
    )


def _priors(baseline: Baseline, biology: float, rules: BackgroundRules, *, nodes: bool) -> _Priors:
    """What the donors say about a patient's centre; their posterior is theirs: no patient's sample updates it."""

    def between(spread: Floats) -> Floats:
        return np.maximum(
            np.sqrt(np.maximum(np.square(spread) - biology**2, 0.0)), rules.between_patients_floor_log10
        )

    spreads = np.array(baseline.spread_nodes_log10 if nodes else ())
    means = np.empty(0)
    if len(spreads):
        means = with_spreads(np.log10(baseline.percentile_nodes)) - rules.percentile_z * spreads
    return _Priors(
        mean=math.log10(baseline.median),
        between=float(between(np.array(baseline.sd_log10))),
        node_means=means,
        node_between=between(spreads),
    )


def _log_likelihood(
    batch: EvidenceBatch, grid: Floats, *, cancelled: Floats, spread: Floats, shift: Floats
) -> Floats:
    """Log-likelihood of the patient's centre; a sample in regeneration speaks about centre plus shift."""
    error = np.maximum(batch.errors.variance(MEASUREMENT) - cancelled, 0.0)
    sd = np.hypot(spread, np.sqrt(error))
    result = np.empty((len(batch), len(grid)))
    for size in np.unique(shift):
        rows = np.flatnonzero(shift == size)
        result[rows] = averaged_likelihood(batch.take(rows), grid + size, sd[rows])
    return np.log(np.maximum(result, _SMALLEST))


def _columns(
    members: Sequence[Entry],
    batch: EvidenceBatch,
    cancelled: Floats,
    *,
    rules: BackgroundRules,
    biology: float,
) -> Samples:
    keys = [series_key(entry.measurement) for entry in members]
    first = np.array([i == 0 or keys[i] != keys[i - 1] for i in range(len(keys))])
    starts = np.flatnonzero(first)
    series = np.cumsum(first) - 1
    day = np.array([math.nan if entry.day is None else entry.day for entry in members])
    growth = rules.regeneration.get(members[0].measurement.target)
    early = (
        np.zeros(len(members), dtype=np.bool_)
        if growth is None
        else (day >= growth.from_day) & (day <= growth.to_day)
    )
    stated = batch.errors.variance({"biology"})
    variance = np.where(stated > 0, stated, biology**2)
    return Samples(
        series=series,
        ordinal=np.arange(len(members)) - starts[series],
        value=np.array([_log10(entry.measurement.point_value) for entry in members]),
        shift=np.where(early, growth.shift_log10 if growth else 0.0, 0.0),
        spread=np.sqrt(variance + np.where(early, growth.sd_log10**2 if growth else 0.0, 0.0)),
        error=np.sqrt(np.maximum(np.square([_error(entry) for entry in members]) - cancelled, 0.0)),
        teaches=np.array([teaches_background(entry, rules) for entry in members], dtype=np.bool_),
        above=np.array([_above(entry) for entry in members], dtype=np.bool_),
    )


def _log10(value: float | None) -> float:
    return math.nan if value is None else math.log10(value)


def _error(entry: Entry) -> float:
    """Standard deviation of log10 from the stored 95 % interval of this measurement."""
    lower, upper = entry.measurement.lower, entry.measurement.upper
    return math.log10(upper / lower) / _NORMAL_95 if lower and upper else 0.0
