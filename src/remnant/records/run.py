"""What the instrument recorded: files, runs, wells, curves. Nothing interpreted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WELL_KINDS", "Assay", "Curves", "Run", "SourceFile", "Well", "WellKind"]

WellKind = Literal[
    "unknown", "standard", "ntc", "no_rt", "negative_control", "positive_control", "calibrator"
]
WELL_KINDS: tuple[str, ...] = WellKind.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assay:
    """A quantity that a laboratory measures: target over control.

    Attributes
    ----------
    assay_id : str
        For example ``"WT1/ABL1"``.
    target : str
        HGNC symbol or fusion, ``"WT1"``.
    control : str or None
        Control gene, ``"ABL1"``; None for an absolute assay.
    transcript : str or None
        Transcript or breakpoint, if it matters.
    platform : {"qpcr", "dpcr", "fish", "flow", "ngs", "reported"}
        How it is measured.
    background : {"leukaemia_specific", "over_expressed"}
        Whether normal cells express the target; decides which states are possible.
    unit : str
        Unit of the laboratory's reports, a name of `remnant.units`.
    blank_rate_per_well : float
        False-positive rate of one well of the blank (no-template, wild type); 0 is a statement.
    """

    assay_id: str
    target: str
    control: str | None
    transcript: str | None = None
    platform: Literal["qpcr", "dpcr", "fish", "flow", "ngs", "reported"] = "qpcr"
    background: Literal["leukaemia_specific", "over_expressed"] = "leukaemia_specific"
    unit: str = "per_1e4"
    blank_rate_per_well: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """An imported original.

    Attributes
    ----------
    sha256 : str
        Hash of the bytes; the key under which the original is kept.
    name : str
        File name as delivered, without folders.
    size_bytes : int
        Length.
    format : str
        What was detected, for example ``"rdml 1.3"``, ``"cq table"``, ``"samples"``.
    """

    sha256: str
    name: str
    size_bytes: int
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an instrument: one plate.

    Attributes
    ----------
    run_id : str
        Laboratory code, or the file's own name for it.
    run_on : datetime.date or None
        Day of the run.
    instrument, serial, operator : str or None
        As recorded.
    kit_lot, primer_lot, standard_lot : str or None
        Lots.
    cdna_ul_per_well : float or None
        Default volume of cDNA a well, microlitres.
    chemistry : str or None
        For example ``"TaqMan"``.
    threshold : float or None
        Fluorescence threshold of the stored Cq.
    cycles : int or None
        Cycles run; a well without Cq was negative up to here.
    source_sha256 : str or None
        Original it was read from.
    """

    run_id: str
    run_on: dt.date | None = None
    instrument: str | None = None
    serial: str | None = None
    operator: str | None = None
    kit_lot: str | None = None
    primer_lot: str | None = None
    standard_lot: str | None = None
    cdna_ul_per_well: float | None = None
    chemistry: str | None = None
    threshold: float | None = None
    cycles: int | None = None
    source_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Well:
    """One reaction: a target in a place of a plate.

    ``cq`` is None where the target was not detected or no Cq is stored; `detected` tells which.

    Attributes
    ----------
    run_id : str
        Run it belongs to.
    position : str
        ``"A01"`` to ``"P24"``, or the row number where the file has no positions.
    target : str
        Gene or assay as written in the file.
    sample : str
        Name in the well: a cDNA, a sample, a standard or a control.
    kind : WellKind
        What the well holds.
    detected : bool or None
        False: amplification was looked for and not found. None: the file stores no Cq for this well.
    cq : float or None
        Quantification cycle under the laboratory's threshold.
    standard_copies : float or None
        Copies a well for a standard.
    cdna_ul : float or None
        Exposure: volume of undiluted cDNA in the well, microlitres; None takes the run's default.
    dilution : float
        Further dilution of the cDNA, 1 for none; exposure is ``cdna_ul / dilution``.
    excluded : str or None
        The laboratory's own reason for leaving the well out.
    replicate : int or None
        Replicate number where the file gives one.
    """

    run_id: str
    position: str
    target: str
    sample: str
    kind: WellKind
    detected: bool | None
    cq: float | None
    standard_copies: float | None = None
    cdna_ul: float | None = None
    dilution: float = 1.0
    excluded: str | None = None
    replicate: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Raw fluorescence of the wells of one file, columnar.

    Attributes
    ----------
    wells : tuple of (str, str, str)
        Run, position and target of each row.
    cycles : ndarray of float, shape (n_cycles,)
        Cycle numbers.
    fluorescence : ndarray of float, shape (n_wells, n_cycles)
        As recorded, not baseline-corrected; NaN where a cycle is missing.
    """

    wells: tuple[tuple[str, str, str], ...]
    cycles: NDArray[np.float64]
    fluorescence: NDArray[np.float64]
