"""Hand-built patients, each awkward in its own way."""

import dataclasses
import datetime as dt
import math

import pytest

from remnant.evidence.kinds import ReportedEvidence
from remnant.records.dossier import Dossier
from remnant.records.finding import Finding
from remnant.records.judgement import Call, Course, Joint, SeriesPoint
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient, Therapy
from remnant.records.run import Assay, Run, SourceFile
from remnant.records.sample import Fraction, Sample

DAY_0 = dt.date(2020, 3, 12)
WT1 = Assay(assay_id="WT1/ABL1", target="WT1", control="ABL1", background="over_expressed")
BAALC = Assay(
    assay_id="BAALC/ABL1", target="BAALC", control="ABL1", background="over_expressed", unit="percent"
)
RULES = {
    ("WT1", "BM"): ("eln_bm_250", 250.0, "verified", "Cilloni 2009, J Clin Oncol 27:5195, ELN assay"),
    ("WT1", "PB"): ("eln_pb_50", 50.0, "verified", "Cilloni 2009, J Clin Oncol 27:5195, ELN assay"),
    ("BAALC", "BM"): ("baalc_donors_bm", 19.73, "unverified", "remnant: the laboratory's own upper limit"),
    ("BAALC", "PB"): ("jentzsch_pb_014", 14.0, "verified", "Jentzsch 2017, Oncotarget 8:87944"),
}
DONORS = {
    ("WT1", "BM"): (20.0, 0.35),
    ("WT1", "PB"): (0.6, 0.5),
    ("BAALC", "BM"): (8.0, 0.2),
    ("BAALC", "PB"): (1.5, 0.2),
}
SOURCES = (
    SourceFile(sha256="9f2c" * 16, name="plate_2020_031.rdml", size_bytes=48211, format="rdml 1.3"),
    SourceFile(sha256="07ab" * 16, name="samples.csv", size_bytes=9211, format="samples"),
)
RUN = Run(
    run_id="R-031",
    run_on=dt.date(2020, 5, 2),
    instrument="CFX96",
    serial="CT004411",
    operator="op2",
    kit_lot="K19-204",
    primer_lot="P-77",
    standard_lot="S-12",
    cdna_ul_per_well=5.0,
    source_sha256=SOURCES[0].sha256,
)


def on(day):
    return DAY_0 + dt.timedelta(days=day)


def sample(patient, day, material="BM", **facts):
    return Sample(
        sample_id=f"S-{patient[2:]}-{day}{material}",
        patient_id=patient,
        material=material,
        drawn_on=on(day),
        received_on=on(day + 1),
        **facts,
    )


def measurement(
    of, assay, value=None, *, sd=0.12, state="quantified", limit=None, reason="", control_copies=61200.0
):
    """Log-normal summaries around `value`; `limit` where nothing was detected."""
    known = value is not None and state in {"quantified", "detected"}
    tube, wide = 10 ** (1.96 * sd), 10 ** (1.96 * (sd**2 + 0.2**2) ** 0.5)
    copies = value / (1e4 if assay.unit == "per_1e4" else 1e2) * control_copies if known else None
    evidence = ReportedEvidence(
        value=value if known else None,
        sd_log10=sd,
        upper_limit=None if known else (limit or 1.0),
        lower_limit=None,
        log10_low=-6,
        log10_high=6,
    )
    return Measurement(
        measurement_id=f"{assay.assay_id}:{of.sample_id}:R-031",
        patient_id=of.patient_id,
        sample_id=of.sample_id,
        cdna_id=of.sample_id,
        run_id="R-031",
        assay_id=assay.assay_id,
        target=assay.target,
        control=assay.control,
        material=of.material,
        drawn_on=of.drawn_on,
        unit=assay.unit,
        evidence=evidence,
        state=state,
        reason=reason,
        estimate=value if known else None,
        lower=value / tube if known else None,
        upper=value * tube if known else None,
        comparison_lower=value / wide if known else None,
        comparison_upper=value * wide if known else None,
        upper_limit=value * tube if known else limit,
        point_value=value if known else None,
        target_copies=copies,
        control_copies=control_copies,
        positive_wells=0 if not known else (1 if state == "detected" else 3),
        wells=3,
        control_wells=2,
        sensitivity_ratio=None if control_copies == 0 else 1 / control_copies,
    )


