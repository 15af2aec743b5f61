"""Values typed in from a report: the weakest evidence, and said so.

A value is taken as log-normal with the error of the row ``reported`` of `knowledge.variance`, because its
wells are not known; a "less than" is a step at its limit. Its reverse transcription is unknown too and is
named after the sample, so that two markers of one report share it; a share of cells has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, ErrorTerm, ReportedEvidence
from remnant.evidence.verbs import Interval, interval, upper_limit
from remnant.knowledge.assays import default_assays
from remnant.knowledge.variance import default_variance
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement, ReportedValue
from remnant.records.run import Assay
from remnant.records.sample import Sample
from remnant.units import convert, is_comparable, number_text, unit_label

__all__ = ["DONOR", "RECIPIENT", "ReportedMeasurements", "measure_reported", "recipient_share"]

DONOR: Final = "donor chimerism"
"""Target of a typed-in share of donor cells."""
RECIPIENT: Final = "recipient chimerism"
"""Target of the measurement that it becomes."""

# Decades of the declared range around a value, and below an upper limit.
_DECADES: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMeasurements:
    """What the values of reports amount to.

    Attributes
    ----------
    measurements : tuple of Measurement
        One a value that has its sample.
    findings : tuple of Finding
        Values that could not be used, and why.
    """

    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usable:
    value: ReportedValue
    sample: Sample
    assay: Assay
    evidence: ReportedEvidence


def measure_reported(
    values: Iterable[ReportedValue],
    *,
    samples: Iterable[Sample],
    assays: Sequence[Assay] | None = None,
    variance: Sequence[VarianceComponent] | None = None,
) -> ReportedMeasurements:
    """Measurements of values that were typed in.

    Parameters
    ----------
    values : iterable of ReportedValue
        Values, or limits.
    samples : iterable of Sample
        Samples; a value whose sample is unknown needs its own day and material.
    assays : sequence of Assay or None, default None
        Known assays; the table that ships by default.
    variance : sequence of VarianceComponent or None, default None
        Errors above the tube; the unverified defaults if None.

    Returns
    -------
    ReportedMeasurements
        Measurements in the unit of their assay, and findings.

    Examples
    --------
    >>> import datetime as dt
    >>> sample = Sample(sample_id="S1", patient_id="P1", material="BM", drawn_on=dt.date(2020, 5, 4))
    >>> value = ReportedValue(sample_id="S1", patient_id="P1", target="WT1", control="ABL1", unit="percent", value=2.5)
    >>> [one] = measure_reported([value], samples=[sample]).measurements
    >>> one.unit, one.point_value, one.state
    ('per_1e4', 250.0, 'quantified')
    """
    known = {sample.sample_id: sample for sample in samples}
    by_gene = {(a.target, a.control): a for a in (default_assays() if assays is None else assays)}
    components = default_variance() if variance is None else variance
    usable, findings = [], []
    for stated in values:
        value = recipient_share(stated)
        if value is None:
            findings.append(_left_out(stated, "a donor share of 1 has no limit: write it as more than one"))
            continue
        sample = known.get(value.sample_id) or _own_sample(value)
        assay = _in_unit(value, by_gene.get((value.target, value.control)) or _share_of_cells(value))
        if sample is None:
            findings.append(_left_out(value, "no sample table names it and it has no day and material"))
        elif assay is None:
            findings.append(_left_out(value, f"no assay {value.target}/{value.control} is known"))
        elif not is_comparable(value.unit, assay.unit):
            known_as = unit_label(assay.unit, control=value.control)
            findings.append(
                _left_out(value, f"{unit_label(value.unit)} is not {known_as}, the unit of {assay.assay_id}")
            )
        else:
            evidence = _evidence(value, sample, assay=assay, components=components)
            usable.append(_Usable(value=value, sample=sample, assay=assay, evidence=evidence))
    return ReportedMeasurements(measurements=_measurements(usable), findings=tuple(findings))


def recipient_share(value: ReportedValue) -> ReportedValue | None:
    """Donor chimerism as the share of the recipient's cells, in which a relapse shows.

    Near full donor chimerism a log-normal error of the donor share says nothing; of the recipient's it does.

    Parameters
    ----------
    value : ReportedValue
        Any value; only a donor chimerism as a share of cells is changed.

    Returns
    -------
    ReportedValue or None
        None for a donor share of 1 without a limit: no assay excludes the recipient's cells.

    Examples
    --------
    >>> stated = ReportedValue(sample_id="S1", patient_id="P1", target=DONOR, control="", unit="cell_fraction", value=0.96)
    >>> found = recipient_share(stated)
    >>> found.target, round(found.value, 3)
    ('recipient chimerism', 0.04)
    """
    if value.target != DONOR or value.unit != "cell_fraction":
        return value
    share, low, high = value.value, value.lower_limit, value.upper_limit
    if (share is not None and share >= 1.0) or (low is not None and low >= 1.0):
        return None
    return replace(
        value,
        target=RECIPIENT,
        value=None if share is None else 1.0 - share,
        upper_limit=None if low is None else 1.0 - low,
        lower_limit=None if high is None or high >= 1.0 else 1.0 - high,
    )


def _share_of_cells(value: ReportedValue) -> Assay | None:
    """A marker reported as a share of cells has no control gene and needs no row of its own."""
    if value.control or value.unit != "cell_fraction":
        return None
    return Assay(
        assay_id=value.target, target=value.target, control=None, platform="reported", unit=value.unit
    )


def _in_unit(value: ReportedValue, assay: Assay | None) -> Assay | None:
    """A value that was reported on the International Scale stays on it: the factor behind it is the laboratory's."""
    if assay is None or value.unit != "percent_is" or assay.unit == "cell_fraction":
        return assay
    return replace(assay, unit="percent_is")


