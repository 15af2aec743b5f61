"""What stands out on a plate before any curve is drawn: silent standards, Cq at or behind the end of a run.

Nothing is changed by it: a silent standard enters no least-squares line, and a Cq stays the instrument's. Both are
said, because a reader of the results would not see them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy.stats import binom

from remnant.knowledge.calibration import calibration_rules
from remnant.knowledge.qpcr import WellAssumptions
from remnant.records.finding import Finding

__all__ = ["plate_findings"]

_SHOWN: Final = 1e-4
"""Smallest chance that is printed as a number."""


def plate_findings(frame: pl.DataFrame, assumptions: WellAssumptions) -> list[Finding]:
    """Silent standards, and Cq that no cycle of the run can have given.

    Parameters
    ----------
    frame : polars.DataFrame
        Well frame with its first decisions.
    assumptions : WellAssumptions
        Detection probability of one molecule.

    Returns
    -------
    list of Finding
        At most one a run and target for standards; at most one a run for Cq at, and one for Cq behind the end.
    """
    return [
        *_silent_standards(frame, assumptions.detection_probability),
        *_behind_the_end(frame),
        *_at_the_end(frame),
    ]


def _silent_standards(frame: pl.DataFrame, probability: float) -> list[Finding]:
    """Standards without signal, with the chance that counting alone leaves them so."""
    silent = pl.col("decision") == "silent standard"
    levels = (
        frame.filter((pl.col("role") == "standard") & (silent | (pl.col("decision") == "used")))
        .group_by("run_id", "target", "standard_copies", maintain_order=True)
        .agg(silent.sum().alias("silent"), pl.len().alias("wells"))
        .filter(pl.col("silent") > 0)
        .sort("standard_copies", maintain_order=True)
    )
    limit = calibration_rules().refuted_detection_p
    findings = []
    for (run_id, target), rows in levels.group_by(["run_id", "target"], maintain_order=True):
        copies, counts, wells = (rows[name].to_numpy() for name in ("standard_copies", "silent", "wells"))
        chance = float(np.min(binom.sf(counts - 1, wells, np.exp(-probability * copies))))
        listed = ", ".join(
            f"{k} of {n} of {level:,.15g} copies" for level, k, n in zip(copies, counts, wells, strict=True)
        )
        expected = chance >= limit
        said = (
            "as counting lets expect"
            if expected
            else f"by counting alone P {'< 0.0001' if chance < _SHOWN else f'= {chance:.1g}'}"
        )
        findings.append(
            Finding(
                code="qpcr.silent_standard",
                severity="note" if expected else "warning",
                subject=f"run {run_id}",
                message=f"Standard wells of {target} without signal: {listed}; {said}. They are on no least-squares line.",
                advice=None
                if expected
                else "Look at the plate: an empty or swapped well, a weak dilution, or a target that does not amplify.",
            )
        )
    return findings


def _with_cq(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("cq").is_not_null() & pl.col("excluded").is_null())


def _behind_the_end(frame: pl.DataFrame) -> list[Finding]:
    """Cq behind the last cycle that the run is said to have."""
    found = (
        _with_cq(frame)
        .filter(pl.col("cq") > pl.col("cycles"))
        .group_by("run_id", maintain_order=True)
        .agg(pl.col("cycles").first(), pl.col("cq").max(), pl.len(), pl.col("position"))
    )
    return [
        Finding(
            code="qpcr.cq_behind_end",
            severity="warning",
            subject=f"run {row['run_id']}",
            message=f"{row['len']} wells have a Cq behind the last cycle, {row['cycles']:g}, up to {row['cq']:g}: they are read as signals.",
            where=", ".join(row["position"][:10]),
            advice="Correct the cycles of the run in the run sheet, or the Cq.",
        )
        for row in found.iter_rows(named=True)
    ]


def _at_the_end(frame: pl.DataFrame) -> list[Finding]:
    """Cq that is the number of cycles; where that is not known, the largest Cq if whole and not alone."""
    cq, last = pl.col("cq"), pl.col("cq").max().over("run_id")
    whole = cq == cq.round(0)
    told = pl.col("cycles").is_not_null() & (cq == pl.col("cycles"))
    guessed = pl.col("cycles").is_null() & (cq == last) & whole & ~whole.all().over("run_id")
    found = (
        _with_cq(frame)
        .filter(told | guessed)
        .group_by("run_id", maintain_order=True)
        .agg(cq.first(), pl.col("cycles").first(), pl.len(), pl.col("position"))
        .filter((pl.col("len") > 1) | pl.col("cycles").is_not_null())
    )
    return [
        Finding(
            code="qpcr.cq_at_end",
            severity="warning",
            subject=f"run {row['run_id']}",
            message=f"{row['len']} wells have a Cq of exactly {row['cq']:g}, {'the last cycle' if row['cycles'] else 'the largest of the run'}, as some programs write 'undetermined': they are read as signals.",
            where=", ".join(row["position"][:10]),
            advice="Write Undetermined where nothing amplified.",
        )
        for row in found.iter_rows(named=True)
    ]
