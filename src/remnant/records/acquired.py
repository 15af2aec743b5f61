"""What one file gave: the unit of import and of refusal."""

from __future__ import annotations

from dataclasses import dataclass

from remnant.records.clonotype import CloneCount, Repertoire
from remnant.records.finding import Finding
from remnant.records.fish import AntigenCount, FishCount, FractionMarker, SortPurity
from remnant.records.flow import PanelEntry, Tube, TubeUse
from remnant.records.igtr import IgTrWell
from remnant.records.measurement import ReportedValue
from remnant.records.partition import Amplitudes, Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Curves, Run, SourceFile, Well
from remnant.records.sample import Cdna, Fraction, Sample

__all__ = ["Acquired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """Everything that one file said, and what was noticed while reading it.

    Attributes
    ----------
    source : SourceFile
        The file.
    patients, events, therapies, variants, samples, cdnas, fractions, runs, wells, reported : tuple of records
        Its content.
    fish_counts, sort_purities, fraction_markers, antigen_counts : tuple of records
        Score sheets, sort reports and what else was measured on sorted cells.
    igtr_wells : tuple of IgTrWell
        Wells of allele-specific PCR of IG/TR rearrangements.
    repertoires, clone_counts : tuple of records
        Sequenced samples and the reads of their clonotypes.
    panels, tube_uses : tuple of records
        Which antigen a channel measures, and what cytometry files were acquired for.
    partitions, plate_wells : tuple of records
        Digital PCR as counted by the instrument, and plate layouts.
    amplitudes : tuple of Amplitudes
        Fluorescence of single partitions, if the file holds any.
    curves : tuple of Curves
        Raw fluorescence, if the file holds any.
    tubes : tuple of Tube
        Data sets of a cytometry file; their events stay in the file.
    findings : tuple of Finding
        Repairs and oddities. Problems that forbid the import are an error instead.
    """

    source: SourceFile
    patients: tuple[Patient, ...] = ()
    events: tuple[Event, ...] = ()
    therapies: tuple[Therapy, ...] = ()
    variants: tuple[Variant, ...] = ()
    samples: tuple[Sample, ...] = ()
    cdnas: tuple[Cdna, ...] = ()
    fractions: tuple[Fraction, ...] = ()
    runs: tuple[Run, ...] = ()
    wells: tuple[Well, ...] = ()
    reported: tuple[ReportedValue, ...] = ()
    igtr_wells: tuple[IgTrWell, ...] = ()
    fish_counts: tuple[FishCount, ...] = ()
    sort_purities: tuple[SortPurity, ...] = ()
    fraction_markers: tuple[FractionMarker, ...] = ()
    antigen_counts: tuple[AntigenCount, ...] = ()
    repertoires: tuple[Repertoire, ...] = ()
    clone_counts: tuple[CloneCount, ...] = ()
    panels: tuple[PanelEntry, ...] = ()
    tube_uses: tuple[TubeUse, ...] = ()
    partitions: tuple[Partitions, ...] = ()
    plate_wells: tuple[PlateWell, ...] = ()
    amplitudes: tuple[Amplitudes, ...] = ()
    curves: tuple[Curves, ...] = ()
    tubes: tuple[Tube, ...] = ()
    findings: tuple[Finding, ...] = ()
