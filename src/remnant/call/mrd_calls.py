"""Verdicts on leukaemia-specific markers: the level that decides, the class of response and the levels beside it.

A call sees one measurement, its sample and the patient's events. What compares samples is the course's.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from remnant.call.cross2015 import cross_score, response_class
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.verbs import probability_above
from remnant.knowledge.conversion import ConversionFactor, factor_on
from remnant.knowledge.mrd_states import mrd_state_rules
from remnant.knowledge.relapse import relapse_rules
from remnant.knowledge.rules import RuleBook, RuleRow
from remnant.knowledge.rules_files import rule_book
from remnant.knowledge.rules_levels import (
    Level,
    SeriesRows,
    in_unit,
    level,
    series_rows,
    value_text,
)
from remnant.knowledge.rules_times import Clock, Moment, clock
from remnant.knowledge.states import state_rules
from remnant.records.finding import Finding
from remnant.records.judgement import Call
from remnant.records.measurement import Measurement, WellUse
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Run
from remnant.records.sample import Sample
from remnant.units import convert, number_text, probability_text, unit_label

__all__ = ["Around", "mrd_call_findings", "mrd_calls", "run_factors"]

_NO_SCALE: Final = frozenset({"e1a2", "p190", "p190bcr-abl1", "e19a2", "p230"})
"""Transcripts for which the International Scale was never defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What verdicts on measurements need to know beside them.

    Attributes
    ----------
    patients, samples, events, therapies, runs : sequence of records
        Facts.
    well_uses : sequence of WellUse
        Wells, for scores that sum replicates.
    factors : sequence of ConversionFactor
        The laboratory's factors to the International Scale.
    """

    patients: Sequence[Patient] = ()
    samples: Sequence[Sample] = ()
    events: Sequence[Event] = ()
    therapies: Sequence[Therapy] = ()
    runs: Sequence[Run] = ()
    well_uses: Sequence[WellUse] = ()
    factors: Sequence[ConversionFactor] = ()


@dataclass(slots=True)
class _Verdict:
    """A call before its probability is known."""

    m: Measurement
    rows: SeriesRows
    role: Literal["decides", "shown"]
    verdict: str
    code: str
    why: str
    row: RuleRow | None = None
    value: float | None = None
    unit: str = ""
    limit: float | None = None  # in the measurement's own unit


@dataclass(slots=True)
class _Known:
    """Facts by key, and rows of series already looked up."""

    book: RuleBook
    patients: Mapping[str, Patient]
    samples: Mapping[str, Sample]
    clocks: Mapping[str, Clock]
    run_on: Mapping[str, dt.date | None]
    wells: Mapping[tuple[str, str, str], list[float | None]]
    factors: Sequence[ConversionFactor]
    series: dict[tuple[str, ...], tuple[SeriesRows, ...]] = field(default_factory=dict)


def run_factors(
    measurements: Iterable[Measurement], *, runs: Iterable[Run], factors: Sequence[ConversionFactor]
) -> dict[str, float]:
    """Factor to the International Scale of each measurement, by its run date.

    Parameters
    ----------
    measurements : iterable of Measurement
        Measurements.
    runs : iterable of Run
        Their runs; a measurement whose run has no date takes the day of its sample.
    factors : sequence of ConversionFactor
        The laboratory's factors.

    Returns
    -------
    dict of str to float
        By measurement; those without a valid factor are left out, and those reported on the scale, whose factor
        was another laboratory's.
    """
    run_on = {run.run_id: run.run_on for run in runs}
    found = {}
    for m in measurements if factors else ():
        if m.unit == "percent_is":
            continue
        factor = factor_on(factors, m.assay_id, run_on.get(m.run_id) or m.drawn_on)
        if factor is not None:
            found[m.measurement_id] = factor.factor
    return found


def mrd_calls(
    measurements: Iterable[Measurement], *, around: Around, book: RuleBook | None = None
) -> tuple[Call, ...]:
    """Verdicts on every measurement of a leukaemia-specific marker for which a rule set decides.

    Parameters
    ----------
    measurements : iterable of Measurement
        Measurements of any number of patients; those of donors, controls and background markers are left out.
    around : Around
        Facts beside them.
    book : RuleBook or None, default None
        Rule sets; those that ship by default.

    Returns
    -------
    tuple of Call
        In the order of the measurements; for each the level that decides, then classes and levels shown beside.
    """
    known = _known(around, rule_book() if book is None else book)
    pending = [verdict for m in measurements for verdict in _verdicts(m, known)]
    answers = _probabilities(pending)
    low, high = mrd_state_rules().borderline
    return tuple(_call(one, answers.get(i), low=low, high=high) for i, one in enumerate(pending))


def _probabilities(pending: Sequence[_Verdict]) -> dict[int, float]:
    """P(above) of every verdict that has a limit, by its place: one posterior a measurement, however many limits."""
    limits: dict[str, list[tuple[int, float]]] = defaultdict(list)
    measured: dict[str, Measurement] = {}
    for place, one in enumerate(pending):
        if one.limit is not None and one.m.state != "not evaluable":
            limits[one.m.measurement_id].append((place, one.limit))
            measured[one.m.measurement_id] = one.m
    if not limits:
        return {}
    table = np.ones((len(limits), max(len(asked) for asked in limits.values())))
    for row, asked in enumerate(limits.values()):
        table[row, : len(asked)] = [limit for _, limit in asked]
    batch = EvidenceBatch.of([m.evidence for m in measured.values()])
    found = probability_above(batch, table).tolist()
    return {
        place: answer
        for asked, answers in zip(limits.values(), found, strict=True)
        for (place, _), answer in zip(asked, answers, strict=False)
    }


def _known(around: Around, book: RuleBook) -> _Known:
    events, therapies = defaultdict(list), defaultdict(list)
    for event in around.events:
        events[event.patient_id].append(event)
    for therapy in around.therapies:
        therapies[therapy.patient_id].append(therapy)
    wells: dict[tuple[str, str, str], list[float | None]] = defaultdict(list)
    for use in around.well_uses:
        if use.used:
            wells[use.run_id, use.sample, use.target].append(use.copies)
    patients = {patient.patient_id: patient for patient in around.patients}
    return _Known(
        book=book,
        patients=patients,
        samples={sample.sample_id: sample for sample in around.samples},
        clocks={code: clock(events[code], therapies[code]) for code in patients},
        run_on={run.run_id: run.run_on for run in around.runs},
        wells=wells,
        factors=around.factors,
    )


def _verdicts(m: Measurement, known: _Known) -> Iterator[_Verdict]:
    patient, sample = known.patients.get(m.patient_id), known.samples.get(m.sample_id)
    if patient is None or (sample is not None and sample.reason in {"donor", "control"}):
        return
    sets = _sets(m, patient, known)
    if not sets:
        return
    moment = known.clocks[m.patient_id].moment(m.drawn_on, sample, relapse_rules())
    factor, no_scale = _factor(m, patient, known)
    deciding = sets[0]
    found = level(m, deciding, moment, factor=factor)
    yield _level_verdict(m, deciding, found, factor=factor)
    for rows in sets:
        if rows.responses:
            yield from _response(m, rows, moment, known=known, factor=factor, no_scale=no_scale, found=found)
        yield from _cutoffs(m, rows, moment, factor=factor)


def _sets(m: Measurement, patient: Patient, known: _Known) -> tuple[SeriesRows, ...]:
    """Rows of the deciding set and of those shown; empty if none decides."""
    disease, lesion = patient.diagnosis, patient.lesion or ""
    key = (m.target, m.material, m.fraction, m.control, disease, lesion)
    if key not in known.series:
        deciding = known.book.deciding(m.target, disease)
        shown = known.book.shown(m.target, disease)
        known.series[key] = (
            ()
            if deciding is None
            else tuple(series_rows(one, m, lesion=lesion) for one in (deciding, *shown))
        )
    return known.series[key]


def _factor(m: Measurement, patient: Patient, known: _Known) -> tuple[float | None, str]:
    """Factor to the International Scale, or why it is not used."""
    if _no_scale(patient):
        return None, "is.transcript"
    if m.unit == "percent_is":
        return 1.0, ""
    day = known.run_on.get(m.run_id) or m.drawn_on
    found = factor_on(known.factors, m.assay_id, day)
    return (None, "is.no_factor") if found is None else (found.factor, "")


def _no_scale(patient: Patient) -> bool:
    return (patient.transcript or "").casefold().replace(" ", "") in _NO_SCALE


def _level_verdict(m: Measurement, rows: SeriesRows, found: Level, *, factor: float | None) -> _Verdict:
    same = None if found.row is None else in_unit(found.row, m, factor)
    judged = (
        found.row if same is not None and found.row is not None and found.row.kind != "negativity" else None
    )
    return _Verdict(
        m=m,
        rows=rows,
        role="decides",
        verdict=found.verdict,
        code=found.code,
        why=found.why,
        row=found.row,
        value=None if m.point_value is None or judged is None else _value_in(judged, m, factor),
        unit="" if judged is None else judged.unit,
        limit=None if judged is None or same is None else same.threshold,
    )


def _value_in(row: RuleRow, m: Measurement, factor: float | None) -> float:
    return convert(m.point_value or 0.0, m.unit, row.unit, conversion_factor=factor)


def _cutoffs(m: Measurement, rows: SeriesRows, moment: Moment, *, factor: float | None) -> Iterator[_Verdict]:
    for row in rows.cutoffs:
        same = in_unit(row, m, factor) if row.time in moment.labels else None
        if same is None or same.threshold is None:
            continue
        known = m.point_value if m.known_above is None else m.known_above
        above = known is not None and same.holds(known)  # cut-offs are exceeded, never undercut
        open_ended = m.known_above is not None and not above
        verdict = (
            "not evaluable" if m.state == "not evaluable" or open_ended else "above" if above else "not above"
        )
        sign = "" if m.known_above is None else "> "
        shown = "not detected" if known is None else f"{sign}{value_text(known, m)}"
        yield _Verdict(
            m=m,
            rows=rows,
            role="shown",
            verdict=verdict,
            code=f"cutoff.{verdict.replace(' ', '_')}",
            why=f"{m.target} {shown} is {verdict} {_limit_text(same.threshold, m.unit, m.control)} ({row.label})",
            row=row,
            value=None if m.point_value is None else _value_in(row, m, factor),
            unit=row.unit,
            limit=same.threshold,
        )


def _response(
    m: Measurement,
    rows: SeriesRows,
    moment: Moment,
    *,
    known: _Known,
    factor: float | None,
    no_scale: str,
    found: Level,
) -> Iterator[_Verdict]:
    held = [row for row in rows.responses if row.time in moment.labels]
    if not held or found.code == "mrd.not_evaluable":
        return
    if any(row.unit == "percent_is" for row in held):
        yield _scale_class(m, rows, known=known, factor=factor, no_scale=no_scale)
    else:
        yield _plain_class(m, rows, held, found=found)


def _holds(limited: RuleRow, m: Measurement) -> bool:
    """Whether a level lies where the row says: by its number, or by what it surely exceeds."""
    if m.known_above is not None:
        return limited.compare in {"at least", "above"} and limited.holds(m.known_above)
    return m.state == "quantified" and m.point_value is not None and limited.holds(m.point_value)


def _plain_class(m: Measurement, rows: SeriesRows, held: Sequence[RuleRow], *, found: Level) -> _Verdict:
    """Failure by level, complete response by negativity with its sensitivity, everything else the rest."""
    limits = [in_unit(row, m, None) for row in held]
    rest = next((row for row in held if row.reference == "rest"), None)
    # The rest is what is left of levels that can be compared; in another unit nothing is left.
    chosen, same = rest if any(limits) else None, None
    for row, limited in zip(held, limits, strict=True):
        if limited is None:
            continue
        if row.reference == "negative":
            if found.verdict == "negative":
                chosen = row
        elif _holds(limited, m):
            chosen, same = row, limited
    verdict = "not evaluable" if chosen is None else chosen.label
    because = "none" if chosen is None else chosen.id.rpartition(".")[2]
    return _Verdict(
        m=m,
        rows=rows,
        role="shown",
        verdict=verdict,
        code=f"response.{because}",
        why=f"{found.why}: {verdict}"
        if any(limits)
        else f"{found.why}: no class, the levels are in another unit",
        row=chosen,
        value=m.point_value if same is not None else None,
        unit=m.unit if same is not None else "",
        limit=None if same is None else same.threshold,
    )


def _scale_class(
    m: Measurement, rows: SeriesRows, *, known: _Known, factor: float | None, no_scale: str
) -> _Verdict:
    """Class on the International Scale: the paper's score, its level and its control copies."""
    made = _Verdict(m=m, rows=rows, role="shown", verdict="not evaluable", code=no_scale, why="")
    if factor is None:
        made.why = (
            f"{m.target}: the International Scale is not defined for this transcript"
            if no_scale == "is.transcript"
            else f"{m.target}: no conversion factor is valid for this run"
        )
        return made
    score = _score(m, rows, known=known, factor=factor)
    if score is None:
        made.code, made.why = "is.no_copies", f"{m.target}: control copies are not known"
        return made
    value, copies, short = score
    if short:
        made.code = "is.replicate_copies"
        made.why = f"{m.target}: replicates of {m.control} with {short} copies, too few for a class"
        return made
    row = response_class(value, copies, gene=m.control, rows=rows.responses)
    shown = "not detected" if value is None else f"{number_text(value)} {unit_label('percent_is')}"
    made.row, made.value, made.unit = row, value, "percent_is"
    made.verdict, made.code = (
        ("no MR3", "response.none") if row is None else (row.label, f"response.{row.label.lower()}")
    )
    made.why = f"{m.target} {shown} with {number_text(copies)} {m.control} copies in sum: {made.verdict}"
    if row is not None and row.threshold is not None:
        made.limit = convert(row.threshold, "percent_is", m.unit, conversion_factor=factor)
    return made


