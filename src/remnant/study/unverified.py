"""Rules and assumptions in use whose source nobody verified: one list a study.

Cut-offs decide verdicts and are warnings, one each. The rows behind measurements, courses and the cohort
are notes, one a table; each names its rows, and the table gives their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from remnant.knowledge.dpcr import dpcr_rules
from remnant.knowledge.dpcr import unverified_rows as unverified_rows_of_digital
from remnant.knowledge.qpcr import qpcr_rules, unverified_rows
from remnant.knowledge.spelling import spelt
from remnant.knowledge.tables import rows
from remnant.records.clonotype import CloneTrack
from remnant.records.control import VarianceComponent
from remnant.records.disagreement import Disagreement
from remnant.records.finding import Finding
from remnant.records.fish import SortedSample
from remnant.records.judgement import Call, Course
from remnant.records.measurement import Baseline, Measurement
from remnant.records.partition import DigitalWell
from remnant.study.derived import derived_records
from remnant.study.handle import Study

__all__ = ["unverified_rules"]

_ERRORS: Final = {
    "run": "run",
    "rt": "reverse transcription",
    "biology": "biology",
    "reported": "values from reports",
}


def unverified_rules(study: Study) -> tuple[Finding, ...]:
    """Rules in use whose source is not verified.

    Parameters
    ----------
    study : Study
        The study; its last run says which rules are in use.

    Returns
    -------
    tuple of Finding
        One a cut-off, by its identifier, and one a table of other rules.
    """
    calls = derived_records(study, Call)
    measured = derived_records(study, Measurement)
    courses = derived_records(study, Course)
    markers = {one.target for one in measured}
    groups = (
        ("quantification", "qpcr_*.toml", _of_quantification(measured)),
        ("digital PCR", "dpcr.toml", _of_digital(derived_records(study, DigitalWell))),
        (
            "measurement errors",
            "variance.toml",
            _of_errors(derived_records(study, VarianceComponent), measured),
        ),
        ("donors' background", "background.toml", _of_background(derived_records(study, Baseline))),
        ("states of a course", "states.toml", _of_table("states", _is_of(markers)) if courses else ()),
        ("overt relapse", "relapse.toml", _of_table("relapse", _is_used) if courses else ()),
        (
            "clonotypes",
            "clonotypes.toml",
            _of_table("clonotypes", _is_used) if derived_records(study, CloneTrack) else (),
        ),
        (
            "assays of one day",
            "disagreement.toml",
            _of_table("disagreement", _is_used) if derived_records(study, Disagreement) else (),
        ),
        ("the worklist", "worklist.toml", _of_table("worklist", _is_used) if courses else ()),
        ("cohort tables", "cohort.toml", _of_table("cohort", _is_used) if courses else ()),
        *_of_sorted_cells(derived_records(study, SortedSample)),
    )
    return (*_of_cutoffs(calls), *(_note(*group) for group in groups if group[2]))


def _of_cutoffs(calls: Iterable[Call]) -> Iterable[Finding]:
    unverified = {call.rule_id: call for call in calls if call.status != "verified"}
    for rule_id, call in sorted(unverified.items()):
        yield Finding(
            code="study.unverified_rule",
            severity="warning",
            subject=f"rule {rule_id}",
            message=f"In use, and its source is not verified: {call.source}.",
            advice="Verify the cut-off in its source, or choose another rule in study.toml.",
        )


def _note(what: str, table: str, labels: Collection[str]) -> Finding:
    return Finding(
        code="study.unverified_assumption",
        severity="note",
        subject=f"rules of {what}",
        message=f"In use and not verified: {', '.join(labels)}.",
        advice=f"The source of each stands in knowledge/{table}.",
    )


def _of_quantification(measured: Collection[Measurement]) -> tuple[str, ...]:
    """Rows behind measurements from wells of quantitative PCR; values from reports use none."""
    controls = {one.control for one in measured if one.run_id and one.control and one.platform == "qpcr"}
    return tuple(spelt(name) for name, _ in unverified_rows(qpcr_rules(), controls)) if controls else ()


def _of_digital(wells: Collection[DigitalWell]) -> tuple[str, ...]:
    """Rows behind wells of digital PCR."""
    return tuple(spelt(name) for name, _ in unverified_rows_of_digital(dpcr_rules(), wells))


def _of_errors(parts: Iterable[VarianceComponent], measured: Collection[Measurement]) -> tuple[str, ...]:
    """Default errors that the evidence of some measurement carries."""
    carried = {
        (error.name.partition(":")[0], one.target) for one in measured for error in one.evidence.errors
    }
    held = tuple(parts)
    own = {(part.error_class, part.target) for part in held if part.target}
    used = [
        part
        for part in held
        if part.status == "unverified"
        and any(
            name == part.error_class
            and (part.target == target or (not part.target and (name, target) not in own))
            for name, target in carried
        )
    ]
    return tuple(dict.fromkeys(f"{_ERRORS[part.error_class]} {part.target}".strip() for part in used))


def _of_sorted_cells(samples: Collection[SortedSample]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """Rows behind verdicts on sorted compartments and the cell of origin."""
    if not samples:
        return
    sampled = {call.compartment for one in samples for call in one.calls}
    yield "FISH on sorted cells", "fish.toml", _of_table("fish", _is_used)
    yield "signal patterns", "probes.toml", _of_table("probes", _is_used)
    yield "compartments", "compartments.toml", _of_table("compartments", lambda row: row["id"] in sampled)
    yield "the cell of origin", "origin.toml", _of_table("origin", _is_used)


def _of_background(baselines: Iterable[Baseline]) -> tuple[str, ...]:
    statuses = {row["id"]: row["status"] for row in rows("background")}
    named = {base.rule_id for base in baselines if statuses.get(base.rule_id) == "unverified"}
    return tuple(spelt(name) for name in sorted(named))


def _of_table(table: str, is_used: Callable[[dict[str, Any]], bool]) -> tuple[str, ...]:
    return tuple(spelt(row["id"]) for row in rows(table) if row["status"] == "unverified" and is_used(row))


def _is_of(markers: Collection[str]) -> Callable[[dict[str, Any]], bool]:
    """Whether a row holds for one of these markers, or for any."""
    return lambda row: row.get("marker") is None or row["marker"] in markers


def _is_used(row: dict[str, Any]) -> bool:
    """Whether a row is in use: of several ways to group at the landmark, the default one."""
    return "choose" not in row or bool(row.get("default"))
