"""Small files of a made-up laboratory, and a study to put them in."""

import datetime as dt
import hashlib
import math
from dataclasses import replace

import pytest

from remnant.evidence.kinds import KNOTS, ErrorTerm, ProfileEvidence
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding
from remnant.records.measurement import Measurement, ReportedValue
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Run, SourceFile, Well
from remnant.records.sample import Cdna, Fraction, Sample
from remnant.study.folder import init_study

DAY = dt.date(2020, 4, 3)


def a_file(name, *, content=None, **facts):
    """What a file of this name and content says."""
    data = (content or repr(sorted(facts.items())) + name).encode()
    source = SourceFile(
        sha256=hashlib.sha256(data).hexdigest(), name=name, size_bytes=len(data), format="test table"
    )
    return Acquired(source=source, **facts), data


def a_plate(run_id, *, cq=24.0, name=None, count=8):
    """A plate of WT1 wells."""
    wells = tuple(
        Well(
            run_id=run_id,
            position=f"A{number:02d}",
            target="WT1",
            sample=f"S-{number}",
            kind="unknown",
            detected=number != 3,
            cq=None if number == 3 else cq + number,
            cdna_ul=5.0,
        )
        for number in range(1, count + 1)
    )
    run = Run(run_id=run_id, run_on=DAY, instrument="LC480", cycles=45)
    return a_file(name or f"{run_id}.rdml", runs=(run,), wells=wells)


EVERYTHING = {
    "patients": (
        Patient(patient_id="P1", diagnosis="AML", sex="f", age_years=41.5, fab="M4", synthetic=True),
        Patient(patient_id="P2", diagnosis="AML"),
    ),
    "events": (
        Event(patient_id="P1", kind="transplant", on=DAY),
        Event(patient_id="P1", kind="acute_gvhd", on=DAY, detail="skin"),
        Event(patient_id="P1", kind="acute_gvhd", on=DAY, detail="gut"),
    ),
    "therapies": (Therapy(patient_id="P1", kind="dli", start_on=DAY, end_on=DAY),),
    "samples": (
        Sample(
            sample_id="S-1",
            patient_id="P1",
            material="BM",
            drawn_on=DAY,
            reason="scheduled",
            blast_percent=0.1 + 0.2,
        ),
    ),
    "cdnas": (Cdna(cdna_id="C-1", sample_id="S-1", transcribed_on=DAY, rna_ng=1000.0),),
    "fractions": (
        Fraction(
            fraction_id="F-1", sample_id="S-1", compartment="HSC", sort_gate="CD34+", yield_cells=10**12
        ),
    ),
    "runs": (Run(run_id="R-9", run_on=DAY, cycles=45),),
    "wells": (
        Well(
            run_id="R-9", position="A01", target="WT1", sample="C-1", kind="unknown", detected=True, cq=1 / 3
        ),
        Well(run_id="R-9", position="A02", target="WT1", sample="NTC", kind="ntc", detected=False, cq=None),
        Well(
            run_id="R-9", position="A03", target="Ж «1»", sample="C-1", kind="unknown", detected=None, cq=None
        ),
    ),
    "reported": (
        ReportedValue(
            sample_id="S-1",
            patient_id="P1",
            target="WT1",
            control="ABL1",
            unit="per_1e4",
            value=None,
            upper_limit=3e-4,
            drawn_on=DAY,
            material="BM",
        ),
    ),
}
FINDING = Finding(
    code="acquire.decimal_comma", severity="note", subject="file all.csv", message="Read as 0.3."
)

MEASUREMENT = Measurement(
    measurement_id="M1",
    patient_id="P1",
    sample_id="S-1",
    cdna_id="C-1",
    run_id="R-1",
    assay_id="WT1/ABL1",
    target="WT1",
    control="ABL1",
    material="BM",
    drawn_on=DAY,
    unit="per_1e4",
    evidence=ProfileEvidence(
        log_likelihood=tuple(-float(k) / 7 for k in range(KNOTS)),
        log_likelihood_at_zero=-math.inf,
        log10_low=-3.0,
        log10_high=5.0,
        errors=(ErrorTerm(name="curve:R-1:WT1", sd_log10=0.05),),
    ),
    state="quantified",
    reason="",
    estimate=12.5,
    lower=9.0,
    upper=17.0,
    comparison_lower=5.0,
    comparison_upper=30.0,
    upper_limit=16.0,
    point_value=12.0,
    target_copies=24.0,
    control_copies=20000.0,
    positive_wells=3,
    wells=3,
    control_wells=2,
)


@pytest.fixture
def measurement():
    return lambda **changes: replace(MEASUREMENT, **changes)


@pytest.fixture
def study(tmp_path):
    return init_study(tmp_path / "study", name="Test", by="anna")


@pytest.fixture
def everything():
    acquired, data = a_file("all.csv", **EVERYTHING)
    return replace(acquired, findings=(FINDING,)), data


@pytest.fixture
def file():
    return a_file


@pytest.fixture
def plate():
    return a_plate
