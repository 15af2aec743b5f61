"""Everything that is known of one patient, as the later stages pass it on."""

from __future__ import annotations

from dataclasses import dataclass

from remnant.records.caution import SampleDilution
from remnant.records.clonotype import CloneTrack
from remnant.records.disagreement import Disagreement
from remnant.records.finding import Finding
from remnant.records.fish import Discordance, SortedSample
from remnant.records.judgement import Call, Course, Decision, Forecast
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Assay, Run, SourceFile
from remnant.records.sample import Fraction, Sample

__all__ = ["Dossier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One patient's facts and what was derived from them.

    Attributes
    ----------
    patient : Patient
        Who.
    events, therapies, variants, samples, fractions : tuple of records
        Facts, by date.
    assays : tuple of Assay
        Assays that the measurements name.
    runs, sources : tuple of records
        Provenance of the measurements.
    measurements, baselines, calls : tuple of records
        Derived.
    course : Course or None
        Derived; None before the course stage.
    forecast : Forecast or None
        Derived; None if no model was asked.
    decisions : tuple of Decision
        What people decided about this patient.
    discordances : tuple of Discordance
        Derived: transcript beside clonotype in follow-up, by date.
    sorted_samples : tuple of SortedSample
        Derived: what was concluded from sorted fractions, by date.
    disagreements : tuple of Disagreement
        Derived: assays of one day that do not agree, by date.
    clone_tracks : tuple of CloneTrack
        Derived: clones of the diagnosis sample in all later ones.
    dilutions : tuple of SampleDilution
        Derived: marrow that a cytometry tube shows to be diluted by blood.
    findings : tuple of Finding
        What was noticed about this patient's samples and runs.
    """

    patient: Patient
    events: tuple[Event, ...] = ()
    therapies: tuple[Therapy, ...] = ()
    variants: tuple[Variant, ...] = ()
    samples: tuple[Sample, ...] = ()
    fractions: tuple[Fraction, ...] = ()
    assays: tuple[Assay, ...] = ()
    runs: tuple[Run, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    calls: tuple[Call, ...] = ()
    course: Course | None = None
    forecast: Forecast | None = None
    decisions: tuple[Decision, ...] = ()
    discordances: tuple[Discordance, ...] = ()
    sorted_samples: tuple[SortedSample, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    clone_tracks: tuple[CloneTrack, ...] = ()
    dilutions: tuple[SampleDilution, ...] = ()
    findings: tuple[Finding, ...] = ()
