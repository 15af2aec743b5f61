"""Values of internal controls: what goes on the charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from remnant.assay.qpcr.charts import ControlValue
from remnant.assay.qpcr.curves import Curves
from remnant.assay.qpcr.groups import Groups
from remnant.assay.qpcr.pairs import Pairs, Pools
from remnant.records.finding import Finding
from remnant.records.run import Assay
from remnant.units import factor_to_ratio

__all__ = ["control_values", "silent_controls"]


def _readable(groups: Groups, pools: Pools, curves: Curves) -> list[bool]:
    """Groups with copies on a passing curve."""
    passing = np.array([not reasons for reasons in curves.reasons] + [False])
    readable: list[bool] = (passing[groups.curve] & (pools.copies > 0)).tolist()
    return readable


def _calibration_variance(groups: Groups, pools: Pools, curves: Curves, group: int) -> float:
    row = np.array([group])
    level = np.log10(pools.copies[row] / np.maximum(pools.wells[row], 1))
    return float(curves.calibration.sd_log10(groups.curve[row], level)[0] ** 2)


def control_values(
    pairs: Pairs, groups: Groups, *, pools: Pools, curves: Curves, assays: Sequence[Assay]
) -> list[ControlValue]:
    """Values of the internal controls of all runs.

    Parameters
    ----------
    pairs : Pairs
        Pairs of internal controls.
    groups : Groups
        Replicates, of patients too.
    pools : Pools
        Their sums.
    curves : Curves
        Judged curves; only those that pass give values.
    assays : sequence of Assay
        Assays of the pairs.

    Returns
    -------
    list of ControlValue
        Ratio of each pair, and copies a well of each control gene and of each target that has no
        control gene in this material.
    """
    readable = _readable(groups, pools, curves)
    keys = groups.keys.select("run_id", "name", "sample_id", "cdna_id", "target", "run_on", "role").rows(
        named=True
    )
    values, in_ratio = [], set()
    for i in range(len(pairs)):
        assay, target, control = assays[pairs.assay[i]], int(pairs.target[i]), int(pairs.control[i])
        if pairs.obstacle[i] or not readable[target] or not readable[control]:
            continue
        in_ratio.add(target)
        ratio = (pools.copies[target] / pools.exposure[target]) / (
            pools.copies[control] / pools.exposure[control]
        )
        values.append(
            _value(
                keys[target],
                assay_id=assay.assay_id,
                unit=assay.unit,
                value=float(ratio * factor_to_ratio(assay.unit)),
                wells=sum(float(pools.sd_log10[group] ** 2) for group in (target, control)),
                calibration=sum(
                    _calibration_variance(groups, pools, curves, group) for group in (target, control)
                ),
            )
        )
    genes = {assay.control for assay in assays}
    for group, key in enumerate(keys):
        if (
            key["role"] == "internal"
            and readable[group]
            and (key["target"] in genes or group not in in_ratio)
        ):
            copies = float(pools.copies[group] / pools.wells[group])
            values.append(
                _value(
                    key,
                    assay_id="",
                    unit="copies",
                    value=copies,
                    wells=float(pools.sd_log10[group] ** 2),
                    calibration=_calibration_variance(groups, pools, curves, group),
                )
            )
    return values


def _value(
    key: dict[str, object], *, assay_id: str, unit: str, value: float, wells: float, calibration: float
) -> ControlValue:
    return ControlValue(
        run_id=str(key["run_id"]),
        control_name=str(key["sample_id"]),
        cdna_id=str(key["cdna_id"]),
        target=str(key["target"]),
        assay_id=assay_id,
        unit=unit,
        run_on=key["run_on"],  # type: ignore[arg-type]  # a date or None by the frame's schema
        log10_value=float(np.log10(value)),
        tube_sd_log10=float(np.sqrt(wells + calibration)),
        calibration_sd_log10=float(np.sqrt(calibration)),
    )


def silent_controls(groups: Groups, pools: Pools) -> list[Finding]:
    """Positive controls that gave no signal.

    Parameters
    ----------
    groups : Groups
        Replicates.
    pools : Pools
        Their sums.

    Returns
    -------
    list of Finding
        One a silent positive control or calibrator.
    """
    keys = groups.keys.select("run_id", "name", "target", "kind").rows(named=True)
    return [
        Finding(
            code="qpcr.positive_control_silent",
            severity="warning",
            subject=f"run {key['run_id']}",
            message=f"Positive control {key['name']} gave no {key['target']} signal.",
            advice="Do not trust negatives of this run before it is explained.",
        )
        for key, signals in zip(keys, pools.signals.tolist(), strict=True)
        if key["kind"] in {"positive_control", "calibrator"} and not signals
    ]
