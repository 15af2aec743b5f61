"""Errors of run and reverse transcription, learned from the laboratory's internal controls.

A control measured from one cDNA in every run tells the error of the run. A control transcribed anew for
every run tells run and transcription together; two such controls in one run share the run and not the
transcription, which separates them; a single one is split as the defaults are. What Poisson, technical and
calibration error of the tube explain is taken out first, and all is drawn to the defaults by stated weights.
A value that the laboratory typed in (status ``verified``) is never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.charts import ControlValue
from remnant.knowledge.qpcr import ChartSettings
from remnant.numerics.variance_components import between_runs, shared_by_run, shrunk
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.run import Assay

__all__ = ["learned_variance"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _codes(labels: Sequence[str]) -> tuple[list[str], Integers]:
    names = list(dict.fromkeys(labels))
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index[label] for label in labels], dtype=np.int64)


def _one_a_run(values: Sequence[ControlValue]) -> list[ControlValue]:
    """First value of each control and run; a repeat of the same run is no further run."""
    first: dict[tuple[str, str], ControlValue] = {}
    for value in values:
        first.setdefault((value.control_name, value.run_id), value)
    return list(first.values())


def _split(
    values: Sequence[ControlValue], run_default: float, rt_default: float
) -> tuple[float, float, float | None, float, list[tuple[float, float, int]]]:
    """Variances and freedoms of run and transcription (None if never seen), and each control's own run part."""
    names, material = _codes([value.control_name for value in values])
    _runs, run = _codes([value.run_id for value in values])
    y = np.array([value.log10_value for value in values])
    spread = between_runs(y, np.array([value.tube_sd_log10**2 for value in values]), material)
    tubes = {name: {v.cdna_id for v in values if v.control_name == name} for name in names}
    fresh = np.array([len(tubes[name]) > 1 for name in names])
    share = run_default / (run_default + rt_default)
    kept = np.isin(material, np.flatnonzero(fresh))
    covariance, pairs = shared_by_run(y[kept], material[kept], run[kept]) if kept.any() else (0.0, 0)
    run_part = np.where(fresh, spread.variance * share, spread.variance)
    transcription: float | None = None
    freedom_rt = 0.0
    if fresh.any():
        freedom_rt = float(spread.freedom[fresh].sum())
        total = float(np.average(spread.variance[fresh], weights=np.maximum(spread.freedom[fresh], 1)))
        of_run = min(max(covariance, 0.0), max(total, 0.0)) if pairs else max(total, 0.0) * share
        transcription = max(total - of_run, 0.0)
        if pairs:
            run_part = np.where(fresh, of_run, run_part)
    freedom = float(spread.freedom.sum())
    variance = float(np.average(run_part, weights=np.maximum(spread.freedom, 1)))
    levels = list(zip(spread.mean.tolist(), run_part.tolist(), spread.freedom.tolist(), strict=True))
    return variance, freedom, transcription, freedom_rt, levels


def learned_variance(
    values: Sequence[ControlValue],
    *,
    variance: Sequence[VarianceComponent],
    assays: Sequence[Assay],
    settings: ChartSettings,
) -> tuple[tuple[VarianceComponent, ...], list[Finding]]:
    """Components with those of the internal controls in place of the defaults.

    Parameters
    ----------
    values : sequence of ControlValue
        Values of the internal controls; only ratios count.
    variance : sequence of VarianceComponent
        Defaults and typed-in values.
    assays : sequence of Assay
        Assays that may be learned.
    settings : ChartSettings
        Runs needed and weights of the defaults.

    Returns
    -------
    components : tuple of VarianceComponent
        Learned ones first, then the given ones.
    findings : list of Finding
        What was learned from how many runs, and which assumptions remain.
    """
    learned: list[VarianceComponent] = []
    findings: list[Finding] = []
    for assay in assays:
        own = _one_a_run([value for value in values if value.assay_id == assay.assay_id])
        runs = len({value.run_id for value in own})
        given = {name: _given(variance, name, assay.target) for name in ("run", "rt")}
        if runs < settings.learning_runs or given["run"] is None or given["rt"] is None:
            continue
        parts = _learn(own, assay, given={k: v for k, v in given.items() if v is not None}, settings=settings)
        learned += parts
        findings += [_finding(part, assay) for part in parts]
    learned_targets = {(part.error_class, part.target) for part in learned}
    kept = [part for part in variance if (part.error_class, part.target) not in learned_targets]
    findings += [_assumed(part) for part in kept if part.status == "unverified"]
    return (*learned, *kept), findings


def _given(variance: Sequence[VarianceComponent], error_class: str, target: str) -> VarianceComponent | None:
    rows = [part for part in variance if part.error_class == error_class and part.target in {target, ""}]
    return min(rows, key=lambda part: part.target == "", default=None)


def _learn(
    own: Sequence[ControlValue],
    assay: Assay,
    *,
    given: dict[str, VarianceComponent],
    settings: ChartSettings,
) -> list[VarianceComponent]:
    run, rt = given["run"], given["rt"]
    run_default, rt_default = run.sd_log10**2, rt.sd_log10**2
    variance, freedom, transcription, freedom_rt, levels = _split(own, run_default, rt_default)
    names = ", ".join(sorted({value.control_name for value in own}))
    runs = len({value.run_id for value in own})
    source = f"internal controls {names}, {runs} runs"
    parts = []
    if run.status != "verified":
        pooled = shrunk(variance, freedom, default=run_default, weight=settings.default_weight)
        parts = [
            VarianceComponent(
                error_class="run",
                target=assay.target,
                sd_log10=float(np.sqrt(shrunk(part, count, default=pooled, weight=settings.level_weight))),
                source=source,
                status="learned",
                level_log10=level,
                runs=count + 1,
                default_sd_log10=run.sd_log10,
            )
            for level, part, count in levels
        ]
    if transcription is not None and rt.status != "verified":
        pooled = shrunk(transcription, freedom_rt, default=rt_default, weight=settings.default_weight)
        parts.append(
            VarianceComponent(
                error_class="rt",
                target=assay.target,
                sd_log10=float(np.sqrt(pooled)),
                source=source,
                status="learned",
                runs=runs,
                default_sd_log10=rt.sd_log10,
            )
        )
    return parts


def _finding(part: VarianceComponent, assay: Assay) -> Finding:
    level = "" if part.level_log10 is None else f" at {10.0**part.level_log10:.3g} {assay.unit}"
    what = "run" if part.error_class == "run" else "reverse transcription"
    return Finding(
        code="qpcr.variance_learned",
        severity="note",
        subject=f"assay {assay.assay_id}",
        message=f"Error of the {what}{level}: sd {part.sd_log10:.3f} log10, learned from {part.source}, in place of {part.default_sd_log10:g}.",
    )


def _assumed(part: VarianceComponent) -> Finding:
    what = {"run": "run", "rt": "reverse transcription", "biology": "within-patient biology"}[
        part.error_class
    ]
    return Finding(
        code="qpcr.variance_assumed",
        severity="note",
        subject=f"error {part.error_class}" + (f" of {part.target}" if part.target else ""),
        message=f"Error of {what}{' of ' + part.target if part.target else ''}: sd {part.sd_log10:g} log10 is an assumption, not verified.",
        advice="Enter the laboratory's own value, or run internal controls.",
    )
