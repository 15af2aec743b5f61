"""Wells of an allele-specific PCR of a patient's own IG/TR rearrangement, and what its plate could see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["IGTR_WELL_KINDS", "IgTrPlate", "IgTrWell", "IgTrWellKind"]

IgTrWellKind = Literal["follow_up", "dilution", "background", "ntc"]
IGTR_WELL_KINDS: tuple[str, ...] = IgTrWellKind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class IgTrWell:
    """One well of an IG/TR assay.

    Attributes
    ----------
    run_id : str
        Run it belongs to.
    position : str
        Place on the plate.
    patient_id : str
        Whose rearrangement is amplified.
    rearrangement : str
        Name of the rearrangement or of its primer, for example ``"IGH VH3-23/JH4"``.
    kind : {"follow_up", "dilution", "background", "ntc"}
        Follow-up sample; diagnosis DNA diluted in polyclonal DNA; polyclonal DNA of healthy people alone; no template.
    sample_id : str or None
        Sample of a follow-up well.
    diagnosis_share : float or None
        Share of diagnosis DNA in a well of a dilution: 0.1, 0.01 ...
    detected : bool or None
        False: amplification was looked for and not found. None: the file stores no Cq for this well.
    cq : float or None
        Quantification cycle under the laboratory's threshold.
    dna_ng : float or None
        DNA in the well that amplifies, nanograms, by a control gene such as albumin.
    excluded : str or None
        The laboratory's own reason for leaving the well out.
    """

    run_id: str
    position: str
    patient_id: str
    rearrangement: str
    kind: IgTrWellKind
    sample_id: str | None = None
    diagnosis_share: float | None = None
    detected: bool | None
    cq: float | None
    dna_ng: float | None = None
    excluded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IgTrPlate:
    """What one sample's wells are read against: background, quantitative range and sensitivity of the plate.

    Attributes
    ----------
    measurement_id : str
        Measurement that was made of it.
    patient_id, sample_id, run_id, rearrangement : str
        Provenance.
    wells, background : tuple of float or None
        Cq of each well of the sample and of polyclonal background; None where nothing was amplified.
    slope, r_squared : float or None
        Of the dilutions in the quantitative range; None with fewer than two.
    quantitative_share, quantitative_cq : float or None
        Lowest dilution of the quantitative range, and its mean Cq.
    sensitive_share, sensitive_cq : float or None
        Dilution that is the sensitivity, and its highest Cq.
    obstacle : str
        Why no sample of the plate can be read; empty if they can.
    obstacle_code : str
        Stable code of the obstacle.
    rule_ids : tuple of str
        Rows that made range and sensitivity.
    """

    measurement_id: str
    patient_id: str
    sample_id: str
    run_id: str
    rearrangement: str
    wells: tuple[float | None, ...]
    background: tuple[float | None, ...]
    slope: float | None
    r_squared: float | None
    quantitative_share: float | None
    quantitative_cq: float | None
    sensitive_share: float | None
    sensitive_cq: float | None
    obstacle: str = ""
    obstacle_code: str = ""
    rule_ids: tuple[str, ...] = ()
