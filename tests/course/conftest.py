"""Small patients, built from (day, values) lines."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from remnant.call.calls import calls
from remnant.call.donors import donor_baselines
from remnant.course.build import build_courses
from remnant.evidence.kinds import ErrorTerm, ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.judgement import Course
from remnant.records.measurement import Measurement
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.sample import Sample

DAY_ZERO = dt.date(2021, 1, 1)
UNITS = {"WT1": "per_1e4", "BAALC": "percent"}


def on(day):
    return DAY_ZERO + dt.timedelta(days=day)


def measurement(patient, day, target, value, **change):
    """`value`: a number, ``"< limit"``, or None for not evaluable."""
    sample = f"{patient}-{day:+d}-{change.get('material', 'BM')}"
    sd = change.pop("sd", 0.10)
    limit = float(value[1:]) if isinstance(value, str) else None
    point = value if isinstance(value, float | int) else None
    errors = change.pop("errors", None)
    if errors is None:
        errors = (
            ErrorTerm(name=f"control:{sample}:ABL1", sd_log10=0.05),
            ErrorTerm(name=f"biology:{patient}:{target}:{sample}", sd_log10=0.2),
        )
    evidence = ReportedEvidence(
        value=float(point) if point else (None if limit else 1.0),
        sd_log10=sd,
        upper_limit=limit,
        lower_limit=None,
        log10_low=-4.0,
        log10_high=7.0,
        errors=errors,
    )
    spread = 10 ** (1.96 * (sd**2 + 0.05**2) ** 0.5)
    wide = 10 ** (1.96 * (sd**2 + 0.05**2 + 0.2**2) ** 0.5)
    base = Measurement(
        measurement_id=f"{target}:{sample}",
        patient_id=patient,
        sample_id=sample,
        cdna_id=sample,
        run_id="R1",
        assay_id=f"{target}/ABL1",
        target=target,
        control="ABL1",
        material="BM",
        drawn_on=on(day),
        unit=UNITS[target],
        evidence=evidence,
        state="quantified" if point else ("not detected" if limit else "not evaluable"),
        reason="" if value is not None else "480 ABL1 copies",
        estimate=point,
        lower=point / spread if point else None,
        upper=point * spread if point else None,
        comparison_lower=point / wide if point else None,
        comparison_upper=point * wide if point else None,
        upper_limit=limit or (point * spread if point else None),
        point_value=point,
        target_copies=point,
        control_copies=20000.0,
        positive_wells=3 if point else 0,
        wells=3,
        control_wells=2,
    )
    return replace(base, **change)


def dossier(
    lines: Sequence[Mapping],
    *,
    patient="P1",
    graft: int | None = 0,
    events: Sequence[tuple[str, int]] = (),
    therapies: Sequence[tuple[str, int]] = (),
):
    """One line a sample: day, WT1, BAALC, and any field of Sample."""
    samples, measurements = [], []
    for line in lines:
        fields = dict(line)
        day, material = fields.pop("day"), fields.pop("material", "BM")
        measurements += [
            measurement(patient, day, target, fields.pop(target), material=material)
            for target in UNITS
            if target in fields
        ]
        facts = {"blast_percent": 1.0, "chimerism_whole_percent": 100.0, "reason": "scheduled", **fields}
        samples.append(
            Sample(
                sample_id=f"{patient}-{day:+d}-{material}",
                patient_id=patient,
                material=material,
                drawn_on=on(day),
                **facts,
            )
        )
    given = [("transplant", graft)] if graft is not None else []
    happened = tuple(Event(patient_id=patient, kind=k, on=on(d)) for k, d in [*given, *events])
    baselines, _ = donor_baselines(measurements, samples)
    return Dossier(
        patient=Patient(patient_id=patient, diagnosis="AML"),
        events=happened,
        therapies=tuple(Therapy(patient_id=patient, kind=k, start_on=on(d)) for k, d in therapies),
        samples=tuple(samples),
        measurements=tuple(measurements),
        baselines=baselines,
        calls=calls(measurements, samples=samples, events=happened, baselines=baselines),
    )


class Builder:
    """What the tests of the course build with."""

    on = staticmethod(on)
    measurement = staticmethod(measurement)
    dossier = staticmethod(dossier)

    @staticmethod
    def course(lines: Sequence[Mapping], **about) -> Course:
        return build_courses([dossier(lines, **about)])[0]

    @staticmethod
    def states(course: Course, target: str, material: str = "BM") -> list[str]:
        return [p.state for p in course.points if (p.target, p.material) == (target, material)]


@pytest.fixture(scope="session")
def build() -> Callable:
    return Builder()