def call(m):
    rule, threshold, status, source = RULES[m.target, m.material]
    if m.state == "not evaluable":
        verdict, p, confidence = "not evaluable", None, "not evaluable"
    else:
        above = m.point_value is not None and m.point_value > threshold
        verdict = "above" if above else "not above"
        ratio = (m.point_value or threshold / 30) / threshold
        p = 0.999 if ratio > 2 else 0.001 if ratio < 0.5 else 0.62 if above else 0.31
        confidence = "borderline" if 0.05 < p < 0.95 else "robust"
    return Call(
        measurement_id=m.measurement_id,
        patient_id=m.patient_id,
        sample_id=m.sample_id,
        assay_id=m.assay_id,
        rule_id=rule,
        rule_version="2026.1",
        source=source,
        status=status,
        verdict=verdict,
        threshold=threshold,
        unit=m.unit,
        point_value=m.point_value,
        probability_above=p,
        confidence=confidence,
        label={
            "eln_bm_250": "ELN 250/10⁴",
            "eln_pb_50": "ELN 50/10⁴",
            "baalc_donors_bm": "donors' 97.5th percentile",
        }.get(rule, ""),
        reason=f"{m.point_value or 0:.3g} against {threshold:g} {m.unit}.",
    )


def points(measurements):
    rows, previous, high = [], {}, {}
    for m in measurements:
        key = (m.assay_id, m.material, m.fraction)
        threshold = RULES[m.target, m.material][1]
        raised = m.point_value is not None and m.point_value > threshold
        high[key] = high.get(key, 0) + 1 if raised else 0
        state = ["normal", "raised once", "raised confirmed", "persistently raised"][min(high[key], 3)]
        if m.state == "not evaluable":
            state = "not evaluable"
        before = previous.get(key)
        delta = None
        if before and m.estimate and before.estimate:
            delta = math.log10(m.estimate / before.estimate)
        rows.append(
            SeriesPoint(
                patient_id=m.patient_id,
                assay_id=m.assay_id,
                material=m.material,
                fraction=m.fraction,
                sample_id=m.sample_id,
                measurement_id=m.measurement_id,
                drawn_on=m.drawn_on,
                day=(m.drawn_on - DAY_0).days,
                state=state,
                since=m.drawn_on,
                rule_id=RULES[m.target, m.material][0],
                change_log10=delta,
                change_lower=None if delta is None else delta - 0.6,
                change_upper=None if delta is None else delta + 0.6,
                probability_rise=None if delta is None else 0.98 if delta > 0 else 0.02,
                probability_rise_1_log=None if delta is None else 0.51 if delta > 0.9 else 0.0,
                z_background=2.4,
                background_median=8.0,
                confirm_by=on(m.drawn_on.toordinal() - DAY_0.toordinal() + 28)
                if state == "raised once"
                else None,
                reason=f"{state} by {RULES[m.target, m.material][0]}.",
            )
        )
        if m.state != "not evaluable":
            previous[key] = m
    return tuple(rows)


