"""The worklist of a study: patients, their clones and assays, and the runs of the laboratory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from remnant.course.laboratory import laboratory_rows
from remnant.course.next_sample import next_samples
from remnant.course.worklist import worklist
from remnant.records.control import ControlPoint
from remnant.records.deciding import call_subject, decision_text
from remnant.records.dossier import Dossier
from remnant.records.judgement import WorklistRow
from remnant.records.measurement import CurveFit, Measurement
from remnant.records.run import Run
from remnant.study.decisions import decisions
from remnant.study.derived import derived_records
from remnant.study.facts import facts
from remnant.study.handle import Study

__all__ = ["study_worklist"]


def study_worklist(study: Study, held: Sequence[Dossier], on: dt.date) -> tuple[WorklistRow, ...]:
    """Everybody and everything that needs something.

    Parameters
    ----------
    study : Study
        The study, computed.
    held : sequence of Dossier
        Its patients.
    on : datetime.date
        Day it is made for.

    Returns
    -------
    tuple of WorklistRow
        Most urgent first.
    """
    said = {one.patient.patient_id: _decided(one) for one in held}
    rows = worklist(
        (one.course for one in held if one.course),
        on,
        disagreements=(found for one in held for found in one.disagreements),
        tracks=(track for one in held for track in one.clone_tracks),
        laboratory=laboratory_rows(
            fits=derived_records(study, CurveFit),
            controls=derived_records(study, ControlPoint),
            measurements=derived_records(study, Measurement),
            runs=facts(study, Run),
            decisions=decisions(study),
        ),
        following=next_samples(held, on),
    )
    return tuple(replace(row, decided=said.get(row.patient_id, ())) for row in rows)


def _decided(dossier: Dossier) -> tuple[str, ...]:
    """Decisions on the patient and on verdicts, oldest first."""
    calls = {call_subject(call): call for call in dossier.calls}
    return tuple(
        decision_text(decision, calls.get(decision.on))
        for decision in sorted(dossier.decisions, key=lambda one: one.at)
        if decision.on in calls or decision.on == f"patient {dossier.patient.patient_id}"
    )
