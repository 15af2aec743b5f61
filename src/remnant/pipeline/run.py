"""Everything of a study that is out of date, and nothing else.

Stages, each with keys of its own: ``curves`` (a file), ``assay`` and ``digital`` and ``igtr`` (a run of the laboratory), ``clonotypes`` (all sequenced samples), ``flow`` (a cytometry tube), ``normal``
(the donors' background), ``compartments`` (all sorted fractions, since donors' rates are shared), ``course`` (a patient). A result is out of date when the hash of what it was computed from
changed, or the rules, or the code. The internal controls of all runs set the errors of every run, so a run
with new controls renews all.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from remnant.assay.igtr.measure import igtr_rows
from remnant.assay.qpcr.quantify import quantify
from remnant.assay.reported import measure_reported
from remnant.call.calls import call_findings
from remnant.call.donors import donor_baselines
from remnant.call.mrd_calls import Around, mrd_call_findings
from remnant.course.build import build_courses
from remnant.course.cautions import caution_findings, sample_dilutions
from remnant.course.discordance import disagreement_findings, disagreements
from remnant.course.kinetics import with_kinetics
from remnant.knowledge.assays import default_assays
from remnant.knowledge.calibration import CurveChoice
from remnant.knowledge.conversion import study_factors
from remnant.knowledge.cutoffs import Cutoff, activate, active_cutoffs, cutoffs
from remnant.knowledge.rules_files import rule_book
from remnant.pipeline.clonotypes import clonotype_facts, clonotype_records
from remnant.pipeline.compartments import facts_of_study, judge_compartments
from remnant.pipeline.curves import quantified_wells, read_study_curves
from remnant.pipeline.digital import digital_inputs, digital_records
from remnant.pipeline.discordance import discordance_findings, patient_discordances
from remnant.pipeline.flow_study import flow_facts, flow_inputs, flow_records, loose_ends
from remnant.pipeline.igtr import igtr_inputs, igtr_records
from remnant.pipeline.stages import Facts, MrdContext, dossiers_of, grouped, with_calls, without_igtr
from remnant.records.codec import to_json
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.flow import FlowResult
from remnant.records.igtr import IgTrPlate, IgTrWell
from remnant.records.measurement import Baseline, CurveFit, Measurement, ReportedValue, WellUse
from remnant.records.partition import Partitions, PlateWell
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.quantified import Quantified
from remnant.records.run import Assay, Run, Well
from remnant.records.sample import Cdna, Fraction, Sample
from remnant.study.chronology import chronology_findings
from remnant.study.connection import held_open
from remnant.study.derived import (
    current_hashes,
    derived_records,
    is_computed,
    mark_computed,
    stored_keys,
    write_derived,
)
from remnant.study.facts import facts
from remnant.study.findings import all_findings
from remnant.study.handle import Study
from remnant.study.references import reference_findings

__all__ = ["RunReport", "StageReport", "run_study"]

Progress = Callable[[str, int, int], None]

_LABORATORY: Final = "laboratory"
_REPORTED: Final = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What one stage did.

    Attributes
    ----------
    stage : str
        Name.
    computed, kept, removed : int
        Keys that were computed, were current, or exist no longer.
    """

    stage: str
    computed: int
    kept: int
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    stages : tuple of StageReport
        In order; empty if nothing was out of date.
    up_to_date : bool
        Nothing had changed since the last run.
    failures, warnings, notes : int
        Findings of the whole study, by severity.
    """

    stages: tuple[StageReport, ...]
    up_to_date: bool
    failures: int
    warnings: int
    notes: int


def run_study(study: Study, *, progress: Progress | None = None) -> RunReport:
    """Compute what is out of date: measurements, donors' background, calls, courses.

    Parameters
    ----------
    study : Study
        The study.
    progress : callable or None, default None
        Told stage, done and total.

    Returns
    -------
    RunReport
        What was computed and what was kept.
    """
    if is_computed(study):
        return _report(study, ())
    with held_open(study.engine):
        return _report(study, _stages(study, progress or (lambda _stage, _done, _total: None)))


def _stages(study: Study, tell: Progress) -> tuple[StageReport, ...]:
    """Each stage in turn, on what those before it have stored."""
    own = _own_rules(study)  # before anything is computed: contradictory rules stop the run
    known = _read(study)
    stages = _curves(study, known, tell)
    wells, curve_findings = quantified_wells(study, known.wells, known.runs)
    known = without_igtr(replace(known, wells=wells))
    stages.append(_assay(study, known, curve_findings, tell=tell))
    clones = _clonotypes(study, known)
    stages += [clones] if clones.computed or clones.kept or clones.removed else []
    tubes = _flow(study, tell)
    stages += [tubes] if tubes.computed or tubes.kept else []
    digital = _digital(study, known, tell)
    stages += [digital] if digital.computed or digital.kept or digital.removed else []
    rearranged = _igtr(study, known, own)
    stages += [rearranged] if rearranged.computed or rearranged.kept or rearranged.removed else []
    measured = derived_records(study, Measurement)
    stages.append(_normal(study, known, measured))
    sorted_fractions = _compartments(study)
    stages += [sorted_fractions] if sorted_fractions.computed or sorted_fractions.kept else []
    stages.append(_course(study, known, measured, tell, own=own))
    stages.append(_references(study, known))
    mark_computed(study)
    return tuple(stages)


def _read(study: Study) -> Facts:
    return Facts(
        patients=facts(study, Patient),
        events=facts(study, Event),
        therapies=facts(study, Therapy),
        variants=facts(study, Variant),
        samples=facts(study, Sample),
        cdnas=facts(study, Cdna),
        fractions=facts(study, Fraction),
        runs=facts(study, Run),
        wells=facts(study, Well),
        reported=facts(study, ReportedValue),
        igtr_wells=facts(study, IgTrWell),
        partitions=facts(study, Partitions),
        plate_wells=facts(study, PlateWell),
    )


def _report(study: Study, stages: tuple[StageReport, ...]) -> RunReport:
    severities = [finding.severity for finding in all_findings(study)]
    return RunReport(
        stages=stages,
        up_to_date=not stages,
        failures=severities.count("failure"),
        warnings=severities.count("warning"),
        notes=severities.count("note"),
    )


def _hash(*groups: Iterable[Any]) -> str:
    """Hash of records, in the order of their text: the order of import does not count."""
    digest = hashlib.sha256()
    for group in groups:
        for text in sorted(f"{type(item).__name__} {item!r}" for item in group):
            digest.update(text.encode() + b"\0")
        digest.update(b"\1")
    return digest.hexdigest()


def _curves(study: Study, known: Facts, tell: Progress) -> list[StageReport]:
    """Amplification curves to our Cq; no stage if no file can have any."""
    computed, kept, removed = read_study_curves(study, known.runs, tell=tell)
    if not computed + kept + removed:
        return []
    return [StageReport(stage="curves", computed=computed, kept=kept, removed=removed)]


def _assay(study: Study, known: Facts, curve_findings: Sequence[Finding], *, tell: Progress) -> StageReport:
    """Wells and reported values to measurements."""
    wells = grouped(known.wells, "run_id")
    runs = {run.run_id: run for run in known.runs}
    tubes = {cdna.cdna_id: cdna for cdna in known.cdnas}
    samples = {sample.sample_id: sample for sample in known.samples}
    choice = study.settings.standard_curve
    # Standards make the history of an assay over all runs, lots and instruments say which runs belong together.
    calibrated = {well.run_id for well in known.wells if well.kind == "standard"}
    lots = [
        (run.run_id, run.standard_lot, run.instrument, run.chemistry)
        for run in known.runs
        if run.run_id in calibrated
    ]
    controls = _hash((well for well in known.wells if well.kind != "unknown"), lots, [choice])

    places = grouped(known.wells, "sample")

    def inputs(run_id: str) -> str:
        """Own wells, and those of other runs on the same cDNA: its control gene may stand there."""
        names = {well.sample for well in wells[run_id] if well.kind == "unknown"}
        cdnas = [tubes[name] for name in names if name in tubes]
        owners = {cdna.sample_id for cdna in cdnas} | names
        return _hash(
            [*wells[run_id], *(well for name in names for well in places[name])],
            [runs[run_id]] if run_id in runs else [],
            cdnas,
            [samples[name] for name in owners if name in samples],
            [controls],
        )

    wanted = {run_id: inputs(run_id) for run_id in sorted(wells)}
    wanted[_REPORTED] = _hash(known.reported, known.samples)
    wanted[_LABORATORY] = _hash([controls], wanted.values(), curve_findings)
    stale, gone = _stale(study, "assay", wanted)
    if stale:
        tell("quantify", 0, 1)
        results = _quantified(known, curve_findings, standard_curve=choice)
        write_derived(study, "assay", {key: (wanted[key], results[key]) for key in stale}, remove=gone)
        tell("quantify", 1, 1)
    else:
        write_derived(study, "assay", {}, remove=gone)
    return _stage("assay", wanted, stale, gone)


def _quantified(
    known: Facts, curve_findings: Sequence[Finding], *, standard_curve: CurveChoice
) -> Mapping[str, Sequence[Any]]:
    """Records by key: each run's own, and what belongs to the laboratory as a whole."""
    got = quantify(
        wells=known.wells,
        runs=known.runs,
        cdnas=known.cdnas,
        samples=known.samples,
        standard_curve=standard_curve,
    )
    typed_in = measure_reported(known.reported, samples=known.samples, variance=got.variance)
    results: dict[str, list[Any]] = defaultdict(list)
    for record in _of_runs(got):
        results[record.run_id].append(record)
    results[_REPORTED] += [*typed_in.measurements, *typed_in.findings]
    results[_LABORATORY] += [
        *got.control_points,
        *got.variance,
        *got.findings,
        *curve_findings,
        *default_assays(),
    ]
    return results


