"""Replicate wells of one cDNA, target and run, and which of them are left out.

A well is left out only by the rule, never more than a minority, and a well with signal only where at
least two others have signal too: silent wells do not outvote a positive one, the rule of positive wells
judges that. What still disagrees is kept and said; with many copies it carries the technical error it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.curves import Curves
from remnant.assay.qpcr.plates import USED
from remnant.knowledge.qpcr import QpcrRules, ReplicateRule, WellAssumptions
from remnant.numerics import standard_curve
from remnant.numerics.replicates import two_sided_p
from remnant.numerics.wells import WellGroups
from remnant.records.finding import Finding, material_subject
from remnant.units import number_text

__all__ = ["Groups", "left_by_silence", "read_groups", "well_groups", "without_outliers"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SMALLEST_P: Final = 1e-4
"""Below it a P value is only said to be."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Replicates in columns: n groups, padded to r wells.

    Attributes
    ----------
    keys : polars.DataFrame
        ``group, run_id, cdna_id, sample_id, target, name, role, run_on, exposure_known, cycles``.
    curve : ndarray of int, shape (n,)
        Row of `Curves`; -1 without one, or without a line.
    well : ndarray of int, shape (n, r)
        Well of each place; -1 pads.
    cq : ndarray of float, shape (n, r)
        Quantification cycle; NaN for a silent well or no well.
    log10_copies : ndarray of float, shape (n, r)
        Reading of the curve; NaN for a silent well, no well or no curve.
    exposure : ndarray of float, shape (n, r)
        Exposure; 0 where there is no well.
    used : ndarray of bool, shape (n, r)
        Whether the well counts.
    technical_sd_log10 : ndarray of float, shape (n,)
        Technical standard deviation of log10 copies.
    """

    keys: pl.DataFrame
    curve: Integers
    well: Integers
    cq: Floats
    log10_copies: Floats
    exposure: Floats
    used: Bools
    technical_sd_log10: Floats

    def __len__(self) -> int:
        return len(self.curve)


def read_groups(frame: pl.DataFrame, curves: Curves) -> Groups:
    """Group the wells that are in play, and read their copies from the curve.

    Parameters
    ----------
    frame : polars.DataFrame
        Well frame.
    curves : Curves
        Judged curves.

    Returns
    -------
    Groups
        In the order of first appearance; replicates in the order of the wells.
    """
    key = ["run_id", "cdna_id", "target"]
    active = frame.filter((pl.col("decision") == USED) & pl.col("role").is_in(["sample", "internal"]))
    keys = (
        active.group_by(key, maintain_order=True)
        .agg(
            pl.col("sample_id", "name", "role", "kind", "run_on", "exposure_known", "cycles").first(),
            pl.len(),
        )
        .with_row_index("group")
        .with_columns(pl.col("group").cast(pl.Int64))
        .join(curves.keys, on=["run_id", "target"], how="left", maintain_order="left")
    )
    placed = active.join(keys.select(*key, "group"), on=key, maintain_order="left").with_columns(
        pl.int_range(pl.len()).over("group").alias("place")
    )
    width = max(keys["len"].to_list(), default=0)
    at = (placed["group"].to_numpy(), placed["place"].to_numpy())
    curve = keys["curve"].fill_null(-1).to_numpy().astype(np.int64)
    curve[(curve >= 0) & ~np.isfinite(curves.fits.slope[curve] if len(curves.keys) else 0.0)] = -1
    shape = (len(keys), width)
    well, cq, exposure = np.full(shape, -1, dtype=np.int64), np.full(shape, np.nan), np.zeros(shape)
    well[at] = placed["well"].to_numpy()
    cq[at] = placed["cq"].fill_null(np.nan).to_numpy()
    exposure[at] = placed["exposure"].to_numpy()
    log10_copies, technical = np.full(shape, np.nan), np.full(len(keys), np.nan)
    read = np.flatnonzero(curve >= 0)
    if len(read):
        log10_copies[read] = standard_curve.inverse(curves.fits, curve[read][:, None], cq[read])
        slope = np.abs(curves.fits.slope[curve[read]])
        technical[read] = curves.technical_sd_cycles[curve[read]] / slope
    return Groups(keys.drop("curve", "len"), curve, well, cq, log10_copies, exposure, well >= 0, technical)


def _distance(groups: Groups, used: Bools) -> Floats:
    """How far each used well's concentration is from the median of its group, log10; -1 where not used."""
    copies = np.where(np.isnan(groups.log10_copies), np.log10(0.5), groups.log10_copies)
    level = np.where(used, copies - np.log10(np.where(used, groups.exposure, 1.0)), np.nan)
    filled = used.any(axis=1)
    middle = np.zeros(len(groups))
    middle[filled] = np.nanmedian(level[filled], axis=1)
    return np.where(used, np.abs(level - middle[:, None]), -1.0)


