"""Several cycles of a curve combined into one Cq, by weights that the standards of other assays teach.

Curves of one family are read alike: those of one instrument and chemistry, or of one file where the instrument
is not named. The weights of a target come from the accepted standard curves of the other targets of its family,
never from its own. Where these are too few, or do no better on targets that they have not seen, the single Cq
stays and a finding says so: curves of one family always carry one kind of Cq. A combination leans on the shape
of a curve, and weights hold for shapes like those of the standards: a well whose combined Cq is off is a finding.
All these cycles lean on the plateau: a target whose plateaus depend on its copies on a run neither teaches weights there nor
is combined.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.amplification_cq import with_our_cq
from remnant.assay.qpcr.amplification_plateaus import dependent_plateaus
from remnant.assay.qpcr.curves import Family, families, fit_curves, instrument_of
from remnant.knowledge.assays import gene_symbol
from remnant.knowledge.qpcr import qpcr_rules, well_assumptions
from remnant.knowledge.qpcr_curves import AmplificationRules, amplification_rules
from remnant.numerics.cycle_combination import learned_weights
from remnant.records.amplification import CurveResult
from remnant.records.finding import Finding
from remnant.records.run import Run, Well

__all__ = ["COMBINED_CYCLES", "Combination", "combined_results"]

Floats = NDArray[np.float64]
Place = tuple[str, str, str]

COMBINED_CYCLES: Final = ("cq", "tangent_cq", "second_derivative_cq", "early_share_cq", "share_cq")
"""Cycles of a `CurveResult` that are combined, the leading one first."""
_TENFOLD: Final = 3.4
"""Cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Weights of the cycles of the curves of one family.

    Attributes
    ----------
    instrument, chemistry : str
        Family; an instrument that no run names is empty.
    assays, wells : int
        Targets and standard wells that the weights were learned from.
    ridge : float
        Penalty on the weights.
    variance_ratio : float
        Variance of standards of left-out targets, of log10 copies, over that of a single cycle.
    weights : dict of str to tuple of float
        For each target, in the order of `COMBINED_CYCLES`; learned without it.
    """

    instrument: str
    chemistry: str
    assays: int
    wells: int
    ridge: float
    variance_ratio: float
    weights: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Standards:
    """Standard wells of one family that can teach weights."""

    targets: tuple[str, ...]
    target: NDArray[np.int64]
    curve: NDArray[np.int64]
    log10_copies: Floats
    cycles: Floats


def combined_results(
    wells: Sequence[Well],
    results: Sequence[CurveResult],
    runs: Sequence[Run],
    *,
    rules: AmplificationRules | None = None,
) -> tuple[tuple[CurveResult, ...], tuple[Combination, ...], tuple[Finding, ...]]:
    """Curves whose Cq is the weighted mean of several of their cycles.

    Parameters
    ----------
    wells : sequence of Well
        As the instrument stored them; standards carry their copies.
    results : sequence of CurveResult
        Their curves, read by us.
    runs : sequence of Run
        For instrument, chemistry and file.
    rules : AmplificationRules or None, default None
        Bounds; None takes the table that ships.

    Returns
    -------
    results : tuple of CurveResult
        In the same order. A combined Cq has no standard error; a curve that lacks one of the cycles has no Cq.
    combinations : tuple of Combination
        One a family whose cycles were combined.
    findings : tuple of Finding
        ``curve.combined`` with the weights, ``curve.combination_few`` or ``curve.combination_no_gain`` for each
        family; ``curve.combination_differs`` for a well.

    References
    ----------
    .. [1] Ruijter et al., Methods 59, 32-46 (2013): the set on which the way of combining was found.

    Examples
    --------
    >>> combined_results([], [], [])
    ((), (), ())
    """
    chosen = rules or amplification_rules()
    families = _families(results, runs)
    apart = set(dependent_plateaus(wells, results, rules=chosen))
    level = [one for one in results if (one.run_id, one.target) not in apart]
    standards = _standards(wells, level, families, rules=chosen)
    combinations: dict[Family, Combination] = {}
    findings: list[Finding] = []
    for family in dict.fromkeys(families.values()):
        targets = tuple(
            dict.fromkeys(gene_symbol(one.target) for one in results if families[one.run_id] == family)
        )
        found, finding = _learned(family, targets, standards.get(family), chosen)
        findings.append(finding)
        if found is not None:
            combinations[family] = found
    changed = tuple(
        one if (one.run_id, one.target) in apart else _combined(one, combinations.get(families[one.run_id]))
        for one in results
    )
    return changed, tuple(combinations.values()), (*findings, *_far_off(results, changed, chosen))


def _families(results: Sequence[CurveResult], runs: Sequence[Run]) -> dict[str, Family]:
    """Family of each run with curves."""
    known = {run.run_id: run for run in runs}
    return families(
        known.get(run_id) or Run(run_id=run_id) for run_id in dict.fromkeys(one.run_id for one in results)
    )


def _values(result: CurveResult) -> tuple[float, ...]:
    """The cycles that are combined, NaN where the curve has none."""
    every = (getattr(result, name) for name in COMBINED_CYCLES)
    return tuple(math.nan if value is None else value for value in every)


def _standards(
    wells: Sequence[Well],
    results: Sequence[CurveResult],
    families: Mapping[str, Family],
    *,
    rules: AmplificationRules,
) -> dict[Family, _Standards]:
    """Wells of standard curves that pass the gates by our Cq, by family."""
    ours, _ = with_our_cq([well for well in wells if well.run_id in families], results)
    passing = {
        (fit.run_id, fit.target) for fit in fit_curves(ours, qpcr_rules().curves) if fit.verdict == "pass"
    }
    by_place: dict[Place, CurveResult] = {(one.run_id, one.position, one.target): one for one in results}
    rows: dict[Family, dict[tuple[str, str], list[tuple[float, tuple[float, ...]]]]] = {}
    for well in ours:
        key = (well.run_id, gene_symbol(well.target))
        usable = well.kind == "standard" and well.standard_copies and well.cq is not None
        if not usable or well.excluded is not None or key not in passing:
            continue
        values = _values(by_place[well.run_id, well.position, well.target])
        if all(map(math.isfinite, values)):
            copies = math.log10(well.standard_copies or 1.0)
            rows.setdefault(families[well.run_id], {}).setdefault(key, []).append((copies, values))
    return {family: made for family, curves in rows.items() if (made := _columns(curves, rules)) is not None}


def _columns(
    curves: Mapping[tuple[str, str], Sequence[tuple[float, tuple[float, ...]]]], rules: AmplificationRules
) -> _Standards | None:
    enough = {
        key: wells
        for key, wells in curves.items()
        if len({round(copies, 9) for copies, _ in wells}) >= rules.combination_levels
    }
    if not enough:
        return None
    targets = tuple(dict.fromkeys(target for _, target in enough))
    return _Standards(
        targets,
        np.array([targets.index(key[1]) for key, wells in enough.items() for _ in wells], dtype=np.int64),
        np.array([i for i, wells in enumerate(enough.values()) for _ in wells], dtype=np.int64),
        np.array([copies for wells in enough.values() for copies, _ in wells]),
        np.array([values for wells in enough.values() for _, values in wells]),
    )


def _ridges(rules: AmplificationRules) -> Floats:
    steps = round(math.log10(rules.combination_ridge_most / rules.combination_ridge_least))
    result: Floats = rules.combination_ridge_least * np.power(10.0, np.arange(steps + 1))
    return result


def _learned(
    family: Family, targets: Sequence[str], standards: _Standards | None, rules: AmplificationRules
) -> tuple[Combination | None, Finding]:
    """Weights for every target of a family, or why there are none."""
    instrument = instrument_of(family)
    subject = f"instrument {instrument or 'not named'}"
    count = len(standards.targets) if standards is not None else 0
    # One more than the others that are asked for: a target with standards does not count for itself.
    if standards is None or count <= rules.combination_assays:
        return None, _few(subject, count, rules)
    assumed = well_assumptions()
    counting = np.power(10.0, -standards.log10_copies) / math.log(10.0) ** 2
    got = learned_weights(
        standards.cycles,
        standards.log10_copies,
        standards.target,
        curve=standards.curve,
        variance=(assumed.technical_sd / _TENFOLD) ** 2 + counting / assumed.detection_probability,
        ridges=_ridges(rules),
    )
    if not got.gain_z >= rules.combination_z:
        return None, _no_gain(subject, got.variance_ratio, got.gain_z, rules)
    own = dict(zip(standards.targets, got.without, strict=True))
    found = Combination(
        instrument=instrument,
        chemistry=family[1],
        assays=count,
        wells=len(standards.target),
        ridge=got.ridge,
        variance_ratio=got.variance_ratio,
        weights={target: tuple(own.get(target, got.weights).tolist()) for target in targets},
    )
    return found, _said(subject, found, got.weights)


def _combined(result: CurveResult, combination: Combination | None) -> CurveResult:
    if combination is None or result.call != "amplified":
        return result
    values = _values(result)
    if not all(map(math.isfinite, values)):
        return replace(result, cq=None, cq_se=None, reason="it lacks a cycle of the combination")
    weights = combination.weights[gene_symbol(result.target)]
    return replace(result, cq=math.fsum(map(math.prod, zip(weights, values, strict=True))), cq_se=None)


def _far_off(
    results: Sequence[CurveResult], changed: Sequence[CurveResult], rules: AmplificationRules
) -> Iterator[Finding]:
    """Wells that combining moves unlike the others of their run and target."""
    moved: dict[tuple[str, str], list[float]] = defaultdict(list)
    pairs = [
        (one, after.cq - one.cq)
        for one, after in zip(results, changed, strict=True)
        if after is not one and after.cq is not None and one.cq is not None
    ]
    for one, by in pairs:
        moved[one.run_id, one.target].append(by)
    usual = {key: median(values) for key, values in moved.items()}
    for one, by in pairs:
        away = by - usual[one.run_id, one.target]
        if abs(away) > rules.cq_difference:
            yield _differs(one, away, rules)


def _differs(result: CurveResult, away: float, rules: AmplificationRules) -> Finding:
    return Finding(
        code="curve.combination_differs",
        severity="warning",
        subject=f"well {result.run_id}:{result.position}",
        message=f"Combining cycles moves the Cq of {result.target} by {away:+.2f} cycles more than in the other wells of the run: its curve has another shape.",
        found=f"{away:+.2f} cycles, the usual move of the run and target taken off",
        needed=f"within {rules.cq_difference:g} cycles",
        advice="Look at the curve for inhibition or a poor plateau, or set cq_source to ours.",
    )


def _few(subject: str, count: int, rules: AmplificationRules) -> Finding:
    return Finding(
        code="curve.combination_few",
        severity="warning",
        subject=subject,
        message="Too few assays can teach how to combine cycles: the single Cq of each curve is quantified.",
        found=f"{count} targets with accepted standard curves and their amplification curves",
        needed=f"{rules.combination_assays} beside the one that is read",
        advice="Import more runs with standards and curves, or set cq_source to ours.",
    )


def _no_gain(subject: str, ratio: float, gain_z: float, rules: AmplificationRules) -> Finding:
    return Finding(
        code="curve.combination_no_gain",
        severity="warning",
        subject=subject,
        message="Combining cycles is not better on assays that the weights have not seen: the single Cq of each curve is quantified.",
        found=f"{ratio:.2f} times the variance of a single cycle, a gain of {gain_z:.1f} standard errors",
        needed=f"a gain of {rules.combination_z:g} standard errors",
        advice="Set cq_source to ours, or to the instrument's.",
    )


def _said(subject: str, found: Combination, weights: Floats) -> Finding:
    each = ", ".join(_weight_words(weights))
    return Finding(
        code="curve.combined",
        severity="note",
        subject=subject,
        message=(
            f"The Cq of each curve is a weighted mean of its cycles: {each}. Learned from {found.wells} standards of {found.assays} assays, "
            f"for each without its own; on left-out assays {found.variance_ratio:.2f} times the variance of a single cycle."
        ),
        advice="Keep the weights to this instrument and chemistry.",
    )


def _weight_words(weights: Floats) -> Iterator[str]:
    for name, weight in zip(COMBINED_CYCLES, weights.tolist(), strict=True):
        yield f"{name} {weight:+.2f}"
