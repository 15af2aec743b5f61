"""Signals where there should be none: no-template wells, wells without reverse transcription, negatives.

What such a signal does to the samples of its run and target is the rule's business; that it was there is
always said. A silent sample stays negative beside a contaminated blank: contamination adds signal. A signal
without template whose Cq the file does not store leaves no distance to any sample: it counts as the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from remnant.assay.qpcr.groups import Groups
from remnant.knowledge.qpcr import ContaminationRule
from remnant.records.finding import Finding
from remnant.records.run import Assay

__all__ = ["contamination"]


def _signals(frame: pl.DataFrame, what: pl.Expr) -> pl.DataFrame:
    """Wells without template that gave a signal."""
    return frame.filter(what & pl.col("excluded").is_null() & (pl.col("detected") == True))  # noqa: E712 - a polars expression


def _earliest(groups: Groups) -> list[float]:
    """Earliest Cq of the used wells of each group; infinite for silent groups."""
    cq = np.where(groups.used & ~np.isnan(groups.cq), groups.cq, np.inf)
    earliest: list[float] = cq.min(axis=1, initial=np.inf).tolist()
    return earliest


def contamination(
    frame: pl.DataFrame, groups: Groups, *, assays: Sequence[Assay], rule: ContaminationRule
) -> tuple[list[str], list[Finding]]:
    """What contamination forbids, group by group.

    Parameters
    ----------
    frame : polars.DataFrame
        Well frame.
    groups : Groups
        Replicates.
    assays : sequence of Assay
        Which targets are control genes, and which are specific to leukaemia.
    rule : ContaminationRule
        Rule row.

    Returns
    -------
    obstacle : list of str, length n
        Why a group cannot be evaluated; empty where it can.
    findings : list of Finding
        Every signal without template, and runs without a no-template control.
    """
    controls = {assay.control for assay in assays}
    specific = [assay.target for assay in assays if assay.background == "leukaemia_specific"]
    negative = (pl.col("kind") == "negative_control") & pl.col("target").is_in(specific)
    blank = _signals(frame, (pl.col("role") == "blank") | negative)
    no_rt = _signals(frame, pl.col("role") == "no_rt")
    findings = [
        *_blank_findings(blank, controls, rule),
        *_no_rt_findings(no_rt),
        *_missing_blanks(frame, groups),
    ]
    lowest_blank = _lowest(blank, ["run_id", "target"])
    lowest_no_rt = _lowest(no_rt.filter(pl.col("sample_id").is_not_null()), ["run_id", "target", "sample_id"])
    anywhere_no_rt = _lowest(no_rt.filter(pl.col("sample_id").is_null()), ["run_id", "target"])
    obstacle = []
    keys = groups.keys.select("run_id", "target", "sample_id").iter_rows()
    for (run_id, target, sample_id), earliest in zip(keys, _earliest(groups), strict=True):
        ntc = lowest_blank.get((run_id, target))
        dna = min(
            lowest_no_rt.get((run_id, target, sample_id), np.inf),
            anywhere_no_rt.get((run_id, target), np.inf),
        )
        obstacle.append(_obstacle(target, earliest, ntc=ntc, dna=dna, rule=rule))
    return obstacle, findings


def _lowest(signals: pl.DataFrame, by: list[str]) -> dict[tuple[str, ...], float]:
    lowest = signals.group_by(by).agg(pl.col("cq").fill_null(-np.inf).min())
    return {tuple(row[:-1]): row[-1] for row in lowest.iter_rows()}


def _at(cq: float | None) -> str:
    return f"at Cq {cq:.1f}" if cq is not None and np.isfinite(cq) else "at a Cq that is not stored"


def _obstacle(target: str, earliest: float, *, ntc: float | None, dna: float, rule: ContaminationRule) -> str:
    if ntc is not None and rule.any_signal_fails_run:
        return f"{target} amplified without template {_at(ntc)}: the run fails ({rule.id})"
    if ntc is not None and np.isfinite(earliest) and earliest > ntc - rule.margin_cycles:
        return (
            f"{target} at Cq {earliest:.1f} is not {rule.margin_cycles:g} cycles below the no-template signal "
            f"{_at(ntc)}: indeterminate ({rule.id})"
        )
    if np.isfinite(earliest) and earliest > dna - rule.no_rt_margin_cycles:
        return (
            f"{target} at Cq {earliest:.1f} is not {rule.no_rt_margin_cycles:g} cycles below the signal without "
            f"reverse transcription {_at(dna)}: indeterminate ({rule.id})"
        )
    return ""


def _blank_findings(blank: pl.DataFrame, controls: set[str | None], rule: ContaminationRule) -> list[Finding]:
    found = blank.group_by(["run_id", "target"], maintain_order=True).agg(
        pl.col("cq").min(), pl.col("position"), pl.len()
    )
    findings = []
    for row in found.iter_rows(named=True):
        is_control = row["target"] in controls
        findings.append(
            Finding(
                code="qpcr.control_gene_in_blank" if is_control else "qpcr.blank_signal",
                severity="failure" if rule.any_signal_fails_run and not is_control else "warning",
                subject=f"run {row['run_id']}",
                message=f"{row['target']} amplified in {row['len']} well{'' if row['len'] == 1 else 's'} without template, the earliest {_at(row['cq'])}.",
                where=", ".join(row["position"]),
                advice="Look for contamination; samples near this Cq are indeterminate.",
            )
        )
    return findings


def _no_rt_findings(no_rt: pl.DataFrame) -> list[Finding]:
    found = no_rt.group_by(["run_id", "target", "name"], maintain_order=True).agg(pl.col("cq").min())
    return [
        Finding(
            code="qpcr.no_rt_signal",
            severity="warning",
            subject=f"run {run_id}",
            message=f"{target} amplified in {name} without reverse transcription, the earliest {_at(cq)}: genomic DNA.",
            advice="Treat the RNA with DNase, or use primers across an intron.",
        )
        for run_id, target, name, cq in found.iter_rows()
    ]


def _missing_blanks(frame: pl.DataFrame, groups: Groups) -> list[Finding]:
    told = pl.col("excluded").is_null() & pl.col("detected").is_not_null()
    have = frame.filter((pl.col("role") == "blank") & told).select("run_id", "target").unique()
    lacking = (
        groups.keys.select("run_id", "target")
        .unique(maintain_order=True)
        .join(have, on=["run_id", "target"], how="anti", maintain_order="left")
        .group_by("run_id", maintain_order=True)
        .agg(pl.col("target"))
    )
    return [
        Finding(
            code="qpcr.no_blank",
            severity="warning",
            subject=f"run {run_id}",
            message=f"No no-template control for {', '.join(targets)}: contamination cannot be excluded.",
            advice="Put a no-template well of every target on each run.",
        )
        for run_id, targets in lacking.iter_rows()
    ]