def _of_runs(got: Quantified) -> Iterable[Measurement | CurveFit | WellUse]:
    yield from got.measurements
    yield from got.curve_fits
    yield from got.well_uses


def _digital(study: Study, known: Facts, tell: Progress) -> StageReport:
    """Partitions of digital PCR to wells and measurements, run by run."""
    variance = tuple(derived_records(study, VarianceComponent))
    inputs = digital_inputs(known)
    gate = study.settings.gate
    wanted = {run_id: _hash(*parts, variance, [gate]) for run_id, parts in sorted(inputs.items())}
    stale, gone = _stale(study, "digital", wanted)
    if stale:
        tell("digital", 0, len(stale))
    results = digital_records(study, inputs, runs=stale, variance=variance)
    write_derived(study, "digital", {key: (wanted[key], results[key]) for key in stale}, remove=gone)
    if stale:
        tell("digital", len(stale), len(stale))
    return _stage("digital", wanted, stale, gone)


def _igtr(study: Study, known: Facts, own: MrdContext) -> StageReport:
    """Wells of IG/TR assays to measurements, run by run."""
    variance = tuple(derived_records(study, VarianceComponent))
    rows = igtr_rows(own.book)
    shared = [rows, variance, (study.settings.igtr_profile,)]
    wanted = {run_id: _hash(part, *shared) for run_id, part in sorted(igtr_inputs(known).items())}
    stale, gone = _stale(study, "igtr", wanted)
    results = igtr_records(
        known, stale, book=own.book, profile=study.settings.igtr_profile, variance=variance
    )
    write_derived(study, "igtr", {key: (wanted[key], results[key]) for key in stale}, remove=gone)
    return _stage("igtr", wanted, stale, gone)


