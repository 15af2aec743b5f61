"""Course vignettes: hand-written lines to patients, and patients to what was concluded."""

import datetime as dt
import functools
import math
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from remnant.call.donors import donor_baselines
from remnant.course.build import build_courses
from remnant.course.discordance import disagreements
from remnant.course.worklist import worklist
from remnant.evidence.kinds import CountsEvidence, ErrorTerm, PartitionsEvidence, ReportedEvidence
from remnant.knowledge.conversion import ConversionFactor
from remnant.knowledge.cutoffs import activate, active_cutoffs, cutoffs
from remnant.knowledge.rules import RuleBook
from remnant.knowledge.rules_files import read_rule_set, rule_book
from remnant.pipeline.stages import Facts, MrdContext, dossiers_of, with_calls
from remnant.records.caution import SampleDilution
from remnant.records.measurement import Measurement, WellUse
from remnant.records.patient import Event, Patient, Therapy, Variant
from remnant.records.run import Run
from remnant.records.sample import Sample

DAY_ZERO = dt.date(2021, 1, 1)
FOLDER = Path(__file__).parent / "vignettes"
WIDTH = 10 ** (1.96 * 0.1)


def on(day):
    return DAY_ZERO + dt.timedelta(days=int(day))


@dataclass(frozen=True)
class Line:
    """One sample in, one state out."""

    day: int
    material: str
    found: str
    options: dict[str, str]
    state: str
    code: str


@dataclass(frozen=True)
class Vignette:
    """One patient."""

    id: str
    why: str
    marker: str
    disease: str
    lines: tuple[Line, ...]
    unit: str = "percent"
    control: str = "ABL1"
    lesion: str | None = None
    transcript: str | None = None
    sets: tuple[str, ...] = ()
    own: str = ""
    factors: tuple = ()
    events: tuple = (("remission", -10),)
    therapies: tuple = ()
    row: str = ""
    response: str = ""
    response_code: str = ""
    shown: dict[str, str] = field(default_factory=dict)
    confidence: str | None = None
    confirm_by: int | None = None
    variants: tuple = ()
    cutoffs: tuple[str, ...] = ()
    cautions: tuple[str, ...] | None = None
    named: str | None = None
    signs: tuple[str, ...] | None = None

    @property
    def background(self):
        return self.marker in {"WT1", "BAALC"}


def lines(text):
    for row in text.strip().splitlines():
        left, _, right = row.partition("->")
        day, material, found, *options = left.split()
        state, _, code = right.strip().partition(" : ")
        yield Line(
            int(day), material, found, dict(one.split("=") for one in options), state.strip(), code.strip()
        )


@functools.cache
def vignettes():
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        shared = {name: value for name, value in table.items() if name != "vignette"}
        for row in table["vignette"]:
            fields = {**shared, **row}
            made = {
                name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
            }
            found.append(Vignette(lines=tuple(lines(made.pop("course"))), **made))
    return tuple(found)