def dossier(patient, samples, measurements, *, events=(), therapies=(), headline="", urgency=0, **course):
    measurements = tuple(measurements)
    joint = tuple(
        Joint(
            patient_id=patient.patient_id,
            sample_id=s.sample_id,
            material=s.material,
            drawn_on=s.drawn_on,
            state="undecided",
            probability_wt1=0.4,
            probability_baalc=0.2,
            probability_both=0.1,
            point_state="neither",
            confirmed=False,
            reason="Over one ABL1.",
        )
        for s in samples
        if s.reason == "scheduled"
    )
    defaults = {
        "patient_id": patient.patient_id,
        "transplant_on": DAY_0,
        "points": points(measurements),
        "joint": joint,
        "overt_relapse_on": None,
        "relapse_rule": "",
        "last_negative_on": None,
        "first_raised_on": None,
        "first_confirmed_on": None,
        "lead_time_days": None,
        "unwarned": False,
        "false_alarms": 0,
        "follow_up_days": 730,
        "death_on": None,
        "last_contact_on": None,
        "headline": headline,
        "urgency": urgency,
    }
    keys = sorted({(m.target, m.material) for m in measurements})
    return Dossier(
        patient=patient,
        events=tuple(events),
        therapies=tuple(therapies),
        samples=tuple(samples),
        assays=tuple(a for a in (WT1, BAALC) if any(m.assay_id == a.assay_id for m in measurements)),
        runs=(RUN,),
        sources=SOURCES,
        measurements=measurements,
        baselines=tuple(
            Baseline(
                assay_id=f"{t}/ABL1",
                material=mat,
                source="donors",
                unit="per_1e4" if t == "WT1" else "percent",
                median=DONORS[t, mat][0],
                sd_log10=DONORS[t, mat][1],
                percentile_97_5=DONORS[t, mat][0] * 10 ** (1.96 * DONORS[t, mat][1]),
                samples=tuple(f"D-{i}" for i in range(20)),
            )
            for t, mat in keys
        ),
        calls=tuple(call(m) for m in measurements),
        course=Course(**{**defaults, **course}),
        findings=(
            Finding(
                code="qpcr.replicate_outlier",
                severity="note",
                subject="well R-031:C07",
                message="Left out of 3 wells: P = 0.002 under Poisson and technical error.",
            ),
            Finding(
                code="qpcr.control_high",
                severity="warning",
                subject="run R-031",
                message="The high WT1 control lies 2.3 SD above its mean (rule 1-2s).",
            ),
        ),
    )


