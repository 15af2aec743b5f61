"""The top of a patient's report: who, the sentence, and what lowers the trust in it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Final

from remnant.course.headline import unverified_sentence
from remnant.course.worklist import worklist
from remnant.records.deciding import call_subject, decision_text
from remnant.records.dossier import Dossier
from remnant.records.judgement import NextSample
from remnant.report import numbers, words
from remnant.report.sentences import as_printed

__all__ = ["Head", "Warned", "head", "warnings"]

_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Warned:
    """One line beside the sentence.

    Attributes
    ----------
    label : str
        ``"Decided"``, ``"Failed"``, ``"Warning"``, ``"Not verified"`` or ``"More"``.
    text : str
        One sentence.
    tone : {"look", "act"}
        Emphasis.
    """

    label: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Who, and the sentence.

    Attributes
    ----------
    code, disease, person, transplant : str
        Laboratory code; disease and lesion; age, donor and conditioning; day 0.
    sentence : str
        The headline of the course.
    urgency, tone : str
        In a word, and its style.
    synthetic : bool
        Whether the patient is made up.
    warnings : tuple of Warned
        What lowers trust.
    """

    code: str
    disease: str
    person: str
    transplant: str
    sentence: str
    urgency: str
    tone: str
    synthetic: bool
    warnings: tuple[Warned, ...]


def head(dossier: Dossier, *, asked: NextSample | None = None) -> Head:
    """Top of the report.

    Parameters
    ----------
    dossier : Dossier
        One patient.
    asked : NextSample or None, default None
        When the patient is to be sampled next, for the day of the report; None says nothing of it.

    Returns
    -------
    Head
        Ready to print.
    """
    disease, person = words.describe_patient(dossier.patient)
    course = dossier.course
    day_0 = course.transplant_on if course else None
    transplant = f"Transplanted on {numbers.in_sentence(day_0)}" if day_0 else "No transplantation recorded"
    transplant += _last_sample(dossier, day_0)
    if course is None:
        sentence, urgency, tone = "The course of this patient has not been judged.", "Not judged", "calm"
    else:
        signs = worklist(
            [course],
            asked.on if asked else dt.date.min,
            disagreements=dossier.disagreements,
            tracks=dossier.clone_tracks,
            following=[asked] if asked else [],
        )
        level = signs[0].urgency if signs else 0
        said = course.headline
        if course.unverified_rules:  # they stand beside the sentence
            said = said.replace(unverified_sentence(course.unverified_rules), "").rstrip().replace("  ", " ")
        parts = [_compartments(dossier), said]
        if course.overt_relapse_on is not None:  # before all else
            parts.reverse()
        sentence = " ".join(filter(None, parts)) + _named(dossier) + _clones(dossier)
        sentence = as_printed(sentence + _next(asked))
        urgency, tone = words.URGENCY[level], words.urgency_class(level)
    return Head(
        code=dossier.patient.patient_id,
        disease=disease,
        person=person,
        transplant=transplant,
        sentence=sentence,
        urgency=urgency,
        tone=tone,
        synthetic=dossier.patient.synthetic,
        warnings=warnings(dossier),
    )


def _last_sample(dossier: Dossier, day_0: dt.date | None) -> str:
    """When a marker was last measured: the states of the sentence are of that day."""
    if not dossier.measurements:
        return ""
    last = max(one.drawn_on for one in dossier.measurements)
    day = f" (day {numbers.day((last - day_0).days)})" if day_0 else ""
    return f". Last marker sample on {numbers.in_sentence(last)}{day}"


def _compartments(dossier: Dossier) -> str:
    """Which compartments carry the lesion, where sorted fractions were judged: the latest sample speaks."""
    if not dossier.sorted_samples:
        return ""
    last = dossier.sorted_samples[-1]
    return words.compartments(last, on=last.drawn_on)


def _named(dossier: Dossier) -> str:
    """A disagreement with a name, if the last sample with both assays still shows it."""
    held = [one for one in dossier.disagreements if one.since is not None and one.current]
    said = (f"{_capital(one.kind)} since {numbers.in_sentence(one.since or one.drawn_on)}." for one in held)
    return "".join(f" {text}" for text in said)


def _next(asked: NextSample | None) -> str:
    """By when to sample next, or that the patient is off study; death and relapse are said already."""
    said = asked is not None and (asked.due_on is not None or asked.not_asked.startswith("off study"))
    return f" {asked.sentence}" if asked is not None and said else ""


def _clones(dossier: Dossier) -> str:
    """Clones of the diagnosis sample that are back."""
    back = [
        f"{one.name} since {numbers.in_sentence(one.since)}" if one.since else one.name
        for one in dossier.clone_tracks
        if one.verdict == "returns"
    ]
    return f" Clone of the diagnosis returns: {'; '.join(back)}." if back else ""


def warnings(dossier: Dossier) -> tuple[Warned, ...]:
    """What a reader must know before the sentence is believed.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    tuple of Warned
        Decisions of people first, then failures, then warnings, then rules that were not verified; repeated codes once. Three at most,
        and a line that counts the others, which stand under Where from.
    """
    lines = [
        *_decided(dossier),
        *_found(dossier, severity="failure", label="Failed", tone="act"),
        *_found(dossier, severity="warning", label="Warning", tone="look"),
    ]
    doubtful = dossier.course.unverified_rules if dossier.course else ()
    room = _MOST - bool(doubtful)
    rest, lines = lines[room:], lines[:room]
    if doubtful:
        lines.append(Warned("Not verified", f"The source of a deciding rule: {'; '.join(doubtful)}.", "look"))
    if rest:
        tone = "act" if any(line.tone == "act" for line in rest) else "look"
        lines.append(Warned("More", f"And {len(rest)} more below, under Where from.", tone))
    return tuple(lines)


def _decided(dossier: Dossier) -> list[Warned]:
    """What people decided about the patient or a verdict: it stands beside the sentence, and changes none of it."""
    calls = {call_subject(call): call for call in dossier.calls}
    return [
        Warned("Decided", decision_text(decision, calls.get(decision.on)), "look")
        for decision in sorted(dossier.decisions, key=lambda one: one.at, reverse=True)
        if decision.on in calls or decision.on == f"patient {dossier.patient.patient_id}"
    ]


def _found(dossier: Dossier, *, severity: str, label: str, tone: str) -> list[Warned]:
    held = [finding for finding in dossier.findings if finding.severity == severity]
    counts = Counter(finding.code for finding in held)
    first = {finding.code: finding for finding in reversed(held)}
    return [
        Warned(
            label,
            as_printed(
                f"{_capital(first[code].subject)}: {first[code].message}"
                + (f" The same for {n - 1} more." if n > 1 else "")
            ),
            tone,
        )
        for code, n in counts.items()
    ]


def _capital(text: str) -> str:
    return text if text.startswith("cDNA") else text[:1].upper() + text[1:]