def _score(
    m: Measurement, rows: SeriesRows, *, known: _Known, factor: float
) -> tuple[float | None, float, str] | None:
    """Level, control copies and replicates that are too few; from the wells, or as reported."""
    name = m.cdna_id if (m.run_id, m.cdna_id, m.target) in known.wells else m.sample_id
    target, control = (
        known.wells.get((m.run_id, name, m.target)),
        known.wells.get((m.run_id, name, m.control)),
    )
    if target and control and rows.scores:
        copies, total = _in_its_cdna(m, target, control)
        score = cross_score(target, copies, gene=m.control, factor=factor, rows=rows.scores, total=total)
        few = ", ".join(number_text(one) for one in score.too_few)
        return (score.percent_is if score.detected else None), score.control_copies, few
    if m.control_copies is None:
        return None
    value = (
        None
        if m.point_value is None
        else convert(m.point_value, m.unit, "percent_is", conversion_factor=factor)
    )
    return value, _tested(m) or m.control_copies, ""


def _tested(m: Measurement) -> float | None:
    """Control copies in as much cDNA as was tested for the target; None where volumes are not known."""
    return None if m.sensitivity_ratio is None else round(1.0 / m.sensitivity_ratio, 6)


def _in_its_cdna(
    m: Measurement, target: Sequence[float | None], control: Sequence[float | None]
) -> tuple[list[float], float | None]:
    """Control copies of each replicate in the volume of a target replicate, and of all in that of all."""
    copies, total = [one for one in control if one is not None], _tested(m)
    if total is None or not sum(copies):
        return copies, None
    scale = total / sum(copies) * len(control) / len(target)
    return [round(one * scale, 6) for one in copies], total


