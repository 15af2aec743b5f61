"""Target and control wells of one cDNA, brought together, and what forbids a ratio.

The control gene is taken from the target's own run. Where it was measured on another run only, the run
nearest in time is taken, a finding says so, and that run's error counts too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.curves import Curves
from remnant.assay.qpcr.groups import Groups, left_by_silence
from remnant.knowledge.qpcr import QpcrRules, WellAssumptions, control_bands
from remnant.numerics.wells import pooled_sd_log10
from remnant.records.finding import Finding, material_subject
from remnant.records.run import Assay

__all__ = ["Pairs", "Pools", "line_sd", "pair", "pool_groups"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_LATE: Final = 3.0
"""Standard deviations before one copy is due at which the last cycle hides nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """Sums over the used wells of each group.

    Attributes
    ----------
    copies, exposure : ndarray of float, shape (n,)
        Summed copies (silent wells count 0) and exposure.
    sd_log10 : ndarray of float, shape (n,)
        Poisson and technical standard deviation of log10 of their ratio; and what a silent well leaves open
        beside wells of so many copies that counting cannot have silenced it.
    wells, signals : ndarray of int, shape (n,)
        Used wells, and those with signal.
    positive : ndarray of int, shape (n,)
        Used wells that the rule counts as positive.
    """

    copies: Floats
    exposure: Floats
    sd_log10: Floats
    wells: Integers
    signals: Integers
    positive: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Target groups with their control group, one row a measurement.

    Attributes
    ----------
    assay : ndarray of int, shape (m,)
        Index of the assay.
    target, control : ndarray of int, shape (m,)
        Groups; control is -1 where none was measured.
    obstacle : tuple of str, length m
        Why there is no ratio; empty where there is one.
    low_control : tuple of str, length m
        Why the control gene allows no negative and no number; empty where it does.
    """

    assay: Integers
    target: Integers
    control: Integers
    obstacle: tuple[str, ...]
    low_control: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.target)


def pool_groups(groups: Groups, *, cq_below: float, assumptions: WellAssumptions) -> Pools:
    """Sums over the used wells of every group.

    Parameters
    ----------
    groups : Groups
        Replicates.
    cq_below : float
        A well is positive with a Cq below this.
    assumptions : WellAssumptions
        Detection probability of one molecule, and from how many copies on silence is no matter of counting.

    Returns
    -------
    Pools
        One row a group; copies are 0 where there is no curve.
    """
    signal = groups.used & ~np.isnan(groups.cq)
    readable = groups.used & ~np.isnan(groups.log10_copies)
    with np.errstate(over="ignore"):
        each = np.where(readable, np.power(10.0, groups.log10_copies), 0.0)
    copies, exposure = each.sum(axis=1), np.where(groups.used, groups.exposure, 0.0).sum(axis=1)
    # Only molecules that amplify are counted.
    counted = pooled_sd_log10(assumptions.detection_probability * each, groups.technical_sd_log10)
    return Pools(
        copies,
        exposure,
        np.hypot(counted, np.log10(left_by_silence(groups, assumptions))),
        groups.used.sum(axis=1),
        signal.sum(axis=1),
        (signal & (groups.cq < cq_below)).sum(axis=1),
    )


def line_sd(groups: Groups, pools: Pools, curves: Curves, rows: Integers) -> Floats:
    """Error that the standard curve brings into the copies of some groups.

    Parameters
    ----------
    groups : Groups
        Replicates.
    pools : Pools
        Their sums.
    curves : Curves
        Judged curves.
    rows : ndarray of int, shape (m,)
        Groups asked; they have a curve.

    Returns
    -------
    ndarray of float, shape (m,)
        log10 copies, at the mean of the wells or at one copy. 0 where all wells stayed silent: silence counts molecules,
        no line reads them, unless the last cycle may hide one.
    """
    mean = pools.copies[rows] / np.maximum(pools.wells[rows], 1)
    sd = curves.lines.error.sd_log10(groups.curve[rows], np.log10(np.maximum(mean, 1.0)))
    last = curves.lines.read(groups.curve[rows], groups.keys["cycles"].fill_null(np.inf).to_numpy()[rows])
    hides = last > -_LATE * np.hypot(groups.technical_sd_log10[rows], sd)
    result: Floats = np.where((pools.signals[rows] > 0) | hides, sd, 0.0)
    return result


def _candidates(groups: Groups, assays: Sequence[Assay]) -> pl.DataFrame:
    """Columns assay, target, control (group numbers, null without a control), other_run."""
    table = pl.DataFrame(
        {
            "assay": range(len(assays)),
            "target": [assay.target for assay in assays],
            "control": [assay.control for assay in assays],
        },
        schema={"assay": pl.Int64, "target": pl.String, "control": pl.String},
    ).drop_nulls("control")
    keys = groups.keys.select("group", "run_id", "cdna_id", "target", "run_on", "role")
    wanted = keys.join(table, on="target", maintain_order="left")
    control = keys.select(
        pl.col("group").alias("control_group"),
        pl.col("run_id").alias("control_run"),
        "cdna_id",
        pl.col("target").alias("control"),
        pl.col("run_on").alias("control_on"),
    )
    days = (pl.col("run_on") - pl.col("control_on")).dt.total_days().abs().fill_null(10**6)
    # An internal control may have one name for many cDNAs: only its own run's control gene is its own.
    lent = (pl.col("role") == "internal") & (pl.col("control_run") != pl.col("run_id"))
    paired = (
        wanted.join(control, on=["cdna_id", "control"], how="left", maintain_order="left")
        .with_columns(pl.when(lent).then(None).otherwise("control_group").alias("control_group"))
        .with_columns((pl.col("control_run") != pl.col("run_id")).alias("other_run"), days.alias("days"))
        .sort("group", "assay", "other_run", "days", "control_run", maintain_order=True)
        .unique(["group", "assay"], keep="first", maintain_order=True)
    )
    # Where a target has assays over several control genes, one that this cDNA has no well of was not asked for.
    has = pl.col("control_group").is_not_null()
    first = pl.col("assay") == pl.col("assay").min().over("group")
    return paired.filter(has | (~has.any().over("group") & first))


def pair(
    groups: Groups,
    pools: Pools,
    *,
    curves: Curves,
    assays: Sequence[Assay],
    contaminated: Sequence[str],
    rules: QpcrRules,
) -> tuple[Pairs, list[Finding]]:
    """Bring targets and control genes together.

    Parameters
    ----------
    groups : Groups
        Replicates.
    pools : Pools
        Their sums.
    curves : Curves
        Judged curves.
    assays : sequence of Assay
        Target over control.
    contaminated : sequence of str, length n
        Obstacle of each group by contamination.
    rules : QpcrRules
        Control-gene bands.

    Returns
    -------
    pairs : Pairs
        One row for each assay and target group.
    findings : list of Finding
        Controls from another run, and control genes below their bands.
    """
    found = _candidates(groups, assays)
    assay, target = found["assay"].to_numpy(), found["group"].to_numpy()
    control = found["control_group"].fill_null(-1).to_numpy().astype(np.int64)
    blocked = [
        text or reason for text, reason in zip(_curve_obstacles(groups, curves), contaminated, strict=True)
    ]
    known = groups.keys["exposure_known"].to_list()
    obstacle, low = [], []
    findings = _without_control(groups, assays)
    keys = groups.keys.select("run_id", "target", "name", "cdna_id", "sample_id").rows(named=True)
    for a, t, c in zip(assay.tolist(), target.tolist(), control.tolist(), strict=True):
        gene = str(assays[a].control)
        text = blocked[t] or _control_obstacle(c, gene, blocked, pools=pools, cdna=keys[t]["cdna_id"])
        if not text and known[t] != known[c]:
            text = (
                f"cDNA volumes are stated on only one of the runs {keys[t]['run_id']} and {keys[c]['run_id']}"
            )
        if not text and pools.wells[t] == 0:
            text = f"no {keys[t]['target']} well can be used"
        obstacle.append(text)
        low_text, finding = ("", None) if text else _band(t, c, gene, pools=pools, rules=rules, key=keys[t])
        low.append(low_text)
        findings += [finding] if finding else []
        if c >= 0 and keys[c]["run_id"] != keys[t]["run_id"]:
            findings.append(_other_run(keys[t], keys[c]["run_id"], gene))
    unique = {(f.code, f.subject, f.where): f for f in findings}
    return Pairs(assay, target, control, tuple(obstacle), tuple(low)), list(unique.values())


def _without_control(groups: Groups, assays: Sequence[Assay]) -> list[Finding]:
    measured = set(groups.keys["target"])
    return [
        Finding(
            code="qpcr.assay_without_control",
            severity="warning",
            subject=f"assay {assay.assay_id}",
            message=f"The assay names no control gene: no ratio of {assay.target} is made.",
            advice="Name its control gene.",
        )
        for assay in assays
        if assay.control is None and assay.target in measured
    ]


def _curve_obstacles(groups: Groups, curves: Curves) -> list[str]:
    keys = groups.keys.select("run_id", "target").iter_rows()
    failed = {(run_id, target): i for run_id, target, i in curves.keys.iter_rows()}
    obstacles = []
    for (run_id, target), curve in zip(keys, groups.curve.tolist(), strict=True):
        at = failed.get((run_id, target), -1)
        if at < 0:
            obstacles.append(f"no standard curve of {target} on run {run_id}")
        elif curves.reasons[at] or curve < 0:
            obstacles.append(
                f"the standard curve of {target} on run {run_id} failed the gates ({curves.rule_label}): "
                + "; ".join(curves.reasons[at])
            )
        else:
            obstacles.append("")
    return obstacles


def _control_obstacle(control: int, gene: str, blocked: list[str], *, pools: Pools, cdna: str) -> str:
    if control < 0:
        return f"no {gene} well of cDNA {cdna} can be used"
    if blocked[control]:
        return blocked[control]
    if pools.wells[control] == 0 or pools.copies[control] <= 0:
        return f"{gene} did not amplify"
    return ""


def _band(
    target: int, control: int, gene: str, *, pools: Pools, rules: QpcrRules, key: dict[str, str]
) -> tuple[str, Finding | None]:
    """Text where the control gene is too low, and the finding below full sensitivity.

    What counts is the control gene in as much cDNA as a target well holds.
    """
    band = control_bands(rules.bands, gene)
    volume = [pools.exposure[group] / pools.wells[group] for group in (target, control)]
    alike = bool(np.isclose(volume[0], volume[1], rtol=1e-9))
    mean = pools.copies[control] / pools.wells[control] * (1.0 if alike else volume[0] / volume[1])
    if mean >= band.full_copies:
        return "", None
    low = mean < band.reduced_copies
    limit = band.reduced_copies if low else band.full_copies
    where = "a well" if alike else f"in the cDNA of one {key['target']} well"
    text = f"{mean:.0f} {gene} copies {where}, below {limit:.0f}"
    finding = Finding(
        code="qpcr.control_too_low" if low else "qpcr.control_reduced",
        severity="failure" if low else "warning",
        subject=material_subject(key["name"], key["sample_id"]),
        message=f"{text}: {'a negative cannot be evaluated' if low else 'sensitivity is reduced'}.",
        where=f"run {key['run_id']}",
        advice="Repeat the reverse transcription from more RNA." if low else None,
    )
    return (text if low else ""), finding


def _other_run(key: dict[str, str], run_id: str, gene: str) -> Finding:
    return Finding(
        code="qpcr.control_other_run",
        severity="note",
        subject=material_subject(key["name"], key["sample_id"]),
        message=f"{gene} of this cDNA was measured on run {run_id} only: both runs' errors count.",
        where=f"run {key['run_id']}",
    )