def _normal(study: Study, known: Facts, measured: Sequence[Measurement]) -> StageReport:
    """Donors to the background of each series."""
    donors = {sample.sample_id for sample in known.samples if sample.reason == "donor"}
    series = {(m.assay_id, m.material, m.fraction, m.unit) for m in measured}
    wanted = {"donors": _hash((m for m in measured if m.sample_id in donors), series)}
    stale, gone = _stale(study, "normal", wanted)
    if stale:
        baselines, findings = donor_baselines(measured, known.samples)
        write_derived(study, "normal", {"donors": (wanted["donors"], [*baselines, *findings])}, remove=gone)
    return _stage("normal", wanted, stale, gone)


def _rules_of(study: Study) -> tuple[Cutoff, ...]:
    """Active rows: the study's own choice, or those that ship as active. Names of rule sets are not rows."""
    sets = {one.id for one in rule_book(study.rules).sets}
    chosen = [name for name in study.settings.active_rules if name not in sets]
    return activate(cutoffs(), deciding=chosen) if chosen else active_cutoffs()


def _own_rules(study: Study) -> MrdContext:
    """Rule sets and factors: those that ship, the laboratory's own, and which of them the study chose."""
    sets = {one.id for one in rule_book(study.rules).sets}
    deciding = [name for name in study.settings.active_rules if name in sets]
    return MrdContext(book=rule_book(study.rules, deciding=deciding), factors=study_factors(study.rules))