def _call(one: _Verdict, probability: float | None, *, low: float, high: float) -> Call:
    m, rule_set = one.m, one.rows.rule_set
    confidence: Literal["robust", "borderline", "not evaluable"] = "not evaluable"
    if one.verdict != "not evaluable":
        confidence = "borderline" if probability is not None and low <= probability <= high else "robust"
    beside = (
        f"; P(above {_limit_text(one.limit or 0.0, m.unit, m.control)}) {probability_text(probability)}, {confidence}"
        if probability is not None
        else ""
    )
    return Call(
        measurement_id=m.measurement_id,
        patient_id=m.patient_id,
        sample_id=m.sample_id,
        assay_id=m.assay_id,
        rule_id=rule_set.id if one.row is None else one.row.id,
        rule_version=rule_set.version,
        source=rule_set.source if one.row is None else one.row.source,
        status="unverified" if one.row is None else one.row.status,
        verdict=one.verdict,
        threshold=(one.row.threshold or 0.0) if one.row is not None and one.unit else 0.0,
        unit=one.unit,
        point_value=one.value,
        probability_above=probability,
        confidence=confidence,
        reason=f"{one.why}{beside}.",
        role=one.role,
        label=rule_set.label if one.row is None or not one.row.label else one.row.label,
        rule_set=rule_set.id,
        code=one.code,
    )


