"""What the codes of the records are called on paper."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Final

from remnant.knowledge.cutoffs import Cutoff, cutoffs
from remnant.records.fish import SortedSample
from remnant.records.judgement import Call, Kinetics
from remnant.records.measurement import Baseline, Measurement
from remnant.records.patient import Event, Patient, Therapy
from remnant.report import numbers
from remnant.units import days_text, unit_label

__all__ = [
    "MATERIAL",
    "URGENCY",
    "beyond",
    "column",
    "compartments",
    "describe_patient",
    "donors_limit",
    "event_label",
    "not_known",
    "pace",
    "place",
    "rule_label",
    "state_symbol",
    "therapy_label",
    "urgency_class",
]

MATERIAL: Final = {"BM": "marrow", "PB": "blood"}
URGENCY: Final = ("No action", "Look", "Act")
_URGENCY_CLASS: Final = ("calm", "look", "act")
_EVENTS: Final = {
    "acute_gvhd": "acute GvHD",
    "chronic_gvhd": "chronic GvHD",
    "extramedullary_relapse": "extramedullary relapse",
    "last_contact": "last contact",
    "off_study": "off study",
    "transplant": "transplantation",
}
_THERAPIES: Final = {"dli": "DLI", "tki": "TKI", "car_t": "CAR-T"}
_INVOLVED: Final = {
    "B-lymphoid only": "B lineage only",
    "outside the B lineage": "Cells outside the B lineage involved",
    "HSC involved": "HSC involved",
    "not classifiable": "Compartments not classifiable",
}
_COLUMNS: Final = {"fab": "FAB", "baalc": "BAALC", "wt1": "WT1"}
_QUESTIONS: Final = {
    "outside_b_lineage": "lesion outside the B lineage",
    "hsc_involved": "lesion in stem cells",
}
_NOT_KNOWN: Final = {
    "outside_b_lineage": "nothing outside the B lineage is positive, and not every gate that could refute it is negative, or no "
    "sorted sample was judged; whoever is positive is always known, so the shares of the known are too high",
    "hsc_involved": "no stem cell is positive, and not every gate that could refute it is negative, or no sorted sample was "
    "judged; whoever is positive is always known, so the shares of the known are too high",
}
_SYMBOLS: Final = {"quantified": "●", "detected": "◐", "not detected": "▽", "not evaluable": "×"}


def place(measurement: Measurement) -> str:
    """Where a quantity was measured.

    Parameters
    ----------
    measurement : Measurement
        Any.

    Returns
    -------
    str
        Material, and the sorted compartment.
    """
    material = MATERIAL[measurement.material]
    return f"{material}, {measurement.fraction}" if measurement.fraction else material


def pace(kinetics: Kinetics) -> tuple[str, str]:
    """Doubling or halving time with its interval.

    Parameters
    ----------
    kinetics : Kinetics
        One stretch of a series.

    Returns
    -------
    tuple of (str, str)
        For example ``("doubles in 12", "9 to 17")``; both empty where neither is established.
    """
    k = kinetics
    word = "doubles" if k.trend == "rising" else "halves"
    days = (k.doubling_lower, k.doubling_days, k.doubling_upper)
    if k.trend == "falling":
        days = (k.halving_lower, k.halving_days, k.halving_upper)
    lower, middle, upper = days
    if lower is None or middle is None or upper is None:
        return "", ""
    return f"{word} in {days_text(middle)}", f"{days_text(lower)} to {days_text(upper)}"


def state_symbol(state: str) -> str:
    """Sign of a detection state, the same as on the timeline.

    Parameters
    ----------
    state : str
        Detection state.

    Returns
    -------
    str
        One character.

    Examples
    --------
    >>> state_symbol("not detected")
    '▽'
    """
    return _SYMBOLS.get(state, "")


def urgency_class(urgency: int) -> str:
    """Style of an urgency.

    Parameters
    ----------
    urgency : int
        0, 1 or 2.

    Returns
    -------
    str
        Name of the style class.

    Examples
    --------
    >>> urgency_class(2)
    'act'
    """
    return _URGENCY_CLASS[urgency]


def event_label(event: Event) -> str:
    """Event as it is written beside its tick.

    Parameters
    ----------
    event : Event
        What happened.

    Returns
    -------
    str
        Kind and detail.

    Examples
    --------
    >>> import datetime as dt
    >>> event_label(Event(patient_id="P-1", kind="acute_gvhd", on=dt.date(2020, 4, 1), detail="grade II"))
    'acute GvHD, grade II'
    """
    name = _EVENTS.get(event.kind, event.kind.replace("_", " "))
    return f"{name}, {event.detail}" if event.detail else name


def therapy_label(therapy: Therapy) -> str:
    """Therapy as it is written on its bar.

    Parameters
    ----------
    therapy : Therapy
        What was given.

    Returns
    -------
    str
        The agent if it is named, else the kind; a taper keeps its name.

    Examples
    --------
    >>> import datetime as dt
    >>> start = dt.date(2020, 4, 1)
    >>> therapy_label(Therapy(patient_id="P-1", kind="immunosuppression", start_on=start, agent="tacrolimus"))
    'tacrolimus, ongoing'
    """
    kind = _THERAPIES.get(therapy.kind, therapy.kind.replace("_", " "))
    agent = therapy.agent or ""
    if not agent:
        text = kind
    elif therapy.kind == "taper" or (therapy.kind in _THERAPIES and kind.lower() not in agent.lower()):
        text = f"{kind} {agent}"
    else:
        text = agent
    return text if therapy.end_on else f"{text}, ongoing"


def describe_patient(patient: Patient) -> tuple[str, str]:
    """Who, in two lines.

    Parameters
    ----------
    patient : Patient
        Whom.

    Returns
    -------
    (str, str)
        Disease, lesion and risk; age, donor, conditioning and status at transplantation.

    Examples
    --------
    >>> describe_patient(Patient(patient_id="P-1", diagnosis="AML", fab="M2", age_years=34, sex="f"))
    ('AML M2', '34 years, female')
    """
    disease = " ".join(part for part in (patient.diagnosis, patient.fab) if part)
    first = [disease, patient.lesion, patient.transcript, patient.risk]
    sex = {"f": "female", "m": "male"}.get(patient.sex or "")
    age = None if patient.age_years is None else f"{numbers.count(patient.age_years)} years"
    second = [
        age,
        sex,
        patient.status_at_transplant and f"{patient.status_at_transplant} at transplantation",
        patient.donor and f"{patient.donor} donor",
        patient.conditioning and f"{patient.conditioning} conditioning",
    ]
    return ", ".join(part for part in first if part), ", ".join(part for part in second if part)


@functools.cache
def _cutoffs() -> dict[str, Cutoff]:
    return {row.id: row for row in cutoffs()}


def rule_label(call: Call) -> str:
    """Words for the rule of a call.

    Parameters
    ----------
    call : Call
        One rule applied.

    Returns
    -------
    str
        Its label; the id with spaces where the laboratory's own row has none.
    """
    return call.label or call.rule_id.replace("_", " ")


def donors_limit(baseline: Baseline) -> str:
    """How well the donors determine their 97.5th percentile, in words.

    Parameters
    ----------
    baseline : Baseline
        Of healthy donors.

    Returns
    -------
    str
        For example ``"24 donors, 95 % interval 15-31 %"``; where it was assumed, that it was.
    """
    who = numbers.plural(len(baseline.samples), "donor") if baseline.samples else "assumed, no donors"
    low, high = baseline.percentile_lower, baseline.percentile_upper
    if low is None or high is None:
        return f"{who}, no interval known"
    ends = numbers.interval(low, high, unit=baseline.unit, like=baseline.percentile_97_5)
    return f"{who}, 95 % interval {ends} {unit_label(baseline.unit)}".rstrip()


def beyond(rule_id: str) -> str:
    """Sign between a material and its cut-off: whether the cut-off itself counts as above.

    Parameters
    ----------
    rule_id : str
        Row of `knowledge`, or a laboratory's own.

    Returns
    -------
    str
        One character.

    Examples
    --------
    >>> beyond("eln_bm_250")
    '>'
    """
    row = _cutoffs().get(rule_id)
    return "≥" if row is not None and row.inclusive else ">"


def compartments(sample: SortedSample, *, on: dt.date | None = None) -> str:
    """Which compartments of a sample carry the lesion, each named once.

    Parameters
    ----------
    sample : SortedSample
        What was concluded from its sorted fractions.
    on : datetime.date or None, default None
        Day to name; None names none.

    Returns
    -------
    str
        One sentence: the class, then the compartments by verdict; of stem cells that they are not known to be
        involved, where only other cells outside the B lineage are.
    """
    verdicts: dict[str, list[str]] = {}
    for call in sample.calls:
        verdicts.setdefault(call.verdict, []).append(call.compartment)
    said = "; ".join(f"{_and(names)} {verdict}" for verdict, names in verdicts.items())
    lineage = sample.lineage
    known = lineage.name != "outside the B lineage" or lineage.hsc_involved != "unknown"
    day = "" if on is None else f" on {numbers.in_sentence(on)}"
    return f"{_INVOLVED[lineage.name]}{day}: {said}{'' if known else '; whether HSC are is not known'}."


def _and(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def not_known(name: str) -> str:
    """Why a column of the cohort table may have no answer, where more than a missing value stands behind it.

    Parameters
    ----------
    name : str
        Column name.

    Returns
    -------
    str
        Part of a sentence; empty where a missing value is only that.

    Examples
    --------
    >>> not_known("hsc_involved")[:33], not_known("transcript")
    ('no stem cell is positive, and not', '')
    """
    return _NOT_KNOWN.get(name, "")


def column(name: str) -> str:
    """Column of the cohort table in words.

    Parameters
    ----------
    name : str
        Column, or words already.

    Returns
    -------
    str
        Words.

    Examples
    --------
    >>> column("baalc_raised"), column("fab"), column("age_group")
    ('BAALC raised at diagnosis', 'FAB', 'age group')
    """
    if name in _QUESTIONS:
        return _QUESTIONS[name]
    words = [_COLUMNS.get(part, part) for part in name.split("_")]
    text = " ".join(words)
    return f"{text} at diagnosis" if name in {"baalc_raised", "wt1_raised"} else text
