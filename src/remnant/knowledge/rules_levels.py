"""Level of one leukaemia-specific measurement under its rule set, on point values, literally.

``negative`` needs the sensitivity that the set asks for; without it a sample is not evaluable and resets nothing.
``detected`` is a signal that the set does not call positive. A positive without a number counts as positive and
enters no logarithm.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from remnant.evidence.kinds import ReportedEvidence
from remnant.knowledge.rules import RuleRow, RuleSet
from remnant.knowledge.rules_times import Moment
from remnant.records.measurement import Measurement
from remnant.units import convert, is_comparable, number_text, unit_label

__all__ = ["Level", "SeriesRows", "in_unit", "level", "reached_sensitivity", "series_rows", "value_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRows:
    """Rows of a set that hold for one series, by kind.

    Attributes
    ----------
    rule_set : RuleSet
        The set.
    positivity, negativity, low_level, responses, cutoffs, scores : tuple of RuleRow
        In the order of the file.
    """

    rule_set: RuleSet
    positivity: tuple[RuleRow, ...]
    negativity: tuple[RuleRow, ...]
    low_level: tuple[RuleRow, ...]
    responses: tuple[RuleRow, ...]
    cutoffs: tuple[RuleRow, ...]
    scores: tuple[RuleRow, ...]


class Level(NamedTuple):
    """Level of one measurement.

    Attributes
    ----------
    verdict : str
        ``negative``, ``detected``, ``low level``, ``positive`` or ``not evaluable``.
    code : str
        Stable reason code.
    row : RuleRow or None
        Row that decided.
    why : str
        Half a sentence.
    """

    verdict: str
    code: str
    row: RuleRow | None
    why: str


def series_rows(rule_set: RuleSet, m: Measurement, *, lesion: str) -> SeriesRows:
    """Rows of a set for the series of a measurement.

    Parameters
    ----------
    rule_set : RuleSet
        The set.
    m : Measurement
        Any measurement of the series.
    lesion : str
        Leading lesion of the patient.

    Returns
    -------
    SeriesRows
        Rows by kind.
    """
    held = {
        kind: tuple(
            rule_set.find(
                kind,
                marker=m.target,
                material=m.material,
                fraction=m.fraction,
                control=m.control,
                lesion=lesion,
            )
        )
        for kind in ("positivity", "negativity", "low_level", "response", "cutoff", "score")
    }
    return SeriesRows(
        rule_set=rule_set,
        positivity=held["positivity"],
        negativity=held["negativity"],
        low_level=held["low_level"],
        responses=held["response"],
        cutoffs=held["cutoff"],
        scores=held["score"],
    )


def in_unit(row: RuleRow, m: Measurement, factor: float | None) -> RuleRow | None:
    """A row with its threshold in the unit of a measurement.

    Parameters
    ----------
    row : RuleRow
        Row with a threshold.
    m : Measurement
        The measurement.
    factor : float or None
        Conversion factor of its run date; None where there is none, or it must not be used.

    Returns
    -------
    RuleRow or None
        None where the two units measure different quantities.
    """
    if row.threshold is None or row.unit == m.unit:
        return row if row.threshold is not None else None
    return _converted(row, m.unit, factor)


@functools.lru_cache(maxsize=4096)
def _converted(row: RuleRow, unit: str, factor: float | None) -> RuleRow | None:
    if row.threshold is None:
        return None
    if not is_comparable(row.unit, unit) and (factor is None or row.unit != "percent_is"):
        return None
    limit = convert(row.threshold, row.unit, unit, conversion_factor=factor)
    return replace(row, threshold=limit, unit=unit)


def value_text(value: float, m: Measurement, unit: str = "") -> str:
    """A value with unit and control gene.

    Parameters
    ----------
    value : float
        Value.
    m : Measurement
        Its measurement.
    unit : str, default ""
        Unit of the value; the measurement's if empty.

    Returns
    -------
    str
        For example ``"0.12 %"``.
    """
    return f"{number_text(value)} {unit_label(unit or m.unit, control=m.control)}".strip()


def level(m: Measurement, rows: SeriesRows, moment: Moment, *, factor: float | None) -> Level:
    """Level of a measurement.

    Parameters
    ----------
    m : Measurement
        The measurement.
    rows : SeriesRows
        Rows of its deciding set.
    moment : Moment
        Where its sample stands in the treatment.
    factor : float or None
        Conversion factor to the International Scale, if it may be used.

    Returns
    -------
    Level
        With the row that decided and a stable code.
    """
    if m.state == "not evaluable":
        return Level("not evaluable", "mrd.not_evaluable", None, m.reason or "no reason was given")
    if m.state == "not detected":
        found = reached_sensitivity(m, rows.negativity)
        verdict = "negative" if found.code == "mrd.negative" else "not evaluable"
        return Level(verdict, found.code, found.row, found.why)
    return _found(m, rows, moment, factor=factor)


def _found(m: Measurement, rows: SeriesRows, moment: Moment, *, factor: float | None) -> Level:
    """Level where something was detected."""
    below = _not_positive(m, rows.positivity)
    if below is not None:
        return below
    beyond = m.point_value is None and isinstance(m.evidence, ReportedEvidence)
    if m.state == "detected" and not beyond and not rows.positivity:
        return Level(
            "detected", "mrd.not_quantifiable", None, f"{m.target} is positive, below the quantitative range"
        )
    row, low = _low(m, rows.low_level, moment, factor=factor)
    verdict = "low level" if low else "positive"
    decided = row or next(iter(rows.positivity), None)
    if beyond:
        return Level("positive", "mrd.above_range", decided, f"{m.target} is above the range of the report")
    shown = m.target if m.point_value is None else f"{m.target} {value_text(m.point_value, m)}"
    if m.state == "detected":
        return Level(
            verdict, "mrd.positive_not_quantifiable", decided, f"{shown} is {verdict}, not quantifiable"
        )
    if _low_control(m, rows.negativity):
        text = f"{shown} is {verdict}; few copies of {m.control}, so the ratio is weak"
        return Level(verdict, "mrd.low_control", decided, text)
    code = "mrd.low_level" if low else "mrd.positive"
    return Level(verdict, code, decided, f"{shown} is {verdict}")


def _not_positive(m: Measurement, rows: Sequence[RuleRow]) -> Level | None:
    for row in rows:
        if row.unit == "well_share":
            if m.wells and not row.holds(m.positive_wells / m.wells):
                text = f"{m.target} in {m.positive_wells} of {m.wells} wells is detected, not positive"
                return Level("detected", "mrd.below_positivity", row, text)
        elif m.point_value is not None and is_comparable(row.unit, m.unit):
            same = in_unit(row, m, None)
            if same is not None and same.threshold is not None and not same.holds(m.point_value):
                limit = value_text(same.threshold, m)
                text = f"{m.target} {value_text(m.point_value, m)} is detected, below {limit}"
                return Level("detected", "mrd.below_cutoff", row, text)
    return None


def _low(
    m: Measurement, rows: Sequence[RuleRow], moment: Moment, *, factor: float | None
) -> tuple[RuleRow | None, bool]:
    """The row of low level that holds for this sample, and whether it is met."""
    if m.point_value is None:
        return None, False
    for row in rows:
        if row.time != "any" and row.time not in moment.labels:
            continue
        same = in_unit(row, m, factor)
        if same is not None:
            return row, same.holds(m.point_value)
    return None, False


def _copies_a_well(m: Measurement) -> float | None:
    """Control copies in as much cDNA as one target well holds; as reported where volumes are not known."""
    if m.control_copies is None:
        return None
    if m.sensitivity_ratio and m.wells:
        return round(1.0 / m.sensitivity_ratio / m.wells, 6)
    return m.control_copies / m.control_wells if m.control_wells else m.control_copies


def _low_control(m: Measurement, rows: Sequence[RuleRow]) -> bool:
    copies = _copies_a_well(m)
    return copies is not None and any(
        row.unit == "control_copies" and row.control == m.control and not row.holds(copies) for row in rows
    )


def reached_sensitivity(m: Measurement, rows: Sequence[RuleRow]) -> Level:
    """Whether a sample in which nothing was found may be called negative.

    Parameters
    ----------
    m : Measurement
        Measurement that is not detected.
    rows : sequence of RuleRow
        Rows of kind ``negativity``.

    Returns
    -------
    Level
        Code ``mrd.negative``, ``mrd.insufficient_sensitivity`` or ``mrd.sensitivity_unknown``.
    """
    judged = list(_sensitivities(m, rows))
    failed = [text for _, holds, text in judged if not holds]
    if failed:
        row = next(row for row, holds, _ in judged if not holds)
        return Level(
            "not evaluable", "mrd.insufficient_sensitivity", row, f"{m.target} not detected, {failed[0]}"
        )
    if not judged:
        unit = " in cells" if m.unit == "read_fraction" else ""  # the bound that is printed is one of reads
        text = f"{m.target} not detected, sensitivity{unit} not known"
        return Level("not evaluable", "mrd.sensitivity_unknown", None, text)
    row, _, text = judged[0]
    return Level("negative", "mrd.negative", row, f"{m.target} not detected, {text}")


def _sensitivities(m: Measurement, rows: Sequence[RuleRow]) -> Iterator[tuple[RuleRow, bool, str]]:
    """Each row that can be judged: whether it holds, and the numbers."""
    reported = m.evidence.upper_limit if isinstance(m.evidence, ReportedEvidence) else None
    copies = _copies_a_well(m)
    for row in rows:
        limit = row.threshold or 0.0
        if row.unit == "control_copies":
            if copies is not None:
                text = f"{number_text(copies)} {m.control} copies of {number_text(limit)} needed"
                yield row, row.holds(copies), text
        elif reported is not None and is_comparable(row.unit, m.unit):
            needed = convert(limit, row.unit, m.unit)
            text = f"limit {value_text(reported, m)}, {value_text(needed, m)} needed"
            yield row, reported <= needed, text
        elif copies is None and m.limit_of_detection is not None and row.unit == m.unit:
            text = f"sensitivity {value_text(m.limit_of_detection, m)}, {value_text(limit, m)} needed"
            yield row, row.holds(m.limit_of_detection), text
        elif copies is None and m.upper_limit is not None and row.unit == m.unit:
            text = f"bound {value_text(m.upper_limit, m)}, {value_text(limit, m)} needed"
            yield row, m.upper_limit <= limit, text