def _suspects(groups: Groups, used: Bools, rule: ReplicateRule, detection: float) -> tuple[Bools, Floats]:
    """Wells that the rule would leave out, and the P-value (or cycles apart) that says so."""
    if rule.method == "delta_cq":
        early = used & (groups.cq < rule.below_cq)
        with_two = early.sum(axis=1) >= 2
        apart = np.zeros(len(groups))
        apart[with_two] = _range(np.where(early, groups.cq, np.nan)[with_two])
        return early & (apart > rule.delta_cq)[:, None], np.broadcast_to(apart[:, None], used.shape)
    # Only molecules that amplify are counted.
    copies = detection * np.where(np.isnan(groups.log10_copies), 0.0, np.power(10.0, groups.log10_copies))
    wells = used.sum(axis=1, keepdims=True)
    p = np.minimum(1.0, wells * two_sided_p(copies, groups.exposure, used, groups.technical_sd_log10))
    return used & (p < rule.p_value), p


def _range(values: Floats) -> Floats:
    spread: Floats = np.nanmax(values, axis=1) - np.nanmin(values, axis=1)
    return spread


def without_outliers(groups: Groups, rules: QpcrRules) -> tuple[Groups, dict[int, str], list[Finding]]:
    """Leave out replicates by the rule.

    Parameters
    ----------
    groups : Groups
        Replicates.
    rules : QpcrRules
        Replicate rule, and how far disagreement widens the technical error.

    Returns
    -------
    groups : Groups
        With `used` narrowed.
    outliers : dict of int to str
        Well and the sentence why it was left out.
    findings : list of Finding
        Wells left out, and groups that disagree with too few wells to leave one out.
    """
    rule = rules.replicates
    if rule.method == "none" or not len(groups):
        return groups, {}, []
    used = groups.used & (groups.curve >= 0)[:, None]
    start = used.sum(axis=1)
    allowed = (start - 1) // 2
    outliers: dict[int, str] = {}
    open_groups = start >= 2
    disagree = np.zeros(len(groups), dtype=bool)
    signal = ~np.isnan(groups.log10_copies)
    while open_groups.any():
        rows = np.flatnonzero(open_groups)
        part = _rows(groups, rows)
        suspect, measure = _suspects(part, used[rows], rule, rules.wells.detection_probability)
        found = suspect.any(axis=1)
        place = np.where(suspect, _distance(part, used[rows]), -1.0).argmax(axis=1)
        others = (used[rows] & signal[rows]).sum(axis=1) - signal[rows, place]
        may = found & (start[rows] - used[rows].sum(axis=1) < allowed[rows]) & (others >= 2)
        disagree[rows] = found & ~may
        for i in np.flatnonzero(may):
            row, column = int(rows[i]), int(place[i])
            used[row, column] = False
            outliers[int(groups.well[row, column])] = _why(
                groups, row, column, rule=rule, measure=float(measure[i, column])
            )
        open_groups[rows] = may
    kept = groups.used & (used | (groups.curve < 0)[:, None])
    shown = np.where(disagree, _shown_sd(groups, kept, rules.wells), 0.0)
    narrowed = replace(groups, used=kept, technical_sd_log10=np.fmax(groups.technical_sd_log10, shown))
    return narrowed, outliers, _findings(groups, narrowed, disagree, rule)


def _shown_sd(groups: Groups, kept: Bools, assumptions: WellAssumptions) -> Floats:
    """Standard deviation of the kept readings beyond Poisson, log10; 0 with few copies or signals."""
    signal = kept & ~np.isnan(groups.log10_copies)
    count = np.maximum(signal.sum(axis=1), 1)
    level = np.where(signal, groups.log10_copies - np.log10(np.where(signal, groups.exposure, 1.0)), 0.0)
    mean = level.sum(axis=1) / count
    squares = (np.square(level - mean[:, None]) * signal).sum(axis=1)
    with np.errstate(over="ignore"):
        copies = np.where(signal, np.power(10.0, groups.log10_copies), 0.0).sum(axis=1) / count
    counted = assumptions.detection_probability * copies
    beyond = squares / np.maximum(count - 1, 1) - 1.0 / (np.log(10.0) ** 2 * np.maximum(counted, 1.0))
    sd = np.minimum(np.sqrt(np.maximum(beyond, 0.0)), assumptions.shown_sd_most)
    return np.where((count >= 2) & (copies >= assumptions.shown_sd_from), sd, 0.0)


def _rows(groups: Groups, rows: Integers) -> Groups:
    return Groups(
        groups.keys,
        groups.curve[rows],
        groups.well[rows],
        groups.cq[rows],
        groups.log10_copies[rows],
        groups.exposure[rows],
        groups.used[rows],
        groups.technical_sd_log10[rows],
    )