def _course(
    study: Study, known: Facts, measured: Sequence[Measurement], tell: Progress, *, own: MrdContext
) -> StageReport:
    """Measurements to calls and courses, patient by patient."""
    baselines = tuple(b for b in derived_records(study, Baseline) if b.source == "donors")
    rules = _rules_of(study)
    plates = derived_records(study, IgTrPlate)
    context = replace(own, runs=known.runs, well_uses=derived_records(study, WellUse), plates=plates)
    run_dates = {run.run_id: run.run_on for run in known.runs}
    dilutions = sample_dilutions(derived_records(study, FlowResult))
    dossiers = {
        one.patient.patient_id: one for one in dossiers_of(known, measured, baselines, dilutions=dilutions)
    }
    rearranged = grouped(plates, "patient_id")
    shared = _hash(rules, context.book.sets, context.factors)
    wanted = {
        code: _hash(
            [to_json(dossier)],
            [shared],
            rearranged[code],
            [(m.run_id, run_dates.get(m.run_id)) for m in dossier.measurements],
        )
        for code, dossier in dossiers.items()
    }
    wanted[_LABORATORY] = _hash(wanted.values())
    stale, gone = _stale(study, "course", wanted)
    people = [code for code in stale if code != _LABORATORY]
    tell("course", 0, max(len(people), 1))
    results: dict[str, list[Any]] = {code: [] for code in stale}
    chosen = [dossiers[code] for code in people]
    judged = with_calls(chosen, baselines, rules, context=context)
    factors = context.factors_of(measured)
    made = build_courses(judged, book=context.book, factors=factors, assays=derived_records(study, Assay))
    courses = with_kinetics(judged, made)
    for dossier, course in zip(judged, courses, strict=True):
        discordant = patient_discordances(dossier.measurements, dossier.assays)
        results[dossier.patient.patient_id] += [
            *dossier.calls,
            course,
            *caution_findings(course.cautions),
            *discordant,
            *discordance_findings(discordant),
            *(
                differing := disagreements(
                    dossier.measurements, disease=dossier.patient.diagnosis, calls=dossier.calls
                )
            ),
            *disagreement_findings(differing),
        ]
    if _LABORATORY in results:
        results[_LABORATORY] += call_findings(
            measured, samples=known.samples, events=known.events, baselines=baselines, cutoffs=rules
        )
        around = Around(patients=known.patients, samples=known.samples, events=known.events)
        results[_LABORATORY] += mrd_call_findings(measured, around=around, book=context.book)
    write_derived(study, "course", {code: (wanted[code], results[code]) for code in stale}, remove=gone)
    tell("course", max(len(people), 1), max(len(people), 1))
    return _stage("course", wanted, stale, gone)


def _clonotypes(study: Study, known: Facts) -> StageReport:
    """Reads of clonotypes to clones followed from diagnosis."""
    held = clonotype_facts(study, known.samples)
    wanted = (
        {"clones": _hash(held.repertoires, held.counts, held.samples)}
        if held.repertoires
        else dict[str, str]()
    )
    stale, gone = _stale(study, "clonotypes", wanted)
    results = clonotype_records(held) if stale else ()
    write_derived(study, "clonotypes", {key: (wanted[key], results) for key in stale}, remove=gone)
    return _stage("clonotypes", wanted, stale, gone)


def _flow(study: Study, tell: Progress) -> StageReport:
    """Cytometry files to counts, statements about residual cells and sort purities."""
    known = flow_facts(study)
    wanted = {key: _hash(inputs) for key, inputs in flow_inputs(known).items()}
    if known.files or known.absent:
        wanted[_LABORATORY] = _hash(loose_ends(known))
    stale, gone = _stale(study, "flow", wanted)
    tubes = [key for key in stale if key != _LABORATORY]
    results: dict[str, list[Any]] = {_LABORATORY: list(loose_ends(known))} if _LABORATORY in stale else {}
    for done, (key, records) in enumerate(flow_records(known, tubes), start=1):
        results[key] = records
        tell("flow", done, len(tubes))
    write_derived(study, "flow", {key: (wanted[key], results[key]) for key in stale}, remove=gone)
    return _stage("flow", wanted, stale, gone)


def _compartments(study: Study) -> StageReport:
    """Nuclei of sorted fractions to verdicts and classes of origin."""
    known = facts_of_study(study)
    if not known.fish.counts:
        wanted: dict[str, str] = {}
    else:
        fish = known.fish
        own = [fish.counts, fish.fractions, fish.purities, fish.samples, fish.patients]
        wanted = {"fractions": _hash(*own, known.markers, known.antigens)}
    stale, gone = _stale(study, "compartments", wanted)
    results = judge_compartments(known) if stale else ()
    noticed = dict.fromkeys(finding for one in results for finding in one.findings)
    write_derived(
        study, "compartments", {key: (wanted[key], [*results, *noticed]) for key in stale}, remove=gone
    )
    return _stage("compartments", wanted, stale, gone)


def _references(study: Study, known: Facts) -> StageReport:
    """Facts that point to nothing and dates that cannot all be right, once all files are in."""
    dates = chronology_findings(
        events=known.events, therapies=known.therapies, samples=known.samples, reported=known.reported
    )
    found: tuple[Finding, ...] = (*reference_findings(study), *dates)
    wanted = {"references": _hash(found)}
    stale, gone = _stale(study, "references", wanted)
    write_derived(study, "references", {key: (wanted[key], found) for key in stale}, remove=gone)
    return _stage("references", wanted, stale, gone)


def _stale(study: Study, stage: str, wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Keys to compute, and keys that exist no longer."""
    current = current_hashes(study, stage)
    stale = [key for key, value in wanted.items() if current.get(key) != value]
    return stale, sorted(set(stored_keys(study, stage)) - set(wanted))


def _stage(
    stage: str, wanted: Mapping[str, str], stale: Collection[str], gone: Collection[str]
) -> StageReport:
    return StageReport(stage=stage, computed=len(stale), kept=len(wanted) - len(stale), removed=len(gone))