def measurement(case, line, number):  # noqa: PLR0911  one return a kind of line
    """A measurement of the kind the line names; sensitivities and errors as of a good laboratory."""
    control = line.options.get("control", case.control)
    marker, unit = line.options.get("marker", case.marker), line.options.get("unit", case.unit)
    if marker != case.marker:
        control = line.options.get("control", "")
        case = replace(case, marker=marker, unit=unit)
    sample = f"{case.id}-{line.day:+d}-{line.material}" + (f"-{number}" if "second" in line.options else "")
    found, _, copies = line.found.partition(":")
    copies = float(copies or line.options.get("copies", 20000))
    name = f"{case.marker}/{control}" if control else case.marker
    scale = {"percent": 1e2, "per_1e4": 1e4, "ratio": 1.0, "percent_is": 1e2, "cell_fraction": 1.0}[case.unit]
    base = Measurement(
        measurement_id=f"{name}|{sample}|{number}",
        patient_id=case.id,
        sample_id=sample,
        cdna_id=sample,
        run_id=f"run-{line.options.get('run', line.day)}",
        assay_id=name,
        target=case.marker,
        control=control,
        material=line.material,
        drawn_on=on(line.day),
        unit=case.unit,
        evidence=reported(case, sample, value=1.0),
        state="quantified",
        reason="",
        estimate=None,
        lower=None,
        upper=None,
        comparison_lower=None,
        comparison_upper=None,
        upper_limit=None,
        point_value=None,
        target_copies=None,
        control_copies=2 * copies,
        positive_wells=3,
        wells=3,
        control_wells=2,
        fraction=line.options.get("fraction", ""),
    )
    if not control:
        base = replace(base, control_copies=None, control_wells=0)
    if found == "fail":
        return replace(base, state="not evaluable", reason="the standard curve failed", positive_wells=0)
    if found == "neg":
        counts = CountsEvidence(
            k=0,
            exposure=3 * copies / scale,
            background=0,
            dispersion=0,
            log10_low=-6,
            log10_high=math.log10(scale),
        )
        bound = 3.0 / (3 * copies) * scale
        return replace(base, evidence=counts, state="not detected", upper_limit=bound, positive_wells=0)
    if found.startswith("<"):
        limit = float(found[1:])
        return replace(
            base,
            evidence=reported(case, sample, upper_limit=limit),
            state="not detected",
            upper_limit=limit,
            control_copies=float(line.options["copies"]) if "copies" in line.options else None,
            control_wells=0,
            positive_wells=0,
            wells=1,
        )
    if found.startswith(">"):
        limit = float(found[1:])
        return replace(
            base,
            evidence=reported(case, sample, lower_limit=limit),
            state="detected",
            reason="reported as more than a limit",
            wells=1,
            positive_wells=1,
        )
    if found in {"pnq", "1of3", "2of3"}:
        positive = {"pnq": 3, "2of3": 2, "1of3": 1}[found]
        counts = CountsEvidence(
            k=positive,
            exposure=3 * copies / scale,
            background=0,
            dispersion=0,
            log10_low=-6,
            log10_high=math.log10(scale),
        )
        level = positive / (3 * copies) * scale
        return quantified(
            replace(base, evidence=counts, state="detected", positive_wells=positive), level, wide=WIDTH**3
        )
    value = float(found)
    if "dpcr" in line.options:
        evidence = PartitionsEvidence(
            k=200, n=20000, volume_ul=-math.log(1 - 0.01) / value, volume_cv=0.02, false_positive=0.0, log10_low=-6,
            log10_high=3,
        )  # fmt: skip
        return quantified(replace(base, evidence=evidence), value, wide=WIDTH)
    return quantified(replace(base, evidence=reported(case, sample, value=value)), value, wide=WIDTH)


def quantified(base, value, *, wide):
    return replace(
        base,
        estimate=value,
        point_value=value,
        lower=value / wide,
        upper=value * wide,
        comparison_lower=value / wide**2,
        comparison_upper=value * wide**2,
        upper_limit=value * wide,
    )


def reported(case, sample, *, value=None, upper_limit=None, lower_limit=None):
    return ReportedEvidence(
        value=value,
        sd_log10=0.1,
        upper_limit=upper_limit,
        lower_limit=lower_limit,
        log10_low=-7.0,
        log10_high=0.0 if case.unit == "cell_fraction" else 5.0,
        errors=(ErrorTerm(name=f"biology:{case.id}:{case.marker}:{sample}", sd_log10=0.15),),
    )


