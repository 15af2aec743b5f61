"""Follow-up samples of an IG/TR plate as shares of cells: EuroMRD's verdict, beside the likelihood of the wells.

The detection state is the rule's, under the profile that the study chose: positive is quantified, positive below the
quantitative range is detected, negative is not detected. The evidence is the likelihood of the share, relative to the
diagnosis DNA, with the background of the polyclonal wells inside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from remnant.assay.igtr.instrument import with_instrument_cqs
from remnant.assay.igtr.plates import Plate, read_plates
from remnant.evidence.batch import EvidenceBatch
from remnant.evidence.kinds import COMPARISON, KNOTS, ErrorTerm, ProfileEvidence
from remnant.evidence.profile import tabulate
from remnant.evidence.verbs import interval, upper_limit
from remnant.knowledge.igtr import RULE_SET, IgTrAssumptions, Profile, igtr_assumptions
from remnant.knowledge.rules import RuleBook, RuleRow
from remnant.knowledge.rules_files import rule_book
from remnant.knowledge.rules_igtr import IgTrReading, interpret_igtr
from remnant.knowledge.variance import default_variance
from remnant.numerics.amplified_background import share_log_likelihood
from remnant.numerics.standard_curve import Floats
from remnant.records.control import VarianceComponent
from remnant.records.finding import Finding
from remnant.records.igtr import IgTrPlate, IgTrWell
from remnant.records.measurement import DetectionState, Measurement
from remnant.records.run import Assay, Well
from remnant.records.sample import Sample

__all__ = [
    "TARGET",
    "IgTrMeasured",
    "igtr_assay",
    "igtr_rows",
    "interpretation",
    "measure_igtr",
    "plate_evidence",
    "plate_record",
]

TARGET: Final = "IG/TR"
UNIT: Final = "cell_fraction"
_LEAST_MOLECULES: Final = 1e-3
_STATES: Final[dict[str, DetectionState]] = {
    "positive": "quantified",
    "positive, not quantifiable": "detected",
    "negative": "not detected",
    "not evaluable": "not evaluable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IgTrMeasured:
    """What IG/TR wells amount to.

    Attributes
    ----------
    measurements : tuple of Measurement
        One a sample, rearrangement and run.
    plates : tuple of IgTrPlate
        What each was read against.
    assays : tuple of Assay
        One a rearrangement.
    findings : tuple of Finding
        Plates and samples that cannot be read, and why.
    """

    measurements: tuple[Measurement, ...]
    plates: tuple[IgTrPlate, ...]
    assays: tuple[Assay, ...]
    findings: tuple[Finding, ...]


def igtr_assay(rearrangement: str) -> Assay:
    """The series of one rearrangement.

    Parameters
    ----------
    rearrangement : str
        Its name.

    Returns
    -------
    Assay
        Without a control gene; rearrangements of one patient are different series.

    Examples
    --------
    >>> igtr_assay("IGH VH3-23/JH4").assay_id
    'IG/TR:IGH VH3-23/JH4'
    """
    return Assay(
        assay_id=f"{TARGET}:{rearrangement}",
        target=TARGET,
        control=None,
        transcript=rearrangement,
        platform="qpcr",
        unit=UNIT,
    )


def igtr_rows(book: RuleBook | None = None) -> tuple[RuleRow, ...]:
    """Rows that read a plate: of the set that decides IG/TR in ALL if it has them, else of EuroMRD's.

    Parameters
    ----------
    book : RuleBook or None, default None
        Rule sets; those that ship by default.

    Returns
    -------
    tuple of RuleRow
        Of kind ``interpretation``.
    """
    chosen = rule_book() if book is None else book
    deciding = chosen.deciding(TARGET, "ALL")
    own = tuple(row for row in deciding.rows if row.kind == "interpretation") if deciding else ()
    return own or tuple(row for row in rule_book().named(RULE_SET).rows if row.kind == "interpretation")


def measure_igtr(
    wells: Iterable[IgTrWell],
    *,
    samples: Iterable[Sample],
    measured: Iterable[Well] = (),
    profile: Profile | None = None,
    rows: Sequence[RuleRow] | None = None,
    variance: Sequence[VarianceComponent] | None = None,
    assumed: IgTrAssumptions | None = None,
) -> IgTrMeasured:
    """Measurements of IG/TR plates.

    Parameters
    ----------
    wells : iterable of IgTrWell
        Wells of any number of runs.
    samples : iterable of Sample
        Samples; a well whose sample is unknown is left out with a finding.
    measured : iterable of Well, default ()
        Wells of instruments, whose Cq stand in where a table leaves them empty.
    profile : Profile or None, default None
        Interpretation that makes the state; the one of ``igtr.toml`` if None.
    rows : sequence of RuleRow or None, default None
        EuroMRD's rows; those that ship by default.
    variance : sequence of VarianceComponent or None, default None
        Errors above the tube; the unverified defaults if None.
    assumed : IgTrAssumptions or None, default None
        Assumptions of the evidence; those that ship by default.

    Returns
    -------
    IgTrMeasured
        Measurements as shares of cells, relative to the diagnosis DNA.

    References
    ----------
    .. [1] van der Velden et al., Leukemia 21, 604-611 (2007): the verdicts; numbers not verified.

    Examples
    --------
    >>> measure_igtr([], samples=[]).measurements
    ()
    """
    assumed = igtr_assumptions() if assumed is None else assumed
    rows = igtr_rows() if rows is None else rows
    profile = profile or assumed.profile
    components = default_variance() if variance is None else variance
    known = {sample.sample_id: sample for sample in samples}
    made: list[tuple[Plate, str, Sample, ProfileEvidence, IgTrReading]] = []
    joined = with_instrument_cqs(wells, measured)
    findings = list(joined.findings)
    for plate in read_plates(joined.wells, rows=rows, assumed=assumed):
        findings += _plate_findings(plate)
        for name in plate.samples:
            sample = known.get(name)
            if sample is None or sample.patient_id != plate.patient_id:
                findings.append(_left_out(plate, name, sample))
                continue
            evidence = plate_evidence(plate, name, assumed=assumed)
            errors = _errors(plate, sample, evidence, components=components, assumed=assumed)
            made.append(
                (
                    plate,
                    name,
                    sample,
                    _with_errors(evidence, errors),
                    interpretation(plate, name, profile=profile, rows=rows),
                )
            )
    found = _measurements(made, assumed)
    return IgTrMeasured(
        measurements=found,
        plates=tuple(
            plate_record(plate, name, m.measurement_id)
            for (plate, name, *_), m in zip(made, found, strict=True)
        ),
        assays=tuple(igtr_assay(name) for name in dict.fromkeys(plate.rearrangement for plate, *_ in made)),
        findings=tuple(findings),
    )


def interpretation(plate: Plate, sample_id: str, *, profile: Profile, rows: Sequence[RuleRow]) -> IgTrReading:
    """EuroMRD's verdict on one sample of a plate.

    Parameters
    ----------
    plate : Plate
        The plate.
    sample_id : str
        Sample on it.
    profile : Profile
        Interpretation profile.
    rows : sequence of RuleRow
        EuroMRD's rows.

    Returns
    -------
    IgTrReading
        Not evaluable where the plate is blocked.
    """
    if plate.obstacle:
        return IgTrReading(
            verdict="not evaluable",
            profile=profile,
            code=plate.obstacle_code,
            reason=f"{plate.obstacle}.",
            rules=plate.range.rules,
        )
    held, sensitive = plate.range.quantitative, plate.range.sensitive
    return interpret_igtr(
        [well.cq for well in plate.samples[sample_id]],
        background=plate.background_cqs,
        quantitative_ct=held[-1].mean_ct if held else None,
        sensitivity_ct=None if sensitive is None else max(ct for ct in sensitive.cts if ct is not None),
        profile=profile,
        rows=rows,
    )


def plate_record(plate: Plate, sample_id: str, measurement_id: str) -> IgTrPlate:
    """What a sample was read against, as a record.

    Parameters
    ----------
    plate : Plate
        The plate.
    sample_id, measurement_id : str
        Sample, and its measurement.

    Returns
    -------
    IgTrPlate
        With range, sensitivity and curve.
    """
    held, sensitive, line = plate.range.quantitative, plate.range.sensitive, plate.line
    return IgTrPlate(
        measurement_id=measurement_id,
        patient_id=plate.patient_id,
        sample_id=sample_id,
        run_id=plate.run_id,
        rearrangement=plate.rearrangement,
        wells=tuple(well.cq for well in plate.samples[sample_id]),
        background=plate.background_cqs,
        slope=None if line is None else line.slope,
        r_squared=None if line is None else line.r_squared,
        quantitative_share=held[-1].share if held else None,
        quantitative_cq=held[-1].mean_ct if held else None,
        sensitive_share=None if sensitive is None else sensitive.share,
        sensitive_cq=None
        if sensitive is None
        else max((ct for ct in sensitive.cts if ct is not None), default=None),
        obstacle=plate.obstacle,
        obstacle_code=plate.obstacle_code,
        rule_ids=plate.range.rules,
    )


def plate_evidence(plate: Plate, sample_id: str, *, assumed: IgTrAssumptions) -> ProfileEvidence:
    """Likelihood of the share of target cells in one sample.

    Parameters
    ----------
    plate : Plate
        The plate.
    sample_id : str
        Sample on it.
    assumed : IgTrAssumptions
        Assumptions of the evidence.

    Returns
    -------
    ProfileEvidence
        Without shared errors; flat where the plate is blocked.
    """
    cells = _cells(plate, sample_id, assumed)
    low = math.log10(_LEAST_MOLECULES / cells.sum())
    line, background = plate.line, plate.background
    if plate.obstacle or line is None or background is None:
        return ProfileEvidence(
            log_likelihood=(0.0,) * KNOTS, log_likelihood_at_zero=0.0, log10_low=low, log10_high=0.0
        )
    readings = line.molecules_log10(well.cq for well in plate.samples[sample_id])
    highest = float(np.nanmax(np.append(readings - np.log10(cells), -np.inf)))

    def of_share(log10_share: Floats) -> Floats:
        return share_log_likelihood(
            log10_share,
            log10_copies=readings,
            cells=cells,
            technical_sd_log10=line.technical_sd_log10,
            background=background,
        )

    return tabulate(
        of_share,
        at_zero=float(of_share(np.array([-np.inf]))[0]),
        log10_low=low,
        log10_high=max(0.0, highest + 0.5),
    )


def _cells(plate: Plate, sample_id: str, assumed: IgTrAssumptions) -> Floats:
    return np.array([(well.dna_ng or 0.0) / assumed.dna_ng_per_cell for well in plate.samples[sample_id]])


def _point_value(plate: Plate, sample_id: str, assumed: IgTrAssumptions) -> float | None:
    """The laboratory's arithmetic: target molecules over cells, both summed."""
    if plate.line is None:
        return None
    readings = plate.line.molecules_log10(well.cq for well in plate.samples[sample_id])
    copies = np.where(np.isnan(readings), 0.0, 10.0**readings).sum()
    return float(copies / _cells(plate, sample_id, assumed).sum()) if copies > 0 else None