def relapsing():
    p = "P-001"
    days = [
        (-160, "BM", {"reason": "diagnosis", "blast_percent": 72.0}),
        (-10, "BM", {"reason": "scheduled", "blast_percent": 2.0}),
        (
            31,
            "BM",
            {
                "reason": "scheduled",
                "blast_percent": 1.0,
                "chimerism_whole_percent": 99.0,
                "chimerism_cd3_percent": 92.0,
                "chimerism_cd34_percent": 97.0,
            },
        ),
        (
            59,
            "BM",
            {
                "reason": "scheduled",
                "blast_percent": 1.5,
                "chimerism_whole_percent": 99.5,
                "chimerism_cd3_percent": 96.0,
                "chimerism_cd34_percent": 98.0,
            },
        ),
        (59, "PB", {"reason": "scheduled"}),
        (
            96,
            "BM",
            {
                "reason": "scheduled",
                "blast_percent": 2.5,
                "chimerism_whole_percent": 97.0,
                "chimerism_cd3_percent": 95.0,
                "chimerism_cd34_percent": 82.0,
            },
        ),
        (
            112,
            "BM",
            {
                "reason": "confirmation",
                "blast_percent": 3.0,
                "chimerism_whole_percent": 95.0,
                "chimerism_cd3_percent": 93.0,
                "chimerism_cd34_percent": 70.0,
            },
        ),
        (150, "PB", {"reason": "scheduled"}),
        (
            181,
            "BM",
            {
                "reason": "relapse",
                "blast_percent": 34.0,
                "chimerism_whole_percent": 58.0,
                "chimerism_cd3_percent": 88.0,
                "chimerism_cd34_percent": 12.0,
            },
        ),
    ]
    ss = [sample(p, d, m, **f) for d, m, f in days]
    w = [
        measurement(ss[0], WT1, 8200.0, sd=0.14),
        measurement(ss[1], WT1, 41.0, sd=0.16),
        measurement(ss[2], WT1, state="not detected", limit=1.9, control_copies=15900.0),
        measurement(ss[3], WT1, 12.0, sd=0.35, state="detected", reason="1 of 3 wells positive"),
        measurement(ss[4], WT1, state="not detected", limit=0.9),
        measurement(ss[5], WT1, 316.0, sd=0.15),
        measurement(ss[6], WT1, 1240.0, sd=0.14),
        measurement(
            ss[7], WT1, state="not evaluable", reason="640 ABL1 copies, need 1000", control_copies=640.0
        ),
        measurement(ss[8], WT1, 15300.0, sd=0.14),
    ]
    b = [
        measurement(ss[0], BAALC, 212.0, sd=0.13),
        measurement(ss[1], BAALC, 9.1, sd=0.14),
        measurement(ss[2], BAALC, 22.0, sd=0.15),
        measurement(ss[3], BAALC, 9.5, sd=0.15),
        measurement(ss[4], BAALC, 1.1, sd=0.2),
        measurement(ss[5], BAALC, 29.0, sd=0.14),
        measurement(ss[6], BAALC, 58.0, sd=0.14),
        measurement(
            ss[7], BAALC, state="not evaluable", reason="640 ABL1 copies, need 1000", control_copies=640.0
        ),
        measurement(ss[8], BAALC, 187.0, sd=0.14),
    ]
    e = [
        Event(patient_id=p, kind="diagnosis", on=on(-160)),
        Event(patient_id=p, kind="remission", on=on(-95), detail="CR1"),
        Event(patient_id=p, kind="transplant", on=on(0)),
        Event(patient_id=p, kind="engraftment", on=on(18)),
        Event(patient_id=p, kind="acute_gvhd", on=on(27), detail="grade II"),
        Event(patient_id=p, kind="relapse", on=on(181)),
        Event(patient_id=p, kind="death", on=on(300)),
    ]
    t = [
        Therapy(patient_id=p, kind="chemotherapy", start_on=on(-156), end_on=on(-120), agent="7+3"),
        Therapy(
            patient_id=p, kind="chemotherapy", start_on=on(-84), end_on=on(-60), agent="high-dose cytarabine"
        ),
        Therapy(patient_id=p, kind="conditioning", start_on=on(-7), end_on=on(-1), agent="BuCy"),
        Therapy(patient_id=p, kind="immunosuppression", start_on=on(-1), end_on=on(98), agent="tacrolimus"),
        Therapy(patient_id=p, kind="taper", start_on=on(98), end_on=on(118)),
        Therapy(patient_id=p, kind="azacitidine", start_on=on(116), end_on=on(178)),
        Therapy(patient_id=p, kind="dli", start_on=on(124), end_on=on(124), agent="DLI 1"),
        Therapy(patient_id=p, kind="dli", start_on=on(152), end_on=on(152), agent="DLI 2"),
    ]
    patient = Patient(
        patient_id=p, diagnosis="AML", sex="f", age_years=34, fab="M2", lesion="RUNX1-RUNX1T1", risk="ELN 2017 favourable",
        status_at_transplant="CR1", donor="unrelated", conditioning="myeloablative", synthetic=True,
    )  # fmt: skip
    return dossier(
        patient,
        ss,
        sorted(w + b, key=lambda m: (m.drawn_on, m.assay_id)),
        events=e,
        therapies=t,
        headline="Overt relapse on day +181 (34 % blasts in marrow), 69 days after WT1 was confirmed raised on day +112 (ELN 250 per 10⁴, BM). BAALC raised once.",
        urgency=2,
        overt_relapse_on=on(181),
        relapse_rule="BM blasts >= 5 %",
        last_negative_on=on(112),
        first_raised_on=on(96),
        first_confirmed_on=on(112),
        lead_time_days=69,
        follow_up_days=181,
        death_on=on(300),
    )


def stable():
    p = "P-002"
    plan = [-290, -9, 33, 61, 102, 178, 271, 366, 545, 729]
    ss = [
        sample(
            p,
            d,
            "BM" if i % 3 else "PB",
            reason="scheduled",
            blast_percent=None if i % 3 == 0 else float(i % 3),
            chimerism_whole_percent=None if d < 0 else 99.0 + 0.1 * (i % 9),
        )
        for i, d in enumerate(plan)
    ]
    ms = []
    for i, s in enumerate(ss):
        if s.material == "PB":
            ms.append(measurement(s, WT1, state="not detected", limit=0.4 + 0.3 * i, control_copies=2e4))
        else:
            ms.append(measurement(s, WT1, 12.0 + 5 * (i % 4), sd=0.2))
        ms.append(
            measurement(
                s,
                BAALC,
                (7.0 if s.material == "BM" else 1.4) * (2.2 if 20 < plan[i] < 75 else 1 + 0.1 * (i % 3)),
                sd=0.14,
            )
        )
    e = [
        Event(patient_id=p, kind="diagnosis", on=on(-290)),
        Event(patient_id=p, kind="transplant", on=on(0)),
        Event(patient_id=p, kind="chronic_gvhd", on=on(195), detail="mild"),
        Event(patient_id=p, kind="last_contact", on=on(729)),
    ]
    t = [Therapy(patient_id=p, kind="immunosuppression", start_on=on(-1), agent="ciclosporin")]
    patient = Patient(
        patient_id=p,
        diagnosis="AML",
        sex="m",
        age_years=11,
        fab="M5",
        status_at_transplant="CR2",
        donor="haploidentical",
        conditioning="reduced",
        synthetic=True,
    )
    return dossier(
        patient,
        ss,
        ms,
        events=e,
        therapies=t,
        headline="WT1 and BAALC normal on day +729. No overt relapse in 729 days.",
        last_contact_on=on(729),
    )


