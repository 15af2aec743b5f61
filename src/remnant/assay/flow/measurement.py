"""The statement about residual cells as a measurement of its sample, with the evidence of its counts.

The quantity is the share of the denominator, unit ``cell_fraction``. Counting and background are errors *of this
measurement*; the comparison with another sample adds biology.
"""

from __future__ import annotations

import dataclasses

from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, ErrorTerm
from remnant.evidence.verbs import interval, upper_limit
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
    evidence = dataclasses.replace(
        said.evidence, errors=(*said.evidence.errors, _biology(sample.patient_id, sample.sample_id))
    )
    batch = EvidenceBatch.of([evidence])
    seen = said.state in {"quantified", "detected"}
    own, compared = interval(batch), interval(batch, include=COMPARISON)
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
        estimate=float(own.median[0]) if seen else None,
        lower=float(own.lower[0]) if seen else None,
        upper=float(own.upper[0]) if seen else None,
        comparison_lower=float(compared.lower[0]) if seen else None,
        comparison_upper=float(compared.upper[0]) if seen else None,
        upper_limit=float(upper_limit(batch)[0]),
        point_value=said.share,
        target_copies=None,
        control_copies=None,
        positive_wells=int(said.k > 0),
        wells=1,
        control_wells=0,
        sensitivity_ratio=1.0 / said.n,
    )


def _biology(patient_id: str, sample_id: str) -> ErrorTerm:
    rows = [one for one in default_variance() if one.error_class == "biology" and one.target in {TARGET, ""}]
    chosen = min(rows, key=lambda one: one.target == "")
    return ErrorTerm(name=f"biology:{patient_id}:{TARGET}:{sample_id}", sd_log10=chosen.sd_log10)