def facts_and_measurements(case, chosen=None):
    """Facts and measurements of the patient, of all lines or of some."""
    samples, measured = {}, []
    for number, line in enumerate(case.lines):
        if chosen is not None and number not in chosen:
            continue
        one = measurement(case, line, number)
        measured.append(one)
        blasts = line.options.get("blasts")
        samples[one.sample_id] = Sample(
            sample_id=one.sample_id,
            patient_id=case.id,
            material=line.material,
            drawn_on=on(line.day),
            reason=line.options.get("reason", "scheduled"),
            blast_percent=None if blasts is None else float(blasts),
            chimerism_whole_percent=float(line.options["chimerism"]) if "chimerism" in line.options else None,
            quality=line.options.get("quality"),
        )
    runs = {
        f"run-{day}": Run(run_id=f"run-{day}", run_on=on(day))
        for line in case.lines
        for day in [line.options.get("run", line.day)]
    }
    facts = Facts(
        patients=(
            Patient(
                patient_id=case.id, diagnosis=case.disease, lesion=case.lesion, transcript=case.transcript
            ),
        ),
        events=tuple(Event(patient_id=case.id, kind=kind, on=on(day)) for kind, day in case.events),
        therapies=tuple(
            Therapy(patient_id=case.id, kind=kind, start_on=on(first), end_on=on(last))
            for kind, first, last in case.therapies
        ),
        variants=tuple(
            Variant(patient_id=case.id, target=target, variant=what) for target, what in case.variants
        ),
        samples=tuple(samples.values()),
        runs=tuple(runs.values()),
    )
    return facts, measured


def context_of(case, facts, changed=None):
    book = rule_book(deciding=case.sets)
    if changed is not None:
        book = RuleBook(sets=tuple(changed(one) for one in book.sets))
    if case.own:
        own = read_rule_set(case.own, where="own.toml")
        gone = {own.id, *own.replaces}
        book = RuleBook(sets=(*(one for one in book.sets if one.id not in gone), own))
    factors = tuple(
        ConversionFactor(
            id=f"f{n}",
            assay_id=f"{case.marker}/{case.control}",
            factor=factor,
            valid_from=on(first),
            valid_to=on(last),
            source="a test",
            status="verified",
        )
        for n, (factor, first, last) in enumerate(case.factors)
    )
    uses = tuple(use for line in case.lines for use in well_uses(case, line))
    return MrdContext(book=book, factors=factors, runs=facts.runs, well_uses=uses)


def well_uses(case, line):
    """Wells of a line that says the copies of its replicates: ``t=-,1.5`` of the target, ``c=9000,30000`` of the control."""
    sample = f"{case.id}-{line.day:+d}-{line.material}"
    control = line.options.get("control", case.control)
    for key, target in (("t", case.marker), ("c", control)):
        for number, copies in enumerate(filter(None, line.options.get(key, "").split(","))):
            yield WellUse(
                run_id=f"run-{line.options.get('run', line.day)}",
                position=f"A{number + 1:02d}",
                target=target,
                sample=sample,
                used=True,
                copies=None if copies == "-" else float(copies),
                decision="used",
                reason="",
            )


def chosen_lines(case, chosen):
    return [line for number, line in enumerate(case.lines) if chosen is None or number in chosen]


def concluded(case, chosen=None, order=None, changed=None):
    """Calls and course of a vignette; `order` shuffles what was imported, `changed` alters the rule sets."""
    facts, measured = facts_and_measurements(case, chosen)
    diluted = [
        SampleDilution(sample_id=one.sample_id, basis="CD34+ 0.01 % of CD45+, limit 0.05 %")
        for one, line in zip(measured, chosen_lines(case, chosen), strict=True)
        if line.options.get("flow") == "diluted"
    ]
    if order is not None:
        measured = order(measured)
        facts = replace(facts, samples=tuple(order(list(facts.samples))))
    context = context_of(case, facts, changed)
    rules = activate(cutoffs(), deciding=case.cutoffs) if case.cutoffs else active_cutoffs()
    baselines, _ = donor_baselines(measured, facts.samples)
    known = with_calls(
        list(dossiers_of(facts, measured, baselines, dilutions=diluted)),
        baselines,
        rules,
        context=context,
    )
    [course] = build_courses(known, book=context.book, factors=context.factors_of(measured))
    return known[0].calls, course


def signs(case, calls, course):
    """Disagreements with a name, and the signs of the worklist on the day after the last sample, as kinds."""
    _, measured = facts_and_measurements(case)
    found = disagreements(measured, disease=case.disease, calls=calls)
    rows = worklist([course], max(m.drawn_on for m in measured) + dt.timedelta(days=1), disagreements=found)
    return found, rows