def bare():
    """One sample, no transplantation, nothing derived."""
    patient = Patient(patient_id="P-003", diagnosis="AML")
    s = sample("P-003", 0, "BM", reason="diagnosis")
    d = dossier(
        patient, [s], [measurement(s, WT1, 3.1, sd=0.5, state="detected", reason="1 of 3 wells positive")]
    )
    return dataclasses.replace(d, course=None, calls=(), baselines=(), findings=())


def crowded():
    """Events and therapies on top of each other, sorted fractions, values over six decades."""
    p = "P-004"
    ss = [
        sample(p, d, "BM", reason="scheduled", blast_percent=float(b))
        for d, b in [(-700, 91), (-9, 22), (20, 1), (27, 2), (34, 1), (48, 0), (55, 6)]
    ]
    f = Fraction(
        fraction_id="F-004-1",
        sample_id=ss[-1].sample_id,
        compartment="progenitor",
        sort_gate="CD34+CD38+",
        purity=0.94,
    )
    ms = [
        measurement(s, WT1, v, sd=0.1)
        for s, v in zip(ss, [88000.0, 5100.0, 0.9, 240.0, 260.0, 255.0, 2600.0], strict=True)
    ]
    sorted_cells = Sample(sample_id=f.fraction_id, patient_id=p, material="BM", drawn_on=ss[-1].drawn_on)
    ms.append(dataclasses.replace(measurement(sorted_cells, WT1, 9400.0, sd=0.3), fraction="progenitor"))
    kinds = [
        ("diagnosis", -700),
        ("remission", -610),
        ("relapse", -80),
        ("transplant", 0),
        ("engraftment", 14),
        ("acute_gvhd", 16),
        ("extramedullary_relapse", 51),
        ("relapse", 55),
        ("death", 58),
    ]
    e = [
        Event(patient_id=p, kind=k, on=on(d), detail="skin" if k.startswith("extra") else None)
        for k, d in kinds
    ]
    t = [
        Therapy(patient_id=p, kind="chemotherapy", start_on=on(-695), end_on=on(-690), agent="7+3"),
        Therapy(patient_id=p, kind="chemotherapy", start_on=on(-660), end_on=on(-655), agent="7+3"),
        Therapy(
            patient_id=p, kind="conditioning", start_on=on(-12), end_on=on(-1), agent="FLAMSA-RIC, sequential"
        ),
        Therapy(
            patient_id=p, kind="venetoclax", start_on=on(40), end_on=None, agent="venetoclax with azacitidine"
        ),
        Therapy(patient_id=p, kind="dli", start_on=on(42), end_on=on(42)),
    ]
    patient = Patient(
        patient_id=p,
        diagnosis="AML",
        age_years=58,
        fab="M1",
        lesion="FLT3-ITD <high ratio> & NPM1",
        synthetic=True,
    )
    d = dossier(
        patient,
        ss,
        ms,
        events=e,
        therapies=t,
        headline="WT1 raised, confirmed on day +34.",
        urgency=1,
        overt_relapse_on=on(55),
        death_on=on(58),
    )
    return dataclasses.replace(d, fractions=(f,))


MAKERS = {"relapsing": relapsing, "stable": stable, "bare": bare, "crowded": crowded}


@pytest.fixture(params=list(MAKERS))
def any_dossier(request):
    return MAKERS[request.param]()


@pytest.fixture
def relapsing_dossier():
    return relapsing()


@pytest.fixture
def stable_dossier():
    return stable()


@pytest.fixture
def bare_dossier():
    return bare()


@pytest.fixture
def crowded_dossier():
    return crowded()