@functools.lru_cache(maxsize=4096)
def _limit_text(limit: float, unit: str, control: str) -> str:
    return f"{number_text(limit)} {unit_label(unit, control=control)}".strip()


def mrd_call_findings(
    measurements: Iterable[Measurement], *, around: Around, book: RuleBook | None = None
) -> tuple[Finding, ...]:
    """Series of leukaemia-specific markers for which no rule set decides, and values on a scale that was never theirs.

    Parameters
    ----------
    measurements : iterable of Measurement
        As for `mrd_calls`.
    around : Around
        Facts beside them.
    book : RuleBook or None, default None
        Rule sets; those that ship by default.

    Returns
    -------
    tuple of Finding
        One a marker and diagnosis; one a patient with values on the International Scale of a transcript that it
        does not cover.
    """
    known = _known(around, rule_book() if book is None else book)
    measurements = list(measurements)
    missing: dict[tuple[str, str], int] = defaultdict(int)
    for m in measurements:
        patient, sample = known.patients.get(m.patient_id), known.samples.get(m.sample_id)
        background = m.target in state_rules().z_at_least
        if patient is None or background or (sample is not None and sample.reason in {"donor", "control"}):
            continue
        if not _sets(m, patient, known):
            missing[m.target, patient.diagnosis] += 1
    return (*_without_set(missing), *_off_scale(measurements, known))


def _without_set(missing: Mapping[tuple[str, str], int]) -> Iterator[Finding]:
    for (target, disease), count in sorted(missing.items()):
        yield Finding(
            code="call.no_rule_set",
            severity="warning",
            subject=f"marker {target}",
            message=f"{count} measurements of {target} in {disease} have no deciding rule set, so no states.",
            needed="a rule set that decides this marker in this disease",
            advice="`remnant rules list` shows the sets; a set of your own goes into the folder rules of the study.",
        )


def _off_scale(measurements: Iterable[Measurement], known: _Known) -> Iterator[Finding]:
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for m in measurements:
        patient = known.patients.get(m.patient_id)
        if m.unit == "percent_is" and patient is not None and _no_scale(patient):
            counts[m.patient_id, m.target, patient.transcript or ""] += 1
    for (code, target, transcript), count in sorted(counts.items()):
        yield Finding(
            code="call.scale_not_defined",
            severity="warning",
            subject=f"patient {code}",
            message=f"{count} values of {target} are given on the International Scale, which is not defined for "
            f"{transcript}: they have no class, and no level of a rule in percent is held against them.",
            needed="the ratio to the control gene, in percent",
            advice="Ask the reporting laboratory for the ratio before its conversion factor.",
        )