def _why(groups: Groups, row: int, column: int, *, rule: ReplicateRule, measure: float) -> str:
    reading = groups.log10_copies[row, column]
    found = "no signal" if np.isnan(reading) else f"{number_text(10.0**reading)} copies"
    rest = [
        number_text(10.0**value) if np.isfinite(value) else "none"
        for j, value in enumerate(groups.log10_copies[row].tolist())
        if j != column and groups.used[row, j]
    ]
    test = (
        f"{measure:.2f} cycles apart, more than {rule.delta_cq:g}"
        if rule.method == "delta_cq"
        else f"P {'< 0.0001' if measure < _SMALLEST_P else f'= {measure:.2g}'}, below {rule.p_value:g}"
    )
    return f"{found} beside {' and '.join(rest)}: {test} ({rule.id})."


def _findings(groups: Groups, narrowed: Groups, disagree: Bools, rule: ReplicateRule) -> list[Finding]:
    kept = narrowed.used
    dropped = (groups.used & ~kept).sum(axis=1)
    findings = []
    for row in np.flatnonzero((dropped > 0) | disagree):
        key = groups.keys.row(int(row), named=True)
        where = f"run {key['run_id']}, {key['target']}"
        total = int(groups.used[row].sum())
        if dropped[row]:
            findings.append(
                Finding(
                    code="qpcr.replicate_outlier",
                    severity="note",
                    subject=material_subject(key["name"], key["sample_id"]),
                    message=f"{int(dropped[row])} of {total} {key['target']} wells left out by the rule {rule.id.replace('_', ' ')}.",
                    where=where,
                )
            )
        if disagree[row]:
            silent = int((kept[row] & np.isnan(groups.log10_copies[row])).sum())
            spread = narrowed.technical_sd_log10[row]
            shown = f"{silent} of them silent" if silent else f"at a technical sd of {spread:.2f} log10"
            findings.append(
                Finding(
                    code="qpcr.replicates_disagree",
                    severity="warning",
                    subject=material_subject(key["name"], key["sample_id"]),
                    message=f"{key['target']} wells differ more than the rule {rule.id.replace('_', ' ')} allows, but no more may be left out: {int(kept[row].sum())} are used, {shown}.",
                    where=where,
                    advice="Repeat the measurement.",
                )
            )
    return findings


def left_by_silence(groups: Groups, assumptions: WellAssumptions) -> Floats:
    """How much more was tested than gave a signal, where silent wells stand beside many copies.

    Parameters
    ----------
    groups : Groups
        Replicates.
    assumptions : WellAssumptions
        From how many copies on silence is no matter of counting.

    Returns
    -------
    ndarray of float, shape (n,)
        Exposure of the used wells over that of those with signal; 1 where silence is a count, or there is none.

    Notes
    -----
    A failed reaction is no count of 0. The laboratory's arithmetic keeps the well; the error must hold both sums, with
    the well and without it.
    """
    readable = groups.used & ~np.isnan(groups.log10_copies)
    with np.errstate(over="ignore"):
        copies = np.where(readable, np.power(10.0, groups.log10_copies), 0.0).sum(axis=1)
    with_signal = np.where(readable, groups.exposure, 0.0).sum(axis=1)
    every = np.where(groups.used, groups.exposure, 0.0).sum(axis=1)
    many = copies >= assumptions.shown_sd_from * np.maximum(readable.sum(axis=1), 1)
    result: Floats = np.divide(every, with_signal, out=np.ones(len(groups)), where=many & (with_signal > 0))
    return result


def well_groups(
    groups: Groups, rows: Integers, *, curves: Curves, blank_rate: Floats, rules: QpcrRules
) -> WellGroups:
    """Arrays of the used wells for the likelihood, read from the lines of the evidence.

    Parameters
    ----------
    groups : Groups
        Replicates; the rows asked have a curve.
    rows : ndarray of int, shape (m,)
        Groups asked, repeats allowed.
    curves : Curves
        Judged curves.
    blank_rate : ndarray of float, shape (m,)
        False-positive rate of one well.
    rules : QpcrRules
        Detection probability of one molecule.

    Returns
    -------
    WellGroups
        One row a group asked. Wells that stayed silent beside many copies are left out, their exposure is spread over
        the others, and the technical error holds the sums with them and without: the mean stays the laboratory's.
    """
    curve, cycles = groups.curve[rows], groups.keys["cycles"].fill_null(np.inf).to_numpy()[rows]
    with np.errstate(invalid="ignore"):
        last = curves.lines.read(curve, cycles)
        readings = curves.lines.read(curve[:, None], groups.cq[rows])
    left = left_by_silence(groups, rules.wells)[rows]
    signal = ~np.isnan(groups.log10_copies[rows])
    counted = groups.used[rows] & (signal | (left <= 1.0)[:, None])
    signals = np.maximum((counted & signal).sum(axis=1), 1)
    return WellGroups(
        readings,
        np.where(counted, groups.exposure[rows] * left[:, None], 0.0),
        np.hypot(groups.technical_sd_log10[rows], np.log10(left) * np.sqrt(signals)),
        np.full(len(rows), rules.wells.detection_probability),
        -np.log1p(-blank_rate),
        np.where(np.isfinite(last), last, -np.inf),
    )
