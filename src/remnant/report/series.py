"""Every series of a patient: its assay, its title, and its states, whatever it was measured by."""

from __future__ import annotations

from typing import Final

from remnant.records.dossier import Dossier
from remnant.records.judgement import SeriesPoint
from remnant.records.measurement import Measurement
from remnant.records.mrd import MrdPoint
from remnant.records.run import Assay
from remnant.units import unit_label

__all__ = ["assay_title", "level_label", "measured_assays", "state_points"]

_LONGEST: Final = 46
_SHARES: Final = frozenset({"cell_fraction", "read_fraction"})


def measured_assays(dossier: Dossier) -> tuple[Assay, ...]:
    """Assays that the patient was measured with.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    tuple of Assay
        Those of the study in their order, then those of which only measurements tell.
    """
    named = {m.assay_id: m for m in sorted(dossier.measurements, key=lambda m: m.assay_id)}
    known = {assay.assay_id: assay for assay in dossier.assays}
    first = [assay for assay in dossier.assays if assay.assay_id in named]
    return (*first, *(_assay(m) for name, m in named.items() if name not in known))


def _assay(m: Measurement) -> Assay:
    return Assay(
        assay_id=m.assay_id, target=m.target, control=m.control or None, platform="reported", unit=m.unit
    )


def level_label(unit: str, *, control: str = "") -> str:
    """Unit of a column or axis.

    Parameters
    ----------
    unit : str
        Unit.
    control : str, default ""
        Control gene.

    Returns
    -------
    str
        As `remnant.units.unit_label`, but a share of what where the unit is one.

    Examples
    --------
    >>> level_label("cell_fraction"), level_label("per_1e4", control="ABL1")
    ('share of cells', 'per 10⁴ ABL1')
    """
    label = unit_label(unit, control=control)
    return f"share {label}" if unit in _SHARES else label


def assay_title(assay: Assay, unit: str) -> str:
    """Marker, what it was compared with, and unit.

    Parameters
    ----------
    assay : Assay
        The assay.
    unit : str
        Unit of the measurements.

    Returns
    -------
    str
        A rearrangement or transcript is named where the assay is one of several of a marker, and digital PCR.

    Examples
    --------
    >>> assay_title(Assay(assay_id="x", target="IG/TR", control=None, transcript="TRG TRGV2"), "read_fraction")
    'IG/TR, TRG TRGV2, share of reads'
    >>> assay_title(Assay(assay_id="y", target="BCR-ABL1", control="GUSB"), "percent")
    'BCR-ABL1/GUSB, %'
    """
    label = level_label(unit, control=assay.control or "")
    name = "Cytometry" if assay.platform == "flow" else assay.target
    if assay.control is not None and assay.control not in label.split():
        name = f"{name}/{assay.control}"
    text = assay.transcript or ""
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    platform = "digital PCR" if assay.platform == "dpcr" else ""
    return ", ".join(part for part in (name, platform, text, label) if part)


def state_points(dossier: Dossier) -> tuple[SeriesPoint | MrdPoint, ...]:
    """States of all series, of background and of leukaemia-specific markers.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    tuple of SeriesPoint and MrdPoint
        By date within each kind; empty without a course.
    """
    if dossier.course is None:
        return ()
    return (*dossier.course.points, *dossier.course.mrd)
