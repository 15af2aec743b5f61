"""What became of every well, in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from remnant.assay.qpcr.groups import Groups
from remnant.assay.qpcr.plates import USED
from remnant.records.measurement import WellUse

__all__ = ["well_uses"]


def well_uses(frame: pl.DataFrame, groups: Groups, outliers: Mapping[int, str]) -> tuple[WellUse, ...]:
    """Decision and reason of every well.

    Parameters
    ----------
    frame : polars.DataFrame
        Well frame with its first decisions.
    groups : Groups
        Replicates with the copies that the curves read.
    outliers : mapping of int to str
        Wells left out by the replicate rule, and why.

    Returns
    -------
    tuple of WellUse
        In the order of the frame.
    """
    places = groups.well >= 0
    copies = np.full(len(frame), np.nan)
    with np.errstate(over="ignore"):
        copies[groups.well[places]] = np.power(10.0, groups.log10_copies[places])
    curve = np.full(len(frame), -1)
    curve[groups.well[places]] = np.broadcast_to(groups.curve[:, None], places.shape)[places]
    read = frame.with_columns(pl.Series("copies", copies), pl.Series("curve", curve)).with_columns(
        pl.when(pl.col("copies").is_nan()).then(None).otherwise("copies").alias("copies")
    )
    sampled = (pl.col("decision") == USED) & pl.col("role").is_in(["sample", "internal"])
    reason = (
        pl.when((pl.col("decision") == USED) & (pl.col("role") == "standard"))
        .then(pl.format("Standard of {} copies at Cq {}.", "standard_copies", pl.col("cq").round(2)))
        .when(~sampled)
        .then(pl.col("reason"))
        .when(pl.col("detected") == False)  # noqa: E712 - a polars expression
        .then(pl.lit("No signal: counts as silent."))
        .when(pl.col("curve") < 0)
        .then(pl.format("Cq {}, but no standard curve of {} on this run.", pl.col("cq").round(2), "target"))
        .otherwise(
            pl.format("Cq {} reads {} copies.", pl.col("cq").round(2), pl.col("copies").round_sig_figs(3))
        )
    )
    columns = read.select("run_id", "position", "written", "name", "copies", "decision", reason.alias("text"))
    return tuple(
        WellUse(
            run_id=run_id,
            position=position,
            target=target,
            sample=name,
            used=decision == USED and well not in outliers,
            copies=found,
            decision="outlier" if well in outliers else decision,
            reason=outliers.get(well, text),
        )
        for well, (run_id, position, target, name, found, decision, text) in enumerate(columns.iter_rows())
    )
