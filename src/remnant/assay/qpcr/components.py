"""Errors of run and reverse transcription, learned from the laboratory's internal controls.

A control measured from one cDNA in every run tells the error of the run. A control transcribed anew for
every run tells run and transcription together; two such controls in one run share the run and not the
transcription, which separates them; a single one is split as the defaults are. Where the cDNA of a control
has no name of its own, nobody knows which of the two it is: what two controls share is still the run, and
the rest may raise the error of transcription above its default, never lower it. What Poisson, technical and
calibration error of the tube explain is taken out first, and all is drawn to the defaults by stated weights.
A value that the laboratory typed in (status ``verified``) is never replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from remnant.assay.qpcr.charts import ControlValue
from remnant.knowledge.qpcr import ChartSettings
from remnant.numerics.variance_components import between_runs, shared_by_run, shrunk
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.run import Assay
from remnant.units import number_text, unit_label

__all__ = ["learned_variance"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_WORDS: Final = {"run": "the run", "rt": "reverse transcription", "biology": "within-patient biology"}


def _codes(labels: Sequence[str]) -> tuple[list[str], Integers]:
    names = list(dict.fromkeys(labels))
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index[label] for label in labels], dtype=np.int64)


def _often(values: Sequence[ControlValue], runs: float) -> list[ControlValue]:
    """First value of each control and run, of controls measured in enough runs."""
    first: dict[tuple[str, str], ControlValue] = {}
    for value in values:
        first.setdefault((value.control_name, value.run_id), value)
    count = Counter(name for name, _run in first)
    return [value for (name, _run), value in first.items() if count[name] >= runs]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """Variances between runs: of the run, of transcription (None if never seen), and level by level."""

    run: float
    run_freedom: float
    transcription: float | None
    transcription_freedom: float
    levels: tuple[tuple[float, float, int], ...]


def _split(values: Sequence[ControlValue], *, run_default: float, rt_default: float) -> _Split:
    names, material = _codes([value.control_name for value in values])
    _runs, run = _codes([value.run_id for value in values])
    y = np.array([value.log10_value for value in values])
    spread = between_runs(y, np.array([value.tube_sd_log10**2 for value in values]), material)
    freedom = float(spread.freedom.sum())
    total = float(np.average(spread.variance, weights=spread.freedom))
    tubes = {name: {value.cdna_id for value in values if value.control_name == name} for name in names}
    named = all(value.cdna_id != value.control_name for value in values)
    one_tube = named and all(len(found) == 1 for found in tubes.values())
    covariance, shared = shared_by_run(
        y, material, run, explained_sd=np.array([value.calibration_sd_log10 for value in values])
    )
    if one_tube or (not named and not shared):
        levels = zip(spread.mean.tolist(), spread.variance.tolist(), spread.freedom.tolist(), strict=True)
        return _Split(
            run=total,
            run_freedom=freedom,
            transcription=None,
            transcription_freedom=0.0,
            levels=tuple(levels),
        )
    whole = max(total, 0.0)
    if not shared:
        of_run = whole * run_default / (run_default + rt_default)
        return _Split(
            run=of_run,
            run_freedom=freedom,
            transcription=whole - of_run,
            transcription_freedom=freedom,
            levels=(),
        )
    of_run = min(max(covariance, 0.0), whole)
    # A covariance C says less than a variance of the same freedom: its own variance is (T² + C²) / freedom.
    likely = max(of_run, run_default)
    weaker = 2.0 * likely**2 / (likely**2 + max(whole, likely) ** 2)
    return _Split(
        run=of_run,
        run_freedom=shared * weaker,
        transcription=whole - of_run if named else max(whole - of_run, rt_default),
        transcription_freedom=float(shared),
        levels=(),
    )


def learned_variance(
    values: Sequence[ControlValue],
    *,
    variance: Sequence[VarianceComponent],
    assays: Sequence[Assay],
    settings: ChartSettings,
    measured: Collection[str],
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
    measured : collection of str
        Targets of the wells: an assumption about another target is not mentioned.

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
        own = _often([value for value in values if value.assay_id == assay.assay_id], settings.learning_runs)
        given = {name: _given(variance, name, assay.target) for name in ("run", "rt")}
        if not own or given["run"] is None or given["rt"] is None:
            continue
        parts = _learn(own, assay, given={k: v for k, v in given.items() if v is not None}, settings=settings)
        learned += parts
        findings += [_finding(part, assay) for part in parts]
    learned_targets = {(part.error_class, part.target) for part in learned}
    kept = [part for part in variance if (part.error_class, part.target) not in learned_targets]
    findings += [
        _assumed(part)
        for part in kept
        if part.status == "unverified" and part.error_class in _WORDS and part.target in {"", *measured}
    ]
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
    split = _split(own, run_default=run_default, rt_default=rt_default)
    runs = len({value.run_id for value in own})
    source = f"internal controls {', '.join(sorted({value.control_name for value in own}))}, {runs} runs"

    def component(
        error_class: Literal["run", "rt"], variance: float, count: int, level: float | None
    ) -> VarianceComponent:
        return VarianceComponent(
            error_class=error_class,
            target=assay.target,
            sd_log10=float(np.sqrt(variance)),
            source=source,
            status="learned",
            level_log10=level,
            runs=count,
            default_sd_log10=given[error_class].sd_log10,
        )

    parts = []
    if run.status != "verified":
        pooled = shrunk(split.run, split.run_freedom, default=run_default, weight=settings.default_weight)
        parts += [
            component(
                "run", shrunk(part, count, default=pooled, weight=settings.level_weight), count + 1, level
            )
            for level, part, count in split.levels
        ] or [component("run", pooled, runs, None)]
    if split.transcription is not None and rt.status != "verified":
        pooled = shrunk(
            split.transcription,
            split.transcription_freedom,
            default=rt_default,
            weight=settings.default_weight,
        )
        parts.append(component("rt", pooled, runs, None))
    return parts


def _finding(part: VarianceComponent, assay: Assay) -> Finding:
    level = ""
    if part.level_log10 is not None:
        level = f" at {number_text(10.0**part.level_log10)} {unit_label(assay.unit)}"
    return Finding(
        code="qpcr.variance_learned",
        severity="note",
        subject=f"assay {assay.assay_id}",
        message=f"Error of {_WORDS[part.error_class]}{level}: sd {part.sd_log10:.3f} log10, learned from {part.source}, in place of {part.default_sd_log10:g}.",
    )


def _assumed(part: VarianceComponent) -> Finding:
    what = _WORDS[part.error_class] + (f" of {part.target}" if part.target else "")
    return Finding(
        code="qpcr.variance_assumed",
        severity="note",
        subject=f"error {part.error_class}" + (f" of {part.target}" if part.target else ""),
        message=f"Error of {what}: sd {part.sd_log10:g} log10 is an assumption, not verified.",
        advice="Enter the laboratory's own value, or run internal controls.",
    )
