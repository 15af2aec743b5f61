"""Copies in the wells of a file, without samples, cDNAs or a control gene: what one plate says by itself.

The same curves, replicates, blanks and likelihood as in a study; the interval is of these wells and their standard
curve. A ratio to a control gene, and the errors of run and reverse transcription, need a study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.calibration import with_history
from remnant.assay.qpcr.contamination import contamination
from remnant.assay.qpcr.curves import Curves, curve_names, judged_curves
from remnant.assay.qpcr.groups import Groups, read_groups, well_groups, without_outliers
from remnant.assay.qpcr.pairs import Pools, line_sd, pool_groups
from remnant.assay.qpcr.plates import USED, well_frame
from remnant.evidence.batch import EvidenceBatch, SharedErrors
from remnant.evidence.detection import DetectionRule, detection_state
from remnant.evidence.kinds import KNOTS
from remnant.evidence.verbs import interval
from remnant.knowledge.calibration import CurveChoice, calibration_rules
from remnant.knowledge.qpcr import QpcrRules, qpcr_rules
from remnant.numerics import wells as likelihood
from remnant.records.finding import Finding
from remnant.records.measurement import DetectionState, SampleCopies
from remnant.records.run import Run, Well

__all__ = ["sample_copies"]

Integers = NDArray[np.int64]

_OF_A_STUDY: Final = frozenset({"qpcr.unknown_sample", "qpcr.no_assay", "qpcr.exposure_assumed"})
"""Findings of names that only a study can know, and of volumes that only a ratio needs."""


def sample_copies(
    wells: Sequence[Well],
    *,
    runs: Sequence[Run] = (),
    rules: QpcrRules | None = None,
    standard_curve: CurveChoice = "own",
) -> tuple[tuple[SampleCopies, ...], list[Finding]]:
    """Copies with interval of every target and name of some runs.

    Parameters
    ----------
    wells : sequence of Well
        Wells; standards and blanks among them.
    runs : sequence of Run, default ()
        Cycles and volumes of the runs.
    rules : QpcrRules or None, default None
        Rule rows; None takes the default rows.
    standard_curve : {"own", "laboratory"}, default "own"
        Whether targets with few plates, or without standards, borrow from the standards of other targets.

    Returns
    -------
    copies : tuple of SampleCopies
        In the order of their first wells; empty without standards.
    findings : list of Finding
        What stands out on the plates: silent standards, blanks with signal, outliers.

    Raises
    ------
    MeasurementError
        If a well cannot be.

    Examples
    --------
    >>> wells = [
    ...     Well(run_id="R-01", position=f"A{i}", target="WT1", sample="STD", kind="standard", detected=True,
    ...          cq=39.4 - 3.4 * i, standard_copies=10.0**i) for i in range(1, 7)
    ... ]
    >>> wells += [
    ...     Well(run_id="R-01", position=f"B{i}", target="WT1", sample=name, kind="unknown", detected=cq is not None,
    ...          cq=cq) for i, (name, cq) in enumerate([("S-014", 32.6), ("S-014", 32.5), ("S-015", None)])
    ... ]
    >>> first, second = sample_copies(wells)[0]
    >>> first.state, round(first.point_value), first.unit, second.state, round(second.upper_limit, 1)
    ('quantified', 104, 'copies a well', 'not detected', 3.0)
    """
    chosen = rules or qpcr_rules()
    frame, noticed = well_frame(wells, runs=runs, assumptions=chosen.wells)
    frame = _by_name(frame)
    curves, history = with_history(
        judged_curves(frame, chosen.curves, chosen.wells),
        frame,
        runs=runs,
        assumptions=chosen.wells,
        rules=calibration_rules(),
        borrow=standard_curve,
    )
    groups, _, replicates = without_outliers(read_groups(frame, curves), chosen)
    pools = pool_groups(groups, cq_below=chosen.positivity.cq_below, assumptions=chosen.wells)
    blocked, blanks = contamination(frame, groups, assays=(), rule=chosen.contamination)
    findings = [one for one in noticed if one.code not in _OF_A_STUDY]
    findings += [*history, *replicates, *blanks]
    obstacles = [
        text or reason for text, reason in zip(_curve_obstacles(groups, curves), blocked, strict=True)
    ]
    if not len(curves.keys):
        # Nothing is quantified, so that no blank is missing; what the plate shows still holds.
        return (), [one for one in findings if one.code != "qpcr.no_blank"]
    return _records(groups, pools, curves, obstacles=obstacles, rules=chosen), findings


def _by_name(frame: pl.DataFrame) -> pl.DataFrame:
    """Wells of unknown samples and targets in play under the names that stand in them."""
    unknown = pl.col("decision").is_in(["unknown sample", "no assay"])
    lacking = unknown & pl.col("exposure").is_null()
    return frame.with_columns(
        pl.when(lacking)
        .then(pl.lit("no exposure"))
        .when(unknown)
        .then(pl.lit(USED))
        .otherwise("decision")
        .alias("decision"),
        pl.col("name").alias("cdna_id"),
        pl.col("name").alias("sample_id"),
    )


def _curve_obstacles(groups: Groups, curves: Curves) -> list[str]:
    at = {(run, target): curve for run, target, curve in curves.keys.iter_rows()}
    keys = groups.keys.select("run_id", "target").iter_rows()
    obstacles = []
    for (run_id, target), curve in zip(keys, groups.curve.tolist(), strict=True):
        known = at.get((run_id, target))
        if known is None:
            obstacles.append(f"no standard curve of {target}")
        elif curve < 0 or curves.reasons[known]:
            said = "; ".join(curves.reasons[known])
            line = np.isfinite(curves.fits.slope[known])
            obstacles.append(
                f"the standard curve of {target} failed the gates: {said}"
                if line
                else f"no standard curve of {target}: {said}"
            )
        else:
            obstacles.append("")
    return obstacles


def _evidence(
    groups: Groups, pools: Pools, curves: Curves, *, rows: Integers, rules: QpcrRules
) -> EvidenceBatch:
    """Profiles of copies a unit of exposure, with the error of the standard curve by name."""
    asked = well_groups(groups, rows, curves=curves, blank_rate=np.zeros(len(rows)), rules=rules)
    low, high = likelihood.support(asked)
    places = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, KNOTS)
    profile = likelihood.log_likelihood(asked, places)
    top = profile.max(axis=1)
    asked_keys = groups.keys.select("run_id", "target")[rows.tolist()]
    labels = curve_names(curves, groups.curve[rows], asked_keys["run_id"], asked_keys["target"])
    names = tuple(dict.fromkeys(labels))
    index = {name: i for i, name in enumerate(names)}
    sd = line_sd(groups, pools, curves, rows)
    known = np.array([index[label] for label in labels], dtype=np.int64)
    code = np.where(sd > 0, known, -1)[:, None]
    return EvidenceBatch.of_profiles(
        profile - top[:, None],
        likelihood.at_zero(asked) - top,
        log10_low=low,
        log10_high=high,
        errors=SharedErrors.of_arrays(names, code, sd[:, None]),
    )


def _records(
    groups: Groups, pools: Pools, curves: Curves, *, obstacles: list[str], rules: QpcrRules
) -> tuple[SampleCopies, ...]:
    rows = np.array([i for i, text in enumerate(obstacles) if not text and pools.wells[i]], dtype=np.int64)
    batch = _evidence(groups, pools, curves, rows=rows, rules=rules)
    own = interval(batch)
    found = detection_state(
        batch,
        positive=pools.positive[rows],
        replicates=pools.wells[rows],
        events=rules.wells.detection_probability * pools.copies[rows],
        obstacle=[""] * len(rows),
        rule=DetectionRule(
            rule_id=rules.positivity.id,
            minimum_positive_share=rules.positivity.minimum_positive_share,
            minimum_events=rules.positivity.minimum_copies,
        ),
    )
    lent = curves.lines.is_lent(groups.curve)
    evidence, place = batch.records(), {int(row): i for i, row in enumerate(rows)}
    result = []
    for row, key in enumerate(groups.keys.iter_rows(named=True)):
        i = place.get(row)
        state, reason = ("not evaluable", obstacles[row]) if i is None else (found.state[i], found.reason[i])
        signals = int(pools.signals[row])
        if i is not None and signals and not pools.positive[row]:
            state = "detected"
            reason = (
                f"{signals} wells with signal, none before Cq {rules.positivity.cq_below:g}: not quantifiable"
            )
        if i is not None and lent[row]:
            reason = "; ".join(text for text in (reason, "read by the line of other assays") if text)
        seen = i is not None and state in {"quantified", "detected"}
        result.append(
            SampleCopies(
                run_id=key["run_id"],
                target=key["target"],
                sample=key["name"],
                kind="control" if key["role"] == "internal" else "sample",
                evidence=None if i is None else evidence[i],
                state=cast("DetectionState", state),
                reason=reason,
                unit="copies/µl cDNA" if key["exposure_known"] else "copies a well",
                estimate=float(own.median[i]) if seen else None,
                lower=float(own.lower[i]) if seen else None,
                upper=float(own.upper[i]) if seen else None,
                upper_limit=None if i is None else float(found.upper_limit[i]),
                point_value=float(pools.copies[row] / pools.exposure[row])
                if i is not None and signals
                else None,
                positive_wells=signals,
                wells=int(pools.wells[row]),
            )
        )
    return tuple(result)
