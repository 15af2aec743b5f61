"""What a person of the laboratory decides, beside what the rules say: recorded, never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from remnant.cli.answer import Answer, command
from remnant.cli.options import By, StudyFolder
from remnant.cli.printed import listed
from remnant.cli.results import computed
from remnant.cli.typed import typed
from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.records.deciding import call_subject, decision_text, decisive_verdict
from remnant.records.judgement import Call, Decision
from remnant.records.patient import Patient
from remnant.records.run import Run
from remnant.study.decisions import decisions as decisions_of
from remnant.study.decisions import record_decision
from remnant.study.derived import derived_records
from remnant.study.facts import facts
from remnant.study.folder import open_study
from remnant.study.handle import Study

__all__ = ["decide", "decisions"]

_OF_CUTOFFS: Final = ("above", "not above", "not evaluable")
_MOST: Final = 8


@command
def decide(
    study: StudyFolder,
    verdict: Annotated[
        str,
        typer.Argument(metavar="VERDICT", help='What was decided, such as "not above".', show_default=False),
    ],
    *,
    sample: Annotated[
        str, typer.Option(metavar="CODE", help="About a verdict on this sample.", show_default=False)
    ] = "",
    marker: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Its marker, such as WT1, or assay, such as WT1/ABL1.", show_default=False
        ),
    ] = "",
    rule: Annotated[
        str, typer.Option(metavar="ID", help="Its rule, where several were applied.", show_default=False)
    ] = "",
    patient: Annotated[
        str, typer.Option(metavar="CODE", help="About a patient as a whole.", show_default=False)
    ] = "",
    run: Annotated[
        str, typer.Option(metavar="RUN", help="About a run of the laboratory.", show_default=False)
    ] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; needed.", show_default=False)] = "",
    supersedes: Annotated[
        str,
        typer.Option(metavar="ID", help="Standing decision that this one replaces.", show_default=False),
    ] = "",
    by: By,
) -> Answer:
    """Record what a person decided about a verdict, a patient or a run.

    The rule's verdict stays as it is; the decision stands beside it on pages, worklist and export. Nothing is
    overwritten: a later decision names the one that it replaces.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    verdict : str
        What was decided.
    sample, marker, rule : str
        The verdict it is about.
    patient, run : str
        Or the patient, or the run.
    reason : str
        Why.
    supersedes : str
        Identifier of the decision that it replaces.
    by : str
        Who decided: a code, no name.

    Returns
    -------
    Answer
        The decision as stored.
    """
    named = [name for name, value in (("--sample", sample), ("--patient", patient), ("--run", run)) if value]
    if len(named) != 1:
        raise InputError(
            where="decide",
            found=" and ".join(named) or "nothing that it is about",
            needed="one of --sample with --marker, --patient, --run",
            advice="For a verdict: --sample CODE --marker WT1. `remnant call` lists the verdicts.",
        )
    if not reason.strip():
        raise InputError(
            where="--reason",
            found="no reason",
            needed="why it was decided so",
            advice='Add --reason "..."; a decision without a reason is not recorded.',
        )
    opened = computed(study)
    call = _call(opened, sample, marker, rule) if sample else None
    if call is not None:
        subject = call_subject(call)
        verdict = decisive_verdict(_checked(verdict, call), call)
    else:
        subject = f"patient {patient}" if patient else f"run {run}"
        _known(opened, patient, run)
    _refuse_standing(decisions_of(opened), subject, supersedes)
    made = record_decision(
        opened, by=by, on=subject, verdict=verdict, reason=reason.strip(), supersedes=supersedes or None
    )
    shown = (
        f"Recorded as {made.decision_id}, about {subject}.",
        decision_text(made, call),
        f"Pages show it after {typed('report', study)}.",
    )
    return Answer(data=made, shown=shown)


@command
def decisions(
    study: StudyFolder,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Superseded ones too.")] = False,
) -> Answer:
    """List what people decided, newest last.

    Parameters
    ----------
    study : pathlib.Path
        Folder of the study.
    everything : bool, default False
        Whether decisions that a later one replaced are listed too.

    Returns
    -------
    Answer
        One entry a decision.
    """
    held = decisions_of(open_study(study), standing=not everything)
    rows = ((d.decision_id, f"{d.at:%Y-%m-%d %H:%M}", d.by, d.on, d.verdict, d.reason) for d in held)
    shown = listed(("decision", "when (UTC)", "who", "about", "verdict", "reason"), rows)
    return Answer(data=held, shown=(shown if held else "Nobody decided anything yet.",))


def _call(study: Study, sample: str, marker: str, rule: str) -> Call:
    """The one verdict that is meant."""
    of_sample = [call for call in derived_records(study, Call) if call.sample_id == sample]
    if not of_sample:
        raise NotFoundError(
            where="--sample",
            found=f"no verdict on {sample}",
            needed="a sample that a rule was applied to",
            advice="`remnant call` lists samples with their verdicts.",
        )
    held = [
        call
        for call in of_sample
        if (not marker or marker in {call.assay_id, call.assay_id.partition("/")[0]})
        and (not rule or call.rule_id == rule)
    ]
    if not marker and not rule:
        held = of_sample
    elif held and not rule:
        held = [call for call in held if call.role == "decides"] or held
    subjects = {call_subject(call): call for call in held}
    if len(subjects) == 1:
        return next(iter(subjects.values()))
    choices = [f"{call.assay_id}, rule {call.rule_id}: {call.verdict}" for call in held or of_sample]
    raise InputError(
        where=f"sample {sample}",
        found=f"{len(subjects)} verdicts"
        + (f" of {marker}" if marker else "")
        + (f" by {rule}" if rule else ""),
        needed="one verdict",
        advice="Name it by --marker, and by --rule where several rules were applied.",
        problems=list(dict.fromkeys(choices))[:_MOST],
    )


def _checked(verdict: str, call: Call) -> str:
    """A verdict on a cut-off is one of its three words; on a leukaemia-specific marker it is free."""
    if not call.rule_set and verdict not in _OF_CUTOFFS:
        raise InputError(
            where="VERDICT",
            found=repr(verdict),
            needed=f"one of {', '.join(_OF_CUTOFFS)}",
            advice=f"The rule says {call.verdict!r}; say the same to agree with it.",
        )
    return verdict


def _known(study: Study, patient: str, run: str) -> None:
    codes = (
        {one.patient_id for one in facts(study, Patient)}
        if patient
        else {one.run_id for one in facts(study, Run)}
    )
    if (patient or run) not in codes:
        raise NotFoundError(
            where="--patient" if patient else "--run",
            found=patient or run,
            needed=f"a {'patient' if patient else 'run'} of the study",
            advice="`remnant cohort table` lists the patients."
            if patient
            else "`remnant worklist` lists runs to look at.",
        )


def _refuse_standing(held: Sequence[Decision], subject: str, supersedes: str) -> None:
    """Nobody replaces a decision without having seen it."""
    standing = next((decision for decision in held if decision.on == subject), None)
    if standing is not None and not supersedes:
        raise ConflictError(
            where=subject,
            found=decision_text(standing).rstrip("."),
            needed="the decision that the new one replaces",
            advice=f"Add --supersedes {standing.decision_id} to replace it.",
        )