def _errors(
    plate: Plate,
    sample: Sample,
    evidence: ProfileEvidence,
    *,
    components: Sequence[VarianceComponent],
    assumed: IgTrAssumptions,
) -> tuple[ErrorTerm, ...]:
    if plate.line is None or plate.obstacle:
        return ()
    best = int(np.argmax(evidence.log_likelihood))
    step = (evidence.log10_high - evidence.log10_low) / (KNOTS - 1)
    cells = float(_cells(plate, sample.sample_id, assumed).mean())
    level = evidence.log10_low + best * step + math.log10(cells)
    curve = f"curve:{plate.run_id}:{TARGET} {plate.rearrangement}"
    return (
        ErrorTerm(name=curve, sd_log10=plate.line.sd_log10(level)),
        ErrorTerm(name=f"control:{sample.sample_id}:DNA", sd_log10=assumed.input_sd_log10),
        ErrorTerm(name=f"run:{plate.run_id}", sd_log10=_sd(components, "run")),
        ErrorTerm(
            name=f"biology:{sample.patient_id}:{TARGET}:{sample.sample_id}",
            sd_log10=_sd(components, "biology"),
        ),
    )


def _sd(components: Sequence[VarianceComponent], error_class: str) -> float:
    rows = [one for one in components if one.error_class == error_class and one.target in {TARGET, ""}]
    return next((one.sd_log10 for one in sorted(rows, key=lambda one: one.target == "")), 0.0)


