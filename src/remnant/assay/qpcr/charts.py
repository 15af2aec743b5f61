"""Internal controls: Levey-Jennings points and the Westgard rules.

A chart is one control material and one assay (log10 ratio), or one gene (log10 copies a well) where no
ratio can be made. Its centre and standard deviation are those of its first runs; runs stand in the order of
their dates. A violated rule asks the laboratory to reject the run: nothing is blocked by the chart itself.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from remnant.knowledge.qpcr import ChartSettings, WestgardRule
from remnant.records.control import ControlPoint, westgard
from remnant.records.finding import Finding

__all__ = ["ControlValue", "chart_findings", "control_points"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlValue:
    """One value of an internal control before it is charted.

    Attributes
    ----------
    run_id, control_name, cdna_id, target, assay_id, unit : str
        As in `remnant.records.control.ControlPoint`, with the cDNA it was measured in.
    run_on : datetime.date or None
        Day of the run.
    log10_value, tube_sd_log10 : float
        Value and what one tube explains of its spread.
    calibration_sd_log10 : float
        The part of it that the standard curves share between the controls of one run.
    """

    run_id: str
    control_name: str
    cdna_id: str
    target: str
    assay_id: str
    unit: str
    run_on: dt.date | None
    log10_value: float
    tube_sd_log10: float
    calibration_sd_log10: float


def _chart(value: ControlValue) -> tuple[str, str, str]:
    return value.control_name, value.target, value.assay_id


def _order(value: ControlValue) -> tuple[bool, dt.date, str, str]:
    return value.run_on is None, value.run_on or dt.date.min, value.run_id, value.cdna_id


def _beyond(z: Floats, rule: WestgardRule) -> NDArray[np.int64]:
    """Side of the mean on which a value lies beyond the rule's limit: -1, 0 or 1."""
    return np.where(z > rule.limit_sd, 1, np.where(z < -rule.limit_sd, -1, 0))


def _consecutive(z: Floats, rule: WestgardRule) -> NDArray[np.bool_]:
    """Points that end a row of `count` values beyond the limit on one side."""
    side = _beyond(z, rule)
    violated = np.zeros(len(z), dtype=bool)
    for end in range(rule.count - 1, len(z)):
        window = side[end - rule.count + 1 : end + 1]
        violated[end] = side[end] != 0 and (window == side[end]).all()
    return violated


def _charted(
    values: list[ControlValue], settings: ChartSettings, rules: Sequence[WestgardRule]
) -> list[ControlPoint]:
    """Points of one chart, with the rules that look along it."""
    y = np.array([value.log10_value for value in values])
    baseline = y[: int(settings.baseline_runs)]
    set_up = len(y) >= settings.minimum_runs and float(baseline.std(ddof=1)) > 0
    mean, sd = (float(baseline.mean()), float(baseline.std(ddof=1))) if set_up else (None, None)
    z = (y - mean) / sd if mean is not None and sd is not None else np.full(len(y), np.nan)
    broken = {rule.id: _consecutive(z, rule) for rule in rules if rule.scope.startswith("chart")}
    return [
        ControlPoint(
            run_id=value.run_id,
            control_name=value.control_name,
            target=value.target,
            assay_id=value.assay_id,
            unit=value.unit,
            run_on=value.run_on,
            log10_value=value.log10_value,
            tube_sd_log10=value.tube_sd_log10,
            mean=mean,
            sd=sd,
            z=float(z[i]) if set_up else None,
            rules=tuple(name for name, violated in broken.items() if violated[i]),
        )
        for i, value in enumerate(values)
    ]


def _across_run(points: list[ControlPoint], rules: Sequence[WestgardRule]) -> list[ControlPoint]:
    """Add the rules that compare the controls of one run and assay."""
    judged = [point for point in points if point.z is not None]
    z = np.array([point.z for point in judged], dtype=float)
    broken: dict[int, set[str]] = {i: set() for i in range(len(judged))}
    for rule in rules:
        side = _beyond(z, rule)
        if rule.scope == "chart and run":
            for sign in (-1, 1):
                hit = np.flatnonzero(side == sign)
                if len({judged[i].control_name for i in hit}) >= rule.count:
                    for i in hit:
                        broken[int(i)].add(rule.id)
        elif rule.scope == "run, opposite sides" and {-1, 1} <= set(side.tolist()):
            for i in np.flatnonzero(side != 0):
                broken[int(i)].add(rule.id)
    order = [rule.id for rule in rules]
    rejecting = {rule.id for rule in rules if rule.rejects}
    widened = {
        id(point): replace(
            point,
            rules=(names := tuple(name for name in order if name in {*point.rules, *broken[i]})),
            rejects=bool(rejecting & set(names)),
        )
        for i, point in enumerate(judged)
    }
    return [widened.get(id(point), point) for point in points]


def control_points(
    values: Iterable[ControlValue], *, settings: ChartSettings, rules: Sequence[WestgardRule]
) -> tuple[ControlPoint, ...]:
    """Levey-Jennings points with the Westgard rules that they violate.

    Parameters
    ----------
    values : iterable of ControlValue
        Values of all controls, assays and runs.
    settings : ChartSettings
        How a chart is set up.
    rules : sequence of WestgardRule
        Multi-rule chart.

    Returns
    -------
    tuple of ControlPoint
        Chart by chart, in the order of dates.

    References
    ----------
    .. [1] Westgard, Barry and Hunt, A multi-rule Shewhart chart for quality control in clinical chemistry,
       Clin Chem 27, 493-501 (1981).
    """
    ordered = sorted(values, key=lambda value: (_chart(value), _order(value)))
    points = [
        point
        for _key, chart in itertools.groupby(ordered, key=_chart)
        for point in _charted(list(chart), settings, rules)
    ]
    by_run: dict[tuple[str, str, str], list[int]] = {}
    for i, point in enumerate(points):
        by_run.setdefault((point.run_id, point.target, point.assay_id), []).append(i)
    for rows in by_run.values():
        for i, point in zip(rows, _across_run([points[i] for i in rows], rules), strict=True):
            points[i] = point
    return tuple(points)


def chart_findings(points: Iterable[ControlPoint], rules: Sequence[WestgardRule]) -> list[Finding]:
    """What the charts say about runs.

    Parameters
    ----------
    points : iterable of ControlPoint
        Judged points.
    rules : sequence of WestgardRule
        Words for the rules.

    Returns
    -------
    list of Finding
        One for each point that violates a rule: a warning, or a note where only the warning rule is met.
    """
    label = {rule.id: rule.label for rule in rules}
    return [
        Finding(
            code="qpcr.westgard" if point.rejects else "qpcr.westgard_warning",
            severity="warning" if point.rejects else "note",
            subject=f"run {point.run_id}",
            message=f"Internal control {point.control_name}, {point.assay_id or point.target}: z = {point.z:.2f}; "
            + "; ".join(f"{westgard([name])} ({label[name]})" for name in point.rules)
            + ".",
            advice="Decide whether the run stands." if point.rejects else None,
        )
        for point in points
        if point.rules
    ]
