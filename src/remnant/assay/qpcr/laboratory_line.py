"""What the laboratory's other assays teach an assay that has no history of its own.

Only where a study says ``standard_curve = "laboratory"``. Assays of one instrument and chemistry are curves of one
law: heights and slopes differ between them, pipetting does not. One curve an assay teaches, the one with most
standard wells, so that an assay that is run often does not outweigh the others; an assay never teaches itself.

* With standards of its own on few plates, an assay borrows slope and pipetting. Where its lot of standards has a name
  that enough other assays share, they are the same tubes: what these hold is borrowed too.
* Without any standard, an assay is read by the line that the others lead one to expect. That error is one for all
  runs: copies are known within a factor, which a finding says; changes, and distances from healthy donors that the
  same line reads, hardly feel it.

An assay that has standards somewhere is never read by other assays' line alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.assay.qpcr.curves import Curves, Family, ReadLines, curve_wells, families
from remnant.assay.qpcr.plates import USED
from remnant.knowledge.calibration import CalibrationRules, unverified_between_assays
from remnant.knowledge.qpcr import WellAssumptions
from remnant.numerics import calibration, calibration_ladder
from remnant.numerics.standard_curve import Calibration, StandardCurves
from remnant.records.finding import Finding
from remnant.records.run import Run

__all__ = ["Untaught", "with_laboratory"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_TWO_SIDED_95: Final = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Untaught:
    """Accepted plates of one target and lot that have no history.

    Attributes
    ----------
    target, lot : str
        Assay and lot of standards; an unnamed lot is empty.
    curve : ndarray of int
        Rows of `Curves`.
    """

    target: str
    lot: str
    curve: Integers


@dataclass(frozen=True, slots=True, eq=False)
class _Taught:
    """Teaching curves of one family, and of one lot where it is named; one a target."""

    rows: dict[str, int]
    spread: calibration.Spread
    centre: float


@dataclass(frozen=True, slots=True, eq=False)
class _Standards:
    """Standard wells by row of `Curves`, and how they are summed up."""

    by_row: Mapping[int, tuple[Floats, Floats]]
    assumptions: WellAssumptions
    rules: CalibrationRules

    def ladder(self, rows: Iterable[int | None]) -> calibration_ladder.Ladder:
        """Plates of these rows on one ladder; None is a plate without standards."""
        listed = list(rows)
        wells = [self.by_row[row] if row is not None else (np.empty(0), np.empty(0)) for row in listed]
        return calibration_ladder.ladder(
            np.repeat(np.arange(len(listed)), [len(cq) for _, cq in wells]),
            np.concatenate([x for x, _ in wells]),
            np.concatenate([cq for _, cq in wells]),
            plates=len(listed),
        )

    def technical(self, held: calibration_ladder.Ladder) -> Floats:
        """Technical standard deviation of a well of every plate, cycles."""
        return calibration_ladder.technical_sd(
            held,
            slope=calibration_ladder.common_slope(held),
            detection_probability=self.assumptions.detection_probability,
            default=self.assumptions.technical_sd,
            weight=self.assumptions.technical_sd_weight,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Borrowed:
    """Lines of one assay, and whom they are from."""

    lines: calibration.Lines
    technical: Floats
    others: int
    same_tubes: bool


def with_laboratory(
    curves: Curves,
    frame: pl.DataFrame,
    *,
    untaught: Sequence[Untaught],
    runs: Sequence[Run],
    assumptions: WellAssumptions,
    rules: CalibrationRules,
) -> tuple[Curves, list[Finding]]:
    """Lines of assays without a history, drawn from those of the laboratory's other assays.

    Parameters
    ----------
    curves : Curves
        Judged curves, joined with their own history where they have one.
    frame : polars.DataFrame
        Well frame.
    untaught : sequence of Untaught
        Assays with accepted standards, but no history.
    runs : sequence of Run
        For instrument, chemistry and lot.
    assumptions : WellAssumptions
        Technical error before the standards speak, and the detection probability.
    rules : CalibrationRules
        How many assays teach, and what is assumed of them before they speak.

    Returns
    -------
    curves : Curves
        With borrowed lines, and one more row for each run and target that has none of its own.
    findings : list of Finding
        What was borrowed, and which assays found too few others.

    References
    ----------
    .. [1] Laird and Ware, Biometrics 38, 963-974 (1982): lines drawn from a common law.
    .. [2] Efron and Morris, JASA 68, 117-130 (1973): empirical Bayes.
    """
    known = {run.run_id: run for run in runs}
    kin = families(known.get(run_id) or Run(run_id=run_id) for run_id in frame["run_id"].unique())
    lots = {run.run_id: run.standard_lot or "" for run in runs}
    standards = _Standards(_wells_by_row(curves, frame), assumptions, rules)
    teachers = _Teachers(curves, kin, lots, standards)
    lines, findings = curves, []
    borrowers: dict[tuple[str, int], list[str]] = {}
    for assay in untaught:
        for family, rows in _by_family(assay, curves, kin).items():
            got = teachers.borrowed(assay.target, family, lot=assay.lot, own=rows)
            if got is not None:
                lines = _joined(lines, rows, got)
                tubes = assay.lot if got.same_tubes else ""
                borrowers.setdefault((tubes, got.others), []).append(assay.target)
    findings += [_history(targets, lot, others) for (lot, others), targets in borrowers.items()]
    places = _without_standards(frame)
    for target, run_ids in places.items():
        for family in dict.fromkeys(kin[run_id] for run_id in run_ids):
            here = [run_id for run_id in run_ids if kin[run_id] == family]
            got = teachers.borrowed(target, family, lot="", own=())
            if got is None:
                findings.append(_few(target, here, teachers.count(target, family), rules))
            else:
                lines = _added(lines, here, target, got)
                findings.append(_lent(target, got))
    return lines, [*findings, *(_unverified() if lines is not curves else [])]


def _wells_by_row(curves: Curves, frame: pl.DataFrame) -> dict[int, tuple[Floats, Floats]]:
    """log10 copies and Cq of the standards of every curve that passes."""
    wells = curve_wells(frame).join(curves.keys, on=["run_id", "target"], maintain_order="left")
    return {
        int(row): (
            np.log10(part["standard_copies"].to_numpy()),
            part["cq"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        )
        for (row,), part in wells.partition_by("curve", as_dict=True, maintain_order=True).items()
        if not curves.reasons[int(row)]
    }


def _by_family(assay: Untaught, curves: Curves, kin: Mapping[str, Family]) -> dict[Family, list[int]]:
    """Rows of an assay by family."""
    runs = curves.keys["run_id"].to_list()
    found: dict[Family, list[int]] = {}
    for row in assay.curve.tolist():
        found.setdefault(kin[runs[row]], []).append(row)
    return found


def _without_standards(frame: pl.DataFrame) -> dict[str, list[str]]:
    """Runs of each target that has samples, but no standard well on any run, silent ones included."""
    asked = frame.filter((pl.col("decision") == USED) & pl.col("role").is_in(["sample", "internal"]))
    pairs = (
        asked.select("run_id", "target")
        .unique(maintain_order=True)
        .join(frame.filter(pl.col("role") == "standard"), on="target", how="anti", maintain_order="left")
    )
    found: dict[str, list[str]] = {}
    for run_id, target in pairs.iter_rows():
        found.setdefault(target, []).append(run_id)
    return found


class _Teachers:
    """Curves that teach, by family and lot; every law is fitted once."""

    def __init__(
        self, curves: Curves, kin: Mapping[str, Family], lots: Mapping[str, str], standards: _Standards
    ) -> None:
        self._standards = standards
        self._rows: dict[tuple[Family, str], dict[str, int]] = {}
        self._laws: dict[tuple[Family, str], _Taught] = {}
        size = {row: int(np.isfinite(cq).sum()) for row, (_, cq) in standards.by_row.items()}
        # By name: the order of import decides nothing.
        for run_id, target, row in curves.keys.sort("target", "run_id").iter_rows():
            if row not in size:
                continue
            # Lot "" gathers all lots of the family.
            for lot in dict.fromkeys(("", lots.get(run_id, ""))):
                teaching = self._rows.setdefault((kin[run_id], lot), {})
                if target not in teaching or size[row] > size[teaching[target]]:
                    teaching[target] = row

    def count(self, target: str, family: Family, lot: str = "") -> int:
        """Other assays that could teach this one."""
        return len(self._rows.get((family, lot), {}).keys() - {target})

    def borrowed(self, target: str, family: Family, *, lot: str, own: Sequence[int]) -> _Borrowed | None:
        """Lines of the plates `own`, or of one plate without standards; None with too few other assays."""
        enough = self._standards.rules.laboratory_assays
        same_tubes = bool(lot) and bool(own) and self.count(target, family, lot) >= enough
        if not same_tubes and self.count(target, family) < enough:
            return None
        law = self._law(family, lot if same_tubes else "")
        teaching = [row for other, row in law.rows.items() if other != target]
        held = self._standards.ladder([*teaching, *(own or (None,))])
        technical = self._standards.technical(held)
        places = np.arange(len(held))
        others, mine = places[: len(teaching)], places[len(teaching) :]
        # Own standards may lengthen the ladder, and so move its middle.
        by = float(held.log10_copies.mean()) - law.centre
        history = calibration.history_given(
            held.take(others),
            law.spread.moved(by),
            technical=technical[others],
            detection_probability=self._standards.assumptions.detection_probability,
        )
        plates = held.take(mine)
        if own and not same_tubes:
            history = calibration.for_other_standards(history, plates)
        lines = calibration.posterior_lines(plates, history, technical=technical[mine])
        return _Borrowed(lines, technical[mine], len(teaching), same_tubes)

    def _law(self, family: Family, lot: str) -> _Taught:
        """Spread between the assays of a family; five numbers that one assay more or less hardly moves."""
        if (family, lot) not in self._laws:
            rows, rules = self._rows[family, lot], self._standards.rules
            held = self._standards.ladder(rows.values())
            each = rules.level_sd / 2.0**0.5
            history = calibration.fit_history(
                held,
                technical=self._standards.technical(held),
                default=calibration.Spread(
                    height_sd=rules.assay_height_sd,
                    slope_sd=rules.assay_slope_sd,
                    correlation=0.0,
                    plate_level_sd=each,
                    shared_level_sd=each,
                ),
                weight=rules.history_weight,
                detection_probability=self._standards.assumptions.detection_probability,
            )
            self._laws[family, lot] = _Taught(rows, history.spread, history.centre)
        return self._laws[family, lot]


def _error(lines: calibration.Lines) -> Calibration:
    squared = np.square(lines.slope)
    return Calibration(
        lines.covariance[:, 0, 0] / squared,
        lines.covariance[:, 0, 1] / squared,
        lines.covariance[:, 1, 1] / squared,
        np.full(len(lines.slope), lines.centre),
    )


def _joined(curves: Curves, rows: Sequence[int], got: _Borrowed) -> Curves:
    """The curves, these rows read by borrowed lines."""
    at, new = np.array(rows, dtype=np.int64), _error(got.lines)

    def put(values: Floats, found: Floats) -> Floats:
        changed = values.copy()
        changed[at] = found
        return changed

    old = curves.lines
    plates = old.history_plates.copy()
    plates[at] = got.others
    error = Calibration(
        put(old.error.variance, new.variance),
        put(old.error.covariance, new.covariance),
        put(old.error.slope_variance, new.slope_variance),
        put(old.error.mean_log10, new.mean_log10),
    )
    lines = ReadLines(
        put(old.slope, got.lines.slope), put(old.intercept, got.lines.intercept), error, plates, old.lent
    )
    return replace(curves, lines=lines, technical_sd_cycles=put(curves.technical_sd_cycles, got.technical))


def _added(curves: Curves, run_ids: Sequence[str], target: str, got: _Borrowed) -> Curves:
    """The curves and one row a run for a target without standards."""
    count, start = len(run_ids), len(curves.keys)
    keys = pl.DataFrame(
        {"run_id": list(run_ids), "target": target, "curve": range(start, start + count)},
        schema=curves.keys.schema,
    )
    every = np.zeros(count, dtype=np.int64)
    line, new = got.lines, _error(got.lines)
    error = [np.r_[a, b[every]] for a, b in zip(_columns(curves.lines.error), _columns(new), strict=True)]
    own_error = [np.r_[a, b[every]] for a, b in zip(_columns(curves.calibration), _columns(new), strict=True)]
    lines = ReadLines(
        np.r_[curves.lines.slope, line.slope[every]],
        np.r_[curves.lines.intercept, line.intercept[every]],
        Calibration(*error),
        np.r_[curves.lines.history_plates, np.full(count, got.others)],
        np.r_[curves.lines.lent, np.ones(count, dtype=np.bool_)],
    )
    return replace(
        curves,
        keys=pl.concat([curves.keys, keys]),
        fits=_with_line(curves.fits, line, count),
        calibration=Calibration(*own_error),
        lines=lines,
        technical_sd_cycles=np.r_[curves.technical_sd_cycles, got.technical[every]],
        reasons=(*curves.reasons, *[()] * count),
    )


def _columns(error: Calibration) -> tuple[Floats, ...]:
    return error.variance, error.covariance, error.slope_variance, error.mean_log10


def _with_line(fits: StandardCurves, line: calibration.Lines, count: int) -> StandardCurves:
    """Least-squares curves and rows without a well, whose point values are read by the lent line."""
    unknown, none = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    return StandardCurves(
        slope=np.r_[fits.slope, np.repeat(line.slope, count)],
        intercept=np.r_[fits.intercept, np.repeat(line.intercept, count)],
        r_squared=np.r_[fits.r_squared, unknown],
        residual_sd=np.r_[fits.residual_sd, unknown],
        wells=np.r_[fits.wells, none],
        levels=np.r_[fits.levels, none],
        mean_log10=np.r_[fits.mean_log10, np.full(count, line.centre)],
        sum_squares_log10=np.r_[fits.sum_squares_log10, unknown],
        low_log10=np.r_[fits.low_log10, unknown],
        high_log10=np.r_[fits.high_log10, unknown],
    )


def _history(targets: Sequence[str], lot: str, others: int) -> Finding:
    tubes = f", pipetting and what the tubes of lot {lot} hold" if lot else " and pipetting"
    return Finding(
        code="qpcr.laboratory_history",
        severity="note",
        subject=f"targets {', '.join(dict.fromkeys(targets))}",
        message=(
            f"Too few plates for a history of their own: the evidence borrows slope{tubes} from {others} other assays. "
            "Gates and point values stay each assay's own."
        ),
    )


def _unverified() -> list[Finding]:
    """Assumptions about assays that nobody verified."""
    return [
        Finding(
            code="qpcr.unverified_rule",
            severity="note",
            subject=f"rule {row}",
            message=f"The row {row} is not verified against its source: {source}.",
            advice="Verify it, or let assays keep to their own standards.",
        )
        for row, source in unverified_between_assays()
    ]


def _lent(target: str, got: _Borrowed) -> Finding:
    line = got.lines
    slope, at_one = float(line.slope[0]), float(line.intercept[0])
    sd = float(np.sqrt(line.covariance[0, 0, 0])) / abs(slope)
    return Finding(
        code="qpcr.laboratory_line",
        severity="warning",
        subject=f"target {target}",
        message=(
            f"{target} has no standards: it is read by the line of {got.others} other assays, slope {slope:.2f}, one copy at Cq {at_one:.1f}. "
            f"Copies are known within a factor of {10.0 ** (_TWO_SIDED_95 * sd):.1f} (95 %); that error is one on all runs, changes and distances from donors hardly feel it."
        ),
        advice=f"Measure standards of {target}, or digital PCR of one sample, before its copies are held against a cut-off.",
    )


def _few(target: str, run_ids: Sequence[str], count: int, rules: CalibrationRules) -> Finding:
    return Finding(
        code="qpcr.laboratory_line_few",
        severity="failure",
        subject=f"target {target}",
        message=f"{target} has no standards, and too few other assays of its instrument and chemistry have an accepted curve: it is not quantified on {len(run_ids)} runs.",
        found=f"{count} other assays with an accepted curve",
        needed=f"{rules.laboratory_assays:g}",
        advice="Run standards of this assay, or import runs with standards of other assays.",
    )
