"""The statement about residual cells as a measurement of its sample, with the evidence of its counts.

The quantity is the share of the denominator, unit ``cell_fraction``. Estimate and interval are those of the statement, so
that page, table and timeline agree; the interval for comparison adds biology to each of its halves, as variances of log10.
The evidence is the likelihood: what combines or compares samples uses that.
"""

from __future__ import annotations

import dataclasses
import math

from scipy import stats

from remnant.evidence.kinds import ErrorTerm
from remnant.knowledge.variance import default_variance
from remnant.records.flow import MrdStatement
from remnant.records.measurement import Measurement
from remnant.records.run import Assay
from remnant.records.sample import Sample

__all__ = ["flow_assay", "flow_measurement"]

TARGET = "flow"
"""What tables and figures call residual cells by cytometry."""
UNIT = "cell_fraction"


def flow_assay(gate: str) -> Assay:
    """The series of one gate.

    Parameters
    ----------
    gate : str
        Gate of the residual cells.

    Returns
    -------
    Assay
        Without a control gene; statements of different gates are different series.

    Examples
    --------
    >>> flow_assay("LAIP").assay_id
    'flow:LAIP'
    """
    return Assay(assay_id=f"flow:{gate}", target=TARGET, control=None, platform="flow", unit=UNIT)


def flow_measurement(said: MrdStatement, sample: Sample, *, run_id: str) -> Measurement:
    """A statement as a measurement.

    Parameters
    ----------
    said : MrdStatement
        Statement of one tube.
    sample : Sample
        Sample in the tube.
    run_id : str
        The tube: file and data set.

    Returns
    -------
    Measurement
        Share of the denominator; below the limit of blank no number, but the bound that was reached.
    """
    biology = _biology(sample.patient_id, sample.sample_id)
    evidence = dataclasses.replace(said.evidence, errors=(*said.evidence.errors, biology))
    apart = float(stats.norm.ppf((1.0 + said.interval_level) / 2.0)) * biology.sd_log10
    assay = flow_assay(said.gate)
    return Measurement(
        measurement_id=f"{assay.assay_id}|{sample.sample_id}|{run_id}",
        patient_id=sample.patient_id,
        sample_id=sample.sample_id,
        cdna_id=sample.sample_id,
        run_id=run_id,
        assay_id=assay.assay_id,
        target=TARGET,
        control="",
        material=sample.material,
        drawn_on=sample.drawn_on,
        unit=UNIT,
        evidence=evidence,
        state=said.state,
        reason=said.reason,
        estimate=said.estimate,
        lower=said.lower,
        upper=said.upper if said.estimate is not None else None,
        comparison_lower=_widened(said.lower, said.estimate, apart),
        comparison_upper=_widened(said.upper, said.estimate, apart),
        upper_limit=said.upper,
        point_value=said.share,
        target_copies=None,
        control_copies=None,
        positive_wells=int(said.k > 0),
        wells=1,
        control_wells=0,
        sensitivity_ratio=1.0 / said.n,
    )


def _widened(end: float | None, estimate: float | None, apart: float) -> float | None:
    """An end of an interval with a further distance in log10 from the estimate; never above the whole."""
    if end is None or estimate is None:
        return None
    own = math.log10(end / estimate)
    return min(1.0, float(estimate * 10.0 ** math.copysign(math.hypot(own, apart), end - estimate)))


def _biology(patient_id: str, sample_id: str) -> ErrorTerm:
    rows = [one for one in default_variance() if one.error_class == "biology" and one.target in {TARGET, ""}]
    chosen = min(rows, key=lambda one: one.target == "")
    return ErrorTerm(name=f"biology:{patient_id}:{TARGET}:{sample_id}", sd_log10=chosen.sd_log10)