def _with_errors(evidence: ProfileEvidence, errors: tuple[ErrorTerm, ...]) -> ProfileEvidence:
    return ProfileEvidence(
        log_likelihood=evidence.log_likelihood,
        log_likelihood_at_zero=evidence.log_likelihood_at_zero,
        log10_low=evidence.log10_low,
        log10_high=evidence.log10_high,
        errors=errors,
    )


def _measurements(
    made: Sequence[tuple[Plate, str, Sample, ProfileEvidence, IgTrReading]], assumed: IgTrAssumptions
) -> tuple[Measurement, ...]:
    if not made:
        return ()
    batch = EvidenceBatch.of([evidence for *_, evidence, _ in made])
    own, compared, bound = interval(batch), interval(batch, include=COMPARISON), upper_limit(batch)
    found = []
    for i, (plate, name, sample, evidence, reading) in enumerate(made):
        state = _STATES[reading.verdict]
        seen = state in {"quantified", "detected"}
        numbers: dict[str, Any] = {
            "estimate": float(own.median[i]) if seen else None,
            "lower": float(own.lower[i]) if seen else None,
            "upper": float(own.upper[i]) if seen else None,
            "comparison_lower": float(compared.lower[i]) if seen else None,
            "comparison_upper": float(compared.upper[i]) if seen else None,
            "upper_limit": None if state == "not evaluable" else float(bound[i]),
        }
        assay, wells = igtr_assay(plate.rearrangement), plate.samples[name]
        sensitive = plate.range.sensitive
        found.append(
            Measurement(
                measurement_id=f"{assay.assay_id}|{name}|{plate.run_id}|{name}",
                patient_id=sample.patient_id,
                sample_id=name,
                cdna_id=name,
                run_id=plate.run_id,
                assay_id=assay.assay_id,
                target=TARGET,
                control="",
                material=sample.material,
                drawn_on=sample.drawn_on,
                unit=UNIT,
                evidence=evidence,
                state=state,
                reason="" if state == "quantified" else f"{reading.profile}: {reading.reason}",
                point_value=_point_value(plate, name, assumed) if state == "quantified" else None,
                target_copies=None,
                control_copies=None,
                positive_wells=sum(well.cq is not None for well in wells) if seen else 0,
                wells=len(wells),
                control_wells=0,
                sensitivity_ratio=1.0 / float(_cells(plate, name, assumed).sum()),
                limit_of_detection=None if sensitive is None or plate.obstacle else sensitive.share,
                **numbers,
            )
        )
    return tuple(found)


def _plate_findings(plate: Plate) -> list[Finding]:
    if not plate.obstacle:
        return []
    return [
        Finding(
            code=plate.obstacle_code,
            severity="failure",
            subject=f"run {plate.run_id}",
            message=f"{plate.rearrangement} of patient {plate.patient_id} is not evaluable on this run: {plate.obstacle}.",
            advice="Repeat the plate; no other run's dilutions are used in its place.",
        )
    ]


def _left_out(plate: Plate, name: str, sample: Sample | None) -> Finding:
    why = (
        "no table describes it"
        if sample is None
        else f"it is of patient {sample.patient_id}, the rearrangement of patient {plate.patient_id}"
    )
    return Finding(
        code="igtr.left_out",
        severity="warning",
        subject=f"sample {name}",
        message=f"Its wells of {plate.rearrangement} on run {plate.run_id} are not used: {why}.",
        advice="Import the table of samples, or correct the code.",
    )