def _own_sample(value: ReportedValue) -> Sample | None:
    if value.drawn_on is None or value.material is None:
        return None
    return Sample(
        sample_id=value.sample_id,
        patient_id=value.patient_id,
        material=value.material,
        drawn_on=value.drawn_on,
    )


def _left_out(value: ReportedValue, why: str) -> Finding:
    return Finding(
        code="reported.left_out",
        severity="warning",
        subject=f"sample {value.sample_id}",
        message=f"The reported {value.target} of sample {value.sample_id} is not used: {why}.",
        needed="a known sample and assay",
        advice="Import the sample table, or give the day and the material beside the value.",
    )


def _sd(components: Sequence[VarianceComponent], error_class: str, target: str) -> float:
    """Standard deviation of one class: the target's own row before that of any target."""
    rows = [c for c in components if c.error_class == error_class and c.target in {target, ""}]
    return next((c.sd_log10 for c in sorted(rows, key=lambda c: c.target == "")), 0.0)


def _evidence(
    value: ReportedValue, sample: Sample, *, assay: Assay, components: Sequence[VarianceComponent]
) -> ReportedEvidence:
    def scaled(number: float | None) -> float | None:
        return None if number is None else convert(number, value.unit, assay.unit)

    low = scaled(value.lower_limit)
    high = scaled(value.upper_limit)
    given = scaled(value.value)
    anchor = math.log10(given or high or low or 1.0)
    ceiling = 0.0 if assay.unit == "cell_fraction" else anchor + _DECADES
    target = value.target
    return ReportedEvidence(
        value=given,
        sd_log10=_sd(components, "reported", target),
        upper_limit=high,
        lower_limit=low,
        log10_low=anchor - _DECADES,
        log10_high=max(ceiling, anchor + 0.1),
        errors=tuple(
            ErrorTerm(name=name, sd_log10=_sd(components, error_class, target))
            for name, error_class in (
                (f"run:reported:{sample.sample_id}", "run"),
                (f"rt:{sample.sample_id}", "rt"),
                (f"biology:{sample.patient_id}:{target}:{sample.sample_id}", "biology"),
            )
            if error_class != "rt" or assay.control is not None
        ),
    )


def _measurements(usable: Sequence[_Usable]) -> tuple[Measurement, ...]:
    if not usable:
        return ()
    batch = EvidenceBatch.of([one.evidence for one in usable])
    measured, compared = interval(batch), interval(batch, include=COMPARISON)
    bounds = upper_limit(batch)
    return tuple(
        _measurement(one, i, measured=measured, compared=compared, bound=float(bounds[i]))
        for i, one in enumerate(usable)
    )


_STATES: Final[dict[str, tuple[Literal["quantified", "detected", "not detected"], str]]] = {
    "value": ("quantified", ""),
    "lower_limit": ("detected", "reported as more than"),
    "upper_limit": ("not detected", "reported as less than"),
}


def _measurement(
    one: _Usable, i: int, *, measured: Interval, compared: Interval, bound: float
) -> Measurement:
    value, evidence = one.value, one.evidence
    given = next(name for name in _STATES if getattr(value, name) is not None)
    state, words = _STATES[given]
    limit = getattr(value, given)
    reason = (
        f"{words} {number_text(limit)} {unit_label(value.unit, control=value.control or '')}".strip()
        if words
        else ""
    )

    def shown(column: np.ndarray) -> float | None:
        return float(column[i]) if state == "quantified" else None

    numbers: dict[str, Any] = {
        "estimate": shown(measured.median),
        "lower": shown(measured.lower),
        "upper": shown(measured.upper),
        "comparison_lower": shown(compared.lower),
        "comparison_upper": shown(compared.upper),
        "upper_limit": bound,
    }
    if evidence.lower_limit is not None:  # "more than": what the range puts above it is no number
        numbers = dict.fromkeys(numbers) | {
            "lower": evidence.lower_limit,
            "comparison_lower": evidence.lower_limit,
        }
    return Measurement(
        measurement_id="|".join(
            (one.assay.assay_id, value.sample_id, "reported", value.fraction or value.sample_id)
        ),
        patient_id=one.sample.patient_id,
        sample_id=value.sample_id,
        cdna_id=value.sample_id,
        run_id="reported",
        assay_id=one.assay.assay_id,
        target=value.target,
        control=value.control,
        material=one.sample.material,
        drawn_on=one.sample.drawn_on,
        unit=one.assay.unit,
        evidence=evidence,
        state=state,
        reason=reason,
        point_value=evidence.value,
        target_copies=None,
        control_copies=value.control_copies,
        positive_wells=int(state != "not detected"),
        wells=1,
        control_wells=0,
        fraction=value.fraction or "",
        **numbers,
    )
